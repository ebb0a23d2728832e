"""Residual MLP with group normalisation and GELU, written as a little module framework."""
import math
import numpy as np

STYLE = "hobby framework, Module.forward/backward, net packs the gradient"


class Parameter:
    def __init__(self, data):
        self.data = np.array(data, dtype=float)
        self.zero_grad()

    def zero_grad(self):
        self.grad = np.zeros_like(self.data)


class Module:
    def parameters(self):
        for value in self.__dict__.values():
            if isinstance(value, Parameter):
                yield value
            elif isinstance(value, Module):
                yield from value.parameters()
            elif isinstance(value, list):
                for item in value:
                    yield from item.parameters()


class Linear(Module):
    def __init__(self, fan_in, fan_out, rng):
        self.weight = Parameter(rng.normal(0, 1 / math.sqrt(fan_in), (fan_out, fan_in)))
        self.bias = Parameter(rng.normal(0, 0.1, fan_out))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T + self.bias.data

    def backward(self, grad):
        self.weight.grad += grad.T @ self.x
        self.bias.grad += grad.sum(axis=0)
        return grad @ self.weight.data


class GELU(Module):
    K = math.sqrt(2 / math.pi)

    def forward(self, x):
        self.x = x
        self.t = np.tanh(self.K * (x + 0.044715 * x ** 3))
        return 0.5 * x * (1 + self.t)

    def backward(self, grad):
        inner = self.K * (1 + 3 * 0.044715 * self.x ** 2)
        local = 0.5 * (1 + self.t) + 0.5 * self.x * (1 - self.t ** 2) * inner
        return grad * local


class GroupNorm(Module):
    def __init__(self, groups, width, rng, eps=1e-2):
        self.groups, self.eps = groups, eps
        self.gamma = Parameter(1 + 0.1 * rng.normal(size=width))
        self.beta = Parameter(0.1 * rng.normal(size=width))

    def forward(self, x):
        g = x.reshape(len(x), self.groups, -1)
        mu = g.mean(axis=2, keepdims=True)
        self.inv_std = 1 / np.sqrt(g.var(axis=2, keepdims=True) + self.eps)
        self.xhat = (g - mu) * self.inv_std
        return self.gamma.data * self.xhat.reshape(x.shape) + self.beta.data

    def backward(self, grad):
        self.gamma.grad += (grad * self.xhat.reshape(grad.shape)).sum(axis=0)
        self.beta.grad += grad.sum(axis=0)
        dxhat = (grad * self.gamma.data).reshape(self.xhat.shape)
        centred = dxhat - dxhat.mean(axis=2, keepdims=True)
        proj = self.xhat * (dxhat * self.xhat).mean(axis=2, keepdims=True)
        return ((centred - proj) * self.inv_std).reshape(grad.shape)


class ResidualBlock(Module):
    """x + scale * linear(gelu(norm(x)))"""

    def __init__(self, groups, width, rng):
        self.norm = GroupNorm(groups, width, rng)
        self.act = GELU()
        self.fc = Linear(width, width, rng)
        self.scale = Parameter(0.7)

    def forward(self, x):
        self.branch = self.fc.forward(self.act.forward(self.norm.forward(x)))
        return x + self.scale.data * self.branch

    def backward(self, grad):
        self.scale.grad += (grad * self.branch).sum()
        g = self.fc.backward(grad * self.scale.data)
        g = self.norm.backward(self.act.backward(g))
        return grad + g


class Net(Module):
    def __init__(self, n_in, groups, width, blocks, rng):
        self.layers = [Linear(n_in, width, rng)]
        self.layers += [ResidualBlock(groups, width, rng) for _ in range(blocks)]
        self.layers += [Linear(width, 1, rng)]

    def get_flat(self):
        return np.concatenate([p.data.ravel() for p in self.parameters()])

    def objective(self, flat, X, y):
        start = 0
        for p in self.parameters():
            p.data = flat[start:start + p.data.size].reshape(p.data.shape)
            p.zero_grad()
            start += p.data.size
        out = X
        for layer in self.layers:
            out = layer.forward(out)
        diff = out[:, 0] - y
        grad = (2 * diff / len(y))[:, None]
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return np.mean(diff ** 2), np.concatenate([p.grad.ravel() for p in self.parameters()])


def make_problem(n_in=2, groups=2, per_group=3, batch=5):
    rng = np.random.default_rng(42)
    net = Net(n_in, groups, groups * per_group, 1, rng)
    X = rng.normal(size=(batch, n_in))
    y = np.sin(X).sum(axis=1)
    return net.objective, net.get_flat(), (X, y)
