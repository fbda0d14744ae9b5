"""Classifiers of rows of one architecture and method at several seeds and options, trained together."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from pipelines.supervised.classifier import Build
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.running import Running
from pipelines.supervised.together import Together
from pipelines.tabular import training
from pipelines.tabular.classifier import Architecture, build
from pipelines.tabular.data import Split, split_of
from pipelines.tabular.running import part
from pipelines.tabular.training import budget

__all__ = ["predict", "train", "trains_together"]


def fresh(architecture: Architecture, about: Mapping[str, int]) -> Build:
    """Makes fresh classifiers of rows of these features and classes."""
    return partial(build, architecture, about["features"], about["classes"])


def data(splits: Mapping[str, Split], method: Method, about: Mapping[str, int], device: str) -> TrainingData:
    """What a run may learn from."""
    return training.training_data(splits, method, about["classes"], device)


def few(count: int, about: Mapping[str, int]) -> Split:
    """Rows of zeros, of several classes and one group."""
    rows = np.zeros((count, about["features"]), np.float32)
    return split_of(rows, np.arange(count) % about["classes"], np.zeros(count, np.int64))


_together = Together("pipelines.tabular", Running(part), budget, fresh, data, few)
train, predict, trains_together = _together.train, _together.predict, _together.trains_together
