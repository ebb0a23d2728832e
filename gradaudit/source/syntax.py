"""The syntax tree of a function, found through its code object, and edits of its lines."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Final

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

# pytest rewrites assert statements, so that the code that runs differs from the code one reads
_REWRITTEN: Final = ("@py_assert", "@pytest_ar", "@py_builtins")


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed file.

    Attributes
    ----------
    lines : tuple of str
        Without line ends.
    tree : ast.Module
    parents : dict
        From each node to the node that contains it.
    codes : tuple of CodeType
        All code objects of the file, compiled afresh; for comparison.
    corrections : dict
        Edits that were tried already, with what came of them.
    """

    lines: tuple[str, ...]
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]
    codes: tuple[CodeType, ...]
    corrections: dict[tuple[Edit, ...], tuple[int, str] | None] = field(
        default_factory=dict["tuple[Edit, ...]", "tuple[int, str] | None"]
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A function in its file.

    Attributes
    ----------
    module : Module
    node : ast.FunctionDef, ast.AsyncFunctionDef or ast.Lambda
    """

    module: Module
    node: Definition


def read_source(code: CodeType) -> Source | None:
    """Find the syntax tree of a function; None when its source is absent or has changed since."""
    module = read_module(code.co_filename)
    if module is None:
        return None
    node = _find_node(module, code)
    if node is None or not _unchanged(module, code):
        return None
    return Source(module, node)


def read_module(filename: str) -> Module | None:
    """Parse a file as it is now; None when it is absent or not valid Python."""
    linecache.checkcache(filename)
    lines = linecache.getlines(filename)
    return _parse(filename, "".join(lines)) if lines else None


def has_source(code: CodeType) -> bool:
    """Whether there is a source file, be it the right one or not."""
    return bool(linecache.getlines(code.co_filename))


@functools.lru_cache(maxsize=16)
def _parse(filename: str, text: str) -> Module | None:
    try:
        tree = ast.parse(text, filename)
        whole = compile(text, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None  # a notebook cell with magic commands, a file saved half written
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Module(tuple(text.splitlines()), tree, parents, tuple(nested_codes(whole)))


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all that it contains."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested_codes(constant)


def _unchanged(module: Module, code: CodeType) -> bool:
    if any(name.startswith(_REWRITTEN) for name in (*code.co_names, *code.co_varnames)):
        code_names = (code.co_name, code.co_firstlineno)
        return any((other.co_name, other.co_firstlineno) == code_names for other in module.codes)
    return any(other == code for other in module.codes)


def _find_node(module: Module, code: CodeType) -> Definition | None:
    candidates = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        and _starts_at(node) == code.co_firstlineno
        and getattr(node, "name", "<lambda>") == code.co_name
    ]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    return _containing(candidates, code)


def _starts_at(node: Definition) -> int:
    if isinstance(node, ast.Lambda) or not node.decorator_list:
        return node.lineno
    return node.decorator_list[0].lineno


def _containing(candidates: Sequence[Definition], code: CodeType) -> Definition | None:
    """Tell several lambdas on one line apart: all positions of the code lie inside its own."""
    places = {
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if line and end_line and column is not None and end_column is not None and end_column
    }
    fitting = [
        node
        for node in candidates
        if all(
            _begin(node.body) <= begin and end <= _end(node.body)
            for begin, end in places
            if isinstance(node, ast.Lambda)
        )
        and bool(places)
    ]
    # a lambda within a lambda: the outer one contains the inner one's places too
    return min(fitting, key=_extent, default=None)


def _begin(node: ast.AST | list[ast.stmt]) -> tuple[int, int]:
    first = node[0] if isinstance(node, list) else node
    return getattr(first, "lineno", 0), getattr(first, "col_offset", 0)


def _end(node: ast.AST | list[ast.stmt]) -> tuple[int, int]:
    last = node[-1] if isinstance(node, list) else node
    return getattr(last, "end_lineno", 0), getattr(last, "end_col_offset", 0)


def _extent(node: ast.AST) -> tuple[int, int]:
    return _end(node)[0] - _begin(node)[0], _end(node)[1] - _begin(node)[1]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace part of a line; columns count bytes of UTF-8, as everywhere in Python's trees."""

    line: int
    column: int
    end_column: int
    text: str


def edited_line(module: Module, edits: Sequence[Edit]) -> tuple[int, str] | None:
    """Apply edits that all concern one line.

    Returns
    -------
    tuple of int and str, or None
        The line's number and the corrected line; None when several lines are concerned or the
        file would no longer be valid Python.
    """
    wanted = tuple(edits)
    if wanted not in module.corrections:
        module.corrections[wanted] = _try_edits(module, wanted)
    return module.corrections[wanted]


def _try_edits(module: Module, edits: Sequence[Edit]) -> tuple[int, str] | None:
    numbers = {edit.line for edit in edits}
    if len(numbers) != 1:
        return None
    number = numbers.pop()
    line = module.lines[number - 1].encode()
    for edit in sorted(set(edits), key=lambda e: -e.column):
        line = line[: edit.column] + edit.text.encode() + line[edit.end_column :]
    text = line.decode()
    if text == module.lines[number - 1]:
        return None
    lines = [*module.lines[: number - 1], text, *module.lines[number:]]
    try:
        compile("\n".join(lines) + "\n", "<corrected>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return number, text
