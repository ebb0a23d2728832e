"""What every place in the source does to the cost and to the gradient, by doubling its values."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradaudit.backprop.events import Array, Change, Event, Numbers, Recording, is_complex
from gradaudit.backprop.experiment import Experiment, Outcome
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.reference import Reference

Kind = Literal["forward", "backward", "dead", "unknown"]


@dataclass(slots=True, eq=False)
class Effect:
    """What doubling all values of a site did.

    Attributes
    ----------
    kind : str
        "forward": the cost moved; "backward": only the gradient did; "dead": neither;
        "unknown": the program did not run.
    shift : ndarray or None
        How the gradient moved, for backward sites.
    reach : ndarray of bool or None
        Which entries of the gradient move with the site, zeros filled in.
    """

    kind: Kind
    shift: Array | None = None
    reach: NDArray[np.bool_] | None = None


@dataclass(slots=True, eq=False)
class Line:
    """One statement that may be at fault.

    Attributes
    ----------
    statement : ast.stmt
    unit : int
    sites : list of Site
    first_seen : int
        When its first value was seen in the run; large when none was.
    reach : ndarray of bool, shape (n,)
        Which entries of the gradient move with its values.
    certain : bool
        Whether the reach is known; not for integers and masks.
    """

    statement: ast.stmt
    unit: int
    scope: ast.AST
    sites: list[Site] = field(default_factory=list[Site])
    first_seen: int = 10**9
    reach: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    certain: bool = False


@dataclass(slots=True, eq=False)
class Survey:
    """All that one point has told about the program.

    Attributes
    ----------
    recording : Recording
        Of the unchanged run.
    outcome : Outcome
    effects : dict
        By number of the site.
    lines : list of Line
        All statements that may be at fault, in the order of the run.
    frozen : set of ast.AST
        Nodes that the cost depends on.
    neutral : list of Line
        The statements they make up: a mistake there may still leave the cost as it is.
    """

    recording: Recording
    outcome: Outcome
    effects: dict[int, Effect]
    lines: list[Line]
    frozen: set[ast.AST]
    neutral: list[Line]


def doubled(_count: int, value: Numbers) -> Numbers:
    """Return twice a value."""
    return 2.0 * value


def filled(_count: int, value: Numbers) -> Numbers:
    """Return twice a value, with something in the place of its zeros."""
    return np.where(value == 0, 0.5 * float(np.max(np.abs(value), initial=0.0)) or 0.1, 2 * value)


def turned(_count: int, value: Numbers) -> Numbers:
    """Return a value with an imaginary part as large as it is."""
    return value + 1j * value


def stirred(_count: int, value: Numbers) -> Numbers:
    """Return a value with each entry changed by another factor: nothing is undone by accident."""
    return value * np.random.default_rng(value.size).uniform(1.1, 2.0, value.shape)


def look_closer(experiment: Experiment, reference: Reference, survey: Survey, line: Line) -> None:
    """Learn what a line reaches where doubling all of a value shows nothing.

    A difference of two entries, a mean that is taken off: one evaluation for each value.
    """
    for site in line.sites:
        effect = survey.effects.get(site.number)
        if site.role in ("value", "store") and effect is not None and effect.kind == "backward":
            _widen(experiment, reference, survey.outcome, site, effect, stirred)
            if effect.reach is not None:
                line.reach |= effect.reach


def survey(experiment: Experiment, reference: Reference) -> Survey | None:
    """Double the values of each place in turn; None when the hooked program differs.

    Notes
    -----
    One evaluation for each place at the level of statements, and one for each part of those on
    which the cost does not depend.
    """
    outcome, recording = experiment.record(reference.theta)
    if outcome is None or outcome.cost != reference.outcome.cost:
        return None
    if not np.array_equal(outcome.gradient, reference.outcome.gradient):
        return None
    effects: dict[int, Effect] = {}
    real = {event[0] for event in recording.values}
    empty = {event[0] for event, value in recording.values.items() if not np.all(value)}
    flat = {event[0] for event, value in recording.values.items() if not is_complex(value)}
    if flat == real:  # no complex numbers anywhere
        flat = set[int]()
    tops = [s for s in experiment.sites if s.role in ("value", "store", "target")]
    for site in tops:
        if site.number in real:
            effects[site.number] = _effect(experiment, reference, outcome, site)
            if site.number in empty:
                _widen(experiment, reference, outcome, site, effects[site.number], filled)
            if site.number in flat:
                _widen(experiment, reference, outcome, site, effects[site.number], turned)
    frozen = _frozen(experiment.sites, effects)
    for site in experiment.sites:
        if site.number in real and site.number not in effects and site.node not in frozen:
            effects[site.number] = _effect(experiment, reference, outcome, site)
    frozen |= _frozen(experiment.sites, effects)
    lines = _lines(experiment, recording, effects, frozen, outcome.gradient.size)
    neutral = _lines(experiment, recording, effects, frozen, outcome.gradient.size, neutral=True)
    return Survey(recording, outcome, effects, lines, frozen, neutral)


def _effect(experiment: Experiment, reference: Reference, outcome: Outcome, site: Site) -> Effect:
    change: Change = doubled
    moved = experiment.run_changed(reference.theta, {site.number: change})
    if moved is None:
        return Effect("unknown")
    if moved.cost != outcome.cost:
        return Effect("forward")
    shift = moved.gradient - outcome.gradient
    if not np.any(shift != 0):
        return Effect("dead")
    return Effect("backward", shift, shift != 0)


def _widen(
    experiment: Experiment,
    reference: Reference,
    outcome: Outcome,
    site: Site,
    effect: Effect,
    change: Change,
) -> None:
    """Learn what a site reaches where doubling a zero, or a zero imaginary part, shows nothing."""
    if effect.kind not in ("backward", "dead"):
        return
    moved = experiment.run_changed(reference.theta, {site.number: change})
    if moved is None or moved.cost != outcome.cost:
        return
    more = moved.gradient != outcome.gradient
    if more.any():
        effect.reach = more if effect.reach is None else effect.reach | more


def _frozen(sites: Iterable[Site], effects: dict[int, Effect]) -> set[ast.AST]:
    """Return all nodes within something that the cost depends on."""
    frozen: set[ast.AST] = set()
    for site in sites:
        effect = effects.get(site.number)
        if effect is None or effect.kind != "forward":
            continue
        node: ast.AST = site.node
        if site.role in ("store", "target"):
            node = site.statement
            if isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
                node = getattr(node, "iter", None) or getattr(node, "test", site.node)
            elif isinstance(node, ast.Expr) and site.role == "store":
                node = node.value
        frozen.update(ast.walk(node))
        if isinstance(node, ast.stmt):
            frozen.add(node)
        elif site.role == "value" and node is getattr(site.statement, "value", None):
            # the whole value of the statement: its target belongs to the cost, too
            frozen.update(
                n for n in ast.walk(site.statement) if not isinstance(n, ast.expr_context)
            )
    return frozen


def _lines(
    experiment: Experiment,
    recording: Recording,
    effects: dict[int, Effect],
    frozen: set[ast.AST],
    size: int,
    *,
    neutral: bool = False,
) -> list[Line]:
    order: dict[int, int] = {}
    for position, (site, _) in enumerate(recording.values):
        order.setdefault(site, position)
    lines: dict[ast.stmt, Line] = {}
    for site in experiment.sites:
        if site.number not in recording.looks or (site.statement in frozen) != neutral:
            continue
        line = lines.get(site.statement)
        if line is None:
            line = Line(site.statement, site.unit, site.scope, reach=np.zeros(size, dtype=np.bool_))
            lines[site.statement] = line
        line.sites.append(site)
        if site.role in ("value", "store", "target"):
            line.first_seen = min(line.first_seen, order.get(site.number, 10**9))
        effect = effects.get(site.number)
        if effect is not None and effect.reach is not None:
            line.certain = True
            line.reach |= effect.reach
    return sorted(lines.values(), key=lambda line: line.first_seen)


def last_event(recording: Recording, site: int) -> Event | None:
    """Return the last time that a site was seen."""
    count = 0
    while (site, count) in recording.values:
        count += 1
    return (site, count - 1) if count else None
