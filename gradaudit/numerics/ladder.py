"""The slope of a function along a line, with a bar that decides.

A ladder is a set of steps h, h/2, h/4, ... The slope is extrapolated from a
window of three to five of them, and accepted when every difference in the
window shrinks as it does for a smooth function, or is lost in the noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from gradaudit.numerics.extrapolation import (
    Trial,
    central_trial,
    one_sided_trial,
    rounding_of,
)
from gradaudit.numerics.line import EPS, Line, Phi, few_bits, few_bits_below, unit_of
from gradaudit.numerics.noise import Noise

Regime: TypeAlias = Literal[
    "smooth", "kink", "noise", "jump", "unresolved", "constant", "domain-edge"
]
Mode: TypeAlias = Literal["best", "fast"]
Side: TypeAlias = Literal[-1, 0, 1]

# Noise above this many rounding units is the function's own.
_NOISE_OF_ITS_OWN = 2.0**10
_MOST_MOVES = 16
# Steps below this part of the scale say nothing in double precision.
_DEEPEST = 2.0**-50
# Nothing is gained by following a constant further up than this many levels.
_CONSTANT_LEVELS = 8
# Above this relative noise a silent window is not taken for a flat function.
_TOO_NOISY_TO_CLIMB = 1e-4
# A move is worth making while it lowers the bar by this factor.
_WORTH = 0.7
# How the assumed noise grows with a step, in units of the scale.
_FAR = 0.25
_FARTHEST = 3.0
# A first window is no wider than this part of the scale: beyond it few functions
# are still smooth, and noise would hide that they are not.
_WIDEST = 0.5
# A relative bar below which no move is worth making.
_ENOUGH = 2.0**-45


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slope:
    """A derivative along a line, and how far it can be from the truth.

    Attributes
    ----------
    value : float
        The slope; at a kink the mean of the slopes of the two sides.
    bar : float
        Bound of ``|derivative - value|``; infinite when nothing can be said.
        At a kink it reaches the slopes of both sides.
    regime : str
        What the function looks like here.
    one_sided : (float, float) or None
        Left and right slope, where they differ or only one exists (nan).
    one_sided_bars : (float, float) or None
        Their bars.
    step : float
        A good coarsest step for a window of three: start other directions here.
    finest_step : float
        The smallest step of the accepted window.
    curvature : float
        Estimate of the second derivative.
    bend : float
        Estimate of the error constant a of a central difference, a h^2.
    rejected : int
        How many windows looked unlike a smooth function.
    rejected_step : float
        The coarsest step of those, 0 if there was none.
    silent : bool
        Whether the accepted window saw nothing but noise beside its slope.
    evaluations : int
        Evaluations used.
    """

    value: float
    bar: float
    regime: Regime
    one_sided: tuple[float, float] | None = None
    one_sided_bars: tuple[float, float] | None = None
    step: float
    finest_step: float = 0.0
    curvature: float
    bend: float
    rejected: int = 0
    rejected_step: float = 0.0
    silent: bool = False
    evaluations: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """An accepted window."""

    trial: Trial
    level: int
    count: int


class _Ladder:
    """Samples at the steps ``step / 2**level`` on both sides, or on one."""

    def __init__(
        self, line: Line, noise: Noise, *, step: float, side: Side, scale: float, reach: float
    ) -> None:
        self.line = line
        self.step = step
        self.side: Side = side
        self.scale = scale
        self.sigma = noise.sigma / line.unit
        self.magnitude = noise.magnitude / line.unit
        self.samples: dict[int, tuple[float, float]] = {}
        # The coarsest level whose step is within the bounds.
        self.coarsest = -10_000
        if reach < math.inf:
            self.coarsest = math.ceil(math.log2(step / reach) - 1e-12) if reach > 0 else 10_000

    def height(self, level: int) -> float:
        """Return the step of a level."""
        return math.ldexp(self.step, -level)

    def need(self, levels: Iterable[int]) -> None:
        """Evaluate what is missing of some levels, as one batch."""
        missing = [k for k in levels if k not in self.samples]
        if not missing:
            return
        steps = [self.height(k) for k in missing]
        if self.side:
            found = self.line.at([self.side * h for h in steps])
            pairs = [(v, v) for v in found]
        else:
            found = self.line.at(steps + [-h for h in steps])
            pairs = list(zip(found[: len(steps)], found[len(steps) :], strict=True))
        self.samples.update(zip(missing, pairs, strict=True))

    def window(self, level: int, count: int) -> list[tuple[float, float]] | None:
        """Return the samples of a window, None if one of them is not finite."""
        levels = range(level, level + count)
        self.need(levels)
        window = [self.samples[k] for k in levels]
        if all(math.isfinite(plus) and math.isfinite(minus) for plus, minus in window):
            return window
        return None

    def noise_of(self, window: list[tuple[float, float]], step: float) -> float:
        """Return sigma, in proportion where the function is larger than it was at x."""
        # The noise was measured near x; further away it may be another.
        near = self.sigma * (1.0 + min(_FAR * step / self.scale, _FARTHEST))
        largest = max(max(abs(plus), abs(minus)) for plus, minus in window)
        if largest <= self.magnitude:
            return near
        grown = near * largest / self.magnitude if self.magnitude else 0.0
        return max(grown, 0.5 * EPS * largest)

    def trial(self, level: int, count: int) -> Trial | None:
        """Extrapolate a window of `count` levels."""
        window = self.window(level, count)
        if window is None:
            return None
        sigma = self.noise_of(window, self.height(level))
        center = self.line.center
        if self.side:
            values = [plus for plus, _ in window]
            return one_sided_trial(values, center, self.side * self.height(level), sigma)
        return central_trial(window, center, self.height(level), sigma)

    def best_trial(self, level: int, counts: Iterable[int]) -> _Found | None:
        """Return the good window at a level with the smallest bar."""
        found: _Found | None = None
        for count in counts:
            trial = self.trial(level, count)
            if trial is None or not trial.good:
                continue
            if found is None or trial.bar < found.trial.bar:
                found = _Found(trial=trial, level=level, count=count)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Singular:
    """A kink or a jump that persists however small the step."""

    regime: Literal["kink", "jump"]
    level: int


class _Search:
    """The moves along a ladder."""

    def __init__(self, ladder: _Ladder, *, mode: Mode, target: float) -> None:
        self.ladder = ladder
        self.mode: Mode = mode
        self.target = target
        self.rejected = 0
        self.rejected_step = 0.0
        self.moves = 0
        # Levels climbed at once where nothing but noise is seen, less two.
        self.leap = 2
        self.deepest = max(8, math.ceil(math.log2(ladder.step / (ladder.scale * _DEEPEST))))
        side = bool(ladder.side)
        self.shallow = 4 if side else 3
        self.deep = 5 if side else 4

    def run(self) -> _Found | _Singular | None:
        """Find an acceptable window, then a better one."""
        level = max(0, self.ladder.coarsest)
        while True:
            found = self.accept(level)
            if not isinstance(found, _Found):
                return found
            if self.mode == "fast" or found.trial.bar <= self.target:
                return found
            better = self.improve(found)
            if better is not None:
                return better
            # Two windows contradicted each other: neither is believed.
            level = found.level + 2

    def accept(self, level: int) -> _Found | _Singular | None:
        """Walk down from a level to a window that passes the tests."""
        deep = self.deep if self.mode == "best" or self.rejected else self.shallow
        while self.moves < _MOST_MOVES and level <= self.deepest:
            self.moves += 1
            trial = self.ladder.trial(level, deep)
            if trial is None:
                level += 3
                continue
            if trial.good:
                return self.accepted(level, deep, trial)
            self.reject(level)
            deep = self.deep
            suspect = None if self.ladder.side else self.suspect(level)
            if suspect is None:
                level += 2 + self.rejected // 3
                continue
            if isinstance(suspect, _Singular):
                return suspect
            level = suspect
        return None

    def reject(self, level: int) -> None:
        """Remember a window that looked unlike a smooth function."""
        self.rejected += 1
        self.rejected_step = max(self.rejected_step, self.ladder.height(level))

    def accepted(self, level: int, count: int, trial: Trial) -> _Found:
        """Return the better of the deep and the shallow window."""
        found = _Found(trial=trial, level=level, count=count)
        if self.mode == "best" and count > self.shallow and not self.rejected:
            other = self.ladder.best_trial(level, (self.shallow,))
            other = other or self.ladder.best_trial(level + 1, (self.shallow,))
            if other is not None and other.trial.bar < trial.bar:
                return other
        return found

    def improve(self, found: _Found) -> _Found | None:
        """Move while the bar falls; None if a window contradicts another."""
        best = found
        tried = {found.level}
        while self.moves < _MOST_MOVES and best.trial.bar > self.enough(best):
            level = max(self.next_level(best), self.ladder.coarsest)
            if level in tried:
                break
            tried.add(level)
            new = self.nearest_good(best, level)
            if new is None:
                break
            if abs(new.trial.value - best.trial.value) > new.trial.bar + best.trial.bar:
                self.reject(new.level)
                return None
            if new.trial.bar >= _WORTH * best.trial.bar:
                return min(best, new, key=lambda f: f.trial.bar)
            best = new
        return best

    def next_level(self, best: _Found) -> int:
        """Choose where the bar should be smaller; the same level if nowhere."""
        trial = best.trial
        if trial.noise <= trial.truncation:
            return best.level + 1
        if not trial.visible:
            if self.nothing_to_climb_for(best):
                return best.level
            self.leap += 2
            return best.level - self.leap
        ratio = trial.noise / max(trial.truncation, 1e-3 * trial.noise)
        # One level up multiplies the truncation by 64 at most and halves the noise.
        return best.level - (2 if ratio > 16.0 else 1)

    def nearest_good(self, best: _Found, level: int) -> _Found | None:
        """Return the window at a level, or at one nearer to the best if it fails the tests."""
        while self.moves < _MOST_MOVES:
            self.moves += 1
            new = self.ladder.best_trial(level, (self.deep,))
            if new is not None:
                return new
            self.rejected_step = max(self.rejected_step, self.ladder.height(level))
            if level >= best.level - 1:
                return None
            # Too far up: try a third of the way.
            level = best.level - max(1, (best.level - level) // 3)
        return None

    def nothing_to_climb_for(self, best: _Found) -> bool:
        """Tell whether larger steps would say no more: noise alone, or a constant."""
        ladder = self.ladder
        if ladder.sigma > _TOO_NOISY_TO_CLIMB * ladder.magnitude:
            return True
        flat = all(v == ladder.line.center for pair in ladder.samples.values() for v in pair)
        return flat and best.level <= -_CONSTANT_LEVELS

    def enough(self, found: _Found) -> float:
        """Return the bar below which no move is worth making."""
        return max(self.target, _ENOUGH * abs(found.trial.value))

    def suspect(self, level: int) -> _Singular | int | None:
        """Look for a kink or a jump in a rejected window.

        Returns the singularity if it is there however small the step, a finer
        level if it vanishes there, None if there is neither.
        """
        window = self.ladder.window(level, 3)
        if window is None:
            return None
        center = self.ladder.line.center
        sigma = self.ladder.noise_of(window, self.ladder.height(level))
        even = [plus + minus - 2.0 * center for plus, minus in window]
        odd = [plus - minus for plus, minus in window]
        if _shrinks(odd, 1.0, sigma) or _shrinks(even, 1.0, sigma):
            return self.follow("jump", level, odd[2], even[2], sigma)
        if _shrinks(even, 2.0, sigma):
            return self.follow("kink", level, 0.0, even[2], sigma)
        return None

    def follow(
        self, kind: Literal["kink", "jump"], level: int, odd: float, even: float, sigma: float
    ) -> _Singular | int:
        """Follow a kink or jump to smaller steps until it vanishes or the noise hides it."""
        center = self.ladder.line.center
        probe = level + 2
        while True:
            probe += 5
            fall = 0.5 ** (probe - level - 2) if kind == "kink" else 1.0
            if probe > self.deepest or fall * max(abs(odd), abs(even)) < 30.0 * sigma:
                return _Singular(regime=kind, level=level)
            self.ladder.need((probe,))
            plus, minus = self.ladder.samples[probe]
            there = max(
                abs(plus + minus - 2.0 * center), abs(plus - minus) if kind == "jump" else 0.0
            )
            if not there > 0.5 * fall * max(abs(odd), abs(even)):
                return probe - 2


def _shrinks(parts: list[float], ratio: float, sigma: float) -> bool:
    """Tell whether a quantity falls by a ratio at each halving, far above its noise."""
    a, b, c = parts
    if abs(c) < 30.0 * sigma:
        return False
    return all(
        abs(u - ratio * v) <= 0.15 * max(abs(u), ratio * abs(v)) for u, v in ((a, b), (b, c))
    )


def first_step(
    noise: Noise, *, scale: float, rng: np.random.Generator, mode: Mode = "best"
) -> float:
    """Choose the coarsest step of a first window.

    Notes
    -----
    A fourth-order difference is best near scale * eta^(1/5), a sixth-order one
    near scale * eta^(1/7), with eta the relative noise. The largest spacing at
    which the function was seen to be smooth limits both.
    """
    size = noise.magnitude
    eta = min(max(noise.sigma / size, EPS), 1e-2) if size > 0.0 else EPS
    jitter = math.exp(rng.uniform(-0.25, 0.25))
    power = eta**0.2
    step = 5.0 * scale * power
    limit = 100.0 * noise.spacing * power / EPS**0.2
    if mode == "best":
        step *= 4.0
        limit *= 4.0
    return jitter * min(step, limit, _WIDEST * scale)


def measure_slope(
    phi: Phi,
    value: float,
    noise: Noise,
    *,
    scale: float,
    rng: np.random.Generator,
    step: float | None = None,
    mode: Mode = "best",
    target: float = 0.0,
    lower: float = -math.inf,
    upper: float = math.inf,
    confirm: bool = False,
    resolution: float | None = None,
    origin: float | None = None,
) -> Slope:
    """Measure the slope of a function along a line, with its bar.

    Parameters
    ----------
    phi : callable
        Maps a float64 array of steps to a float64 array of values.
    value : float
        ``phi(0)``, finite.
    noise : Noise
        The noise of one evaluation.
    scale : float
        A typical length of a step.
    rng : numpy.random.Generator
        Jitters the step.
    step : float, optional
        The coarsest step of the first window, as found along another direction.
    mode : {"best", "fast"}
        "fast" takes the first window that passes, "best" goes on until the bar
        stops falling.
    target : float
        Stop as soon as the bar is no larger.
    lower, upper : float
        Steps outside are never evaluated. On a bound the slope is one-sided.
    confirm : bool
        Measure again independently: other steps, at least 4 times smaller.
    resolution : float, optional
        The rounding of the argument, in units of t: eps |x| for a coordinate
        (the default with `scale` for |x|), 0 at x = 0.
    origin : float, optional
        The coordinate x itself, if there is just one. Steps are exact unless
        x + h passes a power of two; without it that is allowed for.

    Returns
    -------
    Slope
        6 evaluations in fast mode if the first window passes (4 one-sided).
    """
    line = Line(phi, value, unit=unit_of(max(abs(value), noise.magnitude)))
    if not (lower < 0.0 or upper > 0.0):
        return _nothing(line, "unresolved", 0.0)
    if step is None:
        step = first_step(noise, scale=scale, rng=rng, mode=mode)
    if confirm:
        step *= math.exp(rng.uniform(-0.25, 0.0)) / 4.0
    sides = _sides(noise, lower, upper, step)
    slopes = [
        _measure_side(
            line, noise, side=side, step=step, mode=mode, target=target, scale=scale, reach=reach
        )
        for side, reach in sides
    ]
    best = min(slopes, key=lambda s: s.bar)
    if resolution is None:
        resolution = EPS * scale
    bar = best.bar + _argument_rounding(best, resolution, origin)
    return replace(best, bar=bar, evaluations=line.evaluations)


def _argument_rounding(slope: Slope, resolution: float, origin: float | None) -> float:
    """Bound the error that comes from rounding the argument, here or inside the function.

    A function that first multiplies its argument by a constant has the slope
    of a point up to a rounding unit away. Steps of six bits are exact unless
    they come within six bits of the resolution, or x + h needs one bit more
    than x has.
    """
    if not math.isfinite(slope.bar):
        return 0.0
    shift = resolution * abs(slope.curvature) if math.isfinite(slope.curvature) else 0.0
    finest = slope.finest_step
    if finest < 64.0 * resolution or _passes_power_of_two(origin, 16.0 * finest):
        shift += resolution * abs(slope.value) / finest
    return shift


def _passes_power_of_two(origin: float | None, step: float) -> bool:
    """Tell whether a step can make the exponent of the argument larger."""
    if origin is None:
        return True
    return math.frexp(abs(origin) + step)[1] > math.frexp(origin)[1] and origin != 0.0


def _sides(noise: Noise, lower: float, upper: float, step: float) -> list[tuple[Side, float]]:
    """Choose between the two-sided ladder and one-sided ones, with the reach of each."""
    left, right = -lower, upper
    if noise.side > 0 or left <= 0.0:
        return [(1, right)]
    if noise.side < 0 or right <= 0.0:
        return [(-1, left)]
    near = min(left, right)
    if near >= step / 16.0:
        return [(0, near)]
    return [(0, near), (1, right) if right > left else (-1, left)]


def _measure_side(
    line: Line,
    noise: Noise,
    *,
    side: Side,
    step: float,
    mode: Mode,
    target: float,
    scale: float,
    reach: float,
) -> Slope:
    """Run one ladder and state what it found."""
    step = few_bits(step)
    if step > reach:
        step = few_bits_below(reach)
    ladder = _Ladder(line, noise, step=step, side=side, scale=scale, reach=reach)
    search = _Search(ladder, mode=mode, target=target / line.unit)
    found = search.run()
    if found is None:
        slope = _nothing(line, "unresolved", step)
    elif isinstance(found, _Singular):
        slope = _singular(ladder, found)
    else:
        slope = _slope(ladder, found, _regime(noise, side, ladder))
    return replace(slope, rejected=search.rejected, rejected_step=search.rejected_step)


def _regime(noise: Noise, side: Side, ladder: _Ladder) -> Regime:
    """Name what an accepted window has seen."""
    center = ladder.line.center
    if noise.constant and all(v == center for pair in ladder.samples.values() for v in pair):
        return "constant"
    if noise.side and side:
        return "domain-edge"
    if noise.sigma > _NOISE_OF_ITS_OWN * EPS * noise.magnitude:
        return "noise"
    return "smooth"


def _slope(ladder: _Ladder, found: _Found, regime: Regime) -> Slope:
    """Express an accepted window in the caller's units."""
    unit = ladder.line.unit
    h = ladder.height(found.level)
    window = [ladder.samples[k] for k in range(found.level, found.level + found.count)]
    center = ladder.line.center
    trial = found.trial
    one_sided = bars = None
    bar = (trial.bar + rounding_of(trial.value)) * unit
    if ladder.side:
        # f(h) - 2 f(h/2) + f(0) is a second difference of spacing h/2.
        curvature = (window[0][0] - 2.0 * window[1][0] + center) / (0.25 * h * h)
        bend = 0.0
        value = trial.value * unit
        one_sided = (math.nan, value) if ladder.side > 0 else (value, math.nan)
        bars = (math.inf, bar) if ladder.side > 0 else (bar, math.inf)
    else:
        (p0, m0), (p1, m1) = window[:2]
        curvature = (p0 + m0 - 2.0 * center) / (h * h)
        coarse = (p0 - m0) / (2.0 * h) - (p1 - m1) / h
        bend = abs(coarse) / (0.75 * h * h)
    return Slope(
        value=trial.value * unit,
        bar=bar,
        regime=regime,
        one_sided=one_sided,
        one_sided_bars=bars,
        step=_step_for_three(ladder, found),
        finest_step=ladder.height(found.level + found.count - 1),
        curvature=curvature * unit,
        bend=bend * unit,
        silent=not trial.visible,
        evaluations=ladder.line.evaluations,
    )


