"""The note about shapes at which usual faults do not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradaudit import Report, check
from reference_models import autoencoder, three_matrix
from reference_models.slips import SLIPS


def noted(report: Report) -> list[str]:
    return [f.message for f in report.findings if f.slug == "hiding-shape"]


def audit(made: Any, **settings: Any) -> Report:
    fun, start, args = made
    return check(fun, start, args=args, rng=0, **settings)


@pytest.mark.parametrize(
    ("made", "places"),
    [
        (three_matrix.make_problem(2, 3, 1), "m = 1"),
        (three_matrix.make_problem(3, 3, 4), "n = k = 3"),
        (autoencoder.make_autoencoder(4, 4, 1), "training_size = 1, visible_size = hidden_size"),
    ],
)
def test_a_single_example_and_tied_sizes_are_noted_in_one_line(made: Any, places: str) -> None:
    report = audit(made)
    assert report.verdict == "PASS"
    assert len(noted(report)) == 1
    assert places in noted(report)[0]
    assert report.findings[0].level == "note"
    assert str(report).count("GA404") == 1


@pytest.mark.parametrize(
    "made", [three_matrix.make_problem(2, 3, 4), autoencoder.make_autoencoder(5, 3, 7)]
)
def test_distinct_sizes_are_not_spoken_of(made: Any) -> None:
    assert audit(made).findings == ()


def test_a_gradient_that_is_wrong_anyway_gets_no_such_note() -> None:
    report = audit(SLIPS["three_matrix.wrong_sign"].factory(3, 3, 1))
    assert report.verdict == "FAIL"
    assert noted(report) == []


def test_a_square_block_with_one_name_is_no_coincidence() -> None:
    a = np.random.default_rng(0).random((3, 3))

    def cost(theta: Any, n: int) -> Any:
        w = theta.reshape(n, n)
        return float(np.sum(a * w**2)), (2 * a * w).ravel()

    assert noted(check(cost, np.ones(9), args=(3,), rng=0)) == []


def test_a_size_computed_from_another_is_no_coincidence() -> None:
    def cost(theta: Any, x: Any, m: int) -> Any:
        rows = x.shape[0]
        w = theta.reshape(rows, rows)
        return float(np.sum(w**2)) + m, 2 * theta

    assert noted(check(cost, np.ones(9), args=(np.ones((3, 2)), 3), rng=0)) == []


def test_the_note_can_be_allowed() -> None:
    report = audit(three_matrix.make_problem(2, 3, 1), allow="hiding-shape")
    assert report.findings[0].allowed
