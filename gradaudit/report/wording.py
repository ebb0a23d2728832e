"""The words and numbers of a report, the same in every format.

Strings returned here hold names as the user wrote them. Each renderer makes them safe for its
own format where it writes them, with `visible` first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from gradaudit.results import BlockReport, Finding, Report, Verdict

FOLD_ABOVE: Final = 12
"""Passing blocks are folded into one line when a report has more blocks than this."""

_GRAVITY: Final = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 2}
_ONE_AND_MANY: Final = {
    Verdict.PASS: ("passes", "pass"),
    Verdict.FAIL: ("fails", "fail"),
    Verdict.INCONCLUSIVE: ("inconclusive", "inconclusive"),
}


def visible(text: str, *, ascii_only: bool = False) -> str:
    r"""Write control characters (all others outside ASCII too, if asked) as ``\x1b``.

    Invisible and direction-changing characters count as control characters.
    """
    return "".join(
        char if char.isprintable() and (char.isascii() or not ascii_only) else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    if char in "\n\r\t\\":
        return repr(char)[1:-1]
    return char.encode("unicode_escape").decode("ascii")


def is_utf8(encoding: str) -> bool:
    """Whether a stream of this encoding takes every character."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "cp65001")


def block_name(name: str) -> str:
    """Return the name, in quotes where its ends would otherwise not be seen."""
    return name if name and name == name.strip() else f"'{name}'"


def names_in_words(names: Iterable[str], *, limit: int | None = None) -> str:
    """Return ``b1, b2 and 3 more``."""
    shown = [block_name(name) for name in names]
    if limit is None or len(shown) <= limit:
        return ", ".join(shown)
    return f"{', '.join(shown[:limit])} and {len(shown) - limit:,} more"


def number(value: float) -> str:
    """Format an error or a bar: ``2.1e-10``, ``0``, or ``-`` where nothing is known."""
    if not math.isfinite(value):
        return "-"
    return "0" if value == 0 else f"{value:.1e}"


def error_in_words(block: BlockReport) -> str:
    """Format a block's relative error, marked ``<=`` when it only bounds what was not seen."""
    text = number(block.relative_error)
    return f"<= {text}" if block.error_kind == "at most" and text != "-" else text


def ratio(factor: float | None) -> str:
    """Format returned over right gradient; close to 1 it shows the difference from 1."""
    if factor is None:
        return ""
    if not math.isfinite(factor):
        return "-"
    text = f"{factor:.4g}"
    if text == "1" and factor != 1:
        return f"1{factor - 1:+.1e}"
    return text


def shape_in_words(shape: Sequence[int]) -> str:
    """Return ``10x784``, the form that ``--blocks`` reads."""
    return "x".join(str(size) for size in shape) or "()"


def seconds_in_words(seconds: float) -> str:
    """Return ``0.31 s``, with two digits below a minute."""
    if not math.isfinite(seconds):
        return "- s"
    if seconds >= 9.95:
        return f"{seconds:,.0f} s"
    return f"{seconds:.2g} s" if seconds >= 1e-3 else f"{seconds * 1e3:.2g} ms"


def plural(count: int, word: str) -> str:
    """Return ``1 block`` or ``1,024 blocks``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def worst_first(blocks: Iterable[BlockReport]) -> list[BlockReport]:
    """Order failing before inconclusive before passing blocks, larger errors first."""

    def gravity(block: BlockReport) -> tuple[int, float]:
        error = block.relative_error
        if not math.isfinite(error):
            return _GRAVITY[block.verdict], -math.inf
        # as printed: blocks that are equally wrong keep the order of the parameters
        return _GRAVITY[block.verdict], -float(f"{error:.1e}")

    return sorted(blocks, key=gravity)


class Judged(Protocol):
    """A result with findings: a report, a diagnosis."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the result has to say."""
        ...


def open_findings(report: Judged) -> tuple[Finding, ...]:
    """Return the findings that the user has not allowed."""
    return tuple(finding for finding in report.findings if not finding.allowed)


