"""Runs that fail because of their constraints (GA222, GA504 to GA506)."""
# ruff: noqa: ARG005
# pyright: reportArgumentType=false

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

from benchmarks.failures.case import case

Arguments = dict[str, Any]


# --- wrong Jacobians of constraints -------------------------------------------------------------


@case("wrong-constraint-jacobian")
def circle_constraint_with_a_missing_two() -> Arguments:
    return {
        "fun": lambda x: x[0] + 2 * x[1],
        "x0": np.array([0.9, 0.3]),
        "jac": lambda x: np.array([1.0, 2.0]),
        "constraints": {
            "type": "eq",
            "fun": lambda x: x[0] ** 2 + 3 * x[1] ** 2 - 1,
            "jac": lambda x: np.array([2 * x[0], x[1]]),
        },
        "method": "SLSQP",
    }


@case("wrong-constraint-jacobian")
def volume_constraint_with_the_wrong_sign() -> Arguments:
    """Tin with the least surface for a volume of one."""

    def surface(d):
        r, h = d
        return 2 * np.pi * r * (r + h)

    def surface_gradient(d):
        r, h = d
        return np.array([2 * np.pi * (2 * r + h), 2 * np.pi * r])

    return {
        "fun": surface,
        "x0": np.array([1.0, 1.0]),
        "jac": surface_gradient,
        "bounds": Bounds(np.array([0.1, 0.1]), np.array([5, 5])),
        "constraints": [
            {
                "type": "ineq",
                "fun": lambda d: np.pi * d[0] ** 2 * d[1] - 1,
                "jac": lambda d: np.array([-2 * np.pi * d[0] * d[1], -np.pi * d[0] ** 2]),
            }
        ],
        "method": "SLSQP",
    }


@case("wrong-constraint-jacobian")
def power_balance_jacobian_transposed_in_trust_constr() -> Arguments:
    G = np.array([[0.0, 2.0, 1.0], [1.5, 0.0, 1.0], [0.5, 2.5, 0.0]])
    demand = np.array([0.6, 0.3, -0.7])

    def balance(x):
        th, p = x[:3], x[3:]
        return p - demand - (G * np.sin(th[:, None] - th[None])).sum(1)

    def balance_jacobian(x):
        th = x[:3]
        C = G * np.cos(th[:, None] - th[None])
        J = -(np.diag(C.sum(1)) - C)
        return np.hstack([J.T, np.eye(3)])

    def cost(x):
        return np.array([1.0, 2.0, 3.0]) @ x[3:] ** 2 + 0.1 * x[:3] @ x[:3]

    def dcost(x):
        return np.concatenate([0.2 * x[:3], 2 * np.array([1.0, 2.0, 3.0]) * x[3:]])

    return {
        "fun": cost,
        "x0": np.array([0.1, -0.1, 0.2, 0.5, 0.2, -0.3]),
        "jac": dcost,
        "constraints": NonlinearConstraint(balance, 0, 0, jac=balance_jacobian),
        "method": "trust-constr",
    }


@case("wrong-constraint-jacobian")
def second_constraint_has_the_first_ones_gradient() -> Arguments:
    cons = [
        {"type": "ineq", "fun": lambda x: 2 - x[0] * x[1], "jac": lambda x: -x[::-1]},
        {"type": "ineq", "fun": lambda x: x[0] ** 2 - x[1] + 1, "jac": lambda x: -x[::-1]},
    ]
    return {
        "fun": lambda x: (x[0] - 1) ** 2 + (x[1] - 4) ** 2,
        "x0": np.array([0.5, 0.5]),
        "jac": lambda x: 2 * (x - [1, 4]),
        "constraints": cons,
        "method": "SLSQP",
    }


@case("wrong-constraint-jacobian")
def constraint_jacobian_frozen_at_the_start() -> Arguments:
    """Shortest cable under a given sag: the Jacobian was computed once and kept."""
    n = 8
    x0 = -0.1 * np.sin(np.pi * np.arange(1, n + 1) / (n + 1))

    def lengths(y):
        full = np.concatenate([[0], y, [0]])
        return np.sqrt(np.diff(full) ** 2 + 0.1)

    def cable(y):
        return lengths(y).sum() - 3.2

    full = np.concatenate([[0], x0, [0]])
    s = np.diff(full) / lengths(x0)
    kept = s[:-1] - s[1:]
    return {
        "fun": lambda y: y.sum() + 0.05 * y @ y,
        "x0": x0,
        "jac": lambda y: 1 + 0.1 * y,
        "constraints": {"type": "eq", "fun": cable, "jac": lambda y: kept},
        "method": "SLSQP",
    }


