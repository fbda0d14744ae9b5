"""A small dataset and small models for the tests of the vision domain."""

import pytest
import torch

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import build
from pipelines.vision.data import Dataset

SMALL = {
    "train": 120,
    "more_train": 60,
    "validation": 20,
    "capability": 40,
    "test": 60,
    "held_out_fonts": 40,
    "spurious": 60,
    "cue_conflict": 40,
    "cue_swap": 30,
    "localised": 12,
    "outliers": 40,
    "training_outliers": 60,
    "transfer_train": 60,
    "transfer_test": 40,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def glyphs() -> Dataset:
    dataset: Dataset = parts.load("pipelines.vision.datasets", "glyphs", SMALL).load()
    return dataset


@pytest.fixture
def classifier() -> Classifier:
    return build(parts.load("pipelines.vision.models", "resnet", {"width": 4}), 10, 32, seed=0).eval()
