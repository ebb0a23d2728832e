"""From what was tried to suspects: the order of the search, and what its results mean."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.edits import Edit
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.matching import (
    Account,
    Derivatives,
    Match,
    Standing,
    account,
    standings,
)
from gradaudit.backprop.reference import Reference, complete_reference
from gradaudit.backprop.repair import Repair, Search
from gradaudit.backprop.results import Step, StepVerdict, Suspect, Trace
from gradaudit.backprop.solving import Solution, solve_for
from gradaudit.backprop.suggestion import corrected_line
from gradaudit.backprop.survey import Line, Survey, survey
from gradaudit.results import Evaluations, Report

# mistakes that are repaired one after the other, at most
_MOST_FAULTS: Final = 6
# lines that are solved for when no edit was found
_MOST_SOLVED: Final = 8
# how much more one repair must cost than another to be the worse explanation
_CLEARLY: Final = 0.35


@dataclass(slots=True, eq=False)
class Fault:
    """One line with the edit that was accepted for it."""

    line: Line
    repair: Repair
    suggestion: str
    source: str


@dataclass(slots=True, eq=False)
class Knowledge:
    """All that a trace has learned so far."""

    points: list[Reference] = field(default_factory=list["Reference"])
    experiment: Experiment | None = None
    survey: Survey | None = None
    derivatives: Derivatives | None = None
    standings: Mapping[ast.stmt, Standing] = field(default_factory=dict["ast.stmt", "Standing"])
    found: list[Fault] = field(default_factory=list["Fault"])
    chain: list[Fault] = field(default_factory=list["Fault"])
    solved: dict[ast.stmt, Solution] = field(default_factory=dict["ast.stmt", "Solution"])
    complete: bool = False
    first: tuple[Survey, Mapping[ast.stmt, Standing]] | None = None
    explained: dict[Edit, Account] = field(default_factory=dict["Edit", Account])

    def rank(self, line: Line) -> int:
        """Tell how suspicious the values of a line are: 0 most, 2 when one is a derivative."""
        standing = self.standings.get(line.statement)
        if standing is None:
            return 1
        if standing.right:
            return 1 if self._repeats(line, standing) else 2
        return 1 if standing.known else 0

    def _repeats(self, line: Line, standing: Standing) -> bool:
        """Tell whether an earlier line is the derivative of the same value already."""
        mine = {match.forward[0] for match in standing.matches}
        return any(
            other.first_seen < line.first_seen
            and self.standings.get(other.statement) is not None
            and mine & {m.forward[0] for m in self.standings[other.statement].matches}
            for other in (self.survey.lines if self.survey else ())
        )

    # -- the search -------------------------------------------------------------------------

    def search(self) -> None:
        """Look for one edit that repairs everything, then for several."""
        experiment, seen = self.experiment, self.survey
        assert experiment is not None
        assert seen is not None
        self.first = seen, self.standings
        search = Search(experiment, seen, self.points)
        self._single(search)
        if not search.found and not self._chained(search):
            self._far_fetched(search)
        if search.found:
            self.found = [self._fault(r) for r in self._ordered(search.found)]
            self.chain.clear()
            self.complete = True
        elif not self.complete:
            self._solve()

    def _single(self, search: Search) -> None:
        """Try one edit: what stands there, then other names, then what may be missing."""
        lines = self.ordered_lines(search.wrong)
        whole = [line for line in lines if line.certain and _covers(line, search.wrong)]
        search.try_factors(whole)
        for line in whole:
            search.try_simple(line)
        if not search.found:
            for line in lines:
                if not line.certain:
                    search.try_simple(line)
                    search.try_names(line)
        for line in self._worth_more(search, whole):
            search.try_names(line)
        for line in self._worth_more(search, whole):
            if line in self._worth_more(search, whole):
                search.try_signs(line)
                search.try_insertions(line)
                search.try_rewrites(line)

    def _far_fetched(self, search: Search) -> None:
        """Try what is left when no plain edit explains anything."""
        for line in self.ordered_lines(search.wrong):
            if line.certain and _covers(line, search.wrong):
                search.try_products(line)
        if not search.found:
            for line in search.survey.neutral:
                search.try_neutral(line)

    def _worth_more(self, search: Search, lines: list[Line]) -> list[Line]:
        """Return the lines that may explain more than the best repair so far does."""
        if not search.found:
            return lines
        best = self._ordered(search.found)[0]
        after = self._after(best)
        own = after.matches.get(best.line.statement)
        broken = self.rank(best.line) == 2 and own is None
        plain = best.edit.weight < 2.0
        if plain and own is not None and own.factor == 1.0 and self.rank(best.line) < 2:
            # a slip of the pen, and the value is a derivative now: look no further than at values
            # before it that still are none
            return [
                line
                for line in lines
                if self.rank(line) == 0
                and line.statement not in after.matches
                and line.first_seen < best.line.first_seen
            ]

        def doubtful(line: Line) -> bool:
            match = after.matches.get(line.statement)
            if match is None:
                return self.rank(line) == 0
            return not plain and (not match.whole or after.repeated(line.statement))

        return [
            line
            for line in lines
            if line is not best.line
            and doubtful(line)
            and (broken or line.first_seen < best.line.first_seen)
        ]

    def _after(self, repair: Repair) -> Account:
        """Return how much of the backward pass is recognised once an edit is made."""
        known = self.explained.get(repair.edit)
        if known is not None:
            return known
        experiment, seen = self.experiment, self.survey
        assert experiment is not None
        assert seen is not None
        assert self.derivatives is not None
        with repair.edit.applied():
            result = experiment.record_edited(self.points[0].theta)
        found = Account()
        if result is not None:
            sites, recording = result
            found = account(sites, experiment.sites, recording, self.derivatives)
            new = repair.edit.new
            if isinstance(new, ast.stmt) and new in found.matches:
                found.matches[repair.line.statement] = found.matches.pop(new)
            mine = {line.statement for line in seen.lines}
            found.matches = {s: m for s, m in found.matches.items() if s in mine}
        self.explained[repair.edit] = found
        return found

    def ordered_lines(self, wrong: NDArray[np.bool_]) -> list[Line]:
        """Return the lines that may be at fault, most suspicious first."""
        assert self.survey is not None
        lines = [x for x in self.survey.lines if not x.certain or bool((x.reach & wrong).any())]
        return sorted(
            lines,
            key=lambda x: (not _covers(x, wrong), self.rank(x), x.first_seen),
        )

    def _ordered(self, repairs: Iterable[Repair]) -> list[Repair]:
        """Return the best repair of each line, the best line first."""
        best: dict[ast.stmt, Repair] = {}
        for repair in repairs:
            other = best.get(repair.line.statement)
            if other is None or _plainness(repair) < _plainness(other):
                best[repair.line.statement] = repair
        return sorted(best.values(), key=lambda r: (self.cost(r), r.line.first_seen))

    def cost(self, repair: Repair) -> float:
        """Weigh a repair: the far-fetched ones, that explain little, cost most."""
        return (
            repair.edit.weight
            + 0.4 * self.rank(repair.line)
            - 0.7 * self._after(repair).worth
            - self._likeness(repair)
        )

    def _likeness(self, repair: Repair) -> float:
        """Weigh how well the corrected statement fits in: like others, or no longer empty."""
        unit = self.experiment.program.units[repair.line.unit] if self.experiment else None
        if unit is None:
            return 0.0
        statement = repair.line.statement
        old = ast.unparse(statement)
        with repair.edit.applied():
            new = repair.edit.new if isinstance(repair.edit.new, ast.stmt) else statement
            shape = _form(new)
            others = {
                _form(s)
                for s in ast.walk(unit.tree)
                if isinstance(s, ast.Assign | ast.AugAssign) and s is not new
            }
        left, _, right = old.partition(" = ")
        return 0.6 * (shape in others) + 1.0 * (left == right)

    def _fault(self, repair: Repair) -> Fault:
        assert self.experiment is not None
        unit = self.experiment.program.units[repair.line.unit]
        number = repair.edit.line
        return Fault(
            repair.line, repair, corrected_line(unit, repair.edit), unit.lines[number - 1].strip()
        )

    # -- several mistakes -------------------------------------------------------------------

    def _chained(self, search: Search) -> bool:
        """Repair one line after the other, as long as more of the gradient becomes right."""
        experiment = self.experiment
        assert experiment is not None
        applied: list[Repair] = []
        first = self.survey
        try:
            self._complete_points()
            for _ in range(_MOST_FAULTS):
                repair = self._best_progress(search)
                if repair is None:
                    break
                self.chain.append(self._fault(repair))
                applied.append(repair)
                _apply(experiment, repair)
                if not self._look_again():
                    break
                if not any(p.wrong(p.outcome.gradient).any() for p in self.points):
                    self.complete = True
                    break
                assert self.survey is not None
                search = Search(experiment, self.survey, self.points)
        finally:
            for repair in reversed(applied):
                repair.edit.put(repair.edit.old)
            experiment.plain.clear()
            if applied:
                experiment.rebuild()
        if not self.complete and applied:
            self.survey = first
            self._look_again()
        return self.complete

    def _look_again(self) -> bool:
        """Follow the values of the program as it is edited now."""
        experiment = self.experiment
        assert experiment is not None
        for point in self.points:
            outcome = experiment.run(point.theta)
            if outcome is None:
                return False
            point.outcome = outcome
        seen = survey(experiment, self.points[0])
        if seen is None or self.derivatives is None:
            return False
        self.survey = seen
        self.standings = standings(seen.lines, seen.recording, self.derivatives)
        return True

    def _complete_points(self) -> None:
        assert self.experiment is not None
        evaluator = self.experiment.evaluator
        for i, point in enumerate(self.points):
            if not point.complete:
                self.points[i] = complete_reference(evaluator.cost, point.theta, point.outcome)

    def _best_progress(self, search: Search) -> Repair | None:
        lines = self.ordered_lines(search.wrong)
        search.try_factors(lines)
        for line in lines:
            search.try_simple(line)
        repair = self._best_partial(search)
        if repair is not None:
            return repair
        for line in sorted(lines, key=lambda x: (self.rank(x), x.first_seen)):
            for tier in (
                search.try_signs,
                search.try_names,
                search.try_rewrites,
                search.try_insertions,
            ):
                tier(line)
                repair = self._best_partial(search)
                if repair is not None:
                    return repair
        return None

    def _best_partial(self, search: Search) -> Repair | None:
        candidates = search.found + search.partial
        candidates.sort(key=lambda r: (-r.gained, r.edit.weight + 0.4 * self.rank(r.line)))
        for repair in candidates[:20]:
            if search.progresses(repair):
                return repair
        return None

    def recognised_at_last(self) -> set[ast.stmt]:
        """Return the statements that are right in the corrected program."""
        if self.found:
            matches = self._after(self.found[0].repair).matches
            return {s for s, match in matches.items() if match.factor == 1.0}
        if self.chain and self.complete:
            return {s for s, standing in self.standings.items() if standing.right}
        return set()

    # -- no edit ----------------------------------------------------------------------------

    def _solve(self) -> None:
        """Ask for the most suspicious lines what their values would have to be."""
        experiment, seen, derivatives = self.experiment, self.survey, self.derivatives
        if experiment is None or seen is None or derivatives is None:
            return
        experiment.rebuild()
        wrong = self.points[0].wrong(seen.outcome.gradient)
        lines = [x for x in self.ordered_lines(wrong) if x.certain and _covers(x, wrong)]
        for line in lines[:_MOST_SOLVED]:
            solution = solve_for(experiment, seen, self.points[0], derivatives, line)
            if solution is not None:
                self.solved[line.statement] = solution


def _apply(experiment: Experiment, repair: Repair) -> None:
    edit = repair.edit
    unit = experiment.program.units[repair.line.unit]
    edit.put(edit.new)
    if isinstance(edit.new, ast.stmt):
        unit.parents[edit.new] = edit.parent
    for node in ast.walk(edit.new):
        for child in ast.iter_child_nodes(node):
            unit.parents.setdefault(child, node)
    experiment.plain[repair.line.unit] = unit.compile()
    experiment.rebuild()


def _plainness(repair: Repair) -> tuple[float, int]:
    edit = repair.edit
    length = len(ast.unparse(edit.new)) if isinstance(edit.new, ast.expr | ast.stmt) else 0
    return edit.weight, length


def _form(statement: ast.stmt) -> str:
    """Return a statement's text without the numbers in its names."""
    return re.sub(r"\d+", "#", ast.unparse(statement))


