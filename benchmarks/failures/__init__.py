"""Optimizer runs that fail, loudly or in silence, and runs that only look as if they did."""

from __future__ import annotations

from benchmarks.failures import (
    constraints,
    domain,
    gradients,
    healthy,
    limits,
    precision,
    regularity,
    scaling,
    second_order,
    vector,
    wiring,
)
from benchmarks.failures.case import BENIGN, Case, case, gather

CASES: dict[str, Case] = gather(
    wiring,
    gradients,
    precision,
    regularity,
    domain,
    scaling,
    constraints,
    second_order,
    vector,
    limits,
    healthy,
)

__all__ = ["BENIGN", "CASES", "Case", "case", "gather"]
