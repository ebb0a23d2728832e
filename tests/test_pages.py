"""The pages of the finding codes: complete, of one form, with examples that do what they say."""
# ruff: noqa: SIM905  (tables of words)

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradaudit import (
    ArgumentError,
    BlockLayoutError,
    GradauditError,
    Report,
    check,
    check_shapes,
    cli,
)
from gradaudit.catalogue import RECORDS, read_page

SECTIONS = [
    "What it means",
    "Why it matters",
    "The smallest example",
    "The corrected example",
    "How it is detected",
    "When the detection is mistaken",
    "References",
]
# No verb emits these yet: their examples run, and that is all that is asked of them.
FUTURE = {"noise", "below-noise", "not-analytic"}
# Found by `diagnose`, which the examples call themselves.
DIAGNOSED = set(
    """
    wrong-jacobian wrong-hessian wrong-constraint-jacobian
    bad-scaling unbounded dead-start infeasible-start degenerate-constraints
    infeasible-constraints precision-limit iteration-limit converged solver-behaviour
    """.split()
)
# Errors of usage are exceptions, not findings; a bad target is met by the command line only.
USAGE: dict[str, type[GradauditError]] = {
    "bad-layout": BlockLayoutError,
    "bad-setting": ArgumentError,
}
COMMAND_LINE = "bad-target"
# Its examples are factories, which `check_shapes` goes through.
SHAPES = "shape-error"
CHECKED = sorted(set(RECORDS) - FUTURE - DIAGNOSED - set(USAGE) - {COMMAND_LINE, SHAPES})
# The verdict of a faulty example; FAIL where nothing is said.
VERDICTS = dict.fromkeys(["nondeterministic", "piecewise-constant", "budget-exhausted"],
                         "INCONCLUSIVE")  # fmt: skip
VERDICTS |= dict.fromkeys(
    "aliased-buffer kink discontinuity low-precision domain-edge hiding-shape".split(), "PASS"
)

# Nothing is at fault in these.
BENIGN = {"precision-limit", "iteration-limit", "converged", "solver-behaviour"}

# an overflow or a log of zero is what some examples are about
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def page(slug: str) -> str:
    return read_page(RECORDS[slug])


def example(slug: str, number: int, folder: Path) -> Path:
    """Write one of the two examples of a page to a file: its source is read, as a user's is."""
    faulty, corrected = re.findall(r"^```python\n(.*?)^```$", page(slug), re.MULTILINE | re.DOTALL)
    path = folder / f"example_{number}.py"
    path.write_text((faulty, corrected)[number], encoding="utf-8")
    return path


def audit(path: Path) -> Report:
    names: dict[str, Any] = runpy.run_path(str(path))
    given = {name: names[name] for name in ("jac", "args", "bounds", "blocks") if name in names}
    return check(names["fun"], names["x0"], rng=0, **given, **names.get("settings", {}))


def diagnose(path: Path) -> Any:
    return runpy.run_path(str(path))["diagnosis"]


