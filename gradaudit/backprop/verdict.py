"""What a search has learned, told as steps, suspects and a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gradaudit.backprop.instrument import Site
from gradaudit.backprop.knowledge import Fault, Knowledge, covers
from gradaudit.backprop.matching import Match, Standing
from gradaudit.backprop.results import Step, StepVerdict, Suspect, Trace
from gradaudit.backprop.survey import Line
from gradaudit.backprop.tangents import Track, name_of
from gradaudit.results import Evaluations, Report

# how much more one repair must cost than another to be clearly the worse explanation, and how much
# more where its edit is as simple; of 60 mistakes in 12 models, some of which had led to repairs,
# 45 are clear by this measure, and in 2 of them an edit of another line was first
_CLEARLY: Final = 0.35
_AS_SIMPLE: Final = 0.55


def conclude(
    known: Knowledge,
    report: Report,
    *,
    evaluations: Evaluations,
    stopped: str,
    seed: int,
    seconds: float,
    sizes: dict[str, int] | None,
    size: int,
    target: str,
) -> Trace:
    """Make the result of what is known."""
    suspects = _suspects(known)
    confident, confidence = _confidence(known, suspects, stopped)
    return Trace(
        steps=_steps(known, suspects),
        suspects=suspects,
        evaluations=evaluations,
        wrong=_wrong_blocks(known, report),
        confident=confident,
        confidence=confidence,
        summary=_summary(known, suspects),
        stopped=stopped,
        size=size,
        sizes=sizes,
        seed=seed,
        seconds=seconds,
        target=target,
    )


def _suspects(known: Knowledge) -> tuple[Suspect, ...]:
    experiment, seen = known.experiment, known.survey
    if experiment is None or seen is None or not known.points:
        return ()
    found: list[Suspect] = []
    named: set[tuple[str, int]] = set()

    def add(suspect: Suspect) -> None:
        if (suspect.path, suspect.line) not in named:
            named.add((suspect.path, suspect.line))
            found.append(suspect)

    for number, fault in enumerate(known.found, 1):
        add(_as_suspect(known, fault, repairs=True, number=number))
    for fault in known.chain:
        add(_as_suspect(known, fault, repairs=known.complete, number=1))
    if not known.complete:
        for line in _remaining(known):
            add(_unexplained(known, line))
    return tuple(found)


def _as_suspect(known: Knowledge, fault: Fault, *, repairs: bool, number: int) -> Suspect:
    assert known.experiment is not None
    unit = known.experiment.program.units[fault.line.unit]
    together = len(known.chain) > 1 and repairs
    whole = ", with the other corrections, makes" if together else " makes"
    reason = (
        f"this edit{whole} the whole gradient right at two points"
        if repairs
        else f"this edit makes {fault.repair.gained} more entries of the gradient right"
    )
    return Suspect(
        path=unit.path,
        line=fault.repair.edit.line,
        source=fault.source,
        repairs_gradient=repairs,
        suggestion=fault.suggestion,
        edit=fault.repair.edit.kind,
        repair=number,
        reason=reason,
    )


def _remaining(known: Knowledge) -> list[Line]:
    """Return the lines that no edit explains, most suspicious first."""
    assert known.survey is not None
    wrong = known.points[0].wrong(known.survey.outcome.gradient)
    lines = [line for line in known.ordered_lines(wrong) if not known.is_gap(line)]

    def order(line: Line) -> tuple[bool, bool, int, bool, bool, int]:
        statement = line.statement
        return (
            known.tangents is None or not known.tangents.accuses(line),
            statement not in known.clamped or statement not in known.telling,
            {True: 0, None: 1, False: 2}[known.possible.get(statement)],
            statement not in known.telling,
            known.rank(line) == 2,
            line.first_seen,
        )

    covering = [x for x in lines if x.certain and covers(x, wrong)]
    others = [x for x in lines if x not in covering]
    return [*sorted(covering, key=order), *others][:5]


def _unexplained(known: Knowledge, line: Line) -> Suspect:
    assert known.experiment is not None
    unit = known.experiment.program.units[line.unit]
    possible = known.possible.get(line.statement)
    number = line.statement.lineno
    cause = None if known.tangents is None else known.tangents.cause
    reason = "its value is no derivative of anything seen in the forward pass"
    if known.rank(line) == 2:
        reason = "its value feeds all wrong entries"
    if possible:
        reason = "there are values of this line with which the whole gradient is right"
    place = known.clamped.get(line.statement)
    if place is not None:
        reason = f"with the derivative by {_named(place)} in its place the whole gradient is right"
    if cause is not None and cause.track.line is line:
        wanted = describe_tangent(known, cause.track)
        reason = f"with {wanted} in its place the whole gradient is right"
    return Suspect(
        path=unit.path,
        line=number,
        source=unit.lines[number - 1].strip(),
        repairs_gradient=bool(possible),
        reason=reason,
    )


def describe_match(known: Knowledge, match: Match) -> str:
    """Name a value of the forward pass as the source does, with its line."""
    assert known.experiment is not None
    name = _named(known.experiment.sites[match.forward[0]])
    return f"{name}, conjugated" if match.conjugated else name


def _named(site: Site) -> str:
    made = site.role == "value" and site.target not in ("return", "yield")
    return f"{site.target if made else site.text} (line {site.line})"


def describe_tangent(known: Knowledge, track: Track) -> str:
    """Name the derivative of a forward value by a parameter: ``dK / dtheta[3] (line 42)``."""
    assert known.experiment is not None
    site = known.experiment.sites[track.order.site]
    return f"d{name_of(site)} / d{track.parameters} (line {site.line})"


def _steps(known: Knowledge, suspects: Sequence[Suspect]) -> tuple[Step, ...]:
    experiment, seen = known.experiment, known.survey
    if experiment is None or seen is None:
        return ()
    seen, at_first = known.first or (seen, known.standings)
    repaired = known.recognised_at_last()
    accused = {(s.path, s.line) for s in suspects if s.repair == 1}
    if not accused and suspects:
        accused = {(suspects[0].path, suspects[0].line)}
    corrected = {fault.line.statement for fault in (*known.found[:1], *known.chain)}
    steps: list[Step] = []
    for line in seen.lines:
        unit = experiment.program.units[line.unit]
        if not line.certain or (known.is_gap(line) and line.statement not in corrected):
            continue
        standing = at_first.get(line.statement, Standing())
        match = min(standing.matches, key=lambda m: m.factor != 1.0, default=None)
        track = None if known.tangents is None else known.tangents.track_of(line)
        first, last = line.statement.lineno, line.statement.end_lineno or line.statement.lineno
        verdict: StepVerdict = "unknown"
        if any(path == unit.path and first <= number <= last for path, number in accused):
            verdict = "wrong"
        elif match is not None and match.factor == 1.0:
            verdict = "right"
        elif track is not None:
            verdict, match = "right", None
        elif match is not None:
            verdict = "factor"
        elif line.statement in repaired:
            verdict = "follows"
        matches = None if track is None else describe_tangent(known, track)
        targets = [s.target for s in line.sites if s.target]
        steps.append(
            Step(
                path=unit.path,
                line=first,
                source=unit.lines[first - 1].strip(),
                target=targets[0] if targets else "",
                matches=matches if match is None else describe_match(known, match),
                factor=None if match is None else match.factor,
                verdict=verdict,
            )
        )
    return tuple(steps)


def _confidence(known: Knowledge, suspects: Sequence[Suspect], stopped: str) -> tuple[bool, str]:
    if not suspects:
        return True, "the gradient is right"
    costs = [known.cost(fault.repair) for fault in known.found]
    equal = [fault for fault in known.found if _rivals(known, fault)]
    if known.found and not _fits(known, known.found[0]):
        return False, (
            "medium: this edit makes the whole gradient right, but it is an unusual one; "
            "a line near it may be meant"
        )
    if known.found and len(equal) == 1:
        if len(costs) == 1:
            return True, "high: edits of no other line were found to make the gradient right"
        return True, "high: edits of other lines make the gradient right, but explain less"
    if known.found:
        return False, (
            f"medium: edits of {len(equal)} lines make the whole gradient right; "
            "the likeliest comes first"
        )
    if known.chain and known.complete:
        return True, (f"high: {len(known.chain)} edits together make the whole gradient right")
    if known.chain:
        return False, "low: the edits found make part of the gradient right, not all of it"
    if suspects[0].repairs_gradient:
        return False, "medium: no small edit was found, but the right values for this line exist"
    del stopped
    return False, "low: no edit was found that makes the gradient right"


def _rivals(known: Knowledge, fault: Fault) -> bool:
    """Tell whether a repair is about as good an explanation as the first, or is the first."""
    first = known.found[0].repair
    more = known.cost(fault.repair) - known.cost(first)
    simple = fault.repair.edit.weight <= first.edit.weight + 0.2
    return more < (_AS_SIMPLE if simple else _CLEARLY)


def _fits(known: Knowledge, fault: Fault) -> bool:
    """Tell whether an edit undoes a slip of the pen, or makes its line a derivative."""
    edit = fault.repair.edit
    if edit.kind == "factor":
        return edit.weight < 2.0
    return edit.weight < 2.0 or known.is_derivative_after(fault.repair)


def _summary(known: Knowledge, suspects: Sequence[Suspect]) -> str:
    if not known.points:
        return "the gradient is right; no line is suspected"
    if not suspects:
        return "the gradient is wrong, but no line could be named"
    first = suspects[0]
    if len(known.chain) > 1:
        lines = ", ".join(str(s.line) for s in suspects if s.repair == 1)
        return f"lines {lines} are wrong together"
    if not first.repairs_gradient:
        return f"line {first.line} is the most suspicious one; no correction was found to prove it"
    return f"line {first.line} is the first wrong one"


def _wrong_blocks(known: Knowledge, report: Report) -> tuple[str, ...]:
    if not known.points or known.survey is None:
        return ()
    wrong = known.points[0].wrong(known.points[0].outcome.gradient)
    return tuple(
        block.name
        for block in report.blocks
        if bool(wrong[block.start : block.start + block.size].any())
    )
