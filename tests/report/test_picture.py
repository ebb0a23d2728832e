"""The picture of which entries are wrong."""

from __future__ import annotations

from gradaudit.report.picture import picture_of
from gradaudit.results import Finding


def finding(**data: object) -> Finding:
    return Finding(slug="wrong-entries", level="error", message="W is wrong", data=dict(data))


def test_single_entry_is_drawn_where_it_lies() -> None:
    drawn = picture_of(finding(indices=((1, 2),)), (3, 4))
    assert drawn == ["....", "..#.", "...."]


def test_row_and_column_are_drawn_whole() -> None:
    assert picture_of(finding(row=1), (2, 3)) == ["...", "###"]
    assert picture_of(finding(column=0), (2, 3)) == ["#..", "#.."]


def test_large_block_is_drawn_smaller_without_losing_an_entry() -> None:
    drawn = picture_of(finding(indices=((783, 9), (0, 0))), (784, 10))
    assert len(drawn) == 12
    assert drawn[0][0] == "#"
    assert drawn[-1][-1] == "#"
    assert sum(line.count("#") for line in drawn) == 2


def test_vector_or_finding_without_a_place_has_no_picture() -> None:
    assert picture_of(finding(indices=((1,),)), (3,)) == []
    assert picture_of(finding(), (3, 4)) == []
