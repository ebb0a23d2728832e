"""LSTM with the four gates stacked in one matrix, scored at every step, masked pseudo-Huber loss."""
import numpy as np

STYLE = "blog post LSTM from scratch, lists of caches, many return values"

def sigmoid(x):
    return 1/(1+np.exp(-x))

def lstm_forward_step(x_t, h_prev, c_prev, W, b):
    H = h_prev.shape[1]
    hx = np.hstack((h_prev, x_t))           # (N, H+D)
    gates = hx.dot(W) + b                   # (N, 4H)
    f = sigmoid(gates[:, 0:H])
    i = sigmoid(gates[:, H:2*H])
    o = sigmoid(gates[:, 2*H:3*H])
    g = np.tanh(gates[:, 3*H:4*H])
    c = f*c_prev + i*g
    tc = np.tanh(c)
    h = o*tc
    return h, c, (hx, f, i, o, g, c_prev, tc)

def lstm_backward_step(dh, dc_next, cache, W, dW, db):
    hx, f, i, o, g, c_prev, tc = cache
    H = f.shape[1]
    do = dh*tc
    dc = dc_next + dh*o*(1 - tc**2)
    df = dc*c_prev
    di = dc*g
    dg = dc*i
    dgates = np.zeros((len(dh), 4*H))
    dgates[:, 0:H] = df*f*(1 - f)
    dgates[:, H:2*H] = di*i*(1 - i)
    dgates[:, 2*H:3*H] = do*o*(1 - o)
    dgates[:, 3*H:4*H] = dg*(1 - g**2)
    dW += hx.T.dot(dgates)
    db += dgates.sum(axis=0)
    dhx = dgates.dot(W.T)
    dh_prev = dhx[:, :H]
    dx = dhx[:, H:]
    dc_prev = dc*f
    return dh_prev, dc_prev, dx

def unpack(v, D, H):
    n = (H+D)*4*H
    W = v[:n].reshape(H+D, 4*H)
    b = v[n:n+4*H]
    Wy = v[n+4*H:n+5*H].reshape(H, 1)
    by = v[-1]
    return W, b, Wy, by

def forward(X, W, b, Wy, by):
    T, N, D = X.shape
    H = Wy.shape[0]
    h, c = np.zeros((N, H)), np.zeros((N, H))
    caches, hs, preds = [], [], []
    for t in range(T):
        h, c, cache = lstm_forward_step(X[t], h, c, W, b)
        caches.append(cache)
        hs.append(h)
        preds.append(h.dot(Wy) + by)
    return np.array(preds)[:, :, 0], hs, caches

def loss_and_grad(v, X, target, mask, H, delta=0.7):
    T, N, D = X.shape
    W, b, Wy, by = unpack(v, D, H)
    preds, hs, caches = forward(X, W, b, Wy, by)

    # loss, only over the valid steps
    r = preds - target
    root = np.sqrt(1 + (r/delta)**2)
    total = mask.sum()
    loss = (mask * delta**2 * (root - 1)).sum() / total

    dpreds = mask * r / root / total
    dW, db, dWy = np.zeros_like(W), np.zeros_like(b), np.zeros_like(Wy)
    dby = 0.0
    dh_next = np.zeros((N, H))
    dc_next = np.zeros((N, H))
    for t in reversed(range(T)):
        dy = dpreds[t][:, None]
        dWy += hs[t].T.dot(dy)
        dby += dy.sum()
        dh = dy.dot(Wy.T) + dh_next
        dh_next, dc_next, _ = lstm_backward_step(dh, dc_next, caches[t], W, dW, db)
    return loss, np.concatenate([dW.ravel(), db, dWy.ravel(), [dby]])


def make_problem(D=2, H=3, T=5, N=4):
    rng = np.random.default_rng(1000*D + 100*H + 10*T + N)
    X = rng.standard_normal((T, N, D))
    target = np.cumsum(X[:, :, 0], axis=0) * 0.5
    lengths = rng.integers(2, T+1, N)
    mask = (np.arange(T)[:, None] < lengths[None, :]).astype(float)
    v = np.concatenate([rng.standard_normal((H+D)*4*H)/np.sqrt(H+D),
                        np.repeat([1., 0, 0, 0], H), rng.standard_normal(H), [0.1]])
    return loss_and_grad, v, (X, target, mask, H)
