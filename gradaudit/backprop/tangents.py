"""Which value of the backward pass is the derivative of a forward value by a parameter?

Programs that carry sensitivities forward (filters, recursions, integrators) make no derivative of
the cost until the last step. Their values are recognised as columns of Jacobians, and what a place
should have given is known wherever the order of its values is understood.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.events import Array, Event, Numbers, Recording, is_complex
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.matching import Standing, forward_events
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey

# more parameters than this are not measured one by one, nor when it takes longer (seconds)
_MOST_PARAMETERS: Final = 40
_SECONDS: Final = 2.5
# for so few it is done even where most backward values are derivatives of the cost
_FEW: Final = 12
_STEP: Final = 2e-5
_EPS: Final = float(np.finfo(np.float64).eps)
_ALIKE: Final = 2e-6
_OFF: Final = 1e-4
_BARS: Final = 10.0
# entries of all that is compared, at most
_MOST_ENTRIES: Final = 3_000_000

Shape = Literal["single", "first", "last"]
_Label = tuple[Event, Shape, int]


@dataclass(slots=True, eq=False)
class Tangents:
    """The derivatives of the values of the forward pass by every parameter.

    Attributes
    ----------
    slopes : dict
        By event, arrays of shape (n, *shape of the value).
    bars : dict
        By event, how far an entry may be off.
    by_site : dict
        The events of each place, in order.
    size : int
        Number of parameters.
    parameters : str
        What to call them.
    """

    slopes: dict[Event, Numbers]
    bars: dict[Event, float]
    by_site: dict[int, list[Event]]
    size: int
    parameters: str = "theta"


def affordable(
    standings: Mapping[ast.stmt, Standing], lines: Iterable[Line], size: int, run_seconds: float
) -> bool:
    """Tell whether measuring tangents is worth its time.

    Not when most backward values are derivatives of the cost already, unless that costs little.
    """
    if size > _MOST_PARAMETERS or 2 * size * run_seconds > _SECONDS:
        return False
    known = [standings.get(x.statement, Standing()) for x in lines if x.certain]
    unmatched = sum(not s.matches for s in known)
    return size <= _FEW or unmatched > len(known) / 2


def measure_tangents(
    experiment: Experiment, survey: Survey, reference: Reference
) -> Tangents | None:
    """Differentiate all values of the forward pass by the parameters.

    Returns
    -------
    Tangents or None
        None when a moved program takes another way, or where there are too many values.

    Notes
    -----
    Central differences, with two recorded runs for each parameter.
    """
    theta, base = reference.theta, survey.recording
    sites = experiment.sites
    events = [e for e in forward_events(experiment, survey) if sites[e[0]].role != "use"]
    if theta.size * sum(base.values[e].size for e in events) > _MOST_ENTRIES:
        return None
    slopes = {e: _no_slopes(theta.size, base.values[e]) for e in events}
    bars = dict.fromkeys(events, 0.0)
    for j in range(theta.size):
        step = _STEP * max(1.0, abs(theta[j]))
        moved: list[Recording] = []
        for sign in (1, -1):
            shifted = theta.copy()
            shifted[j] += sign * step
            outcome, recording = experiment.record(shifted)
            if outcome is None or recording.values.keys() != base.values.keys():
                return None
            moved.append(recording)
        if not _differentiate(slopes, bars, j, base, moved, step):
            return None
    by_site: dict[int, list[Event]] = {}
    for event in events:
        if np.isfinite(slopes[event]).all():
            by_site.setdefault(event[0], []).append(event)
    return Tangents(slopes, bars, by_site, theta.size)


def _no_slopes(count: int, value: Numbers) -> Numbers:
    return np.zeros((count, *value.shape), dtype=value.dtype)


def _differentiate(
    slopes: dict[Event, Numbers],
    bars: dict[Event, float],
    j: int,
    base: Recording,
    moved: Sequence[Recording],
    step: float,
) -> bool:
    """Fill in the derivatives by one parameter; tell whether all shapes stayed the same."""
    for event, slope in slopes.items():
        above, below, middle = (r.values[event] for r in (moved[0], moved[1], base))
        if above.shape != middle.shape or below.shape != middle.shape:
            return False
        if not above.dtype == below.dtype == middle.dtype:
            return False
        slope[j] = (above - below) / (2 * step)
        size = float(np.max(np.abs(above) + np.abs(below), initial=0.0))
        bent = float(np.max(np.abs(above - 2 * middle + below), initial=0.0))
        bars[event] = max(bars[event], _EPS * size / step + bent)
    return True


def transformed(tangents: Tangents) -> list[Tangents]:
    """Return the derivatives by what is made of each parameter first, such as its exponential.

    None when nothing is made of single parameters.
    """
    slopes = np.ones(tangents.size)
    for event in sorted(tangents.slopes, reverse=True):  # the first ones count
        if is_complex(tangents.slopes[event]):
            continue
        entries = tangents.slopes[event].reshape(tangents.size, -1)
        for entry in np.flatnonzero(np.count_nonzero(entries, axis=0) == 1):
            j = int(np.flatnonzero(entries[:, entry])[0])
            alone = np.count_nonzero(entries[j]) == 1
            if alone and abs(abs(entries[j, entry]) - 1.0) > _OFF:
                slopes[j] = entries[j, entry]
    if np.all(slopes == 1.0):
        return []
    scaled: dict[Event, Numbers] = {}
    bars: dict[Event, float] = {}
    for event, slope in tangents.slopes.items():
        scaled[event] = slope / slopes.reshape(-1, *[1] * (slope.ndim - 1))
        bars[event] = tangents.bars[event] / min(1.0, float(np.min(np.abs(slopes))))
    return [Tangents(scaled, bars, tangents.by_site, tangents.size, "transformed theta")]


# -- what a place gives, and what it should give ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """How the values of a backward place follow the values of a forward place.

    Attributes
    ----------
    site : int
        The forward place.
    shape : str
        "single": each value belongs to one parameter; "first", "last": it holds those of several
        parameters along that axis.
    every : int
        So many values in a row belong together: to one forward value, or to one parameter.
    outer : bool
        The parameters come in an outer loop, the forward values in an inner one.
    start : int
        Number of the first forward value.
    first : int
        Number of the first parameter.
    """

    site: int
    shape: Shape
    every: int = 1
    outer: bool = False
    start: int = 0
    first: int = 0

    def place(self, number: int) -> tuple[int, int]:
        """Return which forward value, and which parameter, belongs to one value."""
        quotient, rest = divmod(number, self.every)
        if self.outer:
            return rest + self.start, quotient + self.first
        return quotient + self.start, rest + self.first


@dataclass(slots=True, eq=False)
class Track:
    """A backward place that carries tangents.

    Attributes
    ----------
    site : Site
    line : Line
    order : Order
    wanted : dict
        What each of its values should be, where that is known.
    bars : dict
    agreeing : int
        How many values, that could not be right by accident, are as they should be.
    off : list of Event
        The values that are not.
    of : str
        What the parameters are called.
    """

    site: Site
    line: Line
    order: Order
    wanted: dict[Event, Numbers] = field(default_factory=dict[Event, Numbers])
    bars: dict[Event, float] = field(default_factory=dict[Event, float])
    agreeing: int = 0
    off: list[Event] = field(default_factory=list[Event])
    of: str = "theta"

    @property
    def right(self) -> bool:
        """Whether all values are as they should be."""
        return self.agreeing > 0 and not self.off

    @property
    def parameters(self) -> str:
        """The parameters by which its values are derivatives: ``theta[3]``, or ``theta``."""
        order = self.order
        if order.shape == "single" and (order.every == 1 or len(self.wanted) == 1):
            return f"{self.of}[{order.first}]"
        return self.of

    def compare(self, recording: Recording) -> list[Event]:
        """Return the values of a run that are not as they should be."""
        return [
            event
            for event, wanted in self.wanted.items()
            if event in recording.values
            and not _agree(recording.values[event], wanted, self.bars[event], _OFF)
        ]


def tracks(
    sites: Sequence[Site], survey: Survey, kinds: Sequence[Tangents]
) -> tuple[list[Track], list[tuple[Site, Line]]]:
    """Recognise the places that carry tangents, in the order of the run; and those that do not."""
    found: list[Track] = []
    unknown: list[tuple[Site, Line]] = []
    tables = [_Table(tangents) for tangents in kinds]
    events = events_by_site(survey.recording)
    for line in survey.lines:
        for site in line.sites:
            if not carries(site, survey):
                continue
            mine = [_recognise(site, line, events[site.number], sites, survey, t) for t in tables]
            known = [track for track in mine if track is not None]
            if known:
                found.append(max(known, key=lambda track: track.agreeing))
            else:
                unknown.append((site, line))
    return found, unknown


def events_by_site(recording: Recording) -> dict[int, list[Event]]:
    """Return the events of each place, in order."""
    found: dict[int, list[Event]] = {}
    for event in recording.values:
        found.setdefault(event[0], []).append(event)
    return found


def carries(site: Site, survey: Survey) -> bool:
    """Tell whether a place is where a value of the backward pass is made."""
    effect = survey.effects.get(site.number)
    made = site.role in ("value", "store", "target")
    return made and effect is not None and effect.kind == "backward"


def _recognise(
    site: Site,
    line: Line,
    events: Sequence[Event],
    sites: Sequence[Site],
    survey: Survey,
    table: _Table,
) -> Track | None:
    """Find the forward place whose tangents the values of a place are, in some order."""
    tangents = table.tangents
    groups: dict[tuple[int, Shape], list[tuple[int, int, int]]] = {}
    for number, event in enumerate(events):
        value = survey.recording.values[event]
        if telling(value):
            for forward, shape, j in table.matches(value):
                places = groups.setdefault((forward[0], shape), [])
                places.append((number, forward[1], j))
    orders = [
        (explained, Order(forward, shape, *order))
        for (forward, shape), places in groups.items()
        for explained, order in _orders(places, len(events), tangents.size, shape)
    ]
    best = max(
        orders,
        key=lambda pair: (pair[0], _likeness(site, sites[pair[1].site]), -pair[1].site),
        default=None,
    )
    return None if best is None else track_of(site, line, events, best[1], survey, tangents)


def _orders(
    places: Sequence[tuple[int, int, int]], count: int, size: int, shape: Shape
) -> Iterator[tuple[int, tuple[int, bool, int, int]]]:
    """Yield the orders that explain where values were recognised, with how many they explain."""
    last = max(k for _, k, _ in places) + 1
    everies = {1, size, count, max(count // size, 1), max(count // last, 1)}
    for every in everies if shape == "single" else {1}:
        for outer in (False, True) if every > 1 else (False,):
            votes: dict[tuple[int, int], set[int]] = {}
            for number, k, j in places:
                quotient, rest = divmod(number, every)
                start, first = (k - rest, j - quotient) if outer else (k - quotient, j - rest)
                votes.setdefault((start, first), set()).add(number)
            (start, first), explained = max(votes.items(), key=lambda v: len(v[1]))
            yield len(explained), (every, outer, start, first)


def track_of(
    site: Site,
    line: Line,
    events: Sequence[Event],
    order: Order,
    survey: Survey,
    tangents: Tangents,
) -> Track | None:
    """Compare the values of a place with what they should be; None when that is not known."""
    track = Track(site, line, order, of=tangents.parameters)
    forward = tangents.by_site.get(order.site, [])
    for number, event in enumerate(events):
        k, j = order.place(number)
        if not (0 <= k < len(forward) and 0 <= j < tangents.size):
            continue
        value = survey.recording.values[event]
        wanted = _wanted(tangents.slopes[forward[k]], order.shape, j, value.shape)
        if wanted is None:
            return None
        bar = tangents.bars[forward[k]]
        track.wanted[event], track.bars[event] = wanted, bar
        if not _agree(value, wanted, bar, _OFF):
            track.off.append(event)
        elif telling(value) and _agree(value, wanted, bar, _ALIKE):
            track.agreeing += 1
    return track if 2 * len(track.wanted) > len(events) else None


def _wanted(slopes: Numbers, shape: Shape, j: int, like: tuple[int, ...]) -> Numbers | None:
    """Return what a value of some shape should be, of the derivatives by all parameters."""
    if shape == "single":
        wanted = slopes[j]
    elif not like:
        return None
    elif shape == "first":
        wanted = slopes[j : j + like[0]]
    else:
        wanted = np.moveaxis(slopes[j : j + like[-1]], 0, -1)
    return wanted if wanted.shape == like else None


def telling(value: Numbers) -> bool:
    """Tell whether a value is no plain zero or one, that many things are."""
    return bool(np.any((value != 0) & (np.abs(value) != 1)))


def _agree(value: Numbers, wanted: Numbers, bar: float, slack: float) -> bool:
    if value.shape != wanted.shape:
        return False
    scale = max(float(np.max(np.abs(value))), float(np.max(np.abs(wanted))))
    return bool(np.all(np.abs(value - wanted) <= slack * scale + _BARS * bar))


class _Table:
    """All tangents, and stacks of them, by shape: found by one number each.

    Parameters
    ----------
    tangents : Tangents
    """

    def __init__(self, tangents: Tangents) -> None:
        self.tangents = tangents
        self.by_shape: dict[tuple[int, ...], list[Event]] = {}
        for events in tangents.by_site.values():
            for event in events:
                shape = tangents.slopes[event].shape[1:]
                self.by_shape.setdefault(shape, []).append(event)
        self.tables: dict[tuple[int, ...], _Shelf] = {}

    def matches(self, value: Numbers) -> Iterator[tuple[Event, Shape, int]]:
        """Yield the forward value, the way of stacking and the first parameter."""
        if value.shape not in self.tables:
            self.tables[value.shape] = self._shelf(value.shape)
        shelf = self.tables[value.shape]
        for i in shelf.near(value):
            event, shape, j = shelf.labels[int(i)]
            wanted = _wanted(self.tangents.slopes[event], shape, j, value.shape)
            if wanted is not None and _agree(value, wanted, self.tangents.bars[event], _ALIKE):
                yield event, shape, j

    def _shelf(self, like: tuple[int, ...]) -> _Shelf:
        n = self.tangents.size
        labels: list[_Label] = []
        weights = np.random.default_rng(0).uniform(0.5, 1.0, like)
        ways: list[tuple[Shape, tuple[int, ...], int]] = [("single", like, 1)]
        if like and 1 < like[0] <= n:
            ways.append(("first", like[1:], like[0]))
        if len(like) > 1 and 1 < like[-1] <= n:
            ways.append(("last", like[:-1], like[-1]))
        keys: list[complex] = []
        slack: list[float] = []
        most = _MOST_ENTRIES // (n * max(int(np.prod(like)), 1))
        for shape, rest, length in ways:
            for event in self.by_shape.get(rest, [])[:most]:
                for j in range(n - length + 1):
                    wanted = _wanted(self.tangents.slopes[event], shape, j, like)
                    if wanted is not None and np.any(wanted):
                        labels.append((event, shape, j))
                        keys.append(np.sum(weights * wanted))
                        slack.append(self.tangents.bars[event])
        return _Shelf(labels, np.array(keys), np.array(slack), weights)


@dataclass(slots=True, eq=False)
class _Shelf:
    labels: list[_Label]
    keys: Numbers
    bars: Array
    weights: Array

    def near(self, value: Numbers) -> NDArray[np.intp]:
        """Return the numbers of what may equal a value."""
        if not self.labels:
            return np.zeros(0, dtype=np.intp)
        room = _ALIKE * float(np.max(np.abs(value))) + _BARS * self.bars
        off = np.abs(self.keys - np.sum(self.weights * value))
        return np.flatnonzero(off <= room * value.size)


def _likeness(site: Site, forward: Site) -> int:
    """Weigh how well a place is called after a forward place, and whether that has a name."""
    return 2 * name_likeness(site.target or site.text, name_of(forward)) + (forward.role != "part")


def name_of(site: Site) -> str:
    """Return what a place is called."""
    return site.target if site.role == "value" else site.text


def name_likeness(name: str, forward: str) -> int:
    """Return how many letters ``dP_up`` shares with ``P_up``, of which it is the derivative."""
    mine, other = (_letters(text) for text in (name, forward))
    return len(other) if other and mine != other and mine.endswith(other) else 0


def _letters(name: str) -> str:
    words = re.findall(r"[A-Za-z_][A-Za-z_0-9]*", name.partition("[")[0])
    return words[-1].replace("_", "").lower() if words else ""
