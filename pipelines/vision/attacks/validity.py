"""Whether an attack can be believed: gates on a sample of its images, whose failure blocks a verdict (after Carlini et
al. 2019, arXiv 1902.06705, and the checks of Croce & Hein 2020, arXiv 2003.01690).

A gate allows a share of the images, and fails where more fail it than that share gives by chance (exact one-sided
binomial at 1 %): 5 of 100 where 1 % is allowed, 5 of 500 where .2 % is.

| gate | images that fail it                                                      | allowed |
|------|--------------------------------------------------------------------------|---------|
| G1   | a single step breaks what the attack left                                | 1 %     |
| G2   | stand within a radius that holds a grey image for every image            | chance  |
| G3   | twice the steps break what the attack left                               | 1 %     |
| G4   | another random start breaks what the attack left                         | 1 %     |
| G5   | the square attack, by logits alone, breaks what the gradient attacks left | .2 %   |
| G6   | the gradient of the cross-entropy is exactly 0                           | 1 %     |
| G7   | the logits are probabilities                                             | not all |
| G8   | random changes break what the attack left                                | 1 %     |
| G9   | other logits at the next look                                            | none    |
| G10  | steps along the gradient leave the loss no higher                        | 1 %     |
"""

from collections.abc import Mapping
from functools import partial

import torch
from scipy.stats import binom
from torch import Tensor

from pipelines.supervised.several import place_in_group
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._losses import cross_entropy
from pipelines.vision.attacks._watch import gradients_of, part
from pipelines.vision.attacks._worst import Worst, batch_of
from pipelines.vision.attacks.apgd import apgd
from pipelines.vision.attacks.ensemble import RUNS, Attacked, from_random_start, further

Fails = list[bool]  # whether a gate fails, of each of the models that were attacked at once
BLOCKING = "gradient-masking"
SAMPLE = 100  # images of each model
LEVEL = 0.01  # how often a model that is just within what a gate allows fails it
FEW, HARDLY = 0.01, 0.002
STEPS = 20  # of the gates' own searches
LOOKS = 5  # at the same images, or at other noise


def flags(failed: Mapping[str, Fails], model: int) -> tuple[str, ...]:
    """Flags for the outcomes of the model in this place: the one that blocks a verdict where any gate failed, and one
    for each that did."""
    named = tuple(f"gate:{name}" for name, fails in failed.items() if fails[model])
    return (BLOCKING, *named) if named else ()


def sample_of(of: Tensor, generator: torch.Generator) -> Tensor:
    """Positions of a random sample of the images, SAMPLE for each of the models that they are for, `of` [n]."""
    order = torch.randperm(len(of), generator=generator).to(of.device)
    return order[place_in_group(of[order]) < SAMPLE]


def quick_gates(sample: Worst, ball: Ball, generator: torch.Generator) -> dict[str, Fails]:
    """Of the gates that take a few steps, which fail: all but G3, G4 and G5."""
    return {
        "G1": single_step_is_stronger(sample, ball),
        "G2": stands_at_any_radius(sample, ball),
        "G6": gradients_vanish(sample),
        "G7": are_probabilities(sample),
        "G8": noise_is_stronger(sample, ball, generator),
        "G9": is_random(sample),
        "G10": loss_stays(sample, ball),
    }


def ensemble_gates(found: Attacked, generator: torch.Generator) -> dict[str, Fails]:
    """Of all gates, which fail after an ensemble of attacks."""
    sample = found.part(sample_of(found.worst.of, generator))
    failed = quick_gates(sample.worst, found.plan.ball, generator)
    failed["G3"] = more_search_is_stronger(sample, 2 * found.plan.steps, generator)
    failed["G4"] = more_search_is_stronger(sample, found.plan.steps, generator)
    failed["G5"] = square_is_stronger(found, sample, generator)
    return {name: failed[name] for name in sorted(failed, key=lambda name: int(name[1:]))}


def more_than(count: int, images: int, share: float) -> bool:
    """Whether so many of the images are more than the share gives by chance."""
    return bool(binom.sf(count - 1, images, share) < LEVEL)


def too_many(counts: list[int], sample: Worst, share: float) -> Fails:
    """Whether so many of each model's images are more than the share gives by chance."""
    return [more_than(*both, share) for both in zip(counts, sample.count(sample.rows()), strict=True)]


def gradients_at(sample: Worst) -> Tensor:
    """Of the cross-entropy, at the images as they are."""
    found = []
    for rows in sample.batches():
        loss = partial(cross_entropy, labels=sample.labels[rows])
        found.append(gradients_of(part(sample.model, rows), sample.images[rows], loss)[2])
    return torch.cat(found)


