"""Test images of which it is proved that no small change of their pixels changes a right answer, beside the answers
under an attack of the same size: the true robust accuracy lies between the two (Gowal et al. 2018, arXiv 1810.12715;
Zhang et al. 2018, arXiv 1811.00866)."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Share
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.vision.bounds import crown, interval
from pipelines.vision.condition import Condition, logits_of
from pipelines.vision.conditions import pgd
from pipelines.vision.conditions.clean import without_parts
from pipelines.vision.data import Dataset, Examples
from pipelines.vision.tensors import channels_first, pixels

BOUNDS = {"ibp": (interval.margins, 250), "crown": (crown.margins, 1)}  # and how many images at a time


class Unsound(ArithmeticError):
    """An attack changed an answer that was proved not to change."""


def condition(
    *,
    epsilon: Share = 2 / 255,
    images: Count = 100,
    bound: Literal["ibp", "crown"] = "crown",
    steps: Count = 20,
    step_size: Positive = 0.25,
) -> Condition:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. images: how many of the test images. bound: ibp costs
    two forward passes and proves little of a model not trained for it; crown is much tighter and costs 2 ms (mlp of
    width 32) to 2 s (cnn of width 32) an image on one core. steps, step_size: of the attack, as in pgd. Families other
    than cnn and mlp are attacked alone."""
    attack = pgd.condition(epsilon=epsilon, images=images, steps=steps, step_size=step_size)

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        return without_parts(attack.examples(dataset, generator))  # too few for each font to have a value

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        attacked = attack.outcomes(model, examples, generator)
        clean = logits_of(model, examples.split.images).argmax(1) == examples.split.labels
        try:
            verified = proved(model, examples, clean, epsilon, bound)
        except interval.Unbounded:
            verified = np.full(len(clean), np.nan, dtype=np.float32)
        broken = int(((verified == 1) & (attacked.logits.argmax(1) != attacked.labels)).sum())
        if broken:
            raise Unsound(f"the attack broke {broken} of {int((verified == 1).sum())} verified answers")
        return replace(attacked, values={"verified": verified, "right_when_clean": clean.astype(np.float32)})

    return Condition(examples, outcomes, has=("labels", "verified", "right_when_clean"))


@torch.inference_mode()
def proved(
    model: Classifier, examples: Examples, right: NDArray[np.bool_], epsilon: float, bound: str
) -> NDArray[np.float32]:
    """1 for each example that is answered right in the whole box around it, else 0; those not `right` at its centre are
    not tried. Raises Unbounded."""
    chain, device = interval.chain_of(model), device_of(model)
    margins, batch = BOUNDS[bound]
    verified = np.zeros(len(right), dtype=np.float32)
    for rows in torch.from_numpy(np.flatnonzero(right)).split(batch):
        images = pixels(channels_first(examples.split.images[rows.numpy()]).to(device))
        labels = torch.from_numpy(examples.split.labels[rows.numpy()]).to(device)
        holds = interval.holds(margins(chain, interval.box_around(images, epsilon), labels), labels)
        verified[rows.numpy()] = holds.cpu().numpy()
    return verified
