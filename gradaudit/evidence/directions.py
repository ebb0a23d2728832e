"""Directions through the parameter space: typical sizes, moved points, signs and lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Block, Vector
from gradaudit.evaluator import Evaluator, Observer
from gradaudit.numerics.signs import random_signs

Signs = NDArray[np.int8]
Phi = Callable[[Vector], Vector]

# A block whose entries span more than this from the 5th to the 95th percentile (a uniform
# distribution spans 19, a normal one 31) holds quantities of different units: each entry then
# gets its own step.
_MIXED: Final = 300.0
_PERCENTILES: Final = (5.0, 95.0)
_SAMPLE: Final = 2000
# Weights near a bound leave room for steps of this length on both sides.
ROOM: Final = 0.25
# Among fewer entries than this a single odd one decides.
_FEW: Final = 40
# A parameter this small beside its typical size is zero.
_NEARLY_ZERO: Final = 1e-8
# From this many entries on, a block of both signs holds quantities of one kind.
_MANY: Final = 16
# Significant bits of the entries of a direction: with steps of six bits, theta + t v is exact.
_BITS: Final = 8


def typical_sizes(theta: Vector, blocks: Sequence[Block]) -> Vector:
    """Return a typical size for each parameter, a power of two.

    Parameters
    ----------
    theta : ndarray of float64, shape (n,)
    blocks : sequence of Block

    Returns
    -------
    ndarray of float64, shape (n,)
        The root mean square of the block; of the entry itself in a block of mixed units; for a
        block of zeros that of the whole vector; 1 where there is nothing to go by.
    """
    sizes = np.empty(theta.size)
    nonzero = theta[theta != 0.0]
    overall = _rms(nonzero) if nonzero.size else 1.0
    sizes.fill(_power_of_two(overall))
    for block in blocks:
        selector = block.selector()
        sizes[selector] = _block_size(theta[selector], overall)
    return sizes


def _block_size(values: Vector, overall: float) -> float | Vector:
    nonzero = np.abs(values[values != 0.0])
    if nonzero.size == 0:
        return _power_of_two(overall)
    step = max(1, nonzero.size // _SAMPLE)
    if nonzero.size < _FEW:
        low, high = nonzero.min(), nonzero.max()
    else:
        low, high = np.percentile(nonzero[::step], _PERCENTILES)
    if high <= _MIXED * low:
        return _power_of_two(_rms(nonzero))
    own = np.where(values == 0.0, float(np.median(nonzero[::step])), np.abs(values))
    return np.ldexp(0.5, np.frexp(own)[1])


def _rms(values: Vector) -> float:
    largest = float(np.abs(values).max())
    return largest * math.sqrt(float(np.mean((values / largest) ** 2)))


def norm_of(vector: Vector) -> float:
    """Return the Euclidean norm, also where squares overflow or underflow."""
    with np.errstate(over="ignore", under="ignore"):
        norm = float(np.linalg.norm(vector))
    if 1e-150 < norm < math.inf:
        return norm
    largest = float(np.abs(vector).max()) if vector.size else 0.0
    if not 0.0 < largest < math.inf:
        return largest
    return largest * float(np.linalg.norm(vector / largest))


def _power_of_two(size: float) -> float:
    return math.ldexp(1.0, round(math.log2(size))) if size > 0 else 1.0


def few_bits(values: Vector) -> Vector:
    """Round to the few significant bits that keep theta + t v exact.

    Notes
    -----
    Veltkamp's splitting (Dekker 1971): with c = (2**s + 1) v, c - (c - v) is v in 53 - s bits.
    Values must be below 1e290.
    """
    split = values * (2.0 ** (53 - _BITS) + 1.0)
    split -= split - values
    return split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Which parameters can move, and how far.

    Attributes
    ----------
    weights : ndarray of float64, shape (n,)
        Length of a unit step in each parameter, a power of two: its typical size, less near a
        bound; 0 for those that cannot move to both sides.
    inward : ndarray of float64, shape (n,), or None
        For parameters on a bound, the signed weight of a step away from it; None when there are
        none.
    pinned : int
        Parameters whose bounds leave them a single value.
    reach : float
        Largest step to both sides that stays within all bounds.
    """

    weights: Vector
    inward: Vector | None
    pinned: int
    reach: float


def region_at(theta: Vector, sizes: Vector, lower: Vector | None, upper: Vector | None) -> Region:
    """Work out how far each parameter can move from a point."""
    if lower is None or upper is None:
        return Region(weights=sizes, inward=None, pinned=0, reach=math.inf)
    below, above = theta - lower, upper - theta
    room = np.minimum(below, above)
    near = room * (1.0 / ROOM)
    weights = sizes.copy()
    tight = near < sizes
    weights[tight] = np.ldexp(0.5, np.frexp(near[tight])[1])
    # so close to a bound that a step to both sides would drown in rounding: one-sided
    blocked = room <= 1e-6 * sizes
    weights[blocked] = 0.0
    freedom = np.maximum(below, above)
    inward = np.zeros(theta.size)
    movable = blocked & (freedom > 0)
    length = np.minimum(sizes, freedom * (1.0 / ROOM))[movable]
    towards = np.where(above >= below, 1.0, -1.0)[movable]
    inward[movable] = np.ldexp(0.5, np.frexp(length)[1]) * towards
    return Region(
        weights=weights,
        inward=inward if bool(movable.any()) else None,
        pinned=int(np.count_nonzero(blocked & ~movable)),
        reach=ROOM,
    )


