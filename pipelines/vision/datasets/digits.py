"""scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, enlarged. They come with scikit-learn.

E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from pipelines.parts import Count, Range, Share, Whole
from pipelines.vision.data import Loader
from pipelines.vision.datasets._images import squares_of_arrays
from pipelines.vision.datasets._labelled import AtLeastTwo, Choices, Source, loader


def dataset(
    *,
    size: Annotated[int, Range(8, 256)] = 32,
    train: Count | None = None,
    more_train: Whole = 0,
    test: Count | None = None,
    validation_share: Share = 0.1,
    test_share: Share = 0.3,
    outliers: AtLeastTwo = 600,
    training_outliers: AtLeastTwo = 2000,
    near_outliers: Mapping[str, Any] | None = None,
    seed: Whole = 0,
) -> Loader:
    """train, more_train (of what train leaves), test: at most so many images. test_share: of all; validation_share: of
    the rest, for validation and for the capability score. near_outliers: {use: dataset, ...its options}, whose test
    split they are."""
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    return loader("digits", source, choices)


def source() -> Source:
    """All images, as one pool."""
    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)

    def read(kind: str, rows: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        return squares_of_arrays(pixels[rows], size)

    return Source("digits", tuple("0123456789"), {"train": found.target.astype(np.int64)}, read)
