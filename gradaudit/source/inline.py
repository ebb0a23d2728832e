"""Name blocks that have no name of their own by the slice that cuts them out of the vector."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, cast

import numpy as np

from gradaudit.source.bytecode import Bindings, read_bindings
from gradaudit.source.locations import isinstance_safely, peek
from gradaudit.source.sightings import Place, Sighting
from gradaudit.source.syntax import Source, read_source

_OPERATORS: Final[dict[type[ast.operator], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: cast("Any", operator).floordiv,
}


class _Unknown(LookupError):
    """The value of an expression cannot be told without running it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The local values of a function in which a name holds the whole vector.

    Attributes
    ----------
    code : CodeType
    depth : int
        As of `Place`.
    values : mapping
        Local names; of arrays only the shape is kept.
    outside : mapping
        Global names.
    """

    code: CodeType
    depth: int
    values: Mapping[str, Any]
    outside: Mapping[str, Any]


def slices_in(scene: Scene, aliases: set[str], size: int) -> Iterator[Sighting]:
    """Yield the slices ``theta[a:b]`` that a function writes, placed by arithmetic alone.

    Names that are bound more than once are not trusted: they may have had another value.
    """
    source = read_source(scene.code)
    if source is None:
        return
    reader = _Reader(scene, read_bindings(scene.code))
    for number, node in enumerate(_subscripts(source)):
        if not isinstance(node.value, ast.Name) or node.value.id not in aliases:
            continue
        if not isinstance(node.slice, ast.Slice) or not reader.is_steady(node.value.id):
            continue
        try:
            yield _sighting(node, node.slice, source, reader, size, number)
        except (_Unknown, ValueError, ZeroDivisionError):
            continue


def _subscripts(source: Source) -> Iterator[ast.Subscript]:
    body = [source.node.body] if isinstance(source.node, ast.Lambda) else source.node.body
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield node
        pending.extend(ast.iter_child_nodes(node))


def _sighting(
    node: ast.Subscript,
    cut: ast.Slice,
    source: Source,
    reader: _Reader,
    size: int,
    number: int,
) -> Sighting:
    if cut.step is not None:
        raise _Unknown
    start = reader.integer(cut.lower) if cut.lower else 0
    stop = reader.integer(cut.upper) if cut.upper else size
    start, stop, _ = slice(start, stop).indices(size)
    if stop <= start:
        raise _Unknown
    shape, order = _reshaped(node, source, reader, stop - start)
    array = np.empty(shape, dtype=np.int8, order="F" if order == "F" else "C")
    text = ast.get_source_segment("\n".join(source.module.lines), node) or ""
    name = "".join(text.split())
    place = Place(name, name, reader.scene.code, reader.scene.depth, subscripts=1, order=number)
    return Sighting(place, start, shape, array.strides, copied=False)


def _reshaped(
    node: ast.Subscript, source: Source, reader: _Reader, size: int
) -> tuple[tuple[int, ...], str]:
    """Return the shape that the slice gets on the spot, and in which order."""
    parents = source.module.parents
    method = parents.get(node)
    call = parents.get(method) if method is not None else None
    if not (
        isinstance(method, ast.Attribute)
        and method.attr == "reshape"
        and isinstance(call, ast.Call)
        and call.func is method
    ):
        return (size,), "C"
    written = call.args
    if len(written) == 1 and isinstance(written[0], ast.Tuple):
        written = written[0].elts
    orders = [k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)]
    shape = tuple(reader.integer(extent) for extent in written)
    exact = np.empty(size, dtype=np.int8).reshape(shape).shape
    return exact, "F" if orders == ["F"] else "C"


@dataclass(frozen=True, slots=True)
class _Reader:
    scene: Scene
    bindings: Bindings

    def is_steady(self, name: str) -> bool:
        """Whether a name has had one value only."""
        places = self.bindings.of.get(name, [])
        if name in self.bindings.parameters:
            return not places
        return len(places) <= 1 and not any(place.looped for place in places)

    def integer(self, node: ast.expr) -> int:
        value = self._value(node)
        if not isinstance_safely(value, (int, np.integer)) or isinstance_safely(value, bool):
            raise _Unknown
        return int(value)

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self._named(node.id)
            case ast.Attribute():
                return self._attribute(self._value(node.value), node.attr)
            case ast.Subscript():
                owner, key = self._value(node.value), self.integer(node.slice)
                if type(owner) not in (tuple, list) or not -len(owner) <= key < len(owner):
                    raise _Unknown
                return owner[key]
            case ast.UnaryOp(op=ast.USub()):
                return -self.integer(node.operand)
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return _OPERATORS[type(node.op)](self.integer(node.left), self.integer(node.right))
            case _:
                raise _Unknown

    def _named(self, name: str) -> Any:
        if name in self.scene.values:
            if not self.is_steady(name):
                raise _Unknown
            return self.scene.values[name]
        if name in self.scene.outside:
            return self.scene.outside[name]
        raise _Unknown

    def _attribute(self, owner: Any, name: str) -> Any:
        if isinstance_safely(owner, np.ndarray):
            if name in ("size", "shape", "ndim"):
                return getattr(owner, name)
            raise _Unknown
        value = peek(owner, name)
        if value is None:
            raise _Unknown
        return value
