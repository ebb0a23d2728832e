"""Clayton copula of two Weibull lifetimes with covariates, right censoring; maximum likelihood."""
from functools import cached_property

import numpy as np

STYLE = "likelihood object with cached properties, named partials"


class Params:
    def __init__(self, vec, k):
        self.beta1, self.beta2 = vec[:k], vec[k:2 * k]
        self.shape1, self.shape2 = np.exp(vec[2 * k:2 * k + 2])
        self.theta = np.exp(vec[2 * k + 2])


class ClaytonWeibull:
    """One parameter point.  H_j = (t_j exp(-x b_j))^s_j,  S_j = exp(-H_j),

    C(S1, S2) = W^(-1/theta),  W = S1^-theta + S2^-theta - 1 = e^(theta H1) + e^(theta H2) - 1.
    """

    def __init__(self, data, vec):
        self.t, self.d, self.X = data
        self.p = Params(vec, self.X.shape[1])

    @cached_property
    def logz(self):
        p = self.p
        return np.column_stack([np.log(self.t[:, 0]) - self.X @ p.beta1,
                                np.log(self.t[:, 1]) - self.X @ p.beta2])

    @cached_property
    def s(self):
        return np.array([self.p.shape1, self.p.shape2])

    @cached_property
    def H(self):
        return np.exp(self.s * self.logz)

    @cached_property
    def E(self):
        return np.exp(self.p.theta * self.H)

    @cached_property
    def W(self):
        return self.E.sum(axis=1) - 1

    @cached_property
    def ndeath(self):
        return self.d.sum(axis=1)

    @cached_property
    def loghaz(self):
        return np.log(self.s) + self.s * self.logz - np.log(self.t)

    @property
    def loglike(self):
        th, d = self.p.theta, self.d
        both = d[:, 0] * d[:, 1]
        ll = -(1 / th + self.ndeath) * np.log(self.W)
        ll += np.sum(d * (th * self.H + self.loghaz), axis=1)
        ll += both * np.log1p(th)
        return ll.sum()

    # ---- partial derivatives
    @cached_property
    def power(self):
        return 1 / self.p.theta + self.ndeath

    @cached_property
    def dl_dH(self):
        th = self.p.theta
        return th * self.d - (self.power / self.W)[:, None] * th * self.E

    @cached_property
    def dl_dlogz(self):
        return self.dl_dH * self.H * self.s + self.d * self.s

    @cached_property
    def dl_ds(self):
        out = self.dl_dH * self.H * self.logz
        out += self.d * (1 / self.s + self.logz)
        return out.sum(axis=0)

    @cached_property
    def dl_dtheta(self):
        th, d = self.p.theta, self.d
        dW = np.sum(self.H * self.E, axis=1)
        out = np.log(self.W) / th**2
        out -= self.power * dW / self.W
        out += np.sum(d * self.H, axis=1)
        out += d[:, 0] * d[:, 1] / (1 + th)
        return out.sum()

    @property
    def gradient(self):
        g1, g2 = -(self.X.T @ self.dl_dlogz).T
        return np.concatenate([g1, g2, self.dl_ds * self.s, [self.dl_dtheta * self.p.theta]])


def make_problem(n_pairs=11, k=3):
    n_pairs += 3
    rng = np.random.default_rng(1978)
    X = np.column_stack([np.ones(n_pairs), rng.standard_normal((n_pairs, k - 1))])
    t = rng.weibull(1.3, (n_pairs, 2)) + 0.05
    d = np.array([[1, 1], [1, 0], [0, 1], [0, 0], [1, 1]], float)[np.arange(n_pairs) % 5]

    def fun(vec):
        m = ClaytonWeibull((t, d, X), vec)
        return -m.loglike / n_pairs, -m.gradient / n_pairs

    return fun, np.concatenate([0.2 * rng.standard_normal(2 * k), [0.2, 0.1, -0.3]])
