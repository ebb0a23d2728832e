"""Runs that fail because the gradient is not the derivative of the cost (GA2xx)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der
from scipy.special import expit, gammaln, logsumexp

from benchmarks.failures.case import case

Arguments = dict[str, Any]


def classification(m, n, seed, intercept=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    if intercept:
        X = np.column_stack([np.ones(m), X])
    y = (X @ rng.normal(size=X.shape[1]) + 0.7 * rng.normal(size=m) > 0).astype(float)
    return X, y


# --- signs --------------------------------------------------------------------------------------


@case("wrong-sign", solver="fmin_l_bfgs_b", report="2")
def poisson_score_goes_uphill() -> Arguments:
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(120), rng.normal(size=(120, 2))])
    counts = rng.poisson(np.exp(X @ [0.8, 0.3, -0.4]))

    def negative_loglikelihood(beta):
        eta = X @ beta
        return -np.sum(counts * eta - np.exp(eta) - gammaln(counts + 1))

    def score(beta):
        return X.T @ (counts - np.exp(X @ beta))

    return {"func": negative_loglikelihood, "x0": np.zeros(3), "fprime": score}


@case("wrong-sign")
def maximised_utility_with_gradient_of_the_utility() -> Arguments:
    mu = np.array([0.08, 0.12, 0.05])
    sigma = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.02]])

    def utility(w):
        return mu @ w - 2.0 * w @ sigma @ w

    def marginal_utility(w):
        return mu - 4.0 * sigma @ w

    return {
        "fun": lambda w: -utility(w),
        "x0": np.array([0.4, 0.3, 0.3]),
        "jac": marginal_utility,
        "method": "trust-constr",
        "bounds": [(0, 1)] * 3,
    }


@case("wrong-sign")
def bias_gradient_with_a_minus() -> Arguments:
    X, y = classification(90, 4, 2)

    def logistic(theta, X, y):
        w, b = theta[:-1], theta[-1]
        z = X @ w + b
        cost = np.mean(np.logaddexp(0, z) - y * z) + 0.05 * w @ w
        e = expit(z) - y
        return cost, np.concatenate([X.T @ e / len(y) + 0.1 * w, [-e.mean()]])

    return {
        "fun": logistic,
        "x0": np.append(np.zeros(4), 0.4),
        "args": (X, y),
        "jac": True,
        "method": "SLSQP",
    }


@case("wrong-sign", "wrong-gradient", "wrong-entries", solver="fmin_cg")
def one_term_of_rosenbrock_with_a_minus() -> Arguments:
    def prime(x):
        g = np.zeros_like(x)
        g[:-1] += 400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
        g[1:] += 200 * (x[1:] - x[:-1] ** 2)
        return g

    return {"f": rosen, "x0": np.array([-1.2, 1.0, 0.7, 1.4]), "fprime": prime, "disp": 0}


# --- factors ------------------------------------------------------------------------------------


@case("wrong-scale", report="5")
def mean_over_examples_in_the_biases() -> Arguments:
    rng = np.random.default_rng(3)
    X = rng.random((50, 12))

    def unpack(t):
        return t[:48].reshape(12, 4), t[48:96].reshape(4, 12), t[96:100], t[100:]

    def loss(t):
        W1, W2, b1, b2 = unpack(t)
        H = np.tanh(X @ W1 + b1)
        R = H @ W2 + b2 - X
        dH = (R @ W2.T) * (1 - H**2)
        grads = (X.T @ dH, H.T @ R, dH.mean(0), R.mean(0))
        return 0.5 * np.sum(R * R), np.hstack([g.ravel() for g in grads])

    return {"fun": loss, "x0": 0.2 * rng.normal(size=112), "jac": True, "method": "BFGS"}


@case("wrong-scale")
def gradient_summed_where_the_cost_is_a_mean() -> Arguments:
    X, y = classification(2500, 6, 4)

    def cost(w):
        z = X.dot(w)
        return (np.logaddexp(0, z) - y * z).mean()

    def grad(w):
        return X.T.dot(expit(X.dot(w)) - y)

    return {"fun": cost, "x0": np.zeros(6), "jac": grad, "method": "L-BFGS-B"}


@case("wrong-scale")
def per_minute_gradient_of_a_cost_per_second() -> Arguments:
    flow = np.array([2.0, 5.0, 1.0])

    def cost(x):
        return np.sum(60 * (np.cosh(0.5 * (x - flow)) - 1))

    def grad(x):
        return 0.5 * np.sinh(0.5 * (x - flow))

    return {"fun": cost, "x0": np.zeros(3), "jac": grad, "method": "trust-constr"}


@case("wrong-scale")
def angles_in_degrees() -> Arguments:
    """Bus angles of a small grid in degrees, the derivative as if in radians."""
    B = np.array([[0, 3.0, 1.5, 0], [3.0, 0, 2.0, 1.0], [1.5, 2.0, 0, 2.5], [0, 1.0, 2.5, 0]])
    P = np.array([0.9, -0.4, -0.8, 0.3])

    def mismatch(deg):
        th = np.radians(deg)
        D = th[:, None] - th[None, :]
        r = (B * np.sin(D)).sum(1) - P
        C = B * np.cos(D)
        J = np.diag(C.sum(1)) - C
        return 0.5 * r @ r + 0.005 * th @ th, J.T @ r + 0.01 * th

    return {"fun": mismatch, "x0": np.array([5.0, -3.0, 2.0, 1.0]), "jac": True, "method": "CG"}


@case("wrong-scale")
def forgotten_two_under_bfgs() -> Arguments:
    rng = np.random.default_rng(6)
    A, b = rng.normal(size=(30, 5)), rng.normal(size=30)
    return {
        "fun": lambda x: np.sum((A @ x - b) ** 2),
        "x0": np.zeros(5),
        "jac": lambda x: A.T @ (A @ x - b),
        "method": "BFGS",
    }


@case("wrong-scale", "wrong-gradient", "wrong-entries")
def noise_variance_gradient_without_the_half() -> Arguments:
    """Gaussian log-likelihood; only the last parameter, log sigma^2, is off."""
    rng = np.random.default_rng(7)
    t = np.linspace(0, 1, 40)
    y = 1 + 2 * t + 0.3 * rng.normal(size=40)

    class LineFit:
        def nll(self, p):
            r = y - p[0] - p[1] * t
            return 20 * p[2] + 0.5 * r @ r / np.exp(p[2])

        def grad(self, p):
            r = y - p[0] - p[1] * t
            s2 = np.exp(p[2])
            return np.array([-r.sum() / s2, -(r @ t) / s2, 40 - (r @ r) / s2])

    fit = LineFit()
    return {"fun": fit.nll, "x0": np.array([0.0, 0.0, 0.5]), "jac": fit.grad, "method": "Newton-CG"}


# --- penalties ----------------------------------------------------------------------------------


@case("missing-penalty")
def ridge_left_out_of_the_gradient() -> Arguments:
    X, y = classification(200, 6, 8)
    lam = 3.0

    def cost(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * lam * w @ w

    def grad(w):
        return X.T @ (expit(X @ w) - y)

    return {"fun": cost, "x0": np.zeros(6), "jac": grad, "method": "L-BFGS-B"}


@case("missing-penalty")
def weight_decay_missing_and_trust_constr_content() -> Arguments:
    rng = np.random.default_rng(9)
    X, Y = rng.normal(size=(40, 5)), rng.normal(size=(40, 2))

    def objective(theta, decay=0.5):
        W1, W2 = theta[:20].reshape(5, 4), theta[20:].reshape(4, 2)
        H = np.tanh(X @ W1)
        R = H @ W2 - Y
        cost = 0.5 * np.sum(R**2) / 40 + 0.5 * decay * np.sum(theta**2)
        g2 = H.T @ R / 40
        g1 = X.T @ (R @ W2.T * (1 - H**2)) / 40
        return cost, np.concatenate([g1.ravel(), g2.ravel()])

    return {
        "fun": objective,
        "x0": 0.5 * rng.normal(size=28),
        "jac": True,
        "method": "trust-constr",
        "options": {"maxiter": 150},
    }


@case("extra-penalty", "wrong-entries")
def intercept_penalised_in_the_gradient_only() -> Arguments:
    X, y = classification(100, 3, 10, intercept=True)
    y[:80] = 1.0

    def cost(theta, lam):
        h = expit(X @ theta)
        return (
            -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))
            + lam / (2 * len(y)) * theta[1:] @ theta[1:]
        )

    def gradient(theta, lam):
        return (X.T @ (expit(X @ theta) - y) + lam * theta) / len(y)

    return {
        "fun": cost,
        "x0": np.array([2.0, 0.5, 0.5, 0.5]),
        "jac": gradient,
        "args": (10.0,),
        "method": "CG",
    }


@case("wrong-penalty", "missing-penalty", "extra-penalty")
def penalty_of_another_strength() -> Arguments:
    rng = np.random.default_rng(11)
    R = rng.normal(size=(10, 8))

    def factorise(v, lam=0.4):
        U, V = v[:30].reshape(10, 3), v[30:].reshape(8, 3)
        E = U @ V.T - R
        f = 0.5 * np.sum(E**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))
        gU = E @ V + lam / 10 * U
        gV = E.T @ U + lam / 10 * V
        return f, np.r_[gU.ravel(), gV.ravel()]

    return {"fun": factorise, "x0": rng.normal(size=54), "jac": True, "method": "BFGS"}


# --- blocks and entries -------------------------------------------------------------------------


@case("zero-gradient", "wrong-entries")
def offset_gradient_never_filled_in() -> Arguments:
    X, y = classification(80, 4, 12)

    def f(p):
        z = X @ p[:4] + p[4]
        g = np.zeros(5)
        g[:4] = X.T @ (expit(z) - y) + 0.1 * p[:4]
        return np.sum(np.logaddexp(0, z) - y * z) + 0.05 * p[:4] @ p[:4], g

    return {"fun": f, "x0": np.array([0, 0, 0, 0, 1.5]), "jac": True, "method": "TNC"}


@case("zero-gradient")
def second_layer_frozen_by_zeros_like() -> Arguments:
    rng = np.random.default_rng(13)
    X = rng.normal(size=(30, 3))
    Y = np.sin(X @ rng.normal(size=(3, 2)))

    def cost(v):
        W, V = v[:12].reshape(3, 4), v[12:].reshape(4, 2)
        E = np.tanh(X @ W) @ V - Y
        return 0.5 * np.sum(E * E)

    def grad(v):
        W, V = v[:12].reshape(3, 4), v[12:].reshape(4, 2)
        H = np.tanh(X @ W)
        E = H @ V - Y
        dW = X.T @ (E @ V.T * (1 - H * H))
        dV = np.zeros_like(V)
        return np.concatenate([dW.ravel(), dV.ravel()])

    return {"fun": cost, "x0": rng.normal(size=20), "jac": grad, "method": "L-BFGS-B"}


@case("transposed-block", "wrong-memory-order")
def square_weight_matrix_transposed() -> Arguments:
    rng = np.random.default_rng(14)
    S = rng.normal(size=(60, 5))
    T = np.tanh(S @ rng.normal(size=(5, 5)))

    def train(w):
        W = w.reshape(5, 5)
        Z = np.tanh(S @ W)
        D = (Z - T) * (1 - Z**2)
        return 0.5 * np.sum((Z - T) ** 2), (D.T @ S).flatten()

    return {"fun": train, "x0": 0.1 * rng.normal(size=25), "jac": True, "method": "trust-constr"}


@case("wrong-memory-order", "transposed-block")
def gradient_flattened_in_fortran_order() -> Arguments:
    rng = np.random.default_rng(15)
    X = rng.normal(size=(80, 4))
    labels = rng.integers(0, 3, 80)
    onehot = np.eye(3)[labels]

    def softmax_loss(w, reg=1e-2):
        W = np.reshape(w, (4, 3))
        S = X @ W
        L = S - np.asarray(logsumexp(S, axis=1, keepdims=True))
        G = X.T @ (np.exp(L) - onehot) / 80 + reg * W
        return -np.sum(onehot * L) / 80 + 0.5 * reg * np.sum(W * W), G.ravel(order="F")

    return {"fun": softmax_loss, "x0": np.zeros(12), "jac": True, "method": "L-BFGS-B"}


@case("swapped-blocks", "block-order")
def two_filters_of_equal_size_exchanged() -> Arguments:
    rng = np.random.default_rng(16)
    x = rng.normal(size=100)
    target = np.convolve(x, [0.2, 0.5, -0.3, 0.1], "valid") ** 2

    def f(p):
        a, b = p[:4], p[4:]
        u, v = np.convolve(x, a, "valid"), np.convolve(x, b, "valid")
        r = u * v - target
        ga = np.array([np.sum(r * v * x[3 - k : 100 - k]) for k in range(4)])
        gb = np.array([np.sum(r * u * x[3 - k : 100 - k]) for k in range(4)])
        return 0.5 * r @ r, np.hstack((gb, ga))

    return {"fun": f, "x0": rng.normal(size=8), "jac": True, "method": "CG"}


@case("block-order", "swapped-blocks", "shifted-block", "wrong-gradient", report="10")
def variables_packed_in_another_order() -> Arguments:
    """As `find_MAP` did: logp has (beta, sigma, alpha), dlogp (alpha, beta, sigma)."""
    rng = np.random.default_rng(17)
    X = rng.normal(size=(50, 3))
    y = 1.5 + X @ [1.0, -2.0, 0.5] + 0.4 * rng.normal(size=50)

    def split(q):
        return q[:3], q[3], q[4]

    def minus_logp(q):
        beta, log_sigma, alpha = split(q)
        r = (y - alpha - X @ beta) / np.exp(log_sigma)
        return 0.5 * r @ r + 50 * log_sigma + 0.05 * (beta @ beta + alpha**2)

    def minus_dlogp(q):
        beta, log_sigma, alpha = split(q)
        s = np.exp(log_sigma)
        r = (y - alpha - X @ beta) / s
        d_beta = -X.T @ r / s + 0.1 * beta
        d_alpha = -r.sum() / s + 0.1 * alpha
        return np.concatenate([[d_alpha], d_beta, [50 - r @ r]])

    return {"fun": minus_logp, "x0": np.zeros(5), "jac": minus_dlogp, "method": "L-BFGS-B"}


@case("shifted-block", "wrong-gradient", "wrong-entries")
def stencil_gradient_rolled_the_wrong_way() -> Arguments:
    n = 40
    s = np.sin(np.linspace(0, 6, n)) + 0.1 * np.cos(37 * np.arange(n))

    def smooth(u):
        d = np.diff(u)
        g = 2 * (u - s)
        h = np.tanh(4 * d)
        pull = np.zeros(n)
        pull[1:] += h
        pull[:-1] -= h
        return np.sum((u - s) ** 2) + np.sum(np.log(np.cosh(4 * d))) / 4, np.roll(g + pull, 1)

    return {"fun": smooth, "x0": s.copy(), "jac": True, "method": "L-BFGS-B"}


@case("wrong-entries", "wrong-gradient")
def last_entry_of_a_long_chain_forgotten() -> Arguments:
    n = 1000

    def chain(x):
        f = np.sum((x[1:] - 0.9 * x[:-1] - 0.1) ** 2) + np.sum((x - 1) ** 4) / 4 + (x[-1] + 2) ** 2
        r = x[1:] - 0.9 * x[:-1] - 0.1
        g = (x - 1) ** 3
        g[1:-1] += 2 * r[:-1]
        g[:-1] -= 1.8 * r
        return f, g

    return {"fun": chain, "x0": np.zeros(n), "jac": True, "method": "L-BFGS-B"}


@case("wrong-entries", "wrong-gradient", "zero-gradient")
def one_missing_component_silent_in_bfgs() -> Arguments:
    X, y = classification(120, 5, 19, intercept=True)

    def fun(b):
        z = X @ b
        return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * b @ b

    def jac(b):
        g = np.empty(6)
        e = expit(X @ b) - y
        for j in range(5):
            g[j] = X[:, j] @ e + b[j]
        g[5] = 0.0
        return g

    return {"fun": fun, "x0": np.zeros(6), "jac": jac, "method": "BFGS"}


@case("wrong-row", "wrong-gradient", "wrong-entries")
def reference_class_gets_the_others_gradient() -> Arguments:
    rng = np.random.default_rng(20)
    X = rng.normal(size=(100, 6))
    Y = np.eye(4)[rng.integers(0, 4, 100)]

    def loss(w):
        W = w.reshape(4, 6)
        Z = X @ W.T
        P = np.exp(Z - logsumexp(Z, axis=1, keepdims=True))
        G = (P - Y).T @ X + 0.5 * W
        G[0] = -G[1:].sum(axis=0)  # true without the penalty
        G[0] *= 1.5
        return -np.sum(Y * np.log(P)) + 0.25 * np.sum(W * W), G.ravel()

    return {"fun": loss, "x0": np.zeros(24), "jac": True, "method": "trust-constr"}


@case("column-scale", "row-scale", "wrong-gradient", "wrong-entries", "wrong-scale")
def standardisation_missing_in_the_gradient() -> Arguments:
    rng = np.random.default_rng(21)
    raw = rng.normal(size=(80, 5)) * np.array([1.0, 3.0, 0.5, 10.0, 0.2])
    scale = raw.std(axis=0)
    Y = rng.normal(size=(80, 2))

    def cost(w):
        R = (raw / scale) @ w.reshape(5, 2) - Y
        return 0.5 * np.sum(R * R)

    def grad(w):
        R = (raw / scale) @ w.reshape(5, 2) - Y
        return (raw.T @ R).ravel()

    return {"fun": cost, "x0": np.ones(10), "jac": grad, "method": "L-BFGS-B"}


def gp_data():
    rng = np.random.default_rng(22)
    t = np.sort(rng.uniform(0, 5, 25))
    return t, np.sin(2 * t) + 0.1 * rng.normal(size=25)


@case("log-parameter", "wrong-scale", "wrong-gradient", "wrong-entries")
def gp_lengthscale_differentiated_in_its_logarithm() -> Arguments:
    t, y = gp_data()
    D2 = (t[:, None] - t[None, :]) ** 2

    def nlml(h):
        amp, length, noise = h
        E = np.exp(-0.5 * D2 / length**2)
        K = amp**2 * E + noise**2 * np.eye(25)
        L = np.linalg.cholesky(K)
        a = np.linalg.solve(L.T, np.linalg.solve(L, y))
        f = 0.5 * y @ a + np.log(np.diag(L)).sum()
        inner = np.linalg.inv(K) - np.outer(a, a)
        derivatives = (2 * amp**2 * E, amp**2 * E * D2 / length**2, 2 * noise**2 * np.eye(25))
        return f, np.array([0.5 * np.sum(inner * dK) for dK in derivatives])

    return {
        "fun": nlml,
        "x0": np.array([2.0, 0.4, 0.3]),
        "jac": True,
        "bounds": [(1e-2, 10)] * 3,
        "method": "L-BFGS-B",
    }


# --- other functions ----------------------------------------------------------------------------


@case("fun-jac-mismatch", "wrong-gradient")
def gradient_on_training_cost_on_validation_data() -> Arguments:
    X, y = classification(200, 5, 23)
    train, valid = slice(0, 120), slice(120, 200)

    def nll(w, part):
        z = X[part] @ w
        return np.sum(np.logaddexp(0, z) - y[part] * z) + 0.5 * w @ w

    def dnll(w, part):
        return X[part].T @ (expit(X[part] @ w) - y[part]) + w

    return {
        "fun": partial(nll, part=valid),
        "x0": np.full(5, 0.1),
        "jac": partial(dnll, part=train),
        "method": "BFGS",
    }


@case("fun-jac-mismatch", "wrong-gradient", report="9")
def penalised_acquisition_with_the_bare_gradient() -> Arguments:
    def bare(x):
        return -np.exp(-np.sum((x - 0.6) ** 2)) * (1 + 0.3 * np.sin(3 * x[0]))

    def bare_gradient(x):
        e = np.exp(-np.sum((x - 0.6) ** 2))
        g = 2 * (x - 0.6) * e * (1 + 0.3 * np.sin(3 * x[0]))
        g[0] -= 0.9 * np.cos(3 * x[0]) * e
        return g

    def penalised(x):
        centre = np.array([0.55, 0.6])
        hammer = 1 / (1 + np.exp(-8 * (np.linalg.norm(x - centre) - 0.4)))
        return bare(x) * hammer

    return {
        "fun": penalised,
        "x0": np.array([0.2, 0.3]),
        "jac": bare_gradient,
        "bounds": [(0, 1), (0, 1)],
        "method": "L-BFGS-B",
    }


@case("fun-jac-mismatch", "wrong-gradient")
def robust_cost_with_least_squares_gradient() -> Arguments:
    rng = np.random.default_rng(24)
    X = rng.normal(size=(60, 4))
    y = X @ [1, 2, 3, 4] + rng.standard_t(1.5, size=60)

    def huber(w, delta=1.0):
        r = X @ w - y
        a = np.abs(r)
        return np.sum(np.where(a < delta, 0.5 * r * r, delta * (a - 0.5 * delta)))

    def dhuber(w):
        return X.T @ (X @ w - y)

    return {"fun": huber, "x0": np.zeros(4), "jac": dhuber, "method": "CG"}


@case("wrong-gradient", "fun-jac-mismatch", solver="fmin_bfgs", report="3")
def logistic_score_without_the_link() -> Arguments:
    X, y = classification(100, 3, 25, intercept=True)

    def lossfn(beta, X, y):
        p = 1 / (1 + np.exp(-X.dot(beta)))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()

    def gradfn(beta, X, y):
        return -X.T.dot(y - X.dot(beta))

    return {
        "f": lossfn,
        "x0": np.full(4, 0.2),
        "fprime": gradfn,
        "args": (X, y),
        "disp": 0,
    }


@case("wrong-gradient")
def hidden_slope_taken_before_the_activation() -> Arguments:
    rng = np.random.default_rng(26)
    X = rng.normal(size=(50, 4))
    y = np.cos(X.sum(axis=1))

    def mlp(t):
        W, b, v = t[:20].reshape(4, 5), t[20:25], t[25:30]
        A = X @ W + b
        H = np.tanh(A)
        r = H @ v - y
        dA = np.outer(r, v) * (1 - A**2)  # should be 1 - H**2
        return 0.5 * r @ r, np.concatenate([(X.T @ dA).ravel(), dA.sum(0), H.T @ r])

    return {"fun": mlp, "x0": 0.4 * rng.normal(size=30), "jac": True, "method": "SLSQP"}


@case("wrong-gradient", "wrong-entries")
def euler_sensitivities_lack_a_term() -> Arguments:
    """Predator and prey by 200 Euler steps; the sensitivities forget d(prey)/d(predator)."""
    steps, dt = 200, 0.02
    observed = None

    def simulate(p):
        a, b, c, d = p
        u = np.empty((steps + 1, 2))
        S = np.zeros((steps + 1, 2, 4))
        u[0] = 1.0, 0.5
        for k in range(steps):
            x, y = u[k]
            u[k + 1] = x + dt * (a * x - b * x * y), y + dt * (c * x * y - d * y)
            A = np.array([[a - b * y, 0.0], [c * y, c * x - d]])
            F = np.array([[x, -x * y, 0, 0], [0, 0, x * y, -y]])
            S[k + 1] = S[k] + dt * (A @ S[k] + F)
        return u, S

    observed, _ = simulate(np.array([1.2, 0.9, 0.8, 1.0]))

    def misfit(p):
        u, S = simulate(p)
        r = u - observed
        return 0.5 * np.sum(r * r), np.einsum("ki,kij->j", r, S)

    return {"fun": misfit, "x0": np.array([0.8, 0.6, 0.6, 0.7]), "jac": True, "method": "L-BFGS-B"}


@case("wrong-gradient", "wrong-entries")
def loss_curvature_missing_under_trust_exact() -> Arguments:
    def f(x):
        return math.log(1 + x[0] ** 2) + (x[1] - x[0] ** 2) ** 2

    def g(x):
        return np.array(
            [2 * x[0] / (1 + x[0] ** 2) - 2 * x[0] * (x[1] - x[0] ** 2), 2 * (x[1] - x[0] ** 2)]
        )

    def H(x):
        q = 1 + x[0] ** 2
        return np.array(
            [[(2 - 2 * x[0] ** 2) / q**2 - 4 * x[1] + 12 * x[0] ** 2, -4 * x[0]], [-4 * x[0], 2.0]]
        )

    return {"fun": f, "x0": np.array([1.5, -1.0]), "jac": g, "hess": H, "method": "trust-exact"}


@case("wrong-gradient", "fun-jac-mismatch")
def rosen_der_shifted_against_rosen_in_trust_ncg() -> Arguments:
    from scipy.optimize import rosen_hess

    shift = np.array([0.0, 0.5, 0.0])
    return {
        "fun": rosen,
        "x0": np.array([1.3, 0.7, 0.8]),
        "jac": lambda x: rosen_der(x + shift),
        "hess": rosen_hess,
        "method": "trust-ncg",
    }


@case("wrong-column", "wrong-entries", "wrong-gradient", "missing-penalty")
def bias_column_regularised_in_the_cost_only() -> Arguments:
    """Column 0 of W is the bias: the cost penalises all of W, the gradient all but that."""
    rng = np.random.default_rng(31)
    X = np.column_stack([np.ones(70), rng.normal(size=(70, 5))])
    Y = np.tanh(X @ rng.normal(size=(6, 4))) + 0.1 * rng.normal(size=(70, 4))

    def loss(w, decay=4.0):
        W = w.reshape(4, 6)
        Z = np.tanh(X @ W.T)
        G = ((Z - Y) * (1 - Z**2)).T @ X + decay * W
        G[:, 0] -= decay * W[:, 0]
        return 0.5 * np.sum((Z - Y) ** 2) + 0.5 * decay * np.sum(W**2), G.ravel()

    return {"fun": loss, "x0": rng.normal(size=24), "jac": True, "method": "L-BFGS-B"}


@case("wrong-column", "wrong-entries", "wrong-gradient")
def embedding_of_one_token_summed_twice() -> Arguments:
    """Bag of words; the embedding's gradient counts the padding token once too often."""
    rng = np.random.default_rng(32)
    tokens = rng.integers(0, 7, size=(60, 5))
    y = rng.normal(size=60)
    counts = np.zeros((60, 7))
    for row, line in zip(counts, tokens, strict=True):
        np.add.at(row, line, 1.0)

    def model(t):
        E, v = t[:21].reshape(3, 7), t[21:]
        H = np.tanh(counts @ E.T)
        r = H @ v - y
        g_E = (np.outer(r, v) * (1 - H**2)).T @ counts
        g_E[:, 0] *= 2
        return 0.5 * r @ r + 0.05 * t @ t, np.concatenate([g_E.ravel(), H.T @ r]) + 0.1 * t

    return {"fun": model, "x0": 0.5 * rng.normal(size=24), "jac": True, "method": "trust-constr"}


