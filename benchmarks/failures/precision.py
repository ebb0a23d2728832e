"""Runs that fail because the cost is noisy or has few digits (GA3xx), its gradient being right."""
# ruff: noqa: D401, ARG001

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import expit

from benchmarks.failures.case import case

Arguments = dict[str, Any]


# --- low precision ------------------------------------------------------------------------------


@case("low-precision", also=("precision-limit",), report="44")
def logistic_in_single_precision() -> Arguments:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 8)).astype(np.float32)
    y = (rng.random(300) < 0.5).astype(np.float32)

    def fun(w):
        w = w.astype(np.float32)
        z = X @ w
        f = np.sum(np.logaddexp(np.float32(0), z) - y * z)
        return f, X.T @ (expit(z) - y)

    return {"fun": fun, "x0": np.ones(8), "jac": True, "method": "BFGS"}


@case("low-precision", also=("precision-limit",))
def single_precision_energy_in_cg() -> Arguments:
    """A ring of Lennard-Jones atoms, positions cast to float32 as a GPU kernel would."""
    n = 8
    phi = 2 * np.pi * np.arange(n) / n
    start = np.column_stack([np.cos(phi), np.sin(phi)]) * 1.6
    start += 0.05 * np.random.default_rng(2).normal(size=start.shape)

    def energy(q):
        p = np.asarray(q, dtype="f4").reshape(n, 2)
        d = p[:, None] - p[None]
        r2 = (d**2).sum(-1) + np.eye(n, dtype="f4") * np.float32(1e8)
        s = 1 / r2**3
        e = 2 * np.sum(s * s - s)
        w = 24 * (s - 2 * s * s) / r2
        return float(e), (w[:, :, None] * d).sum(1).ravel()

    return {"fun": energy, "x0": start.ravel(), "jac": True, "method": "CG"}


@case("low-precision", report="41")
def single_precision_cost_with_difference_gradient() -> Arguments:
    t = np.linspace(0, 4, 50, dtype=np.float32)
    data = np.float32(3.0) * np.exp(-np.float32(0.8) * t)

    def misfit(p):
        p = p.astype(np.float32)
        model = p[0] * np.exp(-p[1] * t)
        return np.sum((model - data) ** 2)

    return {"fun": misfit, "x0": np.array([1.0, 0.5]), "method": "BFGS"}


@case("low-precision", "wrong-shape", report="43")
def slsqp_refuses_a_float32_gradient() -> Arguments:
    target = np.array([0.5, -0.3, 0.8], dtype=np.float32)

    def fun(x):
        d = x.astype(np.float32) - target
        return np.sum(d**4 + d**2)

    def jac(x):
        d = x.astype(np.float32) - target
        return 4 * d**3 + 2 * d

    return {
        "fun": fun,
        "x0": np.ones(3),
        "jac": jac,
        "method": "SLSQP",
        "constraints": [{"type": "eq", "fun": lambda x: x.sum() - 1.0}],
    }


@case("low-precision", also=("precision-limit", "bad-scaling"), report="40")
def image_loss_of_1e12_in_single_precision() -> Arguments:
    rng = np.random.default_rng(3)
    content = rng.uniform(0, 255, size=(12, 12)).astype(np.float32)
    K = rng.normal(size=(200, 144)).astype(np.float32)

    class StyleLoss:
        def __init__(self):
            self.target = K @ content.ravel()

        def loss(self, x):
            r = K @ x.astype(np.float32) - self.target
            return np.float64(np.float32(1e5) * np.sum(r * r))

        def grads(self, x):
            r = K @ x.astype(np.float32) - self.target
            return (np.float32(2e5) * (K.T @ r)).astype(np.float64)

    style = StyleLoss()
    return {
        "fun": style.loss,
        "x0": np.full(144, 128.0),
        "jac": style.grads,
        "method": "L-BFGS-B",
        "options": {"ftol": 0.0, "gtol": 1e-9, "maxiter": 2000},
    }


@case("low-precision", also=("noise", "piecewise-constant"))
def half_precision_storage_of_the_weights() -> Arguments:
    rng = np.random.default_rng(4)
    A = rng.normal(size=(30, 4))
    b = rng.normal(size=30)

    def f(x):
        r = A @ x.astype(np.float16).astype(float) - b
        return r @ r

    def g(x):
        return 2 * A.T @ (A @ x - b)

    return {"fun": f, "x0": np.full(4, 0.5), "jac": g, "method": "BFGS"}


