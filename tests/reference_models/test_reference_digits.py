"""The digits: what is in the archive, and how images are enlarged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_models import digits

pytestmark = pytest.mark.filterwarnings("error")


def test_archive_holds_the_published_digits() -> None:
    images, labels = digits.load()
    assert images.shape == (1797, 8, 8)
    assert labels.shape == (1797,)
    assert images.dtype == labels.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 16)
    # Counts of 0 to 9 in the published test set (optdigits.names, UCI).
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_archive_is_the_copy_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()
    images, labels = digits.load()
    np.testing.assert_array_equal(images, original.images)
    np.testing.assert_array_equal(labels, original.target)


def test_archive_loads_without_pickle_and_is_small() -> None:
    with np.load(digits.ARCHIVE, allow_pickle=False) as archive:
        assert sorted(archive.files) == ["images", "labels"]
    assert digits.ARCHIVE.stat().st_size < 60_000


def test_attribution_and_licence_are_beside_the_data() -> None:
    attribution = (digits.ARCHIVE.parent / "README.md").read_text(encoding="utf-8")
    licence = (digits.ARCHIVE.parent / "LICENSE-CC-BY-4.0.txt").read_text(encoding="utf-8")
    for part in ("Alpaydin", "Kaynak", "https://doi.org/10.24432/C50P49", "CC BY 4.0"):
        assert part in attribution
    assert "Creative Commons Attribution 4.0 International Public License" in licence


@given(
    old=st.integers(2, 9),
    new=st.integers(2, 30),
    value=st.floats(-16, 16, allow_subnormal=False),
)
@settings(deadline=None, derandomize=True)
def test_enlarging_preserves_a_constant(old: int, new: int, value: float) -> None:
    enlarged = digits.enlarge(np.full((old, old), value), new)
    np.testing.assert_allclose(enlarged, np.full((new, new), value), rtol=1e-13)


@given(old=st.integers(2, 9), new=st.integers(2, 30))
@settings(deadline=None, derandomize=True)
def test_enlarging_preserves_a_linear_ramp(old: int, new: int) -> None:
    def ramp(side: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        t = np.linspace(0.0, 1.0, side)
        return 3.0 * t[:, np.newaxis] - 2.0 * t + 1.0

    np.testing.assert_allclose(digits.enlarge(ramp(old), new), ramp(new), atol=1e-13)


def test_enlarging_hits_the_corners_and_lies_between_neighbours() -> None:
    images = digits.load().images[:50]
    enlarged = digits.enlarge(images, 28)
    corners = np.ix_(range(50), (0, -1), (0, -1))
    np.testing.assert_array_equal(enlarged[corners], images[corners])
    # Pixel 2 lies at 14/27 between old pixels 0 and 1.
    between = images[:, 0, 0] * (13 / 27) + images[:, 0, 1] * (14 / 27)
    np.testing.assert_allclose(enlarged[:, 0, 2], between, atol=1e-13)


def test_enlarging_to_the_same_side_changes_nothing() -> None:
    images = digits.load().images[:10]
    np.testing.assert_array_equal(digits.enlarge(images, 8), images)


def test_columns_are_intensities_one_example_per_column() -> None:
    data = digits.columns(500, side=28)
    assert data.shape == (784, 500)
    assert data.dtype == np.float64
    assert data.flags.c_contiguous
    assert data.min() == 0.0
    assert data.max() <= 1.0
    np.testing.assert_array_equal(
        digits.columns(3, side=8)[:, 2].reshape(8, 8), digits.load().images[2] / 16
    )
