"""Names, shapes, offsets and memory order of blocks, in every style that people unpack in."""

import warnings
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradaudit.source.discovery import discover_layout

Expected = dict[str, tuple[int, tuple[int, ...], str]]
Layout = tuple[Callable[[Any], Any], int, Expected]


def packed(**shapes: Any) -> tuple[int, Expected]:
    expected: Expected = {}
    start = 0
    for name, given_shape in shapes.items():
        shape, order = (
            given_shape if given_shape and isinstance(given_shape[0], tuple) else (given_shape, "C")
        )
        expected[name] = (start, shape, order)
        start += int(np.prod(shape))
    return start, expected


def network(W1: Any, b1: Any, W2: Any, b2: Any) -> float:
    return float((W1**2).sum() + b1.sum() + (W2**3).sum() + b2.sum())


def slices(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def cost(theta: Any) -> float:
        W1 = theta[: h * v].reshape(h, v)
        b1 = theta[h * v : h * v + h]
        W2 = theta[h * v + h : 2 * h * v + h].reshape(v, h)
        b2 = theta[2 * h * v + h :]
        z = np.tanh(W1.sum() + b1.sum())
        return float(z + (W2**2).sum() + b2.sum())

    return cost, size, expected


def peeled(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def cost(theta: Any) -> float:
        W1, rest = theta[: h * v].reshape(h, v), theta[h * v :]
        b1, rest2 = rest[:h], rest[h:]
        W2 = rest2[: h * v].reshape(v, h)
        b2 = rest2[h * v :]
        return float(W1.sum() + b1.sum() + W2.sum() + b2.sum())

    return cost, size, expected


def split(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def cost(theta: Any) -> float:
        W1, b1, W2, b2 = np.split(theta, np.cumsum([h * v, h, h * v]))
        W1 = W1.reshape(h, v)
        W2 = W2.reshape(v, h)
        return network(W1, b1, W2, b2)

    return cost, size, expected


def unroll_helper(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def unroll(theta: Any) -> Any:
        W1 = theta[: h * v].reshape(h, v)
        b1 = theta[h * v : h * v + h]
        W2 = theta[h * v + h : 2 * h * v + h].reshape(v, h)
        b2 = theta[2 * h * v + h :]
        return W1, b1, W2, b2

    def cost(theta: Any) -> float:
        return network(*unroll(theta))

    return cost, size, expected


def dictionary(h: int, v: int) -> Layout:
    size, plain = packed(W1=(h, v), b1=(h,))
    expected = {f"p['{name}']": value for name, value in plain.items()}

    def cost(theta: Any) -> float:
        p = {"W1": theta[: h * v].reshape(h, v), "b1": theta[h * v :]}
        return float((p["W1"] ** 2).sum() + p["b1"].sum())

    return cost, size, expected


def keywords(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def cost(theta: Any) -> float:
        a, b, c = h * v, h * v + h, 2 * h * v + h
        p = {
            "W1": theta[:a].reshape(h, v),
            "b1": theta[a:b],
            "W2": theta[b:c].reshape(v, h),
            "b2": theta[c:],
        }
        return network(**p)

    # a key in the caller, not the parameters of the helper it is passed to
    return cost, size, {f"p['{name}']": value for name, value in expected.items()}


def attributes(h: int, v: int) -> Layout:
    size, plain = packed(W1=(h, v), b1=(h,))
    expected = {f"self.{name}": value for name, value in plain.items()}

    class Model:
        def unpack(self, theta: Any) -> None:
            self.W1 = theta[: h * v].reshape(h, v)
            self.b1 = theta[h * v :]

        def cost(self, theta: Any) -> float:
            self.unpack(theta)
            return float((self.W1**2).sum() + self.b1.sum())

    return Model().cost, size, expected


def callable_object(h: int, v: int) -> Layout:
    size, plain = packed(W=(h, v), b=(h,))
    expected = {f"self.{name}": value for name, value in plain.items()}

    class Model:
        def __call__(self, theta: Any) -> float:
            self.W, self.b = theta[: h * v].reshape(h, v), theta[h * v :]
            return float((self.W**2).sum() + self.b.sum())

    return Model(), size, expected


def fortran(h: int, v: int) -> Layout:
    size, expected = packed(W1=((h, v), "F"), b1=(h,))

    def cost(theta: Any) -> float:
        W1 = theta[: h * v].reshape((h, v), order="F")
        b1 = theta[h * v :]
        return float((W1**2).sum() + b1.sum())

    return cost, size, expected


def transposed(h: int, v: int) -> Layout:
    size, expected = packed(W1=((h, v), "F"), b1=(h,))

    def cost(theta: Any) -> float:
        W1 = theta[: h * v].reshape(v, h).T
        b1 = theta[h * v :]
        return float((W1**2).sum() + b1.sum())

    return cost, size, expected


def single_precision(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,))

    def cost(theta: Any) -> float:
        theta = theta.astype(np.float32)
        W1 = theta[: h * v].reshape(h, v)
        b1 = theta[h * v :]
        return float((W1**2).sum() + b1.sum())

    return cost, size, expected


def copies(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=((v, h), "F"))

    def cost(theta: Any) -> float:
        W1 = np.array(theta[: h * v]).reshape(h, v).copy()
        b1 = theta[h * v :].reshape(h, v).T.copy()
        return float((W1**2).sum() + b1.sum())

    return cost, size, expected


Pair = namedtuple("Pair", "W b")


def named_tuple(h: int, v: int) -> Layout:
    size, plain = packed(W=(h, v), b=(h,))
    expected = {f"p.{name}": value for name, value in plain.items()}

    def cost(theta: Any) -> float:
        p = Pair(theta[: h * v].reshape(h, v), theta[h * v :])
        return float((p.W**2).sum() + p.b.sum())

    return cost, size, expected


@dataclass(slots=True)
class Slotted:
    W: Any
    b: Any


def slotted_dataclass(h: int, v: int) -> Layout:
    size, plain = packed(W=(h, v), b=(h,))
    expected = {f"p.{name}": value for name, value in plain.items()}

    def cost(theta: Any) -> float:
        p = Slotted(theta[: h * v].reshape(h, v), theta[h * v :])
        return float((p.W**2).sum() + p.b.sum())

    return cost, size, expected


def simple_namespace(h: int, v: int) -> Layout:
    size, plain = packed(W=(h, v), b=(h,))
    expected = {f"p.{name}": value for name, value in plain.items()}

    def cost(theta: Any) -> float:
        p = SimpleNamespace(W=theta[: h * v].reshape(h, v), b=theta[h * v :])
        return float((p.W**2).sum() + p.b.sum())

    return cost, size, expected


def numbered_list(h: int, v: int) -> Layout:
    size = 2 * h * v
    expected: Expected = {"Ws[0]": (0, (h, v), "C"), "Ws[1]": (h * v, (v, h), "C")}

    def cost(theta: Any) -> float:
        Ws, start = [], 0
        for shape in ((h, v), (v, h)):
            n = shape[0] * shape[1]
            W = theta[start : start + n].reshape(shape)
            Ws.append(W)
            start += n
        return float(sum((W**2).sum() for W in Ws))

    return cost, size, expected


def nested_list(h: int, v: int) -> Layout:
    size = h * v + h
    expected: Expected = {
        "layers[0]['W']": (0, (h, v), "C"),
        "layers[0]['b']": (h * v, (h,), "C"),
    }

    def cost(theta: Any) -> float:
        layers = [{"W": theta[: h * v].reshape(h, v), "b": theta[h * v :]}]
        return float((layers[0]["W"] ** 2).sum() + layers[0]["b"].sum())

    return cost, size, expected


def bias_in_matrix(h: int, v: int) -> Layout:
    size, expected = packed(Theta1=(h, v + 1), Theta2=(v, h + 1))

    def cost(theta: Any) -> float:
        Theta1 = theta[: h * (v + 1)].reshape(h, v + 1)
        Theta2 = theta[h * (v + 1) :].reshape(v, h + 1)
        return float((Theta1[:, 1:] ** 2).sum() + (Theta2[:, 1:] ** 2).sum())

    return cost, size, expected


def column_vectors(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h, 1))

    def cost(theta: Any) -> float:
        W = theta[: h * v].reshape(h, v)
        b = theta[h * v :].reshape(h, 1)
        return float((W.sum() + b).sum())

    return cost, size, expected


def matrix_class(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h, 1))

    def cost(theta: Any) -> float:
        with warnings.catch_warnings(action="ignore"):
            W = np.asmatrix(theta[: h * v].reshape(h, v)).copy().view(np.matrix)
        b = theta[h * v :].reshape(h, 1)
        return float(W.sum() + b.sum())

    return cost, size, expected


def scalars(h: int, v: int) -> Layout:
    size, expected = packed(mu=(), sigma=(), w=(h + v,))

    def cost(theta: Any) -> float:
        mu, sigma = theta[:2]
        w = theta[2:]
        return float(mu**2 + sigma + w.sum())

    return cost, size, expected


def float_scalars(h: int, v: int) -> Layout:
    size, expected = packed(alpha=(), beta=(), w=(h, v))

    def cost(theta: Any) -> float:
        alpha = float(theta[0])
        beta = theta[1]
        w = theta[2:].reshape(h, v)
        return float(alpha * (w**2).sum() + beta)

    return cost, size, expected


def last_entry(h: int, v: int) -> Layout:
    size, expected = packed(w=(h * v,), b=())

    def cost(theta: Any) -> float:
        w, b = theta[: h * v], theta[h * v]
        return float((w**2).sum() + b)

    return cost, size, expected


def hyperparameters(h: int, v: int) -> Layout:
    size, expected = packed(length=(), strength=(), noise=())

    def likelihood(length: float, strength: float, noise: float) -> float:
        return length**2 + strength * noise * h * v

    def cost(theta: Any) -> float:
        return likelihood(*theta)

    return cost, size, expected


def after_a_context(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h,))

    def cost(theta: Any) -> float:
        try:
            with np.errstate(all="ignore"):
                W = theta[: h * v].reshape(h, v)
        except ValueError as error:
            raise TypeError from error
        b = theta[h * v :]
        return float((W**2).sum() + b.sum())

    return cost, size, expected


def strided(h: int, v: int) -> Layout:
    n = h + v
    expected: Expected = {"re": (0, (n,), "strided"), "im": (1, (n,), "strided")}

    def cost(theta: Any) -> float:
        re = theta[::2]
        im = theta[1::2]
        return float((re**2 + im**2).sum())

    return cost, 2 * n, expected


def columns(h: int, v: int) -> Layout:
    n = h + v
    expected: Expected = {"centre": (0, (n, 2), "strided"), "width": (2, (n,), "strided")}

    def cost(theta: Any) -> float:
        table = theta.reshape(n, 3)
        centre = table[:, :2]
        width = table[:, 2]
        return float((centre**2).sum() + width.sum())

    return cost, 3 * n, expected


def one_matrix(h: int, v: int) -> Layout:
    expected: Expected = {"W": (0, (h, v), "C")}

    def cost(theta: Any) -> float:
        W = theta.reshape(h, v)
        return float((W**2).sum())

    return cost, h * v, expected


def asarray_first(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h,))

    def cost(x: Any) -> float:
        x = np.asarray(x, dtype=float).ravel()
        W, b = x[: h * v].reshape(h, v), x[h * v :]
        return float((W**2).sum() + b.sum())

    return cost, size, expected


