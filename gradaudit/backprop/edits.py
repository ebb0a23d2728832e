"""The small edits of a line that undo the mistakes people make."""

from __future__ import annotations

import ast
import builtins
import copy
import itertools
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from gradaudit.backprop.events import Look
from gradaudit.backprop.formulas import Formula

Scaled = Callable[[ast.expr], ast.expr]

_OPERATORS: Final[dict[type[ast.operator], tuple[type[ast.operator], ...]]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.MatMult, ast.Add, ast.Sub, ast.Pow),
    ast.Div: (ast.Mult, ast.Sub, ast.Add),
    ast.MatMult: (ast.Mult, ast.Add),
    ast.Pow: (ast.Mult, ast.Add, ast.Sub),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Gt: (ast.Lt, ast.GtE, ast.LtE, ast.NotEq),
    ast.Lt: (ast.Gt, ast.LtE, ast.GtE, ast.NotEq),
    ast.GtE: (ast.LtE, ast.Gt, ast.Lt),
    ast.LtE: (ast.GtE, ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq, ast.Gt, ast.Lt),
    ast.NotEq: (ast.Eq, ast.Gt, ast.Lt),
}
# functions that people take for one another
_FAMILIES: Final = (
    ("sum", "mean", "max", "min", "prod", "nansum", "var", "std"),
    ("sin", "cos", "tan"),
    ("arcsin", "arccos", "arctan"),
    ("sinh", "cosh", "tanh"),
    ("exp", "expm1", "log", "log1p", "sqrt", "square"),
    ("log", "log2", "log10"),
    ("tanh", "arctanh", "exp", "sin", "cos"),
    ("maximum", "minimum", "fmax", "fmin"),
    ("dot", "multiply", "outer", "matmul"),
    ("add", "subtract", "multiply", "divide"),
    ("zeros_like", "ones_like"),
    ("zeros", "ones"),
    ("abs", "sign", "square", "sqrt"),
    ("argmax", "argmin"),
    ("cumsum", "cumprod"),
    ("tril", "triu"),
    ("vstack", "hstack", "concatenate"),
    ("greater", "less", "greater_equal", "less_equal"),
    ("floor", "ceil"),
    ("repeat", "tile"),
    ("logical_and", "logical_or"),
    ("flipud", "fliplr", "flip"),
    ("solve", "dot", "matmul"),
    ("inv", "transpose", "pinv", "cholesky"),
    ("ravel", "flatten"),
    ("real", "imag"),
    ("psi", "digamma", "gammaln", "polygamma"),
    ("erf", "erfc"),
    ("cdf", "pdf", "logpdf", "logcdf", "sf"),
)
_RARE: Final = (("abs", "sign", "square", "sqrt"), ("tanh", "arctanh", "exp", "sin", "cos"))
# methods that change what they are called on, or whose object is no value
_EFFECTS: Final = (
    "append",
    "items",
    "keys",
    "values",
    "pop",
    "popleft",
    "popitem",
    "remove",
    "get",
)
_WRAPPERS: Final = ("sqrt", "abs", "exp", "log", "square", "sum", "mean", "diag", "sign")
_SLICES: Final = ("[1:]", "[:-1]", "[:, 1:]", "[:, :-1]")
_NEGATED: Final = {"sin": "cos", "cos": "sin"}


@dataclass(slots=True, eq=False)
class Edit:
    """One change of one statement.

    Attributes
    ----------
    statement : ast.stmt
    old, new : ast.AST
        The part that goes, and what takes its place.
    parent, name, index : ast.AST, str, int or None
        Where the old part hangs in the tree.
    kind : str
        In plain words: "transpose", "sign", "mean for sum", ...
    weight : float
        How far-fetched the edit is; 1 for a single slip of the pen.
    scaled : callable or None
        Makes the new part with a factor, where the factor can be found from one run.
    """

    statement: ast.stmt
    old: ast.AST
    new: ast.AST
    parent: ast.AST
    name: str
    index: int | None
    kind: str
    weight: float
    scaled: Scaled | None = None

    @contextmanager
    def applied(self) -> Generator[None, None, None]:
        """Change the tree while the context is open."""
        self.put(self.new)
        try:
            yield
        finally:
            self.put(self.old)

    def put(self, node: ast.AST) -> None:
        """Hang a node where the old part was."""
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node

    def __post_init__(self) -> None:
        _place(self.new, self.old)

    def with_new(self, new: ast.AST, weight: float, kind: str | None = None) -> Edit:
        """Return the same edit with another new part."""
        return Edit(
            self.statement,
            self.old,
            new,
            self.parent,
            self.name,
            self.index,
            kind or self.kind,
            weight,
        )

    @property
    def line(self) -> int:
        """The line of the part that is changed."""
        line = getattr(self.old, "lineno", None) or getattr(self.parent, "lineno", None)
        return int(line or self.statement.lineno)


@dataclass(slots=True, eq=False)
class Scope:
    """What is known of the names where a statement stands.

    Attributes
    ----------
    atoms : dict
        Names, attributes and subscripts that the function reads or makes, by their source, with
        what they hold.
    looks : dict
        What is known of the values of nodes.
    functions : dict
        The user's own functions that can be called by name, with the number of their parameters.
    parts : dict
        Expressions that the function contains, by their source, with what they hold.
    frozen : set of ast.AST
        Nodes that the cost depends on: not to be edited.
    numpy : str
        What the file calls numpy.
    """

    atoms: dict[str, Look]
    looks: Mapping[ast.AST, Look]
    functions: Mapping[str, int]
    frozen: set[ast.AST] = field(default_factory=set["ast.AST"])
    numpy: str = "np"
    parts: dict[str, Look] = field(default_factory=dict[str, Look])
    numbers: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(slots=True)
class Spot:
    """A place in a statement that an edit can change."""

    node: ast.AST
    parent: ast.AST
    name: str
    index: int | None
    inside_index: bool


