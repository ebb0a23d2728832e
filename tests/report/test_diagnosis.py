"""How a diagnosis reads: on terminals of any width, and the same facts in every format."""

from __future__ import annotations

import html
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from gradaudit.report import FORMATS, account
from gradaudit.report.diagnosis import one_line, render_causes, render_plain, render_text
from gradaudit.report.figures import figures_of
from gradaudit.results import Diagnosis, Evaluations, Finding, History, Location, Ray, Verdict
from tests.report.diagnoses import CONVERGED, DIAGNOSES, IGNORED, SIGN, UNTOLD, WALL

Gold = Callable[[str, str], None]


@pytest.fixture(params=DIAGNOSES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def diagnosis(name: str) -> Diagnosis:
    return DIAGNOSES[name]


@pytest.mark.parametrize("width", [80, 40])
def test_every_diagnosis_reads_as_in_its_gold_file(
    diagnosis: Diagnosis, name: str, width: int, matches_gold: Gold
) -> None:
    matches_gold(render_text(diagnosis, console_width=width, terminal=True), f"{name}_{width}.txt")


@pytest.mark.parametrize("name", ["diagnosis_ignored", "diagnosis_sign", "diagnosis_noisy"])
def test_plain_text_reads_as_in_its_gold_file(
    diagnosis: Diagnosis, name: str, matches_gold: Gold
) -> None:
    matches_gold(render_plain(diagnosis), f"{name}_ascii_80.txt")


def test_plain_text_draws_in_ascii_and_leaves_names_as_they_are() -> None:
    named = replace(SIGN, causes=(replace(SIGN.causes[0], message="\u03b2: wrong"),))
    assert "\u03b2: wrong" in render_plain(named)
    assert render_plain(named).replace("\u03b2", "").isascii()
    assert render_text(named, encoding="ascii", terminal=True).isascii()


def test_full_detail_reads_as_in_its_gold_file(matches_gold: Gold) -> None:
    matches_gold(render_text(SIGN, verbosity=1, terminal=True), "diagnosis_sign_v_80.txt")


def test_colour_reads_as_in_its_gold_file(matches_gold: Gold) -> None:
    matches_gold(render_text(SIGN, colour=True, terminal=True), "diagnosis_sign_80_colour.txt")


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_wider_than_the_terminal(
    diagnosis: Diagnosis, width: int, encoding: str
) -> None:
    shown = render_text(
        diagnosis, console_width=width, encoding=encoding, terminal=True, verbosity=1
    )
    assert all(cell_len(line) <= width for line in shown.splitlines())


def test_causes_stand_between_the_message_and_the_pictures() -> None:
    shown = render_plain(IGNORED)
    order = ["ABNORMAL", "error[GA101]", "confirmed: ", "along the last", "FAIL  ", "seed 123"]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)


def test_several_causes_are_said_to_be_ranked() -> None:
    assert "2 causes, most likely first:\n" in render_plain(SIGN)
    assert "most likely first" not in render_plain(IGNORED)


def test_a_benign_diagnosis_is_short_and_says_that_nothing_is_at_fault() -> None:
    shown = render_plain(CONVERGED)
    assert "PASS  nothing is at fault" in shown
    assert len(shown.splitlines()) <= 12
    assert "by evaluation" in render_plain(CONVERGED, verbosity=1)


def test_an_untold_diagnosis_says_what_would_settle_it() -> None:
    shown = " ".join(render_plain(UNTOLD).split())
    assert UNTOLD.verdict == Verdict.INCONCLUSIVE
    assert "INCONCLUSIVE: no cause was found; what would settle it: " in shown
    assert "stopped early: the budget of 5 evaluations is used up" in shown


def test_a_success_is_called_reported_and_not_believed() -> None:
    said = replace(IGNORED, success=True, message="CONVERGENCE")
    assert render_plain(said).startswith("L-BFGS-B reported success: CONVERGENCE\n")


def test_observations_are_one_line_each_until_asked_for() -> None:
    assert "also seen: note[GA301]: w: the cost has a kink at the point\n" in render_plain(SIGN)
    full = render_plain(SIGN, verbosity=1)
    assert "also seen" not in full
    assert "note[GA301]: w: the cost has a kink at the point\n  = see" in full


