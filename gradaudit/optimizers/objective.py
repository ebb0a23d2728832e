"""The problem behind a call: one cost to look at, and the vector function where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import BlocksLike, Vector
from gradaudit.optimizers.call import DERIVATIVE_FREE, Call
from gradaudit.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorFunction:
    """A residual r(x) of shape (m,) with its Jacobian of shape (m, n), if there is one.

    Attributes
    ----------
    fun, jac : callable
        Called with x alone; `jac` is None where SciPy takes differences.
    own_fun, own_jac : callable
        What the user gave, for reading their source.
    """

    fun: Callable[[Any], Any]
    jac: Callable[[Any], Any] | None
    own_fun: Callable[..., Any]
    own_jac: Any


def objective(call: Call, start: Vector, blocks: BlocksLike | None = None) -> Problem:
    """Return the cost that the solver lowers, as a problem that can be audited.

    Parameters
    ----------
    call : Call
    start : ndarray of float64, shape (n,)
        Inside the bounds.
    blocks : str, mapping or sequence of Block, optional

    Notes
    -----
    For a vector function the cost is half its sum of squares, with the gradient J'r.
    """
    vector = vector_function(call)
    x0 = start.astype(_precision(call.x0))
    if vector is not None:
        jac = True if vector.jac is not None else None
        return Problem(half_squares(vector), x0, jac=jac, bounds=call.bounds, blocks=blocks)
    jac = None if call.method in DERIVATIVE_FREE else call.jac
    fun = call.fun
    if jac is None and call.jac is True:
        fun, jac = call.fun, True
    return Problem(fun, x0, jac=jac, args=call.args, bounds=call.bounds, blocks=blocks)


def _precision(x0: Any) -> np.dtype[Any]:
    dtype = np.asarray(x0).dtype
    return dtype if dtype in (np.float32, np.float16) else np.dtype(np.float64)


def vector_function(call: Call) -> VectorFunction | None:
    """Return the residual of a call for x alone; None for `minimize` and its kin."""
    if call.kind == "minimize":
        return None
    if call.kind == "curve":
        return _model(call)
    if call.kind == "ode":
        return _right_hand_side(call)
    fun, jac, args = call.fun, call.jac, call.args
    turned = call.column_derivatives
    if jac is True:
        return VectorFunction(
            fun=lambda x: fun(x, *args)[0],
            jac=lambda x: _matrix(fun(x, *args)[1], turned),
            own_fun=fun,
            own_jac=fun,
        )
    return VectorFunction(
        fun=lambda x: fun(x, *args),
        jac=(lambda x: _matrix(jac(x, *args), turned)) if callable(jac) else None,
        own_fun=fun,
        own_jac=jac,
    )


def _matrix(value: Any, turned: bool) -> Any:
    return np.transpose(value) if turned else value


def _model(call: Call) -> VectorFunction:
    model, jac = call.fun, call.jac
    xdata, ydata = call.given["xdata"], np.asarray(call.given["ydata"])
    return VectorFunction(
        fun=lambda p: np.ravel(model(xdata, *p) - ydata),
        jac=(lambda p: jac(xdata, *p)) if callable(jac) else None,
        own_fun=model,
        own_jac=jac,
    )


def _right_hand_side(call: Call) -> VectorFunction:
    fun, jac, args = call.fun, call.jac, call.args
    begin = float(np.asarray(call.given["t_span"]).reshape(-1)[0])
    return VectorFunction(
        fun=lambda y: fun(begin, y, *args),
        jac=(lambda y: jac(begin, y, *args)) if callable(jac) else None,
        own_fun=fun,
        own_jac=jac,
    )


def half_squares(vector: VectorFunction) -> Callable[[Any], Any]:
    """Return half the sum of squares of a residual, with its gradient J'r where there is J."""

    def residual(x: Any) -> NDArray[Any]:
        return np.asarray(vector.fun(x)).reshape(-1)

    def cost(x: Any) -> float:
        values = residual(x)
        return 0.5 * float(values @ values)

    def cost_and_gradient(x: Any) -> tuple[float, Any]:
        values = residual(x).copy()
        jacobian = cast("Callable[[Any], Any]", vector.jac)(x)
        return 0.5 * float(values @ values), np.asarray(jacobian.T @ values).reshape(-1)

    return cost if vector.jac is None else cost_and_gradient
