"""Gaussian noise on the training images (Rusak et al. 2020, arXiv 2001.06057)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Positive
from pipelines.supervised.method import Method, Step

TUNED = {"sigma": (0.02, 0.3, "log")}


def method(*, sigma: Positive = 0.1) -> Method:
    """sigma: standard deviation of the noise, pixels being in [0, 1]. Cost 1. Claimed gain: corruption robustness."""

    def loss(step: Step) -> Tensor:
        noisy = (step.inputs + sigma * step.normal(*step.inputs.shape)).clamp(0, 1)
        return cross_entropy(step.model(noisy), step.labels)

    return Method(loss)
