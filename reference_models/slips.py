"""What each slip does to the gradient: the table that tests and benchmarks go through."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_models import autoencoder, autoencoder_slips, question2, three_matrix
from reference_models import three_matrix_slips as matrix_slips

Objective = Callable[..., tuple[float, NDArray[np.float64]]]
Problem = tuple[Objective, NDArray[np.float64], tuple[Any, ...]]


class Slip(NamedTuple):
    """A wrong gradient and what is to be said of it.

    Attributes
    ----------
    fun : callable
        Returns the cost and the wrong gradient.
    factory : callable
        Returns (fun, x0, args) for given sizes: visible, hidden, m or n, k, m, in this order or by
        name. The effects below hold from sizes of 2 on, when the sizes differ.
    blocks : tuple of str
        The blocks with a wrong gradient; all others are right.
    cause : str
        The slug of the finding.
    factor : callable or None
        Returned gradient over right gradient in those blocks, as a function of m; None when no
        single number describes them.
    layout : callable
        Names and shapes of all blocks in packing order, for the first two sizes.
    """

    fun: Objective
    factory: Callable[..., Problem]
    blocks: tuple[str, ...]
    cause: str
    factor: Callable[[int], float] | None
    layout: Callable[[int, int], dict[str, tuple[int, ...]]]


def minus_one(m: int) -> float:  # noqa: ARG001
    """Return -1."""
    return -1.0


def zero(m: int) -> float:  # noqa: ARG001
    """Return 0."""
    return 0.0


def two(m: int) -> float:  # noqa: ARG001
    """Return 2."""
    return 2.0


def batch_size(m: int) -> float:
    """Return m."""
    return float(m)


def one_over_batch_size(m: int) -> float:
    """Return 1/m."""
    return 1.0 / m


def make_autoencoder(fun: Objective, visible: int = 5, hidden: int = 3, m: int = 7) -> Problem:
    """Return the problem of `autoencoder.make_autoencoder` with another function."""
    _, start, args = autoencoder.make_autoencoder(visible, hidden, m)
    return fun, start, args


def make_three_matrix(fun: Objective, n: int = 4, k: int = 3, m: int = 5) -> Problem:
    """Return the problem of `three_matrix.make_problem` with another function."""
    _, start, args = three_matrix.make_problem(n, k, m)
    return fun, start, args


def _in_autoencoder(
    fun: Objective,
    blocks: str,
    cause: str,
    factor: Callable[[int], float] | None = None,
) -> Slip:
    factory = partial(make_autoencoder, fun)
    return Slip(fun, factory, tuple(blocks.split()), cause, factor, autoencoder.block_shapes)


def _in_three_matrix(
    fun: Objective,
    blocks: str,
    cause: str,
    factor: Callable[[int], float] | None = None,
) -> Slip:
    factory = partial(make_three_matrix, fun)
    return Slip(fun, factory, tuple(blocks.split()), cause, factor, three_matrix.block_shapes)


SLIPS: dict[str, Slip] = {
    "autoencoder.mean_for_sum": _in_autoencoder(
        autoencoder_slips.mean_for_sum, "b1 b2", "wrong-scale", one_over_batch_size
    ),
    "autoencoder.sum_for_mean": _in_autoencoder(
        autoencoder_slips.sum_for_mean, "b1 b2", "wrong-scale", batch_size
    ),
    "autoencoder.matrix_gradient": _in_autoencoder(
        autoencoder_slips.matrix_gradient, "W1 W2 b1 b2", "wrong-gradient"
    ),
    "autoencoder.missing_slope": _in_autoencoder(
        autoencoder_slips.missing_slope, "W1 b1", "wrong-gradient"
    ),
    "autoencoder.missing_penalty": _in_autoencoder(
        autoencoder_slips.missing_penalty, "W1 W2", "missing-penalty"
    ),
    "autoencoder.doubled_penalty": _in_autoencoder(
        autoencoder_slips.doubled_penalty, "W1 W2", "wrong-penalty"
    ),
    "autoencoder.penalised_biases": _in_autoencoder(
        autoencoder_slips.penalised_biases, "b1 b2", "extra-penalty"
    ),
    "autoencoder.wrong_sign": _in_autoencoder(
        autoencoder_slips.wrong_sign, "W1 W2 b1 b2", "wrong-sign", minus_one
    ),
    "autoencoder.transposed_product": _in_autoencoder(
        autoencoder_slips.transposed_product, "W2", "transposed-block"
    ),
    "autoencoder.swapped_weights": _in_autoencoder(
        autoencoder_slips.swapped_weights, "W1 W2", "swapped-blocks"
    ),
    "autoencoder.packing_order": _in_autoencoder(
        autoencoder_slips.packing_order, "W2 b1", "block-order"
    ),
    "autoencoder.forgotten_block": _in_autoencoder(
        autoencoder_slips.forgotten_block, "b2", "zero-gradient", zero
    ),
    "autoencoder.ignored_argument": _in_autoencoder(
        autoencoder_slips.ignored_argument, "W1 W2 b1 b2", "ignored-argument"
    ),
    "question2.first_answer": _in_three_matrix(
        question2.cost_and_grad_first_answer, "w1 b1 w2 b2 b3", "wrong-gradient"
    ),
    "question2.matrix_gradient": _in_three_matrix(
        question2.cost_and_grad_matrix_gradient, "w1 b1 w2 b2", "wrong-gradient"
    ),
    "question2.mean_biases": _in_three_matrix(
        question2.cost_and_grad_mean_biases, "b1 b2 b3", "wrong-scale", one_over_batch_size
    ),
    "three_matrix.wrong_sign": _in_three_matrix(
        matrix_slips.wrong_sign, "w1 b1 w2 b2 w3 b3", "wrong-sign", minus_one
    ),
    "three_matrix.doubled": _in_three_matrix(
        matrix_slips.doubled, "w1 b1 w2 b2 w3 b3", "wrong-scale", two
    ),
    "three_matrix.sum_for_mean": _in_three_matrix(
        matrix_slips.sum_for_mean, "w1 b1 w2 b2 w3 b3", "wrong-scale", batch_size
    ),
    "three_matrix.missing_slope": _in_three_matrix(
        matrix_slips.missing_slope, "w1 b1 w2 b2", "wrong-gradient"
    ),
    "three_matrix.missing_transpose": _in_three_matrix(
        matrix_slips.missing_transpose, "w1 b1 w2 b2", "wrong-gradient"
    ),
    "three_matrix.transposed_product": _in_three_matrix(
        matrix_slips.transposed_product, "w3", "transposed-block"
    ),
    "three_matrix.packing_order": _in_three_matrix(
        matrix_slips.packing_order, "b1 w2 b2 w3", "block-order"
    ),
    "three_matrix.forgotten_block": _in_three_matrix(
        matrix_slips.forgotten_block, "b1", "zero-gradient", zero
    ),
    "three_matrix.ignored_argument": _in_three_matrix(
        matrix_slips.ignored_argument, "w1 b1 w2 b2 w3 b3", "ignored-argument"
    ),
}
