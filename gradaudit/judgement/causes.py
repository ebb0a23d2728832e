"""Put the mistakes into words: one finding for each cause, whatever the number of blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from gradaudit.blocks import Block
from gradaudit.catalogue import RECORDS
from gradaudit.evidence.cause import Cause
from gradaudit.evidence.describe import Description
from gradaudit.evidence.gradient import Projection
from gradaudit.judgement.record import Record
from gradaudit.results import Finding

# Two numbers are the same when they agree to this, relative.
_SAME: Final = 1e-6

# Below this many bars a hypothesis is not put to the test.
_COARSE: Final = 20.0

Member = tuple[int, Description]


def name_causes(record: Record, failing: Mapping[int, Sequence[Description]]) -> list[Finding]:
    """Return one finding for each cause: blocks that share it share the finding."""
    groups: list[tuple[str, float, str, list[Member]]] = []
    for number, descriptions in failing.items():
        if not descriptions:
            continue
        slug, value, detail = _identity(record, number, descriptions[0])
        for known, other, text, members in groups:
            if known == slug and text == detail and _same(value, other):
                members.append((number, descriptions[0]))
                break
        else:
            groups.append((slug, value, detail, [(number, descriptions[0])]))
    return [_finding(record, slug, members) for slug, _, _, members in groups]


def _same(value: float, other: float) -> bool:
    return value == other or abs(value - other) <= _SAME * max(abs(value), abs(other))


def _identity(record: Record, number: int, description: Description) -> tuple[str, float, str]:
    """Return what tells one cause from another: slug, number, detail."""
    block = record.blocks[number]
    if description.cause is None and description.point.zero_blocks[number]:
        return "zero-gradient", 0.0, ""
    factor, cause = description.factor, description.cause
    if factor is not None and math.isfinite(factor.uncertainty):
        near = abs(factor.value + 1.0) <= factor.uncertainty + _SAME
        return ("wrong-sign", -1.0, "") if near else ("wrong-scale", factor.value, "")
    if cause is not None:
        return _cause_identity(record, block, cause)
    located = description.located
    if located is not None and located.slice is not None:
        last = located.slice.axis != 0
        return ("wrong-column" if last else "wrong-row"), float(number), ""
    if _few_entries(block, description):
        return "wrong-entries", float(number), ""
    return "wrong-gradient", 0.0, ""


def _cause_identity(record: Record, block: Block, cause: Cause) -> tuple[str, float, str]:
    if cause.slug == "missing-penalty" and cause.penalty is not None:
        return penalty_slug(record, block, cause.penalty), cause.penalty, cause.detail
    if cause.slug == "wrong-scale" and cause.penalty is None and cause.factor is not None:
        near = abs(cause.factor + 1.0) <= 1e-5
        return ("wrong-sign", -1.0, "") if near else ("wrong-scale", cause.factor, "")
    if cause.slug == "wrong-scale":
        return "wrong-scale", cause.factor or 0.0, f"and a penalty {cause.penalty or 0.0:.3g}"
    if cause.slug == "transposed-block" and _reads_fortran(record):
        return "wrong-memory-order", cause.factor or 1.0, ""
    if cause.slug == "swapped-blocks":
        return cause.slug, cause.factor or 1.0, str(cause.blocks)
    return cause.slug, cause.factor or 1.0, cause.detail


def _reads_fortran(record: Record) -> bool:
    """Tell whether the user's code speaks of Fortran order at all."""
    return record.mentions_fortran


def penalty_slug(record: Record, block: Block, strength: float) -> str:
    """Tell a penalty that is missing from one that is wrong or too much.

    What the right gradient has more than the returned one is missing, unless it is only a part
    of a strength that the problem names. What it has less is too much of a penalty on weights,
    and one that does not belong there on biases.
    """
    names = [value for value in record.numbers.values() if 0.0 < abs(value) < 1e6]
    if strength < 0.0:
        return "extra-penalty" if len(block.shape) < 2 else "wrong-penalty"
    part = any(
        _same(strength, share * value)
        for value in names
        for share in (0.5, *(1.0 - 1.0 / m for m in record.sizes.values() if m > 1))
        if value not in (0.5, 1.0, 2.0)
    )
    whole = any(_same(strength, share * value) for value in names for share in (1.0, 2.0))
    return "wrong-penalty" if part and not whole else "missing-penalty"


def _few_entries(block: Block, description: Description) -> bool:
    located = description.located
    return (
        located is not None
        and not located.dense
        and (located.finished or description.projections[0].kind == "lone")
        and len(located.entries) > 0
        and (3 * len(located.entries) <= block.size or len(located.entries) == 1 < block.size)
    )


