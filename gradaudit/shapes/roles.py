"""What the parameters of a factory stand for: sizes to vary, numbers and seeds to leave alone."""

from __future__ import annotations

import enum
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, SupportsIndex, TypeGuard, cast

from gradaudit.errors import ArgumentError

Role = Literal["size", "choice", "strategy", "fixed"]

# Dimensions of 1 hide faults: they are tried on purpose, and later.
SMALLEST: Final = 2
# Sizes that nobody bounds are drawn up to this; with more of them, far enough to be distinct.
LARGEST: Final = 6
_ROOM: Final = 3

_SEED: Final = re.compile(r"seed|random_state|^rng$|generator|^rs$", re.IGNORECASE)
_NOT_SIZE: Final = re.compile(r"iter|epoch|verbos|version|flag|dtype|axis|device", re.IGNORECASE)
_NUMBER: Final = re.compile(
    r"^(lam(bda)?|alpha|beta|gamma|eta|mu|rho|sigma|tau|eps(ilon)?|l1|l2|c|reg|lr|delta)_?$"
    r"|penalt|regular|decay|strength|scale|rate|noise|weight_|toler|^tol$|temperature|ratio",
    re.IGNORECASE,
)
_SIZE: Final = re.compile(
    r"^[a-zA-Z]$|^[a-zA-Z]_?(in|out|x|y|h|z|\d+)$|^(n|num|nb|nr|len|d|dim)_|_(n|d|dim|dims|size|len)$"
    r"|size|dim|visible|hidden|input|output|feature|unit|class|sample|example|row|col|width|height"
    r"|depth|length|step|batch|layer|node|state|topic|rank|order|degree|component|neuron|channel"
    r"|token|vocab|head|time|latent|observation|point|count|number|group|cluster|knot|item|user"
    r"|embed|filter|kernel|patient|species|site|asset|word",
    re.IGNORECASE,
)
_BATCH: Final = re.compile(
    r"^[mMBN]$|batch|sample|example|observation|training_size|rows?$|^n_?(obs|data|points?)$|points",
)
# What a number is when nobody says: of the size of penalties that matter.
_USUAL_NUMBER: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter:
    """One parameter of a factory.

    Attributes
    ----------
    name : str
    role : {"size", "choice", "strategy", "fixed"}
        What is done with it: sizes are varied, choices gone through, strategies drawn from.
    low, high : int
        Range of a size, both ends included.
    bounded : bool
        Somebody gave the range; nothing outside is tried.
    example : int or None
        The default of a size.
    values : tuple
        What a choice is between.
    value : object
        What a fixed parameter is, or the strategy.
    given : bool
        The value of a fixed parameter has to be passed on; False leaves the factory's default.
    positional : bool
        Can only be passed by position.
    """

    name: str
    role: Role
    low: int = SMALLEST
    high: int = LARGEST
    bounded: bool = False
    example: int | None = None
    values: tuple[Any, ...] = ()
    value: Any = None
    given: bool = True
    positional: bool = False


def is_batch(name: str) -> bool:
    """Tell whether a size of this name counts examples."""
    return _BATCH.search(name) is not None


def may_be_size(name: str) -> bool:
    """Tell whether an integer of this name is a size, and neither a seed nor a count of rounds."""
    return not _SEED.search(name) and not _NOT_SIZE.search(name)


def is_strategy(value: Any) -> bool:
    """Tell whether something is a hypothesis strategy, without importing hypothesis."""
    return any(kind.__name__ == "SearchStrategy" for kind in type(value).__mro__)


