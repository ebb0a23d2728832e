"""What solvers say: real runs first, then the texts of versions that are not installed."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import scipy
from scipy import optimize
from scipy.integrate import solve_ivp

from gradaudit.optimizers.messages import Meaning, read_message
from gradaudit.optimizers.sentences import SHARED, STATUSES, TABLES, Kind, Row

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning"),
    pytest.mark.filterwarnings("ignore:delta_grad:UserWarning"),
]
VERSION = tuple(map(int, scipy.__version__.split(".")[:2]))
START = np.array([-1.2, 1.0, 0.5])
ROWS = [row for rows in TABLES.values() for row in rows] + list(SHARED)


# functions to optimize


def rosenbrock(x: np.ndarray) -> float:
    return float(optimize.rosen(x))


def bowl(x: np.ndarray) -> float:
    return float(x @ x)


def slope(x: np.ndarray) -> np.ndarray:
    return 2 * x


def uphill(x: np.ndarray) -> np.ndarray:
    return -2 * x


def undefined(x: np.ndarray) -> np.ndarray:
    return x * np.nan


def curvature(x: np.ndarray) -> np.ndarray:
    return 2 * identity(x)


def ones(x: np.ndarray) -> np.ndarray:
    return np.ones_like(x)


def stop(*_: Any, **__: Any) -> None:
    raise StopIteration


def halt(*_: Any, **__: Any) -> bool:
    return True


class Ended(NamedTuple):
    """What a function that returns a tuple said."""

    status: int
    message: str


def minimize(
    method: str, fun: Any = bowl, x0: Any = START, jac: Any = slope, **settings: Any
) -> Any:
    return optimize.minimize(fun, x0, jac=jac, method=method, **settings)


def least_squares(fun: Any, x0: Any, **settings: Any) -> Any:
    return optimize.least_squares(fun, x0, **settings)


def root(method: str, fun: Any, x0: Any = START, **settings: Any) -> Any:
    return optimize.root(fun, x0, method=method, **settings)


def leastsq(fun: Any, **settings: Any) -> Ended:
    *_, message, status = optimize.leastsq(fun, START, full_output=True, **settings)
    return Ended(status, message)


def fsolve(fun: Any, **settings: Any) -> Ended:
    _, _, status, message = optimize.fsolve(fun, START, full_output=True, **settings)
    return Ended(status, message)


def fmin_l_bfgs_b(fun: Any, fprime: Any, **settings: Any) -> Ended:
    *_, information = optimize.fmin_l_bfgs_b(fun, START, fprime, **settings)
    return Ended(information["warnflag"], information["task"])


def identity(x: np.ndarray) -> np.ndarray:
    return np.eye(len(x))


def steep(x: np.ndarray) -> float:
    return 1e10 * bowl(x - 5)


def steep_slope(x: np.ndarray) -> np.ndarray:
    return 1e10 * slope(x - 5)


def decay(_: float, y: np.ndarray) -> np.ndarray:
    return -y


def blow_up(_: float, y: np.ndarray) -> np.ndarray:
    return y * y


def blow_up_slope(_: float, y: np.ndarray) -> np.ndarray:
    return np.diag(2 * y)


def overdetermined(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x - 1, x * x + 1])


def rootless(x: np.ndarray) -> np.ndarray:
    return x * x + 1


TWISTED = np.array([[1.0, 9, 0], [-9, 1, 0], [0, 0, 1]])
SUM_IS_ONE = {"type": "eq", "fun": lambda x: x.sum() - 1, "jac": ones}
SUM_IS_TWO = {"type": "eq", "fun": lambda x: x.sum() - 2, "jac": ones}
SUM_ABOVE = {"type": "ineq", "fun": lambda x: x.sum() - 2, "jac": ones}
SUM_BELOW = {"type": "ineq", "fun": lambda x: 1 - x.sum(), "jac": lambda x: -ones(x)}
rosen, slopes, hessian = rosenbrock, optimize.rosen_der, optimize.rosen_hess

Run = Callable[[], Any]
# solver, method, kind, option that governs it, run
RUNS: list[tuple[str, str, str, str, Run]] = [
    ("minimize", "L-BFGS-B", "line-search", "maxls", lambda: minimize("L-BFGS-B", jac=uphill)),
    (
        "minimize",
        "L-BFGS-B",
        "converged",
        "gtol",
        lambda: minimize("L-BFGS-B", options={"ftol": 0}),
    ),
    (
        "minimize",
        "L-BFGS-B",
        "converged",
        "ftol",
        lambda: minimize("L-BFGS-B", rosen, jac=slopes, options={"gtol": 0}),
    ),
    (
        "minimize",
        "L-BFGS-B",
        "limit",
        "maxiter",
        lambda: minimize("L-BFGS-B", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    (
        "minimize",
        "L-BFGS-B",
        "limit",
        "maxfun",
        lambda: minimize("L-BFGS-B", rosen, jac=slopes, options={"maxfun": 2}),
    ),
    (
        "minimize",
        "L-BFGS-B",
        "stopped-by-callback",
        "",
        lambda: minimize("L-BFGS-B", rosen, jac=slopes, callback=stop),
    ),
    ("minimize", "BFGS", "converged", "gtol, xrtol", lambda: minimize("BFGS")),
    ("minimize", "BFGS", "line-search", "gtol", lambda: minimize("BFGS", jac=uphill)),
    (
        "minimize",
        "BFGS",
        "limit",
        "maxiter",
        lambda: minimize("BFGS", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    ("minimize", "CG", "converged", "gtol", lambda: minimize("CG")),
    ("minimize", "CG", "line-search", "gtol", lambda: minimize("CG", jac=uphill)),
    (
        "minimize",
        "CG",
        "limit",
        "maxiter",
        lambda: minimize("CG", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    ("minimize", "CG", "non-finite", "", lambda: minimize("CG", jac=undefined)),
    ("minimize", "Newton-CG", "converged", "xtol", lambda: minimize("Newton-CG")),
    ("minimize", "Newton-CG", "line-search", "xtol", lambda: minimize("Newton-CG", jac=uphill)),
    (
        "minimize",
        "Newton-CG",
        "limit",
        "maxiter",
        lambda: minimize("Newton-CG", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    (
        "minimize",
        "Newton-CG",
        "curvature",
        "",
        lambda: minimize("Newton-CG", hess=lambda x: TWISTED + 0 * x),
    ),
    ("minimize", "TNC", "line-search", "", lambda: minimize("TNC", jac=uphill)),
    ("minimize", "TNC", "converged", "gtol", lambda: minimize("TNC", x0=np.zeros(3))),
    (
        "minimize",
        "TNC",
        "converged",
        "ftol",
        lambda: minimize("TNC", rosen, jac=slopes, options={"ftol": 1e-2}),
    ),
    (
        "minimize",
        "TNC",
        "converged",
        "xtol",
        lambda: minimize("TNC", rosen, jac=slopes, options={"xtol": 1e-1}),
    ),
    (
        "minimize",
        "TNC",
        "limit",
        "maxfun",
        lambda: minimize("TNC", rosen, jac=slopes, options={"maxfun": 3}),
    ),
    ("minimize", "SLSQP", "converged", "ftol", lambda: minimize("SLSQP")),
    (
        "minimize",
        "SLSQP",
        "limit",
        "maxiter",
        lambda: minimize("SLSQP", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    (
        "minimize",
        "SLSQP",
        "constraints",
        "",
        lambda: minimize(
            "SLSQP", steep, jac=steep_slope, constraints=[SUM_IS_ONE], bounds=[(0, 1)] * 3
        ),
    ),
    ("minimize", "SLSQP", "constraints", "", lambda: minimize("SLSQP", jac=uphill)),
    (
        "minimize",
        "SLSQP",
        "line-search",
        "",
        lambda: minimize("SLSQP", constraints=[SUM_ABOVE, SUM_BELOW]),
    ),
    (
        "minimize",
        "SLSQP",
        "constraints",
        "",
        lambda: minimize("SLSQP", constraints=[SUM_IS_ONE, SUM_IS_TWO]),
    ),
    (
        "minimize",
        "SLSQP",
        "constraints",
        "",
        lambda: minimize("SLSQP", x0=START[:1], constraints=[SUM_IS_ONE, SUM_IS_TWO]),
    ),
    (
        "minimize",
        "trust-constr",
        "converged",
        "gtol",
        lambda: minimize("trust-constr", hess=curvature),
    ),
    (
        "minimize",
        "trust-constr",
        "converged",
        "xtol",
        lambda: minimize("trust-constr", jac=uphill, hess=curvature),
    ),
    (
        "minimize",
        "trust-constr",
        "limit",
        "maxiter",
        lambda: minimize("trust-constr", rosen, jac=slopes, options={"maxiter": 2}),
    ),
    (
        "minimize",
        "trust-constr",
        "stopped-by-callback",
        "",
        lambda: minimize("trust-constr", rosen, jac=slopes, callback=halt),
    ),
    *(
        ("minimize", method, kind, option, run)
        for method in ("trust-ncg", "trust-exact", "trust-krylov", "dogleg")
        for kind, option, run in (
            (
                "converged",
                "gtol",
                lambda method=method: minimize(method, hess=curvature),
            ),
            (
                "limit",
                "maxiter",
                lambda method=method: minimize(method, hess=curvature, options={"maxiter": 1}),
            ),
            (
                "no-progress",
                "gtol",
                lambda method=method: minimize(method, jac=uphill, hess=curvature),
            ),
        )
    ),
    (
        "minimize",
        "dogleg",
        "curvature",
        "",
        lambda: minimize("dogleg", hess=lambda x: -curvature(x)),
    ),
    (
        "minimize",
        "Nelder-Mead",
        "converged",
        "xatol, fatol",
        lambda: minimize("Nelder-Mead", jac=None),
    ),
    (
        "minimize",
        "Nelder-Mead",
        "limit",
        "maxfev",
        lambda: minimize("Nelder-Mead", jac=None, options={"maxfev": 9}),
    ),
    (
        "minimize",
        "Nelder-Mead",
        "limit",
        "maxiter",
        lambda: minimize("Nelder-Mead", jac=None, options={"maxiter": 9}),
    ),
    ("minimize", "Powell", "converged", "ftol", lambda: minimize("Powell", jac=None)),
    (
        "minimize",
        "Powell",
        "limit",
        "maxiter",
        lambda: minimize("Powell", rosen, jac=None, options={"maxiter": 1}),
    ),
    (
        "minimize",
        "Powell",
        "non-finite",
        "",
        lambda: minimize("Powell", lambda x: float(x[0] * np.nan), jac=None),
    ),
    ("minimize", "COBYLA", "converged", "tol", lambda: minimize("COBYLA", jac=None)),
    (
        "minimize",
        "COBYLA",
        "limit",
        "maxiter",
        lambda: minimize("COBYLA", rosen, jac=None, options={"maxiter": 20}),
    ),
    (
        "minimize",
        "COBYLA",
        "constraints",
        "catol",
        lambda: minimize("COBYLA", jac=None, constraints=[SUM_ABOVE, SUM_BELOW]),
    ),
    ("least_squares", "trf", "converged", "gtol", lambda: least_squares(lambda x: x, START)),
    (
        "least_squares",
        "trf",
        "converged",
        "ftol",
        lambda: least_squares(rootless, START, gtol=None, xtol=None),
    ),
    (
        "least_squares",
        "dogbox",
        "converged",
        "xtol",
        lambda: least_squares(
            rootless, START, method="dogbox", gtol=None, ftol=None, jac=lambda x: -identity(x)
        ),
    ),
    (
        "least_squares",
        "lm",
        "limit",
        "max_nfev",
        lambda: least_squares(rootless, START, method="lm", max_nfev=4),
    ),
    ("leastsq", "", "limit", "maxfev", lambda: leastsq(rootless, maxfev=4)),
    ("leastsq", "", "converged", "ftol", lambda: leastsq(overdetermined, xtol=0)),
    ("fsolve", "", "converged", "xtol", lambda: fsolve(lambda x: x - 1)),
    ("fsolve", "", "limit", "maxfev", lambda: fsolve(rootless, maxfev=5)),
    ("fsolve", "", "no-progress", "xtol", lambda: fsolve(rootless)),
    ("root", "hybr", "converged", "xtol", lambda: root("hybr", lambda x: x - 1)),
    ("root", "hybr", "no-progress", "xtol", lambda: root("hybr", rootless)),
    ("root", "lm", "limit", "maxiter", lambda: root("lm", rootless, options={"maxiter": 5})),
    *(
        (
            "root",
            method,
            "converged",
            "fatol, frtol, xatol, xrtol",
            lambda method=method: root(method, lambda x: x - 1),
        )
        for method in ("broyden1", "krylov", "anderson")
    ),
    (
        "root",
        "broyden1",
        "limit",
        "maxiter",
        lambda: root("broyden1", rootless, options={"maxiter": 3}),
    ),
    ("root", "df-sane", "converged", "fatol, ftol", lambda: root("df-sane", lambda x: x - 1)),
    (
        "root",
        "df-sane",
        "limit",
        "maxfev",
        lambda: root("df-sane", rootless, options={"maxfev": 9}),
    ),
    (
        "fmin_l_bfgs_b",
        "",
        "line-search",
        "maxls",
        lambda: fmin_l_bfgs_b(bowl, uphill),
    ),
    (
        "fmin_l_bfgs_b",
        "",
        "converged",
        "pgtol",
        lambda: fmin_l_bfgs_b(bowl, slope, factr=0),
    ),
    (
        "basinhopping",
        "",
        "limit",
        "niter",
        lambda: optimize.basinhopping(bowl, START, niter=2),
    ),
    (
        "basinhopping",
        "",
        "stopped-by-callback",
        "",
        lambda: optimize.basinhopping(bowl, START, niter=2, callback=halt),
    ),
    (
        "dual_annealing",
        "",
        "limit",
        "maxiter",
        lambda: optimize.dual_annealing(bowl, [(-1, 1)], maxiter=2),
    ),
    (
        "dual_annealing",
        "",
        "limit",
        "maxfun",
        lambda: optimize.dual_annealing(bowl, [(-1, 1)], maxfun=2),
    ),
    (
        "differential_evolution",
        "",
        "converged",
        "tol, atol",
        lambda: optimize.differential_evolution(bowl, [(-1, 1)]),
    ),
    (
        "differential_evolution",
        "",
        "limit",
        "maxiter",
        lambda: optimize.differential_evolution(rosen, [(-1, 1)] * 3, maxiter=1, polish=False),
    ),
    ("shgo", "", "converged", "", lambda: optimize.shgo(bowl, [(-1, 1)])),
    ("direct", "", "converged", "vol_tol", lambda: optimize.direct(bowl, [(-1, 1)], len_tol=0)),
    ("direct", "", "limit", "maxfun", lambda: optimize.direct(bowl, [(-1, 1)], maxfun=9)),
    (
        "minimize_scalar",
        "brent",
        "converged",
        "xtol",
        lambda: optimize.minimize_scalar(lambda x: x * x),
    ),
    *(
        (
            "solve_ivp",
            method,
            "converged",
            "rtol, atol",
            lambda method=method: solve_ivp(decay, (0, 1), [1.0], method=method),
        )
        for method in ("RK45", "Radau", "BDF", "LSODA")
    ),
    (
        "solve_ivp",
        "Radau",
        "no-progress",
        "rtol, atol",
        lambda: solve_ivp(blow_up, (0, 2), [1.0], method="Radau", jac=blow_up_slope),
    ),
]


def read(solver: str, method: str, ended: Any) -> Meaning:
    status = getattr(ended, "status", None)
    return read_message(solver, method, status, ended.message, getattr(ended, "success", None))


def said(solver: str, method: str, message: str | bytes | list[str]) -> Meaning:
    return read_message(solver, method, None, message, None)


# real runs


@pytest.mark.parametrize(
    ("solver", "method", "kind", "option", "run"),
    RUNS,
    ids=[f"{number}-{run[0]}-{run[1]}-{run[2]}" for number, run in enumerate(RUNS)],
)
def test_what_the_installed_solver_says_is_understood(
    solver: str, method: str, kind: str, option: str, run: Run
) -> None:
    ended = run()
    meaning = read(solver, method, ended)
    assert (meaning.kind, meaning.tolerance) == (kind, option), ended.message


@pytest.mark.skipif(VERSION < (1, 14), reason="COBYQA came with SciPy 1.14")
def test_cobyqa_is_understood() -> None:
    ended = minimize("COBYQA", jac=None)
    assert read("minimize", "COBYQA", ended).kind == "converged"
    ended = minimize("COBYQA", jac=None, options={"maxfev": 9})
    assert read("minimize", "COBYQA", ended).tolerance == "maxfev"


@pytest.mark.skipif(VERSION < (1, 15), reason="before SciPy 1.15 this was a success")
def test_trust_constr_that_ends_outside_the_constraints_is_understood() -> None:
    ended = minimize(
        "trust-constr",
        constraints=[SUM_IS_ONE, SUM_IS_TWO],
        hess=curvature,
        options={"maxiter": 200, "factorization_method": "SVDFactorization"},
    )
    assert read("minimize", "trust-constr", ended).kind in {"constraints", "limit"}


def test_the_line_search_warning_is_understood() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimize.line_search(bowl, uphill, START, START)
    assert [said("line_search", "", str(w.message)).kind for w in caught] == ["line-search"]


def test_the_warning_of_equal_gradients_is_understood() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimize("trust-constr", lambda x: x.sum(), jac=ones, options={"maxiter": 3})
    kinds = {said("minimize", "trust-constr", str(w.message)).kind for w in caught}
    assert "curvature" in kinds


def test_a_fit_that_is_given_up_is_understood() -> None:
    x = np.linspace(0, 1, 9)
    with pytest.raises(RuntimeError) as caught:
        optimize.curve_fit(lambda x, a, b: np.exp(a * x) + b, x, x, maxfev=3)
    meaning = said("curve_fit", "", str(caught.value))
    assert (meaning.kind, meaning.tolerance) == ("limit", "maxfev")
    with pytest.raises(RuntimeError) as caught:
        optimize.curve_fit(
            lambda x, a, b: np.exp(a * x) + b, x, x, max_nfev=1, bounds=([-5, -5], [5, 5])
        )
    meaning = said("curve_fit", "trf", str(caught.value))
    assert (meaning.kind, meaning.tolerance) == ("limit", "max_nfev")


def test_a_fit_without_covariance_is_understood() -> None:
    x = np.linspace(0, 1, 9)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimize.curve_fit(lambda x, a, b: a * x + 0 * b, x, x, p0=[2.0, 1.0])
    assert [said("curve_fit", "", str(w.message)).kind for w in caught] == ["curvature"]


@pytest.mark.skipif(VERSION < (1, 16), reason="before SciPy 1.16 this was accepted")
def test_single_precision_handed_to_slsqp_is_understood() -> None:
    with pytest.raises(Exception, match="float64") as caught:
        minimize("SLSQP", jac=lambda x: slope(x).astype(np.float32))
    assert said("minimize", "SLSQP", str(caught.value)).kind == "error"


@pytest.mark.parametrize(
    ("solver", "message", "kind"),
    [
        ("least_squares", lambda: least_squares(lambda x: x * np.nan, START), "non-finite"),
        ("least_squares", lambda: least_squares(slope, START, bounds=(5, 6)), "constraints"),
        ("minimize", lambda: minimize("BFGS", slope, jac=None), "error"),
        ("minimize", lambda: minimize("L-BFGS-B", bounds=[(1, 0)] * 3), "constraints"),
    ],
)
def test_a_refusal_is_understood(solver: str, message: Run, kind: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        message()
    assert said(solver, "", str(caught.value)).kind == kind, str(caught.value)


def test_parameters_that_the_bounds_fix_are_understood() -> None:
    ended = minimize("L-BFGS-B", bounds=[(1, 1)] * 3)
    assert read("minimize", "L-BFGS-B", ended).kind == "constraints"


# texts of other versions, quoted in full from SciPy's sources


@pytest.mark.parametrize(
    ("solver", "method", "message", "kind", "option"),
    [
        ("minimize", "L-BFGS-B", b"ABNORMAL_TERMINATION_IN_LNSRCH", "line-search", "maxls"),
        ("minimize", "L-BFGS-B", "ABNORMAL_TERMINATION_IN_LNSRCH", "line-search", "maxls"),
        ("minimize", "L-BFGS-B", "b'ABNORMAL_TERMINATION_IN_LNSRCH'", "line-search", "maxls"),
        ("minimize", "l-bfgs-b", "ABNORMAL: ", "line-search", "maxls"),
        (
            "minimize",
            "L-BFGS-B",
            "CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL",
            "converged",
            "gtol",
        ),
        (
            "minimize",
            "L-BFGS-B",
            "CONVERGENCE: NORM OF PROJECTED GRADIENT <= PGTOL",
            "converged",
            "gtol",
        ),
        (
            "fmin_l_bfgs_b",
            "",
            b"CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH",
            "converged",
            "factr",
        ),
        (
            "minimize",
            "L-BFGS-B",
            "CONVERGENCE: RELATIVE REDUCTION OF F <= FACTR*EPSMCH",
            "converged",
            "ftol",
        ),
        (
            "minimize",
            "L-BFGS-B",
            "STOP: TOTAL NO. of f AND g EVALUATIONS EXCEEDS LIMIT",
            "limit",
            "maxfun",
        ),
        (
            "minimize",
            "L-BFGS-B",
            "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT",
            "limit",
            "maxfun",
        ),
        (
            "minimize",
            "L-BFGS-B",
            "STOP: TOTAL NO. of ITERATIONS REACHED LIMIT",
            "limit",
            "maxiter",
        ),
        ("minimize", "L-BFGS-B", "STOP: CALLBACK REQUESTED HALT", "stopped-by-callback", ""),
        ("minimize", "L-BFGS-B", "ERROR: FACTR .LT. 0", "error", ""),
        ("minimize", "L-BFGS-B", "ERROR: M <= 0", "error", ""),
        ("minimize", "TNC", "Unable to progress", "no-progress", ""),
        ("minimize", "TNC", "User requested end of minimization", "stopped-by-callback", ""),
        ("minimize", "SLSQP", "Positive directional derivative for linesearch", "line-search", ""),
        ("minimize", "SLSQP", "Singular matrix E in LSQ subproblem", "curvature", ""),
        ("minimize", "SLSQP", "Singular matrix C in LSQ subproblem", "constraints", ""),
        ("minimize", "SLSQP", "Inequality constraints incompatible", "constraints", ""),
        (
            "minimize",
            "SLSQP",
            "Rank-deficient equality constraint subproblem HFTI",
            "constraints",
            "",
        ),
        ("minimize", "SLSQP", "More than 3*n iterations in LSQ subproblem", "no-progress", ""),
        (
            "minimize",
            "SLSQP",
            "All inputs to slsqp must be of type numpy.float64",
            "error",
            "",
        ),
        (
            "minimize",
            "trust-constr",
            "`callback` function requested termination.",
            "stopped-by-callback",
            "",
        ),
        ("minimize", "trust-constr", "Constraint violation exceeds 'gtol'", "constraints", "gtol"),
        ("minimize", "COBYLA", "Optimization terminated successfully.", "converged", "tol"),
        (
            "minimize",
            "COBYLA",
            "Rounding errors are becoming damaging in COBYLA subroutine.",
            "precision",
            "tol",
        ),
        (
            "minimize",
            "COBYLA",
            "Return from COBYLA because rounding errors are becoming damaging.",
            "precision",
            "tol",
        ),
        (
            "minimize",
            "COBYLA",
            "Return from COBYLA because the objective function has been evaluated MAXFUN times.",
            "limit",
            "maxiter",
        ),
        (
            "minimize",
            "COBYLA",
            "Return from COBYLA because NaN or Inf occurs in x.",
            "non-finite",
            "",
        ),
        (
            "minimize",
            "COBYQA",
            "The lower bound for the trust-region radius has been reached",
            "converged",
            "final_tr_radius",
        ),
        (
            "minimize",
            "Newton-CG",
            "Warning: CG iterations didn't converge. The Hessian is not positive definite.",
            "curvature",
            "",
        ),
        (
            "leastsq",
            "",
            "Both actual and predicted relative reductions in the sum of squares\n  are at most "
            "0.000000 and the relative error between two consecutive iterates is at \n  most 0.0",
            "converged",
            "ftol, xtol",
        ),
        (
            "leastsq",
            "",
            "The relative error between two consecutive iterates is at most 0.000000",
            "converged",
            "xtol",
        ),
        (
            "leastsq",
            "",
            "The cosine of the angle between func(x) and any column of the\n  Jacobian is at most "
            "0.000000 in absolute value",
            "converged",
            "gtol",
        ),
        (
            "leastsq",
            "",
            "ftol=0.000000 is too small, no further reduction in the sum of squares\n  is "
            "possible.",
            "precision",
            "ftol",
        ),
        (
            "fsolve",
            "",
            "xtol=0.000000 is too small, no further improvement in the approximate\n  solution is "
            "possible.",
            "precision",
            "xtol",
        ),
        (
            "root",
            "hybr",
            "The iteration is not making good progress, as measured by the \n  improvement from "
            "the last five Jacobian evaluations.",
            "no-progress",
            "xtol",
        ),
        (
            "least_squares",
            "trf",
            "Both `ftol` and `xtol` termination conditions are satisfied.",
            "converged",
            "ftol, xtol",
        ),
        ("least_squares", "trf", "`x0` is infeasible.", "constraints", ""),
        (
            "curve_fit",
            "lm",
            "Optimal parameters not found: Number of calls to function has reached maxfev = 600.",
            "limit",
            "maxfev",
        ),
        (
            "basinhopping",
            "",
            ["callback function requested stop early byreturning True"],
            "stopped-by-callback",
            "",
        ),
        (
            "shgo",
            "",
            "Failed to find a feasible minimizer point. Lowest sampling point = 3.0",
            "no-progress",
            "",
        ),
        ("solve_ivp", "LSODA", "Unexpected istate in LSODA.", "error", "rtol, atol"),
        (
            "odeint",
            "",
            "Repeated convergence failures (perhaps bad Jacobian or tolerances).",
            "no-progress",
            "rtol, atol",
        ),
        ("newton", "", "Derivative was zero. Failed to converge after 3", "curvature", ""),
    ],
)
def test_what_other_versions_say_is_understood(
    solver: str, method: str, message: str | bytes | list[str], kind: str, option: str
) -> None:
    meaning = said(solver, method, message)
    assert (meaning.kind, meaning.tolerance) == (kind, option)


@pytest.mark.parametrize(
    "message",
    [
        "lbfgs failed to converge (status=2):\nABNORMAL_TERMINATION_IN_LNSRCH.\n\nIncrease the",
        "lbfgs failed to converge after 3 iteration(s) (status=2):\nABNORMAL: \n\nYou might also",
    ],
)
def test_the_message_within_the_warning_of_another_library_is_understood(message: str) -> None:
    assert said("LogisticRegression", "", message).kind == "line-search"


# numbers without a message, names without a method


@pytest.mark.parametrize(
    ("solver", "status", "kind", "option"),
    [
        ("fmin_bfgs", 0, "converged", "gtol, xrtol"),
        ("fmin_cg", 1, "limit", "maxiter"),
        ("fmin_bfgs", 2, "line-search", "gtol"),
        ("fmin_ncg", 3, "non-finite", ""),
        ("fmin", 1, "limit", "maxfun"),
        ("fmin", 0, "converged", "xtol, ftol"),
        ("fmin_powell", 2, "limit", "maxiter"),
        ("fmin_tnc", 4, "line-search", ""),
        ("fmin_tnc", 0, "converged", "pgtol"),
        ("fmin_slsqp", 8, "line-search", ""),
        ("fmin_slsqp", 9, "limit", "iter"),
        ("leastsq", 2, "converged", "xtol"),
        ("leastsq", 5, "limit", "maxfev"),
        ("fsolve", 4, "no-progress", "xtol"),
    ],
)
def test_a_number_alone_is_read_where_there_is_no_message(
    solver: str, status: int, kind: str, option: str
) -> None:
    meaning = read_message(solver, "", status, "", None)
    assert (meaning.kind, meaning.tolerance) == (kind, option)


@pytest.mark.parametrize("family", STATUSES)
def test_every_number_has_a_sentence_of_its_solver(family: str) -> None:
    assert STATUSES[family]
    for text in STATUSES[family].values():
        assert any(row.fragment in text for row in TABLES[family]), text


def test_success_of_an_unnamed_method_is_recognised_without_an_option() -> None:
    meaning = said("minimize", "", "Optimization terminated successfully.")
    assert (meaning.kind, meaning.tolerance) == ("converged", "")


@pytest.mark.parametrize("message", ["", "The moon is full", b"\xff"])
@pytest.mark.parametrize("solver", ["minimize", "my_solver"])
@pytest.mark.parametrize("success", [True, False, None])
def test_a_message_that_is_not_known_is_said_to_be_unknown(
    message: str | bytes, solver: str, success: bool | None
) -> None:
    meaning = read_message(solver, "L-BFGS-B", 77, message, success)
    assert meaning.kind == "unknown"
    assert meaning.tolerance == ""
    assert "77" in meaning.text
    claims = {True: "reports success", False: "reports failure", None: "not said"}
    assert claims[success] in meaning.text


def test_short_words_of_a_stranger_are_not_taken_for_those_of_scipy() -> None:
    assert said("my_solver", "", "the run was not converged").kind == "unknown"


# form


@pytest.mark.parametrize("row", ROWS, ids=[row.fragment for row in ROWS])
def test_a_meaning_is_short_plain_and_of_a_known_kind(row: Row) -> None:
    assert row.kind in get_args(Kind)
    assert row.kind != "unknown"
    assert row.fragment.strip() == " ".join(row.fragment.lower().split())
    assert len(row.text) <= 200
    assert row.text[0].isupper() or row.text.startswith("f ")
    assert row.text.endswith(".")
    assert row.text.isascii()
    advice = {"should", "please", "you", "your", "simply", "obviously"}
    assert not advice & set(row.text.lower().replace(".", "").split())


@pytest.mark.parametrize("family", TABLES)
def test_no_row_hides_a_later_one(family: str) -> None:
    rows = TABLES[family]
    assert rows
    for number, row in enumerate(rows):
        assert not any(row.fragment in later.fragment for later in rows[number + 1 :]), row.fragment


def test_the_tables_need_neither_numpy_nor_scipy() -> None:
    from gradaudit.optimizers import messages, sentences

    for module in (messages, sentences):
        source = inspect.getsource(module)
        assert "import numpy" not in source
        assert "import scipy" not in source
        assert "from scipy" not in source
