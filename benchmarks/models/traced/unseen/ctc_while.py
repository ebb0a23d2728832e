"""CTC loss of a framewise linear model: log-space forward recursion, reversed by hand."""
import numpy as np

STYLE = 'while loops and explicit indices, CTC forward algorithm'

BLANK = 0


def lse(*terms):
    m = max(terms)
    if m == -np.inf:
        return m
    return m + np.log(sum(np.exp(t - m) for t in terms))


def extend(labels):
    out = [BLANK]
    for c in labels:
        out += [int(c), BLANK]
    return out


def may_skip(ext, s):
    return s >= 2 and ext[s] != BLANK and ext[s] != ext[s - 2]


def forward(logp, ext):
    T, S = len(logp), len(ext)
    alpha = np.full((T, S), -np.inf)
    alpha[0, 0] = logp[0, BLANK]
    alpha[0, 1] = logp[0, ext[1]]
    t = 1
    while t < T:
        s = 0
        while s < S:
            best = alpha[t - 1, s]
            if s >= 1:
                best = lse(best, alpha[t - 1, s - 1])
            if may_skip(ext, s):
                best = lse(best, alpha[t - 1, s - 2])
            alpha[t, s] = best + logp[t, ext[s]]
            s += 1
        t += 1
    return alpha


def backward(alpha, logp, ext, total):
    """d(total)/d(logp), total = lse of the two last states"""
    T, S = alpha.shape
    dlogp = np.zeros_like(logp)
    da = np.zeros(S)
    da[S - 1] = np.exp(alpha[T - 1, S - 1] - total)
    da[S - 2] = np.exp(alpha[T - 1, S - 2] - total)
    t = T - 1
    while t > 0:
        prev = np.zeros(S)
        s = S - 1
        while s >= 0:
            k = ext[s]
            if alpha[t, s] > -np.inf:
                dlogp[t, k] += da[s]
                z = alpha[t, s] - logp[t, k]
                prev[s] += da[s] * np.exp(alpha[t - 1, s] - z)
                if s >= 1:
                    prev[s - 1] += da[s] * np.exp(alpha[t - 1, s - 1] - z)
                if may_skip(ext, s):
                    prev[s - 2] += da[s] * np.exp(alpha[t - 1, s - 2] - z)
            s -= 1
        da = prev
        t -= 1
    dlogp[0, BLANK] += da[0]
    dlogp[0, ext[1]] += da[1]
    return dlogp


def make_problem(frames=7, n_in=4, n_sym=5, n_lab=2):
    frames = max(frames, 2 * n_lab)
    rng = np.random.default_rng(100 * frames + 10 * n_in + n_sym)
    X = rng.standard_normal((frames, n_in))
    labels = 1 + np.arange(n_lab) % (n_sym - 1)
    ext = extend(labels)
    decay = 0.02

    def fun(x):
        W, b, temp = x[:n_in * n_sym].reshape(n_in, n_sym), x[n_in * n_sym:-1], np.exp(x[-1])
        raw = X @ W + b
        logits = temp * raw
        m = logits.max(axis=1, keepdims=True)
        logp = logits - m - np.log(np.exp(logits - m).sum(axis=1, keepdims=True))
        alpha = forward(logp, ext)
        total = lse(alpha[-1, -1], alpha[-1, -2])
        cost = -total / frames + 0.5 * decay * np.sum(W * W)

        dlogp = -backward(alpha, logp, ext, total) / frames
        dlogits = dlogp - np.exp(logp) * dlogp.sum(axis=1, keepdims=True)
        draw = dlogits * temp
        dtemp = np.sum(dlogits * raw)
        dW = X.T @ draw + decay * W
        db = draw.sum(axis=0)
        return cost, np.concatenate([dW.ravel(), db, [dtemp * temp]])

    return fun, np.r_[0.5 * rng.standard_normal(n_in * n_sym + n_sym), 0.2]
