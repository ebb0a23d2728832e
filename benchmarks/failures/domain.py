"""Runs that fail because the cost is not finite somewhere on the way (GA306, GA307)."""
# ruff: noqa: D401

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.failures.case import case

Arguments = dict[str, Any]


@case("non-finite", report="7")
def softmax_without_the_shift() -> Arguments:
    rng = np.random.default_rng(1)
    X = 3000 * rng.normal(size=(60, 4))
    Y = np.eye(3)[rng.integers(0, 3, 60)]

    def mnl(beta):
        utility = np.exp(X @ beta.reshape(4, 3))
        p = utility / utility.sum(axis=1, keepdims=True)
        return -np.sum(Y * np.log(p)), (X.T @ (p - Y)).ravel()

    return {"fun": mnl, "x0": np.zeros(12), "jac": True, "method": "L-BFGS-B"}


@case("non-finite", "domain-edge")
def entropy_that_starts_with_an_empty_class() -> Arguments:
    target = np.array([0.2, 0.5, 0.3])

    def kl(p):
        return np.sum(p * np.log(p / target)) + 5 * (p.sum() - 1) ** 2

    def dkl(p):
        return np.log(p / target) + 1 + 10 * (p.sum() - 1)

    return {"fun": kl, "x0": np.array([0.0, 0.5, 0.5]), "jac": dkl, "method": "BFGS"}


@case("domain-edge", "non-finite")
def logarithm_left_behind_by_the_line_search() -> Arguments:
    """Maximum likelihood of a Weibull without bounds: the first step makes the shape negative."""
    x = np.random.default_rng(2).weibull(1.5, 50) * 40

    def nll(p):
        k, lam = p
        return -np.sum(np.log(k) - k * np.log(lam) + (k - 1) * np.log(x) - (x / lam) ** k)

    def grad(p):
        k, lam = p
        z = (x / lam) ** k
        dk = 1 / k - np.log(lam) + np.log(x) - z * np.log(x / lam)
        dl = -k / lam + k * z / lam
        return -np.array([dk.sum(), dl.sum()])

    return {"fun": nll, "x0": np.array([2.0, 3.0]), "jac": grad, "method": "CG"}


@case("domain-edge", "non-finite", "infeasible-start", solver="fmin_cg")
def square_root_of_a_negative_slack() -> Arguments:
    def path(y):
        gaps = 1.0 - y**2
        return np.sum(np.sqrt(gaps)) * 3 + np.sum((y - 0.95) ** 2)

    def slope(y):
        return -3 * y / np.sqrt(1.0 - y**2) + 2 * (y - 0.95)

    return {"f": path, "x0": np.full(3, 0.6), "fprime": slope, "disp": 0}


@case("non-finite", "kink", "domain-edge")
def norm_differentiated_at_zero() -> Arguments:
    rng = np.random.default_rng(3)
    A, b = rng.normal(size=(20, 4)), rng.normal(size=20)

    def group_lasso(w):
        r = A @ w - b
        size = np.linalg.norm(w)
        return 0.5 * r @ r + 2.0 * size, A.T @ r + 2.0 * w / size

    return {"fun": group_lasso, "x0": np.zeros(4), "jac": True, "method": "L-BFGS-B"}


@case("domain-edge", "non-finite", report="86")
def math_functions_that_raise_outside_their_domain() -> Arguments:
    """The line search takes x[0] below zero, where math.sqrt raises."""

    def cost(x):
        return math.sqrt(x[0]) * (x[1] + 1) ** 2 - 2 * math.log(x[1] + 2) + x[0]

    return {"fun": cost, "x0": np.array([1.0, 1.0]), "method": "CG"}


@case("non-finite", "domain-edge")
def covariance_that_stops_being_positive_definite() -> Arguments:
    rng = np.random.default_rng(4)
    S = np.cov(rng.normal(size=(3, 200)) + 0.8 * rng.normal(size=200))

    def unpack(p):
        return np.array([[p[0], p[3], p[4]], [p[3], p[1], p[5]], [p[4], p[5], p[2]]])

    def nll(p):
        K = unpack(p)
        try:
            L = np.linalg.cholesky(K)
        except np.linalg.LinAlgError:
            return np.nan
        return 50 * (2 * np.log(np.diag(L)).sum() + np.trace(np.linalg.solve(K, S)))

    def grad(p):
        K = unpack(p)
        Ki = np.linalg.inv(K)
        G = 50 * (Ki - Ki @ S @ Ki)
        return np.array([G[0, 0], G[1, 1], G[2, 2], 2 * G[0, 1], 2 * G[0, 2], 2 * G[1, 2]])

    x0 = np.array([0.1, 0.1, 0.1, 0.09, 0.09, 0.09])
    return {"fun": nll, "x0": x0, "jac": grad, "method": "BFGS"}


