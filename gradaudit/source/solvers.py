"""Does a function call a solver, an integrator or a quadrature, whose result is approximate?"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any, Final

from gradaudit.source.callables import unwrap
from gradaudit.source.locations import is_user_code, python_function

_SOLVERS: Final = frozenset(
    {
        "basinhopping",
        "brentq",
        "bisect",
        "cumulative_trapezoid",
        "dblquad",
        "differential_evolution",
        "fixed_point",
        "fixed_quad",
        "fsolve",
        "least_squares",
        "minimize",
        "minimize_scalar",
        "newton",
        "odeint",
        "quad",
        "quad_vec",
        "root",
        "root_scalar",
        "solve_bvp",
        "solve_ivp",
        "solve_ivp_osc",
        "tplquad",
        "cg",
        "gmres",
        "bicgstab",
        "minres",
        "lsqr",
        "lsmr",
    }
)
# Functions that call functions are followed this far.
_DEPTH: Final = 4


def inner_solver(fun: Any) -> str | None:
    """Return the name of an iterative solver that a function's code calls, or None.

    Parameters
    ----------
    fun : callable
        Read, not run; the user's functions that it calls by name are followed.

    Examples
    --------
    >>> from scipy.integrate import quad
    >>> inner_solver(lambda x: quad(abs, 0, x)[0])
    'quad'
    """
    for callee in unwrap(fun):
        found = _search(callee.code, callee.globals(), callee, _DEPTH, set())
        if found is not None:
            return found
    return None


def _search(
    code: CodeType, namespace: dict[str, Any], callee: Any, depth: int, seen: set[CodeType]
) -> str | None:
    if code in seen or depth == 0:
        return None
    seen.add(code)
    names = set(_names(code))
    direct = sorted(names & _SOLVERS)
    if direct:
        return direct[0]
    for name in sorted(names):
        value = namespace.get(name)
        if value is None and callee is not None:
            cell = callee.cell(name)
            value = _contents(cell)
        function = python_function(value) if callable(value) else None
        if function is None or not is_user_code(function.__code__.co_filename):
            continue
        inner = next(iter(unwrap(function)), None)
        found = _search(function.__code__, function.__globals__, inner, depth - 1, seen)
        if found is not None:
            return found
    return None


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _contents(cell: Any) -> Any:
    try:
        return None if cell is None else cell.cell_contents
    except ValueError:  # not bound yet
        return None
