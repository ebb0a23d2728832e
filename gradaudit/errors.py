"""The exceptions of gradaudit: one root, and under it the built-in class a caller would expect."""

from __future__ import annotations

from typing import Any


class GradauditError(Exception):
    """Base class of everything that gradaudit raises on purpose."""

    __module__ = "gradaudit"


class ArgumentError(GradauditError, ValueError):
    """An argument cannot be used: the message names it, shows its value and a way out."""

    __module__ = "gradaudit"


class BlockLayoutError(GradauditError, ValueError):
    """The blocks given do not describe the parameter vector."""

    __module__ = "gradaudit"


class TargetError(GradauditError, LookupError):
    """A target such as ``mymodule:cost_fn`` cannot be found, imported or completed."""

    __module__ = "gradaudit"


class ConfigurationError(GradauditError, ValueError):
    """A setting in ``pyproject.toml`` or in the environment is unknown or unusable."""

    __module__ = "gradaudit"


class EvaluationError(GradauditError, RuntimeError):
    """The user's own function raised where a value is indispensable.

    The user's exception is the ``__cause__``; `where` says at which point it was called.
    """

    __module__ = "gradaudit"

    def __init__(self, message: str, *, where: str = "x0") -> None:
        super().__init__(message)
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_evaluation_error, (str(self), self.where)


def _rebuild_evaluation_error(message: str, where: str) -> EvaluationError:
    return EvaluationError(message, where=where)


class BudgetExhausted(GradauditError, RuntimeError):
    """The budget of evaluations or of seconds is used up; what was learned is kept."""

    __module__ = "gradaudit"


class GradientMismatch(GradauditError, AssertionError):
    """A report asked to raise on failure did not pass."""

    __module__ = "gradaudit"


class MissingExtraError(GradauditError, ImportError):
    """An optional dependency is not installed; the message shows the command that installs it."""

    __module__ = "gradaudit"


class TraceRefused(GradauditError, ValueError):
    """A backward pass cannot be traced; the message says why and what to do."""

    __module__ = "gradaudit"
