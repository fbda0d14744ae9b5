"""Image classifiers of one architecture and method at several seeds and options, trained and looked at together."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from pipelines.supervised.classifier import Build
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.running import Running
from pipelines.supervised.together import Together
from pipelines.supervised.training import Augment, as_it_is
from pipelines.vision import training
from pipelines.vision.architecture import Architecture, build
from pipelines.vision.data import Split, split_of
from pipelines.vision.running import part
from pipelines.vision.training import Budget, budget

__all__ = ["predict", "train", "trains_together"]


def fresh(architecture: Architecture, about: Mapping[str, int]) -> Build:
    """Makes fresh classifiers of images of this size and these classes."""
    return partial(build, architecture, about["classes"], about["size"])


def data(splits: Mapping[str, Split], method: Method, about: Mapping[str, int], device: str) -> TrainingData:
    """What a run may learn from."""
    return training.training_data(splits, method, about["classes"], device)


def few(count: int, about: Mapping[str, int]) -> Split:
    """Black images, of several classes and one group."""
    images = np.zeros((count, about["size"], about["size"], 3), np.uint8)
    return split_of(images, np.arange(count) % about["classes"], np.zeros(count, np.int64))


def augment(budget: Budget) -> Augment:
    """As the budget says."""
    return partial(training.augment, budget) if budget.shift or budget.flip else as_it_is


_together = Together("pipelines.vision", Running(part), budget, fresh, data, few, augment)
train, predict, trains_together = _together.train, _together.predict, _together.trains_together
