"""Hundreds of random vector functions: no right Jacobian is blamed, no planted fault escapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import aslinearoperator

from gradaudit.optimizers.derivatives import VectorAudit, audit_jacobian

Array = NDArray[np.float64]
Function = Callable[[Any], Any]


@dataclass(kw_only=True)
class Drawn:
    """A random vector function with its right Jacobian, and two points."""

    rng: np.random.Generator
    fun: Function
    jac: Function
    rows: int
    columns: int
    points: list[tuple[str, Array]] = field(default_factory=list[tuple[str, Array]])

    def audit(self, fun: Function, jac: Function, **settings: Any) -> VectorAudit:
        seed = int(self.rng.integers(2**31))
        return audit_jacobian(fun, jac, self.points, rng=seed, **settings)


def logistic(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z))


def draw(seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 9)), int(rng.integers(1, 30))
    a, c = rng.normal(size=(2, m, n))
    b = rng.normal(size=m)
    mixing = rng.normal(size=(m, m)) / np.sqrt(m)
    wave = float(rng.choice([1.0, 5.0, 30.0]))
    kinds: list[tuple[Function, Function]] = [
        (lambda x: np.exp(0.5 * a @ x) - b, lambda x: 0.5 * np.exp(0.5 * a @ x)[:, None] * a),
        (lambda x: np.sin(wave * a @ x) - b, lambda x: wave * np.cos(wave * a @ x)[:, None] * a),
        (
            lambda x: (a @ x) ** 3 + a @ x**2 - b,
            lambda x: 3 * ((a @ x) ** 2)[:, None] * a + 2 * a * x,
        ),
        (
            lambda x: logistic(a @ x) - b,
            lambda x: (logistic(a @ x) * (1 - logistic(a @ x)))[:, None] * a,
        ),
        (
            lambda x: mixing @ np.tanh(a @ x) - b,
            lambda x: mixing @ ((1 - np.tanh(a @ x) ** 2)[:, None] * a),
        ),
        (
            lambda x: (a @ x) * (c @ x) - b,
            lambda x: (c @ x)[:, None] * a + (a @ x)[:, None] * c,
        ),
    ]
    fun, jac = kinds[int(rng.integers(len(kinds)))]
    points = [("x0", rng.normal(size=n)), ("point 2", rng.normal(size=n))]
    return Drawn(rng=rng, fun=fun, jac=jac, rows=m, columns=n, points=points)


def noise_of(x: Array, rows: int) -> Array:
    return (np.sin(1e9 * x.sum() + np.arange(rows)) * 43758.5453) % 1.0 - 0.5


STYLES: dict[str, Callable[[Drawn], tuple[Function, Function]]] = {
    "plain": lambda d: (d.fun, d.jac),
    "offset": lambda d: (lambda x: d.fun(x) + 1e8, d.jac),
    "single": lambda d: (lambda x: d.fun(x.astype(np.float32)).astype(np.float32), d.jac),
    "noise": lambda d: (lambda x: d.fun(x) + 1e-8 * noise_of(x, d.rows), d.jac),
    "rounded": lambda d: (lambda x: np.round(d.fun(x), 6), d.jac),
    "rectified": lambda d: (
        lambda x: np.maximum(0.0, d.fun(x)),
        lambda x: (d.fun(x) > 0)[:, None] * d.jac(x),
    ),
    "rows": lambda d: (
        lambda x: 10.0 ** (np.arange(d.rows) - 15) * d.fun(x),
        lambda x: 10.0 ** (np.arange(d.rows) - 15)[:, None] * d.jac(x),
    ),
    "sparse": lambda d: (d.fun, lambda x: sp.csr_array(d.jac(x))),
    "operator": lambda d: (d.fun, lambda x: aslinearoperator(d.jac(x))),
    "differences": lambda d: (d.fun, lambda x: forward_differences(d.fun, x)),
    "doubled rows": lambda d: (
        lambda x: np.tile(d.fun(x), 2),
        lambda x: np.tile(d.jac(x), (2, 1)),
    ),
}


def forward_differences(fun: Function, x: Array) -> Array:
    columns = [(fun(x + 1e-8 * e) - fun(x)) / 1e-8 for e in np.eye(x.size)]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("style", STYLES)
def test_no_right_jacobian_of_random_functions_is_blamed(style: str) -> None:
    blamed: list[int] = []
    for seed in range(20):
        drawn = draw(1000 + seed)
        audit = drawn.audit(*STYLES[style](drawn))
        if any(finding.level != "note" for finding in audit.findings):
            blamed.append(seed)
    assert blamed == []


def scaled(drawn: Drawn, row: Any, column: Any, factor: float) -> Function:
    def jac(x: Array) -> Array:
        matrix = drawn.jac(x).copy()
        matrix[row, column] *= factor
        return matrix

    return jac


Planted = tuple[Function, dict[str, Any]]


def _column(drawn: Drawn) -> Planted:
    column = int(drawn.rng.integers(drawn.columns))
    data = {"column": column} if drawn.columns > 1 and drawn.rows > 1 else {}
    return scaled(drawn, slice(None), column, 1.01), data


def _row(drawn: Drawn) -> Planted:
    row = int(drawn.rng.integers(drawn.rows))
    data = {"row": row} if drawn.rows > 1 else {}
    return scaled(drawn, row, slice(None), -1.0), data


def _entry(drawn: Drawn) -> Planted:
    row, column = int(drawn.rng.integers(drawn.rows)), int(drawn.rng.integers(drawn.columns))
    data = {"row": row, "column": column} if drawn.rows > 1 < drawn.columns else {}
    return scaled(drawn, row, column, 1.02), data


FAULTS: dict[str, Callable[[Drawn], Planted]] = {
    "sign": lambda d: (lambda x: -d.jac(x), {"factor": pytest.approx(-1.0)}),
    "factor": lambda d: (lambda x: 1.001 * d.jac(x), {"factor": pytest.approx(1.001)}),
    "zero": lambda d: (lambda x: 0 * d.jac(x), {"factor": 0.0}),
    "column": _column,
    "row": _row,
    "entry": _entry,
    "frozen": lambda d: (lambda x: d.jac(0 * x + d.points[0][1]), {}),
    "other data": lambda d: (lambda x: d.jac(1.1 * x), {}),
    "transposed shape": lambda d: (lambda x: d.jac(x).T, {"transposed": True}),
    "weights": lambda d: (lambda x: np.linspace(2, 3, d.rows)[:, None] * d.jac(x), {}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_planted_fault_in_random_functions_is_found_and_placed(name: str) -> None:
    missed: list[tuple[int, str]] = []
    for seed in range(20):
        drawn = draw(2000 + seed)
        jac, data = FAULTS[name](drawn)
        if name == "transposed shape" and (
            drawn.rows == drawn.columns or 1 in (drawn.rows, drawn.columns)
        ):
            continue
        audit = drawn.audit(drawn.fun, jac)
        wrong = "wrong-shape" if "transposed" in data else "wrong-jacobian"
        found = [finding for finding in audit.findings if finding.slug == wrong]
        if not found or found[0].level == "note":
            missed.append((seed, "missed"))
        elif any(found[0].data.get(key) != value for key, value in data.items()):
            missed.append((seed, f"{found[0].message}: {found[0].data}"))
    assert missed == []
