"""Outlier exposure: outliers in every batch, whose predictions are pulled to uniform (Hendrycks et al. 2019,
arXiv 1812.04606)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from pipelines.parts import NonNegative, Positive
from pipelines.supervised.method import Method, Step

TUNED = {"weight": (0.1, 1.0, "log")}


def method(*, weight: NonNegative = 0.5, ratio: Positive = 1.0) -> Method:
    """weight: of the outliers' loss. ratio: outliers for each example of the batch. Cost 1 + 0.6 x ratio. Claimed gain:
    anomaly detection."""

    def loss(step: Step) -> Tensor:
        outliers = step.outliers(max(1, round(ratio * len(step.labels))))
        logits = step.model(torch.cat([step.inputs, outliers]))
        known, unknown = logits[: len(step.labels)], logits[len(step.labels) :]
        return cross_entropy(known, step.labels) - weight * log_softmax(unknown, dim=1).mean()

    return Method(loss, cost=1 + 0.6 * ratio, splits=("training_outliers",))
