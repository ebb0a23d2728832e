"""All the evidence of one audit, as far as it has come."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradaudit.blocks import Block, Layout
from gradaudit.evidence.dependence import Dependence, Stairs
from gradaudit.evidence.describe import Description
from gradaudit.evidence.gradient import PointEvidence
from gradaudit.evidence.protocol import Protocol
from gradaudit.results import Settings
from gradaudit.source.closures import Suspicion


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """What has been measured so far; judged at the end, or when the audit is cut short.

    Attributes
    ----------
    settings : Settings
    suspicions : tuple of Suspicion
        What reading the source of the cost suggests.
    gradient_reading : tuple of Suspicion
        The same of the function that returns the gradient.
    protocol : Protocol or None
    dependence : Dependence or None
        Asked only when the cost did not move nearby.
    stairs : Stairs or None
        Steps in the cost, where there are any.
    layout : Layout or None
    blocks : tuple of Block
        Those audited, unclaimed stretches included.
    sizes : dict
        Names of integers seen in the user's code, to name factors.
    numbers : dict
        Numbers of the problem by name, to name penalties.
    mentions_fortran : bool
        The user's code speaks of Fortran order.
    points : list of PointEvidence
    descriptions : list of Description
    block_dependence : dict
        For blocks along which the cost never moved.
    completed : list of str
        Points at which everything was measured, and nothing was wrong.
    unconfirmed : int
        Discrepancies that an independent measurement did not confirm.
    skipped : list of str
        Points that could not be used, and why.
    non_finite : dict
        Points where the cost is finite and an entry of the gradient, named by its index, is not.
    raised : BaseException or None
        The first exception of the user's function away from x0.
    stopped : str
        Why the audit ended early; "" when it did not.
    function : str
        How to call the user's function in a sentence.
    """

    settings: Settings
    function: str = "the cost"
    suspicions: tuple[Suspicion, ...] = ()
    gradient_reading: tuple[Suspicion, ...] = ()
    protocol: Protocol | None = None
    dependence: Dependence | None = None
    stairs: Stairs | None = None
    layout: Layout | None = None
    blocks: tuple[Block, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    mentions_fortran: bool = False
    points: list[PointEvidence] = field(default_factory=list[PointEvidence])
    descriptions: list[Description] = field(default_factory=list[Description])
    block_dependence: dict[int, Dependence] = field(default_factory=dict[int, Dependence])
    completed: list[str] = field(default_factory=list[str])
    unconfirmed: int = 0
    skipped: list[str] = field(default_factory=list[str])
    non_finite: dict[str, int] = field(default_factory=dict[str, int])
    raised: BaseException | None = None
    stopped: str = ""
