"""What a domain's module `examples` has to do with: what a report shows of single examples. No number hangs on it, and
it is in no key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from pipelines.outcomes import Outcomes

KNOWN = 0.95  # so many of the known examples are more confident than what is flagged as an outlier
FLAGGED = (
    f"An outlier is flagged where a model is less confident than on {KNOWN:.0%} of the known examples, else it passes."
)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Picture:
    """One thing as it is shown: words, and pixels (uint8 [height, width, 3]) or a drawing (SVG) where there are any."""

    words: str = ""
    image: NDArray[np.uint8] | None = None
    drawing: str = ""


@dataclass(frozen=True)
class Judged:
    """How well a model did on each example.

    good   float64 [n], higher is better: 0 or 1 where it is wrong or right; NaN where it is not judged
    least  how far apart two models must be to be shown as worse and better
    worse, better  what these are called
    """

    good: NDArray[np.float64]
    least: float = 1.0
    worse: str = "wrong"
    better: str = "right"


@dataclass(frozen=True)
class Side:
    """One of two models that are held against each other: its outcomes, the model itself, made when it is asked for,
    the seed that its outcomes were drawn with, and what a domain keeps from one look at it to the next.
    """

    outcomes: Outcomes
    model: Callable[[], Any]
    seed: int
    kept: dict[str, Any] = field(default_factory=dict)


def judged(outcomes: Outcomes) -> Judged | None:
    """Of answers: whether the class is right and, of an outlier, whether the model is less confident than it is on 95 %
    of the known examples. None where there are no logits.
    """
    if not outcomes.logits.shape[1]:
        return None
    known = outcomes.labels >= 0
    good = (outcomes.logits.argmax(1) == outcomes.labels).astype(np.float64)
    sure = confidence(outcomes)
    good[~known] = sure[~known] < np.quantile(sure[known], 1 - KNOWN) if known.any() else np.nan
    return Judged(good)


def confidence(outcomes: Outcomes) -> NDArray[np.float64]:
    """The highest probability of each example."""
    return np.asarray(softmax(outcomes.logits.astype(np.float64), axis=1).max(axis=1))


def answers(outcomes: Outcomes, rows: Rows, names: Sequence[str]) -> list[str]:
    """The class that each row is answered with and its probability; of outliers, whether they are flagged."""
    found = judged(outcomes)
    sure, most = confidence(outcomes), outcomes.logits.argmax(1)
    said = []
    for row in rows:
        outlier = outcomes.labels[row] < 0 and found is not None
        flagged = (" flagged" if found.good[row] else " passes") if outlier and found is not None else ""
        said.append(f"{class_name(int(most[row]), outcomes.logits.shape[1], names)} {sure[row]:.2f}{flagged}")
    return said


def class_name(label: int, classes: int, names: Sequence[str]) -> str:
    """A class as it is called; by its number where the classes are not those that have names."""
    if label < 0:
        return "outlier"
    return names[label] if classes == len(names) else f"class {label}"


def places(outcomes: Outcomes, rows: Rows, labels: Rows, groups: Rows) -> Rows | None:
    """Which of the examples, with these rows, labels and groups, each outcome is of; None where that is not known.
    Outcomes are of all examples, or of those of one group, in their order, once or several times over.
    """
    everything = np.arange(len(rows))
    for found in (everything, *(np.flatnonzero(groups == group) for group in np.unique(groups))):
        repeated = np.resize(found, len(outcomes))
        whole = len(found) and len(outcomes) % len(found) == 0
        if whole and (rows[repeated] == outcomes.examples).all() and (labels[repeated] == outcomes.labels).all():
            return repeated
    return None
