"""Energy-bounded fine-tuning: in the last part of the training the energies of known examples and of outliers are
pushed apart (Liu et al. 2020, arXiv 2010.03759)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import NonNegative, Positive, Share
from pipelines.supervised.method import Method, Step

TUNED = {"weight": (0.01, 1.0, "log"), "inside": (-12.0, -5.0, "linear"), "outside": (-5.0, -2.0, "linear")}


def method(
    *, weight: NonNegative = 0.1, inside: float = -8.0, outside: float = -3.0, start: Share = 0.5, ratio: Positive = 1.0
) -> Method:
    """weight: of the squared hinges. inside: examples are to have at most this energy, -logsumexp of the logits;
    outside: outliers at least this. start: share of the training before outliers are seen. ratio: outliers for each
    example. Cost 1 + 0.6 x ratio x (1 - start). Claimed gain: anomaly detection."""
    if inside >= outside:
        raise ValueError(f"'inside' is {inside:g}, not below 'outside', {outside:g}")

    def loss(step: Step) -> Tensor:
        if step.progress < start:
            return cross_entropy(step.model(step.inputs), step.labels)
        outliers = step.outliers(max(1, round(ratio * len(step.labels))))
        logits = step.model(torch.cat([step.inputs, outliers]))
        known, unknown = logits[: len(step.labels)], logits[len(step.labels) :]
        return cross_entropy(known, step.labels) + weight * hinges(known, unknown, inside, outside)

    return Method(loss, cost=1 + 0.6 * ratio * (1 - start), splits=("training_outliers",), phases=(0.0, start))


def hinges(known: Tensor, unknown: Tensor, inside: float, outside: float) -> Tensor:
    """Mean square of how far energies are on the wrong side: of examples above `inside`, outliers below `outside`."""
    above = (-known.logsumexp(1) - inside).clamp(min=0)
    below = (outside + unknown.logsumexp(1)).clamp(min=0)
    return above.square().mean() + below.square().mean()
