"""The search for the smallest shape at which a gradient is wrong, and its explanation."""
# ruff: noqa: ARG001  (factories whose sizes matter by their names)

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradaudit import ArgumentError, EvaluationError, GradientMismatch, Problem, check_shapes
from gradaudit.report.json import render_json
from gradaudit.report.shapes import one_line, render_shapes
from gradaudit.shapes.candidates import is_clean
from reference_models import autoencoder, three_matrix
from reference_models.factories import FACTORIES
from reference_models.slips import SLIPS

Cost = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def mean_of(data: NDArray[np.float64], *, factor: float = 1.0) -> tuple[Cost, NDArray[np.float64]]:
    """Return the least squares of a constant, whose gradient is off by a factor."""

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        error = theta - data
        return 0.5 * float(np.sum(error**2)), factor * error.sum(axis=0)

    return cost, np.zeros(data.shape[1])


def data_of(m: int, n: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).random((m, n))


def numpy_state() -> list[int]:
    state: Any = np.random.get_state()
    return state[1].tolist()


# counterexamples


@pytest.mark.parametrize("name", sorted(SLIPS))
def test_every_slip_shrinks_to_2_3_4(name: str) -> None:
    found = check_shapes(SLIPS[name].factory, rng=0)
    assert found.verdict == "FAIL"
    assert found.sizes is not None
    assert tuple(found.sizes.values()) == (2, 3, 4)
    assert found.report is not None
    assert found.report.verdict == "FAIL"
    said = [found.findings[0].slug, *re.findall(r"it is ([a-z-]+):", found.explanation)]
    assert SLIPS[name].cause in said
    assert len(found.evidence["shapes"]) <= 200


@pytest.mark.parametrize(
    "factory", [autoencoder.make_autoencoder, three_matrix.make_problem, *FACTORIES]
)
def test_a_right_gradient_passes_at_every_shape(factory: Any) -> None:
    found = check_shapes(factory, rng=1)
    assert found.verdict == "PASS", str(found)
    assert found.sizes is None
    assert found.findings == ()
    assert 15 <= 0.8 * found.audited <= found.passed


def test_the_counterexample_can_be_made_again() -> None:
    factory: Any = SLIPS["question2.mean_biases"].factory
    found: Any = check_shapes(factory, rng=0, n=5, k=(3, 4))
    assert found.sizes == {"n": 5, "k": 3, "m": 2}
    fun, start, args = factory(**found.sizes)
    assert np.isfinite(fun(start, *args)[0])


def test_a_mean_for_a_sum_is_explained_by_the_number_of_examples() -> None:
    found = check_shapes(SLIPS["question2.mean_biases"].factory, rng=0)
    law = "analytic/numeric = 1/m at m = 4, 5, 7; exact at m = 1; independent of n and k"
    assert found.explanation == f"{law}\nhidden where m = 1"
    assert found.hidden_by == ("m = 1",)
    assert found.findings[0].notes[0] == law
    assert found.findings[0].data["factor_name"] == "1/m"


def test_a_single_shape_says_nothing_of_others() -> None:
    found = check_shapes(SLIPS["question2.mean_biases"].factory, rng=0, n=2, k=2, m=2)
    assert found.explanation == "analytic/numeric = 0.5"
    assert found.audited == 1
    hidden = check_shapes(SLIPS["question2.mean_biases"].factory, rng=0, n=2, k=2, m=1)
    assert hidden.explanation == "right at 1 shape"


def test_each_mistake_of_several_is_explained_on_its_own() -> None:
    found = check_shapes(SLIPS["question2.first_answer"].factory, rng=0)
    notes = {finding.block: finding.notes[0] for finding in found.findings}
    assert notes["b3"].startswith("analytic/numeric = 1/m")


def test_a_factor_of_two_sizes_is_explained_by_both() -> None:
    def make(n: int, k: int, m: int):
        return mean_of(data_of(m, n), factor=1 / (n * m))

    explanation = check_shapes(make, rng=0).explanation
    assert "analytic/numeric = 1/(n m) at n = 2, 5, 7 and at m = 4, 5, 7" in explanation
    assert "independent of k" in explanation


