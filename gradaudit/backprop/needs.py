"""What the values of one place would have to be for the gradient to be right."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.events import (
    Array,
    Change,
    Event,
    Numbers,
    as_numbers,
    change_between,
    extent,
    flattened,
    frozen,
    is_complex,
    protected,
    restored,
    units,
)
from gradaudit.backprop.experiment import Experiment, Outcome
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.program import Unit
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Effect, Line, Survey

# more unknowns than this are not solved for: one evaluation each
_MOST: Final = 160
_LINEAR: Final = 1e-4
_TELLING: Final = 1e-3
_SOLVED: Final = 1e-5
# the times of a loop that an expression is judged by, where each tells by itself
_MOST_TIMES: Final = 6


@dataclass(slots=True, eq=False)
class Need:
    """The change of the values of one place that makes the whole gradient right.

    Attributes
    ----------
    site : Site
        The place: the value of a statement, or part of it.
    events : list of Event
        Each time it was seen.
    exists : bool or None
        Whether any values of this place make the gradient right; None when that is not known.
    unique : bool
        Whether only these.
    telling : bool
        Whether not every gradient could be had by other values of this place.
    system : ndarray, shape (n, p)
        How the entries of the gradient move with each of the p unknowns of all its values: their
        entries, of complex values the real and imaginary parts.
    missing : ndarray, shape (n,)
        What the gradient lacks.
    shift : ndarray, shape (p,)
        The smallest change that makes it right, where one exists.
    lifted : bool
        The values are real, and would have to be complex: what was asked for are complex ones.
    """

    site: Site
    events: list[Event]
    exists: bool | None
    unique: bool = False
    telling: bool = False
    system: Array = field(default_factory=lambda: np.zeros((0, 0)))
    missing: Array = field(default_factory=lambda: np.zeros(0))
    shift: Array = field(default_factory=lambda: np.zeros(0))
    lifted: bool = False

    def among(self, rows: NDArray[np.bool_]) -> Need:
        """Return what is needed for some entries of the gradient to be right, whatever others do.

        Whether it exists is read from the system alone.
        """
        system, missing = self.system[rows], self.missing[rows]
        answer, rank = least_squares(system, missing)
        scale = float(np.max(np.abs(missing), initial=0.0))
        left = float(np.max(np.abs(system @ answer - missing), initial=0.0))
        exists, unique = left <= _SOLVED * scale, bool(rank == system.shape[1])
        telling = bool(rank < missing.size)
        return Need(self.site, self.events, exists, unique, telling, system, missing, answer)

    def explains(
        self, groups: Sequence[NDArray[np.bool_]], right: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return the wrong entries that other values of the place make right, harming no others.

        Parameters
        ----------
        groups : sequence of ndarray of bool, shape (n,)
            The wrong entries, those together that the same lines feed.
        right : ndarray of bool, shape (n,)
            The entries that are to stay as they are.
        """
        found = np.zeros_like(right)
        if not self.system.size:
            return found
        for group in sorted(groups, key=np.sum, reverse=True):
            reached = bool(np.any(self.system[group] != 0))
            if reached and self.among(right | found | group).exists:
                found |= group
        return found

    def seen_as(self, value: Numbers) -> Numbers:
        """Return a value as what it is asked to be: complex, if it has to be."""
        return value.astype(np.complex128) if self.lifted and not is_complex(value) else value

    def shifts(self, survey: Survey) -> dict[Event, Numbers]:
        """Return the change of each value, in its own shape."""
        found: dict[Event, Numbers] = {}
        start = 0
        for event in self.events:
            value = self.seen_as(survey.recording.values[event])
            found[event] = restored(self.shift[start : start + extent(value)], value)
            start += extent(value)
        return found


def holes(survey: Survey, line: Line) -> list[Site]:
    """Return the outermost places of a line whose values feed the gradient, and not the cost."""
    feeding = [
        site
        for site in line.sites
        if site.role in ("value", "part", "use") and _feeds(survey.effects.get(site.number))
    ]
    stored = _stored(survey, line)
    if stored is not None and not _is_added(survey, line.statement, stored, feeding):
        return [stored]
    inner = {part for site in feeding for part in ast.walk(site.node) if part is not site.node}
    return [site for site in feeding if site.node not in inner]


def _stored(survey: Survey, line: Line) -> Site | None:
    """Return where an augmented assignment stores, if what it stores feeds the gradient."""
    for site in line.sites:
        if site.role == "store" and isinstance(line.statement, ast.AugAssign):
            return site if _feeds(survey.effects.get(site.number)) else None
    return None


