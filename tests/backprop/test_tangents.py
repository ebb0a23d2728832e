"""Derivatives carried forward are recognised, and the first wrong one is named."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.api.trace import trace
from gradaudit.backprop.causes import Sensitivities, sensitivities
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.reference import complete_reference
from gradaudit.backprop.results import Trace
from gradaudit.backprop.survey import Survey, survey
from gradaudit.backprop.tangents import Order, measure_tangents, telling
from gradaudit.evaluator import Evaluator
from gradaudit.problem import Problem
from tests.backprop import recursions
from tests.backprop.models import DATA, START, TARGET, dense

RETURNS = np.random.default_rng(2).standard_normal(9)
THETA = np.array([-0.4, -1.1, 0.7])


def line_of(text: str) -> int:
    lines = Path(recursions.__file__).read_text().split("\n")
    found = [i for i, line in enumerate(lines, 1) if line.strip() == text]
    assert len(found) == 1
    return found[0]


def told(function: Any, theta: Any, *args: Any) -> tuple[Sensitivities, Survey]:
    evaluator = Evaluator(Problem(function, theta, args=args))
    experiment = Experiment(evaluator, theta)
    outcome = experiment.run(theta)
    assert outcome is not None
    reference = complete_reference(evaluator.cost, theta, outcome)
    seen = survey(experiment, reference)
    assert seen is not None
    found = sensitivities(experiment, seen, reference)
    assert found is not None
    return found, seen


def names(statements: set[ast.stmt]) -> set[str]:
    return {ast.unparse(s).split(" ")[0] for s in statements}


@pytest.mark.parametrize("function", [recursions.stacked_wrong, recursions.single_wrong])
def test_dropped_term_of_a_recursion_is_named_first(function: Any) -> None:
    found = trace(function, THETA, args=(RETURNS,), rng=0)
    text = "d_v = alpha * d_shock" if function is recursions.stacked_wrong else None
    assert found.suspects[0].line == line_of(text or "d_v[j] = d_omega[j] + d_alpha[j] * shock")
    assert found.suspects[0].repairs_gradient
    assert found.suspects[0].suggestion is not None
    assert "beta" in found.suspects[0].suggestion


@pytest.mark.parametrize("function", [recursions.stacked, recursions.single])
def test_right_recursion_raises_no_suspicion(function: Any) -> None:
    assert trace(function, THETA, args=(RETURNS,), rng=0).suspects == ()


@pytest.mark.parametrize("function", [recursions.stacked, recursions.single])
def test_right_tangents_are_all_recognised_and_nothing_is_accused(function: Any) -> None:
    found, _ = told(function, THETA, RETURNS)
    assert found.cause is None
    assert all(track.right for track in found.tracks)
    assert any("v" in name for name in names(found.right))


def test_steps_say_by_which_parameters_a_value_is_a_derivative() -> None:
    found: Trace = trace(recursions.score_wrong, THETA, args=(RETURNS,), rng=0)
    assert found.suspects[0].source == "score += d_v / v"
    steps = {step.target: step for step in found.steps}
    assert steps["d_v"].verdict == "right"
    assert steps["d_v"].matches is not None
    assert steps["d_v"].matches.startswith("dv / dtheta (line ")
    assert "d cost / d dv" not in str(found)


def test_backward_pass_of_adjoints_is_not_read_as_tangents() -> None:
    found, _ = told(dense, START[:20], DATA, TARGET)
    assert found.cause is None


def test_moved_program_that_takes_another_way_is_not_measured() -> None:
    theta = np.array([0.0, 1.0])
    evaluator = Evaluator(Problem(recursions.branching, theta))
    experiment = Experiment(evaluator, theta)
    outcome = experiment.run(theta)
    assert outcome is not None
    reference = complete_reference(evaluator.cost, theta, outcome)
    seen = survey(experiment, reference)
    assert seen is not None
    assert measure_tangents(experiment, seen, reference) is None


def test_places_in_loops_are_counted_off() -> None:
    inner = Order(0, "single", every=3, start=1)
    assert [inner.place(i) for i in (0, 2, 3)] == [(1, 0), (1, 2), (2, 0)]
    outer = Order(0, "single", every=3, outer=True, first=1)
    assert [outer.place(i) for i in (0, 2, 3)] == [(0, 1), (2, 1), (0, 2)]


def test_zeros_and_ones_prove_nothing() -> None:
    assert not telling(np.array([0.0, 1.0, -1.0]))
    assert telling(np.array([0.0, 0.5]))
