"""Tell whether a hand-written gradient is right, how sure that is, and where it is wrong.

Public names are resolved when they are first used: importing this package loads nothing else. A
reader who wants to see the whole pipeline goes on to `gradaudit/api/check.py`.
"""

# type checkers take it for typing's; loading that would take longer than all the rest of this file
TYPE_CHECKING = False

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
    "Diagnosis",
    "EvaluationError",
    "Finding",
    "GradauditError",
    "GradientMismatch",
    "Layout",
    "MissingExtraError",
    "Problem",
    "Report",
    "Run",
    "Runs",
    "ShapeReport",
    "TargetError",
    "Trace",
    "TraceRefused",
    "Verdict",
    "__version__",
    "check",
    "check_shapes",
    "derivative",
    "diagnose",
    "discover_blocks",
    "gradient",
    "strategies",
    "target",
    "trace",
    "watch",
]

if TYPE_CHECKING:
    from gradaudit import strategies
    from gradaudit.api.check import check
    from gradaudit.api.derivative import derivative, gradient
    from gradaudit.api.diagnose import diagnose
    from gradaudit.api.discovery import discover_blocks
    from gradaudit.api.run import watch
    from gradaudit.api.shapes import check_shapes
    from gradaudit.api.trace import trace
    from gradaudit.backprop.results import Trace
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
        TraceRefused,
    )
    from gradaudit.evaluator import BadReturn
    from gradaudit.problem import Problem, target
    from gradaudit.results import (
        BlockReport,
        Derivative,
        Diagnosis,
        Finding,
        Report,
        Run,
        Runs,
        ShapeReport,
        Verdict,
    )
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
        "Diagnosis": "results",
        "EvaluationError": "errors",
        "Finding": "results",
        "GradauditError": "errors",
        "GradientMismatch": "errors",
        "Layout": "blocks",
        "MissingExtraError": "errors",
        "Problem": "problem",
        "Report": "results",
        "Run": "results",
        "Runs": "results",
        "ShapeReport": "results",
        "TargetError": "errors",
        "Verdict": "results",
        "check": "api.check",
        "check_shapes": "api.shapes",
        "derivative": "api.derivative",
        "diagnose": "api.diagnose",
        "discover_blocks": "api.discovery",
        "gradient": "api.derivative",
        "target": "problem",
        "trace": "api.trace",
        "Trace": "backprop.results",
        "TraceRefused": "errors",
        "watch": "api.run",
    }

    def __getattr__(name: str) -> object:
        if name == "strategies":
            return __import__("gradaudit.strategies", fromlist=("problems",))
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # the built-in spares `importlib`; a `fromlist` makes it return the innermost module
        home = __import__(f"{__name__}.{_HOMES[name]}", fromlist=(name,))
        return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
