"""The pytest plugin: the fixture `gradaudit`, its marker, its options, targets as test items.

It is loaded in every session of every environment that gradaudit is installed in, hence imports
nothing but pytest and what pytest has loaded anyway; the rest is imported where it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from gradaudit.results import Report, ShapeReport

_MARKED: Final = (
    "points",
    "dense",
    "rtol",
    "negligible",
    "confidence",
    "only",
    "allow",
    "budget",
    "seconds",
    "seed",
    "inconclusive",
)
_INCONCLUSIVE: Final = ("fail", "warn")
# Under @given a test audits a hundred times; so many of the audits are told in full.
_TOLD_IN_FULL: Final = 20
_SLOWEST_SHOWN: Final = 5

_AUDITS: Final = pytest.StashKey[list[dict[str, Any]]]()
_PROJECT: Final = pytest.StashKey[dict[str, Any]]()
# the test that is running: the fixture lives as long as the session
_RUNNING: Final[ContextVar[pytest.Item | None]] = ContextVar("_RUNNING", default=None)


class GradauditWarning(pytest.PytestWarning):
    """An audit was inconclusive, and the options say that this is to be a warning."""

    __module__ = "gradaudit.pytest_plugin"


# options -------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings for ini files."""
    group = parser.getgroup("gradaudit", "checks of hand-written gradients")
    group.addoption(
        "--gradaudit",
        action="store_true",
        help="also check the targets listed in [tool.gradaudit] of pyproject.toml",
    )
    group.addoption(
        "--gradaudit-seed",
        metavar="N",
        type=_seed,
        help="seed of every audit, to replay one; else it follows from the test's name",
    )
    group.addoption(
        "--gradaudit-inconclusive",
        choices=_INCONCLUSIVE,
        help="what becomes of a test whose audit could not decide (default: fail)",
    )
    group.addoption(
        "--gradaudit-trace",
        action="store_true",
        help="after a failure, look for the line of backprop that is wrong (many evaluations)",
    )
    group.addoption(
        "--gradaudit-report", metavar="FILE", help="write all audits to a file, as JSON"
    )
    group.addoption(
        "--gradaudit-summary",
        action="store_true",
        help="say at the end how many audits there were, the slowest, and the inconclusive ones",
    )
    parser.addini(
        "gradaudit_inconclusive",
        "what becomes of a test whose audit could not decide: fail or warn",
        default="fail",
    )


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, refuse unusable options, make room for what is asked for."""
    config.addinivalue_line(
        "markers",
        "gradaudit(rtol=..., points=..., ...): settings of the audits in a test; "
        f"known are {', '.join(_MARKED)}",
    )
    if config.getini("gradaudit_inconclusive") not in _INCONCLUSIVE:
        raise pytest.UsageError(
            f"gradaudit_inconclusive is {config.getini('gradaudit_inconclusive')!r}; "
            "give fail or warn"
        )
    if config.option.gradaudit:
        _add_targets(config)
    wanted = config.option.gradaudit_report or config.option.gradaudit_summary
    if wanted and not hasattr(config, "workerinput"):  # a worker of xdist reports to its master
        config.pluginmanager.register(_Books(config, _report_file(config)), "gradaudit-books")


def _report_file(config: pytest.Config) -> Path | None:
    name = config.option.gradaudit_report
    if not name:
        return None
    path = config.invocation_params.dir / name
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise pytest.UsageError(f"--gradaudit-report {name}: {what}; give the name of a file")
    if path.suffix in (".html", ".sarif", ".xml"):
        raise pytest.UsageError(
            f"--gradaudit-report {name}: only JSON is written; give a name such as audits.json"
        )
    return path


# the running test ----------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember which test is running."""
    token = _RUNNING.set(item)
    try:
        return (yield)
    finally:
        _RUNNING.reset(token)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse markers with settings that do not exist."""
    for mark in item.iter_markers("gradaudit"):
        _require_known(mark)


def _require_known(mark: pytest.Mark) -> None:
    if mark.args:
        _refuse_mark("takes keyword arguments only, such as rtol=1e-5")
    for name in mark.kwargs:
        if name not in _MARKED:
            from gradaudit.config import nearest  # heavy: most tests have no marker

            close = nearest(name, _MARKED)
            advice = f"did you mean {close}?" if close else f"known are {', '.join(_MARKED)}"
            _refuse_mark(f"has no setting {name!r}; {advice}")
    inconclusive = mark.kwargs.get("inconclusive", "fail")
    if inconclusive not in _INCONCLUSIVE:
        _refuse_mark(f"has inconclusive={inconclusive!r}; give 'fail' or 'warn'")


def _refuse_mark(problem: str) -> NoReturn:
    pytest.fail(f"@pytest.mark.gradaudit {problem}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Leave numbers about the audits of a test for JUnit XML and other reports."""
    try:
        return (yield)
    finally:
        audits = _audits_of(item)
        if audits:
            item.user_properties.extend(_properties(audits))


