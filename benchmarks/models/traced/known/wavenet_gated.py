"""Dilated causal convolutions with gated activations, residual and skip paths (WaveNet), one channel list per layer."""
import numpy as np

STYLE = "wavenet, dilated shifts, residual and skip sums"


def shift(x, k):
    """Delay along the last axis by k, zeros come in."""
    y = np.zeros_like(x)
    y[:, k:] = x[:, :x.shape[1] - k] if k < x.shape[1] else 0
    return y


def unshift(x, k):
    y = np.zeros_like(x)
    if k < x.shape[1]:
        y[:, :x.shape[1] - k] = x[:, k:]
    return y


class GatedLayer:
    def __init__(self, channels, dilation):
        self.C, self.k = channels, dilation
        self.count = 5 * channels * channels

    def bind(self, flat, gflat):
        shape = (5, self.C, self.C)
        (self.F0, self.F1, self.G0, self.G1, self.S) = flat.reshape(shape)
        (self.dF0, self.dF1, self.dG0, self.dG1, self.dS) = gflat.reshape(shape)

    def forward(self, x):
        self.x = x
        self.xs = shift(x, self.k)
        self.f = np.tanh(self.F0 @ x + self.F1 @ self.xs)
        self.g = 1 / (1 + np.exp(-(self.G0 @ x + self.G1 @ self.xs)))
        self.a = self.f * self.g
        return x + self.a, self.S @ self.a

    def backward(self, dres, dskip):
        self.dS[...] = dskip @ self.a.T
        da = dres + self.S.T @ dskip
        df = da * self.g * (1 - self.f ** 2)
        dg = da * self.f * self.g * (1 - self.g)
        self.dF0[...] = df @ self.x.T
        self.dF1[...] = df @ self.xs.T
        self.dG0[...] = dg @ self.x.T
        self.dG1[...] = dg @ self.xs.T
        dx = dres + self.F0.T @ df + self.G0.T @ dg
        dx += unshift(self.F1.T @ df + self.G1.T @ dg, self.k)
        return dx


class WaveStack:
    def __init__(self, channels, dilations, signal, target):
        self.layers = [GatedLayer(channels, d) for d in dilations]
        self.C, self.signal, self.target = channels, signal, target

    def __call__(self, theta):
        grad = np.zeros_like(theta)
        lift, dlift = theta[:self.C], grad[:self.C]
        at = self.C
        for layer in self.layers:
            layer.bind(theta[at:at + layer.count], grad[at:at + layer.count])
            at += layer.count

        h = np.outer(lift, self.signal)
        out = np.zeros_like(h)
        for layer in self.layers:
            h, skip = layer.forward(h)
            out += skip
        e = out.sum(axis=0) - self.target
        loss = 0.5 * np.mean(e ** 2)

        dout = np.tile(e / e.size, (self.C, 1))
        dh = np.zeros_like(h)
        for layer in reversed(self.layers):
            dh = layer.backward(dh, dout)
        dlift[:] = dh @ self.signal
        return loss, grad


def make_problem(channels=2, steps=6, dilation=3):
    channels = min(channels, 3)
    rng = np.random.default_rng([channels, steps, dilation])
    stack = WaveStack(channels, [1, dilation], rng.standard_normal(steps), rng.standard_normal(steps))
    return stack, 0.6 * rng.standard_normal(channels + 10 * channels ** 2)
