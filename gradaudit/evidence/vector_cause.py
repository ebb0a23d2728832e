"""Which mistake explains a wrong Jacobian: a factor, a transpose, rows, columns, single entries?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Vector
from gradaudit.evidence.vector import (
    WINDOWS,
    Mask,
    Reading,
    Samples,
    VectorAuditor,
    VectorPoint,
)

Array = NDArray[np.float64]

# A hypothesis holds when it predicts what was measured to this part of its size.
_FITS: Final = 1e-5
# Up to this many columns are measured one by one; rows are had at once.
_COLUMNS: Final = 24
# Columns found otherwise, and blocks, that are worth a measurement each.
_FEW: Final = 8
# A decoded index must be this close to a whole number.
_WHOLE: Final = 0.1
# A product or ratio below this part of its row says nothing.
_SMALL: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorCause:
    """What explains a wrong derivative.

    Attributes
    ----------
    kind : str
        "scale", "zero", "transposed", "diagonal", "triangle", "rows", "row-scale", "row-order",
        "columns", "column-scale", "column-order", "multiple", "swapped-rows", "swapped-columns",
        "entries", "log-parameter" or "" when nothing does.
    factor : float or None
        Returned over right; for "diagonal" what is missing on it.
    rows, columns : tuple of int
        Those concerned.
    factors : tuple of float
        Of those rows or columns, each its own.
    entries : tuple of (int, int)
        Wrong entries.
    returned, right : tuple of float
        Their values.
    blocks : tuple of int
        Numbers of the blocks whose columns are wrong; all of them when that is not known.
    detail : str
        In words.
    """

    kind: str = ""
    factor: float | None = None
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    factors: tuple[float, ...] = ()
    entries: tuple[tuple[int, int], ...] = ()
    returned: tuple[float, ...] = ()
    right: tuple[float, ...] = ()
    blocks: tuple[int, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Some columns as returned and as measured, in units of the parameters.

    Attributes
    ----------
    numbers : ndarray of int, shape (k,)
    returned, right, error : ndarray of float64, shape (m, k)
    wrong : ndarray of bool, shape (m, k)
    """

    numbers: NDArray[np.intp]
    returned: Array
    right: Array
    error: Array
    wrong: NDArray[np.bool_]


def explain(
    auditor: VectorAuditor, point: VectorPoint, points: Sequence[VectorPoint]
) -> VectorCause:
    """Find the simplest mistake that explains what was measured.

    Parameters
    ----------
    auditor : VectorAuditor
    point : VectorPoint
        Where the derivative is wrong.
    points : sequence of VectorPoint
        All of them: a cause holds everywhere.

    Notes
    -----
    Factors and permutations cost nothing more. Columns one by one cost 6 evaluations each, for at
    most 24; where there are more, a lone wrong column is decoded in about 24.
    """
    observed = [(p, r) for p in points for r in p.readings]
    wrong = point.wrong_rows
    for hypothesis in _HYPOTHESES:
        cause = hypothesis(observed)
        if cause is not None:
            return replace(cause, blocks=_all_blocks(auditor))
    rows = _row_cause(observed, point, wrong.tolist())
    if rows is not None and rows.factors:
        return replace(rows, blocks=_all_blocks(auditor))
    count = point.theta.size
    found: Columns | None = None
    if count <= _COLUMNS:
        movable = np.flatnonzero(point.weights > 0.0)
        found = measure_columns(auditor, point, movable.tolist())
    else:
        found = _decoded(auditor, point)
    if found is None or not found.wrong.any():
        blocks = _wrong_blocks(auditor, point)
        return replace(rows or VectorCause(), blocks=blocks)
    cause = _column_cause(found, point, rows)
    return replace(cause, blocks=_blocks_of(auditor, cause.columns or _wrong_columns(found)))


# hypotheses on products


Observed = Sequence[tuple[VectorPoint, Reading]]


def _zero(observed: Observed) -> VectorCause | None:
    if any(r.promised.any() for _, r in observed):
        return None
    return VectorCause(kind="zero", factor=0.0)


def _factor(observed: Observed) -> VectorCause | None:
    ratios: list[float] = []
    for _, r in observed:
        telling = r.trusted() & (
            np.abs(r.numeric) > _SMALL * np.max(np.abs(r.numeric), initial=0.0)
        )
        ratios += (r.promised[telling] / r.numeric[telling]).tolist()
    if len(ratios) < 2:
        return None
    factor = float(np.median(ratios))
    if factor == 0.0 or abs(factor - 1.0) < _FITS:
        return None
    fits = _all_fit(observed, lambda _, r: r.promised / factor)
    return VectorCause(kind="scale", factor=factor) if fits else None


def _transposed(observed: Observed) -> VectorCause | None:
    def turned(point: VectorPoint, reading: Reading) -> Vector | None:
        transpose = point.matrix.transpose() if _is_square(point) else None
        return None if transpose is None else transpose.times(reading.along)

    return VectorCause(kind="transposed") if _all_fit(observed, turned) else None


def _diagonal(observed: Observed) -> VectorCause | None:
    """Test whether a multiple of the identity is missing, as of a ridge penalty."""
    ratios: list[float] = []
    for point, r in observed:
        if not _is_square(point) or point.theta.size < 2:
            return None
        telling = r.trusted() & (r.along != 0.0) & ~r.agreed
        ratios += ((r.numeric - r.promised)[telling] / r.along[telling]).tolist()
    if len(ratios) < 3:
        return None
    missing = float(np.median(ratios))
    if not _all_fit(observed, lambda _, r: r.promised + missing * r.along):
        return None
    return VectorCause(kind="diagonal", factor=missing)


def _triangle(observed: Observed) -> VectorCause | None:
    """Test whether only one triangle of a symmetric matrix is filled."""

    def filled(point: VectorPoint, reading: Reading) -> Vector | None:
        array = point.matrix.dense
        if array is None or not _is_square(point) or array.shape[0] < 2:
            return None
        if np.triu(array, 1).any() and np.tril(array, -1).any():
            return None
        return (array + array.T - np.diag(np.diag(array))) @ reading.along

    if not _all_fit(observed, filled):
        return None
    first = observed[0][0].matrix.dense
    assert first is not None  # it fits
    upper = bool(np.triu(first, 1).any())
    return VectorCause(kind="triangle", detail="upper" if upper else "lower")


def _row_order(observed: Observed) -> VectorCause | None:
    for name, order in _orders():
        if _all_fit(observed, lambda _, r, order=order: order(r.promised)):
            return _order_of_rows(name, observed[0][0].value.size)
    return None


def _column_order(observed: Observed) -> VectorCause | None:
    def moved(point: VectorPoint, reading: Reading, order: _Order) -> Vector | None:
        array = point.matrix.dense if point.matrix.dense is not None else point.matrix.array()
        return None if array is None else order(array.T).T @ reading.along

    for name, order in _orders():
        if _all_fit(observed, lambda p, r, order=order: moved(p, r, order)):
            return _order_of_columns(name, observed[0][0].theta.size)
    return None


def _order_of_rows(name: str, count: int) -> VectorCause:
    if count == 2 or (count == 3 and name == "reversed"):
        return VectorCause(kind="swapped-rows", rows=(0, count - 1))
    return VectorCause(kind="row-order", detail=name)


def _order_of_columns(name: str, count: int) -> VectorCause:
    if count == 2 or (count == 3 and name == "reversed"):
        return VectorCause(kind="swapped-columns", columns=(0, count - 1))
    return VectorCause(kind="column-order", detail=name)


_Order = Callable[[Any], Any]


def _orders() -> Iterator[tuple[str, _Order]]:
    yield "reversed", lambda a: a[::-1]
    yield "shifted by one", lambda a: np.roll(a, 1, axis=0)
    yield "shifted by one", lambda a: np.roll(a, -1, axis=0)


_HYPOTHESES: Final[tuple[Callable[[Observed], VectorCause | None], ...]] = (
    _zero,
    _factor,
    _transposed,
    _diagonal,
    _triangle,
    _row_order,
    _column_order,
)


def _is_square(point: VectorPoint) -> bool:
    return point.matrix.shape[0] == point.matrix.shape[1]


def _all_fit(observed: Observed, predict: Callable[[VectorPoint, Reading], Vector | None]) -> bool:
    """Tell whether a prediction holds in every row that was measured well, along every line."""
    told = 0
    for point, reading in observed:
        predicted = predict(point, reading)
        if predicted is None:
            return False
        fits, trusted = _fits(predicted, reading)
        if not fits[trusted].all():
            return False
        # what the matrix itself explains as well tells nothing
        unmended, _ = _fits(reading.promised, reading)
        told += int(np.count_nonzero(trusted & ~unmended))
    return told > 0


def _fits(predicted: Vector, reading: Reading) -> tuple[Mask, Mask]:
    size = np.maximum(np.abs(predicted), np.abs(reading.numeric))
    allowed = _FITS * np.maximum(size, _SMALL * reading.scale) + 3.0 * reading.error
    trusted = np.isfinite(reading.numeric) & np.isfinite(reading.error)
    with np.errstate(invalid="ignore"):
        return np.abs(predicted - reading.numeric) <= allowed, trusted


# rows


def _row_cause(observed: Observed, point: VectorPoint, wrong: Sequence[int]) -> VectorCause | None:
    """Name the rows that are wrong, and the factor of each where it has one."""
    count = point.value.size
    if not wrong or count == 1:
        return None
    swapped = _swapped_rows(observed, wrong)
    if swapped is not None:
        return swapped
    factors = [_row_factor(observed, row) for row in wrong]
    known = [f for f in factors if f is not None]
    if len(known) == len(factors):
        kind = "rows" if len(wrong) == 1 else "row-scale"
        return VectorCause(
            kind=kind,
            rows=tuple(wrong),
            factors=tuple(known),
            factor=known[0] if len(wrong) == 1 or np.ptp(known) < 1e-4 * abs(known[0]) else None,
        )
    if 3 * len(wrong) <= count or len(wrong) == 1:
        return VectorCause(kind="rows", rows=tuple(wrong))
    return None


def _row_factor(observed: Observed, row: int) -> float | None:
    """Return the factor of one row, the same along every line."""
    ratios = [
        float(r.promised[row] / r.numeric[row])
        for _, r in observed
        if r.trusted()[row] and abs(r.numeric[row]) > _SMALL * r.scale[row] and r.numeric[row]
    ]
    if len(ratios) < 3 or np.ptp(ratios) > 1e-4 * abs(ratios[0]):
        return None
    return float(np.median(ratios))


def _swapped_rows(observed: Observed, wrong: Sequence[int]) -> VectorCause | None:
    if len(wrong) != 2:
        return None
    one, two = wrong

    def exchanged(_: VectorPoint, reading: Reading) -> Vector:
        predicted = reading.promised.copy()
        predicted[[one, two]] = predicted[[two, one]]
        return predicted

    if not _all_fit(observed, exchanged):
        return None
    return VectorCause(kind="swapped-rows", rows=(one, two), factors=(1.0, 1.0))


# columns


def measure_columns(
    auditor: VectorAuditor, point: VectorPoint, numbers: Sequence[int]
) -> Columns | None:
    """Measure columns one by one: six evaluations each, six or twelve more for the unclear."""
    kept: list[int] = []
    parts: list[tuple[Vector, Vector, Vector]] = []
    rowsize = np.max([r.scale for r in point.readings], axis=0, initial=0.0)
    wrong: list[Mask] = []
    for number in numbers:
        weight = float(point.weights[number])
        if weight == 0.0:
            continue
        reading = _column_reading(auditor, point, number)
        size = np.maximum(np.abs(reading.promised), np.abs(reading.numeric))
        gap = np.abs(reading.promised - reading.numeric)
        slight = (1e-5 if point.noise is None else 1e-4) * size + 1e-9 * rowsize
        sure = gap > np.maximum(10.0 * reading.error, slight)
        kept.append(number)
        parts.append((reading.promised / weight, reading.numeric / weight, reading.error / weight))
        wrong.append(sure)
    if not kept:
        return None
    returned, right, error = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    return Columns(
        numbers=np.array(kept, dtype=np.intp),
        returned=returned,
        right=right,
        error=error,
        wrong=np.stack(wrong, axis=1),
    )


def _column_reading(auditor: VectorAuditor, point: VectorPoint, number: int) -> Reading:
    along = np.zeros(point.theta.size)
    along[number] = point.weights[number]
    samples = Samples(auditor.calls, point, along)
    reading = auditor.read(point, samples, WINDOWS[:1])
    return reading if (reading.agreed | reading.trusted()).all() else auditor.read(point, samples)


def _column_cause(found: Columns, point: VectorPoint, rows: VectorCause | None) -> VectorCause:
    columns = _wrong_columns(found)
    lines = np.flatnonzero(found.wrong.any(axis=1))
    whole = found.numbers.size == np.count_nonzero(point.weights > 0.0)
    swapped = _swapped_columns(found, columns) if whole else None
    if swapped is not None:
        return swapped
    factors = [_column_factor(found, column) for column in columns]
    known = [f for f in factors if f is not None]
    entries = _few_entries(found)
    one_entry = len(entries) == 1
    if len(known) == len(factors) and not one_entry:
        return _scaled_columns(point, columns, known)
    if len(columns) == 1 and not one_entry and 3 * len(entries) > found.wrong.shape[0]:
        return replace(entries_cause(found, entries), kind="columns", columns=columns)
    if lines.size == 1 and point.value.size > 1 and 3 * len(entries) > found.wrong.shape[1]:
        return replace(
            entries_cause(found, entries), kind="rows", rows=(int(lines[0]),), columns=columns
        )
    if entries and (3 * len(entries) <= max(found.wrong.size, 3) or one_entry):
        return replace(entries_cause(found, entries), kind="entries")
    return replace(
        rows or VectorCause(), columns=columns if 2 * len(columns) <= point.theta.size else ()
    )


def entries_cause(found: Columns, entries: Sequence[tuple[int, int]]) -> VectorCause:
    """Describe single entries: their values, and one factor where they share it."""
    places = {int(number): place for place, number in enumerate(found.numbers)}
    returned = tuple(float(found.returned[i, places[j]]) for i, j in entries)
    right = tuple(float(found.right[i, places[j]]) for i, j in entries)
    ratios = [a / b for a, b in zip(returned, right, strict=True) if b]
    same = len(ratios) == len(entries) and np.ptp(ratios) <= 1e-4 * abs(ratios[0])
    return VectorCause(
        kind="entries",
        entries=tuple(entries),
        returned=returned,
        right=right,
        factor=float(ratios[0]) if same else None,
    )


def _few_entries(found: Columns) -> list[tuple[int, int]]:
    rows, places = np.nonzero(found.wrong)
    return [(int(i), int(found.numbers[k])) for i, k in zip(rows, places, strict=True)]


def _wrong_columns(found: Columns) -> tuple[int, ...]:
    return tuple(found.numbers[found.wrong.any(axis=0)].tolist())


def _column_factor(found: Columns, column: int) -> float | None:
    place = int(np.flatnonzero(found.numbers == column)[0])
    returned, right, error = (part[:, place] for part in (found.returned, found.right, found.error))
    largest = float(np.max(np.abs(right), initial=0.0))
    telling = (np.abs(right) > _SMALL * largest) & (error <= 1e-3 * np.abs(right))
    if not telling.any():
        return None
    ratios = returned[telling] / right[telling]
    factor = float(np.median(ratios))
    allowed = 1e-4 * abs(factor) + 3.0 * (error / np.maximum(np.abs(right), 1e-300))[telling]
    return factor if bool((np.abs(ratios - factor) <= allowed).all()) else None


def _scaled_columns(
    point: VectorPoint, columns: tuple[int, ...], factors: list[float]
) -> VectorCause:
    theta = point.theta[list(columns)]
    ones = np.abs(np.array(factors) - theta) <= 1e-4 * np.abs(theta)
    if len(columns) > 1 and bool(ones.all()) and np.ptp(theta) > 0.0:
        return VectorCause(kind="log-parameter", columns=columns, factors=tuple(factors))
    same = bool(np.ptp(factors) <= 1e-4 * abs(factors[0]))
    if same and len(columns) == np.count_nonzero(point.weights > 0.0) > 1:
        return VectorCause(kind="multiple", factor=factors[0])
    return VectorCause(
        kind="columns" if len(columns) == 1 else "column-scale",
        columns=columns,
        factors=tuple(factors),
        factor=factors[0] if same else None,
    )


def _swapped_columns(found: Columns, columns: tuple[int, ...]) -> VectorCause | None:
    if len(columns) != 2:
        return None
    one, two = (int(np.flatnonzero(found.numbers == c)[0]) for c in columns)
    for a, b in ((one, two), (two, one)):
        returned, right = found.returned[:, a], found.right[:, b]
        size = np.maximum(np.abs(returned), np.abs(right))
        if not bool((np.abs(returned - right) <= 1e-4 * size + 3.0 * found.error[:, b]).all()):
            return None
    return VectorCause(kind="swapped-columns", columns=columns)


# many columns


def _decoded(auditor: VectorAuditor, point: VectorPoint) -> Columns | None:
    """Decode a lone wrong column of each row: n y1 / y0 - 1 is its number."""
    count = point.theta.size
    signs = auditor.rng.choice((-1.0, 1.0), count) * point.weights
    codes = np.arange(1, count + 1) / count
    readings = [
        auditor.read(point, Samples(auditor.calls, point, along))
        for along in (signs, signs * codes)
    ]
    y0, y1 = (r.promised - r.numeric for r in readings)
    clear = np.abs(y0) > 100.0 * np.maximum(readings[0].error, readings[1].error)
    clear &= ~readings[0].agreed
    if not clear.any():
        return None
    indices = count * y1[clear] / y0[clear] - 1.0
    whole = np.rint(indices)
    if not bool((np.abs(indices - whole) < _WHOLE).all()) or whole.min() < 0:
        return None
    columns = sorted({int(i) for i in whole if i < count})
    if not columns or len(columns) > _FEW:
        return None
    found = measure_columns(auditor, point, columns)
    rest = np.ones(count, dtype=bool)
    rest[columns] = False
    along = auditor.random_direction(point, rest)
    clean = auditor.read(point, Samples(auditor.calls, point, along))
    return found if bool(clean.agreed.all()) else None


def _all_blocks(auditor: VectorAuditor) -> tuple[int, ...]:
    return tuple(range(len(auditor.blocks)))


def _wrong_blocks(auditor: VectorAuditor, point: VectorPoint) -> tuple[int, ...]:
    """Find the blocks whose columns are wrong: six evaluations each, more for the wrong ones."""
    if not 1 < len(auditor.blocks) <= _FEW:
        return _all_blocks(auditor)
    found: list[int] = []
    for number, block in enumerate(auditor.blocks):
        mask = np.zeros(point.theta.size, dtype=bool)
        mask[block.selector()] = True
        along = auditor.random_direction(point, mask)
        if along.any():
            reading = auditor.read(point, Samples(auditor.calls, point, along))
            gap = np.abs(reading.promised - reading.numeric)
            if bool((~reading.agreed & (gap > 10.0 * reading.error)).any()):
                found.append(number)
    return tuple(found) or _all_blocks(auditor)


def _blocks_of(auditor: VectorAuditor, columns: Sequence[int]) -> tuple[int, ...]:
    return tuple(
        number
        for number, block in enumerate(auditor.blocks)
        if np.isin(block.indices().ravel(), columns).any()
    )
