"""Judge why a run ended: from what was measured to ranked causes. Pure; nothing is evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from gradaudit.catalogue import RECORDS, Level
from gradaudit.optimizers.call import Call
from gradaudit.optimizers.feasibility import Feasibility
from gradaudit.optimizers.story import Story
from gradaudit.optimizers.survey import Survey
from gradaudit.problem import entry_name
from gradaudit.results import Finding, Report, Verdict

_EPS: Final = float(np.finfo(np.float64).eps)
# A run that ended well left less than this part of its progress behind; a solver that gave up, less
# than the smaller part.
_UNFINISHED: Final = 0.02
_GAVE_UP: Final = 1e-5
# Noise beyond so many rounding units of the cost is not its rounding.
_ROUGH: Final = 50.0
# A cost without slope: what the gradient promises for a move by the parameters' sizes.
_LEVEL: Final = 1e-12
_SPREAD: Final = 1e3
# Constraints that a search cannot bring nearer than this part of their scale exclude each other.
_APART: Final = 1e-3
# A tolerance beyond this was set by someone who did not want more.
_COARSE: Final = 1e-3
# Noise beyond this part of the cost, and of what the run gained, leaves the end in doubt.
_BLURRED: Final = 3e-3
_USUAL_SEARCH: Final = 10
# Scaled parameters take a descent so many times as far as plain ones where scales are the matter.
_FURTHER: Final = 3.0
# Entries of a gradient below this end most runs; they matter where they promise so many times more.
_TOLERATED: Final = 1e-4
_FAR_MORE: Final = 1e3
# So many sizes of the parameters, and of the cost, are beyond what a minimum asks for.
_AWAY: Final = 1e6
# Steps of differences in SciPy, relative to the parameters.
_SCIPY_STEP: Final = 1.5e-8
_DIFFERENCE: Final = 6e-6
# A corner this near, in units of the parameters' size, is where the run stopped.
_AT_THE_END: Final = 0.02
# The active constraints leave this part of the gradient unbalanced at a point that is no optimum.
_UNBALANCED: Final = 0.05
# What follows from others as a rule comes behind them.
_LATER: Final = {"value-mismatch": 1, "mutated-data": 2, "frozen-gradient": 3}
# How a run ends when nothing that it was given is at fault.
ENDINGS: Final = frozenset({"converged", "precision-limit", "iteration-limit", "solver-behaviour"})
_WARNINGS: Final = frozenset({"nondeterministic", "piecewise-constant", "ignored-argument"})
# These copy what the gradient returns before they ask again.
_COPYING: Final = ("L-BFGS-B", "TNC", "SLSQP")


@dataclass(slots=True, kw_only=True, eq=False)
class Evidence:
    """Everything that is known about one run.

    Attributes
    ----------
    story : Story
    survey : Survey
    report : Report or None
        The audit of cost and gradient.
    vectors : list of Finding
        About Jacobians, Hessians and constraints.
    feasibility : Feasibility or None
    outside : tuple of int
        Entries of x0 outside the bounds.
    rescaled : float or None
        The lowest cost that the same solver reached on the scaled problem.
    generous_limit : bool
        The limit that ended the run was SciPy's own, and many evaluations away.
    gradient_checked : bool
        The user's gradient was audited and found right.
    """

    story: Story
    survey: Survey = field(default_factory=Survey)
    report: Report | None = None
    vectors: list[Finding] = field(default_factory=list[Finding])
    feasibility: Feasibility | None = None
    outside: tuple[int, ...] = ()
    rescaled: float | None = None
    rescaled_evaluations: int = 0
    generous_limit: bool = False
    gradient_checked: bool = False

    @property
    def limited(self) -> bool:
        """Whether the run ended at a limit of iterations, evaluations or time."""
        return self.story.meaning.kind in ("limit", "stopped-by-callback")

    @property
    def unfinished(self) -> bool:
        """Whether a trusted run gets visibly further from where the solver stopped."""
        survey = self.survey
        if self.constrained:
            return not _at_rest(self)
        if not self.story.failed and _loose(self.story.call):
            return False  # the end that was asked for
        part = _GAVE_UP if self.story.failed else _UNFINISHED
        return survey.left_over > part * max(survey.drop, 0.0)

    @property
    def constrained(self) -> bool:
        """Whether there are constraints besides bounds."""
        return bool(self.story.call.constraints)


def _loose(call: Call) -> bool:
    """Tell whether the user asked for a coarse result."""
    asked = [call.tol, *(call.options.get(name) for name in ("gtol", "ftol", "xtol", "tol"))]
    return any(isinstance(value, float | int) and value > _COARSE for value in asked)


def faults(evidence: Evidence) -> list[Finding]:
    """Return what is wrong with the functions themselves: wiring, then derivatives."""
    report = evidence.report
    found = [] if report is None else [f for f in report.findings if not f.allowed]
    if evidence.constrained:  # a constant cost asks for any point that satisfies them
        constant = {"ignored-argument", "frozen-gradient"}
        found = [f for f in found if f.slug not in constant or f.data.get("used_instead")]
    wiring = [f for f in found if f.level == "error" and f.code < "GA2"]
    unstable = [f for f in found if f.slug in _WARNINGS and f.level != "error"]
    gradient = [f for f in found if f.level == "error" and "GA2" <= f.code < "GA3"]
    unfit = [f for f in found if f.level == "error" and f.code >= "GA3"]
    vectors = [f for f in evidence.vectors if f.level == "error" or _frozen(f)]
    first = [f for f in vectors if f.code < "GA2"]
    second = [f for f in vectors if f.code >= "GA2"]
    wiring.sort(key=lambda f: _LATER.get(f.slug, 0))
    # data that change from call to call look like a cache
    wiring.sort(key=lambda f: not (f.slug == "mutated-data" and f.data.get("changes") == "cost"))
    gradient.sort(key=lambda f: f.slug == "wrong-gradient")  # those with a name first
    ordered = [*wiring, *first, *unfit, *gradient, *second, *unstable]
    return _without_echoes(ordered)


def _frozen(finding: Finding) -> bool:
    """Tell whether a Hessian is that of another point, which nobody means it to be."""
    return finding.level == "warning" and finding.data.get("cause") == "frozen"


def _without_echoes(found: Sequence[Finding]) -> list[Finding]:
    """Leave out what follows from a fault further up: a random cost has no right gradient."""
    slugs = {f.slug for f in found}
    if slugs & {"nondeterministic"} and not any(
        f.code < "GA2" and f.level == "error" for f in found
    ):
        return sorted(found, key=lambda f: f.slug != "nondeterministic")
    return list(found)


def judge(evidence: Evidence) -> tuple[list[Finding], list[Finding], bool]:
    """Return the causes, most likely first, all findings, and whether nothing is at fault.

    The order is that of the decisions in which causes exclude each other: the wiring, values that
    are not finite, wrong derivatives, randomness, noise, corners and jumps, falls without end,
    constraints, a start without slope, scaling; else the run has converged, met a limit, or the
    solver behaved in a way that its functions do not explain.
    """
    found = faults(evidence)
    if not found:
        found = list(_unfit(evidence))
    observations = [] if evidence.report is None else list(evidence.report.findings)
    observations += evidence.vectors
    if not found and evidence.outside:
        observations.append(_outside(evidence))
    if found:
        causes = [_explained(f, evidence) for f in found]
        benign = False
    else:
        causes = [_ending(evidence)]
        benign = causes[0].slug in ("converged", "precision-limit", "iteration-limit") or (
            # a success that is none, though all that the solver was given is right
            causes[0].slug == "solver-behaviour" and evidence.story.outcome.success is True
        )
    names = {(f.slug, f.block) for f in causes}
    rest = [f for f in observations if (f.slug, f.block) not in names]
    return causes, [*causes, *rest], benign


def _finding(
    slug: str, message: str, *notes: str, help: str = "", level: Level | None = None, **data: object
) -> Finding:
    return Finding(
        slug=slug,
        level=level or RECORDS[slug].level,
        message=message,
        notes=tuple(note for note in notes if note),
        help=help,
        data=dict(data),
    )


# what the functions are unfit for ------------------------------------------------------------


def _unfit(evidence: Evidence) -> Iterator[Finding]:
    """Yield what explains the stop although every derivative is right, most likely first."""
    trouble = evidence.story.failed or evidence.unfinished or bool(evidence.story.raised)
    if trouble or evidence.limited:
        yield from _doubtful(evidence)
    if evidence.outside and (trouble or _left_unmoved(evidence)):
        yield _outside(evidence)
    if evidence.survey.terraced:
        yield _terraces(evidence)
    yield from _unbounded(evidence)
    about_constraints = list(_constraints(evidence))
    yield from (f for f in about_constraints if f.slug == "infeasible-constraints")
    yield from _not_finite(evidence)
    yield from (f for f in about_constraints if f.slug != "infeasible-constraints")
    if trouble and not evidence.limited:
        yield from _jump(evidence)
        yield from _kink(evidence)
        yield from _noisy(evidence)
    elif _settled_on_a_corner(evidence):
        yield from _jump(evidence)
        yield from _kink(evidence)
    yield from _dead_start(evidence)
    if not trouble and _unresolved(evidence):
        yield from _noisy(evidence)
    yield from _short_search(evidence)
    yield from _scaling(evidence)


def _left_unmoved(evidence: Evidence) -> bool:
    """Tell whether the run ended where the bounds put its start."""
    start = np.delete(evidence.story.start, list(evidence.outside))
    return bool(np.array_equal(start, np.delete(evidence.story.end, list(evidence.outside))))


def _doubtful(evidence: Evidence) -> Iterator[Finding]:
    """Yield what a run can live with, and this one did not: a reused buffer, a rough Hessian."""
    report = evidence.report
    found = [*evidence.vectors, *(() if report is None else report.findings)]
    for finding in found:
        if finding.level != "warning" or finding.allowed:
            continue
        keeps = evidence.story.call.method not in _COPYING
        if finding.slug.startswith("wrong-") or (finding.slug == "aliased-buffer" and keeps):
            yield finding


def _unresolved(evidence: Evidence) -> bool:
    """Tell whether the noise is so large that what the run gained means little."""
    survey = evidence.survey
    return survey.noise > _BLURRED * max(abs(survey.drop), 1e-300) and (
        survey.noise > _BLURRED * abs(survey.cost)
    )


def _settled_on_a_corner(evidence: Evidence) -> bool:
    """Tell whether a run that claims success stopped where the gradient is nowhere near zero."""
    survey = evidence.survey
    slope = survey.slope_of(survey.gradient)
    odd = [*survey.kinks, *([survey.jump] if survey.jump else [])]
    at_the_end = any(each.distance < _AT_THE_END for each in odd)
    return slope > 1e-3 * max(survey.drop, 0.0) and at_the_end


def _unbounded(evidence: Evidence) -> Iterator[Finding]:
    fall, story = evidence.survey.fall, evidence.story
    if fall is None and _ran_away(evidence):
        yield _finding(
            "unbounded",
            "the run went away without end, the cost ever lower",
            f"from {evidence.survey.start_cost:.3g} to {evidence.survey.cost:.3g}, while the "
            f"largest parameter went from {np.abs(story.start).max():.3g} to "
            f"{np.abs(story.end).max():.3g}",
            "the derivatives agree with the cost: there may be no minimum to find",
            help="bound the parameters, add a penalty, or turn the sign if it was to be maximised",
        )
    if fall is None:
        return
    yield _finding(
        "unbounded",
        "the cost falls without end",
        f"{fall.direction}, f goes {_numbers(fall.values[::2])} at "
        f"{_numbers(fall.steps[::2])} times that step",
        "the derivatives agree with the cost: there is no minimum to find",
        help="bound the parameters, add a penalty, or turn the sign if it was to be maximised",
        values=fall.values,
    )


def _ran_away(evidence: Evidence) -> bool:
    survey, story = evidence.survey, evidence.story
    if not survey.sizes.size or not math.isfinite(survey.cost):
        return False
    travelled = float(np.abs((story.end - story.start) / survey.sizes).max())
    fallen = survey.start_cost - survey.cost
    return travelled > _AWAY and fallen > _AWAY * (1.0 + abs(survey.start_cost))


def _not_finite(evidence: Evidence) -> Iterator[Finding]:
    story, survey = evidence.story, evidence.survey
    bad_end = survey.asked and not math.isfinite(survey.cost)
    if not story.non_finite and not bad_end:
        return
    if not (bad_end or story.failed or evidence.unfinished):
        return
    if evidence.limited and not bad_end and not evidence.unfinished:
        return
    point = story.non_finite[0] if story.non_finite else None
    edge = survey.edge
    notes = (
        ["the derivatives are right where the cost is finite"] if evidence.gradient_checked else []
    )
    raised = story.first_raised
    if point is not None:
        gave = f"raised {raised}" if raised else f"gave {point.value:g}"
        notes.insert(0, f"evaluation {point.number:,} {gave}, {_farthest(story, point.x)}")
    slug = "non-finite"
    if edge is not None and not edge.overflow:
        notes.append(
            f"on the way there the cost is {edge.last:.6g} and then, at the next number, "
            + (
                "it raises"
                if raised
                else f"{edge.beyond:g}: the edge of a domain (a logarithm, a root, a division)"
            )
        )
    elif edge is not None:
        notes.append(f"on the way there the cost grows to {edge.last:.3g}, then overflows")
    yield _finding(
        slug,
        f"the cost raised {raised.partition(':')[0]} on the way"
        if raised
        else "the solver met a cost that is not finite",
        *notes,
        help="bound the parameters away from the edge, or use their logarithms; shift by the "
        "maximum before exp",
        level="error",
        evaluation=None if point is None else point.number,
    )


def _farthest(story: Story, x: np.ndarray) -> str:
    if x.size != story.start.size:
        return "away from x0"
    offset = np.abs(x - story.start)
    if not np.isfinite(offset).all():
        return "where x itself is not finite"
    index = int(np.argmax(offset))
    return f"x[{index}] = {x[index]:.6g} (x0[{index}] = {story.start[index]:.6g})"


def _jump(evidence: Evidence) -> Iterator[Finding]:
    jump, survey = evidence.survey.jump, evidence.survey
    if jump is None:
        return
    yield _finding(
        "discontinuity",
        "the cost jumps on the line that was searched",
        f"by {jump.height:.4g} within {jump.width:.1g} of the step, at t = {jump.step:.6g}"
        + (f" ({survey.ray.title})" if survey.ray else ""),
        "no gradient tells of a jump",
        help="take the branch or the rounding out of the cost, make the jump a constraint, or use "
        "a method without derivatives",
        level="warning",
        step=jump.step,
        height=jump.height,
    )


def _kink(evidence: Evidence) -> Iterator[Finding]:
    survey, report = evidence.survey, evidence.report
    if not survey.kinks:
        return
    kink = survey.kinks[0]
    where = (
        "on the line that was searched"
        if kink.entry is None
        else f"in {_entry(report, kink.entry)}"
    )
    yield _finding(
        "kink",
        f"the cost has a kink where it stopped, {where}",
        f"its slope is {kink.left:.4g} on one side and {kink.right:.4g} on the other, "
        "however near one looks",
        "at a kink the gradient does not become small, and a step along it helps nothing",
        help="this may well be the minimum; smooth the corner, split the variable into positive "
        "parts, or use a method made for it (linear programming, proximal steps)",
        level="warning",
        one_sided=(kink.left, kink.right),
    )


def _entry(report: Report | None, index: int) -> str:
    if report is None:
        return f"x[{index}]"
    for block in report.blocks:
        if block.start <= index < block.start + block.size:
            offset = index - block.start
            if block.name == "theta" or not block.shape:
                return entry_name((), index) if block.shape else block.name
            position = np.unravel_index(offset, block.shape)
            return f"{block.name}[{', '.join(str(int(i)) for i in position)}]"
    return f"x[{index}]"


def _noisy(evidence: Evidence) -> Iterator[Finding]:
    survey, story = evidence.survey, evidence.story
    if survey.kinks or survey.jump or not math.isfinite(survey.noise):
        return
    single = survey.precision != "float64" or _says(evidence, "low-precision")
    size = abs(survey.cost)
    rough = survey.noise > _ROUGH * _EPS * max(survey.level, 1e-300)
    if not single and not rough:
        return
    drowned = story.call.jac is None and _drowned(survey)
    if survey.left_over > 1e4 * survey.noise and not single and not drowned:
        return
    digits = f"two evaluations of the cost differ by {survey.noise:.2g}"
    relative = f", {survey.noise / size:.1e} of its value" if size else ""
    promise = survey.slope_of(survey.gradient)
    seen = (
        f"the gradient promises {promise:.2g} for a step of the parameters' size"
        if math.isfinite(promise)
        else ""
    )
    if single:
        yield _finding(
            "low-precision",
            f"the cost is computed in {survey.precision}"
            if survey.precision != "float64"
            else "part of the cost is computed in single precision",
            digits + relative,
            seen,
            help="compute in float64 (x.astype(float), jax_enable_x64), or loosen the tolerance to "
            "what seven digits can show",
            level="warning",
            noise=survey.noise,
        )
        return
    tool = story.call.jac is None
    step = (survey.noise / max(survey.level, 1e-300)) ** (1.0 / 3.0)
    yield _finding(
        "noise",
        "the cost is too noisy for the decrease the solver looks for",
        digits + relative,
        seen,
        f"differences over steps of 1.5e-8 turn that into errors of {survey.noise / 1.5e-8:.1g} in "
        "the gradient"
        if tool
        else "",
        help=f"make what the cost computes inside more accurate, take difference steps near "
        f"{step:.0e}, or accept this point and loosen the tolerance",
        level="warning",
        noise=survey.noise,
    )


def _drowned(survey: Survey) -> bool:
    """Tell whether differences over SciPy's steps show noise rather than slopes."""
    gradient = survey.gradient
    if gradient is None:
        return True
    return survey.noise / _SCIPY_STEP > float(np.median(np.abs(gradient) * survey.sizes))