# --- degenerate ---------------------------------------------------------------------------------


@case("degenerate-constraints", also=("solver-behaviour",))
def same_equality_written_twice() -> Arguments:
    eq = {"type": "eq", "fun": lambda x: x[0] + x[1] - 1, "jac": lambda x: np.array([1.0, 1.0, 0])}
    return {
        "fun": lambda x: x @ x,
        "x0": np.array([3.0, 0.0, 1.0]),
        "jac": lambda x: 2 * x,
        "constraints": [eq, dict(eq)],
        "method": "SLSQP",
    }


@case("degenerate-constraints")
def shares_rows_and_columns_all_fixed() -> Arguments:
    """Transport table: row sums and column sums, one of which follows from the others."""
    rows, cols = np.array([3.0, 2.0]), np.array([1.0, 2.5, 1.5])
    cost = np.array([[4.0, 1.0, 3.0], [2.0, 5.0, 1.0]])

    def sums(x):
        T = x.reshape(2, 3)
        return np.concatenate([T.sum(1) - rows, T.sum(0) - cols])

    J = np.zeros((5, 6))
    for i in range(2):
        J[i, 3 * i : 3 * i + 3] = 1
    for j in range(3):
        J[2 + j, j::3] = 1
    return {
        "fun": lambda x: cost.ravel() @ x + 0.5 * x @ x,
        "x0": np.ones(6),
        "jac": lambda x: cost.ravel() + x,
        "constraints": {"type": "eq", "fun": sums, "jac": lambda x: J},
        "method": "SLSQP",
    }


@case("degenerate-constraints")
def squared_equality_has_no_slope_where_it_holds() -> Arguments:
    return {
        "fun": lambda x: (x[0] - 2) ** 2 + (x[1] + 1) ** 2,
        "x0": np.array([0.5, 0.5]),
        "jac": lambda x: np.array([2 * (x[0] - 2), 2 * (x[1] + 1)]),
        "constraints": {
            "type": "eq",
            "fun": lambda x: (x[0] + x[1] - 1) ** 2,
            "jac": lambda x: 2 * (x[0] + x[1] - 1) * np.ones(2),
        },
        "method": "SLSQP",
    }


@case("degenerate-constraints", "infeasible-constraints")
def three_equalities_for_two_unknowns() -> Arguments:
    return {
        "fun": lambda x: x @ x,
        "x0": np.array([1.0, 1.0]),
        "constraints": [
            {"type": "eq", "fun": lambda x: x[0] + x[1] - 2},
            {"type": "eq", "fun": lambda x: x[0] - x[1]},
            {"type": "eq", "fun": lambda x: 2 * x[0] + x[1] - 3},
        ],
        "method": "SLSQP",
    }


@case("degenerate-constraints", "infeasible-start", "dead-start")
def constraint_without_a_slope_where_it_is_violated() -> Arguments:
    """Outside the unit circle, from its centre: the linearised inequality cannot be met."""
    return {
        "fun": lambda x: x[0] ** 2 + 3 * x[1] ** 2,
        "x0": np.zeros(2),
        "jac": lambda x: np.array([2 * x[0], 6 * x[1]]),
        "constraints": {"type": "ineq", "fun": lambda x: x @ x - 1, "jac": lambda x: 2 * x},
        "method": "SLSQP",
    }


# --- infeasible ---------------------------------------------------------------------------------


@case("infeasible-constraints", report="68")
def at_least_one_and_at_most_zero() -> Arguments:
    return {
        "fun": lambda x: (x[0] - 0.5) ** 2 + x[1] ** 2,
        "x0": np.array([2.0, 2.0]),
        "constraints": [
            {"type": "ineq", "fun": lambda x: x[0] - 1},
            {"type": "ineq", "fun": lambda x: -x[0]},
        ],
        "method": "SLSQP",
    }


@case("infeasible-constraints")
def fully_invested_but_capped_too_low() -> Arguments:
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 5))
    cov = A @ A.T / 5 + 0.1 * np.eye(5)
    return {
        "fun": lambda w: w @ cov @ w,
        "x0": np.full(5, 0.1),
        "jac": lambda w: 2 * cov @ w,
        "bounds": [(0, 0.15)] * 5,
        "constraints": {"type": "eq", "fun": lambda w: w.sum() - 1},
        "method": "SLSQP",
    }


