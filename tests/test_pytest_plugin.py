"""The plugin, through pytest itself: sessions of their own, in processes of their own."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _as_at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pytest shorten its summary as it does outside continuous integration."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


COSTS = """
import numpy as np

theta0 = np.array([1.0, 2.0, 3.0])

def right(theta):
    return float(theta @ theta), 2 * theta

def wrong(theta):
    return float(theta @ theta), theta.copy()

def wrong_weights(theta):
    W = theta[:2].reshape(2, 1)
    b = theta[2:]
    return float(np.sum(W**2) + np.sum(b**2)), np.concatenate([W.ravel(), 2 * b])

def constant(theta):
    return 1.0, 0 * theta

def raising(theta):
    return [][len(theta)], theta

def make_mean(n: int, m: int):
    data = np.random.default_rng(0).random((m, n))

    def cost(theta):
        error = theta - data
        return 0.5 * float(np.sum(error**2)), error.mean(axis=0)

    return cost, np.zeros(n)
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with costs, whose tests run in processes of their own."""
    pytester.makepyfile(costs=COSTS)
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    return pytester


def run(session: pytest.Pytester, test: str, *words: str) -> pytest.RunResult:
    session.makepyfile(test_it=f"import numpy as np\nimport pytest\nimport costs\n\n{test}")
    return session.runpytest_subprocess("-p", "no:cacheprovider", *words)


def output(result: pytest.RunResult) -> str:
    return result.stdout.str()


# the fixture


def test_a_right_gradient_passes_and_the_report_is_returned(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
def test_gradient(gradaudit):
    assert gradaudit.check(costs.right, costs.theta0).verdict == "PASS"
    assert gradaudit(costs.right, costs.theta0).verdict == "PASS"
""",
    )
    result.assert_outcomes(passed=1)


def test_the_first_line_of_a_failure_carries_code_and_block(session: pytest.Pytester) -> None:
    result = run(
        session, "def test_gradient(gradaudit):\n    gradaudit(costs.wrong_weights, costs.theta0)"
    )
    result.assert_outcomes(failed=1)
    first = next(line for line in result.outlines if line.startswith("E "))
    assert "GradientMismatch: GA202 W: the returned gradient is 0.5 times" in first
    assert "GA202 W" in result.outlines[-2][:80]  # the summary, as narrow as it is


def test_the_body_of_a_failure_is_the_table_of_blocks(session: pytest.Pytester) -> None:
    result = run(
        session, "def test_gradient(gradaudit):\n    gradaudit(costs.wrong_weights, costs.theta0)"
    )
    assert re.search(r"^E +W +2x1 .* FAIL$", output(result), re.MULTILINE)
    assert re.search(r"^E +b +1 .* PASS$", output(result), re.MULTILINE)
    assert "\x1b" not in output(result)


def test_a_finding_is_told_once(session: pytest.Pytester) -> None:
    result = run(session, "def test_gradient(gradaudit):\n    gradaudit(costs.wrong, costs.theta0)")
    assert output(result).count("the returned gradient is 0.5 times the right one") == 1


@pytest.mark.parametrize("name", ["wrong", "raising"])
def test_no_frame_of_ours_is_shown(session: pytest.Pytester, name: str) -> None:
    result = run(
        session, f"def test_gradient(gradaudit):\n    gradaudit(costs.{name}, costs.theta0)"
    )
    result.assert_outcomes(failed=1)
    for module in ("pytest_plugin.py", "check.py", "evaluator.py"):
        assert module not in output(result)


def test_an_exception_of_the_users_function_is_shown_with_its_line(
    session: pytest.Pytester,
) -> None:
    result = run(
        session, "def test_gradient(gradaudit):\n    gradaudit(costs.raising, costs.theta0)"
    )
    assert "IndexError: list index out of range" in output(result)
    assert "return [][len(theta)], theta" in output(result)


def test_check_shapes_names_the_smallest_sizes_and_explains_them(session: pytest.Pytester) -> None:
    result = run(
        session, "def test_shapes(gradaudit):\n    gradaudit.check_shapes(costs.make_mean)"
    )
    result.assert_outcomes(failed=1)
    assert "make_mean(n=2, m=3)" in output(result)
    assert "analytic/numeric = 1/m at m = 3, 4, 6; exact at m = 1" in output(result)


