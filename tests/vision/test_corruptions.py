"""What each corruption does at a strength, in closed form."""

import numpy as np
import pytest

from pipelines.vision.conditions import _corrupt as corrupt

SIDE = 41
COLOURS = np.array([0.2, 0.4, 0.7], dtype=np.float32)


def flat(value: float, count: int = 20) -> np.ndarray:
    return np.full((count, SIDE, SIDE, 3), value, dtype=np.float32)


def drawn(kind: str, images: np.ndarray, strength: float) -> np.ndarray:
    return corrupt.CORRUPTIONS[kind][0](images, strength, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("kind", "strength", "value", "spread"),
    [
        ("gaussian_noise", 0.1, 0.3, 0.1),
        ("speckle_noise", 0.2, 0.3, 0.2 * 0.3),
        ("shot_noise", 50, 0.3, np.sqrt(0.3 / 50)),
        ("impulse_noise", 0.2, 0.5, np.sqrt(0.2 / 4)),
    ],
)
def test_noise_has_no_mean_and_its_own_spread(kind: str, strength: float, value: float, spread: float) -> None:
    moved = drawn(kind, flat(value), strength) - value
    assert float(moved.mean()) == pytest.approx(0, abs=0.003)
    assert float(moved.std()) == pytest.approx(spread, rel=0.02)
    assert abs(np.corrcoef(moved[..., 0].ravel(), moved[..., 1].ravel())[0, 1]) < 0.03, "each channel has its own"


def test_impulses_are_black_or_white_and_leave_the_rest() -> None:
    values, counts = np.unique(drawn("impulse_noise", flat(0.5), 0.2), return_counts=True)
    assert values.tolist() == [0, 0.5, 1]
    assert counts / counts.sum() == pytest.approx([0.1, 0.8, 0.1], abs=0.01)


def spot(down: float, right: float, width: float = 2.0) -> np.ndarray:
    """A spot of normal light about a place, from the middle."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    light = np.exp(-((rows - down) ** 2 + (columns - right) ** 2) / 2 / width**2)
    return np.repeat(light[None, :, :, None], 3, axis=3).astype(np.float32)


def test_blur_adds_its_variance_and_keeps_the_light() -> None:
    blurred, light = drawn("gaussian_blur", spot(0, 0), 1.5)[0, ..., 0], spot(0, 0)[0, ..., 0]
    columns = np.arange(SIDE) - (SIDE - 1) / 2
    assert blurred.sum() == pytest.approx(light.sum(), rel=1e-3)
    assert float((blurred.sum(axis=0) @ columns**2) / blurred.sum()) == pytest.approx(2**2 + 1.5**2, rel=0.01)


def test_zoom_blur_is_the_mean_over_zooms_from_one_to_the_most() -> None:
    """A zoom z moves a spot z times as far from the middle and makes it z^2 as large."""
    blurred = drawn("zoom_blur", spot(0, 7), 1.6)[0, ..., 0]
    zooms = np.linspace(1, 1.6, 1001)
    columns = np.arange(SIDE) - (SIDE - 1) / 2
    assert float((blurred.sum(axis=0) @ columns) / blurred.sum()) == pytest.approx(
        7 * (zooms**3).mean() / (zooms**2).mean(), rel=0.02
    )
    assert float(blurred.sum() / spot(0, 7)[..., 0].sum()) == pytest.approx((zooms**2).mean(), rel=0.02)


def test_elastic_bends_by_its_pixels_in_the_root_mean_square() -> None:
    """On a ramp of 0.01 a pixel, whose edges go on beyond the edges."""
    ramp = np.broadcast_to((0.01 * np.arange(SIDE))[None, None, :, None], (20, SIDE, SIDE, 3)).astype(np.float32)
    for images in (ramp, ramp.swapaxes(1, 2)):
        moved = (drawn("elastic", images, 1.5) - images)[:, 5:-5, 5:-5] / 0.01
        assert float(np.sqrt((moved**2).mean())) == pytest.approx(1.5, rel=0.15)
        assert np.abs(np.diff(moved, axis=2)).mean() < 0.5, "neighbours move together"


def test_contrast_and_colour_are_stretched_about_the_mean_and_grey() -> None:
    images = np.random.default_rng(1).random((4, SIDE, SIDE, 3)).astype(np.float32)
    less, more = drawn("contrast", images, 0.3), drawn("saturate", images, 3)
    assert less.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=1e-5)
    assert less.std(axis=(1, 2)) == pytest.approx(0.3 * images.std(axis=(1, 2)), rel=1e-4)
    assert more.mean(axis=3) == pytest.approx(images.mean(axis=3), abs=1e-5)
    assert more.std(axis=3) == pytest.approx(3 * images.std(axis=3), rel=1e-3)


@pytest.mark.parametrize(("kind", "share"), [("frost", 0.1), ("spatter", 0.1), ("snow", 0.025)])
def test_weather_covers_about_its_share(kind: str, share: float) -> None:
    """What is not covered stays as it is, but that snow brightens it by twice its share."""
    moved = drawn(kind, flat(0.2, 60), share)[..., 0]
    ground = 0.2 + (2 * share if kind == "snow" else 0)
    soft = np.abs(moved - ground) / np.abs(moved - ground).max()
    assert float((soft > 0.01).mean()) < 8 * share
    assert share / 2 < float(soft.mean()) < 2 * share


def test_light_and_fog_are_as_strong_as_they_say() -> None:
    assert drawn("brightness", flat(0.2), 0.3) == pytest.approx(flat(0.5))
    veiled = drawn("fog", flat(0.2, 400), 0.4)
    assert float(veiled.mean()) == pytest.approx(0.2 + 0.4 * (0.85 - 0.2), rel=0.03)
    assert np.abs(np.diff(veiled[..., 0], axis=2)).max() < 0.1, "smooth"
    assert veiled.std(axis=(1, 2)).min() > 0.02, "and not the same everywhere"