def _covers(line: Line, wrong: NDArray[np.bool_]) -> bool:
    return bool((line.reach | ~wrong).all())


# -- what is told ---------------------------------------------------------------------------


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
    whole = "with the other corrections, makes" if together else "makes"
    reason = (
        f"this edit {whole} the whole gradient right at two points"
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
    lines = known.ordered_lines(wrong)

    def order(line: Line) -> tuple[int, int, int]:
        solution = known.solved.get(line.statement)
        if solution is None:
            return (1, known.rank(line), line.first_seen)
        if not solution.exists:
            return (3, known.rank(line), line.first_seen)
        fits = any(m.factor == 1.0 for m in solution.matches)
        return (0 if fits else 1, known.rank(line), line.first_seen)

    covering = [x for x in lines if x.certain and _covers(x, wrong)]
    others = [x for x in lines if x not in covering]
    return [*sorted(covering, key=order), *others][:5]


def _unexplained(known: Knowledge, line: Line) -> Suspect:
    assert known.experiment is not None
    unit = known.experiment.program.units[line.unit]
    solution = known.solved.get(line.statement)
    number = line.statement.lineno
    reason = "its value is no derivative of anything seen in the forward pass"
    if known.rank(line) == 2:
        reason = "its value feeds all wrong entries"
    if solution is not None and solution.exists:
        reason = "there is a value of this line with which the whole gradient is right"
        names = [describe_match(known, m) for m in solution.matches if m.factor == 1.0]
        if names:
            reason += f": the derivative with respect to {names[0]}"
    return Suspect(
        path=unit.path,
        line=number,
        source=unit.lines[number - 1].strip(),
        repairs_gradient=bool(solution is not None and solution.exists),
        reason=reason,
    )


def describe_match(known: Knowledge, match: Match) -> str:
    """Name a value of the forward pass as the source does, with its line."""
    assert known.experiment is not None
    site = known.experiment.sites[match.forward[0]]
    text = site.target if site.role == "value" and site.target != "return" else site.text
    return f"{text} (line {site.line})"


def _steps(known: Knowledge, suspects: Sequence[Suspect]) -> tuple[Step, ...]:
    experiment, seen = known.experiment, known.survey
    if experiment is None or seen is None:
        return ()
    seen, at_first = known.first or (seen, known.standings)
    repaired = known.recognised_at_last()
    accused = {(s.path, s.line) for s in suspects if s.repair == 1}
    if not accused and suspects:
        accused = {(suspects[0].path, suspects[0].line)}
    steps: list[Step] = []
    for line in seen.lines:
        if not line.certain:
            continue
        unit = experiment.program.units[line.unit]
        standing = at_first.get(line.statement, Standing())
        match = min(standing.matches, key=lambda m: m.factor != 1.0, default=None)
        first, last = line.statement.lineno, line.statement.end_lineno or line.statement.lineno
        verdict: StepVerdict = "unknown"
        if any(path == unit.path and first <= number <= last for path, number in accused):
            verdict = "wrong"
        elif match is not None:
            verdict = "right" if match.factor == 1.0 else "factor"
        elif line.statement in repaired:
            verdict = "follows"
        targets = [s.target for s in line.sites if s.target]
        steps.append(
            Step(
                path=unit.path,
                line=first,
                source=unit.lines[first - 1].strip(),
                target=targets[0] if targets else "",
                matches=None if match is None else describe_match(known, match),
                factor=None if match is None else match.factor,
                verdict=verdict,
            )
        )
    return tuple(steps)


def _confidence(known: Knowledge, suspects: Sequence[Suspect], stopped: str) -> tuple[bool, str]:
    if not suspects:
        return True, "the gradient is right"
    costs = [known.cost(fault.repair) for fault in known.found]
    equal = [cost for cost in costs if cost < costs[0] + _CLEARLY]
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


def _summary(known: Knowledge, suspects: Sequence[Suspect]) -> str:
    if not known.points:
        return "the gradient is right; no line is suspected"
    if not suspects:
        return "the gradient is wrong, but no line could be named"
    first = suspects[0]
    if len(known.chain) > 1:
        lines = ", ".join(str(s.line) for s in suspects if s.repair == 1)
        return f"lines {lines} are wrong together"
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


__all__ = ["Derivatives", "Knowledge", "conclude", "standings"]
