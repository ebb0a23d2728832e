"""Typical sizes, moved points, regions within bounds, and lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradaudit import Block, Problem
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.directions import (
    Line,
    few_bits,
    moved_point,
    region_at,
    typical_sizes,
)

finite = st.floats(-1e100, 1e100).filter(lambda v: v == 0.0 or abs(v) > 1e-100)
vectors = arrays(np.float64, st.integers(1, 30), elements=finite)


def one(n: int) -> list[Block]:
    return [Block("theta", 0, (n,))]


@given(vectors)
def test_typical_sizes_are_powers_of_two(theta: Any) -> None:
    sizes = typical_sizes(theta, one(theta.size))
    mantissa, _ = np.frexp(sizes)
    assert np.all(mantissa == 0.5)
    assert np.isfinite(sizes).all()


def test_block_of_like_numbers_has_one_size() -> None:
    sizes = typical_sizes(np.array([3.0, -4.0, 5.0]), one(3))
    assert np.all(sizes == 4.0)


def test_block_of_mixed_units_has_a_size_for_each_entry() -> None:
    theta = np.array([1e-6, 1e-3, 1.0, 1e3, 1e6])
    sizes = typical_sizes(theta, one(theta.size))
    assert np.all((sizes >= theta / 2) & (sizes <= 2 * theta))


def test_block_of_zeros_takes_the_size_of_the_others() -> None:
    sizes = typical_sizes(
        np.array([4.0, 4.0, 0.0, 0.0]), [Block("W", 0, (2,)), Block("b", 2, (2,))]
    )
    assert sizes[2:].tolist() == [4.0, 4.0]


def test_zeros_alone_have_size_one() -> None:
    assert typical_sizes(np.zeros(3), one(3)).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("power", [-20, 7])
def test_sizes_follow_the_unit(power: int) -> None:
    theta = np.random.default_rng(0).standard_normal(20)
    sizes = typical_sizes(theta, one(20))
    assert np.array_equal(typical_sizes(theta * 2.0**power, one(20)), sizes * 2.0**power)


@given(vectors)
def test_few_bits_are_few_and_near(values: Any) -> None:
    rounded = few_bits(values)
    assert np.all(np.abs(rounded - values) <= np.abs(values) / 2**8)
    mantissa, _ = np.frexp(rounded)
    assert np.all(mantissa * 2**9 == np.rint(mantissa * 2**9))


# moved points


@given(vectors, st.integers(0, 100), st.sampled_from([0.1, 0.5, 1.0, 2.0]))
def test_moved_point_keeps_signs_and_leaves_zero(theta: Any, seed: int, reach: float) -> None:
    sizes = typical_sizes(theta, one(theta.size))
    point = moved_point(theta, sizes, reach, np.random.default_rng(seed))
    large = np.abs(theta) >= 1e-3 * sizes
    assert np.array_equal(np.sign(point[large]), np.sign(theta[large]))
    assert np.all(point != 0.0)
    assert np.all(point != theta)


@given(st.integers(0, 100), st.sampled_from([0.5, 2.0]))
def test_moved_point_is_strictly_inside_its_bounds(seed: int, reach: float) -> None:
    theta = np.array([0.0, 1.0, 0.5, 2.0, -3.0])
    lower = np.array([0.0, 0.0, 0.5, -np.inf, -3.0])
    upper = np.array([1.0, 1.0, 0.5, 2.0, np.inf])
    point = moved_point(theta, np.ones(5), reach, np.random.default_rng(seed), lower, upper)
    free = lower < upper
    assert np.all(point[free] > lower[free])
    assert np.all(point[free] < upper[free])
    assert point[2] == 0.5


# regions


def test_region_without_bounds_has_the_full_size() -> None:
    region = region_at(np.ones(3), np.full(3, 2.0), None, None)
    assert region.weights.tolist() == [2.0, 2.0, 2.0]
    assert region.inward is None
    assert region.pinned == 0


def test_parameter_on_a_bound_moves_inwards_only() -> None:
    region = region_at(np.array([0.0, 9.0, 5.0]), np.ones(3), np.zeros(3), np.full(3, 9.0))
    assert region.weights[:2].tolist() == [0.0, 0.0]
    assert region.weights[2] > 0.0
    assert region.inward is not None
    assert region.inward[0] > 0.0
    assert region.inward[1] < 0.0
    assert region.inward[2] == 0.0


def test_pinned_parameter_does_not_move() -> None:
    region = region_at(np.ones(2), np.ones(2), np.array([1.0, 0.0]), np.array([1.0, 2.0]))
    assert region.pinned == 1
    assert region.weights[0] == 0.0
    assert region.inward is None or region.inward[0] == 0.0


@given(
    arrays(np.float64, 8, elements=st.floats(0, 1)),
    arrays(np.float64, 8, elements=st.floats(1e-9, 1e3)),
)
def test_longest_step_stays_inside_the_bounds(theta: Any, sizes: Any) -> None:
    lower, upper = np.zeros(8), np.ones(8)
    region = region_at(theta, sizes, lower, upper)
    for sign in (-1, 1):
        point = theta + sign * region.reach * region.weights
        assert np.all(point >= lower)
        assert np.all(point <= upper)
    if region.inward is not None:
        point = theta + region.reach * region.inward
        assert np.all(point >= lower)
        assert np.all(point <= upper)


# lines


def test_line_moves_only_its_part() -> None:
    line = Line(np.zeros(5), np.array([1.0, -2.0]), slice(1, 3))
    assert line.point(2.0).tolist() == [0.0, 2.0, -4.0, 0.0, 0.0]
    assert line.dot(np.arange(5.0)) == 1.0 - 4.0
    assert line.norm(np.arange(5.0)) == pytest.approx(np.hypot(1.0, 4.0))


def test_line_through_everything_is_a_fresh_point() -> None:
    theta = np.ones(3)
    line = Line(theta, np.array([1.0, 2.0, 3.0]))
    assert line.point(0.5).tolist() == [1.5, 2.0, 2.5]
    assert theta.tolist() == [1.0, 1.0, 1.0]


def test_costs_along_a_line_are_those_of_its_points() -> None:
    problem = Problem(lambda t: (float(t @ t), 2 * t), [1.0, 2.0])
    line = Line(problem.start, np.array([1.0, 0.0]))
    phi = line.phi(Evaluator(problem), np.array([2.0, 4.0]))
    assert phi(np.array([-1.0, 0.0, 1.0])).tolist() == [4.0, 5.0, 8.0]


def test_costs_in_single_precision_are_put_back_on_the_line() -> None:
    problem = Problem(lambda t: (float(t @ t), 2 * t), np.array([1.0, 2.0], dtype=np.float32))
    gradient = np.array([2.0, 4.0])
    phi = Line(problem.start, np.array([1.0, 0.0])).phi(Evaluator(problem), gradient)
    step = 1e-9  # lost in single precision
    assert phi(np.array([step]))[0] == pytest.approx(5.0 + 2.0 * step, abs=1e-15)
