"""Settings of an audit: flag beats environment beats pyproject.toml beats default.

Imports nothing heavy: an unusable setting is reported before numpy is loaded.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from gradaudit.catalogue import RECORDS, find_record
from gradaudit.errors import ConfigurationError

PREFIX: Final = "GRADAUDIT_"
FORMATS: Final = ("text", "json", "github", "sarif", "html")
# these describe one target, not the project: a table for all targets is the wrong place
TARGET_FLAGS: Final = ("x0", "arg", "jac", "bounds", "blocks")

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its name, what it is when nobody says anything, and its rule in words.

    `read` takes text (flag, environment) or a TOML value and returns the exact type; it raises
    ValueError for what breaks the rule.
    """

    name: str
    default: Any
    rule: str
    read: Callable[[Any], Any]

    @property
    def flag(self) -> str:
        """The command line's name."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment's name."""
        return PREFIX + self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A value and where it came from: ``--points``, ``GRADAUDIT_POINTS``, a file, ``default``."""

    value: Any
    source: str


Configuration = Mapping[str, Sourced]


class _Advice(ValueError):
    """A value that breaks its rule, with a word on what was probably meant."""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that was probably meant, or None."""
    known = {candidate.casefold(): candidate for candidate in words}
    match = difflib.get_close_matches(word.casefold(), known, n=1, cutoff=0.6)
    return known[match[0]] if match else None


def _whole(minimum: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool | float):
            raise ValueError
        number = int(value)
        if number < minimum:
            raise ValueError
        return number

    return read


def _positive(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def _probability(value: Any) -> float:
    number = _positive(value)
    if number >= 1:
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _TRUE + _FALSE:
        raise ValueError
    return value.lower() in _TRUE


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts:
        raise ValueError
    names = [part.strip() for part in cast("list[Any]", parts) if isinstance(part, str)]
    if len(names) < len(cast("list[Any]", parts)) or not all(names):
        raise ValueError
    return tuple(names)


def _allowed(value: Any) -> tuple[str, ...]:
    return tuple(_allowed_one(name) for name in _names(value))


def _allowed_one(name: str) -> str:
    slug, colon, block = name.partition(":")
    record = find_record(slug)
    if record is None:
        close = nearest(slug, RECORDS)
        hint = f"; did you mean {close}?" if close else ""
        raise _Advice(f"no finding is called {slug!r}{hint}")
    return record.slug + colon + block


def _format(value: Any) -> str:
    if value not in FORMATS:
        close = nearest(str(value), FORMATS)
        raise _Advice(f"did you mean {close}?" if close else "")
    return value


SETTINGS: Final[dict[str, Setting]] = {
    name: Setting(name=name, default=default, rule=rule, read=read)
    for name, default, rule, read in (
        ("points", 3, "a whole number, at least 1", _whole(1)),
        ("dense", False, "true or false", _switch),
        ("rtol", 1e-3, "a positive number", _positive),
        ("negligible", 1e-6, "a positive number", _positive),
        ("confidence", 0.999, "a number between 0 and 1", _probability),
        ("only", None, "names of blocks, such as W1", _names),
        ("allow", (), "slugs of findings, such as kink or kink:b1", _allowed),
        ("budget", None, "a whole number of evaluations, at least 1", _whole(1)),
        ("seconds", None, "a positive number of seconds", _positive),
        ("seed", None, "a whole number, at least 0", _whole(0)),
        ("format", "text", "text, json, github, sarif or html", _format),
    )
}
# read by the pytest plugin; accepted so that one table serves all
RESERVED: Final = ("targets",)


def load_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str], folder: Path
) -> dict[str, Sourced]:
    """Find every setting: flag beats environment beats pyproject.toml beats default.

    Parameters
    ----------
    flags : mapping
        What was typed, as text (a list of texts, a bool), by the name of the setting; None or
        missing when it was not.
    environment : mapping
        Such as `os.environ`; empty values count as not set.
    folder : Path
        Where the search for ``pyproject.toml`` begins; it goes upwards.

    Raises
    ------
    ConfigurationError
        For an unknown name, with the nearest known one, and for an unusable value.
    """
    found = {name: Sourced(value=s.default, source="default") for name, s in SETTINGS.items()}
    found |= _from_file(folder)
    found |= _from_environment(environment)
    found |= {
        name: _read(setting, flags[name], setting.flag)
        for name, setting in SETTINGS.items()
        if flags.get(name) is not None
    }
    _require_order(found)
    return found


