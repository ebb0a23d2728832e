"""RealNVP: stack of affine couplings with alternating halves, exact negative log-likelihood."""
import numpy as np

STYLE = "flow tutorial, functions returning tuples, list of parameter arrays"


def st_net(xa, A, a, B, b):
    hid = np.tanh(xa @ A + a)
    out = hid @ B + b
    raw_s, t = np.split(out, 2, axis=1)
    s = 2.0 * np.tanh(raw_s / 2.0)      # bounded log scale
    return s, t, hid


def st_net_grad(ds, dt, xa, s, hid, A, B):
    draw = ds * (1 - (s / 2.0) ** 2)
    dout = np.hstack([draw, dt])
    dB = hid.T @ dout
    db = dout.sum(axis=0)
    dpre = (dout @ B.T) * (1 - hid ** 2)
    dA = xa.T @ dpre
    da = dpre.sum(axis=0)
    dxa = dpre @ A.T
    return dxa, dA, da, dB, db


def coupling(x, params, swap):
    """z_a = x_a, z_b = x_b * exp(s(x_a)) + t(x_a); returns z, log|det| and what backward needs"""
    d = x.shape[1] // 2
    xa, xb = (x[:, d:], x[:, :d]) if swap else (x[:, :d], x[:, d:])
    s, t, hid = st_net(xa, *params)
    es = np.exp(s)
    zb = xb * es + t
    z = np.hstack([zb, xa]) if swap else np.hstack([xa, zb])
    return z, s.sum(axis=1), (xa, xb, s, es, hid)


def coupling_grad(dz, dlogdet, cache, params, swap):
    xa, xb, s, es, hid = cache
    d = xa.shape[1]
    if swap:
        dzb, dxa = dz[:, :d], dz[:, d:]
    else:
        dxa, dzb = dz[:, :d], dz[:, d:]
    dt = dzb
    ds = dzb * xb * es + dlogdet[:, None]
    dxb = dzb * es
    dxa_net, dA, da, dB, db = st_net_grad(ds, dt, xa, s, hid, params[0], params[2])
    dxa = dxa + dxa_net
    dx = np.hstack([dxb, dxa]) if swap else np.hstack([dxa, dxb])
    return dx, [dA, da, dB, db]


def nll(params, x):
    n, dim = x.shape
    n_layers = (len(params) - 2) // 4
    # data-dependent first layer: elementwise affine ("actnorm")
    loc, log_scale = params[0], params[1]
    z = (x - loc) * np.exp(log_scale)
    u = z
    logdet = np.full(n, log_scale.sum())
    caches = []
    for k in range(n_layers):
        layer = params[2 + 4 * k:6 + 4 * k]
        z, ld, cache = coupling(z, layer, swap=k % 2 == 1)
        logdet = logdet + ld
        caches.append(cache)
    log_prob = -0.5 * (z ** 2).sum(axis=1) - 0.5 * dim * np.log(2 * np.pi) + logdet
    cost = -log_prob.mean()

    dz = z / n
    dlogdet = -np.ones(n) / n
    grads = [None] * len(params)
    for k in reversed(range(n_layers)):
        layer = params[2 + 4 * k:6 + 4 * k]
        dz, g = coupling_grad(dz, dlogdet, caches[k], layer, k % 2 == 1)
        grads[2 + 4 * k:6 + 4 * k] = g
    grads[0] = -(dz * np.exp(log_scale)).sum(axis=0)
    grads[1] = (dz * u).sum(axis=0) + dlogdet.sum()
    return cost, grads


def make_problem(half=2, hidden=3, layers=3, n=6):
    half, layers = min(half, 4), min(layers, 4)
    rng = np.random.default_rng(11)
    dim = 2 * half
    x = rng.normal(size=(n, dim))
    x[:, half:] += 0.5 * x[:, :half] ** 2
    params = [0.1 * rng.normal(size=dim), 0.2 * rng.normal(size=dim)]
    for _ in range(layers):
        params += [rng.normal(size=(half, hidden)) / np.sqrt(half),
                   0.1 * rng.normal(size=hidden),
                   0.5 * rng.normal(size=(hidden, dim)) / np.sqrt(hidden),
                   0.1 * rng.normal(size=dim)]
    return nll, params, (x,)
