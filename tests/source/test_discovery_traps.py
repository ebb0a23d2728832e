"""Programs in which a name could be invented, or the wrong one chosen."""

# ruff: noqa: ARG001, ARG005

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradaudit.errors import BudgetExhausted
from gradaudit.source.discovery import discover_layout, fill_distinct, fill_near


def names(cost: Callable[[Any], Any], size: int, **options: Any) -> list[str]:
    return [block.name for block in discover_layout(cost, size, **options).layout.blocks]


def places(cost: Callable[[Any], Any], size: int) -> dict[str, tuple[int, tuple[int, ...]]]:
    layout = discover_layout(cost, size).layout
    return {block.name: (block.start, block.shape) for block in layout.blocks}


def half_square(x: Any) -> Any:
    gradient = x.copy()
    return 0.5 * x @ x, gradient


def rosenbrock(x: Any) -> Any:
    head, tail = x[:-1], x[1:]
    return (100 * (tail - head**2) ** 2 + (1 - head) ** 2).sum()


def rosenbrock_gradient(x: Any) -> Any:
    xm = x[1:-1]
    xm_m1 = x[:-2]
    xm_p1 = x[2:]
    der = np.zeros_like(x)
    der[1:-1] = 200 * (xm - xm_m1**2) - 400 * (xm_p1 - xm**2) * xm
    return der


