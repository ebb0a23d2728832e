"""The command `gradaudit shapes`, end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradaudit import cli

ROOT = str(Path(cli.__file__).parents[2])

FACTORIES = """
import numpy as np

print("importing")

def problem(n, m, wrong):
    data = np.random.default_rng(0).random((m, n))

    def cost(theta):
        print("calling")
        error = theta - data
        gradient = error.mean(axis=0) if wrong else error.sum(axis=0)
        return 0.5 * float(np.sum(error**2)), gradient

    return cost, np.zeros(n)

def right(n: int, m: int):
    return problem(n, m, False)

def wrong(n: int, m: int):
    return problem(n, m, True)

def unsteady(n: int, m: int):
    fun, start = problem(n, m, False)
    return fun, start + np.random.default_rng().random(n)

def raising(n: int, m: int):
    raise RuntimeError("no data")

class Network: ...
"""


@pytest.fixture(autouse=True)
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(FACTORIES, encoding="utf-8")


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gradaudit", "shapes", *words],
        env={**os.environ, "PYTHONPATH": ROOT, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "code"), [("right", 0), ("wrong", 1), ("raising", 2), ("unsteady", 3)]
)
def test_the_exit_code_says_what_was_found(name: str, code: int) -> None:
    assert command(f"models:{name}", "--seed", "1").returncode == code


def test_the_smallest_sizes_and_the_explanation_come_first() -> None:
    done = command("models:wrong", "--seed", "0")
    lines = done.stdout.splitlines()
    assert lines[0] == "FAIL  wrong(n=2, m=3), the smallest sizes that show the fault"
    assert lines[1] == "analytic/numeric = 1/m at m = 3, 4, 6; exact at m = 1; independent of n"
    assert "calling" in done.stderr
    assert "calling" not in done.stdout


def test_sizes_are_fixed_or_bounded() -> None:
    done = command("models:wrong", "--size", "n=4", "--size", "m=5..9", "--json")
    assert json.loads(done.stdout)["sizes"] == {"n": 4, "m": 5}


def test_quiet_is_one_line_and_a_file_takes_the_report(tmp_path: Path) -> None:
    quiet = command("models:wrong", "-q")
    assert len(quiet.stdout.splitlines()) == 1
    assert quiet.stdout.startswith("FAIL  wrong(n=2, m=3); error[GA202]")
    command("models:right", "--json", "--output", "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["models:wrong", "--size", "n"], "is not name=value"),
        (["models:wrong", "--size", "n=5..2"], "low is above high"),
        (["models:wrong", "--size", "n=2", "--size", "n=3"], "given twice"),
        (["models:wrong", "--size", "k=3"], "has no parameter 'k'"),
        (["models:wrong", "--size", "n=big"], "is not a value"),
        (["models:wrong", "--format", "html"], "shapes are text or json"),
        (["models:Network"], "is a class"),
        (["models:problem"], "cannot guess what 'wrong' of problem is"),
        (["models:missing"], "has no 'missing'"),
        (["models:raising"], "raised at every shape"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_stdout_empty(
    words: list[str], message: str
) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_ends_the_search_inconclusively() -> None:
    done = command("models:right", "--budget", "300")
    assert done.returncode == 3
    assert "the search ended early" in done.stdout
