"""Parameters cut to integers are named; whole numbers that are no cut are not called one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import check

SEEDS = [0, 1, 2]
_rng = np.random.default_rng(0)
X, Y = _rng.standard_normal((30, 4)), np.sign(_rng.standard_normal(30))
ON_WHOLE = np.array([5.0, -3.0, 2.0, 9.0])
STARTS = pytest.mark.parametrize("start", [ON_WHOLE, ON_WHOLE + 0.3], ids=["whole", "between"])


def logistic(w: Any) -> tuple[float, Any]:
    z = Y * (X @ w)
    return float(np.sum(np.logaddexp(0, -z)) + 0.05 * w @ w), -X.T @ (Y / (1 + np.exp(z))) + 0.1 * w


def cut(w: Any) -> tuple[float, Any]:
    w = w.astype(int)
    return logistic(w.astype(float))


@STARTS
@pytest.mark.parametrize("seed", SEEDS)
def test_parameters_converted_to_integers_are_found(start: Any, seed: int) -> None:
    report = check(cut, start, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("integer-truncation", "error")]
    location = report.findings[0].location
    assert location is not None
    assert "astype(int)" in location.source


@STARTS
@pytest.mark.parametrize("seed", SEEDS)
def test_parameters_copied_into_an_array_of_integers_are_found(start: Any, seed: int) -> None:
    theta = np.array([1, 2, 3, 4])

    def fun(w: Any) -> tuple[float, Any]:
        theta[:] = w
        return logistic(theta)

    report = check(fun, start, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("integer-truncation", "error")]


@STARTS
@pytest.mark.parametrize("seed", SEEDS)
def test_parameters_copied_into_an_array_of_floats_are_healthy(start: Any, seed: int) -> None:
    theta = np.zeros(4)

    def fun(w: Any) -> tuple[float, Any]:
        theta[:] = w
        return logistic(theta)

    report = check(fun, start, rng=seed)
    assert report.verdict == "PASS", str(report)
    assert report.findings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_clipped_gradient_is_not_a_cut_to_integers(seed: int) -> None:
    """Every entry is beyond the limit: whole numbers, far from the measured ones."""
    q = np.array([100.0, 200, 300, 400])
    report = check(
        lambda x: (0.5 * float(q @ (x * x)), np.clip(q * x, -20, 20)), np.full(4, 3.3), rng=seed
    )
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["frozen-gradient"]


@pytest.mark.parametrize("seed", SEEDS)
def test_right_gradient_of_whole_numbers_passes(seed: int) -> None:
    for dtype, slugs in ((int, ["integer-truncation"]), (float, [])):
        g = np.full(4, 3, dtype)
        report = check(lambda x, g=g: (3 * float(np.sum(x)), g.copy()), np.full(4, 0.3), rng=seed)
        assert report.verdict == "PASS", str(report)
        assert [f.slug for f in report.findings] == slugs
        assert all(f.level == "note" for f in report.findings)
