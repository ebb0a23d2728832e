"""Figures as SVG: inside an HTML page, or as a document of their own, light and dark."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gradaudit.report import account
from gradaudit.report.figures import Axis, Curve, Figure, Role, figures_of, ticks
from gradaudit.report.markup import markup_text
from gradaudit.results import Diagnosis

# shapes differ as well as colours; every colour is readable on light and on dark
FIGURE_STYLE: Final = """
.figure text { fill: currentColor; font: 12px system-ui, -apple-system, "Segoe UI", Roboto,
  "DejaVu Sans", sans-serif; }
.figure .n { font-variant-numeric: tabular-nums; }
.figure .title { font-weight: 600; font-size: 13px; }
.figure .grid { stroke: currentColor; stroke-opacity: .13; }
.figure .frame { stroke: currentColor; stroke-opacity: .5; fill: none; }
.figure .value { stroke: #2f7fe0; stroke-width: 2; fill: none; stroke-linejoin: round;
  stroke-linecap: round; }
.figure .promise { stroke: #cf7a00; stroke-width: 2; fill: none; stroke-dasharray: 6 4; }
.figure .trial { stroke: #9a5be0; stroke-width: 2; fill: none; }
.figure .lost { stroke: #e0424a; stroke-width: 2; fill: none; }
"""

_PAPER: Final = """
svg.figure { color: #1f2328; background: #fff; }
.paper { fill: #fff; }
@media (prefers-color-scheme: dark) {
  svg.figure { color: #e4e8ee; background: #0f1318; }
  .paper { fill: #0f1318; }
}
"""

_LEFT: Final = 76
_RIGHT: Final = 18
_TOP: Final = 10
_BELOW: Final = 24
_LINE: Final = 18
_LETTER: Final = 6.4
"""Usual width of a letter, in pixels; slightly more than that of the fonts asked for."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the drawing of a figure lies, in pixels."""

    left: float
    top: float
    width: float
    height: float

    def x(self, axis: Axis, value: float) -> float:
        return self.left + self.width * min(max(axis.place(value), 0.0), 1.0)

    def y(self, axis: Axis, value: float) -> float:
        return self.top + self.height * (1 - min(max(axis.place(value), 0.0), 1.0))


def svg_inline(figure: Figure, *, width: int = 720, height: int = 260) -> str:
    """Return the figure as an element for a page that holds `FIGURE_STYLE`.

    Title and words of the figure are not drawn: they belong to the page around it. They are its
    label for those who do not see it.
    """
    body, bottom = _drawing(figure, width, height, 0)
    bottom = max(bottom, height)
    said = markup_text(f"{figure.title}: {'; '.join(figure.words)}")
    return (
        f'<svg class="figure" viewBox="0 0 {width} {bottom:.0f}" role="img" '
        f'aria-label="{said}" style="width:100%;max-width:{width}px">\n{body}</svg>\n'
    )


def svg_document(diagnosis: Diagnosis, *, width: int = 760) -> str:
    """Return all pictures of a diagnosis as an SVG document of pure ASCII; "" without any."""
    figures = figures_of(diagnosis)
    if not figures:
        return ""
    parts, top = _lines([account.heading(diagnosis)], width, 26, "title")
    for figure in figures:
        head, top = _lines([figure.title], width, top + 12, "title")
        parts += head
        if not figure.flat:
            body, top = _drawing(figure, width, 300 if figure.legend else 170, top - 6)
            parts += body
            top += _LINE
        words, top = _lines(figure.words, width, top, "")
        parts += words
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" width="{width}" '
        f'height="{top:.0f}" viewBox="0 0 {width} {top:.0f}">\n'
        f"<style>{_PAPER}{FIGURE_STYLE}</style>\n"
        f'<rect class="paper" width="{width}" height="{top:.0f}"/>\n{parts}</svg>\n'
    )


def _lines(words: Sequence[str], width: int, top: float, kind: str) -> tuple[str, float]:
    """Return lines of text from `top` on, and where the next one stands."""
    letters = int((width - 2 * _RIGHT) / _LETTER)
    lines = [line for text in words for line in textwrap.wrap(text, letters)]
    drawn = "".join(
        f'<text class="{kind}" x="{_RIGHT}" y="{top + _LINE * i:.1f}">{markup_text(line)}</text>\n'
        for i, line in enumerate(lines)
    )
    return drawn, top + _LINE * len(lines)


# the drawing ---------------------------------------------------------------------------------


def _drawing(figure: Figure, width: int, height: int, top: float) -> tuple[str, float]:
    """Return axes, curves and legend, and where they end."""
    place = _Place(_LEFT, top + _TOP, width - _LEFT - _RIGHT, height - _TOP - _BELOW)
    curves = "".join(_curve(figure, curve, place) for curve in figure.curves)
    legend, bottom = _legend(figure, width, top + height + 12)
    return f"{_axes(figure, place)}{curves}{legend}", bottom


def _axes(figure: Figure, place: _Place) -> str:
    right, bottom = place.left + place.width, place.top + place.height
    parts: list[str] = []
    for value in ticks(figure.up):
        y = place.y(figure.up, value)
        parts.append(f'<path class="grid" d="M{place.left:.1f} {y:.1f}H{right:.1f}"/>\n')
        label = markup_text(figure.up.label(value))
        parts.append(
            f'<text class="n" x="{place.left - 8:.1f}" y="{y + 4:.1f}" '
            f'text-anchor="end">{label}</text>\n'
        )
    for value in ticks(figure.across, 8):
        x = place.x(figure.across, value)
        parts.append(f'<path class="grid" d="M{x:.1f} {place.top:.1f}V{bottom:.1f}"/>\n')
        label = markup_text(figure.across.label(value))
        parts.append(
            f'<text class="n" x="{x:.1f}" y="{bottom + 16:.1f}" '
            f'text-anchor="middle">{label}</text>\n'
        )
    corner = f"M{place.left:.1f} {place.top:.1f}V{bottom:.1f}H{right:.1f}"
    return f'{"".join(parts)}<path class="frame" d="{corner}"/>\n'


def _curve(figure: Figure, curve: Curve, place: _Place) -> str:
    points = [(place.x(figure.across, t), place.y(figure.up, f)) for t, f in curve.spots]
    if not curve.joined or len(points) == 1:
        return "".join(_mark(curve.role, x, y) for x, y in points)
    track = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{curve.role}" d="M{track}"/>\n'


def _mark(role: Role, x: float, y: float) -> str:
    if role == "lost":
        cross = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
        return f'<path class="lost" d="{cross}"/>\n'
    return f'<circle class="{role}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>\n'


def _legend(figure: Figure, width: int, top: float) -> tuple[str, float]:
    if not figure.legend:
        return "", top - _LINE
    parts: list[str] = []
    x, y = float(_LEFT), top
    for role, meaning in figure.legend:
        needed = 30 + _LETTER * len(meaning) + 18
        if x > _LEFT and x + needed > width:
            x, y = float(_LEFT), y + _LINE
        if role in ("value", "promise"):
            parts.append(f'<path class="{role}" d="M{x:.1f} {y:.1f}h22"/>\n')
        else:
            parts.append(_mark(role, x + 11, y))
        parts.append(f'<text x="{x + 30:.1f}" y="{y + 4:.1f}">{markup_text(meaning)}</text>\n')
        x += needed
    return "".join(parts), y + 10
