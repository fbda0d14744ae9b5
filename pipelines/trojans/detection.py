"""How well a detector finds trojans of a family of triggers that it never saw: AUROC, family by family."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._ranks import area_under_roc
from pipelines.outcomes import Measured, Unmeasurable
from pipelines.trojans.population import Population

Detector = Callable[[Population, Population, int], NDArray[np.float64]]


def on_unseen_families(detector: Detector, networks: Population, seed: int) -> dict[str, Measured]:
    """AUROC by family: of its networks, scored by a detector that learnt from the pairs of all other families.

    A detector gets the networks to learn from, those to score and a seed, and scores those with a trojan higher. The
    clean networks of a family are its pairs' own, which no detector learnt from either. Raises Unmeasurable where a
    family has no other beside it or lacks one of the two kinds.
    """
    return {str(family): on_unseen_family(detector, networks, family, seed) for family in np.unique(networks.family)}


def on_unseen_family(detector: Detector, networks: Population, family: str, seed: int) -> Measured:
    """The same for one family."""
    unseen = networks.family == family
    seen, tested = networks.rows(~unseen), networks.rows(unseen)
    for name, which in (("left to learn from", seen), ("to test on", tested)):
        if which.trojaned.all() or not which.trojaned.any():
            raise Unmeasurable(f"no clean and trojaned networks {name} where {family!r} is unseen")
    return area_under_roc(detector(seen, tested, seed), tested.trojaned)


def mean_over_families(by_family: Mapping[str, Measured]) -> Measured:
    """The mean of the families' AUROCs, each weighing the same; its standard error over networks, for these families.

    Detectors of different families share networks they learnt from, not networks they are tested on; of the learning
    itself the error holds nothing.
    """
    parts = list(by_family.values())
    errors = [part.standard_error for part in parts if part.standard_error is not None]
    error = float(np.sqrt(np.square(errors).sum()) / len(parts)) if len(errors) == len(parts) else None
    return Measured(sum(part.value for part in parts) / len(parts), error, sum(part.n for part in parts))


def by_value(name: str, sign: float) -> Detector:
    """A detector that learns nothing: one of the networks' own numbers, times a sign."""
    return lambda seen, tested, seed: sign * tested.values[name]
