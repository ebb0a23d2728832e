import operator
from functools import reduce
from itertools import accumulate, pairwise

import numpy as np

STYLE = "functional: reduce, accumulate, comprehensions, no statements in loops"

dims_of = lambda layers: list(pairwise(layers))
sizes_of = lambda layers: [(a + 1) * b for a, b in dims_of(layers)]


def to_layers(theta, layers):
    bounds = [0, *accumulate(sizes_of(layers))]
    return [theta[i:j].reshape(a + 1, b) for (i, j), (a, b) in zip(pairwise(bounds), dims_of(layers))]


def with_ones(a):
    return np.column_stack([a, np.ones(len(a))])


def push(acts, W):
    return acts + [np.tanh(with_ones(acts[-1]) @ W)]


def pull(deltas, pair):
    W_above, act = pair
    return [(deltas[0] @ W_above[:-1].T) * (1 - act**2)] + deltas


def mlp(theta, X, Y, layers, decay):
    Ws = to_layers(theta, layers)
    acts = reduce(push, Ws, [X])
    err = acts[-1] - Y
    J = 0.5 * np.vdot(err, err) / len(X) + 0.5 * decay * sum(np.vdot(W[:-1], W[:-1]) for W in Ws)
    top = err * (1 - acts[-1] ** 2) / len(X)
    deltas = reduce(pull, zip(Ws[:0:-1], acts[-2:0:-1]), [top])
    raw = [with_ones(a).T @ d for a, d in zip(acts, deltas)]
    shrink = [decay * np.vstack([W[:-1], np.zeros(W.shape[1])]) for W in Ws]
    return J, np.concatenate([*map(np.ravel, map(operator.add, raw, shrink))])


def make_problem(m=6, n_in=3, h1=4, h2=5, n_out=2):
    rng = np.random.default_rng([m, n_in, h1, h2, n_out])
    layers = (n_in, h1, h2, n_out)
    X, Y = rng.standard_normal((m, n_in)), rng.uniform(-0.9, 0.9, (m, n_out))
    return mlp, rng.standard_normal(sum(sizes_of(layers))) / 1.5, (X, Y, layers, 0.07)
