"""`gradaudit.watch`: each call is noted where it was made, diagnosed when it is its turn."""

import contextlib
import io
import os
import random
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from scipy.optimize import minimize, rosen, rosen_der

import gradaudit
from gradaudit.api import run as run_module
from gradaudit.errors import ArgumentError
from gradaudit.results import Diagnosis, Finding, Location, Verdict

START = [-1.2, 1.0]


def both(x):
    return rosen(x), rosen_der(x)


def stuck(_x):
    return 1.0, np.ones(2)


def place(location):
    assert location is not None
    return location


@pytest.fixture(autouse=True)
def diagnoses(monkeypatch):
    """Replace the diagnosis by one that is quick, and keep what it was asked."""
    asked = []

    def diagnose_call(call, recording, *, budget, seconds, rng):
        asked.append(
            SimpleNamespace(call=call, recording=recording, budget=budget, seconds=seconds,
                            rng=rng)
        )  # fmt: skip
        call.fun(call.start)
        failed = recording.exception is not None or getattr(recording.returned, "status", 0) == 2
        fault = Finding(slug="ignored-argument", level="error", message="it ignores its argument")
        return Diagnosis(causes=(fault,) if failed else (), findings=(), benign=not failed)

    monkeypatch.setattr(run_module, "diagnose_call", diagnose_call)
    return asked


def test_each_call_is_noted_with_its_line_and_how_it_ended(diagnoses):
    with gradaudit.watch(rng=7) as runs:
        result = minimize(both, START, jac=True, method="L-BFGS-B")
        scipy.optimize.fmin_bfgs(rosen, START, rosen_der, disp=0)
    assert [run.method for run in runs] == ["L-BFGS-B", "BFGS"]
    assert place(runs[0].location).source.startswith("result = minimize(")
    assert runs[0].library is None
    assert runs[0].message == result.message
    assert runs[0].evaluations == result.nfev
    assert runs[0].iterations == result.nit
    assert runs[0].size == 2
    assert [run.jac for run in runs] == ["True", "a function"]
    assert runs[1].success
    assert runs.verdict == Verdict.PASS
    assert [each.rng for each in diagnoses] == [7, 7]
    assert diagnoses[0].seconds is None
    assert diagnoses[0].budget == 500


def test_failed_run_makes_the_verdict_fail():
    with gradaudit.watch() as runs:
        minimize(both, START, jac=True)
        minimize(stuck, START, jac=True)
    assert runs.verdict == Verdict.FAIL
    assert [run.verdict for run in runs] == [Verdict.PASS, Verdict.FAIL]
    assert "it ignores its argument" in str(runs)
    assert runs.to_dict()["runs"][1]["diagnosis"]["causes"][0]["code"] == "GA101"


def test_nothing_watched_is_no_pass():
    with gradaudit.watch() as runs:
        pass
    assert runs.verdict == Verdict.INCONCLUSIVE
    assert "no optimizer was called" in str(runs)


def test_budget_is_handed_on_and_checked(diagnoses):
    with gradaudit.watch(budget=60):
        minimize(both, START, jac=True)
    assert diagnoses[0].budget == 60
    with pytest.raises(ArgumentError, match="budget is 0"), gradaudit.watch(budget=0):
        pass


def test_diagnoses_follow_each_run_at_once_or_at_the_end(diagnoses):
    with gradaudit.watch():
        minimize(both, START, jac=True)
        assert len(diagnoses) == 1
    with gradaudit.watch(after=True) as runs:
        minimize(both, START, jac=True)
        assert len(diagnoses) == 1
        assert runs[0].diagnosis is None
    assert len(diagnoses) == 2
    assert runs[0].diagnosis is not None


def test_start_of_a_diagnosis_put_off_is_that_of_the_run(diagnoses):
    start = np.array(START)
    with gradaudit.watch(after=True):
        minimize(both, start, jac=True)
        start[:] = 77.0
    assert diagnoses[0].call.start.tolist() == START


def test_inner_runs_are_diagnosed_when_the_outer_one_has_ended(diagnoses):
    depth = []

    def outer(x):
        depth.append(len(diagnoses))
        return minimize(both, x, jac=True, options={"maxiter": 1}).fun

    with gradaudit.watch() as runs:
        minimize(outer, START, options={"maxiter": 1})
    assert set(depth[: len(runs) - 1]) == {0}
    assert len(diagnoses) >= 2


