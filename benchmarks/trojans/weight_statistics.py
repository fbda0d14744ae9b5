"""Trojans told from the weights alone: logistic regression on their moments, quantiles and norms."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kurtosis, skew
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from .population import Population

Reals = NDArray[np.float64]
QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
INVERSE_PENALTY = 0.01  # of scikit-learn: networks are fewer than statistics


def statistics(weights: Mapping[str, NDArray[np.float32]]) -> Reals:
    """What describes each network's arrays [n, ...] whatever the order of their units [n, d]: of all numbers the
    moments and quantiles, and the sorted means and norms of what goes into each unit.
    """
    found = []
    for values in weights.values():
        units = values.reshape(*values.shape[:2], -1).astype(np.float64)
        numbers = units.reshape(len(units), -1)
        found += [
            np.stack([numbers.mean(1), numbers.std(1), skew(numbers, 1), kurtosis(numbers, 1)], axis=1),
            np.quantile(numbers, QUANTILES, axis=1).T,
            np.sort(units.mean(2), axis=1),
            np.sort(np.linalg.norm(units, axis=2), axis=1),
        ]
    return np.concatenate(found, axis=1)


def detect(seen: Population, tested: Population, seed: int) -> Reals:
    """Log odds of a trojan for each of the tested networks. Nothing is drawn."""
    scale = StandardScaler().fit(statistics(seen.weights))
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000)
    model.fit(scale.transform(statistics(seen.weights)), seen.trojaned)
    return np.asarray(model.decision_function(scale.transform(statistics(tested.weights))))
