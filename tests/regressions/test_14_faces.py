"""What the first users stumbled over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradaudit
from gradaudit import check


def both(x: Any) -> tuple[float, Any]:
    return float(x @ x), 2 * x


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_report_is_neither_true_nor_false(factor: float) -> None:
    report = check(lambda x: (float(x @ x), factor * 2 * x), np.ones(3), rng=0)
    with pytest.raises(TypeError, match="verdict"):
        bool(report)
    with pytest.raises(TypeError, match="raise_for_failure"):
        assert not report


def test_layout_of_a_cost_without_its_gradient_needs_no_gradient() -> None:
    layout = gradaudit.discover_blocks(lambda t: float(t @ t), np.ones(3))
    assert layout.blocks == ()
    assert layout.size == 3


def test_layout_of_a_cost_without_its_gradient_has_names() -> None:
    def cost(theta: Any) -> float:
        W = theta[:6].reshape(2, 3)
        b = theta[6:]
        return float(np.sum((W @ np.ones(3) + b) ** 2))

    layout = gradaudit.discover_blocks(cost, np.ones(8))
    assert [(b.name, b.start, b.shape) for b in layout.blocks] == [("W", 0, (2, 3)), ("b", 6, (2,))]


def test_layout_of_weights_kept_in_a_list_is_found() -> None:
    class Model:
        spans = ((0, 6, (3, 2)), (6, 8, (2, 1)))

        def __init__(self) -> None:
            self.coefs_: list[Any] = [None, None]

        def loss(self, packed: Any) -> float:
            for i, (start, end, shape) in enumerate(self.spans):
                self.coefs_[i] = np.reshape(packed[start:end], shape)
            return float(np.sum(np.tanh(np.ones((4, 3)) @ self.coefs_[0]) @ self.coefs_[1]))

    layout = gradaudit.discover_blocks(Model().loss, np.ones(8))
    assert [(b.start, b.shape) for b in layout.blocks] == [(0, (3, 2)), (6, (2, 1))]


def test_one_block_is_counted_in_the_singular() -> None:
    assert "1 block," in repr(check(both, np.ones(3), rng=0))


def forgotten(t: Any) -> None:
    _ = t @ t


def test_function_without_a_return_is_told_its_name_place_and_remedy() -> None:
    report = check(forgotten, np.ones(3), rng=0)
    assert report.verdict == "FAIL"
    assert [(f.slug, f.level) for f in report.findings] == [("wrong-shape", "error")]
    finding = report.findings[0]
    assert "forgotten returns None" in finding.message
    assert "return cost, gradient" in finding.help
    assert finding.location is not None
    assert finding.location.line == forgotten.__code__.co_firstlineno


def test_audit_of_blocks_discovered_before_is_the_same() -> None:
    """Discovery is remembered; the second audit of one function learns the same numbers."""

    def fun(theta: Any) -> tuple[float, Any]:
        a = theta[:2]
        b = theta[2:]
        return float(a @ a + b @ b), np.r_[2 * a, 2 * b]

    first, second = (check(fun, np.ones(5), rng=3) for _ in range(2))
    assert [b.name for b in first.blocks] == [b.name for b in second.blocks] == ["a", "b"]
    assert [b.to_dict() for b in first.blocks] == [b.to_dict() for b in second.blocks]
