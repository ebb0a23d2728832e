"""Bad input: each kind is refused, or survived, in words that help."""
# ruff: noqa: ARG001, ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradaudit
from gradaudit import ArgumentError, BlockLayoutError, EvaluationError, Report, Verdict, check

x = np.array([1.0, 2.0, 3.0])


def as_matrix(values: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(values)


def quadratic(theta: Any) -> Any:
    return float(np.sum(theta * theta)), 2 * theta


def slugs(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings]


def errors(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings if finding.level == "error"]


# starts


def test_empty_start_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="x0 is empty"):
        check(quadratic, np.zeros(0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_start_that_is_not_finite_is_an_argument_error(value: float) -> None:
    with pytest.raises(ArgumentError, match=r"x0\[1\]"):
        check(quadratic, np.array([1.0, value]))


def test_object_start_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="object"):
        check(quadratic, np.array([1.0, None], dtype=object))


def test_complex_start_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="complex"):
        check(quadratic, x + 1j)


def _read_only() -> Any:
    start = x.copy()
    start.flags.writeable = False
    return start


@pytest.mark.parametrize(
    "start",
    [
        np.array(2.0),
        2.0,
        2,
        np.float64(2.0),
        [1, 2, 3],
        (1.0, 2.0),
        np.array([1, 2, 3]),
        np.array([True, True]),
        x.astype(np.float32),
        x.astype(np.float16),
        x.astype(np.longdouble),
        x.astype(">f8"),
        _read_only(),
        np.arange(1.0, 7.0)[::2],
        np.arange(1.0, 7.0)[::-1],
        np.arange(1.0, 7.0).reshape(2, 3),
        np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3)),
        np.arange(1.0, 13.0).reshape(3, 4).T[1:],
        as_matrix(x),
        np.zeros(3),
        np.full(3, 1e-100),
    ],
    ids=[
        "0-d", "float", "int", "numpy float", "list", "tuple", "integer", "bool", "float32",
        "float16", "long double", "big-endian", "read-only", "strided", "reversed", "2-d",
        "fortran", "transposed view", "matrix", "zeros", "tiny",
    ],
)  # fmt: skip
def test_unusual_start_is_audited(start: Any) -> None:
    before = np.array(start, copy=True)
    report = check(quadratic, start, rng=0)
    assert report.verdict == Verdict.PASS
    assert errors(report) == []
    assert np.array_equal(before, start)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_wrong_gradient_in_low_precision_is_found(dtype: Any) -> None:
    report = check(lambda t: (np.sum(t * t), 2.5 * t), x.astype(dtype), rng=0)
    assert report.verdict == Verdict.FAIL


# costs


def test_cost_that_raises_at_the_start_is_chained() -> None:
    def broken(theta: Any) -> Any:
        return theta @ np.ones(7), theta

    with pytest.raises(EvaluationError, match="broken raised ValueError at x0") as caught:
        check(broken, x)
    assert isinstance(caught.value.__cause__, ValueError)


def test_cost_that_always_raises_is_not_said_to_ignore_its_argument() -> None:
    def stub(theta: Any) -> Any:
        raise NotImplementedError("to do")

    with pytest.raises(EvaluationError, match="NotImplementedError at x0: to do"):
        check(stub, x)


def test_cost_that_raises_a_little_away_is_still_audited() -> None:
    def narrow(theta: Any) -> Any:
        if abs(theta[0] - 1.0) > 1e-2:
            raise ValueError("too far")
        return quadratic(theta)

    assert check(narrow, x, rng=0).verdict == Verdict.PASS


