"""Judge the gradient: a verdict for each block, and findings of GA2xx, GA3xx and GA4xx."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradaudit.blocks import Block
from gradaudit.catalogue import RECORDS
from gradaudit.evidence.gradient import PointEvidence, Projection
from gradaudit.judgement.causes import entry_position, listed, name_causes, somewhere
from gradaudit.judgement.record import Description, Record
from gradaudit.numerics.certificate import entry_bound
from gradaudit.results import BlockReport, Entry, Finding, Verdict

# Errors of an approximate cost differ by less than this from entry to entry.
_SAME_SIZE: Final = 5.0
# A gradient below this part of the whole one is a rounding residue: the block's is zero.
_NOTHING: Final = 16 * float(np.finfo(np.float64).eps)
# Two factors are the same when they agree to this, and a factor equals its name when within it.
_SAME_FACTOR: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """How well one point shows one block.

    Attributes
    ----------
    norm : float
        Projected size of the block's gradient, the larger of returned and measured.
    seen : float
        Root mean square of the residuals.
    bar : float
        The largest bar.
    against : float
        What errors are relative to: `norm`, or that of the whole gradient where it is zero.
    """

    norm: float
    seen: float
    bar: float
    against: float

    @property
    def relative_error(self) -> float:
        """Return what was seen, relative."""
        return self.seen / self.against if self.against else 0.0

    @property
    def relative_bar(self) -> float:
        """Return the bar, relative; infinite when there is nothing to compare with."""
        return self.bar / self.against if self.against else math.inf


def look(point: PointEvidence, number: int) -> Sight | None:
    """Summarise what a point shows of a block; None when nothing of it was measured there."""
    # the most telling kind that was measured
    own: list[Projection] = []
    for kind in ("inward", "signs", "entry"):
        own = [p for p in point.of_block(number) if p.kind == kind] or own
    if not own:
        return None
    if own[0].kind == "entry":
        # entry by entry, in units of each parameter's own weight: sums of squares
        norm = math.hypot(*(max(abs(p.analytic), abs(_numeric(p))) for p in own))
        seen = math.hypot(*(_excess(p) for p in own))
    else:
        count = math.sqrt(len(own))
        norm = max(
            math.hypot(*(p.norm for p in own)) / count,
            math.hypot(*(_numeric(p) for p in own)) / count,
        )
        seen = math.hypot(*(_excess(p) for p in own)) / count
    bar = max(p.bar for p in own)
    whole = _whole_norm(point)
    nothing = norm <= _NOTHING * whole
    return Sight(norm=norm, seen=seen, bar=bar, against=whole if nothing else norm)


def _excess(projection: Projection) -> float:
    """Return the residual, 0 where the bar cannot say anything."""
    return abs(projection.residual) if math.isfinite(projection.residual) else 0.0


def _numeric(projection: Projection) -> float:
    value = projection.slope.value
    return value if math.isfinite(value) else 0.0


def _whole_norm(point: PointEvidence) -> float:
    return math.hypot(
        *(p.norm for p in point.projections if p.kind in ("signs", "entry", "inward"))
    )


def judge_blocks(record: Record) -> tuple[tuple[BlockReport, ...], list[Finding]]:
    """Return the table of blocks and the findings about the gradient itself."""
    failing = {
        number: [d for d in record.descriptions if d.block == number and is_material(d, record)]
        for number in range(len(record.blocks))
    }
    reports = tuple(
        _judge_block(record, number, block, failing[number])
        for number, block in enumerate(record.blocks)
    )
    unused = {number for number, found in record.block_dependence.items() if found.constant}
    findings = name_causes(record, {n: d for n, d in failing.items() if n not in unused})
    findings += somewhere(record, [d for d in record.descriptions if is_material(d, record)])[
        : 0 if findings else 1
    ]
    findings += _small_discrepancies(record, failing)
    findings += _unused(record, reports)
    findings += _regularity(record)
    findings += _pinned(record)
    return reports, findings


def is_material(description: Description, record: Record) -> bool:
    """Tell whether a confirmed discrepancy is large enough to matter (DESIGN.md, Verdicts)."""
    negligible = record.settings.negligible
    projections = description.projections
    floor = _approximation(description, record)
    single = projections[0].kind in ("entry", "lone")
    seen = math.hypot(*(p.residual for p in projections)) / math.sqrt(len(projections))
    residue = description.point.residue
    if all(_size(p) <= residue for p in projections):
        return False  # zero up to rounding, on both sides
    factor = description.factor
    cause = description.cause
    if cause is not None and factor is None and cause.slug != "fun-jac-mismatch":
        return _cause_matters(description, negligible)
    if factor is not None:
        # what 1.000001 is off by, negligible = 1e-6 must not lose to rounding
        return abs(factor.value - 1.0) + factor.uncertainty >= negligible * (1 - 1e-6)
    if seen <= floor and not single:
        return False
    if single:
        return any(_entry_is_wrong(p, negligible, floor, residue) for p in projections)
    located = description.located
    if located is not None and any(
        _entry_is_wrong(p, negligible, floor, residue) for p in located.entries
    ):
        return True
    norm = max(_size(p) for p in projections)
    return seen - max(p.bar for p in projections) > negligible * norm


def _cause_matters(description: Description, negligible: float) -> bool:
    """Tell whether a named mistake changes the gradient by more than is negligible."""
    cause = description.cause
    assert cause is not None  # the caller asked
    if cause.penalty is not None and cause.slug == "missing-penalty":
        return any(abs(p.residual) > negligible * _size(p) for p in description.projections)
    return cause.factor is None or abs(cause.factor - 1.0) >= negligible


def _size(projection: Projection) -> float:
    """Return the size of what was compared, the larger of returned and measured."""
    return max(projection.norm, abs(projection.slope.value))


def _approximation(description: Description, record: Record) -> float:
    """Return the size of residual that a cost which is itself approximate explains.

    An inner solver or a quadrature leaves errors of one size everywhere. Where other entries or
    blocks at the same point are off by a negligible part of themselves, an error of that same
    size is no fault of the entry that happens to be small.
    """
    point = description.point
    whole = _whole_norm(point)
    negligible = record.settings.negligible
    others = [
        abs(p.residual)
        for p in point.projections
        # a block's own sums over many entries are what is in question
        if (p.kind == "entry" or (p.kind == "signs" and p.block != description.block))
        and p.significant
        and abs(p.residual) <= negligible * _size(p)
    ]
    located = description.located
    few = located is not None and not located.dense and located.finished
    if few or all(p.analytic == 0.0 for p in description.projections):
        return 0.0  # an approximation is off everywhere
    return min(_SAME_SIZE * max(others, default=0.0), negligible * whole)


def _entry_is_wrong(
    projection: Projection, negligible: float, floor: float, residue: float
) -> bool:
    size = _size(projection)
    return (
        projection.significant
        and size > residue
        and (abs(projection.residual) > floor or projection.analytic == 0.0)
        and abs(projection.residual) - projection.bar > negligible * size
    )


def _judge_block(
    record: Record, number: int, block: Block, failing: Sequence[Description]
) -> BlockReport:
    sights = {point.name: look(point, number) for point in record.points}
    clear = {
        name: sight
        for name, sight in sights.items()
        if sight is not None and 2.0 * sight.relative_bar <= record.settings.rtol
    }
    blind = tuple(name for name in sights if name not in clear)
    claimed = record.layout is None or block in record.layout.blocks
    if failing:
        return _failed(record, number, block, failing, sights, blind, claimed)
    shown = list(clear.values()) or [s for s in sights.values() if s is not None]
    best = max(shown, key=lambda s: s.seen / s.against if s.against else 0.0, default=None)
    verdict = Verdict.PASS if clear else Verdict.INCONCLUSIVE
    entries = [p for point in record.points for p in point.of_block(number) if p.kind == "entry"]
    within = best is None or best.seen <= best.bar
    return BlockReport(
        name=block.name,
        shape=block.shape,
        start=block.start,
        size=block.size,
        verdict=verdict,
        relative_error=math.nan if best is None else _shown_error(best, bool(entries)),
        error_kind="measured" if entries else ("at most" if within else "estimate"),
        error_bar=math.inf if best is None else best.relative_bar,
        entry_bound=_entry_bound(record, number),
        worst=_worst(record, number, block),
        reason="" if clear else _reason(record, number, list(sights.values())),
        blind_at=blind,
        against="gradient" if best is not None and best.against != best.norm else "block",
        claimed=claimed,
    )


def _shown_error(sight: Sight, measured: bool) -> float:
    if measured or sight.seen > sight.bar or sight.against == 0.0:
        return sight.relative_error
    return max(sight.relative_error, sight.relative_bar)


def _failed(
    record: Record,
    number: int,
    block: Block,
    failing: Sequence[Description],
    sights: dict[str, Sight | None],
    blind: tuple[str, ...],
    claimed: bool,
) -> BlockReport:
    worst = [sight for sight in (sights.get(d.point.name) for d in failing) if sight is not None]
    sight = max(worst, key=lambda s: s.relative_error, default=None)
    factor, cause = failing[0].factor, failing[0].cause
    ratio = factor.value if factor is not None else None if cause is None else cause.factor
    entries = [p for d in failing for p in d.point.of_block(number) if p.kind == "entry"]
    names = tuple(dict.fromkeys(d.point.name for d in failing))
    return BlockReport(
        name=block.name,
        shape=block.shape,
        start=block.start,
        size=block.size,
        verdict=Verdict.FAIL,
        relative_error=math.nan if sight is None else sight.relative_error,
        error_kind="measured" if entries else "estimate",
        error_bar=math.inf if sight is None else sight.relative_bar,
        factor=ratio,
        worst=_worst(record, number, block),
        reason=_failure_reason(failing[0]),
        failed_at=names,
        blind_at=blind,
        claimed=claimed,
    )


def _failure_reason(description: Description) -> str:
    strongest = max(
        description.projections, key=lambda p: abs(p.residual) / p.bar if p.bar else math.inf
    )
    ratio = abs(strongest.residual) / strongest.bar if strongest.bar else math.inf
    return f"{ratio:.2g} times the bar"


def _entry_bound(record: Record, number: int) -> float:
    """Return the bound that every entry keeps, from signs (a certificate) or one by one."""
    bounds: list[float] = [math.inf]
    for point in record.points:
        own = point.of_block(number)
        entries = [p for p in own if p.kind == "entry"]
        if entries and len(entries) == record.blocks[number].size:
            bounds.append(max((_excess(p) + p.bar) / p.lightest[0] for p in entries))
            continue
        random = [p for p in own if p.kind == "signs" and not p.significant]
        random += [p for p in point.through_all() if p.kind == "all" and not p.significant]
        weighted = [(p.bar, p.lightest[0 if p.block is not None else number]) for p in random]
        bars = [bar / weight for bar, weight in weighted if weight > 0]
        bounds.append(entry_bound(bars, confidence=record.settings.confidence).half_width)
    return min(bounds)


def _worst(record: Record, number: int, block: Block) -> tuple[Entry, ...]:
    """Return the entries that were measured alone, the worst first."""
    found: dict[int, Projection] = {}
    projections = [p for point in record.points for p in point.of_block(number)]
    for description in record.descriptions:
        if description.block == number and description.located is not None:
            projections += description.located.entries
    for projection in projections:
        if projection.entry is None:
            continue
        kept = found.get(projection.entry)
        if kept is None or _excess(projection) > _excess(kept):
            found[projection.entry] = projection
    ranked = sorted(found.values(), key=lambda p: -_excess(p) / p.lightest[0])
    return tuple(_entry(projection, block) for projection in ranked[:10])


def _entry(projection: Projection, block: Block) -> Entry:
    assert projection.entry is not None  # only entries come here
    weight = projection.lightest[0]
    return Entry(
        index=entry_position(block, projection.entry),
        analytic=projection.analytic / weight,
        numeric=projection.slope.value / weight,
        bar=projection.bar / weight,
    )


def _reason(record: Record, number: int, sights: Sequence[Sight | None]) -> str:
    """Say why a block could not be judged, and what would settle it."""
    why, remedy = _why_unclear(record, number, sights)
    return f"{why}; what would settle it: {remedy}" if remedy else why


def _why_unclear(record: Record, number: int, sights: Sequence[Sight | None]) -> tuple[str, str]:
    if record.stopped == "interrupted":
        return "interrupted before it was measured", ""
    if record.stopped:
        return record.stopped, "allow more, or audit fewer blocks"
    if record.points and all(point.blind for point in record.points):
        return f"the cost is not finite anywhere near x0{_raised(record)}", "another start"
    seen = [sight for sight in sights if sight is not None]
    if not seen:
        return "its bounds pin every parameter of it", "wider bounds"
    best = min(seen, key=lambda s: s.relative_bar)
    regimes = {p.slope.regime for point in record.points for p in point.of_block(number)}
    if best.against == 0.0:
        return "cost and gradient are flat at every point tried", "a start where they are not"
    if "constant" in regimes and math.isinf(best.relative_bar):
        return "the cost does not move with it at the points tried", "a start where it does"
    if math.isinf(best.relative_bar):
        return f"the cost could not be evaluated nearby{_raised(record)}", "another start"
    if not math.isfinite(best.against):
        return "its gradient is too large to be squared in double precision", "other units"
    wide = f"an error below {2 * best.relative_bar:.1g} of its norm could not be seen"
    if "kink" in regimes:
        return f"{wide}: the cost has kinks here", "points away from the kinks"
    if "jump" in regimes:
        return f"{wide}: the cost jumps here", "a cost without jumps"
    noisy = max(p.noise.sigma / abs(p.cost) if p.cost else 0.0 for p in record.points)
    if noisy > 1e-12:
        return (
            f"{wide}: one evaluation of the cost is only good to {noisy:.1g} of its value",
            "float64 throughout, fixed random numbers, or a larger rtol",
        )
    return (
        f"{wide}: its part of the cost is small beside the rest",
        "a check of this part of the cost on its own",
    )


def _raised(record: Record) -> str:
    error = record.raised
    return "" if error is None else f": it raised {type(error).__name__}: {error}"


def _small_discrepancies(record: Record, failing: dict[int, list[Description]]) -> list[Finding]:
    """Note what is significant but does not matter."""
    notes: list[str] = []
    names: list[str] = []
    for description in record.descriptions:
        number = description.block
        if is_material(description, record) or (number is not None and failing[number]):
            continue
        projection = description.projections[0]
        name = "all blocks" if number is None else record.blocks[number].name
        norm = max(projection.norm, abs(projection.slope.value)) or 1.0
        names.append(name)
        notes.append(
            f"{name} at {description.point.name}: {abs(projection.residual) / norm:.1e} of its "
            f"size, {abs(projection.residual) / projection.bar:.2g} times the bar"
        )
    if not names:
        return []
    return [
        Finding(
            slug="wrong-gradient",
            level="note",
            message=f"{listed(tuple(dict.fromkeys(names)))}: a measurable difference below "
            f"negligible ({record.settings.negligible:g})",
            notes=tuple(notes[:6]),
            help="an inner solver stopped early or a quadrature tolerance would explain it",
            data={"blocks": tuple(dict.fromkeys(names))},
        )
    ]


def _unused(record: Record, reports: Sequence[BlockReport]) -> list[Finding]:
    """Report blocks with which the cost never moves."""
    findings: list[Finding] = []
    for number, dependence in record.block_dependence.items():
        if not dependence.constant:
            continue
        name = reports[number].name
        wrong = reports[number].verdict == Verdict.FAIL
        zero = all(point.zero_blocks[number] for point in record.points)
        findings.append(
            Finding(
                slug="unused-block",
                level="note" if zero else ("error" if wrong else "warning"),
                message=f"{name}: the cost does not depend on this block",
                notes=(
                    "it is equal to the last bit at steps of "
                    f"{', '.join(f'{r:g}' for r in dependence.reaches)} times the block's size",
                    "the returned gradient is zero, as it should be"
                    if zero
                    else "the returned gradient is not zero",
                ),
                help="" if zero else "use the block in the cost, or drop it",
                block=name,
                data={"blocks": (name,)},
            )
        )
    return findings


def _pinned(record: Record) -> list[Finding]:
    """Say which parameters no difference can reach, because their bounds fix them."""
    if not record.points or not any(record.points[0].pinned):
        return []
    counts = [
        (block.name, count)
        for block, count in zip(record.blocks, record.points[0].pinned, strict=True)
        if 0 < count < block.size
    ]
    if not counts:
        return []
    listing = ", ".join(f"{count} of {name}" for name, count in counts)
    return [
        Finding(
            slug="below-noise",
            level="note",
            message=f"pinned by their bounds, parameters were not checked: {listing}",
            help="widen the bounds for the audit",
            data={"blocks": tuple(name for name, _ in counts)},
        )
    ]


def _regularity(record: Record) -> list[Finding]:
    """Note what makes the cost hard to difference, where it was met."""
    findings: list[Finding] = []
    for slug, regime, text in (
        ("kink", "kink", "the cost has a kink at {point}; slopes to both sides were compared"),
        ("discontinuity", "jump", "the cost jumps at {point}"),
        ("domain-edge", "domain-edge", "the cost is not finite close to {point}"),
    ):
        hits = [
            (point, p)
            for point in record.points
            for p in point.projections
            if p.slope.regime == regime
        ]
        if hits:
            findings.append(_regularity_finding(record, slug, text, hits))
    coarse = [p for p in record.points if p.noise.precision != "float64"]
    low = coarse[0] if coarse else None
    if low is not None and (low is record.points[0] or 2 * len(coarse) > len(record.points)):
        findings.append(
            Finding(
                slug="low-precision",
                level="note",
                message=f"the cost is computed in {low.noise.precision}",
                notes=(f"one evaluation at {low.name} is good to {low.noise.sigma:.1g}",),
                help="compute in float64 for a sharper check",
            )
        )
    return findings


def _regularity_finding(
    record: Record, slug: str, text: str, hits: list[tuple[PointEvidence, Projection]]
) -> Finding:
    names = dict.fromkeys(record.blocks[p.block].name for _, p in hits if p.block is not None)
    point, projection = hits[0]
    notes: list[str] = []
    if projection.slope.one_sided is not None and slug == "kink":
        left, right = projection.slope.one_sided
        notes.append(f"slopes {left:.6g} and {right:.6g}, returned {projection.analytic:.6g}")
    return Finding(
        slug=slug,
        level=RECORDS[slug].level,
        message=(f"{listed(tuple(names))}: " if names else "") + text.format(point=point.name),
        notes=tuple(notes),
        block=next(iter(names), None),
        data={"blocks": tuple(names)},
    )
