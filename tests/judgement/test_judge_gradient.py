"""From projections to verdicts: DESIGN.md, Verdicts, with evidence made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gradaudit import Block, Layout, Verdict
from gradaudit.evidence.cause import Factor
from gradaudit.evidence.dependence import Dependence
from gradaudit.evidence.directions import Region
from gradaudit.evidence.gradient import PointEvidence, Projection
from gradaudit.evidence.locate import Located
from gradaudit.judgement.causes import entry_position, name_factor
from gradaudit.judgement.gradient import is_material, judge_blocks
from gradaudit.judgement.record import Description, Record
from gradaudit.numerics.ladder import Slope
from gradaudit.numerics.noise import Noise
from gradaudit.results import Settings

W, b = Block("W", 0, (10, 10)), Block("b", 100, (10,))


def slope(value: float, bar: float = 1e-9, **more: Any) -> Slope:
    settings = {"regime": "smooth", "step": 0.01, "curvature": 1.0, "bend": 0.0, "evaluations": 6}
    return Slope(value=value, bar=bar, **{**settings, **more})


def projection(
    analytic: float, numeric: float, *, block: int | None = 0, kind: Any = "signs",
    bar: float = 1e-9, norm: float = 1.0, entry: int | None = None, **more: Any,
) -> Projection:  # fmt: skip
    return Projection(
        block=block, kind=kind, entry=entry, analytic=analytic,
        analytic_bar=2e-16 * (4 * norm + abs(analytic)),
        slope=slope(numeric, bar, **more), norm=norm,
        lightest=(1.0,) if block is not None else (1.0, 1.0),
    )  # fmt: skip


def point(name: str, *projections: Projection, **more: Any) -> PointEvidence:
    noise = Noise(
        sigma=1e-16, spacing=1e-3, settled=True, floor=1e-16, magnitude=1.0,
        precision=more.pop("precision", "float64"), side=0, constant=False, evaluations=20,
    )  # fmt: skip
    nothing = np.zeros(0)
    return PointEvidence(
        name=name, cost=1.0, gradient_norm=1.0, noise=noise, roughness=np.zeros(2),
        theta=nothing, gradient=nothing,
        region=Region(weights=nothing, inward=None, pinned=0, reach=math.inf),
        projections=list(projections), zero_blocks=more.pop("zero_blocks", (False, False)), **more,
    )  # fmt: skip


def record(*points: PointEvidence, descriptions: Any = (), **more: Any) -> Record:
    blocks = (W, b)
    settings = Settings(**more.pop("settings", {}))
    return Record(
        settings=settings, layout=Layout(blocks, 110), blocks=blocks, points=list(points),
        descriptions=list(descriptions), **more,
    )  # fmt: skip


def right(block: int, **more: Any) -> Projection:
    return projection(1.0, 1.0 + 1e-11, block=block, **more)


# blocks without a confirmed discrepancy


def test_block_seen_sharply_passes() -> None:
    reports, findings = judge_blocks(record(point("x0", right(0), right(1))))
    assert [report.verdict for report in reports] == [Verdict.PASS, Verdict.PASS]
    assert findings == []
    assert reports[0].error_bar == pytest.approx(1e-9, rel=1e-3)


def test_block_passes_when_an_error_of_rtol_could_have_been_seen_at_one_point() -> None:
    blurred = projection(1.0, 1.0, block=0, bar=0.3)
    reports, _ = judge_blocks(
        record(point("x0", blurred, right(1)), point("point 2", right(0), right(1)))
    )
    assert reports[0].verdict == Verdict.PASS
    assert reports[0].blind_at == ("x0",)
    assert reports[1].blind_at == ()


@pytest.mark.parametrize(("bar", "verdict"), [(4.9e-4, "PASS"), (5.1e-4, "INCONCLUSIVE")])
def test_pass_needs_a_bar_below_half_of_rtol(bar: float, verdict: str) -> None:
    reports, _ = judge_blocks(record(point("x0", projection(1.0, 1.0, bar=bar), right(1))))
    assert reports[0].verdict == verdict
    assert (reports[0].reason == "") == (verdict == "PASS")


@pytest.mark.parametrize("bar", [1.0, math.inf])
def test_block_that_cannot_be_seen_is_inconclusive_with_a_reason(bar: float) -> None:
    reports, _ = judge_blocks(record(point("x0", projection(1.0, 1.0, bar=bar), right(1))))
    assert reports[0].verdict == Verdict.INCONCLUSIVE
    assert reports[0].reason


def test_block_without_any_measurement_is_inconclusive() -> None:
    reports, _ = judge_blocks(record(point("x0", right(0))))
    assert reports[1].verdict == Verdict.INCONCLUSIVE
    assert "bounds" in reports[1].reason


def test_unconfirmed_discrepancy_does_not_fail() -> None:
    reports, findings = judge_blocks(
        record(point("x0", projection(1.0, 1.0 + 3e-9), right(1)), unconfirmed=1)
    )
    assert reports[0].verdict == Verdict.PASS
    assert findings == []


def test_zero_gradient_is_measured_against_the_whole() -> None:
    nothing = projection(0.0, 0.0, block=1, norm=0.0)
    reports, _ = judge_blocks(record(point("x0", right(0), nothing)))
    assert reports[1].verdict == Verdict.PASS
    assert reports[1].against == "gradient"


def test_zero_gradient_everywhere_is_not_divided_by_zero() -> None:
    reports, _ = judge_blocks(
        record(point("x0", *(projection(0.0, 0.0, block=i, norm=0.0, bar=0.0) for i in (0, 1))))
    )
    assert [report.relative_error for report in reports] == [0.0, 0.0]


# confirmed discrepancies


def described(
    p: PointEvidence, *projections: Projection, factor: float | None = None,
    located: Located | None = None,
) -> Description:  # fmt: skip
    found = None if factor is None else Factor(value=factor, uncertainty=1e-10, projections=3)
    return Description(
        block=projections[0].block, point=p, projections=projections, factor=found, located=located
    )


def judged(*projections: Projection, factor: float | None = None, **more: Any) -> Any:
    located = more.pop("located", None)
    zero = (all(p.analytic == 0.0 for p in projections), False)
    at = point("x0", *projections, right(1), zero_blocks=zero)
    return judge_blocks(
        record(
            at,
            descriptions=[described(at, *projections, factor=factor, located=located)],
            **more,
        )
    )


def test_confirmed_discrepancy_fails_its_block_alone() -> None:
    reports, findings = judged(projection(1.0, 1.1), projection(0.7, 1.4))
    assert [report.verdict for report in reports] == [Verdict.FAIL, Verdict.PASS]
    assert [(f.slug, f.level, f.block) for f in findings] == [("wrong-gradient", "error", "W")]
    assert reports[0].failed_at == ("x0",)


def test_failure_at_any_point_fails_the_block() -> None:
    second = point("point 2", projection(1.0, 1.1), right(1))
    reports, _ = judge_blocks(
        record(
            point("x0", right(0), right(1)), second, point("point 3", right(0), right(1)),
            descriptions=[described(second, projection(1.0, 1.1))],
        )
    )  # fmt: skip
    assert reports[0].verdict == Verdict.FAIL
    assert reports[0].failed_at == ("point 2",)


@pytest.mark.parametrize(
    ("factor", "slug"),
    [(2.0, "wrong-scale"), (-1.0, "wrong-sign"), (1.000001, "wrong-scale"), (-2.0, "wrong-scale")],
)
def test_factor_names_the_cause(factor: float, slug: str) -> None:
    reports, findings = judged(projection(factor, 1.0), factor=factor)
    assert [finding.slug for finding in findings] == [slug]
    assert reports[0].factor == factor


def test_gradient_of_zeros_is_a_zero_gradient() -> None:
    _, findings = judged(projection(0.0, 1.0), projection(0.0, -2.0), factor=0.0)
    assert [finding.slug for finding in findings] == ["zero-gradient"]


def test_few_wrong_entries_are_named_by_their_index() -> None:
    entries = tuple(projection(1.0, 1.2, kind="entry", entry=i) for i in (12, 99))
    _, findings = judged(
        projection(1.0, 1.2), located=Located(entries=entries, dense=False, finished=True)
    )
    assert [finding.slug for finding in findings] == ["wrong-entries"]
    assert findings[0].data["indices"] == ((1, 2), (9, 9))
    assert "[1, 2]" in findings[0].message


@pytest.mark.parametrize(
    "more", [{"dense": True, "finished": True}, {"dense": False, "finished": False}]
)
def test_entries_that_are_not_all_are_not_named(more: Any) -> None:
    entries = (projection(1.0, 1.2, kind="entry", entry=12),)
    _, findings = judged(projection(1.0, 1.2), located=Located(entries=entries, **more))
    assert [finding.slug for finding in findings] == ["wrong-gradient"]


def test_blocks_of_one_factor_are_one_finding() -> None:
    one, two = projection(2.0, 1.0), projection(4.0, 2.0, block=1)
    at = point("x0", one, two)
    _, findings = judge_blocks(
        record(at, descriptions=[described(at, one, factor=2.0), described(at, two, factor=2.0)])
    )
    assert [finding.data["blocks"] for finding in findings] == [("W", "b")]


def test_blocks_of_two_factors_are_two_findings() -> None:
    one, two = projection(2.0, 1.0), projection(3.0, 1.0, block=1)
    at = point("x0", one, two)
    _, findings = judge_blocks(
        record(at, descriptions=[described(at, one, factor=2.0), described(at, two, factor=3.0)])
    )
    assert [finding.data["blocks"] for finding in findings] == [("W",), ("b",)]


def test_discrepancy_that_no_block_shows_alone_is_still_an_error() -> None:
    doubtful = projection(1.0, 1.1, block=None, kind="all")
    at = point("x0", right(0), right(1), doubtful)
    _, findings = judge_blocks(record(at, descriptions=[described(at, doubtful)]))
    assert [(f.slug, f.level) for f in findings] == [("wrong-gradient", "error")]


# materiality


@pytest.mark.parametrize(
    ("size", "material"), [(1e-7, False), (9e-7, False), (2e-6, True), (1.0, True)]
)
def test_unstructured_remainder_matters_above_negligible(size: float, material: bool) -> None:
    at = point("x0")
    found = described(at, projection(1.0 + size, 1.0), projection(1.0, 1.0 + size))
    assert is_material(found, record(at)) == material


@pytest.mark.parametrize(
    ("factor", "material"), [(1 + 5e-7, False), (1.000001, True), (1 - 2e-6, True)]
)
def test_factor_matters_from_negligible_on(factor: float, material: bool) -> None:
    at = point("x0")
    assert (
        is_material(described(at, projection(factor, 1.0), factor=factor), record(at)) == material
    )


@pytest.mark.parametrize(("size", "material"), [(1e-7, False), (1e-3, True)])
def test_entry_matters_relative_to_itself(size: float, material: bool) -> None:
    at = point("x0")
    entry = projection(
        1e-3 * (1 + size), 1e-3, kind="entry", entry=3, bar=1e-13, norm=1e-3 * (1 + size)
    )
    located = Located(entries=(entry,), dense=False, finished=True)
    found = described(at, projection(1.0 + 1e-3 * size, 1.0, bar=1e-13), located=located)
    assert is_material(found, record(at)) == material


def test_negligible_is_a_setting() -> None:
    at = point("x0")
    found = described(at, projection(1.0 + 1e-5, 1.0))
    assert is_material(found, record(at))
    assert not is_material(found, record(at, settings={"negligible": 1e-4}))


def test_immaterial_discrepancy_is_a_note_on_a_pass() -> None:
    reports, findings = judged(projection(1.0 + 1e-7, 1.0), projection(1.0, 1.0 - 1e-7))
    assert reports[0].verdict == Verdict.PASS
    assert [(f.slug, f.level) for f in findings] == [("wrong-gradient", "note")]


# other findings


@pytest.mark.parametrize(
    ("regime", "slug", "level"),
    [("kink", "kink", "note"), ("jump", "discontinuity", "warning"),
     ("domain-edge", "domain-edge", "note")],
)  # fmt: skip
def test_irregularity_is_noted_with_its_block(regime: str, slug: str, level: str) -> None:
    met = projection(1.0, 1.0, block=1, regime=regime, one_sided=(0.5, 1.5))
    _, findings = judge_blocks(record(point("x0", right(0), met)))
    assert [(f.slug, f.level, f.block) for f in findings] == [(slug, level, "b")]


def test_low_precision_is_a_note() -> None:
    _, findings = judge_blocks(record(point("x0", right(0), right(1), precision="float32")))
    assert [(f.slug, f.level) for f in findings] == [("low-precision", "note")]


@pytest.mark.parametrize(("zero", "level"), [(True, "note"), (False, "warning")])
def test_unused_block_is_a_note_when_its_gradient_is_zero(zero: bool, level: str) -> None:
    constant = Dependence(reaches=(1.0, 100.0), moved_at=None, evaluations=2)
    at = point("x0", right(0), projection(0.0, 0.0, block=1), zero_blocks=(False, zero))
    _, findings = judge_blocks(record(at, block_dependence={1: constant}))
    assert [(f.slug, f.level, f.block) for f in findings] == [("unused-block", level, "b")]


def test_block_that_moved_at_a_larger_step_is_not_unused() -> None:
    moved = Dependence(reaches=(1.0, 100.0), moved_at=100.0, evaluations=2)
    _, findings = judge_blocks(record(point("x0", right(0), right(1)), block_dependence={1: moved}))
    assert findings == []


# names of factors


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (2.0, "2"),
        (0.5, "1/2"),
        (0.2, "1/m with m = 5"),
        (5.0, "m with m = 5"),
        (1 / 784, "1/n with n = 784"),
        (0.3, None),
        (0.2001, None),
    ],
)
def test_factor_is_named_by_the_numbers_of_the_code(factor: float, name: str | None) -> None:
    assert name_factor(factor, {"m": 5, "n": 784, "one": 1}) == name


def test_factor_two_is_ambiguous_when_a_size_is_two() -> None:
    name = name_factor(0.5, {"m": 2})
    assert name is not None
    assert "1/2" in name
    assert "m = 2" in name


# places


@pytest.mark.parametrize(
    ("block", "flat", "index"),
    [
        (Block("W", 4, (2, 3)), 8, (1, 1)),
        (Block("W", 4, (2, 3), "F"), 7, (1, 1)),
        (Block("W", 1, (2, 3), "strided", (6, 2)), 9, (1, 1)),
        (Block("s", 4, ()), 4, ()),
    ],
)
def test_entry_is_placed_in_its_block(block: Block, flat: int, index: tuple[int, ...]) -> None:
    assert entry_position(block, flat) == index
