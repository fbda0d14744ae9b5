"""Images drawn like the training images, seen by the same method and model trained on a share of the training images:
how much they learn from few."""

from typing import Annotated

import numpy as np

from pipelines.parts import Range
from pipelines.vision.condition import Condition, take, whole
from pipelines.vision.conditions.clean import without_parts
from pipelines.vision.data import Dataset, Examples, Split


def condition(*, share: Annotated[float, Range(0.01, 0.99)] = 0.25) -> Condition:
    """share: of the training images, as many epochs. Each run is trained a second time for it."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        return without_parts(whole("capability")(dataset, generator))

    def fewer(training: Split, generator: np.random.Generator) -> Split:
        order = generator.permutation(len(training))
        return take(training, np.sort(order[: max(1, round(share * len(training)))]))

    return Condition(examples, splits=("capability",), sibling=fewer, cost=share)
