"""The words of a diagnosis, the same in every format."""

from __future__ import annotations

import math
from typing import Final

from gradaudit.report import wording
from gradaudit.results import Diagnosis, Finding, Verdict

_OPENING: Final = {True: "reported success", False: "stopped", None: "ended"}


def who(diagnosis: Diagnosis) -> str:
    """Return the method, or the solver where it has none."""
    return diagnosis.method or diagnosis.solver or "the solver"


def heading(diagnosis: Diagnosis) -> str:
    """Return who stopped, and what it said: ``L-BFGS-B stopped: ABNORMAL``."""
    said = diagnosis.message.strip().rstrip(":")
    opening = f"{who(diagnosis)} {_OPENING[diagnosis.success]}"
    return f"{opening}: {said}" if said else f"{opening} without a message"


def run_in_words(diagnosis: Diagnosis) -> str:
    """Return what the solver reported about its run."""
    parts = [diagnosis.solver] if diagnosis.solver and diagnosis.method else []
    parts += [wording.plural(diagnosis.size, "parameter")] if diagnosis.size else []
    counts = ((diagnosis.nit, "iteration"), (diagnosis.nfev, "evaluation"))
    parts += [wording.plural(count, word) for count, word in counts if count is not None]
    parts += [f"f = {diagnosis.cost:.9g} at the end"] if math.isfinite(diagnosis.cost) else []
    return ", ".join(parts)


def causes(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the causes that the user has not allowed, most likely first."""
    return tuple(cause for cause in diagnosis.causes if not cause.allowed)


def observations(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return what was found besides the causes."""
    told = {id(cause) for cause in diagnosis.causes}
    said = {(cause.slug, cause.message) for cause in diagnosis.causes}
    return tuple(
        finding
        for finding in diagnosis.findings
        if not finding.allowed
        and id(finding) not in told
        and (finding.slug, finding.message) not in said
    )


def allowed(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the causes and observations that the user knows and accepts."""
    once = {
        (finding.slug, finding.message): finding
        for finding in (*diagnosis.causes, *diagnosis.findings)
        if finding.allowed
    }
    return tuple(once.values())


def findings(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return causes, observations, then what is allowed: each once."""
    return (*causes(diagnosis), *observations(diagnosis), *allowed(diagnosis))


def ranking(diagnosis: Diagnosis) -> str:
    """Say how several causes are ordered; "" for a single one."""
    count = len(causes(diagnosis))
    return f"{count} causes, most likely first" if count > 1 else ""


def why_inconclusive(diagnosis: Diagnosis) -> str:
    """Return why nothing could be told and what would settle it; "" where something could."""
    if diagnosis.verdict != Verdict.INCONCLUSIVE:
        return ""
    settled = "a diagnosis that runs to its end" if diagnosis.stopped else "a larger budget"
    return f"no cause was found; what would settle it: {settled}"


def conclusion(diagnosis: Diagnosis) -> list[str]:
    """Return the verdict in words, piece by piece, without the word itself."""
    sure = sum(cause.level == "error" for cause in causes(diagnosis))
    likely = len(causes(diagnosis)) - sure
    if diagnosis.benign:
        return ["nothing is at fault"]
    if sure:
        more = [wording.plural(likely, "probable cause")] if likely else []
        return [f"{wording.plural(sure, 'fault')} found", *more]
    if likely:
        return [f"{wording.plural(likely, 'probable cause')} found"]
    return ["every cause found is allowed"] if diagnosis.verdict == Verdict.PASS else []


def summary_parts(diagnosis: Diagnosis) -> list[str]:
    """Return what was concluded and what it took, piece by piece, without the verdict."""
    calls = diagnosis.evaluations
    count = max(calls.cost, calls.gradient)
    parts = conclusion(diagnosis)
    parts.append(f"{wording.plural(count, 'evaluation')} beyond the run")
    return [*parts, f"seed {diagnosis.seed}"]


def summary(diagnosis: Diagnosis) -> str:
    """Return what was concluded and what it took, in one line, without the verdict."""
    return ", ".join(summary_parts(diagnosis))


def remarks(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Return what is said once about the whole, as pairs of a label and words."""
    said = [("confirmed", diagnosis.confirmed), ("stopped early", diagnosis.stopped)]
    return [(label, words) for label, words in said if words]
