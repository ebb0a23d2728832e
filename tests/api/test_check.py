"""The audit as a whole: verdicts, wiring, kinks, bounds, counts, settings."""
# ruff: noqa: ARG002, ARG005  (a cost has to take its argument, whether it uses it or not)

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit

import gradaudit
from gradaudit import ArgumentError, Finding, GradientMismatch, Report, Verdict, check

Vector = NDArray[np.float64]
Bounds: Any = optimize.Bounds  # the stubs know of numbers only
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE

_rng = np.random.default_rng(11)
A = _rng.standard_normal((30, 12))
y = _rng.standard_normal(30)
x = _rng.standard_normal(12)


def cost(theta: Vector, A: Vector = A, y: Vector = y) -> float:
    r = np.tanh(A @ theta) - y
    return 0.5 * float(r @ r)


def grad(theta: Vector, A: Vector = A, y: Vector = y) -> Vector:
    t = np.tanh(A @ theta)
    return A.T @ ((t - y) * (1 - t * t))


def both(theta: Vector, A: Vector = A, y: Vector = y) -> tuple[float, Vector]:
    return cost(theta, A, y), grad(theta, A, y)


def slugs(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings]


def find(report: Report, slug: str) -> Finding:
    return next(finding for finding in report.findings if finding.slug == slug)


def verdicts(report: Report) -> dict[str, str]:
    return {block.name: str(block.verdict) for block in report.blocks}


def healthy(fun: Callable[..., Any], x0: Any = x, **more: Any) -> Report:
    """Audit something right: it passes, and nothing is said about it."""
    report = check(fun, x0, **{"rng": 0, **more})
    assert report.verdict == PASS, str(report)
    assert slugs(report) == [], str(report)
    return report


def faulty(slug: str, fun: Callable[..., Any], x0: Any = x, **more: Any) -> Report:
    """Audit something wrong: it fails for this one reason."""
    report = check(fun, x0, **{"rng": 0, **more})
    assert report.verdict == FAIL, str(report)
    assert slugs(report) == [slug], str(report)
    assert report.findings[0].level == "error"
    return report


def suspect(slug: str, fun: Callable[..., Any], x0: Any = x, **more: Any) -> Report:
    """Audit something doubtful whose gradient is right: a warning, no error."""
    report = check(fun, x0, **{"rng": 0, **more})
    assert slugs(report) == [slug], str(report)
    assert report.findings[0].level == "warning"
    return report


# right gradients


@pytest.mark.parametrize("seed", range(5))
def test_right_gradient_passes_together_and_apart(seed: int) -> None:
    healthy(both, rng=seed)
    healthy(cost, jac=grad, rng=seed)


def test_problem_stands_in_place_of_the_function() -> None:
    problem = gradaudit.Problem(cost, x, jac=grad, args=(A, y))
    assert check(problem, rng=0).verdict == PASS


def test_settings_of_the_problem_must_not_be_given_twice() -> None:
    with pytest.raises(ArgumentError, match="its own args"):
        check(gradaudit.Problem(both, x), args=(A, y))


block_shapes = st.lists(st.lists(st.integers(1, 5), max_size=3).map(tuple), min_size=1, max_size=4)


def _random_problem(
    shapes: list[tuple[int, ...]], seed: int
) -> tuple[Callable[[Vector], tuple[float, Vector]], Vector, dict[str, tuple[int, ...]]]:
    """Return a smooth cost that couples all its blocks, with its gradient."""
    names = {f"p{i}": shape for i, shape in enumerate(shapes)}
    size = sum(int(np.prod(shape)) for shape in shapes)
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((8, size)) / np.sqrt(size)
    c = rng.standard_normal(size)

    def fun(theta: Vector) -> tuple[float, Vector]:
        s = np.sin(M @ theta)
        value = 0.5 * float(s @ s) + float(c @ theta) + 0.1 * float((theta**4).sum())
        return value, M.T @ (s * np.cos(M @ theta)) + c + 0.4 * theta**3

    return fun, rng.standard_normal(size), names


@settings(max_examples=25)
@given(shapes=block_shapes, seed=st.integers(0, 10**6))
def test_right_gradients_of_any_shape_are_accepted(
    shapes: list[tuple[int, ...]], seed: int
) -> None:
    fun, start, names = _random_problem(shapes, seed)
    report = check(fun, start, blocks=names, points=2, rng=seed)
    assert report.verdict == PASS, str(report)
    assert slugs(report) == []


def _doubled(g: Vector) -> Vector:
    return 2.0 * g


def _negated(g: Vector) -> Vector:
    return -g


def _zeroed(g: Vector) -> Vector:
    return 0.0 * g


def _slightly_scaled(g: Vector) -> Vector:
    return 1.0001 * g


def _shifted(g: Vector) -> Vector:
    return g + 0.01 * (1.0 + np.abs(g).max())


FAULTS = {
    "wrong-scale": _doubled,
    "wrong-sign": _negated,
    "zero-gradient": _zeroed,
    "wrong-scale (a little)": _slightly_scaled,
    "wrong-gradient": _shifted,
}


@settings(max_examples=40)
@given(
    shapes=block_shapes,
    seed=st.integers(0, 10**6),
    which=st.integers(0, 3),
    fault=st.sampled_from(sorted(FAULTS)),
)
def test_planted_fault_fails_its_own_block_only(
    shapes: list[tuple[int, ...]], seed: int, which: int, fault: str
) -> None:
    fun, start, names = _random_problem(shapes, seed)
    number = which % len(shapes)
    offsets = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    part = slice(offsets[number], offsets[number + 1])

    def wrong(theta: Vector) -> tuple[float, Vector]:
        value, gradient = fun(theta)
        gradient[part] = FAULTS[fault](gradient[part])
        return value, gradient

    report = check(wrong, start, blocks=names, points=2, rng=seed)
    assert report.verdict == FAIL, str(report)
    failing = [name for name, verdict in verdicts(report).items() if verdict == "FAIL"]
    assert failing == [f"p{number}"], str(report)
    if fault != "wrong-gradient":
        assert slugs(report) == [fault.partition(" ")[0]], str(report)


@settings(max_examples=15)
@given(order=st.permutations(range(4)), seed=st.integers(0, 10**6))
def test_verdict_does_not_depend_on_the_order_of_blocks(order: list[int], seed: int) -> None:
    sizes = [3, 1, 4, 2]
    fun, start, _ = _random_problem([(size,) for size in sizes], seed)
    offsets = np.cumsum([0, *sizes])
    places = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order])

    def wrong(theta: Vector) -> tuple[float, Vector]:
        value, gradient = fun(theta)
        gradient[offsets[2] : offsets[3]] *= 1.001
        return value, gradient

    def packed(theta: Vector) -> tuple[float, Vector]:
        unpacked = np.empty(theta.size)
        unpacked[places] = theta
        value, gradient = wrong(unpacked)
        return value, gradient[places]

    names = {f"p{i}": sizes[i] for i in order}
    found = verdicts(check(packed, start[places], blocks=names, points=2, rng=seed))
    assert found == {"p0": "PASS", "p1": "PASS", "p2": "FAIL", "p3": "PASS"} | {}


