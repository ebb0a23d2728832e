import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradaudit import cli
from gradaudit.cli.progress import ProgressLine, progress_text
from gradaudit.config import FORMATS
from gradaudit.evaluator import Progress
from gradaudit.results import BlockReport, Finding, Report, Verdict

Write = Callable[[str, str], Path]
ROOT = str(Path(cli.__file__).parents[2])

SCRIPT = """
import numpy as np

print("importing")
theta = np.ones(3)

def cost(theta):
    print("calling")
    return float(np.dot(theta, theta)), 2 * theta

def scalar(theta):
    return float(theta @ theta)

def scalar_grad(theta):
    return 2 * theta
"""


@pytest.fixture(autouse=True)
def fresh_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def report(verdict: Verdict = Verdict.PASS, **changes: Any) -> Report:
    block = BlockReport(
        name="W1", shape=(3,), start=0, size=3, verdict=verdict, relative_error=1e-10
    )
    return Report(**{"verdict": verdict, "size": 3, "seed": 7, "blocks": (block,), **changes})


@pytest.fixture
def answer(write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[dict[str, Any]]]:
    """Put something in the place of `check`: a report to return or an exception to raise."""
    write("train.py", SCRIPT)

    def answer(what: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def check(fun: Any, x0: Any, **settings: Any) -> Any:
            calls.append(settings)
            fun(x0)
            if isinstance(what, BaseException):
                raise what
            return what

        module = types.ModuleType("gradaudit.api.check")
        module.check = check  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "gradaudit.api.check", module)
        return calls

    return answer


