from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STYLE = "multi-head attention, einsum, type hints"

Array = NDArray[np.float64]


def softmax(s: Array) -> Array:
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def loss_and_grad(theta: Array, x: Array, target: Array, heads: int, dim: int) -> tuple[float, Array]:
    """Mean squared error of one causal multi-head attention layer with residual connection."""
    batch, steps, width = x.shape
    block = heads * width * dim
    wq: Array = theta[:block].reshape(heads, width, dim)
    wk: Array = theta[block : 2 * block].reshape(heads, width, dim)
    wv: Array = theta[2 * block : 3 * block].reshape(heads, width, dim)
    wo: Array = theta[3 * block :].reshape(heads, dim, width)

    q = np.einsum("btw,hwd->bhtd", x, wq)
    k = np.einsum("btw,hwd->bhtd", x, wk)
    v = np.einsum("btw,hwd->bhtd", x, wv)
    scale = 1.0 / np.sqrt(dim)
    scores = scale * np.einsum("bhid,bhjd->bhij", q, k)
    mask = np.triu(np.ones((steps, steps), dtype=bool), 1)
    scores = np.where(mask, -1e9, scores)
    p = softmax(scores)
    z = np.einsum("bhij,bhjd->bhid", p, v)
    out = x + np.einsum("bhtd,hdw->btw", z, wo)
    err = out - target
    loss = float(np.mean(err**2))

    d_out = 2.0 * err / err.size
    d_wo = np.einsum("bhtd,btw->hdw", z, d_out)
    d_z = np.einsum("btw,hdw->bhtd", d_out, wo)
    d_v = np.einsum("bhij,bhid->bhjd", p, d_z)
    d_p = np.einsum("bhid,bhjd->bhij", d_z, v)
    d_scores = p * (d_p - np.sum(d_p * p, axis=-1, keepdims=True))
    d_scores = np.where(mask, 0.0, d_scores)
    d_q = scale * np.einsum("bhij,bhjd->bhid", d_scores, k)
    d_k = scale * np.einsum("bhij,bhid->bhjd", d_scores, q)
    d_wq = np.einsum("btw,bhtd->hwd", x, d_q)
    d_wk = np.einsum("btw,bhtd->hwd", x, d_k)
    d_wv = np.einsum("btw,bhtd->hwd", x, d_v)
    return loss, np.concatenate([d.ravel() for d in (d_wq, d_wk, d_wv, d_wo)])


def make_problem(batch: int = 3, steps: int = 4, width: int = 5, heads: int = 2, dim: int = 2):
    rng = np.random.default_rng([batch, steps, width, heads, dim])
    x = rng.standard_normal((batch, steps, width))
    target = rng.standard_normal((batch, steps, width))
    theta = 0.7 * rng.standard_normal(4 * heads * width * dim)
    return loss_and_grad, theta, (x, target, heads, dim)
