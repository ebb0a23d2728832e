"""Hypothesis strategies for problems, sizes, parameter vectors and data.

``gradaudit.strategies.problems(factory)`` is the one most tests need: it draws sizes by what the
factory's parameters are called and annotated with, so that they are distinct and at least 2, save
for a deliberate share of coincidences, and makes the problem. Data come from the shape by a fixed
seed; what is drawn, and shrinks, are the sizes.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, cast

import numpy as np
from hypothesis import HealthCheck, Phase, assume, currently_in_test_context, find, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample, Unsatisfiable
from numpy.typing import NDArray

from gradaudit.errors import ArgumentError
from gradaudit.shapes.candidates import Sizes
from gradaudit.shapes.making import ShapedProblem, is_refusal, make_problem, seed_of
from gradaudit.shapes.roles import SMALLEST, Parameter, read_parameters

Array = NDArray[np.float64]
Kind = Literal["well scaled", "badly scaled", "with zeros", "near saturation"]
KINDS: Final[tuple[Kind, ...]] = ("well scaled", "badly scaled", "with zeros", "near saturation")

Draw = Callable[[st.SearchStrategy[Any]], Any]
# One shape in so many is drawn with a coincidence; the first choice is what shrinking goes to.
_SHARE: Final = ("none", "none", "none", "none", "one", "tie")
# Parameters of a badly scaled vector span this many decades.
_DECADES: Final = 6.0
# Beyond this a sigmoid or tanh is flat to the last bits.
_SATURATED: Final = 18.0


def problems(factory: Callable[..., Any], /, **sizes: Any) -> st.SearchStrategy[ShapedProblem]:
    """Draw problems of a factory, for sizes that hide no fault, and for some that do.

    Parameters
    ----------
    factory : callable
        Takes sizes, returns ``(fun, x0)``, ``(fun, x0, args)`` or a `gradaudit.Problem`. Names,
        annotations and defaults say what its parameters are: integers are sizes (bounds may stand
        in ``Annotated[int, (2, 6)]``), seeds and numbers are left alone.
    **sizes
        An int (fixed), a pair ``(low, high)``, a hypothesis strategy, or the value of a parameter
        that is no size.

    Raises
    ------
    ArgumentError
        When a parameter's role cannot be guessed; the note says which annotation to add.

    Examples
    --------
    >>> import numpy as np
    >>> def make_mean(n: int, m: int):
    ...     data = np.random.default_rng(0).random((m, n))
    ...
    ...     def cost(x):
    ...         return 0.5 * np.sum((x - data) ** 2), (x - data).sum(axis=0)
    ...
    ...     return cost, np.zeros(n)
    >>> strategy = problems(make_mean, n=(2, 4))
    """
    parameters = read_parameters(factory, sizes)
    return shapes(parameters).map(lambda values: _made(factory, parameters, values))


def _made(
    factory: Callable[..., Any], parameters: Sequence[Parameter], values: Sizes
) -> ShapedProblem:
    try:
        return make_problem(factory, parameters, values)
    except BaseException as error:
        if is_refusal(error):
            reject()
        raise


def sizes(factory: Callable[..., Any] | Sequence[str], /, **given: Any) -> st.SearchStrategy[Sizes]:
    """Draw sizes: a dict by name, distinct and at least 2 save for a share of coincidences.

    Parameters
    ----------
    factory : callable or sequence of str
        Whose parameters are the sizes; or their names.
    **given
        As for `problems`.
    """
    if callable(factory):
        return shapes(read_parameters(factory, given))
    unknown = [name for name in given if name not in factory]
    if unknown:
        raise ArgumentError(f"{unknown[0]!r} is not among the names {', '.join(factory)}")

    def stand_in(**_sizes: Any) -> None: ...

    stand_in.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=int)
            for name in factory
        ]
    )
    stand_in.__annotations__ = dict.fromkeys(factory, int)
    return shapes(read_parameters(stand_in, given))


def shapes(parameters: Sequence[Parameter]) -> st.SearchStrategy[Sizes]:
    """Draw a value for each parameter that is not fixed."""
    return _shapes(tuple(parameters))


@st.composite
def _shapes(draw: Draw, parameters: tuple[Parameter, ...]) -> Sizes:
    values: Sizes = {}
    used: set[int] = set()
    names: list[str] = []
    for parameter in parameters:
        if parameter.role == "size":
            values[parameter.name] = _distinct(draw, parameter, used)
            used.add(values[parameter.name])
            names.append(parameter.name)
        elif parameter.role == "choice":
            values[parameter.name] = draw(st.sampled_from(parameter.values))
        elif parameter.role == "strategy":
            values[parameter.name] = draw(parameter.value)
    coincidence = draw(st.sampled_from(_SHARE))
    free = [p for p in parameters if p.role == "size"]
    if coincidence == "one":
        ones = [p.name for p in free if (p.low <= 1 if p.bounded else p.low == SMALLEST)]
        if ones:
            values[draw(st.sampled_from(ones))] = 1
    elif coincidence == "tie" and len(free) > 1:
        first, second = draw(st.sampled_from(free)), draw(st.sampled_from(free))
        if second.low <= values[first.name] <= second.high:
            values[second.name] = values[first.name]
    return {p.name: values[p.name] for p in parameters if p.name in values}


def _distinct(draw: Draw, parameter: Parameter, used: set[int]) -> int:
    allowed = [v for v in range(parameter.low, parameter.high + 1) if v >= SMALLEST]
    free = [v for v in allowed if v not in used]
    return draw(st.sampled_from(free or allowed or list(range(parameter.low, parameter.high + 1))))


def find_shape(
    parameters: Sequence[Parameter],
    fails: Callable[[Sizes], bool | None],
    *,
    examples: int,
    seed: int,
) -> Sizes | None:
    """Draw shapes until one fails, and shrink it.

    Parameters
    ----------
    parameters : sequence of Parameter
    fails : callable
        True for a shape that shows the fault, None for one that cannot be audited.
    examples : int
        How many shapes to draw.
    seed : int

    Returns
    -------
    dict or None
        The smallest shape found; None when none fails.
    """

    def condition(values: Sizes) -> bool:
        answer = fails(values)
        assume(answer is not None)
        return bool(answer)

    def search() -> Sizes | None:
        try:
            return find(
                shapes(parameters),
                condition,
                settings=settings(
                    max_examples=examples,
                    database=None,
                    deadline=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
                ),
                random=random.Random(seed),
            )
        except (NoSuchExample, Unsatisfiable):
            return None

    if not currently_in_test_context():
        return search()
    # hypothesis refuses a search inside a test of its own; in another thread it is none
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(search).result()


# parameters and data -------------------------------------------------------------------------


def vectors(
    size: int | tuple[int, ...], *, kinds: Sequence[Kind] = KINDS
) -> st.SearchStrategy[Array]:
    """Draw parameter arrays: well scaled, badly scaled, with exact zeros, near saturation.

    Parameters
    ----------
    size : int or tuple of int
        Number of entries, or shape.
    kinds : sequence of str
        Which kinds to draw; what shrinking goes to stands first.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ArgumentError(f"kinds holds {kind!r}; known are {', '.join(KINDS)}")
    shape = (size,) if isinstance(size, int) else tuple(size)
    return st.builds(_vector, st.just(shape), st.sampled_from(tuple(kinds)), st.integers(0, 9))


