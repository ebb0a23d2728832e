"""What really runs when a callable is called, and which of its parameters receives the argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, cast

from gradaudit.source.flow import Access, first_parameter
from gradaudit.source.locations import isinstance_safely, peek


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a value that cannot be had without running the user's code."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Partial:
    """A functools.partial on the way to the function.

    Attributes
    ----------
    function : FunctionType
        What it binds arguments of.
    before : tuple
        Positional arguments that are bound already, by an outer object.
    arguments, keywords : tuple, dict
        What it binds.
    """

    function: Any
    before: tuple[Any, ...]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Callee:
    """A Python function together with what is bound in it before the argument comes.

    Attributes
    ----------
    function : FunctionType or None
        None for a function defined inside another, which exists only while that one runs.
    code : CodeType
    bound : tuple
        Leading positional arguments: self, and those of partials.
    keywords : dict
        Bound by name.
    following : tuple
        Positional arguments after the parameter vector.
    partials : tuple of Partial
    outer : Callee or None
        For a function defined inside another.
    """

    function: Any
    code: CodeType
    bound: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict[str, Any])
    following: tuple[Any, ...] = ()
    partials: tuple[Partial, ...] = ()
    outer: Callee | None = None

    @property
    def parameter(self) -> tuple[str | None, bool]:
        """Name of the parameter that receives the argument; whether it is ``*args``."""
        return first_parameter(self.code, len(self.bound))

    def local_value(self, name: str) -> Any:
        """Return what a parameter other than the first holds when the function is called."""
        names = self.code.co_varnames[: self.code.co_argcount]
        if name in self.keywords:
            return self.keywords[name]
        if name in names:
            place = names.index(name)
            if place < len(self.bound):
                return self.bound[place]
            if 0 <= place - len(self.bound) - 1 < len(self.following):
                return self.following[place - len(self.bound) - 1]
        return self.defaults().get(name, MISSING)

    def defaults(self) -> dict[str, Any]:
        """Return the default values by the names of their parameters."""
        if self.function is None:
            return {}
        names = self.code.co_varnames[: self.code.co_argcount]
        values = self.function.__defaults__ or ()
        found = dict(zip(names[len(names) - len(values) :], values, strict=True))
        return {**found, **(self.function.__kwdefaults__ or {})}

    def cell(self, name: str) -> CellType | None:
        """Return the cell of a closure variable."""
        if self.function is None or self.function.__closure__ is None:
            return self.outer.cell(name) if self.outer is not None else None
        cells = dict(zip(self.code.co_freevars, self.function.__closure__, strict=True))
        return cells.get(name)

    def globals(self) -> dict[str, Any]:
        """Return the global names of the function's module."""
        if self.function is not None:
            return self.function.__globals__
        return self.outer.globals() if self.outer is not None else {}

    def value(self, access: Access) -> Any:
        """Return what an access reads, without running any of the user's code."""
        name = str(access.path[0])
        if access.root == "global":
            found = self.globals().get(name, MISSING)
            if found is MISSING:
                found = _builtins(self.globals()).get(name, MISSING)
        elif access.root == "closure":
            found = _contents(self.cell(name))
        else:
            found = self.local_value(name)
        for part in access.path[1:]:
            if found is MISSING:
                return MISSING
            found = _item(found, part[0]) if isinstance(part, tuple) else _attribute(found, part)
        return found


def _builtins(namespace: dict[str, Any]) -> dict[str, Any]:
    found = namespace.get("__builtins__", {})
    return cast("dict[str, Any]", found if type(found) is dict else vars(found))


def _contents(cell: CellType | None) -> Any:
    try:
        return cell.cell_contents if cell is not None else MISSING
    except ValueError:  # not bound yet
        return MISSING


def _item(owner: Any, key: str | int) -> Any:
    if type(owner) is dict:
        return cast("dict[Any, Any]", owner).get(key, MISSING)
    if type(owner) in (list, tuple) and isinstance(key, int):
        sequence = cast("Sequence[Any]", owner)
        return sequence[key] if -len(sequence) <= key < len(sequence) else MISSING
    return MISSING


def _attribute(owner: Any, name: str) -> Any:
    found = peek(owner, name)
    return MISSING if found is None else found


def unwrap(fun: Any, following: tuple[Any, ...] = ()) -> Iterator[Callee]:
    """Yield the functions that run, the outermost first, then those that it wraps.

    A wrapper (``functools.wraps``) is what runs, so that it comes before what it wraps.
    """
    bound: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    partials: list[tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any]]] = []
    for _ in range(32):
        if isinstance_safely(fun, FunctionType):
            function = cast("FunctionType", fun)
            seen = tuple(Partial(function, *parts) for parts in partials)
            yield Callee(function, function.__code__, bound, keywords, following, seen)
            fun = function.__dict__.get("__wrapped__")
        elif isinstance_safely(fun, functools.partial):
            part = cast("functools.partial[Any]", fun)
            arguments, named = part.args, part.keywords
            partials = [((), arguments, named)] + [(b, a, k) for b, a, k in partials]
            bound, keywords, fun = arguments + bound, {**named, **keywords}, part.func
        elif isinstance_safely(fun, MethodType):
            method = cast("MethodType", fun)
            owner = (method.__self__,)
            bound, fun = owner + bound, method.__func__
            partials = [(owner + b, a, k) for b, a, k in partials]
        else:
            wrapped = peek(fun, "__wrapped__")
            call = peek(type(fun), "__call__")
            if wrapped is not None:
                fun = wrapped
            elif isinstance_safely(call, FunctionType):
                bound, fun = (fun, *bound), call
                partials = [((fun, *b), a, k) for b, a, k in partials]
            else:
                return


def accepts(
    function: FunctionType, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> bool:
    """Whether a function can be called so."""
    try:
        inspect.signature(function, follow_wrapped=False).bind(*arguments, **keywords)
    except TypeError:
        return False
    return True


def within(callee: Callee, code: CodeType) -> Callee:
    """Return a function that is defined inside another."""
    return Callee(None, code, outer=callee)
