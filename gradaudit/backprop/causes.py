"""The line at which tangents go wrong: with its values put right, all that follows is right."""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gradaudit.backprop.events import (
    Array,
    Change,
    Event,
    Numbers,
    Recording,
    as_numbers,
    change_between,
    extent,
    protected,
    units,
)
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.needs import Need, Setting, compile_expression, holes
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey, filled
from gradaudit.backprop.tangents import (
    Order,
    Tangents,
    Track,
    events_by_site,
    measure_tangents,
    name_likeness,
    name_of,
    track_of,
    tracks,
    transformed,
)

# guesses of what an unrecognised place stands for that are run, and their time
_MOST_GUESSES: Final = 160
_GUESS_SECONDS: Final = 2.5
# values whose surroundings are looked at, entries of all of them, and of one
_MOST_EVENTS: Final = 10
_EQUATIONS: Final = 24
_MOST_ENTRIES: Final = 300
_MOST_RUNS: Final = 120
_SOLVED: Final = 1e-5


@dataclass(slots=True, eq=False)
class Cause:
    """The place whose values, once they are right, make the gradient right.

    Attributes
    ----------
    track : Track
    changes : dict
        For the hook: every value that is known is put right as it passes.
    recording : Recording
        Of the run with these changes; values are seen before they are put right.
    off : list of Event
        Those of the track that were not right before.
    lines : list of Line
        The line itself, then those that feed it and are nothing known, nearest first.
    """

    track: Track
    changes: dict[int, Change]
    recording: Recording
    off: list[Event]
    lines: list[Line] = field(default_factory=list[Line])


@dataclass(slots=True, eq=False)
class Sensitivities:
    """What the tangents of a program tell.

    Attributes
    ----------
    tracks : list of Track
    right : set of ast.stmt
        Statements all of whose values are tangents as they should be.
    settled : set of ast.stmt
        Those that cannot be at fault: their values are not put into part of something, either.
    cause : Cause or None
    """

    tracks: list[Track]
    right: set[ast.stmt]
    settled: set[ast.stmt]
    cause: Cause | None

    def accuses(self, line: Line) -> bool:
        """Tell whether the values of a line are the first that are not what they should be."""
        return self.cause is not None and self.cause.track.line is line

    def track_of(self, line: Line) -> Track | None:
        """Return what the values of a line are, where they are right."""
        mine = (t for t in self.tracks if t.line is line and line.statement in self.right)
        return next(mine, None)

    def passes_on(self, line: Line) -> bool:
        """Tell whether a line hands on wrong values that another line has made."""
        value = getattr(line.statement, "value", None)
        several = self.cause is not None and len(self.cause.lines) > 1
        return self.accuses(line) and several and isinstance(value, ast.Name)

    def knows(self, line: Line) -> bool:
        """Tell whether a line carries tangents that are right, or the first that are not."""
        return line.statement in self.right or self.accuses(line)


def sensitivities(
    experiment: Experiment, survey: Survey, reference: Reference
) -> Sensitivities | None:
    """Measure tangents, recognise them, and find where they go wrong."""
    tangents = measure_tangents(experiment, survey, reference)
    if tangents is None:
        return None
    kinds = [tangents, *transformed(tangents)]
    found, unknown = tracks(experiment.sites, survey, kinds)
    doubtful = [t for t in found if _is_doubtful(t, experiment.sites, tangents)]
    found = [track for track in found if track not in doubtful]
    unknown += [(track.site, track.line) for track in doubtful]
    unsure = {site.number for site, _ in unknown} | {t.site.number for t in found if not t.right}
    # of one parameter it may be by accident: of an intercept, say, in a program of adjoints
    right = {t.line.statement for t in found if t.right and t.parameters == t.of}
    right -= {s.statement for line in survey.lines for s in line.sites if s.number in unsure}
    settled = {s for s in right if not stores_a_part(s)}
    finder = _Finder(experiment, survey, reference, kinds, found)
    return Sensitivities(found, right, settled, finder.cause([*doubtful, *finder.guesses(unknown)]))


def _is_doubtful(track: Track, sites: Sequence[Site], tangents: Tangents) -> bool:
    """Tell whether values may be tangents of something else than they should be.

    They are of another value than they are called after, of the one before, or of part of one.
    """
    if track.order.start or sites[track.order.site].role == "part":
        return True
    name = name_of(track.site)
    own = name_likeness(name, name_of(sites[track.order.site]))
    return any(name_likeness(name, name_of(sites[number])) > own for number in tangents.by_site)


