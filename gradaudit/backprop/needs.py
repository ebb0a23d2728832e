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
)
from gradaudit.backprop.experiment import Experiment, Outcome
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.program import Unit
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Effect, Line, Survey

# more unknowns than this are not solved for: one evaluation each
_MOST: Final = 160
# but whether there is a solution is known from as many random changes as the rank, and one
_MOST_PROBED: Final = 4000
_DEPENDENT: Final = 1e-9
_DEAD: Final = 1e-9
# a change that moves the gradient by less than this part of what is missing shows nothing
_FEEBLE: Final = 1e-3
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
    system : ndarray, shape (n, p) or (n, k)
        How the entries of the gradient move with each of the p unknowns of all its values: their
        entries, of complex values the real and imaginary parts; or with each of k random changes
        of all values, which move it in all the ways that any can.
    missing : ndarray, shape (n,)
        What the gradient lacks.
    shift : ndarray, shape (p,)
        A change that makes it right, where one exists; the smallest where each unknown is known.
    lifted : bool
        The values are real, and would have to be complex: what was asked for are complex ones.
    probes : ndarray, shape (p, k), or None
        The random changes; None where the system is that of the unknowns.
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
    probes: Array | None = None

    def may_help(self, right: NDArray[np.bool_]) -> bool:
        """Tell whether any other values make one more entry right, and no right one wrong."""
        for entry in np.flatnonzero(~right & np.any(self.system != 0, axis=1)):
            rows = right.copy()
            rows[entry] = True
            if self.among(rows).exists:
                return True
        return False

    def live(self, survey: Survey) -> NDArray[np.bool_]:
        """Tell which unknowns of the values have any effect at all."""
        effects = np.max(np.abs(self.system), axis=0) * _amounts(self.values(survey))
        return effects > _DEAD * float(np.max(effects, initial=0.0))

    def is_settled(self, survey: Survey) -> bool:
        """Tell whether only one change of the unknowns that have an effect is right."""
        live = self.system[:, self.live(survey)]
        return least_squares(live, self.missing)[1] == live.shape[1]

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
        return self.laid_out(survey, self.shift)

    def values(self, survey: Survey) -> list[Numbers]:
        """Return the values, each time, as what they are asked to be."""
        return [self.seen_as(survey.recording.values[e]) for e in self.events]

    def laid_out(self, survey: Survey, shift: Array) -> dict[Event, Numbers]:
        """Return a change of all unknowns, laid end to end, in the shapes of the values."""
        found: dict[Event, Numbers] = {}
        start = 0
        for event, value in zip(self.events, self.values(survey), strict=True):
            found[event] = restored(shift[start : start + extent(value)], value)
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
    A backward pass is affine in its values, and in the real and imaginary parts of complex ones.
    All values of the place are changed at random, until one more such change moves the gradient
    in no new way: as many evaluations as the rank of the system, and one. The solution among
    these changes is tried by one more. Where the program is not affine in the values, a solution
    that fails tells nothing.
    """
    events = [e for e in survey.recording.values if e[0] == site.number]
    need = _solved(experiment, survey, reference, Need(site, events, None))
    if need.exists is False:
        return _complex_need(experiment, survey, reference, need) or need
    return need


def _solved(experiment: Experiment, survey: Survey, reference: Reference, bare: Need) -> Need:
    """Solve the system of a place, and try the solution."""
    size = sum(extent(value) for value in bare.values(survey))
    if not bare.events or size > _MOST_PROBED:
        return bare
    measured = _probed(experiment, survey, reference, bare)
    if measured is None:
        return bare
    system, probes = measured
    missing = -reference.errors(survey.outcome.gradient)
    answer, rank = least_squares(system, missing)
    need = replace(
        bare,
        unique=bool(rank == size),
        telling=bool(rank < missing.size),
        system=system,
        missing=missing,
        shift=probes @ answer,
        probes=probes,
    )
    outcome = _moved(experiment, reference, need.shifts(survey))
    if reference.accepts(outcome):
        need.exists = True
    elif outcome is not None and _is_affine(experiment, survey, reference, need, answer, outcome):
        need.exists = False
    if probes.shape[1] == size:
        return completed(experiment, survey, reference, need)  # nothing is left to be run
    return need


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
    if 2 * sum(value.size for value in values.values()) > _MOST:
        return None
    moved = _moved(experiment, reference, {e: 1j * v for e, v in values.items()})
    if moved is None or np.array_equal(moved.gradient, survey.outcome.gradient):
        return None
    lifted = _solved(experiment, survey, reference, Need(need.site, need.events, None, lifted=True))
    return lifted if lifted.system.size else None


def first_alone(
    experiment: Experiment, survey: Survey, reference: Reference, need: Need
) -> Need | None:
    """Return what the first of several values of a place has to be; None when that cannot be told.

    Notes
    -----
    A function that serves several layers is not affine in all its values together, where one
    layer's are multiplied by the next one's. What the later times do not reach depends on the
    first alone.
    """
    later = replace(need, events=need.events[1:])
    amounts = _amounts(later.values(survey))
    draw = np.random.default_rng(amounts.size).standard_normal(amounts.size)
    moved = _along(experiment, survey, reference, later, amounts * draw)
    if moved is None:
        return None
    rows = moved == 0
    if not (rows & reference.wrong(survey.outcome.gradient)).any():
        return None
    bare = replace(need, events=need.events[:1], exists=None, system=np.zeros((0, 0)))
    size = _amounts(bare.values(survey)).size
    measured = None if size > _MOST else _probed(experiment, survey, reference, bare)
    if measured is None:
        return None
    missing = -reference.errors(survey.outcome.gradient)
    system, probes = measured
    probed = replace(bare, system=system, missing=missing, probes=probes, shift=np.zeros(size))
    first = completed(experiment, survey, reference, probed).among(rows)
    again = _along(experiment, survey, reference, bare, first.shift + amounts[0] * draw[0])
    expected = first.system @ (first.shift + amounts[0] * draw[0])
    scale = float(np.max(np.abs(expected), initial=0.0))
    if again is None or np.any(np.abs(again[rows] - expected) > _LINEAR * scale):
        return None
    return first


def completed(experiment: Experiment, survey: Survey, reference: Reference, need: Need) -> Need:
    """Return the same with what each entry does, by the changes that were left out."""
    amounts = _amounts(need.values(survey))
    size = amounts.size
    if need.probes is None or size > _MOST:
        return need
    directions = _directions(size)
    columns = list(need.system.T)
    for direction in directions[need.probes.shape[1] :]:
        moved = _along(experiment, survey, reference, need, amounts * direction)
        if moved is None:
            return need
        columns.append(moved)
    system = np.array(columns).T @ directions / amounts / size
    answer, rank = least_squares(system, need.missing)
    unique, telling = bool(rank == size), bool(rank < need.missing.size)
    return replace(need, unique=unique, telling=telling, system=system, shift=answer, probes=None)


def _amounts(values: Sequence[Numbers]) -> Array:
    """Return by how much each unknown is moved."""
    sizes = [max(float(np.max(np.abs(value))), 1e-3) for value in values]
    return np.concatenate([np.full(extent(v), s) for v, s in zip(values, sizes, strict=True)])


def _directions(size: int) -> Array:
    """Return random changes, one in each row; at right angles where all of them may be wanted."""
    draw = np.random.default_rng(size)
    if size > _MOST:
        return draw.standard_normal((min(size, _MOST_PROBED), size))
    return np.linalg.qr(draw.standard_normal((size, size)))[0] * np.sqrt(size)


def _probed(
    experiment: Experiment, survey: Survey, reference: Reference, bare: Need
) -> tuple[Array, Array] | None:
    """Return how random changes move the gradient, and the changes; None when one cannot be run."""
    amounts = _amounts(bare.values(survey))
    basis = np.zeros((survey.outcome.gradient.size, 0))
    columns: list[Array] = []
    probes: list[Array] = []
    for direction in _directions(amounts.size):
        moved = _along(experiment, survey, reference, bare, amounts * direction)
        if moved is None:
            return None
        columns.append(moved)
        probes.append(amounts * direction)
        left = moved - basis @ (basis.T @ moved)
        left = left - basis @ (basis.T @ left)
        norm = float(np.linalg.norm(left))
        if norm <= _DEPENDENT * float(np.linalg.norm(moved)):
            break
        basis = np.column_stack([basis, left / norm])
        if basis.shape[1] == basis.shape[0]:
            break
    return np.array(columns).T, np.array(probes).T


def _along(
    experiment: Experiment, survey: Survey, reference: Reference, need: Need, shift: Array
) -> Array | None:
    """Return how a change of all values moves the gradient."""
    moved = _moved(experiment, reference, need.laid_out(survey, shift))
    return None if moved is None else moved.gradient - survey.outcome.gradient


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


def _is_affine(
    experiment: Experiment,
    survey: Survey,
    reference: Reference,
    need: Need,
    answer: Array,
    outcome: Outcome,
) -> bool:
    """Tell whether a change of all values moved the gradient as the sum of its parts."""
    expected, moved = need.system @ answer, outcome.gradient - survey.outcome.gradient
    scale = float(np.max(np.abs(expected), initial=0.0))
    if scale <= _FEEBLE * float(np.max(np.abs(need.missing))):
        assert need.probes is not None
        parts: Array = np.linspace(1.0, 2.0, need.probes.shape[1])
        again = _along(experiment, survey, reference, need, need.probes @ parts)
        if again is None:
            return False
        expected, moved = need.system @ parts, again
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


@dataclass(slots=True, eq=False)
class Scenes:
    """What is in reach where a place stands, each time, in the run as it is.

    Attributes
    ----------
    code : code object
        Of the expression.
    top : dict
        Names at the top of the file.
    held : list of dict
        What the local names hold.
    spaces : list of dict
        Both together.
    values : list of ndarray
        What the expression gave.
    """

    code: Any
    top: dict[str, Any]
    held: list[dict[str, Any]]
    spaces: list[dict[str, Any]]
    values: list[Numbers]


def scenes_of(
    experiment: Experiment, reference: Reference, line: Line, need: Need
) -> Scenes | None:
    """Look around where a value is made; None when what is seen there does not explain it."""
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
    return Scenes(code, top, recording.scenes, spaces, values)


def setting_of(
    experiment: Experiment,
    survey: Survey,
    reference: Reference,
    line: Line,
    need: Need,
    scenes: Scenes,
) -> Setting | None:
    """Find out how a place is to be judged; None when that cannot be told.

    Notes
    -----
    When a wrong value comes back as an input of the same place, in a recurrence, its surroundings
    are taken from the run in which the needed values stand in its place. These have to be unique.
    """
    changes = shifted(need.shifts(survey))
    _, solved = experiment.record_scenes(reference.theta, line.statement, need.site, changes)
    afterwards = [{**scenes.top, **scene} for scene in solved.scenes]
    again, values = _evaluated(scenes.code, afterwards), scenes.values
    if again is not None:
        again = [need.seen_as(value) for value in again]
    if again is None or [a.dtype for a in again] != [v.dtype for v in values]:
        return None
    follow = _differing(scenes.held, solved.scenes)
    unmoved = all(np.array_equal(a, b) for a, b in zip(again, values, strict=True))
    if unmoved and not (follow and need.unique):
        return Setting(scenes.spaces, values, need.system, need.missing, True, follow)
    if need.unique:
        lacking = [flattened(part) for part in need.shifts(survey).values()]
        return _entry_by_entry(afterwards, again, lacking)
    return _first_time(scenes.spaces, values, need)


def setting_with(
    experiment: Experiment,
    reference: Reference,
    line: Line,
    need: Need,
    values: Sequence[Numbers],
    changes: dict[int, Change],
    live: NDArray[np.bool_] | None = None,
) -> Setting | None:
    """Look around where a value is made while the right values stand in its place.

    Parameters
    ----------
    experiment, reference, line, need
        The place.
    values : sequence of ndarray
    changes : dict
        Those that put the values there.
    live : ndarray of bool, shape (p,), optional
        The entries of the values that count.

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
    if live is None:
        return _entry_by_entry(spaces, made, lacking)
    system, missing = np.eye(live.size)[live], np.concatenate(lacking)
    return Setting(spaces, made, system, missing[live], False)


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
