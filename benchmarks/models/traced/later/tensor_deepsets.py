"""A small Tensor class over numpy arrays (closures per op, broadcasting), used for a deep-sets net."""
import numpy as np

STYLE = "Tensor class, _backward closures on arrays"


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for ax, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=ax, keepdims=True)
    return g


class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self._backward = lambda: None

    def __add__(self, other):
        out = Tensor(self.data + other.data, (self, other))

        def _backward():
            self.grad += unbroadcast(out.grad, self.data.shape)
            other.grad += unbroadcast(out.grad, other.data.shape)
        out._backward = _backward
        return out

    def __mul__(self, other):
        out = Tensor(self.data * other.data, (self, other))

        def _backward():
            self.grad += unbroadcast(out.grad * other.data, self.data.shape)
            other.grad += unbroadcast(out.grad * self.data, other.data.shape)
        out._backward = _backward
        return out

    def __matmul__(self, other):
        out = Tensor(self.data @ other.data, (self, other))

        def _backward():
            self.grad += out.grad @ other.data.T
            other.grad += self.data.T @ out.grad
        out._backward = _backward
        return out

    def tanh(self):
        out = Tensor(np.tanh(self.data), (self,))

        def _backward():
            self.grad += out.grad * (1 - out.data ** 2)
        out._backward = _backward
        return out

    def mean(self, axis):
        out = Tensor(self.data.mean(axis=axis, keepdims=True), (self,))

        def _backward():
            self.grad += out.grad * np.ones_like(self.data) / self.data.shape[axis]
        out._backward = _backward
        return out

    def nll(self, label):
        shifted = self.data - self.data.max()
        logp = shifted - np.log(np.exp(shifted).sum())
        out = Tensor(-logp[0, label], (self,))

        def _backward():
            p = np.exp(logp)
            p[0, label] -= 1
            self.grad += out.grad * p
        out._backward = _backward
        return out

    def backward(self):
        topo, seen = [], set()

        def build(v):
            if v not in seen:
                seen.add(v)
                for parent in v.parents:
                    build(parent)
                topo.append(v)
        build(self)
        self.grad = np.ones_like(self.data)
        for v in reversed(topo):
            v._backward()


def make_problem(n_feat=3, n_hidden=5, n_class=4, n_sets=3):
    rng = np.random.default_rng(77)
    sets = [rng.normal(size=(2 + i % 3, n_feat)) for i in range(n_sets)]
    labels = [i % n_class for i in range(n_sets)]
    shapes = [(n_feat, n_hidden), (1, n_hidden), (1, n_hidden), (n_hidden, n_class), (1, n_class)]

    def fun(params):
        W1, b1, gate, W2, b2 = tensors = [Tensor(p) for p in params]
        total = Tensor(0.0)
        for x, label in zip(sets, labels):
            h = (Tensor(x) @ W1 + b1).tanh()
            pooled = (h * gate + h * h).mean(0)
            total = total + (pooled @ W2 + b2).nll(label)
        total.backward()
        return total.data, [t.grad for t in tensors]

    return fun, [0.6 * rng.normal(size=s) for s in shapes]
