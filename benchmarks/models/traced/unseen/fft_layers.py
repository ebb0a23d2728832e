"""Two-block Fourier neural operator on a periodic grid, one channel mixing per block."""
from abc import ABC, abstractmethod
from functools import cached_property
import numpy as np

STYLE = "base Layer class with template method, FFT adjoint, views into one vector"


class Layer(ABC):
    n_params = 0

    def bind(self, theta, grad, at):
        self.theta = theta[at:at + self.n_params]
        self.dtheta = grad[at:at + self.n_params]
        self.at = at
        return at + self.n_params

    def __call__(self, x):
        self.x = x
        self.y = self.apply(x)
        return self.y

    def pull(self, dy):
        if self.n_params:
            self.param_grad(dy)
        return self.input_grad(dy)

    @abstractmethod
    def apply(self, x): ...

    @abstractmethod
    def input_grad(self, dy): ...

    def param_grad(self, dy):
        raise NotImplementedError


class Spectral(Layer):
    """keeps the lowest modes of the real FFT, each multiplied by a complex weight per channel"""

    def __init__(self, channels, n, modes):
        self.channels, self.n, self.modes = channels, n, modes
        self.n_params = 2 * channels * modes

    @cached_property
    def weight_of_mode(self):
        # a mode and its mirror image both reach the real signal
        k = np.arange(self.modes)
        return np.where((k == 0) | (2 * k == self.n), 1.0, 2.0)

    def weight(self):
        re, im = self.theta.reshape(2, self.channels, self.modes)
        return re + 1j * im

    def apply(self, x):
        self.xf = np.fft.rfft(x, axis=1)[:, :self.modes]
        return np.fft.irfft(self.weight() * self.xf, n=self.n, axis=1)

    def spectrum_grad(self, dy):
        return np.fft.rfft(dy, axis=1)[:, :self.modes] * self.weight_of_mode / self.n

    def param_grad(self, dy):
        dw = self.spectrum_grad(dy) * np.conj(self.xf)
        self.dtheta += np.concatenate([dw.real.ravel(), dw.imag.ravel()])

    def input_grad(self, dy):
        dxf = self.spectrum_grad(dy) * np.conj(self.weight())
        full = np.zeros((self.channels, self.n), dtype=complex)
        full[:, :self.modes] = dxf
        return np.fft.ifft(full, axis=1).real * self.n


class Mix(Layer):
    def __init__(self, c_in, c_out):
        self.shape = c_out, c_in
        self.n_params = c_out * c_in + c_out

    def split(self, v):
        return v[self.shape[0]:].reshape(self.shape), v[:self.shape[0]]

    def apply(self, x):
        W, b = self.split(self.theta)
        return W @ x + b[:, None]

    def param_grad(self, dy):
        dW, db = self.split(self.dtheta)
        dW += dy @ self.x.T
        db += dy.sum(axis=1)

    def input_grad(self, dy):
        return self.split(self.theta)[0].T @ dy


class Swish(Layer):
    def apply(self, x):
        self.s = 1 / (1 + np.exp(-x))
        return x * self.s

    def input_grad(self, dy):
        return dy * (self.s + self.y * (1 - self.s))


def make_problem(n_grid=7, channels=2, modes=3):
    n = max(n_grid, 3)
    modes = min(modes, n // 2 + 1)
    rng = np.random.default_rng([n, channels, modes])
    u = 1.5 * rng.standard_normal((1, n))
    target = u ** 2 - 0.3 * np.roll(u, 2)
    net = [Mix(1, channels), Spectral(channels, n, modes), Swish(), Spectral(channels, n, modes),
           Mix(channels, channels), Swish(), Mix(channels, 1)]

    def fun(theta):
        grad, at, h = np.zeros_like(theta), 0, u
        for layer in net:
            at = layer.bind(theta, grad, at)
            h = layer(h)
        diff = h - target
        slope = np.roll(diff, -1, axis=1) - diff
        cost = np.mean(diff ** 2) + 1.5 * np.mean(slope ** 2)
        dslope = 3.0 * slope / n
        dh = 2 * diff / n + np.roll(dslope, 1, axis=1) - dslope
        for layer in reversed(net):
            dh = layer.pull(dh)
        return cost, grad

    return fun, 0.9 * rng.standard_normal(sum(layer.n_params for layer in net))
