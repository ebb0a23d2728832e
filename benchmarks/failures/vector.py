"""Runs of solvers of vector functions: least squares, roots, curve fits and stiff equations."""
# ruff: noqa: D401, ARG001, ARG005

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.failures.case import case

Arguments = dict[str, Any]


@case("wrong-jacobian", solver="least_squares")
def decay_jacobian_without_the_minus() -> Arguments:
    t = np.linspace(0, 4, 30)
    y = 2.5 * np.exp(-1.3 * t) + 0.5

    def residual(p):
        return p[0] * np.exp(-p[1] * t) + p[2] - y

    def jac(p):
        e = np.exp(-p[1] * t)
        return np.column_stack([e, p[0] * t * e, np.ones_like(t)])

    return {"fun": residual, "x0": np.array([1.0, 0.5, 0.0]), "jac": jac}


@case("wrong-jacobian", solver="least_squares", report="11")
def bounded_parameters_without_the_inner_slope() -> Arguments:
    """Bounds by a sine, as MINUIT and lmfit do; the Jacobian is that of the outer parameters."""
    t = np.linspace(0, 10, 40)

    def outer(q):
        return 2.5 + 2.5 * np.sin(q)

    def model(p):
        return p[0] * np.sin(p[1] * t + p[2])

    y = model(np.array([3.0, 0.9, 0.4]))

    def residual(q):
        return model(outer(q)) - y

    def jac(q):
        p = outer(q)
        s, c = np.sin(p[1] * t + p[2]), np.cos(p[1] * t + p[2])
        return np.column_stack([s, p[0] * t * c, p[0] * c])

    q0 = np.arcsin((np.array([2.5, 1.0, 0.7]) - 2.5) / 2.5)
    return {"fun": residual, "x0": q0, "jac": jac, "method": "lm"}


@case("wrong-jacobian", solver="least_squares")
def camera_projection_with_two_columns_exchanged() -> Arguments:
    rng = np.random.default_rng(1)
    P = rng.normal(size=(25, 3)) + np.array([0, 0, 8])

    def project(q):
        f, cx, cy, tz = q
        z = P[:, 2] + tz
        return np.concatenate([f * P[:, 0] / z + cx, f * P[:, 1] / z + cy])

    seen = project(np.array([500.0, 320.0, 240.0, 0.5]))

    def jac(q):
        f, _, _, tz = q
        z = P[:, 2] + tz
        one, zero = np.ones(25), np.zeros(25)
        df = np.concatenate([P[:, 0] / z, P[:, 1] / z])
        dx, dy = np.concatenate([one, zero]), np.concatenate([zero, one])
        dz = -np.concatenate([f * P[:, 0] / z**2, f * P[:, 1] / z**2])
        return np.column_stack([df, dy, dx, dz])

    return {
        "fun": lambda q: project(q) - seen,
        "x0": np.array([400.0, 300.0, 260.0, 0.0]),
        "jac": jac,
        "method": "trf",
    }


@case("wrong-jacobian", solver="root")
def power_flow_with_a_transposed_jacobian() -> Arguments:
    rng = np.random.default_rng(2)
    n = 5
    B = np.abs(rng.normal(size=(n, n)))

    def balance(th):
        D = th[:, None] - th[None]
        return (B * np.sin(D)).sum(1) + 0.3 * th - np.linspace(-0.5, 0.5, n)

    def jac(th):
        C = B * np.cos(th[:, None] - th[None])
        return (np.diag(C.sum(1)) - C + 0.3 * np.eye(n)).T

    return {"fun": balance, "x0": np.zeros(n), "jac": jac, "method": "lm"}


@case("wrong-jacobian", solver="root")
def equilibrium_with_a_negated_jacobian() -> Arguments:
    def f(x):
        return np.array(
            [x[0] + x[1] - 3, x[0] ** 2 + x[1] ** 2 - 9, np.exp(x[2] - 1) + x[1] * x[2] - 1]
        )

    def jac(x):
        return -np.array([[1, 1, 0], [2 * x[0], 2 * x[1], 0], [0, x[2], np.exp(x[2] - 1) + x[1]]])

    return {"fun": f, "x0": np.array([1.0, 5.0, 0.5]), "jac": jac, "method": "lm"}


