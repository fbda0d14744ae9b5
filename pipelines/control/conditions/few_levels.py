"""Levels drawn like the training levels, played by the same method and model trained on a share of the training levels:
how much they learn from few."""

from typing import Annotated

import numpy as np

from pipelines.control.condition import Condition
from pipelines.control.data import Levels
from pipelines.parts import Range


def condition(*, share: Annotated[float, Range(0.01, 0.99)] = 0.1) -> Condition:
    """share: of the training levels, for as many updates. Each run is trained a second time for it."""

    def fewer(training: Levels, generator: np.random.Generator) -> Levels:
        order = generator.permutation(len(training))
        return training.take(np.sort(order[: max(1, round(share * len(training)))]))

    return Condition("capability", sibling=fewer, cost=1.0)
