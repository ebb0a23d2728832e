"""What does the cost look like around the point where an optimizer stopped?

Measurements only: lines through the point, kinks, jumps, a fall without end, a start without
slope, and how far a run with trusted derivatives gets from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

from gradaudit.blocks import Vector
from gradaudit.errors import BudgetExhausted
from gradaudit.evaluator import Evaluator
from gradaudit.numerics.noise import estimate_noise
from gradaudit.numerics.signs import random_signs

GradientOf = Callable[[Vector], Vector]

_optimize: Final[Any] = scipy.optimize  # untyped
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
# The first look along a line: steps of both signs, four times smaller each.
_LOOKS: Final = tuple(4.0**-k for k in range(8))
_NARROWINGS: Final = 18
_EXTENSIONS: Final = 6
# One-sided slopes at the lowest point of a line are looked at over these parts of it, no nearer
# than so many widths of the last interval of the search, and where so many times the noise is
# seen; the finest of so many levels must show the slope of the coarsest.
_CORNERS: Final = tuple(4.0**-k for k in range(3, 13))
_WIDTHS: Final = 4.0
_VISIBLE: Final = 20.0
_LEVELS: Final = 3
_EPS: Final = float(np.finfo(np.float64).eps)
_KEPT: Final = 0.4
_GROWN: Final = 3.0
_HALVINGS: Final = 30
# A jump keeps this part of its height however near one looks.
_STANDS: Final = 0.3
# Steps that differ by more than this part of the line, so many of them, with at most this part of
# different values, show terraces.
_CLEARLY: Final = 1e-4
_TERRACE: Final = 6
_FEW_VALUES: Final = 0.5
_DECADES: Final = 7
# Spacings at which noise is looked at once more, and how much less of it counts.
_NEARBY: Final = (2.0**-34, 2.0**-28)
_FEWER: Final = 0.05
# Each decade of a fall without end takes at least this part of the one before (a logarithm: 1).
_STEADY: Final = 0.7
_RADII: Final = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
_TRIES: Final = 4
_MORE_TRIES: Final = 12
_SADDLE: Final = (0.01, 0.05, 0.25)
# A cost that has grown by this factor is on its way to an overflow.
_HUGE: Final = 1e60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walk:
    """The cost along a line, as far as it was looked at.

    Attributes
    ----------
    steps, values : tuple of float
        Sorted by step; step 0 is the point itself.
    """

    steps: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def lowest(self) -> int:
        """Return the position of the lowest finite value."""
        finite = [v if math.isfinite(v) else math.inf for v in self.values]
        return int(np.argmin(finite))

    @property
    def terraced(self) -> bool:
        """Tell whether most values at clearly different steps are equal to the last bit."""
        reach = max(abs(self.steps[0]), abs(self.steps[-1]))
        # each side by itself: an even function repeats its values as well
        return any(self._terraced(side, _CLEARLY * reach) for side in (-1.0, 1.0))

    def _terraced(self, side: float, nearest: float) -> bool:
        values = [
            v
            for t, v in zip(self.steps, self.values, strict=True)
            if side * t >= nearest and math.isfinite(v)
        ]
        several = len(values) >= _TERRACE and len(set(values)) > 1
        return several and len(set(values)) <= _FEW_VALUES * len(values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kink:
    """A corner of the cost along a line: `left` and `right` are slopes, `entry` the parameter.

    `distance` is how far from where the run stopped, in units of the parameters' size.
    """

    step: float
    left: float
    right: float
    entry: int | None = None
    distance: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jump:
    """A cost that differs by `height` between two points a hair's breadth apart.

    `distance` is how far from where the run stopped, in units of the parameters' size.
    """

    step: float
    width: float
    height: float
    distance: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fall:
    """A cost that falls the faster the further one goes; `points` are two of the far ones."""

    steps: tuple[float, ...]
    values: tuple[float, ...]
    direction: str
    points: tuple[Vector, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Descent:
    """How far a run with trusted derivatives got.

    Attributes
    ----------
    cost : float
        The lowest value reached.
    point : ndarray of float64, shape (n,)
    evaluations : int
    """

    cost: float
    point: Vector
    evaluations: int


class LineOf:
    """The cost along ``origin + t direction``, remembered, within bounds.

    Parameters
    ----------
    evaluator : Evaluator
    origin, direction : ndarray of float64, shape (n,)
    cost : float
        At the origin.
    lower, upper : ndarray or None
        Bounds; steps beyond them are not taken.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        origin: Vector,
        direction: Vector,
        cost: float,
        lower: Vector | None = None,
        upper: Vector | None = None,
    ) -> None:
        self.evaluator = evaluator
        self.origin = origin
        self.direction = direction
        self.known: dict[float, float] = {0.0: cost}
        self.low, self.high = steps_within(origin, direction, lower, upper)

    def add(self, steps: Sequence[float]) -> None:
        """Evaluate what is not known yet, as one batch."""
        new = [t for t in dict.fromkeys(steps) if t not in self.known and self.allows(t)]
        values = self.evaluator.costs(self.origin + t * self.direction for t in new)
        self.known.update(zip(new, map(float, values), strict=True))

    def allows(self, step: float) -> bool:
        """Tell whether a step stays within the bounds."""
        return self.low <= step <= self.high

    def at(self, step: float) -> float:
        """Return the cost at one step; nan outside the bounds."""
        if step not in self.known and self.allows(step):
            self.add([step])
        return self.known.get(step, math.nan)

    def walk(self) -> Walk:
        """Return all that is known, in order."""
        steps = sorted(self.known)
        return Walk(steps=tuple(steps), values=tuple(self.known[t] for t in steps))


