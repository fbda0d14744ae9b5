"""Test images under common corruptions at five severities (after Hendrycks & Dietterich 2019, arXiv 1903.12261).

Made once, so that every model sees the same pixels. A part is a corruption at a severity; each has its own draw of test
images, which the choice of other kinds does not change.

A corruption that a method trains on measures memory, not robustness. Noise in training overlaps with gaussian_noise,
shot_noise, speckle_noise and, in part, impulse_noise, so does the grain of the glyphs themselves (a standard deviation
of .04, severity 1); the usual AugMix operations leave out contrast, brightness, saturation and blur for that reason,
and its turns and shears overlap with elastic; random erasing and cutout with snow, frost and spatter. Leave the
overlapping kinds out with `kinds`, or read their parts on their own.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import EVERY_PART, Outcomes
from pipelines.parts import Count
from pipelines.supervised.draws import numpy_generator
from pipelines.vision.condition import Condition, of_logits, outcomes_of, some_of, take
from pipelines.vision.conditions._corrupt import CORRUPTIONS
from pipelines.vision.data import Dataset, Examples, split_of

NO_GROUP, CLEAN = -1, 0  # groups of the examples: clean ones are not among the outcomes


def condition(*, images: Count = 100, kinds: list[str] | None = None, clean: bool = False) -> Condition:
    """images: test images for each of the parts. kinds: which corruptions, all by default. clean: whether the same
    images are shown uncorrupted, too, for what is relative to that: the value right_when_clean."""
    unknown = [kind for kind in kinds or [] if kind not in CORRUPTIONS]
    if unknown:
        raise ValueError(f"'kinds' has {', '.join(map(repr, unknown))}, not one of: {', '.join(CORRUPTIONS)}")
    chosen = {kind: CORRUPTIONS[kind] for kind in kinds or CORRUPTIONS}

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test, seed = dataset.splits["test"], int(generator.integers(2**32))
        made, rows, names = [], [], []
        for kind, (corrupt, strengths) in chosen.items():
            for severity, strength in enumerate(strengths, start=1):
                own = numpy_generator(seed, f"{kind} {severity}")
                drawn = some_of(len(test), images, own)
                shown = corrupt(test.images[drawn].astype(np.float32) / 255, strength, own)
                made.append(np.rint(shown.clip(0, 1) * 255).astype(np.uint8))
                rows.append(drawn)
                names.append(f"{kind} {severity}")
        seen = np.unique(np.concatenate(rows)) if clean else np.zeros(0, dtype=np.int64)
        every = np.concatenate([*rows, seen])
        split = split_of(
            np.concatenate([*made, test.images[seen]]),
            test.labels[every],
            groups=np.repeat([NO_GROUP, CLEAN], [len(every) - len(seen), len(seen)]),
            parts=np.repeat([*range(len(names)), EVERY_PART], [*map(len, rows), len(seen)]),
            part_names=tuple(names),
        )
        return Examples(split, every)

    if not clean:
        return Condition(examples)
    return Condition(examples, of_logits(beside_clean), has=("labels", "right_when_clean"))


def beside_clean(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
    """A model's logits on the corrupted images and, as the value `right_when_clean`, whether it is right (1 or 0) on
    the image that each was made from.
    """
    split, rows = examples.split, examples.rows
    corrupted, clean = np.flatnonzero(split.groups == NO_GROUP), np.flatnonzero(split.groups == CLEAN)
    right = np.zeros(rows.max() + 1, dtype=np.float32)
    right[rows[clean]] = logits[clean].argmax(axis=1) == split.labels[clean]
    shown = Examples(take(split, corrupted), rows[corrupted])
    return replace(outcomes_of(shown, logits[corrupted]), values={"right_when_clean": right[shown.rows]})
