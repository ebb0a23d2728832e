"""Molecular mechanics of a chain: harmonic bonds and angles, cosine torsions, screened charges; energy and dE/dr."""
import numpy as np

STYLE = "vectorised physics, einsum and np.add.at"

dot = lambda a, b: np.einsum('ij,ij->i', a, b)
norm = lambda a: np.sqrt(np.einsum('ij,ij->i', a, a))


def bonds(r, idx, k, r0, grad):
    i, j = idx.T
    d = r[i] - r[j]
    L = norm(d)
    f = (k*(L - r0)/L)[:, None]*d
    np.add.at(grad, i, f)
    np.add.at(grad, j, -f)
    return 0.5*np.sum(k*(L - r0)**2)


def angles(r, idx, k, th0, grad):
    i, j, l = idx.T
    u, v = r[i] - r[j], r[l] - r[j]
    nu, nv = norm(u), norm(v)
    cos = dot(u, v)/(nu*nv)
    th = np.arccos(cos)
    # dtheta/dcos = -1/sin(theta)
    dcos = -k*(th - th0)/np.sin(th)
    du = np.einsum('n,ni->ni', dcos/(nu*nv), v) - np.einsum('n,ni->ni', dcos*cos/nu**2, u)
    dv = np.einsum('n,ni->ni', dcos/(nu*nv), u) - np.einsum('n,ni->ni', dcos*cos/nv**2, v)
    np.add.at(grad, i, du)
    np.add.at(grad, l, dv)
    np.add.at(grad, j, -(du + dv))
    return 0.5*np.sum(k*(th - th0)**2)


def torsions(r, idx, vn, n, phase, grad):
    """sum vn (1 + cos(n phi - phase)); derivatives after Blondel & Karplus (1996)"""
    i, j, k, l = idx.T
    F, G, H = r[i] - r[j], r[j] - r[k], r[l] - r[k]
    A, B = np.cross(F, G), np.cross(H, G)
    g = norm(G)
    phi = np.arctan2(dot(np.cross(B, A), G)/g, dot(A, B))
    dphi = -vn*n*np.sin(n*phi - phase)
    A2, B2 = dot(A, A), dot(B, B)
    fi = (-dphi*g/A2)[:, None]*A
    fl = (dphi*g/B2)[:, None]*B
    s = (dphi*dot(F, G)/(A2*g))[:, None]*A
    s -= (dphi*dot(H, G)/(B2*g))[:, None]*B
    np.add.at(grad, i, fi)
    np.add.at(grad, j, s - fi)
    np.add.at(grad, k, -s - fl)
    np.add.at(grad, l, fl)
    return np.sum(vn*(1 + np.cos(n*phi - phase)))


def coulomb(r, q, kappa, grad):
    i, j = np.triu_indices(len(r), 3)
    d = r[i] - r[j]
    R = norm(d)
    e = q[i]*q[j]*np.exp(-kappa*R)/R
    fac = -e*(kappa + 1/R)/R
    np.add.at(grad, i, fac[:, None]*d)
    np.add.at(grad, j, -fac[:, None]*d)
    return e.sum()


def make_problem(natoms=6, npar=2):
    natoms = max(natoms, 5)
    rng = np.random.default_rng(1996)
    a = np.arange(natoms)
    r = np.stack([1.2*a, 0.7*(-1.0)**a, 0.5*np.sin(1.7*a)], 1) + 0.08*rng.standard_normal((natoms, 3))
    b = np.stack([a[:-1], a[1:]], 1)
    t = np.stack([a[:-2], a[1:-1], a[2:]], 1)
    p = np.stack([a[:-3], a[1:-2], a[2:-1], a[3:]], 1)
    kb = rng.uniform(2, 4, len(b))
    kt = rng.uniform(1, 2, len(t))
    vn = rng.uniform(0.5, 1.5, len(p))
    mult = 1 + np.arange(len(p)) % (npar + 1)
    q = 0.6*rng.standard_normal(natoms)

    def fun(x):
        pos = x.reshape(-1, 3)
        grad = np.zeros_like(pos)
        e = bonds(pos, b, kb, 1.4, grad)
        e += angles(pos, t, kt, 1.9, grad)
        e += torsions(pos, p, vn, mult, 0.4, grad)
        e += coulomb(pos, q, 0.3, grad)
        return e, grad.ravel()

    return fun, r.ravel()
