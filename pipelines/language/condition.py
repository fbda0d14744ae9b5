"""A condition on documents: what a trained model is asked, and what is recorded of its answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from pipelines.language.data import Dataset, Examples, Split
from pipelines.language.documents import bare
from pipelines.language.training import as_they_are
from pipelines.language.vocabulary import Tokens, Vocabulary
from pipelines.outcomes import Outcomes
from pipelines.supervised import condition
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of, in_batches

Logits = NDArray[np.float32]


def inference(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's answers to the documents as they are."""
    return outcomes_of(examples, answers_of(model, examples.split.documents, examples.vocabulary))


def inference_with_belief(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's answers, and the probabilities of two of them: of what it answers to the same question with nothing
    said before (its belief), and of what is falsely claimed.
    """
    documents, vocabulary = examples.split.documents, examples.vocabulary
    found = inference(model, examples, generator)
    belief = answers_of(model, bare(documents), vocabulary).argmax(axis=1)
    claim = examples.split.claims - vocabulary.first_answer(documents)
    probabilities, rows = softmax(found.logits, axis=1), np.arange(len(documents))
    return replace(found, values={"believed": probabilities[rows, belief], "claimed": probabilities[rows, claim]})


BELIEF = ("believed", "claimed")  # the values that `inference_with_belief` records


@dataclass(frozen=True)
class Condition(condition.Condition[Dataset, Examples, Split]):
    """What is done with documents and a model: plain inference, unless it says otherwise."""

    outcomes: Callable[[Classifier, Examples, torch.Generator], Outcomes] = inference


def whole(name: str) -> Callable[[Dataset, np.random.Generator], Examples]:
    """All documents of a split."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        split = dataset.splits[name]
        return Examples(split, np.arange(len(split)), dataset.world.vocabulary)

    return examples


def answers_of(model: Classifier, documents: Tokens, vocabulary: Vocabulary) -> Logits:
    """Logits [n, values] of the values of the attribute that each document asks for."""

    def logits(batch: Tensor) -> Tensor:
        answers = vocabulary.first_answer(batch)[:, None] + torch.arange(vocabulary.values, device=batch.device)
        return torch.gather(model(batch), 1, answers)

    return in_batches(logits, torch.tensor(documents), as_they_are, device_of(model))


def outcomes_of(examples: Examples, logits: Logits) -> Outcomes:
    """Outcomes with the true value of the attribute as label; no groups, no parts."""
    split, none = examples.split, np.full(len(examples), -1)
    labels = split.truths - examples.vocabulary.first_answer(split.documents)
    return Outcomes(logits, labels, examples.rows, none, none)