def _says(evidence: Evidence, slug: str) -> bool:
    report = evidence.report
    return report is not None and any(f.slug == slug for f in report.findings)


def _constraints(evidence: Evidence) -> Iterator[Finding]:
    seen = evidence.feasibility
    if seen is None or seen.raised:
        return
    kind = evidence.story.meaning.kind
    if seen.missed_at_end and seen.closest is not None and seen.closest > _APART:
        yield _finding(
            "infeasible-constraints",
            "no point was found that satisfies all constraints",
            f"at the end constraint {seen.worst} is missed by {seen.missed_at_end:.2g} of its "
            f"scale; a search for any point that meets them all still misses by {seen.closest:.2g}",
            help="look for constraints that contradict each other or the bounds, and for a sign: "
            "'ineq' means fun(x) >= 0",
            level="error",
            constraint=seen.worst,
        )
        return
    off = bool(seen.missed_at_end) or seen.stationarity > _UNBALANCED
    if seen.dependent and (evidence.story.failed or off) and not evidence.limited:
        yield _finding(
            "degenerate-constraints",
            f"the gradients of the constraints are linearly dependent: {seen.rank} of "
            f"{seen.equalities} equality constraints are independent",
            f"constraint {' and '.join(map(str, seen.dependent))} adds nothing to the others",
            help="remove the constraints that repeat others",
            level="error",
            constraints=seen.dependent,
        )
    lost = seen.missed_at_end and seen.missed_at_start and kind != "converged"
    if lost and not evidence.limited and not evidence.story.raised:
        yield _finding(
            "infeasible-start",
            "the solver did not find its way to a point that satisfies the constraints",
            f"constraint {seen.worst} is missed by {seen.missed_at_end:.2g} of its scale at the "
            f"end, the worst by {seen.missed_at_start:.2g} at the start",
            "a search of its own found a point that satisfies them all"
            if seen.closest is not None
            else "",
            help="start from a point that satisfies the constraints",
            level="warning",
            constraint=seen.worst,
        )