def load_targets(path: Path) -> tuple[str, ...]:
    """Return the targets that ``[tool.gradaudit]`` of a ``pyproject.toml`` lists.

    Raises
    ------
    ConfigurationError
        As `load_settings`.
    """
    table = _table(path) or {}
    _from_table(table, path)
    return tuple(table.get("targets", ()))


def describe(settings: Configuration) -> list[str]:
    """Return each setting in words: its name, its value and where it came from."""
    return [f"{name} {_shown(given.value)} ({given.source})" for name, given in settings.items()]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(cast("tuple[str, ...]", value)) or "none"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _read(setting: Setting, value: Any, source: str, *, place: str = "") -> Sourced:
    try:
        return Sourced(value=setting.read(value), source=place or source)
    except _Advice as advice:
        raise _unusable(setting, value, source, str(advice)) from None
    except (ValueError, TypeError, OverflowError):
        raise _unusable(setting, value, source, "") from None


def _unusable(setting: Setting, value: Any, source: str, advice: str) -> ConfigurationError:
    shown = ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else value
    problem = ConfigurationError(f"{source} is {shown!r}; give {setting.rule}")
    if advice:
        problem.add_note(advice)
    return problem


def _from_environment(environment: Mapping[str, str]) -> dict[str, Sourced]:
    known = {setting.variable: setting for setting in SETTINGS.values()}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            _refuse_target_flag(name.removeprefix(PREFIX).lower(), f"the variable {name}")
            _refuse(f"the environment variable {name}", name, known)
    return {
        setting.name: _read(setting, environment[variable], variable)
        for variable, setting in known.items()
        if environment.get(variable)
    }


def _from_file(folder: Path) -> dict[str, Sourced]:
    for parent in (folder, *folder.parents):
        path = parent / "pyproject.toml"
        table = _table(path)
        if table is not None:
            return _from_table(table, path)
    return {}


def _table(path: Path) -> dict[str, Any] | None:
    """Return the table of a file; None when there is no file, or nothing about us in it."""
    try:
        raw = path.read_bytes()
        if b"gradaudit" not in raw:  # most files; somebody else's mistakes in them are not ours
            return None
        document = tomllib.loads(raw.decode())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None
    tool = document.get("tool")
    table = cast("dict[str, Any]", tool).get("gradaudit") if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return cast("dict[str, Any] | None", table)
    raise ConfigurationError(f"tool.gradaudit in {path} is {table!r}; write a table of settings")


def _from_table(table: Mapping[str, Any], path: Path) -> dict[str, Sourced]:
    for key in table:
        _refuse_target_flag(key, f"{key!r} in {path}")
        if key not in SETTINGS and key not in RESERVED:
            _refuse(f"the key {key!r} in [tool.gradaudit] of {path}", key, [*SETTINGS, *RESERVED])
    if "targets" in table:
        _require_targets(table["targets"], path)
    return {
        key: _read(setting, table[key], f"{key} in {path}", place=str(path))
        for key, setting in SETTINGS.items()
        if key in table
    }


def _refuse_target_flag(key: str, what: str) -> None:
    if key in TARGET_FLAGS:
        problem = ConfigurationError(f"{what} describes one target, not all")
        problem.add_note(f"give it with --{key}, or in @gradaudit.target(...) at the function")
        raise problem


def _require_targets(targets: Any, path: Path) -> None:
    if isinstance(targets, list) and all(isinstance(t, str) for t in cast("list[Any]", targets)):
        return
    raise ConfigurationError(
        f"targets in {path} is {targets!r}; give a list of names such as 'mymodule:cost_fn'"
    )


def _refuse(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    close = nearest(name, names)
    problem = ConfigurationError(f"{what} is not a setting of gradaudit")
    problem.add_note(f"did you mean {close}?" if close else f"known are {', '.join(names)}")
    raise problem


def _require_order(settings: Configuration) -> None:
    small, large = settings["negligible"], settings["rtol"]
    if small.value <= large.value:
        return
    problem = ConfigurationError(
        f"negligible is {small.value:g} ({small.source}) but rtol is {large.value:g} "
        f"({large.source}); an error cannot be negligible and too large at once"
    )
    problem.add_note(f"give --negligible {large.value:g} or smaller, or a larger --rtol")
    raise problem
