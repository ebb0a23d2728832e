"""Named blocks of a parameter vector, and the containers that people keep parameters in."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.errors import ArgumentError, BlockLayoutError

Order = Literal["C", "F", "strided"]
Vector = NDArray[np.float64]

_SPECIFICATION: Final = re.compile(
    r"\s*(?P<name>[^=,]+?)\s*=\s*(?P<shape>\d+(?:\s*[xX*]\s*\d+)*|\(\s*\))\s*(?P<order>:[CF])?\s*"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A named stretch of the flat parameter vector.

    Attributes
    ----------
    name : str
        As in the user's code; data, never interpreted.
    start : int
        Index of the entry ``[0, 0, ...]`` of the block in the flat vector.
    shape : tuple of int
        As the user sees the block; ``()`` is a single number.
    order : {"C", "F", "strided"}
        Memory order of the block within the flat vector.
    strides : tuple of int or None
        Steps between entries along each axis, counted in entries; given for "strided" only.
    """

    name: str
    start: int
    shape: tuple[int, ...]
    order: Order = "C"
    strides: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Number of parameters in the block."""
        return math.prod(self.shape)

    @property
    def contiguous(self) -> bool:
        """Whether the block is one slice of the flat vector."""
        return self.strides is None

    @property
    def stop(self) -> int:
        """One past the last entry of a contiguous block."""
        return self.start + self.size

    def entry_strides(self) -> tuple[int, ...]:
        """Return the steps in the flat vector along each axis, counted in entries."""
        if self.strides is not None:
            return self.strides
        axes = range(len(self.shape)) if self.order == "F" else reversed(range(len(self.shape)))
        steps, step = [0] * len(self.shape), 1
        for axis in axes:
            steps[axis], step = step, step * self.shape[axis]
        return tuple(steps)

    def selector(self) -> slice | NDArray[np.intp]:
        """Return what picks the block's entries out of the flat vector, in memory order.

        A slice for a contiguous block (whatever its order), indices otherwise.
        """
        return slice(self.start, self.stop) if self.contiguous else self.indices().ravel()

    def indices(self) -> NDArray[np.intp]:
        """Return the flat indices of the entries, as an array of the block's shape."""
        index = np.full(self.shape, self.start, dtype=np.intp)
        for axis, step in enumerate(self.entry_strides()):
            along = np.arange(self.shape[axis], dtype=np.intp) * step
            index += along.reshape([-1 if a == axis else 1 for a in range(len(self.shape))])
        return index

    def view(self, flat: Vector) -> Vector:
        """Return the entries of a flat vector as an array of the block's shape."""
        if self.contiguous:
            return flat[self.start : self.stop].reshape(
                self.shape, order="F" if self.order == "F" else "C"
            )
        return flat[self.indices()]

    def position(self, offset: int) -> tuple[int, ...]:
        """Return the index within the block of the entry at `offset` of `selector()`."""
        if self.contiguous and self.order == "F":
            return tuple(int(i) for i in np.unravel_index(offset, self.shape, order="F"))
        return tuple(int(i) for i in np.unravel_index(offset, self.shape)) if self.shape else ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a flat vector of `size` entries is divided into blocks.

    Attributes
    ----------
    blocks : tuple of Block
        Sorted by their first entry; they do not overlap.
    size : int
        Length of the flat vector.
    source : str
        Where the names come from, in words for the reader.
    """

    blocks: tuple[Block, ...]
    size: int
    source: str = "given"

    @property
    def unclaimed(self) -> tuple[tuple[int, int], ...]:
        """Return the stretches ``(start, stop)`` that no block names."""
        return _stretches(_owners(self.blocks, self.size) == 0) if self._has_gaps() else ()

    def _has_gaps(self) -> bool:
        return sum(block.size for block in self.blocks) < self.size

    def complete(self) -> tuple[Block, ...]:
        """Return the blocks together with one for each unclaimed stretch, in order.

        An unclaimed stretch is named by its slice, ``theta[10:14]``.
        """
        gaps = [
            Block(f"theta[{start}:{stop}]", start, (stop - start,))
            for start, stop in self.unclaimed
        ]
        return tuple(sorted((*self.blocks, *gaps), key=lambda block: block.start))


def _owners(blocks: Iterable[Block], size: int) -> NDArray[np.uint8]:
    count = np.zeros(size, dtype=np.uint8)
    for block in blocks:
        count[block.selector()] += 1
    return count


def _stretches(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))


BlocksLike = str | Mapping[str, Any] | Sequence[Block]


def parse_layout(blocks: BlocksLike, size: int) -> Layout:
    """Turn what the user gave for ``blocks`` into a layout of `size` entries.

    Parameters
    ----------
    blocks : str, mapping or sequence of Block
        ``"W1=10x784,b1=10"`` (with ``:F`` behind a shape for Fortran order), a mapping from name
        to shape in packing order, or blocks with their offsets.
    size : int
        Length of the parameter vector.

    Raises
    ------
    BlockLayoutError
        When the text cannot be read, blocks overlap, leave gaps without offsets of their own,
        or reach beyond the vector: the message says by how much and where.
    """
    if isinstance(blocks, str):
        packed = [_parse_one(part) for part in _split(blocks)]
    elif isinstance(blocks, Mapping):
        packed = [Block(str(name), 0, _shape(name, shape)) for name, shape in blocks.items()]
    else:
        return _placed_layout(blocks, size)
    return _packed_layout(packed, size)


def _split(text: str) -> list[str]:
    if not text.strip():
        raise BlockLayoutError("blocks is an empty string; write it like W1=10x784,b1=10")
    return text.split(",")


def _parse_one(part: str) -> Block:
    match = _SPECIFICATION.fullmatch(part)
    if match is None:
        raise BlockLayoutError(
            f"cannot read {part.strip()!r} in blocks; write name=shape, like W1=10x784 or b1=10"
        )
    digits = cast("list[str]", re.findall(r"\d+", match["shape"]))
    order: Order = "F" if match["order"] == ":F" else "C"
    return Block(match["name"], 0, tuple(map(int, digits)), order)


def _shape(name: object, shape: Any) -> tuple[int, ...]:
    try:
        single = isinstance(shape, int | np.integer)
        sizes = cast("tuple[Any, ...]", (shape,) if single else tuple(shape))
        exact = tuple(int(size) for size in sizes)
        if exact != sizes or min(exact, default=0) < 0:
            raise ValueError
    except (TypeError, ValueError):
        raise BlockLayoutError(
            f"the shape of block {name!r} is {shape!r}; give an int or a tuple of ints"
        ) from None
    return exact


def _packed_layout(packed: Sequence[Block], size: int) -> Layout:
    placed: list[Block] = []
    start = 0
    for block in packed:
        placed.append(replace(block, start=start))
        start += block.size
    if start != size:
        last = placed[-1].name if placed else "nothing"
        if start < size:
            raise BlockLayoutError(
                f"blocks cover {start:,} entries but theta has {size:,}; nothing names "
                f"{start:,}:{size:,} (after {last})"
            )
        raise BlockLayoutError(
            f"blocks cover {start:,} entries but theta has {size:,}; {last} ends "
            f"{start - size:,} beyond the last entry"
        )
    return _validated(Layout(tuple(placed), size))


def _placed_layout(blocks: Sequence[Any], size: int) -> Layout:
    exact: list[Block] = []
    if not isinstance(cast("Any", blocks), Iterable):
        raise BlockLayoutError(
            f"blocks is {blocks!r} ({type(blocks).__name__}); give a string like "
            '"W1=10x784,b1=10", a mapping from name to shape, or a sequence of gradaudit.Block'
        )
    for block in blocks:
        if not isinstance(block, Block):
            raise BlockLayoutError(
                f"blocks holds {block!r} ({type(block).__name__}); "
                'give gradaudit.Block(name, start, shape), or a string like "W1=10x784,b1=10"'
            )
        exact.append(_sound(block))
    if not exact:
        raise BlockLayoutError("blocks is empty; leave it out to have the blocks discovered")
    return _validated(Layout(tuple(sorted(exact, key=lambda block: block.start)), size))


def _sound(block: Block) -> Block:
    """Return a block of the user's with exact types, or say what is wrong with it."""
    if not isinstance(cast("Any", block.shape), tuple):
        raise BlockLayoutError(
            f"the shape of block {block.name!r} is {block.shape!r}; give a tuple of ints"
        )
    shape = _shape(block.name, block.shape)
    if block.order not in ("C", "F", "strided"):
        raise BlockLayoutError(f"block {block.name}: order is {block.order!r}; give C or F")
    if (block.order == "strided") != (block.strides is not None):
        raise BlockLayoutError(
            f"block {block.name}: give strides with order 'strided', and only then"
        )
    strides = None if block.strides is None else _shape(block.name, block.strides)
    if strides is not None and len(strides) != len(shape):
        raise BlockLayoutError(
            f"block {block.name} has {len(shape)} axes but {len(strides)} strides"
        )
    sound = replace(block, shape=shape, strides=strides)
    if strides is not None and np.unique(sound.indices()).size < sound.size:
        raise BlockLayoutError(f"block {block.name} covers an entry twice; strides are {strides}")
    return sound


