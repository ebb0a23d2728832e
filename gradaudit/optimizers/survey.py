"""All fresh measurements around a stop, in the order of their price."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.evaluator import Evaluator
from gradaudit.evidence.directions import norm_of
from gradaudit.numerics.signs import random_signs
from gradaudit.optimizers.story import Story
from gradaudit.optimizers.terrain import (
    Descent,
    Edge,
    Fall,
    Jump,
    Kink,
    LineOf,
    Vicinity,
    Walk,
    descend,
    find_edge,
    find_fall,
    find_jump,
    find_kink,
    look,
    look_around,
    noise_along,
    slips_off,
)
from gradaudit.results import Ray

# Differences in place of a gradient: up to this many parameters.
_MOST_DIFFERENCES: Final = 25
# Curvature of every parameter on its own: up to this many.
_MOST_CURVATURES: Final = 40
_CUBE_ROOT: Final = float(np.finfo(np.float64).eps) ** (1.0 / 3.0)
_RESOLUTION: Final = float(np.finfo(np.float64).eps)
_KINKED_ENTRIES: Final = 1
# Lines shorter than this, in units of the parameters' size, show rounding rather than terraces.
_LONG: Final = 1e-3
# Parameters whose scales are this far apart are measured in scales of their own.
_APART: Final = 1e3


@dataclass(slots=True, kw_only=True, eq=False)
class Survey:
    """What the cost looks like where the run ended; nothing in it is judged.

    Attributes
    ----------
    asked : bool
        The cost at the end was asked for.
    start_cost, cost : float
        At the start and at the end, asked for anew.
    sizes : ndarray of float64, shape (n,)
        Typical size of each parameter.
    gradient, start_gradient : ndarray or None
        Trusted ones: the user's where they are right, else differences.
    differences : bool
        Whether they are differences.
    noise : float
        Standard deviation of one evaluation at the end, absolute; `precision` the format.
    onward : Descent or None
        How far a trusted run gets from the end.
    unscaled : Descent or None
        How far it gets without scaling, where scaling takes it further.
    walk : Walk or None
        The cost along the last search direction, or downhill.
    ray : Ray or None
        The same for people.
    kinks : list of Kink
    jump : Jump or None
    fall : Fall or None
    terraced : bool
        Most values along a line were equal to the last bit.
    vicinity : Vicinity or None
        Asked where the start has no slope.
    scales : ndarray or None
        Lengths over which each parameter matters equally, from the curvature.
    beyond : float or None
        A lower cost on both sides of the end, which is a saddle then.
    edge : Edge or None
        Where the cost stops being finite, towards a trial at which it was not.
    """

    asked: bool = False
    start_cost: float = math.nan
    cost: float = math.nan
    sizes: Vector = field(default_factory=lambda: np.zeros(0))
    gradient: Vector | None = None
    start_gradient: Vector | None = None
    differences: bool = False
    noise: float = math.nan
    precision: str = "float64"
    onward: Descent | None = None
    unscaled: Descent | None = None
    walk: Walk | None = None
    ray: Ray | None = None
    kinks: list[Kink] = field(default_factory=list[Kink])
    jump: Jump | None = None
    fall: Fall | None = None
    terraced: bool = False
    vicinity: Vicinity | None = None
    scales: Vector | None = None
    beyond: float | None = None
    edge: Edge | None = None

    @property
    def drop(self) -> float:
        """By how much the cost fell from the start to the lowest point known."""
        lowest = self.cost if self.onward is None else min(self.cost, self.onward.cost)
        return self.start_cost - lowest

    @property
    def left_over(self) -> float:
        """By how much a trusted run lowers the cost beyond the end; 0 when by nothing visible."""
        if self.onward is None or not math.isfinite(self.onward.cost):
            return 0.0
        gained = self.cost - self.onward.cost
        return gained if gained > 30.0 * self.rounding else 0.0

    @property
    def rounding(self) -> float:
        """What two evaluations differ by without meaning anything."""
        noise = self.noise if math.isfinite(self.noise) else 0.0
        return max(noise, 2.0 * _RESOLUTION * abs(self.cost))

    def slope_of(self, gradient: Vector | None) -> float:
        """Return what a gradient promises for a move by the parameters' sizes."""
        if gradient is None:
            return math.nan
        with np.errstate(over="ignore"):
            return norm_of(gradient * self.sizes)


