"""Reports about shapes as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from gradaudit.report import wording
from gradaudit.report.text import render_text
from gradaudit.results import Finding, ShapeReport, Verdict

_NARROWEST: Final = 24


def render_plain(found: ShapeReport, *, width: int = 80, verbosity: int = 0) -> str:
    """Return the report as plain text, without colour."""
    return render_shapes(found, console_width=width, verbosity=verbosity)


def render_shapes(
    found: ShapeReport,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
    verbosity: int = 0,
) -> str:
    """Return the report as text for a stream; the arguments are those of `render_text`."""
    width = max(console_width, _NARROWEST)
    ascii_only = not wording.is_utf8(encoding)
    parts = [_paragraph(_head(found), width, ascii_only)]
    if found.report is not None and _about_audit(found):
        audit = render_text(
            replace(found.report, findings=_about_audit(found)),
            console_width=console_width,
            colour=colour,
            encoding=encoding,
            verbosity=verbosity,
        )
        rest = [f for f in found.findings if f not in _about_audit(found)]
        parts += [audit.rstrip("\n"), *_findings(rest, width, ascii_only)]
    else:
        parts += _findings(found.findings, width, ascii_only)
    parts.append(_paragraph(_tail(found), width, ascii_only))
    if verbosity > 0:
        parts.append(_paragraph(_tried(found), width, ascii_only))
    return "\n\n".join(parts) + "\n"


def one_line(found: ShapeReport, *, encoding: str = "utf-8") -> str:
    """Return the verdict and what led to it in one line, for ``-q``."""
    grave = [str(f) for f in found.findings if f.level != "note"]
    said = found.explanation.splitlines()
    text = f"{found.verdict}  {'; '.join([place(found), *grave, *said, _summary(found)])}"
    return wording.visible(text, ascii_only=not wording.is_utf8(encoding))


class _Sheet:
    """The report as something that rich prints, laid out when the width is known."""

    def __init__(self, found: ShapeReport) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(
            render_shapes(
                self._found, console_width=options.max_width, encoding=options.encoding
            ).rstrip("\n")
        )


def renderable(found: ShapeReport) -> Any:
    """Return the report as something that rich prints."""
    return _Sheet(found)


def _about_audit(found: ShapeReport) -> tuple[Finding, ...]:
    """Return the findings of the counterexample's own audit."""
    if found.report is None or found.verdict != Verdict.FAIL:
        return ()
    count = len(found.report.findings)
    own = found.findings[:count]
    # where the function raises, the report is that of the nearest shape at which it runs
    return own if own and own[0].slug != "shape-error" else ()


def place(found: ShapeReport) -> str:
    """Return ``make_problem(n=2, m=4)``, or the name of the factory."""
    if found.sizes is None:
        return found.factory
    inside = ", ".join(f"{name}={value!r}" for name, value in found.sizes.items())
    return f"{found.factory}({inside})"


def _head(found: ShapeReport) -> list[str]:
    if found.sizes is None:
        return [f"{found.verdict}  {place(found)}: {found.explanation}"]
    return [
        f"{found.verdict}  {place(found)}, the smallest sizes that show the fault",
        *found.explanation.splitlines(),
    ]


def _tail(found: ShapeReport) -> list[str]:
    lines = [_summary(found)]
    if found.verdict == Verdict.INCONCLUSIVE and found.report is not None:
        lines += [f"undecided: {why}" for why in _reasons(found)]
    return lines


def _reasons(found: ShapeReport) -> list[str]:
    report = found.report
    if report is None:
        return []
    reasons = [f"{block.name}: {block.reason}" for block in report.blocks if block.reason]
    return (reasons or [str(f) for f in report.findings if f.level != "note"])[:3]


def _summary(found: ShapeReport) -> str:
    parts = [
        f"{wording.plural(found.audited, 'shape')} audited",
        f"{found.passed:,} passed",
        *([f"{found.refused:,} could not be audited"] if found.refused else []),
        wording.plural(found.evaluations.cost, "evaluation"),
        f"{wording.seconds_in_words(found.own_seconds + found.user_seconds)} "
        f"({wording.seconds_in_words(found.user_seconds)} in your functions)",
        f"seed {found.seed}",
    ]
    return ", ".join(parts)


def _tried(found: ShapeReport) -> list[str]:
    shapes: list[dict[str, Any]] = found.evidence.get("shapes", [])
    return [
        f"{', '.join(f'{n}={v!r}' for n, v in shape['sizes'].items())}: {shape['kind']}"
        for shape in shapes
    ]


def _findings(findings: Iterable[Finding], width: int, ascii_only: bool) -> Iterator[str]:
    for finding in findings:
        lines = [str(finding)]
        if finding.location is not None:
            lines.append(f"  --> {finding.location}")
        lines += [f"  = note: {note}" for note in finding.notes]
        lines += [f"  = help: {finding.help}"] if finding.help else []
        lines.append(f"  = see: gradaudit explain {finding.code}")
        yield _paragraph(lines, width, ascii_only)


def _paragraph(lines: Iterable[str], width: int, ascii_only: bool) -> str:
    """Set lines in the width, those that do not fit with a hanging indent."""
    out: list[str] = []
    for line in lines:
        text = wording.visible(line, ascii_only=ascii_only)
        indent = " " * (len(text) - len(text.lstrip()) + (10 if text.startswith("  =") else 2))
        out += textwrap.wrap(
            text, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
        ) or [""]
    return "\n".join(out)
