"""Faults planted in right gradients: changes of what is returned, and edits of the source."""

from __future__ import annotations

import inspect
import itertools
import linecache
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.models import containers, engineering, likelihoods, networks
from benchmarks.models.case import Case, Vector, change_gradient, flatten, rebuild

Rng = np.random.Generator
Plant = Callable[[Case, Rng], Case | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """A kind of mistake and how to plant it; `plant` returns None where it does not apply.

    `wiring` says that it shows in what calls do, not in the numbers of single blocks.
    """

    kind: str
    plant: Plant
    wiring: bool = False


_FAULTS: list[Fault] = []


def _kind(name: str, *, wiring: bool = False) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        _FAULTS.append(Fault(kind=name, plant=plant, wiring=wiring))
        return plant

    return register


def _gradient(case: Case) -> Vector:
    return case.flat_gradient(flatten(case.x0))


# ---------------------------------------------------------------- single entries


def _entry(case: Case, rng: Rng, factor: float, name: str) -> Case | None:
    candidates = np.flatnonzero(_gradient(case))
    if candidates.size == 0:
        return None
    index = int(rng.choice(candidates))

    def change(g: Vector, _theta: Vector) -> Vector:
        g[index] *= factor
        return g

    return change_gradient(case, change, name)


@_kind("one entry x (1 + 1e-3)")
def _(case: Case, rng: Rng) -> Case | None:
    return _entry(case, rng, 1.001, "entry x 1.001")


@_kind("one entry x 2")
def _(case: Case, rng: Rng) -> Case | None:
    return _entry(case, rng, 2.0, "entry x 2")


@_kind("sign of one entry")
def _(case: Case, rng: Rng) -> Case | None:
    return _entry(case, rng, -1.0, "entry sign")


@_kind("one entry zero")
def _(case: Case, rng: Rng) -> Case | None:
    return _entry(case, rng, 0.0, "entry zero")


@_kind("last entry of a block zero (loop ends early)")
def _(case: Case, rng: Rng) -> Case | None:
    spans = [s for s in case.spans().values() if s.stop - s.start > 1]
    if not spans:
        return None
    last = spans[rng.integers(len(spans))].stop - 1

    def change(g: Vector, _theta: Vector) -> Vector:
        g[last] = 0.0
        return g

    return change_gradient(case, change, "last entry zero")


@_kind("1 % error in a twentieth of the entries")
def _(case: Case, rng: Rng) -> Case | None:
    size = flatten(case.x0).size
    if size < 20:
        return None
    hit = rng.choice(size, max(1, size // 20), replace=False)

    def change(g: Vector, _theta: Vector) -> Vector:
        g[hit] *= 1.01
        return g

    return change_gradient(case, change, "some entries 1 % off")


# ---------------------------------------------------------------- factors


def _block_factor(factor: float, name: str) -> Plant:
    def plant(case: Case, rng: Rng) -> Case | None:
        gradient = _gradient(case)
        spans = [s for s in case.spans().values() if gradient[s].any()]
        if not spans:
            return None
        span = spans[rng.integers(len(spans))]

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] *= factor
            return g

        return change_gradient(case, change, name)

    return plant


def _whole_factor(factor: float, name: str) -> Plant:
    def plant(case: Case, _rng: Rng) -> Case:
        return change_gradient(case, lambda g, _theta: factor * g, name)

    return plant


_kind("block: mean for sum (1/37)")(_block_factor(1 / 37, "block / 37"))
_kind("block: sum for mean (37)")(_block_factor(37.0, "block x 37"))
_kind("block: 1/2")(_block_factor(0.5, "block / 2"))
_kind("block: sign")(_block_factor(-1.0, "block sign"))
_kind("block: zero")(_block_factor(0.0, "block zero"))
_kind("block: 1.000002")(_block_factor(1.000002, "block x 1.000002"))
_kind("all x 2")(_whole_factor(2.0, "x 2"))
_kind("all x 1.000001")(_whole_factor(1.000001, "x 1.000001"))
_kind("all signs")(_whole_factor(-1.0, "signs"))
_kind("all x 180/pi")(_whole_factor(180 / np.pi, "degrees"))


@_kind("normalised gradient")
def _(case: Case, _rng: Rng) -> Case:
    return change_gradient(
        case, lambda g, _theta: g / (np.linalg.norm(g) or 1.0) * 1.7, "normalised"
    )


# ---------------------------------------------------------------- penalties


def _penalty(case: Case, rng: Rng, by: float, name: str) -> Case | None:
    if not case.penalty:
        return None
    span = case.spans()[case.penalized[rng.integers(len(case.penalized))]]

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] += by * case.penalty * theta[span]
        return g

    return change_gradient(case, change, name)


@_kind("penalty missing")
def _(case: Case, rng: Rng) -> Case | None:
    return _penalty(case, rng, -1.0, "no penalty")


@_kind("penalty doubled")
def _(case: Case, rng: Rng) -> Case | None:
    return _penalty(case, rng, 1.0, "double penalty")


@_kind("penalty 1e-4 on a free block")
def _(case: Case, rng: Rng) -> Case | None:
    free = [name for name in case.blocks if name not in case.penalized]
    if not free or "units" in case.name:
        return None
    span = case.spans()[free[rng.integers(len(free))]]

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] += 1e-4 * theta[span]
        return g

    return change_gradient(case, change, "extra penalty")


