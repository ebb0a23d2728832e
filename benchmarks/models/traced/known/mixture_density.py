"""Mixture density network (Bishop 1994): tanh hidden layer, mixture of isotropic Gaussians on the output."""

import numpy as np

STYLE = "mixture density network, property-like methods, column slices of one output"


class MDN:
    def __init__(self, n_in, n_hid, n_mix):
        self.sizes = n_in, n_hid, n_mix

    def unravel(self, p):
        n_in, n_hid, n_mix = self.sizes
        i = n_in * n_hid
        return p[:i].reshape(n_in, n_hid), p[i : i + n_hid], p[i + n_hid :].reshape(n_hid + 1, 3 * n_mix)

    def forward(self, p, x):
        W1, b1, W2 = self.unravel(p)
        K = self.sizes[2]
        h = np.tanh(x @ W1 + b1)
        h1 = np.c_[h, np.ones(len(x))]
        o = h1 @ W2
        logit, mean, logsig = o[:, :K], o[:, K : 2 * K], o[:, 2 * K :]
        return h, h1, logit, mean, logsig

    def error(self, p, x, t):
        _, _, logit, mean, logsig = self.forward(p, x)
        logpi = logit - np.log(np.sum(np.exp(logit), axis=1, keepdims=True))
        dens = logpi - logsig - 0.5 * np.log(2 * np.pi) - 0.5 * ((t[:, None] - mean) / np.exp(logsig)) ** 2
        return -np.sum(np.log(np.sum(np.exp(dens), axis=1)))

    def gradient(self, p, x, t):
        W1, b1, W2 = self.unravel(p)
        h, h1, logit, mean, logsig = self.forward(p, x)
        n_hid = self.sizes[1]
        pi = np.exp(logit)
        pi /= pi.sum(axis=1, keepdims=True)
        sigma = np.exp(logsig)
        resid = (t[:, None] - mean) / sigma
        joint = pi * np.exp(-0.5 * resid**2) / sigma
        post = joint / joint.sum(axis=1, keepdims=True)

        do_pi = pi - post
        do_mean = -post * resid / sigma
        do_sig = post * (1 - resid**2)
        do = np.hstack([do_pi, do_mean, do_sig])
        gW2 = h1.T @ do
        dh = do @ W2[:n_hid].T
        da = (1 - h**2) * dh
        return np.concatenate([(x.T @ da).ravel(), da.sum(axis=0), gW2.ravel()])


def make_problem(n=5, n_in=2, n_hid=4, n_mix=3):
    rng = np.random.default_rng([n, n_in, n_hid, n_mix])
    x = rng.standard_normal((n, n_in))
    t = rng.standard_normal(n)
    net = MDN(n_in, n_hid, n_mix)
    p = 0.5 * rng.standard_normal(n_in * n_hid + n_hid + (n_hid + 1) * 3 * n_mix)
    return lambda p: (net.error(p, x, t), net.gradient(p, x, t)), p
