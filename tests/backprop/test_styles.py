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


@pytest.mark.parametrize(
    ("function", "mark"),
    [
        (styles.closures, "forgotten-in-closure"),
        (styles.masked, "plain-mask"),
        (styles.leaky, "number-in-where"),
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
