"""What the pictures of a diagnosis show, before anything is drawn: axes, curves and words.

Terminal, SVG and matplotlib draw the same figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from gradaudit.report import wording
from gradaudit.results import Diagnosis, History, Ray

Scale = Literal["linear", "log", "signed log"]
Role = Literal["value", "promise", "trial", "lost"]
Spots = tuple[tuple[float, float], ...]

_CROWDED: Final = 1e4
"""A linear axis that is this much longer than the bulk of its values would show one outlier."""

_DECADES: Final = 100.0
"""The history of a positive quantity is drawn on a log scale above this ratio."""

_OFFSET: Final = 1e-3
"""Below this part of its size, what changes is drawn as a difference from the value at t = 0."""

_HUGE: Final = 1e300
"""Beyond this, differences and margins may overflow."""

_FLAT: Final = 1e-2
"""A cost that moves less than this part of what the gradient promised is drawn beside it whole."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From data to 0..1, and back in words."""

    low: float
    high: float
    scale: Scale = "linear"
    threshold: float = 1.0
    """Where a signed log scale goes over from linear."""
    offset: float = 0.0
    """What is taken away from the values in the labels."""
    single: bool = False
    """There is one value only, in the middle."""
    whole: bool = False
    """Only whole numbers are labelled."""

    def place(self, value: float) -> float:
        """Return where a value stands, 0 at the low end and 1 at the high one."""
        low, high = self._transformed(self.low), self._transformed(self.high)
        return (self._transformed(value) - low) / (high - low) if high > low else 0.5

    def holds(self, value: float) -> bool:
        """Whether the value stands on the axis."""
        return self.low <= value <= self.high

    def spread(self, first: float, last: float, count: int) -> list[float]:
        """Return values from first to last that stand at equal distances."""
        if self.scale == "linear" or count < 3:
            return [first + (last - first) * i / (count - 1) for i in range(count)]
        if self.scale == "log" and first > 0 and last > 0:
            ratio = math.log(last / first)
            return [first * math.exp(ratio * i / (count - 1)) for i in range(count)]
        inner = [last * 10.0 ** (-i / 12) for i in range(count - 1, 0, -1)]
        return [first, *inner, last]

    def label(self, value: float) -> str:
        """Write a value that stands on the axis."""
        if self.offset:
            return _signed(value - self.offset)
        return short(value, 4 if self.scale == "linear" else 3)

    def _transformed(self, value: float) -> float:
        if self.scale == "log":
            return math.log10(max(value, math.ulp(0.0)))
        if self.scale == "linear" or value == 0:
            return value
        decades = math.log10(abs(value)) - math.log10(self.threshold)
        bent = math.log10(1 + 10.0**decades) if decades < 15 else decades
        return math.copysign(bent, value)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one kind; `joined` ones are drawn as a line."""

    role: Role
    spots: Spots
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture: what it shows, and the same in words.

    Attributes
    ----------
    title : str
        What is drawn, against what.
    across, up : Axis
        Their labels stand at `marks_across` and `marks_up`.
    curves : tuple of Curve
        Later ones are drawn over earlier ones.
    legend : tuple of (role, str)
        What the marks mean; empty where there is only one kind.
    words : tuple of str
        The facts of the picture, for those who do not see it.
    """

    title: str
    across: Axis
    up: Axis
    curves: tuple[Curve, ...]
    marks_across: tuple[float, ...]
    marks_up: tuple[float, ...]
    legend: tuple[tuple[Role, str], ...] = ()
    words: tuple[str, ...] = ()

    @property
    def flat(self) -> bool:
        """Whether there is one value only: the words say as much as a drawing."""
        return self.up.single


def figures_of(diagnosis: Diagnosis) -> tuple[Figure, ...]:
    """Return the pictures of a diagnosis: the ray first, then the history."""
    ray = ray_figure(diagnosis.ray) if diagnosis.ray is not None else None
    history = history_figures(diagnosis.history) if diagnosis.history is not None else ()
    return (*((ray,) if ray is not None else ()), *history)


