"""Find callables that ignore their argument, and what they use in its place."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import read_structure
from gradaudit.results import Location
from gradaudit.source.callables import (
    MISSING,
    Callee,
    Partial,
    accepts,
    unwrap,
    within,
)
from gradaudit.source.flow import Access, ParameterUse, Place, read_accesses, read_parameter
from gradaudit.source.locations import first_line, is_user_code, isinstance_safely, source_line
from gradaudit.source.syntax import (
    Definition,
    Edit,
    Module,
    Source,
    edited_line,
    has_source,
    read_module,
    read_source,
)

_HARMLESS_ATTRIBUTES: Final = frozenset({"shape", "size", "ndim", "dtype", "nbytes", "itemsize"})
_HARMLESS_BUILTINS: Final = frozenset({"len", "print", "isinstance", "type"})
_HARMLESS_FUNCTIONS: Final = frozenset(
    {"shape", "size", "ndim", "zeros_like", "ones_like", "empty_like", "full_like"}
)
_ARRAY_MODULES: Final = ("numpy", "autograd.numpy", "jax.numpy", "torch", "cupy")
_CONVERSIONS: Final = frozenset({"asarray", "array", "asanyarray"})
_INTEGER_TYPES: Final = frozenset(
    f"{sign}int{width}" for sign in ("", "u") for width in ("", "_", "8", "16", "32", "64", "p")
)
_LIST: Final = 100_000  # longest list of numbers that is read
_DEPTH: Final = 4  # of functions that hand the argument on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """What reading a callable says about its argument; whether the cost moves is for a test.

    Attributes
    ----------
    slug : {"ignored-argument", "late-binding", "misbound-partial", "integer-truncation"}
    reason : str
        "no-parameter"; "unused" (never read); "overwritten" (bound anew before it is read);
        "harmless-uses" (only its shape is read, or it is printed); "read-beside" (it is used, and
        a copy of the start is read beside it: nothing wrong by itself, an explanation where the
        gradient turns out not to move); "loop-variable"; "bound-parameter"; "integer-cast".
    parameter : str or None
        The parameter concerned.
    used_instead : str or None
        What is read in its place, as written in the source.
    kind_of_name : str or None
        "global variable", "closure variable", "default", "argument" or "attribute".
    equal_to_start : bool
        Whether what is used in its place equals the start vector.
    location : Location or None
        The line to correct where there is a correction, else the ``def`` or ``lambda``.
    replacement : str or None
        That line, corrected.
    certain : bool
        Whether the source leaves no doubt; else it explains what a test has shown.
    note : str
        A sentence for the reader.
    """

    slug: str
    reason: str
    parameter: str | None = None
    used_instead: str | None = None
    kind_of_name: str | None = None
    equal_to_start: bool = False
    location: Location | None = None
    replacement: str | None = None
    certain: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What can be said of a code object without any values."""

    use: ParameterUse | None
    accesses: tuple[Access, ...]
    source: Source | None
    changed: bool
    loads: list[ast.Name] | None
    leading: set[Place]


@dataclass(slots=True)
class _Readings:
    """Remember readings for as long as their code objects live."""

    known: WeakKeyDictionary[CodeType, dict[tuple[str | None, bytes], _Reading]] = field(
        default_factory=WeakKeyDictionary[CodeType, dict[tuple[str | None, bytes], "_Reading"]]
    )

    def read(self, code: CodeType, parameter: str | None) -> _Reading:
        readings = self.known.setdefault(code, {})
        # two lambdas on one line can be equal but for their columns, which the line table holds
        key = (parameter, code.co_linetable)
        if key not in readings:
            use = read_parameter(code, parameter) if parameter else None
            source = read_source(code)
            changed = source is None and has_source(code)
            readings[key] = _Reading(
                use=use,
                accesses=read_accesses(code),
                source=source,
                changed=changed,
                loads=_nodes_at(source, use.live) if use else None,
                leading=_leading_arguments(source),
            )
        return readings[key]


_READINGS: Final = _Readings()


