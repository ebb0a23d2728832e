"""The problem behind a call: one cost to look at, and the vector function where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

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
        cost = half_squares(vector, loss_of(call))
        return Problem(cost, x0, jac=jac, bounds=bounds_of(call, start.size), blocks=blocks)
    jac = None if call.method in DERIVATIVE_FREE else call.jac
    fun = call.fun
    if jac is None and call.jac is True:
        fun, jac = call.fun, True
    return Problem(fun, x0, jac=jac, args=call.args, bounds=call.bounds, blocks=blocks)


def bounds_of(call: Call, size: int) -> Any:
    """Return the bounds of a call as pairs, one for each parameter; None where there are none.

    `least_squares` and `curve_fit` take two numbers or arrays, the lower and the upper ones.
    """
    bounds = call.bounds
    if bounds is None or call.kind not in ("residual", "curve") or hasattr(bounds, "lb"):
        return bounds
    lower, upper = (np.broadcast_to(np.asarray(side, dtype=float), (size,)) for side in bounds)
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


def _precision(x0: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.asarray(x0).dtype
    shorter: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.float16))
    return dtype if dtype in shorter else np.dtype(np.float64)


def vector_function(call: Call) -> VectorFunction | None:
    """Return the residual of a call for x alone; None for `minimize` and its kin."""
    if call.kind == "minimize":
        return None
    if call.kind == "curve":
        return _model(call)
    if call.kind == "ode":
        return _right_hand_side(call)
    fun, jac, args = call.fun, call.jac, call.args
    keywords: dict[str, Any] = call.given.get("kwargs") or {}
    if keywords:
        fun = partial(fun, **keywords)
        jac = partial(jac, **keywords) if callable(jac) else jac
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
    matrix = value if hasattr(value, "T") or hasattr(value, "rmatvec") else np.asarray(value)
    return matrix.T if turned else matrix


def _model(call: Call) -> VectorFunction:
    model, jac = call.fun, call.jac
    xdata, ydata = call.given["xdata"], np.asarray(call.given["ydata"])
    if isinstance(xdata, list | tuple | np.ndarray):  # as curve_fit does
        xdata = np.asarray(cast("Any", xdata), dtype=float)
    kept = _kept(ydata, call.given.get("nan_policy"))
    weights = _weights(call.given.get("sigma"), kept)
    return VectorFunction(
        fun=lambda p: np.ravel(model(xdata, *p) - ydata)[kept] * weights,
        jac=(lambda p: np.asarray(jac(xdata, *p))[kept] * np.reshape(weights, (-1, 1)))
        if callable(jac)
        else None,
        own_fun=model,
        own_jac=jac,
    )


def _kept(ydata: NDArray[Any], policy: Any) -> Any:
    """Return which observations `curve_fit` fits: all, or those that are numbers."""
    flat = np.ravel(ydata)
    return np.isfinite(flat) if policy == "omit" else slice(None)


def _weights(sigma: Any, kept: Any) -> Any:
    """Return one over the standard deviations, where they are one number for each observation."""
    if sigma is None or np.ndim(sigma) > 1:
        return 1.0
    return (1.0 / np.asarray(sigma, dtype=float))[kept] if np.ndim(sigma) else 1.0 / float(sigma)


def _right_hand_side(call: Call) -> VectorFunction:
    fun, jac, args = call.fun, call.jac, call.args
    begin = float(np.asarray(call.given["t_span"]).reshape(-1)[0])
    return VectorFunction(
        fun=lambda y: fun(begin, y, *args),
        jac=(lambda y: _matrix(jac(begin, y, *args), False)) if callable(jac) else None,
        own_fun=fun,
        own_jac=jac,
    )


Loss = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def loss_of(call: Call) -> Loss:
    """Return rho(z) and its derivative for squared residuals z, as `least_squares` has them.

    Notes
    -----
    The cost is the sum of ``0.5 C^2 rho((r / C)^2)`` with C = `f_scale` (SciPy, least_squares).
    """
    loss, scale = call.given.get("loss", "linear"), float(call.given.get("f_scale", 1.0))
    rho: Any = _LOSSES.get(loss) if isinstance(loss, str) else loss
    if rho is None or call.kind not in ("residual", "curve"):
        rho = _LOSSES["linear"]

    def scaled(z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = rho(z / scale**2)
        return np.asarray(values[0]) * scale**2, np.asarray(values[1])

    return scaled


_LOSSES: Final[dict[str, Callable[[NDArray[np.float64]], Any]]] = {
    "linear": lambda z: (z, np.ones_like(z)),
    "soft_l1": lambda z: (2.0 * (np.sqrt(1.0 + z) - 1.0), 1.0 / np.sqrt(1.0 + z)),
    "huber": lambda z: (
        np.where(z <= 1.0, z, 2.0 * np.sqrt(np.maximum(z, 1.0)) - 1.0),
        1.0 / np.sqrt(np.maximum(z, 1.0)),
    ),
    "cauchy": lambda z: (np.log1p(z), 1.0 / (1.0 + z)),
    "arctan": lambda z: (np.arctan(z), 1.0 / (1.0 + z**2)),
}


def half_squares(vector: VectorFunction, loss: Loss) -> Callable[[Any], Any]:
    """Return half the sum of losses of a residual, with the gradient where there is a J."""

    def residual(x: Any) -> NDArray[np.float64]:
        return np.array(vector.fun(x), dtype=np.float64).reshape(-1)

    def cost(x: Any) -> float:
        return 0.5 * float(np.sum(loss(residual(x) ** 2)[0]))

    def cost_and_gradient(x: Any) -> tuple[float, Any]:
        values = residual(x)
        rho, slope = loss(values**2)
        jacobian = cast("Callable[[Any], Any]", vector.jac)(x)
        return 0.5 * float(np.sum(rho)), np.asarray(jacobian.T @ (slope * values)).reshape(-1)

    return cost if vector.jac is None else cost_and_gradient
