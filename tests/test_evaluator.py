"""The only place that calls the user's code: copies, counts, limits, exceptions."""
# ruff: noqa: ARG001, ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import BadReturn, BudgetExhausted, EvaluationError, Problem
from gradaudit.evaluator import Evaluator, Progress, read_cost

x = np.array([1.0, 2.0, 3.0])


def as_matrix(values: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(values)


def both(theta: Any) -> Any:
    return float(theta @ theta), 2 * theta


def cost(theta: Any) -> float:
    return float(theta @ theta)


def grad(theta: Any) -> Any:
    return 2 * theta


def together(fun: Callable[..., Any] = both, x0: Any = x, **more: Any) -> Evaluator:
    return Evaluator(Problem(fun, x0), **more)


def apart(fun: Any = cost, jac: Any = grad, **more: Any) -> Evaluator:
    return Evaluator(Problem(fun, x, jac=jac), **more)


# copies


@pytest.mark.parametrize("make", [together, apart])
def test_function_gets_a_copy_of_the_point(make: Any) -> None:
    def clear(theta: Any) -> Any:
        theta[:] = 0.0
        return both(theta) if make is together else 0.0

    point = x.copy()
    make(clear).cost(point)
    make(clear).sample(point)
    assert point.tolist() == x.tolist()


def test_separate_gradient_gets_a_copy_of_its_own() -> None:
    seen: list[Any] = []
    evaluator = apart(lambda t: seen.append(t) or cost(t), lambda t: seen.append(t) or grad(t))
    evaluator.sample(x)
    assert not np.shares_memory(seen[0], seen[1])


def test_returned_gradient_is_copied_out() -> None:
    buffer = np.ones(3)
    evaluator = together(lambda theta: (1.0, buffer))
    sample = evaluator.sample(x)
    buffer[:] = 7.0
    assert sample.gradient.tolist() == [1.0, 1.0, 1.0]


def test_raw_gradient_is_kept_on_request_only() -> None:
    buffer = np.ones(3)
    evaluator = together(lambda theta: (1.0, buffer))
    assert evaluator.sample(x).raw_gradient is None
    assert evaluator.sample(x, keep_raw=True).raw_gradient is buffer


# what the function receives


def test_number_arrives_as_a_python_float() -> None:
    seen: list[Any] = []
    together(lambda t: seen.append(t) or (t * t, 2 * t), 2).sample(np.array([2.0]))
    assert type(seen[0]) is float


def test_zero_dimensional_array_arrives_as_one() -> None:
    seen: list[Any] = []
    together(lambda t: seen.append(t) or (t * t, 2 * t), np.array(2.0)).sample(np.array([2.0]))
    assert isinstance(seen[0], np.ndarray)
    assert seen[0].shape == ()


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 6), (3, 2, 1)])
def test_array_arrives_in_its_own_shape(shape: tuple[int, ...]) -> None:
    seen: list[Any] = []
    start = np.arange(6.0).reshape(shape)
    together(lambda t: seen.append(t) or (t.sum(), t), start).sample(start.reshape(-1))
    assert np.array_equal(seen[0], start)
    assert seen[0].shape == shape


def test_array_arrives_writeable_and_contiguous_whatever_the_start_was() -> None:
    start = np.arange(12.0)[::2]
    start.flags.writeable = False
    seen: list[Any] = []
    together(lambda t: seen.append(t) or (t.sum(), t), start).sample(start)
    assert seen[0].flags.writeable
    assert seen[0].flags.c_contiguous


def test_container_arrives_as_the_container() -> None:
    start = {"a": np.ones((2, 2)), "s": 3.0}
    evaluator = together(
        lambda p: (float(p["a"].sum() * p["s"]), {"a": p["s"] + 0 * p["a"], "s": p["a"].sum()}),
        start,
    )
    sample = evaluator.sample(evaluator.problem.start)
    assert sample.cost == 12.0
    assert sample.gradient.tolist() == [3.0, 3.0, 3.0, 3.0, 4.0]


def test_arguments_are_passed_on() -> None:
    problem = Problem(lambda t, a, b: (float(a * t[0] + b), np.array([a])), [1.0], args=(2, 3))
    assert Evaluator(problem).sample(problem.start).cost == 5.0


# counts


def test_call_of_the_pair_counts_once_as_cost_and_once_as_gradient() -> None:
    evaluator = together()
    evaluator.sample(x)
    evaluator.cost(x)
    assert (evaluator.calls, evaluator.cost_calls, evaluator.gradient_calls) == (2, 2, 2)


