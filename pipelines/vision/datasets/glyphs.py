"""Digits in many fonts, sizes and colours, rendered from a seed, with shifts, cues and outliers known by construction.

The ten digits are the classes. The ground's hue is a cue: in training it is the class's own with a known probability.
Fonts come with matplotlib (DejaVu, STIX, Computer Modern); nothing is downloaded.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np

from pipelines.parts import Range, Share, Whole
from pipelines.vision.data import Dataset, Loader, Shape, Split, split_of
from pipelines.vision.datasets import _procedural as procedural
from pipelines.vision.datasets._characters import (
    CLASSES,
    DIGITS,
    FONTS,
    GREEK,
    GREEK_FONTS,
    HELD_OUT_FONTS,
    LETTERS,
    SYMBOLS,
    UNSEEN,
    Options,
    characters,
    class_labels,
    other_class,
    unlabelled,
    with_cover,
)
from pipelines.vision.datasets._rendering import Style

EveryClass = Annotated[int, Range(CLASSES)]
EveryGroup = Annotated[int, Range(2 * CLASSES)]
EveryFamily = Annotated[int, Range(3)]


def dataset(
    *,
    train: EveryClass = 3000,
    more_train: Whole = 0,
    validation: EveryClass = 500,
    capability: EveryClass = 1000,
    test: EveryClass = 1000,
    held_out_fonts: EveryClass = 1000,
    spurious: EveryGroup = 2000,
    cue_conflict: EveryClass = 500,
    cue_swap: EveryClass = 500,
    localised: EveryClass = 200,
    outliers: EveryFamily = 600,
    training_outliers: EveryFamily = 2000,
    transfer_train: EveryClass = 1000,
    transfer_test: EveryClass = 500,
    cue: Share = 0.4,
    imbalance: Annotated[float, Range(1, 1000)] = 1,
    size: Annotated[int, Range(16, 256)] = 32,
    rotation: Annotated[float, Range(0, 180)] = 15,
    noise: Share = 0.04,
    texture: Share = 0.1,
    least_contrast: Annotated[float, Range(0, 0.55)] = 0.22,
    seed: Whole = 0,
) -> Loader:
    """Images in each split (`outliers`: in each of near and far; `cue_swap`: pairs; `localised`: each with a mask;
    `more_train`: for methods that learn from more). cue: probability that a training or test image has its class's hue
    (.1 is chance). imbalance: how many times more often the first class is in training than the last. rotation: largest
    turn in degrees. noise, texture, least_contrast: as shares of the brightness range."""
    counts = {
        "train": train,
        "more_train": more_train,
        "validation": validation,
        "capability": capability,
        "test": test,
        "held_out_fonts": held_out_fonts,
        "spurious": spurious,
        "cue_conflict": cue_conflict,
        "cue_swap": cue_swap,
        "localised": localised,
        "near_outliers": outliers,
        "far_outliers": outliers,
        "training_outliers": training_outliers,
        "transfer_train": transfer_train,
        "transfer_test": transfer_test,
    }
    style = Style(rotation, 0.08, 0.15, (least_contrast, 0.55), texture, noise)
    options = Options(counts, cue, imbalance, size, style, seed)
    splits = tuple(name for name in SPLITS if counts[name])
    return Loader(lambda: Shape(size, CLASSES, splits, train, groups=True), lambda: glyphs(options))


def glyphs(options: Options) -> Dataset:
    """All splits, each from a generator of its own."""
    splits = {
        name: make(options, options.counts[name], np.random.default_rng([options.seed, zlib.crc32(name.encode())]))
        for name, make in SPLITS.items()
        if options.counts[name]
    }
    return Dataset("glyphs", tuple(DIGITS), splits)


def drawn_like_training(fonts: Sequence[str], training: bool) -> Callable[[Options, int, np.random.Generator], Split]:
    """Digits whose hue is their class's with probability `cue`; parts are the fonts. `training`: with the imbalance
    asked for, and in the groups of `spurious`."""

    def make(options: Options, count: int, generator: np.random.Generator) -> Split:
        labels = class_labels(count, options.imbalance if training else 1, generator)
        own = generator.random(count) < options.cue
        hue_class = np.where(own, labels, other_class(labels, generator))
        font = generator.integers(len(fonts), size=count)
        images = characters(DIGITS, labels, fonts, font, hue_class, options, generator)
        groups = 2 * labels + (hue_class != labels) if training else None
        return split_of(images, labels, groups, parts=font, part_names=tuple(fonts))

    return make


def spurious(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Half of each class in its own hue, half in another's; the group is 2 x class + 1 where they conflict."""
    labels = np.arange(count) % CLASSES
    conflict = (np.arange(count) // CLASSES) % 2
    hue_class = np.where(conflict == 1, other_class(labels, generator), labels)
    font = generator.integers(len(FONTS), size=count)
    images = characters(DIGITS, labels, FONTS, font, hue_class, options, generator)
    return split_of(images, labels, groups=2 * labels + conflict)


def cue_conflict(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Every image in the hue of another class, which is its group."""
    labels = np.arange(count) % CLASSES
    hue_class = other_class(labels, generator)
    font = generator.integers(len(FONTS), size=count)
    images = characters(DIGITS, labels, FONTS, font, hue_class, options, generator)
    return split_of(images, labels, groups=hue_class)


def cue_swap(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Pairs that differ in the ground's hue alone: all in their class's, then all in another's; the group is whose."""
    labels = np.arange(count) % CLASSES
    others = other_class(labels, generator)
    font = generator.integers(len(FONTS), size=count)
    before, images = generator.bit_generator.state, []
    for hue_class in (labels, others):
        generator.bit_generator.state = before
        images.append(characters(DIGITS, labels, FONTS, font, hue_class, options, generator))
    return split_of(np.concatenate(images), np.tile(labels, 2), groups=np.concatenate([labels, others]))


def localised(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Images drawn like the training images, then the mask of each: white where the digit is. Masks are group 1."""
    labels = np.arange(count) % CLASSES
    own = generator.random(count) < options.cue
    hue_class = np.where(own, labels, other_class(labels, generator))
    font = generator.integers(len(FONTS), size=count)
    images, cover = with_cover(DIGITS, labels, FONTS, font, hue_class, options, generator)
    masks = procedural.to_bytes(np.repeat(cover[..., None], 3, axis=3))
    return split_of(np.concatenate([images, masks]), np.tile(labels, 2), groups=np.repeat([0, 1], count))


def near_outliers(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Capital letters and Greek ones, half each."""
    greek = np.arange(count) % 2
    letters = unlabelled(LETTERS, FONTS, int((greek == 0).sum()), options, generator)
    others = unlabelled(GREEK, GREEK_FONTS, int((greek == 1).sum()), options, generator)
    return procedural.outlier_split({"letters": letters, "greek": others})


def far_outliers(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Textures and noise, half each."""
    return procedural.far_outliers(count, options.size, generator)


def training_outliers(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Symbols, mosaics and strokes, a third each: families of no test split."""
    third = count // 3
    return procedural.outlier_split(
        {
            "symbols": unlabelled(SYMBOLS, FONTS, count - 2 * third, options, generator),
            "mosaics": procedural.mosaics(third, options.size, generator),
            "strokes": procedural.strokes(third, options.size, generator),
        }
    )


def unseen_classes(options: Options, count: int, generator: np.random.Generator) -> Split:
    """Ten lower-case letters that no other split shows, in hues that say nothing."""
    labels = class_labels(count, 1, generator)
    font = generator.integers(len(FONTS), size=count)
    hue_class = generator.integers(CLASSES, size=count)
    return split_of(characters(UNSEEN, labels, FONTS, font, hue_class, options, generator), labels)


SPLITS: dict[str, Callable[[Options, int, np.random.Generator], Split]] = {
    "train": drawn_like_training(FONTS, training=True),
    "more_train": drawn_like_training(FONTS, training=True),
    "validation": drawn_like_training(FONTS, training=False),
    "capability": drawn_like_training(FONTS, training=False),
    "test": drawn_like_training(FONTS, training=False),
    "held_out_fonts": drawn_like_training(HELD_OUT_FONTS, training=False),
    "spurious": spurious,
    "cue_conflict": cue_conflict,
    "cue_swap": cue_swap,
    "localised": localised,
    "near_outliers": near_outliers,
    "far_outliers": far_outliers,
    "training_outliers": training_outliers,
    "transfer_train": unseen_classes,
    "transfer_test": unseen_classes,
}
