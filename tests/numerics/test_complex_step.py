import cmath
import math

import pytest

from gradaudit.numerics.complex_step import complex_slope

from .lines import slope_of


def test_analytic_function_is_accepted_and_exact():
    found = complex_slope(lambda t: cmath.exp(1.0 + t), slope_of(math.exp, 1.0))
    assert found.accepted
    assert found.value == pytest.approx(math.e, rel=4e-16)


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (lambda t: complex(abs(cmath.exp(1.0 + t))), "zero"),
        (lambda t: cmath.exp(1.0 + t).real, "not-complex"),
        (lambda t: cmath.exp(1.0 + 2.0 * t), "differs"),
        (lambda _: complex(0.0, math.nan), "not-finite"),
    ],
)
def test_lost_imaginary_part_is_refused(f, reason):
    found = complex_slope(f, slope_of(math.exp, 1.0))
    assert not found.accepted
    assert found.reason == reason


def test_slope_without_a_bar_accepts_nothing():
    unmeasured = slope_of(lambda x: math.sqrt(abs(x)), 0.0)
    assert complex_slope(lambda t: cmath.sqrt(t), unmeasured).reason == "unmeasured"
