"""Runs that fail by their scales, a cost without a minimum, or a start without a slope."""
# ruff: noqa: D401, ARG005

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, gammaln

from benchmarks.failures.case import case

Arguments = dict[str, Any]


# --- scales -------------------------------------------------------------------------------------


@case("bad-scaling")
def bowl_in_units_that_differ_by_1e12() -> Arguments:
    unit = np.array([1e-6, 1.0, 1e6])

    def fun(theta):
        z = theta / unit - 1
        return 0.5 * float(z @ z), z / unit

    return {"fun": fun, "x0": np.zeros(3), "jac": True, "method": "BFGS"}


@case("bad-scaling")
def raw_features_in_logistic_regression() -> Arguments:
    rng = np.random.default_rng(1)
    X = np.column_stack(
        [
            np.ones(150),
            rng.normal(35000, 12000, 150),
            rng.normal(0.02, 0.01, 150),
            rng.normal(45, 12, 150),
        ]
    )
    score = (X[:, 1] - 35000) / 12000 - 2 * (X[:, 2] - 0.02) / 0.01
    y = (score + rng.logistic(size=150) > 0).astype(float)

    def cost(theta):
        z = X @ theta
        return np.mean(np.logaddexp(0, z) - y * z)

    def grad(theta):
        return X.T @ (expit(X @ theta) - y) / len(y)

    return {"fun": cost, "x0": np.zeros(4), "jac": grad, "method": "CG"}


@case("bad-scaling", "iteration-limit")
def reaction_rates_over_ten_decades() -> Arguments:
    """Arrhenius prefactor and activation energy, fitted as they stand."""
    T = np.linspace(300, 400, 12)
    R = 8.314
    k = 1e9 * np.exp(-50000 / (R * T))

    def cost(p):
        r = np.log(p[0]) - p[1] / (R * T) - np.log(k)
        return 0.5 * r @ r, np.array([r.sum() / p[0], -(r / (R * T)).sum()])

    return {"fun": cost, "x0": np.array([1e7, 30000.0]), "jac": True, "method": "L-BFGS-B"}


@case("bad-scaling", report="61")
def objective_of_1e6_against_unit_constraints() -> Arguments:
    rng = np.random.default_rng(0)
    rng.normal(size=(30, 4))
    A = 1000 * rng.normal(size=(10, 4))
    b = A @ np.array([0.1, 0.2, 0.3, 0.4])
    return {
        "fun": lambda x: np.sum((A @ x - b) ** 2),
        "x0": np.full(4, 0.25),
        "jac": lambda x: 2 * A.T @ (A @ x - b),
        "constraints": [
            {"type": "eq", "fun": lambda x: x.sum() - 1},
            {"type": "ineq", "fun": lambda x: x},
        ],
        "method": "SLSQP",
    }


@case("bad-scaling", report="62")
def beam_cost_in_cents_against_a_slack_in_metres() -> Arguments:
    def price(x):
        return 1e8 * (x[0] * x[1] + (x[0] - 1) ** 2)

    def slack(x):
        return 1e-3 * (x[0] * x[1] ** 2 - 1)

    return {
        "fun": price,
        "x0": np.array([2.0, 2.0]),
        "bounds": [(0.1, 10)] * 2,
        "constraints": [{"type": "ineq", "fun": slack}],
        "method": "SLSQP",
    }


@case("bad-scaling")
def antenna_in_hertz_and_metres() -> Arguments:
    def detuning(p):
        f, length, width = p
        c = 3e8
        e1 = f * length / c - 0.5
        e2 = f * width / c - 0.66
        e3 = f / 2.4e9 - 1
        value = 0.5 * (e1**2 + e2**2 + 10 * e3**2)
        return value, np.array(
            [e1 * length / c + e2 * width / c + 10 * e3 / 2.4e9, e1 * f / c, e2 * f / c]
        )

    return {"fun": detuning, "x0": np.array([2.0e9, 0.05, 0.05]), "jac": True, "method": "L-BFGS-B"}


@case("bad-scaling", solver="curve_fit")
def kinetic_fit_from_the_default_start() -> Arguments:
    t = np.linspace(0, 1e-6, 40)
    y = 3e-9 * (1 - np.exp(-t / 2e-7))

    def charge(t, q, tau):
        return q * (1 - np.exp(-t / tau))

    return {"f": charge, "xdata": t, "ydata": y, "p0": [1.0, 1.0]}


@case("bad-scaling")
def trust_region_in_pascals_and_radians() -> Arguments:
    """Modulus of 2e11 and an angle of 0.3: the region's radius fits neither."""
    E0, a0 = 2e11, 0.3
    strain = np.linspace(1e-5, 1e-3, 20)
    load = E0 * strain * np.cos(a0)

    def misfit(p):
        r = (p[0] * strain * np.cos(p[1]) - load) / 1e6
        f = 0.5 * r @ r + 50 * (p[1] - a0) ** 2
        s = strain / 1e6
        return f, np.array(
            [(r @ s) * np.cos(p[1]), -(r @ s) * p[0] * np.sin(p[1]) + 100 * (p[1] - a0)]
        )

    return {"fun": misfit, "x0": np.array([1.9e11, 0.1]), "jac": True, "method": "trust-constr"}


# --- no minimum ---------------------------------------------------------------------------------


@case("unbounded")
def linear_profit_without_limits() -> Arguments:
    margin = np.array([3.0, 2.0, 4.0])
    return {
        "fun": lambda q: -margin @ q,
        "x0": np.ones(3),
        "jac": lambda q: -margin,
        "method": "L-BFGS-B",
    }