def _validated(layout: Layout) -> Layout:
    seen: set[str] = set()
    for block in layout.blocks:
        if block.name in seen:
            raise BlockLayoutError(f"two blocks are called {block.name!r}; give each its own name")
        seen.add(block.name)
        last = block.start + sum(
            (n - 1) * step for n, step in zip(block.shape, block.entry_strides(), strict=True)
        )
        if block.start < 0 or last >= layout.size:
            raise BlockLayoutError(
                f"block {block.name} covers {block.start:,}:{last + 1:,} "
                f"but theta has {layout.size:,} entries"
            )
    _refuse_overlap(layout)
    return layout


def _refuse_overlap(layout: Layout) -> None:
    twice = _stretches(_owners(layout.blocks, layout.size) > 1)
    if not twice:
        return
    start, stop = twice[0]
    names = [
        block.name
        for block in layout.blocks
        if bool(np.isin(np.arange(start, stop), block.indices()).any())
    ]
    raise BlockLayoutError(
        f"blocks {' and '.join(names)} overlap at {start:,}:{stop:,} of theta; "
        "give each entry to one block"
    )


@dataclass(frozen=True, slots=True)
class Structure:
    """How the user's parameters (a number, an array, a container of arrays) become a flat vector.

    Attributes
    ----------
    template : object
        The start as given; containers are rebuilt with its types.
    leaves : tuple of Block
        One for each array (or number) in it, named by its path: ``W1``, ``layers[0].b``.
    dtypes : tuple of dtype
        What each leaf is handed out as.
    """

    template: Any
    leaves: tuple[Block, ...]
    dtypes: tuple[np.dtype[Any], ...]

    @property
    def size(self) -> int:
        """Number of entries of the flat vector."""
        return sum(leaf.size for leaf in self.leaves)

    @property
    def is_container(self) -> bool:
        """Whether the parameters came as a container of named arrays."""
        return _kind(self.template) is not None

    @property
    def is_scalar(self) -> bool:
        """Whether the parameter is a plain number, so that the function expects one."""
        return not self.is_container and not isinstance(self.template, np.ndarray)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The least precise type that any leaf is handed out as."""
        return min(self.dtypes, key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))

    def rebuild(self, flat: NDArray[Any]) -> Any:
        """Return the parameters with the values of a flat vector, ready for the user's function.

        A flat array of float64 is returned as it is (no copy): hand in a fresh one.
        """
        if self.is_scalar:
            return flat[0].item()
        if not self.is_container:
            return self._leaf(flat, 0)
        remaining = iter(range(len(self.leaves)))
        return _rebuild(self.template, lambda: self._leaf(flat, next(remaining)))

    def _leaf(self, flat: NDArray[Any], number: int) -> Any:
        leaf = self.leaves[number]
        part = flat if leaf.size == flat.size else flat[leaf.start : leaf.stop]
        # a type of lower precision (or an integer start) is respected, see Problem
        return part.reshape(leaf.shape).astype(self.dtypes[number], copy=False)

    def flatten(self, values: Any) -> NDArray[Any]:
        """Flatten something of the same structure (a gradient) into a fresh vector.

        Raises
        ------
        ArgumentError
            When the structure differs: the message names the first place where it does.
        """
        if not self.is_container:
            return np.array(values, copy=True).reshape(-1)
        parts = self._parts(values)
        for leaf, part in zip(self.leaves, parts, strict=True):
            if part.size != leaf.size:
                raise ArgumentError(
                    f"the gradient of {leaf.name} has shape {part.shape}, "
                    f"the parameter {leaf.shape}"
                )
        return np.concatenate([part.reshape(-1) for part in parts]) if parts else np.empty(0)

    def misshapen(self, values: Any) -> str:
        """Name what has the right size but another shape than the parameters; "" when nothing."""
        if not self.is_container:
            shape, wanted = np.shape(values), self.leaves[0].shape
            same = shape == wanted or (self.size == 1 and shape in ((), (1,)))
            return "" if same else f"the gradient has shape {shape}, the parameters {wanted}"
        for leaf, part in zip(self.leaves, self._parts(values), strict=True):
            if part.shape != leaf.shape:
                found = f"the gradient of {leaf.name} has shape {part.shape}"
                return f"{found}, the parameter {leaf.shape}"
        return ""

    def _parts(self, values: Any) -> list[NDArray[Any]]:
        return [np.asarray(part) for part in _matching(self.template, values, "")]


def read_structure(x0: Any) -> tuple[Structure, Vector]:
    """Take the start apart: its structure, and its entries as a fresh flat vector of float64.

    Parameters
    ----------
    x0 : number, array_like or container
        A container is a dict, list, tuple, namedtuple or dataclass that holds arrays, nested as
        deeply as one likes. A list or tuple of plain numbers is an array.

    Raises
    ------
    ArgumentError
        When an entry is not a real number.
    """
    if _kind(x0) is None:
        array = _real(x0, "x0")
        as_given = isinstance(x0, np.ndarray) or not array.ndim
        template = cast("Any", x0 if as_given else array)
        structure = Structure(template, (Block("theta", 0, array.shape),), (_float_type(array),))
        return structure, np.array(array, dtype=np.float64).reshape(-1)
    leaves: list[Block] = []
    arrays: list[NDArray[Any]] = []
    start = 0
    for path, value in _walk(x0, ""):
        array = _real(value, f"x0 entry {path}")
        taken = {leaf.name for leaf in leaves}
        name = path if path not in taken else f"{path} ({len(leaves)})"
        leaves.append(Block(name, start, array.shape))
        arrays.append(array)
        start += array.size
    structure = Structure(x0, tuple(leaves), tuple(_float_type(array) for array in arrays))
    flat = [array.astype(np.float64).reshape(-1) for array in arrays]
    return structure, np.concatenate(flat) if flat else np.empty(0)


def _real(value: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentError(
            f"{what} cannot be read as an array: {type(value).__name__} with ragged parts; "
            "give an array, or a dict of named arrays"
        ) from None
    if isinstance(value, np.ma.MaskedArray):
        raise ArgumentError(f"{what} is a masked array; fill it first, with x0.filled(...)")
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "c":
        raise ArgumentError(
            f"{what} is complex ({array.dtype}); gradaudit differentiates with respect to real "
            "parameters: split real and imaginary parts"
        )
    raise ArgumentError(
        f"{what} has dtype {array.dtype}; give real numbers, with np.asarray(x0, dtype=float)"
    )


def _float_type(array: NDArray[Any]) -> np.dtype[Any]:
    """Return the type a leaf is handed out as: its own when floating, else float64."""
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)


_Kind = Literal["mapping", "namedtuple", "sequence", "dataclass"]


def _kind(value: Any) -> _Kind | None:
    if isinstance(value, Mapping):
        return "mapping"
    if is_dataclass(value) and not isinstance(value, type):
        return "dataclass"
    if isinstance(value, tuple) and hasattr(cast("Any", value), "_fields"):
        return "namedtuple"
    if isinstance(value, list | tuple) and any(
        isinstance(part, np.ndarray) or _kind(part) in ("mapping", "namedtuple", "dataclass")
        for part in cast("Sequence[Any]", value)
    ):
        return "sequence"
    return None


def _parts(value: Any, kind: _Kind) -> list[tuple[str, Any]]:
    if kind == "mapping":
        return [(_key(key), part) for key, part in cast("Mapping[Any, Any]", value).items()]
    if kind == "dataclass":
        return [(f".{field.name}", getattr(value, field.name)) for field in fields(value)]
    if kind == "namedtuple":
        return [(f".{name}", getattr(value, name)) for name in value._fields]
    return [(f"[{number}]", part) for number, part in enumerate(cast("Sequence[Any]", value))]


def _key(key: Any) -> str:
    return f".{key}" if isinstance(key, str) else f"[{key!r}]"


def _walk(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    kind = _kind(value)
    if kind is None:
        yield path.removeprefix(".") or "theta", value
        return
    for name, part in _parts(value, kind):
        yield from _walk(part, path + name)


def _rebuild(template: Any, leaf: Callable[[], Any]) -> Any:
    kind = _kind(template)
    if kind is None:
        value = leaf()
        return (
            value if isinstance(template, np.ndarray) else value.item() if not value.ndim else value
        )
    parts = [_rebuild(part, leaf) for _, part in _parts(template, kind)]
    if kind == "mapping":
        keys = cast("Mapping[Any, Any]", template).keys()
        pairs = dict(zip(keys, parts, strict=True))
        return _like(template, pairs)
    if kind == "dataclass":
        return replace(
            template, **{f.name: v for f, v in zip(fields(template), parts, strict=True)}
        )
    if kind == "namedtuple":
        return type(template)(*parts)
    return parts if isinstance(template, list) else tuple(parts)


def _like(template: Any, pairs: dict[Any, Any]) -> Any:
    """Return a mapping of the template's type with new values."""
    if type(template) is dict:
        return pairs
    if not isinstance(template, MutableMapping):
        return type(template)(pairs)
    rebuilt = copy.copy(cast("MutableMapping[Any, Any]", template))
    rebuilt.update(pairs)
    return rebuilt


