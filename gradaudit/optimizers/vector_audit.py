"""One audit of a vector derivative: manners first, then the numbers, then where and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.catalogue import Level
from gradaudit.errors import BudgetExhausted, EvaluationError
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.protocol import relative_difference
from gradaudit.evidence.vector import Samples, VectorAuditor, VectorPoint, VectorProtocol
from gradaudit.evidence.vector_calls import Form, VectorCalls
from gradaudit.evidence.vector_cause import VectorCause, explain
from gradaudit.optimizers.vector_words import (
    FROZEN_HELP,
    NAMED,
    READ,
    READ_HELP,
    Subject,
    Words,
    ignored_help,
)
from gradaudit.results import Finding, Result, Verdict
from gradaudit.source.closures import Suspicion, read_callable
from gradaudit.source.locations import as_shown, locate_callable
from gradaudit.source.solvers import inner_solver

Points = Sequence[tuple[str, Vector]]

# In units of the parameters' size: where a function that stood still nearby is asked again.
_REACHES: Final = (1.0, 10.0, 100.0)
# Below this part of a row an error is what a difference or an inner tolerance leaves.
_SLIGHT: Final = 1e-4
# Below this part of a row, an error without a cause may be that of approximate values.
_APPROXIMATE: Final = 3e-3
_SOLVED: Final = 0.1
# sqrt(eps) and a margin: the rounding error of forward differences, relative to the value.
_ROUNDING: Final = 1e-7
# A product is linear in its direction to this part of itself.
_LINEAR: Final = 1e-3
# Asymmetry of a Hessian beyond this part of its largest entry is worth a note.
_SYMMETRIC: Final = 1e-6
# Hessians beyond this size are not decomposed.
_DECOMPOSED: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorAudit(Result):
    """The answer of an audit of a vector derivative.

    Attributes
    ----------
    findings : tuple of Finding
        Most important first.
    evaluations : int
        Calls of the user's functions, all kinds together.
    verdict : Verdict
        FAIL with any finding of level "error"; INCONCLUSIVE when rows could not be seen.
    protocol : VectorProtocol or None
        What a few plain calls showed.
    points : tuple of VectorPoint
        The measurements.
    stopped : str
        Why the audit ended early; "" when it did not.
    """

    findings: tuple[Finding, ...]
    evaluations: int
    verdict: Verdict
    protocol: VectorProtocol | None = field(default=None, repr=False)
    points: tuple[VectorPoint, ...] = field(default=(), repr=False)
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what programs read, without the measurements."""
        return {
            "verdict": str(self.verdict),
            "findings": [finding.to_dict() for finding in self.findings],
            "evaluations": self.evaluations,
            "stopped": self.stopped,
        }


