"""Record what a solver evaluates, without disturbing the run: it stays the same to the last bit.

The user's functions get the very objects that the solver passes, and the solver the very objects
that they return. What is kept are copies, made before the function can change its argument.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.optimizers.call import Call, Constraint, first_part

Vector = NDArray[np.float64]
Role = Literal["fun", "both", "jac", "hess", "hessp", "constraint", "constraint jac"]

_FIRST_EVENTS: Final = 1_000
_LAST_EVENTS: Final = 10_000
# bytes for the latest points; their number stays within these limits
_MEMORY: Final = 64e6
_FEWEST_POINTS: Final = 3
_MOST_POINTS: Final = 200
_NON_FINITE_POINTS: Final = 3


class RunCut(Exception):
    """The run was ended on purpose, after the number of evaluations that was asked for."""


@dataclass(slots=True, kw_only=True, eq=False)
class Point:
    """One point that was evaluated, kept whole.

    Attributes
    ----------
    number : int
        Of the event, from 1.
    kind : str
        As of `Event`.
    x : ndarray of float64, shape (n,)
        A copy from before the call.
    value : float
        As of `Event`.
    gradient : ndarray of float64 or None
        A flat copy; of the Jacobian where there are several components.
    time : float
        The first argument, for `solve_ivp`.
    """

    number: int
    kind: str
    x: Vector
    value: float = math.nan
    gradient: Vector | None = None
    time: float = math.nan


@dataclass(slots=True, kw_only=True, eq=False)
class Event:
    """One call of one of the user's functions, in a few numbers.

    Attributes
    ----------
    number : int
        From 1, over all functions.
    kind : str
        "fun", "both" (cost and gradient together), "jac", "hess", "hessp", "constraint 1",
        "constraint 1 jac".
    value : float
        The cost; half the sum of squares of several components; nan when there is none.
    gradient_norm : float
        Euclidean; nan when there is no gradient.
    finite : bool
        Whether all of the result was finite.
    step : float
        Euclidean distance from the previous point at which the cost was asked for.
    size : float
        Euclidean norm of the point.
    raised : str
        Type and message of an exception; "" otherwise.
    """

    number: int
    kind: str
    value: float = math.nan
    gradient_norm: float = math.nan
    finite: bool = True
    step: float = math.nan
    size: float = math.nan
    raised: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Recording:
    """What one run evaluated.

    Attributes
    ----------
    events : list of Event
        In order; of a long run the first 1,000 and the last 10,000.
    dropped : int
        How many events between them were dropped.
    first : Point or None
        The first evaluation of the cost.
    last : tuple of Point
        The latest points in order, at most as many as memory allows. A gradient asked for on its
        own is put to the point it belongs to.
    best, worst : Point or None
        With the lowest and the highest finite cost.
    non_finite : tuple of Point
        The first evaluations that were not finite, of any function.
    returned : object
        What the solver returned, with the full output where that could be had.
    exception : BaseException or None
        That ended the run.
    cut : bool
        The run was ended after the number of evaluations that was asked for.
    seconds : float
        Of the run, the user's functions included.
    calls : dict
        How often each kind of function was called.
    """

    events: list[Event] = field(default_factory=list[Event])
    dropped: int = 0
    first: Point | None = None
    last: tuple[Point, ...] = ()
    best: Point | None = None
    worst: Point | None = None
    non_finite: tuple[Point, ...] = ()
    returned: Any = None
    exception: BaseException | None = None
    cut: bool = False
    seconds: float = 0.0
    calls: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def evaluations(self) -> int:
        """Calls of the cost."""
        return self.calls.get("fun", 0) + self.calls.get("both", 0)


class Recorder:
    """Runs a call once and keeps what was evaluated.

    Parameters
    ----------
    call : Call
    keep : int, optional
        How many of the latest points to keep whole; by default as many as fit into 64 MB, from 3
        to 200.
    most : int, optional
        End the run after so many evaluations of the cost.
    """

    def __init__(self, call: Call, *, keep: int | None = None, most: int | None = None) -> None:
        self.call = call
        self.recording = Recording()
        self._tape = _Tape(call, _points_kept(call) if keep is None else keep)
        self._most = most

    def run(self, **replacements: Any) -> Any:
        """Call the solver, with recording functions in place of the user's.

        Parameters
        ----------
        **replacements
            As of `Call.run`; they are recorded in place of the user's.

        Returns
        -------
        object
            What SciPy returns; None when the run was cut.

        Raises
        ------
        BaseException
            Whatever ended the run, unchanged; `recording` holds it too.
        """
        recording = self.recording
        began = time.perf_counter()
        try:
            recording.returned = self.call.run(**self._watched(replacements), full=True)
        except RunCut as cut:
            recording.exception, recording.cut = cut, True
            return None
        except BaseException as error:
            recording.exception = error
            raise
        finally:
            recording.seconds = time.perf_counter() - began
            self._tape.finish(recording)
        return self.call.as_asked(recording.returned)

    def _watched(self, replacements: dict[str, Any]) -> dict[str, Any]:
        call, given = self.call, dict(replacements)
        fun = given.get("fun") or call.fun
        jac = call.jac if given.get("jac") is None else given["jac"]
        # when differences are asked for in place of the gradient of a pair
        halved = jac is False and call.jac is True and "fun" not in given
        recorded = self._recorded(fun, "both" if jac is True or halved else "fun")
        given["fun"] = first_part(recorded) if halved else recorded
        if callable(jac) and (given.get("jac") is not None or callable(self._given(call, "jac"))):
            given["jac"] = self._recorded(jac, "jac")
        for name in ("hess", "hessp"):
            function = given.get(name) or getattr(call, name)
            if function is not None:
                given[name] = self._recorded(function, cast("Role", name))
        constraints = given.get("constraints")
        constraints = call.constraints if constraints is None else constraints
        if constraints:
            given["constraints"] = [self._recorded_constraint(each) for each in constraints]
        return given

    @staticmethod
    def _given(call: Call, name: str) -> Any:
        return call.given.get(getattr(call.signature, name))

    def _recorded(self, function: Callable[..., Any], role: Role, number: int = 0) -> _Recorded:
        return _Recorded(function, self._tape, role, number, self._most)

    def _recorded_constraint(self, constraint: Constraint) -> Constraint:
        if constraint.kind == "linear":
            return constraint
        jac = constraint.jac
        number = constraint.number
        return replace(
            constraint,
            fun=self._recorded(constraint.fun, "constraint", number),
            jac=None if jac is None else self._recorded(jac, "constraint jac", number),
        )


def _points_kept(call: Call) -> int:
    return int(min(_MOST_POINTS, max(_FEWEST_POINTS, _MEMORY / (16.0 * max(call.size, 1)))))


class _Recorded:
    """A function of the user's that is recorded; in all other respects it is the function.

    Copies for other processes (`workers`) are the function itself.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        tape: _Tape,
        role: Role,
        number: int,
        most: int | None,
    ) -> None:
        self.__wrapped__ = function
        self._tape = tape
        self._role: Role = role
        self._kind = _kind_of(role, number)
        self._most = most if role in ("fun", "both") else None
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            with contextlib.suppress(Exception):  # a partial has none of them
                setattr(self, name, getattr(function, name))

    def __getattr__(self, name: str) -> Any:
        # only for what is not found here
        if name == "__wrapped__":
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self.__wrapped__,)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        tape = self._tape
        tape.calls[self._kind] = count = tape.calls.get(self._kind, 0) + 1
        if self._most is not None and count > self._most:
            raise RunCut(f"ended after {self._most:,} evaluations")
        point = tape.begin(self._kind, arguments)
        try:
            result = self.__wrapped__(*arguments, **keywords)
        except BaseException as error:
            tape.end_raised(point, self._kind, error)
            raise
        tape.end(point, self._kind, self._role, result)
        return result


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _kind_of(role: Role, number: int) -> str:
    return role.replace("constraint", f"constraint {number}") if number else role