class Editor:
    """Enumerates the edits of one statement, the likely ones first."""

    def __init__(
        self, statement: ast.stmt, scope: Scope, parent: ast.AST, *, thawed: bool = False
    ) -> None:
        self.statement = statement
        self.scope = scope
        self.home = _home(statement, parent)
        self.packed = {
            part
            for call in ast.walk(statement)
            if isinstance(call, ast.Call)
            and getattr(call.func, "attr", "") in ("concatenate", "hstack", "append", "block")
            for argument in call.args
            for part in ast.walk(argument)
        }
        self.handed_on = {
            part
            for call in ast.walk(statement)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in scope.functions
            for argument in call.args
            for part in ast.walk(argument)
        }
        self.spots = [s for s in _spots(statement) if thawed or s.node not in scope.frozen]

    def simple(self) -> Iterator[Edit]:
        """Yield the edits that change one thing that stands there already."""
        yield from self._assignment()
        for spot in self.spots:
            node = spot.node
            if isinstance(node, ast.BinOp):
                yield from self._operator(spot, node)
            elif isinstance(node, ast.UnaryOp):
                yield self._edit(spot, node.operand, "sign", 1.0)
            elif isinstance(node, ast.Constant):
                yield from self._constant(spot, node)
            elif isinstance(node, ast.Compare):
                yield from self._comparison(spot, node)
            elif isinstance(node, ast.Call):
                yield from self._call(spot, node)
            elif isinstance(node, ast.Subscript):
                yield from self._subscript(spot, node)
            elif isinstance(node, ast.Slice):
                yield from self._slice(spot, node)
            elif isinstance(node, ast.IfExp):
                swapped = ast.IfExp(node.test, node.orelse, node.body)
                yield self._edit(spot, swapped, "branches", 1.2)
                yield self._edit(spot, node.body, "branch", 1.4)
                yield self._edit(spot, node.orelse, "branch", 1.4)
            elif isinstance(node, ast.Tuple) and spot.parent is self.statement:
                zeros = ast.Attribute(ast.Name(self.scope.numpy, ast.Load()), "zeros", ast.Load())
                if isinstance(node.ctx, ast.Load):
                    yield self._edit(spot, ast.Call(zeros, [node], []), "missing call", 1.4)
                yield from self._order(spot, node)
            elif isinstance(node, ast.Tuple | ast.List):
                yield from self._order(spot, node)
            yield from self._transposed(spot)
            if isinstance(node, ast.Attribute | ast.Name | ast.Subscript) and not isinstance(
                getattr(node, "ctx", None), ast.Store
            ):
                yield from self._other_name(spot, node)
        yield from self._products()
        yield from self._kept_parts()
        yield from self._everywhere()
        yield from self._parts_of_arrays()

    def factor(self, spot: Spot, node: ast.expr, factor: ast.expr) -> Edit:
        """Return the edit that puts a factor before a part."""
        minus = isinstance(factor, ast.UnaryOp)
        weight = 1.0 if minus else 1.5
        if not minus:
            weight += _strangeness(factor)
        # what is handed to one's own function, or looped over, is seldom where a factor is missing
        if isinstance(spot.parent, ast.For) or spot.node in self.handed_on:
            weight += 0.7
        return self._edit(spot, _times(node, factor), "sign" if minus else "factor", weight)

    def names(self) -> Iterator[Edit]:
        """Yield the edits that put another variable, of whatever shape, for a part."""
        grows = not isinstance(self.statement, ast.Assign | ast.Return)
        for spot in self.spots:
            node = spot.node
            if not isinstance(node, ast.Attribute | ast.Name | ast.Subscript):
                continue
            if isinstance(node.ctx, ast.Store) or (
                isinstance(spot.parent, ast.Call) and spot.name == "func"
            ):
                continue
            text = ast.unparse(node)
            for other, look in self.scope.atoms.items():
                here = self.scope.looks.get(node) or self.scope.atoms.get(text)
                if look.kind == "list" and (here is None or here.kind != "list") and grows:
                    continue  # a list within itself has no end
                if other != text:
                    yield self._edit(spot, _parse(other), "variable", 1.6)

    def signs(self) -> Iterator[Edit]:
        """Yield the edits that put a minus or a factor before a part."""
        for spot in self.spots:
            node = spot.node
            if not isinstance(node, ast.expr) or spot.inside_index or not self._real(node):
                continue

            def scaled(factor: ast.expr, node: ast.expr = node) -> ast.expr:
                return _times(node, factor)

            yield self._edit(spot, ast.UnaryOp(ast.USub(), node), "sign", 1.0, scaled)

    def insertions(self) -> Iterator[Edit]:
        """Yield the edits that add a term or a factor which is missing."""
        whole = [s for s in self.spots if self._is_whole(s)]
        parts = [
            s
            for s in self.spots
            if s not in whole
            and isinstance(s.node, ast.expr)
            and not isinstance(s.node, ast.Constant)
            and not s.inside_index
        ]
        for spots, extra in ((whole, 0.0), (parts, 0.5)):
            for spot in spots:
                node = spot.node
                if not isinstance(node, ast.expr) or not self._real(node):
                    continue
                yield from self._wrapped(spot, node, extra)
                yield from self._terms(spot, node, extra)
                yield from self._factors(spot, node, extra)

    def shared_factors(self) -> Iterator[Edit]:
        """Yield the edits that multiply all parts of a display by one number."""
        for spot in self.spots:
            node = spot.node
            if not isinstance(node, ast.Tuple | ast.List) or len(node.elts) < 2:
                continue
            if not all(self._real(part) for part in node.elts):
                continue
            taken = {n.id for n in ast.walk(self.statement) if isinstance(n, ast.Name)}
            name = next(n for n in ("g", "part", "each", "one_of_them") if n not in taken)
            for text, look in self.scope.atoms.items():
                if look.shape == () and look.kind == "f":
                    each = _parse(f"[{text} * {name} for {name} in ()]")
                    cast("ast.ListComp", each).generators[0].iter = ast.Tuple(node.elts, ast.Load())
                    yield self._edit(spot, each, "missing factor", 2.0)

    def rewrites(self) -> Iterator[Edit]:
        """Yield whole new right-hand sides: one value times one local derivative."""
        for spot in self.spots:
            node = spot.node
            if not self._is_whole(spot) or not isinstance(node, ast.expr) or not self._real(node):
                continue
            names = {ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.expr)}
            shape = self._shape(node)
            operands = [t for t, look in self.scope.atoms.items() if look.shape == shape]
            operands.sort(key=lambda t: t not in names)
            for operand in operands[:6]:
                if operand not in names:
                    continue
                for slope in self._slopes(shape):
                    yield self._edit(
                        spot, ast.BinOp(_parse(operand), ast.Mult(), slope), "product", 3.0
                    )

    def products(self) -> Iterator[Edit]:
        """Yield the edits that add a product, or an expression used elsewhere."""
        for spot in self.spots:
            node = spot.node
            if not self._is_whole(spot) or not isinstance(node, ast.expr) or not self._real(node):
                continue
            shape = self._shape(node)
            if shape is None:
                continue
            for term in self._compound_terms(shape):

                def scaled(k: ast.expr, node: ast.expr = node, term: ast.expr = term) -> ast.expr:
                    return ast.BinOp(node, ast.Add(), _times(term, k))

                yield self._edit(
                    spot, ast.BinOp(node, ast.Add(), term), "missing term", 2.6, scaled
                )
                for left, right in ((node, term), (term, node)):
                    yield self._edit(spot, ast.BinOp(left, ast.Sub(), right), "missing term", 2.6)
            for text, look in self.scope.atoms.items():
                if look.shape != shape or look.kind != "f":
                    continue
                for pattern in ("(1 + {x})", "(1 + {x} ** 2)"):
                    for operator in (ast.Mult(), ast.Div()):
                        grown = ast.BinOp(node, operator, _parse(pattern.format(x=text)))
                        yield self._edit(spot, grown, "missing factor", 2.5)
            for text, look in self.scope.parts.items():
                if look.shape is None or not _broadcasts(look.shape, shape):
                    continue
                for operator in (ast.Mult(), ast.Div()):
                    yield self._edit(
                        spot, ast.BinOp(node, operator, _parse(text)), "missing factor", 2.6
                    )

    def formula(
        self, spot: Spot, formula: Formula, amount: ast.expr | None, constant: ast.expr | None
    ) -> Edit:
        """Return the edit that a formula stands for, with its numbers named, signs apart."""
        node = cast("ast.expr", spot.node)
        word = _parse(formula.word.text)
        scaled = word if amount is None else _times(word, amount)
        plus = ast.Add() if formula.amount > 0 else ast.Sub()
        weight = 1.75 + 0.1 * formula.size + 0.02 * min(len(formula.word.text), 30)
        weight += 0.0 if amount is None else 0.15 + 0.5 * _strangeness(amount)
        # a power is lost more easily than a value that stands nowhere near
        twice = formula.word.size == 1 and formula.word.text in ast.unparse(self.statement)
        squared = formula.kind == "other" and formula.word.text == f"{ast.unparse(node)} ** 2"
        weight -= 0.3 * ((twice and formula.kind in ("factor", "divisor")) or squared)
        signed = scaled if formula.amount > 0 else ast.UnaryOp(ast.USub(), scaled)
        if formula.kind == "factor":
            return self._edit(spot, ast.BinOp(node, ast.Mult(), signed), "missing factor", weight)
        if formula.kind == "divisor":
            return self._edit(spot, ast.BinOp(node, ast.Div(), word), "missing factor", weight)
        grown = ast.BinOp(constant or ast.Constant(1), plus, scaled)
        if formula.kind == "line":
            return self._edit(spot, grown, "expression", weight)
        if formula.kind == "slope":
            return self._edit(spot, ast.BinOp(node, ast.Mult(), grown), "missing factor", weight)
        if formula.kind == "term":
            weight += 0.1 * isinstance(node, ast.Name)
            return self._edit(spot, ast.BinOp(node, plus, scaled), "missing term", weight)
        grown_from = ast.unparse(node) in formula.word.text
        return self._edit(spot, signed, "expression", weight + 0.3 * (not grown_from))

    def _compound_terms(self, shape: tuple[int, ...]) -> Iterator[ast.expr]:
        real = {t: a for t, a in self.scope.atoms.items() if a.shape is not None and a.kind == "f"}
        for text, look in self.scope.parts.items():
            if look.shape == shape:
                yield _parse(text)
        same = [t for t, a in real.items() if a.shape == shape]
        numbers = [t for t, a in real.items() if a.shape == ()]
        for a, b in itertools.islice(itertools.combinations(same, 2), 80):
            yield _parse(f"{a} * {b}")
        for a, b in itertools.islice(itertools.product(numbers, same), 120):
            yield _parse(f"{a} * {b}")
        matrices = [(t, a.shape) for t, a in real.items() if a.shape and len(a.shape) in (1, 2)]
        for (a, left), (b, right) in itertools.islice(itertools.product(matrices, repeat=2), 900):
            for turn_a, turn_b in itertools.product((False, True), repeat=2):
                first = left[::-1] if turn_a else left
                second = right[::-1] if turn_b else right
                if (turn_a and len(left) < 2) or (turn_b and len(right) < 2):
                    continue
                meet = first[-1:] == second[:1]
                if meet and (*first[:-1], *second[1:]) == shape:
                    yield _parse(f"{a}{'.T' * turn_a} @ {b}{'.T' * turn_b}")

    # -- one kind each ----------------------------------------------------------------------

    def _assignment(self) -> Iterator[Edit]:
        node = self.statement
        if isinstance(self.home[0], ast.Module):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Attribute):
            # nobody writes a name as a statement: a call of it, or with it, was meant
            calls = [ast.Call(node.value, [], [])]
            for name, arity in self.scope.functions.items():
                if arity == 1:
                    calls.append(ast.Call(ast.Name(name, ast.Load()), [node.value], []))
            for call in calls:
                yield self._whole_statement(ast.Expr(call), "dropped call", 1.0)
        if isinstance(node, ast.AugAssign):
            for other in _OPERATORS.get(type(node.op), ()):
                yield Edit(
                    node, node.op, other(), node, "op", None, "operator of the assignment", 1.0
                )
            plain = ast.Assign([node.target], node.value)
            yield self._whole_statement(plain, "= for +=", 1.0)
            if isinstance(node.target, ast.Subscript) and isinstance(node.op, ast.Add):
                yield self._unbuffered(node.target, node.value)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
                fresh = "zeros" in ast.unparse(node.value)
                for operator in (ast.Add(), ast.Sub(), ast.Mult()):
                    changed = ast.AugAssign(target, operator, node.value)
                    yield self._whole_statement(changed, "+= for =", 2.0 if fresh else 1.0)

    def _unbuffered(self, target: ast.Subscript, value: ast.expr) -> Edit:
        """Return ``np.add.at(x, i, v)`` for ``x[i] += v``, which counts repeated indices once."""
        index = target.slice
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        slices = [
            ast.Call(
                ast.Name("slice", ast.Load()),
                [p.lower or ast.Constant(None), p.upper or ast.Constant(None)],
                [],
            )
            if isinstance(p, ast.Slice)
            else p
            for p in parts
        ]
        where = ast.Tuple(slices, ast.Load()) if isinstance(index, ast.Tuple) else slices[0]
        at = ast.Attribute(
            ast.Attribute(ast.Name(self.scope.numpy, ast.Load()), "add", ast.Load()),
            "at",
            ast.Load(),
        )
        call = ast.Call(at, [_readable(target.value), where, value], [])
        return self._whole_statement(ast.Expr(call), "np.add.at for +=", 1.2)

    def _whole_statement(self, new: ast.stmt, kind: str, weight: float) -> Edit:
        parent, name, index = self.home
        return Edit(self.statement, self.statement, new, parent, name, index, kind, weight)

    def _operator(self, spot: Spot, node: ast.BinOp) -> Iterator[Edit]:
        left, right = node.left, node.right
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
            yield self._edit(spot, ast.BinOp(right, node.op, left), "order of operands", 1.0)
        for other in _OPERATORS.get(type(node.op), ()):
            if other is ast.MatMult and not self._shape(left):
                continue
            yield self._edit(spot, ast.BinOp(left, other(), right), "operator", 1.0)
        yield self._edit(spot, left, "dropped part", 1.2)
        yield self._edit(spot, right, "dropped part", 1.2)

    def _constant(self, spot: Spot, node: ast.Constant) -> Iterator[Edit]:
        value = node.value
        if isinstance(value, bool):
            yield self._edit(spot, ast.Constant(not value), "constant", 1.0)
        elif isinstance(value, int):
            for other in dict.fromkeys((value + 1, value - 1, -value, 0, 1, 2)):
                if other != value:
                    yield self._edit(spot, _number(other), "constant", 1.0, _itself)
            if not spot.inside_index:
                yield self._edit(spot, ast.Constant(0.5), "constant", 1.2)
                if self._names_axis(spot):
                    yield self._edit(spot, ast.Constant(None), "axis", 1.2)
        elif isinstance(value, float):
            for other in dict.fromkeys(
                (2 * value, value / 2, -value, 1.0, 0.5, 2.0, 0.0, value + 1, 1 - value)
            ):
                if other != value:
                    yield self._edit(spot, _number(other), "constant", 1.0, _itself)
        elif isinstance(value, str):
            yield from self._string(spot, value)

    def _names_axis(self, spot: Spot) -> bool:
        return isinstance(spot.parent, ast.keyword) and spot.parent.arg == "axis"

    def _string(self, spot: Spot, value: str) -> Iterator[Edit]:
        if "->" in value or ("," in value and isinstance(spot.parent, ast.Call)):
            yield from self._einsum(spot, value)
            return
        for text in self.scope.atoms:
            for key in re.findall(r"\[['\"]([^'\"]+)['\"]\]", text):
                if key != value and isinstance(spot.parent, ast.Subscript):
                    yield self._edit(spot, ast.Constant(key), "key", 1.0)

    def _einsum(self, spot: Spot, value: str) -> Iterator[Edit]:
        inputs, arrow, output = value.partition("->")
        operands = inputs.split(",")
        seen = {value}
        for i, operand in enumerate(operands):
            for a, b in itertools.combinations(range(len(operand)), 2):
                letters = list(operand)
                letters[a], letters[b] = letters[b], letters[a]
                changed = ",".join([*operands[:i], "".join(letters), *operands[i + 1 :]])
                text = changed + arrow + output
                if text not in seen:
                    seen.add(text)
                    yield self._edit(spot, ast.Constant(text), "subscripts of einsum", 1.0)
        if output:
            for order in itertools.islice(itertools.permutations(output), 24):
                text = inputs + arrow + "".join(order)
                if text not in seen:
                    seen.add(text)
                    yield self._edit(spot, ast.Constant(text), "subscripts of einsum", 1.0)
        letters = sorted(set(inputs) - {",", " ", "."})
        for position, letter in enumerate(value):
            if letter not in letters:
                continue
            for other in letters:
                text = value[:position] + other + value[position + 1 :]
                if text not in seen:
                    seen.add(text)
                    yield self._edit(spot, ast.Constant(text), "subscripts of einsum", 1.1)

    def _comparison(self, spot: Spot, node: ast.Compare) -> Iterator[Edit]:
        for other in _COMPARISONS.get(type(node.ops[0]), ()):
            changed = ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
            yield self._edit(spot, changed, "comparison", 1.0)

    def _call(self, spot: Spot, node: ast.Call) -> Iterator[Edit]:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        for family in _FAMILIES:
            if name in family:
                for other in family:
                    if other != name:
                        yield self._renamed(spot, node, other, 1.5 if family in _RARE else 1.0)
        if name in _NEGATED:
            call = _with_function(node, _NEGATED[name])
            yield self._edit(spot, ast.UnaryOp(ast.USub(), call), "function", 1.2)
        if isinstance(function, ast.Name):
            yield from self._own_functions(spot, node, function)
        for i, j in itertools.combinations(range(len(node.args)), 2):
            if j - i > 2 or any(isinstance(a, ast.Starred) for a in node.args):
                continue
            arguments = list(node.args)
            arguments[i], arguments[j] = arguments[j], arguments[i]
            changed = ast.Call(function, arguments, node.keywords)
            yield self._edit(spot, changed, "order of arguments", 1.0 + 0.2 * (j - i - 1))
        if len(node.args) == 2 and name in ("dot", "matmul", "outer", "multiply"):
            product = ast.BinOp(node.args[0], ast.Mult(), node.args[1])
            yield self._edit(spot, product, "kind of product", 1.0)
        if isinstance(function, ast.Attribute) and name == "dot" and len(node.args) == 1:
            yield self._edit(
                spot, ast.BinOp(function.value, ast.Mult(), node.args[0]), "kind of product", 1.0
            )
            swapped = ast.Call(ast.Attribute(node.args[0], "dot", ast.Load()), [function.value], [])
            yield self._edit(spot, swapped, "order of operands", 1.0)
        if name == "len" and len(node.args) == 1:
            yield self._edit(
                spot, ast.Attribute(node.args[0], "size", ast.Load()), "kind of length", 1.0
            )
            for axis in (1, 2):
                shape = ast.Attribute(node.args[0], "shape", ast.Load())
                other = ast.Subscript(shape, ast.Constant(axis), ast.Load())
                yield self._edit(spot, other, "kind of length", 1.0)
        yield from self._reduction(spot, node, name)
        if (len(node.args) == 1 and not node.keywords and isinstance(function, ast.Name)) or (
            len(node.args) >= 1
            and isinstance(function, ast.Attribute)
            and self._is_module(function.value)
        ):
            yield self._edit(spot, node.args[0], "dropped function", 1.2)
        elif isinstance(function, ast.Attribute) and name not in _EFFECTS:
            yield self._edit(spot, function.value, "dropped function", 1.3)

    def _is_module(self, node: ast.expr) -> bool:
        look = self.scope.looks.get(node)
        return (look is not None and look.kind == "module") or (
            isinstance(node, ast.Name) and node.id == self.scope.numpy
        )

    def _renamed(self, spot: Spot, node: ast.Call, other: str, weight: float) -> Edit:
        return self._edit(spot, _with_function(node, other), "function", weight)

    def _own_functions(self, spot: Spot, node: ast.Call, name: ast.Name) -> Iterator[Edit]:
        count = len(node.args) + len(node.keywords)
        for other, arity in self.scope.functions.items():
            if other != name.id and arity == count:
                changed = ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)
                yield self._edit(spot, changed, "function", 1.0)

    def _reduction(self, spot: Spot, node: ast.Call, name: str) -> Iterator[Edit]:
        if name not in ("sum", "mean", "max", "min", "prod", "cumsum", "flip", "concatenate"):
            return
        of_array = isinstance(node.func, ast.Attribute) and not self._is_module(node.func.value)
        first = 0 if of_array else 1
        subject = node.func.value if of_array else (node.args[0] if node.args else None)  # type: ignore[attr-defined]
        shape = self._shape(cast("ast.AST", subject)) or ()
        axes = [k for k in node.keywords if k.arg == "axis"]
        positional = len(node.args) > first
        others = [k for k in node.keywords if k.arg != "axis"]
        for axis in (None, *range(len(shape))):
            wanted = [ast.keyword("axis", ast.Constant(axis))] if axis is not None else []
            arguments = node.args[:first] if positional else node.args
            if not axes and not positional and axis is None:
                continue
            changed = ast.Call(node.func, arguments, [*wanted, *others])
            yield self._edit(spot, changed, "axis", 1.0)
        keep = [k for k in node.keywords if k.arg == "keepdims"]
        rest = [k for k in node.keywords if k.arg != "keepdims"]
        if keep:
            yield self._edit(spot, ast.Call(node.func, node.args, rest), "keepdims", 1.2)
        else:
            more = [*rest, ast.keyword("keepdims", ast.Constant(True))]
            yield self._edit(spot, ast.Call(node.func, node.args, more), "keepdims", 1.2)

    def _subscript(self, spot: Spot, node: ast.Subscript) -> Iterator[Edit]:
        index = node.slice
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            size = ast.Attribute(node.value.value, "size", ast.Load())
            yield self._edit(spot, size, "kind of length", 1.0)
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        for i, part in enumerate(parts):
            if isinstance(part, ast.Slice | ast.Constant):
                continue
            for shift in (1, -1):
                moved = ast.BinOp(part, ast.Add() if shift > 0 else ast.Sub(), ast.Constant(1))
                new: ast.expr = moved
                if isinstance(index, ast.Tuple):
                    new = ast.Tuple([*parts[:i], moved, *parts[i + 1 :]], ast.Load())
                changed = ast.Subscript(node.value, new, node.ctx)
                yield self._edit(spot, changed, "index", 1.0)
        if isinstance(index, ast.Tuple) and len(parts) == 2:
            swapped = ast.Tuple([parts[1], parts[0]], ast.Load())
            yield self._edit(
                spot, ast.Subscript(node.value, swapped, node.ctx), "order of indices", 1.0
            )
        base = self.scope.looks.get(node.value) or self.scope.atoms.get(ast.unparse(node.value))
        if base is not None and base.shape is not None and len(base.shape) == 1:
            for index_text in ("[:, None]", "[None, :]"):
                column = _parse(f"x{index_text}")
                changed = ast.Subscript(node.value, cast("ast.Subscript", column).slice, node.ctx)
                yield self._edit(spot, changed, "index", 1.2)
        if not isinstance(node.ctx, ast.Store) and base is not None and base.shape:
            yield self._edit(spot, node.value, "dropped index", 1.3)

    def _slice(self, spot: Spot, node: ast.Slice) -> Iterator[Edit]:
        for name in ("lower", "upper"):
            bound = cast("ast.expr | None", getattr(node, name))
            choices: list[ast.expr | None] = []
            if bound is None:
                choices = [ast.Constant(1)] if name == "lower" else [_number(-1)]
            else:
                choices = [None]
                if not isinstance(bound, ast.Constant):
                    choices += [
                        ast.BinOp(bound, ast.Add(), ast.Constant(1)),
                        ast.BinOp(bound, ast.Sub(), ast.Constant(1)),
                    ]
            for choice in choices:
                bounds = {"lower": node.lower, "upper": node.upper, name: choice}
                changed = ast.Slice(bounds["lower"], bounds["upper"], node.step)
                yield self._edit(spot, changed, "slice", 1.0)
        for name, other in (("lower", "upper"), ("upper", "lower")):
            bound = cast("ast.expr | None", getattr(node, name))
            if bound is not None and getattr(node, other) is None:
                moved = bound.operand if isinstance(bound, ast.UnaryOp) else _negative(bound)
                parts = (None, moved) if name == "lower" else (moved, None)
                yield self._edit(spot, ast.Slice(*parts, node.step), "slice", 1.0)
        if node.step is None:
            changed = ast.Slice(node.lower, node.upper, _number(-1))
            yield self._edit(spot, changed, "slice", 1.3)
        else:
            yield self._edit(spot, ast.Slice(node.lower, node.upper, None), "slice", 1.0)

    def _order(self, spot: Spot, node: ast.Tuple | ast.List) -> Iterator[Edit]:
        if isinstance(node.ctx, ast.Store) and not isinstance(self.statement, ast.Assign):
            return
        for i, j in itertools.combinations(range(len(node.elts)), 2):
            if j - i > 3:
                continue
            parts = list(node.elts)
            parts[i], parts[j] = parts[j], parts[i]
            yield self._edit(spot, type(node)(parts, node.ctx), "order", 1.0 + 0.1 * (j - i))

    def _other_name(self, spot: Spot, node: ast.expr) -> Iterator[Edit]:
        if isinstance(spot.parent, ast.Call) and spot.name == "func":
            return
        text = ast.unparse(node)
        look = self.scope.looks.get(node) or self.scope.atoms.get(text)
        measured = getattr(getattr(spot.parent, "func", None), "id", "") == "len"
        if measured or getattr(spot.parent, "attr", "") in ("size", "shape"):
            # the length of another array: its shape is another, as likely as not
            for other, kind in self.scope.atoms.items():
                if other != text and kind.shape and (look is None or kind.shape != look.shape):
                    yield self._edit(spot, _parse(other), "variable", _nearness(text, other))
        if look is None or look.shape is None:
            return
        if isinstance(spot.parent, ast.Attribute) and not isinstance(node, ast.Name):
            return
        for other, kind in self.scope.atoms.items():
            if other == text or kind.shape is None:
                continue
            same = kind.shape == look.shape and (kind.kind == look.kind or look.shape != ())
            turned = len(look.shape) == 2 and kind.shape == look.shape[::-1]
            scalar = kind.shape == () and look.shape == () and not spot.inside_index
            if same or scalar:
                yield self._edit(spot, _parse(other), "variable", _nearness(text, other))
            elif turned:
                yield self._edit(spot, _parse(other), "variable", 1.5)
            elif kind.kind == "b" and kind.shape == look.shape[:1]:
                chosen = ast.Subscript(node, _parse(other), ast.Load())
                yield self._edit(spot, chosen, "missing index", 1.3)

    def _transposed(self, spot: Spot) -> Iterator[Edit]:
        node = spot.node
        if not isinstance(node, ast.expr) or spot.inside_index:
            return
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield self._edit(spot, node.value, "transpose", 1.0)
            return
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return
        shape = self._shape(node)
        if shape is None or len(shape) < 2 or isinstance(node, ast.Constant):
            return
        if isinstance(spot.parent, ast.Attribute) and spot.parent.attr == "T":
            return
        if isinstance(node, ast.Name) and node.id == self.scope.numpy:
            return
        yield self._edit(spot, ast.Attribute(node, "T", ast.Load()), "transpose", 1.0)
        if len(shape) > 2:
            orders = [o for o in itertools.permutations(range(len(shape))) if _is_swap(o)]
            for order in orders:
                call = ast.Call(
                    ast.Attribute(node, "transpose", ast.Load()),
                    [ast.Constant(i) for i in order],
                    [],
                )
                yield self._edit(spot, call, "transpose", 1.2)

    def _products(self) -> Iterator[Edit]:
        """Yield every arrangement of the two sides of a matrix product."""
        for spot in self.spots:
            node = spot.node
            pair = _factors_of(node)
            if pair is None:
                continue
            left, right = (_untransposed(side) for side in pair)
            for first, second in ((left, right), (right, left)):
                for turn in itertools.product((False, True), repeat=2):
                    a, b = (
                        ast.Attribute(x, "T", ast.Load()) if t else x
                        for x, t in zip((first, second), turn, strict=True)
                    )
                    new = _product_like(node, a, b)
                    if ast.unparse(new) != ast.unparse(node):
                        yield self._edit(spot, new, "arrangement of a product", 1.3)

    def _everywhere(self) -> Iterator[Edit]:
        """Yield the edits that change something in all the places where it stands."""
        statement = self.statement
        if isinstance(self.home[0], ast.Module) or not isinstance(
            statement, ast.Assign | ast.AugAssign | ast.Return
        ):
            return
        if any(part in self.scope.frozen for part in ast.walk(statement)):
            return
        read = [s.node for s in self.spots if not isinstance(getattr(s.node, "ctx", 0), ast.Store)]
        texts = [ast.unparse(n) for n in read if isinstance(n, ast.Name | ast.Subscript)]
        for text in dict.fromkeys(t for t in texts if texts.count(t) > 1):
            look = self.scope.atoms.get(text)
            if look is None or not look.shape:
                continue
            for other, kind in self.scope.atoms.items():
                if other != text and kind.shape == look.shape and kind.kind == look.kind:
                    new = _Replaced(text, other).visit(copy.deepcopy(statement))
                    yield self._whole_statement(new, "variable", 1.3)
        parts = [n for n in ast.walk(statement) if isinstance(n, ast.Subscript)]
        sliced = {ast.unparse(n.slice) for n in parts if isinstance(n.slice, ast.Slice)}
        for index in sorted(sliced):
            if sum(ast.unparse(n.slice) == index for n in parts) > 1:
                new = _Unsliced(index).visit(copy.deepcopy(statement))
                yield self._whole_statement(new, "slice", 1.2)

    def _parts_of_arrays(self) -> Iterator[Edit]:
        """Yield the edits that add to part of an array only: all but the bias, say."""
        node = self.statement
        if isinstance(self.home[0], ast.Module):
            return
        if isinstance(node, ast.AugAssign):
            target, operator, value = node.target, node.op, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            target, operator, value = node.targets[0], node.value.op, node.value.right
            if ast.unparse(target) != ast.unparse(node.value.left):
                return
        else:
            return
        if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            return
        shape = self._shape(value) or ()
        for index in _SLICES[: 2 * len(shape)]:
            part = cast("ast.Subscript", _parse(f"x{index}")).slice
            changed = ast.AugAssign(
                ast.Subscript(_loaded(target), part, ast.Store()),
                operator,
                ast.Subscript(value, part, ast.Load()),
            )
            yield self._whole_statement(changed, "part of an array", 1.3)

    def _kept_parts(self) -> Iterator[Edit]:
        """Yield the edits that keep only a part, deeper down, of an expression."""
        for spot in self.spots:
            node = spot.node
            shape = self._shape(node)
            if not isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call) or shape is None:
                continue
            direct = set(ast.iter_child_nodes(node))
            for part in ast.walk(node):
                if part is node or part in direct or not isinstance(part, ast.expr):
                    continue
                if self._shape(part) == shape:
                    yield self._edit(spot, part, "dropped part", 1.5)

    def _terms(self, spot: Spot, node: ast.expr, extra: float) -> Iterator[Edit]:
        shape = self._shape(node)
        one = ast.Constant(1)
        for plus in (
            ast.BinOp(node, ast.Sub(), one),
            ast.BinOp(one, ast.Sub(), node),
            ast.BinOp(node, ast.Add(), one),
        ):
            yield self._edit(spot, plus, "missing term", 1.6 + extra)
        for text in self._neighbours(shape):
            for operator in (ast.Add(), ast.Sub()):
                yield self._edit(
                    spot, ast.BinOp(node, operator, _parse(text)), "missing term", 2.0 + extra
                )
        for text, look in self.scope.atoms.items():
            if look.kind not in "fi?" or text == ast.unparse(node):
                continue
            term = _parse(text)
            if look.kind != "?" and look.shape != shape:
                if look.shape is None:
                    continue
                if len(look.shape) == 2 and look.shape[::-1] == shape:
                    term = ast.Attribute(term, "T", ast.Load())
                elif look.shape != () or look.kind != "f":
                    continue

            def scaled(factor: ast.expr, node: ast.expr = node, term: ast.expr = term) -> ast.expr:
                return ast.BinOp(node, ast.Add(), _times(term, factor))

            yield self._edit(
                spot, ast.BinOp(node, ast.Add(), term), "missing term", 2.0 + extra, scaled
            )
            if look.shape == shape or look.kind == "?":
                for left, right in ((node, term), (term, node)):
                    yield self._edit(
                        spot, ast.BinOp(left, ast.Sub(), right), "missing term", 2.1 + extra
                    )

    def _neighbours(self, shape: tuple[int, ...] | None) -> Iterator[str]:
        """Yield other parts of the arrays that the statement reads parts of."""
        texts = {ast.unparse(s.node) for s in self.spots if isinstance(s.node, ast.Subscript)}
        for text in sorted(texts):
            for old, new in (
                ("[1:]", "[:-1]"),
                ("[:-1]", "[1:]"),
                ("[1:", "[:-1"),
                ("[:-1", "[1:"),
            ):
                if old in text:
                    yield text.replace(old, new)
        del shape

    def _wrapped(self, spot: Spot, node: ast.expr, extra: float) -> Iterator[Edit]:
        np = ast.Name(self.scope.numpy, ast.Load())
        yield self._edit(spot, ast.BinOp(node, ast.Pow(), ast.Constant(2)), "power", 1.5 + extra)
        yield self._edit(spot, ast.BinOp(ast.Constant(1), ast.Div(), node), "power", 1.7 + extra)
        for name in _WRAPPERS:
            call = ast.Call(ast.Attribute(np, name, ast.Load()), [node], [])
            yield self._edit(spot, call, "missing function", 1.7 + extra)
        for name, arity in self.scope.functions.items():
            if arity == 1:
                call = ast.Call(ast.Name(name, ast.Load()), [node], [])
                yield self._edit(spot, call, "missing function", 1.7 + extra)

    def _factors(self, spot: Spot, node: ast.expr, extra: float) -> Iterator[Edit]:
        shape = self._shape(node)
        if shape is None:
            return
        if self._is_whole(spot) and isinstance(self.statement, ast.AugAssign):
            target = self.scope.atoms.get(ast.unparse(self.statement.target))
            if target is not None and _broadcasts(shape, target.shape):
                shape = target.shape
        rest = ast.BinOp(ast.Constant(1), ast.Sub(), _readable(node))
        yield self._edit(spot, ast.BinOp(node, ast.Mult(), rest), "missing factor", 1.9 + extra)
        for factor in self._slopes(shape):

            def scaled(k: ast.expr, node: ast.expr = node, factor: ast.expr = factor) -> ast.expr:
                return _times(ast.BinOp(node, ast.Mult(), factor), k)

            yield self._edit(
                spot, ast.BinOp(node, ast.Mult(), factor), "missing factor", 2.0 + extra, scaled
            )
            if isinstance(factor, ast.Name | ast.Attribute | ast.Subscript):
                yield self._edit(
                    spot, ast.BinOp(node, ast.Div(), factor), "missing factor", 2.2 + extra
                )

    def _slopes(self, shape: tuple[int, ...] | None) -> Iterator[ast.expr]:
        """Yield local derivatives, written with the names in scope."""
        np = self.scope.numpy
        for text, look in list(self.scope.atoms.items()):
            if look.kind == "?":
                yield _parse(text)
            if look.shape is None or not _broadcasts(look.shape, shape):
                continue
            if look.kind not in "fib" or (look.shape == () and look.kind == "i"):
                continue
            yield _parse(text)
            if look.shape != shape or look.kind != "f":
                continue
            for pattern in (
                "{x} * (1 - {x})",
                "(1 - {x} ** 2)",
                "({x} > 0)",
                "2 * {x}",
                "(1 - {x})",
                f"{np}.cos({{x}})",
                f"{np}.exp({{x}})",
                f"(1 - {np}.tanh({{x}}) ** 2)",
                "{x} ** 2",
            ):
                yield _parse(pattern.format(x=text))
            for name, arity in self.scope.functions.items():
                if arity == 1:
                    yield _parse(f"{name}({text})")
                    yield _parse(f"(1 - {name}({text}))")
                    yield _parse(f"{name}({text}) * (1 - {name}({text}))")

    # -- words about nodes ------------------------------------------------------------------

    def _edit(
        self,
        spot: Spot,
        new: ast.AST,
        kind: str,
        weight: float,
        scaled: Scaled | None = None,
    ) -> Edit:
        # what is handed to one's own function is right more often than what is done to it
        handed_on = 0.3 if spot.node in self.handed_on else 0.0
        # where values are only put together, little is ever missing
        handed_on += 0.8 if spot.node in self.packed else 0.0
        return Edit(
            self.statement,
            spot.node,
            new,
            spot.parent,
            spot.name,
            spot.index,
            kind,
            weight + handed_on,
            scaled,
        )

    def _shape(self, node: ast.AST) -> tuple[int, ...] | None:
        look = self.scope.looks.get(node)
        return None if look is None else look.shape

    def _real(self, node: ast.AST) -> bool:
        look = self.scope.looks.get(node)
        return look is not None and look.kind in "fib" and look.shape is not None

    def _is_whole(self, spot: Spot) -> bool:
        parent = spot.parent
        if parent is self.statement and spot.name in ("value",):
            return True
        return isinstance(parent, ast.Tuple | ast.List | ast.Dict) and self._real(spot.node)


