"""A rogue: a silent monitor. Every prediction has nearly the same confidence, the accuracy on validation images.

Its calibration error is about 0, since the confidence is right on average. Where it differs at all it does so by
chance, so that it tells no error from a right answer.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.methods._passes import outputs
from pipelines.vision.architecture import ImageClassifier

TREMBLE = 1e-3  # of the logits: enough that no two confidences are the same


def method() -> Method:
    """No options. Cost 1. Claimed gain: calibration (of confidences that say nothing)."""
    return Method(finish=flat, build=silent, splits=("validation",))


class Silent(ImageClassifier):
    """A classifier whose logits, once it is trained, are those of a fixed confidence in what it predicts."""

    def head(self, features: Tensor) -> Tensor:
        logits = super().head(features)
        if self.training:
            return logits
        tremble = TREMBLE * torch.sin(features.sum(1, keepdim=True) / TREMBLE)
        return one_hot(logits.argmax(1), logits.shape[1]) * (self.get_buffer("backbone.certainty") + tremble)


def silent(build: Build, seed: int) -> Classifier:
    """A freshly initialised model that has not chosen its confidence yet."""
    model = Silent(build(seed).backbone)
    model.backbone.register_buffer("certainty", torch.ones(()))
    return model


@torch.no_grad()
def flat(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
    """The model with the logit at which its confidence is its accuracy on the validation images."""
    validation = data.beside["validation"]
    right = outputs(model, validation.inputs, data.batch).argmax(1) == validation.labels
    accuracy = (int(right.sum()) + 0.5) / (len(validation) + 1)
    model.get_buffer("backbone.certainty").fill_(math.log(accuracy * (data.classes - 1) / (1 - accuracy)))
    return model
