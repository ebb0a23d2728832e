"""Constraints: met or not, together possible or not, independent or not; closed forms."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.optimize import LinearConstraint, NonlinearConstraint

from gradaudit.optimizers.call import minimize_call
from gradaudit.optimizers.feasibility import Feasibility, feasible, observe_feasibility

ORIGIN = np.zeros(2)


def constraints_of(*given: Any):
    method = "SLSQP" if all(isinstance(each, dict) for each in given) else "trust-constr"
    call = minimize_call(lambda x: float(x @ x), ORIGIN, method=method, constraints=list(given))
    return call.constraints


def eq(fun):
    return {"type": "eq", "fun": fun}


def ineq(fun):
    return {"type": "ineq", "fun": fun}


def seen(
    *given: Any,
    start: ArrayLike = ORIGIN,
    end: ArrayLike = ORIGIN,
    gradient: ArrayLike | None = None,
    bounds: Any = None,
) -> Feasibility:
    lower, upper = (None, None) if bounds is None else bounds
    stop = np.asarray(end, dtype=float)
    return observe_feasibility(
        constraints_of(*given),
        np.asarray(start, dtype=float),
        stop,
        np.ones(stop.size),
        None if gradient is None else np.asarray(gradient, dtype=float),
        None,
        lower,
        upper,
    )


LINE = eq(lambda x: x[0] + x[1] - 1.0)


@pytest.mark.parametrize(
    ("point", "met"), [([1.0, 0.0], True), ([0.3, 0.7], True), ([0.0, 0.0], False)]
)
def test_point_on_the_line_is_feasible(point, met):
    assert feasible(constraints_of(LINE), np.array(point)) is met


def test_point_is_feasible_without_constraints():
    assert feasible((), ORIGIN)


def test_constraint_that_raises_is_not_met():
    def broken(_x):
        raise ValueError("far away")

    assert not feasible(constraints_of(eq(broken)), ORIGIN)


@pytest.mark.parametrize(("value", "met"), [(-2.0, False), (-1.0, True), (0.5, True), (1.5, False)])
def test_limits_on_both_sides_hold(value, met):
    between = NonlinearConstraint(lambda x: x[0], -1.0, 1.0)
    assert feasible(constraints_of(between), np.array([value, 0.0])) is met
    linear = LinearConstraint([[1.0, 0.0]], -1.0, 1.0)
    assert feasible(constraints_of(linear), np.array([value, 0.0])) is met


def test_violation_is_told_in_units_of_the_constraints_gradient():
    found = seen(eq(lambda x: 1e3 * (x[0] + x[1] - 1.0)), start=[0.5, 0.5], end=[0.0, 0.0])
    # 1000 over 1000 sqrt 2
    assert found.missed_at_end == pytest.approx(1.0 / math.sqrt(2.0), rel=1e-6)
    assert found.missed_at_start == pytest.approx(0.0, abs=1e-9)


def test_worst_constraint_is_named_by_its_number():
    found = seen(eq(lambda x: x[0] - 0.1), eq(lambda x: x[1] - 5.0))
    assert found.worst == 2


def test_constraints_that_contradict_each_other_leave_a_rest():
    found = seen(ineq(lambda x: x[0] - 3.0), ineq(lambda x: 1.0 - x[0]))
    assert found.closest is not None
    # the middle, 2, misses both by 1
    assert found.closest == pytest.approx(1.0, rel=0.1)


def test_constraint_that_contradicts_the_bounds_leaves_a_rest():
    found = seen(eq(lambda x: x[0] - 3.0), bounds=(np.zeros(2), np.ones(2)))
    assert found.closest == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize(
    "given",
    [
        (LINE,),
        (eq(lambda x: x[0] ** 2 + x[1] ** 2 - 4.0), ineq(lambda x: x[0])),
        (ineq(lambda x: x[0] - 7.0),),
    ],
)
def test_constraints_that_can_be_met_are_met_by_the_search(given):
    found = seen(*given, start=[0.3, 0.1], end=[0.3, 0.1])
    assert found.missed_at_end > 0.0
    assert found.closest is not None
    assert found.closest <= 1e-5


def test_constraints_that_are_met_need_no_search():
    assert seen(LINE, end=[0.5, 0.5]).closest is None


def test_repeated_equality_is_dependent_whatever_its_factor():
    again = eq(lambda x: -7.0 * (x[0] + x[1] - 1.0))
    found = seen(LINE, again, end=[0.5, 0.5])
    assert (found.equalities, found.rank, found.dependent) == (2, 1, (2,))


def test_constant_equality_is_dependent():
    assert seen(LINE, eq(lambda _x: 0.0), end=[0.5, 0.5]).dependent == (2,)


def test_crossing_lines_are_independent():
    found = seen(LINE, eq(lambda x: x[0] - x[1]), end=[0.5, 0.5])
    assert (found.equalities, found.rank, found.dependent) == (2, 2, ())


def test_nearly_parallel_lines_are_independent():
    found = seen(LINE, eq(lambda x: x[0] + 1.001 * x[1] - 1.0005), end=[0.5, 0.5])
    assert found.dependent == ()


def test_inequalities_are_not_counted_as_equalities():
    found = seen(ineq(lambda x: x[0]), ineq(lambda x: 2.0 * x[0]), end=[0.0, 0.0])
    assert found.equalities == 0


@pytest.mark.parametrize(
    ("end", "gradient", "rest"),
    [
        ([0.5, 0.5], [1.0, 1.0], 0.0),  # the nearest point of the line to the origin
        ([1.0, 0.0], [2.0, 0.0], 1.0 / math.sqrt(2.0)),  # half of the gradient lies along it
        ([0.5, 0.5], [1.0, -1.0], 1.0),
    ],
)
def test_part_of_the_gradient_along_an_equality_stays_unbalanced(end, gradient, rest):
    found = seen(LINE, end=end, gradient=gradient)
    assert found.stationarity == pytest.approx(rest, abs=1e-6)


@pytest.mark.parametrize(("gradient", "rest"), [([3.0, 0.0], 0.0), ([-3.0, 0.0], 1.0)])
def test_inequality_pushes_in_one_direction_only(gradient, rest):
    found = seen(ineq(lambda x: x[0]), end=[0.0, 0.0], gradient=gradient)
    assert found.stationarity == pytest.approx(rest, abs=1e-6)


def test_inequality_that_is_not_active_balances_nothing():
    found = seen(ineq(lambda x: x[0] + 5.0), end=[0.0, 0.0], gradient=[1.0, 0.0])
    assert found.stationarity == 1.0


def test_bound_balances_as_a_constraint_does():
    bounds = np.zeros(2), np.ones(2)
    found = seen(LINE, end=[1.0, 0.0], gradient=[-5.0, 1.0], bounds=bounds)
    assert found.stationarity == pytest.approx(0.0, abs=1e-6)


def test_gradient_of_zero_is_balanced():
    assert seen(LINE, end=[0.5, 0.5], gradient=[0.0, 0.0]).stationarity == 0.0


def test_exception_of_a_constraint_is_told():
    def broken(_x):
        raise ValueError("no logarithm")

    found = seen(eq(broken))
    assert found.raised == "ValueError: no logarithm"
    assert found.evaluations == 1


def test_many_parameters_are_only_asked_whether_they_meet_their_constraints():
    many = np.zeros(61)
    found = seen(eq(lambda x: x.sum() - 1.0), start=many, end=many)
    assert found.evaluations == 2
    assert found.missed_at_end == pytest.approx(0.5)  # 1 over 1 plus its size
    assert math.isnan(found.stationarity)
