"""2-D pose graph SLAM: odometry and loop closures with a robust kernel, gauge prior on the first pose."""
import numpy as np

STYLE = "g2o-like edges with Jacobian blocks A, B"


def wrap(a):
    return np.arctan2(np.sin(a), np.cos(a))


def rot(th):
    c, s = np.cos(th), np.sin(th)
    return np.array([[c, -s], [s, c]])


class SE2Edge:
    def __init__(self, i, j, z, omega, delta=None):
        self.i, self.j = i, j
        self.z = z
        self.omega = omega
        self.delta = delta      # None: plain least squares
        self.Rz = rot(z[2])

    def error(self, xi, xj):
        d = rot(xi[2]).T @ (xj[:2] - xi[:2])
        e = np.empty(3)
        e[:2] = self.Rz.T @ (d - self.z[:2])
        e[2] = wrap(xj[2] - xi[2] - self.z[2])
        return e

    def linearize(self, xi, xj):
        c, s = np.cos(xi[2]), np.sin(xi[2])
        dRt = np.array([[-s, c], [-c, -s]])
        RtRt = self.Rz.T @ rot(xi[2]).T
        A = np.zeros((3, 3))
        A[:2, :2] = -RtRt
        A[:2, 2] = self.Rz.T @ dRt @ (xj[:2] - xi[:2])
        A[2, 2] = -1
        B = np.zeros((3, 3))
        B[:2, :2] = RtRt
        B[2, 2] = 1
        return A, B

    def robustify(self, chi2):
        """Cauchy kernel: rho(chi2) and its derivative"""
        if self.delta is None:
            return chi2, 1.0
        d2 = self.delta ** 2
        return d2 * np.log1p(chi2 / d2), 1.0 / (1.0 + chi2 / d2)


class PoseGraph:
    def __init__(self, edges, prior, w_prior):
        self.edges, self.prior, self.w_prior = edges, prior, w_prior

    def cost_and_gradient(self, poses):
        total = 0.0
        b = np.zeros_like(poses)
        for ed in self.edges:
            xi, xj = poses[ed.i], poses[ed.j]
            e = ed.error(xi, xj)
            chi2 = e @ ed.omega @ e
            rho, drho = ed.robustify(chi2)
            total += 0.5 * rho
            A, B = ed.linearize(xi, xj)
            we = drho * (ed.omega @ e)
            b[ed.i] += A.T @ we
            b[ed.j] += B.T @ we
        r0 = poses[0] - self.prior
        r0[2] = wrap(r0[2])
        total += 0.5 * np.sum(self.w_prior * r0 ** 2)
        b[0] += self.w_prior * r0
        return total, b


def make_problem(n_poses=7, n_loops=3):
    rng = np.random.default_rng(2010)
    truth = np.zeros((n_poses, 3))
    for k in range(1, n_poses):
        truth[k, 2] = truth[k - 1, 2] + 0.5 + 0.2 * rng.standard_normal()
        truth[k, :2] = truth[k - 1, :2] + rot(truth[k - 1, 2]) @ np.array([1.0, 0.2])
    pairs = [(k, k + 1, None) for k in range(n_poses - 1)]
    for k in range(n_loops):
        i, j = sorted(rng.choice(n_poses, 2, replace=False))
        pairs.append((j, i, 0.7))
    edges = []
    for i, j, delta in pairs:
        z = np.r_[rot(truth[i, 2]).T @ (truth[j, :2] - truth[i, :2]), truth[j, 2] - truth[i, 2]]
        L = np.eye(3) + 0.3 * np.tril(rng.standard_normal((3, 3)))
        edges.append(SE2Edge(i, j, z + 0.1 * rng.standard_normal(3), L @ L.T, delta))
    graph = PoseGraph(edges, np.zeros(3), np.array([4.0, 4.0, 9.0]))
    return graph.cost_and_gradient, truth + 0.2 * rng.standard_normal(truth.shape)
