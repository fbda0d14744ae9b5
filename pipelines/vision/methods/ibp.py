"""Interval bound propagation: the worst logits that bounds allow are trained on, too (Gowal et al. 2018, arXiv
1810.12715)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Share
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.method import Method, Step
from pipelines.vision.bounds.interval import box_around, chain_of, margins


def method(*, epsilon: Share = 2 / 255, kappa: Share = 0.5, warm_up: Share = 0.2, ramp: Share = 0.8) -> Method:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. kappa: weight of the clean loss at the end. warm_up:
    share of the training at which epsilon begins to rise from 0 and kappa to fall from 1. ramp: share of the training
    at which both have arrived: where they arrive too soon the model becomes a constant. For the families cnn and mlp;
    others are refused. Cost 3. Claimed gain: certified robustness."""
    if ramp <= warm_up:
        raise ValueError(f"'ramp' is {ramp}, not above 'warm_up', {warm_up}")

    def loss(step: Step) -> Tensor:
        chain = chain_of(step.model)
        risen = min(1.0, max(0.0, (step.progress - warm_up) / (ramp - warm_up)))
        clean = cross_entropy(step.model(step.inputs), step.labels)
        worst = -margins(chain, box_around(step.inputs, epsilon * risen), step.labels)
        weight = (1 - kappa) * risen
        return (1 - weight) * clean + weight * cross_entropy(worst, step.labels)

    return Method(loss, build=bounded, cost=3)


def bounded(build: Build, seed: int) -> Classifier:
    """Standard training's network. Raises Unbounded where bounds cannot be followed through it."""
    model = build(seed)
    chain_of(model)
    return model
