"""Turn a counterexample and the shapes around it into an explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradaudit.results import Finding
from gradaudit.shapes.fit import fit_law
from gradaudit.shapes.making import sizes_in_words
from gradaudit.shapes.outcome import Outcome, mistake


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbourhood:
    """A counterexample and what was found around it.

    Attributes
    ----------
    base : Outcome
    varied : dict
        For the name of each size, from its other values to what was found there.
    tied : dict
        For pairs of names, what was found where the two are equal.
    """

    base: Outcome
    varied: dict[str, dict[int, Outcome]]
    tied: dict[tuple[str, str], list[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """How a fault depends on the sizes.

    Attributes
    ----------
    dependence : str
        ``analytic/numeric = 1/m at m = 4, 5, 7; exact at m = 1; independent of n and k``.
    law : str
        ``1/m``; "" when there is none.
    hidden_by : tuple of str
        ``m = 1``, ``n = k``.
    only_where : str
        The coincidence of sizes without which the fault does not show, when it needs one.
    """

    dependence: str = ""
    law: str = ""
    hidden_by: tuple[str, ...] = ()
    only_where: str = ""

    @property
    def hiding(self) -> str:
        """Which shapes would have hidden the fault, in words."""
        if self.only_where:
            return f"shows only where {self.only_where}, as far as was tried"
        if not self.hidden_by:
            return "no shape tried around it hides the fault"
        return f"hidden where {in_words(self.hidden_by, 'or')}"


def in_words(items: Sequence[str], word: str = "and") -> str:
    """Return ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def coincidence(sizes: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return what hides faults at a shape: ``n = 1``, ``n = k = 2``; "" when nothing does."""
    ones = [f"{name} = 1" for name in names if sizes[name] == 1]
    values = sorted({sizes[name] for name in names if sizes[name] != 1})
    ties = [[name for name in names if sizes[name] == value] for value in values]
    return in_words([*ones, *(" = ".join(tied) for tied in ties if len(tied) > 1)])


def explain(around: Neighbourhood) -> Explanation:
    """Explain a counterexample by the shapes around it."""
    special = coincidence(around.base.sizes, tuple(around.varied))
    hidden = () if special else tuple(_hidden_by(around))
    finding = mistake(around.base)
    quantity = _quantity(finding)
    if finding is None or quantity is None:
        return Explanation(hidden_by=hidden, only_where=special)
    value = float(finding.data[quantity])
    numbers = {
        name: _numbers(finding, quantity, outcomes) for name, outcomes in around.varied.items()
    }
    base = {name: around.base.sizes[name] for name in around.varied}
    law = fit_law(base, value, numbers)
    exact = [
        f"{name} = {size}"
        for name in law.varies_with
        for size, outcome in around.varied[name].items()
        if outcome.kind == "pass"
    ]
    if quantity == "penalty" and not law.varies_with:
        return Explanation(hidden_by=hidden, only_where=special)  # the finding has its strength
    what = "analytic/numeric" if quantity == "factor" else "strength of the penalty"
    parts = [_dependence(what, law.text, law.varies_with, base, value, numbers)]
    parts += [f"exact at {in_words(exact)}"] if exact else []
    parts += [f"independent of {in_words(law.independent_of)}"] if law.independent_of else []
    return Explanation(
        dependence="; ".join(parts), law=law.text, hidden_by=hidden, only_where=special
    )


def _quantity(finding: Finding | None) -> str | None:
    """Return which number of a finding may depend on sizes."""
    if finding is None:
        return None
    for name in ("factor", "penalty"):
        if isinstance(finding.data.get(name), float) and finding.slug != "zero-gradient":
            return name
    return None


def _numbers(finding: Finding, quantity: str, outcomes: Mapping[int, Outcome]) -> dict[int, float]:
    """Return the number at other sizes, where the same mistake was found."""
    found: dict[int, float] = {}
    blocks = set(finding.data.get("blocks", ()))
    for size, outcome in outcomes.items():
        report = outcome.report
        if report is None or outcome.kind != "fail":
            continue
        for other in report.findings:
            number = other.data.get(quantity)
            if blocks.intersection(other.data.get("blocks", ())) and isinstance(number, float):
                found[size] = number
                break
    return found


def _dependence(
    what: str,
    law: str,
    varies: Sequence[str],
    base: Mapping[str, int],
    value: float,
    numbers: Mapping[str, Mapping[int, float]],
) -> str:
    if not varies:
        return f"{what} = {value:.6g}"
    places: list[str] = []
    for name in varies:
        # sizes of 1 took no part
        seen = {base[name]: value} | {s: v for s, v in numbers[name].items() if s > 1}
        at = f"{name} = {', '.join(map(str, sorted(seen)))}"
        shown = ", ".join(f"{seen[size]:.6g}" for size in sorted(seen))
        places.append(f"at {at}" if law else f"{shown} at {at}")
    head = f"{what} = {law} " if law else f"{what} varies with {in_words(varies)}: "
    return head + " and ".join(places)


def _hidden_by(around: Neighbourhood) -> list[str]:
    """Return the coincidences and values at which nothing would have been seen."""
    hidden: list[str] = []
    for name, outcomes in around.varied.items():
        hidden += [f"{name} = {size}" for size, o in sorted(outcomes.items()) if _unseen(o, around)]
    for (first, second), outcomes in around.tied.items():
        if outcomes and all(_unseen(outcome, around) for outcome in outcomes):
            hidden.append(f"{first} = {second}")
    return hidden


def _unseen(outcome: Outcome, around: Neighbourhood) -> bool:
    """Tell whether the fault does not show at a shape."""
    if outcome.kind == "pass":
        return True
    # a shape error is hidden where the function runs, right or wrong
    return around.base.kind == "error" and outcome.kind in ("fail", "inconclusive")


def explained(finding: Finding, explanation: Explanation, sizes: Mapping[str, Any]) -> Finding:
    """Return a finding with what the shapes say about it."""
    notes = [explanation.dependence] if explanation.dependence else []
    notes.append(f"smallest sizes that show it: {sizes_in_words(sizes)}; {explanation.hiding}")
    data = dict(finding.data)
    if explanation.law and "factor" in data:
        data["factor_name"] = explanation.law
    return replace(finding, notes=(*notes, *finding.notes), data=data)
