"""Right gradients that are awkward to difference: edges, ties, extreme units, odd habits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy.special import logsumexp

from benchmarks.models.case import Case


def _case(name, fun, x0, **more) -> Case:
    return Case(name=name, fun=fun, x0=np.asarray(x0, dtype=float), **more)


def steep_at_zero(seed: int = 0) -> Case:
    """Return a cost whose natural scale is 1e-6, from zero: nothing tells the scale."""
    a = np.random.default_rng(seed).uniform(0.5e6, 2e6, 6)
    return _case(
        "exp(1e6 x) from zero",
        lambda x: (np.sum(np.exp(a * x)) + np.sum(np.exp(-2 * a * x)),
                   a * np.exp(a * x) - 2 * a * np.exp(-2 * a * x)),
        np.zeros(6),
    )  # fmt: skip


def flat_at_zero(seed: int = 0) -> Case:
    a = np.random.default_rng(seed).uniform(0.5e-6, 2e-6, 6)
    return _case(
        "natural scale 1e6, from zero",
        lambda x: (np.sum(np.log(np.cosh(a * x - 0.3))), a * np.tanh(a * x - 0.3)),
        np.zeros(6),
    )


def fast_wave(seed: int = 0) -> Case:
    x0 = np.random.default_rng(seed).uniform(0.5, 1, 8)
    return _case(
        "fast wave sin(3000 x)",
        lambda x: (np.sum(np.sin(3e3 * x) + x), 3e3 * np.cos(3e3 * x) + 1),
        x0,
    )


def wave_on_trend(seed: int = 0) -> Case:
    """Return a small fast ripple on a large smooth trend: the gradient is mostly the ripple's."""
    x0 = np.random.default_rng(seed).uniform(0.5, 1, 8)
    return _case(
        "ripple on a trend",
        lambda x: (np.sum(x**2) + 1e-4 * np.sum(np.sin(1e4 * x)), 2 * x + np.cos(1e4 * x)),
        x0,
    )


def saddle(seed: int = 0) -> Case:
    A = np.random.default_rng(seed).standard_normal((7, 7))
    A = A + A.T
    return _case("saddle at x0 = 0", lambda x: (x @ A @ x, 2 * A @ x), np.zeros(7))


def perfect_fit(seed: int = 0) -> Case:
    """Start where cost and gradient are exactly zero."""
    rng = np.random.default_rng(seed)
    A, x = rng.standard_normal((20, 5)), rng.standard_normal(5)
    b = A @ x
    return _case(
        "least squares, perfect fit at x0",
        lambda x: (0.5 * np.sum((A @ x - b) ** 2), A.T @ (A @ x - b)),
        x,
    )


