"""GARCH(1,1) with AR(1) mean and leverage: likelihood and score in one forward recursion."""

import numpy as np

STYLE = "forward sensitivities carried through a recursion"


def neg_loglik(params, returns):
    mu, phi, log_omega, log_alpha, gamma, logit_beta = params
    omega = np.exp(log_omega)
    alpha = np.exp(log_alpha)
    beta = 1.0 / (1.0 + np.exp(-logit_beta))

    T = len(returns)
    sig2 = np.var(returns)
    d_sig2 = np.zeros(6)
    eps = returns[0] - mu
    d_eps = np.array([-1.0, 0, 0, 0, 0, 0])

    nll = 0.0
    score = np.zeros(6)
    for t in range(1, T):
        # variance recursion and its sensitivities
        shock = (eps - gamma) ** 2
        d_shock = 2.0 * (eps - gamma) * d_eps
        d_shock[4] -= 2.0 * (eps - gamma)
        d_new = alpha * d_shock + beta * d_sig2
        d_new[2] += omega
        d_new[3] += alpha * shock
        d_new[5] += beta * (1.0 - beta) * sig2
        sig2 = omega + alpha * shock + beta * sig2
        d_sig2 = d_new

        # mean equation
        eps = returns[t] - mu - phi * returns[t - 1]
        d_eps = np.zeros(6)
        d_eps[0] = -1.0
        d_eps[1] = -returns[t - 1]

        nll += 0.5 * (np.log(2 * np.pi) + np.log(sig2) + eps**2 / sig2)
        score += 0.5 * d_sig2 / sig2
        score += eps * d_eps / sig2
        score -= 0.5 * eps**2 / sig2**2 * d_sig2
    return nll, score


def make_problem(n_days=7):
    rng = np.random.default_rng(n_days)
    returns = rng.standard_normal(n_days + 3)
    x0 = np.array([0.1, 0.3, -1.0, -1.5, 0.2, 0.8]) + 0.1 * rng.standard_normal(6)
    return neg_loglik, x0, (returns,)
