"""The handwritten digits of the UCI repository (see data/README.md for their authors)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ARCHIVE = Path(__file__).parent / "data" / "digits.npz"
BRIGHTEST = 16  # a pixel counts the black points of a 4 by 4 square


class Digits(NamedTuple):
    """Images with their labels.

    Attributes
    ----------
    images : ndarray of uint8, shape (1797, 8, 8), values 0 to 16
    labels : ndarray of uint8, shape (1797,), values 0 to 9
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def load() -> Digits:
    """Read the digits from the archive beside this module."""
    with np.load(ARCHIVE, allow_pickle=False) as archive:
        return Digits(images=archive["images"], labels=archive["labels"])


def enlarge(images: NDArray[np.generic], side: int) -> NDArray[np.float64]:
    """Resample square images bilinearly, corner pixels onto corner pixels.

    Parameters
    ----------
    images : ndarray, shape (..., old_side, old_side)
    side : int, at least 2
        Side of the new images, in pixels.

    Returns
    -------
    ndarray of float64, shape (..., side, side)

    Notes
    -----
    New pixel i lies at p = i (old_side - 1) / (side - 1) of the old grid, and old pixel j has the
    weight max(0, 1 - |p - j|) in it; rows and columns separate.
    """
    old_side: int = images.shape[-1]
    positions = np.arange(side) * (old_side - 1) / (side - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(positions[:, np.newaxis] - np.arange(old_side)))
    return weights @ images.astype(np.float64) @ weights.T


def columns(m: int, side: int) -> NDArray[np.float64]:
    """Return the first digits as columns of intensities, the data of an autoencoder.

    Parameters
    ----------
    m : int
        Number of digits, at most 1797.
    side : int
        Side of the images, in pixels.

    Returns
    -------
    ndarray of float64, shape (side * side, m), values 0 to 1
    """
    images = enlarge(load().images[:m], side) / BRIGHTEST
    return np.ascontiguousarray(images.reshape(len(images), side * side).T)
