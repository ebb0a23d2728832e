"""The two programs the project started from, wrong and right, end to end."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit import Report, Verdict, check
from reference_models import autoencoder, question1, question2, three_matrix
from reference_models.slips import SLIPS, Slip


def verdicts(report: Report) -> dict[str, str]:
    return {block.name: str(block.verdict) for block in report.blocks}


# question 1


@pytest.fixture(scope="module")
def full_size() -> Report:
    return check(
        autoencoder.cost_and_grad, autoencoder.theta,
        args=(784, 10, 1e-4, autoencoder.data[:, :50]), rng=0,
    )  # fmt: skip


def test_right_autoencoder_of_full_size_passes_in_every_block(full_size: Report) -> None:
    assert full_size.verdict == Verdict.PASS
    assert full_size.findings == ()
    assert verdicts(full_size) == dict.fromkeys(("W1", "W2", "b1", "b2"), "PASS")


def test_blocks_of_full_size_are_found_with_their_shapes(full_size: Report) -> None:
    assert [(b.name, b.start, b.shape) for b in full_size.blocks] == [
        ("W1", 0, (10, 784)),
        ("W2", 7840, (784, 10)),
        ("b1", 15680, (10,)),
        ("b2", 15690, (784,)),
    ]


def test_audit_of_full_size_takes_at_most_two_hundred_evaluations(full_size: Report) -> None:
    assert full_size.evaluations.cost <= 200


def test_every_entry_of_full_size_is_bounded(full_size: Report) -> None:
    assert all(block.entry_bound < 1e-7 for block in full_size.blocks)
    assert full_size.confidence == 0.999


def test_first_verdict_of_full_size_takes_at_most_a_hundred_and_thirty() -> None:
    report = check(
        autoencoder.cost_and_grad, autoencoder.theta,
        args=(784, 10, 1e-4, autoencoder.data[:, :20]), points=1, rng=1,
    )  # fmt: skip
    assert report.verdict == Verdict.PASS
    assert report.evaluations.cost <= 130


def test_objective_of_question_one_ignores_its_argument() -> None:
    fun, start, args = question1.make_problem()
    report = check(fun, start, args=args, rng=0)
    assert report.verdict == Verdict.FAIL
    (finding,) = report.findings
    assert (finding.code, finding.level) == ("GA101", "error")
    assert finding.location is not None
    assert Path(finding.location.path).name == "question1.py"
    lines = inspect.getsource(question1).splitlines()
    assert "fun(start, *args)" in lines[finding.location.line - 1]
    assert finding.replacement is not None
    assert "fun(x, *args)" in finding.replacement


def test_gradient_of_question_one_is_not_blamed() -> None:
    fun, start, args = question1.make_problem()
    report = check(fun, start, args=args, rng=0)
    assert not any(finding.code.startswith("GA2") for finding in report.findings)
    assert all(block.verdict != Verdict.FAIL for block in report.blocks)
    assert report.evaluations.cost <= 15


def test_fixed_objective_of_question_one_passes() -> None:
    fun, start, args = autoencoder.make_autoencoder()
    report = check(lambda x: fun(x, *args), start, rng=0)
    assert report.verdict == Verdict.PASS
    assert report.findings == ()


def test_text_of_question_one_begins_with_the_finding() -> None:
    fun, start, args = question1.make_problem()
    text = str(check(fun, start, args=args, rng=0))
    assert text.startswith("error[GA101]: the objective ignores its argument")
    assert "question1.py:" in text


# question 2


@pytest.fixture(scope="module")
def means() -> Report:
    return check(
        question2.cost_and_grad_mean_biases, question2.theta,
        args=(question2.n, question2.k, question2.x), rng=0,
    )  # fmt: skip


def test_means_for_biases_fail_the_biases_alone(means: Report) -> None:
    assert means.verdict == Verdict.FAIL
    assert verdicts(means) == {
        "w1": "PASS", "b1": "FAIL", "w2": "PASS", "b2": "FAIL", "w3": "PASS", "b3": "FAIL",
    }  # fmt: skip


def test_means_for_biases_are_one_finding_with_the_ratio(means: Report) -> None:
    (finding,) = means.findings
    assert finding.slug == "wrong-scale"
    assert finding.data["blocks"] == ("b1", "b2", "b3")
    assert finding.data["factor"] == pytest.approx(1 / question2.m, rel=1e-6)
    factors = [block.factor for block in means.blocks if block.verdict == Verdict.FAIL]
    assert factors == pytest.approx([0.2, 0.2, 0.2], rel=1e-6)


def test_ratio_of_each_failing_block_is_shown(means: Report) -> None:
    rows = [line.split() for line in str(means).splitlines() if line.split()[-1:] == ["FAIL"]]
    assert [row[0] for row in rows] == ["b1", "b2", "b3"]
    assert all("0.2" in row for row in rows)


HEALTHY: dict[str, Callable[..., Any]] = {
    "autoencoder": autoencoder.make_autoencoder,
    "vector biases": three_matrix.make_problem,
    "matrix biases": three_matrix.make_problem_matrix_biases,
    "ones column": three_matrix.make_problem_ones_column,
    "vector biases in a dict": three_matrix.make_problem_dict,
    "matrix biases in a dict": three_matrix.make_problem_matrix_biases_dict,
    "ones column in a dict": three_matrix.make_problem_ones_column_dict,
}


@pytest.mark.parametrize("factory", HEALTHY.values(), ids=HEALTHY)
@pytest.mark.parametrize("seed", range(3))
def test_right_model_passes_without_a_word(factory: Callable[..., Any], seed: int) -> None:
    fun, start, args = factory()
    report = check(fun, start, args=args, rng=seed)
    assert report.verdict == Verdict.PASS, str(report)
    assert report.findings == ()


@pytest.mark.parametrize("sizes", [(2, 3, 4), (3, 2, 6), (6, 5, 2)])
def test_right_model_of_any_size_passes_with_all_its_blocks(sizes: tuple[int, int, int]) -> None:
    for factory, shapes in (
        (autoencoder.make_autoencoder, autoencoder.block_shapes),
        (three_matrix.make_problem, three_matrix.block_shapes),
    ):
        fun, start, args = factory(*sizes)
        report = check(fun, start, args=args, rng=0)
        assert report.verdict == Verdict.PASS, str(report)
        assert {b.name: b.shape for b in report.blocks} == shapes(*sizes[:2])


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_slip_fails_exactly_its_blocks(slip: Slip, seed: int) -> None:
    fun, start, args = slip.factory()
    report = check(fun, start, args=args, rng=seed)
    assert report.verdict == Verdict.FAIL, str(report)
    if slip.cause == "ignored-argument":
        assert [finding.slug for finding in report.findings] == ["ignored-argument"]
        return
    failing = [name for name, verdict in verdicts(report).items() if verdict == "FAIL"]
    assert sorted(failing) == sorted(slip.blocks), str(report)


SIMPLE = ("wrong-scale", "wrong-sign", "zero-gradient", "ignored-argument")
NAMED = {name: slip for name, slip in SLIPS.items() if slip.cause in SIMPLE}


@pytest.mark.parametrize("slip", NAMED.values(), ids=NAMED)
def test_slip_with_a_simple_cause_is_one_finding_of_that_name(slip: Slip) -> None:
    fun, start, args = slip.factory()
    (finding,) = check(fun, start, args=args, rng=0).findings
    assert finding.slug == slip.cause
    if slip.cause == "wrong-scale":
        assert slip.factor is not None
        batch = {"autoencoder": 7}.get(fun.__module__.split(".")[1].split("_")[0], 5)
        assert finding.data["factor"] == pytest.approx(slip.factor(batch), rel=1e-6)


def test_single_entry_of_full_size_wrong_by_a_thousandth_is_found() -> None:
    data = autoencoder.data[:, :20]
    rng = np.random.default_rng(12)
    start = autoencoder.theta + 0.01 * rng.standard_normal(16_474)
    index = 7840 + 10 * 350 + 4  # W2[350, 4], a pixel in the middle

    def wrong(theta: Any) -> Any:
        value, gradient = autoencoder.cost_and_grad(theta, 784, 10, 1e-4, data)
        gradient[index] *= 1.001
        return value, gradient

    report = check(wrong, start, blocks=autoencoder.block_shapes(784, 10), rng=0)
    assert verdicts(report) == {"W1": "PASS", "W2": "FAIL", "b1": "PASS", "b2": "PASS"}
    finding = report.findings[0]
    assert finding.slug == "wrong-entries"
    assert finding.data["indices"] == ((350, 4),)
