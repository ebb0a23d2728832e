"""Results as SARIF 2.1.0, the format in which analysers hand results to code hosts and editors."""

from __future__ import annotations

import json
import re
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import quote

from gradaudit.catalogue import RECORDS
from gradaudit.report import account, wording
from gradaudit.report.figures import figures_of
from gradaudit.results import Diagnosis, Finding, Location, Report, Verdict, plain

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_UNDECIDED: Final = "wrong-gradient"
"""The rule that an inconclusive audit leaves open."""


def render_sarif(result: Report | Diagnosis, *, root: str = "") -> str:
    """Return the result as a SARIF document of pure ASCII.

    Parameters
    ----------
    result : Report or Diagnosis
        What to show.
    root : str
        Folder that artifact paths are made relative to; "" leaves relative paths as they are.

    Notes
    -----
    A report that passes has no results, only properties: code hosts turn each result into an
    alert, whatever its kind. They also refuse a whole document when one result has no place, so
    a finding without one is put where the others are, at the call of the solver, or at the
    target's module.
    """
    run = {
        "tool": {"driver": _driver(result)},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": _results(result, root),
        "properties": _properties(result),
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _driver(result: Report | Diagnosis) -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "gradaudit"}
    audit = result if isinstance(result, Report) else result.report
    if audit is not None and (version := audit.versions.get("gradaudit")):
        driver["version"] = version
    return {**driver, "rules": [_rule(slug) for slug in _rules_used(result)]}


def _findings(result: Report | Diagnosis) -> tuple[Finding, ...]:
    return result.findings if isinstance(result, Report) else account.findings(result)


def _rules_used(result: Report | Diagnosis) -> list[str]:
    used = {finding.slug for finding in _findings(result)}
    if _undecided(result):
        used.add(_UNDECIDED)
    return sorted(used, key=lambda slug: RECORDS[slug].code)


def _undecided(result: Report | Diagnosis) -> bool:
    """Whether the verdict needs a result of its own, for want of a finding that carries it."""
    blamed = any(f.level == "error" and not f.allowed for f in _findings(result))
    return result.verdict == Verdict.INCONCLUSIVE or (result.verdict == Verdict.FAIL and not blamed)


def _rule(slug: str) -> dict[str, Any]:
    record = RECORDS[slug]
    return {
        "id": record.code,
        "name": record.slug,
        "shortDescription": {"text": record.summary},
        "help": {"text": f"gradaudit explain {record.code}"},
        "defaultConfiguration": {"level": record.level},
    }


def _results(result: Report | Diagnosis, root: str) -> list[dict[str, Any]]:
    rules = _rules_used(result)
    fallback = _fallback(result, root)
    results = [_finding(finding, rules, fallback, root) for finding in _findings(result)]
    if _undecided(result):
        results.append(_verdict(result, rules, fallback))
    return results


def _finding(
    finding: Finding, rules: list[str], fallback: list[dict[str, Any]], root: str
) -> dict[str, Any]:
    lines = [finding.message, *finding.notes]
    lines += [f"fix: {finding.replacement.strip()}"] if finding.replacement is not None else []
    lines += [f"help: {finding.help}"] if finding.help else []
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rules.index(finding.slug),
        "kind": "fail",
        "level": finding.level,
        "message": {"text": "\n".join(map(wording.visible, lines))},
        "locations": [_location(finding.location, root)] if finding.location else fallback,
        "properties": {"blocks": list(wording.concerned(finding)), "data": plain(finding.data)},
    }
    if finding.allowed:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": "allowed by the user"}
        ]
    return result


def _verdict(
    result: Report | Diagnosis, rules: list[str], locations: list[dict[str, Any]]
) -> dict[str, Any]:
    failed = result.verdict == Verdict.FAIL
    lines = _open_question(result)
    return {
        "ruleId": RECORDS[_UNDECIDED].code,
        "ruleIndex": rules.index(_UNDECIDED),
        # a level other than "none" belongs to the kind "fail" alone (SARIF 2.1.0, 3.27.10)
        "kind": "fail" if failed else "open",
        "level": "error" if failed else "none",
        "message": {"text": "\n".join(map(wording.visible, lines))},
        "locations": locations,
    }


def _open_question(result: Report | Diagnosis) -> list[str]:
    if isinstance(result, Report):
        why = wording.why_inconclusive(result) or wording.summary(result)
        said = wording.remarks(result)
    else:
        why = account.why_inconclusive(result) or account.summary(result)
        said = [("the solver", account.heading(result)), *account.remarks(result)]
    return [f"{result.verdict}: {why}", *(f"{about}: {words}" for about, words in said)]


def _properties(result: Report | Diagnosis) -> dict[str, Any]:
    facts = result.to_dict()
    if isinstance(result, Diagnosis):
        left_out = ("causes", "findings", "report", "ray", "history", "result", "kind")
        return {
            **{key: value for key, value in facts.items() if key not in left_out},
            "summary": account.summary(result),
            "heading": account.heading(result),
            "causes": [cause.code for cause in account.causes(result)],
            "pictures": [words for figure in figures_of(result) for words in figure.words],
        }
    kept = ("verdict", "target", "size", "seed", "confidence", "evaluations", "settings")
    return {
        **{key: facts[key] for key in kept},
        "summary": wording.summary(result),
        "blocks": facts["blocks"],
    }


# places --------------------------------------------------------------------------------------


def _fallback(result: Report | Diagnosis, root: str) -> list[dict[str, Any]]:
    call = result.location if isinstance(result, Diagnosis) else None
    places = [place for place in (call, *(f.location for f in _findings(result))) if place]
    if places:
        return [_location(places[0], root)]
    audit = result if isinstance(result, Report) else result.report
    module = audit.target.partition(":")[0] if audit is not None else ""
    if not re.fullmatch(r"\w+(\.\w+)*", module):
        return []
    return [_location(Location(path=f"{module.replace('.', '/')}.py", line=1), root)]


def _location(location: Location, root: str) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(location.line, 1)}
    if location.source:
        region["snippet"] = {"text": location.source}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(location.path, root)},
            "region": region,
        }
    }


def _uri(path: str, root: str) -> str:
    kind = PureWindowsPath if "\\" in f"{path}{root}" else PurePosixPath
    place: PurePath = kind(path)
    if root and place.is_relative_to(kind(root)):
        place = place.relative_to(kind(root))
    text = quote(place.as_posix().encode("utf-8", "backslashreplace"), safe="/:")
    if place.is_absolute():
        return f"file:///{text.lstrip('/')}"
    return text.replace(":", "%3A")
