"""Cost and gradient from a solver that stopped early differ a little: a note, never a FAIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint

from gradaudit import Report, check


def assert_noted_at_most(report: Report) -> None:
    assert report.verdict == "PASS", str(report)
    assert all(f.slug == "wrong-gradient" and f.level == "note" for f in report.findings)


def prey_and_predator(z: Any, _t: float, a: float, b: float, c: float, d: float) -> Any:
    x, y = z[:2]
    S = z[2:].reshape(2, 4)
    J = np.array([[a - b * y, -b * x], [d * y, d * x - c]])
    F = np.array([[x, -x * y, 0, 0], [0, 0, -y, x * y]])
    return np.concatenate([[a * x - b * x * y, d * x * y - c * y], (J @ S + F).ravel()])


@pytest.mark.parametrize("seed", [0, 2])
def test_ode_at_the_default_tolerance_passes_though_one_entry_is_small(seed: int) -> None:
    times = np.linspace(0, 6, 25)
    start = np.concatenate([[2.0, 1.0], np.zeros(8)])
    noise = np.random.default_rng(1).standard_normal((25, 2))
    data = odeint(prey_and_predator, start, times, args=(1.0, 0.5, 0.9, 0.4))[:, :2] + 0.1 * noise

    def fit(p: Any) -> tuple[float, Any]:
        z = odeint(prey_and_predator, start, times, args=tuple(p))
        r = z[:, :2] - data
        return 0.5 * float(np.sum(r**2)), np.einsum("ti,tij->j", r, z[:, 2:].reshape(-1, 2, 4))

    # entry b is 1e-2 of the others, and off by 1.6e-5 of itself
    x0 = np.array([0.9, 0.55, 1.0, 0.35])
    assert_noted_at_most(check(fit, x0, bounds=[(0.0, 5.0)] * 4, rng=seed))


def diode_fit(
    model: int, tolerance: float
) -> tuple[Callable[[Any], float], Callable[[Any], Any], Any]:
    """Return cost and gradient of currents that Newton's method solves i + exp(i) = v + 1 for."""
    rng = np.random.default_rng(model)
    A, target = rng.standard_normal((30, 6)), rng.uniform(-1, 1, 30)

    def current(v: Any) -> Any:
        i = np.zeros_like(v)
        for _ in range(50):
            step = (i + np.exp(i) - v - 1.0) / (1 + np.exp(i))
            i = i - step
            if np.max(np.abs(step)) < tolerance:
                break
        return i

    def cost(x: Any) -> float:
        return 0.5 * float(np.sum((current(A @ x) - target) ** 2))

    def grad(x: Any) -> Any:
        i = current(A @ x)
        return A.T @ ((i - target) / (1 + np.exp(i)))

    return cost, grad, rng.standard_normal(6)


@pytest.mark.parametrize("model", [4, 7, 8, 12, 13, 16, 18, 24, 27])
def test_inner_solver_stopped_early_passes(model: int) -> None:
    cost, grad, x0 = diode_fit(model, 1e-3)
    for seed in (model + 77, model + 1000):
        assert_noted_at_most(check(cost, x0, jac=grad, rng=seed))


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_inner_solver_stopped_early_passes_in_any_unit(unit: float) -> None:
    cost, grad, x0 = diode_fit(7, 1e-3)
    report = check(lambda x: unit * cost(x), x0, jac=lambda x: unit * grad(x), rng=84)
    assert_noted_at_most(report)


def test_inner_solver_run_to_the_end_passes_in_a_unit_for_each_parameter() -> None:
    cost, grad, x0 = diode_fit(4, 1e-10)
    units = 10.0 ** np.random.default_rng(4).integers(-4, 5, 6)
    report = check(
        lambda x: cost(x / units), x0 * units, jac=lambda x: grad(x / units) / units, rng=81
    )
    assert report.verdict == "PASS", str(report)
    assert report.findings == ()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_single_slip_beside_the_approximation_still_fails(seed: int) -> None:
    cost, grad, x0 = diode_fit(7, 1e-3)

    def slip(x: Any) -> Any:
        g = grad(x)
        g[2] *= 1.0001
        return g

    report = check(cost, x0, jac=slip, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert report.findings[0].level == "error"
    assert report.blocks[0].worst[0].index == (2,)
