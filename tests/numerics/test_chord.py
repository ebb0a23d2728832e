import math

import numpy as np

from gradaudit.numerics.chord import calibrate_chord, measure_chord
from gradaudit.numerics.ladder import measure_slope
from gradaudit.numerics.noise import estimate_noise

_RNG = np.random.default_rng(4)
_A = _RNG.normal(size=(30, 12))
_X = 0.3 * _RNG.normal(size=12)


def cost(x):
    return float(np.sum(np.tanh(_A @ x) ** 2))


def gradient(x):
    z = np.tanh(_A @ x)
    return _A.T @ (2.0 * z * (1.0 - z * z))


def along(v, counted):
    def phi(steps):
        counted.extend(steps.tolist())
        return np.array([cost(_X + t * v) for t in steps.tolist()])

    return phi


def calibrated(rng):
    value = cost(_X)
    v = rng.choice([-1.0, 1.0], 12)
    noise = estimate_noise(along(v, []), value, scale=0.3, rng=rng)
    slopes = [
        measure_slope(along(rng.choice([-1.0, 1.0], 12), []), value, noise, scale=0.3, rng=rng)
        for _ in range(4)
    ]
    return value, noise, calibrate_chord(slopes, noise)


def test_two_evaluations_are_within_their_bar():
    rng = np.random.default_rng(9)
    value, noise, calibration = calibrated(rng)
    for _ in range(200):
        v = rng.choice([-1.0, 1.0], 12)
        counted: list[float] = []
        found = measure_chord(along(v, counted), value, noise, calibration)
        assert found.evaluations == len(counted) == 2
        assert abs(found.value - gradient(_X) @ v) <= found.bar <= 1e-6


def test_chord_keeps_the_bounds_and_says_nothing_on_one():
    rng = np.random.default_rng(9)
    value, noise, calibration = calibrated(rng)
    v = np.ones(12)
    counted: list[float] = []
    assert measure_chord(along(v, counted), value, noise, calibration, lower=0.0).bar == math.inf
    assert counted == []
    measure_chord(along(v, counted), value, noise, calibration, upper=1e-7)
    assert max(abs(t) for t in counted) <= 1e-7


def test_calibration_without_slopes_measures_nothing():
    noise = calibrated(np.random.default_rng(1))[1]
    nothing = calibrate_chord([], noise)
    assert measure_chord(along(np.ones(12), []), cost(_X), noise, nothing).bar == math.inf
