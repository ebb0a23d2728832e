"""Show every value of a function to a hook, without changing one of them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, cast

from gradaudit.backprop.events import SCENE
from gradaudit.backprop.program import HOOK, Unit

Role = Literal["use", "part", "value", "store", "target"]

_Node = TypeVar("_Node", bound=ast.AST)

_NUMBER: Final = "_gradaudit_number"
# calls whose repetition does nothing: a subscript that holds only these may be read once more
_PURE: Final = {"range", "len", "slice", "int", "min", "max", "abs", "arange", "ix_", "zip"}


@dataclass(slots=True, eq=False)
class Site:
    """One place in the source whose values are seen.

    Attributes
    ----------
    number : int
        What the hook is called with.
    unit : int
        Number of its unit in the program.
    node : ast.AST
        In the unit's own tree.
    statement : ast.stmt
        That it belongs to.
    role : str
        "use" of a name, "part" of an expression, "value" of a whole statement, "store" into part
        of an object (seen after the store), "target" of a statement that unpacks.
    text : str
        Source of the node.
    target : str
        What the statement assigns to, for values, stores and targets.
    scope : ast.AST
        The function it stands in.
    line : int
    """

    number: int
    unit: int
    node: ast.AST
    statement: ast.stmt
    role: Role
    text: str
    target: str
    scope: ast.AST
    line: int

    def expression(self) -> ast.expr | None:
        """Return what gives the value, as the tree is now: ``x / n`` after ``x /= n``.

        None when no expression does.
        """
        if self.role == "store":
            return updated(self.statement)
        return self.node if isinstance(self.node, ast.expr) else None


def updated(statement: ast.stmt) -> ast.expr | None:
    """Return what an augmented assignment gives its target, as an expression; None for others."""
    if not isinstance(statement, ast.AugAssign):
        return None
    before = copy.copy(statement.target)
    before.ctx = ast.Load()
    return ast.copy_location(ast.BinOp(before, statement.op, statement.value), statement.value)


@dataclass(slots=True)
class _Place:
    statement: ast.stmt
    scope: ast.AST


@dataclass(slots=True, eq=False)
class Instrumenter:
    """Rewrites units and numbers their sites, one count over all of them.

    Before a `watched` statement, or the body of a `watched` lambda, the hook is shown the local
    names, too. With `only` the hook sees these sites and no others, which makes for faster runs.
    """

    sites: list[Site] = field(default_factory=list[Site])
    watched: ast.AST | None = None
    only: frozenset[int] | None = None

    def rewrite(self, unit: Unit, number: int) -> ast.stmt:
        """Return a copy of a unit's tree in which every value passes the hook."""
        originals: list[Any] = []
        for node in ast.walk(unit.tree):
            setattr(node, _NUMBER, len(originals))
            originals.append(node)
        tree = _copied(unit.tree)
        rewriter = _Rewriter(self.sites, number, originals, self.watched)
        tree = rewriter.outside(tree)
        if self.only is not None:
            tree = _Thinned(self.only).visit(tree)
        return ast.fix_missing_locations(tree)


