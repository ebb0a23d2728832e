"""Refuse what cannot be done; tell what went wrong, in whose code, and the way out."""

from __future__ import annotations

import contextlib
import os
import traceback
from pathlib import Path
from typing import Final, NoReturn

from gradaudit.cli.terminal import tell, visible
from gradaudit.errors import ArgumentError, GradauditError

_MOST_FRAMES: Final = 12


def refuse(message: str, advice: str) -> NoReturn:
    """Stop with what is wrong and the way out."""
    error = ArgumentError(message)
    error.add_note(advice)
    raise error


def tell_error(error: GradauditError, *, everything: bool) -> None:
    """Tell what went wrong, whose code raised it, and the way out."""
    lines = [f"error: {_indented(str(error))}"]
    cause = error.__cause__
    if everything:
        lines += "".join(traceback.format_exception(error)).splitlines()
    elif cause is not None:
        lines += _users_frames(cause)
        lines += _notes_of(cause)
        lines += _deeper_causes(cause)
    lines += [f"help: {_indented(note)}" for note in getattr(error, "__notes__", ())]
    if cause is not None and not everything:
        lines.append("help: --traceback shows all of it")
    tell("\n".join(visible(line) for line in lines))


def tell_defect(error: BaseException, *, everything: bool) -> None:
    """Tell that the fault is ours, and where."""
    text = "".join(traceback.format_exception_only(error)).strip()
    lines = [f"error: gradaudit itself failed: {_indented(text)}"]
    if everything:
        lines += "".join(traceback.format_exception(error)).splitlines()
    else:
        frames = traceback.extract_tb(error.__traceback__)
        lines += [line for frame in frames[-2:] for line in _frame_lines(frame)]
        lines.append("help: this is a defect of gradaudit; report it with what --traceback shows")
    tell("\n".join(visible(line) for line in lines))


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n    ")


def _deeper_causes(error: BaseException) -> list[str]:
    """Tell the exceptions that led to this one, the nearest first."""
    lines: list[str] = []
    seen = {id(error)}
    while True:
        inner = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if inner is None or id(inner) in seen:
            return lines
        text = "".join(traceback.format_exception_only(inner)).strip()
        lines += [f"caused by {_indented(text)}", *_users_frames(inner)]
        seen.add(id(inner))
        error = inner


def _notes_of(error: BaseException) -> list[str]:
    return [f"  note: {_indented(str(note))}" for note in getattr(error, "__notes__", ())]


def _users_frames(error: BaseException) -> list[str]:
    """Return the user's frames, as ``file:line`` with their source, outermost first."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_machinery(f)]
    own = [frame for frame in frames if not _is_library(frame)] or frames
    lines = [_frame_lines(frame) for frame in own]
    if len(lines) > _MOST_FRAMES:
        half = _MOST_FRAMES // 2
        left_out = [[f"  ... {len(lines) - 2 * half:,} more ..."]]
        lines = lines[:half] + left_out + lines[-half:]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append([f"  {_shown(error.filename)}:{error.lineno}", f"    {_stripped(error.text)}"])
    return [line for both in lines for line in both]


def _frame_lines(frame: traceback.FrameSummary) -> list[str]:
    place = f"  {_shown(frame.filename)}:{frame.lineno}"
    name = "" if frame.name == "<module>" else f" in {frame.name}"
    return [place + name, *([f"    {_stripped(frame.line)}"] if frame.line else [])]


def _stripped(source: str | None) -> str:
    return (source or "").strip()


def _is_machinery(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return (
        frame.filename.startswith("<frozen ")
        or Path(__file__).parents[1] in path.parents
        or "importlib" in path.parts
    )


def _is_library(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts) or (
        Path(os.__file__).parent in path.parents
    )


def _shown(filename: str) -> str:
    """Return a path as short as it can be clicked."""
    path = Path(filename)
    with contextlib.suppress(OSError, ValueError):
        return str(path.relative_to(Path.cwd()))
    return filename
