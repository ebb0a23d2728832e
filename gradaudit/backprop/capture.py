"""Closures that see all names of the function around them, so that a forgotten one can be put in.

A nested function holds only those names of its outer functions that it reads. Where a factor was
forgotten that nothing else in the nested function reads, no edit could bring it back.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_INSPECTS: Final = {"locals", "vars", "dir", "eval", "exec", "globals"}
_SCOPES: Final = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.Lambda
    | ast.ClassDef
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)


def looks_at_names(tree: ast.AST) -> bool:
    """Tell whether a program asks which names there are: no more are to be added then."""
    return any(isinstance(n, ast.Name) and n.id in _INSPECTS for n in ast.walk(tree))


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A nested function and the names that it could read.

    Attributes
    ----------
    function : ast.FunctionDef, ast.AsyncFunctionDef or ast.Lambda
    names : frozenset of str
        Of the functions around it.
    """

    function: Function
    names: frozenset[str]


def captures(tree: ast.stmt, is_fixed: Callable[[Function], bool]) -> list[Capture]:
    """Return the nested functions of a tree that can read more names.

    Parameters
    ----------
    tree : ast.stmt
    is_fixed : callable
        Tells whether a function exists already: what it holds cannot change.
    """
    return [Capture(*found) for found in _nested(tree, frozenset(), is_fixed)]


@contextmanager
def capturing(found: Sequence[Capture]) -> Generator[None, None, None]:
    """Let nested functions read these names, where no run comes by, while the context is open."""
    undo: list[tuple[Function, ast.expr | None]] = []
    for capture in found:
        function = capture.function
        undo.append((function, function.body if isinstance(function, ast.Lambda) else None))
        _mention(function, sorted(capture.names))
    try:
        yield
    finally:
        for function, body in reversed(undo):
            if isinstance(function, ast.Lambda) and body is not None:
                function.body = body
            elif not isinstance(function, ast.Lambda):
                function.body.pop()


def _nested(
    node: ast.AST, names: frozenset[str], is_fixed: Callable[[Function], bool]
) -> Iterator[tuple[Function, frozenset[str]]]:
    """Yield the functions that can be given more names, with these names."""
    if isinstance(node, Function):
        if is_fixed(node):
            # what it does not hold already, the functions within it cannot get through it
            names &= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        elif names:
            yield node, names
        names |= _locals(node)
    for part in ast.iter_child_nodes(node):
        yield from _nested(part, names, is_fixed)


def _locals(function: Function) -> frozenset[str]:
    """Return the names that a function makes."""
    arguments = function.args
    found = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    found |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    foreign: set[str] = set()
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            foreign.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            foreign.update(node.names)
        if not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))
    return frozenset(found - foreign)


def _mention(function: Function, names: list[str]) -> None:
    """Read names where no run comes by."""
    if isinstance(function, ast.Lambda):
        display = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())
        chosen = ast.IfExp(ast.Constant(True), function.body, display)
        function.body = ast.fix_missing_locations(ast.copy_location(chosen, function.body))
        return
    reads: list[ast.stmt] = [ast.Expr(ast.Name(name, ast.Load())) for name in names]
    idle = ast.copy_location(ast.If(ast.Constant(False), reads, []), function.body[-1])
    function.body.append(ast.fix_missing_locations(idle))
