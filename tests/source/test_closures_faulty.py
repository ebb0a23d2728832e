"""Callables that ignore their argument, as people write them: each has to be noticed."""
# ruff: noqa: E731, ARG001, ARG002, ARG004, ARG005, B023, RUF034, SIM108

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.source.closures import Suspicion, read_callable

theta = np.linspace(0.3, 1.7, 6)
start = theta.copy()
X = np.arange(12.0).reshape(6, 2)
settings = {"theta": theta, "lam": 0.1}
counter = [0]


def cost(theta: Any, X: Any, lam: float = 0.1) -> Any:
    return float((theta @ X).sum() + lam * theta @ theta)


def pair(theta: Any, X: Any) -> Any:
    return cost(theta, X), X.sum(axis=1) + 0.2 * theta


class Model:
    def __init__(self) -> None:
        self.theta0 = theta
        self.X = X

    def cost(self, x: Any) -> Any:
        return cost(self.theta0, self.X)

    def __call__(self, x: Any) -> Any:
        return cost(self.theta0, self.X)

    def right(self, x: Any) -> Any:
        return cost(x, self.X)

    @staticmethod
    def unused(x: Any) -> Any:
        return cost(theta, X)


@dataclass
class Fit:
    start: Any

    def objective(self, x: Any) -> Any:
        return cost(self.start, X)


model = Model()

lambda_global = lambda x: cost(theta, X)
lambda_pair = lambda x: pair(theta, X)
lambda_no_parameter = lambda: cost(theta, X)
lambda_underscore = lambda _: cost(theta, X)
lambda_args = lambda *args: cost(theta, X)
lambda_default = lambda x, theta=theta: cost(theta, X)
lambda_key = lambda x: cost(settings["theta"], X)
lambda_attribute = lambda x: cost(model.theta0, X)
lambda_through_method = lambda x: model.cost(x)
lambda_keyword = lambda x: cost(theta=theta, X=X)
lambda_ähnlich = lambda x: cost(theta, X) if "ä" else cost(theta, X)
first, second = lambda x: cost(x, X), lambda x: cost(theta, X)


def def_unused(x: Any) -> Any:
    return cost(theta, X)


def def_many_lines(x: Any) -> Any:
    total = float((theta @ X).sum())
    total += 0.1 * theta @ theta
    return total


def def_no_parameter() -> Any:
    return cost(theta, X)


def overwritten(x: Any) -> Any:
    x = theta
    return cost(x, X)


def overwritten_by_a_call(x: Any) -> Any:
    x = np.asarray(theta, dtype=float)
    return cost(x, X)


def overwritten_in_both_branches(x: Any) -> Any:
    if X.size:
        x = theta
    else:
        x = 2 * theta
    return cost(x, X)


def overwritten_by_a_loop(x: Any) -> Any:
    total = 0.0
    for x in theta:
        total += x**2
    return total


def shape_only(x: Any) -> Any:
    grad = np.zeros_like(x)
    assert x.ndim == 1
    grad[:] = theta
    return cost(theta, X) + 0 * len(x)


def printed_only(x: Any) -> Any:
    print("evaluating", x)
    return cost(theta, X)


def checked_only(x: Any) -> Any:
    if x is None or len(x) != 6:
        raise ValueError("six numbers, please")
    return cost(theta, X)


def nested_ignores(x: Any) -> Any:
    def inner(p: Any) -> Any:
        return cost(theta, X)

    return inner(x)


def deleted(x: Any) -> Any:
    del x
    return cost(theta, X)


def counting(x: Any) -> Any:
    counter[0] += 1
    return cost(theta, X)


def comprehension_shadows(x: Any) -> Any:
    return sum([x**2 for x in theta])


def helper_reads_global(params: Any, scale: float) -> Any:
    return scale * cost(theta, X)


def passes_to_helper(x: Any) -> Any:
    return helper_reads_global(x, 2.0)


def make_closure() -> Callable[[Any], Any]:
    theta_in = start.copy()

    def objective(x: Any) -> Any:
        return cost(theta_in, X)

    return objective


