"""Are the Jacobian, Hessian or constraints that an optimizer was given right?

The same questions as for a gradient: manners first, then products with random directions against
differences with bars, then where and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.catalogue import Level
from gradaudit.errors import BudgetExhausted, EvaluationError
from gradaudit.evaluator import BadReturn
from gradaudit.evidence.curvature import audit_curvature
from gradaudit.evidence.vector import VectorAuditor
from gradaudit.evidence.vector_calls import VectorCalls
from gradaudit.optimizers.call import Constraint
from gradaudit.optimizers.vector_audit import Audit, Points, VectorAudit, ordered
from gradaudit.optimizers.vector_words import HELP, Subject, listed
from gradaudit.results import Finding, Verdict
from gradaudit.source.closures import read_callable
from gradaudit.source.locations import as_shown, locate_callable, python_function

__all__ = [
    "Constraint",
    "Points",
    "VectorAudit",
    "audit_constraints",
    "audit_hessian",
    "audit_hessp",
    "audit_jacobian",
]


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
    subject = Subject(slug=slug, what=what, values=values, row=row, keeps=keeps)
    calls = VectorCalls(
        fun, jac, args=_tuple(args), turned=col_deriv, budget=budget, names=(values, what)
    )
    return Audit(subject, calls, points, rng, blocks, lower, upper).run()


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
    The gradient is believed: check it first. A symmetric, positive semidefinite matrix that is
    not the Hessian, by no mistake with a name, is often meant so (Gauss-Newton, a
    preconditioner): that is a warning, not an error.
    """
    subject = Subject(
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
    return Audit(subject, calls, points, rng, blocks, lower, upper).run()


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
    subject = Subject(
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
    return Audit(subject, calls, points, rng, blocks, lower, upper).run()


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
        findings=ordered(alike + _once(findings)),
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
    subject = Subject(
        slug="wrong-constraint-jacobian",
        what=f"the Jacobian of {name}",
        values=name,
        row="component",
        constraint=constraint.number,
    )
    given: Any = constraint.jac
    jac = given if callable(given) or given is True else None
    args = _tuple(constraint.args)
    calls = VectorCalls(
        constraint.fun, jac, args=args, budget=budget, names=(subject.values, subject.what)
    )
    audits = [Audit(subject, calls, points, rng, blocks, lower, upper).run()]
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
    jac: Any = constraint.jac

    def combined(x: Vector, *args: Any) -> Any:
        jacobian = jac(x, *args)
        if hasattr(jacobian, "toarray"):
            jacobian = jacobian.toarray()
        return np.atleast_2d(np.asarray(jacobian, dtype=np.float64)).T @ weights

    def hessian(x: Vector, *args: Any) -> Any:
        return constraint.hess(x, weights.copy(), *args)

    subject = Subject(
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
    return Audit(
        subject, calls, points, rng, blocks, None, None, source=(constraint.jac, constraint.hess)
    ).run()


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
    names = listed([str(number) for number in numbers])
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


def _tuple(args: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", args) if isinstance(args, tuple) else (args,)


# without a gradient


def _audit_second_differences(
    subject: Subject,
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
                    help=HELP["scale"] if factor is not None else "",
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
        findings=ordered(findings), evaluations=calls.calls, verdict=verdict, stopped=stopped
    )
