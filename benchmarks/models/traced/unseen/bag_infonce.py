"""Embedding bags for two texts, projected, cosine similarity, in-batch contrastive loss (learned temperature)."""
import numpy as np

STYLE = "sentence-embedding side project, plain helpers, loops over bags, flat dict of arrays"


def embedding_bag(E, bags, weights):
    out = np.zeros((len(bags), E.shape[1]))
    for i, bag in enumerate(bags):
        for j, tok in enumerate(bag):
            out[i] += weights[i][j] * E[tok]
        out[i] /= len(bag)
    return out


def embedding_bag_backward(dE, dout, bags, weights):
    for i, bag in enumerate(bags):
        for j, tok in enumerate(bag):
            dE[tok] += weights[i][j] * dout[i] / len(bag)


def swish(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, s


def swish_backward(dy, x, s):
    return dy * (s + x * s * (1 - s))


def normalize(x):
    norm = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return x / norm, norm


def normalize_backward(dy, y, norm):
    return (dy - y * (dy * y).sum(axis=1, keepdims=True)) / norm


def tower_forward(E, P, bags, weights):
    e = embedding_bag(E, bags, weights)
    z = e.dot(P)
    a, s = swish(z)
    y, norm = normalize(a + e)      # residual connection
    return y, (e, z, s, norm)


def tower_backward(dy, y, cache, P, bags, weights, dE, dP):
    e, z, s, norm = cache
    dsum = normalize_backward(dy, y, norm)
    dz = swish_backward(dsum, z, s)
    dP += e.T.dot(dz)
    de = dz.dot(P.T) + dsum
    embedding_bag_backward(dE, de, bags, weights)


def log_softmax(x, axis):
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def contrastive(params, left, right, wl, wr, l2):
    E, P, log_tau = params["E"], params["P"], params["log_tau"]
    n = len(left)

    u, cache_u = tower_forward(E, P, left, wl)
    v, cache_v = tower_forward(E, P, right, wr)
    tau = np.exp(log_tau)
    cos = u.dot(v.T)
    logits = cos / tau
    lp_rows = log_softmax(logits, 1)
    lp_cols = log_softmax(logits, 0)
    idx = np.arange(n)
    loss = -0.5 * (lp_rows[idx, idx].mean() + lp_cols[idx, idx].mean())
    loss = loss + l2 * np.sum(E ** 2) / len(E)

    eye = np.eye(n)
    dlogits = 0.5 * (np.exp(lp_rows) - eye) / n
    dlogits += 0.5 * (np.exp(lp_cols) - eye) / n
    dcos = dlogits / tau
    dtau = -(dlogits * cos).sum() / tau ** 2
    dlog_tau = dtau * tau
    dE = 2 * l2 * E / len(E)
    dP = np.zeros_like(P)
    tower_backward(dcos.dot(v), u, cache_u, P, left, wl, dE, dP)
    tower_backward(dcos.T.dot(u), v, cache_v, P, right, wr, dE, dP)
    return loss, {"E": dE, "P": dP, "log_tau": dlog_tau}


def make_problem(vocab=7, dim=4, pairs=5):
    rng = np.random.default_rng(3 * vocab + dim)
    left, right, wl, wr = [], [], [], []
    for _ in range(pairs):
        for bags, ws in ((left, wl), (right, wr)):
            k = int(rng.integers(2, 5))
            bags.append(rng.integers(0, vocab, k))
            ws.append(rng.uniform(0.5, 1.5, k))
    params = {"E": rng.normal(size=(vocab, dim)),
              "P": rng.normal(size=(dim, dim)) / np.sqrt(dim),
              "log_tau": np.array(-0.7)}
    return contrastive, params, (left, right, wl, wr, 0.1)
