"""The settings of a command: flags, environment, pyproject.toml."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from gradaudit.cli.errors import refuse
from gradaudit.config import SETTINGS, load_settings


def read_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Read every setting that does not need the target, and refuse what contradicts itself."""
    if options.quiet and options.verbose:
        refuse("-q and -v contradict each other", "keep one of them")
    if options.json and options.format not in (None, "json"):
        refuse(f"--json and --format {options.format} contradict each other", "keep one of them")
    flags = {name: getattr(options, name, None) for name in SETTINGS}
    if options.json:
        flags["format"] = "json"
    return load_settings(flags, environment=os.environ, folder=_working_directory())


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        refuse(f"the working directory: {error.strerror or error}", "change to another one first")
