"""A weak supervisor: a small model, trained for a short time, that answers documents about strangers."""

from dataclasses import replace

import numpy as np
import torch

from pipelines.language.architecture import build
from pipelines.language.condition import answers_of
from pipelines.language.data import CONTEXT, Split, take
from pipelines.language.models import transformer
from pipelines.language.training import budget, train
from pipelines.language.vocabulary import Vocabulary
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.device import compute_reproducibly, one_thread
from pipelines.supervised.methods import standard

SEED = 50


def supervisor(training: Split, vocabulary: Vocabulary, width: int, share: float) -> Classifier:
    """A transformer of this width, trained on a share of the training documents."""
    compute_reproducibly()
    order = np.random.default_rng(SEED).permutation(len(training))
    few = take(training, order[: max(1, round(share * len(training)))])
    architecture = transformer.model(width=width)
    with one_thread():
        (end,) = train(architecture, standard.method(), {"train": few}, vocabulary, budget(), SEED)
    made = build(architecture, vocabulary.size, SEED)
    made.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in end.weights.items()})
    return made.eval()


def weakly_labelled(split: Split, supervisor: Classifier, vocabulary: Vocabulary) -> Split:
    """The documents with the supervisor's answers to those about strangers."""
    rows = split.groups == CONTEXT
    documents = split.documents[rows]
    with one_thread():
        answers = answers_of(supervisor, documents, vocabulary).argmax(axis=1)
    weak = split.weak.copy()
    weak[rows] = vocabulary.first_answer(documents) + answers
    return replace(split, weak=weak)
