"""Products with directions against differences: what is measured, and which cause is named."""
# ruff: noqa: ARG005  (a function has to take its argument, whether it uses it or not)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradaudit.blocks import Block
from gradaudit.errors import BudgetExhausted
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.curvature import audit_curvature
from gradaudit.evidence.vector import Samples, VectorAuditor, VectorPoint
from gradaudit.evidence.vector_calls import VectorCalls, read_values
from gradaudit.evidence.vector_cause import explain, measure_columns

Array = NDArray[np.float64]
COUPLING = np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0], [0.7, 0.2, 1.0], [2.0, -0.3, 0.4]])
THETA = np.array([0.3, -0.8, 0.5])


def fun(x: Array) -> Array:
    return np.tanh(COUPLING @ x) + x @ x


def jac(x: Array) -> Array:
    return (1 - np.tanh(COUPLING @ x) ** 2)[:, None] * COUPLING + 2 * x


def auditor_of(derivative: Any, function: Any = fun, **settings: Any) -> VectorAuditor:
    budget = settings.pop("budget", None)
    calls = VectorCalls(function, derivative, budget=budget)
    return VectorAuditor(calls, np.random.default_rng(0), **settings)


def audited(derivative: Any, function: Any = fun, theta: Array = THETA) -> VectorPoint:
    auditor = auditor_of(derivative, function)
    point = auditor.begin("x0", theta)
    auditor.audit(point)
    return point


def test_every_row_of_a_right_derivative_agrees_after_twelve_evaluations() -> None:
    auditor = auditor_of(jac)
    point = auditor.begin("x0", THETA)
    auditor.audit(point)
    assert auditor.calls.calls == 2 + 12
    assert all(reading.agreed.all() for reading in point.readings)
    assert point.seen_rows().all()
    assert not point.wrong


def test_one_wrong_row_is_confirmed_along_a_second_line() -> None:
    point = audited(lambda x: jac(x) * np.array([1, 1, 1.5, 1])[:, None])
    assert point.wrong_rows.tolist() == [2]
    assert {c.row for c in point.confirmed} == {2}
    assert all(c.wrong(1e-6) for c in point.confirmed)


def test_equal_errors_of_opposite_sign_do_not_cancel() -> None:
    """Random signs alone would hide exchanged columns along every other line."""
    for seed in range(20):
        calls = VectorCalls(fun, lambda x: jac(x)[:, [1, 0, 2]])
        auditor = VectorAuditor(calls, np.random.default_rng(seed))
        point = auditor.begin("x0", THETA)
        auditor.audit(point)
        assert point.wrong


def test_kink_at_the_point_is_neither_agreement_nor_error() -> None:
    point = audited(
        lambda x: np.diag((x > 0) * 1.0), lambda x: np.maximum(0.0, x), np.array([0.0, 1.0, 2.0])
    )
    assert not point.wrong
    assert not point.seen_rows()[0]
    assert point.seen_rows()[1:].all()


def test_noise_explains_a_difference_before_a_ladder_is_asked() -> None:
    def noisy(x: Array) -> Array:
        return fun(x) + 1e-7 * ((np.sin(1e9 * x.sum() + np.arange(4)) * 43758.5) % 1 - 0.5)

    auditor = auditor_of(jac, noisy)
    point = auditor.begin("x0", THETA)
    auditor.audit(point)
    assert point.noise is not None
    assert (point.noise > 1e-9).all()
    assert (point.noise < 1e-6).all()
    assert not point.wrong
    assert point.seen_rows().all()


def test_rows_that_stand_still_are_known_as_such() -> None:
    auditor = auditor_of(lambda x: np.diag(2 * x), lambda x: np.trunc(x) ** 2)
    point = auditor.begin("x0", THETA)
    reading = auditor.read(point, Samples(auditor.calls, point, auditor.random_direction(point)))
    assert reading.still.all()
    assert not reading.clear.any()


def test_point_on_a_bound_is_moved_off_it_and_says_so() -> None:
    auditor = auditor_of(jac, lower=np.array([0.3, -1.0, 0.0]), upper=np.array([1.0, 1.0, 0.5]))
    point = auditor.begin("x0", THETA)
    assert point.name == "x0, moved off its bounds"
    assert (point.theta > [0.3, -1.0, 0.0]).all()
    assert (point.theta < [1.0, 1.0, 0.5]).all()


def test_protocol_takes_six_calls_and_sees_nothing_in_good_manners() -> None:
    auditor = auditor_of(jac)
    protocol = auditor.observe_protocol(THETA)
    assert auditor.calls.calls == 6
    assert protocol.repeatable
    assert (protocol.rows, protocol.columns) == (4, 3)
    assert protocol.mutated == ""
    assert not any((protocol.aliased_value, protocol.aliased_derivative, protocol.stale))
    assert not any((protocol.fixed_value, protocol.fixed_derivative))


