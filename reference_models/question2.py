"""The first answers to question 2, wrong, at the sizes of the question: m = 5, n = k = 2.

The answer went wrong in two ways, which stand here together and apart:

- the derivative of the sigmoid as a matrix product, so that rows of a batch mix;
- the derivatives of the vector biases as means over the batch, where the cost's 1/m has been
  taken already (in `dSdxhat`) and sums are right.

The right version is `reference_models.three_matrix.cost_and_grad`, with the same arguments.
"""

import numpy as np
from numpy.typing import NDArray

from reference_models.three_matrix import g, mean_squared_error

m = 5  # num of examples
n = 2  # num of features in each example
k = 2  # num of neurons in the hidden layer of the autoencoder
x = np.random.default_rng(0).random((m, n))  # the data
theta = np.random.default_rng(1).random(2 * n * k + n * n + k + 2 * n)  # w1, b1, w2, b2, w3, b3


def gGradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gradient of the sigmoid as the answer first had it: a matrix product."""
    return np.dot(g(x).T, 1 - g(x))


def cost_and_grad_first_answer(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and the first answer's gradient: both mistakes."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1 = w1.reshape(n, k)
    w2 = w2.reshape(k, n)
    w3 = w3.reshape(n, n)

    z1 = np.dot(x, w1) + b1
    h1 = g(z1)
    z2 = np.dot(h1, w2) + b2
    h2 = g(z2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (1 / float(m)) * (xhat - x)
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.mean(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = np.dot(dSdh2, gGradient(z2))
    dSdb2 = dSdz2.mean(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = np.dot(dSdh1, gGradient(z1))
    dSdb1 = dSdz1.mean(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def cost_and_grad_matrix_gradient(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and a gradient with the sigmoid's as a matrix product."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1 = w1.reshape(n, k)
    w2 = w2.reshape(k, n)
    w3 = w3.reshape(n, n)

    z1 = np.dot(x, w1) + b1
    h1 = g(z1)
    z2 = np.dot(h1, w2) + b2
    h2 = g(z2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (1 / float(m)) * (xhat - x)
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.sum(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = np.dot(dSdh2, gGradient(z2))
    dSdb2 = dSdz2.sum(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = np.dot(dSdh1, gGradient(z1))
    dSdb1 = dSdz1.sum(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad


def cost_and_grad_mean_biases(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and a gradient with means for the bias derivatives."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, k, k * n, n, n * n]))
    w1 = w1.reshape(n, k)
    w2 = w2.reshape(k, n)
    w3 = w3.reshape(n, n)

    z1 = np.dot(x, w1) + b1
    h1 = g(z1)
    z2 = np.dot(h1, w2) + b2
    h2 = g(z2)
    xhat = np.dot(h2, w3) + b3

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdxhat)
    dSdb3 = dSdxhat.mean(axis=0)
    dSdh2 = np.dot(dSdxhat, w3.T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdb2 = dSdz2.mean(axis=0)
    dSdw2 = np.dot(h1.T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2.T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdb1 = dSdz1.mean(axis=0)
    dSdw1 = np.dot(x.T, dSdz1)
    grad = np.concatenate([dSdw1.ravel(), dSdb1, dSdw2.ravel(), dSdb2, dSdw3.ravel(), dSdb3])
    return mean_squared_error(x, xhat), grad
