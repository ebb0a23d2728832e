"""Search for the edit of one line that makes the whole gradient right."""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, Literal

import numpy as np

from gradaudit.backprop.edits import Edit, Editor, Scope, Spot
from gradaudit.backprop.events import Array, Look
from gradaudit.backprop.experiment import Experiment, Outcome
from gradaudit.backprop.formulas import Formula, Formulas
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.judge import Judge
from gradaudit.backprop.needs import Setting, holes
from gradaudit.backprop.program import Key, Unit
from gradaudit.backprop.reference import Reference
from gradaudit.backprop.survey import Line, Survey
from gradaudit.backprop.vocabulary import Vocabulary, how_to_conjugate, is_harmless
from gradaudit.errors import BudgetExhausted

Stage = Literal["short", "long"]

_COLINEAR: Final = 1e-6
_ROUND: Final = 1e-6
_WAYS: Final = 4
# expressions of other functions that are tried as factors and terms
_BORROWED: Final = 40
# formulas that are run, those that must be right before the search ends, and its time
_MOST_FORMULAS: Final = 12
_ENOUGH: Final = 3
_FORMULA_SECONDS: Final = 2.0
_FORMS: Final[tuple[tuple[str, Callable[[float], float]], ...]] = (
    ("{n}", lambda n: n),
    ("1 / {n}", lambda n: 1 / n),
    ("-{n}", lambda n: -n),
    ("-1 / {n}", lambda n: -1 / n),
    ("2 * {n}", lambda n: 2 * n),
    ("2 / {n}", lambda n: 2 / n),
    ("0.5 * {n}", lambda n: n / 2),
    ("(1 - {n})", lambda n: 1 - n),
    ("{n} ** 2", lambda n: n * n),
)
_NO_VALUES: Final = ("module", "function", "builtin_function_or_method", "type", "NoneType", "str")


@dataclass(slots=True, eq=False)
class Repair:
    """An edit that was tried with success.

    Attributes
    ----------
    line : Line
    edit : Edit
    outcome : Outcome
        At the first point.
    complete : bool
        The whole gradient is right at all points; otherwise some entries more than before.
    gained : int
        Entries that are right with it and were wrong without.
    """

    line: Line
    edit: Edit
    outcome: Outcome
    complete: bool
    gained: int