def _outside(evidence: Evidence) -> Finding:
    story, outside = evidence.story, evidence.outside
    index = outside[0]
    return _finding(
        "infeasible-start",
        f"x0 lies outside its bounds in {len(outside):,} of {story.start.size:,} entries",
        f"x0[{index}] = {story.start[index]:.6g}; SciPy moves it onto the bound without a word",
        help="start inside: np.clip(x0, lower, upper)",
        level="warning",
        indices=tuple((i,) for i in outside[:20]),
    )


def _dead_start(evidence: Evidence) -> Iterator[Finding]:
    story, vicinity, survey = evidence.story, evidence.survey.vicinity, evidence.survey
    if survey.beyond is not None and not evidence.limited:
        yield _finding(
            "dead-start",
            "the run ended on a saddle: the gradient is zero there, and the cost falls on both "
            "sides",
            f"it is {survey.cost:.8g} there, and {survey.beyond:.8g} on a line through it",
            "the derivatives are right: from a start on the ridge none leads off it",
            help="start somewhere else: small random numbers break the symmetry",
            level="error",
        )
        return
    if vicinity is None or not _same_place(story):
        return
    if vicinity.flat or vicinity.jump is not None:
        yield _plateau(survey)
        return
    if vicinity.lower is None:
        return
    # a difference of a cost with an offset may show no slope where there is one
    blind = survey.rounding / _DIFFERENCE if survey.differences else 0.0
    slope = survey.slope_of(survey.start_gradient) + blind
    if not survey.start_cost - vicinity.lower > 10.0 * slope * vicinity.radius:
        if survey.differences:
            offset = survey.rounding <= _ROUGH * _EPS * abs(survey.cost)
            yield _too_few_digits(survey, vicinity.lower) if offset else _plateau(survey)
        return
    yield _finding(
        "dead-start",
        "the gradient is zero at the start, which is no minimum",
        f"the cost is {survey.start_cost:.8g} at x0 and {vicinity.lower:.8g} at a distance of "
        f"{vicinity.radius:g} times the parameters' size",
        "the derivatives are right: a saddle or a plateau has none that lead away",
        help="start somewhere else: small random numbers in place of zeros break the symmetry",
        level="error",
    )