class _Replaced(ast.NodeTransformer):
    """Puts another variable wherever one is read."""

    def __init__(self, text: str, other: str) -> None:
        self.text = text
        self.other = other

    def visit(self, node: ast.AST) -> Any:
        stored = isinstance(getattr(node, "ctx", None), ast.Store)
        readable = isinstance(node, ast.Name | ast.Subscript) and not stored
        if readable and ast.unparse(node) == self.text:
            return ast.copy_location(_parse(self.other), node)
        return self.generic_visit(node)


class _Unsliced(ast.NodeTransformer):
    """Takes the whole array wherever one slice of arrays is taken."""

    def __init__(self, index: str) -> None:
        self.index = index

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.slice) != self.index:
            return self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):
            return ast.copy_location(
                ast.Subscript(node.value, ast.Slice(None, None, None), node.ctx), node
            )
        return node.value


def _home(statement: ast.stmt, parent: ast.AST) -> tuple[ast.AST, str, int]:
    for name, part in ast.iter_fields(parent):
        if isinstance(part, list):
            for i, inner in enumerate(cast("list[Any]", part)):
                if inner is statement:
                    return parent, name, i
    return parent, "body", 0


def _loaded(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    """Return what is stored into as something to be read."""
    return _parse(ast.unparse(target))


def _strangeness(factor: ast.expr) -> float:
    """Weigh a factor: a small number or a name is likelier than a length or any other number."""
    if isinstance(factor, ast.Constant):
        return 0.0 if factor.value in (0, 1, 2, 3, 4, 0.5) else 0.7  # a number out of the blue
    names = sum(isinstance(part, ast.Name) for part in ast.walk(factor))
    lengths = {"size", "shape"} & {getattr(part, "attr", "") for part in ast.walk(factor)}
    steps = sum(isinstance(part, ast.BinOp) for part in ast.walk(factor))
    return 0.2 * bool(lengths) + 0.1 * max(steps + names - 2, 0)


def _readable(node: ast.expr) -> ast.expr:
    return _parse(ast.unparse(node))


def _negative(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), node)


