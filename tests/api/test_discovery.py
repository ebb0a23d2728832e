"""Which names hold which entries: `discover_blocks` and the layout of an audit."""
# ruff: noqa: ARG001  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import gradaudit
from gradaudit import Block, EvaluationError, Problem, Verdict, check, discover_blocks
from reference_models import autoencoder, three_matrix


def two_blocks(theta: Any) -> Any:
    W = theta[:6].reshape(2, 3)
    b = theta[6:]
    value = float((W**2).sum() + (b**3).sum())
    return value, np.concatenate([(2 * W).ravel(), 3 * b**2])


def test_blocks_are_named_as_in_the_functions_own_code() -> None:
    layout = discover_blocks(two_blocks, np.ones(8))
    assert layout.blocks == (Block("W", 0, (2, 3)), Block("b", 6, (2,)))
    assert layout.unclaimed == ()


def test_container_names_its_blocks_without_a_run() -> None:
    calls: list[Any] = []
    layout = discover_blocks(lambda p: calls.append(p), {"W": np.ones((2, 3)), "b": np.ones(2)})
    assert [(b.name, b.start, b.shape) for b in layout.blocks] == [("W", 0, (2, 3)), ("b", 6, (2,))]
    assert calls == []


def test_given_blocks_always_win() -> None:
    report = check(two_blocks, np.arange(1.0, 9.0), blocks="first=4,second=4", rng=0)
    assert [block.name for block in report.blocks] == ["first", "second"]


def test_blocks_of_a_problem_are_its_own() -> None:
    layout = discover_blocks(Problem(two_blocks, np.ones(8), blocks="all=8"))
    assert [block.name for block in layout.blocks] == ["all"]


def test_function_runs_twice_at_most() -> None:
    calls: list[Any] = []

    def counted(theta: Any) -> Any:
        calls.append(theta)
        return two_blocks(theta)

    discover_blocks(counted, np.ones(8))
    assert len(calls) <= 2


def test_arguments_are_passed_on() -> None:
    fun, start, args = autoencoder.make_autoencoder()
    layout = discover_blocks(fun, start, args=args)
    assert {b.name: b.shape for b in layout.blocks} == autoencoder.block_shapes(5, 3)


def test_blocks_of_question_two_are_found() -> None:
    fun, start, args = three_matrix.make_problem()
    layout = discover_blocks(fun, start, args=args)
    assert {b.name: b.shape for b in layout.blocks} == three_matrix.block_shapes(4, 3)


def test_discovered_blocks_are_those_of_the_audit() -> None:
    layout = discover_blocks(two_blocks, np.arange(1.0, 9.0))
    report = check(two_blocks, np.arange(1.0, 9.0), rng=0)
    assert [(b.name, b.start, b.shape) for b in report.blocks] == [
        (b.name, b.start, b.shape) for b in layout.blocks
    ]
    assert "two_blocks" in report.layout_source


def test_function_without_names_is_one_block_in_the_audit() -> None:
    report = check(lambda t: (float(t @ t), 2 * t), np.ones(5), rng=0)
    assert [(b.name, b.shape) for b in report.blocks] == [("theta", (5,))]


def test_stretch_without_a_name_is_unclaimed_but_checked() -> None:
    def partly(theta: Any) -> Any:
        W = theta[:6].reshape(2, 3)
        return float((W**2).sum() + (theta[6:] ** 2).sum()), 2 * theta * np.repeat([1, 1.1], [6, 2])

    report = check(partly, np.arange(1.0, 9.0), rng=0)
    verdicts = {block.name: block.verdict for block in report.blocks}
    assert verdicts["W"] == Verdict.PASS
    assert report.verdict == Verdict.FAIL
    assert sum(block.size for block in report.blocks) == 8


def test_function_that_raises_is_not_hidden() -> None:
    def broken(theta: Any) -> Any:
        raise ValueError("not here")

    with pytest.raises((EvaluationError, ValueError), match="not here"):
        discover_blocks(broken, np.ones(3))


def test_profiler_that_runs_is_restored() -> None:
    events: list[str] = []

    def profiler(frame: Any, event: str, arg: Any) -> None:
        events.append(event)

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        layout = discover_blocks(two_blocks, np.ones(8))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(before)
    assert [block.name for block in layout.blocks] == ["W", "b"]
    assert events


def test_tracer_that_runs_is_restored() -> None:
    def tracer(frame: Any, event: str, arg: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        layout = discover_blocks(two_blocks, np.ones(8))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert [block.name for block in layout.blocks] == ["W", "b"]


def test_repeated_audits_of_one_function_find_the_same_blocks() -> None:
    names = [
        [block.name for block in check(two_blocks, np.arange(1.0, 9.0), rng=0).blocks]
        for _ in range(2)
    ]
    assert names[0] == names[1]


def test_same_code_at_another_size_is_discovered_anew() -> None:
    def packed(theta: Any, n: int) -> Any:
        W = theta[: n * n].reshape(n, n)
        b = theta[n * n :]
        return float((W**2).sum() + b @ b), 2 * theta

    for n in (2, 3, 2):
        report = check(packed, np.arange(1.0, n * n + n + 1), args=(n,), rng=0)
        assert [block.shape for block in report.blocks] == [(n, n), (n,)]


def test_layout_is_public() -> None:
    assert isinstance(discover_blocks(two_blocks, np.ones(8)), gradaudit.Layout)
