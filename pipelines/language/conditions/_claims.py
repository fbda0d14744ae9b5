"""Questions about facts after a false claim."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipelines.language.condition import BELIEF, Condition, inference_with_belief
from pipelines.language.data import Dataset, Examples
from pipelines.language.documents import asked_facts, flatterers


def answered_by(speakers: Sequence[int], times: int) -> Condition:
    """Each fact of the test split so many times, asked of one of these speakers after a false claim about it."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        world, test = dataset.world, dataset.splits["test"]
        rows = np.repeat(np.arange(len(test)), times)
        facts = asked_facts(world, test.documents)[rows]
        return Examples(flatterers(world, facts, speakers, generator), rows, world.vocabulary)

    return replace(Condition(examples), outcomes=inference_with_belief, has=("labels", *BELIEF))
