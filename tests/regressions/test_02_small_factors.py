"""A factor that is no rounding is a mistake at 1e-6 too, entry by entry and in projections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import check

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
    "many": np.random.default_rng(6).uniform(-1, 1, 3000),
}
plans = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())


@plans
@pytest.mark.parametrize("factor", [1.000001, 0.999999, 1.000002])
@pytest.mark.parametrize("seed", SEEDS)
def test_factor_of_one_millionth_fails(start: Any, factor: float, seed: int) -> None:
    report = check(rosen, start, jac=lambda x: factor * rosen_der(x), blocks=None, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-scale"]
    assert report.findings[0].level == "error"
    assert report.findings[0].data["factor"] == pytest.approx(factor, abs=1e-9)


@plans
@pytest.mark.parametrize("seed", SEEDS)
def test_factor_below_negligible_is_a_note_with_its_size(start: Any, seed: int) -> None:
    report = check(rosen, start, jac=lambda x: 1.0000005 * rosen_der(x), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert {f.level for f in report.findings} == {"note"}
    assert 1e-7 < report.blocks[0].relative_error < 1e-6


def relu_net(p: Any, X: Any, y: Any) -> tuple[float, Any]:
    W1 = p[:70].reshape(7, 10)
    b1 = p[70:80]
    W2 = p[80:110].reshape(10, 3)
    b2 = p[110:]
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(50), y]).sum() / 50 + 5e-4 * (np.sum(W1**2) + np.sum(W2**2))
    probs[np.arange(50), y] -= 1
    probs /= 50
    back = probs @ W2.T
    back[hidden <= 0] = 0
    dW1, dW2 = X.T @ back + 1e-3 * W1, hidden.T @ probs + 1e-3 * W2
    return loss, np.r_[dW1.ravel(), back.sum(0), dW2.ravel(), probs.sum(0)]


@pytest.mark.parametrize("seed", SEEDS)
def test_factor_of_one_millionth_fails_in_a_network_of_relu(seed: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 7)), rng.integers(0, 3, 50)
    p = 0.3 * rng.standard_normal(113)

    def fun(p: Any) -> tuple[float, Any]:
        value, g = relu_net(p, X, y)
        return value, 1.000001 * g

    report = check(fun, p, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert report.findings[0].slug == "wrong-scale"
    assert report.findings[0].data["factor"] == pytest.approx(1.000001, abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_factor_is_fitted_over_the_whole_where_the_block_alone_is_rough(seed: int) -> None:
    """Smoothed total variation bends within 1e-2: one projection sees no better than 1e-5."""
    rng = np.random.default_rng(1)
    noisy = 0.1 * rng.standard_normal((24, 20))
    noisy[6:18, 5:15] += 1.0

    def fun(u: Any) -> tuple[float, Any]:
        image = u.reshape(24, 20)
        dx = np.diff(image, axis=0, append=image[-1:])
        dy = np.diff(image, axis=1, append=image[:, -1:])
        size = np.sqrt(dx**2 + dy**2 + 1e-4)
        px, py = dx / size, dy / size
        div = px + py
        div[1:] -= px[:-1]
        div[:, 1:] -= py[:, :-1]
        cost = 0.5 * float(np.sum((image - noisy) ** 2)) + 0.15 * float(size.sum())
        return cost, 1.000002 * ((image - noisy) - 0.15 * div).ravel()

    report = check(fun, noisy.ravel(), rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert report.findings[0].slug == "wrong-scale"
    assert report.findings[0].data["factor"] == pytest.approx(1.000002, abs=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_negligible_factor_does_not_excuse_a_tiny_block_that_is_wrong(seed: int) -> None:
    """The block's own gradient is 1e-7 of the whole; the rest is off by 5e-7 of itself."""

    def fun(p: Any) -> tuple[float, Any]:
        a, b = p[:20], p[20:]
        value = float(np.sum(np.sin(a)) + 1e-7 * np.sum(np.sin(b)))
        return value, np.r_[(1 + 5e-7) * np.cos(a), np.zeros(20)]

    x0 = np.random.default_rng(2).uniform(0.2, 1, 40)
    report = check(fun, x0, blocks="a=20,b=20", rng=seed)
    assert report.verdict == "FAIL", str(report)
    errors = [f for f in report.findings if f.level == "error"]
    assert [(f.slug, f.block) for f in errors] == [("zero-gradient", "b")]