def factory_name(factory: Any) -> str:
    """Return how a factory is called in a sentence."""
    inner = getattr(factory, "func", factory)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def read_parameters(factory: Callable[..., Any], given: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Read what the parameters of a factory stand for.

    Parameters
    ----------
    factory : callable
        Nothing of it is run; names, annotations and defaults are read.
    given : mapping
        By the name of the parameter: an int (fixed), a pair ``(low, high)``, a hypothesis
        strategy, or any other value, passed on as it is.

    Raises
    ------
    ArgumentError
        When a parameter's role cannot be guessed (the note says which annotation to add), when
        `given` names no parameter, or when there is no size at all.
    """
    if not callable(factory) or inspect.isclass(factory):
        kind = "a class" if inspect.isclass(factory) else f"of type {type(factory).__name__}"
        raise ArgumentError(
            f"factory is {kind}; give a function that takes sizes and returns (fun, x0)"
        )
    signature = _signature(factory)
    named = [
        p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    _require_known(factory, [p.name for p in named], given, signature)
    hints = _hints(factory)
    found = [
        _given(p, given[p.name]) if p.name in given else _guessed(factory, p, hints.get(p.name))
        for p in named
    ]
    further = [name for name in given if name not in signature.parameters]  # **kwargs takes them
    found += [
        _given(inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY), given[n]) for n in further
    ]
    _require_sizes(factory, found)
    return _with_room(found)


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(factory)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{factory_name(factory)} does not tell its parameters; wrap it in a function that "
            "names the sizes"
        ) from None


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations, resolved where that is possible."""
    function: Any = getattr(factory, "func", factory)  # functools.partial
    if not hasattr(function, "__annotations__"):
        function = type(factory).__call__  # an object that is called
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # names that are imported for type checkers only
        raw = dict(getattr(function, "__annotations__", {}))
        plain: dict[str, Any] = {"int": int, "float": float, "bool": bool}
        return {name: plain.get(hint, hint) for name, hint in raw.items()}


def _require_known(
    factory: Callable[..., Any],
    names: list[str],
    given: Mapping[str, Any],
    signature: inspect.Signature,
) -> None:
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return
    for name in given:
        if name not in names:
            raise ArgumentError(
                f"{factory_name(factory)} has no parameter {name!r}; its parameters are "
                f"{', '.join(names) or 'none'}"
            )


def _require_sizes(factory: Callable[..., Any], found: Iterable[Parameter]) -> None:
    if any(p.role in ("size", "strategy", "choice") for p in found):
        return
    if any(isinstance(p.value, int) and p.given and may_be_size(p.name) for p in found):
        return  # all of them fixed by the caller: a single shape
    raise ArgumentError(
        f"{factory_name(factory)} has no parameter that is a size; give a function such as "
        "make_problem(n: int, m: int) that returns (fun, x0)"
    )


def _given(parameter: inspect.Parameter, value: Any) -> Parameter:
    positional = parameter.kind is parameter.POSITIONAL_ONLY
    name = parameter.name
    if is_strategy(value):
        return Parameter(name=name, role="strategy", value=value, positional=positional)
    bounds = _as_range(value)
    if bounds is None:
        return Parameter(name=name, role="fixed", value=value, positional=positional)
    low, high = bounds
    if low > high:
        raise ArgumentError(f"{name} is ({low}, {high}): low is above high")
    example = _example(parameter)
    return Parameter(
        name=name,
        role="size",
        low=low,
        high=high,
        bounded=True,
        example=example if example is not None and low <= example <= high else None,
        positional=positional,
    )


def _as_range(value: Any) -> tuple[int, int] | None:
    """Return the range that a pair or a `range` stands for."""
    if isinstance(value, range) and len(value) and value.step == 1:
        return value.start, value.stop - 1
    if not isinstance(value, tuple) or len(cast("tuple[Any, ...]", value)) != 2:
        return None
    low, high = cast("tuple[Any, Any]", value)
    if _is_int(low) and _is_int(high):
        return int(low), int(high)
    return None


def _is_int(value: Any) -> TypeGuard[SupportsIndex]:
    return not isinstance(value, bool) and hasattr(cast("object", type(value)), "__index__")


def _example(parameter: inspect.Parameter) -> int | None:
    return int(parameter.default) if _is_int(parameter.default) else None


def _guessed(factory: Callable[..., Any], parameter: inspect.Parameter, hint: Any) -> Parameter:
    """Guess what a parameter is: from its annotation, else its default, else its name."""
    name, default = parameter.name, parameter.default
    positional = parameter.kind is parameter.POSITIONAL_ONLY
    metadata: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        metadata = tuple(rest)
    has_default = default is not parameter.empty

    def fixed(value: Any = None, *, given: bool = True) -> Parameter:
        return Parameter(name=name, role="fixed", value=value, given=given, positional=positional)

    for note in metadata:
        if is_strategy(note):
            return Parameter(name=name, role="strategy", value=note, positional=positional)
    if _SEED.search(name):
        return fixed(given=False) if has_default else fixed(_seed(hint, name))
    if _counts(name, hint, parameter):
        return _size(parameter, metadata)
    if has_default:
        return fixed(given=False)
    choices = _choices(hint)
    if choices:
        return Parameter(name=name, role="choice", values=choices, positional=positional)
    if hint is float or (hint is None and _NUMBER.search(name)):
        return fixed(_USUAL_NUMBER)
    problem = ArgumentError(
        f"cannot guess what {name!r} of {factory_name(factory)} is"
        + ("" if hint is None else f" (annotated {_shown(hint)})")
    )
    problem.add_note(
        f"annotate it, {name}: int for a size or {name}: float for a number; "
        f"or give its value: {name}=..."
    )
    raise problem


def _counts(name: str, hint: Any, parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter is a size."""
    if hint is int:
        return may_be_size(name)
    if hint is not None:
        return False
    if parameter.default is not parameter.empty:
        return _is_int(parameter.default) and may_be_size(name)
    return bool(_SIZE.search(name)) and may_be_size(name) and not _NUMBER.search(name)


def _size(parameter: inspect.Parameter, metadata: tuple[Any, ...]) -> Parameter:
    low: int | None = None
    high: int | None = None
    for note in metadata:
        pair = _as_range(note)
        if pair is not None:
            low, high = pair
        # as annotated_types write them, and those who follow it
        for kind, shift in (("ge", 0), ("gt", 1)):
            bound = getattr(note, kind, None)
            low = int(bound) + shift if _is_int(bound) else low
        for kind, shift in (("le", 0), ("lt", 1)):
            bound = getattr(note, kind, None)
            high = int(bound) - shift if _is_int(bound) else high
    least = SMALLEST if low is None else low
    return Parameter(
        name=parameter.name,
        role="size",
        low=least,
        high=max(LARGEST, least + _ROOM) if high is None else high,
        bounded=low is not None and high is not None,
        example=_example(parameter),
        positional=parameter.kind is parameter.POSITIONAL_ONLY,
    )


def _with_room(found: list[Parameter]) -> tuple[Parameter, ...]:
    """Widen ranges that nobody gave until all sizes can be distinct."""
    count = sum(p.role == "size" for p in found)
    wide = max(LARGEST, SMALLEST + count + 1)
    return tuple(
        p
        if p.role != "size" or p.bounded or p.high >= wide
        else Parameter(
            name=p.name,
            role="size",
            low=p.low,
            high=wide,
            example=p.example,
            positional=p.positional,
        )
        for p in found
    )


def _choices(hint: Any) -> tuple[Any, ...]:
    if hint is bool:
        return (False, True)
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return tuple(hint)
    return ()


def _seed(hint: Any, name: str) -> Any:
    if hint is int or (hint is None and name != "rng"):
        return 0
    import numpy as np  # a factory that wants a generator wants numpy's

    return np.random.default_rng(0)


def _shown(hint: Any) -> str:
    return hint if isinstance(hint, str) else getattr(hint, "__name__", str(hint))
