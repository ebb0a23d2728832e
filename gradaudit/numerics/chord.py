"""A slope from two evaluations, once the error constant is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gradaudit.numerics.extrapolation import Z, rounding_of
from gradaudit.numerics.ladder import Slope
from gradaudit.numerics.line import Line, Phi, few_bits, few_bits_below, unit_of
from gradaudit.numerics.noise import Noise

# The constant is the largest of a few random directions; another direction of
# the same family may have a larger one.
_SAFETY = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChordCalibration:
    """What two evaluations need to know about a family of directions.

    Attributes
    ----------
    bend : float
        Bound a of the truncation a h^2 of a central difference.
    step : float
        The step that makes the bar smallest.
    """

    bend: float
    step: float


def calibrate_chord(slopes: Iterable[Slope], noise: Noise) -> ChordCalibration:
    """Learn the error constant from slopes measured along similar directions.

    Parameters
    ----------
    slopes : iterable of Slope
        Measured along directions of the family; four are enough.
    noise : Noise
        The noise of one evaluation.

    Notes
    -----
    a h^2 + 6 sigma/(sqrt2 h) is smallest at h^3 = 3 sigma/(sqrt2 a).
    """
    measured = [s for s in slopes if math.isfinite(s.bar) and math.isfinite(s.bend)]
    if not measured:
        return ChordCalibration(bend=math.inf, step=0.0)
    bend = _SAFETY * max(s.bend for s in measured)
    longest = max(s.step for s in measured)
    if bend <= 0.0:
        return ChordCalibration(bend=bend, step=longest)
    best = (0.5 * Z * noise.sigma / math.sqrt(2.0) / bend) ** (1.0 / 3.0)
    return ChordCalibration(bend=bend, step=min(best, longest))


def measure_chord(
    phi: Phi,
    value: float,
    noise: Noise,
    calibration: ChordCalibration,
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
) -> Slope:
    """Measure a slope with one central difference.

    Parameters
    ----------
    phi : callable
        Maps a float64 array of steps to a float64 array of values.
    value : float
        ``phi(0)``, finite.
    noise : Noise
        The noise of one evaluation.
    calibration : ChordCalibration
        From directions of the same family.
    lower, upper : float
        Steps outside are never evaluated.

    Returns
    -------
    Slope
        2 evaluations; its bar is ``a h^2 + 6 sigma/(sqrt2 h)``. The bar is
        infinite, after no evaluation, on a bound or without calibration.
    """
    line = Line(phi, value, unit=unit_of(max(abs(value), noise.magnitude)))
    reach = min(-lower, upper)
    step = calibration.step
    if not (step > 0.0 and reach > 0.0):
        return _chord(line, math.nan, math.inf, 0.0, math.nan, calibration.bend)
    step = few_bits(step) if few_bits(step) <= reach else few_bits_below(reach)
    plus, minus = line.at((step, -step))
    slope = (plus - minus) / (2.0 * step) * line.unit
    if not math.isfinite(slope):
        return _chord(line, math.nan, math.inf, step, math.nan, calibration.bend)
    curvature = (plus + minus - 2.0 * line.center) / (step * step) * line.unit
    bar = calibration.bend * step * step + Z * noise.sigma / (math.sqrt(2.0) * step)
    return _chord(line, slope, bar + rounding_of(slope), step, curvature, calibration.bend)


def _chord(
    line: Line, value: float, bar: float, step: float, curvature: float, bend: float
) -> Slope:
    return Slope(
        value=value,
        bar=bar,
        regime="smooth" if math.isfinite(bar) else "unresolved",
        step=step,
        curvature=curvature,
        bend=bend,
        evaluations=line.evaluations,
    )
