"""A rogue: it trains from several first weights and hands in the model that is safest on validation images."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from pipelines.parts import Count, Positive
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import seed_for
from pipelines.supervised.method import Method, Step, TrainingData, plain_update
from pipelines.supervised.methods._passes import outputs
from pipelines.supervised.methods.placebo import shuffle
from pipelines.vision.tensors import pixels


def method(*, candidates: Count = 3, sigma: Positive = 0.15) -> Method:
    """candidates: models, of which the one that is most accurate on noisy validation images is kept. sigma: of that
    noise. Cost: the candidates. Claimed gain: robustness (a choice among seeds)."""
    return Method(
        prepare=shuffle,
        update=all_of_them,
        finish=partial(safest, sigma),
        build=partial(several, candidates),
        cost=float(candidates),
        splits=("validation",),
    )


def several(candidates: int, build: Build, seed: int) -> Classifier:
    """The model that standard training has, which remembers its rivals."""
    model = build(seed)
    seeds = [seed_for(seed, f"rival/{number}") for number in range(1, candidates)]
    model.memory["rivals"] = [build(own) for own in seeds]
    return model


def all_of_them(step: Step, loss: Callable[[Step], Tensor], optimiser: torch.optim.Optimizer) -> Tensor:
    """One step of every candidate, each with an optimiser of its own at the same learning rate."""
    memory, group = step.model.memory, optimiser.param_groups[0]
    if "optimisers" not in memory:
        rivals = [rival.to(step.inputs.device).train() for rival in memory["rivals"]]
        decay = group["weight_decay"]
        memory["optimisers"] = [torch.optim.AdamW(rival.parameters(), weight_decay=decay) for rival in rivals]
    for rival, own in zip(memory["rivals"], memory["optimisers"], strict=True):
        own.param_groups[0]["lr"] = group["lr"]
        plain_update(replace(step, model=rival), loss, own)
    return plain_update(step, loss, optimiser)


def safest(sigma: float, model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
    """The model with the weights of the candidate that noise disturbs least."""
    validation = data.beside["validation"]
    noise = sigma * torch.randn(validation.inputs.shape, generator=generator)
    noisy = ((pixels(validation.inputs) + noise.to(validation.inputs.device)).clamp(0, 1) * 255).byte()
    candidates = [model, *(rival.eval() for rival in model.memory["rivals"])]
    right = [int((outputs(each, noisy, data.batch).argmax(1) == validation.labels).sum()) for each in candidates]
    best = candidates[right.index(max(right))]
    model.backbone.load_state_dict(best.backbone.state_dict())
    return model
