"""A diagnosis as text for people: what the solver said, why, what to change, and the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
"""Columns of the widest picture: a longer one shows no more."""

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
        lambda page: _diagnosis(page, diagnosis, verbosity), width=width, fold_locations=True
    )


def render_plain(diagnosis: Diagnosis, *, width: int | None = None, verbosity: int = 0) -> str:
    """Return the diagnosis as plain text, without colour, 80 columns wide unless told."""
    return render_text(diagnosis, console_width=width or 80, verbosity=verbosity)


def render_text(
    diagnosis: Diagnosis,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
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
    verbosity : int
        As for `renderable`.
    """
    return printed(
        lambda page: _diagnosis(page, diagnosis, verbosity), console_width, colour, encoding
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


def _diagnosis(page: Page, diagnosis: Diagnosis, verbosity: int) -> Iterator[RenderableType]:
    yield from _heading(page, diagnosis)
    yield Text()
    if several := account.ranking(diagnosis):
        yield page.line(f"{several}:")
        yield Text()
    yield from _causes(page, diagnosis)
    yield from _observations(page, diagnosis, verbosity)
    yield from _blocks(page, diagnosis, verbosity)
    for label, words in account.remarks(diagnosis):
        yield page.line(f"{label}: {words}")
        yield Text()
    if verbosity > 0 or not diagnosis.benign:
        yield from _pictures(page, diagnosis)
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


def _pictures(page: Page, diagnosis: Diagnosis) -> Iterator[Text]:
    narrow = replace(page, width=min(page.width, _WIDEST))
    drawn = [figure for figure in figures_of(diagnosis) if not figure.flat]
    small = [figure for figure in drawn if not figure.legend]
    for figure in drawn:
        if figure.legend or narrow.width < _TWO_COLUMNS or len(small) < 2:
            yield from _picture(narrow, figure)
            yield Text()
    if len(small) == 2 and narrow.width >= _TWO_COLUMNS:
        yield from _side_by_side(narrow, small)
        yield Text()
    flat = [figure for figure in figures_of(diagnosis) if figure.flat]
    for figure in flat:
        yield page.line("; ".join(figure.words))
    if flat:
        yield Text()


def _picture(page: Page, figure: Figure) -> list[Text]:
    height = 5 if not figure.legend else 10 if page.width >= _TWO_COLUMNS else 8
    lines = _above(page, figure)
    lines += sketch(figure, width=page.width, height=height, ascii_only=page.ascii_only)
    meanings = [f"{mark} {words}" for mark, _, words in legend(figure, ascii_only=page.ascii_only)]
    if meanings:
        lines.append(page.filled(Text("  "), wording.with_commas(meanings)))
    return lines + _below(page, figure)


def _side_by_side(page: Page, figures: Sequence[Figure]) -> Iterator[Text]:
    gap = 3
    half = replace(page, width=(page.width - gap) // 2)
    heads = [_above(half, figure) for figure in figures]
    tallest = max(map(len, heads))
    columns = [
        [
            *head,
            *[Text()] * (tallest - len(head)),
            *sketch(figure, width=half.width, height=5, ascii_only=page.ascii_only),
            *_below(half, figure),
        ]
        for head, figure in zip(heads, figures, strict=True)
    ]
    for left, right in zip_longest(*columns, fillvalue=Text()):
        line = left + Text(" " * (half.width + gap - left.cell_len)) + right
        line.rstrip()
        yield line


def _above(page: Page, figure: Figure) -> list[Text]:
    return list(page.line(figure.title).split("\n"))


def _below(page: Page, figure: Figure) -> list[Text]:
    return [
        line
        for words in figure.words
        for line in page.hanging(Text("  "), page.clean(words)).split("\n")
    ]
