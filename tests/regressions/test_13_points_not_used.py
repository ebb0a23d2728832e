"""Points at which nothing could be learned are mentioned, never dropped in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import Finding, Report, check

SEEDS = [0, 1, 2]


def _find(report: Report, slug: str) -> list[Finding]:
    return [f for f in report.findings if f.slug == slug]


def steep(x: Any, a: Any) -> tuple[float, Any]:
    """Return exp(1e6 x) and the like: nothing at zero tells the scale."""
    with np.errstate(over="ignore"):
        up, down = np.exp(a * x), np.exp(-2 * a * x)
        return float(np.sum(up) + np.sum(down)), a * up - 2 * a * down


SCALES = np.random.default_rng(0).uniform(0.5e6, 2e6, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_points_beyond_an_overflow_are_mentioned(seed: int) -> None:
    report = check(steep, np.zeros(6), args=(SCALES,), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert len(report.points) < 3
    assert [(f.slug, f.level) for f in report.findings] == [("domain-edge", "note")]
    assert "could not be used" in report.findings[0].message


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_frozen_at_zero_fails_where_most_points_overflow(seed: int) -> None:
    once = steep(np.zeros(6), SCALES)[1]
    report = check(lambda x: (steep(x, SCALES)[0], once.copy()), np.zeros(6), rng=seed)
    assert report.verdict == "FAIL", str(report)


@pytest.mark.parametrize("seed", SEEDS)
def test_cost_that_raises_away_from_the_start_does_not_pass_in_silence(seed: int) -> None:
    start = np.array([1.0, 2, 3])

    def fun(x: Any) -> tuple[float, Any]:
        if not np.array_equal(x, start):
            raise FloatingPointError("far from home")
        return float(x @ x), 2 * x

    report = check(fun, start, rng=seed)
    assert report.verdict == "INCONCLUSIVE", str(report)
    assert all(f.level != "error" for f in report.findings)
    words = [block.reason for block in report.blocks] + [f.message for f in report.findings]
    assert any("far from home" in text for text in words)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_that_is_not_finite_where_the_cost_is_gets_a_warning(seed: int) -> None:
    def fun(x: Any) -> tuple[float, Any]:
        r = 1 + x @ x
        return float(np.sqrt(r)), np.where(r > 3.2, np.nan, x / np.sqrt(r))

    report = check(fun, np.array([0.8, 0.9, 0.7]), rng=seed)
    assert report.verdict == "PASS", str(report)
    found = _find(report, "non-finite")
    assert found
    assert all(f.level == "warning" for f in found)
    assert all("point" in f.message for f in found)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_that_is_not_finite_at_the_start_fails(seed: int) -> None:
    def fun(x: Any) -> tuple[float, Any]:
        return float(x @ x), np.where(x > 0.85, np.nan, 2 * x)

    report = check(fun, np.array([0.8, 0.9, 0.7]), rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("non-finite", "error")]


SX, SY = np.random.default_rng(0).standard_normal((60, 9)), np.arange(60) % 4


@pytest.mark.parametrize("scale", [10.0, 100.0, 1e3, 1e4])
@pytest.mark.parametrize("seed", SEEDS)
def test_saturated_start_of_a_softmax_raises_no_alarm(scale: float, seed: int) -> None:
    """Probabilities are 0 or 1 to the last bit: nearly every entry of the cost is flat."""
    W0 = scale * np.random.default_rng(3).standard_normal(36)
    truth = np.argmax(SX @ W0.reshape(9, 4), axis=1)

    def loss(theta: Any, labels: Any) -> tuple[float, Any]:
        s = SX @ theta.reshape(9, 4)
        s = s - s.max(1, keepdims=True)
        with np.errstate(under="ignore"):
            total = np.log(np.exp(s).sum(1))
            p = np.exp(s - total[:, None])
            value = float(np.mean(total - s[np.arange(60), labels]))
            p[np.arange(60), labels] -= 1
            return value, (SX.T @ p / 60).ravel()

    for labels in (SY, truth):
        report = check(loss, W0, args=(labels,), rng=seed)
        assert report.verdict in {"PASS", "INCONCLUSIVE"}, str(report)
        assert all(f.level != "error" for f in report.findings)
        if labels is SY:
            assert report.verdict == "PASS"
            assert report.findings == ()
