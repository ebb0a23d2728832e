"""Which expression gives the values that are needed: on settings made by hand, with the answer."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from gradaudit.api.trace import trace
from gradaudit.backprop.formulas import Formula, Formulas
from gradaudit.backprop.needs import Setting
from gradaudit.backprop.vocabulary import Vocabulary
from tests.backprop import models
from tests.backprop.models import DATA, START, TARGET, line_of

Names = dict[str, Any]


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def evaluated(node: str | ast.expr, spaces: Sequence[Names]) -> list[Any]:
    text = node if isinstance(node, str) else ast.unparse(node)
    return [np.asarray(eval(text, {"np": np, **space}), dtype=np.float64) for space in spaces]


def setting_for(text: str, wanted: str, spaces: Sequence[Names], *, spare: int = 3) -> Setting:
    """Return where `text` stands, in a program whose gradient is right with `wanted` there."""
    values, right = evaluated(text, spaces), evaluated(wanted, spaces)
    change = np.concatenate([(r - v).ravel() for r, v in zip(right, values, strict=True)])
    rng = np.random.default_rng(1)
    system = rng.standard_normal((change.size + spare, change.size))
    known = [{"np": np, **space} for space in spaces]
    return Setting(known, values, system, system @ change)


def formulas_for(
    text: str, wanted: str, spaces: Sequence[Names], *, long: bool = False, spare: int = 3
) -> list[Formula]:
    setting = setting_for(text, wanted, spaces, spare=spare)
    search = Formulas(parsed(text), setting, 20.0)
    words = Vocabulary(setting.spaces, [], {}, "np", search.shapes(), text, 20.0)
    return search.long(words) if long else search.short(words)


def written(whole: str, formula: Formula) -> str:
    """Return the expression that a formula stands for."""
    part, word = ast.unparse(formula.node), formula.word.text
    a, c = repr(formula.amount), repr(formula.constant)
    new = {
        "factor": f"(({part}) * {a} * ({word}))",
        "divisor": f"(({part}) / ({word}))",
        "term": f"(({part}) + {a} * ({word}))",
        "other": f"({a} * ({word}))",
        "slope": f"(({part}) * ({c} + {a} * ({word})))",
        "line": f"({c} + {a} * ({word}))",
    }[formula.kind]
    root = parsed(whole)
    if ast.unparse(root) == part:
        return new
    return ast.unparse(root).replace(part, new, 1)


def kinds(formulas: Sequence[Formula]) -> set[tuple[str, str, str]]:
    return {(f.kind, ast.unparse(f.node), f.word.text) for f in formulas}


def names(*shapes: tuple[int, ...]) -> list[Names]:
    """Return names with values, once for each shape."""
    rng = np.random.default_rng(0)
    return [
        {
            "d": rng.standard_normal(shape),
            "h": rng.standard_normal(shape),
            "g": rng.uniform(0.5, 2.0, shape),
        }
        for shape in shapes
    ]


ONE = names((3, 2))
SEVERAL = names((3,), (2,), (4,))


# -- each kind -------------------------------------------------------------------------------


@pytest.mark.parametrize("spaces", [ONE, SEVERAL, names((), ())])
@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("d", "d * (1 - h ** 2)", ("factor", "d", "(1 - h ** 2)")),
        ("d", "d * h", ("factor", "d", "h")),
        ("d", "d / g", ("divisor", "d", "g")),
        ("d", "d + h", ("term", "d", "h")),
        ("d", "d - 0.25 * h * g", ("term", "d", "h * g")),
        ("d", "3 * h", ("other", "d", "h")),
        ("d", "g / h", ("other", "d", "g / h")),
        ("2 * d", "2 * d * (1 - h ** 2)", ("factor", "d", "(1 - h ** 2)")),
        ("d * h + g", "d * (1 - h) + g", ("other", "h", "(1 - h)")),
        ("d * h + g", "d / h + g", ("other", "d * h", "d / h")),
    ],
)
def test_formula_of_its_kind_is_found(
    spaces: list[Names], text: str, wanted: str, expected: tuple[str, str, str]
) -> None:
    found = formulas_for(text, wanted, spaces)
    assert expected in kinds(found)
    for formula in found:
        values = evaluated(written(text, formula), spaces)
        right = evaluated(wanted, spaces)
        assert all(np.allclose(v, r, atol=1e-4) for v, r in zip(values, right, strict=True))


def test_amount_of_a_term_is_known() -> None:
    found = formulas_for("d", "d - 0.25 * h * g", ONE)
    (formula,) = [f for f in found if (f.kind, f.word.text) == ("term", "h * g")]
    assert formula.amount == pytest.approx(-0.25)


@pytest.mark.parametrize("spaces", [ONE, SEVERAL])
def test_slope_with_constants_is_found(spaces: list[Names]) -> None:
    found = formulas_for("d", "d * (0.7 + 1.5 * h ** 2)", spaces)
    (formula,) = [f for f in found if (f.kind, f.word.text) == ("slope", "h ** 2")]
    assert formula.constant == pytest.approx(0.7)
    assert formula.amount == pytest.approx(1.5)
    assert formula.size > formula.word.size


def test_factor_is_no_slope() -> None:
    found = formulas_for("d", "d * h", ONE)
    assert not [f for f in found if f.kind == "slope" and f.word.text == "h"]


def test_constant_beside_a_value_is_found() -> None:
    found = formulas_for("d * h", "d * (2 - 3 * g)", ONE)
    (formula,) = [f for f in found if (f.kind, f.word.text) == ("line", "g")]
    assert ast.unparse(formula.node) == "h"
    assert (formula.constant, formula.amount) == pytest.approx((2, -3))


def test_sum_over_a_product_is_found_where_classes_are_coupled() -> None:
    space = names((5, 4))[0]
    p = np.exp(space["h"])
    space["p"] = p / p.sum(axis=1, keepdims=True)
    wanted = "p * (d - (d * p).sum(axis=-1, keepdims=True))"
    found = formulas_for("p * d", wanted, [space], long=True)
    assert found
    assert found[0].kind == "term"
    assert ast.unparse(found[0].node) == "d"
    assert found[0].amount == pytest.approx(-1)


def test_value_of_fewer_dimensions_stretches() -> None:
    space = {"d": ONE[0]["d"], "s": np.array([0.5, -2.0])}
    assert ("factor", "d", "s") in kinds(formulas_for("d", "d * s", [space]))


def test_values_that_other_ones_make_up_for_are_found_too() -> None:
    values, right = evaluated("d", ONE)[0], evaluated("d * h", ONE)[0]
    system = np.random.default_rng(2).standard_normal((3, 6))  # fewer entries than values
    change = (right - values).ravel()
    setting = Setting([{"np": np, **ONE[0]}], [values], system, system @ change)
    search = Formulas(parsed("d"), setting, 20.0)
    words = Vocabulary(setting.spaces, [], {}, "np", search.shapes(), "d", 20.0)
    assert ("factor", "d", "h") in kinds(search.short(words))


# -- parts that the whole does not follow linearly -------------------------------------------


@pytest.mark.parametrize("spaces", [ONE, SEVERAL])
@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("d * np.exp(h)", "d * np.exp(h * g)", ("factor", "h", "g")),
        ("d * np.exp(h)", "d * np.exp(h / g)", ("divisor", "h", "g")),
        ("d * np.exp(h)", "d * np.exp(h + g)", ("term", "h", "g")),
        ("d * (1 - h ** 2)", "d * (1 - g ** 2)", ("other", "h", "g")),
    ],
)
def test_part_within_a_function_is_tried(
    spaces: list[Names], text: str, wanted: str, expected: tuple[str, str, str]
) -> None:
    assert expected in kinds(formulas_for(text, wanted, spaces))


def test_long_words_are_tried_in_linear_parts_only() -> None:
    found = formulas_for("d * np.exp(h)", "d * np.exp(h) * (1 + g ** 2)", ONE, long=True)
    assert found
    assert all(ast.unparse(f.node) != "h" for f in found)


def test_part_that_does_not_exist_each_time_is_left_out() -> None:
    spaces = [{"d": ONE[0]["d"], "h": ONE[0]["h"], "parts": None}, {**ONE[0], "parts": [1.0]}]
    found = formulas_for("d if parts is None else d * parts[0]", "d * h", spaces)
    assert found
    assert not any(ast.unparse(f.node).startswith("parts") for f in found)


def test_subscripts_are_left_alone() -> None:
    space = {"hs": [np.ones(2), 2 * np.ones(2)], "t": 0.0, "d": np.arange(1.0, 3.0)}
    found = formulas_for("hs[int(t)] * 1.0", "hs[int(t)] * d", [space])
    assert found
    assert not {"t", "int(t)"} & {ast.unparse(f.node) for f in found}


# -- what is left as it was ------------------------------------------------------------------


def test_names_in_reach_stay_what_they_were() -> None:
    setting = setting_for("d * np.exp(h)", "d * np.exp(h) * g", ONE)
    before = [dict(space) for space in setting.spaces]
    search = Formulas(parsed("d * np.exp(h)"), setting, 20.0)
    words = Vocabulary(setting.spaces, [], {}, "np", search.shapes(), "", 20.0)
    assert search.short(words)
    for space, old in zip(setting.spaces, before, strict=True):
        assert space.keys() - {"__builtins__"} == old.keys() - {"__builtins__"}
        assert all(space[name] is old[name] for name in old)


def test_word_is_not_hidden_by_a_value_tried_before() -> None:
    """What one part was last tried with is ``1 + h``, the word that is wanted."""
    found = formulas_for("d * h", "d * h * (1 + h)", ONE, long=True)
    assert ("factor", "d * h", "(1 + h)") in kinds(found)


def test_seconds_that_are_over_end_the_search() -> None:
    setting = setting_for("d", "d * h", ONE)
    search = Formulas(parsed("d"), setting, -1.0)
    words = Vocabulary(setting.spaces, [], {}, "np", search.shapes(), "", 20.0)
    assert search.short(words) == []


def test_short_words_and_plain_numbers_come_first() -> None:
    found = formulas_for("d", "d * h", ONE)
    assert (found[0].kind, found[0].word.text) == ("factor", "h")


# -- from end to end -------------------------------------------------------------------------


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine find the same as an idle one."""
    monkeypatch.setattr("gradaudit.backprop.repair._FORMULA_SECONDS", 5.0)


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize(
    ("model", "size", "wrong", "right"),
    [
        ("uncoupled", 20, "dz = p * dp", "p * (dp - (p * dp).sum(axis=1, keepdims=True))"),
        (
            "normed",
            20,
            "da = (dn - dn.mean(axis=1, keepdims=True)) / sd",
            "(dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / sd",
        ),
        ("cubic", 20, "da = error @ w2.T", "error @ w2.T * (1 + 1.5 * a ** 2)"),
        ("quotient", 12, "dv = -error / v**2", "-error * u / v ** 2"),
        ("clipped", 20, "dz = dh * (a > 0)", "dh * 2 * a * (a > 0)"),
        ("named", 20, "dz = error @ w2.T", "error @ w2.T * (1 - h ** 2)"),
    ],
)
def test_what_was_dropped_is_written_back(model: str, size: int, wrong: str, right: str) -> None:
    fun, start = getattr(models, model), START[:size]
    found = trace(fun, start, args=(DATA, TARGET), rng=0)
    named = {s.source: s.suggestion for s in found.suspects if s.repairs_gradient}
    assert found.suspects[0].repairs_gradient
    assert wrong in named
    suggestion = named[wrong]
    assert suggestion is not None
    space = _locals_of(fun, start)
    text = suggestion.partition(" = ")[2]
    assert np.allclose(eval(text, dict(space)), eval(right, dict(space)))


