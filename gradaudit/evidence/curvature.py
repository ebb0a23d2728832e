"""Second differences of a cost along directions, for a Hessian that has no gradient beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.vector import Samples, VectorAuditor, VectorPoint
from gradaudit.numerics.extrapolation import Z
from gradaudit.numerics.noise import Noise, estimate_noise

# Coarsest steps of the windows, in typical sizes of the parameters.
_STEPS: Final = (2.0**-1, 2.0**-3, 2.0**-5, 2.0**-7)
_DIRECTIONS: Final = 3
# Differences of the right value below this part of the terms are of no account.
_NEGLIGIBLE: Final = 1e-4
# sqrt(1 + 1 + 4) for a second difference, 1.4 for the extrapolation.
_NOISE: Final = 1.4 * 6.0**0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvature:
    """One comparison of v'Hv with a second difference along v."""

    name: str
    promised: float
    measured: float
    bar: float
    scale: float

    @property
    def wrong(self) -> bool:
        """Whether the difference is beyond its bar and matters."""
        size = max(self.scale, abs(self.measured))
        return abs(self.promised - self.measured) > max(self.bar, _NEGLIGIBLE * size)

    @property
    def seen(self) -> bool:
        """Whether an error of a hundredth would have been seen."""
        return self.bar <= 1e-2 * max(self.scale, abs(self.measured))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvatures:
    """All comparisons; wrong only when two at one point are."""

    every: tuple[Curvature, ...]
    wrong: tuple[Curvature, ...]
    semidefinite: bool

    @property
    def seen(self) -> bool:
        """Whether every comparison at some point could have shown an error."""
        names = {c.name for c in self.every}
        return any(all(c.seen for c in self.every if c.name == name) for name in names)

    @property
    def factor(self) -> float | None:
        """Return returned over right, when one number explains all."""
        told = [c for c in self.every if abs(c.measured) > 10.0 * c.bar]
        if len(told) < 3:
            return None
        ratios = np.array([c.promised / c.measured for c in told])
        allowed = [3.0 * c.bar / abs(c.measured) + 1e-5 for c in told]
        factor = float(np.median(ratios))
        same = bool((np.abs(ratios - factor) <= np.array(allowed) * max(abs(factor), 1.0)).all())
        return factor if same and abs(factor - 1.0) > 1e-3 else None


def audit_curvature(auditor: VectorAuditor, points: Sequence[tuple[str, Vector]]) -> Curvatures:
    """Compare a Hessian with second differences of the cost along random directions.

    Notes
    -----
    About 20 evaluations for the noise, then 6 to 24 for each of three directions, at each point.
    """
    every: list[Curvature] = []
    wrong: list[Curvature] = []
    semidefinite = True
    for name, theta in points:
        point = _begin(auditor, name, theta)
        noise = _noise_at(auditor, point)
        here = [_compare(auditor, point, noise) for _ in range(_DIRECTIONS)]
        semidefinite &= _is_semidefinite(point)
        doubtful = [c for c in here if c.wrong]
        if len(doubtful) == 1:
            here += [_compare(auditor, point, noise) for _ in range(2)]
            doubtful = [c for c in here if c.wrong]
        every += here
        wrong += doubtful if len(doubtful) > 1 else []
    wrong.sort(key=lambda c: -abs(c.promised - c.measured) / (c.bar or 1e-300))
    return Curvatures(every=tuple(every), wrong=tuple(wrong), semidefinite=semidefinite)


def _begin(auditor: VectorAuditor, name: str, theta: Vector) -> VectorPoint:
    theta = auditor.inside(np.array(theta, dtype=np.float64).reshape(-1))
    value = auditor.calls.value(theta, where=name)
    if value.size != 1:
        raise BadReturn(f"the cost has {value.size} values; a cost must be a single number")
    matrix = auditor.calls.derivative(theta, theta.size, where=name)
    if matrix.shape != (theta.size, theta.size):
        raise BadReturn(
            f"{auditor.calls.names[1]} has shape {matrix.shape} where "
            f"{(theta.size, theta.size)} is needed"
        )
    return VectorPoint(
        name=name, theta=theta, value=value, matrix=matrix, weights=auditor.sizes(theta)
    )


def _noise_at(auditor: VectorAuditor, point: VectorPoint) -> Noise:
    samples = Samples(auditor.calls, point, auditor.random_direction(point))
    return estimate_noise(samples.row(0), float(point.value[0]), scale=1.0, rng=auditor.rng)


def _compare(auditor: VectorAuditor, point: VectorPoint, noise: Noise) -> Curvature:
    along = auditor.random_direction(point)
    samples = Samples(auditor.calls, point, along)
    best = (np.nan, np.inf)
    product = point.matrix.times(along)
    promised = float(along @ product)
    scale = float(np.linalg.norm(along * product))
    for step in _STEPS:
        found = _second(samples, step, noise.sigma)
        if found[1] < best[1]:
            best = found
        if best[1] <= 0.1 * _NEGLIGIBLE * scale:
            break
    return Curvature(name=point.name, promised=promised, measured=best[0], bar=best[1], scale=scale)


def _second(samples: Samples, step: float, sigma: float) -> tuple[float, float]:
    """Extrapolate second differences at h, h/2, h/4: the value and its bar."""
    center = float(samples.at(0.0)[0])
    found: list[float] = []
    for h in (step, 0.5 * step, 0.25 * step):
        found.append((float(samples.at(h)[0] + samples.at(-h)[0]) - 2.0 * center) / (h * h))
    r0, r1 = (4.0 * found[1] - found[0]) / 3.0, (4.0 * found[2] - found[1]) / 3.0
    value = (16.0 * r1 - r0) / 15.0
    noise = Z * _NOISE * sigma / (0.25 * step) ** 2
    # what does not shrink as it does for a smooth function says nothing
    first, second = found[0] - found[1], found[1] - found[2]
    smooth = abs(first) >= 2.0 * abs(second) or abs(second) <= 3.0 * noise
    bar = 4.0 * abs(value - r1) + noise if smooth else np.inf
    return (value, bar) if np.isfinite(value) else (np.nan, np.inf)


def _is_semidefinite(point: VectorPoint) -> bool:
    array = point.matrix.array()
    if array is None or not array.any():
        return False
    largest = float(np.abs(array).max())
    symmetric = np.abs(array - array.T).max() <= 1e-6 * largest
    return bool(symmetric and np.linalg.eigvalsh(array)[0] >= -1e-9 * largest)