def steps_within(
    origin: Vector, direction: Vector, lower: Vector | None, upper: Vector | None
) -> tuple[float, float]:
    """Return the steps at which a line leaves the bounds, to both sides."""
    if lower is None or upper is None:
        return -math.inf, math.inf
    moving = direction != 0.0
    if not moving.any():
        return 0.0, 0.0
    with np.errstate(over="ignore"):
        first = (lower[moving] - origin[moving]) / direction[moving]
        second = (upper[moving] - origin[moving]) / direction[moving]
    return (
        min(float(np.minimum(first, second).max()), 0.0),
        max(float(np.maximum(first, second).min()), 0.0),
    )


def noise_along(
    line: LineOf, scale: float, rng: np.random.Generator, *, corners: bool
) -> tuple[float, str]:
    """Return the standard deviation of one evaluation, and the format costs come in.

    With `corners`, what many of them make of a difference table is told from noise by looking
    nearer; a ripple finer than the steps of differences is noise to those who take them.
    """

    def phi(steps: Vector) -> Vector:
        return line.evaluator.costs(line.origin + t * line.direction for t in steps.tolist())

    noise = estimate_noise(
        phi,
        line.known[0.0],
        scale=scale,
        rng=rng,
        lower=max(line.low, -1e300),
        upper=min(line.high, 1e300),
    )
    if noise.precision != "float64":
        rounded = float(np.finfo(noise.precision).eps) * abs(line.known[0.0])
        return max(noise.sigma, rounded), noise.precision
    if not corners:
        return noise.sigma, noise.precision
    return min(noise.sigma, _noise_nearby(line, scale, noise.sigma)), noise.precision


def _noise_nearby(line: LineOf, scale: float, sigma: float) -> float:
    """Estimate the noise from values so near to each other that no corner lies between them.

    Third differences of equally spaced values (Hamming 1962); noise stays at any spacing, what
    many corners do to a difference table does not.
    """
    lowest = math.inf
    for spacing in _NEARBY:
        values = np.array([line.at(k * spacing * scale) for k in range(-4, 5)])
        if not np.isfinite(values).all():
            return sigma
        if np.unique(values).size < 4:
            return sigma  # on one terrace there is nothing to be seen
        table = np.diff(values, 3)
        lowest = min(lowest, float(np.sqrt(np.mean(table**2) / 20.0)))
    return lowest if lowest < _FEWER * sigma else sigma