@pytest.mark.parametrize(
    ("holds", "sizes", "words"),
    [
        (lambda n, m: n == m, {"n": 2, "m": 2}, "shows only where n = m"),
        (lambda _n, m: m == 1, {"n": 2, "m": 1}, "shows only where m = 1"),
        (lambda n, m: n > m, {"n": 3, "m": 2}, "hidden where n = 1"),
        (lambda _n, m: m > 5, {"n": 2, "m": 6}, "hidden where m = 1"),
        (lambda n, _m: n > 20, {"n": 21, "m": 2}, "hidden where n = 1"),
        (lambda n, m: n != m, {"n": 2, "m": 3}, "hidden where n = m"),
    ],
    ids=["tie", "one", "order", "large", "very large", "not tied"],
)
def test_a_fault_that_only_some_shapes_show_is_found_where_it_is_smallest(
    holds: Callable[[int, int], bool], sizes: dict[str, int], words: str
) -> None:
    def make(n: int, m: int):
        return mean_of(data_of(m, n), factor=1.5 if holds(n, m) else 1.0)

    found = check_shapes(make, rng=0)
    assert found.verdict == "FAIL"
    assert found.sizes == sizes
    assert words in found.explanation
    assert len(found.evidence["shapes"]) <= 200


def test_hypothesis_draws_from_the_strategies_it_is_given() -> None:
    def make(n: int, m: int):
        return mean_of(data_of(m, n), factor=2.0 if m > 6 else 1.0)

    found = check_shapes(make, rng=0, m=st.integers(2, 40))
    assert found.sizes == {"n": 2, "m": 7}
    assert check_shapes(make, rng=0, m=st.integers(2, 6)).verdict == "PASS"


def test_choices_are_gone_through() -> None:
    def make(n: int, biased: bool):
        return mean_of(data_of(4, n), factor=2.0 if biased else 1.0)

    assert check_shapes(make, rng=0).sizes == {"n": 2, "biased": True}


def test_a_factory_may_return_a_problem() -> None:
    def make(n: int, m: int):
        fun, start = mean_of(data_of(m, n), factor=3.0)
        return Problem(fun, start, blocks={"mean": n})

    found = check_shapes(make, rng=0)
    assert found.findings[0].block == "mean"


def test_the_search_can_stand_inside_a_test_of_hypothesis() -> None:
    @settings(max_examples=2, deadline=None)
    @given(n=st.integers(2, 3))
    def test(n: int) -> None:
        assert check_shapes(FACTORIES[3], rng=0, n=n).verdict == "PASS"

    test()


# bad factories


def make_without_transpose(n: int, k: int):
    target = np.arange(1.0, n + 1)

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = theta.reshape(n, k)
        hidden = w @ np.ones(k)
        error = hidden - target
        gradient = np.outer(error, np.ones(k)) + 0 * (w @ error[:k])[:, None]
        return 0.5 * float(error @ error), gradient.ravel()

    return cost, np.arange(1.0, n * k + 1)


def test_what_runs_for_square_shapes_only_is_a_shape_error() -> None:
    def make(n: int, k: int):
        fun, start = mean_of(data_of(3, n * k), factor=1.0)
        return (lambda theta: (np.ones((n, k)) @ np.ones((n, k)), fun(theta))[1]), start

    found = check_shapes(make, rng=0)
    assert found.verdict == "FAIL"
    assert found.sizes == {"n": 2, "k": 3}
    assert found.findings[0].slug == "shape-error"
    assert found.findings[0].level == "error"
    assert found.hidden_by == ("n = k",)
    assert "ValueError" in str(found)


def test_raising_at_some_shapes_only_is_a_warning_and_inconclusive() -> None:
    found = check_shapes(make_without_transpose, rng=0)
    assert found.verdict == "INCONCLUSIVE"
    assert found.findings[0].slug == "shape-error"
    assert found.findings[0].level == "warning"
    assert found.findings[0].data["sizes"] == {"n": 2, "k": 3}


