"""Metrics of certificates: by hand, and where there is no certificate."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines import parts
from pipelines.measuring import measure
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def value(name: str, outcomes: Outcomes, **options: object) -> float:
    return float(parts.load("pipelines.metrics", name, options)(outcomes).value)


@pytest.fixture
def certified(outcomes_of: Build) -> Outcomes:
    """Four examples and an outlier: three right under attack, of which one verified; radii 0, .1, .25 and 1."""
    outcomes = outcomes_of([[2, 0], [2, 0], [0, 2], [2, 0], [9, 0]], [0, 0, 1, 1, -1])
    values = {
        "verified": np.array([1, 0, 0, 0, 1], np.float32),
        "right_when_clean": np.array([1, 1, 1, 1, 1], np.float32),
        "certified_radius": np.array([0, 0.1, 0.25, 1, 5], np.float32),
    }
    return replace(outcomes, values=values)


def test_values_by_hand(certified: Outcomes) -> None:
    assert value("clean_accuracy", certified) == 1
    assert value("accuracy", certified) == 0.75
    assert value("verified_accuracy", certified) == 0.25
    assert value("looseness", certified) == 0.5
    assert value("average_certified_radius", certified) == pytest.approx(0.3375)
    radii = {0.0: 0.75, 0.05: 0.75, 0.1001: 0.5, 0.25: 0.5, 0.5: 0.25, 1.0: 0.25, 1.1: 0.0}
    for radius, share in radii.items():
        assert value("certified_accuracy", certified, radius=radius) == share


def test_the_looseness_is_the_difference_of_two_accuracies(certified: Outcomes) -> None:
    difference = value("accuracy", certified) - value("verified_accuracy", certified)
    assert value("looseness", certified) == difference


def test_a_model_without_bounds_has_no_verified_accuracy_but_one_under_attack(certified: Outcomes) -> None:
    unknown = np.full(5, np.nan, dtype=np.float32)
    outcomes = replace(certified, values={**certified.values, "verified": unknown})
    for name in ("verified_accuracy", "looseness"):
        (found,) = measure(outcomes, parts.load("pipelines.metrics", name)).values()
        assert isinstance(found, Unmeasurable)
        assert str(found) == "no bounds can be followed through the model"
    assert value("accuracy", outcomes) == 0.75


def test_what_was_not_recorded_has_no_value(outcomes_of: Build) -> None:
    with pytest.raises(Unmeasurable, match=r"^'certified_radius' was not recorded$"):
        value("average_certified_radius", outcomes_of([[1, 0]], [0]))


def test_a_radius_below_0_is_refused() -> None:
    with pytest.raises(parts.WrongOptions, match=r"^'radius' is -1, not a number of at least 0$"):
        parts.load("pipelines.metrics", "certified_accuracy", {"radius": -1})