def _finding(record: Record, slug: str, members: list[Member]) -> Finding:
    names = [record.blocks[number].name for number, _ in members]
    first = members[0][1]
    data: dict[str, Any] = {"blocks": tuple(names)}
    message, notes = _wording(record, slug, members, data)
    evidence = [_strength(record, number, description) for number, description in members[:6]]
    return Finding(
        slug=slug,
        level=RECORDS[slug].level,
        message=f"{listed(names)}: {message}",
        notes=(*notes, *evidence),
        help=_advice(slug, first, record),
        block=names[0],
        data=data,
    )


def _wording(
    record: Record, slug: str, members: list[Member], data: dict[str, Any]
) -> tuple[str, list[str]]:
    """Return the fact and its numbers; fill in the data for programs."""
    first = members[0][1]
    cause, notes = first.cause, list[str]()
    if slug in ("wrong-scale", "wrong-sign", "zero-gradient"):
        return _scaled(record, slug, first, data), _scale_notes(first, data)
    if slug in ("wrong-entries", "wrong-row", "wrong-column"):
        return _placed(record, slug, members, data)
    if cause is None:
        number = first.block
        matrix = number is not None and len(record.blocks[number].shape) > 1
        said = _ruled_out(first, matrix=matrix)
        return "the gradient is not the derivative of the cost", said
    known = False
    if cause.penalty is not None:
        data["penalty"] = abs(cause.penalty)
        name = name_number(abs(cause.penalty), record.numbers)
        known = bool(name)
        if name:
            notes.append(f"{abs(cause.penalty):.6g} = {name}")
    if cause.factor is not None:
        data["factor"] = cause.factor
    if cause.shift is not None:
        data["shift"] = cause.shift
    if cause.blocks:
        data["blocks"] = tuple(record.blocks[n].name for n in cause.blocks)
    if slug in _ALIKE:
        notes.append(_ALIKE[slug])
    if slug == "swapped-blocks" and len(members) > 1:
        return "each holds the gradient of the other", notes
    return _cause_text(slug, cause, known=known), notes


_PENALISED: Final = {"": "theta", "L1": "sign(theta)"}
# What explains the same numbers equally well, and how to tell.
_ALIKE: Final = {
    "transposed-block": "flattened in Fortran order it would hold the same numbers; only the code "
    "can tell the two apart",
    "wrong-memory-order": "a transposed gradient would hold the same numbers; the code speaks of "
    "Fortran order, hence the name",
    "extra-penalty": "a penalty of the cost taken too strongly would give the same numbers",
    "wrong-penalty": "a penalty that one of the two lacks altogether would give the same numbers",
    "missing-penalty": "one that is there, but weaker by this much, would give the same numbers",
}


def _cause_text(slug: str, cause: Cause, *, known: bool) -> str:
    strength = abs(cause.penalty or 0.0)
    term = _PENALISED.get(cause.detail, f"theta ({cause.detail})")
    part = "" if known else ", or too weak by that"
    also = "" if cause.factor is None else f", and {cause.factor:.7g} times the right one"
    texts = {
        "missing-penalty": f"the penalty's derivative {strength:.7g} * {term} is missing{part}",
        "wrong-penalty": f"the penalty's derivative is off by {strength:.7g} * {term}",
        "extra-penalty": f"the gradient holds {strength:.7g} * {term}, which the cost does not",
        "transposed-block": f"the gradient is transposed ({cause.detail}){also}",
        "wrong-memory-order": f"the gradient is flattened in the other memory order{also}",
        "shifted-block": f"{_moved(cause.detail)}{also}",
        "swapped-blocks": f"{cause.detail}{also}",
        "block-order": f"the gradient is {cause.detail}",
        "log-parameter": f"the derivative is with respect to log(theta){also}",
        "row-scale": f"each row is off by a factor of its own; {cause.detail}",
        "column-scale": f"each column is off by a factor of its own; {cause.detail}",
        "fun-jac-mismatch": "the gradient is that of another function than this cost",
        "wrong-gradient": f"the gradient is the right one {cause.detail}",
    }
    return texts.get(slug, "the gradient is not the derivative of the cost")


def _moved(detail: str) -> str:
    if detail.startswith("shifted"):
        return f"the entries of the gradient are {detail}"
    return f"the gradient has its {detail}"


