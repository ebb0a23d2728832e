"""Measurements around a stop, on closed-form costs."""

import math
import warnings
from contextlib import suppress

import numpy as np
import pytest

from gradaudit.evaluator import Evaluator
from gradaudit.optimizers.call import minimize_call
from gradaudit.optimizers.recorder import Recorder
from gradaudit.optimizers.story import read_story
from gradaudit.optimizers.survey import Survey, Surveyor
from gradaudit.optimizers.terrain import Descent
from gradaudit.problem import Problem

START = np.array([1.0, 2.0])
EPS = float(np.finfo(float).eps)


def bowl(x):
    return float(x @ x), 2.0 * x


def surveyor(
    fun=bowl, x0=START, *, method="BFGS", jac=True, trust=True, bounds=None, most=None, **options
) -> Surveyor:
    call = minimize_call(fun, x0, jac=jac, method=method, bounds=bounds, options=options or None)
    recorder = Recorder(call) if most is None else Recorder(call, most=most)
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    evaluator = Evaluator(Problem(fun, x0, jac=jac, bounds=bounds))
    return Surveyor(
        evaluator, story, np.ones(x0.size), np.random.default_rng(20240501), trust=trust
    )


def begun(*arguments, **keywords) -> Surveyor:
    found = surveyor(*arguments, **keywords)
    found.begin()
    return found


# the survey itself -------------------------------------------------------------------------------


def test_drop_counts_from_the_start_to_the_lowest_point_known():
    survey = Survey(start_cost=5.0, cost=2.0)
    assert survey.drop == 3.0
    survey.onward = Descent(cost=1.0, point=START, evaluations=3)
    assert survey.drop == 4.0


def test_rounding_is_noise_or_the_resolution_of_the_cost():
    assert Survey(cost=1e6).rounding == 2.0 * EPS * 1e6
    assert Survey(cost=1e6, noise=1e-3).rounding == 1e-3


def test_slope_is_what_the_gradient_promises_for_a_move_by_the_sizes():
    survey = Survey(sizes=np.array([10.0, 0.5]))
    assert survey.slope_of(np.array([0.3, 8.0])) == 5.0
    assert math.isnan(survey.slope_of(None))


def test_nothing_is_left_over_where_no_run_went_on():
    assert Survey(cost=1.0).left_over == 0.0


# beginning ---------------------------------------------------------------------------------------


def test_start_and_end_are_asked_for_anew():
    survey = begun(maxiter=1).survey
    assert survey.asked
    assert survey.start_cost == 5.0
    assert survey.start_gradient == pytest.approx([2.0, 4.0])
    assert survey.cost < 5.0
    assert survey.noise < 100.0 * EPS


def test_gradient_that_is_not_trusted_is_measured_by_differences():
    survey = begun(lambda x: (float(x @ x), -2.0 * x), trust=False).survey
    assert survey.differences
    assert survey.start_gradient == pytest.approx([2.0, 4.0], rel=1e-8)


def test_cost_without_a_gradient_is_measured_by_differences():
    survey = begun(lambda x: float(x @ x), jac=None).survey
    assert survey.differences
    assert survey.start_gradient == pytest.approx([2.0, 4.0], rel=1e-8)


def test_many_parameters_without_a_trusted_gradient_have_none():
    found = begun(lambda x: float(x @ x), np.ones(26), jac=None)
    assert found.gradient_of() is None
    assert found.survey.gradient is None
    found.go_on()
    assert found.survey.onward is None


def test_differences_stay_within_the_bounds():
    seen: list[np.ndarray] = []

    def cost(x):
        seen.append(np.array(x))
        return float(x @ x)

    begun(cost, np.zeros(2), jac=None, method="L-BFGS-B", bounds=[(0.0, 1.0)] * 2)
    assert np.min(seen) >= 0.0


def test_end_that_is_not_finite_is_asked_for_and_nothing_else():
    def wall(_x):
        return math.nan, np.full(2, math.nan)

    found = begun(wall)
    assert found.survey.asked
    assert found.survey.gradient is None
    assert math.isnan(found.survey.noise)


# going on ----------------------------------------------------------------------------------------


def test_run_that_was_cut_short_can_go_on():
    found = begun(maxiter=1)
    found.go_on()
    survey = found.survey
    assert survey.onward is not None
    assert survey.onward.cost == pytest.approx(0.0, abs=1e-12)
    assert survey.left_over == pytest.approx(survey.cost)


def test_run_that_converged_leaves_nothing_over():
    found = begun(lambda x: (3.0 + float(x @ x), 2.0 * x))
    found.go_on()
    assert found.survey.left_over == 0.0


def test_going_on_by_differences_takes_fewer_steps_with_more_parameters():
    found = begun(lambda x: float(x @ x), np.ones(8), jac=None, maxiter=1)
    before = found.evaluator.cost_calls
    found.go_on(40)
    # 10 steps of 1 + 2 * 8 evaluations
    assert found.evaluator.cost_calls - before <= 10 * 17


