"""The line that tells how far an audit is."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from gradaudit.cli.terminal import terminal_width, visible

if TYPE_CHECKING:
    from gradaudit.evaluator import Progress


class ProgressLine:
    """One line on a terminal, rewritten in place, for those who wait longer than a second."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._began = self._shown_at = time.monotonic()
        self._length = 0

    def __call__(self, progress: Progress) -> None:
        """Rewrite the line, ten times a second at most."""
        now = time.monotonic()
        if now - self._began < 1 or now - self._shown_at < 0.1:
            return
        self._shown_at = now
        self._show(progress_text(progress)[: terminal_width() - 1])

    def clear(self) -> None:
        """Take the line away."""
        if self._length:
            self._show("")
            self._put("\r")

    def _show(self, text: str) -> None:
        self._put("\r" + text.ljust(self._length))
        self._length = len(text)

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def progress_text(progress: Progress) -> str:
    """Say what is going on, how far it is and how long it will take."""
    planned = f" of {progress.planned:,}" if progress.planned else ""
    words = [f"{progress.done:,}{planned} evaluations in {_duration(progress.seconds)}"]
    if progress.remaining is not None:
        words.append(f"about {_duration(progress.remaining)} left")
    phase = visible(progress.phase, ascii_only=True)
    return ", ".join([f"{phase}: {words[0]}" if phase else words[0], *words[1:]])


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
