"""Functions of one variable with their true derivatives, by class of difficulty.

`OPEN` was used while the algorithm was developed. `HIDDEN` was written after it
was frozen: the first run missed 17 of 28,400 points (15 of them of one function
computed in float16), which led to repairs. `FRESH` was written after those: its
first run missed 0 of 2,340, another seed 2 of 7,800.

Derivatives are closed forms in 40 digits (mpmath) at the very double the
function is given; where the computed function is a rounded or noisy version of
an ideal one, the derivative is that of the ideal one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from mpmath import mp, mpf
from scipy import interpolate, linalg, special

mp.dps = 40

Draw: TypeAlias = Callable[[np.random.Generator], float]
Exact: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A function of one variable, its derivative, and where to ask for it.

    Attributes
    ----------
    name, kind : str
        What it is, and its class of difficulty.
    f : callable
        The computed function of a float.
    slope : callable
        Its derivative as a function of an mpf; at a kink a pair (left, right).
    draw : callable
        Draws a point from a random generator.
    """

    name: str
    kind: str
    f: Callable[[float], float]
    slope: Exact
    draw: Draw

    def truth(self, x: float) -> tuple[float, float]:
        """Return the slopes on the left and on the right of a point."""
        slope = self.slope(mpf(x))
        if isinstance(slope, tuple):
            left, right = slope
            return float(left), float(right)
        return float(slope), float(slope)


def between(low: float, high: float) -> Draw:
    """Draw uniformly."""
    return lambda rng: float(rng.uniform(low, high))


def decades(low: float, high: float) -> Draw:
    """Draw a positive number, uniform in its logarithm."""
    return lambda rng: float(math.exp(rng.uniform(math.log(low), math.log(high))))


def at(*points: float) -> Draw:
    """Draw one of some points."""
    return lambda rng: float(rng.choice(points))


def near(point: float, low: float, high: float) -> Draw:
    """Draw a point at a distance uniform in its logarithm, on either side."""
    distance = decades(low, high)
    return lambda rng: point + distance(rng) * float(rng.choice((-1.0, 1.0)))


def hashed(x: float) -> float:
    """Return a number in [-1, 1) that depends on x as noise would."""
    bits = struct.unpack("<Q", struct.pack("<d", x))[0]
    bits = (bits ^ (bits >> 31)) * 0x7FB5D329728EA185 % 2**64
    bits = (bits ^ (bits >> 27)) * 0x81DADEF4BC2DD44D % 2**64
    return (bits ^ (bits >> 33)) / 2**63 - 1.0


def guarded(f: Callable[[float], float]) -> Callable[[float], float]:
    """Turn the exceptions of `math` into nan, as numpy would."""

    def safe(x: float) -> float:
        try:
            return float(f(x))
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan

    return safe


def single(x: float) -> np.float32:
    """Return x in single precision."""
    return np.float32(x)


def horner(coefficients: list[float], x: float) -> float:
    """Evaluate a polynomial, highest power first."""
    total = 0.0
    for c in coefficients:
        total = total * x + c
    return total


def polynomial(coefficients: list[float]) -> tuple[Callable[[float], float], Exact]:
    """Return a polynomial and its derivative."""
    return lambda x: horner(coefficients, x), lambda x: mp.polyval(
        coefficients, x, derivative=True
    )[1]


_NOISE = np.random.default_rng(7)
_RNG = np.random.default_rng(11)
_A = _RNG.normal(size=(6, 6))
_SPD = _A @ _A.T / 6 + np.eye(6)
_SYM = (_A + _A.T) / 4
_B = _RNG.normal(size=6)
_DATA = _RNG.normal(size=(50, 3))
_LABELS = np.sign(_RNG.normal(size=50))
_GRID = np.linspace(-3.0, 3.0, 61)
_SPLINE = interpolate.CubicSpline(_GRID, np.sin(_GRID) + 0.1 * _GRID**2)
_MP_SPD = mp.matrix(_SPD.tolist())
_MP_SYM = mp.matrix(_SYM.tolist())


def _logdet(x: float) -> float:
    return float(np.linalg.slogdet(_SPD + x * _SYM)[1])


def _logdet_slope(x: Any) -> Any:
    product = mp.inverse(_MP_SPD + x * _MP_SYM) * _MP_SYM
    return sum(product[i, i] for i in range(6))


def _solve(x: float) -> float:
    return float(_B @ np.linalg.solve(_SPD + x * _SYM, _B))


def _solve_slope(x: Any) -> Any:
    y = mp.inverse(_MP_SPD + x * _MP_SYM) * mp.matrix(_B.tolist())
    return -(y.T * _MP_SYM * y)[0]


def _newton_root(x: float) -> float:
    """Solve y^3 + y = x by eight steps of Newton's method."""
    y = x
    for _ in range(30):
        y -= (y**3 + y - x) / (3 * y * y + 1)
    return y


def _newton_slope(x: Any) -> Any:
    y = mp.findroot(lambda y: y**3 + y - x, mpf(_newton_root(float(x))))
    return 1 / (3 * y * y + 1)


_NODES, _WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(20))


def _quadrature(x: float) -> float:
    return sum(w * math.exp(x * math.cos(n)) for n, w in zip(_NODES, _WEIGHTS, strict=True))


def _quadrature_slope(x: Any) -> Any:
    return sum(
        mpf(w) * mp.cos(n) * mp.exp(x * mp.cos(n)) for n, w in zip(_NODES, _WEIGHTS, strict=True)
    )


def _logistic(x: float) -> float:
    return float(np.logaddexp(0.0, -_LABELS * (_DATA @ np.array([x, 0.3, -0.2]))).sum())


def _logistic_slope(x: Any) -> Any:
    total = mpf(0)
    for row, label in zip(_DATA.tolist(), _LABELS.tolist(), strict=True):
        margin = label * (row[0] * x + row[1] * mpf(0.3) - row[2] * mpf(0.2))
        total -= label * row[0] / (1 + mp.exp(margin))
    return total


def _table(x: float) -> float:
    return float(np.interp(x, _GRID, np.sin(_GRID)))


def _table_slope(x: Any) -> tuple[Any, Any]:
    def piece(i: int) -> Any:
        a, b = _GRID[i], _GRID[i + 1]
        return (mpf(math.sin(b)) - mpf(math.sin(a))) / (mpf(float(b)) - mpf(float(a)))

    right = int(np.searchsorted(_GRID, float(x), side="right")) - 1
    left = int(np.searchsorted(_GRID, float(x), side="left")) - 1
    return piece(left), piece(right)


def _spline_slope(x: Any) -> Any:
    i = min(max(int(np.searchsorted(_GRID, float(x), side="right")) - 1, 0), 59)
    c = [mpf(float(v)) for v in _SPLINE.c[:, i]]
    d = x - mpf(float(_GRID[i]))
    return 3 * c[0] * d * d + 2 * c[1] * d + c[2]


