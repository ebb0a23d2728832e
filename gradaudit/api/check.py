"""Is the gradient right? The whole audit, step by step."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np

from gradaudit.api.discovery import discover
from gradaudit.blocks import Block, BlocksLike, Layout, Vector
from gradaudit.catalogue import RECORDS
from gradaudit.errors import ArgumentError, BudgetExhausted, EvaluationError
from gradaudit.evaluator import BadReturn, Evaluator, Listener
from gradaudit.evidence.cause import Factor, fit_factor
from gradaudit.evidence.dependence import probe_dependence
from gradaudit.evidence.directions import moved_point, two_signed, typical_sizes
from gradaudit.evidence.gradient import (
    Plan,
    PointAuditor,
    PointEvidence,
    Projection,
    cheapest_plan,
)
from gradaudit.evidence.locate import Located, locate
from gradaudit.evidence.protocol import digest, observe_protocol
from gradaudit.judgement.record import Description, Record
from gradaudit.judgement.report import assemble
from gradaudit.judgement.wiring import ends_audit, judge_unreadable, judge_wiring
from gradaudit.problem import Problem, as_problem
from gradaudit.results import Finding, Report, Settings
from gradaudit.source.closures import read_callable
from gradaudit.source.locations import describe_callable

# Further points are this many powers of two away in each parameter; shorter moves are tried
# when the function is not finite there.
_REACHES: Final = (0.5, 1.5, 1.0, 2.0)
_SHORTER: Final = (1.0, 0.1, 0.01)
# A point at which the cost has grown by more than this is not worth the loss of precision.
_TOO_HIGH: Final = 1e4
# Wrong entries that are each measured a second time.
_CONFIRMED_ENTRIES: Final = 3
# Blocks up to this size are described entry by entry.
_SMALL: Final = 8
# Projections of a failing block that a cause has to explain.
_EXPLAINED: Final = 3


def check(
    fun: Callable[..., Any] | Problem,
    x0: Any = None,
    *,
    jac: Any = True,
    args: Any = (),
    bounds: Any = None,
    blocks: BlocksLike | None = None,
    points: int = 3,
    dense: bool = False,
    rtol: float = 1e-3,
    negligible: float = 1e-6,
    confidence: float = 0.999,
    only: str | Sequence[str] | None = None,
    allow: str | Sequence[str] = (),
    budget: int | None = None,
    seconds: float | None = None,
    rng: Any = None,
    progress: Listener | None = None,
) -> Report:
    """Check a gradient against its cost, block by block, with error bars.

    Parameters
    ----------
    fun : callable or Problem
        As in `scipy.optimize.minimize`: ``fun(x, *args)`` returns the cost, or with ``jac=True``
        the pair (cost, gradient). A `Problem` carries everything up to `blocks`.
    x0 : number, array_like or container of arrays
        Where to check first.
    jac : bool or callable
        True: `fun` returns the pair. A callable ``jac(x, *args)`` returns the gradient.
    args : tuple
        Further arguments of `fun` and `jac`.
    bounds : sequence of pairs or scipy.optimize.Bounds, optional
        No evaluation leaves them.
    blocks : str, mapping or sequence of Block, optional
        ``"W1=10x784,b1=10"``, a mapping from name to shape in packing order, or blocks with
        their offsets. Left out, they are discovered from the function's own code.
    points : int
        How many points to check at: x0, and random ones away from it.
    dense : bool
        Check every entry on its own, whatever it costs.
    rtol : float
        PASS means that an error of this part of a block's norm would have been seen.
    negligible : float
        A measurable difference below this is noted, not failed.
    confidence : float
        Of the bound on every entry; more of it costs six evaluations for each factor of two.
    only : str or sequence of str, optional
        Names of the blocks to audit.
    allow : str or sequence of str
        Findings that are known and accepted: ``"kink"`` or ``"kink:b1"``.
    budget : int, optional
        Most calls of the user's functions.
    seconds : float, optional
        No call is begun after this time; what was learned is reported.
    rng : None, int, Generator
        Seed of every random choice; the report names it.
    progress : callable, optional
        Told after each call how far things are (see `gradaudit.evaluator.Progress`).

    Returns
    -------
    Report
        With `verdict`, `blocks`, `findings`, `evaluations`.

    Raises
    ------
    ArgumentError, BlockLayoutError
        When an argument cannot be used.
    EvaluationError
        When the function raises at x0; its exception is the cause.
    KeyboardInterrupt
        Passed through, with the report so far as its attribute `gradaudit_report`.

    Notes
    -----
    With ``jac=True`` and B blocks, when nothing is suspicious: one call for discovery, 3 for the
    protocol, 20 for the noise, about 8 B + 6 (k - 1) + 14 at the first point, where k is the
    number of sign patterns that `confidence` needs (10 for 0.999), and 11 + 6 B at each further
    point. For few parameters (and with `dense`) about 7 for each parameter and point instead.

    Examples
    --------
    >>> import numpy as np
    >>> report = check(lambda x: (float(x @ x), 2 * x), np.array([1.0, 2.0]), rng=0)
    >>> str(report.verdict)
    'PASS'
    """
    problem = as_problem(fun, x0, jac=jac, args=args, bounds=bounds, blocks=blocks)
    settings = _settings(points, dense, rtol, negligible, confidence, only, allow, budget, seconds)
    if problem.mode == "none":
        raise ArgumentError(
            "jac is missing: there is no gradient to check; give jac=True when fun returns "
            "(cost, gradient), or the function that returns the gradient"
        )
    return _Audit(problem, settings, rng, progress).run()


class _Audit:
    """One run of the pipeline; what it learns is in the record at any time."""

    def __init__(
        self, problem: Problem, settings: Settings, rng: Any, progress: Listener | None
    ) -> None:
        self.problem = problem
        self.settings = settings
        self.seed = _seed(rng)
        self.rng = np.random.default_rng(self.seed)
        self.evaluator = Evaluator(
            problem, budget=settings.budget, seconds=settings.seconds, listener=progress
        )
        self.record = Record(settings=settings, function=describe_callable(problem.fun))
        self.findings: list[Finding] = []
        self.began = time.perf_counter()

    def run(self) -> Report:
        states = random.getstate(), np.random.get_state()
        try:
            self._pipeline()
        except BudgetExhausted as error:
            self._stop(str(error))
        except KeyboardInterrupt as interrupt:
            self._stop("interrupted")
            interrupt.gradaudit_report = self.report()  # type: ignore[attr-defined]
            interrupt.add_note(str(interrupt.gradaudit_report))  # type: ignore[attr-defined]
            raise
        finally:
            # a cost that draws from the global generators must not leave a trace
            random.setstate(states[0])
            np.random.set_state(states[1])
        return self.report()

    def report(self) -> Report:
        self.record.raised = self.evaluator.first_exception
        return assemble(
            self.record,
            self.findings,
            self.problem,
            self.evaluator,
            seed=self.seed,
            seconds=time.perf_counter() - self.began,
        )

    def _stop(self, why: str) -> None:
        self.record.stopped = why

    def _pipeline(self) -> None:
        """Ask in the order of DESIGN.md: cheapest and most fatal first."""
        start = self.problem.start
        self._read_source()
        sizes = typical_sizes(start, self._known_blocks())
        if not self._protocol(sizes):
            return
        self._lay_out()
        sizes = typical_sizes(start, self.record.blocks)
        self._audit_points(sizes)
        self._describe()
        self._ask_unmoved_blocks(sizes)

    def _read_source(self) -> None:
        problem, record = self.problem, self.record
        x0 = problem.structure.rebuild(problem.start.copy())
        record.suspicions = read_callable(problem.fun, x0, problem.args)
        record.gradient_reading = (
            record.suspicions
            if self.evaluator.together
            else read_callable(problem.jac, x0, problem.args)
        )

    def _known_blocks(self) -> tuple[Block, ...]:
        layout = self.problem.layout
        return layout.complete() if layout else (Block("theta", 0, (self.problem.size,)),)

    def _protocol(self, sizes: Vector) -> bool:
        """Ask whether the function can be relied on; False when that ends the audit."""
        problem, record = self.problem, self.record
        self.evaluator.reserve(None, "protocol")
        step = _small_step(problem, sizes, self.rng)
        try:
            record.protocol = observe_protocol(self.evaluator, problem.start, step)
        except EvaluationError as error:
            self.findings = judge_unreadable(record, error.__cause__ or error)
            if not self.findings:
                raise
            return False
        except BadReturn as error:
            self.findings = [_bad_return(error)]
            return False
        finite = math.isfinite(record.protocol.first.cost)
        if (
            finite
            and _movable(problem)
            and record.protocol.moved_cost in (None, record.protocol.first.cost)
        ):
            record.dependence = probe_dependence(
                self.evaluator,
                problem.start,
                record.protocol.first.cost,
                sizes,
                self.rng,
                lower=problem.lower,
                upper=problem.upper,
            )
        self.findings = judge_wiring(record, problem)
        constant = record.dependence is not None and record.dependence.constant
        return not constant and not ends_audit(self.findings)

    def _lay_out(self) -> None:
        problem, record = self.problem, self.record
        layout = problem.layout
        if layout is None and problem.size > 0 and not problem.structure.is_scalar:
            discovery = discover(self.evaluator)
            layout, record.sizes = discovery.layout, discovery.sizes
        if layout is None or not layout.blocks:
            layout = Layout((_one_block(problem),), problem.size, "one block: no names were found")
        record.layout = layout
        record.blocks = _chosen(layout, self.settings.only, self.settings.allow)

    def _audit_points(self, sizes: Vector) -> None:
        record = self.record
        assert record.protocol is not None  # the pipeline's order
        gradient_digest = record.protocol.gradient_digest
        plan = cheapest_plan(
            sum(block.size for block in record.blocks),
            len(record.blocks),
            self.settings.confidence,
            dense=self.settings.dense,
        )
        self.auditor = PointAuditor(
            self.evaluator,
            record.blocks,
            self.rng,
            wanted=0.05 * self.settings.rtol,
            negligible=self.settings.negligible,
        )
        self._forecast(plan)
        previous: PointEvidence | None = None
        certified = False
        for number in range(self.settings.points):
            found = self._place(number, sizes)
            if found is None:
                continue
            name, theta, sample = found
            del found  # the samples are large
            self.evaluator.reserve(self.evaluator.progress.planned, name)
            point = self.auditor.begin(name, theta, sample, sizes, previous)
            point.distance = float(np.linalg.norm(theta - self.problem.start))
            point.same_gradient = digest(sample.gradient) == gradient_digest
            record.points.append(point)
            del sample, theta
            if point.blind:
                continue
            last = number == self.settings.points - 1
            certified |= self._audit_point(point, previous, plan, certified, last=last)
            if not any(d.point is point for d in self.record.descriptions):
                point.release()
            previous = point

    def _audit_point(
        self,
        point: PointEvidence,
        previous: PointEvidence | None,
        plan: Plan,
        certified: bool,
        *,
        last: bool,
    ) -> bool:
        """Measure at one point, confirm what looks wrong; tell whether entries are bounded."""
        if plan.entries:
            self.auditor.audit_entries(point)
            self._confirm_blocks(point)
            return True
        self.auditor.audit_blocks(point, previous)
        self._confirm_blocks(point)
        smooth = all(p.slope.regime != "kink" for p in point.projections)
        inside = point.region.inward is None
        failing = {d.block for d in self.record.descriptions}
        if (
            certified
            or not ((smooth and inside) or last)
            or len(failing) == len(self.record.blocks)
        ):
            return certified
        self.auditor.audit_patterns(point, plan.patterns, failing)
        self.auditor.audit_coherent(point, failing)
        doubtful = [p for p in point.through_all() if p.significant]
        if doubtful:
            self._confirm_whole(point, doubtful[0])
        return True

    def _place(self, number: int, sizes: Vector) -> tuple[str, Vector, Any] | None:
        """Return the next point at which both cost and gradient are finite."""
        protocol, problem = self.record.protocol, self.problem
        assert protocol is not None  # the pipeline's order
        if number == 0:
            first = protocol.first
            slope = float(np.linalg.norm(first.gradient * sizes))
            self.limit = _TOO_HIGH * max(abs(first.cost), slope)
            self.record.protocol = protocol.release()
            return "x0", problem.start, first
        name = f"point {number + 1}"
        reach = _REACHES[(number - 1) % len(_REACHES)]
        flip = two_signed(problem.start, self.record.blocks) if reach > 1.0 else ()
        for part in _SHORTER:
            theta = moved_point(
                problem.start,
                sizes,
                reach * part,
                self.rng,
                problem.lower,
                problem.upper,
                flip=flip if part == 1.0 else (),
            )
            sample = self.evaluator.try_sample(theta, where=name)
            if sample is None or not math.isfinite(sample.cost):
                continue
            bad = np.flatnonzero(~np.isfinite(sample.gradient))
            if bad.size:
                self.record.non_finite[name] = int(bad[0])
            elif self.limit == 0.0 or abs(sample.cost) <= self.limit:
                return name, theta, sample
        self.record.skipped.append(name)
        return None

    def _forecast(self, plan: Plan) -> None:
        blocks, points = len(self.record.blocks), self.settings.points
        parameters = sum(block.size for block in self.record.blocks)
        each = 7 * parameters if plan.entries else 6 * blocks
        more = 0 if plan.entries else 2 * blocks + 6 * plan.patterns + 14
        planned = self.evaluator.calls + 20 + points * each + more + 11 * (points - 1)
        self.evaluator.reserve(planned, "x0")

    def _confirm_blocks(self, point: PointEvidence) -> None:
        """Measure again, independently, whatever was beyond its bar."""
        by_block: dict[int | None, list[Projection]] = {}
        for projection in point.projections:
            if projection.significant:
                by_block.setdefault(projection.block, []).append(projection)
        known = {description.block for description in self.record.descriptions}
        for number, projections in by_block.items():
            if number in known:
                self._keep(number, point, projections)
            else:
                self._confirm_block(point, number, projections)

    def _confirm_block(
        self, point: PointEvidence, number: int | None, doubtful: list[Projection]
    ) -> None:
        if doubtful[0].kind == "entry":
            worst = sorted(doubtful, key=lambda p: -abs(p.residual) / p.bar if p.bar else -math.inf)
            found = [self.auditor.confirm(point, p) for p in worst[:_CONFIRMED_ENTRIES]]
            kept = [p for p in found if p.significant]
            # the strongest were all confirmed: the others are believed as well
            rest = worst[_CONFIRMED_ENTRIES:] if len(kept) == len(found) else []
            self._keep(number, point, kept + rest)
            return
        first = doubtful[0]
        again = [self.auditor.confirm(point, first)]
        if not again[0].significant:
            assert first.line is not None  # projections carry their line
            again.append(self.auditor.measure_anew(point, first.line, number, first.kind))
        kept = [p for p in again if p.significant]
        self._keep(number, point, [first, *kept] if kept else [])

    def _confirm_whole(self, point: PointEvidence, doubtful: Projection) -> None:
        """Find the block behind a discrepancy that shows only along a direction through all."""
        again = self.auditor.confirm(point, doubtful)
        if not again.significant:
            self.record.unconfirmed += 1
            return
        seen = False
        for number in range(len(self.record.blocks)):
            signs = self.rng.choice((-1.0, 1.0), self.record.blocks[number].size)
            line = self.auditor.block_line(point, number, signs)
            if not line.along.any():
                continue
            projection = self.auditor.project(point, line, block=number, kind="signs")
            if projection.significant:
                seen = True
                self._confirm_block(point, number, [projection])
        if not seen:
            self._keep(None, point, [doubtful, again])

    def _keep(self, number: int | None, point: PointEvidence, confirmed: list[Projection]) -> None:
        if not confirmed:
            self.record.unconfirmed += 1
            return
        self.record.descriptions.append(
            Description(block=number, point=point, projections=tuple(confirmed))
        )

    def _describe(self) -> None:
        """Describe each block's first confirmed discrepancy: by a factor, else by entries."""
        self.evaluator.reserve(None, "describing what is wrong")
        done: set[int] = set()
        for place, description in enumerate(self.record.descriptions):
            number = description.block
            if number is None or number in done:
                continue
            done.add(number)
            self.record.descriptions[place] = self._described(description, number)

    def _described(self, description: Description, number: int) -> Description:
        point, block = description.point, self.record.blocks[number]
        projections = description.projections
        if projections[0].kind == "entry" or block.size <= _SMALL:
            entries = [p for p in point.of_block(number) if p.kind == "entry"]
            entries = entries or self.auditor.measure_entries(point, number)
            factor = self._factor(number, entries) if projections[0].kind != "inward" else None
            wrong = tuple(p for p in entries if p.significant)
            found = Located(entries=wrong, dense=3 * len(wrong) > block.size > 1, finished=True)
            return replace(description, factor=factor, located=found)
        signed = [p for p in projections if p.kind == "signs"]
        while len(signed) < _EXPLAINED:
            signs = self.rng.choice((-1.0, 1.0), block.size)
            line = self.auditor.block_line(point, number, signs)
            if not line.along.any():
                return description
            signed.append(self.auditor.project(point, line, block=number, kind="signs"))
        description = replace(
            description, projections=tuple(signed), factor=self._factor(number, signed)
        )
        if description.factor is None and not all(p.analytic == 0.0 for p in signed):
            return replace(description, located=locate(self.auditor, point, number))
        return description

    def _factor(self, number: int, projections: Sequence[Projection]) -> Factor | None:
        """Fit one factor to a block's projections, those at the other points included."""
        elsewhere = [
            p
            for point in self.record.points
            for p in point.of_block(number)
            if p not in projections
        ]
        return fit_factor([*projections, *elsewhere])

    def _ask_unmoved_blocks(self, sizes: Vector) -> None:
        """Ask whether blocks that never moved the cost do so at larger steps."""
        record = self.record
        dead = [point.dead for point in record.points]
        for number in sorted(dead[0].intersection(*dead[1:])) if dead else ():
            record.block_dependence[number] = probe_dependence(
                self.evaluator,
                self.problem.start,
                record.points[0].cost,
                sizes,
                self.rng,
                blocks=[record.blocks[number]],
                lower=self.problem.lower,
                upper=self.problem.upper,
            )