def _audits_of(item: pytest.Item) -> list[dict[str, Any]]:
    return item.stash.setdefault(_AUDITS, [])


def _properties(audits: list[dict[str, Any]]) -> list[tuple[str, object]]:
    last = audits[-1]  # under @given the one that failed, shrunk
    return [
        ("gradaudit_verdict", last["verdict"]),
        ("gradaudit_codes", " ".join(last["codes"])),
        ("gradaudit_seed", last["seed"]),
        ("gradaudit_audits", len(audits)),
        ("gradaudit_evaluations", sum(audit["evaluations"] for audit in audits)),
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the audits of a test along with its report; xdist takes plain data only."""
    report = yield
    audits = _audits_of(item)
    if audits:
        setattr(report, "gradaudit_audits", list(audits))  # noqa: B010  (a field of ours)
        audits.clear()
    return report


# the fixture ---------------------------------------------------------------------------------


@pytest.fixture(scope="session", name="gradaudit")
def _gradaudit(request: pytest.FixtureRequest) -> Guard:  # pyright: ignore[reportUnusedFunction]
    """Check hand-written gradients: every verb raises when the gradient does not pass."""
    return Guard(request.config)


class Guard:
    """The verbs of gradaudit for tests: whatever does not pass raises.

    Settings come from the call, else from the marker ``@pytest.mark.gradaudit(...)``, else from
    ``[tool.gradaudit]`` in ``pyproject.toml``. The seed follows from the name of the test. It
    keeps nothing itself, so that one serves a whole session, and every example of ``@given``.
    """

    __slots__ = ("_config",)

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(self, fun: Any, x0: Any = None, **settings: Any) -> Report:
        """Check a gradient; the same as `check`."""
        __tracebackhide__ = True
        return self.check(fun, x0, **settings)

    def check(self, fun: Any, x0: Any = None, **settings: Any) -> Report:
        """Check a gradient as `gradaudit.check` does.

        Raises
        ------
        GradientMismatch
            When the gradient is wrong, or the audit inconclusive (unless that is to be a warning).
        """
        __tracebackhide__ = True
        from gradaudit.api.check import check  # heavy: only tests that use it pay for it
        from gradaudit.errors import GradauditError

        chosen, inconclusive = self._chosen(settings, fun, x0)
        try:
            report = check(fun, x0, **chosen)
        except GradauditError as error:
            raise _without_own_frames(error) from error.__cause__
        extra = ""
        if report.verdict == "FAIL":
            extra = _about_shapes(fun, report) + self._about_lines(fun, x0, settings)
        self._conclude(report, inconclusive, extra)
        return report

    def check_shapes(
        self,
        factory: Callable[..., Any],
        /,
        *,
        settings: Mapping[str, Any] | None = None,
        rng: Any = None,
        **sizes: Any,
    ) -> ShapeReport:
        """Check a gradient at many shapes, as `gradaudit.check_shapes` does.

        Raises
        ------
        GradientMismatch
            With the smallest shape at which the gradient is wrong, explained.
        """
        __tracebackhide__ = True
        from gradaudit.api.shapes import check_shapes  # heavy, as above
        from gradaudit.errors import GradauditError

        given = dict(settings or {}) | ({} if rng is None else {"rng": rng})
        chosen, inconclusive = self._chosen(given, factory, None)
        seed = chosen.pop("rng")
        try:
            found = check_shapes(factory, settings=chosen, rng=seed, **sizes)
        except GradauditError as error:
            raise _without_own_frames(error) from error.__cause__
        self._conclude(found, inconclusive)
        return found

    def diagnose(self, fun: Any, x0: Any = None, **arguments: Any) -> Any:
        """Diagnose a run as `gradaudit.diagnose` does; raise when something is at fault."""
        __tracebackhide__ = True
        from gradaudit.errors import GradientMismatch

        diagnose = _verb("diagnose")
        diagnosis = diagnose(fun, x0, **({"rng": self._seed_for(fun, x0)} | arguments))
        if not diagnosis.benign:
            raise GradientMismatch(str(diagnosis))
        return diagnosis

    def trace(self, fun: Any, x0: Any = None, **arguments: Any) -> Any:
        """Look for the wrong line of backprop as `gradaudit.trace` does; never raises for it."""
        __tracebackhide__ = True
        return _verb("trace")(fun, x0, **({"rng": self._seed_for(fun, x0)} | arguments))

    # settings

    def _chosen(self, settings: Mapping[str, Any], fun: Any, x0: Any) -> tuple[dict[str, Any], str]:
        """Return the settings of an audit, and what becomes of an inconclusive one."""
        __tracebackhide__ = True
        chosen = dict(self._of_project())
        item = _RUNNING.get()
        marks = [] if item is None else list(item.iter_markers("gradaudit"))
        for mark in reversed(marks):  # the closest comes last, and wins
            chosen |= mark.kwargs
        chosen |= settings
        option = self._config.option.gradaudit_inconclusive
        usual = option or self._config.getini("gradaudit_inconclusive")
        inconclusive = chosen.pop("inconclusive", usual)
        seed = chosen.pop("seed", None)
        if self._config.option.gradaudit_seed is not None:
            chosen["rng"] = self._config.option.gradaudit_seed
        elif chosen.get("rng") is None:
            chosen["rng"] = self._seed_for(fun, x0) if seed is None else seed
        return chosen, inconclusive

    def _of_project(self) -> dict[str, Any]:
        """Return what environment and ``[tool.gradaudit]`` say, read once a session."""
        if _PROJECT not in self._config.stash:
            from gradaudit.config import load_settings

            found = load_settings({}, environment=os.environ, folder=self._config.rootpath)
            self._config.stash[_PROJECT] = {
                name: given.value
                for name, given in found.items()
                if given.source != "default" and name != "format"
            }
        return self._config.stash[_PROJECT]

    def _seed_for(self, fun: Any, x0: Any) -> int:
        """Return a seed that follows from the test's name, and from what hypothesis drew."""
        import hashlib

        if self._config.option.gradaudit_seed is not None:
            return self._config.option.gradaudit_seed
        item = _RUNNING.get()
        parts = ["" if item is None else item.nodeid, *_drawn(fun, x0)]
        return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:4], "big")

    # the end

    def _conclude(self, result: Report | ShapeReport, inconclusive: str, extra: str = "") -> None:
        """Record an audit, and raise or warn when it does not pass."""
        __tracebackhide__ = True
        self._record(result)
        if result.verdict == "PASS":
            return
        from gradaudit.errors import GradientMismatch

        words = _words()
        if result.verdict == "INCONCLUSIVE" and inconclusive == "warn":
            warnings.warn(GradauditWarning(words.headline(result)), stacklevel=4)
            return
        raise GradientMismatch(f"{words.failure_text(result)}{extra}\n{_replay(result.seed)}")

    def _record(self, result: Report | ShapeReport) -> None:
        item = _RUNNING.get()
        if item is None:
            return
        audits = _audits_of(item)
        in_full = self._config.option.gradaudit_report is not None
        if in_full and len(audits) >= _TOLD_IN_FULL:
            audits[-_TOLD_IN_FULL].pop("report", None)
        audits.append(
            {
                "verdict": str(result.verdict),
                "headline": "" if result.verdict == "PASS" else _words().headline(result),
                "codes": sorted({f.code for f in result.findings if f.level != "note"}),
                "evaluations": result.evaluations.cost,
                "seconds": round(result.own_seconds + result.user_seconds, 6),
                "own_seconds": round(result.own_seconds, 6),
                "seed": result.seed,
                **({"report": result.to_dict()} if in_full else {}),
            }
        )

    def _about_lines(self, fun: Any, x0: Any, settings: Mapping[str, Any]) -> str:
        """Return which line of backprop is wrong, when that was asked for."""
        if not self._config.option.gradaudit_trace:
            return ""
        from gradaudit.errors import GradauditError

        given = {name: settings[name] for name in ("jac", "args") if name in settings}
        try:
            return f"\n{self.trace(fun, x0, **given)}"
        except GradauditError as error:
            return f"\nno line was traced: {error}"


