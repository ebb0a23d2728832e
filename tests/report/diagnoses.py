"""Diagnoses of every kind, by name."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from gradaudit.results import (
    BlockReport,
    Diagnosis,
    Evaluations,
    Finding,
    History,
    Location,
    Ray,
    Report,
    Verdict,
)

_STEPS: Final = tuple(i / 40 for i in range(41))
_WIGGLE: Final = tuple(((i * i * 37 + i * 11) % 61 - 30) / 30 for i in range(60))
"""Numbers in -1..1 without a pattern that the eye could see."""


def _bowl(t: float) -> float:
    return 5 + 3 * (t - 0.4) ** 2


def _wall(t: float) -> float:
    return math.log(2 - 3 * t) + 5 if t < 0.6 else math.nan if t < 0.8 else math.inf


_FALLING: Final = History(
    numbers=tuple(range(1, 61)),
    values=tuple(10 ** (4 - 7 * i / 59 + 0.1 * w) for i, w in enumerate(_WIGGLE)),
    gradient_norms=tuple(10 ** (3 - 4 * i / 59 + 0.1 * w) for i, w in enumerate(_WIGGLE)),
)

IGNORED: Final = Diagnosis(
    findings=(),
    causes=(
        Finding(
            slug="ignored-argument",
            level="error",
            message="the objective ignores its argument",
            notes=(
                "J(x) and J(x + d) are equal to the last bit along 8 random directions",
                "f = 12.0962 at all 21 trial points of the line search",
            ),
            help="evaluate the cost at the lambda's own argument: `lambda x: cost(x, ...)`",
            location=Location(
                path="train.py", line=42, source="    J = lambda x: cost(theta, X, lam)"
            ),
            replacement="    J = lambda x: cost(x, X, lam)",
        ),
    ),
    message="ABNORMAL: ",
    message_meaning="the line search found no lower cost along the direction in which the "
    "gradient says that the cost falls",
    solver="minimize",
    method="L-BFGS-B",
    size=16474,
    success=False,
    nit=0,
    nfev=21,
    location=Location(path="train.py", line=47),
    evaluations=Evaluations(cost=87, gradient=41),
    seed=123,
    ray=Ray(
        title="along the last search direction",
        steps=_STEPS,
        values=(12.0962,) * 41,
        slope=-3.21,
        true_slope=0.0,
        tried=tuple((t, 12.0962) for t in (1.0, 0.5, 0.25, 0.1, 0.05)),
    ),
    history=History(
        numbers=tuple(range(1, 22)), values=(12.0962,) * 21, gradient_norms=(3.4,) * 21
    ),
    confirmed="with the numerical gradient the run reaches f = 0.032 (from 12.1) in 40 evaluations",
)

_SIGN: Final = Finding(
    slug="wrong-sign",
    level="error",
    message="b1, b2: the gradient has the opposite sign",
    notes=("returned over right gradient: -1 in both, to within 3e-9",),
    data={"factor": -1.0, "blocks": ("b1", "b2")},
)
_SCALES: Final = Finding(
    slug="bad-scaling",
    level="warning",
    message="the parameters differ in scale by a factor of 1e6",
    help="divide w by 1e6",
)
SIGN: Final = Diagnosis(
    causes=(_SIGN, _SCALES),
    findings=(
        _SIGN,
        _SCALES,
        Finding(slug="kink", level="note", message="w: the cost has a kink at the point"),
        Finding(
            slug="low-precision",
            level="note",
            message="the cost is computed in float32",
            allowed=True,
        ),
    ),
    message="Desired error not necessarily achieved due to precision loss.",
    message_meaning="the line search found no step that lowers the cost enough",
    solver="minimize",
    method="BFGS",
    size=9,
    success=False,
    cost=5.48,
    nit=7,
    nfev=60,
    evaluations=Evaluations(cost=187, gradient=12),
    seed=7,
    ray=Ray(
        title="along -g at the stopping point",
        steps=_STEPS,
        values=tuple(map(_bowl, _STEPS)),
        slope=2.4,
        true_slope=-2.4,
        tried=tuple((t, _bowl(t)) for t in (0.02, 0.1, 0.5, 1.0, 4.0)),
    ),
    history=_FALLING,
    report=Report(
        verdict=Verdict.FAIL,
        findings=(_SIGN,),
        blocks=(
            BlockReport(
                name="w",
                shape=(3,),
                start=0,
                size=3,
                verdict=Verdict.PASS,
                relative_error=2.1e-10,
                error_kind="at most",
                error_bar=1.4e-11,
                entry_bound=3.1e-9,
            ),
            *(
                BlockReport(
                    name=name,
                    shape=(3,),
                    start=start,
                    size=3,
                    verdict=Verdict.FAIL,
                    relative_error=2.0,
                    error_bar=2.3e-11,
                    factor=-1.0,
                    reason="of the opposite sign",
                )
                for name, start in (("b1", 3), ("b2", 6))
            ),
        ),
        versions={"gradaudit": "0.1.0"},
    ),
)

WALL: Final = Diagnosis(
    findings=(),
    causes=(
        Finding(
            slug="non-finite",
            level="error",
            message="the cost is not a number at a trial point of the line search",
            notes=("log of -0.19 at t = 0.73",),
        ),
    ),
    message="NaN result encountered.",
    solver="minimize",
    method="CG",
    size=2,
    success=False,
    nfev=9,
    ray=Ray(
        title="along the last search direction",
        steps=_STEPS,
        values=tuple(map(_wall, _STEPS)),
        slope=-1.5,
        tried=((1.0, math.inf), (0.5, _wall(0.5)), (0.1, _wall(0.1))),
    ),
    history=History(
        numbers=(1, 2, 3, 4), values=(9.0, 7.0, math.nan, 5.7), gradient_norms=(4, 3, math.nan, 2)
    ),
)

NOISY: Final = Diagnosis(
    findings=(),
    causes=(
        Finding(
            slug="noise",
            level="warning",
            message="the cost is too noisy for the tolerance asked for",
            help="ftol 1e-9 would have accepted the point",
        ),
    ),
    message="ABNORMAL_TERMINATION_IN_LNSRCH",
    solver="fmin_l_bfgs_b",
    size=4,
    ray=Ray(
        title="along the last search direction",
        steps=tuple(1e-6 * t for t in _STEPS),
        values=tuple(1e6 + 1e-4 * w - 3e-5 * t for t, w in zip(_STEPS, _WIGGLE, strict=False)),
        slope=-30.0,
        true_slope=-30.0,
    ),
    history=History(
        numbers=tuple(range(1, 61)),
        values=tuple(1e6 + 1e-4 * w for w in _WIGGLE),
        gradient_norms=(math.nan,) * 60,
    ),
)

OVERFLOWING: Final = Diagnosis(
    findings=(),
    causes=(Finding(slug="unbounded", level="error", message="the cost has no lower bound"),),
    message="Linear search failed",
    solver="minimize",
    method="TNC",
    success=False,
    ray=Ray(
        title="along the last search direction",
        steps=(0.0, *(10.0**k for k in range(-8, 3))),
        values=(1.0,) * 7 + (0.9, 0.5, 1e8, 1e200, math.inf),
        slope=-1.0,
        tried=((1e2, math.inf),),
    ),
)

CONVERGED: Final = replace(
    SIGN,
    causes=(
        Finding(
            slug="converged",
            level="note",
            message="converged: the norm of the gradient is 3.1e-06, below gtol",
            notes=("the gradient is right to within 2.1e-10 at x0 and at the stopping point",),
        ),
    ),
    findings=(),
    benign=True,
    success=True,
    message="Optimization terminated successfully.",
    message_meaning="every entry of the gradient is below gtol",
    report=None,
)

UNTOLD: Final = Diagnosis(
    causes=(),
    findings=(),
    solver="root",
    method="hybr",
    stopped="the budget of 5 evaluations is used up",
)

DIAGNOSES: Final = {
    "diagnosis_ignored": IGNORED,
    "diagnosis_sign": SIGN,
    "diagnosis_wall": WALL,
    "diagnosis_noisy": NOISY,
    "diagnosis_overflowing": OVERFLOWING,
    "diagnosis_converged": CONVERGED,
    "diagnosis_untold": UNTOLD,
}
