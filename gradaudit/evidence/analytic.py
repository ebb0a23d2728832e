"""Does the complex step apply to the cost? Where it does, one evaluation replaces a ladder."""

from __future__ import annotations

from typing import Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.directions import Line
from gradaudit.numerics.complex_step import complex_slope, imaginary_slope
from gradaudit.numerics.ladder import Slope

# A complex evaluation takes about three times as long as a real one (NUMERICS.md, 2.6), a ladder
# six evaluations; the two ladders that must agree first are paid back from here on.
PAYS_FROM: Final = 16
# Rounding of a complex slope relative to the largest slope around, generously.
_ROUNDING: Final = 1e-13


def applies(evaluator: Evaluator, theta: Vector, measured: list[tuple[Line, Slope]]) -> bool:
    """Tell whether complex slopes agree with real ones along every line given.

    Two lines through all entries in question are enough: what fails for one entry fails to add
    its part to the slope along both. One complex evaluation a line, fewer when one disagrees.
    """
    if evaluator.problem.structure.dtype != np.float64:
        return False
    return all(
        complex_slope(lambda t, line=line: _cost(evaluator, theta, line, t), slope).accepted
        for line, slope in measured
    )


def slope_of(evaluator: Evaluator, theta: Vector, line: Line, largest: float) -> Slope:
    """Return the slope along a line from one complex evaluation.

    Parameters
    ----------
    evaluator : Evaluator
    theta : ndarray of float64, shape (n,)
    line : Line
        Among the entries for which `applies` was true.
    largest : float
        The size of slopes along such lines, for the rounding that cancels in none of them.
    """
    value = imaginary_slope(lambda t: _cost(evaluator, theta, line, t))
    return Slope(
        value=value,
        bar=_ROUNDING * max(abs(value), largest),
        regime="smooth",
        step=0.0,
        curvature=0.0,
        bend=0.0,
        evaluations=1,
    )


def _cost(evaluator: Evaluator, theta: Vector, line: Line, step: complex) -> complex:
    point = theta.astype(np.complex128)
    if line.selector is None:
        point += line.along * step
    else:
        point[line.selector] += line.along * step
    return evaluator.complex_cost(point)
