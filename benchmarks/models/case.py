"""What a benchmark needs to know of a model: how it is called, and how theta is packed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One cost with its gradient, as its author would hand it to an optimizer.

    Attributes
    ----------
    name : str
    fun, x0, jac, args, bounds
        As for `scipy.optimize.minimize`; x0 may be a container of arrays.
    shapes : dict
        The blocks in packing order, for planting faults; never shown to the checker.
    penalty : float
        Strength of ``0.5 * penalty * sum(w**2)`` in the cost, 0 when there is none.
    penalized : tuple of str
        The blocks it applies to.
    tags : frozenset of str
        "kink", "noisy", "float32", "slow", "large": what a reader of a table wants to know.
    """

    name: str
    fun: Callable[..., Any]
    x0: Any
    jac: Any = True
    args: tuple[Any, ...] = ()
    bounds: Any = None
    shapes: Shapes = field(default_factory=dict[str, tuple[int, ...]])
    penalty: float = 0.0
    penalized: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()

    def replace(self, **changes: Any) -> Case:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def blocks(self) -> Shapes:
        """The blocks in packing order; one block when nothing is known."""
        return self.shapes or {"theta": np.shape(flatten(self.x0))}

    def spans(self) -> dict[str, slice]:
        """Return where each block lies in the flat vector."""
        spans: dict[str, slice] = {}
        start = 0
        for name, shape in self.blocks.items():
            size = int(np.prod(shape, dtype=int))
            spans[name] = slice(start, start + size)
            start += size
        return spans

    def value_and_gradient(self, x: Any) -> tuple[float, Any]:
        """Call the author's functions once, in the author's structure."""
        if self.jac is True:
            cost, gradient = self.fun(x, *self.args)
            return float(cost), gradient
        return float(self.fun(x, *self.args)), self.jac(x, *self.args)

    def flat_gradient(self, theta: Vector) -> Vector:
        """Return the gradient as one flat vector."""
        return flatten(self.value_and_gradient(rebuild(self.x0, theta))[1])

    def flat_cost(self, theta: Vector) -> float:
        """Return the cost at a flat vector."""
        x = rebuild(self.x0, theta)
        value = self.fun(x, *self.args)
        return float(value[0] if self.jac is True else value)


def flatten(x: Any) -> Vector:
    """Return an array or a container of arrays as one flat vector of float64 (a copy)."""
    parts = [np.asarray(leaf, dtype=np.float64).reshape(-1) for leaf in _leaves(x)]
    return np.concatenate(parts) if parts else np.zeros(0)


def rebuild(like: Any, flat: Vector) -> Any:
    """Return a flat vector in the structure, shapes and dtypes of another value."""
    position = 0

    def build(part: Any) -> Any:
        nonlocal position
        if isinstance(part, Mapping):
            return type(part)({key: build(value) for key, value in part.items()})  # type: ignore[call-arg]
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return type(part)(*(build(value) for value in part))
        if isinstance(part, list | tuple):
            return type(part)(build(value) for value in part)
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            fields = [f.name for f in dataclasses.fields(part)]
            return type(part)(**{name: build(getattr(part, name)) for name in fields})
        array = np.asarray(part)
        values = flat[position : position + array.size].reshape(array.shape)
        position += array.size
        if not isinstance(part, np.ndarray):
            return float(values)
        return values.astype(array.dtype) if array.dtype.kind == "f" else values.copy()

    return build(like)


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, Mapping):
        return [leaf for value in x.values() for leaf in _leaves(value)]
    if isinstance(x, list | tuple) and any(np.ndim(v) or isinstance(v, Mapping) for v in x):
        return [leaf for value in x for leaf in _leaves(value)]
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return list(x)
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return [leaf for f in dataclasses.fields(x) for leaf in _leaves(getattr(x, f.name))]
    return [x]


def change_gradient(case: Case, change: Callable[[Vector, Vector], Vector], name: str) -> Case:
    """Return the case with ``change(gradient, theta)``, both flat, applied to what it returns."""

    def wrong(x: Any, gradient: Any) -> Any:
        theta = flatten(x)
        return rebuild(gradient, change(flatten(gradient), theta))

    title = f"{case.name}: {name}"
    if case.jac is True:

        def fun(x: Any, *args: Any) -> tuple[Any, Any]:
            cost, gradient = case.fun(x, *args)
            return cost, wrong(x, gradient)

        return case.replace(name=title, fun=fun)

    def jac(x: Any, *args: Any) -> Any:
        return wrong(x, case.jac(x, *args))

    return case.replace(name=title, jac=jac)