@settings(max_examples=20)
@given(power=st.integers(-200, 200), wrong=st.booleans())
def test_verdict_does_not_depend_on_scaling_the_objective_by_powers_of_two(
    power: int, wrong: bool
) -> None:
    scale = 2.0**power

    def scaled(theta: Vector) -> tuple[float, Vector]:
        value, gradient = both(theta)
        if wrong:
            gradient[3] *= 1.01
        return value * scale, gradient * scale

    report = check(scaled, x, rng=0)
    assert report.verdict == (FAIL if wrong else PASS)
    one = check(lambda t: (scaled(t)[0] / scale, scaled(t)[1] / scale), x, rng=0)
    assert report.blocks[0].relative_error == pytest.approx(one.blocks[0].relative_error)


@pytest.mark.parametrize("factor", [1e-8, 1e-3, 1e8])
@pytest.mark.parametrize("wrong", [False, True])
def test_verdict_does_not_depend_on_the_unit_of_the_cost(factor: float, wrong: bool) -> None:
    def scaled(theta: Vector) -> tuple[float, Vector]:
        value, gradient = both(theta)
        gradient[3] *= 1.01 if wrong else 1.0
        return value * factor, gradient * factor

    assert check(scaled, x, rng=0).verdict == (FAIL if wrong else PASS)


@pytest.mark.parametrize("unit", [1e-8, 1e-4, 1e4, 1e8])
@pytest.mark.parametrize("wrong", [False, True])
def test_verdict_does_not_depend_on_the_unit_of_the_parameters(unit: float, wrong: bool) -> None:
    def scaled(theta: Vector) -> tuple[float, Vector]:
        value, gradient = both(theta / unit)
        gradient[3] *= 1.01 if wrong else 1.0
        return value, gradient / unit

    assert check(scaled, x * unit, rng=0).verdict == (FAIL if wrong else PASS)


@pytest.mark.parametrize("wrong", [False, True])
def test_verdict_does_not_depend_on_mixed_units(wrong: bool) -> None:
    units = 10.0 ** np.linspace(-6, 6, 12)

    def scaled(theta: Vector) -> tuple[float, Vector]:
        value, gradient = both(theta / units)
        gradient[3] *= 1.01 if wrong else 1.0
        return value, gradient / units

    assert check(scaled, x * units, rng=0).verdict == (FAIL if wrong else PASS)


def test_large_constant_in_the_cost_leaves_the_verdict() -> None:
    assert check(lambda t: (cost(t) + 1e6, grad(t)), x, rng=0).verdict == PASS
    assert check(lambda t: (cost(t) + 1e6, 1.01 * grad(t)), x, rng=0).verdict == FAIL


@pytest.mark.parametrize("seed", range(10))
def test_single_wrong_entry_among_many_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(2000)
    index = int(rng.integers(2000))

    def wrong(theta: Vector) -> tuple[float, Vector]:
        gradient = np.cos(theta) + theta
        gradient[index] *= 1.001
        return float(np.sin(theta).sum() + 0.5 * theta @ theta), gradient

    report = check(wrong, start, blocks="W=40x50", rng=seed)
    assert report.verdict == FAIL
    assert find(report, "wrong-entries").data["indices"] == (divmod(index, 50),)


def test_wrong_entry_is_named_in_the_blocks_memory_order() -> None:
    def wrong(theta: Vector) -> tuple[float, Vector]:
        return float(theta @ theta), 2 * theta * np.array([1, 1, 1, 2, 1, 1])

    start = np.arange(1.0, 7.0)
    c = check(wrong, start, blocks="W=2x3", rng=0)
    f = check(wrong, start, blocks="W=2x3:F", rng=0)
    assert find(c, "wrong-entries").data["indices"] == ((1, 0),)
    assert find(f, "wrong-entries").data["indices"] == ((1, 1),)


def test_fault_in_a_strided_block_stays_there() -> None:
    blocks = [
        gradaudit.Block("even", 0, (3,), "strided", (2,)),
        gradaudit.Block("odd", 1, (3,), "strided", (2,)),
    ]
    report = faulty(
        "wrong-scale",
        lambda t: (float(t @ t), 2 * t * np.tile([1, 1.1], 3)),
        np.arange(1.0, 7.0),
        blocks=blocks,
    )
    assert verdicts(report) == {"even": "PASS", "odd": "FAIL"}


def test_unclaimed_stretch_is_checked_and_shown() -> None:
    report = check(
        lambda t: (float(t @ t), 2 * t * np.array([1, 1, 1, 1.1])),
        np.arange(1.0, 5.0),
        blocks=[gradaudit.Block("a", 0, (2,))],
        rng=0,
    )
    assert verdicts(report) == {"a": "PASS", "theta[2:4]": "FAIL"}
    assert [block.claimed for block in report.blocks] == [True, False]


def test_blocks_wrong_by_one_factor_are_one_finding() -> None:
    def wrong(p: Any) -> Any:
        value = float((p["W"] ** 2).sum() + (p["b"] ** 3).sum() + p["s"] ** 2)
        return value, {"W": 2 * p["W"], "b": 3 * p["b"] ** 2 / 5, "s": 2 * p["s"] / 5}

    report = faulty(
        "wrong-scale", wrong, {"W": np.ones((2, 3)), "b": np.array([1.0, 2, 3]), "s": 4.0}
    )
    assert report.findings[0].data["blocks"] == ("b", "s")
    assert report.findings[0].data["factor"] == pytest.approx(0.2)
    factors = {block.name: block.factor for block in report.blocks}
    assert factors["b"] == pytest.approx(0.2)
    assert factors["W"] is None


# wiring: the argument is ignored


def test_cost_that_reads_a_captured_start_ignores_its_argument() -> None:
    start = x.copy()
    report = faulty("ignored-argument", lambda v: both(start))
    assert report.blocks == ()
    assert report.findings[0].location is not None


def test_separate_cost_that_reads_a_captured_start_ignores_its_argument() -> None:
    start = x.copy()
    report = gradaudit.check(lambda v: cost(start), x, jac=lambda v: grad(start))
    assert [f.slug for f in report.findings] == ["ignored-argument", "frozen-gradient"]
    assert "grad(v)" in str(report.findings[1].replacement)


def test_constant_cost_with_zero_gradient_is_inconclusive() -> None:
    report = check(lambda v: (1.0 + 0.0 * v[0], 0.0 * v), x, rng=0)
    assert report.verdict == INCONCLUSIVE
    assert [finding.level for finding in report.findings] == ["warning"]


def test_cost_that_is_flat_nearby_does_not_ignore_its_argument() -> None:
    def flat(v: Vector) -> tuple[float, Vector]:
        s = np.maximum(np.abs(v) - 5.0, 0.0)
        return float(s @ s), 2 * s * np.sign(v)

    report = check(flat, x, rng=0)
    assert "ignored-argument" not in slugs(report)
    assert report.verdict != FAIL


# wiring: a block is not used


def test_large_gradient_is_not_said_to_be_cut_to_integers() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        value, gradient = both(v)
        gradient[3] *= 1.01
        return value * 2.0**70, gradient * 2.0**70  # whole numbers all

    faulty("wrong-entries", fun)


def _with_unused(value: float, size: int) -> Callable[[Vector], tuple[float, Vector]]:
    def fun(v: Vector) -> tuple[float, Vector]:
        return cost(v[:12]), np.concatenate([grad(v[:12]), np.full(size, value)])

    return fun


