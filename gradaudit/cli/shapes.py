"""``gradaudit shapes``: find the smallest shape at which a gradient is wrong."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gradaudit.cli.delivery import appearance, find_sink, put
from gradaudit.cli.errors import refuse
from gradaudit.cli.exits import EXIT_CODES, INTERRUPTED
from gradaudit.cli.flags import PLAIN_FORMATS
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import report_stream, users_code
from gradaudit.cli.terminal import encoding_of, tell, write
from gradaudit.config import SETTINGS
from gradaudit.targets import parse_reference, parse_sizes, resolve_factory

if TYPE_CHECKING:
    from gradaudit.results import ShapeReport


def search_shapes(options: argparse.Namespace) -> int:
    """Search the smallest shape at which a gradient is wrong."""
    settings = read_settings(options)
    form = settings["format"].value
    if options.format not in (None, *PLAIN_FORMATS):
        refuse(f"--format {options.format} is for single audits", "shapes are text or json")
    sink = find_sink(options.output)
    reference = parse_reference(options.target)
    sizes = parse_sizes(options.size or (), beside=reference)
    values = {name: settings[name].value for name in SETTINGS if name not in ("format", "seed")}
    from gradaudit.api.shapes import check_shapes  # heavy: loads numpy and hypothesis
    from gradaudit.report.json import render_json
    from gradaudit.report.shapes import one_line, render_shapes

    found: ShapeReport | None = None
    code = INTERRUPTED
    with users_code(reference.module):
        factory = resolve_factory(reference)
        given = {name: typed.fetch() for name, typed in sizes.items()}
        try:
            found = check_shapes(factory, settings=values, rng=settings["seed"].value, **given)
            code = EXIT_CODES[str(found.verdict)]
        except KeyboardInterrupt as stop:
            found = getattr(stop, "gradaudit_report", None)
    if found is None:
        tell("interrupted before anything was learned")
        return INTERRUPTED
    if form == "json":
        text = render_json(found)
    elif options.quiet:
        text = one_line(found, encoding=encoding_of(report_stream()))
    else:
        text = render_shapes(found, verbosity=options.verbose, **appearance(sink))
    put(text, sink)
    if sink is not None:
        write(one_line(found, encoding=encoding_of(report_stream())) + "\n")
    return code
