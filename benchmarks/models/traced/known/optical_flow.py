"""Variational optical flow: linearised brightness constancy, Charbonnier data term, smoothed total variation."""
import numpy as np

STYLE = "optical flow TV, image arrays, slices and their adjoints"

EPS2 = 0.01


def dx(u):
    out = np.zeros_like(u)
    out[:, :-1] = u[:, 1:] - u[:, :-1]
    return out


def dy(u):
    out = np.zeros_like(u)
    out[:-1, :] = u[1:, :] - u[:-1, :]
    return out


def dxt(p):
    """Transpose of dx."""
    out = np.zeros_like(p)
    out[:, :-1] -= p[:, :-1]
    out[:, 1:] += p[:, :-1]
    return out


def dyt(p):
    """Transpose of dy."""
    out = np.zeros_like(p)
    out[:-1, :] -= p[:-1, :]
    out[1:, :] += p[:-1, :]
    return out


def smoothness(u):
    ux = dx(u)
    uy = dy(u)
    norm = np.sqrt(ux**2 + uy**2 + EPS2)
    energy = norm.sum()
    gradient = dxt(ux / norm) + dyt(uy / norm)
    return energy, gradient


def flow_energy(w, Ix, Iy, It, alpha, gamma):
    rows, cols = Ix.shape
    u, v = w[0], w[1]
    assert w.shape == (2, rows, cols)

    rho = Ix * u + Iy * v + It
    psi = np.sqrt(rho**2 + EPS2)
    e_data = psi.sum()
    weight = rho / psi

    e_u, g_u = smoothness(u)
    e_v, g_v = smoothness(v)
    div = dx(u) + dy(v)
    energy = e_data + alpha * (e_u + e_v) + 0.5 * gamma * np.sum(div**2)

    grad = np.empty_like(w)
    grad[0] = weight * Ix
    grad[0] += alpha * g_u
    grad[0] += gamma * dxt(div)
    grad[1] = weight * Iy
    grad[1] += alpha * g_v
    grad[1] += gamma * dyt(div)
    return energy, grad


def make_problem(rows=4, cols=5):
    rng = np.random.default_rng([rows, cols])
    Ix, Iy, It = rng.standard_normal((3, rows, cols))
    return flow_energy, rng.standard_normal((2, rows, cols)), (Ix, Iy, It, 0.3, 0.7)
