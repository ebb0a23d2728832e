"""Watch the optimizers that somebody else's code calls, and say how each of them did."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np

from gradaudit.api.diagnose import diagnose_call
from gradaudit.api.settings import read_seed
from gradaudit.errors import ArgumentError
from gradaudit.optimizers.call import Call, Outcome, outcome, read_call
from gradaudit.optimizers.intercept import Intercepted, find_callers, intercepting, locate_frame
from gradaudit.optimizers.recorder import Recorder, Recording
from gradaudit.optimizers.traceless import traceless
from gradaudit.results import Diagnosis, Finding, Location, Run, Runs
from gradaudit.source.locations import isinstance_safely

# what is spent beyond the audits that are always made: seconds, or this part of the time
_SPARE_SECONDS: Final = 5.0
_SPARE_PART: Final = 0.1
# of that, kept for noting what further calls return
_RESERVE: Final = 0.4
# so many failed runs of one place are audited whatever it costs, and these further ones queued
_ALWAYS: Final = 3
_MOST_QUEUED: Final = 20
# points kept whole of a run whose audit has to wait
_FEW_POINTS: Final = 20
_NO_TIME: Final = "the time for audits is used up"


@contextlib.contextmanager
def watch(
    *, after: bool = False, thorough: bool = False, budget: int = 500, rng: Any = None
) -> Generator[Runs, None, None]:
    """Watch every optimizer of SciPy's that is called in a ``with`` block.

    Each call of `minimize`, `least_squares`, `curve_fit`, `root`, `fsolve`, `leastsq`, of the
    ``fmin`` functions, and of `solve_ivp` with a Jacobian, is recorded as it runs and diagnosed
    when it has returned. What it returns is the same to the last bit.

    Parameters
    ----------
    after : bool
        Diagnose at the end of the block only. For functions that keep state of their own, which
        the calls of a diagnosis would change.
    thorough : bool
        Diagnose every run in full. Otherwise the first run of each place and its first failed
        runs are; all others as far as 5 seconds, or a tenth of the time, allow.
    budget : int
        Most calls of the user's functions for one diagnosis.
    rng : None, int, Generator
        Seed of every random choice; the result names it.

    Yields
    ------
    Runs
        It grows while the block runs; ``print(runs)`` tells how each call did.

    Notes
    -----
    The global generators of `random` and numpy are put back after each diagnosis. Calls in child
    processes are not seen.

    Examples
    --------
    >>> import scipy.optimize
    >>> with watch(rng=0) as runs:
    ...     result = scipy.optimize.minimize(lambda x: (x @ x, 2 * x), [1.0, 2.0], jac=True)
    >>> len(runs), runs[0].method
    (1, 'BFGS')
    """
    if isinstance(budget, bool) or budget < 1:
        raise ArgumentError(f"budget is {budget!r}; give a whole number, 1 or more")
    watcher = _Watcher(after, thorough, budget, read_seed(rng))
    try:
        with intercepting(watcher.handle):
            yield watcher.runs
    except KeyboardInterrupt:
        watcher.abandon()
        raise
    finally:
        watcher.finish()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """A run that is still to be diagnosed."""

    index: int
    call: Call
    recording: Recording | None
    full: bool


class _Watcher:
    """What happens to each call, and how much may be spent on it."""

    def __init__(self, after: bool, thorough: bool, budget: int, seed: int) -> None:
        self.runs = Runs(seed=seed)
        self._after = after
        self._thorough = thorough
        self._budget = budget
        self._folder = _working_directory()
        self._began = time.perf_counter()
        self._spent = 0.0
        self._owed = 0.0
        self._known: dict[tuple[Any, ...], Run] = {}
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._failed: Counter[tuple[str, ...]] = Counter()
        self._queued: Counter[tuple[str, ...]] = Counter()
        self._waiting: list[_Waiting] = []
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._diagnosing = threading.Lock()
        self._finishing = False

    def handle(self, intercepted: Intercepted) -> Any:
        """Make one call: recorded, noted, and diagnosed if it is its turn."""
        began = time.perf_counter()
        if self._auditing():
            return intercepted.proceed()
        key = _place_of(intercepted)
        if key in self._known and not self._thorough and self._left() <= 0:
            return self._unrecorded(intercepted, self._known[key], began)
        call = _watched_call(intercepted)
        if call is None:
            return intercepted.proceed()
        run = self._described(call, intercepted)
        self._known.setdefault(key, run)
        return self._recorded(call, run, intercepted, began)

    def finish(self) -> None:
        """Diagnose what has been put off."""
        self._after, self._finishing = False, True
        self._diagnose_waiting()
        self.runs.seconds = time.perf_counter() - self._began
        self.runs.own_seconds = self._spent + self._owed

    def abandon(self) -> None:
        """Leave what has been put off: somebody does not want to wait."""
        self.runs.interrupted = True
        for waiting in self._waiting:
            self._change(waiting.index, skipped="interrupted before its turn")
        self._waiting.clear()

    # one call --------------------------------------------------------------------------------

    def _recorded(self, call: Call, run: Run, intercepted: Intercepted, began: float) -> Any:
        index, first = self._enter(run)
        relayed = replace(call, function=intercepted.relayed())
        recorder = Recorder(relayed, keep=None if first else _FEW_POINTS)
        self._thread.depth = self._depth() + 1
        try:
            returned = recorder.run()
        except BaseException as error:
            self._note(index, call, recorder.recording, began, first)
            self._thread.depth -= 1
            if isinstance(error, Exception):
                self._diagnose_waiting()
            raise
        self._note(index, call, recorder.recording, began, first)
        self._thread.depth -= 1
        self._diagnose_waiting()
        return returned

    def _described(self, call: Call, intercepted: Intercepted) -> Run:
        user, library = find_callers(intercepted.caller)
        jac = call.jac
        return Run(
            location=self._shown(locate_frame(user)),
            library=locate_frame(library),
            solver=call.solver,
            method=call.method,
            jac="" if jac is None else "True" if jac is True else "a function",
            size=call.size,
            skipped="it has not ended yet",
        )

    def _shown(self, location: Location | None) -> Location | None:
        """Return a location as seen from where the watching began."""
        return _seen_from(self._folder, self._folder, location)

    def _enter(self, run: Run) -> tuple[int, bool]:
        with self._lock:
            self.runs.runs.append(run)
            self._seen[run.site] += 1
            return len(self.runs.runs) - 1, self._seen[run.site] == 1

    def _unrecorded(self, intercepted: Intercepted, known: Run, began: float) -> Any:
        """Make a call of which only the outcome is noted; made again if that is a failure."""
        entered = time.perf_counter()
        raised = ""
        returned: Any = None
        try:
            returned = intercepted.proceed()
        except Exception as error:
            raised = _in_words(error)
            raise
        finally:
            seconds = time.perf_counter() - entered
            success = _success(returned)
            failed = bool(raised) or success is False
            run = replace(known, raised=raised, seconds=seconds, success=success, skipped=_NO_TIME)
            index, _ = self._enter(run)
            if failed:
                self._note_failure(intercepted, index, returned)
            self._spend(time.perf_counter() - began - seconds)
        if failed:
            self._diagnose_waiting()
        return returned

    def _note_failure(self, intercepted: Intercepted, index: int, returned: Any) -> None:
        call = _watched_call(intercepted)
        if call is None:
            return
        run = self.runs[index]
        ended = _ended(run, outcome(call, returned), run.raised, run.seconds)
        self.runs.runs[index] = ended
        self._failed[ended.site] += 1
        if self._is_owed(ended):
            self._waiting.append(_Waiting(index=index, call=_kept(call), recording=None, full=True))

    def _note(
        self, index: int, call: Call, recording: Recording, began: float, first: bool
    ) -> None:
        """Put down how a run ended, and whether it is to be diagnosed."""
        error = recording.exception
        result = outcome(call, recording.returned)
        raised = "" if error is None else _in_words(error)
        run = _ended(self.runs[index], result, raised, recording.seconds)
        if run.evaluations is None:
            run = replace(run, evaluations=recording.evaluations)
        failed = run.failed or (result.x is not None and not np.isfinite(result.x).all())
        why = "its turn has not come"
        if error is not None and not isinstance(error, Exception):
            why = "it was interrupted"
        elif self._is_wanted(run, failed):
            full = first or failed or self._thorough
            waiting = _Waiting(index=index, call=_kept(call), recording=recording, full=full)
            self._waiting.append(waiting)
        else:
            why = "others of the same line are diagnosed"
        self.runs.runs[index] = replace(run, skipped=why)
        self._spend(time.perf_counter() - began - recording.seconds + recording.own_seconds)

    def _is_wanted(self, run: Run, failed: bool) -> bool:
        self._failed[run.site] += failed
        if self._thorough or self._is_owed(run):
            return True
        self._queued[run.site] += 1
        return self._left() > 0 and (not self._after or self._queued[run.site] <= _MOST_QUEUED)

    # time ------------------------------------------------------------------------------------

    def _left(self) -> float:
        """Return the seconds that may still be spent beyond what is always done."""
        elapsed = time.perf_counter() - self._began - self._spent - self._owed
        return (1.0 - _RESERVE) * max(_SPARE_SECONDS, _SPARE_PART * elapsed) - self._spent

    def _spend(self, seconds: float) -> None:
        with self._lock:
            self._spent += max(seconds, 0.0)

    # diagnoses -------------------------------------------------------------------------------

    def _auditing(self) -> bool:
        return getattr(self._thread, "auditing", False)

    def _depth(self) -> int:
        return getattr(self._thread, "depth", 0)

    def _diagnose_waiting(self) -> None:
        """Diagnose, unless that is put off, or an optimizer further out is still running."""
        if self._after or self._depth():
            return
        # a thread that finds another one at it leaves its runs to that one: waiting could be for
        # ever, where the function that is being diagnosed waits for this thread
        if not self._diagnosing.acquire(blocking=self._finishing):
            return
        self._thread.auditing = True
        try:
            while self._waiting:
                self._diagnose_one(self._waiting.pop(0))
        finally:
            self._thread.auditing = False
            self._diagnosing.release()

    def _diagnose_one(self, waiting: _Waiting) -> None:
        began = time.perf_counter()
        index = waiting.index
        owed = waiting.full and (self._thorough or self._is_owed(self.runs[index]))
        left = None if owed else self._left()
        if left is not None and left <= 0:
            self._change(index, skipped=_NO_TIME)
            return
        try:
            self._diagnose(waiting, left)
        except KeyboardInterrupt as stop:
            self.runs.interrupted = True
            self._conclude(index, getattr(stop, "gradaudit_report", None))
            self._change(index, skipped="the diagnosis was interrupted")
            raise
        except Exception as error:  # nobody's script is to fail because of us
            self._change(index, skipped=f"the diagnosis failed: {_in_words(error)}")
        finally:
            seconds = time.perf_counter() - began
            if owed:
                self._owed += seconds
            else:
                self._spend(seconds)

    def _diagnose(self, waiting: _Waiting, seconds: float | None) -> None:
        with traceless():
            diagnosis = diagnose_call(
                waiting.call,
                waiting.recording or _recorded_again(waiting.call),
                budget=self._budget,
                seconds=seconds,
                rng=self.runs.seed,
            )
        cut_short = seconds is not None and bool(diagnosis.stopped) and not diagnosis.causes
        if cut_short and not self.runs[waiting.index].failed:
            self._change(waiting.index, skipped=_NO_TIME)
        else:
            self._conclude(waiting.index, diagnosis)

    def _conclude(self, index: int, diagnosis: Diagnosis | None) -> None:
        if diagnosis is not None:
            seen = _relocated(diagnosis, self._folder)
            self._change(index, diagnosis=seen, report=seen.report, skipped="")

    def _change(self, index: int, **changes: Any) -> None:
        self.runs.runs[index] = replace(self.runs[index], **changes)

    def _is_owed(self, run: Run) -> bool:
        """Whether a run is diagnosed whatever it costs."""
        return self._seen[run.site] == 1 or (run.failed and self._failed[run.site] <= _ALWAYS)


def _place_of(intercepted: Intercepted) -> tuple[Any, ...]:
    """Return what is the same for the calls of one line, reached in the same way."""
    frames = find_callers(intercepted.caller)
    lines = tuple((frame.f_code, frame.f_lineno) for frame in frames if frame is not None)
    return (intercepted.solver, *lines)


def _watched_call(intercepted: Intercepted) -> Call | None:
    call = read_call(
        intercepted.function, intercepted.positional, intercepted.keywords, intercepted.solver
    )
    if call is None or (call.kind == "ode" and call.jac is None):
        return None
    return call


def _recorded_again(call: Call) -> Recording:
    """Return the recording of a run that was made without one."""
    recorder = Recorder(call)
    with contextlib.suppress(Exception):  # as in the first run
        recorder.run()
    return recorder.recording


def _success(returned: object) -> bool | None:
    """Return what the solver says, at once; None when it takes a closer look."""
    if not isinstance(returned, dict):
        return None
    success = cast("dict[str, Any]", returned).get("success")
    return None if success is None else bool(success)


def _kept(call: Call) -> Call:
    """Return the call with a start of its own: the user's array may be filled again."""
    if not isinstance_safely(call.x0, np.ndarray):
        return call
    start = call.x0.copy()
    return replace(call, x0=start, given={**call.given, call.signature.x0: start})


