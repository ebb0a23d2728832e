"""Likelihoods and regressions, cost and gradient often as separate functions."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# (code as people write it: unannotated, and scipy.special has no stubs)

from __future__ import annotations

import numpy as np
from numpy.linalg import cholesky, solve
from scipy.special import digamma, expit, gammaln, logsumexp

from benchmarks.models.case import Case

# ---------------------------------------------------------------- logistic, Poisson, counts


def logistic(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, lam = rng.standard_normal((80, 5)), 0.3
    y = (rng.random(80) < expit(X[:, 0])).astype(float)

    def J(w):
        z = X @ w
        return -np.mean(y * np.log(expit(z)) + (1 - y) * np.log(1 - expit(z))) + lam / 2 * w @ w

    def dJ(w):
        return X.T @ (expit(X @ w) - y) / len(y) + lam * w

    return Case(
        name="logistic regression from zero",
        fun=J,
        jac=dJ,
        x0=np.zeros(5),
        shapes={"w": (5,)},
        penalty=lam,
        penalized=("w",),
    )


def nll_poisson(beta, X, y, offset):
    eta = X.dot(beta) + offset
    mu = np.exp(eta)
    ll = np.sum(y * eta - mu - gammaln(y + 1))
    return -ll, -X.T.dot(y - mu)


def poisson(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(60), rng.standard_normal((60, 3))])
    offset = np.log(rng.uniform(10, 1000, 60))
    y = rng.poisson(np.exp(X @ [0.1, 0.3, -0.2, 0.5] + offset))
    return Case(
        name="Poisson regression with exposure",
        fun=nll_poisson,
        x0=np.array([0.05, 0.2, -0.1, 0.4]),
        args=(X, y, offset),
        shapes={"beta": (4,)},
    )


def negative_binomial(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(90), rng.standard_normal((90, 4))])
    y = rng.poisson(np.exp(0.4 * X[:, 1]) * rng.gamma(2, 0.5, 90))

    def negll(params):
        beta, log_alpha = params[:-1], params[-1]
        r = np.exp(-log_alpha)
        mu = np.exp(X @ beta)
        terms = gammaln(y + r) - gammaln(r) - gammaln(y + 1)
        terms += r * np.log(r / (r + mu)) + y * np.log(mu / (r + mu))
        return -terms.sum()

    def score(params):
        beta, log_alpha = params[:-1], params[-1]
        r = np.exp(-log_alpha)
        mu = np.exp(X @ beta)
        d_beta = X.T @ (r * (y - mu) / (r + mu))
        d_r = digamma(y + r) - digamma(r) + np.log(r / (r + mu)) + (mu - y) / (r + mu)
        return -np.append(d_beta, -r * d_r.sum())

    return Case(
        name="negative binomial, log alpha",
        fun=negll,
        jac=score,
        x0=np.append(0.1 * rng.standard_normal(5), -0.3),
        shapes={"beta": (5,), "log_alpha": (1,)},
    )


# ---------------------------------------------------------------- Gaussian process


def gp_nlml(hyp, x, y):
    """Negative log marginal likelihood; hyp = log(length, signal, noise)."""
    ell, sf2, sn2 = np.exp(hyp[0]), np.exp(2 * hyp[1]), np.exp(2 * hyp[2])
    n = len(y)
    D2 = (x[:, None] - x[None, :]) ** 2
    K0 = sf2 * np.exp(-0.5 * D2 / ell**2)
    L = cholesky(K0 + sn2 * np.eye(n))
    alpha = solve(L.T, solve(L, y))
    nlml = 0.5 * y @ alpha + np.log(np.diag(L)).sum() + 0.5 * n * np.log(2 * np.pi)
    W = solve(L.T, solve(L, np.eye(n))) - np.outer(alpha, alpha)
    g = np.zeros(3)
    g[0] = 0.5 * np.sum(W * K0 * D2) / ell**2
    g[1] = np.sum(W * K0)
    g[2] = sn2 * np.trace(W)
    return nlml, g


def gaussian_process(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-3, 3, 25))
    return Case(
        name="GP marginal likelihood",
        fun=gp_nlml,
        x0=np.array([0.0, 0.1, -1.5]),
        args=(x, np.sin(2 * x) + 0.2 * rng.standard_normal(25)),
        shapes={"log_ell": (1,), "log_sf": (1,), "log_sn": (1,)},
    )


# ---------------------------------------------------------------- hidden Markov model


def hmm(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    S, V, T = 3, 4, 25
    obs = rng.integers(0, V, T)

    def unpack(th):
        A = th[: S * S].reshape(S, S)
        B = th[S * S : S * S + S * V].reshape(S, V)
        pi = th[S * S + S * V :]
        norm = lambda M: M - logsumexp(M, axis=-1, keepdims=True)  # noqa: E731
        return norm(A), norm(B), norm(pi)

    def forward(th):
        lA, lB, lpi = unpack(th)
        la = np.empty((T, S))
        la[0] = lpi + lB[:, obs[0]]
        for t in range(1, T):
            la[t] = logsumexp(la[t - 1][:, None] + lA, axis=0) + lB[:, obs[t]]
        return la

    def nll(th):
        return -logsumexp(forward(th)[-1])

    def grad(th):
        lA, lB, lpi = unpack(th)
        la = forward(th)
        ll = logsumexp(la[-1])
        lb = np.zeros((T, S))
        for t in range(T - 2, -1, -1):
            lb[t] = logsumexp(lA + lB[:, obs[t + 1]] + lb[t + 1], axis=1)
        post = np.exp(la + lb - ll)
        nA = np.zeros((S, S))
        for t in range(T - 1):
            nA += np.exp(la[t][:, None] + lA + lB[:, obs[t + 1]] + lb[t + 1] - ll)
        nB = np.zeros((S, V))
        for t in range(T):
            nB[:, obs[t]] += post[t]
        gA = nA - nA.sum(1, keepdims=True) * np.exp(lA)
        gB = nB - nB.sum(1, keepdims=True) * np.exp(lB)
        gpi = post[0] - np.exp(lpi)
        return -np.concatenate([gA.ravel(), gB.ravel(), gpi])

    return Case(
        name="hidden Markov model",
        fun=nll,
        jac=grad,
        x0=rng.standard_normal(S * S + S * V + S),
        shapes={"A": (S, S), "B": (S, V), "pi": (S,)},
    )


# ---------------------------------------------------------------- Cox, GARCH


def cox_partial(beta, time, event, Z):
    order = np.argsort(-time)
    Z, event = Z[order], event[order]
    risk = np.exp(Z @ beta)
    s0 = np.cumsum(risk)
    s1 = np.cumsum(risk[:, None] * Z, axis=0)
    value, grad = 0.0, np.zeros_like(beta)
    for i in range(len(event)):
        if event[i]:
            value -= Z[i] @ beta - np.log(s0[i])
            grad -= Z[i] - s1[i] / s0[i]
    return value, grad


def cox(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((70, 6))
    return Case(
        name="Cox partial likelihood",
        fun=cox_partial,
        x0=np.zeros(6),
        args=(rng.exponential(np.exp(-Z[:, 0])), rng.random(70) < 0.7, Z),
        shapes={"beta": (6,)},
    )


class Garch:
    """GARCH(1,1) with the recursive score."""

    def __init__(self, returns):
        self.r = returns

    def loglik(self, p, grad=False):
        """Return minus the log likelihood, and its gradient when asked."""
        mu, omega, alpha, beta = p
        e = self.r - mu
        h, dh = np.var(self.r), np.zeros(4)
        total, g = 0.0, np.zeros(4)
        for t in range(len(e)):
            if t > 0:
                dh = np.array([-2 * alpha * e[t - 1], 1.0, e[t - 1] ** 2, h]) + beta * dh
                h = omega + alpha * e[t - 1] ** 2 + beta * h
            total += 0.5 * (np.log(2 * np.pi * h) + e[t] ** 2 / h)
            g += 0.5 * (1 / h - e[t] ** 2 / h**2) * dh
            g[0] -= e[t] / h
        return (total, g) if grad else total

    def __call__(self, p):
        """Return minus the log likelihood alone."""
        return self.loglik(p)

    def gradient(self, p):
        """Return the gradient alone."""
        return self.loglik(p, grad=True)[1]


def garch(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    model = Garch(0.01 * rng.standard_t(5, 150))
    return Case(
        name="GARCH(1,1), percent units and bounds",
        fun=model,
        jac=model.gradient,
        x0=np.array([1e-4, 5e-6, 0.08, 0.88]),
        bounds=[(None, None), (1e-12, None), (0, 1), (0, 1)],
        shapes={"mu": (1,), "omega": (1,), "alpha": (1,), "beta": (1,)},
    )


# ---------------------------------------------------------------- soft dynamic time warping


def soft_dtw(z, series, gamma=0.5):
    total, grad = 0.0, np.zeros_like(z)
    for x in series:
        n, m = len(z), len(x)
        D = (z[:, None] - x[None, :]) ** 2
        R = np.full((n + 2, m + 2), np.inf)
        R[0, 0] = 0
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                three = -np.array([R[i - 1, j - 1], R[i - 1, j], R[i, j - 1]]) / gamma
                R[i, j] = D[i - 1, j - 1] - gamma * logsumexp(three)
        total += R[n, m]
        E = np.zeros((n + 2, m + 2))
        E[n + 1, m + 1] = 1
        R[:, m + 1] = R[n + 1, :] = -np.inf
        R[n + 1, m + 1] = R[n, m]
        Dp = np.zeros((n + 2, m + 2))
        Dp[1:-1, 1:-1] = D
        for j in range(m, 0, -1):
            for i in range(n, 0, -1):
                a = np.exp((R[i + 1, j] - R[i, j] - Dp[i + 1, j]) / gamma)
                b = np.exp((R[i, j + 1] - R[i, j] - Dp[i, j + 1]) / gamma)
                c = np.exp((R[i + 1, j + 1] - R[i, j] - Dp[i + 1, j + 1]) / gamma)
                E[i, j] = E[i + 1, j] * a + E[i, j + 1] * b + E[i + 1, j + 1] * c
        grad += (E[1:-1, 1:-1] * 2 * (z[:, None] - x[None, :])).sum(axis=1)
    return total, grad


def warping(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    series = [np.cumsum(rng.standard_normal(k)) for k in (7, 9)]
    return Case(
        name="soft-DTW barycentre",
        fun=soft_dtw,
        x0=rng.standard_normal(8),
        args=(series,),
        shapes={"z": (8,)},
    )


ALL = (
    logistic,
    poisson,
    negative_binomial,
    gaussian_process,
    hmm,
    cox,
    garch,
    warping,
)