class _Tape:
    """What is kept while the run goes on. Nothing here raises, whatever is returned."""

    def __init__(self, call: Call, keep: int) -> None:
        self.call = call
        self.calls: dict[str, int] = {}
        self._head: list[Event] = []
        self._tail: deque[Event] = deque(maxlen=_LAST_EVENTS)
        self._count = 0
        self._first: Point | None = None
        self._best: Point | None = None
        self._worst: Point | None = None
        self._non_finite: list[Point] = []
        self._points: deque[Point] = deque(maxlen=max(keep, 1))
        self._previous: Vector | None = None

    def begin(self, kind: str, arguments: tuple[Any, ...]) -> Point | None:
        """Copy the point before the function can change it."""
        self._count += 1
        number = self._count
        try:
            instant = math.nan
            if self.call.kind == "ode":
                instant, x = float(arguments[0]), _copied(arguments[1])
            elif self.call.kind == "curve":
                x = _copied(arguments[1:])
            else:
                x = _copied(arguments[0])
            return Point(number=number, kind=kind, x=x, time=instant)
        except Exception:
            return None

    def end_raised(self, point: Point | None, kind: str, error: BaseException) -> None:
        """Note that the function raised."""
        with contextlib.suppress(Exception):
            text = f"{type(error).__name__}: {error}"[:500]
            event = self._event(point, kind)
            event.raised, event.finite = text, False
            self._keep(event, point)

    def end(self, point: Point | None, kind: str, role: Role, result: Any) -> None:
        """Note what the function returned."""
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            event = self._event(point, kind)
            value, gradient = _parts(role, result)
            if role in ("fun", "both", "constraint"):
                event.value = self._cost(value, role)
                event.finite = math.isfinite(event.value) or _all_finite(value)
            if gradient is not None:
                event.gradient_norm, finite = _norm(gradient)
                event.finite &= finite
            elif role in ("hess", "hessp"):
                event.finite = _all_finite(value)
            if point is not None:
                point.value = event.value
                point.gradient = gradient
            self._keep(event, point)

    def finish(self, recording: Recording) -> None:
        """Hand over everything."""
        recording.events = [*self._head, *self._tail]
        recording.dropped = self._count - len(recording.events)
        recording.first, recording.best, recording.worst = self._first, self._best, self._worst
        recording.last = tuple(self._points)
        recording.non_finite = tuple(self._non_finite)
        recording.calls = dict(self.calls)

    def _event(self, point: Point | None, kind: str) -> Event:
        event = Event(number=self._count if point is None else point.number, kind=kind)
        if point is None:
            return event
        with np.errstate(all="ignore"):
            event.size = math.sqrt(point.x.dot(point.x))
            previous = self._previous
            if kind in ("fun", "both"):
                if previous is not None and previous.size == point.x.size:
                    step = point.x - previous
                    event.step = math.sqrt(step.dot(step))
                self._previous = point.x
        return event

    def _keep(self, event: Event, point: Point | None) -> None:
        if len(self._head) < _FIRST_EVENTS:
            self._head.append(event)
        else:
            self._tail.append(event)
        if point is None:
            return
        if not event.finite and len(self._non_finite) < _NON_FINITE_POINTS:
            self._non_finite.append(point)
        if event.kind == "jac":
            self._keep_gradient(point)
        elif event.kind in ("fun", "both"):
            self._points.append(point)
            self._rank(point)

    def _keep_gradient(self, point: Point) -> None:
        """Put a gradient to the point it belongs to, one of the latest as a rule."""
        for known in islice(reversed(self._points), 3):
            if known.x.size == point.x.size and np.array_equal(known.x, point.x):
                known.gradient = point.gradient
                return
        self._points.append(point)

    def _rank(self, point: Point) -> None:
        if self._first is None:
            self._first = point
        if not math.isfinite(point.value):
            return
        if self._best is None or point.value < self._best.value:
            self._best = point
        if self._worst is None or point.value > self._worst.value:
            self._worst = point

    def _cost(self, value: Any, role: Role) -> float:
        if type(value) is float:
            return value
        if self.call.kind == "curve" and role == "fun":
            return _squares(_numbers(value) - _numbers(self.call.given["ydata"]))
        numbers = _numbers(value)
        if self.call.kind == "minimize" and role != "constraint":
            return float(numbers[0]) if numbers.size == 1 else math.nan
        return _squares(numbers)


