"""Which value of the backward pass is the derivative of the cost by which value of the forward?"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from gradaudit.backprop.events import (
    Array,
    Event,
    Numbers,
    Recording,
    extent,
    flattened,
    is_complex,
    restored,
)
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey

# how many entries a value has, and whether they are complex: only such values are compared
Size = tuple[int, bool]

_STEP: Final = 1e-5
_EPS: Final = float(np.finfo(np.float64).eps)
_ALIKE: Final = 2e-5
# numbers that a product or a mean brings in; anything else is a coincidence
_DIRECTIONS: Final = 3


@dataclass(slots=True, eq=False)
class Sketch:
    """The derivative of the cost by one value, along a few directions.

    Attributes
    ----------
    event : tuple of int
    slopes : ndarray
        For the directions of its size, as far as they were measured. Of a complex value
        ``z = x + i y`` they are those of ``dC/dx + i dC/dy``, by its real and imaginary parts.
    bar : float
        How far each slope may be off.
    whole : bool
        The value is seen where it is made, so that all its uses count.
    named : bool
        It is given a name there: the better one of two that are the same.
    """

    event: Event
    slopes: Array
    bar: float
    whole: bool = True
    named: bool = True


@dataclass(slots=True, eq=False)
class Match:
    """One backward value that is a derivative.

    Attributes
    ----------
    event : tuple of int
        The backward value.
    forward : tuple of int
        What it is the derivative with respect to.
    factor : float
        Value over derivative.
    turned : bool
        It is the derivative transposed.
    whole : bool
        The derivative counts all uses of the forward value, not one of several.
    conjugated : bool
        It is ``dC/dx - i dC/dy`` for a complex value ``x + i y``, not ``dC/dx + i dC/dy``.
    strange : bool
        Most other complex derivatives of the program are not conjugated, and it is, or they are.
    """

    event: Event
    forward: Event
    factor: float
    turned: bool
    whole: bool = True
    conjugated: bool = False
    strange: bool = False


@dataclass(slots=True, eq=False)
class Derivatives:
    """Sketches of the true derivatives of the values of the forward pass.

    They stay true when lines of the backward pass are edited.
    """

    directions: dict[Size, Array] = field(default_factory=dict["Size", Array])
    sketches: list[Sketch] = field(default_factory=list[Sketch])
    by_size: dict[Size, list[Sketch]] = field(default_factory=dict["Size", "list[Sketch]"])
    values: dict[bytes, Event] = field(default_factory=dict["bytes", "Event"])


def sketch_derivatives(
    experiment: Experiment,
    survey: Survey,
    reference: Reference,
    rng: np.random.Generator,
    most: int,
) -> Derivatives:
    """Differentiate the cost by the values of the forward pass.

    Notes
    -----
    Four evaluations for each value of a size that the backward pass has, `most` of them at most.
    """
    found = Derivatives()
    recording = survey.recording
    wanted = {size_of(recording.values[e]) for e in backward_events(survey)}
    for event in forward_events(experiment, survey):
        found.values.setdefault(recording.values[event].tobytes(), event)
    known = forward_events(experiment, survey)
    events = [e for e in known if size_of(recording.values[e]) in wanted]
    events = _without_lone_uses(experiment.sites, recording, events)
    for event in _most_telling(experiment.sites, events, most // 4):
        value = recording.values[event]
        size = size_of(value)
        if size not in found.directions:
            found.directions[size] = rng.standard_normal((_DIRECTIONS, extent(value)))
        directions = found.directions[size][: 2 if extent(value) > 1 else 1]
        sketch = _sketch(experiment, reference, event, value, directions)
        if sketch is not None and np.any(np.abs(sketch.slopes) > 10 * sketch.bar):
            site = experiment.sites[event[0]]
            sketch.whole = _counts_all_uses(site)
            handed_on = site.target in ("return", "yield")
            sketch.named = site.target.isidentifier() and not handed_on
            found.sketches.append(sketch)
            found.by_size.setdefault(size, []).append(sketch)
    return found


def size_of(value: Numbers) -> Size:
    """Return how many entries a value has, and whether they are complex."""
    return value.size, is_complex(value)


def _counts_all_uses(site: Site) -> bool:
    """Tell whether a place is where a value is made, not where one of its uses is."""
    if site.role == "use":
        return False
    handed_on = isinstance(site.node, ast.Name | ast.Attribute)
    return not (site.role == "value" and handed_on and not site.target.isidentifier())


def forward_events(experiment: Experiment, survey: Survey) -> list[Event]:
    """Return all values that the cost may depend on."""
    forward = {
        s.number
        for s in experiment.sites
        if (s.number in survey.effects and survey.effects[s.number].kind == "forward")
        or (s.number not in survey.effects and s.node in survey.frozen)
    }
    return [event for event in survey.recording.values if event[0] in forward]


def backward_events(survey: Survey) -> list[Event]:
    """Return all values of statements that the gradient, and not the cost, depends on."""
    backward = {
        site.number
        for line in survey.lines
        for site in line.sites
        if site.role in ("value", "store", "target")
        and site.number in survey.effects
        and survey.effects[site.number].kind == "backward"
    }
    return [event for event in survey.recording.values if event[0] in backward]


def _without_lone_uses(
    sites: Sequence[Site], recording: Recording, events: Sequence[Event]
) -> list[Event]:
    """Leave out the uses of values that are used once: their derivative is the value's own."""
    alike: dict[bytes, list[Event]] = {}
    for event in events:
        alike.setdefault(recording.values[event].tobytes(), []).append(event)

    def is_lone(event: Event) -> bool:
        others = alike[recording.values[event].tobytes()]
        roles = sorted(sites[e[0]].role for e in others)
        return roles == ["use", "value"] and sites[event[0]].role == "use"

    return [event for event in events if not is_lone(event)]