def read_callable(fun: Any, x0: Any, args: tuple[Any, ...] = ()) -> tuple[Suspicion, ...]:
    """Read a callable's source and bytecode for ways in which it could ignore its argument.

    Nothing of the user's is run: no property, no ``__getattr__``, no comparison of objects.

    Parameters
    ----------
    fun : callable
        Called as ``fun(x, *args)``. Seen through partials, bound methods, objects with
        ``__call__`` and wrappers.
    x0 : ndarray, number or container
        The start, with whose value those names are compared that are read.
    args : tuple
        As in ``scipy.optimize.minimize``.

    Returns
    -------
    tuple of Suspicion
        Most telling first; empty when there is nothing to say, or nothing can be read.
    """
    start = _Start.of(x0)
    suspicions: list[Suspicion] = []
    seen_partial = False
    for callee in unwrap(fun, tuple(args)):
        if callee.partials and not seen_partial:
            seen_partial = True
            suspicions.extend(_read_partials(callee, start, tuple(args)))
            if suspicions:
                break  # the argument lands in a wrong parameter, of which nothing is to be said
        if not is_user_code(callee.code.co_filename):
            continue
        suspicions.extend(_read_callee(callee, start, _DEPTH, frozenset()))
        suspicions.extend(_read_loop_variables(callee))
        if any(s.certain for s in suspicions):
            break  # of a wrapper that ignores its argument, what it wraps says nothing more
    return tuple(sorted(suspicions, key=lambda s: not s.certain))


@dataclass(frozen=True, slots=True)
class _Start:
    """The start vector, for comparison."""

    original: Any
    flat: NDArray[np.float64] | None
    shape: tuple[int, ...] | None

    @staticmethod
    def of(x0: Any) -> _Start:
        try:
            structure, flat = read_structure(x0)
        except Exception:  # an object of the user's may raise anything when it is read as an array
            return _Start(x0, None, None)
        return _Start(x0, flat, None if structure.is_container else structure.leaves[0].shape)

    @property
    def is_vector(self) -> bool:
        return self.flat is not None and self.shape is not None and self.flat.size > 1

    def equals(self, value: Any) -> bool:
        """Whether a value is the start, or equal to it, entry by entry."""
        if value is MISSING or self.flat is None:
            return False
        if value is self.original and not isinstance_safely(value, (int, float, str, bool)):
            return True
        own = cast("type[Any]", type(self.original)) if self.shape is None else None
        flat = _flat(value, container=own)
        return (
            flat is not None and flat.shape == self.flat.shape and bool((flat == self.flat).all())
        )

    def resembles(self, value: Any) -> bool:
        """Whether a value could be another parameter vector: the same shape, real numbers."""
        if not self.is_vector or not isinstance_safely(value, (np.ndarray, list, tuple)):
            return False
        if _flat(value, container=None) is None:
            return False
        try:
            return np.shape(value) == self.shape
        except ValueError:  # arrays of several shapes in a list
            return False


def _flat(value: Any, *, container: type | None) -> NDArray[np.float64] | None:
    """Return a value's numbers; None when it is not made of them.

    Only arrays, numbers and lists of numbers are read, and containers of the start's own type:
    anything else could run the user's code.
    """
    numbers = (np.ndarray, np.generic, float, int)
    if type(value) is container:
        pass
    elif isinstance_safely(value, (list, tuple)):
        items = cast("Sequence[Any]", value)
        if len(items) > _LIST or not all(isinstance_safely(item, numbers) for item in items):
            return None
    elif not isinstance_safely(value, numbers):
        return None
    try:
        return read_structure(value)[1]
    except Exception:  # what a container holds may be anything
        return None


