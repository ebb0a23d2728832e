"""A report as the message of a test that fails: code and blocks first, then the evidence."""

from __future__ import annotations

from gradaudit.report import shapes, text
from gradaudit.report.wording import open_findings, why_inconclusive
from gradaudit.results import Report, ShapeReport, Verdict

# pytest puts four columns in front of each line
_WIDTH = 76


def failure_text(result: Report | ShapeReport) -> str:
    """Return the message: the first line stands alone, in pytest's summary for one."""
    head = headline(result)
    if isinstance(result, ShapeReport):
        return f"{head}\n{shapes.render_plain(result, width=_WIDTH).rstrip()}"
    body = text.render_plain(result, width=_WIDTH).rstrip()
    said = [str(finding) for finding in open_findings(result)[:1]]
    return "\n".join([head, *_without("".join(said), body.splitlines())])


def headline(result: Report | ShapeReport) -> str:
    """Return what is wrong, and where, in one line."""
    place = f" at {shapes.place(result)}" if isinstance(result, ShapeReport) else ""
    findings = result.findings if isinstance(result, ShapeReport) else open_findings(result)
    grave = [finding for finding in findings if finding.level != "note"]
    unsure = "INCONCLUSIVE: " if result.verdict == Verdict.INCONCLUSIVE else ""
    if grave:
        # the summary of pytest has 80 columns for all of it
        return f"{unsure}{grave[0].code} {' '.join(grave[0].message.split())}{place}"
    if isinstance(result, ShapeReport):
        return f"{result.verdict}: {result.explanation.partition(chr(10))[0]}{place}"
    names = [block.name for block in result.blocks if block.verdict != Verdict.PASS]
    why = why_inconclusive(result) or ", ".join(
        f"{block.name}: {block.reason}" for block in result.blocks if block.reason
    )
    return f"{result.verdict}: {why or ', '.join(names) or 'nothing could be checked'}"


def _without(said: str, lines: list[str]) -> list[str]:
    """Drop the first lines when they are what was said, wrapped: once is enough."""
    wanted = said.split()
    for count in range(1, len(lines) + 1):
        words = " ".join(lines[:count]).split()
        if words == wanted:
            return lines[count:]
        if words != wanted[: len(words)]:
            break
    return lines
