"""Projections of the gradient, factors that explain them, and the entries behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import Block, Problem
from gradaudit.blocks import parse_layout
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.cause import fit_factor
from gradaudit.evidence.directions import typical_sizes
from gradaudit.evidence.gradient import (
    PointAuditor,
    PointEvidence,
    Projection,
    cheapest_plan,
    rounding_of_dot,
)
from gradaudit.evidence.locate import locate
from gradaudit.numerics.ladder import Slope


def audit(
    gradient_of: Callable[[Any], Any], n: int = 60, blocks: str = "a=20,b=40"
) -> tuple[PointAuditor, PointEvidence]:
    """Return an auditor of sum(sin) + 0.5 x.x, and its first point."""
    start = np.random.default_rng(3).standard_normal(n)
    problem = Problem(
        lambda t: (float(np.sin(t).sum() + 0.5 * t @ t), gradient_of(t)), start, blocks=blocks
    )
    evaluator = Evaluator(problem)
    layout = parse_layout(blocks, n)
    auditor = PointAuditor(evaluator, layout.blocks, np.random.default_rng(0))
    sizes = typical_sizes(start, layout.blocks)
    point = auditor.begin("x0", problem.start, evaluator.sample(problem.start), sizes)
    return auditor, point


def right(t: Any) -> Any:
    return np.cos(t) + t


def wrong_in_b(t: Any) -> Any:
    gradient = right(t)
    gradient[20:] *= 1.001
    return gradient


def wrong_entry(t: Any) -> Any:
    gradient = right(t)
    gradient[37] *= 1.001
    return gradient


def test_plan_chooses_the_cheaper_way() -> None:
    assert cheapest_plan(5, 2, 0.999, dense=False).entries
    assert not cheapest_plan(16_474, 4, 0.999, dense=False).entries
    assert cheapest_plan(16_474, 4, 0.999, dense=True).entries


def test_plan_of_more_confidence_has_more_patterns() -> None:
    low, high = (cheapest_plan(10**6, 1, c, dense=False).patterns for c in (0.999, 1 - 1e-6))
    assert low == 9
    assert high == 19


def test_noise_is_measured_along_with_the_gradients_own() -> None:
    auditor, point = audit(right)
    assert auditor.evaluator.calls <= 25
    assert 0.0 < point.noise.sigma < 1e-12
    assert np.all(point.roughness < 1e-13)


def test_right_gradient_has_no_significant_projection() -> None:
    auditor, point = audit(right)
    auditor.audit_blocks(point)
    auditor.audit_patterns(point, 3, frozenset())
    auditor.audit_coherent(point, frozenset())
    assert not any(projection.significant for projection in point.projections)
    assert {p.kind for p in point.projections} == {"signs", "all", "theta", "gradient"}


def test_wrong_block_alone_is_significant_and_stays_so() -> None:
    auditor, point = audit(wrong_in_b)
    auditor.audit_blocks(point)
    assert [p.significant for p in point.projections] == [False, True]
    assert auditor.confirm(point, point.projections[1]).significant


def test_block_costs_eight_evaluations_and_six_later() -> None:
    auditor, point = audit(right)
    before = auditor.evaluator.calls
    auditor.audit_blocks(point)
    first = auditor.evaluator.calls - before
    auditor.audit_blocks(point, point)
    later = auditor.evaluator.calls - before - first
    assert first <= 2 * 8
    assert later == 2 * 6


def test_projection_promises_what_the_gradient_says() -> None:
    auditor, point = audit(right)
    auditor.audit_entries(point)
    entries = [projection for projection in point.projections if projection.kind == "entry"]
    assert len(entries) == 60
    for projection in entries:
        assert projection.entry is not None
        weight = projection.lightest[0]
        assert abs(projection.analytic) == pytest.approx(
            abs(point.gradient[projection.entry]) * weight
        )
        assert abs(projection.residual) <= projection.bar


def test_released_point_keeps_no_vector() -> None:
    _, point = audit(right)
    point.release()
    assert point.theta.size == point.gradient.size == point.region.weights.size == 0


def test_lone_wrong_entry_is_located() -> None:
    auditor, point = audit(wrong_entry)
    auditor.audit_blocks(point)
    found = locate(auditor, point, 1)
    assert [projection.entry for projection in found.entries] == [37]
    assert found.finished
    assert not found.dense


def test_error_everywhere_is_dense() -> None:
    auditor, point = audit(wrong_in_b, n=1020, blocks="a=20,b=1000")
    auditor.audit_blocks(point)
    assert locate(auditor, point, 1).dense


def test_search_ends_when_its_measurements_are_spent() -> None:
    auditor, point = audit(wrong_in_b, n=1020, blocks="a=20,b=1000")
    auditor.audit_blocks(point)
    before = auditor.evaluator.calls
    located = locate(auditor, point, 1, evaluations=4)
    assert not located.finished or located.entries
    assert auditor.evaluator.calls - before <= 5 * 10


def test_located_entry_of_a_strided_block_is_its_flat_index() -> None:
    start = np.random.default_rng(3).standard_normal(40)
    blocks = (
        Block("even", 0, (20,), "strided", (2,)),
        Block("odd", 1, (20,), "strided", (2,)),
    )

    def fun(t: Any) -> Any:
        gradient = right(t)
        gradient[7] *= 1.01
        return float(np.sin(t).sum() + 0.5 * t @ t), gradient

    evaluator = Evaluator(Problem(fun, start, blocks=blocks))
    auditor = PointAuditor(evaluator, blocks, np.random.default_rng(0))
    point = auditor.begin("x0", start, evaluator.sample(start), typical_sizes(start, blocks))
    auditor.audit_blocks(point)
    assert [p.significant for p in point.projections] == [False, True]
    assert [p.entry for p in locate(auditor, point, 1).entries] == [7]


# factors


def projection(analytic: float, numeric: float, bar: float = 1e-9) -> Projection:
    slope = Slope(
        value=numeric, bar=bar, regime="smooth", step=0.01, curvature=1.0, bend=0.0, evaluations=6
    )
    return Projection(
        block=0, kind="signs", analytic=analytic, analytic_bar=1e-15, slope=slope, norm=1.0
    )


@pytest.mark.parametrize("factor", [2.0, -1.0, 0.2, 1.000001, 1e-8, 784.0])
def test_factor_that_explains_all_projections_is_found(factor: float) -> None:
    slopes = [0.7, -1.3, 0.2, 2.5]
    found = fit_factor([projection(factor * slope, slope) for slope in slopes])
    assert found is not None
    assert found.value == pytest.approx(factor, abs=1e-8)
    assert found.projections == 4
    assert abs(found.value - factor) <= found.uncertainty


def test_projections_that_disagree_have_no_factor() -> None:
    assert fit_factor([projection(2.0, 1.0), projection(2.0, 1.0), projection(1.0, 1.0)]) is None


def test_single_projection_has_no_factor() -> None:
    assert fit_factor([projection(2.0, 1.0)]) is None
    assert fit_factor([]) is None


def test_projections_without_slope_have_no_factor() -> None:
    assert fit_factor([projection(1.0, 0.0), projection(2.0, 0.0)]) is None


def test_projections_with_infinite_bars_do_not_count() -> None:
    found = fit_factor(
        [projection(2.0, 1.0), projection(3.0, 1.5), projection(9.0, 1.0, bar=np.inf)]
    )
    assert found is not None
    assert found.projections == 2


def test_rounding_of_a_scalar_product_covers_what_happens() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.standard_normal((2, 1000))
        exact = float(np.sum(a.astype(np.longdouble) * b))
        norm = float(np.linalg.norm(a * b))
        assert abs(float(a @ b) - exact) <= rounding_of_dot(exact, norm)
