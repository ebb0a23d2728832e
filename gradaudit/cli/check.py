"""``gradaudit check``: audit a gradient."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gradaudit.cli.delivery import deliver, find_sink
from gradaudit.cli.errors import refuse, tell_error
from gradaudit.cli.exits import EXIT_CODES, INTERRUPTED
from gradaudit.cli.progress import ProgressLine
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import users_code
from gradaudit.cli.target import introduced, resolve
from gradaudit.cli.terminal import is_terminal, tell, write
from gradaudit.cli.trace import rendered_trace, traced
from gradaudit.config import SETTINGS, Configuration
from gradaudit.errors import GradauditError
from gradaudit.targets import Target

if TYPE_CHECKING:
    from gradaudit.results import Report


def check_target(options: argparse.Namespace) -> int:
    """Audit the gradient of a target."""
    settings = read_settings(options)
    sink = find_sink(options.output)
    target = resolve(options, settings)
    with introduced(target, options, settings, sink) as introduction:
        report, interrupted = _audit(target, settings, quiet=options.quiet)
    if report is None:
        tell("interrupted before anything was learned")
        return INTERRUPTED
    if interrupted:
        tell("interrupted: the report holds what was learned until then")
    deliver(report, introduction, options, settings, sink)
    if not interrupted and settings["format"].value == "text" and not options.quiet:
        _offer_trace(report, target, options, settings, sink)
    return INTERRUPTED if interrupted else EXIT_CODES[str(report.verdict)]


def _audit(target: Target, settings: Configuration, *, quiet: bool) -> tuple[Report | None, bool]:
    """Run the check; return its report and whether it was interrupted."""
    from gradaudit.api.check import check  # heavy: loads numpy

    line = ProgressLine() if is_terminal(sys.stderr) and not quiet else None
    values = {name: settings[name].value for name in SETTINGS if name not in ("format", "seed")}
    try:
        with users_code(target.name):
            report = check(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
                rng=settings["seed"].value,
                progress=line,
                **values,
            )
    except KeyboardInterrupt as stop:
        return getattr(stop, "gradaudit_report", None), True
    finally:
        if line is not None:
            line.clear()
    _require_gradient(report, target)
    return report, False


def _require_gradient(report: Report, target: Target) -> None:
    """Ask for the gradient where nobody said that the function returns it: that is no fault."""
    said = any(what == "jac" for what, _ in target.sources)
    if said or all(finding.slug != "jac-flag" for finding in report.findings):
        return
    names = target.gradient_candidates[:3] or ("module:name",)
    refuse(
        f"{target.name} does not return (cost, gradient), and no gradient is named",
        f"name the function that returns it: --jac {' or --jac '.join(names)}",
    )


def _offer_trace(
    report: Report,
    target: Target,
    options: argparse.Namespace,
    settings: Configuration,
    sink: Path | None,
) -> None:
    """Look for the wrong line of a wrong gradient when asked to; else say how to."""
    if not any(f.level == "error" and f.code.startswith("GA2") for f in report.findings):
        return
    if not options.trace:
        if sink is None:
            write(f"which line is it?\n  gradaudit trace {target.name}{_same_flags(options)}\n")
        return
    try:
        found = traced(target, settings, quiet=options.quiet)
    except GradauditError as error:
        tell_error(error, everything=options.traceback)
        return
    text = "\n" + rendered_trace(found, "text", options, sink)
    if sink is None:
        write(text)
    else:
        with sink.open("a", encoding="utf-8") as stream:
            stream.write(text)


def _same_flags(options: argparse.Namespace) -> str:
    """Return the flags about the target once more: another command needs them as well."""
    given = [(name, getattr(options, name)) for name in ("x0", "jac", "bounds", "blocks")]
    given += [("arg", argument) for argument in options.arg or ()]
    return "".join(f" --{name} {shlex.quote(text)}" for name, text in given if text is not None)
