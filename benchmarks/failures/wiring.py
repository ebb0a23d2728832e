"""Runs that fail because a function is wired wrongly to the optimizer (GA1xx)."""
# ruff: noqa: D101, D102, D401, ARG001, ARG002, ARG005, B008, B023, E731

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.failures.case import case

Arguments = dict[str, Any]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def blobs(m, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    w = rng.normal(size=n)
    y = (rng.random(m) < sigmoid(X @ w)).astype(float)
    return X, y


# --- the argument is not what is used -----------------------------------------------------------


def autoencoder_cost(theta, n_visible, n_hidden, lam, data):
    split = n_visible * n_hidden
    W1 = theta[:split].reshape(n_hidden, n_visible)
    W2 = theta[split : 2 * split].reshape(n_visible, n_hidden)
    b1 = theta[2 * split : 2 * split + n_hidden]
    b2 = theta[2 * split + n_hidden :]
    m = data.shape[1]
    a2 = sigmoid(W1 @ data + b1[:, None])
    a3 = sigmoid(W2 @ a2 + b2[:, None])
    cost = np.sum((a3 - data) ** 2) / (2 * m) + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))
    delta3 = (a3 - data) * a3 * (1 - a3)
    delta2 = (W2.T @ delta3) * a2 * (1 - a2)
    grad = np.concatenate(
        [
            (delta2 @ data.T / m + lam * W1).ravel(),
            (delta3 @ a2.T / m + lam * W2).ravel(),
            delta2.mean(axis=1),
            delta3.mean(axis=1),
        ]
    )
    return cost, grad


@case("ignored-argument", report="1")
def autoencoder_lambda_reads_theta() -> Arguments:
    rng = np.random.default_rng(0)
    data = rng.random((16, 60))
    visible, hidden = 16, 5
    r = np.sqrt(6 / (visible + hidden + 1))
    theta = np.concatenate(
        [rng.uniform(-r, r, 2 * visible * hidden), np.zeros(hidden), np.zeros(visible)]
    )
    J = lambda x: autoencoder_cost(theta, visible, hidden, 1e-4, data)
    return {
        "fun": J,
        "x0": theta,
        "method": "L-BFGS-B",
        "jac": True,
        "options": {"maxiter": 400},
    }


@case("ignored-argument")
def logistic_cost_of_captured_beta() -> Arguments:
    X, y = blobs(80, 4, 1)
    beta = np.full(4, 0.3)

    def cost(b):
        p = sigmoid(X @ beta)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def grad(b):
        return X.T @ (sigmoid(X @ b) - y) / len(y)

    return {"fun": cost, "x0": beta, "jac": grad, "method": "BFGS"}


class RidgeModel:
    def __init__(self, X, y, lam):
        self.X, self.y, self.lam = X, y, lam
        self.coef = np.ones(X.shape[1])

    def objective(self, coef):
        r = self.X @ self.coef - self.y
        return 0.5 * r @ r + 0.5 * self.lam * self.coef @ self.coef

    def gradient(self, coef):
        return self.X.T @ (self.X @ self.coef - self.y) + self.lam * self.coef


@case("ignored-argument")
def ridge_class_evaluates_its_own_attribute() -> Arguments:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 6))
    model = RidgeModel(X, X @ np.arange(6.0) + rng.normal(size=30), 0.1)
    return {
        "fun": model.objective,
        "x0": model.coef.copy(),
        "jac": model.gradient,
        "method": "trust-constr",
    }


PARAMS = np.array([0.2, 1.5, -0.7])


def tnc_decay_misfit(p, t, y):
    """Read the module's PARAMS for the curve: the author renamed the argument halfway."""
    curve = PARAMS[0] + PARAMS[1] * np.exp(PARAMS[2] * t)
    r = curve - y
    e = np.exp(PARAMS[2] * t)
    return float(r @ r), 2 * np.array([r.sum(), r @ e, PARAMS[1] * (r * t) @ e])