def flat_names_too(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h,))

    def cost(theta: Any) -> float:
        w_flat = theta[: h * v]
        W = w_flat.reshape(h, v)
        b = theta[h * v :]
        Wt = W.T
        return float((Wt**2).sum() + b.sum())

    return cost, size, expected


def generator_helper(h: int, v: int) -> Layout:
    size, expected = packed(W=(h, v), b=(h,))

    def pieces(theta: Any) -> Any:
        start = 0
        for shape in ((h, v), (h,)):
            stop = start + int(np.prod(shape))
            yield theta[start:stop].reshape(shape)
            start = stop

    def cost(theta: Any) -> float:
        W, b = pieces(theta)
        return float((W**2).sum() + b.sum())

    return cost, size, expected


def parameters_only(h: int, v: int) -> Layout:
    size, expected = packed(W1=(h, v), b1=(h,), W2=(v, h), b2=(v,))

    def cost(t: Any) -> float:
        i, j, k = h * v, h * v + h, 2 * h * v + h
        return network(t[:i].reshape(h, v), t[i:j], t[j:k].reshape(v, h), t[k:])

    return cost, size, expected


LAYOUTS = [
    slices,
    peeled,
    split,
    unroll_helper,
    dictionary,
    keywords,
    attributes,
    callable_object,
    fortran,
    transposed,
    single_precision,
    copies,
    named_tuple,
    slotted_dataclass,
    simple_namespace,
    numbered_list,
    nested_list,
    bias_in_matrix,
    column_vectors,
    matrix_class,
    scalars,
    float_scalars,
    last_entry,
    hyperparameters,
    after_a_context,
    strided,
    columns,
    one_matrix,
    asarray_first,
    flat_names_too,
    generator_helper,
    parameters_only,
]


@pytest.mark.parametrize("near_start", [False, True], ids=["anywhere", "near"])
@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 6), min_size=2, max_size=2, unique=True), seed=st.integers(0, 9)
)
def test_blocks_are_found_with_name_place_shape_and_order(
    make: Callable[[int, int], Layout], near_start: bool, sizes: list[int], seed: int
) -> None:
    cost, size, expected = make(*sizes)
    x0 = np.random.default_rng(seed).normal(size=size)
    x0[seed % size :] = 0.0  # as biases start
    found = discover_layout(cost, size, near=x0 if near_start else None)
    assert {b.name: (b.start, b.shape, b.order) for b in found.layout.blocks} == expected
    assert found.layout.unclaimed == ()
    assert found.evaluations == 1