@pytest.mark.parametrize("size", [3, 300])
def test_unused_block_with_zero_gradient_is_a_note_on_a_pass(size: int) -> None:
    start = np.concatenate([x, np.ones(size)])
    report = check(_with_unused(0.0, size), start, blocks=f"w=12,u={size}", rng=0)
    assert report.verdict == PASS
    assert [(f.slug, f.level, f.block) for f in report.findings] == [("unused-block", "note", "u")]


@pytest.mark.parametrize("size", [3, 300])
def test_unused_block_with_a_gradient_fails_for_that_reason(size: int) -> None:
    start = np.concatenate([x, np.ones(size)])
    report = check(_with_unused(1.0, size), start, blocks=f"w=12,u={size}", rng=0)
    assert report.verdict == FAIL
    assert verdicts(report) == {"w": "PASS", "u": "FAIL"}
    assert find(report, "unused-block").block == "u"
    assert len(report.findings) == 1


def test_block_with_a_tiny_influence_is_not_unused() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        extra = 1e-6 * float(v[12:] @ v[12:])
        return cost(v[:12]) + extra, np.concatenate([grad(v[:12]), 2e-6 * v[12:]])

    healthy(fun, np.concatenate([x, np.ones(3)]), blocks="w=12,u=3")


# wiring: the gradient does not move


def test_gradient_of_a_captured_start_is_frozen() -> None:
    start = x.copy()
    faulty("frozen-gradient", lambda v: (cost(v), grad(start)))


def test_separate_gradient_of_a_captured_start_is_frozen() -> None:
    start = x.copy()
    faulty("frozen-gradient", cost, jac=lambda v: grad(start))


def test_gradient_computed_once_is_frozen() -> None:
    once = grad(x)
    faulty("frozen-gradient", lambda v: (cost(v), once))


@pytest.mark.parametrize("size", [1, 5, 200])
def test_linear_cost_with_its_stored_gradient_is_healthy(size: int) -> None:
    w = np.random.default_rng(size).standard_normal(size)
    healthy(lambda v: (float(w @ v) + 3.0, w), np.ones(size))
    healthy(lambda v: float(w @ v) - 1e3, np.ones(size), jac=lambda v: w)


def test_linear_cost_in_float32_is_not_frozen() -> None:
    w = np.random.default_rng(1).standard_normal(5)
    report = check(lambda v: (float(np.float32(w @ v)), w), np.ones(5) + w, rng=0)
    assert report.verdict == PASS
    assert "frozen-gradient" not in slugs(report)


@pytest.mark.parametrize("size", [5, 100, 500])
@pytest.mark.parametrize("seed", range(3))
def test_piecewise_linear_cost_is_not_frozen(size: int, seed: int) -> None:
    start = np.random.default_rng(seed).standard_normal(size)
    report = check(lambda v: (float(np.abs(v).sum()), np.sign(v)), start, rng=seed)
    assert report.verdict == PASS, str(report)
    assert "frozen-gradient" not in slugs(report)


def test_median_regression_passes() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        r = A @ v - y
        return float(np.abs(r).sum()), A.T @ np.sign(r)

    report = check(fun, x, rng=0)
    assert report.verdict == PASS
    assert "frozen-gradient" not in slugs(report)


def test_cost_that_is_linear_in_one_block_is_healthy() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        return cost(v[:12]) + 3.0 * v[12], np.concatenate([grad(v[:12]), [3.0]])

    healthy(fun, np.append(x, 1.0), blocks="w=12,bias=1")


# wiring: the argument is overwritten


def _centre_argument(v: Vector) -> tuple[float, Vector]:
    v -= v.mean()
    return both(v)


def _clear_argument(v: Vector) -> tuple[float, Vector]:
    result = both(v)
    v[:] = 0.0
    return result


def test_argument_overwritten_before_use_is_found() -> None:
    report = faulty("mutated-argument", _centre_argument)
    assert report.findings[0].data["indices"]


def test_argument_overwritten_after_use_is_found() -> None:
    faulty("mutated-argument", _clear_argument)


def test_argument_overwritten_by_a_separate_gradient_is_found() -> None:
    def jac(v: Vector) -> Vector:
        g = grad(v)
        v *= 2
        return g

    faulty("mutated-argument", cost, jac=jac)


def test_argument_that_becomes_the_gradient_is_one_finding() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        value = float((v**4).sum())
        v **= 3
        v *= 4
        return value, v

    faulty("mutated-argument", fun)


def test_array_overwritten_inside_a_container_is_found() -> None:
    def fun(p: Any) -> Any:
        value = float((p["a"] ** 2).sum()), {"a": 2 * p["a"]}
        p["a"] += 1
        return value

    report = check(fun, {"a": x.copy()}, rng=0)
    assert "mutated-argument" in slugs(report)


def test_work_in_place_on_a_copy_is_healthy() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        v = v.copy()
        v += 1.0
        v -= 1.0
        return both(v)

    healthy(fun)


def test_argument_restored_to_the_last_bit_is_healthy() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        v *= 2.0
        v *= 0.5
        return both(v)

    healthy(fun)


# wiring: data are overwritten


def test_data_in_a_closure_that_change_from_call_to_call_are_found() -> None:
    B = A.copy()

    def fun(v: Vector) -> tuple[float, Vector]:
        B[0] *= 1.1
        return both(v, B, y)

    report = check(fun, x, rng=0)
    assert report.verdict == FAIL
    assert find(report, "mutated-data").level == "error"
    assert "B" in find(report, "mutated-data").message


def test_data_in_args_that_change_from_call_to_call_are_found() -> None:
    def fun(v: Vector, B: Vector) -> tuple[float, Vector]:
        B *= 1.1
        return both(v, B, y)

    report = check(fun, x, args=(A.copy(),), rng=0)
    assert report.verdict == FAIL
    assert "args[0]" in find(report, "mutated-data").message


def test_data_in_args_centred_in_place_leave_the_pass() -> None:
    def fun(v: Vector, B: Vector) -> tuple[float, Vector]:
        B -= B.mean(axis=0)
        return both(v, B, y)

    report = check(fun, x, args=(A + 1.0,), rng=0)
    assert report.verdict == PASS
    assert slugs(report) == ["mutated-data"]
    assert report.findings[0].level != "error"


def test_scratch_buffer_in_args_leaves_the_pass() -> None:
    def fun(v: Vector, out: Vector) -> tuple[float, Vector]:
        t = np.tanh(np.dot(A, v, out=out))
        return 0.5 * float((t - y) @ (t - y)), A.T @ ((t - y) * (1 - t * t))

    report = check(fun, x, args=(np.empty(30),), rng=0)
    assert report.verdict == PASS
    assert all(finding.level == "note" for finding in report.findings)


def test_scratch_buffer_used_again_inside_is_healthy() -> None:
    out = np.empty(30)

    def fun(v: Vector) -> tuple[float, Vector]:
        t = np.tanh(np.dot(A, v, out=out))
        return 0.5 * float((t - y) @ (t - y)), A.T @ ((t - y) * (1 - t * t))

    healthy(fun)


def test_record_of_calls_in_the_closure_is_healthy() -> None:
    history: list[Vector] = []
    counter = np.zeros(1)

    def fun(v: Vector) -> tuple[float, Vector]:
        history.append(v.copy())
        counter[0] += 1
        return both(v)

    healthy(fun)


# wiring: memory of the result


