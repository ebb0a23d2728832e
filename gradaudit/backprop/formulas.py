"""Which expression would give the values that a line should have? Found without running it."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gradaudit.backprop.events import (
    Array,
    Numbers,
    as_numbers,
    change_between,
    extent,
    flattened,
    is_complex,
    protected,
    restored,
    units,
)
from gradaudit.backprop.needs import Setting, compile_expression, least_squares
from gradaudit.backprop.vocabulary import Vocabulary, Word, broadcasts, columns

_ALIKE: Final = 1e-5
_HERE: Final = "gradaudit_here"
_MOST_ENTRIES: Final = 400
# names that are tried as terms all at once, and those that may be missing together
_MOST_TERMS: Final = 24
_MOST_TOGETHER: Final = 5
# what a single number may be of another without being so by accident
_PLAIN: Final = (0.5, 1.0, 2.0)
_NUMBERS: Final = (np.ndarray, float, int, complex, np.number)


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A change of one part of an expression that gives the values it should.

    Attributes
    ----------
    node : ast.expr
        The part, in the user's tree.
    word : Word
        What comes in.
    kind : {"factor", "divisor", "term", "other", "slope", "line"}
        How: ``part * amount * word``, ``part / word``, ``part + amount * word``, ``amount * word``,
        ``part * (constant + amount * word)``, ``constant + amount * word``.
    amount, constant : float
    """

    node: ast.expr
    word: Word
    kind: str
    amount: float = 1.0
    constant: float = 0.0

    @property
    def size(self) -> float:
        """How far-fetched it is, in names and operations."""
        return self.word.size + 2 * (self.kind in ("slope", "line"))


class Formulas:
    """Tries every expression of a vocabulary in every part of an expression.

    Where the whole is linear in a part, all expressions are tried in one product of matrices;
    elsewhere one after the other, the short ones only.

    Parameters
    ----------
    node : ast.expr
        The expression, in the user's tree.
    setting : Setting
    seconds : float
        How long each of the two searches may take.
    """

    def __init__(self, node: ast.expr, setting: Setting, seconds: float) -> None:
        self.setting = setting
        self.seconds = seconds
        # in how many ways the values can move what they are asked for
        _, self.rank = least_squares(setting.system, setting.missing)
        with np.errstate(all="ignore"):
            self.parts = list(_parts(node, setting))

    def shapes(self) -> set[tuple[int, ...]]:
        """Return the shapes of the parts."""
        return {part.values[0].shape for part in self.parts}

    def short(self, vocabulary: Vocabulary) -> list[Formula]:
        """Return what gives the needed values in few words, the shortest first."""
        found = sorted(self._in_all(self.parts, vocabulary, vocabulary.short), key=_length)
        return found or list(self._sums(vocabulary))

    def long(self, vocabulary: Vocabulary) -> list[Formula]:
        """Return what gives them in more words, where the whole is linear in a part."""
        linear = [part for part in self.parts if part.effects is not None]
        return sorted(self._in_all(linear, vocabulary, vocabulary.long), key=_length)

    def _sums(self, vocabulary: Vocabulary) -> Iterator[Formula]:
        """Yield several terms that are missing together, each as it is or with the other sign."""
        missing = self.setting.missing
        scale = float(np.max(np.abs(missing)))
        for part in self.parts:
            if part.effects is None:
                continue
            words = [w for w in vocabulary.short if w.size == 1 and part.takes(w)]
            words = words[:_MOST_TERMS]
            if not 1 < len(words) < self.rank:
                continue
            terms = part.effects @ part.laid(columns(words, part.shapes))
            amounts, rank = least_squares(terms, missing)
            signs = np.round(amounts)
            if rank == len(words) and np.all(np.abs(terms @ signs - missing) <= _ALIKE * scale):
                chosen = [(w, int(k)) for w, k in zip(words, signs, strict=True) if k]
                if 1 < len(chosen) <= _MOST_TOGETHER and all(abs(k) == 1 for _, k in chosen):
                    yield Formula(part.node, _summed(chosen), "term")

    def _in_all(
        self, parts: list[_Part], vocabulary: Vocabulary, words: list[Word]
    ) -> Iterator[Formula]:
        deadline = time.process_time() + self.seconds
        for part in parts:
            for batch, table in vocabulary.batches(words, part.shapes, real=not part.is_complex):
                if time.process_time() > deadline:
                    return
                with np.errstate(all="ignore"):
                    yield from list(self._tried(part, batch, table))

    def _tried(self, part: _Part, words: list[Word], table: Numbers) -> Iterator[Formula]:
        if part.effects is None:
            yield from self._tried_singly(part, words)
            return
        missing = self.setting.missing
        value = part.flat()
        own = part.effects @ part.laid(value)  # what the part as it is does
        terms = part.effects @ part.laid(table)
        for i, amount in _multiples(terms, missing + own, self.rank):
            yield Formula(part.node, words[i], "other", amount)
        if isinstance(part.node, ast.Constant):
            return  # another number, or a name for it
        scaled = part.effects @ part.laid(value[:, None] * table)
        for i in _near(scaled - own[:, None], missing):
            yield Formula(part.node, words[i], "factor")
        for i, amount in _multiples(scaled, missing + own, self.rank):
            if abs(amount - 1.0) > _ALIKE:
                yield Formula(part.node, words[i], "factor", amount)
        divided = part.effects @ part.laid(value[:, None] / table)
        for i in _near(divided - own[:, None], missing):
            yield Formula(part.node, words[i], "divisor")
        for i, amount in _multiples(terms, missing, self.rank):
            # some multiple of a count gives any number
            if not (words[i].is_count and abs(abs(amount) - 1.0) > _ALIKE):
                yield Formula(part.node, words[i], "term", amount)
        for i, constant, amount in _planes(own, scaled, missing, self.rank):
            if abs(amount) > _ALIKE < abs(constant + 1.0):
                yield Formula(part.node, words[i], "slope", amount, constant + 1.0)
        ones = part.effects @ part.laid(np.ones_like(value))
        for i, constant, amount in _planes(ones, terms, missing + own, self.rank):
            if abs(amount) > _ALIKE < abs(constant):
                yield Formula(part.node, words[i], "line", amount, constant)

    def _tried_singly(self, part: _Part, words: list[Word]) -> Iterator[Formula]:
        for kind, change in _CHANGES.items():
            changes: list[Array] = []
            tried: list[Word] = []
            for word in words:
                moved = part.moved(change, word)
                if moved is not None:
                    changes.append(moved)
                    tried.append(word)
            if changes:
                effects = self.setting.system @ np.array(changes).T
                for i in _near(effects, self.setting.missing):
                    yield Formula(part.node, tried[i], kind)