@case("ignored-argument")
def decay_fit_reads_a_global() -> Arguments:
    t = np.linspace(0, 3, 25)
    y = 0.5 + 2.0 * np.exp(-1.1 * t)
    return {
        "fun": tnc_decay_misfit,
        "x0": PARAMS.copy(),
        "args": (t, y),
        "jac": True,
        "method": "TNC",
    }


@case("ignored-argument", "stale-cache")
def memoised_cost_keeps_the_first_point() -> Arguments:
    X, y = blobs(50, 3, 5)
    memo = {}

    def once(function):
        def wrapped(w):
            if "value" not in memo:
                memo["value"] = function(w)
            return memo["value"]

        return wrapped

    @once
    def nll(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z), X.T @ (sigmoid(z) - y)

    return {"fun": nll, "x0": np.zeros(3), "jac": True, "method": "CG"}


@case("frozen-gradient")
def gradient_taken_at_the_start_only() -> Arguments:
    X, y = blobs(60, 5, 7)
    w0 = np.zeros(5)

    def nll(w):
        z = X @ w
        return np.mean(np.logaddexp(0, z) - y * z) + 0.05 * w @ w

    g0 = X.T @ (sigmoid(X @ w0) - y) / len(y) + 0.1 * w0
    return {"fun": nll, "x0": w0, "jac": lambda w: g0, "method": "BFGS"}


@case("frozen-gradient")
def gradient_of_captured_vector_newton_cg() -> Arguments:
    rng = np.random.default_rng(8)
    A = rng.normal(size=(12, 4))
    b = rng.normal(size=12)
    x_init = np.array([1.0, -1.0, 0.5, 2.0])
    fun = lambda x: np.sum(np.cosh(0.3 * (A @ x - b)))
    jac = lambda x: 0.3 * A.T @ np.sinh(0.3 * (A @ x_init - b))
    return {"fun": fun, "x0": x_init, "jac": jac, "method": "Newton-CG"}


@case("frozen-gradient")
def score_of_initial_guess_under_slsqp() -> Arguments:
    rng = np.random.default_rng(9)
    counts = rng.poisson(4.0, size=40)
    design = np.column_stack([np.ones(40), rng.normal(size=40)])
    guess = np.array([1.0, 0.2])
    rate0 = np.exp(design @ guess)

    def poisson(b):
        eta = design @ b
        return np.sum(np.exp(eta) - counts * eta)

    def score(b):
        return design.T @ (rate0 - counts)

    return {"fun": poisson, "x0": guess, "jac": score, "method": "SLSQP"}


# --- loops, partial, shapes ---------------------------------------------------------------------


@case("late-binding", also=("degenerate-constraints",), report="64")
def chain_of_equalities_made_in_a_loop() -> Arguments:
    n = 5
    cons = []
    for i in range(n - 1):
        cons.append({"type": "eq", "fun": lambda x: x[i] - x[i + 1] - 0.5})
    target = np.array([3.0, -1.0, 2.0, 0.5, 1.0])
    return {
        "fun": lambda x: np.sum((x - target) ** 2),
        "x0": np.zeros(n),
        "constraints": cons,
        "method": "SLSQP",
    }


@case("late-binding", also=("degenerate-constraints",), report="65")
def linear_constraints_in_a_comprehension() -> Arguments:
    A = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 0.0, -1.0, 0.0]])
    b = np.array([1.0, 2.0, -0.25])
    constraints = [{"type": "eq", "fun": lambda x: A[k] @ x - b[k]} for k in range(3)]
    return {
        "fun": lambda x: 0.5 * x @ x,
        "x0": np.array([1.0, 0.0, 1.0, 0.5]),
        "jac": lambda x: x,
        "constraints": constraints,
        "method": "SLSQP",
    }


@case("late-binding", "wrong-gradient", "wrong-entries", also=("degenerate-constraints",))
def partial_derivatives_made_in_a_loop() -> Arguments:
    X, y = blobs(70, 4, 11)
    parts = []
    for j in range(4):
        parts.append(lambda w: X[:, j] @ (sigmoid(X @ w) - y) + 0.2 * w[j])

    def f(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z) + 0.1 * w @ w

    return {
        "fun": f,
        "x0": np.zeros(4),
        "jac": lambda w: np.array([part(w) for part in parts]),
        "method": "L-BFGS-B",
    }


