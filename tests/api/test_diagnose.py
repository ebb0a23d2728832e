"""Why an optimizer stopped: the public function, from the call to the answer."""
# ruff: noqa: ARG005  (the lambda of question 1 is the question)

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

from gradaudit import ArgumentError, Problem, Verdict, diagnose
from gradaudit.errors import EvaluationError
from gradaudit.results import Diagnosis
from reference_models import autoencoder, question1

VALLEY = np.array([-1.2, 1.0])
START = np.array([1.0, 2.0])


def bowl(x):
    return float(x @ x), 2.0 * x


def uphill(x):
    return float(x @ x), -2.0 * x


def slugs(diagnosis: Diagnosis) -> list[str]:
    return [cause.slug for cause in diagnosis.causes]


def spent(diagnosis: Diagnosis) -> int:
    return max(diagnosis.evaluations.cost, diagnosis.evaluations.gradient)


# question 1 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first_question() -> Diagnosis:
    _, theta, args = autoencoder.make_autoencoder(12, 4, 9)
    cost_and_grad = autoencoder.cost_and_grad
    J = lambda x: cost_and_grad(theta, *args)  # noqa: E731
    return diagnose(J, theta, jac=True, method="L-BFGS-B", rng=0)


def test_question_1_is_an_ignored_argument_and_nothing_else(first_question):
    assert [cause.code for cause in first_question.causes] == ["GA101"]
    assert first_question.verdict == Verdict.FAIL
    assert not first_question.benign


def test_question_1_gets_its_line_corrected(first_question):
    (cause,) = first_question.causes
    assert cause.replacement is not None
    assert "cost_and_grad(x, *args)" in cause.replacement
    assert cause.location is not None
    assert "cost_and_grad(theta, *args)" in cause.location.source


def test_question_1_is_told_why_the_line_search_gave_up(first_question):
    assert "ABNORMAL" in first_question.message
    assert first_question.success is False
    (cause,) = first_question.causes
    assert any("no step of a line search can lower it" in note for note in cause.notes)


def test_question_1_is_confirmed_by_a_run_with_the_argument_put_in(first_question):
    assert "with its argument in the place of theta" in first_question.confirmed


def test_program_of_question_1_itself_is_found_at_fault():
    objective, start, _ = question1.make_problem()
    diagnosis = diagnose(objective, start, jac=True, method="L-BFGS-B", rng=0)
    assert slugs(diagnosis)[0] == "ignored-argument"


def test_right_program_of_question_1_is_not_blamed():
    fun, theta, args = autoencoder.make_autoencoder(12, 4, 9)
    diagnosis = diagnose(fun, theta, args=args, jac=True, method="L-BFGS-B", rng=0)
    assert diagnosis.benign
    assert diagnosis.verdict == Verdict.PASS


# each family of causes ---------------------------------------------------------------------------


def wrong_first_entry(x):
    return float(x @ x), np.array([2.0 * x[0], 1.0])


def absolute(x):
    return abs(x[0] - 0.3) + x[1] ** 2, np.array([np.sign(x[0] - 0.3), 2.0 * x[1]])


def stepped(x):
    return float(x @ x) + (3.0 if x[0] < 0.5 else 0.0), 2.0 * x


def monkey(x):
    value = float(x[0] ** 2 * x[1] - x[1] ** 2 + x[0] ** 4)
    return value, np.array([2.0 * x[0] * x[1] + 4.0 * x[0] ** 3, x[0] ** 2 - 2.0 * x[1]])


def past_the_logarithm(x):
    with np.errstate(invalid="ignore"):
        return float(100.0 * x[0] - np.log(x).sum()), np.array([100.0, 0.0]) - 1.0 / x


def drawn() -> Callable[..., Any]:
    errors = np.random.default_rng(3)
    return lambda x: float(x @ x) + 1e-3 * errors.normal()


APART = [
    {"type": "ineq", "fun": lambda x: x[0] - 3.0},
    {"type": "ineq", "fun": lambda x: 1.0 - x[0]},
]
TWICE = [
    {"type": "eq", "fun": lambda x: x[0] + x[1] - 1.0},
    {"type": "eq", "fun": lambda x: 2.0 * x[0] + 2.0 * x[1] - 2.0},
]
TURNED = {
    "type": "eq",
    "fun": lambda x: x[0] * x[1] - 1.0,
    "jac": lambda x: np.array([x[0], x[1]]),
}