def explain(word: str) -> str:
    program = """
import sys
from gradaudit import cli
code = cli.main(["explain", sys.argv[1]])
heavy = {"numpy", "scipy", "rich", "hypothesis"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, word], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# form


@pytest.mark.parametrize("slug", RECORDS)
def test_every_finding_has_a_page_with_all_sections_in_order(slug: str) -> None:
    headings = re.findall(r"^#+ .*$", page(slug), re.MULTILINE)
    assert [h for h in headings if h.startswith("## ")] == [f"## {name}" for name in SECTIONS]
    texts = re.split(r"^## .*$", page(slug), flags=re.MULTILINE)
    assert texts[0] == ""
    assert all(text.strip() for text in texts[1:])


@pytest.mark.parametrize("slug", RECORDS)
def test_a_page_has_two_examples_each_in_its_section(slug: str) -> None:
    blocks = re.findall(r"^## (The .* example)$[^#]*?^```python$", page(slug), re.MULTILINE)
    assert blocks == SECTIONS[2:4]
    assert page(slug).count("```") == 4


@pytest.mark.parametrize("slug", RECORDS)
def test_a_page_fits_a_terminal(slug: str) -> None:
    lines = page(slug).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 80  # two screens
    assert page(slug).isascii()  # the stream may be
    assert page(slug).endswith("\n")


def test_there_is_no_page_without_a_finding() -> None:
    folder = Path(sys.modules["gradaudit"].__path__[0]) / "pages"
    assert {path.name for path in folder.iterdir()} == {r.page for r in RECORDS.values()}


def test_the_lists_of_slugs_hold_slugs_only() -> None:
    assert set(RECORDS) >= FUTURE | DIAGNOSED
    assert not FUTURE & DIAGNOSED


# examples


@pytest.mark.parametrize("slug", CHECKED)
def test_the_smallest_example_yields_its_code_first(slug: str, tmp_path: Path) -> None:
    report = audit(example(slug, 0, tmp_path))
    assert report.findings, str(report)
    assert report.findings[0].slug == slug, str(report)
    assert report.verdict == VERDICTS.get(slug, "FAIL"), str(report)


@pytest.mark.parametrize("slug", CHECKED)
def test_the_corrected_example_passes_without_a_finding(slug: str, tmp_path: Path) -> None:
    report = audit(example(slug, 1, tmp_path))
    assert report.verdict == "PASS", str(report)
    assert report.findings == (), str(report)


@pytest.mark.parametrize("number", [0, 1], ids=["smallest", "corrected"])
@pytest.mark.parametrize("slug", sorted(FUTURE))
def test_examples_of_findings_to_come_run(slug: str, number: int, tmp_path: Path) -> None:
    names = runpy.run_path(str(example(slug, number, tmp_path)))
    assert {"fun", "result"} & set(names)


@pytest.mark.parametrize("slug", sorted(DIAGNOSED))
def test_the_smallest_example_of_a_bad_end_yields_its_code(slug: str, tmp_path: Path) -> None:
    diagnosis = diagnose(example(slug, 0, tmp_path))
    assert slug in {finding.slug for finding in diagnosis.findings}, str(diagnosis)
    assert diagnosis.benign is (slug in BENIGN), str(diagnosis)
    if slug not in BENIGN:
        assert diagnosis.causes[0].slug == slug, str(diagnosis)


@pytest.mark.parametrize("slug", sorted(DIAGNOSED))
def test_the_corrected_example_ends_well(slug: str, tmp_path: Path) -> None:
    diagnosis = diagnose(example(slug, 1, tmp_path))
    assert slug not in {finding.slug for finding in diagnosis.findings}, str(diagnosis)
    # the second example of `converged` is the one that is not
    assert diagnosis.benign is (slug != "converged"), str(diagnosis)


def test_the_example_of_a_shape_error_yields_its_code(tmp_path: Path) -> None:
    faulty, corrected = (runpy.run_path(str(example(SHAPES, i, tmp_path))) for i in (0, 1))
    found = check_shapes(faulty["factory"], rng=0)
    assert found.findings[0].slug == SHAPES
    assert found.sizes == {"n": 2, "k": 3}
    assert check_shapes(corrected["factory"], rng=0).verdict == "PASS"


@pytest.mark.parametrize("slug", ["noise", "below-noise"])
def test_a_cost_that_cannot_be_measured_is_inconclusive(slug: str, tmp_path: Path) -> None:
    assert audit(example(slug, 0, tmp_path)).verdict == "INCONCLUSIVE"
    assert audit(example(slug, 1, tmp_path)).verdict == "PASS"


@pytest.mark.parametrize("slug", USAGE)
def test_the_example_of_misuse_is_refused(slug: str, tmp_path: Path) -> None:
    with pytest.raises(USAGE[slug]):
        audit(example(slug, 0, tmp_path))
    assert audit(example(slug, 1, tmp_path)).verdict == "PASS"


def test_the_example_of_a_bad_target_is_refused_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", f"{example(COMMAND_LINE, 0, tmp_path)}:fun"]) == 2
    assert "--x0" in capsys.readouterr().err
    assert cli.main(["check", f"{example(COMMAND_LINE, 1, tmp_path)}:fun"]) == 0


# the command


def test_explain_prints_the_same_page_by_code_and_by_slug_without_numpy() -> None:
    printed = explain("GA202")
    assert explain("wrong-scale") == printed
    assert printed.startswith("GA202 wrong-scale (error)\n")
    assert printed.endswith(page("wrong-scale"))


@pytest.mark.parametrize("slug", RECORDS)
def test_explain_knows_every_slug_and_code_in_any_case(
    slug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = RECORDS[slug]
    for word in (record.code, record.code.lower(), slug.upper()):
        assert cli.main(["explain", word]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{record.code} {slug} ({record.level})\n{record.summary}\n\n## What")
        assert out.endswith(page(slug))
