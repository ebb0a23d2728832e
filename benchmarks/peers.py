"""Evaluations and time at n = 16,474, beside the tools people use, and what is seen of five slips.

    python benchmarks/peers.py [--quick] [--seed S] [--draws K]

The model is the autoencoder 784-10-784 of the README, on 500 digits. Tools that differentiate
entry by entry are measured on a subset of the entries and their cost is extrapolated to all.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy.optimize._numdiff import approx_derivative

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gradaudit
from benchmarks.models import networks
from benchmarks.models.case import Case, Vector, change_gradient
from gradaudit import check

Gradient = Callable[[Vector, Vector], Vector]


class Counted:
    """A cost as a function of a few of the entries, the others fixed; counts its calls."""

    def __init__(self, case: Case, indices: NDArray[np.intp]) -> None:
        self.case, self.indices, self.calls = case, indices, 0
        self.theta = np.array(case.x0)

    def __call__(self, part: Any) -> float:
        """Return the cost with these entries put in."""
        self.calls += 1
        theta = self.theta.copy()
        theta[self.indices] = part
        return self.case.flat_cost(theta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table of costs; `one` is the time of one call under the same load."""

    tool: str
    calls: float
    seconds: float
    says: str
    one: float
    extrapolated: bool = False


def one_call(case: Case) -> float:
    """Return the time of one cost and gradient, now."""
    return median_seconds(lambda: case.fun(case.x0, *case.args))


def median_seconds(call: Callable[[], Any], repeats: int = 9) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


# ---------------------------------------------------------------- cost


def audits(case: Case, seed: int) -> Iterator[Row]:
    choices: tuple[tuple[str, dict[str, Any]], ...] = (
        ("gradaudit, 1 point", {"points": 1}),
        ("gradaudit, default (3 points)", {}),
        ("gradaudit, confidence 1 - 1e-6", {"confidence": 1 - 1e-6}),
    )
    for label, options in choices:
        check(case.fun, case.x0, args=case.args, rng=seed, **options)
        began = time.perf_counter()
        report = check(case.fun, case.x0, args=case.args, rng=seed, **options)
        seconds = time.perf_counter() - began
        bound = max(block.entry_bound for block in report.blocks)
        says = f"{report.verdict}, every entry within {bound:.1g}"
        calls = report.evaluations.cost
        one = report.user_seconds / calls
        yield Row(tool=label, calls=calls, seconds=seconds, says=says, one=one)


def entry_by_entry(case: Case, subset: int, seed: int, *, quick: bool) -> Iterator[Row]:
    """Measure on a random subset and extrapolate by the number of entries."""
    n = case.x0.size
    rng = np.random.default_rng(seed)
    exact = case.flat_gradient(case.x0)

    def run(tool: str, size: int, differentiate: Callable[[Counted, Vector], Any]) -> Row:
        indices = np.sort(rng.choice(n, size, replace=False))
        counted = Counted(case, indices)
        before = one_call(case)
        began = time.perf_counter()
        found = np.ravel(differentiate(counted, case.x0[indices]))
        seconds = time.perf_counter() - began
        # the gradient being right, what is printed as an error is the tool's own
        error = np.linalg.norm(found - exact[indices]) / np.linalg.norm(exact[indices])
        return Row(
            tool=tool,
            calls=counted.calls * n / size,
            seconds=seconds * n / size,
            says=f"error of its own {error:.0e}",
            one=0.5 * (before + one_call(case)),
            extrapolated=True,
        )

    yield run("scipy check_grad (2-point)", subset, lambda f, x: scipy.optimize.approx_fprime(x, f))
    yield run(
        "scipy approx_derivative 3-point",
        subset,
        lambda f, x: approx_derivative(f, x, method="3-point"),
    )
    if importlib.util.find_spec("numdifftools"):
        import numdifftools

        size = 4 if quick else 20
        yield run("numdifftools Gradient", size, lambda f, x: numdifftools.Gradient(f)(x))


def check_grad_random(case: Case) -> Row:
    calls = [0, 0]

    def fun(theta: Vector) -> float:
        calls[0] += 1
        return case.flat_cost(theta)

    def jac(theta: Vector) -> Vector:
        calls[1] += 1
        return case.flat_gradient(theta)

    began = time.perf_counter()
    value = scipy.optimize.check_grad(fun, jac, case.x0, direction="random", rng=0)
    seconds = time.perf_counter() - began
    return Row(
        tool="scipy check_grad (random)",
        calls=sum(calls),
        seconds=seconds,
        says=f"{value:.1e}",
        one=one_call(case),
    )


