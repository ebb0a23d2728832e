"""Small and distinct sizes for a factory of problems."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

from gradaudit.errors import ArgumentError, TraceRefused
from gradaudit.evaluator import Evaluator
from gradaudit.problem import Problem, as_problem

_SIZES = (3, 4, 5, 2, 6, 7)
_MOST = 400


def smallest_problem(factory: Callable[..., Any]) -> tuple[Problem, dict[str, int]]:
    """Make a problem of small, distinct sizes; the factory's own sizes where these fail.

    Raises
    ------
    TraceRefused
        When no sizes give a problem that can be evaluated.
    """
    if not callable(factory):
        raise ArgumentError(f"factory is {factory!r}; give a function of the sizes")
    names, defaults = _size_parameters(factory)
    reason: Exception | None = None
    for sizes in _choices(names, defaults):
        try:
            problem = _as_problem(factory(**sizes))
            Evaluator(problem).sample(problem.start)
        except Exception as error:  # a factory may refuse sizes in any way
            reason = error
            continue
        if problem.size <= _MOST or sizes == defaults:
            return problem, {**defaults, **sizes}
    raise TraceRefused(
        f"the factory made no problem at small sizes of {', '.join(names) or 'nothing'}: "
        f"{type(reason).__name__}: {reason}"
    ) from reason


def _size_parameters(factory: Callable[..., Any]) -> tuple[list[str], dict[str, int]]:
    names: list[str] = []
    defaults: dict[str, int] = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        default = parameter.default
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if isinstance(default, int) and not isinstance(default, bool):
            names.append(name)
            defaults[name] = default
        elif default is parameter.empty:
            names.append(name)
    return names, defaults


def _choices(names: list[str], defaults: dict[str, int]) -> Iterator[dict[str, int]]:
    """Yield sizes: the factory's own when they are small and distinct, then others."""
    small = len(defaults) == len(names) and all(1 < v <= 8 for v in defaults.values())
    if small and len(set(defaults.values())) == len(defaults):
        yield dict(defaults)
    sized = [n for n in names if "seed" not in n]
    for order in itertools.islice(itertools.permutations(_SIZES, min(len(sized), 6)), 12):
        yield dict(zip(sized, order, strict=False))
    if len(defaults) == len(names):
        yield dict(defaults)


def _as_problem(made: Any) -> Problem:
    if isinstance(made, Problem):
        return made
    parts = cast("tuple[Any, ...]", made if isinstance(made, tuple) else (made,))
    if len(parts) not in (2, 3):
        raise ArgumentError("a factory returns (fun, x0), (fun, x0, args) or a Problem")
    return as_problem(parts[0], parts[1], args=parts[2] if len(parts) == 3 else ())