def test_separate_calls_count_apart() -> None:
    evaluator = apart()
    evaluator.sample(x)
    evaluator.cost(x)
    evaluator.gradient(x)
    assert (evaluator.calls, evaluator.cost_calls, evaluator.gradient_calls) == (4, 2, 2)


def test_batch_counts_each_point() -> None:
    evaluator = together()
    values = evaluator.costs(x * k for k in range(5))
    assert values.tolist() == [14.0 * k * k for k in range(5)]
    assert evaluator.cost_calls == 5


def test_call_that_raises_counts() -> None:
    def raising(theta: Any) -> Any:
        raise ValueError("no")

    evaluator = together(raising)
    assert np.isnan(evaluator.cost(x))
    assert evaluator.calls == 1


def test_batch_hands_the_free_gradient_to_its_observer() -> None:
    seen: list[tuple[int, list[float]]] = []
    together().costs([x, 2 * x], lambda i, g: seen.append((i, g.tolist())))
    assert seen == [(0, [2.0, 4.0, 6.0]), (1, [4.0, 8.0, 12.0])]


# limits


def test_budget_bounds_all_calls() -> None:
    evaluator = apart(budget=3)
    evaluator.sample(x)
    evaluator.cost(x)
    with pytest.raises(BudgetExhausted, match="3 evaluations"):
        evaluator.gradient(x)
    assert evaluator.calls == 3


def test_budget_interrupts_a_batch() -> None:
    evaluator = together(budget=2)
    with pytest.raises(BudgetExhausted):
        evaluator.costs([x, x, x])


def test_first_call_is_made_however_short_the_time() -> None:
    evaluator = together(seconds=1e-9)
    evaluator.cost(x)
    with pytest.raises(BudgetExhausted, match="time"):
        evaluator.cost(x)


def test_budget_is_not_mistaken_for_an_exception_of_the_users() -> None:
    evaluator = together(budget=1)
    evaluator.cost(x)
    with pytest.raises(BudgetExhausted):
        evaluator.try_sample(x, where="here")


# exceptions


def test_exception_at_an_indispensable_point_is_chained_with_the_place() -> None:
    def raising(theta: Any) -> Any:
        raise ZeroDivisionError("nothing to divide")

    with pytest.raises(EvaluationError, match=r"raising raised ZeroDivisionError at x0: nothing"):
        together(raising).sample(x)


def test_users_exception_is_the_cause() -> None:
    own = KeyError("mine")

    def raising(theta: Any) -> Any:
        raise own

    with pytest.raises(EvaluationError) as caught:
        together(raising).sample(x, where="point 2")
    assert caught.value.__cause__ is own
    assert caught.value.where == "point 2"


def test_exception_elsewhere_is_nan_and_the_first_is_kept() -> None:
    def raising(theta: Any) -> Any:
        raise ValueError(f"at {theta[0]:g}")

    evaluator = together(raising)
    values = evaluator.costs([x, 2 * x])
    assert np.isnan(values).all()
    assert str(evaluator.first_exception) == "at 1"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass_through(error: type[BaseException]) -> None:
    def stop(theta: Any) -> Any:
        raise error

    for call in (together(stop).cost, together(stop).sample):
        with pytest.raises(error):
            call(x)
    with pytest.raises(error):
        together(stop).try_sample(x, where="here")


def test_try_sample_is_none_where_the_function_fails() -> None:
    def raising(theta: Any) -> Any:
        raise ValueError

    assert together(raising).try_sample(x, where="here") is None
    assert together(lambda theta: None).try_sample(x, where="here") is None


def test_change_of_numpys_error_handling_does_not_outlive_the_call() -> None:
    def strict(theta: Any) -> Any:
        np.seterr(all="raise")
        return both(theta)

    before = np.geterr()
    together(strict).sample(x)
    assert np.geterr() == before


def test_floating_point_warnings_of_the_function_are_silent() -> None:
    assert np.isnan(together(lambda t: (np.log(-t[0]), t)).cost(x))


def test_problem_without_a_gradient_gives_zeros_for_it() -> None:
    evaluator = Evaluator(Problem(cost, x, jac=None))
    sample = evaluator.sample(x)
    assert sample.cost == cost(x)
    assert not sample.gradient.any()
    assert (evaluator.cost_calls, evaluator.gradient_calls) == (1, 0)


def test_pair_without_jac_is_a_matter_of_the_flag() -> None:
    with pytest.raises(BadReturn, match="although jac is not True") as caught:
        Evaluator(Problem(lambda t: (cost(t), t), x, jac=None)).sample(x)
    assert caught.value.slug == "jac-flag"


