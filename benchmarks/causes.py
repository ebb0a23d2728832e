"""Causes named rightly, wrongly and not at all, for planted faults whose name is known.

    python benchmarks/causes.py [--quick] [--seed S] [--seeds K] [--kind TEXT] [--model TEXT]

The first finding of level "error" is judged. It is

- right: the slug of the mistake that was planted;
- equivalent: another name for the same numbers, from `EQUIVALENT` or `_WHEN_SMALL`, or a statement
  that is true of the right gradient at points the audit never saw (`holds`): a row of two entries
  is also two wrong entries, a quadratic's penalty is also a factor;
- unnamed: ``wrong-gradient``, where a name exists;
- WRONG: anything else;
- missed: no error at all.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.detection import CRASH, FAIL, SLOW, audit, print_versions
from benchmarks.models import containers, engineering, likelihoods, networks, unseen
from benchmarks.models.case import Case, Vector, change_gradient, flatten, rebuild
from benchmarks.models.faults import Edit, edits, wrong_entries

RIGHT, SAME, UNNAMED, WRONG, MISSED = "right", "equivalent", "unnamed", "WRONG", "missed"
STATES = (RIGHT, SAME, UNNAMED, WRONG, MISSED)
MODULES = (networks, likelihoods, containers, engineering, unseen)
QUICK = (
    networks.softmax_regression,
    networks.relu_network,
    likelihoods.logistic,
    containers.factorisation,
    engineering.lennard_jones,
    *unseen.ALL[::2],
)
# Too large, too slow or too coarse for several dozen faults each, or with nothing to name.
LEFT_OUT = SLOW | {"one number", "linear cost", "large autoencoder"}

# Names for the same numbers; which of them is right only the source can tell.
EQUIVALENT: dict[str, frozenset[str]] = {
    "transposed-block": frozenset({"wrong-memory-order"}),
    "wrong-memory-order": frozenset({"transposed-block"}),
    # right - returned = strength * theta in all three; which it is depends on the strength meant
    "missing-penalty": frozenset({"wrong-penalty"}),
    "wrong-penalty": frozenset({"missing-penalty", "extra-penalty"}),
    "extra-penalty": frozenset({"wrong-penalty"}),
}
# Of one entry, a factor, a penalty, a transform and a wrong entry cannot be told apart.
_WHEN_SMALL = frozenset(
    {
        "wrong-scale",
        "wrong-sign",
        "zero-gradient",
        "missing-penalty",
        "wrong-penalty",
        "extra-penalty",
        "log-parameter",
        "wrong-entries",
    }
)
_NUMBER = 1e-3  # relative error up to which a number is right
_SMALLEST = 5e-7  # smaller errors of the whole gradient are not asked about
_EXPLAINED = 1e-3  # part of the error that a true statement may leave unexplained

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planted:
    """A wrong case, the right one beside it, and what should be said of it.

    `numbers` are entries of the finding's data; `text` is a piece of its message.
    """

    right: Case
    wrong: Case
    slug: str
    numbers: dict[str, Any] = field(default_factory=dict[str, Any])
    text: str = ""


Plant = Callable[[Case, Rng], Planted | None]
KINDS: dict[str, Plant] = {}


def _kind(name: str) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        KINDS[name] = plant
        return plant

    return register


def _changed(
    case: Case,
    change: Callable[[Vector, Vector], Vector],
    slug: str,
    name: str,
    *,
    text: str = "",
    **numbers: Any,
) -> Planted:
    wrong = change_gradient(case, change, name)
    return Planted(right=case, wrong=wrong, slug=slug, numbers=numbers, text=text)


def _gradient(case: Case) -> Vector:
    with np.errstate(all="ignore"):
        return case.flat_gradient(flatten(case.x0))


def _spans(case: Case, smallest: int = 1) -> list[slice]:
    """Return the blocks with a slope: what is zero has no sign and no factor."""
    gradient = _gradient(case)
    return [
        s
        for s in case.spans().values()
        if s.stop - s.start >= smallest and np.count_nonzero(gradient[s]) >= min(smallest, 2)
    ]


def _pick(rng: Rng, things: list[Any]) -> Any:
    return things[int(rng.integers(len(things)))] if things else None


def _examples(case: Case) -> int:
    """Return the number of examples: the longest first axis of the data."""
    arrays = [a for a in case.args if isinstance(a, np.ndarray) and a.ndim]
    return max([a.shape[0] for a in arrays if a.shape[0] > 2], default=37)


def _order(case: Case) -> Any:
    return "F" if "fortran" in case.tags else "C"


# ---------------------------------------------------------------- factors


def _block_times(name: str, slug: str, factor: Callable[[Case], float]) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        span = _pick(rng, _spans(case))
        if span is None:
            return None
        value = factor(case)

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] *= value
            return g

        numbers: dict[str, Any] = {} if slug == "wrong-sign" else {"factor": value}
        return _changed(case, change, slug, name, **numbers)

    KINDS[name] = plant


def _all_times(name: str, slug: str, factor: Callable[[Case], float]) -> None:
    def plant(case: Case, _rng: Rng) -> Planted | None:
        value = factor(case)
        numbers: dict[str, Any] = {} if slug == "wrong-sign" else {"factor": value}
        return _changed(case, lambda g, _theta: value * g, slug, name, **numbers)

    KINDS[name] = plant


_block_times("block: sign", "wrong-sign", lambda _c: -1.0)
_block_times("block x 2", "wrong-scale", lambda _c: 2.0)
_block_times("block x 1/2", "wrong-scale", lambda _c: 0.5)
_block_times("block x 1/m", "wrong-scale", lambda c: 1 / _examples(c))
_block_times("block x m", "wrong-scale", lambda c: float(_examples(c)))
_block_times("block x 1/(2m)", "wrong-scale", lambda c: 0.5 / _examples(c))
_block_times("block x -2", "wrong-scale", lambda _c: -2.0)
_block_times("block x pi/180", "wrong-scale", lambda _c: np.pi / 180)
_block_times("block x 1.01", "wrong-scale", lambda _c: 1.01)
_block_times("block x 1.001", "wrong-scale", lambda _c: 1.001)
_block_times("block: zero", "zero-gradient", lambda _c: 0.0)
_all_times("all: sign", "wrong-sign", lambda _c: -1.0)
_all_times("all x 1/m", "wrong-scale", lambda c: 1 / _examples(c))
_all_times("all x 180/pi", "wrong-scale", lambda _c: 180 / np.pi)
_all_times("all x 1.000001", "wrong-scale", lambda _c: 1.000001)


@_kind("two blocks x 1/m")
def _(case: Case, rng: Rng) -> Planted | None:
    spans = _spans(case)
    if len(spans) < 3:
        return None
    chosen = [spans[i] for i in rng.choice(len(spans), 2, replace=False)]
    value = 1 / _examples(case)

    def change(g: Vector, _theta: Vector) -> Vector:
        for span in chosen:
            g[span] *= value
        return g

    return _changed(case, change, "wrong-scale", "two blocks / m", factor=value)


# ---------------------------------------------------------------- penalties


def _penalised(case: Case, span: slice, lam: float, *, l1: bool = False) -> Case:
    """Return the case with a penalty on one block more, in cost and gradient."""

    def cost(theta: Vector) -> float:
        w = theta[span]
        return lam * float(np.sum(np.abs(w))) if l1 else 0.5 * lam * float(np.sum(w**2))

    def slope(g: Vector, theta: Vector) -> Vector:
        g[span] += lam * (np.sign(theta[span]) if l1 else theta[span])
        return g

    case = change_gradient(case, slope, "L1" if l1 else "L2")
    inner = case.fun
    if case.jac is True:

        def both(x: Any, *args: Any) -> Any:
            value, gradient = inner(x, *args)
            return value + cost(flatten(x)), gradient

        return case.replace(fun=both)
    return case.replace(fun=lambda x, *args: inner(x, *args) + cost(flatten(x)))


def _strength(case: Case, span: slice) -> float:
    """Return a round strength at which the penalty matters beside the rest of the gradient."""
    size = float(np.linalg.norm(flatten(case.x0)[span]))
    slope = float(np.linalg.norm(_gradient(case)[span]))
    return float(f"{0.13 * slope / size:.2g}") if size and slope else 0.0


def _penalty(name: str, slug: str, by: Callable[[float, Case], float], *, l1: bool = False) -> None:
    """Plant a change by ``by(lam, case) * theta`` in a case with a penalty on one block."""

    def plant(case: Case, rng: Rng) -> Planted | None:
        span = _pick(rng, _spans(case, 3))
        if span is None or not (lam := _strength(case, span)):
            return None
        if l1 and not flatten(case.x0)[span].all():
            return None
        right = _penalised(case, span, lam, l1=l1)
        amount = by(lam, case)

        def change(g: Vector, theta: Vector) -> Vector:
            g[span] += amount * (np.sign(theta[span]) if l1 else theta[span])
            return g

        return _changed(right, change, slug, name, penalty=-amount, text="sign" if l1 else "")

    KINDS[name] = plant


_penalty("L2 missing", "missing-penalty", lambda lam, _c: -lam)
_penalty("L2 doubled", "wrong-penalty", lambda lam, _c: lam)
_penalty("L2 halved", "wrong-penalty", lambda lam, _c: -0.5 * lam)
_penalty("L2 divided by m", "wrong-penalty", lambda lam, c: -lam * (1 - 1 / _examples(c)))
_penalty("L2 of the wrong sign", "wrong-penalty", lambda lam, _c: -2 * lam)
_penalty("L1 missing", "missing-penalty", lambda lam, _c: -lam, l1=True)
_penalty("L1 doubled", "wrong-penalty", lambda lam, _c: lam, l1=True)


@_kind("model's own penalty missing")
def _(case: Case, rng: Rng) -> Planted | None:
    if not case.penalty:
        return None
    span = case.spans()[_pick(rng, list(case.penalized))]
    lam = case.penalty

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] -= lam * theta[span]
        return g

    return _changed(case, change, "missing-penalty", "no penalty", penalty=lam)


@_kind("model's own penalty doubled")
def _(case: Case, rng: Rng) -> Planted | None:
    if not case.penalty:
        return None
    span = case.spans()[_pick(rng, list(case.penalized))]
    lam = case.penalty

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] += lam * theta[span]
        return g

    return _changed(case, change, "wrong-penalty", "double penalty", penalty=-lam)


@_kind("penalty on biases (vectors) too")
def _(case: Case, rng: Rng) -> Planted | None:
    found = [
        span
        for span, shape in zip(case.spans().values(), case.blocks.values(), strict=True)
        if len(shape) == 1 and span in _spans(case, 3)
    ]
    span = _pick(rng, found)
    if span is None or not (lam := _strength(case, span)):
        return None

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] += lam * theta[span]
        return g

    return _changed(case, change, "extra-penalty", "penalty on biases", penalty=-lam)


@_kind("factor and missing penalty")
def _(case: Case, rng: Rng) -> Planted | None:
    span = _pick(rng, _spans(case, 4))
    if span is None or not (lam := _strength(case, span)):
        return None
    right, factor = _penalised(case, span, lam), 1 / _examples(case)

    def change(g: Vector, theta: Vector) -> Vector:
        g[span] = factor * (g[span] - lam * theta[span])
        return g

    return _changed(right, change, "wrong-scale", "factor, penalty", factor=factor, penalty=lam)


# ---------------------------------------------------------------- order


def _matrices(case: Case, smallest: int = 2) -> list[tuple[slice, tuple[int, ...]]]:
    gradient = _gradient(case)
    return [
        (span, shape)
        for span, shape in zip(case.spans().values(), case.blocks.values(), strict=True)
        if len(shape) == 2 and min(shape) >= smallest and np.count_nonzero(gradient[span]) > 3
    ]


def _matrix_kind(
    name: str, slug: str, order: Callable[[Any], Any], smallest: int = 2, **numbers: Any
) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        found = _pick(rng, _matrices(case, smallest))
        if found is None:
            return None
        span, shape = found
        kind = _order(case)

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] = order(g[span].reshape(shape, order=kind)).ravel(order=kind)
            return g

        return _changed(case, change, slug, name, **numbers)

    KINDS[name] = plant


def _fortran(G: Any) -> Any:
    return G.ravel(order="F").reshape(G.shape)


_matrix_kind("block transposed", "transposed-block", lambda G: G.T.reshape(G.shape))
_matrix_kind("block read transposed", "transposed-block", lambda G: G.reshape(G.shape[::-1]).T)
_matrix_kind("block in Fortran order", "wrong-memory-order", _fortran)
_matrix_kind("rows reversed", "shifted-block", lambda G: G[::-1])
_matrix_kind("columns reversed", "shifted-block", lambda G: G[:, ::-1])
_matrix_kind("shifted by a row", "shifted-block", lambda G: np.roll(G, 1, axis=0), 3)
_matrix_kind("shifted by a column", "shifted-block", lambda G: np.roll(G, -1, axis=1), 3)


def _slice_kind(name: str, axis: int, factor: float) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        found = _pick(rng, _matrices(case, 3))
        if found is None:
            return None
        span, shape = found
        kind = _order(case)
        right = _gradient(case)[span].reshape(shape, order=kind)
        index = _pick(rng, list(np.flatnonzero(np.count_nonzero(right, axis=1 - axis) > 1)))
        if index is None:
            return None
        index = int(index)

        def change(g: Vector, _theta: Vector) -> Vector:
            G = g[span].reshape(shape, order=kind).copy()
            G[(index,) if axis == 0 else (slice(None), index)] *= factor
            g[span] = G.ravel(order=kind)
            return g

        place = {"row" if axis == 0 else "column": index, "factor": factor}
        return _changed(case, change, "wrong-row" if axis == 0 else "wrong-column", name, **place)

    KINDS[name] = plant


_slice_kind("one row x 1.01", 0, 1.01)
_slice_kind("one row zero", 0, 0.0)
_slice_kind("one column x 1.01", 1, 1.01)
_slice_kind("one column: sign", 1, -1.0)


def _slices_kind(name: str, axis: int, slug: str) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        found = _pick(rng, _matrices(case, 3))
        if found is None:
            return None
        span, shape = found
        kind = _order(case)
        factors = rng.uniform(0.4, 2.5, shape[axis])
        weights = factors[:, None] if axis == 0 else factors

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] = (g[span].reshape(shape, order=kind) * weights).ravel(order=kind)
            return g

        return _changed(case, change, slug, name)

    KINDS[name] = plant


_slices_kind("a factor for each row", 0, "row-scale")
_slices_kind("a factor for each column", 1, "column-scale")


def _vector_kind(name: str, order: Callable[[Vector], Vector]) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        found = [
            span
            for span, shape in zip(case.spans().values(), case.blocks.values(), strict=True)
            if len(shape) == 1 and shape[0] > 3 and span in _spans(case, 4)
        ]
        span = _pick(rng, found)
        if span is None:
            return None

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span] = order(g[span])
            return g

        return _changed(case, change, "shifted-block", name)

    KINDS[name] = plant


_vector_kind("vector reversed", lambda g: g[::-1].copy())
_vector_kind("vector shifted by one entry", lambda g: np.roll(g, 1))
_vector_kind("vector shifted back by one entry", lambda g: np.roll(g, -1))


def _pair(case: Case, rng: Rng) -> tuple[slice, slice] | None:
    spans = _spans(case, 2)
    pairs = [
        (a, b)
        for i, a in enumerate(spans)
        for b in spans[i + 1 :]
        if a.stop - a.start == b.stop - b.start
    ]
    return _pick(rng, pairs)


@_kind("equal blocks swapped")
def _(case: Case, rng: Rng) -> Planted | None:
    pair = _pair(case, rng)
    if pair is None:
        return None
    a, b = pair

    def change(g: Vector, _theta: Vector) -> Vector:
        g[a], g[b] = g[b].copy(), g[a].copy()
        return g

    return _changed(case, change, "swapped-blocks", "swapped")


@_kind("block holds another's gradient")
def _(case: Case, rng: Rng) -> Planted | None:
    pair = _pair(case, rng)
    if pair is None:
        return None
    a, b = pair

    def change(g: Vector, _theta: Vector) -> Vector:
        g[a] = g[b]
        return g

    return _changed(case, change, "swapped-blocks", "copied")


def _packing(name: str, arrange: Callable[[list[slice]], list[slice]]) -> None:
    def plant(case: Case, _rng: Rng) -> Planted | None:
        spans = list(case.spans().values())
        if len(spans) < 2:
            return None

        def change(g: Vector, _theta: Vector) -> Vector:
            return np.concatenate([g[s] for s in arrange(spans)])

        exchange = (
            len(spans) == 2 and spans[0].stop - spans[0].start == spans[1].stop - spans[1].start
        )
        return _changed(case, change, "swapped-blocks" if exchange else "block-order", name)

    KINDS[name] = plant


_packing("blocks packed in reverse", lambda spans: spans[::-1])
_packing("last block packed first", lambda spans: [spans[-1], *spans[:-1]])


# ---------------------------------------------------------------- entries


def _entries_kind(name: str, count: int, factor: float) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        gradient = _gradient(case)
        found = [
            s
            for s in case.spans().values()
            if s.stop - s.start >= 4 * count and np.count_nonzero(gradient[s]) >= count
        ]
        span = _pick(rng, found)
        if span is None:
            return None
        places = np.flatnonzero(gradient[span])
        hit = np.sort(rng.choice(places, count, replace=False))

        def change(g: Vector, _theta: Vector) -> Vector:
            g[span.start + hit] *= factor
            return g

        # of the flat vector: whether a block is seen as a matrix is not the question
        indices = {int(span.start + i) for i in hit}
        return _changed(case, change, "wrong-entries", name, indices=indices)

    KINDS[name] = plant


_entries_kind("one entry x 2", 1, 2.0)
_entries_kind("one entry zero", 1, 0.0)
_entries_kind("one entry x 1.01", 1, 1.01)
_entries_kind("five entries x 0.7", 5, 0.7)


# ---------------------------------------------------------------- transforms of theta


def _transform(name: str, slug: str, slope: Callable[[Vector], Vector], text: str) -> None:
    def plant(case: Case, rng: Rng) -> Planted | None:
        theta0 = flatten(case.x0)
        spans = [s for s in _spans(case, 3) if np.ptp(theta0[s]) and theta0[s].all()]
        span = _pick(rng, spans)
        if span is None or np.abs(theta0[span]).max() > 20:
            return None

        def change(g: Vector, theta: Vector) -> Vector:
            g[span] *= slope(theta[span])
            return g

        return _changed(case, change, slug, name, text=text)

    KINDS[name] = plant


def _sigmoid(x: Vector) -> Vector:
    return 1 / (1 + np.exp(-x))


_transform("x theta (log parameter)", "log-parameter", lambda x: x, "log(theta)")
_transform("x -theta", "log-parameter", lambda x: -x, "log(theta)")
_transform("x exp(theta)", "wrong-gradient", np.exp, "exp(theta)")
_transform("x sigmoid(theta)", "wrong-gradient", _sigmoid, "sigmoid(theta)")
_transform("x theta (1 - theta)", "wrong-gradient", lambda x: x * (1 - x), "theta (1 - theta)")
_transform("/ theta", "wrong-gradient", lambda x: 1 / x, "divided by theta")


# ---------------------------------------------------------------- another function


@_kind("gradient of other data")
def _(case: Case, rng: Rng) -> Planted | None:
    other, changed = [], False
    for arg in case.args:
        if isinstance(arg, np.ndarray) and arg.dtype.kind == "f" and arg.size > 1 and not changed:
            arg, changed = arg + 0.1 * np.std(arg) * rng.standard_normal(arg.shape), True
        other.append(arg)
    if not changed:
        return None
    case2 = case.replace(args=tuple(other))
    return _changed(
        case, lambda _g, theta: case2.flat_gradient(theta), "fun-jac-mismatch", "other data"
    )


@_kind("gradient of another tilt of the cost")
def _(case: Case, rng: Rng) -> Planted | None:
    # two waves through all parameters, which the cost does not have
    theta0 = flatten(case.x0)
    if theta0.size < 4:
        return None
    weights = rng.standard_normal((2, theta0.size)) / (1 + np.linalg.norm(theta0))
    size = 0.3 * float(np.linalg.norm(_gradient(case)))
    if not size:
        return None

    def change(g: Vector, theta: Vector) -> Vector:
        return g + size * (np.cos(weights @ theta + 0.3) @ weights)

    return _changed(case, change, "fun-jac-mismatch", "another term")


# ---------------------------------------------------------------- nothing with a name


@_kind("absolute values")
def _(case: Case, rng: Rng) -> Planted | None:
    gradient = _gradient(case)
    spans = [s for s in _spans(case, 4) if (gradient[s] > 0).any() and (gradient[s] < 0).any()]
    span = _pick(rng, spans)
    if span is None:
        return None

    def change(g: Vector, _theta: Vector) -> Vector:
        g[span] = np.abs(g[span])
        return g

    return _changed(case, change, "wrong-gradient", "abs")


@_kind("mean of the block subtracted")
def _(case: Case, rng: Rng) -> Planted | None:
    span = _pick(rng, _spans(case, 4))
    if span is None:
        return None

    def change(g: Vector, _theta: Vector) -> Vector:
        g[span] -= g[span].mean()
        return g

    return _changed(case, change, "wrong-gradient", "centred")


@_kind("matrix product for elementwise")
def _(case: Case, rng: Rng) -> Planted | None:
    found = [(s, shape) for s, shape in _matrices(case) if flatten(case.x0)[s].any()]
    chosen = _pick(rng, found)
    if chosen is None:
        return None
    span, shape = chosen
    kind = _order(case)

    def change(g: Vector, theta: Vector) -> Vector:
        G, W = g[span].reshape(shape, order=kind), theta[span].reshape(shape, order=kind)
        g[span] = (G @ (W.T @ W)).ravel(order=kind)
        return g

    return _changed(case, change, "wrong-gradient", "G @ (W.T @ W)")


@_kind("a term of third order dropped")
def _(case: Case, rng: Rng) -> Planted | None:
    span = _pick(rng, _spans(case, 4))
    if span is None or not flatten(case.x0)[span].any():
        return None
    theta0 = flatten(case.x0)[span]
    scale = 0.2 * float(np.linalg.norm(_gradient(case)[span]) / np.linalg.norm(theta0**3))

    def change(g: Vector, theta: Vector) -> Vector:
        w = theta[span]
        g[span] -= scale * w**2 * np.roll(w, 1)
        return g

    return _changed(case, change, "wrong-gradient", "w**2 * next w")


# Edits of the source with a name; every other edit has none.
NAMED_EDITS: dict[str, str] = {
    ".dot(data.T) / m": "missing-penalty",
    "/ m + lam * W / m\n": "wrong-penalty",
    "b_grad = -np.sum(ground_truth - p, axis=1)": "wrong-scale",
    "b_grad = np.sum": "wrong-sign",
    "dW2 += reg * W2": "wrong-penalty",
    "db1 = dhidden.mean(axis=0)": "wrong-scale",
    "(err * v)": "wrong-scale",
    "dU, dV = 0 * U, reg * V": "missing-penalty",
    "delta.mean(axis=0), *grads": "wrong-scale",
    "self.db = dout.mean(0)": "wrong-scale",
    "np.concatenate(parts) + 2 * self.decay": "wrong-penalty",
    " - lam * np.sign(x)": "wrong-penalty",
    "g = 0 * u": "missing-penalty",
    "np.sum(2 * r), ": "wrong-scale",
}


_u = unseen
# In the models of `unseen`: (make, thing, old, new, slug, numbers).
SOURCE_EDITS: tuple[tuple[Any, Any, str, str, str, dict[str, Any]], ...] = (
    (
        _u.course_network,
        _u.nnCostFunction,
        '(Theta1_grad.ravel(order="F"), Theta2_grad.ravel(order="F"))',
        "(Theta1_grad.ravel(), Theta2_grad.ravel())",
        "wrong-memory-order",
        {},
    ),
    (
        _u.course_network,
        _u.nnCostFunction,
        "Theta1_grad[:, 1:] += Lambda / m * Theta1[:, 1:]",
        "Theta1_grad += Lambda / m * Theta1",
        "extra-penalty",
        {"penalty": -0.8 / 28},
    ),
    (
        _u.course_network,
        _u.nnCostFunction,
        "Theta2_grad[:, 1:] += Lambda / m * Theta2[:, 1:]",
        "pass",
        "missing-penalty",
        {"penalty": 0.8 / 28},
    ),
    (
        _u.course_network,
        _u.nnCostFunction,
        "+= Lambda / m * Theta2[:, 1:]",
        "+= Lambda * Theta2[:, 1:]",
        "wrong-penalty",
        {"penalty": -0.8 * 27 / 28},
    ),
    (
        _u.course_network,
        _u.nnCostFunction,
        "(d3.dot(Theta2) * a2 * (1 - a2))",
        "d3.dot(Theta2)",
        "wrong-gradient",
        {},
    ),
    (
        _u.elastic_net,
        _u.ElasticNetPoisson,
        " + (1 - self.l1_ratio) * coef)",
        ")",
        "missing-penalty",
        {"penalty": 0.18},
    ),
    (
        _u.elastic_net,
        _u.ElasticNetPoisson,
        "self.l1_ratio * np.sign(coef) + ",
        "",
        "missing-penalty",
        {"penalty": 0.12},
    ),
    (
        _u.elastic_net,
        _u.ElasticNetPoisson,
        "out[1:] += self.alpha * (self.l1_ratio * np.sign(coef) + (1 - self.l1_ratio) * coef)",
        "pass",
        "missing-penalty",
        {},
    ),
    (
        _u.elastic_net,
        _u.ElasticNetPoisson,
        "residual.sum()",
        "residual.mean()",
        "wrong-scale",
        {"factor": 1 / 45},
    ),
    (_u.word_vectors, _u.glove, "2 * wd.T @ W", "wd.T @ W", "wrong-scale", {"factor": 0.5}),
    (
        _u.word_vectors,
        _u.glove,
        "2 * wd.sum(axis=1), 2 * wd.sum(axis=0)",
        "2 * wd.sum(axis=0), 2 * wd.sum(axis=1)",
        "swapped-blocks",
        {},
    ),
    (_u.word_vectors, _u.glove, "2 * wd.T @ W", "2 * wd @ W", "wrong-gradient", {}),
    (
        _u.word_vectors,
        _u.glove,
        "2 * wd.sum(axis=0))",
        "2 * wd.sum(axis=1))",
        "swapped-blocks",
        {},
    ),
    (
        _u.beta_regression,
        _u.make_beta_regression,
        "Z.T @ (d_phi * phi)",
        "Z.T @ d_phi",
        "wrong-gradient",
        {},
    ),
    (
        _u.beta_regression,
        _u.make_beta_regression,
        " * mu * (1 - mu)",
        "",
        "wrong-gradient",
        {},
    ),
    (
        _u.beta_regression,
        _u.make_beta_regression,
        "-np.concatenate(",
        "np.concatenate(",
        "wrong-sign",
        {},
    ),
    (
        _u.robot_arm,
        _u.reach,
        "(grad * np.pi / 180)",
        "grad",
        "wrong-scale",
        {"factor": 180 / np.pi},
    ),
    (_u.robot_arm, _u.reach, "grad[:-1] -= step", "grad[1:] -= step", "wrong-gradient", {}),
    (
        _u.gated,
        _u.gated_cell,
        'grads["Uz"] += np.outer(dz, h_prev)',
        'grads["Uz"] += np.outer(h_prev, dz)',
        "transposed-block",
        {},
    ),
    (_u.gated, _u.gated_cell, 'grads["h0"] = dh', "pass", "zero-gradient", {"factor": 0.0}),
    (_u.gated, _u.gated_cell, 'grads["bz"] += dz', 'grads["bz"] = dz', "wrong-gradient", {}),
    (_u.gated, _u.gated_cell, " * z * (1 - z)", "", "wrong-gradient", {}),
    (_u.transport, _u.SinkhornDual, "-np.r_", "np.r_", "wrong-sign", {}),
    (
        _u.transport,
        _u.SinkhornDual,
        "self.a - plan.sum(1), self.b - plan.sum(0)",
        "self.a - plan.sum(0), self.b - plan.sum(1)",
        "wrong-gradient",
        {},
    ),
    (
        _u.nonnegative,
        _u.kl_factorisation,
        "H * (W.T @ D) + lam * B",
        "H * (W.T @ D)",
        "missing-penalty",
        {"penalty": 0.7},
    ),
    (
        _u.nonnegative,
        _u.kl_factorisation,
        "H * (W.T @ D) + lam * B",
        "H * (W.T @ D) + 2 * lam * B",
        "wrong-penalty",
        {"penalty": -0.7},
    ),
    (_u.nonnegative, _u.kl_factorisation, "W * (D @ H.T)", "D @ H.T", "wrong-gradient", {}),
    (
        _u.nonnegative,
        _u.kl_factorisation,
        "(dA.flatten(), dB.flatten())",
        "(dB.flatten(), dA.flatten())",
        "block-order",
        {},
    ),
    (
        _u.nonnegative,
        _u.kl_factorisation,
        "dA.flatten()",
        'dA.flatten("F")',
        "wrong-memory-order",
        {},
    ),
    (
        _u.nonnegative,
        _u.kl_factorisation,
        "dB.flatten()",
        "dB.T.flatten()",
        "transposed-block",
        {},
    ),
    (
        _u.rational_fit,
        _u.rational,
        "powers.T @ (2 * r / q)",
        "powers.T @ (r / q)",
        "wrong-scale",
        {"factor": 0.5},
    ),
    (_u.rational_fit, _u.rational, "q**2))[1:]", "q**2))[:-1]", "wrong-gradient", {}),
    (
        _u.topic_model,
        _u.topics,
        "np.append(g_theta, g_phi)",
        "np.append(g_phi, g_theta)",
        "block-order",
        {},
    ),
    (
        _u.topic_model,
        _u.topics,
        " - np.sum(d_theta * theta, axis=1, keepdims=True)",
        "",
        "wrong-gradient",
        {},
    ),
    (
        _u.topic_model,
        _u.topics,
        "np.sum(d_phi * phi, axis=1",
        "np.sum(d_phi * phi, axis=0",
        "wrong-gradient",
        {},
    ),
    (_u.rankings, _u.drift, "grad[1:] += change", "grad[1:] -= change", "wrong-gradient", {}),
    (
        _u.rankings,
        _u.drift,
        "(grad + 0.1 * s)",
        "grad",
        "missing-penalty",
        {"penalty": 0.1},
    ),
    (
        _u.rankings,
        _u.drift,
        "(grad + 0.1 * s)",
        "(grad + 0.05 * s)",
        "wrong-penalty",
        {"penalty": 0.05},
    ),
)


# ---------------------------------------------------------------- what is true of the gradient


def _points(case: Case, rng: Rng) -> Iterator[Vector]:
    theta = flatten(case.x0)
    size = np.where(theta == 0.0, float(np.abs(theta).max()) or 1.0, np.abs(theta))
    for reach in (0.0, 0.05, 0.1, 0.2):
        point = theta + reach * rng.uniform(-1, 1, theta.size) * size
        if case.bounds is not None:
            low = [-np.inf if a is None else a for a, _ in case.bounds]
            high = [np.inf if b is None else b for _, b in case.bounds]
            point = np.clip(point, low, high)
        yield point


def _returned(case: Case, theta: Vector) -> Vector:
    return flatten(case.value_and_gradient(rebuild(case.x0, theta))[1])


def holds(finding: Any, report: Any, planted: Planted) -> bool:
    """Tell whether what a finding says is true of the right gradient, wherever one looks."""
    data, slug = finding.data, finding.slug
    names = set(data.get("blocks", ()))
    blocks = [b for b in report.blocks if b.name in names]
    if slug == "fun-jac-mismatch":
        return _is_a_gradient(planted)
    rng = np.random.default_rng(11)
    checked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for theta in _points(planted.right, rng):
            good, bad = planted.right.flat_gradient(theta), _returned(planted.wrong, theta)
            if not (np.isfinite(good).all() and np.isfinite(bad).all()):
                continue
            for block in blocks:
                span = slice(block.start, block.start + block.size)
                error = float(np.linalg.norm(bad[span] - good[span]))
                order = _order(planted.right)
                left = _left(finding, block, good[span], bad[span], theta[span], order)
                if left is None or left > _EXPLAINED * error + 1e-12 * np.linalg.norm(good[span]):
                    return False
                checked += 1
    return checked > 0


def _left(
    finding: Any, block: Any, good: Vector, bad: Vector, theta: Vector, order: Any
) -> float | None:
    """Return how much of the error in one block a finding leaves unexplained; None: unknown."""
    slug, data = finding.slug, finding.data
    factor, penalty = data.get("factor", 1.0), data.get("penalty", 0.0)
    term = np.sign(theta) if "sign(theta)" in finding.message else theta
    said = {
        "wrong-scale": factor * (good - penalty * term),
        "wrong-sign": -good,
        "zero-gradient": 0 * good,
        "missing-penalty": good - penalty * term,
        "wrong-penalty": good - penalty * term,
        "extra-penalty": good - penalty * term,
        "log-parameter": factor * good * theta,
    }
    if slug in said:
        return float(np.linalg.norm(bad - said[slug]))
    table = np.arange(good.size).reshape(block.shape, order=order)
    if slug == "wrong-entries":
        hit = [table[index] for index in data["indices"]]
    elif slug == "wrong-row" and len(block.shape) == 2:
        hit = table[data["row"]]
    elif slug == "wrong-column" and len(block.shape) == 2:
        hit = table[:, data["column"]]
    elif slug in ("row-scale", "column-scale") and len(block.shape) == 2:
        g, b = good[table], bad[table]
        if slug == "column-scale":
            g, b = g.T, b.T
        fitted = np.sum(g * b, axis=1) / np.maximum(np.sum(g * g, axis=1), 1e-300)
        return float(np.linalg.norm(b - fitted[:, None] * g))
    else:
        return None
    rest = np.setdiff1d(np.arange(good.size), hit)
    # "half of them are wrong" is no place
    return None if 2 * rest.size < good.size else float(np.linalg.norm((bad - good)[rest]))


def _is_a_gradient(planted: Planted) -> bool:
    """Tell whether what is returned has a symmetric derivative."""
    case, rng = planted.wrong, np.random.default_rng(5)
    for theta in list(_points(planted.right, rng))[:2]:
        size = float(np.linalg.norm(theta)) or 1.0
        u, v = rng.choice((-1.0, 1.0), (2, theta.size)) / np.sqrt(theta.size)
        h = 1e-5 * size
        by_u = (_returned(case, theta + h * u) - _returned(case, theta - h * u)) / (2 * h)
        by_v = (_returned(case, theta + h * v) - _returned(case, theta - h * v)) / (2 * h)
        scale = float(np.linalg.norm(by_u) + np.linalg.norm(by_v))
        if abs(float(v @ by_u - u @ by_v)) > 1e-5 * scale:
            return False
    return True


# ---------------------------------------------------------------- scores


@dataclass(slots=True)
class Score:
    """What was said of one kind of fault."""

    states: Counter[str] = field(default_factory=Counter[str])
    numbers: int = 0
    numbers_right: int = 0
    blocks_right: int = 0
    found: int = 0
    beyond: list[int] = field(default_factory=list[int])

    def add(self, other: Score) -> None:
        """Count another score as well."""
        self.states += other.states
        self.numbers += other.numbers
        self.numbers_right += other.numbers_right
        self.blocks_right += other.blocks_right
        self.found += other.found
        self.beyond += other.beyond


@dataclass(slots=True)
class Results:
    """Scores by kind and by model, and what deserves a line of its own."""

    scores: dict[str, Score] = field(default_factory=lambda: defaultdict[str, Score](Score))
    confusion: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    remarks: list[str] = field(default_factory=list[str])
    models: dict[str, Score] = field(default_factory=lambda: defaultdict[str, Score](Score))


def _flat(finding: Any, report: Any, order: Any) -> set[int]:
    """Return the entries a finding names, as indices of the flat vector."""
    block = next(b for b in report.blocks if b.name == finding.block)
    return {
        block.start + int(np.ravel_multi_index(index, block.shape, order=order))
        for index in finding.data["indices"]
    }


def _number_is_right(finding: Any, report: Any, planted: Planted) -> bool:
    for key, wanted in planted.numbers.items():
        value = finding.data.get(key)
        if value is None:
            return False
        if key == "indices":
            if _flat(finding, report, _order(planted.right)) != wanted:
                return False
        elif key in ("row", "column"):
            if value != wanted:
                return False
        elif abs(value - (abs(wanted) if key == "penalty" else wanted)) > (
            _NUMBER * abs(wanted) + 1e-12
        ):
            return False
    return planted.text in finding.message


def _judge(planted: Planted, report: Any, guilty: Any) -> tuple[str, Any]:
    """Return the state and the finding it rests on."""
    found = [f for f in report.findings if f.level == "error"]
    if not found:
        return MISSED, None
    first = found[0]
    if first.slug == planted.slug:
        return RIGHT, first
    if first.slug in EQUIVALENT.get(planted.slug, ()):
        return SAME, first
    if first.slug == "wrong-gradient":
        return UNNAMED, first
    hit = [b.size for b in report.blocks if guilty[b.start : b.start + b.size].any()]
    if hit == [1] and first.slug in _WHEN_SMALL:
        return SAME, first
    if {planted.slug, first.slug} == {"swapped-blocks", "block-order"}:
        return SAME, first
    if first.slug == "fun-jac-mismatch" and planted.slug != "wrong-gradient":
        # true of every factor and every penalty, and no help
        return (UNNAMED if holds(first, report, planted) else WRONG), first
    return (SAME if holds(first, report, planted) else WRONG), first


def _blocks_are_right(report: Any, guilty: Any) -> bool:
    """Tell whether the blocks of the findings are those with a wrong entry, and no others."""
    wrong = {b.name for b in report.blocks if guilty[b.start : b.start + b.size].any()}
    errors = [f for f in report.findings if f.level == "error"]
    named = set[str]()
    for f in errors:
        # of "a: it holds the gradient of b" only a is wrong
        copied = "it holds the gradient of" in f.message
        named |= {f.block} if copied else set(f.data.get("blocks", ()))
    return named == wrong


def _as_seen(case: Case, report: Any) -> Case:
    """Return the case with the blocks the audit found: faults are planted in those."""
    seen = [(b.start, tuple(b.shape)) for b in report.blocks]
    known = [
        (s.start, shape)
        for s, shape in zip(case.spans().values(), case.blocks.values(), strict=True)
    ]
    if seen == known or any(b.size != int(np.prod(b.shape, dtype=int)) for b in report.blocks):
        return case
    shapes = {b.name: tuple(b.shape) for b in report.blocks}
    return case.replace(shapes=shapes, penalty=0.0, penalized=())


def _planted(make: Any, seed: int, report: Any, place: int) -> Iterator[tuple[str, Planted]]:
    for number, (name, plant) in enumerate(KINDS.items()):
        # a case with state of its own must not be shared
        planted = plant(_as_seen(make(seed), report), np.random.default_rng((seed, place, number)))
        if planted is not None:
            yield name, planted
    right, other = make(seed), make(seed + 1)
    if flatten(right.x0).size == flatten(other.x0).size and np.isfinite(_gradient(other)).all():
        yield (
            "gradient of another data set",
            _changed(
                right,
                lambda _g, theta: other.flat_gradient(theta),
                "fun-jac-mismatch",
                "another data set",
            ),
        )
    for edit in edits():
        if edit.make is make:
            slug = NAMED_EDITS.get(edit.new, "wrong-gradient")
            yield f"edit: {edit.kind}", Planted(right=make(seed), wrong=edit.case(seed), slug=slug)
    for maker, thing, old, new, slug, numbers in SOURCE_EDITS:
        if maker is make:
            edit = Edit(kind=slug, make=make, thing=thing, old=old, new=new)
            planted = Planted(right=make(seed), wrong=edit.case(seed), slug=slug, numbers=numbers)
            yield f"source: {slug}", planted


def run(seeds: range, *, quick: bool, kind: str = "", model: str = "") -> Results:
    results = Results()
    makers = QUICK if quick else tuple(make for module in MODULES for make in module.ALL)
    for seed in seeds:
        for place, make in enumerate(makers):
            base = make(seed).name
            if base in LEFT_OUT or model not in base:
                continue
            verdict, report = audit(make(seed), seed)
            if verdict == CRASH:
                results.remarks.append(f"CRASH of the right gradient: {base}: {report!r}")
                continue
            for name, planted in _planted(make, seed, report, place):
                if kind not in name:
                    continue
                rng = np.random.default_rng(seed)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    guilty, error = wrong_entries(planted.right, planted.wrong, rng)
                if guilty.any() and error > _SMALLEST:
                    score = _score(results, name, planted, guilty, report.evaluations.cost, seed)
                    results.scores[name].add(score)
                    results.models[base].add(score)
    return results


def _score(
    results: Results, name: str, planted: Planted, guilty: Any, usual: int, seed: int
) -> Score:
    verdict, report = audit(planted.wrong, seed)
    score = Score()
    label = f"{name} | {planted.wrong.name} (seed {seed})"
    if verdict == CRASH:
        score.states[MISSED] += 1
        results.remarks.append(f"CRASH {label}: {report!r}")
        return score
    state, finding = _judge(planted, report, guilty)
    score.states[state] += 1
    named = finding.slug if finding is not None else str(verdict)
    results.confusion[planted.slug, named, state] += 1
    if finding is None:
        results.remarks.append(f"{state:10s} {label}: {verdict}")
        return score
    score.found += 1
    score.beyond.append(report.evaluations.cost - usual)
    blocks = verdict == FAIL and _blocks_are_right(report, guilty)
    score.blocks_right += blocks
    trouble = [] if blocks else ["blocks"]
    # a penalty has its strength under any of its names; other names have other numbers
    penalty = "penalty" in planted.numbers and finding.slug in EQUIVALENT.get(planted.slug, ())
    if (state == RIGHT or penalty) and (planted.numbers or planted.text):
        right = _number_is_right(finding, report, planted)
        score.numbers += 1
        score.numbers_right += right
        if not right:
            wanted = planted.numbers or planted.text
            trouble.append(f"number: wanted {wanted}, data {finding.data}")
    if state not in (RIGHT, SAME) or trouble:
        results.remarks.append(
            f"{state:10s} {label}: planted {planted.slug}, named {named}: {finding.message[:160]}"
            + (f" [{'; '.join(trouble)[:300]}]" if trouble else "")
        )
    return score


# ---------------------------------------------------------------- tables


def print_results(results: Results) -> None:
    width = max(len(name) for name in results.scores)
    print(
        f"\n{'':{width}s} {'cases':>5s} "
        + " ".join(f"{state:>10s}" for state in STATES)
        + f" {'numbers':>9s} {'blocks':>9s} {'evals beyond':>12s}"
    )
    total = Score()
    for name, score in results.scores.items():
        print(_row(f"{name:{width}s}", score))
        total.add(score)
    print(_row(f"{'all':{width}s}", total))

    print("\nConfusion (planted -> named)")
    for (planted, named, state), count in sorted(
        results.confusion.items(), key=lambda item: (item[0][0], -item[1])
    ):
        if planted != named:
            print(f"  {planted:20s} -> {named:20s} {count:5d}  {state}")

    print("\n" + "\n".join(sorted(results.remarks)))
    print("\nModels with something else than right names")
    for name, score in results.models.items():
        if score.states.total() > score.states[RIGHT] + score.states[SAME]:
            counts = ", ".join(f"{score.states[s]} {s}" for s in STATES if score.states[s])
            print(f"  {name:40s} {counts}")
    new = {make(0).name for make in unseen.ALL}
    _print_totals("all models", results, results.models.keys())
    _print_totals("unseen models", results, results.models.keys() & new)


def _print_totals(title: str, results: Results, names: Collection[str]) -> None:
    total = Score()
    for name in names:
        total.add(results.models[name])
    cases, states = total.states.total(), total.states
    named = states[RIGHT] + states[SAME]
    print(
        f"\n{title}: {len(results.scores)} kinds, {len(names)} models, {cases} cases\n"
        f"cause right        {_share(named, cases)} (of those found {_share(named, total.found)})\n"
        f"  by another name  {_share(states[SAME], cases)}\n"
        f"unnamed            {_share(states[UNNAMED], cases)}\n"
        f"wrong names        {_share(states[WRONG], cases)}\n"
        f"missed             {_share(states[MISSED], cases)}\n"
        f"numbers right      {_share(total.numbers_right, total.numbers)}\n"
        f"blocks right       {_share(total.blocks_right, total.found)}"
    )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {100 * part / whole:.1f} %" if whole else "none"


def _row(label: str, score: Score) -> str:
    row = f"{label} {score.states.total():5d} "
    row += " ".join(f"{score.states[state]:10d}" for state in STATES)
    row += f" {f'{score.numbers_right}/{score.numbers}':>9s}"
    row += f" {f'{score.blocks_right}/{score.found}':>9s}"
    return row + f" {np.median(score.beyond) if score.beyond else 0:12.0f}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer models")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--kind", default="", help="only kinds whose name contains this")
    parser.add_argument("--model", default="", help="only models whose name contains this")
    return parser.parse_args()


def main() -> None:
    options = parse()
    seeds = range(options.seed, options.seed + options.seeds)
    print_versions()
    began = time.perf_counter()
    results = run(seeds, quick=options.quick, kind=options.kind, model=options.model)
    if results.scores:
        print_results(results)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
