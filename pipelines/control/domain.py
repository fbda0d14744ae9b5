"""What the stages ask of the control domain before a run: plain specifications (`{use, options}`) in, values out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipelines.control.agent import Architecture
from pipelines.control.condition import Condition
from pipelines.control.data import Dataset, Levels, Loader, Shape
from pipelines.control.method import Method
from pipelines.control.ppo import EPOCHS
from pipelines.control.running import LEARNT, Spec, fresh, part
from pipelines.control.training import budget, steps_of
from pipelines.flops import FlopCount
from pipelines.supervised.cost import Bounded, Cost
from pipelines.supervised.device import one_thread

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

MOST_TIMES = 1000  # the training of standard, by a method


def shape(data: Spec) -> Shape:
    """What is known of a dataset before it is made."""
    loader: Loader = part("datasets", data)
    return loader.shape()


def files(data: Spec) -> list[Path]:
    """None: levels are drawn."""
    return []


def dataset(data: Spec) -> Dataset:
    """The dataset itself."""
    loader: Loader = part("datasets", data)
    return loader.load()


def overlaps(data: Dataset) -> list[str]:
    """A line for each split in which levels to learn from are."""
    learnt = {row for name, levels in data.splits.items() if name in LEARNT for row in rows_of(levels)}
    found = {name: len(rows_of(levels) & learnt) for name, levels in data.splits.items() if name not in LEARNT}
    return [f"{count} levels of the split {name!r} are learnt from, too" for name, count in found.items() if count]


def rows_of(levels: Levels) -> set[bytes]:
    """Each level as bytes."""
    arrays = [array.reshape(len(levels), -1) for _, array in sorted(levels.arrays.items()) if array.ndim]
    return {b"".join(array[row].tobytes() for array in arrays) for row in range(len(levels))}


def describe(data: Dataset) -> dict[str, Any]:
    """What the data set says of its levels."""
    return dict(data.about)


def cost(model: Spec, shape: Shape) -> Cost:
    """What one step costs in training: acted once, and learnt from EPOCHS times. Raises ValueError where the model is
    too large.
    """
    with one_thread():
        with Bounded():
            architecture: Architecture = part("models", model)
            agent = architecture(shape.observation, shape.actions, torch.Generator().manual_seed(0))
        observations = torch.zeros(2, shape.observation)
        with FlopCount() as acted:
            logits, values = agent(observations)
        with FlopCount() as back:
            (logits.sum() + values.sum()).backward()
    parameters = sum(weights.numel() for weights in agent.parameters())
    return Cost(parameters, (acted.total + EPOCHS * (acted.total + back.total)) / 2)


def training_cost(method: Spec) -> float:
    """A method's training time as a multiple of standard."""
    return float(part("methods", method).cost)


def own_model(method: Spec) -> bool:
    """Whether a method trains other agents than the model as it is."""
    chosen: Method = part("methods", method)
    return chosen.members != 1 or chosen.width != 1


def parameters(model: Spec, method: Spec, shape: Shape) -> int:
    """Trainable parameters of a model's agents as a method builds them. Raises ValueError where it cannot."""
    chosen: Method = part("methods", method)
    if chosen.cost > MOST_TIMES:
        raise ValueError(f"takes {chosen.cost:,.0f} times the training of standard; accepted: at most {MOST_TIMES:,}")
    with one_thread(), Bounded():
        policy = fresh(model, chosen, shape.about, 0)
    return sum(weights.numel() for weights in policy.agents.parameters())


def needs_groups(method: Spec) -> bool:
    """No method of agents does."""
    return False


def splits_needed(kind: str, spec: Spec) -> tuple[str, ...]:
    """The splits that a method or condition takes from the dataset."""
    needed: Method | Condition = part(kind, spec)
    return needed.splits if isinstance(needed, Method) else (needed.split,)


def training_steps(shape: Shape, options: Mapping[str, Any]) -> int:
    """The updates of a whole training run with these options of its budget."""
    return budget(**options).updates


def training_examples(shape: Shape, options: Mapping[str, Any]) -> int:
    """The steps that agents take in a whole training run with these options of its budget."""
    return steps_of(budget(**options))


def sibling_cost(condition: Spec) -> float | None:
    """What the second model costs, as a multiple of the run's own training, that a condition has trained for it; None
    for a condition that looks at the run's own model.
    """
    chosen: Condition = part("conditions", condition)
    return None if chosen.sibling is None else chosen.cost


def outcomes_have(condition: Spec) -> tuple[str, ...]:
    """What a condition's outcomes have for metrics."""
    chosen: Condition = part("conditions", condition)
    return chosen.has


def examples(condition: Spec, data: Dataset) -> Levels:
    """A condition's levels, the same for every model."""
    chosen: Condition = part("conditions", condition)
    return data.splits[chosen.split]