def _parts(role: Role, result: Any) -> tuple[Any, Vector | None]:
    """Return the value, and a copy of the gradient when there is one."""
    if role == "both":
        return result[0], _copied(result[1])
    if role in ("jac", "constraint jac"):
        return None, _copied(result)
    return result, None


def _copied(value: Any) -> Vector:
    """Return a flat copy in float64, the real part of complex numbers."""
    return np.array(_numbers(value), dtype=np.float64)


def _numbers(value: Any) -> NDArray[Any]:
    """Return the numbers of a result, flat: an array, or the entries that a sparse one stores."""
    stored = getattr(value, "data", None) if hasattr(value, "tocsr") else None
    array: Any = np.asarray(value if stored is None else stored)
    if array.dtype.kind == "O":
        array = array.astype(np.float64)
    return (array.real if array.dtype.kind == "c" else array).reshape(-1)


def _all_finite(value: Any) -> bool:
    try:
        return bool(np.isfinite(_numbers(value)).all())
    except (TypeError, ValueError):  # an operator, for one
        return True


def _norm(vector: Vector) -> tuple[float, bool]:
    """Return the Euclidean norm, and whether all entries are finite."""
    squares = float(vector.dot(vector))
    if math.isfinite(squares):
        return math.sqrt(squares), True
    largest = float(np.max(np.abs(vector)))
    if not math.isfinite(largest):
        return math.nan if math.isnan(largest) else math.inf, False
    scaled = vector / largest
    return largest * math.sqrt(scaled.dot(scaled)), True


def _squares(values: NDArray[Any]) -> float:
    flat = values.astype(np.float64)
    return 0.5 * float(flat.dot(flat))
