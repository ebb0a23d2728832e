"""The autoencoder of question 1, right, in the notation of its asker (and of UFLDL).

`gradaudit check reference_models.autoencoder:cost_and_grad` finds the arguments below: 784 inputs,
10 hidden units, 500 digits. `theta` and `data` are made afresh each time they are read, so that
importing this module reads no file.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reference_models import digits

Objective = Callable[..., tuple[float, NDArray[np.float64]]]
Arguments = tuple[int, int, float, NDArray[np.float64]]

visible_size = 784
hidden_size = 10
lambda_ = 1e-4

if TYPE_CHECKING:
    theta: NDArray[np.float64]
    data: NDArray[np.float64]
else:

    def __getattr__(name: str) -> NDArray[np.float64]:
        if name == "theta":
            return initialize(visible_size, hidden_size)
        if name == "data":
            return digits.columns(500, side=28)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-z)), written so that no z overflows and a complex z is right."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def cost_and_grad(
    theta: NDArray[np.float64],
    visible_size: int,
    hidden_size: int,
    lambda_: float,
    data: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Return the cost of the autoencoder and its gradient.

    Parameters
    ----------
    theta : ndarray of float64, shape (2 * hidden_size * visible_size + hidden_size + visible_size,)
        W1, W2, b1, b2, one after the other.
    visible_size, hidden_size : int
    lambda_ : float
        Strength of the penalty on the weights; the biases are free.
    data : ndarray of float64, shape (visible_size, m)
        One example per column.

    Returns
    -------
    cost : float
    grad : ndarray of float64, the shape of theta
    """
    training_size = data.shape[1]
    # unroll theta to get (W1,W2,b1,b2) #
    W1 = theta[0 : hidden_size * visible_size].reshape(hidden_size, visible_size)
    W2 = theta[hidden_size * visible_size : 2 * hidden_size * visible_size].reshape(
        visible_size, hidden_size
    )
    b1 = theta[2 * hidden_size * visible_size : 2 * hidden_size * visible_size + hidden_size]
    b2 = theta[
        2 * hidden_size * visible_size + hidden_size : 2 * hidden_size * visible_size
        + hidden_size
        + visible_size
    ]
    # feedforward pass
    a_l1 = data
    z_l2 = W1.dot(a_l1) + np.tile(b1, (training_size, 1)).T
    a_l2 = sigmoid(z_l2)
    z_l3 = W2.dot(a_l2) + np.tile(b2, (training_size, 1)).T
    a_l3 = sigmoid(z_l3)
    # backprop
    delta_l3 = np.multiply(-(data - a_l3), np.multiply(a_l3, 1 - a_l3))
    delta_l2 = np.multiply(W2.T.dot(delta_l3), np.multiply(a_l2, 1 - a_l2))
    b2_derivative = np.sum(delta_l3, axis=1) / training_size
    b1_derivative = np.sum(delta_l2, axis=1) / training_size
    W2_derivative = np.dot(delta_l3, a_l2.T) / training_size + lambda_ * W2
    W1_derivative = np.dot(delta_l2, a_l1.T) / training_size + lambda_ * W1
    W1_derivative = W1_derivative.reshape(hidden_size * visible_size)
    W2_derivative = W2_derivative.reshape(visible_size * hidden_size)
    grad = np.concatenate((W1_derivative, W2_derivative, b1_derivative, b2_derivative))
    cost = 0.5 * np.sum((data - a_l3) ** 2) / training_size
    cost = cost + 0.5 * lambda_ * (np.sum(W1**2) + np.sum(W2**2))
    return cost, grad


def block_shapes(visible: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Return the blocks of theta with their shapes, in packing order."""
    return {
        "W1": (hidden, visible),
        "W2": (visible, hidden),
        "b1": (hidden,),
        "b2": (visible,),
    }


def initialize(visible_size: int, hidden_size: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return a starting theta: uniform weights, zero biases.

    Notes
    -----
    Weights lie within sqrt(6 / (visible_size + hidden_size + 1)) of zero, as in the UFLDL tutorial
    (Ng et al., exercise "Sparse Autoencoder", 2011).
    """
    r = np.sqrt(6.0 / (visible_size + hidden_size + 1))
    weights = np.random.default_rng(seed).uniform(-r, r, 2 * hidden_size * visible_size)
    return np.concatenate((weights, np.zeros(hidden_size + visible_size)))


def make_autoencoder(
    visible: int = 5, hidden: int = 3, m: int = 7
) -> tuple[Objective, NDArray[np.float64], Arguments]:
    """Return the cost, a start and the other arguments, for random data of the given sizes.

    The penalty is strong enough (0.01) for its absence to show at any size.
    """
    examples = np.random.default_rng(1).random((visible, m))
    return cost_and_grad, initialize(visible, hidden), (visible, hidden, 0.01, examples)
