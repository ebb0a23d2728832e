"""The fixture `gradaudit`: every verb raises when the gradient does not pass."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from gradaudit.testing.running import RUNNING, audits_of

if TYPE_CHECKING:
    from gradaudit.results import Report, ShapeReport

MARKED: Final = (
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
INCONCLUSIVE: Final = ("fail", "warn")
# Under @given a test audits a hundred times; so many of the audits are told in full.
_TOLD_IN_FULL: Final = 20

_PROJECT: Final = pytest.StashKey[dict[str, Any]]()


class GradauditWarning(pytest.PytestWarning):
    """An audit was inconclusive, and the options say that this is to be a warning."""

    __module__ = "gradaudit.testing.guard"


def require_known(mark: pytest.Mark) -> None:
    """Refuse a marker with settings that do not exist.

    Parameters
    ----------
    mark : pytest.Mark
    """
    if mark.args:
        _refuse_mark("takes keyword arguments only, such as rtol=1e-5")
    for name in mark.kwargs:
        if name not in MARKED:
            from gradaudit.config import nearest

            close = nearest(name, MARKED)
            advice = f"did you mean {close}?" if close else f"known are {', '.join(MARKED)}"
            _refuse_mark(f"has no setting {name!r}; {advice}")
    inconclusive = mark.kwargs.get("inconclusive", "fail")
    if inconclusive not in INCONCLUSIVE:
        _refuse_mark(f"has inconclusive={inconclusive!r}; give 'fail' or 'warn'")


def _refuse_mark(problem: str) -> NoReturn:
    pytest.fail(f"@pytest.mark.gradaudit {problem}", pytrace=False)


class Guard:
    """The verbs of gradaudit for tests: whatever does not pass raises.

    Settings come from the call, else from the marker ``@pytest.mark.gradaudit(...)``, else from
    ``[tool.gradaudit]`` in ``pyproject.toml``. The seed follows from the name of the test. It
    keeps nothing itself, so that one serves a whole session, and every example of ``@given``.
    """

    __slots__ = ("_config",)

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __repr__(self) -> str:
        return "<the fixture gradaudit>"  # hypothesis prints it beside its example

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
        item = RUNNING.get()
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
        item = RUNNING.get()
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
        item = RUNNING.get()
        if item is None:
            return
        audits = audits_of(item)
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
    own = str(Path(__file__).parent.parent) + os.sep  # all of the package
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
    item = RUNNING.get()
    test = "" if item is None else f" {_quoted(item.nodeid)}"
    return f"replay: pytest{test} --gradaudit-seed {seed}"


def _quoted(text: str) -> str:
    plain = all(char.isalnum() or char in "/._:-" for char in text)
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


def properties(audits: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Return what a test's report says of its audits: words and numbers."""
    last = audits[-1]  # under @given the one that failed, shrunk
    return [
        ("gradaudit_verdict", last["verdict"]),
        ("gradaudit_codes", " ".join(last["codes"])),
        ("gradaudit_seed", last["seed"]),
        ("gradaudit_audits", len(audits)),
        ("gradaudit_evaluations", sum(audit["evaluations"] for audit in audits)),
    ]
