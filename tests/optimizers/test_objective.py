"""The cost behind residuals and models is the one SciPy itself reports."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize

from gradaudit.evaluator import Evaluator
from gradaudit.optimizers.call import SOLVERS, Call, minimize_call, read_call
from gradaudit.optimizers.objective import bounds_of, loss_of, objective, vector_function

Bounds: Any = scipy.optimize.Bounds  # the stubs know of numbers only
XDATA = np.linspace(0.0, 2.0, 9)
YDATA = 2.0 * np.exp(-0.7 * XDATA) + 0.3 * np.sin(5.0 * XDATA)
START = np.array([1.0, 0.5])


def residual(p):
    return p[0] * np.exp(-p[1] * XDATA) - YDATA


def jacobian(p):
    decay = np.exp(-p[1] * XDATA)
    return np.stack([decay, -p[0] * XDATA * decay], axis=1)


def model(x, a, b):
    return a * np.exp(-b * x)


def model_jacobian(x, a, b):
    return np.stack([np.exp(-b * x), -a * x * np.exp(-b * x)], axis=1)


def call_of(solver: str, *arguments, **keywords) -> Call:
    call = read_call(SOLVERS[solver].function, arguments, keywords, solver)
    assert call is not None
    return call


def cost_at(call: Call, x: np.ndarray) -> float:
    return Evaluator(objective(call, START)).cost(x)


def gradient_at(call: Call, x: np.ndarray) -> np.ndarray:
    return Evaluator(objective(call, START)).sample(x, where="x").gradient


def central(call: Call, x: np.ndarray) -> np.ndarray:
    """Return the gradient by differences of the cost: an error of about 1e-9."""
    steps = 1e-5 * np.eye(x.size)
    return np.array([(cost_at(call, x + d) - cost_at(call, x - d)) / 2e-5 for d in steps])


def cubic_loss(z):
    """Return rho, its first and second derivative, as SciPy wants a loss of one's own."""
    return np.stack([z + z**2 / 10.0, 1.0 + z / 5.0, np.full_like(z, 0.2)])


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan", cubic_loss])
@pytest.mark.parametrize("scale", [1.0, 0.1, 7.0])
def test_cost_with_a_loss_is_the_cost_that_least_squares_reports(loss, scale):
    keywords = {"jac": jacobian, "loss": loss, "f_scale": scale}
    result = scipy.optimize.least_squares(residual, START, **keywords)
    call = call_of("least_squares", residual, START, **keywords)
    assert cost_at(call, result.x) == pytest.approx(result.cost, rel=1e-12)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan", cubic_loss])
def test_gradient_with_a_loss_is_the_derivative_of_the_cost(loss):
    call = call_of("least_squares", residual, START, jac=jacobian, loss=loss, f_scale=0.2)
    assert gradient_at(call, START) == pytest.approx(central(call, START), rel=1e-6)


def test_huber_loss_far_away_grows_with_the_residual_not_its_square():
    call = call_of("least_squares", residual, START, loss="huber", f_scale=2.0)
    rho, slope = loss_of(call)(np.array([0.0, 4.0, 100.0]))
    assert rho == pytest.approx([0.0, 4.0, 2.0 * 2.0 * 10.0 - 4.0])
    assert slope == pytest.approx([1.0, 1.0, 0.2])


def test_plain_residual_costs_half_its_sum_of_squares():
    call = call_of("least_squares", residual, START)
    assert cost_at(call, START) == pytest.approx(0.5 * np.sum(residual(START) ** 2), rel=1e-15)


def test_gradient_of_a_residual_is_its_jacobian_times_the_residual():
    call = call_of("least_squares", residual, START, jac=jacobian)
    assert gradient_at(call, START) == pytest.approx(jacobian(START).T @ residual(START))


def test_derivatives_down_the_columns_are_turned():
    call = call_of("leastsq", residual, START, Dfun=lambda p: jacobian(p).T, col_deriv=True)
    assert gradient_at(call, START) == pytest.approx(jacobian(START).T @ residual(START))


def test_root_has_the_cost_of_its_residual():
    call = call_of("root", lambda x: np.array([x[0] - 3.0, 2.0 * x[1]]), START)
    assert cost_at(call, np.array([1.0, 1.0])) == 0.5 * (4.0 + 4.0)


