"""From the words of the command line to the options of one command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Final, NoReturn

import gradaudit
from gradaudit.cli.errors import refuse
from gradaudit.cli.flags import (
    PLAIN_FORMATS,
    add_audit_flags,
    add_code,
    add_optimizer_flags,
    add_output_flags,
    add_run_flags,
    add_size_flags,
    add_target_flags,
    add_trace_flag,
    add_trace_flags,
)
from gradaudit.config import nearest

_SUMMARIES: Final[Mapping[str, str]] = {
    "check": "check the gradient of a cost, per parameter block",
    "shapes": "find the smallest shape at which a gradient is wrong",
    "blocks": "show how the parameter vector is divided into blocks",
    "trace": "name the first wrong line of a backward pass",
    "diagnose": "say why scipy.optimize.minimize stops where it does",
    "run": "run a script, and say how each of its optimizers did",
    "explain": "say what the code of a finding means",
}
_RUN_FLAGS_WITH_VALUES: Final = ("--budget", "--seed", "--format", "--output")


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors look like all others."""

    def error(self, message: str) -> NoReturn:
        """Refuse the words in the way of all other errors."""
        text = re.sub(r"^argument (\S+?)(/\S+)?: ", r"\1: ", message)
        refuse(text, f"{self.prog} --help shows all flags")


def parse(words: list[str]) -> argparse.Namespace:
    """Read the words of the process; refuse them, or return what they ask for."""
    parser, commands = _parsers()
    _require_command(words, list(commands))
    words, script = _split_script(words) if words[0] == "run" else (words, [])
    options, unknown = parser.parse_known_args(_with_negative_values(words))
    options.script = script
    if unknown:
        used = commands[options.name]
        flags = re.findall(r"--[a-z][a-z0-9-]*", used.format_help())
        close = nearest(unknown[0].partition("=")[0], flags) if unknown[0][:1] == "-" else None
        kind = "flag" if unknown[0][:1] == "-" else "argument"
        advice = f"did you mean {close}?" if close else f"{used.prog} --help shows all flags"
        refuse(f"{used.prog} knows no {kind} {unknown[0]!r}", advice)
    return options


def _require_command(words: list[str], commands: list[str]) -> None:
    names = f"{', '.join(commands[:-1])} or {commands[-1]}"
    if not words:
        refuse("no command is given", f"say {names}, such as gradaudit check train:cost")
    word = words[0]
    if word in ("-h", "--help", "--version") or word in commands:
        return
    if word.startswith("-"):
        close = nearest(word, ["--help", "--version"])
        advice = f"did you mean {close}?" if close else f"begin with a command: {names}"
        refuse(f"gradaudit knows no flag {word!r} before a command", advice)
    close = nearest(word, commands)
    advice = f"did you mean gradaudit {close}?" if close else f"say {names}"
    if ":" in word:
        advice = f"did you mean gradaudit check {word}?"
    refuse(f"{word!r} is not a command of gradaudit", advice)


def _split_script(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide the words of ``run`` before the script: all that follows belongs to it."""
    place = 1
    while place < len(words) and words[place].startswith("-") and words[place] != "-m":
        place += 2 if words[place] in _RUN_FLAGS_WITH_VALUES else 1
    return words[:place], words[place:]


def _with_negative_values(words: list[str]) -> list[str]:
    """Join ``--x0 -1e-3`` to ``--x0=-1e-3``: argparse takes the number for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and re.fullmatch(r"--[a-z0-9]+", joined[-1]) and re.match(r"-[\d.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="gradaudit",
        description="Tell whether a hand-written gradient is right, how sure that is, and where "
        "it is wrong.",
        epilog="exit codes: 0 checked and right; 1 a fault was found; 2 could not check; "
        "3 inconclusive; 130 interrupted",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gradaudit {gradaudit.__version__}")
    subparsers = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    commands: dict[str, _Parser] = {}
    for name, summary in _SUMMARIES.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        commands[name] = subparsers.add_parser(
            name, help=summary, description=description, allow_abbrev=False
        )
    _add_flags(commands)
    return parser, commands


def _add_flags(commands: Mapping[str, _Parser]) -> None:
    for name, parser in commands.items():
        if name == "run":
            parser.usage = f"{parser.prog} [flags] SCRIPT.py [its arguments]"
        elif name == "trace":  # a factory will do
            parser.usage = f"{parser.prog} [TARGET] [flags]"
        elif name != "explain":  # all the flags would fill a narrow terminal
            parser.usage = f"{parser.prog} TARGET [flags]"
    for name in ("check", "blocks", "diagnose"):
        add_target_flags(commands[name])
    add_target_flags(commands["trace"], optional=True)
    for name in ("check", "shapes"):
        add_audit_flags(commands[name])
    add_trace_flag(commands["check"])
    add_trace_flags(commands["trace"])
    add_optimizer_flags(commands["diagnose"])
    add_run_flags(commands["run"])
    add_size_flags(commands["shapes"])
    add_code(commands["explain"])
    for name in ("check", "diagnose"):
        add_output_flags(commands[name])
    for name in ("shapes", "blocks", "trace", "run"):
        add_output_flags(commands[name], PLAIN_FORMATS)
