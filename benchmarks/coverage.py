"""Does the bar hold? A table of coverage over the functions of `zoo`.

    python benchmarks/coverage.py [--points N] [--seed S] [--set open|hidden|fresh|all] [--no-peers]

A point is covered when |true derivative - value| <= bar; at a kink when the
interval value +- bar reaches a slope between those of the two sides. A peer
that raises, or gives no finite bar, counts as covered ("no bar").
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from zoo import FRESH, HIDDEN, OPEN, Case  # noqa: E402

from gradaudit.numerics.derivative import derive  # noqa: E402

# Peers are slow: they see the first so many points of each function.
_PEER_POINTS = 10


@dataclass(slots=True)
class Tally:
    """What one method did on one class of functions."""

    points: int = 0
    missed: int = 0
    unbounded: int = 0
    bars: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)

    def add(self, value: float, bar: float, sides: tuple[float, float], evaluations: int) -> bool:
        """Count one answer and return whether it was right."""
        low, high = min(sides), max(sides)
        error = max(low - value, value - high, 0.0)
        size = max(abs(low), abs(high)) or 1.0
        covered = not math.isfinite(bar) or error <= bar
        self.points += 1
        self.missed += not covered
        self.unbounded += not math.isfinite(bar)
        self.bars.append(bar / size if math.isfinite(bar) else math.inf)
        self.errors.append(error / size if math.isfinite(error) else math.inf)
        self.evaluations.append(evaluations)
        return covered


def gather(tallies: Iterable[Tally]) -> Tally:
    """Add up tallies."""
    total = Tally()
    for tally in tallies:
        total.points += tally.points
        total.missed += tally.missed
        total.unbounded += tally.unbounded
        total.bars += tally.bars
        total.errors += tally.errors
        total.evaluations += tally.evaluations
    return total


Results = dict[tuple[str, str], Tally]
Method = Callable[[Case, float, np.random.Generator], tuple[float, float, int]]


class Counted:
    """A function of a float or an array that counts its evaluations."""

    def __init__(self, f: Callable[[float], float]) -> None:
        self.f = f
        self.calls = 0

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate point by point."""
        flat = np.asarray(x, dtype=np.float64).ravel().tolist()
        self.calls += len(flat)
        return np.array([self.f(v) for v in flat]).reshape(np.shape(x))


def ours(case: Case, x: float, rng: np.random.Generator) -> tuple[float, float, int]:
    f = Counted(case.f)
    slope = derive(
        lambda steps: f(x + steps),
        case.f(x),
        scale=abs(x) or 1.0,
        rng=rng,
        resolution=2.0**-52 * abs(x),
        origin=x,
    )
    # f(x) itself is one evaluation more.
    return slope.value, slope.bar, f.calls + 1


def of_numdifftools(case: Case, x: float, _: np.random.Generator) -> tuple[float, float, int]:
    import numdifftools  # optional: only this comparison needs it  # pyright: ignore

    f = Counted(case.f)
    result: Any = numdifftools.Derivative(f, full_output=True)(x)
    # Up to 0.9 a pair (value, info), later one record.
    info = result if hasattr(result, "error_estimate") else result[1]
    return float(result[0]), float(np.max(info.error_estimate)), f.calls


def of_scipy(case: Case, x: float, _: np.random.Generator) -> tuple[float, float, int]:
    from scipy.differentiate import derivative  # only in scipy 1.15 and newer

    f = Counted(case.f)
    result = derivative(f, x)
    return float(result.df), float(result.error), f.calls


def three_point(case: Case, x: float, _: np.random.Generator) -> tuple[float, float, int]:
    from scipy.optimize._numdiff import approx_derivative  # what scipy.optimize uses

    f = Counted(case.f)
    slopes: Any = approx_derivative(f, np.array([x]), method="3-point")
    value = float(np.ravel(slopes)[0])
    return value, 1e-6 * abs(value), f.calls


PEERS: dict[str, tuple[str, Method]] = {
    "numdifftools": ("numdifftools", of_numdifftools),
    "scipy.diff": ("scipy.differentiate", of_scipy),
    "3-point 1e-6": ("scipy.optimize", three_point),
}


def usable_peers() -> dict[str, Method]:
    """Return the peers that can be imported, and say which cannot."""
    found: dict[str, Method] = {}
    for name, (module, method) in PEERS.items():
        try:
            __import__(module)
        except ImportError:
            print(f"{name}: {module} is not installed, left out")
        else:
            found[name] = method
    return found


def run(
    cases: Iterable[Case],
    points: int,
    seed: int,
    peers: dict[str, Method],
) -> Results:
    """Differentiate every function at its points with every method."""
    tallies: Results = defaultdict(Tally)
    for case in cases:
        for i in range(points):
            rng = np.random.default_rng([seed, i])
            x = case.draw(rng)
            sides = case.truth(x)
            if not tallies["ours", case.kind].add(*answer(ours, case, x, rng, sides)):
                print(f"  missed: {case.name} at {x!r} (seed {seed}, point {i})")
            for name, method in peers.items() if i < _PEER_POINTS else ():
                tallies[name, case.kind].add(*answer(method, case, x, rng, sides))
    return tallies


def answer(
    method: Method,
    case: Case,
    x: float,
    rng: np.random.Generator,
    sides: tuple[float, float],
) -> tuple[float, float, tuple[float, float], int]:
    """Ask one method; an exception is an answer without a bar."""
    try:
        value, bar, evaluations = method(case, x, rng)
    except Exception:  # whatever a peer raises on a hard function
        value, bar, evaluations = math.nan, math.inf, 0
    return value, bar, sides, evaluations


def row(kind: str, mine: Tally) -> str:
    return (
        f"{kind:<12} {mine.points:>6,} {1 - mine.missed / mine.points:>7.4f} "
        f"{median(mine.bars):>8.1e} {median(mine.errors):>8.1e} {median(mine.evaluations):>5.0f}"
    )


def show(title: str, tallies: Results, peers: Iterable[str]) -> None:
    """Print the table of one set of functions."""
    names = list(peers)
    head = f"{'class':<12} {'points':>6} {'cover':>7} {'bar':>8} {'error':>8} {'evals':>5}"
    print(f"\n{title}\n{head}" + "".join(f"  {n + ' cover/bar':>24}" for n in names))
    kinds = list(dict.fromkeys(kind for _, kind in tallies))
    for kind in [*kinds, "all"]:
        cells = [f"  {beside(total(tallies, name, kind)):>24}" for name in names]
        print(row(kind, total(tallies, "ours", kind)) + "".join(cells))
    mine = total(tallies, "ours", "all")
    print(f"missed {mine.missed} of {mine.points:,}; no bar {mine.unbounded}")


def total(tallies: Results, name: str, kind: str) -> Tally:
    return gather(t for (n, k), t in tallies.items() if n == name and kind in (k, "all"))


def beside(tally: Tally) -> str:
    return f"{1 - tally.missed / tally.points:.3f} / {median(tally.bars):.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50, help="points of each function")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", choices=("open", "hidden", "fresh", "all"), default="all")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # overflow and domain errors of the zoo and of peers
    peers = {} if options.no_peers else usable_peers()
    for name, cases in (("open", OPEN), ("hidden", HIDDEN), ("fresh", FRESH)):
        if options.set in (name, "all"):
            found = run(cases, options.points, options.seed, peers)
            show(f"{name}: {len(cases)} functions, seed {options.seed}", found, peers)


if __name__ == "__main__":
    main()
