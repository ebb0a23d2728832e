"""Caches keyed on too little, gradients that lag or accumulate, work arrays."""

from __future__ import annotations

from collections.abc import Callable
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


C = np.random.default_rng(0).uniform(1, 2, 2000)
MANY = np.random.default_rng(1).standard_normal(2000)


def cached_on(key: Callable[[Any], Any]) -> Callable[[Any], Any]:
    store: dict[Any, Any] = {}

    def fun(w: Any) -> Any:
        k = key(w)
        if k not in store:
            store[k] = float(C @ w**2), 2 * C * w
        return store[k]

    return fun


PARTIAL_KEYS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "first": lambda w: float(w[0]),
    "head": lambda w: w[:9].tobytes(),
}


@pytest.mark.parametrize("key", PARTIAL_KEYS.values(), ids=PARTIAL_KEYS.keys())
@pytest.mark.parametrize("seed", SEEDS)
def test_cache_whose_key_leaves_entries_out_fails(key: Callable[[Any], Any], seed: int) -> None:
    """Numpy elides the middle of 2,000 entries: the cost does not move with one of them alone."""
    report = check(cached_on(key), MANY, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert report.findings[0].level == "error"


@pytest.mark.parametrize("seed", SEEDS)
def test_cache_keyed_on_all_entries_is_healthy(seed: int) -> None:
    for key in (lambda w: w.tobytes(), tuple):
        report = check(cached_on(key), MANY, rng=seed)
        assert report.verdict == "PASS", str(report)
        assert report.findings == ()


class Cached:
    """A forward pass shared by cost and gradient."""

    def __init__(self, copies: bool) -> None:
        self.copies = copies
        self.x: Any = None

    def both(self, x: Any) -> tuple[float, Any]:
        if self.x is None or not np.array_equal(x, self.x):
            self.x = x.copy() if self.copies else x
            self.result = lsq(x)
        return self.result

    def cost(self, x: Any) -> float:
        return self.both(x)[0]

    def grad(self, x: Any) -> Any:
        return self.both(x)[1]


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize("seed", SEEDS)
def test_cache_that_keeps_the_callers_array_is_stale(apart: bool, seed: int) -> None:
    c = Cached(copies=False)
    report = check(c.cost, START, jac=c.grad, rng=seed) if apart else check(c.both, START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("stale-cache", "error")]


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize("seed", SEEDS)
def test_cache_that_copies_is_healthy(apart: bool, seed: int) -> None:
    c = Cached(copies=True)
    report = check(c.cost, START, jac=c.grad, rng=seed) if apart else check(c.both, START, rng=seed)
    assert report.verdict == "PASS", str(report)
    assert report.findings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_cache_of_the_object_alone_is_stale(seed: int) -> None:
    last: dict[str, Any] = {"x": None}

    def fun(x: Any) -> Any:
        if x is not last["x"]:
            last.update(x=x, result=lsq(x))
        return last["result"]

    report = check(fun, START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("stale-cache", "error")]


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_the_point_before_is_stale(apart: bool, seed: int) -> None:
    last = [np.zeros(2)]

    def lagging(x: Any) -> Any:
        last.append(lsq(x)[1])
        return last.pop(0)

    if apart:
        report = check(lambda x: lsq(x)[0], START, jac=lagging, rng=seed)
    else:
        report = check(lambda x: (lsq(x)[0], lagging(x)), START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("stale-cache", "error")]


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_added_to_one_array_accumulates(apart: bool, seed: int) -> None:
    total = np.zeros(2)

    def growing(x: Any) -> Any:
        nonlocal total
        total += lsq(x)[1]
        return total.copy()

    if apart:
        report = check(lambda x: lsq(x)[0], START, jac=growing, rng=seed)
    else:
        report = check(lambda x: (lsq(x)[0], growing(x)), START, rng=seed)
    assert report.verdict == "FAIL", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("accumulated-gradient", "error")]


@pytest.mark.parametrize("seed", SEEDS)
def test_work_array_in_args_is_a_note(seed: int) -> None:
    """Its old content never enters: what it holds after a call harms nobody."""

    def fun(x: Any, work: Any) -> tuple[float, Any]:
        np.dot(A, x, out=work)
        return float(work @ work), 2 * A.T @ work

    report = check(fun, START, args=(np.zeros(3),), rng=seed)
    assert report.verdict == "PASS", str(report)
    assert [(f.slug, f.level) for f in report.findings] == [("mutated-data", "note")]