def group_lasso(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((15, 9)), rng.standard_normal(15)

    def fun(x):
        norms = np.linalg.norm(x.reshape(3, 3), axis=1)
        safe = np.where(norms > 0, norms, 1.0)
        r = A @ x - b
        sub = (x.reshape(3, 3) / safe[:, None]).ravel()
        return 0.5 * r @ r + 9.0 * norms.sum(), A.T @ r + 9.0 * sub

    x0 = rng.standard_normal(9)
    x0[3:6] = 0.0
    return _case("group lasso, one group at zero", fun, x0, tags=frozenset({"kink"}))


def largest_entry(seed: int = 0) -> Case:
    """Minimax: the maximum of several functions, two of them tied at x0."""
    del seed

    def fun(x):
        values = np.array([x[0] ** 2 + x[1] ** 4, (2 - x[0]) ** 2 + (2 - x[1]) ** 2,
                           2 * np.exp(x[1] - x[0])])  # fmt: skip
        slopes = np.array([[2 * x[0], 4 * x[1] ** 3], [-2 * (2 - x[0]), -2 * (2 - x[1])],
                           [-2 * np.exp(x[1] - x[0]), 2 * np.exp(x[1] - x[0])]])  # fmt: skip
        return values.max(), slopes[values.argmax()]

    return _case("maximum of three, tied at x0", fun, [1.0, 1.0], tags=frozenset({"kink"}))


def near_kink(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x0 = rng.choice([-1, 1], 6) * 10.0 ** rng.uniform(-10, -2, 6)
    x0[0] = 1.0
    return _case(
        "absolute values, 1e-10 to 1e-2 from the kink",
        lambda x: (np.abs(x).sum() + 0.5 * x @ x, np.sign(x) + x),
        x0,
        tags=frozenset({"kink"}),
    )


def spectral(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((4, 4, 5))
    B = B + B.transpose(1, 0, 2)

    def fun(x):
        w, V = np.linalg.eigh(B @ x)
        v = V[:, -1]
        return w[-1], np.einsum("i,ijk,j->k", v, B, v)

    return _case("largest eigenvalue", fun, rng.standard_normal(5))


def interpolated(seed: int = 0) -> Case:
    """Table lookup by linear interpolation, as in engine maps; a kink at each knot."""
    rng = np.random.default_rng(seed)
    knots, values = np.linspace(0, 10, 41), np.cumsum(rng.standard_normal(41))
    slopes = np.diff(values) / np.diff(knots)

    def fun(x):
        i = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, 39)
        return np.interp(x, knots, values).sum(), slopes[i] * ((x >= 0) & (x <= 10))

    return _case(
        "table lookup", fun, rng.uniform(2, 8, 7), bounds=[(0, 10)] * 7, tags=frozenset({"kink"})
    )


def huge_values(seed: int = 0) -> Case:
    x0 = np.random.default_rng(seed).uniform(1, 2, 5) * 1e150
    return _case("parameters 1e150", lambda x: (np.sum(x * 1e10), np.full(5, 1e10)), x0)


def tiny_values(seed: int = 0) -> Case:
    x0 = np.random.default_rng(seed).uniform(1, 2, 5) * 1e-200
    return _case(
        "parameters 1e-200, costs 1e-200",
        lambda x: (np.sum(np.sin(x * 1e200)) * 1e-200, np.cos(x * 1e200)),
        x0,
    )


def wide_gradient(seed: int = 0) -> Case:
    """One block whose entries matter by factors from 1e-8 to 1e8."""
    scale = np.logspace(-8, 8, 40)
    x0 = np.random.default_rng(seed).uniform(0.5, 1, 40)
    return _case(
        "sensitivities from 1e-8 to 1e8",
        lambda x: (np.sum(scale * (x - 0.3) ** 2), 2 * scale * (x - 0.3)),
        x0,
    )


def unused_parameter(seed: int = 0) -> Case:
    x0 = np.random.default_rng(seed).standard_normal(4)

    def fun(x):
        g = np.zeros(4)
        g[:3] = np.cos(x[:3])
        return np.sin(x[:3]).sum(), g

    return _case("one parameter without effect", fun, x0)


def narrow_box(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x0 = rng.uniform(1, 2, 5)
    return _case(
        "bounds 1e-6 wide",
        lambda x: (np.sum(np.exp(x)), np.exp(x)),
        x0,
        bounds=[(v - 5e-7, v + 5e-7) for v in x0],
    )


def pinned(seed: int = 0) -> Case:
    x0 = np.random.default_rng(seed).uniform(1, 2, 5)
    bounds = [(v, v) if i % 2 else (0.0, 3.0) for i, v in enumerate(x0)]
    return _case(
        "every second parameter fixed", lambda x: (np.sum(x**3), 3 * x**2), x0, bounds=bounds
    )


def memoised(seed: int = 0) -> Case:
    A = np.random.default_rng(seed).standard_normal((6, 6))

    @functools.lru_cache(maxsize=8)
    def both(key):
        x = np.frombuffer(key)
        total: Any = logsumexp(A @ x)
        return float(total), A.T @ np.exp(A @ x - total)

    return Case(
        name="lru_cache on the bytes of x",
        fun=lambda x: both(x.tobytes())[0],
        jac=lambda x: both(x.tobytes())[1],
        x0=np.ones(6) / 3,
    )


def no_complex(seed: int = 0) -> Case:
    """Return a cost that turns wrong, silently, when it is given complex numbers."""
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((12, 40)), rng.standard_normal(12)

    def fun(x):
        r = A @ x - b
        value = 0.5 * np.linalg.norm(r) ** 2 + np.sum(np.sqrt(np.abs(x) ** 2 + 1e-2))
        return value, A.T @ r + x / np.sqrt(x**2 + 1e-2)

    return _case("norms and absolute values", fun, rng.standard_normal(40))


def log_likelihood_sum(seed: int = 0) -> Case:
    """Return a sum of 1e5 terms, most of them constant: the gradient is small beside the cost."""
    rng = np.random.default_rng(seed)
    y = rng.normal(3, 1, 100_000)

    def fun(p):
        z = (y - p[0]) * np.exp(-p[1])
        value = 0.5 * np.sum(z**2) + y.size * (p[1] + 0.5 * np.log(2 * np.pi))
        return value, np.array([-np.sum(z) * np.exp(-p[1]), y.size - np.sum(z**2)])

    return _case("1e5 terms, at the maximum", fun, [y.mean(), np.log(y.std())])


def quantised(seed: int = 0) -> Case:
    """Return a cost printed and read back with ten digits, as from a simulator's log file."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((10, 6))

    def fun(x):
        y = A @ x
        return float(f"{np.sum(np.log(np.cosh(y))):.10g}"), A.T @ np.tanh(y)

    return _case("ten digits of a simulator's output", fun, rng.standard_normal(6))


def deep_chain(seed: int = 0) -> Case:
    """Return a chaotic map iterated twenty times: the slope is 1e5 and changes within 1e-6."""
    x0 = np.random.default_rng(seed).uniform(0.2, 0.8, 3)

    def fun(x):
        y, d = x.copy(), np.ones_like(x)
        for _ in range(18):
            d = d * 3.9 * (1 - 2 * y)
            y = 3.9 * y * (1 - y)
        return y.sum(), d

    return _case("chaotic map, 18 steps", fun, x0, bounds=[(0, 1)] * 3)


def cusp(seed: int = 0) -> Case:
    """Square roots near zero, without bounds given: nan on the other side."""
    x0 = 10.0 ** np.random.default_rng(seed).uniform(-8, 0, 6)

    def fun(x):
        with np.errstate(invalid="ignore"):
            return np.sum(np.sqrt(x)), 0.5 / np.sqrt(x)

    return _case("square roots near zero, no bounds", fun, x0)


def variance_parameters(seed: int = 0) -> Case:
    y = np.random.default_rng(seed).normal(2, 3, (50, 4))

    def fun(p):
        mu, var = p[:4], p[4:]
        r = y - mu
        with np.errstate(all="ignore"):
            value = 0.5 * np.sum(r**2 / var) + 25 * np.sum(np.log(var))
        return value, np.r_[-np.sum(r, 0) / var, -0.5 * np.sum(r**2, 0) / var**2 + 25 / var]

    x0 = np.r_[np.zeros(4), np.ones(4)]
    return _case("means and variances, no bounds", fun, x0, shapes={"mu": (4,), "var": (4,)})


ALL = (
    steep_at_zero,
    flat_at_zero,
    fast_wave,
    wave_on_trend,
    saddle,
    perfect_fit,
    group_lasso,
    largest_entry,
    near_kink,
    spectral,
    interpolated,
    huge_values,
    tiny_values,
    wide_gradient,
    unused_parameter,
    narrow_box,
    pinned,
    memoised,
    no_complex,
    log_likelihood_sum,
    quantised,
    deep_chain,
    cusp,
    variance_parameters,
)
