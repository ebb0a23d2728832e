"""Stdout for the report, stderr for whatever the user's code prints."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any, Final, TextIO

from gradaudit.errors import TargetError

# where our own output goes while sys.stdout is the user's
_REPORT: Final[ContextVar[TextIO | None]] = ContextVar("_REPORT", default=None)


def report_stream() -> TextIO:
    """Return where our own output goes, also while ``sys.stdout`` is the user's."""
    return _REPORT.get() or sys.stdout


@contextlib.contextmanager
def stdout_for_the_report(*, last: bool) -> Generator[None]:
    """Keep stdout for the report; what the user's code prints goes to stderr.

    The user's threads may print at any time, hence not only while the user's code is called; and
    when the interpreter ends, hence for good where nothing comes behind the report.
    """
    out = sys.stdout
    with _own_descriptor(out, last=last) as (ours, users):
        token = _REPORT.set(ours)
        sys.stdout = users
        try:
            yield
        finally:
            sys.stdout = users if last else out
            _REPORT.reset(token)


@contextlib.contextmanager
def stdout_beside_the_script(*, last: bool) -> Generator[None]:
    """Leave stdout to a script, and keep a way to it for the report: a script may close it."""
    out = sys.stdout
    number = descriptor_of(out)
    if number < 0 or not last:
        yield
        return
    text: Any = {"encoding": out.encoding, "errors": out.errors}
    ours = io.TextIOWrapper(open(os.dup(number), "wb"), **text)  # noqa: SIM115
    token = _REPORT.set(ours)
    try:
        yield
    finally:
        _REPORT.reset(token)
        with contextlib.suppress(OSError, ValueError):
            ours.close()


@contextlib.contextmanager
def _own_descriptor(out: TextIO, *, last: bool) -> Generator[tuple[TextIO, TextIO]]:
    """Yield a stream for us, and one to stderr for the user, who may close it.

    Descriptor 1 points to stderr, for the sake of C code and child processes.
    """
    if (descriptor_of(out), descriptor_of(sys.stderr)) != (1, 2):
        yield out, sys.stderr
        return
    out.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    text: Any = {"encoding": out.encoding, "errors": out.errors}
    users = io.TextIOWrapper(open(2, "wb", closefd=False), line_buffering=True, **text)  # noqa: SIM115
    ours = io.TextIOWrapper(open(kept, "wb", closefd=False), **text)  # noqa: SIM115
    try:
        yield ours, users
    finally:
        for stream in (users, ours, out):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        _flush_c_streams()
        if not last:
            os.dup2(kept, 1)
            os.close(kept)


@contextlib.contextmanager
def users_code(name: str) -> Generator[None]:
    """Give the user's code an argv of its own, and take back the streams that it replaces.

    Scripts read ``sys.argv`` when they are imported; ours would mean nothing to them.
    """
    out, err, words = sys.stdout, sys.stderr, sys.argv
    sys.argv = [name]
    try:
        yield
    except SystemExit as stop:
        failure = TargetError(f"{name} called sys.exit({stop.code!r})")
        raise failure from stop
    finally:
        sys.stdout, sys.stderr, sys.argv = out, err, words


def _flush_c_streams() -> None:
    """Empty the buffers of C's printf while descriptor 1 still points to stderr."""
    import ctypes  # heavy: numpy has loaded it by now

    with contextlib.suppress(OSError, TypeError, AttributeError):
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        library.fflush(None)


def descriptor_of(stream: Any) -> int:
    """Return the number of a stream's descriptor, -1 when it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return -1


def open_missing_streams() -> None:
    """Give a process that was started with closed streams some that swallow everything.

    Otherwise the first file that anybody opens gets descriptor 1, and receives all output.
    """
    if None not in (sys.stdout, sys.stderr):
        return
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            stream = io.TextIOWrapper(
                open(descriptor, "wb", closefd=False),  # noqa: SIM115  (it lives as long as we)
                encoding="utf-8",
                errors="backslashreplace",
            )
            setattr(sys, name, stream)
