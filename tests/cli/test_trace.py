"""`gradaudit trace` and `gradaudit check --trace`, run as their users run them."""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
from pathlib import Path

import pytest

from gradaudit.cli import main

MODEL = """
import numpy as np

x = np.arange(12.0).reshape(4, 3) / 12
y = np.linspace(0.0, 1.0, 8).reshape(4, 2)
theta = np.linspace(-1.0, 1.0, 8)


def cost(theta, x, y):
    w = theta[:6].reshape(3, 2)
    b = theta[6:]
    z = x @ w + b
    h = np.tanh(z)
    dh = h - y
    dz = dh * (1 - h**2)
    dw = x.T @ dz
    db = dz.{how}(axis=0)
    return 0.5 * np.sum((h - y) ** 2), np.concatenate([dw.ravel(), db])


def make_problem(rows, features, outputs):
    rng = np.random.default_rng(rows)
    x, y = rng.normal(size=(rows, features)), rng.normal(size=(rows, outputs))

    def fun(theta):
        w = theta[: features * outputs].reshape(features, outputs)
        h = np.tanh(x @ w)
        dz = (h - y) * {slope}
        return 0.5 * np.sum((h - y) ** 2), (x.T @ dz).ravel()

    return fun, rng.normal(size=features * outputs)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, name: str, *, how: str = "sum", slope: str = "(1 - h**2)") -> str:
    text = MODEL.replace("{how}", how).replace("{slope}", slope)
    (project / f"{name}.py").write_text(text, encoding="utf-8")
    return name


def test_wrong_line_is_named_with_its_correction_and_exit_code_1(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(project, "traced_mean", how="mean")
    assert main(["trace", f"{name}:cost", "--seed", "0"]) == 1
    shown = capsys.readouterr().out
    assert "db = dz.mean(axis=0)" in shown
    assert "db = dz.sum(axis=0)" in shown


def test_right_gradient_has_no_suspects_and_exit_code_0(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(project, "traced_right")
    assert main(["trace", f"{name}:cost", "--seed", "0", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["kind"] == "trace"
    assert content["suspects"] == []


def test_factory_is_traced_at_small_sizes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(project, "traced_factory", slope="(1 - h)")
    code = main(["trace", f"{name}:make_problem", "--factory", f"{name}:make_problem", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert code == 1
    assert content["suspects"][0]["source"] == "dz = (h - y) * (1 - h)"
    assert max(content["sizes"].values()) <= 8


def test_check_offers_the_trace_and_makes_it_when_asked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(project, "traced_offer", how="mean")
    assert main(["check", f"{name}:cost", "--seed", "0"]) == 1
    assert f"gradaudit trace {name}:cost" in capsys.readouterr().out
    assert main(["check", f"{name}:cost", "--seed", "0", "--trace"]) == 1
    assert "db = dz.sum(axis=0)" in capsys.readouterr().out


def test_offered_trace_repeats_the_flags_that_say_what_the_target_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(project, "traced_flags", how="mean")
    given = ["--x0", "ones:8", "--arg", "y=traced_flags:y"]
    assert main(["check", f"{name}:cost", "--seed", "0", *given]) == 1
    offer = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(offer) == ["gradaudit", "trace", f"{name}:cost", *given]


def test_large_problem_is_refused_with_a_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["trace", "reference_models.autoencoder:cost_and_grad"]) == 2
    shown = capsys.readouterr()
    assert "factory" in shown.err
    assert "cost" not in shown.out


def test_objective_of_question_1_is_said_to_ignore_its_argument_also_at_full_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    large = ["reference_models.question1:J"]
    small = ["--factory", "reference_models.question1:make_problem"]
    for words in (large, small):
        assert main(["trace", *words]) == 2
        err = capsys.readouterr().err
        assert "ignores its argument" in err
        assert "run gradaudit check" in err
        assert "parameters" not in err


def test_trace_stays_within_the_bounds(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
        import numpy as np

        outside = []

        def cost(t):
            outside.append(bool((t < 0.98).any() or (t > 2.02).any()))  # small steps may
            dt = 3 * t
            return float(t @ t), dt
        """
    (project / "traced_bounds.py").write_text(textwrap.dedent(text), encoding="utf-8")
    words = ["trace", "traced_bounds:cost", "--x0", "[1.0, 1.0, 2.0]", "--seed", "0"]
    assert main([*words, "--bounds", "[(1, 2), (1, 2), (1, 2)]"]) == 1
    assert "dt = 3 * t" in capsys.readouterr().out
    assert not any(sys.modules["traced_bounds"].outside)


def test_formats_of_single_audits_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "a:b", "--format", "sarif"]) == 2
    assert capsys.readouterr().out == ""
