"""Which mistake is it? Hypotheses about the gradient of a block, tested on its projections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

import numpy as np

from gradaudit.blocks import Block, Vector
from gradaudit.evidence.directions import norm_of
from gradaudit.evidence.gradient import PointEvidence, Projection

# A hypothesis has to beat "the gradient is right" by this many bars on some projection.
_CONVINCING: Final = 20.0
# A block is looked for in the whole returned gradient up to this many products.
_MOST_PRODUCTS: Final = 10**9
# What an approximate cost may be off by, relative; and how many observations that needs.
_LOOSE: Final = 1e-6
_LOOSE_COUNT: Final = 5
# Rounding of what a hypothesis predicts, relative to the norm of its terms.
_ROUNDING: Final = 4e-15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """Returned over right gradient, when one number explains every projection of a block.

    Attributes
    ----------
    value : float
    uncertainty : float
        The bars allow any value within this distance.
    projections : int
        How many agree.
    """

    value: float
    uncertainty: float
    projections: int


# A factor this near 1 explains nothing.
_NO_FACTOR: Final = 1e-9


def fit_factor(projections: Sequence[Projection]) -> Factor | None:
    """Fit ``returned = c * right`` to projections of one block; None when no c fits them all.

    Notes
    -----
    Least squares weighted by the bars, then every residual must be within its own bar: with k
    projections a wrong hypothesis passes by chance with probability of the order of
    (bar / slope)**(k - 1), about 1e-9 for each degree of freedom.
    """
    usable = [p for p in projections if math.isfinite(p.bar) and p.bar > 0.0]
    if len(usable) < 2:
        return None
    sharpest = min(p.bar for p in usable)
    weights = [(sharpest / p.bar) ** 2 for p in usable]
    largest = max(abs(p.slope.value) for p in usable)
    if largest == 0.0:
        return None
    slopes = [p.slope.value / largest for p in usable]
    total = sum(w * d * d for w, d in zip(weights, slopes, strict=True))
    if not 0.0 < total < math.inf:
        return None
    products = (w * d * p.analytic for w, d, p in zip(weights, slopes, usable, strict=True))
    value = sum(products) / largest / total
    for projection in usable:
        allowed = projection.analytic_bar + abs(value) * projection.slope.bar
        if abs(projection.analytic - value * projection.slope.value) > allowed:
            return None
    uncertainty = min(
        (p.analytic_bar + abs(value) * p.slope.bar) / abs(p.slope.value)
        for p in usable
        if p.slope.value
    )
    if abs(value - 1.0) <= max(uncertainty, _NO_FACTOR):
        return None
    return Factor(value=value, uncertainty=uncertainty, projections=len(usable))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cause:
    """A mistake that explains all projections of a block.

    Attributes
    ----------
    slug : str
        Of the catalogue.
    factor : float or None
        Returned over right gradient, apart from what else is wrong.
    penalty : float or None
        Strength of the penalty that the right gradient has more than the returned one (negative:
        less).
    detail : str
        What exactly: "read in Fortran order", "shifted by one row", ...
    blocks : tuple of int
        Numbers of all blocks concerned, when they are more than this one.
    shift : int or None
        By how many entries.
    """

    slug: str
    factor: float | None = None
    penalty: float | None = None
    detail: str = ""
    blocks: tuple[int, ...] = ()
    shift: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """What was measured along one line through a block, at one point."""

    point: PointEvidence
    along: Vector = field(repr=False)
    value: float
    bar: float
    analytic: float


Feature = Callable[[PointEvidence], Vector]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hypothesis:
    """The right gradient of a block, as a sum of known vectors with unknown strengths.

    Attributes
    ----------
    slug, detail, blocks, shift
        What it means.
    base : callable or None
        A vector with strength 1.
    free : tuple of callable
        Vectors whose strengths are fitted.
    names : tuple of {"factor", "penalty"}
        What the strengths are: "factor" is right over returned.
    """

    slug: str
    base: Feature | None = None
    free: tuple[Feature, ...] = ()
    names: tuple[str, ...] = ()
    detail: str = ""
    blocks: tuple[int, ...] = ()
    shift: int | None = None


def observe(
    block: Block, projections: Sequence[tuple[PointEvidence, Projection]]
) -> list[Observation]:
    """Collect the projections of a block whose lines are still known."""
    return [
        Observation(
            point=point,
            along=_spread(block, p),
            value=p.slope.value,
            bar=p.bar,
            analytic=p.analytic,
        )
        for point, p in projections
        if (p.line is not None or p.entry is not None)
        and math.isfinite(p.bar)
        and p.slope.regime != "kink"
    ]


def _spread(block: Block, projection: Projection) -> Vector:
    """Return the direction over all entries of the block, in the order of its `view`."""
    indices = block.indices().reshape(-1)
    if projection.entry is not None:
        return np.where(indices == projection.entry, projection.lightest[0], 0.0)
    line = projection.line
    assert line is not None  # the caller filtered
    whole = np.zeros(line.theta.size)
    whole[slice(None) if line.selector is None else line.selector] = line.along
    return whole[indices]


def name_cause(
    number: int, blocks: Sequence[Block], observations: Sequence[Observation]
) -> Cause | None:
    """Find the simplest hypothesis that explains every observation of one block.

    Parameters
    ----------
    number : int
        The block.
    blocks : sequence of Block
        All that are audited.
    observations : sequence of Observation
        At least three, of independent directions; those at other points test what the first
        point suggested.

    Returns
    -------
    Cause or None
        None when no hypothesis fits, or the measurements are too coarse to tell.
    """
    if len(observations) < 3:
        return None
    strength = max(abs(o.analytic - o.value) / o.bar if o.bar else math.inf for o in observations)
    if strength < _CONVINCING:
        return None
    for loosened in (observations, _loosened(observations)):
        for hypothesis in _hypotheses(number, blocks) if loosened else ():
            strengths = _fit(hypothesis, loosened)
            if strengths is not None:
                return _cause(hypothesis, strengths)
    return _copied(number, blocks, {id(o.point): o.point for o in observations}.values())


def _loosened(observations: Sequence[Observation]) -> list[Observation]:
    """Allow for a cost that is itself approximate, where the mistake is far larger than that.

    A hypothesis that explains several slopes to a millionth, when they are wrong by a thousandth
    and more, is no accident either.
    """
    size = max(abs(o.value) for o in observations)
    plain = max(abs(o.analytic - o.value) for o in observations)
    if len(observations) < _LOOSE_COUNT or plain < 1e3 * _LOOSE * size:
        return []
    return [replace(o, bar=max(o.bar, _LOOSE * size)) for o in observations]


def _copied(number: int, blocks: Sequence[Block], points: Iterable[PointEvidence]) -> Cause | None:
    """Tell whether what is returned for a block is, to the last bit, that of another one."""
    own = blocks[number]
    for other_number, other in enumerate(blocks):
        if other_number == number or other.size != own.size or own.size < 3:
            continue
        pairs = [(own.view(p.gradient), other.view(p.gradient)) for p in points]
        same = all(np.array_equal(a.reshape(-1), b.reshape(-1)) for a, b in pairs)
        turned = all(np.array_equal(a.reshape(-1), b.T.reshape(-1)) for a, b in pairs)
        if same or turned:
            return Cause(
                slug="swapped-blocks",
                detail=f"it holds the gradient of {other.name}{'' if same else ', transposed'}",
                blocks=tuple(sorted((number, other_number))),
            )
    return None


def _cause(hypothesis: Hypothesis, strengths: Sequence[float]) -> Cause | None:
    values = dict(zip(hypothesis.names, strengths, strict=True))
    right_over_returned = values.get("factor")
    factor = None if not right_over_returned else 1.0 / right_over_returned
    return Cause(
        slug=hypothesis.slug,
        factor=factor,
        penalty=values.get("penalty"),
        detail=hypothesis.detail,
        blocks=hypothesis.blocks,
        shift=hypothesis.shift,
    )


def _fit(hypothesis: Hypothesis, observations: Sequence[Observation]) -> list[float] | None:
    """Return the strengths that explain every observation within its bar, or None."""
    count = len(hypothesis.free)
    if len(observations) < count + 2:
        return None
    rows: list[list[float]] = []
    targets: list[float] = []
    bars: list[float] = []
    for o in observations:
        terms = [] if hypothesis.base is None else [hypothesis.base(o.point) * o.along]
        free = [feature(o.point) * o.along for feature in hypothesis.free]
        rounding = _ROUNDING * sum(norm_of(term) for term in (*terms, *free))
        targets.append(o.value - sum(float(term.sum()) for term in terms))
        rows.append([float(term.sum()) for term in free])
        bars.append(o.bar + rounding)
    unit = max((abs(t) for t in targets), default=0.0) or 1.0
    wanted, allowed = np.array(targets) / unit, np.array(bars) / unit
    strengths = _solve(np.array(rows) / unit, wanted, allowed) if count else np.zeros(0)
    if strengths is None:
        return None
    predicted = np.array(rows) / unit @ strengths if count else np.zeros(len(targets))
    within = np.abs(wanted - predicted) <= allowed
    return [float(s) for s in strengths] if bool(within.all()) else None


def _solve(rows: Vector, targets: Vector, bars: Vector) -> Vector | None:
    """Weighted least squares; None when the strengths are not determined."""
    scale = np.abs(rows).max(axis=0)
    if not (scale > 0).all() or not np.isfinite(scale).all():
        return None
    sharpness = bars.min() / bars
    weighted = rows / scale * sharpness[:, None]
    solved = cast(
        "tuple[Vector, Vector, int, Vector]",
        np.linalg.lstsq(weighted, targets * sharpness, rcond=1e-12),
    )
    return solved[0] / scale if solved[2] == rows.shape[1] else None


def _hypotheses(number: int, blocks: Sequence[Block]) -> Iterator[Hypothesis]:
    """Yield what may have gone wrong with a block, the simplest first."""
    block = blocks[number]

    def returned(point: PointEvidence) -> Vector:
        return block.view(point.gradient).reshape(-1)

    def theta(point: PointEvidence) -> Vector:
        return block.view(point.theta).reshape(-1)

    yield Hypothesis(slug="wrong-scale", free=(returned,), names=("factor",))
    yield Hypothesis(slug="missing-penalty", base=returned, free=(theta,), names=("penalty",))
    yield Hypothesis(
        slug="missing-penalty",
        base=returned,
        free=(lambda p: np.sign(theta(p)),),
        names=("penalty",),
        detail="L1",
    )
    for detail, mask in _masks(block):
        yield Hypothesis(
            slug="missing-penalty",
            base=returned,
            free=(_masked(theta, mask),),
            names=("penalty",),
            detail=detail,
        )
    yield Hypothesis(
        slug="missing-penalty",
        base=returned,
        free=(theta, lambda p: np.sign(theta(p))),
        names=("penalty", "sign"),
        detail="and its sign",
    )
    rearranged = list(_rearrangements(block))
    for slug, detail, shift, change in rearranged:
        yield Hypothesis(slug=slug, base=_changed(block, change), detail=detail, shift=shift)
    yield from _exchanges(number, blocks)
    for detail, transform in _TRANSFORMS:
        yield Hypothesis(
            slug="log-parameter" if detail == "theta" else "wrong-gradient",
            base=_divided(returned, theta, transform),
            detail=f"times {detail}",
        )
        yield Hypothesis(
            slug="wrong-gradient",
            base=_multiplied(returned, theta, transform),
            detail=f"divided by {detail}",
        )
    yield Hypothesis(slug="wrong-scale", free=(returned, theta), names=("factor", "penalty"))
    for slug, detail, shift, change in rearranged:
        yield Hypothesis(
            slug=slug,
            free=(_changed(block, change),),
            names=("factor",),
            detail=detail,
            shift=shift,
        )
    for detail, transform in _TRANSFORMS[:1]:
        yield Hypothesis(
            slug="log-parameter",
            free=(_divided(returned, theta, transform),),
            names=("factor",),
            detail=f"times {detail}",
        )


Change = Callable[[Vector], Vector]


def _masks(block: Block) -> Iterator[tuple[str, Vector]]:
    """Yield which entries a penalty may leave out: a bias kept as the first or last of a kind."""
    for axis, what in ((0, "row"), (1, "column")):
        if len(block.shape) != 2 or block.shape[axis] < 2:
            continue
        for index, which in ((0, "first"), (-1, "last")):
            mask = np.ones(block.shape)
            mask[(index, slice(None)) if axis == 0 else (slice(None), index)] = 0.0
            yield f"without the {which} {what}", mask.reshape(-1)
    if len(block.shape) == 1 and block.size > 3:
        for index, which in ((0, "first"), (-1, "last")):
            mask = np.ones(block.size)
            mask[index] = 0.0
            yield f"without the {which} entry", mask


def _masked(feature: Feature, mask: Vector) -> Feature:
    return lambda point: feature(point) * mask


def _changed(block: Block, change: Change) -> Feature:
    return lambda point: change(block.view(point.gradient)).reshape(-1)


def _divided(returned: Feature, theta: Feature, transform: Change) -> Feature:
    def divided(point: PointEvidence) -> Vector:
        with np.errstate(all="ignore"):
            return np.nan_to_num(returned(point) / transform(theta(point)), posinf=0.0, neginf=0.0)

    return divided


def _multiplied(returned: Feature, theta: Feature, transform: Change) -> Feature:
    def multiplied(point: PointEvidence) -> Vector:
        with np.errstate(all="ignore"):
            product = returned(point) * transform(theta(point))
        return np.nan_to_num(product, posinf=0.0, neginf=0.0)

    return multiplied


def _sigmoid(x: Vector) -> Vector:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


# Slopes of the transforms people put their parameters through.
_TRANSFORMS: Final[tuple[tuple[str, Change], ...]] = (
    ("theta", lambda x: x),
    ("theta (1 - theta)", lambda x: x * (1.0 - x)),
    ("exp(theta)", np.exp),
    ("sigmoid(theta), the slope of softplus", _sigmoid),
    ("1 - theta**2", lambda x: 1.0 - x * x),
    ("2 theta", lambda x: 2.0 * x),
    ("sigmoid(theta) (1 - sigmoid(theta))", lambda x: _sigmoid(x) * (1.0 - _sigmoid(x))),
)


def _rearrangements(block: Block) -> Iterator[tuple[str, str, int | None, Change]]:
    """Yield ways to get the right block out of the returned one by moving entries."""
    if len(block.shape) == 2 and min(block.shape) > 1:
        rows, columns = block.shape
        slug = "transposed-block"
        yield slug, "stored transposed", None, lambda g: g.reshape(columns, rows).T
        if rows != columns:
            yield slug, "read transposed", None, lambda g: g.T.reshape(rows, columns)
        yield "shifted-block", "rows reversed", None, lambda g: g[::-1]
        yield "shifted-block", "columns reversed", None, lambda g: g[:, ::-1]
        yield "shifted-block", "rows and columns reversed", None, lambda g: g[::-1, ::-1]
        for by in (1, -1):
            yield "shifted-block", _shifted(by, "row"), by, lambda g, by=by: np.roll(g, -by, axis=0)
            yield (
                "shifted-block",
                _shifted(by, "column"),
                by,
                lambda g, by=by: np.roll(g, -by, axis=1),
            )
    elif block.size > 2:
        yield "shifted-block", "entries reversed", None, lambda g: g.reshape(-1)[::-1]
    if block.size > 2:
        for by in (1, -1, 2, -2):
            yield "shifted-block", _shifted(by, "entry"), by, lambda g, by=by: np.roll(g, -by)


def _shifted(by: int, what: str) -> str:
    steps = "one" if abs(by) == 1 else "two"
    plural = what if abs(by) == 1 else {"entry": "entries"}.get(what, f"{what}s")
    return f"shifted by {steps} {plural} {'forwards' if by > 0 else 'backwards'}"


def _exchanges(number: int, blocks: Sequence[Block]) -> Iterator[Hypothesis]:
    """Yield the gradients of other blocks of the same size in this one's place."""
    own = blocks[number]
    for other_number, other in enumerate(blocks):
        if other_number == number or other.size != own.size or own.size < 2:
            continue

        def theirs(point: PointEvidence, other: Block = other) -> Vector:
            return other.view(point.gradient).reshape(-1)

        yield Hypothesis(
            slug="swapped-blocks",
            base=theirs,
            detail=f"it holds the gradient of {other.name}",
            blocks=tuple(sorted((number, other_number))),
        )
        if len(other.shape) == 2:

            def turned(point: PointEvidence, other: Block = other) -> Vector:
                return other.view(point.gradient).T.reshape(-1)

            yield Hypothesis(
                slug="swapped-blocks",
                base=turned,
                detail=f"it holds the gradient of {other.name}, transposed",
                blocks=tuple(sorted((number, other_number))),
            )