# --- noise --------------------------------------------------------------------------------------


@case("noise", "discontinuity", "wrong-gradient", report="34")
def adaptive_ode_solver_with_a_loose_tolerance() -> Arguments:
    """An oscillator fitted to data; the integrator's steps change with the parameters."""
    times = np.linspace(0, 30, 40)

    def rhs(t, u, k, c):
        x, v, xk, vk, xc, vc = u
        a = -k * x - c * v - 0.2 * x**3
        s = -k - 0.6 * x**2
        return [v, a, vk, s * xk - c * vk - x, vc, s * xc - c * vc - v]

    def motion(p, tol):
        k, c = 0.2 + 2 * expit(p[0]), 0.3 * expit(p[1])
        sol = solve_ivp(
            rhs, (0, 30), [1, 0, 0, 0, 0, 0], t_eval=times, args=(k, c), rtol=tol, atol=tol
        )
        slopes = np.array([2 * expit(p[0]) * expit(-p[0]), 0.3 * expit(p[1]) * expit(-p[1])])
        return sol.y[0], sol.y[[2, 4]] * slopes[:, None]

    data, _ = motion(np.array([0.3, -1.0]), 1e-10)
    data = data + 0.05 * np.random.default_rng(5).normal(size=40)

    def misfit(p):
        x, S = motion(p, 1e-2)
        r = (x - data) / 0.05
        return r @ r, 2 * S @ r / 0.05

    return {"fun": misfit, "x0": np.array([0.2, -0.5]), "jac": True, "method": "BFGS"}


@case("noise", "low-precision", "piecewise-constant", report="60")
def drag_read_from_printed_output() -> Arguments:
    """The cost comes from a text file with six decimals; SciPy differences it."""

    def run_solver(shape):
        camber, thickness, twist = shape
        cd = 0.01 + 0.3 * (camber - 0.04) ** 2 + 0.2 * (thickness - 0.12) ** 2
        cd += 0.05 * (twist - 0.3) ** 2 + 0.1 * (camber - 0.04) * (twist - 0.3)
        return f"CD = {cd:.6f}"

    def drag(shape):
        return float(run_solver(shape).split("=")[1])

    return {"fun": drag, "x0": np.array([0.02, 0.1, 0.1]), "method": "SLSQP"}


@case("noise", report="25")
def gp_with_nearly_coincident_points() -> Arguments:
    rng = np.random.default_rng(6)
    t = np.sort(np.concatenate([rng.uniform(0, 1, 30), 0.5 + 1e-6 * rng.normal(size=30)]))
    y = np.sin(6 * t)
    D2 = (t[:, None] - t[None, :]) ** 2

    def lml(theta):
        E = np.exp(-0.5 * D2 / np.exp(2 * theta[1]))
        K = np.exp(2 * theta[0]) * E + 3e-13 * np.eye(60)
        w, V = np.linalg.eigh(K)
        w = np.maximum(w, 1e-15)
        a = V @ ((V.T @ y) / w)
        inner = (V / w) @ V.T - np.outer(a, a)
        d_amp = 2 * np.exp(2 * theta[0]) * E
        d_len = np.exp(2 * theta[0]) * E * D2 / np.exp(2 * theta[1])
        f = 0.5 * y @ a + 0.5 * np.log(w).sum()
        return f, 0.5 * np.array([np.sum(inner * d_amp), np.sum(inner * d_len)])

    return {
        "fun": lml,
        "x0": np.array([0.0, -0.5]),
        "jac": True,
        "bounds": [(-3, 3), (-3, 3)],
        "method": "L-BFGS-B",
    }


