"""Are the Jacobian, Hessian or constraints that an optimizer was given right?

The same questions as for a gradient: manners first, then products with random directions against
differences with bars, then where and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.catalogue import Level
from gradaudit.errors import BudgetExhausted, EvaluationError
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.curvature import audit_curvature
from gradaudit.evidence.vector import (
    Careful,
    Samples,
    VectorAuditor,
    VectorPoint,
    VectorProtocol,
)
from gradaudit.evidence.vector_calls import Form, VectorCalls
from gradaudit.evidence.vector_cause import VectorCause, explain
from gradaudit.judgement.causes import name_factor
from gradaudit.problem import entry_name
from gradaudit.results import Finding, Result, Verdict
from gradaudit.source.closures import Suspicion, read_callable
from gradaudit.source.locations import as_shown, locate_callable, python_function

Points = Sequence[tuple[str, Vector]]

# In units of the parameters' size: where a function that stood still nearby is asked again.
_REACHES: Final = (1.0, 10.0, 100.0)
# Below this part of a row an error is what a difference or an inner tolerance leaves.
_SLIGHT: Final = 1e-4
# A product is linear in its direction to this part of itself.
_LINEAR: Final = 1e-3
# Asymmetry of a Hessian beyond this part of its largest entry is worth a note.
_SYMMETRIC: Final = 1e-6
# Hessians beyond this size are not decomposed.
_DECOMPOSED: Final = 300
_LISTED: Final = 5


class Constraint(Protocol):
    """What is asked of a constraint (see `gradaudit.optimizers.call`)."""

    number: int
    kind: Any
    fun: Any
    jac: Any
    args: tuple[Any, ...]
    hess: Any


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subject:
    """What is audited, and how to speak of it.

    Attributes
    ----------
    slug, what, values, row : str
        The finding; the derivative, the function and one of its values, in words.
    hessian : bool
    keeps : bool
        The solver keeps what an earlier call returned.
    constraint : int or None
    """

    slug: str
    what: str
    values: str
    row: str
    hessian: bool = False
    keeps: bool = False
    constraint: int | None = None


def audit_jacobian(
    fun: Callable[..., Any],
    jac: Any,
    points: Points,
    *,
    args: Any = (),
    blocks: Sequence[Block] = (),
    lower: Vector | None = None,
    upper: Vector | None = None,
    col_deriv: bool = False,
    budget: int | None = None,
    rng: Any = None,
    slug: str = "wrong-jacobian",
    what: str = "the Jacobian of the residual",
    values: str = "the residual",
    row: str = "residual",
    keeps: bool = True,
) -> VectorAudit:
    """Check the Jacobian of a residual, or of any other vector function.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns m values: an array, a list or a number.
    jac : callable, True or None
        ``jac(x, *args)`` returns m rows of n entries, dense, sparse or as a LinearOperator. True:
        `fun` returns the pair. None: only the function's own manners are looked at.
    points : sequence of (str, ndarray of float64, shape (n,))
        Where to check, each with its name.
    args : tuple
    blocks : sequence of Block
        Names of the parameters.
    lower, upper : ndarray of float64, shape (n,), optional
        No evaluation leaves these bounds.
    col_deriv : bool
        As in `scipy.optimize.fsolve`: the Jacobian has a row for each parameter.
    budget : int, optional
        Most calls of the user's functions.
    rng : None, int or Generator
    slug, what, values, row : str
        The finding's slug, and how to call the derivative, the function and one value.
    keeps : bool
        The solver keeps what an earlier call returned, so that a reused buffer misleads it.

    Returns
    -------
    VectorAudit

    Notes
    -----
    When all is well: 6 calls for the protocol, 1 of jac and 1 of fun and 12 of fun at each
    further point: 34 for two points. A wrong one costs about 80 more, and 6 for each of up to 24
    parameters.
    """
    subject = _Subject(slug=slug, what=what, values=values, row=row, keeps=keeps)
    calls = VectorCalls(
        fun, jac, args=_tuple(args), turned=col_deriv, budget=budget, names=(values, what)
    )
    return _Audit(subject, calls, points, rng, blocks, lower, upper).run()


def audit_hessian(
    gradient: Callable[..., Any] | None,
    hess: Callable[..., Any],
    points: Points,
    *,
    args: Any = (),
    blocks: Sequence[Block] = (),
    lower: Vector | None = None,
    upper: Vector | None = None,
    cost: Callable[..., Any] | None = None,
    budget: int | None = None,
    rng: Any = None,
    slug: str = "wrong-hessian",
    what: str = "the Hessian",
) -> VectorAudit:
    """Check a Hessian against differences of the gradient, or second ones of the cost.

    Parameters
    ----------
    gradient : callable or None
        ``gradient(x, *args)``, the user's own; None when there is none.
    hess : callable
        ``hess(x, *args)``: dense, sparse or LinearOperator.
    points, args, blocks, lower, upper, budget, rng, slug, what
        As for `audit_jacobian`.
    cost : callable, optional
        ``cost(x, *args)``: needed where `gradient` is None.

    Returns
    -------
    VectorAudit

    Notes
    -----
    A symmetric, positive semidefinite matrix that is not the Hessian, by no mistake with a name,
    is often meant so (Gauss-Newton, a preconditioner): that is a warning, not an error.
    """
    subject = _Subject(
        slug=slug, what=what, values="the gradient", row="row", hessian=True, keeps=False
    )
    if gradient is None:
        if cost is None:
            raise ValueError("a Hessian needs a gradient or a cost to be compared with")
        return _audit_second_differences(
            subject, cost, hess, points, _tuple(args), budget, rng, (lower, upper), blocks
        )
    calls = VectorCalls(
        gradient, hess, args=_tuple(args), budget=budget, names=("the gradient", what)
    )
    return _Audit(subject, calls, points, rng, blocks, lower, upper).run()


def audit_hessp(
    gradient: Callable[..., Any],
    hessp: Callable[..., Any],
    points: Points,
    *,
    args: Any = (),
    blocks: Sequence[Block] = (),
    lower: Vector | None = None,
    upper: Vector | None = None,
    budget: int | None = None,
    rng: Any = None,
    slug: str = "wrong-hessian",
    what: str = "the Hessian product",
) -> VectorAudit:
    """Check ``hessp(x, p, *args)`` against differences of the gradient along p.

    Parameters
    ----------
    gradient : callable
    hessp : callable
        Must also be linear in p.
    points, args, blocks, lower, upper, budget, rng, slug, what
        As for `audit_jacobian`.

    Returns
    -------
    VectorAudit
    """
    subject = _Subject(
        slug=slug, what=what, values="the gradient", row="row", hessian=True, keeps=False
    )
    calls = VectorCalls(
        gradient,
        hessp,
        args=_tuple(args),
        form="product",
        budget=budget,
        names=("the gradient", what),
    )
    return _Audit(subject, calls, points, rng, blocks, lower, upper).run()


def audit_constraints(
    constraints: Iterable[Constraint],
    points: Points,
    *,
    blocks: Sequence[Block] = (),
    lower: Vector | None = None,
    upper: Vector | None = None,
    budget: int | None = None,
    rng: Any = None,
) -> VectorAudit:
    """Check each constraint on its own: its manners, its Jacobian, its Hessian.

    Parameters
    ----------
    constraints : iterable of Constraint
        Of a linear constraint there is nothing to check.
    points, blocks, lower, upper, budget, rng
        As for `audit_jacobian`; the budget is shared equally.

    Returns
    -------
    VectorAudit
        Of all of them together; ``data["constraint"]`` of a finding is the number.
    """
    checked = [c for c in constraints if c.kind != "linear" and callable(c.fun)]
    generator = np.random.default_rng(rng)
    share = None if budget is None else max(20, budget // max(len(checked), 1))
    audits: list[VectorAudit] = []
    for constraint in checked:
        audits += _audit_constraint(constraint, points, blocks, lower, upper, share, generator)
    alike = list(_alike(checked, points))
    late = {f.data["constraint"] for f in alike if f.slug == "late-binding"}
    findings = [
        f
        for audit in audits
        for f in audit.findings
        if not (f.slug == "late-binding" and (late or f.data.get("constraint") in late))
    ]
    return VectorAudit(
        findings=_ordered(alike + _once(findings)),
        evaluations=sum(audit.evaluations for audit in audits) + 2 * len(checked),
        verdict=_overall([audit.verdict for audit in audits], alike),
        points=tuple(point for audit in audits for point in audit.points),
        stopped="; ".join(audit.stopped for audit in audits if audit.stopped),
    )


def _audit_constraint(
    constraint: Constraint,
    points: Points,
    blocks: Sequence[Block],
    lower: Vector | None,
    upper: Vector | None,
    budget: int | None,
    rng: np.random.Generator,
) -> list[VectorAudit]:
    name = f"constraint {constraint.number} ({constraint.kind})"
    subject = _Subject(
        slug="wrong-constraint-jacobian",
        what=f"the Jacobian of {name}",
        values=name,
        row="component",
        constraint=constraint.number,
    )
    jac = constraint.jac if callable(constraint.jac) or constraint.jac is True else None
    args = _tuple(constraint.args)
    calls = VectorCalls(
        constraint.fun, jac, args=args, budget=budget, names=(subject.values, subject.what)
    )
    audits = [_Audit(subject, calls, points, rng, blocks, lower, upper).run()]
    hess = getattr(constraint, "hess", None)
    if callable(hess) and callable(jac) and audits[0].verdict == Verdict.PASS:
        audits.append(_audit_constraint_hessian(constraint, name, audits[0], points, rng, blocks))
    return audits


def _audit_constraint_hessian(
    constraint: Constraint,
    name: str,
    first: VectorAudit,
    points: Points,
    rng: np.random.Generator,
    blocks: Sequence[Block],
) -> VectorAudit:
    """Check ``hess(x, v)`` against differences of J(x)'v, for random v."""
    protocol = first.protocol
    weights = rng.uniform(0.5, 1.0, 1 if protocol is None else protocol.rows)

    def combined(x: Vector, *args: Any) -> Any:
        jacobian = constraint.jac(x, *args)
        if hasattr(jacobian, "toarray"):
            jacobian = jacobian.toarray()
        return np.atleast_2d(np.asarray(jacobian, dtype=np.float64)).T @ weights

    def hessian(x: Vector, *args: Any) -> Any:
        return constraint.hess(x, weights.copy(), *args)

    subject = _Subject(
        slug="wrong-hessian",
        what=f"the Hessian of {name}",
        values=f"the Jacobian of {name}",
        row="row",
        hessian=True,
        constraint=constraint.number,
    )
    calls = VectorCalls(
        combined, hessian, args=_tuple(constraint.args), names=(subject.values, subject.what)
    )
    return _Audit(
        subject, calls, points, rng, blocks, None, None, source=(constraint.jac, constraint.hess)
    ).run()


