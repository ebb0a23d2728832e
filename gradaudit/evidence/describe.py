"""A discrepancy: is it there when measured anew, and what is it like?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gradaudit.evidence.cause import Factor, fit_factor
from gradaudit.evidence.gradient import PointAuditor, PointEvidence, Projection
from gradaudit.evidence.locate import Located, locate

# Wrong entries that are each measured a second time.
_CONFIRMED_ENTRIES: Final = 3
# Blocks up to this size are described entry by entry.
_SMALL: Final = 8
# Projections of a failing block that a cause has to explain.
_EXPLAINED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Description:
    """A discrepancy that an independent measurement confirmed, described.

    Attributes
    ----------
    block : int or None
        Number of the block; None when only a direction through all blocks shows it.
    point : PointEvidence
    projections : tuple of Projection
        Independent ones of this block (or of the direction), the doubtful one first.
    factor : Factor or None
        When one number explains them.
    located : Located or None
        When entries were looked for.
    """

    block: int | None
    point: PointEvidence
    projections: tuple[Projection, ...]
    factor: Factor | None = None
    located: Located | None = None


class Inquiry:
    """Follows up what was beyond its bar.

    Parameters
    ----------
    auditor : PointAuditor

    Attributes
    ----------
    descriptions : list of Description
        Confirmed discrepancies, in the order they were met.
    unconfirmed : int
        Those that an independent measurement did not show again.
    """

    def __init__(self, auditor: PointAuditor) -> None:
        self.auditor = auditor
        self.descriptions: list[Description] = []
        self.unconfirmed = 0

    def confirm_blocks(self, point: PointEvidence) -> None:
        """Measure again, independently, whatever was beyond its bar at a point."""
        by_block: dict[int | None, list[Projection]] = {}
        for projection in point.projections:
            if projection.significant:
                by_block.setdefault(projection.block, []).append(projection)
        known = {description.block for description in self.descriptions}
        for number, projections in by_block.items():
            if number in known:
                self._keep(number, point, projections)
            else:
                self._confirm_block(point, number, projections)

    def _confirm_block(
        self, point: PointEvidence, number: int | None, doubtful: list[Projection]
    ) -> None:
        if doubtful[0].kind in ("entry", "lone"):
            worst = sorted(doubtful, key=lambda p: -abs(p.residual) / p.bar if p.bar else -math.inf)
            found = [self.auditor.confirm(point, p) for p in worst[:_CONFIRMED_ENTRIES]]
            kept = [p for p in found if p.significant]
            # the strongest were all confirmed: the others are believed as well
            rest = worst[_CONFIRMED_ENTRIES:] if len(kept) == len(found) else []
            self._keep(number, point, kept + rest)
            return
        first = doubtful[0]
        again = [self.auditor.confirm(point, first)]
        if not again[0].significant:
            assert first.line is not None  # projections carry their line
            again.append(self.auditor.measure_anew(point, first.line, number, first.kind))
        kept = [p for p in again if p.significant]
        self._keep(number, point, [first, *kept] if kept else [])

    def confirm_whole(self, point: PointEvidence) -> None:
        """Find the block behind a discrepancy that shows only along a direction through all."""
        doubtful = next((p for p in point.through_all() if p.significant), None)
        if doubtful is None:
            return
        again = self.auditor.confirm(point, doubtful)
        if not again.significant:
            self.unconfirmed += 1
            return
        seen = False
        for number in range(len(self.auditor.blocks)):
            signs = self.auditor.rng.choice((-1.0, 1.0), self.auditor.blocks[number].size)
            line = self.auditor.block_line(point, number, signs)
            if not line.along.any():
                continue
            projection = self.auditor.project(point, line, block=number, kind="signs")
            if projection.significant:
                seen = True
                self._confirm_block(point, number, [projection])
        if not seen:
            only = 0 if len(self.auditor.blocks) == 1 else None
            self._keep(only, point, [doubtful, again])

    def _keep(self, number: int | None, point: PointEvidence, confirmed: list[Projection]) -> None:
        if not confirmed:
            self.unconfirmed += 1
            return
        self.descriptions.append(
            Description(block=number, point=point, projections=tuple(confirmed))
        )

    def describe(self, points: Sequence[PointEvidence]) -> None:
        """Describe each block's first confirmed discrepancy: by a factor, else by entries."""
        done: set[int] = set()
        for place, description in enumerate(self.descriptions):
            number = description.block
            if number is None:
                everywhere = [p for p in description.point.through_all() if p.kind == "all"]
                factor = fit_factor([*description.projections, *everywhere])
                self.descriptions[place] = replace(description, factor=factor)
            if number is None or number in done:
                continue
            done.add(number)
            self.descriptions[place] = self._described(description, number, points)

    def _described(
        self, description: Description, number: int, points: Sequence[PointEvidence]
    ) -> Description:
        point, block = description.point, self.auditor.blocks[number]
        projections = description.projections
        if projections[0].kind == "entry" or block.size <= _SMALL:
            entries = [p for p in point.of_block(number) if p.kind == "entry"]
            entries = entries or self.auditor.measure_entries(point, number)
            factor = _factor(number, entries, points) if projections[0].kind != "inward" else None
            wrong = tuple(p for p in entries if p.significant)
            found = Located(entries=wrong, dense=3 * len(wrong) > block.size > 1, finished=True)
            return replace(description, factor=factor, located=found)
        if projections[0].kind == "lone":
            found = Located(entries=projections, dense=False, finished=False)
            return replace(description, located=found)
        signed = [p for p in projections if p.kind == "signs"]
        while len(signed) < _EXPLAINED:
            signs = self.auditor.rng.choice((-1.0, 1.0), block.size)
            line = self.auditor.block_line(point, number, signs)
            if not line.along.any():
                return description
            signed.append(self.auditor.project(point, line, block=number, kind="signs"))
        description = replace(
            description, projections=tuple(signed), factor=_factor(number, signed, points)
        )
        if description.factor is None and not all(p.analytic == 0.0 for p in signed):
            return replace(description, located=locate(self.auditor, point, number))
        return description


def _factor(
    number: int, projections: Sequence[Projection], points: Sequence[PointEvidence]
) -> Factor | None:
    """Fit one factor to a block's projections, those at the other points included."""
    elsewhere = [p for point in points for p in point.of_block(number) if p not in projections]
    return fit_factor([*projections, *elsewhere])
