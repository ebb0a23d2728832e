"""Deep-kernel Gaussian process: negative log marginal likelihood, Cholesky adjoint by hand."""
import numpy as np
from scipy.linalg import cholesky, solve_triangular

STYLE = "pure functions f / f_vjp, Cholesky and triangular-solve adjoints"


def features(X, A):
    return np.tanh(X @ A)


def features_vjp(Zbar, Z, X):
    return X.T @ (Zbar * (1.0 - Z * Z))


def sqdist(Z, log_ell):
    S = Z / np.exp(log_ell)
    D = S[:, None, :] - S[None, :, :]
    return np.sum(D * D, axis=-1)


def sqdist_vjp(Dbar, Z, log_ell):
    ell = np.exp(log_ell)
    S = Z / ell
    sym = Dbar + Dbar.T
    Sbar = 2.0 * (np.sum(sym, axis=1)[:, None] * S - sym @ S)
    return Sbar / ell, -np.sum(Sbar * S, axis=0)


def kernel(D, log_sf, log_sn):
    return np.exp(2.0 * log_sf - 0.5 * D) + np.exp(2.0 * log_sn) * np.eye(len(D))


def kernel_vjp(Kbar, D, log_sf, log_sn):
    E = np.exp(2.0 * log_sf - 0.5 * D)
    sf_bar = 2.0 * np.sum(Kbar * E)
    sn_bar = 2.0 * np.exp(2.0 * log_sn) * np.trace(Kbar)
    return -0.5 * Kbar * E, sf_bar, sn_bar


def chol_vjp(Lbar, L):
    P = np.tril(L.T @ Lbar)
    P[np.diag_indices_from(P)] *= 0.5
    M = solve_triangular(L, P, lower=True, trans="T")
    M = solve_triangular(L, M.T, lower=True, trans="T").T
    return 0.5 * (M + M.T)


def trisolve_vjp(abar, a, L):
    rbar = solve_triangular(L, abar, lower=True, trans="T")
    return -np.tril(np.outer(rbar, a)), rbar


def unpack(theta, d, q):
    A, rest = theta[: d * q].reshape(d, q), theta[d * q:]
    return A, rest[:q], rest[q], rest[q + 1], rest[q + 2:]


def objective(theta, X, y, q):
    n, d = X.shape
    A, log_ell, log_sf, log_sn, beta = unpack(theta, d, q)
    Z = features(X, A)
    D = sqdist(Z, log_ell)
    K = kernel(D, log_sf, log_sn)
    L = cholesky(K, lower=True)
    r = y - Z @ beta
    a = solve_triangular(L, r, lower=True)
    nll = 0.5 * a @ a + np.sum(np.log(np.diag(L))) + 0.5 * n * np.log(2 * np.pi)

    Lbar, rbar = trisolve_vjp(a, a, L)
    Lbar += np.diag(1.0 / np.diag(L))
    Kbar = chol_vjp(Lbar, L)
    Dbar, sf_bar, sn_bar = kernel_vjp(Kbar, D, log_sf, log_sn)
    Zbar, ell_bar = sqdist_vjp(Dbar, Z, log_ell)
    beta_bar = -Z.T @ rbar
    Zbar = Zbar - np.outer(rbar, beta)
    A_bar = features_vjp(Zbar, Z, X)
    return nll, np.concatenate([A_bar.ravel(), ell_bar, [sf_bar, sn_bar], beta_bar])


def make_problem(n=7, d=3, q=2):
    rng = np.random.default_rng(17)
    X, y = rng.normal(size=(n, d)), rng.normal(size=n)
    theta0 = np.concatenate([0.6 * rng.normal(size=d * q), 0.2 * rng.normal(size=q) - 0.3,
                             [0.1, -0.7], rng.normal(size=q)])
    return objective, theta0, (X, y, q)
