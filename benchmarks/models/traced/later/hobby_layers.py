"""Home-made framework: Linear, RMSNorm and PReLU layers in a Sequential, Huber loss."""
import numpy as np

STYLE = "hobby framework, Layer classes with params/grads dicts"


class Layer:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class Linear(Layer):
    def __init__(self, n_in, n_out, rng):
        super().__init__()
        self.params["w"] = rng.normal(scale=1 / np.sqrt(n_in), size=(n_in, n_out))
        self.params["b"] = rng.normal(scale=0.1, size=n_out)

    def forward(self, x):
        self.inputs = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, grad):
        self.grads["w"] = self.inputs.T @ grad
        self.grads["b"] = np.sum(grad, axis=0)
        return grad @ self.params["w"].T


class RMSNorm(Layer):
    def __init__(self, dim, rng, eps=1e-3):
        super().__init__()
        self.eps = eps
        self.params["gain"] = 1 + 0.2 * rng.normal(size=dim)

    def forward(self, x):
        self.x = x
        self.rms = np.sqrt(np.mean(x ** 2, axis=-1, keepdims=True) + self.eps)
        self.xhat = x / self.rms
        return self.xhat * self.params["gain"]

    def backward(self, grad):
        self.grads["gain"] = (grad * self.xhat).sum(axis=0)
        dxhat = grad * self.params["gain"]
        along = np.mean(dxhat * self.xhat, axis=-1, keepdims=True)
        return (dxhat - self.xhat * along) / self.rms


class PReLU(Layer):
    def __init__(self, dim):
        super().__init__()
        self.params["alpha"] = np.full(dim, 0.25)

    def forward(self, x):
        self.x = x
        self.neg = x < 0
        return np.where(self.neg, self.params["alpha"] * x, x)

    def backward(self, grad):
        self.grads["alpha"] = np.sum(grad * self.x * self.neg, axis=0)
        slope = np.where(self.neg, self.params["alpha"], 1.0)
        return grad * slope


class Sequential(Layer):
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def parameters(self):
        return [(l, k) for l in self.layers for k in l.params]


class HuberLoss:
    def __init__(self, delta=0.6):
        self.delta = delta

    def forward(self, pred, target):
        self.diff = pred - target
        a = np.abs(self.diff)
        quad = np.minimum(a, self.delta)
        return np.mean(0.5 * quad ** 2 + self.delta * (a - quad))

    def backward(self):
        g = np.clip(self.diff, -self.delta, self.delta)
        return g / self.diff.size


def make_problem(n_in=3, n_hidden=5, n_out=2, batch=6):
    rng = np.random.default_rng(7)
    net = Sequential(Linear(n_in, n_hidden, rng), RMSNorm(n_hidden, rng), PReLU(n_hidden),
                     Linear(n_hidden, n_out, rng))
    loss = HuberLoss()
    x = rng.normal(size=(batch, n_in))
    y = 1.5 * rng.normal(size=(batch, n_out))

    def fun(theta):
        i = 0
        for layer, k in net.parameters():
            p = layer.params[k]
            layer.params[k] = theta[i:i + p.size].reshape(p.shape)
            i += p.size
        value = loss.forward(net.forward(x), y)
        net.backward(loss.backward())
        return value, np.concatenate([layer.grads[k].ravel() for layer, k in net.parameters()])

    return fun, np.concatenate([layer.params[k].ravel() for layer, k in net.parameters()])