def test_gradient_in_one_buffer_is_aliased() -> None:
    out = np.empty(12)

    def fun(v: Vector) -> tuple[float, Vector]:
        out[:] = grad(v)
        return cost(v), out

    report = suspect("aliased-buffer", fun)
    assert report.verdict == PASS


def test_separate_gradient_in_one_buffer_is_aliased() -> None:
    out = np.empty(12)

    def jac(v: Vector) -> Vector:
        out[:] = grad(v)
        return out

    suspect("aliased-buffer", cost, jac=jac)


def test_gradient_that_is_the_argument_is_healthy() -> None:
    healthy(lambda v: (0.5 * float(v @ v), v))
    healthy(lambda v: (0.5 * float(v @ v), v.view()))
    healthy(lambda v: (0.5 * float(v @ v), v.reshape(3, 4).reshape(-1)))
    healthy(lambda v: 0.5 * float(v @ v), jac=lambda v: v)


def test_gradient_that_cannot_be_written_to_is_healthy() -> None:
    healthy(lambda v: (float(v.sum() ** 2), np.broadcast_to(2 * v.sum(), v.shape)))


# wiring: the gradient accumulates


def test_gradient_added_to_a_new_array_accumulates() -> None:
    total = np.zeros(12)

    def fun(v: Vector) -> tuple[float, Vector]:
        nonlocal total
        total = total + grad(v)
        return cost(v), total

    report = check(fun, x, rng=0)
    assert report.verdict == FAIL
    assert slugs(report) == ["accumulated-gradient"]


def test_gradient_added_to_one_buffer_accumulates() -> None:
    total = np.zeros(12)

    def fun(v: Vector) -> tuple[float, Vector]:
        total[:] += grad(v)
        return cost(v), total

    faulty("accumulated-gradient", fun)


def test_separate_gradient_added_to_one_buffer_accumulates() -> None:
    total = np.zeros(12)

    def jac(v: Vector) -> Vector:
        total[:] += grad(v)
        return total.copy()

    faulty("accumulated-gradient", cost, jac=jac)


def test_gradient_accumulated_over_examples_from_zero_is_healthy() -> None:
    total = np.zeros(12)

    def fun(v: Vector) -> tuple[float, Vector]:
        total[:] = 0.0
        t = np.tanh(A @ v)
        for row, weight in zip(A, (t - y) * (1 - t * t), strict=True):
            total[:] += weight * row
        return cost(v), total.copy()

    healthy(fun)


# wiring: caches


class Cached:
    """Keeps the last result under a key of the argument."""

    def __init__(self, key: Callable[[Vector], Any], same: Callable[[Any, Any], bool]) -> None:
        self.key, self.same = key, same
        self.last: Any = None
        self.value: Any = None

    def __call__(self, v: Vector) -> tuple[float, Vector]:
        key = self.key(v)
        if self.last is None or not self.same(self.last, key):
            self.last, self.value = key, both(v)
        return self.value[0], self.value[1].copy()


def test_cache_keyed_on_the_identity_number_is_stale() -> None:
    faulty("stale-cache", Cached(id, lambda a, b: a == b))


def test_cache_keyed_on_the_object_is_stale() -> None:
    report = check(Cached(lambda v: v, lambda a, b: a is b), x, rng=0)
    assert slugs(report) == ["stale-cache"]


def test_cache_that_keeps_the_array_and_compares_its_content_is_stale() -> None:
    report = check(Cached(lambda v: v, np.array_equal), x, rng=0)
    assert slugs(report) == ["stale-cache"]


def test_gradient_of_the_last_cost_is_stale() -> None:
    class Model:
        def fun(self, v: Vector) -> float:
            self.t = np.tanh(A @ v)
            return 0.5 * float((self.t - y) @ (self.t - y))

        def jac(self, v: Vector) -> Vector:
            return A.T @ ((self.t - y) * (1 - self.t**2))

    model = Model()
    faulty("stale-cache", model.fun, jac=model.jac)


@pytest.mark.parametrize(
    "key", [np.copy, lambda v: v.tobytes(), tuple], ids=["copy", "bytes", "tuple"]
)
def test_cache_keyed_on_the_content_is_healthy(key: Callable[[Vector], Any]) -> None:
    healthy(Cached(key, lambda a, b: bool(np.all(a == b))))


def test_memoised_function_is_healthy() -> None:
    memo = functools.lru_cache(None)(lambda key: both(np.array(key)))
    healthy(lambda v: memo(tuple(v)))


def test_shared_forward_pass_checked_by_content_is_healthy() -> None:
    class Model:
        at: Vector | None = None

        def forward(self, v: Vector) -> None:
            if self.at is None or not np.array_equal(self.at, v):
                self.at, self.t = v.copy(), np.tanh(A @ v)

        def fun(self, v: Vector) -> float:
            self.forward(v)
            return 0.5 * float((self.t - y) @ (self.t - y))

        def jac(self, v: Vector) -> Vector:
            self.forward(v)
            return A.T @ ((self.t - y) * (1 - self.t**2))

    model = Model()
    healthy(model.fun, jac=model.jac)


def test_model_that_keeps_its_parameters_is_healthy() -> None:
    class Model:
        def fun(self, v: Vector) -> float:
            self.x = v
            return cost(self.x)

        def jac(self, v: Vector) -> Vector:
            self.x = v
            return grad(self.x)

        def pair(self, v: Vector) -> tuple[float, Vector]:
            self.x = v
            return both(self.x)

    model = Model()
    healthy(model.fun, jac=model.jac)
    healthy(model.pair)


# wiring: repeatability


def test_minibatch_is_nondeterministic_and_inconclusive() -> None:
    rng = np.random.default_rng(1)

    def fun(v: Vector) -> tuple[float, Vector]:
        rows = rng.permutation(30)[:10]
        return both(v, A[rows], y[rows])

    assert suspect("nondeterministic", fun).verdict == INCONCLUSIVE


def test_noise_in_the_gradient_alone_is_nondeterministic() -> None:
    rng = np.random.default_rng(1)
    report = check(lambda v: (cost(v), grad(v) + 1e-3 * rng.standard_normal(12)), x, rng=0)
    assert report.verdict != PASS
    assert "nondeterministic" in slugs(report)


def test_minibatch_of_a_fixed_seed_is_healthy() -> None:
    def fun(v: Vector) -> tuple[float, Vector]:
        rows = np.random.default_rng(0).permutation(30)[:10]
        return both(v, A[rows], y[rows])

    healthy(fun)


def test_differences_of_a_few_rounding_units_are_healthy() -> None:
    rng = np.random.default_rng(1)

    def fun(v: Vector) -> tuple[float, Vector]:
        value, gradient = both(v)
        return (
            value * (1 + 2e-16 * rng.integers(-2, 3)),
            gradient * (1 + 2e-16 * rng.integers(-2, 3, 12)),
        )

    healthy(fun)


def test_cost_that_changes_once_the_gradient_was_asked_is_a_value_mismatch() -> None:
    class Model:
        training = False

        def fun(self, v: Vector) -> float:
            value = cost(v) + (1.0 if self.training else 0.0)
            self.training = False
            return value

        def jac(self, v: Vector) -> Vector:
            self.training = True
            return grad(v)

    model = Model()
    report = check(model.fun, x, jac=model.jac, rng=0)
    assert report.verdict == FAIL
    assert slugs(report) == ["value-mismatch"]


