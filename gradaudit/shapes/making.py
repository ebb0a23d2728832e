"""Make the problem that a factory has for given sizes; keep apart what goes wrong on the way."""

from __future__ import annotations

import dis
import hashlib
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import numpy as np

from gradaudit.errors import ArgumentError
from gradaudit.problem import Problem, as_problem, shown
from gradaudit.shapes.roles import Parameter, factory_name
from gradaudit.source.locations import is_user_code

_RAISES: Final = frozenset(
    dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap
)
# What tests say when a case is not for them; matched by name, so that nothing is imported.
_REFUSALS: Final = frozenset({"UnsatisfiedAssumption", "Skipped", "SkipTest"})


class ShapedProblem(Problem):
    """A problem that knows which sizes of which factory it was made for."""

    __slots__ = ("factory", "parameters", "sizes")

    factory: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    sizes: dict[str, Any]

    def __repr__(self) -> str:
        return call_in_words(factory_name(self.factory), self.sizes)


def call_in_words(name: str, sizes: Mapping[str, Any]) -> str:
    """Return ``make_problem(n=2, m=4)``."""
    return f"{name}({sizes_in_words(sizes)})"


def sizes_in_words(sizes: Mapping[str, Any]) -> str:
    """Return ``n=2, m=4``."""
    return ", ".join(f"{name}={value!r}" for name, value in sizes.items())


def all_sizes(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values together with those that are fixed, in the order of the parameters."""
    every: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in values:
            every[parameter.name] = values[parameter.name]
        elif parameter.given and isinstance(parameter.value, int | float | str):
            every[parameter.name] = parameter.value
    return every


def make_problem(
    factory: Callable[..., Any], parameters: Iterable[Parameter], values: Mapping[str, Any]
) -> ShapedProblem:
    """Make the problem of a factory for given values; see `call_factory` and `read_problem`."""
    fixed = tuple(parameters)
    return read_problem(call_factory(factory, fixed, values), factory, fixed, values)


def call_factory(
    factory: Callable[..., Any], parameters: Iterable[Parameter], values: Mapping[str, Any]
) -> Any:
    """Call a factory; what it raises passes through.

    Parameters
    ----------
    factory : callable
    parameters : iterable of Parameter
    values : mapping
        A value for each parameter that is not fixed.

    Notes
    -----
    The global random generators are seeded by the values for the time of the call, and put back
    afterwards: data that nobody seeded are the same whenever the sizes are.
    """
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.role == "fixed" and not parameter.given:
            continue
        value = parameter.value if parameter.role == "fixed" else values[parameter.name]
        if isinstance(value, np.random.Generator):
            value = np.random.default_rng(0)  # the same stream for every problem
        if parameter.positional:
            positional.append(value)
        else:
            keywords[parameter.name] = value
    states = random.getstate(), np.random.get_state()
    seed = seed_of(factory_name(factory), *values.items())
    try:
        random.seed(seed)
        np.random.seed(seed)
        return factory(*positional, **keywords)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def read_problem(
    made: Any,
    factory: Callable[..., Any],
    parameters: tuple[Parameter, ...],
    values: Mapping[str, Any],
) -> ShapedProblem:
    """Read what a factory returned.

    Raises
    ------
    ArgumentError
        When it is not ``(fun, x0)``, ``(fun, x0, args)`` or a `Problem` that can be checked.
    """
    problem = _as_problem(made, factory)
    shaped = ShapedProblem.__new__(ShapedProblem)
    for name in Problem.__slots__:
        setattr(shaped, name, getattr(problem, name))
    shaped.factory, shaped.parameters = factory, parameters
    shaped.sizes = all_sizes(parameters, values)
    return shaped


def seed_of(*parts: Any) -> int:
    """Return a seed below 2**32 that depends on nothing but what is given."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


def _as_problem(made: Any, factory: Callable[..., Any]) -> Problem:
    name = factory_name(factory)
    if isinstance(made, Problem):
        return made
    parts: tuple[Any, ...] = cast("Any", made) if isinstance(made, tuple) else ()
    if len(parts) not in (2, 3) or not callable(parts[0]):
        raise ArgumentError(
            f"{name} returns {shown(cast('object', made))}; let it return (fun, x0), "
            "(fun, x0, args) or a gradaudit.Problem"
        )
    try:
        return as_problem(parts[0], parts[1], args=parts[2] if len(parts) == 3 else ())
    except ArgumentError as error:
        raise ArgumentError(f"{name} returns something that cannot be checked: {error}") from None


def is_refusal(error: BaseException) -> bool:
    """Tell whether an exception says, in the words of a test, that a case is not for it."""
    return type(error).__name__ in _REFUSALS


def is_deliberate(error: BaseException) -> bool:
    """Tell whether the user's own ``raise`` statement raised an exception.

    Shapes that do not fit end in the same `ValueError` as a precondition that the user wrote
    down; but there numpy raises, in an expression.
    """
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    if isinstance(error, AssertionError) or not is_user_code(code.co_filename):
        return False
    return trace.tb_lasti >= 0 and code.co_code[trace.tb_lasti] in _RAISES
