"""Small models with one wrong line each, in the styles that people write."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

DATA = np.random.default_rng(3).standard_normal((5, 3))
TARGET = np.random.default_rng(4).standard_normal((5, 2))
START = np.random.default_rng(5).standard_normal(3 * 4 + 4 * 2)


def dense(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the slope of tanh is missing."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h = np.tanh(x @ w1)
    out = h @ w2
    error = (out - y) / len(x)
    dw2 = h.T @ error
    dh = error @ w2.T
    dz = dh
    dw1 = x.T @ dz
    return 0.5 * np.sum((out - y) ** 2) / len(x), np.concatenate([dw1.ravel(), dw2.ravel()])


def dense_right(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and the right gradient."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h = np.tanh(x @ w1)
    out = h @ w2
    error = (out - y) / len(x)
    dw2 = h.T @ error
    dw1 = x.T @ (error @ w2.T * (1 - h**2))
    return 0.5 * np.sum((out - y) ** 2) / len(x), np.concatenate([dw1.ravel(), dw2.ravel()])


def slope(h: Any) -> Any:
    """Return what should be the slope of tanh."""
    return 1 - h


def with_helper(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the helper is wrong."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h = np.tanh(x @ w1)
    out = h @ w2
    error = (out - y) / len(x)
    dw1 = x.T @ (error @ w2.T * slope(h))
    return 0.5 * np.sum((out - y) ** 2) / len(x), np.append(dw1, h.T @ error)


class Layered:
    """A model whose passes are methods; the penalty's derivative lacks its two."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, theta: Any, x: Any, y: Any) -> Any:
        """Return cost and gradient."""
        cost = self.forward(theta, x, y)
        return cost, self.backward()

    def forward(self, theta: Any, x: Any, y: Any) -> float:
        """Return the cost and keep what the backward pass needs."""
        self.x, self.w = x, theta.reshape(3, 2)
        self.error = x @ self.w - y
        return float(np.sum(self.error**2) + self.strength * np.sum(self.w**2))

    def backward(self) -> Any:
        """Return the gradient."""
        dw = 2 * self.x.T @ self.error
        dw += self.strength * self.w
        return dw.ravel()


def recurrent(theta: Any, x: Any) -> Any:
    """Return cost and gradient through time; the carried derivative is dropped."""
    w = theta.reshape(3, 3)
    hs = [np.zeros(3)]
    for t in range(len(x)):
        hs.append(np.tanh(w @ hs[-1] + x[t]))
    dw = np.zeros_like(w)
    carried = np.zeros(3)
    for t in reversed(range(len(x))):
        dh = 2 * hs[t + 1]
        dz = dh * (1 - hs[t + 1] ** 2)
        dw += np.outer(dz, hs[t])
        carried = w.T @ dz
    del carried
    return sum(float(h @ h) for h in hs), dw.ravel()


