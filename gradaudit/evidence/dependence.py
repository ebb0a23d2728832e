"""Does the cost move with its argument, and with each block of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.evaluator import Evaluator

# In units of the scale of the parameters: a rounded cost moves at the larger ones only, a
# saturated unit perhaps at the largest.
REACHES: Final = (1e-3, 1.0, 10.0, 100.0)


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


def _random_step(scale: Vector, blocks: Sequence[Block] | None, rng: np.random.Generator) -> Vector:
    step = rng.uniform(0.5, 1.0, scale.size) * scale * rng.choice((-1.0, 1.0), scale.size)
    if blocks is None:
        return step
    chosen = np.zeros(scale.size)
    for block in blocks:
        chosen[block.selector()] = step[block.selector()]
    return chosen
