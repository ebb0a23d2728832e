"""The pytest plugin: the fixture `gradaudit`, its marker, its options, targets as test items.

It is loaded in every session of every environment that gradaudit is installed in, hence imports
nothing but pytest and what pytest has loaded anyway; the rest is imported where it is needed, from
`gradaudit.testing`. PYTEST_DONT_REWRITE: there is no assertion in it to be rewritten.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gradaudit.testing.running import RUNNING, audits_of

if TYPE_CHECKING:
    from gradaudit.testing.guard import Guard


# options -------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings for ini files."""
    group = parser.getgroup("gradaudit", "checks of hand-written gradients")
    group.addoption(
        "--gradaudit",
        action="store_true",
        help="also check the targets listed in [tool.gradaudit] of pyproject.toml",
    )
    group.addoption(
        "--gradaudit-seed",
        metavar="N",
        type=_seed,
        help="seed of every audit, to replay one; else it follows from the test's name",
    )
    group.addoption(
        "--gradaudit-inconclusive",
        choices=("fail", "warn"),
        help="what becomes of a test whose audit could not decide (default: fail)",
    )
    group.addoption(
        "--gradaudit-trace",
        action="store_true",
        help="after a failure, look for the line of backprop that is wrong (many evaluations)",
    )
    group.addoption(
        "--gradaudit-report", metavar="FILE", help="write all audits to a file, as JSON"
    )
    group.addoption(
        "--gradaudit-summary",
        action="store_true",
        help="say at the end how many audits there were, the slowest, and the inconclusive ones",
    )
    parser.addini(
        "gradaudit_inconclusive",
        "what becomes of a test whose audit could not decide: fail or warn",
        default="fail",
    )


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, refuse unusable options, make room for what is asked for."""
    config.addinivalue_line(
        "markers",
        "gradaudit(rtol=..., points=..., ...): settings of the audits in a test, as those of "
        "gradaudit.check",
    )
    if config.getini("gradaudit_inconclusive") not in ("fail", "warn"):
        raise pytest.UsageError(
            f"gradaudit_inconclusive is {config.getini('gradaudit_inconclusive')!r}; "
            "give fail or warn"
        )
    if config.option.gradaudit:
        from gradaudit.testing.targets import add_targets  # on request only

        add_targets(config)
    wanted = config.option.gradaudit_report or config.option.gradaudit_summary
    if wanted and not hasattr(config, "workerinput"):  # a worker of xdist reports to its master
        from gradaudit.testing.books import open_books  # on request only

        config.pluginmanager.register(open_books(config), "gradaudit-books")


# the running test ----------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember which test is running."""
    token = RUNNING.set(item)
    try:
        return (yield)
    finally:
        RUNNING.reset(token)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse markers with settings that do not exist."""
    for mark in item.iter_markers("gradaudit"):
        from gradaudit.testing.guard import require_known  # most tests have no marker

        require_known(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Leave numbers about the audits of a test for JUnit XML and other reports."""
    try:
        return (yield)
    finally:
        audits = audits_of(item)
        if audits:
            from gradaudit.testing.guard import properties  # loaded, there was an audit

            item.user_properties.extend(properties(audits))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the audits of a test along with its report; xdist takes plain data only."""
    report = yield
    audits = audits_of(item)
    if audits:
        setattr(report, "gradaudit_audits", list(audits))  # noqa: B010  (a field of ours)
        audits.clear()
    return report


# the fixture ---------------------------------------------------------------------------------


@pytest.fixture(scope="session", name="gradaudit")
def _gradaudit(request: pytest.FixtureRequest) -> Guard:  # pyright: ignore[reportUnusedFunction]
    """Check hand-written gradients: every verb raises when the gradient does not pass."""
    from gradaudit.testing.guard import Guard  # only tests that use it pay for it

    return Guard(request.config)


# targets of pyproject.toml -------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the targets of the project."""
    if not parent.config.option.gradaudit or file_path.name != "pyproject.toml":
        return None
    from gradaudit.testing.targets import collect_targets  # on request only

    return collect_targets(file_path, parent)