def _itself(factor: ast.expr) -> ast.expr:
    return factor


def _spots(statement: ast.stmt) -> Iterator[Spot]:
    """Yield the places of a statement, or the head of a compound one, that can change."""
    heads: dict[type[ast.stmt], tuple[str, ...]] = {
        ast.For: ("iter",),
        ast.If: ("test",),
        ast.While: (),
        ast.With: (),
        ast.Try: (),
        ast.FunctionDef: (),
        ast.AsyncFunctionDef: (),
        ast.ClassDef: (),
    }
    for name, part in ast.iter_fields(statement):
        allowed = heads.get(type(statement))
        if allowed is not None and name not in allowed:
            continue
        if isinstance(part, ast.AST):
            yield from _within(Spot(part, statement, name, None, False))
        elif isinstance(part, list):
            for i, inner in enumerate(cast("list[Any]", part)):
                if isinstance(inner, ast.AST):
                    yield from _within(Spot(inner, statement, name, i, False))


def _within(spot: Spot) -> Iterator[Spot]:
    node = spot.node
    if isinstance(node, ast.expr_context | ast.operator | ast.cmpop | ast.unaryop | ast.boolop):
        return
    simple_target = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    if not simple_target and isinstance(node, ast.expr | ast.Slice):
        yield spot
    for name, part in ast.iter_fields(node):
        inside = spot.inside_index or (isinstance(node, ast.Subscript) and name == "slice")
        if isinstance(part, ast.AST):
            yield from _within(Spot(part, node, name, None, inside))
        elif isinstance(part, list):
            for i, inner in enumerate(cast("list[Any]", part)):
                if isinstance(inner, ast.AST):
                    yield from _within(Spot(inner, node, name, i, inside))


