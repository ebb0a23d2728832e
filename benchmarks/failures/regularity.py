"""Runs that fail because the cost has kinks, jumps or steps (GA3xx)."""
# ruff: noqa: D401

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.failures.case import case

Arguments = dict[str, Any]


# --- kinks --------------------------------------------------------------------------------------


@case("kink", report="17")
def absolute_values_in_cg() -> Arguments:
    c = np.array([1.0, -2.0, 0.5])
    return {
        "fun": lambda x: np.abs(x - c).sum(),
        "x0": np.array([0.3, 0.1, -0.4]),
        "jac": lambda x: np.sign(x - c),
        "method": "CG",
    }


@case("kink", report="14")
def scad_penalised_regression() -> Arguments:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 6))
    y = X @ [3.0, 0, 0, 1.5, 0, 0] + rng.normal(size=60)
    lam, a = 0.6, 3.7

    def scad(b):
        t = np.abs(b)
        mid = (2 * a * lam * t - t**2 - lam**2) / (2 * (a - 1))
        return np.where(t <= lam, lam * t, np.where(t <= a * lam, mid, lam**2 * (a + 1) / 2))

    def scad_derivative(b):
        t = np.abs(b)
        inside = lam * (t <= lam) + np.maximum(a * lam - t, 0) / (a - 1) * (t > lam)
        return np.sign(b) * inside

    def loss(b):
        r = X @ b - y
        return r @ r / 120 + scad(b).sum()

    def dloss(b):
        return X.T @ (X @ b - y) / 60 + scad_derivative(b)

    return {"fun": loss, "x0": np.ones(6), "jac": dloss, "method": "BFGS"}


@case("kink")
def lasso_handed_to_lbfgsb() -> Arguments:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(80, 20))
    w = np.zeros(20)
    w[:4] = [2, -1, 1, 3]
    y = X @ w + 0.2 * rng.normal(size=80)

    class Lasso:
        alpha = 0.3

        def __call__(self, b):
            r = X @ b - y
            value = 0.5 * r @ r / 80 + self.alpha * np.linalg.norm(b, 1)
            return value, X.T @ r / 80 + self.alpha * np.sign(b)

    return {"fun": Lasso(), "x0": np.ones(20), "jac": True, "method": "L-BFGS-B"}


@case("kink", "solver-behaviour")
def median_regression_by_newton_cg() -> Arguments:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 10, 31)
    y = 2 + 0.7 * x + rng.standard_cauchy(31)
    A = np.vander(x, 2)
    return {
        "fun": lambda p: np.sum(np.abs(A @ p - y)),
        "x0": np.array([0.2, 0.2]),
        "jac": lambda p: A.T @ np.sign(A @ p - y),
        "method": "Newton-CG",
    }


@case("kink")
def hinge_loss_svm() -> Arguments:
    rng = np.random.default_rng(4)
    X = np.vstack([rng.normal(1, 1, (30, 3)), rng.normal(-1, 1, (30, 3))])
    s = np.repeat([1.0, -1.0], 30)

    def svm(theta, C=1.0):
        w, b = theta[:3], theta[3]
        margin = s * (X @ w + b)
        active = margin < 1
        g_w = w - C * X.T @ (s * active)
        return 0.5 * w @ w + C * np.sum(np.maximum(0, 1 - margin)), np.append(g_w, -C * s @ active)

    return {
        "fun": svm,
        "x0": np.zeros(4),
        "jac": True,
        "method": "TNC",
        "options": {"maxfun": 3000},
    }


@case("kink", "converged")
def worst_case_of_several_loads() -> Arguments:
    """Minimax: the largest of five convex costs, and the gradient of the one that is largest."""
    centres = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [0.6, 0.8]])
    weights = np.array([1.0, 2.0, 1.5, 0.7, 1.2])

    def loads(x):
        return weights * np.sum((x - centres) ** 2, axis=1)

    def worst(x):
        return loads(x).max()

    def slope(x):
        k = np.argmax(loads(x))
        return 2 * weights[k] * (x - centres[k])

    return {"fun": worst, "x0": np.array([2.0, 1.5]), "jac": slope, "method": "SLSQP"}


