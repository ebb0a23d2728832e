"""Skip-gram with hierarchical softmax on a Huffman tree, one pair at a time."""
STYLE = "one-letter loops over pairs, list of two matrices"

import heapq
import numpy as np


def huffman(f):
    # returns for each word the list of inner nodes on its path and the list of 0/1 turns
    V = len(f)
    q = [(int(c), w) for w, c in enumerate(f)]
    heapq.heapify(q)
    par, bit = {}, {}
    k = V
    while len(q) > 1:
        a, i = heapq.heappop(q)
        b, j = heapq.heappop(q)
        par[i], par[j] = k, k
        bit[i], bit[j] = 0, 1
        heapq.heappush(q, (a + b, k))
        k += 1
    P, B = [], []
    for w in range(V):
        p, b = [], []
        n = w
        while n in par:
            b.append(bit[n])
            n = par[n]
            p.append(n - V)
        P.append(p[::-1])
        B.append(b[::-1])
    return P, B


def s(z):
    return 1. / (1. + np.exp(-z))


def f(X, D, P, B, l):
    v, u = X
    J = 0.
    dv = np.zeros(v.shape)
    du = np.zeros(u.shape)
    n = len(D)
    for c, o in D:
        e = np.zeros(v.shape[1])
        for k, b in zip(P[o], B[o]):
            p = s(u[k] @ v[c])
            J -= b * np.log(p) + (1 - b) * np.log(1 - p)
            g = p - b
            e += g * u[k]
            du[k] += g * v[c]
        dv[c] += e
    J /= n
    dv /= n
    du /= n
    # weight decay by how often the word shows up as a centre
    m = np.bincount([c for c, o in D], minlength=len(v)) / n
    for w in range(len(v)):
        q = v[w] @ v[w]
        J += l * m[w] * q
        dv[w] += 2 * l * m[w] * v[w]
    # keep the nodes near the unit sphere
    for k in range(len(u)):
        q = u[k] @ u[k] - 1
        J += l * q ** 2
        du[k] += 2 * l * q * 2 * u[k]
    return J, [dv, du]


def make_problem(V=6, d=3, n=14):
    r = np.random.default_rng(100 + V)
    t = r.integers(0, V, size=n + 1)
    P, B = huffman(np.bincount(t, minlength=V) + 1)
    D = []
    for i in range(len(t)):
        for j in (i - 1, i + 1):
            if 0 <= j < len(t):
                D.append((t[i], t[j]))
    X = [r.normal(size=(V, d)), r.normal(size=(V - 1, d))]
    return f, X, (D, P, B, 0.05)
