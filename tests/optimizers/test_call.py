"""Calls of every solver are read into one vocabulary, and what they return as well."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from scipy.optimize import LinearConstraint, NonlinearConstraint, rosen, rosen_der

from gradaudit.errors import ArgumentError
from gradaudit.optimizers.call import Outcome, minimize_call, outcome, read_call

START = [-1.2, 1.0]


def both(x, *_args):
    return rosen(x), rosen_der(x)


def read(solver, *positional, **keywords):
    function = getattr(scipy.integrate if solver == "solve_ivp" else scipy.optimize, solver)
    call = read_call(function, positional, keywords, solver)
    assert call is not None
    return call


def start_of(call):
    assert call.start is not None
    return call.start


@pytest.mark.parametrize(
    ("keywords", "method"),
    [
        ({}, "BFGS"),
        ({"bounds": [(0, 1)] * 2}, "L-BFGS-B"),
        ({"constraints": {"type": "eq", "fun": rosen}}, "SLSQP"),
        ({"constraints": [], "bounds": None}, "BFGS"),
        ({"method": "l-bfgs-b"}, "L-BFGS-B"),
        ({"method": "TRUST-CONSTR"}, "trust-constr"),
        ({"method": both}, "both"),
    ],
)
def test_method_is_in_scipy_s_spelling_with_its_default(keywords, method):
    assert read("minimize", rosen, START, **keywords).method == method


@pytest.mark.parametrize(
    ("solver", "keywords", "method"),
    [
        ("fmin_bfgs", {}, "BFGS"),
        ("fmin_l_bfgs_b", {}, "L-BFGS-B"),
        ("least_squares", {}, "trf"),
        ("least_squares", {"method": "lm"}, "lm"),
        ("root", {}, "hybr"),
        ("root", {"method": "krylov"}, "krylov"),
        ("fsolve", {}, "hybr"),
    ],
)
def test_older_functions_have_their_methods(solver, keywords, method):
    assert read(solver, rosen, START, **keywords).method == method


def test_curve_fit_chooses_its_method_by_the_bounds():
    assert read("curve_fit", math.pow, [1.0], [2.0]).method == "lm"
    assert read("curve_fit", math.pow, [1.0], [2.0], bounds=(0, 1)).method == "trf"
    assert read("curve_fit", math.pow, [1.0], [2.0], bounds=(-np.inf, np.inf)).method == "lm"
    assert read("solve_ivp", rosen, (0, 1), START, method="Radau").method == "Radau"
    bdf = scipy.integrate.BDF
    assert read("solve_ivp", rosen, (0, 1), START, method=bdf).method == "BDF"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (True, True),
        (rosen_der, rosen_der),
        (None, None),
        (False, None),
        ("2-point", None),
        ("cs", None),
        (1, None),
    ],
)
def test_jac_of_minimize_is_what_scipy_will_use(given, wanted):
    assert read("minimize", both, START, jac=given).jac is wanted


def test_jac_of_the_older_functions_is_what_scipy_will_use():
    assert read("fmin_l_bfgs_b", both, START).jac is True
    assert read("fmin_l_bfgs_b", rosen, START, rosen_der).jac is rosen_der
    assert read("fmin_l_bfgs_b", rosen, START, approx_grad=True).jac is None
    assert read("fmin_tnc", both, START).jac is True
    assert read("fmin_bfgs", rosen, START).jac is None
    assert read("root", both, START, jac=True).jac is True
    assert read("root", rosen, START, jac=True, method="krylov").jac is None
    assert read("leastsq", rosen, START, Dfun=rosen_der, col_deriv=1).column_derivatives
    assert read("root", rosen, START, options={"col_deriv": 1}).column_derivatives


def test_constant_jacobian_of_solve_ivp_becomes_a_function():
    matrix = np.eye(2)
    call = read("solve_ivp", both, (0, 1), START, method="BDF", jac=matrix)
    assert call.kind == "ode"
    assert call.jac(0.0, START) is matrix


def test_args_that_are_no_tuple_are_one_argument():
    assert read("minimize", both, START, 3.0).args == (3.0,)
    assert read("minimize", both, START, args=(1, 2)).args == (1, 2)


def test_start_that_curve_fit_chooses_is_known():
    def line(t, a, b, c):
        return a + b * t + c

    assert start_of(read("curve_fit", line, [1.0], [2.0])) == pytest.approx(np.array(np.ones(3)))
    bounds = ([0, -np.inf, 3], [4, 5, np.inf])
    assert start_of(read("curve_fit", line, [1.0], [2.0], bounds=bounds)) == pytest.approx(
        np.array([2, 4, 4])
    )


def test_size_and_start_are_flat_numbers():
    assert start_of(read("minimize", both, 3)) == pytest.approx(np.array([3.0]))
    assert read("root", both, [[1, 2], [3, 4]]).size == 4


@pytest.mark.parametrize(
    ("positional", "keywords"),
    [
        ((), {}),
        ((rosen,), {}),
        ((3, START), {}),
        ((rosen, "text"), {}),
        ((rosen, None), {}),
        ((rosen, START), {"typo": 1}),
        ((rosen, START), {"constraints": [{"fun": rosen}]}),
    ],
)
def test_arguments_that_scipy_will_refuse_are_not_watched(positional, keywords):
    assert read_call(scipy.optimize.minimize, positional, keywords, "minimize") is None


def test_constraints_of_every_kind_are_read():
    nonlinear = NonlinearConstraint(rosen, -1.0, 2.0, jac="2-point")
    linear = LinearConstraint([[1.0, 2.0]], -3.0, 3.0)
    old = {"type": "INEQ", "fun": rosen, "jac": rosen_der, "args": 7}
    found = read("minimize", rosen, START, constraints=[nonlinear, linear, old]).constraints
    assert [c.number for c in found] == [1, 2, 3]
    assert [c.kind for c in found] == ["nonlinear", "linear", "ineq"]
    assert found[0].jac is None
    assert (found[0].lower, found[0].upper) == (-1.0, 2.0)
    assert found[1].fun(np.array([1.0, 1.0])).tolist() == [3.0]
    assert found[2].jac is rosen_der
    assert found[2].args == (7,)
    assert found[2].upper == math.inf


def test_constraints_of_fmin_slsqp_are_read():
    call = read("fmin_slsqp", rosen, START, eqcons=[rosen, both], f_ieqcons=rosen)
    assert [c.kind for c in call.constraints] == ["eq", "eq", "ineq"]
    assert [c.number for c in call.constraints] == [1, 2, 3]


def test_changed_constraints_take_the_place_of_the_given_ones():
    seen = []
    call = read(
        "minimize",
        both,
        START,
        jac=True,
        constraints={"type": "ineq", "fun": lambda x: x[0], "jac": lambda _x: np.array([1.0, 0.0])},
    )

    def watched(x):
        seen.append(x.copy())
        return call.constraints[0].fun(x)

    changed = [replace(call.constraints[0], fun=watched)]
    result = call.run(constraints=changed)
    assert seen
    assert result.fun == call.run().fun


def test_options_are_merged_and_translated():
    call = read("minimize", both, START, jac=True, options={"maxiter": 50, "gtol": 1e-9})
    assert call.run(options={"maxiter": 2}).nit == 2
    older = read("fmin_l_bfgs_b", both, START, maxiter=50)
    assert older.options == {"maxiter": 50}
    assert outcome(older, older.run(options={"maxiter": 2, "gtol": 1e-3})).nit == 2
    residual = read("least_squares", rosen_der, START)
    assert residual.run(options={"maxiter": 2}).nfev == 2


def test_jac_false_lets_scipy_take_differences():
    call = read("minimize", both, START, jac=True)
    assert call.run(jac=False).nfev > call.run().nfev
    older = read("fmin_l_bfgs_b", both, START)
    assert older.run(jac=False)[1] == pytest.approx(0.0, abs=1e-4)


def test_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(ArgumentError, match="did you mean 'L-BFGS-B'"):
        minimize_call(rosen, START, method="LBFGSB")
    with pytest.raises(ArgumentError, match="SciPy has Nelder-Mead"):
        minimize_call(rosen, START, method="gradient-descent-with-hats")
    with pytest.raises(ArgumentError, match="give a function"):
        minimize_call(3, START)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="give a dict"):
        minimize_call(rosen, START, options=[1])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="x0 is 'text'"):
        minimize_call(rosen, "text")
    with pytest.raises(ArgumentError, match="constraints"):
        minimize_call(rosen, START, constraints=[{"fun": rosen}])


def test_described_call_runs_as_minimize_does():
    call = minimize_call(both, START, jac=True, method="cg", options={"maxiter": 3})
    wanted = scipy.optimize.minimize(both, START, jac=True, method="cg", options={"maxiter": 3})
    assert call.run().x.tobytes() == wanted.x.tobytes()
    assert call.method == "CG"


@pytest.mark.parametrize(
    ("solver", "keywords", "status"),
    [
        ("fmin_bfgs", {"maxiter": 1}, 1),
        ("fmin_cg", {"maxiter": 1}, 1),
        ("fmin_ncg", {"maxiter": 1}, 1),
        ("fmin", {"maxiter": 1}, 2),
        ("fmin_powell", {"maxfun": 1}, 1),
        ("fmin_slsqp", {"iter": 1}, 9),
    ],
)
def test_outcome_of_the_older_functions_has_status_and_message(solver, keywords, status):
    gradient = {} if solver in ("fmin", "fmin_powell") else {"fprime": rosen_der}
    call = read(solver, rosen, START, **gradient, **keywords, disp=0)
    read_back = outcome(call, call.run(full=True))
    assert read_back.status == status
    assert read_back.success is False
    assert "limit" in read_back.message or "aximum number of" in read_back.message
    assert read_back.fun == pytest.approx(rosen(read_back.x))
    plain = outcome(call, call.run())
    assert plain.success is None
    assert plain.x is not None


def test_outcome_of_tnc_is_read():
    call = read("fmin_tnc", both, START, disp=0, maxfun=3)
    assert outcome(call, call.run()).message == "Max. number of function evaluations reached"


def test_outcome_of_vector_solvers_is_read():
    call = read("fsolve", rosen_der, [0.9, 0.9], full_output=True)
    solved = outcome(call, call.run())
    assert solved.success
    assert solved.message == "The solution converged."
    short = read("leastsq", rosen_der, [0.9, 0.9])
    assert outcome(short, short.run()).success
    fit = read("curve_fit", lambda t, a: a * t, [1.0, 2.0, 3.0], [2.0, 4.0, 6.1])
    assert outcome(fit, fit.run()).x == pytest.approx(2.02, abs=0.02)
    ode = read("solve_ivp", lambda _t, y: -y, (0, 1), [1.0])
    assert outcome(ode, ode.run()).x == pytest.approx(math.exp(-1), rel=1e-2)


@pytest.mark.parametrize("nonsense", [None, 3, "text", (), {"x": "text"}, object()])
def test_outcome_of_nonsense_is_empty(nonsense):
    call = read("leastsq", rosen_der, START)
    assert isinstance(outcome(call, nonsense), Outcome)
    assert outcome(call, nonsense).success is None