@pytest.mark.parametrize("verb", ["diagnose", "trace"])
def test_a_verb_that_is_not_built_says_so(session: pytest.Pytester, verb: str) -> None:
    result = run(
        session,
        f"""
def test_verb(gradaudit, monkeypatch):
    import gradaudit as package
    if hasattr(package, "{verb}"):
        pytest.skip("it is built")
    with pytest.raises(package.GradauditError, match="has no {verb}"):
        gradaudit.{verb}(costs.right, costs.theta0)
""",
    )
    assert result.ret == 0


def test_the_fixture_is_one_for_the_session_and_keeps_nothing(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
seen = []

@pytest.mark.parametrize("again", [0, 1])
def test_gradient(gradaudit, again):
    seen.append(gradaudit)
    assert all(one is gradaudit for one in seen)
    with pytest.raises(AttributeError):
        gradaudit.anything = 1
""",
    )
    result.assert_outcomes(passed=2)


def test_unittest_classes_use_it_through_a_fixture_of_their_own(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
import unittest

class TestGradient(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _audits(self, gradaudit):
        self.gradaudit = gradaudit

    def test_right(self):
        self.gradaudit.check(costs.right, costs.theta0)

    def test_wrong(self):
        self.gradaudit.check(costs.wrong, costs.theta0)
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert "TestGradient::test_wrong --gradaudit-seed" in output(result)


# with hypothesis


GIVEN = """
import gradaudit as package
from hypothesis import given, settings

@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(problem=package.strategies.problems(costs.make_mean))
def test_any_shape(gradaudit, problem):
    gradaudit.check(problem)
"""


def test_under_given_the_smallest_shape_is_shown_and_explained(session: pytest.Pytester) -> None:
    result = run(session, GIVEN)
    result.assert_outcomes(failed=1)
    assert "problem=make_mean(n=2, m=3)" in output(result)
    assert "analytic/numeric = 1/m at m = 3, 4, 6; exact at m = 1" in output(result)
    assert "HealthCheck" not in output(result)
    assert "Flaky" not in output(result)


def test_under_given_seeds_differ_from_example_to_example_and_repeat(
    session: pytest.Pytester,
) -> None:
    test = """
from hypothesis import given, settings, strategies as st

@settings(max_examples=8, deadline=None, database=None, derandomize=True)
@given(first=st.integers(1, 100))
def test_seeds(gradaudit, first):
    with open("seeds.txt", "a") as file:
        start = np.array([float(first), 1.0])
        print(first, gradaudit.check(costs.right, start, points=1).seed, file=file)
"""
    for _ in range(2):
        run(session, test).assert_outcomes(passed=1)
    lines = (session.path / "seeds.txt").read_text().splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    assert len({line.split()[1] for line in lines}) == len({line.split()[0] for line in lines}) > 3


# settings


def test_the_closest_marker_wins_and_the_call_beats_it(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
@pytest.mark.gradaudit(points=2, rtol=1e-4)
class TestMarked:
    @pytest.mark.gradaudit(points=1)
    def test_gradient(self, gradaudit):
        used = gradaudit.check(costs.right, costs.theta0).settings
        assert (used.points, used.rtol) == (1, 1e-4)
        assert gradaudit.check(costs.right, costs.theta0, points=4).settings.points == 4
""",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("rtl=1e-5", "has no setting 'rtl'; did you mean rtol?"),
        ("colour=1", "known are points"),
        ("1e-5", "takes keyword arguments only"),
        ("inconclusive='pass'", "give 'fail' or 'warn'"),
    ],
)
def test_a_marker_with_unknown_settings_is_refused(
    session: pytest.Pytester, mark: str, words: str
) -> None:
    result = run(session, f"@pytest.mark.gradaudit({mark})\ndef test_nothing():\n    pass")
    result.assert_outcomes(errors=1)
    assert words in output(result)


def test_settings_of_the_project_hold_in_tests(session: pytest.Pytester) -> None:
    session.makepyprojecttoml(
        "[tool.pytest.ini_options]\npythonpath = ['.']\n[tool.gradaudit]\npoints = 2\n"
    )
    result = run(
        session,
        """
def test_gradient(gradaudit):
    assert gradaudit.check(costs.right, costs.theta0).settings.points == 2
""",
    )
    result.assert_outcomes(passed=1)


