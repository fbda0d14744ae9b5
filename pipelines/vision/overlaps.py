"""Images that stand in two splits where they must not: what was trained on says nothing when it is tested on."""

from hashlib import blake2b
from itertools import product

from pipelines.data import LEARNT, DataError
from pipelines.vision.data import Dataset, Split

TOLERATED = 0.01  # of a split's images: real collections hold some pictures twice
OUTLIERS = ("near_outliers", "far_outliers")
NOT_OUTLIERS = (*LEARNT, "training_outliers", "test")
NOT_TRAINED_ON = ("capability", "test")


def overlaps(dataset: Dataset) -> list[str]:
    """A line for each split that shares a few images, byte by byte, with those to learn from.

    Raises DataError where an outlier is also a training or test image, or an outlier to train on, and where more than
    1 % of a split that is drawn like the training images are training images.
    """
    pictures = {name: digests(split) for name, split in dataset.splits.items()}
    lines = []
    for name in OUTLIERS:
        for other in NOT_OUTLIERS:
            if shared := common(pictures, name, other):
                found = f"{shared} of the {len(pictures[name])} images of {name} are in {other}, too"
                raise DataError(f"{dataset.name}: {found}; accepted: none")
    for name, other in product(NOT_TRAINED_ON, LEARNT):
        if shared := common(pictures, name, other):
            found = f"{dataset.name}: {shared} of the {len(pictures[name])} images of {name} are in {other}, too"
            if shared > TOLERATED * len(pictures[name]):
                raise DataError(f"{found}; accepted: at most 1 %")
            lines.append(found)
    return lines


def digests(split: Split) -> list[bytes]:
    """A digest of each image's bytes."""
    return [blake2b(image.tobytes(), digest_size=16).digest() for image in split.images]


def common(pictures: dict[str, list[bytes]], name: str, other: str) -> int:
    """How many images of a split are in another, too; 0 where the dataset lacks one of them."""
    there = set(pictures.get(other, ()))
    return sum(picture in there for picture in pictures.get(name, ()))
