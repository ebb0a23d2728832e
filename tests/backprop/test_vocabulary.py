"""Expressions of the names in reach: which are made, with which values, and what they leave be."""

from __future__ import annotations

import ast
import textwrap
import time
from typing import Any

import numpy as np
import pytest

from gradaudit.backprop.vocabulary import Vocabulary, Word, broadcasts, evaluate_text, is_harmless
from gradaudit.backprop.vocabulary import together as stretched

A = np.random.default_rng(0).standard_normal((3, 4))
B = np.random.default_rng(1).standard_normal((3, 4))
SQUARE = np.random.default_rng(2).standard_normal((4, 4)) + 3 * np.eye(4)
V = np.random.default_rng(3).standard_normal(4)
U = np.random.default_rng(4).standard_normal(3)


def words(
    names: dict[str, Any] | list[dict[str, Any]],
    *shapes: tuple[int, ...],
    source: str = "",
    functions: dict[str, int] | None = None,
    seconds: float = 20.0,
) -> Vocabulary:
    spaces = [names] if isinstance(names, dict) else names
    tree = ast.parse(textwrap.dedent(source))
    spaces = [{"np": np, **space} for space in spaces]
    return Vocabulary(spaces, [tree], functions or {}, "np", set(shapes), "", seconds)


def word(found: list[Word], value: Any) -> Word:
    """Return the word whose first value this is."""
    wanted = np.asarray(value, dtype=np.float64)
    same = [w for w in found if w.shape == wanted.shape and np.allclose(w.values[0], wanted)]
    assert same, [w.text for w in found]
    return same[0]


# -- what is found ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (U[:, None], (3, 4)),
        (A.T, (4, 3)),
        (SQUARE.T, (4, 4)),
        (A @ V, (3,)),
        (A.T @ U, (4,)),
        (V @ SQUARE, (4,)),
        (A @ SQUARE.T, (3, 4)),
        (np.outer(U, V), (3, 4)),
        (A * B, (3, 4)),
        (A / B, (3, 4)),
        (A - B, (3, 4)),
        (A + B, (3, 4)),
        (1 - A**2, (3, 4)),
        (A * (1 - A), (3, 4)),
        (A > 0, (3, 4)),
        (np.exp(B), (3, 4)),
        (A.sum(axis=0), (4,)),
        (A.sum(axis=1), (3,)),
        (A.sum(axis=-1, keepdims=True), (3, 4)),
        (A.mean(axis=0), (4,)),
        (A.sum(), ()),
    ],
)
def test_usual_expression_is_among_the_short_ones(value: Any, shape: tuple[int, ...]) -> None:
    found = words({"a": A, "b": B, "s": SQUARE, "v": V, "u": U}, shape)
    assert word(found.short, value).size <= 2


@pytest.mark.parametrize(
    "value",
    [
        (A * B).sum(axis=-1, keepdims=True),
        1 + A**2,
        np.cos(B),
        A**3,
        A * (1 - B**2),
        A * B * B,
        U[:, None] * A * B,
    ],
)
def test_longer_expression_is_made_when_asked_for(value: Any) -> None:
    found = words({"a": A, "b": B, "u": U}, (3, 4))
    assert word(found.long, value).size > 2


@pytest.mark.parametrize("value", [np.diag(SQUARE), np.trace(SQUARE), np.linalg.inv(SQUARE)])
def test_function_of_a_matrix_is_made(value: Any) -> None:
    found = words({"s": SQUARE}, (4, 4))
    assert word(found.long, value).shape == np.shape(value)


def test_expression_of_the_source_is_known() -> None:
    found = words({"a": A, "b": B}, (3, 4), source="c = np.arctan(a)\nd = b * 7")
    assert word(found.short, np.arctan(A)).text == "np.arctan(a)"
    assert word(found.short, B * 7).text == "b * 7"


def test_own_function_of_one_argument_is_called() -> None:
    def soft(x: Any) -> Any:
        return 1 / (1 + np.exp(-3 * x))

    def both(x: Any, y: Any) -> Any:
        return x + y

    found = words({"a": A, "soft": soft, "both": both}, (3, 4), functions={"soft": 1, "both": 2})
    assert word(found.short, soft(A)).text == "soft(a)"
    assert word(found.short, 1 - soft(A)).text == "(1 - soft(a))"
    assert word(found.short, soft(A) * (1 - soft(A))).text == "soft(a) * (1 - soft(a))"
    assert not any("both" in w.text for w in found.short)


