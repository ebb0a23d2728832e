"""Watch every call of SciPy's solvers, wherever their names were imported to.

The names are replaced in all modules that are loaded, also in SciPy's own, so that optimizers
called by libraries are seen too; whoever imports a name meanwhile gets the replacement.
Afterwards everything is as it was.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from types import FrameType, FunctionType, ModuleType
from typing import Any, Final, cast

import scipy  # pyright: ignore[reportMissingTypeStubs]
import scipy.integrate  # pyright: ignore[reportMissingTypeStubs]
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

from gradaudit.optimizers.call import SOLVERS
from gradaudit.results import Location
from gradaudit.source.locations import is_user_code, isinstance_safely, source_line

_SCIPY: Final = os.path.dirname(os.path.abspath(scipy.__file__)) + os.sep
_OURS: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MOST_FRAMES: Final = 200
# under this name our own frames that carry the user's place can be told from the user's
RELAY: Final = "gradaudit.relay"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intercepted:
    """One call of a solver that is about to be made.

    Attributes
    ----------
    solver : str
        A key of `SOLVERS`.
    function : callable
        What would have been called.
    positional, keywords : tuple, dict
        As passed.
    caller : frame
        Who calls.
    """

    solver: str
    function: Callable[..., Any]
    positional: tuple[Any, ...]
    keywords: dict[str, Any]
    caller: FrameType

    def proceed(self) -> Any:
        """Make the call, as if from the place it comes from."""
        return self.relayed()(*self.positional, **self.keywords)

    def relayed(self) -> Callable[..., Any]:
        """Return the function, to be called as if from the place this call comes from.

        Warnings name their caller, and some are shown once for each of its lines only: that has
        to be the user's line, not one of ours.
        """
        relay = cast("FunctionType", _relay(self.function))
        code = relay.__code__.replace(
            co_filename=self.caller.f_code.co_filename,
            co_firstlineno=self.caller.f_lineno or 1,
            co_name=self.caller.f_code.co_name,
            co_qualname=RELAY,
        )
        return FunctionType(code, self.caller.f_globals, closure=relay.__closure__)


def _relay(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *positional, **keywords: function(*positional, **keywords)


Handler = Callable[[Intercepted], Any]


@contextmanager
def intercepting(handler: Handler) -> Generator[None, None, None]:
    """Hand every call of a solver to `handler`, which makes it, while the context is open.

    Calls that a watched solver makes itself are part of it; those of the user's functions, and
    those of child processes, are not: the former are handed over, the latter left alone.
    """
    interception = _Interception(handler)
    interception.put_in_place()
    try:
        yield
    finally:
        interception.take_away()


class _Interception:
    """The replacements of one context."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._active = True
        self._process = os.getpid()
        self._thread = local()
        self._replaced: list[tuple[dict[str, Any], str, Any]] = []
        # by id, because not everything that stands in a module can be compared or hashed
        self._replacements = {
            id(original): (original, self._replacement(solver, original))
            for solver in SOLVERS
            for original in _originals(solver)
        }

    def put_in_place(self) -> None:
        for names in _namespaces():
            for name, value in list(names.items()):
                pair = self._replacements.get(id(value))
                if pair is not None and pair[0] is value:
                    names[name] = pair[1]
                    self._replaced.append((names, name, value))

    def take_away(self) -> None:
        """Put everything back, also where it was imported to meanwhile; the rest stays."""
        self._active = False
        originals = {id(new): (old, new) for old, new in self._replacements.values()}
        for names, name, value in self._replaced:
            # what somebody else has put there is theirs
            if originals.get(id(names.get(name))) is not None:
                names[name] = value
        for names in _namespaces():
            for name, value in list(names.items()):
                pair = originals.get(id(value))
                if pair is not None and pair[1] is value:
                    names[name] = pair[0]

    def _replacement(self, solver: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def watched(*positional: Any, **keywords: Any) -> Any:
            caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
            if not self._watches(caller):
                return original(*positional, **keywords)
            self._thread.depth = self._depth() + 1
            try:
                return self._handler(
                    Intercepted(
                        solver=solver,
                        function=original,
                        positional=positional,
                        keywords=keywords,
                        caller=caller,
                    )
                )
            finally:
                self._thread.depth -= 1

        return watched

    def _watches(self, caller: FrameType) -> bool:
        if not self._active or os.getpid() != self._process:
            return False
        path = caller.f_code.co_filename
        return not (path.startswith(_OURS) or (self._depth() and path.startswith(_SCIPY)))

    def _depth(self) -> int:
        return getattr(self._thread, "depth", 0)


def _originals(solver: str) -> list[Callable[..., Any]]:
    """Return SciPy's function, and what somebody else has put in its place before us."""
    home: Any = scipy.integrate if solver == "solve_ivp" else scipy.optimize
    function = SOLVERS[solver].function
    current: Any = home.__dict__.get(solver, function)
    return [function] if current is function or not callable(current) else [function, current]


def _namespaces() -> Generator[dict[str, Any], None, None]:
    """Yield the names of every loaded module but ours, without waking lazy ones."""
    modules: list[tuple[str, Any]] = list(sys.modules.items())
    for name, module in modules:
        if isinstance_safely(module, ModuleType) and name.partition(".")[0] != "gradaudit":
            yield object.__getattribute__(module, "__dict__")


def find_callers(frame: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """Find who called a solver.

    Returns
    -------
    tuple
        The user's frame, None when there is none; the library's frame that made the call, None
        when the user's own did.
    """
    library: FrameType | None = None
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        path = frame.f_code.co_filename
        if frame.f_code.co_qualname != RELAY:
            # SciPy may lie where the user's own code does
            if is_user_code(path) and not path.startswith(_SCIPY):
                return frame, library
            if library is None and not _is_ours(path):
                library = frame
        frame = frame.f_back
    return None, library


def locate_frame(frame: FrameType | None) -> Location | None:
    """Return where a frame stands now, its file with an absolute path."""
    if frame is None:
        return None
    path = frame.f_code.co_filename
    line = frame.f_lineno or 0
    shown = path if path.startswith("<") else os.path.abspath(path)
    return Location(path=shown, line=line, source=source_line(path, line).strip())


def _is_ours(path: str) -> bool:
    return path.startswith((_OURS, "<frozen "))
