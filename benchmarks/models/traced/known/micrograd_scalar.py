"""Scalar-valued autodiff in the manner of micrograd, and a tiny net on top of it."""

import math

import numpy as np

STYLE = "micrograd scalar tape"


class Value:
    """stores a single scalar value and its gradient"""

    def __init__(self, data, _children=()):
        self.data = data
        self.grad = 0.0
        self._backward = lambda: None
        self._prev = _children

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, k):
        out = Value(self.data**k, (self,))

        def _backward():
            self.grad += k * self.data ** (k - 1) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, (self,))

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def exp(self):
        out = Value(math.exp(self.data), (self,))

        def _backward():
            self.grad += out.data * out.grad

        out._backward = _backward
        return out

    def log(self):
        out = Value(math.log(self.data), (self,))

        def _backward():
            self.grad += 1.0 / self.data * out.grad

        out._backward = _backward
        return out

    def backward(self):
        topo, visited = [], set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build(child)
                topo.append(v)

        build(self)
        self.grad = 1.0
        for v in reversed(topo):
            v._backward()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other)


def net_loss(theta, inputs, labels, hidden):
    w = [Value(float(t)) for t in theta]
    n_in = len(inputs[0])
    total = Value(0.0)
    for row, label in zip(inputs, labels):
        take = iter(w)
        hs = []
        for _ in range(hidden):
            act = next(take)
            for xi in row:
                act = act + next(take) * float(xi)
            hs.append(act.tanh())
        out = next(take)
        for h in hs:
            out = out + next(take) * h
        # logistic loss with labels +-1, and a small penalty on confidence
        total = total + ((out * -float(label)).exp() + 1.0).log() + 0.05 * out**2
    total = total * (1.0 / len(labels))
    total.backward()
    return total.data, np.array([v.grad for v in w])


def make_problem(points=3, inputs=2, hidden=4):
    points, inputs = min(points, 5), min(inputs, 4)
    rng = np.random.default_rng([points, inputs, hidden])
    X = rng.standard_normal((points, inputs))
    y = np.where(np.arange(points) % 2, 1, -1)
    theta = 0.8 * rng.standard_normal(hidden * (inputs + 1) + hidden + 1)
    return net_loss, theta, (X, y, hidden)
