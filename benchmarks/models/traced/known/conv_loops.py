"""A small convolutional net with explicit loops: conv -> tanh -> max pool -> linear -> softmax."""

import numpy as np

STYLE = "convolution and pooling by loops, params dict"


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_single_step(a_slice_prev, W, b):
    s = a_slice_prev * W
    Z = np.sum(s) + b
    return Z


def conv_forward(A_prev, W, b, hparameters):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    horiz_start = w * stride
                    a_slice_prev = A_prev_pad[i, vert_start : vert_start + f, horiz_start : horiz_start + f, :]
                    Z[i, h, w, c] = conv_single_step(a_slice_prev, W[..., c], b[0, 0, 0, c])
    cache = (A_prev, W, b, hparameters)
    return Z, cache


def conv_backward(dZ, cache):
    (A_prev, W, b, hparameters) = cache
    (m, n_H, n_W, n_C) = dZ.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    dW = np.zeros(W.shape)
    db = np.zeros((1, 1, 1, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    vert_end = vert_start + f
                    horiz_start = w * stride
                    horiz_end = horiz_start + f
                    a_slice = A_prev_pad[i, vert_start:vert_end, horiz_start:horiz_end, :]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
    return dW, db


def create_mask_from_window(x):
    mask = x == np.max(x)
    return mask


def pool_forward(A, f):
    m, n_H_prev, n_W_prev, n_C = A.shape
    n_H = 1 + n_H_prev - f
    n_W = 1 + n_W_prev - f
    P = np.zeros((m, n_H, n_W, n_C))
    for h in range(n_H):
        for w in range(n_W):
            P[:, h, w, :] = A[:, h : h + f, w : w + f, :].max(axis=(1, 2))
    return P, (A, f)


def pool_backward(dP, cache):
    (A_prev, f) = cache
    m, n_H, n_W, n_C = dP.shape
    dA_prev = np.zeros_like(A_prev)
    for i in range(m):
        a_prev = A_prev[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    a_prev_slice = a_prev[h : h + f, w : w + f, c]
                    mask = create_mask_from_window(a_prev_slice)
                    dA_prev[i, h : h + f, w : w + f, c] += mask * dP[i, h, w, c]
    return dA_prev


def model(params, images, labels):
    m = images.shape[0]
    Z, conv_cache = conv_forward(images, params["K"], params["b"], {"stride": 1, "pad": 1})
    A = np.tanh(Z)
    P, pool_cache = pool_forward(A, 2)
    F = P.reshape(m, -1)
    scores = F @ params["V"] + params["c"]
    scores = scores - np.max(scores, axis=1, keepdims=True)
    prob = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss = -np.mean(np.log(np.sum(prob * labels, axis=1)))

    dscores = (prob - labels) / m
    grads = {}
    grads["V"] = F.T @ dscores
    grads["c"] = np.sum(dscores, axis=0)
    dF = dscores @ params["V"].T
    dP = dF.reshape(P.shape)
    dA = pool_backward(dP, pool_cache)
    dZ = dA * (1 - np.power(A, 2))
    grads["K"], grads["b"] = conv_backward(dZ, conv_cache)
    return loss, grads


def make_problem(m=2, size=3, channels=2, filters=3):
    rng = np.random.default_rng([m, size, channels, filters])
    size = min(size, 4)
    f = 2
    images = rng.standard_normal((m, size, size, channels))
    labels = np.eye(2)[np.arange(m) % 2]
    side = size + 2 - f + 1 - 1
    params = {
        "K": 0.6 * rng.standard_normal((f, f, channels, filters)),
        "b": 0.3 * rng.standard_normal((1, 1, 1, filters)),
        "V": 0.5 * rng.standard_normal((side * side * filters, 2)),
        "c": rng.standard_normal(2),
    }
    return model, params, (images, labels)
