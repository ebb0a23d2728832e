"""What the pictures of a diagnosis show, whatever draws them."""

from __future__ import annotations

import math

import pytest

from gradaudit.report.figures import Axis, Figure, figures_of, history_figures, ray_figure, ticks
from gradaudit.results import Diagnosis, History, Ray

STEPS = tuple(i / 10 for i in range(11))


def _ray(values: tuple[float, ...], slope: float, **facts: object) -> Figure:
    steps = STEPS[: len(values)]
    figure = ray_figure(Ray(title="along d", steps=steps, values=values, slope=slope, **facts))  # pyright: ignore[reportArgumentType]
    assert figure is not None
    return figure


def _spots(figure: Figure, role: str) -> list[tuple[float, float]]:
    return [spot for curve in figure.curves if curve.role == role for spot in curve.spots]


def test_the_promise_of_a_right_gradient_touches_the_curve() -> None:
    figure = _ray(tuple(4 - t for t in STEPS), -1.0)
    first, last = _spots(figure, "promise")
    assert first == pytest.approx((0.0, 4.0))
    assert last == pytest.approx((1.0, 3.0))


def test_a_constant_cost_leaves_room_for_the_whole_promise() -> None:
    figure = _ray((4.0,) * 11, -3.0)
    assert _spots(figure, "promise")[-1] == pytest.approx((1.0, 1.0))
    assert figure.words[1] == "f(0) = 4, the same at every step"


def test_a_promise_far_steeper_than_the_cost_is_cut_at_the_edge() -> None:
    figure = _ray(tuple(4 - t for t in STEPS), -30.0)
    t, f = _spots(figure, "promise")[-1]
    assert t < 0.1
    assert f == pytest.approx(figure.up.low)


def test_values_that_are_not_finite_break_the_curve_and_are_marked() -> None:
    figure = _ray((3.0, 2.0, math.nan, 1.0, math.inf), -1.0)
    runs = [curve.spots for curve in figure.curves if curve.role == "value"]
    assert [len(run) for run in runs] == [2, 1]
    assert [t for t, _ in _spots(figure, "lost")] == [0.2, 0.4]
    assert ("lost", "not finite (2)") in figure.legend


def test_a_cost_that_is_finite_nowhere_is_said_to_be_so() -> None:
    figure = _ray((math.nan, math.inf), -1.0)
    assert figure.words[1] == "f is not finite at any step"


def test_trials_outside_the_picture_are_counted() -> None:
    figure = _ray(tuple(STEPS), 1.0, tried=((0.5, 0.5), (50.0, 50.0)))
    assert ("trial", "tried by the solver (1 of 2 fit in)") in figure.legend
    assert _spots(figure, "trial") == [(0.5, 0.5)]


def test_a_trial_that_disagrees_with_the_curve_is_still_shown() -> None:
    figure = _ray(tuple(t + 4 for t in STEPS), 1.0, tried=((0.5, 5.5),))
    assert _spots(figure, "trial") == [(0.5, 5.5)]


def test_small_changes_of_a_large_cost_are_drawn_as_differences() -> None:
    figure = _ray(tuple(1e6 - 1e-3 * t for t in STEPS), -1e-3)
    assert figure.title == "f - f(0) along d, by step t"
    assert figure.up.label(1e6 - 1e-3) == "-0.001"
    assert figure.words[1] == "f(0) = 1000000, lowest f(1) = 1000000 (-0.001)"


def test_a_cost_that_explodes_is_drawn_on_a_log_scale() -> None:
    figure = _ray(tuple(1 + 10.0 ** (30 * t - 5) for t in STEPS), 1.0)
    assert figure.up.scale == "log"
    assert figure.title.endswith("(f on a log scale)")


def test_a_cost_that_explodes_downwards_is_drawn_on_a_signed_log_scale() -> None:
    figure = _ray((1.0, 0.5, -1.0, -1e20, -1e300), -1.0)
    assert figure.up.scale == "signed log"
    places = [figure.up.place(f) for f in (-1e300, -1e20, -1.0, 0.0, 1.0)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0.0, 1.0)


def test_steps_over_many_decades_are_drawn_on_a_log_scale() -> None:
    steps = tuple(10.0**k for k in range(-8, 1))
    figure = ray_figure(Ray(title="d", steps=steps, values=tuple(1 - t for t in steps), slope=-1.0))
    assert figure is not None
    assert figure.across.scale == "log"
    assert figure.across.place(1e-4) == pytest.approx(0.5)


