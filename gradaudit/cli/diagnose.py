"""``gradaudit diagnose``: say why an optimizer stops where it does."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradaudit.cli.delivery import deliver, find_sink
from gradaudit.cli.exits import EXIT_CODES, INTERRUPTED
from gradaudit.cli.settings import read_settings
from gradaudit.cli.streams import users_code
from gradaudit.cli.target import introduced, resolve
from gradaudit.cli.terminal import tell
from gradaudit.config import Configuration
from gradaudit.targets import (
    Target,
    Typed,
    parse_options,
    parse_reference,
    parse_value,
    returns_pair,
)

if TYPE_CHECKING:
    from gradaudit.results import Diagnosis


def diagnose_target(options: argparse.Namespace) -> int:
    """Run an optimizer on a target, and say why it stopped."""
    settings = read_settings(options)
    sink = find_sink(options.output)
    reference = parse_reference(options.target)
    given = {
        name: parse_value(value, f"--{name}", beside=reference)
        for name in ("tol", "hess", "hessp", "constraints")
        if (value := getattr(options, name)) is not None
    }
    solver_options = parse_options(options.option or (), reference)
    target = resolve(options, settings)
    with introduced(target, options, settings, sink) as introduction:
        diagnosis, interrupted = _diagnosed(options.method, target, settings, given, solver_options)
    if diagnosis is None:
        tell("interrupted before anything was learned")
        return INTERRUPTED
    if interrupted:
        tell("interrupted: the diagnosis holds what was learned until then")
    deliver(diagnosis, introduction, options, settings, sink)
    if options.plot is not None:
        diagnosis.save_plot(options.plot)
    return INTERRUPTED if interrupted else EXIT_CODES[str(diagnosis.verdict)]


def _diagnosed(
    method: str | None,
    target: Target,
    settings: Configuration,
    given: Mapping[str, Typed],
    solver_options: Mapping[str, Typed],
) -> tuple[Diagnosis | None, bool]:
    """Run the optimizer and the diagnosis; return it and whether it was interrupted."""
    from gradaudit.api.diagnose import diagnose  # heavy: loads numpy

    said = any(what == "jac" for what, _ in target.sources)
    try:
        with users_code(target.name):
            jac = target.jac if said or returns_pair(target) else None
            diagnosis = diagnose(
                target.fun,
                target.x0,
                jac=jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
                method=method,
                options={name: value.fetch() for name, value in solver_options.items()} or None,
                budget=settings["budget"].value or 500,
                seconds=settings["seconds"].value,
                rng=settings["seed"].value,
                **{name: value.fetch() for name, value in given.items()},
            )
    except KeyboardInterrupt as stop:
        return getattr(stop, "gradaudit_report", None), True
    return diagnosis, False
