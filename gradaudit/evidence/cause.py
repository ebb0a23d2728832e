"""Which mistake is it? So far: one factor for the whole block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gradaudit.evidence.gradient import Projection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """Returned over right gradient, when one number explains every projection of a block.

    Attributes
    ----------
    value : float
    uncertainty : float
        The bars allow any value within this distance.
    projections : int
        How many agree.
    """

    value: float
    uncertainty: float
    projections: int


def fit_factor(projections: Sequence[Projection]) -> Factor | None:
    """Fit ``returned = c * right`` to projections of one block; None when no c fits them all.

    Notes
    -----
    Least squares weighted by the bars, then every residual must be within its own bar: with k
    projections a wrong hypothesis passes by chance with probability of the order of
    (bar / slope)**(k - 1), about 1e-9 for each degree of freedom.
    """
    usable = [p for p in projections if math.isfinite(p.bar) and p.bar > 0.0]
    if len(usable) < 2:
        return None
    sharpest = min(p.bar for p in usable)
    weights = [(sharpest / p.bar) ** 2 for p in usable]
    largest = max(abs(p.slope.value) for p in usable)
    if largest == 0.0:
        return None
    slopes = [p.slope.value / largest for p in usable]
    total = sum(w * d * d for w, d in zip(weights, slopes, strict=True))
    if not 0.0 < total < math.inf:
        return None
    products = (w * d * p.analytic for w, d, p in zip(weights, slopes, usable, strict=True))
    value = sum(products) / largest / total
    for projection in usable:
        allowed = projection.analytic_bar + abs(value) * projection.slope.bar
        if abs(projection.analytic - value * projection.slope.value) > allowed:
            return None
    uncertainty = min(
        (p.analytic_bar + abs(value) * p.slope.bar) / abs(p.slope.value)
        for p in usable
        if p.slope.value
    )
    return Factor(value=value, uncertainty=uncertainty, projections=len(usable))