@case("kink")
def total_variation_of_a_noisy_step() -> Arguments:
    rng = np.random.default_rng(5)
    n = 60
    noisy = (np.arange(n) > 30) * 1.0 + 0.2 * rng.normal(size=n)

    def tv(u):
        return 0.5 * np.sum((u - noisy) ** 2) + 0.8 * np.sum(np.abs(np.diff(u)))

    def dtv(u):
        s = np.sign(np.diff(u))
        g = u - noisy
        g[1:] += 0.8 * s
        g[:-1] -= 0.8 * s
        return g

    return {"fun": tv, "x0": noisy.copy(), "jac": dtv, "method": "BFGS"}


@case("kink", "converged")
def distance_to_a_facility_on_its_own_demand() -> Arguments:
    """Fermat-Weber: the optimum is one of the given points, where a norm has its tip."""
    towns = np.array([[0.0, 0.0], [1.0, 0.1], [0.2, 1.0], [-0.9, 0.3], [0.1, -1.1]])
    people = np.array([20.0, 3.0, 4.0, 2.0, 5.0])

    def cost(p):
        return people @ np.linalg.norm(p - towns, axis=1)

    def grad(p):
        d = p - towns
        return (people / np.linalg.norm(d, axis=1)) @ d

    return {"fun": cost, "x0": np.array([0.8, 0.7]), "jac": grad, "method": "trust-constr"}


@case("kink", "converged", also=("wrong-gradient", "dead-start"))
def relu_network_on_its_own_corners() -> Arguments:
    rng = np.random.default_rng(6)
    x = np.linspace(-1, 1, 21)
    y = np.abs(x) + 0.3 * x + 0.2 * rng.normal(size=21)

    def net(t):
        w, b, v = t[:4], t[4:8], t[8:12]
        z = np.outer(x, w) + b
        h = np.maximum(z, 0)
        r = h @ v - y
        dz = np.outer(np.sign(r), v) * (z > 0)
        return np.sum(np.abs(r)), np.r_[x @ dz, dz.sum(0), h.T @ np.sign(r)]

    return {"fun": net, "x0": rng.normal(size=12), "jac": True, "method": "L-BFGS-B"}


# --- jumps --------------------------------------------------------------------------------------


@case("discontinuity", report="18")
def tariff_with_a_fixed_fee_above_a_threshold() -> Arguments:
    def bill(x):
        base = (x[0] - 5) ** 2 + 0.5 * (x[1] - 2) ** 2
        return base + (30.0 if x[0] > 3.0 else 0.0)

    def rate(x):
        return np.array([2 * (x[0] - 5), x[1] - 2])

    return {"fun": bill, "x0": np.array([0.0, 0.0]), "jac": rate, "method": "BFGS"}


@case("discontinuity")
def outliers_dropped_by_a_hard_cut() -> Arguments:
    rng = np.random.default_rng(7)
    t = np.linspace(0, 5, 40)
    y = 1.0 + 0.8 * t + 0.2 * rng.normal(size=40)
    y[::7] += 6

    def trimmed(p):
        r = p[0] + p[1] * t - y
        keep = np.abs(r) < 0.5
        cost = np.sum(r[keep] ** 2) + 0.1 * np.sum(~keep)
        return cost, 2 * np.array([r[keep].sum(), r[keep] @ t[keep]])

    return {"fun": trimmed, "x0": np.array([0.5, 0.5]), "jac": True, "method": "BFGS"}


