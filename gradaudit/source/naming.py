"""Choose, among all names under which parts of the vector were seen, those that make a layout."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Final

import numpy as np

from gradaudit.blocks import Block, Order
from gradaudit.source.bytecode import Bindings, read_bindings
from gradaudit.source.sightings import Sighting, covers_all

# What a name costs, in blocks. Only the order of these numbers matters: a local name where the
# block is cut out, then an attribute, a key, a numbered item, a parameter of a helper; a name
# that held several blocks comes last.
_BLOCK: Final = 1.0
_ATTRIBUTE: Final = 0.2
_KEY: Final = 0.3
_SUBSCRIPT: Final = 1.0
_HELPER: Final = 0.3
_HELPER_PARAMETER: Final = 1.2
_COPY: Final = 0.2
_COPY_OF_SEEN: Final = 0.9
_MATRIX: Final = -0.5
_SEVERAL: Final = 3.0
_UNCLAIMED_ENTRY: Final = 5.0
_STATES: Final = 256
_CANDIDATES: Final = 2_000

Entries = tuple[int, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch of the vector under its best name.

    Attributes
    ----------
    sighting : Sighting
    entries : tuple
        First entry, and (step, count) along each axis, merged: the same for the same entries.
    cost : float
    plain : bool
        Whether the name has no number in it, and belongs to this stretch alone.
    """

    sighting: Sighting
    entries: Entries
    cost: float
    plain: bool

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(count for _, count in self.entries[1])

    @property
    def start(self) -> int:
        """Smallest index."""
        return self.entries[0]

    @property
    def stop(self) -> int:
        """One past the largest index."""
        return self.start + sum((count - 1) * step for step, count in self.entries[1]) + 1

    @property
    def contiguous(self) -> bool:
        """Whether the entries are neighbours."""
        return self.stop - self.start == self.size

    def overlaps(self, other: Candidate) -> bool:
        """Whether an entry belongs to both."""
        if self.stop <= other.start or other.stop <= self.start:
            return False
        if self.contiguous and other.contiguous:
            return True
        return bool(np.intersect1d(self.indices(), other.indices()).size)

    def contains(self, other: Candidate) -> bool:
        """Whether all of the other's entries belong to this one."""
        if not (self.start <= other.start and other.stop <= self.stop):
            return False
        return self.contiguous or bool(np.isin(other.indices(), self.indices()).all())

    def indices(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Return the flat indices, in no particular order."""
        index = np.array([self.start], dtype=np.intp)
        for step, count in self.entries[1]:
            index = (index[:, None] + np.arange(count, dtype=np.intp) * step).reshape(-1)
        return index


def choose_blocks(sightings: Sequence[Sighting], size: int) -> tuple[Block, ...]:
    """Choose the names that divide the vector best.

    Parameters
    ----------
    sightings : sequence of Sighting
        In the order in which they are preferred when nothing else decides.
    size : int
        Number of entries of the vector.

    Returns
    -------
    tuple of Block
        Sorted, disjoint, with names of their own; entries that nothing names are left unclaimed.
    """
    bindings: dict[CodeType, Bindings] = {}
    usable = [s for s in sightings if _usable(s, size, bindings)]
    usable = _without_lists_of_entries(usable, size)
    candidates = _best_names(usable, size)[:_CANDIDATES]
    whole = [c for c in candidates if c.size == size]
    parts = _without_parcels([c for c in candidates if c.size < size])
    chosen = _cover(parts)
    complete = sum(c.size for c in chosen) == size
    if whole and not (complete and all(c.plain for c in chosen)):
        chosen = [min(whole, key=lambda c: c.cost)]
    elif not complete:
        chosen = [
            c for c in chosen if not _is_window(c, parts) and not _is_chosen_entry(c, bindings)
        ]
    return _named(chosen)


def _usable(sighting: Sighting, size: int, cache: dict[CodeType, Bindings]) -> bool:
    if _entries(sighting) is None:
        return False
    place = sighting.place
    if covers_all(sighting, size) and sum(n > 1 for n in sighting.shape) < 2:
        return False  # another name of the whole argument
    if place.code not in cache:
        cache[place.code] = read_bindings(place.code)
    bindings = cache[place.code]
    if bindings.only_in_loops(place.local):
        return False  # what it held before the last turn is not known
    if not sighting.copied or not place.is_plain or place.is_parameter:
        return True
    if bindings.computed(place.local):
        return False  # lambda_ * W1 equals W1 when lambda_ is 1
    if math.prod(sighting.shape) > 1:
        return True
    # a single number: x[0] and a, b = x are entries, x.max() merely equals one
    allowed = {"entry", "chosen", "part"} if sighting.shape else {"entry", "chosen"}
    return bindings.origins(place.local) <= allowed


def _without_lists_of_entries(sightings: Sequence[Sighting], size: int) -> list[Sighting]:
    """Leave out lists of all entries one by one: list(theta) is but another form of theta."""
    held: dict[tuple[str, CodeType], set[int]] = {}
    for sighting in sightings:
        if sighting.shape == () and sighting.place.subscripts:
            held.setdefault((sighting.place.local, sighting.place.code), set()).add(sighting.start)
    return [
        s
        for s in sightings
        if s.shape != () or not s.place.subscripts or len(held[s.place.local, s.place.code]) < size
    ]


def _is_chosen_entry(candidate: Candidate, cache: dict[CodeType, Bindings]) -> bool:
    """Whether a number was picked by a computed index, which may depend on the values."""
    place = candidate.sighting.place
    return candidate.sighting.shape == () and "chosen" in cache[place.code].origins(place.local)


def _entries(sighting: Sighting) -> Entries | None:
    """Return the entries in a form that is the same for the same entries; None when repeated."""
    first, axes = sighting.start, list[tuple[int, int]]()
    for extent, step in zip(sighting.shape, sighting.strides, strict=True):
        if extent == 1:
            continue
        if step < 0:
            first += (extent - 1) * step
        axes.append((abs(step), extent))
    merged: list[tuple[int, int]] = []
    for step, extent in sorted(axes):
        reach = merged[-1][0] * merged[-1][1] if merged else 1
        if step == 0 or (merged and step < reach):
            return None  # broadcast, or windows that overlap
        if merged and step == reach:
            merged[-1] = (merged[-1][0], merged[-1][1] * extent)
        else:
            merged.append((step, extent))
    return first, tuple(merged)


def _best_names(sightings: Sequence[Sighting], size: int) -> list[Candidate]:
    held: dict[tuple[str, CodeType], set[Entries]] = {}
    groups: dict[Entries, list[Sighting]] = {}
    for sighting in sightings:
        entries = _entries(sighting)
        if entries is None:
            continue
        held.setdefault((sighting.place.name, sighting.place.code), set()).add(entries)
        groups.setdefault(entries, []).append(sighting)
    argument_shapes = {
        s.shape
        for s in sightings
        if s.place.depth == 0 and s.place.is_parameter and covers_all(s, size)
    }
    candidates: list[Candidate] = []
    for entries, group in groups.items():
        if math.prod(count for _, count in entries[1]) == size:
            group = [s for s in group if s.shape not in argument_shapes]
        if group:
            candidates.append(_best_name(group, entries, held))
    return sorted(candidates, key=lambda c: (c.start, -c.size))


def _best_name(
    group: Sequence[Sighting],
    entries: Entries,
    held: dict[tuple[str, CodeType], set[Entries]],
) -> Candidate:
    seen_as_view = any(not s.copied for s in group)

    def cost(sighting: Sighting) -> float:
        place = sighting.place
        several = len(held[place.name, place.code]) > 1
        total = place.attributes * _ATTRIBUTE + place.keys * _KEY + place.subscripts * _SUBSCRIPT
        if place.depth:
            total += _HELPER_PARAMETER if place.is_parameter and place.is_plain else _HELPER
            total += 0.01 * min(place.depth, 10)
        total += (_COPY_OF_SEEN if seen_as_view else _COPY) * sighting.copied
        return total + several * _SEVERAL + _MATRIX * (sum(n > 1 for n in sighting.shape) > 1)

    # min keeps the first of equals, and sightings come in their order of preference
    best = min(group, key=cost)
    place = best.place
    several = len(held[place.name, place.code]) > 1
    lent = place.depth > 0 and place.is_parameter and place.is_plain
    return Candidate(best, entries, cost(best), not (place.subscripts or several or lent))


def _without_parcels(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Leave out names of several blocks at once, such as the rest that is still to be unpacked."""
    kept: list[Candidate] = []
    for candidate in candidates:
        inner = [
            c for c in candidates if c.plain and c.size < candidate.size and candidate.contains(c)
        ]
        if sum(c.size for c in _cover(inner)) < candidate.size:
            kept.append(candidate)
    return kept


_States = dict[tuple[Candidate, ...], tuple[float, tuple[Candidate, ...]]]


def _cover(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Choose disjoint candidates that leave few entries unclaimed and have good names.

    A sweep from the first entry to the last: a state is the set of chosen candidates that still
    reach beyond the place of the sweep (one, unless they interleave), with its best past.
    """
    states: _States = {(): (0.0, ())}
    for candidate in sorted(candidates, key=lambda c: (c.start, -c.size)):
        gain = _UNCLAIMED_ENTRY * candidate.size - _BLOCK - candidate.cost
        following: _States = {}

        for active, (score, past) in states.items():
            reaching = tuple(c for c in active if c.stop > candidate.start)
            _offer(following, reaching, score, past)
            if not any(candidate.overlaps(c) for c in reaching):
                _offer(following, (*reaching, candidate), score + gain, (*past, candidate))
        if len(following) > _STATES:
            best = sorted(following.items(), key=lambda item: -item[1][0])[:_STATES]
            following = dict(best)
        states = following
    return list(max(states.values(), key=lambda value: value[0])[1])


def _offer(
    states: _States, active: tuple[Candidate, ...], score: float, past: tuple[Candidate, ...]
) -> None:
    if active not in states or states[active][0] < score:
        states[active] = (score, past)


def _is_window(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether a name is one of several that slide over the vector, like x[:-1] and x[1:]."""
    return any(
        candidate.overlaps(other)
        and not candidate.contains(other)
        and not other.contains(candidate)
        for other in others
    )


def _named(chosen: Sequence[Candidate]) -> tuple[Block, ...]:
    blocks = [_block(candidate.sighting) for candidate in chosen]
    qualified = [
        f"{c.sighting.place.code.co_name}.{block.name}"
        for c, block in zip(chosen, blocks, strict=True)
    ]
    names = [block.name for block in blocks]
    for name, count in Counter(names).items():
        if count > 1:
            same = [i for i, other in enumerate(names) if other == name]
            for i in same:
                names[i] = qualified[i]
    for name, count in Counter(names).items():
        if count > 1:
            same = [i for i, other in enumerate(names) if other == name]
            for number, i in enumerate(same, 1):
                names[i] = f"{blocks[i].name}#{number}"
    return tuple(
        sorted(
            (replace(block, name=name) for block, name in zip(blocks, names, strict=True)),
            key=lambda block: block.start,
        )
    )


def _block(sighting: Sighting) -> Block:
    shape, strides = sighting.shape, sighting.strides
    orders: tuple[Order, ...] = ("C", "F")
    for order in orders:
        block = Block(sighting.place.name, sighting.start, shape, order)
        expected = block.entry_strides()
        if all(
            n == 1 or step == wanted
            for n, step, wanted in zip(shape, strides, expected, strict=True)
        ):
            return block
    return Block(sighting.place.name, sighting.start, shape, "strided", strides)
