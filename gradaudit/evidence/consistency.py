"""Is the returned gradient the gradient of some function, only not of this cost?"""

from __future__ import annotations

from typing import Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.evidence.cause import Cause
from gradaudit.evidence.gradient import PointAuditor, PointEvidence

# Relative step of the differences of the gradient; their error is its square, or so.
_STEP: Final = 1e-4
# The mixed second derivatives must agree to this part of themselves...
_AGREE: Final = 1e-5
# ... and be at least this part of the unmixed one: separable gradients agree for no reason.
_COUPLED: Final = 1e-4


def another_function(auditor: PointAuditor, point: PointEvidence) -> Cause | None:
    """Test the symmetry of the gradient's own derivative, as any gradient must have it.

    Notes
    -----
    For u and v on disjoint halves of the parameters, u.dG(v) = v.dG(u) if and only if the mixed
    second derivatives are symmetric along them (Poincare's lemma). Eight evaluations of the
    gradient. Two pairs must agree.
    """
    for _ in range(2):
        half = auditor.rng.integers(0, 2, point.theta.size).astype(bool)
        signs = auditor.rng.choice((-1.0, 1.0), point.theta.size)
        direction = point.region.weights * signs
        u, v = np.where(half, direction, 0.0), np.where(half, 0.0, direction)
        along_u, along_v = _change(auditor, point, u), _change(auditor, point, v)
        if along_u is None or along_v is None:
            return None
        mixed, other, plain = float(along_u @ v), float(along_v @ u), abs(float(along_u @ u))
        if abs(mixed) < _COUPLED * plain or abs(mixed - other) > _AGREE * abs(mixed):
            return None
    return Cause(slug="fun-jac-mismatch")


def _change(auditor: PointAuditor, point: PointEvidence, direction: Vector) -> Vector | None:
    sides = [
        auditor.evaluator.try_gradient(
            point.theta + side * _STEP * direction, where="near the point"
        )
        for side in (1.0, -1.0)
    ]
    plus, minus = sides
    return None if plus is None or minus is None else plus - minus
