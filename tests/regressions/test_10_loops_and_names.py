"""Functions made in loops, and names used in place of the parameter."""
# ruff: noqa: B023, ARG001  (late binding and shadowed names are what is tested)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import check

A = np.array([[1.0, 2], [3, -1], [0.5, 0.7]])
START = np.array([0.5, -0.3])
STRENGTHS = (0.0, 1.0, 10.0)


def ridge(w: Any, lam: float) -> tuple[float, Any]:
    r = A @ w - 1
    return float(r @ r + lam * w @ w), 2 * (A.T @ r + lam * w)


def kept_in_a_list() -> list[Callable[[Any], Any]]:
    costs = []
    for lam in STRENGTHS:
        costs.append(lambda w: ridge(w, lam))
    return costs


def made_by_a_comprehension() -> list[Callable[[Any], Any]]:
    return [lambda w: ridge(w, lam=lam) for lam in STRENGTHS]


def bound_as_a_default() -> list[Callable[[Any], Any]]:
    return [lambda w, lam=lam: ridge(w, lam) for lam in STRENGTHS]


def made_by_a_factory() -> list[Callable[[Any], Any]]:
    def make(lam: float) -> Callable[[Any], Any]:
        return lambda w: ridge(w, lam)

    return [make(lam) for lam in STRENGTHS]


@pytest.mark.parametrize("make", [kept_in_a_list, made_by_a_comprehension])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_functions_kept_from_a_loop_share_its_last_value(make: Any, number: int) -> None:
    costs = make()
    report = check(costs[number], START, rng=number)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("late-binding", "error")]
    assert "lam" in str(report.findings[0].notes) + report.findings[0].message


@pytest.mark.parametrize("seed", [0, 1])
def test_functions_kept_in_a_dictionary_share_the_last_value(seed: int) -> None:
    costs = {}
    for lam in STRENGTHS:
        costs[lam] = lambda w: ridge(w, lam)
    report = check(costs[0.0], START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("late-binding", "error")]


@pytest.mark.parametrize("make", [kept_in_a_list, made_by_a_comprehension])
def test_function_taken_out_of_a_loop_whose_siblings_are_gone_is_a_warning(make: Any) -> None:
    report = check(make()[0], START, rng=0)
    assert [(f.slug, f.level) for f in report.findings] == [("late-binding", "warning")]


def test_function_used_within_the_running_loop_is_healthy() -> None:
    for lam in STRENGTHS:
        report = check(lambda w: ridge(w, lam), START, rng=0)
        assert report.verdict == "PASS", str(report)
        assert report.findings == ()


@pytest.mark.parametrize("make", [bound_as_a_default, made_by_a_factory])
def test_functions_with_a_value_of_their_own_are_healthy(make: Any) -> None:
    costs = make()
    for seed, cost in enumerate(costs):
        report = check(cost, START, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert report.findings == ()


LAYERS = [START]


def shadowed(w: Any) -> tuple[float, Any]:
    value, g = 0.0, np.zeros(2)
    for w in LAYERS:
        part, slope = ridge(w, 0.0)
        value, g = value + part, g + slope
    return value, g


def shadowed_in_a_comprehension(w: Any) -> tuple[float, Any]:
    parts = [ridge(w, 0.0) for w in LAYERS]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


@pytest.mark.parametrize("fun", [shadowed, shadowed_in_a_comprehension])
@pytest.mark.parametrize("seed", [0, 1])
def test_loop_variable_that_hides_the_parameter_gets_no_wrong_correction(
    fun: Any, seed: int
) -> None:
    """The line `for w in w:` would not run, or would loop over numbers."""
    report = check(fun, START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["ignored-argument"]
    assert report.findings[0].replacement is None
