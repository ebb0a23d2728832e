"""The only place that calls the user's functions: copies in, copies out, counts, times, limits."""

from __future__ import annotations

import inspect
import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Vector
from gradaudit.errors import ArgumentError, BudgetExhausted, EvaluationError, GradauditError
from gradaudit.problem import Problem

Observer = Callable[[int, Vector], None]


class BadReturn(GradauditError, TypeError):
    """The user's function returned something that is not a cost or not a gradient."""

    __module__ = "gradaudit"

    def __init__(self, message: str, *, slug: Literal["wrong-shape", "jac-flag"] = "wrong-shape"):
        super().__init__(message)
        self.slug: Literal["wrong-shape", "jac-flag"] = slug

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_bad_return, (str(self), self.slug)


def _rebuild_bad_return(message: str, slug: Literal["wrong-shape", "jac-flag"]) -> BadReturn:
    return BadReturn(message, slug=slug)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """What one point gave.

    Attributes
    ----------
    cost : float
        As a Python float; `cost_type` names what it came as.
    gradient : ndarray of float64, shape (n,)
        A copy; `gradient_dtype` as returned.
    misshapen : str
        What has another shape than the parameters, in words; "" when nothing has.
    raw_gradient : object
        What the user's function returned, untouched, where that was asked for; else None.
    """

    cost: float
    gradient: Vector
    cost_type: str
    misshapen: str
    gradient_dtype: str
    raw_gradient: Any = None


@dataclass(slots=True)
class Progress:
    """How far an audit has come, for those who wait for it."""

    done: int = 0
    planned: int | None = None
    seconds: float = 0.0
    phase: str = ""

    @property
    def remaining(self) -> float | None:
        """Forecast of the seconds to come; None when nothing can be said yet."""
        if self.planned is None or self.done == 0:
            return None
        return max(self.planned - self.done, 0) * self.seconds / self.done


Listener = Callable[[Progress], None]


