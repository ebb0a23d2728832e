"""The pictures of a diagnosis as files: SVG on our own, everything else with matplotlib."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from gradaudit.errors import ArgumentError, MissingExtraError
from gradaudit.report import account
from gradaudit.report.figures import Axis, Figure, figures_of
from gradaudit.report.svg import svg_document
from gradaudit.report.wording import visible
from gradaudit.results import Diagnosis

_FORMATS: Final = (".svg", ".png", ".pdf")
_FORM: Final[dict[str, dict[str, Any]]] = {
    "value": {"color": "#2f7fe0", "linewidth": 2},
    "promise": {"color": "#cf7a00", "linewidth": 2, "linestyle": "--"},
    "trial": {"color": "#9a5be0", "linestyle": "", "marker": "o", "fillstyle": "none"},
    "lost": {"color": "#e0424a", "linestyle": "", "marker": "x", "clip_on": False},
}


def save_plot(diagnosis: Diagnosis, path: str | Path) -> Path:
    """Write the pictures of a diagnosis to a file.

    Parameters
    ----------
    diagnosis : Diagnosis
        Its `ray` and `history` are drawn.
    path : str or Path
        The ending decides: ``.svg`` needs nothing further, ``.png`` and ``.pdf`` need matplotlib
        (the extra ``plot``).

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ArgumentError
        When the ending is another, or the diagnosis has neither ray nor history.
    MissingExtraError
        When matplotlib is needed and not installed.
    OSError
        When the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _FORMATS:
        raise ArgumentError(
            f"path ends in {path.suffix!r}: a picture is written as {', '.join(_FORMATS)}"
        )
    figures = figures_of(diagnosis)
    if not figures:
        raise ArgumentError("this diagnosis has neither a ray nor a history: nothing to draw")
    if kind == ".svg":
        path.write_text(svg_document(diagnosis), encoding="ascii", newline="\n")
    else:
        _paint(diagnosis, figures, path)
    return path


def _paint(diagnosis: Diagnosis, figures: tuple[Figure, ...], path: Path) -> None:
    canvas = _canvas(figures)
    canvas.suptitle(_shown(account.heading(diagnosis), 90), fontsize=11, fontweight="bold")
    shares = [3 if figure.legend else 2 for figure in figures]
    axes = canvas.subplots(len(figures), 1, squeeze=False, height_ratios=shares)
    for figure, (area,) in zip(figures, axes, strict=True):
        _draw(figure, area)
    with np.errstate(all="ignore"):  # matplotlib looks for ticks beyond the largest number
        canvas.savefig(path, dpi=150)


def _canvas(figures: tuple[Figure, ...]) -> Any:
    try:
        # an extra: only those who ask for such a file need it
        from matplotlib.figure import (  # pyright: ignore[reportMissingImports]
            Figure as Canvas,  # pyright: ignore[reportUnknownVariableType]
        )
    except ImportError as error:
        raise MissingExtraError(
            "PNG and PDF are drawn by matplotlib, which is not installed; "
            "pip install 'gradaudit[plot]' installs it (SVG needs nothing)"
        ) from error
    height = 1 + sum(4.2 if figure.legend else 2.6 for figure in figures)
    return cast("Any", Canvas)(figsize=(8, height), layout="constrained")


def _draw(figure: Figure, area: Any) -> None:
    area.set_title(_shown(figure.title, 100), fontsize=10, loc="left")
    meanings = {role: _shown(words, 100) for role, words in figure.legend}
    for curve in figure.curves:
        xs = [t for t, _ in curve.spots]
        ys = [f - figure.up.offset for _, f in curve.spots]
        lone = {"marker": "o"} if curve.role == "value" and len(xs) == 1 else {}
        label = meanings.pop(curve.role, None)  # a curve in several pieces is explained once
        area.plot(xs, ys, label=label, **{**_FORM[curve.role], **lone})
    _scale(figure, area)
    if figure.legend:
        area.legend(fontsize=9, frameon=False, loc="best")
    area.grid(alpha=0.2)
    area.spines[["top", "right"]].set_visible(False)
    words = "\n".join(_shown(line, 100) for line in figure.words)
    area.set_xlabel(words, fontsize=9, loc="left")


def _scale(figure: Figure, area: Any) -> None:
    """Set scales, and limits too: those that matplotlib finds overflow on extreme values."""
    _scale_one(figure.across, area.set_xscale, area.set_xlim)
    _scale_one(figure.up, area.set_yscale, area.set_ylim)


def _scale_one(axis: Axis, set_scale: Any, set_limits: Any) -> None:
    if axis.scale == "log":
        set_scale("log")
    elif axis.scale == "signed log":
        set_scale("symlog", linthresh=axis.threshold)
    set_limits(axis.low - axis.offset, axis.high - axis.offset)


def _shown(text: str, width: int) -> str:
    """Return text in lines of some width that matplotlib does not take for formulas."""
    return "\n".join(textwrap.wrap(visible(text).replace("$", r"\$"), width))