def _ended(run: Run, result: Outcome, raised: str, seconds: float) -> Run:
    return replace(
        run,
        message=result.message,
        success=result.success,
        iterations=result.nit,
        evaluations=result.nfev,
        cost=result.fun,
        seconds=seconds,
        raised=raised,
    )


def _relocated(diagnosis: Diagnosis, folder: str) -> Diagnosis:
    """Return the diagnosis with its places as seen from a folder, if the program has left it."""
    here = _working_directory()
    if here == folder:
        return diagnosis

    def moved(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(
            replace(finding, location=_seen_from(folder, here, finding.location))
            for finding in findings
        )

    report = diagnosis.report
    return replace(
        diagnosis,
        causes=moved(diagnosis.causes),
        findings=moved(diagnosis.findings),
        report=None if report is None else replace(report, findings=moved(report.findings)),
        location=_seen_from(folder, here, diagnosis.location),
    )


def _seen_from(folder: str, here: str, location: Location | None) -> Location | None:
    if location is None or location.path.startswith("<"):
        return location
    path = os.path.join(here, location.path)
    return replace(location, path=path.removeprefix(folder))


def _in_words(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _working_directory() -> str:
    try:
        return os.getcwd().rstrip(os.sep) + os.sep
    except OSError:  # it was removed
        return os.devnull
