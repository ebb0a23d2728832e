"""No edit that is right is ever dismissed; most others are, without a run."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradaudit.backprop.edits import Edit, Editor
from gradaudit.backprop.events import frozen, protected
from gradaudit.backprop.experiment import undisturbed
from gradaudit.backprop.needs import Setting, holes
from gradaudit.backprop.repair import Search, home_of
from gradaudit.backprop.survey import Line
from tests.backprop import models
from tests.backprop.bench import Bench, bench
from tests.backprop.models import DATA, START, TARGET

# model, size of its start, its wrong line, what should stand there
_ONE_MISTAKE = [
    ("dense", 20, "dz = dh", "dh * (1 - h**2)"),
    ("recurrence", 10, "dz = dh", "dh * (1 - hs[t + 1] ** 2)"),
    ("recurrent", 9, "dh = 2 * hs[t + 1]", "2 * hs[t + 1] + carried"),
    ("uncarried", 10, "carried = 0.5 * dz", "w.T @ dz"),
    (
        "sequences",
        10,
        "dz = 2 * hs[t + 1] + carried",
        "(2 * hs[t + 1] + carried) * (1 - hs[t + 1] ** 2)",
    ),
    ("gated", 12, "dh = 0.3 * dn", "0.3 * dn + f * dh"),
    ("uncoupled", 20, "dz = p * dp", "p * (dp - (p * dp).sum(axis=1, keepdims=True))"),
    ("cubic", 20, "da = error @ w2.T", "(error @ w2.T) * (1 + 1.5 * a**2)"),
    ("quotient", 12, "dv = -error / v ** 2", "-error * u / v**2"),
    ("clipped", 20, "dz = dh * (a > 0)", "dh * 2 * a * (a > 0)"),
    ("cubed", 3, "s = 2 * e", "e"),
]
_STEPS = {"recurrence": 4, "recurrent": 4, "uncarried": 3, "sequences": 5, "gated": 4, "cubed": 4}


def made(model: str, size: int, seed: int | None = None) -> Bench:
    start = START[:size] if seed is None else np.random.default_rng(seed).standard_normal(size)
    args = (DATA[: _STEPS[model]],) if model in _STEPS else (DATA, TARGET)
    with undisturbed():
        return bench(getattr(models, model), start, *args)


def edits_of(found: Bench, line: Line) -> Iterator[Edit]:
    """Yield what the search tries on a line."""
    search = Search(found.experiment, found.survey, [found.reference])
    unit = found.experiment.program.units[line.unit]
    editor = Editor(line.statement, search.scope(line), home_of(line.statement, unit))
    yield from editor.simple()
    yield from itertools.islice(editor.names(), 150)
    yield from itertools.islice(editor.insertions(), 250)


def accepted(found: Bench, line: Line, edit: Edit) -> bool:
    """Run the program with an edit."""
    search = Search(found.experiment, found.survey, [found.reference])
    codes = search.compiled(line, edit)
    if codes is None:
        return False
    outcome = found.experiment.run_edited(found.reference.theta, line.unit, codes)
    return found.reference.accepts(outcome)


# -- the right edit --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize(("model", "size", "wrong", "right"), _ONE_MISTAKE)
def test_right_edit_is_never_dismissed(
    model: str, size: int, wrong: str, right: str, seed: int | None
) -> None:
    found = made(model, size, seed)
    line, edit = found.line(wrong), found.edit(wrong, right)
    with undisturbed():
        assert accepted(found, line, edit)
        assert not found.judge.dismisses(line, edit)
        assert found.judge.exists(line) is not False


@pytest.mark.parametrize("amount", [-1.0, 0.01, 3.0, 1000.0])
@pytest.mark.parametrize(
    ("model", "size", "wrong", "term"),
    [
        ("recurrent", 9, "dh = 2 * hs[t + 1]", "carried"),
        ("gated", 12, "dh = 0.3 * dn", "f * dh"),
        ("uncoupled", 20, "dz = p * dp", "p * (p * dp).sum(axis=1, keepdims=True)"),
        ("quotient", 12, "dv = -error / v ** 2", "error * (1 - u) / v**2"),
    ],
)
def test_edit_that_lacks_but_a_number_is_never_dismissed(
    model: str, size: int, wrong: str, term: str, amount: float
) -> None:
    found = made(model, size)
    statement = found.line(wrong).statement
    assert isinstance(statement, ast.Assign)
    old = ast.unparse(statement.value)
    edit = found.edit(wrong, f"{old} + {amount} * ({term})")
    edit.scaled = lambda k: ast.BinOp(edit.new, ast.Mult(), k)  # type: ignore[arg-type]
    with undisturbed():
        assert not found.judge.dismisses(found.line(wrong), edit)


def test_edit_with_the_wrong_number_alone_is_dismissed() -> None:
    found = made("quotient", 12)
    wrong = "dv = -error / v ** 2"
    edit = found.edit(wrong, "-error / v ** 2 + 3 * error * (1 - u) / v**2")
    assert found.judge.dismisses(found.line(wrong), edit)


@pytest.mark.parametrize(("model", "size"), [case[:2] for case in _ONE_MISTAKE])
def test_edit_that_is_dismissed_is_wrong_when_run(model: str, size: int) -> None:
    found = made(model, size)
    with undisturbed():
        for line in found.survey.lines:
            if not line.certain:
                continue
            dismissed = [e for e in edits_of(found, line) if found.judge.dismisses(line, e)]
            for edit in dismissed[::19]:
                assert not accepted(found, line, edit), ast.unparse(edit.new)


def test_infinite_gradient_is_never_right() -> None:
    found = made("recurrent", 9)
    wrong = found.survey.outcome.gradient.copy()
    for strange in (np.inf, -np.inf, np.nan):
        assert found.reference.wrong(np.full_like(wrong, strange)).all()


# -- the others ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "size", "wrong"),
    [(m, n, w) for m, n, w, _ in _ONE_MISTAKE if m not in ("recurrent", "cubed")],
)
def test_other_edits_with_a_value_are_dismissed(model: str, size: int, wrong: str) -> None:
    found = made(model, size)
    line = found.line(wrong)
    (site,) = holes(found.survey, line)
    inside = set(ast.walk(site.node))
    with undisturbed():
        shown = found.setting(wrong)
        tried = [e for e in edits_of(found, line) if e.old in inside and has_value(e, shown)]
        left = [e for e in tried if not found.judge.dismisses(line, e)]
        assert len(tried) > 40
        assert len(left) <= 6, [ast.unparse(e.new) for e in left]


def has_value(edit: Edit, setting: Setting) -> bool:
    """Tell whether an edit gives something of the old shape where its line stands."""
    with edit.applied():
        value = getattr(edit.statement, "value")  # noqa: B009
        text = ast.unparse(value)
    try:
        new = np.asarray(eval(text, frozen(setting.spaces[0])))
    except Exception:
        return False
    return new.shape == setting.values[0].shape


def test_line_that_nothing_helps_has_its_edits_dismissed() -> None:
    found = made("dense", 20)
    line = found.line("dw2 = h.T @ error")
    assert found.judge.dismisses(line, found.edit("dw2 = h.T @ error", "2 * h.T @ error"))


def test_line_that_nothing_helps_is_judged_by_as_many_runs_as_it_has_ways_to_act() -> None:
    found = made("sequences", 10)
    text = "du += np.outer(dz, part[t])"
    line = found.line(text)
    before = found.experiment.evaluator.calls
    assert found.judge.exists(line) is False
    assert found.experiment.evaluator.calls - before == 6 + 1 + 1  # 30 entries, added to 6
    edit = found.edit(text, "np.outer(carried, part[t])")  # carried would be something else
    assert found.judge.dismisses(line, edit)
    assert found.experiment.evaluator.calls - before == 6 + 1 + 1 + 1


@pytest.mark.parametrize("new", ["dh @ h", "dh[7, 9]", "h.nothing", "dh + du", "dw1"])
def test_edit_that_raises_is_not_run(new: str) -> None:
    found = made("dense", 20)
    line = found.line("dz = dh")
    assert found.judge.dismisses(line, found.edit("dz = dh", new.replace("du", "x")))


def test_edits_of_what_feeds_a_recurrence_are_held_against_the_truth_after_many_runs() -> None:
    found = made("sequences", 10)
    text = "dz = 2 * hs[t + 1] + carried"
    line, wrong = found.line(text), found.edit(text, "2 * hs[t] + carried")
    right = found.edit(text, "(2 * hs[t + 1] + carried) * (1 - hs[t + 1] ** 2)")
    with undisturbed():
        for _ in range(30):
            found.judge.dismisses(line, wrong)
        assert accepted(found, line, right)
        assert not found.judge.dismisses(line, right)
        assert found.judge.dismisses(line, wrong)


def test_value_of_another_shape_is_left_to_a_run() -> None:
    found = made("dense", 20)
    edit = found.edit("dz = dh", "dh.sum(axis=0)")
    assert not found.judge.dismisses(found.line("dz = dh"), edit)


def test_value_that_cannot_be_had_is_left_to_a_run() -> None:
    found = made("dense", 20)
    edit = found.edit("dz = dh", "dh * unknown")
    assert not found.judge.dismisses(found.line("dz = dh"), edit)


def test_edit_that_reads_what_would_be_something_else_is_left_to_a_run() -> None:
    found = made("recurrent", 9)
    line = found.line("dh = 2 * hs[t + 1]")
    assert found.judge.setting(line, found.site("dh = 2 * hs[t + 1]")) is not None
    assert not found.judge.dismisses(line, found.edit("dh = 2 * hs[t + 1]", "carried"))
    assert found.judge.dismisses(line, found.edit("dh = 2 * hs[t + 1]", "hs[t]"))


def test_function_that_changes_what_it_is_given_spoils_no_judgement() -> None:
    found = made("clipped", 20)
    wrong = "dz = dh * (a > 0)"
    line, right = found.line(wrong), "dh * 2 * a * (a > 0)"
    for name in ("a", "dh"):
        found.judge.dismisses(line, found.edit(wrong, f"dh * clip_({name})"))
    assert not found.judge.dismisses(line, found.edit(wrong, right))
    assert np.min(found.setting(wrong).spaces[0]["a"]) < 0


def test_method_that_changes_its_object_spoils_no_judgement() -> None:
    class Sum:
        def __init__(self) -> None:
            self.total = np.zeros(2)

        def add(self, value: Any) -> Any:
            self.total += value
            return self.total

    space = {"sum_": Sum(), "d": np.ones(2), "np": np}
    code = compile("sum_.add(d) * 2", "<expression>", "eval")
    for _ in range(3):
        assert eval(code, protected(code, space)).tolist() == [2.0, 2.0]
    plain = compile("np.exp(d) * sum_.total", "<expression>", "eval")
    assert protected(plain, space) is space


def test_dismissal_leaves_the_tree_as_it_was() -> None:
    found = made("dense", 20)
    line = found.line("dz = dh")
    found.judge.dismisses(line, found.edit("dz = dh", "dh * h"))
    assert ast.unparse(line.statement) == "dz = dh"


# -- one of several mistakes -----------------------------------------------------------------


@pytest.fixture(scope="module")
def two() -> Bench:
    start = np.random.default_rng(6).standard_normal(26)
    return bench(models.two_mistakes, start, DATA, TARGET)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("db2 = error.mean(axis=0)", "error.sum(axis=0)"),
        ("db1 = dz.mean(axis=0)", "dz.sum(axis=0)"),
    ],
)
def test_edit_that_helps_in_part_is_dismissed_only_as_a_whole(
    two: Bench, wrong: str, right: str
) -> None:
    line, edit = two.line(wrong), two.edit(wrong, right)
    assert two.judge.dismisses(line, edit)
    assert not two.judge.dismisses(line, edit, partly=True)


def test_edit_that_harms_right_entries_is_dismissed_in_part_too(two: Bench) -> None:
    line = two.line("dw2 = h.T @ error")
    assert two.judge.dismisses(line, two.edit("dw2 = h.T @ error", "-h.T @ error"), partly=True)


def test_edit_that_helps_nowhere_is_dismissed_in_part_too(two: Bench) -> None:
    wrong = "db2 = error.mean(axis=0)"
    assert two.judge.dismisses(two.line(wrong), two.edit(wrong, "error[0]"), partly=True)


def test_mistake_before_another_is_welcome_in_part() -> None:
    start = np.append(START, [0.3, -0.2, 0.1, 0.4])
    found = bench(models.in_series, start, DATA, TARGET)
    line, edit = found.line("dz = dh"), found.edit("dz = dh", "dh * (1 - h**2)")
    assert found.judge.exists(line) is True
    assert not found.judge.dismisses(line, edit, partly=True)


# -- true derivatives put in -----------------------------------------------------------------


def right_derivatives(theta: Any, x: Any) -> list[Any]:
    """Return the derivatives by the states of `recurrent`, the last first: an own backward pass."""
    w, hs = theta.reshape(3, 3), [np.zeros(3)]
    for row in x:
        hs.append(np.tanh(w @ hs[-1] + row))
    found, carried = [], np.zeros(3)
    for h in reversed(hs[1:]):
        found.append(2 * h + carried)
        carried = w.T @ (found[-1] * (1 - h**2))
    return found


def test_surroundings_are_seen_with_true_derivatives_in_place() -> None:
    found = made("recurrent", 9)
    line, site = found.line("dh = 2 * hs[t + 1]"), found.site("dh = 2 * hs[t + 1]")
    with undisturbed():
        setting = found.judge.true_setting(line, site)
    assert setting is not None
    assert not setting.whole
    right = np.concatenate(right_derivatives(START[:9], DATA[:4]))
    assert np.allclose(np.concatenate(setting.values) + setting.missing, right, atol=1e-6)
    for space, value in zip(setting.spaces, setting.values, strict=True):
        assert np.allclose(2 * space["hs"][space["t"] + 1], value)
    carried = np.concatenate([space["carried"] for space in setting.spaces])
    assert np.allclose(carried, setting.missing, atol=1e-6)
    assert found.judge.clamped[line.statement].text.startswith("np.tanh")


def test_no_true_derivative_helps_a_line_that_is_none() -> None:
    found = made("dense", 20)
    line, site = found.line("dw2 = h.T @ error"), found.site("dw2 = h.T @ error")
    with undisturbed():
        assert found.judge.true_setting(line, site) is None
    assert line.statement not in found.judge.clamped
