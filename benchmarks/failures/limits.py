"""Runs that stopped at a limit, of precision or of patience, or by the solver's own ways."""
# ruff: noqa: D401, ARG005

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess

from benchmarks.failures.case import case

Arguments = dict[str, Any]


@case("iteration-limit")
def rosenbrock_in_twelve_iterations() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.array([-1.2, 1.0, 0.3, 1.9]),
        "jac": rosen_der,
        "method": "BFGS",
        "options": {"maxiter": 12},
    }


@case("iteration-limit", "solver-behaviour", report="74")
def line_search_allowed_one_step() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.array([-1.2, 1.0]),
        "jac": rosen_der,
        "method": "L-BFGS-B",
        "options": {"maxls": 1},
    }


@case("iteration-limit")
def evaluations_of_differences_used_up() -> Arguments:
    """With 60 parameters and no gradient, 15000 evaluations are 245 iterations: here 3000."""
    n = 60
    w = np.linspace(1, 50, n)
    return {
        "fun": lambda x: np.sum(w * (x - 1) ** 2) + np.sum((x[1:] - x[:-1] ** 2) ** 2) * 50,
        "x0": np.full(n, -1.0),
        "method": "L-BFGS-B",
        "options": {"maxfun": 3000},
    }


@case("iteration-limit")
def tnc_out_of_evaluations() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.tile([-1.2, 1.0], 5),
        "jac": rosen_der,
        "method": "TNC",
        "options": {"maxfun": 40},
    }


@case("iteration-limit", solver="least_squares")
def least_squares_with_ten_evaluations() -> Arguments:
    t = np.linspace(0, 3, 20)
    y = 3 * np.exp(-2 * t) + np.exp(-0.3 * t)

    def model(p):
        return p[0] * np.exp(-p[1] * t) + p[2] * np.exp(-p[3] * t) - y

    return {"fun": model, "x0": np.array([1.0, 8.0, 5.0, 3.0]), "max_nfev": 4}


@case("precision-limit", "converged", report="77")
def precision_loss_at_the_minimum() -> Arguments:
    rng = np.random.default_rng(1)
    A = rng.normal(size=(40, 6))
    b = rng.normal(size=40)
    return {
        "fun": lambda x: np.sum(np.log(np.cosh(A @ x - b))) + 1000.0,
        "x0": np.zeros(6),
        "jac": lambda x: A.T @ np.tanh(A @ x - b),
        "method": "BFGS",
        "options": {"gtol": 1e-14},
    }


@case("precision-limit", "converged", report="75")
def lbfgsb_with_both_tolerances_zero() -> Arguments:
    rng = np.random.default_rng(2)
    A = rng.normal(size=(60, 8))
    y = A @ rng.normal(size=8) + rng.normal(size=60)

    def ls(x):
        r = A @ x - y
        return 0.5 * r @ r, A.T @ r

    return {
        "fun": ls,
        "x0": np.zeros(8),
        "jac": True,
        "method": "L-BFGS-B",
        "options": {"ftol": 0.0, "gtol": 0.0},
    }


@case("precision-limit", "converged")
def cg_asked_for_1e_12_beside_an_offset() -> Arguments:
    Q = np.diag([1.0, 4.0, 9.0, 16.0])
    c = np.array([1.0, -1.0, 2.0, 0.5])
    return {
        "fun": lambda x: 1e6 + 0.5 * (x - c) @ Q @ (x - c) + 0.01 * np.sum(x**4),
        "x0": np.zeros(4),
        "jac": lambda x: Q @ (x - c) + 0.04 * x**3,
        "method": "CG",
        "options": {"gtol": 1e-12},
    }


@case("precision-limit", "converged", report="76")
def forward_differences_cannot_reach_1e_8() -> Arguments:
    """As statsmodels warns: the difference gradient of a sum of 50000 has few digits."""
    rng = np.random.default_rng(3)
    y = rng.gamma(2.0, 3.0, 50000)

    def nll(p):
        k, s = np.exp(p)
        from scipy.special import gammaln

        return np.sum(gammaln(k) + k * np.log(s) - (k - 1) * np.log(y) + y / s)

    return {"fun": nll, "x0": np.zeros(2), "method": "BFGS", "options": {"gtol": 1e-8}}


@case("precision-limit", "converged", solver="root", report="79")
def hybr_at_a_residual_of_rounding() -> Arguments:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(20, 20))
    b = rng.normal(size=20)
    return {
        "fun": lambda x: A @ x - b,
        "x0": np.zeros(20),
        "jac": lambda x: A,
        "method": "hybr",
    }


@case("solver-behaviour", "converged")
def linear_cost_on_a_simplex_in_trust_constr() -> Arguments:
    """The gradient is constant, and trust-constr warns that delta_grad == 0.0."""
    from scipy.optimize import LinearConstraint

    c = np.array([1.0, 2.0, 3.0])
    return {
        "fun": lambda x: c @ x,
        "x0": np.full(3, 1 / 3),
        "jac": lambda x: c,
        "bounds": [(0, 1)] * 3,
        "constraints": LinearConstraint(np.ones((1, 3)), 1, 1),
        "method": "trust-constr",
    }


@case("solver-behaviour", "iteration-limit")
def newton_cg_in_a_flat_valley() -> Arguments:
    return {
        "fun": lambda x: np.sum(x**8),
        "x0": np.array([2.0, -1.5, 1.0]),
        "jac": lambda x: 8 * x**7,
        "hess": lambda x: np.diag(56 * x**6),
        "method": "Newton-CG",
        "options": {"maxiter": 15},
    }


@case("iteration-limit")
def trust_exact_stopped_after_five() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.array([-1.2, 1.0, -1.0]),
        "jac": rosen_der,
        "hess": rosen_hess,
        "method": "trust-exact",
        "options": {"maxiter": 5},
    }
