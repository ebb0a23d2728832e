"""Results: frozen, plain in JSON, readable."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradaudit
from gradaudit import BlockReport, Finding, GradientMismatch, Report, Verdict
from gradaudit.results import Entry, Evaluations, Location, plain


def block(verdict: Verdict = Verdict.PASS, **more: Any) -> BlockReport:
    return BlockReport(
        name="W", shape=(2, 3), start=0, size=6, verdict=verdict, relative_error=1e-9, **more
    )


def finding(**more: Any) -> Finding:
    return Finding(slug="wrong-sign", level="error", message="W: the opposite sign", **more)


# plain values


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_numbers_that_are_not_finite_are_null(value: float) -> None:
    assert plain(value) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=10,
    )
)
def test_plain_values_are_strict_json(value: Any) -> None:
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)


def test_numpy_values_become_plain_ones() -> None:
    value = plain({"a": np.arange(3), "b": np.float32(0.5), "c": np.int8(4), "d": np.True_})
    assert json.loads(json.dumps(value))["a"] == [0, 1, 2]
    assert value["b"] == 0.5
    assert value["c"] == 4


def test_verdict_is_its_word() -> None:
    assert plain(Verdict.PASS) == "PASS"
    assert str(Verdict.INCONCLUSIVE) == "INCONCLUSIVE"


# results


def test_results_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        block().verdict = Verdict.FAIL  # type: ignore[misc]


def test_results_with_arrays_can_be_compared_and_hashed() -> None:
    one, two = finding(data={"a": np.ones(3)}), finding(data={"a": np.ones(3)})
    assert one != two
    assert len({one, two}) == 2


def test_code_follows_from_the_slug() -> None:
    assert finding().code == "GA203"
    assert finding().to_dict()["code"] == "GA203"
    assert str(finding()) == "error[GA203]: W: the opposite sign"


def test_location_reads_as_path_and_line() -> None:
    assert str(Location(path="train.py", line=42)) == "train.py:42"


def test_entry_keeps_its_index() -> None:
    entry = Entry(index=(1, 2), analytic=1.0, numeric=2.0)
    assert entry.to_dict() == {"index": [1, 2], "analytic": 1.0, "numeric": 2.0, "bar": None}


def test_report_is_one_line_in_repr() -> None:
    report = Report(
        verdict=Verdict.FAIL,
        blocks=(block(Verdict.FAIL),),
        findings=(finding(),),
        evaluations=Evaluations(cost=12, gradient=3),
    )
    assert "\n" not in repr(report)
    assert "FAIL" in repr(report)
    assert "GA203" in repr(report)


# raise_for_failure


def test_pass_does_not_raise() -> None:
    Report(verdict=Verdict.PASS, blocks=(block(),)).raise_for_failure()


def test_fail_raises_an_assertion_error_that_says_why() -> None:
    report = Report(verdict=Verdict.FAIL, blocks=(block(Verdict.FAIL),), findings=(finding(),))
    with pytest.raises(AssertionError, match="GA203"):
        report.raise_for_failure()


def test_inconclusive_raises_unless_it_is_allowed() -> None:
    report = Report(verdict=Verdict.INCONCLUSIVE, blocks=(block(Verdict.INCONCLUSIVE),))
    with pytest.raises(GradientMismatch):
        report.raise_for_failure()
    report.raise_for_failure(inconclusive=False)


def test_fail_raises_even_when_inconclusive_is_allowed() -> None:
    report = Report(verdict=Verdict.FAIL, findings=(finding(),))
    with pytest.raises(GradientMismatch):
        report.raise_for_failure(inconclusive=False)


# a real report


@pytest.fixture(scope="module")
def report() -> Report:
    def cost(theta: Any) -> Any:
        return float(theta @ theta), 2 * theta * np.array([1, 1, 1.5, 1.5])

    return gradaudit.check(cost, np.arange(1.0, 5.0), blocks="a=2,b=2", rng=7)


def test_json_says_what_the_report_says(report: Report) -> None:
    read = json.loads(report.to_json())
    assert read["schema_version"] == 1
    assert read["kind"] == "check"
    assert read["verdict"] == "FAIL"
    assert [(b["name"], b["verdict"], b["start"], b["shape"]) for b in read["blocks"]] == [
        ("a", "PASS", 0, [2]),
        ("b", "FAIL", 2, [2]),
    ]
    assert read["findings"][0]["code"] == "GA202"
    assert read["findings"][0]["data"]["factor"] == pytest.approx(1.5)
    assert read["evaluations"] == {
        "cost": report.evaluations.cost,
        "gradient": report.evaluations.gradient,
    }
    assert read["seed"] == 7
    assert read["settings"]["rtol"] == 1e-3


def test_dictionary_and_json_are_the_same(report: Report) -> None:
    assert json.loads(report.to_json()) == report.to_dict()


def test_report_says_what_is_needed_to_repeat_it(report: Report) -> None:
    assert report.seed == 7
    assert {"python", "numpy", "gradaudit"} <= set(report.versions)


@pytest.mark.parametrize("show", [str, lambda r: r._repr_mimebundle_()["text/html"]])
def test_every_display_names_verdict_and_blocks(
    report: Report, show: Callable[[Report], str]
) -> None:
    text = show(report)
    assert all(word in text for word in ("FAIL", "PASS", "GA202", "1.5"))


def test_public_names_are_where_tracebacks_say() -> None:
    assert gradaudit.GradientMismatch.__module__ == "gradaudit"
    assert gradaudit.BadReturn.__module__ == "gradaudit"
