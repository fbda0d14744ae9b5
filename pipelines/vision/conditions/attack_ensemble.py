"""Test images at the worst point that any of several attacks finds (after Croce & Hein 2020, arXiv 2003.01690).

Auto-PGD on the cross-entropy, then on the targeted DLR loss, then the square attack; each on what still stands. What is
recorded are the model's own logits in float32 at the point of least margin. Gates of the attack's validity
(`pipelines.vision.attacks.validity`) are in the flags: `gradient-masking` blocks a verdict, `gate:G6` says why.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.several import OfEach
from pipelines.vision.attacks._balls import Ball, Norm
from pipelines.vision.attacks.ensemble import Name, Plan, attack, in_order
from pipelines.vision.attacks.validity import ensemble_gates, flags
from pipelines.vision.condition import Condition, outcomes_of
from pipelines.vision.conditions._attacked import apart, drawn, for_each
from pipelines.vision.data import Examples


def condition(
    *,
    norm: Norm = "linf",
    epsilon: Positive = 4 / 255,
    images: Count = 200,
    attacks: list[Name] | None = None,
    steps: Count = 20,
    restarts: Count = 1,
    targets: Count = 3,
    square_queries: Count = 200,
) -> Condition:
    """norm: linf or l2. epsilon: the radius in it, pixels being in [0, 1]. images: how many of the test images are
    attacked. attacks: which of apgd-ce, apgd-t (needs 4 classes) and square, all by default. steps and restarts: of
    Auto-PGD. targets: how many classes apgd-t goes for, the likeliest wrong ones first (9 in the paper, here 3: seldom
    does a later one break more). square_queries: points that the square attack tries."""
    chosen = in_order(attacks)
    plan = Plan(Ball(norm, epsilon), chosen, steps, restarts, targets, square_queries)

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        found = attack(*for_each(models, examples), plan, generator)
        failed = ensemble_gates(found, generator)
        return [
            replace(outcomes_of(examples, logits.cpu().numpy()), flags=flags(failed, model))
            for model, logits in enumerate(apart(found.worst.logits, models))
        ]

    return Condition(drawn(images, chosen), OfEach(each))
