"""What gradaudit costs those who do not use it, and those who do.

Interleaved medians of: a bare interpreter and ``gradaudit --version``; a session of pytest with one
test, without and with the plugin, and no other plugin loaded; then the own time of 200 audits of
functions of 20 parameters.

    python benchmarks/startup.py [--rounds 21]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSION = "import sys; sys.argv[1:] = ['--version']; from gradaudit.__main__ import run; run()"
MANY = """
import numpy as np
import pytest

@pytest.mark.parametrize("number", range(200))
def test_gradient(gradaudit, number):
    a = np.random.default_rng(number).standard_normal((20, 20)) / 5

    def cost(x):
        return float(np.sum(np.sin(a @ x))), a.T @ np.cos(a @ x)

    gradaudit.check(cost, np.linspace(-1, 1, 20))
"""


def medians(commands: Mapping[str, Sequence[str]], rounds: int, folder: str) -> dict[str, float]:
    """Return the median time of each command, in seconds; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def show(name: str, seconds: float, of: float) -> None:
    print(f"{name:38} {1e3 * seconds:8.1f} ms   {seconds / of:5.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    python = sys.executable
    plain = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_one.py"]
    with_plugin = [*plain, "-p", "gradaudit.pytest_plugin"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_nothing(): pass\n")
        Path(folder, "test_many.py").write_text(MANY)
        found = medians(
            {
                "a bare interpreter": [python, "-c", "pass"],
                "gradaudit --version": [python, "-c", VERSION],
                "pytest, one test, without the plugin": plain,
                "pytest, one test, with the plugin": with_plugin,
            },
            rounds,
            folder,
        )
        names = list(found)
        for name, base in zip(names, [names[0], names[0], names[2], names[2]], strict=True):
            show(name, found[name], found[base])
        done = subprocess.run(
            ["test_many.py" if word == "test_one.py" else word for word in with_plugin]
            + ["--gradaudit-summary"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
    line = next(line for line in done.stdout.splitlines() if " audits in " in line)
    print(f"200 audits of 20 parameters: {line}")


if __name__ == "__main__":
    main()
