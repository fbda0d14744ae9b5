"""Gaussian noise on the training rows (Bishop 1995, doi 10.1162/neco.1995.7.1.108)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Positive
from pipelines.supervised.method import Method, Step

TUNED = {"sigma": (0.03, 1.0, "log")}


def method(*, sigma: Positive = 0.3) -> Method:
    """sigma: standard deviation of the noise, in the features' own units. Cost 1. Claimed gains: robustness,
    calibration."""

    def loss(step: Step) -> Tensor:
        return cross_entropy(step.model(step.inputs + sigma * step.normal(*step.inputs.shape)), step.labels)

    return Method(loss)
