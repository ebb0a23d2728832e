"""What could be said where a line stands: expressions of the names in reach, with their values."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final, cast

import numpy as np

from gradaudit.backprop.events import Numbers, as_numbers, is_complex, with_copies

Values = Sequence[Numbers]
Shapes = tuple[tuple[int, ...], ...]
Operation = Callable[..., Any]

# so many expressions of each size at most
_MOST_ATOMS: Final = 70
_SHORT: Final = 2
_BATCH: Final = 2048
_MOST_PLAIN: Final = 800
_MOST_PRODUCTS: Final = 2500
_MOST_PAIRS: Final = 12000
_MOST_TRIPLES: Final = 6000
# of one value, of its own shape: the slopes that are met everywhere, and others
_SLOPES: Final = (
    "{x} ** 2",
    "(1 - {x})",
    "(1 - {x} ** 2)",
    "{x} * (1 - {x})",
    "({x} > 0)",
    "{np}.exp({x})",
)
_RARE_SLOPES: Final = (
    "(1 + {x})",
    "(1 + {x} ** 2)",
    "{np}.exp(-{x})",
    "1 / (1 + {np}.exp(-{x}))",
    "(1 - {np}.exp(-{x}))",
    "{np}.cos({x})",
    "{np}.sin({x})",
    "{np}.tanh({x})",
    "(1 - {np}.tanh({x}) ** 2)",
    "{np}.sign({x})",
    "{np}.abs({x})",
    "{np}.sqrt({x})",
    "{np}.log({x})",
    "{x} ** 3",
)
# of what a function of the user's gives
_CALLS: Final = ("{x}", "(1 - {x})", "(1 - {x} ** 2)", "{x} * (1 - {x})")
_SUMS: Final = (
    "{x}.sum()",
    "{x}.sum(axis=0)",
    "{x}.sum(axis=1)",
    "{x}.sum(axis=-1, keepdims=True)",
    "{x}.sum(axis=0, keepdims=True)",
)
_MEANS: Final = ("{x}.mean()", "{x}.mean(axis=0)", "{x}.mean(axis=-1, keepdims=True)")
_OF_MATRICES: Final = ("{np}.diag({x})", "{np}.trace({x})", "{np}.linalg.inv({x})")
# of complex values, and of the conjugate of one
_COMPLEX: Final = ("{x}.real", "{x}.imag")
_COMPLEX_SLOPES: Final = (
    "1j * {x}",
    "1j * {conj}",
    "{np}.abs({x})",
    "{np}.abs({x}) ** 2",
    "{x} ** 2",
    "{x} / {np}.abs({x})",
)
_RARE_COMPLEX_SLOPES: Final = ("{np}.exp({x})", "{conj} ** 2", "{np}.angle({x})")
_ROTATIONS: Final = ("{np}.exp(1j * {x})", "{np}.exp(-1j * {x})")
_ENTRY: Final = re.compile(r"\[\d+\]")
_KNOWN_MODULES: Final = ("__future__", "numpy", "scipy", "math", "builtins")
_HARMLESS: Final = frozenset(
    [
        "sum",
        "mean",
        "max",
        "min",
        "dot",
        "T",
        "reshape",
        "transpose",
        "ravel",
        "copy",
        "prod",
        "std",
        "var",
        "cumsum",
        "diagonal",
        "trace",
        "clip",
        "astype",
        "squeeze",
        "conj",
        "real",
        "imag",
        "swapaxes",
        "repeat",
        "size",
        "shape",
        "ndim",
        "item",
        "get",
        "flatten",
    ]
)
_READ: Final = (ast.Subscript, ast.Attribute, ast.Call, ast.BinOp, ast.Compare)
_CHANGING: Final = frozenset(
    [
        "append",
        "extend",
        "pop",
        "popleft",
        "appendleft",
        "insert",
        "remove",
        "sort",
        "reverse",
        "clear",
        "update",
        "setdefault",
        "popitem",
        "fill",
        "put",
        "resize",
        "partition",
        "write",
        "send",
        "close",
        "add",
        "discard",
        "at",
        "copyto",
        "fill_diagonal",
        "place",
        "putmask",
    ]
)


@dataclass(eq=False)
class Word:
    """An expression with its value each time the line runs.

    Attributes
    ----------
    text : str
    values : list of ndarray
    size : int
        How many names and operations it takes.
    shape : tuple of int
        Of the first value.
    """

    text: str
    values: Values
    size: int
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.shape = self.values[0].shape

    @functools.cached_property
    def is_count(self) -> bool:
        """Whether it is one whole number, the same each time."""
        first = self.values[0]
        same = all(v.shape == () and v == first for v in self.values)
        return same and self.counts

    def stretches_to(self, shapes: Shapes) -> bool:
        """Tell whether the values stretch to these shapes."""
        return all(broadcasts(v.shape, s) for v, s in zip(self.values, shapes, strict=True))

    @functools.cached_property
    def is_complex(self) -> bool:
        """Whether some value is complex."""
        return any(is_complex(value) for value in self.values)

    @functools.cached_property
    def counts(self) -> bool:
        """Whether the values are whole numbers, such as labels and indices."""
        return all(np.array_equal(value, np.round(value)) for value in self.values)

    @functools.cached_property
    def operand(self) -> str:
        """The text, in brackets where it needs them."""
        return _bracketed(self.text)


class Vocabulary:
    """Expressions of the names in reach, simple ones first, each value once.

    Parameters
    ----------
    spaces : sequence of dict
        What the names hold, each time the line runs.
    trees : iterable of ast.AST
        Source whose expressions are tried, too: the function itself first.
    functions : mapping
        The user's own functions, with the number of their parameters.
    numpy : str
        What the file calls numpy.
    shapes : set of tuple
        Shapes that are wanted; values that broadcast to one of them are kept.
    near : str
        Source of the statement: names that it reads come first.
    seconds : float
        How long to make the short ones, and the long ones.
    """

    def __init__(
        self,
        spaces: Sequence[dict[str, Any]],
        trees: Iterable[ast.AST],
        functions: Mapping[str, int],
        numpy: str,
        shapes: set[tuple[int, ...]],
        near: str,
        seconds: float,
    ) -> None:
        self.spaces = spaces
        self.near = near
        self.numpy = numpy
        self.functions = {
            name: spaces[0][name]
            for name, arity in functions.items()
            if arity == 1 and callable(spaces[0].get(name))
        }
        self.shapes = shapes
        self.seconds = seconds
        trees = list(trees)
        self._idle = _idle_names(trees)
        self.deadline = time.process_time() + seconds
        self._fitting: dict[tuple[int, ...], bool] = {}
        self._tables: dict[tuple[int, Shapes, bool], list[tuple[list[Word], Numbers]]] = {}
        self._seen: set[Any] = set()
        self._weights = np.zeros(0)
        self.atoms = self._first(self._atoms(trees), _MOST_ATOMS)
        self._conjugate = how_to_conjugate(spaces[0], numpy)
        self._is_complex = any(atom.is_complex for atom in self.atoms)
        self.plain = [*self.atoms, *self._first(self._plain(), _MOST_PLAIN)]
        self._products = self._first(self._matrix_products(2), _MOST_PRODUCTS)
        self._pairs = self._first(self._elementwise(2), _MOST_PAIRS)

    def _first(self, words: Iterator[Word], most: int) -> list[Word]:
        found: list[Word] = []
        for word in itertools.islice(words, most):
            found.append(word)
            if time.process_time() > self.deadline:
                break
        return found

    @functools.cached_property
    def short(self) -> list[Word]:
        """The expressions of two names or operations at most that fit a wanted shape."""
        known = (*self.plain, *self._products, *self._pairs)
        return [word for word in known if word.size <= _SHORT and self.fits(word.shape)]

    @functools.cached_property
    def long(self) -> list[Word]:
        """Longer ones; they are made when they are asked for."""
        self.deadline = time.process_time() + self.seconds
        self._products += self._first(self._matrix_products(3), _MOST_PRODUCTS)
        self._pairs += self._first(self._elementwise(3), _MOST_PAIRS)
        triples = self._first(self._triples(), _MOST_TRIPLES)
        known = (*self.plain, *self._products, *self._pairs, *triples)
        return [word for word in known if word.size > _SHORT and self.fits(word.shape)]

    def batches(
        self, words: list[Word], shapes: Shapes, *, real: bool = True
    ) -> list[tuple[list[Word], Numbers]]:
        """Return the words that stretch to these shapes each time, with their values as columns.

        Parameters
        ----------
        words : list of Word
            `short` or `long`.
        shapes : tuple of tuple of int
            Each time the line runs.
        real : bool
            Leave out complex ones.

        Returns
        -------
        list of (list of Word, ndarray)
        """
        key = id(words), shapes, real
        if key not in self._tables:
            fitting = [word for word in words if word.stretches_to(shapes)]
            if real and self._is_complex:
                fitting = [word for word in fitting if not word.is_complex]
            parts = [fitting[i : i + _BATCH] for i in range(0, len(fitting), _BATCH)]
            self._tables[key] = [(part, columns(part, shapes)) for part in parts]
        return self._tables[key]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a value of this shape broadcasts to a wanted one."""
        if shape not in self._fitting:
            self._fitting[shape] = any(broadcasts(shape, wanted) for wanted in self.shapes)
        return self._fitting[shape]

    # -- one size after the other -----------------------------------------------------------

    def _atoms(self, trees: Iterable[ast.AST]) -> Iterator[Word]:
        first = self.spaces[0]
        texts: dict[str, int] = {}
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, _READ):
                    for text, size in self._of_source(node):
                        texts.setdefault(text, size)
        written = set(texts)
        for name, held in first.items():
            if not name.startswith("__"):
                for text in _readable(name, held, 2):
                    texts[text] = 1
        names = [text for text, size in texts.items() if size == 1 and "[" not in text]
        for text, index in itertools.product(names, self._indices()):
            texts.setdefault(f"{text}[{index}]", 1)
        for text, stretch in itertools.product(names, _stretches(written)):
            texts.setdefault(f"{text}{stretch}", 2)
        near = set(re.findall(r"[A-Za-z_]\w*", self.near))

        def order(text: str) -> tuple[int, bool, bool, bool, bool]:
            # a name that holds some entry of a list may hold another one the next time
            entry = text not in written and _ENTRY.search(text) is not None
            far = not near & set(re.findall(r"[A-Za-z_]\w*", text))
            return texts[text], text not in self._idle, entry, far, text in written

        # names before what the source makes of them, those of the statement itself first
        for text in sorted(texts, key=order):
            size = texts[text]
            values = evaluate_text(text, self.spaces)
            if values is not None:
                yield from self._new(text, values, size)

    def _indices(self) -> list[str]:
        """Return what the statement itself indexes with, where that is a name."""
        found = re.findall(r"\[([A-Za-z_]\w*)\]", self.near)
        return list(dict.fromkeys(found))

    def _of_source(self, node: ast.expr) -> Iterator[tuple[str, int]]:
        text = ast.unparse(node)
        if len(text) > 50 or not is_harmless(node) or not _reads(node, self.spaces[0]):
            return
        size = 1 if isinstance(node, ast.Subscript | ast.Attribute) else 2
        yield text, size
        if isinstance(node, ast.Subscript):
            for index in ast.walk(node.slice):
                if isinstance(index, ast.Name):
                    for moved in (f"{index.id} + 1", f"{index.id} - 1"):
                        pattern = rf"\b{re.escape(index.id)}\b"
                        inside = re.sub(pattern, moved, ast.unparse(node.slice))
                        yield f"{ast.unparse(node.value)}[{inside}]", 2

    def _plain(self) -> Iterator[Word]:
        """Yield what is done to single values, the usual things to all of them first."""
        for atom in self.atoms:
            yield from self._called(atom, idle=True)
        for more in (0, 1, 2):
            for atom in self.atoms:
                for pattern in self._patterns(atom, more):
                    conj = self._conjugate.format(x=atom.operand, np=self.numpy)
                    text = pattern.format(x=atom.operand, np=self.numpy, conj=conj)
                    yield from self._made(text, _operation(pattern), (atom,), atom.size + more)
                if more == 1:
                    yield from self._called(atom, idle=False)

    def _patterns(self, atom: Word, more: int) -> Iterator[str]:
        """Yield what can be done to a value, of those that add so much to the size."""
        if atom.is_complex:
            yield from _complex_patterns(atom.shape, more)
            return
        yield from _patterns(atom.shape, more)
        if more == 2 and self._is_complex:
            yield from _ROTATIONS

    def _called(self, atom: Word, *, idle: bool) -> Iterator[Word]:
        """Yield what the user's own functions make of a value; those that nobody calls, or others.

        What stands there for nothing was meant to be used: it counts as one with its argument.
        """
        for name, function in self.functions.items():
            if (name in self._idle) != idle:
                continue
            # a function may change what it is given
            own = Word(atom.text, [value.copy() for value in atom.values], atom.size)
            values = _apply(function, (own,))
            for pattern in _CALLS:
                if values is not None:
                    text = pattern.format(x=f"{name}({atom.text})")
                    made = _apply(_operation(pattern), (Word("", values, 0),))
                    yield from self._new(text, made, atom.size + (not idle))

    def _matrix_products(self, total: int) -> Iterator[Word]:
        """Yield products of matrices and vectors, of so many names and operations."""
        sides = [w for w in self.plain if 0 < len(w.shape) < 3]
        for left, right in itertools.product(sides, repeat=2):
            if left.size + right.size != total or left.shape[-1] != right.shape[0]:
                continue
            if self.fits((*left.shape[:-1], *right.shape[1:])):
                text = f"{left.operand} @ {right.operand}"
                yield from self._made(text, np.matmul, (left, right), total)
        if total > 2:
            return
        vectors = [w for w in self.atoms if len(w.shape) == 1]
        for left, right in itertools.product(vectors, repeat=2):
            if self.fits(left.shape + right.shape):
                text = f"{self.numpy}.outer({left.text}, {right.text})"
                yield from self._made(text, np.outer, (left, right), total)

    def _elementwise(self, total: int) -> Iterator[Word]:
        """Yield products, quotients and sums of two values, and sums over products."""
        for left, right in self._couples(total):
            shape = together(left.shape, right.shape)
            if shape is None:
                continue
            a, b = left.operand, right.operand
            if self.fits(shape):
                yield from self._made(f"{a} * {b}", np.multiply, (left, right), total)
                if left.is_complex and right.is_complex:
                    for name, operation in _PARTS.items():
                        text = f"({a} * {b}).{name}"
                        yield from self._made(text, operation, (left, right), total)
                if total == 2:
                    yield from self._made(f"{a} / {b}", np.divide, (left, right), total)
                    yield from self._made(f"{b} / {a}", np.divide, (right, left), total)
                    yield from self._made(f"({a} - {b})", np.subtract, (left, right), total)
                    yield from self._made(f"({a} + {b})", np.add, (left, right), total)
                    for one, other in ((left, right), (right, left)):
                        text = f"{self.numpy}.exp({one.operand} - {other.operand})"
                        yield from self._made(text, _exp_of_difference, (one, other), total)
                    if left.counts and right.counts:
                        yield from self._made(f"({a} == {b})", np.equal, (left, right), total)
            if shape and total == 2:
                yield from self._summed(left, right, len(shape))

    def _couples(self, total: int) -> Iterator[tuple[Word, Word]]:
        by_size: dict[int, list[Word]] = {}
        for word in self.plain:
            by_size.setdefault(word.size, []).append(word)
        for size in range(1, total // 2 + 1):
            first, second = by_size.get(size, []), by_size.get(total - size, [])
            if size == total - size:
                yield from itertools.combinations_with_replacement(first, 2)
            else:
                yield from itertools.product(first, second)

    def _summed(self, left: Word, right: Word, dimensions: int) -> Iterator[Word]:
        made = _apply(np.multiply, (left, right))
        if made is None:
            return
        size = left.size + right.size
        products = [Word(f"({left.operand} * {right.operand})", made, size)]
        if left.is_complex and right.is_complex:
            text = products[0].text
            products += [Word(f"{text}.real", [np.real(v) for v in made], size)]
            products += [Word(f"{text}.imag", [np.imag(v) for v in made], size)]
        for product in products:
            yield from self._sums_of(product, dimensions)

    def _sums_of(self, product: Word, dimensions: int) -> Iterator[Word]:
        for pattern in (*_SUMS, *_MEANS):
            if dimensions > 1 or "axis" not in pattern or "keepdims" in pattern:
                text = pattern.format(x=product.text)
                for word in self._made(text, _operation(pattern), (product,), product.size + 1):
                    if self.fits(word.shape):
                        yield word

    def _triples(self) -> Iterator[Word]:
        """Yield a value times a product or a sum."""
        # those of a wanted shape first; a number as a factor is found without being tried
        products = sorted(
            (*self._pairs, *self._products), key=lambda w: (w.shape not in self.shapes, w.size)
        )
        atoms = [atom for atom in self.atoms if atom.size == 1 and atom.shape]
        for product in products:
            if product.size > 3 or " / " in product.text:
                continue
            for atom in atoms if product.shape else self.atoms:
                shape = together(atom.shape, product.shape)
                if shape is not None and atom.size == 1 and self.fits(shape):
                    text = f"{atom.operand} * {product.operand}"
                    yield from self._made(text, np.multiply, (atom, product), product.size + 1)

    # -- values -----------------------------------------------------------------------------

    def _made(
        self, text: str, operation: Operation, words: Sequence[Word], size: int
    ) -> Iterator[Word]:
        yield from self._new(text, _apply(operation, words), size)

    def _new(self, text: str, values: Values | None, size: int) -> Iterator[Word]:
        """Yield a word, unless its values say nothing new."""
        if values is None or not any(np.any(v) for v in values):
            return
        if all(v.shape == () and v == 1.0 for v in values):
            return  # some number that happens to be one
        key = tuple(self._digest(v) for v in (values[0], *values[1:][-1:]))
        if key not in self._seen:
            self._seen.add(key)
            yield Word(text, values, size)

    def _digest(self, value: Numbers) -> tuple[Any, ...]:
        flat = value.reshape(-1)
        if flat.size > self._weights.size:
            self._weights = np.random.default_rng(0).random(flat.size)
        along = flat @ self._weights[: flat.size]
        return value.shape, f"{along:.9e}", is_complex(value)


def _apply(operation: Operation, words: Sequence[Word]) -> Values | None:
    """Apply an operation to the values of each time; None unless all are finite numbers."""
    found: list[Numbers] = []
    try:
        for values in zip(*(word.values for word in words), strict=True):
            made = np.asarray(operation(*values))
            if made.dtype.kind not in "fibc" or not np.isfinite(made).all():
                return None
            found.append(as_numbers(made))
    except Exception:
        return None
    return found


def _stretches(texts: Iterable[str]) -> list[str]:
    """Return the subscripts that are written somewhere to give an array one more axis."""
    found = (re.search(r"\[[:, ]*None[:, ]*\]$", text) for text in texts)
    return list(dict.fromkeys(match.group() for match in found if match))


def _idle_names(trees: Sequence[ast.AST]) -> set[str]:
    """Return the names that are made, or defined, and never read."""
    made: set[str] = set()
    read: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                made.add(node.name)
            elif isinstance(node, ast.arg):
                made.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
            elif isinstance(node, ast.Name):
                made.add(node.id)
    return made - read


def _exp_of_difference(a: Numbers, b: Numbers) -> Numbers:
    return np.exp(a - b)


def _real_of_product(a: Numbers, b: Numbers) -> Numbers:
    return np.real(a * b)


def _imag_of_product(a: Numbers, b: Numbers) -> Numbers:
    return np.imag(a * b)


_PARTS: Final = {"real": _real_of_product, "imag": _imag_of_product}


def _patterns(shape: tuple[int, ...], more: int) -> Iterator[str]:
    """Yield what can be done to a value of a shape, of those that add so much to the size."""
    if more == 0 and len(shape) == 2:
        yield "{x}.T"
    elif more == 0 and len(shape) == 1:
        yield "{x}[:, None]"
    elif more == 1:
        yield from _SLOPES
        if shape:
            yield from (*_SUMS, *_MEANS)
    elif more == 2:
        yield from _RARE_SLOPES
        if len(shape) == 2 and shape[0] == shape[1]:
            yield from _OF_MATRICES


def _complex_patterns(shape: tuple[int, ...], more: int) -> Iterator[str]:
    """Yield what can be done to a complex value of a shape."""
    if more == 0:
        yield from ("{conj}", *_COMPLEX)
        if len(shape) == 2:
            yield from ("{x}.T", "{conj}.T")
        elif len(shape) == 1:
            yield from ("{x}[:, None]", "{conj}[:, None]")
    elif more == 1:
        yield from _COMPLEX_SLOPES
        if shape:
            yield from (*_SUMS, *_MEANS)
    elif more == 2:
        yield from _RARE_COMPLEX_SLOPES


def how_to_conjugate(names: Mapping[str, Any], numpy: str) -> str:
    """Return how to write the conjugate of x where these names are in reach."""
    if names.get(numpy) is np:
        return "{np}.conj({x})"
    own = [name for name, held in names.items() if held is np.conj]
    return f"{own[0]}({{x}})" if own else "{x}.conj()"


@functools.lru_cache(maxsize=64)
def _operation(pattern: str) -> Operation:
    """Return the function of x that a pattern stands for."""
    made = pattern.format(x="x", np="np", conj="np.conj(x)")
    return cast("Operation", eval(f"lambda x: {made}", {"np": np}))


def evaluate_text(text: str, spaces: Sequence[dict[str, Any]]) -> list[Numbers] | None:
    """Evaluate an expression in each space; None unless all values are finite numbers."""
    found: list[Numbers] = []
    try:
        code = compile(text, "<expression>", "eval")
        for space in spaces:
            # what is called may change what it is given
            value = eval(code, with_copies(code, space) if "(" in text else space)
            if not isinstance(value, np.ndarray | float | int | complex | np.number | np.bool_):
                return None
            array = np.asarray(value)
            if array.dtype.kind not in "fibc" or array.size > 4096:
                return None
            found.append(np.array(as_numbers(array)))
    except Exception:
        return None
    return found if all(np.isfinite(v).all() for v in found) else None


def _readable(name: str, held: Any, depth: int) -> Iterator[str]:
    """Yield what can be read from a name: itself, attributes, entries."""
    numbers = np.ndarray | float | int | complex | np.number
    if isinstance(held, numbers) and not isinstance(held, bool):
        yield name
        return
    if depth < 0 or isinstance(held, ModuleType | type):
        return
    if isinstance(held, dict):
        for key, part in itertools.islice(cast("dict[Any, Any]", held).items(), 40):
            if isinstance(key, str | int):
                yield from _readable(f"{name}[{key!r}]", part, depth - 1)
    elif isinstance(held, list | tuple):
        for i, part in enumerate(cast("list[Any]", held)[:4]):
            yield from _readable(f"{name}[{i}]", part, depth - 1)
    elif depth and type(held).__module__.split(".")[0] not in _KNOWN_MODULES:
        space = getattr(held, "__dict__", None)
        if isinstance(space, dict):
            for key, part in itertools.islice(cast("dict[str, Any]", space).items(), 40):
                yield from _readable(f"{name}.{key}", part, depth - 1)


def is_harmless(node: ast.AST) -> bool:
    """Tell whether an expression changes nothing: of methods, it calls well-known ones only."""
    for part in ast.walk(node):
        if isinstance(part, ast.Lambda | ast.NamedExpr | ast.Yield | ast.Await | ast.ListComp):
            return False
        if isinstance(part, ast.keyword) and part.arg == "out":
            return False
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            if part.func.attr in _HARMLESS:
                continue
            if part.func.attr in _CHANGING or "random" in ast.unparse(part.func):
                return False
    return True


def _reads(node: ast.AST, space: Mapping[str, Any]) -> bool:
    """Tell whether all names that an expression reads are in reach."""
    return all(part.id in space for part in ast.walk(node) if isinstance(part, ast.Name))


def _bracketed(text: str) -> str:
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return f"({text})"
    simple = ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant
    bare = isinstance(node, simple) or (text[0] == "(" and text[-1] == ")" and _is_one(text))
    return text if bare else f"({text})"


def _is_one(text: str) -> bool:
    """Tell whether the first bracket closes with the last character."""
    level = 0
    for i, letter in enumerate(text):
        level += (letter == "(") - (letter == ")")
        if level == 0:
            return i == len(text) - 1
    return False


def columns(words: Sequence[Word], shapes: Shapes) -> Numbers:
    """Return the values of words, stretched to the shapes and end to end, one column each."""
    rows = [
        np.array([np.broadcast_to(w.values[i], shape).reshape(-1) for w in words]).T
        for i, shape in enumerate(shapes)
    ]
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


@functools.lru_cache(maxsize=4096)
def broadcasts(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Tell whether a shape stretches to another one."""
    if len(shape) > len(whole):
        return False
    return all(a in (1, b) for a, b in zip(reversed(shape), reversed(whole), strict=False))


@functools.lru_cache(maxsize=4096)
def together(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that two shapes stretch to; None when they do not fit."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None
