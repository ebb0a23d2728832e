"""Planted faults found and missed, and false alarms on right gradients, beside other checks.

    python benchmarks/detection.py [--quick] [--seed S] [--seeds K] [--no-peers]

Every kind of fault is planted in every model it applies to; a fault that changes nothing there is
left out. The peers look at the same functions at x0, as their users call them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import platform
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gradaudit
from benchmarks.models import (
    containers,
    engineering,
    libraries,
    likelihoods,
    networks,
    oddities,
    units,
)
from benchmarks.models.case import Case, Vector, flatten
from benchmarks.models.faults import FAULTS, edits, wrong_entries
from gradaudit import check

MODULES = (networks, likelihoods, containers, engineering)
# Half a second and more for one audit: every fourth kind of fault is planted in these.
SLOW = {"soft-DTW barycentre", "hidden Markov model", "ODE fit with sensitivities (odeint)"}
QUICK = (
    networks.softmax_regression,
    networks.relu_network,
    networks.recurrent,
    networks.attention,
    likelihoods.logistic,
    likelihoods.negative_binomial,
    containers.factorisation,
    containers.mixture,
    containers.layers_with_caches,
    engineering.lasso,
    engineering.heat_control,
    engineering.log_barrier,
)
# The peers take 2 n evaluations; larger models are not shown to them.
PEER_SIZE = 150
FAIL, PASS, UNSURE, CRASH = "FAIL", "PASS", "INCONCLUSIVE", "crash"

Check = Callable[[Case], bool]


@dataclass(slots=True)
class Tally:
    """What happened to one kind of fault."""

    verdicts: Counter[str] = field(default_factory=Counter[str])
    guilty: int = 0  # blocks that hold a wrong entry
    named: int = 0  # of these, failed
    accused: int = 0  # blocks failed that hold none
    evaluations: list[int] = field(default_factory=list[int])
    peers: dict[str, Counter[bool]] = field(
        default_factory=lambda: defaultdict[str, Counter[bool]](Counter)
    )


# ---------------------------------------------------------------- the peers


def _objective(case: Case) -> tuple[Callable[[Vector], float], Callable[[Vector], Vector], Vector]:
    return case.flat_cost, case.flat_gradient, flatten(case.x0)


def check_grad_all(case: Case) -> bool:
    """Users compare with 1e-5 or thereabouts (scikit-learn's own tests: 1e-3 to 1e-5)."""
    return scipy.optimize.check_grad(*_objective(case)) < 1e-5


def check_grad_random(case: Case) -> bool:
    fun, jac, x0 = _objective(case)
    return scipy.optimize.check_grad(fun, jac, x0, direction="random", rng=0) < 1e-5


def _ufldl_ratio(case: Case) -> float:
    fun, jac, x0 = _objective(case)
    eps, numeric = 1e-4, np.empty(x0.size)
    for i in range(x0.size):
        step = np.zeros(x0.size)
        step[i] = eps
        numeric[i] = (fun(x0 + step) - fun(x0 - step)) / (2 * eps)
    analytic = jac(x0)
    total = np.linalg.norm(numeric + analytic)
    return float(np.linalg.norm(numeric - analytic) / total) if total else 0.0


def _torch_gradcheck(case: Case, *, fast: bool) -> bool:
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.tensor(case.flat_cost(x.detach().numpy().copy()), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad_output * torch.from_numpy(case.flat_gradient(x.detach().numpy().copy()))

    x0 = torch.from_numpy(flatten(case.x0)).requires_grad_(True)
    torch.manual_seed(0)
    return torch.autograd.gradcheck(Function.apply, (x0,), raise_exception=False, fast_mode=fast)


def peer_checks() -> dict[str, Check]:
    """Return the checks to compare with: True means that they find nothing wrong."""
    peers: dict[str, Check] = {
        "check_grad": check_grad_all,
        "cg random": check_grad_random,
        "UFLDL 1e-7": lambda case: _ufldl_ratio(case) < 1e-7,
        "UFLDL 1e-9": lambda case: _ufldl_ratio(case) < 1e-9,
    }
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: gradcheck is left out")
    else:
        peers["torch slow"] = lambda case: _torch_gradcheck(case, fast=False)
        peers["torch fast"] = lambda case: _torch_gradcheck(case, fast=True)
    return peers


def ask_peers(case: Case, peers: dict[str, Check], tally: Tally) -> None:
    if flatten(case.x0).size > PEER_SIZE or case.name.split(":")[0] in SLOW:
        return
    for name, peer in peers.items():
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tally.peers[name][not peer(case)] += 1


# ---------------------------------------------------------------- one audit


def audit(case: Case, seed: int) -> tuple[str, Any]:
    """Return the verdict (or "crash") and the report (or the exception)."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            report = check(
                case.fun, case.x0, jac=case.jac, args=case.args, bounds=case.bounds, rng=seed
            )
    except Exception as error:
        return CRASH, error
    return str(report.verdict), report


def compare_blocks(report: Any, bad: Any, tally: Tally) -> None:
    for block in report.blocks:
        wrong = bool(bad[block.start : block.start + block.size].any())
        failed = block.verdict == FAIL
        tally.guilty += wrong
        tally.named += wrong and failed
        tally.accused += failed and not wrong


# ---------------------------------------------------------------- planted faults


def planted(seed: int, *, quick: bool) -> Iterator[tuple[str, bool, Case, Case]]:
    """Return (kind, whether it is a matter of wiring, right case, wrong case)."""
    rng = np.random.default_rng(seed)
    makers = QUICK if quick else tuple(make for module in MODULES for make in module.ALL)
    for make in makers:
        for number, fault in enumerate(FAULTS):
            right = make(seed)
            if right.name in SLOW and number % 4:
                continue
            wrong = fault.plant(right, rng)
            if wrong is not None:
                # a case with state of its own must not be shared
                yield fault.kind, fault.wiring, make(seed), wrong
    for edit in edits():
        if edit.make in makers:
            yield f"edit: {edit.kind}", False, edit.make(seed), edit.case(seed)


def run_planted(
    seeds: range, *, quick: bool, peers: dict[str, Check]
) -> tuple[dict[str, Tally], list[str]]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    remarks: list[str] = []
    for seed in seeds:
        for kind, wiring, right, wrong in planted(seed, quick=quick):
            bad, error = None, np.nan
            if not wiring:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    bad, error = wrong_entries(right, wrong, np.random.default_rng(seed))
                if not bad.any():
                    continue
            elif "linear cost" in right.name:
                continue  # its gradient is the same everywhere: nothing is wrong
            tally = tallies[kind]
            verdict, report = audit(wrong, seed)
            tally.verdicts[verdict] += 1
            if verdict == CRASH:
                remarks.append(f"crash: {wrong.name} (seed {seed}): {report!r}")
                continue
            tally.evaluations.append(report.evaluations.cost)
            if verdict == FAIL and bad is not None:
                before = tally.accused
                compare_blocks(report, bad, tally)
                if tally.accused > before:
                    remarks.append(f"right block failed: {wrong.name} (seed {seed})")
            elif verdict == PASS:
                remarks.append(f"missed: {wrong.name} (seed {seed}), error {error:.1e}")
            if not wiring and seed == seeds[0]:
                ask_peers(wrong, peers, tally)
    return tallies, remarks


# ---------------------------------------------------------------- right gradients


def healthy(seed: int, *, quick: bool) -> Iterator[tuple[str, Case]]:
    """Return right gradients by group: own models, libraries, exact changes of units."""
    makers = QUICK if quick else tuple(make for module in MODULES for make in module.ALL)
    for make in makers:
        yield "own models", make(seed)
    for make in oddities.ALL:
        yield "awkward functions", make(seed)
    for group, cases in (
        ("scipy", libraries.scipy_cases),
        ("scikit-learn", libraries.sklearn_cases),
        ("statsmodels", libraries.statsmodels_cases),
    ):
        for case in cases(seed):
            yield group, case
    for make in makers[::2] if quick else makers:
        case = make(seed)
        if case.name not in SLOW:
            for other in units.other_units(case, seed):
                yield "changes of units", other


def run_healthy(
    seeds: range, *, quick: bool, peers: dict[str, Check]
) -> tuple[dict[str, Tally], list[str]]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    remarks: list[str] = []
    for seed in seeds:
        for group, case in healthy(seed, quick=quick):
            verdict, report = audit(case, seed)
            tally = tallies[group]
            tally.verdicts[verdict] += 1
            if verdict != CRASH:
                tally.evaluations.append(report.evaluations.cost)
            if verdict != PASS:
                remarks.append(f"{verdict}: {case.name} (seed {seed}){_why(verdict, report)}")
            if seed == seeds[0]:
                ask_peers(case, peers, tally)
    return tallies, remarks


def _why(verdict: str, report: Any) -> str:
    if verdict == CRASH:
        return f": {report!r}"
    reasons = [f"{b.name}: {b.reason}" for b in report.blocks if b.verdict != PASS]
    found = [f.slug for f in report.findings if f.level == "error"]
    return f": {'; '.join((found + reasons)[:2])[:200]}"


def run_known(seed: int) -> None:
    print("\nPublicly known wrong gradients (right answer: FAIL)")
    for case in libraries.known_wrong(seed):
        verdict, report = audit(case, seed)
        print(f"  {verdict:13s} {case.name}{_why(verdict, report)}")


# ---------------------------------------------------------------- tables


def print_table(
    title: str, tallies: dict[str, Tally], peers: dict[str, Check], *, faults: bool
) -> None:
    width = max(len(kind) for kind in tallies)
    head = f"{'':{width}s} {'audits':>6s} {FAIL:>6s} {'unsure':>6s} {PASS:>6s} {'crash':>5s}"
    if faults:
        head += f" {'blocks named':>13s} {'accused':>7s}"
    head += f" {'evals':>6s}  " + "  ".join(peers)
    print(f"\n{title}\n{head}")
    total = Tally()
    for kind, tally in tallies.items():
        print(_row(f"{kind:{width}s}", tally, peers, faults=faults))
        total.verdicts += tally.verdicts
        total.guilty += tally.guilty
        total.named += tally.named
        total.accused += tally.accused
        total.evaluations += tally.evaluations
        for name, counts in tally.peers.items():
            total.peers[name] += counts
    print(_row(f"{'all':{width}s}", total, peers, faults=faults))


def _row(label: str, tally: Tally, peers: dict[str, Check], *, faults: bool) -> str:
    counts = tally.verdicts
    row = f"{label} {counts.total():6d} {counts[FAIL]:6d} {counts[UNSURE]:6d} {counts[PASS]:6d}"
    row += f" {counts[CRASH]:5d}"
    if faults:
        row += f" {tally.named:6d}/{tally.guilty:<6d} {tally.accused:7d}"
    row += f" {np.median(tally.evaluations) if tally.evaluations else 0:6.0f}  "
    cells = [f"{tally.peers[p][True]}/{tally.peers[p].total()}" for p in peers]
    return row + "  ".join(f"{cell:>{len(p)}s}" for cell, p in zip(cells, peers, strict=True))


def print_versions() -> None:
    names = ("numpy", "scipy", "scikit-learn", "statsmodels", "torch")
    found = [f"gradaudit {gradaudit.__version__}"]
    for name in names:
        with contextlib.suppress(Exception):
            found.append(f"{name} {version(name)}")
    print(f"Python {platform.python_version()}, {', '.join(found)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer models, no peers: a minute")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=None, help="how many (default 3; quick 1)")
    parser.add_argument("--no-peers", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = parse()
    count = options.seeds or (1 if options.quick else 3)
    seeds = range(options.seed, options.seed + count)
    print_versions()
    print(f"seeds {seeds.start} to {seeds.stop - 1}")
    peers = {} if options.quick or options.no_peers else peer_checks()
    began = time.perf_counter()

    tallies, remarks = run_healthy(seeds, quick=options.quick, peers=peers)
    print_table("Right gradients: FAIL is a false alarm", tallies, peers, faults=False)
    print("\n".join(remarks))

    tallies, remarks = run_planted(seeds, quick=options.quick, peers=peers)
    print_table("Planted faults: FAIL is a detection", tallies, peers, faults=True)
    print("\n".join(remarks))

    run_known(options.seed)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