def look(line: LineOf, reach: float) -> Walk:
    """Look along a line in steps of growing length, then narrow down its lowest point.

    Notes
    -----
    About 30 evaluations. Golden-section search (Kiefer 1953) between the neighbours of the lowest
    value seen.
    """
    line.add([sign * reach * part for part in _LOOKS for sign in (1.0, -1.0)])
    walk = line.walk()
    position = walk.lowest
    for _ in range(_EXTENSIONS):
        if position not in (0, len(walk.steps) - 1):
            break
        line.add([2.0 * walk.steps[position]])
        if len(line.known) == len(walk.steps):
            return walk
        walk = line.walk()
        position = walk.lowest
    if position in (0, len(walk.steps) - 1):
        return walk
    left, right = walk.steps[position - 1], walk.steps[position + 1]
    for _ in range(_NARROWINGS):
        inner = right - _GOLDEN * (right - left)
        outer = left + _GOLDEN * (right - left)
        if line.at(inner) <= line.at(outer):
            right = outer
        else:
            left = inner
    return line.walk()


def find_kink(line: LineOf, walk: Walk, noise: float, entry: int | None = None) -> Kink | None:
    """Tell whether the lowest point of a line is a corner.

    Notes
    -----
    At a smooth minimum the slope (f(t + h) - f(t)) / h is proportional to h; at a corner it stays,
    down to where noise or the width of the search takes over. Twenty evaluations.
    """
    position = walk.lowest
    if position in (0, len(walk.steps) - 1):
        return None
    step, lowest = walk.steps[position], walk.values[position]
    # the golden section leaves the corner somewhere between the neighbours
    fuzz = max(walk.steps[position + 1] - step, step - walk.steps[position - 1])
    reach = max(abs(walk.steps[0]), abs(walk.steps[-1]))
    heights = [h for h in (reach * part for part in _CORNERS) if h >= _WIDTHS * fuzz]
    line.add([step + side * h for h in heights for side in (-1.0, 1.0)])
    rows: list[tuple[float, float]] = []
    for height in heights:
        left, right = (line.at(step + side * height) - lowest for side in (-1.0, 1.0))
        if min(left, right) > _VISIBLE * noise and math.isfinite(left + right):
            rows.append((left / height, right / height))
    if len(rows) < _LEVELS:
        return None
    coarse, fine = rows[-_LEVELS], rows[-1]
    # steady on both sides; where the nearer is the steeper it is a jump
    if not all(_KEPT * c <= f <= _GROWN * c for c, f in zip(coarse, fine, strict=True)):
        return None
    return Kink(step=step, left=-fine[0], right=fine[1], entry=entry)


def find_jump(
    line: LineOf, walk: Walk, noise: float, low: float = -math.inf, high: float = math.inf
) -> Jump | None:
    """Tell whether the cost jumps somewhere on a line, between two steps.

    Notes
    -----
    Halves the interval with the largest difference; a continuous function's difference goes to
    zero with its width. At most 30 evaluations, fewer where it does.
    """
    pairs = [
        (abs(b - a), s, t)
        for (s, a), (t, b) in zip(
            zip(walk.steps, walk.values, strict=True),
            list(zip(walk.steps, walk.values, strict=True))[1:],
            strict=False,
        )
        if math.isfinite(a) and math.isfinite(b) and s >= low and t <= high
    ]
    highest = max((abs(v) for v in walk.values if math.isfinite(v)), default=0.0)
    noise = max(noise, 4.0 * _EPS * highest)
    for height, left, right in sorted(pairs, reverse=True)[:3]:
        found = _narrow_jump(line, left, right, height, noise)
        if found is not None:
            return found
    return None


def _narrow_jump(
    line: LineOf, left: float, right: float, height: float, noise: float
) -> Jump | None:
    first = height
    for halving in range(_HALVINGS):
        middle = 0.5 * (left + right)
        if middle in (left, right):
            break
        value = line.at(middle)
        lower, upper = abs(value - line.at(left)), abs(line.at(right) - value)
        if not (math.isfinite(lower) and math.isfinite(upper)):
            return None
        left, right, height = (left, middle, lower) if lower >= upper else (middle, right, upper)
        if height < _STANDS * first or height < 100.0 * noise:
            # a steep but continuous stretch may hide the jump at first
            if halving > 6:
                return None
            first = height
    height = line.at(right) - line.at(left)
    if abs(height) < 100.0 * noise:
        return None
    return Jump(step=left, width=abs(right - left), height=height)


def find_fall(line: LineOf, unit: float, direction: str, noise: float) -> Fall | None:
    """Tell whether the cost falls without end along a line: decade after decade, undiminished."""
    steps = [unit * 10.0**k for k in range(_DECADES)]
    if not line.allows(steps[-1]):
        return None
    values = [line.known[0.0]]
    for step in steps:
        value = line.at(step)
        if value == -math.inf:
            return _fall(line, steps, [*values, value], direction)
        if not math.isfinite(value):
            return None
        values.append(value)
    drops = -np.diff(values)
    late = drops[2:]
    if (late <= 100.0 * noise).any() or (late[1:] < _STEADY * late[:-1]).any():
        return None
    return _fall(line, steps, values, direction)