def test_downhill_is_the_steepest_descent_in_units_of_the_sizes():
    found = begun(maxiter=1)
    found.survey.gradient = np.array([3.0, -6.0])
    assert found.downhill() == pytest.approx([-0.5, 1.0])


def test_downhill_does_not_leave_the_bounds():
    found = begun(
        lambda x: (float(x.sum()), np.ones(2)),
        method="L-BFGS-B",
        bounds=[(1.0, 3.0), (0.0, 3.0)],
        maxiter=0,
    )
    assert found.downhill() == pytest.approx([0.0, -1.0])


def test_gradient_of_zero_has_no_downhill():
    assert begun(x0=np.zeros(2)).downhill() is None


# corners, jumps, falls ---------------------------------------------------------------------------


def valley(x):
    return abs(x[0]) + x[1] ** 2, np.array([np.sign(x[0]), 2.0 * x[1]])


def test_corner_on_the_line_that_was_searched_is_found():
    found = begun(valley, np.array([1.0, 2.0]))
    found.look_along()
    assert found.story.direction is not None
    (kink,) = found.survey.kinks
    assert kink.left < -0.1
    assert kink.right > 0.1
    assert found.end[0] + kink.step * found.story.direction[0] == pytest.approx(0.0, abs=1e-3)


def test_healthy_end_has_neither_corner_nor_jump():
    found = begun(maxiter=1)
    found.look_along()
    found.look_at_entries()
    assert found.survey.kinks == []
    assert found.survey.jump is None
    assert not found.survey.terraced


def test_jump_near_the_end_is_found_with_its_height():
    def cliff(x):
        return float(x @ x) + (3.0 if x[0] < 0.5 else 0.0), 2.0 * x

    found = begun(cliff)
    found.look_along()
    assert found.survey.jump is not None
    assert abs(found.survey.jump.height) == pytest.approx(3.0, rel=0.01)


def test_line_that_was_searched_is_kept_for_people():
    found = begun(lambda x: (float(x @ x), -2.0 * x), trust=False)
    found.draw()
    ray = found.survey.ray
    assert ray is not None
    assert ray.title == "along the last search direction"
    assert ray.slope is not None
    assert ray.true_slope is not None
    assert ray.slope < 0.0 < ray.true_slope
    assert ray.tried


@pytest.mark.parametrize(
    ("fun", "falls"),
    [
        (lambda x: (float(x.sum()), np.ones(2)), True),
        (bowl, False),
        (lambda x: (float(np.exp(-x).sum()), -np.exp(-x)), False),
        (lambda x: (float(np.hypot(1.0, x).sum()), x / np.hypot(1.0, x)), False),
    ],
)
def test_fall_without_end_is_told_from_a_floor(fun, falls):
    found = begun(fun, maxiter=1)
    found.look_far()
    assert (found.survey.fall is not None) is falls


def test_edge_towards_a_trial_that_was_not_finite_is_found():
    def walled(x):
        inside = x[0] > 0.7
        return (float(x @ x), 2.0 * x) if inside else (math.nan, np.full(2, math.nan))

    found = begun(walled, method="L-BFGS-B")
    found.look_at_edge()
    edge = found.survey.edge
    assert edge is not None
    target = found.story.non_finite[0].x
    at = found.end + edge.outside * (target - found.end)
    assert at[0] == pytest.approx(0.7, abs=1e-6)
    assert not edge.overflow


def test_saddle_where_the_run_ended_is_found():
    def saddle(x):
        return float(x[0] ** 2 - 3.0 * x[1] ** 2), np.array([2.0 * x[0], -6.0 * x[1]])

    found = begun(saddle, np.array([1.0, 0.0]), maxiter=50)
    found.look_for_saddle()
    assert found.survey.beyond is not None
    assert found.survey.beyond < found.survey.cost


def test_minimum_where_the_run_ended_is_no_saddle():
    found = begun()
    found.look_for_saddle()
    assert found.survey.beyond is None


# scales ------------------------------------------------------------------------------------------

WEIGHTS = np.array([1.0, 1e6])


def ellipse(x):
    return 0.5 * float(WEIGHTS @ x**2), WEIGHTS * x


@pytest.mark.parametrize("jac", [True, None])
def test_scales_come_from_the_curvature_of_each_parameter(jac):
    fun = ellipse if jac else lambda x: ellipse(x)[0]
    found = begun(fun, jac=jac, maxiter=1)
    found.measure_scales()
    scales = found.survey.scales
    assert scales is not None
    assert scales[0] / scales[1] == pytest.approx(1e3, rel=1e-3)


def test_parameter_without_curvature_keeps_its_size():
    def valley(x):
        return 0.5 * float(x[0] ** 2), np.array([x[0], 0.0])

    found = begun(valley, maxiter=1)
    found.measure_scales()
    assert found.survey.scales is not None
    assert found.survey.scales[1] == 1.0


def test_many_parameters_are_not_scaled_one_by_one():
    found = begun(x0=np.ones(41), maxiter=1)
    found.measure_scales()
    assert found.survey.scales is None
