"""Traces as text for people: the backward pass line by line, and below it the suspects."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from gradaudit.backprop.results import Step, Suspect, Trace
from gradaudit.report import wording

_STYLE: Final = {
    "ok": "green",
    "WRONG": "bold red",
    "factor": "yellow",
    "follows": "cyan",
    "": "",
    "label": "blue",
}
_WORDS: Final = {
    "right": "ok",
    "wrong": "WRONG",
    "factor": "factor",
    "follows": "follows",
    "unknown": "",
}
_WIDE: Final = 72
_SHOWN: Final = 5


def render_trace(trace: Trace, *, width: int = 80, ascii_only: bool = False) -> str:
    """Return a trace as plain text.

    Parameters
    ----------
    trace : Trace
    width : int
        Columns; at fewer than 72 the table has one line less to say per row.
    ascii_only : bool
        Escape whatever is not ASCII.

    Returns
    -------
    str
        Without a line end.
    """
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, legacy_windows=False)
    for line in _lines(trace, width, ascii_only):
        console.print(line, soft_wrap=True)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()).rstrip("\n")


def trace_renderable(trace: Trace, *, width: int = 80, ascii_only: bool = False) -> Text:
    """Return a trace as rich text, for a terminal with colours."""
    return Text("\n").join(_lines(trace, width, ascii_only))


def _lines(trace: Trace, width: int, ascii_only: bool) -> Iterator[Text]:
    width = max(width, 24)
    if trace.steps:
        yield from _table(trace, width, ascii_only)
        yield Text("")
    for suspect in trace.suspects[:_SHOWN]:
        yield from _suspect(suspect, trace, width, ascii_only)
    yield from _wrapped("", _verdict(trace), width, ascii_only)
    if trace.suspects:
        yield from _wrapped("  = confidence: ", trace.confidence, width, ascii_only)
    if trace.stopped:
        yield from _wrapped("  = note: ", f"the search ended early: {trace.stopped}", width, False)
    yield from _wrapped("  = note: ", _cost(trace), width, ascii_only)


def _verdict(trace: Trace) -> str:
    if trace.suspects:
        return f"{trace.target or 'the function'}: {trace.summary}"
    return trace.summary


def _cost(trace: Trace) -> str:
    parts = [f"{trace.evaluations.cost:,} evaluations", f"{trace.seconds:.1f} s"]
    if trace.sizes:
        parts.append("at " + ", ".join(f"{k}={v}" for k, v in trace.sizes.items()))
    parts.append(f"seed {trace.seed}")
    return ", ".join(parts)


def _table(trace: Trace, width: int, ascii_only: bool) -> Iterator[Text]:
    """Yield one row for each backward line; narrow terminals see fewer columns."""
    rows = [_row(step, ascii_only) for step in trace.steps]
    files = {step.path for step in trace.steps}
    for path in sorted(files):
        yield _clean(_shown_path(path), ascii_only, "label")
        mine = [r for r, s in zip(rows, trace.steps, strict=True) if s.path == path]
        yield from _rows(mine, width)


def _row(step: Step, ascii_only: bool) -> tuple[str, str, str, str, str]:
    factor = "" if step.factor is None or step.factor == 1 else f"{step.factor:.4g} x "
    matches = step.matches or ""
    if matches and "/ dtheta" not in matches:  # no tangent, which says itself of what it is one
        matches = f"{factor}d cost / d {matches}"
    return (
        str(step.line),
        wording.visible(step.source, ascii_only=ascii_only),
        wording.visible(matches, ascii_only=ascii_only),
        _WORDS[step.verdict],
        step.verdict,
    )


def _rows(rows: Sequence[tuple[str, str, str, str, str]], width: int) -> Iterator[Text]:
    number = max(len(r[0]) for r in rows)
    verdict = max(max((len(r[3]) for r in rows), default=0), 2)
    room = width - number - verdict - 4
    with_matches = width >= _WIDE
    source = min(max(len(r[1]) for r in rows), room // 2 if with_matches else room)
    for line, text, matches, word, _ in rows:
        cells = [f"{line:>{number}}", f"{_cut(text, source):<{source}}"]
        if with_matches:
            left = room - source - 2
            cells.append(f"{_cut(matches or '-', left):<{left}}")
        head = Text("  ".join(cells) + "  ")
        yield Text.assemble(head, (word, _STYLE[word]))


def _suspect(suspect: Suspect, trace: Trace, width: int, ascii_only: bool) -> Iterator[Text]:
    del trace
    label = "wrong" if suspect.repair == 1 else "suspect"
    place = f"{_shown_path(suspect.path)}:{suspect.line}"
    yield Text.assemble((label, _STYLE["WRONG"]), " ", _clean(place, ascii_only))
    yield from _wrapped("    ", suspect.source, width, ascii_only)
    yield from _wrapped("  = note: ", suspect.reason, width, ascii_only)
    if suspect.suggestion:
        yield from _wrapped("  = help: ", f"({suspect.edit}) try", width, ascii_only)
        yield from _wrapped("    ", suspect.suggestion, width, ascii_only)
    yield Text("")


def _wrapped(head: str, words: str, width: int, ascii_only: bool) -> Iterator[Text]:
    """Yield words behind a head, further lines indented below the first."""
    console = Console(width=width, color_system=None, file=io.StringIO())
    body = wording.visible(words, ascii_only=ascii_only)
    room = max(width - len(head), 12)
    for i, line in enumerate(Text(body).wrap(console, room)):
        line.rstrip()
        yield Text.assemble((head if i == 0 else " " * len(head), _STYLE["label"]), line)


def _clean(text: str, ascii_only: bool, style: str = "") -> Text:
    return Text(wording.visible(text, ascii_only=ascii_only), style=style)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def _shown_path(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative
