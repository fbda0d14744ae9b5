"""Images of nothing, each of the family it says it is of."""

import numpy as np
import pytest

from pipelines.vision.datasets import _procedural as procedural

SIZE, COUNT = 64, 200


def shades(images: np.ndarray) -> np.ndarray:
    """How far each pixel of an image of two colours lies from the one to the other, in [0, 1], up to direction."""
    pixels = images.reshape(len(images), -1, 3).astype(float)
    widest = np.ptp(pixels, axis=1).argmax(axis=1)
    values = np.take_along_axis(pixels, widest[:, None, None], axis=2)[..., 0]
    least, most = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    shares: np.ndarray = ((values - least) / (most - least)).reshape(-1, SIZE, SIZE)
    return shares


@pytest.fixture(scope="module")
def kinds() -> list[np.ndarray]:
    """The fields of gratings, checkerboards, rings and plasma."""
    images = procedural.textures(4 * COUNT, SIZE, np.random.default_rng(0))
    return [shades(images[kind::4]) for kind in range(4)]


def frequencies(fields: np.ndarray) -> np.ndarray:
    """Periods a pixel of the strongest wave of each field."""
    power = np.abs(np.fft.fft2(fields - fields.mean(axis=(1, 2), keepdims=True)))
    down, right = np.unravel_index(power.reshape(len(fields), -1).argmax(axis=1), (SIZE, SIZE))
    strongest: np.ndarray = np.hypot(*(np.minimum(each, SIZE - each) for each in (down, right))) / SIZE
    return strongest


def test_gratings_are_waves_of_3_to_12_pixels_in_all_directions(kinds: list[np.ndarray]) -> None:
    found = frequencies(kinds[0])
    assert found.min() == pytest.approx(1 / 12, abs=1 / SIZE)
    assert found.max() == pytest.approx(1 / 3, abs=1 / SIZE)
    assert kinds[0].mean() == pytest.approx(0.5, abs=0.02)
    steepest = [np.abs(np.diff(kinds[0], axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    assert 0.3 < float((steepest[0] > steepest[1]).mean()) < 0.7


def test_checkerboards_have_two_colours_half_each_in_both_directions(kinds: list[np.ndarray]) -> None:
    assert set(np.unique(kinds[1])) == {0, 1}
    assert kinds[1].mean(axis=(1, 2)) == pytest.approx(np.full(COUNT, 0.5), abs=0.1)
    edges = [np.abs(np.diff(kinds[1], axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    assert np.minimum(*edges).min() > 0.05


def test_rings_look_the_same_from_all_sides(kinds: list[np.ndarray]) -> None:
    inner = kinds[2][:, 1:, 1:]
    for turned in (inner.swapaxes(1, 2), inner[:, ::-1], inner[:, :, ::-1]):
        assert np.array_equal(inner, turned)
    outwards = kinds[2][:, SIZE // 2, SIZE // 2 :]
    turns = (np.diff(np.sign(np.diff(outwards, axis=1)), axis=1) != 0).sum(axis=1)
    assert turns.min() == pytest.approx(2 * SIZE / 2 / 12, abs=2)
    assert 12 < turns.max() <= 2 * SIZE / 2 / 3 + 1


def test_plasma_is_smooth(kinds: list[np.ndarray]) -> None:
    assert np.abs(np.diff(kinds[3], axis=2)).max() < 0.2
    assert frequencies(kinds[3]).max() < 6 / SIZE


def test_noise_is_uniform_normal_and_blotched() -> None:
    images = procedural.noise(3 * COUNT, SIZE, np.random.default_rng(0)).astype(float) / 255
    uniform, normal, blotches = (images[kind::3] for kind in range(3))
    assert np.histogram(uniform, 4, (0, 1))[0] / uniform.size == pytest.approx(np.full(4, 0.25), abs=0.005)
    assert float(normal.mean()) == pytest.approx(0.5, abs=0.005)
    assert float((normal < 0.25).mean()) == pytest.approx(0.1587, abs=0.005), "a standard deviation below the mean"
    assert float(blotches.mean()) == pytest.approx(0.5, abs=0.02)
    assert float((blotches == 0).mean()) > 0.05, "cut off at both ends"
    assert float((blotches == 1).mean()) > 0.05
    steps = [np.abs(np.diff(each, axis=2)).mean() for each in (uniform, normal, blotches)]
    assert steps[2] < steps[1] / 3
    for each in (uniform, normal, blotches):
        assert abs(np.corrcoef(each[..., 0].ravel(), each[..., 1].ravel())[0, 1]) < 0.1


def test_mosaics_are_of_up_to_twelve_convex_cells() -> None:
    """The pixel midway between two of one colour has that colour."""
    images = procedural.mosaics(50, SIZE, np.random.default_rng(0)).astype(int) @ [1, 256, 65536]
    cells = [len(np.unique(image)) for image in images]
    assert max(cells) == 12
    assert min(cells) >= 9
    rng = np.random.default_rng(1)
    for image in images:
        ends = rng.integers(0, SIZE // 2, (2, 2, 4000)) * 2
        same = image[ends[0][0], ends[0][1]] == image[ends[1][0], ends[1][1]]
        middle = (ends[0] + ends[1]) // 2
        assert np.array_equal(image[middle[0], middle[1]][same], image[ends[0][0], ends[0][1]][same])


def test_strokes_are_five_straight_lines_across_a_plain_ground() -> None:
    """Of 3.6 pixels each, soft edges included: what five of them leave free."""
    images = procedural.strokes(COUNT, SIZE, np.random.default_rng(0)).astype(int) @ [1, 256, 65536]
    free = [np.unique(image, return_counts=True)[1].max() / SIZE**2 for image in images]
    assert 0.75 < float(np.mean(free)) < 0.85
    assert min(free) > 0.6


def test_outliers_are_half_textures_and_half_noise() -> None:
    split = procedural.far_outliers(5, 32, np.random.default_rng(0))
    assert split.part_names == ("textures", "noise")
    assert split.parts.tolist() == [0, 0, 0, 1, 1]
    assert split.labels.tolist() == [-1] * 5