def _matching(template: Any, values: Any, path: str) -> Iterable[Any]:
    kind = _kind(template)
    if kind is None:
        yield values
        return
    for name, part in _parts(template, kind):
        yield from _matching(part, _lookup(values, name, template, path), path + name)


def _lookup(values: Any, name: str, template: Any, path: str) -> Any:
    """Return the part of a gradient that belongs to a part of the parameters."""
    try:
        return _part_named(values, name, template, path)
    except (KeyError, IndexError, AttributeError, TypeError):
        raise ArgumentError(
            f"the gradient ({type(values).__name__}) has nothing for "
            f"{(path + name).removeprefix('.')}; return the same structure as the parameters "
            f"({type(template).__name__})"
        ) from None


def _part_named(values: Any, name: str, template: Any, path: str) -> Any:
    if isinstance(template, Mapping):
        wanted = next(key for key in cast("Mapping[Any, Any]", template) if _key(key) == name)
        return values[wanted]
    if name.startswith("."):
        found: Any = getattr(values, name[1:], None)
        return values[name[1:]] if found is None else found
    if len(values) != len(template):
        raise ArgumentError(
            f"the gradient holds {len(values)} parts at {path.removeprefix('.') or 'top'}, "
            f"the parameters {len(template)}"
        )
    return values[int(name[1:-1])]