def _scaled(record: Record, slug: str, first: Description, data: dict[str, Any]) -> str:
    if slug == "zero-gradient":
        data["factor"] = 0.0
        return "the gradient is zero where the cost has a slope"
    factor = _factor_of(first)
    data["factor"] = factor
    if slug == "wrong-sign":
        return "the gradient has the opposite sign"
    data["factor_name"] = name_factor(factor, record.sizes)
    cause = first.cause
    if first.factor is None and cause is not None and cause.penalty is not None:
        # the right gradient is returned / factor + penalty * theta
        data["penalty"] = cause.penalty
        return (
            f"the right gradient is the returned one over {factor:.7g}, "
            f"{'plus' if cause.penalty > 0 else 'minus'} {abs(cause.penalty):.7g} * theta"
        )
    return f"the returned gradient is {factor:.7g} times the right one"


def _factor_of(description: Description) -> float:
    if description.factor is not None:
        return description.factor.value
    cause = description.cause
    return cause.factor if cause is not None and cause.factor is not None else 1.0


def _scale_notes(first: Description, data: dict[str, Any]) -> list[str]:
    name = data.get("factor_name")
    return [f"{_factor_of(first):.6g} = {name}"] if name else []


def _placed(
    record: Record, slug: str, members: list[Member], data: dict[str, Any]
) -> tuple[str, list[str]]:
    number, first = members[0]
    located = first.located
    assert located is not None  # the slug says so
    if located.slice is not None:
        index = located.slice.index
        data["row" if slug == "wrong-row" else "column"] = index
        what = "row" if slug == "wrong-row" else "column"
        factor = located.slice.factor
        if factor is None:
            return f"{what} {index} is wrong, the rest is right", []
        data["factor"] = factor.value
        return f"{what} {index} is {factor.value:.7g} times the right one, the rest is right", []
    indices = _indices(record, members)
    data["indices"] = indices
    shown = ", ".join(f"[{', '.join(map(str, index))}]" for index in indices[:5])
    more = f" and {len(indices) - 5} more" if len(indices) > 5 else ""
    text = f"{_count(len(indices), 'entry is', 'entries are')} wrong: {shown}{more}"
    return text, [_entry_note(record, number, p) for p in located.entries[:5]]


def _entry_note(record: Record, number: int, projection: Projection) -> str:
    block = record.blocks[number]
    assert projection.entry is not None  # entries only
    index = ", ".join(map(str, entry_position(block, projection.entry)))
    weight = projection.lightest[0]
    analytic, numeric = projection.analytic / weight, projection.slope.value / weight
    ratio = f", ratio {analytic / numeric:.6g}" if numeric else ""
    return f"{block.name}[{index}]: returned {analytic:.8g}, right {numeric:.8g}{ratio}"


def entry_position(block: Block, flat_index: int) -> tuple[int, ...]:
    """Return the index within a block of an entry of the flat vector."""
    if block.contiguous:
        return block.position(flat_index - block.start)
    return block.position(int(np.flatnonzero(block.selector() == flat_index)[0]))


def _indices(record: Record, members: Sequence[Member]) -> tuple[tuple[int, ...], ...]:
    found: list[tuple[int, ...]] = []
    for number, description in members:
        located = description.located.entries if description.located else ()
        found += [
            entry_position(record.blocks[number], projection.entry)
            for projection in (*located, *description.projections)
            if projection.entry is not None and projection.significant
        ]
    return tuple(dict.fromkeys(found))


def _ruled_out(description: Description, *, matrix: bool) -> list[str]:
    if not description.observations:
        return []
    if all(abs(p.residual) < _COARSE * p.bar for p in description.projections):
        return ["the cost is too noisy to tell which mistake it is"]
    turned = "transposed, " if matrix else ""  # a block of unknown shape may be a matrix
    return [
        f"ruled out: a constant factor, a penalty, {turned}shifted or exchanged entries, a "
        "derivative with respect to a transform of theta"
    ]


def _strength(record: Record, number: int, description: Description) -> str:
    strongest = max(
        description.projections, key=lambda p: abs(p.residual) / p.bar if p.bar else math.inf
    )
    name = record.blocks[number].name
    what = "in one entry" if strongest.entry is not None else "along a random direction"
    return (
        f"{name} at {description.point.name}: returned {strongest.analytic:.8g}, measured "
        f"{strongest.slope.value:.8g} +- {strongest.bar:.1g} {what}"
    )


