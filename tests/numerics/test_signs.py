import itertools

import numpy as np
import pytest

from gradaudit.numerics.signs import designed_count, random_signs, sign_pattern, sign_patterns


def test_random_signs_are_fair_bytes():
    signs = random_signs(100_001, np.random.default_rng(0))
    assert signs.dtype == np.int8
    assert signs.shape == (100_001,)
    assert set(np.unique(signs).tolist()) == {-1, 1}
    assert abs(int(signs.astype(np.int64).sum())) < 5 * 317


@pytest.mark.parametrize(("size", "count"), [(1, 1), (2, 2), (3, 3), (16_474, 16), (16_384, 15)])
def test_number_of_designed_patterns(size, count):
    assert designed_count(size) == count


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 37])
def test_pattern_k_is_the_sign_of_bit_k(size):
    common = random_signs(size, np.random.default_rng(1))
    for k in range(designed_count(size)):
        bits = np.zeros(size) if k == 0 else (np.arange(size) >> (k - 1)) & 1
        assert (sign_pattern(k, size, common) == common * (1 - 2 * bits)).all()


@pytest.mark.parametrize("size", [2, 5, 33])
def test_two_equal_errors_cannot_cancel_in_every_pattern(size):
    patterns = list(
        itertools.islice(sign_patterns(size, np.random.default_rng(2)), designed_count(size))
    )
    for i, j in itertools.combinations(range(size), 2):
        products = {int(p[i]) * int(p[j]) for p in patterns}
        assert products == {-1, 1}


def test_patterns_go_on_at_random():
    many = list(itertools.islice(sign_patterns(64, np.random.default_rng(3)), 40))
    assert len({p.tobytes() for p in many}) == 40


def test_pattern_out_of_range_is_refused():
    with pytest.raises(ValueError, match="pattern 5 of 8 entries: there are 4"):
        sign_pattern(5, 8, np.ones(8, dtype=np.int8))
