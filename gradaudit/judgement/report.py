"""Put findings, blocks and verdict together."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np

from gradaudit import __version__
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.gradient import PointEvidence, Projection
from gradaudit.judgement.gradient import judge_blocks
from gradaudit.judgement.record import Record
from gradaudit.judgement.shapes import note_hiding_shape
from gradaudit.judgement.wiring import judge_away, judge_frozen, judge_misbound
from gradaudit.problem import Problem
from gradaudit.results import (
    BlockReport,
    Evaluations,
    Finding,
    PointReport,
    Report,
    Verdict,
)

_RANK: Final = {"error": 0, "warning": 1, "note": 2}
# These explain why the gradient fails: one cause, one finding.
_EXPLAIN: Final = {
    "frozen-gradient",
    "stale-cache",
    "accumulated-gradient",
    "mutated-argument",
    "integer-truncation",
    "misbound-partial",
}


def assemble(
    record: Record,
    wiring: Sequence[Finding],
    problem: Problem,
    evaluator: Evaluator,
    *,
    seed: int,
    seconds: float,
) -> Report:
    """Judge all the evidence and return the report."""
    blocks: tuple[BlockReport, ...] = ()
    findings = list(wiring)
    allow = record.settings.allow
    if record.points:
        blocks, about_gradient = judge_blocks(record)
        findings += [*judge_misbound(record), *judge_frozen(record), *judge_away(record)]
        explained = any(
            f.slug in _EXPLAIN and f.level == "error" and not _allowed(f, allow).allowed
            for f in findings
        )
        if explained:
            about_gradient = [f for f in about_gradient if not f.code.startswith("GA2")]
        findings += about_gradient
    findings += _stopped(record)
    if all(block.verdict == Verdict.PASS for block in blocks):
        findings += note_hiding_shape(record, problem)
    findings = [_allowed(finding, allow) for finding in findings]
    findings.sort(key=lambda f: (f.allowed, _RANK[f.level], f.code))
    return Report(
        verdict=_verdict(findings, blocks, record),
        blocks=blocks,
        findings=tuple(findings),
        evaluations=Evaluations(cost=evaluator.cost_calls, gradient=evaluator.gradient_calls),
        points=tuple(_point(point) for point in record.points),
        size=problem.size,
        seed=seed,
        confidence=record.settings.confidence,
        layout_source=record.layout.source if record.layout else "",
        target=record.function,
        own_seconds=max(seconds - evaluator.user_seconds, 0.0),
        user_seconds=evaluator.user_seconds,
        settings=record.settings,
        versions=_versions(),
        evidence=_evidence(record),
    )


def _verdict(findings: Sequence[Finding], blocks: Sequence[BlockReport], record: Record) -> Verdict:
    live = [finding for finding in findings if not finding.allowed]
    if any(finding.level == "error" for finding in live):
        return Verdict.FAIL
    failing = {block.name for block in blocks if block.verdict == Verdict.FAIL}
    accepted = {name for f in findings if f.allowed for name in f.data.get("blocks", (f.block,))}
    if failing - accepted:
        return Verdict.FAIL
    unsure = any(block.verdict == Verdict.INCONCLUSIVE for block in blocks)
    doubt = any(finding.slug in ("nondeterministic", "piecewise-constant") for finding in live)
    if unsure or doubt or not blocks or record.stopped:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS


def _allowed(finding: Finding, allow: Sequence[str]) -> Finding:
    """Mark a finding that the user accepts: by slug, or by slug and block."""
    names = finding.data.get("blocks") or ((finding.block,) if finding.block else ())
    for item in allow:
        slug, _, block = item.partition(":")
        if slug == finding.slug and (not block or set(names) == {block}):
            return replace(finding, allowed=True)
    return finding


def _stopped(record: Record) -> list[Finding]:
    if not record.stopped:
        return []
    begun = len(record.points)
    judged = (
        f"{begun} of {record.settings.points} points were begun"
        if begun
        else "no block had been measured yet"
    )
    return [
        Finding(
            slug="budget-exhausted",
            level="warning",
            message=f"the audit ended early: {record.stopped}",
            notes=(judged,),
            help=""
            if record.stopped == "interrupted"
            else "raise --budget or --seconds, or audit fewer blocks with --only",
        )
    ]


def _point(point: PointEvidence) -> PointReport:
    return PointReport(
        name=point.name,
        cost=point.cost,
        gradient_norm=point.gradient_norm,
        noise=point.noise.sigma,
        precision=point.noise.precision,
        distance=point.distance,
    )


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__}
    found["gradaudit"] = __version__
    return found


def _evidence(record: Record) -> dict[str, Any]:
    """Return the measurements as plain data."""
    return {
        "unconfirmed": record.unconfirmed,
        "skipped_points": list(record.skipped),
        "projections": [
            {"point": point.name, **_projection(p, record)}
            for point in record.points
            for p in point.projections[:200]
        ],
    }


def _projection(projection: Projection, record: Record) -> dict[str, Any]:
    number = projection.block
    return {
        "block": None if number is None else record.blocks[number].name,
        "kind": projection.kind,
        "entry": projection.entry,
        "analytic": projection.analytic,
        "analytic_bar": projection.analytic_bar,
        "numeric": projection.slope.value,
        "numeric_bar": projection.slope.bar,
        "regime": projection.slope.regime,
        "step": projection.slope.step,
    }
