"""Sign patterns: designed ones that leave no pair of entries unseen, then random ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def random_signs(size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Draw independent fair signs, one random bit each.

    Parameters
    ----------
    size : int
        How many.
    rng : numpy.random.Generator
        Where the bits come from.

    Returns
    -------
    ndarray of int8, shape (size,)
        Entries -1 or 1.
    """
    bits = np.unpackbits(np.frombuffer(rng.bytes((size + 7) // 8), dtype=np.uint8), count=size)
    signs = bits.view(np.int8)
    signs *= 2
    signs -= 1
    return signs


def designed_count(size: int) -> int:
    """Return how many designed patterns there are: one, and one for each bit of an index.

    Examples
    --------
    >>> designed_count(16474)
    16
    >>> designed_count(1)
    1
    """
    return 1 + max(0, size - 1).bit_length()


def sign_pattern(k: int, size: int, common: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return a designed pattern times a common random sign vector.

    Parameters
    ----------
    k : int
        0 for the pattern of ones, k for the pattern ``(-1)**(bit k-1 of i)``.
    size : int
        Number of entries.
    common : ndarray of int8, shape (size,)
        One vector of random signs, shared by all patterns of a set.

    Returns
    -------
    ndarray of int8, shape (size,)
        Each pattern is uniformly random on its own.

    Raises
    ------
    ValueError
        If k is not one of the designed patterns.

    Notes
    -----
    Any two different indices differ in some bit: that pattern gives them
    opposite relative signs, the pattern of ones gives them equal ones, and
    max(|a + b|, |a - b|) >= max(|a|, |b|). So one or two wrong entries cannot
    cancel in all of the patterns.
    """
    if not 0 <= k < designed_count(size):
        raise ValueError(f"pattern {k} of {size} entries: there are {designed_count(size)}, from 0")
    if k == 0:
        return common.copy()
    run = 1 << (k - 1)
    # Whole runs of 2^(k-1) equal bits alternate, so no index is ever formed.
    pattern = common.copy()
    whole = size // (2 * run) * (2 * run)
    pattern[:whole].reshape(-1, 2, run)[:, 1] *= -1
    pattern[whole + run :] *= -1
    return pattern


def sign_patterns(size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int8]]:
    """Yield the designed patterns, then random ones without end.

    Parameters
    ----------
    size : int
        Number of entries.
    rng : numpy.random.Generator
        Draws the common vector and the random patterns.

    Yields
    ------
    ndarray of int8, shape (size,)
        One pattern at a time; a caller that keeps none uses memory for two.
    """
    common = random_signs(size, rng)
    for k in range(designed_count(size)):
        yield sign_pattern(k, size, common)
    while True:
        yield random_signs(size, rng)
