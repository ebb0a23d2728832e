"""How a number depends on the sizes of a problem: 1/m, m/n, (m - 1)/m."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

# Measured factors agree with their law to this.
_SAME: Final = 1e-5

# Each law with how it stands above and below the line of a fraction.
_LAWS: Final[tuple[tuple[str, str, Callable[[float], float]], ...]] = (
    ("", "{0}", lambda d: 1.0 / d),
    ("{0}", "", lambda d: d),
    ("({0} - 1)", "{0}", lambda d: (d - 1.0) / d),
    ("{0}", "({0} - 1)", lambda d: d / (d - 1.0) if d != 1.0 else math.inf),
    ("", "({0} - 1)", lambda d: 1.0 / (d - 1.0) if d != 1.0 else math.inf),
    ("({0} - 1)", "", lambda d: d - 1.0),
    ("", "{0}^2", lambda d: 1.0 / (d * d)),
    ("{0}^2", "", lambda d: d * d),
    ("", "sqrt({0})", lambda d: 1.0 / math.sqrt(d)),
    ("sqrt({0})", "", math.sqrt),
    ("", "({0} + 1)", lambda d: 1.0 / (d + 1.0)),
    ("({0} + 1)", "", lambda d: d + 1.0),
    ("{0}", "({0} + 1)", lambda d: d / (d + 1.0)),
    ("({0} + 1)", "{0}", lambda d: (d + 1.0) / d),
)
_CONSTANTS: Final[tuple[tuple[str, str, float], ...]] = (
    ("", "", 1.0),
    ("2", "", 2.0),
    ("", "2", 0.5),
    ("4", "", 4.0),
    ("", "4", 0.25),
    ("3", "", 3.0),
    ("", "3", 1.0 / 3.0),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Law:
    """How a number follows from the sizes.

    Attributes
    ----------
    text : str
        Such as ``1/m`` or ``2 n/m``; "" when it varies and no law was found.
    varies_with, independent_of : tuple of str
        Names of sizes.
    """

    text: str
    varies_with: tuple[str, ...] = ()
    independent_of: tuple[str, ...] = ()


def same(value: float, other: float) -> bool:
    """Tell whether two measured numbers are the same."""
    return abs(value - other) <= _SAME * max(abs(value), abs(other))


def fit_law(
    base: Mapping[str, int], value: float, varied: Mapping[str, Mapping[int, float]]
) -> Law:
    """Fit how a number depends on sizes that were varied one at a time.

    Parameters
    ----------
    base : mapping
        The sizes from which one at a time was changed.
    value : float
        The number there.
    varied : mapping
        For the name of a size, from its other values to the number there. Sizes of 1 do not take
        part: so much is equal there that they fit everything.

    Returns
    -------
    Law
    """
    above: list[str] = []
    below: list[str] = []
    varies: list[str] = []
    independent: list[str] = []
    known, constant = True, value
    for name, numbers in varied.items():
        seen = {size: number for size, number in numbers.items() if size > 1}
        if not seen:
            continue
        if all(same(number, value) for number in seen.values()):
            independent.append(name)
            continue
        varies.append(name)
        law = _one_law(base[name], value, seen)
        if law is None:
            known = False
            continue
        constant /= law[2](float(base[name]))
        above.append(law[0].format(name))
        below.append(law[1].format(name))
    text = _fraction(constant, above, below) if known and varies else ""
    return Law(text=text, varies_with=tuple(varies), independent_of=tuple(independent))


def _one_law(
    base: int, value: float, seen: Mapping[int, float]
) -> tuple[str, str, Callable[[float], float]] | None:
    for law in _LAWS:
        at_base = law[2](float(base))
        if not (math.isfinite(at_base) and at_base):
            continue
        if all(
            same(number, value * law[2](float(size)) / at_base) for size, number in seen.items()
        ):
            return law
    return None


def _fraction(constant: float, above: list[str], below: list[str]) -> str:
    sign = "-" if constant < 0 else ""
    for up, down, number in _CONSTANTS:
        if same(abs(constant), number):
            tops = [part for part in (up, *above) if part]
            bottoms = [part for part in (down, *below) if part]
            break
    else:
        tops = [f"{abs(constant):.6g}", *filter(None, above)]
        bottoms = [part for part in below if part]
    top = " ".join(tops) or "1"
    if not bottoms:
        return sign + top
    bottom = " ".join(bottoms)
    return f"{sign}{top}/({bottom})" if len(bottoms) > 1 else f"{sign}{top}/{bottom}"
