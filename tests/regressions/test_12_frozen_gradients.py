"""A gradient that never moves is named, with its line and the corrected one."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit import check

SEEDS = [0, 1, 2]
A = np.array([[1.0, 2], [3, -1], [0.5, 0.7]])
x0 = np.array([0.5, -0.3])


def cost(w: Any) -> float:
    r = A @ w - 1
    return float(r @ r)


def gradient(w: Any) -> Any:  # noqa: ARG001
    r = A @ x0 - 1
    return 2 * A.T @ r


def both(w: Any) -> tuple[float, Any]:
    r = A @ w - 1
    return float(r @ r), 2 * A.T @ (A @ x0 - 1)


def _line(function: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_a_global_start_is_frozen_at_its_line(apart: bool, seed: int) -> None:
    report = check(cost, x0, jac=gradient, rng=seed) if apart else check(both, x0, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("frozen-gradient", "error")]
    finding = report.findings[0]
    assert finding.location is not None
    assert Path(finding.location.path).name == Path(__file__).name
    assert finding.location.line == _line(gradient if apart else both, "A @ x0")
    right = "r = A @ w - 1" if apart else "return float(r @ r), 2 * A.T @ (A @ w - 1)"
    assert finding.replacement is not None
    assert finding.replacement.strip() == right


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_computed_once_is_frozen(seed: int) -> None:
    once = 2 * A.T @ (A @ x0 - 1)
    report = check(cost, x0, jac=lambda _w: once, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("frozen-gradient", "error")]


@pytest.mark.parametrize("seed", SEEDS)
def test_constant_gradient_of_a_linear_cost_is_not_frozen(seed: int) -> None:
    c = np.random.default_rng(0).standard_normal(9)
    for start in (np.zeros(9), c * 3):
        report = check(lambda x: float(c @ x), start, jac=lambda _x: c, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert report.findings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_constant_gradient_of_a_linear_cost_is_not_frozen(seed: int) -> None:
    c = np.random.default_rng(0).standard_normal(9)
    report = check(lambda x: float(c @ x), c * 3, jac=lambda _x: 2 * c, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-scale"]
