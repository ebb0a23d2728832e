"""A small picture of which entries of a block are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from gradaudit.results import Finding

_MOST_ROWS = 12
_MOST_COLUMNS = 40


def picture_of(finding: Finding, shape: Sequence[int], *, width: int = _MOST_COLUMNS) -> list[str]:
    """Draw the wrong entries, row or column of a two-dimensional block.

    Parameters
    ----------
    finding : Finding
        Its `data` holds "indices", "row" or "column".
    shape : sequence of int
        Of the block.
    width : int
        Most characters to a line.

    Returns
    -------
    list of str
        One line for each row, or group of rows, of the block: ``#`` where something is wrong,
        ``.`` where nothing is. Empty when there is no structure to show.
    """
    if len(shape) != 2 or min(shape) < 2:
        return []
    rows, columns = shape
    wrong = _wrong(finding, rows, columns)
    if not wrong:
        return []
    tall, wide = min(rows, _MOST_ROWS), min(columns, width)
    cells = {(i * tall // rows, j * wide // columns) for i, j in wrong}
    return ["".join("#" if (i, j) in cells else "." for j in range(wide)) for i in range(tall)]


def _wrong(finding: Finding, rows: int, columns: int) -> set[tuple[int, int]]:
    data = finding.data
    row, column = data.get("row"), data.get("column")
    if isinstance(row, int):
        return {(row, j) for j in range(columns)}
    if isinstance(column, int):
        return {(i, column) for i in range(rows)}
    indices = cast("Sequence[Any]", data.get("indices") or ())
    return {(int(i[0]), int(i[1])) for i in indices if len(i) == 2 and i[0] < rows}
