"""The hook that sees every value: it records them, or changes one and lets the program go on."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Event = tuple[int, int]  # number of the site, how many times it was seen before in the same run
# a value of the program: float64, or complex128, of which each entry is two unknowns
Numbers = NDArray[Any]
Change = Callable[[int, Numbers], "Numbers | None"]
# the number that the hook is called with before a statement whose surroundings are wanted
SCENE: Final = -1
_MOST_SCENES: Final = 400
_DEPTH: Final = 4


@dataclass(slots=True)
class Look:
    """What kind of value a site shows: enough to know what else would fit there.

    Attributes
    ----------
    kind : str
        "f", "c", "i", "b" for arrays and numbers of that kind of dtype; else the name of a type.
    shape : tuple of int or None
        None for what is no array and no number.
    number : float or None
        The value itself, when it is a single number.
    """

    kind: str
    shape: tuple[int, ...] | None
    number: float | None = None


@dataclass(slots=True, eq=False)
class Recording:
    """The values of one run.

    Attributes
    ----------
    values : dict
        Copies of all float and complex arrays and numbers, by event, in the order they were seen.
    looks : dict
        By site, of its first value of any kind.
    scenes : list of dict
        What the local names held each time the watched statement began, where one is watched.
    """

    values: dict[Event, Numbers] = field(default_factory=dict["Event", "Numbers"])
    looks: dict[int, Look] = field(default_factory=dict[int, "Look"])
    scenes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Hook:
    """Called with each value as ``hook(site, value)``; returns the value to go on with.

    With `in_place` the value is what a name holds after a store: an array is changed where it
    lies, so that everything that shares its memory sees the change; with `index` only that part.
    """

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.changes: dict[int, Change] = {}
        self.recording: Recording | None = None
        self.capacity = 0

    def begin(self, changes: dict[int, Change] | None = None, *, record: bool = False) -> None:
        """Get ready for one run."""
        self.counts.clear()
        self.changes = changes or {}
        self.recording = Recording() if record else None

    def __call__(self, site: int, value: Any, in_place: bool = False, index: Any = None) -> Any:
        """Return the value to go on with; nothing when part of it was stored."""
        recording = self.recording
        if recording is None and site not in self.changes:
            return None if index is not None else value
        if index is not None:
            self._stored(site, value, index)
            return None
        if site == SCENE:
            if recording is not None and len(recording.scenes) < _MOST_SCENES:
                recording.scenes.append({name: frozen(held) for name, held in value.items()})
            return None
        if recording is not None and site not in recording.looks:
            recording.looks[site] = look_at(value)
        if not is_movable(value):
            return value
        count = self.counts[site]
        self.counts[site] = count + 1
        if recording is not None:
            recording.values[site, count] = np.array(as_numbers(value))
        change = self.changes.get(site)
        if change is None:
            return value
        return _changed(change, count, value, in_place=in_place)

    def _stored(self, site: int, base: Any, index: Any) -> None:
        """See, and change, part of an object after something was stored into it."""
        try:
            part = base[index]
        except Exception:  # an object that can be stored into, but not read
            return
        again = self(site, part, True)
        if again is not part or (
            isinstance(base, np.ndarray) and site in self.changes and again is not None
        ):
            base[index] = again


def frozen(value: Any, depth: int = _DEPTH) -> Any:
    """Copy a value as it is now: arrays, and what holds them, so that later stores do not show."""
    if isinstance(value, np.ndarray):
        return np.array(cast("NDArray[Any]", value), subok=True)
    if depth == 0 or isinstance(value, type):
        return value
    if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
        return copy.deepcopy(value)
    if type(value) in (list, tuple):
        return type(value)(frozen(part, depth - 1) for part in value)
    if isinstance(value, dict):
        made = copy.copy(cast("dict[Any, Any]", value))
        for key, part in list(made.items()):
            made[key] = frozen(part, depth - 1)
        return made
    space = getattr(value, "__dict__", None)
    if type(value).__module__ in ("builtins", "types", "functools") or type(space) is not dict:
        return value
    try:
        twin = copy.copy(value)
        for name, part in cast("dict[str, Any]", space).items():
            twin.__dict__[name] = frozen(part, depth - 1)
    except Exception:  # an object that cannot be copied stays itself
        return value
    return twin


def with_copies(code: CodeType, space: dict[str, Any]) -> dict[str, Any]:
    """Return names with copies of what an expression reads: what it calls may change that."""
    return {**space, **{name: frozen(space[name]) for name in code.co_names if name in space}}


def protected(code: CodeType, space: dict[str, Any]) -> dict[str, Any]:
    """Return names with copies of what an expression reads, where it calls the user's functions."""
    known = (np.ndarray, np.generic, float, int, str, list, tuple, dict, ModuleType)
    for name in code.co_names:
        held = space.get(name)
        if isinstance(held, FunctionType):
            return with_copies(code, space)
        if held is None or isinstance(held, known):
            continue
        kind = cast("type[Any]", type(held))
        if any(isinstance(getattr(kind, n, None), FunctionType) for n in code.co_names):
            return with_copies(code, space)
    return space


