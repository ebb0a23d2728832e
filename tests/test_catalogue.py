"""The codes that findings carry."""
# ruff: noqa: SIM905  (a table of words)

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradaudit.catalogue import RECORDS, find_record

DESIGN_SLUGS = """
ignored-argument unused-block late-binding misbound-partial frozen-gradient wrong-shape
integer-truncation jac-flag mutated-argument mutated-data aliased-buffer accumulated-gradient
stale-cache nondeterministic value-mismatch
wrong-gradient wrong-sign wrong-scale zero-gradient missing-penalty extra-penalty wrong-penalty
transposed-block wrong-memory-order swapped-blocks block-order shifted-block wrong-entries wrong-row
wrong-column row-scale column-scale log-parameter fun-jac-mismatch wrong-jacobian wrong-hessian
wrong-constraint-jacobian
kink discontinuity piecewise-constant noise low-precision non-finite domain-edge
below-noise budget-exhausted not-analytic
bad-scaling unbounded dead-start infeasible-start degenerate-constraints infeasible-constraints
precision-limit iteration-limit converged solver-behaviour
""".split()

ERRORS = """
ignored-argument late-binding misbound-partial frozen-gradient stale-cache accumulated-gradient
mutated-argument mutated-data wrong-shape non-finite
""".split()


@pytest.mark.parametrize("slug", DESIGN_SLUGS)
def test_every_slug_of_the_vocabulary_has_a_record(slug: str) -> None:
    assert RECORDS[slug].slug == slug


def test_codes_are_unique_and_well_formed() -> None:
    codes = [record.code for record in RECORDS.values()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"GA[1-59]\d\d", code) for code in codes)


@pytest.mark.parametrize(("slug", "family"), [
    ("ignored-argument", "GA1"), ("wrong-gradient", "GA2"), ("kink", "GA3"),
    ("below-noise", "GA4"), ("converged", "GA5"), ("bad-setting", "GA9"),
])  # fmt: skip
def test_codes_belong_to_the_family_of_their_subject(slug: str, family: str) -> None:
    assert RECORDS[slug].code.startswith(family)


def test_released_codes_keep_their_meaning() -> None:
    released = {"GA101": "ignored-argument", "GA102": "unused-block", "GA105": "frozen-gradient",
                "GA113": "stale-cache", "GA201": "wrong-gradient", "GA202": "wrong-scale",
                "GA203": "wrong-sign", "GA301": "kink", "GA402": "budget-exhausted"}  # fmt: skip
    assert {code: record.slug for code in released if (record := find_record(code))} == released


@pytest.mark.parametrize("slug", ERRORS)
def test_levels_of_certain_faults_are_errors(slug: str) -> None:
    assert RECORDS[slug].level == "error"


@pytest.mark.parametrize("slug", ["aliased-buffer", "unused-block", "nondeterministic"])
def test_levels_of_probable_faults_are_warnings(slug: str) -> None:
    assert RECORDS[slug].level == "warning"


def test_every_wrong_gradient_is_an_error() -> None:
    wrong = [record for record in RECORDS.values() if record.code.startswith("GA2")]
    assert all(record.level == "error" for record in wrong)


def test_summaries_are_facts_in_lower_case_without_full_stop() -> None:
    for record in RECORDS.values():
        first = record.summary.split()[0]
        assert first == first.lower() or "." in first
        assert not record.summary.endswith(".")
        assert len(f"{record.level}[{record.code}]: {record.summary}") <= 80


@pytest.mark.parametrize("name", ["ga101", "GA101", " ignored-argument ", "Ignored-Argument"])
def test_records_are_found_by_code_and_slug_in_any_case(name: str) -> None:
    record = find_record(name)
    assert record is not None
    assert record.code == "GA101"


@pytest.mark.parametrize("name", ["", "GA999", "ignored"])
def test_unknown_name_finds_nothing(name: str) -> None:
    assert find_record(name) is None


def test_page_is_named_after_the_slug() -> None:
    assert Path(RECORDS["kink"].page) == Path("kink.md")
