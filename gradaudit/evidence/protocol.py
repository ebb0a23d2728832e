"""Does the user's function keep the manners that differences and optimizers rely on?"""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Vector
from gradaudit.evaluator import Evaluator, Sample

# Beyond this many rounding units of the value two calls do not merely differ in the order in
# which threads add up (DESIGN.md, Verdicts).
REPEATABLE: Final = 100 * float(np.finfo(np.float64).eps)
# Growth from call to call counts as steady when it repeats to this relative accuracy.
_STEADY: Final = 1e-6
# Arrays beyond this many bytes are summarised by a sample of their entries.
_WHOLE_BYTES: Final = 1 << 26

Fingerprint = dict[str, tuple[bool, int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Protocol:
    """What a few plain calls showed.

    Attributes
    ----------
    first : Sample
        The first evaluation at x0.
    moved_cost : float or None
        At a point nearby; None when the function cannot be evaluated there.
    zero_gradient : bool
        The gradient at x0 is exactly zero.
    gradient_digest : int
        Checksum of it.
    gradient_fixed : bool
        The gradient is the same there, and twice as far away, to the last bit.
    cost_spread, gradient_spread : float
        Difference between two calls at x0: absolute, and relative to the gradient's norm.
    drift : float
        Growth of the gradient from call to call relative to its norm, when it is steady; else 0.
    mutated : tuple of int
        Entries of the argument that the call changed (at most 1000 are listed).
    changed_data : tuple of str
        Arrays in args or in the closure that a call changed.
    changed_args : bool
        Whether one of them was passed as an argument.
    aliased : bool
        A returned gradient was overwritten by a later call.
    stale_cost, stale_gradient : bool
        The value at the point nearby is that of x0 unless the function gets a fresh array, or
        (apart) the gradient asked for alone is not that of its point.
    cost_after_gradient : float or None
        The cost, after the gradient's own function ran, when that differs from the cost before.
    random_state : tuple of str
        Global random generators that a call advanced.
    bend : float
        Second difference of the cost towards the point nearby, when the gradient was equal at
        both points.
    """

    first: Sample
    moved_cost: float | None
    zero_gradient: bool = False
    gradient_digest: int = 0
    gradient_fixed: bool = False
    cost_spread: float = 0.0
    gradient_spread: float = 0.0
    drift: float = 0.0
    mutated: tuple[int, ...] = ()
    changed_data: tuple[str, ...] = ()
    changed_args: bool = False
    aliased: bool = False
    stale_cost: bool = False
    stale_gradient: bool = False
    cost_after_gradient: float | None = None
    random_state: tuple[str, ...] = ()
    bend: float = 0.0

    def release(self) -> Protocol:
        """Return the same evidence without the large array."""
        return replace(self, first=replace(self.first, gradient=np.zeros(0)))

    @property
    def repeatable(self) -> bool:
        """Whether two calls at x0 agree up to the order of summation."""
        same_cost = self.cost_spread == 0.0 or (
            self.cost_spread <= REPEATABLE * abs(self.first.cost)
        )
        return same_cost and self.gradient_spread <= REPEATABLE


def observe_protocol(evaluator: Evaluator, theta: Vector, nearby: Vector) -> Protocol:
    """Call cost and gradient a few times at x0 and at one point nearby.

    Parameters
    ----------
    evaluator : Evaluator
    theta, nearby : ndarray of float64, shape (n,)
        The start, and a point that differs from it moderately in every entry.

    Raises
    ------
    EvaluationError, BadReturn
        When the function cannot be evaluated at x0.

    Notes
    -----
    Three calls of the cost and three of the gradient when all is well: x0; the point nearby, in
    the same array (so that a cache keyed on the object is noticed); and x0 in a fresh array.
    With a gradient of its own, the third asks for the gradient first (so that one which belongs
    to the last evaluation of the cost is noticed). Anything odd is asked again, at most five
    calls more.
    """
    problem = evaluator.problem
    before = _fingerprint(problem.fun, problem.args)
    states = _random_states()
    array = theta.copy()
    first = evaluator.sample(theta, argument=array, keep_raw=True)
    random_state = tuple(name for name, old in states.items() if _random_state(name) != old)
    mutated = _mutated(array, theta)
    own = _shares_memory(first.raw_gradient, array)
    moved = _Moved(evaluator, theta, nearby, first, array)
    aliased = moved.cost is not None and not own and _overwritten(first, evaluator)
    first = replace(first, raw_gradient=None)
    del array  # large, and no longer needed
    again = _Repetition(evaluator, theta, first)
    drift = again.drift()
    steady = again.cost_spread == 0.0 and again.gradient_spread == 0.0
    changed = _changed(before, _fingerprint(problem.fun, problem.args))
    return Protocol(
        first=first,
        moved_cost=moved.cost,
        zero_gradient=not first.gradient.any(),
        gradient_digest=digest(first.gradient),
        gradient_fixed=moved.gradient_fixed,
        cost_spread=again.cost_spread,
        gradient_spread=again.gradient_spread,
        drift=drift,
        mutated=mutated or again.mutated,
        changed_data=tuple(changed),
        changed_args=any(changed.values()),
        aliased=aliased,
        stale_cost=moved.stale_cost and steady,
        stale_gradient=(moved.stale_gradient and steady) or again.stale_gradient,
        cost_after_gradient=again.cost_after_gradient,
        random_state=random_state,
        bend=moved.bend,
    )


class _Moved:
    """A point nearby, evaluated in the array that had held x0."""

    def __init__(
        self, evaluator: Evaluator, theta: Vector, nearby: Vector, first: Sample, array: Vector
    ) -> None:
        self.first = first
        self.cost: float | None = None
        self.bend = 0.0
        self.gradient_fixed = self.stale_cost = self.stale_gradient = False
        sample = evaluator.try_sample(nearby, where="a point near x0", argument=array)
        if sample is None:
            return
        self.cost = sample.cost
        self.gradient_fixed = not differ(sample.gradient, first.gradient)
        if self.gradient_fixed or sample.cost == first.cost:
            array[:] = theta  # so that a reference that was kept no longer looks like the point
            self._ask_afresh(evaluator, nearby, sample.cost)
        if self.gradient_fixed and first.gradient.any():
            self._ask_further(evaluator, 2.0 * nearby - theta)

    def _ask_afresh(self, evaluator: Evaluator, point: Vector, cost: float) -> None:
        """Use another array: the first is alive, so nothing can mistake the one for the other."""
        fresh = evaluator.try_sample(point, where="a point near x0")
        if fresh is None:
            return
        self.stale_cost = cost == self.first.cost and fresh.cost != cost
        fixed = not differ(fresh.gradient, self.first.gradient)
        self.stale_gradient = self.gradient_fixed and not fixed
        self.cost, self.gradient_fixed = fresh.cost, fixed

    def _ask_further(self, evaluator: Evaluator, point: Vector) -> None:
        """Go twice as far, when the gradient did not move: does the cost bend, or is it linear?"""
        further = evaluator.try_sample(point, where="a point near x0")
        assert self.cost is not None  # asked only where the point nearby has a value
        self.gradient_fixed = further is not None and not differ(
            further.gradient, self.first.gradient
        )
        if further is not None:
            self.bend = further.cost - 2.0 * self.cost + self.first.cost


class _Repetition:
    """x0 asked for again, and what follows from the difference."""

    def __init__(self, evaluator: Evaluator, theta: Vector, first: Sample) -> None:
        self.evaluator = evaluator
        self.theta = theta
        self.first = first
        self.stale_gradient = False
        self.mutated: tuple[int, ...] = ()
        self.cost_after_gradient: float | None = None
        self.cost = first.cost
        self.gradient = first.gradient
        if evaluator.problem.mode != "apart":
            self._repeat_together()
        else:
            self._repeat_apart()
        self.cost_spread = difference(self.cost, first.cost)
        self.gradient_spread = relative_difference(self.gradient, first.gradient)

    def _repeat_together(self) -> None:
        sample = self.evaluator.try_sample(self.theta, where="x0, called again")
        if sample is None:
            self.cost = float("nan")
        else:
            self.cost, self.gradient = sample.cost, sample.gradient

    def _repeat_apart(self) -> None:
        """Ask for the gradient before the cost, so that the cost last seen is elsewhere."""
        evaluator, theta, first = self.evaluator, self.theta, self.first
        argument = theta.copy()
        alone = evaluator.gradient(theta, where="x0, after the cost elsewhere", argument=argument)
        self.mutated = _mutated(argument, theta)
        self.cost = evaluator.cost(theta)
        self.gradient = alone
        if relative_difference(alone, first.gradient) > REPEATABLE:
            again = evaluator.gradient(theta, where="x0, after the cost at x0")
            if relative_difference(again, first.gradient) <= REPEATABLE:
                self.stale_gradient, self.gradient = True, again
        if difference(self.cost, first.cost) > REPEATABLE * abs(first.cost):
            later = evaluator.cost(theta)
            if difference(later, first.cost) <= REPEATABLE * abs(first.cost):
                self.cost_after_gradient, self.cost = self.cost, later
            elif later == self.cost:  # for good
                self.cost_after_gradient, self.cost = later, first.cost

    def drift(self) -> float:
        """Return the growth of the gradient from call to call, when two calls agree on it."""
        if not self.gradient_spread > REPEATABLE:
            return 0.0
        calls: list[Vector] = []
        for _ in range(3):
            called = self.evaluator.try_gradient(self.theta, where="x0, called again")
            if called is None:
                return 0.0
            calls.append(called)
        if not differ(calls[0], calls[1]) and not differ(calls[1], calls[2]):
            # steady once the point stays the same: it lags behind, it does not grow
            self.stale_gradient = True
            return 0.0
        one, two = calls[1] - calls[0], calls[2] - calls[1]
        size = float(np.linalg.norm(one))
        if size == 0.0 or not float(np.linalg.norm(two - one)) <= _STEADY * size:
            return 0.0
        return size / (float(np.linalg.norm(self.first.gradient)) or 1.0)


def _mutated(array: Vector, theta: Vector) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(_differing(array, theta))[:1000])


def _shares_memory(raw: Any, array: Vector) -> bool:
    """Tell whether what was returned may be the argument itself, or a view of it."""
    return isinstance(raw, np.ndarray) and np.may_share_memory(cast("Any", raw), array)


def _differing(a: Vector, b: Vector) -> NDArray[np.bool_]:
    return ~((a == b) | (np.isnan(a) & np.isnan(b)))


def differ(a: Vector, b: Vector) -> bool:
    """Tell whether two vectors differ in any bit that counts (nan equals nan)."""
    return not np.array_equal(a, b) and bool(_differing(a, b).any())


def difference(a: float, b: float) -> float:
    """Return |a - b|, 0 for two nan."""
    return 0.0 if a == b or (a != a and b != b) else abs(a - b)


def relative_difference(new: Vector, old: Vector) -> float:
    """Return norm(new - old) / norm(old); 0 when they are equal to the last bit."""
    if not differ(new, old):
        return 0.0
    scale = float(np.linalg.norm(old))
    return float(np.linalg.norm(new - old)) / scale if scale else float("inf")


def _overwritten(first: Sample, evaluator: Evaluator) -> bool:
    """Tell whether the array returned first holds something else by now."""
    raw = first.raw_gradient
    if not isinstance(raw, np.ndarray) and not evaluator.problem.structure.is_container:
        return False
    return differ(evaluator.read_gradient(raw)[0], first.gradient)


def _random_states() -> dict[str, Any]:
    names = ["random"] + (["numpy.random"] if "numpy.random" in sys.modules else [])
    return {name: _random_state(name) for name in names}


def _random_state(name: str) -> Any:
    if name == "random":
        return random.getstate()
    state = cast("tuple[Any, ...]", np.random.get_state())
    return state[1].tobytes(), state[2:]


def digest(vector: Vector) -> int:
    """Return a checksum of the bytes: two gradients that are equal to the last bit share it."""
    return zlib.crc32(np.ascontiguousarray(vector).view(np.uint8).data)


def _fingerprint(fun: Callable[..., Any], args: tuple[Any, ...]) -> Fingerprint:
    """Summarise the arrays that a function is given or has captured."""
    names: Fingerprint = {}
    for number, value in enumerate(args):
        for path, array in _arrays(value, f"args[{number}]"):
            names[path] = (True, _checksum(array))
    for name, value in _captured(fun):
        for path, array in _arrays(value, name):
            names[path] = (False, _checksum(array))
    return names


def _captured(fun: Callable[..., Any]) -> Iterable[tuple[str, Any]]:
    """Yield what a function or method can reach without its arguments, by name."""
    if isinstance(fun, partial):
        yield from _captured(cast("Callable[..., Any]", fun.func))
        return
    if not isinstance(fun, FunctionType | MethodType):
        fun = cast("Any", getattr(fun, "__call__", None))  # noqa: B004 - the method itself
    if isinstance(fun, MethodType):
        owner = fun.__self__
        attributes = cast("dict[str, Any]", getattr(owner, "__dict__", {}))
        yield from ((f"self.{name}", value) for name, value in list(attributes.items())[:200])
        fun = fun.__func__
    if not isinstance(fun, FunctionType):
        return
    code = fun.__code__
    for name, cell in zip(code.co_freevars, fun.__closure__ or (), strict=True):
        with suppress(ValueError):  # not bound yet
            yield name, cell.cell_contents
    for name in code.co_names:
        if name in fun.__globals__:
            yield name, fun.__globals__[name]


def _arrays(value: Any, path: str) -> Iterable[tuple[str, NDArray[Any]]]:
    if isinstance(value, np.ndarray):
        yield path, cast("NDArray[Any]", value)
    elif isinstance(value, Mapping):
        for key, part in list(cast("Mapping[Any, Any]", value).items())[:50]:
            if isinstance(part, np.ndarray):
                yield f"{path}[{key!r}]", cast("NDArray[Any]", part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(cast("list[Any]", value)[:50]):
            if isinstance(part, np.ndarray):
                yield f"{path}[{number}]", cast("NDArray[Any]", part)


def _checksum(array: NDArray[Any]) -> int:
    if array.dtype.hasobject:
        return 0
    if array.nbytes > _WHOLE_BYTES:
        array = array.reshape(-1)[:: max(1, array.nbytes // _WHOLE_BYTES)]
    return zlib.adler32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)


def _changed(before: Fingerprint, after: Fingerprint) -> dict[str, bool]:
    """Return the names of the arrays whose content changed, and whether each was an argument."""
    return {
        name: is_argument
        for name, (is_argument, checksum) in after.items()
        if name in before and before[name][1] != checksum
    }
