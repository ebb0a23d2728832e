"""Count the Python processes that are started: what they do cannot be watched from here."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any


class Children:
    """How many there were; a process started on the way to another is not counted again."""

    def __init__(self) -> None:
        self.count = 0
        self._counting = False
        self._process = os.getpid()

    def watched(
        self, function: Callable[..., Any], counts: Callable[..., bool]
    ) -> Callable[..., Any]:
        """Return the function, with its calls counted."""

        @functools.wraps(function)
        def start(*positional: Any, **keywords: Any) -> Any:
            if self._counting or os.getpid() != self._process:
                return function(*positional, **keywords)
            self._counting = True
            self.count += counts(*positional, **keywords)
            try:
                return function(*positional, **keywords)
            finally:
                self._counting = False

        return start


@contextmanager
def counting_children() -> Generator[Children, None, None]:
    """Count the Python processes started while the context is open.

    `multiprocessing`, `concurrent.futures` and joblib start theirs through one method; besides
    there are forks, and Python programs that are run as such.
    """
    children = Children()
    places: list[tuple[Any, str, Callable[..., bool]]] = [
        (BaseProcess, "start", _always),
        (subprocess.Popen, "__init__", _is_python),
        *([(os, "fork", _always)] if hasattr(os, "fork") else []),
    ]
    replaced: list[tuple[Any, str, Any, Any]] = []
    for owner, name, counts in places:
        original: Any = owner.__dict__[name]
        replacement = children.watched(original, counts)
        setattr(owner, name, replacement)
        replaced.append((owner, name, original, replacement))
    try:
        yield children
    finally:
        for owner, name, original, replacement in replaced:
            if vars(owner)[name] is replacement:  # else somebody else has put theirs there
                setattr(owner, name, original)


def _always(*_positional: Any, **_keywords: Any) -> bool:
    return True


def _is_python(_popen: Any, args: Any = (), *_positional: Any, **_keywords: Any) -> bool:
    """Tell whether a command runs Python; `git` and `lscpu` call no optimizer."""
    try:
        program = os.path.basename(
            args.split()[0] if isinstance(args, str) else os.fsdecode(args[0])
        )
    except (TypeError, IndexError, ValueError):
        return False
    return program.startswith("python") or program == os.path.basename(sys.executable)
