"""A gradient rounded to a few digits is wrong, however evenly its error is spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import Report, check

SEEDS = [0, 1, 2]


def rosen(x: Any) -> float:
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def rosen_der(x: Any) -> Any:
    g = np.zeros_like(x)
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    g[:-1] -= 400 * x[:-1] * (x[1:] - x[:-1] ** 2) + 2 * (1 - x[:-1])
    return g


STARTS = {
    "entry by entry": np.array([-1.2, 1.0]),
    "projections": np.random.default_rng(5).uniform(-1, 1, 40),
}
plans = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())


def half(g: Any) -> Any:
    return g.astype(np.float16).astype(float)


def hundredths(g: Any) -> Any:
    return np.round(g, 2)


def assert_wrong_gradient(report: Report) -> None:
    assert report.verdict == "FAIL", str(report)
    errors = {f.slug for f in report.findings if f.level == "error"}
    assert errors
    assert errors <= {"wrong-gradient", "wrong-entries"}


@plans
@pytest.mark.parametrize("coarse", [half, hundredths, np.trunc], ids=["half", "0.01", "trunc"])
@pytest.mark.parametrize("seed", SEEDS)
def test_coarse_gradient_fails(start: Any, coarse: Callable[[Any], Any], seed: int) -> None:
    report = check(rosen, start, jac=lambda x: coarse(rosen_der(x)), rng=seed)
    assert report.verdict == "FAIL", str(report)


@plans
@pytest.mark.parametrize("coarse", [half, hundredths], ids=["half", "0.01"])
@pytest.mark.parametrize("seed", SEEDS)
def test_coarse_gradient_is_not_said_to_be_whole_numbers(
    start: Any, coarse: Callable[[Any], Any], seed: int
) -> None:
    assert_wrong_gradient(check(rosen, start, jac=lambda x: coarse(rosen_der(x)), rng=seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson_gradient_cut_to_whole_numbers_is_named(seed: int) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(400), rng.standard_normal((400, 4))])
    y = rng.poisson(np.exp(3 + 0.4 * X[:, 1]))

    def cost(beta: Any) -> float:
        return float(np.sum(np.exp(X @ beta)) - y @ (X @ beta))

    def grad(beta: Any) -> Any:
        return np.trunc(X.T @ (np.exp(X @ beta) - y))

    report = check(cost, np.full(5, 0.1), jac=grad, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings if f.level == "error"] == ["integer-truncation"]


@pytest.mark.parametrize("seed", SEEDS)
def test_logistic_gradient_of_four_decimals_fails_from_zero(seed: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 6)), rng.integers(0, 2, 200)

    def fun(w: Any) -> tuple[float, Any]:
        z = X @ w
        p = 1 / (1 + np.exp(-z))
        return float(np.mean(np.logaddexp(0, z) - y * z)), np.round(X.T @ (p - y) / 200, 4)

    assert_wrong_gradient(check(fun, np.zeros(6), rng=seed))


@plans
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_single_precision_passes(start: Any, seed: int) -> None:
    report = check(rosen, start, jac=lambda x: rosen_der(x).astype(np.float32), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert {f.level for f in report.findings} == {"note"}
    assert "low-precision" in {f.slug for f in report.findings}