@case("wrong-jacobian", solver="fsolve")
def jacobian_of_a_linear_chain_by_columns() -> Arguments:
    """Written for Fortran, handed over with col_deriv left at its default."""
    n = 12

    def chain(u):
        out = 3 * u + u**3 - 1
        out[1:] -= 2.5 * u[:-1]
        out[:-1] += 0.5 * u[1:]
        return out

    def columns(u):
        J = np.diag(3 + 3 * u**2)
        for k in range(n - 1):
            J[k, k + 1] = -2.5
            J[k + 1, k] = 0.5
        return J

    return {"func": chain, "x0": np.full(n, 2.0), "fprime": columns}


@case("wrong-jacobian", solver="curve_fit")
def logistic_growth_with_a_minus_lost() -> Arguments:
    t = np.linspace(0, 10, 50)
    y = 8 / (1 + np.exp(-1.2 * (t - 4))) + 0.05 * np.random.default_rng(3).normal(size=50)

    def growth(t, K, r, t0):
        return K * expit(r * (t - t0))

    def jacobian(t, K, r, t0):
        s = expit(r * (t - t0))
        J = np.zeros((len(t), 3))
        J[:, 0] = s
        J[:, 1] = K * s * (1 - s) * (t - t0)
        J[:, 2] = K * s * (1 - s) * r  # the minus is lost
        return J

    return {"f": growth, "xdata": t, "ydata": y, "p0": [5.0, 1.0, 5.0], "jac": jacobian}


@case("wrong-jacobian", solver="solve_ivp")
def robertson_with_one_sign_wrong() -> Arguments:
    def rhs(t, y):
        return [
            -0.04 * y[0] + 1e4 * y[1] * y[2],
            0.04 * y[0] - 1e4 * y[1] * y[2] - 3e7 * y[1] ** 2,
            3e7 * y[1] ** 2,
        ]

    def jac(t, y):
        return [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] + 6e7 * y[1], -1e4 * y[1]],
            [0, 6e7 * y[1], 0],
        ]

    return {"fun": rhs, "t_span": (0, 0.3), "y0": [1.0, 0.0, 0.0], "method": "BDF", "jac": jac}


@case("wrong-jacobian", solver="solve_ivp")
def van_der_pol_jacobian_without_mu() -> Arguments:
    mu = 200.0

    def rhs(t, z):
        return np.array([z[1], mu * (1 - z[0] ** 2) * z[1] - z[0]])

    def jac(t, z):
        return np.array([[0, 1], [-2 * z[0] * z[1] - 1, 1 - z[0] ** 2]])

    return {"fun": rhs, "t_span": (0, 3), "y0": [2.0, 0.0], "method": "Radau", "jac": jac}


@case("wrong-jacobian", "wrong-shape", solver="least_squares")
def gradient_of_half_the_sum_given_for_the_jacobian() -> Arguments:
    """J'r (three numbers) instead of J, for three residuals: it broadcasts as a row matrix."""
    A = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0]])
    b = np.array([3.0, 4.0, 3.0])

    def fun(x):
        return A @ x + 0.1 * x**3 - b

    def jac(x):
        J = A + np.diag(0.3 * x**2)
        return np.tile(J.T @ fun(x), (3, 1))

    return {"fun": fun, "x0": np.zeros(3), "jac": jac}


@case("ignored-argument", solver="least_squares")
def residuals_of_the_initial_guess() -> Arguments:
    t = np.linspace(0, 1, 20)
    y = np.sin(3 * t)
    guess = np.array([0.5, 2.0])
    return {
        "fun": lambda p: guess[0] * np.sin(guess[1] * t) - y,
        "x0": guess,
        "jac": lambda p: np.column_stack([np.sin(p[1] * t), p[0] * t * np.cos(p[1] * t)]),
    }