def _advice(slug: str, description: Description, record: Record) -> str:
    if slug == "wrong-scale":
        name = name_factor(_factor_of(description), record.sizes) or ""
        if name.startswith("1/"):
            return f"look for a mean, or a division by {name[2:].split()[0]}, where a sum is right"
        return "look for this factor in the lines that compute the block"
    return {
        "wrong-sign": "change the sign, or the order of a difference",
        "zero-gradient": "see whether the block's part is ever written to the gradient",
        "wrong-entries": "compare how these entries are computed with their neighbours",
        "wrong-row": "see what is special about this row: an index, a boundary, a mask",
        "wrong-column": "see what is special about this column: an index, a boundary, a mask",
        "missing-penalty": "add the derivative of the penalty to this block's gradient",
        "extra-penalty": "leave it out of the gradient, or penalise the block in the cost too",
        "wrong-penalty": "compare the strength, and any division, in cost and gradient",
        "transposed-block": "swap the factors of the product, or transpose before flattening",
        "wrong-memory-order": "flatten and reshape in the same order",
        "swapped-blocks": "exchange them where the gradient is packed",
        "block-order": "pack the gradient in the order in which theta is unpacked",
        "shifted-block": "look for an index that is off by one, or a reversed loop",
        "log-parameter": "divide by theta, or let the parameter be log(theta) in the cost too",
        "row-scale": "look for a mean over the wrong axis, or a missing factor for each row",
        "column-scale": "look for a mean over the wrong axis, or a missing factor for each column",
        "fun-jac-mismatch": "see whether cost and gradient get the same data and settings",
    }.get(slug, "")


def somewhere(record: Record, descriptions: Sequence[Description]) -> list[Finding]:
    """Report what shows only along directions through all blocks."""
    found: list[Finding] = []
    names = tuple(block.name for block in record.blocks)
    for description in descriptions:
        if description.block is not None:
            continue
        strongest, factor = description.projections[0], description.factor
        data: dict[str, Any] = {"blocks": names}
        message = "the gradient is not the derivative of the cost"
        if factor is not None:
            data |= {
                "factor": factor.value,
                "factor_name": name_factor(factor.value, record.sizes),
            }
            times = f"{factor.value:.7g} times the right one"
            message = f"{listed(names)}: the returned gradient is {times}"
        found.append(
            Finding(
                slug="wrong-gradient" if factor is None else "wrong-scale",
                level="error",
                message=message,
                notes=(
                    f"along a direction through all blocks at {description.point.name}: returned "
                    f"{strongest.analytic:.8g}, measured {strongest.slope.value:.8g} "
                    f"+- {strongest.bar:.1g}",
                    "no single block shows it alone",
                ),
                data=data,
            )
        )
    return found


def name_factor(factor: float, sizes: Mapping[str, int]) -> str | None:
    """Name a factor by the numbers of the user's own code: ``1/m with m = 5``."""
    simple = {
        2.0: "2",
        0.5: "1/2",
        -2.0: "-2",
        -0.5: "-1/2",
        math.pi / 180: "pi/180",
        180 / math.pi: "180/pi",
    }
    for value, name in simple.items():
        if _same(factor, value):
            same = [n for n, size in sizes.items() if size == 2 and value in (2.0, 0.5)]
            return name if not same else f"{name} (also {same[0]} = 2)"
    for pattern, scale in _PATTERNS:
        for name, size in sizes.items():
            if size > 1 and _same(abs(factor), scale(float(size))):
                sign = "-" if factor < 0 else ""
                return f"{sign}{pattern.format(name)} with {name} = {size}"
    return None


_PATTERNS: Final[tuple[tuple[str, Callable[[float], float]], ...]] = (
    ("1/{0}", lambda m: 1.0 / m),
    ("{0}", lambda m: m),
    ("1/(2 {0})", lambda m: 0.5 / m),
    ("2/{0}", lambda m: 2.0 / m),
    ("2 {0}", lambda m: 2.0 * m),
    ("{0} - 1", lambda m: m - 1.0),
    ("1/({0} - 1)", lambda m: 1.0 / (m - 1.0)),
    ("({0} - 1)/{0}", lambda m: (m - 1.0) / m),
    ("{0}/({0} - 1)", lambda m: m / (m - 1.0)),
)


def name_number(value: float, numbers: Mapping[str, float]) -> str | None:
    """Name a number by those of the user's own problem."""
    for pattern, scale in (("{0}", 1.0), ("2 {0}", 2.0), ("{0}/2", 0.5)):
        for name, number in numbers.items():
            if number not in (0.0, 1.0, 2.0) and _same(value, scale * abs(number)):
                return pattern.format(name)
    return None


def listed(names: Sequence[str]) -> str:
    """List names in a sentence."""
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more blocks"


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number:,} {singular if number == 1 else plural}"