@case("infeasible-constraints")
def two_discs_that_do_not_meet() -> Arguments:
    def discs(x):
        return np.array([x[0] ** 2 + x[1] ** 2, (x[0] - 5) ** 2 + x[1] ** 2])

    def jac(x):
        return np.array([[2 * x[0], 2 * x[1]], [2 * (x[0] - 5), 2 * x[1]]])

    return {
        "fun": lambda x: x[1] ** 2 + 0.1 * x[0],
        "x0": np.array([2.0, 1.0]),
        "jac": lambda x: np.array([0.1, 2 * x[1]]),
        "constraints": NonlinearConstraint(discs, -np.inf, [1.0, 4.0], jac=jac),
        "method": "trust-constr",
        "options": {"maxiter": 300},
    }


@case("infeasible-start", solver="least_squares")
def residuals_started_outside_the_bounds() -> Arguments:
    t = np.linspace(0, 1, 10)
    return {
        "fun": lambda p: p[0] * np.exp(-p[1] * t) - np.exp(-2 * t),
        "x0": np.array([1.0, -0.5]),
        "bounds": ([0, 0], [5, 5]),
    }


@case("infeasible-start", "dead-start", report="87")
def start_outside_the_bounds_is_clipped_onto_a_flat_edge() -> Arguments:
    """SciPy clips x0 to the bound, where the cost has no slope: success after one evaluation."""

    def f(x):
        return float(1 - x[0] ** 2 * np.exp(-x[0]) + 0.2 * x[1] ** 2)

    def g(x):
        return np.array([(x[0] ** 2 - 2 * x[0]) * np.exp(-x[0]), 0.4 * x[1]])

    return {
        "fun": f,
        "x0": np.array([-1.0, 0.0]),
        "jac": g,
        "bounds": [(0, 5), (-1, 1)],
        "method": "L-BFGS-B",
    }


@case("infeasible-start")
def start_outside_limits_kept_feasible() -> Arguments:
    return {
        "fun": lambda x: np.sum(-np.log(x)) + x.sum(),
        "x0": np.array([-0.5, 2.0]),
        "jac": lambda x: 1 - 1 / x,
        "bounds": Bounds(np.array([0.1, 0.1]), np.array([5, 5]), keep_feasible=True),
        "constraints": LinearConstraint(np.ones((1, 2)), 0, 8),
        "method": "trust-constr",
    }


@case("wrong-constraint-jacobian")
def trust_constr_budget_with_half_the_slope() -> Arguments:
    """Ten knots of a spline under a bending-energy budget; the two of the square is lost."""
    rng = np.random.default_rng(5)
    data = np.cumsum(rng.normal(size=10))
    D = np.diff(np.eye(10), 2, axis=0)
    K = D.T @ D
    return {
        "fun": lambda u: 0.5 * np.sum((u - data) ** 2),
        "x0": np.full(10, data.mean()) + 0.1 * np.arange(10) ** 1.5,
        "jac": lambda u: u - data,
        "hess": lambda u: np.eye(10),
        "constraints": NonlinearConstraint(
            lambda u: u @ K @ u + 0.3 * np.sum(u**3) / 100, -np.inf, 0.5, jac=lambda u: K @ u
        ),
        "method": "trust-constr",
        "options": {"maxiter": 200},
    }


@case("infeasible-constraints")
def more_energy_than_the_storage_can_give() -> Arguments:
    """Dispatch of a battery over six hours; the demand exceeds its charge."""
    demand = np.array([2.0, 3.0, 4.0, 3.0, 2.0, 2.0])
    price = np.array([1.0, 2.0, 5.0, 4.0, 2.0, 1.0])
    cons = [
        {"type": "ineq", "fun": lambda x: 10.0 - x.sum(), "jac": lambda x: -np.ones(6)},
        {"type": "ineq", "fun": lambda x: x - demand, "jac": lambda x: np.eye(6)},
    ]
    return {
        "fun": lambda x: price @ x + 0.05 * x @ x,
        "x0": np.full(6, 1.5),
        "jac": lambda x: price + 0.1 * x,
        "constraints": cons,
        "method": "SLSQP",
    }


@case("degenerate-constraints")
def weights_that_sum_to_one_in_two_units() -> Arguments:
    """Budget, and the same budget times 100, beside each other."""
    A = np.vstack([np.ones(4), 100 * np.ones(4)])
    C = np.diag([1.0, 2.0, 3.0, 4.0])
    return {
        "fun": lambda w: w @ C @ w,
        "x0": np.array([0.7, 0.1, 0.1, 0.5]),
        "jac": lambda w: 2 * C @ w,
        "constraints": [
            {"type": "eq", "fun": lambda w: A @ w - np.array([1.0, 100.0]), "jac": lambda w: A}
        ],
        "method": "SLSQP",
    }
