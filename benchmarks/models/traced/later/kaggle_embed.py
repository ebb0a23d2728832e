"""Tabular Kaggle net: an embedding per categorical column, leaky relu layer, weighted log loss."""
import numpy as np

STYLE = "kaggle notebook, params dict"

LEAK = 0.1
POS_W = 2.5
L2 = 0.02


def forward(p, Xc, Xn):
    emb = [p['E%d' % j][Xc[:, j]] for j in range(Xc.shape[1])]
    X = np.hstack(emb + [Xn])
    Z1 = X @ p['W1'] + p['b1']
    A1 = np.where(Z1 > 0, Z1, LEAK * Z1)
    logit = A1 @ p['w2'] + p['b2'][0]
    prob = 1 / (1 + np.exp(-logit))
    return prob, (X, Z1, A1)


def logloss(prob, y, p):
    w = np.where(y == 1, POS_W, 1.0)
    ll = -(y * np.log(prob) + (1 - y) * np.log(1 - prob))
    reg = L2 * (np.sum(p['W1'] ** 2) + np.sum(p['w2'] ** 2))
    return np.sum(w * ll) / np.sum(w) + reg


def backward(p, prob, cache, Xc, y):
    X, Z1, A1 = cache
    g = {}
    w = np.where(y == 1, POS_W, 1.0)
    dlogit = w * (prob - y) / w.sum()

    g['w2'] = A1.T @ dlogit + 2 * L2 * p['w2']
    g['b2'] = np.array([dlogit.sum()])

    dA1 = np.outer(dlogit, p['w2'])
    dZ1 = dA1 * np.where(Z1 > 0, 1.0, LEAK)
    g['W1'] = X.T @ dZ1 + 2 * L2 * p['W1']
    g['b1'] = dZ1.sum(axis=0)

    dX = dZ1 @ p['W1'].T
    start = 0
    for j in range(Xc.shape[1]):
        E = p['E%d' % j]
        dE = np.zeros_like(E)
        # the same level shows up in many rows -> accumulate
        np.add.at(dE, Xc[:, j], dX[:, start:start + E.shape[1]])
        g['E%d' % j] = dE
        start += E.shape[1]
    return g


def objective(p, Xc, Xn, y):
    prob, cache = forward(p, Xc, Xn)
    return logloss(prob, y, p), backward(p, prob, cache, Xc, y)


def make_problem(levels=4, emb_dim=2, n_num=3, n_hid=5, batch=7):
    rng = np.random.default_rng(101)
    p = {
        'E0': rng.normal(0, 0.7, (levels, emb_dim)),
        'E1': rng.normal(0, 0.7, (levels + 1, emb_dim)),
        'W1': rng.normal(0, 0.5, (2 * emb_dim + n_num, n_hid)),
        'b1': rng.normal(0, 0.2, n_hid),
        'w2': rng.normal(0, 0.6, n_hid),
        'b2': np.array([0.1]),
    }
    Xc = np.column_stack([rng.integers(0, levels, batch), rng.integers(0, levels + 1, batch)])
    Xn = rng.normal(size=(batch, n_num))
    y = (np.arange(batch) % 3 == 0).astype(float)
    return objective, p, (Xc, Xn, y)
