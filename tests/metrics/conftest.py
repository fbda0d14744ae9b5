"""Outcomes made from logits and labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipelines.outcomes import Outcomes


@pytest.fixture(scope="session")
def outcomes_of() -> Callable[..., Outcomes]:
    """Outcomes of these logits and labels, and groups where given."""

    def build(logits: Any, labels: Any, groups: Any = None) -> Outcomes:
        n = len(labels)
        return Outcomes(
            logits=np.asarray(logits, dtype=np.float32),
            labels=np.asarray(labels, dtype=np.int64),
            examples=np.arange(n),
            groups=np.full(n, -1) if groups is None else np.asarray(groups, dtype=np.int64),
            parts=np.full(n, -1),
        )

    return build


@pytest.fixture(scope="session")
def of_confidence(outcomes_of: Callable[..., Outcomes]) -> Callable[..., Outcomes]:
    """Outcomes of two classes with these confidences in class 0, right where told."""

    def build(confidence: Any, right: Any) -> Outcomes:
        p = np.asarray(confidence, dtype=np.float64)
        logits = np.stack([np.log(p / (1 - p)), np.zeros(len(p))], axis=1)
        return outcomes_of(logits, np.where(right, 0, 1))

    return build


@pytest.fixture(scope="session")
def of_scores(outcomes_of: Callable[..., Outcomes]) -> Callable[..., Outcomes]:
    """Outcomes whose max_logit score is the one given: of the outliers, then of the inliers."""

    def build(outliers: Any, inliers: Any) -> Outcomes:
        score = np.concatenate([outliers, inliers])
        labels = np.repeat([-1, 0], [len(outliers), len(inliers)])
        return outcomes_of(np.stack([-score, -score - 1], axis=1), labels)

    return build