def allowed_findings(report: Judged) -> tuple[Finding, ...]:
    """Return the findings that the user knows and accepts."""
    return tuple(finding for finding in report.findings if finding.allowed)


def concerned(finding: Finding) -> tuple[str, ...]:
    """Return the names of all blocks that a finding concerns."""
    several = finding.data.get("blocks") or ()
    if not several and finding.block is not None:
        return (finding.block,)
    return tuple(str(name) for name in several)


def unmentioned(finding: Finding) -> list[str]:
    """Return the names of the blocks concerned that the finding's message does not contain."""
    return [
        name
        for name in concerned(finding)
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", finding.message)
    ]


def in_one_line(finding: Finding) -> str:
    """Return level, code, message and the blocks concerned, for ``-q``."""
    names = unmentioned(finding)
    where = f" ({names_in_words(names, limit=3)})" if names else ""
    return f"{finding}{where}"


def tally(report: Report) -> list[str]:
    """Count the blocks by verdict: ``3 of 6 blocks fail``, ``1 inconclusive``."""
    if not report.blocks:
        return ["the gradient was not judged"]
    total = plural(len(report.blocks), "block")
    count = Counter(block.verdict for block in report.blocks)
    if report.verdict == Verdict.PASS:
        allowed = [f"{count[Verdict.FAIL]:,} failing and allowed"] if count[Verdict.FAIL] else []
        return [f"{count[Verdict.PASS]:,} of {total}", *allowed]
    seen = [verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) if count[verdict]]
    counted = [(count[v], _ONE_AND_MANY[v][count[v] != 1]) for v in seen or [Verdict.PASS]]
    (first, verb), *rest = counted
    return [f"{first:,} of {total} {verb}", *(f"{many:,} {words}" for many, words in rest)]


def summary_parts(report: Report) -> list[str]:
    """Return what was done, piece by piece, without the verdict."""
    parts = tally(report)
    if report.size:
        parts.append(plural(report.size, "parameter"))
    parts.append(plural(report.evaluations.cost, "evaluation"))
    if report.points:
        used = len(report.points)
        asked = max(report.settings.points, used)
        parts.append((f"{used:,} of " if used < asked else "") + plural(asked, "point"))
    if total := report.own_seconds + report.user_seconds:
        user = seconds_in_words(report.user_seconds)
        parts.append(f"{seconds_in_words(total)} ({user} in your function)")
    return [*parts, f"seed {report.seed}"]


def summary(report: Report) -> str:
    """Return what was done, in one line, without the verdict."""
    return ", ".join(summary_parts(report))


def with_commas(parts: Sequence[str]) -> list[str]:
    """Return the parts with a comma behind each but the last."""
    return [*(f"{part}," for part in parts[:-1]), *parts[-1:]]


def thresholds(report: Report) -> str:
    """Return the two thresholds, and which blocks were asked for when not all were."""
    settings = report.settings
    text = f"thresholds: rtol {settings.rtol:g}, negligible {settings.negligible:g}"
    return f"{text}; only {names_in_words(settings.only)}" if settings.only else text


def right_to_within(report: Report, *, fold: bool) -> list[str]:
    """Return how exact every entry of the passing blocks is, piece by piece; [] when unknown."""
    known = [
        block
        for block in report.blocks
        if block.verdict == Verdict.PASS and math.isfinite(block.entry_bound)
    ]
    if not known:
        return []
    if fold:
        largest = max(block.entry_bound for block in known)
        pieces = [f"{number(largest)} or better in {plural(len(known), 'block')}"]
    else:
        pieces = with_commas([f"{block_name(b.name)} {number(b.entry_bound)}" for b in known])
    return [
        "every entry right to within:",
        *pieces,
        f"(confidence {report.confidence:g},",
        "provided the bars hold)",
    ]


