"""A vector function and its derivative: called with copies, counted, and read whatever they return.

The counterpart of `gradaudit.evaluator` for functions with many values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gradaudit.blocks import Vector
from gradaudit.errors import BudgetExhausted, EvaluationError, GradauditError
from gradaudit.evaluator import BadReturn

Form = Literal["matrix", "product"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matrix:
    """A derivative at one point, in whichever form it came.

    Attributes
    ----------
    shape : tuple of int
        (values, parameters), as returned.
    dense : ndarray of float64 or None
        A copy.
    sparse : object or None
        In rows (csr).
    product : callable or None
        Maps a direction to the product, where that is all there is.
    eps : float
        Rounding unit of the format of its entries.
    raw : object
        What was returned, untouched.
    """

    shape: tuple[int, int]
    dense: NDArray[np.float64] | None = None
    sparse: Any = None
    product: Callable[[Vector], Vector] | None = None
    eps: float = float(np.finfo(np.float64).eps)
    raw: Any = None

    def times(self, along: Vector) -> Vector:
        """Return the product with a direction."""
        if self.dense is not None:
            return self.dense @ along
        if self.sparse is not None:
            return np.asarray(self.sparse @ along, dtype=np.float64).reshape(-1)
        assert self.product is not None  # one of the three
        return self.product(along)

    def sizes(self, along: Vector) -> Vector:
        """Return, for each row, the norm of the terms of the product."""
        if self.dense is not None:
            return np.sqrt((self.dense * self.dense) @ (along * along))
        if self.sparse is not None:
            squares = self.sparse.multiply(self.sparse) @ (along * along)
            return np.sqrt(np.asarray(squares, dtype=np.float64).reshape(-1))
        return np.abs(self.times(along))

    def array(self) -> NDArray[np.float64] | None:
        """Return all entries; None for a product, or beyond a million of them."""
        if self.dense is not None:
            return self.dense
        if self.sparse is not None and self.shape[0] * self.shape[1] <= 1_000_000:
            return np.asarray(self.sparse.toarray(), dtype=np.float64)
        return None

    def transpose(self) -> Matrix | None:
        """Return the transpose; None for a product."""
        turned = (self.shape[1], self.shape[0])
        if self.dense is not None:
            return Matrix(shape=turned, dense=self.dense.T, eps=self.eps)
        if self.sparse is not None:
            return Matrix(shape=turned, sparse=self.sparse.T.tocsr(), eps=self.eps)
        return None

    def finite(self) -> NDArray[np.bool_] | None:
        """Return which entries are finite; None when all are, or nothing can be said."""
        entries = self.dense if self.sparse is None else np.asarray(self.sparse.data)
        if entries is None or bool(np.isfinite(entries).all()):
            return None
        array = self.array()
        return None if array is None else np.isfinite(array)


class VectorCalls:
    """Calls a vector function and its derivative, and keeps the books.

    Parameters
    ----------
    fun, jac : callable
        ``fun(x, *args)`` and ``jac(x, *args)``; or ``jac(x, p, *args)`` for the form "product".
        With ``jac=True``, `fun` returns the pair.
    args : tuple
    form : {"matrix", "product"}
    turned : bool
        The derivative has the parameters along its rows (``col_deriv``).
    budget : int or None
        Most calls, all kinds together.
    names : (str, str)
        How to call the two in messages.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Any,
        *,
        args: tuple[Any, ...] = (),
        form: Form = "matrix",
        turned: bool = False,
        budget: int | None = None,
        names: tuple[str, str] = ("the residual", "the Jacobian"),
    ) -> None:
        self.fun = fun
        self.jac = jac
        self.args = args
        self.form: Form = form
        self.turned = turned
        self.names = names
        self.calls = 0
        self.values = 0
        self.first_exception: BaseException | None = None
        self._budget = budget

    def raw_value(self, argument: Vector) -> Any:
        """Call the function on exactly this array."""
        returned = self._call(self.fun, argument)
        self.values += 1
        if self.jac is True:
            return self._pair(returned)[0]
        return returned

    def raw_derivative(self, argument: Vector) -> Any:
        """Call the derivative on exactly this array."""
        if self.jac is True:
            return self._pair(self._call(self.fun, argument))[1]
        return self._call(self.jac, argument)

    def value(self, theta: Vector, *, where: str) -> Vector:
        """Evaluate the function where its value is indispensable.

        Raises
        ------
        EvaluationError
            When it raises; its exception is the cause.
        BadReturn
            When what it returns is not real numbers.
        """
        try:
            raw = self.raw_value(theta.copy())
        except GradauditError:
            raise
        except Exception as error:
            raise _chained(self.names[0], error, where) from error
        return read_values(raw, self.names[0])

    def try_value(self, theta: Vector, size: int) -> Vector:
        """Evaluate the function; all nan when it raises or returns something else."""
        try:
            values = read_values(self.raw_value(theta), self.names[0])
        except BudgetExhausted:
            raise
        except Exception as error:  # whatever the user's function raises away from the point
            if self.first_exception is None:
                self.first_exception = error
            return np.full(size, np.nan)
        return values if values.size == size else np.full(size, np.nan)

    def derivative(self, theta: Vector, rows: int, *, where: str) -> Matrix:
        """Evaluate the derivative at a point.

        Raises
        ------
        EvaluationError, BadReturn
            As `value`.
        """
        if self.form == "product":
            return Matrix(shape=(rows, theta.size), product=self._product(theta, rows, where))
        try:
            raw = self.raw_derivative(theta.copy())
        except GradauditError:
            raise
        except Exception as error:
            raise _chained(self.names[1], error, where) from error
        return self.read(raw, rows, theta.size)

    def read(self, raw: Any, rows: int, columns: int) -> Matrix:
        """Read what the derivative returned."""
        shape = (columns, rows) if self.turned else (rows, columns)
        found = _read_matrix(raw, shape, self.names[1], rows)
        return found if not self.turned else _required_turn(found)

    def _product(self, theta: Vector, rows: int, where: str) -> Callable[[Vector], Vector]:
        known: dict[bytes, Vector] = {}

        def times(along: Vector) -> Vector:
            key = along.tobytes()
            if key not in known:
                try:
                    raw = self._call(self.jac, theta.copy(), along.copy())
                except GradauditError:
                    raise
                except Exception as error:
                    raise _chained(self.names[1], error, where) from error
                values = read_values(raw, self.names[1])
                if values.size != rows:
                    raise BadReturn(
                        f"{self.names[1]} has {values.size:,} entries where {rows:,} are needed"
                    )
                known[key] = values
            return known[key]

        return times

    def _call(self, function: Callable[..., Any], *arguments: Vector) -> Any:
        if self._budget is not None and self.calls >= self._budget:
            raise BudgetExhausted(f"the budget of {self._budget:,} evaluations is used up")
        self.calls += 1
        with np.errstate(all="ignore"):  # numpy's warnings about single points are ours to judge
            return function(*arguments, *self.args)

    def _pair(self, returned: Any) -> tuple[Any, Any]:
        if isinstance(returned, tuple) and len(cast("tuple[Any, ...]", returned)) == 2:
            return cast("tuple[Any, Any]", returned)
        raise BadReturn(
            f"{self.names[0]} comes alone although jac=True asks for a pair", slug="jac-flag"
        )


