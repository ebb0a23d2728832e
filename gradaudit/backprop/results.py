"""What a trace returns: the backward pass line by line, and the lines that are suspected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from gradaudit.results import SCHEMA_VERSION, Evaluations, Result

StepVerdict = Literal["right", "factor", "wrong", "follows", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step(Result):
    """One line of the backward pass.

    Attributes
    ----------
    path, line, source : str, int, str
        Where it stands, and its text.
    target : str
        What it assigns to.
    matches : str or None
        What its value is the derivative of the cost with respect to, as the source writes it,
        with the line: ``z2 (line 12)``; for a derivative that is carried forward, also by which
        parameters: ``dK / dtheta[3] (line 42)``; None when it is no derivative of anything seen.
        By a complex value ``z = x + i y`` it is ``dC/dx + i dC/dy``; what is called conjugated is
        ``dC/dx - i dC/dy``.
    factor : float or None
        Its value over that derivative; 1 when it is right.
    verdict : {"right", "factor", "wrong", "follows", "unknown"}
        "right": it is a derivative as it stands; "factor": it is one up to a factor, which a later
        line may take back; "wrong": a suspect that explains the fault; "follows": it is right once
        the wrong lines are corrected; "unknown": it is no derivative, which many legitimate
        helper values are not.
    """

    path: str
    line: int
    source: str
    target: str
    matches: str | None = None
    factor: float | None = None
    verdict: StepVerdict = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspect(Result):
    """One line that may be the wrong one.

    Attributes
    ----------
    path, line, source : str, int, str
        Where it stands, and its text.
    repairs_gradient : bool
        Changing this line, and the other suspects of the same `repair`, makes the whole gradient
        right at two points.
    suggestion : str or None
        The corrected line, where a small edit of it was found by trying.
    edit : str
        The kind of edit in words, or "".
    repair : int
        Suspects with the same positive number are wrong together: 1 is the best explanation. 0 for
        lines that no edit was found for.
    reason : str
        Why it is suspected.
    """

    path: str
    line: int
    source: str
    repairs_gradient: bool
    suggestion: str | None = None
    edit: str = ""
    repair: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace(Result):
    """The answer of `gradaudit.trace`.

    Attributes
    ----------
    steps : tuple of Step
        The backward assignments, in the order they run.
    suspects : tuple of Suspect
        Most suspicious first; empty when the gradient is right.
    evaluations : Evaluations
    wrong : tuple of str
        Blocks of the gradient with wrong entries.
    confident : bool
        An edit of the first suspect makes the whole gradient right at two points, and no line
        looks equally guilty.
    confidence : str
        The same in words.
    summary : str
        The result in one sentence.
    stopped : str
        Why the search ended early, or "".
    size : int
        Number of parameters.
    sizes : dict
        What the factory was called with.
    seed : int
    seconds : float
    target : str
        The function's name.
    """

    steps: tuple[Step, ...]
    suspects: tuple[Suspect, ...]
    evaluations: Evaluations
    wrong: tuple[str, ...] = ()
    confident: bool = False
    confidence: str = ""
    summary: str = ""
    stopped: str = ""
    size: int = 0
    sizes: dict[str, int] | None = None
    seed: int = 0
    seconds: float = 0.0
    target: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as plain JSON types, with `schema_version`."""
        return {"schema_version": SCHEMA_VERSION, "kind": "trace", **Result.to_dict(self)}

    def to_json(self) -> str:
        """Return the trace as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __bool__(self) -> bool:
        raise TypeError("a trace is neither true nor false; look at trace.suspects")

    def __repr__(self) -> str:
        first = f"line {self.suspects[0].line} first" if self.suspects else "no suspects"
        return f"<Trace: {len(self.steps)} steps, {first}, {self.evaluations.cost} evaluations>"

    def __str__(self) -> str:
        # display methods of results reach the renderers; named in the import contract
        from gradaudit.report.trace import render_trace

        return render_trace(self)

    def __rich__(self) -> Any:
        from gradaudit.report.trace import trace_renderable

        return trace_renderable(self)