class Audit:
    """One run; what it learns is in its fields at any time."""

    def __init__(
        self,
        subject: Subject,
        calls: VectorCalls,
        points: Points,
        rng: Any,
        blocks: Sequence[Block],
        lower: Vector | None,
        upper: Vector | None,
        *,
        source: tuple[Any, Any] | None = None,
    ) -> None:
        self.subject = subject
        self.calls = calls
        self.given = [(name, np.array(x, dtype=np.float64).reshape(-1)) for name, x in points]
        self.auditor = VectorAuditor(
            calls, np.random.default_rng(rng), blocks=blocks, lower=lower, upper=upper
        )
        self.fun, self.jac = source or (calls.fun, calls.fun if calls.jac is True else calls.jac)
        self.findings: list[Finding] = []
        self.points: list[VectorPoint] = []
        self.protocol: VectorProtocol | None = None
        self.stopped = ""
        self.words = Words(subject=subject, blocks=tuple(blocks))

    def run(self) -> VectorAudit:
        """Ask everything; what was learned is returned even when it ends early."""
        try:
            self._pipeline()
        except (BudgetExhausted, EvaluationError) as error:
            self.stopped = str(error)
        except BadReturn as error:
            self._find("wrong-shape", str(error), level="error", at=self.jac, unusable=True)
        return VectorAudit(
            findings=ordered(self.findings),
            evaluations=self.calls.calls,
            verdict=self._verdict(),
            protocol=self.protocol,
            points=tuple(self.points),
            stopped=self.stopped,
        )

    def _verdict(self) -> Verdict:
        if any(f.level == "error" for f in self.findings):
            return Verdict.FAIL
        wanted = self.calls.jac is not None and self.calls.jac is not False
        rows = [point.seen_rows() for point in self.points]
        seen = bool(rows) and len({r.size for r in rows}) == 1 and bool(np.any(rows, axis=0).all())
        shaken = any(f.slug in ("nondeterministic", "piecewise-constant") for f in self.findings)
        if (wanted and not seen) or self.stopped or shaken:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    def _pipeline(self) -> None:
        _, theta = self.given[0]
        self._read_source(theta)
        if self.calls.jac is None or self.calls.jac is False:
            self._manners_without_derivative(theta)
            return
        if not self._shape(theta):
            return
        self.protocol = self.auditor.observe_protocol(theta)
        self._judge_protocol(self.protocol)
        if self._ignores_argument(theta):
            return
        for name, place in self.given:
            self._audit_point(name, place)
        if self.calls.overwrites_direction:
            self._find(
                "mutated-argument",
                f"{self.subject.what} overwrites the direction it is given",
                "the array held other numbers after the call",
                help="work on a copy: p = np.array(p) at the top, or p = p * ... for p *= ...",
                level="error",
                at=self.jac,
            )
        nonlinear = self._nonlinearity()
        wrong = any(point.wrong for point in self.points)
        if (wrong or nonlinear) and self._is_stale_product(self.points[0]):
            return
        if nonlinear:
            self._report_nonlinear(nonlinear)
        elif wrong:
            self._describe()

    def _read_source(self, theta: Vector) -> None:
        self.reading = read_callable(self.fun, theta.copy(), self.calls.args)
        for suspicion in self.reading:
            if suspicion.slug in ("late-binding", "misbound-partial") and suspicion.certain:
                self._from_reading(suspicion)

    def _from_reading(self, suspicion: Suspicion, *notes: str) -> None:
        self._find(
            suspicion.slug,
            f"{self.subject.values}: {READ[suspicion.slug]}",
            suspicion.note,
            *notes,
            level="error" if suspicion.certain else "warning",
            help=READ_HELP[suspicion.slug],
            suspicion=suspicion,
        )

    def _manners_without_derivative(self, theta: Vector) -> None:
        matrices, self.auditor.calls.form = self.calls.form, cast("Form", "product")
        try:
            self.protocol = self.auditor.observe_protocol(theta)
        finally:
            self.calls.form = matrices
        self._judge_protocol(self.protocol)
        self._ignores_argument(theta)

    def _shape(self, theta: Vector) -> bool:
        """Compare the shape with what is needed; False when nothing can be done with it."""
        if self.calls.form == "product":
            return True
        theta = self.auditor.inside(theta)
        rows = self.calls.value(theta, where=self.given[0][0]).size
        found = self.calls.derivative(theta, rows, where=self.given[0][0])
        if found.shape == (rows, theta.size):
            return True
        turned = found.shape == (theta.size, rows)
        usable = turned and found.product is None
        self._find(
            "wrong-shape",
            f"{self.subject.what} has shape {found.shape} where {(rows, theta.size)} is needed",
            "one row for each value, one column for each parameter: it is transposed"
            if turned
            else "one row for each value, one column for each parameter",
            help="transpose it before it is returned" if turned else "",
            level="error",
            at=self.jac,
            transposed=turned,
            unusable=not usable,
        )
        self.calls.turned ^= usable
        return usable

    # manners

    def _judge_protocol(self, protocol: VectorProtocol) -> None:
        what, values = self.subject.what, self.subject.values
        if protocol.mutated:
            self._find(
                "mutated-argument",
                f"{protocol.mutated} overwrites the array it is given",
                "the array held other numbers after the call",
                help="work on a copy: x = np.array(x) at the top, or x = x - ... for x -= ...",
                level="error",
                at=self.jac if protocol.mutated == what else self.fun,
            )
        if protocol.aliased_value and not protocol.mutated:
            self._aliased(values, self.fun, self.subject.keeps)
        if protocol.aliased_derivative and not protocol.mutated:
            self._aliased(what, self.jac, keeps=False)
        if protocol.rows_nearby != protocol.rows:
            self._find(
                "wrong-shape",
                f"{values} has {protocol.rows_nearby} values nearby and {protocol.rows} at the "
                "point itself",
                level="error",
                unusable=True,
            )
        if protocol.stale:
            self._find(
                "stale-cache",
                f"{what} asked for at one point belongs to another",
                f"at {self.given[0][0]}, after a call elsewhere, it is not that of the point",
                help="key the cache on the content: keep a copy of x, compare by np.array_equal",
                level="error",
                at=self.jac,
            )
        aliased = protocol.aliased_value or protocol.aliased_derivative
        if not (protocol.repeatable or protocol.mutated or protocol.stale or aliased):
            self._find(
                "nondeterministic",
                f"{values} or {what} differs from call to call at the same point",
                f"by {protocol.value_spread:.2g} and {protocol.derivative_spread:.2g} of the norm",
                help="fix the seed inside the function, or draw the random numbers once, outside",
                level="warning",
                at=self.fun,
            )

    def _aliased(self, name: str, at: Any, keeps: bool) -> None:
        self._find(
            "aliased-buffer",
            f"{name}: two calls return the same memory",
            "the array returned by the first call held other values after the second",
            *(("the solver keeps it to compare with the next one",) if keeps else ()),
            help="return a fresh array, or a copy of it",
            level="error" if keeps else "warning",
            at=at,
        )

    def _ignores_argument(self, theta: Vector) -> bool:
        """Ask whether a function that stood still nearby moves at all; True ends the audit."""
        protocol = self.protocol
        if protocol is None or not protocol.fixed_value:
            return False
        theta = self.auditor.inside(theta)
        value = self.calls.value(theta, where=self.given[0][0])
        sizes = self.auditor.sizes(theta)
        moved: Vector | None = None
        for reach in _REACHES:
            step = self.auditor.rng.uniform(0.5, 1.0, theta.size) * sizes * reach
            point = theta + step * self.auditor.rng.choice((-1.0, 1.0), theta.size)
            if self.auditor.lower is not None and self.auditor.upper is not None:
                point = np.clip(point, self.auditor.lower, self.auditor.upper)
            if not np.array_equal(self.calls.try_value(point.copy(), value.size), value):
                moved = point
                break
        promises = self._promises_something(theta, value.size)
        if moved is None:
            return self._constant(promises)
        return promises and self._in_steps(moved, value.size)

    def _promises_something(self, theta: Vector, rows: int) -> bool:
        if self.calls.jac is None or self.calls.jac is False:
            return False
        matrix = self.calls.derivative(theta, rows, where=self.given[0][0])
        return bool(matrix.times(self.auditor.sizes(theta)).any())

    def _constant(self, promises: bool) -> bool:
        suspicion = next(
            (s for s in self.reading if s.slug in ("ignored-argument", "misbound-partial")), None
        )
        if any(f.slug in ("late-binding", "misbound-partial") for f in self.findings):
            return True
        certain = suspicion is not None and suspicion.certain
        if self.subject.hessian and not (certain and promises):
            return False  # a linear cost has a constant gradient, and no Hessian
        if suspicion is None and not promises:
            # dead or saturated here, perhaps: the derivative says the same
            self.stopped = f"{self.subject.values} did not move anywhere"
            return True
        reaches = ", ".join(f"{reach:g}" for reach in _REACHES)
        note = (
            "its values are equal to the last bit nearby and at steps of "
            f"{reaches} times the parameters' size"
        )
        slug = "ignored-argument" if suspicion is None else suspicion.slug
        self._find(
            slug,
            f"{self.subject.values}: {READ[slug]}",
            *(() if suspicion is None else (suspicion.note,)),
            note,
            help=ignored_help(suspicion),
            level="error" if certain or promises else "warning",
            suspicion=suspicion,
            at=self.fun,
        )
        return True

    def _in_steps(self, moved: Vector, rows: int) -> bool:
        """Report values that move in steps only, when the derivative promises a slope."""
        point = self.auditor.begin(*self.given[0])
        samples = Samples(self.calls, point, self.auditor.random_direction(point))
        return bool(self.auditor.read(point, samples).still.all()) and self._stairs(moved, rows)

    def _stairs(self, moved: Vector, rows: int) -> bool:
        suspicion = next((s for s in self.reading if s.slug == "integer-truncation"), None)
        cut = self.calls.try_value(np.trunc(moved), rows)
        whole = np.array_equal(self.calls.try_value(moved.copy(), rows), cut)
        slug = "integer-truncation" if whole or suspicion is not None else "piecewise-constant"
        self._find(
            slug,
            f"{self.subject.values}: "
            + ("its values move in steps only" if slug == "piecewise-constant" else READ[slug]),
            "its values do not change at short steps, and change at long ones",
            help=READ_HELP.get(slug, "take out the rounding"),
            level="error" if slug == "integer-truncation" else "warning",
            suspicion=suspicion,
            at=self.fun,
        )
        return True

    # numbers

    def _audit_point(self, name: str, theta: Vector) -> None:
        try:
            point = self.auditor.begin(name, theta)
        except (EvaluationError, BadReturn):
            if not self.points:
                raise
            return  # a further point where the function is not defined
        if not self._finite(point):
            return
        self.points.append(point)
        self.auditor.audit(point)

    def _finite(self, point: VectorPoint) -> bool:
        bad = np.flatnonzero(~np.isfinite(point.value))
        entries = point.matrix.finite()
        level: Level = "error" if point.name.startswith(self.given[0][0]) else "warning"
        if bad.size:
            row = int(bad[0])
            self._find(
                "non-finite",
                f"{self.subject.values} is {point.value[row]} in {self.words.row(row)} "
                f"at {point.name}",
                f"{bad.size:,} of {point.value.size:,} values are not finite",
                level=level,
                row=row,
                at=self.fun,
            )
        if entries is not None:
            row, column = (int(i) for i in np.argwhere(~entries)[0])
            self._find(
                "non-finite",
                f"{self.subject.what} is not finite in {self.words.row(row)}, "
                f"{self.words.column(column)} at {point.name}",
                level=level,
                row=row,
                column=column,
                at=self.jac,
            )
        return not bad.size and entries is None

    def _describe(self) -> None:
        """Find the cause of what is wrong, and report it."""
        point = next(p for p in self.points if p.wrong)
        if self._stands_on_stairs(point):
            return
        self.words = replace(
            self.words,
            shape=point.matrix.shape,
            place=point.name,
            turned=self.calls.turned,
        )
        try:
            cause = explain(self.auditor, point, self.points)
        except BudgetExhausted as error:
            self.stopped, cause = str(error), VectorCause()
        worst = max(point.confirmed, key=lambda c: c.sureness)
        relative = max(abs(c.residual) / max(c.scale, abs(c.measured)) for c in point.confirmed)
        level, notes = self._level(cause, point, relative)
        if level == "note":
            cause = VectorCause(blocks=cause.blocks)
        frozen = self._frozen()
        message, more = self.words.message(cause, frozen)
        if level == "note":
            message = f"{self.subject.what} differs slightly from the measured one"
        suspicion = None
        if frozen:
            found = read_callable(self.jac, self.given[0][1].copy(), self.calls.args)
            suspicion = next((s for s in found if s.slug == "ignored-argument"), None)
        self._find(
            self.subject.slug,
            message,
            *more,
            self.words.strength(point, worst),
            *self.words.counted(point),
            *notes,
            help=FROZEN_HELP if frozen else self.words.help(cause),
            level=level,
            suspicion=suspicion,
            at=self.jac,
            block=self.words.block(cause),
            **{**self.words.data(cause), **({"cause": "frozen"} if frozen else {})},
        )

    def _is_stale_product(self, point: VectorPoint) -> bool:
        """Ask whether a product depends on where the function was called last."""
        if self.calls.form != "product":
            return False
        along, rows = point.readings[0].along, point.value.size
        found: list[Vector] = []
        for place in (point.theta, point.theta + 0.5 * along):
            self.calls.value(place, where=point.name)
            found.append(self.calls.derivative(point.theta, rows, where=point.name).times(along))
        if relative_difference(found[1], found[0]) <= _SYMMETRIC:
            return False
        self._find(
            "stale-cache",
            f"{self.subject.what} asked for at one point belongs to another",
            f"at {point.name}, after a call of the gradient elsewhere, it is another",
            help="compute it from x, not from what the last call of the gradient left behind",
            level="error",
            at=self.jac,
        )
        return True

    def _stands_on_stairs(self, point: VectorPoint) -> bool:
        """Ask whether all wrong rows stand still at short steps, and move at long ones."""
        wrong = point.wrong_rows
        if not all(bool(r.still[wrong].all()) for r in point.readings):
            return False
        step = self.auditor.random_direction(point)
        reaches = (1.0, -1.0, 3.0, -3.0) if point.reach == 1.0 else (point.reach, -point.reach)
        for reach in reaches:
            moved = point.theta + reach * step
            values = self.calls.try_value(moved.copy(), point.value.size)
            if not np.array_equal(values[wrong], point.value[wrong]):
                return self._stairs(moved, point.value.size)
        return False

    def _frozen(self) -> bool:
        """Tell whether the same matrix comes everywhere, right at one point, wrong at another."""
        arrays = [p.matrix.array() for p in self.points]
        if len(arrays) < 2 or any(a is None for a in arrays):
            return False
        first = cast("Any", arrays[0])
        same = all(np.array_equal(first, a) for a in arrays[1:] if a is not None)
        right = any(not p.wrong and bool(p.seen_rows().all()) for p in self.points)
        return same and right

    def _level(
        self, cause: VectorCause, point: VectorPoint, relative: float
    ) -> tuple[Level, tuple[str, ...]]:
        protocol = self.protocol
        if protocol is not None and not protocol.repeatable and not protocol.stale:
            return "warning", ("the function differs from call to call",)
        named = cause.kind in NAMED
        rounding = relative < _APPROXIMATE and _is_rounding_of_differences(point)
        if (relative < _SLIGHT or rounding) and not _is_marked(cause):
            return "note", (f"off by {relative:.1g} of the row, as differences would leave it",)
        solver = inner_solver(self.fun) if relative < _SOLVED else None
        if (relative < _APPROXIMATE and not cause.kind) or (solver and not named):
            calls = "" if solver is None else f"; {self.subject.values} calls {solver}"
            return "warning", (
                f"off by {relative:.1g} of the row at most: an inner solver or an integration that "
                f"stops early leaves as much{calls}",
            )
        if not self.subject.hessian:
            return "error", ()
        asymmetry = _asymmetry(point)
        notes = (
            (f"it is not symmetric, by {asymmetry:.2g} of its largest entry",)
            if asymmetry is not None and asymmetry > _SYMMETRIC
            else ()
        )
        damped = cause.kind == "diagonal" and (cause.factor or 0.0) < 0.0
        if (damped or not named) and self._semidefinite():
            return "warning", (
                "it is symmetric and positive semidefinite wherever it was asked for: it may be "
                "meant as an approximation (Gauss-Newton, damping)",
            )
        return "error", notes

    def _semidefinite(self) -> bool:
        """Tell whether the Hessian could be meant as a positive approximation."""
        for point in self.points:
            array = point.matrix.array()
            if array is None or array.shape[0] > _DECOMPOSED:
                if not _is_semidefinite_along(point):
                    return False
                continue
            largest = float(np.abs(array).max())
            if largest == 0.0 or np.abs(array - array.T).max() > _SYMMETRIC * largest:
                return False
            if float(np.linalg.eigvalsh(0.5 * (array + array.T))[0]) < -1e-9 * largest:
                return False
        return True

    def _nonlinearity(self) -> float:
        """Return by how much a product is not linear in its direction: one evaluation."""
        if self.calls.form != "product" or not self.points or len(self.points[0].readings) < 2:
            return 0.0
        point = self.points[0]
        one, two = point.readings[0], point.readings[1]
        together = point.matrix.times(one.along + 2.0 * two.along)
        gap = np.abs(together - one.promised - 2.0 * two.promised)
        size = np.abs(one.promised) + 2.0 * np.abs(two.promised) + one.scale + two.scale
        within = bool((gap <= _LINEAR * float(size.max())).all())
        return 0.0 if within else float(np.nanmax(gap))

    def _report_nonlinear(self, gap: float) -> None:
        self._find(
            self.subject.slug,
            f"{self.subject.what} is not linear in the direction",
            f"H(u + 2 v) differs from H u + 2 H v by {gap:.3g}",
            help="see whether p is normalised, overwritten, or squared",
            level="error",
            at=self.jac,
        )

    def _find(
        self,
        slug: str,
        message: str,
        *notes: str,
        level: Level,
        help: str = "",
        suspicion: Suspicion | None = None,
        at: Any = None,
        block: str | None = None,
        **data: Any,
    ) -> None:
        located = suspicion.location if suspicion is not None else None
        located = located or (None if at is None else locate_callable(at))
        if self.subject.constraint is not None:
            data["constraint"] = self.subject.constraint
            if "row" in data:
                data["component"] = data["row"]
        if suspicion is not None and suspicion.used_instead:
            data["used_instead"] = suspicion.used_instead
        self.findings.append(
            Finding(
                slug=slug,
                level=level,
                message=message,
                notes=notes,
                help=help,
                block=block,
                location=as_shown(located),
                replacement=None if suspicion is None else suspicion.replacement,
                data=data,
            )
        )


