"""Renderers: pure functions from a result to text, one module for each format.

`FORMATS` names the machine formats and HTML. Text for people depends on the terminal as well and
is asked for by the faces themselves, from `gradaudit.report.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

Renderer = Callable[..., str]


def _lazily(format_name: str) -> Renderer:
    """Return a renderer that imports its module when it is first used."""

    def render(result: Any, **options: Any) -> str:
        module = import_module(f"gradaudit.report.{format_name}")
        return getattr(module, f"render_{format_name}")(result, **options)

    return render


FORMATS: Final[Mapping[str, Renderer]] = {
    name: _lazily(name) for name in ("json", "github", "sarif", "html")
}
