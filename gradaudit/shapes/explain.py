"""Turn a counterexample and the shapes around it into an explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gradaudit.results import Finding, Verdict
from gradaudit.shapes.fit import Law, fit_law
from gradaudit.shapes.making import sizes_in_words
from gradaudit.shapes.outcome import Outcome, mistake

# What a mistake is called when nothing explains the numbers.
_NAMELESS: Final = ("wrong-gradient", "wrong-entries")


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
class Dependence:
    """How the number in one finding depends on the sizes.

    Attributes
    ----------
    finding : int
        Which of the report's findings.
    blocks : tuple of str
    text : str
        ``analytic/numeric = 1/m at m = 4, 5, 7; exact at m = 1; independent of n and k``.
    law : str
        ``1/m``; "" when there is none.
    """

    finding: int
    blocks: tuple[str, ...]
    text: str
    law: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """How a fault depends on the sizes.

    Attributes
    ----------
    dependences : tuple of Dependence
    hidden_by : tuple of str
        ``m = 1``, ``n = k``.
    only_where : str
        The coincidence of sizes without which the fault does not show, when it needs one.
    larger : str
        The mistake as larger sizes show it, where the smallest leave it without a name.
    alone : bool
        No other shape could be tried.
    """

    dependences: tuple[Dependence, ...] = ()
    hidden_by: tuple[str, ...] = ()
    only_where: str = ""
    larger: str = ""
    alone: bool = False

    @property
    def hiding(self) -> str:
        """Which shapes would have hidden the fault, in words."""
        if self.alone:
            return ""
        if self.only_where:
            return f"shows only where {self.only_where}, as far as was tried"
        if not self.hidden_by:
            return "no shape tried around it hides the fault"
        return f"hidden where {in_words(self.hidden_by, 'or')}"

    @property
    def text(self) -> str:
        """All of it, a line for each fact."""
        several = len(self.dependences) > 1
        lines = [
            f"{', '.join(d.blocks)}: {d.text}" if several else d.text for d in self.dependences
        ]
        lines += [self.larger] if self.larger else []
        return "\n".join(filter(None, [*lines, self.hiding]))


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
    report = around.base.report
    findings = () if report is None else report.findings
    found = [_dependence(around, i, f) for i, f in enumerate(findings) if f.level == "error"]
    return Explanation(
        dependences=tuple(one for one in found if one is not None),
        hidden_by=() if special else tuple(_hidden_by(around)),
        only_where=special,
        larger=_at_larger_sizes(around),
        alone=not any(around.varied.values()) and not any(around.tied.values()),
    )


def _at_larger_sizes(around: Neighbourhood) -> str:
    """Return the mistake where it has a name: the entries of a 2 x 2 block leave many open."""
    here = mistake(around.base)
    if here is None or here.slug not in _NAMELESS:
        return ""
    for name, outcomes in around.varied.items():
        for size, outcome in outcomes.items():
            other = mistake(outcome)
            if other is None or size < around.base.sizes[name] or other.slug in _NAMELESS:
                continue
            if not _blocks(here) or set(_blocks(here)) & set(_blocks(other)):
                return f"at {name} = {size} it is {other.slug}: {other.message}"
    return ""


def _dependence(around: Neighbourhood, index: int, finding: Finding) -> Dependence | None:
    quantity = _quantity(finding)
    if quantity is None:
        return None
    value = float(finding.data[quantity])
    numbers = {
        name: _numbers(finding, quantity, outcomes) for name, outcomes in around.varied.items()
    }
    base = {name: around.base.sizes[name] for name in around.varied}
    law = fit_law(base, value, numbers)
    if quantity == "penalty" and not law.varies_with:
        return None  # the finding has its strength
    exact = [
        f"{name} = {size}"
        for name in law.varies_with
        for size, outcome in around.varied[name].items()
        if _is_right(finding, outcome)
    ]
    what = "analytic/numeric" if quantity == "factor" else "strength of the penalty"
    parts = [_in_words(what, law, base, value, numbers)]
    parts += [f"exact at {in_words(exact)}"] if exact else []
    parts += [f"independent of {in_words(law.independent_of)}"] if law.independent_of else []
    return Dependence(finding=index, blocks=_blocks(finding), text="; ".join(parts), law=law.text)


def _quantity(finding: Finding) -> str | None:
    """Return which number of a finding may depend on sizes."""
    for name in ("factor", "penalty"):
        if isinstance(finding.data.get(name), float) and finding.slug != "zero-gradient":
            return name
    return None


def _blocks(finding: Finding) -> tuple[str, ...]:
    return tuple(finding.data.get("blocks", ()))


def _is_right(finding: Finding, outcome: Outcome) -> bool:
    """Tell whether the blocks of a finding are right at another shape."""
    if outcome.report is None:
        return False
    verdicts = {block.name: block.verdict for block in outcome.report.blocks}
    return all(verdicts.get(name) == Verdict.PASS for name in _blocks(finding))


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


def _in_words(
    what: str,
    law: Law,
    base: Mapping[str, int],
    value: float,
    numbers: Mapping[str, Mapping[int, float]],
) -> str:
    if not law.varies_with:
        return f"{what} = {value:.6g}"
    places: list[str] = []
    for name in law.varies_with:
        # sizes of 1 took no part
        seen = {base[name]: value} | {s: v for s, v in numbers[name].items() if s > 1}
        at = f"{name} = {', '.join(map(str, sorted(seen)))}"
        shown = ", ".join(f"{seen[size]:.6g}" for size in sorted(seen))
        places.append(f"at {at}" if law.text else f"{shown} at {at}")
    varies = in_words(law.varies_with)
    head = f"{what} = {law.text} " if law.text else f"{what} varies with {varies}: "
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


def explained(
    findings: Sequence[Finding], explanation: Explanation, sizes: Mapping[str, Any]
) -> list[Finding]:
    """Return findings with what the shapes say about them."""
    said = {one.finding: one for one in explanation.dependences}
    smallest = f"smallest sizes that show it: {sizes_in_words(sizes)}"
    smallest += f"; {explanation.hiding}" if explanation.hiding else ""
    out: list[Finding] = []
    for number, finding in enumerate(findings):
        notes = [said[number].text] if number in said else []
        notes += [explanation.larger] if number == 0 and explanation.larger else []
        notes += [smallest] if number == 0 else []
        data = dict(finding.data)
        if number in said and said[number].law and "factor" in data:
            data["factor_name"] = said[number].law
        out.append(replace(finding, notes=(*notes, *finding.notes), data=data))
    return out
