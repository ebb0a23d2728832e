"""Does the cost move with its argument?"""
# ruff: noqa: ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import Block, Problem
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.dependence import (
    REACHES,
    Dependence,
    probe_dependence,
    stands_still,
)

x = np.array([1.0, -2.0, 3.0, 4.0])


def probe(fun: Callable[[Any], float], **more: Any) -> Dependence:
    problem = Problem(fun, x, jac=None, bounds=more.pop("bounds", None))
    return probe_dependence(
        Evaluator(problem), problem.start, fun(x), np.ones(4), np.random.default_rng(0),
        lower=problem.lower, upper=problem.upper, **more,
    )  # fmt: skip


def test_cost_that_moves_is_noticed_with_one_evaluation() -> None:
    found = probe(lambda t: float(t @ t))
    assert not found.constant
    assert found.moved_at == REACHES[0]
    assert found.evaluations == 1


def test_constant_cost_takes_all_reaches() -> None:
    found = probe(lambda t: 3.0)
    assert found.constant
    assert found.evaluations == len(REACHES)


def test_rounded_cost_moves_further_away() -> None:
    found = probe(lambda t: float(np.round(t).sum()))
    assert not found.constant
    assert found.moved_at is not None
    assert found.moved_at > REACHES[0]


def test_saturated_cost_moves_at_the_largest_reach() -> None:
    assert not probe(lambda t: float((np.abs(t) > 20).any())).constant


def test_cost_that_becomes_nan_moves() -> None:
    assert not probe(lambda t: 1.0 if np.array_equal(t, x) else np.nan).constant


@pytest.mark.parametrize(("name", "constant"), [("used", False), ("unused", True)])
def test_only_the_named_block_is_moved(name: str, constant: bool) -> None:
    blocks = {"used": Block("used", 0, (2,)), "unused": Block("unused", 2, (2,))}
    assert probe(lambda t: float(t[0] * t[1]), blocks=[blocks[name]]).constant == constant


def test_probing_stays_inside_bounds() -> None:
    def fenced(t: Any) -> float:
        assert (t >= -3).all()
        assert (t <= 5).all()
        return 1.0

    assert probe(fenced, bounds=[(-3, 5)] * 4).constant


def still(fun: Callable[[Any], tuple[float, Any]], **more: Any) -> bool:
    evaluator = Evaluator(Problem(fun, x, **more))
    found = stands_still(evaluator, np.random.default_rng(0))
    assert evaluator.calls <= 2
    return found


def test_cost_and_gradient_of_an_ignored_argument_stand_still() -> None:
    assert still(lambda t: (float(x @ x), 2 * x))


def refusing(t: Any) -> tuple[float, Any]:
    if (t != x).any():
        raise ValueError("too far")
    return 1.0, x


@pytest.mark.parametrize(
    "fun",
    [
        lambda t: (float(t @ t), 2 * t),
        lambda t: (float(t @ x), x),
        lambda t: (1.0, t),
        lambda t: (1.0, np.zeros(4)),
        lambda t: (np.inf, x),
        refusing,
    ],
    ids=["quadratic", "linear", "constant cost", "saturated", "infinite", "refusing"],
)
def test_what_moves_or_may_be_saturated_does_not_stand_still(
    fun: Callable[[Any], tuple[float, Any]],
) -> None:
    assert not still(fun)


def test_nothing_is_said_where_the_bounds_leave_no_room() -> None:
    assert not still(lambda t: (float(x @ x), 2 * x), bounds=[(v, v) for v in x])
