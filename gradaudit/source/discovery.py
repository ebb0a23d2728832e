"""Find the names of parameter blocks in the user's own code, from a single run of it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Block, Layout
from gradaudit.errors import BudgetExhausted
from gradaudit.source.inline import Scene, slices_in
from gradaudit.source.locations import is_user_code
from gradaudit.source.naming import choose_blocks
from gradaudit.source.sightings import Collector, Sighting
from gradaudit.source.watching import watch_returns

Vector = NDArray[np.float64]

# Odd multiples of 2**-25, below 1/2: exact in float32, and never a number that people write.
_STEP: Final = 2.0**-25
_ODD_NUMBERS: Final = 2**23
# Above, contents are distinct in float64 only.
_EXACT_SIZE: Final = 4_000_000
# Relative distance from the user's own point: above the resolution of float32 (6e-8), small
# enough to stay in the domain of a logarithm or of a Cholesky factor.
_NEAREST: Final = 2.0**-12
_FARTHEST: Final = 2.0**-9


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one run of the user's function says about its parameters.

    Attributes
    ----------
    layout : Layout
        Without blocks when the argument itself was the only name.
    sizes : dict
        From local names (and ``X.shape[0]``) to integers seen in the user's functions.
    evaluated : bool
        Whether the user's function was run; False when the answer was remembered.
    notes : tuple of str
        What could not be done.
    evaluations : int
        How often the user's function was run: 0, 1 or 2.
    """

    layout: Layout
    sizes: dict[str, int]
    evaluated: bool
    notes: tuple[str, ...] = ()
    evaluations: int = 1


def discover_layout(
    call: Callable[[Vector], object],
    size: int,
    *,
    near: Vector | None = None,
    fill: Vector | None = None,
    package_of: str | None = None,
) -> Discovery:
    """Run the user's function once and see which names hold which entries of its argument.

    Parameters
    ----------
    call : callable
        Runs the user's function with exactly the array it is given, or a view of it; no copy in
        between. What it returns is not looked at. An exception is survived: what was seen before
        counts, and if that is not enough there is a second run with other numbers.
    size : int
        Number of parameters.
    near : ndarray of float64, shape (size,), optional
        The user's own point. The numbers of the first run are then close to it, so that the
        function is run where it is defined.
    fill : ndarray of float64, shape (size,), optional
        The numbers of the first run, if the caller wants his own. They should be distinct.
    package_of : str, optional
        The file of the audited function. If it belongs to a library, names in that library's
        package count as well.

    Raises
    ------
    BudgetExhausted
        As `call` raises it; everything else that `call` raises is survived, unless it is not an
        `Exception`.

    Notes
    -----
    Blocks are recognised by their memory (any stride, at no cost) or, if copied, by their
    contents, up to conversion to float32.
    """
    if size == 0:
        return Discovery(Layout((), 0, "discovered"), {}, evaluated=False, evaluations=0)
    notes: list[str] = []
    best: Discovery | None = None
    runs = 0
    for numbers in _fills(size, near, fill):
        runs += 1
        error, found = _run_once(call, numbers, package_of)
        if best is None or _claimed(found) > _claimed(best):
            best = found
        if error is None:
            break
        notes.append(f"the function raised {_describe_error(error)} while it was watched")
        if not best.layout.unclaimed:
            break
    assert best is not None  # _fills yields at least once
    return Discovery(
        best.layout, best.sizes, True, (*dict.fromkeys(notes), *best.notes), evaluations=runs
    )


def _claimed(discovery: Discovery) -> int:
    return sum(block.size for block in discovery.layout.blocks)


def _describe_error(error: BaseException) -> str:
    cause = error.__cause__ or error
    text = str(cause).partition("\n")[0]
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def _fills(size: int, near: Vector | None, fill: Vector | None) -> Iterator[Vector]:
    rng = np.random.default_rng(size)
    if fill is not None:
        yield np.array(fill, dtype=np.float64).reshape(-1)
    if near is not None and near.size == size and bool(np.isfinite(near).all()):
        yield fill_near(near, rng)
        if fill is None:
            yield fill_distinct(size, rng)
    elif fill is None:
        yield fill_distinct(size, rng)


def fill_distinct(size: int, rng: np.random.Generator) -> Vector:
    """Return distinct numbers between -1/2 and 1/2, exact in float32 up to 4 million of them."""
    if size > _EXACT_SIZE:
        places = rng.permutation(size) + rng.uniform(0.25, 0.75, size)
        return np.asarray(places / size - 0.5, dtype=np.float64)
    cells = _ODD_NUMBERS * 2 // size
    numbers = rng.permutation(size) * cells + rng.integers(0, cells, size)
    return np.asarray((2.0 * numbers - (2.0 * _ODD_NUMBERS - 1.0)) * _STEP, dtype=np.float64)


def fill_near(point: Vector, rng: np.random.Generator) -> Vector:
    """Return numbers near a point, of the same signs, exact in float32 where it can hold them.

    They are distinct as far as float32 allows: entries that are equal in the point are told apart
    by their neighbours.
    """
    distance = rng.uniform(_NEAREST, _FARTHEST, point.size)
    moved = np.where(point == 0.0, distance, point * (1.0 + distance))
    with np.errstate(all="ignore"):
        rounded = moved.astype(np.float32).astype(np.float64)
    # outside the range of float32, and where it rounds to a short number, float64 has to do
    return np.where((rounded == 0.0) | ~np.isfinite(rounded), moved, rounded).astype(np.float64)