def test_global_generators_are_as_if_nobody_had_diagnosed():
    def noisy(x):
        return both(x)[0] + 1e-3 * np.random.random() * random.random(), rosen_der(x)

    def program():
        np.random.seed(3)
        random.seed(4)
        first = minimize(noisy, START, jac=True, options={"maxiter": 3}).fun
        return first, np.random.random(), random.random()

    plain = program()
    with gradaudit.watch():
        watched = program()
    assert watched == plain


def test_what_diagnoses_print_and_warn_is_not_shown():
    def loud(x):
        print("evaluating")
        warnings.warn("how loud", stacklevel=1)
        return both(x)

    def program():
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                minimize(loud, START, jac=True, options={"maxiter": 1})
        return out.getvalue(), len(caught)

    plain = program()
    with gradaudit.watch():
        watched = program()
    assert watched == plain


def test_exception_of_the_run_passes_unchanged_and_is_reported(diagnoses):
    fault = ZeroDivisionError("by nothing")

    def faulty(x):
        if x[0] != START[0]:
            raise fault
        return both(x)

    def program():
        minimize(faulty, START, jac=True)

    with gradaudit.watch() as runs, pytest.raises(ZeroDivisionError) as caught:
        program()
    assert caught.value is fault
    assert runs[0].raised == "ZeroDivisionError: by nothing"
    assert runs[0].failed
    assert diagnoses[0].recording.exception is fault


def test_arguments_that_scipy_refuses_raise_what_scipy_raises():
    with gradaudit.watch() as runs:
        with pytest.raises(TypeError):
            minimize(both)  # type: ignore[call-arg]
        with pytest.raises(ValueError, match="Unknown solver"):
            minimize(rosen, START, method="none-such")
    assert len(runs) == 1


def test_failure_of_a_diagnosis_does_not_disturb_the_program(monkeypatch):
    def broken(*_positional, **_keywords):
        raise RuntimeError("a defect")

    monkeypatch.setattr(run_module, "diagnose_call", broken)
    with gradaudit.watch() as runs:
        assert minimize(both, START, jac=True).success
    assert runs[0].skipped == "the diagnosis failed: RuntimeError: a defect"
    assert runs.verdict == Verdict.INCONCLUSIVE


def test_ctrl_c_during_a_diagnosis_passes_through_with_what_was_learned(monkeypatch):
    def interrupted(*_positional, **_keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "diagnose_call", interrupted)
    seen = []

    def program():
        with gradaudit.watch() as runs:
            seen.append(runs)
            minimize(both, START, jac=True)

    with pytest.raises(KeyboardInterrupt):
        program()
    runs = seen[0]
    assert runs.interrupted
    assert runs[0].skipped == "the diagnosis was interrupted"


def test_solve_ivp_is_watched_where_it_has_a_jacobian(diagnoses):
    with gradaudit.watch() as runs:
        scipy.integrate.solve_ivp(lambda _t, y: -y, (0, 1), [1.0])
        scipy.integrate.solve_ivp(
            lambda _t, y: -y, (0, 1), [1.0], method="BDF", jac=lambda _t, _y: np.array([[-1.0]])
        )
    assert [run.method for run in runs] == ["BDF"]
    assert diagnoses == [] or diagnoses[0].call.kind == "ode"


def test_first_run_of_a_line_and_failed_ones_are_diagnosed_in_full(diagnoses, monkeypatch):
    monkeypatch.setattr(run_module, "_SPARE_SECONDS", 0.0)
    monkeypatch.setattr(run_module, "_SPARE_PART", 0.0)
    with gradaudit.watch() as runs:
        for number in range(20):
            minimize(stuck if number > 9 else both, START, jac=True)
    assert len(diagnoses) == 4
    assert [runs[i].diagnosis is not None for i in (0, 1, 10, 11, 12, 13)] == [
        *(True, False, True, True, True, False)
    ]
    assert runs.verdict == Verdict.FAIL
    # a run that nobody recorded was made again
    assert diagnoses[1].recording.events


def test_thorough_diagnoses_every_run_in_full(diagnoses, monkeypatch):
    monkeypatch.setattr(run_module, "_SPARE_SECONDS", 0.0)
    with gradaudit.watch(thorough=True) as runs:
        for _ in range(6):
            minimize(both, START, jac=True)
    assert len(diagnoses) == 6
    assert all(run.diagnosis is not None for run in runs)


