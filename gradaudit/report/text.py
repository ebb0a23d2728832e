"""Reports as text for people: on a terminal of any width, in a test's failure, in a log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from gradaudit.blocks import Block, Layout
from gradaudit.report import wording
from gradaudit.report.page import STYLE, Page, Sheet, finding_lines, printed
from gradaudit.report.picture import picture_of
from gradaudit.results import BlockReport, Derivative, PointReport, Report, Verdict

_GAP: Final = 2
_ENTRIES_SHOWN: Final = 12


def renderable(report: Report, *, verbosity: int = 0, width: int | None = None) -> RenderableType:
    """Return the report as something that rich prints.

    Parameters
    ----------
    report : Report
        What to show.
    verbosity : int
        0 for what matters, 1 for all blocks and notes, 2 for worst entries and points too.
    width : int or None
        Columns to use; None for as many as the console has.
    """
    return Sheet(lambda page: _report(page, report, verbosity), width=width, fold_locations=True)


def render_plain(report: Report, *, width: int = 80, verbosity: int = 0) -> str:
    """Return the report as plain text, without colour."""
    return render_text(report, console_width=width, verbosity=verbosity)


def render_text(
    report: Report,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
    verbosity: int = 0,
) -> str:
    """Return the report as text for a stream.

    Parameters
    ----------
    report : Report
        What to show.
    console_width : int
        Columns of the terminal. Locations may be longer, so that they can be clicked.
    colour : bool
        Whether to add ANSI colours; they never carry meaning alone.
    encoding : str
        Of the stream; unless it is UTF-8 the text is pure ASCII.
    verbosity : int
        As for `renderable`.
    """
    return printed(lambda page: _report(page, report, verbosity), console_width, colour, encoding)


def one_line(report: Report, *, encoding: str = "utf-8") -> str:
    """Return the verdict and what led to it in one line, for ``-q``."""
    only = report.settings.only
    words = [wording.summary(report) + (f", only {wording.names_in_words(only)}" if only else "")]
    if report.verdict != Verdict.PASS:
        grave = [f for f in wording.open_findings(report) if f.level != "note"]
        words = [*map(wording.in_one_line, grave), *words]
        if why := wording.why_inconclusive(report) if not grave else "":
            words.insert(0, why)
    text = f"{report.verdict}  {'; '.join(words)}"
    return wording.visible(text, ascii_only=not wording.is_utf8(encoding))


def render_layout(
    layout: Layout,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Return the blocks of a parameter vector as a table, unclaimed stretches included."""
    return printed(lambda page: _layout(page, layout), console_width, colour, encoding)


