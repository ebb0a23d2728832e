"""Results as JSON: what `to_dict` gives, as a document of pure ASCII without NaN or Infinity."""

from __future__ import annotations

import json
from typing import Any

from gradaudit.blocks import Layout
from gradaudit.results import SCHEMA_VERSION, Result


def render_json(result: Result | Layout) -> str:
    """Return the result as a JSON document, with a line end behind it."""
    facts = _layout(result) if isinstance(result, Layout) else result.to_dict()
    return json.dumps(facts, indent=2, allow_nan=False) + "\n"


def _layout(layout: Layout) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "blocks",
        "size": layout.size,
        "source": layout.source,
        "blocks": [
            {
                "name": block.name,
                "start": block.start,
                "shape": list(block.shape),
                "size": block.size,
                "order": block.order,
                "strides": list(block.entry_strides()),
            }
            for block in layout.blocks
        ],
        "unclaimed": [list(stretch) for stretch in layout.unclaimed],
    }