# ---------------------------------------------------------------- order


def _matrix(case: Case, rng: Rng) -> tuple[slice, tuple[int, ...]] | None:
    found = [
        (span, shape)
        for span, shape in zip(case.spans().values(), case.blocks.values(), strict=True)
        if len(shape) == 2 and min(shape) > 1
    ]
    return found[rng.integers(len(found))] if found else None


def _reordered(case: Case, rng: Rng, order: Callable[[Any], Any], name: str) -> Case | None:
    found = _matrix(case, rng)
    if found is None:
        return None
    span, shape = found

    def change(g: Vector, _theta: Vector) -> Vector:
        g[span] = order(g[span].reshape(shape)).ravel()
        return g

    return change_gradient(case, change, name)


@_kind("block transposed")
def _(case: Case, rng: Rng) -> Case | None:
    return _reordered(case, rng, lambda G: G.T, "transposed")


@_kind("block in Fortran order")
def _(case: Case, rng: Rng) -> Case | None:
    return _reordered(case, rng, lambda G: G.reshape(G.shape[::-1]).T, "C/F")


@_kind("one row zero")
def _(case: Case, rng: Rng) -> Case | None:
    return _reordered(case, rng, lambda G: G * (np.arange(len(G)) != 1)[:, None], "row zero")


@_kind("one column x 1.01")
def _(case: Case, rng: Rng) -> Case | None:
    return _reordered(case, rng, lambda G: G * np.where(np.arange(G.shape[1]) == 1, 1.01, 1), "col")


def _swapped(case: Case, rng: Rng, second_too: bool) -> Case | None:
    spans = list(case.spans().values())
    pairs = [
        (a, b) for a, b in itertools.combinations(spans, 2) if a.stop - a.start == b.stop - b.start
    ]
    if not pairs:
        return None
    a, b = pairs[rng.integers(len(pairs))]

    def change(g: Vector, _theta: Vector) -> Vector:
        first = g[a].copy()
        g[a] = g[b]
        if second_too:
            g[b] = first
        return g

    return change_gradient(case, change, "swapped" if second_too else "copied")


@_kind("blocks of equal size swapped")
def _(case: Case, rng: Rng) -> Case | None:
    return _swapped(case, rng, True)


@_kind("block holds another's gradient")
def _(case: Case, rng: Rng) -> Case | None:
    return _swapped(case, rng, False)


@_kind("blocks packed in another order")
def _(case: Case, _rng: Rng) -> Case | None:
    spans = list(case.spans().values())
    if len(spans) < 2:
        return None
    return change_gradient(
        case, lambda g, _theta: np.concatenate([g[s] for s in reversed(spans)]), "packed otherwise"
    )


def _within(name: str, order: Callable[[Vector], Vector]) -> Plant:
    def plant(case: Case, rng: Rng) -> Case | None:
        spans = [s for s in case.spans().values() if s.stop - s.start > 1]
        if not spans:
            return None
        span = spans[rng.integers(len(spans))]

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] = order(g[span])
            return g

        return change_gradient(case, change, name)

    return plant


_kind("block reversed")(_within("reversed", lambda g: g[::-1].copy()))
_kind("block rolled by one")(_within("rolled", lambda g: np.roll(g, 1)))
_kind("mean of the block subtracted")(_within("centred", lambda g: g - g.mean()))
_kind("absolute values")(_within("abs", np.abs))


# ---------------------------------------------------------------- dependence on theta


