"""``gradaudit run``: run a script, and say how each of its optimizers did."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gradaudit.cli.delivery import appearance, find_sink, put
from gradaudit.cli.errors import refuse
from gradaudit.cli.exits import COULD_NOT_CHECK, EXIT_CODES, INTERRUPTED
from gradaudit.cli.flags import PLAIN_FORMATS
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import report_stream, stdout_beside_the_script, stdout_for_the_report
from gradaudit.cli.terminal import OutputFailed, encoding_of, tell, terminal_width, write

if TYPE_CHECKING:
    from gradaudit.results import Runs


def watch_script(options: argparse.Namespace) -> int:
    """Run a script, and report on every optimizer that it called."""
    settings = read_settings(options)
    form = settings["format"].value
    if form not in PLAIN_FORMATS:
        refuse(f"--format {form} is for one report", "the calls of a script are text or json")
    if not options.script:
        refuse("no script is given", "name one: gradaudit run train.py, or gradaudit run -m module")
    sink = find_sink(options.output)
    # heavy: they load numpy, and before the script's folder can hide a library
    from gradaudit.report.runs import one_line
    from gradaudit.script import find_script, run_script

    script = find_script(options.script)
    machine = form != "text" and sink is None
    keep = stdout_for_the_report if machine else stdout_beside_the_script
    with keep(last=options.last):
        runs, raised = run_script(
            script,
            after=options.after,
            thorough=options.thorough,
            budget=settings["budget"].value or 500,
            rng=settings["seed"].value,
            last=options.last,
            full_traceback=options.traceback,
        )
        try:
            _put_runs(runs, form, options, sink)
        except OutputFailed:
            tell(one_line(runs, encoding=encoding_of(sys.stderr)))
            raise
    if not runs and not raised and not runs.interrupted:
        tell(f"error: {script.name} never called an optimizer of SciPy's")
    return _run_code(runs, raised)


def _run_code(runs: Runs, raised: bool) -> int:
    if runs.interrupted:
        return INTERRUPTED
    return COULD_NOT_CHECK if raised or not runs else EXIT_CODES[str(runs.verdict)]


def _put_runs(runs: Runs, form: str, options: argparse.Namespace, sink: Path | None) -> None:
    # heavy: they load numpy
    from gradaudit.report.json import render_json
    from gradaudit.report.runs import one_line, render_runs

    here = encoding_of(report_stream())
    short = one_line(runs, encoding=here) + "\n"
    if form == "json":
        text = render_json(runs)
    elif options.quiet:
        text = short if sink is None else one_line(runs) + "\n"
    else:
        look = appearance(sink)
        text = render_runs(
            runs,
            console_width=look["console_width"],
            encoding=look["encoding"],
            verbosity=options.verbose,
        )
        if sink is None:
            text = f"{' gradaudit ':-^{terminal_width() - 1}}\n{text}"
    put(text, sink)
    if sink is not None:
        write(short)
