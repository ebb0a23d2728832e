"""Reports of every kind, and the comparison with gold files (RENEW_GOLD=1 writes them anew)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradaudit.results import (
    BlockReport,
    Entry,
    Evaluations,
    Finding,
    Location,
    PointReport,
    Report,
    Settings,
    Verdict,
)

GOLD = Path(__file__).parent.parent / "gold"

HOSTILE_NAMES = [
    "[red]x[/]",
    "[/]",
    "grad[b1]",
    "\x1b[31mred",
    "two\nlines",
    "carriage\rreturn",
    "<script>alert(1)</script>",
    "</style><b>",
    "::error file=a::b",
    "%0A::error::b",
    ":smile:",
    "\N{GRINNING FACE}",
    "重み行列",
    "\u202eevil",
    "\ud800",
    "",
    " padded ",
    "a b c " * 30,
    "n" * 300,
]


def block(name: str, shape: tuple[int, ...], **facts: Any) -> BlockReport:
    verdict = facts.pop("verdict", Verdict.PASS)
    usual: dict[str, Any] = {"start": 0, "size": math.prod(shape), "relative_error": 2.1e-10}
    if verdict == Verdict.PASS:
        usual |= {"error_kind": "at most", "error_bar": 1.4e-11, "entry_bound": 3.1e-9}
    return BlockReport(name=name, shape=shape, verdict=verdict, **(usual | facts))


POINTS = (
    PointReport(name="x0", cost=1.25, gradient_norm=3.2, noise=2e-16),
    PointReport(name="point 2", cost=1.75, gradient_norm=2.9, noise=3e-16, distance=1.3),
    PointReport(name="point 3", cost=2.5, gradient_norm=3.4, noise=3e-16, distance=2.1),
)
MEASURED: dict[str, Any] = {
    "points": POINTS,
    "seed": 123,
    "evaluations": Evaluations(cost=124, gradient=12),
    "own_seconds": 0.09,
    "user_seconds": 0.31,
    "target": "digits.train:cost",
    "layout_source": "discovered in cost (digits/train.py:31)",
    "versions": {"gradaudit": "0.1.0", "numpy": "2.4.6"},
}

PASSING = Report(
    verdict=Verdict.PASS,
    blocks=(
        block("W1", (10, 784)),
        block("W2", (784, 10), entry_bound=2.2e-9),
        block("b1", (10,), entry_bound=1e-10),
        block("b2", (784,), entry_bound=4e-11),
    ),
    size=16474,
    **MEASURED,
)
IGNORED = Report(
    verdict=Verdict.FAIL,
    findings=(
        Finding(
            slug="ignored-argument",
            level="error",
            message="the objective ignores its argument",
            notes=(
                "J(x) and J(x + d) are equal to the last bit along 8 random directions",
                "9 evaluations, seed 20240501",
            ),
            help="evaluate the cost at the lambda's own argument: `lambda x: cost(x, ...)`",
            location=Location(
                path="train.py", line=42, source="    J = lambda x: cost(theta, X, lam)"
            ),
            replacement="    J = lambda x: cost(x, X, lam)",
        ),
    ),
    evaluations=Evaluations(cost=9),
    size=16474,
    seed=20240501,
    own_seconds=0.004,
    user_seconds=0.03,
)
_MEAN: dict[str, Any] = {
    "verdict": Verdict.FAIL,
    "relative_error": 0.9998,
    "error_bar": 2.3e-11,
    "factor": 0.0002,
    "reason": "1/5000 of what it should be",
    "failed_at": ("x0", "point 2"),
}
FAILING = Report(
    verdict=Verdict.FAIL,
    findings=(
        Finding(
            slug="wrong-scale",
            level="error",
            message="the gradient is 1/5000 of what it should be",
            notes=("returned over right gradient: 0.0002 in all three blocks, to within 3e-9",),
            help="5,000 is the number of rows of X: the cost may need np.sum where np.mean is used",
            data={"factor": 0.0002, "factor_name": "1/m", "blocks": ("b1", "b2", "b3")},
        ),
        Finding(slug="kink", level="note", message="w1: the cost has a kink at the point"),
        Finding(
            slug="low-precision",
            level="note",
            message="the cost is computed in float32",
            allowed=True,
        ),
    ),
    blocks=(
        block("w1", (64, 25)),
        block(
            "b1",
            (25,),
            worst=(
                Entry(index=(3,), analytic=1.2e-5, numeric=0.06, bar=1e-12),
                Entry(index=(4,), analytic=-2.5e-5, numeric=-0.125),
            ),
            **_MEAN,
        ),
        block("w2", (25, 9), blind_at=("point 3",)),
        block("b2", (9,), **_MEAN),
        block("w3", (9, 64), against="gradient"),
        block("b3", (64,), **_MEAN),
    ),
    size=2499,
    settings=Settings(only=(), budget=400, allow=("low-precision",)),
    **MEASURED,
)
UNDECIDED = Report(
    verdict=Verdict.INCONCLUSIVE,
    blocks=(
        block("W1", (4, 3), entry_bound=1e-5),
        block(
            "b1",
            (4,),
            verdict=Verdict.INCONCLUSIVE,
            relative_error=math.nan,
            reason="the noise of the cost hides errors below 0.02",
        ),
        block("theta[16:20]", (4,), claimed=False),
    ),
    size=20,
    **MEASURED,
)
OUT_OF_BUDGET = Report(
    verdict=Verdict.INCONCLUSIVE,
    findings=(
        Finding(
            slug="budget-exhausted",
            level="warning",
            message="the budget of 5 evaluations ended before the first verdict",
            help="allow at least 40 with --budget 40",
        ),
    ),
    evaluations=Evaluations(cost=5),
    size=3,
)
NOTHING = Report(verdict=Verdict.INCONCLUSIVE)
MANY = Report(
    verdict=Verdict.FAIL,
    findings=(
        Finding(
            slug="wrong-entries",
            level="error",
            message="layers[4].weight: 2 entries of the gradient are wrong",
            block="layers[4].weight",
            data={"indices": ((0, 1), (2, 3))},
        ),
    ),
    blocks=tuple(
        block(f"layers[{i}].weight", (3, 4), relative_error=i * 1e-11)
        if i != 4
        else block(
            "layers[4].weight", (3, 4), verdict=Verdict.FAIL, relative_error=0.1, error_bar=1e-9
        )
        for i in range(30)
    ),
    size=360,
    **MEASURED,
)
REPORTS = {
    "passing": PASSING,
    "ignored": IGNORED,
    "failing": FAILING,
    "undecided": UNDECIDED,
    "out_of_budget": OUT_OF_BUDGET,
    "nothing": NOTHING,
    "many": MANY,
}


@pytest.fixture
def reports() -> dict[str, Report]:
    """One report of each kind, by name."""
    return REPORTS


@pytest.fixture(params=REPORTS)
def report_name(request: pytest.FixtureRequest) -> str:
    """Each kind of report in turn, by name."""
    return request.param


@pytest.fixture
def report(report_name: str) -> Report:
    """Each kind of report in turn."""
    return REPORTS[report_name]


@pytest.fixture(params=HOSTILE_NAMES, ids=lambda name: ascii(name)[:24])
def hostile_name(request: pytest.FixtureRequest) -> str:
    """Names that some format or terminal would take for something else."""
    return request.param


@pytest.fixture
def hostile_report(hostile_name: str) -> Report:
    """A failing report in which everything from the user is hostile."""
    return Report(
        verdict=Verdict.FAIL,
        findings=(
            Finding(
                slug="wrong-sign",
                level="error",
                message=f"{hostile_name}: the gradient has the opposite sign",
                notes=(hostile_name,),
                help=hostile_name,
                block=hostile_name,
                location=Location(path=f"{hostile_name}.py", line=3, source=hostile_name),
                replacement=hostile_name,
                data={"factor": -1.0, hostile_name: math.nan},
            ),
        ),
        blocks=(
            block(hostile_name, (3,), verdict=Verdict.FAIL, reason=hostile_name, factor=-1.0),
            block("w", (2,)),
        ),
        target=hostile_name,
        layout_source=hostile_name,
        versions={hostile_name: hostile_name},
        settings=Settings(only=(hostile_name,), allow=(hostile_name,)),
    )


@pytest.fixture
def matches_gold() -> Callable[[str, str], None]:
    """Compare text with a gold file, or renew the file when RENEW_GOLD is set."""

    def compare(text: str, name: str) -> None:
        path = GOLD / name
        if os.environ.get("RENEW_GOLD"):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8")

    return compare