class _Rewriter:
    def __init__(
        self, sites: list[Site], unit: int, originals: list[Any], watched: ast.AST | None
    ) -> None:
        self.sites = sites
        self.unit = unit
        self.originals = originals
        self.watched = watched

    # -- statements -------------------------------------------------------------------------

    def outside(self, node: ast.stmt) -> ast.stmt:
        """Rewrite the functions within a statement that itself stays as it is."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.function(node)
        elif isinstance(node, ast.ClassDef):
            node.body = [self.outside(part) for part in node.body]
        else:
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.stmt):
                    self.outside(part)
                elif isinstance(part, ast.ExceptHandler | ast.match_case):
                    for inner in part.body:
                        self.outside(inner)
                else:
                    for found in _outermost_lambdas(part):
                        self.lambda_(found, _Place(self.own(node), self.own(found)))
        return node

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        node.body = self.block(node.body, self.own(node))

    def lambda_(self, node: ast.Lambda, place: _Place) -> None:
        inner = _Place(place.statement, self.own(node))
        node.body = self.value(node.body, inner, "")
        if self.own(node) is self.watched:
            both = ast.Tuple([_scene(), node.body], ast.Load())
            body = ast.Subscript(both, ast.Constant(1), ast.Load())
            node.body = ast.copy_location(body, node.body)

    def block(self, body: list[ast.stmt], scope: ast.AST) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            if self.watched is not None and self.own(statement) is self.watched:
                done.append(ast.copy_location(ast.Expr(_scene()), statement))
            done.extend(self.statement(statement, scope))
        return done

    def statement(self, node: ast.stmt, scope: ast.AST) -> list[ast.stmt]:
        place = _Place(self.own(node), scope)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return [self.outside(node)]
        if isinstance(node, ast.Assign):
            return self.assign(node, place)
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                node.value = self.value(node.value, place, _source(node.target))
            return [node]
        if isinstance(node, ast.AugAssign):
            node.value = self.load(node.value, place)
            return [node, *self.after(node.target, place, stored=True)]
        if isinstance(node, ast.Return):
            if node.value is not None:
                node.value = self.value(node.value, place, "return")
            return [node]
        if isinstance(node, ast.Expr):
            return self.effect(node, place)
        for name in ("test", "iter"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr):
                setattr(node, name, self.load(part, place))
        for name in ("body", "orelse", "finalbody"):
            part = getattr(node, name, None)
            if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                setattr(node, name, self.block(cast("list[ast.stmt]", part), scope))
        for handler in getattr(node, "handlers", []):
            handler.body = self.block(handler.body, scope)
        for case in getattr(node, "cases", []):
            case.body = self.block(case.body, scope)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name | ast.Tuple):
            node.body = [*self.after(node.target, place, stored=False), *node.body]
        return [node]

    def assign(self, node: ast.Assign, place: _Place) -> list[ast.stmt]:
        target = node.targets[0]
        name = " = ".join(_source(t) for t in node.targets)
        unpacks = isinstance(target, ast.Tuple | ast.List)
        if unpacks and not isinstance(node.value, ast.Tuple | ast.List):
            node.value = self.load(node.value, place)
            return [node, *self.after(target, place, stored=False)]
        if unpacks:
            parts = cast("ast.Tuple", target).elts
            values = cast("ast.Tuple", node.value).elts
            if len(parts) == len(values) and not any(
                isinstance(p, ast.Starred) for p in (*parts, *values)
            ):
                values[:] = [
                    self.value(value, place, _source(part))
                    for part, value in zip(parts, values, strict=True)
                ]
                return [node]
        node.value = self.value(node.value, place, name)
        return [node]

    def effect(self, node: ast.Expr, place: _Place) -> list[ast.stmt]:
        """Rewrite a call made for its effect: what it changes must stay the same object."""
        call = node.value
        if isinstance(call, ast.Yield) and call.value is not None:
            call.value = self.value(call.value, place, "yield")
            return [node]
        if not isinstance(call, ast.Call):
            node.value = self.load(call, place)
            return [node]
        first = call.args[0] if call.args else None
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "append" and first:
            call.args[0] = self.value(first, place, _source(function.value) + ".append()")
            return [node]
        for i, argument in enumerate(call.args):
            if i == 0 and isinstance(argument, ast.Name | ast.Attribute | ast.Subscript):
                continue
            call.args[i] = self.load(argument, place)
        for keyword in call.keywords:
            if keyword.arg != "out":
                keyword.value = self.load(keyword.value, place)
        stored = first
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("fill", "sort"):
            stored = call.func.value
        if call.func and isinstance(call.func, ast.Attribute) and call.func.attr == "at":
            stored = first
        if isinstance(stored, ast.Name | ast.Attribute):
            return [node, *self.shown(stored, place)]
        return [node]

    def shown(self, target: ast.Name | ast.Attribute, place: _Place) -> list[ast.stmt]:
        """Show an object that a call has changed, without binding a name anew."""
        if not _is_pure(target):
            return []
        number = self.site(target, place, "store", _source(target))
        call = _call(number, copy.deepcopy(target), in_place=True)
        return [ast.copy_location(ast.Expr(call), target)]

    def after(self, target: ast.expr, place: _Place, *, stored: bool) -> list[ast.stmt]:
        """Return statements that show what was stored into a target."""
        if isinstance(target, ast.Tuple | ast.List):
            return [s for part in target.elts for s in self.after(part, place, stored=stored)]
        if isinstance(target, ast.Starred):
            return []
        role: Role = "store" if stored else "target"
        if isinstance(target, ast.Name):
            number = self.site(target, place, role, _source(target))
            value = _call(number, ast.Name(target.id, ast.Load()), in_place=True)
            return [
                ast.copy_location(ast.Assign([ast.Name(target.id, ast.Store())], value), target)
            ]
        if isinstance(target, ast.Attribute) and _is_pure(target.value):
            number = self.site(target, place, role, _source(target))
            read = ast.Attribute(copy.deepcopy(target.value), target.attr, ast.Load())
            write = ast.Attribute(copy.deepcopy(target.value), target.attr, ast.Store())
            value = _call(number, read, in_place=True)
            return [ast.copy_location(ast.Assign([write], value), target)]
        if isinstance(target, ast.Subscript) and _is_pure(target):
            number = self.site(target, place, role, _source(target))
            call = ast.Call(
                ast.Name(HOOK, ast.Load()),
                [
                    ast.Constant(number),
                    copy.deepcopy(target.value),
                    ast.Constant(True),
                    _as_index(copy.deepcopy(target.slice)),
                ],
                [],
            )
            return [ast.copy_location(ast.Expr(call), target)]
        return []

    # -- expressions ------------------------------------------------------------------------

    def value(self, node: ast.expr, place: _Place, target: str) -> ast.expr:
        """Rewrite the value of a statement, part by part when it is a display."""
        if isinstance(node, ast.Tuple | ast.List) and target:
            whole = target in ("return", "yield") or target.endswith("()")
            node.elts = [
                self.value(part, place, target if whole else f"{target}[{i}]")
                for i, part in enumerate(node.elts)
            ]
            return node
        if isinstance(node, ast.Dict):
            node.values = [
                self.value(part, place, f"{target}[{_source(key)}]" if key else target)
                for key, part in zip(node.keys, node.values, strict=True)
            ]
            return node
        if isinstance(node, ast.Starred):
            node.value = self.load(node.value, place)
            return node
        done = self.load(node, place, as_value=True)
        number = self.site(node, place, "value", target)
        return _wrapped(number, done, node)

    def load(self, node: ast.expr, place: _Place, *, as_value: bool = False) -> ast.expr:
        """Rewrite an expression that is read."""
        rewritten = self.inside(node, place)
        if as_value or not isinstance(
            node,
            ast.Name
            | ast.Attribute
            | ast.Subscript
            | ast.Call
            | ast.BinOp
            | ast.UnaryOp
            | ast.IfExp
            | ast.Compare,
        ):
            return rewritten
        role: Role = "use" if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) else "part"
        return _wrapped(self.site(node, place, role, ""), rewritten, node)

    def inside(self, node: ast.expr, place: _Place) -> ast.expr:
        """Rewrite the parts of an expression."""
        if isinstance(node, ast.Lambda):
            self.lambda_(node, place)
        elif isinstance(node, ast.Call):
            self.call(node, place)
        elif isinstance(node, ast.Attribute):
            if not isinstance(node.value, ast.Name):
                node.value = self.inside_or_load(node.value, place)
        elif isinstance(node, ast.Subscript):
            if not isinstance(node.value, ast.Name | ast.Attribute):
                node.value = self.load(node.value, place)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            node.elt = self.load(node.elt, place)
            self.generators(node.generators, place)
        elif isinstance(node, ast.DictComp):
            node.value = self.load(node.value, place)
            self.generators(node.generators, place)
        elif isinstance(node, ast.NamedExpr):
            node.value = self.value(node.value, place, _source(node.target))
        elif isinstance(node, ast.Starred):
            node.value = self.load(node.value, place)
        elif isinstance(node, ast.JoinedStr | ast.Constant | ast.Name | ast.Slice):
            return node
        else:
            self.every_part(node, place)
        return node

    def inside_or_load(self, node: ast.expr, place: _Place) -> ast.expr:
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self.inside(node, place)
        return self.load(node, place)

    def every_part(self, node: ast.expr, place: _Place) -> None:
        for name, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                setattr(node, name, self.load(part, place))
            elif isinstance(part, list):
                parts = cast("list[Any]", part)
                setattr(
                    node,
                    name,
                    [self.load(p, place) if isinstance(p, ast.expr) else p for p in parts],
                )

    def call(self, node: ast.Call, place: _Place) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            # the object a method is called on: `(a - b).sum()`; `np` is let through by the hook
            if isinstance(function.value, ast.Name) and function.attr not in ("append", "pop"):
                function.value = self.load(function.value, place)
            elif not isinstance(function.value, ast.Name):
                function.value = self.inside_or_load(function.value, place)
                if isinstance(function.value, ast.Subscript):
                    function.value = self.load_again(function.value, place)
        elif not isinstance(function, ast.Name):
            node.func = self.inside(function, place)
        if isinstance(function, ast.Name) and function.id in ("super", "locals", "vars", "eval"):
            return
        node.args = [self.load(argument, place) for argument in node.args]
        for keyword in node.keywords:
            if keyword.arg != "out":
                keyword.value = self.load(keyword.value, place)

    def load_again(self, node: ast.Subscript, place: _Place) -> ast.expr:
        return _wrapped(self.site(node, place, "use", ""), node, node)

    def generators(self, generators: list[ast.comprehension], place: _Place) -> None:
        for generator in generators:
            generator.iter = self.load(generator.iter, place)

    # -- books ------------------------------------------------------------------------------

    def own(self, node: ast.AST) -> Any:
        """Return the node of the unit's own tree that a copied node stands for."""
        return self.originals[getattr(node, _NUMBER)]

    def site(self, node: ast.expr, place: _Place, role: Role, target: str) -> int:
        own = self.own(node)
        site = Site(
            number=len(self.sites),
            unit=self.unit,
            node=own,
            statement=place.statement,
            role=role,
            text=_source(own),
            target=target,
            scope=place.scope,
            line=own.lineno,
        )
        self.sites.append(site)
        return site.number


