"""Which matrices of derivatives does a call rely on, and how is each of them audited?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.optimizers.call import Call
from gradaudit.optimizers.derivatives import (
    VectorAudit,
    audit_hessian,
    audit_hessp,
    audit_jacobian,
)
from gradaudit.optimizers.objective import VectorFunction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Common:
    """What all audits of one call share: where, with which names, within which bounds."""

    points: Sequence[tuple[str, Vector]]
    blocks: Sequence[Block]
    lower: Vector | None
    upper: Vector | None
    rng: np.random.Generator


def audit_vector_function(
    call: Call, vector: VectorFunction, common: Common, budget: int
) -> VectorAudit:
    """Audit a residual, a system of equations or a right-hand side, with its Jacobian."""
    plain = call.kind in ("residual", "root") and not call.given.get("kwargs")
    return audit_jacobian(
        call.fun if plain else vector.fun,
        call.jac if plain else vector.jac,
        common.points,
        args=call.args if plain else (),
        blocks=common.blocks,
        lower=common.lower,
        upper=common.upper,
        col_deriv=call.column_derivatives,
        budget=budget,
        rng=common.rng,
        what=_WHAT[call.kind],
        values=_VALUES[call.kind],
    )


_WHAT = {
    "residual": "the Jacobian of the residual",
    "root": "the Jacobian of the equations",
    "curve": "the Jacobian of the model",
    "ode": "the Jacobian of the right-hand side",
}
_VALUES = {
    "residual": "the residual",
    "root": "the equations",
    "curve": "the model",
    "ode": "the right-hand side",
}


def audit_second_order(call: Call, common: Common, budget: int) -> Iterator[VectorAudit]:
    """Audit the Hessian, and its product with a vector, where the call has them."""
    gradient = gradient_function(call)
    if call.hess is not None:
        yield audit_hessian(
            gradient,
            call.hess,
            common.points,
            args=call.args,
            blocks=common.blocks,
            lower=common.lower,
            upper=common.upper,
            cost=call.fun,
            budget=budget,
            rng=common.rng,
        )
    if call.hessp is not None and gradient is not None:
        yield audit_hessp(
            gradient,
            call.hessp,
            common.points,
            args=call.args,
            blocks=common.blocks,
            lower=common.lower,
            upper=common.upper,
            budget=budget,
            rng=common.rng,
        )


def gradient_function(call: Call) -> Callable[..., Any] | None:
    """Return the user's gradient as a function of its own; None where SciPy takes differences."""

    def second_part(x: Any, *args: Any) -> Any:
        return call.fun(x, *args)[1]

    if call.jac is True:
        return second_part
    return call.jac if callable(call.jac) else None