def _vector(shape: tuple[int, ...], kind: Kind, seed: int) -> Array:
    rng = np.random.default_rng(seed_of(shape, kind, seed))
    values = rng.standard_normal(shape)
    if kind == "badly scaled":
        values *= 10.0 ** rng.uniform(-_DECADES / 2, _DECADES / 2, shape)
    elif kind == "with zeros":
        values[rng.random(shape) < 0.4] = 0.0
    elif kind == "near saturation":
        values *= _SATURATED
    return values


def containers(
    layout: Mapping[str, int | tuple[int, ...]], *, kinds: Sequence[Kind] = KINDS
) -> st.SearchStrategy[Any]:
    """Draw parameter containers: the same arrays as a dict, a list or a tuple.

    Parameters
    ----------
    layout : mapping
        From the name of each array to its shape.
    kinds : sequence of str
        As for `vectors`.
    """
    arrays = st.tuples(*(vectors(shape, kinds=kinds) for shape in layout.values()))
    form = st.sampled_from(("dict", "list", "tuple"))
    return st.builds(_container, form, st.just(tuple(layout)), arrays)


def _container(form: str, names: tuple[str, ...], arrays: tuple[Array, ...]) -> Any:
    if form == "dict":
        return dict(zip(names, arrays, strict=True))
    return list(arrays) if form == "list" else arrays


def datasets(
    rows: int | st.SearchStrategy[int], columns: int | st.SearchStrategy[int]
) -> st.SearchStrategy[Array]:
    """Draw data matrices, one example a row; the numbers follow from the shape.

    Parameters
    ----------
    rows, columns : int or strategy
    """

    def pick(size: int | st.SearchStrategy[int]) -> st.SearchStrategy[int]:
        return st.just(size) if isinstance(size, int) else size

    return st.builds(_data, pick(rows), pick(columns))


def _data(rows: int, columns: int) -> Array:
    return np.random.default_rng(seed_of(rows, columns)).standard_normal((rows, columns))


def batches(data: Array, *, smallest: int = 1) -> st.SearchStrategy[Array]:
    """Draw batches of a data set: some of its rows, in their order.

    Parameters
    ----------
    data : ndarray, shape (m, ...)
    smallest : int
        Fewest rows of a batch.
    """
    rows = st.sets(st.integers(0, len(data) - 1), min_size=smallest, max_size=len(data))
    return rows.map(lambda chosen: data[sorted(chosen)])
