"""Right callables with something about them that could look wrong: none may be accused."""
# ruff: noqa: E731, B006, SIM105

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from gradaudit.source.closures import read_callable

theta = np.linspace(0.3, 1.7, 6)
start = theta.copy()
X = np.arange(12.0).reshape(6, 2)
index = 3


def cost(theta: Any, X: Any, lam: float = 0.1) -> Any:
    return float((theta @ X).sum() + lam * theta @ theta)


def data_first(X: Any, theta: Any) -> Any:
    return cost(theta, X)


def args_only(*args: Any) -> Any:
    return cost(args[0], X)


def args_unpacked(*args: Any) -> Any:
    x, *rest = args
    return cost(x, X) + len(rest)


def keyword_default(x: Any, theta: Any = None) -> Any:
    return cost(x if theta is None else theta, X)


def nested_uses(x: Any) -> Any:
    def inner() -> Any:
        return cost(x, X)

    return inner()


def nested_twice(x: Any) -> Any:
    def inner() -> Any:
        return (lambda: cost(x, X))()

    return inner()


def size_and_value(x: Any) -> Any:
    n = np.size(x)
    return cost(x, X) / n


def proximal(x: Any) -> Any:
    return cost(x, X) + ((x - theta) ** 2).sum()


def converted(x: Any) -> Any:
    x = np.asarray(x)
    return cost(x, X)


def reshaped(x: Any) -> Any:
    x = x.reshape(6)
    return cost(x, X)


def deleted_after_use(x: Any) -> Any:
    y = x * 2
    del x
    return cost(y, X)


def overwritten_in_one_branch(x: Any) -> Any:
    if X.size == 0:
        x = theta
    return cost(x, X)


def overwritten_on_failure(x: Any) -> Any:
    try:
        return cost(x, X)
    except ValueError:
        x = theta
        return cost(x, X)


def overwritten_after_failure(x: Any) -> Any:
    try:
        x = theta[: X.shape[index + 4]]
    except IndexError:
        pass
    return cost(x, X)


def in_place(x: Any) -> Any:
    y = np.empty_like(x)
    y[:] = x
    return cost(y, X)


def appended(x: Any, history: list[Any] = []) -> Any:
    history.append(x)
    return cost(history[-1], X)


def kept_as_attribute(x: Any) -> Any:
    holder.value = x
    return holder.evaluate()


def by_iteration(x: Any) -> Any:
    return sum(value**2 for value in x)


def by_unpacking(x: Any) -> Any:
    a, b, *rest = x
    return a**2 + b + sum(rest)


def comprehension_borrows(x: Any) -> Any:
    s = sum([x for x in theta])
    return s * cost(x, X)


def comprehension_over_itself(x: Any) -> Any:
    return sum([x**2 for x in x])


def by_locals(x: Any) -> Any:
    return cost(locals()["x"], X)


def by_eval(x: Any) -> Any:
    return eval("cost(x, X)", {"cost": cost, "X": X, "x": x})


def by_string(x: Any) -> Any:
    return float(f"{x.sum():.17g}")


def by_match(x: Any) -> Any:
    match list(x):
        case [first, *rest]:
            return first + sum(rest)
    return 0.0


def walrus(x: Any) -> Any:
    return cost(y, X) if (y := x) is not None else 0.0


def fractional_part(x: Any) -> Any:
    cell = x.astype(int)
    return float(((x - cell) ** 2).sum())


def only_compared(x: Any) -> Any:
    return 1.0 if (x > 0).all() else 2.0


def augmented(x: Any) -> Any:
    x = x + 0
    x += 1
    return cost(x, X)


def loop_reuses_the_name(x: Any) -> Any:
    total = cost(x, X)
    for x in theta:
        total += x
    return total


def star_in_the_middle(x: Any) -> Any:
    extra = (X,)
    return cost(x, *extra)


class Holder:
    value: Any = None

    def evaluate(self) -> Any:
        return cost(self.value, X)


holder = Holder()


class Memo:
    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.x = start.copy()
        self.value = None

    def __call__(self, x: Any) -> Any:
        if self.value is None or not np.array_equal(x, self.x):
            self.x = np.array(x)
            self.value = self.function(self.x)
        return self.value

    def derivative(self, x: Any) -> Any:
        self(x)
        return self.x


class Stored:
    def __init__(self) -> None:
        self.theta = start

    def cost(self, x: Any) -> Any:
        self.theta = x
        return self._evaluate()

    def _evaluate(self) -> Any:
        return cost(self.theta, X)

    @property
    def objective(self) -> Any:
        return lambda x: cost(x, X)


@dataclass
class Fit:
    X: Any
    start: Any = field(default_factory=lambda: start)

    def objective(self, x: Any) -> Any:
        return cost(x, self.X) + ((x - self.start) ** 2).sum()


class WithSlots:
    __slots__ = ("X",)

    def __init__(self) -> None:
        self.X = X

    def __call__(self, x: Any) -> Any:
        return cost(x, self.X)


