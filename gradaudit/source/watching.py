"""Look into the frames of the user's functions at the moment they return."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Final, cast

Visit = Callable[[FrameType], None]

# identifiers that no tool has a claim on come first, then those of optimizer, profiler, coverage
# and debugger, when these are not running
_TOOL_IDS: Final = (3, 4, 5, 2, 1, 0)


@contextmanager
def watch_returns(visit: Visit, wanted: Callable[[CodeType], bool]) -> Generator[None, None, None]:
    """Call `visit` with each frame of wanted code that returns while the context is open.

    Debuggers, coverage and profilers go on undisturbed. `visit` and `wanted` must not raise.

    Notes
    -----
    ``sys.monitoring`` costs a running program about a tenth of what ``sys.setprofile`` does, and
    other tools need not notice. It exists from Python 3.12 on, and may have no free identifier.
    """
    tool = _free_tool()
    if tool is None:
        with _profiled(visit, wanted):
            yield
    else:
        with _monitored(tool, visit, wanted):
            yield


def _free_tool() -> int | None:
    if sys.version_info < (3, 12):
        return None
    for tool in _TOOL_IDS:
        try:
            sys.monitoring.use_tool_id(tool, "gradaudit")
        except ValueError:
            continue
        return tool
    return None


@contextmanager
def _monitored(
    tool: int, visit: Visit, wanted: Callable[[CodeType], bool]
) -> Generator[None, None, None]:
    if sys.version_info < (3, 12):
        raise NotImplementedError("sys.monitoring needs Python 3.12")
    monitoring = sys.monitoring
    event = monitoring.events.PY_RETURN

    def returned(code: CodeType, _offset: int, _value: object) -> None:
        # never monitoring.DISABLE: it would outlive this call, for whoever takes the identifier
        if wanted(code):
            visit(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]

    try:
        monitoring.register_callback(tool, event, returned)
        monitoring.set_events(tool, event)
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


@contextmanager
def _profiled(visit: Visit, wanted: Callable[[CodeType], bool]) -> Generator[None, None, None]:
    previous: Any = sys.getprofile()
    forward: Callable[[FrameType, str, Any], object] | None = (
        previous if callable(previous) else None
    )

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if forward is not None:
            forward(frame, event, argument)
        if event == "return" and wanted(frame.f_code):
            visit(frame)

    sys.setprofile(profile)
    try:
        yield
    finally:
        # cProfile is a C profiler, which sys.setprofile cannot put back. Enabled from here it
        # receives the return that balances the call of sys.setprofile above.
        if previous is not None and forward is None:
            cast("Any", previous).enable()
        else:
            sys.setprofile(previous)
