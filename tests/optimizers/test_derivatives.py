"""Jacobians, Hessians, products and constraints: right ones pass, planted faults are named."""
# ruff: noqa: ARG005  (a function has to take its argument, whether it uses it or not)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import approx_fprime, rosen, rosen_der, rosen_hess, rosen_hess_prod
from scipy.sparse.linalg import aslinearoperator

from gradaudit.blocks import Block
from gradaudit.optimizers.derivatives import (
    VectorAudit,
    audit_constraints,
    audit_hessian,
    audit_hessp,
    audit_jacobian,
)

Array = NDArray[np.float64]
TIMES = np.linspace(0.0, 3.0, 12)
X0 = np.array([1.3, 0.4, -0.7])
POINTS = [("x0", X0), ("point 2", np.array([0.6, 1.1, 0.9]))]


def residual(x: Array) -> Array:
    return x[0] * np.exp(-x[1] * TIMES) + x[2] * TIMES - np.cos(TIMES)


def jacobian(x: Array) -> Array:
    decay = np.exp(-x[1] * TIMES)
    return np.stack([decay, -x[0] * TIMES * decay, TIMES], axis=1)


def changed(change: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: change(jacobian(x).copy())


def with_entry(row: Any, column: Any, factor: float) -> Callable[[Array], Array]:
    def change(matrix: Array) -> Array:
        matrix[row, column] *= factor
        return matrix

    return changed(change)


def slugs(audit: VectorAudit) -> list[str]:
    return [finding.slug for finding in audit.findings]


def hash_noise(x: Array) -> Array:
    return (np.sin(1e9 * x.sum() + np.arange(TIMES.size)) * 43758.5453) % 1.0 - 0.5


def newton_root(x: Array) -> Array:
    y = np.zeros_like(x)
    for _ in range(50):
        step = (y**3 + y - x) / (3 * y * y + 1)
        y = y - step
        if np.abs(step).max() < 1e-5:
            break
    return y


SCALES = 10.0 ** np.linspace(-12, 12, TIMES.size)

RIGHT: dict[str, tuple[Any, Any]] = {
    "plain": (residual, jacobian),
    "lists": (lambda x: residual(x).tolist(), lambda x: jacobian(x).tolist()),
    "sparse": (residual, lambda x: sp.csc_matrix(jacobian(x))),
    "coordinate format": (residual, lambda x: sp.coo_array(jacobian(x))),
    "operator": (residual, lambda x: aslinearoperator(jacobian(x))),
    "matrix": (residual, lambda x: sp.csr_matrix(jacobian(x)).todense()),
    "pair": (lambda x: (residual(x), jacobian(x)), True),
    "scalar": (lambda x: float(x @ x), lambda x: 2 * x),
    "one value in an array": (lambda x: np.array([x @ x]), lambda x: 2 * x[None, :]),
    "identity": (lambda x: x, lambda x: np.eye(3)),
    "linear": (lambda x: np.outer(TIMES, X0) @ x - 1e5, lambda x: np.outer(TIMES, X0)),
    "large offset": (lambda x: residual(x) + 1e9, jacobian),
    "rows of all sizes": (lambda x: SCALES * residual(x), lambda x: SCALES[:, None] * jacobian(x)),
    "tiny": (lambda x: 1e-150 * residual(x), lambda x: 1e-150 * jacobian(x)),
    "huge": (lambda x: 1e150 * residual(x), lambda x: 1e150 * jacobian(x)),
    "single precision": (lambda x: residual(x.astype(np.float32)).astype(np.float32), jacobian),
    "single precision both": (
        lambda x: residual(x).astype(np.float32),
        lambda x: jacobian(x).astype(np.float32),
    ),
    "noise": (lambda x: residual(x) + 1e-8 * hash_noise(x), jacobian),
    "rounded": (lambda x: np.round(residual(x), 9), jacobian),
    "rectified": (
        lambda x: np.maximum(0.0, residual(x)),
        lambda x: (residual(x) > 0)[:, None] * jacobian(x),
    ),
    "absolute": (
        lambda x: np.abs(residual(x)),
        lambda x: np.sign(residual(x))[:, None] * jacobian(x),
    ),
    "rank deficient": (lambda x: np.full(4, x.sum() ** 2), lambda x: np.full((4, 3), 2 * x.sum())),
    "rows of zeros": (
        lambda x: np.append(residual(x), [0.0, 7e5]),
        lambda x: np.vstack([jacobian(x), np.zeros((2, 3))]),
    ),
    "oscillating": (
        lambda x: np.sin(200 * x),
        lambda x: np.diag(200 * np.cos(200 * x)),
    ),
    "inner solver": (newton_root, lambda x: np.diag(1 / (3 * newton_root(x) ** 2 + 1))),
    "forward differences": (residual, lambda x: approx_fprime(x, residual)),
    "integers": (lambda x: x**2 - 2, lambda x: np.diag(2 * x)),
    "cancellation": (
        lambda x: (1 - np.cos(0.01 * x)) / (0.01 * x) ** 2,
        lambda x: np.diag(
            np.sin(0.01 * x) / (0.01 * x**2) - 2 * (1 - np.cos(0.01 * x)) / (1e-4 * x**3)
        ),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", range(3))
def test_right_jacobian_passes_without_a_finding(name: str, seed: int) -> None:
    fun, jac = RIGHT[name]
    audit = audit_jacobian(fun, jac, POINTS, rng=seed)
    assert not audit.findings
    assert audit.verdict == "PASS"


def test_right_jacobian_costs_what_the_docstring_says() -> None:
    audit = audit_jacobian(residual, jacobian, POINTS, rng=0)
    assert audit.evaluations == 36


def test_right_jacobian_with_args_and_col_deriv_passes() -> None:
    audit = audit_jacobian(
        lambda x, a: a * residual(x),
        lambda x, a: a * jacobian(x).T,
        POINTS,
        args=(2.5,),
        col_deriv=True,
        rng=0,
    )
    assert audit.verdict == "PASS"
    assert not audit.findings


def test_no_step_leaves_the_bounds() -> None:
    seen: list[Array] = []

    def fun(x: Array) -> Array:
        seen.append(x)
        return np.sqrt(x) + x**2

    audit = audit_jacobian(
        fun,
        lambda x: np.diag(0.5 / np.sqrt(x) + 2 * x),
        [("x0", np.array([0.0, 1.0, 2.0]))],
        lower=np.zeros(3),
        upper=np.full(3, 2.0),
        rng=0,
    )
    assert audit.verdict == "PASS"
    assert min(x.min() for x in seen) > 0.0
    assert max(x.max() for x in seen) <= 2.0


def test_kink_at_the_very_point_is_no_error() -> None:
    x = np.array([0.0, 1.0, 0.0])
    audit = audit_jacobian(
        lambda x: np.concatenate([np.abs(x), np.maximum(0, x)]),
        lambda x: np.vstack([np.diag(np.sign(x)), np.diag((x > 0) * 1.0)]),
        [("x0", x), ("point 2", x + 0.3)],
        rng=1,
    )
    assert not audit.findings


@dataclass(frozen=True)
class Fault:
    jac: Any
    data: dict[str, Any]
    words: str = ""


FAULTS: dict[str, Fault] = {
    "sign": Fault(lambda x: -jacobian(x), {"factor": -1.0}, "opposite sign"),
    "double": Fault(lambda x: 2 * jacobian(x), {"factor": 2.0}, "2 times"),
    "slightly": Fault(lambda x: 1.001 * jacobian(x), {"factor": 1.001}),
    "mean for sum": Fault(lambda x: jacobian(x) / 12, {"factor": 1 / 12}),
    "zero": Fault(lambda x: 0 * jacobian(x), {"factor": 0.0}, "is zero"),
    "column": Fault(with_entry(slice(None), 1, 0.5), {"column": 1, "factor": 0.5}, "x[1]"),
    "column sign": Fault(with_entry(slice(None), 2, -1.0), {"column": 2}, "opposite sign"),
    "column of zeros": Fault(with_entry(slice(None), 0, 0.0), {"column": 0}),
    "row": Fault(with_entry(4, slice(None), 3.0), {"row": 4, "factor": 3.0}, "residual 4"),
    "entry": Fault(
        with_entry(5, 1, 1.01), {"row": 5, "column": 1, "indices": ((5, 1),)}, "1 wrong entry"
    ),
    "two entries": Fault(
        changed(lambda m: m * (1 + 0.1 * np.isin(np.arange(36), [3, 20]).reshape(12, 3))),
        {"indices": ((1, 0), (6, 2))},
    ),
    "weights": Fault(
        lambda x: jacobian(x) * np.linspace(0.5, 2, 12)[:, None], {"cause": "row-scale"}
    ),
    "bounds transformation": Fault(
        lambda x: jacobian(x) * np.array([1.5, 0.7, 2.0]), {"cause": "column-scale"}
    ),
    "log parameter": Fault(lambda x: jacobian(x) * x, {"cause": "log-parameter"}, "logarithm"),
    "columns exchanged": Fault(
        changed(lambda m: m[:, [0, 2, 1]]), {"cause": "swapped-columns", "columns": (1, 2)}
    ),
    "rows exchanged": Fault(
        changed(lambda m: m[[1, 0, *range(2, 12)]]), {"cause": "swapped-rows", "rows": (0, 1)}
    ),
    "rows shifted": Fault(changed(lambda m: np.roll(m, 1, axis=0)), {"cause": "row-order"}),
    "rows reversed": Fault(changed(lambda m: m[::-1]), {"cause": "row-order"}),
    "frozen": Fault(lambda x: jacobian(X0), {}, "does not depend on its argument"),
    "sparse column": Fault(
        lambda x: sp.csr_matrix(with_entry(slice(None), 1, 2.0)(x)), {"column": 1}
    ),
    "operator": Fault(lambda x: aslinearoperator(3.0 * jacobian(x)), {"factor": 3.0}),
    "other point": Fault(lambda x: jacobian(x + 0.01), {}, "not the derivative"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("seed", range(3))
def test_planted_fault_in_a_jacobian_is_named(name: str, seed: int) -> None:
    fault = FAULTS[name]
    audit = audit_jacobian(residual, fault.jac, POINTS, rng=seed)
    assert slugs(audit) == ["wrong-jacobian"]
    finding = audit.findings[0]
    assert audit.verdict == "FAIL"
    assert fault.words in finding.message
    for key, value in fault.data.items():
        expected = pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
        assert finding.data[key] == expected
    assert finding.location is not None
    assert audit.evaluations <= 160


def test_block_of_the_wrong_column_is_named() -> None:
    blocks = [Block("rate", 0, (2,)), Block("slope", 2, ())]
    audit = audit_jacobian(residual, with_entry(slice(None), 2, 1.2), POINTS, blocks=blocks, rng=0)
    assert audit.findings[0].block == "slope"
    assert "slope" in audit.findings[0].message


def test_lone_wrong_column_of_many_is_decoded() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(40, 300)) / 17.0
    x = rng.normal(size=300)

    def jac(x: Array) -> Array:
        right = (1 - np.tanh(matrix @ x) ** 2)[:, None] * matrix
        right[:, 123] *= 1.5
        return right

    audit = audit_jacobian(
        lambda x: np.tanh(matrix @ x), jac, [("x0", x), ("point 2", 0.5 * x)], rng=0
    )
    assert audit.findings[0].data["column"] == 123
    assert audit.evaluations <= 160


def test_transposed_square_jacobian_is_named() -> None:
    coupling = np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0], [0.7, 0.2, 1.0]])
    audit = audit_jacobian(
        lambda x: np.tanh(coupling @ x),
        lambda x: ((1 - np.tanh(coupling @ x) ** 2)[:, None] * coupling).T,
        POINTS,
        rng=0,
    )
    assert audit.findings[0].data["cause"] == "transposed"


def test_transposed_shape_is_a_wrong_shape_and_nothing_else() -> None:
    audit = audit_jacobian(residual, lambda x: jacobian(x).T, POINTS, rng=0)
    assert slugs(audit) == ["wrong-shape"]
    assert audit.findings[0].data["transposed"]


@pytest.mark.parametrize(
    "jac", [lambda x: 2 * x, lambda x: None, lambda x: "J", lambda x: np.ones((2, 2))]
)
def test_unusable_jacobian_is_a_wrong_shape(jac: Any) -> None:
    audit = audit_jacobian(residual, jac, POINTS, rng=0)
    assert slugs(audit) == ["wrong-shape"]


def test_fault_under_single_precision_is_found_and_placed() -> None:
    audit = audit_jacobian(
        lambda x: residual(x).astype(np.float32),
        with_entry(slice(None), 1, 2.0),
        POINTS,
        rng=0,
    )
    assert audit.findings[0].data["column"] == 1


def test_slight_error_as_of_differences_is_no_error() -> None:
    audit = audit_jacobian(residual, lambda x: jacobian(x + 1e-6), POINTS, rng=0)
    assert all(finding.level == "note" for finding in audit.findings)


def test_residual_that_ignores_its_argument_gets_a_corrected_line() -> None:
    audit = audit_jacobian(lambda x: residual(X0), jacobian, POINTS, rng=0)
    assert slugs(audit) == ["ignored-argument"]
    assert audit.findings[0].level == "error"
    assert audit.findings[0].replacement is not None
    assert "residual(x)" in audit.findings[0].replacement


def test_reused_residual_buffer_is_an_error_where_the_solver_keeps_it() -> None:
    buffer = np.zeros(12)

    def fun(x: Array) -> Array:
        buffer[:] = residual(x)
        return buffer

    kept = audit_jacobian(fun, jacobian, POINTS, rng=0)
    copied = audit_jacobian(fun, jacobian, POINTS, rng=0, keeps=False)
    assert slugs(kept) == slugs(copied) == ["aliased-buffer"]
    assert [kept.findings[0].level, copied.findings[0].level] == ["error", "warning"]


def test_overwritten_argument_is_found_in_function_and_jacobian() -> None:
    def fun(x: Array) -> Array:
        values = residual(x)
        x *= 2.0
        return values

    def jac(x: Array) -> Array:
        values = jacobian(x)
        x[0] = 0.0
        return values

    assert "mutated-argument" in slugs(audit_jacobian(fun, jacobian, POINTS, rng=0))
    assert "mutated-argument" in slugs(audit_jacobian(residual, jac, POINTS, rng=0))


def test_jacobian_of_the_point_last_seen_by_the_residual_is_stale() -> None:
    seen: dict[str, Array] = {}

    def fun(x: Array) -> Array:
        seen["x"] = x.copy()
        return residual(x)

    audit = audit_jacobian(fun, lambda x: jacobian(seen["x"]), POINTS, rng=0)
    assert "stale-cache" in slugs(audit)


def test_random_residual_is_not_blamed_on_the_jacobian() -> None:
    rng = np.random.default_rng(0)
    audit = audit_jacobian(
        lambda x: residual(x) + 1e-3 * rng.normal(size=12), jacobian, POINTS, rng=0
    )
    assert slugs(audit) == ["nondeterministic"]
    assert audit.verdict == "INCONCLUSIVE"


def test_values_cut_to_integers_are_named() -> None:
    audit = audit_jacobian(
        lambda x: np.array(x, dtype=int) ** 2.0, lambda x: np.diag(2 * x), POINTS, rng=0
    )
    assert "integer-truncation" in slugs(audit)
    assert audit.verdict == "FAIL"


def test_values_that_are_not_finite_are_named_with_their_place() -> None:
    audit = audit_jacobian(np.log, lambda x: np.diag(1 / x), [("x0", X0)], rng=0)
    assert audit.findings[0].slug == "non-finite"
    assert audit.findings[0].data["row"] == 2


def test_exhausted_budget_is_inconclusive() -> None:
    audit = audit_jacobian(residual, jacobian, POINTS, rng=0, budget=15)
    assert audit.verdict == "INCONCLUSIVE"
    assert audit.evaluations == 15
    assert "budget" in audit.stopped


def test_raising_jacobian_is_told_in_words() -> None:
    audit = audit_jacobian(residual, lambda x: 1 / 0, POINTS, rng=0)
    assert audit.verdict == "INCONCLUSIVE"
    assert "ZeroDivisionError" in audit.stopped


# Hessians

RNG = np.random.default_rng(5)
DATA = RNG.normal(size=(40, 6))
LABELS = RNG.integers(0, 2, 40)
HESSIAN_POINTS = [("x0", RNG.normal(size=6)), ("point 2", RNG.normal(size=6))]


def logistic_cost(w: Array) -> float:
    return float(np.logaddexp(0, DATA @ w).sum() - LABELS @ (DATA @ w) + 0.05 * w @ w)


def logistic_gradient(w: Array) -> Array:
    return DATA.T @ (1 / (1 + np.exp(-DATA @ w)) - LABELS) + 0.1 * w


def logistic_hessian(w: Array) -> Array:
    s = 1 / (1 + np.exp(-DATA @ w))
    return (DATA.T * (s * (1 - s))) @ DATA + 0.1 * np.eye(6)


PAIRS = {"rosen": (rosen_der, rosen_hess), "logistic": (logistic_gradient, logistic_hessian)}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("form", [np.array, sp.csr_matrix, aslinearoperator])
def test_right_hessian_passes(name: str, form: Any) -> None:
    gradient, hess = PAIRS[name]
    audit = audit_hessian(gradient, lambda x: form(hess(x)), HESSIAN_POINTS, rng=0)
    assert audit.verdict == "PASS"
    assert not audit.findings


def test_right_hessian_products_pass() -> None:
    for product in (rosen_hess_prod, lambda x, p: rosen_hess(x) @ p):
        audit = audit_hessp(rosen_der, product, HESSIAN_POINTS, rng=0)
        assert audit.verdict == "PASS"
        assert not audit.findings


HESSIAN_FAULTS: dict[str, tuple[Callable[[Array], Array], dict[str, Any]]] = {
    "sign": (lambda h: -h, {"factor": -1.0}),
    "factor": (lambda h: h / 40, {"factor": 1 / 40}),
    "upper triangle": (np.triu, {"cause": "triangle"}),
    "lower triangle": (np.tril, {"cause": "triangle"}),
    "penalty missing": (lambda h: h - 0.1 * np.eye(6), {"cause": "diagonal", "missing": 0.1}),
    "row": (lambda h: h * np.where(np.arange(6) == 2, 1.3, 1.0)[:, None], {"row": 2}),
    "entry": (
        lambda h: h * (1 + (np.arange(36) == 8).reshape(6, 6)),
        {"row": 1, "column": 2},
    ),
}


@pytest.mark.parametrize("name", HESSIAN_FAULTS)
@pytest.mark.parametrize("pair", PAIRS)
def test_planted_fault_in_a_hessian_is_named(name: str, pair: str) -> None:
    gradient, hess = PAIRS[pair]
    fault, data = HESSIAN_FAULTS[name]
    audit = audit_hessian(gradient, lambda x: fault(hess(x)), HESSIAN_POINTS, rng=0)
    assert slugs(audit) == ["wrong-hessian"]
    assert audit.findings[0].level == "error"
    for key, value in data.items():
        expected = pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
        assert audit.findings[0].data[key] == expected


def test_gauss_newton_is_a_warning_only() -> None:
    audit = audit_hessian(
        lambda x: 2 * jacobian(x).T @ residual(x),
        lambda x: 2 * jacobian(x).T @ jacobian(x),
        POINTS,
        rng=0,
    )
    assert slugs(audit) == ["wrong-hessian"]
    assert audit.findings[0].level == "warning"
    assert any("Gauss-Newton" in note for note in audit.findings[0].notes)


def test_product_that_is_not_linear_in_the_direction_is_named() -> None:
    audit = audit_hessp(
        rosen_der, lambda x, p: rosen_hess_prod(x, p) / np.linalg.norm(p), HESSIAN_POINTS, rng=0
    )
    assert slugs(audit) == ["wrong-hessian"]
    assert "not linear" in audit.findings[0].message


def test_hessian_product_off_by_a_factor_is_named() -> None:
    audit = audit_hessp(rosen_der, lambda x, p: 2 * rosen_hess_prod(x, p), HESSIAN_POINTS, rng=0)
    assert audit.findings[0].data["factor"] == pytest.approx(2.0)


@pytest.mark.parametrize(("cost", "hess"), [(rosen, rosen_hess), (logistic_cost, logistic_hessian)])
def test_hessian_without_a_gradient_is_compared_with_the_cost(cost: Any, hess: Any) -> None:
    right = audit_hessian(None, hess, HESSIAN_POINTS, cost=cost, rng=0)
    wrong = audit_hessian(None, lambda x: 1.5 * hess(x), HESSIAN_POINTS, cost=cost, rng=0)
    assert right.verdict == "PASS"
    assert not right.findings
    assert slugs(wrong) == ["wrong-hessian"]
    assert wrong.findings[0].data["factor"] == pytest.approx(1.5, rel=1e-3)


def test_product_of_the_last_gradient_call_is_stale() -> None:
    seen: dict[str, Array] = {}

    def gradient(x: Array) -> Array:
        seen["x"] = x.copy()
        return rosen_der(x)

    audit = audit_hessp(gradient, lambda x, p: rosen_hess_prod(seen["x"], p), HESSIAN_POINTS, rng=0)
    assert slugs(audit) == ["stale-cache"]


def test_product_that_overwrites_its_direction_is_named() -> None:
    def product(x: Array, p: Array) -> Array:
        result = rosen_hess_prod(x, p)
        p *= 0.0
        return result

    audit = audit_hessp(rosen_der, product, HESSIAN_POINTS, rng=0)
    assert slugs(audit) == ["mutated-argument"]


def test_constant_gradient_of_a_linear_cost_is_no_fault_of_its_hessian() -> None:
    slope = np.arange(6.0)
    audit = audit_hessian(lambda x: slope.copy(), lambda x: np.zeros((6, 6)), HESSIAN_POINTS, rng=0)
    assert not audit.findings
    assert audit.verdict == "PASS"


def test_approximate_integration_is_a_warning_that_names_the_integrator() -> None:
    def integrate(x: Array) -> Array:
        def rhs(_: float, y: Array) -> list[float]:
            u, s = y
            return [x[0] * u * (1 - u), x[0] * (1 - 2 * u) * s + u * (1 - u)]

        return solve_ivp(rhs, (0, 5), [0.1, 0.0], t_eval=TIMES, rtol=1e-3).y

    def alone(x: Array) -> Array:
        solution = solve_ivp(lambda _, u: x[0] * u * (1 - u), (0, 5), [0.1], t_eval=TIMES)
        return solution.y[0]

    points = [("x0", np.array([1.2])), ("point 2", np.array([2.1]))]
    audit = audit_jacobian(alone, lambda x: integrate(x)[1][:, None], points, rng=0)
    assert slugs(audit) == ["wrong-jacobian"]
    assert audit.findings[0].level == "warning"
    assert any("solve_ivp" in note for note in audit.findings[0].notes)


# constraints


def constraint(number: int, fun: Any, jac: Any = None, **more: Any) -> Any:
    given = {"kind": "ineq", "args": (), "lower": None, "upper": None, "hess": None}
    return SimpleNamespace(number=number, fun=fun, jac=jac, **(given | more))


CIRCLE = constraint(
    1, lambda x: x[0] ** 2 + x[1] - 2, lambda x: np.array([2 * x[0], 1.0, 0.0]), kind="eq"
)


def products(x: Array) -> list[float]:
    return [x[0] * x[1], x[2] ** 3 + 1]


def products_jacobian(x: Array) -> Array:
    return np.array([[x[1], x[0], 0.0], [0.0, 0.0, 3 * x[2] ** 2]])


def test_right_constraints_pass() -> None:
    given = [
        CIRCLE,
        constraint(2, products, products_jacobian),
        constraint(3, products, None),
        constraint(4, None, None, kind="linear"),
        *(constraint(5 + i, lambda x, i=i: x[i] - 1) for i in range(3)),
        *(constraint(8 + i, lambda x, i: x[i] - 1, args=(i,)) for i in range(2)),
    ]
    audit = audit_constraints([c for c in given if c.number != 3], POINTS, rng=0)
    assert not audit.findings
    assert audit.verdict == "PASS"


def test_wrong_constraint_jacobian_names_number_and_component() -> None:
    def jac(x: Array) -> Array:
        right = products_jacobian(x)
        right[1] *= -1
        return right

    audit = audit_constraints([CIRCLE, constraint(2, products, jac)], POINTS, rng=0)
    assert slugs(audit) == ["wrong-constraint-jacobian"]
    finding = audit.findings[0]
    assert "constraint 2 (ineq)" in finding.message
    assert finding.data["constraint"] == 2
    assert finding.data["component"] == 1


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_hessian_of_a_constraint_is_checked_for_any_multipliers(factor: float) -> None:
    def hess(x: Array, v: Array) -> Array:
        mixed = np.zeros((3, 3))
        mixed[0, 1] = mixed[1, 0] = v[0]
        mixed[2, 2] = factor * 6 * x[2] * v[1]
        return mixed

    given = constraint(1, products, products_jacobian, kind="nonlinear", hess=hess)
    audit = audit_constraints([given], POINTS, rng=0)
    assert slugs(audit) == ([] if factor == 1.0 else ["wrong-hessian"])


def test_constraints_made_in_a_loop_share_its_variable() -> None:
    def make() -> list[Any]:
        found = []
        for i in range(3):
            found.append(lambda x: x[i] ** 2 - 1)  # noqa: B023
        return found

    given = [constraint(number, fun) for number, fun in enumerate(make(), 1)]
    audit = audit_constraints(given, POINTS, rng=0)
    assert slugs(audit) == ["late-binding"]
    finding = audit.findings[0]
    assert finding.data["constraints"] == (1, 2, 3)
    assert "i=i" in finding.help
    assert finding.replacement is not None
    assert "lambda x, i=i:" in finding.replacement


def test_constraint_given_twice_is_a_warning() -> None:
    audit = audit_constraints([CIRCLE, constraint(2, CIRCLE.fun, CIRCLE.jac)], POINTS, rng=0)
    assert slugs(audit) == ["degenerate-constraints"]
    assert audit.verdict == "PASS"


def test_constraint_that_ignores_its_argument_is_named() -> None:
    audit = audit_constraints(
        [constraint(1, lambda x: X0[0] - 2, lambda x: np.array([1.0, 0, 0]))], POINTS, rng=0
    )
    assert slugs(audit) == ["ignored-argument"]


def test_audits_turn_into_plain_dictionaries() -> None:
    audit = audit_jacobian(residual, FAULTS["sign"].jac, POINTS, rng=0)
    plain = audit.to_dict()
    assert plain["verdict"] == "FAIL"
    assert plain["findings"][0]["code"] == "GA220"
