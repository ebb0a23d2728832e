"""Write to the terminal: how wide, in which encoding, and what to do when it fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TextIO

from gradaudit.cli.streams import descriptor_of, report_stream


class OutputFailed(Exception):
    """The report could not be written where it should go."""


def write(text: str) -> None:
    """Write to stdout. A reader who has left (``| head -1``) is no error; a full disk is."""
    stream = report_stream()
    encoding = encoding_of(stream)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        _let_go(stream)
        # Windows reports a closed pipe as EINVAL
        if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == 22):
            return
        raise OutputFailed(f"standard output: {error.strerror or error}") from None


def _let_go(stream: TextIO) -> None:
    """Send what is still in the buffer nowhere: the interpreter would fail on it at its end."""
    number = descriptor_of(stream)
    if number >= 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def tell(text: str) -> None:
    """Write a line to stderr; when even that fails there is nobody to tell."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n" if text else "")
        sys.stderr.flush()


def visible(text: str, *, ascii_only: bool = False) -> str:
    r"""Write control characters as ``\x1b``; line breaks and tabs stay."""
    return "".join(
        char
        if char in "\n\t" or (char.isprintable() and (char.isascii() or not ascii_only))
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def terminal_width() -> int:
    """Return the number of columns."""
    return max(shutil.get_terminal_size((80, 24)).columns, 20)


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody watches the stream."""
    try:
        return stream.isatty()
    except (OSError, ValueError):
        return False


def encoding_of(stream: TextIO) -> str:
    """Return the encoding of a stream."""
    return getattr(stream, "encoding", None) or "utf-8"  # a StringIO has None


def is_utf8(encoding: str) -> bool:
    """Whether an encoding has every character."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")