def _too_few_digits(survey: Survey, lower: float) -> Finding:
    return _finding(
        "noise",
        "the cost has too few digits for differences over steps as short as SciPy's",
        f"its values are {survey.rounding:.2g} apart; over a step of 1.5e-8 that hides slopes up "
        f"to {survey.rounding / _SCIPY_STEP:.1g}",
        f"the differences at the start show none, and yet it is {survey.start_cost:.10g} there and "
        f"{lower:.10g} not far away",
        help="take an offset out of the cost, write more digits, or take longer steps: "
        "options={'eps': ...}, finite_diff_rel_step",
        level="warning",
        noise=survey.rounding,
    )


def _plateau(survey: Survey) -> Finding:
    vicinity = survey.vicinity
    assert vicinity is not None  # the caller asked
    jump = vicinity.jump
    return _finding(
        "piecewise-constant",
        "the cost moves in steps only",
        f"it is {survey.start_cost:.10g} all around x0"
        + (
            ""
            if jump is None
            else f", then jumps by {jump.height:.4g} within {jump.width:.1g} of the parameters' "
            "size"
        ),
        "on a step its derivative is zero, right as it is, and tells no way down",
        help="use a smooth surrogate of what is counted or rounded, or a method without "
        "derivatives (Nelder-Mead, differential evolution)",
        level="warning",
    )


