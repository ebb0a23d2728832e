"""Discovery works while other tools watch the program, and leaves them at work."""

import cProfile
import io
import pstats
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, cast

import numpy as np
import pytest

from gradaudit.source.discovery import discover_layout

CODE = """
import numpy as np
from gradaudit.source.discovery import discover_layout

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cost(theta):
    W = theta[:6].reshape(2, 3)
    b = theta[6:]
    return float(sigmoid(W).sum() + b.sum())

layout = discover_layout(cost, 8).layout
assert [(k.name, k.start, k.shape) for k in layout.blocks] == [("W", 0, (2, 3)), ("b", 6, (2,))]

def after():
    return 42

after()
"""
ROOT = Path(__file__).parents[2]


def cost(theta: Any) -> float:
    W = theta[:6].reshape(2, 3)
    b = theta[6:]
    return float((W**2).sum() + b.sum())


def found() -> list[str]:
    return [block.name for block in discover_layout(cost, 8).layout.blocks]


def after() -> int:
    return 42


def test_under_a_python_profiler_that_is_put_back() -> None:
    seen: list[str] = []

    def profiler(frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG001
        if event == "call" and frame.f_code.co_filename == __file__:
            seen.append(frame.f_code.co_name)

    sys.setprofile(profiler)
    try:
        names = found()
        assert sys.getprofile() is profiler
        after()
    finally:
        sys.setprofile(None)
    assert names == ["W", "b"]
    assert seen.count("cost") == 1
    assert "after" in seen


def test_under_cprofile_which_goes_on_counting() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        names = found()
        after()
    finally:
        profiler.disable()
    assert names == ["W", "b"]
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).print_stats("after")
    assert "(after)" in text.getvalue()


def test_under_a_debugger() -> None:
    lines: list[int] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001
        if frame.f_code is cost.__code__ and event == "line":
            lines.append(frame.f_lineno)
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        names = found()
        assert sys.gettrace() is trace
    finally:
        sys.settrace(previous)
    assert names == ["W", "b"]
    assert len(lines) == 3


@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_under_coverage(core: str, tmp_path: Path) -> None:
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring exists from Python 3.12 on")
    script = tmp_path / "script.py"
    script.write_text(CODE)
    environment = {"PYTHONPATH": str(ROOT), "COVERAGE_CORE": core, "PATH": ""}
    data = f"--data-file={tmp_path / 'data'}"
    for command in (["run", data, str(script)], ["report", data, "--fail-under=100", str(script)]):
        subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
        )


def test_when_all_monitoring_tools_are_taken() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("sys.monitoring exists from Python 3.12 on")
    monitoring: Any = cast("Any", sys).monitoring
    taken = [tool for tool in range(6) if monitoring.get_tool(tool) is None]
    for tool in taken:
        monitoring.use_tool_id(tool, "test")
    try:
        assert found() == ["W", "b"]
    finally:
        for tool in taken:
            monitoring.free_tool_id(tool)


def test_tool_identifiers_are_given_back() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("sys.monitoring exists from Python 3.12 on")
    monitoring: Any = cast("Any", sys).monitoring
    before = [monitoring.get_tool(tool) for tool in range(6)]
    found()
    with pytest.raises(KeyboardInterrupt):
        discover_layout(_interrupt, 3)
    assert [monitoring.get_tool(tool) for tool in range(6)] == before
    assert sys.getprofile() is None


def _interrupt(_theta: Any) -> Any:
    raise KeyboardInterrupt


def test_in_two_threads_at_once() -> None:
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(found())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["W", "b"]] * 4


def test_source_less_function() -> None:
    namespace: dict[str, Any] = {"np": np}
    exec(compile(CODE.split("layout =")[0], "<string>", "exec"), namespace)
    layout = discover_layout(namespace["cost"], 8).layout
    assert [block.name for block in layout.blocks] == ["W", "b"]


def test_function_of_a_library_is_read_when_it_is_the_target(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages" / "library"
    folder.mkdir(parents=True)
    file = folder / "model.py"
    file.write_text(CODE.split("layout =")[0])
    namespace: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    assert discover_layout(namespace["cost"], 8).layout.blocks == ()
    layout = discover_layout(namespace["cost"], 8, package_of=str(file)).layout
    assert [block.name for block in layout.blocks] == ["W", "b"]
