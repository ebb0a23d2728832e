"""JSON for programs."""

from __future__ import annotations

import json
from typing import Any

from gradaudit.blocks import Block, Layout
from gradaudit.report.json import render_json
from gradaudit.results import Report


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def test_json_is_strict_ascii_and_equal_to_to_dict(report: Report) -> None:
    document = render_json(report)
    assert document.isascii()
    assert json.loads(document, parse_constant=_refuse) == report.to_dict()


def test_hostile_names_come_back_unchanged(hostile_report: Report, hostile_name: str) -> None:
    facts = json.loads(render_json(hostile_report), parse_constant=_refuse)
    assert facts["blocks"][0]["name"] == hostile_name


def test_a_layout_lists_its_blocks_and_gaps() -> None:
    layout = Layout((Block("W", 0, (2, 3), "F"),), 8, "given")
    facts = json.loads(render_json(layout))
    assert facts["kind"] == "blocks"
    assert facts["unclaimed"] == [[6, 8]]
    block = {"name": "W", "start": 0, "shape": [2, 3], "size": 6, "order": "F", "strides": [1, 2]}
    assert facts["blocks"] == [block]