def loop_over_entries(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        xi = x[i]
        total += xi**2
    for entry in x:
        total += entry
    return total


def loop_over_layers(theta: Any) -> Any:
    start, total = 0, 0.0
    for n in (3, 2, 1):
        W = theta[start : start + n]
        start += n
        total += (W**2).sum()
    return total


def largest_entry(x: Any) -> Any:
    shift = x.max()
    low = np.min(x)
    worst = max(x)
    return shift + np.log(np.exp(x - shift).sum()) + low + worst


def entry_of_a_computed_index(x: Any) -> Any:
    k = int(np.argmax(x))
    top = x[k]
    return float(top)


def list_of_entries(x: Any) -> Any:
    values = list(x)
    return sum(value**2 for value in values)


def layers_in_a_loop_with_a_context(x: Any) -> Any:
    total, start = 0.0, 0
    for n in (2, 4):
        with np.errstate(all="ignore"):
            W = x[start : start + n]
        start += n
        total += W.sum()
    return total


def largest_in_a_dict(x: Any) -> Any:
    summary = {"max": x.max(), "min": x.min()}
    return summary["max"] - summary["min"]


def sorted_copy(x: Any) -> Any:
    ranked = np.sort(x)
    return (ranked * np.arange(x.size)).sum()


def bias_tile(theta: Any) -> Any:
    b = theta
    tiled = np.tile(b, (4, 1))
    spread = np.broadcast_to(theta, (3, theta.size))
    return (tiled**2).sum() + spread.sum()


def remembers_points(x: Any, history: list[Any] = []) -> Any:  # noqa: B006
    history.append(x.copy())
    theta_old = x.copy()
    return ((x - history[0]) ** 2).sum() + theta_old.sum()


def column_of_everything(x: Any) -> Any:
    column = x.reshape(-1, 1)
    row = x[None, :]
    return (row @ column).item()


@pytest.mark.parametrize(
    "cost",
    [
        half_square,
        rosenbrock,
        rosenbrock_gradient,
        loop_over_entries,
        loop_over_layers,
        largest_entry,
        largest_in_a_dict,
        entry_of_a_computed_index,
        list_of_entries,
        layers_in_a_loop_with_a_context,
        sorted_copy,
        bias_tile,
        remembers_points,
        column_of_everything,
    ],
    ids=lambda cost: cost.__name__,
)
def test_no_block_is_invented(cost: Callable[[Any], Any]) -> None:
    assert names(cost, 6) == []
    assert names(cost, 6, near=np.linspace(0.0, 1.0, 6)) == []


def test_gradient_that_equals_a_block_does_not_lend_it_its_name() -> None:
    def penalty_only(theta: Any, lam: float = 1.0) -> Any:
        grad_W = lam * theta[:6].reshape(2, 3)
        gb = theta[6:] * lam
        return 0.5 * (grad_W**2).sum() + 0.5 * (gb**2).sum(), np.append(grad_W, gb)

    assert names(penalty_only, 8) == ["theta[:6]", "theta[6:]"]


def test_own_name_wins_over_gradient_momentum_and_old_copy() -> None:
    def cost(theta: Any) -> Any:
        W_old = theta[:6].reshape(2, 3).copy()
        velocity = np.multiply(1.0, theta[:6].reshape(2, 3))
        W = theta[:6].reshape(2, 3)
        b = theta[6:]
        grad_W = 1.0 * W
        return (W**2).sum() + b.sum() + (W_old - velocity).sum(), grad_W

    assert places(cost, 8) == {"W": (0, (2, 3)), "b": (6, (2,))}


def test_list_of_views_wins_over_list_of_gradients() -> None:
    def cost(theta: Any) -> Any:
        grads = [1.0 * theta[:4], 1.0 * theta[4:]]
        Ws = [theta[:4], theta[4:]]
        return sum((W**2).sum() for W in Ws), np.concatenate(grads)

    assert names(cost, 7) == ["Ws[0]", "Ws[1]"]


def test_inline_use_is_left_unclaimed() -> None:
    def cost(theta: Any) -> Any:
        b = theta[6:]
        return float((theta[:6].reshape(2, 3) @ np.ones(3)).sum() + b.sum())

    layout = discover_layout(cost, 8).layout
    assert [block.name for block in layout.blocks if block.name == "b"] == ["b"]
    assert all(block.name == "b" or block.name.startswith("theta[") for block in layout.blocks)


def test_helper_that_is_called_for_each_layer_numbers_its_name() -> None:
    def layer(W: Any) -> Any:
        return np.tanh(W).sum()

    def cost(theta: Any) -> Any:
        return layer(theta[:4]) + layer(theta[4:10].reshape(2, 3))

    assert places(cost, 10) == {"W#1": (0, (4,)), "W#2": (4, (2, 3))}


def test_exception_in_the_function_keeps_what_was_seen() -> None:
    def cost(theta: Any) -> Any:
        W, b = theta[:6].reshape(2, 3), theta[6:]
        raise np.linalg.LinAlgError("not positive definite" if W.size + b.size else "")

    found = discover_layout(cost, 8)
    assert [block.name for block in found.layout.blocks] == ["W", "b"]
    assert found.evaluations == 1
    assert "LinAlgError: not positive definite" in found.notes[0]


def test_second_run_is_near_the_start_or_far_from_it() -> None:
    start = np.full(8, 3.0)

    def picky(theta: Any) -> Any:
        if not (theta > 0.6).all():
            raise ValueError("out of the domain")
        W, b = theta[:6], theta[6:]
        return W.sum() + b.sum()

    def pickier(theta: Any) -> Any:
        if (theta > 0.6).all():
            raise ValueError("out of the domain")
        W, b = theta[:6], theta[6:]
        return W.sum() + b.sum()

    assert [b.name for b in discover_layout(picky, 8, near=start).layout.blocks] == ["W", "b"]
    again = discover_layout(pickier, 8, near=start)
    assert [b.name for b in again.layout.blocks] == ["W", "b"]
    assert again.evaluations == 2


def test_floating_point_error_is_not_provoked() -> None:
    def cost(theta: Any) -> Any:
        W, b = theta[:6], theta[6:]
        return np.log(W - 10).sum() / 0.0 if np.sqrt(b - 10).sum() else 0.0

    with np.errstate(all="raise"):
        assert names(cost, 8) == ["W", "b"]


def test_budget_ends_a_discovery() -> None:
    def cost(theta: Any) -> Any:
        raise BudgetExhausted("no more")

    with pytest.raises(BudgetExhausted):
        discover_layout(cost, 3)


def test_keyboard_interrupt_passes_through() -> None:
    def cost(theta: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        discover_layout(cost, 3)


def test_sizes_of_the_problem_are_observed() -> None:
    X = np.ones((7, 3))

    def cost(theta: Any, k: int = 4) -> Any:
        m = float(X.shape[0])
        data = X
        n = np.int64(data.shape[1])
        return theta.sum() / m * n * k

    sizes = discover_layout(cost, 12).sizes
    assert (sizes["m"], sizes["n"], sizes["k"]) == (7, 3, 4)
    assert (sizes["data.shape[0]"], sizes["data.shape[1]"]) == (7, 3)


def test_objects_that_refuse_everything_are_survived() -> None:
    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __bool__(self) -> bool:
            raise RuntimeError

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    class Worse(Hostile):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    def cost(theta: Any) -> Any:
        odd, worse = Hostile(), Worse()
        cycle: list[Any] = [odd, worse]
        cycle.append(cycle)
        W, b = theta[:4], theta[4:]
        return W.sum() + b.sum() + len(cycle)

    assert names(cost, 6) == ["W", "b"]


def test_freed_memory_is_not_mistaken_for_a_block() -> None:
    def cost(theta: Any) -> Any:
        total = 0.0
        for _ in range(50):
            scratch = np.empty(theta.size)
            scratch[:] = 1.0
            total += scratch.sum()
            del scratch
        noise = np.ones(4)
        return total + noise.sum() + theta.sum()

    assert names(cost, 6) == []


def test_empty_vector_is_not_run() -> None:
    assert discover_layout(lambda theta: 1 / 0, 0).evaluations == 0


@pytest.mark.parametrize("size", [1, 2, 3_289, 1_000_000, 4_000_000])
def test_fill_is_distinct_and_exact_in_single_precision(size: int) -> None:
    numbers = fill_distinct(size, np.random.default_rng(0))
    assert np.unique(numbers).size == size
    assert (numbers.astype(np.float32) == numbers).all()
    assert np.abs(numbers).max() < 0.5


def test_fill_near_a_point_stays_close_and_keeps_signs() -> None:
    point = np.array([0.0, 1.0, -2.0, 1e-30, 1e30, 1e300, -1e-300])
    moved = fill_near(point, np.random.default_rng(0))
    assert (np.abs(moved - point) <= 2.1e-3 * np.abs(point) + 2e-3 * (point == 0)).all()
    assert ((moved > 0) == (point >= 0)).all()
    assert np.unique(moved).size == point.size
