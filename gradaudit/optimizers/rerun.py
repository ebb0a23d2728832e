"""Would the run have ended well without the fault? A short run with the fault taken away tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import CellType, FunctionType
from typing import Any, Final

import numpy as np

from gradaudit.blocks import Vector
from gradaudit.optimizers.call import Call, Constraint, outcome
from gradaudit.optimizers.recorder import Recorder
from gradaudit.optimizers.story import Story
from gradaudit.optimizers.survey import Survey
from gradaudit.problem import Problem, read_bounds
from gradaudit.results import Finding

_MOST: Final = 120
_FEWEST: Final = 25
_MOST_DIFFERENCES: Final = 12
_CUBE_ROOT: Final = float(np.finfo(np.float64).eps) ** (1.0 / 3.0)
_SMALLEST: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confirmation:
    """What a short run without the fault showed; `text` is "" when it showed nothing."""

    text: str = ""
    cost: float = math.nan
    evaluations: int = 0


def confirm(
    call: Call, story: Story, problem: Problem, found: Sequence[Finding], *, most: int
) -> Confirmation:
    """Run the solver once more with the first cause taken away, where that can be done.

    Parameters
    ----------
    call, story
        The run that ended badly.
    problem : Problem
        Its cost.
    found : sequence of Finding
        The causes; all that concern the gradient are taken away together.
    most : int
        Evaluations that may be used.
    """
    if most < _FEWEST or call.kind != "minimize" or call.constraints:
        return Confirmation()
    for mended in (_argument_put_in, _gradient_mended, _gradient_by_differences):
        repair = mended(call, problem, found, most)
        if repair is None:
            continue
        how, replacements, price = repair
        allowed = min(_MOST, most // price)
        if allowed < 8:
            continue
        reached = _lowest(call, replacements, allowed)
        if reached is None:
            continue
        cost, used = reached
        start = cost_at_start(story, cost)
        if not cost < _worth(story, start):
            return Confirmation(evaluations=used * price)
        return Confirmation(
            text=f"{how} {call.method or call.solver} goes from {start:.6g} to {cost:.6g} in "
            f"{used} evaluations",
            cost=cost,
            evaluations=used * price,
        )
    return Confirmation()


def cost_at_start(story: Story, otherwise: float) -> float:
    """Return the cost at the start, if it is known."""
    return story.start_cost if math.isfinite(story.start_cost) else otherwise


def _worth(story: Story, start: float) -> float:
    """Return the cost that a run must get below to have shown anything."""
    end = story.end_cost if math.isfinite(story.end_cost) else start
    return min(end, start) - _SMALLEST * max(abs(start - end), abs(end), 1e-300)


def _lowest(call: Call, replacements: dict[str, Any], most: int) -> tuple[float, int] | None:
    recorder = Recorder(call, keep=3, most=most)
    try:
        with np.errstate(all="ignore"):
            recorder.run(**replacements)
    except Exception:  # it is a trial
        pass
    best = recorder.recording.best
    if best is None or not math.isfinite(best.value):
        return None
    return best.value, recorder.recording.evaluations


Repair = tuple[str, dict[str, Any], int]


def _argument_put_in(
    call: Call, problem: Problem, found: Sequence[Finding], most: int
) -> Repair | None:
    """Let the objective read its argument in the place of the name it reads instead."""
    del problem, most
    finding = next((f for f in found if f.slug == "ignored-argument"), None)
    name = None if finding is None else finding.data.get("used_instead")
    fun = call.fun
    if not isinstance(name, str) or not name.isidentifier() or not isinstance(fun, FunctionType):
        return None

    def put_in(x: Any, *args: Any) -> Any:
        return with_name(fun, name, x)(x, *args)

    replacements: dict[str, Any] = {"fun": put_in}
    frozen = next((f for f in found if f.slug == "frozen-gradient"), None)
    other = None if frozen is None else frozen.data.get("used_instead")
    jac = call.jac
    if isinstance(other, str) and other.isidentifier() and isinstance(jac, FunctionType):

        def put_in_too(x: Any, *args: Any) -> Any:
            return with_name(jac, other, x)(x, *args)

        replacements["jac"] = put_in_too
    return f"with its argument in the place of {name}", replacements, 1


def with_name(fun: FunctionType, name: str, value: Any) -> FunctionType:
    """Return the same function with another value under one of the names it reads.

    Neither the function nor its module is changed.
    """
    code = fun.__code__
    closure = fun.__closure__
    if closure is not None and name in code.co_freevars:
        cells = list(closure)
        cells[code.co_freevars.index(name)] = CellType(value)
        closure = tuple(cells)
    made = FunctionType(
        code, {**fun.__globals__, name: value}, fun.__name__, fun.__defaults__, closure
    )
    made.__kwdefaults__ = fun.__kwdefaults__
    return made


def _gradient_mended(
    call: Call, problem: Problem, found: Sequence[Finding], most: int
) -> Repair | None:
    """Divide each block by the factor it is off by, and add a penalty that is missing."""
    del most
    about = [f for f in found if f.code.startswith("GA2") and f.code < "GA220"]
    if not about or not all(f.slug in ("wrong-scale", "wrong-sign") for f in about):
        return None
    spans = _spans(problem, about)
    if spans is None:
        return None

    def mended(gradient: Any) -> Any:
        fixed = np.array(gradient, dtype=np.float64)
        flat = fixed.reshape(-1)
        for span, factor in spans:
            flat[span] /= factor
        return fixed

    return "with the factor taken out of the gradient", _with_gradient(call, mended), 1


def _spans(problem: Problem, about: Sequence[Finding]) -> list[tuple[slice, float]] | None:
    spans: list[tuple[slice, float]] = []
    places = {block.name: block for block in problem.layout.complete()} if problem.layout else {}
    for finding in about:
        factor = finding.data.get("factor", -1.0 if finding.slug == "wrong-sign" else None)
        if not isinstance(factor, float) or not math.isfinite(factor) or factor == 0.0:
            return None
        names = finding.data.get("blocks") or ((finding.block,) if finding.block else ())
        if not names or set(names) == {"theta"}:
            spans.append((slice(None), factor))
            continue
        for name in names:
            block = places.get(name)
            if block is None or not block.contiguous:
                return None
            spans.append((slice(block.start, block.stop), factor))
    return spans


def _with_gradient(call: Call, change: Callable[[Any], Any]) -> dict[str, Any]:
    if call.jac is True:

        def both(x: Any, *args: Any) -> Any:
            cost, gradient = call.fun(x, *args)
            return cost, change(gradient)

        return {"fun": both, "jac": True}

    def jac(x: Any, *args: Any) -> Any:
        return change(call.jac(x, *args))

    return {"jac": jac}


def _gradient_by_differences(
    call: Call, problem: Problem, found: Sequence[Finding], most: int
) -> Repair | None:
    """Take central differences in the place of the gradient, where there are few parameters."""
    n = problem.size
    about = [f for f in found if "GA2" <= f.code < "GA220" or f.slug == "frozen-gradient"]
    if not about or n > _MOST_DIFFERENCES or most < _FEWEST * (2 * n + 1):
        return None
    if call.jac is None:
        return None

    def cost_of(x: Any, *args: Any) -> Any:
        value = call.fun(x, *args)
        return value[0] if call.jac is True else value

    def both(x: Any, *args: Any) -> Any:
        theta = np.array(x, dtype=np.float64)
        return cost_of(theta.copy(), *args), central_differences(
            lambda point: cost_of(point, *args), theta, problem.lower, problem.upper
        )

    return "with central differences for the gradient", {"fun": both, "jac": True}, 2 * n + 1


def central_differences(
    cost: Callable[[Vector], Any], theta: Vector, lower: Vector | None, upper: Vector | None
) -> Vector:
    """Return the gradient by central differences, inside the bounds."""
    gradient = np.zeros(theta.size)
    for index in range(theta.size):
        step = _CUBE_ROOT * max(abs(theta[index]), 1e-3)
        high, low = theta.copy(), theta.copy()
        high[index] += step
        low[index] -= step
        if lower is not None and upper is not None:
            np.clip(high, lower, upper, out=high)
            np.clip(low, lower, upper, out=low)
        width = high[index] - low[index]
        if width > 0:
            gradient[index] = (float(cost(high)) - float(cost(low))) / width
    return gradient


def rescale(call: Call, story: Story, survey: Survey, *, most: int) -> tuple[float, int] | None:
    """Run the same solver on the scaled problem: y = x / scale, cost over its steepness.

    Returns
    -------
    (float, int) or None
        The lowest cost reached that satisfies the constraints, and the evaluations used.
    """
    if call.kind != "minimize" or call.solver != "minimize" or survey.start_gradient is None:
        return None
    scales = survey.scales if survey.scales is not None else np.ones(story.start.size)
    slope = float(np.linalg.norm(survey.start_gradient * scales))
    unit = slope if math.isfinite(slope) and slope > 0.0 else 1.0
    replacements = _scaled(call, scales, unit)
    recorder = Recorder(_rebounded(call, scales), keep=3, most=min(most, 200))
    try:
        with np.errstate(all="ignore"):
            recorder.run(x0=np.asarray(story.start, dtype=np.float64) / scales, **replacements)
    except Exception:  # it is a trial
        pass
    recording = recorder.recording
    used = recording.evaluations
    if call.constraints:
        ended = outcome(call, recording.returned)
        if not ended.success or ended.x is None:
            return None
        return ended.fun * unit, used
    if recording.best is None or not math.isfinite(recording.best.value):
        return None
    return recording.best.value * unit, used


def _scaled(call: Call, scales: Vector, unit: float) -> dict[str, Any]:
    fun, jac = call.fun, call.jac
    replacements: dict[str, Any] = {}
    if jac is True:

        def both(y: Any, *args: Any) -> Any:
            cost, gradient = fun(np.asarray(y) * scales, *args)
            return cost / unit, np.asarray(gradient) * scales / unit

        replacements["fun"] = both
    else:

        def cost(y: Any, *args: Any) -> Any:
            return fun(np.asarray(y) * scales, *args) / unit

        def gradient(y: Any, *args: Any) -> Any:
            return np.asarray(jac(np.asarray(y) * scales, *args)) * scales / unit

        replacements["fun"] = cost
        if callable(jac):
            replacements["jac"] = gradient
    replacements |= _scaled_second_order(call, scales, unit)
    if call.constraints:
        replacements["constraints"] = [_scaled_constraint(c, scales) for c in call.constraints]
    return replacements


def _scaled_second_order(call: Call, scales: Vector, unit: float) -> dict[str, Any]:
    hess, hessp = call.hess, call.hessp

    def hessian(y: Any, *args: Any) -> Any:
        matrix = np.asarray(hess(np.asarray(y) * scales, *args))
        return scales[:, None] * matrix * scales / unit

    def product(y: Any, p: Any, *args: Any) -> Any:
        along = np.asarray(hessp(np.asarray(y) * scales, np.asarray(p) * scales, *args))
        return along * scales / unit

    replacements: dict[str, Any] = {}
    if hess is not None:
        replacements["hess"] = hessian
    if hessp is not None:
        replacements["hessp"] = product
    return replacements


def _scaled_constraint(constraint: Constraint, scales: Vector) -> Constraint:
    fun, jac = constraint.fun, constraint.jac

    def values(y: Any, *args: Any) -> Any:
        return fun(np.asarray(y) * scales, *args)

    def jacobian(y: Any, *args: Any) -> Any:
        assert jac is not None  # it is not handed on otherwise
        return np.asarray(jac(np.asarray(y) * scales, *args)) * scales

    return replace(constraint, fun=values, jac=None if jac is None else jacobian, hess=None)


def _rebounded(call: Call, scales: Vector) -> Call:
    lower, upper = read_bounds(call.bounds, scales.size)
    if lower is None or upper is None:
        return call
    bounds = list(zip(lower / scales, upper / scales, strict=True))
    return replace(call, bounds=bounds, given={**call.given, "bounds": bounds})
