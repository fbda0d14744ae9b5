"""Conformal sets against the guarantee that they come with, and against sets made one by one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines import parts
from pipelines.outcomes import Outcomes, Unmeasurable

PACKAGE = "pipelines.metrics"
Build = Callable[..., Outcomes]


def forecasts(outcomes_of: Build, rng: np.random.Generator, n: int) -> Outcomes:
    """Three classes, drawn by the forecasts' own probabilities moved a little."""
    logits = rng.normal(0, 1.5, (n, 3))
    noisy = logits + rng.gumbel(size=(n, 3))
    return outcomes_of(logits + rng.normal(0, 1, (n, 3)), noisy.argmax(axis=1))


def with_validation(outcomes: Outcomes, validation: Outcomes) -> Outcomes:
    parted = replace(validation, parts=np.ones(len(validation), dtype=np.int64), part_names=("training", "validation"))
    return replace(outcomes, reference=parted)


def probabilities(outcomes: Outcomes) -> np.ndarray:
    raised = np.exp(outcomes.logits.astype(np.float64))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("n", "coverage"), [(19, 0.9), (24, 0.9), (60, 0.7)])
def test_the_mean_coverage_over_draws_is_that_of_the_guarantee(n: int, coverage: float, outcomes_of: Build) -> None:
    """ceil((n + 1) coverage) / (n + 1) exactly, where no two scores are alike (Vovk et al. 2005)."""
    rng, covered, many = np.random.default_rng(n), [], 1500
    metric = parts.load(PACKAGE, "coverage_gap", {"coverage": coverage})
    below = 0
    for _ in range(many):
        test, validation = forecasts(outcomes_of, rng, 40), forecasts(outcomes_of, rng, n)
        gap = metric(with_validation(test, validation)).value
        scores = 1 - probabilities(validation)[np.arange(n), validation.labels]
        threshold = np.sort(scores)[int(np.ceil((n + 1) * coverage)) - 1]
        share = (1 - probabilities(test)[np.arange(40), test.labels] <= threshold).mean()
        assert gap == pytest.approx(abs(share - coverage))
        covered.append(share)
        below += share < coverage
    exact = np.ceil((n + 1) * coverage) / (n + 1)
    assert coverage <= exact <= coverage + 1 / (n + 1)
    assert np.mean(covered) == pytest.approx(exact, abs=4 * np.std(covered) / np.sqrt(many))
    assert 0 < below < many


def test_the_error_of_a_coverage_gap_is_its_spread_over_draws(outcomes_of: Build) -> None:
    """Of examples and of validation rows, under a shift that makes the gap large."""
    rng, metric = np.random.default_rng(0), parts.load(PACKAGE, "coverage_gap")
    found = []
    for _ in range(300):
        test = forecasts(outcomes_of, rng, 300)
        wrong = rng.random(300) < 0.3
        moved = replace(test, labels=np.where(wrong, (test.labels + 1) % 3, test.labels))
        found.append(metric(with_validation(moved, forecasts(outcomes_of, rng, 200))))
    values = np.array([each.value for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(values.std(ddof=1), rel=0.15)


def test_sets_are_those_made_one_by_one(outcomes_of: Build) -> None:
    rng = np.random.default_rng(3)
    test, validation = forecasts(outcomes_of, rng, 50), forecasts(outcomes_of, rng, 30)
    scores = sorted(1 - row[label] for row, label in zip(probabilities(validation), validation.labels, strict=True))
    threshold = scores[27]  # ceil(31 x .9) = 28
    sizes = [sum(1 - p <= threshold for p in row) for row in probabilities(test)]
    measured = parts.load(PACKAGE, "set_size")(with_validation(test, validation))
    assert measured.value == pytest.approx(np.mean(sizes))
    assert measured.standard_error == pytest.approx(np.std(sizes, ddof=1) / np.sqrt(50))


@pytest.mark.parametrize("name", ["coverage_gap", "set_size"])
def test_too_few_validation_examples_for_a_coverage_have_no_value(name: str, outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    both = with_validation(forecasts(outcomes_of, rng, 50), forecasts(outcomes_of, rng, 8))
    with pytest.raises(Unmeasurable, match=r"^8 validation examples are too few for a coverage of 0\.9$"):
        parts.load(PACKAGE, name)(both)