@case("misbound-partial", "wrong-sign", "ignored-argument")
def partial_fills_the_parameters_place() -> Arguments:
    center = np.array([2.0, -1.0, 0.5])

    def bowl(theta, shift):
        d = theta - shift
        q = 1.0 + d @ d
        return np.log(q), 2 * d / q

    return {"fun": partial(bowl, center), "x0": np.zeros(3), "jac": True, "method": "L-BFGS-B"}


@case("misbound-partial")
def partial_with_the_start_and_args_as_well() -> Arguments:
    X, y = blobs(30, 3, 12)

    def loss(theta, X, y):
        r = X @ theta - y
        return 0.5 * r @ r

    def dloss(theta, X, y):
        return X.T @ (X @ theta - y)

    start = np.ones(3)
    return {
        "fun": partial(loss, start),
        "x0": start,
        "jac": partial(dloss, start),
        "args": (X, y),
        "method": "CG",
    }


@case("wrong-shape", report="48")
def gradient_summed_to_one_number() -> Arguments:
    X, y = blobs(40, 3, 13)

    def cost(b):
        z = X @ b
        return np.sum(np.logaddexp(0, z) - y * z)

    def grad(b):
        return np.sum(X.T @ (sigmoid(X @ b) - y))

    return {"fun": cost, "x0": np.zeros(3), "jac": grad, "method": "BFGS"}


@case("wrong-shape", report="49")
def gradient_as_a_column() -> Arguments:
    X, y = blobs(40, 3, 14)
    Y = y.reshape(-1, 1)

    def cost(theta):
        h = sigmoid(X @ theta.reshape(-1, 1))
        return float(-np.mean(Y * np.log(h) + (1 - Y) * np.log(1 - h)))

    def gradient(theta):
        h = sigmoid(X @ theta.reshape(-1, 1))
        outer = (h - Y).T * X.T  # a row for each parameter, never summed over the examples
        return outer / len(y)

    return {"fun": cost, "x0": np.zeros(3), "jac": gradient, "method": "CG"}


@case("wrong-shape", report="50")
def objective_returns_the_residuals() -> Arguments:
    t = np.linspace(0, 1, 19)
    y = 2 * np.exp(-3 * t)

    def residual(p):
        return p[0] * np.exp(-p[1] * t) - y

    return {"fun": residual, "x0": np.ones(2), "method": "L-BFGS-B"}


@case("wrong-shape")
def gradient_lacks_the_bias() -> Arguments:
    X, y = blobs(40, 3, 15)

    def f(p):
        z = X @ p[:-1] + p[-1]
        return np.sum(np.logaddexp(0, z) - y * z), X.T @ (sigmoid(z) - y)

    return {"fun": f, "x0": np.zeros(4), "jac": True, "method": "L-BFGS-B"}


@case("integer-truncation", "piecewise-constant")
def parameters_copied_into_integers() -> Arguments:
    X = np.array([[1, 2], [3, -1], [0, 4], [2, 2]])
    y = np.array([5.2, 3.3, 7.7, 8.1])
    theta = np.array([0, 0])

    def cost(x):
        theta[:] = x
        r = X @ theta - y
        return 0.5 * r @ r

    def grad(x):
        theta[:] = x
        return X.T @ (X @ theta - y)

    return {"fun": cost, "x0": np.array([0.0, 0.0]), "jac": grad, "method": "BFGS"}


@case("integer-truncation", "wrong-gradient")
def gradient_stored_in_an_integer_array() -> Arguments:
    target = np.array([1.3, -2.4, 0.6, 3.7])

    def grad(x):
        g = np.zeros(4, dtype=int)
        for i in range(4):
            g[i] = 4 * (x[i] - target[i]) ** 3 + 2 * (x[i] - target[i])
        return g

    return {
        "fun": lambda x: np.sum((x - target) ** 4 + (x - target) ** 2),
        "x0": np.zeros(4),
        "jac": grad,
        "method": "L-BFGS-B",
    }


