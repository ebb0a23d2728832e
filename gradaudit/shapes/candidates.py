"""Which sizes to try, and in which order: the smallest that hide nothing first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gradaudit.shapes.roles import SMALLEST, Parameter, is_batch

Sizes = dict[str, Any]

# Well above what is drawn at random: chunks and unrolled loops end somewhere. All sizes together,
# then one at a time; examples are cheap.
_WIDE: Final = (11, 17, 13, 19, 12, 18, 14, 16)
_WIDEST: Final = 37
_WIDEST_BATCH: Final = 67
# With more sizes than this, not every order of them is tried.
_MOST_PERMUTED: Final = 4


def clean_shapes(parameters: Sequence[Parameter]) -> Iterator[Sizes]:
    """Yield shapes whose sizes are distinct and at least 2, as far as their ranges allow.

    The smallest first: 2, 3, 4 in the order of the parameters, then with every pair of sizes in
    the other order too, then larger ones.
    """
    sizes = [p for p in parameters if p.role == "size"]
    for choice in _choices(parameters):
        yield _named(sizes, _distinct(sizes), choice)
    first = next(_choices(parameters))
    count = len(sizes)
    yield _named(sizes, _distinct(sizes, order=range(count)[::-1]), first)
    for shift in range(1, min(count, 4)):
        order = [(i + shift) % count for i in range(count)]
        yield _named(sizes, _distinct(sizes, order=order), first)
    examples = [p.low if p.example is None else p.example for p in sizes]
    if any(p.example is not None for p in sizes) and is_clean(examples):
        yield _named(sizes, examples, first)
    yield _named(sizes, _distinct(sizes, least=3, step=2), first)
    yield _named(sizes, _distinct(sizes, order=range(count)[::-1], least=4, step=3), first)
    for wide in _wide(sizes):
        yield _named(sizes, wide, first)


def coincidences(parameters: Sequence[Parameter]) -> Iterator[Sizes]:
    """Yield shapes with something that hides faults, or shows those that need it.

    Every size 1 in turn, every pair tied in turn, all tied, all 1, and the defaults as they are.
    """
    sizes = [p for p in parameters if p.role == "size"]
    first = next(_choices(parameters))
    base = _distinct(sizes)
    for i, parameter in enumerate(sizes):
        if _allows(parameter, 1):
            yield _named(sizes, [1 if j == i else v for j, v in enumerate(base)], first)
    for i, j in itertools.combinations(range(len(sizes)), 2):
        tied = _tied(sizes, base, i, j)
        if tied is not None:
            yield _named(sizes, tied, first)
    if len(sizes) > 1:
        for value in (3, 1):
            if all(_allows(p, value) for p in sizes):
                yield _named(sizes, [value] * len(sizes), first)
    examples = [b if p.example is None else p.example for p, b in zip(sizes, base, strict=True)]
    yield _named(sizes, examples, first)


def is_clean(values: Sequence[Any]) -> bool:
    """Tell whether sizes are distinct and at least 2: such a shape hides nothing."""
    return len(set(values)) == len(values) and all(v >= SMALLEST for v in values)


def smaller_shapes(parameters: Sequence[Parameter], sizes: Mapping[str, Any]) -> Iterator[Sizes]:
    """Yield shapes that are simpler than one, and one step away from it; the simplest first."""
    names = [p.name for p in parameters if p.role == "size"]
    here = tuple(sizes[name] for name in names)
    steps: set[tuple[int, ...]] = set()
    for i, parameter in enumerate(p for p in parameters if p.role == "size"):
        for value in _lower_values(parameter, here[i]):
            steps.add((*here[:i], value, *here[i + 1 :]))
    if len(names) <= _MOST_PERMUTED:
        steps.update(itertools.permutations(here))
    # what is tied may have to stay so
    for value in {v for v in here if here.count(v) > 1}:
        for lower in range(1, min(value, 5)):
            steps.add(tuple(lower if v == value else v for v in here))
        for other in set(here):
            exchanged = {value: other, other: value}
            steps.add(tuple(exchanged.get(v, v) for v in here))
    by_name = {p.name: p for p in parameters}
    fitting = [
        step
        for step in steps
        if _key(step) < _key(here)
        and all(_allows(by_name[n], v) for n, v in zip(names, step, strict=True))
    ]
    for step in sorted(fitting, key=_key):
        yield {**sizes, **dict(zip(names, step, strict=True))}


def _key(values: tuple[int, ...]) -> tuple[bool, int, int, tuple[int, ...]]:
    """Order shapes: those that hide nothing first, then fewer coincidences, then smaller ones."""
    ties = len(values) - len(set(values))
    ones = sum(value < SMALLEST for value in values)
    return (bool(ties + ones), ties + ones, sum(values), values)


def _lower_values(parameter: Parameter, value: int) -> set[int]:
    """Return the values below to try: all when there are few, else a bisection."""
    low = min(parameter.low, value) if parameter.bounded else min(1, value)
    if value - low <= 4:
        return set(range(low, value)) | {v for v in (2, 3, 4) if v < value + 4}
    return {low, 2, 3, 4, low + (value - low) // 2, value - 2, value - 1}


def _choices(parameters: Sequence[Parameter]) -> Iterator[Sizes]:
    """Yield values of the choices: the first of each, then the others of one at a time."""
    choices = [p for p in parameters if p.role == "choice"]
    base: Sizes = {p.name: p.values[0] for p in choices}
    yield base
    for parameter in choices:
        for value in parameter.values[1:6]:
            yield base | {parameter.name: value}


def _named(sizes: Sequence[Parameter], values: Sequence[int], choice: Sizes) -> Sizes:
    return {**dict(zip([p.name for p in sizes], values, strict=True)), **choice}


def _distinct(
    sizes: Sequence[Parameter],
    *,
    order: Sequence[int] | None = None,
    least: int = SMALLEST,
    step: int = 1,
) -> list[int]:
    """Give each size, in this order, the smallest value of its range that is still free."""
    values = [0] * len(sizes)
    used: set[int] = set()
    wanted = least
    for i in range(len(sizes)) if order is None else order:
        parameter = sizes[i]
        allowed = [v for v in range(parameter.low, parameter.high + 1) if v >= SMALLEST]
        free = [v for v in allowed if v not in used]
        above = [v for v in free if v >= wanted]
        values[i] = (above or free or allowed or [parameter.high])[0]
        used.add(values[i])
        wanted = max(wanted + step - 1, least) if step > 1 else least
    return values


def _wide(sizes: Sequence[Parameter]) -> Iterator[list[int]]:
    """Yield one shape with all sizes large, then for each size one where it alone is larger."""
    yield [_within(p, value) for p, value in zip(sizes, itertools.cycle(_WIDE), strict=False)]
    base = _distinct(sizes)
    for i, parameter in enumerate(sizes):
        value = _within(parameter, _WIDEST_BATCH if is_batch(parameter.name) else _WIDEST)
        yield [value if j == i else other for j, other in enumerate(base)]


def _within(parameter: Parameter, value: int) -> int:
    return min(value, parameter.high) if parameter.bounded else value


def _tied(sizes: Sequence[Parameter], base: Sequence[int], i: int, j: int) -> list[int] | None:
    """Return the base with two sizes equal and all others different from them."""
    first, second = sizes[i], sizes[j]
    both = [v for v in range(SMALLEST, 40) if _allows(first, v) and _allows(second, v)]
    others = [v for k, v in enumerate(base) if k not in (i, j)]
    free = [v for v in both if v not in others]
    if not both:
        return None
    value = (free or both)[0]
    return [value if k in (i, j) else v for k, v in enumerate(base)]


def _allows(parameter: Parameter, value: int) -> bool:
    """Tell whether a size may be this: outside a range that nobody gave, 1 and more."""
    if parameter.bounded:
        return parameter.low <= value <= parameter.high
    # an annotation may bound one side only
    return value >= (1 if parameter.low == SMALLEST else parameter.low)
