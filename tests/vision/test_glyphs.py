"""The rendered characters: what is known of each split by construction, read back from the pixels."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import ImageFont

from pipelines import parts
from pipelines.parts import WrongOptions
from pipelines.vision.data import SPLITS, Dataset, Split
from pipelines.vision.datasets import _characters
from pipelines.vision.datasets import glyphs as module
from pipelines.vision.datasets._rendering import FOLDER, mask

CLASSES = 10
TWICE = ("cue_swap", "localised")  # pairs: of a cue's two classes, of an image and its mask
FEW = {
    "train": 100, "more_train": 40, "validation": 20, "capability": 20, "test": 50, "held_out_fonts": 70,
    "spurious": 200, "cue_conflict": 100, "cue_swap": 60, "localised": 20, "outliers": 30, "training_outliers": 30,
    "transfer_train": 50, "transfer_test": 30,
}  # fmt: skip
# the ground is as plain as it can be, so that its hue can be read from the corners
PLAIN = {"noise": 0, "texture": 0}


def made(**options: Any) -> Dataset:
    dataset: Dataset = parts.load("pipelines.vision.datasets", "glyphs", FEW | options).load()
    return dataset


@pytest.fixture(scope="module")
def plain() -> Dataset:
    return made(**PLAIN)


@pytest.fixture(scope="module")
def usual() -> Dataset:
    return made()


def hue_classes(split: Split) -> NDArray[np.int64]:
    """The class whose hue the ground has, from the corners' median colour, by the formula of hue itself."""
    corners = np.stack([split.images[:, row, column] for row in (0, -1) for column in (0, -1)], axis=1)
    red, green, blue = np.median(corners, axis=1).T / 255
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * np.pi)
    return np.asarray(np.rint(hue * CLASSES), dtype=np.int64) % CLASSES


def test_every_split_is_there_with_its_size(plain: Dataset) -> None:
    assert list(plain.splits) == list(SPLITS)
    sizes = {name: len(split) for name, split in plain.splits.items()}
    outliers = {"near_outliers": FEW["outliers"], "far_outliers": FEW["outliers"]}
    known = {name: count * (1 + (name in TWICE)) for name, count in FEW.items() if name != "outliers"}
    assert sizes == known | outliers
    for split in plain.splits.values():
        assert split.images.dtype == np.uint8
        assert split.images.shape[1:] == (32, 32, 3)
    shape = parts.load("pipelines.vision.datasets", "glyphs", FEW).shape()
    assert (shape.size, shape.classes, shape.splits, shape.train) == (32, 10, tuple(SPLITS), 100)


def test_more_training_images_are_made_only_where_asked_for_and_change_nothing_else(plain: Dataset) -> None:
    without = parts.load("pipelines.vision.datasets", "glyphs", FEW | PLAIN | {"more_train": 0})
    assert "more_train" not in without.shape().splits
    fewer = without.load().splits
    assert list(fewer) == [name for name in SPLITS if name != "more_train"]
    assert all((plain.splits[name].images == fewer[name].images).all() for name in fewer)


@pytest.mark.parametrize("cue", [0.0, 0.4, 1.0])
def test_the_cue_is_the_class_s_own_as_often_as_asked(cue: float) -> None:
    count = 1000
    train = made(train=count, cue=cue, **PLAIN).splits["train"]
    own = (hue_classes(train) == train.labels).mean()
    assert abs(own - cue) <= 4 * np.sqrt(cue * (1 - cue) / count)


def test_the_cue_says_nothing_in_transfer(plain: Dataset) -> None:
    split = plain.splits["transfer_train"]
    assert (hue_classes(split) == split.labels).mean() < 0.4


@pytest.mark.parametrize("name", ["train", "more_train"])
def test_training_images_have_the_groups_of_spurious(plain: Dataset, name: str) -> None:
    split = plain.splits[name]
    np.testing.assert_array_equal(split.groups, 2 * split.labels + (hue_classes(split) != split.labels))
    assert parts.load("pipelines.vision.datasets", "glyphs").shape().groups