def test_the_order_of_the_steps_does_not_matter() -> None:
    forth = Ray(title="d", steps=(0.0, 0.5, 1.0), values=(3.0, 2.0, 5.0), slope=-1.0)
    back = Ray(title="d", steps=(1.0, 0.5, 0.0), values=(5.0, 2.0, 3.0), slope=-1.0)
    assert ray_figure(forth) == ray_figure(back)


def test_a_ray_to_both_sides_has_its_origin_within() -> None:
    figure = ray_figure(
        Ray(title="d", steps=(-1.0, 0.0, 1.0), values=(3.0, 2.0, 3.0), slope=0.5, true_slope=0.0)
    )
    assert figure is not None
    assert figure.marks_across == (-1.0, 0.0, 1.0)
    assert _spots(figure, "promise")[0][0] == -1.0
    assert figure.words == (
        "slope at t = 0: the returned gradient promises 0.5, measured 0",
        "f(0) = 2, the lowest that was seen",
    )


def test_a_single_step_is_drawn_and_none_is_not() -> None:
    one = ray_figure(Ray(title="d", steps=(0.0,), values=(2.0,), slope=-1.0))
    assert one is not None
    assert _spots(one, "value") == [(0.0, 2.0)]
    assert ray_figure(Ray(title="d", steps=(), values=(), slope=-1.0)) is None
    assert ray_figure(Ray(title="d", steps=(math.nan,), values=(2.0,), slope=-1.0)) is None


def test_a_history_over_decades_is_drawn_on_a_log_scale() -> None:
    figures = history_figures(
        History(numbers=(1, 2, 3), values=(1e4, 10, 1e-2), gradient_norms=(3.0, 2.0, 1.0))
    )
    assert [figure.up.scale for figure in figures] == ["log", "linear"]
    assert figures[0].words == ("f from 10000 to 0.01 at evaluation 3",)


def test_evaluations_without_a_gradient_are_no_gap_in_its_history() -> None:
    nothing = math.nan
    history = History(numbers=(1, 2, 3), values=(3, 2, 1), gradient_norms=(3.0, nothing, 1.0))
    course = history_figures(history)[1]
    assert [curve.role for curve in course.curves] == ["value"]
    assert len(course.curves[0].spots) == 2


def test_a_cost_that_was_not_asked_for_is_no_gap_but_one_that_is_not_a_number_is() -> None:
    nothing = math.nan
    asked = History(numbers=(1, 2, 3), values=(3, nothing, 1), gradient_norms=(nothing, 2, nothing))
    assert [curve.role for curve in history_figures(asked)[0].curves] == ["value"]
    failed = History(numbers=(1, 2, 3), values=(3, nothing, 1), gradient_norms=(1, nothing, 1))
    assert [c.role for c in history_figures(failed)[0].curves] == ["value", "value", "lost"]


def test_a_ray_without_a_gradient_promises_nothing() -> None:
    figure = ray_figure(Ray(title="d", steps=(0.0, 1.0), values=(2.0, 3.0), true_slope=1.0))
    assert figure is not None
    assert _spots(figure, "promise") == []
    assert figure.words[0] == "slope at t = 0: measured 1"


def test_a_history_of_one_evaluation_is_not_drawn() -> None:
    assert history_figures(History(numbers=(1,), values=(3.0,), gradient_norms=(2.0,))) == ()


def test_a_quantity_that_never_changes_is_flat() -> None:
    history = History(numbers=(1, 2), values=(3.0, 3.0), gradient_norms=(2.0, 1.0))
    assert [figure.flat for figure in history_figures(history)] == [True, False]


def test_a_diagnosis_without_pictures_has_no_figures() -> None:
    assert figures_of(Diagnosis(causes=(), findings=())) == ()


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis(0.0, 1.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Axis(-3.0, 9.0), [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0]),
        (Axis(1.0, 4.0, whole=True), [1.0, 2.0, 3.0, 4.0]),
        (Axis(0.5, 2e4, "log"), [1.0, 10.0, 100.0, 1000.0, 10000.0]),
        (Axis(2.0, 3.0, "log"), [2.0, 3.0]),
        (Axis(-1.0, 10.0, "signed log"), [-1.0, 0.0, 10.0]),
        (Axis(1.0, 3.0, single=True), [2.0]),
    ],
)
def test_ticks_are_round(axis: Axis, expected: list[float]) -> None:
    assert ticks(axis) == pytest.approx(expected)