def _most_telling(sites: Sequence[Site], events: Iterable[Event], most: int) -> list[Event]:
    """Choose among events: whole values first, then parts, spread over the runs of a loop."""
    by_site: dict[int, list[Event]] = {}
    for event in events:
        by_site.setdefault(event[0], []).append(event)
    ranks = {"value": 0, "target": 0, "store": 0, "part": 1, "use": 2}
    order = sorted(by_site, key=lambda n: (ranks[sites[n].role], n))
    queues = {n: _spread(by_site[n]) for n in order}
    chosen: list[Event] = []
    # some runs of every place, before all runs of any
    for turn in range(max((len(q) for q in queues.values()), default=0)):
        for number in order:
            if turn < len(queues[number]):
                chosen.append(queues[number][turn])
                if len(chosen) >= most:
                    return chosen
    return chosen


def _spread(events: list[Event]) -> list[Event]:
    """Order the runs of one place: last, first, second, and so on."""
    return [events[-1], *events[:-1]]


def _sketch(
    experiment: Experiment,
    reference: Reference,
    event: Event,
    value: Numbers,
    directions: Array,
) -> Sketch | None:
    slopes: list[float] = []
    size = float(np.sqrt(np.mean(flattened(value) ** 2)))
    step = _STEP * max(size, 1e-3)
    for direction in directions:
        shift = step * restored(direction, value)
        costs = [_moved_cost(experiment, reference, event, sign * shift) for sign in (1, -1)]
        if costs[0] is None or costs[1] is None:
            return None
        slopes.append((costs[0] - costs[1]) / (2 * step))
    bar = 2 * _EPS * abs(reference.outcome.cost) / step + 1e-7 * max(map(abs, slopes))
    return Sketch(event, np.array(slopes), bar)


def _moved_cost(
    experiment: Experiment, reference: Reference, event: Event, shift: Numbers
) -> float | None:
    site, number = event

    def change(count: int, value: Numbers) -> Numbers | None:
        return value + shift if count == number else None

    outcome = experiment.run_changed(reference.theta, {site: change})
    return None if outcome is None or not np.isfinite(outcome.cost) else outcome.cost


