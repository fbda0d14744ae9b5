"""A condition: the examples a trained model is put through, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier

BATCH = 250  # inputs at a time: larger batches fall out of the cache and are slower an input
Dataset = TypeVar("Dataset")
Examples = TypeVar("Examples")
Split = TypeVar("Split")


@dataclass(frozen=True)
class Condition(Generic[Dataset, Examples, Split]):
    """What is done with a dataset and a model.

    examples    made once for all models, from the dataset and a generator
    outcomes    of one model on them
    splits      that it takes from the dataset: first where its labelled examples are from, then its outliers
    has         what its outcomes have for metrics: labels, outliers, groups, features, or the name of one of their
                values
    sibling     how the training examples of a second model of the run differ, where it looks at one that is trained for
                this condition: from the examples and a generator that is the same for every method; None otherwise
    cost        of training that second model, as a multiple of the run's own
    """

    examples: Callable[[Dataset, np.random.Generator], Examples]
    outcomes: Callable[[Classifier, Examples, torch.Generator], Outcomes]
    splits: tuple[str, ...] = ("test",)
    has: tuple[str, ...] = ("labels",)
    sibling: Callable[[Split, np.random.Generator], Split] | None = None
    cost: float = 0.0


def device_of(model: Classifier) -> torch.device:
    """Where the model computes; the CPU for one without parameters."""
    return next((weights.device for weights in model.parameters()), torch.device("cpu"))


@torch.inference_mode()
def in_batches(
    function: Callable[[Tensor], Tensor], inputs: Tensor, batch: Callable[[Tensor], Tensor], device: torch.device
) -> NDArray[np.float32]:
    """A function, on a device, of inputs as `batch` makes them: on inputs [n, ...] as they are kept, some at a time."""
    return np.concatenate([function(batch(some.to(device))).float().cpu().numpy() for some in inputs.split(BATCH)])
