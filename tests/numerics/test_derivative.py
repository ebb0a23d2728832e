import math

import numpy as np
import pytest

from gradaudit.numerics.derivative import derive

from .lines import line_through, slope_of


def outside(x: float) -> float:
    return x * x + x if x >= 0.0 else math.nan


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (math.sin, 1.0, math.cos(1.0)),
        (math.exp, 1.3, math.exp(1.3)),
        (lambda x: x**4, 0.7, 4 * 0.7**3),
        (lambda x: 1.0 / (1.0 + x * x), 2.0, -4.0 / 25.0),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_smooth_function_is_differentiated_to_twelve_digits(f, x, slope, seed):
    found = slope_of(f, x, seed=seed)
    assert abs(found.value - slope) <= found.bar <= 2e-11 * abs(slope)
    assert found.regime == "smooth"
    assert found.evaluations <= 60


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1e-3, 1e3, 1e6, 1e9, 1e12])
def test_scale_is_found_at_zero_where_nothing_tells_it(scale):
    found = slope_of(lambda x: math.sin(scale * x), 0.0)
    assert abs(found.value - scale) <= found.bar <= 1e-9 * scale


def test_value_is_nan_and_bar_infinite_when_no_step_is_allowed():
    seen: list[float] = []
    found = slope_of(math.sin, 1.0, lower=0.0, upper=0.0, seen=seen)
    assert math.isnan(found.value)
    assert found.bar == math.inf
    assert seen == []


@pytest.mark.parametrize(("lower", "upper"), [(0.0, math.inf), (-math.inf, 0.0)])
def test_on_a_bound_the_slope_is_one_sided_and_the_bound_is_kept(lower, upper):
    seen: list[float] = []
    found = slope_of(math.exp, 1.0, lower=lower, upper=upper, seen=seen)
    assert abs(found.value - math.e) <= found.bar <= 1e-9
    assert all(lower <= step <= upper for step in seen)


@pytest.mark.parametrize("room", [1e-3, 1e-5, 1e-8])
def test_near_bounds_no_step_leaves_them(room):
    seen: list[float] = []
    found = slope_of(math.sin, 1.0, lower=-room, upper=room / 3, seen=seen)
    assert min(seen) >= -room
    assert max(seen) <= room / 3
    assert abs(found.value - math.cos(1.0)) <= found.bar <= 1e-14 / room


def test_function_without_values_on_one_side_has_a_one_sided_slope():
    found = slope_of(outside, 0.0)
    assert found.regime == "domain-edge"
    assert found.one_sided is not None
    assert math.isnan(found.one_sided[0])
    assert abs(found.one_sided[1] - 1.0) <= found.bar <= 1e-9


def test_kink_reports_both_slopes_and_its_bar_reaches_them():
    found = slope_of(lambda x: max(x - 1.0, 0.0) + x * x, 1.0)
    assert found.regime == "kink"
    assert found.one_sided is not None
    assert found.one_sided_bars is not None
    left, right = found.one_sided
    assert abs(left - 2.0) <= found.one_sided_bars[0] <= 1e-8
    assert abs(right - 3.0) <= found.one_sided_bars[1] <= 1e-8
    assert found.value - found.bar <= 2.0
    assert found.value + found.bar >= 3.0


@pytest.mark.parametrize("distance", [1e-7, 1e-5, 1e-3])
def test_kink_nearby_does_not_spoil_the_slope(distance):
    found = slope_of(lambda x: abs(x - 1.0) + x**3, 1.0 + distance)
    assert abs(found.value - (3.0 * (1.0 + distance) ** 2 + 1.0)) <= found.bar <= 1e-5


def test_jump_has_no_slope():
    found = slope_of(lambda x: float(x >= 1.0) + x, 1.0)
    assert found.regime == "jump"
    assert found.bar == math.inf


def test_square_root_of_the_distance_is_not_given_a_slope():
    assert slope_of(lambda x: math.sqrt(abs(x)), 0.0).bar == math.inf


def test_constant_function_is_called_constant():
    found = slope_of(lambda _: 2.5, 1.0)
    assert found.regime == "constant"
    assert found.value == 0.0
    assert found.bar <= 1e-12
    assert found.evaluations <= 50


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300, 1e308])
def test_huge_and_tiny_values_neither_overflow_nor_underflow(size):
    found = slope_of(lambda x: size * math.sin(x), 1.0)
    assert abs(found.value / size - math.cos(1.0)) <= found.bar / size <= 1e-10


def test_cancellation_is_noise_even_where_it_looks_smooth():
    x = 1e-3
    exact = -x / 12.0 + x**3 / 180.0
    for seed in range(30):
        found = slope_of(lambda x: (1.0 - math.cos(x)) / (x * x), x, seed=seed)
        assert abs(found.value - exact) <= found.bar


def test_fast_oscillation_is_not_aliased():
    slope = 1e4 * math.cos(1e4)
    for seed in range(20):
        found = slope_of(lambda x: math.sin(1e4 * x), 1.0, seed=seed)
        assert abs(found.value - slope) <= found.bar <= 1e-6 * abs(slope)


def test_stochastic_noise_widens_the_bar():
    rng = np.random.default_rng(5)
    found = slope_of(lambda x: math.sin(x) + 1e-6 * rng.normal(), 1.0)
    assert found.regime == "noise"
    assert abs(found.value - math.cos(1.0)) <= found.bar
    assert 1e-7 < found.bar < 1e-2


def test_rounded_values_keep_the_slope_of_what_was_rounded():
    for seed in range(20):
        found = slope_of(lambda x: round(math.sin(x), 6), 1.0, seed=seed)
        assert abs(found.value - math.cos(1.0)) <= found.bar <= 1e-2


def test_same_generator_gives_the_same_slope():
    first, second = slope_of(math.exp, 1.0, seed=3), slope_of(math.exp, 1.0, seed=3)
    assert (first.value, first.bar) == (second.value, second.bar)
    assert (first.value, first.bar) != (slope_of(math.exp, 1.0, seed=4).value, first.bar)


def test_evaluations_are_all_counted():
    seen: list[float] = []
    assert slope_of(math.tanh, 0.5, seen=seen).evaluations == len(seen)
    seen.clear()
    assert slope_of(lambda x: abs(x - 1.0) + x, 1.0001, seen=seen).evaluations == len(seen)


def test_steps_of_a_scale_far_too_large_are_survived():
    found = derive(
        line_through(lambda x: math.exp(x) if x < 700 else math.inf, 1.0),
        math.e,
        scale=1e6,
        resolution=2.0**-52,
        rng=np.random.default_rng(0),
    )
    assert abs(found.value - math.e) <= found.bar <= 1e-8
