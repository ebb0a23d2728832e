"""Gaussian process regression: ARD squared exponential plus linear kernel, log marginal likelihood."""
import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky

STYLE = "GPML-book reader: dict of log hyperparameters, Q = K^-1 - aa', one trace per hyperparameter"


def sqdist_per_dim(X):
    return [(X[:, [d]] - X[:, [d]].T) ** 2 for d in range(X.shape[1])]


def covSEard(hyp, D2):
    ell2 = np.exp(2 * hyp['ell'])
    R = sum(D / l2 for D, l2 in zip(D2, ell2))
    return np.exp(2 * hyp['sf'][0]) * np.exp(-R / 2), ell2


def gp_nlml(hyp, X, y):
    n, D = X.shape
    D2 = sqdist_per_dim(X)
    Kse, ell2 = covSEard(hyp, D2)
    c = np.exp(2 * hyp['slope'])
    Xc = X - hyp['centre']
    Klin = (Xc * c) @ Xc.T
    sn2 = np.exp(2 * hyp['sn'][0])
    K = Kse + Klin + sn2 * np.eye(n)

    L = cholesky(K, lower=True)
    r = y - hyp['mean'][0]
    alpha = cho_solve((L, True), r)
    nlml = 0.5 * r @ alpha + np.log(np.diag(L)).sum() + 0.5 * n * np.log(2 * np.pi)

    # dnlml/dK, everything below is tr(Q dK/dhyp)
    Q = 0.5 * (cho_solve((L, True), np.eye(n)) - np.outer(alpha, alpha))
    dh = {}
    QK = Q * Kse
    dh['sf'] = np.array([2 * QK.sum()])
    dh['ell'] = np.empty(D)
    for d in range(D):
        dh['ell'][d] = (QK * D2[d]).sum() / ell2[d]
    dh['sn'] = np.array([2 * sn2 * np.trace(Q)])
    QX = Q @ Xc
    dh['slope'] = 2 * c * (Xc * QX).sum(axis=0)
    dXc = 2 * QX * c
    dh['centre'] = -dXc.sum(axis=0)
    dh['mean'] = np.array([-alpha.sum()])
    return nlml, dh


def make_problem(n=9, D=3):
    n = max(n, 4)
    rng = np.random.default_rng(n + 1000 * D)
    X = rng.uniform(-2, 2, (n, D))
    y = np.sin(X[:, 0]) + 0.5 * X[:, -1] + 0.2 * rng.standard_normal(n) + 0.7
    hyp = {
        'ell': rng.normal(0.2, 0.3, D),
        'sf': np.array([0.15]),
        'slope': rng.normal(-0.8, 0.2, D),
        'centre': rng.normal(0, 0.6, D),
        'mean': np.array([0.3]),
        'sn': np.array([-0.7]),
    }
    return gp_nlml, hyp, (X, y)
