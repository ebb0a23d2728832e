"""Backward passes with one mistake each, in styles in which values are easily overlooked."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAK = 0.1


def divided_in_place(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the mean is over rows and columns."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    rows, columns = y.shape
    h = np.tanh(x @ w1)
    error = h @ w2 - y
    cost = 0.5 * np.sum(error**2) / (rows * columns)
    error /= rows  # divided-in-place
    dz = error @ w2.T * (1 - h**2)
    return cost, np.append(x.T @ dz, h.T @ error)


def counted_in_place(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the mean is over the rows, not over what the network makes."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    rows = len(x)
    h = np.tanh(x @ w1)
    error = h @ w2 - y
    cost = 0.5 * np.sum(error**2) / rows
    dz = error @ w2.T * (1 - h**2)
    gradient = np.append(x.T @ dz, h.T @ error)
    gradient /= len(w2)  # counted-in-place
    return cost, gradient


def number_for_array(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the penalty's derivative is a number."""
    w = theta.reshape(3, 2)
    penalty = 0.3
    error = x @ w - y
    dw = x.T @ error
    dw += penalty  # number-for-array
    return 0.5 * np.sum(error**2) + 0.5 * penalty * np.sum(w**2), dw.ravel()


def closures(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the mask is forgotten, and nothing else in `back` reads it."""

    def layer(w: Any, a: Any) -> Any:
        z = a @ w
        gate = 1.0 / (1.0 + np.exp(-z))

        def back(g: Any) -> Any:
            dz = g * (1.0 + w.sum() - w.sum())  # forgotten-in-closure
            return a.T @ dz, dz @ w.T

        return np.logaddexp(0.0, z) + 0.0 * gate, back

    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h, back1 = layer(w1, x)
    out, back2 = layer(w2, h)
    dw2, dh = back2(out - y)
    dw1, _ = back1(dh)
    return 0.5 * np.sum((out - y) ** 2), np.append(dw1, dw2)


def leaky(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the slope is that of a relu without a leak."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    z = x @ w1
    h = np.where(z > 0, z, LEAK * z)
    error = h @ w2 - y
    dz = error @ w2.T * np.where(z > 0, 1.0, 0.0)  # number-in-where
    return 0.5 * np.sum(error**2), np.append(x.T @ dz, h.T @ error)


def masked(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the slope is that of a relu, as a mask."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    z = x @ w1
    h = np.where(z > 0, z, LEAK * z)
    error = h @ w2 - y
    dz = error @ w2.T * (z > 0)  # plain-mask
    return 0.5 * np.sum(error**2), np.append(x.T @ dz, h.T @ error)


def entry_by_entry(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the factor of the logarithm is forgotten in a loop."""
    scales = np.exp(theta)
    cost = 0.0
    gradient = np.zeros_like(theta)
    for j in range(theta.size):
        lack = x[:, j] * scales[j] - y[:, 0]
        cost += 0.5 * float(lack @ lack)
        gradient[j] = lack @ x[:, j]  # forgotten-in-loop
    return cost, gradient
