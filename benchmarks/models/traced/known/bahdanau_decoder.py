"""Additive (Bahdanau) attention over fixed encoder states, Elman decoder with teacher forcing."""

import numpy as np

STYLE = "attention decoder, caches as list of dicts, grads defaultdict"

from collections import defaultdict


def softmax(v):
    e = np.exp(v - np.max(v))
    return e / np.sum(e)


def step_forward(p, enc, s_prev, y_prev):
    c = {"s_prev": s_prev, "y_prev": y_prev}
    c["u"] = np.tanh(enc @ p["Ua"].T + p["Wa"] @ s_prev)
    c["w"] = softmax(c["u"] @ p["va"])
    c["ctx"] = c["w"] @ enc
    c["s"] = np.tanh(p["Ws"] @ s_prev + p["Wc"] @ c["ctx"] + p["Wy"][:, y_prev])
    c["prob"] = softmax(p["Vo"] @ c["s"] + p["Co"] @ c["ctx"])
    return c


def step_backward(p, enc, c, target, ds_next, grads):
    dscore = c["prob"].copy()
    dscore[target] -= 1.0
    grads["Vo"] += np.outer(dscore, c["s"])
    grads["Co"] += np.outer(dscore, c["ctx"])
    dctx = p["Co"].T @ dscore
    ds = p["Vo"].T @ dscore + ds_next

    dpre = ds * (1.0 - c["s"] ** 2)
    grads["Ws"] += np.outer(dpre, c["s_prev"])
    grads["Wc"] += np.outer(dpre, c["ctx"])
    grads["Wy"][:, c["y_prev"]] += dpre
    dctx += p["Wc"].T @ dpre
    ds_prev = p["Ws"].T @ dpre

    dw = enc @ dctx
    de = c["w"] * (dw - c["w"] @ dw)
    grads["va"] += c["u"].T @ de
    du = np.outer(de, p["va"]) * (1.0 - c["u"] ** 2)
    grads["Ua"] += du.T @ enc
    dq = du.sum(axis=0)
    grads["Wa"] += np.outer(dq, c["s_prev"])
    ds_prev += p["Wa"].T @ dq
    return ds_prev


def sequence_loss(p, enc, tokens):
    caches, loss = [], 0.0
    s = np.zeros(p["Ws"].shape[0])
    s[0] = 0.5
    for prev, nxt in zip(tokens[:-1], tokens[1:]):
        cache = step_forward(p, enc, s, prev)
        s = cache["s"]
        loss -= np.log(cache["prob"][nxt])
        caches.append(cache)

    grads = defaultdict(float)
    grads.update({name: np.zeros(value.shape) for name, value in p.items()})
    ds = np.zeros_like(s)
    for cache, nxt in zip(reversed(caches), reversed(tokens[1:])):
        ds = step_backward(p, enc, cache, nxt, ds, grads)
    return loss, {name: grads[name] for name in p}


def make_problem(length=4, enc_dim=2, hidden=3, att=2, vocab=5):
    rng = np.random.default_rng([length, enc_dim, hidden, att, vocab])
    r = lambda *shape: rng.standard_normal(shape)
    att, hidden, enc_dim, vocab = min(att, 3), min(hidden, 4), min(enc_dim, 3), min(vocab, 5)
    p = {
        "Wa": r(att, hidden), "Ua": r(att, enc_dim), "va": r(att),
        "Ws": r(hidden, hidden), "Wc": r(hidden, enc_dim), "Wy": r(hidden, vocab),
        "Vo": r(vocab, hidden), "Co": r(vocab, enc_dim),
    }  # fmt: skip
    tokens = [int(k) for k in rng.integers(0, vocab, 5)]
    return sequence_loss, p, (r(length, enc_dim), tokens)
