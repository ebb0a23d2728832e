"""One problem, whichever of SciPy's conventions it came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import gradaudit
from gradaudit import ArgumentError, BlockLayoutError, Problem
from gradaudit.problem import as_problem, entry_name

Bounds: Any = optimize.Bounds  # the stubs know of numbers only
x = np.array([1.0, 2.0, 3.0])


def both(theta: Any, *_: Any) -> Any:
    return float(np.sum(np.asarray(theta) ** 2)), 2 * theta


def test_array_of_any_shape_becomes_a_flat_vector() -> None:
    problem = Problem(both, x.reshape(3, 1))
    assert problem.start.tolist() == [1.0, 2.0, 3.0]
    assert problem.structure.leaves[0].shape == (3, 1)


def test_start_is_a_copy() -> None:
    start = x.copy()
    problem = Problem(both, start)
    start[0] = 99.0
    assert problem.start[0] == 1.0


def test_argument_that_is_not_a_tuple_is_a_single_one() -> None:
    assert Problem(both, x, args=5).args == (5,)
    assert Problem(both, x, args=[1, 2]).args == ([1, 2],)
    assert Problem(both, x, args=(1, 2)).args == (1, 2)


@pytest.mark.parametrize(
    ("jac", "mode"), [(True, "together"), (both, "apart"), (None, "none"), (False, "none")]
)
def test_jac_says_where_the_gradient_comes_from(jac: Any, mode: str) -> None:
    assert Problem(both, x, jac=jac).mode == mode


@pytest.mark.parametrize("jac", ["2-point", "cs", 3, [1.0]])
def test_jac_that_is_no_function_is_refused_with_its_value(jac: Any) -> None:
    with pytest.raises(ArgumentError, match="jac is"):
        Problem(both, x, jac=jac)


@pytest.mark.parametrize("fun", [3.0, None, "fun", (1.0, x)])
def test_fun_that_cannot_be_called_is_refused_with_its_value(fun: Any) -> None:
    with pytest.raises(ArgumentError, match=r"fun is .*cannot be called"):
        Problem(fun, x)


def test_value_whose_repr_raises_is_still_refused_in_words() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    with pytest.raises(ArgumentError, match="Shy"):
        Problem(Shy(), x)  # type: ignore[arg-type]


# x0


@pytest.mark.parametrize("start", [np.zeros(0), {}, [], np.zeros((0, 3)), {"a": np.zeros(0)}])
def test_empty_start_is_refused(start: Any) -> None:
    with pytest.raises(ArgumentError, match="x0 is empty"):
        Problem(both, start)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_start_that_is_not_finite_is_refused_with_the_entry(value: float) -> None:
    with pytest.raises(ArgumentError, match=rf"x0\[1\] is {value}.*1 of 3"):
        Problem(both, np.array([1.0, value, 3.0]))


def test_entry_of_a_container_that_is_not_finite_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"b\[0, 1\] is nan"):
        Problem(both, {"W": x, "b": np.array([[1.0, np.nan]])})


@pytest.mark.parametrize(
    "start",
    [
        np.array([1.0, None], dtype=object),
        np.array([1.0, 2.0], dtype=object),
        "abc",
        None,
        np.array(["a"]),
        np.array([np.datetime64("2020-01-01")]),
        {"a": None},
    ],
    ids=["object", "object of numbers", "text", "none", "text array", "dates", "none inside"],
)
def test_start_that_is_not_numbers_is_refused_with_its_dtype(start: Any) -> None:
    with pytest.raises(ArgumentError, match="dtype"):
        Problem(both, start)


def test_complex_start_is_refused_with_a_way_out() -> None:
    with pytest.raises(ArgumentError, match=r"complex128.*real and imaginary"):
        Problem(both, x + 1j)


def test_masked_start_is_refused_with_a_way_out() -> None:
    with pytest.raises(ArgumentError, match=r"masked.*filled"):
        Problem(both, np.ma.masked_array(x, [False, True, False]))


def test_ragged_start_is_refused() -> None:
    with pytest.raises(ArgumentError, match="ragged"):
        Problem(both, [[1.0, 2.0], [3.0]])


# bounds


def test_pairs_and_bounds_object_mean_the_same() -> None:
    pairs = Problem(both, x, bounds=[(0, None), (None, 5), (-np.inf, np.inf)])
    bounds = Problem(both, x, bounds=Bounds([0, -np.inf, -np.inf], [np.inf, 5, np.inf]))
    assert pairs.lower is not None
    assert bounds.lower is not None
    assert pairs.lower.tolist() == bounds.lower.tolist() == [0, -np.inf, -np.inf]
    assert pairs.upper is not None
    assert bounds.upper is not None
    assert pairs.upper.tolist() == bounds.upper.tolist() == [np.inf, 5, np.inf]


def test_bounds_object_of_numbers_applies_to_all_entries() -> None:
    problem = Problem(both, x, bounds=Bounds(0, 10))
    assert problem.upper is not None
    assert problem.upper.tolist() == [10.0, 10.0, 10.0]


def test_array_of_pairs_is_accepted() -> None:
    problem = Problem(both, x, bounds=np.array([[0.0, 9.0]] * 3))
    assert problem.lower is not None
    assert problem.lower.tolist() == [0.0, 0.0, 0.0]


def test_infinite_bounds_are_no_bounds() -> None:
    problem = Problem(both, x, bounds=[(None, None)] * 3)
    assert problem.lower is None
    assert problem.upper is None


def test_low_above_high_is_refused_with_its_index() -> None:
    with pytest.raises(ArgumentError, match=r"bounds\[1\] is \(3, 2\)"):
        Problem(both, x, bounds=[(0, 9), (3, 2), (0, 9)])


def test_start_outside_its_bounds_is_refused_with_its_index() -> None:
    with pytest.raises(ArgumentError, match=r"x0\[2\] = 3 is outside.*\(4, 5\)"):
        Problem(both, x, bounds=[(0, 9), (0, 9), (4, 5)])


def test_bounds_of_another_number_are_refused_with_both() -> None:
    with pytest.raises(ArgumentError, match=r"1 pairs?.*3"):
        Problem(both, x, bounds=[(0, 9)])
    with pytest.raises(ArgumentError, match=r"2 entries.*3"):
        Problem(both, x, bounds=Bounds([0, 0], 10))


@pytest.mark.parametrize("bounds", [5, "abc", [1, 2, 3], [(0, 1, 2)] * 3, [("a", "b")] * 3])
def test_bounds_that_cannot_be_read_are_refused_with_their_value(bounds: Any) -> None:
    with pytest.raises(ArgumentError, match="bounds is"):
        Problem(both, x, bounds=bounds)


def test_bounds_with_nan_are_refused() -> None:
    with pytest.raises(ArgumentError, match="nan"):
        Problem(both, x, bounds=[(np.nan, 9)] * 3)


# layout


def test_given_blocks_win_over_the_container() -> None:
    problem = Problem(both, {"a": x, "b": x}, blocks="first=2,rest=4")
    assert problem.layout is not None
    assert [block.name for block in problem.layout.blocks] == ["first", "rest"]


def test_container_is_the_layout_when_none_is_given() -> None:
    problem = Problem(both, {"a": x, "b": x.reshape(1, 3)})
    assert problem.layout is not None
    assert [(b.name, b.shape) for b in problem.layout.blocks] == [("a", (3,)), ("b", (1, 3))]


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BlockLayoutError):
        Problem(both, x, blocks="a=2")


@pytest.mark.parametrize(
    ("index", "name"), [(0, "x0[0]"), (3, "W[0, 0]"), (4, "W[1, 0]"), (9, "s"), (10, "x0[10]")]
)
def test_entries_are_named_the_way_the_user_indexes_them(index: int, name: str) -> None:
    blocks = (
        gradaudit.Block("theta", 0, (3,)),
        gradaudit.Block("W", 3, (2, 3), "F"),
        gradaudit.Block("s", 9, ()),
    )
    assert entry_name(blocks, index, default="x0") == name


# Problem in place of fun and x0


def test_problem_stands_in_place_of_fun_and_x0() -> None:
    problem = Problem(both, x)
    assert as_problem(problem, None) is problem


@pytest.mark.parametrize(
    "given",
    [{"x0": x}, {"jac": None}, {"args": (1,)}, {"bounds": [(0, 9)] * 3}, {"blocks": "a=3"}],
    ids=["x0", "jac", "args", "bounds", "blocks"],
)
def test_what_a_problem_carries_must_not_be_given_again(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(ArgumentError, match=f"its own {name}"):
        as_problem(Problem(both, x), **{"x0": None, **given})


def test_missing_x0_is_refused() -> None:
    with pytest.raises(ArgumentError, match="x0 is missing"):
        as_problem(both, None)


def test_target_marks_a_function_and_returns_it() -> None:
    def cost(theta: Any) -> Any:
        return both(theta)

    assert gradaudit.target(x0=x, args=(1,))(cost) is cost
