"""A numerical derivative that says how far it can be trusted, without an audit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.errors import ArgumentError
from gradaudit.evaluator import BadReturn, Evaluator, read_cost
from gradaudit.evidence.directions import Line, few_bits
from gradaudit.numerics.derivative import derive
from gradaudit.numerics.ladder import Slope
from gradaudit.problem import Problem, as_problem, shown
from gradaudit.results import Derivative


def derivative(
    fun: Callable[..., Any] | Problem,
    x0: Any = None,
    direction: Any = None,
    *,
    args: Any = (),
    bounds: Any = None,
    rng: Any = None,
) -> Derivative:
    """Differentiate a function at a point, along a direction, with an error bar.

    Parameters
    ----------
    fun : callable or Problem
        ``fun(x, *args)`` returns a number, or a pair whose first part is that number.
    x0 : number or array_like
        The point. A plain number is passed as a Python float.
    direction : array_like, optional
        Of x0's shape, of any length; the derivative is along it, not along its unit vector. Left
        out, x0 must be a single number.
    args : tuple
        Further arguments of `fun`.
    bounds : sequence of pairs or scipy.optimize.Bounds, optional
        No evaluation leaves them.
    rng : None, int, Generator
        Jitters the steps.

    Returns
    -------
    Derivative
        `value` and `bar`: the derivative of the computed function is within `bar` of `value`, in
        at least 99.9 % of the points of the published function set (``benchmarks/coverage.py``).

    Raises
    ------
    ArgumentError
        When `direction` is missing, zero or of another shape.
    EvaluationError
        When `fun` raises at x0.

    Notes
    -----
    About 40 evaluations: 20 for the noise of one evaluation, the rest for a ladder of central
    differences with Richardson extrapolation, whose bar is the truncation seen between two
    levels plus six standard deviations of the noise.

    Examples
    --------
    >>> import math
    >>> d = derivative(math.sin, 1.0, rng=0)
    >>> abs(d.value - math.cos(1.0)) <= d.bar < 1e-9
    True
    """
    evaluator, cost = _prepared(fun, x0, args, bounds)
    problem = evaluator.problem
    along = _direction(direction, problem)
    slope, length = _along(evaluator, cost, along, np.random.default_rng(rng))
    return Derivative(
        value=slope.value * length,
        bar=slope.bar * length,
        regime=slope.regime,
        one_sided=None
        if slope.one_sided is None
        else (slope.one_sided[0] * length, slope.one_sided[1] * length),
        evaluations=evaluator.calls,
    )


def gradient(
    fun: Callable[..., Any] | Problem,
    x0: Any = None,
    *,
    args: Any = (),
    bounds: Any = None,
    rng: Any = None,
) -> Derivative:
    """Differentiate a function with respect to every entry of x0, with error bars.

    Parameters
    ----------
    fun, x0, args, bounds, rng
        As for `derivative`.

    Returns
    -------
    Derivative
        `value`, `bar` and `regime` are arrays of x0's shape (flat for a container);
        `one_sided` is a pair of such arrays with nan where there is no kink, or None.

    Raises
    ------
    EvaluationError
        When `fun` raises at x0.

    Notes
    -----
    About 40 evaluations for each entry.

    Examples
    --------
    >>> g = gradient(lambda x: x[0] ** 2 + 3 * x[1], [1.0, 2.0], rng=0)
    >>> bool((abs(g.value - [2.0, 3.0]) <= g.bar).all())
    True
    """
    evaluator, cost = _prepared(fun, x0, args, bounds)
    problem = evaluator.problem
    generator = np.random.default_rng(rng)
    found: list[tuple[Slope, float]] = []
    for index in range(problem.size):
        along = np.zeros(problem.size)
        along[index] = 1.0
        found.append(_along(evaluator, cost, along, generator))
    shape = () if problem.structure.is_container else problem.structure.leaves[0].shape
    shape = shape if not problem.structure.is_container else (problem.size,)
    sides = [
        (math.nan, math.nan) if s.one_sided is None else (s.one_sided[0] * c, s.one_sided[1] * c)
        for s, c in found
    ]
    kinked = any(slope.one_sided is not None for slope, _ in found)
    return Derivative(
        value=np.array([slope.value * c for slope, c in found]).reshape(shape),
        bar=np.array([slope.bar * c for slope, c in found]).reshape(shape),
        regime=np.array([slope.regime for slope, _ in found]).reshape(shape),
        one_sided=(
            np.array([left for left, _ in sides]).reshape(shape),
            np.array([right for _, right in sides]).reshape(shape),
        )
        if kinked
        else None,
        evaluations=evaluator.calls,
    )


def _prepared(fun: Any, x0: Any, args: Any, bounds: Any) -> tuple[Evaluator, float]:
    """Return an evaluator of the cost alone, and the cost at x0."""
    if isinstance(fun, Problem):
        inner = as_problem(fun, x0, args=args, bounds=bounds)
        together = inner.mode == "together"
    else:
        inner, together = (
            Problem(fun, 0.0 if x0 is None else x0, jac=None, args=args, bounds=bounds),
            False,
        )
        if x0 is None:
            raise ArgumentError("x0 is missing; give the point at which to differentiate")
    value = inner.fun

    def cost_of(x: Any, *more: Any) -> float:
        returned = value(x, *more)
        if together or (
            isinstance(returned, tuple) and len(cast("tuple[Any, ...]", returned)) == 2
        ):
            return read_cost(cast("tuple[Any, ...]", returned)[0])[0]
        return read_cost(returned)[0]

    problem = _cost_only(inner, cost_of)
    evaluator = Evaluator(problem)
    return evaluator, evaluator.require_cost(problem.start)


def _cost_only(inner: Problem, cost_of: Callable[..., float]) -> Problem:
    problem = object.__new__(Problem)
    for name in Problem.__slots__:
        setattr(problem, name, getattr(inner, name))
    problem.fun, problem.jac, problem.mode = cost_of, None, "none"
    return problem


def _direction(direction: Any, problem: Problem) -> Vector:
    if direction is None:
        if problem.size != 1:
            raise ArgumentError(
                f"direction is missing: x0 has {problem.size:,} entries; give a direction of the "
                "same shape, or use gradaudit.gradient"
            )
        return np.ones(1)
    try:
        along = np.array(problem.structure.flatten(direction)).astype(
            np.float64, casting="same_kind"
        )
    except (ArgumentError, BadReturn, TypeError, ValueError):
        raise ArgumentError(
            f"direction is {shown(direction)}; give real numbers in the shape of x0"
        ) from None
    if along.size != problem.size:
        raise ArgumentError(f"direction has {along.size} entries, x0 has {problem.size}")
    if not np.isfinite(along).all() or not along.any():
        raise ArgumentError("direction must be finite and not zero")
    return along


def _along(
    evaluator: Evaluator, cost: float, along: Vector, rng: np.random.Generator
) -> tuple[Slope, float]:
    """Measure along a direction of few bits, and return what its unit of t is worth."""
    problem = evaluator.problem
    moving = along != 0.0
    # a unit step moves the fastest entry by its own size
    sizes = np.where(problem.start == 0.0, 1.0, np.abs(problem.start))
    length = 2.0 ** math.ceil(math.log2(float(np.max(np.abs(along[moving]) / sizes[moving]))))
    exact = along / length
    rounded = few_bits(exact)
    if not np.allclose(rounded, exact, rtol=1e-15, atol=0.0):
        rounded = exact  # the derivative is wanted along this direction, not one nearby
    lower, upper = _limits(problem, rounded)
    line = Line(problem.start, rounded, None, lower, upper)
    if not math.isfinite(cost) or (lower == 0.0 and upper == 0.0):
        return _nothing(), length
    alone = int(np.flatnonzero(moving)[0]) if np.count_nonzero(moving) == 1 else None
    origin = None if alone is None else float(problem.start[alone] / rounded[alone])
    slope = derive(
        line.phi(evaluator, np.zeros(problem.size)),
        cost,
        scale=float(np.min(sizes[moving] / np.abs(rounded[moving]))),
        rng=rng,
        resolution=None if origin is None else float(np.finfo(np.float64).eps) * abs(origin),
        origin=origin,
        lower=lower,
        upper=upper,
    )
    return slope, length


def _limits(problem: Problem, along: Vector) -> tuple[float, float]:
    """Return the steps at which the first bound is met, to both sides."""
    if problem.lower is None or problem.upper is None:
        return -math.inf, math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        to_lower = (problem.lower - problem.start) / along
        to_upper = (problem.upper - problem.start) / along
    moving = along != 0.0
    low = np.where(along > 0, to_lower, to_upper)[moving]
    high = np.where(along > 0, to_upper, to_lower)[moving]
    return float(low.max()), float(high.min())


def _nothing() -> Slope:
    return Slope(
        value=math.nan,
        bar=math.inf,
        regime="unresolved",
        step=0.0,
        curvature=0.0,
        bend=0.0,
        evaluations=0,
    )
