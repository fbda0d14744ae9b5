"""Triggers change what they should, the same way each time, and poisoning touches no other image."""

import numpy as np
import pytest

from pipelines.vision.triggers import FAMILIES, Family, poison_rows, trigger

every_family = pytest.mark.parametrize("family", list(FAMILIES))


def images(count: int = 6, size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


@every_family
def test_a_trigger_is_the_same_on_every_image_every_time(family: Family) -> None:
    shown = images()
    before = shown.copy()
    put = trigger(family, 16, None, np.random.default_rng(3))
    marked = put(shown)
    assert np.array_equal(shown, before)
    assert marked.dtype == np.uint8
    assert marked.shape == shown.shape
    assert (marked != shown).any(axis=(1, 2, 3)).all()
    assert np.array_equal(marked, put(shown))
    assert np.array_equal(marked, np.concatenate([put(one[None]) for one in shown]))
    assert np.array_equal(marked, trigger(family, 16, None, np.random.default_rng(3))(shown))
    assert not np.array_equal(marked, trigger(family, 16, None, np.random.default_rng(4))(shown))
    assert put(shown[:0]).shape == (0, 16, 16, 3)


@every_family
def test_a_stronger_trigger_moves_images_further(family: Family) -> None:
    shown = np.kron(
        images(size=4), np.ones((1, 8, 8, 1), dtype=np.uint8)
    )  # smooth, so that a longer way is a larger change
    moved = [
        np.abs(trigger(family, 32, strength, np.random.default_rng(0))(shown).astype(float) - shown).mean()
        for strength in (0.0, 0.05, 0.1, 0.3)
    ]
    assert moved == sorted(moved)
    assert moved[0] <= 1  # a patch has a pixel at least
    assert moved[3] > 3


def test_a_patch_is_a_square_of_the_same_pixels() -> None:
    shown = images(40, 20)
    marked = trigger("patch", 20, 0.2, np.random.default_rng(0))(shown)
    rows, columns = np.nonzero((marked != shown).any(axis=(0, 3)))
    assert np.ptp(rows) == np.ptp(columns) == 3
    inside = marked[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (inside == inside[0]).all()


def test_a_blend_is_a_weighted_mean_with_one_image() -> None:
    """Of black images the share of the pattern is left, of white ones the rest is added."""
    both = np.stack([np.zeros((16, 16, 3)), np.full((16, 16, 3), 255)]).astype(np.uint8)
    black, white = trigger("blend", 16, 0.3, np.random.default_rng(0))(both).astype(float)
    assert np.abs(white - black - 0.7 * 255).max() <= 1
    assert black.min() == 0
    assert black.max() == round(0.3 * 255)


def test_a_grating_adds_one_wave_without_a_mean_of_its_own() -> None:
    grey = np.full((2, 32, 32, 3), 128, dtype=np.uint8)
    added = trigger("grating", 32, 0.1, np.random.default_rng(0))(grey).astype(float) - 128
    assert np.abs(added).max() == pytest.approx(25.5, abs=1)
    assert abs(added.mean()) < 2
    assert (added == added[:1, :, :, :1]).all()
    spectrum = np.abs(np.fft.rfft2(added[0, :, :, 0])) ** 2
    assert np.sort(spectrum.ravel())[-6:].sum() / spectrum.sum() > 0.5


def test_a_warp_moves_pixels_and_makes_none() -> None:
    plain = np.full((1, 16, 16, 3), 77, dtype=np.uint8)
    put = trigger("warp", 16, 0.15, np.random.default_rng(0))
    assert np.array_equal(put(plain), plain)
    shown = images()
    assert put(shown).min() >= shown.min()
    assert put(shown).max() <= shown.max()
    assert np.array_equal(trigger("warp", 16, 0.0, np.random.default_rng(0))(shown), shown)


def test_poisoned_rows_are_as_many_as_asked_and_of_other_classes() -> None:
    labels = np.arange(200) % 10
    rows = poison_rows(labels, 0.05, 3, np.random.default_rng(0))
    assert len(rows) == len(set(rows.tolist())) == 10
    assert (labels[rows] != 3).all()
    assert len(poison_rows(labels, 0.0, 3, np.random.default_rng(0))) == 0
    with pytest.raises(ValueError, match=r"^100 of 200 images are to be poisoned, and 20 are not of class 0$"):
        poison_rows(np.repeat([0, 1], [180, 20]), 0.5, 0, np.random.default_rng(0))
