"""Test images grouped by how hard they are, a tenth each: group 0 the easiest, group 9 the hardest.

No model judges what is hard. An image is the harder, the nearer the training images of other classes are as against
those of its own: the mean distance to the ten nearest of its class over that to the ten nearest of any other, as grey
images of the same mean and contrast. It needs nothing of the dataset but its labels, and it is the same for all models.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset, Examples, Split, split_of

BINS, NEIGHBOURS = 10, 10
BATCH = 250  # test images at a time: their distances to all training images are in memory together


def condition() -> Condition:
    """No options. On the default glyphs, hardness told ten models' errors from their right answers at an AUROC of .61
    to .87, and on the hardest tenth they erred 1.3 to 7 times as often as on all."""
    return Condition(by_difficulty, splits=("test", "train"), has=("labels", "groups"))


def by_difficulty(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """All test images, the tenth of each as its group."""
    test = dataset.splits["test"]
    hardness = nearness_to_others(test, dataset.splits["train"])
    tenth = np.empty(len(test), dtype=np.int64)
    tenth[np.argsort(hardness, kind="stable")] = np.arange(len(test)) * BINS // len(test)
    return Examples(split_of(test.images, test.labels, groups=tenth), np.arange(len(test)))


def nearness_to_others(test: Split, train: Split) -> NDArray[np.float64]:
    """Mean distance to the nearest training images of the same class over that to the nearest of another [n]."""
    known = standardised(train.images)
    hardness = []
    for start in range(0, len(test), BATCH):
        some = slice(start, start + BATCH)
        distances = np.sqrt(np.maximum(2 - 2 * standardised(test.images[some]) @ known.T, 0))
        same = test.labels[some, None] == train.labels
        own, other = (mean_of_nearest(np.where(these, distances, np.inf)) for these in (same, ~same))
        hardness.append(own / np.maximum(other, 1e-9))
    return np.concatenate(hardness)


def mean_of_nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row's least ten numbers, or of those that are finite where they are fewer."""
    nearest = np.partition(distances, min(NEIGHBOURS, distances.shape[1]) - 1, axis=1)[:, :NEIGHBOURS]
    there = np.isfinite(nearest)
    return np.asarray(np.where(there, nearest, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))


def standardised(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Grey images as vectors of mean 0 and length 1 [n, pixels]; one without any contrast is 0."""
    grey = images.mean(axis=3, dtype=np.float64).reshape(len(images), -1)
    grey -= grey.mean(axis=1, keepdims=True)
    return np.asarray(grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-9))
