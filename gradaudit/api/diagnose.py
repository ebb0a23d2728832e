"""Why did the optimizer stop? The run, the audit of what it got, and the way on from there."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from gradaudit.api.audit import Audit
from gradaudit.api.settings import read_seed
from gradaudit.blocks import Block, BlocksLike, Vector
from gradaudit.errors import ArgumentError, BudgetExhausted, GradauditError
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.directions import typical_sizes
from gradaudit.optimizers.call import Call, minimize_call, outcome
from gradaudit.optimizers.causes import ENDINGS, Evidence, faults, judge, passes
from gradaudit.optimizers.derivatives import VectorAudit, audit_constraints
from gradaudit.optimizers.feasibility import feasible, observe_feasibility
from gradaudit.optimizers.matrices import Common, audit_second_order, audit_vector_function
from gradaudit.optimizers.objective import VectorFunction, bounds_of, objective, vector_function
from gradaudit.optimizers.recorder import Recorder, Recording
from gradaudit.optimizers.rerun import Confirmation, confirm, rescale
from gradaudit.optimizers.story import Story, read_history, read_story
from gradaudit.optimizers.survey import Survey, Surveyor
from gradaudit.problem import Problem, read_bounds, shown
from gradaudit.results import Diagnosis, Evaluations, Finding, Settings, Verdict

BUDGET: Final = 500
# Parts of the budget: for the audit of the gradient (one that is right takes 100 to 250 evaluations
# as a rule), for describing one that is wrong, and after how much no further point is begun while
# it seems right. What remains is for the survey of the stop.
_AUDIT: Final = 0.72
_DESCRIPTION: Final = 0.2
_ENOUGH: Final = 0.4
# The same where there are Hessians or constraints to audit as well.
_ENOUGH_BESIDE: Final = 0.15
_FEWEST: Final = 60
_SHORTEST_RUN: Final = 25
_FEW: Final = 20
_MANY: Final = 400
# A run that is made only to see how it ends may take this many evaluations of the cost.
_LONGEST_RUN: Final = 20_000
_LONGEST_REPEAT: Final = 200
_NEAR_THE_END: Final = 60
# A start whose gradient promises less than this part of the cost has no slope.
_LEVEL: Final = 1e-12
# A result's cost differs by more than this part from the cost there: another problem.
_ANOTHER: Final = 1e-6


def diagnose(
    fun: Callable[..., Any] | Problem,
    x0: Any = None,
    *,
    method: str | None = None,
    jac: Any = None,
    args: Any = (),
    bounds: Any = None,
    constraints: Any = (),
    hess: Any = None,
    hessp: Any = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    blocks: BlocksLike | None = None,
    result: Any = None,
    budget: int = BUDGET,
    seconds: float | None = None,
    rng: Any = None,
) -> Diagnosis:
    """Tell why `scipy.optimize.minimize` stopped where it did.

    Parameters
    ----------
    fun, x0, method, jac, args, bounds, constraints, hess, hessp, tol, options
        Exactly as they were, or would be, handed to `scipy.optimize.minimize`. `fun` may be a
        `Problem`, which carries its own x0, jac, args and bounds.
    blocks : str, mapping or sequence of Block, optional
        As for `check`.
    result : OptimizeResult, optional
        What `minimize` returned. Left out, the run is made here, and watched.
    budget : int
        Most evaluations beyond the run.
    seconds : float, optional
        No evaluation is begun after this time; what was learned is returned.
    rng : None, int, Generator
        Seed of every random choice.

    Returns
    -------
    Diagnosis
        `causes`, most likely first; `benign` when nothing is at fault.

    Raises
    ------
    ArgumentError
        For an unknown method, or a result that belongs to another problem.
    EvaluationError
        When the function raises at x0; its exception is the cause.

    Examples
    --------
    >>> import numpy as np
    >>> def cost(x):
    ...     return float(x @ x), -2 * x
    >>> diagnosis = diagnose(cost, np.array([1.0, 2.0]), jac=True, method="L-BFGS-B", rng=0)
    >>> [finding.slug for finding in diagnosis.causes]
    ['wrong-sign']
    """
    if isinstance(fun, Problem):
        blocks = blocks if blocks is not None else fun.layout and fun.layout.blocks
        x0 = fun.structure.rebuild(fun.start.copy()) if x0 is None else x0
        jac = fun.jac if jac is None else jac
        args = args or fun.args
        bounds = _bounds_of(fun) if bounds is None else bounds
        fun = fun.fun
    if x0 is None:
        raise ArgumentError("x0 is missing; give the start, as for minimize")
    call = minimize_call(
        fun,
        x0,
        method=method,
        jac=jac,
        args=args if isinstance(args, tuple) else (args,),
        bounds=bounds,
        constraints=constraints,
        hess=hess,
        hessp=hessp,
        tol=tol,
        options=dict(options) if options is not None else None,
    )
    recording = _recorded(call, result)
    returned = recording.returned if result is None else result
    return _Diagnosing(
        call, recording, returned, budget=budget, seconds=seconds, rng=rng, blocks=blocks
    ).run(given=result is not None)


def diagnose_call(
    call: Call,
    recording: Recording,
    *,
    budget: int = BUDGET,
    seconds: float | None = None,
    rng: Any = None,
) -> Diagnosis:
    """Tell why a recorded run ended as it did.

    Parameters
    ----------
    call, recording
        What was called, and what it evaluated.
    budget : int
        Most evaluations.
    seconds : float, optional
    rng : None, int, Generator

    Returns
    -------
    Diagnosis
        With `stopped` where the function could not be evaluated at the start.
    """
    work = _Diagnosing(
        call, recording, recording.returned, budget=budget, seconds=seconds, rng=rng, blocks=None
    )
    try:
        return work.run(given=False)
    except GradauditError as error:
        work.stopped = str(error)
    return work.result()


def _bounds_of(problem: Problem) -> Any:
    if problem.lower is None or problem.upper is None:
        return None
    return list(zip(problem.lower, problem.upper, strict=True))


def _recorded(call: Call, result: Any) -> Recording:
    """Make the run, or of a run that was made before, the part that can be afforded."""
    replacements: dict[str, Any] = {}
    most = _LONGEST_RUN
    if result is not None:
        _require_result(call, result)
        ended = outcome(call, result)
        if ended.nfev is not None and ended.nfev <= _LONGEST_REPEAT:
            most = _LONGEST_REPEAT + 10
        elif ended.x is not None:
            most, replacements = _NEAR_THE_END, {"x0": ended.x}
    recorder = Recorder(call, most=most)
    states = random.getstate(), np.random.get_state()
    try:
        recorder.run(**replacements)
    except Exception:  # the recording holds it; what raised it is the question
        pass
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    return recorder.recording


def _require_result(call: Call, result: Any) -> None:
    x = getattr(result, "x", None)
    if x is None:
        raise ArgumentError(
            f"result is {shown(result)}; give what scipy.optimize.minimize returned"
        )
    if np.size(x) != call.size:
        raise ArgumentError(
            f"result belongs to another problem: result.x has {np.size(x):,} entries, "
            f"x0 has {call.size:,}"
        )


class _Diagnosing:
    """One diagnosis; what it learns is in the evidence at any time."""

    def __init__(
        self,
        call: Call,
        recording: Recording,
        returned: Any,
        *,
        budget: int,
        seconds: float | None,
        rng: Any,
        blocks: BlocksLike | None,
    ) -> None:
        self.call = call
        self.recording = recording
        self.returned = returned
        self.seed = read_seed(rng)
        self.rng = np.random.default_rng(self.seed)
        self.budget = budget
        self.seconds = seconds
        self.began = time.perf_counter()
        self.blocks = blocks
        self.calls = Evaluations()
        self.stopped = ""
        self.confirmation = Confirmation()
        story = read_story(call, recording, returned)
        self.evidence = Evidence(story=story)

    @property
    def story(self) -> Story:
        return self.evidence.story

    def run(self, *, given: bool) -> Diagnosis:
        states = random.getstate(), np.random.get_state()
        try:
            self._pipeline(given=given)
        except BudgetExhausted as error:
            self.stopped = str(error)
        except KeyboardInterrupt as interrupt:
            self.stopped = "interrupted"
            interrupt.gradaudit_report = self.result()  # type: ignore[attr-defined]
            raise
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
        return self.result()

    def _pipeline(self, *, given: bool) -> None:
        """Audit what the solver was given; when nothing is wrong with it, look at the stop."""
        start = self._start()
        problem = objective(self.call, start, self.blocks)
        if self.call.kind == "minimize":
            self._audit(problem)
        if given:
            self._require_same_problem(problem)
        self._audit_vectors(problem)
        if self.call.kind == "ode":
            return
        found = bool(faults(self.evidence))
        sizes = typical_sizes(np.where(start != 0, start, self.story.end), _known_blocks(problem))
        evaluator = Evaluator(
            problem,
            budget=max(self.budget - self.spent, 1),
            seconds=self._seconds_left(),
        )
        surveyor = Surveyor(evaluator, self.story, sizes, self.rng, trust=self._not_refuted())
        self.evidence.survey = surveyor.survey
        try:
            if found:
                surveyor.survey.cost = evaluator.cost(surveyor.end)
                surveyor.survey.start_cost = self.story.start_cost
                surveyor.draw()
            else:
                self._survey_what_can_be_paid(surveyor)
        finally:
            self._count(evaluator)
        self._confirm(problem)

    def _seconds_left(self) -> float | None:
        if self.seconds is None:
            return None
        return max(self.seconds - (time.perf_counter() - self.began), 1e-9)

    @property
    def spent(self) -> int:
        return max(self.calls.cost, self.calls.gradient)

    def _count(self, evaluator: Evaluator) -> None:
        self.calls = Evaluations(
            cost=self.calls.cost + evaluator.cost_calls,
            gradient=self.calls.gradient + evaluator.gradient_calls,
        )

    def _start(self) -> Vector:
        """Return the start, moved into the bounds as SciPy does."""
        start = self.story.start.copy()
        lower, upper = read_bounds(bounds_of(self.call, start.size), start.size)
        if lower is None or upper is None:
            return start
        outside = np.flatnonzero((start < lower) | (start > upper))
        self.evidence.outside = tuple(int(i) for i in outside)
        return np.clip(start, lower, upper)

    def _audit(self, problem: Problem) -> None:
        places = self._points(problem)[1:]
        settings = Settings(
            points=2 + len(places),
            budget=max(int(_AUDIT * self.budget), 1),
            seconds=self._seconds_left(),
        )
        matrices = self.call.hess, self.call.hessp, self.call.constraints
        enough = int((_ENOUGH_BESIDE if any(matrices) else _ENOUGH) * self.budget)
        extra = int(_DESCRIPTION * self.budget)
        audit = Audit(problem, settings, self.rng, places=places, enough=enough, extra=extra)
        try:
            report = audit.run()
        finally:
            self._count(audit.evaluator)
        self.evidence.report = report
        self.evidence.gradient_checked = passes(report) or (
            report.verdict != Verdict.FAIL and bool(audit.record.completed)
        )
        if problem.mode != "none" and audit.record.stopped and not audit.record.completed:
            self.stopped = audit.record.stopped

    def _require_same_problem(self, problem: Problem) -> None:
        """Refuse a result whose cost is not the cost at its point, unless the cost is at fault."""
        claimed = outcome(self.call, self.returned).fun
        if faults(self.evidence) or not math.isfinite(claimed) or self.story.failed:
            return  # L-BFGS-B, for one, may return the cost of its last trial
        evaluator = Evaluator(problem)
        found = evaluator.cost(self.story.end)
        self._count(evaluator)
        if abs(found - claimed) > _ANOTHER * max(abs(found), abs(claimed)):
            raise ArgumentError(
                f"result belongs to another problem: result.fun is {claimed:.10g}, but the cost at "
                f"result.x is {found:.10g}; give the same fun and args that minimize had"
            )

    def _audit_vectors(self, problem: Problem) -> None:
        """Audit the derivatives that are matrices: of residuals, gradients and constraints."""
        call = self.call
        common = Common(
            points=self._points(problem),
            blocks=self._blocks(problem),
            lower=problem.lower,
            upper=problem.upper,
            rng=self.rng,
        )
        vector = vector_function(call)
        if vector is not None:
            self._require_square(vector, problem)
            audit = audit_vector_function(call, vector, common, self._share(0.6))
            self._take(audit)
            self.evidence.gradient_checked = (
                vector.jac is not None and audit.verdict != Verdict.FAIL
            )
            return
        share = self._share(0.0 if faults(self.evidence) else 0.45)
        for audit in audit_second_order(call, common, share):
            self._take(audit)
        if call.constraints:
            self._take(
                audit_constraints(
                    call.constraints,
                    common.points,
                    blocks=common.blocks,
                    lower=common.lower,
                    upper=common.upper,
                    budget=self._share(0.6),
                    rng=self.rng,
                )
            )

    def _require_square(self, vector: VectorFunction, problem: Problem) -> None:
        """Find out whether there are as many equations as unknowns."""
        if self.call.kind != "root":
            return
        try:
            count = np.size(vector.fun(problem.start.copy()))
        except Exception:  # the audit tells about it
            return
        self.calls = Evaluations(cost=self.calls.cost + 1, gradient=self.calls.gradient)
        if count != problem.size:
            self.evidence.vectors.append(
                Finding(
                    slug="wrong-shape",
                    level="error",
                    message=f"the function returns {count:,} values for {problem.size:,} unknowns",
                    help="give as many equations as unknowns, or use least_squares",
                )
            )

    def _share(self, part: float) -> int:
        """Return a part of the evaluations that remain, enough for a right function."""
        left = self.budget - self.spent
        return max(int(part * left), min(_FEWEST, left), 1)

    def _take(self, audit: VectorAudit) -> None:
        self.evidence.vectors += audit.findings
        self.calls = Evaluations(
            cost=self.calls.cost + audit.evaluations, gradient=self.calls.gradient
        )

    def _points(self, problem: Problem) -> list[tuple[str, Vector]]:
        end = self._end(problem)
        moved = not np.array_equal(end, problem.start) and bool(np.isfinite(end).all())
        return [("x0", problem.start), *([("the stop", end)] if moved else [])]

    def _end(self, problem: Problem) -> Vector:
        end = self.story.end
        if problem.lower is None or problem.upper is None:
            return end
        return np.clip(end, problem.lower, problem.upper)

    def _blocks(self, problem: Problem) -> tuple[Block, ...]:
        """Return the blocks that the audit of the gradient found."""
        report = self.evidence.report
        if (
            report is None
            or not report.blocks
            or sum(b.size for b in report.blocks) != problem.size
        ):
            return _known_blocks(problem)
        return tuple(Block(b.name, b.start, b.shape) for b in report.blocks)

    def _survey_what_can_be_paid(self, surveyor: Surveyor) -> None:
        """Survey as far as the budget goes; the cheap and telling things come first."""
        try:
            self._survey(surveyor)
        except BudgetExhausted:
            if surveyor.survey.onward is None:
                raise

    def _survey(self, surveyor: Surveyor) -> None:
        """Measure around the end, the cheap and telling things first."""
        evidence, survey, story = self.evidence, surveyor.survey, self.story
        evidence.generous_limit = self._ran_long()
        surveyor.begin()
        surveyor.go_on()
        self._constraints(surveyor)
        if not self.call.constraints and surveyor.end.size <= _FEW:
            surveyor.measure_scales()
            surveyor.go_on_scaled()
        if not story.failed and not evidence.limited and not self.call.constraints:
            surveyor.look_for_saddle()
        if survey.slope_of(survey.start_gradient) <= _LEVEL * abs(survey.start_cost) + 1e-300:
            surveyor.look_around_start()
        trouble = (
            story.failed
            or evidence.unfinished
            or bool(story.raised)
            or not math.isfinite(survey.cost)
        )
        far = float(np.abs(story.end / survey.sizes).max(initial=0.0)) > 100.0
        if trouble or far or evidence.limited:
            surveyor.look_far()
            self._keep_within_constraints(survey)
        if survey.fall is not None:
            return
        corner = survey.slope_of(survey.gradient) > 1e-3 * max(survey.drop, 0.0)
        if trouble or corner:
            surveyor.look_at_edge()
            surveyor.look_along()
            if not survey.kinks and survey.jump is None:
                surveyor.look_at_entries()
        if trouble and (not evidence.limited or evidence.generous_limit):
            self._scale(surveyor)

    def _ran_long(self) -> bool:
        """Tell whether the limit that ended the run was SciPy's own, and a generous one."""
        limits = ("maxiter", "maxfun", "maxfev", "max_nfev")
        return self.story.evaluations >= _MANY and not any(
            name in self.call.options for name in limits
        )

    def _not_refuted(self) -> bool:
        """Tell whether the user's gradient may be followed: nothing was found wrong with it."""
        report = self.evidence.report
        audited = self.evidence.gradient_checked or (report is not None and bool(report.blocks))
        return audited and not faults(self.evidence)

    def _keep_within_constraints(self, survey: Survey) -> None:
        """Forget a fall that leaves the constraints: they are what bounds it."""
        if survey.fall is not None and not all(
            feasible(self.call.constraints, point) for point in survey.fall.points
        ):
            survey.fall = None

    def _constraints(self, surveyor: Surveyor) -> None:
        survey, story = surveyor.survey, self.story
        if not self.call.constraints:
            return
        self.evidence.feasibility = observe_feasibility(
            self.call.constraints,
            story.start,
            story.end,
            survey.sizes,
            survey.gradient,
            survey.start_gradient,
            surveyor.lower,
            surveyor.upper,
        )

    def _scale(self, surveyor: Surveyor) -> None:
        survey = surveyor.survey
        if survey.kinks or survey.jump:
            return
        if survey.scales is None:
            surveyor.measure_scales()
            surveyor.go_on_scaled()
        if not (self.evidence.unfinished or self.evidence.constrained):
            return
        most = self.budget - self.spent - surveyor.evaluator.calls
        if most < _SHORTEST_RUN:
            return
        found = rescale(self.call, self.story, survey, most=most)
        if found is not None:
            self.evidence.rescaled, self.evidence.rescaled_evaluations = found
            self.calls = Evaluations(
                cost=self.calls.cost + found[1], gradient=self.calls.gradient + found[1]
            )

    def _confirm(self, problem: Problem) -> None:
        found = faults(self.evidence)
        if found:
            self.confirmation = confirm(
                self.call, self.story, problem, found, most=max(self.budget - self.spent, 0)
            )
            self.calls = Evaluations(
                cost=self.calls.cost + self.confirmation.evaluations,
                gradient=self.calls.gradient + self.confirmation.evaluations,
            )

    def result(self) -> Diagnosis:
        story, ended = self.story, self.story.outcome
        causes, findings, benign = judge(self.evidence)
        if self.stopped and causes[0].slug in ENDINGS:
            causes, benign = [], False  # what an audit cut short did not see may be wrong
        return Diagnosis(
            causes=tuple(causes),
            findings=tuple(findings),
            result=self.returned,
            message=ended.message or story.raised,
            message_meaning=story.meaning.text,
            benign=benign,
            evaluations=self.calls,
            confirmed=self.confirmation.text,
            solver=self.call.solver,
            method=self.call.method,
            size=story.start.size,
            success=ended.success,
            nit=ended.nit,
            nfev=ended.nfev if ended.nfev is not None else story.evaluations,
            cost=story.end_cost,
            ray=self.evidence.survey.ray,
            history=read_history(self.recording, scalar=self.call.kind == "minimize"),
            report=self.evidence.report,
            seed=self.seed,
            stopped=self.stopped,
        )


def _known_blocks(problem: Problem) -> tuple[Block, ...]:
    """Return the blocks that are known without running anything."""
    return problem.layout.complete() if problem.layout else (Block("theta", 0, (problem.size,)),)
