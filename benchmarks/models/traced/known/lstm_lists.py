"""LSTM over a short sequence, gates side by side in one 4H matrix; mean squared error of a readout."""
import numpy as np
from collections import namedtuple

STYLE = "LSTM step_forward/step_backward, list of caches"

Params = namedtuple("Params", "Wx Wh b Wout bout")
StepCache = namedtuple("StepCache", "x prev_h prev_c Wx Wh i f o g next_c")


def sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1.0)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, 0:H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H : 4 * H])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, StepCache(x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    dprev_c = dc * f
    da = np.concatenate(
        [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)],
        axis=1,
    )
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    caches = []
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t in range(T):
        prev_h, prev_c, cache = lstm_step_forward(x[:, t, :], prev_h, prev_c, Wx, Wh, b)
        h[:, t, :] = prev_h
        caches.append(cache)
    return h, caches


def lstm_backward(dh, caches):
    N, T, H = dh.shape
    first = caches[0]
    dWx, dWh = np.zeros_like(first.Wx), np.zeros_like(first.Wh)
    db = np.zeros(4 * H)
    dprev_h = np.zeros((N, H))
    dprev_c = np.zeros((N, H))
    while caches:
        cache = caches.pop()
        t = len(caches)
        dh_t = dh[:, t, :] + dprev_h
        _, dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(dh_t, dprev_c, cache)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dprev_h, dWx, dWh, db


def unpack(theta, D, H, O):
    sizes = [D * 4 * H, H * 4 * H, 4 * H, H * O, O]
    parts = np.split(theta, np.cumsum(sizes)[:-1])
    return Params(
        parts[0].reshape(D, 4 * H), parts[1].reshape(H, 4 * H), parts[2], parts[3].reshape(H, O), parts[4]
    )


def cost(theta, x, target, h0):
    N, T, D = x.shape
    H, O = h0.shape[1], target.shape[2]
    p = unpack(theta, D, H, O)
    h, caches = lstm_forward(x, h0, p.Wx, p.Wh, p.b)
    pred = h.dot(p.Wout) + p.bout
    err = pred - target
    J = 0.5 * np.sum(err ** 2) / (N * T)

    dpred = err / (N * T)
    dWout = h.reshape(-1, H).T.dot(dpred.reshape(-1, O))
    dbout = dpred.sum(axis=(0, 1))
    dh = dpred.dot(p.Wout.T)
    dh0, dWx, dWh, db = lstm_backward(dh, caches)
    return J, np.concatenate([dWx.ravel(), dWh.ravel(), db, dWout.ravel(), dbout])


def make_problem(N=3, T=5, D=4, H=2, O=3):
    rng = np.random.default_rng([N, T, D, H, O])
    x = rng.standard_normal((N, T, D))
    target = rng.standard_normal((N, T, O))
    h0 = 0.5 * rng.standard_normal((N, H))
    theta = 0.6 * rng.standard_normal(4 * H * (D + H + 1) + H * O + O)
    return cost, theta, (x, target, h0)
