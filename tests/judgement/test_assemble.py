"""Findings, blocks and verdict put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import Finding, Problem, Report, Verdict, check
from gradaudit.evaluator import Evaluator
from gradaudit.judgement.record import Record
from gradaudit.judgement.report import assemble
from gradaudit.results import Settings

problem = Problem(lambda t: (float(t @ t), 2 * t), np.ones(3))


def finding(slug: str = "stale-cache", level: Any = "error", **more: Any) -> Finding:
    return Finding(slug=slug, level=level, message="something is the matter", **more)


def report(*findings: Finding, allow: tuple[str, ...] = (), stopped: str = "") -> Report:
    record = Record(settings=Settings(allow=allow), stopped=stopped)
    return assemble(record, findings, problem, Evaluator(problem), seed=3, seconds=0.5)


def test_error_is_a_fail() -> None:
    assert report(finding()).verdict == Verdict.FAIL


@pytest.mark.parametrize("level", ["warning", "note"])
def test_nothing_judged_is_inconclusive_whatever_was_noted(level: str) -> None:
    assert report(finding(level=level)).verdict == Verdict.INCONCLUSIVE
    assert report().verdict == Verdict.INCONCLUSIVE


def test_allowed_error_is_no_fail() -> None:
    found = report(finding(), allow=("stale-cache",))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.findings[0].allowed


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ("wrong-sign", True),
        ("wrong-sign:b1", True),
        ("wrong-sign:b2", False),
        ("wrong-scale", False),
    ],
)
def test_allowance_may_name_a_block(allow: str, allowed: bool) -> None:
    found = report(finding("wrong-sign", block="b1", data={"blocks": ("b1",)}), allow=(allow,))
    assert found.findings[0].allowed == allowed


def test_allowance_of_one_block_does_not_cover_a_finding_of_two() -> None:
    two = finding("wrong-sign", block="b1", data={"blocks": ("b1", "b2")})
    assert not report(two, allow=("wrong-sign:b1",)).findings[0].allowed
    assert report(two, allow=("wrong-sign",)).findings[0].allowed


def test_findings_are_sorted_by_weight_and_then_by_code() -> None:
    found = report(
        finding("kink", "note"), finding("wrong-sign"), finding("aliased-buffer", "warning"),
        finding("ignored-argument"), finding("stale-cache"), allow=("ignored-argument",),
    )  # fmt: skip
    assert [f.slug for f in found.findings] == [
        "stale-cache", "wrong-sign", "aliased-buffer", "kink", "ignored-argument",
    ]  # fmt: skip


def test_audit_cut_short_is_inconclusive_and_says_so() -> None:
    found = report(stopped="the time is used up")
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.findings[0].slug == "budget-exhausted"
    assert "the time is used up" in found.findings[0].message


def test_report_carries_seed_size_and_versions() -> None:
    found = report()
    assert (found.seed, found.size) == (3, 3)
    assert found.versions["numpy"] == np.__version__
    assert found.own_seconds == 0.5


def test_fault_besides_an_allowed_one_is_still_named() -> None:
    def fun(t: Any) -> Any:
        value = float(t @ t), -2 * t
        t[:] = 0.0
        return value

    found = check(fun, np.array([1.0, 2.0, 3.0]), allow="mutated-argument", rng=0)
    assert found.verdict == Verdict.FAIL
    assert "wrong-sign" in [f.slug for f in found.findings if not f.allowed]
