"""Detection of attacks among benign rows, against definitions written out, scikit-learn and resampling."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines import parts
from pipelines.outcomes import Outcomes, Unmeasurable

PACKAGE = "pipelines.metrics"
Build = Callable[..., Outcomes]


def traffic(outcomes_of: Build, seed: int, benign: int = 300, known: int = 80, unseen: int = 60) -> Outcomes:
    """Benign rows, attacks of two known classes and of none; how benign each looks, with ties."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2, -1], [benign, known, known, unseen])
    logits = rng.normal(0, 1, (len(labels), 3)).round(1)
    logits[:, 0] += np.where(labels == 0, 1.5, 0).round(1)
    return outcomes_of(logits, labels)


def scores(outcomes: Outcomes) -> np.ndarray:
    raised = np.exp(outcomes.logits.astype(np.float64))
    return np.asarray((1 - raised[:, 0] / raised.sum(axis=1)).round(9))


def test_area_and_precision_are_those_of_scikit_learn(outcomes_of: Build) -> None:
    outcomes = traffic(outcomes_of, 0)
    attacks = outcomes.labels != 0
    area = parts.load(PACKAGE, "attack_auroc")(outcomes)
    assert area.value == pytest.approx(roc_auc_score(attacks, scores(outcomes)))
    assert area.n == len(outcomes)
    for rate in (0.001, 0.01, 0.4):
        weights = np.where(attacks, rate / attacks.sum(), (1 - rate) / (~attacks).sum())
        precision = parts.load(PACKAGE, "attack_aupr", {"base_rate": rate})(outcomes).value
        assert precision == pytest.approx(average_precision_score(attacks, scores(outcomes), sample_weight=weights))


@pytest.mark.parametrize("benign", [50, 99, 100, 250, 1000])
def test_the_threshold_lets_at_most_one_benign_row_in_a_hundred_through_and_no_lower_one_does(
    benign: int, outcomes_of: Build
) -> None:
    outcomes = traffic(outcomes_of, 2, benign=benign)
    calm, hostile = (scores(outcomes)[rows] for rows in (outcomes.labels == 0, outcomes.labels != 0))
    lowest = min(value for value in calm if (calm > value).sum() <= benign // 100)
    measured = parts.load(PACKAGE, "caught_at_1_fpr")(outcomes)
    assert measured.value == pytest.approx((hostile > lowest).mean())
    assert measured.n == len(hostile)


def test_the_error_of_the_share_caught_is_its_spread_over_draws(outcomes_of: Build) -> None:
    found = [parts.load(PACKAGE, "caught_at_1_fpr")(traffic(outcomes_of, seed, 400, 100, 100)) for seed in range(200)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize("name", ["attack_auroc", "attack_aupr", "caught_at_1_fpr"])
def test_what_cannot_be_told_apart_has_no_value(name: str, outcomes_of: Build) -> None:
    outcomes = traffic(outcomes_of, 0)
    metric = parts.load(PACKAGE, name)
    with pytest.raises(Unmeasurable, match=r"^no examples of an attack$"):
        metric(outcomes.rows(outcomes.labels == 0))
    with pytest.raises(Unmeasurable, match=r"^no examples of the benign class$"):
        metric(outcomes.rows(outcomes.labels != 0))
    with pytest.raises(Unmeasurable, match=r"^class 7 is not one of 3$"):
        parts.load(PACKAGE, name, {"benign": 7})(outcomes)
