# Gaussian process: negative log marginal likelihood, ARD squared exponential kernel
import numpy as np

STYLE = "GP inverse, traces, logdet"


class GaussianProcess(object):
    def __init__(self, X, y):
        self.X = X
        self.y = y

    def kernel(self, log_ell, log_sf):
        n, d = self.X.shape
        self.diff2 = np.zeros((d, n, n))
        for j in range(d):
            self.diff2[j] = (self.X[:, j][:, None] - self.X[:, j][None, :]) ** 2
        ell2 = np.exp(2.0 * log_ell)
        r2 = np.tensordot(1.0 / ell2, self.diff2, axes=1)
        return np.exp(2.0 * log_sf) * np.exp(-0.5 * r2)

    def nlml(self, hyp):
        X, y = self.X, self.y
        n, d = X.shape
        log_ell, log_sf, log_sn, slope = hyp[:d], hyp[d], hyp[d + 1], hyp[d + 2:]
        K = self.kernel(log_ell, log_sf)
        sn2 = np.exp(2.0 * log_sn)
        Ky = K + sn2 * np.eye(n)
        Kinv = np.linalg.inv(Ky)
        resid = y - X @ slope
        alpha = Kinv.dot(resid)
        sign, logdet = np.linalg.slogdet(Ky)
        value = 0.5 * resid.dot(alpha) + 0.5 * logdet + 0.5 * n * np.log(2 * np.pi)

        grad = np.empty_like(hyp)
        Q = Kinv - np.outer(alpha, alpha)
        for j in range(d):
            dK = K * self.diff2[j] * np.exp(-2.0 * log_ell[j])
            grad[j] = 0.5 * np.trace(Q.dot(dK))
        dK_sf = 2.0 * K
        grad[d] = 0.5 * np.sum(Q * dK_sf)
        grad[d + 1] = sn2 * np.trace(Q)
        grad[d + 2:] = -X.T.dot(alpha)
        return value, grad


def make_problem(points=6, inputs=3):
    rng = np.random.default_rng([points, inputs])
    X = rng.standard_normal((points, inputs))
    y = np.sin(X[:, 0]) + 0.3 * rng.standard_normal(points)
    gp = GaussianProcess(X, y)
    x0 = np.concatenate([0.3 * rng.standard_normal(inputs), [0.2, -0.7], rng.standard_normal(inputs)])
    return gp.nlml, x0
