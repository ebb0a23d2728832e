"""Two-layer fully connected net in the manner of the CS231n assignments."""

import numpy as np

STYLE = "CS231n affine_backward, cache tuples"


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    x = cache
    dx = dout.copy()
    dx[x <= 0] = 0
    return dx


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db


def softmax_loss(x, y):
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


class TwoLayerNet:
    def __init__(self, input_dim, hidden_dim, num_classes, reg):
        self.shapes = {
            "W1": (input_dim, hidden_dim),
            "b1": (hidden_dim,),
            "W2": (hidden_dim, num_classes),
            "b2": (num_classes,),
        }
        self.params = {}
        self.reg = reg

    def set_flat(self, theta):
        start = 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            self.params[name] = theta[start : start + size].reshape(shape)
            start += size

    def loss(self, X, y):
        scores, cache1 = affine_relu_forward(X, self.params["W1"], self.params["b1"])
        scores, cache2 = affine_forward(scores, self.params["W2"], self.params["b2"])

        grads = {}
        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * np.sum(self.params["W1"] ** 2)
        loss += 0.5 * self.reg * np.sum(self.params["W2"] ** 2)

        dhidden, grads["W2"], grads["b2"] = affine_backward(dscores, cache2)
        _, grads["W1"], grads["b1"] = affine_relu_backward(dhidden, cache1)
        grads["W2"] += self.reg * self.params["W2"]
        grads["W1"] += self.reg * self.params["W1"]
        return loss, grads


def make_problem(N=6, D=4, H=5, C=3):
    rng = np.random.default_rng([N, D, H, C])
    X = rng.standard_normal((N, D // 2, 2)) if D % 2 == 0 else rng.standard_normal((N, D))
    y = rng.integers(0, C, N)
    net = TwoLayerNet(D, H, C, reg=0.3)

    def fun(theta):
        net.set_flat(theta)
        loss, grads = net.loss(X, y)
        return loss, np.concatenate([grads[k].ravel() for k in ("W1", "b1", "W2", "b2")])

    return fun, 0.7 * rng.standard_normal(D * H + H + H * C + C)