def short(value: float, digits: int = 4) -> str:
    """Write a number in few characters: ``12.35``, ``1.2e+10``, ``0``."""
    return re.sub(r"e([+-])0", r"e\1", f"{value:.{digits}g}")


def _signed(difference: float) -> str:
    return re.sub(r"e([+-])0", r"e\1", f"{difference:+.2g}") if difference else "0"


# the ray -------------------------------------------------------------------------------------


def ray_figure(ray: Ray) -> Figure | None:
    """Return the cost along a direction, the promised slope and the solver's trials.

    None when there is no step to draw at.
    """
    spots = sorted(
        (float(t), float(f)) for t, f in zip(ray.steps, ray.values, strict=False) if _finite(t)
    )
    if not spots:
        return None
    steps = [t for t, _ in spots]
    across = _steps_axis(steps)
    seen = [(t, f) for t, f in spots if _finite(f) and across.holds(t)]
    origin = min(seen, key=lambda spot: abs(spot[0]), default=None)
    trials = [(float(t), float(f)) for t, f in ray.tried if _finite(t)]
    tried = [(t, f) for t, f in trials if _finite(f)]
    up = _values_axis([f for _, f in seen], origin, ray.slope, across, [f for _, f in tried])
    inside = tuple((t, f) for t, f in tried if across.holds(t) and up.holds(f))
    lost = {t: f for t, f in [*spots, *trials] if not _finite(f) and across.holds(t)}
    curves = (
        Curve("promise", _promised(origin, ray.slope, across, up), joined=True),
        *(Curve("value", run, joined=True) for run in _runs(spots, across)),
        Curve("trial", inside),
        Curve("lost", tuple((t, up.low if f == -math.inf else up.high) for t, f in lost.items())),
    )
    shifted = f" - f({short(origin[0])})" if up.offset and origin is not None else ""
    return Figure(
        title=f"f{shifted} {ray.title}, by step t{_scales(t=across, f=up)}",
        across=across,
        up=up,
        curves=tuple(curve for curve in curves if curve.spots),
        marks_across=_marks(across, steps[0] <= 0 <= steps[-1]),
        marks_up=_marks(up, False),
        legend=_ray_legend(curves, len(tried), len(lost)),
        words=tuple(_ray_words(ray, origin, seen)),
    )


def _steps_axis(steps: Sequence[float]) -> Axis:
    low, high = min(steps), max(steps)
    positive = [t for t in steps if t > 0]
    geometric = low >= 0 and len(positive) > 4 and _middle(positive) < 0.05 * high
    if geometric and min(positive) > 0:
        return Axis(min(positive), high, "log")
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    return Axis(low, high) if max(-low, high) <= _HUGE else _bent([low, high])


def _values_axis(
    values: Sequence[float],
    origin: tuple[float, float] | None,
    slope: float | None,
    across: Axis,
    tried: Sequence[float],
) -> Axis:
    """Return an axis for the cost, with room for some of the promised slope and of the trials."""
    if not values or origin is None:
        return Axis(0.0, 1.0)
    low, high = min(values), max(values)
    room = high - low
    ends: Spots = () if slope is None else _line(origin, slope, (across.low, across.high))
    wanted = [end for _, end in ends if _finite(end)]
    if wanted and room <= _FLAT * max(abs(end - origin[1]) for end in wanted):
        room = math.inf
    wanted += tried
    if (axis := _fitted(values, origin[1])).scale == "log":
        return axis  # a straight line has no place on it but its beginning
    low = min(low, max(min(wanted, default=low), low - room))
    high = max(high, min(max(wanted, default=high), high + room))
    return _fitted([*values, low, high], origin[1])


def _fitted(values: Sequence[float], reference: float) -> Axis:
    low, high = min(values), max(values)
    if low == high and abs(low) <= _HUGE:
        half = abs(low) / 2 or 1.0
        return Axis(low - half, high + half, single=True)
    middle = _middle(values)
    apart = [gap for value in values if (gap := abs(value / 2 - middle / 2))]
    if max(-low, high) > _HUGE or _middle(apart) < (high / 2 - low / 2) / _CROWDED:
        return _bent(values)
    small = high - low < _OFFSET * max(abs(low), abs(high))
    margin = 0.02 * (high - low)
    return Axis(low - margin, high + margin, offset=reference if small else 0.0)


