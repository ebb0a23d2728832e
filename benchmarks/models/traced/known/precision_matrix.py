"""Multivariate Student-t regression with the precision matrix as L L' (log diagonal); Wishart prior."""

import numpy as np

STYLE = "matrix calculus: logdet, traces, tril packing"


def pack(G, rows, cols):
    return G[rows, cols]


def neg_log_posterior(theta, X, Y, nu, S0):
    n, q = X.shape
    d = Y.shape[1]
    B = theta[: q * d].reshape(q, d, order="F")
    rows, cols = np.tril_indices(d)
    M = np.zeros((d, d))
    M[rows, cols] = theta[q * d :]
    L = np.tril(M, -1) + np.diag(np.exp(np.diag(M)))
    Omega = L @ L.T

    R = Y - X @ B
    maha = np.sum((R @ Omega) * R, axis=1)
    logdet = 2.0 * np.trace(M)
    nlp = 0.5 * (nu + d) * np.sum(np.log1p(maha / nu)) - 0.5 * n * logdet
    nlp += 0.5 * np.trace(S0 @ Omega) - 0.5 * logdet

    w = (nu + d) / (nu + maha)
    grad_B = -X.T @ (w[:, None] * R) @ Omega
    grad_Omega = 0.5 * (R.T * w) @ R + 0.5 * S0
    grad_L = (grad_Omega + grad_Omega.T) @ L
    grad_M = np.tril(grad_L, -1) + np.diag(np.diag(grad_L) * np.diag(L))
    grad_M -= (n + 1.0) * np.eye(d)
    return nlp, np.concatenate([grad_B.ravel(order="F"), pack(grad_M, rows, cols)])


def make_problem(n=7, q=2, d=4):
    rng = np.random.default_rng([n, q, d])
    X, Y = rng.standard_normal((n, q)), rng.standard_normal((n, d))
    C = rng.standard_normal((d, d))
    theta = 0.5 * rng.standard_normal(q * d + d * (d + 1) // 2)
    return neg_log_posterior, theta, (X, Y, 4.0, C @ C.T / d)
