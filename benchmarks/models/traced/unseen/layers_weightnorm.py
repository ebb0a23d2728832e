"""Layer classes: weight-normalised Linear, GroupNorm, PReLU and a residual block, Huber loss."""
import numpy as np

STYLE = "home-made framework: Layer.forward / Layer.backward, Sequential, parameters() and grads()"

class Layer:
    def __init__(self):
        self.p = {}
        self.g = {}
    def zero_grad(self):
        for k in self.p:
            self.g[k] = np.zeros_like(self.p[k])
    def leaves(self):
        return [(self, k) for k in self.p]

class WeightNormLinear(Layer):
    """y = x W' + b with W = s * V / ||V|| per output unit"""
    def __init__(self, n_in, n_out):
        super().__init__()
        self.p = dict(V=np.zeros((n_out, n_in)), s=np.zeros(n_out), b=np.zeros(n_out))
    def forward(self, x):
        self.x = x
        V = self.p['V']
        self.norm = np.linalg.norm(V, axis=1, keepdims=True)
        self.dir = V / self.norm
        self.W = self.p['s'][:, None] * self.dir
        return x @ self.W.T + self.p['b']
    def backward(self, grad):
        dW = grad.T @ self.x
        radial = (dW * self.dir).sum(axis=1)
        self.g['s'] += radial
        self.g['V'] += self.p['s'][:, None] / self.norm * (dW - radial[:, None] * self.dir)
        self.g['b'] += grad.sum(axis=0)
        return grad @ self.W

class PReLU(Layer):
    def __init__(self, n):
        super().__init__()
        self.p = dict(a=np.zeros(n))
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + self.p['a'] * np.minimum(x, 0)
    def backward(self, grad):
        self.g['a'] += (grad * np.minimum(self.x, 0)).sum(axis=0)
        return grad * np.where(self.x > 0, 1.0, self.p['a'])

class GroupNorm(Layer):
    def __init__(self, groups, n, eps=1e-2):
        super().__init__()
        self.groups, self.eps = groups, eps
        self.p = dict(gamma=np.zeros(n), beta=np.zeros(n))
    def forward(self, x):
        N, C = x.shape
        xg = x.reshape(N, self.groups, C // self.groups)
        mu = xg.mean(axis=2, keepdims=True)
        self.inv = 1.0 / np.sqrt(((xg - mu) ** 2).mean(axis=2, keepdims=True) + self.eps)
        self.xhat = (xg - mu) * self.inv
        self.flat = self.xhat.reshape(N, C)
        return self.p['gamma'] * self.flat + self.p['beta']
    def backward(self, grad):
        N, C = grad.shape
        self.g['gamma'] += (grad * self.flat).sum(axis=0)
        self.g['beta'] += grad.sum(axis=0)
        d = (grad * self.p['gamma']).reshape(self.xhat.shape)
        m = d.shape[2]
        s1 = d.sum(axis=2, keepdims=True)
        s2 = (d * self.xhat).sum(axis=2, keepdims=True)
        dx = self.inv / m * (m * d - s1 - self.xhat * s2)
        return dx.reshape(N, C)

class Sequential(Layer):
    def __init__(self, *layers):
        super().__init__()
        self.layers = layers
    def zero_grad(self):
        for l in self.layers:
            l.zero_grad()
    def leaves(self):
        return [pair for l in self.layers for pair in l.leaves()]
    def forward(self, x):
        for l in self.layers:
            x = l.forward(x)
        return x
    def backward(self, grad):
        for l in reversed(self.layers):
            grad = l.backward(grad)
        return grad

class Residual(Sequential):
    def forward(self, x):
        return x + super().forward(x)
    def backward(self, grad):
        return grad + super().backward(grad)

def huber(pred, target, delta):
    e = pred - target
    small = np.abs(e) <= delta
    lin = delta * (np.abs(e) - 0.5 * delta)
    value = np.where(small, 0.5 * e ** 2, lin).mean()
    return value, np.clip(e, -delta, delta) / e.size

def make_problem(n_in=3, width=4, n_out=2, batch=6):
    width = max(width, 3)
    groups = 2 if width % 2 == 0 else 1
    model = Sequential(
        WeightNormLinear(n_in, width),
        Residual(GroupNorm(groups, width), PReLU(width), WeightNormLinear(width, width)),
        PReLU(width),
        WeightNormLinear(width, n_out))
    rng = np.random.default_rng(n_in + width)
    x = rng.standard_normal((batch, n_in))
    y = 1.5 * rng.standard_normal((batch, n_out))
    start = []
    for layer, k in model.leaves():
        base = {'s': 1.0, 'gamma': 1.0, 'a': 0.2}.get(k, 0.0)
        spread = 1.0 if k == 'V' else 0.1
        start.append(base + spread * rng.standard_normal(layer.p[k].size))

    def fun(theta):
        at = 0
        for layer, k in model.leaves():
            size = layer.p[k].size
            layer.p[k] = theta[at:at + size].reshape(layer.p[k].shape)
            at += size
        model.zero_grad()
        cost, dpred = huber(model.forward(x), y, 0.8)
        model.backward(dpred)
        return cost, np.concatenate([layer.g[k].ravel() for layer, k in model.leaves()])

    return fun, np.concatenate(start)
