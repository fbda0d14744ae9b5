"""What the stages ask of the tabular domain before a run: plain specifications (`{use, options}`) in, values out."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pipelines.flops import FlopCount
from pipelines.supervised import training
from pipelines.supervised.asking import Asking
from pipelines.supervised.classifier import count_parameters
from pipelines.supervised.cost import Bounded, Cost
from pipelines.supervised.device import one_thread
from pipelines.supervised.draws import numpy_generator
from pipelines.tabular.classifier import build
from pipelines.tabular.condition import Condition
from pipelines.tabular.data import Dataset, Examples, Loader, Shape
from pipelines.tabular.overlaps import overlaps
from pipelines.tabular.running import Spec, architecture, part
from pipelines.tabular.training import budget

__all__ = [
    "budget",
    "cost",
    "dataset",
    "describe",
    "examples",
    "files",
    "needs_groups",
    "outcomes_have",
    "overlaps",
    "own_model",
    "parameters",
    "shape",
    "sibling_cost",
    "splits_needed",
    "training_cost",
    "training_examples",
    "training_steps",
]

asking = Asking(part)
training_cost, own_model, needs_groups = asking.training_cost, asking.own_model, asking.needs_groups
splits_needed = asking.splits_needed
sibling_cost, outcomes_have = asking.sibling_cost, asking.outcomes_have


def shape(data: Spec) -> Shape:
    """What is known of a dataset before it is made."""
    loader: Loader = part("datasets", data)
    return loader.shape()


def files(data: Spec) -> list[Path]:
    """None: the rows are drawn."""
    return []


def dataset(data: Spec) -> Dataset:
    """The data set itself."""
    loader: Loader = part("datasets", data)
    return loader.load()


def describe(data: Dataset) -> dict[str, Any]:
    """The classes, and the number of features."""
    return {"classes": list(data.class_names), "features": data.splits["train"].rows.shape[1]}


def cost(model: Spec, shape: Shape) -> Cost:
    """What one row costs in training. Raises ValueError where the model is too large."""
    with one_thread():
        with Bounded():
            classifier = build(part("models", model), shape.features, shape.classes, seed=0)
        with FlopCount() as count:
            classifier(torch.zeros(2, shape.features)).sum().backward()
    return Cost(count_parameters(classifier), count.total / 2)


def parameters(model: Spec, method: Spec, shape: Shape) -> int:
    """Trainable parameters of a model as a method builds it. Raises ValueError where it cannot."""
    chosen = asking.method(method)
    with one_thread(), Bounded():
        fresh = partial(build, architecture(model, chosen), shape.features, shape.classes)
        return count_parameters(chosen.build(fresh, 0))


def training_steps(shape: Shape, options: Mapping[str, Any]) -> int:
    """The steps of a whole training run with these options of its budget."""
    return training.steps_of(shape.train, budget(**options))


def training_examples(shape: Shape, options: Mapping[str, Any]) -> int:
    """The rows that a whole training run with these options of its budget sees."""
    return shape.train * budget(**options).epochs


def examples(condition: Spec, data: Dataset) -> Examples:
    """A condition's examples, the same for every model."""
    chosen: Condition = part("conditions", condition)
    return chosen.examples(data, numpy_generator(0, f"examples/{condition['use']}"))
