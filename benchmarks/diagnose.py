"""Is the first cause right? Every failing and healthy program of the corpus, diagnosed.

python -m benchmarks.diagnose             all cases
python -m benchmarks.diagnose scaling     those whose name or theme contains the word
python -m benchmarks.diagnose -v          with what was said where it is wrong
"""

from __future__ import annotations

import argparse
import contextlib
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.failures import CASES, Case
from gradaudit.api.diagnose import diagnose_call
from gradaudit.optimizers.call import SOLVERS, read_call
from gradaudit.optimizers.recorder import Recorder
from gradaudit.results import Diagnosis


def diagnosed(case: Case, seed: int = 0) -> Diagnosis:
    """Run one case as its user would, then ask why it ended."""
    given = case.make()
    call = read_call(SOLVERS[case.solver].function, (), given, case.solver)
    if call is None:
        raise ValueError(f"{case.name}: SciPy itself would refuse the call")
    recorder = Recorder(call)
    with contextlib.suppress(Exception):  # that is part of the case
        recorder.run()
    return diagnose_call(call, recorder.recording, rng=seed)


def rank(case: Case, diagnosis: Diagnosis) -> int:
    """Return the rank of a right cause, from 1; for a healthy case 1 when nothing is blamed."""
    if not case.expected:
        return 1 if diagnosis.benign else 99
    for number, finding in enumerate(diagnosis.causes, 1):
        if finding.slug in case.expected:
            return number
    return 99


def measure(cases: Mapping[str, Case], verbose: bool) -> None:
    ranks: Counter[str] = Counter()
    evaluations: list[int] = []
    seconds: list[float] = []
    for name, case in cases.items():
        began = time.perf_counter()
        try:
            diagnosis = diagnosed(case)
        except Exception as error:
            print(f"RAISED    {name}: {type(error).__name__}: {error}")
            ranks["raised"] += 1
            continue
        seconds.append(time.perf_counter() - began)
        if seconds[-1] > 20.0:
            print(f"slow      {name}: {seconds[-1]:.0f} s", flush=True)
        evaluations.append(max(diagnosis.evaluations.cost, diagnosis.evaluations.gradient))
        place = rank(case, diagnosis)
        kind = "failing" if case.expected else "healthy"
        ranks[kind] += 1
        ranks[f"{kind} first"] += place == 1
        ranks[f"{kind} third"] += place <= 3
        if place > 1:
            said = ", ".join(f.slug for f in diagnosis.causes[:3]) or diagnosis.stopped or "nothing"
            wanted = "|".join(sorted(case.expected)) or "benign"
            print(
                f"{'rank ' + str(place) if place < 99 else 'MISSED':9s} {name} [{case.solver} "
                f"{diagnosis.method}, {diagnosis.message[:40]!r}]: wanted {wanted}, said {said}",
                flush=True,
            )
            if verbose:
                print(describe(diagnosis))
    for kind in ("failing", "healthy"):
        total = ranks[kind]
        if total:
            first, third = ranks[f"{kind} first"], ranks[f"{kind} third"]
            print(
                f"{kind}: {total} programs; right first {first} ({first / total:.1%}), among three "
                f"{third} ({third / total:.1%})"
            )
    if evaluations:
        print(
            f"evaluations: median {np.median(evaluations):.0f}, most {max(evaluations)}; "
            f"seconds: median {np.median(seconds):.2f}, most {max(seconds):.1f}; "
            f"raised: {ranks['raised']}"
        )


def describe(diagnosis: Diagnosis) -> str:
    lines: list[str] = []
    for finding in diagnosis.causes:
        lines += [f"    {finding}", *(f"      = {note}" for note in finding.notes)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    chosen: dict[str, Any] = {
        name: case
        for name, case in CASES.items()
        if not options.words
        or any(word in name or word in case.make.__module__ for word in options.words)
    }
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        measure(chosen, options.v)


if __name__ == "__main__":
    main()
