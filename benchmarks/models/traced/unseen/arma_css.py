"""Seasonal-free ARMA(p,q) with regressors, conditional sum of squares likelihood, as arima(method="CSS")."""
import numpy as np

STYLE = "R programmer: names with dots turned to underscores, derivative recursions carried forward"


def css_resid(y, X, ar, ma, beta):
    n = len(y)
    p, q = len(ar), len(ma)
    w = y - X @ beta
    res = np.zeros(n)
    for i in range(p, n):
        tmp = w[i]
        for j in range(p):
            tmp -= ar[j] * w[i - j - 1]
        for j in range(min(i - p, q)):
            tmp -= ma[j] * res[i - j - 1]
        res[i] = tmp
    return w, res


def d_resid(w, res, X, ar, ma):
    """Jacobian of the innovations; one column per coefficient, MA feedback applied to all."""
    n, k = X.shape
    p, q = len(ar), len(ma)
    J = np.zeros((n, p + q + k))
    for i in range(p, n):
        row = np.zeros(p + q + k)
        for j in range(p):
            row[j] = -w[i - j - 1]
        xi = -X[i]
        for j in range(p):
            xi = xi + ar[j] * X[i - j - 1]
        row[p + q:] = xi
        for j in range(min(i - p, q)):
            row[p + j] -= res[i - j - 1]
            row -= ma[j] * J[i - j - 1]
        J[i] = row
    return J


def partrans(raw):
    """Durbin-Levinson: tanh'ed partial autocorrelations -> stationary AR coefficients."""
    p = len(raw)
    new = np.tanh(raw)
    work = new.copy()
    A = np.diag(1 - new ** 2)
    for j in range(1, p):
        a = new[j]
        old, oldA = work.copy(), A.copy()
        for k in range(j):
            work[k] = old[k] - a * old[j - k - 1]
            A[k, :] = oldA[k, :] - a * oldA[j - k - 1, :]
            A[k, j] -= (1 - a ** 2) * old[j - k - 1]
    return work, A


def neg_loglik(par, y, X, order, ridge):
    p, q = order
    raw, ma, beta, lsig = par[:p], par[p:p + q], par[p + q:-1], par[-1]
    ar, A = partrans(raw)
    w, res = css_resid(y, X, ar, ma, beta)
    n_used = len(y) - p
    sigma2 = np.exp(2 * lsig)
    ss = float(np.sum(res ** 2))
    value = 0.5 * ss / sigma2 + n_used * lsig + 0.5 * ridge * float(beta[1:] @ beta[1:])

    J = d_resid(w, res, X, ar, ma)
    score = J.T @ res / sigma2
    grad = np.empty_like(par)
    grad[:p] = A.T @ score[:p]
    grad[p:-1] = score[p:]
    grad[p + q + 1:-1] += ridge * beta[1:]
    grad[-1] = n_used - ss / sigma2
    return value, grad


def make_problem(p=3, q=2, k=2, extra=18):
    rng = np.random.default_rng(100 * p + 10 * q + k)
    n = p + q + k + extra
    X = np.column_stack([np.ones(n), rng.standard_normal((n, k - 1))])
    y = X @ rng.normal(0.5, 1.0, k)
    e = rng.standard_normal(n)
    y[1:] += 0.5 * e[:-1]
    y += e
    par0 = np.concatenate([
        rng.uniform(-0.5, 0.6, p),
        rng.uniform(-0.3, 0.3, q),
        rng.normal(0.4, 0.5, k),
        [0.15],
    ])
    return neg_loglik, par0, (y, X, (p, q), 0.8)
