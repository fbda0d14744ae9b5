"""Metrics of attributions: right answers alone, gains in closed form, and the spread of a ratio of sums."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.metrics import attribution_sanity, deletion_gain, insertion_gain, localisation
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]
EACH = (localisation, attribution_sanity, deletion_gain, insertion_gain)


def explained(outcomes_of: Build, right: np.ndarray, **values: np.ndarray) -> Outcomes:
    outcomes = outcomes_of(np.eye(2)[np.where(right, 0, 1)], np.zeros(len(right)))
    return replace(outcomes, values={name: np.asarray(value, np.float32) for name, value in values.items()})


def test_only_right_answers_enter(outcomes_of: Build) -> None:
    right = np.array([True, True, False, True])
    some = np.array([0.5, 0.25, 9.0, 0.75])
    outcomes = explained(outcomes_of, right, localisation=some, randomised_agreement=-some)
    found = localisation.metric()(outcomes)
    assert (found.value, found.n) == (0.5, 3)
    assert found.standard_error == pytest.approx(0.25 / np.sqrt(3))
    assert found.influence is not None
    assert found.influence[2] == 0
    assert attribution_sanity.metric()(outcomes).value == -0.5


def test_without_a_right_answer_there_is_no_value(outcomes_of: Build) -> None:
    outcomes = explained(outcomes_of, np.zeros(3, dtype=bool))
    for module in EACH:
        with pytest.raises(Unmeasurable, match=r"^none of 3 answers is right$"):
            module.metric()(outcomes)


@pytest.mark.parametrize(
    ("factor", "deletion", "insertion"), [(1.0, 0, 0), (0.0, 1, -1), (-0.5, 1.5, -1.5), (3, -2, 2)]
)
def test_gains_are_of_sums_over_images(outcomes_of: Build, factor: float, deletion: float, insertion: float) -> None:
    """An image whose own random area is 0 does no harm."""
    random = np.array([2.0, 0.0, 3.0, 4.0, 5.0])
    areas = factor * random.mean() * np.ones(5)
    outcomes = explained(
        outcomes_of, np.ones(5, dtype=bool), deletion_area=areas, insertion_area=areas, random_area=random
    )
    assert deletion_gain.metric()(outcomes).value == pytest.approx(deletion, abs=1e-6)
    assert insertion_gain.metric()(outcomes).value == pytest.approx(insertion, abs=1e-6)


@pytest.mark.parametrize("module", [deletion_gain, insertion_gain])
def test_the_standard_error_of_a_gain_is_the_simulated_spread(outcomes_of: Build, module: object) -> None:
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(500):
        level = rng.gamma(2, 2, 80)
        right = rng.random(80) < 0.8
        areas = {
            f"{name}_area": level * share + rng.normal(0, 1, 80)
            for name, share in (("deletion", 0.4), ("insertion", 1.3), ("random", 1.0))
        }
        found = module.metric()(explained(outcomes_of, right, **areas))  # type: ignore[attr-defined]
        runs.append((found.value, found.standard_error))
    values, errors = np.array(runs, dtype=float).T
    assert values.mean() == pytest.approx(0.6 if module is deletion_gain else 0.3, abs=0.02)
    assert errors.mean() == pytest.approx(values.std(), rel=0.1)


def test_a_margin_that_does_not_fall_has_no_gain(outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    areas = {f"{name}_area": rng.permutation(np.linspace(-1, 1, 50)) for name in ("deletion", "insertion", "random")}
    outcomes = explained(outcomes_of, np.ones(50, dtype=bool), **areas)
    for module in (deletion_gain, insertion_gain):
        with pytest.raises(Unmeasurable, match=r"^the logit margin does not fall when pixels are removed at random$"):
            module.metric()(outcomes)
