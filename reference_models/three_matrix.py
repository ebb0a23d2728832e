"""The autoencoder of question 2, right, with its biases in the three forms discussed there.

xhat = g(g(x w1 + b1) w2 + b2) w3 + b3 for m examples in the rows of x, n features, k hidden units:

- vector biases, added to every row, as the answer advised: `cost_and_grad`;
- matrix biases, one row for every example, as asked: `cost_and_grad_matrix_biases`;
- a column of ones in place of biases, as the asker ended up: `cost_and_grad_ones_column`.

Each takes a flat theta; with `_dict` in its name, a dict of arrays, and then it returns a dict of
gradients. Each has a factory, `make_problem...`, whose defaults are small and distinct sizes. The
attributes `theta`, `n`, `k`, `x` of this module belong to `cost_and_grad`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Parameters = dict[str, NDArray[np.float64]]
Objective = Callable[..., tuple[float, NDArray[np.float64]]]
DictObjective = Callable[..., tuple[float, Parameters]]
Arguments = tuple[int, int, NDArray[np.float64]]
Shapes = dict[str, tuple[int, ...]]


def g(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-z)), written so that no z overflows and a complex z is right."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def mean_squared_error(x: NDArray[np.float64], xhat: NDArray[np.float64]) -> float:
    """Return half the squared distance between the data and the output, a mean over rows."""
    m = x.shape[0]
    return (1.0 / (2 * m)) * np.trace(np.dot(x - xhat, (x - xhat).T))


# Vector biases


def cost_and_grad_dict(params: Parameters, x: NDArray[np.float64]) -> tuple[float, Parameters]:
    """Return the cost and its gradients, vector biases in a dict w1, b1, w2, b2, w3, b3.

    Parameters
    ----------
    params : dict of ndarrays of float64, shapes (n, k), (k,), (k, n), (n,), (n, n), (n,)
    x : ndarray of float64, shape (m, n)

    Returns
    -------
    cost : float
    grads : dict of ndarrays of float64, the names and shapes of params
    """
    w1, b1 = params["w1"], params["b1"]
    w2, b2 = params["w2"], params["b2"]
    w3, b3 = params["w3"], params["b3"]
    m = x.shape[0]
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
    grads = {"w1": dSdw1, "b1": dSdb1, "w2": dSdw2, "b2": dSdb2, "w3": dSdw3, "b3": dSdb3}
    return mean_squared_error(x, xhat), grads


def cost_and_grad(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and its gradient, vector biases in a flat theta.

    Parameters
    ----------
    theta : ndarray of float64, shape (2 * n * k + n * n + k + 2 * n,)
        w1, b1, w2, b2, w3, b3, one after the other.
    n, k : int
        Features and hidden units.
    x : ndarray of float64, shape (m, n)

    Returns
    -------
    cost : float
    grad : ndarray of float64, the shape of theta
    """
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


# Matrix biases


def cost_and_grad_matrix_biases_dict(
    params: Parameters, x: NDArray[np.float64]
) -> tuple[float, Parameters]:
    """Return the cost and its gradients, matrix biases in a dict w1, b1, w2, b2, w3, b3.

    The shapes are (n, k), (m, k), (k, n), (m, n), (n, n), (m, n).
    """
    w1, b1 = params["w1"], params["b1"]
    w2, b2 = params["w2"], params["b2"]
    w3, b3 = params["w3"], params["b3"]
    m = x.shape[0]
    h1 = g(np.dot(x, w1) + b1)
    h2 = g(np.dot(h1, w2) + b2)
    xhat = np.dot(h2, w3) + b3

    dSdb3 = (xhat - x) / m
    dSdw3 = np.dot(h2.T, dSdb3)
    dSdb2 = h2 * (1 - h2) * np.dot(dSdb3, w3.T)
    dSdw2 = np.dot(h1.T, dSdb2)
    dSdb1 = h1 * (1 - h1) * np.dot(dSdb2, w2.T)
    dSdw1 = np.dot(x.T, dSdb1)
    grads = {"w1": dSdw1, "b1": dSdb1, "w2": dSdw2, "b2": dSdb2, "w3": dSdw3, "b3": dSdb3}
    return mean_squared_error(x, xhat), grads


