"""Minimal gated recurrent unit over ragged sequences, as a fold with a carry tuple."""
from functools import partial, reduce
from itertools import accumulate
from operator import add

import numpy as np

STYLE = "functools.reduce/accumulate folds, tuples of parameters, steps returning closures"

σ = lambda z: 1 / (1 + np.exp(-z))
tree_add = lambda a, b: tuple(map(add, a, b))


def affine(W, U, b, x, h):
    def vjp(dz):
        return np.outer(dz, x), np.outer(dz, h), dz, U.T @ dz
    return W @ x + U @ h + b, vjp


def gate(z):
    s = σ(z)
    return s, lambda ds: ds * s * (1 - s)


def squash(z):
    y = np.tanh(z)
    return y, lambda dy: dy * (1 - y * y)


def cell(params, carry, x):
    """(h, pullback) -> next (h, pullback)"""
    h, _ = carry
    Wf, Uf, bf, Wc, Uc, bc = params
    zf, vjp_f = affine(Wf, Uf, bf, x, h)
    f, vjp_gate = gate(zf)
    fh = f * h
    zc, vjp_c = affine(Wc, Uc, bc, x, fh)
    c, vjp_squash = squash(zc)

    def pullback(dnew):
        df = dnew * (c - h)
        dh = dnew * (1 - f)
        dWc, dUc, dbc, dfh = vjp_c(vjp_squash(dnew * f))
        df, dh = df + dfh * h, dh + dfh * f
        dWf, dUf, dbf, dh_gate = vjp_f(vjp_gate(df))
        return (dWf, dUf, dbf, dWc, dUc, dbc), dh + dh_gate

    return (1 - f) * h + f * c, pullback


def head(v, h, y):
    """Poisson rate exp(v.h), deviance and its pullback"""
    eta = v @ h
    rate = np.exp(eta)

    def vjp():
        deta = rate - y
        return deta * h, deta * v
    return rate - y * eta, vjp


def sequence_loss(params, v, h0, sequence):
    xs, ys = sequence
    states = list(accumulate(xs, partial(cell, params), initial=(h0, None)))[1:]
    outs = [head(v, h, y) for (h, _), y in zip(states, ys)]
    weight = 1 / len(xs)

    def unstep(carry, pair):
        dparams, dv, dh = carry
        (_, pullback), (_, head_vjp) = pair
        dv_t, dh_t = head_vjp()
        step, dh_prev = pullback(dh + weight * dh_t)
        return tree_add(dparams, step), dv + weight * dv_t, dh_prev

    zero = tuple(map(np.zeros_like, params))
    init = (zero, np.zeros_like(v), np.zeros_like(h0))
    dparams, dv, dh0 = reduce(unstep, reversed(list(zip(states, outs))), init)
    return weight * sum(loss for loss, _ in outs), (*dparams, dv, dh0)


def make_problem(n_in=2, n_hid=4, n_seq=3):
    rng = np.random.default_rng([7, n_in, n_hid, n_seq])
    data = [(rng.standard_normal((T, n_in)), rng.poisson(1.5, T)) for T in range(3, 3 + n_seq)]
    block = [(n_hid, n_in), (n_hid, n_hid), (n_hid,)]
    shapes = [*block, *block, (n_hid,), (n_hid,)]
    stops = list(accumulate(map(np.prod, shapes)))
    λ = 1e-2

    def fun(θ):
        *params, v, h0 = (p.reshape(s) for p, s in zip(np.split(θ, stops[:-1]), shapes))
        losses, grads = zip(*(sequence_loss(tuple(params), v, h0, s) for s in data))
        total = reduce(tree_add, grads)
        flat = np.concatenate([g.ravel() for g in total])
        return sum(losses) + λ / 2 * θ @ θ, flat + λ * θ

    return fun, 0.6 * rng.standard_normal(stops[-1])