def match_values(
    derivatives: Derivatives, recording: Recording, events: Iterable[Event]
) -> dict[Event, Match]:
    """Recognise backward values as derivatives, up to a factor; forward values are none."""
    found: dict[Event, Match] = {}
    for event in events:
        if recording.values[event].tobytes() in derivatives.values:
            continue
        match = _best_match(derivatives, event, recording.values[event])
        if match is not None:
            found[event] = match
    return found


def _best_match(derivatives: Derivatives, event: Event, value: Numbers) -> Match | None:
    sketches = derivatives.by_size.get(size_of(value))
    if not sketches or not np.any(value):
        return None
    best: tuple[float, Match] | None = None
    directions = derivatives.directions[size_of(value)]
    for turned, conjugated in itertools.product((False, True), repeat=2):
        if turned and (value.ndim != 2 or 1 in value.shape):
            continue
        if conjugated and not is_complex(value):
            continue
        seen = value.T if turned else value
        along = directions @ flattened(seen.conj() if conjugated else seen)
        for sketch in sketches:
            factor = _factor(along[: sketch.slopes.size], sketch, single=extent(value) == 1)
            if factor is None:
                continue
            match = Match(event, sketch.event, factor, turned, sketch.whole, conjugated)
            quality = _quality(match) + 0.05 * (not sketch.named)
            if best is None or quality < best[0]:
                best = quality, match
    return None if best is None else best[1]


def _factor(along: Array, sketch: Sketch, *, single: bool) -> float | None:
    """Return the factor between a value and a derivative; None when they are not alike."""
    slopes = sketch.slopes
    noise = sketch.bar + _ALIKE * np.max(np.abs(slopes))
    if np.all(np.abs(along - slopes) <= noise):
        return 1.0
    if np.all(np.abs(along + slopes) <= noise):
        return -1.0
    if single:
        return None
    square = float(slopes @ slopes)
    factor = float(along @ slopes) / square
    if factor == 0.0 or not np.isfinite(factor):
        return None
    left = np.abs(along - factor * slopes)
    if np.all(left <= abs(factor) * noise):
        return factor
    return None


@dataclass(slots=True, eq=False)
class Account:
    """How much of the backward pass is recognised once an edit is made.

    Attributes
    ----------
    matches : dict
        By statement, the best match among its values.
    partial : set of ast.stmt
        Statements of which some value is a derivative that misses some uses.
    agreeing : int
        Statements whose target is called after what they are the derivative of.
    misnamed : set of ast.stmt
        Statements that are a derivative, but are not called after it.
    """

    matches: dict[ast.stmt, Match] = field(default_factory=dict["ast.stmt", Match])
    agreeing: int = 0
    partial: set[ast.stmt] = field(default_factory=set["ast.stmt"])
    misnamed: set[ast.stmt] = field(default_factory=set["ast.stmt"])

    @property
    def worth(self) -> float:
        """Weigh what is recognised.

        Derivatives by different values count, not the same one twice; a derivative that misses
        some uses of its value counts little; every further factor asks for an explanation.
        """
        different = {match.forward[0] for match in self.matches.values()}
        factors = {f"{abs(m.factor):.5g}" for m in self.matches.values() if abs(m.factor) != 1.0}
        parts = len(self.partial & self.matches.keys())
        strange = any(match.strange for match in self.matches.values())
        plain = sum(match.factor == 1.0 for match in self.matches.values())
        return (
            0.8 * len(different)
            + 0.2 * plain
            - 0.8 * parts
            - 0.9 * len(factors)
            - 0.4 * any(match.factor == -1.0 for match in self.matches.values())
            - 0.4 * strange
            + 0.2 * self.agreeing
        )

    def repeated(self, statement: ast.stmt) -> bool:
        """Tell whether another statement is the derivative of the same value."""
        match = self.matches.get(statement)
        return match is not None and any(
            other.forward[0] == match.forward[0]
            for s, other in self.matches.items()
            if s is not statement
        )