def _words() -> Any:
    """Return the module that puts a failure into words, with the global generator untouched.

    It is heavy: it loads rich, which draws a random number when it is imported.
    """
    import random

    state = random.getstate()
    try:
        from gradaudit.report import failure
    finally:
        random.setstate(state)
    return failure


def _verb(name: str) -> Callable[..., Any]:
    """Return a function of the package that may not be built yet."""
    __tracebackhide__ = True
    import gradaudit
    from gradaudit.errors import GradauditError

    try:
        return getattr(gradaudit, name)
    except AttributeError:
        raise GradauditError(
            f"this version of gradaudit ({gradaudit.__version__}) has no {name}"
        ) from None


def _without_own_frames(error: BaseException) -> BaseException:
    """Cut our frames from the traceback of an error, and of what the user's function raised."""
    cause = error.__cause__
    if cause is not None:
        cause.__traceback__ = _from_users_frame(cause.__traceback__)
    return error.with_traceback(None)


def _from_users_frame(trace: Any) -> Any:
    own = str(Path(__file__).parent) + os.sep
    first = trace
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(own):
        trace = trace.tb_next
    return first if trace is None else trace


def _drawn(fun: Any, x0: Any) -> Iterator[str]:
    """Yield what distinguishes this example of ``@given`` from the others.

    Hypothesis seeds the global generator for each example (from what `random_module` draws);
    reading its state leaves it as it is.
    """
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is None or not hypothesis.currently_in_test_context():
        return
    import random

    yield repr(random.getstate())
    yield repr(getattr(fun, "sizes", ""))
    start = getattr(fun, "start", x0)
    yield start.tobytes().hex() if hasattr(start, "tobytes") else repr(start)


