"""The settings of an audit, validated at the door."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, cast

import numpy as np

from gradaudit.catalogue import RECORDS
from gradaudit.errors import ArgumentError
from gradaudit.results import Settings


def read_settings(
    points: int,
    dense: bool,
    rtol: float,
    negligible: float,
    confidence: float,
    only: str | Sequence[str] | None,
    allow: str | Sequence[str],
    budget: int | None,
    seconds: float | None,
) -> Settings:
    """Validate what does not depend on the problem."""
    exact_rtol = _number("rtol", rtol, "a number between 0 and 1")
    exact_negligible = _number("negligible", negligible, "a number between 0 and 1")
    exact_confidence = _number("confidence", confidence, "a number between 0 and 1, such as 0.999")
    for name, value in (
        ("rtol", exact_rtol),
        ("negligible", exact_negligible),
        ("confidence", exact_confidence),
    ):
        if not 0.0 < value < 1.0:
            raise ArgumentError(f"{name} is {value!r}; give a number between 0 and 1")
    if exact_negligible > exact_rtol:
        raise ArgumentError(
            f"negligible is {negligible:g}, above rtol = {rtol:g}; an error that is waved "
            "through must be smaller than one that has to be seen"
        )
    allowed = _names("allow", allow)
    for item in allowed:
        _require_known_slug(item)
    return Settings(
        points=_count("points", points),
        dense=bool(dense),
        rtol=exact_rtol,
        negligible=exact_negligible,
        confidence=exact_confidence,
        only=() if only is None else _names("only", only),
        allow=allowed,
        budget=None if budget is None else _count("budget", budget),
        seconds=None if seconds is None else _positive("seconds", seconds),
    )


def _number(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ArgumentError(f"{name} is {value!r} ({type(value).__name__}); give {wanted}")
    return float(cast("float", value))


def _positive(name: str, value: Any) -> float:
    number = _number(name, value, "a positive number")
    if not number > 0:
        raise ArgumentError(f"{name} is {value!r}; give a positive number")
    return number


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} is {value!r}; give a whole number, 1 or more")
    return int(cast("int", value))


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    try:
        names = tuple(value)
    except TypeError:
        names = (None,)
    if not all(isinstance(item, str) for item in names):
        raise ArgumentError(f"{name} is {value!r}; give a string or a sequence of strings")
    if name == "only" and not names:
        raise ArgumentError("only is empty; leave it out to audit every block")
    return cast("tuple[str, ...]", names)


def _require_known_slug(item: str) -> None:
    slug = item.partition(":")[0]
    if slug in RECORDS:
        return
    near = get_close_matches(slug, RECORDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(f"allow names {item!r}, but no finding is called {slug!r}{hint}")


def read_seed(rng: Any) -> int:
    """Return the integer that repeats the audit."""
    if isinstance(rng, int | np.integer):
        if rng < 0:
            raise ArgumentError(f"rng is {rng}; a seed must not be negative")
        return int(cast("int", rng))
    try:
        return int(np.random.default_rng(rng).integers(2**32))
    except (TypeError, ValueError):
        raise ArgumentError(
            f"rng is {rng!r} ({type(rng).__name__}); give a seed or a numpy Generator"
        ) from None
