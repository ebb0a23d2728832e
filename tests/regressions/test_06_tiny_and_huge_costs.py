"""Costs whose squares leave double precision, and parts of a cost that drown in its rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import check

SEEDS = [0, 1, 2]
START = np.array([0.3, 0.5, 0.8])


@pytest.mark.parametrize("unit", [1e-160, 1e-200, 1e-300, 1e150])
@pytest.mark.parametrize("seed", SEEDS)
def test_factor_is_found_in_costs_of_any_size(unit: float, seed: int) -> None:
    report = check(
        lambda x: (unit * float(np.sum(np.sin(x))), 2 * unit * np.cos(x)), START, rng=seed
    )
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-scale"]
    assert report.findings[0].data["factor"] == pytest.approx(2)


@pytest.mark.parametrize("unit", [1e-160, 1e-200, 1e-300])
@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_entry_is_found_in_tiny_costs(unit: float, seed: int) -> None:
    signs = np.array([1.0, -1.0, 1.0])
    report = check(
        lambda x: (unit * float(np.sum(np.sin(x))), unit * signs * np.cos(x)), START, rng=seed
    )
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-entries"]
    assert report.findings[0].data["indices"] == ((1,),)


@pytest.mark.parametrize("unit", [1e-160, 1e-200, 1e-300, 1e150])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_gradient_passes_in_costs_of_any_size(unit: float, seed: int) -> None:
    report = check(lambda x: (unit * float(np.sum(np.sin(x))), unit * np.cos(x)), START, rng=seed)
    assert report.verdict == "PASS", str(report)
    assert report.findings == ()


def two_parts(k: float, factor: float) -> Any:
    def fun(p: Any) -> tuple[float, Any]:
        a, b = p[:3], p[3:]
        value = float(np.sum(np.sin(a)) + k * np.sum(np.sin(b)))
        return value, np.r_[np.cos(a), factor * k * np.cos(b)]

    return fun


TWO = np.random.default_rng(0).uniform(0.2, 1, 8)


@pytest.mark.parametrize("k", [1e-12, 1e-13, 1e-14, 1e-15])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_gradient_of_a_part_below_rounding_never_fails(k: float, seed: int) -> None:
    report = check(two_parts(k, 1.0), TWO, blocks="a=3,b=5", rng=seed)
    assert report.verdict in {"INCONCLUSIVE", "PASS"}, str(report)
    assert all(f.level != "error" for f in report.findings)
    assert report.blocks[0].verdict == "PASS"
    if k >= 1e-14:
        assert report.blocks[1].verdict == "INCONCLUSIVE"


@pytest.mark.parametrize("factor", [-1.0, 2.0])
@pytest.mark.parametrize("k", [1e-13, 1e-14])
@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_gradient_of_a_part_below_rounding_never_passes(
    factor: float, k: float, seed: int
) -> None:
    report = check(two_parts(k, factor), TWO, blocks="a=3,b=5", rng=seed)
    assert report.verdict != "PASS", str(report)
    assert report.blocks[0].verdict == "PASS"
    assert report.blocks[1].verdict != "PASS"


@pytest.mark.parametrize("factor", [-1.0, 2.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_gradient_of_a_part_just_above_rounding_fails(factor: float, seed: int) -> None:
    report = check(two_parts(1e-10, factor), TWO, blocks="a=3,b=5", rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert {f.block for f in report.findings} == {"b"}
    assert report.findings[0].slug == ("wrong-sign" if factor < 0 else "wrong-scale")


X = np.random.default_rng(1).standard_normal((40, 6))
T = np.random.default_rng(2).standard_normal(40)


def normalised_net(p: Any, shift: float = 0.0) -> tuple[float, Any]:
    """Return a batch-normalised layer, whose bias has no effect: its gradient is a residue."""
    w = p[:30].reshape(6, 5)
    b = p[30:35]
    v = p[35:]
    z = X @ w + b
    inverse = 1 / np.sqrt(z.var(0) + 1e-5)
    zhat = (z - z.mean(0)) * inverse
    h = np.tanh(zhat)
    e = h @ v - T
    d = np.outer(e, v) / 40 * (1 - h * h)
    dz = inverse / 40 * (40 * d - d.sum(0) - zhat * (d * zhat).sum(0))
    return float(e @ e) / 80, np.r_[(X.T @ dz).ravel(), dz.sum(0) + shift, h.T @ e / 40]


@pytest.mark.parametrize("start", range(12))
def test_bias_before_batch_normalisation_passes(start: int) -> None:
    p = np.random.default_rng(start).standard_normal(40)
    report = check(normalised_net, p, rng=start)
    assert report.verdict == "PASS", str(report)
    assert report.findings == ()
    assert [block.name for block in report.blocks] == ["w", "b", "v"]


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_bias_before_batch_normalisation_fails(seed: int) -> None:
    p = np.random.default_rng(3).standard_normal(40)
    report = check(normalised_net, p, args=(1e-3,), rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.block for f in report.findings] == ["b"]
