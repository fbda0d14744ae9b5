"""How well a detector finds trojans unlike those it learnt from: AUROC, fold by fold."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._ranks import area_under_roc
from pipelines.outcomes import Measured, Unmeasurable

from .population import Population

# Scores [n] of networks, higher where a trojan is more likely: of the second population, by what is learnt from the
# first. The number is a seed.
Detector = Callable[[Population, Population, int], NDArray[np.float64]]


def on_unseen(detector: Detector, networks: Population, unseen: NDArray[np.bool_], seed: int) -> Measured:
    """AUROC of the unseen networks, scored by a detector that learnt from the others. Raises Unmeasurable.

    `unseen` has to hold whole pairs: the two networks of a pair share their images and first weights. They are compared
    as if they did not, which makes the standard error somewhat too large.
    """
    learnt, tested = networks.rows(~unseen), networks.rows(unseen)
    if np.isin(learnt.pair, tested.pair).any():
        raise ValueError("a pair is both seen and unseen")
    for name, which in (("seen", learnt), ("unseen", tested)):
        if which.trojaned.all() or not which.trojaned.any():
            raise Unmeasurable(f"the {name} networks are not of both kinds")
    return area_under_roc(detector(learnt, tested, seed), tested.trojaned)


def mean_over_folds(folds: Iterable[Measured]) -> Measured:
    """The mean of the folds' AUROCs, each weighing the same; its standard error over networks that are tested on, the
    folds and what was learnt for each held fixed.
    """
    parts = list(folds)
    errors = [part.standard_error for part in parts if part.standard_error is not None]
    error = float(np.sqrt(np.square(errors).sum()) / len(parts)) if len(errors) == len(parts) else None
    return Measured(sum(part.value for part in parts) / len(parts), error, sum(part.n for part in parts))


def by_value(name: str, sign: float) -> Detector:
    """A detector that learns nothing: one of the networks' own numbers, times a sign."""
    return lambda seen, tested, seed: np.asarray(sign * tested.values[name])
