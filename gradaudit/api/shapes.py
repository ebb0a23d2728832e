"""Is the gradient right at every shape? The search for the smallest at which it is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np

from gradaudit.api.check import check
from gradaudit.api.settings import read_seed, read_settings
from gradaudit.errors import ArgumentError, BudgetExhausted, EvaluationError
from gradaudit.evaluator import Evaluator
from gradaudit.results import Evaluations, Finding, Report, Settings, ShapeReport, Verdict
from gradaudit.shapes.candidates import (
    Sizes,
    clean_shapes,
    coincidences,
    is_clean,
    smaller_shapes,
)
from gradaudit.shapes.explain import Explanation, Neighbourhood, explain, explained, in_words
from gradaudit.shapes.making import (
    ShapedProblem,
    all_sizes,
    call_factory,
    call_in_words,
    is_deliberate,
    is_refusal,
    read_problem,
    sizes_in_words,
)
from gradaudit.shapes.outcome import Kind, Outcome, counts_as_failure, mistake
from gradaudit.shapes.roles import Parameter, factory_name, read_parameters
from gradaudit.strategies import find_shape

# Shapes that hypothesis draws once the small ones have passed.
_DRAWN: Final = 15
# No search goes on for longer than this, whatever it meets.
_MOST_AUDITS: Final = 140
_MOST_SHRINKING: Final = 60
# Other values of a size, beside 1, from which the law of a factor is read.
_FURTHER: Final = (1, 3)


def check_shapes(
    factory: Callable[..., Any],
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    rng: Any = None,
    **sizes: Any,
) -> ShapeReport:
    """Find the smallest shape at which a gradient is wrong, and explain it.

    Parameters
    ----------
    factory : callable
        Takes sizes and returns ``(fun, x0)``, ``(fun, x0, args)`` or a `Problem`. Its parameters'
        names, annotations and defaults say what they are: integers are sizes; seeds, and numbers
        with a default, are left alone.
    settings : mapping, optional
        Keyword arguments of `gradaudit.check` for every audit, such as ``{"rtol": 1e-5}``;
        `budget` and `seconds` bound the search as a whole.
    rng : None, int, Generator
        Seed of every random choice; the report names it.
    **sizes
        An int (fixed), a pair ``(low, high)``, a hypothesis strategy, or the value of a parameter
        that is no size.

    Returns
    -------
    ShapeReport
        With `verdict`, `sizes` (the counterexample), `report` and `explanation`.

    Raises
    ------
    ArgumentError
        When the role of a parameter cannot be guessed, or the factory returns something else.
    EvaluationError
        When the factory, or what it makes, raises at every shape.
    KeyboardInterrupt
        Passed through, with the report so far as its attribute `gradaudit_report`.

    Notes
    -----
    First come the smallest shapes that hide nothing (sizes distinct and at least 2), in order, and
    a few large ones; then coincidences (a size of 1, two sizes equal); then shapes that hypothesis
    draws. A healthy problem of three sizes is audited at about 35 shapes, and no search takes more
    than 200. What fails is shrunk; around it one size at a time is varied, and how the factor
    depends on it is fitted.

    Examples
    --------
    >>> import numpy as np
    >>> def make_mean(n: int, m: int):
    ...     data = np.random.default_rng(0).random((m, n))
    ...
    ...     def cost(x):
    ...         return 0.5 * np.sum((x - data) ** 2), (x - data).mean(axis=0)
    ...
    ...     return cost, np.zeros(n)
    >>> found = check_shapes(make_mean, rng=0)
    >>> found.sizes
    {'n': 2, 'm': 3}
    >>> print(found.explanation)
    analytic/numeric = 1/m at m = 3, 4, 6; exact at m = 1; independent of n
    hidden where m = 1
    """
    parameters = read_parameters(factory, sizes)
    return _Search(factory, parameters, _read(settings or {}), read_seed(rng)).run()


def _read(settings: Mapping[str, Any]) -> Settings:
    known = _as_arguments(Settings())
    for name in settings:
        if name not in known:
            raise ArgumentError(
                f"settings holds {name!r}; known are {', '.join(known)}"
                + ("; rng is an argument of check_shapes itself" if name == "rng" else "")
            )
    return read_settings(**(known | dict(settings)))


def _as_arguments(settings: Settings) -> dict[str, Any]:
    """Return settings as keyword arguments of `check`."""
    values: dict[str, Any] = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return values | {"only": settings.only or None}


def explain_problem(problem: ShapedProblem, report: Report) -> str:
    """Say how a fault depends on the sizes of the problem it was found in.

    Parameters
    ----------
    problem : ShapedProblem
        Drawn by ``gradaudit.strategies.problems``.
    report : Report
        Its audit, which failed.

    Returns
    -------
    str
        As `ShapeReport.explanation`; "" when the shapes around it could not be audited.
    """
    search = _Search(problem.factory, problem.parameters, report.settings, report.seed)
    return search.explain_from(Outcome(sizes=dict(problem.sizes), kind="fail", report=report))


class _Search:
    """One search; what it learns about each shape is kept."""

    def __init__(
        self,
        factory: Callable[..., Any],
        parameters: tuple[Parameter, ...],
        settings: Settings,
        seed: int,
    ) -> None:
        self.factory = factory
        self.parameters = parameters
        self.name = factory_name(factory)
        self.settings = settings
        self.seed = seed
        self.outcomes: dict[str, Outcome] = {}
        self.reports: list[Report] = []
        self.unsteady = ""
        self.stopped = ""
        self.factory_seconds = 0.0
        self.began = time.perf_counter()

    def run(self) -> ShapeReport:
        base, around = None, None
        try:
            base = self._find()
            if base is not None:
                base = self._shrink(base)
                around = self._look_around(base)
        except BudgetExhausted as error:
            self.stopped = str(error)
        except KeyboardInterrupt as interrupt:
            self.stopped = "interrupted"
            interrupt.gradaudit_report = self._answer(base, around)  # type: ignore[attr-defined]
            raise
        self._require_something()
        return self._answer(base, around)

    def _answer(self, base: Outcome | None, around: Neighbourhood | None) -> ShapeReport:
        if base is None:
            failing = [o for o in self.outcomes.values() if o.kind == "fail"]
            base = min(failing, key=self._order, default=None)  # cut short while shrinking
        return self._report(base, None if around is None else explain(around))

    # the search

    def _find(self) -> Outcome | None:
        """Return the first shape that fails: small ones, coincidences, then drawn ones."""
        systematic = not any(p.role == "strategy" for p in self.parameters)
        if systematic:
            for shapes in (clean_shapes(self.parameters), coincidences(self.parameters)):
                found = self._first_failure(shapes)
                if found is not None:
                    return found
        broken = self._always_broken()
        if broken is not None:
            return broken
        if all(p.role == "fixed" for p in self.parameters):
            return None
        drawn = find_shape(
            self.parameters,
            self._fails,
            examples=_DRAWN if systematic else 3 * _DRAWN,
            seed=self.seed,
        )
        return None if drawn is None else self.audit(drawn)

    def _first_failure(self, shapes: Iterable[Sizes]) -> Outcome | None:
        for sizes in shapes:
            outcome = self.audit(sizes)
            if outcome.kind == "fail" and not self._clean_ones_broken():
                return outcome
        return None

    def _clean_ones_broken(self) -> bool:
        """Tell whether the function raised at every shape that hides nothing."""
        clean = [o for o in self.outcomes.values() if self._is_clean(o.sizes)]
        ran = any(o.kind in ("pass", "fail", "inconclusive") for o in clean)
        return not ran and any(o.kind == "error" for o in clean)

    def _always_broken(self) -> Outcome | None:
        """Return the smallest shape that raises, when only coincidences run at all."""
        if not self._clean_ones_broken():
            return None
        if all(o.kind in ("error", "refused") for o in self.outcomes.values()):
            return None
        errors = [o for o in self.outcomes.values() if o.kind == "error"]
        return min(errors, key=self._order)

    def _fails(self, sizes: Sizes) -> bool | None:
        outcome = self.audit(sizes)
        return None if outcome.kind == "refused" else outcome.kind == "fail"

    def _shrink(self, base: Outcome) -> Outcome:
        """Go to simpler shapes, one step at a time, as long as they show the fault."""
        stop = len(self.outcomes) + _MOST_SHRINKING
        if any(p.role == "strategy" for p in self.parameters):
            return base  # hypothesis has shrunk it
        shrinking = True
        while shrinking:
            shrinking = False
            for sizes in smaller_shapes(self.parameters, base.sizes):
                if len(self.outcomes) >= stop:
                    return base
                outcome = self.audit(sizes)
                if outcome.kind == base.kind:
                    base, shrinking = outcome, True
                    break
        return base

    def _look_around(self, base: Outcome) -> Neighbourhood:
        """Vary one size at a time, then tie each pair."""
        free = [p for p in self.parameters if p.role == "size"]
        varied = {p.name: self._varied(base, p) for p in free}
        tied: dict[tuple[str, str], list[Outcome]] = {}
        for i, first in enumerate(free):
            for second in free[i + 1 :]:
                values = base.sizes[first.name], base.sizes[second.name]
                if values[0] == values[1]:
                    continue
                shapes = [
                    base.sizes | {first.name: value, second.name: value}
                    for value in values
                    if _allowed(first, value) and _allowed(second, value) and value > 1
                ]
                tied[first.name, second.name] = [self.audit(sizes) for sizes in shapes]
        return Neighbourhood(base=base, varied=varied, tied=tied)

    def _varied(self, base: Outcome, parameter: Parameter) -> dict[int, Outcome]:
        name = parameter.name
        here = base.sizes[name]
        taken = {v for other, v in base.sizes.items() if other != name}
        values = [here + step for step in _FURTHER]
        # beside the other sizes: a tie may change more than this one size
        values = [v if v not in taken else v + 4 for v in values]
        usable = [v for v in values if _allowed(parameter, v)]
        if len(usable) < len(_FURTHER):
            spare = range(max(2, parameter.low), parameter.high + 1)
            usable += [v for v in spare if v not in taken and v != here and v not in usable][:2]
        usable += [1] if _allowed(parameter, 1) and here != 1 else []
        return {v: self.audit(base.sizes | {name: v}) for v in usable}

    def explain_from(self, base: Outcome) -> str:
        """Return the explanation of a failure that is known already."""
        self.outcomes[self._key(base.sizes)] = base
        try:
            explanation = explain(self._look_around(base))
        except (BudgetExhausted, ArgumentError):
            return ""
        return explanation.text

    # one shape

    def _key(self, sizes: Sizes) -> str:
        return repr(sorted(sizes.items()))

    def audit(self, sizes: Sizes) -> Outcome:
        """Audit the problem of these sizes, once."""
        values = all_sizes(self.parameters, sizes)
        key = self._key(values)
        if key not in self.outcomes:
            self._require_time()
            self.outcomes[key] = self._audit(values)
        return self.outcomes[key]

    def _audit(self, sizes: Sizes) -> Outcome:
        problem = self._make(sizes)
        if isinstance(problem, Outcome):
            return problem
        try:
            report = check(problem, rng=self.seed, **self._asked())
        except EvaluationError as error:
            cause = error.__cause__ or error
            kind: Kind = "error" if _is_shape_error(cause) else "refused"
            return Outcome(sizes=sizes, kind=kind, error=cause)
        self.reports.append(report)
        if report.evaluations.cost and not self.unsteady and report.verdict == Verdict.PASS:
            self.unsteady = self._unsteady(problem) or "steady"
        return Outcome(sizes=sizes, kind=self._kind(report, sizes), report=report)

    def _kind(self, report: Report, sizes: Sizes) -> Kind:
        if counts_as_failure(report, clean=self._is_clean(sizes)):
            return "fail"
        return "pass" if report.verdict == Verdict.PASS else "inconclusive"

    def _make(self, sizes: Sizes) -> ShapedProblem | Outcome:
        """Make the problem; an outcome when the factory refuses these sizes."""
        began = time.perf_counter()
        try:
            made = call_factory(self.factory, self.parameters, sizes)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the user's code; pytest.skip is no Exception
            if not isinstance(error, Exception) and not is_refusal(error):
                raise
            return Outcome(sizes=sizes, kind="refused", error=error)
        finally:
            self.factory_seconds += time.perf_counter() - began
        try:
            return read_problem(made, self.factory, self.parameters, sizes)
        except ArgumentError as error:
            if not self.outcomes:
                error.add_note(f"returned by {call_in_words(self.name, sizes)}")
                raise
            # softmax over one class has no parameter left
            return Outcome(sizes=sizes, kind="refused", error=error)

    def _unsteady(self, problem: ShapedProblem) -> str:
        """Tell how a second problem of the same sizes differs; "" when it does not."""
        again = self._make(problem.sizes)
        if isinstance(again, Outcome):
            return "it raises when it is called again"
        if not np.array_equal(problem.start, again.start):
            return "x0 is another one each time"
        costs = [Evaluator(each).require_cost(problem.start) for each in (problem, again)]
        if not np.isclose(costs[0], costs[1], rtol=1e-9, atol=0.0, equal_nan=True):
            return f"the cost at x0 is {costs[0]:.6g}, then {costs[1]:.6g}"
        return ""

    def _is_clean(self, sizes: Mapping[str, Any]) -> bool:
        return is_clean([sizes[p.name] for p in self.parameters if p.role == "size"])

    def _order(self, outcome: Outcome) -> tuple[bool, Any, str]:
        values = [outcome.sizes[p.name] for p in self.parameters if p.role == "size"]
        return (not is_clean(values), sum(values), repr(values))

    def _asked(self) -> dict[str, Any]:
        """Return the settings of one audit, with what is left of the budget."""
        asked = _as_arguments(self.settings)
        if self.settings.budget is not None:
            asked["budget"] = max(self.settings.budget - self._spent(), 1)
        if self.settings.seconds is not None:
            asked["seconds"] = max(self.settings.seconds - self._elapsed(), 1e-3)
        return asked

    def _require_time(self) -> None:
        budget, seconds = self.settings.budget, self.settings.seconds
        if budget is not None and self._spent() >= budget:
            raise BudgetExhausted(f"the budget of {budget:,} evaluations is used up")
        if seconds is not None and self._elapsed() > seconds:
            raise BudgetExhausted("the time is used up")
        if len(self.outcomes) >= _MOST_AUDITS + _MOST_SHRINKING:
            raise BudgetExhausted(f"{len(self.outcomes)} shapes have been tried")

    def _spent(self) -> int:
        return sum(report.evaluations.cost for report in self.reports)

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began

    # the answer

    def _require_something(self) -> None:
        """Raise when nothing could be audited: that is never a success."""
        if self.reports:
            return
        first = next(iter(self.outcomes.values()), None)
        if first is None:
            return  # out of time before the first shape
        error = first.error
        assert error is not None  # no report, hence an exception
        if all(o.error is not None and is_refusal(o.error) for o in self.outcomes.values()):
            raise ArgumentError(
                f"{self.name} rejected all of the {len(self.outcomes)} shapes that were tried; "
                f"give it sizes that it accepts: {self._example_range()}"
            )
        where = call_in_words(self.name, first.sizes)
        failure = EvaluationError(
            f"{self.name} raised at every shape, first {type(error).__name__} for {where}: {error}",
            where=where,
        )
        failure.add_note(f"give it sizes that it accepts: {self._example_range()}")
        raise failure from error

    def _example_range(self) -> str:
        name = next((p.name for p in self.parameters if p.role == "size"), "n")
        return f"{name}=(2, 6)"

    def _report(self, base: Outcome | None, explanation: Explanation | None) -> ShapeReport:
        outcomes = list(self.outcomes.values())
        passed = [o for o in outcomes if o.kind == "pass"]
        findings = [*self._of_counterexample(base, explanation), *self._about_factory(base)]
        verdict = Verdict.FAIL if base is not None else self._verdict_without(findings)
        report = base.report if base is not None else None
        if report is None:
            report = self._nearest_report(outcomes, failing=base is not None)
        user = self.factory_seconds + sum(r.user_seconds for r in self.reports)
        return ShapeReport(
            verdict=verdict,
            sizes=None if base is None else base.sizes,
            report=report,
            explanation=self._without_counterexample(passed, verdict)
            if base is None
            else ("" if explanation is None else explanation.text),
            findings=tuple(findings),
            evaluations=Evaluations(
                cost=self._spent(),
                gradient=sum(r.evaluations.gradient for r in self.reports),
            ),
            factory=self.name,
            audited=len(self.reports),
            passed=len(passed),
            refused=sum(o.kind in ("error", "refused") for o in outcomes),
            hidden_by=() if explanation is None else explanation.hidden_by,
            seed=self.seed,
            own_seconds=max(self._elapsed() - user, 0.0),
            user_seconds=user,
            settings=self.settings,
            evidence={"shapes": [{"sizes": o.sizes, "kind": o.kind} for o in outcomes]},
        )

    def _nearest_report(self, outcomes: list[Outcome], *, failing: bool) -> Report | None:
        """Return the report that says most, where the counterexample has none."""
        kind = "fail" if failing else "inconclusive"
        chosen = [o for o in outcomes if o.kind == kind]
        return min(chosen, key=self._order).report if chosen else None

    def _of_counterexample(
        self, base: Outcome | None, explanation: Explanation | None
    ) -> list[Finding]:
        if base is None:
            return []
        said = explanation or Explanation()
        if base.report is None:
            return [self._shape_error(base, said, level="error")]
        return explained(base.report.findings, said, base.sizes)

    def _shape_error(self, outcome: Outcome, said: Explanation, *, level: Any) -> Finding:
        error = outcome.error
        runs = [f"it runs where {in_words(said.hidden_by, 'or')}"] if said.hidden_by else []
        wrong = [o for o in self.outcomes.values() if o.kind == "fail"]
        for where in sorted(wrong, key=self._order)[:1] if level == "error" else ():
            runs.append(f"at {sizes_in_words(where.sizes)} it runs: {mistake(where)}")
        return Finding(
            slug="shape-error",
            level=level,
            message=f"{call_in_words(self.name, outcome.sizes)}: {type(error).__name__}: {error}",
            notes=(f"smallest such sizes: {sizes_in_words(outcome.sizes)}", *runs),
            help="is a factor transposed, or one size taken for another? If the shape is not meant "
            f"to work, bound it: {self._example_range()}",
            data={"sizes": dict(outcome.sizes)},
        )

    def _about_factory(self, base: Outcome | None) -> list[Finding]:
        findings: list[Finding] = []
        errors = [o for o in self.outcomes.values() if o.kind == "error"]
        if errors and (base is None or base.kind != "error"):
            smallest = min(errors, key=self._order)
            findings.append(self._shape_error(smallest, Explanation(), level="warning"))
        refused = [
            o
            for o in self.outcomes.values()
            if o.kind == "refused" and o.error is not None and not is_refusal(o.error)
        ]
        if refused:
            findings.append(self._refusal(min(refused, key=self._order), len(refused)))
        if self.unsteady not in ("", "steady"):
            findings.append(
                Finding(
                    slug="nondeterministic",
                    level="warning",
                    message=f"{self.name} makes another problem each time it is called",
                    notes=(self.unsteady,),
                    help="seed its random numbers: np.random.default_rng(0)",
                )
            )
        if self.stopped:
            findings.append(
                Finding(
                    slug="budget-exhausted",
                    level="warning",
                    message=f"the search ended early: {self.stopped}",
                    notes=(f"{len(self.reports)} shapes were audited",),
                    help="raise the budget, or the seconds, or bound the sizes",
                )
            )
        return findings

    def _refusal(self, outcome: Outcome, count: int) -> Finding:
        error = outcome.error
        shapes = "1 shape" if count == 1 else f"{count} shapes"
        return Finding(
            slug="shape-error",
            level="note"
            if not self._is_clean(outcome.sizes) or is_deliberate_in(error)
            else "warning",
            message=f"{call_in_words(self.name, outcome.sizes)}: {type(error).__name__}: {error}",
            notes=(f"{shapes} could not be audited; the smallest is shown",),
            help=f"bound the sizes if that is meant: {self._example_range()}",
            data={"sizes": dict(outcome.sizes)},
        )

    def _verdict_without(self, findings: list[Finding]) -> Verdict:
        """Return the verdict when no shape fails."""
        outcomes = self.outcomes.values()
        doubt = any(f.slug == "nondeterministic" for f in findings) or bool(self.stopped)
        if doubt or any(o.kind == "error" and self._is_clean(o.sizes) for o in outcomes):
            return Verdict.INCONCLUSIVE
        relevant = [o for o in outcomes if self._is_clean(o.sizes) and o.report is not None]
        relevant = relevant or [o for o in outcomes if o.report is not None]
        passed = sum(o.kind == "pass" for o in relevant)
        return Verdict.PASS if 2 * passed > len(relevant) else Verdict.INCONCLUSIVE

    def _without_counterexample(self, passed: list[Outcome], verdict: Verdict) -> str:
        names = [p.name for p in self.parameters if p.role == "size"]
        ranges: list[str] = []
        for name in names:
            values = [o.sizes[name] for o in passed]
            if values:
                ranges.append(f"{name} {min(values)}..{max(values)}")
        shapes = "1 shape" if len(passed) == 1 else f"{len(passed)} shapes"
        text = f"right at {shapes}" + (f": {', '.join(ranges)}" if ranges else "")
        if verdict == Verdict.PASS:
            return text
        return f"{text}; {len(self.reports) - len(passed)} more could not be decided"


def is_deliberate_in(error: BaseException | None) -> bool:
    """Tell whether there is an exception, and the user's own ``raise`` raised it."""
    return error is not None and is_deliberate(error)


def _allowed(parameter: Parameter, value: int) -> bool:
    if parameter.bounded:
        return parameter.low <= value <= parameter.high
    return value >= 1


def _is_shape_error(error: BaseException) -> bool:
    """Tell whether an exception speaks of shapes, and nobody meant to raise it.

    A singular matrix or a division by zero is a matter of numbers: few examples will do that.
    """
    if type(error).__name__ == "LinAlgError" or is_deliberate(error) or is_refusal(error):
        return False
    return isinstance(error, ValueError | IndexError | TypeError)