def test_cost_that_raises_everywhere_else_is_inconclusive_and_says_why() -> None:
    def only_here(theta: Any) -> Any:
        if not np.array_equal(theta, [1.0, 2.0, 3.0]):
            raise ValueError("out of reach")
        return quadratic(theta)

    report = check(only_here, x, rng=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert "out of reach" in str(report)


def test_cost_that_is_nan_everywhere_else_is_inconclusive_and_says_why() -> None:
    def only_here(theta: Any) -> Any:
        return (14.0 if np.array_equal(theta, [1.0, 2.0, 3.0]) else np.nan), 2 * theta

    report = check(only_here, x, rng=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert "finite" in str(report)
    assert report.evaluations.cost < 300


@pytest.mark.parametrize(
    ("returned", "slug", "words"),
    [
        (None, "wrong-shape", "None"),
        ((1.0, x, 3), "wrong-shape", "tuple of 3"),
        ((1.0,), "wrong-shape", "tuple of 1"),
        (x, "jac-flag", "shape (3,)"),
        (1.0, "jac-flag", "1.0"),
        (1 + 2j, "jac-flag", "complex"),
        ((1 + 2j, x), "wrong-shape", "complex"),
        ((x, x), "wrong-shape", "single number"),
        ((None, x), "wrong-shape", "None"),
        ((np.ma.masked, x), "wrong-shape", "masked"),
        ((np.eye(2), x), "wrong-shape", "(2, 2)"),
        ((as_matrix(np.eye(2)), x), "wrong-shape", "matrix"),
        (("1", x), "wrong-shape", "str"),
    ],
    ids=str,
)
def test_return_that_is_no_cost_and_gradient_fails_with_what_it_is(
    returned: Any, slug: str, words: str
) -> None:
    report = check(lambda theta: returned if theta is not None else theta, x, rng=0)
    assert report.verdict == Verdict.FAIL
    assert errors(report) == [slug]
    assert words in report.findings[0].message


@pytest.mark.parametrize(
    "dress",
    [
        lambda value: np.array([value]),
        lambda value: np.array([[value]]),
        as_matrix,
        np.ma.masked_array,
        np.float64,
        np.longdouble,
    ],
    ids=["(1,)", "(1, 1)", "matrix", "masked array without mask", "numpy", "long double"],
)
def test_cost_in_another_dress_is_right(dress: Callable[[float], Any]) -> None:
    report = check(lambda t: (dress(float(t @ t)), 2 * t), x, rng=0)
    assert report.verdict == Verdict.PASS
    assert report.findings == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_cost_that_is_not_finite_at_the_start_is_the_only_finding(value: float) -> None:
    def cost(theta: Any) -> Any:
        return float(theta @ theta) + value, 2 * theta

    report = check(cost, x, rng=0)
    assert report.verdict == Verdict.FAIL
    assert slugs(report) == ["non-finite"]


# gradients


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (lambda t: 2 * t[:2], "2 entries"),
        (lambda t: np.append(2 * t, 0.0), "4 entries"),
        (lambda t: None, "None"),
        (lambda t: 2 * t + 0j, "real"),
        (lambda t: float(t[0]), "1 entry"),
        (lambda t: np.outer(t, t), "9 entries"),
        (lambda t: [2 * t[0], [1.0]], "ragged"),
    ],
)
def test_gradient_that_cannot_be_compared_fails_with_what_it_is(
    gradient: Callable[[Any], Any], words: str
) -> None:
    report = check(lambda t: (float(t @ t), gradient(t)), x, rng=0)
    assert report.verdict == Verdict.FAIL
    assert errors(report) == ["wrong-shape"]
    assert words in report.findings[0].message


@pytest.mark.parametrize(
    "dress", [lambda g: g[:, None], as_matrix, lambda g: g[None]], ids=["column", "matrix", "row"]
)
def test_gradient_of_right_values_in_another_shape_is_wrong_shape_alone(
    dress: Callable[[Any], Any],
) -> None:
    report = check(lambda t: (float(t @ t), dress(2 * t)), x, rng=0)
    assert report.verdict == Verdict.FAIL
    assert errors(report) == ["wrong-shape"]
    assert "(3,)" in report.findings[0].message
    assert all(block.verdict == Verdict.PASS for block in report.blocks)


@pytest.mark.parametrize("shape", [(3, 2), (6,), (2, 3, 1)])
def test_gradient_of_another_shape_than_a_matrix_start_is_wrong_shape(
    shape: tuple[int, ...],
) -> None:
    start = np.arange(1.0, 7.0).reshape(2, 3)
    report = check(lambda t: (float((t * t).sum()), (2 * t).reshape(shape)), start, rng=0)
    assert errors(report) == ["wrong-shape"]


def test_gradient_of_a_block_in_another_shape_is_wrong_shape_and_names_the_block() -> None:
    start = {"W": np.arange(1.0, 7.0).reshape(2, 3), "b": x}

    def cost(p: Any) -> Any:
        value = float((p["W"] ** 2).sum() + (p["b"] ** 2).sum())
        return value, {"W": 2 * p["W"], "b": 2 * p["b"][:, None]}

    report = check(cost, start, rng=0)
    assert errors(report) == ["wrong-shape"]
    assert "b" in report.findings[0].message.replace("gradient", "").split()


