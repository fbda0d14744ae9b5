"""Standard training that sees the data in another order: a control in which the audit should find nothing."""

from dataclasses import replace

import torch

from pipelines.supervised.method import Method, TrainingData


def method() -> Method:
    """No options. Cost 1."""
    return Method(prepare=shuffle)


def shuffle(data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The same examples in another order."""
    order = torch.randperm(len(data), generator=generator).to(data.inputs.device)
    return replace(data, inputs=data.inputs[order], labels=data.labels[order], groups=data.groups[order])
