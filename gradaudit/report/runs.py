"""The optimizer calls of a script or a block, as text for people: one block of lines each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from gradaudit.report import wording
from gradaudit.report.diagnosis import render_causes
from gradaudit.results import Diagnosis, Finding, Run, Runs, Verdict

_MOST_CAUSES: Final = 3


def render_runs(
    runs: Runs, *, console_width: int = 80, encoding: str = "utf-8", verbosity: int = 0
) -> str:
    """Return the runs as plain text.

    Parameters
    ----------
    runs : Runs
    console_width : int
        Columns of the terminal. Locations and source lines may be longer.
    encoding : str
        Of the stream; unless it is UTF-8 the text is pure ASCII.
    verbosity : int
        0 for what is worth saying, 1 for every run and all causes.
    """
    lines: list[str] = []
    for group in _groups(runs):
        lines += [*_group(group, console_width, encoding, verbosity), ""]
    lines += _conclusion(runs, console_width)
    return _clean("\n".join(lines), encoding) + "\n"


def one_line(runs: Runs, *, encoding: str = "utf-8") -> str:
    """Return the verdict and the first causes in one line, for ``-q``."""
    words = [
        f"{run.location or run.solver} {run.diagnosis.causes[0].slug}"
        for run in runs
        if run.diagnosis is not None and run.diagnosis.causes and not run.diagnosis.benign
    ]
    words = list(dict.fromkeys(words))
    return _clean("  ".join([str(runs.verdict), "; ".join([*words, summary(runs)])]), encoding)


def summary(runs: Runs) -> str:
    """Return how many calls there were, and what became of them."""
    if not runs:
        return "no optimizer was called"
    parts = [wording.plural(len(runs), "optimizer call")]
    failed = sum(run.failed for run in runs)
    if failed:
        parts.append(f"{failed:,} failed")
    faulty = sum(run.verdict == Verdict.FAIL for run in runs)
    if faulty:
        parts.append(f"{faulty:,} at fault")
    left_out = sum(run.diagnosis is None for run in runs)
    if left_out:
        parts.append(f"{left_out:,} not diagnosed")
    return ", ".join(parts)


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs by place, in the order of their first run."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(run.site, []).append(run)
    return list(groups.values())


def _group(group: Sequence[Run], width: int, encoding: str, verbosity: int) -> Iterator[str]:
    """Show the runs of one place: the first, each that has a cause of its own, the rest counted."""
    told: set[tuple[str, ...]] = set()
    rest: list[Run] = []
    for number, run in enumerate(group):
        causes = tuple(f"{cause.slug} {cause.block}" for cause in _causes(run.diagnosis))
        news = causes not in told if run.diagnosis is not None and not _fine(run) else False
        if number == 0 or news or verbosity > 0:
            told.add(causes)
            yield from _run(run, width, encoding, verbosity)
        else:
            rest.append(run)
    if rest:
        yield from _wrapped(f"and {_in_numbers(rest)} from here", "  ", width)


def _fine(run: Run) -> bool:
    return run.diagnosis is not None and run.diagnosis.benign


def _in_numbers(rest: Sequence[Run]) -> str:
    failed = sum(run.failed for run in rest)
    audited = sum(run.diagnosis is not None for run in rest)
    parts = [f"{wording.plural(len(rest), 'further run')}: {failed:,} failed"]
    parts.append(f"{audited:,} diagnosed with nothing new" if audited else "none diagnosed")
    return ", ".join(parts)


def _run(run: Run, width: int, encoding: str, verbosity: int) -> Iterator[str]:
    yield from _heading(run, width)
    diagnosis = run.diagnosis
    if diagnosis is None:
        yield from _wrapped(f"not diagnosed: {run.skipped}", "  ", width)
        return
    causes = _causes(diagnosis)
    if not diagnosis.benign or verbosity:
        shown = causes if verbosity else causes[:_MOST_CAUSES]
        lines = render_causes(replace(diagnosis, causes=shown), width - 2, encoding=encoding)
        yield from (f"  {line}".rstrip() for line in lines)
    if len(causes) > _MOST_CAUSES and not verbosity and not diagnosis.benign:
        yield f"  {len(causes) - _MOST_CAUSES} more; -v shows all"
    if diagnosis.confirmed:
        yield from _wrapped(f"confirmed: {diagnosis.confirmed}", "  ", width)
    if diagnosis.benign:
        words = [cause.message for cause in causes[:1]]
        yield from _wrapped(": ".join(["nothing is at fault", *words]), "  ", width)
    elif not causes:
        why = diagnosis.stopped or "no cause was found"
        yield from _wrapped(f"INCONCLUSIVE: {why}", "  ", width)


def _heading(run: Run, width: int) -> Iterator[str]:
    place = str(run.location) if run.location else "(no line of yours)"
    jac = {"": "", "True": ", jac=True", "a function": ", jac"}[run.jac]
    method = run.method or ""
    words = [f"{run.solver}({method}{jac})", f"n={run.size:,}", _ending(run)]
    yield from _wrapped(f"{place}  {'  '.join(words)}", "", width, further="    ")
    if run.location is not None and run.location.source:
        yield f"  | {run.location.source}"
    if run.library is not None:
        yield f"  called by {_library(run.library.path)}:{run.library.line}"


def _ending(run: Run) -> str:
    if run.raised:
        return f"raised {run.raised}"
    said = run.message.strip().rstrip(":.") or {True: "success", False: "failed"}.get(
        bool(run.success), ""
    )
    parts = [said] if run.message or run.success is not None else ["returned"]
    if run.iterations is not None:
        parts.append(f"nit {run.iterations:,}")
    if run.evaluations is not None:
        parts.append(f"nfev {run.evaluations:,}")
    return ", ".join(parts)


def _library(path: str) -> str:
    """Return a library's path without the folder that all libraries are in."""
    for folder in ("site-packages", "dist-packages"):
        before, found, rest = path.replace("\\", "/").rpartition(f"/{folder}/")
        if found and before:
            return rest
    return path


def _causes(diagnosis: Diagnosis | None) -> tuple[Finding, ...]:
    if diagnosis is None:
        return ()
    return tuple(cause for cause in diagnosis.causes if not cause.allowed)


def _conclusion(runs: Runs, width: int) -> Iterator[str]:
    if runs.interrupted:
        yield "interrupted: this is what was learned until then"
    if runs.children:
        processes = "child process was" if runs.children == 1 else "child processes were"
        yield from _wrapped(
            f"{runs.children:,} {processes} started; optimizers in them are not watched", "", width
        )
    if runs.script_exit:
        yield f"the script ended with exit status {runs.script_exit}"
    parts = f"{summary(runs)}, {wording.seconds_in_words(runs.own_seconds)} of diagnosis"
    yield from _wrapped(f"{runs.verdict}  {parts if runs else summary(runs)}", "", width)


def _wrapped(text: str, indent: str, width: int, further: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _clean(text: str, encoding: str) -> str:
    ascii_only = not wording.is_utf8(encoding)
    return "\n".join(_visible_lines(text.split("\n"), ascii_only))


def _visible_lines(lines: Iterable[str], ascii_only: bool) -> Iterator[str]:
    for line in lines:
        yield wording.visible(line, ascii_only=ascii_only)