def _locals_of(fun: Any, start: Any) -> Names:
    """Return what the names of a model hold when it is done."""
    import sys

    seen: Names = {}

    def look(frame: Any, event: str, _arg: Any) -> Any:
        if event == "return" and frame.f_code is fun.__code__:
            seen.update(frame.f_locals)
        return look if frame.f_code is fun.__code__ else None

    before = sys.gettrace()
    sys.settrace(look)
    try:
        fun(start, DATA, TARGET)
    finally:
        sys.settrace(before)
    return {**vars(models), **seen}


@pytest.mark.usefixtures("_patient")
def test_product_dropped_in_a_recurrence_is_written_back() -> None:
    found = trace(models.gated, START[:12], args=(DATA[:4],), rng=0)
    assert found.suspects[0].line == line_of("        dh = 0.3 * dn\n")
    assert found.suspects[0].suggestion in ("dh = 0.3 * dn + dh * f", "dh = 0.3 * dn + f * dh")


@pytest.mark.usefixtures("_patient")
def test_two_wrong_lines_in_series_are_named() -> None:
    found = trace(models.in_series, START[:20].tolist() + [0.3] * 4, args=(DATA, TARGET), rng=0)
    named = {s.source: s.suggestion for s in found.suspects if s.repairs_gradient}
    assert {"dz = dh", "db1 = dz.mean(axis=0)"} <= named.keys()
    assert named["db1 = dz.mean(axis=0)"] == "db1 = dz.sum(axis=0)"
    assert named["dz = dh"] in ("dz = dh * (1 - h ** 2)", "dz = (1 - h ** 2) * dh")


def test_data_and_generators_are_left_as_they_were() -> None:
    offset, drawing = models.OFFSET.copy(), models.Drawing()
    trace(models.clipped, START, args=(DATA, TARGET), rng=0)
    assert np.array_equal(models.OFFSET, offset)
    found = trace(drawing, START, args=(DATA, TARGET), rng=0)
    assert found.suspects[0].suggestion == "dz = error @ w2.T * (1 - h ** 2)"
    assert drawing.rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@pytest.mark.usefixtures("_patient")
def test_attributes_that_an_edit_leaves_half_done_are_put_back() -> None:
    found = trace(models.Adding(), START, args=(DATA, TARGET), rng=0)
    assert found.stopped == ""
    named = {s.source: s.suggestion for s in found.suspects}
    assert named["dz = error @ w2.T"] == "dz = error @ w2.T * (1 - h ** 2)"
