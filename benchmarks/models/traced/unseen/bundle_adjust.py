"""Bundle adjustment: axis-angle cameras with radial distortion, shared focal length, Cauchy loss."""
import numpy as np

STYLE = "computer vision engineer thinking in Ceres: CamelCase functors, small Jacobian matrices, residual blocks"


def Skew(v):
    return np.array([[0.0, -v[2], v[1]],
                     [v[2], 0.0, -v[0]],
                     [-v[1], v[0], 0.0]])


class RotatePoint:
    """R(w) X by Rodrigues' formula, not for w = 0."""

    def __init__(self, w):
        self.theta = np.linalg.norm(w)
        self.k = w / self.theta
        self.c, self.s = np.cos(self.theta), np.sin(self.theta)
        self.R = self.c * np.eye(3) + self.s * Skew(self.k) + (1 - self.c) * np.outer(self.k, self.k)

    def Evaluate(self, X):
        return self.R @ X

    def JacobianWrtW(self, X):
        k, c, s = self.k, self.c, self.s
        kx = k @ X
        dTheta = -s * X + c * np.cross(k, X) + s * kx * k
        dAxis = -s * Skew(X) + (1 - c) * (kx * np.eye(3) + np.outer(k, X))
        dkdw = (np.eye(3) - np.outer(k, k)) / self.theta
        return np.outer(dTheta, k) + dAxis @ dkdw


class SnavelyProjection:
    def __init__(self, f, k1, k2):
        self.f, self.k1, self.k2 = f, k1, k2

    def Evaluate(self, P):
        p = P[:2] / P[2]
        r2 = p @ p
        distort = 1.0 + r2 * (self.k1 + self.k2 * r2)
        return self.f * distort * p

    def Jacobians(self, P):
        iz = 1.0 / P[2]
        p = P[:2] * iz
        r2 = p @ p
        distort = 1.0 + r2 * (self.k1 + self.k2 * r2)
        dpdP = np.array([[iz, 0.0, -p[0] * iz],
                         [0.0, iz, -p[1] * iz]])
        dDistort = self.k1 + 2.0 * self.k2 * r2
        dudp = self.f * (distort * np.eye(2) + 2.0 * dDistort * np.outer(p, p))
        Jintr = np.column_stack([distort * p, self.f * r2 * p, self.f * r2 * r2 * p])
        return dudp @ dpdP, Jintr


class CauchyLoss:
    def __init__(self, a):
        self.b = a * a

    def Evaluate(self, s):
        """rho(s) and rho'(s)"""
        return self.b * np.log1p(s / self.b), 1.0 / (1.0 + s / self.b)


class BundleProblem:
    def __init__(self, nCam, nPt, observations, loss, tGauge):
        self.nCam, self.nPt = nCam, nPt
        self.observations = observations
        self.loss = loss
        self.tGauge = tGauge

    def Evaluate(self, params):
        intr, cams, pts = params
        gIntr, gCams, gPts = np.zeros_like(intr), np.zeros_like(cams), np.zeros_like(pts)
        project = SnavelyProjection(*intr)
        rots = [RotatePoint(cam[:3]) for cam in cams]
        total = 0.0
        for ci, pi, uv in self.observations:
            rot = rots[ci]
            P = rot.Evaluate(pts[pi]) + cams[ci, 3:]
            r = project.Evaluate(P) - uv
            rho, drho = self.loss.Evaluate(r @ r)
            total += 0.5 * rho

            Jp, Jintr = project.Jacobians(P)
            gr = drho * r
            gP = Jp.T @ gr
            gIntr += Jintr.T @ gr
            gCams[ci, :3] += rot.JacobianWrtW(pts[pi]).T @ gP
            gCams[ci, 3:] += gP
            gPts[pi] += rot.R.T @ gP
        # gauge: camera baseline of first and last
        base = cams[-1, 3:] - cams[0, 3:]
        gap = base @ base - self.tGauge
        total += 0.5 * gap**2
        gCams[-1, 3:] += 2.0 * gap * base
        gCams[0, 3:] -= 2.0 * gap * base
        return total, [gIntr, gCams, gPts]


def make_problem(n_cam=2, n_pt=5):
    rng = np.random.default_rng(n_cam * 17 + n_pt)
    intr = np.array([1.3, -0.1, 0.6])
    cams = np.column_stack([rng.uniform(-0.4, 0.4, (n_cam, 3)) + 0.1,
                            rng.uniform(-0.8, 0.8, (n_cam, 2)), rng.uniform(2.6, 3.2, n_cam)])
    pts = rng.uniform(-1.2, 1.2, (n_pt, 3))
    obs = []
    for ci in range(n_cam):
        for pi in range(n_pt):
            if (ci + pi) % 6 == 5:
                continue
            P = RotatePoint(cams[ci, :3]).Evaluate(pts[pi]) + cams[ci, 3:]
            obs.append((ci, pi, SnavelyProjection(*intr).Evaluate(P) + rng.normal(0, 0.2, 2)))
    problem = BundleProblem(n_cam, n_pt, obs, CauchyLoss(0.3), 1.0)
    x0 = [intr, cams + rng.normal(0, 0.02, cams.shape), pts + rng.normal(0, 0.05, pts.shape)]
    return problem.Evaluate, x0
