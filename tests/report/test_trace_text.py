"""Traces on paper: every width, plain words, nothing a terminal would obey."""

from __future__ import annotations

import pytest

from gradaudit.backprop.results import Step, Suspect, Trace
from gradaudit.report.trace import render_trace, trace_renderable
from gradaudit.results import Evaluations


def example(**changes: object) -> Trace:
    parts: dict[str, object] = {
        "steps": (
            Step(
                path="/home/a/model.py",
                line=25,
                source="dSdxhat = (xhat - x) / m",
                target="dSdxhat",
                matches="xhat (line 22)",
                factor=1.0,
                verdict="right",
            ),
            Step(
                path="/home/a/model.py",
                line=27,
                source="dSdb3 = dSdxhat.mean(axis=0)",
                target="dSdb3",
                matches="b3 (line 13)",
                factor=0.2,
                verdict="wrong",
            ),
        ),
        "suspects": (
            Suspect(
                path="/home/a/model.py",
                line=27,
                source="dSdb3 = dSdxhat.mean(axis=0)",
                repairs_gradient=True,
                suggestion="dSdb3 = dSdxhat.sum(axis=0)",
                edit="function",
                repair=1,
                reason="this edit makes the whole gradient right at two points",
            ),
        ),
        "evaluations": Evaluations(cost=1444, gradient=1300),
        "summary": "line 27 is the first wrong one",
        "confidence": "high: edits of no other line were found to make the gradient right",
        "target": "cost",
        "seconds": 1.25,
    }
    parts.update(changes)
    return Trace(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_table_keeps_to_the_width(width: int) -> None:
    text = render_trace(example(), width=width)
    table = [line for line in text.splitlines() if line.startswith(("25", "27"))]
    assert len(table) == 2
    assert all(len(line) <= width for line in table)
    assert table[1].endswith("WRONG")


def test_wide_table_says_what_each_line_is_the_derivative_of() -> None:
    text = render_trace(example(), width=110)
    assert "d cost / d xhat (line 22)" in text
    assert "0.2 x d cost / d b3 (line 13)" in text


def test_correction_stands_whole_below_the_suspect() -> None:
    lines = [line.strip() for line in render_trace(example(), width=40).splitlines()]
    assert "dSdb3 = dSdxhat.sum(axis=0)" in lines


def test_counts_and_confidence_are_printed() -> None:
    text = render_trace(example(), width=100)
    assert "1,444 evaluations" in text
    assert "confidence: high" in text


def test_right_gradient_is_said_to_be_right() -> None:
    found = example(steps=(), suspects=(), summary="the gradient is right; no line is suspected")
    assert "no line is suspected" in render_trace(found)
    assert "WRONG" not in render_trace(found)


def test_search_that_ended_early_says_so() -> None:
    text = render_trace(example(stopped="the time is used up"), width=100)
    assert "ended early: the time is used up" in text


def test_control_characters_of_the_source_are_escaped() -> None:
    suspect = Suspect(
        path="m.py", line=1, source="x = '\x1b[31m'", repairs_gradient=False, reason="r"
    )
    assert "\x1b" not in render_trace(example(suspects=(suspect,)), width=80)


def test_ascii_stream_gets_ascii_only() -> None:
    suspect = Suspect(path="m.py", line=1, source="δ = ∂z", repairs_gradient=False, reason="r")
    assert render_trace(example(suspects=(suspect,)), ascii_only=True).isascii()


def test_rich_text_says_the_same_as_plain_text() -> None:
    plain = render_trace(example(), width=80).split()
    assert trace_renderable(example(), width=80).plain.split() == plain


def test_str_is_the_rendered_trace() -> None:
    assert str(example()) == render_trace(example())
