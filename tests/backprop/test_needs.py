"""What the values of a place would have to be, on models whose answer is known."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from gradaudit.backprop.needs import compile_expression, completed, holes, shifted
from tests.backprop import models
from tests.backprop.bench import Bench, bench
from tests.backprop.models import DATA, START, TARGET


@pytest.fixture(scope="module")
def dense() -> Bench:
    return bench(models.dense, START, DATA, TARGET)


@pytest.fixture(scope="module")
def recurrence() -> Bench:
    return bench(models.recurrence, START[:10], DATA[:3])


# -- one place -------------------------------------------------------------------------------


def test_line_that_no_values_help_is_told(dense: Bench) -> None:
    need = dense.need("dw2 = h.T @ error")
    assert need.exists is False
    assert dense.judge.exists(dense.line("dw2 = h.T @ error")) is False


def test_last_value_of_one_weight_is_needed_just_so(dense: Bench) -> None:
    need = dense.need("dw1 = x.T @ dz")
    assert need.exists is True
    assert need.unique
    assert need.telling
    (shift,) = need.shifts(dense.survey).values()
    missing = -dense.reference.errors(dense.survey.outcome.gradient)
    assert np.allclose(shift, missing[:12].reshape(3, 4), atol=1e-7)


def test_value_with_more_entries_than_it_feeds_is_not_needed_just_so(dense: Bench) -> None:
    need = dense.need("dz = dh")
    assert need.exists is True
    assert not need.unique  # 20 entries make 12 of the gradient
    assert need.telling
    assert need.system.shape == (20, 13)  # as many random changes as the rank, and one
    assert np.linalg.matrix_rank(need.system) == 12


def test_gradient_itself_makes_up_for_anything(dense: Bench) -> None:
    line = next(x for x in dense.survey.lines if isinstance(x.statement, ast.Return))
    (site,) = holes(dense.survey, line)
    need = dense.judge.need(site)
    assert need.exists is True
    assert need.unique
    assert not need.telling
    assert not dense.judge.tells(line)
    assert np.allclose(need.system, np.eye(20))


def test_shift_makes_the_gradient_right(dense: Bench) -> None:
    need = dense.need("dz = dh")
    changes = shifted(need.shifts(dense.survey))
    outcome = dense.experiment.run_changed(dense.reference.theta, changes)
    assert dense.reference.accepts(outcome)


def test_completed_system_says_how_the_gradient_follows(dense: Bench) -> None:
    need = dense.need("dh = error @ w2.T")
    before = dense.experiment.evaluator.calls
    need = completed(dense.experiment, dense.survey, dense.reference, need)
    assert dense.experiment.evaluator.calls - before == 20 - 13
    expected = np.zeros((20, 20))
    for row in range(5):
        for column in range(4):
            unit = np.zeros((5, 4))
            unit[row, column] = 1.0
            expected[:12, 4 * row + column] = (DATA.T @ unit).ravel()
    assert np.allclose(need.system, expected, atol=1e-12)


def test_place_that_the_gradient_follows_not_affinely_is_left_open() -> None:
    cubed = bench(models.cubed, START[:3], DATA)
    need = cubed.need("s = 2 * e")
    assert need.exists is None
    assert not cubed.judge.dismisses(cubed.line("s = 2 * e"), cubed.edit("s = 2 * e", "e"))


def test_whether_a_large_place_can_help_takes_as_many_runs_as_it_has_ways_to() -> None:
    x = np.random.default_rng(0).standard_normal((50, 3))
    y = np.random.default_rng(1).standard_normal((50, 2))
    large = bench(models.dense, START, x, y)
    before = large.experiment.evaluator.calls
    assert large.need("dz = dh").exists is True  # 200 entries, which feed 12 of the gradient
    assert large.experiment.evaluator.calls - before == 12 + 1 + 1
    assert large.judge.setting(large.line("dz = dh"), large.site("dz = dh")) is None
    assert large.need("dw1 = x.T @ dz").exists is True


def test_every_event_of_a_place_has_its_shift(recurrence: Bench) -> None:
    need = recurrence.need("dz = dh")
    shifts = need.shifts(recurrence.survey)
    assert [shift.shape for shift in shifts.values()] == [(2,)] * 3
    assert np.array_equal(np.concatenate(list(shifts.values())), need.shift)


def test_outermost_places_of_a_line_hold_the_others(dense: Bench) -> None:
    line = dense.line("dh = error @ w2.T")
    (site,) = holes(dense.survey, line)
    assert site.text == "error @ w2.T"


# -- parts of the gradient -------------------------------------------------------------------


@pytest.fixture(scope="module")
def two() -> Bench:
    start = np.random.default_rng(6).standard_normal(26)
    return bench(models.two_mistakes, start, DATA, TARGET)


def test_one_of_two_mistakes_cannot_be_helped_alone(two: Bench) -> None:
    assert two.need("db2 = error.mean(axis=0)").exists is False


def test_line_explains_the_wrong_entries_that_it_feeds_alone(two: Bench) -> None:
    explained = two.judge.explained(two.line("db2 = error.mean(axis=0)"))
    assert np.flatnonzero(explained).tolist() == [24, 25]
    assert not two.judge.explained(two.line("dw2 = h.T @ error")).any()


def test_some_entries_are_needed_whatever_the_others_do(two: Bench) -> None:
    need = two.need("db1 = dz.mean(axis=0)")
    rows = np.zeros(26, dtype=np.bool_)
    rows[12:16] = True
    part = need.among(rows)
    assert part.exists
    assert part.unique
    assert not part.telling
    assert np.allclose(part.system @ part.shift, part.missing)


def test_parts_of_a_setting_ask_for_less(two: Bench) -> None:
    line = two.line("db1 = dz.mean(axis=0)")
    settings = list(two.judge.part_settings(line, two.site("db1 = dz.mean(axis=0)")))
    assert settings
    for setting in settings:
        wanted = setting.spaces[0]["dz"].sum(axis=0) - setting.values[0]
        assert np.allclose(setting.system @ wanted, setting.missing, atol=1e-6)


# -- surroundings ----------------------------------------------------------------------------


def test_setting_holds_the_names_and_what_is_missing(dense: Bench) -> None:
    setting = dense.setting("dz = dh")
    (space,) = setting.spaces
    assert setting.whole
    assert setting.follow == frozenset()
    assert np.array_equal(space["dh"], setting.values[0])
    right = space["dh"] * (1 - space["h"] ** 2)
    assert np.allclose(setting.system @ (right - space["dh"]).ravel(), setting.missing, atol=1e-6)


def test_names_that_would_hold_something_else_are_told() -> None:
    found = bench(models.recurrent, START[:9], DATA)
    setting = found.setting("dh = 2 * hs[t + 1]")
    assert setting.whole
    assert {"carried", "dh", "dz", "dw"} <= setting.follow
    assert not {"w", "hs", "t", "x"} & setting.follow


def test_recurrence_is_seen_with_the_needed_values_in_place(recurrence: Bench) -> None:
    need, setting = recurrence.need("dz = dh"), recurrence.setting("dz = dh")
    assert need.unique
    assert not setting.whole
    assert np.array_equal(setting.system, np.eye(6))
    wanted = [s["dh"] * (1 - s["hs"][s["t"] + 1] ** 2) - s["dh"] for s in setting.spaces]
    assert np.allclose(np.concatenate(wanted), setting.missing, atol=1e-6)


def test_recurrence_is_not_explained_by_the_run_as_it_is(recurrence: Bench) -> None:
    need, statement = recurrence.need("dz = dh"), recurrence.line("dz = dh").statement
    theta = recurrence.reference.theta
    _, recording = recurrence.experiment.record_scenes(theta, statement, need.site)
    wanted = [s["dh"] * (1 - s["hs"][s["t"] + 1] ** 2) - s["dh"] for s in recording.scenes]
    assert not np.allclose(np.concatenate(wanted), need.shift, atol=1e-3)


def test_only_the_first_time_counts_where_later_ones_may_be_anything() -> None:
    found = bench(models.uncarried, START[:10], DATA[:3])
    need = found.need("carried = 0.5 * dz")
    assert need.exists is True
    assert not need.unique  # the last that is carried feeds nothing
    setting = found.setting("carried = 0.5 * dz")
    assert len(setting.spaces) == len(setting.values) == 1
    space = setting.spaces[0]
    right = space["w"].T @ space["dz"] - setting.values[0]
    assert np.max(np.abs(setting.missing)) > 1e-3
    assert np.allclose(setting.system @ right, setting.missing, atol=1e-6)


def test_array_of_text_among_the_names_is_no_obstacle() -> None:
    found = bench(models.named, START, DATA, TARGET)
    setting = found.setting("dz = error @ w2.T")
    assert setting.follow == frozenset()
    assert setting.spaces[0]["labels"].tolist() == ["a", "b"]


# -- expressions -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a = 1", "return a"])
def test_statement_is_no_expression(text: str) -> None:
    assert compile_expression(ast.parse(text).body[0]) is None


def test_expression_is_compiled_by_itself() -> None:
    code: Any = compile_expression(ast.parse("(a + 1) * b", mode="eval").body)
    assert eval(code, {"a": 2, "b": 5}) == 15
