"""`gradaudit diagnose`: flags, formats, exit codes."""

import json
import textwrap

import pytest

from gradaudit import cli

MODULE = """
import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

kept = np.ones(3)
needs_two = {"type": "eq", "fun": lambda x: x[0] - 2.0, "jac": lambda x: np.array([1.0, 0.0])}
turned = {"type": "eq", "fun": lambda x: x[0] * x[1], "jac": lambda x: np.array([x[1], -x[0]])}
both = [needs_two, {"type": "ineq", "fun": lambda x: 9.0 - x[1]}]


def bowl(x):
    return float(x @ x), 2.0 * x


def uphill(x):
    return float(x @ x), -2.0 * x


def ignoring(x):
    return float(kept @ kept), 2.0 * kept


def broken(x):
    raise ZeroDivisionError("no")


def chatty(x):
    print("evaluated")
    return bowl(x)


def minus_hess(x):
    return -rosen_hess(x)


def half_product(x, p):
    return 0.5 * rosen_hess_prod(x, p)
"""
ROSEN = ("costs:rosen", "--jac", "costs:rosen_der", "--x0", "[-1.2, 1.0]", "--seed", "0")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "costs", raising=False)
    (tmp_path / "costs.py").write_text(textwrap.dedent(MODULE))
    return tmp_path


