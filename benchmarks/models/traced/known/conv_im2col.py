"""Convolution by im2col indices, average pooling by reshape; layers as objects kept in a list."""

import numpy as np

STYLE = "layer objects in a list, im2col / col2im with np.add.at"


def get_im2col_indices(x_shape, field):
    N, C, H, W = x_shape
    out_h, out_w = H - field + 1, W - field + 1
    i0 = np.tile(np.repeat(np.arange(field), field), C)
    i1 = np.repeat(np.arange(out_h), out_w)
    j0 = np.tile(np.arange(field), field * C)
    j1 = np.tile(np.arange(out_w), out_h)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field * field).reshape(-1, 1)
    return k, i, j


def im2col(x, field):
    k, i, j = get_im2col_indices(x.shape, field)
    cols = x[:, k, i, j]
    C = x.shape[1]
    return cols.transpose(1, 2, 0).reshape(field * field * C, -1)


def col2im(cols, x_shape, field):
    N, C, H, W = x_shape
    x = np.zeros(x_shape)
    k, i, j = get_im2col_indices(x_shape, field)
    cols_reshaped = cols.reshape(C * field * field, -1, N).transpose(2, 0, 1)
    np.add.at(x, (slice(None), k, i, j), cols_reshaped)
    return x


class Conv:
    def __init__(self, n_in, n_out, field):
        self.shape = (n_out, n_in, field, field)
        self.size = int(np.prod(self.shape)) + n_out

    def load(self, p):
        n_out = self.shape[0]
        self.W, self.b = p[:-n_out].reshape(self.shape), p[-n_out:].reshape(n_out, 1)

    def forward(self, X):
        n_out, _, field, _ = self.shape
        self.X = X
        self.X_col = im2col(X, field)
        out = self.W.reshape(n_out, -1) @ self.X_col + self.b
        h, w = X.shape[2] - field + 1, X.shape[3] - field + 1
        return out.reshape(n_out, h, w, X.shape[0]).transpose(3, 0, 1, 2)

    def backward(self, dout):
        n_out, _, field, _ = self.shape
        self.db = dout.sum(axis=(0, 2, 3))
        dout_flat = dout.transpose(1, 2, 3, 0).reshape(n_out, -1)
        self.dW = dout_flat @ self.X_col.T
        dX_col = self.W.reshape(n_out, -1).T @ dout_flat
        return col2im(dX_col, self.X.shape, field)

    def grads(self):
        return np.concatenate([self.dW.ravel(), self.db])


class LeakyReLU:
    size = 0

    def load(self, p):
        pass

    def forward(self, X):
        self.slope = np.where(X > 0, 1.0, 0.1)
        return X * self.slope

    def backward(self, dout):
        return dout * self.slope

    def grads(self):
        return np.zeros(0)


class SumPool(LeakyReLU):
    def forward(self, X):
        self.hw = X.shape[2:]
        return X.sum(axis=(2, 3)) / np.sqrt(X.shape[2] * X.shape[3])

    def backward(self, dout):
        h, w = self.hw
        dout = dout / np.sqrt(h * w)
        return np.broadcast_to(dout[:, :, None, None], dout.shape + (h, w)).copy()


def build(x, *, layers, images, targets):
    offset = 0
    for layer in layers:
        layer.load(x[offset : offset + layer.size])
        offset += layer.size
    out = images
    for layer in layers:
        out = layer.forward(out)
    diff = out - targets
    loss = 0.5 * (diff**2).mean()
    dout = diff / diff.size
    for layer in layers[::-1]:
        dout = layer.backward(dout)
    return loss, np.concatenate([layer.grads() for layer in layers])


def make_problem(batch=3, channels=2, height=4, width=5, outputs=3):
    import functools

    rng = np.random.default_rng([batch, channels, height, width, outputs])
    height, width = max(3, height), max(3, width)
    layers = [Conv(channels, 2, 2), LeakyReLU(), Conv(2, outputs, 2), SumPool()]
    images = rng.standard_normal((batch, channels, height, width))
    targets = rng.standard_normal((batch, outputs))
    x0 = 0.5 * rng.standard_normal(sum(layer.size for layer in layers))
    return functools.partial(build, layers=layers, images=images, targets=targets), x0