def test_cost_that_differs_for_ever_after_the_gradient_is_a_value_mismatch() -> None:
    class Model:
        strength = 0.0

        def fun(self, v: Vector) -> float:
            return cost(v) + self.strength * float(v @ v)

        def jac(self, v: Vector) -> Vector:
            self.strength = 0.1
            return grad(v) + 0.2 * v

    model = Model()
    report = check(model.fun, x, jac=model.jac, rng=0)
    assert report.verdict == FAIL
    assert slugs(report) == ["value-mismatch"]


# kinks


@pytest.mark.parametrize("c", [-1.0, -0.3, 0.0, 0.5, 1.0])
def test_any_subgradient_at_a_kink_is_accepted(c: float) -> None:
    start = np.array([0.0, 1, -2, 0, 3])
    report = check(
        lambda t: (float(np.abs(t).sum() + 0.5 * t @ t), np.where(t == 0, c, np.sign(t)) + t),
        start,
        rng=0,
    )
    assert report.verdict == PASS, str(report)
    assert slugs(report) == ["kink"]


@pytest.mark.parametrize("c", [-3.0, -2.0, -1.1, 1.1, 1.5, 2.0, 5.0])
def test_value_outside_the_one_sided_slopes_fails(c: float) -> None:
    start = np.array([0.0, 1, -2, 0, 3])
    report = check(
        lambda t: (float(np.abs(t).sum() + 0.5 * t @ t), np.where(t == 0, c, np.sign(t)) + t),
        start,
        rng=0,
    )
    assert report.verdict == FAIL, str(report)
    assert report.blocks[0].failed_at == ("x0",)


