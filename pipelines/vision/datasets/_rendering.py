"""Characters as images: a mask per font and character, moved at random and set in colour on a textured ground."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipelines.vision.datasets._procedural import smooth_fields, to_bytes

MASK = 64  # side of a mask in pixels, twice the image's
FOLDER = Path(matplotlib.get_data_path(), "fonts", "ttf")


@dataclass(frozen=True)
class Style:
    """How characters are set.

    rotation   largest turn in degrees
    shift      largest move, as a share of the side
    shear      largest shear
    contrast   least and largest extra brightness of the character over the ground, of 1
    texture    amplitude of the ground's unevenness, of 1
    noise      standard deviation of the pixels' noise, of 1
    """

    rotation: float
    shift: float
    shear: float
    contrast: tuple[float, float]
    texture: float
    noise: float


@cache
def mask(font: str, character: str) -> NDArray[np.float32]:
    """The character's coverage in [0, 1], [MASK, MASK], centred."""
    face = ImageFont.truetype(str(FOLDER / f"{font}.ttf"), size=46)
    picture = Image.new("L", (MASK, MASK))
    ImageDraw.Draw(picture).text((MASK / 2, MASK / 2), character, fill=255, font=face, anchor="mm")
    coverage = np.asarray(picture, dtype=np.float32) / 255
    rows, columns = np.nonzero(coverage > 0.5)
    move = (MASK // 2 - (rows.min() + rows.max()) // 2, MASK // 2 - (columns.min() + columns.max()) // 2)
    return np.roll(coverage, move, axis=(0, 1))


def render(
    glyphs: list[tuple[str, str]], hues: NDArray[np.floating], size: int, style: Style, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Images [n, size, size, 3] of (font, character) pairs, each on a ground of its hue (in [0, 1]), and how much of
    each pixel the character covers, in [0, 1], [n, size, size].
    """
    count = len(glyphs)
    cover = moved(np.stack([mask(*glyph) for glyph in glyphs]), size, style, generator)
    brightness = generator.uniform(0.15, 0.45, count)
    step = generator.uniform(*style.contrast, count)
    ground = tinted(hues, generator.uniform(0.35, 0.75, count), brightness)
    ink = tinted(generator.random(count), generator.uniform(0.0, 0.6, count), brightness + step)
    uneven = style.texture * (2 * smooth_fields(count, size, 7, generator) - 1)[..., None]
    grain = style.noise * generator.standard_normal((count, size, size, 3), dtype=np.float32)
    inked = cover[..., None]
    return to_bytes((ground[:, None, None] + uneven) * (1 - inked) + ink[:, None, None] * inked + grain), cover


def moved(masks: NDArray[np.float32], size: int, style: Style, generator: np.random.Generator) -> NDArray[np.float32]:
    """Masks [n, MASK, MASK] turned, scaled, sheared and shifted at random, at `size` pixels a side."""
    count = len(masks)
    turn = np.deg2rad(generator.uniform(-style.rotation, style.rotation, count))
    zoom, shear = generator.uniform(0.85, 1.2, count), generator.uniform(-style.shear, style.shear, count)
    cos, sin = np.cos(turn) / zoom, np.sin(turn) / zoom
    affine = np.empty((count, 2, 3), dtype=np.float32)
    affine[:, 0, 0], affine[:, 0, 1] = cos, shear * cos - sin
    affine[:, 1, 0], affine[:, 1, 1] = sin, shear * sin + cos
    affine[:, :, 2] = generator.uniform(-2 * style.shift, 2 * style.shift, (count, 2))
    grid = torch.nn.functional.affine_grid(torch.from_numpy(affine), [count, 1, size, size], align_corners=False)
    sampled = torch.nn.functional.grid_sample(torch.from_numpy(masks)[:, None], grid, align_corners=False)
    images: NDArray[np.float32] = sampled[:, 0].numpy()
    return images


def tinted(
    hues: NDArray[np.floating], saturations: NDArray[np.floating], brightness: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Colours [n, 3] of the given hue, saturation and mean brightness (HSL), each in [0, 1]."""
    span = saturations * (1 - np.abs(2 * brightness - 1))
    spokes = (hues[:, None] * 12 + np.array([0, 8, 4])) % 12
    wave = np.clip(np.minimum(spokes - 3, 9 - spokes), -1, 1)
    return np.asarray(brightness[:, None] - span[:, None] / 2 * wave)
