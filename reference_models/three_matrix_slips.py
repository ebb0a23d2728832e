"""The usual slips in the gradient of `reference_models.three_matrix`, each written out in full.

The biases are vectors. In each function the cost is right and one thing in the gradient is wrong
(in `ignored_argument` the gradient is right, at another point). `reference_models.slips` says what
each does to it. The attributes `theta`, `n`, `k` and `x` are a small problem.
"""

import numpy as np
from numpy.typing import NDArray

from reference_models.three_matrix import (
    block_shapes,
    flatten,
    g,
    initialize,
    make_problem,
    mean_squared_error,
)

_, theta, (n, k, x) = make_problem()


def wrong_sign(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Take data minus output for output minus data."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (x - xhat) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def doubled(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Derive a cost without the half that this one has."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = 2 * (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def sum_for_mean(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Forget that the cost is a mean over the examples."""
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = xhat - x
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def missing_slope(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Forget the derivative of the sigmoid in the output layer."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def missing_transpose(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Forget to transpose w3, which is square, so that the shapes agree."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def transposed_product(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Multiply in the wrong order, so that the derivative of w3 comes out transposed."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(dSdxhat.T, h2)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def packing_order(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Pack the weights before the biases."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdw2.ravel(), dSdw3.ravel(), dSdb1, dSdb2, dSdb3])
    return mean_squared_error(x, xhat), grad


def forgotten_block(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Leave b1 at zero."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = np.zeros(k)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def ignored_argument(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Draw the parameters anew where they should have been taken from theta."""
    m = x.shape[0]
    theta = flatten(initialize(block_shapes(n, k)))
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1, w2, w3 = w1.reshape(n, k), w2.reshape(k, n), w3.reshape(n, n)
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad
