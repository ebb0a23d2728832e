"""Are the constraints met, can they be met, and are they independent of each other?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from gradaudit.blocks import Vector
from gradaudit.optimizers.call import Constraint

Matrix = NDArray[np.float64]

_optimize: Final[Any] = scipy.optimize  # untyped
_MOST_PARAMETERS: Final = 60
_MOST_EVALUATIONS: Final = 150
_STARTS: Final = 3
_STEP: Final = float(np.finfo(np.float64).eps) ** (1.0 / 3.0)
# A constraint missed by more than this part of its scale is not met.
_MET: Final = 1e-5
_SLACK: Final = 1e-6
# Constraints this near their bound hold the point there.
_ACTIVE: Final = 1e-3
# Singular values below this part of the largest are zero.
_RANK: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feasibility:
    """How the constraints stand at the start and at the end of a run.

    Attributes
    ----------
    missed_at_start, missed_at_end : float
        Largest violation relative to the scale of its constraint; 0 when all are met.
    worst : int
        Number of the constraint that is violated most at the end.
    closest : float or None
        The least violation that a search of its own could reach; None where none was made.
    equalities, rank : int
        Equality constraints, and how many of their gradients are independent, at the end.
    dependent : tuple of int
        Numbers of the constraints that depend on the others.
    stationarity : float
        The part of the cost's gradient that no combination of active constraints balances, at the
        end; nan when it was not measured.
    steepness : float
        Norm of the cost's gradient over that of the constraints' gradients, at the start.
    evaluations : int
        Of constraint functions.
    raised : str
    """

    missed_at_start: float = 0.0
    missed_at_end: float = 0.0
    worst: int = 0
    closest: float | None = None
    equalities: int = 0
    rank: int = 0
    dependent: tuple[int, ...] = ()
    stationarity: float = math.nan
    steepness: float = math.nan
    evaluations: int = 0
    raised: str = ""


class _Rows:
    """All constraints as rows low <= c(x) <= high, evaluated together."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.constraints = constraints
        self.evaluations = 0
        self.low = self.high = np.zeros(0)
        self.numbers: NDArray[np.intp] = np.zeros(0, dtype=np.intp)

    def values(self, x: Vector) -> Vector:
        """Return all rows at a point; the limits are read along with them."""
        parts: list[Vector] = []
        lows: list[Vector] = []
        highs: list[Vector] = []
        numbers: list[int] = []
        for each in self.constraints:
            self.evaluations += 1
            value = np.asarray(each.fun(x.copy(), *each.args), dtype=np.float64).reshape(-1)
            parts.append(value)
            low, high = _limits(each)
            lows.append(np.broadcast_to(low, value.shape).astype(np.float64))
            highs.append(np.broadcast_to(high, value.shape).astype(np.float64))
            numbers += [each.number] * value.size
        self.low, self.high = np.concatenate(lows), np.concatenate(highs)
        self.numbers = np.array(numbers)
        return np.concatenate(parts)

    def missed(self, values: Vector) -> Vector:
        """Return by how much each row misses its limits, with a sign."""
        with np.errstate(invalid="ignore"):
            return np.maximum(values - self.high, 0.0) - np.maximum(self.low - values, 0.0)

    def jacobian(self, x: Vector, sizes: Vector) -> Matrix:
        """Return the rows' derivatives by central differences."""
        columns: list[Vector] = []
        for index in range(x.size):
            step = _STEP * max(abs(x[index]), sizes[index])
            high, low = x.copy(), x.copy()
            high[index] += step
            low[index] -= step
            columns.append((self.values(high) - self.values(low)) / (high[index] - low[index]))
        return np.stack(columns, axis=1)


def feasible(constraints: Sequence[Constraint], point: Vector) -> bool:
    """Tell whether a point satisfies all constraints, to a millionth of their values."""
    if not constraints:
        return True
    rows = _Rows(constraints)
    try:
        values = rows.values(point)
    except Exception:  # far away a constraint may do anything
        return False
    return bool((np.abs(rows.missed(values)) <= _SLACK * (1.0 + np.abs(values))).all())


def _limits(constraint: Constraint) -> tuple[Vector, Vector]:
    if constraint.kind == "eq":
        return np.zeros(()), np.zeros(())
    if constraint.kind == "ineq":
        return np.zeros(()), np.full((), np.inf)
    low, high = np.asarray(constraint.lower, float), np.asarray(constraint.upper, float)
    return low, high


def observe_feasibility(
    constraints: Sequence[Constraint],
    start: Vector,
    end: Vector,
    sizes: Vector,
    gradient: Vector | None,
    start_gradient: Vector | None,
    lower: Vector | None,
    upper: Vector | None,
) -> Feasibility:
    """Measure how the constraints stand.

    Parameters
    ----------
    constraints : sequence of Constraint
    start, end : ndarray of float64, shape (n,)
    sizes : ndarray of float64, shape (n,)
        Typical size of each parameter.
    gradient, start_gradient : ndarray or None
        Of the cost, at the end and at the start.
    lower, upper : ndarray or None
        Bounds.
    """
    rows = _Rows(constraints)
    try:
        return _observe(rows, start, end, sizes, gradient, start_gradient, lower, upper)
    except Exception as error:  # whatever a constraint raises away from the run's own points
        return Feasibility(evaluations=rows.evaluations, raised=f"{type(error).__name__}: {error}")


def _observe(
    rows: _Rows,
    start: Vector,
    end: Vector,
    sizes: Vector,
    gradient: Vector | None,
    start_gradient: Vector | None,
    lower: Vector | None,
    upper: Vector | None,
) -> Feasibility:
    at_start, at_end = rows.values(start), rows.values(end)
    if end.size > _MOST_PARAMETERS:
        scale = 1.0 + np.abs(at_start)
        missed = np.abs(rows.missed(at_end)) / scale
        return Feasibility(
            missed_at_start=_largest(np.abs(rows.missed(at_start)) / scale),
            missed_at_end=_largest(missed),
            worst=int(rows.numbers[int(np.argmax(missed))]),
            evaluations=rows.evaluations,
        )
    jacobian = rows.jacobian(end, sizes)
    weighted = jacobian * sizes
    # where its gradient vanishes a constraint is measured by its own size
    scale = np.maximum(np.linalg.norm(weighted, axis=1), 1e-3 * np.abs(at_end) + 1e-12)
    missed = np.abs(rows.missed(at_end)) / scale
    missed_at_start = np.abs(rows.missed(at_start)) / scale
    equal = rows.low == rows.high
    rank, dependent = _independence(weighted[equal], rows.numbers[equal])
    if not dependent and _largest(missed) > _MET:  # it may be the start that holds it
        at_start_too = (rows.jacobian(start, sizes) * sizes)[equal]
        rank, dependent = _independence(at_start_too, rows.numbers[equal])
    closest = None
    if _largest(missed) > _MET:
        closest = _closest(rows, (start, end), scale, sizes, lower, upper)
    return Feasibility(
        missed_at_start=_largest(missed_at_start),
        missed_at_end=_largest(missed) if _largest(missed) > _MET else 0.0,
        worst=int(rows.numbers[int(np.argmax(missed))]),
        closest=closest,
        equalities=int(equal.sum()),
        rank=rank,
        dependent=dependent,
        stationarity=_stationarity(rows, at_end, weighted, end, sizes, gradient, lower, upper),
        steepness=_steepness(start_gradient, sizes, weighted),
        evaluations=rows.evaluations,
    )


def _largest(values: Vector) -> float:
    finite = np.nan_to_num(values, nan=np.inf)
    return float(finite.max()) if finite.size else 0.0


def _independence(rows: Matrix, numbers: NDArray[np.intp]) -> tuple[int, tuple[int, ...]]:
    """Return the rank of the equality constraints' gradients, and who depends on the others."""
    norms = np.linalg.norm(rows, axis=1)
    alive = norms > 0.0
    units = rows[alive] / norms[alive, None]
    rank = 0
    dependent: list[int] = numbers[~alive].tolist()
    chosen = np.zeros((0, rows.shape[1]))
    for row, number in zip(units, numbers[alive].tolist(), strict=True):
        rest = row - chosen.T @ (chosen @ row)
        rest -= chosen.T @ (chosen @ rest)
        length = float(np.linalg.norm(rest))
        if length <= math.sqrt(_RANK):
            dependent.append(number)
            continue
        rank += 1
        chosen = np.vstack([chosen, rest / length])
    return rank, tuple(dict.fromkeys(dependent))


def _closest(
    rows: _Rows,
    points: Sequence[Vector],
    scale: Vector,
    sizes: Vector,
    lower: Vector | None,
    upper: Vector | None,
) -> float | None:
    """Return the least violation that least squares finds from a few points; None if unsettled.

    A search that starts where the constraints' gradients depend on each other may be stuck there.
    """
    best = math.inf
    box = (-np.inf, np.inf) if lower is None or upper is None else (lower / sizes, upper / sizes)
    rng = np.random.default_rng(0)
    spread = np.maximum(sizes, 1.0)
    elsewhere = [points[1] + spread * rng.uniform(-2.0, 2.0, sizes.size) for _ in range(_STARTS)]
    if lower is not None and upper is not None:
        elsewhere = [np.clip(point, lower, upper) for point in elsewhere]

    def violation(y: Vector) -> Vector:
        return np.nan_to_num(rows.missed(rows.values(y * sizes)) / scale, nan=1e6)

    settled = True
    for point in (*points, *elsewhere):
        with np.errstate(all="ignore"):
            found = _optimize.least_squares(
                violation, _inside(point / sizes, box), bounds=box, max_nfev=_MOST_EVALUATIONS
            )
        if found.status == 0:
            settled = False  # it was still on its way
        best = min(best, float(np.abs(found.fun).max()))
        if best <= _MET:
            break
    return best if settled or best <= _MET else None


def _inside(point: Vector, box: tuple[Vector | float, Vector | float]) -> Vector:
    return np.clip(point, box[0], box[1])


def _stationarity(
    rows: _Rows,
    values: Vector,
    weighted: Matrix,
    end: Vector,
    sizes: Vector,
    gradient: Vector | None,
    lower: Vector | None,
    upper: Vector | None,
) -> float:
    """Return the part of the gradient that no admissible multipliers balance.

    The conditions of Karush (1939), Kuhn and Tucker (1951).

    With g = A'lambda: lambda >= 0 where c >= low holds the point, <= 0 where c <= high does, free
    for equalities; bounds are constraints as any other.
    """
    if gradient is None or not np.isfinite(gradient).all():
        return math.nan
    target = gradient * sizes
    size = float(np.linalg.norm(target))
    if size == 0.0:
        return 0.0
    near = _ACTIVE * np.maximum(np.linalg.norm(weighted, axis=1), np.abs(values)) + 1e-12
    columns: list[Vector] = []
    signs: list[tuple[float, float]] = []
    for row, value, low, high, margin in zip(
        weighted, values, rows.low, rows.high, near, strict=True
    ):
        at_low, at_high = value <= low + margin, value >= high - margin
        if at_low or at_high:
            columns.append(row)
            signs.append((-np.inf if at_high else 0.0, np.inf if at_low else 0.0))
    if lower is not None and upper is not None:
        for index in range(end.size):
            unit = np.zeros(end.size)
            unit[index] = 1.0
            if end[index] <= lower[index] + 1e-7 * sizes[index]:
                columns.append(unit)
                signs.append((0.0, np.inf))
            elif end[index] >= upper[index] - 1e-7 * sizes[index]:
                columns.append(unit)
                signs.append((-np.inf, 0.0))
    if not columns:
        return 1.0
    system = np.stack(columns, axis=1)
    limits = np.array(signs).T
    fit = _optimize.lsq_linear(system, target, bounds=(limits[0], limits[1]))
    return float(np.linalg.norm(system @ fit.x - target)) / size


def _steepness(gradient: Vector | None, sizes: Vector, weighted: Matrix) -> float:
    if gradient is None:
        return math.nan
    norms = np.linalg.norm(weighted, axis=1)
    norms = norms[norms > 0.0]
    if not norms.size:
        return math.nan
    return float(np.linalg.norm(gradient * sizes)) / float(np.median(norms))
