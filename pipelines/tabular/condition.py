"""A condition on rows: the examples a trained model is put through, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.supervised import condition
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.tabular.data import Dataset, Examples, Floats, Integers, Split
from pipelines.tabular.training import as_they_are, tensor


def inference(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are."""
    return outcomes_of(examples, logits_of(model, examples.split.rows))


def inference_with_features(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are, and the inputs of its last layer."""
    return replace(
        inference(model, examples, generator), features=in_batches(model.features, model, examples.split.rows)
    )


@dataclass(frozen=True)
class Condition(condition.Condition[Dataset, Examples, Split]):
    """What is done with a data set of rows and a model: plain inference, unless it says otherwise."""

    outcomes: Callable[[Classifier, Examples, torch.Generator], Outcomes] = inference


def whole(name: str) -> Callable[[Dataset, np.random.Generator], Examples]:
    """All rows of a split."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        split = dataset.splits[name]
        return Examples(split, np.arange(len(split)))

    return examples


def some_of(total: int, count: int, generator: np.random.Generator) -> Integers:
    """`count` of the rows 0 to `total` - 1, at random, in order; all where there are no more."""
    return np.sort(generator.permutation(total)[:count])


def logits_of(model: Classifier, rows: Floats) -> Floats:
    """Logits [n, classes]."""
    return in_batches(model, model, rows)


def in_batches(function: Callable[[Tensor], Tensor], model: Classifier, rows: Floats) -> Floats:
    """A function, where the model computes, of rows [n, features]."""
    return condition.in_batches(function, tensor(rows), as_they_are, device_of(model))


def outcomes_of(examples: Examples, logits: Floats) -> Outcomes:
    """Outcomes with the examples' labels, groups and parts."""
    split = examples.split
    return Outcomes(logits, split.labels, examples.rows, split.groups, split.parts, split.part_names)
