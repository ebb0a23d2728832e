"""1-d convolutional regressor with np.convolve and np.correlate, strided mean pooling."""
import numpy as np

STYLE = "np.convolve, filters in lists, per-sample gradients summed by sum()"


def forward_one(x, filters, v, width):
    zs = [np.convolve(x, f, mode="valid") for f in filters]
    hs = [np.log1p(z ** 2) for z in zs]
    pooled = np.array([h.mean() for h in hs])
    return zs, hs, pooled, pooled @ v[:-1] + v[-1]


def backward_one(x, zs, pooled, v, err):
    dv = np.append(err * pooled, err)
    dfs = []
    for z, vk in zip(zs, v[:-1]):
        dh = err * vk * np.ones(len(z)) / len(z)
        dz = dh * 2 * z / (1 + z ** 2)
        dfs.append(np.correlate(x, dz, mode="valid")[::-1])
    return np.concatenate(dfs + [dv])


def loss(theta, signals, values, n_filters, width):
    filters = theta[:n_filters * width].reshape(n_filters, width)
    v = theta[n_filters * width:]
    total, parts = 0.0, []
    for x, value in zip(signals, values):
        zs, hs, pooled, pred = forward_one(x, filters, v, width)
        err = pred - value
        total += 0.5 * err ** 2
        parts.append(backward_one(x, zs, pooled, v, err))
    reg = 0.01 * np.abs(theta) ** 3
    dreg = 0.03 * theta * np.abs(theta)
    return total / len(values) + reg.sum(), sum(parts) / len(values) + dreg


def make_problem(n=4, length=7, n_filters=3, width=2):
    rng = np.random.default_rng([n, length, n_filters, width])
    length = length + width
    theta = rng.standard_normal(n_filters * width + n_filters + 1)
    return loss, theta, (rng.standard_normal((n, length)), rng.standard_normal(n), n_filters, width)