# -- real and complex numbers -------------------------------------------------------------------


def is_movable(value: Any) -> bool:
    """Tell whether a value can be moved a little: a float, a complex number, an array of them."""
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return array.dtype.kind in "fc" and array.size > 0
    return isinstance(value, float | np.floating | complex | np.complexfloating)


def as_numbers(value: Any) -> Numbers:
    """Return a value as an array of float64, or of complex128."""
    array = np.asarray(value)
    return np.asarray(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64)


def is_complex(value: Numbers) -> bool:
    """Tell whether an array holds complex numbers."""
    return value.dtype.kind == "c"


def flattened(value: Numbers) -> Array:
    """Return the unknowns of a value: its entries, or their real and imaginary parts in turn.

    Those of arrays laid end to end are their own laid end to end, and the product of two of them
    is the real part of the product with the conjugate.
    """
    flat = value.reshape(-1)
    return np.ascontiguousarray(flat).view(np.float64) if is_complex(flat) else flat


def restored(flat: Array, like: Numbers) -> Numbers:
    """Return the value, of the shape and kind of another one, that has these unknowns."""
    if is_complex(like):
        return np.ascontiguousarray(flat, dtype=np.float64).view(np.complex128).reshape(like.shape)
    return flat.reshape(like.shape)


def extent(value: Numbers) -> int:
    """Return the number of unknowns of a value."""
    return value.size * (1 + is_complex(value))


def units(value: Numbers) -> Iterator[Numbers]:
    """Yield a one in the place of each unknown of a value, with zeros around it."""
    for entry in range(extent(value)):
        unit = np.zeros(extent(value))
        unit[entry] = 1.0
        yield restored(unit, value)


def change_between(new: Numbers, old: Numbers) -> Array | None:
    """Return how much the unknowns of a value changed; None for a real one that became complex."""
    if is_complex(new) and not is_complex(old):
        return None
    return flattened(new - old)


def look_at(value: Any) -> Look:
    """Describe a value."""
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return Look(array.dtype.kind, array.shape)
    if isinstance(value, bool | np.bool_):
        return Look("b", ())
    if isinstance(value, int | np.integer):
        return Look("i", (), float(cast("int", value)))
    if isinstance(value, float | np.floating):
        return Look("f", (), float(cast("float", value)))
    if isinstance(value, complex | np.complexfloating):
        return Look("c", ())
    return Look(type(value).__name__, None)


def _changed(change: Change, count: int, value: Any, *, in_place: bool) -> Any:
    moved = change(count, as_numbers(value))
    if moved is None:
        return value
    if not isinstance(value, np.ndarray):
        return _number_alike(moved, value)
    array = cast("NDArray[Any]", value)
    if in_place and array.flags.writeable:
        array[...] = moved
        return array
    return _alike(moved, array)


def _number_alike(moved: Numbers, value: Any) -> Any:
    """Return a number of the type of another one, a complex one where it must be."""
    kind = cast("type[Any]", type(value))
    is_numpy = issubclass(kind, np.inexact)
    if is_complex(moved) and not (is_numpy and issubclass(kind, np.complexfloating)):
        return complex(moved)
    if is_numpy:
        return cast("Any", kind)(moved)
    return complex(moved) if kind is complex else float(moved)


def _alike(moved: Numbers, value: NDArray[Any]) -> NDArray[Any]:
    """Return an array of the same class, type and memory order as the value it stands for.

    A real value that is to be complex becomes it.
    """
    kind = np.complex128 if is_complex(moved) and not is_complex(value) else value.dtype
    like = np.empty_like(value, dtype=kind, subok=True)
    like[...] = moved
    return like
