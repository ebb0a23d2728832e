"""Neural networks with hand-written backpropagation, theta flat, each in another hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models.case import Case

# ---------------------------------------------------------------- softmax regression


def softmax_cost(theta, num_classes, input_size, lam, data, labels):
    # theta unrolled as in the UFLDL exercise: one row of W for each class, then the intercepts
    W = theta[: num_classes * input_size].reshape(num_classes, input_size)
    b = theta[num_classes * input_size :]
    m = data.shape[1]
    M = W.dot(data) + b[:, np.newaxis]
    M = M - np.max(M, axis=0)
    p = np.exp(M)
    p = p / p.sum(axis=0)
    ground_truth = np.zeros((num_classes, m))
    ground_truth[labels, np.arange(m)] = 1
    cost = -np.sum(ground_truth * np.log(p)) / m + lam / 2 * np.sum(W**2)
    W_grad = -(ground_truth - p).dot(data.T) / m + lam * W
    b_grad = -np.sum(ground_truth - p, axis=1) / m
    return cost, np.hstack([W_grad.ravel(), b_grad])


def softmax_regression(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    k, n, m, lam = 4, 9, 60, 1e-4
    return Case(
        name="softmax regression",
        fun=softmax_cost,
        x0=0.005 * rng.standard_normal(k * n + k),
        args=(k, n, lam, rng.standard_normal((n, m)), rng.integers(0, k, m)),
        shapes={"W": (k, n), "b": (k,)},
        penalty=lam,
        penalized=("W",),
    )


# ---------------------------------------------------------------- two layers of ReLU


def relu_net(params, X, y, H, reg):
    """Two layer net; the gradient of max at 0 is taken as 0."""
    N, D = X.shape
    C = y.max() + 1
    W1 = params[: D * H].reshape(D, H)
    b1 = params[D * H : D * H + H]
    W2 = params[D * H + H : D * H + H + H * C].reshape(H, C)
    b2 = params[D * H + H + H * C :]

    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), y]).sum() / N
    loss += reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

    dscores = probs.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    dW2 = hidden.T @ dscores
    db2 = dscores.sum(axis=0)
    dhidden = dscores @ W2.T
    dhidden[hidden <= 0] = 0
    dW1 = X.T @ dhidden
    db1 = dhidden.sum(axis=0)
    dW2 += 2 * reg * W2
    dW1 += 2 * reg * W1
    return loss, np.concatenate([dW1.ravel(), db1.ravel(), dW2.ravel(), db2.ravel()])


def relu_network(seed: int = 0, *, blank_rows: int = 0) -> Case:
    """Biases start at zero; blank inputs then sit exactly on the kink of every unit."""
    rng = np.random.default_rng(seed)
    N, D, H, C = 50, 7, 10, 3
    X = rng.standard_normal((N, D))
    X[:blank_rows] = 0.0
    y = rng.integers(0, C, N)
    y[:C] = np.arange(C)
    x0 = np.concatenate(
        [
            0.3 * rng.standard_normal(D * H),
            np.zeros(H),
            0.3 * rng.standard_normal(H * C),
            np.zeros(C),
        ]
    )
    return Case(
        name=f"ReLU net, zero biases{', blank inputs' if blank_rows else ''}",
        fun=relu_net,
        x0=x0,
        args=(X, y, H, 5e-4),
        shapes={"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)},
        penalty=1e-3,
        penalized=("W1", "W2"),
        tags=frozenset({"kink"}),
    )


def relu_network_on_kinks(seed: int = 0) -> Case:
    return relu_network(seed, blank_rows=5)


# ---------------------------------------------------------------- convolution by loops


def conv_net(w, images, targets):
    # w holds: 3 kernels of 3x3, 3 kernel biases, 3 output weights, 1 output bias
    k = w[0:27].reshape(3, 3, 3)
    kb = w[27:30]
    v = w[30:33]
    c = w[33]
    n, rows, cols = images.shape
    gk = np.zeros_like(k)
    gkb = np.zeros_like(kb)
    gv = np.zeros_like(v)
    gc = 0.0
    loss = 0.0
    for i in range(n):
        z = np.zeros((3, rows - 2, cols - 2))
        for f in range(3):
            for r in range(rows - 2):
                for s in range(cols - 2):
                    z[f, r, s] = (images[i, r : r + 3, s : s + 3] * k[f]).sum() + kb[f]
        a = np.tanh(z)
        pooled = a.mean(axis=(1, 2))
        out = pooled.dot(v) + c
        err = out - targets[i]
        loss += 0.5 * err**2
        gv += err * pooled
        gc += err
        dz = (1 - a**2) * (err * v / (a.shape[1] * a.shape[2]))[:, None, None]
        for f in range(3):
            gkb[f] += dz[f].sum()
            for r in range(3):
                for s in range(3):
                    patch = images[i, r : r + rows - 2, s : s + cols - 2]
                    gk[f, r, s] += (patch * dz[f]).sum()
    return loss, np.r_[gk.ravel(), gkb, gv, gc]


def convolution(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    return Case(
        name="convolution by loops",
        fun=conv_net,
        x0=0.4 * rng.standard_normal(34),
        args=(rng.standard_normal((4, 6, 6)), rng.standard_normal(4)),
        shapes={"kernels": (3, 3, 3), "kernel_bias": (3,), "v": (3,), "c": (1,)},
    )


# ---------------------------------------------------------------- recurrent network


def lossFun(theta, inputs, targets, hidden_size, vocab_size):
    """Character model: loss and gradients through time."""
    i = 0
    Wxh = theta[i : i + hidden_size * vocab_size].reshape((hidden_size, vocab_size))
    i += hidden_size * vocab_size
    Whh = theta[i : i + hidden_size**2].reshape((hidden_size, hidden_size))
    i += hidden_size**2
    Why = theta[i : i + vocab_size * hidden_size].reshape((vocab_size, hidden_size))
    i += vocab_size * hidden_size
    bh = theta[i : i + hidden_size].reshape((-1, 1))
    i += hidden_size
    by = theta[i:].reshape((-1, 1))
    xs, hs, ps = {}, {-1: np.zeros((hidden_size, 1))}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y - y.max()) / np.sum(np.exp(y - y.max()))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    return loss, np.concatenate([d.ravel() for d in (dWxh, dWhh, dWhy, dbh, dby)])


def recurrent(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    hidden, vocab, length = 8, 8, 12
    text = rng.integers(0, vocab, length + 1)
    weights = 0.3 * rng.standard_normal(hidden * vocab * 2 + hidden**2)
    return Case(
        name="recurrent net through time",
        fun=lossFun,
        x0=np.concatenate([weights, np.zeros(hidden + vocab)]),
        args=(text[:-1], text[1:], hidden, vocab),
        shapes={
            "Wxh": (hidden, vocab),
            "Whh": (hidden, hidden),
            "Why": (vocab, hidden),
            "bh": (hidden,),
            "by": (vocab,),
        },
    )


# ---------------------------------------------------------------- batch normalisation


def batchnorm_net(theta, x, t, d_hid, eps=1e-5):
    n, d_in = x.shape
    s0 = d_in * d_hid
    w, gamma = theta[:s0].reshape((d_in, d_hid)), theta[s0 : s0 + d_hid]
    beta, v = theta[s0 + d_hid : s0 + 2 * d_hid], theta[s0 + 2 * d_hid :]
    z = x @ w
    mu, var = z.mean(0), z.var(0)
    inv = 1 / np.sqrt(var + eps)
    zhat = (z - mu) * inv
    a = gamma * zhat + beta
    h = 1 / (1 + np.exp(-a))
    e = h @ v - t
    # backward
    dv = h.T @ e / n
    da = np.outer(e, v) / n * h * (1 - h)
    dgamma, dbeta = (da * zhat).sum(0), da.sum(0)
    dzhat = da * gamma
    dz = inv / n * (n * dzhat - dzhat.sum(0) - zhat * (dzhat * zhat).sum(0))
    return (e @ e) / (2 * n), np.concatenate([(x.T @ dz).ravel(), dgamma, dbeta, dv])


def batch_normalisation(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    n, d, h = 40, 6, 5
    x0 = np.concatenate(
        [rng.standard_normal(d * h), np.ones(h), np.zeros(h), rng.standard_normal(h)]
    )
    return Case(
        name="batch normalisation",
        fun=batchnorm_net,
        x0=x0,
        args=(rng.standard_normal((n, d)), rng.standard_normal(n), h),
        shapes={"w": (d, h), "gamma": (h,), "beta": (h,), "v": (h,)},
    )


# ---------------------------------------------------------------- attention


def attention_loss(p, X, Y):
    T, d = X.shape
    Wq, Wk, Wv, Wo = p.reshape(4, d, d)
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(d)
    S[np.triu_indices(T, 1)] = -np.inf
    A = np.exp(S - S.max(1, keepdims=True))
    A /= A.sum(1, keepdims=True)
    Z = A @ V
    R = Z @ Wo - Y
    dWo = Z.T @ R
    dZ = R @ Wo.T
    dA, dV = dZ @ V.T, A.T @ dZ
    dS = A * (dA - (dA * A).sum(1, keepdims=True)) / np.sqrt(d)
    dQ, dK = dS @ K, dS.T @ Q
    return 0.5 * (R**2).sum(), np.stack([X.T @ dQ, X.T @ dK, X.T @ dV, dWo]).ravel()


def attention(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    T, d = 7, 6
    return Case(
        name="causal attention",
        fun=attention_loss,
        x0=rng.standard_normal(4 * d * d) / np.sqrt(d),
        args=(rng.standard_normal((T, d)), rng.standard_normal((T, d))),
        shapes={"Wq": (d, d), "Wk": (d, d), "Wv": (d, d), "Wo": (d, d)},
    )


# ---------------------------------------------------------------- float32 weights


def half_hearted(theta, X, t):
    theta = theta.astype(np.float32)
    W = theta[:60].reshape(6, 10)
    v = theta[60:70]
    h = np.tanh(X.dot(W))
    r = h.dot(v) - t
    g = np.empty_like(theta)
    g[60:] = h.T.dot(r)
    g[:60] = X.T.dot(np.outer(r, v) * (1 - h * h)).ravel()
    return float(0.5 * np.sum(r * r, dtype=np.float32)), g.astype(np.float64)


def single_precision(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 6)).astype(np.float32)
    return Case(
        name="float32 inside",
        fun=half_hearted,
        x0=0.5 * rng.standard_normal(70),
        args=(X, rng.standard_normal(30).astype(np.float32)),
        shapes={"W": (6, 10), "v": (10,)},
        tags=frozenset({"float32"}),
    )


def single_precision_weights(seed: int = 0) -> Case:
    case = single_precision(seed)
    return case.replace(name="float32 weights", x0=case.x0.astype(np.float32))


# ---------------------------------------------------------------- the autoencoder of question 1


def _autoencoder(visible: int, hidden: int, m: int, name: str, seed: int, data: Any = None) -> Case:
    from reference_models import autoencoder

    rng = np.random.default_rng(seed)
    examples = rng.random((visible, m)) if data is None else data
    return Case(
        name=name,
        fun=autoencoder.cost_and_grad,
        x0=autoencoder.initialize(visible, hidden, seed=seed),
        args=(visible, hidden, 1e-4, examples),
        shapes=autoencoder.block_shapes(visible, hidden),
        penalty=1e-4,
        penalized=("W1", "W2"),
    )


def autoencoder_small(seed: int = 0) -> Case:
    return _autoencoder(12, 5, 20, "autoencoder 12-5-12", seed)


def autoencoder_large(seed: int = 0) -> Case:
    """Return the autoencoder on digits, 784-10-784: 16,474 parameters."""
    from reference_models import digits

    case = _autoencoder(784, 10, 0, "autoencoder 784-10-784", seed, digits.columns(500, side=28))
    return case.replace(tags=frozenset({"large"}))


ALL = (
    softmax_regression,
    relu_network,
    relu_network_on_kinks,
    convolution,
    recurrent,
    batch_normalisation,
    attention,
    single_precision,
    single_precision_weights,
    autoencoder_small,
)