def _read_callee(
    callee: Callee, start: _Start, depth: int, seen: frozenset[CodeType]
) -> Iterator[Suspicion]:
    """Read one function: its parameter, and the functions that it hands it to."""
    if callee.code in seen:
        return
    seen |= {callee.code}
    name, is_variadic = callee.parameter
    if name is None:
        yield _ignored(callee, start, "no-parameter", None, _READINGS.read(callee.code, None))
        return
    reading = _READINGS.read(callee.code, name)
    use = reading.use
    if use is None or (use.unclear and not _is_borrowed(use, reading.source, name)):
        return
    if not use.live:
        overwritten = use.loaded and use.stored
        reason = "overwritten" if overwritten else "unused"
        yield _ignored(callee, start, reason, name, reading)
        return
    loads = reading.loads
    if loads is None or reading.source is None:
        return
    parents = reading.source.module.parents
    if all(_is_harmless(node, parents, callee) for node in loads):
        yield _ignored(callee, start, "harmless-uses", name, reading)
        return
    telling = [node for node in loads if not _is_harmless(node, parents, callee)]
    if all(_is_truncated(node, parents, callee) for node in telling):
        yield _truncation(callee, name, telling[0])
        return
    if depth > 0:
        handed = [_handed_to(node, parents, callee, is_variadic) for node in telling]
        if all(target is not None for target in handed):
            inner = [
                list(_read_callee(cast("Callee", target), start, depth - 1, seen))
                for target in handed
            ]
            found = [s for part in inner for s in part if s.certain]
            if found and all(any(s.certain for s in part) for part in inner):
                yield from found[:1]
                return
    yield from _read_beside(callee, start, name, reading)


def _is_borrowed(use: ParameterUse, source: Source | None, name: str) -> bool:
    """Whether a name is read only in comprehensions that bind it anew."""
    if not use.borrowed or source is None:
        return False
    parents = source.module.parents
    return all(
        any(_binds(outer, inner, name) for inner, outer in _ancestry(node, parents, source.node))
        for node in ast.walk(source.node)
        if isinstance(node, ast.Name) and node.id == name
    )


def _ancestry(
    node: ast.AST, parents: dict[ast.AST, ast.AST], top: ast.AST
) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield (child, parent) from a node up to the function."""
    while node is not top and node in parents:
        yield node, parents[node]
        node = parents[node]


def _binds(outer: ast.AST, inner: ast.AST, name: str) -> bool:
    """Whether `outer` is a comprehension that binds a name for its part `inner`."""
    if not isinstance(outer, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return False
    first = outer.generators[0]
    if inner is first:
        # what the first loop goes through is evaluated outside
        return not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(first.iter))
    return any(
        isinstance(n, ast.Name) and n.id == name
        for generator in outer.generators
        for n in ast.walk(generator.target)
    )


def _nodes_at(source: Source | None, places: Sequence[Place | None]) -> list[ast.Name] | None:
    """Return the tree's nodes of the loads at some places; None unless all are found."""
    if source is None or None in places:
        return None
    # an assertion can only stop the function; pytest rewrites it besides
    guards = [
        (guard.lineno, guard.end_lineno or guard.lineno)
        for guard in ast.walk(source.node)
        if isinstance(guard, ast.Assert)
    ]
    wanted = {
        (place[0], place[1])
        for place in places
        if place is not None and not any(a <= place[0] <= b for a, b in guards)
    }
    nodes = [
        node
        for node in ast.walk(source.node)
        if isinstance(node, ast.Name) and (node.lineno, node.col_offset) in wanted
    ]
    return nodes if len(nodes) == len(wanted) else None


def _written_value(node: ast.expr, callee: Callee) -> Any:
    """Return what a dotted name in the source stands for."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return MISSING
    name = node.id
    if name in callee.code.co_freevars:
        root = "closure"
    elif name in callee.code.co_varnames or name in callee.code.co_cellvars:
        root = "local"
    else:
        root = "global"
    return callee.value(Access(root, (name, *path), None))


def _is_harmless(node: ast.expr, parents: dict[ast.AST, ast.AST], callee: Callee) -> bool:
    """Whether a use of the argument cannot depend on its values."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _HARMLESS_ATTRIBUTES
    if isinstance(parent, ast.Compare):
        others = [o for o in (parent.left, *parent.comparators) if o is not node]
        return all(isinstance(op, ast.Is | ast.IsNot) for op in parent.ops) and all(
            isinstance(other, ast.Constant) for other in others
        )
    if isinstance(parent, ast.Expr) or _only_raises(node, parents):
        return True
    if not isinstance(parent, ast.Call) or node not in parent.args:
        return False
    return _is_harmless_function(parent.func, callee)


