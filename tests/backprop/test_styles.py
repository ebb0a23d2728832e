"""Mistakes in styles in which values are easily overlooked are named and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.api.trace import trace
from tests.backprop import styles
from tests.backprop.models import DATA, START, TARGET


def line_with(mark: str) -> int:
    lines = Path(styles.__file__).read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))


@pytest.mark.parametrize(
    ("function", "start", "corrections"),
    [
        (styles.divided_in_place, START, ("error /= rows * columns", "error /= 2 * rows")),
        (styles.counted_in_place, START, ("gradient /= rows", "gradient /= len(x)")),
        (styles.number_for_array, START[:6], ("dw += penalty * w",)),
        (styles.leaky, START, ("dz = error @ w2.T * np.where(z > 0, 1.0, LEAK)",)),
    ],
)
def test_edit_of_its_line_is_found(function: Any, start: Any, corrections: Any) -> None:
    found = trace(function, start, args=(DATA, TARGET), rng=0)
    assert found.suspects[0].suggestion is not None
    assert found.suspects[0].suggestion.partition("  #")[0] in corrections


SQUARE = np.random.default_rng(5).normal(size=36) * 0.7


@pytest.mark.parametrize(
    ("function", "start", "mark"),
    [
        (styles.two_layers_bent, SQUARE, "slope-of-two-layers"),
        (styles.pairs, START[:4], "reaction-left-out"),
        (styles.packed, START[:10], "sign-of-a-sum"),
        (styles.widths, START[:4], "side-too-much"),
        (styles.uncalled, START[:6], "never-called"),
    ],
)
def test_line_is_named_with_its_edit(function: Any, start: Any, mark: str) -> None:
    found = trace(function, start, args=(DATA, TARGET), rng=0)
    assert found.suspects[0].line == line_with(mark)
    assert found.suspects[0].repairs_gradient


@pytest.mark.parametrize(
    ("function", "mark"),
    [
        (styles.closures, "forgotten-in-closure"),
        (styles.masked, "plain-mask"),
        (styles.leaky, "number-in-where"),
        (styles.without_penalty, "line-left-out"),
        (styles.without_slope, "slope-left-out"),
    ],
)
def test_line_with_an_awkward_value_is_named(function: Any, mark: str) -> None:
    found = trace(function, START, args=(DATA, TARGET), rng=0)
    assert found.suspects[0].line == line_with(mark)
    assert found.suspects[0].repairs_gradient


def test_forgotten_factor_of_one_entry_is_found() -> None:
    found = trace(styles.entry_by_entry, np.array([0.2, -0.3, 0.4]), args=(DATA, TARGET), rng=0)
    assert found.suspects[0].line == line_with("forgotten-in-loop")
    assert "scales" in str(found.suspects[0].suggestion)


def test_right_gradient_with_a_pass_raises_no_suspicion() -> None:
    found = trace(styles.right_with_pass, START[:6], args=(DATA, TARGET), rng=0)
    assert found.suspects == ()


def test_line_left_out_is_suggested() -> None:
    found = trace(styles.without_penalty, START, args=(DATA, TARGET), rng=0)
    assert str(found.suspects[0].suggestion).startswith("dw1 = dw1 + ")
    assert [step.source for step in found.steps].count("pass  # line-left-out") == 1