def test_own_function_gets_a_copy() -> None:
    def clip(x: Any) -> Any:
        x[x < 0] = 0.0
        return x

    a = A.copy()
    found = words({"a": a, "clip": clip}, (3, 4), functions={"clip": 1}, source="h = clip(a)")
    assert np.array_equal(a, A)
    assert np.array_equal(word(found.short, A).values[0], A)
    assert word(found.short, np.maximum(A, 0)).text == "clip(a)"


def test_entries_of_dicts_lists_and_objects_are_read() -> None:
    class Layer:
        def __init__(self) -> None:
            self.w = A
            self.cache = {"h": B}

    found = words({"layer": Layer(), "grads": {"W": V}, "parts": [U, 2.5]}, (3, 4), (4,), (3,), ())
    texts = {w.text for w in found.atoms}
    assert texts == {"layer.w", "layer.cache['h']", "grads['W']", "parts[0]", "parts[1]"}


def test_objects_that_hold_themselves_have_an_end() -> None:
    class Knot:
        def __init__(self) -> None:
            self.parts: Any = [{"knot": self}, {"knot": [[self]]}]
            self.w = V

    loop: list[Any] = [U]
    loop.append(loop)
    found = words({"knot": Knot(), "loop": loop, "all": {"in": {"it": [Knot()]}}}, (4,), (3,))
    assert {"knot.w", "loop[0]"} <= {w.text for w in found.atoms}


def test_entries_beside_those_of_the_source_are_read() -> None:
    hs = [np.full(2, float(k)) + 0.1 * k**2 for k in range(6)]
    spaces = [{"hs": hs, "t": t} for t in (4, 3, 2, 1)]
    found = words(spaces, (2,), source="dh = hs[t] * 2")
    for step, text in ((0, "hs[t]"), (1, "hs[t + 1]"), (-1, "hs[t - 1]")):
        (known,) = [w for w in found.atoms if w.text == text]
        assert all(np.array_equal(known.values[i], hs[4 - i + step]) for i in range(4))


def test_every_text_gives_its_values_each_time() -> None:
    spaces = [{"a": k * A, "b": B - k, "v": V + k} for k in (1.0, 2.0, 3.0)]
    found = words(spaces, (3, 4), (4,), source="c = a * b\nd = np.tanh(a)")
    known = [*found.short, *found.long]
    for each in [*known[:300], *known[300::37]]:
        values = evaluate_text(each.text, [{"np": np, **space} for space in spaces])
        assert values is not None, each.text
        assert all(np.allclose(v, w) for v, w in zip(values, each.values, strict=True)), each.text


def test_each_value_is_said_once() -> None:
    found = words({"a": A, "again": A.copy(), "b": B}, (3, 4))
    known = [w for w in (*found.short, *found.long) if w.shape == (3, 4)]
    keys = [w.values[0].round(9).tobytes() for w in known]
    assert len(set(keys)) == len(keys)


def test_values_of_other_shapes_are_left_out() -> None:
    found = words({"a": A, "b": B, "v": V, "u": U}, (4,))
    assert all(broadcasts(w.shape, (4,)) for w in (*found.short, *found.long))


def test_zeros_and_what_is_not_finite_say_nothing() -> None:
    found = words({"z": np.zeros(4), "v": V, "bad": np.full(4, np.nan)}, (4,))
    texts = {w.text for w in found.short}
    assert "v" in texts
    assert not {"z", "bad", "v / z"} & texts


def test_names_of_the_statement_come_first() -> None:
    names = {f"n{k}": V + k for k in range(200)}
    spaces = [{"np": np, **names}]
    found = Vocabulary(spaces, [], {}, "np", {(4,)}, "d = n180 * n170", 20.0)
    assert {w.text for w in found.atoms[:2]} == {"n170", "n180"}
    assert len(found.atoms) < 200