class Awkward:
    """Raises wherever reading could touch it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __bool__(self) -> bool:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        return cost(x, X)


# in a dict, since pytest looks at what a module contains
odd = {"awkward": Awkward()}


def reads_awkward(x: Any) -> Any:
    return cost(x, X) if odd["awkward"] is not None else 0.0


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    calls = 0

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return function(*args, **kwargs)

    return wrapper


@counted
def decorated(x: Any) -> Any:
    return cost(x, X)


@counted
@counted
def decorated_twice(x: Any) -> Any:
    return cost(x, X)


@functools.lru_cache
def cached(x: Any) -> Any:
    return cost(np.asarray(x), X)


def bind_now() -> list[Any]:
    return [lambda x, i=i: x[i] for i in range(4)]


def from_a_factory() -> list[Any]:
    def make(i: int) -> Any:
        return lambda x: x[i]

    return [make(i) for i in range(4)]


def not_a_loop_variable() -> list[Any]:
    scale = 2.0
    return [lambda x: scale * x.sum() for _ in range(4)]


def last_of_a_loop() -> Any:
    objective = None
    for scale in (1.0, 2.0, 3.0):
        objective = lambda x: scale * x.sum()  # noqa: B023
    return objective


def generators(x: Any) -> Any:
    return sum(a * b for a, b in zip(x, itertools.count(), strict=False))


HEALTHY: dict[str, Any] = {
    "lambda": lambda x: cost(x, X),
    "lambda_shadowing_the_global": lambda theta: cost(theta, X),
    "lambda_args": lambda *args: data_first(X, *args),
    "partial_keyword": functools.partial(cost, X=X, lam=0.2),
    "partial_data_first": functools.partial(data_first, X),
    "partial_lambda": functools.partial(lambda X, x: cost(x, X), X),
    "partial_of_partial": functools.partial(functools.partial(cost, lam=0.2), X=X),
    "memo": Memo(lambda x: cost(x, X)),
    "memo_derivative": Memo(lambda x: cost(x, X)).derivative,
    "stored": Stored().cost,
    "property": Stored().objective,
    "dataclass": Fit(X).objective,
    "slots": WithSlots(),
    "awkward": odd["awkward"],
    "bind_now": bind_now()[0],
    "from_a_factory": from_a_factory()[0],
    "not_a_loop_variable": not_a_loop_variable()[0],
    "last_of_a_loop": last_of_a_loop(),
    "numpy_function": np.sum,
    "builtin": len,
    "class": Fit,
    "method_of_an_array": X.sum,
    "not_callable": 3,
    "none": None,
    **{
        function.__name__: function
        for function in (
            args_only,
            args_unpacked,
            keyword_default,
            nested_uses,
            nested_twice,
            size_and_value,
            proximal,
            converted,
            reshaped,
            deleted_after_use,
            overwritten_in_one_branch,
            overwritten_on_failure,
            overwritten_after_failure,
            in_place,
            appended,
            kept_as_attribute,
            by_iteration,
            by_unpacking,
            comprehension_borrows,
            comprehension_over_itself,
            by_locals,
            by_eval,
            by_string,
            by_match,
            walrus,
            fractional_part,
            only_compared,
            augmented,
            loop_reuses_the_name,
            star_in_the_middle,
            reads_awkward,
            decorated,
            decorated_twice,
            cached,
            generators,
        )
    },
}


@pytest.mark.parametrize("name", HEALTHY)
def test_right_callable_is_not_accused(name: str) -> None:
    assert [s for s in read_callable(HEALTHY[name], start) if s.certain] == []


# these read a vector equal to the start beside their argument
BESIDE = {
    "proximal",
    "dataclass",
    "overwritten_in_one_branch",
    "overwritten_on_failure",
    "overwritten_after_failure",
    "loop_reuses_the_name",
    "memo",
    "memo_derivative",
    "keyword_default",
    "comprehension_borrows",
}


@pytest.mark.parametrize("name", sorted(set(HEALTHY) - BESIDE))
def test_right_callable_gives_no_note_either(name: str) -> None:
    assert read_callable(HEALTHY[name], start) == ()


def test_lambda_in_a_running_loop_is_right() -> None:
    kept = []
    for scale in (1.0, 2.0, 3.0):
        objective = lambda x: scale * x.sum()  # noqa: B023
        kept.append(objective)
        assert read_callable(objective, start) == ()


def test_lambda_that_still_has_its_name_is_the_last_one() -> None:
    kept = []
    for scale in (1.0, 2.0, 3.0):
        objective = lambda x: scale * x.sum()  # noqa: B023
        kept.append(objective)
    assert read_callable(objective, start) == ()
    assert read_callable(kept[0], start) != ()


def test_partial_that_lacks_an_argument_is_not_blamed_on_the_vector_it_binds() -> None:
    def residual(y: Any, x: Any, X: Any) -> Any:
        return y - x * X.sum()

    assert read_callable(functools.partial(residual, np.ones(6)), start) == ()


def test_extra_arguments_are_not_the_parameters() -> None:
    assert read_callable(cost, start, (X, 0.1)) == ()
    assert read_callable(lambda x, *args: cost(x, *args), start, (X,)) == ()


@pytest.mark.parametrize(
    "x0", [0.5, [1.0, 2.0], {"W": np.ones(3)}, "text", None, object(), odd["awkward"]], ids=range(7)
)
def test_any_start_is_survived(x0: Any) -> None:
    assert read_callable(lambda x: cost(x, X), x0) == ()
    assert len(read_callable(lambda: 1.0, x0)) == 1


def of_sequences(theta: Any, sequences: Any) -> Any:
    rows = [sequences[i] for i in range(len(sequences))]
    return float(sum((row @ row.T).sum() for row in rows) * (theta @ theta))


def test_arrays_of_several_shapes_in_a_list_are_no_other_parameters() -> None:
    ragged = [np.ones((2, 3)), np.ones((4, 3))]
    assert not read_callable(of_sequences, start, (ragged,))
