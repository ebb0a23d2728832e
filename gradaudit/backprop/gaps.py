"""Where ``pass`` stands a line is missing: what it was to change is kept there, ready to be edited.

Each ``pass`` in a function that runs becomes ``x = x`` for the values that were made before it, so
that what the line should have done is found like any other correction.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

_MOST_NAMES: Final = 8
_SCOPES: Final = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


@dataclass(slots=True, eq=False)
class Gap:
    """One ``pass`` and what stands for it.

    Attributes
    ----------
    body : list of ast.stmt
        The block that it stands in.
    old : ast.Pass
    new : list of ast.Assign
    """

    body: list[ast.stmt]
    old: ast.Pass
    new: list[ast.Assign]

    def fill(self) -> None:
        """Put the statements in the place of ``pass``."""
        at = self.body.index(self.old)
        self.body[at : at + 1] = self.new

    def empty(self) -> None:
        """Put ``pass`` back."""
        at = self.body.index(self.new[0])
        self.body[at : at + len(self.new)] = [self.old]


def find_gaps(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Gap]:
    """Yield the gaps of one function, not those of functions within it."""
    if len(function.body) == 1:
        return
    for body in _blocks(function):
        for statement in body:
            if isinstance(statement, ast.Pass):
                names = list(_made_before(function, statement.lineno))[:_MOST_NAMES]
                if names:
                    yield Gap(body, statement, [_kept(name, statement) for name in names])


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = cast("list[ast.stmt]", getattr(node, name, None) or [])
        if block:
            yield block
            for statement in block:
                if not isinstance(statement, _SCOPES):
                    yield from _blocks(statement)


def _made_before(function: ast.AST, line: int) -> Iterator[ast.expr]:
    """Yield what statements before a line store into, the nearest first."""
    found: dict[str, ast.expr] = {}
    counters = {
        name.id
        for loop in ast.walk(function)
        if isinstance(loop, ast.For) and _holds(loop, line)
        for name in ast.walk(loop.target)
        if isinstance(name, ast.Name)
    }
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, _SCOPES):
            continue
        todo.extend(ast.iter_child_nodes(node))
        if not isinstance(node, ast.Assign | ast.AugAssign):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                for kept in _kept_parts(part, counters):
                    # entries may be stored into for the first time by what is missing
                    if node.lineno >= line and not isinstance(kept, ast.Subscript):
                        continue
                    text = ast.unparse(kept)
                    known = found.get(text)
                    if known is None or known.lineno < part.lineno:
                        found[text] = kept
    yield from sorted(found.values(), key=lambda part: -part.lineno)


def _holds(loop: ast.For, line: int) -> bool:
    return loop.lineno < line <= (loop.end_lineno or loop.lineno)


def _kept_parts(target: ast.expr, counters: set[str]) -> Iterator[ast.expr]:
    """Yield what can be stored into itself; of one entry, those that loops count, too."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Name):
        if _keeps(target.value):
            for name in sorted({target.slice.id, *counters}):
                index = ast.copy_location(ast.Name(name, ast.Load()), target)
                yield ast.copy_location(ast.Subscript(target.value, index, target.ctx), target)
    elif _keeps(target):
        yield target


def _keeps(target: ast.expr) -> bool:
    """Tell whether a target can be stored into itself without harm."""
    if isinstance(target, ast.Subscript):
        return isinstance(target.slice, ast.Constant) and _keeps(target.value)
    if isinstance(target, ast.Attribute):
        return _keeps(target.value)
    return isinstance(target, ast.Name)


def _kept(target: ast.expr, at: ast.stmt) -> ast.Assign:
    """Return the statement that stores a value where it is."""
    write, read = copy.deepcopy(target), copy.deepcopy(target)
    for node, context in ((write, ast.Store()), (read, ast.Load())):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            node.ctx = context
    statement = ast.Assign([write], read)
    for node in ast.walk(statement):
        if isinstance(node, ast.expr | ast.stmt):
            ast.copy_location(node, at)
    return statement
