"""The program of question 1: an objective that ignores its argument.

The cost and its gradient are right, the objective handed to the optimizer is not: L-BFGS-B sees a
constant, and the asker's run stopped in the line search after 21 evaluations with
`ABNORMAL_TERMINATION_IN_LNSRCH`. The asker's MNIST digits are replaced by 500 of
`reference_models.digits`.
"""
# ruff: noqa: ARG005, E731  (the lambdas are the question)

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reference_models.autoencoder import (
    cost_and_grad,
    data,
    hidden_size,
    lambda_,
    make_autoencoder,
    theta,
    visible_size,
)

Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]

patches_train = data

# theta is the 1-D array of(W1,W2,b1,b2)
J: Objective = lambda x: cost_and_grad(theta, visible_size, hidden_size, lambda_, patches_train)
J_fixed: Objective = lambda x: cost_and_grad(x, visible_size, hidden_size, lambda_, patches_train)


def make_problem(
    visible: int = 5, hidden: int = 3, m: int = 7
) -> tuple[Objective, NDArray[np.float64], tuple[()]]:
    """Return the same mistake at any size: the objective, its start, no other arguments."""
    fun, start, args = make_autoencoder(visible, hidden, m)
    objective: Objective = lambda x: fun(start, *args)
    return objective, start, ()
