"""The command line: reads flags, calls one verb, writes its report, returns its exit code.

Each command has a module of its own. The user's code runs inside `streams.users_code` only; what
it prints goes to stderr. Everything that loads numpy is imported inside functions, so that help
and usage errors come at once.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gradaudit.cli.blocks import show_blocks
from gradaudit.cli.check import check_target
from gradaudit.cli.diagnose import diagnose_target
from gradaudit.cli.errors import tell_defect, tell_error
from gradaudit.cli.exits import COULD_NOT_CHECK, INTERRUPTED
from gradaudit.cli.explain import explain_code
from gradaudit.cli.parser import parse
from gradaudit.cli.run import watch_script
from gradaudit.cli.shapes import search_shapes
from gradaudit.cli.streams import open_missing_streams, stdout_for_the_report
from gradaudit.cli.terminal import OutputFailed, tell, write
from gradaudit.cli.trace import trace_target
from gradaudit.errors import GradauditError

_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "check": check_target,
    "shapes": search_shapes,
    "blocks": show_blocks,
    "trace": trace_target,
    "diagnose": diagnose_target,
    "run": watch_script,
    "explain": explain_code,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words behind ``gradaudit``; those of the process when left out.

    Returns
    -------
    int
        0 checked and right, 1 a fault was found, 2 could not check, 3 inconclusive,
        130 interrupted.
    """
    open_missing_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _guarded(words, everything="--traceback" in words, last=argv is None)
    except KeyboardInterrupt:  # one more, while the first was being told
        code = INTERRUPTED
    if argv is None:  # nothing is left to interrupt; the exit code is to survive
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _guarded(words: list[str], *, everything: bool, last: bool) -> int:
    """Run a command; whatever happens, the exit code keeps its meaning."""
    try:
        code = _run(words, last=last)
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except OutputFailed as error:
        tell(f"error: {error}")
        return COULD_NOT_CHECK
    except GradauditError as error:
        tell_error(error, everything=everything)
        return COULD_NOT_CHECK
    except BaseException as error:  # an uncaught one would exit with 1, "a fault was found"
        tell_defect(error, everything=everything)
        return COULD_NOT_CHECK
    return code


def _run(words: list[str], *, last: bool) -> int:
    try:
        options = parse(words)
    except SystemExit as done:  # --help and --version have printed
        write("")  # without flushing
        return int(done.code or 0)
    command = _COMMANDS[options.name]
    options.last = last
    if command in (explain_code, watch_script):  # one runs no code, one leaves stdout to it
        return command(options)
    with stdout_for_the_report(last=last):
        return command(options)
