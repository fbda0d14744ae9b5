"""What the stages ask of the vision domain before a run: plain specifications (`{use, options}`) in, values out."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pipelines.flops import FlopCount
from pipelines.supervised import training
from pipelines.supervised.classifier import count_parameters
from pipelines.supervised.cost import Bounded, Cost, one_thread
from pipelines.supervised.draws import numpy_generator
from pipelines.supervised.method import Method, same_build
from pipelines.vision.architecture import build
from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset, Examples, Loader, Shape
from pipelines.vision.overlaps import overlaps
from pipelines.vision.running import Spec, architecture, part
from pipelines.vision.training import budget

__all__ = [
    "budget",
    "companion_cost",
    "condition_modules",
    "cost",
    "dataset",
    "describe",
    "example_modules",
    "examples",
    "files",
    "needs_groups",
    "outcomes_have",
    "overlaps",
    "own_model",
    "parameters",
    "shape",
    "splits_needed",
    "training_cost",
    "training_examples",
    "training_modules",
    "training_steps",
]

MOST_TIMES = 1000  # the training of standard, by a method
FILES = ("path", "root", "images", "labels", "test_images", "test_labels")  # options of data sets that name them


def shape(data: Spec) -> Shape:
    """What is known of a dataset before it is made."""
    loader: Loader = part("datasets", data)
    return loader.shape()


def files(data: Spec) -> list[Path]:
    """The files and folders that a dataset is read from, its near outliers too."""
    options = data["options"]
    near = dict(options.get("near_outliers") or {})
    beside = files({"options": near}) if near else []
    return [Path(options[name]) for name in FILES if isinstance(options.get(name), str)] + beside


def dataset(data: Spec) -> Dataset:
    """The dataset itself."""
    loader: Loader = part("datasets", data)
    return loader.load()


def describe(data: Dataset) -> dict[str, Any]:
    """The classes, and the size of an image in pixels."""
    return {"classes": list(data.class_names), "image size": [data.size, data.size]}


def cost(model: Spec, shape: Shape) -> Cost:
    """What one image costs in training. Raises ValueError where the images are too small for the model, or the model
    is too large.
    """
    with one_thread():
        with Bounded():
            classifier = build(part("models", model), shape.classes, shape.size, seed=0)
        with FlopCount() as count:
            classifier(torch.zeros(2, 3, shape.size, shape.size)).sum().backward()
    return Cost(count_parameters(classifier), count.total / 2)


def training_cost(method: Spec) -> float:
    """A method's training time as a multiple of standard."""
    return float(part("methods", method).cost)


def own_model(method: Spec) -> bool:
    """Whether a method trains another classifier than the model as it is."""
    chosen: Method = part("methods", method)
    return chosen.build is not same_build or chosen.width != 1


def parameters(model: Spec, method: Spec, shape: Shape) -> int:
    """Trainable parameters of a model as a method builds it. Raises ValueError where it cannot."""
    chosen: Method = part("methods", method)
    if chosen.cost > MOST_TIMES:
        raise ValueError(f"takes {chosen.cost:,.0f} times the training of standard; accepted: at most {MOST_TIMES:,}")
    with one_thread(), Bounded():
        return count_parameters(chosen.build(partial(build, architecture(model, chosen), shape.classes, shape.size), 0))


def needs_groups(method: Spec) -> bool:
    """Whether a method needs the groups of the training images."""
    chosen: Method = part("methods", method)
    return chosen.groups


def splits_needed(kind: str, spec: Spec) -> tuple[str, ...]:
    """The splits that a method or condition takes from the dataset."""
    needed: Method | Condition = part(kind, spec)
    return needed.splits


def training_steps(shape: Shape, options: Mapping[str, Any]) -> int:
    """The steps of a whole training run with these options of its budget."""
    return training.steps_of(shape.train, budget(**options))


def training_examples(shape: Shape, options: Mapping[str, Any]) -> int:
    """The images that a whole training run with these options of its budget sees."""
    return shape.train * budget(**options).epochs


def companion_cost(condition: Spec) -> float | None:
    """What the second model costs, as a multiple of the run's own training, that a condition has trained for it; None
    for a condition that looks at the run's own model.
    """
    chosen: Condition = part("conditions", condition)
    return None if chosen.companion is None else chosen.cost


def outcomes_have(condition: Spec) -> tuple[str, ...]:
    """What a condition's outcomes have for metrics."""
    chosen: Condition = part("conditions", condition)
    return chosen.has


def examples(condition: Spec, data: Dataset) -> Examples:
    """A condition's examples, the same for every model."""
    chosen: Condition = part("conditions", condition)
    return chosen.examples(data, numpy_generator(0, f"examples/{condition['use']}"))


def training_modules(run: Spec) -> list[str]:
    """The modules whose code decides what a training run gives."""
    return [
        "pipelines.vision.running",
        f"pipelines.vision.methods.{run['method']['use']}",
        f"pipelines.vision.models.{run['model']['use']}",
        *(condition_modules(run["companion"]) if run["companion"] else []),
    ]


def condition_modules(condition: Spec) -> list[str]:
    """The modules whose code decides a condition's outcomes, given the model and the examples."""
    return ["pipelines.vision.running", f"pipelines.vision.conditions.{condition['use']}"]


def example_modules(data: Spec, conditions: Collection[Spec]) -> list[str]:
    """The modules whose code decides a dataset and the examples of these conditions."""
    parts = [f"pipelines.vision.conditions.{condition['use']}" for condition in conditions]
    return ["pipelines.vision.domain", f"pipelines.vision.datasets.{data['use']}", *parts]