def _terraces(evidence: Evidence) -> Finding:
    ray = evidence.survey.ray
    return _finding(
        "piecewise-constant",
        "the cost moves in steps only",
        f"{ray.title if ray else 'along a line'} most of its values are equal to the last bit",
        help="use a smooth surrogate of what is counted or rounded, or a method without "
        "derivatives (Nelder-Mead, differential evolution)",
        level="warning",
    )


def _same_place(story: Story) -> bool:
    return bool(np.allclose(story.start, story.end, rtol=1e-10, atol=1e-12))


def _short_search(evidence: Evidence) -> Iterator[Finding]:
    """Yield a line search that was not allowed enough steps."""
    allowed = evidence.story.call.options.get("maxls")
    kind = evidence.story.meaning.kind
    if kind != "line-search" or not isinstance(allowed, int) or allowed >= _USUAL_SEARCH:
        return
    yield _finding(
        "iteration-limit",
        f"the line search was allowed {allowed} {'step' if allowed == 1 else 'steps'} only",
        "SciPy's own limit is 20; cost and gradient agree",
        _further(evidence),
        help="leave maxls out of the options, or raise it to 20",
        level="warning",
    )


def _scaling(evidence: Evidence) -> Iterator[Finding]:
    survey = evidence.survey
    shown = _shown_by_scaling(evidence) or _small_by_units(evidence)
    if not shown or survey.kinks or survey.jump:
        return
    scales = survey.scales
    notes = [shown]
    data: dict[str, object] = {}
    text = "divide the cost by its gradient's norm at the start"
    if scales is not None:
        if float(scales.max() / scales.min()) > _SPREAD:
            low, high = int(np.argmin(scales)), int(np.argmax(scales))
            notes.insert(
                0,
                f"{_entry(evidence.report, low)} matters over steps of {scales[low]:.1g}, "
                f"{_entry(evidence.report, high)} over steps of {scales[high]:.1g}",
            )
            text = "minimise over y with x = scale * y, and divide the cost by its gradient's norm"
        data["scale"] = scales.tolist()
    slope = survey.slope_of(survey.start_gradient)
    if math.isfinite(slope):
        notes.append(f"at the start the gradient promises {slope:.2g} for a step of x's size")
    yield _finding(
        "bad-scaling",
        "the problem is badly scaled for this solver",
        *notes,
        help=f"{text} (data['scale'] holds the lengths measured)" if data else text,
        level="warning",
        **data,
    )


