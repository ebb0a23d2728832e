"""What the parameters of a factory are taken for."""

from __future__ import annotations

import enum
import functools
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import strategies as st

from gradaudit import ArgumentError
from gradaudit.shapes.roles import Parameter, read_parameters


def roles(factory: Any, **given: Any) -> dict[str, Parameter]:
    return {p.name: p for p in read_parameters(factory, given)}


def test_integers_are_sizes_by_annotation_default_or_name() -> None:
    def make(a: int, b=5, n_hidden=None, m=7, visible_size=3): ...

    found = roles(make)
    assert [p.name for p in found.values() if p.role == "size"] == ["a", "b", "m", "visible_size"]
    assert found["b"].example == 5

    def unannotated(n, k, visible, hidden_size, n_samples, T): ...

    assert {p.role for p in roles(unannotated).values()} == {"size"}


def test_annotations_that_cannot_be_resolved_do_no_harm() -> None:
    def make(thing: int, other: NoSuchType = None): ...  # type: ignore  # noqa: F821

    assert roles(make)["thing"].role == "size"
    assert roles(make)["other"].role == "fixed"


def test_seeds_numbers_and_rounds_are_left_alone() -> None:
    def make(
        n: int, seed: int, rng, lambda_, alpha: float, n_iter=10, tol=1e-3, random_state=None
    ): ...

    found = roles(make)
    assert [name for name, p in found.items() if p.role == "size"] == ["n"]
    assert found["seed"].value == 0
    assert isinstance(found["rng"].value, np.random.Generator)
    assert found["lambda_"].value == found["alpha"].value == 0.1
    assert not found["n_iter"].given


def test_bounds_come_from_annotations() -> None:
    class Ge:
        ge = 4

    class Lt:
        lt = 9

    def make(
        a: Annotated[int, (3, 5)],
        b: Annotated[int, range(2, 4)],
        c: Annotated[int, Ge(), Lt()],
        d: Annotated[int, st.just(3)],
    ): ...

    make.__annotations__ = {
        "a": Annotated[int, (3, 5)],
        "b": Annotated[int, range(2, 4)],
        "c": Annotated[int, Ge(), Lt()],
        "d": Annotated[int, st.just(3)],
    }
    found = roles(make)
    assert [(found[n].low, found[n].high) for n in "abc"] == [(3, 5), (2, 3), (4, 8)]
    assert found["d"].role == "strategy"


def test_what_the_caller_gives_wins() -> None:
    def make(n: int, k: int, m: int, activation): ...

    found = roles(make, n=3, k=(2, 4), m=st.just(5), activation="tanh")
    assert (found["n"].role, found["n"].value) == ("fixed", 3)
    assert (found["k"].low, found["k"].high, found["k"].bounded) == (2, 4, True)
    assert found["m"].role == "strategy"
    assert found["activation"].value == "tanh"


def test_choices_come_from_bool_literal_and_enum() -> None:
    class Kind(enum.Enum):
        A = 1
        B = 2

    def make(n: int, bias, kind, how): ...

    make.__annotations__ = {"n": int, "bias": bool, "kind": Kind, "how": Literal["x", "y"]}
    found = roles(make)
    assert found["bias"].values == (False, True)
    assert found["kind"].values == (Kind.A, Kind.B)
    assert found["how"].values == ("x", "y")


def test_a_role_that_cannot_be_guessed_names_the_annotation_to_add() -> None:
    def make(n: int, activation): ...

    with pytest.raises(ArgumentError, match="cannot guess what 'activation' of make is") as caught:
        roles(make)
    assert "activation: int for a size" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [({"q": 3}, "has no parameter 'q'"), ({"n": (5, 2)}, "low is above high")],
)
def test_sizes_that_do_not_fit_are_refused(given: dict[str, Any], words: str) -> None:
    def make(n: int): ...

    with pytest.raises(ArgumentError, match=words):
        roles(make, **given)


@pytest.mark.parametrize("factory", [3, dict, "make"])
def test_what_is_no_function_is_refused(factory: Any) -> None:
    with pytest.raises(ArgumentError, match="factory is"):
        read_parameters(factory, {})


def test_a_factory_without_sizes_is_refused() -> None:
    def make(seed=0): ...

    with pytest.raises(ArgumentError, match="no parameter that is a size"):
        roles(make)


def test_partials_and_callable_objects_tell_their_parameters() -> None:
    class Maker:
        def __call__(self, n: int, m: int): ...

    def make(fun, n: int = 4, m: int = 5): ...

    assert set(roles(Maker())) == {"n", "m"}
    assert set(roles(functools.partial(make, print))) == {"n", "m"}


def test_unbounded_ranges_leave_room_for_distinct_sizes() -> None:
    def make(a: int, b: int, c: int, d: int, e: int, f: int, g: int): ...

    assert all(p.high - p.low + 1 >= 7 for p in roles(make).values())