def decorated(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(function)
    def wrapper(x: Any) -> Any:
        counter[0] += 1
        return function(theta)

    return wrapper


@decorated
def wrapper_ignores(x: Any) -> Any:
    return cost(x, X)


def transparent(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@transparent
def wrapped_ignores(x: Any) -> Any:
    return cost(theta, X)


@functools.lru_cache
def cached_ignores(x: Any) -> Any:
    return cost(theta, X)


def passes_twice(x: Any) -> Any:
    return helper_reads_global(x, 2.0) - helper_reads_global(x, 1.0)


FAULTY: dict[str, tuple[Any, str, str | None]] = {
    # name: callable, reason, what is used in its place
    "lambda_global": (lambda_global, "unused", "theta"),
    "lambda_pair": (lambda_pair, "unused", "theta"),
    "lambda_no_parameter": (lambda_no_parameter, "no-parameter", "theta"),
    "lambda_underscore": (lambda_underscore, "unused", "theta"),
    "lambda_args": (lambda_args, "unused", "theta"),
    "lambda_default": (lambda_default, "unused", "theta"),
    "lambda_key": (lambda_key, "unused", "settings['theta']"),
    "lambda_attribute": (lambda_attribute, "unused", "model.theta0"),
    "lambda_through_method": (lambda_through_method, "unused", "self.theta0"),
    "lambda_keyword": (lambda_keyword, "unused", "theta"),
    "lambda_utf8": (lambda_ähnlich, "unused", "theta"),
    "second_on_the_line": (second, "unused", "theta"),
    "def_unused": (def_unused, "unused", "theta"),
    "def_many_lines": (def_many_lines, "unused", "theta"),
    "def_no_parameter": (def_no_parameter, "no-parameter", "theta"),
    "overwritten": (overwritten, "overwritten", "theta"),
    "overwritten_by_a_call": (overwritten_by_a_call, "overwritten", "theta"),
    "overwritten_in_both_branches": (overwritten_in_both_branches, "overwritten", "theta"),
    "overwritten_by_a_loop": (overwritten_by_a_loop, "overwritten", "theta"),
    "shape_only": (shape_only, "harmless-uses", "theta"),
    "printed_only": (printed_only, "harmless-uses", "theta"),
    "checked_only": (checked_only, "harmless-uses", "theta"),
    "nested_ignores": (nested_ignores, "unused", "theta"),
    "deleted": (deleted, "unused", "theta"),
    "counting": (counting, "unused", "theta"),
    "comprehension_shadows": (comprehension_shadows, "unused", "theta"),
    "passes_to_helper": (passes_to_helper, "unused", "theta"),
    "passes_twice": (passes_twice, "unused", "theta"),
    "closure": (make_closure(), "unused", "theta_in"),
    "method": (model.cost, "unused", "self.theta0"),
    "callable_object": (model, "unused", "self.theta0"),
    "static_method": (model.unused, "unused", "theta"),
    "dataclass_method": (Fit(start).objective, "unused", "self.start"),
    "wrapper_ignores": (wrapper_ignores, "unused", "theta"),
    "wrapped_ignores": (wrapped_ignores, "unused", "theta"),
    "cached_ignores": (cached_ignores, "unused", "theta"),
    "partial_of_ignoring": (functools.partial(lambda X, x: cost(theta, X), X), "unused", "theta"),
}


def certain(fun: Any, x0: Any = start, args: tuple[Any, ...] = ()) -> list[Suspicion]:
    return [s for s in read_callable(fun, x0, args) if s.certain]


@pytest.mark.parametrize("name", FAULTY)
def test_ignored_argument_is_noticed_and_what_is_used_instead_is_named(name: str) -> None:
    fun, reason, used = FAULTY[name]
    (suspicion,) = certain(fun)
    assert (suspicion.slug, suspicion.reason) == ("ignored-argument", reason)
    assert suspicion.used_instead == used
    assert suspicion.equal_to_start
    assert suspicion.location is not None
    assert suspicion.location.path == __file__
    assert suspicion.note


CORRECTED = {
    "lambda_global": "lambda_global = lambda x: cost(x, X)",
    "lambda_pair": "lambda_pair = lambda x: pair(x, X)",
    "lambda_no_parameter": "lambda_no_parameter = lambda x: cost(x, X)",
    "lambda_underscore": "lambda_underscore = lambda _: cost(_, X)",
    "lambda_args": None,
    "lambda_default": "lambda_default = lambda x, theta=theta: cost(x, X)",
    "lambda_key": "lambda_key = lambda x: cost(x, X)",
    "lambda_attribute": "lambda_attribute = lambda x: cost(x, X)",
    "lambda_through_method": "        return cost(x, self.X)",
    "lambda_keyword": "lambda_keyword = lambda x: cost(theta=x, X=X)",
    "lambda_utf8": 'lambda_ähnlich = lambda x: cost(x, X) if "ä" else cost(x, X)',
    "second_on_the_line": "first, second = lambda x: cost(x, X), lambda x: cost(x, X)",
    "def_unused": "    return cost(x, X)",
    "def_many_lines": "def def_many_lines(theta: Any) -> Any:",
    "def_no_parameter": "def def_no_parameter(theta) -> Any:",
    "overwritten": None,
    "overwritten_by_a_call": "    x = np.asarray(x, dtype=float)",
    "closure": "        return cost(x, X)",
    "nested_ignores": "        return cost(p, X)",
    "printed_only": "    return cost(x, X)",
    "method": "        return cost(x, self.X)",
    "wrapper_ignores": "        return function(x)",
}


@pytest.mark.parametrize("name", CORRECTED)
def test_corrected_line_is_written(name: str) -> None:
    (suspicion,) = certain(FAULTY[name][0])
    assert suspicion.replacement == CORRECTED[name]


def test_corrected_line_stands_where_the_location_says() -> None:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    for fun, _, _ in FAULTY.values():
        (suspicion,) = certain(fun)
        assert suspicion.location is not None
        assert suspicion.location.source == lines[suspicion.location.line - 1]


def test_note_reads_as_in_the_manual() -> None:
    (suspicion,) = certain(lambda_global)
    assert suspicion.note == (
        "parameter 'x' is never used; global variable 'theta' (equal to the start vector) "
        "is used in its place"
    )
    assert suspicion.kind_of_name == "global variable"


def test_another_vector_in_the_arguments_place_is_named_although_it_differs() -> None:
    (suspicion,) = certain(lambda_global, start + 1)
    assert (suspicion.used_instead, suspicion.equal_to_start) == ("theta", False)


def test_data_of_the_same_size_are_not_called_the_parameters() -> None:
    y = np.arange(6.0)
    (suspicion,) = certain(lambda x: float((y**2).sum()))
    assert suspicion.used_instead is None
    assert suspicion.replacement is None


def test_vector_passed_behind_the_argument_is_named() -> None:
    (suspicion,) = certain(lambda x, t, X: cost(t, X), args=(start, X))
    assert suspicion.used_instead == "t"


def test_container_of_parameters_is_compared_as_a_whole() -> None:
    params = {"W": np.ones((2, 3)), "b": np.zeros(2)}
    same = {"W": np.ones((2, 3)), "b": np.zeros(2)}
    (suspicion,) = certain(lambda p: float(params["W"].sum() + params["b"].sum()), same)
    assert suspicion.used_instead == "params"


def test_scalar_start() -> None:
    x0 = 0.75
    (suspicion,) = certain(lambda x: float(np.exp(x0)), 0.75)
    assert suspicion.used_instead == "x0"


def test_partial_that_binds_the_parameters_is_certain_when_no_place_is_left() -> None:
    for fun in (
        functools.partial(cost, theta, X, 0.1),
        functools.partial(cost, theta=theta, X=X),
    ):
        (suspicion,) = certain(fun)
        assert suspicion.slug == "misbound-partial"
        assert suspicion.parameter == "theta"


def test_partial_is_corrected_where_it_is_made() -> None:
    fun = functools.partial(pair, theta, X)  # all that pair takes
    (suspicion,) = certain(fun)
    assert suspicion.location is not None
    assert suspicion.location.source.strip().startswith("fun = functools.partial(pair, theta, X)")
    assert suspicion.replacement == (
        "    fun = functools.partial(pair, X=X)  # all that pair takes"
    )


def test_partial_that_binds_the_parameters_is_suspected_when_the_call_would_fit() -> None:
    (suspicion,) = read_callable(functools.partial(cost, theta), start, (0.1,))
    assert (suspicion.slug, suspicion.certain) == ("misbound-partial", False)


def late(count: int) -> list[Any]:
    made = []
    for i in range(count):
        made.append(lambda x: x[i] - 1)
    return made


def late_def(count: int) -> list[Any]:
    made = []
    for i in range(count):
        column = X[:, i]

        def residual(x: Any) -> Any:
            return x @ column

        made.append({"type": "eq", "fun": residual})
    return [constraint["fun"] for constraint in made]


late_comprehension = [lambda x: x[k] for k in range(3)]
late_dictionary = {n: {"fun": lambda x: x[n]} for n in range(3)}
late_global = []
for step in range(3):
    late_global.append(lambda x: x[step])


@pytest.mark.parametrize(
    ("functions", "name", "replacement"),
    [
        (late(3), "i", "        made.append(lambda x, i=i: x[i] - 1)"),
        (late_def(2), "column", None),
        (late_comprehension, "k", "late_comprehension = [lambda x, k=k: x[k] for k in range(3)]"),
        ([d["fun"] for d in late_dictionary.values()], "n", None),
        (late_global, "step", "    late_global.append(lambda x, step=step: x[step])"),
    ],
    ids=["for", "def", "comprehension", "dictionary", "module"],
)
def test_late_binding_is_noticed(functions: list[Any], name: str, replacement: str | None) -> None:
    (suspicion,) = certain(functions[0])
    assert (suspicion.slug, suspicion.used_instead) == ("late-binding", name)
    assert replacement is None or suspicion.replacement == replacement


def test_integer_truncation_is_noticed() -> None:
    def rounded(x: Any) -> Any:
        x = x.astype(int)
        return cost(x, X)

    def converted(x: Any) -> Any:
        n = len(x)
        x = np.array(x, dtype=np.int64)
        return cost(x, X) / n

    for fun in (rounded, converted, lambda x: cost(np.asarray(x, int), X)):
        (suspicion,) = certain(fun)
        assert (suspicion.slug, suspicion.parameter) == ("integer-truncation", "x")


def test_frozen_gradient_is_explained_by_what_is_read_beside_the_argument() -> None:
    fun = lambda x: (cost(x, X), pair(theta, X)[1])
    (suspicion,) = read_callable(fun, start)
    assert (suspicion.reason, suspicion.certain) == ("read-beside", False)
    assert suspicion.used_instead == "theta"
    assert suspicion.replacement == "    fun = lambda x: (cost(x, X), pair(x, X)[1])"
