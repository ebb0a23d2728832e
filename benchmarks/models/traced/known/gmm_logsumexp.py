import numpy as np
STYLE = "Gaussian mixture, single letters, terse"

def f(w, X, K):
    n, d = X.shape
    a, m, s = w[:K], w[K:K+K*d].reshape(K, d), w[K+K*d:].reshape(K, d)
    # log weights
    A = a - np.log(np.exp(a).sum())
    L = np.zeros((n, K))
    for k in range(K):
        z = (X - m[k]) * np.exp(-s[k])
        L[:, k] = A[k] - .5*(z**2).sum(1) - s[k].sum() - .5*d*np.log(2*np.pi)
    M = L.max(1)
    E = np.exp(L - M[:, None]); S = E.sum(1)
    J = -(M + np.log(S)).sum() + .5*(m**2).sum()
    R = E / S[:, None]
    # gradients
    N = R.sum(0)
    ga = n*np.exp(A) - N
    gm, gs = np.zeros_like(m), np.zeros_like(s)
    for k in range(K):
        v = np.exp(-2*s[k])
        D = X - m[k]
        gm[k] = m[k] - (R[:, k] @ D) * v
        gs[k] = N[k] - (R[:, k] @ D**2) * v
    return J, np.r_[ga, gm.ravel(), gs.ravel()]

def make_problem(n=7, d=4, K=3):
    r = np.random.default_rng([n, d, K])
    return f, r.standard_normal(K + 2*K*d) * .7, (r.standard_normal((n, d)), K)