def _is_rounding_of_differences(point: VectorPoint) -> bool:
    """Tell whether the errors are what forward differences of large values would leave."""
    return all(abs(c.residual) <= _ROUNDING * abs(point.value[c.row]) for c in point.confirmed)


def _is_marked(cause: VectorCause) -> bool:
    """Tell whether single entries or lines are off by more than differences would leave."""
    entries = zip(cause.returned, cause.right, strict=True)
    return any(abs(a - b) > 1e-3 * max(abs(a), abs(b)) for a, b in entries) or any(
        abs(factor - 1.0) > 1e-3 for factor in cause.factors
    )


def _asymmetry(point: VectorPoint) -> float | None:
    array = point.matrix.array()
    if array is None or array.shape[0] != array.shape[1] or not array.any():
        return None
    return float(np.abs(array - array.T).max() / np.abs(array).max())


def _is_semidefinite_along(point: VectorPoint) -> bool:
    """Tell whether a product is that of a symmetric positive matrix, as far as lines can tell."""
    lines = point.readings
    if any(float(r.along @ r.promised) < 0.0 for r in lines):
        return False
    if len(lines) < 2:
        return True
    mixed, other = (
        float(lines[0].along @ lines[1].promised),
        float(lines[1].along @ lines[0].promised),
    )
    size = float(np.linalg.norm(lines[0].along) * np.linalg.norm(lines[1].promised))
    return abs(mixed - other) <= _SYMMETRIC * size


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Put the gravest first."""
    ranks = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(findings, key=lambda f: ranks[f.level]))