@pytest.mark.parametrize(
    ("slug", "fun", "x0", "given"),
    [
        ("wrong-sign", uphill, START, {"jac": True, "method": "BFGS"}),
        ("wrong-scale", lambda x: (float(x @ x), 20.0 * x), START, {"jac": True}),
        ("wrong-entries", wrong_first_entry, START, {"jac": True, "method": "CG"}),
        ("nondeterministic", drawn(), START, {"method": "BFGS"}),
        ("kink", absolute, START, {"jac": True, "method": "BFGS"}),
        ("discontinuity", stepped, START, {"jac": True, "method": "BFGS"}),
        ("unbounded", lambda x: (float(x.sum()), np.ones(2)), START, {"jac": True}),
        ("dead-start", monkey, np.zeros(2), {"jac": True, "method": "BFGS"}),
        (
            "infeasible-start",
            bowl,
            np.array([5.0, 5.0]),
            {"jac": True, "method": "L-BFGS-B", "bounds": [(0.0, 1.0), (0.0, 1.0)]},
        ),
        (
            "infeasible-constraints",
            bowl,
            START,
            {"jac": True, "method": "SLSQP", "constraints": APART},
        ),
        (
            "degenerate-constraints",
            bowl,
            START,
            {"jac": True, "method": "SLSQP", "constraints": TWICE},
        ),
        (
            "wrong-constraint-jacobian",
            bowl,
            START,
            {"jac": True, "method": "SLSQP", "constraints": TURNED},
        ),
        (
            "wrong-hessian",
            rosen,
            VALLEY,
            {"jac": rosen_der, "method": "trust-exact", "hess": lambda x: -rosen_hess(x)},
        ),
        (
            "wrong-hessian",
            rosen,
            VALLEY,
            {
                "jac": rosen_der,
                "method": "Newton-CG",
                "hessp": lambda x, p: 0.5 * rosen_hess_prod(x, p),
            },
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_cause_comes_first(slug, fun, x0, given):
    diagnosis = diagnose(fun, x0, rng=0, **given)
    assert slugs(diagnosis)[0] == slug
    assert diagnosis.verdict == Verdict.FAIL
    assert not diagnosis.benign
    assert spent(diagnosis) <= 500


def test_floored_cost_without_a_gradient_is_not_passed():
    diagnosis = diagnose(lambda x: float(np.floor(5.0 * x).sum()), START, method="BFGS", rng=0)
    assert diagnosis.verdict != Verdict.PASS


@pytest.mark.xfail(strict=True, reason="periodic noise is taken for the solver's own behaviour")
def test_fine_ripple_of_a_cost_without_a_gradient_is_noise():
    diagnosis = diagnose(
        lambda x: float(x @ x) + 1e-6 * np.sin(1e9 * x.sum()), START, method="BFGS", rng=0
    )
    assert slugs(diagnosis)[0] == "noise"


# runs with nothing at fault ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "given"),
    [
        ({"converged"}, {"method": "BFGS"}),
        ({"converged"}, {"method": "L-BFGS-B"}),
        ({"converged"}, {"method": "trust-ncg", "hess": rosen_hess}),
        ({"converged"}, {"method": "Newton-CG", "hessp": rosen_hess_prod}),
        ({"converged", "precision-limit"}, {"method": "BFGS", "options": {"gtol": 1e-300}}),
        ({"iteration-limit"}, {"method": "BFGS", "options": {"maxiter": 5}}),
        ({"iteration-limit"}, {"method": "L-BFGS-B", "options": {"maxfun": 4}}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_healthy_run_is_not_blamed(allowed, given):
    diagnosis = diagnose(rosen, VALLEY, jac=rosen_der, rng=0, **given)
    assert set(slugs(diagnosis)) <= allowed
    assert diagnosis.causes
    assert diagnosis.benign
    assert diagnosis.verdict == Verdict.PASS
    assert not diagnosis.confirmed


@pytest.mark.parametrize(
    ("offset", "factor"), [(0.0, 1.0), (1e6, 1.0), (0.0, 1e-3), (0.0, 1e12), (-1e3, 1.0)]
)
@pytest.mark.filterwarnings("ignore")
def test_offset_and_factor_of_a_right_cost_bring_no_blame(offset, factor):
    diagnosis = diagnose(
        lambda x: (offset + factor * float(x @ x), factor * 2.0 * x),
        START,
        jac=True,
        method="L-BFGS-B",
        rng=0,
    )
    assert diagnosis.benign


def test_difference_scheme_of_scipys_is_no_gradient_to_blame():
    diagnosis = diagnose(rosen, VALLEY, jac="3-point", method="BFGS", rng=0)
    assert diagnosis.benign
    assert diagnosis.report is None or not diagnosis.report.blocks


def test_call_without_jac_and_method_is_diagnosed_as_scipy_would_run_it():
    diagnosis = diagnose(rosen, VALLEY, rng=0)
    assert diagnosis.method == "BFGS"
    assert slugs(diagnosis) == ["converged"]
    assert diagnosis.evaluations.gradient == 0


def test_gradient_below_the_tolerance_at_the_start_is_bad_scaling_although_success_is_reported():
    diagnosis = diagnose(
        lambda x: (1e-12 * float(x @ x), 2e-12 * x), START, jac=True, method="L-BFGS-B", rng=0
    )
    assert diagnosis.success is True
    assert slugs(diagnosis) == ["bad-scaling"]


# the run, its result, the problem ----------------------------------------------------------------


def test_result_of_the_users_own_run_is_explained():
    result = scipy.optimize.minimize(uphill, START, jac=True, method="L-BFGS-B")
    diagnosis = diagnose(uphill, START, jac=True, method="L-BFGS-B", result=result, rng=0)
    assert slugs(diagnosis) == ["wrong-sign"]
    assert diagnosis.result is result
    assert diagnosis.message == result.message
    assert diagnosis.nfev == result.nfev


def test_own_run_is_the_one_that_scipy_makes():
    result = scipy.optimize.minimize(rosen, VALLEY, jac=rosen_der, method="BFGS")
    diagnosis = diagnose(rosen, VALLEY, jac=rosen_der, method="BFGS", rng=0)
    assert diagnosis.nfev == result.nfev
    assert diagnosis.nit == result.nit
    assert diagnosis.cost == result.fun
    assert diagnosis.result.x.tolist() == result.x.tolist()


def test_result_of_another_cost_is_an_argument_error():
    result = scipy.optimize.minimize(rosen, VALLEY, jac=rosen_der, method="BFGS")
    with pytest.raises(ArgumentError, match="result belongs to another problem"):
        diagnose(
            lambda x: rosen(x) + 1.0, VALLEY, jac=rosen_der, method="BFGS", result=result, rng=0
        )


def test_result_of_another_size_is_an_argument_error():
    result = scipy.optimize.minimize(rosen, VALLEY, jac=rosen_der, method="BFGS")
    with pytest.raises(ArgumentError, match=r"result\.x has 2 entries, x0 has 3"):
        diagnose(rosen, np.ones(3), jac=rosen_der, method="BFGS", result=result)


@pytest.mark.parametrize("result", [3, "x", {"x": START}, (START, 0.0)])
def test_thing_that_is_no_result_is_an_argument_error(result):
    with pytest.raises(ArgumentError, match="result is"):
        diagnose(rosen, VALLEY, jac=rosen_der, method="BFGS", result=result)


def test_problem_carries_its_own_start_arguments_and_bounds():
    def scaled(x, factor):
        return factor * float(x @ x), -2.0 * factor * x

    problem = Problem(scaled, START, args=(3.0,), bounds=[(0.0, 5.0)] * 2, blocks="a=1,b=1")
    diagnosis = diagnose(problem, method="L-BFGS-B", rng=0)
    assert slugs(diagnosis) == ["wrong-sign"]
    assert diagnosis.report is not None
    assert [block.name for block in diagnosis.report.blocks] == ["a", "b"]


def test_single_argument_needs_no_tuple():
    diagnosis = diagnose(lambda x, k: (k * float(x @ x), 2.0 * k * x), START, jac=True, args=3.0)
    assert diagnosis.benign


# bad input ---------------------------------------------------------------------------------------


def test_unknown_method_is_refused_with_the_nearest_one():
    with pytest.raises(ArgumentError, match="did you mean 'L-BFGS-B'"):
        diagnose(rosen, VALLEY, method="L-BFGSB")


def test_missing_start_is_an_argument_error():
    with pytest.raises(ArgumentError, match="x0 is missing"):
        diagnose(rosen)


@pytest.mark.parametrize("x0", ["start", None, [object()]])
def test_start_that_is_no_numbers_is_an_argument_error(x0):
    with pytest.raises(ArgumentError, match="x0"):
        diagnose(rosen, x0, method="BFGS")


def test_fun_that_cannot_be_called_is_an_argument_error():
    with pytest.raises(ArgumentError, match="fun is"):
        diagnose(3.0, VALLEY)  # type: ignore[arg-type]


def test_options_that_are_no_dict_are_an_argument_error():
    with pytest.raises((ArgumentError, ValueError, TypeError)):
        diagnose(rosen, VALLEY, options="maxiter")  # type: ignore[arg-type]


def test_cost_that_raises_at_the_start_is_an_evaluation_error_with_its_cause():
    def broken(_x):
        raise ZeroDivisionError("no")

    with pytest.raises(EvaluationError, match="ZeroDivisionError") as caught:
        diagnose(broken, START, method="BFGS")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# budgets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 5, 40, 1_000, 10_000])
@pytest.mark.parametrize("fun", [bowl, uphill, lambda x: (rosen(x), rosen_der(x))])
def test_diagnosis_takes_at_most_five_hundred_evaluations_beyond_the_run(fun, n):
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return fun(x)

    x0 = np.linspace(0.5, 1.5, n)
    diagnosis = diagnose(
        counted, x0, jac=True, method="L-BFGS-B", options={"maxiter": 20}, blocks=f"w={n}", rng=0
    )
    assert diagnosis.nfev is not None
    assert calls - diagnosis.nfev <= 500
    assert calls - diagnosis.nfev == pytest.approx(spent(diagnosis), abs=2)


@pytest.mark.parametrize("budget", [300, 400])
def test_smaller_budget_is_kept(budget):
    diagnosis = diagnose(rosen, np.full(5, 0.5), jac=rosen_der, method="BFGS", budget=budget, rng=0)
    assert spent(diagnosis) <= budget


@pytest.mark.parametrize("budget", [5, 60, 200])
def test_tiny_budget_is_kept(budget):
    diagnosis = diagnose(rosen, np.full(5, 0.5), jac=rosen_der, method="BFGS", budget=budget, rng=0)
    assert spent(diagnosis) <= budget


@pytest.mark.parametrize("limit", [{"seconds": 1e-9}, {"budget": 60}])
def test_diagnosis_that_could_not_check_the_gradient_does_not_pass_it(limit):
    diagnosis = diagnose(rosen, np.full(5, 0.5), jac=rosen_der, method="BFGS", rng=0, **limit)
    assert diagnosis.verdict == Verdict.INCONCLUSIVE
    assert diagnosis.stopped


def test_fault_found_before_the_time_was_up_is_told():
    theta = START
    diagnosis = diagnose(
        lambda x: bowl(theta), START, jac=True, method="L-BFGS-B", seconds=30.0, rng=0
    )
    assert slugs(diagnosis) == ["ignored-argument"]


# repetition, interruption, surroundings -------------------------------------------------------


@pytest.mark.parametrize("fun", [uphill, bowl, absolute, wrong_first_entry])
def test_seed_repeats_the_diagnosis_exactly(fun):
    def told(rng):
        content = diagnose(fun, START, jac=True, method="BFGS", rng=rng).to_dict()
        report = content.get("report") or {}
        for timed in ("own_seconds", "user_seconds", "versions"):
            report.pop(timed, None)
        return content

    told(None)  # the names of the blocks are remembered from here on
    first = told(None)
    assert told(first["seed"]) == first


@pytest.mark.parametrize("when", [60, 120])
def test_ctrl_c_leaves_what_was_learned(when):
    calls = 0

    def interrupted(x):
        nonlocal calls
        calls += 1
        if calls == when:
            raise KeyboardInterrupt
        return rosen(x), rosen_der(x)

    with pytest.raises(KeyboardInterrupt) as caught:
        diagnose(interrupted, VALLEY, jac=True, method="BFGS", rng=0)
    report = caught.value.gradaudit_report  # type: ignore[attr-defined]
    assert isinstance(report, Diagnosis)
    assert report.stopped == "interrupted"
    assert report.verdict != Verdict.PASS


def test_random_generators_stay_where_they_were():
    def drawing(x):
        return float(x @ x) + 1e-9 * (random.random() + float(np.random.random())), 2.0 * x

    random.seed(5)
    np.random.seed(5)
    states: Any = random.getstate(), np.random.get_state()
    diagnose(drawing, START, jac=True, method="BFGS", rng=0)
    assert random.getstate() == states[0]
    after: Any = np.random.get_state()
    assert (after[1] == states[1][1]).all()
    assert after[2:] == states[1][2:]


def test_start_is_not_changed_by_a_cost_that_changes_its_argument():
    def changing(x):
        value = float(x @ x), 2.0 * x
        x += 1.0
        return value

    x0 = START.copy()
    diagnosis = diagnose(changing, x0, jac=True, method="BFGS", rng=0)
    assert x0.tolist() == START.tolist()
    assert diagnosis.verdict == Verdict.FAIL


def test_diagnosis_has_the_course_of_the_run_and_the_last_line():
    diagnosis = diagnose(uphill, START, jac=True, method="BFGS", rng=0)
    assert diagnosis.history is not None
    assert diagnosis.history.values[0] == 5.0
    assert diagnosis.ray is not None
    assert diagnosis.ray.slope is not None
    assert diagnosis.ray.slope < 0.0  # what the gradient promises, where the cost goes up
    assert max(diagnosis.ray.values) > 5.0
