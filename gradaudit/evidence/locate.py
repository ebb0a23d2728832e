"""Which entries of a block are wrong? Halving with fresh signs until they stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.evidence.directions import Line
from gradaudit.evidence.gradient import PointAuditor, PointEvidence, Projection

# When this many halves in a row are wrong on both sides, everything is.
_DENSE: Final = 6
_MOST_ENTRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """The entries of a block that are wrong, as far as they could be told apart.

    Attributes
    ----------
    entries : tuple of Projection
        Of kind "entry", each measured on its own.
    dense : bool
        The error is everywhere, or in too many entries to list.
    finished : bool
        Every wrong part was followed to its end.
    """

    entries: tuple[Projection, ...]
    dense: bool
    finished: bool


def locate(
    auditor: PointAuditor, point: PointEvidence, number: int, *, measurements: int = 60
) -> Located:
    """Follow a block's error down to single entries.

    Parameters
    ----------
    auditor : PointAuditor
    point : PointEvidence
        Where the block was seen to be wrong.
    number : int
        The block.
    measurements : int
        Most projections to spend, six evaluations each: a lone entry among n takes about
        1.5 log2(n) of them.

    Notes
    -----
    Halving with random signs (Malloy and Nowak, arXiv 1306.6239): a part whose projection is
    within its bar is taken as clean, with probability at most 1/2 that an error beyond twice the
    bar cancelled.
    """
    search = _Search(auditor, point, number, measurements)
    search.run()
    return Located(entries=tuple(search.entries), dense=search.dense, finished=not search.pending)


class _Search:
    def __init__(
        self, auditor: PointAuditor, point: PointEvidence, number: int, measurements: int
    ) -> None:
        self.auditor = auditor
        self.point = point
        self.number = number
        self.left = measurements
        self.entries: list[Projection] = []
        self.dense = False
        block = auditor.blocks[number]
        indices = block.indices().reshape(-1)
        movable = indices[point.region.weights[indices] > 0.0]
        self.pending: list[NDArray[np.intp]] = [auditor.rng.permutation(movable)]
        self.both_wrong = 0
        earlier = [p.slope.step for p in point.of_block(number) if p.slope.step > 0]
        self.step = earlier[0] if earlier else None

    def run(self) -> None:
        while self.pending and self.left > 0 and not self.dense:
            part = self.pending.pop()
            if part.size == 0:
                continue
            if part.size == 1:
                self._single(int(part[0]))
                continue
            self._halve(part)
            self.dense = self.both_wrong >= _DENSE or len(self.entries) > _MOST_ENTRIES

    def _halve(self, part: NDArray[np.intp]) -> None:
        first, second = part[: part.size // 2], part[part.size // 2 :]
        first_wrong = self._wrong(first)
        # the whole is wrong: a clean first half leaves the second
        second_wrong = self._wrong(second) if first_wrong else True
        self.both_wrong = self.both_wrong + 1 if first_wrong and second_wrong else 0
        self.pending += [
            half for half, bad in ((second, second_wrong), (first, first_wrong)) if bad
        ]

    def _wrong(self, indices: NDArray[np.intp]) -> bool:
        self.left -= 1
        weights = self.point.region.weights[indices]
        signs = self.auditor.rng.choice((-1.0, 1.0), indices.size)
        reach = self.point.region.reach
        line = Line(self.point.theta, weights * signs, indices, -reach, reach)
        projection = self.auditor.project(
            self.point, line, block=self.number, kind="signs", step=self.step
        )
        return projection.significant

    def _single(self, index: int) -> None:
        self.left -= 1
        line = self.auditor.entry_line(self.point, index)
        if line is None:
            return
        projection = self.auditor.project(
            self.point, line, block=self.number, kind="entry", entry=index, step=self.step
        )
        if projection.significant:
            self.entries.append(projection)
