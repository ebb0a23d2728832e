"""Results as GitHub workflow commands: annotations beside the lines that they concern."""

from __future__ import annotations

from typing import Final

from gradaudit.report import account, wording
from gradaudit.report.figures import figures_of
from gradaudit.results import Diagnosis, Finding, Location, Report, Verdict

_COMMAND: Final = {"error": "error", "warning": "warning", "note": "notice"}
_OF_VERDICT: Final = {
    Verdict.PASS: "notice",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.FAIL: "error",
}


def render_github(result: Report | Diagnosis) -> str:
    """Return one annotation for each finding, and one with the verdict and what it rests on."""
    if isinstance(result, Diagnosis):
        findings, verdict = account.findings(result), _stop(result)
    else:
        findings = (*wording.open_findings(result), *wording.allowed_findings(result))
        verdict = _verdict(result)
    return "".join(f"{line}\n" for line in [*map(_finding, findings), verdict])


def _finding(finding: Finding) -> str:
    allowed = " (allowed)" if finding.allowed else ""
    properties = _place(finding.location)
    properties["title"] = f"{finding.code} {finding.slug}{allowed}"
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


def _place(location: Location | None) -> dict[str, str]:
    return {} if location is None else {"file": location.path, "line": str(location.line)}


def _verdict(report: Report) -> str:
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
    return _annotation(_OF_VERDICT[report.verdict], title, lines)


def _stop(diagnosis: Diagnosis) -> str:
    """Return the annotation beside the call of the solver."""
    lines = [account.heading(diagnosis), diagnosis.message_meaning]
    lines += [account.run_in_words(diagnosis), account.why_inconclusive(diagnosis)]
    lines.append(f"{diagnosis.verdict}  {account.summary(diagnosis)}")
    lines += [f"{label}: {words}" for label, words in account.remarks(diagnosis)]
    lines += [words for figure in figures_of(diagnosis) for words in figure.words]
    properties = _place(diagnosis.location)
    properties["title"] = f"gradaudit {diagnosis.verdict}"
    return _annotation(_OF_VERDICT[diagnosis.verdict], properties, list(filter(None, lines)))


def _annotation(command: str, properties: dict[str, str], lines: list[str]) -> str:
    # a line end inside a name would end the command: names are made visible before lines join
    message = "%0A".join(_data(wording.visible(line)) for line in lines)
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{command} {given}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(wording.visible(text)).replace(":", "%3A").replace(",", "%2C")
