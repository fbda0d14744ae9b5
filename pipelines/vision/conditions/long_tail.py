"""Test images grouped by how often their class is in training: the most frequent third of classes is group 0, the
rarest group 2.

By default it looks at a second model of each run, trained on a share of the images in which classes become rarer in
the order of their index (long-tailed CIFAR: Cui et al. 2019, arXiv 1901.05555), so the study's own training may be
balanced. With few images and epochs keep the imbalance low: at 10 a resnet-8 of the default study had 1 % of the rarest
third right, at 5 it had 18 %.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from pipelines.parts import Range
from pipelines.vision.condition import Condition, take
from pipelines.vision.data import Dataset, Examples, Split, split_of


def condition(*, imbalance: Annotated[float, Range(1.5, 1000)] | None = 5) -> Condition:
    """imbalance: how many times more images of the first class than of the last the second model is trained on, as many
    epochs. null: none is trained, and the classes are as rare as the training data have them."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test, order = dataset.splits["test"], np.arange(len(dataset.class_names))
        if imbalance is None:
            counts = np.bincount(dataset.splits["train"].labels, minlength=len(order))
            order = np.argsort(-counts, kind="stable")
        third = np.empty(len(order), dtype=np.int64)
        third[order] = np.arange(len(order)) * 3 // len(order)
        return Examples(split_of(test.images, test.labels, groups=third[test.labels]), np.arange(len(test)))

    def rarer(training: Split, generator: np.random.Generator) -> Split:
        return take(training, long_tailed(training.labels, imbalance or 1, generator))

    has = ("labels", "groups")
    if imbalance is None:
        return Condition(examples, splits=("test", "train"), has=has)
    return Condition(examples, has=has, sibling=rarer, cost=float((1 - 1 / imbalance) / np.log(imbalance)))


def long_tailed(labels: NDArray[np.int64], imbalance: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Rows, in order, whose classes' counts fall geometrically from the most frequent class's count to that over
    `imbalance`; of a class with fewer, all.
    """
    counts = np.bincount(labels)
    shares = imbalance ** -np.linspace(0, 1, len(counts))
    wanted = np.maximum(1, np.rint(counts.max() * shares)).astype(int)
    order = generator.permutation(len(labels))
    kept = [order[labels[order] == label][:count] for label, count in enumerate(wanted)]
    return np.sort(np.concatenate(kept))
