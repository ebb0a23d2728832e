"""What people read on a terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.panel import Panel

from gradaudit.blocks import Block, Layout, parse_layout
from gradaudit.report import text, wording
from gradaudit.results import Derivative, Entry, Finding, Location, Report, Verdict

Gold = Callable[[str, str], None]
Reports = dict[str, Report]


@pytest.mark.parametrize("width", [80, 40])
def test_every_report_reads_as_in_its_gold_file(
    report: Report, report_name: str, width: int, matches_gold: Gold
) -> None:
    matches_gold(text.render_plain(report, width=width), f"{report_name}_{width}.txt")


def test_full_detail_reads_as_in_its_gold_file(reports: Reports, matches_gold: Gold) -> None:
    matches_gold(text.render_plain(reports["failing"], verbosity=2), "failing_vv_80.txt")


def test_colour_reads_as_in_its_gold_file(reports: Reports, matches_gold: Gold) -> None:
    coloured = text.render_text(reports["failing"], console_width=80, colour=True)
    matches_gold(coloured, "failing_80_colour.txt")


def test_the_environment_does_not_change_a_rendering(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = text.render_plain(reports["failing"])
    coloured = text.render_text(reports["failing"], colour=True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("JUPYTER_COLUMNS", "200")
    assert text.render_plain(reports["failing"]) == plain
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert text.render_text(reports["failing"], colour=True) == coloured


def test_printing_a_report_gives_the_plain_text(reports: Reports) -> None:
    assert str(reports["passing"]) == text.render_plain(reports["passing"])


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    for line in text.render_plain(report, width=width, verbosity=1).splitlines():
        assert cell_len(line) <= width


def test_name_and_verdict_stand_on_one_line_at_40_columns(reports: Reports) -> None:
    rows = text.render_plain(reports["many"], width=40).splitlines()
    assert any(row.startswith("layers[4].weight ") and row.endswith(" FAIL") for row in rows)


def test_columns_leave_in_order_of_importance(reports: Reports) -> None:
    def header(width: int) -> list[str]:
        lines = text.render_plain(reports["failing"], width=width).splitlines()
        return next(line for line in lines if line.startswith("block ")).split()

    error, bar = ["relative", "error"], ["error", "bar"]
    assert header(80) == ["block", "shape", "parameters", *error, *bar, "ratio", "verdict"]
    assert header(58) == ["block", "shape", *error, *bar, "ratio", "verdict"]
    assert header(50) == ["block", *error, *bar, "ratio", "verdict"]
    assert header(40) == ["block", *error, "ratio", "verdict"]
    assert header(36) == ["block", "rel.", "error", "ratio", "verdict"]
    assert header(26) == ["block", "rel.", "error", "verdict"]


def test_a_very_long_name_wraps_and_leaves_the_verdict_on_its_first_line(
    reports: Reports,
) -> None:
    name = "".join(chr(ord("a") + i % 26) for i in range(300))
    long = replace(reports["passing"].blocks[0], name=name, verdict=Verdict.INCONCLUSIVE)
    shown = text.render_plain(replace(reports["passing"], blocks=(long,)), width=40)
    table = shown.split("\n\n")[0].splitlines()[2:]
    assert table[0].endswith("INCONCLUSIVE")
    assert "".join([table[0].split()[0], *table[1:]]) == name


def test_a_table_that_cannot_be_narrower_loses_nothing(reports: Reports) -> None:
    entry = Entry(index=(0,), analytic=-1.23456e-100, numeric=-6.54321e-100)
    wide = replace(reports["passing"].blocks[0], worst=(entry,))
    report = replace(reports["passing"], blocks=(wide,))
    shown = text.render_plain(report, width=24, verbosity=2)
    assert "-1.23456e-100  -6.54321e-100" in shown


def test_a_location_is_never_cut_or_wrapped() -> None:
    place = Location(path=f"{'deep/' * 30}train.py", line=42)
    finding = Finding(slug="wrong-sign", level="error", message="wrong sign", location=place)
    report = Report(verdict=Verdict.FAIL, findings=(finding,))
    assert f"  --> {place}\n" in text.render_plain(report, width=40)


def test_a_location_wraps_inside_somebody_elses_panel() -> None:
    place = Location(path=f"{'deep/' * 30}train.py", line=42)
    finding = Finding(slug="wrong-sign", level="error", message="wrong sign", location=place)
    console = Console(file=io.StringIO(), width=60, color_system=None)
    console.print(Panel(text.renderable(Report(verdict=Verdict.FAIL, findings=(finding,)))))
    shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    letters = "".join(char for char in shown if char.isalnum() or char in "/.:")
    assert str(place) in letters


def test_rich_prints_a_report_as_it_is(reports: Reports) -> None:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(reports["failing"])
    shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines == text.render_plain(reports["failing"]).splitlines()


def test_the_corrected_line_stands_directly_below_the_place(reports: Reports) -> None:
    lines = text.render_plain(reports["ignored"]).splitlines()
    assert lines[1:4] == [
        "  --> train.py:42",
        "  = now: J = lambda x: cost(theta, X, lam)",
        "  = fix: J = lambda x: cost(x, X, lam)",
    ]


def test_passing_blocks_are_folded_when_there_are_many(reports: Reports) -> None:
    shown = text.render_plain(reports["many"])
    assert "29 more blocks PASS, largest relative error <= 2.9e-10 (layers[29].weight)" in shown
    assert "layers[7]" not in shown
    assert "layers[7].weight" in text.render_plain(reports["many"], verbosity=1)


def test_many_blocks_that_all_pass_are_one_line(reports: Reports) -> None:
    passing = tuple(b for b in reports["many"].blocks if b.verdict == Verdict.PASS)
    report = replace(reports["many"], verdict=Verdict.PASS, blocks=passing, findings=())
    assert text.render_plain(report).startswith("29 blocks PASS, largest relative error")


def test_markup_in_names_survives(reports: Reports) -> None:
    blocks = (replace(reports["passing"].blocks[0], name="[red]grad[b1][/]"),)
    assert "[red]grad[b1][/]  " in text.render_plain(replace(reports["passing"], blocks=blocks))


def test_no_control_character_reaches_a_terminal(hostile_report: Report) -> None:
    for shown in (
        text.render_plain(hostile_report, width=40, verbosity=2),
        text.one_line(hostile_report),
    ):
        assert all(char.isprintable() for char in shown.replace("\n", ""))
        shown.encode("utf-8")
    assert "\n" not in text.one_line(hostile_report)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "ANSI_X3.4-1968"])
def test_an_ascii_stream_gets_pure_ascii(hostile_report: Report, encoding: str) -> None:
    shown = text.render_text(hostile_report, console_width=40, encoding=encoding, verbosity=2)
    assert shown.isascii()
    assert text.one_line(hostile_report, encoding=encoding).isascii()


def test_names_outside_ascii_are_escaped_only_where_they_must_be() -> None:
    assert (
        wording.visible("w\u00e9\u91cd\N{GRINNING FACE}\x1b")
        == "w\u00e9\u91cd\N{GRINNING FACE}\\x1b"
    )
    escaped = wording.visible("w\u00e9\u91cd\N{GRINNING FACE}\x1b", ascii_only=True)
    assert escaped == r"w\xe9\u91cd\U0001f600\x1b"


def test_quiet_is_one_line_with_verdict_and_code(report: Report) -> None:
    line = text.one_line(report)
    assert line.startswith(f"{report.verdict}  ")
    assert "\n" not in line
    grave = [f for f in report.findings if f.level != "note" and not f.allowed]
    assert all(finding.code in line for finding in grave)


@pytest.mark.parametrize("name", ["undecided", "out_of_budget", "nothing"])
def test_an_inconclusive_report_says_what_would_settle_it(reports: Reports, name: str) -> None:
    shown = " ".join(text.render_plain(reports[name]).split())
    assert shown.count("what would settle it: ") == 1


def test_an_audit_that_ended_early_does_not_judge_the_gradient(reports: Reports) -> None:
    assert "FAIL  the gradient was not judged" in text.render_plain(reports["ignored"])


def test_unclaimed_stretches_of_a_layout_are_shown_as_such(matches_gold: Gold) -> None:
    blocks = (
        Block("W1", 0, (10, 784)),
        Block("b1", 7850, (10,), "F"),
        Block("s", 7900, (2, 2), "strided", (10, 1)),
    )
    layout = Layout(blocks, 8000, "discovered in cost (model.py:3)")
    matches_gold(text.render_layout(layout), "layout_80.txt")
    matches_gold(text.render_layout(layout, console_width=40), "layout_40.txt")


def test_a_complete_layout_counts_its_parameters() -> None:
    shown = text.render_layout(parse_layout("W1=10x784,b1=10", 7850))
    assert "2 blocks, 7,850 parameters" in shown
    assert "unclaimed" not in shown


def test_a_derivative_is_shown_with_its_bar() -> None:
    smooth = Derivative(value=1.25, bar=3e-14, regime="smooth", evaluations=19)
    assert text.render_derivative(smooth) == "1.25 +/- 3.0e-14 (smooth)\n19 evaluations\n"


def test_a_kink_is_shown_with_both_slopes() -> None:
    kink = Derivative(value=0.0, bar=1.0, regime="kink", one_sided=(-1.0, 1.0), evaluations=22)
    assert "slope -1 to the left, 1 to the right" in text.render_derivative(kink)


def test_a_gradient_shows_its_most_doubtful_entries_first() -> None:
    bars = np.full((4, 5), 1e-12)
    bars[2, 3] = np.inf
    regimes = np.full((4, 5), "smooth", dtype=object)
    regimes[2, 3] = "noise"
    gradient = Derivative(value=np.ones((4, 5)), bar=bars, regime=regimes, evaluations=190)
    lines = text.render_derivative(gradient).splitlines()
    assert lines[2].split() == ["[2,", "3]", "1", "-", "noise"]
    assert "and 8 more, with smaller bars" in lines


def test_an_allowed_failure_is_counted_on_a_pass(reports: Reports) -> None:
    known = Finding(slug="wrong-scale", level="error", message="b1 is halved", allowed=True)
    report = replace(reports["failing"], verdict=Verdict.PASS, findings=(known,))

    assert re.search(r"PASS  \d of \d blocks, \d failing and allowed", text.one_line(report))


def test_a_point_that_could_not_be_used_is_counted(reports: Reports) -> None:
    report = reports["passing"]
    settings = replace(report.settings, points=len(report.points) + 1)

    assert f"{len(report.points)} of {settings.points} points" in text.one_line(
        replace(report, settings=settings)
    )


def test_one_line_says_that_only_some_blocks_were_checked(reports: Reports) -> None:
    settings = replace(reports["passing"].settings, only=("W1",))

    assert text.one_line(replace(reports["passing"], settings=settings)).endswith(", only W1")


def test_an_interrupted_audit_is_settled_by_one_that_ends(reports: Reports) -> None:
    stop = Finding(slug="budget-exhausted", level="warning", message="interrupted")
    report = replace(reports["passing"], verdict=Verdict.INCONCLUSIVE, findings=(stop,))

    assert "an audit that runs to its end" in text.render_plain(report, width=200)
