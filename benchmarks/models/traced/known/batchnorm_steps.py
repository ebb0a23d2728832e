"""Batch normalisation in single steps, after the well known blog post on its computational graph."""

import numpy as np

STYLE = "batchnorm, one graph node a line"


def batchnorm_forward(x, gamma, beta, eps):
    N, D = x.shape
    # step1: calculate mean
    mu = 1.0 / N * np.sum(x, axis=0)
    # step2: subtract mean vector of every training example
    xmu = x - mu
    # step3: following the lower branch - calculation denominator
    sq = xmu**2
    # step4: calculate variance
    var = 1.0 / N * np.sum(sq, axis=0)
    # step5: add eps for numerical stability, then sqrt
    sqrtvar = np.sqrt(var + eps)
    # step6: invert sqrtvar
    ivar = 1.0 / sqrtvar
    # step7: execute normalization
    xhat = xmu * ivar
    # step8 and 9: the two transformation steps
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    # step9
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    # step8
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    # step7
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    # step6
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    # step5
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    # step4
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    # step3
    dxmu2 = 2 * xmu * dsq
    # step2
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    # step1
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    # step0
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def softplus(x):
    return np.log1p(np.exp(x))


def run(theta, X, T, H):
    """One hidden layer with batch normalisation, Huber-like log-cosh loss."""
    n, d = X.shape
    k = T.shape[1]
    pos = 0
    W = theta[pos : pos + d * H].reshape(d, H)
    pos += d * H
    gamma = theta[pos : pos + H]
    pos += H
    beta = theta[pos : pos + H]
    pos += H
    V = theta[pos : pos + H * k].reshape(H, k)

    a = np.dot(X, W)
    y, cache = batchnorm_forward(a, gamma, beta, 1e-3)
    h = softplus(y)
    r = np.dot(h, V) - T
    loss = np.sum(np.log(np.cosh(r))) / n

    dr = np.tanh(r) / n
    dV = np.dot(h.T, dr)
    dh = np.dot(dr, V.T)
    dy = dh / (1 + np.exp(-y))
    da, dgamma, dbeta = batchnorm_backward(dy, cache)
    dW = np.dot(X.T, da)
    return loss, np.concatenate((dW.flatten(), dgamma, dbeta, dV.flatten()))


def make_problem(n=6, d=4, H=5, k=3):
    rng = np.random.default_rng([n, d, H, k])
    X = rng.standard_normal((n, d))
    T = rng.standard_normal((n, k))
    theta = rng.standard_normal(d * H + 2 * H + H * k)
    return run, theta, (X, T, H)