def remarks(report: Report) -> list[tuple[str, str]]:
    """Return what the table cannot say, as pairs of block names with verdict, and words.

    Blocks about which the same is to be said share one remark.
    """
    said: dict[tuple[str, str], list[str]] = {}
    for block in worst_first(report.blocks):
        for head, words in _about(block, len(report.points), _what_settles(report)):
            said.setdefault((head, words), []).append(block.name)
    return [
        (f"{names_in_words(names, limit=FOLD_ABOVE)}{head}", words)
        for (head, words), names in said.items()
    ]


def _about(block: BlockReport, points: int, settled_by: str) -> Iterable[tuple[str, str]]:
    if block.verdict != Verdict.PASS:
        where = f"at {', '.join(block.failed_at)}" if 0 < len(block.failed_at) < points else ""
        words = ", ".join(filter(None, (block.reason, where)))
        if block.verdict == Verdict.INCONCLUSIVE and _SETTLE not in words:
            words = f"{words or _NOTHING_SEEN}; {_SETTLE}: {settled_by}"
        if words:
            yield f" {block.verdict}", words
    if block.blind_at:
        yield "", f"nothing could be seen at {', '.join(block.blind_at)}"
    if block.against != "block":
        yield "", "own gradient zero; errors are relative to the norm of the whole gradient"
    if not block.claimed:
        yield "", "no name was found for this stretch; it was checked all the same"


def why_inconclusive(report: Report) -> str:
    """Return why nothing could be concluded and what would settle it.

    Empty where the report is not inconclusive, or the remarks say so block by block.
    """
    if report.verdict != Verdict.INCONCLUSIVE or any(
        block.verdict == Verdict.INCONCLUSIVE for block in report.blocks
    ):
        return ""
    if doubtful := _doubtful(report):
        why = doubtful[0].message
    else:
        why = _NOTHING_SEEN if report.evaluations.cost else "nothing was evaluated"
    return why if _SETTLE in why else f"{why}; {_SETTLE}: {_what_settles(report)}"


def _doubtful(report: Report) -> list[Finding]:
    return [finding for finding in open_findings(report) if finding.level != "note"]


def _what_settles(report: Report) -> str:
    advice = [finding.help for finding in _doubtful(report) if finding.help]
    if advice:
        return advice[0]
    if any(finding.slug == "budget-exhausted" for finding in _doubtful(report)):  # Ctrl-C
        return "an audit that runs to its end"
    return "a larger budget, more points, or a cost with less noise"


_SETTLE: Final = "what would settle it"
_NOTHING_SEEN: Final = "the audit could not see an error of the size asked for"


def next_step(report: Report) -> str:
    """Return the command to go on with after a failure, or ""."""
    if report.verdict != Verdict.FAIL:
        return ""
    first = next(iter(open_findings(report)), None)
    return f"gradaudit explain {first.code}" if first else "see the worst entries with -vv"


def particulars(report: Report) -> list[tuple[str, str]]:
    """Return what is needed to repeat the audit, as pairs of a label and words."""
    calls, settings = report.evaluations, report.settings
    limits = [f"points {settings.points}", f"confidence {settings.confidence:g}"]
    limits += ["dense"] if settings.dense else []
    limits += [f"budget {settings.budget:,}"] if settings.budget is not None else []
    limits += [f"seconds {settings.seconds:g}"] if settings.seconds is not None else []
    limits += [f"allow {', '.join(settings.allow)}"] if settings.allow else []
    facts = [
        ("target", report.target),
        ("evaluations", f"{calls.cost:,} of the cost, {calls.gradient:,} of the gradient"),
        ("settings", ", ".join(limits)),
        ("seed", str(report.seed)),
        ("versions", ", ".join(f"{name} {of}" for name, of in report.versions.items())),
    ]
    return [(label, words) for label, words in facts if words]


def entry_name(block: str, index: Sequence[int]) -> str:
    """Return ``W1[3, 4]``; the block's own name when it is a single number."""
    return f"{block_name(block)}[{', '.join(map(str, index))}]" if index else block_name(block)