def _small_by_units(evidence: Evidence) -> str:
    """Say how a gradient below the tolerance promises much for steps of the parameters' size."""
    survey, story = evidence.survey, evidence.story
    gradient = survey.gradient
    if gradient is None or story.failed or evidence.limited or not evidence.unfinished:
        return ""
    largest, slope = float(np.abs(gradient).max()), survey.slope_of(gradient)
    if survey.scales is not None:
        slope = max(slope, float(np.linalg.norm(gradient * survey.scales)))
    if largest > _TOLERATED or slope < _FAR_MORE * largest:
        return ""
    return (
        f"the largest entry of the gradient is {largest:.1g} where it stopped, below the tolerance "
        f"for what is small; for steps of the parameters' size it promises {slope:.2g}"
    )


def _shown_by_scaling(evidence: Evidence) -> str:
    """Say what scaling achieves beyond the run; "" where that is nothing to speak of."""
    survey = evidence.survey
    if evidence.limited and not evidence.generous_limit:
        return ""
    if evidence.rescaled is not None:
        gained = survey.cost - evidence.rescaled
        least = _GAVE_UP * max(survey.start_cost - evidence.rescaled, 0.0)
        if gained > least + 30.0 * survey.rounding:
            return (
                f"the same solver, on the scaled problem, reaches {evidence.rescaled:.6g} in "
                f"{evidence.rescaled_evaluations} evaluations; here it stopped at "
                f"{survey.cost:.6g}"
            )
    onward, plain = survey.onward, survey.unscaled
    if onward is None or plain is None or not evidence.unfinished:
        return ""
    if not survey.cost - onward.cost > _FURTHER * max(survey.cost - plain.cost, 0.0):
        return ""
    return (
        f"from where it stopped at {survey.cost:.6g}, {onward.evaluations} evaluations in scaled "
        f"parameters reach {onward.cost:.6g}; {plain.evaluations} in the parameters as they are, "
        f"{plain.cost:.6g}"
    )


