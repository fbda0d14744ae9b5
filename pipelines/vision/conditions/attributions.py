"""Where a model looks and whether it is what it goes by: attributions on images whose object is known pixel by pixel.

Of every image five values are stored.
- localisation: the share of the highest attributed pixels, as many as the object has, that are the object's (relevance
  rank accuracy: Arras et al. 2022, arXiv 2003.07258); at random, the object's share of the image, about .09 on glyphs.
- deletion_area, insertion_area, random_area: the mean logit margin over that of the blank image while pixels are
  replaced by blank ones, in order from the highest attributed, from the lowest (which is insertion, read from its end)
  and at random (after Petsiuk et al. 2018, arXiv 1806.07421).
- randomised_agreement: Spearman's correlation of the attributions' sizes with those of the same model with its weights
  in random order (Adebayo et al. 2018, arXiv 1810.03292).

Images with pixels taken away are unlike any in training, so training on noise can raise what is measured on them.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.parts import Count
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.vision.condition import Condition, logits_of, outcomes_of, take
from pipelines.vision.conditions import _attribution as explained
from pipelines.vision.data import Dataset, Examples, Split
from pipelines.vision.tensors import channels_first, pixels

PICTURE, MASK = 0, 1
Blank = Literal["mean", "blurred"]
VALUES = ("localisation", "randomised_agreement", "deletion_area", "insertion_area", "random_area")


def condition(
    *,
    images: Count = 100,
    attribution: explained.Attribution = "integrated_gradients",
    blank: Blank = "mean",
    steps: Count = 10,
) -> Condition:
    """images: how many are explained. attribution: of the logit margin, to the pixels. An untrained network localises
    above chance, too, and integrated gradients tell it best from trained ones: on glyphs, where chance is .09, a mean
    of .32 untrained and .48 trained (input x gradient .20 and .32; saliency, the gradient's size, .21 and .28;
    resnet-8, five seeds). blank: what takes the place of a pixel, and where integrated gradients start: the image's
    mean colour, or the image blurred. steps: in which pixels are replaced. Cost: a second for a resnet-8, less than
    half of it with the other two."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        split = dataset.splits["localised"]
        rows = np.concatenate([np.flatnonzero(split.groups == kind)[:images] for kind in (PICTURE, MASK)])
        return Examples(take(split, rows), rows)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        split = examples.split
        pictures = np.flatnonzero(split.groups == PICTURE)
        shown = Examples(take(split, pictures), examples.rows[pictures])
        masks = split.images[split.groups == MASK, :, :, 0] > 127
        found = values(model, shown.split, masks, attribution, blank, steps, generator)
        logits, none = logits_of(model, shown.split.images), np.full(len(pictures), -1)
        return replace(outcomes_of(shown, logits), groups=none, values=found)

    return Condition(examples, outcomes, splits=("localised",), has=("labels", *VALUES))


def values(
    model: Classifier,
    split: Split,
    masks: NDArray[np.bool_],
    attribution: explained.Attribution,
    blank: Blank,
    steps: int,
    generator: torch.Generator,
) -> dict[str, NDArray[np.float32]]:
    """The five values of every image of a split, whose objects' masks [n, size, size] are known."""
    device = device_of(model)
    images = pixels(channels_first(split.images)).to(device)
    labels = torch.from_numpy(split.labels).to(device)
    inside = torch.from_numpy(masks).flatten(1).to(device)
    without = blanked(images, blank)
    maps = explained.attributions(model, images, labels, without, attribution)
    known_nothing = explained.randomised(model, generator)
    at_random = explained.attributions(known_nothing, images, labels, without, attribution)
    order = maps.argsort(dim=1, descending=True, stable=True)
    any_order = torch.rand(maps.shape, generator=generator).to(device).argsort(1)
    areas = (
        explained.area_above_blank(model, images, labels, without, sequence, steps)
        for sequence in (order, order.flip(1), any_order)
    )
    found = (explained.share_inside(order, inside), explained.agreement(maps, at_random), *areas)
    return dict(zip(VALUES, found, strict=True))


def blanked(images: Tensor, blank: Blank) -> Tensor:
    """Images [n, 3, size, size] with their object taken away: of their mean colour, or blurred over an eighth of the
    side.
    """
    if blank == "mean":
        return images.mean((2, 3), keepdim=True).expand_as(images)
    width = images.shape[2] / 8
    blurred = gaussian_filter(images.cpu().numpy(), (0, 0, width, width))
    return torch.from_numpy(np.asarray(blurred)).to(images.device)
