"""Zero-inflated Poisson with random intercepts: stochastic ELBO with fixed draws, mean-field on the intercepts."""
import numpy as np
from scipy.special import expit, gammaln, log_expit

STYLE = "applied statistician: closures, formula-like Greek names, log-sum-exp mixture by cases, block indices"


def make_negative_elbo(y, X, Z, group, G, draws, prior_var, prior_tau):
    n, p = X.shape
    r = Z.shape[1]
    is_zero = y == 0
    i_beta = slice(0, p)
    i_gamma = slice(p, p + r)
    i_m = slice(p + r, p + r + G)
    i_rho = slice(p + r + G, p + r + 2 * G)
    i_tau = p + r + 2 * G
    S = len(draws)

    def log_density(eta, zeta):
        """pi = expit(zeta): probability of a structural zero; mu = exp(eta)"""
        mu = np.exp(eta)
        lp0 = np.logaddexp(log_expit(zeta), log_expit(-zeta) - mu)
        lp1 = log_expit(-zeta) + y * eta - mu - gammaln(y + 1)
        return np.where(is_zero, lp0, lp1)

    def score(eta, zeta):
        mu = np.exp(eta)
        pi = expit(zeta)
        # posterior probability that an observed zero comes from the Poisson part
        w = (1 - pi) * np.exp(-mu) / (pi + (1 - pi) * np.exp(-mu))
        d_eta = np.where(is_zero, -w * mu, y - mu)
        d_zeta = np.where(is_zero, 1 - w, 0.0) - pi
        return d_eta, d_zeta

    def negative_elbo(theta):
        beta, gamma = theta[i_beta], theta[i_gamma]
        m, rho, log_tau = theta[i_m], theta[i_rho], theta[i_tau]
        s = np.logaddexp(0.0, rho)
        tau = np.exp(log_tau)

        zeta = Z @ gamma
        fit = 0.0
        d_beta = np.zeros(p)
        d_gamma = np.zeros(r)
        d_m = np.zeros(G)
        d_s = np.zeros(G)
        for xi in draws:
            b = m + s * xi
            eta = X @ beta + b[group]
            fit += log_density(eta, zeta).sum() / S
            d_eta, d_zeta = score(eta, zeta)
            d_beta += X.T @ d_eta / S
            d_gamma += Z.T @ d_zeta / S
            d_b = np.bincount(group, weights=d_eta, minlength=G) / S
            d_m += d_b
            d_s += d_b * xi

        # KL( N(m, s^2) || N(0, tau^2) )
        ratio = (m**2 + s**2) / tau**2
        kl = np.sum(np.log(tau) - np.log(s) + 0.5 * ratio - 0.5)
        d_m -= m / tau**2
        d_s -= s / tau**2 - 1 / s
        d_tau = -G / tau + np.sum(ratio) / tau

        # priors: normal on the coefficients (not the intercepts), half Cauchy on tau
        shrink = 0.5 * (beta[1:] @ beta[1:] + gamma[1:] @ gamma[1:]) / prior_var
        half_cauchy = -np.log1p((tau / prior_tau)**2) + log_tau
        d_tau += -2 * tau / (prior_tau**2 + tau**2)
        d_beta[1:] -= beta[1:] / prior_var
        d_gamma[1:] -= gamma[1:] / prior_var

        elbo = fit - kl - shrink + half_cauchy
        grad = np.zeros_like(theta)
        grad[i_beta] = d_beta
        grad[i_gamma] = d_gamma
        grad[i_m] = d_m
        grad[i_rho] = d_s * expit(rho)
        grad[i_tau] = d_tau * tau + 1
        return -elbo, -grad

    return negative_elbo


def make_problem(n_groups=4, per_group=5, p=3, r=2, n_draws=6):
    rng = np.random.default_rng([n_groups, per_group, p, r, n_draws])
    n = n_groups * per_group
    group = np.repeat(np.arange(n_groups), per_group)
    X = np.column_stack([np.ones(n), rng.standard_normal((n, p - 1))])
    Z = np.column_stack([np.ones(n), rng.standard_normal((n, r - 1))])
    rate = np.exp(0.5 + 0.4 * X[:, 1] + rng.normal(0, 0.5, n_groups)[group])
    y = rng.poisson(rate) * (rng.random(n) > 0.3)
    theta0 = np.concatenate([rng.normal(0.2, 0.3, p), rng.normal(-0.4, 0.3, r),
                             rng.normal(0, 0.3, n_groups), rng.normal(-0.5, 0.4, n_groups), [-0.3]])
    draws = rng.standard_normal((n_draws, n_groups))
    return make_negative_elbo(y, X, Z, group, n_groups, draws, 2.0, 1.0), theta0
