"""Laws are read from numbers that follow them, and from no others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gradaudit.shapes.fit import Law, fit_law

BASE = {"n": 2, "k": 3, "m": 4}
OTHERS = {"n": (1, 5, 7), "k": (1, 5, 6), "m": (1, 5, 7)}

LAWS: dict[str, Callable[[Any], float]] = {
    "1/m": lambda s: 1 / s.m,
    "m": lambda s: s.m,
    "-1/m": lambda s: -1 / s.m,
    "2/m": lambda s: 2 / s.m,
    "1/(2 m)": lambda s: 1 / (2 * s.m),
    "k/m": lambda s: s.k / s.m,
    "1/(n m)": lambda s: 1 / (s.n * s.m),
    "(m - 1)/m": lambda s: (s.m - 1) / s.m,
    "m/(m - 1)": lambda s: s.m / (s.m - 1) if s.m > 1 else 7.0,
    "1/m^2": lambda s: s.m**-2,
    "1/sqrt(n)": lambda s: s.n**-0.5,
}


def fitted(number: Callable[[Any], float]) -> Law:
    varied = {
        name: {size: number(SimpleNamespace(**(BASE | {name: size}))) for size in sizes}
        for name, sizes in OTHERS.items()
    }
    return fit_law(BASE, number(SimpleNamespace(**BASE)), varied)


@pytest.mark.parametrize("text", LAWS)
def test_a_law_is_read_from_its_numbers(text: str) -> None:
    law = fitted(LAWS[text])
    assert law.text == text
    assert set(law.varies_with) == {name for name in BASE if name in text.replace("sqrt", "")}
    assert set(law.independent_of) == set(BASE) - set(law.varies_with)


def test_a_constant_factor_varies_with_nothing() -> None:
    law = fitted(lambda _s: 0.5)
    assert (law.text, law.varies_with) == ("", ())
    assert law.independent_of == ("n", "k", "m")


def test_numbers_without_a_law_get_none() -> None:
    law = fitted(lambda s: 0.3 + 0.011 * s.m * s.m)
    assert (law.text, law.varies_with) == ("", ("m",))


def test_rounding_does_not_hide_a_law() -> None:
    law = fitted(lambda s: (1 / s.m) * (1 + 1e-8 * (-1) ** s.m))
    assert law.text == "1/m"


def test_a_size_that_was_not_varied_is_not_spoken_of() -> None:
    law = fit_law({"n": 2, "m": 4}, 0.25, {"n": {}, "m": {5: 0.2, 7: 1 / 7}})
    assert law.text == "1/m"
    assert law.independent_of == ()
