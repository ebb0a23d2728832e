"""Three layer MLP with batch norm, inverted dropout (masks given) and L2, parameters in a dict."""
import numpy as np

STYLE = "course notebook, dict of W{l}, columns are examples"


def batchnorm_forward(Z, gamma, beta, eps=1e-3):
    m = Z.shape[1]
    mu = np.sum(Z, axis=1, keepdims=True) / m
    Zc = Z - mu
    var = np.sum(Zc ** 2, axis=1, keepdims=True) / m
    ivar = 1. / np.sqrt(var + eps)
    Zhat = Zc * ivar
    out = gamma * Zhat + beta
    return out, (Zc, ivar, Zhat, gamma)


def batchnorm_backward(dout, cache):
    Zc, ivar, Zhat, gamma = cache
    m = dout.shape[1]
    dgamma = np.sum(dout * Zhat, axis=1, keepdims=True)
    dbeta = np.sum(dout, axis=1, keepdims=True)
    dZhat = dout * gamma
    dvar = np.sum(dZhat * Zc, axis=1, keepdims=True) * -0.5 * ivar ** 3
    dZc = dZhat * ivar + 2. / m * Zc * dvar
    dmu = -np.sum(dZc, axis=1, keepdims=True)
    dZ = dZc + dmu / m
    return dZ, dgamma, dbeta


def forward_propagation(X, parameters, masks, keep_prob):
    caches = {"A0": X}
    L = len(masks) + 1
    A = X
    for l in range(1, L):
        Z = parameters[f"W{l}"] @ A
        Y, bn_cache = batchnorm_forward(Z, parameters[f"gamma{l}"], parameters[f"beta{l}"])
        H = np.tanh(Y)
        A = H * masks[l - 1] / keep_prob
        caches[f"bn{l}"] = bn_cache
        caches[f"H{l}"] = H
        caches[f"A{l}"] = A
    ZL = parameters[f"W{L}"] @ A + parameters[f"b{L}"]
    T = np.exp(ZL - np.max(ZL, axis=0, keepdims=True))
    AL = T / np.sum(T, axis=0, keepdims=True)
    return AL, caches


def compute_cost(AL, Y, parameters, lambd, L):
    m = Y.shape[1]
    cross_entropy = -np.sum(Y * np.log(AL)) / m
    l2 = 0
    for l in range(1, L + 1):
        l2 += np.sum(np.square(parameters[f"W{l}"]))
    return cross_entropy + lambd / (2 * m) * l2


def backward_propagation(AL, Y, parameters, caches, masks, keep_prob, lambd):
    grads = {}
    L = len(masks) + 1
    m = Y.shape[1]
    dZ = (AL - Y) / m
    grads[f"W{L}"] = dZ @ caches[f"A{L-1}"].T + lambd / m * parameters[f"W{L}"]
    grads[f"b{L}"] = np.sum(dZ, axis=1, keepdims=True)
    dA = parameters[f"W{L}"].T @ dZ
    for l in reversed(range(1, L)):
        dH = dA * masks[l - 1] / keep_prob
        dY = dH * (1 - caches[f"H{l}"] ** 2)
        dZ, grads[f"gamma{l}"], grads[f"beta{l}"] = batchnorm_backward(dY, caches[f"bn{l}"])
        grads[f"W{l}"] = dZ @ caches[f"A{l-1}"].T
        grads[f"W{l}"] += (lambd / m) * parameters[f"W{l}"]
        dA = parameters[f"W{l}"].T @ dZ
    return grads


def make_problem(n_x=3, n_h1=5, n_h2=4, n_y=2, m=7):
    m = max(m, 4)
    n_y = max(n_y, 2)
    rng = np.random.default_rng(n_x + 10 * n_h1 + 100 * n_h2)
    dims = [n_x, n_h1, n_h2, n_y]
    keep_prob, lambd = 0.8, 0.3
    X = rng.standard_normal((n_x, m))
    Y = np.eye(n_y)[rng.integers(0, n_y, m)].T
    masks = [(rng.random((n, m)) < keep_prob).astype(float) for n in dims[1:-1]]
    parameters = {}
    for l in range(1, 4):
        parameters[f"W{l}"] = rng.standard_normal((dims[l], dims[l - 1])) / np.sqrt(dims[l - 1])
        if l < 3:
            parameters[f"gamma{l}"] = 1 + 0.2 * rng.standard_normal((dims[l], 1))
            parameters[f"beta{l}"] = 0.2 * rng.standard_normal((dims[l], 1))
    parameters["b3"] = np.zeros((n_y, 1))

    def model(parameters):
        AL, caches = forward_propagation(X, parameters, masks, keep_prob)
        cost = compute_cost(AL, Y, parameters, lambd, 3)
        grads = backward_propagation(AL, Y, parameters, caches, masks, keep_prob, lambd)
        return cost, grads

    return model, parameters
