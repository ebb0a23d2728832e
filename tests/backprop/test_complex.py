"""Values that are complex are followed like any other: nothing is known of them but two parts."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from typing import Any

import numpy as np
import pytest

from gradaudit.api.trace import trace
from gradaudit.backprop.adjoints import Adjoints
from gradaudit.backprop.events import (
    Hook,
    as_numbers,
    change_between,
    extent,
    flattened,
    restored,
    units,
)
from gradaudit.backprop.experiment import undisturbed
from gradaudit.backprop.formulas import Formulas
from gradaudit.backprop.matching import Derivatives, sketch_derivatives, standings
from gradaudit.backprop.needs import Setting
from gradaudit.backprop.results import Suspect
from gradaudit.backprop.vocabulary import Vocabulary, how_to_conjugate
from tests.backprop import complex_models as models
from tests.backprop.bench import Bench, bench
from tests.backprop.complex_models import SIGNAL, START, TARGET, WAVE

LAYER = START[:12], (SIGNAL, TARGET)
HEALTHY: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (models.by_parts, *LAYER),
    (models.conjugated, *LAYER),
    (models.halved, *LAYER),
    (models.halved_conjugated, *LAYER),
    (models.filtered, START[:11], (WAVE,)),
    (models.rotating, START[:8], (WAVE,)),
    (models.by_numbers, START[:4], (WAVE,)),
    (models.detector, START[:10], (WAVE,)),
]
A = np.array([[1 + 2j, 3.0], [-1j, 0.5 + 0.25j]])


def mistaken(model: Any, right: str, wrong: str) -> Any:
    """Return a function of a model with other text in one line, as if it stood in a file."""
    source = inspect.getsource(model)
    assert source.count(right) == 1
    source = source.replace(right, wrong)
    path = f"<mistaken {model.__name__} {wrong}>"
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    space = dict(vars(models))
    exec(compile(source, path, "exec"), space)
    return space[model.__name__]


def first(model: Any, start: Any, args: Any, right: str, wrong: str) -> Suspect:
    found = trace(mistaken(model, right, wrong), start, args=args, rng=0)
    assert found.suspects
    return found.suspects[0]


# -- right gradients -------------------------------------------------------------------------


@pytest.mark.parametrize(("fun", "start", "args"), HEALTHY)
def test_right_complex_gradient_raises_no_suspicion(fun: Any, start: Any, args: Any) -> None:
    found = trace(fun, start, args=args, rng=0)
    assert found.suspects == ()


def derivatives(found: Bench) -> Derivatives:
    rng = np.random.default_rng(0)
    with undisturbed():
        return sketch_derivatives(found.experiment, found.survey, found.reference, rng, 400)


@pytest.mark.parametrize(
    ("fun", "factor", "conjugated"),
    [
        (models.by_parts, 1.0, False),
        (models.conjugated, 1.0, True),
        (models.halved, 0.5, False),
        (models.halved_conjugated, 0.5, True),
    ],
)
def test_derivatives_are_recognised_in_every_convention(
    fun: Any, factor: float, conjugated: bool
) -> None:
    found = bench(fun, START[:12], SIGNAL, TARGET)
    lines = standings(found.survey.lines, found.survey.recording, derivatives(found))
    for text in ("dz", "dw"):
        (line,) = (x for x in found.survey.lines if ast.unparse(x.statement).startswith(text))
        matches = lines[line.statement].matches
        assert matches
        assert all(m.conjugated == conjugated and not m.strange for m in matches)
        assert [m.factor for m in matches] == pytest.approx([factor])


def test_conjugate_among_others_is_strange() -> None:
    wrong = mistaken(models.by_parts, "dw = x.T @ dz", "dw = x.T @ dz.conj()")
    found = bench(wrong, START[:12], SIGNAL, TARGET)
    lines = standings(found.survey.lines, found.survey.recording, derivatives(found))
    by_text = {ast.unparse(s): standing for s, standing in lines.items()}
    assert by_text["dz = 2 * dp * z"].right
    assert by_text["dw = x.T @ dz.conj()"].matches[0].strange
    assert not by_text["dw = x.T @ dz.conj()"].right


# -- wrong lines -----------------------------------------------------------------------------

ROTATING = models.rotating, START[:8], (WAVE,)
FILTERED = models.filtered, START[:11], (WAVE,)
NUMBERS = models.by_numbers, START[:4], (WAVE,)


@pytest.mark.parametrize(
    ("case", "right", "wrong"),
    [
        # the conjugate forgotten, or too much
        (FILTERED, "dk = dg * np.conj(f)", "dk = dg * f"),
        (FILTERED, "dout = (out - s) / mod", "dout = np.conj(out - s) / mod"),
        (ROTATING, "da += dpre * np.conj(hs[t])", "da += dpre * hs[t]"),
        (ROTATING, "dh = dpre * np.conj(a)", "dh = dpre * a"),
        (NUMBERS, "dz += turned * x.conjugate()", "dz += turned * x"),
        # the wrong part, or none
        (FILTERED, "dphase = np.real(", "dphase = np.imag("),
        (NUMBERS, "turned = (dq * q.conjugate()).imag", "turned = (dq * q.conjugate()).real"),
        (ROTATING, "along = np.real(np.conj(pre) * dh)", "along = np.conj(pre) * dh"),
        (ROTATING, "np.real(np.conj(pre) * dh)", "np.real(np.conj(pre)) * np.real(dh)"),
        (FILTERED, "dk = dg * np.conj(f)", "dk = np.real(dg * np.conj(f))"),
        ((models.by_parts, *LAYER), "dz = 2 * dp * z", "dz = dp"),
        # transforms
        (
            FILTERED,
            "dg = np.fft.fft(dout * np.conj(turn)) / n",
            "dg = np.fft.ifft(dout * np.conj(turn)) / n",
        ),
        (FILTERED, "np.fft.fft(dout * np.conj(turn)) / n", "np.fft.fft(dout * np.conj(turn))"),
        # the unit
        (FILTERED, "np.conj(1j * turn)", "np.conj(-1j * turn)"),
        (FILTERED, "np.conj(1j * turn)", "np.conj(turn)"),
        # what stands nowhere
        (FILTERED, "dk = dg * np.conj(f)", "dk = dg"),
        (FILTERED, "dg = np.fft.fft(dout * np.conj(turn)) / n", "dg = np.fft.fft(dout) / n"),
    ],
)
def test_mistake_with_complex_numbers_is_named(case: Any, right: str, wrong: str) -> None:
    model, start, args = case
    suspect = first(model, start, args, right, wrong)
    assert wrong in suspect.source
    assert suspect.repairs_gradient
    assert suspect.suggestion


# -- numbers and their unknowns ---------------------------------------------------------------


@pytest.mark.parametrize("value", [A, A.T, np.real(A), A[0, 0], np.array(2.5), A[::2, ::-1]])
def test_unknowns_make_up_the_value_again(value: Any) -> None:
    value = as_numbers(value)
    flat = flattened(value)
    assert flat.dtype == np.float64
    assert flat.shape == (extent(value),)
    again = restored(flat, value)
    assert again.dtype == value.dtype
    assert np.array_equal(again, value)


def test_product_of_unknowns_is_the_real_part_of_the_inner_product() -> None:
    assert flattened(A) @ flattened(A.T) == pytest.approx(np.vdot(A, A.T).real)


def test_each_unknown_has_its_unit() -> None:
    assert [complex(u[0]) for u in units(np.array([3j]))] == [1.0, 1j]
    assert [u.tolist() for u in units(np.zeros(2))] == [[1.0, 0.0], [0.0, 1.0]]


def test_real_value_that_became_complex_has_no_change() -> None:
    assert change_between(np.array([1j]), np.array([1.0])) is None
    change = change_between(np.array([1.0]), np.array([1j]))
    assert change is not None
    assert change.tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1 + 2j, complex), (np.complex128(1j), np.complex128), (np.complex64(1j), np.complex64)],
)
def test_hook_moves_a_complex_number_and_leaves_its_type(value: Any, kind: type) -> None:
    hook = Hook()
    hook.begin({0: lambda _count, held: 2 * held}, record=True)
    moved = hook(0, value)
    assert type(moved) is kind
    assert moved == 2 * value
    assert hook.recording is not None
    assert hook.recording.looks[0].kind == "c"


def test_hook_makes_a_real_value_complex_where_it_must() -> None:
    hook = Hook()
    hook.begin({0: lambda _count, held: held + 1j})
    assert hook(0, 2.0) == 2 + 1j
    assert hook(0, np.ones(2)).tolist() == [1 + 1j, 1 + 1j]


# -- what is needed, and what would give it -----------------------------------------------------


def test_need_of_a_complex_value_is_in_both_parts() -> None:
    wrong = mistaken(models.by_parts, "dw = x.T @ dz", "dw = x.T @ dz.conj()")
    found = bench(wrong, START[:12], SIGNAL, TARGET)
    need = found.need("dw = x.T @ dz.conj()")
    (event,) = need.events
    value = found.survey.recording.values[event]
    assert need.exists
    assert need.unique
    assert need.system.shape == (12, 12)
    z = SIGNAL @ models.weights(found.reference.theta)
    right = SIGNAL.T @ (2 * (np.abs(z) ** 2 - TARGET) * z)
    assert np.allclose(value + need.shifts(found.survey)[event], right, atol=1e-6)


def test_real_value_that_would_have_to_be_complex_is_known() -> None:
    wrong = mistaken(models.by_parts, "dw = x.T @ dz", "dw = (x.T @ dz).real")
    found = bench(wrong, START[:12], SIGNAL, TARGET)
    need = found.need("dw = (x.T @ dz).real")
    assert found.line("dw = (x.T @ dz).real").reach.all()
    assert need.exists
    assert need.lifted
    assert need.system.shape == (12, 12)
    assert all(np.iscomplexobj(shift) for shift in need.shifts(found.survey).values())


def test_real_value_that_is_off_need_not_be_complex() -> None:
    wrong = mistaken(models.by_parts, "dp = e", "dp = 3 * e")
    found = bench(wrong, START[:12], SIGNAL, TARGET)
    need = found.need("dp = 3 * e")
    assert need.exists
    assert not need.lifted


def test_candidates_are_given_in_all_conventions() -> None:
    found = bench(models.by_parts, START[:12], SIGNAL, TARGET)
    need = found.need("dz = 2 * dp * z")
    known = Adjoints(found.experiment, found.survey, found.reference)
    z = SIGNAL @ models.weights(START)
    right = 2 * (np.abs(z) ** 2 - TARGET) * z
    with undisturbed():
        made = [values[0] for _, values in known.candidates(need.site, need.events)]
    for wanted in (right, right.conj(), right / 2, right.conj() / 2):
        assert any(np.allclose(value, wanted, atol=1e-6) for value in made)


def complex_names() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4))
    return {"np": np, "d": first[0] + 1j * first[1], "h": second[0] + 1j * second[1]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("d", "d * np.conj(h)"),
        ("d", "d + h.conj()"),
        ("d * h", "d * 1j * h"),
        ("np.conj(d)", "np.conj(d) * np.abs(h) ** 2"),
        ("np.real(d)", "np.real(d * np.conj(h))"),
        ("np.real(d).sum()", "np.real(d * h).sum()"),
        ("d.real", "(np.conj(d) * h).imag"),
    ],
)
def test_expression_of_complex_names_is_found(text: str, wanted: str) -> None:
    space = complex_names()
    value, right = as_numbers(eval(text, space)), as_numbers(eval(wanted, space))
    change = change_between(right, value)
    assert change is not None
    system = np.random.default_rng(1).standard_normal((change.size + 3, change.size))
    setting = Setting([space], [value], system, system @ change)
    search = Formulas(ast.parse(text, mode="eval").body, setting, 20.0)
    words = Vocabulary([space], [], {}, "np", search.shapes(), text, 20.0)
    assert search.short(words)


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ({"np": np}, "{np}.conj({x})"),
        ({"conj": np.conj}, "conj({x})"),
        ({}, "{x}.conj()"),
    ],
)
def test_conjugate_is_written_as_the_file_does(names: dict[str, Any], written: str) -> None:
    assert how_to_conjugate(names, "np") == written


def test_complex_arguments_are_put_back_after_a_run() -> None:
    def spoil(theta: Any, kept: Any) -> Any:
        kept *= 1.0
        z = theta[:2] + 1j * theta[2:]
        cost = float(np.sum(np.abs(z - kept) ** 2))
        d = 2 * (z - kept)
        g = np.concatenate([d.real, -d.imag])
        kept += 0.0
        return cost, g

    kept = np.array([1 + 1j, 2 - 0.5j])
    found = trace(functools.partial(spoil, kept=kept), START[:4], rng=0)
    assert found.suspects[0].source == "g = np.concatenate([d.real, -d.imag])"
    assert kept.tolist() == [1 + 1j, 2 - 0.5j]
