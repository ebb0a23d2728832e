"""PReLU / ELU / SELU net on a home-made autograd with torch-like Function classes and ctx."""
import numpy as np

STYLE = "own Tensor class, Function.apply with ctx, topological backward"


class Tensor:
    def __init__(self, data, parents=(), fn=None, ctx=None):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents, self.fn, self.ctx = parents, fn, ctx

    def backward(self):
        order, seen = [], set()

        def visit(t):
            if id(t) in seen:
                return
            seen.add(id(t))
            for p in t.parents:
                visit(p)
            order.append(t)

        visit(self)
        self.grad = np.ones_like(self.data)
        for t in reversed(order):
            if t.fn is None:
                continue
            for parent, g in zip(t.parents, t.fn.backward(t.ctx, t.grad)):
                parent.grad = parent.grad + unbroadcast(g, parent.data.shape)

    __matmul__ = lambda self, other: MatMul.apply(self, other)
    __add__ = lambda self, other: Add.apply(self, other)


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


class Function:
    @classmethod
    def apply(cls, *tensors, **options):
        ctx = {}
        out = cls.forward(ctx, *[t.data for t in tensors], **options)
        return Tensor(out, tensors, cls, ctx)


class MatMul(Function):
    def forward(ctx, a, b):
        ctx['a'], ctx['b'] = a, b
        return a @ b

    def backward(ctx, grad):
        return grad @ ctx['b'].T, ctx['a'].T @ grad


class Add(Function):
    def forward(ctx, a, b):
        return a + b

    def backward(ctx, grad):
        return grad, grad


class PReLU(Function):
    def forward(ctx, x, slope):
        ctx['x'], ctx['slope'] = x, slope
        return np.where(x > 0, x, slope * x)

    def backward(ctx, grad):
        x = ctx['x']
        dx = grad * np.where(x > 0, 1.0, ctx['slope'])
        dslope = grad * np.minimum(x, 0)
        return dx, dslope


class ELU(Function):
    def forward(ctx, x, alpha=0.8, scale=1.0):
        ctx['out'] = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
        ctx['neg'], ctx['alpha'], ctx['scale'] = x <= 0, alpha, scale
        return scale * ctx['out']

    def backward(ctx, grad):
        local = np.where(ctx['neg'], ctx['out'] + ctx['alpha'], 1.0)
        return (grad * ctx['scale'] * local,)


def selu(t):
    return ELU.apply(t, alpha=1.6732632423543772, scale=1.0507009873554805)


class LogCosh(Function):
    def forward(ctx, pred, target):
        d = pred - target
        ctx['d'] = d
        return np.mean(np.logaddexp(d, -d) - np.log(2))

    def backward(ctx, grad):
        g = grad * np.tanh(ctx['d']) / ctx['d'].size
        return g, -g


def network(params, x):
    W1, b1, slope, W2, b2, W3 = params
    h = PReLU.apply(x @ W1 + b1, slope)
    h = ELU.apply(h @ W2 + b2) + h
    return selu(h @ W3)


def make_problem(n_in=3, width=4, n_out=2, batch=6):
    rng = np.random.default_rng(31)
    X, Y = rng.normal(size=(batch, n_in)), rng.normal(size=(batch, n_out))
    init = (rng.normal(size=(n_in, width)), 0.2 * rng.normal(size=width),
            0.25 + 0.1 * rng.random((1, width)), 0.7 * rng.normal(size=(width, width)),
            0.2 * rng.normal(size=width), 0.7 * rng.normal(size=(width, n_out)))

    def fun(arrays):
        params = [Tensor(a) for a in arrays]
        loss = LogCosh.apply(network(params, Tensor(X)), Tensor(Y))
        loss.backward()
        return float(loss.data), tuple(p.grad for p in params)

    return fun, init
