"""How often `trace` names the line that was changed, on models in many styles.

    python benchmarks/trace.py [FOLDER ...] [--singles 4] [--doubles 1] [--seed S] [--only NAME]

Each model is a module with ``make_problem(**sizes)`` and a `STYLE`. Mutants of its source (see
`benchmarks.mutations`) are written to a temporary folder and traced; the model itself, which is
right, must raise no suspicion. A file ``<model>.mistakes.json`` beside a model holds mistakes that
people made by hand.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import random
import signal
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.mutations import Mutant, double_mutants, mutants
from gradaudit.api.trace import trace
from gradaudit.errors import GradauditError
from gradaudit.evaluator import Evaluator
from gradaudit.problem import Problem

MODELS = Path(__file__).parent / "models" / "traced"


class TooSlow(Exception):
    """A mutant that does not come to an end."""


@dataclass
class Tally:
    """Counts of one model."""

    style: str
    counts: Counter[str] = field(default_factory=Counter)
    evaluations: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooSlow

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


class Loader:
    """Imports sources from a temporary folder, each under a name of its own."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.count = 0

    def load(self, source: str) -> ModuleType:
        """Write a source to a file of its own and import it."""
        self.count += 1
        name = f"traced_{self.count}"
        path = self.folder / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
        return module


def as_problem(module: ModuleType) -> Problem:
    made = module.make_problem()
    if isinstance(made, Problem):
        return made
    return Problem(made[0], made[1], args=made[2] if len(made) == 3 else ())


def sample(problem: Problem) -> Any:
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return Evaluator(problem).sample(problem.start)


def counts(base: Any, other: Any) -> bool:
    """Tell whether a mutant has the cost of its model and another gradient."""
    if other.cost != base.cost or other.gradient.shape != base.gradient.shape:
        return False
    if not np.isfinite(other.gradient).all():
        return False
    change = np.linalg.norm(other.gradient - base.gradient)
    return bool(change > 1e-3 * max(np.linalg.norm(base.gradient), 1e-300))


def usable(
    loader: Loader, base: Any, candidates: Iterator[Mutant], most: int
) -> Iterator[tuple[Mutant, Problem]]:
    given = 0
    for mutant in candidates:
        if given >= most:
            return
        try:
            with limited(5):
                problem = as_problem(loader.load(mutant.source))
                other = sample(problem)
        except Exception:
            continue
        if counts(base, other):
            given += 1
            yield mutant, problem


def judge(mutant: Mutant, problem: Problem, tally: Tally, prefix: str, verbose: bool) -> None:
    tally.counts[prefix] += 1
    began = time.perf_counter()
    try:
        with limited(60):
            found = trace(problem, rng=0)
    except TooSlow:
        tally.counts[f"{prefix} too slow"] += 1
        print(f"   TOO SLOW {mutant.kind} {mutant.lines}", flush=True)
        return
    except GradauditError as error:
        tally.counts[f"{prefix} refused"] += 1
        print(f"   REFUSED {mutant.kind} {mutant.lines} {str(error)[:120]}", flush=True)
        return
    except Exception as error:
        tally.counts[f"{prefix} crashed"] += 1
        print(f"   CRASHED {type(error).__name__}: {str(error)[:120]} {mutant.lines}", flush=True)
        if verbose:
            traceback.print_exc()
        return
    seconds = time.perf_counter() - began
    tally.seconds.append(seconds)
    tally.evaluations.append(found.evaluations.cost)
    named = [s.line for s in found.suspects]
    hits = [any(a <= n <= b for n in named[: len(mutant.lines)]) for a, b in mutant.lines]
    near = [any(a <= n <= b for n in named[: len(mutant.lines) + 2]) for a, b in mutant.lines]
    first = any(a <= n <= b for n in named[:1] for a, b in mutant.lines)
    tally.counts[f"{prefix} top1"] += first if len(hits) > 1 else all(hits)
    tally.counts[f"{prefix} both"] += all(hits)
    tally.counts[f"{prefix} top3"] += all(near)
    if found.suspects and found.suspects[0].suggestion and found.suspects[0].repairs_gradient:
        tally.counts[f"{prefix} edit"] += first
    if found.confident and not first:
        tally.counts[f"{prefix} confident and wrong"] += 1
    if verbose or not all(hits):
        word = "hit " if all(hits) else "near" if all(near) else "MISS"
        print(
            f"   {word} {mutant.kind} {[a for a, _ in mutant.lines]} "
            f"{mutant.original[:90]!r} -> {mutant.mutated[:90]!r}\n"
            f"        named {named} {[s.suggestion for s in found.suspects[:2]]} "
            f"{found.evaluations.cost} evaluations {seconds:.1f} s {found.confidence[:20]} "
            f"{found.stopped}",
            flush=True,
        )