@pytest.mark.parametrize("dress", [list, tuple, lambda g: g.astype(np.float32)])
def test_gradient_in_another_dress_is_right(dress: Callable[[Any], Any]) -> None:
    report = check(lambda t: (float(t @ t), dress(2 * t)), x, rng=0)
    assert report.verdict == Verdict.PASS
    assert errors(report) == []


def test_integer_gradient_that_is_right_passes() -> None:
    report = check(lambda t: (float(2 * t[0] + 3 * t[1] - t[2]), np.array([2, 3, -1])), x, rng=0)
    assert report.verdict == Verdict.PASS
    assert errors(report) == []


def test_gradient_cut_to_integers_fails() -> None:
    assert check(lambda t: (float(t @ t), (2 * t).astype(int)), x, rng=0).verdict == Verdict.FAIL


@pytest.mark.parametrize(("blocks", "name"), [("a=1,b=2", "b[0]"), ("W=3x1", "W[1, 0]")])
def test_single_nan_in_the_gradient_is_named_by_block_and_index(blocks: str, name: str) -> None:
    def cost(theta: Any) -> Any:
        gradient = 2 * theta
        gradient[1] = np.nan
        return float(theta @ theta), gradient

    report = check(cost, x, blocks=blocks, rng=0)
    assert report.verdict == Verdict.FAIL
    assert errors(report) == ["non-finite"]
    assert name in report.findings[0].message
    assert report.findings[0].data["indices"] == (1,) or report.findings[0].data["indices"]


def test_single_nan_in_a_discovered_block_is_found() -> None:
    def cost(theta: Any) -> Any:
        W = theta[:4].reshape(2, 2)
        b = theta[4:]
        gradient = np.concatenate([(2 * W).ravel(), 2 * b])
        gradient[5] = np.nan
        return float((W**2).sum() + (b**2).sum()), gradient

    report = check(cost, np.arange(1.0, 7.0), rng=0)
    assert errors(report) == ["non-finite"]
    assert "[" in report.findings[0].message


def test_missing_part_of_a_container_is_named() -> None:
    report = check(
        lambda p: (float((p["W"] ** 2).sum() + p["b"] @ p["b"]), {"W": 2 * p["W"]}),
        {"W": np.eye(2), "b": x},
        rng=0,
    )
    assert errors(report) == ["wrong-shape"]
    assert "nothing for b" in report.findings[0].message


# settings


@pytest.mark.parametrize(
    "settings",
    [
        {"negligible": 1e-2},
        {"rtol": 1e-7},
        {"rtol": 0},
        {"rtol": -1e-3},
        {"rtol": 1.0},
        {"rtol": np.nan},
        {"rtol": None},
        {"rtol": "small"},
        {"negligible": 0.0},
        {"negligible": -1e-6},
        {"confidence": 0},
        {"confidence": 1},
        {"confidence": 1.5},
        {"confidence": np.nan},
        {"confidence": "high"},
        {"points": 0},
        {"points": -1},
        {"points": 1.5},
        {"points": None},
        {"budget": 0},
        {"budget": -5},
        {"budget": 1.5},
        {"budget": "all"},
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": np.nan},
        {"seconds": "long"},
        {"allow": "knik"},
        {"allow": 3},
        {"only": "W9"},
        {"only": 3},
        {"only": ()},
        {"jac": None},
        {"jac": False},
        {"jac": "2-point"},
    ],
    ids=str,
)
def test_setting_that_makes_no_sense_is_an_argument_error_that_names_it(
    settings: dict[str, Any],
) -> None:
    (name,) = settings
    with pytest.raises(ArgumentError, match=name):
        check(quadratic, x, **{"rng": 0, **settings})


@pytest.mark.parametrize("rng", [-1, "seed", 1.5], ids=str)
def test_seed_that_cannot_be_one_is_an_argument_error(rng: Any) -> None:
    with pytest.raises(ArgumentError, match="rng"):
        check(quadratic, x, rng=rng)


@pytest.mark.parametrize(
    "settings",
    [
        {"points": np.int64(2)},
        {"rtol": np.float32(1e-3)},
        {"negligible": np.float64(1e-6)},
        {"budget": np.int32(500)},
        {"seconds": np.float32(60)},
        {"rng": np.random.default_rng(1)},
        {"rng": np.int64(3)},
        {"rng": None},
    ],
    ids=["points", "rtol", "negligible", "budget", "seconds", "generator", "seed", "none"],
)
def test_numpy_numbers_are_numbers(settings: dict[str, Any]) -> None:
    assert check(quadratic, x, **{"rng": 0, **settings}).verdict == Verdict.PASS


