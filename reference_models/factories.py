"""Factories of problems of any size, whose backward part a benchmark edits.

Each takes sizes and returns ``(fun, x0)``. What follows the comment ``# backward`` computes the
gradient; the benchmark changes one thing in it at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Problem = tuple[Callable[[Vector], tuple[float, Vector]], Vector]


def make_network(n: int, k: int, m: int) -> Problem:
    """Make a network: two layers with tanh and a penalty; sums over examples in the rows."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((m, n)), rng.standard_normal(m)
    lam = 0.1

    def cost(theta: Vector) -> tuple[float, Vector]:
        w1 = theta[: n * k].reshape(n, k)
        b1 = theta[n * k : n * k + k]
        w2 = theta[n * k + k :]
        h = np.tanh(x @ w1 + b1)
        r = h @ w2 - y
        value = 0.5 * r @ r / m + 0.5 * lam * np.sum(w1**2)
        # backward
        d = r / m
        dw2 = h.T @ d
        dz = np.outer(d, w2) * (1 - h**2)
        dw1 = x.T @ dz + lam * w1
        db1 = dz.sum(axis=0)
        return float(value), np.concatenate([dw1.ravel(), db1, dw2])

    return cost, rng.standard_normal(n * k + 2 * k)


def make_softmax(features: int, classes: int, samples: int) -> Problem:
    """Make a multinomial logistic regression, mean over samples."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((samples, features))
    y = np.eye(classes)[rng.integers(0, classes, samples)]

    def cost(theta: Vector) -> tuple[float, Vector]:
        w = theta[: features * classes].reshape(features, classes)
        b = theta[features * classes :]
        z = x @ w + b
        z = z - z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p = p / p.sum(axis=1, keepdims=True)
        value = -np.sum(y * np.log(p)) / samples
        # backward
        d = (p - y) / samples
        dw = x.T @ d
        db = d.sum(axis=0)
        return float(value), np.concatenate([dw.ravel(), db])

    return cost, 0.5 * rng.standard_normal(features * classes + classes)


def make_factorization(users: int, items: int, rank: int) -> Problem:
    """Make a low-rank approximation of a matrix with both factors free."""
    rng = np.random.default_rng(2)
    ratings = rng.standard_normal((users, items))
    lam = 0.3

    def cost(theta: Vector) -> tuple[float, Vector]:
        u = theta[: users * rank].reshape(users, rank)
        v = theta[users * rank :].reshape(items, rank)
        e = u @ v.T - ratings
        value = 0.5 * np.sum(e**2) + 0.5 * lam * (np.sum(u**2) + np.sum(v**2))
        # backward
        du = e @ v + lam * u
        dv = e.T @ u + lam * v
        return float(value), np.concatenate([du.ravel(), dv.ravel()])

    return cost, rng.standard_normal((users + items) * rank)


def make_regression(n: int, m: int) -> Problem:
    """Make a Poisson regression with an offset."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((m, n)), rng.poisson(2.0, m).astype(float)

    def cost(theta: Vector) -> tuple[float, Vector]:
        a, w = theta[0], theta[1:]
        rate = np.exp(a + x @ w)
        value = np.sum(rate - y * np.log(rate))
        # backward
        d = rate - y
        da = d.sum()
        dw = x.T @ d
        return float(value), np.concatenate([[da], dw])

    return cost, 0.3 * rng.standard_normal(n + 1)


def make_recurrence(inputs: int, hidden: int, steps: int) -> Problem:
    """Make a recurrent network over one sequence, unrolled by a loop."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((steps, inputs))
    y = rng.standard_normal((steps, hidden))

    def cost(theta: Vector) -> tuple[float, Vector]:
        a = theta[: inputs * hidden].reshape(inputs, hidden)
        b = theta[inputs * hidden : inputs * hidden + hidden**2].reshape(hidden, hidden)
        c = theta[inputs * hidden + hidden**2 :]
        h = np.zeros((steps + 1, hidden))
        for t in range(steps):
            h[t + 1] = np.tanh(x[t] @ a + h[t] @ b + c)
        value = 0.5 * np.sum((h[1:] - y) ** 2)
        # backward
        da, db, dc = np.zeros_like(a), np.zeros_like(b), np.zeros_like(c)
        carry = np.zeros(hidden)
        for t in range(steps)[::-1]:
            dz = (h[t + 1] - y[t] + carry) * (1 - h[t + 1] ** 2)
            da += np.outer(x[t], dz)
            db += np.outer(h[t], dz)
            dc += dz
            carry = b @ dz
        return float(value), np.concatenate([da.ravel(), db.ravel(), dc])

    return cost, 0.5 * rng.standard_normal(inputs * hidden + hidden**2 + hidden)


def make_autoencoder(visible: int, hidden: int, batch: int) -> Problem:
    """Make the sparse autoencoder, examples in the columns."""
    rng = np.random.default_rng(5)
    data = rng.random((visible, batch))
    rho, beta = 0.2, 0.5

    def cost(theta: Vector) -> tuple[float, Vector]:
        size = visible * hidden
        w1 = theta[:size].reshape(hidden, visible)
        w2 = theta[size : 2 * size].reshape(visible, hidden)
        b1 = theta[2 * size : 2 * size + hidden]
        b2 = theta[2 * size + hidden :]
        a = 1 / (1 + np.exp(-(w1 @ data + b1[:, None])))
        o = w2 @ a + b2[:, None]
        q = a.mean(axis=1)
        value = 0.5 * np.sum((o - data) ** 2) / batch
        value += beta * np.sum(rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q)))
        # backward
        d3 = (o - data) / batch
        s = beta * (-rho / q + (1 - rho) / (1 - q)) / batch
        d2 = (w2.T @ d3 + s[:, None]) * a * (1 - a)
        dw2 = d3 @ a.T
        db2 = d3.sum(axis=1)
        dw1 = d2 @ data.T
        db1 = d2.sum(axis=1)
        return float(value), np.concatenate([dw1.ravel(), dw2.ravel(), db1, db2])

    return cost, rng.standard_normal(2 * visible * hidden + hidden + visible)


FACTORIES = (
    make_network,
    make_softmax,
    make_factorization,
    make_regression,
    make_recurrence,
    make_autoencoder,
)