def _step_for_three(ladder: _Ladder, found: _Found) -> float:
    """Choose the coarsest step that suits a window with one extrapolation less.

    Its truncation e falls with h^4 and its noise n grows with 1/h, so their sum
    is least where h is (n / 4e)^(1/5) of the window they are known for.
    """
    h = ladder.height(found.level)
    if ladder.side or found.count == 3:
        return h if found.count < 5 else 0.5 * h
    trial = ladder.trial(found.level + 1, 3)
    if trial is None or trial.truncation <= 0.0:
        return 0.5 * h
    better = (trial.noise / (4.0 * trial.truncation)) ** 0.2
    return few_bits(0.5 * h * min(1.0, max(better, 1.0 / 16.0)))


def _singular(ladder: _Ladder, found: _Singular) -> Slope:
    """Report the slopes of the two sides of a kink or jump."""
    ladder.need(range(found.level, found.level + 4))
    window = [ladder.samples[k] for k in range(found.level, found.level + 4)]
    unit, center, h = ladder.line.unit, ladder.line.center, ladder.height(found.level)
    sigma = ladder.noise_of(window, h)
    right = one_sided_trial([plus for plus, _ in window], center, h, sigma)
    left = one_sided_trial([minus for _, minus in window], center, -h, sigma)
    bars = (
        left.bar * unit if left.good else math.inf,
        right.bar * unit if right.good else math.inf,
    )
    value = 0.5 * (left.value + right.value) * unit
    bar = 0.5 * abs(left.value - right.value) * unit + max(bars)
    return Slope(
        value=value,
        bar=math.inf if found.regime == "jump" else bar,
        regime=found.regime,
        one_sided=(left.value * unit, right.value * unit),
        one_sided_bars=bars,
        step=h,
        finest_step=h / 8.0,
        curvature=math.nan,
        bend=math.nan,
        evaluations=ladder.line.evaluations,
    )


def _nothing(line: Line, regime: Regime, step: float) -> Slope:
    """Say that nothing can be said."""
    return Slope(
        value=math.nan,
        bar=math.inf,
        regime=regime,
        step=step,
        curvature=math.nan,
        bend=math.nan,
        evaluations=line.evaluations,
    )
