"""The whole derivative of the cost by values of the forward pass, and runs with it put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from gradaudit.backprop.events import Array, Change, Event
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
        self._known: dict[Event, Array | None] = {}
        self._contents: dict[Event, tuple[tuple[int, ...], bytes]] = {}

    def candidates(self, site: Site, events: Sequence[Event]) -> Iterator[tuple[Site, list[Array]]]:
        """Yield what the values of a place may have to be: derivatives of the same shapes.

        The forward values are taken in the order of the run, in reverse, and in the order in which
        the lines around the place read them; those whose name is part of the place's name come
        first.
        """
        values = self.survey.recording.values
        shapes = [values[e].shape for e in events]
        if sum(values[e].size for e in events) > _MOST_ENTRIES:
            return
        tried = 0
        for place in self._places(site):
            mine = self._forward()[place.number]
            orders = [*_orders(len(mine), len(events)), *self._read(site, len(mine), len(events))]
            fitting = [o for o in orders if [values[mine[i]].shape for i in o] == shapes]
            if not fitting:
                continue
            tried += 1
            for order in dict.fromkeys(fitting):
                derivatives = self._measured([mine[i] for i in order])
                if derivatives is not None:
                    yield place, derivatives
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

    def _measured(self, events: Sequence[Event]) -> list[Array] | None:
        """Measure the derivative by each of some values; None when one cannot be had."""
        found: list[Array] = []
        for event in events:
            if event not in self._known:
                self._known[event] = self._derivative(event)
            derivative = self._known[event]
            if derivative is None:
                return None
            found.append(derivative)
        return found

    def _derivative(self, event: Event) -> Array | None:
        value = self.survey.recording.values[event]
        step = _STEP * max(float(np.max(np.abs(value), initial=0.0)), 1e-2)
        slopes = np.empty(value.size)
        for entry in range(value.size):
            shift = np.zeros(value.size)
            shift[entry] = step
            above = self._cost(event, shift.reshape(value.shape))
            below = self._cost(event, -shift.reshape(value.shape))
            if above is None or below is None:
                return None
            slopes[entry] = (above - below) / (2 * step)
        return slopes.reshape(value.shape)

    def _cost(self, event: Event, shift: Array) -> float | None:
        site, number = event

        def change(count: int, value: Array) -> Array | None:
            return value + shift if count == number else None

        outcome = self.experiment.run_focused(self.reference.theta, {site: change})
        return None if outcome is None or not np.isfinite(outcome.cost) else outcome.cost


def put_in(events: Sequence[Event], values: Sequence[Array]) -> dict[int, Change]:
    """Return the change for the hook that puts values in the place of those of one site."""
    wanted = {number: value for (_, number), value in zip(events, values, strict=True)}

    def change(count: int, _value: Array) -> Array | None:
        return wanted.get(count)

    return {events[0][0]: change}


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