@case("unbounded")
def cubic_that_falls_to_the_left() -> Arguments:
    def f(x):
        return np.sum(x**3 - 3 * x) + 0.5 * x[0] * x[1]

    def g(x):
        return 3 * x**2 - 3 + 0.5 * x[::-1]

    return {"fun": f, "x0": np.array([-1.5, 0.3]), "jac": g, "method": "BFGS"}


@case("unbounded")
def likelihood_maximised_without_the_minus() -> Arguments:
    rng = np.random.default_rng(2)
    X = np.column_stack([np.ones(60), rng.normal(size=60)])
    y = rng.poisson(np.exp(X @ [0.5, 0.4]))

    def loglik(b):
        eta = X @ b
        return np.sum(y * eta - np.exp(eta) - gammaln(y + 1))

    def score(b):
        return X.T @ (y - np.exp(X @ b))

    return {"fun": loglik, "x0": np.zeros(2), "jac": score, "method": "CG"}


@case("unbounded", also=("bad-scaling", "non-finite", "noise"))
def variance_collapses_on_exact_data() -> Arguments:
    """The line goes through every point, so that the likelihood grows as sigma goes to zero."""
    t = np.linspace(0, 2, 20)
    y = 0.5 + 1.25 * t

    def nll(p):
        a, b, log_s = p
        r = (a + b * t - y) / np.exp(log_s)
        s = np.exp(log_s)
        return 20 * log_s + 0.5 * r @ r, np.array([r.sum() / s, r @ t / s, 20 - r @ r])

    return {"fun": nll, "x0": np.array([0.0, 1.0, 0.0]), "jac": True, "method": "BFGS"}


@case("unbounded")
def short_sales_without_a_budget() -> Arguments:
    rng = np.random.default_rng(4)
    returns = 0.02 * rng.normal(size=(3, 6)) + 0.01
    cov = np.cov(returns.T)  # rank 2: four directions carry no risk

    def objective(w):
        return -returns.mean(0) @ w + 2.0 * w @ cov @ w

    def gradient(w):
        return -returns.mean(0) + 4.0 * cov @ w

    return {"fun": objective, "x0": np.full(6, 1 / 6), "jac": gradient, "method": "trust-constr"}


@case("unbounded")
def inequality_written_the_wrong_way_round() -> Arguments:
    """Meant x.sum() <= 10; SciPy reads >= 0."""
    gain = np.array([1.0, 2.0])
    return {
        "fun": lambda x: -gain @ x,
        "x0": np.array([1.0, 1.0]),
        "jac": lambda x: -gain,
        "bounds": [(0, None)] * 2,
        "constraints": {"type": "ineq", "fun": lambda x: x.sum() - 10},
        "method": "SLSQP",
    }


# --- no slope at the start ----------------------------------------------------------------------


@case("dead-start")
def factor_matrices_of_zeros() -> Arguments:
    rng = np.random.default_rng(5)
    R = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 6))

    def f(v):
        U, V = v[:16].reshape(8, 2), v[16:].reshape(6, 2)
        E = U @ V.T - R
        return np.sum(E**2), 2 * np.concatenate([(E @ V).ravel(), (E.T @ U).ravel()])

    return {"fun": f, "x0": np.zeros(28), "jac": True, "method": "L-BFGS-B"}


@case("dead-start")
def start_on_the_saddle_of_a_double_well() -> Arguments:
    return {
        "fun": lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2,
        "x0": np.array([0.0, 0.5]),
        "jac": lambda x: np.array([4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]]),
        "method": "BFGS",
    }


@case("dead-start", also=("unused-block",))
def saturated_network() -> Arguments:
    """Weights of a few thousand: every unit is flat to the last bit."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(30, 4)) + 0.5
    y = rng.random(30)

    def cost(t):
        W, v = t[:12].reshape(4, 3), t[12:]
        h = np.tanh(X @ W)
        p = expit(h @ v)
        r = p - y
        dp = r * p * (1 - p)
        return 0.5 * r @ r, np.concatenate(
            [(X.T @ (np.outer(dp, v) * (1 - h**2))).ravel(), h.T @ dp]
        )

    start = np.full(15, 4000.0)
    return {"fun": cost, "x0": start, "jac": True, "method": "CG"}


@case("dead-start", solver="root", report="81")
def powell_start_where_the_slope_vanishes() -> Arguments:
    return {
        "fun": lambda x: np.array([x[0] ** 2 - 2.0, (x[1] - 1) ** 3 + 8.0]),
        "x0": np.array([0.0, 1.0]),
        "jac": lambda x: np.array([[2 * x[0], 0], [0, 3 * (x[1] - 1) ** 2]]),
        "method": "hybr",
    }


@case("dead-start")
def sphere_distance_from_its_centre() -> Arguments:
    """Quartic well around a sphere; its centre is a maximum."""

    def f(x):
        q = x @ x - 4.0
        return q * q, 4 * q * x

    def h(x):
        return 4 * (x @ x - 4.0) * np.eye(3) + 8 * np.outer(x, x)

    return {"fun": f, "x0": np.zeros(3), "jac": True, "hess": h, "method": "Newton-CG"}


@case("dead-start")
def symmetric_chain_that_ends_on_a_ridge() -> Arguments:
    """Start and cost are symmetric; where the run ends, one curvature is -0.6."""
    return {
        "fun": lambda x: np.sum(np.exp(0.3 * x) - x) + 0.5 * np.sum(x[1:] * x[:-1]),
        "x0": np.full(4, 0.5),
        "jac": "cs",
        "method": "trust-constr",
    }
