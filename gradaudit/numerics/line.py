"""A function along a line: sampling it, and steps that cost no accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Phi: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

EPS = 2.0**-52
# With at most 6 significant bits, x + h, x + h/2, x + h/4 ... are all exact for
# every step that is not within a few dozen rounding units of x.
STEP_BITS = 6
# A value this many times the unit of the line would overflow when squared or
# divided by a small step; it says no more than an infinity does.
_HUGE = 2.0**500


def few_bits(step: float, bits: int = STEP_BITS) -> float:
    """Round a positive step to a few significant bits.

    Parameters
    ----------
    step : float
        A positive finite number.
    bits : int
        How many significant bits remain.

    Returns
    -------
    float
        The nearest number with at most that many significant bits.

    Examples
    --------
    >>> few_bits(0.1)
    0.099609375
    """
    mantissa, exponent = math.frexp(step)
    return math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)


def few_bits_below(step: float, bits: int = STEP_BITS) -> float:
    """Round a positive step down to a few significant bits."""
    mantissa, exponent = math.frexp(step)
    return math.ldexp(math.floor(math.ldexp(mantissa, bits)), exponent - bits)


def unit_of(magnitude: float) -> float:
    """Return the power of two by which values of a magnitude are divided.

    It keeps every intermediate of a difference table in range, near 1e308 as
    well as near 1e-300, and loses no bit.
    """
    if not 0.0 < magnitude < math.inf:
        return 1.0
    return math.ldexp(1.0, max(math.frexp(magnitude)[1] - 1, -1000))


class Line:
    """A function along a line, counted and scaled.

    Parameters
    ----------
    phi : callable
        Maps a float64 array of steps to a float64 array of values.
    value : float
        ``phi(0)``, finite, already known.
    unit : float
        The power of two by which values are divided.
    """

    __slots__ = ("center", "evaluations", "phi", "unit")

    def __init__(self, phi: Phi, value: float, *, unit: float) -> None:
        self.phi = phi
        self.unit = unit
        self.center = value / unit
        self.evaluations = 0

    def at(self, steps: Sequence[float]) -> list[float]:
        """Evaluate one batch; values come in units, and unusable ones as nan."""
        self.evaluations += len(steps)
        unit = self.unit
        values: list[float] = self.phi(np.array(steps, dtype=np.float64)).tolist()
        return [v / unit if abs(v) / unit < _HUGE else math.nan for v in values]
