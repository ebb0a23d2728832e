"""How rough is the returned gradient? Its own noise, and the rounding of terms that cancel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.evidence.directions import Line
from gradaudit.numerics.noise import Noise

# Differences of these orders are all noise for a smooth gradient at the spacing of its table.
_ORDERS: Final = (5, 6, 7, 8)
# Where five points lie to each side of a jump, these remain; and the whole is this much rougher.
_SIDE_ORDERS: Final = (3, 4)
_JUMP: Final = 12.0
# A gradient whose terms cancel keeps this many rounding units of the whole one.
_ROUNDING_UNITS: Final = 16.0

Part = Any  # a slice or indices


def rounding_residue(norm: float, noise: Noise, gradient_dtype: str) -> float:
    """Return the rounding of a slope that cancels, from the size of the whole gradient."""
    formats = [noise.precision, gradient_dtype]
    eps = max(
        float(np.finfo(name).eps) for name in formats if name in ("float16", "float32", "float64")
    )
    return _ROUNDING_UNITS * eps * norm


def are_whole_numbers(gradient: Vector) -> bool:
    """Tell whether every entry is a whole number; beyond 2**53 all floats are."""
    largest = float(np.abs(gradient).max())
    return 0.0 < largest < 2.0**53 and bool((gradient == np.rint(gradient)).all())


def rounding_of_dot(total: float, norm: float) -> float:
    """Bound the rounding error of a scalar product, from the norm of its terms."""
    return 2e-16 * (4.0 * norm + abs(total))


class GradientWatch:
    """Collects what the returned gradient promises along a line, near the point."""

    def __init__(self, line: Line, selectors: Sequence[Part]) -> None:
        self.line = line
        self.selectors = selectors
        self.batches: list[list[tuple[float, list[float]]]] = []
        self.center: list[float] = []

    def begin(self) -> None:
        """Begin a batch of equally spaced steps."""
        self.batches.append([])

    def add(self, step: float, gradient: Vector) -> None:
        """Take in the gradient at a step; at step 0 it belongs to every batch."""
        products = self.line.part(gradient) * self.line.along
        sums = [float(products[selector].sum()) for selector in self.selectors]
        if step == 0.0:
            self.center = sums
        else:
            self.batches[-1].append((step, sums))

    def absolute(self) -> Vector:
        """Return the standard deviation of the gradient's noise in each part."""
        tables = [_table_noise(batch, self.center) for batch in self.batches[-2:]]
        found = [table for table in tables if table is not None]
        return np.max(found, axis=0) if found else np.zeros(len(self.selectors))

    def roughness(self, gradient: Vector) -> Vector:
        """Return the noise in each part relative to the part's projected norm."""
        products = self.line.part(gradient) * self.line.along
        norms = np.array([float(np.linalg.norm(products[selector])) for selector in self.selectors])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(norms > 0, self.absolute() / norms, 0.0)


def _table_noise(batch: Sequence[tuple[float, list[float]]], center: list[float]) -> Vector | None:
    """Estimate noise from differences of high order of equally spaced values (ECNoise)."""
    rows = sorted([*batch, (0.0, center)])
    steps = np.diff([step for step, _ in rows])
    if len(rows) <= _ORDERS[-1] or np.ptp(steps) > 1e-3 * abs(float(steps.mean())):
        return None
    table = np.array([values for _, values in rows])
    if not np.isfinite(table).all():
        return None
    noise = _rough(table, _ORDERS)
    here = [step for step, _ in rows].index(0.0)
    if _SIDE_ORDERS[-1] < here < len(rows) - 1 - _SIDE_ORDERS[-1]:
        # a gradient that jumps at a kink of the cost is not rough: both sides are calm
        sides = np.maximum(
            _rough(table[:here], _SIDE_ORDERS), _rough(table[here + 1 :], _SIDE_ORDERS)
        )
        noise = np.where(noise > _JUMP * sides, sides, noise)
    return noise


def _rough(table: Vector, orders: Sequence[int]) -> Vector:
    """Return the largest noise level of differences of these orders, for each column."""
    levels: list[Vector] = []
    for order in range(1, orders[-1] + 1):
        table = np.diff(table, axis=0)
        if order in orders:
            gamma = math.factorial(order) ** 2 / math.factorial(2 * order)
            levels.append(np.sqrt(gamma * np.mean(table**2, axis=0)))
    return np.max(levels, axis=0)


def multiples_along(line: Line, spacing: float) -> Iterator[int]:
    """Return the ten multiples of a spacing around 0 that stay within the line's limits."""
    first = max(-5, math.ceil(line.lower / spacing)) if math.isfinite(line.lower) else -5
    first = min(first, 0)
    return (j for j in range(first, first + 11) if j)
