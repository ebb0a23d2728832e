"""Squeeze-and-excitation block on a depthwise 1-D conv with swish, classifier with focal loss."""
import numpy as np

STYLE = "Kaggle kernel, functions with einsum, tuple caches"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# ---------- depthwise conv, 'same' padding, k taps ----------
def dwconv_fwd(x, k):
    half = k.shape[1] // 2
    xp = np.pad(x, ((0, 0), (0, 0), (half, half)))
    win = np.lib.stride_tricks.sliding_window_view(xp, k.shape[1], axis=2)
    return np.einsum('nclk,ck->ncl', win, k), win


def dwconv_bwd_kernel(dy, win):
    return np.einsum('ncl,nclk->ck', dy, win)


# ---------- swish with a trainable beta per channel ----------
def swish_fwd(z, beta):
    s = sigmoid(beta[:, None] * z)
    return z * s, (z, s)


def swish_bwd(dy, cache, beta):
    z, s = cache
    ds = dy * z * s * (1 - s)
    dz = dy * s + ds * beta[:, None]
    dbeta = np.einsum('ncl,ncl->c', ds, z)
    return dz, dbeta


# ---------- squeeze & excite ----------
def se_fwd(u, w1, w2):
    sq = u.mean(axis=2)
    a = sq @ w1
    r = np.maximum(a, 0)
    gate = sigmoid(r @ w2)
    return u * gate[:, :, None], (u, sq, a, r, gate)


def se_bwd(dy, cache, w1, w2):
    u, sq, a, r, gate = cache
    dgate = np.einsum('ncl,ncl->nc', dy, u)
    de = dgate * gate * (1 - gate)
    dw2 = np.einsum('nr,nc->rc', r, de)
    da = np.einsum('nc,rc->nr', de, w2) * (a > 0)
    dw1 = np.einsum('nc,nr->cr', sq, da)
    dsq = np.einsum('nr,cr->nc', da, w1)
    du = dy * gate[:, :, None] + dsq[:, :, None] / u.shape[2]
    return du, dw1, dw2


# ---------- focal loss ----------
def focal(logits, y, gamma, alpha):
    z = logits - logits.max(1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    i = np.arange(len(y))
    pt = p[i, y]
    w = alpha[y]
    loss = -(w * (1 - pt) ** gamma * np.log(pt)).mean()
    # dL/dpt, then softmax
    dpt = w * (gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt)
    dlogits = -p * pt[:, None]
    dlogits[i, y] += pt
    return loss, dlogits * dpt[:, None] / len(y)


def step(theta, sizes, x, y):
    C, K, R, O = sizes
    cuts = np.cumsum([C * K, C, C * R, R * C, C * O])
    k, beta, w1, w2, wo, bo = np.split(theta, cuts)
    k, w1, w2, wo = k.reshape(C, K), w1.reshape(C, R), w2.reshape(R, C), wo.reshape(C, O)
    alpha = np.linspace(0.5, 1.5, O)

    z, win = dwconv_fwd(x, k)
    u, c_sw = swish_fwd(z, beta)
    v, c_se = se_fwd(u, w1, w2)
    # global power pooling: mean of squares sees more than the plain mean
    pooled = (v ** 2).mean(axis=2)
    loss, dlog = focal(pooled @ wo + bo, y, 2.0, alpha)

    dwo = pooled.T @ dlog
    dbo = dlog.sum(0)
    dv = (dlog @ wo.T)[:, :, None] * 2 * v / v.shape[2]
    du, dw1, dw2 = se_bwd(dv, c_se, w1, w2)
    dz, dbeta = swish_bwd(du, c_sw, beta)
    dk = dwconv_bwd_kernel(dz, win)
    return loss, np.concatenate([g.ravel() for g in (dk, dbeta, dw1, dw2, dwo, dbo)])


def make_problem(channels=4, length=6, reduced=2, classes=3, batch=5):
    rng = np.random.default_rng(99)
    K = 3
    x = 1.5 * rng.normal(size=(batch, channels, length))
    y = rng.integers(0, classes, batch)
    n = channels * K + channels + 2 * channels * reduced + channels * classes + classes
    theta = 0.8 * rng.normal(size=n)
    theta[channels * K:channels * (K + 1)] = 1 + 0.2 * rng.normal(size=channels)
    return step, theta, ((channels, K, reduced, classes), x, y)