def render_derivative(
    derivative: Derivative,
    *,
    console_width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Return a numerical derivative, or a gradient's most doubtful entries, with its bar."""
    return printed(lambda page: _derivative(page, derivative), console_width, colour, encoding)


# the report ----------------------------------------------------------------------------------


def _report(page: Page, report: Report, verbosity: int) -> Iterator[RenderableType]:
    for finding in wording.open_findings(report):
        yield from finding_lines(page, finding, full=verbosity > 0 or finding.level != "note")
        yield Text()
    if report.blocks:
        yield from block_lines(page, report, verbosity)
        yield from _pictures(page, report)
    yield from _conclusion(page, report, verbosity)
    if verbosity > 1:
        yield from _worst_entries(page, report.blocks)
        yield from _points(page, report.points)
    if verbosity > 0:
        yield from _particulars(page, report)
    for finding in wording.allowed_findings(report):
        yield page.line(f"allowed: {finding.code} {finding.slug}: {finding.message}")
    if following := wording.next_step(report):
        yield page.line(f"next: {following}")


def block_lines(page: Page, report: Report, verbosity: int) -> Iterator[RenderableType]:
    """Write the table of blocks, and what the table cannot say."""
    shown, folded = _selection(report, everything=verbosity > 0)
    if shown:
        yield _table(page, _block_columns(shown))
    if folded:
        largest = max(folded, key=lambda block: block.relative_error)
        more = "more " if shown else ""
        yield page.line(
            f"{wording.plural(len(folded), f'{more}block')} PASS, largest relative error "
            f"{wording.error_in_words(largest)} ({wording.block_name(largest.name)}); -v lists them"
        )
    yield Text()
    said = wording.remarks(report)
    for about, words in said:
        yield page.line(f"{about}: {words}")
    if said:
        yield Text()


def _selection(
    report: Report, *, everything: bool
) -> tuple[Sequence[BlockReport], Sequence[BlockReport]]:
    """Return the blocks that get a row, and the passing ones that are folded into one line."""
    passing = [block for block in report.blocks if block.verdict == Verdict.PASS]
    others = [block for block in report.blocks if block.verdict != Verdict.PASS]
    worst = wording.worst_first(others)
    if everything or len(report.blocks) <= wording.FOLD_ABOVE:
        return [*worst, *passing], ()
    return worst, wording.worst_first(passing)


def _pictures(page: Page, report: Report) -> Iterator[Text]:
    """Draw where the wrong entries of a block lie, when they are not everywhere."""
    shapes = {block.name: block.shape for block in report.blocks}
    for finding in wording.open_findings(report):
        shape = shapes.get(finding.block or "", ())
        drawn = picture_of(finding, shape, width=min(max(page.width - 4, 8), 60))
        if drawn and len(finding.data.get("blocks", ())) <= 1:
            yield page.line(f"{finding.block}, {shape[0]} rows by {shape[1]} columns, # is wrong:")
            for line in drawn:
                yield Text(f"  {line}")
            yield Text()


def _conclusion(page: Page, report: Report, verbosity: int) -> Iterator[Text]:
    head = Text.assemble((str(report.verdict), STYLE[report.verdict]), "  ")
    if why := wording.why_inconclusive(report):
        yield page.hanging(head[:-2] + Text(": "), page.clean(why), indent=2)
        head = Text()
    yield page.filled(head, wording.with_commas(wording.summary_parts(report)))
    fold = verbosity == 0 and len(report.blocks) > wording.FOLD_ABOVE
    if bounds := wording.right_to_within(report, fold=fold):
        yield page.filled(Text(), bounds)
    yield page.line(wording.thresholds(report))
    if report.blocks and report.layout_source:
        yield page.line(f"blocks: {report.layout_source}")


# tables --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a table: what it says, and when it goes if room is short."""

    header: str
    cells: Sequence[str]
    justify: Literal["left", "right"] = "right"
    short: str = ""
    leaves: int = 0
    """Columns with the highest number leave first; those with 0 stay."""
    coloured: bool = False

    def title(self, short: bool) -> str:
        return self.short or self.header if short else self.header

    def width(self, short: bool) -> int:
        return max(map(cell_len, [self.title(short), *self.cells]))

    def placed(self, cell: str, short: bool) -> Text:
        """Return the cell, padded to the column's width."""
        padding = " " * (self.width(short) - cell_len(cell))
        text = Text(cell, STYLE.get(cell, "") if self.coloured else "")
        return text + Text(padding) if self.justify == "left" else Text(padding) + text


def _block_columns(blocks: Sequence[BlockReport]) -> list[_Column]:
    columns = [
        _Column("block", [wording.block_name(b.name) for b in blocks], "left"),
        _Column("shape", [wording.shape_in_words(b.shape) for b in blocks], "left", leaves=4),
        _Column("parameters", [f"{b.size:,}" for b in blocks], leaves=5),
        _Column(
            "relative error",
            [wording.error_in_words(b) for b in blocks],
            short="rel. error",
            leaves=1,
        ),
        _Column("error bar", [wording.number(b.error_bar) for b in blocks], leaves=3),
        _Column("ratio", [wording.ratio(b.factor) for b in blocks], leaves=2),
        _Column("verdict", [str(b.verdict) for b in blocks], "left", coloured=True),
    ]
    return [c for c in columns if c.header != "ratio" or any(c.cells)]


def _table(page: Page, columns: Sequence[_Column]) -> Text:
    """Lay out the table that fits the page; only the first column (names) may need several lines.

    A name that can stand on one line beside the columns that stay does so: others leave for it.
    rich's own table is not used: how it shares out the width changes between its versions.
    """
    names, *others = [
        replace(c, cells=[wording.visible(x, ascii_only=page.ascii_only) for x in c.cells])
        for c in columns
    ]
    kept, short, room = _fitting(page.width, names, others)
    header = [column.placed(column.title(short), short) for column in kept]
    lines = _row(page, Text(names.title(short)), header, room)
    for line in lines:
        line.stylize("dim")
    lines.append(Text("-" * (room + _taken(kept, short=short))))
    for number, name in enumerate(names.cells):
        cells = [column.placed(column.cells[number], short) for column in kept]
        lines += _row(page, Text(name), cells, room)
    return Text("\n").join(lines)


def _row(page: Page, name: Text, cells: Sequence[Text], room: int) -> list[Text]:
    """Return the lines of one row: the name takes as many as it needs, the cells the first."""
    first, *further = name.wrap(page.console, room)
    first.rstrip()
    gap = " " * (room - first.cell_len)
    line = Text(" " * _GAP).join([first + Text(gap), *cells])
    line.rstrip()
    return [line, *further]


def _fitting(
    width: int, names: _Column, others: Sequence[_Column]
) -> tuple[list[_Column], bool, int]:
    """Return the columns that stay, whether headers are short, and the room for names."""
    staying = [column for column in others if not column.leaves]
    most = width - _taken(staying, short=True)
    least = cell_len(names.header)
    wanted = max([least, *(n for n in map(cell_len, names.cells) if n <= most)])
    kept = list(others)
    while True:
        for short in (False, True):
            room = width - _taken(kept, short=short)
            if room >= wanted:
                return kept, short, min(room, names.width(short))
        leaving = max(kept, key=lambda column: column.leaves)
        if not leaving.leaves:
            return kept, True, max(room, least)
        kept.remove(leaving)


def _taken(columns: Iterable[_Column], *, short: bool) -> int:
    return sum(column.width(short) + _GAP for column in columns)


# further detail ------------------------------------------------------------------------------


def _worst_entries(page: Page, blocks: Iterable[BlockReport]) -> Iterator[RenderableType]:
    entries = [(block, entry) for block in blocks for entry in block.worst[:_ENTRIES_SHOWN]]
    if not entries:
        return
    labels = [wording.entry_name(block.name, entry.index) for block, entry in entries]
    yield Text()
    yield Text("worst entries")
    yield _table(
        page,
        [
            _Column("entry", labels, "left"),
            _Column("returned", [_value(e.analytic) for _, e in entries]),
            _Column("measured", [_value(e.numeric) for _, e in entries]),
            _Column("bar", [wording.number(e.bar) for _, e in entries], leaves=1),
        ],
    )


def _points(page: Page, points: Sequence[PointReport]) -> Iterator[RenderableType]:
    if not points:
        return
    yield Text()
    yield _table(
        page,
        [
            _Column("point", [point.name for point in points], "left"),
            _Column("cost", [_value(point.cost) for point in points]),
            _Column(
                "gradient norm",
                [wording.number(point.gradient_norm) for point in points],
                short="gradient",
                leaves=1,
            ),
            _Column("noise", [wording.number(point.noise) for point in points]),
            _Column("precision", [point.precision for point in points], "left", leaves=2),
            _Column(
                "distance from x0",
                [wording.number(point.distance) for point in points],
                short="distance",
                leaves=3,
            ),
        ],
    )


def _particulars(page: Page, report: Report) -> Iterator[Text]:
    yield Text()
    for label, words in wording.particulars(report):
        yield page.line(f"{label}: {words}")


def _value(value: float) -> str:
    return f"{value:.6g}"


# layouts and derivatives ---------------------------------------------------------------------


def _layout(page: Page, layout: Layout) -> Iterator[RenderableType]:
    named = set(map(id, layout.blocks))
    blocks = layout.complete()
    order = [block.order if id(block) in named else "unclaimed" for block in blocks]
    if blocks:
        yield _table(
            page,
            [
                _Column("block", [wording.block_name(b.name) for b in blocks], "left"),
                _Column("shape", [wording.shape_in_words(b.shape) for b in blocks], "left"),
                _Column("start:stop", [_stretch(b) for b in blocks], leaves=1),
                _Column("order", order, "left"),
                _Column("parameters", [f"{b.size:,}" for b in blocks], leaves=2),
            ],
        )
        yield Text()
    claimed = sum(block.size for block in layout.blocks)
    count = wording.plural(len(layout.blocks), "block")
    if claimed == layout.size:
        yield page.line(f"{count}, {wording.plural(layout.size, 'parameter')}")
    else:
        rest = layout.size - claimed
        yield page.line(
            f"{count} cover {claimed:,} of {wording.plural(layout.size, 'parameter')}; "
            f"{rest:,} unclaimed, checked all the same"
        )
    yield page.line(f"blocks: {layout.source}")


def _stretch(block: Block) -> str:
    if block.contiguous:
        return f"{block.start}:{block.stop}"
    steps = ",".join(map(str, block.entry_strides()))
    return f"{block.start}: by {steps}"


def _derivative(page: Page, derivative: Derivative) -> Iterator[RenderableType]:
    if np.ndim(derivative.value) == 0:
        yield page.line(_one_number(derivative))
    else:
        yield from _many_numbers(page, derivative)
    yield page.line(wording.plural(derivative.evaluations, "evaluation"))


def _one_number(derivative: Derivative) -> str:
    text = f"{float(derivative.value):.15g} +/- {wording.number(float(derivative.bar))}"
    regime = f"({derivative.regime})"
    if derivative.one_sided is None:
        return f"{text} {regime}"
    left, right = derivative.one_sided
    return f"{text} {regime}; slope {float(left):.6g} to the left, {float(right):.6g} to the right"


def _many_numbers(page: Page, derivative: Derivative) -> Iterator[RenderableType]:
    values, bars = np.asarray(derivative.value), np.asarray(derivative.bar)
    regimes = np.broadcast_to(np.asarray(derivative.regime), values.shape)
    doubt = np.where(np.isfinite(bars), bars, math.inf).ravel()
    picked = np.argsort(-doubt, kind="stable")[:_ENTRIES_SHOWN]
    places: list[tuple[Any, ...]] = [np.unravel_index(int(i), values.shape) for i in picked]
    yield _table(
        page,
        [
            _Column("entry", [f"[{', '.join(map(str, p))}]" for p in places], "left"),
            _Column("value", [f"{values[p]:.15g}" for p in places]),
            _Column("bar", [wording.number(float(bars[p])) for p in places]),
            _Column("regime", [str(regimes[p]) for p in places], "left"),
        ],
    )
    if values.size > len(places):
        rest = values.size - len(places)
        yield page.line(f"and {rest:,} more, with smaller bars")
    yield Text()
