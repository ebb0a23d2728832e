"""How to speak of a wrong vector derivative: messages, notes, advice, numbers for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gradaudit.blocks import Block
from gradaudit.evidence.vector import Careful, VectorPoint
from gradaudit.evidence.vector_cause import VectorCause
from gradaudit.judgement.causes import name_factor
from gradaudit.problem import entry_name
from gradaudit.source.closures import Suspicion

LISTED: Final = 5

READ: Final = {
    "ignored-argument": "its values do not depend on its argument",
    "late-binding": "a loop variable is read when the function is called, after the loop",
    "misbound-partial": "functools.partial binds the parameter vector itself",
    "integer-truncation": "parameters are cut to integers on the way",
}
READ_HELP: Final = {
    "late-binding": "bind the value now, as a default: lambda x, i=i: ...",
    "misbound-partial": "bind the data by keyword, and leave the parameters free",
    "integer-truncation": "keep the parameters in floating point",
}
NAMED: Final = frozenset(
    {
        "zero",
        "scale",
        "transposed",
        "diagonal",
        "triangle",
        "row-order",
        "column-order",
        "swapped-rows",
        "swapped-columns",
        "row-scale",
        "column-scale",
        "log-parameter",
    }
)
FROZEN_HELP: Final = "compute it from the argument, not from a captured start"
HELP: Final = {
    "zero": "see whether the entries are ever written",
    "scale": "look for this factor in the lines that compute it",
    "transposed": "swap the indices, or return its transpose",
    "diagonal": "add the second derivative of the penalty",
    "triangle": "fill both triangles: H + H.T - np.diag(np.diag(H))",
    "row-order": "put the rows in the order of the values",
    "column-order": "put the columns in the order of the parameters",
    "swapped-rows": "exchange them",
    "swapped-columns": "exchange them, or see how the parameters are unpacked",
    "rows": "compare how this row is computed with the others",
    "row-scale": "look for weights that only one of the two has",
    "columns": "compare how this column is computed with the others",
    "column-scale": "look for a transformation of the parameters that only one of the two has",
    "log-parameter": "divide by the parameter, or let it be its logarithm in both",
    "entries": "compare how these entries are computed with their neighbours",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """What is audited, and how to speak of it.

    Attributes
    ----------
    slug, what, values, row : str
        The finding; the derivative, the function and one of its values, in words.
    hessian : bool
    keeps : bool
        The solver keeps what an earlier call returned.
    constraint : int or None
    """

    slug: str
    what: str
    values: str
    row: str
    hessian: bool = False
    keeps: bool = False
    constraint: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """What to call things in one audit.

    Attributes
    ----------
    subject : Subject
    blocks : sequence of Block
        Names of the parameters.
    shape : (int, int)
        Of the derivative.
    place : str
        Name of the point that is described.
    turned : bool
        The derivative has a row for each parameter.
    """

    subject: Subject
    blocks: Sequence[Block]
    shape: tuple[int, int] = (0, 0)
    place: str = ""
    turned: bool = False

    def message(self, cause: VectorCause, frozen: bool) -> tuple[str, list[str]]:
        """Return the main line, without what is wrong with entries in it, and the first notes."""
        what = self.subject.what
        if frozen:
            return f"{what} does not depend on its argument", [
                "the same matrix came at every point; it is right at one of them only"
            ]
        return f"{what} {self.says(cause)}", self.entry_notes(cause)

    def says(self, cause: VectorCause) -> str:
        """Complete the sentence that begins with the derivative."""
        factor = cause.factor
        times = "" if factor is None else f"{factor:.7g} times the right one"
        texts = {
            "zero": f"is zero where {self.subject.values} has a slope",
            "scale": f"is {times}",
            "transposed": "is transposed",
            "diagonal": f"lacks {factor or 0.0:.7g} on its diagonal",
            "triangle": f"has its {cause.detail} triangle only",
            "row-order": f"has its rows {cause.detail}",
            "column-order": f"has its columns {cause.detail}",
            "swapped-rows": f"has {self.rows(cause)} exchanged",
            "swapped-columns": f"has the columns of {self.columns(cause)} exchanged",
            "multiple": f"is {times} at {self.place}, and not elsewhere",
            "log-parameter": f"is with respect to the logarithm of {self.columns(cause)}",
        }
        if cause.kind == "scale" and factor is not None and abs(factor + 1.0) < 1e-6:
            return "has the opposite sign"
        if cause.kind == "diagonal" and (factor or 0.0) < 0.0:
            return f"has {-(factor or 0.0):.7g} too much on its diagonal"
        if cause.kind in texts:
            return texts[cause.kind]
        if cause.kind in ("rows", "row-scale"):
            end = self.how(cause, f"each of {len(cause.rows)} rows is off by its own factor")
            return f"is wrong in {self.rows(cause)}{end}"
        if cause.kind in ("columns", "column-scale"):
            end = self.how(cause, "each column is off by its own factor")
            return f"is wrong in the column of {self.columns(cause)}{end}"
        if cause.kind == "entries":
            count = len(cause.entries)
            return f"has {count} wrong {'entry' if count == 1 else 'entries'}"
        return f"is not the derivative of {self.subject.values}"

    def help(self, cause: VectorCause) -> str:
        """Return the advice."""
        if cause.kind == "transposed" and self.turned:
            return "leave col_deriv out, or put the parameters along the rows"
        if cause.factor is not None and abs(cause.factor + 1.0) < 1e-6:
            return "change the sign, or the order of a difference (data - model, model - data)"
        return HELP.get(cause.kind, "")

    def how(self, cause: VectorCause, otherwise: str) -> str:
        """Return what factor a row or column is off by."""
        if cause.factor is not None:
            sign = "opposite sign" if abs(cause.factor + 1.0) < 1e-6 else ""
            return f": {sign or f'{cause.factor:.7g} times the right one'}"
        return f": {otherwise}" if len(cause.factors) > 1 else ""

    def entry_notes(self, cause: VectorCause) -> list[str]:
        """Return a note for each wrong entry or line, and the factor's name."""
        notes = [
            f"{self.row(i)}, {self.column(j)}: returned {a:.8g}, right {b:.8g}"
            for (i, j), a, b in zip(cause.entries, cause.returned, cause.right, strict=True)
        ][:LISTED]
        if cause.factors and cause.factor is None:
            lines = cause.rows or cause.columns
            name = self.row if cause.rows else self.column
            notes += [
                f"{name(number)}: {value:.7g} times the right one"
                for number, value in zip(lines, cause.factors, strict=False)
            ][:LISTED]
        factor_name = self.factor_name(cause)
        if factor_name and factor_name != f"{cause.factor:.6g}":
            notes.append(f"{cause.factor:.6g} = {factor_name}")
        return notes

    def factor_name(self, cause: VectorCause) -> str | None:
        """Name the factor by the numbers of rows and columns."""
        if cause.factor is None or cause.kind == "diagonal" or not any(self.shape):
            return None
        rows, columns = self.shape
        sizes = {"n": columns} if self.subject.hessian else {"m": rows, "n": columns}
        name = name_factor(cause.factor, sizes)
        return None if abs(abs(cause.factor) - 1.0) < 1e-6 else name

    def strength(self, point: VectorPoint, worst: Careful) -> str:
        """Return the strongest measurement in words."""
        return (
            f"{self.row(worst.row)} at {point.name}: returned {worst.promised:.8g}, measured "
            f"{worst.measured:.8g} +- {worst.bar:.1g} along a random direction"
        )

    def counted(self, point: VectorPoint) -> Iterator[str]:
        """Return how many rows are wrong."""
        count = point.wrong_rows.size
        if point.value.size > 1 and count:
            yield f"{count:,} of {point.value.size:,} rows are wrong at {point.name}"

    def row(self, number: int) -> str:
        """Name one value of the function."""
        if self.subject.hessian:
            return f"row {self.column(number)}"
        return f"{self.subject.row} {number}"

    def rows(self, cause: VectorCause) -> str:
        """Name several."""
        return listed([self.row(number) for number in cause.rows])

    def column(self, number: int) -> str:
        """Name one parameter."""
        return entry_name(self.blocks, number, default="x")

    def columns(self, cause: VectorCause) -> str:
        """Name several."""
        return listed([self.column(number) for number in cause.columns])

    def block(self, cause: VectorCause) -> str | None:
        """Return the only block concerned, or None."""
        names = [self.blocks[number].name for number in cause.blocks]
        return names[0] if len(names) == 1 else None

    def data(self, cause: VectorCause) -> dict[str, Any]:
        """Return the numbers for programs."""
        data: dict[str, Any] = {"cause": cause.kind}
        if cause.factor is not None:
            data["missing" if cause.kind == "diagonal" else "factor"] = cause.factor
            data["factor_name"] = self.factor_name(cause)
        if len(cause.rows) == 1:
            data["row"] = cause.rows[0]
        if len(cause.columns) == 1:
            data["column"] = cause.columns[0]
        data |= {"rows": cause.rows} if len(cause.rows) > 1 else {}
        data |= {"columns": cause.columns} if len(cause.columns) > 1 else {}
        if cause.factors and cause.factor is None:
            data["factors"] = cause.factors
        if cause.entries:
            data["indices"] = cause.entries
            if len(cause.entries) == 1:
                data["row"], data["column"] = cause.entries[0]
        data["blocks"] = tuple(self.blocks[number].name for number in cause.blocks)
        return data


def ignored_help(suspicion: Suspicion | None) -> str:
    """Return the advice for a function that ignores its argument."""
    if suspicion is not None and suspicion.used_instead and suspicion.parameter:
        return f"compute from {suspicion.parameter}, not from {suspicion.used_instead}"
    return "compute the values from the argument; a captured value may stand in for it"


def listed(names: Sequence[str]) -> str:
    """List names in a sentence."""
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:LISTED])} and {len(names) - LISTED} more"
