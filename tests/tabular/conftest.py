"""Small data sets and a model of rows for the tests of the tabular domain."""

import pytest
import torch

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.tabular.classifier import build
from pipelines.tabular.data import Dataset

SMALL = {"train": 240, "more_train": 120, "validation": 200, "capability": 100, "test": 200}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def flows() -> Dataset:
    beside = {"unseen": 90, "drifted": 60, "training_outliers": 60}
    dataset: Dataset = parts.load("pipelines.tabular.datasets", "flows", {**SMALL, **beside}).load()
    return dataset


@pytest.fixture(scope="session")
def series() -> Dataset:
    beside = {"volatile": 100, "regime": 100}
    dataset: Dataset = parts.load("pipelines.tabular.datasets", "series", {**SMALL, **beside}).load()
    return dataset


@pytest.fixture
def classifier() -> Classifier:
    return build(parts.load("pipelines.tabular.models", "mlp", {"width": 8}), 20, 6, seed=0).eval()
