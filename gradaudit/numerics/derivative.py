"""One derivative with its bar: the noise, then the ladder."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradaudit.numerics.ladder import Slope, measure_slope
from gradaudit.numerics.line import Phi
from gradaudit.numerics.noise import Noise, estimate_noise, noise_at_steps

# The factor by which the noise must have been wrong for a second measurement.
_NOISIER = 6.0


def derive(
    phi: Phi,
    value: float,
    *,
    scale: float,
    rng: np.random.Generator,
    resolution: float | None = None,
    origin: float | None = None,
    lower: float = -math.inf,
    upper: float = math.inf,
) -> Slope:
    """Measure ``phi'(0)`` as well as it can be measured.

    Parameters
    ----------
    phi : callable
        Maps a float64 array of steps to a float64 array of values.
    value : float
        ``phi(0)``, finite.
    scale : float
        A typical length of a step: |x| for a coordinate, 1 at x = 0.
    rng : numpy.random.Generator
        Jitters spacings and steps.
    resolution : float, optional
        The rounding of the argument, in units of t: eps |x| for a coordinate
        (the default, with `scale` for |x|), 0 at x = 0.
    origin : float, optional
        The coordinate x itself, if there is just one: the bar is then tighter.
    lower, upper : float
        Steps outside are never evaluated.

    Returns
    -------
    Slope
        Its `evaluations` include those of the noise (20 in the usual case).
    """
    noise = estimate_noise(phi, value, scale=scale, rng=rng, lower=lower, upper=upper)

    def measure(noise: Noise) -> Slope:
        return measure_slope(
            phi,
            value,
            noise,
            scale=scale,
            rng=rng,
            lower=lower,
            upper=upper,
            resolution=resolution,
            origin=origin,
        )

    slope = measure(noise)
    used = noise.evaluations + slope.evaluations
    if _noise_in_doubt(slope):
        # Steps where it failed; further up if nothing was seen to move at all.
        spacing = (8.0 if _constant(slope) else 0.5) * slope.rejected_step
        again = noise_at_steps(
            phi, value, noise, spacing=spacing, scale=scale, rng=rng, lower=lower, upper=upper
        )
        used += again.evaluations
        if again.sigma > _NOISIER * noise.sigma:
            noise = again
            second = measure(noise)
            used += second.evaluations
            slope = _covering(second, slope)
    if not noise.settled and slope.regime not in ("kink", "jump"):
        slope = replace(
            slope, bar=math.inf, regime="unresolved", one_sided=None, one_sided_bars=None
        )
    return replace(slope, evaluations=used)


def _noise_in_doubt(slope: Slope) -> bool:
    """Tell whether a silent window lies among steps where the function is not smooth.

    A kink nearby looks like that, and so does noise that the tables missed.
    """
    if slope.regime in ("kink", "jump"):
        return False
    return slope.rejected_step > 0.0 and (slope.silent or slope.regime == "unresolved")


def _constant(slope: Slope) -> bool:
    """Tell whether a window saw one value only."""
    return slope.value == slope.curvature == 0.0


def _covering(slope: Slope, first: Slope) -> Slope:
    """Widen a slope until it covers what was found under the smaller noise.

    Many small kinks look like noise, and there the first slope was right. A
    window of equal values is a terrace, and says nothing.
    """
    if _constant(first) or not math.isfinite(first.bar):
        return slope
    return replace(slope, bar=max(slope.bar, abs(slope.value - first.value) + first.bar))
