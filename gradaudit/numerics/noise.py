"""The noise of one evaluation, from difference tables at several spacings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradaudit.numerics.line import EPS, Line, Phi, few_bits, few_bits_below, unit_of

Precision: TypeAlias = Literal["float64", "float32", "float16"]

# Spacings of the tables in units of the scale: the first, and the ratio of each
# to the next. 30 is far enough that a smooth function and noise part company.
_FIRST_SPACING = 1e-4
_SPACING_RATIO = 30.0
_MOST_TABLES = 16
_SMALLEST_SPACING = 1e-18
# Orders 4..8 of eleven values: each order k has 11 - k differences, so even the
# highest averages three. (Seven values, as in ECNoise, under-estimated often.)
_POINTS = 11
_HALF = 5
_ORDERS = (4, 5, 6, 7, 8)
# Two estimates within this factor agree: the spread of a maximum of few-sample
# deviations.
_AGREE = 12.0
_FLAT = 8.0
# A kink or a jump touches at most four of the seven fourth differences; of
# noise hardly ever are three below this part of the largest.
_UNTOUCHED = 0.02
# A smooth function's fourth differences are so many times its eighth.
_RESOLVED = 64.0
# A change of so many parts of the value cannot be lost in rounding.
_PROMISED = 100 * EPS
# Above this relative size noise is not told from an unresolved oscillation at
# two spacings.
_NOISY = 1e-4
_TERRACE = 1e-6
# So many tables must agree before noise above _NOISY is believed.
_MANY = 4
# Looking again: how many spacings at most, the ratio between them, how near two
# heights must be, and how large they may be beside the function.
_MOST_AGAIN = 4
_AGAIN_RATIO = 8.0
_SAME_HEIGHT = 3.0
_AGAIN_NOISY = 1e-2
# Standard deviation of one rounding, in units of the spacing of the format.
_ROUNDING = 0.3
_WIDTHS: dict[Precision, int] = {"float16": 16, "float32": 32, "float64": 64}
# Numbers of at most this many characters may be rounded to a power of ten.
_SHORT_DECIMAL = 14
# A grid this part of the values is no accident: spacings have more bits.
_SHORT_BINARY = 2.0**-36


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noise:
    """The noise of one evaluation of a function near one point.

    Attributes
    ----------
    sigma : float
        Standard deviation of one evaluation, absolute.
    spacing : float
        The larger spacing of the accepted pair of tables, in units of t.
    settled : bool
        Whether two tables agreed. If not, sigma is the largest seen.
    floor : float
        The sigma below which nothing is told from rounding, absolute.
    magnitude : float
        The largest absolute value in the accepted tables.
    precision : {"float64", "float32", "float16"}
        The format in which every value seen is representable.
    side : {-1, 0, 1}
        0 if the function is finite on both sides, otherwise the finite side.
    constant : bool
        Whether every value seen was the same.
    evaluations : int
        Evaluations used.
    """

    sigma: float
    spacing: float
    settled: bool
    floor: float
    magnitude: float
    precision: Precision
    side: Literal[-1, 0, 1]
    constant: bool
    evaluations: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """What one table of differences says; values in units of the line."""

    spacing: float
    sigma: float
    magnitude: float
    flat: bool
    spike: bool
    resolved: bool
    aside: bool
    repeated: bool
    rise: float
    tallest: float
    constant: bool
    informative: bool
    precision: Precision
    quantum: float
    floor: float

    @property
    def at_floor(self) -> bool:
        return self.sigma <= self.floor


def _difference_matrix() -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the scaled differences of orders 4..8 as one matrix, and where orders start.

    Row by row: sqrt(gamma_k) times the k-th differences, gamma_k = (k!)^2/(2k)!,
    so that white noise of deviation sigma gives entries of deviation sigma.
    """
    rows: list[list[float]] = []
    starts: list[int] = []
    for order in _ORDERS:
        starts.append(len(rows))
        gamma = math.factorial(order) ** 2 / math.factorial(2 * order)
        for first in range(_POINTS - order):
            row = [0.0] * _POINTS
            for j in range(order + 1):
                row[first + j] = math.sqrt(gamma) * (-1) ** j * math.comb(order, j)
            rows.append(row)
    return np.array(rows), np.array(starts)


_MATRIX, _STARTS = _difference_matrix()
_COUNTS = np.array([_POINTS - order for order in _ORDERS])


def _precision_of(values: NDArray[np.float64]) -> Precision:
    """Return the narrowest format that holds every value exactly."""
    with np.errstate(over="ignore"):
        if not bool((values.astype(np.float32) == values).all()):
            return "float64"
        if bool((values.astype(np.float16) == values).all()):
            return "float16"
    return "float32"


def _binary_grid(values: NDArray[np.float64], magnitude: float) -> float:
    """Return the power of two of which every value is a multiple, 0 if it is small.

    A short format has such a grid, and so has the difference of two large
    numbers, whose last operation is exact.
    """
    mantissas, exponents = np.frexp(values[values != 0.0])
    whole = (mantissas * 2.0**53).astype(np.int64)
    grid = float(np.ldexp((whole & -whole).astype(np.float64), exponents - 53).min())
    return grid if grid > _SHORT_BINARY * magnitude else 0.0


def _decimal_grid(values: list[float]) -> float:
    """Return the power of ten of which every value is a short multiple, or 0."""
    finest = 0.0
    for value in values:
        digits, _, exponent = f"{value:.16e}".partition("e")
        short = repr(value)
        if len(short) > _SHORT_DECIMAL and float(f"{value:.11e}") != value:
            return 0.0
        mantissa = f"{float(digits):.11f}".rstrip("0")
        places = len(mantissa.partition(".")[2])
        step = 10.0 ** (int(exponent) - places)
        finest = step if finest == 0.0 else min(finest, step)
    return finest


def _levels(values: NDArray[np.float64], unit: float) -> tuple[list[float], list[float]]:
    """Return the sigma that each order suggests, and the sizes of the fourth differences."""
    scaled = _MATRIX @ (values / unit)
    levels = unit * np.sqrt(np.add.reduceat(scaled * scaled, _STARTS) / _COUNTS)
    return levels.tolist(), np.abs(scaled[: _STARTS[1]]).tolist()


def _tabulate(
    values: NDArray[np.float64], line_unit: float, spacing: float, *, aside: bool
) -> _Table:
    """Build the table of differences of eleven equally spaced values."""
    magnitude = float(np.abs(values).max())
    high, fourth = _levels(values, unit_of(magnitude))
    distinct = len(set(values.tolist()))
    steps: list[float] = np.abs(np.diff(values)).tolist()
    raw = values * line_unit
    precision = _precision_of(raw) if distinct > 2 else "float64"
    quantum = 0.0
    if distinct > 5:
        quantum = max(_binary_grid(values, magnitude), _decimal_grid(raw.tolist()) / line_unit)
    floor = _ROUNDING * max(10 * EPS * magnitude, 2 * quantum)
    untouched = sum(v < _UNTOUCHED * max(fourth) for v in fourth)
    spike = untouched > 2 and max(high) > floor
    return _Table(
        spacing=spacing,
        sigma=max(high[1:]),
        magnitude=magnitude,
        flat=max(high) <= _FLAT * min(high) and not spike,
        spike=spike,
        # Differences that fall with each order: the function is smooth here.
        resolved=not spike
        and high[0] > _RESOLVED * max(high[-1], EPS * magnitude)
        and all(b < 0.5 * a for a, b in pairwise(high[:-1])),
        aside=aside,
        rise=abs(float(values[-1] - values[0])),
        tallest=max(steps),
        repeated=2 * steps.count(0.0) >= _POINTS - 1,
        constant=distinct == 1,
        informative=distinct > 5,
        precision=precision,
        quantum=quantum,
        floor=floor,
    )


class _Walk:
    """The search for two spacings whose tables agree."""

    def __init__(self, line: Line, *, scale: float, lower: float, upper: float) -> None:
        self.line = line
        self.scale = scale
        self.lower = lower
        self.upper = upper
        self.side: Literal[-1, 0, 1] = 0
        self.tables: list[_Table] = []
        self.aside = 0
        self.asides = 0
        self.retries = 0
        self.failed: tuple[float, bool, bool] | None = None

    def steps(self, spacing: float) -> tuple[float, list[int]] | None:
        """Choose eleven multiples of a spacing within the bounds."""
        room = self.upper - self.lower
        if room < _POINTS * spacing:
            # One more than the ten intervals: both ends are whole multiples.
            spacing = few_bits_below(room / _POINTS)
        if spacing <= 0.0:
            return None
        first = -_HALF
        side = self.side or self.aside
        if side:
            first = 0 if side > 0 else 1 - _POINTS
        first = max(first, -math.floor(min(-self.lower / spacing, _POINTS)))
        first = min(first, math.floor(min(self.upper / spacing, _POINTS)) + 1 - _POINTS)
        return spacing, list(range(first, first + _POINTS))

    def table(self, spacing: float) -> _Table | None:
        """Evaluate one table; None if a value is not finite or there is no room."""
        # Enough bits that a value exact in float32 is no accident of a round
        # step, few enough that x + j d is exact.
        bits = max(6, min(45, 50 + math.frexp(spacing / self.scale)[1]))
        chosen = self.steps(few_bits(spacing, bits))
        if chosen is None:
            return None
        spacing, multiples = chosen
        found = iter(self.line.at([j * spacing for j in multiples if j]))
        values = np.array([next(found) if j else self.line.center for j in multiples])
        if not bool(np.isfinite(values).all()):
            self._note_sides(spacing, multiples, values)
            return None
        return _tabulate(values, self.line.unit, spacing, aside=self.aside != 0)

    def next_spacing(self, spacing: float) -> float:
        """Choose where to look next, and turn aside from a kink at x itself."""
        tables = self.tables
        if not tables:
            return spacing / _SPACING_RATIO
        new = tables[-1]
        if len(tables) <= 2 and all(t.repeated for t in tables):
            # Too close to see anything but terraces: go up before going down.
            return spacing * _SPACING_RATIO
        unclear = _hidden(tables)
        if unclear is not None and self.retries < 2:
            self.retries += 1
            return unclear.spacing
        if new.spike and len(tables) > 1 and tables[-2].spike and self.asides < 2:
            self.asides += 1
            self.aside = -self.aside if self.aside else 1
            return spacing
        self.aside = self.aside if self.aside and new.at_floor else 0
        skip = len(tables) > 1 and new.flat and tables[-2].flat
        return spacing / _SPACING_RATIO ** (2 if skip else 1)

    def _note_sides(
        self, spacing: float, multiples: list[int], values: NDArray[np.float64]
    ) -> None:
        """Turn one-sided when the same side is unusable at the nearest points twice."""
        near = {j: math.isfinite(v) for j, v in zip(multiples, values.tolist(), strict=True)}
        left, right = near.get(-1, False), near.get(1, False)
        if self.failed is not None and left != right and self.failed[1:] == (left, right):
            self.side = 1 if right else -1
        self.failed = (spacing, left, right)


def _verdict(tables: list[_Table]) -> tuple[float, _Table] | None:
    """Return sigma and the larger table of an accepted pair, or None to go on."""
    if len(tables) < 2:
        return None
    new, previous = tables[-1], tables[-2]
    terraces = _terraces(tables)
    if terraces is not None:
        return terraces.sigma, terraces
    if new.at_floor and previous.at_floor:
        return max(new.sigma, previous.sigma), max(new, previous, key=lambda t: t.spacing)
    alike = [t for t in tables if t.flat and _similar(t, new)]
    if not new.flat or len(alike) < 2:
        return None
    size = max(t.magnitude for t in alike)
    sigma = max(t.sigma for t in alike)
    if sigma < _NOISY * size or len(alike) >= _MANY:
        return sigma, max(alike, key=lambda t: t.spacing)
    return None


def _similar(a: _Table, b: _Table) -> bool:
    low, high = sorted((a.sigma, b.sigma))
    return high <= _AGREE * low


def _terraces(tables: list[_Table]) -> _Table | None:
    """Return the table that shows the height of terraces hidden at the newest spacing.

    Values computed in a short format, by cancellation or by rounding are
    constant, or smooth, between jumps. Where they repeat there is no doubt;
    where they are smooth only small jumps are taken for noise.
    """
    new = tables[-1]
    smooth_at = min((t.spacing for t in tables if t.resolved), default=math.inf)
    for old in sorted(tables[:-1], key=lambda t: t.spacing):
        if old.spacing > smooth_at:
            break
        rounding = 10 * EPS * _ROUNDING * old.magnitude
        if (
            not old.flat
            or (old.repeated and not new.constant)
            or old.sigma < max(_AGREE * new.sigma, rounding)
        ):
            continue
        small = old.sigma < _TERRACE * old.magnitude
        # The height of terraces does not depend on the spacing, that of a kink does.
        between = [t for t in tables[:-1] if t.spacing < old.spacing and t.sigma > rounding]
        if any(_AGREE * t.sigma < old.sigma for t in between):
            continue
        if new.repeated or (new.at_floor and small):
            return old
    return None


def _hidden(tables: list[_Table]) -> _Table | None:
    """Return a larger table worth repeating: values repeat now, and that one was unclear."""
    new = tables[-1]
    if not new.repeated:
        return None
    unclear = [t for t in tables[:-1] if not t.repeated and not t.flat and not t.at_floor]
    return unclear[-1] if unclear else None


def estimate_noise(
    phi: Phi,
    value: float,
    *,
    scale: float,
    rng: np.random.Generator,
    lower: float = -math.inf,
    upper: float = math.inf,
    previous: Noise | None = None,
) -> Noise:
    """Estimate the standard deviation of one evaluation of a function.

    Parameters
    ----------
    phi : callable
        Maps a float64 array of steps to a float64 array of values.
    value : float
        ``phi(0)``, finite.
    scale : float
        A typical length of a step, such as the size of x for a direction of
        unit entries.
    rng : numpy.random.Generator
        Jitters the spacings.
    lower, upper : float
        Steps outside are never evaluated; ``lower <= 0 <= upper``.
    previous : Noise, optional
        The noise of the same function at another point. One table that agrees
        with it is enough.

    Returns
    -------
    Noise
        20 evaluations when the first two tables agree (10 with `previous`),
        10 more for each further table.

    Notes
    -----
    White noise of deviation sigma has k-th differences of deviation
    sigma sqrt((2k)!)/k!, a smooth function has k-th differences of size d^k
    (Hamming 1971; More and Wild 2011, "ECNoise"). One spacing is not enough:
    the terraces of ``(1 - cos x)/x**2`` look smooth at one spacing in ten.
    """
    line = Line(phi, value, unit=unit_of(abs(value)))
    walk = _Walk(line, scale=scale, lower=lower, upper=upper)
    if previous is not None:
        again = _same_as(previous, walk)
        if again is not None:
            return again
    jitter = np.exp(rng.uniform(-0.3, 0.3, 2 * _MOST_TABLES)).tolist()
    spacing = _FIRST_SPACING * scale
    for factor in jitter[:_MOST_TABLES]:
        table = walk.table(spacing * factor)
        if table is not None:
            walk.tables.append(table)
            accepted = _verdict(walk.tables)
            if accepted is not None:
                return _noise(walk, *accepted, settled=True)
        spacing = walk.next_spacing(spacing)
        if spacing < _SMALLEST_SPACING * scale:
            break
    return _unsettled(walk, value)


def noise_at_steps(
    phi: Phi,
    value: float,
    noise: Noise,
    *,
    spacing: float,
    scale: float,
    rng: np.random.Generator,
    lower: float = -math.inf,
    upper: float = math.inf,
) -> Noise:
    """Look for noise that the first tables missed, at the steps where it shows.

    Parameters
    ----------
    phi, value, scale, rng, lower, upper
        As for `estimate_noise`.
    noise : Noise
        The first estimate.
    spacing : float
        About the step at which the function did not look smooth.

    Returns
    -------
    Noise
        The first estimate, or a larger one if two tables at spacings a factor
        of 8 apart show the same height: a kink or a resolved oscillation does
        not. 20 to 40 evaluations, counted alone.
    """
    walk = _Walk(Line(phi, value, unit=unit_of(abs(value))), scale=scale, lower=lower, upper=upper)
    seen: list[_Table] = []
    for _ in range(_MOST_AGAIN):
        fine = walk.table(spacing * math.exp(rng.uniform(-0.3, 0.3)))
        spacing /= _AGAIN_RATIO
        if fine is None:
            continue
        coarse = next((t for t in seen if _same_height(t, fine)), None)
        if coarse is None and fine.quantum > 0.0 and fine.flat:
            coarse = fine
        if coarse is not None:
            walk.tables = [coarse, fine]
            again = _noise(walk, max(coarse.sigma, fine.sigma), coarse, settled=True)
            return (
                again
                if again.sigma > noise.sigma
                else replace(noise, evaluations=again.evaluations)
            )
        seen.append(fine)
    return replace(noise, evaluations=walk.line.evaluations)


