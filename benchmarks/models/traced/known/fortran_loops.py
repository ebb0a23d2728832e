# Translated from Fortran 77: scalar loops only, counters and work arrays.
import math

import numpy as np

STYLE = "Fortran translation, scalar loops, work arrays as lists"


def backpr(w, nin, nhid, nout, npat, xin, yout, decay):
    nw1 = (nin + 1) * nhid
    grad = np.zeros(len(w))
    h = [0.0] * nhid
    o = [0.0] * nout
    dh = [0.0] * nhid
    err = 0.0
    for ip in range(npat):
        # forward
        for j in range(nhid):
            s = w[j * (nin + 1) + nin]
            for i in range(nin):
                s = s + w[j * (nin + 1) + i] * xin[ip][i]
            h[j] = 1.7159 * math.tanh(s * 2.0 / 3.0)
        for k in range(nout):
            s = w[nw1 + k * (nhid + 1) + nhid]
            for j in range(nhid):
                s = s + w[nw1 + k * (nhid + 1) + j] * h[j]
            o[k] = 1.0 / (1.0 + math.exp(-s))
            err = err + (o[k] - yout[ip][k]) ** 2
        # backward
        for j in range(nhid):
            dh[j] = 0.0
        for k in range(nout):
            dk = 2.0 * (o[k] - yout[ip][k]) * o[k] * (1.0 - o[k])
            for j in range(nhid):
                grad[nw1 + k * (nhid + 1) + j] += dk * h[j]
                dh[j] = dh[j] + dk * w[nw1 + k * (nhid + 1) + j]
            grad[nw1 + k * (nhid + 1) + nhid] += dk
        for j in range(nhid):
            dj = dh[j] * (2.0 / 3.0) * (1.7159 - h[j] * h[j] / 1.7159)
            for i in range(nin):
                grad[j * (nin + 1) + i] += dj * xin[ip][i]
            grad[j * (nin + 1) + nin] += dj
    # average, then decay (Weigend elimination)
    err = err / npat
    for iw in range(len(w)):
        w2 = w[iw] * w[iw]
        err = err + decay * w2 / (1.0 + w2)
        grad[iw] = grad[iw] / npat + decay * 2.0 * w[iw] / (1.0 + w2) ** 2
    return err, grad


def make_problem(nin=2, nhid=4, nout=3, npat=5):
    rng = np.random.default_rng([nin, nhid, nout, npat])
    xin = rng.standard_normal((npat, nin)).tolist()
    yout = rng.random((npat, nout)).tolist()
    w = rng.standard_normal((nin + 1) * nhid + (nhid + 1) * nout)
    return backpr, w, (nin, nhid, nout, npat, xin, yout, 0.05)