def account(
    sites: Sequence[Site],
    forward_sites: Sequence[Site],
    recording: Recording,
    derivatives: Derivatives,
) -> Account:
    """Recognise the values of all statements of a run."""
    mine = {s.number: s for s in sites if s.role in ("value", "store", "target")}
    events: dict[int, list[Event]] = {}
    for event in recording.values:
        if event[0] in mine:
            events.setdefault(event[0], []).append(event)
    chosen = [e for found in events.values() for e in {found[0], found[-1]}]
    found = Account()
    agreeing: set[ast.stmt] = set()
    for event, match in match_values(derivatives, recording, chosen).items():
        site = mine[event[0]]
        if site.role == "value" and isinstance(site.node, ast.Name) and site.target != "return":
            continue  # another name for a value is no further derivative
        if not match.whole:
            found.partial.add(site.statement)
        known = found.matches.get(site.statement)
        if known is None or _quality(match) < _quality(known):
            found.matches[site.statement] = match
            agreeing.discard(site.statement)
            if _called_after(site.target, forward_sites[match.forward[0]]):
                agreeing.add(site.statement)
    _mark_strange(found.matches.values(), recording)
    found.agreeing = len(agreeing)
    found.misnamed = found.matches.keys() - agreeing
    return found


def _quality(match: Match) -> float:
    unlike = 0.3 * match.turned + 0.2 * (not match.whole) + 0.1 * match.conjugated
    return (match.factor != 1.0) + unlike


def _mark_strange(matches: Iterable[Match], recording: Recording) -> None:
    """Mark the complex derivatives that are conjugated where most others are not, or the like."""
    mine = [match for match in matches if is_complex(recording.values[match.event])]
    turned = sum(match.conjugated for match in mine)
    for match in mine:
        match.strange = turned > 0 and match.conjugated != (2 * turned > len(mine))


def _called_after(target: str, forward: Site) -> bool:
    """Tell whether ``dSdz2`` is the derivative of ``z2``."""
    name = forward.target if forward.role == "value" else forward.text
    bare, of = _letters(target), _letters(name)
    return bool(of) and len(of) < len(bare) and (bare.endswith(of) or of in bare)


def _letters(name: str) -> str:
    """Return the last part of a name: ``self.dW`` is dW, ``grads['b']`` is b."""
    words = re.findall(r"[A-Za-z_][A-Za-z_0-9]*", name)
    return words[-1].replace("_", "").lower() if words else ""


@dataclass(slots=True, eq=False)
class Standing:
    """What is known about the values of one line.

    Attributes
    ----------
    matches : list of Match
        Of the values that are derivatives.
    total : int
        How many values were compared.
    copies : int
        How many are values of the forward pass, unchanged.
    """

    matches: list[Match] = field(default_factory=list[Match])
    total: int = 0
    copies: int = 0

    @property
    def right(self) -> bool:
        """Whether some value is a derivative as it stands, and no part of one."""
        plain = any(match.factor == 1.0 and not match.strange for match in self.matches)
        return plain and all(match.whole for match in self.matches)


def standings(
    lines: Iterable[Line], recording: Recording, derivatives: Derivatives
) -> Mapping[ast.stmt, Standing]:
    """Tell for each line how its values relate to the derivatives."""
    found: dict[ast.stmt, Standing] = {}
    for line in lines:
        standing = found.setdefault(line.statement, Standing())
        for site in line.sites:
            if site.role not in ("value", "store", "target"):
                continue
            events = [e for e in recording.values if e[0] == site.number]
            if len(events) > 8:
                events = [*events[:4], *events[-4:]]
            standing.total += len(events)
            matches = match_values(derivatives, recording, events)
            standing.matches.extend(matches.values())
            standing.copies += sum(
                recording.values[e].tobytes() in derivatives.values
                for e in events
                if e not in matches
            )
    _mark_strange((m for standing in found.values() for m in standing.matches), recording)
    return found
