"""The audit, step by step: named places, and when enough was seen."""

import numpy as np
import pytest

from gradaudit.api.audit import Audit
from gradaudit.problem import Problem
from gradaudit.results import Report, Settings, Verdict

START = np.array([0.7, -1.3, 2.1])
STOP = np.array([10.0, -20.0, 30.0])


def cost(x):
    return float(np.sum(np.cosh(0.1 * x))), 0.1 * np.sinh(0.1 * x)


def wrong_at_the_stop(x):
    """Return a gradient that is right near the start only."""
    value, gradient = cost(x)
    return value, gradient if np.abs(x).max() < 8.0 else 2.0 * gradient


def audited(fun=cost, *, places=(), enough=None, points=3, x0=START, **settings) -> Report:
    problem = Problem(fun, x0, blocks=f"theta={x0.size}")
    return Audit(
        problem, Settings(points=points, **settings), 0, places=places, enough=enough
    ).run()


def names(report: Report) -> list[str]:
    return [point.name for point in report.points]


def test_named_place_comes_right_after_the_start():
    report = audited(places=[("the stop", STOP)])
    assert names(report)[:2] == ["x0", "the stop"]
    assert report.points[1].distance == pytest.approx(float(np.linalg.norm(STOP - START)))
    assert report.points[1].cost == pytest.approx(cost(STOP)[0])


def test_named_places_count_among_the_points():
    assert len(audited(points=3, places=[("a", STOP), ("b", STOP / 2.0)]).points) == 3
    assert names(audited(points=2, places=[("a", STOP)])) == ["x0", "a"]


def test_points_without_places_are_numbered():
    assert names(audited(points=3)) == ["x0", "point 2", "point 3"]


def test_gradient_that_is_wrong_at_a_place_only_is_found_there():
    assert audited(wrong_at_the_stop, points=2).verdict == Verdict.PASS
    report = audited(wrong_at_the_stop, points=2, places=[("the stop", STOP)])
    assert report.verdict == Verdict.FAIL
    assert report.blocks[0].failed_at == ("the stop",)


def test_place_where_the_cost_is_not_finite_is_left_out():
    def walled(x):
        return cost(x) if np.abs(x).max() < 8.0 else (np.inf, np.zeros(3))

    report = audited(walled, places=[("the stop", STOP)], points=2)
    assert names(report) == ["x0"]
    assert report.verdict != Verdict.FAIL


def test_no_further_point_is_begun_when_enough_was_spent():
    assert names(audited(enough=1)) == ["x0"]
    assert len(audited(enough=10**6).points) == 3


def test_start_is_audited_even_when_nothing_may_be_spent():
    report = audited(enough=0)
    assert names(report) == ["x0"]
    assert report.verdict == Verdict.PASS


def test_enough_saves_evaluations():
    few, many = audited(enough=1), audited()
    assert few.evaluations.cost < many.evaluations.cost


def test_fault_is_followed_up_even_when_enough_was_spent():
    report = audited(lambda x: (cost(x)[0], 2.0 * cost(x)[1]), enough=1)
    assert report.verdict == Verdict.FAIL
    assert len(report.points) == 3
    assert [f.slug for f in report.findings] == ["wrong-scale"]


def test_problem_without_a_gradient_is_asked_for_its_manners_only():
    report = Audit(Problem(lambda x: cost(x)[0], START, jac=None), Settings(), 0).run()
    assert report.blocks == ()
    assert report.evaluations.gradient == 0
    assert report.findings == ()


def test_constant_cost_without_a_gradient_is_found():
    report = Audit(Problem(lambda _x: 3.0, START, jac=None), Settings(), 0).run()
    assert "ignored-argument" in {f.slug for f in report.findings}


def bowl(theta, factor):
    return 0.5 * float(np.sum(theta**4)), 2.0 * factor * theta**3


def of_bowl(factor, *, describe) -> Report:
    problem = Problem(bowl, np.linspace(-1.0, 1.0, 40), args=(factor,))
    return Audit(problem, Settings(points=2), 0, describe=describe).run()


def test_wrong_gradient_is_seen_in_fewer_calls_when_it_is_not_described():
    short, whole = of_bowl(0.5, describe=False), of_bowl(0.5, describe=True)
    assert short.verdict == whole.verdict == Verdict.FAIL
    assert short.evaluations.cost < whole.evaluations.cost


def test_right_gradient_is_audited_at_every_point_without_description_too():
    report = of_bowl(1.0, describe=False)
    assert report.verdict == Verdict.PASS
    assert len(report.points) == 2
