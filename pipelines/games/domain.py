"""What the stages ask of the games domain before a run: plain specifications (`{use, options}`) in, values out."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.data import DataError
from pipelines.games.condition import Condition
from pipelines.games.counting import SolveCount
from pipelines.games.data import Dataset, Examples, Loader, Shape
from pipelines.games.method import Method, Step, against_a_frozen_copy, same_build
from pipelines.games.policy import build, count_parameters
from pipelines.games.running import Spec, architecture, part
from pipelines.games.training import budget
from pipelines.supervised.cost import Bounded, Cost
from pipelines.supervised.device import one_thread
from pipelines.supervised.draws import numpy_generator

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
    """What is known of a data set before it is made."""
    loader: Loader = part("datasets", data)
    return loader.shape()


def files(data: Spec) -> list[Path]:
    """None: the games are drawn."""
    return []


def dataset(data: Spec) -> Dataset:
    """The data set itself."""
    loader: Loader = part("datasets", data)
    return loader.load()


def overlaps(data: Dataset) -> list[str]:
    """No line: raises DataError where a game to learn from is in another split, too."""
    learnt = {game.tobytes() for game in data.splits["train"].payoffs}
    for name, split in data.splits.items():
        shared = sum(game.tobytes() in learnt for game in split.payoffs)
        if shared and name != "train":
            raise DataError(f"{data.name}: {shared} of the games of {name} are in train, too; accepted: none")
    return []


def describe(data: Dataset) -> dict[str, Any]:
    """The kinds of games, and the discount."""
    train = data.splits["train"]
    return {"kinds": list(train.kind_names), "discount": train.discount}


def examples(condition: Spec, data: Dataset) -> Examples:
    """A condition's examples, the same for every model."""
    chosen: Condition = part("conditions", condition)
    return chosen.examples(data, numpy_generator(0, f"examples/{condition['use']}"))


def training_steps(shape: Shape, options: Mapping[str, Any]) -> int:
    """The steps of a whole training run with these options of its budget."""
    return budget(**options).steps


def training_examples(shape: Shape, options: Mapping[str, Any]) -> int:
    """The games that a whole training run with these options of its budget sees."""
    chosen = budget(**options)
    return chosen.steps * chosen.batch_size


def cost(model: Spec, shape: Shape) -> Cost:
    """What one game costs in training. Raises ValueError where the model is too large."""
    with one_thread():
        with Bounded():
            policy = build(part("models", model), seed=0)
        games = torch.from_numpy(np.linspace(0, 1, 16, dtype=np.float32).reshape(2, 2, 4))
        with SolveCount() as count:
            own, copy = policy(games), policy(games).detach()
            step = Step(own, copy, games, shape.discount)
            (against_a_frozen_copy(step) + against_a_frozen_copy(step)).sum().backward()
    return Cost(count_parameters(policy), count.total / 2)


def method_of(method: Spec) -> Method:
    """The method. Raises ValueError where it takes more training than anyone would wait for."""
    chosen: Method = part("methods", method)
    if chosen.cost > MOST_TIMES:
        takes = f"takes {chosen.cost:,.0f} times the training of standard"
        raise ValueError(f"{takes}; accepted: at most {MOST_TIMES:,}")
    return chosen


def training_cost(method: Spec) -> float:
    """A method's training time as a multiple of standard."""
    chosen: Method = part("methods", method)
    return chosen.cost


def own_model(method: Spec) -> bool:
    """Whether a method trains another policy than the model as it is."""
    chosen: Method = part("methods", method)
    return chosen.build is not same_build or chosen.width != 1


def parameters(model: Spec, method: Spec, shape: Shape) -> int:
    """Trainable parameters of a model as a method builds it. Raises ValueError where it cannot."""
    chosen = method_of(method)
    with one_thread(), Bounded():
        return count_parameters(chosen.build(partial(build, architecture(model, chosen)), 0))


def needs_groups(method: Spec) -> bool:
    """Never: games have no groups."""
    return False


def splits_needed(kind: str, spec: Spec) -> tuple[str, ...]:
    """The split that a condition takes from the data set."""
    chosen: Method | Condition = part(kind, spec)
    return (chosen.split,) if isinstance(chosen, Condition) else ()


def sibling_cost(condition: Spec) -> float | None:
    """None: every condition looks at the run's own policy."""
    return None


def outcomes_have(condition: Spec) -> tuple[str, ...]:
    """The names of the values that a condition records."""
    chosen: Condition = part("conditions", condition)
    return chosen.has