def test_misspelt_finding_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ArgumentError, match="'kink'"):
        check(quadratic, x, allow="knik")


def test_allowed_finding_of_an_unknown_block_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"'W9'|kink:W9"):
        check(quadratic, x, blocks="a=3", allow="kink:W9", rng=0)


def test_x0_that_is_missing_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="x0 is missing"):
        check(quadratic)


def test_nothing_is_called_before_the_settings_are_understood() -> None:
    calls: list[Any] = []
    with pytest.raises(ArgumentError):
        check(lambda t: calls.append(t) or quadratic(t), x, rtol=-1)
    assert calls == []


# bounds and blocks


def test_entries_all_pinned_by_their_bounds_are_inconclusive() -> None:
    report = check(quadratic, x, bounds=[(1, 1), (2, 2), (3, 3)], rng=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert errors(report) == []
    assert "bounds" in str(report)
    assert "pin" in str(report)


def test_block_pinned_by_its_bounds_is_inconclusive_and_the_other_is_judged() -> None:
    report = check(
        quadratic, x, bounds=[(1, 1), (None, None), (None, None)], blocks="a=1,b=2", rng=0
    )
    assert [block.verdict for block in report.blocks] == [Verdict.INCONCLUSIVE, Verdict.PASS]
    assert "pin" in report.blocks[0].reason
    assert slugs(report) == []


def test_low_above_high_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match=r"bounds\[0\]"):
        check(quadratic, x, bounds=[(2, 1), (0, 9), (0, 9)])


def test_start_outside_its_bounds_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match=r"x0\[0\]"):
        check(quadratic, x, bounds=[(2, 3), (0, 9), (0, 9)])


@pytest.mark.parametrize(
    "blocks", ["a=2", "a=2,b=2", "a=3,a=3", [gradaudit.Block("a", 2, (2,))], 5]
)
def test_blocks_that_do_not_describe_the_vector_are_a_layout_error(blocks: Any) -> None:
    with pytest.raises(BlockLayoutError):
        check(quadratic, x, blocks=blocks)


@pytest.mark.parametrize(
    "name",
    [
        "[bold red]W[/]",
        "\x1b[31mW\x1b[0m",
        "a\nb",
        "<script>",
        "日本",
        "%s{}",
        "\u202eW",
        "\x00",
        " ",
    ],
)
def test_block_names_are_data(name: str) -> None:
    plain = check(lambda t: (float(t @ t), 3 * t), x, blocks={"W": 3}, rng=0)
    report = check(lambda t: (float(t @ t), 3 * t), x, blocks={name: 3}, rng=0)
    assert report.verdict == plain.verdict
    assert report.blocks[0].name == name
    assert report.evaluations.cost == plain.evaluations.cost
    shown = str(report)
    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert "\u202e" not in shown
    assert report.to_dict()["blocks"][0]["name"] == name


# manners of the user's function


def test_cost_that_prints_is_audited() -> None:
    def chatty(theta: Any) -> Any:
        print("cost called")
        return quadratic(theta)

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        report = check(chatty, x, rng=0)
    assert report.verdict == Verdict.PASS
    assert printed.getvalue().count("cost called") == report.evaluations.cost


def test_global_random_state_of_numpy_is_as_before() -> None:
    def drawing(theta: Any) -> Any:
        np.random.random(3)
        return quadratic(theta)

    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    check(drawing, x, rng=0)
    assert np.random.random() == expected


def test_global_random_state_of_python_is_as_before() -> None:
    def drawing(theta: Any) -> Any:
        random.random()
        return quadratic(theta)

    random.seed(3)
    state = random.getstate()
    check(drawing, x, rng=0)
    assert random.getstate() == state


def test_audit_itself_draws_from_no_global_state() -> None:
    np.random.seed(3)
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr,index]
    check(quadratic, x)
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]


