"""What a model did under a condition, example by example, and what a metric makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

EVERY_PART = -1
COLLAPSED = "collapsed"  # a flag of the whole run, whichever condition found it
TRAINING, VALIDATION = "training", "validation"  # the parts of reference outcomes


class Unmeasurable(ValueError):
    """The metric has no value on these outcomes; the message is the reason, kept in place of a number."""


@dataclass(frozen=True)
class Measured:
    """The value of a metric, its standard error over examples (None where no estimate exists) and the number of
    examples that it is a share of or a mean over; where two samples are held against each other (AUROC), both together.

    influence  float64, one for each row of the outcomes: what one more such example adds to the value, to first order
               (Hampel 1974); None where there is no such estimate. It tells how the noise of runs that share examples
               goes together.
    """

    value: float
    standard_error: float | None
    n: int
    influence: NDArray[np.float64] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Outcomes:
    """Per-example results of one model under one condition.

    logits    float32 [n, classes], unnormalised; [n, 0] of a model that gives none, whose outcomes are `values`
    labels    int64 [n]; below 0 marks an outlier, whose class the model never saw
    examples  int64 [n], the row of the evaluation split that each came from (shared by all models: pairs them)
    groups    int64 [n]; the group of a spurious-cue split, the cue's class of a cue-conflict split, -1 where none
    parts     int64 [n], index into part_names; -1 belongs to every part (in-distribution rows beside outlier families)
    features  float32 [n, d], the input of the last layer, or None where not kept
    values    float32 [n] each: what else a condition recorded of every example, by name
    flags     what makes the condition's values doubtful, such as masked gradients
    reference the run's own model's outcomes on training and validation images, where a metric asks for them
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    examples: NDArray[np.int64]
    groups: NDArray[np.int64]
    parts: NDArray[np.int64]
    part_names: tuple[str, ...] = ()
    features: NDArray[np.float32] | None = None
    flags: tuple[str, ...] = ()
    values: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    reference: "Outcomes | None" = None

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
            values={name: value[keep] for name, value in self.values.items()},
        )

    def inliers(self) -> "Outcomes":
        """The examples whose class the model knows."""
        return self.rows(self.labels >= 0)

    def in_part(self, index: int) -> NDArray[np.bool_]:
        """Which rows belong to a part: its own and those that belong to every part."""
        return np.asarray((self.parts == index) | (self.parts == EVERY_PART))

    def part(self, name: str) -> "Outcomes":
        """The rows of a named part."""
        return self.rows(self.in_part(self.part_names.index(name)))
