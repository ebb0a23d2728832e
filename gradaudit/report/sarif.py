"""Reports as SARIF 2.1.0, the format in which analysers hand results to code hosts and editors."""

from __future__ import annotations

import json
import re
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import quote

from gradaudit.catalogue import RECORDS
from gradaudit.report import wording
from gradaudit.results import Finding, Location, Report, Verdict, plain

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_UNDECIDED: Final = "wrong-gradient"
"""The rule that an inconclusive audit leaves open."""


def render_sarif(report: Report, *, root: str = "") -> str:
    """Return the report as a SARIF document of pure ASCII.

    Parameters
    ----------
    report : Report
        What to show.
    root : str
        Folder that artifact paths are made relative to; "" leaves relative paths as they are.

    Notes
    -----
    A report that passes has no results, only properties: code hosts turn each result into an
    alert, whatever its kind. They also refuse a whole document when one result has no place, so
    a finding without one is put where the others are, or at the target's module.
    """
    run = {
        "tool": {"driver": _driver(report)},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": _results(report, root),
        "properties": _properties(report),
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _driver(report: Report) -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "gradaudit"}
    if version := report.versions.get("gradaudit"):
        driver["version"] = version
    return {**driver, "rules": [_rule(slug) for slug in _rules_used(report)]}


def _rules_used(report: Report) -> list[str]:
    used = {finding.slug for finding in report.findings}
    if _undecided(report):
        used.add(_UNDECIDED)
    return sorted(used, key=lambda slug: RECORDS[slug].code)


def _undecided(report: Report) -> bool:
    """Whether the verdict needs a result of its own, for want of a finding that carries it."""
    blamed = any(finding.level == "error" for finding in wording.open_findings(report))
    return report.verdict == Verdict.INCONCLUSIVE or (report.verdict == Verdict.FAIL and not blamed)


def _rule(slug: str) -> dict[str, Any]:
    record = RECORDS[slug]
    return {
        "id": record.code,
        "name": record.slug,
        "shortDescription": {"text": record.summary},
        "help": {"text": f"gradaudit explain {record.code}"},
        "defaultConfiguration": {"level": record.level},
    }


def _results(report: Report, root: str) -> list[dict[str, Any]]:
    rules = _rules_used(report)
    fallback = _fallback(report, root)
    results = [_finding(finding, rules, fallback, root) for finding in report.findings]
    if _undecided(report):
        results.append(_verdict(report, rules, fallback))
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


def _verdict(report: Report, rules: list[str], locations: list[dict[str, Any]]) -> dict[str, Any]:
    failed = report.verdict == Verdict.FAIL
    lines = [f"{report.verdict}: {wording.why_inconclusive(report) or wording.summary(report)}"]
    lines += [f"{about}: {words}" for about, words in wording.remarks(report)]
    return {
        "ruleId": RECORDS[_UNDECIDED].code,
        "ruleIndex": rules.index(_UNDECIDED),
        # a level other than "none" belongs to the kind "fail" alone (SARIF 2.1.0, 3.27.10)
        "kind": "fail" if failed else "open",
        "level": "error" if failed else "none",
        "message": {"text": "\n".join(map(wording.visible, lines))},
        "locations": locations,
    }


def _properties(report: Report) -> dict[str, Any]:
    facts = report.to_dict()
    kept = ("verdict", "target", "size", "seed", "confidence", "evaluations", "settings")
    return {
        **{key: facts[key] for key in kept},
        "summary": wording.summary(report),
        "blocks": facts["blocks"],
    }


# places --------------------------------------------------------------------------------------


def _fallback(report: Report, root: str) -> list[dict[str, Any]]:
    places = [finding.location for finding in report.findings if finding.location]
    if places:
        return [_location(places[0], root)]
    module = report.target.partition(":")[0]
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
