"""Causal attention streamed over key blocks (online softmax), recomputed blockwise in reverse."""
import numpy as np

STYLE = "block streaming attention, in-place out= ufuncs, recompute from logsumexp"


def blocks(n, size):
    start = 0
    while start < n:
        yield slice(start, min(start + size, n))
        start += size


def scores(Q, K, rows, cols, scale):
    S = np.dot(Q[rows], K[cols].T)
    np.multiply(S, scale, out=S)
    i = np.arange(rows.start, rows.stop)[:, None]
    j = np.arange(cols.start, cols.stop)[None, :]
    np.copyto(S, -np.inf, where=j > i)
    return S


def flash_forward(Q, K, V, scale, Br, Bc):
    T = Q.shape[0]
    O = np.zeros((T, V.shape[1]))
    lse = np.empty(T)
    for rows in blocks(T, Br):
        m = np.full(rows.stop - rows.start, -np.inf)
        l = np.zeros_like(m)
        acc = np.zeros((m.size, V.shape[1]))
        for cols in blocks(T, Bc):
            if cols.start >= rows.stop:
                break
            S = scores(Q, K, rows, cols, scale)
            m_new = np.maximum(m, S.max(axis=1))
            corr = np.exp(m - m_new)
            P = np.exp(S - m_new[:, None])
            np.multiply(l, corr, out=l)
            np.add(l, P.sum(axis=1), out=l)
            np.multiply(acc, corr[:, None], out=acc)
            acc += P @ V[cols]
            m = m_new
        np.divide(acc, l[:, None], out=O[rows])
        lse[rows] = m + np.log(l)
    return O, lse


def flash_backward(dO, Q, K, V, O, lse, scale, Br, Bc):
    T = Q.shape[0]
    dQ, dK, dV = np.zeros_like(Q), np.zeros_like(K), np.zeros_like(V)
    delta = np.einsum("td,td->t", dO, O)
    for cols in blocks(T, Bc):
        for rows in blocks(T, Br):
            if cols.start >= rows.stop:
                continue
            S = scores(Q, K, rows, cols, scale)
            P = np.exp(S - lse[rows, None])
            dV[cols] += np.dot(P.T, dO[rows])
            dP = np.dot(dO[rows], V[cols].T)
            np.subtract(dP, delta[rows, None], out=dP)
            dS = np.multiply(P, dP, out=dP)
            dQ[rows] += scale * np.dot(dS, K[cols])
            dK[cols] += scale * np.dot(dS.T, Q[rows])
    return dQ, dK, dV


def make_problem(T=7, d_model=4, d_head=3):
    rng = np.random.default_rng([T, d_model, d_head])
    X = rng.standard_normal((T, d_model))
    Y = rng.standard_normal((T, d_model))
    scale, Br, Bc = 1.0 / np.sqrt(d_head), 2, 3
    sz = d_model * d_head
    mask = (np.arange(T) > 0).astype(float)

    def objective(w):
        Wq, Wk, Wv = (w[i * sz:(i + 1) * sz].reshape(d_model, d_head) for i in range(3))
        Wo = w[3 * sz:4 * sz].reshape(d_head, d_model)
        gain = w[4 * sz:]
        Q, K, V = X @ Wq, X @ Wk, X @ Wv
        O, lse = flash_forward(Q, K, V, scale, Br, Bc)
        H = X * gain + O @ Wo
        R = (H - Y) * mask[:, None]
        huber = np.sqrt(1.0 + R * R)
        loss = np.sum(huber - 1.0) / mask.sum()

        g = np.empty_like(w)
        dH = R / huber
        dH *= mask[:, None] / mask.sum()
        np.sum(dH * X, axis=0, out=g[4 * sz:])
        np.dot(O.T, dH, out=g[3 * sz:4 * sz].reshape(d_head, d_model))
        dO = dH @ Wo.T
        dQ, dK, dV = flash_backward(dO, Q, K, V, O, lse, scale, Br, Bc)
        np.dot(X.T, dQ, out=g[:sz].reshape(d_model, d_head))
        np.dot(X.T, dK, out=g[sz:2 * sz].reshape(d_model, d_head))
        np.dot(X.T, dV, out=g[2 * sz:3 * sz].reshape(d_model, d_head))
        return loss, g

    return objective, rng.standard_normal(4 * sz + d_model)