@_kind("derivative by log theta (x theta)")
def _(case: Case, rng: Rng) -> Case | None:
    spans = list(case.spans().values())
    span = spans[rng.integers(len(spans))]

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] *= theta[span]
        return g

    return change_gradient(case, change, "x theta")


@_kind("wrong only where theta is larger than at x0")
def _(case: Case, _rng: Rng) -> Case:
    limit = 1.1 * float(np.abs(flatten(case.x0)).max()) + 1e-9

    def change(g: Vector, theta: Vector) -> Vector:
        return np.where(theta > limit, 1.5 * g, g)

    return change_gradient(case, change, "wrong beyond x0")


@_kind("wrong branch for negative theta")
def _(case: Case, _rng: Rng) -> Case:
    return change_gradient(case, lambda g, theta: np.where(theta < 0, -g, g), "negative branch")


@_kind("frozen at x0", wiring=True)
def _(case: Case, _rng: Rng) -> Case:
    fixed = _gradient(case)
    return change_gradient(case, lambda _g, _theta: fixed.copy(), "frozen")


@_kind("gradient of the point before", wiring=True)
def _(case: Case, _rng: Rng) -> Case:
    before: list[Vector] = []

    def change(g: Vector, _theta: Vector) -> Vector:
        before.append(g.copy())
        return before[-2 if len(before) > 1 else -1]

    return change_gradient(case, change, "stale")


@_kind("accumulating buffer", wiring=True)
def _(case: Case, _rng: Rng) -> Case:
    total = np.zeros(flatten(case.x0).size)

    def change(g: Vector, _theta: Vector) -> Vector:
        total[:] += g
        return total.copy()

    return change_gradient(case, change, "accumulated")


@_kind("moving average of gradients", wiring=True)
def _(case: Case, _rng: Rng) -> Case:
    state: list[Vector] = []

    def change(g: Vector, _theta: Vector) -> Vector:
        state[:] = [0.9 * state[0] + 0.1 * g] if state else [g]
        return state[0].copy()

    return change_gradient(case, change, "momentum")


@_kind("cost and gradient ignore the argument", wiring=True)
def _(case: Case, _rng: Rng) -> Case:
    theta = case.x0
    title = f"{case.name}: ignored"
    if case.jac is True:
        return case.replace(name=title, fun=lambda _x, *args: case.fun(theta, *args))
    return case.replace(
        name=title,
        fun=lambda _x, *args: case.fun(theta, *args),
        jac=lambda _x, *args: case.jac(theta, *args),
    )


@_kind("gradient of other data")
def _(case: Case, rng: Rng) -> Case | None:
    other, changed = [], False
    for arg in case.args:
        if isinstance(arg, np.ndarray) and arg.dtype.kind == "f" and arg.size > 1 and not changed:
            arg, changed = arg + 0.02 * np.std(arg) * rng.standard_normal(arg.shape), True
        other.append(arg)
    if not changed or "barrier" in case.name:
        return None
    wrong = case.replace(args=tuple(other))
    return change_gradient(case, lambda _g, theta: wrong.flat_gradient(theta), "other data")


# ---------------------------------------------------------------- arithmetic


@_kind("gradient in float16")
def _(case: Case, _rng: Rng) -> Case:
    def change(g: Vector, _theta: Vector) -> Vector:
        with np.errstate(over="ignore"):
            return g.astype(np.float16).astype(float)

    return change_gradient(case, change, "float16")


@_kind("gradient cut to integers")
def _(case: Case, _rng: Rng) -> Case:
    return change_gradient(case, lambda g, _theta: np.trunc(g), "integers")


@_kind("gradient rounded to 4 decimals")
def _(case: Case, _rng: Rng) -> Case:
    return change_gradient(case, lambda g, _theta: np.round(g, 4), "4 decimals")


@_kind("gradient clipped")
def _(case: Case, _rng: Rng) -> Case | None:
    g0 = np.abs(_gradient(case))
    if g0.size < 2 or not g0.any():
        return None
    limit = float(np.quantile(g0, 0.8))
    return change_gradient(case, lambda g, _theta: np.clip(g, -limit, limit), "clipped")


@_kind("forward differences for the gradient, step 1e-4")
def _(case: Case, _rng: Rng) -> Case | None:
    size = flatten(case.x0).size
    if size > 40 or "units" in case.name or "barrier" in case.name or "edge" in case.name:
        return None

    def change(_g: Vector, theta: Vector) -> Vector:
        f0 = case.flat_cost(theta)
        steps = 1e-4 * np.eye(size)
        return np.array([(case.flat_cost(theta + d) - f0) / 1e-4 for d in steps])

    return change_gradient(case, change, "differences")


