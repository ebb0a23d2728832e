"""What an audit returns: frozen results that carry what was asked, measured and concluded."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast, overload

import numpy as np
from numpy.typing import NDArray

from gradaudit.catalogue import RECORDS, Level
from gradaudit.errors import GradientMismatch

SCHEMA_VERSION: Final = 1


class Verdict(StrEnum):
    """The three answers; never a bare boolean."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


def plain(value: Any) -> Any:
    """Turn a result into plain JSON types: non-finite numbers become None."""
    if isinstance(value, np.generic):
        value = cast("Any", value).item()
    if value is None or isinstance(value, str | bool | int):
        return str(value) if isinstance(value, StrEnum) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return plain(cast("NDArray[Any]", value).tolist())
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in cast("list[Any]", value)]
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return str(value)


class Result:
    """Base of every result: plain dictionaries and JSON from the fields."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(cast("Any", self))}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluations(Result):
    """How often the user's functions were called; one call with jac=True counts in both."""

    cost: int = 0
    gradient: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Location(Result):
    """A place in the user's source."""

    path: str
    line: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding(Result):
    """One thing that an audit has to say, under a code that keeps its meaning.

    Attributes
    ----------
    slug : str
        Such as ``ignored-argument``; `code` follows from it.
    level : {"error", "warning", "note"}
        How sure and how grave.
    message : str
        A fact that stands alone: lower case first, no full stop, no advice.
    notes : tuple of str
        Evidence, with numbers.
    help : str
        Tentative advice, or "".
    block : str or None
        The block concerned; `data["blocks"]` names all when there are several.
    location : Location or None
        Where in the user's source.
    replacement : str or None
        The corrected source line.
    data : dict
        Numbers for programs; the keys are fixed in DESIGN.md.
    allowed : bool
        The user knows and accepts it: listed, without weight on the verdict.
    """

    slug: str
    level: Level
    message: str
    notes: tuple[str, ...] = ()
    help: str = ""
    block: str | None = None
    location: Location | None = None
    replacement: str | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    allowed: bool = False

    @property
    def code(self) -> str:
        """The code of the catalogue, such as ``GA101``."""
        return RECORDS[self.slug].code

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON types, its code first."""
        return {"code": self.code, **Result.to_dict(self)}

    def __str__(self) -> str:
        return f"{self.level}[{self.code}]: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry(Result):
    """One entry of a block: what was returned and what was measured.

    `bar` bounds the error of `numeric`; it is infinite when the entry was not measured alone.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float
    bar: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointReport(Result):
    """One point at which the gradient was checked.

    Attributes
    ----------
    name : str
        ``x0``, ``point 2``, ...
    cost, gradient_norm : float
        As returned there.
    noise : float
        Standard deviation of one evaluation of the cost (absolute).
    precision : str
        The format the cost appears to be computed in: float64, float32 or float16.
    distance : float
        Euclidean distance from x0.
    """

    name: str
    cost: float
    gradient_norm: float
    noise: float
    precision: str = "float64"
    distance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockReport(Result):
    """The verdict on one block.

    Attributes
    ----------
    name, shape, start, size : str, tuple of int, int, int
        The block in the user's own terms.
    verdict : Verdict
        With its `reason` in words unless it passes.
    relative_error : float
        norm(analytic - numeric) / max(norm(analytic), norm(numeric)); 0 when both are 0.
    error_kind : {"measured", "estimate", "at most"}
        Entry by entry; from random signs (unbiased for the square); or nothing was seen and this
        bounds what could have been.
    error_bar : float
        How far `relative_error` can be trusted, relative as well.
    entry_bound : float
        Every entry is right to within this (absolute), at the report's confidence.
    factor : float or None
        Returned over right gradient, when one number describes the block.
    worst : tuple of Entry
        Worst entries first, of those measured alone.
    failed_at, blind_at : tuple of str
        Names of the points at which the block fails; at which nothing could be seen.
    against : str
        What errors are relative to: "block", or "gradient" where the block's own is zero.
    claimed : bool
        False for a stretch that no name was found for.
    """

    name: str
    shape: tuple[int, ...]
    start: int
    size: int
    verdict: Verdict
    relative_error: float
    error_kind: str = "estimate"
    error_bar: float = math.inf
    entry_bound: float = math.inf
    factor: float | None = None
    worst: tuple[Entry, ...] = ()
    reason: str = ""
    failed_at: tuple[str, ...] = ()
    blind_at: tuple[str, ...] = ()
    against: str = "block"
    claimed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings(Result):
    """What was asked, with the defaults that were used."""

    points: int = 3
    dense: bool = False
    rtol: float = 1e-3
    negligible: float = 1e-6
    confidence: float = 0.999
    only: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    budget: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report(Result):
    """The answer of `gradaudit.check`.

    Attributes
    ----------
    verdict : Verdict
        FAIL if any finding that is not allowed has level "error"; else INCONCLUSIVE if a block
        is; else PASS.
    blocks : tuple of BlockReport
        In the order of the parameter vector.
    findings : tuple of Finding
        Most important first.
    evaluations : Evaluations
        All calls, discovery and protocol included.
    points : tuple of PointReport
        Where the gradient was checked.
    seed : int
        Repeats the audit: ``check(..., rng=seed)``.
    confidence : float
        Of the entry bounds: it counts the cancellation of signs only, provided the bars hold.
    layout_source : str
        Where the names of the blocks come from.
    own_seconds, user_seconds : float
        Time spent in gradaudit and in the user's function.
    evidence : dict
        The measurements behind the findings, for those who want to check a verdict.
    """

    verdict: Verdict
    blocks: tuple[BlockReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    evaluations: Evaluations = field(default_factory=Evaluations)
    points: tuple[PointReport, ...] = ()
    size: int = 0
    seed: int = 0
    confidence: float = 0.999
    layout_source: str = ""
    target: str = ""
    own_seconds: float = 0.0
    user_seconds: float = 0.0
    settings: Settings = field(default_factory=Settings)
    versions: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    evidence: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def raise_for_failure(self, *, inconclusive: bool = True) -> None:
        """Raise when the report does not pass.

        Parameters
        ----------
        inconclusive : bool
            Raise for INCONCLUSIVE too (the default): what was not checked has not passed.

        Raises
        ------
        GradientMismatch
            With the first finding and the table of blocks.
        """
        if self.verdict == Verdict.PASS:
            return
        if self.verdict == Verdict.INCONCLUSIVE and not inconclusive:
            return
        raise GradientMismatch(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types, with `schema_version`."""
        return {"schema_version": SCHEMA_VERSION, "kind": "check", **Result.to_dict(self)}

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __bool__(self) -> bool:
        raise TypeError(
            "a report is neither true nor false; use report.verdict == 'PASS', "
            "or report.raise_for_failure() in a test"
        )

    def __repr__(self) -> str:
        codes = ", ".join(finding.code for finding in self.findings) or "no findings"
        count = len(self.blocks)
        return (
            f"<Report {self.verdict}: {count} block{'' if count == 1 else 's'}, {codes}, "
            f"{self.evaluations.cost} evaluations>"
        )

    def __str__(self) -> str:
        # display methods reach the renderers below them; named in the import contract
        from gradaudit.report.text import render_plain

        return render_plain(self)

    def __rich__(self) -> Any:
        from gradaudit.report.text import renderable

        return renderable(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from gradaudit.report.html import render_fragment
        from gradaudit.report.text import render_plain

        return {"text/plain": render_plain(self), "text/html": render_fragment(self)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ray(Result):
    """The cost along one direction, for people to look at.

    Attributes
    ----------
    title : str
        Which direction: ``"along the last search direction"``.
    steps, values : tuple of float
        t and f(origin + t d); values may be nan or infinite.
    slope : float or None
        What the returned gradient promises at t = 0; None without a gradient.
    tried : tuple of (float, float)
        The solver's own trials: t and f.
    true_slope : float or None
        The measured slope at t = 0, where it was measured.
    """

    title: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
    slope: float | None = None
    tried: tuple[tuple[float, float], ...] = ()
    true_slope: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History(Result):
    """Cost and norm of the gradient in the course of a run, thinned to a few hundred values.

    Attributes
    ----------
    numbers : tuple of int
        Of the evaluations, from 1.
    values, gradient_norms : tuple of float
        nan where there is none.
    """

    numbers: tuple[int, ...]
    values: tuple[float, ...]
    gradient_norms: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis(Result):
    """Why an optimizer stopped: the answer of `gradaudit.diagnose`.

    Attributes
    ----------
    causes : tuple of Finding
        Most likely first: only what explains the stop or is at fault.
    findings : tuple of Finding
        All that was found, observations included.
    result : object
        What the solver returned.
    message : str
        The solver's own words, and `message_meaning` what they mean.
    benign : bool
        Nothing is at fault: converged, or merely stopped at a limit. False whenever a fault is
        found, even if the run reached the minimum.
    evaluations : Evaluations
        Calls of the user's functions for the diagnosis; those of the watched run are `nfev`.
    confirmed : str
        What a short run with the first cause taken away showed; "" when none was made.
    solver, method : str
        Such as ``minimize`` and ``L-BFGS-B``.
    success : bool or None
        As the solver sees it.
    nit, nfev : int or None
        Iterations, and evaluations of the run.
    cost : float
        At the point where the solver stopped.
    ray : Ray or None
        The cost along the last search direction.
    history : History or None
        The course of the run.
    report : Report or None
        The audit of the gradient.
    seed : int
        Repeats the diagnosis: ``diagnose(..., rng=seed)``.
    stopped : str
        Why the diagnosis ended early; "" when it did not.
    """

    causes: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    result: Any = field(default=None, repr=False)
    message: str = ""
    message_meaning: str = ""
    benign: bool = False
    evaluations: Evaluations = field(default_factory=Evaluations)
    confirmed: str = ""
    solver: str = ""
    method: str = ""
    size: int = 0
    success: bool | None = None
    nit: int | None = None
    nfev: int | None = None
    cost: float = math.nan
    ray: Ray | None = field(default=None, repr=False)
    history: History | None = field(default=None, repr=False)
    report: Report | None = field(default=None, repr=False)
    seed: int = 0
    stopped: str = ""
    location: Location | None = None

    @property
    def verdict(self) -> Verdict:
        """FAIL when something is at fault, PASS when nothing is, else INCONCLUSIVE.

        A failure that nothing explains but the solver itself is INCONCLUSIVE.
        """
        blamed = [
            cause for cause in self.causes if not cause.allowed and cause.slug != "solver-behaviour"
        ]
        unexplained = any(cause.slug == "solver-behaviour" for cause in self.causes)
        if unexplained and not blamed and not self.benign:
            return Verdict.INCONCLUSIVE
        if self.benign or (self.causes and not blamed):
            return Verdict.PASS
        return Verdict.FAIL if blamed else Verdict.INCONCLUSIVE

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain JSON types, with `schema_version`."""
        content = Result.to_dict(self)
        del content["result"]  # SciPy's, of any size
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "diagnose",
            "verdict": str(self.verdict),
            **content,
        }

    def to_json(self) -> str:
        """Return the diagnosis as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __bool__(self) -> bool:
        raise TypeError(
            "a diagnosis is neither true nor false; use diagnosis.benign, or diagnosis.causes"
        )

    def __repr__(self) -> str:
        causes = ", ".join(f"{f.code} {f.slug}" for f in self.causes) or "no cause found"
        return f"<Diagnosis of {self.method or self.solver}: {causes}>"

    def save_plot(self, path: str | Path) -> Path:
        """Write the pictures to a file: .svg; with the extra ``plot`` also .png and .pdf."""
        from gradaudit.report.plot import save_plot

        return save_plot(self, path)

    def __str__(self) -> str:
        from gradaudit.report.diagnosis import render_plain

        return render_plain(self)

    def __rich__(self) -> Any:
        from gradaudit.report.diagnosis import renderable

        return renderable(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from gradaudit.report.diagnosis import render_plain
        from gradaudit.report.html import render_fragment

        return {"text/plain": render_plain(self), "text/html": render_fragment(self)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivative(Result):
    """A numerical derivative that says how far it can be trusted.

    Attributes
    ----------
    value : float or ndarray
        Of `gradaudit.derivative` a number; of `gradaudit.gradient` an array of x0's shape.
    bar : float or ndarray
        The derivative of the computed function lies within `bar` of `value`; infinite when
        nothing can be said.
    regime : str or ndarray of str
        "smooth", "kink", "noise", "jump", "constant", "domain-edge" or "unresolved".
    one_sided : tuple of float, or None
        Slopes to the left and to the right of a kink (for `gradient`: a pair of arrays, with nan
        where there is no kink).
    evaluations : int
        Calls of the function.
    """

    value: Any
    bar: Any
    regime: Any
    one_sided: Any = None
    evaluations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run(Result):
    """One call of an optimizer inside `gradaudit.watch` or `gradaudit run`.

    Attributes
    ----------
    location : Location or None
        The user's line that made the call, or led to it.
    library : Location or None
        The library's line that made the call; None when the user's own did.
    solver, method : str
        Such as ``minimize`` and ``L-BFGS-B``.
    jac : str
        "True", "a function", or "" when SciPy takes differences.
    message : str
        The solver's own words; "" when it did not return any.
    success : bool or None
        As the solver sees it; None when it did not say.
    size : int
        The number of unknowns.
    iterations, evaluations : int or None
        Of the run, as far as they are known.
    cost : float
        Where the solver stopped.
    seconds : float
        Of the run.
    raised : str
        Type and message of the exception that ended it; "" otherwise.
    report : Report or None
        The audit of the gradient.
    diagnosis : Diagnosis or None
        Why it stopped.
    skipped : str
        Why there is no diagnosis; "" when there is one.
    """

    location: Location | None
    library: Location | None
    solver: str
    method: str
    jac: str = ""
    message: str = ""
    success: bool | None = None
    size: int = 0
    iterations: int | None = None
    evaluations: int | None = None
    cost: float = math.nan
    seconds: float = 0.0
    raised: str = ""
    report: Report | None = None
    diagnosis: Diagnosis | None = None
    skipped: str = ""

    @property
    def failed(self) -> bool:
        """Whether the solver said so, or was ended by an exception."""
        return self.success is False or bool(self.raised)

    @property
    def verdict(self) -> Verdict:
        """Of the diagnosis; without one a run that failed is INCONCLUSIVE."""
        if self.diagnosis is not None:
            return self.diagnosis.verdict
        return Verdict.INCONCLUSIVE if self.failed else Verdict.PASS

    @property
    def site(self) -> tuple[str, ...]:
        """Where the call stands: the same for all runs of a loop."""
        return (str(self.location), str(self.library), self.solver, self.method, self.jac)

    def __repr__(self) -> str:
        return f"<Run of {self.solver}({self.method}) at {self.location}: {self.verdict}>"


@dataclass(slots=True, kw_only=True, eq=False)
class Runs(Result, Sequence[Run]):
    """The optimizer calls of a `gradaudit.watch` block or of a script, in order.

    It grows while they are made.

    Attributes
    ----------
    runs : list of Run
    script : str
        The script that made them; "" for a block.
    script_exit : int or None
        Its exit status; None for a block.
    children : int
        How many Python processes were started; what they do is not watched.
    interrupted : bool
        Whether somebody pressed Ctrl-C.
    seed : int
        Of every audit.
    seconds, own_seconds : float
        Of everything, and of the watching and the audits.
    """

    runs: list[Run] = field(default_factory=list[Run])
    script: str = ""
    script_exit: int | None = None
    children: int = 0
    interrupted: bool = False
    seed: int = 0
    seconds: float = 0.0
    own_seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """FAIL when anything is at fault; else INCONCLUSIVE if any run is, or there is none.

        Where one of several runs of the same line was diagnosed, that stands for the others.
        """
        diagnosed = {run.site for run in self.runs if run.failed and run.diagnosis is not None}
        verdicts = {
            run.verdict
            for run in self.runs
            if run.diagnosis is not None or run.site not in diagnosed
        }
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        if Verdict.INCONCLUSIVE in verdicts or all(run.diagnosis is None for run in self.runs):
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return the runs as plain JSON types, with `schema_version`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "run",
            "verdict": str(self.verdict),
            **Result.to_dict(self),
        }

    def to_json(self) -> str:
        """Return the runs as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __repr__(self) -> str:
        count = len(self.runs)
        return f"<Runs {self.verdict}: {count:,} optimizer call{'' if count == 1 else 's'}>"

    def __str__(self) -> str:
        # display methods reach the renderers below them; named in the import contract
        from gradaudit.report.runs import render_runs

        return render_runs(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapeReport(Result):
    """The answer of `gradaudit.check_shapes`.

    Attributes
    ----------
    verdict : Verdict
        FAIL when the gradient is wrong at some shape; PASS when it is right at all that were
        audited, and these are enough to say so; else INCONCLUSIVE.
    sizes : dict or None
        The counterexample: the smallest sizes that show the fault.
    report : Report or None
        The audit there; without a counterexample that of a shape that decided least, if any.
    explanation : str
        How the fault depends on the sizes, and which shapes would have hidden it.
    findings : tuple of Finding
        Those of the counterexample, explained; then those about the factory.
    evaluations : Evaluations
        Calls of the functions that the factory made, all shapes together.
    factory : str
        How the factory is called.
    audited, passed, refused : int
        How many shapes were audited; of those, how many passed; and how many more could not be.
    hidden_by : tuple of str
        What would have hidden the fault: ``m = 1``, ``n = k``.
    seed : int
        Repeats the search: ``check_shapes(..., rng=seed)``.
    own_seconds, user_seconds : float
        Time spent in gradaudit and in the user's functions.
    evidence : dict
        Every shape that was tried, with its verdict.
    """

    verdict: Verdict
    sizes: dict[str, Any] | None = None
    report: Report | None = None
    explanation: str = ""
    findings: tuple[Finding, ...] = ()
    evaluations: Evaluations = field(default_factory=Evaluations)
    factory: str = "factory"
    audited: int = 0
    passed: int = 0
    refused: int = 0
    hidden_by: tuple[str, ...] = ()
    seed: int = 0
    own_seconds: float = 0.0
    user_seconds: float = 0.0
    settings: Settings = field(default_factory=Settings)
    evidence: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def raise_for_failure(self, *, inconclusive: bool = True) -> None:
        """Raise when the gradient does not pass at every shape; see `Report`.

        Raises
        ------
        GradientMismatch
            With the counterexample and its explanation.
        """
        if self.verdict == Verdict.PASS:
            return
        if self.verdict == Verdict.INCONCLUSIVE and not inconclusive:
            return
        raise GradientMismatch(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types, with `schema_version`."""
        return {"schema_version": SCHEMA_VERSION, "kind": "shapes", **Result.to_dict(self)}

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __bool__(self) -> bool:
        raise TypeError(
            "a report is neither true nor false; use report.verdict == 'PASS', "
            "or report.raise_for_failure() in a test"
        )

    def __repr__(self) -> str:
        shape = "" if self.sizes is None else f" at {self.sizes}"
        return f"<ShapeReport {self.verdict}{shape}: {self.audited} shapes of {self.factory}>"

    def __str__(self) -> str:
        from gradaudit.report.shapes import render_plain

        return render_plain(self)

    def __rich__(self) -> Any:
        from gradaudit.report.shapes import renderable

        return renderable(self)