def _is_added(survey: Survey, statement: ast.stmt, stored: Site, feeding: Sequence[Site]) -> bool:
    """Tell whether a value is added to one of its own shape: it can be judged by itself."""
    looks = survey.recording.looks
    adds = isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub)
    whole = [site for site in feeding if site.node is getattr(statement, "value", None)]
    return bool(adds and whole and looks[whole[0].number].shape == looks[stored.number].shape)


def _feeds(effect: Effect | None) -> bool:
    """Tell whether a place feeds the gradient, and not the cost; zeros do when filled in."""
    if effect is None:
        return False
    return effect.kind == "backward" or (effect.kind == "dead" and effect.reach is not None)


def need_of(experiment: Experiment, survey: Survey, reference: Reference, site: Site) -> Need:
    """Solve for the values of one place.

    Notes
    -----
    A backward pass is affine in its values, and in the real and imaginary parts of complex ones,
    so that one evaluation for each unknown gives the system; its solution is tried by one more.
    Where the program is not affine in the values, a solution that fails tells nothing.
    """
    events = [e for e in survey.recording.values if e[0] == site.number]
    size = sum(extent(survey.recording.values[e]) for e in events)
    if not events or size > _MOST:
        return Need(site, events, None)
    base = survey.outcome.gradient
    columns: list[Array] = []
    for event in events:
        value = survey.recording.values[event]
        amount = max(float(np.max(np.abs(value))), 1e-3)
        for unit in units(value):
            moved = _moved(experiment, reference, {event: amount * unit})
            if moved is None:
                return Need(site, events, None)
            columns.append((moved.gradient - base) / amount)
    need = _solved(experiment, survey, reference, Need(site, events, None), np.array(columns).T)
    if need.exists is False and 2 * size <= _MOST:
        return _complex_need(experiment, survey, reference, need) or need
    return need


def _solved(
    experiment: Experiment, survey: Survey, reference: Reference, need: Need, system: Array
) -> Need:
    """Solve the system of a place, and try the solution."""
    base = survey.outcome.gradient
    missing = -reference.errors(base)
    answer, rank = least_squares(system, missing)
    unique, telling = bool(rank == system.shape[1]), bool(rank < missing.size)
    found = replace(
        need, unique=unique, telling=telling, system=system, missing=missing, shift=answer
    )
    outcome = _moved(experiment, reference, found.shifts(survey))
    if reference.accepts(outcome):
        found.exists = True
    elif outcome is not None and _is_affine(found, outcome.gradient - base):
        found.exists = False
    return found


def _complex_need(
    experiment: Experiment, survey: Survey, reference: Reference, need: Need
) -> Need | None:
    """Ask whether complex values would do where no real ones do; None where that is no question.

    It is one in programs with complex values, where an imaginary part gets into the gradient: it
    may have been dropped too early, or never have come in.
    """
    values = {e: survey.recording.values[e] for e in need.events}
    if any(is_complex(v) for v in values.values()):
        return None
    if not any(is_complex(v) for v in survey.recording.values.values()):
        return None
    base = survey.outcome.gradient
    moved = _moved(experiment, reference, {e: 1j * v for e, v in values.items()})
    if moved is None or np.array_equal(moved.gradient, base):
        return None
    columns: list[Array] = []
    for event, value in values.items():
        amount = max(float(np.max(np.abs(value))), 1e-3)
        for unit in units(value):
            moved = _moved(experiment, reference, {event: 1j * amount * unit})
            if moved is None:
                return None
            columns.append((moved.gradient - base) / amount)
    both = np.stack([need.system, np.array(columns).T], axis=2)
    lifted = replace(need, exists=None, lifted=True)
    return _solved(experiment, survey, reference, lifted, both.reshape(base.size, -1))


def least_squares(system: Array, missing: Array) -> tuple[Array, int]:
    """Return the smallest solution of a system of equations, and its rank."""
    answer, _, rank, _ = np.linalg.lstsq(system, missing, rcond=1e-9)
    return np.asarray(answer, dtype=np.float64), int(rank)


def exist_together(needs: Sequence[Need]) -> bool:
    """Tell whether other values of several places together would make the gradient right."""
    if not all(need.system.size for need in needs):
        return False
    system, missing = np.concatenate([n.system for n in needs], axis=1), needs[0].missing
    answer, _ = least_squares(system, missing)
    scale = float(np.max(np.abs(missing), initial=0.0))
    return bool(np.all(np.abs(system @ answer - missing) <= _SOLVED * scale))