def _summed(terms: Sequence[tuple[Word, int]]) -> Word:
    """Return a sum as one word, one with a plus first."""
    terms = sorted(terms, key=lambda term: -term[1])
    text = "".join(f" {'+' if sign > 0 else '-'} {word.operand}" for word, sign in terms)
    values = [
        np.sum([sign * word.values[i] for word, sign in terms], axis=0)
        for i in range(len(terms[0][0].values))
    ]
    return Word(f"({text.removeprefix(' + ').strip()})", values, len(terms))


def _length(formula: Formula) -> tuple[float, int]:
    """Order formulas: short words first, and those with a number nobody would write last."""
    numbers = (
        (formula.amount, formula.constant)
        if formula.kind in ("slope", "line")
        else (formula.amount,)
    )
    odd = sum(_oddness(abs(number)) for number in numbers)
    return formula.size + odd, len(formula.word.text)


def _oddness(number: float) -> float:
    if abs(number - 1.0) <= _ALIKE:
        return 0.0
    plain = any(abs(n * number - round(n * number)) <= _ALIKE * n for n in range(1, 9))
    return 1.0 if plain and number < 10 else 3.0


class _Part:
    """One part of an expression, and what the whole is when the part is something else."""

    def __init__(self, node: ast.expr, code: Any, values: list[Numbers], setting: Setting) -> None:
        self.node = node
        self.code = code
        self.values = values
        self.shapes = tuple(value.shape for value in values)
        self.is_complex = any(is_complex(value) for value in values)
        self.setting = setting
        self.effects = self._effects()

    def takes(self, word: Word) -> bool:
        """Tell whether a word can stand in the place of the part."""
        return word.stretches_to(self.shapes) and (self.is_complex or not word.is_complex)

    def flat(self) -> Numbers:
        """Return the values, end to end."""
        return np.concatenate([value.reshape(-1) for value in self.values])

    def laid(self, table: Numbers) -> Array:
        """Return the unknowns of values that stand in the rows, or columns, of a table."""
        if not self.is_complex:
            return table
        both = np.stack([np.real(table), np.imag(table)], axis=1)
        return both.reshape(-1, *table.shape[1:])

    def moved(self, change: Any, word: Word) -> Array | None:
        """Return how the values of the whole change when the part does."""
        changes: list[Array] = []
        for i in range(len(self.values)):
            whole = self._whole(i, change(self.values[i], word.values[i]))
            if whole is None:
                return None
            changes.append(whole)
        return changes[0] if len(changes) == 1 else np.concatenate(changes)

    def _whole(self, i: int, value: Numbers) -> Array | None:
        """Return by how much the whole changes with another value of the part, one time."""
        whole = self.evaluated(self.code, self.setting.spaces[i], value)
        if (
            whole is None
            or whole.shape != self.setting.values[i].shape
            or not np.isfinite(whole).all()
        ):
            return None
        return change_between(whole, self.setting.values[i])

    @staticmethod
    def evaluated(code: Any, space: dict[str, Any], value: Numbers) -> Numbers | None:
        """Return the whole with a value in the place of a part."""
        space[_HERE] = value
        try:
            return as_numbers(eval(code, protected(code, space)))
        except Exception:
            return None
        finally:  # nobody else is to read this name
            del space[_HERE]

    def _effects(self) -> Array | None:
        """Return how the gradient moves with each entry of the part; None if not linearly."""
        if sum(extent(value) for value in self.values) > _MOST_ENTRIES:
            return None
        rng = np.random.default_rng(0)
        columns: list[Array] = []
        start = 0
        for i in range(len(self.values)):
            stop = start + extent(self.setting.values[i])
            system = self.setting.system[:, start:stop]
            start = stop
            slope = self._slope(i, rng)
            if slope is None:
                return None
            columns.append(system @ slope)
        return np.concatenate(columns, axis=1)

    def _slope_by_entries(self, i: int, shift: Numbers, moved: Array, zero: Array) -> Array | None:
        """Return the matrix by which the whole follows a complex part entry by entry."""
        value = self.values[i]
        by_real, by_imag = (self._whole(i, value + unit) for unit in (1.0, 1j))
        if by_real is None or by_imag is None or moved.size % value.size:
            return None
        per_entry = np.array([by_real, by_imag]).reshape(2, value.size, -1)
        slope = _blocks(np.moveaxis(per_entry, 0, 2))
        linear = _same(slope @ flattened(shift), moved) and _same(-slope @ flattened(value), zero)
        return slope if linear else None

    def _slope(self, i: int, rng: np.random.Generator) -> Array | None:
        """Return the matrix by which the whole follows the part; None when there is none."""
        value = self.values[i]
        shift = restored(rng.standard_normal(extent(value)), value)
        moved, zero = self._whole(i, value + shift), self._whole(i, np.zeros_like(value))
        if moved is None or zero is None:
            return None
        if value.size == moved.size and not is_complex(value):  # entry by entry?
            all_ones = self._whole(i, value + 1.0)
            if all_ones is not None:
                predicted = all_ones * shift.reshape(-1)
                if _same(predicted, moved) and _same(-all_ones * value.reshape(-1), zero):
                    return np.diag(all_ones)
        slope = self._slope_by_entries(i, shift, moved, zero) if self.is_complex else None
        if slope is not None:
            return slope
        columns: list[Array] = []
        for unit in units(value):
            column = self._whole(i, value + unit)
            if column is None:
                return None
            columns.append(column)
        slope = np.array(columns).T
        linear = _same(slope @ flattened(shift), moved) and _same(-slope @ flattened(value), zero)
        return slope if linear else None


