"""Uncertainty split in two: it is told which rows each kind should rise on, and for whom it has no value."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.metrics import aleatoric_auroc, epistemic_auroc
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def split_outcomes(outcomes_of: Build, members: int = 3) -> Outcomes:
    """30 images of one class, 20 blends, 25 outliers."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, -1], [30, 20, 25])
    groups = np.repeat([-1, 2, -1], [30, 20, 25])
    values = {
        "members": np.full(75, members),
        "aleatoric": rng.random(75) + 0.5 * (groups >= 0),
        "mutual_information": rng.random(75) + 0.5 * (labels < 0) + 9 * (groups >= 0),
    }
    outcomes = outcomes_of(rng.normal(0, 1, (75, 3)), labels, groups)
    return replace(outcomes, values={name: value.astype(np.float32) for name, value in values.items()})


def test_each_kind_is_judged_where_it_should_rise(outcomes_of: Build) -> None:
    outcomes = split_outcomes(outcomes_of)
    alone, blends, outliers = slice(0, 30), slice(30, 50), slice(50, 75)
    for module, name, rising, n in (
        (aleatoric_auroc, "aleatoric", blends, 50),
        (epistemic_auroc, "mutual_information", outliers, 55),
    ):
        value = outcomes.values[name]
        truth = np.repeat([0, 1], [30, len(value[rising])])
        found = module.metric()(outcomes)
        assert found.value == pytest.approx(roc_auc_score(truth, np.concatenate([value[alone], value[rising]])))
        assert found.n == n
        outside = outliers if name == "aleatoric" else blends
        assert not found.influence[outside].any()


def test_one_model_alone_has_no_mutual_information_to_judge(outcomes_of: Build) -> None:
    alone = split_outcomes(outcomes_of, members=1)
    with pytest.raises(Unmeasurable, match=r"^a model alone: it averages no members that could disagree$"):
        epistemic_auroc.metric()(alone)
    assert aleatoric_auroc.metric()(alone).n == 50


def test_both_kinds_of_image_are_needed(outcomes_of: Build) -> None:
    outcomes = split_outcomes(outcomes_of)
    with pytest.raises(Unmeasurable, match=r"^no examples of two classes$"):
        aleatoric_auroc.metric()(outcomes.rows(outcomes.groups < 0))
    with pytest.raises(Unmeasurable, match=r"^no examples of one class$"):
        aleatoric_auroc.metric()(outcomes.rows(outcomes.groups >= 0))