def _chained(name: str, error: Exception, where: str) -> EvaluationError:
    return EvaluationError(f"{name} raised {type(error).__name__} at {where}: {error}", where=where)


def read_values(raw: Any, name: str) -> Vector:
    """Read a returned vector as a flat copy.

    Raises
    ------
    BadReturn
        When it does not consist of real numbers.
    """
    if raw is None:
        raise BadReturn(f"{name} is None; does the function end without a return?")
    if hasattr(raw, "toarray"):
        raw = raw.toarray()
    try:
        array = np.asarray(raw)
    except ValueError:
        raise BadReturn(f"{name} has ragged parts") from None
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise BadReturn(f"{name} holds objects that are not numbers") from None
    if array.dtype.kind not in "biuf":
        raise BadReturn(f"{name} has dtype {array.dtype}; its entries must be real numbers")
    return np.array(array, dtype=np.float64).reshape(-1)


def _read_matrix(raw: Any, shape: tuple[int, int], name: str, rows: int) -> Matrix:
    if raw is None:
        raise BadReturn(f"{name} is None; does the function end without a return?")
    if hasattr(raw, "tocsr"):
        sparse = raw.tocsr().astype(np.float64)
        own = cast("tuple[int, int]", tuple(sparse.shape))
        return Matrix(shape=own, sparse=sparse.copy(), eps=_eps_of(raw.dtype), raw=raw)
    if hasattr(raw, "matvec") and hasattr(raw, "shape"):
        own = cast("tuple[int, int]", tuple(raw.shape))
        return Matrix(shape=own, product=_operator(raw, name, own[0]), raw=raw)
    try:
        array = np.asarray(raw)
    except ValueError:
        raise BadReturn(f"{name} has rows of different lengths") from None
    if array.dtype.kind not in "biuf":
        raise BadReturn(f"{name} has dtype {array.dtype}; its entries must be real numbers")
    dense = np.array(array, dtype=np.float64)
    if dense.ndim < 2 and dense.size == shape[0] * shape[1] and 1 in shape:
        dense = dense.reshape(shape)
    if dense.ndim != 2:
        raise BadReturn(
            f"{name} has shape {dense.shape} where {shape} is needed"
            + _hint(dense.shape, shape, rows)
        )
    return Matrix(
        shape=cast("tuple[int, int]", dense.shape),
        dense=np.ascontiguousarray(dense),
        eps=_eps_of(array.dtype),
        raw=raw,
    )


def _hint(own: tuple[int, ...], shape: tuple[int, int], rows: int) -> str:
    if len(own) == 1 and own[0] == shape[1] and rows > 1:
        return ": one entry for each parameter, as the gradient of a cost has"
    return ""


def _operator(raw: Any, name: str, rows: int) -> Callable[[Vector], Vector]:
    def times(along: Vector) -> Vector:
        values = read_values(raw.matvec(along.copy()), name)
        if values.size != rows:
            raise BadReturn(f"the product with {name} has {values.size:,} entries, not {rows:,}")
        return values

    return times


def _required_turn(found: Matrix) -> Matrix:
    turned = found.transpose()
    if turned is None:
        raise BadReturn("a linear operator cannot be turned; leave col_deriv out")
    return turned


def _eps_of(dtype: Any) -> float:
    kind = np.dtype(dtype)
    return float(np.finfo(kind if kind.kind == "f" else np.float64).eps)
