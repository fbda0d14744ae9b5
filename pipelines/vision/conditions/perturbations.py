"""Short films of test images that change a little from frame to frame, as an answer should not (ImageNet-P: Hendrycks &
Dietterich 2019, arXiv 1903.12261).

Frame 0 is the clean image. A frame of noise is compared with frame 0, any other with the frame before it. A part is a
perturbation; the frames of a film share their example. Made once for all models.

Training on noise overlaps with gaussian_noise and shot_noise, a budget's `shift` with translate; the glyphs themselves
are turned, scaled and shifted at random, in training too. Leave out what overlaps with `kinds`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Range
from pipelines.supervised.draws import numpy_generator
from pipelines.vision.condition import Condition, of_logits, outcomes_of, some_of
from pipelines.vision.conditions import _corrupt as corrupt
from pipelines.vision.conditions._warps import Images, Numbers, mapped, turns
from pipelines.vision.data import Dataset, Examples, split_of

NOT_COMPARED = -1


def translate(images: Images, frame: int, draw: Numbers) -> Images:
    """Moved by half a pixel a frame, each image in a direction of its own."""
    way = np.stack([np.sin(2 * np.pi * draw), np.cos(2 * np.pi * draw)], axis=1)
    return mapped(images, turns(0 * draw), frame / 2 * way)


def rotate(images: Images, frame: int, draw: Numbers) -> Images:
    """Turned by two degrees a frame, left or right."""
    return mapped(images, turns(np.deg2rad(2 * frame) * sign(draw)))


def scale(images: Images, frame: int, draw: Numbers) -> Images:
    """Larger or smaller by 2 % a frame."""
    return mapped(images, turns(0 * draw) * 1.02 ** (frame * sign(draw))[:, None, None])


def tilt(images: Images, frame: int, draw: Numbers) -> Images:
    """Turned away by four degrees a frame about an axis in the image: narrower across it."""
    axis = turns(np.pi * draw)
    return mapped(images, axis @ np.diag([1, 1 / np.cos(np.deg2rad(4 * frame))]) @ axis.transpose(0, 2, 1))


def brightness(images: Images, frame: int, draw: Numbers) -> Images:
    """Brighter or darker by 2 % of the range a frame."""
    return images + (frame / 50 * sign(draw))[:, None, None, None]


def blur(images: Images, frame: int, draw: Numbers) -> Images:
    """Normal blur, wider by a tenth of a pixel a frame."""
    return corrupt.gaussian_blur(images, frame / 10, np.random.default_rng(0))


def sign(draw: Numbers) -> Numbers:
    """-1 or 1 for draws from [0, 1)."""
    return np.where(draw < 0.5, -1.0, 1.0)


STEADY: dict[str, Callable[[Images, int, Numbers], Images]] = {
    "translate": translate, "rotate": rotate, "scale": scale, "tilt": tilt, "brightness": brightness, "blur": blur,
}  # fmt: skip
NOISE = {"gaussian_noise": (corrupt.gaussian_noise, 0.06), "shot_noise": (corrupt.shot_noise, 60)}
KINDS = (*NOISE, *STEADY)


def condition(
    *, images: Count = 50, frames: Annotated[int, Range(2, 20)] = 10, kinds: list[str] | None = None
) -> Condition:
    """images: test images for each perturbation. frames: of each film. kinds: which perturbations, all by default."""
    unknown = [kind for kind in kinds or [] if kind not in KINDS]
    if unknown:
        raise ValueError(f"'kinds' has {', '.join(map(repr, unknown))}, not one of: {', '.join(KINDS)}")
    chosen = tuple(dict.fromkeys(kinds or KINDS))

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test, seed = dataset.splits["test"], int(generator.integers(2**32))
        made, rows = [], []
        for kind in chosen:
            own = numpy_generator(seed, kind)
            drawn = some_of(len(test), images, own)
            films = film(kind, test.images[drawn].astype(np.float32) / 255, frames, own)
            made.append(np.rint(films.clip(0, 1) * 255).astype(np.uint8).reshape(-1, *test.images.shape[1:]))
            rows.append(np.repeat(drawn, frames))
        parts = np.repeat(np.arange(len(chosen)), [len(each) for each in rows])
        every = np.concatenate(rows)
        return Examples(split_of(np.concatenate(made), test.labels[every], parts=parts, part_names=chosen), every)

    def with_frames(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
        frame = np.arange(len(examples.rows)) % frames
        noisy = np.isin(examples.split.parts, [part for part, kind in enumerate(chosen) if kind in NOISE])
        before = np.where(frame == 0, NOT_COMPARED, np.where(noisy, 0, frame - 1))
        values = {"frame": frame.astype(np.float32), "compared_with": before.astype(np.float32)}
        return replace(outcomes_of(examples, logits), values=values)

    return Condition(examples, of_logits(with_frames), has=("labels", "frame", "compared_with"))


def film(kind: str, images: Images, frames: int, generator: np.random.Generator) -> Images:
    """The frames of every image, [n, frames, size, size, 3], the image itself first."""
    if kind in NOISE:
        corruption, strength = NOISE[kind]
        later = [corruption(images, strength, generator) for _ in range(1, frames)]
    else:
        draw = generator.random(len(images))
        later = [STEADY[kind](images, frame, draw) for frame in range(1, frames)]
    return np.stack([images, *later], axis=1)