# ---------------------------------------------------------------- edits of the source

_serial = itertools.count()


def edited(thing: Any, old: str, new: str) -> Any:
    """Return a copy of the module of a function or class with one piece of its source replaced."""
    module = sys.modules[thing.__module__]
    whole, part = inspect.getsource(module), inspect.getsource(thing)
    if part.count(old) != 1:
        raise ValueError(f"{old!r} occurs {part.count(old)} times in {thing.__name__}")
    source = whole.replace(part, part.replace(old, new))
    name = f"{module.__name__}_edited_{next(_serial)}"
    path = f"<{name}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    copy = types.ModuleType(name)
    copy.__file__ = path
    sys.modules[name] = copy  # dataclasses look their module up
    exec(compile(source, path, "exec"), vars(copy))
    return copy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edit:
    """A slip of the pen in one model.

    Attributes
    ----------
    kind : str
    make : callable
        Of a seed, returns the right case.
    thing : function or class
        In which the piece `old` of the source occurs once.
    old, new : str
    """

    kind: str
    make: Callable[..., Case]
    thing: Any
    old: str
    new: str

    def case(self, seed: int) -> Case:
        """Return the wrong case."""
        module = edited(self.thing, self.old, self.new)
        case = getattr(module, self.make.__name__)(seed)
        return case.replace(name=f"{case.name}: {' '.join(self.new.split())[:40]!r}")