def _only_raises(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a use stands in the condition of an ``if`` that does nothing but raise."""
    while isinstance(node, ast.expr) and node in parents:
        child, node = node, parents[node]
        if isinstance(node, ast.If) and child is node.test:
            return not node.orelse and all(isinstance(s, ast.Raise) for s in node.body)
        if isinstance(node, ast.Raise):
            return True
    return False


def _is_harmless_function(function: ast.expr, callee: Callee) -> bool:
    if isinstance(function, ast.Name) and function.id in _HARMLESS_BUILTINS:
        value = _written_value(function, callee)
        return getattr(value, "__module__", None) == "builtins"
    if isinstance(function, ast.Attribute) and function.attr in _HARMLESS_FUNCTIONS:
        return _is_array_module(_written_value(function.value, callee))
    return False


def _is_array_module(value: Any) -> bool:
    return isinstance_safely(value, ModuleType) and value.__name__ in _ARRAY_MODULES


def _is_truncated(node: ast.expr, parents: dict[ast.AST, ast.AST], callee: Callee) -> bool:
    """Whether a use of the argument keeps its integer part only."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr == "astype":
        call = parents.get(parent)
        return isinstance(call, ast.Call) and any(
            _is_integer_type(a) for a in (*call.args[:1], *(k.value for k in call.keywords))
        )
    if not isinstance(parent, ast.Call) or not parent.args or parent.args[0] is not node:
        return False
    if isinstance(parent.func, ast.Attribute) and parent.func.attr in _CONVERSIONS:
        kinds = [*parent.args[1:2], *(k.value for k in parent.keywords if k.arg == "dtype")]
        module = _written_value(parent.func.value, callee)
        return _is_array_module(module) and any(_is_integer_type(kind) for kind in kinds)
    return False


def _is_integer_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value in (*_INTEGER_TYPES, "i4", "i8")
    if isinstance(node, ast.Attribute):
        return node.attr in _INTEGER_TYPES
    return isinstance(node, ast.Name) and node.id in _INTEGER_TYPES


def _handed_to(
    node: ast.expr, parents: dict[ast.AST, ast.AST], callee: Callee, is_variadic: bool
) -> Callee | None:
    """Return the function that gets the argument at one use; None when that is not plain."""
    if is_variadic:
        starred = parents.get(node)
        if not isinstance(starred, ast.Starred):
            return None
        node = starred
    call = parents.get(node)
    if not isinstance(call, ast.Call):
        return None
    before = call.args[: call.args.index(node)] if node in call.args else None
    if before is None or any(isinstance(a, ast.Starred) for a in before):
        return None
    target = _resolve(call.func, callee)
    if target is None:
        return None
    following = tuple(_written_value(a, callee) for a in call.args[len(before) + 1 :])
    bound = target.bound + tuple(_written_value(a, callee) for a in before)
    return Callee(target.function, target.code, bound, target.keywords, following, (), target.outer)


def _resolve(function: ast.expr, callee: Callee) -> Callee | None:
    if isinstance(function, ast.Name) and function.id in callee.code.co_varnames:
        # a function defined inside this one, and under this name alone
        inner = [
            c for c in callee.code.co_consts if isinstance(c, CodeType) and c.co_name == function.id
        ]
        return within(callee, inner[0]) if len(inner) == 1 else None
    value = _written_value(function, callee)
    if value is MISSING:
        return None
    owner: tuple[Any, ...] = ()
    if isinstance(function, ast.Attribute) and isinstance_safely(value, FunctionType):
        holder = _written_value(function.value, callee)
        is_method = not isinstance_safely(holder, (type, ModuleType))
        own = _own_attributes(holder)
        owner = (holder,) if is_method and function.attr not in own else ()
    found = next(unwrap(value), None)
    if found is None or not is_user_code(found.code.co_filename):
        return None
    return Callee(found.function, found.code, owner + found.bound, found.keywords)


def _own_attributes(owner: Any) -> dict[str, Any]:
    try:
        return dict(object.__getattribute__(owner, "__dict__"))
    except (AttributeError, TypeError):
        return {}


# what is used in the argument's place


def _ignored(
    callee: Callee, start: _Start, reason: str, parameter: str | None, reading: _Reading
) -> Suspicion:
    used = _used_instead(callee, start, parameter, reading)
    location, replacement = _correction(callee, start, reason, parameter, used, reading)
    certain = reason != "harmless-uses" or used is not None or _returns_something(reading)
    return Suspicion(
        slug="ignored-argument",
        reason=reason,
        parameter=parameter,
        used_instead=used.written if used else None,
        kind_of_name=_kind_of_name(used, callee) if used else None,
        equal_to_start=used is not None and start.equals(callee.value(used)),
        location=location,
        replacement=replacement,
        certain=certain,
        note=_ignored_note(reason, parameter, used, callee, start)
        + ("; the source has changed since it was imported" if reading.changed else ""),
    )


def _returns_something(reading: _Reading) -> bool:
    return reading.source is not None


def _ignored_note(
    reason: str, parameter: str | None, used: Access | None, callee: Callee, start: _Start
) -> str:
    what = {
        "no-parameter": "the function has no parameter for its argument",
        "unused": f"parameter {parameter!r} is never used",
        "overwritten": f"parameter {parameter!r} is overwritten before it is read",
        "harmless-uses": f"of parameter {parameter!r} only the shape is used, not the values",
    }[reason]
    if used is None:
        return what
    equal = " (equal to the start vector)" if start.equals(callee.value(used)) else ""
    return f"{what}; {_kind_of_name(used, callee)} {used.written!r}{equal} is used in its place"


def _kind_of_name(access: Access, callee: Callee) -> str:
    if len(access.path) > 1:
        return "attribute"
    if access.root == "local":
        return "default" if access.name in callee.defaults() else "argument"
    return {"global": "global variable", "closure": "closure variable"}[access.root]


def _used_instead(
    callee: Callee, start: _Start, parameter: str | None, reading: _Reading
) -> Access | None:
    """Find by its value the name that is read in the argument's place."""
    others = [a for a in reading.accesses if not (a.root == "local" and a.name == parameter)]
    leading = reading.leading
    equal = [a for a in others if start.equals(callee.value(a))]
    if equal and (start.is_vector or start.shape is None):
        # an attribute's owner comes before it: model equals nothing, model.theta does
        return max(equal, key=lambda a: (a.place in leading, -len(a.path)))
    if equal:
        return next((a for a in equal if a.place in leading), None)
    alike = [a for a in others if a.place in leading and start.resembles(callee.value(a))]
    return alike[0] if len({a.path for a in alike}) == 1 else None


def _leading_arguments(source: Source | None) -> set[Place]:
    if source is None:
        return set()
    return {
        _node_place(node.args[0])
        for node in ast.walk(source.node)
        if isinstance(node, ast.Call) and node.args
    }


def _node_place(node: ast.expr) -> Place:
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def _read_beside(
    callee: Callee, start: _Start, parameter: str, reading: _Reading
) -> Iterator[Suspicion]:
    if not start.is_vector:
        return
    used = _used_instead(callee, start, parameter, reading)
    if used is None or not start.equals(callee.value(used)):
        return
    location, replacement = _correction(callee, start, "read-beside", parameter, used, reading)
    yield Suspicion(
        slug="ignored-argument",
        reason="read-beside",
        parameter=parameter,
        used_instead=used.written,
        kind_of_name=_kind_of_name(used, callee),
        equal_to_start=True,
        location=location,
        replacement=replacement,
        certain=False,
        note=f"{_kind_of_name(used, callee)} {used.written!r} equals the start vector and is "
        f"read beside parameter {parameter!r}",
    )


# corrected lines


def _definition_location(code: CodeType, source: Source | None) -> Location:
    line = first_line(code) if source is None else source.node.lineno
    text = source_line(code.co_filename, line) if source is not None else ""
    return Location(path=code.co_filename, line=line, source=text)


def _correction(
    callee: Callee,
    start: _Start,
    reason: str,
    parameter: str | None,
    used: Access | None,
    reading: _Reading,
) -> tuple[Location, str | None]:
    """Write the corrected line; its location is that line's, else the definition's."""
    code, source = callee.code, reading.source
    place = _definition_location(code, source)
    if source is None or used is None:
        return place, None
    value = callee.value(used)
    if isinstance(value, list | tuple | dict | set) and start.shape is not None:
        return place, None  # the vector lies somewhere inside it
    edited = edited_line(source.module, _edits(source.node, reason, parameter, used, reading))
    variadic = source.node.args.vararg
    if edited is None and reason == "unused" and len(used.path) == 1 and used.root != "local":
        edited = edited_line(source.module, _renaming(source.node, parameter, used.name))
    if edited is None or (variadic is not None and variadic.arg == parameter):
        return place, None
    line, text = edited
    if _assigns_to_itself(text):
        return place, None
    return Location(path=code.co_filename, line=line, source=source.module.lines[line - 1]), text


def _assigns_to_itself(text: str) -> bool:
    left, _, right = text.strip().rstrip(";").partition("=")
    return left.strip() == right.strip()


def _edits(
    node: Definition, reason: str, parameter: str | None, used: Access, reading: _Reading
) -> list[Edit]:
    places = _written_places(node, used, reading)
    edits: list[Edit] = []
    name = parameter
    if reason == "no-parameter":
        if not isinstance(node, ast.Lambda):
            return _inserted_parameter(node, used)
        taken = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        name = next((n for n in ("x", "theta", "z", "argument") if n not in taken), "argument_")
        edits.append(Edit(node.lineno, node.col_offset, node.col_offset + 6, f"lambda {name}"))
    if name is None:
        return []
    for place in places:
        if place is None or place[0] != place[2]:
            return []
        edits.append(Edit(place[0], place[1], place[3], name))
    return edits


def _written_places(node: Definition, used: Access, reading: _Reading) -> list[Place | None]:
    """Return where a name is read in the body, not in defaults or decorators."""
    if len(used.path) > 1:
        return [a.place for a in reading.accesses if a.path == used.path and a.root == used.root]
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    return [
        _node_place(inner)
        for part in body
        for inner in ast.walk(part)
        if isinstance(inner, ast.Name) and inner.id == used.name
        if isinstance(inner.ctx, ast.Load)
    ]


def _inserted_parameter(node: Definition, used: Access) -> list[Edit]:
    """Give a ``def`` without parameters one that is named like what its body reads."""
    if isinstance(node, ast.Lambda) or len(used.path) > 1 or _has_parameters(node.args):
        return []
    column = node.col_offset + len(b"def ") + len(node.name.encode())
    return [Edit(node.lineno, column, column + 2, f"({used.name})")]


def _has_parameters(arguments: ast.arguments) -> bool:
    return bool(arguments.args or arguments.posonlyargs or arguments.kwonlyargs or arguments.kwarg)


def _renaming(node: Definition, parameter: str | None, name: str) -> list[Edit]:
    """Rename an unused parameter to what the body reads."""
    for argument in (*node.args.posonlyargs, *node.args.args):
        if argument.arg == parameter and argument.lineno == argument.end_lineno:
            start = argument.col_offset
            return [Edit(argument.lineno, start, start + len(argument.arg.encode()), name)]
    return []


def _truncation(callee: Callee, parameter: str, node: ast.expr) -> Suspicion:
    path = callee.code.co_filename
    place = Location(path=path, line=node.lineno, source=source_line(path, node.lineno))
    return Suspicion(
        slug="integer-truncation",
        reason="integer-cast",
        parameter=parameter,
        location=place,
        certain=True,
        note=f"parameter {parameter!r} is converted to integers before it is used",
    )


# partials


def _read_partials(callee: Callee, start: _Start, args: tuple[Any, ...]) -> Iterator[Suspicion]:
    for partial in callee.partials:
        bound = _bound_vector(partial, start)
        if bound is None:
            continue
        name, value, is_first = bound
        fits = _fits(partial, partial.arguments, partial.keywords, start, args)
        # what is wrong with the call must be this binding, not an argument that is missing
        others = tuple(a for a in partial.arguments if a is not value)
        named = {key: a for key, a in partial.keywords.items() if a is not value}
        if not fits and not _fits(partial, others, named, start, args):
            continue
        equal = start.equals(value)
        if fits and not (is_first and equal):
            continue
        location, replacement = _partial_correction(partial, name)
        yield Suspicion(
            slug="misbound-partial",
            reason="bound-parameter",
            parameter=name,
            equal_to_start=equal,
            location=location,
            replacement=replacement,
            certain=not fits,
            note=f"functools.partial binds {name!r} to a vector of the start's shape"
            + (" (equal to the start)" if equal else "")
            + ("" if fits else "; the argument then has no place left"),
        )


def _fits(
    partial: Partial,
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    start: _Start,
    args: tuple[Any, ...],
) -> bool:
    complete = (*partial.before, *arguments, start.original, *args)
    return accepts(partial.function, complete, keywords)


def _partial_correction(partial: Partial, name: str) -> tuple[Location, str | None]:
    """Find the line that makes the partial, if there is just one such; leave `name` free in it.

    A partial does not know where it was made: the files of the function and of the functions
    that are running now are searched.
    """
    code = partial.function.__code__
    names = code.co_varnames[len(partial.before) : code.co_argcount]
    files = {code.co_filename}
    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        files.add(frame.f_code.co_filename)
        frame = frame.f_back
    found: list[tuple[str, Module, ast.Call]] = []
    for file in filter(is_user_code, files):
        module = read_module(file)
        if module is not None:
            found += [
                (file, module, node)
                for node in ast.walk(module.tree)
                if isinstance(node, ast.Call) and _makes(node, partial, code.co_name)
            ]
    if len(found) != 1:
        return _definition_location(code, _READINGS.read(code, None).source), None
    file, module, call = found[0]
    place = Location(path=file, line=call.lineno, source=module.lines[call.lineno - 1])
    edited = edited_line(module, _freeing(call, names, name))
    return place, edited[1] if edited and edited[0] == call.lineno else None


def _makes(call: ast.Call, partial: Partial, name: str) -> bool:
    """Whether a call in the source could have made a partial."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else ""
    called = function.id if isinstance(function, ast.Name) else called
    if called != "partial" or not call.args:
        return False
    first = call.args[0]
    bound = first.attr if isinstance(first, ast.Attribute) else ""
    bound = first.id if isinstance(first, ast.Name) else bound
    return (
        bound == name
        and len(call.args) - 1 == len(partial.arguments)
        and {k.arg for k in call.keywords} == set(partial.keywords)
        and not any(isinstance(a, ast.Starred) for a in call.args)
    )


def _freeing(call: ast.Call, names: Sequence[str], free: str) -> list[Edit]:
    """Take one argument out of a call of partial, and pass those behind it by keyword."""
    parts: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    edits: list[Edit] = []
    for number, part in enumerate(parts[1:], 1):
        is_keyword = isinstance(part, ast.keyword)
        name = part.arg if is_keyword else names[number - 1] if number <= len(names) else None
        if name is None or part.lineno != call.lineno or part.end_lineno != call.lineno:
            return []
        if name == free:
            start, stop = parts[number - 1].end_col_offset or 0, part.end_col_offset or 0
            edits.append(Edit(call.lineno, start, stop, ""))
        elif not is_keyword:
            edits.append(Edit(call.lineno, part.col_offset, part.col_offset, f"{name}="))
    return edits


def _bound_vector(partial: Partial, start: _Start) -> tuple[str, Any, bool] | None:
    """Return the name and value of a bound argument that looks like a parameter vector."""
    names = partial.function.__code__.co_varnames[: partial.function.__code__.co_argcount]
    offset = len(partial.before)
    pairs = [*zip(names[offset:], partial.arguments, strict=False), *partial.keywords.items()]
    for name, value in pairs:
        if start.equals(value) or start.resembles(value):
            return name, value, name == (names[offset] if offset < len(names) else None)
    return None


# loop variables


def _read_loop_variables(callee: Callee) -> Iterator[Suspicion]:
    """Find a name that a loop around the definition binds, when the loop is over."""
    function = callee.function
    if function is None:
        return
    name, _ = callee.parameter
    reading = _READINGS.read(callee.code, name)
    if reading.source is None:
        return
    node, parents = reading.source.node, reading.source.module.parents
    loops = _enclosing_loops(node, parents)
    if not loops:
        return
    free = {a.name: a for a in reading.accesses if a.root != "local"}
    for bound in sorted(_names_bound(loops) & set(free)):
        if _still_running(loops, callee.code.co_filename):
            return
        if _still_named(function, node, parents):
            return  # the last one of the loop, for which the last value is right
        count = _siblings(function, bound)
        if count < 2 and not _is_kept(node, parents) and not _is_kept_by_name(node, loops, parents):
            continue
        edited = edited_line(reading.source.module, _default_edit(node, bound))
        place = _definition_location(callee.code, reading.source)
        yield Suspicion(
            slug="late-binding",
            reason="loop-variable",
            parameter=name,
            used_instead=bound,
            kind_of_name=_kind_of_name(Access(free[bound].root, (bound,), None), callee),
            location=place,
            replacement=edited[1] if edited and edited[0] == place.line else None,
            certain=count >= 2,
            note=f"{count} functions made at this line read the same variable {bound!r}, which "
            "has kept its last value"
            if count >= 2
            else f"the loop that made it is over; variable {bound!r} has kept its last value",
        )


def _is_kept_by_name(
    node: Definition, loops: Sequence[ast.AST], parents: dict[ast.AST, ast.AST]
) -> bool:
    """Whether the function gets a name in the loop, and what bears the name is put away."""
    parent = parents.get(node)
    names = {node.name} if not isinstance(node, ast.Lambda) else set[str]()
    if isinstance(parent, ast.Assign):
        names.update(target.id for target in parent.targets if isinstance(target, ast.Name))
    return any(
        isinstance(child, ast.Name)
        and child.id in names
        and isinstance(child.ctx, ast.Load)
        and _is_kept(child, parents)
        for loop in loops
        for child in ast.walk(loop)
    )


def _is_kept(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether each turn of the loop puts its function away: an element, an item, an append."""
    parent = parents.get(node)
    while isinstance(parent, ast.Tuple | ast.List | ast.Dict):
        node, parent = parent, parents.get(parent)
    if isinstance(parent, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return parent.elt is node
    if isinstance(parent, ast.DictComp):
        return parent.value is node
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        return parent.func.attr in ("append", "add", "insert", "appendleft", "setdefault")
    return isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Subscript)


def _enclosing_loops(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[ast.AST]:
    loops: list[ast.AST] = []
    child, parent = node, parents.get(node)
    while parent is not None:
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(parent, ast.For | ast.While) and child in parent.body:
            loops.append(parent)
        if isinstance(parent, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            loops.append(parent)
        child, parent = parent, parents.get(parent)
    return loops


def _names_bound(loops: Sequence[ast.AST]) -> set[str]:
    names: set[str] = set()
    for loop in loops:
        names.update(_stored_names(loop))
    return names


def _stored_names(node: ast.AST) -> Iterator[str]:
    """Yield the names bound in a loop, not those of functions defined inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _stored_names(child)


def _still_running(loops: Sequence[ast.AST], filename: str) -> bool:
    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if frame.f_code.co_filename == filename:
            for loop in loops:
                first, last = getattr(loop, "lineno", 0), getattr(loop, "end_lineno", 0)
                if first <= frame.f_lineno <= last:
                    return True
        frame = frame.f_back
    return False


def _still_named(function: FunctionType, node: Definition, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the name that the loop gave to each function in turn still means this one."""
    parent = parents.get(node)
    names = {node.name} if not isinstance(node, ast.Lambda) else set[str]()
    if isinstance(parent, ast.Assign):
        names.update(target.id for target in parent.targets if isinstance(target, ast.Name))
    spaces: list[Any] = [function.__globals__]
    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if names and frame.f_code.co_filename == function.__code__.co_filename:
            spaces.append(frame.f_locals)
        frame = frame.f_back
    return any(space.get(name) is function for space in spaces for name in names)


def _siblings(function: FunctionType, name: str) -> int:
    """Count the living functions that share this one's code and its variable."""
    cell = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)).get(
        name
    )
    count = 0
    for other in gc.get_referrers(function.__code__):
        if type(other) is not FunctionType or other.__code__ is not function.__code__:
            continue
        if cell is None:
            count += other.__globals__ is function.__globals__
        else:
            count += any(own is cell for own in other.__closure__ or ())
    return count


def _default_edit(node: Definition, name: str) -> list[Edit]:
    """Bind a loop variable when the function is made: ``lambda x, i=i: ...``."""
    arguments = node.args
    if arguments.vararg or arguments.kwonlyargs or arguments.kwarg or not arguments.args:
        return []
    last: ast.expr | ast.arg = arguments.args[-1]
    if arguments.defaults:
        last = arguments.defaults[-1]
    line, column = last.end_lineno or 0, last.end_col_offset or 0
    return [Edit(line, column, column, f", {name}={name}")]


__all__ = ["Suspicion", "read_callable"]
