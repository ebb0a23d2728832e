import math
import time

import numpy as np
import pytest

from gradaudit.numerics.ladder import measure_slope
from gradaudit.numerics.noise import Noise, estimate_noise

from .lines import line_through


def noise_of(f, x) -> Noise:
    return estimate_noise(
        line_through(f, x), f(x), scale=abs(x) or 1.0, rng=np.random.default_rng(0)
    )


def measure(f, x, *, seed=0, seen=None, **options):
    options.setdefault("noise", noise_of(f, x))
    noise = options.pop("noise")
    return measure_slope(
        line_through(f, x, seen),
        f(x),
        noise,
        scale=abs(x) or 1.0,
        rng=np.random.default_rng(seed),
        **options,
    )


@pytest.mark.parametrize("f", [math.sin, math.exp, math.tanh, math.atan])
def test_calibrated_fast_mode_takes_six_evaluations(f):
    step = measure(f, 1.0).step
    found = measure(f, 1.0, mode="fast", step=step)
    best = measure(f, 1.0)
    assert found.evaluations == 6
    assert abs(found.value - best.value) <= found.bar + best.bar
    assert found.bar <= 1e-10


def test_one_sided_fast_mode_takes_four_evaluations():
    found = measure(math.exp, 1.0, mode="fast", lower=0.0)
    assert found.evaluations == 4
    assert abs(found.value - math.e) <= found.bar <= 1e-8
    assert found.one_sided is not None
    assert math.isnan(found.one_sided[0])


def test_target_stops_early():
    loose, best = measure(math.sin, 1.0, target=1e-6), measure(math.sin, 1.0)
    assert loose.bar <= 1e-6
    assert loose.evaluations < best.evaluations


def test_confirmation_uses_other_steps_at_least_four_times_smaller():
    first: list[float] = []
    second: list[float] = []
    step = measure(math.sin, 1.0).step
    measure(math.sin, 1.0, mode="fast", step=step, seen=first)
    found = measure(math.sin, 1.0, mode="fast", step=step, confirm=True, seen=second)
    assert max(second) <= max(first) / 4.0
    assert not set(first) & set(second)
    assert abs(found.value - math.cos(1.0)) <= found.bar


def test_every_step_has_at_most_six_bits():
    seen: list[float] = []
    for seed in range(20):
        measure(math.exp, 0.7, seed=seed, seen=seen)
    for step in seen:
        assert (math.frexp(step)[0] * 2**6).is_integer()


def test_curvature_is_the_second_derivative():
    assert measure(math.exp, 1.0).curvature == pytest.approx(math.e, rel=1e-2)
    assert measure(math.exp, 1.0, lower=0.0).curvature == pytest.approx(math.e, rel=5e-2)


def test_bend_is_a_sixth_of_the_third_derivative():
    assert measure(math.exp, 1.0).bend == pytest.approx(math.e / 6.0, rel=1e-2)


def test_resolution_widens_the_bar_by_the_curvature():
    exact, coarse = (measure(math.exp, 1.0, origin=1.3, resolution=r) for r in (0.0, 1e-9))
    assert coarse.bar - exact.bar >= 1e-9 * math.e


def test_steps_that_pass_a_power_of_two_are_allowed_for():
    plain, passing = (measure(math.exp, 1.0, origin=x) for x in (1.5, 2.0 - 1e-9))
    assert passing.bar > plain.bar


def test_non_finite_values_far_away_are_stepped_over():
    found = measure(lambda x: math.log(x) if x > 0.0 else math.nan, 1e-3, step=0.5)
    assert abs(found.value - 1e3) <= found.bar <= 1e-4


def test_six_evaluations_cost_little_beside_the_function():
    noise = noise_of(math.sin, 1.0)
    phi = lambda steps: np.sin(1.0 + steps)  # noqa: E731
    rng = np.random.default_rng(0)
    best = math.inf
    for _ in range(200):
        start = time.perf_counter()
        measure_slope(phi, math.sin(1.0), noise, scale=1.0, rng=rng, step=4e-3, mode="fast")
        best = min(best, time.perf_counter() - start)
    # 25 microseconds on a quiet machine; the limit is wide for a busy one.
    assert best < 3e-4