def stores_a_part(statement: ast.stmt) -> bool:
    """Tell whether a statement may put a right value into a wrong place."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return any(isinstance(t, ast.Subscript | ast.Tuple | ast.List) for t in targets)


class _Finder:
    """Puts the values of one place right after the other, and looks what becomes of the rest."""

    def __init__(
        self,
        experiment: Experiment,
        survey: Survey,
        reference: Reference,
        kinds: Sequence[Tangents],
        found: Sequence[Track],
    ) -> None:
        self.experiment = experiment
        self.survey = survey
        self.reference = reference
        self.kinds = kinds
        self.tangents = kinds[0]
        self.tracks = found
        self.events = events_by_site(survey.recording)
        self.order = {event: i for i, event in enumerate(survey.recording.values)}

    def cause(self, guesses: Iterable[Track]) -> Cause | None:
        """Return the place that explains most; None when none makes the gradient right."""
        best: tuple[tuple[int, int], Track] | None = None
        deadline = time.perf_counter() + _GUESS_SECONDS
        wrong = [track for track in self.tracks if track.off]
        for number, track in enumerate(itertools.chain(wrong, guesses)):
            if number > len(wrong) + _MOST_GUESSES or time.perf_counter() > deadline:
                break
            if not track.off:
                continue
            recovered = self._recovered(track)
            if recovered is not None:
                key = recovered, -self.order[track.off[0]]
                if best is None or key > best[0]:
                    best = key, track
        if best is None or not self._tells(*best):
            return None
        return self._isolated(best[1])

    def _tells(self, key: tuple[int, int], track: Track) -> bool:
        """Tell whether a place tells more than the gradient, which is the last of all tangents."""
        before = sum(t.right for t in self.tracks if t.site is not track.site)
        entries = sum(track.wanted[event].size for event in track.off)
        return key[0] > before or entries > self.tangents.size

    def _recovered(self, track: Track) -> int | None:
        """Count what is right with a track; None unless that includes the gradient."""
        theta = self.reference.theta
        outcome, recording = self.experiment.record(theta, clamped([track]))
        if not self.reference.accepts(outcome):
            return None
        others = [t for t in self.tracks if t.site is not track.site]
        return sum(not t.compare(recording) for t in others)

    def _isolated(self, track: Track) -> Cause | None:
        """Put all values that are known right, so that nothing but the fault is seen."""
        theta = self.reference.theta
        _, alone = self.experiment.record(theta, clamped([track]))
        # more is recognised, now that what follows from the fault is right
        found, _ = tracks(self.experiment.sites, replace(self.survey, recording=alone), self.kinds)
        others = [t for t in found if t.site is not track.site and t.right]
        others = [t for t in others if not _is_doubtful(t, self.experiment.sites, self.tangents)]
        changes = clamped([*others, track])
        outcome, recording = self.experiment.record(theta, changes)
        off = track.compare(recording)
        if outcome is None or not off:
            return None
        cause = Cause(track, changes, recording, off)
        cause.lines = [track.line, *self._feeding(cause, {t.line.statement for t in others})]
        return cause

    def _feeding(self, cause: Cause, known: set[ast.stmt]) -> list[Line]:
        """Return the lines that feed the wrong values and are no tangents, nearest first."""
        found: list[Line] = []
        for line in self.survey.lines:
            if line is cause.track.line or (line.statement in known):
                continue
            if any(self._feeds(cause, site) for site in holes(self.survey, line)):
                found.append(line)
        return sorted(found, key=lambda line: -line.first_seen)

    def _feeds(self, cause: Cause, site: Site) -> bool:
        if site.number in cause.changes:
            return False
        changes = {**cause.changes, site.number: filled}
        _, moved = self.experiment.record(self.reference.theta, changes)
        return any(
            e in moved.values and not np.array_equal(moved.values[e], cause.recording.values[e])
            for e in cause.off
        )

    # -- guesses ----------------------------------------------------------------------------

    def guesses(self, unknown: Sequence[tuple[Site, Line]]) -> Iterator[Track]:
        """Yield what unrecognised places may stand for, by name first."""
        pairs = [
            (self._likeness(site, forward), site, line, forward)
            for site, line in unknown
            for forward in self.tangents.by_site
            if self.experiment.sites[forward].role != "part"
        ]
        named = {site.number for likeness, site, _, _ in pairs if likeness}
        for likeness, site, line, forward in sorted(pairs, key=lambda p: -p[0]):
            if likeness == 0 and site.number in named:
                continue
            for order, kind in itertools.product(self._orders(site, forward), self.kinds):
                events = self.events[site.number]
                track = track_of(site, line, events, order, self.survey, kind)
                if track is not None and track.off:
                    yield track

    def _orders(self, site: Site, forward: int) -> Iterator[Order]:
        """Yield the orders in which the numbers of values fit."""
        mine, theirs = self.events[site.number], self.tangents.by_site[forward]
        count, runs, n = len(mine), len(theirs), self.tangents.size
        value = self.survey.recording.values[mine[0]]
        rest = self.tangents.slopes[theirs[0]].shape[1:]
        if runs - 1 <= count <= runs + 1:
            for start in {0, runs - count}:
                if value.shape[1:] == rest and value.shape[:1] == (n,):
                    yield Order(forward, "first", start=start)
                elif value.shape[:-1] == rest and value.shape[-1:] == (n,):
                    yield Order(forward, "last", start=start)
        if value.shape != rest:
            return
        if count == runs and self._likeness(site, forward):
            for first in range(n):
                yield Order(forward, "single", first=first)
        for every in {n, count // runs}:
            if 1 < every <= n:
                for first in range(n - every + 1):
                    yield Order(forward, "single", every, first=first)
        if n > 1 and count == n * runs:
            yield Order(forward, "single", runs, outer=True)

    def _likeness(self, site: Site, forward: int) -> int:
        return name_likeness(name_of(site), self._name(forward))

    def _name(self, forward: int) -> str:
        return name_of(self.experiment.sites[forward])


def clamped(found: Sequence[Track]) -> dict[int, Change]:
    """Return the changes for the hook that put known values in the place of whatever comes."""

    def change_of(track: Track) -> Change:
        site = track.site.number

        def change(count: int, value: Numbers) -> Numbers | None:
            wanted = track.wanted.get((site, count))
            return wanted if wanted is not None and wanted.shape == value.shape else None

        return change

    return {track.site.number: change_of(track) for track in found}


# -- what should stand there --------------------------------------------------------------------


def needed(
    experiment: Experiment, reference: Reference, cause: Cause, line: Line, site: Site
) -> tuple[Need, Setting | None] | None:
    """Return what a place should give for the wrong values to be right, and its surroundings.

    None when that cannot be told.
    """
    chosen = [] if _calls(site.node, cause.track.line.scope) else _chosen(cause, site)
    if not chosen:
        return None
    system = _system(experiment, reference, cause, site, chosen)
    if system is None or not np.isfinite(system).all():
        return None
    lacking: list[Array] = []
    for event, _ in chosen:
        lacks = change_between(cause.track.wanted[event], cause.recording.values[event])
        if lacks is None:
            return None
        lacking.append(lacks)
    missing = np.concatenate(lacking)
    inputs = list(dict.fromkeys(before for _, before in chosen))
    solved, _, rank, _ = np.linalg.lstsq(system, missing, rcond=1e-9)
    answer, size = np.asarray(solved, dtype=np.float64), system.shape[1]
    scale = float(np.max(np.abs(missing)))
    left = float(np.max(np.abs(system @ answer - missing)))
    exists = left <= _SOLVED * scale
    need = Need(site, inputs, exists, bool(rank == size), True, system, missing, answer)
    if not exists:
        # a number could still become an array, of which nothing is known
        if cause.recording.values[inputs[0]].size < cause.track.wanted[chosen[0][0]].size:
            need.exists = None
        return need, None
    return need, _surroundings(experiment, reference, cause, line, need)


def _calls(node: ast.AST, scope: ast.AST) -> bool:
    """Tell whether an expression calls the function in which the fault shows: it is over later."""
    name = getattr(scope, "name", "")
    called = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return any(name in (getattr(f, "id", None), getattr(f, "attr", None)) for f in called)


def _chosen(cause: Cause, site: Site) -> list[tuple[Event, Event]]:
    """Return some wrong values, and the value of a place that came last before each."""
    mine: Event | None = None
    last: dict[Event, Event] = {}
    for event in cause.recording.values:
        if event[0] == site.number:
            mine = event
        if event in cause.track.wanted and mine is not None:
            last[event] = mine
    off = [e for e in cause.off if e in last]
    if not off:
        return []
    values = cause.recording.values
    size = max(extent(values[off[0]]), extent(values[last[off[0]]]))
    most = max(1, min(_MOST_EVENTS, _MOST_ENTRIES // size, 2 + _EQUATIONS // size))
    right = [e for e in last if e not in set(off)]
    spread = [*_spread(off, most - most // 4), *_spread(right, most // 4)]
    order = {event: i for i, event in enumerate(values)}
    return [(e, last[e]) for e in sorted(spread, key=order.__getitem__)]


def _spread(events: Sequence[Event], most: int) -> list[Event]:
    if len(events) <= most:
        return list(events)
    return [events[i] for i in np.unique(np.linspace(0, len(events) - 1, most).astype(int))]


def _system(
    experiment: Experiment,
    reference: Reference,
    cause: Cause,
    site: Site,
    chosen: Sequence[tuple[Event, Event]],
) -> Array | None:
    """Return how the values of the track move with each entry of the values of a place.

    Where each of these feeds a value of its own, all of them are moved in one run.
    """
    values = cause.recording.values
    sizes = [extent(values[event]) for event, _ in chosen]
    if site is cause.track.site:
        return np.eye(sum(sizes))
    inputs = list(dict.fromkeys(before for _, before in chosen))
    lengths = [extent(values[event]) for event in inputs]
    apart = len(inputs) == len(chosen) and len(set(lengths)) == 1
    if sum(lengths) > (_MOST_ENTRIES if apart else _MOST_RUNS):
        return None
    blocks: list[Array] = []
    for group in [inputs] if apart else [[event] for event in inputs]:
        columns: list[Array] = []
        for unit in units(values[group[0]]):
            moved = _moved(experiment, reference, cause, group, unit)
            if moved is None:
                return None
            changes = [change_between(moved.values[e], values[e]) for e, _ in chosen]
            known = [change for change in changes if change is not None]
            if len(known) < len(changes):
                return None
            columns.append(np.concatenate(known))
        blocks.append(np.array(columns).T)
    if not apart:
        return np.concatenate(blocks, axis=1)
    return _diagonal(np.split(blocks[0], np.cumsum(sizes)[:-1]))


def _diagonal(blocks: Sequence[Array]) -> Array:
    """Return blocks along the diagonal of a matrix of zeros."""
    found = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)))
    row = column = 0
    for block in blocks:
        found[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return found


def _moved(
    experiment: Experiment,
    reference: Reference,
    cause: Cause,
    events: Sequence[Event],
    unit: Numbers,
) -> Recording | None:
    """Add one to an unknown of some values."""
    counts = {count for _, count in events}
    known = cause.changes.get(events[0][0])

    def change(count: int, value: Numbers) -> Numbers | None:
        if count not in counts:
            return None if known is None else known(count, value)
        return value + unit

    changes = {**cause.changes, events[0][0]: change}
    outcome, recording = experiment.record(reference.theta, changes)
    same = recording.values.keys() == cause.recording.values.keys()
    return recording if outcome is not None and same else None


def _surroundings(
    experiment: Experiment, reference: Reference, cause: Cause, line: Line, need: Need
) -> Setting | None:
    """Look around where the values are made, while all else is right."""
    code = compile_expression(need.site.node)
    if code is None:
        return None
    unit = experiment.program.units[need.site.unit]
    top: dict[str, Any] = {}
    for functions in unit.functions.values():
        top = functions[0].__globals__
    _, recording = experiment.record_scenes(
        reference.theta, line.statement, need.site, cause.changes
    )
    spaces: list[dict[str, Any]] = []
    values: list[Numbers] = []
    for event in need.events:
        if event[1] >= len(recording.scenes) or event not in recording.values:
            return None
        space = {**top, **recording.scenes[event[1]]}
        try:
            value = as_numbers(eval(code, protected(code, space)))
        except Exception:
            return None
        seen = recording.values[event]
        if value.shape != seen.shape or value.dtype != seen.dtype:
            return None
        if not np.allclose(value, seen, 1e-12):
            return None
        spaces.append(space)
        values.append(value)
    return Setting(spaces, values, need.system, need.missing, whole=False)
