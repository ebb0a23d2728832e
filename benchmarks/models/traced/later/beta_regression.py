"""Beta regression with submodels for mean (complementary log-log) and precision (log link)."""
import numpy as np
from scipy.special import digamma, gammaln

STYLE = "biostatistician, link objects and score functions"


class CLogLog:
    def inverse(self, eta):
        return 1 - np.exp(-np.exp(eta))

    def dmu_deta(self, eta):
        return np.exp(eta) * np.exp(-np.exp(eta))


class Log:
    def inverse(self, eta):
        return np.exp(eta)

    def dmu_deta(self, eta):
        return np.exp(eta)


def loglik(y, mu, phi):
    a, b = mu * phi, (1 - mu) * phi
    return gammaln(phi) - gammaln(a) - gammaln(b) + (a - 1) * np.log(y) + (b - 1) * np.log(1 - y)


def score_mu(y, mu, phi):
    ystar = np.log(y / (1 - y))
    mustar = digamma(mu * phi) - digamma((1 - mu) * phi)
    return phi * (ystar - mustar)


def score_phi(y, mu, phi):
    ystar = np.log(y / (1 - y))
    mustar = digamma(mu * phi) - digamma((1 - mu) * phi)
    return (mu * (ystar - mustar) + np.log(1 - y)
            - digamma((1 - mu) * phi) + digamma(phi))


def negloglik(par, y, X, W, weights, ridge):
    k = X.shape[1]
    beta, gamma = par[:k], par[k:]
    mean_link, prec_link = CLogLog(), Log()
    eta1, eta2 = X @ beta, W @ gamma
    mu = mean_link.inverse(eta1)
    phi = prec_link.inverse(eta2)

    nll = -np.sum(weights * loglik(y, mu, phi))
    nll += 0.5 * ridge * np.sum(beta[1:] ** 2)

    u1 = weights * score_mu(y, mu, phi) * mean_link.dmu_deta(eta1)
    u2 = weights * score_phi(y, mu, phi) * prec_link.dmu_deta(eta2)
    penalty = ridge * beta
    penalty[0] = 0.0        # intercept is not shrunk
    gr_beta = -X.T @ u1 + penalty
    gr_gamma = -W.T @ u2
    return nll, np.concatenate([gr_beta, gr_gamma])


def make_problem(n_mean=3, n_prec=2, n=12):
    rng = np.random.default_rng(9)
    n = max(n, 3)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, n_mean))])
    W = np.column_stack([np.ones(n), rng.normal(size=(n, n_prec))])
    y = rng.beta(2.0, 2.5, size=n)
    weights = rng.integers(1, 4, size=n)
    par = np.concatenate([[-0.4], 0.4 * rng.normal(size=n_mean), [1.5], 0.3 * rng.normal(size=n_prec)])
    return negloglik, par, (y, X, W, weights, 0.8)