def _same_height(coarse: _Table, fine: _Table) -> bool:
    """Tell whether two tables show noise that does not depend on the spacing."""
    low, high = sorted((coarse.sigma, fine.sigma))
    flat = (coarse.flat or fine.flat) and not (coarse.constant or fine.constant)
    return flat and high < _SAME_HEIGHT * low and high < _AGAIN_NOISY * coarse.magnitude


def _same_as(previous: Noise, walk: _Walk) -> Noise | None:
    """Return the noise if one table agrees with the noise of another point."""
    table = walk.table(previous.spacing)
    if table is None or table.magnitude == 0.0 or previous.magnitude == 0.0:
        return None
    walk.tables.append(table)
    expected = previous.sigma / previous.magnitude * table.magnitude
    low, high = sorted((expected, table.sigma))
    if high <= max(_AGREE * low, table.floor):
        return _noise(walk, high, table, settled=previous.settled)
    walk.tables.clear()
    return None


def _noise(walk: _Walk, sigma: float, table: _Table, *, settled: bool) -> Noise:
    """Assemble the result in the caller's units."""
    tables = walk.tables
    magnitude = max(t.magnitude for t in tables if t.spacing <= table.spacing)
    unit = walk.line.unit
    informative = [t for t in tables if t.informative]
    informative = informative or [t for t in tables if not t.constant]
    precision: Precision = "float64"
    quantum = 0.0
    if informative:
        precision = max((t.precision for t in informative), key=_WIDTHS.__getitem__)
        quantum = min(t.quantum for t in informative)
    floor = max(0.5 * EPS * magnitude, _ROUNDING * quantum, _ROUNDING * _hidden_jump(tables))
    return Noise(
        sigma=max(sigma, floor) * unit,
        spacing=_smooth_spacing(walk, sigma, table),
        settled=settled,
        floor=floor * unit,
        magnitude=magnitude * unit,
        precision=precision,
        side=walk.side,
        constant=all(t.constant for t in tables),
        evaluations=walk.line.evaluations,
    )


def _hidden_jump(tables: list[_Table]) -> float:
    """Return the height of terraces that a smooth-looking table has stepped over.

    Its slope promises a change where a table of smaller spacing, inside it, sees
    the same values again and again.
    """
    tables = [t for t in tables if not t.aside]
    smooth = [t for t in tables if not t.repeated and not t.spike and t.at_floor]
    for fine in tables:
        for wide in smooth:
            promised = wide.rise * fine.spacing / wide.spacing
            if (
                fine.repeated
                and fine.spacing < wide.spacing
                and promised > _PROMISED * fine.magnitude
            ):
                return max(t.tallest for t in tables if t.repeated)
    return 0.0


def _smooth_spacing(walk: _Walk, sigma: float, table: _Table) -> float:
    """Return the largest spacing at which nothing but noise was seen."""
    widest = table.spacing
    for wider in sorted(walk.tables, key=lambda t: t.spacing):
        if wider.spacing <= widest:
            continue
        # Beside a kink at x itself the function is smooth on each side.
        kink = walk.aside != 0 and wider.spike
        if wider.sigma > _AGREE * sigma and not kink:
            # Whatever looks quiet beyond is an accident of the spacing.
            break
        widest = wider.spacing
    return widest


def _unsettled(walk: _Walk, value: float) -> Noise:
    """Return the largest sigma seen, for a walk that never settled."""
    if walk.tables:
        widest = max(walk.tables, key=lambda t: t.sigma)
        return _noise(walk, widest.sigma, widest, settled=False)
    floor = 0.5 * EPS * abs(value)
    return Noise(
        sigma=floor,
        spacing=walk.scale * _FIRST_SPACING,
        settled=False,
        floor=floor,
        magnitude=abs(value),
        precision="float64",
        side=walk.side,
        constant=False,
        evaluations=walk.line.evaluations,
    )
