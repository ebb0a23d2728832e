"""Matrices of derivatives of a call, each audited in its own way."""

import numpy as np
import pytest

from gradaudit.blocks import Block
from gradaudit.optimizers.call import SOLVERS, Call, minimize_call, read_call
from gradaudit.optimizers.matrices import (
    Common,
    audit_second_order,
    audit_vector_function,
    gradient_function,
)
from gradaudit.optimizers.objective import vector_function
from gradaudit.results import Verdict

START = np.array([0.7, -1.3])
MATRIX = np.array([[3.0, 1.0], [1.0, 2.0]])


def common() -> Common:
    return Common(
        points=[("x0", START)],
        blocks=(Block("theta", 0, (2,)),),
        lower=None,
        upper=None,
        rng=np.random.default_rng(20240501),
    )


def cost(x):
    return 0.5 * float(x @ MATRIX @ x)


def gradient(x):
    return MATRIX @ x


def audits(call: Call):
    return list(audit_second_order(call, common(), 100))


def vector_audit(solver, *arguments, **keywords):
    call = read_call(SOLVERS[solver].function, arguments, keywords, solver)
    assert call is not None
    vector = vector_function(call)
    assert vector is not None
    return audit_vector_function(call, vector, common(), 150)


def test_gradient_comes_out_of_the_pair():
    found = gradient_function(minimize_call(lambda x, k: (k, k * x), START, jac=True, args=(2.0,)))
    assert found is not None
    assert found(START, 2.0).tolist() == (2.0 * START).tolist()


def test_gradient_of_its_own_is_the_users_function():
    assert gradient_function(minimize_call(cost, START, jac=gradient)) is gradient


@pytest.mark.parametrize("jac", [None, "2-point", False])
def test_differences_are_no_function(jac):
    assert gradient_function(minimize_call(cost, START, jac=jac)) is None


def test_right_hessian_and_right_product_pass():
    call = minimize_call(cost, START, jac=gradient, method="trust-ncg", hess=lambda _x: MATRIX)
    (found,) = audits(call)
    assert found.verdict == Verdict.PASS
    call = minimize_call(
        cost, START, jac=gradient, method="trust-ncg", hessp=lambda _x, p: MATRIX @ p
    )
    (found,) = audits(call)
    assert found.verdict == Verdict.PASS


@pytest.mark.parametrize("factor", [0.5, 2.0, -1.0])
def test_hessian_off_by_a_factor_is_wrong_hessian(factor):
    call = minimize_call(
        cost, START, jac=gradient, method="trust-ncg", hess=lambda _x: factor * MATRIX
    )
    (found,) = audits(call)
    assert found.verdict == Verdict.FAIL
    assert [f.slug for f in found.findings] == ["wrong-hessian"]


def test_product_that_ignores_the_vector_is_at_fault():
    call = minimize_call(
        cost, START, jac=gradient, method="Newton-CG", hessp=lambda x, _p: MATRIX @ x
    )
    (found,) = audits(call)
    assert found.verdict == Verdict.FAIL


def test_no_second_derivatives_are_no_audits():
    assert audits(minimize_call(cost, START, jac=gradient)) == []


def residual(x):
    return np.array([x[0] ** 2, x[0] * x[1], np.sin(x[1])])


def jacobian(x):
    return np.array([[2.0 * x[0], 0.0], [x[1], x[0]], [0.0, np.cos(x[1])]])


def test_right_jacobian_passes_within_its_budget():
    found = vector_audit("least_squares", residual, START, jac=jacobian)
    assert found.verdict == Verdict.PASS
    assert 0 < found.evaluations <= 150


def test_jacobian_with_a_wrong_row_is_wrong_jacobian():
    found = vector_audit(
        "least_squares", residual, START, jac=lambda x: jacobian(x) * [[1.0], [1.0], [-1.0]]
    )
    assert "wrong-jacobian" in {f.slug for f in found.findings}


def test_jacobian_down_its_columns_passes_with_the_flag_and_fails_without():
    def square(x):
        return residual(x)[:2]

    def turned(x):
        return jacobian(x)[:2].T

    told = vector_audit("leastsq", square, START, Dfun=turned, col_deriv=True)
    untold = vector_audit("leastsq", square, START, Dfun=turned)
    assert told.verdict == Verdict.PASS
    assert untold.verdict == Verdict.FAIL


def test_model_of_curve_fit_is_audited_with_its_parameters_apart():
    x = np.linspace(0.0, 1.0, 5)
    found = vector_audit(
        "curve_fit",
        lambda x, a, b: a * x + b * x**2,
        x,
        x,
        p0=START,
        jac=lambda x, _a, _b: np.stack([x, x**2], axis=1),
    )
    assert found.verdict == Verdict.PASS


def test_right_hand_side_with_a_turned_jacobian_is_wrong_jacobian():
    turning = np.array([[0.0, 1.0], [-4.0, 0.0]])
    found = vector_audit(
        "solve_ivp",
        lambda _t, y: turning @ y,
        (0.0, 1.0),
        START,
        method="BDF",
        jac=lambda _t, _y: turning.T,
    )
    assert [f.slug for f in found.findings] == ["wrong-jacobian"]