def single_step_is_stronger(sample: Worst, ball: Ball) -> Fails:
    """G1: a step of the whole radius."""
    gradients = gradients_at(sample)
    step = ball.epsilon * ball.direction(gradients)
    return weaker_is_stronger(sample, [ball.around(sample.images).project(sample.images + step)])


def noise_is_stronger(sample: Worst, ball: Ball, generator: torch.Generator) -> Fails:
    """G8: random changes."""
    reach, shape = ball.around(sample.images), (len(sample.labels), sample.images.shape[-1])
    noise = [ball.start(*shape, generator).to(sample.images.device) for _ in range(LOOKS)]
    return weaker_is_stronger(sample, [reach.project(sample.images + change) for change in noise])


def weaker_is_stronger(sample: Worst, points: list[Tensor]) -> Fails:
    """Whether any of the points breaks more of the standing images than a few."""
    wrong = torch.stack([sample.logits_at(each).argmax(1) != sample.labels for each in points]).any(0)
    standing = sample.standing()
    return too_many(sample.count(standing[wrong[standing]]), sample, FEW)


def stands_at_any_radius(sample: Worst, ball: Ball) -> Fails:
    """G2: at a radius at which a grey image is within reach of each, a model that sees can't be right more often than
    by chance."""
    whole = ball.all_pixels(sample.images.shape[-1])
    lost = Worst(sample.model, sample.images, sample.labels)
    for rows in lost.standing().split(batch_of(sample.images)):
        images, labels, model = sample.images[rows], sample.labels[rows], part(sample.model, rows)
        apgd(model, images, labels, torch.zeros_like(images), whole, steps=STEPS, watch=lost.watch(rows, 0.0))
    return too_many(lost.count(lost.standing()), sample, 1 / sample.logits.shape[1])


def gradients_vanish(sample: Worst) -> Fails:
    """G6: among the images that the model has right."""
    right = sample.part(sample.rightly_seen())
    if not len(right.labels):
        return [False] * sample.models
    vanish = (gradients_at(right) == 0).flatten(1).all(1)
    return too_many(right.count(vanish.nonzero()[:, 0]), right, FEW)


def are_probabilities(sample: Worst) -> Fails:
    """G7: every row in [0, 1] and its sum 1."""
    logits = sample.clean_logits
    inside = ((logits >= 0) & (logits <= 1)).all(1) & ((logits.sum(1) - 1).abs() < 1e-3)
    among = zip(sample.count(inside.nonzero()[:, 0]), sample.count(sample.rows()), strict=True)
    return [0 < count == images for count, images in among]


def is_random(sample: Worst) -> Fails:
    """G9: an attack would have to average over the model's draws."""
    first = sample.logits_at(sample.images)
    others = torch.stack([(sample.logits_at(sample.images) != first).any(1) for _ in range(LOOKS - 1)])
    return [count > 0 for count in sample.count(others.any(0).nonzero()[:, 0])]


def loss_stays(sample: Worst, ball: Ball) -> Fails:
    """G10: among the images that the model has right, by Auto-PGD from the image itself."""
    right = sample.part(sample.rightly_seen())
    moved = right.images.clone()
    for rows in right.batches():
        images, labels = right.images[rows], right.labels[rows]
        moved[rows] = apgd(part(right.model, rows), images, labels, torch.zeros_like(images), ball, steps=LOOKS)
    before, after = right.clean_logits, right.logits_at(moved)
    no_higher = cross_entropy(after, right.labels) <= cross_entropy(before, right.labels)
    return too_many(right.count(no_higher.nonzero()[:, 0]), right, FEW)


def more_search_is_stronger(sample: Attacked, steps: int, generator: torch.Generator) -> Fails:
    """G3 and G4: Auto-PGD on the cross-entropy from a start of its own."""
    worst, before = sample.worst, sample.worst.standing()
    further(worst, sample.search, from_random_start(partial(apgd, steps=steps), sample.plan.ball, worst, generator))
    return too_many(worst.fallen(before), worst, FEW)


def square_is_stronger(found: Attacked, sample: Attacked, generator: torch.Generator) -> Fails:
    """G5: over all images where the square attack is in the ensemble, else on the sample."""
    if "square" in found.fell:
        return too_many(found.fell["square"], found.worst, HARDLY)
    worst, before = sample.worst, sample.worst.standing()
    for run in RUNS["square"](found.plan, worst, generator):
        further(worst, sample.search, run)
    return too_many(worst.fallen(before), worst, HARDLY)