class Evaluator:
    """Calls cost and gradient of one problem, and keeps the books.

    Parameters
    ----------
    problem : Problem
    budget : int or None
        Most calls of the user's functions, all kinds together.
    seconds : float or None
        No call is begun after this time.
    listener : callable or None
        Told after each call how far things are.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        budget: int | None = None,
        seconds: float | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.problem: Final = problem
        self.cost_calls = 0
        self.gradient_calls = 0
        self.calls = 0
        self.user_seconds = 0.0
        self.first_exception: BaseException | None = None
        self.progress = Progress()
        self._budget = budget
        self._deadline = None if seconds is None else time.perf_counter() + seconds
        self._began = time.perf_counter()
        self._listener = listener
        structure = problem.structure
        # the usual start, a flat array of float64, is handed out without any wrapping
        self._plain = (
            not structure.is_container
            and not structure.is_scalar
            and structure.leaves[0].shape == (problem.size,)
            and structure.dtypes[0] == np.float64
        )

    @property
    def together(self) -> bool:
        """Whether one call yields cost and gradient."""
        return self.problem.mode == "together"

    def sample(
        self,
        theta: Vector,
        *,
        where: str = "x0",
        argument: Vector | None = None,
        keep_raw: bool = False,
    ) -> Sample:
        """Evaluate cost and gradient at a point where both are indispensable.

        A problem without a gradient gives zeros for it.

        Parameters
        ----------
        theta : ndarray of float64, shape (n,)
        where : str
            Names the point in messages.
        argument : ndarray, optional
            Hand out this very array, filled with theta, instead of a fresh copy.
        keep_raw : bool
            Keep what was returned, to see later whether its memory is used again.

        Raises
        ------
        EvaluationError
            When the user's function raises; its exception is the cause.
        BadReturn
            When what it returns is not a cost and a gradient.
        """
        if argument is None:
            argument = theta.copy()
        else:
            argument[:] = theta
        try:
            value, raw = self._both(argument)
        except GradauditError:
            raise
        except Exception as error:
            raise self._chained(error, where) from error
        cost, cost_type = read_cost(value)
        gradient, dtype = self.read_gradient(raw)
        return Sample(
            cost=cost,
            gradient=gradient,
            cost_type=cost_type,
            misshapen=self.problem.structure.misshapen(raw),
            gradient_dtype=dtype,
            raw_gradient=raw if keep_raw else None,
        )

    def try_sample(
        self, theta: Vector, *, where: str, argument: Vector | None = None
    ) -> Sample | None:
        """Evaluate cost and gradient; None when the function raises or returns nonsense."""
        try:
            return self.sample(theta, where=where, argument=argument)
        except BudgetExhausted:
            raise
        except (EvaluationError, BadReturn):
            return None

    def cost(self, theta: Vector) -> float:
        """Evaluate the cost alone; nan when the function raises (the first exception is kept)."""
        return self._cost_and_observe(theta.copy(), 0, None)

    def require_cost(self, theta: Vector, *, where: str = "x0") -> float:
        """Evaluate the cost where it is indispensable.

        Raises
        ------
        EvaluationError, BadReturn
            As `sample`.
        """
        try:
            value = self._call(self.problem.fun, theta.copy())
        except GradauditError:
            raise
        except Exception as error:
            raise self._chained(error, where) from error
        pair = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
        return read_cost(pair[0] if len(pair) == 2 else value)[0]

    def gradient(
        self, theta: Vector, *, where: str = "x0", argument: Vector | None = None
    ) -> Vector:
        """Evaluate the gradient alone, where it has a function of its own.

        Parameters
        ----------
        theta, where, argument
            As for `sample`.

        Raises
        ------
        EvaluationError, BadReturn
            As `sample`.
        """
        if self.together:
            return self.sample(theta, where=where, argument=argument).gradient
        try:
            raw = self._call(
                self.problem.jac, theta.copy() if argument is None else argument, cost=False
            )
        except GradauditError:
            raise
        except Exception as error:
            raise self._chained(error, where) from error
        return self.read_gradient(raw)[0]

    def try_gradient(self, theta: Vector, *, where: str) -> Vector | None:
        """Evaluate the gradient; None when the function raises or returns nonsense."""
        try:
            return self.gradient(theta, where=where)
        except BudgetExhausted:
            raise
        except (EvaluationError, BadReturn):
            return None

    def costs(self, points: Iterable[Vector], observe: Observer | None = None) -> Vector:
        """Evaluate a batch of costs: the one door through which the numerics come.

        Parameters
        ----------
        points : iterable of ndarray of float64, shape (n,)
            Fresh arrays: they are handed to the user's function as they are, and dropped.
        observe : callable, optional
            Called with the number within the batch and the gradient, when it comes for free.

        Returns
        -------
        ndarray of float64
            With nan where the function raised.
        """
        return np.array(
            [self._cost_and_observe(point, i, observe) for i, point in enumerate(points)],
            dtype=np.float64,
        )

    def complex_cost(self, theta: NDArray[np.complex128]) -> complex:
        """Evaluate the cost at a complex point; nan when that is not possible."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about imaginary parts that are dropped
                value = self._call(self.problem.fun, theta, complex_argument=True)
            number = np.asarray(value[0] if self.together else value).reshape(-1)
            return complex(number[0]) if number.size == 1 else complex(math.nan, math.nan)
        except BudgetExhausted:
            raise
        except Exception:  # most functions were not written for complex numbers
            return complex(math.nan, math.nan)

    def observe_once(self, theta: Vector) -> None:
        """Run the cost once on exactly this array, for those who watch the run itself."""
        self._call(self.problem.fun, theta)

    def allow(self, more: int) -> None:
        """Raise the budget, where there is one."""
        if self._budget is not None:
            self._budget += more

    def reserve(self, planned: int | None, phase: str) -> None:
        """Tell those who wait how many calls are planned in all, and what is going on."""
        self.progress.planned = planned
        self.progress.phase = phase
        self._tell()

    def _cost_and_observe(self, point: Vector, number: int, observe: Observer | None) -> float:
        try:
            value = self._call(self.problem.fun, point)
            if not self.together:
                return read_cost(value)[0]
            cost, raw = _pair(value)
            if observe is not None:
                observe(number, self.read_gradient(raw)[0])
            return read_cost(cost)[0]
        except BudgetExhausted:
            raise
        except Exception as error:  # whatever the user's function raises away from x0
            if self.first_exception is None:
                self.first_exception = error
            return math.nan

    def _both(self, argument: Vector) -> tuple[Any, Any]:
        value = self._call(self.problem.fun, argument)
        if self.together:
            return _pair(value)
        if isinstance(value, tuple) or (_lists_several(value) and self.problem.mode == "none"):
            raise BadReturn(
                f"fun returns {_describe(value)} although jac "
                + ("is not True" if self.problem.mode == "none" else "is a function of its own"),
                slug="jac-flag",
            )
        read_cost(value)
        if self.problem.mode == "none":
            return value, self.problem.structure.rebuild(np.zeros(self.problem.size))
        return value, self._call(self.problem.jac, argument.copy(), cost=False)

    def _call(
        self,
        function: Callable[..., Any],
        flat: NDArray[Any],
        *,
        cost: bool = True,
        complex_argument: bool = False,
    ) -> Any:
        self._spend()
        if cost:
            self.cost_calls += 1
        if not cost or self.together:
            self.gradient_calls += 1
        argument = flat if self._plain else self._wrapped(flat, complex_argument)
        began = time.perf_counter()
        try:
            # numpy's warnings about single points are ours to judge; this also undoes np.seterr
            with np.errstate(all="ignore"):
                return function(argument, *self.problem.args)
        finally:
            self.user_seconds += time.perf_counter() - began
            if self._listener is not None:
                self._tell()

    def _wrapped(self, flat: NDArray[Any], complex_argument: bool) -> Any:
        if complex_argument:
            structure = self.problem.structure
            if structure.is_container:
                raise ArgumentError("complex steps are for arrays")
            return flat[0] if structure.is_scalar else flat.reshape(structure.leaves[0].shape)
        return self.problem.structure.rebuild(flat)

    def _spend(self) -> None:
        if self._budget is not None and self.calls >= self._budget:
            raise BudgetExhausted(f"the budget of {self._budget:,} evaluations is used up")
        if self.calls:
            self.require_time()
        self.calls += 1

    def require_time(self) -> None:
        """Raise when the time is used up: for work between two calls of the user's function.

        Raises
        ------
        BudgetExhausted
        """
        if self._deadline is not None and time.perf_counter() > self._deadline:
            raise BudgetExhausted("the time is used up")

    def _tell(self) -> None:
        if self._listener is not None:
            self.progress.done = self.calls
            self.progress.seconds = time.perf_counter() - self._began
            self._listener(self.progress)

    def _chained(self, error: Exception, where: str) -> EvaluationError:
        fun = self.problem.fun
        name = fun.__name__ if isinstance(fun, FunctionType) else type(fun).__name__
        return EvaluationError(
            f"{name} raised {type(error).__name__} at {where}: {error}", where=where
        )

    def read_gradient(self, raw: Any) -> tuple[Vector, str]:
        """Read a returned gradient: a flat copy, and its dtype as returned.

        Raises
        ------
        BadReturn
            When it does not have an entry for each parameter, or entries that are not real.
        """
        structure = self.problem.structure
        if raw is None:
            raise BadReturn("the gradient is None")
        try:
            flat = structure.flatten(raw)
        except ArgumentError as error:
            raise BadReturn(str(error)) from None
        except ValueError:
            raise BadReturn(f"the gradient is {_describe(raw)}, with ragged parts") from None
        if flat.dtype.kind not in "biuf":
            raise BadReturn(f"the gradient is {_describe(raw)}; its entries must be real numbers")
        if flat.size != self.problem.size:
            raise BadReturn(
                f"the gradient has {flat.size:,} {_entries(flat.size)} ({_describe(raw)}), "
                f"the parameters {self.problem.size:,}"
            )
        return flat.astype(np.float64, copy=False), str(flat.dtype)


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"


