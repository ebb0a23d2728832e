"""Mistakes made on purpose: every small change of one line of a model's source.

Only those mutants count that run, leave the cost as it is and change the gradient.
"""

from __future__ import annotations

import ast
import copy
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
}
FUNCTIONS = {
    "sum": "mean",
    "mean": "sum",
    "sin": "cos",
    "cos": "sin",
    "exp": "tanh",
    "tanh": "exp",
    "log": "exp",
    "sqrt": "abs",
    "maximum": "minimum",
    "minimum": "maximum",
    "dot": "multiply",
    "outer": "multiply",
    "zeros_like": "ones_like",
    "square": "abs",
}
COMPARISONS = {
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
    ast.GtE: ast.LtE,
    ast.LtE: ast.GtE,
    ast.Eq: ast.NotEq,
}


@dataclass(frozen=True)
class Mutant:
    """A changed source.

    Attributes
    ----------
    lines : tuple of (int, int)
        First and last line of each statement that was changed.
    exact : tuple of int
        The line of the changed part itself, for each.
    kind : str
    source : str
    original, mutated : str
        The statement before and after.
    """

    lines: tuple[tuple[int, int], ...]
    exact: tuple[int, ...]
    kind: str
    source: str
    original: str
    mutated: str


def mutants(source: str, rng: random.Random, per_line: int = 3) -> Iterator[Mutant]:
    """Yield mutants of a module's source in random order, at most so many for a statement."""
    tree = ast.parse(source)
    parents = {c: p for p in ast.walk(tree) for c in ast.iter_child_nodes(p)}
    candidates = []
    for statement in ast.walk(tree):
        if not isinstance(
            statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr | ast.AnnAssign
        ):
            continue
        scope = _scope(statement, parents)
        if scope is None or (scope.name == "make_problem" and not _inner(statement, parents)):
            continue
        candidates.append((statement, scope))
    rng.shuffle(candidates)
    queues = []
    for statement, scope in candidates:
        changes = list(_changes(statement, _names(scope, statement)))
        rng.shuffle(changes)
        queues.append((statement, iter(changes)))
    # one for each statement in turn, so that a sample is spread over the file
    for _ in range(per_line):
        for statement, changes in queues:
            for kind, node, new in changes:
                mutant = _apply(source, statement, kind, node, new)
                if mutant is not None:
                    yield mutant
                    break


def double_mutants(source: str, singles: list[Mutant], rng: random.Random) -> Iterator[Mutant]:
    """Yield pairs of single mutants, on different statements, put into one source."""
    pairs = [
        (a, b)
        for a, b in itertools.combinations(singles, 2)
        if a.lines[0][1] < b.lines[0][0] or b.lines[0][1] < a.lines[0][0]
    ]
    rng.shuffle(pairs)
    lines = source.split("\n")
    for a, b in pairs:
        merged = list(lines)
        for mutant in sorted((a, b), key=lambda m: -m.lines[0][0]):
            first, last = mutant.lines[0]
            new = mutant.source.split("\n")
            extra = len(new) - len(lines)
            merged[first - 1 : last] = new[first - 1 : last + extra]
        if len(merged) != len(lines):
            continue
        yield Mutant(
            (a.lines[0], b.lines[0]),
            (a.exact[0], b.exact[0]),
            f"{a.kind} and {b.kind}",
            "\n".join(merged),
            f"{a.original}\n{b.original}",
            f"{a.mutated}\n{b.mutated}",
        )


def _scope(node: ast.AST, parents: dict) -> ast.FunctionDef | None:
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.FunctionDef):
            return node
    return None


def _inner(node: ast.AST, parents: dict) -> bool:
    scope = _scope(node, parents)
    return scope is not None and _scope(scope, parents) is not None


def _names(scope: ast.FunctionDef, statement: ast.stmt) -> list[str]:
    names = {a.arg for a in scope.args.args} - {"self"}
    for node in ast.walk(scope):
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.lineno < statement.lineno
        ):
            names.add(node.id)
    return sorted(names)


def _changes(statement: ast.stmt, names: list[str]) -> Iterator[tuple[str, ast.AST, ast.AST]]:
    if isinstance(statement, ast.AugAssign):
        other = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult}
        if type(statement.op) in other:
            yield (
                "augmented operator",
                statement,
                ast.AugAssign(statement.target, other[type(statement.op)](), statement.value),
            )
        yield "assignment for +=", statement, ast.Assign([statement.target], statement.value)
    roots = [getattr(statement, "value", None)]
    if isinstance(statement, ast.Assign):
        roots += [t.slice for t in statement.targets if isinstance(t, ast.Subscript)]
    for root in roots:
        if root is None:
            continue
        called = {n.func for n in ast.walk(root) if isinstance(n, ast.Call)}
        for node in ast.walk(root):
            yield from _node_changes(node, names, node in called)


