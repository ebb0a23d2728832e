"""The search for the wrong lines: what is tried, in which order, and what was learned."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.causes import Sensitivities, needed, stores_a_part
from gradaudit.backprop.edits import Edit
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.matching import Account, Derivatives, Standing, account, standings
from gradaudit.backprop.needs import holes
from gradaudit.backprop.reference import Reference, complete_reference
from gradaudit.backprop.repair import Repair, Search
from gradaudit.backprop.suggestion import corrected_line
from gradaudit.backprop.survey import Line, Survey, look_closer, survey
from gradaudit.errors import BudgetExhausted

# mistakes that are repaired one after the other, at most
_MOST_FAULTS: Final = 6
# edits that give the right factor by accident less often than a factor put there for it
# edits that weigh less are slips of the pen
_FAR_FETCHED: Final = 2.0
# the search near the first wrong tangent
_TANGENT_SECONDS: Final = 8.0
# lines that are looked at once more, since they do not seem to feed all that is wrong
_MOST_CLOSELY: Final = 30
# when so few lines feed it, all others are innocent
_FEW_LINES: Final = 6
# calls that put arrays together and leave them as they are
_PACKS: Final = {
    *("concatenate", "hstack", "vstack", "append", "array", "asarray", "block", "stack"),
    *("ravel", "flatten", "reshape", "copy", "tuple", "list", "dict", "float"),
}
_SPECIFIC: Final = ("variable", "function", "axis", "operator", "key", "kind of length")


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
    tangents: Sensitivities | None = None
    possible: dict[ast.stmt, bool | None] = field(default_factory=dict["ast.stmt", "bool | None"])
    telling: set[ast.stmt] = field(default_factory=set["ast.stmt"])
    clamped: Mapping[ast.stmt, Site] = field(default_factory=dict["ast.stmt", Site])
    complete: bool = False
    specific: bool = False
    first: tuple[Survey, Mapping[ast.stmt, Standing]] | None = None
    explained: dict[Edit, Account] = field(default_factory=dict["Edit", Account])

    def rank(self, line: Line) -> int:
        """Tell how suspicious a line is: 0 most, 2 when it is a derivative or a forward value."""
        standing = self.standings.get(line.statement)
        if self.is_gap(line):
            return 0
        if self.tangents is not None and self.tangents.knows(line):
            return 0 if self.tangents.accuses(line) else 2
        if standing is None:
            return 1
        if standing.right:
            doubt = self._repeats(line, standing) or self._turns_back(line)
            return 1 if doubt else 2
        if standing.matches:
            return 1
        if not standing.copies:
            return 0
        statement = line.statement
        made = isinstance(statement, ast.Assign | ast.Return) and isinstance(
            statement.value, ast.BinOp | ast.Call | ast.UnaryOp
        )
        return 1 if made else 2

    def is_gap(self, line: Line) -> bool:
        """Tell whether a line stands for ``pass``."""
        return self.experiment is not None and self.experiment.program.units[line.unit].is_gap(
            line.statement
        )

    def _repeats(self, line: Line, standing: Standing) -> bool:
        """Tell whether an earlier line is the derivative of the same value already."""
        mine = {match.forward[0] for match in standing.matches}
        return any(
            other.first_seen < line.first_seen
            and self.standings.get(other.statement) is not None
            and mine & {m.forward[0] for m in self.standings[other.statement].matches}
            for other in (self.survey.lines if self.survey else ())
        )

    def _factors_before(self, line: Line) -> list[float]:
        """Return the factors of the derivatives that stand before a line."""
        return [
            match.factor
            for other in (self.survey.lines if self.survey else ())
            if other.first_seen < line.first_seen and other.statement in self.standings
            for match in self.standings[other.statement].matches
            if match.whole
        ]

    def _turns_back(self, line: Line) -> bool:
        """Tell whether a line has the sign of the cost, and all before it the other sign."""
        before = self._factors_before(line)
        return len(before) > 1 and all(factor < 0 for factor in before)

    def _brings_in(self, line: Line, standing: Standing) -> bool:
        """Tell whether a line is the first with its factor."""
        factors = [match.factor for match in standing.matches if match.whole]
        if not factors or any(factor == 1.0 for factor in factors):
            return False
        before = self._factors_before(line)
        return not any(abs(f - g) <= 1e-4 * abs(g) for f in factors for g in before)

    # -- the search -------------------------------------------------------------------------

    def search(self) -> None:
        """Look for one edit that repairs everything, then for several."""
        experiment, seen = self.experiment, self.survey
        assert experiment is not None
        assert seen is not None
        self.first = seen, self.standings
        search = Search(experiment, seen, self.points)
        try:
            self._single(search)
        except BudgetExhausted:
            # what was found before the end is worth telling
            self.found = [self._fault(r) for r in self._ordered(search.found)]
            self.complete = bool(self.found)
            raise
        if not (search.found or self._is_pinned() or self._chained(search)):
            for line in search.survey.neutral:
                search.try_neutral(line)
        if search.found:
            self.found = [self._fault(r) for r in self._ordered(search.found)]
            self.chain.clear()
            self.complete = True

    def _single(self, search: Search) -> None:
        """Try one edit: what stands there, then what should stand there, then other names."""
        if self._by_tangents(search):
            return
        lines = self.ordered_lines(search.wrong)
        if self._is_pinned():
            for tier in (search.try_simple, search.try_names):
                for line in lines:
                    if not line.certain or (self._is_known(line) and not self._is_settled(line)):
                        tier(line)
            return
        lines = self._looked_at_closely(lines, search.wrong)
        covering = [line for line in lines if line.certain and covers(line, search.wrong)]
        covering = [line for line in covering if not self._is_settled(line)]
        whole = self._possible_lines(search, covering)
        # values of another shape may help where others of their shape do not; and doubling shows
        # not all that a line feeds: a batch norm undoes it, a mask hides it
        unlikely = [line for line in covering if line not in whole]
        partly = [line for line in lines if line.certain and line not in covering]
        uncertain = [line for line in lines if not line.certain]
        self._until_found(search, search.try_simple, (*unlikely, *partly, *uncertain))
        self._until_found(search, search.try_shared, whole)
        unjudged = self._write(search, whole)
        self._until_found(search, search.try_names, (*unlikely, *uncertain))
        # where an expression was found another name may do, and be simpler
        written = [repair.line for repair in search.found if repair.edit.weight >= _FAR_FETCHED]
        for line in dict.fromkeys((*written, *self._worth_more(search, unjudged or whole))):
            search.try_names(line)
        for line in unjudged:
            if line in self._worth_more(search, whole):
                search.try_signs(line)
                search.try_insertions(line)
                search.try_rewrites(line)
        likely = [x for x in unjudged if self.possible.get(x.statement) and self.tells(x)]
        self._until_found(search, search.try_products, likely)
        self._until_found(search, search.try_names, partly)

    def _write(self, search: Search, lines: list[Line]) -> list[Line]:
        """Look for expressions; return the lines that cannot be judged by their values alone.

        Short ones in all lines first: what takes many words is the less likely the more there are.
        """
        written = self._worth_writing(search, lines)
        unjudged = [x for x in written if not search.try_formulas(x, stages=["short"])]
        helped = {repair.line.statement for repair in search.found}
        for line in self._worth_judging(search, written):
            if line.statement not in helped:
                search.try_formulas(line, stages=["long"])
        return unjudged

    def _looked_at_closely(self, lines: list[Line], wrong: NDArray[np.bool_]) -> list[Line]:
        """Return the lines in their order, once more is known of those that seem to fall short."""
        assert self.experiment is not None
        assert self.survey is not None
        short = [x for x in lines if x.certain and not covers(x, wrong)]
        for line in short[:_MOST_CLOSELY]:
            look_closer(self.experiment, self.points[0], self.survey, line)
        return self.ordered_lines(wrong) if short else lines

    def _possible_lines(self, search: Search, covering: list[Line]) -> list[Line]:
        """Return the lines some values of which may make the gradient right.

        The most suspicious are judged, and edited, first; the others as far as they may explain
        more than what was found.
        """
        search.try_factors(covering)
        possible: list[Line] = []
        for rank in range(3):
            mine = [line for line in covering if self.rank(line) == rank]
            mine = self._worth_judging(search, mine)
            mine = [line for line in mine if self._judge_line(search, line)]
            for line in mine:
                search.try_simple(line)
            possible += mine
        # the last line of all can make up for anything
        return sorted(possible, key=lambda line: not self.tells(line))

    def _worth_judging(self, search: Search, lines: list[Line]) -> list[Line]:
        """Return the lines worth some evaluations: with a repair, those that feed no more."""
        if not search.found:
            return lines
        best = self._ordered(search.found)[0]
        worth = self._worth_more(search, lines)
        return [x for x in lines if x in worth or not (x.reach & ~best.line.reach).any()]

    def _judge_line(self, search: Search, line: Line) -> bool:
        """Tell whether some values of a line may make the gradient right."""
        judge, statement = search.judge, line.statement
        self.clamped = judge.clamped
        self.possible[statement] = judge.exists(line)
        if judge.tells(line):
            self.telling.add(statement)
        return self.possible[statement] is not False

    def tells(self, line: Line) -> bool:
        """Tell whether a line could not make up for a mistake that was made anywhere else."""
        return line.statement in self.telling

    def _until_found(
        self, search: Search, tier: Callable[[Line], object], lines: Iterable[Line]
    ) -> None:
        if not search.found:
            for line in lines:
                tier(line)

    def _is_pinned(self) -> bool:
        """Tell whether the fault is known to be at one of few lines."""
        cause = None if self.tangents is None else self.tangents.cause
        return cause is not None and len(cause.lines) <= _FEW_LINES

    def _is_known(self, line: Line) -> bool:
        return self.tangents is not None and self.tangents.knows(line)

    def _is_settled(self, line: Line) -> bool:
        return self.tangents is not None and line.statement in self.tangents.settled

    def _by_tangents(self, search: Search) -> bool:
        """Look where the tangents go wrong; tell whether the fault was found there."""
        if self.tangents is None or self.tangents.cause is None:
            return False
        assert self.experiment is not None
        cause = self.tangents.cause
        for line in cause.lines:
            for site in holes(search.survey, line):
                told = needed(self.experiment, self.points[0], cause, line, site)
                if told is not None:
                    search.judge.learn(*told)
            self.possible[line.statement] = search.judge.exists(line)
        self._near_the_cause(search, cause.lines)
        search.judge.forget()
        return bool(search.found)

    def _near_the_cause(self, search: Search, feeding: list[Line]) -> None:
        """Try the lines that feed the first wrong tangent, and those of which little is known."""
        lines = [
            line
            for line in feeding
            if self.possible[line.statement] is not False or stores_a_part(line.statement)
        ]
        # what is overwritten, an index, a mask: no value of theirs is seen to feed anything
        vague = [line for line in search.survey.lines if not line.certain]
        tiers = (
            (search.try_simple, [*lines, *vague]),
            (search.try_names, lines),
            (search.try_formulas, lines),
            (search.try_signs, lines),
            (search.try_insertions, lines),
            (search.try_products, lines),
        )
        deadline = time.perf_counter() + _TANGENT_SECONDS
        for tier, mine in tiers:
            if any(repair.edit.weight < _FAR_FETCHED for repair in search.found):
                return
            for line in mine:
                if time.perf_counter() < deadline:
                    tier(line)

    def _worth_writing(self, search: Search, lines: list[Line]) -> list[Line]:
        """Return the lines of which to ask what should stand there."""
        if search.found:
            best = self._ordered(search.found)[0]
            if best.edit.weight < _FAR_FETCHED:
                rivals = self._worth_judging(search, lines)
                return [line for line in rivals if line is not best.line]
        return lines

    def _worth_more(self, search: Search, lines: list[Line]) -> list[Line]:
        """Return the lines that may explain more than the best repair so far does."""
        if not search.found:
            return lines
        best = self._ordered(search.found)[0]
        after = self._after(best)
        own = after.matches.get(best.line.statement)
        standing = self.standings.get(best.line.statement, Standing())
        broken = own is None and any(match.whole for match in standing.matches)
        plain = best.edit.weight < _FAR_FETCHED
        if broken:  # what was right is wrong now: the fault is elsewhere
            return [x for x in lines if self.rank(x) == 0 and x is not best.line]
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
                helper = not plain and line.scope is not best.line.scope
                alias = isinstance(getattr(line.statement, "value", None), ast.Name)
                second = (helper or (alias and not plain)) and self.rank(line) == 1
                return self.rank(line) == 0 or second
            return not plain and (
                line.statement in after.partial
                or after.repeated(line.statement)
                or (line.statement in after.misnamed and self.rank(line) == 1)
            )

        def before(line: Line) -> bool:
            match = after.matches.get(line.statement)
            again = own is not None and match is not None and match.forward[0] == own.forward[0]
            return line.first_seen < best.line.first_seen or (
                not plain and again and self.rank(line) == 1
            )

        return [x for x in lines if x is not best.line and doubtful(x) and before(x)]

    def _after(self, repair: Repair) -> Account:
        """Return how much of the backward pass is recognised once an edit is made."""
        known = self.explained.get(repair.edit)
        if known is not None:
            return known
        experiment, seen = self.experiment, self.survey
        assert experiment is not None
        assert seen is not None
        assert self.derivatives is not None
        found = Account()
        try:
            with repair.edit.applied():
                result = experiment.record_edited(self.points[0].theta)
        except BudgetExhausted:
            return found
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

    def is_derivative_after(self, repair: Repair) -> bool:
        """Tell whether an edit makes the value of its line a derivative as it stands."""
        after, statement = self._after(repair), repair.line.statement
        match = after.matches.get(statement)
        return match is not None and match.factor == 1.0 and statement not in after.partial

    def ordered_lines(self, wrong: NDArray[np.bool_]) -> list[Line]:
        """Return the lines that may be at fault, most suspicious first."""
        assert self.survey is not None
        lines = [x for x in self.survey.lines if not x.certain or bool((x.reach & wrong).any())]
        return sorted(
            lines,
            key=lambda x: (not covers(x, wrong), exceeds(x, wrong), self.rank(x), x.first_seen),
        )

    def _ordered(self, repairs: Iterable[Repair]) -> list[Repair]:
        """Return the best repair of each line, the best line first."""
        best: dict[ast.stmt, Repair] = {}
        repairs = list(repairs)
        self.specific = any(r.edit.weight < 2.0 and r.edit.kind in _SPECIFIC for r in repairs)
        for repair in repairs:
            other = best.get(repair.line.statement)
            if other is None or _plainness(repair) < _plainness(other):
                best[repair.line.statement] = repair
        return sorted(best.values(), key=lambda r: (self.cost(r), r.line.first_seen))

    def cost(self, repair: Repair) -> float:
        """Weigh a repair: the far-fetched ones, that explain little, cost most."""
        return (
            repair.edit.weight
            + self._innocence(repair.line)
            + 0.3 * self._exceeds(repair.line)
            + 0.8 * (self.specific and repair.edit.kind == "factor")
            - 0.7 * self._after(repair).worth
            - self._likeness(repair)
            - 0.25 * _shortens(repair.edit)
            - 0.2 * self._becomes_derivative(repair)
            + 1.0 * (self.tangents is not None and self.tangents.passes_on(repair.line))
            - 0.8 * self.is_gap(repair.line)
            + 0.5 * self._is_handed_on(repair)
            + 0.25 * _is_awkward(repair.edit)
        )

    def _is_handed_on(self, repair: Repair) -> bool:
        assert self.experiment is not None
        unit = self.experiment.program.units[repair.line.unit]
        return _is_handed_on(repair.edit, unit.parents)

    def _exceeds(self, line: Line) -> bool:
        assert self.survey is not None
        return exceeds(line, self.points[0].wrong(self.survey.outcome.gradient))

    def _becomes_derivative(self, repair: Repair) -> bool:
        standing = self.standings.get(repair.line.statement)
        return (standing is None or not standing.right) and self.is_derivative_after(repair)

    def _innocence(self, line: Line) -> float:
        """Weigh how much the values of a line speak for it."""
        standing = self.standings.get(line.statement, Standing())
        if self.is_gap(line) or _begins(line.statement):
            return 0.0
        if standing.matches:
            # a derivative that misses some uses of its value may be what is left of a sum
            doubtful = not any(match.whole for match in standing.matches)
            brought = doubtful or self._brings_in(line, standing)
            return 0.0 if brought else 0.4 * self.rank(line)
        return 0.4 if standing.copies else 0.0

    def _likeness(self, repair: Repair) -> float:
        """Weigh how well the corrected statement fits in: like others, or no longer empty."""
        unit = self.experiment.program.units[repair.line.unit] if self.experiment else None
        if unit is None:
            return 0.0
        statement = repair.line.statement
        old = ast.unparse(statement)
        made, read = _names(repair.line.scope)
        words = _words(statement)
        with repair.edit.applied():
            new = repair.edit.new if isinstance(repair.edit.new, ast.stmt) else statement
            shape = _form(new)
            near = _words(new) <= words
            others = {
                _form(s)
                for s in ast.walk(unit.tree)
                if isinstance(s, ast.Assign | ast.AugAssign) and s is not new
            }
            _, read_after = _names(repair.line.scope)
            mine = _mirror(new)
            mirrored = len(mine) > 4 and any(
                mine in _mirror(s)
                for s in ast.walk(unit.tree)
                if isinstance(s, ast.Assign | ast.AugAssign | ast.Return) and s is not new
            )
        left, _, right = old.partition(" = ")
        renamed = repair.edit.kind == "variable" and right.isidentifier() and left.isidentifier()
        # nobody makes a value to leave it unused, or takes an argument for nothing
        unused = len(made & (read - read_after))
        used = len(made & (read_after - read))
        fits = 0.6 * (shape in others or mirrored) + 1.0 * (left == right) + 0.7 * renamed
        # what is missing is more often a further use of what stands there than something else
        added = repair.edit.kind.startswith("missing") or repair.edit.kind == "factor"
        fits += 0.5 * (added and _only_names(repair.edit))
        return fits + 0.2 * (added and near) + 0.4 * min(used, 1) - 0.8 * unused

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
        """Return the edit that makes the most entries right and none wrong, the likeliest first."""
        search.welcome_parts()
        lines = self.ordered_lines(search.wrong)
        judge = search.judge
        explained = {
            line.statement: int(judge.explained(line).sum()) if judge.tells(line) else 0
            for line in lines
        }
        telling = [x for x in lines if explained[x.statement] or not judge.is_solved(x)]
        telling.sort(key=lambda x: (-explained[x.statement], self.rank(x), x.first_seen))
        search.try_factors(telling)
        for line in telling:
            search.try_simple(line)
        repair = self._best_partial(search)
        if repair is not None:
            return repair
        for line in telling:
            search.try_names(line)
            judged = explained[line.statement] and search.try_formulas(line, partly=True)
            if not judged:
                search.try_signs(line)
                search.try_rewrites(line)
                search.try_insertions(line)
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


def _shortens(edit: Edit) -> bool:
    """Tell whether the corrected line is the old one without a part of it."""
    if not (isinstance(edit.old, ast.expr) and isinstance(edit.new, ast.expr)):
        return False
    return edit.new is not edit.old and edit.new in set(ast.walk(edit.old))


def _names(scope: ast.AST) -> tuple[set[str], set[str]]:
    """Return the names that a function makes, and those that it reads."""
    names = [n for n in ast.walk(scope) if isinstance(n, ast.Name)]
    made = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    arguments = getattr(scope, "args", None)
    if isinstance(arguments, ast.arguments):
        made |= {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return made, {n.id for n in names if isinstance(n.ctx, ast.Load)}


def _only_names(edit: Edit) -> bool:
    """Tell whether what is edited gives a value another name, and does nothing else."""
    made = isinstance(edit.statement, ast.Assign)
    whole = edit.parent is edit.statement or isinstance(edit.parent, ast.Tuple | ast.List)
    return made and whole and isinstance(edit.old, ast.Name)


def _begins(statement: ast.stmt) -> bool:
    """Tell whether a statement begins a sum with plain numbers, which are like many a value."""
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Assign) and not any(
        isinstance(part, ast.Name | ast.Attribute) for part in ast.walk(value or statement)
    )


def _is_handed_on(edit: Edit, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Tell whether an edit does something to a name that a line only packs with others."""
    if not isinstance(edit.old, ast.Name) or isinstance(edit.new, ast.Name):
        return False
    node: ast.AST = edit.old
    packed = False
    while node is not edit.statement:
        if node not in parents:  # the part of an edit that was accepted before
            return False
        node = parents[node]
        packed = packed or isinstance(node, ast.Tuple | ast.List | ast.Dict)
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp | ast.Lambda):
            return False
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if name not in _PACKS:
                return False
    return packed


