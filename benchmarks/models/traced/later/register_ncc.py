"""Image registration: affine plus coarse warp, cubic B-spline interpolation, normalised cross correlation."""
import numpy as np

STYLE = "closures returning (value, pullback)"


def bspline(t):
    """4 weights and their derivatives, t in [0, 1)"""
    w = np.stack([(1 - t)**3, 3*t**3 - 6*t**2 + 4, -3*t**3 + 3*t**2 + 3*t + 1, t**3], -1) / 6
    dw = np.stack([-(1 - t)**2, 3*t**2 - 4*t, -3*t**2 + 2*t + 1, t**2], -1) / 2
    return w, dw


def sampler(coef):
    nr, nc = coef.shape

    def sample(pos):
        base = np.floor(pos).astype(int)
        wy, dwy = bspline(pos[:, 0] - base[:, 0])
        wx, dwx = bspline(pos[:, 1] - base[:, 1])
        iy = np.clip(base[:, :1] + np.arange(-1, 3), 0, nr - 1)
        ix = np.clip(base[:, 1:] + np.arange(-1, 3), 0, nc - 1)
        patch = coef[iy[:, :, None], ix[:, None, :]]
        val = np.einsum('nij,ni,nj->n', patch, wy, wx)

        def pullback(g):
            gpos = np.empty_like(pos)
            gpos[:, 0] = g * np.einsum('nij,ni,nj->n', patch, dwy, wx)
            gpos[:, 1] = g * np.einsum('nij,ni,nj->n', patch, wy, dwx)
            return gpos

        return val, pullback
    return sample


def warper(xy, centre, basis):
    rel = xy - centre

    def warp(A, shift, field):
        disp = basis @ field
        out = centre + rel @ A.T + shift + disp

        def pullback(g):
            return g.T @ rel, g.sum(axis=0), basis.T @ g

        return out, pullback
    return warp


def ncc(fixed):
    f = fixed - fixed.mean()
    nf = np.sqrt(f @ f)

    def metric(m):
        c = m - m.mean()
        nm = np.sqrt(c @ c)
        corr = (f @ c) / (nf * nm)

        def pullback(g):
            gc = g * (f / (nf * nm) - corr * c / nm**2)
            return gc - gc.mean()

        return corr, pullback
    return metric


def bending(stiff):
    def penalty(field):
        e = np.einsum('ki,kl,li->', field, stiff, field)

        def pullback(g):
            return g * (stiff + stiff.T) @ field

        return e, pullback
    return penalty


def make_problem(rows=6, cols=5, n_ctrl=4):
    rng = np.random.default_rng(2003)
    moving = rng.standard_normal((rows + 4, cols + 4))
    yy, xx = np.mgrid[:rows, :cols]
    xy = np.stack([yy.ravel(), xx.ravel()], 1) + 1.5
    ctrl = xy[rng.choice(len(xy), n_ctrl, replace=False)] + 0.3
    basis = np.exp(-0.5 * ((xy[:, None] - ctrl)**2).sum(-1) / 1.5**2)
    fixed = moving[2:-2, 2:-2].ravel() + 0.5 * rng.standard_normal(rows * cols)

    sample, metric = sampler(moving), ncc(fixed)
    warp = warper(xy, xy.mean(axis=0), basis)
    root = rng.standard_normal((n_ctrl, n_ctrl))
    penalty = bending(0.05 * root @ root.T + 0.02 * np.triu(root))
    lam, mu = 1.5, 2.0

    def fun(p):
        A, shift, field = p[:4].reshape(2, 2), p[4:6], p[6:].reshape(-1, 2)
        pos, warp_back = warp(A, shift, field)
        val, sample_back = sample(pos)
        corr, metric_back = metric(val)
        e, penalty_back = penalty(field)
        vol = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
        cost = 1 - corr**2 + lam * e + mu * np.log(vol)**2

        gA, gshift, gfield = warp_back(sample_back(metric_back(-2 * corr)))
        gfield = gfield + penalty_back(lam)
        gvol = 2 * mu * np.log(vol) / vol
        gA = gA + gvol * np.array([[A[1, 1], -A[1, 0]], [-A[0, 1], A[0, 0]]])
        return cost, np.concatenate([gA.ravel(), gshift, gfield.ravel()])

    x0 = np.concatenate([[1.25, 0.1, -0.07, 1.1], [0.2, -0.3], 0.3 * rng.standard_normal(2 * n_ctrl)])
    return fun, x0
