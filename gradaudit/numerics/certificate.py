"""What projections with random signs prove about every entry of a gradient.

Notation: r is the error of the returned gradient, v_k = s_k * w with signs s_k
and positive weights w, b_k the bar of the measured slope along v_k.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradaudit.numerics.signs import designed_count


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntryBound:
    """Every entry is right to within ``half_width / weight``, at a confidence.

    Attributes
    ----------
    half_width : float
        Twice the largest bar that was needed; infinite if the projections are
        too few for the confidence.
    confidence : float
        Probability that a larger error would have been seen, whatever the other
        errors are, provided the bars hold.
    projections : int
        How many of the projections were needed.
    """

    half_width: float
    confidence: float
    projections: int

    def of(self, weights: ArrayLike) -> NDArray[np.float64]:
        """Return the bound of each entry from its weight."""
        return self.half_width / np.asarray(weights, dtype=np.float64)


def confidence_of(projections: int) -> float:
    """Return the confidence of k independent projections, 1 - 2^-k.

    Examples
    --------
    >>> confidence_of(10)
    0.9990234375
    """
    return -math.expm1(-projections * math.log(2.0))


def projections_for(confidence: float) -> int:
    """Return how many independent projections give a confidence.

    Examples
    --------
    >>> projections_for(0.999)
    10
    """
    count = max(0, math.ceil(-math.log2(1.0 - confidence)))
    while confidence_of(count) < confidence:
        count += 1
    while count > 0 and confidence_of(count - 1) >= confidence:
        count -= 1
    return count


def entry_bound(bars: Sequence[float], *, confidence: float = 0.999) -> EntryBound:
    """Bound the error of every entry, from projections that saw nothing.

    Parameters
    ----------
    bars : sequence of float
        The bar b_k of each projection in which ``|g_a.v_k - D_k| <= b_k``. The
        signs of different projections are independent.
    confidence : float
        Wanted probability of having seen a larger error.

    Returns
    -------
    EntryBound
        From as many of the smallest bars as the confidence needs.

    Notes
    -----
    Theorem. Let the signs of each v_k be independent and fair, independent of
    the other projections, and let each bar hold: |D_k - g.v_k| <= b_k. If some
    entry has w_i |r_i| > 2 b, then a projection with b_k <= b sees nothing,
    |g_a.v_k - D_k| <= b_k, with probability at most 1/2, and k of them with
    probability at most 2^-k. Proof: if nothing is seen then |r.v_k| <= 2 b.
    Given all other signs, r.v_k takes two values that are 2 w_i |r_i| > 4 b
    apart, so at most one of them lies within +-2 b.

    With unequal bars the projections with the smallest bars are enough: which
    ones they are must not depend on what was seen, and does not.
    """
    needed = projections_for(confidence)
    usable = sorted(b for b in bars if math.isfinite(b))
    if len(usable) < needed:
        return EntryBound(
            half_width=math.inf, confidence=confidence_of(len(usable)), projections=len(usable)
        )
    largest = usable[needed - 1] if needed else math.inf
    return EntryBound(
        half_width=2.0 * largest, confidence=confidence_of(needed), projections=needed
    )


def certain_bound(bars: Sequence[float], size: int) -> float:
    """Bound one or two wrong entries with certainty, from all designed patterns.

    Parameters
    ----------
    bars : sequence of float
        The bars of all designed patterns, each of which saw nothing.
    size : int
        Number of entries.

    Returns
    -------
    float
        2 max(bars): if at most two entries are wrong, each has
        ``w_i |r_i| <=`` this, provided the bars hold. Infinite if patterns are
        missing.

    Notes
    -----
    For entries i and j with a = w_i r_i and b = w_j r_j, the patterns contain
    one with equal and one with opposite relative signs, so |r.v| takes both
    |a + b| and |a - b|, and max(|a + b|, |a - b|) >= max(|a|, |b|).
    """
    if len(bars) < designed_count(size):
        return math.inf
    return 2.0 * max(bars)
