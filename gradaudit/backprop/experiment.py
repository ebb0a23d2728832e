"""Runs of the user's program: as it is, under the hook, and with edited lines."""

from __future__ import annotations

import ast
import contextlib
import io
import random
import time
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.events import Change, Hook, Recording
from gradaudit.backprop.gaps import Gap
from gradaudit.backprop.instrument import Instrumenter, Site
from gradaudit.backprop.program import Key, Program
from gradaudit.backprop.watchdog import Runaway, watched
from gradaudit.blocks import Vector
from gradaudit.errors import TraceRefused
from gradaudit.evaluator import Evaluator
from gradaudit.source.locations import python_function

# an edited program may take this many times as long as the program itself, or this many seconds
_PATIENCE: Final = 50.0
_SECONDS: Final = 0.25
# a first guess of what compiling takes
_FOCUS_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one run gave."""

    cost: float
    gradient: Vector

    def equals(self, other: Outcome) -> bool:
        """Tell whether another run gave the same, to the last bit."""
        return self.cost == other.cost and np.array_equal(self.gradient, other.gradient)


class Experiment:
    """One program at hand, ready to be run in any variant.

    Parameters
    ----------
    evaluator : Evaluator
        The only one who calls the user's functions; it counts.
    theta : ndarray
        A point at which the functions are run once to see which take part.
    """

    def __init__(self, evaluator: Evaluator, theta: Vector) -> None:
        self.evaluator = evaluator
        problem = evaluator.problem
        function = python_function(problem.fun)
        began = time.process_time()
        evaluator.sample(theta)
        self.patience = max(_SECONDS, _PATIENCE * (time.process_time() - began))
        self.program = Program(
            lambda: evaluator.sample(theta),
            None if function is None else function.__code__.co_filename,
        )
        self.hook = Hook()
        self.plain: dict[int, dict[Key, CodeType]] = {}  # of the units that were edited
        # what a run with all hooks takes, and what it takes to leave all but a few out
        self._hooked_seconds = 0.0
        self._focus_seconds = _FOCUS_SECONDS
        self.keeper = _Keeper([problem.args, problem.fun, problem.jac, *self._functions()])
        self._fill_gaps(theta)
        self.rebuild()

    def _fill_gaps(self, theta: Vector) -> None:
        """Let statements stand for each ``pass``, those with which the program stays what it is."""
        for number, unit in enumerate(self.program.units):
            gaps = unit.find_gaps()
            before = self.run(theta) if gaps else None
            for gap in gaps:
                gap.new = [
                    s for s in gap.new if self._changes_nothing(theta, number, gap, s, before)
                ]
            unit.fill([gap for gap in gaps if gap.new])

    def _changes_nothing(
        self, theta: Vector, number: int, gap: Gap, statement: ast.Assign, before: Outcome | None
    ) -> bool:
        """Tell whether a statement in the place of ``pass`` leaves all as it is."""
        alone = Gap(gap.body, gap.old, [statement])
        alone.fill()
        try:
            after = self.run_edited(theta, number, self.program.units[number].compile())
        finally:
            alone.empty()
        return before is not None and after is not None and before.equals(after)

    def _functions(self) -> Iterable[FunctionType]:
        for unit in self.program.units:
            for key, functions in unit.functions.items():
                if key in unit.executed:
                    yield from functions

    def rebuild(self) -> None:
        """Instrument the units anew, after an edit was accepted."""
        instrumenter = Instrumenter()
        self.instrumented: dict[int, dict[Key, CodeType]] = {}
        for number, unit in enumerate(self.program.units):
            codes = unit.compile(instrumenter.rewrite(unit, number))
            self.instrumented[number] = _matching(unit.compile(), codes)
        self.sites: list[Site] = instrumenter.sites
        self._focus: frozenset[int] = frozenset()
        self._focused: dict[int, dict[Key, CodeType]] = {}

    def run(self, theta: Vector) -> Outcome | None:
        """Run the program, with the edits accepted so far; None when it raises."""
        with self.program.replaced(self.plain):
            return self._sample(theta)

    def run_edited(self, theta: Vector, unit: int, codes: dict[Key, CodeType]) -> Outcome | None:
        """Run the program with other code in one unit; None when it raises."""
        try:
            with (
                self.program.replaced({**self.plain, unit: codes}),
                watched(self.patience),
            ):
                return self._sample(theta)
        except Runaway:  # outside the user's function, at the last moment
            self.keeper.restore()
            return None
        except (ValueError, KeyError):  # a name of an outer function that this one never used
            return None

    def run_changed(self, theta: Vector, changes: dict[int, Change]) -> Outcome | None:
        """Run the program and change the values of some sites as they pass."""
        if self._hooked_seconds > self._focus_seconds:
            return self.run_focused(theta, changes)
        self.hook.begin(changes)
        began = time.perf_counter()
        with self.program.replaced(self.instrumented, self.hook):
            outcome = self._sample(theta)
        self._hooked_seconds = time.perf_counter() - began
        return outcome

    def run_focused(self, theta: Vector, changes: dict[int, Change]) -> Outcome | None:
        """Do the same with the hook at these sites alone: for many runs that change one place."""
        only = frozenset(changes)
        if self._focus != only:
            began = time.perf_counter()
            self._focus, self._focused = only, self._with_hooks_at(only)
            self._focus_seconds = time.perf_counter() - began
        self.hook.begin(changes)
        with self.program.replaced({**self.plain, **self._focused}, self.hook):
            return self._sample(theta)

    def _with_hooks_at(
        self, only: frozenset[int], watched: ast.AST | None = None
    ) -> dict[int, dict[Key, CodeType]]:
        units = {self.sites[number].unit for number in only}
        instrumenter = Instrumenter(watched=watched, only=only)
        codes: dict[int, dict[Key, CodeType]] = {}
        for number, unit in enumerate(self.program.units):
            tree = instrumenter.rewrite(unit, number)
            if number in units:
                codes[number] = unit.compile(tree)
        return codes

    def record(
        self, theta: Vector, changes: dict[int, Change] | None = None
    ) -> tuple[Outcome | None, Recording]:
        """Run the program and keep every value that is seen."""
        self.hook.begin(changes, record=True)
        with self.program.replaced(self.instrumented, self.hook):
            outcome = self._sample(theta)
        assert self.hook.recording is not None
        return outcome, self.hook.recording

    def record_scenes(
        self,
        theta: Vector,
        statement: ast.stmt,
        site: Site,
        changes: dict[int, Change] | None = None,
    ) -> tuple[Outcome | None, Recording]:
        """Run the program; keep the values of one site, and what names held before a statement."""
        only = frozenset([site.number, *(changes or dict[int, Change]())])
        inner = site.scope if isinstance(site.scope, ast.Lambda) else statement
        codes = self._with_hooks_at(only, inner)
        self.hook.begin(changes, record=True)
        with self.program.replaced({**self.plain, **codes}, self.hook):
            outcome = self._sample(theta)
        assert self.hook.recording is not None
        return outcome, self.hook.recording

    def record_edited(self, theta: Vector) -> tuple[list[Site], Recording] | None:
        """Instrument the trees as they are now, edits included, and keep every value."""
        instrumenter = Instrumenter()
        try:
            codes = {
                number: unit.compile(instrumenter.rewrite(unit, number))
                for number, unit in enumerate(self.program.units)
            }
            self.hook.begin(record=True)
            with self.program.replaced(codes, self.hook), watched(20 * self.patience):
                outcome = self._sample(theta)
        except (Runaway, SyntaxError, ValueError, KeyError, TypeError):
            return None
        recording = self.hook.recording
        return None if outcome is None or recording is None else (instrumenter.sites, recording)

    def _sample(self, theta: Vector) -> Outcome | None:
        sample = self.evaluator.try_sample(theta, where="trace")
        self.keeper.restore()
        return None if sample is None else Outcome(sample.cost, sample.gradient)


def _matching(original: dict[Key, CodeType], codes: dict[Key, CodeType]) -> dict[Key, CodeType]:
    if original.keys() != codes.keys():
        raise TraceRefused("the function cannot be rewritten without changing it")
    return codes


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Leave no trace of thousands of runs: no output, no warnings, no random numbers used up."""
    states = random.getstate(), np.random.get_state()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


