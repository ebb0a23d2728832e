"""A run with the fault taken away: the function as it was, mended, or in other units."""

from typing import Any

import numpy as np
import pytest

from gradaudit.optimizers.call import minimize_call
from gradaudit.optimizers.recorder import Recorder
from gradaudit.optimizers.rerun import central_differences, confirm, rescale, with_name
from gradaudit.optimizers.story import read_story
from gradaudit.optimizers.survey import Survey
from gradaudit.problem import Problem
from gradaudit.results import Finding

START = np.array([3.0, -2.0])
theta = START


def of_the_module(x):
    del x
    return float(theta @ theta), 2.0 * theta


def finding(slug: str, **data) -> Finding:
    return Finding(slug=slug, level="error", message="", data=data)


def confirmed(fun, found, *, jac: Any = True, most=400, **keywords):
    call = minimize_call(fun, START, jac=jac, method="L-BFGS-B", **keywords)
    recorder = Recorder(call)
    recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    problem = Problem(fun, START, jac=jac, blocks="a=1,b=1")
    return confirm(call, story, problem, found, most=most)


# with_name ---------------------------------------------------------------------------------------


def test_global_name_gets_another_value_in_the_copy_only():
    changed = with_name(of_the_module, "theta", np.array([1.0, 1.0]))
    assert changed(None)[0] == 2.0
    assert of_the_module(None)[0] == 13.0
    assert theta is START


def test_name_of_a_closure_gets_another_value_in_the_copy_only():
    inner = np.array([3.0])

    def cost(_x, *, factor=2.0):
        return factor * float(inner @ inner)

    changed = with_name(cost, "inner", np.array([1.0]))
    assert changed(None) == 2.0
    assert changed(None, factor=5.0) == 5.0
    assert cost(None) == 18.0


def test_defaults_stay_with_the_copy():
    def cost(x, scale=4.0):
        return scale * x + float(theta[0])

    assert with_name(cost, "theta", [10.0])(1.0) == 14.0


# differences -------------------------------------------------------------------------------------


def test_central_differences_of_a_parabola_are_exact_to_rounding():
    found = central_differences(lambda x: float(x @ x), START, None, None)
    assert found == pytest.approx(2.0 * START, rel=1e-9)


def test_central_differences_stay_within_the_bounds():
    seen: list[np.ndarray] = []

    def cost(x):
        seen.append(x.copy())
        return float(x @ x)

    found = central_differences(cost, START, START, START + 1.0)
    assert (np.array(seen) >= START).all()
    assert found == pytest.approx(2.0 * START, rel=1e-4)


def test_entry_without_room_has_no_difference():
    found = central_differences(lambda x: float(x @ x), START, START, START)
    assert found.tolist() == [0.0, 0.0]


# confirmations -----------------------------------------------------------------------------------


def test_argument_in_the_place_of_a_name_brings_the_run_down():
    told = confirmed(of_the_module, [finding("ignored-argument", used_instead="theta")])
    assert "with its argument in the place of theta" in told.text
    assert told.cost < 1e-8
    assert 0 < told.evaluations <= 120


@pytest.mark.parametrize("factor", [-1.0, 2.0, 0.01, 100.0])
def test_factor_is_taken_out_of_the_gradient(factor):
    told = confirmed(
        lambda x: (float(x @ x), factor * 2.0 * x), [finding("wrong-scale", factor=factor)]
    )
    # a positive factor may not have hurt the run: then nothing is claimed
    assert told.cost < 1e-8 or not told.text
    assert ("factor taken out" in told.text) == bool(told.text)
    assert told.text or factor > 0.0


def test_wrong_sign_of_one_block_is_turned_in_that_block():
    told = confirmed(
        lambda x: (float(x @ x), np.array([2.0 * x[0], -2.0 * x[1]])),
        [finding("wrong-sign", blocks=("b",))],
    )
    assert told.cost < 1e-8


def test_gradient_that_cannot_be_mended_is_replaced_by_differences():
    told = confirmed(
        lambda x: (float(x @ x), np.array([2.0 * x[0], 1.0])), [finding("wrong-entries")]
    )
    assert "with central differences for the gradient" in told.text
    assert told.cost < 1e-8


def test_gradient_of_its_own_is_replaced_as_well():
    told = confirmed(lambda x: float(x @ x), [finding("wrong-entries")], jac=lambda x: -x)
    assert told.cost < 1e-8


