"""Lines through a stop: closed-form corners, jumps and falls, and shapes that are none of them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit.evaluator import Evaluator
from gradaudit.optimizers.terrain import (
    LineOf,
    Walk,
    descend,
    find_edge,
    find_fall,
    find_jump,
    find_kink,
    look,
    look_around,
    noise_along,
    slips_off,
    steps_within,
)
from gradaudit.problem import Problem

EPS = float(np.finfo(float).eps)
BEND = 0.3
# a run that stopped at a corner stopped this near to it
NEAR = 0.01


def line_of(
    cost: Callable[[float], Any], lower: float | None = None, upper: float | None = None
) -> LineOf:
    """Return the line t -> cost(t) through t = 0."""
    evaluator = Evaluator(Problem(lambda x: cost(float(x[0])), np.zeros(1), jac=None))
    low, high = (None if side is None else np.array([side]) for side in (lower, upper))
    return LineOf(evaluator, np.zeros(1), np.ones(1), cost(0.0), low, high)


def evaluator_of(cost: Callable[[np.ndarray], float], n: int) -> Evaluator:
    return Evaluator(Problem(cost, np.zeros(n), jac=None))


def rng() -> np.random.Generator:
    return np.random.default_rng(20240501)


# lines ---------------------------------------------------------------------------------------


def test_steps_end_where_the_first_entry_meets_its_bound():
    low, high = steps_within(
        np.zeros(2), np.array([2.0, -1.0]), np.array([-4.0, -1.0]), np.array([4.0, 3.0])
    )
    assert (low, high) == (-2.0, 1.0)


def test_steps_are_free_without_bounds():
    assert steps_within(np.zeros(1), np.ones(1), None, None) == (-math.inf, math.inf)


def test_direction_of_zeros_allows_no_step():
    assert steps_within(np.zeros(1), np.zeros(1), -np.ones(1), np.ones(1)) == (0.0, 0.0)


def test_step_is_evaluated_once_however_often_it_is_asked_for():
    line = line_of(lambda t: t * t)
    line.add([0.5, 0.5, 0.0])
    assert line.at(0.5) == 0.25
    line.add([0.5])
    assert line.evaluator.cost_calls == 1


def test_step_beyond_the_bounds_is_not_evaluated():
    line = line_of(lambda t: t, -1.0, 1.0)
    assert math.isnan(line.at(1.5))
    line.add([-2.0, 1.0])
    assert line.evaluator.cost_calls == 1
    assert line.walk().steps == (0.0, 1.0)


def test_lowest_value_of_a_walk_is_a_finite_one():
    assert Walk(steps=(0.0, 1.0, 2.0, 3.0), values=(3.0, math.nan, 1.0, -math.inf)).lowest == 2


@pytest.mark.parametrize(
    ("cost", "terraced"),
    [
        (lambda t: math.floor(4.0 * t), True),
        (lambda t: t * t, False),
        (lambda _t: 7.0, False),
        (lambda t: max(t, 0.0) + t * t, False),
    ],
)
def test_terraces_are_few_values_at_many_steps(cost, terraced):
    line = line_of(cost)
    line.add(np.linspace(-1.0, 1.0, 41).tolist())
    assert line.walk().terraced is terraced


def test_look_finds_the_minimum_of_a_parabola():
    line = line_of(lambda t: (t - BEND) ** 2)
    walk = look(line, 1.0)
    assert abs(walk.steps[walk.lowest] - BEND) < 2e-3
    assert line.evaluator.cost_calls <= 16 + 2 * 14


def test_look_follows_a_minimum_that_lies_further_away():
    walk = look(line_of(lambda t: (t - 20.0) ** 2), 1.0)
    assert abs(walk.steps[walk.lowest] - 20.0) < 0.1


def test_look_stays_within_the_bounds():
    seen: list[float] = []

    def cost(t: float) -> float:
        seen.append(t)
        return -t

    look(line_of(cost, -1.0, 3.0), 1.0)
    assert min(seen) >= -1.0
    assert max(seen) <= 3.0


# corners -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right"), [(-1.0, 1.0), (-1.0, 3.0), (-0.02, 5.0), (-1e6, 1e6), (-1e-6, 2e-6)]
)
def test_corner_has_the_slopes_of_its_sides(left, right):
    line = line_of(lambda t: (right if t > NEAR else left) * (t - NEAR))
    kink = find_kink(line, look(line, 1.0), 0.0)
    assert kink is not None
    assert kink.step == pytest.approx(NEAR, abs=1e-4)
    assert kink.left == pytest.approx(left, rel=0.2)
    assert kink.right == pytest.approx(right, rel=0.2)


def test_corner_is_found_beside_a_parabola_and_below_an_offset():
    line = line_of(lambda t: 1e3 + (t - NEAR) ** 2 + abs(t - NEAR))
    kink = find_kink(line, look(line, 1.0), 4.0 * EPS * 1e3)
    assert kink is not None
    assert kink.right == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("place", [BEND, NEAR])
@pytest.mark.parametrize(
    "cost",
    [
        lambda t: t**2,
        lambda t: 1e8 * t**2,
        lambda t: 1e-8 * t**2,
        lambda t: t**4,
        lambda t: math.cosh(3.0 * t),
        lambda t: math.hypot(t, 0.05),
        lambda t: t**2 + 0.1 * t**3,
        lambda t: abs(t) ** 1.5,
        lambda t: -math.exp(-(t**2)),
        lambda t: 1e6 + t**2,
    ],
)
def test_smooth_minimum_is_no_corner(cost, place):
    line = line_of(lambda t: cost(t - place))
    assert find_kink(line, look(line, 1.0), 4.0 * EPS * abs(cost(0.0))) is None


def test_corner_away_from_the_lowest_point_is_not_looked_at():
    line = line_of(lambda t: (t - BEND) ** 2 + abs(t + 0.5))
    assert find_kink(line, look(line, 1.0), 0.0) is None


def test_corner_in_the_noise_is_not_claimed():
    line = line_of(lambda t: abs(t - NEAR))
    assert find_kink(line, look(line, 1.0), 1.0) is None


def test_looking_for_a_corner_takes_twenty_evaluations_at_most():
    line = line_of(lambda t: abs(t - NEAR))
    walk = look(line, 1.0)
    before = line.evaluator.cost_calls
    find_kink(line, walk, 0.0)
    assert line.evaluator.cost_calls - before <= 20


# jumps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("height", [2.0, -2.0, 0.01, 1e9])
def test_jump_is_found_with_its_place_and_height(height):
    line = line_of(lambda t: t + (height if t > 0.37 else 0.0))
    line.add([0.25, 0.5, 1.0])
    jump = find_jump(line, line.walk(), 0.0)
    assert jump is not None
    assert jump.step == pytest.approx(0.37, abs=1e-6)
    assert jump.height == pytest.approx(height, rel=1e-4)
    assert jump.width < 1e-7


@pytest.mark.parametrize(
    "cost",
    [
        lambda t: t * t,
        lambda t: math.exp(5.0 * t),
        lambda t: math.tanh(50.0 * (t - 0.4)),
        lambda t: abs(t - 0.4),
        lambda t: 1e12 + t,
        lambda t: math.sin(30.0 * t),
    ],
)
def test_steep_and_continuous_is_no_jump(cost):
    line = line_of(cost)
    line.add([-1.0, -0.5, 0.25, 0.5, 1.0])
    assert find_jump(line, line.walk(), 0.0) is None


def test_jump_outside_the_part_that_was_searched_is_left_alone():
    line = line_of(lambda t: 5.0 * (t > 0.37))
    line.add([-1.0, -0.5, 0.1, 0.2, 0.5, 1.0])
    assert find_jump(line, line.walk(), 0.0, low=-1.0, high=0.2) is None


def test_jump_in_the_noise_is_not_claimed():
    line = line_of(lambda t: 5.0 * (t > 0.37))
    line.add([0.25, 0.5])
    assert find_jump(line, line.walk(), 1.0) is None


def test_looking_for_a_jump_takes_thirty_evaluations_for_each_of_three_places():
    line = line_of(lambda t: 5.0 * (t > 0.37))
    line.add([0.25, 0.5, 1.0])
    before = line.evaluator.cost_calls
    assert find_jump(line, line.walk(), 0.0) is not None
    assert line.evaluator.cost_calls - before <= 31


# falls and edges -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cost", [lambda t: -t, lambda t: -(t**3), lambda t: t - t * t, lambda t: -math.log1p(t)]
)
def test_fall_goes_on_decade_after_decade(cost):
    fall = find_fall(line_of(cost), 1.0, "along t", 0.0)
    assert fall is not None
    assert fall.direction == "along t"
    assert fall.values == tuple(cost(t) for t in fall.steps)
    assert fall.points[-1][0] == 1e6


@pytest.mark.parametrize(
    "cost",
    [
        lambda t: t * t,
        lambda t: math.exp(-t),
        lambda t: 1.0 / (1.0 + t),
        lambda t: (t - 1e4) ** 2,
        lambda _t: 3.0,
        lambda t: -math.tanh(t),
        lambda t: -t / (1.0 + t),
        lambda t: math.inf if t > 1e3 else -t,
    ],
)
def test_cost_with_a_floor_does_not_fall_without_end(cost):
    assert find_fall(line_of(cost), 1.0, "", 4.0 * EPS) is None


def test_fall_to_minus_infinity_is_a_fall():
    fall = find_fall(line_of(lambda t: -math.inf if t > 50.0 else -t), 1.0, "", 0.0)
    assert fall is not None
    assert fall.values[-1] == -math.inf
    assert len(fall.values) == len(fall.steps)


def test_fall_is_not_looked_for_beyond_the_bounds():
    line = line_of(lambda t: -t, -1.0, 1.0)
    assert find_fall(line, 1.0, "", 0.0) is None
    assert line.evaluator.cost_calls == 0


def test_edge_of_a_domain_is_found_to_a_billionth():
    line = line_of(lambda t: -math.log(0.4 - t) if t < 0.4 else math.nan)
    edge = find_edge(line)
    assert edge is not None
    assert edge.inside < 0.4 <= edge.outside
    assert edge.outside - edge.inside < 1e-8
    assert math.isfinite(edge.last)
    assert math.isnan(edge.beyond)
    assert not edge.overflow
    assert line.evaluator.cost_calls <= 32


def test_cost_that_grows_beyond_measure_is_an_overflow_and_no_edge_of_a_domain():
    edge = find_edge(line_of(lambda t: math.exp(800.0 * t) if t < 0.88 else math.inf))
    assert edge is not None
    assert edge.overflow


def test_finite_cost_has_no_edge():
    assert find_edge(line_of(lambda t: t * t)) is None


# the surroundings of a point -----------------------------------------------------------------


def around(cost: Callable[[np.ndarray], float], n: int = 3):
    evaluator = evaluator_of(cost, n)
    zero = np.zeros(n)
    return look_around(evaluator, zero, cost(zero), np.ones(n), 2.0 * EPS, rng())


def test_constant_cost_is_flat_all_around():
    seen = around(lambda _x: 3.0)
    assert seen.flat
    assert seen.lower is None


@pytest.mark.parametrize(
    "cost", [lambda x: float(x @ x), lambda x: float((x**4).sum()), lambda x: abs(float(x[0]))]
)
def test_minimum_has_nothing_lower_around_it(cost):
    seen = around(cost)
    assert seen.lower is None
    assert not seen.flat
    assert seen.jump is None


def test_saddle_has_something_lower_around_it():
    seen = around(lambda x: float(x[0] ** 2 - 3.0 * x[1] ** 2 - 3.0 * x[2] ** 2))
    assert seen.lower is not None
    assert seen.lower < 0.0
    assert not seen.flat


def test_second_valley_behind_a_hill_is_not_counted():
    """A double well seen from its higher minimum: every direction goes up first."""
    assert around(lambda x: float(x[0] ** 2 * (x[0] - 3.0) ** 2 - 0.1 * x[0] ** 3), 1).lower is None


def test_plateau_ends_at_a_jump():
    seen = around(lambda x: float(np.floor(np.abs(x)).sum()) * 4.0)
    assert seen.jump is not None
    assert abs(seen.jump.height) >= 4.0


def test_both_sides_of_a_saddle_lead_down():
    def cost(x: np.ndarray) -> float:
        return 5.0 + float(x[0] ** 2 - 3.0 * x[1] ** 2)

    lower = slips_off(evaluator_of(cost, 2), np.zeros(2), 5.0, np.ones(2), EPS, rng())
    assert lower is not None
    assert lower == pytest.approx(5.0 - 2.0 * 0.25**2) or lower == pytest.approx(5.0 - 3.0 / 16.0)


@pytest.mark.parametrize(
    "cost",
    [
        lambda x: float(x @ x),
        lambda x: float(x.sum()),
        lambda _x: 2.0,
        lambda x: float((x @ x) ** 2),
        lambda x: float(np.abs(x).sum()),
    ],
)
def test_minimum_slope_and_plain_are_no_saddle(cost):
    evaluator = evaluator_of(cost, 3)
    found = slips_off(evaluator, np.zeros(3), cost(np.zeros(3)), np.ones(3), EPS, rng())
    assert found is None
    assert evaluator.cost_calls <= 24


# runs with derivatives that can be trusted ---------------------------------------------------


def test_descent_reaches_the_minimum_within_its_evaluations():
    goal = np.array([1.0, -2.0, 0.5])
    evaluator = evaluator_of(lambda x: 3.0 + float((x - goal) @ (x - goal)), 3)
    found = descend(evaluator, lambda x: 2.0 * (x - goal), np.zeros(3), most=20)
    assert found.cost == pytest.approx(3.0, abs=1e-12)
    assert found.point == pytest.approx(goal, abs=1e-6)
    assert found.evaluations == evaluator.cost_calls <= 20


def test_descent_stops_at_the_number_of_evaluations_that_was_asked_for():
    def cost(x: np.ndarray) -> float:
        return float(100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2)

    def gradient(x: np.ndarray) -> np.ndarray:
        bend = x[1] - x[0] ** 2
        return np.array([-400.0 * x[0] * bend - 2.0 * (1.0 - x[0]), 200.0 * bend])

    evaluator = evaluator_of(cost, 2)
    found = descend(evaluator, gradient, np.array([-1.2, 1.0]), most=5)
    assert found.evaluations == evaluator.cost_calls == 5
    assert found.cost == cost(found.point)


def test_descent_stays_within_the_bounds():
    seen: list[np.ndarray] = []

    def cost(x: np.ndarray) -> float:
        seen.append(x.copy())
        return float(((x - 3.0) ** 2).sum())

    found = descend(
        evaluator_of(cost, 2),
        lambda x: 2.0 * (x - 3.0),
        np.zeros(2),
        lower=-np.ones(2),
        upper=np.ones(2),
    )
    assert np.abs(seen).max() <= 1.0
    assert found.cost == 8.0


def test_descent_in_scaled_parameters_goes_further_where_scales_lie_apart():
    weights = np.array([1e-8, 1.0, 1e8])

    def cost(x: np.ndarray) -> float:
        return float(weights @ (x - 1.0 / np.sqrt(weights)) ** 2)

    def gradient(x: np.ndarray) -> np.ndarray:
        return 2.0 * weights * (x - 1.0 / np.sqrt(weights))

    plain = descend(evaluator_of(cost, 3), gradient, np.zeros(3), most=12)
    scaled = descend(
        evaluator_of(cost, 3), gradient, np.zeros(3), scales=1.0 / np.sqrt(weights), most=12
    )
    assert scaled.cost < 1e-12
    assert plain.cost > 0.5


def test_descent_survives_a_cost_that_is_not_finite_on_the_way():
    def cost(x: np.ndarray) -> float:
        return float(x[0] - math.log(x[0])) if x[0] > 0.0 else math.nan

    found = descend(evaluator_of(cost, 1), lambda x: 1.0 - 1.0 / x, np.array([0.01]), most=30)
    assert math.isfinite(found.cost)
    assert found.cost < cost(np.array([0.01]))


# noise ---------------------------------------------------------------------------------------


def test_smooth_cost_has_the_noise_of_its_rounding():
    sigma, precision = noise_along(line_of(lambda t: 2.0 + math.sin(t)), 1.0, rng(), corners=True)
    assert sigma < 8.0 * EPS
    assert precision == "float64"


def test_noise_is_measured_to_a_factor_of_three():
    errors = np.random.default_rng(7)
    line = line_of(lambda t: t + 1e-6 * errors.standard_normal())
    sigma, _ = noise_along(line, 1.0, rng(), corners=True)
    assert 1e-6 / 3.0 < sigma < 3e-6


def test_corners_are_not_taken_for_noise():
    line = line_of(lambda t: 1.0 + abs(t - 1e-9) + 0.5 * abs(t + 2e-9))
    sigma, _ = noise_along(line, 1.0, rng(), corners=True)
    assert sigma < 1e-12


def test_single_precision_is_recognised_by_its_values():
    sigma, precision = noise_along(
        line_of(lambda t: np.float32(1.0 + t * t)), 1.0, rng(), corners=True
    )
    assert precision == "float32"
    assert sigma >= float(np.finfo(np.float32).eps)