class Search:
    """The search over lines and edits at known points.

    Parameters
    ----------
    experiment : Experiment
    survey : Survey
    points : sequence of Reference
        The first one complete.
    """

    def __init__(self, experiment: Experiment, survey: Survey, points: Sequence[Reference]) -> None:
        self.experiment = experiment
        self.survey = survey
        self.points = points
        self.found: list[Repair] = []
        self.partial: list[Repair] = []
        self.tried = 0
        self.base = survey.outcome.gradient
        self.wrong = points[0].wrong(self.base)
        self.missing = -points[0].errors(self.base)
        self._scopes: dict[ast.AST, Scope] = {}
        self._editors: dict[ast.stmt, Editor] = {}
        # the settings are kept beside, so that their places in memory stay their own
        self._written: dict[tuple[int, ...], tuple[list[Setting], list[Formulas], Vocabulary]] = {}
        self._seen: set[tuple[int, str]] = set()
        self._dismissed: set[tuple[int, str]] = set()
        self.judge = Judge(experiment, survey, points[0])
        self.partly = False
        self._arity = own_functions(experiment)
        self._numpy = numpy_name(experiment)

    def welcome_parts(self) -> None:
        """From now on edits count, too, that make only some of the wrong entries right."""
        self.partly = True
        self._dismissed.clear()

    # -- the tiers --------------------------------------------------------------------------

    def try_factors(self, lines: Iterable[Line]) -> None:
        """Try one factor on any value: found from the survey, without a run of its own."""
        for line in lines:
            spots = {spot.node: spot for spot in self._editor(line).spots}
            for site in line.sites:
                effect = self.survey.effects.get(site.number)
                amount = None
                if effect is not None and effect.shift is not None:
                    amount = self._along(effect.shift)
                if amount is None:
                    continue
                node, factor = _where_a_factor_goes(site, 1.0 + amount)
                if node in spots:
                    self._try_factor(line, spots[node], node, factor)

    def _try_factor(self, line: Line, spot: Spot, node: ast.expr, factor: float) -> None:
        """Try one factor in one place, under the names it may have."""
        before = len(self.found)
        for number in name_number(factor, self.scope(line).numbers, ast.unparse(line.statement)):
            self.attempt(line, self._editor(line).factor(spot, node, number))
            if len(self.found) > before:
                return

    def try_simple(self, line: Line) -> None:
        """Try all edits of what stands there."""
        for edit in self._editor(line).simple():
            self.attempt(line, edit)

    def try_neutral(self, line: Line) -> None:
        """Try edits of a line that the cost depends on, but perhaps not in this respect."""
        unit = self.experiment.program.units[line.unit]
        if ends_a_loop(line.statement, unit):
            return
        scope, parent = self.scope(line), home_of(line.statement, unit)
        editor = Editor(line.statement, scope, parent, thawed=True)
        for edit in editor.simple():
            self.attempt(line, edit)
        if isinstance(line.statement, ast.Expr):  # a call for its effect, such as loss.backward()
            for edit in editor.names():
                self.attempt(line, edit)

    def try_signs(self, line: Line) -> None:
        """Try the other sign, or another factor, for every part."""
        for edit in self._editor(line).signs():
            self.attempt(line, edit)

    def try_names(self, line: Line) -> None:
        """Try any other variable."""
        for edit in self._editor(line).names():
            self.attempt(line, edit)

    def try_insertions(self, line: Line) -> None:
        """Try to add a term or a factor."""
        for edit in self._editor(line).insertions():
            self.attempt(line, edit)

    def try_products(self, line: Line) -> None:
        """Try to add a product of two values, or an expression used elsewhere."""
        for edit in self._editor(line).products():
            self.attempt(line, edit)

    def try_shared(self, line: Line) -> None:
        """Try one factor for all parts that a line puts together."""
        for edit in self._editor(line).shared_factors():
            self.attempt(line, edit)

    def try_rewrites(self, line: Line) -> None:
        """Try a new right-hand side."""
        for edit in self._editor(line).rewrites():
            self.attempt(line, edit)

    def try_formulas(
        self, line: Line, *, partly: bool = False, stages: Sequence[Stage] = ("short", "long")
    ) -> bool:
        """Look for an expression that gives the values that a line needs.

        Parameters
        ----------
        line : Line
        partly : bool
            What is asked for are values that make some more entries right.
        stages : sequence of {"short", "long"}
            The expressions to try, until some help.

        Returns
        -------
        bool
            False when the line cannot be judged by its values alone.
        """
        judged = True
        for site in holes(self.survey, line):
            settings = self._settings(line, site, partly=partly)
            judged = judged and (
                (all(not setting.follow for setting in settings) and bool(settings))
                or self.judge.need(site).exists is False
            )
            expression = site.expression()
            if settings and expression is not None:
                self._try_formulas_of(line, expression, settings, stages)
        return judged

    def _try_formulas_of(
        self, line: Line, node: ast.expr, settings: list[Setting], stages: Sequence[Stage]
    ) -> None:
        """Try the expressions of each stage in each setting, until some help."""
        all_formulas, vocabulary = self._expressions(line, node, settings)
        before = len(self.found) + len(self.partial)
        for stage in stages:
            for formulas in all_formulas:
                self.experiment.evaluator.require_time()
                search = formulas.long if stage == "long" else formulas.short
                self._try_stage(line, self._editor(line), search(vocabulary))
                if len(self.found) + len(self.partial) > before:
                    return

    def _expressions(
        self, line: Line, node: ast.expr, settings: list[Setting]
    ) -> tuple[list[Formulas], Vocabulary]:
        """Return what is made once for both stages."""
        key = tuple(id(setting) for setting in settings)
        if key not in self._written:
            formulas = [Formulas(node, setting, _FORMULA_SECONDS) for setting in settings]
            vocabulary = self._vocabulary(line, settings[0], formulas[0])
            self._written[key] = settings, formulas, vocabulary
        _, formulas, vocabulary = self._written[key]
        return formulas, vocabulary

    def _settings(self, line: Line, site: Site, *, partly: bool) -> list[Setting]:
        """Return what is needed where a place stands; nothing when that is not known."""
        if partly:
            return list(self.judge.part_settings(line, site))
        expression = site.expression()
        if not self.judge.is_open(site) or expression is None or not is_harmless(expression):
            return []
        known = self.judge.setting(line, site)
        if known is None or known.follow:
            known = self.judge.true_setting(line, site) or known
        return [] if known is None else [known]

    def _vocabulary(self, line: Line, setting: Setting, formulas: Formulas) -> Vocabulary:
        trees = [line.scope, *(unit.tree for unit in self.experiment.program.units)]
        return Vocabulary(
            setting.spaces,
            trees,
            self._arity,
            self._numpy,
            formulas.shapes(),
            ast.unparse(line.statement),
            _FORMULA_SECONDS,
        )

    def _try_stage(self, line: Line, editor: Editor, formulas: list[Formula]) -> None:
        spots = {spot.node: spot for spot in editor.spots}
        before = len(self.found) + len(self.partial)
        self.experiment.keeper.restore()  # what was evaluated may have called the user's functions
        for formula in [f for f in formulas if f.node in spots][:_MOST_FORMULAS]:
            for amount, constant in self._amounts(line, formula):
                self.attempt(line, editor.formula(spots[formula.node], formula, amount, constant))
            if len(self.found) + len(self.partial) - before > _ENOUGH:
                return

    def _amounts(
        self, line: Line, formula: Formula
    ) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
        """Name the numbers of a formula."""
        near, numbers = ast.unparse(line.statement), self.scope(line).numbers
        amounts: list[ast.expr | None] = [None]
        constants: list[ast.expr | None] = [None]
        if abs(abs(formula.amount) - 1.0) > _ROUND:
            amounts = list(name_number(abs(formula.amount), numbers, near))
        if formula.kind in ("slope", "line") and abs(formula.constant - 1.0) > _ROUND:
            constants = list(name_number(formula.constant, numbers, near))
        yield from itertools.islice(itertools.product(amounts, constants), _WAYS)

    # -- one edit ---------------------------------------------------------------------------

    def attempt(self, line: Line, edit: Edit) -> None:
        """Run the program with an edit and keep the edit when it helps."""
        key = (id(edit.parent) ^ hash((edit.name, edit.index)), _dumped(edit.new))
        if key in self._seen or key in self._dismissed:
            return
        self.experiment.evaluator.require_time()  # most edits are judged without a run
        if self.judge.dismisses(line, edit, partly=self.partly):
            self._dismissed.add(key)
            return
        self._seen.add(key)
        codes = self.compiled(line, edit)
        if codes is None:
            return
        self.tried += 1
        outcome = self.experiment.run_edited(self.points[0].theta, line.unit, codes)
        if outcome is None or not self.points[0].same_cost(outcome):
            self._require_unchanged()
            return
        if not np.isfinite(outcome.gradient).all():
            return
        wrong = self.points[0].wrong(outcome.gradient)
        if not wrong.any():
            if self._holds_elsewhere(line, codes):
                gained = int(self.wrong.sum())
                self.found.append(Repair(line, edit, outcome, True, gained))
            return
        if not (wrong & ~self.wrong).any() and (self.wrong & ~wrong).any():
            gained = int((self.wrong & ~wrong & (outcome.gradient != 0)).sum())
            if gained:
                self.partial.append(Repair(line, edit, outcome, False, gained))
        if edit.scaled is not None:
            self._solve(line, edit, outcome)

    def _require_unchanged(self) -> None:
        """Stop when an edit that was tried has changed data which nothing puts back.

        Raises
        ------
        BudgetExhausted
            What was learned before is kept.
        """
        again = self.experiment.run(self.points[0].theta)
        if again is None or not self.points[0].same_cost(again):
            raise BudgetExhausted("an edit that was tried changed the data of the function")

    def _solve(self, line: Line, edit: Edit, outcome: Outcome) -> None:
        """Find the factor with which an edit would be right, if it only lacks one."""
        amount = self._along(outcome.gradient - self.base)
        if amount is None or edit.scaled is None or abs(amount - 1.0) < _ROUND:
            return
        wanted = amount
        if edit.kind == "constant":
            old, new = _constant_of(edit.old), _constant_of(edit.new)
            if old is None or new is None:
                return
            wanted = old + amount * (new - old)
        elif edit.kind == "sign":
            wanted = 1.0 - 2.0 * amount
        before = len(self.found)
        near = ast.unparse(line.statement)
        for factor in name_number(wanted, self.scope(line).numbers, near):
            self.attempt(line, edit.with_new(edit.scaled(factor), edit.weight + 0.3))
            if len(self.found) > before:
                return

    def _along(self, shift: Array) -> float | None:
        """Return the multiple of a shift that makes the gradient right, if there is one."""
        square = float(shift @ shift)
        if not math.isfinite(square) or square == 0.0:
            return None
        amount = float(shift @ self.missing) / square
        left = self.missing - amount * shift
        scale = np.abs(self.missing) + np.abs(amount * shift)
        bars = 20 * self.points[0].bars + _COLINEAR * float(np.max(scale))
        if (np.abs(left) > bars + 1e-5 * scale).any():
            return None
        return amount

    def compiled(self, line: Line, edit: Edit) -> dict[Key, CodeType] | None:
        """Compile the unit with an edit; None when that is no program."""
        unit = self.experiment.program.units[line.unit]
        try:
            with edit.applied():
                return unit.compile()
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return None

    def _holds_elsewhere(self, line: Line, codes: dict[Key, CodeType]) -> bool:
        for point in self.points[1:]:
            outcome = self.experiment.run_edited(point.theta, line.unit, codes)
            if not point.accepts(outcome):
                return False
        return True

    def progresses(self, repair: Repair) -> bool:
        """Tell whether what an edit makes right is right at the other points too."""
        codes = self.compiled(repair.line, repair.edit)
        if codes is None:
            return False
        right = self.wrong & ~self.points[0].wrong(repair.outcome.gradient)
        for point in self.points[1:]:
            outcome = self.experiment.run_edited(point.theta, repair.line.unit, codes)
            if outcome is None or not point.same_cost(outcome):
                return False
            wrong = point.wrong(outcome.gradient)
            before = point.wrong(point.outcome.gradient)
            if (wrong & ~before).any() or (wrong & right).any():
                return False
        return True

    # -- what is known where a line stands --------------------------------------------------

    def _editor(self, line: Line) -> Editor:
        if line.statement not in self._editors:
            self._editors[line.statement] = self._new_editor(line)
        return self._editors[line.statement]

    def _new_editor(self, line: Line) -> Editor:
        unit = self.experiment.program.units[line.unit]
        if ends_a_loop(line.statement, unit):
            return Editor(ast.Pass(), self.scope(line), ast.Module([], []))
        return Editor(line.statement, self.scope(line), home_of(line.statement, unit))

    def scope(self, line: Line) -> Scope:
        """Return what is known of the names where a line stands."""
        if line.scope not in self._scopes:
            self._scopes[line.scope] = self._read_scope(line)
        return self._scopes[line.scope]

    def _constants(self, line: Line) -> dict[str, float]:
        """Return the numbers that stand at the top of the file."""
        known = globals_of(self.experiment.program.units[line.unit])
        return {
            name: float(value)
            for name, value in known.items()
            if type(value) in (float, int) and not name.startswith("_")
        }

    def _read_scope(self, line: Line) -> Scope:
        unit = self.experiment.program.units[line.unit]
        scopes: set[ast.AST] = {line.scope}
        node: ast.AST | None = line.scope
        while node is not None:
            node = unit.parents.get(node)
            if isinstance(node, ast.FunctionDef | ast.Lambda):
                scopes.add(node)
        is_method = "self" in _parameters(line.scope)
        atoms: dict[str, Look] = {}
        parts: dict[str, Look] = {}
        looks: dict[ast.AST, Look] = {}
        numbers: dict[str, float] = {}
        for site in self.experiment.sites:
            look = self.survey.recording.looks.get(site.number)
            if look is None:
                continue
            if site.role not in ("store", "target"):
                looks[site.node] = look
            foreign = site.unit != line.unit or site.scope not in scopes
            if foreign and not (
                site.unit == line.unit
                and is_method
                and (site.text if site.role != "value" else site.target).startswith("self.")
            ):
                continue
            text = site.text
            if site.role == "value":
                text = site.target if _holds_its_value(site.target) else ""
            elif site.role == "part":
                if look.shape is not None and len(site.text) < 60 and len(parts) < 60:
                    parts.setdefault(site.text, look)
                continue
            if (
                text
                and text not in ("return", "yield")
                and _is_atom(text)
                and look.kind not in _NO_VALUES
            ):
                atoms.setdefault(text, look)
                if look.number is not None:
                    numbers.setdefault(text, look.number)
        self._borrow_parts(parts, atoms)
        for name, number in self._constants(line).items():
            atoms.setdefault(name, Look("f", (), number))
            numbers.setdefault(name, number)
        made = {
            n.id
            for n in ast.walk(line.scope)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        for name in sorted((made | _parameters(line.scope)) - {"self", "cls", "_"}):
            atoms.setdefault(name, Look("?", None))
        for text, number in (*_lengths(atoms), *_literals(unit.tree)):
            numbers.setdefault(text, number)
        return Scope(
            atoms,
            looks,
            self._arity,
            self.survey.frozen,
            self._numpy,
            how_to_conjugate(globals_of(unit), self._numpy),
            parts,
            numbers,
        )

    def _borrow_parts(self, parts: dict[str, Look], atoms: dict[str, Look]) -> None:
        """Add the expressions of other functions that can be read here, too."""
        known = {*atoms, self._numpy, *self._arity}
        borrowed = 0
        for site in self.experiment.sites:
            look = self.survey.recording.looks.get(site.number)
            if site.role != "part" or look is None or look.shape is None or site.text in parts:
                continue
            names = {n.id for n in ast.walk(site.node) if isinstance(n, ast.Name)}
            if borrowed < _BORROWED and len(site.text) < 40 and names and names <= known:
                parts[site.text] = look
                borrowed += 1


def _lengths(atoms: dict[str, Look]) -> Iterator[tuple[str, float]]:
    """Yield how many entries arrays have, in all and along each axis."""
    for text, look in atoms.items():
        if look.shape and "[" not in text:
            yield f"{text}.size", float(math.prod(look.shape))
            for axis, length in enumerate(look.shape):
                yield f"{text}.shape[{axis}]", float(length)


def _literals(tree: ast.AST) -> Iterator[tuple[str, float]]:
    """Yield the numbers with a fraction that the source is written with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is float:
            yield repr(node.value), node.value


def _where_a_factor_goes(site: Site, factor: float) -> tuple[ast.expr | None, float]:
    """Return the node that a factor of a site's values belongs to, and the factor there."""
    node, statement = site.node, site.statement
    if site.role == "store" and isinstance(statement, ast.AugAssign) and factor != 0.0:
        if isinstance(statement.op, ast.Mult):
            return statement.value, factor
        if isinstance(statement.op, ast.Div):
            return statement.value, 1.0 / factor
    if not isinstance(node, ast.expr) or isinstance(getattr(node, "ctx", None), ast.Store):
        return None, factor
    return node, factor


def _holds_its_value(text: str) -> bool:
    """Tell whether a target holds just what was assigned to it: not a slice of an array."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant | ast.Name)
    return True


def _is_atom(text: str) -> bool:
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _constant_of(node: ast.AST) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant_of(node.operand)
        return None if inner is None else -inner
    value = getattr(node, "value", None)
    return float(value) if isinstance(value, int | float) else None


def _dumped(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ast.dump(node)


def name_number(value: float, numbers: dict[str, float], near: str = "") -> Iterator[ast.expr]:
    """Write a number as people would: 2, 0.5, m, 1 / m; a few ways when there are several.

    Names that stand in `near`, the source of the statement, come first.
    """
    for plain in (-1.0, 0.0, 1.0, 2.0, 0.5, -2.0, -0.5):
        if _near(value, plain):
            yield ast.parse(f"{plain:g}", mode="eval").body
            return
    known = set(re.findall(r"\w+", near))
    names = sorted(
        numbers, key=lambda n: (not n.isidentifier(), re.split(r"\W", n)[0] not in known)
    )
    found = 0
    for form, number_of in _FORMS:
        for name in names:
            number = numbers[name]
            if number in (0.0, 1.0, -1.0) or not math.isfinite(number):
                continue
            if found < _WAYS and _near(value, number_of(number)):
                found += 1
                yield ast.parse(form.format(n=name), mode="eval").body
    rounded = float(f"{value:.4g}")
    if not found and _near(value, rounded):
        yield ast.parse(f"{rounded:.6g}", mode="eval").body
    elif not found and value and _near(1 / value, round(1 / value)):
        yield ast.parse(f"1 / {round(1 / value)}", mode="eval").body


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= _ROUND * max(1e-3, abs(other))


def home_of(statement: ast.stmt, unit: Unit) -> ast.AST:
    """Return what a statement stands in."""
    return unit.parents.get(statement) or ast.Module([statement], [])


def _parameters(scope: ast.AST) -> set[str]:
    arguments = getattr(scope, "args", None)
    return {a.arg for a in arguments.args} if isinstance(arguments, ast.arguments) else set()


def ends_a_loop(statement: ast.stmt, unit: Unit) -> bool:
    """Tell whether a loop might never end when a statement is changed."""
    node: ast.AST | None = statement
    while node is not None:
        node = unit.parents.get(node)
        if isinstance(node, ast.While):
            tested = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
            for part in ast.walk(statement):
                if isinstance(part, ast.Name) and part.id in tested:
                    called = isinstance(unit.parents.get(part), ast.Attribute)
                    if called or isinstance(part.ctx, ast.Store):
                        return True
    return False


def own_functions(experiment: Experiment) -> dict[str, int]:
    """Return the user's functions that can be called by name, with their parameter counts."""
    found: dict[str, int] = {}
    for unit in experiment.program.units:
        for functions in unit.functions.values():
            for function in functions:
                for name, value in function.__globals__.items():
                    code = getattr(value, "__code__", None)
                    if code is not None and code.co_filename == unit.path:
                        found[name] = code.co_argcount - len(value.__defaults__ or ())
    return found


def globals_of(unit: Unit) -> dict[str, Any]:
    """Return the names at the top of the user's file, with what they hold."""
    for functions in unit.functions.values():
        return functions[0].__globals__
    return {}


def numpy_name(experiment: Experiment) -> str:
    """Return what the user's file calls numpy."""
    for unit in experiment.program.units:
        for functions in unit.functions.values():
            for name, value in functions[0].__globals__.items():
                if value is np:
                    return name
    return "np"


def dedupe(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield each line once."""
    seen: set[int] = set()
    for line in lines:
        if id(line) not in seen:
            seen.add(id(line))
            yield line
