"""Attack success counts triggered examples of other classes, benign accuracy the untriggered."""

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.metrics import attack_success_rate, benign_accuracy
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def test_each_counts_its_own_rows(outcomes_of: Build) -> None:
    """Target 1. Triggered: two of three of another class are sent there; one of class 1 does not count. Untriggered:
    three of four are right; the outlier does not count.
    """
    labels = [0, 2, 2, 1, 0, 1, 2, 2, -1]
    groups = [1, 1, 1, 1, -1, -1, -1, -1, -1]
    answers = [1, 1, 2, 1, 0, 1, 2, 0, 1]
    outcomes = outcomes_of(np.eye(3)[answers], labels, groups)
    success, accuracy = attack_success_rate.metric()(outcomes), benign_accuracy.metric()(outcomes)
    assert (success.value, accuracy.value) == pytest.approx((2 / 3, 3 / 4))
    assert (success.n, accuracy.n) == (3, 4)
    assert success.influence is not None
    assert np.flatnonzero(success.influence).tolist() == [0, 1, 2]


def test_without_their_rows_there_is_no_value(outcomes_of: Build) -> None:
    triggered = outcomes_of(np.eye(3), [0, 1, 2], [1, 1, 1])
    with pytest.raises(Unmeasurable, match=r"^no examples of a known class without a trigger$"):
        benign_accuracy.metric()(triggered)
    with pytest.raises(Unmeasurable, match=r"^no examples whose cue points to another class than the label$"):
        attack_success_rate.metric()(outcomes_of(np.eye(3), [0, 1, 2]))