def edits() -> Iterator[Edit]:
    """Return all edits."""
    n, e, c, k = networks, engineering, containers, likelihoods

    def of(make: Any, thing: Any, *slips: tuple[str, str, str]) -> Iterator[Edit]:
        for kind, old, new in slips:
            yield Edit(kind=kind, make=make, thing=thing, old=old, new=new)

    slope, term, chain = "activation's slope missing", "term dropped", "chain rule factor missing"
    number, sign, step = "wrong number", "wrong sign in the formula", "off by one in a loop"
    yield from of(
        n.softmax_regression,
        n.softmax_cost,
        (term, ".dot(data.T) / m + lam * W", ".dot(data.T) / m"),
        (number, "/ m + lam * W\n", "/ m + lam * W / m\n"),
        (
            "sum for mean",
            "b_grad = -np.sum(ground_truth - p, axis=1) / m",
            "b_grad = -np.sum(ground_truth - p, axis=1)",
        ),
        (sign, "b_grad = -np.sum", "b_grad = np.sum"),
    )
    yield from of(
        n.relu_network,
        n.relu_net,
        (slope, "dhidden[hidden <= 0] = 0", "pass"),
        (number, "dW2 += 2 * reg * W2", "dW2 += reg * W2"),
        (slope, "dhidden[hidden <= 0] = 0", "dhidden[dhidden <= 0] = 0"),
        ("sum for mean", "db1 = dhidden.sum(axis=0)", "db1 = dhidden.mean(axis=0)"),
    )
    yield from of(
        n.convolution,
        n.conv_net,
        (slope, "dz = (1 - a**2) * (", "dz = ("),
        (chain, "(err * v / (a.shape[1] * a.shape[2]))", "(err * v)"),
        (step, "patch = images[i, r : r + rows - 2, s", "patch = images[i, 2 - r : rows - r, s"),
        (step, "gk[f, r, s] += (patch", "gk[f, r, s] = (patch"),
    )
    yield from of(
        n.recurrent,
        n.lossFun,
        (term, "dh = Why.T @ dy + dhnext", "dh = Why.T @ dy"),
        (
            step,
            "for t in reversed(range(len(inputs))):",
            "for t in reversed(range(1, len(inputs))):",
        ),
        (slope, "dhnext = Whh.T @ dhraw", "dhnext = Whh.T @ dh"),
        (step, "dWhh += dhraw @ hs[t - 1].T", "dWhh += dhraw @ hs[t].T"),
        ("transposed factor", "dhnext = Whh.T @ dhraw", "dhnext = Whh @ dhraw"),
    )
    yield from of(
        n.batch_normalisation,
        n.batchnorm_net,
        (term, "(n * dzhat - dzhat.sum(0) - zhat", "(n * dzhat - zhat"),
        (term, " - zhat * (dzhat * zhat).sum(0))", ")"),
        (chain, "dzhat = da * gamma", "dzhat = da"),
        (slope, " / n * h * (1 - h)", " / n"),
    )
    yield from of(
        n.attention,
        n.attention_loss,
        (
            chain,
            "(dA - (dA * A).sum(1, keepdims=True)) / np.sqrt(d)",
            "(dA - (dA * A).sum(1, keepdims=True))",
        ),
        (term, "A * (dA - (dA * A).sum(1, keepdims=True))", "A * dA"),
        ("transposed factor", "dS.T @ Q", "dS @ Q"),
    )
    yield from of(
        k.negative_binomial,
        k.negative_binomial,
        (chain, "np.append(d_beta, -r * d_r.sum())", "np.append(d_beta, d_r.sum())"),
        (term, " + np.log(r / (r + mu)) + (mu - y) / (r + mu)\n", " + (mu - y) / (r + mu)\n"),
    )
    yield from of(
        k.gaussian_process,
        k.gp_nlml,
        (chain, "np.sum(W * K0 * D2) / ell**2", "np.sum(W * K0 * D2) / ell**3"),
        (number, "g[1] = np.sum(W * K0)", "g[1] = 0.5 * np.sum(W * K0)"),
        (term, " - np.outer(alpha, alpha)", ""),
    )
    yield from of(
        k.hmm,
        k.hmm,
        (step, "for t in range(T - 1):", "for t in range(T - 2):"),
        (term, "gpi = post[0] - np.exp(lpi)", "gpi = post[0]"),
        (step, "for t in range(T):\n", "for t in range(1, T):\n"),
    )
    yield from of(
        k.cox,
        k.cox_partial,
        (sign, "grad -= Z[i] - s1[i] / s0[i]", "grad -= Z[i] + s1[i] / s0[i]"),
        (step, "s1[i] / s0[i]", "s1[i - 1] / s0[i]"),
    )
    yield from of(
        k.garch,
        k.Garch,
        (term, " + beta * dh\n", "\n"),
        (term, "g[0] -= e[t] / h", "pass"),
        (chain, "[-2 * alpha * e[t - 1], 1.0", "[-2 * e[t - 1], 1.0"),
    )
    yield from of(
        k.warping,
        k.soft_dtw,
        (number, "E[1:-1, 1:-1] * 2 * (z", "E[1:-1, 1:-1] * (z"),
    )
    yield from of(
        k.poisson,
        k.nll_poisson,
        (sign, "-X.T.dot(y - mu)", "-X.T.dot(y + mu)"),
    )
    yield from of(
        c.factorisation,
        c.recommender,
        (
            "repeated indices lost",
            "np.subtract.at(dU, rows, err[:, None] * V[cols])",
            "dU[rows] -= err[:, None] * V[cols]",
        ),
        (term, "dU, dV = reg * U, reg * V", "dU, dV = 0 * U, reg * V"),
    )
    yield from of(
        c.softplus_layers,
        c.mlp_list,
        (slope, "delta = delta * (1 - np.exp(-hs[i + 1]))", "pass"),
        ("sum for mean", "delta.sum(axis=0), *grads", "delta.mean(axis=0), *grads"),
    )
    yield from of(
        c.mixture,
        c.mixture_grad,
        (term, "(z**2 - 1)", "(z**2)"),
        (term, "r.sum(0) - len(data) * np.exp(logw)", "r.sum(0)"),
        (chain, "z / np.exp(p.log_scales)).sum(0)", "z).sum(0)"),
    )
    yield from of(
        c.layers_with_caches,
        c.Tanh,
        (slope, "(1 - self.out**2)", "(1 - self.out)"),
    )
    yield from of(
        c.layers_with_caches,
        c.Linear,
        ("sum for mean", "self.db = dout.sum(0)", "self.db = dout.mean(0)"),
    )
    yield from of(
        c.layers_with_caches,
        c.Net,
        (number, "np.concatenate(parts) + self.decay", "np.concatenate(parts) + 2 * self.decay"),
    )
    yield from of(
        c.shared_work,
        c.Memo,
        (slope, "self.slope = np.cosh(self.A @ x)", "self.slope = 1 + 0 * self.res"),
    )
    yield from of(
        c.tensor,
        c.parafac,
        ("transposed factor", 'jr,kr->ir", R, f.b, f.c', 'jr,kr->ir", R, f.c, f.b'),
    )
    yield from of(
        e.lasso,
        e.lasso,
        (term, " + lam * np.sign(x)", ""),
        (sign, " + lam * np.sign(x)", " - lam * np.sign(x)"),
    )
    yield from of(
        e.huber,
        e.huber_cost,
        (number, "r, delta * np.sign(r))", "r, np.sign(r))"),
    )
    yield from of(
        e.svm,
        e.svm_loss,
        (
            step,
            "+ C * margin[hot].sum()\n",
            "+ C * margin[hot].sum()\n    hot = margin > 1\n",
        ),
        (sign, "-C * y[hot].sum()", "C * y[hot].sum()"),
    )
    yield from of(
        e.total_variation,
        e.tv_cost,
        (step, "div[1:] -= px[:-1]", "div[1:-1] -= px[:-2]"),
        (term, "div[:, 1:] -= py[:, :-1]", "pass"),
    )
    yield from of(
        e.ode_fit,
        e._predator,
        (sign, "[0, 0, -y, x * y]", "[0, 0, y, x * y]"),
        (term, "(J @ S + F)", "(J @ S)"),
        (number, "d * x - c]]", "d * x]]"),
    )
    yield from of(
        e.inner_newton,
        e.inner_newton,
        (chain, "((i - target) / (1 + np.exp(i)))", "(i - target)"),
        (sign, "((i - target) / (1 + np.exp(i)))", "((i - target) / (1 - np.exp(i)))"),
    )
    yield from of(
        e.heat_control,
        e.heat_control,
        (step, "for k in range(steps - 1, -1, -1):", "for k in range(steps - 1, 0, -1):"),
        (term, "g = reg * u", "g = 0 * u"),
        (step, "g[k] += p[[0, -1]]", "g[k] += p[[0, -2]]"),
    )
    yield from of(
        e.log_barrier,
        e.barrier,
        (sign, "(1 / (x - lb) - 1 / (ub - x))", "(1 / (x - lb) + 1 / (ub - x))"),
        (term, "(1 / (x - lb) - 1 / (ub - x))", "(1 / (x - lb))"),
    )
    yield from of(
        e.kinetics,
        e.kinetics,
        (chain, "np.sum(2 * r * -t * C * decay * 1e9)", "np.sum(2 * r * -t * decay * 1e9)"),
        (number, "np.sum(2 * r / 40.0), ", "np.sum(2 * r), "),
    )
    yield from of(
        e.lennard_jones,
        e.lennard_jones,
        (number, "(12 * s6 * s6 - 6 * s6) / r2", "(12 * s6 * s6 - 6.01 * s6) / r2"),
        (sign, "F[j] -= f", "F[j] += f"),
    )
    yield from of(
        e.truss,
        e.truss,
        (chain, "-3 * x**2 * stretch**2", "-3 * stretch**2"),
        (step, "np.diff(u, prepend=0.0)", "np.diff(u, append=0.0)"),
    )


