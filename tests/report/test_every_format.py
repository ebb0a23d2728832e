"""The same facts in every format, for every report that can be built."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradaudit.catalogue import RECORDS
from gradaudit.report import FORMATS, wording
from gradaudit.report.text import one_line, render_plain, render_text
from gradaudit.results import (
    BlockReport,
    Entry,
    Evaluations,
    Finding,
    Location,
    PointReport,
    Report,
    Verdict,
)


def _plain_text(report: Report) -> str:
    return render_plain(report, width=400, verbosity=2)


def _squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("format_name", ["text", *FORMATS])
def test_the_same_facts_stand_in_every_format(report: Report, format_name: str) -> None:
    document = _plain_text(report) if format_name == "text" else FORMATS[format_name](report)
    if format_name == "html":
        document = html.unescape(re.sub(r"<[^>]*>", " ", document))
    assert report.verdict in document
    for finding in report.findings:
        assert finding.code in document
        assert finding.message in document
        assert finding.help in document
    for block in report.blocks:
        # the verdict follows the name, with no other verdict between
        other = "PASS|FAIL|INCONCLUSIVE"
        close = rf"{re.escape(block.name)}((?!{other}).)*?{block.verdict}"
        assert re.search(close, document, re.DOTALL), block.name


def test_importing_the_formats_imports_no_renderer() -> None:
    code = "import gradaudit.report, sys; print('rich' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# any report ----------------------------------------------------------------------------------

NAMES = st.text(max_size=60) | st.text("[]/<>&:%,'\"\\ \n\x1b重=", max_size=12)
NUMBERS = st.floats(width=64)
ERRORS = st.floats(min_value=0) | st.just(float("nan"))
PLACES = st.builds(Location, path=NAMES, line=st.integers(0, 10**6), source=NAMES)
FINDINGS = st.builds(
    Finding,
    slug=st.sampled_from(sorted(RECORDS)),
    level=st.sampled_from(["error", "warning", "note"]),
    message=NAMES,
    notes=st.lists(NAMES, max_size=3).map(tuple),
    help=NAMES,
    block=st.none() | NAMES,
    location=st.none() | PLACES,
    replacement=st.none() | NAMES,
    data=st.just({}) | st.fixed_dictionaries({"blocks": st.lists(NAMES).map(tuple)}),
    allowed=st.booleans(),
)
ENTRIES = st.builds(
    Entry,
    index=st.lists(st.integers(0, 999), max_size=3).map(tuple),
    analytic=NUMBERS,
    numeric=NUMBERS,
    bar=ERRORS,
)
BLOCKS = st.builds(
    BlockReport,
    name=NAMES,
    shape=st.lists(st.integers(0, 10**7), max_size=4).map(tuple),
    start=st.integers(0, 10**9),
    size=st.integers(0, 10**9),
    verdict=st.sampled_from(Verdict),
    relative_error=ERRORS,
    error_kind=st.sampled_from(["measured", "estimate", "at most"]),
    error_bar=ERRORS,
    entry_bound=ERRORS,
    factor=st.none() | NUMBERS,
    worst=st.lists(ENTRIES, max_size=3).map(tuple),
    reason=NAMES,
    failed_at=st.lists(NAMES, max_size=3).map(tuple),
    blind_at=st.lists(NAMES, max_size=3).map(tuple),
    against=st.sampled_from(["block", "gradient"]),
    claimed=st.booleans(),
)
POINTS = st.builds(
    PointReport, name=NAMES, cost=NUMBERS, gradient_norm=ERRORS, noise=ERRORS, distance=ERRORS
)
REPORTS = st.builds(
    Report,
    verdict=st.sampled_from(Verdict),
    blocks=st.lists(BLOCKS, max_size=14).map(tuple),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    evaluations=st.builds(Evaluations, cost=st.integers(0, 10**6), gradient=st.integers(0, 10**6)),
    points=st.lists(POINTS, max_size=3).map(tuple),
    size=st.integers(0, 10**9),
    seed=st.integers(0, 2**128),
    layout_source=NAMES,
    target=NAMES,
    own_seconds=ERRORS,
    user_seconds=ERRORS,
    versions=st.dictionaries(NAMES, NAMES, max_size=2),
)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(report=REPORTS, width=st.integers(24, 130), encoding=st.sampled_from(["utf-8", "ascii"]))
def test_every_renderer_survives_every_report(report: Report, width: int, encoding: str) -> None:
    for verbosity in (0, 1, 2):
        shown = render_text(
            report, console_width=width, encoding=encoding, verbosity=verbosity, colour=True
        )
        shown.encode(encoding)
        assert report.verdict in shown
    assert "\n" not in one_line(report)
    json.loads(FORMATS["json"](report))
    json.loads(FORMATS["sarif"](report))
    assert len(FORMATS["github"](report).splitlines()) == len(report.findings) + 1
    assert FORMATS["html"](report).isascii()


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(blocks=st.lists(BLOCKS, min_size=1, max_size=6), width=st.integers(40, 130))
def test_every_row_begins_with_its_name_and_ends_with_its_verdict(
    blocks: list[BlockReport], width: int
) -> None:
    report = Report(verdict=Verdict.FAIL, blocks=tuple(blocks))
    table = render_plain(report, width=width, verbosity=1).split("\n\n")[0].splitlines()[2:]
    verdicts = "|".join(Verdict)
    starts = [n for n, line in enumerate(table) if re.search(rf" ({verdicts})$", line)]
    assert len(starts) == len(blocks)
    passing = [block for block in blocks if block.verdict == Verdict.PASS]
    worst = wording.worst_first(block for block in blocks if block.verdict != Verdict.PASS)
    shown = [*worst, *passing]
    for block, start, end in zip(shown, starts, [*starts[1:], len(table)], strict=True):
        name = _squeezed(wording.visible(wording.block_name(block.name)))
        further = _squeezed("".join(table[start + 1 : end]))
        assert table[start].endswith(f" {block.verdict}")
        assert name.endswith(further)
        assert _squeezed(table[start]).startswith(name.removesuffix(further))
