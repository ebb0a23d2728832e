"""Ends an evaluation that does not come to an end by itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from gradaudit.source.locations import is_user_code

# Seconds of processor time until the next look, where a line of somebody else's was running.
_AGAIN: Final = 0.01


class Runaway(RuntimeError):
    """An edited program ran far longer than the program as it was given."""


@contextmanager
def watched(seconds: float) -> Generator[None, None, None]:
    """Raise `Runaway` within the context after so much processor time, and again if need be.

    Notes
    -----
    The timer of processor time (SIGVTALRM) leaves the alarm clock, which test runners use, alone;
    it is put back as it was. Signals reach Python in the main thread only: in another thread, or on
    a system without this timer, nothing is watched. A single long call into a library is
    interrupted when it returns. The exception is raised in the user's own lines only: one that is
    raised in a callback of the garbage collector, for one, would be lost there.
    """
    timer = getattr(signal, "ITIMER_VIRTUAL", None)
    if timer is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getitimer(timer)[0] > 0:  # somebody else uses it
        yield
        return
    watching = True

    def stop(_number: int, frame: FrameType | None) -> None:
        if watching and frame is not None and is_user_code(frame.f_code.co_filename):
            raise Runaway(f"the edited program was stopped after {seconds:.1f} s")

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(timer, seconds, min(seconds, _AGAIN))
    try:
        yield
    finally:
        watching = False
        signal.setitimer(timer, 0.0)
        if previous is not None:
            signal.signal(signal.SIGVTALRM, previous)