def test_cost_that_draws_its_value_is_inconclusive_and_the_state_is_named() -> None:
    def noisy(theta: Any) -> Any:
        return float(theta @ theta) + 0.1 * np.random.random(), 2 * theta

    report = check(noisy, x, rng=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    finding = next(f for f in report.findings if f.slug == "nondeterministic")
    assert any("numpy.random" in note for note in finding.notes)


@pytest.mark.parametrize("mode", ["raise", "ignore", "warn"])
def test_cost_that_changes_numpys_error_handling_changes_nothing(mode: Any) -> None:
    def strict(theta: Any) -> Any:
        np.seterr(all=mode)
        return quadratic(theta)

    before = np.geterr()
    assert check(strict, x, rng=0).verdict == Verdict.PASS
    assert np.geterr() == before


@pytest.mark.parametrize("after", [0, 1, 3, 30, 60])
def test_interrupt_passes_through_with_the_report_so_far(after: int) -> None:
    calls = [0]

    def slow(theta: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise KeyboardInterrupt
        return quadratic(theta)

    with pytest.raises(KeyboardInterrupt) as caught:
        check(slow, x, rng=0)
    report = caught.value.gradaudit_report  # type: ignore[attr-defined]
    assert isinstance(report, Report)
    assert report.evaluations.cost == after + 1
    assert report.verdict == Verdict.INCONCLUSIVE
    assert "interrupted" in str(report)
    assert any("INCONCLUSIVE" in note for note in caught.value.__notes__)


def test_fault_seen_before_the_interrupt_is_in_the_report() -> None:
    calls = [0]

    def slow(theta: Any) -> Any:
        calls[0] += 1
        if calls[0] > 60:
            raise KeyboardInterrupt
        return float(theta @ theta), 3 * theta

    with pytest.raises(KeyboardInterrupt) as caught:
        check(slow, x, points=20, rng=0)
    assert isinstance(caught.value.gradaudit_report, Report)  # type: ignore[attr-defined]


def test_random_state_is_restored_after_an_interrupt() -> None:
    def slow(theta: Any) -> Any:
        np.random.random()
        raise KeyboardInterrupt

    np.random.seed(3)
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr,index]
    with pytest.raises(KeyboardInterrupt):
        check(slow, x)
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]


SPECIAL = [
    "__getattr__", "__bool__", "__eq__", "__len__", "__hash__", "__repr__", "__str__", "__iter__",
]  # fmt: skip


def _hostile(call: Callable[..., Any], method: str) -> Any:
    def refuse(self: Any, *_: Any) -> Any:
        raise RuntimeError(method)

    return type("Hostile", (), {"__call__": staticmethod(call), method: refuse})()


@pytest.mark.parametrize("method", SPECIAL)
def test_callable_with_a_method_that_raises_is_still_checked(method: str) -> None:
    assert check(_hostile(quadratic, method), x, rng=0).verdict == Verdict.PASS


@pytest.mark.parametrize("method", SPECIAL)
def test_fault_of_a_callable_with_a_method_that_raises_is_found(method: str) -> None:
    report = check(_hostile(lambda t: (float(t @ t), 3 * t), method), x, rng=0)
    assert report.verdict == Verdict.FAIL


@pytest.mark.parametrize("method", SPECIAL)
def test_separate_gradient_with_a_method_that_raises_is_still_checked(method: str) -> None:
    cost = _hostile(lambda t: float(t @ t), method)
    report = check(cost, x, jac=_hostile(lambda t: 2 * t, method), rng=0)
    assert report.verdict == Verdict.PASS


@pytest.mark.parametrize("method", SPECIAL)
def test_argument_with_a_method_that_raises_is_passed_on(method: str) -> None:
    data = _hostile(lambda: 0, method)
    assert check(lambda t, d: quadratic(t), x, args=(data,), rng=0).verdict == Verdict.PASS


def test_target_without_source_is_audited() -> None:
    space: dict[str, Any] = {}
    exec("def cost(x):\n    return float(x @ x), 2 * x", space)
    assert check(space["cost"], x, rng=0).verdict == Verdict.PASS


def test_target_without_source_that_ignores_its_argument_is_found() -> None:
    space: dict[str, Any] = {"theta": x.copy()}
    exec("cost = lambda x: (float(theta @ theta), 2 * theta)", space)
    report = check(space["cost"], x, rng=0)
    assert errors(report) == ["ignored-argument"]


@pytest.mark.parametrize("fun", [np.sum, sum, len])
def test_builtin_that_returns_no_pair_is_a_jac_flag(fun: Any) -> None:
    assert errors(check(fun, x, rng=0)) == ["jac-flag"]


@pytest.mark.parametrize("budget", [1, 2, 5, 20, 40, 80])
def test_small_budget_is_inconclusive_and_never_exceeded(budget: int) -> None:
    start = np.arange(1.0, 101.0)
    report = check(quadratic, start, budget=budget, rng=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert report.evaluations.cost <= budget
    assert "budget-exhausted" in slugs(report)
    assert errors(report) == []
