"""Does one call of `check_shapes` find what shows at any shape, and the smallest that shows it?

Every edit of one kind at one place in the backward part of the factories in
`reference_models/factories.py`, and faults that only some shapes show. Whether a fault is visible
at all, and the smallest sizes that show it, comes from an independent comparison with central
differences at all shapes of a grid.

    python benchmarks/shapes.py [--quick] [--show]
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import itertools
import linecache
import statistics
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

import gradaudit
from gradaudit.shapes.candidates import is_clean
from reference_models.factories import FACTORIES

GRID = (1, 2, 3, 4, 5)
WIDER = (7, 8, 17, 18, 33, 34)


class Fault(NamedTuple):
    """One wrong factory."""

    name: str
    factory: Callable[..., Any]
    names: tuple[str, ...]


# planting ------------------------------------------------------------------------------------


def source_edits(factory: Callable[..., Any]) -> Iterator[Fault]:
    source = textwrap.dedent(inspect.getsource(factory))
    backward = 1 + next(i for i, line in enumerate(source.splitlines(), 1) if "# backward" in line)
    # the return behind the cost makes the start
    last = len(source.splitlines()) - 1
    tree = ast.parse(source)
    sizes = tuple(inspect.signature(factory).parameters)
    nodes = [n for n in ast.walk(tree) if backward <= getattr(n, "lineno", 0) < last]
    number = 0
    for position, node in enumerate(nodes):
        for kind, change in edits_of(node, sizes):
            edited = copy.deepcopy(tree)
            twins = [n for n in ast.walk(edited) if backward <= getattr(n, "lineno", 0) < last]
            replaced = _Replace(twins[position], change(copy.deepcopy(node))).visit(edited)
            number += 1
            text = ast.unparse(ast.fix_missing_locations(replaced))
            title = f"{factory.__name__} {kind} at {ast.unparse(node)}"
            yield Fault(title, compiled(text, factory, number), sizes)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else super().generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else super().visit(node)


def edits_of(
    node: ast.AST, sizes: tuple[str, ...]
) -> Iterator[tuple[str, Callable[[Any], ast.AST]]]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose dropped", lambda n: n.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "sum":
            yield "mean for sum", lambda n: _with_attribute(n, "mean")
        if node.func.attr == "ravel":
            yield "transposed before ravel", _transposed_owner
        if node.func.attr == "outer":
            yield "outer turned round", lambda n: _with_arguments(n, n.args[::-1])
    if isinstance(node, ast.keyword) and node.arg == "axis":
        value = 1 - ast.literal_eval(node.value)
        yield "other axis", lambda _n: ast.keyword(arg="axis", value=ast.Constant(value=value))
    if isinstance(node, ast.BinOp):
        yield from edits_of_operation(node, sizes)
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value in (1, 2):
        yield "number one more", lambda n: ast.Constant(value=n.value + 1)
    if isinstance(node, ast.AugAssign):
        yield "assigned, not added", lambda n: ast.Assign(targets=[n.target], value=n.value)


def edits_of_operation(
    node: ast.BinOp, sizes: tuple[str, ...]
) -> Iterator[tuple[str, Callable[[Any], ast.AST]]]:
    if isinstance(node.op, ast.Div):
        yield "division dropped", lambda n: n.left
        for size in sizes:
            if ast.unparse(node.right) in sizes and ast.unparse(node.right) != size:
                yield f"divided by {size}", lambda n, s=size: _divided(n, s)
    if isinstance(node.op, ast.Add):
        yield "first term dropped", lambda n: n.right
        yield "second term dropped", lambda n: n.left
        yield "minus for plus", lambda n: ast.BinOp(n.left, ast.Sub(), n.right)
    if isinstance(node.op, ast.Sub):
        yield "difference turned round", lambda n: ast.BinOp(n.right, ast.Sub(), n.left)
    if isinstance(node.op, ast.Mult):
        yield "first factor dropped", lambda n: n.right
        yield "second factor dropped", lambda n: n.left
    if isinstance(node.op, ast.MatMult):
        yield (
            "second factor transposed",
            lambda n: ast.BinOp(n.left, ast.MatMult(), ast.Attribute(n.right, "T", ast.Load())),
        )


def _with_attribute(call: ast.Call, name: str) -> ast.Call:
    assert isinstance(call.func, ast.Attribute)
    call.func.attr = name
    return call


def _with_arguments(call: ast.Call, arguments: list[ast.expr]) -> ast.Call:
    call.args = arguments
    return call


def _transposed_owner(call: ast.Call) -> ast.Call:
    assert isinstance(call.func, ast.Attribute)
    call.func.value = ast.Attribute(call.func.value, "T", ast.Load())
    return call


def _divided(operation: ast.BinOp, size: str) -> ast.BinOp:
    operation.right = ast.Name(size, ast.Load())
    return operation


def compiled(text: str, factory: Callable[..., Any], number: int) -> Callable[..., Any]:
    name = f"<{factory.__name__} {number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = dict(vars(sys.modules[factory.__module__]))
    exec(compile(text, name, "exec"), scope)
    return scope[factory.__name__]


CONDITIONS = (
    ("where {0} is 1", lambda a, _b: a == 1),
    ("where {0} is above 3", lambda a, _b: a > 3),
    ("where {0} is above 6", lambda a, _b: a > 6),
    ("where {0} is above 16", lambda a, _b: a > 16),
    ("where {0} is above 32", lambda a, _b: a > 32),
    ("where {0} is odd", lambda a, _b: a % 2 == 1),
    ("where {0} is even and above 2", lambda a, _b: a % 2 == 0 and a > 2),
    ("where {0} = {1}", lambda a, b: a == b),
    ("where {0} is above {1}", lambda a, b: a > b),
    ("where {0} is not {1}", lambda a, b: a != b),
)


def conditional(factory: Callable[..., Any]) -> Iterator[Fault]:
    """Yield factories whose gradient is wrong in one entry at some shapes only."""
    names = tuple(inspect.signature(factory).parameters)
    for first, second in itertools.permutations(names, 2):
        for text, holds in CONDITIONS:
            if "{1}" not in text and second != next(n for n in names if n != first):
                continue  # once for each first
            title = f"{factory.__name__} doubled entry {text.format(first, second)}"
            yield Fault(title, _doubled(factory, first, second, holds), names)


def _doubled(
    factory: Callable[..., Any], first: str, second: str, holds: Callable[[int, int], bool]
) -> Callable[..., Any]:
    def make(*args: int, **sizes: int) -> Any:
        bound = inspect.signature(factory).bind(*args, **sizes).arguments
        fun, start = factory(**bound)

        def wrong(theta: Any) -> Any:
            value, gradient = fun(theta)
            if holds(bound[first], bound[second]):
                gradient = gradient.copy()
                gradient[-1] *= 2
            return value, gradient

        return wrong, start

    make.__signature__ = inspect.signature(factory)  # type: ignore[attr-defined]
    make.__name__ = factory.__name__
    make.__annotations__ = dict.fromkeys(inspect.signature(factory).parameters, int)
    return make


# the truth -----------------------------------------------------------------------------------


def truth(fault: Fault) -> tuple[bool, tuple[int, ...] | None]:
    """Return whether any shape shows the fault, and the smallest clean one that does."""
    count = len(fault.names)
    shapes = sorted(itertools.product(GRID, repeat=count), key=order)
    wide = [
        tuple(w if i == j else j + 2 for j in range(count)) for i in range(count) for w in WIDER
    ]
    showing = [shape for shape in (*shapes, *wide) if is_wrong(fault, shape)]
    return bool(showing), min(showing, key=order, default=None)


def order(shape: tuple[int, ...]) -> Any:
    ones_and_ties = len(shape) - len(set(shape)) + shape.count(1)
    return (bool(ones_and_ties), ones_and_ties, sum(shape), shape)


def is_wrong(fault: Fault, shape: tuple[int, ...]) -> bool:
    """Compare with central differences along random directions; an exception is wrong too."""
    rng = np.random.default_rng(7)
    try:
        fun, start = fault.factory(*shape)
        for point in (start, start + 0.3 * rng.standard_normal(start.size)):
            gradient = np.asarray(fun(point)[1])
            if gradient.shape != point.shape:
                return True
            for _ in range(2):
                v = rng.standard_normal(start.size)
                v /= np.linalg.norm(v)
                h = 1e-5
                slope = (fun(point + h * v)[0] - fun(point - h * v)[0]) / (2 * h)
                if abs(slope - gradient @ v) > 1e-5 * max(np.linalg.norm(gradient), abs(slope)):
                    return True
    except (ValueError, IndexError, TypeError):
        return True
    return False


# the run -------------------------------------------------------------------------------------


class Row(NamedTuple):
    """What one search gave."""

    fault: Fault
    smallest: tuple[int, ...]
    found: Any
    seconds: float


def run(faults: list[Fault]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    invisible: list[str] = []
    for fault in faults:
        shows, smallest = truth(fault)
        if not shows or smallest is None:
            invisible.append(fault.name)
            continue
        began = time.perf_counter()
        try:
            found = gradaudit.check_shapes(fault.factory, rng=0)
        except gradaudit.EvaluationError as error:  # it raises at every shape
            found = error
        rows.append(Row(fault, smallest, found, time.perf_counter() - began))
    return rows, invisible


def revealed(row: Row) -> bool:
    """Tell whether the fault was told: as a failure, or as an exception at a shape."""
    if isinstance(row.found, gradaudit.EvaluationError):
        return True
    warned = any(f.slug == "shape-error" and f.level != "note" for f in row.found.findings)
    return row.found.verdict == "FAIL" or warned


def is_smallest(row: Row) -> bool:
    if isinstance(row.found, gradaudit.EvaluationError) or row.found.sizes is None:
        return revealed(row)
    shape = tuple(row.found.sizes.values())
    return order(shape)[:3] <= order(row.smallest)[:3]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="every seventh fault")
    parser.add_argument("--show", action="store_true", help="each fault with its counterexample")
    options = parser.parse_args()
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")

    healthy = [gradaudit.check_shapes(factory, rng=0) for factory in FACTORIES]
    faults = [f for factory in FACTORIES for f in (*source_edits(factory), *conditional(factory))]
    rows, invisible = run(faults[:: 7 if options.quick else 1])

    told = [row for row in rows if revealed(row)]
    smallest = [row for row in told if is_smallest(row)]
    searched = [row.found for row in told if not isinstance(row.found, Exception)]
    tried = [len(found.evidence["shapes"]) for found in searched]
    clean = [f for f in searched if f.sizes and is_clean(list(f.sizes.values()))]
    if options.show:
        for row in rows:
            sizes = getattr(row.found, "sizes", "raises everywhere")
            print(f"{revealed(row)!s:5} {row.fault.name}: {sizes}, smallest {row.smallest}")
            print("      " + getattr(row.found, "explanation", "").replace("\n", "; "))
    print(f"faults visible at some shape     {len(rows)} (of {len(rows) + len(invisible)} planted)")
    print(f"revealed by one call             {len(told)} ({100 * len(told) / len(rows):.1f} %)")
    share = 100 * len(smallest) / len(told)
    print(f"counterexample is the smallest   {len(smallest)} ({share:.1f} %)")
    print(f"of distinct sizes, 2 and more    {len(clean)}")
    print(f"problems tried, median and most  {statistics.median(tried):.0f}, {max(tried)}")
    times = [row.seconds for row in rows]
    slowest = max(rows, key=lambda row: row.seconds)
    print(f"seconds, median and most         {statistics.median(times):.2f}, {max(times):.2f}")
    print(f"slowest                          {slowest.fault.name}")
    right = sum(found.verdict == "PASS" for found in healthy)
    most = max(len(found.evidence["shapes"]) for found in healthy)
    print(f"healthy factories that pass      {right} of {len(healthy)} (most problems: {most})")
    for row in rows:
        if not revealed(row):
            print(f"missed: {row.fault.name}, shows at {row.smallest}")
    for row in told:
        if not is_smallest(row):
            print(f"not the smallest: {row.fault.name}: {row.found.sizes}, not {row.smallest}")


if __name__ == "__main__":
    main()