def cost_and_grad_matrix_biases(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and its gradient, matrix biases in a flat theta w1, b1, w2, b2, w3, b3."""
    m = x.shape[0]
    w1, b1, w2, b2, w3, b3 = np.split(theta, np.cumsum([n * k, m * k, k * n, m * n, n * n]))
    w1, b1 = w1.reshape(n, k), b1.reshape(m, k)
    w2, b2 = w2.reshape(k, n), b2.reshape(m, n)
    w3, b3 = w3.reshape(n, n), b3.reshape(m, n)
    params = {"w1": w1, "b1": b1, "w2": w2, "b2": b2, "w3": w3, "b3": b3}
    cost, grads = cost_and_grad_matrix_biases_dict(params, x)
    return cost, flatten(grads)


# A column of ones


def with_ones(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix with a last column of ones."""
    return np.column_stack((a, np.ones(a.shape[0])))


def cost_and_grad_ones_column_dict(
    params: Parameters, x: NDArray[np.float64]
) -> tuple[float, Parameters]:
    """Return the cost and its gradients, a column of ones in the data, a dict w1, w2, w3.

    The shapes are (n + 1, k), (k + 1, n), (n + 1, n); the last rows act as biases.
    """
    w1, w2, w3 = params["w1"], params["w2"], params["w3"]
    m = x.shape[0]
    h1 = g(np.dot(with_ones(x), w1))
    h2 = g(np.dot(with_ones(h1), w2))
    xhat = np.dot(with_ones(h2), w3)

    dSdxhat = (xhat - x) / m
    dSdw3 = np.dot(with_ones(h2).T, dSdxhat)
    dSdh2 = np.dot(dSdxhat, w3[:-1].T)
    dSdz2 = h2 * (1 - h2) * dSdh2
    dSdw2 = np.dot(with_ones(h1).T, dSdz2)
    dSdh1 = np.dot(dSdz2, w2[:-1].T)
    dSdz1 = h1 * (1 - h1) * dSdh1
    dSdw1 = np.dot(with_ones(x).T, dSdz1)
    return mean_squared_error(x, xhat), {"w1": dSdw1, "w2": dSdw2, "w3": dSdw3}


def cost_and_grad_ones_column(
    theta: NDArray[np.float64], n: int, k: int, x: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost and its gradient, a column of ones in the data, a flat theta w1, w2, w3."""
    w1, w2, w3 = np.split(theta, np.cumsum([(n + 1) * k, (k + 1) * n]))
    w1 = w1.reshape(n + 1, k)
    w2 = w2.reshape(k + 1, n)
    w3 = w3.reshape(n + 1, n)
    cost, grads = cost_and_grad_ones_column_dict({"w1": w1, "w2": w2, "w3": w3}, x)
    return cost, flatten(grads)


# Problems of any size


def flatten(arrays: Parameters) -> NDArray[np.float64]:
    """Return the arrays one after the other."""
    return np.concatenate([array.ravel() for array in arrays.values()])


def block_shapes(n: int, k: int) -> Shapes:
    """Return the parameters with their shapes in packing order, vector biases."""
    return {"w1": (n, k), "b1": (k,), "w2": (k, n), "b2": (n,), "w3": (n, n), "b3": (n,)}


def block_shapes_matrix_biases(n: int, k: int, m: int) -> Shapes:
    """Return the parameters with their shapes in packing order, matrix biases."""
    return {"w1": (n, k), "b1": (m, k), "w2": (k, n), "b2": (m, n), "w3": (n, n), "b3": (m, n)}


def block_shapes_ones_column(n: int, k: int) -> Shapes:
    """Return the parameters with their shapes in packing order, a column of ones."""
    return {"w1": (n + 1, k), "w2": (k + 1, n), "w3": (n + 1, n)}


def initialize(shapes: Shapes, *, seed: int = 0) -> Parameters:
    """Return normal random parameters of the given shapes.

    Normal, and not uniform as in the question: its last comments ask for as many negative weights
    as positive ones.
    """
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def examples(n: int, m: int) -> NDArray[np.float64]:
    """Return m random examples of n features, uniform between 0 and 1."""
    return np.random.default_rng(1).random((m, n))


def make_problem(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[Objective, NDArray[np.float64], Arguments]:
    """Return the cost, a start and the other arguments: vector biases, flat."""
    return cost_and_grad, flatten(initialize(block_shapes(n, k))), (n, k, examples(n, m))


def make_problem_matrix_biases(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[Objective, NDArray[np.float64], Arguments]:
    """Return the cost, a start and the other arguments: matrix biases, flat."""
    start = flatten(initialize(block_shapes_matrix_biases(n, k, m)))
    return cost_and_grad_matrix_biases, start, (n, k, examples(n, m))


def make_problem_ones_column(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[Objective, NDArray[np.float64], Arguments]:
    """Return the cost, a start and the other arguments: a column of ones, flat."""
    start = flatten(initialize(block_shapes_ones_column(n, k)))
    return cost_and_grad_ones_column, start, (n, k, examples(n, m))


def make_problem_dict(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[DictObjective, Parameters, tuple[NDArray[np.float64]]]:
    """Return the cost, a start and the other arguments: vector biases, in a dict."""
    return cost_and_grad_dict, initialize(block_shapes(n, k)), (examples(n, m),)


def make_problem_matrix_biases_dict(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[DictObjective, Parameters, tuple[NDArray[np.float64]]]:
    """Return the cost, a start and the other arguments: matrix biases, in a dict."""
    start = initialize(block_shapes_matrix_biases(n, k, m))
    return cost_and_grad_matrix_biases_dict, start, (examples(n, m),)


def make_problem_ones_column_dict(
    n: int = 4, k: int = 3, m: int = 5
) -> tuple[DictObjective, Parameters, tuple[NDArray[np.float64]]]:
    """Return the cost, a start and the other arguments: a column of ones, in a dict."""
    start = initialize(block_shapes_ones_column(n, k))
    return cost_and_grad_ones_column_dict, start, (examples(n, m),)


_, theta, (n, k, x) = make_problem()
