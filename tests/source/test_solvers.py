"""Which functions call a solver whose result is approximate."""
# ruff: noqa: ARG005  (a function has to take its argument, whether it uses it or not)

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import quad

from gradaudit.source.solvers import inner_solver


def direct(x: Any) -> Any:
    return scipy.integrate.solve_ivp(lambda t, y: -x * y, (0, 1), [1.0]).y


def indirect(x: Any) -> Any:
    return direct(x)[0] - 1.0


def itself(x: Any) -> Any:
    return itself(x - 1) if x > 0 else x


def test_solver_is_found_where_it_is_called() -> None:
    assert inner_solver(direct) == "solve_ivp"


def test_solver_is_found_behind_functions_of_the_user() -> None:
    assert inner_solver(lambda x: indirect(x)) == "solve_ivp"


def test_solver_is_found_in_a_closure_and_in_an_inner_function() -> None:
    def inner(x: Any) -> Any:
        return [quad(np.cos, 0, upper)[0] for upper in x]

    assert inner_solver(lambda x: inner(x)) == "quad"


def test_functions_without_one_and_recursive_ones_have_none() -> None:
    assert inner_solver(lambda x: np.exp(x)) is None
    assert inner_solver(itself) is None
    assert inner_solver(np.sin) is None
