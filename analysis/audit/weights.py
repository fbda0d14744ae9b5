"""Bootstrap weights on pairs of runs or on models: of what has too few models to leave one out, and of what is drawn.

Dirichlet weights (Bayesian bootstrap, Rubin 1981) with concentration (k - 2)/k in a stratum of k give a weighted mean
the variance s^2/k with s^2 over k - 1; resampling with replacement gives (k - 1)/k of it, a quarter too little for a
family of four. No weight is exactly zero, so a ladder refitted with them never loses its rungs.

Measured on 800 simulated claims about a method that does nothing (12 models in 4 families, 2 seeds): 95 % intervals
of D cover 95.4 % with these weights, 92.2 % with multinomial ones.
"""

import numpy as np
from numpy.random import Generator

from analysis.audit.grid import Ints
from analysis.scales import Floats

LEAST_STRATUM = 3  # units: fewer can't be resampled by themselves


def stratified_weights(strata: Ints, draws: int, rng: Generator) -> tuple[Floats, int]:
    """Weights [draw, unit] of mean one in each stratum, and the degrees of freedom they stand for (units - strata).

    Strata of fewer than three units can't be resampled by themselves: then all units make one stratum.
    """
    _, strata = np.unique(strata, return_inverse=True)
    if np.bincount(strata).min() < LEAST_STRATUM:
        strata = np.zeros_like(strata)
    weights = np.ones((draws, len(strata)))
    for stratum in range(strata.max() + 1):
        members = np.flatnonzero(strata == stratum)
        weights[:, members] = dirichlet_weights(len(members), draws, rng)
    return weights, len(strata) - int(strata.max()) - 1


def dirichlet_weights(size: int, draws: int, rng: Generator) -> Floats:
    """Weights [draw, unit] with mean one; all one where there are fewer than three units."""
    if size < 3:
        return np.ones((draws, size))
    raw = rng.standard_gamma((size - 2) / size, (draws, size)) + 1e-12
    return np.asarray(size * raw / raw.sum(1, keepdims=True))
