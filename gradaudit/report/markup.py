"""Text made safe for HTML and SVG."""

from __future__ import annotations

from html import escape

from gradaudit.report import wording


def markup_text(text: str) -> str:
    """Return text that a browser shows as it is, in ASCII."""
    return escape(wording.visible(text)).encode("ascii", "xmlcharrefreplace").decode("ascii")