def test_operand_has_brackets_where_it_needs_them() -> None:
    texts = ("a", "a.T", "f(a)", "(a - b)", "a * b", "(a) * (b)", "-a")
    operands = [Word(text, [V], 1).operand for text in texts]
    assert operands == ["a", "a.T", "f(a)", "(a - b)", "(a * b)", "((a) * (b))", "(-a)"]


# -- what is left alone ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "stack.pop()",
        "stack.append(a)",
        "cache.update(b)",
        "a.sort()",
        "a.fill(0)",
        "seen.add(1)",
        "np.random.normal(0, 1)",
        "[f(x) for x in stack]",
        "(lambda: stack)()",
        "(y := a)",
        "g(stack.pop() * 2)",
    ],
)
def test_expression_that_may_change_something_is_not_harmless(text: str) -> None:
    assert not is_harmless(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text", ["a.sum(axis=0)", "a.T @ b", "np.exp(-a)", "hs[t - 1]", "cache['h'].reshape(2, -1)"]
)
def test_plain_expression_is_harmless(text: str) -> None:
    assert is_harmless(ast.parse(text, mode="eval").body)


def test_methods_that_change_things_are_never_called() -> None:
    stack, cache, a = [U.copy(), V.copy()], {"h": V.copy()}, -np.sort(-V)
    source = """
        d = stack.pop() * 2
        stack.append(a)
        e = cache.pop("h")
        cache.update(h=a)
        a.sort()
        a.fill(0.0)
    """
    found = words({"stack": stack, "cache": cache, "a": a}, (4,), source=source)
    assert found.short
    assert [part.tolist() for part in stack] == [U.tolist(), V.tolist()]
    assert cache["h"].tolist() == V.tolist()
    assert a.tolist() == (-np.sort(-V)).tolist()


def test_methods_of_ones_own_and_generators_work_on_copies() -> None:
    class Layer:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(0)
            self.total = np.zeros(4)

        def backward(self, v: Any) -> Any:
            self.total += v
            return self.total

    layer, rng = Layer(), np.random.default_rng(0)
    state = rng.bit_generator.state
    source = "d = layer.backward(v)\ne = layer.rng.normal(size=4)\nf = rng.normal(size=4)"
    found = words({"layer": layer, "rng": rng, "v": V}, (4,), source=source)
    assert found.short
    assert layer.total.tolist() == [0.0] * 4
    assert layer.rng.bit_generator.state == state
    assert rng.bit_generator.state == state


def test_seconds_that_are_over_end_it_at_once() -> None:
    found = words({"a": A, "b": B, "v": V}, (3, 4), seconds=0.0)
    assert len(found.atoms) == 1
    assert len(found.short) <= 4
    assert len(found.long) <= 4


@pytest.mark.parametrize("shape", [(60, 60), (7,)])
def test_seconds_are_kept_with_many_large_values(shape: tuple[int, ...]) -> None:
    large = np.random.default_rng(0).standard_normal((40, 60, 60))
    names = {f"n{k}": part for k, part in enumerate(large)}
    began = time.perf_counter()
    found = words([names] * 5, shape, seconds=0.1)
    assert found.short
    assert found.long is not None
    assert time.perf_counter() - began < 2.0  # minutes without


# -- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a +", "missing", "1 / 0", "'text'", "[1, 2]"])
def test_text_without_a_value_has_none(text: str) -> None:
    assert evaluate_text(text, [{"a": 1.0}]) is None


def test_text_is_evaluated_each_time() -> None:
    values = evaluate_text("a * 2", [{"a": 1.0}, {"a": np.ones(2)}])
    assert values is not None
    assert [v.tolist() for v in values] == [2.0, [2.0, 2.0]]


def test_value_is_no_view_of_what_a_name_holds() -> None:
    a = A.copy()
    values = evaluate_text("a", [{"a": a}])
    assert values is not None
    assert not np.shares_memory(values[0], a)


@pytest.mark.parametrize(
    ("shape", "whole", "fits"),
    [((), (3,), True), ((3,), (2, 3), True), ((2, 1), (2, 3), True), ((2,), (2, 3), False)],
)
def test_shape_stretches_to_another(
    shape: tuple[int, ...], whole: tuple[int, ...], fits: bool
) -> None:
    assert broadcasts(shape, whole) is fits
    assert stretched(shape, whole) == (whole if fits else None)
