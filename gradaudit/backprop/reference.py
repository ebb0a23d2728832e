"""What the gradient should be, measured from the cost alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.events import Array
from gradaudit.backprop.experiment import Outcome
from gradaudit.blocks import Vector

Cost = Callable[[Vector], float]
_STEP: Final = 2e-5
_EPS: Final = float(np.finfo(np.float64).eps)


@dataclass(slots=True, eq=False)
class Reference:
    """The truth about one point.

    Attributes
    ----------
    theta : ndarray, shape (n,)
    outcome : Outcome
        Of the program as it was given.
    directions : ndarray, shape (k, n)
        Along which the cost was differentiated; the unit vectors when `complete`.
    slopes, bars : ndarray, shape (k,)
        Derivatives along them, with their bars.
    complete : bool
        Whether each entry is known by itself.
    """

    theta: Vector
    outcome: Outcome
    directions: Array
    slopes: Array
    bars: Array
    complete: bool
    entry_slopes: Array = field(default_factory=lambda: np.zeros(0))

    def errors(self, gradient: Vector) -> Array:
        """Return how far a gradient is off along each direction."""
        along = gradient if self.complete else self.directions @ gradient
        return along - self.slopes

    def tolerance(self, gradient: Vector) -> Array:
        """Return how much of an error is no error, along each direction."""
        along = np.abs(gradient) if self.complete else np.abs(self.directions) @ np.abs(gradient)
        size = np.maximum(along, np.abs(self.slopes))
        scale = float(np.max(np.abs(self.slopes), initial=0.0))
        return 20 * self.bars + 2e-6 * size + 1e-9 * scale

    def wrong(self, gradient: Vector) -> NDArray[np.bool_]:
        """Tell along which directions a gradient is wrong."""
        errors = self.errors(gradient)
        # of an infinite entry the tolerance is infinite, too
        return ~(np.isfinite(errors) & (np.abs(errors) <= self.tolerance(gradient)))

    def accepts(self, outcome: Outcome | None) -> bool:
        """Tell whether a run had the same cost and the right gradient."""
        if outcome is None or not self.same_cost(outcome):
            return False
        return not self.wrong(outcome.gradient).any()

    def same_cost(self, outcome: Outcome) -> bool:
        """Tell whether the cost is what it was, but for the last digits."""
        return abs(outcome.cost - self.outcome.cost) <= 1e-12 * abs(self.outcome.cost) + 1e-300


def differentiate(
    cost: Cost, theta: Vector, outcome: Outcome, directions: Array, *, complete: bool
) -> Reference:
    """Differentiate the cost along directions, centrally, with two steps each.

    Notes
    -----
    Four evaluations for each direction. The derivative is extrapolated from steps h and 2h
    (Richardson); its bar is the difference to the plain one, at most, plus rounding.
    """
    slopes: list[float] = []
    bars: list[float] = []
    for direction in directions:
        step = _STEP * max(1.0, float(np.max(np.abs(theta * (direction != 0)))))
        step /= max(float(np.max(np.abs(direction))), 1e-300)
        values = [cost(theta + k * step * direction) for k in (1, -1, 2, -2)]
        near = (values[0] - values[1]) / (2 * step)
        far = (values[2] - values[3]) / (4 * step)
        rounding = 4 * _EPS * max(abs(v) for v in values) / step
        slopes.append((4 * near - far) / 3)
        bars.append(abs(near - far) * 0.3 + rounding)
    return Reference(theta, outcome, directions, np.array(slopes), np.array(bars), complete)


def complete_reference(cost: Cost, theta: Vector, outcome: Outcome) -> Reference:
    """Measure every entry of the gradient: two evaluations each, and four where it matters."""
    n = theta.size
    slopes, bars = np.empty(n), np.empty(n)
    for i in range(n):
        step = _STEP * max(1.0, abs(theta[i]))
        moved = theta.copy()
        moved[i] = theta[i] + step
        above, high = cost(moved.copy()), moved[i]
        moved[i] = theta[i] - step
        below, low = cost(moved.copy()), moved[i]
        slopes[i] = (above - below) / (high - low)
        bars[i] = 2 * _EPS * max(abs(above), abs(below)) / step + _curvature(
            above, below, outcome.cost, step
        )
    return Reference(theta, outcome, np.eye(0), slopes, bars, complete=True)


def _curvature(above: float, below: float, middle: float, step: float) -> float:
    """Guess the truncation of a central difference from the second difference."""
    second = abs(above - 2 * middle + below) / step**2
    return second * step * step


def random_directions(rng: np.random.Generator, count: int, size: int) -> Array:
    """Return directions of which no error of a gradient is normal to all."""
    return rng.standard_normal((count, size))


def stacked(parts: Sequence[Array]) -> Array:
    """Return one flat array of several."""
    return np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0)
