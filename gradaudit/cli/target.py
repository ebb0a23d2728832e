"""The target of a command: found by its flags, introduced above its report."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import textwrap
from collections.abc import Generator, Sequence
from pathlib import Path

from gradaudit.cli.streams import users_code
from gradaudit.cli.terminal import tell, terminal_width, visible
from gradaudit.config import Configuration, describe
from gradaudit.errors import GradauditError
from gradaudit.targets import (
    Reference,
    Target,
    TypedFlags,
    parse_flags,
    parse_reference,
    resolve_target,
)


def resolve(options: argparse.Namespace, settings: Configuration) -> Target:
    """Import the target, and find all that belongs to it."""
    reference = parse_reference(options.target)
    flags = _target_flags(options, reference, settings)
    if _hides_a_library(reference):
        # numpy and rich would import the user's random.py in the place of Python's
        for name in ("gradaudit.api.check", "gradaudit.report.text"):
            importlib.import_module(name)
    with users_code(reference.module):
        return resolve_target(reference, flags)


def _target_flags(
    options: argparse.Namespace, reference: Reference, settings: Configuration
) -> TypedFlags:
    return parse_flags(
        x0=options.x0,
        jac=options.jac,
        bounds=options.bounds,
        blocks=options.blocks,
        arguments=options.arg or (),
        seed=settings["seed"].value,
        target=reference,
    )


def _hides_a_library(reference: Reference) -> bool:
    """Whether a file beside the target is called like a module of Python's own."""
    folders = [Path.cwd(), *([reference.path.parent] if reference.path else [])]
    return any(
        name.removesuffix(".py") in sys.stdlib_module_names
        for folder in folders
        for name in _names_in(folder)
    )


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


@contextlib.contextmanager
def introduced(
    target: Target, options: argparse.Namespace, settings: Configuration, sink: Path | None
) -> Generator[str]:
    """Yield what stands above a report for people: the source of everything that was found.

    Stdout carries nothing but a report: without one for people, or when an error takes its
    place, the sources go to stderr.
    """
    sources = [f"{what} from {where}" for what, where in target.sources]
    lines = _wrapped("", sources)
    if options.verbose:
        lines += _wrapped("settings: ", describe(settings))
    text = "" if options.quiet else "".join(f"{visible(line)}\n" for line in lines)
    human = settings["format"].value == "text" and sink is None
    if not human:
        tell(text.rstrip("\n"))
    try:
        yield text + "\n" if human and text else ""
    except GradauditError:
        if human:
            tell(text.rstrip("\n"))
        raise


def _wrapped(title: str, items: Sequence[str]) -> list[str]:
    """Return ``title: item, item`` in lines as wide as the terminal, no item broken."""
    text = title + ", ".join(item.replace(" ", "\0") for item in items)
    lines = textwrap.wrap(text, terminal_width(), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