@case("wrong-row", "wrong-entries", "wrong-gradient", "wrong-sign")
def last_output_row_with_a_minus() -> Arguments:
    rng = np.random.default_rng(33)
    X = rng.normal(size=(50, 6))
    Y = X @ rng.normal(size=(6, 5)) + 0.2 * rng.normal(size=(50, 5))

    class MultiOutput:
        shape = (5, 6)

        def fun(self, w):
            R = X @ w.reshape(self.shape).T - Y
            return np.sum(np.sqrt(1 + R**2) - 1)

        def jac(self, w):
            R = X @ w.reshape(self.shape).T - Y
            G = (R / np.sqrt(1 + R**2)).T @ X
            G[-1] = -G[-1]
            return G.ravel()

    model = MultiOutput()
    return {"fun": model.fun, "x0": np.zeros(30), "jac": model.jac, "method": "TNC"}


@case("log-parameter", "wrong-gradient", "wrong-entries", "wrong-scale")
def rates_differentiated_as_if_they_were_logarithms() -> Arguments:
    """Gamma-Poisson rates on their natural scale; every entry of the gradient is times theta."""
    rng = np.random.default_rng(34)
    counts = rng.poisson(rng.gamma(2.0, 2.0, size=(12, 30)).mean(1)[:, None], size=(12, 30))

    def nll(rate):
        f = np.sum(30 * rate - counts.sum(1) * np.log(rate)) + np.sum(rate - np.log(rate))
        g = 30 - counts.sum(1) / rate + 1 - 1 / rate
        return f, g * rate

    return {
        "fun": nll,
        "x0": np.full(12, 1.5),
        "jac": True,
        "bounds": [(1e-3, None)] * 12,
        "method": "L-BFGS-B",
    }