def test_a_precondition_of_the_author_is_told_and_held_against_nobody() -> None:
    def make(n: int, m: int):
        if m <= n:
            raise ValueError("more examples than features, please")
        return mean_of(data_of(m, n))

    found = check_shapes(make, rng=0)
    assert found.verdict == "PASS"
    assert [(f.slug, f.level) for f in found.findings] == [("shape-error", "note")]
    assert found.findings[0].data["sizes"] == {"n": 3, "m": 2}
    assert found.refused > 0


def test_singular_matrices_of_few_examples_are_no_shape_error() -> None:
    def make(n: int, m: int):
        fun, start = mean_of(data_of(m, n))

        def cost(theta: NDArray[np.float64]):
            x = np.ones((m, n)) if m < n else np.eye(m, n)
            np.linalg.inv(x.T @ x)
            return fun(theta)

        return cost, start

    assert check_shapes(make, rng=0).verdict == "PASS"


def test_costs_that_are_degenerate_for_one_example_or_class_are_no_fault() -> None:
    def make(n: int, m: int):
        data = data_of(m, n)

        def cost(theta: NDArray[np.float64]):
            with np.errstate(all="ignore"):
                spread = np.sum((data - data.mean(axis=0)) ** 2, axis=0) / (m - 1)
            return float(np.sum(theta**2 / spread)), 2 * theta / spread

        return cost, np.ones(n)

    assert check_shapes(make, rng=0).verdict == "PASS"


def test_a_cost_that_is_infinite_for_few_examples_is_no_fault_but_a_gradient_is() -> None:
    def make(n: int, m: int):
        fun, start = mean_of(data_of(m, n))
        return (lambda theta: (fun(theta)[0] if m > n else np.inf, fun(theta)[1])), start

    def make_bad(n: int, m: int):
        fun, start = mean_of(data_of(m, n))
        return (
            lambda theta: (fun(theta)[0], fun(theta)[1] if m > n else np.full(n, np.nan))
        ), start

    assert check_shapes(make, rng=0).verdict in ("PASS", "INCONCLUSIVE")
    found = check_shapes(make_bad, rng=0)
    assert found.sizes == {"n": 3, "m": 2}
    assert found.findings[0].slug == "non-finite"


def test_raising_at_every_shape_is_an_error_of_its_own() -> None:
    def make(n: int, m: int):
        raise RuntimeError(f"no data for {n}")

    with pytest.raises(
        EvaluationError, match="raised at every shape, first RuntimeError"
    ) as caught:
        check_shapes(make, rng=0)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_rejecting_every_draw_is_never_a_success() -> None:
    def make(n: int, m: int):
        pytest.skip("not today")

    with pytest.raises(ArgumentError, match="rejected all of the"):
        check_shapes(make, rng=0)


@pytest.mark.parametrize(
    "made", [None, 3, (1, 2), (lambda x: x, "start"), (lambda x: x,), [len, 2]]
)
def test_a_factory_that_returns_something_else_is_refused(made: Any) -> None:
    def make(n: int):
        return made

    with pytest.raises(ArgumentError, match="make returns") as caught:
        check_shapes(make, rng=0)
    assert "make(n=2)" in caught.value.__notes__[0]


def test_a_factory_that_is_not_deterministic_is_inconclusive() -> None:
    generator = np.random.default_rng(0)

    def make(n: int, m: int):
        return mean_of(generator.random((m, n)))

    found = check_shapes(make, rng=0)
    assert found.verdict == "INCONCLUSIVE"
    assert found.findings[0].slug == "nondeterministic"