def _settings(
    points: int,
    dense: bool,
    rtol: float,
    negligible: float,
    confidence: float,
    only: str | Sequence[str] | None,
    allow: str | Sequence[str],
    budget: int | None,
    seconds: float | None,
) -> Settings:
    """Validate what does not depend on the problem."""
    exact_rtol = _number("rtol", rtol, "a number between 0 and 1")
    exact_negligible = _number("negligible", negligible, "a number between 0 and 1")
    exact_confidence = _number("confidence", confidence, "a number between 0 and 1, such as 0.999")
    for name, value in (
        ("rtol", exact_rtol),
        ("negligible", exact_negligible),
        ("confidence", exact_confidence),
    ):
        if not 0.0 < value < 1.0:
            raise ArgumentError(f"{name} is {value!r}; give a number between 0 and 1")
    if exact_negligible > exact_rtol:
        raise ArgumentError(
            f"negligible is {negligible:g}, above rtol = {rtol:g}; an error that is waved "
            "through must be smaller than one that has to be seen"
        )
    allowed = _names("allow", allow)
    for item in allowed:
        _require_known_slug(item)
    return Settings(
        points=_count("points", points),
        dense=bool(dense),
        rtol=exact_rtol,
        negligible=exact_negligible,
        confidence=exact_confidence,
        only=() if only is None else _names("only", only),
        allow=allowed,
        budget=None if budget is None else _count("budget", budget),
        seconds=None if seconds is None else _positive("seconds", seconds),
    )