def healthy(problem: Problem, tally: Tally) -> None:
    tally.counts["healthy"] += 1
    try:
        found = trace(problem, rng=0)
        tally.counts["falsely accused"] += bool(found.suspects)
    except GradauditError as error:
        tally.counts["healthy refused"] += 1
        print("   healthy model refused:", error)


def by_hand(path: Path, source: str) -> Iterator[Mutant]:
    notes = path.with_suffix("").with_suffix(".mistakes.json")
    if not notes.exists():
        notes = path.parent / f"{path.stem}.mistakes.json"
    if not notes.exists():
        return
    for note in json.loads(notes.read_text()):
        lines = source.split("\n")
        number = note["line"]
        lines[number - 1] = note["wrong"].rstrip("\n")
        yield Mutant(
            ((number, number),),
            (number,),
            "by hand: " + note["what"],
            "\n".join(lines),
            note["right"].strip(),
            note["wrong"].strip(),
        )


def measure(path: Path, options: argparse.Namespace, loader: Loader) -> Tally | None:
    source = path.read_text()
    try:
        module = loader.load(source)
        problem = as_problem(module)
        base = sample(problem)
    except Exception as error:
        print(path.name, "cannot be loaded:", error)
        return None
    tally = Tally(getattr(module, "STYLE", path.stem))
    if not options.no_healthy:
        healthy(problem, tally)
    singles = []
    for mutant, wrong in usable(
        loader, base, mutants(source, random.Random(options.seed)), options.singles
    ):
        singles.append(mutant)
        judge(mutant, wrong, tally, "single", options.verbose)
    for mutant, wrong in usable(
        loader,
        base,
        double_mutants(source, singles, random.Random(options.seed)),
        options.doubles,
    ):
        judge(mutant, wrong, tally, "double", options.verbose)
    for mutant, wrong in usable(loader, base, by_hand(path, source), 100):
        judge(mutant, wrong, tally, "by hand", options.verbose)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, default=sorted(MODELS.iterdir()))
    parser.add_argument("--singles", type=int, default=4)
    parser.add_argument("--doubles", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-healthy", action="store_true")
    parser.add_argument("--verbose", "-v", action="store_true")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    styles: dict[str, Counter[str]] = defaultdict(Counter)
    evaluations: list[int] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        loader = Loader(folder)
        paths = [p for f in options.folders for p in sorted(f.glob("*.py"))]
        for path in paths:
            if options.only not in path.stem or path.stem.startswith(("_", "check")):
                continue
            if "def make_problem" not in path.read_text():
                continue
            tally = measure(path, options, loader)
            if tally is None:
                continue
            total += tally.counts
            styles[tally.style] += tally.counts
            evaluations += tally.evaluations
            seconds += tally.seconds
            numbers = {k: v for k, v in tally.counts.items() if v and k != "healthy"}
            print(
                f"{path.stem:28s} {numbers} median {_median(tally.evaluations):.0f} evaluations "
                f"{_median(tally.seconds):.2f} s",
                flush=True,
            )
    print({k: v for k, v in sorted(total.items())})
    for prefix in ("single", "by hand", "double"):
        n = total[prefix]
        if n:
            print(
                f"{prefix}: {n} mutants, top-1 {total[f'{prefix} top1'] / n:.1%}, top-3 "
                f"{total[f'{prefix} top3'] / n:.1%}, right edit {total[f'{prefix} edit'] / n:.1%}"
            )
    weak = [s for s, c in styles.items() if c["single"] and c["single top1"] < 0.8 * c["single"]]
    print(f"styles below 80 % top-1: {', '.join(weak) or 'none'}")
    print(f"falsely accused: {total['falsely accused']} of {total['healthy']} healthy models")
    print(
        f"median {_median(evaluations):.0f} evaluations, {_median(seconds):.2f} s; "
        f"slowest {max(seconds, default=0):.1f} s"
    )


def _median(values: list[Any]) -> float:
    return float(statistics.median(values)) if values else 0.0


if __name__ == "__main__":
    main()
