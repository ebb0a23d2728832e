"""The wrong line is named, in whatever style the backward pass is written."""

from __future__ import annotations

import linecache
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.api.trace import trace
from gradaudit.backprop.results import Trace
from gradaudit.errors import ArgumentError, TraceRefused
from gradaudit.problem import Problem
from reference_models import autoencoder, question2, three_matrix
from tests.backprop import models
from tests.backprop.models import DATA, START, TARGET, line_of


def first(found: Trace) -> Any:
    assert found.suspects
    return found.suspects[0]


def test_missing_slope_is_named_with_its_correction() -> None:
    found = trace(models.dense, START, args=(DATA, TARGET), rng=0)
    assert first(found).line == line_of("    dz = dh\n")
    assert first(found).suggestion in ("dz = dh * (1 - h ** 2)", "dz = (1 - h ** 2) * dh")
    assert first(found).repairs_gradient
    assert found.confident


def test_right_gradient_raises_no_suspicion() -> None:
    found = trace(models.dense_right, START, args=(DATA, TARGET), rng=0)
    assert found.suspects == ()
    assert "right" in found.summary


@pytest.mark.parametrize("factory", [autoencoder.make_autoencoder, three_matrix.make_problem])
def test_models_of_the_questions_raise_no_suspicion(factory: Any) -> None:
    assert trace(factory=factory, rng=0).suspects == ()


def test_first_answer_to_question_2_has_all_its_wrong_lines_named() -> None:
    _, start, args = three_matrix.make_problem()
    found = trace(question2.cost_and_grad_first_answer, start, args=args, rng=0, seconds=120)
    wrong = {s.source for s in found.suspects if s.repairs_gradient}
    assert wrong == {
        "dSdb3 = dSdxhat.mean(axis=0)",
        "dSdz2 = np.dot(dSdh2, gGradient(z2))",
        "dSdb2 = dSdz2.mean(axis=0)",
        "dSdz1 = np.dot(dSdh1, gGradient(z1))",
        "dSdb1 = dSdz1.mean(axis=0)",
    }
    by_source = {s.source: s.suggestion for s in found.suspects}
    assert by_source["dSdb3 = dSdxhat.mean(axis=0)"] == "dSdb3 = dSdxhat.sum(axis=0)"


def test_matrix_slope_of_question_2_is_named() -> None:
    _, start, args = three_matrix.make_problem()
    found = trace(question2.cost_and_grad_matrix_gradient, start, args=args, rng=0, seconds=120)
    assert first(found).source == "dSdz2 = np.dot(dSdh2, gGradient(z2))"


def test_wrong_helper_is_named_where_it_stands() -> None:
    found = trace(models.with_helper, START, args=(DATA, TARGET), rng=0)
    assert first(found).line == line_of("return 1 - h\n")
    assert first(found).suggestion in ("return 1 - h ** 2", "return 1 - h * h")


def test_wrong_line_of_a_method_is_named() -> None:
    found = trace(models.Layered(0.3), START[:6], args=(DATA, TARGET), rng=0)
    assert first(found).line == line_of("dw += self.strength * self.w")
    assert first(found).suggestion is not None
    assert "2" in first(found).suggestion


def test_derivative_dropped_in_a_loop_over_time_is_named() -> None:
    found = trace(models.recurrent, START[:9], args=(DATA,), rng=0)
    assert first(found).line == line_of("dh = 2 * hs[t + 1]")
    assert first(found).suggestion == "dh = 2 * hs[t + 1] + carried"


def test_parameters_in_a_dict_are_traced() -> None:
    start = {"W": START[:6].reshape(3, 2), "b": START[6:8]}
    found = trace(models.in_dict, start, args=(DATA, TARGET), rng=0)
    assert first(found).line == line_of('grads["b"] = error.mean(axis=0)')
    assert first(found).suggestion == 'grads["b"] = error.sum(axis=0)'
    assert found.wrong == ("b",)


def test_gradient_function_of_its_own_is_traced() -> None:
    found = trace(models.cost_alone, START[:3], jac=models.gradient_alone, args=(DATA,), rng=0)
    assert first(found).line == line_of("slopes = -np.cos(z)")
    assert first(found).suggestion == "slopes = np.cos(z)"


def test_two_mistakes_are_named_together() -> None:
    start = np.random.default_rng(6).standard_normal(26)
    found = trace(models.two_mistakes, start, args=(DATA, TARGET), rng=0)
    named = {s.line for s in found.suspects if s.repair == 1}
    assert named == {line_of("db2 = error.mean(axis=0)"), line_of("db1 = dz.mean(axis=0)")}
    assert "together" in found.summary


def test_lambda_is_traced() -> None:
    found = trace(models.wrong_lambda, START[:3], rng=0)
    assert first(found).line == line_of("lambda theta, x: (")


