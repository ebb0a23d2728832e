"""Richardson extrapolation of difference quotients, with tests and a bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradaudit.numerics.line import EPS

# The bar covers this many standard deviations of the noise. 8 covered no more
# functions than 6 and is a quarter wider.
Z = 6.0
# How far the ratio of successive differences may be from the ideal one.
_BAND = 0.12
# For the second column, where only the order of magnitude has to be right: its
# error is 63 times smaller than the difference that serves as its bar.
_WIDE_BAND = 0.4
# sqrt(1 + 1 + 4): deviation of f(+h) + f(-h) - 2 f(0) for unit noise.
_EVEN_NOISE = math.sqrt(6.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """One extrapolated slope from a window of steps.

    Attributes
    ----------
    value : float
        The slope.
    truncation, noise : float
        The two parts of the bar.
    good : bool
        Whether every difference shrinks as that of a smooth function does.
    visible : bool
        Whether the truncation stands out of the noise.
    """

    value: float
    truncation: float
    noise: float
    good: bool
    visible: bool

    @property
    def bar(self) -> float:
        """Bound of the error."""
        return self.truncation + self.noise


def agree(
    a: float, b: float, ratios: tuple[float, ...], na: float, nb: float, band: float = _BAND
) -> bool:
    """Tell whether a is one of the ratios times b, within a band and the noise.

    Parameters
    ----------
    a, b : float
        A quantity at one step, and at half of it.
    ratios : tuple of float
        The ratios a smooth function may have.
    na, nb : float
        Standard deviations of a and b.
    band : float
        Relative tolerance of the ratio.
    """
    if abs(a) <= Z * na and abs(b) <= Z * nb:
        return True
    for ratio in ratios:
        allowed = band * max(abs(a), ratio * abs(b)) + Z * math.hypot(na, ratio * nb)
        if abs(a - ratio * b) <= allowed:
            return True
    return False


def central_trial(
    samples: Sequence[tuple[float, float]], center: float, step: float, sigma: float
) -> Trial:
    """Extrapolate central differences at steps h, h/2, h/4 (and h/8).

    Parameters
    ----------
    samples : sequence of (f(+h), f(-h))
        Coarse to fine; three, or four for one more extrapolation.
    center : float
        f(0).
    step : float
        The coarsest step h.
    sigma : float
        Noise of one evaluation.

    Notes
    -----
    D(h) = f' + c3 h^2 + c5 h^4 + ... With R = (4 D(h/2) - D(h))/3 the
    difference of two successive R is 15 times the error of the finer one, and
    with T = (16 R(h/2) - R(h))/15 it is 63 times.
    """
    slopes: list[float] = []
    bends: list[float] = []
    h = step
    for plus, minus in samples:
        slopes.append((plus - minus) / (2.0 * h))
        bends.append(plus + minus - 2.0 * center)
        h *= 0.5
    finest = 2.0 * h
    d = [a - b for a, b in pairwise(slopes)]
    r = [(4.0 * b - a) / 3.0 for a, b in pairwise(slopes)]
    noise = sigma / (math.sqrt(2.0) * finest)
    even = _EVEN_NOISE * sigma
    count = len(samples)
    good = True
    for i in range(count - 2):
        # Deviation of d[i] and d[i+1]: noise at the finer of the two steps.
        n = noise * 0.5 ** (count - 2 - i) * 1.12
        good = good and agree(d[i], d[i + 1], (4.0, 16.0), n, 2.0 * n)
    for i in range(count - 1):
        good = good and agree(bends[i], bends[i + 1], (4.0, 16.0), even, even)
    good = good and _even_part_is_smooth(bends, step, sigma)
    if count == 3:
        e = r[1] - r[0]
        visible = abs(e) > Z * 0.7 * noise
        return Trial(
            value=r[1], truncation=abs(e), noise=Z * 1.375 * noise, good=good, visible=visible
        )
    e1, e2 = r[1] - r[0], r[2] - r[1]
    good = good and agree(e1, e2, (16.0, 64.0), 0.75 * noise, 1.5 * noise, _WIDE_BAND)
    value = r[2] + e2 / 15.0
    truncation = abs(e2 - e1 / 16.0) * (16.0 / 15.0)
    visible = abs(e1) > Z * 0.75 * noise
    return Trial(
        value=value, truncation=truncation, noise=Z * 1.45 * noise, good=good, visible=visible
    )


def _even_part_is_smooth(bends: Sequence[float], step: float, sigma: float) -> bool:
    """Tell whether f(+h) + f(-h) - 2 f(0) is a series in h^2.

    A kink between the points shifts every central difference alike and is seen
    only here: it adds a multiple of 1/h to the second difference quotient.
    """
    column: list[float] = []
    h = step
    for bend in bends:
        column.append(bend / (h * h))
        h *= 0.5
    noise = _EVEN_NOISE * sigma / (4.0 * h * h)
    ratio, band = 4.0, _BAND
    while len(column) > 2:
        d = [a - b for a, b in pairwise(column)]
        for i in range(len(d) - 1):
            n = 1.1 * noise * 0.25 ** (len(d) - 1 - i)
            if not agree(d[i], d[i + 1], (ratio, 4.0 * ratio), n, 4.0 * n, band):
                return False
        column = [b + (b - a) / (ratio - 1.0) for a, b in pairwise(column)]
        ratio *= 4.0
        noise *= 4.0 / 3.0
        band = _WIDE_BAND
    return True


# Weights of the forward slopes at h, h/2, h/4, h/8 in the extrapolations with
# 3 and 4 steps, and the deviation of the result for unit noise at the finest h
# (the center is shared): ((8 F3 - 6 F2 + F1)/3 and one column more.
_ONE_SIDED_NOISE = {3: 2.55, 4: 3.35, 5: 3.83}


def one_sided_trial(samples: Sequence[float], center: float, step: float, sigma: float) -> Trial:
    """Extrapolate one-sided differences at steps h, h/2, h/4, h/8 (and h/16).

    Parameters
    ----------
    samples : sequence of float
        f at the steps, coarse to fine; three, four or five.
    center : float
        f(0).
    step : float
        The coarsest step, negative for a left slope.
    sigma : float
        Noise of one evaluation.

    Notes
    -----
    F(h) = f' + c2 h + c3 h^2 + ..., so the columns are divided by 2, 4, 8 less
    one. The bar is the difference of the last two entries of the last column.
    """
    column: list[float] = []
    h = step
    for value in samples:
        column.append((value - center) / h)
        h *= 0.5
    finest = 2.0 * h
    noise = sigma / abs(finest)
    count = len(column)
    good = True
    visible = False
    ratio = 2.0
    band = _BAND
    while len(column) > 2:
        d = [a - b for a, b in pairwise(column)]
        for i in range(len(d) - 1):
            n = 1.5 * noise * 0.5 ** (len(d) - 1 - i)
            good = good and agree(
                d[i], d[i + 1], (ratio, 2.0 * ratio, 4.0 * ratio), n, 2.0 * n, band
            )
            visible = visible or abs(d[i]) > Z * n
        column = [b + (b - a) / (ratio - 1.0) for a, b in pairwise(column)]
        ratio *= 2.0
        noise *= 1.5
        band = _WIDE_BAND
    noise = Z * _ONE_SIDED_NOISE[count] * sigma / abs(finest)
    return Trial(
        value=column[-1],
        truncation=abs(column[1] - column[0]),
        noise=noise,
        good=good,
        visible=visible,
    )


def rounding_of(value: float) -> float:
    """Bound the rounding of the quotient arithmetic itself."""
    return 4.0 * EPS * abs(value)
