"""Does the cost move with its argument, and with each block of it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.evaluator import Evaluator

# In units of the scale of the parameters: a rounded cost moves at the larger ones only, a
# saturated unit perhaps at the largest.
REACHES: Final = (1e-3, 1.0, 10.0, 100.0)


# Ten times the spacing of float32: a cost in single precision moves at steps of this length.
_SHORTEST: Final = 1e-6
# In units of the scale of the parameters: far enough for anything that uses its argument.
_FAR: Final = 10.0
# Relative to the cost: a jump, far beyond the rounding even of float32; and what rounding hides.
_JUMP: Final = 100 * float(np.finfo(np.float32).eps)
_ROUNDING: Final = 1e4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dependence:
    """Whether the cost changed along random directions of growing length.

    Attributes
    ----------
    reaches : tuple of float
        Lengths tried, in units of the parameters' scale, in order.
    moved_at : float or None
        The first at which the cost differed in any bit; None when it never did.
    evaluations : int
    """

    reaches: tuple[float, ...]
    moved_at: float | None
    evaluations: int

    @property
    def constant(self) -> bool:
        """Whether the cost was equal to the last bit everywhere."""
        return self.moved_at is None


def probe_dependence(
    evaluator: Evaluator,
    theta: Vector,
    cost: float,
    scale: Vector,
    rng: np.random.Generator,
    *,
    blocks: Sequence[Block] | None = None,
    lower: Vector | None = None,
    upper: Vector | None = None,
    reaches: Sequence[float] = REACHES,
) -> Dependence:
    """Compare the cost at x0 with that at random points further and further away.

    Parameters
    ----------
    evaluator : Evaluator
    theta : ndarray of float64, shape (n,)
    cost : float
        The cost there.
    scale : ndarray of float64, shape (n,)
        Typical size of each parameter.
    rng : numpy.random.Generator
    blocks : sequence of Block, optional
        Only these entries are moved; all of them when left out.
    lower, upper : ndarray, optional
        Points are clipped to these bounds.
    reaches : sequence of float
        One evaluation for each, fewer when the cost moves early.

    Notes
    -----
    At most ``len(reaches)`` evaluations. A value that is not finite counts as a move.
    """
    used = 0
    for reach in reaches:
        point = theta + _random_step(scale, blocks, rng) * reach
        if lower is not None and upper is not None:
            np.clip(point, lower, upper, out=point)
        used += 1
        if evaluator.cost(point) != cost:
            return Dependence(reaches=tuple(reaches), moved_at=reach, evaluations=used)
    return Dependence(reaches=tuple(reaches), moved_at=None, evaluations=used)


def stands_still(evaluator: Evaluator, rng: np.random.Generator) -> bool:
    """Whether cost and gradient are equal to the last bit at x0 and at one point far from it.

    Parameters
    ----------
    evaluator : Evaluator
    rng : numpy.random.Generator

    Notes
    -----
    At most two evaluations. A gradient of zeros tells nothing: a saturated cost has one as well.
    """
    problem = evaluator.problem
    theta = problem.start
    scale = _FAR * np.maximum(np.abs(theta), 1.0)
    point = theta + _random_step(scale, None, rng)
    if problem.lower is not None and problem.upper is not None:
        np.clip(point, problem.lower, problem.upper, out=point)
    here = evaluator.try_sample(theta, where="x0")
    if here is None or not (math.isfinite(here.cost) and here.gradient.any()):
        return False
    if np.array_equal(point, theta):  # the bounds leave no room
        return False
    there = evaluator.try_sample(point, where="far from x0")
    return (
        there is not None
        and there.cost == here.cost
        and np.array_equal(there.gradient, here.gradient)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stairs:
    """A cost that moves in steps only.

    Attributes
    ----------
    plateau : float
        Steps up to this length, in units of the parameters' size, left the cost unchanged to the
        last bit; 0 when x0 itself is on the edge of a stair.
    jump : float
        By how much the cost changed at the next longer step.
    whole : bool
        The cost is the same when the parameters are cut to whole numbers.
    """

    plateau: float
    jump: float
    whole: bool


def probe_stairs(
    evaluator: Evaluator,
    theta: Vector,
    cost: float,
    gradient: Vector | None,
    scale: Vector,
    rng: np.random.Generator,
    *,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> Stairs | None:
    """Look for steps in the cost: plateaus much longer than rounding explains, then a jump.

    Parameters
    ----------
    evaluator, theta, cost, scale, rng
        As for `probe_dependence`.
    gradient : ndarray of float64, shape (n,), or None
        The returned gradient, if there is one: where it promises nothing, a plateau is no
        contradiction.
    lower, upper : ndarray, optional
        Points are clipped to these bounds.

    Notes
    -----
    One evaluation for an ordinary cost, at most ten. A smooth cost that is unchanged at a step
    t changes at 10 t by no more than the rounding of a quadratic, 100 eps, or so.
    """
    direction = _random_step(scale, None, rng)
    if lower is not None and upper is not None:  # towards the farther bound
        direction = np.where(theta - lower > upper - theta, -1.0, 1.0) * np.abs(direction)
    with np.errstate(over="ignore"):
        slope = math.inf if gradient is None else abs(float(gradient @ direction))
        promised = slope * _SHORTEST
    visible = _JUMP * abs(cost)
    seen = [cost]

    def inside(point: Vector) -> Vector:
        return point if lower is None or upper is None else np.clip(point, lower, upper)

    def at(step: float) -> float:
        seen.append(evaluator.cost(inside(theta + step * direction)))
        return seen[-1]

    change = abs(at(_SHORTEST) - cost)
    if change == 0.0 and promised > _ROUNDING * abs(cost):
        plateau, jump = _end_of_plateau(at, cost)
    elif change > max(visible, 1e3 * promised if gradient is not None else 0.0):
        near = at(0.01 * _SHORTEST)
        if near == cost or near != at(0.003 * _SHORTEST):
            return None
        plateau, jump = 0.0, change
    else:
        return None
    if not jump > visible:
        return None
    elsewhere = inside(theta + 0.37 * direction)
    whole = evaluator.cost(elsewhere) == evaluator.cost(inside(np.trunc(elsewhere)))
    # stairs of the height of single precision, or of a cost computed in it, are not of the cost
    coarse = all(value == float(np.float32(value)) for value in seen)
    return None if coarse and not whole else Stairs(plateau=plateau, jump=jump, whole=whole)


def _end_of_plateau(at: Callable[[float], float], cost: float) -> tuple[float, float]:
    """Return the longest step that leaves the cost unchanged, and the change at ten times it."""
    for exponent in range(-5, 2):
        change = abs(at(10.0**exponent) - cost)
        if change > 0.0:
            return 10.0 ** (exponent - 1), change
    return 10.0, 0.0


def _random_step(scale: Vector, blocks: Sequence[Block] | None, rng: np.random.Generator) -> Vector:
    step = rng.uniform(0.5, 1.0, scale.size) * scale * rng.choice((-1.0, 1.0), scale.size)
    if blocks is None:
        return step
    chosen = np.zeros(scale.size)
    for block in blocks:
        chosen[block.selector()] = step[block.selector()]
    return chosen