def _is_affine(need: Need, moved: Array) -> bool:
    """Tell whether a change of all values moved the gradient as the sum of its parts."""
    expected = need.system @ need.shift
    scale = float(np.max(np.abs(expected), initial=0.0))
    return scale > 0 and bool(np.all(np.abs(moved - expected) <= _LINEAR * scale))


def _moved(
    experiment: Experiment, reference: Reference, shifts: Mapping[Event, Numbers]
) -> Outcome | None:
    outcome = experiment.run_focused(reference.theta, shifted(shifts))
    if outcome is None or not np.isfinite(outcome.gradient).all():
        return None
    return outcome


def shifted(shifts: Mapping[Event, Numbers]) -> dict[int, Change]:
    """Return the changes for the hook that add something to the values of events."""
    by_site: dict[int, dict[int, Numbers]] = {}
    for (site, number), shift in shifts.items():
        by_site.setdefault(site, {})[number] = shift

    def change_of(mine: dict[int, Numbers]) -> Change:
        def change(count: int, value: Numbers) -> Numbers | None:
            return value + mine[count] if count in mine else None

        return change

    return {site: change_of(mine) for site, mine in by_site.items()}


@dataclass(slots=True, eq=False)
class Setting:
    """Where an expression stands: what is in reach each time, and what it should give.

    Attributes
    ----------
    spaces : list of dict
        Names and what they hold, each time the expression is evaluated.
    values : list of ndarray
        What it gave.
    system : ndarray, shape (n, p)
    missing : ndarray, shape (n,)
        A change of the unknowns of the values, laid end to end, is right when ``system @ change ==
        missing``.
    whole : bool
        What is missing are entries of the gradient; otherwise something that follows from them.
    follow : frozenset of str
        Names that would hold something else if the values were right: an expression that reads
        them has to be run to be judged.
    """

    spaces: list[dict[str, Any]]
    values: list[Numbers]
    system: Array
    missing: Array
    whole: bool = True
    follow: frozenset[str] = frozenset()

    def among(self, rows: NDArray[np.bool_]) -> Setting:
        """Return the same with only some entries of the gradient to be made right."""
        system, missing = self.system[rows], self.missing[rows]
        return Setting(self.spaces, self.values, system, missing, True, self.follow)


def setting_of(
    experiment: Experiment,
    survey: Survey,
    reference: Reference,
    line: Line,
    need: Need,
) -> Setting | None:
    """Look around where a value is made; None when what is seen there does not explain it.

    Notes
    -----
    When a wrong value comes back as an input of the same place, in a recurrence, its surroundings
    are taken from the run in which the needed values stand in its place. These have to be unique.
    """
    unit = experiment.program.units[need.site.unit]
    expression = need.site.expression()
    code = None if expression is None else compile_expression(expression)
    if expression is None or code is None:
        return None
    top = _globals_for(unit, expression)
    _, recording = experiment.record_scenes(reference.theta, line.statement, need.site)
    spaces = [{**top, **scene} for scene in recording.scenes]
    values = _explained(code, spaces, [recording.values.get(e) for e in need.events])
    if values is None:
        return None
    values = [need.seen_as(value) for value in values]
    changes = shifted(need.shifts(survey))
    _, solved = experiment.record_scenes(reference.theta, line.statement, need.site, changes)
    afterwards = [{**top, **scene} for scene in solved.scenes]
    again = _evaluated(code, afterwards)
    if again is not None:
        again = [need.seen_as(value) for value in again]
    if again is None or [a.dtype for a in again] != [v.dtype for v in values]:
        return None
    follow = _differing(recording.scenes, solved.scenes)
    unmoved = all(np.array_equal(a, b) for a, b in zip(again, values, strict=True))
    if unmoved and not (follow and need.unique):
        return Setting(spaces, values, need.system, need.missing, True, follow)
    if need.unique:
        lacking = [flattened(part) for part in need.shifts(survey).values()]
        return _entry_by_entry(afterwards, again, lacking)
    return _first_time(spaces, values, need)


def setting_with(
    experiment: Experiment,
    reference: Reference,
    line: Line,
    need: Need,
    values: Sequence[Numbers],
    changes: dict[int, Change],
) -> Setting | None:
    """Look around where a value is made while the right values stand in its place.

    Returns
    -------
    Setting or None
        None when the gradient is not right with these values.
    """
    outcome, recording = experiment.record_scenes(
        reference.theta, line.statement, need.site, changes
    )
    if not reference.accepts(outcome):
        return None
    expression = need.site.expression()
    code = None if expression is None else compile_expression(expression)
    if expression is None or code is None:
        return None
    top = _globals_for(experiment.program.units[need.site.unit], expression)
    spaces = [{**top, **scene} for scene in recording.scenes]
    made = _evaluated(code, spaces)
    if made is None or [m.shape for m in made] != [v.shape for v in values]:
        return None
    lacking: list[Array] = []
    for value, other in zip(values, made, strict=True):
        change = change_between(value, other)
        if change is None:
            return None
        lacking.append(change)
    return _entry_by_entry(spaces, made, lacking)


