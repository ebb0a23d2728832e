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


def line_of(text: str) -> int:
    """Return the number of the first line of this file that has a text."""
    with open(__file__, encoding="utf-8") as file:
        return next(i for i, line in enumerate(file, 1) if text in line)
