"""Vertical electrical sounding: Koefoed resistivity transform of a layered earth, forward sensitivities."""
import numpy as np

STYLE = "geophysicist, recursion with sensitivities carried along, explicit loops"


def transform_one(lam, rho, h):
    """T(lam) of the layered half space and dT/drho, dT/dh (Pekeris recursion from the bottom)."""
    n = len(rho)
    dT_drho = np.zeros(n)
    dT_dh = np.zeros(n - 1)
    T = rho[n - 1]
    dT_drho[n - 1] = 1.0
    for i in range(n - 2, -1, -1):
        th = np.tanh(lam * h[i])
        num = T + rho[i] * th
        den = 1.0 + T * th / rho[i]
        Tnew = num / den

        # partial derivatives of this layer's formula
        pT = (1.0 - Tnew * th / rho[i]) / den
        prho = (th + Tnew * T * th / rho[i] ** 2) / den
        pth = (rho[i] - Tnew * T / rho[i]) / den

        # everything below is seen through T
        for j in range(i + 1, n):
            dT_drho[j] = pT * dT_drho[j]
        for j in range(i + 1, n - 1):
            dT_dh[j] = pT * dT_dh[j]
        dT_drho[i] = prho
        dT_dh[i] = pth * lam * (1.0 - th ** 2)
        T = Tnew
    return T, dT_drho, dT_dh


def misfit(m, lams, filt, data, sigma, mref, alpha):
    n = (len(m) + 1) // 2
    rho = np.exp(m[:n])
    h = np.exp(m[n:])
    phi = 0.0
    g = np.zeros(len(m))
    for k in range(lams.shape[0]):
        # apparent resistivity of spacing k: digital filter over the transform
        rhoa = 0.0
        s_rho = np.zeros(n)
        s_h = np.zeros(n - 1)
        for l in range(len(filt)):
            T, dr, dh = transform_one(lams[k, l], rho, h)
            rhoa += filt[l] * T
            s_rho += filt[l] * dr
            s_h += filt[l] * dh
        r = (np.log(rhoa) - np.log(data[k])) / sigma
        phi += 0.5 * r ** 2
        g[:n] += r / sigma / rhoa * s_rho * rho
        g[n:] += r / sigma / rhoa * s_h * h
    # flat model wanted
    for i in range(n - 1):
        d = m[i + 1] - m[i]
        phi += 0.5 * alpha * d ** 2
        g[i + 1] += alpha * d
        g[i] -= alpha * d
    phi += 0.01 * np.sum((m - mref) ** 2)
    g += 0.02 * (m - mref)
    return phi, g


def make_problem(n_layers=4, n_spacings=6):
    rng = np.random.default_rng(64)
    filt = np.array([0.05, -0.15, 0.7, 0.35, 0.05])
    ab2 = np.logspace(0, 1.7, n_spacings)
    lams = np.array([[np.exp(0.4 * (2 - l)) / s for l in range(5)] for s in ab2])
    mref = np.concatenate([np.log(50) * np.ones(n_layers), np.log(5) * np.ones(n_layers - 1)])
    data = 40 * np.exp(0.5 * rng.standard_normal(n_spacings))
    x0 = mref + 0.4 * rng.standard_normal(mref.size)
    return misfit, x0, (lams, filt, data, 0.2, mref, 0.3)