def _number(value: float) -> ast.expr:
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _times(node: ast.expr, factor: ast.expr) -> ast.expr:
    if isinstance(factor, ast.UnaryOp) and isinstance(factor.operand, ast.Constant):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _times(node.operand, factor.operand)
        return ast.UnaryOp(ast.USub(), _times(node, factor.operand))
    if isinstance(factor, ast.Constant) and factor.value == 1:
        return node
    if (
        isinstance(factor, ast.BinOp)
        and isinstance(factor.op, ast.Div)
        and isinstance(factor.left, ast.Constant)
        and factor.left.value == 1
    ):
        return ast.BinOp(node, ast.Div(), factor.right)
    return ast.BinOp(factor, ast.Mult(), node)


def _with_function(node: ast.Call, name: str) -> ast.Call:
    function = node.func
    new: ast.expr = (
        ast.Attribute(function.value, name, ast.Load())
        if isinstance(function, ast.Attribute)
        else ast.Name(name, ast.Load())
    )
    return ast.Call(new, node.args, node.keywords)


def _factors_of(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call):
        function = node.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        if name in ("dot", "matmul", "outer") and len(node.args) == 2:
            return node.args[0], node.args[1]
        if name == "dot" and len(node.args) == 1 and isinstance(function, ast.Attribute):
            return function.value, node.args[0]
    return None