def _about_shapes(fun: Any, report: Report) -> str:
    """Return how a fault depends on the sizes that hypothesis drew, once it has shrunk them."""
    if not hasattr(fun, "sizes") or not hasattr(fun, "factory") or not _is_last_word():
        return ""
    from gradaudit.api.shapes import explain_problem

    words = explain_problem(fun, report)
    return f"\n{fun!r}: {words}" if words else ""


def _is_last_word() -> bool:
    """Tell whether hypothesis is done shrinking; True where there is no hypothesis."""
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is None or not hypothesis.currently_in_test_context():
        return True
    try:
        return bool(sys.modules["hypothesis.control"].current_build_context().is_final)
    except (KeyError, AttributeError):  # not part of its published interface
        return False


def _replay(seed: int) -> str:
    item = _RUNNING.get()
    test = "" if item is None else f" {_quoted(item.nodeid)}"
    return f"replay: pytest{test} --gradaudit-seed {seed}"


def _quoted(text: str) -> str:
    plain = all(char.isalnum() or char in "/._:-" for char in text)
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


# targets of pyproject.toml -------------------------------------------------------------------


def _add_targets(config: pytest.Config) -> None:
    """Let pytest collect pyproject.toml too."""
    path = _project_file(config)
    if not any(argument.partition("::")[0] in (str(path), path.name) for argument in config.args):
        config.args.append(str(path))


