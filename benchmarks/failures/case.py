"""What a benchmark needs to know of one optimizer run: its arguments, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

BENIGN = frozenset({"converged", "precision-limit", "iteration-limit", "solver-behaviour"})


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of a solver, as its author would write it.

    Attributes
    ----------
    name : str
    make : callable
        Returns the arguments of the call by keyword, with fresh state each time.
    expected : frozenset of str
        Slugs any of which is right as first cause; empty when nothing is at fault.
    solver : str
        The function of `scipy.optimize` (or `scipy.integrate`) that is called.
    also : frozenset of str
        Acceptable beside it.
    report : str
        Number of the report in FAILURES.md it was built from, or "".
    """

    name: str
    make: Callable[[], dict[str, Any]]
    expected: frozenset[str]
    solver: str = "minimize"
    also: frozenset[str] = frozenset()
    report: str = ""

    @property
    def healthy(self) -> bool:
        """Whether a diagnosis that blames the user's functions would be a false alarm."""
        return self.expected <= BENIGN


def case(
    *expected: str, solver: str = "minimize", also: tuple[str, ...] = (), report: str = ""
) -> Callable[[Callable[[], dict[str, Any]]], Case]:
    """Turn a function that makes the arguments of a run into a case of the same name."""

    def wrap(make: Callable[[], dict[str, Any]]) -> Case:
        return Case(
            name=make.__name__.replace("_", "-"),
            make=make,
            expected=frozenset(expected),
            solver=solver,
            also=frozenset(also),
            report=report,
        )

    return wrap


def gather(*modules: ModuleType) -> dict[str, Case]:
    """Return the cases of some modules by name, in the order they were written."""
    cases = [value for module in modules for value in vars(module).values() if type(value) is Case]
    names = [one.name for one in cases]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise ValueError(f"two cases have one name: {', '.join(sorted(doubles))}")
    return {one.name: one for one in cases}
