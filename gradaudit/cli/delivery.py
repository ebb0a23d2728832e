"""Where a report goes, in which format, and how it looks there."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from gradaudit.cli.errors import refuse
from gradaudit.cli.streams import report_stream
from gradaudit.cli.terminal import (
    OutputFailed,
    encoding_of,
    is_terminal,
    is_utf8,
    tell,
    terminal_width,
    write,
)
from gradaudit.config import Configuration

if TYPE_CHECKING:
    from gradaudit.results import Diagnosis, Report


def find_sink(text: str | None) -> Path | None:
    """Return the file to write to, None for stdout; refuse what cannot be written, early."""
    if text is None or text == "-":
        return None
    path = Path(text).absolute()  # before the user's code changes the working directory
    try:
        is_folder, has_folder = path.is_dir() or not text, path.parent.is_dir()
        writable = os.access(path if path.exists() else path.parent, os.W_OK)
    except (OSError, ValueError) as error:  # too long, or a null character
        refuse(f"--output {text!r}: {error}", "give the name of a file")
    if is_folder:
        what = "is a folder" if text else "is empty"
        refuse(f"--output {text!r} {what}", "give the name of a file")
    if not has_folder:
        refuse(f"--output {text!r}: there is no folder {path.parent}", "make it first")
    if not writable:
        refuse(f"--output {text!r} is not writable", "choose another file")
    return path


def put(text: str, sink: Path | None) -> None:
    """Write a text to the file, or to stdout where there is none."""
    if sink is None:
        write(text if text.endswith("\n") else text + "\n")
        return
    try:
        with open(sink, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise OutputFailed(f"--output {str(sink)!r}: {error.strerror or error}") from None


def appearance(sink: Path | None) -> dict[str, Any]:
    """Return how wide a text may be, in which encoding, and whether in colour."""
    if sink is not None:
        return {"console_width": 100, "colour": False, "encoding": "utf-8"}
    return {
        "console_width": terminal_width(),
        "colour": _colour(report_stream(), os.environ),
        "encoding": encoding_of(report_stream()),
    }


def _colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and environment.get("TERM") != "dumb"


def deliver(
    report: Report | Diagnosis,
    introduction: str,
    options: argparse.Namespace,
    settings: Configuration,
    sink: Path | None,
) -> None:
    """Write the report; when that fails, its verdict is still told."""
    from gradaudit.report import text  # heavy: loads numpy and rich
    from gradaudit.report.diagnosis import one_line as one_line_of_diagnosis
    from gradaudit.results import Diagnosis

    def one_line(report: Report | Diagnosis, *, encoding: str) -> str:
        if isinstance(report, Diagnosis):
            return one_line_of_diagnosis(report, encoding=encoding)
        return text.one_line(report, encoding=encoding)

    form = settings["format"].value
    encoding = encoding_of(report_stream()) if sink is None else "utf-8"
    try:
        if form == "text" and options.quiet:
            put(one_line(report, encoding=encoding) + "\n", sink)
        else:
            put(introduction + _rendered(report, form, sink, options.verbose), sink)
        if sink is not None:
            write(one_line(report, encoding=encoding_of(report_stream())) + "\n")
    except OutputFailed:
        tell(one_line(report, encoding=encoding_of(sys.stderr)))
        raise


def _rendered(report: Report | Diagnosis, form: str, sink: Path | None, verbosity: int) -> str:
    # heavy: they load numpy and rich
    from gradaudit.report.diagnosis import render_text as render_diagnosis
    from gradaudit.report.github import render_github
    from gradaudit.report.html import render_html
    from gradaudit.report.json import render_json
    from gradaudit.report.sarif import render_sarif
    from gradaudit.report.text import render_text
    from gradaudit.results import Diagnosis

    if form == "text":
        look = appearance(sink)
        if isinstance(report, Diagnosis):
            terminal = sink is None and is_terminal(report_stream())
            return render_diagnosis(report, verbosity=verbosity, terminal=terminal, **look)
        return render_text(report, verbosity=verbosity, **look)
    if form == "sarif":
        return render_sarif(report, root=str(Path.cwd()))
    text = {"json": render_json, "github": render_github, "html": render_html}[form](report)
    if form == "html" and sink is None and not is_utf8(encoding_of(report_stream())):
        # the page says that it is UTF-8: on another stream it must be plain ASCII
        return text.encode("ascii", "xmlcharrefreplace").decode("ascii")
    return text
