"""Is a Jacobian, Hessian or Hessian product right? Products with directions against differences.

One evaluation of a vector function along a line gives all its rows at once. Rows that agree with
an extrapolated difference are right; the others are measured one by one, with bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Block, Vector
from gradaudit.errors import EvaluationError, GradauditError
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.directions import few_bits, region_at, typical_sizes
from gradaudit.evidence.protocol import REPEATABLE, differ, digest, relative_difference
from gradaudit.evidence.roughness import rounding_of_dot
from gradaudit.evidence.vector_calls import Matrix, VectorCalls, read_values
from gradaudit.numerics.derivative import derive
from gradaudit.numerics.extrapolation import Z
from gradaudit.numerics.ladder import Slope

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

# Coarsest steps of the windows, in typical sizes of the parameters: the first suits nearly all
# functions, the second large offsets, the third what is wild or defined close by only.
WINDOWS: Final = (2.0**-9, 2.0**-3, 2.0**-17)
# Rows measured one by one, of those that do not agree; and measured again.
_CAREFUL: Final = 4
_CONFIRMED: Final = 2
# Evaluations that the measurements of single rows along one line may take together.
_MOST: Final = 90
# Directions at each point.
_DIRECTIONS: Final = 2
# What moves to both sides by this part of its slope, at half the step by half of it, has a kink.
_KINK: Final = 1e-5
# Two windows agree to this part of the slope; a difference beyond this part of it is plain.
_CONSISTENT: Final = 1e-6
_PLAIN: Final = 1e-4
# Bound of what unit noise makes of a slope that is extrapolated from steps down to h/4.
_SPREAD: Final = Z * 1.45 * 4.0 / math.sqrt(2.0)
# Orders of differences that are all noise for a smooth function at the first spacing.
_ORDERS: Final = (6, 7, 8)
_SPACINGS: Final = (2.0**-9, 2.0**-14)
_EPS: Final = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorProtocol:
    """What a few plain calls showed.

    Attributes
    ----------
    rows, columns : int
        Values and parameters.
    mutated : str
        What overwrites the array it is given: "", or the name of the function.
    aliased_value, aliased_derivative : bool
        What one call returned is overwritten by the next.
    value_spread, derivative_spread : float
        Relative difference between two calls at one point.
    stale : bool
        The derivative asked for after a call elsewhere belongs to that other point.
    fixed_value, fixed_derivative : bool
        Equal to the last bit at a point nearby.
    rows_nearby : int
        Number of values there.
    """

    rows: int
    columns: int
    mutated: str = ""
    aliased_value: bool = False
    aliased_derivative: bool = False
    value_spread: float = 0.0
    derivative_spread: float = 0.0
    stale: bool = False
    fixed_value: bool = False
    fixed_derivative: bool = False
    rows_nearby: int = 0

    @property
    def repeatable(self) -> bool:
        """Whether two calls agree up to the order of summation."""
        return max(self.value_spread, self.derivative_spread) <= REPEATABLE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """The promised and the measured change of every row along one direction.

    Attributes
    ----------
    along : ndarray of float64, shape (n,)
    promised, numeric, error, scale : ndarray of float64, shape (m,)
        The product; the measurement; about how far it can be wrong (infinite where it says
        nothing); the size of the product's terms.
    agreed : ndarray of bool, shape (m,)
        Promised and measured are the same up to what is negligible.
    clear : ndarray of bool, shape (m,)
        Windows far apart agree with each other, and plainly not with the product.
    still : bool
        The function was the same to the last bit at every step.
    samples : Samples or None
        Kept where not all rows agree, to be read again.
    """

    along: Vector
    promised: Vector
    numeric: Vector
    error: Vector
    scale: Vector
    agreed: Mask
    clear: Mask
    still: bool = False
    samples: Samples | None = None

    def trusted(self) -> Mask:
        """Return the rows whose measurement is good to a thousandth of their size."""
        size = np.maximum(self.scale, np.abs(self.numeric))
        return (self.error <= 1e-3 * size) & np.isfinite(self.promised)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Careful:
    """One row measured with a bar."""

    row: int
    promised: float
    measured: float
    bar: float
    scale: float
    regime: str = "smooth"

    @property
    def residual(self) -> float:
        """Return promised minus measured."""
        return self.promised - self.measured

    @property
    def sureness(self) -> float:
        """Return the difference in bars."""
        return abs(self.residual) / (self.bar or 1e-300)

    def wrong(self, negligible: float) -> bool:
        """Tell whether the difference is beyond the bar, and worth a word."""
        if self.regime in ("kink", "jump") or not math.isfinite(self.residual):
            return False
        size = max(self.scale, abs(self.measured))
        return abs(self.residual) > max(self.bar, negligible * size)


@dataclass(slots=True, kw_only=True, eq=False)
class VectorPoint:
    """What was measured at one point.

    Attributes
    ----------
    name : str
    theta, value, matrix
        The point itself, function and derivative there.
    weights : ndarray of float64, shape (n,)
        Length of a unit step in each parameter.
    reach : float
        Longest step within the bounds.
    noise : ndarray of float64, shape (m,), or None
        Standard deviation of one evaluation, where something made it worth measuring.
    readings, careful, confirmed : list
        All rows along lines; single rows with bars; those wrong twice.
    unconfirmed : int
        Differences that a second measurement did not show.
    """

    name: str
    theta: Vector = field(repr=False)
    value: Vector = field(repr=False)
    matrix: Matrix = field(repr=False)
    weights: Vector = field(repr=False)
    reach: float = 1.0
    noise: Vector | None = field(default=None, repr=False)
    readings: list[Reading] = field(default_factory=list[Reading])
    careful: list[Careful] = field(default_factory=list[Careful])
    confirmed: list[Careful] = field(default_factory=list[Careful])
    unconfirmed: int = 0

    @property
    def wrong(self) -> bool:
        """Whether a difference was confirmed by a second measurement."""
        return bool(self.confirmed)

    @property
    def wrong_rows(self) -> Rows:
        """Return the rows that are wrong: those confirmed, and those that look like them."""
        found = {c.row for c in self.confirmed}
        for reading in self.readings:
            gap = np.abs(reading.promised - reading.numeric)
            size = np.maximum(reading.scale, np.abs(reading.numeric))
            sure = ~reading.agreed & (gap > 10.0 * reading.error) & (gap > 1e-5 * size)
            found.update(np.flatnonzero(sure & np.isfinite(reading.numeric)).tolist())
        found -= {c.row for c in self.careful if not c.wrong(0.0)} - {c.row for c in self.confirmed}
        return np.array(sorted(found), dtype=np.intp)

    def seen_rows(self) -> Mask:
        """Return the rows in which an error of a thousandth would have been seen."""
        seen = np.zeros(self.value.size, dtype=bool)
        for r in self.readings:
            seen |= r.agreed | r.clear
            if self.noise is not None:
                with np.errstate(invalid="ignore"):
                    seen |= r.trusted() & (np.abs(r.promised - r.numeric) <= r.error)
        for c in self.careful:
            seen[c.row] |= c.bar <= 1e-3 * max(c.scale, abs(c.measured)) or c.wrong(0.0)
        return seen


class _Enough(Exception):
    """The evaluations along one line are used up."""


class Samples:
    """The function at steps along a line, each evaluated once."""

    def __init__(self, calls: VectorCalls, point: VectorPoint, along: Vector) -> None:
        self.calls = calls
        self.point = point
        self.along = along
        self.known: dict[float, Vector] = {0.0: point.value}
        self.most = math.inf

    def at(self, step: float) -> Vector:
        """Return all values at a step; nan where the function is not defined."""
        if step not in self.known:
            if len(self.known) >= self.most:
                raise _Enough
            theta = self.point.theta + step * self.along
            self.known[step] = self.calls.try_value(theta, self.point.value.size)
        return self.known[step]

    def row(self, number: int) -> Callable[[Vector], Vector]:
        """Return one row as a function of steps, for the numerics."""
        return lambda steps: np.array([self.at(float(step))[number] for step in steps])


class VectorAuditor:
    """Measures products of a derivative at points.

    Parameters
    ----------
    calls : VectorCalls
    rng : numpy.random.Generator
    blocks : sequence of Block
        Of the parameters; typical sizes are theirs.
    lower, upper : ndarray or None
        No step leaves these bounds.
    negligible : float
        Relative difference of a row up to which it agrees.
    """

    def __init__(
        self,
        calls: VectorCalls,
        rng: np.random.Generator,
        *,
        blocks: Sequence[Block] = (),
        lower: Vector | None = None,
        upper: Vector | None = None,
        negligible: float = 1e-6,
    ) -> None:
        self.calls = calls
        self.rng = rng
        self.blocks = tuple(blocks)
        self.lower = lower
        self.upper = upper
        self.negligible = negligible

    def sizes(self, theta: Vector) -> Vector:
        """Return a typical size of each parameter."""
        return typical_sizes(theta, self.blocks or (Block("theta", 0, (theta.size,)),))

    def inside(self, theta: Vector) -> Vector:
        """Return the point itself, or one a little off the bounds it sits on."""
        if self.lower is None or self.upper is None:
            return theta
        sizes = self.sizes(theta)
        width = np.minimum(self.upper - self.lower, sizes)
        margin = 0.1 * np.where(np.isfinite(width), width, sizes)
        return np.where(
            self.lower == self.upper,
            self.lower,
            np.clip(theta, self.lower + margin, self.upper - margin),
        )

    def begin(self, name: str, theta: Vector) -> VectorPoint:
        """Evaluate function and derivative at a point."""
        moved = self.inside(theta)
        if differ(moved, theta):
            name = f"{name}, moved off its bounds"
        value = self.calls.value(moved, where=name)
        matrix = self.calls.derivative(moved, value.size, where=name)
        region = region_at(moved, self.sizes(moved), self.lower, self.upper)
        return VectorPoint(
            name=name,
            theta=moved,
            value=value,
            matrix=matrix,
            weights=region.weights,
            reach=min(region.reach, 1.0),
        )

    def observe_protocol(self, theta: Vector) -> VectorProtocol:
        """Call function and derivative at a point, nearby, and at the point again: six calls."""
        return _Observation(self, self.inside(theta)).result()

    def random_direction(self, point: VectorPoint, within: Mask | None = None) -> Vector:
        """Return random signs times random lengths: equal errors do not cancel."""
        lengths = self.rng.uniform(0.5, 1.0, point.theta.size)
        along = few_bits(lengths) * point.weights
        along *= self.rng.choice((-1.0, 1.0), along.size)
        return along if within is None else np.where(within, along, 0.0)

    def audit(self, point: VectorPoint) -> None:
        """Compare along random directions; measure and confirm what does not agree.

        12 evaluations, and the products, when all is right.
        """
        for _ in range(_DIRECTIONS):
            along = self.random_direction(point)
            if not along.any():
                return
            samples = Samples(self.calls, point, along)
            reading = self.read(point, samples, WINDOWS[:2] if point.wrong else WINDOWS)
            point.readings.append(reading)
            if not reading.agreed.all() and not point.wrong:
                self._look_closer(point, samples, reading)
        doubtful = any(not (r.agreed | r.clear).all() for r in point.readings)
        if point.wrong and doubtful:
            self._learn_noise(point)

    def read(
        self, point: VectorPoint, samples: Samples, windows: Sequence[float] = WINDOWS
    ) -> Reading:
        """Measure every row along a line with as few windows as the rows need."""
        along = samples.along
        promised = point.matrix.times(along)
        scale = np.maximum(point.matrix.sizes(along), np.abs(promised))
        tolerance = max(self.negligible, 16.0 * point.matrix.eps) * scale
        numeric = np.full(promised.size, np.nan)
        error = np.full(promised.size, np.inf)
        agreed, clear = np.zeros((2, promised.size), dtype=bool)
        for step in windows:
            if step > point.reach:
                continue
            value, uncertainty = _window(samples, step, scale)
            if point.noise is not None:
                uncertainty = uncertainty + _SPREAD * point.noise / step
            with np.errstate(invalid="ignore"):
                same = np.abs(promised - value) <= np.where(scale > 0.0, tolerance, uncertainty)
            same &= ~agreed & ~clear
            clear |= _is_clear(promised, scale, (numeric, error), (value, uncertainty)) & ~agreed
            better = ((uncertainty < error) & ~agreed) | same
            numeric[better], error[better] = value[better], uncertainty[better]
            error[same] = np.minimum(uncertainty, tolerance)[same]
            agreed |= same
            if (agreed | clear).all():
                break
        still = all(not differ(v, point.value) for v in samples.known.values())
        return Reading(
            along=along,
            promised=promised,
            numeric=numeric,
            error=error,
            scale=scale,
            agreed=agreed,
            clear=clear,
            still=still,
            samples=None if agreed.all() else samples,
        )

    def _look_closer(self, point: VectorPoint, samples: Samples, reading: Reading) -> None:
        """Confirm a difference: what is clear along another line, the rest with bars, twice."""
        if reading.clear.any():
            again = Samples(self.calls, point, self.random_direction(point))
            second = self.read(point, again)
            both = reading.clear & second.clear
            point.readings.append(second)
            point.confirmed += [_plain(reading, int(row)) for row in np.flatnonzero(both)]
            if point.wrong:
                return
        self._look_carefully(point, samples, reading)

    def _learn_noise(self, point: VectorPoint) -> None:
        """Measure the noise of every row, and read again what is at hand: 16 evaluations."""
        lines = [r.samples for r in point.readings if r.samples is not None]
        if point.noise is None and lines:
            with np.errstate(over="ignore"):
                point.noise = _noise(lines[-1])
            point.readings = [
                r if r.samples is None else self.read(point, r.samples) for r in point.readings
            ]

    def _unexplained(self, point: VectorPoint, reading: Reading) -> Mask:
        """Return the rows whose difference the noise does not explain, or hides altogether."""
        explained = np.abs(reading.promised - reading.numeric) <= reading.error
        if not point.careful:
            explained &= reading.trusted()
        return ~reading.agreed & ~explained

    def _look_carefully(self, point: VectorPoint, samples: Samples, reading: Reading) -> None:
        self._learn_noise(point)
        reading = point.readings[-1]
        doubtful = np.flatnonzero(self._unexplained(point, reading))
        if not doubtful.size:
            return
        size = np.maximum(reading.scale, np.abs(reading.numeric))
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.nan_to_num(np.abs(reading.promised - reading.numeric) / size)
            sureness = np.nan_to_num(gap / (reading.error / size), posinf=1e300)
        order = doubtful[np.argsort(-np.minimum(sureness, 1e3 * gap)[doubtful], kind="stable")]
        found = self._measure(point, samples, order[:_CAREFUL].tolist())
        point.careful += found
        wrong = [c for c in found if c.wrong(self.negligible)]
        if not wrong:
            return
        worst = sorted(wrong, key=lambda c: -c.sureness)[:_CONFIRMED]
        again = Samples(self.calls, point, self.random_direction(point))
        second = self._measure(point, again, [c.row for c in worst])
        kept = [c for c in second if c.wrong(self.negligible)]
        if kept:
            point.confirmed += kept
        else:
            point.unconfirmed += 1

    def _measure(self, point: VectorPoint, samples: Samples, rows: Sequence[int]) -> list[Careful]:
        """Measure rows one by one; they share the steps, and so the evaluations."""
        promised = point.matrix.times(samples.along)
        scale = np.maximum(point.matrix.sizes(samples.along), np.abs(promised))
        seed = int(self.rng.integers(2**32))
        samples.most = len(samples.known) + _MOST
        found: list[Careful] = []
        for row in rows:
            if not math.isfinite(point.value[row]):
                continue
            try:
                slope = derive(
                    samples.row(row),
                    float(point.value[row]),
                    scale=1.0,
                    rng=np.random.default_rng(seed),
                    lower=-point.reach,
                    upper=point.reach,
                )
            except _Enough:
                break
            found.append(_compared(row, float(promised[row]), slope, float(scale[row]), point))
        return found


def _plain(reading: Reading, row: int) -> Careful:
    size = max(float(reading.scale[row]), abs(float(reading.numeric[row])))
    return Careful(
        row=row,
        promised=float(reading.promised[row]),
        measured=float(reading.numeric[row]),
        bar=float(reading.error[row]) + _CONSISTENT * size,
        scale=float(reading.scale[row]),
    )


def _is_clear(
    promised: Vector, scale: Vector, one: tuple[Vector, Vector], two: tuple[Vector, Vector]
) -> Mask:
    """Tell which rows two windows measure alike, at a plain distance from the product.

    Steps differ by a factor of 64 or more: neither noise nor a kink nearby, nor an oscillation
    gives the same slope twice to a millionth. A row that stands still does, and says nothing.
    """
    with np.errstate(invalid="ignore"):
        size = np.maximum(scale, np.abs(two[0]))
        error = np.maximum(one[1], two[1])
        gap = np.abs(promised - two[0])
        alike = np.abs(one[0] - two[0]) <= _CONSISTENT * size
        return alike & (error < 1e-2 * gap) & (gap > _PLAIN * size) & (two[0] != 0.0)


def _compared(row: int, promised: float, slope: Slope, scale: float, point: VectorPoint) -> Careful:
    rounding = rounding_of_dot(promised, scale) + 16.0 * point.matrix.eps * scale
    if slope.value == slope.curvature == 0.0:
        # what comes out of larger terms may stand still by their rounding alone
        rounding += 4.0 * _EPS * abs(float(point.value[row])) / min(slope.step or 1.0, 1.0)
    return Careful(
        row=row,
        promised=promised,
        measured=slope.value,
        bar=slope.bar + rounding,
        scale=scale,
        regime=slope.regime,
    )


def _window(samples: Samples, step: float, scale: Vector) -> tuple[Vector, Vector]:
    """Extrapolate central differences at h, h/2, h/4: the slopes, and how far they are known.

    Notes
    -----
    D(h) = r' + c3 h^2 + c5 h^4; R = (4 D(h/2) - D(h))/3, T = (16 R(h/2) - R(h))/15. The error is
    taken as that of R, which is generous, and the rounding of values; infinite at a kink, where
    r(h) + r(-h) - 2 r(0) falls by 2 and not by 4 from step to step.
    """
    heights = (step, 0.5 * step, 0.25 * step)
    pairs = [(samples.at(h), samples.at(-h)) for h in heights]
    center = samples.at(0.0)
    with np.errstate(all="ignore"):
        d = [(plus - minus) / (2.0 * h) for (plus, minus), h in zip(pairs, heights, strict=True)]
        r0, r1 = (4.0 * d[1] - d[0]) / 3.0, (4.0 * d[2] - d[1]) / 3.0
        value = (16.0 * r1 - r0) / 15.0
        largest = np.max([np.abs(v) for pair in pairs for v in pair], axis=0)
        error = np.abs(value - r1) + 4.0 * _EPS * largest / heights[-1]
        even = [plus + minus - 2.0 * center for plus, minus in pairs]
        size = np.maximum(scale, np.abs(value))
        kink = np.abs(even[0] - 2.0 * even[1]) < 0.3 * np.abs(even[0])
        kink &= np.abs(even[1]) > _KINK * size * heights[1]
    error[kink | ~np.isfinite(error)] = np.inf
    return value, error


def _noise(samples: Samples) -> Vector:
    """Estimate the noise of every row from tables of nine equally spaced values (ECNoise).

    Notes
    -----
    The fine table tells noise from what oscillates, unless values repeat in it: those are the
    terraces of a short format, whose height the coarse table shows. 16 evaluations.
    """
    tables = [np.stack([samples.at(j * spacing) for j in range(-4, 5)]) for spacing in _SPACINGS]
    coarse, fine = (_roughness(table) for table in tables)
    with np.errstate(invalid="ignore"):
        repeated = (np.diff(tables[1], axis=0) == 0.0).any(axis=0)
    center = samples.at(0.0)
    short = bool((center.astype(np.float32) == center).all())
    floor = 0.3 * float(np.finfo(np.float32 if short else np.float64).eps) * np.abs(center)
    return np.maximum(np.where(repeated, np.maximum(coarse, fine), fine), floor)


def _roughness(table: NDArray[np.float64]) -> Vector:
    """Return the largest noise level of differences of high orders, for each column."""
    levels: list[Vector] = []
    with np.errstate(all="ignore"):
        for order in range(1, _ORDERS[-1] + 1):
            table = np.diff(table, axis=0)
            if order in _ORDERS:
                gamma = math.factorial(order) ** 2 / math.factorial(2 * order)
                levels.append(np.sqrt(gamma * np.mean(table * table, axis=0)))
    return np.nan_to_num(np.max(levels, axis=0), nan=np.inf)


class _Observation:
    """Six calls that show how function and derivative behave."""

    def __init__(self, auditor: VectorAuditor, theta: Vector) -> None:
        self.auditor = auditor
        self.calls = auditor.calls
        self.theta = theta
        sizes = auditor.sizes(theta)
        step = auditor.rng.uniform(0.05, 0.1, theta.size) * sizes
        nearby = theta + step * auditor.rng.choice((-1.0, 1.0), theta.size)
        if auditor.lower is not None and auditor.upper is not None:
            nearby = np.clip(nearby, auditor.lower, auditor.upper)
        self.nearby = nearby
        self.matrices = self.calls.form == "matrix"

    def result(self) -> VectorProtocol:
        calls, theta = self.calls, self.theta
        first = self._first_value()
        second = self._first_derivative(first.values.size)
        value_near = calls.try_value(self.nearby.copy(), first.values.size)
        aliased = not first.own and _changed_values(first.raw, first.values, calls)
        near = self._derivative(self.nearby, first.values.size)
        aliased_derivative = self._changed_matrix(second, first.values.size)
        again = self._derivative(theta, first.values.size)
        value_again = calls.try_value(theta.copy(), first.values.size)
        spread = 0.0 if second is None or again is None else _gap(again, second.entries)
        stale = False
        if spread > REPEATABLE and near is not None and again is not None:
            afresh = self._derivative(theta, first.values.size)
            if afresh is not None and second is not None:
                stale = _gap(afresh, second.entries) <= REPEATABLE
            spread = 0.0 if stale else spread
        return VectorProtocol(
            rows=first.values.size,
            columns=theta.size,
            mutated=first.mutated or ("" if second is None else second.mutated),
            aliased_value=aliased,
            aliased_derivative=aliased_derivative,
            value_spread=relative_difference(value_again, first.values),
            derivative_spread=spread,
            stale=stale,
            fixed_value=not differ(value_near, first.values) and differ(self.nearby, theta),
            fixed_derivative=near is not None
            and second is not None
            and digest(near) == digest(second.entries),
            rows_nearby=value_near.size,
        )

    def _first_value(self) -> _First:
        array = self.theta.copy()
        raw = self._guarded(lambda: self.calls.raw_value(array), self.calls.names[0])
        values = read_values(raw, self.calls.names[0])
        own = isinstance(raw, np.ndarray) and np.may_share_memory(cast("Any", raw), array)
        mutated = self.calls.names[0] if differ(array, self.theta) else ""
        return _First(raw=raw, values=values, own=own, mutated=mutated)

    def _first_derivative(self, rows: int) -> _FirstMatrix | None:
        if not self.matrices:
            return None
        array = self.theta.copy()
        raw = self._guarded(lambda: self.calls.raw_derivative(array), self.calls.names[1])
        mutated = self.calls.names[1] if differ(array, self.theta) else ""
        entries = _entries(self.calls.read(raw, rows, self.theta.size))
        if entries is None:
            return None
        return _FirstMatrix(raw=raw, entries=entries, mutated=mutated)

    def _guarded(self, call: Callable[[], Any], name: str) -> Any:
        try:
            return call()
        except GradauditError:
            raise
        except Exception as error:
            raise EvaluationError(f"{name} raised {type(error).__name__}: {error}") from error

    def _derivative(self, theta: Vector, rows: int) -> Vector | None:
        if not self.matrices:
            return None
        try:
            return _entries(self.calls.derivative(theta, rows, where="a point nearby"))
        except (EvaluationError, BadReturn):
            return None

    def _changed_matrix(self, first: _FirstMatrix | None, rows: int) -> bool:
        if first is None or not isinstance(first.raw, np.ndarray):
            return False
        now = _entries(self.calls.read(first.raw, rows, self.theta.size))
        return now is not None and differ(now, first.entries)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _First:
    raw: Any
    values: Vector
    own: bool
    mutated: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FirstMatrix:
    raw: Any
    entries: Vector
    mutated: str


def _entries(matrix: Matrix) -> Vector | None:
    if matrix.dense is not None:
        return matrix.dense.reshape(-1)
    if matrix.sparse is not None:
        return np.array(matrix.sparse.data, dtype=np.float64)
    return None


def _gap(new: Vector, old: Vector) -> float:
    return math.inf if new.size != old.size else relative_difference(new, old)


def _changed_values(raw: Any, values: Vector, calls: VectorCalls) -> bool:
    if not isinstance(raw, np.ndarray):
        return False
    now = read_values(cast("Any", raw), calls.names[0])
    return now.size != values.size or differ(now, values)