def _is_awkward(edit: Edit) -> bool:
    """Tell whether a factor comes to a sum in brackets, or a number to one name in a sum."""
    if edit.kind not in ("factor", "missing factor"):
        return False
    if isinstance(edit.old, ast.BinOp) and isinstance(edit.old.op, ast.Add | ast.Sub):
        return True
    summed = isinstance(edit.parent, ast.BinOp) and isinstance(edit.parent.op, ast.Add | ast.Sub)
    return summed and edit.kind == "factor" and isinstance(edit.old, ast.Name)


def _form(statement: ast.stmt) -> str:
    """Return a statement's text without the numbers in its names."""
    return re.sub(r"\d+", "#", ast.unparse(statement))


def _words(statement: ast.stmt) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", ast.unparse(statement)))


def _mirror(statement: ast.stmt) -> str:
    """Return what a statement computes, with ``dpen`` read as ``pen``; "" for a plain value."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.BinOp | ast.Call):
        return ""
    return re.sub(r"\b(?:d_?|grad_|delta_|g_)(?=[A-Za-z])", "", ast.unparse(value))


def covers(line: Line, wrong: NDArray[np.bool_]) -> bool:
    """Tell whether the values of a line feed all wrong entries."""
    return bool((line.reach | ~wrong).all())


def exceeds(line: Line, wrong: NDArray[np.bool_]) -> bool:
    """Tell whether the values of a line feed entries that are right, too."""
    return bool((line.reach & ~wrong).any())
