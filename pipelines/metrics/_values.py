"""What a condition recorded of every example beside its logits."""

import numpy as np

from pipelines.metrics._examples import known, recorded
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Outcomes, Unmeasurable

UNBOUNDED = "no bounds can be followed through the model"


def known_values(outcomes: Outcomes, name: str, otherwise: str = "") -> Reals:
    """A value of each example of a known class [n]. Raises Unmeasurable; where one is NaN for the reason given."""
    known(outcomes)
    values = recorded(outcomes.inliers(), name)
    if np.isnan(values).any():
        raise Unmeasurable(otherwise or f"{name!r} of {np.isnan(values).sum()} of {len(values)} examples is not known")
    return values
