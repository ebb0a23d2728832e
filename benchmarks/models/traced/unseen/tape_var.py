"""Heteroscedastic regression net (tanh, softplus noise) on a 60-line operator-overloading tape."""
import numpy as np

STYLE = "operator-overloading tape, closures as pullbacks"


def fit(g, like):
    """sum a gradient back down to the shape that was broadcast"""
    while g.ndim > like.ndim:
        g = g.sum(axis=0)
    for ax, n in enumerate(like.shape):
        if n == 1 and g.shape[ax] != 1:
            g = g.sum(axis=ax, keepdims=True)
    return g


class Var:
    __slots__ = ("v", "g", "ins", "pull")

    def __init__(self, v, ins=()):
        self.v = np.asarray(v, dtype=float)
        self.g = np.zeros_like(self.v)
        self.ins = ins
        self.pull = lambda g: None

    def __add__(a, b):
        b = b if isinstance(b, Var) else Var(b)
        out = Var(a.v + b.v, (a, b))

        def pull(g):
            a.g += fit(g, a.v)
            b.g += fit(g, b.v)
        out.pull = pull
        return out

    def __mul__(a, b):
        b = b if isinstance(b, Var) else Var(b)
        out = Var(a.v * b.v, (a, b))

        def pull(g):
            a.g += fit(g * b.v, a.v)
            b.g += fit(g * a.v, b.v)
        out.pull = pull
        return out

    def __truediv__(a, b):
        out = Var(a.v / b.v, (a, b))

        def pull(g):
            a.g += fit(g / b.v, a.v)
            b.g += fit(-g * a.v / b.v ** 2, b.v)
        out.pull = pull
        return out

    def __matmul__(a, b):
        out = Var(a.v @ b.v, (a, b))

        def pull(g):
            a.g += g @ b.v.T
            b.g += a.v.T @ g
        out.pull = pull
        return out

    def _unary(self, v, pull):
        out = Var(v, (self,))
        out.pull = pull
        return out

    def tanh(self):
        t = np.tanh(self.v)

        def pull(g):
            self.g += g * (1 - t ** 2)
        return self._unary(t, pull)

    def softplus(self):
        def pull(g):
            self.g += g / (1 + np.exp(-self.v))
        return self._unary(np.logaddexp(0, self.v), pull)

    def log(self):
        def pull(g):
            self.g += g / self.v
        return self._unary(np.log(self.v), pull)

    def mean(self):
        def pull(g):
            self.g += g / self.v.size
        return self._unary(self.v.mean(), pull)

    def backward(self):
        order, seen = [], set()

        def visit(n):
            if id(n) not in seen:
                seen.add(id(n))
                for m in n.ins:
                    visit(m)
                order.append(n)
        visit(self)
        self.g = np.ones_like(self.v)
        for n in reversed(order):
            n.pull(n.g)


def make_problem(n_in=3, n_hid=5, batch=7):
    rng = np.random.default_rng(11)
    X, y = rng.standard_normal((batch, n_in)), rng.standard_normal((batch, 1))
    shapes = [(n_in, n_hid), (1, n_hid), (n_hid, 1), (1,), (n_hid, 1), (1,)]
    cuts = np.cumsum([int(np.prod(s)) for s in shapes])

    def fun(theta):
        leaves = [Var(p.reshape(s)) for p, s in zip(np.split(theta, cuts[:-1]), shapes)]
        W, b, w_mu, b_mu, w_s, b_s = leaves
        h = (Var(X) @ W + b).tanh()
        var = (h @ w_s + b_s).softplus() + 0.1
        r = h @ w_mu + b_mu + Var(-y)
        loss = (r * r / var + var.log()).mean() * 0.5
        loss.backward()
        return float(loss.v), np.concatenate([p.g.ravel() for p in leaves])

    return fun, 0.6 * rng.standard_normal(cuts[-1])
