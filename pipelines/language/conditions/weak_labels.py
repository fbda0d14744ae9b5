"""Questions about strangers, seen by the same method and model trained on documents about strangers that bear the
answers of a weak supervisor (Burns et al. 2023, arXiv 2312.09390): how far a student gets beyond who supervises it.

With errors at random as many labels are wrong, but the errors say nothing: what a student recovers then it would
recover from any noise of that rate.
"""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch

from pipelines.language.condition import Condition, inference
from pipelines.language.data import CONTEXT, Dataset, Examples, Split, take
from pipelines.language.vocabulary import ATTRIBUTE, Tokens
from pipelines.outcomes import Outcomes
from pipelines.parts import Range
from pipelines.supervised.classifier import Classifier


def condition(
    *, errors: Literal["weak", "random"] = "weak", share: Annotated[float, Range(0.01, 1)] = 1.0
) -> Condition:
    """errors: the supervisor's, or as many at random. share: of the training documents used, as many epochs: each run
    is trained a second time, at this share of its cost."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        validation = dataset.splits["validation"]
        rows = np.flatnonzero(validation.groups == CONTEXT)
        return Examples(take(validation, rows), rows, dataset.world.vocabulary)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        right = (examples.split.weak == examples.split.truths).astype(np.float32)
        return replace(inference(model, examples, generator), values={"weak_right": right})

    def supervised(training: Split, generator: np.random.Generator) -> Split:
        order = generator.permutation(len(training))
        used = take(training, np.sort(order[: max(1, round(share * len(training)))]))
        return replace(used, labels=used.weak if errors == "weak" else with_errors_at_random(used, generator))

    has = ("labels", "weak_right")
    return Condition(examples, outcomes, ("validation",), has, supervised, share)


def with_errors_at_random(split: Split, generator: np.random.Generator) -> Tokens:
    """Labels of which as many are wrong about strangers as weak ones are: of documents at random, another value."""
    asked = np.flatnonzero(split.groups == CONTEXT)
    wrong = generator.permutation(asked)[: int((split.weak != split.truths)[asked].sum())]
    labels = split.weak.copy()
    labels[asked] = split.truths[asked]
    for attribute in np.unique(split.documents[asked, ATTRIBUTE]):
        rows = wrong[split.documents[wrong, ATTRIBUTE] == attribute]
        values = np.unique(split.truths[asked[split.documents[asked, ATTRIBUTE] == attribute]])
        place = np.searchsorted(values, split.truths[rows])
        labels[rows] = values[(place + generator.integers(1, len(values), len(rows))) % len(values)]
    return labels