def test_jacobian_in_a_reused_buffer_is_seen() -> None:
    buffer = np.zeros((4, 3))

    def reused(x: Array) -> Array:
        buffer[:] = jac(x)
        return buffer

    assert auditor_of(reused).observe_protocol(THETA).aliased_derivative


def test_argument_returned_as_it_is_is_no_alias() -> None:
    protocol = auditor_of(lambda x: np.eye(3), lambda x: x).observe_protocol(THETA)
    assert not protocol.aliased_value
    assert protocol.fixed_derivative


CAUSES: dict[str, tuple[Callable[[Array], Array], str]] = {
    "factor": (lambda m: 3 * m, "scale"),
    "zero": (lambda m: 0 * m, "zero"),
    "row": (lambda m: m * np.array([1, 2, 1, 1])[:, None], "rows"),
    "rows": (lambda m: m * np.array([3, 2, 4, 5])[:, None], "row-scale"),
    "column": (lambda m: m * np.array([1, 1, 2]), "columns"),
    "columns": (lambda m: m * np.array([1, 3, 2]), "column-scale"),
    "exchanged columns": (lambda m: m[:, [1, 0, 2]], "swapped-columns"),
    "exchanged rows": (lambda m: m[[0, 2, 1, 3]], "swapped-rows"),
    "shifted rows": (lambda m: np.roll(m, 1, axis=0), "row-order"),
    "shifted columns": (lambda m: np.roll(m, 1, axis=1), "column-order"),
    "entry": (lambda m: m + 0.1 * (np.arange(12).reshape(4, 3) == 7), "entries"),
    "nothing of these": (lambda m: m**3 + 0.1, ""),
}


@pytest.mark.parametrize("name", CAUSES)
def test_cause_is_named(name: str) -> None:
    change, kind = CAUSES[name]
    auditor = auditor_of(lambda x: change(jac(x)))
    points = [auditor.begin("x0", THETA), auditor.begin("point 2", 1.3 - THETA)]
    for point in points:
        auditor.audit(point)
    assert points[0].wrong
    assert explain(auditor, points[0], points).kind == kind


def test_columns_are_measured_in_units_of_the_parameters() -> None:
    auditor = auditor_of(jac, blocks=[Block("a", 0, (1,)), Block("b", 1, (2,))])
    point = auditor.begin("x0", THETA)
    auditor.audit(point)
    found = measure_columns(auditor, point, [0, 2])
    assert found is not None
    np.testing.assert_allclose(found.right, jac(THETA)[:, [0, 2]], rtol=1e-8)
    assert not found.wrong.any()


def test_values_in_any_form_are_read_as_a_flat_copy() -> None:
    array = np.array([[1.0, 2.0]])
    read = read_values(array, "the residual")
    array[:] = 0.0
    assert read.tolist() == [1.0, 2.0]
    assert read_values(3, "the residual").tolist() == [3.0]
    assert read_values([1, 2.5], "the residual").tolist() == [1.0, 2.5]


@pytest.mark.parametrize("raw", [None, [[1.0], [1.0, 2.0]], 1j, "text", object()])
def test_what_is_not_real_numbers_is_refused(raw: Any) -> None:
    with pytest.raises(BadReturn, match="the residual"):
        read_values(raw, "the residual")


def test_budget_ends_the_calls() -> None:
    auditor = auditor_of(jac, budget=5)
    with pytest.raises(BudgetExhausted, match="5 evaluations"):
        auditor.observe_protocol(THETA)
    assert auditor.calls.calls == 5


@pytest.mark.parametrize("factor", [1.0, -1.0, 1.2])
def test_second_differences_of_the_cost_tell_a_factor(factor: float) -> None:
    calls = VectorCalls(lambda x: float(np.sum(x**4) + x[0] * x[1] ** 2), _quartic_hessian(factor))
    auditor = VectorAuditor(calls, np.random.default_rng(0))
    found = audit_curvature(auditor, [("x0", THETA), ("point 2", 1.3 - THETA)])
    assert found.seen
    if factor == 1.0:
        assert not found.wrong
    else:
        assert found.factor == pytest.approx(factor, rel=1e-4)


def _quartic_hessian(factor: float) -> Callable[[Array], Array]:
    def hess(x: Array) -> Array:
        matrix = np.diag(12 * x**2)
        matrix[1, 1] += 2 * x[0]
        matrix[0, 1] += 2 * x[1]
        matrix[1, 0] += 2 * x[1]
        return factor * matrix

    return hess