def test_mended_run_that_gets_no_further_confirms_nothing():
    told = confirmed(lambda x: (float(x @ x), 2.0 * x), [finding("wrong-entries")])
    assert told.text == ""


@pytest.mark.parametrize("most", [0, 24])
def test_nothing_is_run_without_a_budget(most):
    told = confirmed(of_the_module, [finding("ignored-argument", used_instead="theta")], most=most)
    assert told.evaluations == 0


@pytest.mark.parametrize("most", [30, 100, 400])
def test_confirmation_keeps_to_its_budget(most):
    told = confirmed(lambda x: (float(x @ x), -x), [finding("wrong-entries")], most=most)
    assert told.evaluations <= most


def test_fault_that_is_not_of_the_gradient_is_not_rerun():
    told = confirmed(lambda x: (float(x @ x), 2.0 * x), [finding("kink")])
    assert told.text == ""
    assert told.evaluations == 0


# rescaling ---------------------------------------------------------------------------------------

WEIGHTS = np.array([1e-6, 1e6])


def steep(x):
    return float(WEIGHTS @ (x - 1.0) ** 2)


def steep_gradient(x):
    return 2.0 * WEIGHTS * (x - 1.0)


def rescaled(most=200, **keywords):
    call = minimize_call(steep, START, jac=steep_gradient, **keywords)
    recorder = Recorder(call)
    recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    survey = Survey(
        sizes=np.ones(2), start_gradient=steep_gradient(START), scales=1.0 / np.sqrt(WEIGHTS)
    )
    return rescale(call, story, survey, most=most)


@pytest.mark.parametrize(
    "keywords",
    [
        {"method": "BFGS"},
        {"method": "L-BFGS-B", "bounds": [(-5.0, 5.0), (-5.0, 5.0)]},
        {"method": "Newton-CG", "hess": lambda _x: np.diag(2.0 * WEIGHTS)},
        {"method": "Newton-CG", "hessp": lambda _x, p: 2.0 * WEIGHTS * p},
        {"method": "trust-exact", "hess": lambda _x: np.diag(2.0 * WEIGHTS)},
        {"method": "SLSQP", "constraints": {"type": "ineq", "fun": lambda x: 9.0 - x @ x}},
        {
            "method": "SLSQP",
            "constraints": {
                "type": "ineq",
                "fun": lambda x: 9.0 - x @ x,
                "jac": lambda x: -2.0 * x,
            },
        },
    ],
)
def test_same_solver_reaches_the_minimum_of_the_scaled_problem(keywords):
    found = rescaled(**keywords)
    assert found is not None
    cost, evaluations = found
    # with both lengths of the same weight the problem is a sphere: the minimum is 0
    assert cost == pytest.approx(0.0, abs=1e-6 * steep(START))
    assert evaluations <= 200


def test_rescaling_keeps_to_its_budget():
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return steep(x)

    call = minimize_call(counted, START, jac=steep_gradient, method="BFGS")
    recorder = Recorder(call)
    recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    survey = Survey(
        sizes=np.ones(2), start_gradient=steep_gradient(START), scales=1.0 / np.sqrt(WEIGHTS)
    )
    calls = 0
    assert rescale(call, story, survey, most=3) is not None
    assert calls == 3


def test_rescaling_evaluates_within_the_bounds():
    seen: list[np.ndarray] = []

    def watched(x):
        seen.append(np.array(x))
        return steep(x)

    call = minimize_call(
        watched, np.zeros(2), jac=steep_gradient, method="L-BFGS-B", bounds=[(-0.5, 0.5)] * 2
    )
    recorder = Recorder(call)
    recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    survey = Survey(
        sizes=np.ones(2), start_gradient=steep_gradient(np.zeros(2)), scales=1.0 / np.sqrt(WEIGHTS)
    )
    assert rescale(call, story, survey, most=50) is not None
    assert np.abs(seen).max() <= 0.5 * (1.0 + 1e-15)


def test_problem_without_a_trusted_gradient_is_not_rescaled():
    call = minimize_call(steep, START, jac=steep_gradient, method="BFGS")
    recorder = Recorder(call)
    recorder.run()
    story = read_story(call, recorder.recording, recorder.recording.returned)
    assert rescale(call, story, Survey(sizes=np.ones(2)), most=100) is None