def _kink_at(point: float, left: Exact, right: Exact) -> Exact:
    def slope(x: Any) -> Any:
        if x == point:
            return left(x), right(x)
        return left(x) if x < point else right(x)

    return slope


def _noisy(f: Callable[[float], float], level: float) -> Callable[[float], float]:
    return lambda x: f(x) * (1.0 + level * hashed(x))


def _random(f: Callable[[float], float], level: float) -> Callable[[float], float]:
    return lambda x: f(x) + level * float(_NOISE.normal())


_CHEBYSHEV = [1.0, 0.0, -2.5, 0.0, 1.875, 0.0, -0.3125, 0.0]
_POLY = polynomial([1.0, -3.0, 0.5, 2.0, -1.0])
_POLY20 = polynomial([float((-1) ** k) / (k + 1) for k in range(21)])
_WILKINSON = polynomial([float(c) for c in np.poly(np.arange(1.0, 9.0)).tolist()])


def _case(kind: str, name: str, f: Callable[[float], float], slope: Exact, draw: Draw) -> Case:
    return Case(name=name, kind=kind, f=guarded(f), slope=slope, draw=draw)


OPEN: tuple[Case, ...] = (
    _case("smooth", "sin", math.sin, mp.cos, between(-3, 3)),
    _case("smooth", "exp", math.exp, mp.exp, between(-3, 3)),
    _case("smooth", "x^4 - 3x^3 + ...", *_POLY, between(-2, 3)),
    _case(
        "smooth",
        "1/(1 + x^2)",
        lambda x: 1 / (1 + x * x),
        lambda x: -2 * x / (1 + x * x) ** 2,
        between(-4, 4),
    ),
    _case("smooth", "tanh", math.tanh, lambda x: mp.sech(x) ** 2, between(-3, 3)),
    _case("smooth", "lgamma", math.lgamma, mp.digamma, decades(0.05, 50)),
    _case("smooth", "erf", math.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), between(-2, 2)),
    _case(
        "smooth",
        "J0",
        lambda x: float(special.j0(x)),
        lambda x: -mp.besselj(1, x),
        between(0.5, 15),
    ),
    _case("smooth", "x^x", lambda x: x**x, lambda x: x**x * (1 + mp.log(x)), decades(0.1, 5)),
    _case(
        "smooth",
        "sqrt(1 + x^2)",
        lambda x: math.hypot(1, x),
        lambda x: x / mp.sqrt(1 + x * x),
        between(-9, 9),
    ),
    _case("smooth", "polynomial 20", *_POLY20, between(-0.9, 0.9)),
    _case("smooth", "log-determinant", _logdet, _logdet_slope, between(-0.5, 0.5)),
    _case("smooth", "linear solve", _solve, _solve_slope, between(-0.5, 0.5)),
    _case("smooth", "logistic loss", _logistic, _logistic_slope, between(-2, 2)),
    _case("smooth", "Gauss quadrature", _quadrature, _quadrature_slope, between(-2, 2)),
    _case("smooth", "Newton inner solver", _newton_root, _newton_slope, between(-3, 3)),
    _case("smooth", "3x + 2", lambda x: 3 * x + 2, lambda _: mpf(3), between(-5, 5)),
    _case("smooth", "cubic spline", lambda x: float(_SPLINE(x)), _spline_slope, between(-2.9, 2.9)),
    _case(
        "scaled",
        "sin(1e6 x)",
        lambda x: math.sin(1e6 * x),
        lambda x: 1e6 * mp.cos(1e6 * x),
        at(0.0),
    ),
    _case(
        "scaled",
        "exp(1e-9 x)",
        lambda x: math.exp(1e-9 * x),
        lambda x: mpf(1e-9) * mp.exp(mpf(1e-9) * x),
        between(-1, 1),
    ),
    _case(
        "scaled",
        "exp(1e8 x)",
        lambda x: math.exp(1e8 * x),
        lambda x: 1e8 * mp.exp(1e8 * x),
        at(0.0),
    ),
    _case(
        "scaled",
        "1e12 sin",
        lambda x: 1e12 * math.sin(x),
        lambda x: 1e12 * mp.cos(x),
        between(-3, 3),
    ),
    _case(
        "scaled",
        "1e-12 exp",
        lambda x: 1e-12 * math.exp(x),
        lambda x: mpf(1e-12) * mp.exp(x),
        between(-3, 3),
    ),
    _case(
        "scaled",
        "tanh(1e12 x)",
        lambda x: math.tanh(1e12 * x),
        lambda x: 1e12 * mp.sech(1e12 * x) ** 2,
        at(0.0),
    ),
    _case(
        "scaled",
        "tanh(1e-12 x)",
        lambda x: math.tanh(1e-12 * x),
        lambda x: mpf(1e-12) * mp.sech(mpf(1e-12) * x) ** 2,
        at(0.0, 1.0),
    ),
    _case("scaled", "sin(x) at 1e-8..1e-4", math.sin, mp.cos, decades(1e-8, 1e-4)),
    _case(
        "scaled",
        "1e306 sin",
        lambda x: 1e306 * math.sin(x),
        lambda x: mpf(1e306) * mp.cos(x),
        between(-3, 3),
    ),
    _case("near-zero", "cos near 0", math.cos, lambda x: -mp.sin(x), near(0, 1e-9, 1e-2)),
    _case("near-zero", "x^4 near 0", lambda x: x**4 + 1, lambda x: 4 * x**3, near(0, 1e-3, 1e-1)),
    _case(
        "near-zero", "(x - 1)^2", lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), near(1, 1e-8, 1e-1)
    ),
    _case("near-zero", "constant", lambda _: 2.5, lambda _: mpf(0), between(-2, 2)),
    _case("near-zero", "x^3 at 0", lambda x: x**3, lambda x: 3 * x * x, at(0.0)),
    _case("near-zero", "sin near pi/2", math.sin, mp.cos, near(math.pi / 2, 1e-8, 1e-3)),
    _case(
        "oscillating",
        "sin(100 x)",
        lambda x: math.sin(100 * x),
        lambda x: 100 * mp.cos(100 * x),
        between(0.5, 2),
    ),
    _case(
        "oscillating",
        "sin(1e4 x)",
        lambda x: math.sin(1e4 * x),
        lambda x: 1e4 * mp.cos(1e4 * x),
        between(0.5, 2),
    ),
    _case(
        "oscillating",
        "x + 1e-3 sin(1e3 x)",
        lambda x: x + 1e-3 * math.sin(1e3 * x),
        lambda x: 1 + mpf(1e-3) * 1e3 * mp.cos(1e3 * x),
        between(0.5, 2),
    ),
    _case(
        "oscillating",
        "x^2 + 1e-4 sin(300 x)",
        lambda x: x * x + 1e-4 * math.sin(300 * x),
        lambda x: 2 * x + mpf(1e-4) * 300 * mp.cos(300 * x),
        between(0.5, 2),
    ),
    _case("oscillating", "sin at 1e3..1e6", math.sin, mp.cos, decades(1e3, 1e6)),
    _case(
        "oscillating",
        "sin(1/x)",
        lambda x: math.sin(1 / x),
        lambda x: -mp.cos(1 / x) / x**2,
        decades(0.003, 0.3),
    ),
    _case("offset", "1e6 + sin", lambda x: 1e6 + math.sin(x), mp.cos, between(-3, 3)),
    _case("offset", "1e12 + x^2", lambda x: 1e12 + x * x, lambda x: 2 * x, between(0.5, 3)),
    _case(
        "offset",
        "(1 - cos x)/x^2",
        lambda x: (1 - math.cos(x)) / (x * x),
        lambda x: (x * mp.sin(x) + 2 * mp.cos(x) - 2) / x**3,
        decades(1e-4, 1),
    ),
    _case(
        "offset",
        "exp(x) - 1 - x",
        lambda x: math.exp(x) - 1 - x,
        lambda x: mp.exp(x) - 1,
        decades(1e-3, 1),
    ),
    _case(
        "offset",
        "sqrt(x + 1e8) - 1e4",
        lambda x: math.sqrt(x + 1e8) - 1e4,
        lambda x: 1 / (2 * mp.sqrt(x + 10**8)),
        between(1, 9),
    ),
    _case("offset", "Wilkinson 8", *_WILKINSON, between(0.5, 8.5)),
    _case("float32", "float32 sin", lambda x: float(np.sin(single(x))), mp.cos, between(-3, 3)),
    _case(
        "float32",
        "float32 exp x^2",
        lambda x: float(np.exp(single(x)) * single(x) ** 2),
        lambda x: mp.exp(x) * (x * x + 2 * x),
        between(0.3, 3),
    ),
    _case(
        "float32",
        "float32 inside, log outside",
        lambda x: math.log(float(single(2) + np.cos(single(x)))),
        lambda x: -mp.sin(x) / (2 + mp.cos(x)),
        between(-3, 3),
    ),
    _case(
        "float32",
        "float32 mean of squares",
        lambda x: float(
            ((_DATA.astype(np.float32) @ np.array([x, 0.5, 1], dtype=np.float32)) ** 2).mean()
        ),
        lambda x: (
            2
            * sum(
                mpf(float(single(r[0])))
                * (
                    mpf(float(single(r[0]))) * x
                    + mpf(float(single(r[1]))) / 2
                    + mpf(float(single(r[2])))
                )
                for r in _DATA.tolist()
            )
            / 50
        ),
        between(0.3, 3),
    ),
    _case(
        "float16", "float16 sin", lambda x: float(np.float16(math.sin(x))), mp.cos, between(0.3, 3)
    ),
    _case(
        "float16",
        "float16 x^2 + 1",
        lambda x: float(np.float16(x * x + 1)),
        lambda x: 2 * x,
        between(0.3, 3),
    ),
    _case("domain edge", "log", math.log, lambda x: 1 / x, decades(1e-6, 10)),
    _case(
        "domain edge",
        "sqrt(1 - x)",
        lambda x: math.sqrt(1 - x),
        lambda x: -1 / (2 * mp.sqrt(1 - x)),
        lambda rng: 1 - decades(1e-8, 0.1)(rng),
    ),
    _case(
        "domain edge",
        "x log x",
        lambda x: x * math.log(x),
        lambda x: mp.log(x) + 1,
        decades(1e-5, 1),
    ),
    _case(
        "domain edge",
        "asin",
        math.asin,
        lambda x: 1 / mp.sqrt(1 - x * x),
        lambda rng: 1 - decades(1e-7, 0.5)(rng),
    ),
    _case("domain edge", "exp to overflow", math.exp, mp.exp, between(650, 709)),
    _case(
        "domain edge",
        "log(1 - x)",
        lambda x: math.log1p(-x),
        lambda x: -1 / (1 - x),
        lambda rng: 1 - decades(1e-7, 0.5)(rng),
    ),
    _case(
        "domain edge",
        "x^2 + x from 0 on",
        lambda x: x * x + x if x >= 0 else math.nan,
        lambda x: 2 * x + 1,
        at(0.0),
    ),
    _case(
        "kink nearby",
        "|x - 1| + x^3",
        lambda x: abs(x - 1) + x**3,
        _kink_at(1.0, lambda x: 3 * x * x - 1, lambda x: 3 * x * x + 1),
        near(1, 1e-8, 1e-1),
    ),
    _case(
        "kink nearby",
        "relu(x - 1) + x^2",
        lambda x: max(x - 1, 0) + x * x,
        _kink_at(1.0, lambda x: 2 * x, lambda x: 2 * x + 1),
        near(1, 1e-8, 1e-1),
    ),
    _case("kink nearby", "table, linear", _table, _table_slope, between(-2.9, 2.9)),
    _case(
        "kink nearby",
        "weak kink 1e-5|x - 1|",
        lambda x: math.sin(x) + 1e-5 * abs(x - 1),
        _kink_at(1.0, lambda x: mp.cos(x) - mpf(1e-5), lambda x: mp.cos(x) + mpf(1e-5)),
        near(1, 1e-6, 1e-1),
    ),
    _case("at a kink", "|x|", abs, _kink_at(0.0, lambda _: mpf(-1), lambda _: mpf(1)), at(0.0)),
    _case(
        "at a kink",
        "relu(x - 1) + x^2 at 1",
        lambda x: max(x - 1, 0) + x * x,
        _kink_at(1.0, lambda x: 2 * x, lambda x: 2 * x + 1),
        at(1.0),
    ),
    _case(
        "at a kink",
        "sin + 1e-3|x - 0.7|",
        lambda x: math.sin(x) + 1e-3 * abs(x - 0.7),
        _kink_at(0.7, lambda x: mp.cos(x) - mpf(1e-3), lambda x: mp.cos(x) + mpf(1e-3)),
        at(0.7),
    ),
    _case(
        "at a kink",
        "max(x, 2x)",
        lambda x: max(x, 2 * x),
        _kink_at(0.0, lambda _: mpf(1), lambda _: mpf(2)),
        at(0.0),
    ),
    _case(
        "jump nearby", "sin + step", lambda x: math.sin(x) + (x > 1), mp.cos, near(1, 1e-7, 1e-1)
    ),
    _case(
        "jump nearby",
        "x^2 + small step",
        lambda x: x * x + 1e-3 * (x > 1),
        lambda x: 2 * x,
        near(1, 1e-6, 1e-1),
    ),
    _case("noise", "noise 1e-10", _noisy(math.exp, 1e-10), mp.exp, between(-2, 2)),
    _case("noise", "noise 1e-7", _noisy(lambda x: math.sin(x) + 2, 1e-7), mp.cos, between(-3, 3)),
    _case(
        "noise", "noise 1e-5", _noisy(lambda x: x * x + 1, 1e-5), lambda x: 2 * x, between(-2, 2)
    ),
    _case(
        "noise", "noise 1e-3", _noisy(lambda x: x * x + 1, 1e-3), lambda x: 2 * x, between(-2, 2)
    ),
    _case("noise", "random 1e-6", _random(math.sin, 1e-6), mp.cos, between(-3, 3)),
    _case("noise", "random 1e-4", _random(math.exp, 1e-4), mp.exp, between(-2, 2)),
    _case("rounded", "round(sin, 6)", lambda x: round(math.sin(x), 6), mp.cos, between(-3, 3)),
    _case("rounded", "round(exp, 3)", lambda x: round(math.exp(x), 3), mp.exp, between(-2, 2)),
    _case("rounded", "round(x^2, 9)", lambda x: round(x * x, 9), lambda x: 2 * x, between(0.3, 3)),
    _case(
        "steep",
        "exp(50 x)",
        lambda x: math.exp(50 * x),
        lambda x: 50 * mp.exp(50 * x),
        between(0.5, 2),
    ),
    _case("steep", "x^40", lambda x: x**40, lambda x: 40 * x**39, between(0.5, 2)),
    _case(
        "steep",
        "bump of width 1e-3",
        lambda x: math.exp(-(((x - 1) / 1e-3) ** 2)),
        lambda x: -2 * (x - 1) / mpf(1e-3) ** 2 * mp.exp(-(((x - 1) / mpf(1e-3)) ** 2)),
        near(1, 1e-4, 3e-3),
    ),
    _case(
        "steep",
        "exp(-1/x^2)",
        lambda x: math.exp(-1 / (x * x)),
        lambda x: 2 / x**3 * mp.exp(-1 / (x * x)),
        between(0.05, 1),
    ),
    _case(
        "steep",
        "sigmoid(200 (x - 1))",
        lambda x: 1 / (1 + math.exp(-200 * (x - 1))),
        lambda x: 200 * mp.exp(-200 * (x - 1)) / (1 + mp.exp(-200 * (x - 1))) ** 2,
        between(0.9, 1.1),
    ),
)