@case("jac-flag")
def jac_true_but_only_the_cost_comes_back() -> Arguments:
    def rosenbrock(x):
        return sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return {"fun": rosenbrock, "x0": np.array([-1.2, 1.0, 0.8]), "jac": True, "method": "BFGS"}


@case("jac-flag", also=("wrong-shape",))
def pair_returned_without_jac_true() -> Arguments:
    X, y = blobs(40, 3, 16)

    def loss_and_grad(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z), X.T @ (sigmoid(z) - y)

    return {"fun": loss_and_grad, "x0": np.zeros(3), "method": "L-BFGS-B"}


# --- state --------------------------------------------------------------------------------------


@case("mutated-argument", report="53")
def constraint_normalises_its_argument() -> Arguments:
    mu = np.array([0.06, 0.04, 0.09, 0.02])
    risk = np.diag([0.10, 0.05, 0.20, 0.01])

    def variance(w):
        return w @ risk @ w

    def enough_return(w):
        w /= w.sum()
        return w @ mu - 0.05

    return {
        "fun": variance,
        "x0": np.array([1.0, 2.0, 3.0, 4.0]),
        "constraints": [
            {"type": "eq", "fun": lambda w: w.sum() - 1.0},
            {"type": "ineq", "fun": enough_return},
        ],
        "bounds": [(0, None)] * 4,
        "method": "SLSQP",
    }


@case("mutated-argument", solver="root")
def equations_clip_their_argument() -> Arguments:
    def equations(v):
        np.clip(v, 0.1, 2.0, out=v)
        return np.array([v[0] * v[1] - 1.5, v[0] - np.log(v[1]) - 0.3])

    return {"fun": equations, "x0": np.array([5.0, 0.01]), "method": "hybr"}


@case("mutated-data", also=("nondeterministic",))
def targets_consumed_by_the_cost() -> Arguments:
    rng = np.random.default_rng(17)
    X = rng.normal(size=(25, 3))
    y = X @ np.array([1.0, 2.0, 3.0]) + 0.1 * rng.normal(size=25)

    def cost(w, X, y):
        y -= X @ w
        return 0.5 * y @ y

    def grad(w, X, y):
        return -X.T @ (y - X @ w)

    return {"fun": cost, "x0": np.zeros(3), "jac": grad, "args": (X, y), "method": "TNC"}


@case("mutated-data", "nondeterministic")
def features_rescaled_at_each_call() -> Arguments:
    rng = np.random.default_rng(18)
    X = 5 + 3 * rng.normal(size=(40, 3))
    y = rng.normal(size=40)

    class Regression:
        def __init__(self):
            self.X = X.copy()

        def __call__(self, w):
            self.X *= 0.99
            r = self.X @ w - y
            return r @ r, 2 * self.X.T @ r

    return {"fun": Regression(), "x0": np.ones(3), "jac": True, "method": "BFGS"}


@case("aliased-buffer")
def gradient_written_into_one_buffer() -> Arguments:
    rng = np.random.default_rng(19)
    A = rng.normal(size=(20, 6))
    y = rng.normal(size=20)
    buffer = np.empty(6)

    def f(x):
        return 0.5 * np.sum((A @ x - y) ** 2) + 0.25 * np.sum(x**4)

    def g(x):
        np.dot(A.T, A @ x - y, out=buffer)
        buffer[:] += x**3
        return buffer

    return {"fun": f, "x0": np.ones(6), "jac": g, "method": "BFGS"}


@case("aliased-buffer", solver="least_squares", report="51")
def residuals_written_into_one_buffer() -> Arguments:
    t = np.linspace(0, 2, 15)
    y = 1.7 * np.exp(-0.9 * t)
    out = np.empty_like(t)

    def residual(p):
        out[:] = p[0] * np.exp(-p[1] * t) - y
        return out

    return {"fun": residual, "x0": np.array([1.0, 0.3])}


