"""How an audit grows with the number of parameters: evaluations, own time, memory.

    python benchmarks/scaling.py [--quick] [--seed S] [--largest N]

The cost takes about 20 passes over theta. Memory is measured by tracemalloc (numpy reports to
it), in vectors of the size of theta, beyond what one call of the function needs at its peak.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import rosen, rosen_der

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gradaudit
from gradaudit import check

Vector = NDArray[np.float64]


def cost_and_grad(theta: Vector) -> tuple[float, Vector]:
    """Four blocks of log cosh, coupled; about 20 passes over theta and 3 vectors at the peak."""
    n = theta.size
    w = theta[: n // 2]
    v = theta[n // 2 : n - n // 4]
    b = theta[n - n // 4 : n - n // 8]
    c = theta[n - n // 8 :]
    grad = np.empty_like(theta)
    total = 0.0
    position = 0
    for part, stiffness in ((w, 1.0), (v, 0.5), (b, 2.0), (c, 0.1)):
        wave = np.tanh(part)
        square = part * part
        total += stiffness * float(np.sum(np.log(np.cosh(part))))
        total += 0.25 * float(np.sum(square * square)) + float(np.mean(part)) ** 2
        out = grad[position : position + part.size]
        np.multiply(square, part, out=out)
        wave *= stiffness
        out += wave
        out += 2.0 * float(np.mean(part)) / part.size
        position += part.size
    return total / n, grad / n


def typical_call(theta: Vector) -> float:
    """Return the median time of one cost and gradient, in seconds."""
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 0.2 and len(times) < 200):
        began = time.perf_counter()
        cost_and_grad(theta)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def peak(call: Callable[[], Any]) -> int:
    """Return the most memory held during a call beyond what was held before, in bytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def measure(n: int, seed: int) -> None:
    theta = np.random.default_rng(seed).standard_normal(n)
    one = typical_call(theta)
    if n < 10_000:
        check(cost_and_grad, theta, rng=seed)
    report = check(cost_and_grad, theta, rng=seed)
    calls = report.evaluations.cost
    # per call, against the calls of this very audit: other loads on the machine cancel
    own = report.own_seconds / report.user_seconds
    # a second run: tracemalloc slows small ones down, so that they are not timed under it
    memory: list[Any] = []
    needed = peak(lambda: memory.append(cost_and_grad(theta)))
    memory.clear()
    held = peak(lambda: check(cost_and_grad, theta, rng=seed))
    vectors = (held - needed) / theta.nbytes
    names = ", ".join(block.name for block in report.blocks)
    print(
        f"{n:12,d} {1e3 * one:11.3f} {calls:6d} {report.own_seconds:9.3f} {own:8.2f} "
        f"{vectors:9.1f} {report.verdict!s:>8s}  {names}",
        flush=True,
    )


def small_check(seed: int) -> None:
    """Time complete checks of functions of five parameters, the first and the later ones."""
    A = np.random.default_rng(seed).standard_normal((5, 5))

    def quadratic(x: Vector) -> tuple[float, Vector]:
        y = A @ x
        return 0.5 * float(y @ y), A.T @ y

    print("\nOwn time of a complete check of five parameters (goal: 10 ms from the second on)")
    starts = np.ones(5) * 0.7
    for name, fun, jac in (
        ("quadratic", quadratic, True),
        ("rosen, rosen_der", rosen, rosen_der),
    ):
        reports = [check(fun, starts, jac=jac, rng=seed + k) for k in range(21)]
        later = [1e3 * report.own_seconds for report in reports[1:]]
        print(
            f"  {name:18s} first {1e3 * reports[0].own_seconds:6.1f} ms, then median "
            f"{np.median(later):5.1f} ms, largest {max(later):5.1f} ms, "
            f"{reports[-1].evaluations.cost} evaluations, {reports[-1].verdict}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="up to 1e5 parameters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--largest", type=float, default=None, help="default 1e7 (quick 1e5)")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, gradaudit {gradaudit.__version__}, "
        f"numpy {version('numpy')}, scipy {version('scipy')}"
    )
    largest = options.largest or (1e5 if options.quick else 1e7)
    print(
        f"\n{'parameters':>12s} {'one call ms':>11s} {'calls':>6s} {'own s':>9s} "
        f"{'own/call':>8s} {'vectors':>9s} {'verdict':>8s}  blocks"
    )
    exponent = 2
    while 10**exponent <= largest:
        measure(10**exponent, options.seed)
        exponent += 1
    print(
        "own/call: own time for each evaluation, in units of one cost and gradient (goal: "
        "below 0.5)\nvectors: memory beyond one call of the function, in units of theta (goal: 6)"
    )
    small_check(options.seed)


if __name__ == "__main__":
    main()
