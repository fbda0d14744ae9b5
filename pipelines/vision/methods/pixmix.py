"""PixMix: images mixed with pictures of fractals, again and again (Hendrycks et al. 2022, arXiv 2112.05135)."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, Positive, Whole
from pipelines.supervised.method import Labelled, Method, Step, TrainingData
from pipelines.vision.methods._augmentation import drawn
from pipelines.vision.methods._fractals import fractals
from pipelines.vision.tensors import pixels

TUNED = {"beta": (1.0, 6.0, "log"), "severity": (1.0, 6.0, "linear")}


def method(*, pictures: Count = 300, rounds: Whole = 4, beta: Positive = 3.0, severity: Positive = 3.0) -> Method:
    """pictures: fractals, made for the run. rounds: most mixings of an image. beta: the higher, the less is mixed in.
    severity: largest strength of an augmentation, up to 10. Cost 2.5. Claimed gains: robustness to corruptions,
    calibration, anomaly detection."""

    def prepare(data: TrainingData, generator: torch.Generator) -> TrainingData:
        made = fractals(pictures, data.inputs.shape[2], generator).to(data.inputs.device)
        none = torch.full((pictures,), -1)
        return replace(data, beside={**data.beside, "pictures": Labelled(made, none, none)})

    def loss(step: Step) -> Tensor:
        return cross_entropy(step.model(mixed(step, rounds, beta, severity)), step.labels)

    return Method(loss, prepare, cost=2.5)


@torch.no_grad()
def mixed(step: Step, rounds: int, beta: float, severity: float) -> Tensor:
    """The batch, each image augmented or not, then mixed up to `rounds` times with a picture or an augmentation of
    itself."""
    count = len(step.labels)
    pictures = step.data.beside["pictures"].inputs
    picture = pixels(pictures[(step.uniform(count) * len(pictures)).long()])
    augmented = drawn(step, step.inputs.repeat(rounds + 1, 1, 1, 1), severity).unflatten(0, (rounds + 1, count))
    starts_plain, last = step.uniform(2, count, 1, 1, 1)
    images = torch.where(starts_plain < 0.5, step.inputs, augmented[rounds])
    for number in range(rounds):
        with_itself, adding, towards, much, little = step.uniform(5, count, 1, 1, 1)
        other = torch.where(with_itself < 0.5, augmented[number], picture)
        most, least = much ** (1 / beta), 1 - (1 - little) ** (1 / beta)  # Beta(beta, 1) and Beta(1, beta)
        own, added = torch.where(towards < 0.5, torch.stack([most, least]), torch.stack([1 + least, -least]))
        result = torch.where(adding < 0.5, add(images, other, own, added), multiply(images, other, own, added))
        images = torch.where(number < (last * (rounds + 1)).floor(), result.clamp(0, 1), images)
    return images


def add(images: Tensor, others: Tensor, own: Tensor, added: Tensor) -> Tensor:
    """Weighted sum, about mid-grey."""
    return 0.5 + own * (images - 0.5) + added * (others - 0.5)


def multiply(images: Tensor, others: Tensor, own: Tensor, added: Tensor) -> Tensor:
    """Weighted geometric product, about mid-grey."""
    return (2 * images) ** own * (2 * others.clamp(min=1e-4)) ** added / 2