@case("non-finite", solver="curve_fit")
def growth_curve_overflows_in_curve_fit() -> Arguments:
    years = np.arange(1900.0, 2000.0, 5)
    population = 76.0 * np.exp(0.013 * (years - 1900))
    return {
        "f": lambda t, a, b: a * np.exp(b * t),
        "xdata": years,
        "ydata": population,
        "p0": [1.0, 1.0],
    }


@case("non-finite", "domain-edge", report="23")
def lengthscale_underflows_to_zero() -> Arguments:
    rng = np.random.default_rng(5)
    t = 1e-3 * np.sort(rng.uniform(0, 1, 12))
    y = rng.normal(size=12)
    D2 = (t[:, None] - t[None]) ** 2

    def softplus(u):
        return np.log1p(np.exp(u))

    def nlml(u):
        length = softplus(u[0])
        E = np.exp(-0.5 * D2 / length**2)
        K = E + softplus(u[1]) * np.eye(12)
        Ki = np.linalg.inv(K)
        a = Ki @ y
        inner = 0.5 * (Ki - np.outer(a, a))
        s = 1 / (1 + np.exp(-u))
        g = np.array([np.sum(inner * E * D2) / length**3 * s[0], np.trace(inner) * s[1]])
        return 0.5 * y @ a + 0.5 * np.linalg.slogdet(K)[1], g

    return {"fun": nlml, "x0": np.array([-800.0, 0.0]), "jac": True, "method": "L-BFGS-B"}


@case("non-finite")
def one_example_of_the_data_is_missing() -> Arguments:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(40, 3))
    X[17, 1] = np.nan
    y = rng.normal(size=40)
    return {
        "fun": lambda w: np.mean((X @ w - y) ** 2),
        "x0": np.zeros(3),
        "jac": lambda w: 2 * X.T @ (X @ w - y) / 40,
        "method": "trust-constr",
    }


@case("domain-edge", "non-finite")
def bound_exactly_on_the_logarithm() -> Arguments:
    """The bounds of a mixture's shares include 0, where the gradient is infinite."""
    counts = np.array([0.0, 3.0, 9.0, 2.0])

    def nll(p):
        return -np.sum(counts * np.log(p)) + 14 * np.log(p.sum()) + 0.5 * p @ p

    def grad(p):
        return -counts / p + 14 / p.sum() + p

    return {
        "fun": nll,
        "x0": np.full(4, 0.25),
        "jac": grad,
        "bounds": [(0, 1)] * 4,
        "method": "L-BFGS-B",
    }


@case("domain-edge", "non-finite")
def factorisation_that_raises_in_the_line_search() -> Arguments:
    """Log-determinant of a sum of matrices; numpy raises where it is not positive definite."""
    rng = np.random.default_rng(7)
    basis = rng.normal(size=(4, 6, 6))
    basis = basis + basis.transpose(0, 2, 1)

    def matrix(x):
        return 4 * np.eye(6) + np.tensordot(x, basis, 1)

    def minus_logdet(x):
        L = np.linalg.cholesky(matrix(x))
        return -2 * np.log(np.diag(L)).sum() + 0.05 * x @ x

    def gradient(x):
        inverse = np.linalg.inv(matrix(x))
        return np.array([-np.sum(inverse * B) for B in basis]) + 0.1 * x

    return {"fun": minus_logdet, "x0": np.full(4, 0.5), "jac": gradient, "method": "BFGS"}


@case("non-finite", "domain-edge")
def powers_of_a_negative_input() -> Arguments:
    """Cobb-Douglas production with fractional powers; a step makes an input negative."""
    share = np.array([0.3, 0.5])
    wage = np.array([2.0, 3.0])

    def loss(x):
        return wage @ x - 4 * np.prod(x**share)

    def dloss(x):
        return wage - 4 * np.prod(x**share) * share / x

    return {"fun": loss, "x0": np.array([0.02, 9.0]), "jac": dloss, "method": "CG"}


@case("non-finite")
def infinity_minus_infinity_in_a_logsumexp() -> Arguments:
    """Hidden Markov weights with hard zeros: log 0 for every state of the third step."""
    logA = np.log(np.array([[0.9, 0.1], [0.2, 0.8]]))
    seen = np.array([[0.5, 0.1], [0.2, 0.7], [0.0, 0.0], [0.4, 0.4]])

    def nll(w):
        alpha = np.log(seen[0]) + w
        for row in seen[1:]:
            with np.errstate(divide="ignore", invalid="ignore"):
                step = alpha[:, None] + logA
                top = step.max(axis=0)
                alpha = np.log(row) + top + np.log(np.exp(step - top).sum(axis=0))
        top = alpha.max()
        return -(top + np.log(np.exp(alpha - top).sum())) + 0.5 * w @ w

    return {"fun": nll, "x0": np.zeros(2), "method": "L-BFGS-B"}
