"""A home-made reverse-mode engine over numpy arrays: primitives register their vjps, one global-free tape."""

import numpy as np

STYLE = "array tape autodiff, vjp lambdas"


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


class Tape:
    def __init__(self):
        self.nodes = []

    def var(self, value):
        return self._push(value, [])

    def _push(self, value, edges):
        self.nodes.append((value, edges))
        return len(self.nodes) - 1

    def val(self, i):
        return self.nodes[i][0]

    def add(self, a, b):
        x, y = self.val(a), self.val(b)
        return self._push(x + y, [(a, lambda g: unbroadcast(g, x.shape)), (b, lambda g: unbroadcast(g, y.shape))])

    def mul(self, a, b):
        x, y = self.val(a), self.val(b)
        return self._push(
            x * y, [(a, lambda g: unbroadcast(g * y, x.shape)), (b, lambda g: unbroadcast(g * x, y.shape))]
        )

    def matmul(self, a, b):
        x, y = self.val(a), self.val(b)
        return self._push(x @ y, [(a, lambda g: g @ y.T), (b, lambda g: x.T @ g)])

    def sin(self, a):
        x = self.val(a)
        return self._push(np.sin(x), [(a, lambda g: g * np.cos(x))])

    def logistic(self, a):
        s = 1.0 / (1.0 + np.exp(-self.val(a)))
        return self._push(s, [(a, lambda g: g * s * (1.0 - s))])

    def square(self, a):
        x = self.val(a)
        return self._push(x * x, [(a, lambda g: 2.0 * g * x)])

    def mean(self, a):
        x = self.val(a)
        return self._push(np.array(x.mean()), [(a, lambda g: np.full(x.shape, g / x.size))])

    def gradients(self, end):
        adj = [None] * len(self.nodes)
        adj[end] = np.ones(())
        for i in range(end, -1, -1):
            if adj[i] is None:
                continue
            for parent, vjp in self.nodes[i][1]:
                part = vjp(adj[i])
                adj[parent] = part if adj[parent] is None else adj[parent] + part
        return adj


def siren(weights, coords, pixels):
    """A small SIREN: sin layers with a logistic gate."""
    t = Tape()
    ids = [t.var(w) for w in weights]
    W1, b1, W2, b2, Wg = ids
    X = t.var(coords)
    Y = t.var(-pixels)
    h = t.sin(t.add(t.matmul(X, W1), b1))
    gate = t.logistic(t.matmul(X, Wg))
    h = t.add(t.mul(h, gate), h)
    out = t.add(t.matmul(h, W2), b2)
    end = t.mean(t.square(t.add(out, Y)))
    adj = t.gradients(end)
    return float(t.val(end)), [adj[i] for i in ids]


def make_problem(points=5, coords=2, hidden=4, channels=3):
    rng = np.random.default_rng([points, coords, hidden, channels])
    N = rng.standard_normal
    weights = [N((coords, hidden)), N((1, hidden)), N((hidden, channels)), N(channels), N((coords, 1))]
    return siren, weights, (N((points, coords)), N((points, channels)))
