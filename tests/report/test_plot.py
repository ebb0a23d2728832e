"""Pictures written to files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gradaudit.errors import ArgumentError, MissingExtraError
from gradaudit.report.figures import figures_of
from gradaudit.report.plot import save_plot
from gradaudit.report.svg import svg_document
from tests.report.diagnoses import DIAGNOSES, IGNORED, SIGN, UNTOLD

DRAWN = [name for name, diagnosis in DIAGNOSES.items() if diagnosis.ray is not None]


@pytest.mark.parametrize("name", DRAWN)
def test_svg_is_well_formed_and_tells_the_pictures_in_words(name: str, tmp_path: Path) -> None:
    path = save_plot(DIAGNOSES[name], tmp_path / "run.svg")
    text = path.read_text(encoding="ascii")
    tree = ElementTree.fromstring(text)
    said = [element.text or "" for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    words = [words for figure in figures_of(DIAGNOSES[name]) for words in figure.words]
    assert [line for line in words if line not in said] == []
    assert "nan" not in text


def test_svg_stays_within_its_frame() -> None:
    tree = ElementTree.fromstring(svg_document(SIGN))
    height = float(tree.get("height", "0"))
    placed = [float(e.get("y", "0")) for e in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert max(placed) < height


def test_hostile_text_cannot_leave_its_element(tmp_path: Path) -> None:
    hostile = "</text><script>alert(1)</script>\x1b\ud800&"
    diagnosis = replace(SIGN, message=hostile, ray=replace(SIGN.ray, title=hostile))  # pyright: ignore[reportArgumentType]
    text = save_plot(diagnosis, tmp_path / "run.svg").read_text(encoding="ascii")
    assert "<script" not in text
    ElementTree.fromstring(text)


def test_the_method_of_a_diagnosis_writes_the_same_file(tmp_path: Path) -> None:
    written = IGNORED.save_plot(tmp_path / "run.svg")
    assert written.read_text(encoding="ascii") == svg_document(IGNORED)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_matplotlib_draws_every_diagnosis(name: str, ending: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = save_plot(DIAGNOSES[name], tmp_path / f"run.{ending}")
    assert path.read_bytes()[:4] in (b"\x89PNG", b"%PDF")


def test_formulas_and_control_characters_in_names_do_not_stop_matplotlib(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    diagnosis = replace(SIGN, message="$\\frac$ \x1b \n $")
    assert save_plot(diagnosis, tmp_path / "run.png").stat().st_size > 0


def test_without_matplotlib_the_command_that_installs_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gradaudit\[plot\]'"):
        save_plot(SIGN, tmp_path / "run.png")
    assert not (tmp_path / "run.png").exists()


def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"'\.bmp'.*\.svg, \.png, \.pdf"):
        save_plot(SIGN, tmp_path / "run.bmp")


def test_a_diagnosis_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="nothing to draw"):
        save_plot(UNTOLD, tmp_path / "run.svg")
