"""1-D acoustic full waveform inversion: leapfrog in time, adjoint state gradient for log velocity."""
import numpy as np

STYLE = "adjoint-state PDE functions, stored wavefield"


def laplacian(u, dx):
    L = -2 * u
    L[1:] += u[:-1]
    L[:-1] += u[1:]
    return L / dx ** 2


def forward(c2, src, geom):
    """Wavefield for every time step; u[0] = u[1] = 0."""
    nt, dt, dx, isrc, _, sponge = geom
    u = np.zeros((nt + 1, c2.size))
    for n in range(1, nt):
        acc = laplacian(u[n], dx)
        acc[isrc] += src[n]
        u[n + 1] = (2 * u[n] - (1 - sponge) * u[n - 1] + dt ** 2 * c2 * acc) / (1 + sponge)
    return u


def adjoint(c2, residual, geom):
    """Back-propagate residuals from the receivers.  lam[n+1] multiplies the n-th update."""
    nt, dt, dx, _, irec, sponge = geom
    lam = np.zeros((nt + 3, c2.size))
    for n in range(nt, 0, -1):
        rhs = 2 * lam[n + 1] + dt ** 2 * laplacian(c2 * lam[n + 1], dx)
        rhs -= (1 - sponge) * lam[n + 2]
        rhs[irec] += residual[n]
        lam[n] = rhs / (1 + sponge)
    return lam


def imaging(u, lam, src, geom):
    nt, dt, dx, isrc, _, _ = geom
    grad = np.zeros(u.shape[1])
    for n in range(1, nt):
        acc = laplacian(u[n], dx)
        acc[isrc] += src[n]
        grad += lam[n + 1] * acc
    return dt ** 2 * grad


def misfit(m, data, src, geom, reg, mref):
    """m = log(velocity).  Trace misfit (normalised by the data energy) plus smoothness of m - mref."""
    irec = geom[4]
    c2 = np.exp(2 * m)
    u = forward(c2, src, geom)
    res = u[:, irec] - data
    scale = np.sum(data ** 2)
    rough = np.diff(m - mref)
    J = 0.5 * np.sum(res ** 2) / scale + 0.5 * reg * np.sum(rough ** 2)

    lam = adjoint(c2, res / scale, geom)
    dJdc2 = imaging(u, lam, src, geom)
    g = 2 * c2 * dJdc2
    g[1:] += reg * rough
    g[:-1] -= reg * rough
    return J, g


def make_problem(nx=12, nt=22):
    nx = nx + 4
    nt = max(nt, 16)
    dx, dt = 1.0, 0.45
    pos = np.arange(nx)
    edge = np.minimum(pos, nx - 1 - pos)
    sponge = 0.08 * np.exp(-0.7 * edge)
    geom = (nt, dt, dx, 2, np.array([1, nx // 2, nx - 2]), sponge)
    t = dt * np.arange(nt) - 1.8
    src = (1 - 1.6 * t ** 2) * np.exp(-0.8 * t ** 2)
    rng = np.random.default_rng(1984)
    mref = np.linspace(0.0, 0.15, nx)
    true = np.exp(2 * (mref + 0.2 * np.sin(1.3 * pos)))
    data = forward(true, src, geom)[:, geom[4]]
    x0 = mref + 0.08 * rng.standard_normal(nx)
    return misfit, x0, (data, src, geom, 0.02, mref)
