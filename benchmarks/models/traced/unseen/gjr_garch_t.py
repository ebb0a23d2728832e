"""GJR-GARCH(1,1) with an AR mean and standardised Student-t errors, negative log likelihood."""
import numpy as np
from scipy.special import gammaln, psi

STYLE = "econometrician porting MATLAB MFE code: big theta unpacking, explicit time loops"


def simulate(T, p, seed):
    rng = np.random.default_rng(seed)
    y = np.zeros(T + p)
    h = 1.0
    e = 0.0
    for t in range(p, T + p):
        h = 0.15 + 0.08 * e**2 + 0.1 * e**2 * (e < 0) + 0.75 * h
        e = np.sqrt(h) * rng.standard_t(7) * np.sqrt(5.0 / 7.0)
        y[t] = 0.2 + 0.3 * y[t - 1] + e
    return y


def transform(theta, p):
    """theta = [mu, phi_1..phi_p, log omega, logit-like alpha/beta, log gamma, log(nu-2)]"""
    mu = theta[0]
    phi = theta[1:1 + p]
    omega = np.exp(theta[1 + p])
    # simplex map keeps alpha + beta < 1
    ea, eb = np.exp(theta[2 + p]), np.exp(theta[3 + p])
    alpha = ea / (1 + ea + eb)
    beta = eb / (1 + ea + eb)
    gam = np.exp(theta[4 + p])
    nu = 2 + np.exp(theta[5 + p])
    return mu, phi, omega, alpha, beta, gam, nu


def gjr_t_nll(theta, y, p, h0):
    mu, phi, omega, alpha, beta, gam, nu = transform(theta, p)
    T = len(y)
    N = T - p

    # ---- residuals
    e = np.zeros(T)
    for t in range(p, T):
        e[t] = y[t] - mu
        for j in range(p):
            e[t] = e[t] - phi[j] * y[t - 1 - j]

    # ---- variance recursion
    h = np.zeros(T)
    h[p] = h0
    for t in range(p + 1, T):
        neg = e[t - 1] < 0
        h[t] = omega + (alpha + gam * neg) * e[t - 1]**2 + beta * h[t - 1]

    # ---- log likelihood
    q = np.zeros(T)
    const = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * (nu - 2))
    ll = 0.0
    for t in range(p, T):
        q[t] = e[t]**2 / (h[t] * (nu - 2))
        ll = ll + const - 0.5 * np.log(h[t]) - (nu + 1) / 2 * np.log1p(q[t])
    f = -ll / N

    # ---- scores, running backwards in time
    dmu = 0.0
    dphi = np.zeros(p)
    domega = dalpha = dbeta = dgam = 0.0
    dnu = N * 0.5 * (psi((nu + 1) / 2) - psi(nu / 2) - 1 / (nu - 2))
    dh = np.zeros(T)
    de = np.zeros(T)
    for t in range(T - 1, p - 1, -1):
        w = (nu + 1) / 2 / (1 + q[t])
        dnu += -0.5 * np.log1p(q[t]) + w * q[t] / (nu - 2)
        dh[t] += -0.5 / h[t] + w * q[t] / h[t]
        de[t] += -w * 2 * e[t] / (h[t] * (nu - 2))
        if t > p:
            neg = e[t - 1] < 0
            domega += dh[t]
            dalpha += dh[t] * e[t - 1]**2
            dgam += dh[t] * e[t - 1]**2 * neg
            dbeta += dh[t] * h[t - 1]
            dh[t - 1] += beta * dh[t]
            de[t - 1] += 2 * (alpha + gam * neg) * e[t - 1] * dh[t]
        dmu -= de[t]
        for j in range(p):
            dphi[j] -= de[t] * y[t - 1 - j]

    # ---- chain rule to the unrestricted parameters
    g = np.zeros(6 + p)
    g[0] = dmu
    g[1:1 + p] = dphi
    g[1 + p] = domega * omega
    g[2 + p] = dalpha * alpha * (1 - alpha) - dbeta * alpha * beta
    g[3 + p] = dbeta * beta * (1 - beta) - dalpha * alpha * beta
    g[4 + p] = dgam * gam
    g[5 + p] = dnu * (nu - 2)
    return f, -g / N


def make_problem(T=30, p=2):
    T = max(T, 4)
    y = simulate(T, p, 11 * T + p)
    theta0 = np.concatenate([[0.1], 0.3 / np.arange(1, p + 1), [-1.6, -0.4, 1.2, -2.0, 1.3]])
    h0 = float(np.var(y)) + 0.1
    return gjr_t_nll, theta0, (y, p, h0)
