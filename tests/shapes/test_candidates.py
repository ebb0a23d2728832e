"""Which shapes are tried, in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradaudit.shapes.candidates import clean_shapes, coincidences, is_clean, smaller_shapes
from gradaudit.shapes.roles import Parameter


def sizes(*names: str, **ranges: tuple[int, int]) -> list[Parameter]:
    free = [Parameter(name=name, role="size", high=9) for name in names]
    return free + [
        Parameter(name=name, role="size", low=low, high=high, bounded=True)
        for name, (low, high) in ranges.items()
    ]


def test_the_first_shape_is_the_smallest_that_hides_nothing() -> None:
    assert next(clean_shapes(sizes("n", "k", "m"))) == {"n": 2, "k": 3, "m": 4}


@pytest.mark.parametrize("count", range(1, 7))
def test_clean_shapes_are_distinct_and_at_least_2(count: int) -> None:
    shapes = list(clean_shapes(sizes(*"abcdef"[:count])))
    assert shapes
    assert all(is_clean(list(shape.values())) for shape in shapes)


def test_every_pair_of_sizes_is_tried_in_both_orders() -> None:
    shapes = list(clean_shapes(sizes("n", "k", "m")))
    for first, second in (("n", "k"), ("n", "m"), ("k", "m")):
        assert {shape[first] < shape[second] for shape in shapes} == {True, False}


def test_coincidences_cover_every_1_and_every_tie() -> None:
    shapes = [tuple(shape.values()) for shape in coincidences(sizes("n", "k", "m"))]
    assert {(1, 3, 4), (2, 1, 4), (2, 3, 1), (1, 1, 1), (3, 3, 3)} <= set(shapes)
    for tied in ((0, 1), (0, 2), (1, 2)):
        other = ({0, 1, 2} - set(tied)).pop()
        assert any(s[tied[0]] == s[tied[1]] != s[other] and 1 not in s for s in shapes)


@given(
    st.dictionaries(
        st.sampled_from("abcde"),
        st.tuples(st.integers(1, 6), st.integers(0, 5)).map(lambda p: (p[0], p[0] + p[1])),
        min_size=1,
    )
)
def test_no_shape_leaves_its_ranges(ranges: dict[str, tuple[int, int]]) -> None:
    parameters = sizes(**ranges)
    tried = [*clean_shapes(parameters), *coincidences(parameters)]
    largest = {name: high for name, (_, high) in ranges.items()}
    tried += smaller_shapes(parameters, largest)
    assert tried
    for shape in tried:
        assert all(low <= shape[name] <= high for name, (low, high) in ranges.items()), shape


def test_smaller_shapes_are_simpler_and_begin_with_the_simplest() -> None:
    steps = [tuple(s.values()) for s in smaller_shapes(sizes("n", "k"), {"n": 6, "k": 4})]
    assert steps[0] == (2, 4)
    assert (6, 2) in steps
    assert (4, 6) in steps
    assert all(sum(step) <= 10 for step in steps if is_clean(step))


def test_what_is_tied_can_shrink_together() -> None:
    steps = list(smaller_shapes(sizes("n", "k", "m"), {"n": 2, "k": 3, "m": 3}))
    assert {"n": 3, "k": 2, "m": 2} in steps
