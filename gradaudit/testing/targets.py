"""The targets that a project lists in its ``pyproject.toml``, as test items."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradaudit.config import load_targets
from gradaudit.errors import GradauditError
from gradaudit.testing.guard import Guard


def add_targets(config: pytest.Config) -> None:
    """Let pytest collect pyproject.toml too."""
    path = _project_file(config)
    if not any(argument.partition("::")[0] in (str(path), path.name) for argument in config.args):
        config.args.append(str(path))


def _project_file(config: pytest.Config) -> Path:
    for folder in (config.rootpath, *config.rootpath.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
    raise pytest.UsageError(
        f"--gradaudit: there is no pyproject.toml in {config.rootpath}; list the targets there: "
        '[tool.gradaudit] targets = ["mymodule:cost_fn"]'
    )


def collect_targets(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the targets of a file, when it is that of the project."""
    if path != _project_file(parent.config):
        return None
    return Targets.from_parent(parent, path=path)  # pyright: ignore[reportUnknownMemberType]


class Targets(pytest.File):
    """``[tool.gradaudit]`` of a project, with its targets."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each target."""
        try:
            names = load_targets(self.path)
        except GradauditError as error:
            raise self.CollectError(_with_notes(error)) from None
        if not names:
            raise self.CollectError(
                f"--gradaudit: [tool.gradaudit] in {self.path} lists no targets; "
                'add targets = ["mymodule:cost_fn"]'
            )
        for name in names:
            yield TargetItem.from_parent(self, name=name)  # pyright: ignore[reportUnknownMemberType]


class TargetItem(pytest.Item):
    """One target: ``mymodule:cost_fn``."""

    def runtest(self) -> None:
        """Find the target from the project's folder, and check it."""
        from gradaudit.targets import TypedFlags, parse_reference, resolve_target

        with contextlib.chdir(self.path.parent):
            target = resolve_target(parse_reference(self.name), TypedFlags())
            Guard(self.config).check(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Show what went wrong; the frames are all ours."""
        error = excinfo.value
        if isinstance(error, GradauditError) and error.__cause__ is None:
            return _with_notes(error)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the target is listed."""
        return self.path, None, f"gradient of {self.name}"


def _with_notes(error: BaseException) -> str:
    return "\n".join([str(error), *(f"help: {note}" for note in getattr(error, "__notes__", ()))])
