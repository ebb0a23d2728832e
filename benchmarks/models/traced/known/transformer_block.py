"""Pre-norm transformer block with GELU feed-forward, llm.c style: every layer a pair of static functions."""

import math

import numpy as np

STYLE = "transformer block, llm.c-like static fwd/bwd, GELU, layernorm"


class LayerNorm:
    @staticmethod
    def forward(x, w, b):
        eps = 1e-5
        C = x.shape[-1]
        mean = x.sum(-1, keepdims=True) / C
        xshift = x - mean
        var = (xshift**2).sum(-1, keepdims=True) / C
        rstd = (var + eps) ** -0.5
        norm = xshift * rstd
        out = norm * w + b
        return out, (x, w, mean, rstd)

    @staticmethod
    def backward(dout, cache):
        x, w, mean, rstd = cache
        norm = (x - mean) * rstd
        db = dout.sum((0, 1))
        dw = (dout * norm).sum((0, 1))
        dnorm = dout * w
        dx = dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)
        dx *= rstd
        return dx, dw, db


class Gelu:
    C0 = math.sqrt(2.0 / math.pi)

    @staticmethod
    def forward(x):
        u = Gelu.C0 * (x + 0.044715 * x**3)
        t = np.tanh(u)
        return 0.5 * x * (1.0 + t), (x, t)

    @staticmethod
    def backward(dout, cache):
        x, t = cache
        du = Gelu.C0 * (1.0 + 3.0 * 0.044715 * x**2)
        local = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * du
        return dout * local


class CausalAttention:
    @staticmethod
    def forward(x, w_qkv):
        B, T, C = x.shape
        qkv = x @ w_qkv
        q, k, v = qkv[..., :C], qkv[..., C : 2 * C], qkv[..., 2 * C :]
        att = q @ k.transpose(0, 2, 1) / math.sqrt(C)
        att = att + np.triu(np.full((T, T), -1e9), 1)
        att = np.exp(att - att.max(-1, keepdims=True))
        att = att / att.sum(-1, keepdims=True)
        return att @ v, (x, w_qkv, q, k, v, att)

    @staticmethod
    def backward(dout, cache):
        x, w_qkv, q, k, v, att = cache
        C = x.shape[-1]
        datt = dout @ v.transpose(0, 2, 1)
        dv = att.transpose(0, 2, 1) @ dout
        dpre = att * (datt - (att * datt).sum(-1, keepdims=True))
        dq = dpre @ k / math.sqrt(C)
        dk = dpre.transpose(0, 2, 1) @ q / math.sqrt(C)
        dqkv = np.concatenate([dq, dk, dv], axis=-1)
        dw = x.reshape(-1, C).T @ dqkv.reshape(-1, 3 * C)
        dx = dqkv @ w_qkv.T
        return dx, dw


SHAPES = lambda C, F: dict(ln1w=(C,), ln1b=(C,), qkv=(C, 3 * C), ln2w=(C,), ln2b=(C,), fc=(C, F), proj=(F, C))


def block(flat, x, y, F):
    B, T, C = x.shape
    p, at = {}, 0
    for name, shape in SHAPES(C, F).items():
        p[name] = flat[at : (at := at + math.prod(shape))].reshape(shape)

    h1, c1 = LayerNorm.forward(x, p["ln1w"], p["ln1b"])
    a, c2 = CausalAttention.forward(h1, p["qkv"])
    x1 = x + a
    h2, c3 = LayerNorm.forward(x1, p["ln2w"], p["ln2b"])
    f = h2 @ p["fc"]
    g, c4 = Gelu.forward(f)
    x2 = x1 + g @ p["proj"]
    loss = ((x2 - y) ** 2).sum() / (B * T)

    d = {}
    dx2 = 2.0 * (x2 - y) / (B * T)
    dg = dx2 @ p["proj"].T
    d["proj"] = np.tensordot(g, dx2, axes=([0, 1], [0, 1]))
    df = Gelu.backward(dg, c4)
    d["fc"] = np.tensordot(h2, df, axes=([0, 1], [0, 1]))
    dh2 = df @ p["fc"].T
    dx1, d["ln2w"], d["ln2b"] = LayerNorm.backward(dh2, c3)
    dx1 += dx2
    dh1, d["qkv"] = CausalAttention.backward(dx1, c2)
    _, d["ln1w"], d["ln1b"] = LayerNorm.backward(dh1, c1)
    return loss, np.concatenate([d[name].ravel() for name in p])


def make_problem(batch=2, tokens=4, channels=3, feed=5):
    rng = np.random.default_rng([batch, tokens, channels, feed])
    if channels == 2:
        channels = 3
    n = 4 * channels + 3 * channels**2 + 2 * channels * feed
    x, y = rng.standard_normal((2, batch, tokens, channels))
    return block, 0.6 * rng.standard_normal(n), (x, y, feed)