def test_an_inconclusive_audit_fails_in_words_of_its_own(session: pytest.Pytester) -> None:
    result = run(
        session, "def test_gradient(gradaudit):\n    gradaudit(costs.constant, costs.theta0)"
    )
    result.assert_outcomes(failed=1)
    assert "GradientMismatch: INCONCLUSIVE: GA101" in output(result)


@pytest.mark.parametrize(
    ("words", "ini"),
    [(("--gradaudit-inconclusive=warn",), ""), ((), "gradaudit_inconclusive = 'warn'\n")],
    ids=["option", "ini"],
)
def test_an_inconclusive_audit_is_a_warning_on_request(
    session: pytest.Pytester, words: tuple[str, ...], ini: str
) -> None:
    session.makepyprojecttoml(f"[tool.pytest.ini_options]\npythonpath = ['.']\n{ini}")
    result = run(
        session,
        "def test_gradient(gradaudit):\n    gradaudit(costs.constant, costs.theta0)",
        *words,
    )
    result.assert_outcomes(passed=1, warnings=1)
    assert "GradauditWarning: INCONCLUSIVE" in output(result)


# seeds


def test_the_seed_follows_from_the_name_of_the_test(session: pytest.Pytester) -> None:
    test = """
@pytest.mark.parametrize("number", [0, 1])
def test_gradient(gradaudit, number):
    with open("seeds.txt", "a") as file:
        print(number, gradaudit.check(costs.right, costs.theta0).seed, file=file)
"""
    for _ in range(2):
        run(session, test).assert_outcomes(passed=2)
    lines = (session.path / "seeds.txt").read_text().splitlines()
    assert len(lines) == 4
    assert len(set(lines)) == 2


def test_the_seed_is_printed_and_one_flag_replays_it(session: pytest.Pytester) -> None:
    test = "def test_gradient(gradaudit):\n    gradaudit(costs.wrong, costs.theta0, rng=99)"
    said = re.search(r"replay: pytest (\S+) --gradaudit-seed (\d+)", output(run(session, test)))
    assert said is not None
    assert said.groups() == ("test_it.py::test_gradient", "99")
    again = run(session, test, "--gradaudit-seed", "7", said[1])
    again.assert_outcomes(failed=1)
    assert "seed 7\n" in output(again)


