"""Which entries of a block are wrong? A few projections decode them, whatever the block's size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Block, Vector
from gradaudit.evidence import analytic
from gradaudit.evidence.cause import Cause, Factor, fit_factor
from gradaudit.evidence.directions import Line
from gradaudit.evidence.gradient import PointAuditor, PointEvidence, Projection
from gradaudit.numerics.chord import calibrate_chord, measure_chord
from gradaudit.numerics.ladder import Slope

Indices = NDArray[np.intp]

# A reading this many bars from zero is trusted; a smaller one is taken again with a full ladder.
_CLEAR: Final = 10.0
# A decoded index must be this close to a whole number, and known at least this well.
_WHOLE: Final = 0.3
# Parts into which a set is divided when it does not decode: many where many are wrong.
_MANY_PARTS: Final = 8
_PARTS: Final = 4
# After this many divisions in a row with every part wrong, everything is.
_DENSE: Final = 3
_MOST_ENTRIES: Final = 200
# Factors of rows differ, and agree from point to point, at this relative size.
_DIFFERENT: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """A whole row or column that is wrong.

    Attributes
    ----------
    axis, index : int
        ``block[index]`` for axis 0, ``block[..., index]`` for the last axis.
    readings : tuple of Projection
        Of random halves of it.
    """

    axis: int
    index: int
    readings: tuple[Projection, ...]

    @property
    def factor(self) -> Factor | None:
        """Returned over right, when one number explains the halves."""
        return fit_factor(self.readings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """The entries of a block that are wrong, as far as they could be told apart.

    Attributes
    ----------
    entries : tuple of Projection
        Single entries, each with its own analytic and numeric slope.
    slice : Slice or None
        One row or column instead.
    dense : bool
        The error is everywhere, or in too many entries to list.
    finished : bool
        Every wrong part was followed to its end.
    floor : float
        Residuals up to this, in projected units, could not be seen.
    """

    entries: tuple[Projection, ...]
    dense: bool
    finished: bool
    slice: Slice | None = None
    floor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reading:
    """A projection of a set of entries: residual, bar, and the weights used."""

    residual: float
    bar: float
    along: Vector

    @property
    def wrong(self) -> bool:
        return abs(self.residual) > self.bar


def locate(
    auditor: PointAuditor, point: PointEvidence, number: int, *, evaluations: int = 700
) -> Located:
    """Follow a block's error down to single entries, a row or a column.

    Parameters
    ----------
    auditor : PointAuditor
    point : PointEvidence
        Where the block was seen to be wrong: a significant projection of it is at hand.
    number : int
        The block.
    evaluations : int
        About the most calls of the function to spend.

    Returns
    -------
    Located

    Notes
    -----
    With y0 = sum s_i w_i r_i and y1 = sum s_i w_i r_i (1 + i) / n, a lone wrong entry is
    i = n y1 / y0 - 1: decoded, not searched. The same codes on rows and on columns tell a whole
    row or column. Otherwise the set is divided at random, and each part that is wrong decoded in
    turn (Malloy and Nowak, arXiv 1306.6239, for the division). A reading costs one evaluation
    where the complex step applies, two while the error is far above its bar, six below that.
    """
    return _Search(auditor, point, number, evaluations).run()


class _Search:
    def __init__(
        self, auditor: PointAuditor, point: PointEvidence, number: int, evaluations: int
    ) -> None:
        self.auditor = auditor
        self.point = point
        self.number = number
        self.block: Block = auditor.blocks[number]
        self.flat: Indices = self.block.indices().reshape(-1)
        self.weights: Vector = point.region.weights[self.flat]
        self.entries: list[Projection] = []
        self.stop_at = auditor.evaluator.calls + evaluations
        self.seen = [p for p in point.of_block(number) if p.kind == "signs" and p.line is not None]
        self.calibration = calibrate_chord([p.slope for p in self.seen], point.noise)
        self.largest = max((abs(p.slope.value) for p in self.seen), default=0.0)
        self.floor = 0.0
        measured = [(p.line, p.slope) for p in self.seen[:2] if p.line is not None]
        self.complex = len(measured) == 2 and analytic.applies(
            auditor.evaluator, point.theta, measured
        )
        self.sharp = False
        self.reach = min(point.region.reach, 1.0)

    def run(self) -> Located:
        movable = np.flatnonzero(self.weights > 0.0)
        first = self._read(movable, self._signs(movable))
        if not first.wrong:
            # the error was seen along another direction: look with a full ladder from now on
            self.sharp = True
            first = self._read(movable, self._signs(movable))
        found = self._axes(movable, first)
        if found is not None:
            return self._located(slice_=found)
        if self.entries:
            return self._located()
        dense, finished = self._divide(movable)
        return self._located(slice_=self._common_slice(), dense=dense, finished=finished)

    def _located(
        self, *, slice_: Slice | None = None, dense: bool = False, finished: bool = True
    ) -> Located:
        return Located(
            entries=tuple(self.entries),
            dense=dense,
            finished=finished,
            slice=slice_,
            floor=self.floor,
        )

    # readings

    def _signs(self, offsets: Indices) -> Vector:
        return self.auditor.rng.choice((-1.0, 1.0), offsets.size)

    def _read(self, offsets: Indices, codes: Vector) -> _Reading:
        """Project the block's error on some of its entries, with given codes."""
        along = self.weights[offsets] * codes
        line = Line(self.point.theta, along, self.flat[offsets], -self.reach, self.reach)
        slope = self._slope(line)
        projection = self.auditor.compare(self.point, line, slope, self.number)
        self.floor = max(self.floor, projection.bar)
        return _Reading(residual=projection.residual, bar=projection.bar, along=along)

    def _slope(self, line: Line) -> Slope:
        if self.complex:
            return analytic.slope_of(self.auditor.evaluator, self.point.theta, line, self.largest)
        if not self.sharp and math.isfinite(self.calibration.bend):
            slope = measure_chord(
                line.phi(self.auditor.evaluator, self.point.gradient),
                self.point.cost,
                self.point.noise,
                self.calibration,
                lower=line.lower,
                upper=line.upper,
            )
            residual = abs(line.dot(self.point.gradient) - slope.value)
            if residual > _CLEAR * slope.bar or residual <= 0.5 * slope.bar:
                return slope
        step = self.seen[0].slope.step if self.seen else None
        return self.auditor.slope_along(self.point, line, step=step)

    # one entry, one row, one column

    def _axes(self, offsets: Indices, first: _Reading) -> Slice | None:
        """Decode each axis of the whole block: a lone entry, a row or a column."""
        shape = self.block.shape or (1,)
        places = np.unravel_index(offsets, shape)
        whole = [
            self._decode(offsets, first, (1.0 + places[axis]) / shape[axis], shape[axis])
            for axis in range(len(shape))
        ]
        if all(index is not None for index in whole):
            here = int(np.ravel_multi_index([int(i) for i in whole if i is not None], shape))
            self._accept(offsets, here, first)
            return None
        for axis in (0, len(shape) - 1):
            index = whole[axis]
            if len(shape) > 1 and index is not None:
                return self._slice(offsets, places[axis] == index, axis, index)
        return None

    def _decode(self, offsets: Indices, first: _Reading, code: Vector, count: int) -> int | None:
        """Return the index that a code gives away, if it is a whole number and well known."""
        if count == 1:
            return 0
        if not first.wrong:
            return None
        coded = self._read(offsets, first.along / self.weights[offsets] * code)
        ratio = coded.residual / first.residual
        uncertainty = (coded.bar + abs(ratio) * first.bar) / abs(first.residual) * count
        position = ratio * count - 1.0
        nearest = round(position)
        close = abs(position - nearest) <= max(min(uncertainty, _WHOLE), 1e-6 * count)
        if uncertainty < _WHOLE and close and 0 <= nearest < count:
            return nearest
        return None

    def _accept(self, offsets: Indices, here: int, first: _Reading) -> bool:
        """Take an entry as the only wrong one of a set, once the rest proves clean."""
        at = np.flatnonzero(offsets == here)
        if at.size == 0:
            return False
        rest = np.delete(offsets, at[0])
        if rest.size and self._read(rest, self._signs(rest)).wrong:
            return False
        error = first.residual / float(first.along[at[0]])
        self.entries.append(
            self._entry(here, error, first.bar, alone=offsets.size == self.flat.size)
        )
        return True

    def _entry(self, offset: int, error: float, bar: float, *, alone: bool) -> Projection:
        """Return a single entry with its slope: measured when it is the only one, else inferred."""
        index = int(self.flat[offset])
        weight = float(self.weights[offset])
        line = Line(
            self.point.theta, np.array([weight]), slice(index, index + 1), -self.reach, self.reach
        )
        if not self.entries and alone:
            slope = self._slope(line)
        else:
            value = line.dot(self.point.gradient) - error * weight
            slope = replace(_KNOWN, value=value, bar=bar)
        return self.auditor.compare(self.point, line, slope, self.number, entry=index)

    def _slice(
        self, offsets: Indices, inside: NDArray[np.bool_], axis: int, index: int
    ) -> Slice | None:
        """Take a row or column as wrong once the rest is clean and random halves of it are not."""
        rest, own = offsets[~inside], offsets[inside]
        if own.size < 3 or (rest.size and self._read(rest, self._signs(rest)).wrong):
            return None
        readings: list[Projection] = []
        for _ in range(3):
            half = self.auditor.rng.permutation(own)[: (own.size + 1) // 2]
            along = self.weights[half] * self._signs(half)
            line = Line(self.point.theta, along, self.flat[half], -self.reach, self.reach)
            readings.append(self.auditor.compare(self.point, line, self._slope(line), self.number))
        if not all(reading.significant for reading in readings):
            return None
        return Slice(axis=axis, index=index, readings=tuple(readings))

    def factor_of(self, offsets: Indices) -> Factor | None:
        """Fit one factor to three random projections of some entries."""
        movable = offsets[self.weights[offsets] > 0.0]
        if movable.size < 2:
            return None
        readings: list[Projection] = []
        for _ in range(3):
            along = self.weights[movable] * self._signs(movable)
            line = Line(self.point.theta, along, self.flat[movable], -self.reach, self.reach)
            readings.append(self.auditor.compare(self.point, line, self._slope(line), self.number))
        return fit_factor(readings)

    def _common_slice(self) -> Slice | None:
        """Return the row or column that holds all the entries found, and is mostly made of them.

        Where the noise hides small errors, the rest of a wrong row is below the floor.
        """
        shape = self.block.shape
        if len(shape) != 2 or len(self.entries) < 3:
            return None
        at = np.flatnonzero(np.isin(self.flat, _flat_of(self.entries)))
        places = np.unravel_index(at, shape)
        for axis in (0, 1):
            same = np.unique(places[axis])
            if same.size == 1 and 2 * at.size >= shape[1 - axis] > 2:
                return Slice(axis=axis, index=int(same[0]), readings=tuple(self.entries))
        return None

    # several entries

    def _divide(self, offsets: Indices) -> tuple[bool, bool]:
        """Divide again and again; return whether all is wrong, and whether the search ended."""
        pending: list[tuple[Indices, int, int]] = [(offsets, 0, _MANY_PARTS)]
        while pending:
            if self.auditor.evaluator.calls >= self.stop_at or len(self.entries) > _MOST_ENTRIES:
                return len(self.entries) > _MOST_ENTRIES, False
            part, full, parts = pending.pop()
            divided = np.array_split(self.auditor.rng.permutation(part), min(parts, part.size))
            readings = [(piece, self._read(piece, self._signs(piece))) for piece in divided]
            wrong = [(piece, reading) for piece, reading in readings if reading.wrong]
            full = full + 1 if len(wrong) == len(divided) > 2 else 0
            if full >= _DENSE:
                return True, True
            crowded = len(wrong) > 0.8 * len(divided) and len(divided) > 2
            parts = _MANY_PARTS if crowded else _PARTS
            for piece, reading in wrong:
                if not self._lone(piece, reading, crowded=crowded):
                    pending.append((piece, full, parts))
        return False, True

    def _lone(self, piece: Indices, reading: _Reading, *, crowded: bool) -> bool:
        """Decode a piece as a single wrong entry; not tried where most pieces are wrong."""
        if piece.size == 1:
            error = reading.residual / float(reading.along[0])
            self.entries.append(self._entry(int(piece[0]), error, reading.bar, alone=False))
            return True
        if crowded:
            return False
        code = (1.0 + np.arange(piece.size)) / piece.size
        position = self._decode(piece, reading, code, piece.size)
        return position is not None and self._accept(piece, int(piece[position]), reading)


_KNOWN: Final = Slope(
    value=0.0, bar=0.0, regime="smooth", step=0.0, curvature=0.0, bend=0.0, evaluations=0
)


def slice_factors(
    auditor: PointAuditor, point: PointEvidence, number: int, others: Iterable[PointEvidence]
) -> Cause | None:
    """Tell whether each row, or each column, is off by a factor of its own.

    Four rows and four columns are looked at, each along three directions; a factor must explain
    all three, the factors must differ, and be the same at another point.
    """
    shape = auditor.blocks[number].shape
    places = np.unravel_index(np.arange(math.prod(shape)), shape)
    for axis, slug in ((0, "row-scale"), (1, "column-scale")):
        if shape[axis] < 2 or shape[1 - axis] < 3:
            continue
        chosen = [int(i) for i in auditor.rng.permutation(shape[axis])[:4]]
        groups = [np.flatnonzero(places[axis] == i) for i in chosen]
        factors = _factors_of(auditor, point, number, groups)
        if factors is None or max(factors) - min(factors) <= _DIFFERENT * max(map(abs, factors)):
            continue
        there = [_factors_of(auditor, other, number, groups) for other in others]
        if all(f is not None and np.allclose(f, factors, rtol=_DIFFERENT) for f in there):
            listed = ", ".join(f"{i}: {f:.6g}" for i, f in zip(chosen, factors, strict=True))
            what = "row" if axis == 0 else "column"
            return Cause(slug=slug, detail=f"returned over right by {what}: {listed}")
    return None


def _factors_of(
    auditor: PointAuditor, point: PointEvidence, number: int, groups: Sequence[Indices]
) -> list[float] | None:
    search = _Search(auditor, point, number, evaluations=200)
    found = [search.factor_of(group) for group in groups]
    return [f.value for f in found if f is not None] if None not in found else None


def rest_of_block(
    auditor: PointAuditor, point: PointEvidence, number: int, found: Located
) -> Line | None:
    """Return a random line through what is thought to be right; None when nothing is left."""
    block = auditor.blocks[number]
    flat = block.indices().reshape(-1)
    keep = point.region.weights[flat] > 0.0
    if found.slice is not None:
        places = np.unravel_index(np.arange(flat.size), block.shape)
        keep &= places[found.slice.axis] != found.slice.index
    keep &= ~np.isin(flat, _flat_of(found.entries))
    if not keep.any():
        return None
    along = point.region.weights[flat[keep]] * auditor.rng.choice((-1.0, 1.0), int(keep.sum()))
    reach = min(point.region.reach, 1.0)
    return Line(point.theta, along, flat[keep], -reach, reach)


def _flat_of(entries: Sequence[Projection]) -> list[int]:
    return [p.entry for p in entries if p.entry is not None]
