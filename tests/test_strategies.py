"""What the strategies draw, and what they shrink to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import gradaudit
from gradaudit import ArgumentError, strategies
from gradaudit.strategies import KINDS, batches, containers, datasets, problems, sizes, vectors
from reference_models.factories import FACTORIES, make_network
from reference_models.slips import SLIPS

QUICK = settings(max_examples=200, database=None, derandomize=True, deadline=None)


def drawn(strategy: st.SearchStrategy[Any], count: int = 200) -> list[Any]:
    seen: list[Any] = []

    every: Any = list(HealthCheck)

    @settings(QUICK, max_examples=count, suppress_health_check=every)
    @given(strategy)
    def collect(value: Any) -> None:
        seen.append(value)

    collect()
    return seen


# sizes


def test_sizes_are_distinct_and_at_least_2_but_for_a_share_of_coincidences() -> None:
    shapes = [tuple(s.values()) for s in drawn(sizes(["n", "k", "m"]))]
    clean = [s for s in shapes if len(set(s)) == 3 and min(s) >= 2]
    assert 0.5 * len(shapes) < len(clean) < len(shapes)
    assert any(1 in s for s in shapes)
    assert any(len(set(s)) < 3 and 1 not in s for s in shapes)


def test_sizes_shrink_to_2_3_4() -> None:
    assert find(sizes(["n", "k", "m"]), lambda _s: True, settings=QUICK) == {"n": 2, "k": 3, "m": 4}
    smallest = find(sizes(["n", "k", "m"]), lambda s: s["n"] > s["m"], settings=QUICK)
    assert smallest == {"n": 3, "k": 2, "m": 2} or sum(smallest.values()) <= 9


def test_bounds_given_are_kept() -> None:
    for shape in drawn(sizes(["n", "m"], n=(3, 4), m=7), 50):
        assert shape["n"] in (3, 4)
    with pytest.raises(ArgumentError, match="is not among the names"):
        sizes(["n"], m=3)


# problems


@pytest.mark.parametrize("factory", FACTORIES)
def test_problems_of_a_factory_can_be_checked(factory: Any) -> None:
    for problem in drawn(problems(factory), 5):
        assert isinstance(problem, gradaudit.Problem)
        assert repr(problem).startswith(f"{factory.__name__}(")
        assert gradaudit.check(problem, rng=0, points=1).verdict != "FAIL"


def test_a_failing_problem_shrinks_to_the_smallest_shape() -> None:
    strategy = problems(SLIPS["question2.mean_biases"].factory)
    smallest = find(
        strategy, lambda p: gradaudit.check(p, rng=0, points=1).verdict == "FAIL", settings=QUICK
    )
    assert smallest.sizes == {"n": 2, "k": 3, "m": 4}


def test_the_same_sizes_give_the_same_problem() -> None:
    starts: dict[str, Any] = {}

    def make(n: int, m: int):
        data = np.random.random((m, n))  # not seeded by its author
        return (lambda x: (0.5 * float(np.sum((x - data) ** 2)), (x - data).sum(axis=0))), data[0]

    for problem in drawn(problems(make), 100):
        start = starts.setdefault(repr(problem), problem.start)
        assert np.array_equal(start, problem.start)


def test_shapes_that_a_factory_rejects_are_not_drawn() -> None:
    def make(n: int, m: int):
        from hypothesis import assume

        assume(m > n)
        return make_network(n, 3, m)

    assert all(p.sizes["m"] > p.sizes["n"] for p in drawn(problems(make), 30))


def test_a_role_that_cannot_be_guessed_is_said_at_once() -> None:
    def make(n: int, activation): ...

    with pytest.raises(ArgumentError, match="activation"):
        problems(make)


# vectors and data


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_of_their_kind(kind: Any) -> None:
    for vector in drawn(vectors((20, 3), kinds=[kind]), 20):
        assert vector.shape == (20, 3)
        assert np.isfinite(vector).all()
        size = np.abs(vector[vector != 0])
        assert (kind == "with zeros") == bool((vector == 0).any())
        if kind == "badly scaled":
            assert size.max() > 1e3 * size.min()
        if kind == "near saturation":
            assert size.max() > 15


def test_vectors_shrink_to_the_first_kind() -> None:
    smallest = find(vectors(4), lambda _v: True, settings=QUICK)
    assert 0.01 < np.abs(smallest).max() < 5
    with pytest.raises(ArgumentError, match="kinds holds"):
        vectors(4, kinds=["huge"])  # type: ignore[list-item]


def test_containers_hold_the_same_arrays_in_several_forms() -> None:
    forms = {type(value) for value in drawn(containers({"W": (2, 3), "b": 3}), 60)}
    assert forms == {dict, list, tuple}
    for value in drawn(containers({"W": (2, 3), "b": 3}), 20):
        arrays = list(value.values()) if isinstance(value, dict) else list(value)
        assert [array.shape for array in arrays] == [(2, 3), (3,)]


def test_data_follow_from_their_shape() -> None:
    seen: dict[tuple[int, ...], Any] = {}
    for data in drawn(datasets(st.integers(1, 4), 3), 60):
        assert np.array_equal(seen.setdefault(data.shape, data), data)
    assert set(seen) == {(m, 3) for m in (1, 2, 3, 4)}


def test_batches_are_rows_in_their_order() -> None:
    data = np.arange(12.0).reshape(6, 2)
    for batch in drawn(batches(data, smallest=2), 60):
        assert 2 <= len(batch) <= 6
        assert np.all(np.diff(batch[:, 0]) > 0)


# the search


def test_finding_a_shape_tells_failures_from_rejections() -> None:
    parameters = gradaudit.shapes.roles.read_parameters(make_network, {})  # type: ignore[attr-defined]

    def fails(shape: dict[str, Any]) -> bool | None:
        return None if shape["n"] == 2 else shape["m"] > 4

    found = strategies.find_shape(parameters, fails, examples=100, seed=0)
    assert found is not None
    assert found["n"] != 2
    assert found["m"] == 5
    none = strategies.find_shape(parameters, lambda _s: False, examples=20, seed=0)
    assert none is None
    with pytest.raises(NoSuchExample):
        find(sizes(["n"]), lambda _s: False, settings=settings(QUICK, max_examples=10))
