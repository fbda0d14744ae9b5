"""The examples that enter a metric, and the mean over them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

Labels = NDArray[np.int64]


def finite_logits(outcomes: Outcomes) -> Reals:
    """The logits in float64 [n, classes]. Raises Unmeasurable unless all are finite and of two classes or more."""
    logits = outcomes.logits.astype(np.float64)
    finite = np.asarray(np.isfinite(logits).all(axis=1))
    if not finite.all():
        raise Unmeasurable(f"logits of {(~finite).sum()} of {len(finite)} examples are not finite")
    if logits.shape[1] < 2:
        raise Unmeasurable("fewer than two classes")
    return logits


def known(outcomes: Outcomes) -> tuple[Reals, Labels]:
    """Logits [n, classes] and labels [n] of the examples of a known class. Raises Unmeasurable, ValueError."""
    inliers = outcomes.inliers()
    if len(inliers) == 0:
        raise Unmeasurable("no examples of a known class")
    logits = finite_logits(inliers)
    if inliers.labels.max() >= logits.shape[1]:
        raise ValueError(f"label {inliers.labels.max()} where the logits have {logits.shape[1]} classes")
    return logits, inliers.labels


def right(logits: Reals, labels: Labels) -> NDArray[np.bool_]:
    """Whether the class of the highest logit, the first where several share it, is the label [n]."""
    return np.asarray(logits.argmax(axis=1) == labels)


def mean_over_examples(values: NDArray[np.generic], rows: NDArray[np.bool_]) -> Measured:
    """The mean of one value per example; standard error s / sqrt(n), None for a single example. `rows` [all rows]:
    where the values are from.
    """
    reals = values.astype(np.float64)
    return on_rows(by_influence(float(reals.mean()), reals), rows)


def by_influence(value: float, each: Reals) -> Measured:
    """The value and the standard error that these influences give it, None for a single example. `each` [n]: n times
    what one more such example adds, up to a constant.
    """
    n = len(each)
    error = float(each.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return Measured(value, error, n, (each - each.mean()) / n)


def recorded(outcomes: Outcomes, name: str) -> Reals:
    """What the condition recorded of every example under this name [n]. Raises Unmeasurable."""
    if name not in outcomes.values:
        raise Unmeasurable(f"{name!r} was not recorded")
    return np.asarray(outcomes.values[name].astype(np.float64))


def known_rows(outcomes: Outcomes) -> NDArray[np.bool_]:
    """The rows that `known` gives."""
    return np.asarray(outcomes.labels >= 0)


def on_rows(measured: Measured, rows: NDArray[np.bool_]) -> Measured:
    """The value with the influences of the chosen rows carried to all rows; the others have none."""
    if measured.influence is None:
        return measured
    influence = np.zeros(len(rows))
    influence[rows] = measured.influence
    return replace(measured, influence=influence)


def pooled(values: NDArray[np.generic], ranked_by: Reals) -> Reals:
    """The values [n], each replaced by the mean over the examples tied with it: what a random order of ties expects."""
    _, place, count = np.unique(ranked_by, return_inverse=True, return_counts=True)
    return np.asarray((np.bincount(place, weights=values.astype(np.float64)) / count)[place])
