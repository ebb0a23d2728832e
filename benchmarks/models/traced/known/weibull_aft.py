import numpy as np

STYLE = "Weibull AFT with censoring, lifelines-like, scalars and vectors"


def negative_log_likelihood(params, Ts, E, Xs, weights, penalizer):
    """Right-censored Weibull; log lambda = X b, log rho = Z c with Z the last column of X."""
    d = Xs.shape[1]
    lambda_params, rho_params = params[:d], params[d:]

    log_lambda = Xs @ lambda_params
    log_rho = rho_params[0] + rho_params[1] * Xs[:, -1]
    rho = np.exp(log_rho)
    log_t = np.log(Ts)
    u = rho * (log_t - log_lambda)
    H = np.exp(u)                                   # cumulative hazard
    log_h = log_rho - log_t + u                     # log hazard
    ll = (weights * (E * log_h - H)).sum() / weights.sum()
    pen = 0.5 * penalizer * (lambda_params[1:] ** 2).sum()

    du = weights * (E - H) / weights.sum()
    dlog_rho = weights * E / weights.sum() + du * u
    dlog_lambda = -du * rho
    g_lambda = Xs.T @ dlog_lambda
    g_rho = np.array([
        dlog_rho.sum(),
        (dlog_rho * Xs[:, -1]).sum(),
    ])
    g = -np.concatenate([g_lambda, g_rho])
    g[1:d] += penalizer * lambda_params[1:]
    return pen - ll, g


def make_problem(n=6, d=4):
    rng = np.random.default_rng([n, d])
    Xs = np.hstack([np.ones((n, 1)), rng.standard_normal((n, d - 1))])
    Ts = rng.exponential(1.0, n) + 0.1
    E = (np.arange(n) % 3 > 0).astype(float)
    return negative_log_likelihood, 0.4 * rng.standard_normal(d + 2), (Ts, E, Xs, rng.uniform(0.5, 2, n), 0.1)
