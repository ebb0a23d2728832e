"""One problem to audit: cost, gradient, start, layout and bounds, whichever way they came."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeVar, cast

import numpy as np

from gradaudit.blocks import (
    Block,
    BlocksLike,
    Layout,
    Structure,
    Vector,
    parse_layout,
    read_structure,
)
from gradaudit.errors import ArgumentError

TARGET_ATTRIBUTE: Final = "__gradaudit_target__"

Mode = Literal["together", "apart", "none"]
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Problem:
    """A cost with its gradient, in any of SciPy's conventions.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``: the cost, or ``(cost, gradient)`` with ``jac=True``.
    x0 : number, array_like or container
        The start. A container (dict, list, tuple, namedtuple, dataclass) of arrays names the
        blocks; the function receives, and the gradient has, the same structure. An array is
        handed on in its own shape, a plain number as a Python float.
    jac : bool or callable
        As in `scipy.optimize.minimize`: True says that `fun` returns the pair; a callable
        ``jac(x, *args)`` returns the gradient.
    args : tuple
        Further arguments of `fun` and `jac`; anything else is taken as a single argument.
    bounds : sequence of (low, high), scipy.optimize.Bounds or None
        No difference step leaves them.
    blocks : str, mapping or sequence of Block
        Names for parts of the parameter vector; discovered when left out.

    Raises
    ------
    ArgumentError
        When an argument cannot be used; the message shows its value and a way out.
    BlockLayoutError
        When `blocks` does not describe x0.
    """

    __slots__ = (
        "args",
        "fun",
        "jac",
        "layout",
        "lower",
        "mode",
        "start",
        "structure",
        "upper",
    )

    fun: Callable[..., Any]
    jac: Any
    args: tuple[Any, ...]
    structure: Structure
    start: Vector
    lower: Vector | None
    upper: Vector | None
    layout: Layout | None
    mode: Mode

    def __init__(
        self,
        fun: Callable[..., Any],
        x0: Any,
        *,
        jac: Any = True,
        args: Any = (),
        bounds: Any = None,
        blocks: BlocksLike | None = None,
    ) -> None:
        self.fun = _required_callable(fun)
        self.jac = jac
        self.mode = _mode(jac)
        self.args = cast("tuple[Any, ...]", args) if isinstance(args, tuple) else (args,)
        self.structure, self.start = read_structure(x0)
        _require_finite_start(self.start, self.structure)
        self.lower, self.upper = read_bounds(bounds, self.start.size)
        if self.lower is not None and self.upper is not None:
            _require_inside(self.start, self.lower, self.upper)
        self.layout = self._given_layout(blocks)

    def _given_layout(self, blocks: BlocksLike | None) -> Layout | None:
        if blocks is not None:
            return parse_layout(blocks, self.start.size)
        if self.structure.is_container:
            return Layout(self.structure.leaves, self.start.size, "the parameter container")
        return None

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.start.size

    def __repr__(self) -> str:
        return f"<Problem of {self.size:,} parameters>"


def target(
    x0: Any = None,
    args: Any = (),
    *,
    jac: Any = True,
    bounds: Any = None,
    blocks: BlocksLike | None = None,
) -> Callable[[_Function], _Function]:
    """Tell ``gradaudit check module:function`` where to start and what to pass.

    Parameters
    ----------
    x0, args, jac, bounds, blocks
        As in `Problem`. `x0` and `args` may be callables without arguments, called only when
        the target is audited.

    Returns
    -------
    callable
        The decorator; it returns the function itself, with a note attached.
    """
    given = {"x0": x0, "args": args, "jac": jac, "bounds": bounds, "blocks": blocks}

    def mark(function: _Function) -> _Function:
        setattr(function, TARGET_ATTRIBUTE, given)
        return function

    return mark


def _required_callable(fun: Any) -> Callable[..., Any]:
    if not callable(fun):
        raise ArgumentError(
            f"fun is {shown(fun)}, which cannot be called; give the function itself, not its value"
        )
    return fun


def _mode(jac: Any) -> Mode:
    if jac is True:
        return "together"
    if jac is None or jac is False:
        return "none"
    if callable(jac):
        return "apart"
    raise ArgumentError(
        f"jac is {shown(jac)}; give True when fun returns (cost, gradient), or the function "
        "that returns the gradient (a difference scheme such as '2-point' has nothing to check)"
    )


def shown(value: Any) -> str:
    """Show a value of the user's, whatever its own repr does."""
    try:
        text = repr(value)
    except Exception:  # the user's __repr__ may do anything
        text = "<no repr>"
    kind = type(value).__name__
    return f"{text[:60]}{'...' if len(text) > 60 else ''} ({kind})"


