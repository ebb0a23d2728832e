"""Probabilistic matrix factorisation with biases; separate value and gradient functions sharing a forward helper."""

import numpy as np

STYLE = "separate cost and jac functions, index arrays"


def unpack(x, n_users, n_items, rank):
    P, rest = x[: n_users * rank].reshape(n_users, rank), x[n_users * rank :]
    Q, rest = rest[: n_items * rank].reshape(n_items, rank), rest[n_items * rank :]
    return P, Q, rest[:n_users], rest[n_users : n_users + n_items], rest[-1]


def predict(P, Q, bu, bi, mu, users, items):
    return mu + bu[users] + bi[items] + np.sum(P[users] * Q[items], axis=1)


def cost(x, ratings, users, items, sizes, lam):
    P, Q, bu, bi, mu = unpack(x, *sizes)
    e = ratings - predict(P, Q, bu, bi, mu, users, items)
    J = 0.5 * np.dot(e, e)
    J += 0.5 * lam * (np.sum(P * P) + np.sum(Q * Q))
    J += 0.5 * lam * (np.sum(bu * bu) + np.sum(bi * bi))
    return J


def jac(x, ratings, users, items, sizes, lam):
    n_users, n_items, rank = sizes
    P, Q, bu, bi, mu = unpack(x, *sizes)
    e = ratings - predict(P, Q, bu, bi, mu, users, items)
    gP = lam * P
    gQ = lam * Q
    for n in range(len(ratings)):
        u, i = users[n], items[n]
        gP[u] -= e[n] * Q[i]
        gQ[i] -= e[n] * P[u]
    gbu = lam * bu - np.bincount(users, weights=e, minlength=n_users)
    gbi = lam * bi - np.bincount(items, weights=e, minlength=n_items)
    gmu = -e.sum()
    return np.concatenate([gP.ravel(), gQ.ravel(), gbu, gbi, [gmu]])


def cost_and_jac(x, *args):
    return cost(x, *args), jac(x, *args)


def make_problem(n_users=4, n_items=5, rank=3):
    rng = np.random.default_rng([n_users, n_items, rank])
    seen = np.argwhere(rng.random((n_users, n_items)) < 0.7)
    users, items = seen[:, 0], seen[:, 1]
    ratings = rng.integers(1, 6, len(seen)).astype(float)
    x0 = rng.standard_normal((n_users + n_items) * rank + n_users + n_items + 1)
    return cost_and_jac, x0, (ratings, users, items, (n_users, n_items, rank), 0.4)
