"""What was discovered is remembered as long as the function lives and its surroundings agree."""
# ruff: noqa: E731, ARG001, ARG005

import gc
import time
from typing import Any

import numpy as np

from gradaudit.blocks import Layout
from gradaudit.source.discovery import Discovery
from gradaudit.source.memory import fingerprint, remember_discovery, remembered_discovery

found = Discovery(Layout((), 4, "somewhere"), {"m": 3}, evaluated=True)
width = 3


def cost(theta: Any, data: Any = None) -> Any:
    return theta[:width].sum() + helper(theta)


def helper(theta: Any) -> Any:
    return theta.sum() * depth


depth = 2


def test_same_function_and_surroundings_are_remembered() -> None:
    remember_discovery(cost, 4, fingerprint(cost), found)
    again = remembered_discovery(cost, 4, fingerprint(cost))
    assert again is not None
    assert (again.layout, again.sizes, again.evaluated) == (found.layout, {"m": 3}, False)
    assert remembered_discovery(cost, 5, fingerprint(cost)) is None


def test_lambda_made_again_is_remembered_and_other_sizes_are_not() -> None:
    def make(n: int, data: Any) -> Any:
        return lambda theta: theta[:n].sum() + data.sum()

    first = make(3, np.ones((2, 5)))
    remember_discovery(first, 4, fingerprint(first), found)
    for fun, known in (
        (make(3, np.zeros((2, 5))), True),
        (make(2, np.ones((2, 5))), False),
        (make(3, np.ones((5, 2))), False),
    ):
        assert (remembered_discovery(fun, 4, fingerprint(fun)) is not None) is known


def test_arguments_globals_and_globals_of_helpers_count(monkeypatch: Any) -> None:
    before = fingerprint(cost, (np.ones(3), 2))
    assert fingerprint(cost, (np.zeros(3), 2)) == before
    assert fingerprint(cost, (np.ones(4), 2)) != before
    assert fingerprint(cost, (np.ones(3), 3)) != before
    monkeypatch.setitem(globals(), "width", 4)
    assert fingerprint(cost, (np.ones(3), 2)) != before
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "depth", 5)
    assert fingerprint(cost, (np.ones(3), 2)) != before


def test_object_state_counts() -> None:
    class Model:
        def __init__(self, hidden: int) -> None:
            self.hidden = hidden
            self.sizes = [hidden, 2]

        def cost(self, theta: Any) -> Any:
            return theta[: self.hidden].sum()

    assert fingerprint(Model(3).cost) == fingerprint(Model(3).cost)
    assert fingerprint(Model(3).cost) != fingerprint(Model(4).cost)


def test_memory_is_bounded_and_forgets_dead_functions() -> None:
    from gradaudit.source import memory

    for number in range(20):
        remember_discovery(cost, 4, (number,), found)
    assert sum(remembered_discovery(cost, 4, (n,)) is not None for n in range(20)) == 8
    namespace: dict[str, Any] = {}
    for number in range(300):
        exec(compile(f"def f(x): return x + {number}", f"<{number}>", "exec"), namespace)
        remember_discovery(namespace["f"], 4, fingerprint(namespace["f"]), found)
    gc.collect()
    known = memory._REMEMBERED.known  # the bound itself has no public face
    assert len(known) <= 256
    assert not any(code.co_filename == "<17>" for code in known)


def test_fingerprint_is_cheap() -> None:
    data = np.ones((50, 20))
    layers = [{"W": np.ones((3, 3)), "b": np.ones(3)} for _ in range(20)]
    fun = lambda theta: cost(theta, data) + len(layers)
    fingerprint(fun)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        remembered_discovery(fun, 4, fingerprint(fun, (data, 3)))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3e-3


def test_anything_can_be_summarised() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    cycle: list[Any] = [Hostile()]
    cycle.append(cycle)
    hash(fingerprint(lambda x: cycle, (cycle, Hostile(), float("nan"), np.float32("nan"))))
    assert remembered_discovery(3, 4, fingerprint(3)) is None
    remember_discovery(None, 4, (), found)
