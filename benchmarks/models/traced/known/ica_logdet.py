# Maximum likelihood ICA (log cosh sources) with a whitening penalty, plus soft orthogonality
import numpy as np

STYLE = "ICA, log |det W|, inverse transpose, nested function"


class ICAObjective:
    def __init__(self, data, gamma=0.3):
        self.data = data
        self.n_features, self.n_obs = data.shape
        self.gamma = gamma

    def fun_and_jac(self, w):
        d, n = self.n_features, self.n_obs
        W = np.reshape(w, (d, d))

        def penalty(W):
            G = W @ W.T - np.eye(d)
            return 0.25 * np.trace(G @ G), G @ W

        S = W @ self.data
        fit = np.sum(np.log(np.cosh(S))) / n
        sgn, ld = np.linalg.slogdet(W)
        pen, dpen = penalty(W)
        obj = fit - ld + self.gamma * pen

        psi = np.tanh(S)
        dW = psi @ self.data.T / n
        dW -= np.linalg.inv(W).T
        dW += self.gamma * dpen
        return obj, dW.reshape(-1)


def make_problem(sources=4, samples=6):
    rng = np.random.default_rng([sources, samples])
    w0 = np.eye(sources).ravel() + 0.4 * rng.standard_normal(sources**2)
    return ICAObjective(rng.standard_normal((sources, samples))).fun_and_jac, w0
