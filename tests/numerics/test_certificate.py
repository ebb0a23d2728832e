import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradaudit.numerics.certificate import (
    certain_bound,
    confidence_of,
    entry_bound,
    projections_for,
)
from gradaudit.numerics.signs import designed_count, random_signs, sign_patterns


@given(st.integers(1, 50))
def test_confidence_and_number_are_inverse(count):
    assert projections_for(confidence_of(count)) == count


@given(st.floats(0.0, 1.0 - 1e-12))
def test_number_is_the_least_that_suffices(confidence):
    count = projections_for(confidence)
    assert confidence_of(count) >= confidence
    assert count == 0 or confidence_of(count - 1) < confidence


def test_smallest_bars_are_enough():
    bound = entry_bound([1.0] * 10 + [100.0] * 5, confidence=0.999)
    assert bound.projections == 10
    assert bound.half_width == 2.0
    assert bound.of([1.0, 4.0]).tolist() == [2.0, 0.5]


@pytest.mark.parametrize("bars", [[1.0] * 9, [1.0] * 9 + [math.inf], [1.0] * 9 + [math.nan]])
def test_too_few_projections_bound_nothing(bars):
    bound = entry_bound(bars, confidence=0.999)
    assert bound.half_width == math.inf
    assert bound.confidence == confidence_of(9)


def test_error_above_twice_the_bar_escapes_half_of_the_projections_at_most():
    rng = np.random.default_rng(0)
    trials = 20_000
    # Entry 0 is wrong by just more than 2 bars of 1; the other is made to cancel it.
    error = np.array([2.0001, 2.0001])
    escaped = sum(abs(float(random_signs(2, rng) @ error)) <= 2.0 for _ in range(trials))
    assert abs(escaped / trials - 0.5) < 0.02


def test_designed_patterns_catch_every_pair_above_the_certain_bound():
    size = 21
    patterns = list(
        itertools.islice(sign_patterns(size, np.random.default_rng(1)), designed_count(size))
    )
    assert certain_bound([1.0] * len(patterns), size) == 2.0
    for i, j in itertools.combinations(range(size), 2):
        for second in (2.001, -2.001, 1.0, 0.0):
            error = np.zeros(size)
            error[i], error[j] = 2.001, second
            assert max(abs(float(p @ error)) for p in patterns) > 2.0


def test_missing_pattern_makes_nothing_certain():
    assert certain_bound([1.0] * 4, 21) == math.inf