@pytest.mark.parametrize("c", [-1.0, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("size", [1, 3])
def test_start_at_the_tip_of_absolute_values_accepts_any_subgradient(c: float, size: int) -> None:
    report = check(
        lambda t: (float(np.abs(t).sum()), np.where(t == 0, c, np.sign(t))), np.zeros(size), rng=0
    )
    assert report.verdict == PASS, str(report)


@pytest.mark.parametrize("size", [1, 3])
def test_start_at_the_tip_of_absolute_values_refuses_other_values(size: int) -> None:
    report = check(
        lambda t: (float(np.abs(t).sum()), np.where(t == 0, 2.0, np.sign(t))), np.zeros(size), rng=0
    )
    assert report.verdict == FAIL, str(report)


def _relu_net(X: Vector, Y: Vector) -> Callable[[Vector], tuple[float, Vector]]:
    def fun(theta: Vector) -> tuple[float, Vector]:
        W1, b1 = theta[:20].reshape(4, 5), theta[20:25]
        W2, b2 = theta[25:35].reshape(5, 2), theta[35:]
        z = X @ W1 + b1
        h = np.maximum(z, 0.0)
        r = (h @ W2 + b2 - Y) / len(X)
        d = (r @ W2.T) * (z > 0)
        gradient = [(X.T @ d).ravel(), d.sum(0), (h.T @ r).ravel(), r.sum(0)]
        return 0.5 * len(X) * float((r * r).sum()), np.concatenate(gradient)

    return fun


def _relu_start() -> Vector:
    start = np.random.default_rng(2).standard_normal(37)
    start[20:25] = start[35:] = 0.0
    return start


@pytest.mark.parametrize("blank", [0, 10])
@pytest.mark.parametrize("seed", range(3))
def test_relu_network_with_zero_biases_passes(blank: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))
    X[:blank] = 0.0  # rows of zeros put every unit exactly on its kink
    report = check(_relu_net(X, Y), _relu_start(), rng=seed)
    assert report.verdict == PASS, str(report)
    assert verdicts(report) == {"W1": "PASS", "b1": "PASS", "W2": "PASS", "b2": "PASS"}
    assert set(slugs(report)) <= {"kink"}


def test_relu_network_with_a_wrong_bias_gradient_fails_there() -> None:
    rng = np.random.default_rng(0)
    fun = _relu_net(rng.standard_normal((30, 4)), rng.standard_normal((30, 2)))

    def wrong(theta: Vector) -> tuple[float, Vector]:
        value, gradient = fun(theta)
        gradient[20:25] *= 1.01
        return value, gradient

    report = check(wrong, _relu_start(), blocks="W1=4x5,b1=5,W2=5x2,b2=2", rng=0)
    assert verdicts(report) == {"W1": "PASS", "b1": "FAIL", "W2": "PASS", "b2": "PASS"}
    assert find(report, "wrong-scale").data["factor"] == pytest.approx(1.01)


@pytest.mark.parametrize("n", [20, 300])
def test_l1_penalty_on_many_zeros_passes(n: int) -> None:
    rng = np.random.default_rng(3)
    M, target = rng.standard_normal((40, n)), rng.standard_normal(40)
    start = np.where(rng.random(n) < 0.5, 0.0, rng.standard_normal(n))

    def lasso(w: Vector) -> tuple[float, Vector]:
        r = M @ w - target
        return 0.5 * float(r @ r) + 0.1 * float(np.abs(w).sum()), M.T @ r + 0.1 * np.sign(w)

    report = check(lasso, start, rng=0)
    assert report.verdict == PASS, str(report)


def test_missing_l1_penalty_fails() -> None:
    rng = np.random.default_rng(3)
    M, target = rng.standard_normal((40, 20)), rng.standard_normal(40)

    def lasso(w: Vector) -> tuple[float, Vector]:
        r = M @ w - target
        return 0.5 * float(r @ r) + 0.1 * float(np.abs(w).sum()), M.T @ r

    assert check(lasso, rng.standard_normal(20), rng=0).verdict == FAIL


def test_allowed_kink_is_listed_as_allowed() -> None:
    report = check(
        lambda t: (float(np.abs(t).sum() + 0.5 * t @ t), np.sign(t) + t),
        np.array([0.0, 1, 2]),
        allow="kink",
        rng=0,
    )
    assert [finding.allowed for finding in report.findings] == [True]
    assert report.verdict == PASS


# bounds


class Fence:
    """Remembers whether any evaluation left the bounds."""

    def __init__(self, fun: Callable[..., Any], lower: Any, upper: Any) -> None:
        self.fun, self.lower, self.upper = fun, np.array(lower), np.array(upper)

    def __call__(self, v: Vector) -> Any:
        assert np.all(v >= self.lower)
        assert np.all(v <= self.upper)
        return self.fun(v)


def barrier(t: Vector) -> tuple[float, Vector]:
    return float(t @ t - np.log(t).sum()), 2 * t - 1 / t


@pytest.mark.parametrize(
    "start", [[1.0, 0.5, 2.0], [1.0, 0.5, 1e-6], [1e-6, 1e-6, 1e-6], [1e-3, 1.0, 1e3]], ids=str
)
@pytest.mark.parametrize("bounded", [False, True])
def test_logarithmic_barrier_passes_near_its_edge(start: list[float], bounded: bool) -> None:
    report = check(barrier, start, bounds=[(1e-12, None)] * 3 if bounded else None, rng=0)
    assert report.verdict == PASS, str(report)
    assert set(slugs(report)) <= {"domain-edge"}


@pytest.mark.parametrize("bounded", [False, True])
def test_wrong_barrier_gradient_fails(bounded: bool) -> None:
    report = check(
        lambda t: (barrier(t)[0], 2 * t + 1 / t),
        [1.0, 0.5, 1e-3],
        bounds=[(1e-12, None)] * 3 if bounded else None,
        rng=0,
    )
    assert report.verdict == FAIL


BOXES: dict[str, tuple[list[float], list[float], list[float]]] = {
    "on the lower bound": ([0.0, 1.0, 2.0], [0.0] * 3, [9.0] * 3),
    "on the upper bound": ([9.0, 1.0, 2.0], [0.0] * 3, [9.0] * 3),
    "in a corner": ([0.0, 9.0, 0.0], [0.0] * 3, [9.0] * 3),
    "near a bound": ([1e-9, 1.0, 9 - 1e-9], [0.0] * 3, [9.0] * 3),
    "in a narrow box": ([1.0, 1.0, 1.0], [1 - 1e-5] * 3, [1 + 1e-5] * 3),
    "one pinned": ([1.0, 1.0, 2.0], [1.0, 0.0, 0.0], [1.0, 9.0, 9.0]),
    "half open": ([0.0, 1.0, 2.0], [0.0, -np.inf, 2.0], [np.inf, np.inf, np.inf]),
}


def _root(t: Vector) -> tuple[float, Vector]:
    return float(((t + 1.0) ** 1.5).sum()), 1.5 * np.sqrt(t + 1.0)


@pytest.mark.parametrize(("start", "lower", "upper"), BOXES.values(), ids=BOXES)
def test_no_evaluation_leaves_the_bounds_and_a_right_gradient_passes(
    start: list[float], lower: list[float], upper: list[float]
) -> None:
    report = check(Fence(_root, lower, upper), start, bounds=Bounds(lower, upper), rng=0)
    assert report.verdict == PASS, str(report)
    pinned = [low for low, high in zip(lower, upper, strict=True) if low == high]
    # what the bounds fix is mentioned, not passed over
    assert slugs(report) == (["below-noise"] if pinned else [])


@pytest.mark.parametrize(("start", "lower", "upper"), BOXES.values(), ids=BOXES)
def test_wrong_gradient_inside_bounds_fails(
    start: list[float], lower: list[float], upper: list[float]
) -> None:
    fenced = Fence(lambda t: (_root(t)[0], 1.01 * _root(t)[1]), lower, upper)
    assert check(fenced, start, bounds=Bounds(lower, upper), rng=0).verdict == FAIL


@pytest.mark.parametrize("n", [5, 200])
def test_no_evaluation_leaves_the_bounds_of_many_parameters(n: int) -> None:
    rng = np.random.default_rng(n)
    start = rng.uniform(0, 1, n)
    start[::3] = 0.0
    fenced = Fence(_root, np.zeros(n), np.ones(n))
    report = check(fenced, start, bounds=[(0, 1)] * n, rng=0)
    assert report.verdict == PASS, str(report)


def test_entry_wrong_only_on_its_bound_is_found() -> None:
    def fun(t: Vector) -> tuple[float, Vector]:
        return float(np.sum((t - 3) ** 2)), np.where(t == 0, 1.0, 2 * (t - 3))

    report = check(fun, [1.0, 0.0, 2.0], bounds=[(0, None)] * 3, rng=0)
    assert report.verdict == FAIL
    assert report.blocks[0].failed_at == ("x0",)
    assert find(report, "wrong-entries").data["indices"] == ((1,),)


def test_function_undefined_below_its_bound_is_checked_on_it() -> None:
    def fun(t: Vector) -> tuple[float, Vector]:
        if (t < 0).any():
            raise ValueError("negative")
        return float((t**2.5).sum()), 2.5 * t**1.5

    assert check(fun, [1.0, 0.0, 2.0], bounds=[(0, None)] * 3, rng=0).verdict == PASS


# counts


def quartic(t: Vector) -> tuple[float, Vector]:
    return float((t**4).sum() / 4 + np.cos(t).sum()), t**3 - np.sin(t)


def _blocks(count: int, size: int = 50) -> tuple[Vector, dict[str, int]]:
    start = np.random.default_rng(5).standard_normal(count * size)
    return start, {f"b{i}": size for i in range(count)}


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_first_point_costs_what_the_docstring_says(count: int) -> None:
    start, blocks = _blocks(count)
    report = check(quartic, start, blocks=blocks, points=1, rng=0)
    promised = 3 + 20 + 8 * count + 6 * 9 + 14
    assert promised - 2 * count - 6 <= report.evaluations.cost <= promised


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_further_point_costs_eleven_and_six_a_block(count: int) -> None:
    start, blocks = _blocks(count)
    counts = [
        check(quartic, start, blocks=blocks, points=points, rng=0).evaluations.cost
        for points in (1, 2, 3, 4)
    ]
    assert np.diff(counts).tolist() == [11 + 6 * count] * 3


def test_further_factor_of_two_in_confidence_costs_six() -> None:
    start, blocks = _blocks(1)
    counts = [
        check(quartic, start, blocks=blocks, points=1, confidence=1 - 2.0**-k, rng=0)
        for k in (10, 11, 12, 20)
    ]
    used = [report.evaluations.cost for report in counts]
    assert np.diff(used).tolist() == [6, 6, 48]


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("points", [1, 3])
def test_few_parameters_cost_about_seven_each_and_point(n: int, points: int) -> None:
    start = np.random.default_rng(n).standard_normal(n)
    report = check(quartic, start, points=points, rng=0)
    promised = 4 + 20 + 7 * n * points + 11 * (points - 1)
    assert 0.75 * promised <= report.evaluations.cost <= promised


def test_evaluations_hardly_grow_with_the_number_of_parameters() -> None:
    used = [
        check(quartic, *_blocks(1, n)[:1], blocks={"b": n}, rng=0).evaluations.cost
        for n in (200, 20_000)
    ]
    assert abs(used[1] - used[0]) <= 12


@pytest.mark.parametrize("apart", [False, True])
def test_report_counts_every_call(apart: bool) -> None:
    calls = {"cost": 0, "gradient": 0}

    def counted_cost(t: Vector) -> float:
        calls["cost"] += 1
        return cost(t)

    def counted_grad(t: Vector) -> Vector:
        calls["gradient"] += 1
        return grad(t)

    if apart:
        report = check(counted_cost, x, jac=counted_grad, rng=0)
    else:
        report = check(lambda t: (counted_cost(t), counted_grad(t)), x, rng=0)
    assert report.evaluations.to_dict() == calls


def test_separate_gradient_is_asked_for_a_few_times_only() -> None:
    assert check(cost, x, jac=grad, rng=0).evaluations.gradient <= 3 + 2


# settings


def test_same_seed_gives_the_same_report() -> None:
    check(both, x, rng=5)  # the discovery of blocks is remembered, and not counted again
    one, two = (check(both, x, rng=5).to_dict() for _ in range(2))
    for report in (one, two):
        report.pop("own_seconds")
        report.pop("user_seconds")
    assert one == two


def test_seed_of_the_report_repeats_an_audit_without_one() -> None:
    first = check(both, x)
    again = check(both, x, rng=first.seed)
    assert again.to_dict()["evidence"] == first.to_dict()["evidence"]


def test_generator_is_accepted_and_gives_a_seed() -> None:
    report = check(both, x, rng=np.random.default_rng(3))
    assert isinstance(report.seed, int)


def test_only_named_blocks_are_audited() -> None:
    start, blocks = _blocks(3, 10)
    report = check(
        lambda t: (quartic(t)[0], quartic(t)[1] * np.repeat([1, 2, 1], 10)),
        start,
        blocks=blocks,
        only=["b0", "b2"],
        rng=0,
    )
    assert verdicts(report) == {"b0": "PASS", "b2": "PASS"}


def test_only_may_be_a_single_name() -> None:
    start, blocks = _blocks(3, 10)
    report = check(quartic, start, blocks=blocks, only="b1", rng=0)
    assert [block.name for block in report.blocks] == ["b1"]


def test_unknown_block_in_only_is_answered_with_the_names() -> None:
    start, blocks = _blocks(2, 10)
    with pytest.raises(ArgumentError, match=r"'b9'.*b0, b1"):
        check(quartic, start, blocks=blocks, only="b9", rng=0)


def test_allowed_fault_is_listed_without_weight() -> None:
    report = check(lambda t: (cost(t), 2 * grad(t)), x, allow="wrong-scale", rng=0)
    assert report.verdict == PASS
    assert find(report, "wrong-scale").allowed


def test_allowance_for_one_block_does_not_cover_another() -> None:
    def fun(t: Vector) -> tuple[float, Vector]:
        return float(t @ t), 2 * t * np.array([2, 2, -1, -1])

    start = np.arange(1.0, 5.0)
    report = check(fun, start, blocks="a=2,b=2", allow="wrong-scale:a", rng=0)
    assert report.verdict == FAIL
    report = check(fun, start, blocks="a=2,b=2", allow=("wrong-scale:a", "wrong-sign:b"), rng=0)
    assert report.verdict == PASS


def test_allowance_of_another_finding_changes_nothing() -> None:
    assert check(lambda t: (cost(t), 2 * grad(t)), x, allow="kink", rng=0).verdict == FAIL


def test_error_below_negligible_is_a_note_on_a_pass() -> None:
    report = check(lambda t: (cost(t), (1 + 1e-7) * grad(t)), x, rng=0)
    assert report.verdict == PASS
    assert [(f.slug, f.level) for f in report.findings] == [("wrong-gradient", "note")]


def test_smaller_negligible_fails_the_same_error() -> None:
    report = check(lambda t: (cost(t), (1 + 1e-7) * grad(t)), x, negligible=1e-8, rng=0)
    assert report.verdict == FAIL


def test_larger_negligible_waves_an_error_through() -> None:
    wrong = lambda t: (cost(t), (1 + 1e-4) * grad(t))  # noqa: E731
    assert check(wrong, x, rng=0).verdict == FAIL
    assert check(wrong, x, negligible=1e-3, rng=0).verdict == PASS


def test_factor_of_one_millionth_fails_by_default() -> None:
    report = check(lambda t: (cost(t), 1.000001 * grad(t)), x, rng=0)
    assert report.verdict == FAIL
    assert find(report, "wrong-scale").data["factor"] == pytest.approx(1.000001, abs=1e-9)


def test_noisy_cost_passes_at_a_coarser_tolerance_only() -> None:
    def noisy(t: Vector) -> tuple[float, Vector]:
        bits = hash(t.tobytes()) % 2001 - 1000  # the same at the same point
        return cost(t) * (1 + 1e-9 * bits), grad(t)

    assert check(noisy, x, rtol=1e-6, negligible=1e-6, rng=0).verdict == INCONCLUSIVE
    assert check(noisy, x, rtol=0.3, rng=0).verdict == PASS


def test_more_confidence_gives_no_tighter_bound_for_less_work() -> None:
    start, blocks = _blocks(1)
    low = check(quartic, start, blocks=blocks, confidence=0.9, points=1, rng=0)
    high = check(quartic, start, blocks=blocks, confidence=1 - 1e-6, points=1, rng=0)
    assert low.evaluations.cost < high.evaluations.cost <= 350
    assert high.confidence == 1 - 1e-6


def test_entry_bound_holds_for_every_entry() -> None:
    start, blocks = _blocks(2)
    for error in 10.0 ** np.arange(-14.0, -8.0):
        wrong = error * (np.arange(100) == 70)
        report = check(
            lambda t, wrong=wrong: (quartic(t)[0], quartic(t)[1] + wrong),
            start,
            blocks=blocks,
            rng=0,
        )
        assert report.blocks[0].entry_bound < 1e-7
        assert report.blocks[1].verdict == FAIL or report.blocks[1].entry_bound >= error


def test_dense_measures_every_entry() -> None:
    start, blocks = _blocks(1)
    report = check(
        lambda t: (quartic(t)[0], quartic(t)[1] * (1 + 1e-4 * (np.arange(50) == 7))),
        start,
        blocks=blocks,
        dense=True,
        points=1,
        rng=0,
    )
    (block,) = report.blocks
    assert block.error_kind == "measured"
    assert block.worst[0].index == (7,)
    assert block.worst[0].analytic / block.worst[0].numeric == pytest.approx(1.0001)
    assert report.evaluations.cost >= 6 * 50


@pytest.mark.parametrize("points", [1, 2, 5])
def test_points_says_at_how_many_points(points: int) -> None:
    report = check(both, x, points=points, rng=0)
    assert [point.name for point in report.points] == [
        "x0", *(f"point {i}" for i in range(2, points + 1))
    ]  # fmt: skip
    assert report.points[0].distance == 0.0
    assert all(point.distance > 0 for point in report.points[1:])


def test_penalty_that_is_invisible_at_zero_is_found_at_a_further_point() -> None:
    def fun(t: Vector) -> tuple[float, Vector]:
        return cost(t) + 0.1 * float(t @ t), grad(t)

    start = np.zeros(12)
    assert check(fun, start, points=1, rng=0).verdict == PASS
    report = check(fun, start, rng=0)
    assert report.verdict == FAIL
    assert "x0" not in report.blocks[0].failed_at


def test_block_whose_gradient_is_rightly_zero_is_measured_against_the_whole() -> None:
    def fun(t: Vector) -> tuple[float, Vector]:
        d = t[6:] - t[6:]
        return cost(t[:6], A[:, :6]) + float(d.sum()), np.concatenate(
            [grad(t[:6], A[:, :6]), np.zeros(6)]
        )

    report = check(fun, x, blocks="a=6,b=6", rng=0)
    assert report.verdict == PASS
    assert report.blocks[1].against == "gradient"


def _normalised(dtype: Any) -> Callable[[Vector], tuple[float, Vector]]:
    """Return a layer whose bias is cancelled by batch normalisation: its gradient is zero."""
    rng = np.random.default_rng(0)
    X, target = rng.standard_normal((40, 6)).astype(dtype), rng.standard_normal(40).astype(dtype)

    def fun(t: Vector) -> tuple[float, Vector]:
        z = X @ t[:60].reshape(6, 10).astype(dtype) + t[60:].astype(dtype)
        h = np.tanh(z - z.mean(0))
        r = h - target[:, None]
        d = r * (1 - h * h)
        d = d - d.mean(0)
        return 0.5 * float((r * r).sum()), np.concatenate([(X.T @ d).ravel(), d.sum(0)])

    return fun


@pytest.mark.parametrize("seeds", [range(0, 40), range(80, 90), range(140, 150)], ids=str)
def test_block_that_cancels_up_to_rounding_passes(seeds: range) -> None:
    fun = _normalised(np.float64)
    for seed in seeds:
        start = np.random.default_rng(seed).standard_normal(70)
        report = check(fun, start, blocks="W=6x10,b=10", rng=seed)
        assert report.verdict == PASS, str(report)


def test_block_that_cancels_up_to_rounding_in_float32_is_no_fault() -> None:
    fun = _normalised(np.float32)
    for seed in range(20):
        start = np.random.default_rng(seed).standard_normal(70)
        report = check(fun, start, blocks="W=6x10,b=10", rng=seed)
        assert report.verdict != FAIL, str(report)


def _small_block(k: float, dtype: Any, factor: float) -> Callable[[Vector], tuple[float, Vector]]:
    """Return a cost in which the second block counts for little: k times as much as the first."""
    small = dtype(k)

    def fun(t: Vector) -> tuple[float, Vector]:
        w, b = t[:40].astype(dtype), t[40:].astype(dtype)
        value = float(np.sin(w).sum() + small * np.sin(b).sum())
        return value, np.concatenate([np.cos(w), factor * small * np.cos(b)])

    return fun


@pytest.mark.parametrize("k", [1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-13, 1e-14, 1e-15, 1e-17])
@pytest.mark.parametrize("size", [3, 40])
def test_right_gradient_of_a_tiny_block_never_fails(k: float, size: int) -> None:
    for seed in range(6):
        start = np.random.default_rng(seed).standard_normal(40 + size)
        fun = _small_block(k, np.float64, 1.0)
        report = check(fun, start, blocks=f"w=40,b={size}", rng=seed)
        assert report.verdict != FAIL, str(report)
        assert report.blocks[0].verdict == PASS


@pytest.mark.parametrize("factor", [-1.0, 2.0])
@pytest.mark.parametrize("k", [1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("size", [3, 40])
def test_wrong_gradient_of_a_small_block_fails(factor: float, k: float, size: int) -> None:
    start = np.random.default_rng(1).standard_normal(40 + size)
    fun = _small_block(k, np.float64, factor)
    report = check(fun, start, blocks=f"w=40,b={size}", rng=0)
    assert verdicts(report) == {"w": "PASS", "b": "FAIL"}


@pytest.mark.parametrize("factor", [-1.0, 2.0])
@pytest.mark.parametrize("k", [1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("size", [3, 40])
def test_wrong_gradient_of_a_small_block_in_float32_does_not_pass_unseen(
    factor: float, k: float, size: int
) -> None:
    start = np.random.default_rng(1).standard_normal(40 + size)
    fun = _small_block(k, np.float32, factor)
    report = check(fun, start, blocks=f"w=40,b={size}", rng=0)
    assert report.blocks[1].verdict != PASS, str(report)


@pytest.mark.parametrize("budget", [50, 90, 120])
def test_budget_is_kept_and_what_was_learned_is_reported(budget: int) -> None:
    start, blocks = _blocks(4)
    report = check(quartic, start, blocks=blocks, budget=budget, rng=0)
    assert report.evaluations.cost <= budget
    assert report.verdict == INCONCLUSIVE
    assert "budget-exhausted" in slugs(report)
    assert len(report.blocks) == 4


def test_budget_includes_discovery_and_separate_gradients() -> None:
    calls = [0]

    def counted(t: Vector) -> float:
        calls[0] += 1
        return cost(t)

    def counted_grad(t: Vector) -> Vector:
        calls[0] += 1
        return grad(t)

    check(counted, x, jac=counted_grad, budget=60, rng=0)
    assert calls[0] == 60


def test_sufficient_budget_changes_nothing() -> None:
    check(both, x, rng=0)  # the discovery of blocks is remembered, and not counted again
    free = check(both, x, rng=0)
    bounded = check(both, x, budget=free.evaluations.cost, rng=0)
    assert bounded.verdict == PASS
    assert bounded.evaluations.cost == free.evaluations.cost


def test_time_limit_reports_what_was_learned() -> None:
    ticks = [0]

    def slow(t: Vector) -> tuple[float, Vector]:
        ticks[0] += 1
        end = ticks[0] + 20_000
        while ticks[0] < end:
            ticks[0] += 1
        return both(t)

    report = check(slow, x, seconds=0.05, rng=0)
    assert report.verdict == INCONCLUSIVE
    assert "budget-exhausted" in slugs(report)
    assert report.own_seconds + report.user_seconds < 2.0


def test_fault_seen_before_the_budget_ended_still_fails() -> None:
    start, blocks = _blocks(1)
    full = check(lambda t: (quartic(t)[0], -quartic(t)[1]), start, blocks=blocks, rng=0)
    report = check(
        lambda t: (quartic(t)[0], -quartic(t)[1]),
        start,
        blocks=blocks,
        budget=full.evaluations.cost - 1,
        rng=0,
    )
    assert report.verdict == FAIL


def test_progress_is_told_after_each_call() -> None:
    done: list[int] = []
    report = check(both, x, rng=0, progress=lambda progress: done.append(progress.done))
    assert done[-1] == report.evaluations.cost
    assert done == sorted(done)


# the report


def test_report_survives_json() -> None:
    report = check(lambda t: (cost(t), np.append(grad(t)[:-1], np.nan)), x, rng=0)
    read = json.loads(report.to_json())
    assert read == report.to_dict()
    assert read["findings"][0]["slug"] == "non-finite"


def test_failure_raises_with_code_and_block() -> None:
    report = check(lambda t: (float(t @ t), -2 * t), x, blocks="W=3x4", rng=0)
    with pytest.raises(GradientMismatch, match=r"GA203.*W"):
        report.raise_for_failure()


def test_healthy_report_raises_nothing() -> None:
    check(both, x, rng=0).raise_for_failure()


# models of other styles


def _logistic(w: Vector) -> tuple[float, Vector]:
    labels = np.sign(y)
    z = labels * (A @ w)
    return float(np.logaddexp(0, -z).sum()), -A.T @ (labels * expit(-z))


def _rosenbrock(t: Vector) -> tuple[float, Vector]:
    a, b = t[:-1], t[1:]
    g = np.zeros_like(t)
    g[:-1] = -2 * (1 - a) - 400 * a * (b - a * a)
    g[1:] += 200 * (b - a * a)
    return float(((1 - a) ** 2 + 100 * (b - a * a) ** 2).sum()), g


def _softmax(t: Vector) -> tuple[float, Vector]:
    shifted = np.exp(t - t.max())
    p = shifted / shifted.sum()
    return float(t.max() + np.log(shifted.sum()) - t[0]), p - (np.arange(t.size) == 0)


def _huber(t: Vector) -> tuple[float, Vector]:
    small = np.abs(t) <= 1.0
    return float(np.where(small, 0.5 * t * t, np.abs(t) - 0.5).sum()), np.clip(t, -1, 1)


MODELS = {"logistic": _logistic, "rosenbrock": _rosenbrock, "softmax": _softmax, "huber": _huber}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_right_model_passes_at_any_start(model: Callable[..., Any], seed: int) -> None:
    start = np.random.default_rng(seed).standard_normal(12) * 10.0 ** (seed - 2)
    report = check(model, start, rng=seed)
    assert report.verdict == PASS, str(report)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("index", [0, 5, 11])
def test_model_with_one_wrong_entry_fails(model: Callable[..., Any], index: int) -> None:
    def wrong(t: Vector) -> tuple[float, Vector]:
        value, gradient = model(t)
        gradient = gradient.copy()
        gradient[index] *= 1.01
        return value, gradient

    assert check(wrong, x, rng=0).verdict == FAIL