def _blocks(parts: Array) -> Array:
    """Return blocks of shape (k, p), m of them, along the diagonal of a matrix of zeros."""
    m, k, p = parts.shape
    found = np.zeros((m, k, m, p))
    found[np.arange(m), :, np.arange(m), :] = parts
    return found.reshape(m * k, m * p)


def _times_word(value: Numbers, word: Numbers) -> Numbers:
    return value * word


def _over_word(value: Numbers, word: Numbers) -> Numbers:
    return value / word


def _plus_word(value: Numbers, word: Numbers) -> Numbers:
    return value + word


def _only_word(value: Numbers, word: Numbers) -> Numbers:
    return np.broadcast_to(word, value.shape)


_CHANGES: Final = {
    "factor": _times_word,
    "divisor": _over_word,
    "term": _plus_word,
    "other": _only_word,
}


def _same(a: Array, b: Array) -> bool:
    scale = float(np.max(np.abs(b), initial=0.0))
    return bool(np.all(np.abs(a - b) <= 1e-9 * scale))


def _parts(node: ast.expr, setting: Setting) -> Iterator[_Part]:
    """Yield the parts of an expression that hold numbers, the whole first."""
    inside = {
        part
        for index in ast.walk(node)
        if isinstance(index, ast.Subscript)
        for part in ast.walk(index.slice)
    }
    # a number by itself, as in ``where(x > 0, 1.0, 0.0)``
    arguments = {
        part for call in ast.walk(node) if isinstance(call, ast.Call) for part in call.args
    } | {node}
    if isinstance(node, ast.BinOp):
        arguments |= {node.left, node.right}
    for part in ast.walk(node):
        if not isinstance(part, ast.expr) or part in inside:
            continue
        if isinstance(part, ast.Constant) and part not in arguments:
            continue
        made = _make_part(node, part, setting)
        if made is not None:
            yield made


