"""``gradaudit blocks``: show how the parameter vector is divided."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gradaudit.cli.delivery import appearance, find_sink, put
from gradaudit.cli.errors import refuse
from gradaudit.cli.flags import PLAIN_FORMATS
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import users_code
from gradaudit.cli.target import introduced, resolve
from gradaudit.targets import Target

if TYPE_CHECKING:
    from gradaudit.blocks import Layout


def show_blocks(options: argparse.Namespace) -> int:
    """Show how the parameter vector of a target is divided."""
    settings = read_settings(options)
    if options.format not in (None, *PLAIN_FORMATS):
        refuse(f"--format {options.format} is for reports", "a layout is text or json")
    sink = find_sink(options.output)
    target = resolve(options, settings)
    with introduced(target, options, settings, sink) as introduction, users_code(target.name):
        layout = _layout(target)
    put(introduction + _rendered_layout(layout, settings["format"].value, sink), sink)
    return 0


def _layout(target: Target) -> Layout:
    from gradaudit.api.discovery import discover_blocks  # heavy: loads numpy
    from gradaudit.problem import Problem  # heavy: loads numpy

    problem = Problem(target.fun, target.x0, jac=target.jac, args=target.args, blocks=target.blocks)
    return problem.layout or discover_blocks(target.fun, target.x0, args=target.args)


def _rendered_layout(layout: Layout, form: str, sink: Path | None) -> str:
    # heavy: they load numpy and rich
    from gradaudit.report.json import render_json
    from gradaudit.report.text import render_layout

    return render_json(layout) if form == "json" else render_layout(layout, **appearance(sink))
