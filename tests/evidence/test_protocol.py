"""What a few plain calls show, as evidence: numbers, no judgement."""
# ruff: noqa: ARG001, ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit import BadReturn, EvaluationError, Problem
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.protocol import (
    Protocol,
    differ,
    difference,
    observe_protocol,
    relative_difference,
)

x = np.array([1.0, -2.0, 3.0])
step = np.array([0.01, 0.02, -0.01])


def quartic(t: Any) -> Any:
    return float((t**4).sum()), 4 * t**3


def observe(fun: Callable[..., Any], jac: Any = True, args: Any = ()) -> tuple[Protocol, Evaluator]:
    evaluator = Evaluator(Problem(fun, x, jac=jac, args=args))
    start = evaluator.problem.start
    return observe_protocol(evaluator, start, start + step), evaluator


def cost(t: Any) -> float:
    return quartic(t)[0]


def grad(t: Any) -> Any:
    return quartic(t)[1]


def test_healthy_function_takes_three_calls() -> None:
    protocol, evaluator = observe(quartic)
    assert evaluator.calls == 3
    assert protocol.repeatable
    assert protocol.mutated == protocol.changed_data == ()
    seen = (protocol.aliased, protocol.stale_cost, protocol.stale_gradient, protocol.gradient_fixed)
    assert not any(seen)
    assert protocol.drift == 0.0
    assert protocol.random_state == ()


def test_healthy_pair_of_functions_takes_three_calls_of_each() -> None:
    protocol, evaluator = observe(cost, jac=grad)
    assert (evaluator.cost_calls, evaluator.gradient_calls) == (3, 3)
    assert protocol.repeatable


def test_first_sample_is_that_of_the_start() -> None:
    protocol, _ = observe(quartic)
    assert protocol.first.cost == 98.0
    assert protocol.moved_cost == cost(x + step)


@pytest.mark.parametrize("jac", [True, grad])
def test_suspicious_function_takes_a_few_calls_more(jac: Any) -> None:
    rng = np.random.default_rng(0)
    noisy = (lambda t: (rng.random(), grad(t))) if jac is True else lambda t: rng.random()
    _, evaluator = observe(noisy, jac=jac)
    assert evaluator.calls <= 6 + 5


def test_spread_is_the_difference_between_two_calls() -> None:
    values = iter([1.0, 5.0, 1.5] + [1.5] * 10)
    protocol, _ = observe(lambda t: (next(values), grad(t)))
    assert protocol.cost_spread == 0.5
    assert not protocol.repeatable


def test_overwritten_entries_are_listed() -> None:
    def overwriting(t: Any) -> Any:
        result = quartic(t)
        t[1] = 7.0
        return result

    assert observe(overwriting)[0].mutated == (1,)


def test_entries_overwritten_with_nan_are_listed() -> None:
    def overwriting(t: Any) -> Any:
        result = quartic(t)
        t[2] = np.nan
        return result

    assert observe(overwriting)[0].mutated == (2,)


def test_growth_of_the_gradient_is_measured_relative_to_its_norm() -> None:
    total = np.zeros(3)

    def growing(t: Any) -> Any:
        total[:] += np.ones(3)
        return cost(t), total.copy()

    assert observe(growing)[0].drift == pytest.approx(1.0)


def test_growth_of_a_separate_gradient_is_measured_alike() -> None:
    total = np.zeros(3)

    def growing(t: Any) -> Any:
        total[:] += np.ones(3)
        return total.copy()

    assert observe(cost, jac=growing)[0].drift == pytest.approx(1.0)


def test_change_of_data_is_named() -> None:
    data = np.ones(4)

    def changing(t: Any, a: Any, d: Any) -> Any:
        data[0] += 1
        d["b"][0] += 1
        return quartic(t)

    protocol, _ = observe(changing, args=(np.ones(2), {"b": np.ones(2)}))
    assert sorted(protocol.changed_data) == ["args[1]['b']", "data"]
    assert protocol.changed_args


def test_constant_gradient_and_bend_of_the_cost_are_recorded() -> None:
    protocol, _ = observe(lambda t: (float(t @ t), np.ones(3)))
    assert protocol.gradient_fixed
    assert protocol.bend == pytest.approx(2 * float(step @ step), rel=1e-6)


def test_constant_gradient_of_a_linear_cost_has_no_bend() -> None:
    protocol, _ = observe(lambda t: (float(t.sum()), np.ones(3)))
    assert abs(protocol.bend) < 1e-14


@pytest.mark.parametrize("name", ["random", "numpy.random"])
def test_draw_from_a_global_generator_is_named(name: str) -> None:
    import random

    def drawing(t: Any) -> Any:
        random.random() if name == "random" else np.random.random()
        return quartic(t)

    states = random.getstate(), np.random.get_state()
    try:
        assert observe(drawing)[0].random_state == (name,)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def test_point_nearby_may_be_unusable() -> None:
    def narrow(t: Any) -> Any:
        if not np.array_equal(t, x):
            raise ValueError
        return quartic(t)

    protocol, _ = observe(narrow)
    assert protocol.moved_cost is None
    assert protocol.repeatable


def test_start_must_be_usable() -> None:
    with pytest.raises(EvaluationError):
        observe(lambda t: 1 / 0)
    with pytest.raises(BadReturn):
        observe(lambda t: None)


@pytest.mark.parametrize(
    ("a", "b", "result"), [([1.0], [1.0], False), ([np.nan], [np.nan], False), ([0.0], [1.0], True),
                           ([np.nan], [1.0], True), ([0.0], [-0.0], False)],
)  # fmt: skip
def test_vectors_differ_when_any_entry_does(a: Any, b: Any, result: bool) -> None:
    assert differ(np.array(a), np.array(b)) == result


def test_differences_of_equal_values_are_zero() -> None:
    assert difference(np.nan, np.nan) == difference(np.inf, np.inf) == 0.0
    assert relative_difference(np.ones(3), np.ones(3)) == 0.0
    assert relative_difference(np.zeros(3), np.zeros(3)) == 0.0
    assert relative_difference(np.ones(4), 2 * np.ones(4)) == 0.5
