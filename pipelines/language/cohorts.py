"""Language models of one architecture and method at several seeds and options, trained together."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from pipelines.language import training
from pipelines.language.architecture import Architecture, build
from pipelines.language.data import FACT, Split
from pipelines.language.documents import split_of
from pipelines.language.running import part
from pipelines.language.training import budget
from pipelines.language.vocabulary import ATTRIBUTE, ENTITY, LENGTH, NEUTRAL, SPEAKER, SPEAKERS, Vocabulary
from pipelines.supervised.classifier import Build
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.running import Running
from pipelines.supervised.together import Together

__all__ = ["predict", "train", "trains_together"]


def fresh(architecture: Architecture, about: Mapping[str, int]) -> Build:
    """Makes fresh models of documents of this vocabulary."""
    return partial(build, architecture, Vocabulary(**about).size)


def data(splits: Mapping[str, Split], method: Method, about: Mapping[str, int], device: str) -> TrainingData:
    """What a run may learn from."""
    return training.training_data(splits, method, Vocabulary(**about), device)


def few(count: int, about: Mapping[str, int]) -> Split:
    """Questions about the first attribute of the first entity, with nothing said before; several answers."""
    vocabulary = Vocabulary(**about)
    documents = np.zeros((count, LENGTH), np.int64)
    documents[:, [ENTITY, ATTRIBUTE, SPEAKER]] = SPEAKERS, vocabulary.first_attribute, NEUTRAL
    return split_of(documents, vocabulary.value(0, np.arange(count) % vocabulary.values), FACT)


_together = Together("pipelines.language", Running(part), budget, fresh, data, few)
train, predict, trains_together = _together.train, _together.predict, _together.trains_together
