"""Derivatives by values of the forward pass, measured, and put in the place of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit.backprop.adjoints import Adjoints, put_in
from gradaudit.backprop.experiment import undisturbed
from gradaudit.evaluator import Evaluator
from tests.backprop import models
from tests.backprop.bench import Bench, bench
from tests.backprop.models import DATA, START, TARGET


@pytest.fixture(scope="module")
def dense() -> Bench:
    return bench(models.dense, START, DATA, TARGET)


@pytest.fixture(scope="module")
def gated() -> Bench:
    return bench(models.gated, START[:12], DATA[:3])


def adjoints(found: Bench) -> Adjoints:
    return Adjoints(found.experiment, found.survey, found.reference)


def test_candidates_are_derivatives_of_the_same_shape(dense: Bench) -> None:
    need = dense.need("dz = dh")
    with undisturbed():
        found = list(adjoints(dense).candidates(need.site, need.events))
    w1, w2 = START[:12].reshape(3, 4), START[12:].reshape(4, 2)
    h = np.tanh(DATA @ w1)
    dh = (h @ w2 - TARGET) / 5 @ w2.T
    named = {place.text: values for place, values in found}
    assert all(len(values) == 1 and values[0].shape == (5, 4) for values in named.values())
    assert np.allclose(named["np.tanh(x @ w1)"][0], dh, atol=1e-7)
    assert np.allclose(named["x @ w1"][0], dh * (1 - h**2), atol=1e-7)


def true_states(theta: Any, x: Any) -> list[Any]:
    """Return the derivatives by what `gated` carries, the last first: an own backward pass."""
    u, w = theta[:6].reshape(2, 3), theta[6:].reshape(2, 3)
    hs, gates, news = [np.full(2, 0.5)], [], []
    for row in x:
        gates.append(1 / (1 + np.exp(-(u @ row))))
        news.append(np.tanh(w @ row + 0.3 * hs[-1]))
        hs.append(gates[-1] * hs[-1] + (1 - gates[-1]) * news[-1])
    found, carried = [], np.zeros(2)
    for h, f, n in zip(hs[:0:-1], gates[::-1], news[::-1], strict=True):
        found.append(2 * h + carried)
        carried = found[-1] * f + 0.3 * found[-1] * (1 - f) * (1 - n**2)
    return found


def test_derivatives_are_given_in_the_order_of_the_way_back(gated: Bench) -> None:
    need = gated.need("dh = dh + 2 * hs[t + 1]")
    right = np.array(true_states(START[:12], DATA[:3]))
    with undisturbed():
        found = list(adjoints(gated).candidates(need.site, need.events))
    same = [place for place, values in found if np.allclose(np.array(values), right, atol=1e-7)]
    assert any("gates[t] * hs[t]" in place.text for place in same)


def test_sequences_of_two_lengths_are_taken_in_the_order_they_are_read() -> None:
    text = "dz = 2 * hs[t + 1] + carried"
    found = bench(models.sequences, START[:10], DATA)
    need = found.need(text)
    theta, wanted = START[:10], []
    for rows in (DATA[:3], DATA[3:]):
        wanted += slopes_of_sequence(theta[:4].reshape(2, 2), theta[4:].reshape(2, 3), rows)
    with undisturbed():
        offered = [values for _, values in adjoints(found).candidates(need.site, need.events)]
        line = found.line(text)
        assert found.judge.true_setting(line, need.site) is not None
    assert any(np.allclose(values, wanted, atol=1e-7) for values in offered)


def slopes_of_sequence(w: Any, u: Any, rows: Any) -> list[Any]:
    """Return the derivatives by what goes into tanh, the last first: an own backward pass."""
    hs = [np.ones(2)]
    for row in rows:
        hs.append(np.tanh(w @ hs[-1] + u @ row))
    found, carried = [], np.zeros(2)
    for h in hs[:0:-1]:
        found.append((2 * h + carried) * (1 - h**2))
        carried = w.T @ found[-1]
    return found


def test_derivatives_put_in_make_a_recurrence_right(gated: Bench) -> None:
    need = gated.need("dh = dh + 2 * hs[t + 1]")
    changes = put_in(need.events, true_states(START[:12], DATA[:3]))
    with undisturbed():
        outcome = gated.experiment.run_changed(gated.reference.theta, changes)
    assert gated.reference.accepts(outcome)


def test_values_are_put_in_at_their_own_time_only(gated: Bench) -> None:
    need = gated.need("dh = dh + 2 * hs[t + 1]")
    change = put_in(need.events[1:2], [np.ones(2)])[need.site.number]
    assert change(0, np.zeros(2)) is None
    second = change(1, np.zeros(2))
    assert second is not None
    assert second.tolist() == [1.0, 1.0]
    assert change(2, np.zeros(2)) is None


def test_value_of_the_same_name_comes_first(dense: Bench) -> None:
    need = dense.need("dh = error @ w2.T")
    with undisturbed():
        place, _ = next(adjoints(dense).candidates(need.site, need.events))
    assert place.target == "h"


def test_each_place_is_measured_once() -> None:
    found = bench(models.dense, START, DATA, TARGET)
    need, known = found.need("dz = dh"), adjoints(found)
    evaluator: Evaluator = found.experiment.evaluator
    with undisturbed():
        first = list(known.candidates(need.site, need.events))
        before = evaluator.calls
        again = list(known.candidates(need.site, need.events))
    assert evaluator.calls == before
    assert [place for place, _ in again] == [place for place, _ in first]


def test_large_value_has_no_candidates() -> None:
    x = np.random.default_rng(0).standard_normal((50, 3))
    y = np.random.default_rng(1).standard_normal((50, 2))
    found = bench(models.dense, START, x, y)
    need = found.need("dz = dh")
    assert list(adjoints(found).candidates(need.site, need.events)) == []
