"""What a metric fits on: the same model's outcomes on training and validation images."""

import numpy as np

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Outcomes, Unmeasurable


def fitted_on(outcomes: Outcomes, part: str) -> Outcomes:
    """The labelled rows of a part of the reference, "training" or "validation". Raises Unmeasurable."""
    if outcomes.reference is None:
        raise Unmeasurable("no outcomes on training and validation images")
    rows = outcomes.reference.part(part).inliers()
    if len(rows) == 0:
        raise Unmeasurable(f"no {part} images")
    return rows


def finite_features(outcomes: Outcomes) -> Reals:
    """The features in float64 [n, d]. Raises Unmeasurable."""
    if outcomes.features is None:
        raise Unmeasurable("no features")
    features = outcomes.features.astype(np.float64)
    finite = np.asarray(np.isfinite(features).all(axis=1))
    if not finite.all():
        raise Unmeasurable(f"features of {(~finite).sum()} of {len(finite)} examples are not finite")
    return features