def _fall(line: LineOf, steps: list[float], values: list[float], direction: str) -> Fall:
    far = (steps[len(steps) // 2], steps[-1])
    return Fall(
        steps=(0.0, *steps[: len(values) - 1]),
        values=tuple(values),
        direction=direction,
        points=tuple(line.origin + step * line.direction for step in far),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edge:
    """Where the cost stops being finite along a line.

    Attributes
    ----------
    inside, outside : float
        The last step with a finite cost, and the first without.
    last, beyond : float
        The cost there.
    overflow : bool
        The cost had grown beyond all measure before: an overflow, not the end of a domain.
    """

    inside: float
    outside: float
    last: float
    beyond: float
    overflow: bool


def find_edge(line: LineOf) -> Edge | None:
    """Halve the way to step 1, where the cost is not finite, until the edge is known.

    At most 31 evaluations.
    """
    inside, outside = 0.0, 1.0
    if math.isfinite(line.at(outside)):
        return None
    for _ in range(_HALVINGS):
        middle = 0.5 * (inside + outside)
        if math.isfinite(line.at(middle)):
            inside = middle
        else:
            outside = middle
    last = line.at(inside)
    return Edge(
        inside=inside,
        outside=outside,
        last=last,
        beyond=line.at(outside),
        overflow=abs(last) > _HUGE * (1.0 + abs(line.known[0.0])),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vicinity:
    """Whether the cost is lower somewhere near a point without slope.

    Attributes
    ----------
    lower : float or None
        The lowest value seen along directions in which the first change was downwards.
    radius : float
        In units of the parameters' typical size.
    flat : bool
        The cost did not change at all, to the last bit, along any direction up to the largest
        radius.
    jump : Jump or None
        Where a plateau ended: at a step, not at a slope.
    """

    lower: float | None
    radius: float
    flat: bool
    jump: Jump | None = None


def look_around(
    evaluator: Evaluator,
    point: Vector,
    cost: float,
    sizes: Vector,
    noise: float,
    rng: np.random.Generator,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> Vicinity:
    """Look for lower values near a point, in a few random directions and their opposites.

    A direction counts by its first visible change: a minimum rises first, a saddle or a plateau
    does not.
    """
    lowest, radius, flat = cost, 0.0, True
    jump: Jump | None = None
    for number in range(_MORE_TRIES):
        if number >= _TRIES and (lowest < cost or flat):
            break
        direction = sizes * random_signs(point.size, rng)
        if number % 2:
            direction *= rng.uniform(0.25, 1.0, point.size)
        line = LineOf(evaluator, point, direction, cost, lower, upper)
        for side in (1.0, -1.0):
            reach, value = _first_change(line, side, cost, noise)
            if reach is None:
                continue
            flat = False
            if value < lowest:
                lowest, radius = value, reach
            before = line.known.get(side * reach / 10.0)
            if jump is None and before == cost:
                jump = _narrow_jump(
                    line, side * reach / 10.0, side * reach, abs(value - cost), noise
                )
    return Vicinity(lower=lowest if lowest < cost else None, radius=radius, flat=flat, jump=jump)


def _first_change(
    line: LineOf, side: float, cost: float, noise: float
) -> tuple[float | None, float]:
    """Return the first of the radii at which the cost visibly changes, and its value there."""
    for reach in _RADII:
        value = line.at(side * reach)
        if math.isfinite(value) and abs(value - cost) > 30.0 * noise:
            return reach, value
    return None, cost


def slips_off(
    evaluator: Evaluator,
    point: Vector,
    cost: float,
    sizes: Vector,
    noise: float,
    rng: np.random.Generator,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> float | None:
    """Return a lower value that both sides of some line lead to, as they do from a saddle.

    At a minimum, and where a slope is left, one side at least goes up. Up to 24 evaluations.
    """
    for number in range(_TRIES):
        direction = sizes * random_signs(point.size, rng)
        if number % 2:
            direction = np.where(rng.random(point.size) < 0.5, direction, 0.0)
        if not direction.any():
            continue
        line = LineOf(evaluator, point, direction, cost, lower, upper)
        values = [line.at(side * reach) for reach in _SADDLE for side in (-1.0, 1.0)]
        if not np.isfinite(values).all():
            continue
        drops = cost - np.array(values).reshape(len(_SADDLE), 2)
        if (drops > 30.0 * noise).all() and (np.diff(drops, axis=0) > 0.0).all():
            return float(cost - drops.max())
    return None


def descend(
    evaluator: Evaluator,
    gradient_of: GradientOf,
    point: Vector,
    *,
    scales: Vector | None = None,
    lower: Vector | None = None,
    upper: Vector | None = None,
    most: int = 40,
) -> Descent:
    """Go on from a point with derivatives that can be trusted.

    Parameters
    ----------
    evaluator : Evaluator
    gradient_of : callable
        The trusted gradient at a point.
    point : ndarray of float64, shape (n,)
    scales : ndarray, optional
        Typical length of each parameter: the run is made in x / scales.
    lower, upper : ndarray, optional
    most : int
        Evaluations of the cost.
    """
    units = np.ones(point.size) if scales is None else scales
    lowest, reached = math.inf, point
    used = 0

    class _Enough(Exception):
        pass

    def cost_and_gradient(y: Vector) -> tuple[float, Vector]:
        nonlocal used, lowest, reached
        if used >= most:
            raise _Enough
        used += 1
        x = y * units
        value = evaluator.cost(x)
        if value < lowest:
            lowest, reached = value, x
        if not math.isfinite(value):
            return 1e300, np.zeros(y.size)
        return value, gradient_of(x) * units

    bounds = None
    if lower is not None and upper is not None:
        bounds = list(zip(lower / units, upper / units, strict=True))
    try:
        with np.errstate(all="ignore"):
            _optimize.minimize(
                cost_and_gradient,
                point / units,
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 0.0, "gtol": 0.0, "maxiter": most},
            )
    except (_Enough, BudgetExhausted, ValueError, OverflowError):
        pass
    return Descent(cost=float(lowest), point=reached, evaluations=used)