def test_global_random_state_is_left_alone(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
import random

def test_gradient(gradaudit):
    before = random.getstate(), np.random.get_state()[1].tolist()
    gradaudit.check(costs.right, costs.theta0)
    with pytest.raises(AssertionError):
        gradaudit.check_shapes(costs.make_mean)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
""",
    )
    result.assert_outcomes(passed=1)


# options


def test_without_the_plugin_the_fixture_is_gone_and_nothing_else(session: pytest.Pytester) -> None:
    result = run(
        session,
        "def test_gradient(gradaudit): ...\n\ndef test_other(): ...",
        "-p",
        "no:gradaudit",
    )
    result.assert_outcomes(passed=1, errors=1)
    assert "fixture 'gradaudit' not found" in output(result)


def test_collect_only_runs_nothing(session: pytest.Pytester) -> None:
    result = run(
        session,
        "def test_gradient(gradaudit):\n    gradaudit(costs.wrong, costs.theta0)",
        "--collect-only",
        "-q",
    )
    assert result.ret == 0
    assert "test_it.py::test_gradient" in output(result)


def test_a_session_that_does_not_use_it_loads_nothing_heavy(session: pytest.Pytester) -> None:
    result = run(
        session,
        """
def test_modules():
    import json, subprocess, sys
    code = '''
import sys, pytest
class Look:
    def pytest_sessionfinish(self):
        heavy = {"numpy", "scipy", "rich", "hypothesis", "gradaudit.config"} & set(sys.modules)
        print("loaded:", sorted(heavy))
pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "plain.py"],
            plugins=[Look()])
'''
    with open("plain.py", "w") as file:
        file.write("def test_nothing(): pass")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "loaded: []" in done.stdout, done.stdout + done.stderr
""",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_report_and_the_summary_hold_all_audits(
    session: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytest.importorskip("xdist")
    result = run(
        session,
        """
@pytest.mark.parametrize("name", ["right", "wrong", "constant"])
def test_gradient(gradaudit, name):
    gradaudit(getattr(costs, name), costs.theta0)
""",
        "--gradaudit-report=audits.json",
        "--gradaudit-summary",
        "--junitxml=junit.xml",
        *workers,
    )
    result.assert_outcomes(passed=1, failed=2)
    document = json.loads((session.path / "audits.json").read_text())
    audits = {test["test"]: test["audits"] for test in document["tests"]}
    assert {one[0]["verdict"] for one in audits.values()} == {"PASS", "FAIL", "INCONCLUSIVE"}
    assert audits["test_it.py::test_gradient[wrong]"][0]["report"]["kind"] == "check"
    assert "3 audits in 3 tests" in output(result)
    assert "inconclusive:" in output(result)
    assert "test_it.py::test_gradient[constant]: INCONCLUSIVE" in output(result)
    properties = {
        element.get("name"): element.get("value")
        for element in ElementTree.parse(session.path / "junit.xml").iter("property")
    }
    assert {"gradaudit_verdict", "gradaudit_seed", "gradaudit_codes"} <= set(properties)


@pytest.mark.parametrize("name", ["nowhere/audits.json", ".", "audits.html"])
def test_a_report_that_cannot_be_written_is_refused_at_once(
    session: pytest.Pytester, name: str
) -> None:
    result = run(session, "def test_nothing(): ...", f"--gradaudit-report={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--gradaudit-report" in result.stderr.str()


def test_the_summary_is_not_shown_unasked(session: pytest.Pytester) -> None:
    result = run(session, "def test_gradient(gradaudit):\n    gradaudit(costs.right, [1.0])")
    assert "gradaudit" not in output(result).replace("plugins:", "").partition("collected")[2]


# targets


def with_targets(session: pytest.Pytester, *targets: str) -> None:
    session.makepyprojecttoml(
        "[tool.pytest.ini_options]\npythonpath = ['.']\n"
        f"[tool.gradaudit]\ntargets = {list(targets)}\n"
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_targets_of_the_project_are_test_items(
    session: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    with_targets(session, "costs:right", "costs:wrong")
    result = run(session, "def test_nothing(): ...", "--gradaudit", *workers)
    result.assert_outcomes(passed=2, failed=1)
    assert "pyproject.toml::costs:wrong" in output(result)
    assert "GA202 theta" in output(result)
    assert "pytest_plugin.py" not in output(result)


def test_targets_are_collected_on_request_only(session: pytest.Pytester) -> None:
    with_targets(session, "costs:wrong")
    run(session, "def test_nothing(): ...").assert_outcomes(passed=1)


def test_one_target_is_run_by_its_name_or_chosen_with_k(session: pytest.Pytester) -> None:
    with_targets(session, "costs:right", "costs:wrong")
    named = run(session, "", "--gradaudit", "pyproject.toml::costs:right")
    named.assert_outcomes(passed=1)
    chosen = run(session, "def test_nothing(): ...", "--gradaudit", "-k", "right")
    chosen.assert_outcomes(passed=1, deselected=2)


def test_targets_come_along_from_a_folder_below(session: pytest.Pytester) -> None:
    with_targets(session, "costs:right")
    below = session.mkdir("below")
    (below / "test_below.py").write_text("def test_nothing(): ...")
    result = session.runpytest_subprocess("-p", "no:cacheprovider", "--gradaudit", str(below))
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("costs:no_such", "has no 'no_such'"),
        ("no_such_module:cost", "there is no module no_such_module"),
        ("costs:raising", "IndexError"),
    ],
)
def test_a_target_that_cannot_be_checked_fails_with_the_reason(
    session: pytest.Pytester, target: str, words: str
) -> None:
    with_targets(session, target)
    result = run(session, "", "--gradaudit")
    result.assert_outcomes(failed=1)
    assert words in output(result)


def test_asking_for_targets_where_there_are_none_is_an_error(session: pytest.Pytester) -> None:
    result = run(session, "def test_nothing(): ...", "--gradaudit")
    assert result.ret != 0
    assert "lists no targets" in output(result)


def test_the_plugin_is_installed_as_an_entry_point() -> None:
    from importlib.metadata import entry_points

    assert any(e.value == "gradaudit.pytest_plugin" for e in entry_points(group="pytest11"))