def facts(capsys, *words, code):
    assert cli.main(["diagnose", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def slugs(content):
    return [cause["slug"] for cause in content["causes"]]


# exit codes --------------------------------------------------------------------------------------


def test_healthy_run_is_0_and_says_that_it_converged(capsys):
    assert cli.main(["diagnose", "costs:bowl", "--x0", "ones:2"]) == 0
    out = capsys.readouterr().out
    assert "GA509" in out
    assert "converged" in out


def test_fault_is_1_and_is_named_with_its_code(capsys):
    assert cli.main(["diagnose", "costs:ignoring", "--x0", "ones:3"]) == 1
    out = capsys.readouterr().out
    assert "error[GA101]" in out
    assert "costs.py" in out


def test_cost_that_raises_is_2_and_shows_the_users_line(capsys):
    assert cli.main(["diagnose", "costs:broken", "--x0", "ones:2"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ZeroDivisionError" in captured.err
    assert "costs.py" in captured.err
    assert "gradaudit itself failed" not in captured.err


def test_start_written_as_a_list_is_an_array_to_the_cost():
    assert cli.main(["diagnose", "costs:bowl", "--x0", "[1.0, 2.0]"]) == 0


def test_interruption_is_130(monkeypatch, capsys):
    from gradaudit.api import diagnose as module

    def stopped(*_words, **_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "diagnose", stopped)
    assert cli.main(["diagnose", "costs:bowl", "--x0", "ones:2"]) == 130
    assert "interrupted before anything was learned" in capsys.readouterr().err


def test_diagnosis_that_learned_nothing_is_3(monkeypatch, capsys):
    from gradaudit.api import diagnose as module
    from gradaudit.results import Diagnosis

    def nothing(*_words, **_given):
        return Diagnosis(causes=(), findings=(), stopped="the budget is used up", size=2)

    monkeypatch.setattr(module, "diagnose", nothing)
    assert cli.main(["diagnose", "costs:bowl", "--x0", "ones:2", "-q"]) == 3
    assert capsys.readouterr().out.startswith("INCONCLUSIVE")


def test_interrupted_diagnosis_prints_what_was_learned_and_is_130(monkeypatch, capsys):
    from gradaudit.api import diagnose as module
    from gradaudit.results import Diagnosis, Finding

    def stopped(*_words, **_given):
        stop = KeyboardInterrupt()
        fault = Finding(slug="wrong-sign", level="error", message="the sign is turned")
        known = Diagnosis(causes=(fault,), findings=(fault,), stopped="interrupted", size=2)
        stop.gradaudit_report = known  # type: ignore[attr-defined]
        raise stop

    monkeypatch.setattr(module, "diagnose", stopped)
    assert cli.main(["diagnose", "costs:bowl", "--x0", "ones:2"]) == 130
    assert "the sign is turned" in capsys.readouterr().out


# flags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["BFGS", "l-bfgs-b", "CG"])
def test_method_is_the_one_that_runs(capsys, method):
    content = facts(capsys, *ROSEN, "--method", method, code=0)
    assert content["method"].lower() == method.lower()


def test_options_reach_the_solver(capsys):
    content = facts(
        capsys, *ROSEN, "--method", "BFGS", "--option", "maxiter=4", "--option", "gtol=1e-9", code=0
    )
    assert slugs(content) == ["iteration-limit"]
    assert content["nit"] == 4


def test_tolerance_reaches_the_solver(capsys):
    loose = facts(capsys, *ROSEN, "--method", "BFGS", "--tol", "1e-2", code=0)
    tight = facts(capsys, *ROSEN, "--method", "BFGS", "--tol", "1e-9", code=0)
    assert loose["nit"] < tight["nit"]


def test_hessian_is_audited(capsys):
    words = (*ROSEN, "--method", "trust-exact", "--hess")
    assert slugs(facts(capsys, *words, "costs:minus_hess", code=1))[0] == "wrong-hessian"
    assert slugs(facts(capsys, *words, "costs:rosen_hess", code=0)) == ["converged"]


def test_hessian_product_is_audited(capsys):
    words = (*ROSEN, "--method", "Newton-CG", "--hessp")
    assert slugs(facts(capsys, *words, "costs:half_product", code=1))[0] == "wrong-hessian"
    assert slugs(facts(capsys, *words, "costs:rosen_hess_prod", code=0)) == ["converged"]


@pytest.mark.parametrize(
    ("name", "code", "slug"),
    [
        ("needs_two", 0, "converged"),
        ("both", 0, "converged"),
        ("turned", 1, "wrong-constraint-jacobian"),
    ],
)
def test_one_constraint_or_a_list_is_audited(capsys, name, code, slug):
    content = facts(
        capsys,
        "costs:bowl",
        "--x0",
        "ones:2",
        "--method",
        "SLSQP",
        "--constraints",
        f"costs:{name}",
        code=code,
    )
    assert slugs(content)[0] == slug


def test_budget_limits_the_evaluations(capsys):
    content = facts(capsys, *ROSEN, "--method", "BFGS", "--budget", "300", code=0)
    assert content["evaluations"]["cost"] <= 300


def test_seconds_are_taken(capsys):
    content = facts(capsys, *ROSEN, "--method", "BFGS", "--seconds", "60", code=0)
    assert slugs(content) == ["converged"]


def test_seed_is_told_and_repeats(capsys):
    assert facts(capsys, *ROSEN, "--method", "BFGS", code=0)["seed"] == 0


def test_picture_is_written(folder, capsys):
    words = ["diagnose", "costs:uphill", "--x0", "ones:2", "--plot", "why.svg"]
    assert cli.main(words) == 1
    assert "<svg" in (folder / "why.svg").read_text()
    assert "error[GA" in capsys.readouterr().out


def test_quiet_is_one_line_with_the_verdict(capsys):
    words = ["diagnose", "costs:uphill", "--x0", "ones:2", "-q"]
    assert cli.main(words) == 1
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("FAIL")
    assert "GA203" in out


def test_machine_format_is_alone_on_stdout(capsys):
    assert cli.main(["diagnose", "costs:chatty", "--x0", "ones:2", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["kind"] == "diagnose"
    assert "evaluated" in captured.err


def test_output_goes_to_a_file_and_one_line_to_stdout(folder, capsys):
    words = ["diagnose", "costs:uphill", "--x0", "ones:2", "--output", "why.json", "--json"]
    assert cli.main(words) == 1
    assert json.loads((folder / "why.json").read_text())["verdict"] == "FAIL"
    assert capsys.readouterr().out.count("\n") <= 1


@pytest.mark.parametrize("form", ["json", "github", "sarif", "html", "text"])
def test_every_format_names_the_cause(capsys, form):
    words = ["diagnose", "costs:ignoring", "--x0", "ones:3", "--format", form]
    assert cli.main(words) == 1
    assert "GA101" in capsys.readouterr().out


# usage errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "L-BFGSB"], "L-BFGS-B"),
        (["--method", "BFGS", "--method", "CG"], "--method"),
        (["--option", "maxiter"], "maxiter"),
        (["--option", "maxiter=3", "--option", "maxiter=4"], "maxiter"),
        (["--budget", "few"], "budget"),
        (["--budget", "0"], "budget"),
        (["--seconds", "-1"], "seconds"),
        (["--hess", "costs:no_such"], "no_such"),
        (["--constraints", "nowhere:thing"], "nowhere"),
        (["--points", "3"], "--points"),
        (["--jac", "costs:no_such"], "no_such"),
        (["--output", "missing/folder/why.txt"], "missing"),
    ],
)
def test_usage_error_is_2_says_what_and_leaves_stdout_empty(capsys, words, said):
    try:
        code = cli.main(["diagnose", "costs:bowl", "--x0", "ones:2", *words])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert said in captured.err


def test_target_that_is_not_there_is_2(capsys):
    assert cli.main(["diagnose", "costs:nothing", "--x0", "[1.0]"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nothing" in captured.err


def test_missing_start_is_2(capsys):
    assert cli.main(["diagnose", "costs:bowl"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "x0" in captured.err
