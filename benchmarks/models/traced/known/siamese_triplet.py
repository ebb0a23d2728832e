"""Triplet loss with one embedding net used three times (tied weights), unit-length embeddings."""

import numpy as np

STYLE = "siamese triplet, tied weights, soft margin"


def l2norm(u):
    length = np.sqrt((u * u).sum(axis=1))
    return u / length[:, None], length


def embed(W1, b1, W2, x):
    pre = x @ W1 + b1
    hid = np.arctan(pre)
    raw = hid @ W2
    unit, length = l2norm(raw)
    return {"x": x, "pre": pre, "hid": hid, "raw": raw, "length": length, "unit": unit}


def embed_grad(W1, b1, W2, store, dunit):
    unit, length = store["unit"], store["length"]
    radial = (unit * dunit).sum(axis=1)
    draw = (dunit - unit * radial[:, None]) / length[:, None]
    dW2 = store["hid"].T @ draw
    dhid = draw @ W2.T
    dpre = dhid / (1.0 + store["pre"] ** 2)
    dW1 = store["x"].T @ dpre
    db1 = dpre.sum(axis=0)
    return dW1, db1, dW2


def triplet_objective(theta, anchors, positives, negatives, hidden, out, margin):
    n, d = anchors.shape
    W1 = theta[: d * hidden].reshape(d, hidden)
    b1 = theta[d * hidden : d * hidden + hidden]
    W2 = theta[d * hidden + hidden :].reshape(hidden, out)

    A = embed(W1, b1, W2, anchors)
    P = embed(W1, b1, W2, positives)
    N = embed(W1, b1, W2, negatives)
    near = ((A["unit"] - P["unit"]) ** 2).sum(axis=1)
    far = ((A["unit"] - N["unit"]) ** 2).sum(axis=1)
    violation = margin + near - far
    loss = np.logaddexp(0.0, violation).mean()

    dviolation = 1.0 / (1.0 + np.exp(-violation)) / n
    col = dviolation[:, None]
    dA = 2 * col * (A["unit"] - P["unit"]) - 2 * col * (A["unit"] - N["unit"])
    dP = -2 * col * (A["unit"] - P["unit"])
    dN = 2 * col * (A["unit"] - N["unit"])

    grads = [np.zeros_like(W1), np.zeros_like(b1), np.zeros_like(W2)]
    for store, dunit in ((A, dA), (P, dP), (N, dN)):
        for total, part in zip(grads, embed_grad(W1, b1, W2, store, dunit)):
            total += part
    return loss, np.concatenate([g.ravel() for g in grads])


def make_problem(triplets=5, inputs=4, hidden=6, out=3):
    rng = np.random.default_rng([triplets, inputs, hidden, out])
    a, p, n = rng.standard_normal((3, triplets, inputs))
    theta = rng.standard_normal(inputs * hidden + hidden + hidden * out)
    return triplet_objective, theta, (a, p, n, hidden, out, 0.5)
