"""A numerical derivative that says how far it can be trusted."""
# ruff: noqa: ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradaudit import (
    ArgumentError,
    BadReturn,
    Derivative,
    EvaluationError,
    Problem,
    derivative,
    gradient,
)

SMOOTH: dict[str, tuple[Callable[[float], float], Callable[[float], float], list[float]]] = {
    "sin": (math.sin, math.cos, [-100.0, -1.0, 0.0, 1e-6, 1.0, 1.5707963, 1e3]),
    "exp": (math.exp, math.exp, [-30.0, -1.0, 0.0, 1.0, 30.0, 300.0]),
    "log": (math.log, lambda t: 1 / t, [1e-12, 1e-3, 1.0, 2.0, 1e9]),
    "sqrt": (math.sqrt, lambda t: 0.5 / math.sqrt(t), [1e-12, 0.5, 1.0, 1e6]),
    "cube": (lambda t: t**3, lambda t: 3 * t * t, [-2.0, 0.0, 1e-8, 1.0, 1e8]),
    "reciprocal": (lambda t: 1 / t, lambda t: -1 / t**2, [-5.0, 1e-6, 0.3, 1e5]),
    "atan": (math.atan, lambda t: 1 / (1 + t * t), [-1e3, 0.0, 1.0, 50.0]),
    "gauss": (lambda t: math.exp(-t * t), lambda t: -2 * t * math.exp(-t * t), [0.0, 0.5, 3.0]),
    "line": (lambda t: 3 * t - 7, lambda t: 3.0, [-1e5, 0.0, 1.0, 1e5]),
    "shifted": (lambda t: t * t + 1e6, lambda t: 2 * t, [0.5, 3.0]),
    "wave": (lambda t: math.sin(50 * t), lambda t: 50 * math.cos(50 * t), [0.1, 2.0]),
}
POINTS = [(name, at) for name, (_, _, points) in SMOOTH.items() for at in points]


@pytest.mark.parametrize(("name", "at"), POINTS)
def test_derivative_of_a_smooth_function_lies_within_its_bar(name: str, at: float) -> None:
    fun, slope, _ = SMOOTH[name]
    d = derivative(fun, at, rng=0)
    # the true derivative is itself known to a few rounding units only
    assert abs(d.value - slope(at)) <= d.bar + 4e-16 * abs(slope(at))
    assert d.bar < math.inf
    assert type(d.value) is float
    assert type(d.bar) is float


def test_bars_of_smooth_functions_are_tight() -> None:
    relative = []
    for name, at in POINTS:
        fun, slope, _ = SMOOTH[name]
        if slope(at):
            relative.append(derivative(fun, at, rng=0).bar / abs(slope(at)))
    assert np.median(relative) <= 1e-10


def test_derivative_takes_at_most_forty_five_evaluations_in_the_median() -> None:
    used = [derivative(SMOOTH[name][0], at, rng=0).evaluations for name, at in POINTS]
    assert np.median(used) <= 45


def test_evaluations_are_counted() -> None:
    calls: list[float] = []
    d = derivative(lambda t: calls.append(t) or t * t, 1.5, rng=0)
    assert d.evaluations == len(calls)


@settings(max_examples=50)
@given(
    c=st.lists(st.floats(-10, 10), min_size=2, max_size=6),
    at=st.floats(-5, 5),
    seed=st.integers(0, 1000),
)
def test_derivative_of_any_polynomial_lies_within_its_bar(
    c: list[float], at: float, seed: int
) -> None:
    polynomial = np.polynomial.Polynomial(c)
    d = derivative(lambda t: float(polynomial(t)), at, rng=seed)
    exact = float(polynomial.deriv()(at))
    terms = sum(abs(k * a) * abs(at) ** (k - 1) for k, a in enumerate(c) if k)
    assert abs(d.value - exact) <= d.bar + 1e-15 * terms


def test_number_is_passed_as_a_python_float() -> None:
    kinds: set[type] = set()
    derivative(lambda t: kinds.add(type(t)) or math.exp(t), 1, rng=0)
    assert kinds == {float}


def test_array_of_one_entry_needs_no_direction() -> None:
    d = derivative(lambda t: float(t[0] ** 3), np.array([2.0]), rng=0)
    assert abs(d.value - 12.0) <= d.bar


@pytest.mark.parametrize("length", [1e-8, 0.1, 1.0, 7.0, 1e8])
def test_derivative_is_along_the_direction_of_its_own_length(length: float) -> None:
    start, along = np.array([1.0, -2.0, 0.5]), np.array([1.0, 0.3, -2.0]) * length
    d = derivative(lambda t: float((t**3).sum()), start, along, rng=0)
    assert abs(d.value - 3 * start**2 @ along) <= d.bar + 1e-15 * np.abs(along).sum() * 12
    assert d.bar <= 1e-8 * length


def test_direction_of_a_matrix_is_a_matrix() -> None:
    start, along = np.arange(1.0, 7.0).reshape(2, 3), np.ones((2, 3))
    d = derivative(lambda t: float((t * t).sum()), start, along, rng=0)
    assert abs(d.value - 42.0) <= d.bar


