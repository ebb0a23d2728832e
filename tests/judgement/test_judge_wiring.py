"""From the protocol to GA1xx, with evidence made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import Finding, Problem
from gradaudit.evaluator import Sample
from gradaudit.evidence.dependence import Dependence
from gradaudit.evidence.protocol import Protocol
from gradaudit.judgement.record import Record
from gradaudit.judgement.wiring import ends_audit, judge_unreadable, judge_wiring
from gradaudit.results import Location, Settings
from gradaudit.source.closures import Suspicion

problem = Problem(lambda t: (float(t @ t), 2 * t), np.ones(3), blocks="W=2,b=1")


def sample(cost: float = 1.0, gradient: Any = (1.0, 2.0, 3.0), **more: Any) -> Sample:
    settings = {"cost_type": "float64", "misshapen": "", "gradient_dtype": "float64"}
    return Sample(cost=cost, gradient=np.array(gradient), **{**settings, **more})


def judge(
    *, first: Sample | None = None, dependence: Any = None, suspicions: Any = (), **seen: Any
) -> list[Finding]:
    protocol = Protocol(first=first or sample(), moved_cost=seen.pop("moved_cost", 1.5), **seen)
    assert problem.layout is not None
    record = Record(
        settings=Settings(), protocol=protocol, dependence=dependence, suspicions=suspicions,
        blocks=problem.layout.blocks,
    )  # fmt: skip
    return judge_wiring(record, problem)


def said(*, levels: bool = False, **seen: Any) -> Any:
    return [(f.slug, f.level) if levels else f.slug for f in judge(**seen)]


def test_healthy_protocol_has_nothing_to_say() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("seen", "slug", "level"),
    [
        ({"mutated": (0, 2)}, "mutated-argument", "error"),
        ({"aliased": True}, "aliased-buffer", "warning"),
        ({"stale_cost": True}, "stale-cache", "error"),
        ({"stale_gradient": True}, "stale-cache", "error"),
        ({"cost_after_gradient": 2.0}, "value-mismatch", "error"),
        ({"drift": 1.0, "gradient_spread": 1.0}, "accumulated-gradient", "error"),
        ({"cost_spread": 0.1}, "nondeterministic", "warning"),
        ({"gradient_spread": 1e-3}, "nondeterministic", "warning"),
        ({"changed_data": ("X",), "cost_spread": 0.1}, "mutated-data", "error"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else value,
)
def test_each_observation_has_its_finding(seen: dict[str, Any], slug: str, level: str) -> None:
    assert said(levels=True, **seen) == [(slug, level)]


@pytest.mark.parametrize(
    "seen",
    [
        {"cost_spread": 1e-15},
        {"gradient_spread": 1e-15},
        {"random_state": ("random",)},
        {"changed_data": ("X",)},
        {"gradient_fixed": True},
    ],
    ids=lambda seen: next(iter(seen)),
)
def test_harmless_observations_have_none(seen: dict[str, Any]) -> None:
    assert said(**seen) == []


def test_one_cause_is_one_finding() -> None:
    assert said(mutated=(0,), cost_spread=0.5, aliased=True) == ["mutated-argument"]
    assert said(drift=1.0, gradient_spread=1.0, aliased=True, changed_data=("out",)) == [
        "accumulated-gradient"
    ]


def test_overwritten_entries_are_named_by_block() -> None:
    (finding,) = judge(mutated=(0, 2))
    assert "W[0], b[0]" in " ".join(finding.notes)
    assert finding.data["indices"] == (0, 2)


def test_cost_that_is_not_finite_is_an_error_and_ends_the_audit() -> None:
    found = judge(first=sample(cost=np.nan))
    assert [(f.slug, f.level) for f in found] == [("non-finite", "error")]
    assert ends_audit(found)


def test_entry_that_is_not_finite_is_named_by_block_and_index() -> None:
    (finding,) = judge(first=sample(gradient=(1.0, np.inf, 2.0)))
    assert "inf in W[1]" in finding.message
    assert "1 of 3" in finding.notes[0]


def test_misshapen_gradient_is_wrong_shape_and_does_not_end_the_audit() -> None:
    found = judge(first=sample(misshapen="the gradient has shape (3, 1), the parameters (3,)"))
    assert [(f.slug, f.level) for f in found] == [("wrong-shape", "error")]
    assert not ends_audit(found)


# a constant cost

constant = Dependence(reaches=(1e-3, 1.0), moved_at=None, evaluations=2)
moved = Dependence(reaches=(1e-3, 1.0), moved_at=1.0, evaluations=2)
reading = Suspicion(
    slug="ignored-argument", reason="unused", parameter="x", used_instead="theta",
    location=Location(path="train.py", line=42), replacement="J = lambda x: cost(x)",
    note="parameter 'x' is never used",
)  # fmt: skip


def test_constant_cost_with_a_reading_is_an_error_with_its_place() -> None:
    (finding,) = judge(dependence=constant, suspicions=(reading,), zero_gradient=True)
    assert (finding.slug, finding.level) == ("ignored-argument", "error")
    assert str(finding.location) == "train.py:42"
    assert finding.replacement == "J = lambda x: cost(x)"
    assert "theta" in finding.help
    assert ends_audit([finding])


def test_constant_cost_with_a_gradient_is_an_error() -> None:
    assert said(levels=True, dependence=constant) == [("ignored-argument", "error")]


def test_constant_cost_with_zero_gradient_and_no_reading_is_a_warning() -> None:
    found = judge(dependence=constant, zero_gradient=True, first=sample(gradient=(0.0, 0.0, 0.0)))
    assert [(f.slug, f.level) for f in found] == [("ignored-argument", "warning")]
    assert not ends_audit(found)


def test_reading_without_a_constant_cost_says_nothing() -> None:
    assert said(suspicions=(reading,)) == []
    assert said(suspicions=(reading,), dependence=moved) == []


# a function that cannot be called


def test_missing_parameter_explains_a_type_error() -> None:
    suspicion = Suspicion(slug="ignored-argument", reason="no-parameter", note="it takes none")
    record = Record(settings=Settings(), suspicions=(suspicion,))
    assert [f.slug for f in judge_unreadable(record, TypeError("takes 0"))] == ["ignored-argument"]


@pytest.mark.parametrize("error", [ValueError("boom"), NotImplementedError()])
def test_other_errors_are_not_explained_away(error: Exception) -> None:
    record = Record(settings=Settings(), suspicions=(reading,))
    assert judge_unreadable(record, error) == []
