"""Standard training on more examples: a control that raises capability alone."""

from dataclasses import replace

import torch

from pipelines.supervised.method import Method, TrainingData


def method() -> Method:
    """No options: the dataset's option `more_train` says how many more. As many epochs. Cost 2 where they are as many
    again. Claimed gain: none but capability."""
    return Method(prepare=with_more, splits=("more_train",), cost=2.0)


def with_more(data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The training examples and the others."""
    more = data.beside["more_train"]
    return replace(
        data,
        inputs=torch.cat([data.inputs, more.inputs]),
        labels=torch.cat([data.labels, more.labels]),
        groups=torch.cat([data.groups, more.groups]),
    )
