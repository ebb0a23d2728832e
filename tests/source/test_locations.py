"""Places and descriptions of callables, and the user's frames of an exception."""
# ruff: noqa: E731

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.blocks import parse_layout
from gradaudit.source.closures import read_callable
from gradaudit.source.locations import (
    describe_callable,
    is_user_code,
    locate_callable,
    user_frames,
)

FILE = os.path.basename(__file__)
square = lambda x: x @ x


@functools.lru_cache
@functools.wraps(square)
def decorated(x: Any) -> Any:
    return x @ x


def plain(x: Any) -> Any:
    return x @ x


class Model:
    def cost(self, x: Any) -> Any:
        return x @ x

    def __call__(self, x: Any) -> Any:
        return x @ x


@pytest.mark.parametrize(
    ("fun", "description", "source"),
    [
        (plain, "plain", "def plain(x: Any) -> Any:"),
        (functools.partial(plain), "plain", "def plain(x: Any) -> Any:"),
        (Model().cost, "cost", "    def cost(self, x: Any) -> Any:"),
        (Model(), "Model", "    def __call__(self, x: Any) -> Any:"),
        (decorated, "decorated", "def decorated(x: Any) -> Any:"),
    ],
    ids=["def", "partial", "method", "object", "decorated"],
)
def test_python_callables_are_located(fun: Any, description: str, source: str) -> None:
    place = locate_callable(fun)
    assert place is not None
    assert (place.path, place.source) == (__file__, source)
    assert describe_callable(fun) == description


def test_lambda_is_described_by_its_place() -> None:
    place = locate_callable(square)
    assert place is not None
    assert describe_callable(square) == f"<lambda> ({FILE}:{place.line})"
    assert place.source == "square = lambda x: x @ x"


@pytest.mark.parametrize(
    ("fun", "description"), [(np.sum, "sum"), (len, "len"), (3, "int"), (None, "NoneType")]
)
def test_what_is_not_the_users_is_described_all_the_same(fun: Any, description: str) -> None:
    assert describe_callable(fun) == description


def test_user_code_is_told_from_libraries() -> None:
    assert is_user_code(__file__)
    assert is_user_code("<stdin>")
    assert is_user_code("<ipython-input-3-abcdef>")
    assert not is_user_code("<frozen importlib._bootstrap>")
    assert not is_user_code("<__array_function__ internals>")
    assert not is_user_code(json.__file__)
    assert not is_user_code(np.linalg.__file__)
    assert not is_user_code(parse_layout.__code__.co_filename)
    assert is_user_code(np.linalg.__file__, np.fft.__file__)


def test_frames_of_an_exception_are_the_users_own() -> None:
    def fails(values: Any) -> Any:
        return np.linalg.cholesky(values)

    try:
        fails(-np.eye(2))
    except np.linalg.LinAlgError as error:
        frames = user_frames(error.__traceback__)
    assert [frame.function for frame in frames] == [
        "test_frames_of_an_exception_are_the_users_own",
        "fails",
    ]
    assert frames[-1].location.source.strip() == "return np.linalg.cholesky(values)"
    assert frames[-1].location.path == __file__


def test_our_own_frames_are_left_out() -> None:
    try:
        parse_layout("nonsense", 3)
    except ValueError as error:
        frames = user_frames(error.__traceback__)
    assert [frame.function for frame in frames] == ["test_our_own_frames_are_left_out"]


def test_edited_source_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    file.write_text("theta = 1\ndef cost(x):\n    return theta\n")
    namespace: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    file.write_text("theta = 1\ndef cost(x):\n    return x + theta\n")
    (suspicion,) = read_callable(namespace["cost"], np.ones(2))
    assert (suspicion.reason, suspicion.replacement) == ("unused", None)
    assert suspicion.location is not None
    assert suspicion.location.source == ""
    assert "source" in suspicion.note


def test_source_less_function_is_read_from_its_bytecode() -> None:
    theta = np.ones(3)
    namespace: dict[str, Any] = {"theta": theta, "cost": np.sum}
    exec("J = lambda x: cost(theta)\nK = lambda x: cost(x)", namespace)
    (suspicion,) = read_callable(namespace["J"], np.ones(3))
    assert (suspicion.used_instead, suspicion.replacement) == ("theta", None)
    assert read_callable(namespace["K"], np.ones(3)) == ()
