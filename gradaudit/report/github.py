"""Reports as GitHub workflow commands: annotations beside the lines that they concern."""

from __future__ import annotations

from typing import Final

from gradaudit.report import wording
from gradaudit.results import Finding, Report, Verdict

_COMMAND: Final = {"error": "error", "warning": "warning", "note": "notice"}


def render_github(report: Report) -> str:
    """Return one annotation for each finding, and one with the verdict and every block."""
    findings = [*wording.open_findings(report), *wording.allowed_findings(report)]
    return "".join(f"{line}\n" for line in [*map(_finding, findings), _verdict(report)])


def _finding(finding: Finding) -> str:
    allowed = " (allowed)" if finding.allowed else ""
    properties = {"title": f"{finding.code} {finding.slug}{allowed}"}
    if finding.location is not None:
        place = {"file": finding.location.path, "line": str(finding.location.line)}
        properties = {**place, **properties}
    lines = [finding.message]
    if names := wording.unmentioned(finding):
        lines.append(f"blocks: {wording.names_in_words(names)}")
    if finding.replacement is not None:
        lines.append(f"fix: {finding.replacement.strip()}")
    lines += [f"note: {note}" for note in finding.notes]
    lines += [f"help: {finding.help}"] if finding.help else []
    lines.append(f"see: gradaudit explain {finding.code}")
    command = "notice" if finding.allowed else _COMMAND[finding.level]
    return _annotation(command, properties, lines)


def _verdict(report: Report) -> str:
    command = {Verdict.PASS: "notice", Verdict.INCONCLUSIVE: "warning", Verdict.FAIL: "error"}
    lines = [f"{report.verdict}  {wording.summary(report)}"]
    if why := wording.why_inconclusive(report):
        lines.append(why)
    lines += [
        f"{wording.block_name(block.name)} {block.verdict}  "
        f"relative error {wording.error_in_words(block)}"
        for block in report.blocks
    ]
    lines += [f"{about}: {words}" for about, words in wording.remarks(report)]
    title = {"title": f"gradaudit {report.verdict}"}
    return _annotation(command[report.verdict], title, lines)


def _annotation(command: str, properties: dict[str, str], lines: list[str]) -> str:
    # a line end inside a name would end the command: names are made visible before lines join
    message = "%0A".join(_data(wording.visible(line)) for line in lines)
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{command} {given}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(wording.visible(text)).replace(":", "%3A").replace(",", "%2C")
