"""The whole derivative of the cost by values of the forward pass, and runs with it put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from gradaudit.backprop.events import (
    Change,
    Event,
    Numbers,
    extent,
    is_complex,
    restored,
    units,
)
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.matching import forward_events
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Survey

_STEP: Final = 1e-5
# two evaluations for each entry
_MOST_ENTRIES: Final = 160
_MOST_PLACES: Final = 6


class Adjoints:
    """Measures derivatives by differences, those of one place at a time, each place once.

    Parameters
    ----------
    experiment : Experiment
    survey : Survey
    reference : Reference
    """

    def __init__(self, experiment: Experiment, survey: Survey, reference: Reference) -> None:
        self.experiment = experiment
        self.survey = survey
        self.reference = reference
        self._events: dict[int, list[Event]] | None = None
        self._known: dict[Event, Numbers | None] = {}
        self._contents: dict[Event, tuple[tuple[int, ...], bytes]] = {}

    def candidates(
        self, site: Site, events: Sequence[Event]
    ) -> Iterator[tuple[Site, list[Numbers]]]:
        """Yield what the values of a place may have to be: derivatives of the same shapes.

        The forward values are taken in the order of the run, in reverse, and in the order in which
        the lines around the place read them; those whose name is part of the place's name come
        first. Of derivatives by complex values people take the conjugate, or half of it, as well.
        """
        values = self.survey.recording.values
        kinds = [_kind(values[e]) for e in events]
        if sum(extent(values[e]) for e in events) > _MOST_ENTRIES:
            return
        tried = 0
        for place in self._places(site):
            mine = self._forward()[place.number]
            orders = [*_orders(len(mine), len(events)), *self._read(site, len(mine), len(events))]
            fitting = [o for o in orders if [_kind(values[mine[i]]) for i in o] == kinds]
            if not fitting:
                continue
            tried += 1
            for order in dict.fromkeys(fitting):
                derivatives = self._measured([mine[i] for i in order])
                if derivatives is not None:
                    for known in _conventions(derivatives):
                        yield place, known
            if tried >= _MOST_PLACES:
                return

    def _places(self, site: Site) -> list[Site]:
        """Return the places of the forward pass, the likeliest first."""
        name = _letters(site.target or site.text)
        whole = ("value", "target", "store")

        def order(place: Site) -> tuple[bool, bool, int]:
            of = _letters(place.target or place.text)
            return (not (of and of in name), place.role not in whole, -place.number)

        return sorted((self.experiment.sites[n] for n in self._forward()), key=order)

    def _forward(self) -> dict[int, list[Event]]:
        if self._events is None:
            self._events = {}
            for event in forward_events(self.experiment, self.survey):
                self._events.setdefault(event[0], []).append(event)
        return self._events

    def _read(self, site: Site, known: int, wanted: int) -> Iterator[tuple[int, ...]]:
        """Yield the orders in which so many forward values are read around a place.

        For loops over sequences of several lengths, and over trees: which value belongs to which
        is seen by what the lines around the place hold, to the last bit.
        """
        if wanted < 2 or known < 2:
            return
        values, keys = self.survey.recording.values, self._keys()
        places = [events for events in self._forward().values() if len(events) == known]
        numbers = [{keys[e]: i for i, e in enumerate(events)} for events in places]
        numbers = [of for of in numbers if len(of) == known]
        for other in self.experiment.sites:
            read = (other.number, wanted - 1) in values and (other.number, wanted) not in values
            if other.scope is not site.scope or not read:
                continue
            seen = [keys[other.number, count] for count in range(wanted)]
            for of in numbers:
                if all(key in of for key in seen):
                    yield tuple(of[key] for key in seen)

    def _keys(self) -> dict[Event, tuple[tuple[int, ...], bytes]]:
        """Return the shape and the contents of every value that was seen."""
        if not self._contents:
            found = self.survey.recording.values
            self._contents = {e: (value.shape, value.tobytes()) for e, value in found.items()}
        return self._contents

    def _measured(self, events: Sequence[Event]) -> list[Numbers] | None:
        """Measure the derivative by each of some values; None when one cannot be had."""
        found: list[Numbers] = []
        for event in events:
            if event not in self._known:
                self._known[event] = self._derivative(event)
            derivative = self._known[event]
            if derivative is None:
                return None
            found.append(derivative)
        return found

    def _derivative(self, event: Event) -> Numbers | None:
        value = self.survey.recording.values[event]
        step = _STEP * max(float(np.max(np.abs(value), initial=0.0)), 1e-2)
        slopes = np.empty(extent(value))
        for entry, unit in enumerate(units(value)):
            above = self._cost(event, step * unit)
            below = self._cost(event, -step * unit)
            if above is None or below is None:
                return None
            slopes[entry] = (above - below) / (2 * step)
        return restored(slopes, value)

    def _cost(self, event: Event, shift: Numbers) -> float | None:
        site, number = event

        def change(count: int, value: Numbers) -> Numbers | None:
            return value + shift if count == number else None

        outcome = self.experiment.run_focused(self.reference.theta, {site: change})
        return None if outcome is None or not np.isfinite(outcome.cost) else outcome.cost


def put_in(events: Sequence[Event], values: Sequence[Numbers]) -> dict[int, Change]:
    """Return the change for the hook that puts values in the place of those of one site."""
    wanted = {number: value for (_, number), value in zip(events, values, strict=True)}

    def change(count: int, _value: Numbers) -> Numbers | None:
        return wanted.get(count)

    return {events[0][0]: change}


def _kind(value: Numbers) -> tuple[tuple[int, ...], bool]:
    return value.shape, is_complex(value)


def _conventions(derivatives: list[Numbers]) -> Iterator[list[Numbers]]:
    """Yield what people call the derivative by complex values; that by real ones is as it is.

    By z = x + iy these are dC/dx + i dC/dy, its conjugate, and halves of both.
    """
    yield derivatives
    if any(is_complex(part) for part in derivatives):
        yield [part.conj() for part in derivatives]
        yield [part / 2 for part in derivatives]
        yield [part.conj() / 2 for part in derivatives]


def _orders(known: int, wanted: int) -> Iterator[tuple[int, ...]]:
    """Yield ways to take so many of the known values: in order or in reverse, one left out."""
    for first in range(min(known - wanted, 1) + 1):
        order = tuple(range(first, first + wanted))
        yield order[::-1]
        if wanted > 1:
            yield order


def _letters(name: str) -> str:
    words = re.findall(r"[A-Za-z_][A-Za-z_0-9]*", name)
    return words[-1].replace("_", "").lower() if words else ""
