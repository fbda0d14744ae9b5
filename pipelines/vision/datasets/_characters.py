"""Digits and other characters in the glyphs' fonts: which there are, and how some are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.vision.datasets._rendering import Style, render

DIGITS = "0123456789"
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono",
    "STIXGeneral", "STIXGeneralBol",
)  # fmt: skip
HELD_OUT_FONTS = ("cmr10", "cmb10", "cmss10", "cmtt10", "STIXGeneralItalic", "STIXGeneralBolIta", "DejaVuSerif-Italic")
GREEK_FONTS = ("DejaVuSans", "DejaVuSerif", "STIXGeneral")
LETTERS = "ACEFGHJKLMNPRTUVWXY"  # none that can be read as a digit
GREEK = "ΓΔΛΞΠΣΨΩαβγδεζηλμπφψω"
UNSEEN = "adefhkmrtw"  # the classes of the transfer splits
SYMBOLS = "@#&%?+=*{}<>$!"  # for training only
CLASSES = len(DIGITS)


@dataclass(frozen=True)
class Options:
    """The options of `dataset`, and the style they give."""

    counts: dict[str, int]
    cue: float
    imbalance: float
    size: int
    style: Style
    seed: int


def class_labels(count: int, imbalance: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Labels in random order; their frequencies fall geometrically, `imbalance` times from the first to the last."""
    weights = imbalance ** -(np.arange(CLASSES) / (CLASSES - 1))
    ends = np.rint(np.cumsum(weights) / weights.sum() * count).astype(int)
    return generator.permutation(np.repeat(np.arange(CLASSES), np.diff(ends, prepend=0)))


def other_class(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """For each label, one of the other classes."""
    return (labels + generator.integers(1, CLASSES, size=len(labels))) % CLASSES


def characters(
    alphabet: str,
    labels: NDArray[np.int64],
    fonts: Sequence[str],
    font: NDArray[np.int64],
    hue_class: NDArray[np.int64],
    options: Options,
    generator: np.random.Generator,
) -> NDArray[np.uint8]:
    """Images of the labels' characters, on grounds in the hue of a class, give or take a fifth of a step."""
    return with_cover(alphabet, labels, fonts, font, hue_class, options, generator)[0]


def with_cover(
    alphabet: str,
    labels: NDArray[np.int64],
    fonts: Sequence[str],
    font: NDArray[np.int64],
    hue_class: NDArray[np.int64],
    options: Options,
    generator: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The same images, and how much of each pixel the character covers, in [0, 1], [n, size, size]."""
    hues = (hue_class + generator.uniform(-0.2, 0.2, len(labels))) / CLASSES % 1
    glyphs = [(fonts[face], alphabet[label]) for face, label in zip(font, labels, strict=True)]
    return render(glyphs, hues, options.size, options.style, generator)


def unlabelled(
    alphabet: str, fonts: Sequence[str], count: int, options: Options, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Random characters of an alphabet in random hues."""
    labels = generator.integers(len(alphabet), size=count)
    font = generator.integers(len(fonts), size=count)
    return characters(alphabet, labels, fonts, font, generator.integers(CLASSES, size=count), options, generator)
