"""What the values of one line would have to be for the gradient to be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradaudit.backprop.events import Array, Change, Event, Recording
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.matching import Derivatives, Match, match_values
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey

# more unknowns than this are not solved for: one evaluation each
_MOST: Final = 150


@dataclass(slots=True, eq=False)
class Solution:
    """Values of a line that make the whole gradient right.

    Attributes
    ----------
    exists : bool
        Whether there are such values.
    unique : bool
        Whether only these.
    matches : tuple of Match
        What they are derivatives of.
    evaluations : int
    """

    exists: bool
    unique: bool
    matches: tuple[Match, ...] = ()


def solve_for(
    experiment: Experiment,
    survey: Survey,
    reference: Reference,
    derivatives: Derivatives,
    line: Line,
) -> Solution | None:
    """Solve for the values of a line; None when there are too many, or it has none.

    Notes
    -----
    The backward pass is affine in its values, so that one evaluation for each entry gives the
    system; the solution is tried by one more.
    """
    events = _events_of(survey, line)
    size = sum(survey.recording.values[e].size for e in events)
    if not events or size > _MOST:
        return None
    base = survey.outcome.gradient
    columns: list[Array] = []
    for event in events:
        value = survey.recording.values[event]
        amount = max(float(np.max(np.abs(value))), 1e-3)
        for entry in range(value.size):
            shift = np.zeros(value.size)
            shift[entry] = amount
            moved = experiment.run_changed(
                reference.theta, _shifted({event: shift.reshape(value.shape)})
            )
            if moved is None:
                return None
            columns.append((moved.gradient - base) / amount)
    system = np.array(columns).T
    missing = -reference.errors(base)
    answer, _, rank, _ = np.linalg.lstsq(system, missing, rcond=1e-9)
    left = np.abs(system @ answer - missing)
    scale = float(np.max(np.abs(missing)))
    if np.any(left > reference.tolerance(base) + 1e-5 * scale):
        return Solution(False, False)
    shifts: dict[Event, Array] = {}
    start = 0
    for event in events:
        shape = survey.recording.values[event].shape
        stop = start + survey.recording.values[event].size
        shifts[event] = np.asarray(answer[start:stop], dtype=np.float64).reshape(shape)
        start = stop
    outcome, recording = experiment.record(reference.theta, _shifted(shifts))
    del recording
    if not reference.accepts(outcome):
        return Solution(False, False)
    solved = {e: survey.recording.values[e] + shifts[e] for e in events}
    matches = _matches(derivatives, solved)
    return Solution(True, rank == size, tuple(matches.values()))


def _matches(derivatives: Derivatives, values: dict[Event, Array]) -> dict[Event, Match]:
    return match_values(derivatives, Recording(values=values), values)


def _events_of(survey: Survey, line: Line) -> list[Event]:
    """Return the values of the statement itself: after the store, where there is one."""
    roles: Sequence[str] = (
        ("store",)
        if any(s.role == "store" for s in line.sites)
        else (
            "value",
            "target",
        )
    )
    numbers = {
        s.number
        for s in line.sites
        if s.role in roles
        and s.number in survey.effects
        and survey.effects[s.number].kind == "backward"
    }
    return [e for e in survey.recording.values if e[0] in numbers]


def _shifted(shifts: dict[Event, Array]) -> dict[int, Change]:
    by_site: dict[int, dict[int, Array]] = {}
    for (site, number), shift in shifts.items():
        by_site.setdefault(site, {})[number] = shift

    def change_of(mine: dict[int, Array]) -> Change:
        def change(count: int, value: Array) -> Array | None:
            return value + mine[count] if count in mine else None

        return change

    return {site: change_of(mine) for site, mine in by_site.items()}