@case("kink", solver="least_squares")
def absolute_misfit_as_a_single_residual() -> Arguments:
    """The author took the root of the sum of absolute values, so that its square is an L1 norm."""
    x = np.linspace(0, 1, 15)
    y = 2 * x + 0.3 * np.random.default_rng(4).standard_cauchy(15)
    return {
        "fun": lambda p: np.sqrt(np.abs(p[0] * x + p[1] - y)),
        "x0": np.array([0.0, 0.0]),
        "method": "lm",
    }


@case("wrong-jacobian", solver="solve_ivp")
def diffusion_jacobian_with_inflow_of_the_wrong_sign() -> Arguments:
    """What leaves a cell enters the next one with the wrong sign, in the Jacobian only."""
    n = 12
    u0 = np.exp(-((np.arange(n) - 5.0) ** 2) / 4)

    def rhs(t, u):
        k = 200 * (1 + u**2)
        flux = k[:-1] * np.diff(u)
        out = -5 * u
        out[:-1] += flux
        out[1:] -= flux
        return out

    def jac(t, u):
        k, dk, d = 200 * (1 + u**2), 400 * u, np.diff(u)
        J = np.diag(np.full(n, -5.0))
        for i in range(n - 1):
            own, other = dk[i] * d[i] - k[i], k[i]
            J[i, i] += own
            J[i, i + 1] += other
            J[i + 1, i] += own
            J[i + 1, i + 1] -= other
        return J

    return {"fun": rhs, "t_span": (0, 0.2), "y0": u0, "method": "BDF", "jac": jac}


@case("non-finite", solver="least_squares")
def residuals_with_a_logarithm_of_zero() -> Arguments:
    counts = np.array([0.0, 2.0, 5.0, 9.0])
    return {
        "fun": lambda p: np.log(counts) - p[0] - p[1] * np.arange(4),
        "x0": np.array([0.0, 0.5]),
        "method": "dogbox",
    }


@case("wrong-shape", solver="fsolve")
def three_equations_for_two_unknowns() -> Arguments:
    return {
        "func": lambda x: np.array([x[0] + x[1] - 3, x[0] * x[1] - 2, x[0] - 2 * x[1]]),
        "x0": np.array([1.0, 1.0]),
    }


@case("wrong-jacobian", "zero-gradient", "frozen-gradient", solver="least_squares")
def jacobian_computed_once_at_the_start() -> Arguments:
    t = np.linspace(0, 6, 40)
    y = 1.5 * np.sin(1.4 * t + 0.2)
    p0 = np.array([1.0, 1.0, 0.0])

    def model(p):
        return p[0] * np.sin(p[1] * t + p[2])

    phase = p0[1] * t + p0[2]
    J0 = np.column_stack([np.sin(phase), p0[0] * t * np.cos(phase), p0[0] * np.cos(phase)])
    return {"fun": lambda p: model(p) - y, "x0": p0, "jac": lambda p: J0, "method": "dogbox"}


@case("wrong-jacobian", solver="curve_fit")
def temperature_capped_in_the_fit_jacobian() -> Arguments:
    """Two Arrhenius terms; the derivative by the energies lacks 1/T in half of the temperatures."""
    T = np.linspace(300.0, 600.0, 40)

    def rate(T, a, e1, b, e2):
        return a * np.exp(-e1 / T) + b * np.exp(-e2 / T)

    y = rate(T, 50.0, 1500.0, 4.0, 500.0)

    def jac(T, a, e1, b, e2):
        x1, x2 = np.exp(-e1 / T), np.exp(-e2 / T)
        lost = np.where(T > 450, 1 / T, 1 / 450.0)
        return np.column_stack([x1, -a * x1 * lost, x2, b * x2 * lost])

    return {"f": rate, "xdata": T, "ydata": y, "p0": [40.0, 1400.0, 3.0, 450.0], "jac": jac}
