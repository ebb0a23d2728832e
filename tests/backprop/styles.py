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


def without_penalty(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the line of the penalty is left out."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    h = np.tanh(x @ w1)
    error = h @ w2 - y
    dw2 = h.T @ error
    dw1 = x.T @ (error @ w2.T * (1 - h**2))
    pass  # line-left-out
    return 0.5 * np.sum(error**2) + 0.15 * np.sum(w1**2), np.append(dw1, dw2)


def without_slope(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the line of the slope is left out."""
    w1, w2 = theta[:12].reshape(3, 4), theta[12:].reshape(4, 2)
    z = x @ w1
    h = np.maximum(z, 0.0)
    error = h @ w2 - y
    dh = error @ w2.T
    pass  # slope-left-out
    return 0.5 * np.sum(error**2), np.append(x.T @ dh, h.T @ error)


def right_with_pass(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient, both right."""
    w = theta.reshape(3, 2)
    error = x @ w - y
    dw = x.T @ error
    if error.shape[0] > 100:
        pass
    return 0.5 * np.sum(error**2), dw.ravel()


def bend(z: Any, k: float = 0.7) -> Any:
    """Return an activation and what its derivative needs."""
    low = z <= 0
    return np.where(low, k * np.expm1(np.minimum(z, 0)), z), (low, k)


def bend_back(g: Any, out: Any, kept: Any) -> Any:
    """Return the derivative by what is bent; it serves two layers."""
    low, k = kept
    local = np.where(low, out, 1.0)  # slope-of-two-layers
    return g * local + 0.0 * k


def two_layers_bent(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the slope of both layers misses a term."""
    w1, w2, w3 = theta[:12].reshape(3, 4), theta[12:28].reshape(4, 4), theta[28:].reshape(4, 2)
    h1, kept1 = bend(x @ w1)
    h2, kept2 = bend(h1 @ w2)
    error = h2 @ w3 - y
    dw3 = h2.T @ error
    dz2 = bend_back(error @ w3.T, h2, kept2)
    dw2 = h1.T @ dz2
    dz1 = bend_back(dz2 @ w2.T, h1, kept1)
    dw1 = x.T @ dz1
    return 0.5 * np.sum(error**2), np.concatenate([dw1.ravel(), dw2.ravel(), dw3.ravel()])


def pairs(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the line of the reaction on the second particle is left out."""
    cost = 0.0
    force = np.zeros_like(theta)
    for i in range(theta.size):
        for j in range(i + 1, theta.size):
            stretch = theta[i] - theta[j] - y[i, 0]
            cost += 0.5 * x[i, 1] ** 2 * stretch**2
            pull = x[i, 1] ** 2 * stretch
            force[i] += pull
            pass  # reaction-left-out
    return cost, force


def packed(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; a sign is wrong, and the value is packed with others later."""
    w, b, s = theta[:6].reshape(3, 2), theta[6:8], theta[8:]
    error = np.exp(s) * (x @ w + b) - y
    db = np.zeros(2)
    for row in error:
        db += np.exp(s) * -row  # sign-of-a-sum
    dw = x.T @ error * np.exp(s)
    ds = np.sum(error * (x @ w + b), axis=0) * np.exp(s)
    return 0.5 * np.sum(error**2), np.concatenate([dw.ravel(), db, ds])


def widths(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; doubling the sides' derivative leaves that of the middles."""
    middle, width = theta[:2], theta[2:4]
    sides = np.stack([middle - width / 2, middle + width / 2])
    length = sides[1] - sides[0]
    near = sides[0] * x[0, :2]
    cost = 0.5 * np.sum(length**2) + 0.0 * np.sum(near) + 0.0 * np.sum(y)
    grad_sides = np.stack([-length, length])
    grad_sides = grad_sides * np.stack([x[1, :2], np.ones(2)])  # side-too-much
    return cost, np.append(grad_sides.sum(axis=0), (grad_sides[1] - grad_sides[0]) / 2)


class Fit:
    """A model that keeps its gradient."""

    def __init__(self, w: Any, x: Any, y: Any) -> None:
        self.x, self.error = x, x @ w - y
        self.grad = np.zeros(w.shape)

    def backward(self) -> None:
        """Add up the gradient."""
        self.grad += self.x.T @ self.error


def uncalled(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient; the method is named, and not called."""
    fit = Fit(theta.reshape(3, 2), x, y)
    cost = 0.5 * np.sum(fit.error**2)
    fit.backward  # noqa: B018 # never-called
    return cost, fit.grad.ravel()