@case("accumulated-gradient", also=("nondeterministic",))
def gradient_never_reset() -> Arguments:
    X, y = blobs(60, 4, 21)

    class Parameter:
        grad = np.zeros(4)

    Parameter.grad = np.zeros(4)

    def closure(w):
        z = X @ w
        Parameter.grad += X.T @ (sigmoid(z) - y) / len(y) + 0.01 * w
        return np.mean(np.logaddexp(0, z) - y * z) + 0.005 * w @ w, Parameter.grad.copy()

    return {"fun": closure, "x0": np.zeros(4), "jac": True, "method": "L-BFGS-B"}


def make_accumulating(default=np.zeros(3)):
    total = default.copy()

    def gradient(x):
        nonlocal total
        for k in range(3):
            total[k] += 2 * (k + 1) * (x[k] - k)
        return total.copy()

    return gradient


@case("accumulated-gradient", also=("nondeterministic",))
def loop_adds_to_a_kept_total() -> Arguments:
    return {
        "fun": lambda x: sum((k + 1) * (x[k] - k) ** 2 for k in range(3)),
        "x0": np.array([4.0, 4.0, 4.0]),
        "jac": make_accumulating(),
        "method": "SLSQP",
    }


@case("stale-cache", report="55")
def jacobian_reuses_the_last_cost_call() -> Arguments:
    X, y = blobs(50, 4, 22)

    class Likelihood:
        def __init__(self):
            self.p = np.full(len(y), 0.5)

        def value(self, w):
            z = X @ w
            self.p = sigmoid(z)
            return np.sum(np.logaddexp(0, z) - y * z) + 0.05 * w @ w

        def score(self, w):
            return X.T @ (self.p - y) + 0.1 * w

    model = Likelihood()
    return {"fun": model.value, "x0": np.zeros(4), "jac": model.score, "method": "Newton-CG"}


@case("stale-cache", "piecewise-constant", also=("nondeterministic", "wrong-gradient"))
def cache_keyed_on_rounded_parameters() -> Arguments:
    rng = np.random.default_rng(23)
    A = rng.normal(size=(15, 3))
    y = rng.normal(size=15) + 3
    cache = {}

    def forward(x):
        key = tuple(np.round(x, 1))
        if key not in cache:
            e = np.exp(0.2 * A @ x)
            cache[key] = (e - y, 0.2 * A * e[:, None])
        return cache[key]

    def cost(x):
        r, _ = forward(x)
        return 0.5 * r @ r

    def grad(x):
        r, J = forward(x)
        return J.T @ r

    return {"fun": cost, "x0": np.zeros(3), "jac": grad, "method": "L-BFGS-B"}


@case("nondeterministic", report="58")
def minibatch_drawn_in_the_objective() -> Arguments:
    X, y = blobs(2000, 5, 24)
    rng = np.random.default_rng(1)

    def minibatch_loss(w):
        rows = rng.integers(0, 2000, 64)
        z = X[rows] @ w
        loss = np.mean(np.logaddexp(0, z) - y[rows] * z)
        return loss, X[rows].T @ (sigmoid(z) - y[rows]) / 64

    return {"fun": minibatch_loss, "x0": np.zeros(5), "jac": True, "method": "L-BFGS-B"}


@case("nondeterministic", report="57")
def fresh_monte_carlo_samples_each_time() -> Arguments:
    rng = np.random.default_rng(2)

    def elbo(p):
        z = rng.normal(size=200)
        s = np.exp(p[1])
        x = p[0] + s * z
        f = np.mean(0.5 * (x - 2) ** 2 + 0.1 * x**4) - p[1]
        dx = (x - 2) + 0.4 * x**3
        return f, np.array([dx.mean(), (dx * s * z).mean() - 1])

    return {"fun": elbo, "x0": np.zeros(2), "jac": True, "method": "BFGS"}