# how a run without faults ended --------------------------------------------------------------


def _ending(evidence: Evidence) -> Finding:
    story, survey = evidence.story, evidence.survey
    right = (
        "cost and gradient agree at every point looked at"
        if evidence.gradient_checked
        else "nothing was found wrong with the cost; its gradient was not checked"
        if story.call.jac is not None
        else "nothing was found wrong with the cost; it has no gradient to check"
    )
    reached = f"the cost went from {survey.start_cost:.8g} to {survey.cost:.8g}"
    further = _further(evidence)
    if story.raised and not story.evaluations:
        return _finding(
            "bad-setting",
            "SciPy refuses the call",
            story.raised,
            help="give what the method asks for, or choose another method",
        )
    if evidence.limited:
        limit = story.meaning.tolerance or "maxiter"
        return _finding(
            "iteration-limit",
            "the solver stopped at a limit, before its own test of convergence",
            reached,
            further,
            right,
            help=f"raise {limit} to go on, or start again from result.x",
            level="note",
        )
    if evidence.story.call.kind == "ode":
        return _ending_of_integration(evidence)
    if story.call.kind == "root" and not _solved(evidence):
        return _no_root(evidence, reached, right)
    if not evidence.unfinished and _at_rest(evidence):
        if story.failed or story.meaning.kind in ("precision", "line-search", "no-progress"):
            return _finding(
                "precision-limit",
                "this is converged: no step lowers the cost visibly any more",
                reached,
                further,
                f"two evaluations of the cost differ by {survey.rounding:.2g}",
                right,
                help=_tolerance_help(evidence),
                level="note",
            )
        return _finding("converged", "the run converged", reached, further, right, level="note")
    return _finding(
        "solver-behaviour",
        "every derivative is right; the stop is the solver's own",
        reached,
        further,
        right,
        help="try another method, or start again from result.x",
        level="warning",
    )


def _solved(evidence: Evidence) -> bool:
    """Tell whether the equations are met, as far as half their sum of squares can show."""
    survey = evidence.survey
    return survey.cost <= max(1e-10 * survey.start_cost, 1e-16)


def _no_root(evidence: Evidence, reached: str, right: str) -> Finding:
    survey = evidence.survey
    slope = survey.slope_of(survey.gradient)
    if not slope < 1e-3 * survey.cost:
        return _finding(
            "solver-behaviour",
            "the equations are not solved, and every derivative is right",
            f"half their sum of squares: {reached}",
            right,
            help="start nearer to the root, or try another method",
            level="warning",
        )
    return _finding(
        "dead-start",
        "the equations are not solved where the Jacobian shows no way on",
        f"half their sum of squares: {reached}; its gradient promises {slope:.2g} for a step of "
        "the parameters' size",
        right,
        help="start somewhere else: here the Jacobian is singular, or the equations have no root "
        "nearby",
        level="error",
    )


