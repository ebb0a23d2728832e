"""Costs that move in steps are named so; single and half precision are not among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import Report, check

SEEDS = [0, 1, 2]
A = np.array([[1.0, 2], [3, -1], [0.5, 0.7]])
START = np.array([0.5, -0.3])


def lsq(w: Any) -> tuple[float, Any]:
    r = A @ w - 1
    return float(r @ r), 2 * A.T @ r


def cached(decimals: int) -> Callable[[Any], Any]:
    """Return the fit with a cache that is keyed on the rounded parameters."""
    cache: dict[tuple[float, ...], Any] = {}

    def fun(w: Any) -> Any:
        key = tuple(np.round(w, decimals))
        if key not in cache:
            cache[key] = lsq(w)
        return cache[key]

    return fun


def of_rounded_parameters(decimals: int) -> Callable[[Any], Any]:
    return lambda w: lsq(np.round(w, decimals))


def with_rounded_cost(decimals: int) -> Callable[[Any], Any]:
    def fun(w: Any) -> Any:
        value, g = lsq(w)
        return round(value, decimals), g

    return fun


def assert_stairs(report: Report) -> None:
    assert report.verdict == "INCONCLUSIVE", str(report)
    assert [f.slug for f in report.findings] == ["piecewise-constant"]
    assert report.findings[0].level == "warning"


@pytest.mark.parametrize("make", [cached, of_rounded_parameters, with_rounded_cost])
@pytest.mark.parametrize("decimals", [1, 2, 3, 4])
def test_cost_rounded_to_decimals_moves_in_steps(make: Any, decimals: int) -> None:
    for seed in range(6):
        assert_stairs(check(make(decimals), START, rng=seed))


@pytest.mark.parametrize("make", [cached, of_rounded_parameters])
@pytest.mark.parametrize("seed", SEEDS)
def test_steps_excuse_no_one_and_blame_no_gradient(make: Any, seed: int) -> None:
    """Neither a right nor a wrong gradient can be judged on stairs."""
    stairs = make(3)

    def wrong(w: Any) -> Any:
        value, g = stairs(w)
        return value, -g

    assert_stairs(check(wrong, START, rng=seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_cost_of_ten_digits_passes(seed: int) -> None:
    B = np.random.default_rng(0).standard_normal((10, 6))

    def fun(x: Any) -> tuple[float, Any]:
        y = B @ x
        return float(f"{np.sum(np.log(np.cosh(y))):.10g}"), B.T @ np.tanh(y)

    report = check(fun, np.random.default_rng(1).standard_normal(6), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert "piecewise-constant" not in {f.slug for f in report.findings}


def mean_square(dtype: Any) -> Callable[[Any], tuple[float, Any]]:
    def fun(theta: Any) -> tuple[float, Any]:
        theta = theta.astype(dtype)
        return float(np.mean(theta * theta)), (2 * theta / len(theta)).astype(float)

    return fun


@pytest.mark.parametrize("size", [3, 72, 500])
def test_single_precision_is_low_precision_and_passes(size: int) -> None:
    for seed in range(20):
        x0 = np.random.RandomState(seed).normal(size=size) * 0.3
        report = check(mean_square(np.float32), x0, rng=seed)
        assert report.verdict == "PASS", f"seed {seed}: {report}"
        assert [(f.slug, f.level) for f in report.findings] == [("low-precision", "note")]


@pytest.mark.parametrize("size", [3, 72, 500])
def test_half_precision_is_low_precision_and_not_stairs(size: int) -> None:
    for seed in range(8):
        x0 = np.random.RandomState(seed).normal(size=size) * 0.3
        report = check(mean_square(np.float16), x0, rng=seed)
        assert report.verdict != "FAIL", f"seed {seed}: {report}"
        assert [(f.slug, f.level) for f in report.findings] == [("low-precision", "note")]


@pytest.mark.parametrize("model", [4, 8])
def test_network_of_single_precision_passes(model: int) -> None:
    rng = np.random.default_rng(model)
    X = rng.standard_normal((30, 6)).astype(np.float32)
    x0 = 0.5 * rng.standard_normal(70)
    t = rng.standard_normal(30).astype(np.float32)

    def net(theta: Any) -> tuple[float, Any]:
        theta = theta.astype(np.float32)
        W = theta[:60].reshape(6, 10)
        v = theta[60:]
        h = np.tanh(X.dot(W))
        r = h.dot(v) - t
        g = np.empty_like(theta)
        g[60:] = h.T.dot(r)
        g[:60] = X.T.dot(np.outer(r, v) * (1 - h * h)).ravel()
        return float(0.5 * np.sum(r * r, dtype=np.float32)), g.astype(np.float64)

    for seed in (85, model + 77, 0):
        report = check(net, x0, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert [(f.slug, f.level) for f in report.findings] == [("low-precision", "note")]