def _run_once(
    call: Callable[[Vector], object], numbers: Vector, package_of: str | None
) -> tuple[Exception | None, Discovery]:
    theta = numbers.copy()
    size = theta.size
    with np.errstate(all="ignore"):
        exact = size <= _EXACT_SIZE and bool((numbers.astype(np.float32) == numbers).all())
    collector = Collector(numbers, int(theta.__array_interface__["data"][0]), exact)
    error = _watch(call, theta, collector, package_of)
    chosen, sightings = _choose(collector, size, complete=error is None)
    notes = tuple(f"looking at a frame failed: {trouble}" for trouble in set(collector.troubles))
    if size > _EXACT_SIZE and sum(block.size for block in chosen) < size:
        notes += (
            f"theta has {size:,} entries: beyond 4 million, blocks that the function copies to a "
            "lower precision cannot be recognised",
        )
    layout = Layout(chosen, size, _source(chosen, sightings))
    sizes = {
        name: value
        for name, (value, _) in sorted(collector.sizes.items(), key=lambda item: item[1][1])
    }
    return error, Discovery(layout, sizes, True, notes)


def _watch(
    call: Callable[[Vector], object], theta: Vector, collector: Collector, package_of: str | None
) -> Exception | None:
    known: dict[CodeType, bool] = {}
    caller: FrameType | None = sys._getframe()  # pyright: ignore[reportPrivateUsage]

    def wanted(code: CodeType) -> bool:
        answer = known.get(code)
        if answer is None:
            answer = known[code] = is_user_code(code.co_filename, package_of)
        return answer

    def visit(frame: FrameType) -> None:
        # an exception here would surface in the user's code
        try:
            collector.visit(frame, _depth(frame, caller, wanted))
        except Exception as trouble:
            collector.troubles.append(type(trouble).__name__)

    try:
        with np.errstate(all="ignore"), watch_returns(visit, wanted):
            call(theta)
    except BudgetExhausted:
        raise
    except Exception as error:  # whatever the user's function raises
        for frame in _frames_of(error):
            if wanted(frame.f_code):
                visit(frame)
        return error
    finally:
        caller = None  # this frame holds `visit`, which holds this frame: let go of theta now
    return None


def _frames_of(error: BaseException) -> list[FrameType]:
    """Return the frames that an exception, or what caused it, passed through; innermost first."""
    frames: list[FrameType] = []
    cause: BaseException | None = error
    for _ in range(8):
        if cause is None:
            break
        traceback = cause.__traceback__
        while traceback is not None:
            frames.append(traceback.tb_frame)
            traceback = traceback.tb_next
        cause = cause.__cause__ or cause.__context__
    return frames[::-1]


def _depth(frame: FrameType, caller: FrameType | None, wanted: Callable[[CodeType], bool]) -> int:
    depth, outer = 0, frame.f_back
    while outer is not None and outer is not caller and depth < 100:
        depth += wanted(outer.f_code)
        outer = outer.f_back
    return depth


def _choose(
    collector: Collector, size: int, *, complete: bool
) -> tuple[tuple[Block, ...], list[Sighting]]:
    def preference(sighting: Sighting) -> tuple[int, int]:
        return sighting.place.depth, sighting.place.order

    views = sorted(collector.views.values(), key=preference)
    chosen = choose_blocks(views, size)
    if sum(block.size for block in chosen) == size:
        return chosen, views
    both = sorted([*views, *collector.find_copies()], key=preference)
    chosen = choose_blocks(both, size)
    if complete and sum(block.size for block in chosen) < size:
        # slices without a name of their own; only if nothing is left over, since x[1:] alone is
        # rather a way of looking at x than a part of it
        inline = choose_blocks([*both, *_inline_slices(collector, both, size)], size)
        if sum(block.size for block in inline) == size:
            return inline, both
    return chosen, both


def _inline_slices(
    collector: Collector, sightings: list[Sighting], size: int
) -> Iterator[Sighting]:
    aliases: dict[CodeType, set[str]] = {}
    for sighting in sightings:
        if (sighting.shape, sighting.strides) == ((size,), (1,)) and sighting.place.is_plain:
            aliases.setdefault(sighting.place.code, set()).add(sighting.place.local)
    for code, names in aliases.items():
        values, outside = collector.scenes[code]
        yield from slices_in(Scene(code, collector.depths[code], values, outside), names, size)


def _source(chosen: tuple[Block, ...], sightings: list[Sighting]) -> str:
    if not chosen:
        return "no names found in the function"
    names = {block.name for block in chosen}
    weights: Counter[tuple[str, str, int]] = Counter()
    for sighting in sightings:
        if sighting.place.name in names:
            code = sighting.place.code
            weights[code.co_name, os.path.basename(code.co_filename), code.co_firstlineno] += 1
    if not weights and sightings:
        code = sightings[0].place.code
        weights[code.co_name, os.path.basename(code.co_filename), code.co_firstlineno] += 1
    function, file, line = weights.most_common(1)[0][0]
    return f"discovered in {function} ({file}:{line})"