def _number(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ArgumentError(f"{name} is {value!r} ({type(value).__name__}); give {wanted}")
    return float(cast("float", value))


def _positive(name: str, value: Any) -> float:
    number = _number(name, value, "a positive number")
    if not number > 0:
        raise ArgumentError(f"{name} is {value!r}; give a positive number")
    return number


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} is {value!r}; give a whole number, 1 or more")
    return int(cast("int", value))


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    try:
        names = tuple(value)
    except TypeError:
        names = (None,)
    if not all(isinstance(item, str) for item in names):
        raise ArgumentError(f"{name} is {value!r}; give a string or a sequence of strings")
    if name == "only" and not names:
        raise ArgumentError("only is empty; leave it out to audit every block")
    return cast("tuple[str, ...]", names)


def _require_known_slug(item: str) -> None:
    slug = item.partition(":")[0]
    if slug in RECORDS:
        return
    from difflib import get_close_matches

    near = get_close_matches(slug, RECORDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(f"allow names {item!r}, but no finding is called {slug!r}{hint}")


def _seed(rng: Any) -> int:
    """Return the integer that repeats the audit."""
    if isinstance(rng, int | np.integer):
        if rng < 0:
            raise ArgumentError(f"rng is {rng}; a seed must not be negative")
        return int(cast("int", rng))
    try:
        return int(np.random.default_rng(rng).integers(2**32))
    except (TypeError, ValueError):
        raise ArgumentError(
            f"rng is {rng!r} ({type(rng).__name__}); give a seed or a numpy Generator"
        ) from None


def _movable(problem: Problem) -> bool:
    """Tell whether the bounds leave any parameter free."""
    lower, upper = problem.lower, problem.upper
    return lower is None or upper is None or bool(np.any(lower < upper))


def _small_step(problem: Problem, sizes: Vector, rng: np.random.Generator) -> Vector:
    """Return a step of about a hundredth of each parameter's size, inside the bounds."""
    step = rng.uniform(0.5, 1.0, sizes.size) * sizes * 2.0**-6
    step *= rng.choice((-1.0, 1.0), sizes.size)
    if problem.lower is None or problem.upper is None:
        return step
    return np.clip(problem.start + step, problem.lower, problem.upper) - problem.start


def _bad_return(error: BadReturn) -> Finding:
    return Finding(
        slug=error.slug,
        level="error",
        message=str(error),
        help="return (cost, gradient) and use jac=True, or give jac as a function of its own"
        if error.slug == "jac-flag"
        else "",
        data={"unusable": True},
    )


def _one_block(problem: Problem) -> Block:
    leaf = problem.structure.leaves[0]
    return Block("theta", 0, leaf.shape)


def _chosen(layout: Layout, only: Sequence[str], allow: Sequence[str]) -> tuple[Block, ...]:
    """Return the blocks to audit, unclaimed stretches included; all, or those named."""
    blocks = tuple(block for block in layout.complete() if block.size)
    names = {block.name for block in blocks}
    for item in allow:
        block = item.partition(":")[2]
        if block and block not in names:
            raise ArgumentError(
                f"allow names {item!r}, but the blocks are {', '.join(sorted(names))}"
            )
    if not only:
        return blocks
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ArgumentError(
            f"only names {unknown[0]!r}, but the blocks are {', '.join(sorted(names))}"
        )
    return tuple(block for block in blocks if block.name in only)
