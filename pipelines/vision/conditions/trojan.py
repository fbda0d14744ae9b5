"""Test images with and without a trigger, seen by the same method and model trained on images of which some have the
trigger and the label of a target class: whether a method resists poisoning (Gu et al. 2017, arXiv 1708.06733).
"""

from dataclasses import replace
from typing import Annotated

import numpy as np

from pipelines.data import DataError
from pipelines.parts import Range, Share, Whole
from pipelines.supervised.draws import numpy_generator
from pipelines.vision.condition import Condition, take
from pipelines.vision.data import Dataset, Examples, Split, split_of
from pipelines.vision.triggers import Family, Trigger, poison_rows
from pipelines.vision.triggers import trigger as drawn


def condition(
    *,
    trigger: Family = "patch",
    strength: Share | None = None,
    pattern: Whole = 0,
    rate: Annotated[float, Range(0, 0.5)] = 0.02,
    target: Whole = 0,
    share: Annotated[float, Range(0.01, 1)] = 1.0,
) -> Condition:
    """trigger: a square of colours, an image mixed in, a sinusoid added, or a smooth displacement of the pixels; the
    same on every image. strength: the square's side as a share of the image's, the share mixed in, the amplitude as a
    share of the brightness range, the displacement as a share of the image's side; by default the family's own.
    pattern: which trigger of the family. rate: share of the training images that get the trigger and the target's
    label. target: the class. share: of the training images used, as many epochs: each run is trained a second time,
    at this share of its cost. A poisoned training image is in the group of some image of the target; a test image with
    the trigger has the target as its group, one without it has none."""

    def on(size: int) -> Trigger:
        return drawn(trigger, size, strength, numpy_generator(pattern, f"trigger/{trigger}"))

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        if target >= len(dataset.class_names):
            last = len(dataset.class_names) - 1
            raise DataError(
                f"condition trojan: 'target' is {target}; accepted: 0 to {last}, the classes of {dataset.name}"
            )
        test = dataset.splits["test"]
        marked = np.flatnonzero(test.labels != target)
        split = split_of(
            np.concatenate([test.images, on(test.images.shape[1])(test.images[marked])]),
            np.concatenate([test.labels, test.labels[marked]]),
            groups=np.repeat([-1, target], [len(test), len(marked)]),
        )
        return Examples(split, np.concatenate([np.arange(len(test)), marked]))

    def poisoned(training: Split, generator: np.random.Generator) -> Split:
        order = generator.permutation(len(training))
        used = take(training, np.sort(order[: max(1, round(share * len(training)))]))
        rows = poison_rows(used.labels, rate, target, generator)
        images, labels = used.images.copy(), used.labels.copy()
        images[rows], labels[rows] = on(images.shape[1])(images[rows]), target
        groups, of_target = used.groups.copy(), used.groups[used.labels == target]
        if len(of_target):
            groups[rows] = generator.choice(of_target, len(rows))
        return replace(used, images=images, labels=labels, groups=groups)

    return Condition(examples, has=("labels", "groups"), sibling=poisoned, cost=share)