def autograd_row(case: Case) -> Row | None:
    if importlib.util.find_spec("autograd") is None:
        print("autograd is not installed: left out")
        return None
    import autograd

    anp: Any = importlib.import_module("autograd.numpy")

    visible, hidden, lam, data = case.args

    def cost(theta: Any) -> Any:
        W1, W2, b1, b2 = _unpack(theta, visible, hidden)
        a2 = 0.5 * (1 + anp.tanh(0.5 * (anp.dot(W1, data) + b1[:, None])))
        a3 = 0.5 * (1 + anp.tanh(0.5 * (anp.dot(W2, a2) + b2[:, None])))
        fit = 0.5 * anp.sum((data - a3) ** 2) / data.shape[1]
        return fit + 0.5 * lam * (anp.sum(W1**2) + anp.sum(W2**2))

    grad: Any = autograd.grad
    gradient = grad(cost)
    return _automatic("autograd grad (cost written anew)", lambda: gradient(case.x0), case)


def torch_row(case: Case) -> Row | None:
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: left out")
        return None
    import torch

    visible, hidden, lam, data = case.args
    examples = torch.from_numpy(data)

    def gradient() -> Vector:
        theta = torch.from_numpy(case.x0).clone().requires_grad_(True)
        W1, W2, b1, b2 = _unpack(theta, visible, hidden)
        a2 = torch.sigmoid(W1 @ examples + b1[:, None])
        a3 = torch.sigmoid(W2 @ a2 + b2[:, None])
        fit = 0.5 * ((examples - a3) ** 2).sum() / examples.shape[1]
        (fit + 0.5 * lam * ((W1**2).sum() + (W2**2).sum())).backward()
        return theta.grad.numpy()  # type: ignore[union-attr]

    return _automatic("torch backward (cost written anew)", gradient, case)


def _automatic(tool: str, gradient: Callable[[], Vector], case: Case) -> Row:
    exact = case.flat_gradient(case.x0)
    error = np.linalg.norm(gradient() - exact) / np.linalg.norm(exact)
    seconds = median_seconds(gradient)
    says = f"differs by {error:.0e}"
    return Row(tool=tool, calls=1, seconds=seconds, says=says, one=one_call(case))