class _Thinned(ast.NodeTransformer):
    """Takes the hook away everywhere but at a few sites."""

    def __init__(self, only: frozenset[int]) -> None:
        self.only = only

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if self._is_idle(node) else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        # what shows a stored value is a statement of its own
        if self._is_idle(node.value) and len(cast("ast.Call", node.value).args) > 2:
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        shows = self._is_idle(node.value) and len(cast("ast.Call", node.value).args) > 2
        return None if shows else self.generic_visit(node)

    def _is_idle(self, node: ast.AST) -> bool:
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == HOOK):
            return False
        number = cast("ast.Constant", node.args[0]).value
        return number != SCENE and number not in self.only


def _copied(node: _Node) -> _Node:
    """Copy a tree; a node that hangs in two places, as an edit may leave it, becomes two."""
    new = type(node).__new__(type(node))  # without its required arguments
    for name, part in vars(node).items():
        if isinstance(part, ast.AST):
            part = _copied(part)
        elif isinstance(part, list):
            parts = cast("list[Any]", part)
            part = [_copied(p) if isinstance(p, ast.AST) else p for p in parts]
        setattr(new, name, part)
    return new


def _outermost_lambdas(node: ast.AST) -> Iterator[ast.Lambda]:
    if isinstance(node, ast.Lambda):
        yield node
        return
    for part in ast.iter_child_nodes(node):
        yield from _outermost_lambdas(part)