@case("nondeterministic")
def dropout_left_on() -> Arguments:
    rng = np.random.default_rng(26)
    X = rng.normal(size=(40, 8))
    y = X @ rng.normal(size=8)
    drop = np.random.default_rng(99)

    def loss(w):
        mask = drop.random(8) > 0.2
        r = X @ (w * mask / 0.8) - y
        return r @ r / 40, 2 * mask / 0.8 * (X.T @ r) / 40

    return {"fun": loss, "x0": np.zeros(8), "jac": True, "method": "trust-constr"}


@case("unused-block", "wrong-entries", "shifted-block", "wrong-gradient", "zero-gradient")
def second_bias_read_from_the_first() -> Arguments:
    rng = np.random.default_rng(27)
    X = rng.normal(size=(30, 4))
    Y = rng.normal(size=(30, 3))

    def net(theta):
        W1, W2 = theta[:12].reshape(4, 3), theta[12:21].reshape(3, 3)
        b1, b2 = theta[21:24], theta[21:24]
        H = np.tanh(X @ W1 + b1)
        R = H @ W2 + b2 - Y
        dH = R @ W2.T * (1 - H**2)
        grads = [X.T @ dH, H.T @ R, dH.sum(0), R.sum(0)]
        return 0.5 * np.sum(R**2), np.concatenate([g.ravel() for g in grads])

    return {"fun": net, "x0": 0.3 * rng.normal(size=27), "jac": True, "method": "L-BFGS-B"}


# --- more of each, in other solvers -------------------------------------------------------------


@case("late-binding", also=("degenerate-constraints",))
def nonlinear_constraints_made_in_a_loop() -> Arguments:
    from scipy.optimize import NonlinearConstraint

    centres = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.5]])
    cons = []
    for centre in centres:
        cons.append(NonlinearConstraint(lambda x: np.sum((x - centre) ** 2), 1.0, np.inf))
    return {
        "fun": lambda x: (x[0] - 0.1) ** 2 + (x[1] - 0.1) ** 2,
        "x0": np.array([1.2, -1.0]),
        "jac": lambda x: 2 * (x - 0.1),
        "constraints": cons,
        "method": "trust-constr",
    }


@case("late-binding", "wrong-gradient", "wrong-scale", "wrong-entries", "fun-jac-mismatch")
def layers_whose_activations_are_bound_late() -> Arguments:
    """The list of slopes is made in a loop: every layer uses the slope of the last one."""
    rng = np.random.default_rng(40)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    acts = [np.tanh, np.sin]
    slopes = [lambda z: 1 - np.tanh(z) ** 2, np.cos]
    derivatives = []
    for slope in slopes:
        derivatives.append(lambda z: slope(z))

    def net(t):
        W, V, w = t[:9].reshape(3, 3), t[9:18].reshape(3, 3), t[18:]
        Z1 = X @ W
        A1 = acts[0](Z1)
        Z2 = A1 @ V
        A2 = acts[1](Z2)
        r = A2 @ w - y
        D2 = np.outer(r, w) * derivatives[1](Z2)
        D1 = D2 @ V.T * derivatives[0](Z1)
        return 0.5 * r @ r, np.concatenate([(X.T @ D1).ravel(), (A1.T @ D2).ravel(), A2.T @ r])

    return {"fun": net, "x0": 0.6 * rng.normal(size=21), "jac": True, "method": "BFGS"}


@case("stale-cache")
def cache_keyed_on_the_first_parameter() -> Arguments:
    X, y = blobs(60, 4, 41)

    class Cached:
        key = None

        def update(self, w):
            if self.key != w[0]:
                self.key = w[0]
                self.p = sigmoid(X @ w)

        def cost(self, w):
            z = X @ w
            return np.mean(np.logaddexp(0, z) - y * z) + 0.02 * w @ w

        def grad(self, w):
            self.update(w)
            return X.T @ (self.p - y) / len(y) + 0.04 * w

    model = Cached()
    bounds = [(0.5, 0.5), (None, None), (None, None), (None, None)]
    return {
        "fun": model.cost,
        "x0": np.array([0.5, 0.0, 0.0, 0.0]),
        "jac": model.grad,
        "bounds": bounds,
        "method": "L-BFGS-B",
    }


