"""Discriminative RBM (Larochelle & Bengio): p(y|x) from free energies, plus a generative free-energy gap."""
import numpy as np

STYLE = "RBM paper reimplementation, W U b c d names, loop over classes"


def softplus(a):
    return np.logaddexp(0.0, a)

def sigm(a):
    return np.exp(-np.logaddexp(0.0, -a))


class ClassRBM:
    def __init__(self, nv, nh, ny, alpha, X, y, Xneg, yneg):
        self.nv, self.nh, self.ny = nv, nh, ny
        self.alpha = alpha
        self.X, self.y = X, y
        self.Xneg, self.yneg = Xneg, yneg      # fantasy particles, held fixed

    def unroll(self, theta):
        nv, nh, ny = self.nv, self.nh, self.ny
        cuts = np.cumsum([nh*nv, nh*ny, nv, nh])
        W, U, b, c, d = np.split(theta, cuts)
        return W.reshape(nh, nv), U.reshape(nh, ny), b, c, d

    def activations(self, x, W, U, c):
        # o[j, k] = c_j + U_jk + sum_i W_ji x_i
        return c[:, None] + U + W.dot(x)[:, None]

    def neg_log_cond(self, theta):
        """-log p(y|x), summed, and gradient"""
        W, U, b, c, d = self.unroll(theta)
        gW = np.zeros(W.shape); gU = np.zeros(U.shape)
        gc = np.zeros(c.shape); gd = np.zeros(d.shape)
        cost = 0.0
        for x, y in zip(self.X, self.y):
            o = self.activations(x, W, U, c)
            score = d + softplus(o).sum(axis=0)
            top = score.max()
            logZ = top + np.log(np.exp(score - top).sum())
            cost += logZ - score[y]

            p = np.exp(score - logZ)
            s = sigm(o)
            for k in range(self.ny):
                coef = p[k] - (k == y)
                gU[:, k] += coef * s[:, k]
                gc += coef * s[:, k]
                gW += coef * np.outer(s[:, k], x)
                gd[k] += coef
        return cost, gW, gU, gc, gd

    def free_energy(self, x, y, W, U, b, c, d):
        h = c + U[:, y] + W.dot(x)
        return -b.dot(x) - d[y] - softplus(h).sum(), sigm(h)

    def energy_gap(self, theta):
        """mean free energy of the data minus mean free energy of the negative samples, squashed"""
        W, U, b, c, d = self.unroll(theta)
        gW = np.zeros(W.shape); gU = np.zeros(U.shape)
        gb = np.zeros(b.shape); gc = np.zeros(c.shape); gd = np.zeros(d.shape)
        gap = 0.0
        for sign, V, lab in ((1.0, self.X, self.y), (-1.0, self.Xneg, self.yneg)):
            w = sign / len(V)
            for x, y in zip(V, lab):
                F, h = self.free_energy(x, y, W, U, b, c, d)
                gap += w*F
                gW -= w*np.outer(h, x)
                gU[:, y] -= w*h
                gb -= w*x
                gc -= w*h
                gd[y] -= w
        # softplus of the gap keeps the objective bounded below
        slope = sigm(gap)
        return softplus(gap), [slope*g for g in (gW, gU, gb, gc, gd)]

    def objective(self, theta):
        W, U, b, c, d = self.unroll(theta)
        n = len(self.X)
        disc, gW, gU, gc, gd = self.neg_log_cond(theta)
        gen, (hW, hU, hb, hc, hd) = self.energy_gap(theta)
        # L1-ish sparsity on the weights, smoothed
        root = np.sqrt(W*W + 0.01)
        cost = disc/n + self.alpha*gen + 0.02*root.sum()
        gW = gW/n + self.alpha*hW
        gW += 0.02*W/root
        gU = gU/n + self.alpha*hU
        gb = self.alpha*hb
        gc = gc/n + self.alpha*hc
        gd = gd/n + self.alpha*hd
        return cost, np.concatenate([gW.ravel(), gU.ravel(), gb, gc, gd])


def make_problem(nv=6, nh=5, ny=3, n=4):
    ny = max(ny, 2)
    rng = np.random.default_rng(99)
    X = (rng.random((n, nv)) < 0.5).astype(float)
    Xneg = (rng.random((n + 2, nv)) < 0.3).astype(float)
    rbm = ClassRBM(nv, nh, ny, 0.4, X, rng.integers(0, ny, n), Xneg, rng.integers(0, ny, n + 2))
    theta = 0.5*rng.standard_normal(nh*nv + nh*ny + nv + nh + ny)
    return rbm.objective, theta
