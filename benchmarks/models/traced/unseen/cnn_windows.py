"""Small convnet (valid conv, leaky relu, 2x2 max pool, dense, softmax) with sliding_window_view and einsum."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

STYLE = "kaggle kernel, tuples of cache, sliding windows"
ALPHA = 0.1


def conv(x, w, b):
    # x: N,C,H,W   w: F,C,k,k
    k = w.shape[-1]
    win = sliding_window_view(x, (k, k), axis=(2, 3))
    y = np.einsum('nchwij,fcij->nfhw', win, w) + b[None, :, None, None]
    return y, (x, w, win)

def conv_back(dy, cache):
    x, w, win = cache
    k = w.shape[-1]
    dw = np.einsum('nfhw,nchwij->fcij', dy, win)
    db = dy.sum((0, 2, 3))
    p = k - 1
    pad = np.pad(dy, ((0, 0), (0, 0), (p, p), (p, p)))
    wflip = w[:, :, ::-1, ::-1]
    dx = np.einsum('nfhwij,fcij->nchw', sliding_window_view(pad, (k, k), axis=(2, 3)), wflip)
    return dx, dw, db

def pool(x):
    n, c, h, w = x.shape
    h2, w2 = h // 2, w // 2
    xr = x[:, :, :2*h2, :2*w2].reshape(n, c, h2, 2, w2, 2)
    out = xr.max(axis=(3, 5))
    mask = xr == out[:, :, :, None, :, None]
    return out, (x.shape, mask)

def pool_back(dout, cache):
    shape, mask = cache
    n, c, h2, _, w2, _ = mask.shape
    dx = np.zeros(shape)
    spread = mask * dout[:, :, :, None, :, None]
    dx[:, :, :2*h2, :2*w2] = spread.reshape(n, c, 2*h2, 2*w2)
    return dx

def lrelu(z):
    return np.where(z > 0, z, ALPHA*z), z

def lrelu_back(da, z):
    return da * np.where(z > 0, 1.0, ALPHA)

def softmax_loss(s, y):
    s = s - s.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    n = len(y)
    ds = np.exp(logp)
    ds[np.arange(n), y] -= 1
    return -logp[np.arange(n), y].mean(), ds / n


def net(theta, X, y, shapes, decay):
    parts, at = [], 0
    for s in shapes:
        parts.append(theta[at:at + int(np.prod(s))].reshape(s))
        at += int(np.prod(s))
    w1, b1, w2, b2 = parts

    z1, c_conv = conv(X, w1, b1)
    a1, c_act = lrelu(z1)
    p1, c_pool = pool(a1)
    flat = p1.reshape(len(X), -1)
    scores = flat @ w2 + b2
    data_loss, dscores = softmax_loss(scores, y)
    # global feature penalty: keep pooled maps small
    penalty = 0.05 * (p1**2).sum() / len(X)
    loss = data_loss + penalty + 0.5 * decay * ((w1**2).sum() + (w2**2).sum())

    dw2 = flat.T @ dscores + decay * w2
    db2 = dscores.sum(axis=0)
    dp1 = (dscores @ w2.T).reshape(p1.shape)
    dp1 += 0.1 * p1 / len(X)
    da1 = pool_back(dp1, c_pool)
    dz1 = lrelu_back(da1, c_act)
    _, dw1, db1 = conv_back(dz1, c_conv)
    dw1 += decay * w1
    return loss, np.concatenate([g.ravel() for g in (dw1, db1, dw2, db2)])


def make_problem(n=3, channels=2, filters=3, classes=4, size=5):
    classes = max(2, classes)
    size = max(4, size)
    rng = np.random.default_rng([n, channels, filters, classes, size])
    X = rng.normal(size=(n, channels, size, size))
    y = rng.integers(0, classes, n)
    half = (size - 1) // 2
    shapes = [(filters, channels, 2, 2), (filters,), (filters * half * half, classes), (classes,)]
    theta0 = 0.4 * rng.normal(size=sum(int(np.prod(s)) for s in shapes))
    return net, theta0, (X, y, shapes, 0.02)
