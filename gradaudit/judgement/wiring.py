"""Judge how a function is wired: GA1xx, and values that are not finite at the start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from gradaudit.catalogue import RECORDS, Level
from gradaudit.evidence.dependence import Dependence, Stairs
from gradaudit.evidence.protocol import REPEATABLE, Protocol
from gradaudit.judgement.record import Record
from gradaudit.problem import Problem, entry_name
from gradaudit.results import Finding
from gradaudit.source.closures import Suspicion
from gradaudit.source.locations import as_shown

# Beyond this part of its terms, the change of the cost is not the linear one that a constant
# gradient would explain.
_CURVED: Final = 1e-6


def judge_wiring(record: Record, problem: Problem) -> list[Finding]:
    """Return what the protocol, the dependence and the source have to say."""
    findings = list(_from_protocol(record, problem)) if record.protocol else []
    constant = record.dependence is not None and record.dependence.constant
    if constant:
        findings.append(_ignored(record))
        findings += _gradient_ignores_too(record, problem)
    if record.stairs is not None:
        findings.append(_stairs(record, record.stairs))
    late = [s for s in record.suspicions if s.slug == "late-binding"]
    return findings + [_from_reading(suspicion) for suspicion in late]


def judge_misbound(record: Record) -> list[Finding]:
    """Report a partial that binds the start where the parameters belong, once it explains a fault.

    A partial may rightly bind a vector equal to the start, as an anchor: only a gradient that is
    wrong, or a cost that does not move, tells.
    """
    found = next((s for s in record.suspicions if s.slug == "misbound-partial"), None)
    if found is None or not found.equal_to_start or not record.descriptions:
        return []
    return [_from_reading(replace(found, certain=True))]


def _stairs(record: Record, stairs: Stairs) -> Finding:
    reading = next((s for s in record.suspicions if s.slug == "integer-truncation"), None)
    where = (
        f"unchanged to the last bit at steps up to {stairs.plateau:g} of the parameters' size, "
        if stairs.plateau
        else "x0 lies on the edge of a stair; "
    )
    note = f"{where}then it jumps by {stairs.jump:.3g}"
    if stairs.whole or reading is not None:
        finding = _finding(
            "integer-truncation",
            "parameters are cut to integers on the way",
            note,
            "the gradient was not judged: between whole numbers the cost has no slope",
            help="keep the parameters in floating point",
        )
        if reading is None:
            return finding
        return replace(
            finding,
            notes=(reading.note, *finding.notes),
            location=as_shown(reading.location),
            replacement=reading.replacement,
        )
    return _finding(
        "piecewise-constant",
        "the cost moves in steps only",
        note,
        "the gradient was not judged: where the cost is flat its derivative is zero",
        help="take out the rounding, or the cache that is keyed on rounded parameters",
    )


def judge_unreadable(record: Record, error: BaseException) -> list[Finding]:
    """Return what the source explains when the function cannot even be called at x0."""
    if not isinstance(error, TypeError):
        return []
    return [
        _from_reading(suspicion, f"calling it at x0 raised: {error}")
        for suspicion in record.suspicions
        if suspicion.certain
        and (suspicion.slug == "misbound-partial" or suspicion.reason == "no-parameter")
    ]


def ends_audit(findings: Sequence[Finding]) -> bool:
    """Tell whether the gradient cannot be judged before these findings are dealt with."""
    fatal = {"ignored-argument", "non-finite", "misbound-partial", "jac-flag", "integer-truncation"}
    return any(
        (f.slug in fatal and f.level == "error")
        or f.slug == "piecewise-constant"
        or (f.slug == "wrong-shape" and f.data.get("unusable"))
        for f in findings
    )


def _finding(
    slug: str, message: str, *notes: str, help: str = "", level: Level | None = None, **data: object
) -> Finding:
    return Finding(
        slug=slug,
        level=level or RECORDS[slug].level,
        message=message,
        notes=notes,
        help=help,
        data=dict(data),
    )


def _from_protocol(record: Record, problem: Problem) -> Iterator[Finding]:
    protocol = record.protocol
    assert protocol is not None  # the caller asked
    yield from _non_finite(protocol, problem)
    yield from _shapes(protocol)
    if protocol.mutated:
        names = [entry_name(record.blocks, i) for i in protocol.mutated[:3]]
        count = len(protocol.mutated)
        yield _finding(
            "mutated-argument",
            f"{record.function} overwrites the array it is given",
            f"{count:,}{' or more' if count == 1000 else ''} of {problem.size:,} entries changed "
            f"during one call, {', '.join(names)} first",
            help="work on a copy: x = np.array(x) at the top, or x = x - ... for x -= ...",
            indices=tuple(protocol.mutated),
        )
    yield from _memory(record, protocol)
    yield from _repetition(record, protocol)


def _non_finite(protocol: Protocol, problem: Problem) -> Iterator[Finding]:
    first = protocol.first
    if not np.isfinite(first.cost):
        yield _finding(
            "non-finite",
            f"the cost is {first.cost} at x0",
            help="start where the cost is finite; look for log(0), 0/0 or an overflow in exp",
        )
    bad = np.flatnonzero(~np.isfinite(first.gradient))
    if bad.size:
        index = int(bad[0])
        leaves = problem.layout.blocks if problem.layout else problem.structure.leaves
        yield _finding(
            "non-finite",
            f"the gradient is {first.gradient[index]} in {entry_name(leaves, index)} at x0",
            f"{bad.size:,} of {problem.size:,} entries are not finite",
            indices=(index,),
        )


def judge_away(record: Record) -> Iterator[Finding]:
    """Report what showed only at the further points, or in the table."""
    for name, index in record.non_finite.items():
        yield _finding(
            "non-finite",
            f"the gradient is not finite in {entry_name(record.blocks, index)} at {name}, "
            "where the cost is",
            "that point was not used",
            help="look for 0/0, log(0) or an overflow in the lines that compute the gradient",
            level="warning",
            indices=(index,),
        )
    if record.skipped:
        yield _finding(
            "domain-edge",
            f"{' and '.join(record.skipped)} could not be used: away from x0 the cost "
            + (
                "is not finite, or far higher"
                if record.raised is None
                else f"raised {type(record.raised).__name__}: {record.raised}"
            ),
        )
    protocol = record.protocol
    if protocol is None:
        return
    dtype = protocol.first.gradient_dtype
    wrong = any(d.block is not None for d in record.descriptions)
    whole = wrong and _rounded_to_whole(record)
    if dtype.startswith(("int", "uint", "bool")) or whole:
        yield _finding(
            "integer-truncation",
            "the gradient is returned in whole numbers",
            f"its dtype is {dtype}"
            if not whole
            else "every entry is a whole number at every point",
            help="keep it in floating point" if wrong else "",
            level="error" if wrong else "note",
        )
    elif dtype in ("float32", "float16") and all(
        point.noise.precision == "float64" for point in record.points
    ):
        yield _finding("low-precision", f"the gradient is returned in {dtype}", level="note")


def _rounded_to_whole(record: Record) -> bool:
    """Tell whether every wrong entry that was measured is the measured slope, cut or rounded."""
    if not all(point.whole_numbers for point in record.points):
        return False
    entries = [
        p
        for d in record.descriptions
        for p in (*d.projections, *(d.located.entries if d.located else ()))
        if p.entry is not None
    ]
    pairs = [(p.analytic / p.lightest[0], p.slope.value / p.lightest[0]) for p in entries]
    return bool(pairs) and all(abs(a - v) < 1.0 for a, v in pairs)


def _shapes(protocol: Protocol) -> Iterator[Finding]:
    if protocol.first.misshapen:
        yield _finding(
            "wrong-shape",
            protocol.first.misshapen,
            "BFGS, CG and SLSQP raise on it, or broadcast it in silence",
            help="return it with the parameters' shape: gradient.reshape(x.shape)",
        )


def _grows(protocol: Protocol) -> bool:
    """Tell whether the gradient alone grows: where the cost drifts as well, the data do."""
    steady = protocol.cost_spread <= REPEATABLE * abs(protocol.first.cost)
    return bool(protocol.drift) and steady


def _memory(record: Record, protocol: Protocol) -> Iterator[Finding]:
    if protocol.changed_data and not _grows(protocol):
        harmful = not protocol.repeatable
        if harmful or protocol.changed_args:
            yield _finding(
                "mutated-data",
                f"{record.function} overwrites its data: {', '.join(protocol.changed_data)}",
                "its content differs after a call"
                + ("; the next call gave another value" if harmful else ""),
                help="work on a copy of it: data = data - data.mean(), not data -= data.mean()",
                level="error" if harmful else "note",
                changes="cost" if protocol.cost_spread > 0.0 else "gradient",
            )
    if protocol.aliased and not _grows(protocol) and not protocol.mutated:
        yield _finding(
            "aliased-buffer",
            "the gradient returned by one call is overwritten by the next",
            "the array returned at x0 held other values after a call at a point nearby",
            help="return a fresh array, or gradient.copy(): BFGS and CG keep what they are given",
        )


def _repetition(record: Record, protocol: Protocol) -> Iterator[Finding]:
    first = protocol.first
    if protocol.stale_cost or protocol.stale_gradient:
        yield _stale(protocol)
    if protocol.cost_after_gradient is not None:
        yield _finding(
            "value-mismatch",
            "the cost differs once the gradient has been asked for at the same point",
            f"{first.cost:.10g} before jac was called at x0, "
            f"{protocol.cost_after_gradient:.10g} after",
            help="do not let jac change what fun reads",
        )
    if _grows(protocol):
        yield _finding(
            "accumulated-gradient",
            "the gradient grows by the same amount at each call",
            f"by {protocol.drift:.3g} of its norm from one call at x0 to the next",
            help="start from zero in each call: grad = np.zeros_like(x), or grad[:] = 0",
        )
    elif not (
        protocol.repeatable
        or protocol.mutated
        or protocol.changed_data
        or protocol.stale_gradient
        or protocol.stale_cost
    ):
        yield _nondeterministic(record, protocol)


def _stale(protocol: Protocol) -> Finding:
    if protocol.stale_gradient and not protocol.stale_cost:
        what = "the gradient asked for at one point belongs to another"
        note = "the gradient at x0, after a call elsewhere, is not the gradient at x0"
    else:
        what = "the cost returned for a new point is that of an earlier one"
        note = "one array was handed out twice with other content; the value was the old one"
    return _finding(
        "stale-cache",
        what,
        note,
        help="key the cache on the content: keep a copy of x and compare with np.array_equal",
    )


def _nondeterministic(record: Record, protocol: Protocol) -> Finding:
    first = protocol.first
    notes = [
        f"two calls at x0 differ by {protocol.cost_spread:.2g} in the cost "
        f"({_relative(protocol.cost_spread, first.cost)}) and by {protocol.gradient_spread:.2g} "
        "of the gradient's norm"
    ]
    if protocol.random_state:
        notes.append(f"a call draws from the global state of {' and '.join(protocol.random_state)}")
    return _finding(
        "nondeterministic",
        f"{record.function} gives another value when called again at the same point",
        *notes,
        help="fix the seed inside the function, or draw the random numbers once, outside",
    )


def _relative(spread: float, value: float) -> str:
    return f"{spread / abs(value):.1e} of its value" if value else "its value is 0"


def judge_frozen(record: Record) -> list[Finding]:
    """Report a gradient that never moves, once it is known to be wrong somewhere.

    A linear cost has a constant gradient, and a piecewise linear one nearly so: the cost has to
    bend where the gradient does not, beyond its noise.
    """
    protocol = record.protocol
    if protocol is None or not protocol.gradient_fixed or protocol.zero_gradient:
        return []
    if protocol.moved_cost is None or not record.points or not record.descriptions:
        return []
    if not all(point.same_gradient for point in record.points):
        return []
    change = protocol.moved_cost - protocol.first.cost
    noise = max(point.noise.sigma for point in record.points)
    rounding = REPEATABLE * max(abs(protocol.moved_cost), abs(protocol.first.cost))
    if not abs(protocol.bend) > _CURVED * abs(change) + 4.0 * rounding + 50.0 * noise:
        return []
    frozen = _finding(
        "frozen-gradient",
        "the gradient does not depend on its argument",
        f"it is equal to the last bit at x0, nearby and at {len(record.points) - 1} points "
        f"further away, although the cost bends: over two equal steps it changes by "
        f"{change:.4g} and {change + protocol.bend:.4g}",
        help="compute it from the argument, not from a captured start or an earlier result",
    )
    reading = next((s for s in record.gradient_reading if s.slug == "ignored-argument"), None)
    if reading is None:
        return [frozen]
    return [
        replace(
            frozen,
            notes=(reading.note, *frozen.notes),
            location=as_shown(reading.location),
            replacement=reading.replacement,
        )
    ]


def _ignored(record: Record) -> Finding:
    """Report a constant cost: an error when reading or a non-zero gradient supports it."""
    dependence, protocol = record.dependence, record.protocol
    assert dependence is not None  # the caller asked
    assert protocol is not None  # dependence is asked after the protocol
    misbound = next((s for s in record.suspicions if s.slug == "misbound-partial"), None)
    if misbound is not None:
        return _from_reading(replace(misbound, certain=True), _constant_note(dependence, protocol))
    reading = next((s for s in record.suspicions if s.slug == "ignored-argument"), None)
    read = reading is not None and reading.reason != "read-beside"
    sure = read or not protocol.zero_gradient
    notes = [_constant_note(dependence, protocol)]
    if reading is not None:
        notes.insert(0, reading.note)
    notes.append("the gradient was not judged: a cost that does not move says nothing about it")
    return Finding(
        slug="ignored-argument",
        level="error" if sure else "warning",
        message="the objective ignores its argument",
        notes=tuple(notes),
        help=_ignored_help(reading),
        location=None if reading is None else as_shown(reading.location),
        replacement=None if reading is None else reading.replacement,
        data={} if reading is None else {"used_instead": reading.used_instead},
    )


def _gradient_ignores_too(record: Record, problem: Problem) -> list[Finding]:
    """Report a gradient of its own that never reads its argument either."""
    reading = next((s for s in record.gradient_reading if s.slug == "ignored-argument"), None)
    if reading is None or problem.mode != "apart" or reading.reason == "read-beside":
        return []
    return [
        Finding(
            slug="frozen-gradient",
            level="error",
            message="the gradient ignores its argument as well",
            notes=(reading.note,),
            help=_ignored_help(reading).replace("cost", "gradient"),
            location=as_shown(reading.location),
            replacement=reading.replacement,
            data={"used_instead": reading.used_instead},
        )
    ]


def _constant_note(dependence: Dependence, protocol: Protocol) -> str:
    reaches = ", ".join(f"{reach:g}" for reach in dependence.reaches)
    return (
        f"the cost is {protocol.first.cost:.10g} to the last bit at x0, nearby, and at steps of "
        f"{reaches} times the parameters' size in random directions"
    )


def _ignored_help(reading: Suspicion | None) -> str:
    if reading is None:
        return "compute the cost from the argument; a cached or captured value may stand in for it"
    if reading.used_instead and reading.parameter:
        return f"evaluate the cost at {reading.parameter}, not at {reading.used_instead}"
    return "let the function take the parameters as its first argument and compute from them"


def _from_reading(suspicion: Suspicion, *more: str) -> Finding:
    messages = {
        "ignored-argument": "the objective ignores its argument",
        "late-binding": "a loop variable is read when the function is called, after the loop",
        "misbound-partial": "functools.partial binds the parameter vector itself",
        "integer-truncation": "parameters are cut to integers on the way",
    }
    return Finding(
        slug=suspicion.slug,
        level="error" if suspicion.certain else "warning",
        message=messages[suspicion.slug],
        notes=(suspicion.note, *more),
        help=_reading_help(suspicion),
        location=as_shown(suspicion.location),
        replacement=suspicion.replacement,
        data={"used_instead": suspicion.used_instead},
    )


def _reading_help(suspicion: Suspicion) -> str:
    return {
        "ignored-argument": _ignored_help(suspicion),
        "late-binding": "bind the value now, as a default: lambda x, i=i: ...",
        "misbound-partial": "bind the data by keyword, and leave the parameters free",
        "integer-truncation": "keep the parameters in floating point",
    }[suspicion.slug]
