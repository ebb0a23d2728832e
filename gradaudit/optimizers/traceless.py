"""Call the user's functions once more without leaving a trace in the rest of their program."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import warnings
from collections.abc import Callable, Generator
from types import ModuleType
from typing import Any, cast

import numpy as np

from gradaudit.source.locations import isinstance_safely

_Registry = dict[Any, Any]


@contextlib.contextmanager
def traceless() -> Generator[None, None, None]:
    """Undo and silence what happens beside the calls made in this context.

    The generators of `random` and numpy are put back; what this thread prints is dropped;
    warnings are not shown, and those of the user's program that are shown once are not shown
    again because of us.
    """
    states = random.getstate(), np.random.get_state()
    seen = _registries()
    try:
        with _muted(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        _restore(seen)


@contextlib.contextmanager
def _muted() -> Generator[None, None, None]:
    streams = sys.stdout, sys.stderr
    muted = [_Muted(stream) for stream in streams]
    sys.stdout, sys.stderr = cast("Any", muted)
    try:
        yield
    finally:
        # what the user's function has put there itself stays
        if sys.stdout is muted[0]:
            sys.stdout = streams[0]
        if sys.stderr is muted[1]:
            sys.stderr = streams[1]


class _Muted:
    """A stream that drops what one thread writes; for all others it is the stream itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            return len(text)
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)


def _registries() -> list[tuple[_Registry, _Registry]]:
    """Copy what each module knows of warnings it has shown, where that is still valid."""
    version = _filters_version()
    found: list[tuple[_Registry, _Registry]] = []
    modules: list[Any] = list(sys.modules.values())
    for module in modules:
        if not isinstance_safely(module, ModuleType):
            continue
        registry = object.__getattribute__(module, "__dict__").get("__warningregistry__")
        if isinstance(registry, dict):
            known = cast("_Registry", registry)
            if known.get("version") == version:
                found.append((known, dict(known)))
    return found


def _restore(seen: list[tuple[_Registry, _Registry]]) -> None:
    """Put the registries back, valid for the filters as they are counted now.

    Python forgets all warnings that were shown whenever the filters change, which
    `catch_warnings` does twice.
    """
    version = _filters_version()
    for registry, known in seen:
        registry.clear()
        registry.update(known, version=version)


def _filters_version() -> Any:
    """Return Python's count of changes of the filters; it appears in every registry in use."""
    registry: _Registry = {}
    shown: Callable[..., None] = warnings.showwarning

    def swallow(*_arguments: Any, **_keywords: Any) -> None:
        pass

    warnings.showwarning = swallow
    try:
        with contextlib.suppress(UserWarning):  # where warnings are errors
            warnings.warn_explicit("?", UserWarning, "?", 1, registry=registry)
    finally:
        warnings.showwarning = shown
    return registry.get("version")
