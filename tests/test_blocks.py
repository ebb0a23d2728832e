"""Layouts of a flat vector, and containers of parameters."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from numpy.typing import NDArray

from gradaudit import ArgumentError, Block, BlockLayoutError, Layout
from gradaudit.blocks import parse_layout, read_structure

shapes = array_shapes(min_dims=0, max_dims=3, max_side=4)


# the text form


def test_text_gives_names_shapes_and_offsets_in_packing_order() -> None:
    layout = parse_layout("W1=2x3,b1=3,c=()", 10)
    assert layout.blocks == (Block("W1", 0, (2, 3)), Block("b1", 6, (3,)), Block("c", 9, ()))


def test_text_may_hold_spaces_and_other_multiplication_signs() -> None:
    layout = parse_layout("  W1 = 2 x 3 , b1 = 4*1, k=2X1 ", 12)
    assert [(b.name, b.shape) for b in layout.blocks] == [
        ("W1", (2, 3)),
        ("b1", (4, 1)),
        ("k", (2, 1)),
    ]


def test_colon_f_behind_a_shape_is_fortran_order() -> None:
    (block,) = parse_layout("W=2x3:F", 6).blocks
    assert block.order == "F"


@pytest.mark.parametrize(
    "text", ["W1", "W1=", "=3", "W1=-2", "W1=2.0", "W1=2x", "W1=3;b=1", "W1=3:X", "W1=3,"]
)
def test_text_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BlockLayoutError, match="W1=10x784"):
        parse_layout(text, 3)


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BlockLayoutError, match=r"empty.*W1=10x784"):
        parse_layout(text, 3)


def test_missing_entries_are_counted_and_placed() -> None:
    with pytest.raises(BlockLayoutError) as caught:
        parse_layout("W1=10x784,W2=784x10,b1=10,b2=780", 16_474)
    message = str(caught.value)
    assert "16,470" in message
    assert "16,474" in message
    assert "16,470:16,474" in message
    assert "after b2" in message


def test_surplus_entries_are_counted_and_placed() -> None:
    with pytest.raises(BlockLayoutError) as caught:
        parse_layout("W=2x3,b=4", 8)
    message = str(caught.value)
    assert "10" in message
    assert "8" in message
    assert "b" in message
    assert "2 beyond" in message


def test_two_blocks_of_one_name_are_refused() -> None:
    with pytest.raises(BlockLayoutError, match="'a'"):
        parse_layout("a=1,a=2", 3)


# mappings


def test_mapping_gives_blocks_in_its_own_order() -> None:
    layout = parse_layout({"b": 2, "W": (2, 3), "s": ()}, 9)
    assert layout.blocks == (Block("b", 0, (2,)), Block("W", 2, (2, 3)), Block("s", 8, ()))


def test_mapping_takes_numpy_sizes_and_lists() -> None:
    layout = parse_layout({"b": np.int64(2), "W": [2, 3]}, 8)
    assert [block.shape for block in layout.blocks] == [(2,), (2, 3)]


@pytest.mark.parametrize("shape", [1.5, "ab", None, (2.5,), -1, (2, -1)])
def test_mapping_with_an_unusable_shape_names_block_and_shape(shape: Any) -> None:
    with pytest.raises(BlockLayoutError) as caught:
        parse_layout({"W": shape}, 3)
    assert "'W'" in str(caught.value)
    assert repr(shape) in str(caught.value)


def test_empty_mapping_is_refused() -> None:
    with pytest.raises(BlockLayoutError):
        parse_layout({}, 3)


# blocks with offsets


def test_blocks_with_offsets_may_leave_gaps_which_are_unclaimed() -> None:
    layout = parse_layout([Block("b", 5, (2,)), Block("a", 1, (2,))], 9)
    assert [block.name for block in layout.blocks] == ["a", "b"]
    assert layout.unclaimed == ((0, 1), (3, 5), (7, 9))


def test_complete_layout_names_gaps_by_their_slice() -> None:
    layout = parse_layout([Block("a", 1, (2,))], 4)
    assert [(b.name, b.start, b.size) for b in layout.complete()] == [
        ("theta[0:1]", 0, 1),
        ("a", 1, 2),
        ("theta[3:4]", 3, 1),
    ]


def test_overlap_names_both_blocks_and_the_place() -> None:
    with pytest.raises(BlockLayoutError, match=r"a and b overlap at 2:3"):
        parse_layout([Block("a", 0, (3,)), Block("b", 2, (2,))], 4)


def test_interleaved_strided_blocks_do_not_overlap() -> None:
    even = Block("even", 0, (3,), "strided", (2,))
    odd = Block("odd", 1, (3,), "strided", (2,))
    assert parse_layout([odd, even], 6).unclaimed == ()


def test_overlap_of_a_strided_block_is_found() -> None:
    with pytest.raises(BlockLayoutError, match="overlap at 2:3"):
        parse_layout([Block("even", 0, (3,), "strided", (2,)), Block("x", 2, (1,))], 6)


@pytest.mark.parametrize("strides", [(0,), (0, 1)])
def test_strided_block_that_covers_an_entry_twice_is_refused(strides: tuple[int, ...]) -> None:
    shape = (6,) if len(strides) == 1 else (2, 3)
    with pytest.raises(BlockLayoutError):
        parse_layout([Block("W", 0, shape, "strided", strides)], 6)


@pytest.mark.parametrize("start", [-1, 2])
def test_block_outside_the_vector_is_refused_with_its_range(start: int) -> None:
    with pytest.raises(BlockLayoutError, match=f"block a covers {start}:{start + 2}"):
        parse_layout([Block("a", start, (2,))], 3)


def test_strided_block_outside_the_vector_is_refused() -> None:
    with pytest.raises(BlockLayoutError, match="7"):
        parse_layout([Block("a", 0, (4,), "strided", (2,))], 6)


@pytest.mark.parametrize(
    "block",
    [
        Block("W", 0, (3,), "strided", (2, 1)),
        Block("W", 0, 6),  # type: ignore[arg-type]
        Block("W", 0, (6,), "X"),  # type: ignore[arg-type]
    ],
    ids=["strides of another length", "shape not a tuple", "unknown order"],
)
def test_block_that_makes_no_sense_is_a_layout_error(block: Block) -> None:
    with pytest.raises(BlockLayoutError, match="W"):
        parse_layout([block], 6)


@pytest.mark.parametrize("blocks", [5, 5.0, [("a", 3)], [None], ["a=3"]])
def test_blocks_of_another_type_are_a_layout_error_with_a_way_out(blocks: Any) -> None:
    with pytest.raises(BlockLayoutError, match="W1=10x784"):
        parse_layout(blocks, 3)


def test_empty_sequence_of_blocks_is_refused() -> None:
    with pytest.raises(BlockLayoutError, match="empty"):
        parse_layout([], 3)


def test_layout_errors_are_value_errors() -> None:
    with pytest.raises(ValueError, match="cover"):
        parse_layout("a=1", 3)


# memory order


def test_fortran_block_indexes_columns_first() -> None:
    block = Block("W", 1, (2, 3), "F")
    assert block.indices().tolist() == [[1, 3, 5], [2, 4, 6]]
    assert [block.position(offset) for offset in range(3)] == [(0, 0), (1, 0), (0, 1)]


def test_view_of_a_fortran_block_is_the_matrix_that_the_user_reshapes() -> None:
    flat = np.arange(8.0)
    expected = flat[1:7].reshape((2, 3), order="F")
    assert np.array_equal(Block("W", 1, (2, 3), "F").view(flat), expected)


def test_view_of_a_strided_block_is_the_users_slice() -> None:
    flat = np.arange(12.0)
    block = Block("c", 1, (3, 2), "strided", (4, 2))
    assert np.array_equal(block.view(flat), flat.reshape(3, 4)[:, 1::2])


@given(shape=shapes, order=st.sampled_from(["C", "F"]), start=st.integers(0, 5))
def test_position_is_the_inverse_of_indices(shape: tuple[int, ...], order: Any, start: int) -> None:
    block = Block("W", start, shape, order)
    indices = block.indices()
    for offset in range(block.size):
        assert indices[block.position(offset)] == start + offset


@given(shape=shapes, start=st.integers(0, 5))
def test_selector_and_indices_name_the_same_entries(shape: tuple[int, ...], start: int) -> None:
    flat = np.arange(100)
    for order in ("C", "F"):
        block = Block("W", start, shape, order)
        assert sorted(flat[block.selector()]) == sorted(block.indices().ravel())


@given(st.lists(shapes, min_size=1, max_size=5))
def test_packed_blocks_cover_every_entry_once(block_shapes: list[tuple[int, ...]]) -> None:
    size = sum(int(np.prod(shape)) for shape in block_shapes)
    layout = parse_layout({f"p{i}": shape for i, shape in enumerate(block_shapes)}, size)
    covered = np.concatenate([block.indices().ravel() for block in layout.blocks])
    assert np.array_equal(np.sort(covered), np.arange(size))
    assert layout.unclaimed == ()


@given(
    size=st.integers(1, 30),
    places=st.lists(st.tuples(st.integers(0, 29), st.integers(1, 4)), max_size=4),
)
def test_complete_layout_covers_every_entry_once(size: int, places: list[tuple[int, int]]) -> None:
    blocks = [Block(f"p{i}", start, (length,)) for i, (start, length) in enumerate(places)]
    try:
        layout = parse_layout(blocks, size) if blocks else Layout((), size)
    except BlockLayoutError:
        return
    covered = np.concatenate([block.indices().ravel() for block in layout.complete()])
    assert np.array_equal(np.sort(covered), np.arange(size))


def test_number_has_size_one_and_an_empty_index() -> None:
    block = Block("s", 3, ())
    assert block.size == 1
    assert block.position(0) == ()
    assert block.view(np.arange(5.0)) == 3.0


# containers

Pair = namedtuple("Pair", ["W", "b"])


@dataclass
class Parameters:
    W: NDArray[np.float64]
    b: NDArray[np.float64]
    scale: float = 1.0


@dataclass(frozen=True)
class Frozen:
    W: NDArray[np.float64]


W = np.arange(6.0).reshape(2, 3)
b = np.array([7.0, 8.0])

CONTAINERS: dict[str, tuple[Any, list[str]]] = {
    "dict": ({"W": W, "b": b}, ["W", "b"]),
    "dict with other keys": ({0: W, ("a", 1): b}, ["[0]", "[('a', 1)]"]),
    "ordered dict": (OrderedDict(b=b, W=W), ["b", "W"]),
    "default dict": (defaultdict(list, W=W, b=b), ["W", "b"]),
    "read-only mapping": (MappingProxyType({"W": W, "b": b}), ["W", "b"]),
    "list": ([W, b], ["[0]", "[1]"]),
    "tuple": ((W, b), ["[0]", "[1]"]),
    "list with a number": ([2.0, b], ["[0]", "[1]"]),
    "namedtuple": (Pair(W, b), ["W", "b"]),
    "dataclass": (Parameters(W, b, 3.0), ["W", "b", "scale"]),
    "frozen dataclass": (Frozen(W), ["W"]),
    "nested": ({"layers": [Pair(W, b), Pair(2 * W, b)], "s": 4.0}, [
        "layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b", "s",
    ]),
    "empty array inside": ({"none": np.zeros((0, 3)), "b": b}, ["none", "b"]),
}  # fmt: skip


@pytest.mark.parametrize(("container", "names"), CONTAINERS.values(), ids=CONTAINERS)
def test_container_names_its_leaves_by_their_path(container: Any, names: list[str]) -> None:
    structure, _ = read_structure(container)
    assert [leaf.name for leaf in structure.leaves] == names
    assert structure.is_container


@pytest.mark.parametrize(("container", "names"), CONTAINERS.values(), ids=CONTAINERS)
def test_container_is_rebuilt_with_its_own_types(container: Any, names: list[str]) -> None:
    structure, flat = read_structure(container)
    rebuilt = structure.rebuild(flat.copy())
    assert type(rebuilt) is type(container) or isinstance(container, MappingProxyType)
    assert np.array_equal(structure.flatten(rebuilt), flat)
    assert len(names) == len(structure.leaves)


def test_number_in_a_container_is_handed_out_as_a_python_float() -> None:
    structure, flat = read_structure({"scale": 2, "b": b})
    assert type(structure.rebuild(flat)["scale"]) is float


def test_container_shares_no_memory_with_the_start() -> None:
    structure, flat = read_structure({"W": W})
    flat[0] = 99.0
    assert W[0, 0] == 0.0
    assert not np.shares_memory(structure.rebuild(flat)["W"], W)


def test_fortran_array_in_a_container_keeps_its_values() -> None:
    structure, flat = read_structure({"W": np.asfortranarray(W)})
    assert np.array_equal(structure.rebuild(flat)["W"], W)


def test_gradient_in_another_order_of_keys_is_put_right() -> None:
    structure, _ = read_structure({"W": W, "b": b})
    assert structure.flatten({"b": b, "W": W})[-2:].tolist() == b.tolist()


def test_gradient_as_a_dict_serves_a_dataclass() -> None:
    structure, flat = read_structure(Frozen(W))
    assert np.array_equal(structure.flatten({"W": W}), flat)


@pytest.mark.parametrize(
    ("gradient", "place"),
    [({"W": W}, "b"), ({"W": W, "b": np.ones(3)}, "b"), (np.ones(8), "W"), (None, "W")],
    ids=["missing", "of another size", "flat", "none"],
)
def test_gradient_of_another_structure_names_the_first_place_that_differs(
    gradient: Any, place: str
) -> None:
    structure, _ = read_structure({"W": W, "b": b})
    with pytest.raises(ArgumentError, match=rf"\b{place}\b"):
        structure.flatten(gradient)


def test_list_of_another_length_is_refused_with_both_lengths() -> None:
    structure, _ = read_structure([W, b])
    with pytest.raises(ArgumentError, match=r"3 parts.*2"):
        structure.flatten([W, b, b])


def test_leaves_of_one_path_in_different_places_get_names_of_their_own() -> None:
    structure, _ = read_structure({"a.b": b, "a": {"b": b}})
    names = [leaf.name for leaf in structure.leaves]
    assert len(set(names)) == 2


def test_list_of_numbers_is_an_array_and_not_a_container() -> None:
    structure, flat = read_structure([1, 2, 3])
    assert not structure.is_container
    assert isinstance(structure.rebuild(flat), np.ndarray)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_arrays_are_handed_out_in_their_own_type(dtype: Any) -> None:
    structure, flat = read_structure(np.array([1.0, 2.0], dtype=dtype))
    assert structure.rebuild(flat.copy()).dtype == dtype


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_integer_arrays_are_handed_out_as_float64(dtype: Any) -> None:
    structure, flat = read_structure(np.array([1, 0], dtype=dtype))
    assert structure.rebuild(flat.copy()).dtype == np.float64


def _leaves() -> st.SearchStrategy[Any]:
    numbers = st.floats(-1e6, 1e6)
    arrays = shapes.map(lambda shape: np.asarray(0.5 + np.arange(np.prod(shape)).reshape(shape)))
    return arrays | numbers


def _containers() -> st.SearchStrategy[Any]:
    keys = st.text("abcW_12", min_size=1, max_size=3)

    def nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            st.dictionaries(keys, inner, min_size=1, max_size=3)
            | st.tuples(inner, inner).map(lambda pair: Pair(*pair))
            | inner.map(Frozen)
            | inner.map(lambda part: [np.ones(2), part])
            | inner.map(lambda part: (part, np.ones(1)))
        )

    return nest(st.recursive(_leaves(), nest, max_leaves=5))


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, Frozen):
        return _same(a.W, b.W)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(np.array_equal(a, b)) and np.shape(a) == np.shape(b)


@given(_containers())
def test_any_container_survives_the_way_to_a_vector_and_back(container: Any) -> None:
    structure, flat = read_structure(container)
    assert flat.size == structure.size
    assert _same(structure.rebuild(flat.copy()), container)
    assert np.array_equal(structure.flatten(container), flat)
