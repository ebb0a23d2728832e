"""Remember what was discovered about a function, for as long as the function lives."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import numpy as np

from gradaudit.source.discovery import Discovery
from gradaudit.source.locations import is_user_code, isinstance_safely, peek, python_function

_PER_FUNCTION: Final = 8
_FUNCTIONS: Final = 256
_DEPTH: Final = 4
_ITEMS: Final = 64
_VALUES: Final = 400

Fingerprint = tuple[Hashable, ...]


@dataclass(slots=True)
class _Remembered:
    known: WeakKeyDictionary[CodeType, OrderedDict[Fingerprint, Discovery]] = field(
        default_factory=WeakKeyDictionary[CodeType, "OrderedDict[Fingerprint, Discovery]"]
    )


_REMEMBERED: Final = _Remembered()


def fingerprint(fun: Any, args: tuple[Any, ...] = ()) -> Fingerprint:
    """Summarise what the shapes inside a function can depend on, apart from the point.

    Numbers count with their value, arrays with shape and dtype; so do those in containers, in
    objects, in closures, in defaults and in the global names that the function, and the user's
    functions it calls, read.
    """
    budget = [_VALUES]
    return _summary(fun, _DEPTH, budget, set()), _summary(args, _DEPTH, budget, set())


def _summary(value: Any, depth: int, budget: list[int], seen: set[int]) -> Hashable:
    budget[0] -= 1
    if budget[0] < 0:
        return "..."
    kind = cast("type[Any]", type(value))
    if kind in (int, float, bool, str, complex, type(None), bytes):
        return kind.__name__, value if value == value else "nan"
    if isinstance_safely(value, np.ndarray):
        return "array", value.shape, value.dtype.str
    if isinstance_safely(value, np.generic):
        return kind.__name__, value.item() if value == value else "nan"
    if depth <= 0 or id(value) in seen:
        return kind.__name__
    seen.add(id(value))
    return _summary_of_parts(value, depth - 1, budget, seen)


def _summary_of_parts(value: Any, depth: int, budget: list[int], seen: set[int]) -> Hashable:
    kind = cast("type[Any]", type(value))
    if isinstance_safely(value, FunctionType):
        return _summary_of_function(cast("FunctionType", value), depth, budget, seen)
    if isinstance_safely(value, functools.partial):
        part = cast("functools.partial[Any]", value)
        parts: tuple[Any, ...] = (part.func, part.args, part.keywords)
    elif isinstance_safely(value, MethodType):
        method = cast("MethodType", value)
        parts = (method.__func__, method.__self__)
    elif isinstance_safely(value, dict):
        items = cast("dict[Any, Any]", value)
        parts = (len(items), *list(items)[:_ITEMS], *list(items.values())[:_ITEMS])
    elif isinstance_safely(value, (list, tuple)):
        items = cast("list[Any]", value)
        parts = (len(items), *items[:_ITEMS])
    else:
        call = peek(kind, "__call__")
        parts = (_attributes(value), call if isinstance_safely(call, FunctionType) else None)
    return kind.__name__, *(_summary(part, depth, budget, seen) for part in parts)


def _attributes(value: Any) -> dict[str, Any] | None:
    if isinstance_safely(value, type) or type(value).__module__ in ("numpy", "builtins"):
        return None
    try:
        return dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        return None


def _summary_of_function(
    function: FunctionType, depth: int, budget: list[int], seen: set[int]
) -> Hashable:
    code = function.__code__
    if not is_user_code(code.co_filename):
        return code.co_qualname
    cells: list[Any] = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not bound yet
            cells.append(None)
    names = [name for name in code.co_names if name in function.__globals__]
    read = [function.__globals__[name] for name in names]
    parts = (*cells, function.__defaults__, function.__kwdefaults__, *read)
    wrapped = function.__dict__.get("__wrapped__")
    # not the code itself: it would be kept alive by what is remembered under it
    identity = (code.co_qualname, code.co_filename, code.co_firstlineno, hash(code))
    return (
        identity,
        _summary(wrapped, depth, budget, seen),
        *(_summary(part, depth, budget, seen) for part in parts),
    )


def remembered_discovery(fun: Any, size: int, summary: Fingerprint) -> Discovery | None:
    """Return what was discovered before about a function of this fingerprint, or None."""
    function = python_function(fun)
    if function is None:
        return None
    found = _REMEMBERED.known.get(function.__code__, OrderedDict()).get((size, *summary))
    return None if found is None else replace(found, evaluated=False, evaluations=0)


def remember_discovery(fun: Any, size: int, summary: Fingerprint, discovery: Discovery) -> None:
    """Keep a discovery for as long as the function's code lives; the oldest give way."""
    function = python_function(fun)
    if function is None:
        return
    if len(_REMEMBERED.known) >= _FUNCTIONS and function.__code__ not in _REMEMBERED.known:
        _REMEMBERED.known.pop(next(iter(_REMEMBERED.known.keys())), None)
    entries = _REMEMBERED.known.setdefault(function.__code__, OrderedDict())
    entries[size, *summary] = discovery
    while len(entries) > _PER_FUNCTION:
        entries.popitem(last=False)