def test_direction_of_a_container_is_a_container() -> None:
    start = {"a": np.array([1.0, 2.0]), "s": 3.0}
    along = {"a": np.array([1.0, 0.0]), "s": 2.0}
    d = derivative(lambda p: float((p["a"] ** 2).sum() + p["s"] ** 2), start, along, rng=0)
    assert abs(d.value - 14.0) <= d.bar


def test_arguments_are_passed_on() -> None:
    d = derivative(lambda t, a, b: a * t**2 + b, 3.0, args=(2.0, 5.0), rng=0)
    assert abs(d.value - 12.0) <= d.bar


def test_pair_of_cost_and_gradient_serves_as_well() -> None:
    d = derivative(lambda t: (t * t, "anything"), 3.0, rng=0)
    assert abs(d.value - 6.0) <= d.bar


def test_problem_serves_as_well() -> None:
    problem = Problem(lambda t: (float(t @ t), 2 * t), np.array([1.0, 2.0]))
    d = derivative(problem, direction=[1.0, 1.0], rng=0)
    assert abs(d.value - 6.0) <= d.bar
    g = gradient(problem, rng=0)
    assert np.all(np.abs(g.value - [2.0, 4.0]) <= g.bar)


# what is not smooth


def test_kink_gives_both_slopes() -> None:
    d = derivative(lambda t: abs(t - 1.0) + t * t, 1.0, rng=0)
    assert d.regime == "kink"
    assert d.one_sided == pytest.approx((1.0, 3.0), abs=1e-6)
    assert abs(d.value - 2.0) <= d.bar
    assert d.bar >= 1.0


@pytest.mark.parametrize("fun", [abs, lambda t: max(t, 0.0), lambda t: max(-2 * t, t)])
def test_kink_at_zero_is_recognised(fun: Callable[[float], float]) -> None:
    d = derivative(fun, 0.0, rng=0)
    assert d.regime == "kink"
    assert d.one_sided == pytest.approx((fun(-1.0) / -1.0, fun(1.0)), abs=1e-9)


@pytest.mark.parametrize("at", [0.3, -1e-3, 1e-6])
def test_function_with_a_kink_elsewhere_is_right_here(at: float) -> None:
    d = derivative(abs, at, rng=0)
    assert abs(d.value - math.copysign(1.0, at)) <= d.bar


def test_jump_is_not_given_a_finite_slope() -> None:
    d = derivative(lambda t: 1.0 if t >= 1.0 else 0.0, 1.0, rng=0)
    assert d.regime in ("jump", "unresolved")
    assert d.bar > 1.0


def test_constant_has_derivative_zero() -> None:
    d = derivative(lambda t: 7.0, 1.0, rng=0)
    assert d.value == 0.0
    assert d.regime == "constant"


def test_noise_widens_the_bar() -> None:
    def noisy(t: float) -> float:
        return math.sin(t) * (1 + 1e-7 * ((hash(t) % 2001) / 1000 - 1))

    d = derivative(noisy, 1.0, rng=0)
    assert abs(d.value - math.cos(1.0)) <= d.bar
    assert 1e-9 < d.bar < 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_low_precision_widens_the_bar(dtype: Any) -> None:
    d = derivative(lambda t: float(dtype(math.sin(t))), 1.0, rng=0)
    assert abs(d.value - math.cos(1.0)) <= d.bar


@pytest.mark.parametrize("at", [1e-3, 1e-9])
def test_edge_of_the_domain_is_respected(at: float) -> None:
    d = derivative(math.log, at, rng=0)  # raises at 0 and below
    assert abs(d.value - 1 / at) <= d.bar
    assert d.bar < 1e-3 / at


def test_function_defined_to_one_side_only_is_differentiated_there() -> None:
    d = derivative(lambda t: math.sqrt(t) ** 3, 0.0, rng=0)
    assert d.bar == math.inf or abs(d.value) <= d.bar


@pytest.mark.parametrize("at", [0.0, 1e-9, 0.5, 1.0 - 1e-9, 1.0])
def test_no_evaluation_leaves_the_bounds(at: float) -> None:
    seen: list[float] = []
    d = derivative(lambda t: seen.append(t) or math.exp(t), at, bounds=[(0.0, 1.0)], rng=0)
    assert min(seen) >= 0.0
    assert max(seen) <= 1.0
    assert abs(d.value - math.exp(at)) <= d.bar
    assert d.bar < 1e-3


def test_pinned_number_has_no_derivative() -> None:
    d = derivative(math.exp, 1.0, bounds=[(1.0, 1.0)], rng=0)
    assert d.bar == math.inf


def test_value_that_is_not_finite_has_no_derivative() -> None:
    d = derivative(lambda t: math.nan, 1.0, rng=0)
    assert d.bar == math.inf


# bad input


def test_missing_direction_is_refused_with_a_way_out() -> None:
    with pytest.raises(ArgumentError, match=r"direction is missing.*gradaudit.gradient"):
        derivative(lambda t: float(t @ t), np.ones(3))


