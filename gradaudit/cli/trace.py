"""``gradaudit trace``: name the first wrong line of a backward pass."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradaudit.cli.delivery import appearance, find_sink, put
from gradaudit.cli.errors import refuse
from gradaudit.cli.exits import EXIT_CODES
from gradaudit.cli.flags import PLAIN_FORMATS
from gradaudit.cli.progress import ProgressLine
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import users_code
from gradaudit.cli.target import introduced, resolve
from gradaudit.cli.terminal import is_terminal, is_utf8, write
from gradaudit.config import Configuration
from gradaudit.targets import Target, parse_reference, resolve_factory

if TYPE_CHECKING:
    from gradaudit.backprop.results import Trace


def trace_target(options: argparse.Namespace) -> int:
    """Trace the backward pass of a target, or of what a factory makes."""
    settings = read_settings(options)
    form = settings["format"].value
    if form not in PLAIN_FORMATS:
        refuse(f"--format {form} is for single audits", "a trace is text or json")
    sink = find_sink(options.output)
    if options.factory is None:
        if options.target is None:
            refuse("no target is given", "name one, or a factory: --factory mymodule:make_problem")
        target = resolve(options, settings)
        with introduced(target, options, settings, sink) as introduction:
            found = traced(target, settings, quiet=options.quiet)
    else:
        introduction, found = "", _traced_by_factory(options.factory, settings)
    text = rendered_trace(found, form, options, sink)
    put(introduction + text, sink)
    if sink is not None:
        write(found.summary + "\n")
    return _trace_code(found)


def _trace_code(found: Trace) -> int:
    if found.suspects:
        return EXIT_CODES["FAIL"]
    return EXIT_CODES["INCONCLUSIVE" if found.wrong or found.stopped else "PASS"]


def traced(target: Target, settings: Configuration, *, quiet: bool) -> Trace:
    """Trace a target."""
    from gradaudit.api.trace import trace  # heavy: loads numpy
    from gradaudit.problem import Problem  # heavy: loads numpy

    line = ProgressLine() if is_terminal(sys.stderr) and not quiet else None
    try:
        with users_code(target.name):
            problem = Problem(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
            )
            return trace(problem, progress=line, **_trace_settings(settings))
    finally:
        if line is not None:
            line.clear()


def _trace_settings(settings: Configuration) -> dict[str, Any]:
    seconds = settings["seconds"].value
    return {
        "budget": settings["budget"].value,
        "seconds": 30.0 if seconds is None else seconds,
        "rng": settings["seed"].value,
    }


def _traced_by_factory(text: str, settings: Configuration) -> Trace:
    from gradaudit.api.trace import trace  # heavy: loads numpy

    reference = parse_reference(text, flag="--factory")
    with users_code(reference.module):
        return trace(factory=resolve_factory(reference), **_trace_settings(settings))


def rendered_trace(found: Trace, form: str, options: argparse.Namespace, sink: Path | None) -> str:
    """Return a trace as text or JSON."""
    # heavy: they load numpy and rich
    from gradaudit.report.json import render_json
    from gradaudit.report.trace import render_trace

    if form == "json":
        return render_json(found)
    if options.quiet:
        return found.summary + "\n"
    look = appearance(sink)
    ascii_only = not is_utf8(look["encoding"])
    return render_trace(found, width=look["console_width"], ascii_only=ascii_only) + "\n"
