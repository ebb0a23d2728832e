'''one causal attention block + GELU MLP, pre-layernorm, tied embedding / unembedding, label smoothing'''
import numpy as np
from math import sqrt, pi

STYLE = 'picoGPT-like, params as nested dict'


def gelu(x):
    u = sqrt(2 / pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(u))


def gelu_grad(x):
    t = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
    du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, g, b, eps=1e-2):
    mean = x.mean(-1, keepdims=True)
    std = np.sqrt(x.var(-1, keepdims=True) + eps)
    xn = (x - mean) / std
    return g * xn + b, (xn, std)


def layer_norm_bwd(dy, g, saved):
    xn, std = saved
    dxn = dy * g
    dx = dxn - dxn.mean(-1, keepdims=True) - xn * (dxn * xn).mean(-1, keepdims=True)
    return dx / std, (dy * xn).sum(0), dy.sum(0)


def attention(q, k, v, causal):
    a = softmax(q @ k.T / sqrt(q.shape[-1]) + causal)
    return a @ v, a


def attention_bwd(dout, q, k, v, a):
    dv = a.T @ dout
    da = dout @ v.T
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    ds = ds / sqrt(q.shape[-1])
    return ds @ k, ds.T @ q, dv


def gpt(params, inputs, targets, eps):
    E, ln, qkv, proj, mlp = (params[k] for k in ('wte', 'ln', 'qkv', 'proj', 'mlp'))
    T, (V, D) = len(inputs), E.shape
    causal = -1e10 * np.triu(np.ones((T, T)), 1)

    # forward
    x0 = E[inputs]
    n0, saved = layer_norm(x0, ln['g'], ln['b'])
    q, k, v = np.split(n0 @ qkv, 3, axis=-1)
    o, a = attention(q, k, v, causal)
    x1 = x0 + o @ proj
    hpre = x1 @ mlp['up']
    h = gelu(hpre)
    x2 = x1 + h @ mlp['down']
    logits = x2 @ E.T
    p = softmax(logits)
    soft = np.full((T, V), eps / V)
    soft[np.arange(T), targets] += 1 - eps
    loss = -(soft * np.log(p)).sum() / T

    # backward
    dlogits = (p - soft) / T
    dE = dlogits.T @ x2
    dx2 = dlogits @ E
    ddown = h.T @ dx2
    dhpre = (dx2 @ mlp['down'].T) * gelu_grad(hpre)
    dup = x1.T @ dhpre
    dx1 = dx2 + dhpre @ mlp['up'].T
    dproj = o.T @ dx1
    dq, dk, dv = attention_bwd(dx1 @ proj.T, q, k, v, a)
    dcat = np.concatenate([dq, dk, dv], axis=-1)
    dqkv = n0.T @ dcat
    dn0, dg, db = layer_norm_bwd(dcat @ qkv.T, ln['g'], saved)
    dx0 = dx1 + dn0
    np.add.at(dE, inputs, dx0)
    return loss, {'wte': dE, 'ln': {'g': dg, 'b': db}, 'qkv': dqkv, 'proj': dproj,
                  'mlp': {'up': dup, 'down': ddown}}


def make_problem(n_vocab=5, n_embd=3, n_ctx=6, n_ff=4):
    n_embd = max(n_embd, 3)
    rng = np.random.default_rng(n_vocab * 7 + n_embd)
    w = lambda *s: rng.standard_normal(s) / sqrt(s[0])
    params = {
        'wte': rng.standard_normal((n_vocab, n_embd)),
        'ln': {'g': 1 + 0.1 * rng.standard_normal(n_embd), 'b': 0.1 * rng.standard_normal(n_embd)},
        'qkv': w(n_embd, 3 * n_embd),
        'proj': w(n_embd, n_embd),
        'mlp': {'up': w(n_embd, n_ff), 'down': w(n_ff, n_embd)},
    }
    ids = rng.integers(0, n_vocab, n_ctx + 1)
    return gpt, params, (ids[:-1], ids[1:], 0.1)
