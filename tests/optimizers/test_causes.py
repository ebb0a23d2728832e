"""From evidence to causes: judgement alone, on evidence built by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradaudit.optimizers.call import Outcome, minimize_call
from gradaudit.optimizers.causes import Evidence, faults, judge, passes
from gradaudit.optimizers.feasibility import Feasibility
from gradaudit.optimizers.messages import Meaning
from gradaudit.optimizers.recorder import Point
from gradaudit.optimizers.story import Story
from gradaudit.optimizers.survey import Survey
from gradaudit.optimizers.terrain import Descent, Edge, Fall, Jump, Kink, Vicinity
from gradaudit.results import BlockReport, Finding, Report, Verdict

START = np.array([1.0, 2.0])
END = np.array([0.1, 0.1])
CONSTRAINT = {"type": "eq", "fun": lambda x: x[0]}


def story(**changes: Any) -> Story:
    """Return a run that ended badly in its line search, from cost 5 to cost 1."""
    given = {"method": "BFGS", "jac": True} | changes.pop("given", {})
    plain = Story(
        call=minimize_call(lambda x: (float(x @ x), 2.0 * x), START, **given),
        outcome=Outcome(x=END, fun=1.0, success=False),
        meaning=Meaning(kind="line-search", text=""),
        start=START,
        end=END,
        start_cost=5.0,
        end_cost=1.0,
        best_cost=1.0,
        end_gradient=np.array([0.5, 0.5]),
        evaluations=40,
        points=30,
        still=False,
        non_finite=(),
        direction=np.array([-1.0, -1.0]),
        trials=((1.0, 2.0), (0.5, 1.5)),
        failed=True,
        raised="",
    )
    return replace(plain, **changes)


def survey(**changes: Any) -> Survey:
    """Return the surroundings of a stop where the cost falls on, by 0.5 from 1."""
    plain: dict[str, Any] = {
        "asked": True,
        "start_cost": 5.0,
        "cost": 1.0,
        "sizes": np.ones(2),
        "gradient": np.array([0.5, 0.5]),
        "start_gradient": np.array([2.0, 4.0]),
        "noise": 1e-16,
        "onward": Descent(cost=0.5, point=END, evaluations=12),
    }
    return Survey(**(plain | changes))


RESTED = {
    "onward": Descent(cost=1.0, point=END, evaluations=12),
    "gradient": np.full(2, 3e-9),
    "level": 10.0,
}


def evidence(*, story_: Story | None = None, **changes: Any) -> Evidence:
    known: dict[str, Any] = {"survey": survey(), "gradient_checked": True}
    return Evidence(story=story_ or story(), **(known | changes))


def finding(slug: str, level: Any = "error", **changes: Any) -> Finding:
    return Finding(slug=slug, level=level, message=slug, **changes)


def report(*found: Finding) -> Report:
    return Report(verdict=Verdict.FAIL if found else Verdict.PASS, findings=found)


def first(case: Evidence) -> str:
    return judge(case)[0][0].slug


def slugs(case: Evidence) -> list[str]:
    return [cause.slug for cause in judge(case)[0]]


# the order of the decisions ----------------------------------------------------------------------


KINK = Kink(step=0.0, left=-1.0, right=1.0, distance=0.0)
JUMP = Jump(step=0.5, width=1e-9, height=3.0, distance=0.5)
FALL = Fall(steps=(0.0, 1.0, 10.0), values=(1.0, 0.0, -9.0), direction="downhill")


def test_wiring_comes_before_the_gradient_whatever_their_order_in_the_report():
    case = evidence(report=report(finding("wrong-sign"), finding("ignored-argument")))
    assert slugs(case) == ["ignored-argument", "wrong-sign"]


def test_fault_of_the_functions_comes_before_anything_the_terrain_shows():
    case = evidence(
        report=report(finding("wrong-sign")), survey=survey(kinks=[KINK], jump=JUMP, fall=FALL)
    )
    assert slugs(case) == ["wrong-sign"]


def test_gradient_comes_before_the_hessian():
    case = evidence(report=report(finding("wrong-sign")), vectors=[finding("wrong-hessian")])
    assert slugs(case) == ["wrong-sign", "wrong-hessian"]


def test_random_cost_explains_its_wrong_gradient():
    case = evidence(
        report=report(finding("wrong-gradient"), finding("nondeterministic", "warning"))
    )
    assert first(case) == "nondeterministic"


def test_finding_that_was_allowed_is_no_fault():
    case = evidence(report=report(finding("wrong-sign", allowed=True)), survey=survey(**RESTED))
    assert faults(case) == []
    assert "wrong-sign" not in slugs(case)


def test_constant_cost_under_constraints_asks_for_any_feasible_point():
    told = story(given={"method": "SLSQP", "constraints": CONSTRAINT})
    assert faults(evidence(story_=told, report=report(finding("ignored-argument")))) == []
    named = finding("ignored-argument", data={"used_instead": "theta"})
    assert faults(evidence(story_=told, report=report(named))) == [named]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"fall": FALL}, "unbounded"),
        ({"fall": FALL, "kinks": [KINK], "jump": JUMP}, "unbounded"),
        ({"terraced": True, "kinks": [KINK]}, "piecewise-constant"),
        ({"jump": JUMP}, "discontinuity"),
        ({"kinks": [KINK]}, "kink"),
        ({"noise": 1e-3}, "noise"),
        ({"noise": 1e-7, "precision": "float32"}, "low-precision"),
        ({"cost": math.nan}, "non-finite"),
        ({"beyond": 0.5}, "dead-start"),
        ({}, "solver-behaviour"),
    ],
)
def test_terrain_names_the_cause_of_a_failure(changes, slug):
    case = evidence(survey=survey(**changes))
    assert first(case) == slug
    assert not judge(case)[2]


def test_start_outside_its_bounds_comes_before_the_terrain():
    case = evidence(outside=(1,), survey=survey(kinks=[KINK]))
    assert slugs(case) == ["infeasible-start", "kink"]


def test_values_that_are_not_finite_come_before_kinks():
    wall = Point(number=7, kind="both", x=np.array([0.1, -3.0]), value=math.inf)
    case = evidence(story_=story(non_finite=(wall,)), survey=survey(kinks=[KINK]))
    assert slugs(case)[:2] == ["non-finite", "kink"]
    notes = " ".join(judge(case)[0][0].notes)
    assert "evaluation 7 gave inf" in notes
    assert "x[1] = -3" in notes


@pytest.mark.parametrize(
    ("overflow", "words"), [(False, "the edge of a domain"), (True, "then overflows")]
)
def test_edge_and_overflow_are_told_apart(overflow, words):
    wall = Point(number=7, kind="both", x=-START, value=math.inf)
    edge = Edge(inside=0.4, outside=0.5, last=1e3, beyond=math.nan, overflow=overflow)
    case = evidence(story_=story(non_finite=(wall,)), survey=survey(edge=edge))
    assert words in " ".join(judge(case)[0][0].notes)


def test_walls_that_a_good_run_met_on_its_way_are_not_blamed():
    wall = Point(number=7, kind="both", x=-START, value=math.inf)
    told = story(non_finite=(wall,), failed=False, meaning=Meaning(kind="converged", text=""))
    assert slugs(evidence(story_=told, survey=survey(**RESTED))) == ["converged"]


def test_short_line_search_is_named():
    told = story(given={"method": "L-BFGS-B", "options": {"maxls": 2}})
    case = evidence(story_=told)
    assert first(case) == "iteration-limit"
    assert "2 steps only" in judge(case)[0][0].message
    assert not judge(case)[2]


def test_run_that_went_away_without_end_is_unbounded():
    told = story(end=np.array([1e9, 1e9]))
    case = evidence(story_=told, survey=survey(cost=-1e9, onward=None))
    assert first(case) == "unbounded"


# starts ------------------------------------------------------------------------------------------


STUCK = {"end": START, "failed": False, "meaning": Meaning(kind="converged", text="")}


@pytest.mark.parametrize(
    ("vicinity", "slug"),
    [
        (Vicinity(lower=4.0, radius=0.1, flat=False), "dead-start"),
        (Vicinity(lower=None, radius=0.0, flat=True), "piecewise-constant"),
        (Vicinity(lower=None, radius=0.1, flat=False, jump=JUMP), "piecewise-constant"),
        (Vicinity(lower=None, radius=0.0, flat=False), "converged"),
    ],
)
def test_start_without_slope_is_judged_by_its_surroundings(vicinity, slug):
    flat = {"gradient": np.zeros(2), "start_gradient": np.zeros(2), "cost": 5.0, "onward": None}
    case = evidence(story_=story(**STUCK), survey=survey(vicinity=vicinity, **flat))
    assert first(case) == slug


# scaling -----------------------------------------------------------------------------------------


def test_scaled_run_that_gets_further_shows_bad_scaling():
    case = evidence(survey=survey(scales=np.array([1e-6, 1.0])), rescaled=0.0)
    assert first(case) == "bad-scaling"
    assert judge(case)[0][0].data["scale"] == [1e-6, 1.0]


def test_scaled_run_that_gets_no_further_shows_nothing():
    case = evidence(survey=survey(scales=np.array([1e-6, 1.0])), rescaled=1.0)
    assert first(case) == "solver-behaviour"


@pytest.mark.parametrize(("generous", "slug"), [(True, "bad-scaling"), (False, "iteration-limit")])
def test_limit_of_ones_own_is_not_blamed_on_scaling(generous, slug):
    told = story(meaning=Meaning(kind="limit", text="", tolerance="maxiter"))
    case = evidence(story_=told, rescaled=0.0, generous_limit=generous)
    assert first(case) == slug


# constraints -------------------------------------------------------------------------------------


def constrained(**seen: Any) -> Evidence:
    told = story(
        given={"method": "SLSQP", "constraints": CONSTRAINT},
        meaning=Meaning(kind="constraints", text=""),
    )
    return evidence(story_=told, feasibility=Feasibility(**seen))


def test_constraints_that_no_point_meets_are_infeasible():
    case = constrained(missed_at_start=1.0, missed_at_end=1.0, worst=2, closest=0.5)
    assert slugs(case)[0] == "infeasible-constraints"
    assert judge(case)[0][0].data["constraint"] == 2


def test_constraints_that_repeat_each_other_are_degenerate():
    assert first(constrained(equalities=2, rank=1, dependent=(2,))) == "degenerate-constraints"


def test_start_from_which_no_feasible_point_was_found_is_infeasible():
    case = constrained(missed_at_start=1.0, missed_at_end=1.0, closest=0.0)
    assert first(case) == "infeasible-start"


def test_constraints_that_raise_are_not_judged():
    case = constrained(missed_at_end=1.0, closest=1.0, raised="ValueError: no")
    assert first(case) not in ("infeasible-constraints", "infeasible-start")


# benign ends -------------------------------------------------------------------------------------


def test_failure_where_nothing_is_lower_is_the_limit_of_precision():
    causes, _, benign = judge(evidence(survey=survey(**RESTED)))
    assert [cause.slug for cause in causes] == ["precision-limit"]
    assert benign
    assert "1e-08" in causes[0].help  # the power of ten above 3e-9


def test_success_where_nothing_is_lower_is_convergence():
    told = story(failed=False, meaning=Meaning(kind="converged", text=""))
    causes, _, benign = judge(evidence(story_=told, survey=survey(**RESTED)))
    assert [cause.slug for cause in causes] == ["converged"]
    assert benign


@pytest.mark.parametrize("kind", ["limit", "stopped-by-callback"])
def test_limit_is_benign_even_far_from_the_minimum(kind):
    told = story(meaning=Meaning(kind=kind, text="", tolerance="maxiter"))
    causes, _, benign = judge(evidence(story_=told))
    assert [cause.slug for cause in causes] == ["iteration-limit"]
    assert "maxiter" in causes[0].help
    assert benign


def test_success_with_much_left_to_gain_is_not_benign():
    told = story(failed=False, meaning=Meaning(kind="converged", text=""))
    causes, _, benign = judge(evidence(story_=told))
    assert [cause.slug for cause in causes] == ["solver-behaviour"]
    assert not benign


@pytest.mark.parametrize(("left", "unfinished"), [(0.01, False), (0.2, True)])
def test_success_may_leave_a_fiftieth_of_its_progress_behind(left, unfinished):
    told = story(failed=False, meaning=Meaning(kind="converged", text=""))
    onward = Descent(cost=1.0 - left, point=END, evaluations=9)
    assert evidence(story_=told, survey=survey(onward=onward)).unfinished is unfinished


def test_gain_within_the_noise_is_no_gain():
    onward = Descent(cost=0.99, point=END, evaluations=9)
    assert survey(onward=onward, noise=1e-3).left_over == 0.0
    assert survey(onward=onward, noise=1e-5).left_over == pytest.approx(0.01)


def test_kink_met_by_a_run_that_ended_well_is_not_blamed():
    told = story(failed=False, meaning=Meaning(kind="converged", text=""))
    far = Kink(step=0.5, left=-1.0, right=1.0, distance=0.5)
    assert slugs(evidence(story_=told, survey=survey(**RESTED, kinks=[far]))) == ["converged"]


# what is told ------------------------------------------------------------------------------------


def test_last_search_is_counted_in_the_explanation():
    case = evidence(report=report(finding("wrong-sign")))
    assert any("of the 2 trials of the last search 2" in n for n in judge(case)[0][0].notes)


def test_constant_run_is_explained():
    case = evidence(story_=story(still=True), report=report(finding("ignored-argument")))
    assert any("evaluated 40 times and always got 1" in n for n in judge(case)[0][0].notes)


def test_findings_hold_causes_and_observations_each_once():
    case = evidence(report=report(finding("wrong-sign"), finding("aliased-buffer", "warning")))
    causes, found, _ = judge(case)
    assert [cause.slug for cause in causes] == ["wrong-sign"]
    assert [f.slug for f in found] == ["wrong-sign", "aliased-buffer"]


def test_every_cause_says_what_to_change():
    cases = [{"fall": FALL}, {"terraced": True}, {"jump": JUMP}, {"kinks": [KINK]}, {"noise": 1e-3}]
    for changes in cases:
        for cause in judge(evidence(survey=survey(**changes)))[0]:
            assert cause.help
            assert cause.notes or cause.slug == "piecewise-constant"


def block(verdict: Verdict) -> BlockReport:
    return BlockReport(
        name="theta", shape=(2,), start=0, size=2, verdict=verdict, relative_error=0.0
    )


@pytest.mark.parametrize(
    ("verdict", "found", "passing"),
    [
        (Verdict.PASS, (), True),
        (Verdict.FAIL, (), False),
        (Verdict.INCONCLUSIVE, (), False),
        (Verdict.PASS, (finding("budget-exhausted", "note"),), False),
    ],
)
def test_audit_passes_when_it_could_see_and_nothing_was_wrong(verdict, found, passing):
    seen = Report(verdict=verdict, blocks=(block(verdict),), findings=found)
    assert passes(seen) is passing


@pytest.mark.parametrize("seen", [None, Report(verdict=Verdict.PASS)])
def test_audit_that_saw_no_block_does_not_pass(seen):
    assert not passes(seen)
