"""Streams of flows in which, from some row on, a share are attacks of one unseen family; a part for each family.

The monitor is a cumulative sum (Page 1954, doi 10.1093/biomet/41.1-2.100) of the model's surprise at each row, one less
its highest probability, standardised by validation rows; each step takes a little off, and at 0 the sum starts anew. It
raises an alarm above a threshold that as few unchanged streams pass as is asked for. These are drawn from validation
rows, with replacement, the changed ones from test rows and unseen attacks: no threshold has seen what it is tested on.
"""

from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, NonNegative, Range, Share
from pipelines.supervised.classifier import Classifier
from pipelines.tabular.condition import Condition, logits_of
from pipelines.tabular.data import Dataset, Examples, Integers, split_of

Reals = NDArray[np.float64]
HAS = ("alarm_at", "change_at")


def condition(
    *,
    streams: Annotated[int, Range(20)] = 300,
    length: Count = 80,
    change: Count = 40,
    share: Share = 0.3,
    drift: NonNegative = 0.25,
    false_alarms: Annotated[float, Range(0.01, 0.5)] = 0.05,
) -> Condition:
    """streams: with a change, and as many without. length: of each. change: how many rows are as in training before
    the rest has attacks. share: of attacks among those. drift: what each step takes off, in standard deviations.
    false_alarms: the share of unchanged streams that pass the threshold."""
    if change >= length:
        raise ValueError(f"'change' is {change}, not below 'length', {length}: no row of a stream comes after it")

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        validation, test, attacks = (dataset.splits[name] for name in ("validation", "test", "unseen"))
        calm = generator.integers(len(validation), size=(streams, length))
        changed = len(validation) + generator.integers(len(test), size=(streams, length))
        family = np.arange(streams) % len(attacks.part_names)
        hostile = (generator.random((streams, length)) < share) & (np.arange(length) >= change)
        of_family = np.stack([drawn(attacks.parts, int(which), length, generator) for which in family])
        changed = np.where(hostile, len(validation) + len(test) + of_family, changed)
        split = split_of(
            np.concatenate([each.rows for each in (validation, test, attacks)]),
            np.concatenate([each.labels for each in (validation, test, attacks)]),
            groups=np.repeat([0, 1, 2], [len(validation), len(test), len(attacks)]),
            part_names=attacks.part_names,
        )
        return Examples(split, np.arange(len(split)), np.concatenate([calm, changed]))

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        surprise = 1 - softmax(logits_of(model, examples.split.rows).astype(np.float64), axis=1).max(axis=1)
        calm = surprise[examples.split.groups == 0]
        standard = (surprise - calm.mean()) / (calm.std() + 1e-9)
        sums = cumulative_sums(standard[examples.streams], drift)
        highest = np.sort(sums[:streams].max(axis=1))
        threshold = highest[streams - 1 - int(false_alarms * streams)]
        values = {"alarm_at": first_above(sums[streams:], threshold), "change_at": np.full(streams, change)}
        return Outcomes(
            logits=np.zeros((streams, 0), dtype=np.float32),
            labels=np.zeros(streams, dtype=np.int64),
            examples=len(examples) + np.arange(streams),  # streams, not rows of a split
            groups=np.full(streams, -1),
            parts=np.arange(streams) % len(examples.split.part_names),
            part_names=examples.split.part_names,
            values={name: value.astype(np.float32) for name, value in values.items()},
        )

    return Condition(examples, outcomes, ("test", "validation", "unseen"), HAS)


def drawn(parts: Integers, which: int, count: int, generator: np.random.Generator) -> Integers:
    """So many of the rows of a part, with replacement."""
    return generator.choice(np.flatnonzero(parts == which), count)


def cumulative_sums(surprise: Reals, drift: float) -> Reals:
    """The sums [streams, length] of what each stream has said so far, less the drift of each step; never below 0."""
    sums, current = np.empty_like(surprise), np.zeros(len(surprise))
    for step in range(surprise.shape[1]):
        current = np.maximum(0, current + surprise[:, step] - drift)
        sums[:, step] = current
    return sums


def first_above(sums: Reals, threshold: float) -> Reals:
    """How many rows of each stream come before the one at which its sum first passes the threshold; -1 where none does
    [streams].
    """
    above = sums > threshold
    return np.asarray(np.where(above.any(axis=1), above.argmax(axis=1), -1), dtype=np.float64)
