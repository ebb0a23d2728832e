"""Parameters kept in dictionaries, lists, named tuples and dataclasses, or in an object."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# (code as people write it: unannotated, and scipy.special has no stubs)

from __future__ import annotations

import itertools
from collections import namedtuple
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from benchmarks.models.case import Case

# ---------------------------------------------------------------- dict: matrix factorisation


def recommender(params, rows, cols, ratings, reg=0.02):
    U, V, bu, bv = params["U"], params["V"], params["bu"], params["bv"]
    mean = ratings.mean()
    err = ratings - (np.einsum("ij,ij->i", U[rows], V[cols]) + bu[rows] + bv[cols] + mean)
    loss = 0.5 * np.sum(err**2) + 0.5 * reg * (np.sum(U**2) + np.sum(V**2))
    dU, dV = reg * U, reg * V
    np.subtract.at(dU, rows, err[:, None] * V[cols])
    np.subtract.at(dV, cols, err[:, None] * U[rows])
    dbu = -np.bincount(rows, weights=err, minlength=len(bu))
    dbv = -np.bincount(cols, weights=err, minlength=len(bv))
    return loss, {"U": dU, "V": dV, "bu": dbu, "bv": dbv}


def factorisation(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    users, items, k, m = 15, 12, 3, 80
    return Case(
        name="matrix factorisation in a dict",
        fun=recommender,
        x0={
            "U": 0.3 * rng.standard_normal((users, k)),
            "V": 0.3 * rng.standard_normal((items, k)),
            "bu": np.zeros(users),
            "bv": np.zeros(items),
        },
        args=(rng.integers(0, users, m), rng.integers(0, items, m), rng.uniform(1, 5, m)),
        shapes={"U": (users, k), "V": (items, k), "bu": (users,), "bv": (items,)},
        penalty=0.02,
        penalized=("U", "V"),
    )


# ---------------------------------------------------------------- list of layers


def mlp_list(layers, x, y):
    hs = [x]
    for i, (W, b) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
        z = hs[-1] @ W + b
        hs.append(z if i == len(layers) // 2 - 1 else np.logaddexp(0, z))
    delta = (hs[-1] - y) / len(x)
    grads = []
    for i in range(len(layers) // 2 - 1, -1, -1):
        if i < len(layers) // 2 - 1:
            delta = delta * (1 - np.exp(-hs[i + 1]))
        grads = [hs[i].T @ delta, delta.sum(axis=0), *grads]
        delta = delta @ layers[2 * i].T
    return 0.5 * ((hs[-1] - y) ** 2).sum() / len(x), grads


def softplus_layers(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    sizes = (4, 6, 6, 2)
    x0, shapes = [], {}
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        x0 += [rng.standard_normal((a, b)) / np.sqrt(a), np.zeros(b)]
        shapes |= {f"[{2 * i}]": (a, b), f"[{2 * i + 1}]": (b,)}
    return Case(
        name="softplus layers in a list",
        fun=mlp_list,
        x0=x0,
        args=(rng.standard_normal((20, 4)), rng.standard_normal((20, 2))),
        shapes=shapes,
    )


# ---------------------------------------------------------------- named tuple: mixture


Mixture = namedtuple("Mixture", "logits means log_scales")


def mixture_nll(p, data):
    logw = p.logits - logsumexp(p.logits)
    z = (data[:, None, :] - p.means) / np.exp(p.log_scales)
    logp = logw + (-0.5 * z**2 - p.log_scales - 0.5 * np.log(2 * np.pi)).sum(-1)
    return -logsumexp(logp, axis=1).sum()


def mixture_grad(p, data):
    logw = p.logits - logsumexp(p.logits)
    z = (data[:, None, :] - p.means) / np.exp(p.log_scales)
    logp = logw + (-0.5 * z**2 - p.log_scales - 0.5 * np.log(2 * np.pi)).sum(-1)
    r = np.exp(logp - logsumexp(logp, axis=1, keepdims=True))
    return Mixture(
        logits=-(r.sum(0) - len(data) * np.exp(logw)),
        means=-(r[:, :, None] * z / np.exp(p.log_scales)).sum(0),
        log_scales=-(r[:, :, None] * (z**2 - 1)).sum(0),
    )


def mixture(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((60, 2)) + rng.choice([-2, 2], (60, 1))
    return Case(
        name="Gaussian mixture in a named tuple",
        fun=mixture_nll,
        jac=mixture_grad,
        x0=Mixture(np.zeros(3), rng.standard_normal((3, 2)), np.zeros((3, 2))),
        args=(data,),
        shapes={"logits": (3,), "means": (3, 2), "log_scales": (3, 2)},
    )


# ---------------------------------------------------------------- dataclass: ordinal


@dataclass
class Probit:
    """Weights and an intercept."""

    w: NDArray[np.float64]
    b: NDArray[np.float64]


def cloglog(p: Probit, X, y):
    eta = X @ p.w + p.b
    surv = np.exp(-np.exp(eta))
    loss = -np.sum(y * np.log1p(-surv) - (1 - y) * np.exp(eta))
    d = -(y * surv * np.exp(eta) / (1 - surv) - (1 - y) * np.exp(eta))
    return loss, Probit(w=X.T @ d, b=np.array(d.sum()))


def complementary(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((50, 4))
    return Case(
        name="complementary log-log in a dataclass",
        fun=cloglog,
        x0=Probit(w=0.1 * rng.standard_normal(4), b=np.array(-0.2)),
        args=(X, (rng.random(50) < 0.4).astype(float)),
        shapes={"w": (4,), "b": (1,)},
    )


# ---------------------------------------------------------------- objects with caches


class Linear:
    """A layer that keeps what its backward pass needs."""

    def __init__(self, rng, n_in, n_out):
        self.W = rng.standard_normal((n_in, n_out)) * np.sqrt(1 / n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        """Remember the input."""
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        """Fill the gradients."""
        self.dW = self.x.T @ dout
        self.db = dout.sum(0)
        return dout @ self.W.T


class Tanh:
    """An activation that keeps its output."""

    def forward(self, x):
        """Remember the output."""
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        """Multiply by the slope."""
        return dout * (1 - self.out**2)


class Net:
    """Layers in a row; the objective sets all parameters from one flat vector."""

    def __init__(self, rng, sizes, X, y, decay):
        self.X, self.y, self.decay = X, y, decay
        self.layers = []
        for a, b in itertools.pairwise(sizes):
            self.layers += [Linear(rng, a, b), Tanh()]
        self.layers.pop()

    def get_params(self):
        """Return all parameters in one vector."""
        linear = [layer for layer in self.layers if isinstance(layer, Linear)]
        return np.concatenate([a.ravel() for layer in linear for a in (layer.W, layer.b)])

    def set_params(self, theta):
        """Write a vector into the layers."""
        i = 0
        for layer in self.layers:
            if isinstance(layer, Linear):
                for name in ("W", "b"):
                    a = getattr(layer, name)
                    setattr(layer, name, theta[i : i + a.size].reshape(a.shape))
                    i += a.size

    def objective(self, theta):
        """Return cost and gradient."""
        self.set_params(theta)
        out = self.X
        for layer in self.layers:
            out = layer.forward(out)
        diff = out - self.y
        cost = 0.5 * np.mean(np.sum(diff**2, axis=1)) + 0.5 * self.decay * (theta @ theta)
        grad = diff / len(self.X)
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        parts = [
            part.ravel()
            for layer in self.layers
            if isinstance(layer, Linear)
            for part in (layer.dW, layer.db)
        ]
        return cost, np.concatenate(parts) + self.decay * theta


def layers_with_caches(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    net = Net(rng, (5, 8, 3), rng.standard_normal((30, 5)), rng.standard_normal((30, 3)), 1e-3)
    return Case(
        name="objects with forward and backward",
        fun=net.objective,
        x0=net.get_params(),
        shapes={"W1": (5, 8), "b1": (8,), "W2": (8, 3), "b2": (3,)},
        penalty=1e-3,
        penalized=("W1", "b1", "W2", "b2"),
    )


class Memo:
    """Remember the last point, so that cost and gradient share the work."""

    def __init__(self, A, y):
        self.A, self.y = A, y
        self.last = None

    def _update(self, x):
        if self.last is None or not np.array_equal(x, self.last):
            self.last = np.array(x, copy=True)
            self.res = np.sinh(self.A @ x) - self.y
            self.slope = np.cosh(self.A @ x)

    def cost(self, x):
        """Return half the sum of squares."""
        self._update(x)
        return 0.5 * self.res @ self.res

    def gradient(self, x):
        """Return its gradient."""
        self._update(x)
        return self.A.T @ (self.res * self.slope)


def shared_work(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    memo = Memo(0.3 * rng.standard_normal((25, 7)), rng.standard_normal(25))
    return Case(
        name="cost and gradient sharing a cache",
        fun=memo.cost,
        jac=memo.gradient,
        x0=0.3 * rng.standard_normal(7),
        shapes={"x": (7,)},
    )


class Quadruple(NamedTuple):
    """Tensor factors."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    c: NDArray[np.float64]


def parafac(f, T):
    R = np.einsum("ir,jr,kr->ijk", f.a, f.b, f.c) - T
    return 0.5 * np.sum(R * R), Quadruple(
        np.einsum("ijk,jr,kr->ir", R, f.b, f.c),
        np.einsum("ijk,ir,kr->jr", R, f.a, f.c),
        np.einsum("ijk,ir,jr->kr", R, f.a, f.b),
    )


def tensor(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x0 = Quadruple(*(rng.standard_normal((4, 3)) for _ in range(3)))
    return Case(
        name="tensor factors of equal size",
        fun=parafac,
        x0=x0,
        args=(rng.standard_normal((4, 4, 4)),),
        shapes={"a": (4, 3), "b": (4, 3), "c": (4, 3)},
    )


ALL = (
    factorisation,
    softplus_layers,
    mixture,
    complementary,
    layers_with_caches,
    shared_work,
    tensor,
)
