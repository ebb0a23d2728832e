"""A discrepancy: is it there when measured anew, and what is it like?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gradaudit.evidence.cause import (
    Cause,
    Factor,
    Observation,
    fit_factor,
    name_cause,
    name_packing,
    observe,
)
from gradaudit.evidence.consistency import another_function
from gradaudit.evidence.gradient import PointAuditor, PointEvidence, Projection
from gradaudit.evidence.locate import Located, locate, rest_of_block, slice_factors

# Wrong entries that are each measured a second time.
_CONFIRMED_ENTRIES: Final = 3
# Blocks up to this size are described entry by entry.
_SMALL: Final = 8
# A gradient of another function differs from the right one by at least this part of it.
_PLAIN: Final = 1e-3
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
    cause : Cause or None
        The mistake that explains everything measured of the block.
    observations : tuple of Observation
        What the cause was asked to explain.
    """

    block: int | None
    point: PointEvidence
    projections: tuple[Projection, ...]
    factor: Factor | None = None
    located: Located | None = None
    cause: Cause | None = None
    observations: tuple[Observation, ...] = field(default=(), repr=False)


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
        """Describe each block's first confirmed discrepancy: its cause, else its entries."""
        done: dict[int, int] = {}
        # what was seen of single entries at a kink says less than what was seen of the block
        self.descriptions.sort(key=lambda d: d.projections[0].kind == "lone")
        for place, description in enumerate(self.descriptions):
            number = description.block
            if number is None:
                everywhere = [p for p in description.point.through_all() if p.kind == "all"]
                factor = fit_factor([*description.projections, *everywhere])
                self.descriptions[place] = replace(description, factor=factor)
            elif number not in done:
                done[number] = place
                self.descriptions[place] = self._described(description, number, points)
        self._describe_together(done)

    def _described(
        self, description: Description, number: int, points: Sequence[PointEvidence]
    ) -> Description:
        kind = description.projections[0].kind
        if kind == "lone":
            # entries of a kink: what was not measured is not known to be right
            found = Located(entries=description.projections, dense=False, finished=False)
            return replace(description, located=found)
        if kind == "inward":
            return description
        if kind == "entry" or self.auditor.blocks[number].size <= _SMALL:
            return self._described_by_entries(description, number, points)
        return self._described_by_signs(description, number, points)

    def _described_by_entries(
        self, description: Description, number: int, points: Sequence[PointEvidence]
    ) -> Description:
        point, block = description.point, self.auditor.blocks[number]
        entries = [p for p in point.of_block(number) if p.kind == "entry"]
        entries = entries or self.auditor.measure_entries(point, number)
        wrong = tuple(p for p in entries if p.significant)
        few = 3 * len(wrong) <= block.size or len(wrong) == 1 < block.size
        found = Located(entries=wrong, dense=not few, finished=True)
        description = replace(description, factor=_factor(number, entries, points), located=found)
        return description if few else self._with_cause(description, number, entries, points)

    def _described_by_signs(
        self, description: Description, number: int, points: Sequence[PointEvidence]
    ) -> Description:
        point, block = description.point, self.auditor.blocks[number]
        signed = [p for p in description.projections if p.kind == "signs"]
        while len(signed) < _EXPLAINED:
            signs = self.auditor.rng.choice((-1.0, 1.0), block.size)
            line = self.auditor.block_line(point, number, signs)
            if not line.along.any():
                return description
            signed.append(self.auditor.project(point, line, block=number, kind="signs"))
            point.projections.append(signed[-1])
        description = replace(
            description, projections=tuple(signed), factor=_factor(number, signed, points)
        )
        if all(p.analytic == 0.0 for p in signed):
            return description
        description = self._with_cause(description, number, signed, points)
        if description.cause is not None:
            return description
        found = locate(self.auditor, point, number)
        if not found.dense and not self._holds_elsewhere(found, point, number, points):
            found = replace(found, dense=True)
        description = replace(description, located=found)
        if len(block.shape) == 2 and not _has_few_entries(description, block.size):
            others = self._other_failures(point, number, points)
            cause = slice_factors(self.auditor, point, number, others)
            return replace(description, cause=cause)
        return description

    def _other_failures(
        self, point: PointEvidence, number: int, points: Sequence[PointEvidence]
    ) -> list[PointEvidence]:
        """Return the other points at which the block is wrong."""
        wrong = {id(d.point) for d in self.descriptions if d.block == number}
        return [
            other
            for other in points
            if other is not point and id(other) in wrong and other.gradient.size
        ]

    def _holds_elsewhere(
        self, found: Located, point: PointEvidence, number: int, points: Sequence[PointEvidence]
    ) -> bool:
        """Tell whether the rest of the block is right where else the block is wrong."""
        for other in self._other_failures(point, number, points):
            line = rest_of_block(self.auditor, other, number, found)
            if line is None:
                continue
            if self.auditor.project(other, line, block=number, kind="signs").significant:
                return False
        return True

    def _with_cause(
        self,
        description: Description,
        number: int,
        projections: Sequence[Projection],
        points: Sequence[PointEvidence],
    ) -> Description:
        """Try every hypothesis on what was measured here and at the other points."""
        observations = self._observations(description.point, number, projections, points)
        cause = name_cause(number, self.auditor.blocks, observations)
        return replace(description, cause=cause, observations=tuple(observations))

    def _observations(
        self,
        point: PointEvidence,
        number: int,
        projections: Sequence[Projection],
        points: Sequence[PointEvidence],
    ) -> list[Observation]:
        elsewhere = [
            (other, p)
            for other in points
            if other is not point and other.gradient.size
            for p in other.of_block(number)
            if p.kind in ("signs", "entry")
        ]
        here = [(point, p) for p in projections]
        return observe(self.auditor.blocks[number], [*here, *elsewhere])

    def _describe_together(self, places: dict[int, int]) -> None:
        """See whether the blocks that nothing explains singly are explained together."""
        unnamed = [
            number
            for number, place in places.items()
            if self.descriptions[place].cause is None
            and self.descriptions[place].factor is None
            and self.descriptions[place].observations
            and any(p.analytic != 0.0 for p in self.descriptions[place].projections)
            and not _has_few_entries(self.descriptions[place], self.auditor.blocks[number].size)
        ]
        if not unnamed:
            return
        observations = {n: list(self.descriptions[places[n]].observations) for n in unnamed}
        cause = name_packing(sorted(unnamed), self.auditor.blocks, observations)
        plain = all(_is_plain(self.descriptions[places[n]]) for n in unnamed)
        if cause is None and plain and len(unnamed) == len(self.auditor.blocks):
            point = self.descriptions[places[unnamed[0]]].point
            cause = another_function(self.auditor, point)
        if cause is not None:
            for number in unnamed:
                place = places[number]
                self.descriptions[place] = replace(self.descriptions[place], cause=cause)


def _is_plain(description: Description) -> bool:
    """Tell whether a discrepancy is far from what an approximate cost would leave."""
    seen = math.hypot(*(p.residual for p in description.projections))
    norm = math.hypot(*(max(p.norm, abs(p.slope.value)) for p in description.projections))
    return seen > _PLAIN * norm


def _has_few_entries(description: Description, size: int) -> bool:
    located = description.located
    if located is None or located.dense:
        return False
    return located.slice is not None or 0 < 3 * len(located.entries) <= size


def _factor(
    number: int, projections: Sequence[Projection], points: Sequence[PointEvidence]
) -> Factor | None:
    """Fit one factor to a block's projections, those at the other points included."""
    elsewhere = [p for point in points for p in point.of_block(number) if p not in projections]
    return fit_factor([*projections, *elsewhere])