# ---- written after the algorithm was frozen ---------------------------------


def numeric(f: Exact) -> Exact:
    """Return the derivative by a difference in 40 digits."""
    return lambda x: mp.diff(f, x)


def _chebyshev(degree: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        a, b = x * 0 + 1, x
        for _ in range(degree - 1):
            a, b = b, 2 * x * b - a
        return b

    return f


def _runge_kutta(x: Any) -> Any:
    """Integrate y' = x y (1 - y) from y = 0.1 in 50 classical steps."""
    y = x * 0 + 1
    y = y / 10
    h = y * 0 + 1
    h = h / 16
    for _ in range(50):
        k1 = x * y * (1 - y)
        k2 = x * (y + h * k1 / 2) * (1 - y - h * k1 / 2)
        k3 = x * (y + h * k2 / 2) * (1 - y - h * k2 / 2)
        k4 = x * (y + h * k3) * (1 - y - h * k3)
        y = y + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    return y


def _eigenvalue(x: float) -> float:
    return float(np.linalg.eigvalsh(_SPD + x * _SYM)[0])


def _eigenvalue_slope(x: Any) -> Any:
    values, vectors = mp.eigsy(_MP_SPD + x * _MP_SYM)
    i = min(range(6), key=lambda k: values[k])
    v = vectors[:, i]
    return (v.T * _MP_SYM * v)[0]


def _fixed_point(x: Any, cos: Callable[[Any], Any]) -> Any:
    y = x * 0 + 1
    for _ in range(60):
        y = cos(y * x / 2)
    return y


def _variance(x: float) -> float:
    data = _DATA[:, 0] * x + 100.0
    return float((data * data).mean() - data.mean() ** 2)


def _variance_slope(x: Any) -> Any:
    column = [mpf(float(v)) for v in _DATA[:, 0]]
    mean = sum(column) / 50
    return 2 * x * (sum(c * c for c in column) / 50 - mean * mean)


def _single_sum(x: float) -> float:
    return float(np.sin(single(x) * np.arange(1, 200, dtype=np.float32) / single(100)).sum())


def _single_sum_slope(x: Any) -> Any:
    return sum(mp.cos(x * k / 100) * k / 100 for k in range(1, 200))


_MARGINS = _RNG.normal(size=300)


def _leaky(x: float) -> float:
    z = _MARGINS + x
    return float(np.where(z > 0, z, 0.01 * z).mean()) + x * x


def _leaky_slope(x: Any) -> tuple[Any, Any]:
    z = [mpf(float(v)) + x for v in _MARGINS]
    right = sum(mpf(1) if v >= 0 else mpf(0.01) for v in z) / 300 + 2 * x
    left = sum(mpf(1) if v > 0 else mpf(0.01) for v in z) / 300 + 2 * x
    return left, right


def _secant_root(x: float) -> float:
    """Solve exp(y) + y = x by bisection to 1e-9, as a careless inner solver would."""
    low, high = -5.0, 5.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if math.exp(middle) + middle > x:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def _secant_slope(x: Any) -> Any:
    y = mp.findroot(lambda y: mp.exp(y) + y - x, mpf(_secant_root(float(x))))
    return 1 / (mp.exp(y) + 1)


def _steps_of(x: float) -> float:
    return x * x + 0.1 * math.floor(x)


_PCHIP = interpolate.PchipInterpolator(_GRID, np.exp(-(_GRID**2)))


def _pchip_slope(x: Any) -> Any:
    i = int(np.searchsorted(_GRID, float(x), side="right")) - 1
    c = [mpf(float(v)) for v in _PCHIP.c[:, i]]
    d = x - mpf(float(_GRID[i]))
    return 3 * c[0] * d * d + 2 * c[1] * d + c[2]


def _softmax_loss(x: float) -> float:
    z = np.array([x, 0.5 * x * x, -x, 0.3])
    return float(special.logsumexp(z) - z[0])


def _softmax_slope(x: Any) -> Any:
    z = [x, x * x / 2, -x, mpf(0.3)]
    weights = [mp.exp(v) for v in z]
    return (weights[0] + weights[1] * x - weights[2]) / sum(weights) - 1


def _clip(x: float) -> float:
    return min(max(x, -1.0), 1.0) + 0.1 * x * x


def _clip_slope(x: Any) -> Any:
    return x / 5 + (1 if -1 < x < 1 else 0)


def _huber(x: float) -> float:
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


_CHEBYSHEV30 = _chebyshev(30)

HIDDEN: tuple[Case, ...] = (
    _case("smooth", "atan", math.atan, lambda x: 1 / (1 + x * x), between(-5, 5)),
    _case(
        "smooth",
        "softplus",
        lambda x: math.log1p(math.exp(x)),
        lambda x: 1 / (1 + mp.exp(-x)),
        between(-5, 5),
    ),
    _case(
        "smooth",
        "Airy",
        lambda x: float(special.airy(x)[0]),
        lambda x: mp.airyai(x, derivative=1),
        between(-8, 2),
    ),
    _case("smooth", "gamma", math.gamma, lambda x: mp.gamma(x) * mp.digamma(x), decades(0.2, 20)),
    _case(
        "smooth",
        "K1",
        lambda x: float(special.k1(x)),
        lambda x: -(mp.besselk(0, x) + mp.besselk(2, x)) / 2,
        decades(0.1, 9),
    ),
    _case(
        "smooth",
        "log ndtr",
        lambda x: float(special.log_ndtr(x)),
        numeric(lambda x: mp.log(mp.ncdf(x))),
        between(-6, 3),
    ),
    _case("smooth", "Chebyshev 30", _CHEBYSHEV30, lambda x: 30 * mp.chebyu(29, x), between(-1, 1)),
    _case("smooth", "Runge-Kutta", _runge_kutta, numeric(_runge_kutta), between(0.2, 3)),
    _case("smooth", "least eigenvalue", _eigenvalue, _eigenvalue_slope, between(-0.4, 0.4)),
    _case("smooth", "softmax loss", _softmax_loss, _softmax_slope, between(-3, 3)),
    _case(
        "smooth",
        "fixed point",
        lambda x: _fixed_point(x, math.cos),
        numeric(lambda x: _fixed_point(x, mp.cos)),
        between(0.2, 1.5),
    ),
    _case(
        "smooth",
        "elliptic K",
        lambda x: float(special.ellipk(x)),
        numeric(mp.ellipk),
        between(0.05, 0.9),
    ),
    _case("smooth", "pchip", lambda x: float(_PCHIP(x)), _pchip_slope, between(-2.9, 2.9)),
    _case(
        "smooth",
        "sinc",
        lambda x: math.sin(x) / x,
        lambda x: (x * mp.cos(x) - mp.sin(x)) / x**2,
        between(0.3, 9),
    ),
    _case(
        "scaled",
        "cos(1e4 x + 1) at 0",
        lambda x: math.cos(1e4 * x + 1),
        lambda x: -1e4 * mp.sin(10**4 * x + 1),
        at(0.0),
    ),
    _case(
        "scaled",
        "exp(-x / 1e5)",
        lambda x: math.exp(-x / 1e5),
        lambda x: -mp.exp(-x / 10**5) / 10**5,
        decades(1, 1e6),
    ),
    _case(
        "scaled",
        "1e-200 x^2",
        lambda x: 1e-200 * x * x,
        lambda x: 2 * mpf(1e-200) * x,
        between(0.5, 4),
    ),
    _case(
        "scaled",
        "1e300 atan",
        lambda x: 1e300 * math.atan(x),
        lambda x: mpf(1e300) / (1 + x * x),
        between(-4, 4),
    ),
    _case(
        "scaled",
        "1/(1 + 1e10 x) at 0",
        lambda x: 1 / (1 + 1e10 * x),
        lambda x: -(mpf(10) ** 10) / (1 + 10**10 * x) ** 2,
        at(0.0),
    ),
    _case(
        "scaled",
        "log1p(1e-10 x)",
        lambda x: math.log1p(1e-10 * x),
        lambda x: mpf(1e-10) / (1 + mpf(1e-10) * x),
        at(0.0, 2.0, -3.0),
    ),
    _case("near-zero", "cosh near 0", math.cosh, mp.sinh, near(0, 1e-9, 1e-1)),
    _case(
        "near-zero",
        "x - sin x",
        lambda x: x - math.sin(x),
        lambda x: 1 - mp.cos(x),
        decades(1e-3, 1),
    ),
    _case(
        "near-zero",
        "x^6 + x^2 near 0",
        lambda x: x**6 + x * x,
        lambda x: 6 * x**5 + 2 * x,
        near(0, 1e-6, 1),
    ),
    _case("near-zero", "saturated tanh", math.tanh, lambda x: mp.sech(x) ** 2, between(10, 25)),
    _case(
        "oscillating",
        "sin(x^2)",
        lambda x: math.sin(x * x),
        lambda x: 2 * x * mp.cos(x * x),
        between(5, 60),
    ),
    _case(
        "oscillating",
        "three modes",
        lambda x: math.sin(3 * x) + 0.1 * math.sin(37 * x) + 0.01 * math.sin(411 * x),
        lambda x: (
            3 * mp.cos(3 * x) + mpf(0.1) * 37 * mp.cos(37 * x) + mpf(0.01) * 411 * mp.cos(411 * x)
        ),
        between(0.5, 3),
    ),
    _case(
        "oscillating",
        "x sin(1/x)",
        lambda x: x * math.sin(1 / x),
        lambda x: mp.sin(1 / x) - mp.cos(1 / x) / x,
        decades(0.002, 0.2),
    ),
    _case(
        "oscillating",
        "1 + 1e-5 sin(2000 x)",
        lambda x: 1 + 1e-5 * math.sin(2000 * x),
        lambda x: mpf(1e-5) * 2000 * mp.cos(2000 * x),
        between(0.5, 3),
    ),
    _case(
        "offset",
        "log(1e5 + x)",
        lambda x: math.log(1e5 + x),
        lambda x: 1 / (10**5 + x),
        between(1, 9),
    ),
    _case(
        "offset",
        "tan - sin",
        lambda x: math.tan(x) - math.sin(x),
        lambda x: mp.sec(x) ** 2 - mp.cos(x),
        decades(1e-4, 1),
    ),
    _case("offset", "variance by two moments", _variance, _variance_slope, between(0.3, 3)),
    _case("offset", "1e9 + exp", lambda x: 1e9 + math.exp(x), mp.exp, between(-1, 3)),
    _case(
        "offset",
        "(exp x - 1)/x",
        lambda x: (math.exp(x) - 1) / x,
        lambda x: (x * mp.exp(x) - mp.exp(x) + 1) / x**2,
        decades(1e-5, 1),
    ),
    _case("float32", "float32 sum of sines", _single_sum, _single_sum_slope, between(0.3, 3)),
    _case(
        "float32",
        "float32 tanh squared",
        lambda x: float(np.tanh(single(x)) ** 2),
        lambda x: 2 * mp.tanh(x) * mp.sech(x) ** 2,
        between(0.2, 2),
    ),
    _case(
        "float32",
        "float32 output",
        lambda x: float(single(math.exp(-x) * math.cos(x))),
        lambda x: -mp.exp(-x) * (mp.cos(x) + mp.sin(x)),
        between(-1, 2),
    ),
    _case(
        "float32",
        "float32 inside, sqrt outside",
        lambda x: math.sqrt(1 + float(single(x) * single(x))),
        lambda x: x / mp.sqrt(1 + x * x),
        between(0.3, 3),
    ),
    _case(
        "float16",
        "float16 tanh",
        lambda x: float(np.float16(math.tanh(x))),
        lambda x: mp.sech(x) ** 2,
        between(0.2, 1.5),
    ),
    _case(
        "float16",
        "float16 inside",
        lambda x: float(np.float16(x)) ** 2 + 1,
        lambda x: 2 * x,
        between(0.4, 3),
    ),
    _case(
        "domain edge",
        "acosh",
        math.acosh,
        lambda x: 1 / mp.sqrt(x * x - 1),
        lambda rng: 1 + decades(1e-6, 2)(rng),
    ),
    _case(
        "domain edge",
        "log(x - 1)",
        lambda x: math.log(x - 1),
        lambda x: 1 / (x - 1),
        lambda rng: 1 + decades(1e-6, 2)(rng),
    ),
    _case(
        "domain edge",
        "x^0.3",
        lambda x: x**0.3 if x >= 0 else math.nan,
        lambda x: mpf(0.3) * x ** (mpf(0.3) - 1),
        decades(1e-6, 5),
    ),
    _case("domain edge", "1/x", lambda x: 1 / x, lambda x: -1 / x**2, near(0, 1e-6, 3)),
    _case(
        "domain edge",
        "logit",
        lambda x: math.log(x / (1 - x)),
        lambda x: 1 / (x * (1 - x)),
        lambda rng: 1 - decades(1e-6, 0.9)(rng),
    ),
    _case(
        "domain edge",
        "sqrt(x (2 - x))",
        lambda x: math.sqrt(x * (2 - x)),
        lambda x: (1 - x) / mp.sqrt(x * (2 - x)),
        lambda rng: 2 - decades(1e-6, 1.9)(rng),
    ),
    _case(
        "domain edge",
        "exp(x) from 0 on",
        lambda x: math.exp(x) if x >= 0 else math.nan,
        mp.exp,
        at(0.0),
    ),
    _case(
        "kink nearby",
        "max(sin, cos)",
        lambda x: max(math.sin(x), math.cos(x)),
        lambda x: mp.cos(x) if mp.sin(x) > mp.cos(x) else -mp.sin(x),
        near(math.pi / 4, 1e-7, 0.3),
    ),
    _case(
        "kink nearby",
        "|sin x|",
        lambda x: abs(math.sin(x)),
        lambda x: mp.cos(x) * mp.sign(mp.sin(x)),
        near(math.pi, 1e-7, 1),
    ),
    _case("kink nearby", "leaky relu mean", _leaky, _leaky_slope, between(-1, 1)),
    _case(
        "kink nearby",
        "Huber",
        _huber,
        lambda x: x if abs(x) < 1 else mp.sign(x),
        near(1, 1e-6, 0.5),
    ),
    _case("kink nearby", "clip", _clip, _clip_slope, near(1, 1e-7, 0.5)),
    _case(
        "kink nearby",
        "x|x| + x",
        lambda x: x * abs(x) + x,
        lambda x: 2 * abs(x) + 1,
        near(0, 1e-6, 0.5),
    ),
    _case(
        "at a kink",
        "|x - 1| + exp at 1",
        lambda x: abs(x - 1) + math.exp(x),
        _kink_at(1.0, lambda x: mp.exp(x) - 1, lambda x: mp.exp(x) + 1),
        at(1.0),
    ),
    _case(
        "at a kink",
        "leaky relu at 0",
        lambda x: x if x > 0 else 0.01 * x,
        _kink_at(0.0, lambda _: mpf(0.01), lambda _: mpf(1)),
        at(0.0),
    ),
    _case(
        "at a kink",
        "hinge + x^2/9 at 2",
        lambda x: max(0.0, 2 - x) + x * x / 9,
        _kink_at(2.0, lambda x: 2 * x / 9 - 1, lambda x: 2 * x / 9),
        at(2.0),
    ),
    _case("jump nearby", "x^2 + 0.1 floor(x)", _steps_of, lambda x: 2 * x, near(2, 1e-7, 0.4)),
    _case(
        "jump nearby",
        "exp with a branch",
        lambda x: math.exp(x) if x < 0.5 else math.exp(x) + 1e-6,
        mp.exp,
        near(0.5, 1e-6, 0.2),
    ),
    _case("noise", "random 1e-8", _random(math.cos, 1e-8), lambda x: -mp.sin(x), between(-3, 3)),
    _case("noise", "random 1e-12", _random(math.exp, 1e-12), mp.exp, between(-1, 2)),
    _case(
        "noise",
        "additive hash 1e-4",
        lambda x: math.atan(x) + 1e-4 * hashed(x),
        lambda x: 1 / (1 + x * x),
        between(-2, 2),
    ),
    _case("noise", "noise 3e-3", _noisy(lambda x: math.exp(x) + 1, 3e-3), mp.exp, between(-1, 1)),
    _case("noise", "bisection to 1e-9", _secant_root, _secant_slope, between(-2, 4)),
    _case(
        "rounded",
        "round(log, 5)",
        lambda x: round(math.log(x), 5),
        lambda x: 1 / x,
        between(0.3, 4),
    ),
    _case(
        "rounded",
        "floor to 1/1000",
        lambda x: math.floor(1000 * math.sin(x)) / 1000,
        mp.cos,
        between(-1.2, 1.2),
    ),
    _case(
        "rounded",
        "fixed point 2^-20",
        lambda x: round(math.exp(x) * 2**20) / 2**20,
        mp.exp,
        between(-1, 1),
    ),
    _case("rounded", "eight digits", lambda x: float(f"{math.exp(x):.8g}"), mp.exp, between(-3, 3)),
    _case(
        "steep",
        "exp(-100 x^2)",
        lambda x: math.exp(-100 * x * x),
        lambda x: -200 * x * mp.exp(-100 * x * x),
        between(0.05, 0.5),
    ),
    _case(
        "steep",
        "tanh(500 (x - 0.5))",
        lambda x: math.tanh(500 * (x - 0.5)),
        lambda x: 500 * mp.sech(500 * (x - mpf(0.5))) ** 2,
        near(0.5, 1e-4, 5e-3),
    ),
    _case("steep", "x^100", lambda x: x**100, lambda x: 100 * x**99, between(0.8, 1.3)),
    _case(
        "steep", "1/(x - 1)", lambda x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2, near(1, 1e-4, 0.5)
    ),
    _case("steep", "10^x", lambda x: 10**x, lambda x: mp.log(10) * mpf(10) ** x, between(-20, 20)),
)

# ---- written after the repairs that HIDDEN led to ----------------------------

_INPUTS = np.sort(_RNG.normal(size=12))
_TARGETS = np.sin(_INPUTS)
_SQUARES = (_INPUTS[:, None] - _INPUTS[None, :]) ** 2


def _marginal(x: float) -> float:
    """Return a Gaussian process's loss as a function of its log length scale."""
    kernel = np.exp(-0.5 * _SQUARES * math.exp(-2 * x)) + 0.1 * np.eye(12)
    factor = np.linalg.cholesky(kernel)
    solved = np.linalg.solve(factor, _TARGETS)
    return float(0.5 * solved @ solved + np.log(np.diag(factor)).sum())


def _marginal_slope(x: Any) -> Any:
    kernel, change = mp.matrix(12, 12), mp.matrix(12, 12)
    decay = mp.exp(-2 * x)
    for i in range(12):
        for j in range(12):
            square = (mpf(float(_INPUTS[i])) - mpf(float(_INPUTS[j]))) ** 2
            value = mp.exp(-square * decay / 2)
            kernel[i, j] = value + (mpf(0.1) if i == j else 0)
            change[i, j] = value * square * decay
    inverse = mp.inverse(kernel)
    solved = inverse * mp.matrix(_TARGETS.tolist())
    product = inverse * change
    return -(solved.T * change * solved)[0] / 2 + sum(product[i, i] for i in range(12)) / 2


def _kepler(x: float) -> float:
    y = x
    for _ in range(12):
        y -= (y - 0.6 * math.sin(y) - x) / (1 - 0.6 * math.cos(y))
    return y


def _kepler_slope(x: Any) -> Any:
    y = mp.findroot(lambda y: y - mpf(0.6) * mp.sin(y) - x, mpf(_kepler(float(x))))
    return 1 / (1 - mpf(0.6) * mp.cos(y))


_SLOPES, _OFFSETS = _RNG.normal(size=50), _RNG.normal(size=50)


def _highest_line(x: float) -> float:
    return float(np.max(_SLOPES * x + _OFFSETS))


def _highest_line_slope(x: Any) -> Any:
    heights = [
        mpf(a) * x + mpf(b) for a, b in zip(_SLOPES.tolist(), _OFFSETS.tolist(), strict=True)
    ]
    return mpf(float(_SLOPES[max(range(50), key=lambda i: heights[i])]))


_GENERATOR, _DRIFT = _RNG.normal(size=(5, 5)), _RNG.normal(size=(5, 5))


def _trace_exponential(x: float) -> float:
    return float(np.trace(linalg.expm(_GENERATOR + x * _DRIFT)))


def _trace_exponential_slope(x: Any) -> Any:
    drift = mp.matrix(_DRIFT.tolist())
    product = mp.expm(mp.matrix(_GENERATOR.tolist()) + x * drift) * drift
    return sum(product[i, i] for i in range(5))


def _conjugate_gradients(x: float) -> float:
    """Solve (A + x I) z = b until the residual is 1e-8."""
    matrix, z, residual = _SPD + x * np.eye(6), np.zeros(6), _B.copy()
    search, square = residual.copy(), float(residual @ residual)
    while square > 1e-16:
        image = matrix @ search
        length = square / (search @ image)
        z += length * search
        residual -= length * image
        square, before = float(residual @ residual), square
        search = residual + square / before * search
    return float(_B @ z)


def _conjugate_gradients_slope(x: Any) -> Any:
    y = mp.inverse(_MP_SPD + x * mp.eye(6)) * mp.matrix(_B.tolist())
    return -(y.T * y)[0]


def _option(x: float) -> float:
    d = (math.log(x) + 0.06) / 0.2
    return float(x * special.ndtr(d) - math.exp(-0.04) * special.ndtr(d - 0.2))


def _option_ideal(x: Any) -> Any:
    d = (mp.log(x) + mpf(0.06)) / mpf(0.2)
    return x * mp.ncdf(d) - mp.exp(mpf(-0.04)) * mp.ncdf(d - mpf(0.2))


_FREQUENCIES = _RNG.normal(size=2000)


def _cosines_slope(x: Any) -> Any:
    return sum(-mpf(w) * mp.sin(mpf(w) * x) for w in _FREQUENCIES.tolist())


def _single_series(x: float) -> float:
    total = np.float32(0)
    for k in range(31):
        total = total + single(x) ** np.float32(k) / np.float32(math.factorial(k))
    return float(total)


_IN, _BIAS, _OUT = (_RNG.normal(size=16) for _ in range(3))


def _network_slope(x: Any) -> Any:
    units = zip(_IN.tolist(), _BIAS.tolist(), _OUT.tolist(), strict=True)
    return sum(mpf(c) * mpf(a) for a, b, c in units if mpf(a) * x + mpf(b) > 0)


def _half_sum(x: float) -> float:
    return float(np.sum(np.array([x, x * x, 0.5], dtype=np.float16), dtype=np.float16))


FRESH: tuple[Case, ...] = (
    _case("smooth", "GP marginal likelihood", _marginal, _marginal_slope, between(-1, 1)),
    _case("smooth", "Kepler", _kepler, _kepler_slope, between(0.3, 6)),
    _case("smooth", "trace expm", _trace_exponential, _trace_exponential_slope, between(-1, 1)),
    _case("smooth", "Black-Scholes", _option, numeric(_option_ideal), between(0.7, 1.4)),
    _case(
        "smooth",
        "sum of 2000 cosines",
        lambda x: float(np.cos(_FREQUENCIES * x).sum()),
        _cosines_slope,
        between(0.2, 2),
    ),
    _case("smooth", "log cosh", lambda x: math.log(math.cosh(x)), mp.tanh, between(-4, 4)),
    _case(
        "smooth",
        "Poisson likelihood",
        lambda x: math.exp(x) - 7 * x + math.lgamma(8),
        lambda x: mp.exp(x) - 7,
        between(-1, 3),
    ),
    _case(
        "smooth", "CG to 1e-8", _conjugate_gradients, _conjugate_gradients_slope, between(0.1, 2)
    ),
    _case("kink nearby", "max of 50 lines", _highest_line, _highest_line_slope, between(-3, 3)),
    _case(
        "kink nearby",
        "relu network",
        lambda x: float(_OUT @ np.maximum(_IN * x + _BIAS, 0)),
        _network_slope,
        between(-3, 3),
    ),
    _case(
        "kink nearby",
        "|x|^1.5",
        lambda x: abs(x) ** 1.5,
        lambda x: mpf(1.5) * mp.sqrt(abs(x)) * mp.sign(x),
        near(0, 1e-6, 1),
    ),
    _case(
        "kink nearby",
        "|x - 1|^1.5 + x",
        lambda x: abs(x - 1) ** 1.5 + x,
        lambda x: mpf(1.5) * mp.sqrt(abs(x - 1)) * mp.sign(x - 1) + 1,
        near(1, 1e-6, 0.3),
    ),
    _case(
        "kink nearby",
        "sqrt(x^2 + 1e-12)",
        lambda x: math.sqrt((x - 1) ** 2 + 1e-12),
        lambda x: (x - 1) / mp.sqrt((x - 1) ** 2 + mpf(1e-12)),
        near(1, 1e-8, 1e-2),
    ),
    _case(
        "kink nearby",
        "cube root",
        lambda x: math.copysign(abs(x - 1) ** (1 / 3), x - 1) + x,
        lambda x: mpf(1 / 3) * abs(x - 1) ** (mpf(1 / 3) - 1) + 1,
        near(1, 1e-5, 0.3),
    ),
    _case(
        "jump nearby",
        "sawtooth",
        lambda x: math.fmod(x, 0.1) + x,
        lambda _: mpf(2),
        between(0.5, 2),
    ),
    _case(
        "scaled",
        "softplus 1e4",
        lambda x: math.log1p(math.exp(-1e4 * abs(x))) / 1e4 + max(x, 0),
        lambda x: 1 / (1 + mp.exp(-(10**4) * x)),
        near(0, 1e-5, 1e-3),
    ),
    _case("scaled", "log1p at 1e-20", math.log1p, lambda x: 1 / (1 + x), decades(1e-25, 1e-10)),
    _case(
        "scaled", "sqrt at 1e-30", math.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), decades(1e-32, 1e-20)
    ),
    _case(
        "scaled",
        "sin(1e5 x) + 3 at 0",
        lambda x: math.sin(1e5 * x) + 3,
        lambda x: 10**5 * mp.cos(10**5 * x),
        at(0.0),
    ),
    _case(
        "scaled",
        "exp(-1e3 x^2) at 0",
        lambda x: math.exp(-1e3 * x * x) + x,
        lambda x: 1 - 2000 * x * mp.exp(-1000 * x * x),
        at(0.0),
    ),
    _case(
        "oscillating",
        "x + 1e-3 sin(1e5 x)",
        lambda x: x + 1e-3 * math.sin(1e5 * x),
        lambda x: 1 + mpf(1e-3) * 10**5 * mp.cos(10**5 * x),
        between(0.5, 2),
    ),
    _case(
        "oscillating",
        "J5(30 x)",
        lambda x: float(special.jv(5, 30 * x)),
        lambda x: 15 * (mp.besselj(4, 30 * x) - mp.besselj(6, 30 * x)),
        between(0.3, 3),
    ),
    _case(
        "float32",
        "float32 series",
        _single_series,
        lambda x: sum(x**k / mp.factorial(k) for k in range(30)),
        between(0.3, 1.5),
    ),
    _case(
        "float32",
        "float32 exp - 1",
        lambda x: float(np.exp(single(x)) - single(1)),
        mp.exp,
        between(0.05, 2),
    ),
    _case(
        "float32",
        "mixed 32 and 64",
        lambda x: float(np.float64(np.float32(np.sin(x))) * math.cos(x)),
        lambda x: mp.cos(2 * x),
        between(0.2, 1.2),
    ),
    _case("float16", "float16 sum", _half_sum, lambda x: 1 + 2 * x, between(0.2, 1.5)),
    _case(
        "noise",
        "heteroscedastic",
        lambda x: x**3 + 1e-6 * x * x * hashed(x) + 1,
        lambda x: 3 * x * x,
        between(0.3, 2),
    ),
    _case(
        "noise",
        "uniform 1e-2",
        lambda x: math.exp(x) + 1e-2 * _NOISE.uniform(-1, 1),
        mp.exp,
        between(-1, 1),
    ),
    _case(
        "noise",
        "Laplace 1e-9",
        lambda x: math.exp(x) + 1e-9 * _NOISE.laplace(),
        mp.exp,
        between(-1, 1),
    ),
    _case(
        "noise",
        "tiny noise 1e-14",
        lambda x: math.exp(x) * (1 + 1e-14 * hashed(x)),
        mp.exp,
        between(-1, 1),
    ),
    _case(
        "rounded",
        "4 decimals by text",
        lambda x: float(f"{10 * math.sin(x):.4f}"),
        lambda x: 10 * mp.cos(x),
        between(0.1, 1.4),
    ),
    _case(
        "rounded",
        "integer inside",
        lambda x: math.floor(1e7 * x) / 1e7 * 3 + x * x,
        lambda x: 3 + 2 * x,
        between(0.3, 2),
    ),
    _case(
        "rounded",
        "rounded then squared",
        lambda x: round(math.exp(x), 5) ** 2,
        lambda x: 2 * mp.exp(2 * x),
        between(-1, 1),
    ),
    _case(
        "offset",
        "difference of cosh",
        lambda x: math.cosh(x + 1e-6) - math.cosh(x),
        lambda x: mp.sinh(x + mpf(1e-6)) - mp.sinh(x),
        between(0.3, 2),
    ),
    _case(
        "offset",
        "1 - erf",
        lambda x: 1 - math.erf(x),
        lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        between(0.5, 4),
    ),
    _case(
        "steep",
        "exp(exp x)",
        lambda x: math.exp(math.exp(x)),
        lambda x: mp.exp(x) * mp.exp(mp.exp(x)),
        between(0, 6),
    ),
    _case("steep", "tan", math.tan, lambda x: mp.sec(x) ** 2, between(0.5, 1.57)),
    _case(
        "domain edge",
        "x log x + (1-x) log(1-x)",
        lambda x: x * math.log(x) + (1 - x) * math.log(1 - x),
        lambda x: mp.log(x / (1 - x)),
        decades(1e-8, 0.9),
    ),
    _case(
        "domain edge",
        "(1 - x)^1.5",
        lambda x: (1 - x) ** 1.5 if x <= 1 else math.nan,
        lambda x: -mpf(1.5) * mp.sqrt(1 - x),
        lambda rng: 1 - decades(1e-8, 0.5)(rng),
    ),
)
