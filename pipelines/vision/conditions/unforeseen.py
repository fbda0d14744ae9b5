"""Test images under corruptions whose latents are chosen by gradient to fool the model, each kind a part (Kaufmann et
al. 2019, arXiv 1908.08016): attacks that no training against small changes of pixels has seen."""

from collections.abc import Sequence

import numpy as np
import torch

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.several import OfEach
from pipelines.vision.attacks._latents import worst_latents
from pipelines.vision.attacks._search import search_with
from pipelines.vision.attacks._watch import part
from pipelines.vision.attacks._worst import Worst, batch_of
from pipelines.vision.attacks.elastic import elastic
from pipelines.vision.attacks.fog import fog
from pipelines.vision.attacks.gabor import gabor
from pipelines.vision.attacks.jpeg import jpeg
from pipelines.vision.attacks.snow import snow
from pipelines.vision.attacks.whirlpool import whirlpool
from pipelines.vision.condition import Condition, outcomes_of, some_of
from pipelines.vision.conditions._attacked import apart, for_each
from pipelines.vision.data import Dataset, Examples, split_of

# Each with the strength at which a small network on rendered digits keeps some of its accuracy.
KINDS = {
    "elastic": (elastic, 0.02),
    "fog": (fog, 0.3),
    "gabor": (gabor, 0.025),
    "jpeg": (jpeg, 0.012),
    "snow": (snow, 0.2),
    "whirlpool": (whirlpool, 0.22),
}


def condition(
    *, kinds: list[str] | None = None, strength: Positive = 1.0, images: Count = 100, steps: Count = 10
) -> Condition:
    """kinds: elastic, fog, gabor, jpeg, snow and whirlpool, all by default. strength: a multiple of each one's own.
    images: test images for each kind. steps: of the search, from random latents."""
    unknown = [kind for kind in kinds or [] if kind not in KINDS]
    if unknown:
        raise ValueError(f"'kinds' has {', '.join(map(repr, unknown))}, not one of: {', '.join(KINDS)}")
    chosen = {kind: make(strength * own) for kind, (make, own) in KINDS.items() if kinds is None or kind in kinds}

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        rows = [some_of(len(test), images, generator) for _ in chosen]
        parts = np.repeat(np.arange(len(chosen)), [len(drawn) for drawn in rows])
        every = np.concatenate(rows)
        return Examples(split_of(test.images[every], test.labels[every], parts=parts, part_names=tuple(chosen)), every)

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        model, images, labels = for_each(models, examples)
        worst = Worst(model, images, labels)
        few = slice(batch_of(images))
        search = search_with(model, images[few], labels[few])
        parts = torch.from_numpy(examples.split.parts).to(labels.device).repeat_interleave(len(models))
        for number, corruption in enumerate(chosen.values()):
            start = corruption.start(len(labels), images.shape[-1], generator).to(images.device)
            standing = worst.standing()
            for rows in standing[parts[standing] == number].split(batch_of(images)):
                watch = worst.watch(rows, search.error)
                searched = part(search.model, rows)
                found = worst_latents(
                    searched, images[rows], labels[rows], start[rows], corruption, steps=steps, watch=watch
                )
                worst.offer(rows, found)
        return [outcomes_of(examples, logits.cpu().numpy()) for logits in apart(worst.logits, models)]

    return Condition(examples, OfEach(each))
