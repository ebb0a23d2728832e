"""Exact changes of units, and a constant in the cost, must not raise an alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from gradaudit import check

SEEDS = [0, 1, 2]


def assert_silent(report: Any) -> None:
    assert report.verdict == "PASS", str(report)
    assert report.findings == (), str(report)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("seed", SEEDS)
def test_large_constant_beside_a_tiny_start_passes(offset: float, seed: int) -> None:
    """Steps no larger than the start would drown in the rounding of 1e6."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 9)), rng.integers(0, 4, 60)

    def softmax(theta: Any) -> tuple[float, Any]:
        W = theta[:36].reshape(4, 9)
        b = theta[36:]
        s = X @ W.T + b
        s = s - s.max(1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        value = offset - np.mean(np.log(p[np.arange(60), y])) + 5e-5 * np.sum(W**2)
        p[np.arange(60), y] -= 1
        return value, np.r_[(p.T @ X / 60 + 1e-4 * W).ravel(), p.mean(0)]

    assert_silent(check(softmax, 0.005 * rng.standard_normal(40), rng=seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_gradient_under_a_large_constant_fails(seed: int) -> None:
    a = np.random.default_rng(0).uniform(0.5, 2, 40)

    def fun(x: Any) -> tuple[float, Any]:
        return 1e6 + float(np.sum(np.log(np.cosh(a * x - 0.3)))), 1.01 * a * np.tanh(a * x - 0.3)

    x0 = 0.005 * np.random.default_rng(1).standard_normal(40)
    report = check(fun, x0, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-scale"]
    assert report.findings[0].data["factor"] == pytest.approx(1.01, abs=1e-4)


UNITS = {
    "log alpha small": np.array([80.0] * 5 + [1e-2]),
    "log alpha large": np.array([1e-4] * 5 + [1e4]),
    "a unit for each": 10.0 ** np.array([-3.0, 4, 0, -4, 2, 3]),
}


@pytest.mark.parametrize("units", UNITS.values(), ids=UNITS.keys())
@pytest.mark.parametrize("model", [8, 12])
def test_small_log_parameter_is_not_moved_by_the_size_of_the_others(units: Any, model: int) -> None:
    """At alpha = exp(2400) the computed cost saturates and the right gradient does not follow."""
    rng = np.random.default_rng(model)
    X = np.column_stack([np.ones(90), rng.standard_normal((90, 4))])
    y = rng.poisson(np.exp(0.4 * X[:, 1]) * rng.gamma(2, 0.5, 90))

    def cost(theta: Any) -> float:
        p = theta / units
        r, mu = np.exp(-p[5]), np.exp(X @ p[:5])
        terms = gammaln(y + r) - gammaln(r) - gammaln(y + 1)
        return -float(np.sum(terms + r * np.log(r / (r + mu)) + y * np.log(mu / (r + mu))))

    def grad(theta: Any) -> Any:
        p = theta / units
        r, mu = np.exp(-p[5]), np.exp(X @ p[:5])
        d_r = digamma(y + r) - digamma(r) + np.log(r / (r + mu)) + (mu - y) / (r + mu)
        return -np.append(X.T @ (r * (y - mu) / (r + mu)), -r * d_r.sum()) / units

    x0 = np.append(0.1 * rng.standard_normal(5), -0.3) * units
    for seed in (model + 77, 0, 1):
        for blocks in (None, "beta=5,log_alpha=1"):
            assert_silent(check(cost, x0, jac=grad, blocks=blocks, rng=seed))


@pytest.mark.parametrize("units", [1.0, 1e4, np.array([1e-4, 1e-4, 1e3, 10.0])])
@pytest.mark.parametrize("seed", SEEDS)
def test_three_parameters_from_minus_nine_to_nine_orders_pass(units: Any, seed: int) -> None:
    """The spread of a block of three is its smallest and largest entry, not a percentile."""
    t = np.linspace(0, 5e-9, 30)
    rng = np.random.default_rng(11)
    signal = 2.5 * np.exp(-1.2e9 * t) + 1.0 + 3e-5 * t / 5e-9 + 0.5 * rng.standard_normal(30)

    def chi2(theta: Any) -> tuple[float, Any]:
        C, k, base, slope = theta / units
        decay = np.exp(-k * t)
        r = C * decay * 1e9 + base / 40.0 + slope * t * 1e4 - signal
        g = [np.sum(r * decay) * 1e9, -np.sum(r * t * decay) * C * 1e9]
        return float(r @ r), 2 * np.array([*g, np.sum(r) / 40.0, np.sum(r * t) * 1e4]) / units

    x0 = np.array([2e-9, 1e9, 39.0, 2.5e4]) * units
    for blocks in (None, "curve=3,slope=1"):
        assert_silent(check(chi2, x0, blocks=blocks, rng=seed))