def test_spurious_is_half_and_half_in_every_class(plain: Dataset) -> None:
    split = plain.splits["spurious"]
    conflict = hue_classes(split) != split.labels
    np.testing.assert_array_equal(split.groups, 2 * split.labels + conflict)
    assert np.bincount(split.groups).tolist() == [len(split) // 20] * 20


def test_by_default_each_spurious_group_has_a_hundred_images() -> None:
    assert parts.defaults(module.dataset)["spurious"] == 20 * 100


def test_cue_conflict_has_the_hue_of_its_group_and_never_of_its_class(plain: Dataset) -> None:
    split = plain.splits["cue_conflict"]
    np.testing.assert_array_equal(hue_classes(split), split.groups)
    assert (split.groups != split.labels).all()
    assert np.bincount(split.labels).tolist() == [len(split) // 10] * 10


def test_the_cue_of_a_swapped_pair_is_the_class_s_own_and_then_never(plain: Dataset) -> None:
    split = plain.splits["cue_swap"]
    own, swapped = np.split(split.groups, 2)
    labels, again = np.split(split.labels, 2)
    np.testing.assert_array_equal(hue_classes(split), split.groups)
    np.testing.assert_array_equal(labels, again)
    np.testing.assert_array_equal(own, labels)
    assert (swapped != labels).all()


def test_the_ground_s_hue_is_all_that_differs_in_a_pair(usual: Dataset) -> None:
    """What a pixel's difference is to the ground's is how much of the ground is seen there, one number for all three
    channels; where the character covers the ground the pair is the same to the bit.
    """
    one, other = np.split(usual.splits["cue_swap"].images.astype(float), 2)
    for pair in one - other:
        ground = np.median(pair, axis=(0, 1))
        seen = pair @ ground / (ground @ ground)
        apart = np.abs(pair - seen[..., None] * ground).max(axis=2)
        assert (apart <= 1.5).mean() > 0.85, "but for rounding, and for values cut off at 0 and 255"
        assert (np.abs(seen - 1) < 0.1).mean() > 0.5
        assert (pair == 0).all(axis=2).mean() > 0.01


def test_masks_are_where_the_digits_are(plain: Dataset) -> None:
    """Ink is one colour, the ground another, and a pixel lies between the two as far as its mask says."""
    split = plain.splits["localised"]
    images, masks = np.split(split.images.astype(float), 2)
    assert split.groups.tolist() == [0] * len(images) + [1] * len(images)
    assert (masks == masks[..., :1]).all()
    cover = masks[..., :1] / 255
    for image, inked in zip(images, cover, strict=True):
        ground, ink = (np.median(image[inked[..., 0] == share], axis=0) for share in (0, 1))
        np.testing.assert_allclose(image, ground * (1 - inked) + ink * inked, atol=2.5)
    assert 0.05 < (cover > 0.5).mean() < 0.2


def test_classes_are_balanced_wherever_none_is_asked_otherwise(plain: Dataset) -> None:
    balanced = ("train", "validation", "test", "held_out_fonts", "spurious", "transfer_train", "transfer_test", *TWICE)
    for name in balanced:
        labels = plain.splits[name].labels
        assert np.bincount(labels).tolist() == [len(labels) // 10] * 10


@pytest.mark.parametrize("imbalance", [1, 10, 100])
def test_imbalance_is_the_ratio_of_the_first_class_to_the_last(imbalance: float) -> None:
    counts = np.bincount(_characters.class_labels(4000, imbalance, np.random.default_rng(0)))
    assert counts.sum() == 4000
    assert counts[0] / counts[-1] == pytest.approx(imbalance, rel=0.1)
    assert counts[:-1] / counts[1:] == pytest.approx([imbalance ** (1 / 9)] * 9, rel=0.1)


def test_only_training_is_imbalanced() -> None:
    splits = made(train=300, imbalance=20).splits
    counts = np.bincount(splits["train"].labels)
    assert counts[0] / counts[-1] == pytest.approx(20, rel=0.2)
    for name in ("validation", "test", "held_out_fonts", "spurious"):
        assert len(set(np.bincount(splits[name].labels))) == 1


def test_held_out_fonts_are_in_no_training(plain: Dataset) -> None:
    fonts = {name: set(plain.splits[name].part_names) for name in ("train", "validation", "test", "held_out_fonts")}
    assert fonts["train"] == fonts["validation"] == fonts["test"]
    assert not fonts["train"] & fonts["held_out_fonts"]
    for name in fonts:
        split = plain.splits[name]
        assert set(split.parts) <= set(range(len(split.part_names)))
    assert set(plain.splits["held_out_fonts"].parts) == set(range(len(fonts["held_out_fonts"])))


def used_characters() -> Iterator[tuple[str, str]]:
    for font in (*_characters.FONTS, *_characters.HELD_OUT_FONTS):
        yield font, _characters.DIGITS
    for font in _characters.FONTS:
        yield font, _characters.LETTERS + _characters.UNSEEN + _characters.SYMBOLS
    for font in _characters.GREEK_FONTS:
        yield font, _characters.GREEK


@pytest.mark.parametrize(("font", "characters"), list(used_characters()))
def test_fonts_have_the_characters_that_are_asked_of_them(font: str, characters: str) -> None:
    shapes = {mask(font, character).tobytes() for character in characters}
    assert len(shapes) == len(characters), "each character has a shape of its own"
    face = ImageFont.truetype(str(FOLDER / f"{font}.ttf"), size=46)
    lacking = bytes(face.getmask("\uffff"))
    assert all(bytes(face.getmask(character)) != lacking for character in characters)


@pytest.mark.parametrize("font", _characters.FONTS + _characters.HELD_OUT_FONTS)
def test_fonts_call_their_digits_digits(font: str) -> None:
    """Computer Modern puts other signs in the place of some characters; the digits' names are in the font's file."""
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    face = FT2Font(str(FOLDER / f"{font}.ttf"))
    assert [face.get_glyph_name(face.get_char_index(ord(digit))) for digit in _characters.DIGITS] == names


def test_alphabets_are_disjoint() -> None:
    alphabets = (_characters.DIGITS, _characters.LETTERS, _characters.GREEK, _characters.UNSEEN, _characters.SYMBOLS)
    for one, other in combinations(alphabets, 2):
        assert not set(one) & set(other)
    assert not set("OQIZSBDl") & set(_characters.LETTERS), "read as digits"
    assert len(set(_characters.UNSEEN)) == CLASSES


def test_outlier_families_are_of_one_split_each(plain: Dataset) -> None:
    families = {name: plain.splits[name].part_names for name in SPLITS if name.endswith("outliers")}
    assert families == {
        "near_outliers": ("letters", "greek"),
        "far_outliers": ("textures", "noise"),
        "training_outliers": ("symbols", "mosaics", "strokes"),
    }
    for name, names in families.items():
        split = plain.splits[name]
        assert (split.labels == -1).all()
        assert np.bincount(split.parts).tolist() == [len(split) // len(names)] * len(names)


def test_only_outliers_have_no_label_and_only_cue_and_training_splits_have_groups(plain: Dataset) -> None:
    for name, split in plain.splits.items():
        assert (split.labels < 0).all() if name.endswith("outliers") else (split.labels >= 0).all()
        grouped = name in ("spurious", "cue_conflict", "train", "more_train", *TWICE)
        assert (split.groups >= 0).all() if grouped else (split.groups == -1).all()


def test_no_image_is_in_two_splits(usual: Dataset) -> None:
    images = [image.tobytes() for split in usual.splits.values() for image in split.images]
    assert len(set(images)) == len(images)


def same(one: Split, other: Split) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("images", "labels", "groups", "parts")
    )


def test_the_seed_decides_every_image(usual: Dataset) -> None:
    first, again, other = usual, made(), made(seed=1)
    assert all(same(split, again.splits[name]) for name, split in first.splits.items())
    assert not any(np.array_equal(split.images, other.splits[name].images) for name, split in first.splits.items())


def test_a_split_does_not_depend_on_the_size_of_another(usual: Dataset) -> None:
    first, other = usual, made(train=200, outliers=40)
    for name, split in first.splits.items():
        assert same(split, other.splits[name]) == (name not in ("train", "near_outliers", "far_outliers"))


def test_another_process_makes_the_same_images(usual: Dataset) -> None:
    program = (
        "import json, sys, zlib; from pipelines import parts;"
        "made = parts.load('pipelines.vision.datasets', 'glyphs', json.loads(sys.argv[1])).load();"
        "print(json.dumps({name: zlib.crc32(split.images.tobytes()) for name, split in made.splits.items()}))"
    )
    command = [sys.executable, "-c", program, json.dumps(FEW)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "1"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    expected = {name: zlib.crc32(split.images.tobytes()) for name, split in usual.splits.items()}
    assert json.loads(printed) == expected


@pytest.mark.parametrize("size", [16, 48])
def test_other_sizes(size: int) -> None:
    assert all(split.images.shape[1:] == (size, size, 3) for split in made(size=size).splits.values())


def test_the_least_numbers_of_images_are_enough() -> None:
    least = {name: 3 if name.endswith("outliers") else 10 for name in FEW} | {"spurious": 20}
    dataset = made(**least)
    assert set(dataset.splits["train"].labels) == set(range(10))
    assert set(dataset.splits["spurious"].groups) == set(range(20))
    with pytest.raises(WrongOptions) as caught:
        made(train=9, spurious=19, outliers=2, cue=1.5, imbalance=0.5)
    assert caught.value.faults == [
        "'train' is 9, not a whole number of at least 10",
        "'spurious' is 19, not a whole number of at least 20",
        "'outliers' is 2, not a whole number of at least 3",
        "'cue' is 1.5, not a number from 0 to 1",
        "'imbalance' is 0.5, not a number from 1 to 1000",
    ]