def _entry_by_entry(
    spaces: list[dict[str, Any]], values: list[Numbers], lacking: list[Array]
) -> Setting:
    """Return a setting in which every unknown is known: some of many times will do."""
    if len(spaces) > _MOST_TIMES:
        sizes = [float(np.max(np.abs(part), initial=0.0)) for part in lacking]
        chosen = sorted(np.argsort(sizes)[::-1][:_MOST_TIMES])
        spaces = [spaces[i] for i in chosen]
        values, lacking = [values[i] for i in chosen], [lacking[i] for i in chosen]
    missing = np.concatenate(lacking)
    return Setting(spaces, values, np.eye(missing.size), missing, False)


def _globals_for(unit: Unit, node: ast.AST) -> dict[str, Any]:
    """Return the names at the top of the file, with copies of what an expression reads."""
    top = dict[str, Any]()
    for functions in unit.functions.values():
        top = functions[0].__globals__
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return {**top, **{name: frozen(top[name]) for name in names if name in top}}


def _differing(
    scenes: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]
) -> frozenset[str]:
    """Return the names that hold something else in another run."""
    return frozenset(
        name
        for scene, other in zip(scenes, others, strict=True)
        for name, held in scene.items()
        if not _alike(held, other.get(name))
    )


def _alike(a: Any, b: Any, depth: int = 4) -> bool:
    """Tell whether two values hold the same numbers."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        array = cast("NDArray[Any]", a)
        if array.dtype.kind == "O":
            return array.shape == b.shape and _alike(array.tolist(), b.tolist(), depth)
        numbers = array.dtype.kind in "fc" and b.dtype.kind in "fc"
        return bool(np.array_equal(array, b, equal_nan=numbers))
    if isinstance(a, float | int | str):
        return bool(a == b)
    if depth == 0:
        return True
    if isinstance(a, dict):
        mine = cast("dict[Any, Any]", a)
        return mine.keys() == b.keys() and all(_alike(v, b[k], depth - 1) for k, v in mine.items())
    if isinstance(a, list | tuple):
        parts = cast("list[Any]", a)
        return len(parts) == len(b) and all(
            _alike(v, w, depth - 1) for v, w in zip(parts, b, strict=True)
        )
    space = getattr(a, "__dict__", None)
    return type(space) is not dict or _alike(space, vars(b), depth - 1)


def _first_time(spaces: list[dict[str, Any]], values: list[Numbers], need: Need) -> Setting | None:
    """Judge by the first value alone, whose surroundings no other can have made wrong.

    The others may be anything: what they could make up for does not count.
    """
    first = extent(values[0])
    others = need.system[:, first:]
    basis, sizes, _ = np.linalg.svd(others, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * max(float(np.max(sizes, initial=0.0)), 1e-300)]
    system = need.system[:, :first]
    system = system - basis @ (basis.T @ system)
    missing = need.missing - basis @ (basis.T @ need.missing)
    if np.max(np.abs(missing)) <= _TELLING * np.max(np.abs(need.missing)):
        return None
    return Setting(spaces[:1], values[:1], system, missing, False)


def compile_expression(node: ast.AST) -> Any:
    """Compile an expression of the tree by itself; None when it is none."""
    try:
        return compile(ast.unparse(node), "<expression>", "eval")
    except (SyntaxError, ValueError):
        return None


def _evaluated(code: Any, spaces: Sequence[dict[str, Any]]) -> list[Numbers] | None:
    found: list[Numbers] = []
    try:
        for space in spaces:
            found.append(as_numbers(eval(code, protected(code, space))))
    except Exception:
        return None
    return found


def _explained(
    code: Any, spaces: Sequence[dict[str, Any]], seen: Sequence[Numbers | None]
) -> list[Numbers] | None:
    """Return the values, when the expression gives in its surroundings what was seen."""
    values = _evaluated(code, spaces)
    if values is None or len(values) != len(seen):
        return None
    for value, other in zip(values, seen, strict=True):
        if other is None or value.shape != other.shape or value.dtype != other.dtype:
            return None
        if not np.allclose(value, other, 1e-12):
            return None
    return values
