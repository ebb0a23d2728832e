"""The calls of a script as text: one block each, those of a loop together."""

from dataclasses import replace

import pytest

from gradaudit.report.runs import one_line, render_runs, summary
from gradaudit.results import Diagnosis, Finding, Location, Run, Runs

FAULT = Finding(
    slug="ignored-argument",
    level="error",
    message="the objective ignores its argument",
    help="evaluate the cost at x",
)
FINE = Diagnosis(causes=(), findings=(), benign=True)
AT_FAULT = Diagnosis(causes=(FAULT,), findings=(FAULT,))
RUN = Run(
    location=Location(path="train.py", line=9, source="result = minimize(J, theta, jac=True)"),
    library=None,
    solver="minimize",
    method="L-BFGS-B",
    jac="True",
    message="ABNORMAL: ",
    success=False,
    size=16474,
    iterations=0,
    evaluations=21,
    diagnosis=AT_FAULT,
)
HEALTHY = replace(RUN, success=True, message="CONVERGENCE: OK", diagnosis=FINE)


def test_block_has_the_line_the_solver_the_message_and_the_cause():
    text = render_runs(Runs(runs=[RUN], own_seconds=0.5, seed=7))
    assert text.startswith(
        "train.py:9  minimize(L-BFGS-B, jac=True)  n=16,474  ABNORMAL, nit 0, nfev 21\n"
        "  | result = minimize(J, theta, jac=True)\n"
        "  error[GA101]: the objective ignores its argument\n"
    )
    assert text.endswith(
        "\nFAIL  1 optimizer call, 1 failed, 1 at fault, 0.5 s of diagnosis, seed 7\n"
    )


def test_runs_of_a_loop_are_one_block_with_each_cause_once():
    runs = Runs(runs=[HEALTHY, *[RUN] * 5, *[HEALTHY] * 5])
    text = render_runs(runs)
    assert text.count("train.py:9") == 2
    assert text.count("GA101]") == 1
    assert "and 9 further runs from here: 4 failed, 9 diagnosed with nothing new" in text


def test_every_run_and_all_causes_are_shown_when_asked():
    text = render_runs(Runs(runs=[HEALTHY, RUN, RUN]), verbosity=1)
    assert text.count("train.py:9") == 3


def test_library_line_is_named_without_its_folder():
    library = Location(path="/env/lib/site-packages/sklearn/linear_model/_logistic.py", line=584)
    text = render_runs(Runs(runs=[replace(HEALTHY, library=library)]))
    assert "  called by sklearn/linear_model/_logistic.py:584\n" in text
    assert "  nothing is at fault\n" in text


def test_run_without_a_diagnosis_says_why():
    skipped = replace(RUN, diagnosis=None, skipped="the time for audits is used up")
    text = render_runs(Runs(runs=[skipped]))
    assert "not diagnosed: the time for audits is used up" in text
    assert "INCONCLUSIVE  1 optimizer call, 1 failed, 1 not diagnosed" in text


def test_exception_script_status_and_children_are_told():
    raised = replace(RUN, raised="ValueError: no", message="", success=None)
    text = render_runs(Runs(runs=[raised], script_exit=3, children=2, interrupted=True))
    assert "raised ValueError: no" in text
    assert "the script ended with exit status 3" in text
    assert "2 child processes were started; optimizers in them are not watched" in text
    assert "interrupted" in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_lines_fit_except_source_lines(width):
    text = render_runs(Runs(runs=[RUN]), console_width=width)
    assert all(len(line) <= width for line in text.splitlines() if "|" not in line)


def test_ascii_stream_gets_ascii():
    run = replace(RUN, location=Location(path="träin.py", line=1, source="θ = fit(\x1b)"))
    text = render_runs(Runs(runs=[run]), encoding="ascii")
    assert text.isascii()
    assert "\x1b" not in render_runs(Runs(runs=[run]))


def test_one_line_names_the_first_causes():
    assert one_line(Runs(runs=[RUN, RUN, HEALTHY])) == (
        "FAIL  train.py:9 ignored-argument; 3 optimizer calls, 2 failed, 2 at fault"
    )
    assert summary(Runs()) == "no optimizer was called"