def _lists_several(value: Any) -> bool:
    return isinstance(value, list) and len(cast("list[Any]", value)) > 1


def _pair(value: Any) -> tuple[Any, Any]:
    if isinstance(value, tuple | list) and len(cast("list[Any]", value)) == 2:
        cost, gradient = cast("tuple[Any, Any]", value)
        return cost, gradient
    slug: Literal["wrong-shape", "jac-flag"] = (
        "wrong-shape" if isinstance(value, tuple | list) or value is None else "jac-flag"
    )
    raise BadReturn(
        f"fun returns {_describe(value)} although jac=True asks for (cost, gradient)", slug=slug
    )


def read_cost(value: Any) -> tuple[float, str]:
    """Read a returned cost as a float, and name its type.

    Raises
    ------
    BadReturn
        When it is not a single real number (an array with one entry counts as one, as in SciPy).
    """
    if type(value) is float:
        return value, "float64"
    if value is None:
        raise BadReturn("the cost is None; does the function end without a return?")
    array = np.asarray(value)
    if array.size != 1:
        raise BadReturn(f"the cost is {_describe(value)}; a cost must be a single number")
    if array.dtype.kind == "c":
        raise BadReturn(f"the cost is {_describe(value)}; a cost must be real")
    if array.dtype.kind not in "biuf":
        raise BadReturn(f"the cost is {_describe(value)}; a cost must be a number")
    if np.ma.is_masked(value):
        raise BadReturn("the cost is masked; it has no value")
    return float(array.reshape(-1)[0]), str(array.dtype)


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return f"{type(array).__name__} of shape {array.shape} and dtype {array.dtype}"
    if inspect.iscoroutine(value) or inspect.isasyncgen(value):
        if inspect.iscoroutine(value):
            value.close()
        return "a coroutine (is it an async function?)"
    if inspect.isgenerator(value):
        return "a generator (does it yield instead of return?)"
    if isinstance(value, tuple | list):
        parts = cast("list[Any]", value)
        return f"a {type(parts).__name__} of {len(parts)}"
    if isinstance(value, int | float | complex | np.generic):
        number = cast("Any", value)
        return f"{number!s} ({type(number).__name__})"
    return f"an object of type {type(value).__name__}"