def _project_file(config: pytest.Config) -> Path:
    for folder in (config.rootpath, *config.rootpath.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
    raise pytest.UsageError(
        f"--gradaudit: there is no pyproject.toml in {config.rootpath}; list the targets there: "
        '[tool.gradaudit] targets = ["mymodule:cost_fn"]'
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the targets of the project."""
    if not parent.config.option.gradaudit or file_path.name != "pyproject.toml":
        return None
    if file_path != _project_file(parent.config):
        return None
    return _Targets.from_parent(parent, path=file_path)  # pyright: ignore[reportUnknownMemberType]


class _Targets(pytest.File):
    """``[tool.gradaudit]`` of a project, with its targets."""

    def collect(self) -> Iterator[pytest.Item]:
        from gradaudit.config import load_targets
        from gradaudit.errors import GradauditError

        try:
            names = load_targets(self.path)
        except GradauditError as error:
            raise self.CollectError(_with_notes(error)) from None
        if not names:
            raise self.CollectError(
                f"--gradaudit: [tool.gradaudit] in {self.path} lists no targets; "
                'add targets = ["mymodule:cost_fn"]'
            )
        for name in names:
            yield _TargetItem.from_parent(self, name=name)  # pyright: ignore[reportUnknownMemberType]


class _TargetItem(pytest.Item):
    """One target: ``mymodule:cost_fn``."""

    def runtest(self) -> None:
        from gradaudit.targets import TypedFlags, parse_reference, resolve_target

        with contextlib.chdir(self.path.parent):
            target = resolve_target(parse_reference(self.name), TypedFlags())
            Guard(self.config).check(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Show what went wrong; the frames are all ours."""
        from gradaudit.errors import GradauditError

        error = excinfo.value
        if isinstance(error, GradauditError) and error.__cause__ is None:
            return _with_notes(error)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the target is listed."""
        return self.path, None, f"gradient of {self.name}"


def _with_notes(error: BaseException) -> str:
    return "\n".join([str(error), *(f"help: {note}" for note in getattr(error, "__notes__", ()))])


# reports -------------------------------------------------------------------------------------


class _Books:
    """All audits of a session, for the summary and the file; in the process that reports."""

    def __init__(self, config: pytest.Config, path: Path | None) -> None:
        self._config = config
        self._path = path
        self._tests: dict[str, list[dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        audits = getattr(report, "gradaudit_audits", None)
        if audits:
            self._tests.setdefault(report.nodeid, []).extend(audits)

    def pytest_sessionfinish(self) -> None:
        if self._path is None:
            return
        document = {
            "schema_version": 1,
            "kind": "pytest",
            "tests": [{"test": name, "audits": audits} for name, audits in self._tests.items()],
        }
        try:
            self._path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            _refuse_file(self._path, error)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._config.option.gradaudit_summary:
            return
        terminalreporter.section("gradaudit")
        for line in self._summary():
            terminalreporter.line(line)

    def _summary(self) -> Iterator[str]:
        audits = [(name, audit) for name, all_of in self._tests.items() for audit in all_of]
        evaluations = sum(audit["evaluations"] for _, audit in audits)
        seconds = sum(audit["seconds"] for _, audit in audits)
        own = sum(audit["own_seconds"] for _, audit in audits)
        count = f"{len(audits):,} audit{'' if len(audits) == 1 else 's'}"
        tests = f"{len(self._tests):,} test{'' if len(self._tests) == 1 else 's'}"
        times = f"{seconds:.2f} s ({seconds - own:.2f} s in your functions)"
        yield f"{count} in {tests}, {evaluations:,} evaluations, {times}"
        slowest = sorted(audits, key=lambda pair: -pair[1]["seconds"])[:_SLOWEST_SHOWN]
        if slowest:
            yield "slowest:"
        for name, audit in slowest:
            yield f"  {audit['seconds']:.3f} s  {audit['evaluations']:,} evaluations  {name}"
        unsure = [pair for pair in audits if pair[1]["verdict"] == "INCONCLUSIVE"]
        if unsure:
            yield "inconclusive:"
        for name, audit in unsure:
            yield f"  {name}: {audit['headline']}"


def _refuse_file(path: Path, error: OSError) -> NoReturn:
    raise pytest.UsageError(f"--gradaudit-report {path}: {error.strerror or error}")
