"""Functions along a line, for the tests of the numerics."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradaudit.numerics.derivative import derive
from gradaudit.numerics.ladder import Slope


def line_through(
    f: Callable[[float], float], x: float, seen: list[float] | None = None
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return phi(t) = f(x + t), which notes its steps in `seen`."""

    def phi(steps: NDArray[np.float64]) -> NDArray[np.float64]:
        if seen is not None:
            seen.extend(steps.tolist())
        return np.array([f(x + t) for t in steps.tolist()], dtype=np.float64)

    return phi


def slope_of(
    f: Callable[[float], float],
    x: float,
    *,
    seed: int = 0,
    lower: float = -math.inf,
    upper: float = math.inf,
    seen: list[float] | None = None,
) -> Slope:
    """Measure f'(x) with the default scale."""
    return derive(
        line_through(f, x, seen),
        f(x),
        scale=abs(x) or 1.0,
        rng=np.random.default_rng(seed),
        resolution=2.0**-52 * abs(x),
        origin=x,
        lower=lower,
        upper=upper,
    )
