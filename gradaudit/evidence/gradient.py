"""Is the gradient right? Projections of it, block by block, against slopes with bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.evaluator import Evaluator, Sample
from gradaudit.evidence import analytic
from gradaudit.evidence.directions import Line, Region, Signs, few_bits, norm_of, region_at
from gradaudit.evidence.roughness import (
    GradientWatch,
    are_whole_numbers,
    multiples_along,
    rounding_of_dot,
    rounding_residue,
)
from gradaudit.numerics.certificate import projections_for
from gradaudit.numerics.derivative import derive
from gradaudit.numerics.extrapolation import Z
from gradaudit.numerics.ladder import Mode, Slope, measure_slope
from gradaudit.numerics.noise import Noise, estimate_noise
from gradaudit.numerics.signs import random_signs

Kind = Literal["signs", "all", "inward", "theta", "gradient", "entry", "lone"]

# A ladder stops once its bar is this small a part of the block's own projected size: sharper
# says nothing more about the verdict, and six evaluations suffice.
_SHARP: Final = 1e-9
# Steps up to the parameters' own size say something about the slope at the point.
_FAR: Final = 1.0
# Steps this many times what the rounding of the cost asks for keep the bar well below the wanted.
_KINK_STEPS: Final = 100.0
# Entries measured on their own where a block has kinks.
_KINKED_ENTRIES: Final = 3
# Rounding units of the largest cost seen that a change of it may hide in.
_STILL: Final = 4 * float(np.finfo(np.float64).eps)
# A single entry moves by this part of its size; the cost must then move by more than this part.
_LONE_STEP: Final = 2.0**-7
_VISIBLE: Final = 1e6 * float(np.finfo(np.float64).eps)
# Steps of this part of a parameter's size are lost in its rounding.
_MEANINGLESS: Final = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """One comparison: what the gradient promises along a line, and what the cost does.

    Attributes
    ----------
    block : int or None
        Number of the block in the audited list; None for a direction through all of them.
    kind : str
        How the direction was made.
    entry : int or None
        The flat index, for kind "entry".
    analytic, analytic_bar : float
        The promise, and how far rounding and noise of the returned gradient can move it.
    slope : Slope
        The measurement, with its own bar.
    norm : float
        Size of the promise when signs are random: norm(g * v).
    lightest : tuple of float
        Smallest weight of an entry in the direction, for each of the audited blocks it moves: one
        number when it moves one block.
    single : bool
        Only one parameter moves.
    line : Line or None
        Kept only when the residual is significant, to be measured again.
    """

    block: int | None
    kind: Kind
    analytic: float
    analytic_bar: float
    slope: Slope
    norm: float
    lightest: tuple[float, ...] = ()
    entry: int | None = None
    single: bool = False
    line: Line | None = field(default=None, repr=False)

    @property
    def residual(self) -> float:
        """Return returned minus measured slope."""
        return self.analytic - self.slope.value

    @property
    def bar(self) -> float:
        """Return what the residual can be when the gradient is right."""
        return self.slope.bar + self.analytic_bar

    @property
    def unmoved(self) -> bool:
        """Whether the cost was the same at every step along the line."""
        return is_unmoved(self.slope)

    @property
    def significant(self) -> bool:
        """Whether the residual is beyond its bar.

        At a kink only a single parameter can tell: a valid choice of subgradients lies between
        the one-sided slopes along each parameter, not along every direction through several.
        """
        if self.slope.regime == "kink" and not self.single:
            return False
        return abs(self.residual) > self.bar and math.isfinite(self.residual)


@dataclass(slots=True, kw_only=True, eq=False)
class PointEvidence:
    """What was measured at one point.

    Attributes
    ----------
    name : str
    cost, gradient_norm, distance : float
        At the point; its Euclidean distance from x0.
    noise : Noise
        Of one evaluation of the cost.
    roughness : ndarray of float64
        Noise of the returned gradient in each block, relative to the block's projected norm.
    theta, gradient, region
        The point itself, until `release`.
    one_sided : bool
        Some parameters sit on a bound.
    pinned : tuple of int
        How many parameters of each block the bounds leave a single value.
    zero_blocks : tuple of bool
        Blocks whose returned gradient is exactly zero.
    same_gradient : bool
        The returned gradient is equal to the last bit to that at x0.
    residue : float
        Projected slopes up to this are rounding of the terms that cancel in them.
    whole_numbers : bool
        All entries of the gradient are whole numbers, and not all zero.
    blind : bool
        The cost is not finite anywhere near: nothing can be measured here.
    projections : list of Projection
    dead : set of int
        Blocks along which the cost did not move at all.
    """

    name: str
    cost: float
    gradient_norm: float
    noise: Noise
    roughness: Vector
    theta: Vector = field(repr=False)
    gradient: Vector = field(repr=False)
    region: Region = field(repr=False)
    pinned: tuple[int, ...] = ()
    zero_blocks: tuple[bool, ...] = ()
    distance: float = 0.0
    same_gradient: bool = True
    residue: float = 0.0
    whole_numbers: bool = False
    blind: bool = False
    projections: list[Projection] = field(default_factory=list[Projection])
    dead: set[int] = field(default_factory=set[int])

    @property
    def noise_is_doubtful(self) -> bool:
        """Whether kinks along the first direction may have passed for noise."""
        return self.noise.precision == "float64" and self.noise.sigma > 1e-12 * abs(self.cost)

    @property
    def one_sided(self) -> bool:
        """Whether some parameters sit on a bound."""
        return self.region.inward is not None

    def release(self) -> None:
        """Let go of the large arrays: nothing will be measured here any more."""
        nothing = np.zeros(0)
        self.theta = self.gradient = nothing
        self.region = replace(self.region, weights=nothing, inward=None)

    def of_block(self, number: int) -> list[Projection]:
        """Return the projections that move this block alone."""
        return [p for p in self.projections if p.block == number]

    def through_all(self) -> list[Projection]:
        """Return the projections through all blocks at once."""
        return [p for p in self.projections if p.block is None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What to measure at a point.

    Attributes
    ----------
    entries : bool
        One parameter after the other, where that is cheaper or asked for.
    patterns : int
        Sign patterns through all blocks besides the first, for the certificate.
    coherent : bool
        The directions theta and gradient as well.
    """

    entries: bool = False
    patterns: int = 0
    coherent: bool = False