@case("wrong-penalty", "missing-penalty", "extra-penalty")
def half_of_the_ridge_forgotten_in_two_thousand_weights() -> Arguments:
    rng = np.random.default_rng(35)
    n = 2000
    X = rng.normal(size=(100, n)) / np.sqrt(n)
    y = X @ rng.normal(size=n)

    def fun(w):
        r = X @ w - y
        return 0.5 * r @ r + 0.05 * w @ w

    def jac(w):
        return X.T @ (X @ w - y) + 0.05 * w

    return {"fun": fun, "x0": rng.normal(size=n), "jac": jac, "method": "L-BFGS-B"}


@case("extra-penalty", "wrong-gradient")
def prior_in_the_score_and_not_in_the_likelihood() -> Arguments:
    X, y = classification(120, 5, 36)

    def negative_loglik(b):
        z = X @ b
        return np.sum(np.logaddexp(0, z) - y * z) / 120

    def score(b):
        return X.T @ (expit(X @ b) - y) / 120 + b / 4.0

    return {"fun": negative_loglik, "x0": np.full(5, 1.0), "jac": score, "method": "trust-constr"}


@case("shifted-block", "wrong-gradient", "wrong-entries", "block-order")
def bias_gradient_packed_before_the_weights_it_follows() -> Arguments:
    """One block starts one entry too early, and the last entry is zero."""
    rng = np.random.default_rng(37)
    X = rng.normal(size=(60, 8))
    y = np.sin(X[:, 0]) + X[:, 1]

    def f(p):
        r = np.tanh(X @ p[:8] + p[8]) * p[9] - y
        return 0.5 * np.sum(r * r) + 0.01 * p @ p

    def g(p):
        h = np.tanh(X @ p[:8] + p[8])
        r = h * p[9] - y
        d = r * p[9] * (1 - h**2)
        right = np.concatenate([X.T @ d, [d.sum(), r @ h]]) + 0.02 * p
        out = np.zeros(10)
        out[:9] = right[1:]
        return out

    return {"fun": f, "x0": rng.normal(size=10), "jac": g, "method": "SLSQP"}


@case("fun-jac-mismatch", "wrong-gradient", "wrong-scale")
def annealed_cost_with_the_gradient_of_another_temperature() -> Arguments:
    rng = np.random.default_rng(38)
    V = rng.normal(size=(30, 4))
    schedule = {"cost": 0.5, "grad": 1.0}

    def free_energy(x):
        T = schedule["cost"]
        return T * float(np.asarray(logsumexp(V @ x / T))) + 0.5 * x @ x

    def force(x):
        z = V @ x / schedule["grad"]
        p = np.exp(z - logsumexp(z))
        return V.T @ p + x

    return {"fun": free_energy, "x0": np.ones(4), "jac": force, "method": "Newton-CG"}
