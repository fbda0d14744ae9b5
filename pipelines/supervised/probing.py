"""A linear probe: ridge regression onto one-hot labels, in closed form (Alain & Bengio 2016, arXiv 1610.01644)."""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def probe_scores(
    fitted_on: Reals, labels: NDArray[np.int64], features: Reals, classes: int, ridge: float
) -> NDArray[np.float32]:
    """Scores [m, classes] of features [m, d] by a probe that is fitted on features [n, d] with labels [n], all
    standardised as those are. ridge: penalty on the squared weights, for each feature of unit variance.
    """
    mean, spread = fitted_on.mean(axis=0), fitted_on.std(axis=0) + 1e-6

    def with_one(some: Reals) -> Reals:
        return np.column_stack([(some - mean) / spread, np.ones(len(some))])

    known = with_one(fitted_on)
    penalty = ridge * np.diag(np.append(np.ones(fitted_on.shape[1]), 0.0))
    weights = np.linalg.solve(known.T @ known + penalty, known.T @ np.eye(classes)[labels])
    return np.asarray((with_one(features) @ weights).astype(np.float32))
