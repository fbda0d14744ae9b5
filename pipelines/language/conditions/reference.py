"""Training and validation documents: what temperatures are fitted on, and what students of weak labels are held
against."""

from dataclasses import replace

import numpy as np
import torch

from pipelines.language.condition import Condition, inference
from pipelines.language.data import Dataset, Examples, joined, take
from pipelines.outcomes import TRAINING, VALIDATION, Outcomes
from pipelines.parts import Count
from pipelines.supervised.classifier import Classifier


def condition(*, documents: Count = 500) -> Condition:
    """documents: of the training split, drawn at random; of the validation split all."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        training, validation = dataset.splits["train"], dataset.splits["validation"]
        rows = np.sort(generator.permutation(len(training))[:documents])
        both = joined([take(training, rows), validation])
        return Examples(both, np.concatenate([rows, np.arange(len(validation))]), dataset.world.vocabulary)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        training = int(np.flatnonzero(examples.rows == 0)[-1])  # those of validation begin again at the first row
        parts = np.repeat([0, 1], [training, len(examples) - training])
        return replace(inference(model, examples, generator), parts=parts, part_names=(TRAINING, VALIDATION))

    return Condition(examples, outcomes, splits=("train", "validation"))
