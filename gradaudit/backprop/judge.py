"""What the values of each place would have to be, and whether an edit could give them.

Most edits can be dismissed without running the program: the edited expression is evaluated in the
surroundings that were seen, and what the gradient would make of its values is known.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.adjoints import Adjoints, put_in
from gradaudit.backprop.edits import Edit
from gradaudit.backprop.events import Array, as_numbers, change_between, protected
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.needs import (
    Need,
    Scenes,
    Setting,
    completed,
    exist_together,
    first_alone,
    holes,
    need_of,
    scenes_of,
    setting_of,
    setting_with,
)
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey
from gradaudit.backprop.vocabulary import is_harmless, together

# how far what is predicted may be off for a run to be worth it, in parts of what is missing
_SLACK: Final = 1e-3
_MOST_GROUPS: Final = 3
# edits that are run at a place, for each entry of it, before true derivatives are measured
_PATIENCE: Final = 2


class Judge:
    """Knows what is needed where, at one point.

    Parameters
    ----------
    experiment : Experiment
    survey : Survey
    reference : Reference
    """

    def __init__(self, experiment: Experiment, survey: Survey, reference: Reference) -> None:
        self.experiment = experiment
        self.survey = survey
        self.reference = reference
        self.wrong = reference.wrong(survey.outcome.gradient)
        self._needs: dict[int, Need] = {}
        self._settings: dict[int, Setting | None] = {}
        self._scenes: dict[int, Scenes | None] = {}
        self._learned: set[int] = set()
        self._firsts: dict[int, Need] = {}
        self._helpless: dict[int, bool] = {}
        self._true: dict[int, tuple[Site, list[Array], Setting] | None] = {}
        self._truths: dict[int, Setting | None] = {}
        self._unjudged: Counter[int] = Counter()
        self._adjoints = Adjoints(experiment, survey, reference)
        self.clamped: dict[ast.stmt, Site] = {}
        self._owners: dict[ast.stmt, dict[ast.AST, Site]] = {}

    # -- needs ------------------------------------------------------------------------------

    def need(self, site: Site) -> Need:
        """Return what the values of a place should be."""
        if site.number not in self._needs:
            found = need_of(self.experiment, self.survey, self.reference, site)
            if found.exists is None and len(found.events) > 1 and found.system.size:
                first = first_alone(self.experiment, self.survey, self.reference, found)
                if first is not None and first.exists:
                    self._firsts[site.number] = first
                elif first is not None:
                    found.exists = False
            self._needs[site.number] = found
        return self._needs[site.number]

    def is_open(self, site: Site) -> bool:
        """Tell whether something is known that the values of a place would have to be."""
        return bool(self.need(site).exists) or site.number in self._firsts

    def learn(self, need: Need, setting: Setting | None) -> None:
        """Take over what is needed at a place, and its surroundings, from elsewhere."""
        self._needs[need.site.number] = need
        self._settings[need.site.number] = setting
        self._learned.add(need.site.number)

    def forget(self) -> None:
        """Forget all needs and surroundings, so that they are asked of the gradient again."""
        self._needs.clear()
        self._settings.clear()
        self._firsts.clear()
        self._learned.clear()

    def exists(self, line: Line) -> bool | None:
        """Tell whether some values of a line make the gradient right; None when not known."""
        needs = [self.need(site) for site in holes(self.survey, line)]
        known = [need.exists for need in needs]
        if not needs:
            return None
        if True in known or (len(needs) > 1 and exist_together(needs)):
            return True
        return None if None in known else False

    def tells(self, line: Line) -> bool:
        """Tell whether a line could not make up for a mistake that was made anywhere else."""
        known = [self.need(site) for site in holes(self.survey, line)]
        return not known or any(need.telling for need in known)

    def is_solved(self, line: Line) -> bool:
        """Tell whether the effect of every place of a line is known."""
        places = holes(self.survey, line)
        return bool(places) and all(self.need(site).system.size for site in places)

    def explained(self, line: Line) -> NDArray[np.bool_]:
        """Return the wrong entries that other values of a line could make right."""
        found = np.zeros_like(self.wrong)
        for site in holes(self.survey, line):
            found |= self.need(site).explains(self._groups, ~self.wrong)
        return found

    @functools.cached_property
    def _groups(self) -> list[NDArray[np.bool_]]:
        """The wrong entries, those together that the same lines feed."""
        reaches = np.array([line.reach for line in self.survey.lines if line.certain])
        found: dict[bytes, NDArray[np.bool_]] = {}
        for i in np.flatnonzero(self.wrong):
            key = reaches[:, i].tobytes() if reaches.size else b""
            found.setdefault(key, np.zeros_like(self.wrong))[i] = True
        return list(found.values())

    # -- settings ---------------------------------------------------------------------------

    def setting(self, line: Line, site: Site) -> Setting | None:
        """Return the surroundings of a place; None when they do not explain its values."""
        if site.number not in self._settings:
            need = self.need(site)
            scenes = self._look_around(line, site) if need.system.size else None
            found, first = None, self._firsts.get(site.number)
            if first is not None:
                if scenes is not None:
                    spaces, values = scenes.spaces[:1], scenes.values[:1]
                    found = Setting(spaces, values, first.system, first.missing, False)
                scenes = None
            if scenes is not None:
                need = completed(self.experiment, self.survey, self.reference, need)
                self._needs[site.number] = need
            if scenes is not None and need.probes is None:
                found = setting_of(self.experiment, self.survey, self.reference, line, need, scenes)
            self._settings[site.number] = found
        return self._settings[site.number]

    def _look_around(self, line: Line, site: Site) -> Scenes | None:
        """Return what is in reach where a place stands; None when that does not explain it."""
        if site.number not in self._scenes:
            need, found = self.need(site), None
            expression = site.expression()
            if need.events and expression is not None and is_harmless(expression):
                found = scenes_of(self.experiment, self.reference, line, need)
            self._scenes[site.number] = found
        return self._scenes[site.number]

    def true_setting(self, line: Line, site: Site) -> Setting | None:
        """Return the surroundings of a place while true derivatives stand in for its values.

        For recurrences, where wrong values come back as inputs. None when no derivative that was
        measured makes the whole gradient right; what does is kept in `clamped`.
        """
        if site.number not in self._true:
            self._true[site.number] = self._find_true(line, site)
        found = self._true[site.number]
        if found is None:
            return None
        self.clamped[line.statement] = found[0]
        return found[2]

    def _find_true(self, line: Line, site: Site) -> tuple[Site, list[Array], Setting] | None:
        need = self.need(site)
        for place, values in self._adjoints.candidates(site, need.events):
            changes = put_in(need.events, values)
            found = setting_with(self.experiment, self.reference, line, need, values, changes)
            if found is not None:
                return place, values, found
        return None

    def _among_truth(self, line: Line, site: Site) -> Setting | None:
        """Return the surroundings where true derivatives stand in, once many edits were run.

        Only what has an effect counts, and all of that has to be known: the truth need not be what
        stands there otherwise, as in the derivative by a symmetric matrix.
        """
        self._unjudged[site.number] += 1
        need = self.need(site)
        if need.probes is not None or self._unjudged[site.number] < _PATIENCE * need.shift.size:
            return None
        if not need.is_settled(self.survey) or self.true_setting(line, site) is None:
            return None
        if site.number not in self._truths:
            found = self._true[site.number]
            assert found is not None
            _, values, _ = found
            changes, live = put_in(need.events, values), need.live(self.survey)
            self._truths[site.number] = setting_with(
                self.experiment, self.reference, line, need, values, changes, live
            )
        return self._truths[site.number]

    def part_settings(self, line: Line, site: Site) -> Iterator[Setting]:
        """Yield the surroundings of a place with parts of the gradient that it could make right.

        First as much as it explains, then single groups of entries: of what a place explains some
        may be due to another mistake.
        """
        setting = self.setting(line, site)
        if setting is None or not setting.whole:
            return
        right, need = ~self.wrong, self.need(site)
        explained = need.explains(self._groups, right)
        chosen = [explained, *sorted(self._groups, key=np.sum, reverse=True)[:_MOST_GROUPS]]
        for rows in chosen:
            if rows.any() and np.any(need.system[rows] != 0):
                yield setting.among(right | rows)

    # -- edits ------------------------------------------------------------------------------

    def dismisses(self, line: Line, edit: Edit, *, partly: bool = False) -> bool:
        """Tell whether an edit cannot be right, for all that is known; it need not be run then.

        Parameters
        ----------
        line : Line
        edit : Edit
        partly : bool
            An edit that makes only some of the wrong entries right is welcome, too.
        """
        site = self._owner(line, edit.old)
        if site is None:
            return False
        if site.number not in self._learned:
            scenes = self._look_around(line, site)
            if scenes is not None and self._is_futile(line, site, edit, scenes, partly=partly):
                return True
        if self.need(site).exists is None and site.number not in self._firsts:
            return False
        setting = self.setting(line, site)
        if setting is None or _reads(edit.new, setting.follow):
            if partly or not self.need(site).exists or site.number in self._learned:
                return False
            setting = self._among_truth(line, site)
        if setting is None or (partly and not setting.whole):
            return False
        try:
            change = _change(site, edit, setting)
        except _Fails:
            return True
        if change is None:
            return False
        effect = setting.system @ change
        if edit.scaled is not None and _is_multiple(effect, setting.missing):
            return False
        if partly:
            return not self._is_progress(effect)
        return not _is_close(effect, setting.missing)

    def _is_futile(
        self, line: Line, site: Site, edit: Edit, scenes: Scenes, *, partly: bool
    ) -> bool:
        """Tell whether an edit raises, or only changes values where no change can help."""
        code = _edited(site, edit)
        if code is None:
            return False
        if self._raises(line, code, scenes):
            return True
        if not self._is_helpless(site, partly=partly):
            return False
        try:
            change = _change(site, edit, scenes)
        except _Fails:
            return True
        return change is not None and bool(np.any(change != 0))

    def _raises(self, line: Line, code: Any, scenes: Scenes) -> bool:
        """Tell whether an edited expression raises the first time: before it changes anything."""
        if self._catches:
            return False
        try:
            eval(code, protected(code, scenes.spaces[0]))
        except NameError as error:  # an outer function's variable may not have been recorded
            return error.name in _own_names(line.scope)
        except Exception:
            return True
        return False

    @functools.cached_property
    def _catches(self) -> bool:
        """Whether the program may go on after an exception."""
        return any(
            isinstance(part, ast.Try)
            or getattr(part, "id", getattr(part, "attr", "")) == "suppress"
            for unit in self.experiment.program.units
            for function in ast.walk(unit.tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for part in ast.walk(function)
        )

    def _is_helpless(self, site: Site, *, partly: bool) -> bool:
        """Tell whether no other values of a place make the gradient right, or any part of it."""
        need = self.need(site)
        if need.exists is not False or site.number in self._learned:
            return False
        if partly and site.number not in self._helpless:
            self._helpless[site.number] = not need.may_help(~self.wrong)
        return not partly or self._helpless[site.number]

    def _owner(self, line: Line, node: ast.AST) -> Site | None:
        """Return the place of a line whose values a node makes."""
        if line.statement not in self._owners:
            self._owners[line.statement] = {
                part: site
                for site in holes(self.survey, line)
                for part in ast.walk(site.expression() or site.node)
            }
        return self._owners[line.statement].get(node)

    def _is_progress(self, effect: Array) -> bool:
        missing = -self.reference.errors(self.survey.outcome.gradient)
        scale = float(np.max(np.abs(missing), initial=0.0))
        if np.any(np.abs(effect[~self.wrong]) > _SLACK * scale):
            return False
        left = np.abs(effect - missing)[self.wrong]
        return bool(np.any(left <= _SLACK * np.abs(missing[self.wrong])))


def _reads(node: ast.AST, names: frozenset[str]) -> bool:
    return any(part.id in names for part in ast.walk(node) if isinstance(part, ast.Name))


def _own_names(scope: ast.AST) -> set[str]:
    """Return the names that a function binds itself, and not in what is nested in it."""
    if not isinstance(scope, ast.FunctionDef):
        return set()
    outer: set[str] = set()
    inner: set[ast.AST] = set()
    for part in ast.walk(scope):
        if isinstance(part, ast.Global | ast.Nonlocal):
            outer.update(part.names)
        elif isinstance(part, ast.FunctionDef | ast.Lambda | ast.comprehension):
            inner.update(ast.walk(part) if part is not scope else ())
    names = [part for part in ast.walk(scope) if isinstance(part, ast.Name)]
    stored = {part.id for part in names if isinstance(part.ctx, ast.Store) and part not in inner}
    return stored - outer


def _edited(site: Site, edit: Edit) -> Any:
    """Compile the expression of a place with an edit; None when it is none."""
    try:
        with edit.applied():
            body = edit.new if edit.old is site.node else site.expression()
            return compile(ast.Expression(body), "<edit>", "eval") if _is_value(body) else None
    except Exception:
        return None


def _is_value(body: ast.AST | None) -> TypeGuard[ast.expr]:
    return isinstance(body, ast.expr)


class _Fails(Exception):
    """An edit with which a program does not run."""


def _change(site: Site, edit: Edit, setting: Setting | Scenes) -> Array | None:
    """Return by how much an edit changes the values of a place; None when that says nothing.

    Raises
    ------
    _Fails
        When there are no values, or such that nothing can be done with in the old ones' place.
    """
    code = _edited(site, edit)
    if code is None:
        return None
    changes: list[Array] = []
    try:
        for space, value in zip(setting.spaces, setting.values, strict=True):
            new = as_numbers(eval(code, protected(code, space)))
            if new.shape != value.shape:
                if new.size != value.size and together(new.shape, value.shape) is None:
                    raise _Fails
                return None
            change = change_between(new, value)
            if change is None:
                return None
            changes.append(change)
    except _Fails:
        raise
    except (NameError, SyntaxError, UnboundLocalError):  # where it runs names mean something else
        return None
    except Exception as error:
        raise _Fails from error
    return changes[0] if len(changes) == 1 else np.concatenate(changes)


def _is_close(effect: Array, missing: Array) -> bool:
    scale = float(np.max(np.abs(missing), initial=0.0))
    return bool(np.all(np.abs(effect - missing) <= _SLACK * scale))


def _is_multiple(effect: Array, missing: Array) -> bool:
    square = float(effect @ effect)
    return square > 0 and _is_close(effect * float(effect @ missing) / square, missing)
