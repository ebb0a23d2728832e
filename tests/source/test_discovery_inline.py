"""Blocks that are cut out on the spot are called by the slice that does it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradaudit.source.discovery import discover_layout


def blocks(cost: Any, size: int) -> list[tuple[str, int, tuple[int, ...], str]]:
    layout = discover_layout(cost, size).layout
    return [(b.name, b.start, b.shape, b.order) for b in layout.blocks]


@given(st.integers(2, 6), st.integers(2, 6))
def test_slices_that_cover_everything_are_named_by_their_text(H: int, V: int) -> None:
    def cost(theta: Any) -> Any:
        b = theta[H * V :]
        return float((theta[: H * V].reshape(H, V) ** 2).sum() + b.sum())

    assert blocks(cost, H * V + H) == [
        ("theta[:H*V]", 0, (H, V), "C"),
        ("b", H * V, (H,), "C"),
    ]


def test_sizes_may_come_from_arrays_and_objects() -> None:
    model = SimpleNamespace(k=3)

    def cost(theta: Any) -> Any:
        X = np.ones((2, 4))
        n = X.shape[1]
        first = theta[: n * model.k].reshape((n, -1), order="F").sum()
        return float(first + theta[n * model.k :].sum())

    assert blocks(cost, 17) == [
        ("theta[:n*model.k]", 0, (4, 3), "F"),
        ("theta[n*model.k:]", 12, (5,), "C"),
    ]


def test_slice_with_a_moving_bound_is_not_trusted() -> None:
    def cost(theta: Any) -> Any:
        at = 0
        total = theta[at : at + 4].sum()
        at += 4
        return float(total + theta[at:].sum() + theta[:at].sum())

    assert blocks(cost, 7) == []


def test_windows_and_lone_slices_are_not_blocks() -> None:
    def differences(x: Any) -> Any:
        return ((x[1:] - x[:-1]) ** 2).sum()

    def intercept(x: Any) -> Any:
        return (x**2).sum() + (x[1:] ** 2).sum()

    assert blocks(differences, 5) == []
    assert blocks(intercept, 5) == []