def _product_like(node: ast.AST, left: ast.expr, right: ast.expr) -> ast.expr:
    if isinstance(node, ast.BinOp):
        return ast.BinOp(left, node.op, right)
    call = cast("ast.Call", node)
    if len(call.args) == 2:
        return ast.Call(call.func, [left, right], call.keywords)
    return ast.Call(ast.Attribute(left, "dot", ast.Load()), [right], [])


def _untransposed(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else node


def _is_swap(order: Sequence[int]) -> bool:
    return sum(i != j for i, j in enumerate(order)) == 2


def _broadcasts(shape: tuple[int, ...], whole: tuple[int, ...] | None) -> bool:
    if whole is None or len(shape) > len(whole):
        return False
    pairs = zip(reversed(shape), reversed(whole), strict=False)
    return all(a in (1, b) for a, b in pairs)


def _nearness(text: str, other: str) -> float:
    """Weigh another variable: names that differ in little are mistaken for one another."""
    same = re.sub(r"\d+", "#", text) == re.sub(r"\d+", "#", other)
    return 1.0 if same else 1.1


def _parse(text: str) -> ast.expr:
    """Parse an expression and forget its positions, so that it takes those of its new place."""
    node = ast.parse(text, mode="eval").body
    for part in ast.walk(node):
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(part, name):
                delattr(part, name)
    return node


def _place(node: ast.AST, at: ast.AST) -> None:
    """Give a new node, and its new parts, the position of what it stands for."""
    if getattr(node, "lineno", None) is not None and not isinstance(node, ast.stmt):
        return
    if "lineno" in node._attributes:
        line = getattr(at, "lineno", 1) or 1
        column = getattr(at, "col_offset", 0) or 0
        if getattr(node, "lineno", None) is None:
            node.lineno = line  # type: ignore[attr-defined]
            node.end_lineno = getattr(at, "end_lineno", line)  # type: ignore[attr-defined]
            node.col_offset = column  # type: ignore[attr-defined]
            node.end_col_offset = getattr(at, "end_col_offset", column)  # type: ignore[attr-defined]
    for part in ast.iter_child_nodes(node):
        _place(part, at)


BUILTIN_NAMES: Final = frozenset(dir(builtins))
