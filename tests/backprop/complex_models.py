"""Small models with complex values, right ones in all conventions, and wrong ones."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np

# of START the first twelve are three complex weights by two, then phases and so on
START = np.random.default_rng(21).standard_normal(16)
SIGNAL = np.random.default_rng(22).standard_normal((4, 3))
TARGET = np.random.default_rng(23).standard_normal((4, 2))
WAVE = np.random.default_rng(24).standard_normal(5) + 1j * np.random.default_rng(
    25
).standard_normal(5)


def weights(theta: Any) -> Any:
    """Return complex weights."""
    return (theta[:6] + 1j * theta[6:12]).reshape(3, 2)


def both_parts(d: Any) -> Any:
    """Return the parts of a derivative end to end."""
    return np.concatenate([d.real.ravel(), d.imag.ravel()])


def by_parts(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient of a complex layer; derivatives are d/dx + i d/dy."""
    w = weights(theta)
    z = x @ w
    p = np.abs(z) ** 2
    e = p - y
    dp = e
    dz = 2 * dp * z
    dw = x.T @ dz
    return 0.5 * np.sum(e**2), both_parts(dw)


def conjugated(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient of the same; derivatives are d/dx - i d/dy."""
    w = weights(theta)
    z = x @ w
    e = np.abs(z) ** 2 - y
    dz = 2 * e * np.conj(z)
    dw = x.T @ dz
    return 0.5 * np.sum(e**2), both_parts(np.conj(dw))


def halved(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient of the same; derivatives are Wirtinger's, by the conjugate."""
    w = weights(theta)
    z = x @ w
    e = np.abs(z) ** 2 - y
    dz = e * z
    dw = x.T @ dz
    return 0.5 * np.sum(e**2), both_parts(2 * dw)


def halved_conjugated(theta: Any, x: Any, y: Any) -> Any:
    """Return cost and gradient of the same; derivatives are Wirtinger's, by the value."""
    w = weights(theta)
    z = x @ w
    e = np.abs(z) ** 2 - y
    dz = e * np.conj(z)
    dw = x.T @ dz
    return 0.5 * np.sum(e**2), both_parts(2 * dw.conj())


def filtered(theta: Any, s: Any) -> Any:
    """Return cost and gradient of a filter between two transforms, and a rotation."""
    n = len(s)
    k, phase = theta[:n] + 1j * theta[n : 2 * n], theta[-1]
    f = np.fft.fft(s)
    g = f * k
    turn = np.exp(1j * phase)
    out = np.fft.ifft(g) * turn
    mod = np.sqrt(np.abs(out - s) ** 2 + 0.1)
    dout = (out - s) / mod
    dturn = np.sum(dout * np.conj(np.fft.ifft(g)))
    dphase = np.real(dturn * np.conj(1j * turn))
    dg = np.fft.fft(dout * np.conj(turn)) / n
    dk = dg * np.conj(f)
    return np.sum(mod), np.concatenate([dk.real, dk.imag, [dphase]])


def rotating(theta: Any, s: Any) -> Any:
    """Return cost and gradient of a complex recurrence."""
    a, b = theta[:2] + 1j * theta[2:4], theta[4:6] + 1j * theta[6:8]
    hs = [np.full(2, 0.5 + 0.2j)]
    for x in s:
        pre = a * hs[-1] + b * x
        hs.append(pre / np.sqrt(1 + np.abs(pre) ** 2))
    da, db, dh = np.zeros(2, complex), np.zeros(2, complex), np.zeros(2, complex)
    for t in reversed(range(len(s))):
        dh = dh + 2 * hs[t + 1]
        pre = a * hs[t] + b * s[t]
        size = np.sqrt(1 + np.abs(pre) ** 2)
        along = np.real(np.conj(pre) * dh)
        dpre = dh / size - along * pre / size**3
        da += dpre * np.conj(hs[t])
        db += dpre * np.conj(s[t])
        dh = dpre * np.conj(a)
    cost = sum(float(np.sum(np.abs(h) ** 2)) for h in hs[1:])
    return cost, np.concatenate([both_parts(da), both_parts(db)])


def by_numbers(theta: Any, s: Any) -> Any:
    """Return cost and gradient of single complex numbers, without arrays."""
    z, w = complex(theta[0], theta[1]), complex(theta[2], theta[3])
    cost, dz, dw = 0.0, 0j, 0j
    for x in s:
        q = cmath.exp(1j * (z * x).real) * w
        r = q - z * x.conjugate()
        cost += 0.5 * abs(r) ** 2
        dq = r
        dw += dq * (q / w).conjugate()
        turned = (dq * q.conjugate()).imag
        dz += turned * x.conjugate()
        dz -= r * x
    return cost, np.array([dz.real, dz.imag, dw.real, dw.imag])


class Detector:
    """A model that keeps complex fields, and adds to parts of them."""

    def __init__(self, places: Any) -> None:
        self.places = places

    def __call__(self, theta: Any, s: Any) -> Any:
        """Return cost and gradient."""
        n = len(theta) // 2
        self.field = theta[:n] + 1j * theta[n:]
        cost = self.look(s)
        self.dfield = np.zeros(n, complex)
        for place, seen in zip(self.places, self.seen, strict=True):
            back = np.fft.ifft(seen * self.slope, norm="ortho")
            np.add.at(self.dfield, place, np.conj(s[: len(place)]) * back)
        return cost, both_parts(self.dfield)

    def look(self, s: Any) -> float:
        """Return the cost."""
        self.slope, cost = 0.7, 0.0
        self.seen = []
        for place in self.places:
            seen = np.fft.fft(self.field[place] * s[: len(place)], norm="ortho")
            cost += 0.5 * self.slope * float(np.sum(np.abs(seen) ** 2))
            self.seen.append(seen)
        return cost


detector = Detector([np.array([0, 1, 2]), np.array([2, 3, 0]), np.array([1, 3, 4])])