def _make_part(node: ast.expr, part: ast.expr, setting: Setting) -> _Part | None:
    if isinstance(part, ast.Starred | ast.Lambda | ast.Tuple | ast.List | ast.Dict):
        return None
    own = compile_expression(part)
    if own is None:
        return None
    values: list[Numbers] = []
    try:
        for space in setting.spaces:
            value = eval(own, protected(own, space))
            if isinstance(value, bool) or not isinstance(value, _NUMBERS):
                return None
            values.append(np.array(as_numbers(value)))
    except Exception:
        return None
    wanted = setting.values if part is node else []
    if any(is_complex(value) for value in (*values, *wanted)):
        values = [value.astype(np.complex128, copy=False) for value in values]
    hole = copy.deepcopy(node, {id(part): ast.Name(_HERE, ast.Load())})
    code = compile_expression(hole)
    if code is None or not values:
        return None
    return _Part(part, code, _stretched(code, values, setting), setting)


def _stretched(code: Any, values: list[Numbers], setting: Setting) -> list[Numbers]:
    """Return the values of a part in the shape of the whole, if the whole stays what it is.

    A number that multiplies an array may have to become an array.
    """
    stretched: list[Numbers] = []
    for space, value, whole in zip(setting.spaces, values, setting.values, strict=True):
        if value.shape == whole.shape or not broadcasts(value.shape, whole.shape):
            return values
        stretched.append(np.array(np.broadcast_to(value, whole.shape)))
        made = _Part.evaluated(code, space, stretched[-1])
        if made is None or made.shape != whole.shape or not np.array_equal(made, whole):
            return values
    return stretched


def _near(effects: Array, missing: Array) -> Iterator[int]:
    """Yield the columns that are what is missing."""
    off = np.max(np.abs(effects - missing[:, None]), axis=0)
    yield from (int(i) for i in np.flatnonzero(off <= _ALIKE * np.max(np.abs(missing))))


def _multiples(effects: Array, missing: Array, rank: int) -> Iterator[tuple[int, float]]:
    """Yield the columns that are a multiple of what is missing, with the multiple."""
    square = np.sum(effects**2, axis=0)
    usable = square > 0
    amounts = np.where(usable, missing @ effects / np.where(usable, square, 1.0), 0.0)
    left = np.max(np.abs(effects * amounts - missing[:, None]), axis=0)
    scale = float(np.max(np.abs(missing), initial=0.0))
    good = usable & (left <= _ALIKE * scale)
    if rank < 2:  # every number is a multiple of every other
        good &= np.min(np.abs(np.abs(amounts)[:, None] - _PLAIN), axis=1) <= _ALIKE
    for i in np.flatnonzero(good):
        yield int(i), float(amounts[i])


def _planes(
    old: Array, columns: Array, missing: Array, rank: int
) -> Iterator[tuple[int, float, float]]:
    """Yield the columns that, with the old effect, make up what is missing; with both amounts."""
    if rank < 3:  # any two numbers are made up of any others
        return
    aa, bb = float(old @ old), np.sum(columns**2, axis=0)
    ab, am, bm = old @ columns, float(old @ missing), missing @ columns
    determinant = aa * bb - ab**2
    usable = determinant > 1e-9 * aa * bb
    safe = np.where(usable, determinant, 1.0)
    first, second = (am * bb - bm * ab) / safe, (bm * aa - am * ab) / safe
    left = np.max(np.abs(old[:, None] * first + columns * second - missing[:, None]), axis=0)
    scale = float(np.max(np.abs(missing), initial=0.0))
    for i in np.flatnonzero(usable & (left <= _ALIKE * scale)):
        yield int(i), float(first[i]), float(second[i])