def _wrapped(number: int, node: ast.expr, at: ast.expr) -> ast.expr:
    return ast.copy_location(_call(number, node), at)


def _call(number: int, node: ast.expr, *, in_place: bool = False) -> ast.Call:
    arguments: list[ast.expr] = [ast.Constant(number), node]
    if in_place:
        arguments.append(ast.Constant(True))
    return ast.Call(ast.Name(HOOK, ast.Load()), arguments, [])


def _scene() -> ast.Call:
    names = ast.Call(ast.Name("locals", ast.Load()), [], [])
    arguments: list[ast.expr] = [ast.Constant(SCENE), names]
    return ast.Call(ast.Name(HOOK, ast.Load()), arguments, [])


def _as_index(node: ast.expr) -> ast.expr:
    """Turn what stands between square brackets into an expression of the same meaning."""
    if isinstance(node, ast.Slice):
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        return ast.Call(ast.Name("slice", ast.Load()), parts, [])
    if isinstance(node, ast.Tuple):
        node.elts = [_as_index(part) for part in node.elts]
    return node


def _is_pure(node: ast.AST) -> bool:
    """Tell whether reading an expression twice does nothing that reading it once does not."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            function = part.func
            name = getattr(function, "id", None) or getattr(function, "attr", "")
            if name not in _PURE:
                return False
        if isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom | ast.Starred):
            return False
    return True


def _source(node: ast.AST | None) -> str:
    if node is None:
        return ""
    return ast.unparse(node)
