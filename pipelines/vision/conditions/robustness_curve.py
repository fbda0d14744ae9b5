"""Accuracy under an ensemble of attacks at rising radii, each a part: the mean over them is the area under the curve.

An image that falls within one radius has fallen within every larger one, so that the curve never rises. The value
`minimal_radius` of an image is the least radius at which it fell, in 255ths; 0 where the model has it wrong unattacked,
infinite where it stands at all of them. Flags as of `attack_ensemble`, from the smallest and the largest radius.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.several import OfEach
from pipelines.vision.attacks._balls import Ball, Norm
from pipelines.vision.attacks._watch import Model, part
from pipelines.vision.attacks.ensemble import Name, Plan, attack, in_order
from pipelines.vision.attacks.validity import Fails, ensemble_gates, flags
from pipelines.vision.condition import Condition
from pipelines.vision.conditions._attacked import apart, drawn, for_each
from pipelines.vision.data import Examples

LEVELS = {"linf": (1, 2, 4, 8), "l2": (32, 64, 128, 256)}


def condition(
    *,
    norm: Norm = "linf",
    levels: list[Positive] | None = None,
    images: Count = 100,
    attacks: list[Name] | None = None,
    steps: Count = 20,
    restarts: Count = 1,
    targets: Count = 3,
    square_queries: Count = 200,
) -> Condition:
    """norm: linf or l2. levels: radii in it, in 255ths of a pixel's range (1, 2, 4 and 8; for l2 32, 64, 128 and 256);
    evenly spaced ones make the mean over parts the area under the curve. images: how many of the test images are
    attacked. The rest as of `attack_ensemble`, at each radius on what stands."""
    chosen, radii = in_order(attacks), sorted(set(LEVELS[norm] if levels is None else levels))
    if not radii:
        raise ValueError("'levels' is empty: at least one radius is needed")

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        plans = {
            level: Plan(Ball(norm, level / 255), chosen, steps, restarts, targets, square_queries) for level in radii
        }
        logits, fell_at, failed = curve(*for_each(models, examples), plans, generator)
        split, count = examples.split, len(radii)
        of_each = zip(apart(torch.stack(logits, dim=1), models), apart(fell_at, models), strict=True)
        return [
            Outcomes(
                logits=by_level.transpose(0, 1).flatten(0, 1).cpu().numpy(),
                labels=np.tile(split.labels, count),
                examples=np.tile(examples.rows, count),
                groups=np.tile(split.groups, count),
                parts=np.repeat(np.arange(count), len(split)),
                part_names=tuple(f"{level:g}/255" for level in radii),
                values={"minimal_radius": np.tile(radius.cpu().numpy(), count)},
                flags=flags(failed, number),
            )
            for number, (by_level, radius) in enumerate(of_each)
        ]

    return Condition(drawn(images, chosen), OfEach(each), has=("labels", "minimal_radius"))


def curve(
    model: Model, images: Tensor, labels: Tensor, plans: dict[float, Plan], generator: torch.Generator
) -> tuple[list[Tensor], Tensor, dict[str, Fails]]:
    """Logits of all images at each level, from the smallest on; the level at which each fell; whether each gate failed
    at the smallest or at the largest."""
    smallest, *larger = plans
    found = attack(model, images, labels, plans[smallest], generator)
    logits, failed = [found.worst.logits], ensemble_gates(found, generator)
    standing = found.worst.standing()
    fell_at = torch.full((len(labels),), float(smallest), device=labels.device)
    fell_at[standing] = torch.inf
    fell_at[found.worst.clean_logits.argmax(1) != labels] = 0
    for level in larger:
        now = logits[-1].clone()
        if len(standing):
            found = attack(part(model, standing), images[standing], labels[standing], plans[level], generator)
            now[standing] = found.worst.logits
            if level == larger[-1]:
                then = ensemble_gates(found, generator)
                failed = {name: [any(both) for both in zip(then[name], failed[name], strict=True)] for name in then}
            fell_at[standing] = level
            standing = standing[found.worst.standing()]
            fell_at[standing] = torch.inf
        logits.append(now)
    return logits, fell_at, failed
