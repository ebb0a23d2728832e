"""Transmission tomography: Poisson counts of sparse rays, smoothed TV, softplus image and unknown source strengths."""
import numpy as np
import scipy.sparse as sp

STYLE = "sparse operators with forward/adjoint, x0 a tuple"


class Op:
    """Linear operator from a sparse matrix"""

    def __init__(self, mat):
        self.mat = mat.tocsr()
        self.matT = self.mat.T.tocsr()

    def __call__(self, x):
        return self.mat @ x

    def adj(self, y):
        return self.matT @ y


def ray_matrix(nx, ny, n_rays, rng, ns=40):
    rows, cols = [], []
    for k in range(n_rays):
        a = np.array([0.0, rng.uniform(0, ny)])
        b = np.array([nx, rng.uniform(0, ny)])
        if k % 2:
            a, b = np.array([rng.uniform(0, nx), 0.0]), np.array([rng.uniform(0, nx), ny])
        for s in (np.arange(ns) + 0.5) / ns:
            p = a + s * (b - a)
            rows.append(k)
            cols.append(int(min(p[0], nx - 1)) * ny + int(min(p[1], ny - 1)))
    return sp.coo_matrix((np.full(len(rows), 1.0 / ns), (rows, cols)), shape=(n_rays, nx * ny))


def differences(nx, ny):
    def d1(n):
        return sp.diags([-np.ones(n), np.ones(n - 1)], [0, 1]).tolil()
    Dx, Dy = d1(nx), d1(ny)
    Dx[nx - 1, :] = 0
    Dy[ny - 1, :] = 0
    return Op(sp.kron(Dx, sp.eye(ny))), Op(sp.kron(sp.eye(nx), Dy))


def softplus(z):
    return np.logaddexp(0.0, z)


def tv(img, Dx, Dy, eps):
    gx, gy = Dx(img), Dy(img)
    mag = np.sqrt(gx ** 2 + gy ** 2 + eps ** 2)
    return np.sum(mag - eps), Dx.adj(gx / mag) + Dy.adj(gy / mag)


def poisson(A, mu, logI, view, counts, bg):
    """-log likelihood, its gradients in mu and logI"""
    trans = np.exp(logI[view] - A(mu))
    ybar = trans + bg
    nll = np.sum(ybar - counts * np.log(ybar))
    resid = 1.0 - counts / ybar
    g_line = -resid * trans
    g_mu = A.adj(g_line)
    g_logI = np.bincount(view, weights=-g_line, minlength=logI.size)
    return nll, g_mu, g_logI


def make_problem(nx=5, ny=4, n_views=3):
    rng = np.random.default_rng(1917)
    n_rays = 2 * n_views + nx + ny
    A = Op(6.0 * ray_matrix(nx, ny, n_rays, rng))
    Dx, Dy = differences(nx, ny)
    view = np.arange(n_rays) % n_views
    counts = rng.poisson(8.0, n_rays).astype(float) + 1
    bg = 0.4
    lam, eps, tau = 0.5, 0.15, 2.0

    def fun(x):
        z, logI = x
        mu = softplus(z)
        nll, g_mu, g_logI = poisson(A, mu, logI, view, counts, bg)
        reg, g_reg = tv(mu, Dx, Dy, eps)
        dev = logI - logI.mean()
        cost = nll + lam * reg + 0.5 * tau * np.sum(dev ** 2)
        g_mu = g_mu + lam * g_reg
        g_z = g_mu / (1.0 + np.exp(-z))
        g_logI = g_logI + tau * dev
        return cost, (g_z, g_logI)

    x0 = (rng.normal(-1.2, 0.5, nx * ny), rng.normal(2.6, 0.2, n_views))
    return fun, x0
