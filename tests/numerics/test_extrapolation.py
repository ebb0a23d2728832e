import math

import pytest

from gradaudit.numerics.extrapolation import agree, central_trial, one_sided_trial


def central_samples(f, step, count):
    return [(f(step / 2**k), f(-step / 2**k)) for k in range(count)]


def test_polynomial_of_degree_four_is_exact_with_three_steps():
    def f(t):
        return 1.0 + 2.0 * t + 3.0 * t**2 + 4.0 * t**3 + 5.0 * t**4

    trial = central_trial(central_samples(f, 2.0**-5, 3), f(0.0), 2.0**-5, 1e-16)
    assert trial.good
    assert trial.value == pytest.approx(2.0, abs=1e-13)


def test_one_more_step_removes_one_more_power():
    def f(t):
        return t + t**5

    three = central_trial(central_samples(f, 0.5, 3), 0.0, 0.5, 1e-16)
    four = central_trial(central_samples(f, 0.5, 4), 0.0, 0.5, 1e-16)
    # The error of R at h/4 is -4 (h/4)^4 / 16 ... of t^5: 4 h1^2 h2^2 with h1 = 2 h2.
    assert abs(three.value - 1.0) == pytest.approx(4.0 * 0.125**4, rel=1e-9)
    assert abs(three.value - 1.0) <= three.truncation
    assert four.value == pytest.approx(1.0, abs=1e-14)


def test_one_sided_slopes_remove_three_powers():
    def f(t):
        return 3.0 * t - 2.0 * t**2 + t**3

    for step in (2.0**-6, -(2.0**-6)):
        trial = one_sided_trial([f(step / 2**k) for k in range(4)], 0.0, step, 1e-16)
        assert trial.good
        assert trial.value == pytest.approx(3.0, abs=1e-12)


def test_weak_kink_between_the_steps_is_rejected_by_the_even_part():
    def f(t):
        return math.sin(1.0 + t) + 1e-5 * abs(t - 1e-7)

    assert not central_trial(central_samples(f, 1e-2, 4), f(0.0), 1e-2, 1e-16).good


def test_white_noise_alone_is_within_the_noise_part_of_the_bar():
    samples = [(1e-10, -1e-10), (-1e-10, 1e-10), (1e-10, 1e-10)]
    trial = central_trial(samples, 0.0, 1.0, 1e-10)
    assert trial.good
    assert not trial.visible
    assert abs(trial.value) <= trial.bar


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(4.0, 1.0, True), (16.2, 1.0, True), (7.0, 1.0, False), (1e-9, 5.0, False)],
)
def test_ratio_of_successive_differences(a, b, expected):
    assert agree(a, b, (4.0, 16.0), 1e-6, 1e-6) is expected