@case("noise")
def power_iteration_stopped_early() -> Arguments:
    """Largest eigenvalue of a matrix of parameters; the start of the iteration varies with x."""
    rng = np.random.default_rng(7)
    basis = rng.normal(size=(5, 20, 20))
    basis = basis + basis.transpose(0, 2, 1)

    def spectral(x):
        M = np.tensordot(x, basis, 1)
        M = M @ M / 20
        v = np.sin(1e6 * np.arange(1, 21) * (1 + x.sum()))
        old = np.inf
        while True:
            v /= np.linalg.norm(v)
            w = M @ v
            lam = v @ w
            if abs(lam - old) < 2e-4 * abs(lam):
                break
            old, v = lam, w
        return lam, v

    def cost(x):
        return spectral(x)[0] + 2.0 * np.sum((x - 1) ** 2)

    def grad(x):
        _, v = spectral(x)
        M = np.tensordot(x, basis, 1)
        Mv = M @ v
        return np.array([2 * (B @ v) @ Mv / 20 for B in basis]) + 4.0 * (x - 1)

    return {"fun": cost, "x0": np.full(5, 0.4), "jac": grad, "method": "BFGS"}


@case("noise", also=("wrong-gradient",))
def quadrature_with_points_that_move() -> Arguments:
    """Expected shortfall by a quasi-random sum whose shift is taken from the parameters' bits."""
    base = (np.arange(1, 401) * 0.6180339887498949) % 1.0

    def integrand(x, u):
        return np.exp(0.3 * x[0] * u) + np.cosh(x[1] - 2 * u) + 0.1 * x @ x

    def cost(x):
        shift = (np.sum(x) * 1e7) % 1.0
        u = (base + shift) % 1.0
        return float(np.mean(integrand(x, u)))

    def grad(x):
        u = (np.arange(20000) + 0.5) / 20000
        d0 = np.mean(0.3 * u * np.exp(0.3 * x[0] * u)) + 0.2 * x[0]
        d1 = np.mean(np.sinh(x[1] - 2 * u)) + 0.2 * x[1]
        return np.array([d0, d1])

    return {"fun": cost, "x0": np.array([1.0, -1.0]), "jac": grad, "method": "CG"}


@case("noise", "low-precision", "precision-limit", also=("below-noise",))
def chi_square_beside_an_offset_of_1e13() -> Arguments:
    rng = np.random.default_rng(8)
    t = np.linspace(-1, 1, 60)
    y = 1 + 2 * t - t**2 + 0.1 * rng.normal(size=60)

    def energy(p):
        r = np.polyval(p, t) - y
        return 1.0e13 + 0.5 * r @ r

    return {"fun": energy, "x0": np.zeros(3), "method": "L-BFGS-B"}


@case("noise", also=("wrong-gradient",))
def inner_minimisation_barely_converged() -> Arguments:
    """Bilevel: the inner problem is solved by gradient steps until they are short."""
    rng = np.random.default_rng(9)
    A = rng.normal(size=(15, 6))
    y = A @ rng.normal(size=6) + 0.5 * rng.normal(size=15)
    B = rng.normal(size=(15, 6))
    z = B @ np.linalg.lstsq(A, y, rcond=None)[0] + 0.3 * rng.normal(size=15)

    @cache
    def solve_inner(key):
        lam = np.exp(key[0])
        H = A.T @ A + lam * np.eye(6)
        x = np.cos(3e4 * np.arange(6) * key[0])
        step = 1 / np.linalg.norm(H, 2)
        for _ in range(5000):
            g = H @ x - A.T @ y
            if np.linalg.norm(g) < 0.05:
                break
            x = x - step * g
        return x, H

    def outer(p):
        x, _ = solve_inner((float(p[0]),))
        r = B @ x - z
        return 0.5 * r @ r

    def douter(p):
        x, H = solve_inner((float(p[0]),))
        return np.array([-np.exp(p[0]) * (B.T @ (B @ x - z)) @ np.linalg.solve(H, x)])

    return {"fun": outer, "x0": np.array([2.0]), "jac": douter, "method": "BFGS"}


@case("noise", solver="least_squares")
def residuals_from_a_shaky_instrument_model() -> Arguments:
    t = np.linspace(0, 1, 30)
    y = 2.0 / (1 + np.exp(-8 * (t - 0.4)))

    def model(p):
        value = p[0] / (1 + np.exp(-p[1] * (t - p[2])))
        return value + 1e-5 * np.sin(1e9 * (p[0] + p[1] * t + p[2]))

    return {"fun": lambda p: model(p) - y, "x0": np.array([1.0, 3.0, 0.5])}