def test_arguments_reach_the_residual():
    call = call_of("least_squares", lambda p, shift: p - shift, START, args=(2.0,))
    assert cost_at(call, np.array([2.0, 5.0])) == 4.5


# bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bounds",
    [
        (0.0, 5.0),
        ([0.0, 0.0], [5.0, 5.0]),
        (np.zeros(2), 5.0),
        Bounds([0.0, 0.0], [5.0, 5.0]),
    ],
)
def test_every_form_of_bounds_of_least_squares_is_read(bounds):
    problem = objective(call_of("least_squares", residual, START, bounds=bounds), START)
    assert problem.lower == pytest.approx(np.zeros(2))
    assert problem.upper == pytest.approx(np.full(2, 5.0))


@pytest.mark.parametrize("bounds", [[(0.0, 5.0), (None, 5.0)], Bounds(0.0, 5.0)])
def test_bounds_of_minimize_are_pairs_as_they_were(bounds):
    call = minimize_call(lambda p: float(p @ p), START, bounds=bounds)
    problem = objective(call, START)
    assert bounds_of(call, 2) is bounds
    assert problem.upper == pytest.approx(np.full(2, 5.0))


def test_no_bounds_stay_no_bounds():
    assert objective(call_of("root", residual, START), START).lower is None


# curve_fit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [None, 0.5, np.linspace(0.1, 1.0, 9)])
def test_model_is_weighted_by_the_standard_deviations(sigma):
    call = call_of(
        "curve_fit", model, XDATA, YDATA, p0=START, sigma=sigma, jac=model_jacobian, method="lm"
    )
    weights = 1.0 if sigma is None else 1.0 / np.asarray(sigma)
    assert cost_at(call, START) == pytest.approx(0.5 * np.sum((residual(START) * weights) ** 2))
    assert gradient_at(call, START) == pytest.approx(central(call, START), rel=1e-6)


def test_missing_observations_are_left_out_where_that_was_asked_for():
    ydata = YDATA.copy()
    ydata[[2, 5]] = np.nan
    call = call_of(
        "curve_fit", model, XDATA, ydata, p0=START, nan_policy="omit", jac=model_jacobian
    )
    kept = np.isfinite(ydata)
    assert cost_at(call, START) == pytest.approx(0.5 * np.sum(residual(START)[kept] ** 2))
    assert gradient_at(call, START) == pytest.approx(central(call, START), rel=1e-6)


def test_missing_observations_go_with_their_standard_deviations():
    ydata, sigma = YDATA.copy(), np.linspace(0.1, 1.0, 9)
    ydata[4] = np.nan
    call = call_of(
        "curve_fit", model, XDATA, ydata, p0=START, nan_policy="omit", sigma=sigma, method="lm"
    )
    kept = np.isfinite(ydata)
    assert cost_at(call, START) == pytest.approx(
        0.5 * np.sum((residual(START)[kept] / sigma[kept]) ** 2)
    )


def test_bounds_of_a_fit_are_two_sides():
    call = call_of("curve_fit", model, XDATA, YDATA, p0=START, bounds=(0.0, [3.0, 4.0]))
    assert bounds_of(call, 2) == [(0.0, 3.0), (0.0, 4.0)]


# the rest ----------------------------------------------------------------------------------------


def test_minimize_has_no_vector_function():
    assert vector_function(minimize_call(lambda p: float(p @ p), START)) is None


def test_right_hand_side_is_asked_at_the_beginning_of_the_interval():
    call = call_of("solve_ivp", lambda t, y: t * y, (2.0, 3.0), START, method="BDF")
    vector = vector_function(call)
    assert vector is not None
    assert vector.jac is None
    assert vector.fun(START) == pytest.approx(2.0 * START)


def test_single_precision_start_stays_single():
    call = minimize_call(lambda p: float(p @ p), START.astype(np.float32))
    assert objective(call, START).structure.dtype == np.float32


def test_method_without_derivatives_has_no_gradient_to_check():
    call = minimize_call(lambda p: float(p @ p), START, method="Nelder-Mead", jac=lambda p: 2.0 * p)
    assert objective(call, START).mode == "none"
