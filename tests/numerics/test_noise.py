import math

import numpy as np
import pytest

from gradaudit.numerics.noise import Noise, estimate_noise, noise_at_steps

from .lines import line_through


def noise_of(f, x, *, seed=0, previous=None, **bounds) -> Noise:
    return estimate_noise(
        line_through(f, x),
        float(f(x)),
        scale=abs(x) or 1.0,
        rng=np.random.default_rng(seed),
        previous=previous,
        **bounds,
    )


@pytest.mark.parametrize("level", [1e-12, 1e-9, 1e-6, 1e-4])
def test_white_noise_is_measured_to_within_a_factor(level):
    rng = np.random.default_rng(8)
    for seed in range(20):
        noise = noise_of(lambda x: math.exp(x) + level * rng.normal(), 0.5, seed=seed)
        assert 0.4 * level <= noise.sigma <= 4.0 * level
        assert noise.settled


def test_rounding_of_a_double_is_a_fraction_of_its_unit():
    noise = noise_of(math.sin, 1.0)
    assert noise.evaluations == 20
    assert noise.precision == "float64"
    assert 0.5 * 2.0**-52 * math.sin(1.0) <= noise.sigma <= 3 * 2.0**-52


@pytest.mark.parametrize(
    ("format", "name", "unit"),
    [(np.float32, "float32", 2.0**-24), (np.float16, "float16", 2.0**-11)],
)
def test_short_formats_are_recognised(format, name, unit):
    for seed in range(20):
        noise = noise_of(lambda x: float(format(math.sin(x))), 1.0, seed=seed)
        assert noise.precision == name
        # Uniform rounding of numbers in [1/2, 1) has deviation unit / sqrt 12.
        assert 0.5 * unit / math.sqrt(12.0) <= noise.sigma <= 4.0 * unit / math.sqrt(12.0)


def test_straight_line_through_round_numbers_is_not_taken_for_a_short_format():
    for f, x in ((lambda x: 3.0 * x + 1.0, 1.0), (lambda x: 3.0 * x, 0.0), (abs, 0.0)):
        noise = noise_of(f, x)
        assert noise.precision == "float64"
        assert noise.sigma <= 1e-15 * max(noise.magnitude, 1e-3)


def test_decimal_rounding_is_seen_whatever_the_spacing():
    for seed in range(30):
        noise = noise_of(lambda x: round(math.exp(x), 4), 0.3, seed=seed)
        assert 2e-5 <= noise.sigma <= 2e-4


def test_kink_in_the_table_is_not_noise():
    noise = noise_of(lambda x: abs(x - 1.0) + x, 1.0)
    assert noise.settled
    assert noise.sigma <= 1e-14


def test_scale_a_million_times_too_large_is_found():
    noise = noise_of(lambda x: math.sin(1e6 * x), 0.0)
    assert noise.settled
    assert noise.sigma <= 1e-12
    assert noise.spacing <= 1e-6


def test_point_nearby_costs_one_table():
    first = noise_of(math.sin, 1.0)
    again = noise_of(math.sin, 1.1, previous=first)
    assert again.evaluations == 10
    assert again.sigma <= 12.0 * first.sigma


def test_point_with_other_noise_is_walked_anew():
    rng = np.random.default_rng(1)
    first = noise_of(math.sin, 1.0)
    again = noise_of(lambda x: math.sin(x) + 1e-7 * rng.normal(), 1.0, previous=first)
    assert again.evaluations > 20
    assert 3e-8 <= again.sigma <= 4e-7


def test_bounds_are_kept():
    seen: list[float] = []
    estimate_noise(
        line_through(math.exp, 0.0, seen),
        1.0,
        scale=1.0,
        rng=np.random.default_rng(0),
        lower=-1e-6,
        upper=3e-4,
    )
    assert min(seen) >= -1e-6
    assert max(seen) <= 3e-4


def test_function_finite_on_one_side_is_measured_there():
    noise = noise_of(lambda x: math.sqrt(x) + 1.0 if x >= 0.0 else math.nan, 0.0)
    assert noise.side == 1


def test_constant_is_seen_as_constant():
    noise = noise_of(lambda _: 3.0, 1.0)
    assert noise.constant
    assert noise.evaluations <= 30


def test_looking_again_finds_terraces_but_no_kink():
    rng = np.random.default_rng(0)
    quiet = noise_of(math.sin, 1.0)
    for f, noisy in (
        (lambda x: math.floor(1e5 * math.sin(x)) / 1e5, True),
        (lambda x: math.sin(x) + abs(x - 1.0001), False),
    ):
        again = noise_at_steps(
            line_through(f, 1.0), f(1.0), quiet, spacing=1e-2, scale=1.0, rng=rng
        )
        assert (again.sigma > 1e-7) == noisy