def _bent(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    if low > 0:
        return Axis(low, high, "log")
    sizes = [abs(value) for value in values if value]
    return Axis(low, high, "signed log", threshold=_middle(sizes) if sizes else 1.0)


def _promised(
    origin: tuple[float, float] | None, slope: float | None, across: Axis, up: Axis
) -> Spots:
    """Return the part of the promised line that the picture has room for."""
    if origin is None or slope is None or not _finite(slope):
        return ()
    t0, f0 = origin
    first, last = across.low, across.high
    if slope:
        reach = sorted(t0 + (bound - f0) / slope for bound in (up.low, up.high))
        first, last = max(first, reach[0]), min(last, reach[1])
    if not first <= last or not (_finite(first) and _finite(last)):
        return ()
    straight = across.scale == up.scale == "linear"
    steps = across.spread(first, last, 2 if straight else 120)
    line = _line(origin, slope, steps)
    # rounding may leave an end a hair outside
    return tuple((t, min(max(f, up.low), up.high)) for t, f in line if across.holds(t))


def _line(origin: tuple[float, float], slope: float, steps: Iterable[float]) -> Spots:
    return tuple((t, origin[1] + slope * (t - origin[0])) for t in steps)


def _runs(spots: Iterable[tuple[float, float]], across: Axis) -> Iterator[Spots]:
    """Split the curve where it is not finite."""
    run: list[tuple[float, float]] = []
    for t, f in spots:
        if _finite(f):
            if across.holds(t):
                run.append((t, f))
        elif run:
            yield tuple(run)
            run = []
    yield tuple(run)


def _ray_legend(curves: Sequence[Curve], tried: int, lost: int) -> tuple[tuple[Role, str], ...]:
    words: dict[Role, str] = {
        "value": "f",
        "promise": "what the gradient promises",
        "trial": f"tried by {_solver_tries(tried, curves)}",
        "lost": f"not finite ({lost:,})",
    }
    order: tuple[Role, ...] = ("value", "promise", "trial", "lost")
    drawn = {curve.role for curve in curves if curve.spots}
    return tuple((role, words[role]) for role in order if role in drawn)


def _solver_tries(tried: int, curves: Sequence[Curve]) -> str:
    inside = sum(len(curve.spots) for curve in curves if curve.role == "trial")
    return "the solver" if inside == tried else f"the solver ({inside:,} of {tried:,} fit in)"


def _ray_words(
    ray: Ray, origin: tuple[float, float] | None, seen: Sequence[tuple[float, float]]
) -> Iterator[str]:
    said = [("the returned gradient promises", ray.slope), ("measured", ray.true_slope)]
    slopes = [f"{words} {short(slope)}" for words, slope in said if slope is not None]
    if slopes:
        yield f"slope at t = 0: {', '.join(slopes)}"
    if origin is None:
        yield "f is not finite at any step"
        return
    t, lowest = min(seen, key=lambda spot: spot[1])
    start = f"f({short(origin[0])}) = {origin[1]:.9g}"
    if len({f for _, f in seen}) == 1:
        yield f"{start}, the same at every step"
    elif t == origin[0]:
        yield f"{start}, the lowest that was seen"
    else:
        yield f"{start}, lowest f({short(t)}) = {_beside(lowest, origin[1])}"


def _beside(value: float, reference: float) -> str:
    """Write a value so that it can be told from one close to it."""
    if abs(value - reference) < _OFFSET * abs(reference):
        return f"{reference:.9g} ({_signed(value - reference)})"
    return f"{value:.6g}"


# the history ---------------------------------------------------------------------------------


def history_figures(history: History) -> tuple[Figure, ...]:
    """Return how the cost and the gradient norm went, one figure each; () for a single point."""
    triples = list(zip(history.numbers, history.values, history.gradient_norms, strict=False))
    # a value that is nan beside a gradient was not asked for; alone it was not a number
    costs = [(n, f) for n, f, g in triples if not math.isnan(f) or math.isnan(g)]
    norms = [(n, g) for n, _, g in triples if not math.isnan(g)]
    both = (_course("f", costs), _course("|g|", norms))
    return tuple(figure for figure in both if figure is not None)


def _course(name: str, seen: Sequence[tuple[int, float]]) -> Figure | None:
    spots = sorted((float(n), float(v)) for n, v in seen)
    finite = [(n, v) for n, v in spots if _finite(v)]
    if len({n for n, _ in spots}) < 2 or not finite:
        return None
    across = Axis(spots[0][0], spots[-1][0], whole=True)
    up = _course_axis([v for _, v in finite])
    first = f" - {name}({finite[0][0]:.0f})"
    lost = tuple((n, up.low if v == -math.inf else up.high) for n, v in spots if not _finite(v))
    curves = [Curve("value", run, joined=True) for run in _runs(spots, across) if run]
    return Figure(
        title=f"{name}{first if up.offset else ''} by evaluation{_scales(**{'': up})}",
        across=across,
        up=up,
        curves=(*curves, *((Curve("lost", lost),) if lost else ())),
        marks_across=(across.low, across.high),
        marks_up=_marks(up, False),
        words=tuple(_course_words(name, finite, len(lost))),
    )


def _course_axis(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    if low > 0 and high / _DECADES > low:
        return Axis(low, high, "log")
    return _fitted(values, values[0])


def _course_words(name: str, finite: Sequence[tuple[float, float]], lost: int) -> Iterator[str]:
    if not finite:
        yield f"{name} is not finite at any evaluation"
        return
    (_, first), (last_number, last) = finite[0], finite[-1]
    if len({v for _, v in finite}) == 1:
        yield f"{name} = {first:.6g} at every evaluation"
    else:
        yield f"{name} from {first:.9g} to {_beside(last, first)} at evaluation {last_number:,.0f}"
    if lost:
        yield f"{name} not finite at {wording.plural(lost, 'evaluation')}"


# both ----------------------------------------------------------------------------------------


def _middle(values: Sequence[float]) -> float:
    """Return the (upper) median; 0 of nothing, where halves of the smallest numbers vanish."""
    return sorted(values)[len(values) // 2] if values else 0.0


def _finite(value: float) -> bool:
    return math.isfinite(value)


def _scales(**axes: Axis) -> str:
    bent = [(name, axis.scale) for name, axis in axes.items() if axis.scale != "linear"]
    if len({scale for _, scale in bent}) == 1 < len(bent):
        return f" (both on a {bent[0][1]} scale)"
    words = [f"{name} on a {scale} scale" if name else f"{scale} scale" for name, scale in bent]
    return f" ({', '.join(words)})" if words else ""


def _marks(axis: Axis, zero: bool) -> tuple[float, ...]:
    """Return the values to label: both ends, and zero where it is between them."""
    if axis.single:
        return ((axis.low + axis.high) / 2,)
    inner = [0.0] if zero and axis.low < 0 < axis.high else []
    marks = [axis.low, *inner, axis.high]
    return tuple(marks) if all(a < b for a, b in pairwise(marks)) else (axis.low,)


def ticks(axis: Axis, most: int = 6) -> list[float]:
    """Return round values to label where there is room for more than the ends."""
    if axis.single:
        return list(_marks(axis, False))
    if axis.scale == "linear":
        return _round_steps(axis, most)
    if axis.scale == "log":
        first, last = math.ceil(math.log10(axis.low)), math.floor(math.log10(axis.high))
        every = max(-(-(last - first + 1) // most), 1)
        powers = [10.0**power for power in range(first, last + 1, every)]
        return powers if len(powers) > 1 else [axis.low, axis.high]
    return list(_marks(axis, True))


def _round_steps(axis: Axis, most: int) -> list[float]:
    low, high = axis.low - axis.offset, axis.high - axis.offset
    rough = max((high - low) / most, 1.0 if axis.whole else 0.0)
    if not rough > 0:
        return [axis.low, axis.high]
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next((m * decade for m in (1, 2, 5, 10) if m * decade >= rough), rough)
    if not step > 0:
        return [axis.low, axis.high]
    first, last = math.ceil(low / step), math.floor(high / step)
    return [n * step + axis.offset for n in range(first, last + 1)]
