"""SARIF 2.1.0: the parts of the specification that these documents use."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from gradaudit.report.sarif import render_sarif
from gradaudit.results import Finding, Location, Report, Verdict

URI = re.compile(r"[A-Za-z0-9\-._~:/%!$&'()*+,;=@]+")


def _run(report: Report, **options: Any) -> dict[str, Any]:
    document = render_sarif(report, **options)
    assert document.isascii()
    facts = json.loads(document)
    assert facts["version"] == "2.1.0"
    assert facts["$schema"].endswith("sarif-2.1.0.json")
    (run,) = facts["runs"]
    _check_structure(run)
    return run


def _check_structure(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "gradaudit"
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(type(call["executionSuccessful"]) is bool for call in run["invocations"])
    used = set[str]()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] in {"fail", "open", "pass"}
        allowed = {"note", "warning", "error"} if result["kind"] == "fail" else {"none"}
        assert result["level"] in allowed
        assert result["message"]["text"]
        for suppression in result.get("suppressions", []):
            assert suppression["kind"] in {"inSource", "external"}
            assert suppression["status"] in {"accepted", "underReview", "rejected"}
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert URI.fullmatch(place["artifactLocation"]["uri"])
            assert place["region"]["startLine"] >= 1
        used.add(result["ruleId"])
    assert used == {rule["id"] for rule in rules}


def test_every_kind_of_report_has_a_valid_structure(report: Report) -> None:
    run = _run(report)
    assert run["properties"]["verdict"] == report.verdict
    assert [block["name"] for block in run["properties"]["blocks"]] == [
        block.name for block in report.blocks
    ]


def test_hostile_names_leave_the_structure_valid(hostile_report: Report, hostile_name: str) -> None:
    run = _run(hostile_report)
    assert run["properties"]["blocks"][0]["name"] == hostile_name


def test_a_finding_has_its_rule_level_and_place(reports: dict[str, Report]) -> None:
    (result,) = _run(reports["ignored"])["results"]
    assert (result["ruleId"], result["kind"], result["level"]) == ("GA101", "fail", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py"}
    assert place["region"]["startLine"] == 42


def test_an_allowed_finding_is_suppressed(reports: dict[str, Report]) -> None:
    results = _run(reports["failing"])["results"]
    assert [r["ruleId"] for r in results if "suppressions" in r] == ["GA305"]


def test_inconclusive_without_findings_is_an_open_result(reports: dict[str, Report]) -> None:
    (result,) = _run(reports["nothing"])["results"]
    assert (result["kind"], result["level"]) == ("open", "none")
    assert "what would settle it" in result["message"]["text"]


def test_a_passing_report_has_no_results_to_be_taken_for_alerts(
    reports: dict[str, Report],
) -> None:
    assert _run(reports["passing"])["results"] == []


def test_a_failure_without_a_finding_still_has_a_result(reports: dict[str, Report]) -> None:
    (result,) = _run(replace(reports["many"], findings=()))["results"]
    assert (result["kind"], result["level"]) == ("fail", "error")


def test_a_finding_without_a_place_is_put_at_the_targets_module(
    reports: dict[str, Report],
) -> None:
    for result in _run(reports["failing"])["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "digits/train.py"


@pytest.mark.parametrize(
    ("path", "root", "uri"),
    [
        ("train.py", "", "train.py"),
        ("./a b/träin.py", "", "a%20b/tr%C3%A4in.py"),
        ("/home/me/p/train.py", "/home/me/p", "train.py"),
        ("/home/me/p/train.py", "", "file:///home/me/p/train.py"),
        ("C:\\p\\src\\train.py", "C:\\p", "src/train.py"),
        ("C:\\p\\train.py", "", "file:///C:/p/train.py"),
        ("<stdin>", "", "%3Cstdin%3E"),
        ("a:b.py", "", "a%3Ab.py"),
    ],
)
def test_paths_become_uris(path: str, root: str, uri: str) -> None:
    finding = Finding(
        slug="kink", level="note", message="kink", location=Location(path=path, line=0)
    )
    run = _run(Report(verdict=Verdict.PASS, findings=(finding,)), root=root)
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