class _Audit:
    """One run; what it learns is in its fields at any time."""

    def __init__(
        self,
        subject: _Subject,
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
        self.place = ""

    def run(self) -> VectorAudit:
        try:
            self._pipeline()
        except (BudgetExhausted, EvaluationError) as error:
            self.stopped = str(error)
        except BadReturn as error:
            self._find("wrong-shape", str(error), level="error", at=self.jac, unusable=True)
        return VectorAudit(
            findings=_ordered(self.findings),
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
        shaken = any(f.slug == "nondeterministic" for f in self.findings)
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
        if self._is_linear() and any(point.wrong for point in self.points):
            self._describe()

    def _read_source(self, theta: Vector) -> None:
        self.reading = read_callable(self.fun, theta.copy(), self.calls.args)
        for suspicion in self.reading:
            if suspicion.slug in ("late-binding", "misbound-partial") and suspicion.certain:
                self._from_reading(suspicion)

    def _from_reading(self, suspicion: Suspicion, *notes: str) -> None:
        self._find(
            suspicion.slug,
            f"{self.subject.values}: {_READ[suspicion.slug]}",
            suspicion.note,
            *notes,
            level="error" if suspicion.certain else "warning",
            help=_READ_HELP[suspicion.slug],
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
            f"{self.subject.values}: {_READ[slug]}",
            *(() if suspicion is None else (suspicion.note,)),
            note,
            help=_ignored_help(suspicion),
            level="error" if certain or promises else "warning",
            suspicion=suspicion,
            at=self.fun,
        )
        return True

    def _in_steps(self, moved: Vector, rows: int) -> bool:
        """Report values that move in steps only, when the derivative promises a slope."""
        suspicion = next((s for s in self.reading if s.slug == "integer-truncation"), None)
        cut = self.calls.try_value(np.trunc(moved), rows)
        whole = np.array_equal(self.calls.try_value(moved.copy(), rows), cut)
        slug = "integer-truncation" if whole or suspicion is not None else "piecewise-constant"
        point = self.auditor.begin(*self.given[0])
        samples = Samples(self.calls, point, self.auditor.random_direction(point))
        if not self.auditor.read(point, samples).still:
            return False
        self._find(
            slug,
            f"{self.subject.values}: "
            + ("its values move in steps only" if slug == "piecewise-constant" else _READ[slug]),
            "its values do not change at short steps, and change at long ones",
            help=_READ_HELP.get(slug, "take out the rounding"),
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
        level: Level = "warning" if self.points else "error"
        if bad.size:
            row = int(bad[0])
            self._find(
                "non-finite",
                f"{self.subject.values} is {point.value[row]} in {self._row(row)} at {point.name}",
                f"{bad.size:,} of {point.value.size:,} values are not finite",
                level=level,
                row=row,
                at=self.fun,
            )
        if entries is not None:
            row, column = (int(i) for i in np.argwhere(~entries)[0])
            self._find(
                "non-finite",
                f"{self.subject.what} is not finite in {self._row(row)}, "
                f"{self._column(column)} at {point.name}",
                level=level,
                row=row,
                column=column,
                at=self.jac,
            )
        return not bad.size and entries is None

    def _describe(self) -> None:
        """Find the cause of what is wrong, and report it."""
        point = next(p for p in self.points if p.wrong)
        self.place = point.name
        try:
            cause = explain(self.auditor, point, self.points)
        except BudgetExhausted as error:
            self.stopped, cause = str(error), VectorCause()
        worst = max(point.confirmed, key=lambda c: c.sureness)
        relative = abs(worst.residual) / max(worst.scale, abs(worst.measured))
        level, notes = self._level(cause, point, relative)
        frozen = self._frozen()
        message, more = self._message(cause, frozen)
        suspicion = None
        if frozen:
            found = read_callable(self.jac, self.given[0][1].copy(), self.calls.args)
            suspicion = next((s for s in found if s.slug == "ignored-argument"), None)
        self._find(
            self.subject.slug,
            message,
            *more,
            self._strength(point, worst),
            *self._counted(point),
            *notes,
            help=_HELP.get(cause.kind, "") if not frozen else _FROZEN_HELP,
            level=level,
            suspicion=suspicion,
            at=self.jac,
            block=self._block(cause),
            **self._data(cause),
        )

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
        named = cause.kind in _NAMED
        if relative < _SLIGHT and not _is_marked(cause):
            return "note", (f"off by {relative:.1g} of the row, as differences would leave it",)
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

    def _is_linear(self) -> bool:
        """Test that a product is linear in its direction: one evaluation."""
        if self.calls.form != "product" or not self.points or len(self.points[0].readings) < 2:
            return True
        point = self.points[0]
        one, two = point.readings[0], point.readings[1]
        together = point.matrix.times(one.along + 2.0 * two.along)
        gap = np.abs(together - one.promised - 2.0 * two.promised)
        size = np.abs(one.promised) + 2.0 * np.abs(two.promised) + one.scale + two.scale
        if bool((gap <= _LINEAR * float(size.max())).all()):
            return True
        self._find(
            self.subject.slug,
            f"{self.subject.what} is not linear in the direction",
            f"H(u + 2 v) differs from H u + 2 H v by {float(np.nanmax(gap)):.3g}",
            help="see whether p is normalised, overwritten, or squared",
            level="error",
            at=self.jac,
        )
        return False

    # words

    def _message(self, cause: VectorCause, frozen: bool) -> tuple[str, list[str]]:
        what = self.subject.what
        if frozen:
            return f"{what} does not depend on its argument", [
                "the same matrix came at every point; it is right at one of them only"
            ]
        return f"{what} {self._says(cause)}", self._entry_notes(cause)

    def _says(self, cause: VectorCause) -> str:
        factor = cause.factor
        times = "" if factor is None else f"{factor:.7g} times the right one"
        texts = {
            "zero": f"is zero where {self.subject.values} has a slope",
            "scale": f"is {times}",
            "transposed": "is transposed",
            "diagonal": f"lacks {factor or 0.0:.7g} on its diagonal",
            "triangle": f"has its {cause.detail} triangle only",
            "row-order": f"has its rows {cause.detail}",
            "column-order": f"has its columns {cause.detail}",
            "swapped-rows": f"has {self._rows(cause)} exchanged",
            "swapped-columns": f"has the columns of {self._columns(cause)} exchanged",
            "multiple": f"is {times} at {self.place}, and not elsewhere",
            "log-parameter": f"is with respect to the logarithm of {self._columns(cause)}",
        }
        if cause.kind == "scale" and factor is not None and abs(factor + 1.0) < 1e-6:
            return "has the opposite sign"
        if cause.kind == "diagonal" and (factor or 0.0) < 0.0:
            return f"has {-(factor or 0.0):.7g} too much on its diagonal"
        if cause.kind in texts:
            return texts[cause.kind]
        if cause.kind in ("rows", "row-scale"):
            end = self._how(cause, f"each of {len(cause.rows)} rows is off by its own factor")
            return f"is wrong in {self._rows(cause)}{end}"
        if cause.kind in ("columns", "column-scale"):
            end = self._how(cause, "each column is off by its own factor")
            return f"is wrong in the column of {self._columns(cause)}{end}"
        if cause.kind == "entries":
            count = len(cause.entries)
            return f"has {count} wrong {'entry' if count == 1 else 'entries'}"
        return f"is not the derivative of {self.subject.values}"

    def _how(self, cause: VectorCause, otherwise: str) -> str:
        if cause.factor is not None:
            sign = "opposite sign" if abs(cause.factor + 1.0) < 1e-6 else ""
            return f": {sign or f'{cause.factor:.7g} times the right one'}"
        return f": {otherwise}" if len(cause.factors) > 1 else ""

    def _entry_notes(self, cause: VectorCause) -> list[str]:
        notes = [
            f"{self._row(i)}, {self._column(j)}: returned {a:.8g}, right {b:.8g}"
            for (i, j), a, b in zip(cause.entries, cause.returned, cause.right, strict=True)
        ][:_LISTED]
        if cause.factors and cause.factor is None:
            lines = cause.rows or cause.columns
            name = self._row if cause.rows else self._column
            notes += [
                f"{name(number)}: {value:.7g} times the right one"
                for number, value in zip(lines, cause.factors, strict=False)
            ][:_LISTED]
        factor_name = self._factor_name(cause)
        return notes + ([f"{cause.factor:.6g} = {factor_name}"] if factor_name else [])

    def _factor_name(self, cause: VectorCause) -> str | None:
        if cause.factor is None or cause.kind == "diagonal" or not self.points:
            return None
        rows, columns = self.points[0].matrix.shape
        sizes = {"n": columns} if self.subject.hessian else {"m": rows, "n": columns}
        return name_factor(cause.factor, sizes)

    def _strength(self, point: VectorPoint, worst: Careful) -> str:
        return (
            f"{self._row(worst.row)} at {point.name}: returned {worst.promised:.8g}, measured "
            f"{worst.measured:.8g} +- {worst.bar:.1g} along a random direction"
        )

    def _counted(self, point: VectorPoint) -> Iterator[str]:
        count = point.wrong_rows.size
        if point.value.size > 1 and count:
            yield f"{count:,} of {point.value.size:,} rows are wrong at {point.name}"

    def _row(self, number: int) -> str:
        if self.subject.hessian:
            return f"row {self._column(number)}"
        return f"{self.subject.row} {number}"

    def _rows(self, cause: VectorCause) -> str:
        return _listed([self._row(number) for number in cause.rows])

    def _column(self, number: int) -> str:
        return entry_name(self.auditor.blocks, number, default="x")

    def _columns(self, cause: VectorCause) -> str:
        return _listed([self._column(number) for number in cause.columns])

    def _block(self, cause: VectorCause) -> str | None:
        names = [self.auditor.blocks[number].name for number in cause.blocks]
        return names[0] if len(names) == 1 else None

    def _data(self, cause: VectorCause) -> dict[str, Any]:
        data: dict[str, Any] = {"cause": cause.kind}
        if cause.factor is not None:
            data["missing" if cause.kind == "diagonal" else "factor"] = cause.factor
            data["factor_name"] = self._factor_name(cause)
        if len(cause.rows) == 1:
            data["row"] = cause.rows[0]
        if len(cause.columns) == 1:
            data["column"] = cause.columns[0]
        data |= {"rows": cause.rows} if len(cause.rows) > 1 else {}
        data |= {"columns": cause.columns} if len(cause.columns) > 1 else {}
        if cause.factors and cause.factor is None:
            data["factors"] = cause.factors
        if cause.entries:
            data["indices"] = cause.entries
            if len(cause.entries) == 1:
                data["row"], data["column"] = cause.entries[0]
        data["blocks"] = tuple(self.auditor.blocks[number].name for number in cause.blocks)
        return data

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


_READ: Final = {
    "ignored-argument": "its values do not depend on its argument",
    "late-binding": "a loop variable is read when the function is called, after the loop",
    "misbound-partial": "functools.partial binds the parameter vector itself",
    "integer-truncation": "parameters are cut to integers on the way",
}
_READ_HELP: Final = {
    "late-binding": "bind the value now, as a default: lambda x, i=i: ...",
    "misbound-partial": "bind the data by keyword, and leave the parameters free",
    "integer-truncation": "keep the parameters in floating point",
}
_NAMED: Final = frozenset(
    {
        "zero",
        "scale",
        "transposed",
        "diagonal",
        "triangle",
        "row-order",
        "column-order",
        "swapped-rows",
        "swapped-columns",
        "row-scale",
        "column-scale",
        "log-parameter",
    }
)
_FROZEN_HELP: Final = "compute it from the argument, not from a captured start"
_HELP: Final = {
    "zero": "see whether the entries are ever written",
    "scale": "look for this factor in the lines that compute it",
    "transposed": "swap the indices, or return its transpose",
    "diagonal": "add the second derivative of the penalty",
    "triangle": "fill both triangles: H + H.T - np.diag(np.diag(H))",
    "row-order": "put the rows in the order of the values",
    "column-order": "put the columns in the order of the parameters",
    "swapped-rows": "exchange them",
    "swapped-columns": "exchange them, or see how the parameters are unpacked",
    "rows": "compare how this row is computed with the others",
    "row-scale": "look for weights that only one of the two has",
    "columns": "compare how this column is computed with the others",
    "column-scale": "look for a transformation of the parameters that only one of the two has",
    "log-parameter": "divide by the parameter, or let it be its logarithm in both",
    "entries": "compare how these entries are computed with their neighbours",
}


def _is_marked(cause: VectorCause) -> bool:
    """Tell whether single entries or lines are off by more than differences would leave."""
    entries = zip(cause.returned, cause.right, strict=True)
    return any(abs(a - b) > 1e-3 * max(abs(a), abs(b)) for a, b in entries) or any(
        abs(factor - 1.0) > 1e-3 for factor in cause.factors
    )


def _ignored_help(suspicion: Suspicion | None) -> str:
    if suspicion is not None and suspicion.used_instead and suspicion.parameter:
        return f"compute from {suspicion.parameter}, not from {suspicion.used_instead}"
    return "compute the values from the argument; a captured value may stand in for it"


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


def _tuple(args: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", args) if isinstance(args, tuple) else (args,)


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    ranks = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(findings, key=lambda f: ranks[f.level]))


def _overall(verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> Verdict:
    if Verdict.FAIL in verdicts or any(f.level == "error" for f in findings):
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.PASS


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Keep one finding of several that name the same line for the same reason."""
    kept: dict[Any, Finding] = {}
    for finding in findings:
        place = finding.location
        shared = finding.slug == "late-binding" and place is not None
        key = (finding.slug, place.path, place.line) if shared and place else id(finding)
        kept.setdefault(key, finding)
    return list(kept.values())


# constraints that are alike


def _alike(constraints: Sequence[Constraint], points: Points) -> Iterator[Finding]:
    """Report constraints made by the same code that have equal values everywhere."""
    groups: dict[Any, list[Constraint]] = {}
    for constraint in constraints:
        function = python_function(constraint.fun)
        values = _values_at(constraint, points)
        if function is not None and values is not None:
            groups.setdefault((function.__code__, values), []).append(constraint)
    for (code, _), members in groups.items():
        if len(members) > 1:
            yield _identical(members, code, points)


def _values_at(constraint: Constraint, points: Points) -> bytes | None:
    found: list[bytes] = []
    for number, (_, theta) in enumerate(points[:2]):
        shift = np.random.default_rng(number).uniform(0.01, 0.02, theta.size)
        try:
            value = constraint.fun(theta + shift * (np.abs(theta) + 1.0), *_tuple(constraint.args))
            found.append(np.asarray(value, dtype=np.float64).tobytes())
        except Exception:  # a constraint may be undefined at a random point
            return None
    return b"|".join(found)


def _identical(members: Sequence[Constraint], code: Any, points: Points) -> Finding:
    theta = np.array(points[0][1], dtype=np.float64)
    readings = read_callable(members[0].fun, theta, _tuple(members[0].args))
    late = next((s for s in readings if s.slug == "late-binding"), None)
    numbers = tuple(c.number for c in members)
    names = _listed([str(number) for number in numbers])
    note = f"constraints {names} have equal values at {min(2, len(points))} random points"
    data = {"constraint": numbers[0], "constraints": numbers}
    if late is None and not (code.co_freevars and len({id(c.fun) for c in members}) > 1):
        return Finding(
            slug="degenerate-constraints",
            level="warning",
            message=f"constraints {names} are the same",
            notes=(note,),
            help="leave all but one of them out",
            location=as_shown(locate_callable(members[0].fun)),
            data=data,
        )
    location = late.location if late is not None else locate_callable(members[0].fun)
    variable = late.used_instead if late is not None and late.used_instead else code.co_freevars[0]
    return Finding(
        slug="late-binding",
        level="error",
        message=f"constraints {names} are the same: they share the loop variable {variable!r}",
        notes=(note, *(() if late is None else (late.note,))),
        help=f"bind the value now, as a default: lambda x, {variable}={variable}: ...",
        location=as_shown(location),
        replacement=None if late is None else late.replacement,
        data=data | {"used_instead": variable},
    )


# without a gradient


def _audit_second_differences(
    subject: _Subject,
    cost: Callable[..., Any],
    hess: Callable[..., Any],
    points: Points,
    args: tuple[Any, ...],
    budget: int | None,
    rng: Any,
    bounds: tuple[Vector | None, Vector | None],
    blocks: Sequence[Block],
) -> VectorAudit:
    """Check a Hessian along directions against second differences of the cost."""
    calls = VectorCalls(cost, hess, args=args, budget=budget, names=("the cost", subject.what))
    auditor = VectorAuditor(
        calls, np.random.default_rng(rng), blocks=blocks, lower=bounds[0], upper=bounds[1]
    )
    stopped, findings = "", list[Finding]()
    seen = False
    try:
        found = audit_curvature(auditor, points)
        seen = found.seen
        if found.wrong:
            worst = found.wrong[0]
            factor = found.factor
            message = "is not the second derivative of the cost"
            if factor is not None:
                message = (
                    "has the opposite sign"
                    if abs(factor + 1.0) < 1e-4
                    else f"is {factor:.6g} times the right one"
                )
            level: Level = "error"
            if factor is None and found.semidefinite:
                level = "warning"
            findings.append(
                Finding(
                    slug=subject.slug,
                    level=level,
                    message=f"{subject.what} {message}",
                    notes=(
                        f"v'Hv at {worst.name}: returned {worst.promised:.8g}, measured "
                        f"{worst.measured:.8g} +- {worst.bar:.1g} along a random direction",
                    ),
                    help=_HELP["scale"] if factor is not None else "",
                    location=as_shown(locate_callable(hess)),
                    data={} if factor is None else {"factor": factor},
                )
            )
    except (BudgetExhausted, EvaluationError) as error:
        stopped = str(error)
    except BadReturn as error:
        findings.append(
            Finding(
                slug="wrong-shape",
                level="error",
                message=str(error),
                location=as_shown(locate_callable(hess)),
                data={"unusable": True},
            )
        )
    verdict = _overall([Verdict.PASS if seen and not stopped else Verdict.INCONCLUSIVE], findings)
    return VectorAudit(
        findings=_ordered(findings), evaluations=calls.calls, verdict=verdict, stopped=stopped
    )
