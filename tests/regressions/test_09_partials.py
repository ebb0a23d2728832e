"""A partial that binds the parameters is named; one that binds an anchor is healthy."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from gradaudit import check

SEEDS = [0, 1, 2]
A = np.array([[1.0, 2], [3, -1], [0.5, 0.7]])
START = np.array([0.5, -0.3])


def lsq(w: Any) -> tuple[float, Any]:
    r = A @ w - 1
    return float(r @ r), 2 * A.T @ r


def anchored(w: Any, anchor: Any) -> tuple[float, Any]:
    value, g = lsq(w)
    d = w - anchor
    return value + 0.5 * float(d @ d), g + d


def anchor_first(anchor: Any, w: Any) -> tuple[float, Any]:
    return anchored(w, anchor)


def data_unused(w: Any, data: Any, lam: float = 0.1) -> tuple[float, Any]:  # noqa: ARG001
    value, g = lsq(w)
    return value + lam * float(w @ w), g + 2 * lam * w


@pytest.mark.parametrize("seed", SEEDS)
def test_start_bound_where_the_parameters_belong_is_misbound(seed: int) -> None:
    for fun in (functools.partial(anchored, START), functools.partial(data_unused, START)):
        report = check(fun, START, rng=seed)
        assert report.verdict == "FAIL", str(report)
        assert [(f.slug, f.level) for f in report.findings] == [("misbound-partial", "error")]


@pytest.mark.parametrize("seed", SEEDS)
def test_anchor_equal_to_the_start_is_healthy(seed: int) -> None:
    for fun in (
        functools.partial(anchored, anchor=START),
        functools.partial(anchored, anchor=START.copy()),
        functools.partial(anchor_first, START),
    ):
        report = check(fun, START, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert report.findings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_gradient_of_an_anchored_cost_is_not_called_misbound(seed: int) -> None:
    def wrong(w: Any, anchor: Any) -> tuple[float, Any]:
        value, g = anchored(w, anchor)
        return value, -g

    report = check(functools.partial(wrong, anchor=START + 1), START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [f.slug for f in report.findings] == ["wrong-sign"]