def cheapest_plan(size: int, blocks: int, confidence: float, *, dense: bool) -> Plan:
    """Choose between entries one by one and projections, by evaluations."""
    patterns = projections_for(confidence) - 1
    if dense or 7 * size <= 8 * blocks + 6 * patterns + 12:
        return Plan(entries=True)
    return Plan(patterns=patterns, coherent=True)


class PointAuditor:
    """Measures projections of the gradient at one point.

    Parameters
    ----------
    evaluator : Evaluator
    blocks : sequence of Block
        Those to audit.
    rng : numpy.random.Generator
    wanted : float
        Relative bar that a projection should reach: where six evaluations do not, more are spent.
    negligible : float
        Relative roughness of the returned gradient up to which its own noise widens the bar.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        blocks: Sequence[Block],
        rng: np.random.Generator,
        *,
        wanted: float = 1e-4,
        negligible: float = 1e-6,
    ) -> None:
        self.wanted = wanted
        self.negligible = negligible
        self.evaluator = evaluator
        self.blocks = tuple(blocks)
        self.rng = rng
        self._selectors = [block.selector() for block in self.blocks]
        self._size = evaluator.problem.size
        self._whole = sum(block.size for block in self.blocks) == self._size
        self._nothing_finite = False
        self._magnitude = 0.0

    def begin(
        self,
        name: str,
        theta: Vector,
        sample: Sample,
        sizes: Vector,
        previous: PointEvidence | None = None,
    ) -> PointEvidence:
        """Measure the noise at a point: of the cost, and of the returned gradient.

        About 20 evaluations at the first point, 10 at a further one.
        """
        problem = self.evaluator.problem
        self._magnitude = max(self._magnitude, abs(sample.cost))
        region = region_at(theta, sizes, problem.lower, problem.upper)
        direction = self._signed(region.weights, self._fresh_signs())
        line = Line(theta, direction, None, -region.reach, region.reach)
        noise, roughness = self._noise_along(
            line, sample.cost, sample.gradient, None if previous is None else previous.noise
        )
        if roughness is None:
            roughness = np.zeros(len(self.blocks)) if previous is None else previous.roughness
        gradient = sample.gradient
        return PointEvidence(
            name=name,
            cost=sample.cost,
            gradient_norm=norm_of(gradient),
            noise=noise,
            roughness=roughness,
            theta=theta,
            gradient=gradient,
            region=region,
            pinned=self._pinned(region),
            zero_blocks=tuple(not gradient[s].any() for s in self._selectors),
            residue=rounding_residue(line.norm(gradient), noise, sample.gradient_dtype),
            whole_numbers=are_whole_numbers(gradient),
            blind=self._nothing_finite,
        )

    def _pinned(self, region: Region) -> tuple[int, ...]:
        if not region.pinned:
            return tuple(0 for _ in self.blocks)
        fixed = region.weights == 0.0
        if region.inward is not None:
            fixed &= region.inward == 0.0
        return tuple(int(np.count_nonzero(fixed[s])) for s in self._selectors)

    def audit_blocks(self, point: PointEvidence, previous: PointEvidence | None = None) -> None:
        """Measure one random projection of each block.

        About 8 evaluations a block, 6 where an earlier point tells the step.
        """
        signs = self._fresh_signs()
        for number, selector in enumerate(self._selectors):
            weights = point.region.weights[selector]
            if weights.any():
                line = self._block_line(point, number, weights * signs[selector])
                step = _earlier_step(previous, number)
                point.projections.append(
                    self.project(point, line, block=number, kind="signs", step=step)
                )
            if point.region.inward is not None:
                self._project_inward(point, number)
            if any(self._is_blunt(p) for p in point.of_block(number)):
                self._probe_kinks(point, number)

    def audit_entries(self, point: PointEvidence) -> None:
        """Measure every entry on its own: about 7 evaluations each."""
        for number in range(len(self.blocks)):
            found = self.measure_entries(point, number)
            point.projections += found
            if found and all(p.unmoved for p in found):
                point.dead.add(number)

    def _is_blunt(self, projection: Projection) -> bool:
        return projection.slope.regime == "kink" or (
            projection.slope.regime != "smooth"
            and projection.bar > self.wanted * projection.norm
            and not projection.unmoved
        )

    def _probe_kinks(self, point: PointEvidence, number: int) -> None:
        """Measure a few entries that are exactly zero, where a direction through many cannot tell.

        Zero is where nearly all kinks of parameters are. About 60 evaluations each.
        """
        indices = np.fromiter(_flat_indices(self.blocks[number]), dtype=np.intp)
        zeros = indices[point.theta[indices] == 0.0]
        chosen = self.rng.permutation(zeros)[:_KINKED_ENTRIES]
        for index in chosen.tolist():
            line = self.entry_line(point, index)
            if line is not None:
                point.projections.append(
                    self.project(point, line, block=number, kind="lone", entry=index)
                )

    def probe_lone_entries(self, point: PointEvidence) -> None:
        """See whether the cost moves with a single entry from the middle of the vector.

        A cache keyed on the first entries, or on a shortened text of them, answers every
        direction that moves those, and no other. Two evaluations; a projection of the entry where
        the cost stood still although the gradient promises a visible change.
        """
        for low, high in ((0.1, 0.9), (0.45, 0.55)):
            index = self._steepest(point, int(low * self._size), int(high * self._size))
            number = None if index is None else self._block_of(index)
            line = None if index is None else self.entry_line(point, index)
            if index is None or number is None or line is None or line.lower == 0.0:
                continue
            visible = _VISIBLE * max(abs(point.cost), self._magnitude)
            if abs(line.dot(point.gradient)) * _LONE_STEP <= visible:
                continue
            if self.evaluator.cost(line.point(_LONE_STEP)) == point.cost:
                point.projections.append(
                    self.project(point, line, block=number, kind="lone", entry=index)
                )

    def _steepest(self, point: PointEvidence, start: int, stop: int) -> int | None:
        """Return the entry with the largest promised slope between two indices."""
        slopes = np.abs(point.gradient[start:stop] * point.region.weights[start:stop])
        return start + int(slopes.argmax()) if slopes.any() else None

    def _block_of(self, index: int) -> int | None:
        for number, selector in enumerate(self._selectors):
            inside = (
                selector.start <= index < selector.stop
                if isinstance(selector, slice)
                else index in selector
            )
            if inside:
                return number
        return None

    def measure_entries(self, point: PointEvidence, number: int) -> list[Projection]:
        """Measure every entry of one block on its own.

        About 7 evaluations each; where the complex step applies, one each and about 16 before.
        """
        largest = self._complex_scale(point, number)
        found: list[Projection] = []
        step: float | None = None
        for index in _flat_indices(self.blocks[number]):
            line = self.entry_line(point, index)
            if line is None:
                continue
            if largest is not None:
                slope = analytic.slope_of(self.evaluator, point.theta, line, largest)
                projection = self._projection(point, line, slope, 0.0, number, "entry", index)
                if not projection.significant and math.isfinite(slope.value):
                    found.append(projection)
                    continue
            found.append(
                self.project(point, line, block=number, kind="entry", entry=index, step=step)
            )
            step = found[-1].slope.step or None
        return found

    def _complex_scale(self, point: PointEvidence, number: int) -> float | None:
        """Return the size of single slopes in a block, if the complex step applies to it."""
        weights = point.region.weights[self._selectors[number]]
        if np.count_nonzero(weights) < analytic.PAYS_FROM:
            return None
        measured: list[tuple[Line, Slope]] = []
        for _ in range(2):
            signs = self._fresh_signs()[self._selectors[number]]
            line = self._block_line(point, number, weights * signs)
            projection = self.project(point, line, block=number, kind="signs")
            point.projections.append(projection)
            measured.append((line, projection.slope))
        if not analytic.applies(self.evaluator, point.theta, measured):
            return None
        return max(abs(slope.value) for _, slope in measured) / math.sqrt(weights.size)

    def audit_patterns(self, point: PointEvidence, patterns: int, without: Set[int | None]) -> None:
        """Measure sign patterns through all blocks at once, each moved by its own good step.

        Blocks known to be wrong are left out. Six evaluations a pattern, two more for the first.
        """
        factors = self._balance(point, without)
        step: float | None = None
        for _ in range(patterns):
            direction = self._signed(point.region.weights, self._fresh_signs())
            for selector, factor in zip(self._selectors, factors, strict=True):
                direction[selector] *= factor
            line = Line(point.theta, direction, None, -point.region.reach, point.region.reach)
            projection = self.project(point, line, block=None, kind="all", step=step)
            point.projections.append(projection)
            step = projection.slope.step or None

    def audit_coherent(self, point: PointEvidence, without: Set[int | None]) -> None:
        """Measure along the parameters and along the gradient: what adds up shows there."""
        coherent: tuple[tuple[Kind, Vector], ...] = (
            ("theta", point.theta),
            ("gradient", point.gradient),
        )
        for kind, vector in coherent:
            direction = self._coherent(point, vector, without)
            if direction is not None:
                line = Line(point.theta, direction, None, -point.region.reach, point.region.reach)
                point.projections.append(self.project(point, line, block=None, kind=kind))

    def confirm(self, point: PointEvidence, doubtful: Projection) -> Projection:
        """Measure the doubtful thing again, with everything new that can be.

        New signs for a block (the same line for an entry or a coherent direction), the noise
        estimated along this very line, other steps. About 40 evaluations.
        """
        line = doubtful.line
        if doubtful.kind == "signs" and doubtful.block is not None:
            selector = self._selectors[doubtful.block]
            weights = point.region.weights[selector]
            line = self._block_line(point, doubtful.block, weights * self._fresh_signs()[selector])
        assert line is not None  # every projection of ours carries its line
        return self.measure_anew(point, line, doubtful.block, doubtful.kind, doubtful.entry)

    def measure_anew(
        self,
        point: PointEvidence,
        line: Line,
        block: int | None,
        kind: Kind,
        entry: int | None = None,
    ) -> Projection:
        """Measure along a line with nothing taken over from earlier measurements."""
        rough = self._roughness_along(line, point)
        slope = self._derive(point, line.within(_FAR))
        if slope.bar > self.wanted * line.norm(point.gradient) and line.upper > _FAR:
            slope = _if_visible(self._derive(point, line), slope)
        return self._projection(point, line, slope, rough, block, kind, entry)

    def _derive(self, point: PointEvidence, line: Line) -> Slope:
        return derive(
            line.phi(self.evaluator, point.gradient),
            point.cost,
            scale=1.0,
            rng=self.rng,
            lower=line.lower,
            upper=line.upper,
            origin=line.origin,
        )

    def project(
        self,
        point: PointEvidence,
        line: Line,
        *,
        block: int | None,
        kind: Kind,
        entry: int | None = None,
        step: float | None = None,
    ) -> Projection:
        """Compare gradient and slope along one line."""
        norm = line.norm(point.gradient)
        near = line.within(_FAR)
        slope = self._slope(point, near, step=step, mode="fast", target=_SHARP * norm)
        wanted = self.wanted * norm
        if slope.bar > wanted > 0.0 and point.noise_is_doubtful:
            short = self._slope_between_kinks(point, line, wanted)
            if short.bar <= wanted:
                # it was kinks, not noise: the other projections need not find that out again
                point.noise = replace(point.noise, sigma=point.noise.floor)
            slope = min(slope, short, key=lambda s: s.bar)
        if slope.bar > wanted > 0.0:
            better = self._slope(point, near, step=None, mode="best", target=wanted)
            slope = min(slope, better, key=lambda s: s.bar)
        if slope.bar > wanted > 0.0 and point.noise_is_doubtful:
            slope = min(slope, self._derive(point, near), key=lambda s: s.bar)
        if slope.bar > wanted > 0.0 and line.upper > _FAR:
            slope = _if_visible(
                self._slope(point, line, step=None, mode="best", target=wanted), slope
            )
        rough = Z * self._expected_roughness(point, block, norm)
        projection = self._projection(point, line, slope, rough, block, kind, entry)
        if block is not None and projection.unmoved and kind != "entry":
            point.dead.add(block)
        return projection

    def slope_along(self, point: PointEvidence, line: Line, *, step: float | None) -> Slope:
        """Measure the slope along a line in about six evaluations."""
        return self._slope(point, line, step=step, mode="fast", target=0.0)

    def compare(
        self,
        point: PointEvidence,
        line: Line,
        slope: Slope,
        block: int,
        *,
        entry: int | None = None,
    ) -> Projection:
        """Compare the gradient with a slope that was measured already."""
        rough = Z * self._expected_roughness(point, block, line.norm(point.gradient))
        kind: Kind = "signs" if entry is None else "entry"
        return self._projection(point, line, slope, rough, block, kind, entry)

    def _slope(
        self, point: PointEvidence, line: Line, *, step: float | None, mode: Mode, target: float
    ) -> Slope:
        return measure_slope(
            line.phi(self.evaluator, point.gradient),
            point.cost,
            point.noise,
            scale=1.0,
            rng=self.rng,
            step=step,
            mode=mode,
            target=target,
            lower=line.lower,
            upper=line.upper,
            origin=line.origin,
        )

    def _slope_between_kinks(self, point: PointEvidence, line: Line, wanted: float) -> Slope:
        """Measure with steps so short that kinks everywhere lie outside them.

        What looked like noise may be kinks: then one evaluation is good to its rounding alone,
        and a short ladder agrees with itself to that. Where it is noise, the ladder does not.
        """
        quiet = replace(point.noise, sigma=point.noise.floor, settled=True)
        step = min(_KINK_STEPS * quiet.sigma / wanted, 1.0, line.upper)
        near = line.within(step)
        return measure_slope(
            near.phi(self.evaluator, point.gradient),
            point.cost,
            quiet,
            scale=1.0,
            rng=self.rng,
            step=step,
            mode="fast",
            target=wanted,
            lower=near.lower,
            upper=near.upper,
            origin=line.origin,
        )

    def _projection(
        self,
        point: PointEvidence,
        line: Line,
        slope: Slope,
        rough: float,
        block: int | None,
        kind: Kind,
        entry: int | None,
    ) -> Projection:
        gradient = point.gradient
        norm = line.norm(gradient)
        analytic = line.dot(gradient)
        # a gradient rougher than the cost, by more than matters, is not excused by being rough
        rough = min(rough, max(self.negligible * norm, _sharpness(slope), point.residue))
        if is_unmoved(slope):
            # a cost that comes out of larger terms may stand still by their rounding alone
            rounding = _STILL * self._magnitude / min(slope.step or 1.0, 1.0)
            slope = replace(slope, bar=max(slope.bar, rounding))
        projection = Projection(
            block=block,
            kind=kind,
            entry=entry,
            analytic=analytic,
            analytic_bar=rough + rounding_of_dot(analytic, norm),
            slope=slope,
            norm=norm,
            lightest=self._lightest(line),
            single=line.along.size == 1,
            line=line,
        )
        return projection if projection.significant else replace(projection, line=None)

    def _lightest(self, line: Line) -> tuple[float, ...]:
        """Return the smallest weight in each block that a line moves."""
        if line.selector is not None:
            return (float(np.abs(line.along).min()),)
        return tuple(float(np.abs(line.along[selector]).min()) for selector in self._selectors)

    def entry_line(self, point: PointEvidence, index: int) -> Line | None:
        """Return the line along one parameter; None when its bounds pin it."""
        selector = slice(index, index + 1)
        weight = float(point.region.weights[index])
        if weight:
            reach = point.region.reach
            return Line(point.theta, np.array([weight]), selector, -reach, reach)
        if point.region.inward is None or point.region.inward[index] == 0.0:
            return None
        return Line(point.theta, point.region.inward[selector], selector, 0.0, point.region.reach)

    def block_line(self, point: PointEvidence, number: int, signs: Signs | Vector) -> Line:
        """Return a line through one block: its weights times `signs` (of the block's size)."""
        weights = point.region.weights[self._selectors[number]]
        return self._block_line(point, number, weights * signs)

    def _block_line(self, point: PointEvidence, number: int, along: Vector) -> Line:
        reach = point.region.reach
        return Line(point.theta, along, self._selectors[number], -reach, reach)

    def _project_inward(self, point: PointEvidence, number: int) -> None:
        """Measure what sits on a bound, twice, with random lengths instead of random signs."""
        assert point.region.inward is not None  # the caller asked
        inward = point.region.inward[self._selectors[number]]
        if not inward.any():
            return
        for _ in range(1 if np.count_nonzero(inward) == 1 else 2):
            along = np.ldexp(inward, -self.rng.integers(0, 4, inward.size))
            line = Line(point.theta, along, self._selectors[number], 0.0, point.region.reach)
            point.projections.append(self.project(point, line, block=number, kind="inward"))

    def _coherent(
        self, point: PointEvidence, vector: Vector, without: Set[int | None]
    ) -> Vector | None:
        """Scale a vector so that no parameter moves by more than its weight in a unit step."""
        weights = point.region.weights
        direction = self._masked(vector, without)
        ratio = np.zeros(direction.size)
        np.divide(direction, weights, out=ratio, where=weights > 0.0)
        direction[weights == 0.0] = 0.0
        largest = float(np.abs(ratio, out=ratio).max())
        if not 0.0 < largest < math.inf:
            return None
        direction /= largest
        del ratio
        return few_bits(direction)

    def _masked(self, vector: Vector, without: Set[int | None]) -> Vector:
        """Return a copy that is zero outside the audited blocks and in those left out."""
        direction = vector.copy() if self._whole else vector * self._mask()
        for number in without:
            if number is not None:
                direction[self._selectors[number]] = 0.0
        return direction

    def _balance(self, point: PointEvidence, without: Set[int | None]) -> list[float]:
        """Return factors that move each block by about the step that suits it."""
        steps = [self._good_step(point, number) for number in range(len(self.blocks))]
        longest = max((step for step in steps if step), default=1.0)
        return [
            0.0 if number in without else 2.0 ** round(math.log2(step / longest)) if step else 1.0
            for number, step in enumerate(steps)
        ]

    def _good_step(self, point: PointEvidence, number: int) -> float | None:
        steps = [p.slope.step for p in point.of_block(number) if p.slope.regime == "smooth"]
        return steps[0] if steps and steps[0] > 0 else None

    def _fresh_signs(self) -> Signs:
        return random_signs(self._size, self.rng)

    def _signed(self, weights: Vector, signs: Signs) -> Vector:
        direction = weights * signs
        return direction if self._whole else direction * self._mask()

    def _mask(self) -> Vector:
        mask = np.zeros(self._size)
        for selector in self._selectors:
            mask[selector] = 1.0
        return mask

    def _noise_along(
        self, line: Line, cost: float, gradient: Vector, previous: Noise | None
    ) -> tuple[Noise, Vector | None]:
        """Estimate the noise of the cost and, where it comes free, of the gradient by blocks."""
        watch = GradientWatch(line, self._selectors if line.selector is None else [slice(None)])
        phi = line.phi
        if self.evaluator.together:
            watch.add(0.0, gradient)

        self._nothing_finite = True

        def observed(steps: Vector) -> Vector:
            watch.begin()
            listed = steps.tolist()
            values = phi(
                self.evaluator,
                gradient,
                (lambda i, g: watch.add(listed[i], g)) if self.evaluator.together else None,
            )(steps)
            meaningful = np.isfinite(values[np.abs(steps) > _MEANINGLESS])
            self._nothing_finite = self._nothing_finite and not meaningful.any()
            return values

        noise = estimate_noise(
            observed,
            cost,
            scale=1.0,
            rng=self.rng,
            lower=line.lower,
            upper=line.upper,
            previous=previous,
        )
        return noise, watch.roughness(gradient) if self.evaluator.together else None

    def _roughness_along(self, line: Line, point: PointEvidence) -> float:
        """Return the bar that the gradient's own noise puts on its promise along a line."""
        watch = GradientWatch(line, [slice(None)])
        watch.add(0.0, point.gradient)
        watch.begin()
        spacing = point.noise.spacing or 1e-4
        multiples = multiples_along(line, spacing)
        for multiple in multiples:
            sample = self.evaluator.try_gradient(
                line.point(multiple * spacing), where="near the point"
            )
            if sample is None:
                return self._expected_roughness(point, None, line.norm(point.gradient)) * Z
            watch.add(multiple * spacing, sample)
        return Z * float(watch.absolute().max())

    def _expected_roughness(self, point: PointEvidence, block: int | None, norm: float) -> float:
        relative = point.roughness.max() if block is None else point.roughness[block]
        return float(relative) * norm


def _sharpness(slope: Slope) -> float:
    """Return how well a slope is known; at a kink, each of its two sides."""
    if slope.regime == "kink" and slope.one_sided_bars is not None:
        return max(slope.one_sided_bars)
    return slope.bar


def is_unmoved(slope: Slope) -> bool:
    """Tell whether the cost was the same at every step of a ladder."""
    return slope.value == slope.curvature == slope.bend == 0.0 and slope.regime != "kink"


def _if_visible(far: Slope, near: Slope) -> Slope:
    """Prefer a slope from steps beyond the parameters' size only when it stands out.

    A part of the cost that is too small to be seen nearby is no smaller far away, but what is
    seen of it there may be anything.
    """
    return far if abs(far.value) > 3.0 * far.bar else near


def _earlier_step(previous: PointEvidence | None, number: int) -> float | None:
    if previous is None:
        return None
    steps = [p.slope.step for p in previous.of_block(number) if p.slope.regime == "smooth"]
    return steps[-1] if steps and steps[-1] > 0 else None


def _flat_indices(block: Block) -> Iterator[int]:
    selector = block.selector()
    if isinstance(selector, slice):
        return iter(range(block.start, block.stop))
    return iter(selector.tolist())
