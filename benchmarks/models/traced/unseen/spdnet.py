"""Small SPDNet: BiMap -> ReEig (softplus) -> LogEig -> logistic output, labels in {-1, 1}."""
import numpy as np

STYLE = "eigh adjoint, Loewner matrices, closures returned as backward functions"


def sym(M):
    return 0.5 * (M + M.T)


def spectral(f, df):
    """matrix function U f(lam) U' of a symmetric matrix; returns value and pullback"""
    def apply(S):
        lam, U = np.linalg.eigh(S)
        fl = f(lam)

        def back(G):
            gap = lam[:, None] - lam[None, :]
            near = np.abs(gap) < 1e-9
            quot = (fl[:, None] - fl[None, :]) / np.where(near, 1.0, gap)
            slope = np.add.outer(df(lam), df(lam)) / 2
            loewner = np.where(near, slope, quot)
            return U @ (loewner * (U.T @ sym(G) @ U)) @ U.T
        return (U * fl) @ U.T, back
    return apply


def bimap(W):
    def apply(C):
        def back(G):
            G = sym(G)
            return 2.0 * G @ W @ C
        return W @ C @ W.T, back
    return apply


def readout(w, b, rows, cols):
    scale = np.where(rows == cols, 1.0, np.sqrt(2.0))

    def apply(T):
        v = scale * T[rows, cols]

        def back(ds):
            G = np.zeros_like(T)
            G[rows, cols] = ds * w * scale
            return ds * v, ds, G
        return v @ w + b, back
    return apply


def make_problem(d=4, k=3, n=5):
    k = min(k, d)
    rng = np.random.default_rng([d, k, n])
    covs, ys = [], np.where(np.arange(n) % 2, 1.0, -1.0)
    for _ in range(n):
        B = rng.standard_normal((d, d + 3))
        covs.append(B @ B.T / (d + 3))
    rows, cols = np.triu_indices(k)
    rect = spectral(lambda s: 0.2 + np.logaddexp(0.0, 4.0 * s - 2.0) / 4.0,
                    lambda s: 1.0 / (1.0 + np.exp(2.0 - 4.0 * s)))
    logm = spectral(np.log, lambda s: 1.0 / s)
    reg = 0.05

    def fun(x):
        W, w, b = x[:k * d].reshape(k, d), x[k * d:-1], x[-1]
        layer1, head = bimap(W), readout(w, b, rows, cols)
        tape, cost = [], 0.5 * reg * np.sum((W @ W.T - np.eye(k)) ** 2)
        for C, y in zip(covs, ys):
            S, back1 = layer1(C)
            R, back2 = rect(S)
            T, back3 = logm(R)
            s, back4 = head(T)
            cost += np.logaddexp(0.0, -y * s) / n
            tape.append((y, s, back1, back2, back3, back4))

        dW = 2.0 * reg * (W @ W.T - np.eye(k)) @ W
        dw, db = np.zeros_like(w), 0.0
        for y, s, back1, back2, back3, back4 in tape:
            ds = -y / (1.0 + np.exp(y * s)) / n
            gw, gb, G = back4(ds)
            dw += gw
            db += gb
            dW += back1(back2(back3(G)))
        return cost, np.concatenate([dW.ravel(), dw, [db]])

    W0 = np.linalg.qr(rng.standard_normal((d, k)))[0].T + 0.2 * rng.standard_normal((k, d))
    return fun, np.concatenate([W0.ravel(), rng.standard_normal(rows.size + 1)])