def test_problem_stands_for_function_and_start() -> None:
    problem = Problem(models.with_helper, START, args=(DATA, TARGET))
    assert first(trace(problem, rng=0)).source == "return 1 - h"


def test_steps_say_what_each_line_is_the_derivative_of() -> None:
    found = trace(models.dense, START, args=(DATA, TARGET), rng=0)
    steps = {step.target: step for step in found.steps}
    assert steps["dw2"].verdict == "right"
    assert steps["dw2"].matches is not None
    assert steps["dw2"].matches.startswith("w2")
    assert steps["dz"].verdict == "wrong"


def test_functions_are_left_as_they_were() -> None:
    before = models.dense.__code__, dict(models.dense.__globals__)
    trace(models.dense, START, args=(DATA, TARGET), rng=0)
    assert models.dense.__code__ is before[0]
    assert models.dense.__globals__.keys() == before[1].keys()


def test_random_state_is_left_as_it_was() -> None:
    np.random.seed(1)
    random.seed(1)
    before = np.random.get_state()[1].copy(), random.getstate()  # type: ignore[union-attr]
    trace(models.dense, START, args=(DATA, TARGET), rng=0)
    assert np.array_equal(np.random.get_state()[1], before[0])  # type: ignore[arg-type]
    assert random.getstate() == before[1]


def test_same_seed_gives_the_same_trace() -> None:
    one, two = (trace(models.with_helper, START, args=(DATA, TARGET), rng=7) for _ in "ab")
    assert one.evaluations.cost == two.evaluations.cost
    assert [s.line for s in one.suspects] == [s.line for s in two.suspects]


def test_budget_ends_the_search_with_what_was_learned() -> None:
    found = trace(models.dense, START, args=(DATA, TARGET), rng=0, budget=150)
    assert "budget" in found.stopped
    assert not found.confident


def test_trace_is_plain_json() -> None:
    found = trace(models.with_helper, START, args=(DATA, TARGET), rng=0)
    plain = found.to_dict()
    assert plain["kind"] == "trace"
    assert plain["suspects"][0]["repairs_gradient"] is True
    assert "schema_version" in found.to_json()


def test_notebook_cell_is_traced() -> None:
    text = "def cell(x):\n    g = 3 * x\n    return float(x @ x), g\n"
    lines: list[str] = [f"{line}\n" for line in text.splitlines()]
    linecache.cache["<cell 1>"] = (len(text), None, lines, "<cell 1>")
    space: dict[str, Any] = {}
    exec(compile(text, "<cell 1>", "exec"), space)
    found = trace(space["cell"], START[:3], rng=0)
    assert first(found).line == 2
    assert first(found).suggestion == "g = 2 * x"


def test_generator_within_is_traced() -> None:
    found = trace(models.by_example, START[:3], args=(DATA, TARGET[:, 0]), rng=0)
    assert first(found).line == line_of("yield e * e, e * row")


def test_array_of_the_user_survives_every_edit() -> None:
    data = DATA.copy()
    trace(models.two_mistakes, np.ones(26), args=(data, TARGET), rng=0)
    assert np.array_equal(data, DATA)


# -- refusals --------------------------------------------------------------------------------


def test_function_without_source_is_refused() -> None:
    space: dict[str, Any] = {}
    exec("def f(x):\n    return float(x @ x), x", space)
    with pytest.raises(TraceRefused, match="source of f cannot be read"):
        trace(space["f"], np.ones(3), rng=0)


def test_function_edited_after_import_is_refused(tmp_path: Path) -> None:
    import importlib.util

    path = tmp_path / "edited_model.py"
    path.write_text("def f(x):\n    return float(x @ x), x\n")
    spec = importlib.util.spec_from_file_location("edited_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path.write_text("def f(x):\n    return float(x @ x), 3 * x + 1\n")
    with pytest.raises(TraceRefused, match="edited after the import"):
        trace(module.f, np.ones(3), rng=0)


def test_cost_that_ignores_its_argument_is_sent_to_check() -> None:
    fixed = np.ones(3)
    with pytest.raises(TraceRefused, match="run gradaudit check"):
        trace(lambda x: (float(fixed @ fixed), 2 * fixed + 0 * x), np.ones(3), rng=0)


def test_random_cost_is_refused() -> None:
    rng = np.random.default_rng(0)

    def noisy(x: Any) -> Any:
        return float(x @ x + rng.standard_normal()), 3 * x

    with pytest.raises(TraceRefused):
        trace(noisy, np.ones(3), rng=0)


def test_backward_pass_of_a_library_is_refused() -> None:
    with pytest.raises(TraceRefused, match="lives in a library"):
        trace(models.bowl, START[:3], jac=np.square, rng=0)


def test_large_problem_is_refused_with_a_way_out() -> None:
    with pytest.raises(TraceRefused, match="factory"):
        trace(lambda x: (float(x @ x), x), np.ones(5000), rng=0)


def test_missing_function_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="fun is missing"):
        trace()
