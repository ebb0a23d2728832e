"""What a run tells by itself: how it began, where it ended, and its last search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.optimizers.call import Call, Outcome, outcome
from gradaudit.optimizers.messages import Meaning, read_message
from gradaudit.optimizers.recorder import Point, Recording
from gradaudit.results import History

_COSTS: Final = ("fun", "both")
# Trials lie on one line to this relative accuracy.
_STRAIGHT: Final = 1e-6
_SHOWN: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Story:
    """One run, summed up.

    Attributes
    ----------
    call : Call
    outcome : Outcome
    meaning : Meaning
        Of the solver's message.
    start, end : ndarray of float64, shape (n,)
        Where the run began and where the solver says it ended.
    start_cost, end_cost, best_cost : float
        nan where nothing finite is known.
    end_gradient : ndarray or None
        As the user's function returned it there.
    evaluations : int
        Of the cost.
    points : int
        How many different points the latest evaluations were at.
    still : bool
        The cost was equal to the last bit at all points of the run, and there were several.
    non_finite : tuple of Point
        The first evaluations that were not finite.
    direction : ndarray or None
        Of the last search, when its trials are known: the last trial less the end.
    trials : tuple of (float, float)
        Step, in units of `direction`, and cost.
    failed : bool
        The solver says so, or it raised.
    raised : str
        Type and message of the exception that ended the run; "" otherwise.
    first_raised : str
        The same of the first exception of the user's own function.
    """

    call: Call
    outcome: Outcome
    meaning: Meaning
    start: Vector
    end: Vector
    start_cost: float
    end_cost: float
    best_cost: float
    end_gradient: Vector | None
    evaluations: int
    points: int
    still: bool
    non_finite: tuple[Point, ...]
    direction: Vector | None
    trials: tuple[tuple[float, float], ...]
    failed: bool
    raised: str
    first_raised: str = ""

    @property
    def stayed(self) -> bool:
        """Whether the run ended where it began."""
        return bool(np.array_equal(self.start, self.end))


def read_story(call: Call, recording: Recording, returned: Any) -> Story:
    """Sum up a recorded run; nothing is evaluated.

    Parameters
    ----------
    call, recording
        What was called, and what was seen of it.
    returned : object
        What the solver returned, in the run itself or in one before it.
    """
    ended = outcome(call, returned)
    costs = [point for point in recording.last if point.kind in _COSTS]
    start = call.start
    if start is None or not start.size:
        start = recording.first.x if recording.first is not None else np.zeros(0)
    end = _end(ended, recording, start)
    direction, trials = _last_search(costs, end)
    values = [e.value for e in recording.events if e.kind in _COSTS]
    distinct = {point.x.tobytes() for point in costs}
    error = recording.exception
    return Story(
        call=call,
        outcome=ended,
        meaning=_meaning(call, ended, recording),
        start=start,
        end=end,
        start_cost=recording.first.value if recording.first is not None else math.nan,
        end_cost=_cost_at(costs, end, ended),
        best_cost=recording.best.value if recording.best is not None else math.nan,
        end_gradient=_gradient_at(costs, end),
        evaluations=recording.evaluations,
        points=len(distinct),
        still=len(distinct) > 1 and len(set(values)) == 1,
        non_finite=recording.non_finite,
        direction=direction,
        trials=trials,
        failed=ended.success is False or (error is not None and not recording.cut),
        raised="" if error is None or recording.cut else f"{type(error).__name__}: {error}",
        first_raised=next((e.raised for e in recording.events if e.raised), ""),
    )


def _meaning(call: Call, ended: Outcome, recording: Recording) -> Meaning:
    """Read the message that was returned, or raised."""
    error = recording.exception
    if error is not None and not recording.cut:
        return read_message(call.solver, call.method, None, str(error), False)
    return read_message(call.solver, call.method, ended.status, ended.message, ended.success)


def _end(ended: Outcome, recording: Recording, start: Vector) -> Vector:
    x = ended.x
    if x is not None and x.size == start.size and np.isfinite(x).all():
        return np.asarray(x, dtype=np.float64).reshape(-1)
    return recording.best.x if recording.best is not None else start


def _cost_at(costs: list[Point], end: Vector, ended: Outcome) -> float:
    at_end = [point.value for point in costs if np.array_equal(point.x, end)]
    return at_end[-1] if at_end else ended.fun


def _gradient_at(costs: list[Point], end: Vector) -> Vector | None:
    for point in reversed(costs):
        if point.gradient is not None and np.array_equal(point.x, end):
            return point.gradient if point.gradient.size == end.size else None
    return None


def _last_search(
    costs: list[Point], end: Vector
) -> tuple[Vector | None, tuple[tuple[float, float], ...]]:
    """Return the direction of the trials made after the end was first reached, and the trials."""
    seen = [i for i, point in enumerate(costs) if np.array_equal(point.x, end)]
    after = costs[seen[0] + 1 :] if seen else []
    trials = [point for point in after if not np.array_equal(point.x, end)]
    if not trials:
        return None, ()
    direction = trials[-1].x - end
    size = float(np.linalg.norm(direction))
    if not 0.0 < size < math.inf:
        return None, ()
    found: list[tuple[float, float]] = []
    for point in trials:
        offset = point.x - end
        step = float(offset @ direction) / size**2
        if np.linalg.norm(offset - step * direction) <= _STRAIGHT * np.linalg.norm(offset):
            found.append((step, point.value))
    return direction, tuple(found)


def read_history(recording: Recording, *, scalar: bool) -> History | None:
    """Return cost and norm of the gradient over the run, thinned for people to look at.

    A Jacobian, unless the function is `scalar`, has no norm that tells anything.
    """
    rows: list[tuple[float, float]] = []
    for event in recording.events:
        if event.kind in _COSTS:
            rows.append((event.value, event.gradient_norm if scalar else math.nan))
        elif event.kind == "jac" and rows and scalar:
            rows[-1] = (rows[-1][0], event.gradient_norm)
    if not rows:
        return None
    chosen = sorted({*range(0, len(rows), max(1, len(rows) // _SHOWN)), len(rows) - 1})
    return History(
        numbers=tuple(i + 1 for i in chosen),
        values=tuple(rows[i][0] for i in chosen),
        gradient_norms=tuple(rows[i][1] for i in chosen),
    )