# reading what is returned


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.float64(2), np.array(2.0), np.array([2.0]), np.array([[2.0]]),
     as_matrix([[2.0]]), np.ma.masked_array(2.0), np.bool_(True) + 1],
)  # fmt: skip
def test_anything_with_one_real_entry_is_a_cost(value: Any) -> None:
    assert read_cost(value)[0] == 2.0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((2, 2)), r"shape \(2, 2\)"),
        (np.zeros(0), r"shape \(0,\)"),
        (1 + 2j, "real"),
        (np.ma.masked, "masked"),
        (np.ma.masked_array([1.0], [True]), "masked"),
        ("1.0", "str"),
        (object(), "object"),
        ({"cost": 1.0}, "dict"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(value: Any, words: str) -> None:
    with pytest.raises(BadReturn, match=words):
        read_cost(value)


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        (None, "wrong-shape"),
        ((1.0,), "wrong-shape"),
        ((1.0, x, 3), "wrong-shape"),
        (1.0, "jac-flag"),
        (x, "jac-flag"),
        (1j, "jac-flag"),
    ],
)
def test_pair_that_is_not_one_is_refused(value: Any, slug: str) -> None:
    with pytest.raises(BadReturn, match="jac=True") as caught:
        together(lambda theta: value).sample(x)
    assert caught.value.slug == slug


def test_list_of_two_is_a_pair() -> None:
    assert together(lambda theta: [1.0, 2 * theta]).sample(x).cost == 1.0


def test_pair_where_a_number_is_due_is_a_jac_flag() -> None:
    with pytest.raises(BadReturn, match="tuple of 2") as caught:
        apart(both, grad).sample(x)
    assert caught.value.slug == "jac-flag"


@pytest.mark.parametrize(
    "gradient",
    [[2.0, 4.0, 6.0], (2, 4, 6), np.array([2, 4, 6]), np.array([[2.0], [4.0], [6.0]]),
     as_matrix([2.0, 4.0, 6.0]), np.array([2, 4, 6], dtype=np.float32)],
    ids=["list", "tuple", "integers", "column", "matrix", "float32"],
)  # fmt: skip
def test_gradient_in_any_dress_is_read_as_float64(gradient: Any) -> None:
    sample = together(lambda theta: (1.0, gradient)).sample(x)
    assert sample.gradient.tolist() == [2.0, 4.0, 6.0]
    assert sample.gradient.dtype == np.float64
    assert bool(sample.misshapen) == (np.shape(gradient) != (3,))


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (None, "None"),
        (np.ones(2), "2 entries.*3"),
        (1.0, "1 entry .*3"),
        (np.ones(3) * 1j, "real"),
        (np.array([1, None, 2], dtype=object), "real"),
        ([[1.0], [1.0, 2.0]], "ragged"),
        ("abc", "real"),
    ],
)
def test_gradient_that_cannot_be_one_is_refused_with_what_it_is(gradient: Any, words: str) -> None:
    with pytest.raises(BadReturn, match=words):
        together(lambda theta: (1.0, gradient)).sample(x)


def test_bad_return_keeps_its_slug_through_pickling() -> None:
    error = pickle.loads(pickle.dumps(BadReturn("no", slug="jac-flag")))
    assert error.slug == "jac-flag"
    assert str(error) == "no"


# complex steps and progress


def test_complex_cost_goes_through() -> None:
    value = apart(lambda t: (t**2).sum()).complex_cost(x + 1j * np.array([1e-20, 0, 0]))
    assert value.imag == 2e-20


def test_complex_cost_is_nan_where_the_function_refuses() -> None:
    def real_only(t: Any) -> float:
        if np.iscomplexobj(t):
            raise TypeError("complex numbers are not for us")
        return cost(t)

    value = apart(real_only).complex_cost(x + 1e-20j)
    assert np.isnan(value.real)


def test_listener_hears_of_every_call() -> None:
    heard: list[int] = []
    evaluator = together(listener=lambda progress: heard.append(progress.done))
    evaluator.sample(x)
    evaluator.cost(x)
    assert heard == [1, 2]


def test_forecast_extends_the_time_so_far() -> None:
    assert Progress(done=10, planned=30, seconds=2.0).remaining == 4.0
    assert Progress(done=0, planned=30).remaining is None
    assert Progress(done=5).remaining is None
    assert Progress(done=40, planned=30, seconds=2.0).remaining == 0.0


def test_time_in_the_users_function_is_measured() -> None:
    evaluator = together()
    evaluator.sample(x)
    assert 0.0 < evaluator.user_seconds < 1.0
