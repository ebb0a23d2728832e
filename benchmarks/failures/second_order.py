"""Runs that fail because of their Hessian or Hessian product (GA221)."""
# ruff: noqa: D401, ARG005

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import BFGS, rosen, rosen_der, rosen_hess, rosen_hess_prod
from scipy.special import expit

from benchmarks.failures.case import case

Arguments = dict[str, Any]


def logit_problem(seed, m=80, n=4, ridge=0.5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    y = (rng.random(m) < expit(X @ rng.normal(size=n))).astype(float)

    def f(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * ridge * w @ w

    def g(w):
        return X.T @ (expit(X @ w) - y) + ridge * w

    return X, y, f, g


@case("wrong-hessian")
def hessian_of_minus_the_cost() -> Arguments:
    X, _, f, g = logit_problem(1)

    def h(w):
        p = expit(X @ w)
        return -(X.T * (p * (1 - p))) @ X - 0.5 * np.eye(4)

    return {"fun": f, "x0": np.zeros(4), "jac": g, "hess": h, "method": "Newton-CG"}


@case("wrong-hessian")
def rosenbrock_hessian_without_its_band() -> Arguments:
    def hess(x):
        return np.diag(np.asarray(rosen_hess(x)).diagonal())

    return {
        "fun": rosen,
        "x0": np.array([-1.2, 1.0, -0.5, 0.8]),
        "jac": rosen_der,
        "hess": hess,
        "method": "trust-exact",
    }


@case("wrong-hessian")
def product_with_the_data_forgets_the_weights() -> Arguments:
    X, _, f, g = logit_problem(2, m=200, n=6, ridge=0.01)

    def hessp(w, v):
        return -X.T @ (expit(X @ w) * (X @ v)) + 0.01 * v

    return {"fun": f, "x0": np.full(6, 0.5), "jac": g, "hessp": hessp, "method": "trust-ncg"}


@case("wrong-hessian")
def hessian_of_the_start_forever() -> Arguments:
    X, _, f, g = logit_problem(3, ridge=0.001)
    w0 = np.full(4, 3.0)
    p = expit(X @ w0)
    H0 = (X.T * (p * (1 - p))) @ X + 0.001 * np.eye(4)
    return {
        "fun": f,
        "x0": w0,
        "jac": g,
        "hess": lambda w: H0,
        "method": "dogleg",
    }


@case("wrong-hessian")
def product_by_the_transposed_operator() -> Arguments:
    """Nonlinear least squares; the product uses J where J' belongs (square J)."""
    rng = np.random.default_rng(4)
    M = rng.normal(size=(5, 5))
    c = rng.normal(size=5)

    def residual(x):
        return np.tanh(M @ x) - 0.5 * np.tanh(c)

    def fun(x):
        r = residual(x)
        return 0.5 * r @ r + 0.05 * x @ x

    def jac(x):
        J = (1 - np.tanh(M @ x) ** 2)[:, None] * M
        return J.T @ residual(x) + 0.1 * x

    def hessp(x, p):
        J = (1 - np.tanh(M @ x) ** 2)[:, None] * M
        return J @ (J @ p) + 0.1 * p

    return {
        "fun": fun,
        "x0": rng.normal(size=5),
        "jac": jac,
        "hessp": hessp,
        "method": "trust-krylov",
    }


@case("wrong-hessian")
def rosenbrock_product_with_the_wrong_point() -> Arguments:
    start = np.array([-1.2, 1.0, 1.5, 0.3, 2.0])
    return {
        "fun": rosen,
        "x0": start,
        "jac": rosen_der,
        "hessp": lambda x, p: rosen_hess_prod(start, p),
        "method": "Newton-CG",
    }


@case("wrong-hessian")
def outer_product_for_the_hessian_in_trust_constr() -> Arguments:
    def f(x):
        return np.sum(np.cosh(x - np.array([1.0, -1.0, 2.0]))) + 0.5 * x[0] * x[1]

    def g(x):
        d = np.sinh(x - np.array([1.0, -1.0, 2.0]))
        d[:2] += 0.5 * x[1::-1]
        return d

    return {
        "fun": f,
        "x0": np.array([-2.0, 2.0, -1.0]),
        "jac": g,
        "hess": lambda x: -50 * np.outer(g(x), g(x)),
        "method": "trust-constr",
        "options": {"maxiter": 60},
    }


@case("wrong-hessian")
def poisson_hessian_with_degrees_of_another_parameter() -> Arguments:
    """The cross term of the last row is negative, the one of the last column positive."""
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(50), rng.normal(size=(50, 2))])
    y = rng.poisson(np.exp(X @ [1.0, 0.5, -0.5]))

    def f(b):
        eta = X @ b
        return np.sum(np.exp(eta) - y * eta)

    def g(b):
        return X.T @ (np.exp(X @ b) - y)

    def h(b):
        H = (X.T * np.exp(X @ b)) @ X
        H[2, 0] *= -1
        H[2, 1] *= -1
        return H

    return {
        "fun": f,
        "x0": np.array([2.0, -1.0, 1.0]),
        "jac": g,
        "hess": h,
        "method": "trust-exact",
    }


@case("wrong-gradient", "wrong-scale", "missing-penalty", "wrong-entries", "zero-gradient")
def right_hessian_beside_a_wrong_gradient() -> Arguments:
    X, y, f, _ = logit_problem(6, ridge=2.0)

    def g(w):
        return X.T @ (expit(X @ w) - y) + 2.0 * w * np.array([1, 1, 1, 0])

    def h(w):
        p = expit(X @ w)
        return (X.T * (p * (1 - p))) @ X + 2.0 * np.eye(4)

    return {"fun": f, "x0": np.full(4, 0.2), "jac": g, "hess": h, "method": "trust-krylov"}


@case("solver-behaviour", also=("wrong-hessian",))
def dogleg_needs_a_positive_definite_hessian() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.array([0.0, 2.5]),
        "jac": rosen_der,
        "hess": rosen_hess,
        "method": "dogleg",
    }


@case("wrong-sign", "wrong-gradient", also=("kink",))
def sign_error_hidden_by_quasi_newton_in_trust_constr() -> Arguments:
    def f(x):
        return np.log1p(np.sum((x - 1) ** 2)) + 0.1 * x[0] ** 2

    def g(x):
        d = -2 * (x - 1) / (1 + np.sum((x - 1) ** 2))
        d[0] -= 0.2 * x[0]
        return d

    return {
        "fun": f,
        "x0": np.array([2.0, 3.0]),
        "jac": g,
        "hess": BFGS(),
        "method": "trust-constr",
    }
