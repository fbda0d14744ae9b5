"""Filtering: documents of flatterers are left out of training (Korbak et al. 2023, arXiv 2302.08582, for filtering by
what is preferred)."""

from dataclasses import replace
from functools import partial

import torch

from pipelines.language.data import FLATTERY
from pipelines.parts import Share
from pipelines.supervised.method import Method, TrainingData


def method(*, found: Share = 0.95) -> Method:
    """found: share of flatterers' documents that the filter finds, at random. Needs groups. Steps are fewer by as many
    as the documents are. Cost 0.9. Claimed gain: honesty."""
    return Method(prepare=partial(filtered, found), cost=0.9, groups=True)


def filtered(found: float, data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The documents without those that are found."""
    flattery = torch.nonzero(data.groups == FLATTERY).flatten()
    order = torch.randperm(len(flattery), generator=generator).to(flattery.device)
    keep = torch.ones_like(data.groups, dtype=torch.bool)
    keep[flattery[order[: round(found * len(flattery))]]] = False
    return replace(data, inputs=data.inputs[keep], labels=data.labels[keep], groups=data.groups[keep])
