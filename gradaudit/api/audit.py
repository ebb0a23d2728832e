"""The audit of one problem, step by step: what `check` runs, and `diagnose` as well."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from gradaudit.api.discovery import discover
from gradaudit.api.settings import read_seed
from gradaudit.blocks import Block, Layout, Vector
from gradaudit.errors import ArgumentError, BudgetExhausted, EvaluationError
from gradaudit.evaluator import BadReturn, Evaluator, Listener, Sample
from gradaudit.evidence.dependence import probe_dependence, probe_stairs
from gradaudit.evidence.describe import Inquiry
from gradaudit.evidence.directions import (
    far_point,
    moved_point,
    norm_of,
    two_signed,
    typical_sizes,
)
from gradaudit.evidence.gradient import (
    Plan,
    PointAuditor,
    PointEvidence,
    cheapest_plan,
)
from gradaudit.evidence.protocol import digest, observe_protocol
from gradaudit.judgement.record import Record
from gradaudit.judgement.report import assemble
from gradaudit.judgement.wiring import ends_audit, judge_unreadable, judge_wiring
from gradaudit.numerics.signs import random_signs
from gradaudit.problem import Problem
from gradaudit.results import Finding, Report, Settings
from gradaudit.source.closures import read_callable
from gradaudit.source.locations import as_shown, describe_callable, locate_callable
from gradaudit.source.quantities import mentions_fortran, named_numbers

# Further points are this many powers of two away in each parameter; shorter moves are tried
# when the function is not finite there.
_REACHES: Final = (0.5, 1.5, 1.0, 2.0)
_SHORTER: Final = (1.0, 0.1, 0.01, 1e-3, 1e-5)
# Where the gradient is zero at all of them, points this many sizes away.
_FAR_REACHES: Final = (10.0, 100.0)
# A point at which the cost has grown by more than this is not worth the loss of precision.
_TOO_HIGH: Final = 1e4


class Audit:
    """One run of the pipeline; what it learns is in the record at any time.

    Parameters
    ----------
    problem : Problem
        Without a gradient (mode "none") only the manners of the cost are looked at.
    settings : Settings
    rng : None, int, Generator
    progress : callable or None
    places : sequence of (str, ndarray of float64, shape (n,))
        Named points to audit right after x0, such as the one where an optimizer stopped.
    enough : int or None
        No further point is begun after so many calls while nothing is wrong.
    extra : int
        Calls beyond the budget of the settings for describing what is wrong.
    describe : bool
        False: only whether something is wrong is asked; no further point is begun then.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        rng: Any,
        progress: Listener | None = None,
        *,
        places: Sequence[tuple[str, Vector]] = (),
        enough: int | None = None,
        extra: int = 0,
        describe: bool = True,
    ) -> None:
        self.problem = problem
        self.describe = describe
        self.places = places
        self.enough = enough
        self.extra = extra
        self.settings = settings
        self.seed = read_seed(rng)
        self.rng = np.random.default_rng(self.seed)
        self.evaluator = Evaluator(
            problem, budget=settings.budget, seconds=settings.seconds, listener=progress
        )
        self.record = Record(settings=settings, function=describe_callable(problem.fun))
        self.findings: list[Finding] = []
        self.inquiry: Inquiry | None = None
        self.began = time.perf_counter()

    def run(self) -> Report:
        """Run the audit; what was learned comes back even when it is cut short.

        Raises
        ------
        EvaluationError
            When the function raises at x0; its exception is the cause.
        KeyboardInterrupt
            Passed through, with the report so far as its attribute `gradaudit_report`.
        """
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
        """Judge what has been measured so far."""
        self.record.raised = self.evaluator.first_exception
        if self.inquiry is not None:
            self.record.unconfirmed = self.inquiry.unconfirmed
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
        if not self._protocol(sizes) or self.problem.mode == "none":
            return
        self._lay_out()
        sizes = typical_sizes(start, self.record.blocks)
        self._audit_points(sizes)
        self._ask_unmoved_blocks(sizes)

    def _read_source(self) -> None:
        problem, record = self.problem, self.record
        x0 = problem.structure.rebuild(problem.start.copy())
        record.suspicions = read_callable(problem.fun, x0, problem.args)
        record.gradient_reading = (
            record.suspicions
            if problem.mode != "apart"
            else read_callable(problem.jac, x0, problem.args)
        )

    def _known_blocks(self) -> tuple[Block, ...]:
        layout = self.problem.layout
        return layout.complete() if layout else (Block("theta", 0, (self.problem.size,)),)

    def _protocol(self, sizes: Vector) -> bool:
        """Ask whether the function can be relied on; False when that ends the audit."""
        problem, record = self.problem, self.record
        self.evaluator.reserve(None, "protocol")
        nearby = _point_nearby(problem, sizes, self.rng)
        try:
            record.protocol = observe_protocol(self.evaluator, problem.start, nearby)
            del nearby  # large
        except EvaluationError as error:
            self.findings = judge_unreadable(record, error.__cause__ or error)
            if not self.findings:
                raise
            return False
        except BadReturn as error:
            self.findings = [_bad_return(error, problem)]
            return False
        self._ask_whether_it_moves(record.protocol.first, record.protocol.moved_cost, sizes)
        self.findings = judge_wiring(record, problem)
        constant = record.dependence is not None and record.dependence.constant
        return not constant and not ends_audit(self.findings)

    def _ask_whether_it_moves(self, first: Sample, moved_cost: float | None, sizes: Vector) -> None:
        """Ask whether the cost moves at all, and whether it moves in steps only."""
        problem, record = self.problem, self.record
        if not math.isfinite(first.cost) or not _movable(problem):
            return
        if moved_cost is None or moved_cost == first.cost:
            record.dependence = probe_dependence(
                self.evaluator,
                problem.start,
                first.cost,
                sizes,
                self.rng,
                lower=problem.lower,
                upper=problem.upper,
            )
            if record.dependence.constant:
                return
        if problem.structure.dtype == np.float64:
            record.stairs = probe_stairs(
                self.evaluator,
                problem.start,
                first.cost,
                None if problem.mode == "none" else first.gradient,
                sizes,
                self.rng,
                lower=problem.lower,
                upper=problem.upper,
            )

    def _lay_out(self) -> None:
        problem, record = self.problem, self.record
        layout = problem.layout
        if layout is None and problem.size > 0 and not problem.structure.is_scalar:
            discovery = discover(self.evaluator)
            layout, record.sizes = discovery.layout, dict(discovery.sizes)
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
        inquiry = self.inquiry = Inquiry(self.auditor)
        record.descriptions = inquiry.descriptions
        self._forecast(plan)
        previous: PointEvidence | None = None
        certified = False
        for number in range(self.settings.points + len(_FAR_REACHES)):
            if number >= self.settings.points and not self._flat_so_far():
                break
            if self._enough_seen():
                break
            found = self._place(number, sizes)
            if found is None:
                continue
            name, theta, sample = found
            del found  # the samples are large
            self.evaluator.reserve(self.evaluator.progress.planned, name)
            point = self.auditor.begin(name, theta, sample, sizes, previous)
            point.distance = norm_of(theta - self.problem.start)
            point.same_gradient = digest(sample.gradient) == gradient_digest
            record.points.append(point)
            del sample, theta
            if point.blind:
                continue
            last = number >= self.settings.points - 1
            certified |= self._audit_point(inquiry, point, previous, plan, certified, last=last)
            if not record.descriptions:
                record.completed.append(name)
            elif self.extra:
                self.evaluator.allow(self.extra)
                self.extra = 0
            if not any(d.point is point for d in self.record.descriptions):
                point.release()
            previous = point
        if self.describe:
            self.evaluator.reserve(None, "describing what is wrong")
            inquiry.describe(record.points)
            if record.descriptions:
                self._name_numbers()

    def _name_numbers(self) -> None:
        """Collect the names of the problem's own numbers, once there is a mistake to name."""
        problem, record = self.problem, self.record
        record.numbers = named_numbers(problem.fun, problem.args)
        if not record.sizes and problem.structure.is_container:
            record.sizes = dict(discover(self.evaluator).sizes)
        for name, value in record.numbers.items():
            if value == int(value) and 1 < value < 1e9:
                record.sizes.setdefault(name, int(value))
        record.mentions_fortran = mentions_fortran(problem.fun)

    def _audit_point(
        self,
        inquiry: Inquiry,
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
            inquiry.confirm_blocks(point)
            return True
        self.auditor.audit_blocks(point, previous)
        if previous is None:
            self.auditor.probe_lone_entries(point)
        inquiry.confirm_blocks(point)
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
        inquiry.confirm_whole(point)
        return True

    def _place(self, number: int, sizes: Vector) -> tuple[str, Vector, Any] | None:
        """Return the next point at which both cost and gradient are finite."""
        protocol, problem = self.record.protocol, self.problem
        assert protocol is not None  # the pipeline's order
        if number == 0:
            first = protocol.first
            with np.errstate(over="ignore"):
                slope = norm_of(first.gradient * sizes)
            self.limit = _TOO_HIGH * max(abs(first.cost), slope)
            self.record.protocol = protocol.release()
            return "x0", problem.start, first
        name = self._name(number)
        for theta in self._candidates(number, sizes):
            sample = self.evaluator.try_sample(theta, where=name)
            if sample is None or not math.isfinite(sample.cost):
                continue
            bad = np.flatnonzero(~np.isfinite(sample.gradient))
            if bad.size:
                self.record.non_finite[name] = int(bad[0])
            elif self.limit == 0.0 or abs(sample.cost) <= self.limit:
                return name, theta, sample
        if number < self.settings.points:
            self.record.skipped.append(name)
        return None

    def _enough_seen(self) -> bool:
        """Tell whether further points would cost more than they are worth."""
        if not self.describe and self.record.descriptions:
            return True
        spent = self.enough is not None and self.evaluator.calls >= self.enough
        return spent and bool(self.record.points) and not self.record.descriptions

    def _flat_so_far(self) -> bool:
        """Tell whether the gradient was zero, and nothing wrong with that, at every point."""
        points = self.record.points
        zero = bool(points) and not any(point.gradient_norm for point in points)
        return zero and not self.record.descriptions

    def _name(self, number: int) -> str:
        return self.places[number - 1][0] if number <= len(self.places) else f"point {number + 1}"

    def _candidates(self, number: int, sizes: Vector) -> Iterator[Vector]:
        """Yield points to try, nearer and nearer to the start."""
        problem = self.problem
        if number <= len(self.places):
            yield self.places[number - 1][1]
            return
        if number >= self.settings.points:
            reach = _FAR_REACHES[number - self.settings.points]
            yield far_point(problem.start, sizes, reach, self.rng, problem.lower, problem.upper)
            return
        reach = _REACHES[(number - 1 - len(self.places)) % len(_REACHES)]
        flip = two_signed(problem.start, self.record.blocks) if reach > 1.0 else ()
        for part in _SHORTER:
            yield moved_point(
                problem.start,
                sizes,
                reach * part,
                self.rng,
                problem.lower,
                problem.upper,
                flip=flip if part == 1.0 else (),
            )

    def _forecast(self, plan: Plan) -> None:
        blocks, points = len(self.record.blocks), self.settings.points
        parameters = sum(block.size for block in self.record.blocks)
        each = 7 * parameters if plan.entries else 6 * blocks
        more = 0 if plan.entries else 2 * blocks + 6 * plan.patterns + 14
        planned = self.evaluator.calls + 20 + points * each + more + 11 * (points - 1)
        self.evaluator.reserve(planned, "x0")

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


def _movable(problem: Problem) -> bool:
    """Tell whether the bounds leave any parameter free."""
    lower, upper = problem.lower, problem.upper
    return lower is None or upper is None or bool(np.any(lower < upper))


def _point_nearby(problem: Problem, sizes: Vector, rng: np.random.Generator) -> Vector:
    """Return a point about a hundredth of each parameter's size away, inside the bounds."""
    point = rng.uniform(2.0**-7, 2.0**-6, sizes.size)
    point *= random_signs(sizes.size, rng)
    point *= sizes
    point += problem.start
    if problem.lower is not None and problem.upper is not None:
        np.clip(point, problem.lower, problem.upper, out=point)
    return point


def _bad_return(error: BadReturn, problem: Problem) -> Finding:
    function = describe_callable(problem.fun)
    return Finding(
        slug=error.slug,
        level="error",
        message=str(error).replace("fun returns", f"{function} returns", 1),
        help="give jac as a function of its own, or return (cost, gradient) and use jac=True"
        if error.slug == "jac-flag"
        else "does every path end with `return cost, gradient`?"
        if problem.mode == "together"
        else "",
        location=as_shown(locate_callable(problem.fun)),
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
