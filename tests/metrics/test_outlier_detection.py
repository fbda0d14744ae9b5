"""AUROC, AUPR, FPR at 95 % TPR: loops over pairs and thresholds, scikit-learn, closed forms, simulated spread."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines import parts
from pipelines.metrics import aupr, auroc, fpr_at_95_tpr
from pipelines.metrics._scores import outlier_scores
from pipelines.outcomes import Measured, Outcomes

Build = Callable[..., Outcomes]
DETECTION = (auroc, aupr, fpr_at_95_tpr)
whole_scores = st.lists(st.integers(-20, 20), min_size=2, max_size=40)


def measured(module: object, outcomes: Outcomes) -> Measured:
    value = module.metric(score="max_logit")(outcomes)  # type: ignore[attr-defined]
    assert isinstance(value, Measured)
    return value


@settings(max_examples=100, derandomize=True)
@given(outliers=whole_scores, inliers=whole_scores)
def test_loops_and_scikit_learn_agree(of_scores: Build, outliers: list[int], inliers: list[int]) -> None:
    outcomes = of_scores(outliers, inliers)
    truth, scores = np.repeat([1, 0], [len(outliers), len(inliers)]), np.array(outliers + inliers)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in outliers for b in inliers]
    assert measured(auroc, outcomes).value == pytest.approx(np.mean(pairs))
    assert measured(auroc, outcomes).value == pytest.approx(roc_auc_score(truth, scores))
    assert measured(aupr, outcomes).value == pytest.approx(average_precision_score(truth, scores))
    for threshold in sorted(set(outliers), reverse=True):
        if 100 * sum(s >= threshold for s in outliers) >= 95 * len(outliers):
            break
    rate = np.mean([s >= threshold for s in inliers])
    assert measured(fpr_at_95_tpr, outcomes).value == pytest.approx(rate)


@settings(max_examples=50, derandomize=True)
@given(outliers=whole_scores, inliers=whole_scores)
def test_only_the_order_of_scores_matters(of_scores: Build, outliers: list[int], inliers: list[int]) -> None:
    plain = of_scores(outliers, inliers)
    bent = of_scores(np.array(outliers) ** 3 / 8 + 5.0, np.array(inliers) ** 3 / 8 + 5.0)
    for module in DETECTION:
        assert measured(module, plain) == measured(module, bent)


def test_auroc_of_two_normal_samples(of_scores: Build) -> None:
    rng = np.random.default_rng(0)
    outcomes = of_scores(rng.normal(1, 1, 20_000), rng.normal(0, 1, 20_000))
    assert measured(auroc, outcomes).value == pytest.approx(norm.cdf(1 / math.sqrt(2)), abs=0.008)
    assert measured(fpr_at_95_tpr, outcomes).value == pytest.approx(norm.sf(1 + norm.ppf(0.05)), abs=0.015)


def test_perfect_and_constant_scores(of_scores: Build) -> None:
    perfect = of_scores(np.arange(10, 15), np.arange(10))
    assert [measured(module, perfect) for module in DETECTION] == [
        Measured(1.0, 0.0, 15),
        Measured(1.0, 0.0, 5),
        Measured(0.0, 0.0, 10),
    ]
    constant = of_scores(np.zeros(5), np.zeros(10))
    assert [measured(module, constant).value for module in DETECTION] == [0.5, pytest.approx(1 / 3), 1.0]


def test_false_positives_depend_on_which_class_is_positive(of_scores: Build) -> None:
    """20 outliers at 0 (two of them) and at 1 to 18; 20 inliers at 0.5 (ten), 1.5 (nine) and 40 (one)."""
    outliers, inliers = [0.0, 0.0, *range(1, 19)], [0.5] * 10 + [1.5] * 9 + [40.0]
    # 19 of 20 outliers need the threshold 0: all inliers are at or above it
    assert measured(fpr_at_95_tpr, of_scores(outliers, inliers)).value == 1.0
    # with inliers as positives, 19 of 20 are at or below 1.5, and so are the outliers 0, 0 and 1
    flipped = of_scores([-s for s in inliers], [-s for s in outliers])
    assert measured(fpr_at_95_tpr, flipped).value == pytest.approx(3 / 20)


def test_scores_near_one_are_ranked_as_they_are(outcomes_of: Build) -> None:
    """Confidences in [.95, 1]: a second sigmoid or a rounding to 1 would tie them."""
    rng = np.random.default_rng(0)
    margin = np.concatenate([rng.uniform(3, 400, 300), rng.uniform(100, 600, 300)])
    truth = np.repeat([1, 0], 300)
    outcomes = outcomes_of(np.stack([margin, np.zeros(600)], axis=1), np.where(truth, -1, 0))
    for score in ("msp", "max_logit", "energy"):
        wanted = roc_auc_score(truth, -margin.astype(np.float32))
        assert auroc.metric(score=score)(outcomes).value == pytest.approx(wanted)


def test_scores_are_their_definitions(outcomes_of: Build) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 7)).astype(np.float32)
    labels = np.where(np.arange(50) < 20, -1, 0)
    outcomes, z = outcomes_of(logits, labels), logits.astype(np.float64)
    top = softmax(z, axis=1).max(axis=1)
    wanted = {"msp": np.log((1 - top) / top), "max_logit": -z.max(axis=1), "energy": -logsumexp(z, axis=1)}
    for score, values in wanted.items():
        scores, outlying = outlier_scores(outcomes, score)  # type: ignore[arg-type]
        outliers, inliers = scores[outlying], scores[~outlying]
        assert np.allclose(outliers, values[:20])
        assert np.allclose(inliers, values[20:])


def test_an_unknown_score_is_refused() -> None:
    with pytest.raises(parts.WrongOptions, match=r"^'score' is 'mps', not one of: msp, max_logit, energy, .*vim$"):
        parts.load("pipelines.metrics", "auroc", {"score": "mps"})


def test_one_outlier_has_no_standard_error(of_scores: Build) -> None:
    for module in DETECTION:
        assert measured(module, of_scores([1.0], [0.0, 2.0])).standard_error is None


def test_auroc_standard_error_is_that_of_delong_in_loops(of_scores: Build) -> None:
    rng = np.random.default_rng(0)
    outliers, inliers = rng.integers(0, 9, 30) + 2, rng.integers(0, 9, 40)
    wins = np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in inliers] for a in outliers])
    variance = wins.mean(axis=1).var(ddof=1) / 30 + wins.mean(axis=0).var(ddof=1) / 40
    assert measured(auroc, of_scores(outliers, inliers)).standard_error == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize("module", DETECTION)
@pytest.mark.parametrize(("distance", "outliers", "inliers"), [(1.0, 400, 800), (2.0, 800, 400)])
def test_standard_error_is_the_simulated_spread(
    module: object, distance: float, outliers: int, inliers: int, of_scores: Build
) -> None:
    rng = np.random.default_rng(2)
    runs = [
        measured(module, of_scores(rng.normal(distance, 1.5, outliers), rng.normal(0, 1, inliers))) for _ in range(800)
    ]
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)


def test_fpr_standard_error_is_the_bootstraps(of_scores: Build) -> None:
    rng = np.random.default_rng(3)
    outliers, inliers = rng.normal(1, 1, 137), rng.normal(0, 1, 200)
    values = [
        measured(fpr_at_95_tpr, of_scores(rng.choice(outliers, 137), rng.choice(inliers, 200))).value
        for _ in range(4000)
    ]
    error = measured(fpr_at_95_tpr, of_scores(outliers, inliers)).standard_error
    assert error == pytest.approx(np.std(values), rel=0.05)
