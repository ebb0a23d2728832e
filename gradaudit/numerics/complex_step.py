"""The slope from one complex evaluation, and whether to believe it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gradaudit.numerics.ladder import Slope
from gradaudit.numerics.line import EPS

# The imaginary step: its square is lost against anything, and dividing by it
# neither overflows nor underflows for slopes from 1e-200 to 1e200.
_STEP = 2.0**-333


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComplexSlope:
    """The slope from a complex step, with its acceptance by a real measurement.

    Attributes
    ----------
    value : float
        Im phi(i h) / h.
    accepted : bool
        Whether it agrees with the real slope to within its bar.
    reason : {"agrees", "zero", "differs", "not-finite", "not-complex", "unmeasured"}
        "zero": the imaginary part was dropped on the way, as `float()`,
        `abs()` and assignment into a real array do.
    """

    value: float
    accepted: bool
    reason: Literal["agrees", "zero", "differs", "not-finite", "not-complex", "unmeasured"]


def imaginary_slope(phi: Callable[[complex], complex], *, scale: float = 1.0) -> float:
    """Return Im phi(i h) / h, unverified; nan when phi does not yield a number.

    Parameters
    ----------
    phi : callable
        Maps one complex step to a complex value, f(x + t v).
    scale : float
        A typical length of a step.

    Returns
    -------
    float
        To be used only along lines like those for which `complex_slope` was accepted.
    """
    step = _STEP * scale
    return float(getattr(phi(complex(0.0, step)), "imag", 0.0)) / step


def complex_slope(
    phi: Callable[[complex], complex], slope: Slope, *, scale: float = 1.0
) -> ComplexSlope:
    """Take the slope from one complex evaluation and compare it with a real one.

    Parameters
    ----------
    phi : callable
        Maps one complex step to a complex value, f(x + t v).
    slope : Slope
        The slope along the same line, measured with real steps.
    scale : float
        A typical length of a step.

    Returns
    -------
    ComplexSlope
        One evaluation.

    Notes
    -----
    f(x + i h v) = f(x) + i h f'(x) v + O(h^2), without subtraction, so the
    relative error is a few rounding units for an analytic f (Squire and Trapp
    1998). Half of numpy is not analytic and most of that fails silently: only a
    slope that agrees with a real measurement may be used.
    """
    step = _STEP * scale
    result = phi(complex(0.0, step))
    value = float(getattr(result, "imag", 0.0)) / step
    reason = _reason(result, value, slope)
    return ComplexSlope(value=value, accepted=reason == "agrees", reason=reason)


def _reason(
    result: complex, value: float, slope: Slope
) -> Literal["agrees", "zero", "differs", "not-finite", "not-complex", "unmeasured"]:
    if not math.isfinite(slope.bar):
        return "unmeasured"
    if not math.isfinite(value):
        return "not-finite"
    if abs(value - slope.value) <= slope.bar + 8.0 * EPS * abs(value):
        return "agrees"
    if value == 0.0:
        return "zero" if isinstance(result, complex) else "not-complex"
    return "differs"
