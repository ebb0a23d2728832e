"""What auditing one shape gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gradaudit.results import Finding, Report, Verdict

Kind = Literal["pass", "fail", "inconclusive", "error", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One shape that was tried.

    Attributes
    ----------
    sizes : dict
        As the factory received them.
    kind : {"pass", "fail", "inconclusive", "error", "refused"}
        "error": the cost raised, and its author did not mean it to; "refused": the factory
        raised, or the cost says itself that it is not for this shape.
    report : Report or None
        Where there was an audit.
    error : BaseException or None
        What was raised.
    """

    sizes: dict[str, Any]
    kind: Kind
    report: Report | None = None
    error: BaseException | None = None


def mistake(outcome: Outcome) -> Finding | None:
    """Return the first error in a report, the reason for its verdict."""
    if outcome.report is None or outcome.report.verdict != Verdict.FAIL:
        return None
    errors = [f for f in outcome.report.findings if f.level == "error" and not f.allowed]
    return errors[0] if errors else None


def counts_as_failure(report: Report, *, clean: bool) -> bool:
    """Tell whether a report says that the gradient is wrong.

    Where a dimension is 1 or two are equal, a cost may rightly be constant or not finite: a
    softmax over one class, the variance of one example. Only a wrong gradient counts there. And a
    cost that is not finite for few examples says nothing about its gradient anywhere.
    """
    if report.verdict != Verdict.FAIL:
        return False
    errors = [f for f in report.findings if f.level == "error" and not f.allowed]
    if not errors:
        return True
    if clean:
        return not all(f.slug == "non-finite" and "indices" not in f.data for f in errors)
    return any(f.code.startswith("GA2") for f in errors)