@pytest.mark.parametrize("direction", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]], ids=str)
def test_direction_that_is_none_is_refused(direction: list[float]) -> None:
    with pytest.raises(ArgumentError, match="direction"):
        derivative(lambda t: float(t @ t), np.ones(2), direction)


@pytest.mark.parametrize(
    "direction", [[1.0], np.ones(3), "up", [1j, 0.0], np.ones((2, 2)), [None, 1.0]], ids=str
)
def test_direction_of_another_kind_is_refused(direction: Any) -> None:
    with pytest.raises(ArgumentError, match="direction"):
        derivative(lambda t: float(t @ t), np.ones(2), direction)


def test_direction_of_another_structure_is_said_to_be_a_direction() -> None:
    with pytest.raises(ArgumentError) as caught:
        derivative(lambda p: float(p["a"][0]), {"a": np.ones(1)}, {"b": np.ones(1)})
    assert "direction" in str(caught.value)
    assert "gradient" not in str(caught.value)


@pytest.mark.parametrize("call", [derivative, gradient])
def test_missing_x0_is_refused(call: Any) -> None:
    with pytest.raises(ArgumentError, match="x0 is missing"):
        call(math.sin)


@pytest.mark.parametrize("call", [derivative, gradient])
def test_function_that_raises_at_the_start_is_chained(call: Any) -> None:
    with pytest.raises(EvaluationError, match="ValueError at x0") as caught:
        call(math.log, -1.0)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("value", [None, np.ones(2), 1j, "1"], ids=str)
@pytest.mark.parametrize("call", [derivative, gradient])
def test_value_that_is_no_number_is_refused(call: Any, value: Any) -> None:
    with pytest.raises(BadReturn, match="cost"):
        call(lambda t: value, 1.0)


def test_interrupt_passes_through() -> None:
    def stop(t: float) -> float:
        if t != 1.0:
            raise KeyboardInterrupt
        return t

    with pytest.raises(KeyboardInterrupt):
        derivative(stop, 1.0)


# gradients


def test_gradient_has_the_shape_of_the_start() -> None:
    start = np.arange(1.0, 7.0).reshape(2, 3)
    g = gradient(lambda t: float((t**3).sum()), start, rng=0)
    for part in (g.value, g.bar, g.regime):
        assert part.shape == (2, 3)
    assert np.all(np.abs(g.value - 3 * start**2) <= g.bar + 1e-15 * g.value)
    assert np.all(g.bar < 1e-8)


def test_gradient_at_a_number_is_a_number_in_an_array() -> None:
    g = gradient(math.sin, 1.0, rng=0)
    assert g.value.shape == ()
    assert abs(float(g.value) - math.cos(1.0)) <= float(g.bar)


def test_gradient_of_a_container_is_flat() -> None:
    start = {"a": np.array([1.0, 2.0]), "s": 3.0}
    g = gradient(lambda p: float((p["a"] ** 2).sum() * p["s"]), start, rng=0)
    assert np.all(np.abs(g.value - [6.0, 12.0, 5.0]) <= g.bar)


def test_gradient_marks_the_entries_with_a_kink() -> None:
    g = gradient(lambda t: float(abs(t[0]) + t[1] ** 2), [0.0, 3.0], rng=0)
    assert g.regime.tolist() == ["kink", "smooth"]
    left, right = g.one_sided
    assert (left[0], right[0]) == pytest.approx((-1.0, 1.0), abs=1e-9)
    assert np.isnan(left[1])


def test_gradient_without_kinks_has_no_sides() -> None:
    assert gradient(lambda t: float(t @ t), [1.0, 2.0], rng=0).one_sided is None


def test_gradient_stays_within_bounds() -> None:
    def fun(t: Any) -> float:
        assert (t >= 0).all()
        return float((t**1.5).sum())

    g = gradient(fun, [0.0, 1.0, 1e-9], bounds=[(0, None)] * 3, rng=0)
    exact = 1.5 * np.sqrt([0.0, 1.0, 1e-9])
    assert np.all(np.abs(g.value - exact) <= g.bar)


def test_gradient_of_mixed_units_is_right_in_each() -> None:
    units = 10.0 ** np.arange(-8, 9, 4)
    g = gradient(lambda t: float(np.sin(t / units).sum()), units, rng=0)
    exact = math.cos(1.0) / units
    assert np.all(np.abs(g.value - exact) <= g.bar)
    assert np.all(g.bar <= 1e-8 * exact)


def test_same_seed_gives_the_same_numbers() -> None:
    one, two = (gradient(lambda t: float(np.sin(t).sum()), [1.0, 2.0], rng=4) for _ in range(2))
    assert one.to_dict() == two.to_dict()


def test_derivative_is_a_result_with_plain_json() -> None:
    d = derivative(math.sin, 1.0, rng=0)
    assert isinstance(d, Derivative)
    assert d.to_dict()["value"] == d.value
    unbounded = derivative(math.exp, 1.0, bounds=[(1.0, 1.0)], rng=0)
    assert unbounded.to_dict()["bar"] is None