def test_an_allowed_cause_is_listed_without_weight() -> None:
    cause = replace(IGNORED.causes[0], allowed=True)
    allowed = replace(IGNORED, causes=(cause,))
    assert allowed.verdict == Verdict.PASS
    assert "allowed: GA101 ignored-argument" in render_plain(allowed)
    assert "error[GA101]" not in render_plain(allowed)


def test_causes_alone_are_given_line_by_line() -> None:
    lines = render_causes(IGNORED, 80)
    assert lines[0] == "error[GA101]: the objective ignores its argument"
    assert lines[-1] == "  = see: gradaudit explain GA101"
    assert render_causes(UNTOLD, 80) == []
    assert all(cell_len(line) <= 40 for line in render_causes(SIGN, 40))


def test_quiet_is_one_line_with_verdict_and_codes(diagnosis: Diagnosis) -> None:
    line = one_line(diagnosis, encoding="ascii")
    assert line.startswith(f"{diagnosis.verdict}  ")
    assert "\n" not in line
    assert line.isascii()
    assert all(cause.code in line for cause in diagnosis.causes)


@pytest.mark.parametrize("format_name", ["text", *FORMATS])
def test_the_same_facts_stand_in_every_format(diagnosis: Diagnosis, format_name: str) -> None:
    if format_name == "text":
        document = render_plain(diagnosis, width=400, verbosity=2)
    else:
        document = FORMATS[format_name](diagnosis)
    if format_name == "html":
        document = html.unescape(re.sub(r"<[^>]*>", " ", document))
    assert diagnosis.verdict in document
    facts = [diagnosis.message.strip().rstrip(":"), diagnosis.message_meaning]
    facts += [diagnosis.confirmed, diagnosis.stopped, str(diagnosis.seed), diagnosis.method]
    for finding in account.findings(diagnosis):
        facts += [finding.code, finding.message, finding.help]
        facts += finding.notes if not finding.allowed else ()
    assert [fact for fact in facts if fact not in document] == []


@pytest.mark.parametrize("format_name", ["text", "html", "github", "sarif"])
def test_the_pictures_are_told_in_words_in_every_format(
    diagnosis: Diagnosis, format_name: str
) -> None:
    if format_name == "text":
        document = render_plain(diagnosis, width=400, verbosity=1)
    else:
        document = html.unescape(FORMATS[format_name](diagnosis))
    words = [words for figure in figures_of(diagnosis) for words in figure.words]
    assert [line for line in words if line not in document] == []


def test_json_holds_the_pictures_as_numbers() -> None:
    facts = json.loads(FORMATS["json"](WALL))
    assert facts["kind"] == "diagnose"
    assert facts["schema_version"] == 1
    assert facts["verdict"] == "FAIL"
    assert facts["ray"]["slope"] == -1.5
    assert facts["ray"]["values"][30] is None
    assert facts["history"]["numbers"] == [1, 2, 3, 4]


def test_html_is_one_file_in_ascii_without_script(diagnosis: Diagnosis) -> None:
    page = FORMATS["html"](diagnosis)
    assert page.isascii()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == page.count("</svg>")


def test_github_puts_the_verdict_beside_the_call_of_the_solver() -> None:
    *findings, verdict = FORMATS["github"](IGNORED).splitlines()
    assert [line.partition(",title")[0] for line in findings] == ["::error file=train.py,line=42"]
    assert verdict.startswith("::error file=train.py,line=47,title=gradaudit FAIL::L-BFGS-B stop")


