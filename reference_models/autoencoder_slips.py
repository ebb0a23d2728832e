"""The usual slips in the gradient of `reference_models.autoencoder`, each written out in full.

In each function the cost is right and one thing in the gradient is wrong (in `ignored_argument`
the gradient is right, at another point). `reference_models.slips` says what each does to it. The
attributes `theta`, `visible_size`, `hidden_size`, `lambda_` and `data` are a small problem.
"""

import numpy as np
from numpy.typing import NDArray

from reference_models.autoencoder import initialize, make_autoencoder, sigmoid

_, theta, (visible_size, hidden_size, lambda_, data) = make_autoencoder()


def mean_for_sum(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Take the mean of the deltas and divide it by the batch size once more."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.mean(delta_l3, axis=1) / training_size
    b1_derivative = np.mean(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def sum_for_mean(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Forget to divide the bias derivatives by the batch size."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1)
    b1_derivative = np.sum(delta_l2, axis=1)
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def matrix_gradient(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Take the derivative of the sigmoid for a matrix, as the first answer to question 2."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -np.dot(np.dot(a_l3, (1 - a_l3).T), data - a_l3)
    delta_l2 = np.dot(np.dot(a_l2, (1 - a_l2).T), W2.T.dot(delta_l3))
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def missing_slope(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Forget the derivative of the sigmoid in the hidden layer."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def missing_penalty(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Add the penalty to the cost and forget it in the gradient."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size
    W1_derivative = np.dot(delta_l2, data.T) / training_size
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def doubled_penalty(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Derive a penalty without the half that the cost has."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + 2 * lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + 2 * lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def penalised_biases(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Penalise the biases in the gradient only; where they are zero nothing is wrong."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size + lambda_ * b2
    b1_derivative = np.sum(delta_l2, axis=1) / training_size + lambda_ * b1
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def wrong_sign(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Return the direction of descent in place of the gradient."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = -np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def transposed_product(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Multiply a layer by the deltas in the wrong order, so that W2 comes out transposed."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(a_l2, delta_l3.T) / training_size + lambda_ * W2.T
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def swapped_weights(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Pack W2 before W1, which have the same number of entries."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W2_derivative.ravel(), W1_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad


def packing_order(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Pack layer by layer: W1, b1, W2, b2."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), b1_derivative, W2_derivative.ravel(), b2_derivative)
    )
    return cost, grad


def forgotten_block(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Leave b2 at the zeros the gradient was allocated with."""
    training_size = data.shape[1]
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.zeros(theta.size)
    grad[:weights] = W1_derivative.ravel()
    grad[weights : 2 * weights] = W2_derivative.ravel()
    grad[2 * weights : 2 * weights + hidden_size] = b1_derivative
    return cost, grad


def ignored_argument(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Draw the weights anew where they should have been taken from theta."""
    training_size = data.shape[1]
    theta = initialize(visible_size, hidden_size)
    weights = hidden_size * visible_size
    W1 = theta[:weights].reshape(hidden_size, visible_size)
    W2 = theta[weights : 2 * weights].reshape(visible_size, hidden_size)
    b1 = theta[2 * weights : 2 * weights + hidden_size]
    b2 = theta[2 * weights + hidden_size :]

    a_l2 = sigmoid(W1.dot(data) + np.tile(b1, (training_size, 1)).T)
    a_l3 = sigmoid(W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T)
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))

    delta_l3 = -(data - a_l3) * a_l3 * (1 - a_l3)
    delta_l2 = W2.T.dot(delta_l3) * a_l2 * (1 - a_l2)
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, data.T) / training_size + lambda_ * W1
    grad = np.concatenate(
        (W1_derivative.ravel(), W2_derivative.ravel(), b1_derivative, b2_derivative)
    )
    return cost, grad
