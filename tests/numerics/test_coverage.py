"""A small fixed sample of what `benchmarks/coverage.py` measures at length."""

import importlib

import numpy as np
import pytest

from .lines import slope_of

pytest.importorskip("mpmath", reason="the true derivatives need it")
zoo = importlib.import_module("benchmarks.zoo")

_POINTS = 4


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", [*zoo.OPEN, *zoo.HIDDEN, *zoo.FRESH], ids=lambda case: case.name)
def test_bar_holds(case):
    for i in range(_POINTS):
        rng = np.random.default_rng([20_250, i])
        x = case.draw(rng)
        low, high = sorted(case.truth(x))
        found = slope_of(case.f, x, seed=i)
        assert low - found.bar <= found.value <= high + found.bar
