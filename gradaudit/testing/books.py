"""All audits of a session: the summary at its end, and the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

_SLOWEST_SHOWN: Final = 5


def open_books(config: pytest.Config) -> Books:
    """Return the books of a session.

    Raises
    ------
    pytest.UsageError
        When the file asked for cannot be written.
    """
    return Books(config, _report_file(config))


def _report_file(config: pytest.Config) -> Path | None:
    name = config.option.gradaudit_report
    if not name:
        return None
    path = config.invocation_params.dir / name
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise pytest.UsageError(f"--gradaudit-report {name}: {what}; give the name of a file")
    if path.suffix in (".html", ".sarif", ".xml"):
        raise pytest.UsageError(
            f"--gradaudit-report {name}: only JSON is written; give a name such as audits.json"
        )
    return path


class Books:
    """All audits of a session, for the summary and the file; in the process that reports."""

    def __init__(self, config: pytest.Config, path: Path | None) -> None:
        self._config = config
        self._path = path
        self._tests: dict[str, list[dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the audits of a test."""
        audits = getattr(report, "gradaudit_audits", None)
        if audits:
            self._tests.setdefault(report.nodeid, []).extend(audits)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        if self._path is None:
            return
        document = {
            "schema_version": 1,
            "kind": "pytest",
            "tests": [{"test": name, "audits": audits} for name, audits in self._tests.items()],
        }
        try:
            self._path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            _refuse_file(self._path, error)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the summary."""
        if not self._config.option.gradaudit_summary:
            return
        terminalreporter.section("gradaudit")
        for line in self._summary():
            terminalreporter.line(line)

    def _summary(self) -> Iterator[str]:
        audits = [(name, audit) for name, all_of in self._tests.items() for audit in all_of]
        evaluations = sum(audit["evaluations"] for _, audit in audits)
        seconds = sum(audit["seconds"] for _, audit in audits)
        own = sum(audit["own_seconds"] for _, audit in audits)
        count = f"{len(audits):,} audit{'' if len(audits) == 1 else 's'}"
        tests = f"{len(self._tests):,} test{'' if len(self._tests) == 1 else 's'}"
        times = f"{seconds:.2f} s ({seconds - own:.2f} s in your functions)"
        yield f"{count} in {tests}, {evaluations:,} evaluations, {times}"
        slowest = sorted(audits, key=lambda pair: -pair[1]["seconds"])[:_SLOWEST_SHOWN]
        if slowest:
            yield "slowest:"
        for name, audit in slowest:
            yield f"  {audit['seconds']:.3f} s  {audit['evaluations']:,} evaluations  {name}"
        unsure = [pair for pair in audits if pair[1]["verdict"] == "INCONCLUSIVE"]
        if unsure:
            yield "inconclusive:"
        for name, audit in unsure:
            yield f"  {name}: {audit['headline']}"


def _refuse_file(path: Path, error: OSError) -> NoReturn:
    raise pytest.UsageError(f"--gradaudit-report {path}: {error.strerror or error}")
