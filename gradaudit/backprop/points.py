"""Points at which a wrong gradient shows: generic ones, where nothing is right by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from gradaudit.backprop.experiment import Outcome
from gradaudit.blocks import Vector

Run = Callable[[Vector], "Outcome | None"]

# how far from x0, in parts of the size of each parameter; shorter where the function fails
_REACHES: Final = (0.3, 0.1, 0.02, 1e-3)


def generic_points(
    run: Run,
    start: Vector,
    lower: Vector | None,
    upper: Vector | None,
    rng: np.random.Generator,
) -> Iterator[tuple[Vector, Outcome]]:
    """Yield points near the start at which everything is finite, then the start itself."""
    size = np.maximum(np.abs(start), 0.3 * float(np.sqrt(np.mean(start**2))) or 0.3)
    for reach in _REACHES:
        for _ in range(3):
            theta = start + reach * size * rng.uniform(-1, 1, start.size)
            if lower is not None and upper is not None:
                theta = np.clip(theta, lower, upper)
            outcome = run(theta)
            if outcome is not None and _usable(outcome):
                yield theta, outcome
    outcome = run(start)
    if outcome is not None and _usable(outcome):
        yield start.copy(), outcome


def _usable(outcome: Outcome) -> bool:
    return bool(np.isfinite(outcome.cost) and np.isfinite(outcome.gradient).all())
