"""From-scratch layers where every array carries its gradient as .g (fast.ai foundations)."""

import numpy as np

STYLE = "fast.ai, __call__ modules, x.g attributes"


class T:
    def __init__(self, v):
        self.v, self.g = v, None


class Module:
    def __call__(self, *args):
        self.args = args
        self.out = self.forward(*args)
        return self.out

    def backward(self):
        self.bwd(self.out, *self.args)


class Lin(Module):
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, inp):
        return T(inp.v @ self.w.v + self.b.v)

    def bwd(self, out, inp):
        inp.g = out.g @ self.w.v.T
        self.w.g = (inp.v[:, :, None] * out.g[:, None, :]).sum(0)
        self.b.g = out.g.sum(0)


class Swish(Module):
    def forward(self, inp):
        self.s = 1 / (1 + np.exp(-inp.v))
        return T(inp.v * self.s)

    def bwd(self, out, inp):
        inp.g = out.g * (self.s + inp.v * self.s * (1 - self.s))


class Norm(Module):
    """Standardise the whole batch by one mean and one deviation."""

    def forward(self, inp):
        self.m = inp.v.mean()
        self.sd = np.sqrt(((inp.v - self.m) ** 2).mean())
        return T((inp.v - self.m) / self.sd)

    def bwd(self, out, inp):
        inner = out.g - out.g.mean() - out.v * (out.g * out.v).mean()
        inp.g = inner / self.sd


class Mse(Module):
    def forward(self, inp, targ):
        return T(((inp.v - targ.v) ** 2).mean())

    def bwd(self, out, inp, targ):
        inp.g = 2.0 * (inp.v - targ.v) / inp.v.size


class Model:
    def __init__(self, w1, b1, w2, b2):
        self.layers = [Lin(w1, b1), Swish(), Norm(), Lin(w2, b2)]
        self.loss = Mse()

    def __call__(self, x, targ):
        for l in self.layers:
            x = l(x)
        return self.loss(x, targ)

    def backward(self):
        self.loss.backward()
        for l in reversed(self.layers):
            l.backward()


def learner(params, xb, yb):
    tensors = [T(p) for p in params]
    model = Model(*tensors)
    loss = model(T(xb), T(yb))
    model.backward()
    return loss.v, tuple(t.g for t in tensors)


def make_problem(bs=5, nin=4, nh=6, nout=3):
    rng = np.random.default_rng([bs, nin, nh, nout])
    params = (
        rng.standard_normal((nin, nh)) / np.sqrt(nin),
        rng.standard_normal(nh) / 3,
        rng.standard_normal((nh, nout)) / np.sqrt(nh),
        rng.standard_normal(nout) / 3,
    )
    return learner, params, (rng.standard_normal((bs, nin)), rng.standard_normal((bs, nout)))
