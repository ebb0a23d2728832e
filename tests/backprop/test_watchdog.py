"""Edited programs that never end are stopped; timers are left as they were."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

from gradaudit.api.trace import trace
from gradaudit.backprop.watchdog import Runaway, watched
from tests.backprop import models
from tests.backprop.models import DATA, START, TARGET

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "ITIMER_VIRTUAL"), reason="this system has no timer of processor time"
)


def endless() -> None:
    while True:
        pass


def test_endless_loop_is_stopped() -> None:
    with pytest.raises(Runaway), watched(0.05):
        endless()


def test_timer_and_handler_are_put_back() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    with watched(10.0):
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0
    assert signal.getsignal(signal.SIGVTALRM) == before


def test_other_threads_are_not_watched_and_can_trace() -> None:
    found: list[int] = []

    def work() -> None:
        with watched(0.01):
            found.append(len(trace(models.dense, START, args=(DATA, TARGET), rng=0).suspects))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found
    assert found[0] >= 1


def unmasked_bias(theta: np.ndarray, data: np.ndarray) -> tuple[float, np.ndarray]:
    gradient = np.zeros(2)
    cost = 0.0
    for x in data:
        hidden = max(0.0, theta[0] * x + theta[1])
        cost += 0.5 * hidden**2
        slope = hidden * (hidden > 0)
        gradient[0] += slope * x
        gradient[1] = slope
    return float(cost), gradient


def test_line_whose_last_value_is_zero_is_still_found() -> None:
    data = np.array([1.0, 2.0, -3.0])
    found = trace(unmasked_bias, np.array([0.7, 0.2]), args=(data,), rng=0)
    assert found.suspects[0].source == "gradient[1] = slope"
    assert found.suspects[0].suggestion == "gradient[1] += slope"