FAULTS: tuple[Fault, ...] = tuple(_FAULTS)


def wrong_entries(right: Case, wrong: Case, rng: Rng) -> tuple[Any, float]:
    """Return which entries of the gradient are wrong somewhere, and the largest relative error.

    The relative error is that of the whole gradient's norm. The start and random points around
    it, up to as far as an audit goes, are tried.
    """
    theta = flatten(right.x0)
    bad = np.zeros(theta.size, dtype=bool)
    largest = 0.0
    size = np.where(theta == 0.0, float(np.abs(theta).max()) or 1.0, np.abs(theta))
    for reach in (0.0, 0.3, 0.5, 1.0, 3.0, 3.0):
        point = _inside(theta + reach * rng.uniform(-1, 1, theta.size) * size, right.bounds)
        good = right.flat_gradient(point)
        value = flatten(wrong.value_and_gradient(rebuild(right.x0, point))[1])
        if not np.isfinite(good).all() or value.shape != good.shape:
            continue
        difference = np.abs(value - good)
        bad |= ~(difference <= 1e-10 * np.abs(good))
        error = float(np.linalg.norm(difference)) / (float(np.linalg.norm(good)) or 1.0)
        largest = max(largest, error)
    return bad, largest


def _inside(point: Vector, bounds: Any) -> Vector:
    if bounds is None:
        return point
    lower = np.array([-np.inf if low is None else low for low, _ in bounds], dtype=float)
    upper = np.array([np.inf if high is None else high for _, high in bounds], dtype=float)
    return np.clip(point, lower, upper)
