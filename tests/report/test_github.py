"""Annotations as GitHub's runner reads them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gradaudit.report.github import render_github
from gradaudit.results import Finding, Location, Report, Verdict

COMMAND = re.compile(r"::(error|warning|notice) ([^:\n]*)::([^\r\n]*)")


def _read(document: str) -> list[tuple[str, dict[str, str], str]]:
    """Undo the escaping the way the runner does."""
    commands: list[tuple[str, dict[str, str], str]] = []
    for line in document.splitlines():
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        given = dict(part.split("=", 1) for part in match[2].split(","))
        properties = {key: _unescaped(value) for key, value in given.items()}
        commands.append((match[1], properties, _unescaped(match[3])))
    return commands


def _unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_a_finding_stands_at_its_line(reports: dict[str, Report]) -> None:
    first = render_github(reports["ignored"]).splitlines()[0]
    assert first.startswith(
        "::error file=train.py,line=42,title=GA101 ignored-argument::"
        "the objective ignores its argument%0A"
    )


@pytest.mark.parametrize(
    ("name", "command"), [("passing", "notice"), ("failing", "error"), ("nothing", "warning")]
)
def test_the_verdict_is_the_last_annotation(
    reports: dict[str, Report], name: str, command: str
) -> None:
    report = reports[name]
    last = _read(render_github(report))[-1]
    assert last[0] == command
    assert last[1] == {"title": f"gradaudit {report.verdict}"}
    for block in report.blocks:
        assert f"\n{block.name} {block.verdict} " in last[2]


def test_an_allowed_finding_is_a_notice(reports: dict[str, Report]) -> None:
    allowed = [c for c in _read(render_github(reports["failing"])) if "(allowed)" in c[1]["title"]]
    assert [command[0] for command in allowed] == ["notice"]


def test_properties_and_messages_are_escaped() -> None:
    finding = Finding(
        slug="wrong-sign",
        level="warning",
        message="100% of a: b, c",
        location=Location(path="a,b:c%.py", line=1),
    )
    document = render_github(Report(verdict=Verdict.PASS, findings=(finding,)))
    assert document.startswith(
        "::warning file=a%2Cb%3Ac%25.py,line=1,title=GA203 wrong-sign::100%25 of a: b, c%0A"
    )


def test_hostile_names_do_not_start_commands(hostile_report: Report) -> None:
    assert len(_read(render_github(hostile_report))) == 2


def test_every_kind_of_report_can_be_read_back(report: Report) -> None:
    assert len(_read(render_github(report))) == len(report.findings) + 1
    assert render_github(replace(report, seed=1)).endswith("\n")
