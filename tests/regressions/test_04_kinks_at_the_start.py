"""Starts that sit exactly on a kink: any subgradient is right, anything else is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import check

SEEDS = [0, 1, 2]


def relu_net(p: Any, X: Any, y: Any, at_kink: float = 0.0) -> tuple[float, Any]:
    W1 = p[:70].reshape(7, 10)
    b1 = p[70:80]
    W2 = p[80:110].reshape(10, 3)
    b2 = p[110:]
    z = X @ W1 + b1
    hidden = np.maximum(0, z)
    scores = hidden @ W2 + b2
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(50), y]).sum() / 50 + 5e-4 * (np.sum(W1**2) + np.sum(W2**2))
    probs[np.arange(50), y] -= 1
    probs /= 50
    back = probs @ W2.T * np.where(z > 0, 1.0, np.where(z == 0, at_kink, 0.0))
    dW1, dW2 = X.T @ back + 1e-3 * W1, hidden.T @ probs + 1e-3 * W2
    return loss, np.r_[dW1.ravel(), back.sum(0), dW2.ravel(), probs.sum(0)]


def relu_problem(blank: int) -> tuple[Any, tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 7))
    X[:blank] = 0.0
    p = 0.3 * rng.standard_normal(113)
    p[70:80] = p[110:] = 0.0
    return p, (X, rng.integers(0, 3, 50))


@pytest.mark.parametrize("at_kink", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_relu_network_with_zero_biases_and_blank_inputs_passes(at_kink: float, seed: int) -> None:
    """Each blank input sits on the kink of every unit."""
    p, data = relu_problem(blank=5)
    report = check(relu_net, p, args=(*data, at_kink), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert [(f.slug, f.level, f.block) for f in report.findings] == [("kink", "note", "b1")]


@pytest.mark.parametrize("seed", SEEDS)
def test_constant_leaves_the_relu_network_passing(seed: int) -> None:
    p, data = relu_problem(blank=5)

    def raised(p: Any, X: Any, y: Any) -> tuple[float, Any]:
        value, g = relu_net(p, X, y)
        return value + 1e6, g

    report = check(raised, p, args=data, rng=seed)
    assert report.verdict == "PASS", str(report)
    assert {f.slug for f in report.findings} <= {"kink"}


@pytest.mark.parametrize("seed", SEEDS)
def test_kinks_at_the_start_do_not_hide_a_wrong_bias_gradient(seed: int) -> None:
    p, data = relu_problem(blank=5)

    def wrong(p: Any, X: Any, y: Any) -> tuple[float, Any]:
        value, g = relu_net(p, X, y)
        g[70:80] *= 1.01
        return value, g

    report = check(wrong, p, args=data, rng=seed)
    assert report.verdict == "FAIL", str(report)
    errors = [f for f in report.findings if f.level == "error"]
    assert [f.block for f in errors] == ["b1"]
    assert errors[0].code.startswith("GA2")
    assert [b.name for b in report.blocks if b.verdict == "FAIL"] == ["b1"]


@pytest.mark.parametrize("seed", SEEDS)
def test_network_that_was_trained_beside_its_kinks_is_not_noisy(seed: int) -> None:
    """Kinks within the spacing of the noise estimate are not noise of the cost."""
    rng = np.random.default_rng(9)
    X, y = rng.standard_normal((50, 7)), rng.integers(0, 3, 50)
    report = check(relu_net, 0.5 * rng.standard_normal(113), args=(X, y), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert max(point.noise / abs(point.cost) for point in report.points) < 1e-12


def l1(value_at_zero: float, bend: float) -> Any:
    def fun(x: Any) -> tuple[float, Any]:
        sign = np.where(x == 0, value_at_zero, np.sign(x))
        return float(np.abs(x).sum() + 0.5 * bend * x @ x), sign + bend * x

    return fun


SOME_ZEROS = np.array([0.0, 1.0, -2.0, 0.0, 3.0])


@pytest.mark.parametrize("start", [SOME_ZEROS, np.zeros(3)], ids=["some", "all"])
@pytest.mark.parametrize("value", [-2.0, 1.5, 2.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_value_outside_the_slopes_at_zero_fails(start: Any, value: float, seed: int) -> None:
    for bend in (0.0, 1.0):
        report = check(l1(value, bend), start, rng=seed)
        assert report.verdict == "FAIL", str(report)
        errors = [f for f in report.findings if f.level == "error"]
        assert errors
        assert all(f.code.startswith("GA2") for f in errors)


@pytest.mark.parametrize("start", [SOME_ZEROS, np.zeros(3)], ids=["some", "all"])
@pytest.mark.parametrize("value", [-1.0, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_value_between_the_slopes_at_zero_passes(start: Any, value: float, seed: int) -> None:
    for bend in (0.0, 1.0):
        report = check(l1(value, bend), start, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert {f.slug for f in report.findings} == {"kink"}


@pytest.mark.parametrize("seed", SEEDS)
def test_factor_at_a_start_on_kinks_is_not_a_cut_to_integers(seed: int) -> None:
    report = check(
        lambda x: (float(np.sum(np.maximum(x, 0))), 2.0 * (x >= 0)), np.zeros(4), rng=seed
    )
    assert report.verdict == "FAIL", str(report)
    errors = [f for f in report.findings if f.level == "error"]
    assert [f.slug for f in errors] == ["wrong-scale"]
    assert errors[0].data["factor"] == pytest.approx(2)
