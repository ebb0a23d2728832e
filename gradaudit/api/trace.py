"""Which line of the backward pass is the first wrong one? The whole search, step by step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gradaudit.api.audit import Audit
from gradaudit.api.settings import read_seed
from gradaudit.backprop.causes import sensitivities
from gradaudit.backprop.experiment import Experiment, Outcome, undisturbed
from gradaudit.backprop.knowledge import Knowledge
from gradaudit.backprop.matching import sketch_derivatives, standings
from gradaudit.backprop.points import generic_points
from gradaudit.backprop.reference import (
    Reference,
    complete_reference,
    differentiate,
    random_directions,
)
from gradaudit.backprop.results import Trace
from gradaudit.backprop.sizes import smallest_problem
from gradaudit.backprop.survey import Survey, survey
from gradaudit.backprop.tangents import affordable
from gradaudit.backprop.verdict import conclude
from gradaudit.blocks import Vector
from gradaudit.errors import ArgumentError, BudgetExhausted, TraceRefused
from gradaudit.evaluator import Evaluator, Listener
from gradaudit.evidence.dependence import stands_still
from gradaudit.problem import Problem, as_problem
from gradaudit.results import Evaluations, Report, Settings, Verdict
from gradaudit.source.locations import describe_callable

# findings of check that no line of a backward pass can mend
_NOT_BACKPROP: Final = {
    "ignored-argument",
    "late-binding",
    "misbound-partial",
    "stale-cache",
    "jac-flag",
    "non-finite",
    "integer-truncation",
    "nondeterministic",
}
# the cost is measured for each parameter, and the program is run hundreds of times
_MOST_PARAMETERS: Final = 400
# evaluations spent on derivatives of the values of the forward pass
_SKETCHES: Final = 360
_SKETCH_SECONDS: Final = 2.5


def trace(
    fun: Callable[..., Any] | Problem | None = None,
    x0: Any = None,
    *,
    jac: Any = True,
    args: Any = (),
    factory: Callable[..., Any] | None = None,
    budget: int | None = None,
    seconds: float | None = 30.0,
    rng: Any = None,
    progress: Listener | None = None,
) -> Trace:
    """Find the first wrong line of a hand-written backward pass, and its correction.

    Parameters
    ----------
    fun : callable or Problem, optional
        As for `gradaudit.check`. May be left out when there is a factory.
    x0 : number, array_like or container of arrays
        A point near which to look. Small problems are traced faster.
    jac : bool or callable
        True: `fun` returns (cost, gradient). A callable returns the gradient.
    args : tuple
        Further arguments of `fun` and `jac`.
    factory : callable, optional
        ``factory(**sizes)`` returns (fun, x0), (fun, x0, args) or a `Problem`, for sizes that
        trace chooses small and distinct.
    budget : int, optional
        Most calls of the user's functions.
    seconds : float or None
        No call is begun after this time; what was learned is reported.
    rng : None, int, Generator
        Seed of every random choice.
    progress : callable, optional
        Told after each call how far things are.

    Returns
    -------
    Trace
        With `steps`, `suspects` and `evaluations`. No line is suspected when the gradient is
        right.

    Raises
    ------
    TraceRefused
        When the backward pass cannot be traced; the message says why and what to do.
    ArgumentError
        When an argument cannot be used.
    EvaluationError
        When the function raises at x0.

    Notes
    -----
    The user's functions are rewritten in memory so that every value can be seen and changed;
    their results stay the same to the last bit, or the trace is refused. A line is suspected by
    what an edit of it does: the edits that undo common mistakes are tried one by one, and one
    that makes the whole gradient right at two points, and leaves the cost as it is, names the
    line. Where no edit does, the true derivatives of the values of the forward pass, measured by
    differences, tell which backward value is the first that is none of them.

    Examples
    --------
    >>> import gradaudit
    >>> from reference_models import question2
    >>> found = gradaudit.trace(
    ...     question2.cost_and_grad_matrix_gradient,
    ...     question2.theta,
    ...     args=(question2.n, question2.k, question2.x),
    ...     rng=0,
    ... )
    >>> found.suspects[0].source
    'dSdz2 = np.dot(dSdh2, gGradient(z2))'
    """
    seed = read_seed(rng)
    sizes: dict[str, int] | None = None
    if factory is not None:
        problem, sizes = smallest_problem(factory)
    elif fun is None:
        raise ArgumentError("fun is missing; give the function, or a factory that makes it")
    else:
        problem = as_problem(fun, x0, jac=jac, args=args)
    return _Tracer(problem, seed, budget, seconds, progress, sizes).run()


class _Tracer:
    """One run of the pipeline; what it learns is kept at any time."""

    def __init__(
        self,
        problem: Problem,
        seed: int,
        budget: int | None,
        seconds: float | None,
        progress: Listener | None,
        sizes: dict[str, int] | None,
    ) -> None:
        self.problem = problem
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.began = time.perf_counter()
        self.evaluator = Evaluator(problem, budget=budget, seconds=seconds, listener=progress)
        self.knowledge = Knowledge()
        self.stopped = ""
        self.sizes = sizes
        self.budget = budget

    def run(self) -> Trace:
        if self.problem.mode == "none":
            raise ArgumentError("jac is missing: there is no backward pass to trace")
        with undisturbed():
            _require_small(self.evaluator, self.budget, self.rng)
            report = self._audit()
            if report.verdict != Verdict.PASS:
                try:
                    self._pipeline()
                except BudgetExhausted as error:
                    self.stopped = str(error)
            return self._result(report)

    def _audit(self) -> Report:
        """Ask first whether anything is wrong: the same question as `check`'s."""
        self.evaluator.reserve(None, "is the gradient right?")
        # which entries are wrong, and why, is asked in another way below
        audit = Audit(self.problem, Settings(points=2), self.seed, describe=False)
        report = audit.run()
        for finding in report.findings:
            if finding.level == "error" and finding.slug in _NOT_BACKPROP:
                raise TraceRefused(
                    f"{finding.message} ({finding.code}): that is no matter of the backward "
                    "pass; run gradaudit check"
                )
        if report.verdict == Verdict.INCONCLUSIVE:
            raise TraceRefused(
                "whether the gradient is wrong cannot be told here; "
                "run gradaudit check for the reasons"
            )
        return report

    def _pipeline(self) -> None:
        points = self._points()
        known = self.knowledge
        if points is None:
            return
        known.points = points
        self.evaluator.reserve(None, "reading the source")
        known.experiment = experiment = Experiment(self.evaluator, points[0].theta)
        self.evaluator.reserve(None, "following the values")
        before = self.evaluator.calls, time.perf_counter()
        known.survey = seen = self._survey(experiment, points[0])
        known.derivatives = sketch_derivatives(
            experiment, seen, points[0], self.rng, self._affordable(before)
        )
        known.standings = standings(seen.lines, seen.recording, known.derivatives)
        runs, seconds = self.evaluator.calls - before[0], time.perf_counter() - before[1]
        if affordable(known.standings, seen.lines, self.problem.size, seconds / max(runs, 1)):
            known.tangents = sensitivities(experiment, seen, points[0])
        self.evaluator.reserve(None, "trying edits")
        known.search()

    def _affordable(self, before: tuple[int, float]) -> int:
        """Return how many more runs under the hook take a few seconds."""
        runs = self.evaluator.calls - before[0]
        each = (time.perf_counter() - before[1]) / max(runs, 1)
        return max(40, min(_SKETCHES, int(_SKETCH_SECONDS / each)))

    def _points(self) -> list[Reference] | None:
        """Choose two points at which the gradient is wrong."""
        problem, evaluator = self.problem, self.evaluator

        def run(theta: Vector) -> Outcome | None:
            sample = evaluator.try_sample(theta, where="trace")
            return None if sample is None else Outcome(sample.cost, sample.gradient)

        found: list[Reference] = []
        for theta, outcome in generic_points(
            run, problem.start, problem.lower, problem.upper, self.rng
        ):
            if not found:
                first = complete_reference(evaluator.cost, theta, outcome)
                if not np.isfinite(first.slopes).all() or not first.wrong(outcome.gradient).any():
                    continue
                found.append(first)
            else:
                directions = random_directions(self.rng, 4, problem.size)
                second = differentiate(evaluator.cost, theta, outcome, directions, complete=False)
                if np.isfinite(second.slopes).all() and np.isfinite(second.bars).all():
                    found.append(second)
                    return found
        return found or None

    def _survey(self, experiment: Experiment, reference: Reference) -> Survey:
        seen = survey(experiment, reference)
        if seen is None:
            raise TraceRefused(
                "the function gives other values when its source is rewritten to be watched: "
                "it depends on more than its argument (random numbers, a counter, the time, its "
                "own source); make it repeatable and trace it again"
            )
        if not seen.lines:
            raise TraceRefused(
                "no line of yours makes the gradient: the backward pass lives in a library; "
                "trace follows backward passes written in Python"
            )
        return seen

    def _result(self, report: Report) -> Trace:
        count = Evaluations(
            cost=self.evaluator.cost_calls + report.evaluations.cost,
            gradient=self.evaluator.gradient_calls + report.evaluations.gradient,
        )
        return conclude(
            self.knowledge,
            report,
            evaluations=count,
            stopped=self.stopped,
            seed=self.seed,
            seconds=time.perf_counter() - self.began,
            sizes=self.sizes,
            size=self.problem.size,
            target=describe_callable(self.problem.fun),
        )


def _require_small(evaluator: Evaluator, budget: int | None, rng: np.random.Generator) -> None:
    """Refuse a large problem; one whose function stands still for that reason, not for its size."""
    problem = evaluator.problem
    if problem.size > _MOST_PARAMETERS and (budget is None or budget < 4 * problem.size):
        with contextlib.suppress(BudgetExhausted):
            if stands_still(evaluator, rng):
                refusal = TraceRefused(
                    "the function ignores its argument, or keeps an old answer: cost and gradient "
                    "are the same to the last bit at x0 and far from it; that is no matter of the "
                    "backward pass"
                )
                refusal.add_note("run gradaudit check first: it looks for what is used instead")
                raise refusal
        refusal = TraceRefused(
            f"x0 has {problem.size:,} parameters; a trace runs the function a few times for each, "
            f"and is made for small sizes, up to {_MOST_PARAMETERS}"
        )
        refusal.add_note(
            "give a factory, a function of the sizes that returns (fun, x0) or (fun, x0, args): "
            "factory=make_problem, --factory mymodule:make_problem"
        )
        refusal.add_note(f"or a smaller problem, or a budget of {20 * problem.size:,} evaluations")
        raise refusal