def _node_changes(node: ast.AST, names: list[str], called: bool):
    if isinstance(node, ast.BinOp):
        other = OPERATORS.get(type(node.op))
        if other:
            yield "operator", node, ast.BinOp(node.left, other(), node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            yield "dropped term", node, node.left
            yield "dropped term", node, node.right
        if isinstance(node.op, ast.Mult):
            yield "dropped factor", node, node.left
            yield "dropped factor", node, node.right
        if isinstance(node.op, ast.Div):
            yield "dropped factor", node, node.left
        if isinstance(node.op, ast.Sub | ast.MatMult | ast.Div):
            yield "order of operands", node, ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node, node.operand
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose dropped", node, node.value
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not called:
        for name in names:
            if name != node.id:
                yield "variable", node, ast.Name(name, ast.Load())
        yield "transpose added", node, ast.Attribute(node, "T", ast.Load())
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool):
            yield "constant", node, ast.Constant(value + 1)
            if value > 0:
                yield "constant", node, ast.Constant(value - 1)
        elif isinstance(value, float):
            yield "constant", node, ast.Constant(value * 2)
            yield "constant", node, ast.Constant(value + 1)
        elif isinstance(value, str) and "->" in value:
            head, tail = value.split("->")
            if len(tail) > 1:
                yield "einsum", node, ast.Constant(head + "->" + tail[::-1])
    elif isinstance(node, ast.Compare):
        other = COMPARISONS.get(type(node.ops[0]))
        if other:
            yield "comparison", node, ast.Compare(node.left, [other()], node.comparators[:1])
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)
    elif isinstance(node, ast.Subscript) and not isinstance(
        node.slice, ast.Slice | ast.Tuple | ast.Constant
    ):
        for op in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(node.slice, op, ast.Constant(1))
            yield "index", node, ast.Subscript(node.value, moved, node.ctx)


def _call_changes(node: ast.Call):
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in FUNCTIONS:
        other = FUNCTIONS[function.attr]
        if function.attr in ("sum", "mean") or (
            isinstance(function.value, ast.Name) and function.value.id in ("np", "numpy")
        ):
            new = ast.Attribute(function.value, other, ast.Load())
            yield "function", node, ast.Call(new, node.args, node.keywords)
    if len(node.args) == 2:
        yield "argument order", node, ast.Call(function, node.args[::-1], node.keywords)
    for keyword in node.keywords:
        if keyword.arg == "axis":
            rest = [k for k in node.keywords if k is not keyword]
            yield "axis", node, ast.Call(function, node.args, rest)
    if len(node.args) == 1 and not node.keywords and isinstance(function, ast.Name | ast.Attribute):
        name = getattr(function, "id", getattr(function, "attr", ""))
        if name not in ("append", "float", "int", "len", "range", "list", "dict"):
            yield "dropped call", node, node.args[0]


def _apply(
    source: str, statement: ast.stmt, kind: str, node: ast.AST, new: ast.AST
) -> Mutant | None:
    changed = _substitute(statement, node, new)
    try:
        text = ast.unparse(ast.fix_missing_locations(changed))
    except Exception:
        return None
    original = ast.unparse(statement)
    if text == original:
        return None
    lines = source.split("\n")
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    before = lines[first - 1].encode()[: statement.col_offset].decode()
    after = lines[last - 1].encode()[statement.end_col_offset :].decode()
    if last != first:
        # keep the numbers of the lines that follow
        text = text + after + "\n" * (last - first)
        after = ""
    block = (before + text + after).split("\n")
    merged = "\n".join([*lines[: first - 1], *block, *lines[last:]])
    try:
        compile(merged, "<mutant>", "exec")
    except SyntaxError:
        return None
    exact = getattr(node, "lineno", first)
    return Mutant(((first, last),), (exact,), kind, merged, original, text.strip())


def _substitute(statement: ast.stmt, node: ast.AST, new: ast.AST) -> ast.stmt:
    memo: dict[int, ast.AST] = {id(node): copy.deepcopy(new)}
    return copy.deepcopy(statement, memo)
