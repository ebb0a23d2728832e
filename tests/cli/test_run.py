"""`gradaudit run`: a script runs as without us, and its optimizers are reported."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from gradaudit import cli
from gradaudit.api import run as run_module
from gradaudit.results import Diagnosis, Finding

HEALTHY = """
import sys
from scipy.optimize import minimize

def cost(x):
    return float(x @ x), 2 * x

if __name__ == "__main__":
    result = minimize(cost, [1.0, 2.0], jac=True, method="L-BFGS-B")
    print("found", sys.argv)
"""
STUCK = """
import numpy as np
from scipy.optimize import minimize

theta = np.ones(3)
J = lambda x: (float(theta @ theta), 2 * theta)
print(minimize(J, theta, jac=True, method="L-BFGS-B").nit)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Replace the diagnosis by one that is quick: a run that failed is at fault."""

    def diagnose_call(call, recording, **_options):
        failed = recording.exception is not None or not recording.returned.success
        fault = Finding(slug="ignored-argument", level="error", message="it ignores its argument")
        causes = (fault,) if failed else ()
        return Diagnosis(causes=causes, findings=(), benign=not failed, size=call.size)

    monkeypatch.setattr(run_module, "diagnose_call", diagnose_call)


def script(folder, text, name="train.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return name


def process(*words, check=None):
    done = subprocess.run(
        [sys.executable, "-m", "gradaudit", "run", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=120,
    )
    assert check is None or done.returncode == check, done.stderr
    return done


@pytest.mark.usefixtures("quick")
def test_healthy_script_is_0_and_its_call_is_reported_behind_its_output(folder, capsys):
    assert cli.main(["run", script(folder, HEALTHY), "--epochs", "3", "-q"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("found ['train.py', '--epochs', '3', '-q']\n---")
    assert "train.py:9  minimize(L-BFGS-B, jac=True)  n=2  CONVERGENCE" in out
    assert "PASS  1 optimizer call" in out


@pytest.mark.usefixtures("quick")
def test_fault_is_1_and_is_named(folder, capsys):
    assert cli.main(["run", script(folder, STUCK)]) == 1
    out = capsys.readouterr().out
    assert "train.py:7  minimize(L-BFGS-B, jac=True)  n=3  ABNORMAL" in out
    assert "error[GA101]: it ignores its argument" in out


@pytest.mark.usefixtures("quick")
def test_own_exit_status_of_the_script_is_told_and_kept_apart(folder, capsys):
    name = script(folder, HEALTHY + "    sys.exit(3)\n")
    assert cli.main(["run", name]) == 0
    assert "the script ended with exit status 3" in capsys.readouterr().out
    assert cli.main(["run", "--json", name]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["script_exit"] == 3
    assert captured.err.startswith("found")


@pytest.mark.usefixtures("quick")
def test_machine_format_is_alone_on_stdout(folder, capsys):
    assert cli.main(["run", "--format", "json", script(folder, HEALTHY)]) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["kind"] == "run"
    assert facts["verdict"] == "PASS"
    assert facts["runs"][0]["location"]["line"] == 9
    assert captured.err == "found ['train.py']\n"


@pytest.mark.usefixtures("quick")
def test_report_goes_to_a_file_and_the_script_keeps_stdout(folder, capsys):
    name = script(folder, HEALTHY + "    import os; os.chdir('/')\n")
    assert cli.main(["run", "--output", "report.txt", name]) == 0
    assert "train.py:9" in (folder / "report.txt").read_text()
    assert capsys.readouterr().out.startswith("found ['train.py']\nPASS")


@pytest.mark.usefixtures("quick")
def test_quiet_is_one_line(folder, capsys):
    assert cli.main(["run", "-q", script(folder, STUCK)]) == 1
    assert capsys.readouterr().out == (
        "0\nFAIL  train.py:7 ignored-argument; 1 optimizer call, 1 failed, 1 at fault\n"
    )


@pytest.mark.usefixtures("quick")
def test_module_is_run_as_python_does(folder, capsys):
    package = folder / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    script(package, HEALTHY, "fit.py")
    script(package, "from package.fit import cost\nfrom package import fit\n", "__main__.py")
    assert cli.main(["run", "-m", "package.fit", "-q"]) == 0
    out = capsys.readouterr().out
    assert f"found ['{package / 'fit.py'}', '-q']" in out
    assert "package/fit.py:9" in out
    assert cli.main(["run", "-m", "package"]) == 2
    assert "package never called an optimizer" in capsys.readouterr().err


def test_script_that_never_calls_an_optimizer_is_2(folder, capsys):
    assert cli.main(["run", script(folder, "print('hello')")]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("hello\n")
    assert "never called an optimizer" in captured.err


@pytest.mark.usefixtures("quick")
def test_exception_of_the_script_is_shown_without_our_frames(folder, capsys):
    text = """
        from scipy.optimize import minimize

        def cost(x):
            raise ValueError("no such luck")

        try:
            minimize(cost, [1.0])
        except ValueError as error:
            raise RuntimeError("and now this") from error
    """
    assert cli.main(["run", script(folder, text)]) == 2
    captured = capsys.readouterr()
    assert "ValueError: no such luck" in captured.err
    assert captured.err.endswith("RuntimeError: and now this\n")
    assert "gradaudit" not in captured.err
    assert captured.err.count("minimize(cost, [1.0])") == 1
    assert "raised ValueError: no such luck" in captured.out


@pytest.mark.usefixtures("quick")
def test_traceback_shows_all_frames(folder, capsys):
    text = "from scipy.optimize import minimize\nminimize(lambda x: 1 / 0, [1.0])\n"
    assert cli.main(["run", "--traceback", script(folder, text)]) == 2
    assert "recorder.py" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_ctrl_c_tells_what_was_learned(folder, capsys):
    name = script(folder, HEALTHY + "    raise KeyboardInterrupt\n")
    assert cli.main(["run", name]) == 130
    out = capsys.readouterr().out
    assert "interrupted: this is what was learned until then" in out
    assert "train.py:9" in out


@pytest.mark.usefixtures("quick")
def test_ctrl_c_does_not_wait_for_diagnoses_put_off(folder, capsys):
    name = script(folder, HEALTHY + "    raise KeyboardInterrupt\n")
    assert cli.main(["run", "--after", name]) == 130
    assert "not diagnosed: interrupted before its turn" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_status_130_of_the_script_is_its_own(folder, capsys):
    assert cli.main(["run", script(folder, HEALTHY + "    sys.exit(130)\n")]) == 0
    assert "exit status 130" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_script_may_watch_itself(folder, capsys):
    text = """
        import gradaudit
        from scipy.optimize import minimize

        with gradaudit.watch() as runs:
            minimize(lambda x: (x @ x, 2 * x), [1.0], jac=True)
        print(len(runs), minimize(lambda x: (x @ x, 2 * x), [1.0], jac=True).nit > 0)
    """
    assert cli.main(["run", script(folder, text)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 True\n")
    assert "2 optimizer calls" in out


@pytest.mark.usefixtures("quick")
def test_package_that_fails_to_import_is_2_with_its_own_line(folder, capsys):
    (folder / "fragile").mkdir()
    script(folder / "fragile", "1 / 0", "__init__.py")
    assert cli.main(["run", "-m", "fragile.fit"]) == 2
    err = capsys.readouterr().err
    assert "'fragile.fit' cannot be imported: division by zero" in err
    assert "fragile/__init__.py:1" in err


@pytest.mark.usefixtures("quick")
def test_text_given_to_exit_is_shown_and_is_status_1(folder, capsys):
    name = script(folder, HEALTHY + "    sys.exit('bad luck')\n")
    assert cli.main(["run", name]) == 0
    captured = capsys.readouterr()
    assert captured.err == "bad luck\n"
    assert "exit status 1" in captured.out


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        (["run"], "no script is given", "gradaudit run train.py"),
        (["run", "-m"], "-m needs the name of a module", ""),
        (["run", "trian.py"], "there is no script 'trian.py'", "did you mean train.py?"),
        (["run", "json"], "there is no script 'json'", "gradaudit run -m json"),
        (["run", "."], "'.' is a folder", ""),
        (["run", "-m", "no.such"], "'no.such'", ""),
        (["run", "broken.py"], "broken.py cannot be run", ""),
        (["run", "--afte", "train.py"], "knows no flag '--afte'", "did you mean --after?"),
        (["run", "--budget", "0", "train.py"], "--budget is '0'", ""),
        (["run", "--format", "sarif", "train.py"], "--format sarif", "text or json"),
        (["run", "-q", "-v", "train.py"], "-q and -v", ""),
    ],
)
def test_usage_error_says_what_and_how(folder, words, message, advice, capsys):
    script(folder, HEALTHY)
    script(folder, "def (", "broken.py")
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert advice in captured.err


@pytest.mark.usefixtures("quick")
def test_state_of_the_interpreter_is_put_back(folder, capsys):
    before = sys.argv, list(sys.path), sys.modules["__main__"], sys.stdout
    text = "import sys; sys.stdout = None; sys.path.append('x'); sys.argv.clear()"
    assert cli.main(["run", script(folder, text)]) == 2
    assert before == (sys.argv, list(sys.path), sys.modules["__main__"], sys.stdout)
    assert "no optimizer was called" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_child_processes_are_named(folder, capsys):
    text = """
        import multiprocessing, subprocess, sys
        from scipy.optimize import minimize

        def cost(x):
            return float(x @ x), 2 * x

        def work(_number):
            return minimize(cost, [1.0], jac=True).nit

        if __name__ == "__main__":
            minimize(cost, [1.0], jac=True)
            subprocess.run([sys.executable, "-c", ""])
            subprocess.run("true", shell=True)
            child = multiprocessing.get_context("fork").Process(target=work, args=(0,))
            child.start()
            child.join()
    """
    assert cli.main(["run", script(folder, text)]) == 0
    out = capsys.readouterr().out
    assert "2 child processes were started; optimizers in them are not watched" in out
    assert "1 optimizer call" in out


def test_objective_that_ignores_its_argument_is_named_with_the_corrected_line(folder, capsys):
    assert cli.main(["run", "--seed", "1", script(folder, STUCK)]) == 1
    out = capsys.readouterr().out
    assert "error[GA101]: the objective ignores its argument" in out
    assert "fix: J = lambda x: (float(x @ x), 2 * x)" in out or "evaluate the cost at x" in out


def test_healthy_script_is_not_blamed(folder, capsys):
    assert cli.main(["run", "--seed", "1", script(folder, HEALTHY)]) == 0
    assert "nothing is at fault" in capsys.readouterr().out


def test_whole_process_behaves_as_without_us(folder):
    text = """
        import atexit, sys, threading, pickle
        import numpy as np
        from scipy.optimize import minimize
        from beside import offset

        class Model:
            pass

        def cost(x):
            return float(x @ x) + offset, 2 * x

        def late():
            print("thread", minimize(cost, [2.0], jac=True).nit)

        atexit.register(lambda: print("bye", type(pickle.loads(pickle.dumps(Model()))).__name__))
        print(__name__, __file__, sys.argv, sys.path[0], type(__spec__))
        result = minimize(cost, np.array([1.0, 2.0]), jac=True)
        print(result.x.tobytes(), np.random.get_state()[2])
        threading.Thread(target=late).start()
        print("last words", file=sys.stderr)
    """
    name = script(folder, text)
    script(folder, "offset = 3.0", "beside.py")
    plain = subprocess.run([sys.executable, name, "-x"], capture_output=True, text=True)
    watched = process(name, "-x")
    assert plain.returncode == 0
    assert watched.stderr == plain.stderr
    before, _, report = watched.stdout.partition(" gradaudit -")
    lines = [line for line in before.splitlines() if not line.startswith("---")]
    assert [*lines, "bye Model"] == plain.stdout.splitlines()
    assert report.endswith("bye Model\n")
    assert "2 optimizer calls" in report
    assert "train.py:14" in report


def test_script_that_closes_its_output_gets_its_report(folder):
    name = script(folder, HEALTHY + "    sys.stdout.close()\n")
    done = process(name)
    assert "minimize(L-BFGS-B, jac=True)" in done.stdout
    assert "Traceback" not in done.stderr
