"""Where the parameter vector turns up among the values of a program: as views and as copies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.source.bytecode import parameter_names
from gradaudit.source.locations import isinstance_safely

Vector = NDArray[np.float64]

_DEPTH: Final = 3  # params["layers"][0].W
_ITEMS: Final = 200  # of one container
_VALUES: Final = 2_000  # looked at in one frame
_VISITS: Final = 64  # of one function
_FRAMES: Final = 1_000  # in one discovery
_COPIES: Final = 400  # kept for comparison with the vector
_COMPREHENSIONS: Final = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
_CONVERTIBLE: Final = ("torch", "jax", "jaxlib", "autograd")
_NEVER_CONTAINERS: Final = (
    np.ndarray,
    np.generic,
    float,
    type,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    ModuleType,
)
_PLAIN: Final = (str, bytes, bool, type(None), complex)


@dataclass(frozen=True, slots=True)
class Place:
    """The name under which a value was seen.

    Attributes
    ----------
    name : str
        As one would write it: ``W1``, ``self.b1``, ``params['W1']``, ``Ws[0]``.
    local : str
        The local name it begins with.
    code : CodeType
        The function.
    depth : int
        How many of the user's functions stand between it and the one that is audited.
    subscripts, attributes, keys : int
        How many of each the name contains; a key is a subscript that is a string.
    order : int
        The earlier something was bound, the smaller.
    """

    name: str
    local: str
    code: CodeType
    depth: int
    subscripts: int = 0
    attributes: int = 0
    keys: int = 0
    order: int = 0

    @property
    def is_parameter(self) -> bool:
        """Whether the name is that of a parameter of its function."""
        return self.local in parameter_names(self.code)

    @property
    def is_plain(self) -> bool:
        """Whether the name is a local name as it stands."""
        return self.name == self.local


@dataclass(frozen=True, slots=True)
class Sighting:
    """Entries of the vector that a name holds.

    Attributes
    ----------
    place : Place
    start : int
        Index in the flat vector of the first entry.
    shape, strides : tuple of int
        As seen; strides are counted in entries of the vector.
    copied : bool
        Whether it was recognised by its contents, not by its memory.
    """

    place: Place
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    copied: bool


@dataclass(slots=True)
class _Number:
    place: Place
    value: float
    holder: tuple[str, CodeType, int]


@dataclass(slots=True)
class Collector:
    """Collect what names hold while the user's function runs.

    Attributes
    ----------
    fill : ndarray of float64, shape (n,)
        What the vector contains; a copy.
    address : int
        Of the vector that the user's function is given.
    exact : bool
        Whether all entries of `fill` are exact in float32.
    """

    fill: Vector
    address: int
    exact: bool
    contents: bool = True
    root_depth: int = 0
    views: dict[tuple[Any, ...], Sighting] = field(default_factory=dict[tuple[Any, ...], Sighting])
    copies: list[tuple[Place, NDArray[Any]]] = field(
        default_factory=list[tuple[Place, NDArray[Any]]]
    )
    numbers: list[_Number] = field(default_factory=list[_Number])
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    visits: dict[CodeType, int] = field(default_factory=dict[CodeType, int])
    low: float = 0.0
    high: float = 0.0
    depths: dict[CodeType, int] = field(default_factory=dict[CodeType, int])
    frames: int = 0
    scenes: dict[CodeType, tuple[dict[str, Any], dict[str, Any]]] = field(
        default_factory=dict[CodeType, tuple[dict[str, Any], dict[str, Any]]]
    )
    troubles: list[str] = field(default_factory=list[str])
    kept_copies: set[tuple[Any, ...]] = field(default_factory=set[tuple[Any, ...]])

    def __post_init__(self) -> None:
        self.low, self.high = float(self.fill.min()), float(self.fill.max())

    def visit(self, frame: FrameType, depth: int) -> None:
        """Look at all local names of a frame."""
        code = frame.f_code
        if code.co_name in _COMPREHENSIONS or self.frames >= _FRAMES:
            return
        count = self.visits.get(code, 0)
        if count >= _VISITS:
            return
        self.visits[code] = count + 1
        self.depths[code] = min(depth, self.depths.get(code, depth))
        self.frames += 1
        # a copy: from Python 3.13 on, f_locals writes through to the frame
        local_values = list(frame.f_locals.items())
        if count == 0:
            self._keep_scene(frame, local_values)
        remaining = _VALUES
        for order, (name, value) in enumerate(local_values):
            if name.startswith((".", "__")):
                continue
            place = Place(name, name, code, depth, order=order)
            self._record_sizes(name, value, depth)
            for found, part, holder in _walk(place, value, _DEPTH):
                remaining -= 1
                if remaining < 0:
                    return
                self._look_at(found, part, (holder, code, count))

    def _keep_scene(self, frame: FrameType, local_values: list[tuple[str, Any]]) -> None:
        """Keep the frame's values if a name in it holds the whole vector; of arrays the shape."""
        values = {
            name: np.broadcast_to(0, value.shape) if isinstance_safely(value, np.ndarray) else value
            for name, value in local_values
        }
        self.scenes[frame.f_code] = (values, frame.f_globals)

    def _record_sizes(self, name: str, value: Any, depth: int) -> None:
        if isinstance_safely(value, np.ndarray):
            for axis, extent in enumerate(cast("NDArray[Any]", value).shape):
                self._record_size(f"{name}.shape[{axis}]", extent, depth)
        elif isinstance_safely(value, (int, np.integer)):
            if not isinstance_safely(value, bool):
                self._record_size(name, int(value), depth)
        elif isinstance_safely(value, float):
            if value.is_integer() and abs(value) < 2.0**53:
                self._record_size(name, int(value), depth)
        elif name == "self":
            for key, part in _attributes(value):
                if isinstance_safely(part, (int, np.integer)) and not isinstance_safely(part, bool):
                    self._record_size(f"self.{key}", int(part), depth)

    def _record_size(self, name: str, value: int, depth: int) -> None:
        if len(self.sizes) < 4 * _ITEMS or name in self.sizes:
            known = self.sizes.get(name)
            if known is None or depth < known[1]:
                self.sizes[name] = (value, depth)

    def _look_at(self, place: Place, value: Any, holder: tuple[str, CodeType, int]) -> None:
        if isinstance_safely(value, (float, np.floating)):
            number = float(value)
            if self.contents and self._possible(number):
                self.numbers.append(_Number(place, number, holder))
            return
        array = _as_array(value)
        if array is None or array.size == 0 or array.size > self.fill.size:
            return
        if array.dtype.kind != "f" or self._record_view(place, array) or not self.contents:
            return
        first = float(array[(0,) * array.ndim])
        if not self._possible(first):
            return
        if array.ndim == 0:
            self.numbers.append(_Number(place, first, holder))
        elif len(self.copies) < _COPIES:
            # the reference keeps the memory from being used again
            key = (place.name, place.code, id(array))
            if key not in self.kept_copies:
                self.kept_copies.add(key)
                self.copies.append((place, array))

    def _possible(self, number: float) -> bool:
        if not self.low <= number <= self.high:
            return False
        return not self.exact or float(np.float32(number)) == number

    def _record_view(self, place: Place, array: NDArray[Any]) -> bool:
        if array.dtype != np.float64:
            return False
        offset = int(array.__array_interface__["data"][0]) - self.address
        if not 0 <= offset < 8 * self.fill.size:
            return False
        if offset % 8 or any(step % 8 for step in array.strides):
            return False
        strides = tuple(step // 8 for step in array.strides)
        key = (place.name, place.code, offset, array.shape, strides)
        if key not in self.views:
            self.views[key] = Sighting(place, offset // 8, array.shape, strides, copied=False)
        return True

    def find_copies(self) -> list[Sighting]:
        """Recognise copies of parts of the vector by their contents."""
        budget = _Budget(64 if self.fill.size > 100_000 else 1_000)
        found: list[Sighting] = []
        for place, array in self.copies:
            sighting = self._match(place, array, budget)
            if sighting is not None:
                found.append(sighting)
        return found + self._find_numbers(budget)

    def _match(self, place: Place, array: NDArray[Any], budget: _Budget) -> Sighting | None:
        first = (0,) * array.ndim
        for start in self._positions(float(array[first]), budget)[:8]:
            for strides in self._possible_strides(array, start, budget):
                if self._equal(array, start, strides):
                    return Sighting(place, start, array.shape, strides, copied=True)
        return None

    def _positions(self, number: float, budget: _Budget) -> list[int]:
        if not budget.spend():
            return []
        return [int(i) for i in np.flatnonzero(self.fill == number)]

    def _possible_strides(
        self, array: NDArray[Any], start: int, budget: _Budget
    ) -> Iterator[tuple[int, ...]]:
        yield _packed(array.shape, range(array.ndim - 1, -1, -1))
        if array.ndim < 2:
            return
        yield _packed(array.shape, range(array.ndim))
        steps: list[int] = []
        for axis, extent in enumerate(array.shape):
            second = tuple(int(a == axis) for a in range(array.ndim))
            places = self._positions(float(array[second]), budget) if extent > 1 else [start + 1]
            if len(places) != 1 or places[0] <= start:
                return
            steps.append(places[0] - start)
        yield tuple(steps)

    def _equal(self, array: NDArray[Any], start: int, strides: tuple[int, ...]) -> bool:
        last = start + sum((n - 1) * step for n, step in zip(array.shape, strides, strict=True))
        if last >= self.fill.size:
            return False
        expected = np.lib.stride_tricks.as_strided(
            self.fill[start:], array.shape, tuple(8 * step for step in strides), writeable=False
        )
        corner = tuple(n - 1 for n in array.shape)
        if float(array[corner]) != float(expected[corner]):
            return False
        return bool((np.asarray(array) == expected).all())

    def _find_numbers(self, budget: _Budget) -> list[Sighting]:
        found: list[tuple[_Number, int]] = []
        for number in self.numbers:
            places = self._positions(number.value, budget)
            if len(places) == 1:
                found.append((number, places[0]))
        held: dict[tuple[str, CodeType, int], list[int]] = {}
        for number, position in found:
            if not number.place.is_plain or number.place.is_parameter:
                held.setdefault(number.holder, []).append(position)
        trusted = {holder for holder, positions in held.items() if _consecutive(positions)}
        return [
            Sighting(number.place, position, (), (), copied=True)
            for number, position in found
            if number.holder in trusted or (number.place.is_plain and not number.place.is_parameter)
        ]


@dataclass(slots=True)
class _Budget:
    """How many more times the whole vector may be searched."""

    left: int

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _consecutive(positions: list[int]) -> bool:
    """Whether numbers held together are neighbours in order, as when a vector is unpacked.

    A lone number may be the largest entry of something, and equal an entry for that reason.
    """
    return len(positions) > 1 and all(b == a + 1 for a, b in pairwise(positions))


def _packed(shape: tuple[int, ...], axes: range) -> tuple[int, ...]:
    steps, step = [0] * len(shape), 1
    for axis in axes:
        steps[axis], step = step, step * shape[axis]
    return tuple(steps)


def _as_array(value: Any) -> NDArray[Any] | None:
    """Return an array of another library, or a box of autograd's, as one of numpy's."""
    if isinstance_safely(value, np.ndarray):
        return cast("NDArray[Any]", value)
    if type(value).__module__.split(".", 1)[0] not in _CONVERTIBLE:
        return None
    try:
        value = getattr(value, "_value", value) if "Box" in type(value).__name__ else value
        detach = getattr(value, "detach", None)
        return np.asarray(detach().cpu().numpy() if detach is not None else value)
    # a tracer, a tensor on a device: each library refuses in its own way
    except Exception:
        return None


def _walk(place: Place, value: Any, depth: int) -> Iterator[tuple[Place, Any, str]]:
    """Yield the values within reach of a local name: their place, themselves, their holder."""
    pending = [(place, value, depth, "")]
    while pending:
        where, part, left, holder = pending.pop(0)
        kind = cast("type[Any]", type(part))
        if kind in _PLAIN or kind is int:
            continue
        parts = _parts(where, part) if left and _is_container(part) else None
        if parts is None:
            yield where, part, holder
        else:
            pending.extend((inner, piece, left - 1, where.name) for inner, piece in parts)


def _is_container(value: Any) -> bool:
    return (
        not isinstance_safely(value, _NEVER_CONTAINERS)
        and type(value).__module__.split(".", 1)[0] not in _CONVERTIBLE
    )


def _parts(place: Place, value: Any) -> list[tuple[Place, Any]] | None:
    """Return what a container holds; None when it is not one, or is too large to be a model."""
    if isinstance_safely(value, dict):
        items = cast("dict[Any, Any]", value)
        if len(items) > _ITEMS:
            return []
        return [(_at_key(place, key), part) for key, part in _items(items)]
    if isinstance_safely(value, (list, tuple)):
        return _sequence_parts(place, cast("list[Any] | tuple[Any, ...]", value))
    attributes = _attributes(value)
    return [(_at_attribute(place, name), part) for name, part in attributes] or None


def _items(mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
    # not mapping.items(), which a subclass may have made its own
    return list(cast("Any", dict).items(mapping))


def _sequence_parts(place: Place, value: list[Any] | tuple[Any, ...]) -> list[tuple[Place, Any]]:
    if len(value) > _ITEMS:
        return []
    names = cast("Any", type(value).__dict__.get("_fields"))
    if isinstance_safely(names, tuple) and len(names) == len(value):
        pairs = cast("Any", zip(names, cast("Any", tuple).__iter__(value), strict=True))
        return [(_at_attribute(place, str(name)), part) for name, part in pairs]
    return [(_at_index(place, index), part) for index, part in enumerate(list(value))]


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """Return an object's own attributes, without running its code."""
    found: list[tuple[str, Any]] = []
    try:
        contents = object.__getattribute__(value, "__dict__")
        if isinstance_safely(contents, dict) and len(contents) <= _ITEMS:
            found = _items(cast("dict[Any, Any]", contents))
    except (AttributeError, TypeError):
        pass
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance_safely(slots, str) else tuple(slots):
            try:
                found.append((str(name), object.__getattribute__(value, name)))
            except (AttributeError, TypeError):
                continue
    return [(str(name), part) for name, part in found if not str(name).startswith("__")]


def _at_index(place: Place, index: int) -> Place:
    return _grown(place, f"[{index}]", subscripts=1)


def _at_attribute(place: Place, name: str) -> Place:
    return _grown(place, f".{name}", attributes=1)


def _at_key(place: Place, key: Any) -> Place:
    if isinstance_safely(key, str):
        return _grown(place, f"[{key!r}]", keys=1)
    written = repr(key) if isinstance_safely(key, (int, float, tuple)) else "..."
    return _grown(place, f"[{written}]", subscripts=1)


def _grown(
    place: Place, suffix: str, *, subscripts: int = 0, attributes: int = 0, keys: int = 0
) -> Place:
    return Place(
        place.name + suffix,
        place.local,
        place.code,
        place.depth,
        place.subscripts + subscripts,
        place.attributes + attributes,
        place.keys + keys,
        place.order,
    )


def covers_all(sighting: Sighting, size: int) -> bool:
    """Whether a name holds all entries of the vector."""
    return math.prod(sighting.shape) == size
