"""An edit of the tree written back as a corrected line of source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradaudit.backprop.edits import Edit
from gradaudit.backprop.program import Unit


def corrected_line(unit: Unit, edit: Edit) -> str:
    """Return the corrected line without its indentation, as close to the old one as possible."""
    with edit.applied():
        wanted = edit.new if isinstance(edit.new, ast.stmt) else edit.statement
        fallback = ast.unparse(_head(wanted)).splitlines()[0]
        meant = ast.unparse(unit.tree)
    for text in _spliced(unit, edit):
        if _reads_as(unit, edit.line, text, meant):
            return text.strip()
    return fallback.strip()


def _spliced(unit: Unit, edit: Edit) -> Iterator[str]:
    old, new = edit.old, edit.new
    if not isinstance(old, ast.expr | ast.Slice) or old.end_lineno != old.lineno:
        return
    line = unit.lines[old.lineno - 1].encode()
    text = ast.unparse(new)
    for replacement in (text, f"({text})"):
        yield (line[: old.col_offset] + replacement.encode() + line[old.end_col_offset :]).decode()


def _reads_as(unit: Unit, number: int, line: str, meant: str) -> bool:
    """Tell whether the file with this line in it is the program that was tried."""
    lines = [*unit.lines[: number - 1], line, *unit.lines[number:]]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return False
    first = unit.tree.lineno
    return any(ast.unparse(s) == meant for s in tree.body if s.lineno == first)


def _head(node: ast.stmt) -> ast.stmt:
    """Return a compound statement without what it contains."""
    if isinstance(node, ast.For):
        return ast.For(node.target, node.iter, [ast.Pass()], [], lineno=node.lineno)
    if isinstance(node, ast.If):
        return ast.If(node.test, [ast.Pass()], [])
    return node