def test_added_time_of_a_long_loop_is_bounded(monkeypatch):
    monkeypatch.setattr(run_module, "_SPARE_SECONDS", 0.2)

    def slow(*_positional, **_keywords):
        time.sleep(0.02)
        return Diagnosis(causes=(), findings=(), benign=True)

    monkeypatch.setattr(run_module, "diagnose_call", slow)
    with gradaudit.watch() as runs:
        for _ in range(1_000):
            minimize(both, [1.0, 1.0], jac=True)
    assert len(runs) == 1_000
    assert runs.own_seconds < 0.5 + 0.1 * runs.seconds
    assert sum(run.diagnosis is not None for run in runs) < 20
    assert "999 further runs" in str(runs)


def test_threads_are_watched(diagnoses):
    def work():
        minimize(both, START, jac=True)

    with gradaudit.watch() as runs:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(runs) == 4
    assert len(diagnoses) == 4


def test_function_that_waits_for_other_threads_does_not_block_the_diagnosis(diagnoses):
    def outer(x):
        inner = []
        thread = threading.Thread(target=lambda: inner.append(minimize(both, x, jac=True).fun))
        thread.start()
        thread.join(timeout=20)
        return inner[0]

    with gradaudit.watch() as runs:
        minimize(outer, START, options={"maxiter": 1})
    assert len(runs) > 2
    assert diagnoses


def test_diagnosis_that_time_cuts_short_says_nothing_against_a_run(monkeypatch):
    def diagnose_call(*_positional, seconds, **_options):
        return Diagnosis(
            causes=(),
            findings=(),
            benign=seconds is None,
            stopped="" if seconds is None else "late",
        )

    monkeypatch.setattr(run_module, "diagnose_call", diagnose_call)
    with gradaudit.watch() as runs:
        for _ in range(3):
            minimize(both, START, jac=True)
    assert runs.verdict == Verdict.PASS
    assert [run.diagnosis is None for run in runs] == [False, True, True]


def test_places_are_right_when_the_program_changes_its_folder(tmp_path, monkeypatch):
    place_of_fault = gradaudit.Finding(
        slug="kink", level="error", message="a kink", location=Location(path="cost.py", line=3)
    )

    def diagnose_call(*_positional, **_options):
        return Diagnosis(causes=(place_of_fault,), findings=())

    monkeypatch.setattr(run_module, "diagnose_call", diagnose_call)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    with gradaudit.watch() as runs:
        monkeypatch.chdir("below")
        minimize(both, START, jac=True)
    assert place(place(runs[0].diagnosis).causes[0].location).path == os.path.join(
        "below", "cost.py"
    )
    assert place(runs[0].location).path == __file__


def test_scikit_learn_s_own_calls_are_seen_with_both_lines():
    linear = pytest.importorskip("sklearn.linear_model")
    process = pytest.importorskip("sklearn.gaussian_process")
    network = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    y = (x[:, 0] + 0.3 * rng.normal(size=30) > 0).astype(int)
    with gradaudit.watch() as runs, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linear.LogisticRegression().fit(x, y)
        process.GaussianProcessRegressor(n_restarts_optimizer=1, random_state=0).fit(x[:9], y[:9])
        network.MLPClassifier((3,), solver="lbfgs", max_iter=20, random_state=0).fit(x, y)
    libraries = [run.library.path for run in runs if run.library is not None]
    assert len(libraries) == len(runs) >= 3
    assert {path.rsplit("/", 1)[1] for path in libraries} == {
        *("_logistic.py", "_gpr.py", "_multilayer_perceptron.py")
    } or all("sklearn" in path for path in libraries)
    assert all(place(run.location).path.endswith("test_run.py") for run in runs)
    assert "called by sklearn/" in str(runs)


def test_statsmodels_own_calls_are_seen_with_both_lines():
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = (x[:, 0] + rng.normal(size=40) > 0).astype(float)
    with gradaudit.watch() as runs:
        for method in ("bfgs", "lbfgs", "ncg"):
            discrete.Logit(y, x).fit(method=method, disp=0)
    assert [run.solver for run in runs] == ["fmin_bfgs", "fmin_l_bfgs_b", "fmin_ncg"]
    assert all(place(run.location).source.startswith("discrete.Logit") for run in runs)
    assert all("optimizer.py" in place(run.library).path for run in runs)


def test_runs_are_a_sequence_that_tells_about_itself():
    with gradaudit.watch() as runs:
        minimize(both, START, jac=True)
        minimize(both, START, jac=True)
    assert len(runs[:1]) == 1
    assert repr(runs) == "<Runs PASS: 2 optimizer calls>"
    assert "minimize(BFGS)" in repr(runs[0])
    assert runs.to_dict()["kind"] == "run"
    assert '"schema_version"' in runs.to_json()