def _require_finite_start(start: Vector, structure: Structure) -> None:
    if start.size == 0:
        raise ArgumentError("x0 is empty; there is nothing to differentiate with respect to")
    bad = np.flatnonzero(~np.isfinite(start))
    if bad.size:
        name = entry_name(structure.leaves, int(bad[0]), default="x0")
        raise ArgumentError(
            f"{name} is {start[bad[0]]}; the start must be finite "
            f"({bad.size:,} of {start.size:,} entries are not)"
        )


def entry_name(blocks: Sequence[Block], flat_index: int, *, default: str = "theta") -> str:
    """Name an entry of the flat vector the way the user indexes it: ``W1[3, 17]``."""
    for block in blocks:
        if block.contiguous and not block.start <= flat_index < block.stop:
            continue
        if not block.contiguous and flat_index not in block.indices():
            continue
        name = default if block.name == "theta" else block.name
        if not block.shape:
            return name
        offset = (
            flat_index - block.start
            if block.contiguous
            else int(np.flatnonzero(block.selector() == flat_index)[0])
        )
        return f"{name}[{', '.join(map(str, block.position(offset)))}]"
    return f"{default}[{flat_index}]"


def read_bounds(bounds: Any, size: int) -> tuple[Vector, Vector] | tuple[None, None]:
    """Read bounds in any of SciPy's forms; None twice where there are none.

    Raises
    ------
    ArgumentError
        When they cannot be read, or cross.
    """
    if bounds is None:
        return None, None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        lower, upper = (_side(bounds.lb, size), _side(bounds.ub, size))
    else:
        lower, upper = _pairs(bounds, size)
    _require_order(lower, upper)
    if np.all(np.isneginf(lower)) and np.all(np.isposinf(upper)):
        return None, None
    return lower, upper


def _side(values: Any, size: int) -> Vector:
    try:
        return np.broadcast_to(np.asarray(values, dtype=np.float64).reshape(-1), (size,)).copy()
    except ValueError:
        raise ArgumentError(
            f"bounds hold {np.size(values)} entries, x0 has {size}; give one pair for each"
        ) from None


def _pairs(bounds: Any, size: int) -> tuple[Vector, Vector]:
    try:
        pairs = [tuple(pair) for pair in bounds]
        sides = [
            [(-sign * math.inf if value is None else float(value)) for value in column]
            for sign, column in zip((1, -1), zip(*pairs, strict=True), strict=True)
        ]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"bounds is {shown(bounds)}; give a pair (low, high) for each parameter, "
            "with None where there is none"
        ) from None
    if len(pairs) != size:
        raise ArgumentError(f"bounds has {len(pairs)} pairs, x0 has {size} entries")
    return np.array(sides[0]), np.array(sides[1])


def _require_order(lower: Vector, upper: Vector) -> None:
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ArgumentError("bounds hold nan; use None or an infinity where there is no bound")
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        i = int(crossed[0])
        raise ArgumentError(f"bounds[{i}] is ({lower[i]:g}, {upper[i]:g}): low is above high")


def _require_inside(start: Vector, lower: Vector, upper: Vector) -> None:
    outside = np.flatnonzero((start < lower) | (start > upper))
    if outside.size:
        i = int(outside[0])
        raise ArgumentError(
            f"x0[{i}] = {start[i]:g} is outside its bounds ({lower[i]:g}, {upper[i]:g}); "
            "start inside, for example at np.clip(x0, low, high)"
        )


def as_problem(
    fun: Any,
    x0: Any,
    *,
    jac: Any = True,
    args: Any = (),
    bounds: Any = None,
    blocks: BlocksLike | None = None,
) -> Problem:
    """Return `fun` itself when it is a `Problem`, else the problem made of the arguments.

    Raises
    ------
    ArgumentError
        When x0 is missing, or arguments are given that the `Problem` already holds.
    """
    if isinstance(fun, Problem):
        given = [
            name
            for name, value, default in (
                ("x0", x0, None),
                ("jac", jac, True),
                ("args", args, ()),
                ("bounds", bounds, None),
                ("blocks", blocks, None),
            )
            if value is not default
        ]
        if given:
            raise ArgumentError(f"a Problem carries its own {given[0]}; give {given[0]} to Problem")
        return fun
    if x0 is None:
        raise ArgumentError("x0 is missing; give the point at which to check, as for minimize")
    return Problem(fun, x0, jac=jac, args=args, bounds=bounds, blocks=blocks)
