"""What a model did under a condition, example by example, and what a metric makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

EVERY_PART = -1


class Unmeasurable(ValueError):
    """The metric has no value on these outcomes; the message is the reason, kept in place of a number."""


@dataclass(frozen=True)
class Measured:
    """The value of a metric, its standard error over examples (None where no estimate exists) and the examples used."""

    value: float
    standard_error: float | None
    n: int


@dataclass(frozen=True)
class Outcomes:
    """Per-example results of one model under one condition.

    logits    float32 [n, classes], unnormalised
    labels    int64 [n]; below 0 marks an outlier, whose class the model never saw
    examples  int64 [n], the row of the evaluation split that each came from (shared by all models: pairs them)
    groups    int64 [n]; the group of a spurious-cue split, the cue's class of a cue-conflict split, -1 where none
    parts     int64 [n], index into part_names; -1 belongs to every part (in-distribution rows beside outlier families)
    features  float32 [n, d], the input of the last layer, or None where not kept
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    examples: NDArray[np.int64]
    groups: NDArray[np.int64]
    parts: NDArray[np.int64]
    part_names: tuple[str, ...] = ()
    features: NDArray[np.float32] | None = None
    flags: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, keep: NDArray[np.bool_]) -> "Outcomes":
        """The outcomes of the chosen examples."""
        return replace(
            self,
            logits=self.logits[keep],
            labels=self.labels[keep],
            examples=self.examples[keep],
            groups=self.groups[keep],
            parts=self.parts[keep],
            features=None if self.features is None else self.features[keep],
        )

    def inliers(self) -> "Outcomes":
        """The examples whose class the model knows."""
        return self.rows(self.labels >= 0)

    def by_part(self) -> Iterator[tuple[str, "Outcomes"]]:
        """Each named part with its own rows and those that belong to every part."""
        for index, name in enumerate(self.part_names):
            yield name, self.rows((self.parts == index) | (self.parts == EVERY_PART))