@case("stale-cache", also=("nondeterministic",))
def gradient_of_the_call_before() -> Arguments:
    """Double buffering gone wrong: each call returns the gradient computed by the last one."""
    target = np.array([1.0, -2.0, 3.0, 0.5])
    pending = [np.zeros(4)]

    def cost(x):
        d = x - target
        g = d + d**3
        old, pending[0] = pending[0], g
        return 0.5 * d @ d + 0.25 * np.sum(d**4), old

    return {"fun": cost, "x0": np.zeros(4), "jac": True, "method": "trust-constr"}


@case("mutated-argument", solver="least_squares")
def residual_sorts_its_peaks_in_place() -> Arguments:
    t = np.linspace(0, 10, 60)
    y = np.exp(-((t - 3) ** 2)) + 0.5 * np.exp(-((t - 6.5) ** 2))

    def residual(p):
        p[:2] = np.sort(p[:2])
        return p[2] * np.exp(-((t - p[0]) ** 2)) + p[3] * np.exp(-((t - p[1]) ** 2)) - y

    return {"fun": residual, "x0": np.array([7.0, 2.0, 1.0, 1.0]), "method": "lm"}


@case("mutated-argument", "wrong-gradient", also=("stale-cache",))
def gradient_standardises_its_argument() -> Arguments:
    rng = np.random.default_rng(42)
    X, y = rng.normal(size=(40, 5)), rng.normal(size=40)

    def cost(w):
        r = X @ w - y
        return 0.5 * r @ r

    def grad(w):
        w -= w.mean()
        return X.T @ (X @ w - y)

    return {"fun": cost, "x0": np.arange(5.0), "jac": grad, "method": "CG"}


@case("mutated-data", "nondeterministic")
def residual_list_that_keeps_growing() -> Arguments:
    """History is appended to the data passed in args, and the mean is over all of it."""
    history = [3.0]

    def loss(x, history):
        r = float((x[0] - 2) ** 2 + (x[1] + 1) ** 2)
        history.append(r)
        return np.mean(history)

    def dloss(x, history):
        return np.array([2 * (x[0] - 2), 2 * (x[1] + 1)])

    return {
        "fun": loss,
        "x0": np.zeros(2),
        "jac": dloss,
        "args": (history,),
        "method": "L-BFGS-B",
    }


@case("mutated-data", "nondeterministic", solver="least_squares")
def weights_updated_while_the_fit_runs() -> Arguments:
    """Iteratively reweighted, with the reweighting inside the residual function."""
    rng = np.random.default_rng(43)
    t = np.linspace(0, 1, 30)
    y = 1 + 2 * t + 0.1 * rng.standard_cauchy(30)
    weights = np.ones(30)

    def residual(p, weights):
        r = p[0] + p[1] * t - y
        weights *= 1 / np.sqrt(1 + r**2)
        return weights * r

    return {"fun": residual, "x0": np.zeros(2), "args": (weights,)}


@case("accumulated-gradient", "nondeterministic")
def einsum_into_a_buffer_without_zeroing() -> Arguments:
    rng = np.random.default_rng(44)
    X, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    total = np.zeros(4)

    def f(w):
        return np.sum(np.log(np.cosh(X @ w - y)))

    def g(w):
        for xi, yi in zip(X, y, strict=True):
            np.add(total, xi * np.tanh(xi @ w - yi), out=total)
        return np.array(total)

    return {"fun": f, "x0": np.zeros(4), "jac": g, "method": "TNC"}


@case("aliased-buffer", solver="fmin_bfgs")
def view_of_the_workspace_returned() -> Arguments:
    """The gradient is a view of the upper half of one workspace: the old one changes with it."""
    n = 10
    w = np.arange(1.0, n + 1)
    work = np.zeros(2 * n)

    def f(x):
        return 0.5 * np.sum(w * x**2) + 0.1 * np.sum(x**4) + np.sum(x)

    def g(x):
        work[:n] = x**3
        work[n:] = w * x + 0.4 * work[:n] + 1
        return work[n:]

    return {"f": f, "x0": np.full(n, 2.0), "fprime": g, "disp": 0}


@case("unused-block", "zero-gradient", "wrong-gradient", "wrong-entries", "shifted-block")
def recurrent_weights_overwritten_before_use() -> Arguments:
    """U is unpacked and then replaced by the identity of an experiment long forgotten."""
    rng = np.random.default_rng(45)
    S = rng.normal(size=(20, 6))
    y = np.tanh(S.sum(axis=1))

    def rnn(t):
        U, w, v = t[:9].reshape(3, 3), t[9:12], t[12:15]
        U = 0.5 * np.eye(3)
        hs = [np.zeros((20, 3))]
        for k in range(6):
            hs.append(np.tanh(hs[-1] @ U + np.outer(S[:, k], w)))
        r = hs[-1] @ v - y
        d = np.outer(r, v)
        gU, gw = np.zeros((3, 3)), np.zeros(3)
        for k in range(5, -1, -1):
            d = d * (1 - hs[k + 1] ** 2)
            gU += hs[k].T @ d
            gw += d.T @ S[:, k]
            d = d @ U.T
        return 0.5 * r @ r, np.concatenate([gU.ravel(), gw, hs[-1].T @ r])

    return {"fun": rnn, "x0": 0.5 * rng.normal(size=15), "jac": True, "method": "L-BFGS-B"}


@case("jac-flag", "wrong-shape")
def jacobian_returns_the_pair_as_well() -> Arguments:
    """One function serves both: as fun its first value is taken, as jac nothing is."""
    X, y = blobs(30, 3, 46)

    def both(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z), X.T @ (sigmoid(z) - y)

    return {"fun": lambda w: both(w)[0], "x0": np.zeros(3), "jac": both, "method": "BFGS"}


@case("integer-truncation", "piecewise-constant")
def buffer_with_the_type_of_an_integer_start() -> Arguments:
    """`np.empty_like(template)` where the template was a list of whole numbers."""
    template = np.array([10, 20, 30])
    measured = np.array([12.4, 19.1, 33.3])

    def cost(x):
        state = np.empty_like(template)
        state[:] = x
        return float(np.sum((state - measured) ** 2))

    return {"fun": cost, "x0": [10.5, 20.5, 30.5], "method": "CG"}


@case("wrong-shape")
def labels_broadcast_against_a_column() -> Arguments:
    """Scores of shape (m, 1) minus labels of shape (m,): an m by m matrix, and a long gradient."""
    X, y = blobs(25, 4, 47)

    def grad(w):
        return (X.T @ (sigmoid(X @ w.reshape(-1, 1)) - y) / 25).ravel()

    def cost(w):
        z = X @ w
        return np.mean(np.logaddexp(0, z) - y * z)

    return {"fun": cost, "x0": np.zeros(4), "jac": grad, "method": "CG"}


@case("frozen-gradient")
def gradient_function_called_at_definition() -> Arguments:
    """`jac=lambda x, g=grad(x0): g` was meant to save an import."""
    c = np.array([2.0, -3.0, 1.0, 0.5])

    def cost(x):
        return np.sum(np.sqrt(1 + (x - c) ** 2))

    def grad(x):
        return (x - c) / np.sqrt(1 + (x - c) ** 2)

    start = np.zeros(4)
    return {
        "fun": cost,
        "x0": start,
        "jac": lambda x, g=grad(start): g.copy(),
        "method": "trust-constr",
    }


@case("nondeterministic")
def random_projection_inside_the_cost() -> Arguments:
    """Legacy global generator, never seeded inside; SLSQP reports success."""
    rng = np.random.default_rng(48)
    A, b = rng.normal(size=(100, 6)), rng.normal(size=100)
    stream = np.random.RandomState(0)

    def sketch(x):
        S = stream.normal(size=(15, 100)) / np.sqrt(15)
        r = S @ (A @ x - b)
        return r @ r, 2 * (S @ A).T @ r

    return {"fun": sketch, "x0": np.zeros(6), "jac": True, "method": "SLSQP"}