@case("discontinuity")
def mesh_that_changes_its_cells() -> Arguments:
    """The number of cells follows the length; each change of mesh moves the value a little."""

    def deflection(x):
        length, height = x
        cells = int(np.ceil(6 * length))
        s = (np.arange(cells) + 0.5) / cells
        w = np.sum(np.exp(-s * length) * (1 + s)) / cells
        dw = np.sum(-s * np.exp(-s * length) * (1 + s)) / cells
        soft = 3 * w / height
        f = soft + 0.4 * length**2 + 0.6 * height**2
        return f + 3.0 / cells, np.array(
            [3 * dw / height + 0.8 * length, -soft / height + 1.2 * height]
        )

    return {
        "fun": deflection,
        "x0": np.array([2.4, 0.6]),
        "jac": True,
        "method": "L-BFGS-B",
    }


@case("discontinuity")
def throw_that_lands_on_a_whole_time_step() -> Arguments:
    """Distance to a target when the ball is first below ground; the step is not interpolated."""
    dt, g = 0.05, 9.81

    def landing(v):
        steps = int(np.floor(2 * v[1] / g / dt)) + 1
        return steps * dt

    def miss(v):
        return (v[0] * landing(v) - 20.0) ** 2 + 0.05 * v @ v

    def dmiss(v):
        T = landing(v)
        return np.array([2 * (v[0] * T - 20.0) * T + 0.1 * v[0], 0.1 * v[1]])

    return {"fun": miss, "x0": np.array([8.0, 8.0]), "jac": dmiss, "method": "BFGS"}


# --- steps --------------------------------------------------------------------------------------


@case("piecewise-constant", report="19")
def straight_through_rounding() -> Arguments:
    best = np.array([3.2, 7.9, 1.4])

    def acquisition(x):
        return np.sum((np.round(x) - best) ** 2)

    def straight_through(x):
        return 2 * (np.round(x) - best)

    return {
        "fun": acquisition,
        "x0": np.array([0.2, 0.4, 5.1]),
        "jac": straight_through,
        "bounds": [(0, 10)] * 3,
        "method": "L-BFGS-B",
    }


@case("piecewise-constant", also=("dead-start",))
def number_of_errors_as_the_cost() -> Arguments:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(100, 3))
    y = np.where(X @ [1.0, -1.0, 2.0] + 0.3 > 0, 1, -1)

    def errors(w):
        return float(np.sum(np.sign(X @ w[:3] + w[3]) != y))

    return {"fun": errors, "x0": np.array([1.0, 1.0, 0.0, 0.0]), "method": "BFGS"}


@case("piecewise-constant", report="37")
def silhouette_counted_in_pixels() -> Arguments:
    u, v = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 40))
    wanted = (u - 0.2) ** 2 + (v + 0.1) ** 2 < 0.25

    def overlap(p):
        drawn = (u - p[0]) ** 2 + (v - p[1]) ** 2 < p[2] ** 2
        return np.mean(drawn != wanted)

    def approximate_gradient(p):
        s = expit(40 * (p[2] ** 2 - (u - p[0]) ** 2 - (v - p[1]) ** 2))
        e = np.where(wanted, -1, 1) * 40 * s * (1 - s)
        return np.array(
            [np.mean(e * 2 * (u - p[0])), np.mean(e * 2 * (v - p[1])), np.mean(e * 2 * p[2])]
        )

    return {
        "fun": overlap,
        "x0": np.array([-0.1, 0.2, 0.4]),
        "jac": approximate_gradient,
        "method": "CG",
    }


@case("piecewise-constant", solver="fmin_bfgs")
def simulated_queue_with_whole_customers() -> Arguments:
    rng = np.random.default_rng(9)
    arrivals = np.cumsum(rng.exponential(1.0, 200))
    service = rng.exponential(1.0, 200)

    def late(rates):
        done = 0.0
        count = 0
        for a, s in zip(arrivals, service, strict=True):
            done = max(a, done) + s / rates[0]
            count += done - a > rates[1]
        return 5.0 * count + np.floor(20 * rates[0]) + np.floor(10 / rates[1])

    return {"f": late, "x0": np.array([1.2, 3.0]), "disp": 0}
