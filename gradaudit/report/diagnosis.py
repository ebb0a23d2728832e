"""A diagnosis as text for people: what the solver said, why, what to change, and the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from gradaudit.report import account, wording
from gradaudit.report.figures import Figure, figures_of
from gradaudit.report.page import STYLE, Page, Sheet, finding_lines, location_line, printed
from gradaudit.report.sketch import legend, sketch
from gradaudit.report.text import block_lines
from gradaudit.results import Diagnosis, Verdict

_WIDEST: Final = 76
"""Columns of the widest picture: a wider one shows no more."""

_TWO_COLUMNS: Final = 64
"""The history of cost and gradient stand side by side from this width on."""


def renderable(
    diagnosis: Diagnosis, *, verbosity: int = 0, width: int | None = None
) -> RenderableType:
    """Return the diagnosis as something that rich prints.

    Parameters
    ----------
    diagnosis : Diagnosis
        What to show.
    verbosity : int
        0 for what matters, 1 for all observations, blocks and pictures.
    width : int or None
        Columns to use; None for as many as the console has.
    """
    return Sheet(
        lambda page: _diagnosis(_Easel(page, _is_terminal(page)), diagnosis, verbosity),
        width=width,
        fold_locations=True,
    )


def render_plain(diagnosis: Diagnosis, *, width: int | None = None, verbosity: int = 0) -> str:
    """Return the diagnosis as plain text, without colour, 80 columns wide unless told.

    Pictures are drawn in ASCII: the text does not know where it will be printed, and other
    characters would raise an error on some streams.
    """
    return render_text(diagnosis, console_width=width or 80, verbosity=verbosity)


def render_text(
    diagnosis: Diagnosis,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
    terminal: bool = False,
    verbosity: int = 0,
) -> str:
    """Return the diagnosis as text for a stream.

    Parameters
    ----------
    diagnosis : Diagnosis
        What to show.
    console_width : int
        Columns of the terminal. Locations may be longer, so that they can be clicked.
    colour : bool
        Whether to add ANSI colours; they never carry meaning alone.
    encoding : str
        Of the stream; unless it is UTF-8 the text, pictures included, is pure ASCII.
    terminal : bool
        Whether the stream is a terminal: it gives each character one cell, so that pictures can
        be drawn with braille. Logs that are read in a browser do not.
    verbosity : int
        As for `renderable`.
    """
    return printed(
        lambda page: _diagnosis(_Easel(page, terminal), diagnosis, verbosity),
        console_width,
        colour,
        encoding,
    )


def render_causes(diagnosis: Diagnosis, width: int = 80, *, encoding: str = "utf-8") -> list[str]:
    """Return the causes alone, in the form of findings, for a list of several runs."""
    text = printed(lambda page: _causes(page, diagnosis), width, False, encoding)
    return text.rstrip("\n").split("\n") if text.strip() else []


def one_line(diagnosis: Diagnosis, *, encoding: str = "utf-8") -> str:
    """Return the verdict, the causes and what the solver said in one line, for ``-q``."""
    words = [wording.in_one_line(cause) for cause in account.causes(diagnosis)]
    words += filter(None, [account.why_inconclusive(diagnosis), account.heading(diagnosis)])
    words.append(account.summary(diagnosis))
    text = f"{diagnosis.verdict}  {'; '.join(words)}"
    return wording.visible(text, ascii_only=not wording.is_utf8(encoding))


# the page ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Easel:
    """A page to write on, and which characters its pictures are drawn with."""

    page: Page
    on_terminal: bool

    @property
    def ascii_only(self) -> bool:
        return self.page.ascii_only or not self.on_terminal

    @property
    def width(self) -> int:
        return min(self.page.width, _WIDEST)


def _is_terminal(page: Page) -> bool:
    return page.console.is_terminal and not page.console.is_jupyter


def _diagnosis(easel: _Easel, diagnosis: Diagnosis, verbosity: int) -> Iterator[RenderableType]:
    page = easel.page
    yield from _heading(page, diagnosis)
    yield Text()
    if several := account.ranking(diagnosis):
        yield page.line(f"{several}:")
        yield Text()
    yield from _causes(page, diagnosis)
    for label, words in account.remarks(diagnosis):
        yield page.line(f"{label}: {words}")
        yield Text()
    yield from _observations(page, diagnosis, verbosity)
    yield from _blocks(page, diagnosis, verbosity)
    if verbosity > 0 or not diagnosis.benign:
        yield from _pictures(easel, diagnosis)
    yield from _conclusion(page, diagnosis)
    for finding in account.allowed(diagnosis):
        yield page.line(f"allowed: {finding.code} {finding.slug}: {finding.message}")


def _conclusion(page: Page, diagnosis: Diagnosis) -> Iterator[Text]:
    head = Text.assemble((str(diagnosis.verdict), STYLE[diagnosis.verdict]), "  ")
    if why := account.why_inconclusive(diagnosis):
        yield page.hanging(head[:-2] + Text(": "), page.clean(why), indent=2)
        head = Text()
    yield page.filled(head, wording.with_commas(account.summary_parts(diagnosis)))


def _heading(page: Page, diagnosis: Diagnosis) -> Iterator[Text]:
    yield page.hanging(Text(), page.clean(account.heading(diagnosis), "bold"), indent=2)
    for words in (diagnosis.message_meaning, account.run_in_words(diagnosis)):
        if words:
            yield page.hanging(Text("  "), page.clean(words))
    if diagnosis.location is not None:
        yield location_line(page, str(diagnosis.location))


def _causes(page: Page, diagnosis: Diagnosis) -> Iterator[Text]:
    for cause in account.causes(diagnosis):
        yield from finding_lines(page, cause)
        yield Text()


def _observations(page: Page, diagnosis: Diagnosis, verbosity: int) -> Iterator[Text]:
    seen = account.observations(diagnosis)
    for finding in seen:
        if verbosity > 0:
            yield from finding_lines(page, finding)
            yield Text()
        else:
            yield page.line(f"also seen: {wording.in_one_line(finding)}")
    if seen and verbosity == 0:
        yield Text()


def _blocks(page: Page, diagnosis: Diagnosis, verbosity: int) -> Iterator[RenderableType]:
    report = diagnosis.report
    if report is None or not report.blocks:
        return
    if verbosity > 0 or (report.verdict == Verdict.FAIL and len(report.blocks) > 1):
        yield from block_lines(page, report, verbosity)


# pictures ------------------------------------------------------------------------------------


def _pictures(easel: _Easel, diagnosis: Diagnosis) -> Iterator[Text]:
    figures = figures_of(diagnosis)
    small = [figure for figure in figures if not figure.legend and not figure.flat]
    beside = small if len(small) == 2 and easel.width >= _TWO_COLUMNS else []
    for figure in figures:
        if not figure.flat and figure not in beside:
            yield from _picture(easel, figure)
            yield Text()
    if beside:
        yield from _side_by_side(easel, beside)
        yield Text()
    if flat := [figure for figure in figures if figure.flat]:
        yield from (easel.page.line("; ".join(figure.words)) for figure in flat)
        yield Text()


def _picture(easel: _Easel, figure: Figure) -> Iterator[Text]:
    page, ascii_only = easel.page, easel.ascii_only
    yield page.line(figure.title)
    height = 5 if not figure.legend else 10 if easel.width >= _TWO_COLUMNS else 8
    yield from sketch(figure, width=easel.width, height=height, ascii_only=ascii_only)
    meanings = [f"{mark} {words}" for mark, words in legend(figure, ascii_only=ascii_only)]
    if meanings:
        yield page.filled(Text("  "), wording.with_commas(meanings))
    yield from _in_words(page, figure)


def _side_by_side(easel: _Easel, figures: Sequence[Figure]) -> Iterator[Text]:
    gap = 3
    half = replace(easel.page, width=(easel.width - gap) // 2)
    heads = [list(half.line(figure.title).split("\n")) for figure in figures]
    tallest = max(map(len, heads))
    columns = [
        [
            *head,
            *[Text()] * (tallest - len(head)),
            *sketch(figure, width=half.width, height=5, ascii_only=easel.ascii_only),
        ]
        for head, figure in zip(heads, figures, strict=True)
    ]
    for left, right in zip_longest(*columns, fillvalue=Text()):
        line = left + Text(" " * (half.width + gap - left.cell_len)) + right
        line.rstrip()
        yield line
    for figure in figures:
        yield from _in_words(easel.page, figure)


def _in_words(page: Page, figure: Figure) -> Iterator[Text]:
    yield from (page.hanging(Text("  "), page.clean(words)) for words in figure.words)