def name_packing(
    failing: Sequence[int],
    blocks: Sequence[Block],
    observations: dict[int, list[Observation]],
) -> Cause | None:
    """Tell whether the gradient is right but packed in another order of blocks.

    Parameters
    ----------
    failing : sequence of int
        Numbers of the failing blocks for which nothing simpler fits.
    blocks : sequence of Block
    observations : dict
        Of each failing block.
    """
    starts: dict[int, int] = {}
    for number in failing:
        found = _window_of(blocks[number], observations[number])
        if found is None:
            return None
        starts[number] = found
    if len(starts) < 2 or all(blocks[n].start == start for n, start in starts.items()):
        return None
    placed = sorted((starts.get(n, block.start), n) for n, block in enumerate(blocks))
    names = ", ".join(blocks[n].name for _, n in placed)
    return Cause(slug="block-order", detail=f"packed as {names}", blocks=tuple(failing))


def _window_of(block: Block, observations: Sequence[Observation]) -> int | None:
    """Return where in the returned gradient the right one of a block stands."""
    if not observations or not block.contiguous or block.order == "F":
        return None
    first = observations[0]
    if first.point.gradient.size * block.size > _MOST_PRODUCTS:
        return None
    slopes = np.correlate(first.point.gradient, first.along, mode="valid")
    near = np.abs(slopes - first.value) <= first.bar + _ROUNDING * norm_of(first.point.gradient)
    for start in np.flatnonzero(near).tolist()[:50]:
        if _holds(_slice_feature(start, block), observations):
            return int(start)
    return None


def _slice_feature(start: int, block: Block) -> Feature:
    def piece(point: PointEvidence) -> Vector:
        flat = point.gradient[start : start + block.size]
        order = "F" if block.order == "F" else "C"
        return flat.reshape(block.shape, order=order).reshape(-1)

    return piece


def _holds(feature: Feature, observations: Sequence[Observation]) -> bool:
    return bool(observations) and (
        _fit(Hypothesis(slug="block-order", base=feature), observations) is not None
    )