def moved_point(
    theta: Vector,
    sizes: Vector,
    reach: float,
    rng: np.random.Generator,
    lower: Vector | None = None,
    upper: Vector | None = None,
    *,
    flip: Sequence[Block] = (),
) -> Vector:
    """Return a random point away from zero and inside the bounds.

    Parameters
    ----------
    theta, sizes : ndarray of float64, shape (n,)
        The start, and a typical size of each parameter.
    reach : float
        Each parameter is multiplied or divided by between 2**(reach / 2) and 2**reach: signs are
        kept, since a variance or a rate has no meaning below zero. What is zero moves by `reach`
        times its typical size instead.
    rng : numpy.random.Generator
    lower, upper : ndarray of float64, shape (n,), optional
    flip : sequence of Block
        Blocks in which half of the entries change their sign.

    Returns
    -------
    ndarray of float64, shape (n,)
        Strictly inside the bounds, except where they pin a parameter.
    """
    # in place: at n = 1e7 every temporary counts
    still = np.abs(theta) < _NEARLY_ZERO * sizes
    point = rng.uniform(0.5 * reach, reach, theta.size)
    point *= random_signs(theta.size, rng)
    shifts = point[still] * sizes[still]
    np.exp2(point, out=point)
    point *= theta
    point[still] = theta[still] + shifts
    for block in flip:
        selector = block.selector()
        point[selector] *= random_signs(block.size, rng)
    if lower is None or upper is None:
        return point
    width = np.where(np.isfinite(upper - lower), upper - lower, sizes)
    margin = np.minimum(0.1 * width, 0.5 * sizes)
    return np.where(lower == upper, theta, np.clip(point, lower + margin, upper - margin))


def far_point(
    theta: Vector,
    sizes: Vector,
    reach: float,
    rng: np.random.Generator,
    lower: Vector | None = None,
    upper: Vector | None = None,
) -> Vector:
    """Return a point `reach` sizes away in every parameter, inside the bounds."""
    point = rng.uniform(0.5 * reach, reach, theta.size)
    point *= random_signs(theta.size, rng)
    point *= sizes
    point += theta
    return point if lower is None or upper is None else np.clip(point, lower, upper)


def two_signed(theta: Vector, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks whose many entries take both signs: weights, not rates or variances."""
    found: list[Block] = []
    for block in blocks:
        values = theta[block.selector()]
        positive = np.count_nonzero(values > 0)
        fewest = min(positive, np.count_nonzero(values < 0))
        if values.size >= _MANY and 10 * fewest >= values.size:
            found.append(block)
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The line theta + t v, evaluated a batch at a time.

    Attributes
    ----------
    theta : ndarray of float64, shape (n,)
    along : ndarray of float64
        v, or its part within `selector`.
    selector : slice, ndarray of int, or None
        The entries that move; None when all do.
    lower, upper : float
        Limits of t.
    """

    theta: Vector
    along: Vector
    selector: slice | NDArray[np.intp] | None = None
    lower: float = -math.inf
    upper: float = math.inf

    @property
    def origin(self) -> float | None:
        """Return the coordinate itself in units of the step, where a single parameter moves."""
        if self.along.size != 1:
            return None
        return float(self.part(self.theta)[0] / self.along[0])

    def within(self, reach: float) -> Line:
        """Return the same line with steps up to `reach` at most."""
        return replace(self, lower=max(self.lower, -reach), upper=min(self.upper, reach))

    def point(self, step: float) -> Vector:
        """Return theta + step v in a fresh array."""
        if self.selector is None:
            point = self.along * step
            point += self.theta
            return point
        point = self.theta.copy()
        point[self.selector] += self.along * step
        return point

    def dot(self, gradient: Vector) -> float:
        """Return the slope that a gradient promises along the line."""
        return float(self.part(gradient) @ self.along)

    def part(self, vector: Vector) -> Vector:
        """Return the entries of a vector that move along the line."""
        return vector if self.selector is None else vector[self.selector]

    def norm(self, gradient: Vector) -> float:
        """Return the norm of the products: the slope's size when signs are random."""
        return norm_of(self.part(gradient) * self.along)

    def phi(self, evaluator: Evaluator, gradient: Vector, observe: Observer | None = None) -> Phi:
        """Return the cost along the line as a function of steps, for the numerics.

        Where parameters are handed out in less than double precision, the point is not quite
        theta + t v; the value is corrected by what `gradient` says the difference makes, so that
        the comparison with that same gradient is exact to first order.
        """
        dtype = evaluator.problem.structure.dtype
        if dtype.itemsize >= 8:
            return lambda steps: evaluator.costs(map(self.point, steps.tolist()), observe)

        def corrected(steps: Vector) -> Vector:
            points = [self.point(step).astype(dtype).astype(np.float64) for step in steps.tolist()]
            slopes = [
                float((point - self.theta) @ gradient) - step * self.dot(gradient)
                for point, step in zip(points, steps.tolist(), strict=True)
            ]
            return evaluator.costs(points, observe) - np.array(slopes)

        return corrected