class _Keeper:
    """Keeps the contents of all arrays, lists and dicts in reach, and puts them back."""

    def __init__(self, roots: Iterable[Any]) -> None:
        found: dict[int, Any] = {}
        for root in roots:
            _collect(root, found, 6)
        self.arrays: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self.lists: list[tuple[list[Any], list[Any]]] = []
        self.dicts: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
        for thing in found.values():
            if isinstance(thing, np.ndarray):
                array = cast("NDArray[Any]", thing)
                self.arrays.append((array, array.copy()))
            elif isinstance(thing, list):
                items = cast("list[Any]", thing)
                self.lists.append((items, list(items)))
            else:
                self.dicts.append((thing, dict(thing)))

    def restore(self) -> None:
        for array, copy in self.arrays:
            if array.shape == copy.shape and not _same(array, copy):
                array[...] = copy
        for items, kept in self.lists:
            if not _same_items(items, kept):
                items[:] = kept
        for space, entries in self.dicts:
            if not _same_items(list(space.values()), list(entries.values())):
                space.clear()
                space.update(entries)


def _same(array: NDArray[Any], copy: NDArray[Any]) -> bool:
    return array.tobytes() == copy.tobytes()


def _same_items(items: list[Any], kept: list[Any]) -> bool:
    return len(items) == len(kept) and all(a is b for a, b in zip(items, kept, strict=True))


def _collect(value: Any, found: dict[int, Any], depth: int) -> None:
    if depth < 0 or id(value) in found or isinstance(value, ModuleType | type):
        return
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        if array.dtype.kind in "fciub" and array.flags.writeable and array.size < 1_000_000:
            found[id(array)] = array
        return
    if isinstance(value, list | dict):
        found[id(cast("Any", value))] = value
    space = getattr(cast("Any", value), "__dict__", None)
    if isinstance(space, dict) and not isinstance(value, FunctionType):
        # an attribute may be bound anew
        found[id(cast("Any", space))] = cast("dict[str, Any]", space)
    for part in _parts_of(value):
        _collect(part, found, depth - 1)


def _parts_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[Any, Any]", value).values())[:200]
    if isinstance(value, list | tuple | set | frozenset):
        return list(cast("list[Any]", value))[:200]
    if isinstance(value, FunctionType):
        names = value.__code__.co_names
        cells = [c.cell_contents for c in value.__closure__ or () if _filled(c)]
        read = [value.__globals__[n] for n in names if n in value.__globals__]
        return [*cells, *read, *(value.__defaults__ or ())]
    bound = getattr(value, "__self__", None)
    parts = [bound, getattr(value, "__func__", None)] if bound is not None else []
    if type(value).__module__ == "functools":
        names = ("func", "args", "keywords")
        parts += [getattr(value, name, None) for name in names]
    space = getattr(value, "__dict__", None)
    if isinstance(space, dict):
        parts += list(cast("dict[str, Any]", space).values())[:200]
    return parts


def _filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
