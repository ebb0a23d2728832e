"""Thicknesses and indices of a stack of absorbing thin films from its reflectance: transfer matrices."""

import numpy as np

STYLE = "optics engineer: list of 2x2 matrices, prefix products, holomorphic derivatives dR/dz, lambdas"

N_IN, N_SUB = 1.0, 1.52 + 0.02j


def film(n, d, lam):
    phi = 2 * np.pi * n * d / lam
    c, s = np.cos(phi), np.sin(phi)
    return np.array([[c, 1j * s / n], [1j * n * s, c]]), phi, c, s


def reflectance(M):
    B = M[0, 0] + M[0, 1] * N_SUB
    C = M[1, 0] + M[1, 1] * N_SUB
    r = (N_IN * B - C) / (N_IN * B + C)
    return (r * np.conj(r)).real, r, B, C


def one_wavelength(n, d, lam):
    """R and its gradient with respect to the (complex) index and the thickness of every film"""
    mats, phis, cs, ss = zip(*[film(ni, di, lam) for ni, di in zip(n, d)])
    left = [np.eye(2, dtype=complex)]
    for M in mats:
        left.append(left[-1] @ M)
    R, r, B, C = reflectance(left[-1])

    # dR = 2 Re(g_r dr) with g_r = conj(r), and so on down: no conjugates after this line
    g_r = np.conj(r)
    den = N_IN * B + C
    g_B = g_r * 2 * N_IN * C / den ** 2
    g_C = -g_r * 2 * N_IN * B / den ** 2
    G = np.array([[g_B, g_B * N_SUB], [g_C, g_C * N_SUB]])

    g_n = np.zeros(len(n), complex)
    g_d = np.zeros(len(d))
    right = np.eye(2, dtype=complex)
    for i in range(len(n) - 1, -1, -1):
        g_M = left[i].T @ G @ right.T
        ci, si = cs[i], ss[i]
        g_phi = -si * (g_M[0, 0] + g_M[1, 1]) + 1j * ci * (g_M[0, 1] / n[i] + g_M[1, 0] * n[i])
        g_n[i] = 1j * si * (g_M[1, 0] - g_M[0, 1] / n[i] ** 2)
        g_n[i] += g_phi * 2 * np.pi * d[i] / lam
        g_d[i] = 2 * np.real(g_phi * n[i]) * 2 * np.pi / lam
        right = mats[i] @ right
    return R, g_n, g_d


def misfit(p, lams, R_meas, beta):
    re, im, d = np.split(p, 3)
    k = np.exp(im)
    n = re + 1j * k
    f = beta * np.sum(np.diff(re) ** 2)
    gn, gd = np.zeros(n.size, complex), np.zeros(d.size)
    for lam, Rm in zip(lams, R_meas):
        R, g_n, g_d = one_wavelength(n, d, lam)
        miss = R - Rm
        f += 0.5 * miss ** 2 / len(lams)
        gn += miss * g_n / len(lams)
        gd += miss * g_d / len(lams)
    # R is 2 Re(g dn), and dn is dre + i dk
    gre = 2 * gn.real
    gk = -2 * gn.imag
    gre[1:] += 2 * beta * np.diff(re)
    gre[:-1] -= 2 * beta * np.diff(re)
    return f, np.concatenate([gre, gk * k, gd])


def make_problem(films=4, wavelengths=6):
    films = max(films, 2)
    rng = np.random.default_rng([films, wavelengths])
    lams = np.linspace(4.0, 8.0, max(wavelengths, 2))
    re = rng.uniform(1.4, 2.4, films)
    im = np.log(rng.uniform(0.02, 0.3, films))
    d = rng.uniform(0.3, 0.9, films)
    R = np.array([one_wavelength(re + 1j * np.exp(im), d, lam)[0] for lam in lams])
    p0 = np.concatenate([re + 0.2 * rng.normal(size=films), im + 0.3, 1.2 * d])
    return misfit, p0, (lams, R, 0.01)
