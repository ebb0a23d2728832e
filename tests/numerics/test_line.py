import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradaudit.numerics.line import Line, few_bits, few_bits_below, unit_of

sizes = st.floats(1e-250, 1e250)


@given(sizes)
def test_few_bits_is_near_and_short(step):
    short = few_bits(step)
    assert abs(short - step) <= step / 64.0
    assert (math.frexp(short)[0] * 2**6).is_integer()
    assert few_bits(short) == short


@given(sizes)
def test_few_bits_below_is_below(step):
    assert step * (1.0 - 1.0 / 32.0) <= few_bits_below(step) <= step


@given(st.floats(0.5, 1e6), st.integers(3, 40))
def test_steps_of_few_bits_are_exact_below_the_next_power_of_two(x, halvings):
    step = few_bits(x * 2.0**-halvings)
    if math.frexp(x + step)[1] == math.frexp(x)[1]:
        assert (x + step) - x == step
    assert x - (x - step) == step


@given(st.floats(sys.float_info.min, sys.float_info.max))
def test_unit_brings_values_near_one(magnitude):
    unit = unit_of(magnitude)
    assert math.frexp(unit)[0] == 0.5
    assert 0.0 < magnitude / unit < 2.0


@pytest.mark.parametrize("magnitude", [0.0, math.inf, math.nan])
def test_unit_of_nothing_is_one(magnitude):
    assert unit_of(magnitude) == 1.0


def test_unusable_values_become_nan_and_are_counted():
    line = Line(lambda _: np.array([1.0, math.inf, math.nan, -1e200]), 2.0, unit=2.0)
    values = line.at([0.1, 0.2, 0.3, 0.4])
    assert values[0] == 0.5
    assert all(math.isnan(v) for v in values[1:])
    assert line.evaluations == 4
    assert line.center == 1.0
