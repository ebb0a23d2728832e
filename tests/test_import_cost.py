import inspect
import json
import subprocess
import sys
import typing

import pytest

import gradaudit

HEAVY = {"numpy", "scipy", "rich", "hypothesis"}


def modules_loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter; return the top-level names of all modules it loaded."""
    program = f"""
import io, json, sys
real, sys.stdout = sys.stdout, io.StringIO()
try:
    exec({code!r})
except SystemExit as stop:
    assert not stop.code, stop.code
json.dump(sorted({{name.partition(".")[0] for name in sys.modules}}), real)
"""
    return set(json.loads(run("-c", program)))


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_gradaudit_loads_nothing_heavy() -> None:
    assert not HEAVY & modules_loaded_by("import gradaudit")


def test_importing_gradaudit_does_not_even_load_typing() -> None:
    assert "typing" not in modules_loaded_by("import gradaudit")


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    code = "import pytest, sys; before = set(sys.modules); import gradaudit.pytest_plugin\n"
    code += "own = {n for n in set(sys.modules) - before if not n.startswith('gradaudit')}\n"
    code += "assert own <= {'contextvars', '_contextvars'}, own"

    assert not HEAVY & modules_loaded_by(code)


def test_importing_gradaudit_loads_no_module_of_its_own() -> None:
    program = "import gradaudit, sys; print([n for n in sys.modules if n.startswith('gradaudit.')])"

    assert run("-c", program).strip() == "[]"


def test_listing_and_probing_names_load_nothing_heavy() -> None:
    code = "import gradaudit as g; dir(g); hasattr(g, 'no_such_name'); g.GradauditError"

    assert not HEAVY & modules_loaded_by(code)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_command_line_answers_without_loading_anything_heavy(option: str) -> None:
    code = f"""
import runpy, sys
sys.argv = ["gradaudit", {option!r}]
runpy.run_module("gradaudit", run_name="__main__")
"""
    assert not HEAVY & modules_loaded_by(code)


def test_python_dash_m_prints_the_version() -> None:
    assert gradaudit.__version__ in run("-m", "gradaudit", "--version")


@pytest.mark.parametrize("name", gradaudit.__all__)
def test_every_public_name_resolves_and_is_listed(name: str) -> None:
    assert getattr(gradaudit, name) is not None
    assert name in dir(gradaudit)


@pytest.mark.parametrize(
    "name", ["check", "check_shapes", "derivative", "gradient", "discover_blocks", "target"]
)
def test_a_function_is_not_hidden_by_a_module_of_its_name(name: str) -> None:
    __import__("gradaudit.api.check")
    __import__("gradaudit.api.derivative")
    __import__("gradaudit.api.discovery")
    __import__("gradaudit.api.shapes")

    assert inspect.isfunction(getattr(gradaudit, name))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gradaudit' has no attribute 'no_such_name'"):
        typing.cast(typing.Any, gradaudit).no_such_name  # noqa: B018