def test_sarif_places_a_cause_without_a_line_at_the_call_of_the_solver() -> None:
    placed = replace(SIGN, location=Location(path="fit.py", line=3))
    run = json.loads(FORMATS["sarif"](placed))["runs"][0]
    places = {r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"]}
    assert places == {3}
    assert run["tool"]["driver"]["version"] == "0.1.0"


def test_a_diagnosis_shows_itself() -> None:
    assert str(IGNORED) == render_plain(IGNORED)
    bundle = IGNORED._repr_mimebundle_()
    assert bundle["text/plain"] == render_plain(IGNORED)
    assert bundle["text/html"].startswith('<div class="gradaudit">')
    assert repr(IGNORED) == "<Diagnosis of L-BFGS-B: GA101 ignored-argument>"
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(IGNORED)


def test_rich_prints_a_diagnosis_as_it_is() -> None:
    stream = io.StringIO()
    Console(file=stream, width=80, color_system=None).print(SIGN)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines == render_plain(SIGN).splitlines()


def test_rich_draws_with_braille_on_a_terminal_alone() -> None:
    stream = io.StringIO()
    Console(file=stream, width=80, force_terminal=True, no_color=True, _environ={}).print(SIGN)
    assert any("\u2801" <= char <= "\u28ff" for char in stream.getvalue())


# any diagnosis -------------------------------------------------------------------------------

NAMES = st.text(max_size=40) | st.text("[]/<>&:%$,'\"\\ \n\x1b重=", max_size=12)
NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1e300, -1e300, 5e-324, math.nan])
FINDINGS = st.builds(
    Finding,
    slug=st.sampled_from(["ignored-argument", "noise", "converged"]),
    level=st.sampled_from(["error", "warning", "note"]),
    message=NAMES,
    notes=st.lists(NAMES, max_size=2).map(tuple),
    help=NAMES,
    allowed=st.booleans(),
)


@st.composite
def rays(draw: st.DrawFn) -> Ray:
    count = draw(st.integers(0, 12))
    steps = draw(st.lists(NUMBERS, min_size=count, max_size=count))
    return Ray(
        title=draw(NAMES),
        steps=tuple(draw(st.sampled_from([steps, [i / 8 for i in range(count)]]))),
        values=tuple(draw(st.lists(NUMBERS, min_size=count, max_size=count))),
        slope=draw(st.none() | NUMBERS),
        true_slope=draw(st.none() | NUMBERS),
        tried=tuple(draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    count = draw(st.integers(0, 12))
    some = st.lists(NUMBERS, min_size=count, max_size=count).map(tuple)
    numbers = tuple(range(1, count + 1))
    return History(numbers=numbers, values=draw(some), gradient_norms=draw(some))


ANY = st.builds(
    Diagnosis,
    causes=st.lists(FINDINGS, max_size=2).map(tuple),
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
    message=NAMES,
    message_meaning=NAMES,
    benign=st.booleans(),
    evaluations=st.builds(Evaluations, cost=st.integers(0, 10**6)),
    solver=NAMES,
    method=NAMES,
    size=st.integers(0, 10**6),
    success=st.none() | st.booleans(),
    nit=st.none() | st.integers(0, 10**6),
    ray=st.none() | rays(),
    history=st.none() | histories(),
    confirmed=NAMES,
    stopped=NAMES,
    location=st.none() | st.builds(Location, path=NAMES, line=st.integers(0, 999)),
)
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=150, deadline=None, suppress_health_check=CHECKS)
@given(diagnosis=ANY, width=st.integers(24, 130), encoding=st.sampled_from(["utf-8", "ascii"]))
def test_every_renderer_survives_every_diagnosis(
    diagnosis: Diagnosis, width: int, encoding: str
) -> None:
    for verbosity in (0, 1):
        shown = render_text(
            diagnosis,
            console_width=width,
            encoding=encoding,
            verbosity=verbosity,
            colour=True,
            terminal=True,
        )
        shown.encode(encoding)
        assert diagnosis.verdict in shown
    assert "\n" not in one_line(diagnosis)
    json.loads(FORMATS["json"](diagnosis))
    json.loads(FORMATS["sarif"](diagnosis))
    told = len(account.findings(diagnosis))
    assert len(FORMATS["github"](diagnosis).splitlines()) == told + 1
    page = FORMATS["html"](diagnosis)
    assert page.isascii()
    assert not re.search(r"\b(nan|inf)\b[^<]*\"/>", page)


@settings(max_examples=200, deadline=None, suppress_health_check=CHECKS)
@given(diagnosis=ANY, width=st.integers(24, 130), ascii_only=st.booleans())
def test_no_picture_is_wider_than_the_terminal(
    diagnosis: Diagnosis, width: int, ascii_only: bool
) -> None:
    drawn = replace(diagnosis, causes=(), findings=(), benign=False, location=None)
    encoding = "ascii" if ascii_only else "utf-8"
    shown = render_text(drawn, console_width=width, encoding=encoding, terminal=True)
    assert all(cell_len(line) <= width for line in shown.splitlines())