def test_global_random_data_are_the_same_for_a_shape_and_leave_no_trace() -> None:
    seen: dict[tuple[int, int], list[float]] = {}

    def make(n: int, m: int):
        data = np.random.random((m, n)) + random.random()
        seen.setdefault((n, m), []).append(float(data.sum()))
        return mean_of(data)

    state = random.getstate(), numpy_state()
    assert check_shapes(make, rng=0).verdict == "PASS"
    assert check_shapes(make, rng=0).verdict == "PASS"
    assert (random.getstate(), numpy_state()) == state
    assert all(len(set(sums)) == 1 for sums in seen.values())


# settings


def test_a_budget_and_a_time_end_the_search_with_what_was_learned() -> None:
    for limit in ({"budget": 500}, {"seconds": 1e-4}):
        found = check_shapes(FACTORIES[0], rng=0, settings=limit)
        assert found.verdict == "INCONCLUSIVE"
        assert any(f.slug == "budget-exhausted" for f in found.findings)
        assert found.evaluations.cost <= 500


def test_settings_reach_every_audit() -> None:
    found = check_shapes(SLIPS["autoencoder.mean_for_sum"].factory, rng=0, settings={"points": 1})
    assert found.report is not None
    assert found.report.settings.points == 1
    allowed = check_shapes(
        SLIPS["autoencoder.mean_for_sum"].factory, rng=0, settings={"allow": "wrong-scale"}
    )
    assert allowed.verdict == "PASS"


@pytest.mark.parametrize("wrong", [{"rng": 3}, {"colour": 1}, {"points": 0}, {"rtol": "x"}])
def test_settings_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        check_shapes(FACTORIES[0], settings=wrong)


def test_the_seed_repeats_the_search() -> None:
    once, again = (check_shapes(FACTORIES[3], rng=7) for _ in range(2))
    assert once.seed == again.seed == 7
    assert once.evidence == again.evidence


def test_an_interrupt_passes_through_with_what_was_learned() -> None:
    calls: list[int] = []

    def make(n: int, m: int):
        calls.append(n)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return mean_of(data_of(m, n))

    with pytest.raises(KeyboardInterrupt) as caught:
        check_shapes(make, rng=0)
    report: Any = caught.value.gradaudit_report  # type: ignore[attr-defined]
    assert report.verdict == "INCONCLUSIVE"
    assert report.audited >= 2


# the report


def test_the_report_raises_and_is_neither_true_nor_false() -> None:
    found = check_shapes(SLIPS["question2.mean_biases"].factory, rng=0)
    with pytest.raises(GradientMismatch, match=r"make_three_matrix\(n=2, k=3, m=4\)"):
        found.raise_for_failure()
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(found)
    check_shapes(FACTORIES[3], rng=0).raise_for_failure()


def test_the_report_is_plain_json() -> None:
    found = check_shapes(SLIPS["question2.mean_biases"].factory, rng=0)
    facts = json.loads(render_json(found))
    assert facts["kind"] == "shapes"
    assert facts["sizes"] == {"n": 2, "k": 3, "m": 4}
    assert facts["findings"][0]["code"] == "GA202"
    assert facts["report"]["verdict"] == "FAIL"
    assert json.loads(found.to_json()) == facts


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("name", ["wrong", "right", "warned"])
def test_the_text_fits_its_width(name: str, width: int) -> None:
    factory = {
        "wrong": SLIPS["question2.mean_biases"].factory,
        "right": FACTORIES[3],
        "warned": make_without_transpose,
    }[name]
    found = check_shapes(factory, rng=0)
    text = render_shapes(found, console_width=width, verbosity=1)
    assert text.startswith(str(found.verdict))
    assert max(map(len, text.splitlines())) <= width
    assert render_shapes(found, encoding="ascii").isascii()
    assert "\n" not in one_line(found)
    assert one_line(found).startswith(str(found.verdict))


def test_every_shape_is_distinct_where_nothing_fails() -> None:
    found = check_shapes(FACTORIES[0], rng=0)
    shapes = [tuple(shape["sizes"].values()) for shape in found.evidence["shapes"]]
    assert len(set(shapes)) == len(shapes)
    assert sum(map(is_clean, shapes)) >= 10
    assert "hypothesis" in sys.modules
