"""One record for each code that a finding can carry: a released code keeps its meaning for ever."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """What is fixed about one kind of finding.

    Attributes
    ----------
    code : str
        Such as ``GA101``; the hundreds digit is the family (STYLE.md, section 6).
    slug : str
        The name people type, such as ``ignored-argument``.
    level : {"error", "warning", "note"}
        The usual level; a finding may carry a milder one when the evidence is weaker.
    summary : str
        One line: the fact, in lower case, without a full stop.
    """

    code: str
    slug: str
    level: Level
    summary: str

    @property
    def page(self) -> str:
        """Name of the page, within the package data."""
        return f"{self.slug}.md"


_TABLE: Final[tuple[tuple[str, str, Level, str], ...]] = (
    ("GA101", "ignored-argument", "error", "the cost does not depend on its argument"),
    ("GA102", "unused-block", "warning", "the cost does not depend on one of the blocks"),
    ("GA103", "late-binding", "error", "a loop variable is read after the loop moved on"),
    ("GA104", "misbound-partial", "error", "functools.partial binds the parameter vector itself"),
    ("GA105", "frozen-gradient", "error", "the gradient does not depend on its argument"),
    ("GA106", "wrong-shape", "error", "a returned value does not have the shape it needs"),
    ("GA107", "integer-truncation", "error", "parameters are cut to integers on the way"),
    ("GA108", "jac-flag", "error", "jac does not match what the function returns"),
    ("GA109", "mutated-argument", "error", "the function overwrites the array it is given"),
    ("GA110", "mutated-data", "error", "the function overwrites its data"),
    ("GA111", "aliased-buffer", "warning", "two calls return the same memory"),
    ("GA112", "accumulated-gradient", "error", "the gradient grows from call to call"),
    ("GA113", "stale-cache", "error", "a returned value belongs to an earlier point"),
    ("GA114", "nondeterministic", "warning", "two calls at the same point differ"),
    ("GA115", "value-mismatch", "error", "the cost differs with and without the gradient"),
    ("GA116", "shape-error", "warning", "the function raises at some shapes of the problem"),
    ("GA201", "wrong-gradient", "error", "the gradient is not the derivative of the cost"),
    ("GA202", "wrong-scale", "error", "the gradient is off by a constant factor"),
    ("GA203", "wrong-sign", "error", "the gradient has the opposite sign"),
    ("GA204", "zero-gradient", "error", "the gradient is zero where the cost has a slope"),
    ("GA205", "missing-penalty", "error", "the penalty's derivative is missing"),
    ("GA206", "extra-penalty", "error", "the gradient has a penalty that the cost lacks"),
    ("GA207", "wrong-penalty", "error", "the penalty's derivative has another strength"),
    ("GA208", "transposed-block", "error", "the gradient of a block is transposed"),
    ("GA209", "wrong-memory-order", "error", "the gradient is flattened in another memory order"),
    ("GA210", "swapped-blocks", "error", "the gradients of two blocks are exchanged"),
    ("GA211", "block-order", "error", "the gradient is packed in another order of blocks"),
    ("GA212", "shifted-block", "error", "the entries of the gradient are shifted"),
    ("GA213", "wrong-entries", "error", "a few entries of the gradient are wrong"),
    ("GA214", "wrong-row", "error", "one row of the gradient is wrong"),
    ("GA215", "wrong-column", "error", "one column of the gradient is wrong"),
    ("GA216", "row-scale", "error", "each row of the gradient is off by a factor of its own"),
    ("GA217", "column-scale", "error", "each column of the gradient is off by its own factor"),
    ("GA218", "log-parameter", "error", "the derivative is taken with respect to log(theta)"),
    ("GA219", "fun-jac-mismatch", "error", "the gradient belongs to another function"),
    ("GA220", "wrong-jacobian", "error", "the Jacobian is not the derivative of the residual"),
    ("GA221", "wrong-hessian", "error", "the Hessian is not the derivative of the gradient"),
    ("GA222", "wrong-constraint-jacobian", "error", "a constraint's Jacobian is wrong"),
    ("GA301", "kink", "note", "the cost has a kink at the point"),
    ("GA302", "discontinuity", "warning", "the cost jumps near the point"),
    ("GA303", "piecewise-constant", "warning", "the cost moves in steps only"),
    ("GA304", "noise", "warning", "the cost is too noisy for the tolerance asked for"),
    ("GA305", "low-precision", "note", "the cost is computed in low precision"),
    ("GA306", "non-finite", "error", "a value is not finite"),
    ("GA307", "domain-edge", "note", "the cost is not finite close to the point"),
    ("GA401", "below-noise", "warning", "the measurement cannot see an error of the size asked"),
    ("GA402", "budget-exhausted", "warning", "the budget ended before the audit"),
    ("GA403", "not-analytic", "note", "the complex step does not apply to the cost"),
    ("GA404", "hiding-shape", "note", "the shape at hand would hide some faults"),
    ("GA501", "bad-scaling", "warning", "parameters differ by many orders of magnitude"),
    ("GA502", "unbounded", "error", "the cost falls without end"),
    ("GA503", "dead-start", "error", "the gradient is zero at the start"),
    ("GA504", "infeasible-start", "error", "the start violates the bounds or constraints"),
    ("GA505", "degenerate-constraints", "error", "constraint gradients are linearly dependent"),
    ("GA506", "infeasible-constraints", "error", "no point satisfies the constraints"),
    ("GA507", "precision-limit", "note", "the optimizer reached the limit of precision"),
    ("GA508", "iteration-limit", "note", "the optimizer stopped at a limit"),
    ("GA509", "converged", "note", "the optimizer converged"),
    ("GA510", "solver-behaviour", "note", "the derivatives are right; the stop is the solver's"),
    ("GA901", "bad-target", "error", "the target cannot be found or completed"),
    ("GA902", "bad-layout", "error", "the blocks do not describe the parameters"),
    ("GA903", "bad-setting", "error", "a setting is unknown or unusable"),
)

RECORDS: Final[dict[str, Record]] = {
    slug: Record(code=code, slug=slug, level=level, summary=summary)
    for code, slug, level, summary in _TABLE
}
_BY_CODE: Final[dict[str, Record]] = {record.code: record for record in RECORDS.values()}


def find_record(name: str) -> Record | None:
    """Look a record up by slug or by code, in any case; None when there is none."""
    wanted = name.strip()
    return RECORDS.get(wanted.lower()) or _BY_CODE.get(wanted.upper())


def read_page(record: Record) -> str:
    """Return the page of a finding: Markdown, at most 80 columns wide, headings of level two."""
    return files("gradaudit").joinpath("pages", record.page).read_text(encoding="utf-8")
