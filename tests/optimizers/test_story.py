"""What a run tells by itself."""

import math
import warnings
from contextlib import suppress

import numpy as np
import pytest

from gradaudit.optimizers.call import Call, minimize_call
from gradaudit.optimizers.recorder import Recorder
from gradaudit.optimizers.story import Story, read_history, read_story

START = np.array([1.0, 2.0])


def bowl(x):
    return float(x @ x), 2.0 * x


def uphill(x):
    return float(x @ x), -2.0 * x


def told(call: Call, most: int | None = None) -> tuple[Story, Recorder]:
    recorder = Recorder(call) if most is None else Recorder(call, most=most)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(Exception):  # the story tells
            recorder.run()
    return read_story(call, recorder.recording, recorder.recording.returned), recorder


def test_run_that_converged_tells_where_it_began_and_ended():
    story, _ = told(minimize_call(bowl, START, jac=True, method="L-BFGS-B"))
    assert story.start.tolist() == [1.0, 2.0]
    assert story.start_cost == 5.0
    assert story.end == pytest.approx(np.zeros(2), abs=1e-6)
    assert story.end_cost == story.best_cost == pytest.approx(0.0, abs=1e-12)
    assert story.meaning.kind == "converged"
    assert not story.failed
    assert not story.stayed
    assert not story.still


def test_gradient_at_the_end_is_the_users():
    story, _ = told(minimize_call(bowl, START, jac=True, method="BFGS"))
    assert story.end_gradient == pytest.approx(2.0 * story.end, abs=0.0)


def test_wrong_sign_stays_at_the_start_and_leaves_its_last_search():
    story, _ = told(minimize_call(uphill, START, jac=True, method="BFGS"))
    assert story.failed
    assert story.stayed
    assert story.direction is not None
    # the solver went along the gradient, away from the minimum
    unit = story.direction / np.linalg.norm(story.direction)
    assert unit == pytest.approx(START / math.sqrt(5.0))
    length = float(np.linalg.norm(story.direction))
    for step, value in story.trials:
        assert value == pytest.approx((math.sqrt(5.0) + step * length) ** 2)


def test_constant_cost_is_still():
    theta = np.ones(2)
    story, _ = told(
        minimize_call(lambda _x: (float(theta @ theta), 2.0 * theta), START, jac=True, method="CG")
    )
    assert story.still
    assert story.points > 1


def test_one_evaluation_is_not_called_still():
    story, _ = told(minimize_call(bowl, np.zeros(2), jac=True, method="BFGS"))
    assert not story.still
    assert story.evaluations == 1


def test_exception_of_the_cost_is_told_and_is_a_failure():
    def broken(x):
        if x[0] < 0.9:
            raise ZeroDivisionError("no such point")
        return bowl(x)

    story, _ = told(minimize_call(broken, START, jac=True, method="BFGS"))
    assert story.raised == "ZeroDivisionError: no such point"
    assert story.failed
    assert story.end_cost == pytest.approx(5.0)


def test_run_that_was_cut_short_has_not_failed():
    story, recorder = told(minimize_call(bowl, START, jac=True, method="CG"), most=2)
    assert recorder.recording.cut
    assert story.raised == ""
    assert not story.failed


def test_values_that_are_not_finite_are_kept_with_their_points():
    def wall(x):
        return (math.inf, np.zeros(2)) if x[0] < 0.5 else bowl(x)

    story, _ = told(minimize_call(wall, START, jac=True, method="L-BFGS-B"))
    assert story.non_finite
    assert story.non_finite[0].x[0] < 0.5
    assert math.isfinite(story.best_cost)


def test_history_has_every_evaluation_of_a_short_run():
    call = minimize_call(bowl, START, jac=True, method="BFGS")
    story, recorder = told(call)
    history = read_history(recorder.recording, scalar=True)
    assert history is not None
    assert history.numbers == tuple(range(1, story.evaluations + 1))
    assert history.values[0] == 5.0
    assert history.gradient_norms[0] == pytest.approx(2.0 * math.sqrt(5.0))


def test_history_puts_a_gradient_of_its_own_beside_its_cost():
    call = minimize_call(lambda x: float(x @ x), START, jac=lambda x: 2.0 * x, method="BFGS")
    _, recorder = told(call)
    history = read_history(recorder.recording, scalar=True)
    assert history is not None
    assert history.gradient_norms[0] == pytest.approx(2.0 * math.sqrt(5.0))


def test_long_history_is_thinned_and_keeps_both_ends():
    def valley(x):
        return float((1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2)

    call = minimize_call(valley, np.array([-1.2, 1.0]), method="Nelder-Mead", tol=1e-300)
    call.given["options"] = {"maxfev": 3000, "maxiter": 3000}  # type: ignore[index]
    story, recorder = told(call)
    history = read_history(recorder.recording, scalar=True)
    assert history is not None
    assert len(history.values) <= 2 * 400 + 1
    assert history.numbers[0] == 1
    assert history.numbers[-1] == story.evaluations


def test_history_of_residuals_has_no_norm_of_a_gradient():
    call = minimize_call(bowl, START, jac=True, method="BFGS")
    _, recorder = told(call)
    history = read_history(recorder.recording, scalar=False)
    assert history is not None
    assert all(math.isnan(norm) for norm in history.gradient_norms)


def test_run_without_evaluations_has_no_history():
    recorder = Recorder(minimize_call(bowl, START, jac=True))
    assert read_history(recorder.recording, scalar=True) is None
