"""Runs with nothing wrong in the user's functions, some of which look as if there were."""
# ruff: noqa: D401, ARG001, ARG005
# pyright: reportArgumentType=false

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint, rosen, rosen_der
from scipy.special import expit, gammaln, logsumexp

from benchmarks.failures.case import case

Arguments = dict[str, Any]
DONE = ("converged", "precision-limit")


def regression(m, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    return X, X @ rng.normal(size=n) + 0.3 * rng.normal(size=m)


@case(also=DONE)
def least_squares_beside_an_offset_of_1e8() -> Arguments:
    X, y = regression(40, 5, 1)

    def f(w):
        r = X @ w - y
        return 1e8 + 0.5 * r @ r, X.T @ r

    return {"fun": f, "x0": np.zeros(5), "jac": True, "method": "L-BFGS-B"}


@case(also=DONE)
def energy_of_minus_1e8_in_bfgs() -> Arguments:
    Q = np.diag([1.0, 2.0, 5.0])
    c = np.array([0.3, -0.6, 0.9])
    return {
        "fun": lambda x: -1e8 + 0.5 * (x - c) @ Q @ (x - c) + 0.1 * np.sum((x - c) ** 4),
        "x0": np.ones(3),
        "jac": lambda x: Q @ (x - c) + 0.4 * (x - c) ** 3,
        "method": "BFGS",
    }


@case(also=("converged", "precision-limit", "iteration-limit"))
def hilbert_matrix_of_size_ten() -> Arguments:
    n = 10
    H = 1.0 / (np.arange(n)[:, None] + np.arange(n)[None] + 1)
    b = H @ np.ones(n)
    return {
        "fun": lambda x: 0.5 * x @ H @ x - b @ x,
        "x0": np.zeros(n),
        "jac": lambda x: H @ x - b,
        "method": "CG",
    }


@case(also=DONE)
def flat_direction_of_a_softmax() -> Arguments:
    """Without a reference class the scores have a direction that changes nothing."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(120, 3))
    Y = np.eye(3)[rng.integers(0, 3, 120)]

    def loss(w):
        Z = X @ w.reshape(3, 3)
        lp = Z - logsumexp(Z, axis=1, keepdims=True)
        return -np.sum(Y * lp) / 120, (X.T @ (np.exp(lp) - Y) / 120).ravel()

    return {"fun": loss, "x0": np.zeros(9), "jac": True, "method": "BFGS"}


@case(also=("iteration-limit",))
def autoencoder_stopped_after_three_iterations() -> Arguments:
    rng = np.random.default_rng(3)
    X = rng.random((40, 10))

    def J(t):
        W, V, b, c = t[:30].reshape(10, 3), t[30:60].reshape(3, 10), t[60:63], t[63:]
        H = expit(X @ W + b)
        R = H @ V + c - X
        D = R @ V.T * H * (1 - H)
        g = np.concatenate([(X.T @ D).ravel(), (H.T @ R).ravel(), D.sum(0), R.sum(0)])
        return 0.5 * np.sum(R * R), g

    return {
        "fun": J,
        "x0": 0.1 * rng.normal(size=73),
        "jac": True,
        "method": "L-BFGS-B",
        "options": {"maxiter": 3},
    }


@case(also=("iteration-limit",))
def rosenbrock_cut_off_in_slsqp() -> Arguments:
    return {
        "fun": rosen,
        "x0": np.array([-1.2, 1.0]),
        "jac": rosen_der,
        "method": "SLSQP",
        "options": {"maxiter": 4},
    }


@case(also=DONE)
def tolerances_of_zero_in_lbfgsb() -> Arguments:
    X, y = regression(100, 10, 4)
    s = (y > 0).astype(float)

    def f(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - s * z) + 0.5 * w @ w, X.T @ (expit(z) - s) + w

    return {
        "fun": f,
        "x0": np.zeros(10),
        "jac": True,
        "method": "L-BFGS-B",
        "options": {"ftol": 0, "gtol": 0},
    }


@case(also=DONE)
def precision_loss_although_converged() -> Arguments:
    X, y = regression(500, 4, 5)

    def cost(w):
        return np.sum((X @ w - y) ** 2)

    def grad(w):
        return 2 * X.T @ (X @ w - y)

    return {
        "fun": cost,
        "x0": np.zeros(4),
        "jac": grad,
        "method": "BFGS",
        "options": {"gtol": 1e-13},
    }


@case(also=("converged",))
def lasso_term_away_from_its_kink() -> Arguments:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(60, 3))
    y = X @ [3.0, -4.0, 5.0] + 0.1 * rng.normal(size=60)

    def f(b):
        r = X @ b - y
        return 0.5 * r @ r / 60 + 0.01 * np.abs(b).sum(), X.T @ r / 60 + 0.01 * np.sign(b)

    return {"fun": f, "x0": np.array([2.0, -2.0, 2.0]), "jac": True, "method": "BFGS"}


@case(also=("converged",))
def huber_loss_with_its_own_gradient() -> Arguments:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(80, 4))
    y = X @ [1.0, 2, 3, 4] + rng.standard_t(2, size=80)

    def f(w, d=1.345):
        r = X @ w - y
        a = np.abs(r)
        return np.where(a <= d, r**2 / 2, d * (a - d / 2)).sum()

    def g(w, d=1.345):
        return X.T @ np.clip(X @ w - y, -d, d)

    return {"fun": f, "x0": np.zeros(4), "jac": g, "method": "L-BFGS-B"}


@case(also=("converged",))
def nonnegative_least_squares_on_its_bounds() -> Arguments:
    rng = np.random.default_rng(8)
    A = rng.random((30, 8))
    y = A @ np.array([1.0, 0, 0, 2, 0, 0, 3, 0]) - 0.3
    return {
        "fun": lambda x: 0.5 * np.sum((A @ x - y) ** 2),
        "x0": np.ones(8),
        "jac": lambda x: A.T @ (A @ x - y),
        "bounds": [(0, None)] * 8,
        "method": "L-BFGS-B",
    }


@case(also=("converged",))
def bounds_active_in_tnc() -> Arguments:
    return {
        "fun": lambda x: (x[0] - 3) ** 2 + (x[1] + 2) ** 2 + x[0] * x[1],
        "x0": np.array([0.5, 0.5]),
        "jac": lambda x: np.array([2 * (x[0] - 3) + x[1], 2 * (x[1] + 2) + x[0]]),
        "bounds": Bounds(np.array([0, 0]), np.array([1, 1])),
        "method": "TNC",
    }


@case(also=("converged",))
def minimum_variance_portfolio() -> Arguments:
    rng = np.random.default_rng(9)
    R = 0.02 * rng.normal(size=(200, 6))
    C = np.cov(R.T) * 250
    mu = np.linspace(0.02, 0.1, 6)
    return {
        "fun": lambda w: w @ C @ w,
        "x0": np.full(6, 1 / 6),
        "jac": lambda w: 2 * C @ w,
        "bounds": [(0, 1)] * 6,
        "constraints": [
            {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(6)},
            {"type": "ineq", "fun": lambda w: mu @ w - 0.05, "jac": lambda w: mu},
        ],
        "method": "SLSQP",
    }


@case(also=("converged", "precision-limit"))
def sphere_constraint_in_trust_constr() -> Arguments:
    M = np.array([[2.0, 0.5, 0], [0.5, 1.0, 0.3], [0, 0.3, 3.0]])
    return {
        "fun": lambda x: 0.5 * x @ M @ x,
        "x0": np.array([1.0, 1.0, 1.0]),
        "jac": lambda x: M @ x,
        "constraints": NonlinearConstraint(lambda x: x @ x, 1, 1, jac=lambda x: 2 * x[None, :]),
        "method": "trust-constr",
    }


@case(also=("converged", "precision-limit"))
def trust_constr_ends_by_xtol() -> Arguments:
    X, y = regression(50, 4, 10)
    return {
        "fun": lambda w: 0.5 * np.sum((X @ w - y) ** 2),
        "x0": np.zeros(4),
        "jac": lambda w: X.T @ (X @ w - y),
        "method": "trust-constr",
        "options": {"gtol": 1e-14},
    }


@case(also=("converged",))
def start_at_the_minimum() -> Arguments:
    c = np.array([1.0, -2.0])
    return {
        "fun": lambda x: np.sum(np.cosh(x - c)),
        "x0": c.copy(),
        "jac": lambda x: np.sinh(x - c),
        "method": "BFGS",
    }


@case(also=("converged",))
def likelihood_maximised_by_a_minus() -> Arguments:
    rng = np.random.default_rng(11)
    X = np.column_stack([np.ones(80), rng.normal(size=(80, 2))])
    y = rng.poisson(np.exp(X @ [0.5, 0.3, -0.2]))

    class PoissonModel:
        def loglike(self, b):
            eta = X @ b
            return np.sum(y * eta - np.exp(eta) - gammaln(y + 1))

        def score(self, b):
            return X.T @ (y - np.exp(X @ b))

        def hessian(self, b):
            return -(X.T * np.exp(X @ b)) @ X

    m = PoissonModel()
    return {
        "fun": lambda b: -m.loglike(b) / 80,
        "x0": np.zeros(3),
        "jac": lambda b: -m.score(b) / 80,
        "hess": lambda b: -m.hessian(b) / 80,
        "method": "Newton-CG",
    }


@case(also=("converged",))
def float32_data_with_float64_arithmetic() -> Arguments:
    rng = np.random.default_rng(12)
    X = rng.normal(size=(200, 5)).astype(np.float32)
    y = (rng.random(200) > 0.5).astype(np.float32)

    def f(w):
        z = X.astype(np.float64) @ w
        return np.mean(np.logaddexp(0, z) - y * z) + 0.01 * w @ w, X.T @ (
            expit(z) - y
        ) / 200 + 0.02 * w

    return {"fun": f, "x0": np.zeros(5), "jac": True, "method": "L-BFGS-B"}


@case(also=("converged",))
def monte_carlo_with_common_random_numbers() -> Arguments:
    def elbo(p):
        z = np.random.default_rng(42).normal(size=300)
        s = np.exp(p[1])
        x = p[0] + s * z
        dx = (x - 2) + 0.4 * x**3
        f = np.mean(0.5 * (x - 2) ** 2 + 0.1 * x**4) - p[1]
        return f, np.array([dx.mean(), (dx * s * z).mean() - 1])

    return {"fun": elbo, "x0": np.zeros(2), "jac": True, "method": "BFGS"}


@case(also=("converged",))
def one_parameter_in_an_array() -> Arguments:
    return {
        "fun": lambda x: np.exp(x[0]) - 2 * x[0],
        "x0": np.array([0.0]),
        "jac": lambda x: np.exp(x) - 2,
        "method": "CG",
    }


@case(also=("converged",))
def scalar_start() -> Arguments:
    return {
        "fun": lambda x: float((x[0] - 2) ** 2 + np.sin(x[0])),
        "x0": 0.5,
        "jac": lambda x: 2 * (x - 2) + np.cos(x),
        "method": "L-BFGS-B",
    }


@case(also=("converged",))
def tied_weights_of_an_autoencoder() -> Arguments:
    rng = np.random.default_rng(13)
    X = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6))

    def tied(t):
        W = t.reshape(6, 2)
        R = X @ W @ W.T - X
        G = X.T @ R @ W + R.T @ X @ W
        return 0.5 * np.sum(R * R) / 50, G.ravel() / 50

    return {"fun": tied, "x0": 0.3 * rng.normal(size=12), "jac": True, "method": "L-BFGS-B"}


@case(also=("converged", "domain-edge"))
def barrier_that_is_infinite_outside() -> Arguments:
    """BFGS backs off from infinite values by itself and converges inside."""
    c = np.array([-1.0, -2.0, 0.5])

    def barrier(x):
        slack = np.concatenate([x, [3.0 - x.sum()]])
        if np.any(slack <= 0):
            return np.inf
        return c @ x - 0.1 * np.log(slack).sum()

    def grad(x):
        with np.errstate(all="ignore"):
            return c - 0.1 / x + 0.1 / (3.0 - x.sum())

    return {"fun": barrier, "x0": np.full(3, 0.5), "jac": grad, "method": "BFGS"}


@case(also=("converged",))
def logarithms_kept_inside_by_bounds() -> Arguments:
    counts = np.array([3.0, 7.0, 12.0, 1.0])
    return {
        "fun": lambda p: -np.sum(counts * np.log(p)) + 23 * p.sum(),
        "x0": np.full(4, 0.25),
        "jac": lambda p: -counts / p + 23,
        "bounds": [(1e-6, 1)] * 4,
        "method": "L-BFGS-B",
    }


@case(also=("converged", "bad-scaling"))
def badly_scaled_and_yet_converged() -> Arguments:
    s = np.array([1.0, 10.0, 100.0, 1000.0])
    return {
        "fun": lambda x: 0.5 * np.sum((x / s - 1) ** 2),
        "x0": np.zeros(4),
        "jac": lambda x: (x / s - 1) / s,
        "method": "L-BFGS-B",
        "options": {"gtol": 1e-12, "ftol": 1e-16},
    }


@case(solver="least_squares", also=("converged",))
def zero_residual_least_squares() -> Arguments:
    t = np.linspace(0, 2, 20)
    y = 3 * np.exp(-0.7 * t)
    return {
        "fun": lambda p: p[0] * np.exp(-p[1] * t) - y,
        "x0": np.array([1.0, 1.0]),
        "jac": lambda p: np.column_stack([np.exp(-p[1] * t), -p[0] * t * np.exp(-p[1] * t)]),
    }


@case(solver="root", also=("converged", "precision-limit"))
def hybr_status_five_at_rounding() -> Arguments:
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 5))
    b = rng.normal(size=5)
    return {"fun": lambda x: A @ x - b, "x0": np.zeros(5), "jac": lambda x: A, "method": "hybr"}


@case(solver="fsolve", also=("converged",))
def chain_solved_by_fsolve() -> Arguments:
    def f(u):
        r = 3 * u + u**3 - 1
        r[1:] -= u[:-1]
        r[:-1] -= u[1:]
        return r

    def J(u):
        n = len(u)
        return np.diag(3 + 3 * u**2) - np.eye(n, k=1) - np.eye(n, k=-1)

    return {"func": f, "x0": np.zeros(15), "fprime": J}


@case(solver="curve_fit", also=("converged",))
def gaussian_peak_with_its_jacobian() -> Arguments:
    x = np.linspace(-5, 5, 101)
    y = 3 * np.exp(-((x - 0.7) ** 2) / 2) + 0.05 * np.random.default_rng(14).normal(size=101)

    def peak(x, a, m, s):
        return a * np.exp(-((x - m) ** 2) / (2 * s**2))

    def jac(x, a, m, s):
        e = np.exp(-((x - m) ** 2) / (2 * s**2))
        return np.stack([e, a * e * (x - m) / s**2, a * e * (x - m) ** 2 / s**3], axis=1)

    return {"f": peak, "xdata": x, "ydata": y, "p0": [1, 0, 2], "jac": jac}


@case(solver="solve_ivp", also=("converged",))
def robertson_with_the_right_jacobian() -> Arguments:
    def rhs(t, y):
        a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return [-a + b, a - b - c, c]

    def jac(t, y):
        return [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
            [0, 6e7 * y[1], 0],
        ]

    return {"fun": rhs, "t_span": (0, 100), "y0": [1.0, 0.0, 0.0], "method": "Radau", "jac": jac}


@case(also=("converged",))
def run_with_a_callback_that_prints_nothing() -> Arguments:
    history: list[float] = []

    def keep(xk):
        history.append(float(rosen(xk)))

    return {
        "fun": rosen,
        "x0": np.array([1.3, 0.7, 0.8]),
        "jac": rosen_der,
        "method": "TNC",
        "callback": keep,
        "options": {"maxfun": 2000},
    }


@case(also=("converged", "iteration-limit"))
def callback_that_stops_the_run() -> Arguments:
    seen = []

    def enough(intermediate_result):
        seen.append(intermediate_result.fun)
        if intermediate_result.fun < 1e-2:
            raise StopIteration

    return {
        "fun": rosen,
        "x0": np.array([1.3, 0.7]),
        "jac": rosen_der,
        "method": "L-BFGS-B",
        "callback": enough,
    }


@case(also=("converged", "precision-limit"))
def thousand_parameters_of_a_smoother() -> Arguments:
    n = 1000
    rng = np.random.default_rng(15)
    data = np.sin(np.linspace(0, 12, n)) + 0.2 * rng.normal(size=n)

    def f(u):
        d = np.diff(u, 2)
        g = u - data
        h = 50 * d
        g[2:] += h
        g[1:-1] -= 2 * h
        g[:-2] += h
        return 0.5 * np.sum((u - data) ** 2) + 25 * d @ d, g

    return {"fun": f, "x0": data.copy(), "jac": True, "method": "L-BFGS-B"}


@case(also=("converged", "precision-limit"))
def gaussian_process_with_honest_noise() -> Arguments:
    rng = np.random.default_rng(16)
    t = np.sort(rng.uniform(0, 6, 30))
    y = np.sin(t) + 0.2 * rng.normal(size=30)
    D2 = (t[:, None] - t[None]) ** 2

    def nlml(h):
        amp, length, noise = np.exp(h)
        E = np.exp(-0.5 * D2 / length**2)
        K = amp * E + noise * np.eye(30)
        L = np.linalg.cholesky(K)
        Ki = np.linalg.inv(K)
        a = Ki @ y
        inner = 0.5 * (Ki - np.outer(a, a))
        dK = (amp * E, amp * E * D2 / length**2, noise * np.eye(30))
        return 0.5 * y @ a + np.log(np.diag(L)).sum(), np.array([np.sum(inner * d) for d in dK])

    return {
        "fun": nlml,
        "x0": np.array([0.0, 0.0, -2.0]),
        "jac": True,
        "bounds": [(-5, 5)] * 3,
        "method": "L-BFGS-B",
    }


@case(also=("converged", "precision-limit"))
def no_gradient_given_at_all() -> Arguments:
    X, y = regression(30, 3, 17)
    return {
        "fun": lambda w: np.mean(np.log1p((X @ w - y) ** 2)) + 0.01 * w @ w,
        "x0": np.ones(3),
        "method": "BFGS",
    }


@case(also=("converged",))
def partial_with_the_data_bound() -> Arguments:
    X, y = regression(45, 4, 18)

    def cost(w, X, y, lam):
        r = X @ w - y
        return 0.5 * r @ r + 0.5 * lam * w @ w, X.T @ r + lam * w

    return {
        "fun": partial(cost, X=X, y=y, lam=0.3),
        "x0": np.zeros(4),
        "jac": True,
        "method": "CG",
    }


@case(also=("converged",))
def cost_and_gradient_share_a_proper_cache() -> Arguments:
    X, y = regression(45, 4, 19)
    store = {}

    def work(w):
        key = w.tobytes()
        if store.get("key") != key:
            store["key"] = key
            r = np.tanh(X @ w) - y
            store["value"] = (
                r @ r + 0.1 * w @ w,
                2 * X.T @ (r * (1 - np.tanh(X @ w) ** 2)) + 0.2 * w,
            )
        return store["value"]

    return {
        "fun": lambda w: work(w)[0],
        "x0": np.full(4, 0.2),
        "jac": lambda w: work(w)[1].copy(),
        "method": "BFGS",
    }


@case(also=("converged",))
def positive_parameters_by_their_logarithms() -> Arguments:
    rng = np.random.default_rng(20)
    y = rng.gamma(3.0, 2.0, 200)
    from scipy.special import digamma

    def f(q):
        k, s = np.exp(q)
        v = np.mean(gammaln(k) + k * np.log(s) - (k - 1) * np.log(y) + y / s)
        dk = digamma(k) + np.log(s) - np.mean(np.log(y))
        ds = k / s - y.mean() / s**2
        return v, np.array([k * dk, s * ds])

    return {"fun": f, "x0": np.zeros(2), "jac": True, "method": "trust-constr"}


@case(also=("converged",))
def half_spaces_in_trust_constr_and_a_hessian() -> Arguments:
    H = np.array([[4.0, 1.0], [1.0, 3.0]])
    return {
        "fun": lambda x: 0.5 * x @ H @ x - x.sum(),
        "x0": np.array([0.2, 0.2]),
        "jac": lambda x: H @ x - 1,
        "hess": lambda x: H,
        "constraints": LinearConstraint([[1.0, 2.0]], -np.inf, 0.3),
        "method": "trust-constr",
    }


@case(also=("converged",))
def gradient_in_reverse_mode_over_a_loop() -> Arguments:
    """Euler steps of a decay chain, the adjoint by hand."""
    steps, dt = 100, 0.05
    times = np.arange(0, steps + 1, 10)
    data = np.exp(-0.8 * dt * times)

    def f(p):
        k, y0 = np.exp(p[0]), p[1]
        y = np.empty(steps + 1)
        y[0] = y0
        for i in range(steps):
            y[i + 1] = y[i] - dt * k * y[i] / (1 + y[i] ** 2)
        r = y[times] - data
        bar, dk = 0.0, 0.0
        position = dict(zip(times.tolist(), r.tolist(), strict=True))
        for i in range(steps, 0, -1):
            bar += position.get(i, 0.0)
            u = y[i - 1]
            dk -= bar * dt * u / (1 + u * u)
            bar *= 1 - dt * k * (1 - u * u) / (1 + u * u) ** 2
        bar += position.get(0, 0.0)
        return 0.5 * r @ r, np.array([dk * k, bar])

    return {"fun": f, "x0": np.array([0.0, 0.7]), "jac": True, "method": "L-BFGS-B"}


@case(also=("converged",))
def cost_constant_in_an_unused_parameter() -> Arguments:
    """A nuisance parameter that the cost does not read, with the gradient zero there."""
    return {
        "fun": lambda x: (x[0] - 1) ** 2 + np.cosh(x[1]),
        "x0": np.array([0.0, 0.5, 7.0]),
        "jac": lambda x: np.array([2 * (x[0] - 1), np.sinh(x[1]), 0.0]),
        "method": "SLSQP",
    }


@case(also=("converged",))
def feasibility_problem_with_a_constant_objective() -> Arguments:
    """Two link angles that reach a point; the objective is zero on purpose."""

    def reach(q):
        return np.array([np.cos(q[0]) + np.cos(q[1]) - 1.2, np.sin(q[0]) + np.sin(q[1]) - 0.5])

    def jacobian(q):
        return np.array([[-np.sin(q[0]), -np.sin(q[1])], [np.cos(q[0]), np.cos(q[1])]])

    return {
        "fun": lambda q: 0.0,
        "x0": np.array([0.2, 1.4]),
        "jac": lambda q: np.zeros(2),
        "constraints": {"type": "eq", "fun": reach, "jac": jacobian},
        "method": "SLSQP",
    }


@case(also=("converged", "precision-limit"))
def three_point_gradient_by_scipy() -> Arguments:
    X, y = regression(25, 3, 21)
    return {
        "fun": lambda w: np.sum(np.cosh(X @ w - y)),
        "x0": np.zeros(3),
        "jac": "3-point",
        "method": "CG",
    }


@case(also=("converged", "iteration-limit"))
def nelder_mead_needs_no_gradient() -> Arguments:
    return {"fun": rosen, "x0": np.array([-1.2, 1.0]), "method": "Nelder-Mead"}


@case(also=("converged",))
def hessian_product_of_a_logistic_regression() -> Arguments:
    X, y = regression(90, 5, 22)
    s = (y > 0).astype(float)

    def f(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - s * z) + 0.1 * w @ w

    def g(w):
        return X.T @ (expit(X @ w) - s) + 0.2 * w

    def hp(w, v):
        p = expit(X @ w)
        return X.T @ (p * (1 - p) * (X @ v)) + 0.2 * v

    return {"fun": f, "x0": np.zeros(5), "jac": g, "hessp": hp, "method": "trust-krylov"}


@case(also=("converged",))
def dogleg_on_a_convex_cost() -> Arguments:
    c = np.array([1.0, -1.0, 0.5])
    return {
        "fun": lambda x: np.sum(np.cosh(x - c)) + 0.5 * x @ x,
        "x0": np.array([2.0, 2.0, -2.0]),
        "jac": lambda x: np.sinh(x - c) + x,
        "hess": lambda x: np.diag(np.cosh(x - c)) + np.eye(3),
        "method": "dogleg",
    }


@case(also=("converged",))
def gauss_newton_hessian_is_close_enough_at_zero_residual() -> Arguments:
    """The residual is linear, so that J'J is the Hessian and not an approximation."""
    X, y = regression(40, 4, 23)
    return {
        "fun": lambda w: 0.5 * np.sum((X @ w - y) ** 2),
        "x0": np.zeros(4),
        "jac": lambda w: X.T @ (X @ w - y),
        "hess": lambda w: X.T @ X,
        "method": "trust-ncg",
    }


@case(solver="fmin_l_bfgs_b", also=("converged", "precision-limit"))
def old_interface_with_bounds_and_factr() -> Arguments:
    X, y = regression(60, 6, 24)
    return {
        "func": lambda w: (0.5 * np.sum((X @ w - y) ** 2), X.T @ (X @ w - y)),
        "x0": np.zeros(6),
        "bounds": [(-1, 1)] * 6,
        "factr": 10.0,
    }


@case(solver="fmin_bfgs", also=("converged", "precision-limit"))
def old_interface_without_a_gradient() -> Arguments:
    return {"f": rosen, "x0": np.array([1.2, 1.3]), "disp": 0}


@case(solver="root", also=("converged",))
def circle_and_line_by_lm() -> Arguments:
    return {
        "fun": lambda x: np.array([x @ x - 4.0, x[0] - 2 * x[1] + 1.0]),
        "x0": np.array([1.0, 1.0]),
        "jac": lambda x: np.array([2 * x, [1.0, -2.0]]),
        "method": "lm",
    }


@case(also=("converged",))
def convex_cost_with_a_kink_at_zero_met_on_the_way() -> Arguments:
    """The path crosses the kink of abs(x[0]); the minimum at x[0] = 2 is smooth."""

    def f(x):
        return 0.2 * np.abs(x[0]) + (x[0] - 2.1) ** 2 + (x[1] + 1) ** 2

    def g(x):
        return np.array([0.2 * np.sign(x[0]) + 2 * (x[0] - 2.1), 2 * (x[1] + 1)])

    return {"fun": f, "x0": np.array([-3.0, 2.0]), "jac": g, "method": "BFGS"}


@case(also=("converged",))
def sparse_gradient_of_a_ranking_loss() -> Arguments:
    """Most of the 400 scores belong to items nobody compared: zero but for a weak prior."""
    rng = np.random.default_rng(25)
    pairs = rng.choice(60, size=(300, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]

    def f(s):
        d = s[pairs[:, 0]] - s[pairs[:, 1]]
        g = 0.01 * s
        p = expit(-d)
        np.add.at(g, pairs[:, 0], -p)
        np.add.at(g, pairs[:, 1], p)
        return np.sum(np.logaddexp(0, -d)) + 0.005 * s @ s, g

    return {"fun": f, "x0": np.zeros(400), "jac": True, "method": "L-BFGS-B"}


@case(also=("converged", "precision-limit"))
def tiny_cost_in_picojoules() -> Arguments:
    c = np.array([1.0, 2.0])
    return {
        "fun": lambda x: 1e-12 * np.sum(np.cosh(x - c)),
        "x0": np.array([3.0, -1.0]),
        "jac": lambda x: 1e-12 * np.sinh(x - c),
        "method": "BFGS",
        "options": {"gtol": 1e-18},
    }


@case(also=("converged",))
def unbounded_below_but_held_by_its_bounds() -> Arguments:
    c = np.array([-1.0, 2.0, -3.0])
    return {
        "fun": lambda x: c @ x,
        "x0": np.zeros(3),
        "jac": lambda x: c,
        "bounds": [(-1, 1)] * 3,
        "method": "L-BFGS-B",
    }


@case(also=("converged",))
def redundant_bounds_and_inactive_constraints() -> Arguments:
    return {
        "fun": lambda x: np.sum((x - 0.3) ** 2) + 0.1 * np.sum(x**4),
        "x0": np.array([0.9, 0.1, 0.5]),
        "jac": lambda x: 2 * (x - 0.3) + 0.4 * x**3,
        "bounds": [(0, 1)] * 3,
        "constraints": [
            {"type": "ineq", "fun": lambda x: x, "jac": lambda x: np.eye(3)},
            {"type": "ineq", "fun": lambda x: 10 - x.sum(), "jac": lambda x: -np.ones(3)},
        ],
        "method": "SLSQP",
    }


@case(also=("converged", "iteration-limit"))
def symmetric_start_with_a_slope_in_one_parameter_only() -> Arguments:
    """The gradient in x[1] is zero at the start, by symmetry, and the minimum has x[1] = 0."""
    return {
        "fun": lambda x: np.log(np.cosh(x[0] - 1)) + x[1] ** 2 * (1 + x[0] ** 2),
        "x0": np.array([-1.0, 0.0]),
        "jac": lambda x: np.array(
            [np.tanh(x[0] - 1) + 2 * x[0] * x[1] ** 2, 2 * x[1] * (1 + x[0] ** 2)]
        ),
        "method": "CG",
    }
