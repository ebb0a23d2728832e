"""Exact changes of units, which must not change a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.models.case import Case, flatten, rebuild


def _rewritten(case: Case, name: str, cost: Any, gradient: Any) -> Case:
    if case.jac is True:

        def fun(x: Any, *args: Any) -> tuple[Any, Any]:
            value, g = case.fun(x, *args)
            return cost(value), rebuild(g, gradient(flatten(g)))

        return case.replace(name=f"{case.name}, {name}", fun=fun)
    return case.replace(
        name=f"{case.name}, {name}",
        fun=lambda x, *args: cost(case.fun(x, *args)),
        jac=lambda x, *args: rebuild(case.x0, gradient(flatten(case.jac(x, *args)))),
    )


def scaled_cost(case: Case, factor: float) -> Case:
    return _rewritten(case, f"f x {factor:g}", lambda f: factor * f, lambda g: factor * g)


def shifted_cost(case: Case, offset: float) -> Case:
    return _rewritten(case, f"f + {offset:g}", lambda f: f + offset, lambda g: g)


def scaled_parameters(case: Case, factors: Any, name: str) -> Case:
    """Return the case in other units: theta = factors * x (powers of ten or not)."""
    factors = np.asarray(factors, dtype=float) * np.ones(flatten(case.x0).size)

    def old(x: Any) -> Any:
        return rebuild(case.x0, flatten(x) / factors)

    bounds = case.bounds
    if bounds is not None:
        bounds = [
            tuple(None if b is None else b * f for b in pair)
            for pair, f in zip(bounds, factors, strict=True)
        ]
    changed = {
        "name": f"{case.name}, {name}",
        "x0": rebuild(case.x0, flatten(case.x0) * factors),
        "bounds": bounds,
    }
    if case.jac is True:

        def fun(x: Any, *args: Any) -> tuple[Any, Any]:
            value, g = case.fun(old(x), *args)
            return value, rebuild(g, flatten(g) / factors)

        return case.replace(fun=fun, **changed)
    return case.replace(
        fun=lambda x, *args: case.fun(old(x), *args),
        jac=lambda x, *args: rebuild(case.x0, flatten(case.jac(old(x), *args)) / factors),
        **changed,
    )


def other_units(case: Case, seed: int = 0) -> Iterator[Case]:
    """Return the case with f * 1e±8, f + 1e6, x * 1e±4 and each block in a unit of its own."""
    yield scaled_cost(case, 1e8)
    yield scaled_cost(case, 1e-8)
    yield shifted_cost(case, 1e6)
    if flatten(case.x0).any():  # at zero nothing tells how large a parameter is
        yield scaled_parameters(case, 1e4, "x x 1e4")
        yield scaled_parameters(case, 1e-4, "x x 1e-4")
        rng = np.random.default_rng(seed)
        per_block = np.concatenate(
            [
                np.full(span.stop - span.start, 10.0 ** rng.integers(-5, 6))
                for span in case.spans().values()
            ]
        )
        yield scaled_parameters(case, per_block, "a unit for each block")
        size = flatten(case.x0).size
        yield scaled_parameters(
            case, 10.0 ** rng.integers(-4, 5, size), "a unit for each parameter"
        )