def gradcheck_row(case: Case, *, fast: bool, subset: int) -> Row | None:
    """Time torch.autograd.gradcheck on the hand-written gradient, slow mode on a subset."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    n = case.x0.size
    size = n if fast else subset
    counted = Counted(case, np.arange(size))

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.tensor(counted(x.detach().numpy()), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            theta = counted.theta.copy()
            theta[:size] = ctx.saved_tensors[0].detach().numpy()
            counted.calls += 1
            return grad_output * torch.from_numpy(case.flat_gradient(theta)[:size])

    x = torch.from_numpy(case.x0[:size].copy()).requires_grad_(True)
    began = time.perf_counter()
    answer = torch.autograd.gradcheck(Function.apply, (x,), fast_mode=fast, raise_exception=False)
    seconds = time.perf_counter() - began
    return Row(
        tool=f"torch gradcheck, {'fast' if fast else 'slow'}",
        calls=counted.calls * n / size,
        seconds=seconds * n / size,
        says=f"{answer}",
        one=one_call(case),
        extrapolated=not fast,
    )


def _unpack(theta: Any, visible: int, hidden: int) -> tuple[Any, Any, Any, Any]:
    size = visible * hidden
    return (
        theta[:size].reshape(hidden, visible),
        theta[size : 2 * size].reshape(visible, hidden),
        theta[2 * size : 2 * size + hidden],
        theta[2 * size + hidden :],
    )


def print_costs(rows: list[Row]) -> None:
    calm = min(row.one for row in rows)
    print(f"\nOne cost and gradient: {1e3 * calm:.1f} ms at best. Calls and time of each tool.")
    print(f"{'':37s} {'calls':>9s} {'seconds':>9s} {'in calls':>9s}  says of the right gradient")
    for row in rows:
        mark = "*" if row.extrapolated else " "
        print(
            f"{row.tool:36s}{mark} {row.calls:9,.0f} {row.seconds:9.3g} "
            f"{row.seconds / row.one:9,.0f}  {row.says}"
        )
    print(
        "* measured on a subset of the entries, extrapolated to all of them\n"
        "in calls: seconds over those of one cost and gradient at that moment"
    )


# ---------------------------------------------------------------- planted


def slips(case: Case, draws: int, rng: np.random.Generator) -> Iterator[tuple[str, str, Gradient]]:
    """Return (kind, block, change of the gradient)."""
    spans = case.spans()
    m = case.args[-1].shape[1]
    indices = rng.integers(0, case.x0.size, draws)

    def entry(index: int) -> Gradient:
        def change(g: Vector, _theta: Vector) -> Vector:
            g[index] *= 1.001
            return g

        return change

    for index in indices:
        block = next(name for name, span in spans.items() if span.start <= index < span.stop)
        yield "one random entry x 1.001", block, entry(int(index))

    def transposed(g: Vector, _theta: Vector) -> Vector:
        g[spans["W1"]] = g[spans["W1"]].reshape(case.shapes["W1"]).T.ravel()
        return g

    def unpenalized(g: Vector, theta: Vector) -> Vector:
        g[spans["W2"]] -= case.penalty * theta[spans["W2"]]
        return g

    def mean(g: Vector, _theta: Vector) -> Vector:
        g[spans["b1"]] /= m
        return g

    few = max(3, draws // 10)
    for kind, block, change in (
        ("W1 transposed", "W1", transposed),
        ("penalty 1e-4 of W2 missing", "W2", unpenalized),
        ("all x 1.000001", "", lambda g, _theta: 1.000001 * g),
        ("b1 a mean for a sum", "b1", mean),
    ):
        for _ in range(few):
            yield kind, block, change


def run_slips(case: Case, draws: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    verdicts: dict[str, Counter[str]] = {}
    peers: dict[str, Counter[bool]] = {}
    calls: dict[str, list[int]] = {}
    for number, (kind, block, change) in enumerate(slips(case, draws, rng)):
        wrong = change_gradient(case, change, kind)
        report = check(wrong.fun, wrong.x0, args=wrong.args, rng=seed + number)
        failed = {b.name for b in report.blocks if b.verdict == "FAIL"}
        expected = {block} if block else {b.name for b in report.blocks}
        counts = verdicts.setdefault(kind, Counter())
        counts[str(report.verdict)] += 1
        counts["blocks"] += failed == expected
        calls.setdefault(kind, []).append(report.evaluations.cost)
        value = scipy.optimize.check_grad(
            wrong.flat_cost, wrong.flat_gradient, wrong.x0, direction="random", rng=seed + number
        )
        peers.setdefault(kind, Counter())[bool(value > 1e-5)] += 1
    print("\nPlanted in the gradient, default settings, a new seed for each draw")
    print(
        f"{'':28s} {'draws':>5s} {'FAIL':>5s} {'unsure':>6s} {'PASS':>5s} {'right blocks':>12s} "
        f"{'calls':>6s}  check_grad random > 1e-5"
    )
    for kind, counts in verdicts.items():
        total = len(calls[kind])
        print(
            f"{kind:28s} {total:5d} {counts['FAIL']:5d} {counts['INCONCLUSIVE']:6d} "
            f"{counts['PASS']:5d} {counts['blocks']:12d} {np.median(calls[kind]):6.0f}  "
            f"{peers[kind][True]} of {total}"
        )


def print_versions() -> None:
    found = [f"gradaudit {gradaudit.__version__}"]
    for name in ("numpy", "scipy", "numdifftools", "autograd", "torch"):
        with contextlib.suppress(Exception):
            found.append(f"{name} {version(name)}")
    print(f"Python {platform.python_version()}, {', '.join(found)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="smaller subsets, 10 draws")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=None, help="single entries (default 50)")
    options = parser.parse_args()
    quick = options.quick
    print_versions()
    case = networks.autoencoder_large(options.seed)
    print(f"{case.name}: n = {case.x0.size:,}, blocks {', '.join(case.blocks)}")

    subset = 50 if quick else 300
    rows: list[Row | None] = [*audits(case, options.seed), check_grad_random(case)]
    rows += [
        gradcheck_row(case, fast=True, subset=subset),
        gradcheck_row(case, fast=False, subset=subset),
        *entry_by_entry(case, subset, options.seed, quick=quick),
        autograd_row(case),
        torch_row(case),
    ]
    print_costs([row for row in rows if row is not None])
    run_slips(case, options.draws or (10 if quick else 50), options.seed)


if __name__ == "__main__":
    main()
