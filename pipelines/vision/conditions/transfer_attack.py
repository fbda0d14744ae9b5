"""Test images attacked on another model, the same for all runs: what fools one model may fool others (Papernot et al.
2016, arXiv 1605.07277).

The other model is a small residual network, by standard training on the same data. Its images, by projected gradient
descent, are stored in 8 bits as all images are and shown to each run's model as they are. No gradient of that model is
used: masking its gradients does not help it.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.parts import Count, Share
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import BATCH
from pipelines.supervised.device import one_thread
from pipelines.supervised.method import Method
from pipelines.vision.architecture import build
from pipelines.vision.attacks.pgd import projected_gradient
from pipelines.vision.condition import Condition, take
from pipelines.vision.conditions._attacked import drawn, tensors
from pipelines.vision.data import Dataset, Examples
from pipelines.vision.models.resnet import model as resnet
from pipelines.vision.training import budget, train

WIDTH, EPOCHS = 16, 6


def condition(
    *, epsilon: Share = 8 / 255, steps: Count = 20, images: Count = 300, training_images: Count = 3000
) -> Condition:
    """epsilon: largest change of a pixel, pixels being in [0, 1]; rounded to whole 255ths, at least one. steps: of the
    attack, of a tenth of epsilon, from a random start. images: how many of the test images are attacked.
    training_images: how many the other model learns from. It is trained once a study, in seconds."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        chosen = drawn(images)(dataset, generator)
        learned = generator.permutation(len(dataset.splits["train"]))[:training_images]
        seed = int(generator.integers(2**31))
        with one_thread():
            other = trained(dataset, np.sort(learned), seed)
            attacked = moved(other, chosen, epsilon, steps, torch.Generator().manual_seed(seed))
        return replace(chosen, split=replace(chosen.split, images=attacked))

    return Condition(examples, splits=("test", "train"))


def trained(dataset: Dataset, rows: NDArray[np.int64], seed: int) -> Classifier:
    """The other model, from these training images."""
    architecture, classes = resnet(width=WIDTH), len(dataset.class_names)
    splits = {"train": take(dataset.splits["train"], rows)}
    (end,) = train(architecture, Method(), splits, classes, budget(epochs=EPOCHS, learning_rate=4e-3), seed)
    other = build(architecture, classes, dataset.size, seed)
    other.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in end.weights.items()})
    return other.eval()


def moved(
    other: Classifier, examples: Examples, epsilon: float, steps: int, generator: torch.Generator
) -> NDArray[np.uint8]:
    """The images [n, size, size, 3] that raise the other model's loss, in 8 bits, each pixel still within reach."""
    images, labels = tensors(examples, torch.device("cpu"))
    levels = max(1, round(255 * epsilon))
    radius = levels / 255
    start = radius * (2 * torch.rand(images.shape, generator=generator) - 1)
    batches = zip(images.split(BATCH), labels.split(BATCH), start.split(BATCH), strict=True)
    points = torch.cat([projected_gradient(other, *batch, radius, radius / 10, steps) for batch in batches])
    clean = examples.split.images.astype(np.int16)
    rounded = np.rint(255 * points.permute(0, 2, 3, 1).numpy()).astype(np.int16)
    within: NDArray[np.uint8] = np.clip(rounded, clean - levels, clean + levels).astype(np.uint8)
    return within
