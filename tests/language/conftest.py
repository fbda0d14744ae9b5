"""A small world and small models for the tests of the language domain."""

import pytest
import torch

from pipelines import parts
from pipelines.language.architecture import build
from pipelines.language.data import Dataset
from pipelines.supervised.classifier import Classifier

SMALL = {
    "train": 600,
    "more_train": 300,
    "tuning": 30,
    "validation": 40,
    "context": 40,
    "entities": 20,
    "attributes": 2,
    "values": 4,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def world() -> Dataset:
    dataset: Dataset = parts.load("pipelines.language.datasets", "facts", SMALL).load()
    return dataset


@pytest.fixture
def model(world: Dataset) -> Classifier:
    architecture = parts.load("pipelines.language.models", "transformer", {"width": 8})
    return build(architecture, world.world.vocabulary.size, seed=0).eval()