def _ending_of_integration(evidence: Evidence) -> Finding:
    story = evidence.story
    calls = f"{story.evaluations:,} calls of the right-hand side"
    if story.failed:
        return _finding(
            "solver-behaviour",
            "the Jacobian is right; the integration ended by itself",
            calls,
            help="look at the solution where it ended, and at the tolerances",
        )
    return _finding("converged", "the integration reached its end", calls)


def _at_rest(evidence: Evidence) -> bool:
    """Tell whether nothing contradicts that the end is a minimum."""
    seen = evidence.feasibility
    if evidence.constrained and seen is not None and not seen.raised:
        unbalanced = math.isfinite(seen.stationarity) and seen.stationarity > _UNBALANCED
        slope = evidence.survey.slope_of(evidence.survey.gradient)
        survey = evidence.survey
        still = slope <= 1e-6 * max(abs(survey.drop), 1e-300) or (
            survey.onward is not None and survey.left_over <= _UNFINISHED * max(survey.drop, 0.0)
        )
        return not seen.missed_at_end and (not unbalanced or still)
    return True


def _further(evidence: Evidence) -> str:
    survey = evidence.survey
    if survey.onward is None or evidence.constrained:  # downhill may leave the constraints
        return ""
    count = survey.onward.evaluations
    if count == 1:
        return "one further evaluation downhill from there lowers it no more"
    if not survey.left_over:
        return f"{count} further evaluations downhill from there lower it no more"
    return f"{count} further evaluations downhill from there lower it to {survey.onward.cost:.8g}"


def _tolerance_help(evidence: Evidence) -> str:
    """Name the tolerance that would have accepted this point."""
    gradient = evidence.survey.gradient
    if gradient is None:
        gradient = evidence.story.end_gradient
    if gradient is None or not np.isfinite(gradient).all():
        return "accept the result; a looser tolerance would have"
    largest = float(np.abs(gradient).max())
    options = evidence.story.meaning.tolerance or "gtol"
    if "gtol" not in options and evidence.story.call.method not in ("BFGS", "CG", "L-BFGS-B"):
        return f"accept the result, or loosen {options}"
    wanted = 10.0 ** math.ceil(math.log10(largest)) if largest > 0 else 1e-5
    return (
        f"accept the result: the largest entry of the gradient is {largest:.1e}, so that "
        f"options={{'gtol': {wanted:.0e}}} would have"
    )


# what a cause explains -----------------------------------------------------------------------


def _explained(finding: Finding, evidence: Evidence) -> Finding:
    """Add to a cause how it leads to this end of the run."""
    why = _why(finding, evidence)
    return replace(finding, notes=(*finding.notes, why)) if why else finding


def _why(finding: Finding, evidence: Evidence) -> str:
    story = evidence.story
    trials = [value for _, value in story.trials if math.isfinite(value)]
    here = story.end_cost
    if (
        finding.slug in ("ignored-argument", "misbound-partial", "integer-truncation")
        or story.still
    ):
        if story.still:
            return f"the run evaluated {story.evaluations} times and always got {here:.10g}: " + (
                "no step of a line search can lower it"
                if story.failed
                else "the solver takes that for convergence"
            )
        return ""
    if finding.code < "GA2" or finding.code.startswith("GA2"):
        higher = sum(value > here for value in trials)
        if story.failed and trials and higher:
            return (
                f"of the {len(trials)} trials of the last search {higher} gave a higher cost, "
                "where the gradient promised a lower one"
            )
        if not story.failed and evidence.survey.left_over:
            return (
                "the solver's own tests see only this gradient, so it reports success; downhill by "
                f"differences the cost falls further, from {evidence.survey.cost:.6g} to "
                f"{evidence.survey.onward.cost if evidence.survey.onward else math.nan:.6g}"
            )
    return ""


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def passes(report: Report | None) -> bool:
    """Tell whether an audit of a gradient found nothing wrong and could see something."""
    if report is None or not report.blocks:
        return False
    if any(finding.slug == "budget-exhausted" for finding in report.findings):
        return False
    return report.verdict != Verdict.FAIL and any(b.verdict == Verdict.PASS for b in report.blocks)
