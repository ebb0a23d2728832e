"""The numbers of the user's own problem, by the names the user gave them."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.source.locations import isinstance_safely, python_function

_MOST: Final = 400


def named_numbers(fun: Any, args: tuple[Any, ...] = ()) -> dict[str, float]:
    """Return the numbers that a function is given, has captured or reads, and sizes of arrays.

    Parameters
    ----------
    fun : callable
        The user's; nothing of it is run.
    args : tuple
        Its further arguments.

    Returns
    -------
    dict
        ``{"lambda_": 1e-4, "X.shape[0]": 500}``; a name that comes twice keeps its first value.
    """
    found: dict[str, float] = {}
    for name, value in _named_values(fun, args):
        for label, number in _numbers_in(name, value):
            if len(found) < _MOST:
                found.setdefault(label, number)
    return found


def mentions_fortran(fun: Any) -> bool:
    """Tell whether a function, or one it is a method beside of, flattens in Fortran order."""
    function = python_function(fun)
    if function is None:
        return False
    pending, seen = [function.__code__], 0
    while pending and seen < 50:
        code, seen = pending.pop(), seen + 1
        if "F" in code.co_consts:
            return True
        pending += [part for part in code.co_consts if isinstance(part, CodeType)]
        for name in code.co_names:
            other = python_function(function.__globals__.get(name))
            if other is not None and other.__code__.co_filename == code.co_filename:
                pending.append(other.__code__)
    return False


def _named_values(fun: Any, args: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    function = python_function(fun)
    if function is None:
        yield from ((f"args[{i}]", value) for i, value in enumerate(args))
        return
    code = function.__code__
    bound = getattr(fun, "__self__", None) if type(fun).__name__ == "method" else None
    first = 1 + (bound is not None)
    names = code.co_varnames[first : code.co_argcount]
    for i, value in enumerate(args):
        yield (names[i] if i < len(names) else f"args[{i}]"), value
    defaults = function.__defaults__ or ()
    yield from zip(code.co_varnames[code.co_argcount - len(defaults) :], defaults, strict=False)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    attributes = cast("dict[str, Any]", getattr(bound, "__dict__", None) or {})
    yield from ((f"self.{name}", value) for name, value in list(attributes.items()))


def _numbers_in(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | float) or isinstance_safely(value, np.number):
        number = cast("Any", value)
        if np.isrealobj(number):
            yield name, float(number)
    elif isinstance_safely(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        for axis, size in enumerate(array.shape):
            yield f"{name}.shape[{axis}]", float(size)
    elif isinstance(value, dict):
        for key, part in list(cast("dict[Any, Any]", value).items())[:20]:
            if isinstance(part, int | float) and not isinstance(part, bool):
                yield f"{name}[{key!r}]", float(part)
