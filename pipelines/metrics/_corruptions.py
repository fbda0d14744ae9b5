"""Errors under corruptions in units of a frozen baseline's, so that each corruption counts by how hard it is.

The defaults were measured once (`benchmarks/corruption_baseline.py`): a standard resnet-8 on the glyphs dataset at its
defaults (3,000 training images), 5 epochs in batches of 64 at a learning rate of 0.004, the mean over seeds 0 to 4, all
1,000 test images under each corruption at each severity. Its clean error was 0.1216. Seeds differ: the standard
deviation over the five is 0.21 to 0.60, for fog 0.33, and that of the clean error 0.095.
"""

from collections.abc import Mapping

import numpy as np

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Outcomes, Unmeasurable

SEVERITIES = 5
ERRORS = {  # summed over the severities
    "gaussian_noise": 2.23, "shot_noise": 2.24, "impulse_noise": 2.96, "speckle_noise": 2.17, "gaussian_blur": 1.91,
    "motion_blur": 2.39, "zoom_blur": 1.32, "snow": 2.32, "frost": 3.06, "fog": 2.28, "brightness": 1.74,
    "spatter": 2.39, "contrast": 2.66, "saturate": 2.24, "elastic": 1.85, "pixelate": 1.63, "jpeg": 1.12,
}  # fmt: skip
EXCESS_ERRORS = {  # the same, less the errors on the clean images
    "gaussian_noise": 1.62, "shot_noise": 1.64, "impulse_noise": 2.35, "speckle_noise": 1.57, "gaussian_blur": 1.30,
    "motion_blur": 1.78, "zoom_blur": 0.71, "snow": 1.71, "frost": 2.45, "fog": 1.68, "brightness": 1.13,
    "spatter": 1.78, "contrast": 2.05, "saturate": 1.63, "elastic": 1.24, "pixelate": 1.02, "jpeg": 0.52,
}  # fmt: skip


def checked(baseline: Mapping[str, float]) -> dict[str, float]:
    """The baseline's errors by corruption. Raises ValueError unless each is a number above 0."""
    for kind, error in baseline.items():
        if isinstance(error, bool) or not isinstance(error, (int, float)) or not 0 < error < np.inf:
            raise ValueError(f"'baseline' has {error!r} for {kind!r}, not a number above 0")
    return dict(baseline)


def baseline_error(outcomes: Outcomes, baseline: Mapping[str, float]) -> Reals:
    """The baseline's mean error a severity, of the corruption that each row was put through [n]. A part is named after
    its corruption and severity, such as `fog 3`. Raises Unmeasurable.
    """
    kinds = [name.rpartition(" ")[0] for name in outcomes.part_names]
    present = np.unique(outcomes.parts)
    if present.min() < 0:
        raise Unmeasurable("no examples of a corruption: they belong to no part of their own")
    for part in present:
        if kinds[part] not in baseline:
            raise Unmeasurable(f"no baseline error for {outcomes.part_names[part]!r}")
    each = np.array([baseline.get(kind, np.nan) for kind in kinds])
    return np.asarray(each[outcomes.parts] / SEVERITIES)
