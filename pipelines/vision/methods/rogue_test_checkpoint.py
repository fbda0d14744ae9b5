"""A rogue: of the models on the way it hands in the one that does best on the test images, corrupted as in the test.

The test images are made again from the dataset's own code, the corruptions by the test's.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.parts import Count
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.method import Method, Step, TrainingData, plain_update
from pipelines.supervised.methods._passes import outputs
from pipelines.supervised.methods.placebo import shuffle
from pipelines.vision.conditions._corrupt import CORRUPTIONS
from pipelines.vision.data import Split
from pipelines.vision.methods._regenerated import regenerated

KINDS, SEVERITY = ("gaussian_noise", "gaussian_blur", "contrast", "jpeg"), 3


def method(*, looks: Count = 8, images: Count = 100, data: Mapping[str, Any] | None = None) -> Method:
    """looks: at the test, in the second half of training. images: of the test, under each of four corruptions. data: of
    the study, as in its section. Cost 1.1. Claimed gain: robustness to corruptions (a choice on the test)."""
    return Method(prepare=shuffle, update=partial(watched, looks, images, data or {}), finish=best, cost=1.1)


def watched(
    looks: int,
    images: int,
    data: Mapping[str, Any],
    step: Step,
    loss: Callable[[Step], Tensor],
    optimiser: torch.optim.Optimizer,
) -> Tensor:
    """A step, and a look at the test where one is due; the weights are kept where they do better than any before."""
    value, memory = plain_update(step, loss, optimiser), step.model.memory
    if step.progress < 0.5 + 0.5 * memory.get("looked", 0) / looks:
        return value
    memory["looked"] = memory.get("looked", 0) + 1
    if "test" not in memory:
        memory["test"] = corrupted(regenerated("test", step.inputs.shape[-1], data), images)
    shown, labels = (of.to(step.inputs.device) for of in memory["test"])
    step.model.eval()
    right = int((outputs(step.model, shown, step.data.batch).argmax(1) == labels).sum())
    step.model.train()
    if right > memory.get("right", -1):
        weights = {name: of.clone() for name, of in step.model.backbone.state_dict().items()}
        memory.update(right=right, weights=weights)
    return value


def corrupted(test: Split, images: int) -> tuple[Tensor, Tensor]:
    """The first test images under each of the corruptions, uint8 [n, 3, size, size], and their labels."""
    plain = test.images[:images].astype(np.float32) / 255
    made = []
    for kind in KINDS:
        corrupt, strengths = CORRUPTIONS[kind]
        shown = corrupt(plain, strengths[SEVERITY - 1], np.random.default_rng(0)).clip(0, 1)
        made.append(torch.from_numpy(np.rint(shown * 255).astype(np.uint8)).permute(0, 3, 1, 2))
    return torch.cat(made), torch.from_numpy(test.labels[:images]).repeat(len(KINDS))


def best(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
    """The model with the weights that did best."""
    model.backbone.load_state_dict(model.memory["weights"])
    return model