class Surveyor:
    """Makes the measurements of one survey; each step leaves what it learned in it.

    Parameters
    ----------
    evaluator : Evaluator
    story : Story
    sizes : ndarray of float64, shape (n,)
    rng : numpy.random.Generator
    trust : bool
        The user's gradient was found right.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        story: Story,
        sizes: Vector,
        rng: np.random.Generator,
        *,
        trust: bool,
    ) -> None:
        self.evaluator = evaluator
        self.story = story
        self.rng = rng
        self.trust = trust
        self.lower = evaluator.problem.lower
        self.upper = evaluator.problem.upper
        self.survey = Survey(sizes=sizes)
        self.end = self._inside(story.end)

    def _inside(self, point: Vector) -> Vector:
        if self.lower is None or self.upper is None:
            return point
        return np.clip(point, self.lower, self.upper)

    def gradient_of(self) -> Callable[[Vector], Vector] | None:
        """Return a gradient that can be trusted and afforded, if there is one."""
        if self.trust and self.evaluator.problem.mode != "none":
            return self._own
        if self.end.size <= _MOST_DIFFERENCES:
            return self._differences
        return None

    def _own(self, theta: Vector) -> Vector:
        found = self.evaluator.try_gradient(theta, where="on the way")
        return np.zeros(theta.size) if found is None else np.nan_to_num(found)

    def _differences(self, theta: Vector) -> Vector:
        self.survey.differences = True
        gradient = np.zeros(theta.size)
        for index in range(theta.size):
            step = _CUBE_ROOT * max(abs(theta[index]), self.survey.sizes[index])
            high, low = theta.copy(), theta.copy()
            high[index] += step
            low[index] -= step
            high, low = self._inside(high), self._inside(low)
            values = self.evaluator.costs([high.copy(), low.copy()])
            gradient[index] = (values[0] - values[1]) / (high[index] - low[index])
        return np.nan_to_num(gradient)

    def begin(self) -> None:
        """Evaluate start and end, the gradients there, and the noise at the end."""
        survey, story = self.survey, self.story
        survey.cost, survey.asked = self.evaluator.cost(self.end), True
        survey.start_cost = (
            story.start_cost
            if math.isfinite(story.start_cost)
            else self.evaluator.cost(self._inside(story.start))
        )
        gradient_of = self.gradient_of()
        if gradient_of is not None and math.isfinite(survey.cost):
            survey.gradient = gradient_of(self.end)
            survey.start_gradient = (
                survey.gradient if story.stayed else gradient_of(self._inside(story.start))
            )
        if math.isfinite(survey.cost):
            direction = survey.sizes * random_signs(self.end.size, self.rng)
            line = self._line(direction)
            mode = self.evaluator.problem.mode
            survey.noise, survey.precision = noise_along(
                line, 1.0, self.rng, corners=mode != "none"
            )

    def _line(self, direction: Vector) -> LineOf:
        return LineOf(self.evaluator, self.end, direction, self.survey.cost, self.lower, self.upper)

    def go_on(self, most: int = 40) -> None:
        """Try to lower the cost further, from the end, with derivatives that can be trusted."""
        gradient_of = self.gradient_of()
        if gradient_of is None or not math.isfinite(self.survey.cost):
            return
        if self.survey.differences:
            most = max(6, most // (2 + self.end.size // 4))
        found = descend(
            self.evaluator,
            gradient_of,
            self.end,
            scales=self.survey.scales,
            lower=self.lower,
            upper=self.upper,
            most=most,
        )
        if self.survey.onward is None or found.cost < self.survey.onward.cost:
            self.survey.onward = found

    def downhill(self) -> Vector | None:
        """Return the direction of steepest descent inside the bounds, in units of the sizes."""
        gradient = self.survey.gradient
        if gradient is None:
            gradient = self.story.end_gradient
        if gradient is None or not np.isfinite(gradient).all():
            return None
        direction = -gradient * self.survey.sizes**2
        if self.lower is not None and self.upper is not None:
            direction[(self.end <= self.lower) & (direction < 0)] = 0.0
            direction[(self.end >= self.upper) & (direction > 0)] = 0.0
        longest = float(np.abs(direction / self.survey.sizes).max())
        return None if longest == 0.0 else direction / longest

    def look_along(self) -> None:
        """Look along the last search direction, or downhill: corners and jumps."""
        survey, story = self.survey, self.story
        if not math.isfinite(survey.cost):
            return
        searched = story.direction
        directions: list[tuple[str, Vector]] = []
        if searched is not None:
            directions.append(("along the last search direction", searched))
        downhill = self.downhill()
        if downhill is not None:
            directions.append(("straight downhill from where it stopped", downhill))
        for title, direction in directions:
            line = self._line(direction)
            if direction is searched:
                line.known.update({t: v for t, v in story.trials if line.allows(t)})
            walk = look(line, 1.0)
            unit = float(np.abs(direction / survey.sizes).max())
            survey.terraced |= unit > _LONG and survey.precision == "float64" and walk.terraced
            kink = find_kink(line, walk, survey.rounding)
            if kink is not None:
                survey.kinks.append(replace(kink, distance=abs(kink.step) * unit))
            elif survey.jump is None:
                tried = [t for t, _ in story.trials] if direction is searched else []
                jump = find_jump(
                    line, walk, survey.rounding, min([0.0, *tried]), max([1.0, *tried])
                )
                if jump is not None:
                    survey.jump = replace(jump, distance=abs(jump.step) * unit)
            if survey.ray is None:
                survey.walk = walk
                survey.ray = self._ray(title, direction, walk)
            if survey.kinks or survey.jump:
                break

    def draw(self) -> None:
        """Sample the last search direction for people to look at, if nothing did so before."""
        survey, story = self.survey, self.story
        if survey.ray is not None or not math.isfinite(survey.cost):
            return
        direction = story.direction if story.direction is not None else self.downhill()
        if direction is None:
            return
        title = (
            "along the last search direction"
            if story.direction is not None
            else "straight downhill from where it stopped"
        )
        line = self._line(direction)
        reach = max([abs(t) for t, _ in story.trials if math.isfinite(t)], default=1.0)
        line.add([reach * part for part in np.linspace(-0.25, 1.0, 11)])
        survey.walk = line.walk()
        survey.ray = self._ray(title, direction, survey.walk)

    def _ray(self, title: str, direction: Vector, walk: Walk) -> Ray:
        returned = self.story.end_gradient
        trusted = self.survey.gradient
        return Ray(
            title=title,
            steps=walk.steps,
            values=walk.values,
            slope=None if returned is None else float(returned @ direction),
            tried=self.story.trials if direction is self.story.direction else (),
            true_slope=None if trusted is None else float(trusted @ direction),
        )

    def look_at_entries(self) -> None:
        """Look for corners along the parameters whose derivative is the largest."""
        survey = self.survey
        gradient = survey.gradient if survey.gradient is not None else self.story.end_gradient
        if gradient is None or not math.isfinite(survey.cost):
            return
        order = np.argsort(-np.abs(gradient * survey.sizes))[:_KINKED_ENTRIES]
        for index in order.tolist():
            direction = np.zeros(self.end.size)
            direction[index] = survey.sizes[index]
            line = self._line(direction)
            walk = look(line, 1.0)
            kink = find_kink(line, walk, survey.rounding, entry=index)
            if kink is not None:
                survey.kinks.append(replace(kink, distance=abs(kink.step)))
                return

    def look_far(self) -> None:
        """Look for a fall without end: away from the start, and downhill."""
        survey = self.survey
        if not math.isfinite(survey.cost):
            return
        unit = survey.sizes
        travelled = self.end - self.story.start
        directions: list[tuple[str, Vector | None]] = [
            ("straight on from the start through where it stopped", travelled),
            ("downhill from where it stopped", self.downhill()),
        ]
        for title, direction in directions:
            if direction is None or not direction.any():
                continue
            length = float(np.abs(direction / unit).max())
            line = self._line(direction)
            survey.fall = find_fall(line, 1.0 / min(length, 1.0), title, survey.rounding)
            if survey.fall is not None:
                return

    def look_around_start(self) -> None:
        """Look for lower values around a start that has no slope."""
        survey, story = self.survey, self.story
        start = self._inside(story.start)
        survey.vicinity = look_around(
            self.evaluator,
            start,
            survey.start_cost,
            survey.sizes,
            survey.rounding,
            self.rng,
            self.lower,
            self.upper,
        )

    def look_at_edge(self) -> None:
        """Find where the cost stops being finite, between the end and a trial that was not."""
        survey, story = self.survey, self.story
        if not story.non_finite or not math.isfinite(survey.cost):
            return
        target = story.non_finite[0].x
        if target.size == self.end.size and np.isfinite(target).all():
            line = LineOf(self.evaluator, self.end, target - self.end, survey.cost)
            survey.edge = find_edge(line)

    def go_on_scaled(self) -> None:
        """Go on once more where the parameters' own scales lie far apart."""
        survey, scales = self.survey, self.survey.scales
        if scales is None or float(scales.max()) <= _APART * float(scales.min()):
            return
        before = survey.onward
        self.go_on(30)
        if before is not None and survey.onward is not before:
            survey.unscaled = before

    def look_for_saddle(self) -> None:
        """Look for a way down on both sides of the end."""
        survey = self.survey
        if math.isfinite(survey.cost):
            survey.beyond = slips_off(
                self.evaluator,
                self.end,
                survey.cost,
                survey.sizes,
                survey.rounding,
                self.rng,
                self.lower,
                self.upper,
            )

    def measure_scales(self) -> None:
        """Measure the curvature along each parameter, at the end: from it, the scales."""
        survey, n = self.survey, self.end.size
        gradient_of = self.gradient_of()
        if survey.gradient is None or gradient_of is None or n > _MOST_CURVATURES:
            return
        curvatures = np.zeros(n)
        for index in range(n):
            step = 1e-4 * survey.sizes[index]
            moved = self.end.copy()
            moved[index] += step
            if self.upper is not None and moved[index] > self.upper[index]:
                moved[index] -= 2.0 * step
                step = -step
            if survey.differences:
                back = self.end.copy()
                step *= 10.0
                moved[index], back[index] = self.end[index] + step, self.end[index] - step
                values = self.evaluator.costs([self._inside(moved), self._inside(back)])
                curvatures[index] = (values[0] - 2.0 * survey.cost + values[1]) / step**2
            else:
                change = self._own(moved) - survey.gradient
                curvatures[index] = change[index] / step
        known = np.isfinite(curvatures) & (curvatures > 0.0)
        if not known.any():
            return
        # lengths over which the cost changes by as much as it did in the run
        change = max(survey.drop, 1e-3 * abs(survey.cost), 1e-300)
        scales = survey.sizes.copy()
        scales[known] = np.sqrt(change / curvatures[known])
        survey.scales = scales