def command(*words: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(
        [sys.executable, "-m", "gradaudit", *words],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        **options,
    )


# usage


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        ([], "no command is given", "check, shapes, blocks, trace, diagnose, run or explain"),
        (["chek", "a:b"], "'chek' is not a command", "did you mean gradaudit check?"),
        (["train:cost"], "'train:cost' is not a command", "gradaudit check train:cost"),
        (["check"], "required: TARGET", "--help"),
        (["check", "a:b", "c:d"], "no argument 'c:d'", "--help"),
        (["check", "a:b", "--pionts", "3"], "no flag '--pionts'", "did you mean --points?"),
        (["check", "a:b", "--poin", "3"], "no flag '--poin'", "did you mean --points?"),
        (["check", "a:b", "--points", "0"], "--points is '0'", ""),
        (["check", "a:b", "--points", "-3"], "--points is '-3'", ""),
        (["check", "a:b", "--points"], "--points: expected one argument", ""),
        (["check", "a:b", "--seed", "1", "--seed", "2"], "--seed is given twice", ""),
        (["check", "a:b", "--format", "xml"], "--format is 'xml'", ""),
        (["check", "a:b", "--json", "--format", "html"], "contradict", ""),
        (["check", "a:b", "-q", "-v"], "contradict", ""),
        (["--versio"], "gradaudit knows no flag '--versio'", "did you mean --version?"),
        (["-q", "check", "a:b"], "no flag '-q' before a command", "begin with a command: check, "),
        (["check", "a:b", "--allow", "knik"], "--allow is 'knik'", "did you mean kink?"),
        (["check", "a:b", "--arg", "c"], "--arg 'c' is not name=value", "--arg lambda_=0.01"),
        (["check", "a:b", "--output", "no/x"], "--output 'no/x'", "make it first"),
        (["check", "a:b", "--output", "."], "--output '.' is a folder", ""),
        (["check", "a:b", "--output", ""], "--output '' is empty", "the name of a file"),
        (["check", "a:b", "--x0", "zeros:-3"], "--x0 'zeros:-3'", "zeros:12 or zeros:3x4"),
        (["check", "a:b", "--x0", "start"], "--x0 'start' is not a value", "--x0 a:start"),
        (["check", "nowhere:b"], "there is no module nowhere", "path/to/file.py"),
        (["check", "nowhere.py:b"], "there is no file nowhere.py", ""),
        (["blocks", "a:b", "--format", "sarif"], "--format sarif", "text or json"),
        (["blocks", "a:b", "--points", "3"], "no flag '--points'", ""),
        (["explain", "GA999"], "'GA999'", "did you mean"),
        (["explain", "wrong-sing"], "'wrong-sing'", "did you mean wrong-sign?"),
    ],
)
def test_a_usage_error_says_what_and_how_and_leaves_stdout_empty(
    words: list[str], message: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert advice in err
    assert "Traceback" not in err


def test_usage_errors_and_explain_do_not_load_numpy(write: Write) -> None:
    write("pyproject.toml", "[tool.gradaudit]\npionts = 3\n")
    program = """
    import sys
    from gradaudit.cli import main
    for words in (
        [], ["chek"], ["check", "a:b", "--points", "0"], ["check", "a:b"], ["explain", "GA101"],
        ["check", "a"], ["explain", "x"], ["--help"], ["check", "--help"], ["--version"],
    ):
        main(words)
    import os
    os.remove("pyproject.toml")
    main(["check", "nowhere:b", "--x0", "zeros:3", "--arg", "a=[1, 2]"])
    main(["check", "a:b", "--x0", "missing.npy"])
    assert not {"numpy", "scipy", "rich", "hypothesis"} & set(sys.modules), sorted(sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "did you mean points?" in done.stderr


def test_a_file_that_hides_a_module_of_pythons_own_breaks_nothing(write: Write) -> None:
    write("train.py", SCRIPT)
    for name in ("random.py", "queue.py", "statistics.py"):
        write(name, "raise RuntimeError('taken for the real one')")
    program = "import sys; from gradaudit.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "check", "train:cost"],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that is in use")
def test_a_working_directory_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["check", "train:cost"]) == 2

    err = capsys.readouterr().err
    assert err.startswith("error: the working directory: No such file")
    assert "gradaudit itself" not in err
    monkeypatch.chdir(tmp_path)


def test_explain_prints_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("GA101", "ga101", "ignored-argument"):
        assert cli.main(["explain", word]) == 0
        assert capsys.readouterr().out.startswith("GA101 ignored-argument (error)\nthe cost")


def test_a_negative_number_is_a_value_not_a_flag(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report())

    assert cli.main(["check", "train:cost", "--x0", "-1e-3"]) == 0
    assert capsys.readouterr().out.startswith("x0 from --x0\n")


@pytest.mark.parametrize("command", ["check", "shapes", "blocks", "trace", "diagnose", "run"])
def test_help_lists_the_formats_that_the_command_accepts(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "--help"]) == 0
    listed = re.search(r"--format FORMAT +(.*)\n", capsys.readouterr().out)
    assert listed is not None

    for form in FORMATS:
        assert cli.main([command, "--format", form, "nowhere.py:cost"]) == 2
        refused = f"--format {form}" in capsys.readouterr().err
        assert refused == (form not in listed[1].split(" | "))


# verdicts and settings


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.PASS, 0), (Verdict.FAIL, 1), (Verdict.INCONCLUSIVE, 3)]
)
def test_the_exit_code_is_the_verdict(
    answer: Callable[..., Any],
    verdict: Verdict,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer(report(verdict))

    assert cli.main(["check", "train:cost"]) == code
    out, err = capsys.readouterr()
    assert out.startswith("x0 from train.theta\n")
    assert str(verdict) in out
    assert err == "importing\ncalling\n"


def test_quiet_is_one_line(answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    answer(report())
    cli.main(["check", "train:cost", "-q"])

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("PASS")


def test_settings_reach_the_check_and_verbose_shows_their_source(
    answer: Callable[..., Any],
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("pyproject.toml", "[tool.gradaudit]\nbudget = 200\n")
    monkeypatch.setenv("GRADAUDIT_SEED", "12")
    calls = answer(report())
    flags = "--points 2 --dense --only W1 --only b1 --allow kink:b1 --rtol 1e-4"
    cli.main(["check", "train:cost", "-v", *flags.split()])

    assert calls[0]["points"] == 2
    assert calls[0]["dense"] is True
    assert calls[0]["only"] == ("W1", "b1")
    assert calls[0]["allow"] == ("kink:b1",)
    assert calls[0]["rng"] == 12
    assert calls[0]["budget"] == 200
    out = " ".join(capsys.readouterr().out.split())
    assert "points 2 (--points)" in out
    assert "seed 12 (GRADAUDIT_SEED)" in out
    assert "pyproject.toml)" in out
    assert "confidence 0.999 (default)" in out


NOT_A_PAIR = Finding(slug="jac-flag", level="error", message="fun returns a number")


def test_a_missing_gradient_is_a_usage_error_that_shows_the_flag(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report(Verdict.FAIL, findings=(NOT_A_PAIR,)))
    assert cli.main(["check", "train:scalar"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert "--jac train:scalar_grad" in err


def test_a_function_said_to_return_the_gradient_is_at_fault_when_it_does_not(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report(Verdict.FAIL, findings=(NOT_A_PAIR,)))

    assert cli.main(["check", "train:scalar", "--jac", "true"]) == 1
    assert "GA108" in capsys.readouterr().out


# formats and files


@pytest.mark.parametrize("form", ["json", "sarif", "github", "html"])
def test_a_machine_format_is_alone_on_stdout(
    answer: Callable[..., Any], form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report())
    assert cli.main(["check", "train:cost", "--format", form, "-v"]) == 0

    out, err = capsys.readouterr()
    assert "importing\n" in err
    assert "calling\n" in err
    assert "x0 from train.theta" in err
    assert "settings:" in err
    assert "importing" not in out
    if form in ("json", "sarif"):
        json.loads(out)


def test_a_report_in_a_file_leaves_one_line_on_stdout(
    answer: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report())
    assert cli.main(["check", "train:cost", "--json", "--output", "report.json"]) == 0

    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "PASS"
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_no_verdict_but_the_verdict_is_told(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(report())
    assert cli.main(["check", "train:cost", "--output", "/dev/full"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert "PASS" in err
    assert "error: --output '/dev/full': No space left on device" in err


def test_the_folder_of_the_output_is_looked_at_before_the_target_runs(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls = answer(report())
    assert cli.main(["check", "train:cost", "--output", "missing/report.json"]) == 2

    assert calls == []
    assert "importing" not in capsys.readouterr().err


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["text", "json", "html", "github", "sarif"])
def test_an_ascii_stream_is_served_in_ascii(
    answer: Callable[..., Any], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = BlockReport(
        name="Ω😀", shape=(3,), start=0, size=3, verdict=Verdict.FAIL, relative_error=1.0
    )
    answer(report(Verdict.FAIL, blocks=(block,)))
    stream = Ascii()
    monkeypatch.setattr(sys, "stdout", stream)

    assert cli.main(["check", "train:cost", "--format", form]) == 1
    text = stream.text()
    if form in ("json", "sarif"):
        assert "Ω😀" in str(json.loads(text))
    if form == "html":
        assert "&#937;&#128512;" in text


def test_colours_follow_the_environment(
    answer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer(report())

    def coloured() -> bool:
        cli.main(["check", "train:cost"])
        return "\x1b[" in capsys.readouterr().out

    assert not coloured()
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()


# exceptions


def test_the_users_exception_is_shown_without_our_frames(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        "broken.py",
        """
        def read():
            return {}["rate"]
        try:
            read()
        except KeyError as error:
            raise ValueError("no\\x1b[31m rate") from error
        """,
    )
    assert cli.main(["check", "broken:cost"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: importing broken raised ValueError: no\\x1b[31m rate\n")
    assert "  broken.py:7\n    raise ValueError" in err
    assert "caused by KeyError: 'rate'\n  broken.py:5\n    read()\n  broken.py:3 in read\n" in err
    for hidden in ("Traceback", "importlib", "targets.py", "cli/"):
        assert hidden not in err


def test_traceback_shows_everything(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("broken.py", "1 / 0")
    assert cli.main(["check", "broken:cost", "--traceback"]) == 2

    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "targets.py" in err


def test_a_long_recursion_is_shortened(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("broken.py", "def down(n):\n    return down(n + 1)\ndown(0)\n")
    assert cli.main(["check", "broken:cost"]) == 2

    err = capsys.readouterr().err
    assert "RecursionError" in err
    assert "more ..." in err
    assert err.count("\n") < 40


def test_a_script_that_exits_when_imported_is_survived(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("script.py", "import sys\nsys.exit(0)\n")
    assert cli.main(["check", "script:cost"]) == 2

    err = capsys.readouterr().err
    assert "importing script called sys.exit(0)" in err
    assert '__name__ == "__main__"' in err


def test_a_cost_that_exits_is_survived(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(SystemExit(0))
    assert cli.main(["check", "train:cost"]) == 2
    assert "train:cost called sys.exit(0)" in capsys.readouterr().err


def test_a_script_sees_an_argv_of_its_own(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("script.py", "import argparse\nargparse.ArgumentParser().parse_args()\nprint('read')")
    cli.main(["check", "script:cost", "--x0", "zeros:3"])

    assert "read\n" in capsys.readouterr().err


def test_a_defect_of_ours_is_exit_2_and_says_so(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(RuntimeError("boom"))
    assert cli.main(["check", "train:cost"]) == 2

    err = capsys.readouterr().err
    assert "gradaudit itself failed: RuntimeError: boom" in err
    assert "--traceback" in err


def test_an_interrupted_check_prints_what_was_learned(
    answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    stop = KeyboardInterrupt()
    stop.gradaudit_report = report(Verdict.INCONCLUSIVE)  # type: ignore[attr-defined]
    answer(stop)
    assert cli.main(["check", "train:cost"]) == 130

    out, err = capsys.readouterr()
    assert "INCONCLUSIVE" in out
    assert "interrupted" in err


def test_an_interrupt_during_the_import_is_130(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("script.py", "raise KeyboardInterrupt")
    assert cli.main(["check", "script:cost"]) == 130
    assert "interrupted" in capsys.readouterr().err


# progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_line_waits_rewrites_and_clears(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    line = ProgressLine()

    line(Progress(done=1, planned=90, seconds=0.5, phase="x0"))
    assert stream.getvalue() == ""
    clock[0] += 2
    line(Progress(done=30, planned=90, seconds=60, phase="x0"))
    assert stream.getvalue() == "\rx0: 30 of 90 evaluations in 60 s, about 2 min left"
    line.clear()
    shown, blank, end = stream.getvalue().split("\r")[1:]
    assert (blank, end) == (" " * len(shown), "")


@pytest.mark.parametrize("words", [[], ["-q"]])
def test_progress_is_told_on_a_terminal_only_and_not_to_the_quiet(
    answer: Callable[..., Any], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = answer(report())
    cli.main(["check", "train:cost", *words])
    monkeypatch.setattr(sys, "stderr", Terminal())
    cli.main(["check", "train:cost", *words])

    assert calls[0]["progress"] is None
    assert (calls[1]["progress"] is None) == bool(words)


def test_progress_without_a_plan_tells_what_is_known() -> None:
    assert progress_text(Progress(done=1200, seconds=7300, phase="")) == (
        "1,200 evaluations in 2.0 h"
    )


# the real command, end to end


def test_a_right_gradient_passes(write: Write) -> None:
    write("train.py", SCRIPT)
    done = command("check", "train:cost", "--seed", "1")

    assert done.returncode == 0, done.stderr
    assert "x0 from train.theta" in done.stdout
    assert "PASS" in done.stdout
    assert "calling" not in done.stdout


def test_json_is_alone_even_when_c_code_and_children_print(write: Write) -> None:
    write(
        "train.py",
        SCRIPT
        + """
import atexit, ctypes, os
os.system("echo child")
atexit.register(print, "at the end")
if os.name == "posix":
    ctypes.CDLL(None).puts(b"from C")
""",
    )
    done = command("check", "train:cost", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "PASS"
    assert "child" in done.stderr
    assert "at the end" in done.stderr


def test_a_gradient_of_its_own_is_checked_and_asked_for_when_missing(write: Write) -> None:
    write("train.py", SCRIPT)
    done = command("check", "train:scalar", "--jac", "train:scalar_grad", "-q")
    assert (done.returncode, done.stdout[:4]) == (0, "PASS")

    done = command("check", "train:scalar", "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--jac train:scalar_grad" in done.stderr


def test_an_exception_of_the_cost_is_shown_with_its_place(write: Write) -> None:
    write("train.py", "theta = [1.0]\ndef cost(theta):\n    return theta.nothing\n")
    done = command("check", "train:cost")

    assert (done.returncode, done.stdout) == (2, "")
    assert "AttributeError" in done.stderr
    assert "train.py:3 in cost\n    return theta.nothing" in done.stderr
    assert "Traceback" not in done.stderr
    assert "evaluator.py" not in done.stderr


def test_blocks_are_printed(write: Write) -> None:
    write("train.py", SCRIPT)
    done = command("blocks", "train:cost", "--blocks", "a=2,b=1")
    assert done.returncode == 0, done.stderr
    assert "a" in done.stdout.split()

    done = command("blocks", "train:cost", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size"] == 3


@pytest.mark.skipif(os.name == "nt", reason="descriptors and signals of POSIX")
class TestPosix:
    def test_a_closed_stdout_gives_the_verdict_as_exit_code(self, write: Write) -> None:
        write("train.py", SCRIPT)
        done = command(
            "check",
            "train:cost",
            preexec_fn=lambda: os.close(1),
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr

    def test_a_reader_who_left_is_no_error(self, write: Write) -> None:
        write("train.py", SCRIPT)
        reading, writing = os.pipe()
        os.close(reading)
        done = command("check", "train:cost", stdout=writing)
        os.close(writing)
        assert done.returncode == 0, done.stderr
        assert "BrokenPipe" not in done.stderr

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    @pytest.mark.parametrize("words", [["check", "train:cost"], ["--help"]])
    def test_a_full_stdout_is_exit_2(self, write: Write, words: list[str]) -> None:
        write("train.py", SCRIPT)
        with open("/dev/full", "w") as full:
            done = command(*words, stdout=full)
        assert done.returncode == 2
        assert "No space left" in done.stderr
        assert "Exception ignored" not in done.stderr

    def test_a_thread_that_prints_leaves_stdout_to_the_report(self, write: Write) -> None:
        write(
            "train.py",
            """
            import sys, threading
            def chatter():
                while True:
                    print("tick", flush=True)
            threading.Thread(target=chatter, daemon=True).start()
            theta = [1.0, 2.0]
            def cost(theta):
                return float(theta @ theta), 2 * theta
            """,
        )
        done = command("check", "train:cost", "--json")

        assert json.loads(done.stdout)["verdict"] == "PASS"
        assert "tick" in done.stderr

    def test_a_script_that_closes_stdout_still_hears_of_an_error(self, write: Write) -> None:
        write(
            "train.py", SCRIPT + "\nimport sys\nsys.stdout.close()\ncost = lambda t: (t @ t, 2 * t)"
        )
        assert "train has no 'loss'" in command("check", "train:loss").stderr

        done = command("check", "train:cost", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["verdict"] == "PASS"

    def test_ctrl_c_prints_what_was_learned(self, write: Write) -> None:
        write(
            "train.py",
            """
            import time
            theta = [1.0, 2.0]
            def cost(theta):
                print("calling", flush=True)
                time.sleep(0.05)
                return float(theta @ theta), 2 * theta
            """,
        )
        # where the tests themselves run in the background, children inherit an ignored SIGINT
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "gradaudit", "check", "train:cost"],
                env={**os.environ, "PYTHONPATH": ROOT},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)
        assert process.stderr is not None
        for _ in range(5):
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

        assert process.returncode == 130, err
        assert "INCONCLUSIVE" in out
        assert "Traceback" not in err
