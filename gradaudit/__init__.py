"""Tell whether a hand-written gradient is right, how sure that is, and where it is wrong.

Public names are resolved when they are first used: importing this package loads nothing but
`typing`. A reader who wants to see the whole pipeline goes on to `gradaudit/api/check.py`.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "BadReturn",
    "Block",
    "BlockLayoutError",
    "BlockReport",
    "BudgetExhausted",
    "ConfigurationError",
    "Derivative",
    "EvaluationError",
    "Finding",
    "GradauditError",
    "GradientMismatch",
    "Layout",
    "MissingExtraError",
    "Problem",
    "Report",
    "TargetError",
    "Verdict",
    "__version__",
    "check",
    "derivative",
    "discover_blocks",
    "gradient",
    "target",
]

if TYPE_CHECKING:
    from gradaudit.api.check import check
    from gradaudit.api.derivative import derivative, gradient
    from gradaudit.api.discovery import discover_blocks
    from gradaudit.blocks import Block, Layout
    from gradaudit.errors import (
        ArgumentError,
        BlockLayoutError,
        BudgetExhausted,
        ConfigurationError,
        EvaluationError,
        GradauditError,
        GradientMismatch,
        MissingExtraError,
        TargetError,
    )
    from gradaudit.evaluator import BadReturn
    from gradaudit.problem import Problem, target
    from gradaudit.results import BlockReport, Derivative, Finding, Report, Verdict
else:
    # in the `else` branch: type checkers would accept any misspelt attribute otherwise
    _HOMES = {
        "ArgumentError": "errors",
        "BadReturn": "evaluator",
        "Block": "blocks",
        "BlockLayoutError": "errors",
        "BlockReport": "results",
        "BudgetExhausted": "errors",
        "ConfigurationError": "errors",
        "Derivative": "results",
        "EvaluationError": "errors",
        "Finding": "results",
        "GradauditError": "errors",
        "GradientMismatch": "errors",
        "Layout": "blocks",
        "MissingExtraError": "errors",
        "Problem": "problem",
        "Report": "results",
        "TargetError": "errors",
        "Verdict": "results",
        "check": "api.check",
        "derivative": "api.derivative",
        "discover_blocks": "api.discovery",
        "gradient": "api.derivative",
        "target": "problem",
        "trace": "api.trace",
        "Trace": "backprop.results",
        "TraceRefused": "errors",
    }

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # the built-in spares `importlib`; a `fromlist` makes it return the innermost module
        home = __import__(f"{__name__}.{_HOMES[name]}", fromlist=(name,))
        return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