def in_dict(params: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient for a dict of arrays; the bias is averaged."""
    error = x @ params["W"] + params["b"] - y
    grads = {}
    grads["W"] = x.T @ error
    grads["b"] = error.mean(axis=0)
    return 0.5 * float(np.sum(error**2)), grads


def cost_alone(theta: Any, x: Any) -> float:
    """Return the cost of a fit of cosines."""
    return float(np.sum(np.sin(x @ theta)))


def gradient_alone(theta: Any, x: Any) -> Any:
    """Return its gradient, with the sign of the slope wrong."""
    z = x @ theta
    slopes = -np.cos(z)
    return x.T @ slopes


def bowl(theta: Any) -> float:
    """Return half the squared length."""
    return 0.5 * float(theta @ theta)


def two_mistakes(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; both bias derivatives are averaged."""
    w1, b1 = theta[:12].reshape(3, 4), theta[12:16]
    w2, b2 = theta[16:24].reshape(4, 2), theta[24:]
    h = np.tanh(x @ w1 + b1)
    error = h @ w2 + b2 - y
    dw2 = h.T @ error
    db2 = error.mean(axis=0)
    dz = (error @ w2.T) * (1 - h**2)
    dw1 = x.T @ dz
    db1 = dz.mean(axis=0)
    return 0.5 * np.sum(error**2), np.concatenate([dw1.ravel(), db1, dw2.ravel(), db2])


def by_example(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient, example by example; a two is missing."""

    def parts() -> Any:
        for row, target in zip(x, y, strict=True):
            e = row @ theta - target
            yield e * e, e * row

    costs, gradients = zip(*parts(), strict=True)
    return float(sum(costs)), sum(gradients)


wrong_lambda = functools.partial(
    lambda theta, x: (float(np.sum((x @ theta) ** 2)), x.T @ (x @ theta)), x=DATA
)


# -- models for what is needed where, and for formulas -----------------------------------------


def cubed(theta: Any, x: Any) -> Any:
    """Return cost and gradient; the cube is taken of a value that is twice too large."""
    e = x @ theta
    s = 2 * e
    return 0.25 * float(np.sum(e**4)), x.T @ s**3


def recurrence(theta: Any, x: Any) -> Any:
    """Return cost and gradient of a recurrent net; the slope of tanh is missing."""
    w, u = theta[:4].reshape(2, 2), theta[4:].reshape(2, 3)
    hs = [np.ones(2)]
    for t in range(len(x)):
        hs.append(np.tanh(w @ hs[t] + u @ x[t]))
    dw, du, carried = np.zeros_like(w), np.zeros_like(u), np.zeros(2)
    for t in reversed(range(len(x))):
        dh = 2 * hs[t + 1] + carried
        dz = dh
        dw += np.outer(dz, hs[t])
        du += np.outer(dz, x[t])
        carried = w.T @ dz
    return sum(float(h @ h) for h in hs), np.append(dw.ravel(), du.ravel())


def sequences(theta: Any, x: Any) -> Any:
    """Return cost and gradient of a net over sequences of two lengths; the slope is missing."""
    w, u = theta[:4].reshape(2, 2), theta[4:].reshape(2, 3)
    parts, states = (x[:3], x[3:]), []
    for part in parts:
        hs = [np.ones(2)]
        for row in part:
            hs.append(np.tanh(w @ hs[-1] + u @ row))
        states.append(hs)
    dw, du = np.zeros_like(w), np.zeros_like(u)
    for part, hs in zip(parts, states, strict=True):
        carried = np.zeros(2)
        for t in reversed(range(len(part))):
            dz = 2 * hs[t + 1] + carried
            dw += np.outer(dz, hs[t])
            du += np.outer(dz, part[t])
            carried = w.T @ dz
    return sum(float(h @ h) for hs in states for h in hs), np.append(dw.ravel(), du.ravel())


def uncarried(theta: Any, x: Any) -> Any:
    """Return cost and gradient of a recurrent net; what is carried lacks the weights."""
    w, u = theta[:4].reshape(2, 2), theta[4:].reshape(2, 3)
    hs = [np.ones(2)]
    for t in range(len(x)):
        hs.append(np.tanh(w @ hs[t] + u @ x[t]))
    dw, du, carried = np.zeros_like(w), np.zeros_like(u), np.zeros(2)
    for t in reversed(range(len(x))):
        dz = (2 * hs[t + 1] + carried) * (1 - hs[t + 1] ** 2)
        dw += np.outer(dz, hs[t])
        du += np.outer(dz, x[t])
        carried = 0.5 * dz
    return sum(float(h @ h) for h in hs), np.append(dw.ravel(), du.ravel())


def gated(theta: Any, x: Any) -> Any:
    """Return cost and gradient of a gated recurrence; what the gate lets through is dropped."""
    u, w = theta[:6].reshape(2, 3), theta[6:].reshape(2, 3)
    hs, gates, news = [np.full(2, 0.5)], [], []
    for t in range(len(x)):
        gates.append(1 / (1 + np.exp(-(u @ x[t]))))
        news.append(np.tanh(w @ x[t] + 0.3 * hs[t]))
        hs.append(gates[t] * hs[t] + (1 - gates[t]) * news[t])
    du, dw, dh = np.zeros_like(u), np.zeros_like(w), np.zeros(2)
    for t in reversed(range(len(x))):
        dh = dh + 2 * hs[t + 1]
        f, n = gates[t], news[t]
        df = dh * (hs[t] - n)
        dn = dh * (1 - f) * (1 - n**2)
        du += np.outer(df * f * (1 - f), x[t])
        dw += np.outer(dn, x[t])
        dh = 0.3 * dn
    return sum(float(h @ h) for h in hs), np.append(du.ravel(), dw.ravel())


def uncoupled(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the outputs of the softmax are not coupled."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    e = np.exp(x @ w1)
    p = e / e.sum(axis=1, keepdims=True)
    error = p @ w2 - y
    dw2 = p.T @ error
    dp = error @ w2.T
    dz = p * dp
    dw1 = x.T @ dz
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


def normed(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the norm of the layer is held fixed."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    a = x @ w1
    centred = a - a.mean(axis=1, keepdims=True)
    sd = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    n = centred / sd
    error = n @ w2 - y
    dw2 = n.T @ error
    dn = error @ w2.T
    da = (dn - dn.mean(axis=1, keepdims=True)) / sd
    dw1 = x.T @ da
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


def cubic(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the slope of the cubic is missing."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    a = x @ w1
    error = (a + 0.5 * a**3) @ w2 - y
    dw2 = (a + 0.5 * a**3).T @ error
    da = error @ w2.T
    dw1 = x.T @ da
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


def quotient(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the quotient rule lacks the numerator."""
    w1, w2 = theta[:6].reshape(3, 2), theta[6:].reshape(3, 2)
    u = x @ w1
    v = 2 + (x @ w2) ** 2
    error = u / v - y
    du = error / v
    dv = -error / v**2
    dw1 = x.T @ du
    dw2 = x.T @ (dv * 2 * (x @ w2))
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


def in_series(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; a slope is missing, and the bias is averaged."""
    w1, b1, w2 = theta[:12].reshape(3, 4), theta[12:16], theta[16:].reshape(4, 2)
    h = np.tanh(x @ w1 + b1)
    error = h @ w2 - y
    dw2 = h.T @ error
    dh = error @ w2.T
    dz = dh
    dw1 = x.T @ dz
    db1 = dz.mean(axis=0)
    return 0.5 * float(np.sum(error**2)), np.concatenate([dw1.ravel(), db1, dw2.ravel()])


def clip_(z: Any) -> Any:
    """Return what is positive; what it is given is changed."""
    z[z < 0] = 0.0
    return z


OFFSET = np.random.default_rng(8).standard_normal((5, 4))


def clipped(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; a slope is missing, and a function changes what it is given."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    a = x @ w1 + OFFSET
    h = clip_(a.copy()) ** 2
    error = h @ w2 - y
    dw2 = h.T @ error
    dh = error @ w2.T
    dz = dh * (a > 0)
    dw1 = x.T @ dz
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


class Knot:
    """An object that holds itself, at some depth."""

    def __init__(self) -> None:
        self.parts: Any = [{"self": self}]


KNOT = Knot()
NAMES = {"of": {"knots": [KNOT]}}


def named(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient among texts and knots; the slope of tanh is missing."""
    labels, mixed = np.array(["a", "b"]), np.array([None, "b"], dtype=object)
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h = np.tanh(x @ w1)
    error = h @ w2 - y
    dw2 = h.T @ error
    dz = error @ w2.T
    dw1 = x.T @ dz
    del labels, mixed
    return 0.5 * float(np.sum(error**2)), np.append(dw1.ravel(), dw2.ravel())


class Drawing:
    """A model with a generator that its passes do not use; the slope of tanh is missing."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, theta: Any, x: Any, y: Any) -> Any:
        """Return cost and gradient."""
        w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
        h = np.tanh(x @ w1)
        error = h @ w2 - y
        dz = error @ w2.T
        return 0.5 * float(np.sum(error**2)), np.append(x.T @ dz, h.T @ error)

    def sample(self) -> Any:
        """Return something random."""
        return self.rng.normal(size=(5, 4))


class Adding:
    """A model that adds up its gradient and then begins anew; the slope of tanh is missing."""

    def __init__(self) -> None:
        self.dw1, self.dw2 = np.zeros((3, 4)), np.zeros((4, 2))

    def __call__(self, theta: Any, x: Any, y: Any) -> Any:
        """Return cost and gradient."""
        w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
        h = np.tanh(x @ w1)
        error = h @ w2 - y
        self.dw2 += h.T @ error
        dz = error @ w2.T
        self.dw1 += x.T @ dz
        gradient = np.append(self.dw1.ravel(), self.dw2.ravel())
        self.dw1, self.dw2 = np.zeros((3, 4)), np.zeros((4, 2))
        return 0.5 * float(np.sum(error**2)), gradient


def line_of(text: str) -> int:
    """Return the number of the first line of this file that has a text."""
    with open(__file__, encoding="utf-8") as file:
        return next(i for i, line in enumerate(file, 1) if text in line)
