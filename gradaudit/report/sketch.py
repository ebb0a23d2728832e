"""Figures drawn with characters: ASCII, or braille where each is sure to take one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

from rich.text import Text

from gradaudit.report.figures import Curve, Figure, Role

_MARKS: Final[dict[bool, dict[Role, str]]] = {
    True: {"value": "*", "promise": ".", "trial": "o", "lost": "x"},
    False: {"value": "\u2812", "promise": "\u00b7", "trial": "o", "lost": "x"},
}
"""Which character stands for what, by whether it has to be ASCII."""

_STYLE: Final[dict[Role, str]] = {
    "value": "cyan",
    "promise": "yellow",
    "trial": "magenta",
    "lost": "red",
}
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row and column."""

_BRAILLE: Final = 0x2800


@dataclass(frozen=True, slots=True)
class _Frame:
    """The characters around a drawing."""

    side: str
    corner: str
    floor: str


_FRAMES: Final = {True: _Frame("|", "+", "-"), False: _Frame("\u2502", "\u2514", "\u2500")}


def sketch(figure: Figure, *, width: int, height: int, ascii_only: bool) -> list[Text]:
    """Draw a figure in at most `width` columns.

    Parameters
    ----------
    figure : Figure
        What to draw.
    width, height : int
        Columns of the whole; rows of the drawing, without its axis.
    ascii_only : bool
        Draw with ASCII characters.

    Returns
    -------
    list of Text
        Rows with their labels, the axis and its labels; title, legend and words are not drawn.
    """
    labels = _labels_up(figure, height)
    margin = max(map(len, labels.values()), default=0)
    columns = max(width - margin - 2, 4)
    frame = _FRAMES[ascii_only]
    cells = _cells(figure, columns, height, ascii_only)
    lines: list[Text] = []
    for row in range(height):
        line = Text.assemble(labels.get(row, "").rjust(margin), (f" {frame.side}", "dim"))
        drawn = (cells.get((row, column), (" ", None)) for column in range(columns))
        for role, run in groupby(drawn, key=itemgetter(1)):
            line.append("".join(character for character, _ in run), _STYLE[role] if role else "")
        line.rstrip()
        lines.append(line)
    floor = f"{frame.corner}{frame.floor * columns}"
    lines.append(Text.assemble(" " * (margin + 1), (floor, "dim")))
    lines.append(Text(" " * (margin + 2) + _labels_across(figure, columns)))
    return lines


def legend(figure: Figure, *, ascii_only: bool) -> list[tuple[str, str]]:
    """Return mark and meaning of each kind of point; the mark of a curve is a short line."""
    marks = _MARKS[ascii_only]
    line = marks["value"] if ascii_only else marks["value"] * 2
    return [(line if role == "value" else marks[role], meaning) for role, meaning in figure.legend]


# labels --------------------------------------------------------------------------------------


def _labels_up(figure: Figure, height: int) -> dict[int, str]:
    return {
        _nearest(1 - figure.up.place(value), height): figure.up.label(value)
        for value in figure.marks_up
    }


def _labels_across(figure: Figure, columns: int) -> str:
    """Return the labels below the axis: the first at its left end, each where there is room."""
    text = ""
    marks = list(figure.marks_across)
    last = figure.across.label(marks[-1]) if len(marks) > 1 else ""
    for value in marks if len(marks) == 1 else marks[:-1]:
        label = figure.across.label(value)
        middle = _nearest(figure.across.place(value), columns) - len(label) // 2
        start = max(min(middle, columns - len(label)), 0)
        if start >= len(text) + 2 * bool(text) and start + len(label) + 2 <= columns - len(last):
            text = text.ljust(start) + label
    if len(text) + 2 * bool(text) + len(last) <= columns:
        text = text.ljust(columns - len(last)) + last
    return text.rstrip()


# cells ---------------------------------------------------------------------------------------


def _cells(
    figure: Figure, columns: int, rows: int, ascii_only: bool
) -> dict[tuple[int, int], tuple[str, Role]]:
    """Return the characters that are drawn, by row and column; later curves cover earlier ones."""
    cells: dict[tuple[int, int], tuple[str, Role]] = {}
    dots: dict[tuple[int, int], int] = {}
    for curve in figure.curves:
        if curve.role == "value" and not ascii_only:
            for row, column in _trail(figure, curve, columns * 2, rows * 4):
                cell = row // 4, column // 2
                dots[cell] = dots.get(cell, 0) | _DOTS[row % 4][column % 2]
                cells[cell] = chr(_BRAILLE + dots[cell]), "value"
        else:
            mark = _MARKS[ascii_only][curve.role]
            for cell in _trail(figure, curve, columns, rows):
                cells[cell] = mark, curve.role
    return cells


def _trail(figure: Figure, curve: Curve, columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the cells of a curve, those between its points too where they are joined."""
    spots = [
        (
            _nearest(1 - figure.up.place(value), rows),
            _nearest(figure.across.place(step), columns),
        )
        for step, value in curve.spots
    ]
    yield from spots
    if curve.joined:
        for start, stop in pairwise(spots):
            yield from _between(start, stop)


def _between(start: tuple[int, int], stop: tuple[int, int]) -> Iterator[tuple[int, int]]:
    down, right = stop[0] - start[0], stop[1] - start[1]
    count = max(abs(down), abs(right))
    for i in range(1, count):
        yield start[0] + round(down * i / count), start[1] + round(right * i / count)


def _nearest(part: float, count: int) -> int:
    """Return which of `count` cells a part (0..1) of the axis falls into."""
    return min(max(int(part * count), 0), count - 1)
