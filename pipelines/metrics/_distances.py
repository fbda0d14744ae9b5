"""How far an example's features [n, d] lie from those of training images: higher is further, and more of an outlier.

What is fitted is fitted on the training images at hand, and taken as given: its own noise is in no standard error.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from pipelines.metrics._softmax import Reals, log_sum_exp
from pipelines.outcomes import Unmeasurable

NEIGHBOUR = 10  # of 1,000 training images: as near as the fiftieth of 5,000


def mahalanobis(features: Reals, training: Reals, labels: NDArray[np.int64], *, relative: bool = False) -> Reals:
    """The squared Mahalanobis distance [n] to the nearest class mean, the covariance within classes shared by all (Lee
    et al. 2018, arXiv 1807.03888); `relative`: less that to the mean of all (Ren et al. 2021, arXiv 2106.09022).
    """
    _, place, count = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place, weights=column) / count for column in training.T], axis=1)
    distance = distances(features, means, training - means[place]).min(axis=1)
    if not relative:
        return np.asarray(distance)
    mean = training.mean(axis=0, keepdims=True)
    return np.asarray(distance - distances(features, mean, training - mean)[:, 0])


def distances(features: Reals, centres: Reals, deviations: Reals) -> Reals:
    """Squared Mahalanobis distances [n, centres] under the covariance of these deviations. Raises Unmeasurable."""
    root = np.linalg.cholesky(shrunk_covariance(deviations))
    whitened = [solve_triangular(root, points.T, lower=True).T for points in (features, centres)]
    return np.asarray(cdist(*whitened, "sqeuclidean"))


def shrunk_covariance(deviations: Reals) -> Reals:
    """The covariance of deviations [n, d] from a mean, moved towards the same variance in all directions by the share
    that is best on average (Ledoit & Wolf 2004): it has an inverse, be there fewer images than features or features
    that depend on each other. Raises Unmeasurable where nothing varies.
    """
    n, d = deviations.shape
    covariance = deviations.T @ deviations / n
    variance = np.trace(covariance) / d
    if variance == 0:
        raise Unmeasurable("the features of training images of a class are all the same")
    size = (covariance**2).sum()
    noise = ((deviations**2).sum(axis=1) @ (deviations**2).sum(axis=1) / n - size) / n
    excess = size - d * variance**2
    share = min(1.0, noise / excess) if excess > 0 else 1.0
    return np.asarray((1 - share) * covariance + share * variance * np.eye(d))


def nearest_neighbour(features: Reals, training: Reals) -> Reals:
    """The distance [n] to the tenth nearest training image, features being of length 1 (Sun et al. 2022, arXiv
    2204.06507). Raises Unmeasurable.
    """
    if len(training) < NEIGHBOUR:
        raise Unmeasurable(f"fewer than {NEIGHBOUR} training images")
    cosine = of_length_one(features) @ of_length_one(training).T
    nearest = np.partition(cosine, -NEIGHBOUR, axis=1)[:, -NEIGHBOUR]
    return np.sqrt(np.maximum(2 - 2 * nearest, 0))


def of_length_one(features: Reals) -> Reals:
    """The features divided by their length; those of length 0 as they are."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(length > 0, length, 1))


def virtual_logit(features: Reals, logits: Reals, training: Reals, training_logits: Reals) -> Reals:
    """Virtual-logit matching [n] (Wang et al. 2022, arXiv 2203.10807): the length of what lies outside the main half of
    the training features' directions, as large on average as their highest logit, less the energy's log-sum-exp.

    Directions are from the point where all logits are 0. The last layer, from which that point follows, is
    recovered from features and logits by least squares. Raises Unmeasurable.
    """
    layer = np.linalg.lstsq(np.column_stack([training, np.ones(len(training))]), training_logits)[0]
    origin = -layer[-1] @ np.linalg.pinv(layer[:-1])
    moved = training - origin
    _, directions = np.linalg.eigh(moved.T @ moved)  # the least variance first
    outside = directions[:, : len(directions) - len(directions) // 2]
    length = np.linalg.norm(moved @ outside, axis=1).mean()
    highest = training_logits.max(axis=1).mean()
    if length <= 1e-9 * np.linalg.norm(moved, axis=1).mean() or highest <= 0:
        raise Unmeasurable("training images have no residual features, or no positive logits, to scale a virtual logit")
    return np.asarray(highest / length * np.linalg.norm((features - origin) @ outside, axis=1) - log_sum_exp(logits))
