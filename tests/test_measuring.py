"""Values by part and over parts."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.measuring import measure
from pipelines.metrics import accuracy, auroc
from pipelines.outcomes import Measured, Outcomes, Unmeasurable


def outcomes_of(
    right: list[int], parts: list[int], names: tuple[str, ...], outlying: list[int] | None = None
) -> Outcomes:
    """Two classes, right or wrong by a margin of their index, so that no scores tie."""
    n = len(right)
    answers = np.eye(2, dtype=np.float32)[1 - np.array(right)] * np.arange(1, n + 1, dtype=np.float32)[:, None]
    labels = np.where(outlying or np.zeros(n), -1, 0)
    return Outcomes(answers, labels, np.arange(n), np.full(n, -1), np.array(parts), names)


def test_without_parts_all_is_the_metric_on_every_row() -> None:
    outcomes = outcomes_of([1, 1, 0, 1], [-1] * 4, ())
    assert measure(outcomes, accuracy.metric()) == {"all": accuracy.metric()(outcomes)}


def test_all_is_the_mean_over_parts_whatever_their_sizes() -> None:
    outcomes = outcomes_of([1, 1, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1], ("fog", "noise"))
    found = measure(outcomes, accuracy.metric())
    assert list(found) == ["all", "fog", "noise"]
    fog, noise = found["fog"], found["noise"]
    assert isinstance(fog, Measured)
    assert isinstance(noise, Measured)
    assert (fog.value, noise.value) == (0.5, 0.25)
    assert fog.standard_error is not None
    assert noise.standard_error is not None
    mean_error = (fog.standard_error**2 + noise.standard_error**2) ** 0.5 / 2
    assert found["all"] == Measured(0.375, pytest.approx(mean_error), 8)


def test_parts_weigh_the_same() -> None:
    found = measure(outcomes_of([1, 1, 1, 1, 1, 1, 0, 0], [0] * 6 + [1] * 2, ("many", "few")), accuracy.metric())
    assert isinstance(found["all"], Measured)
    assert found["all"].value == 0.5


def test_rows_of_every_part_enter_each_and_are_counted_once() -> None:
    outcomes = outcomes_of([1] * 8, [-1] * 4 + [0, 0, 1, 1], ("svhn", "noise"), [0] * 4 + [1] * 4)
    found = measure(outcomes, auroc.metric())
    assert [value.n for value in found.values() if isinstance(value, Measured)] == [8, 6, 6]


def test_a_part_without_a_value_leaves_all_without_one() -> None:
    outcomes = outcomes_of([1, 0, 1, 1], [0, 0, 1, 1], ("fog", "noise", "blur"))
    found = measure(outcomes, accuracy.metric())
    assert isinstance(found["fog"], Measured)
    assert isinstance(found["blur"], Unmeasurable)
    assert isinstance(found["all"], Unmeasurable)
    assert str(found["blur"]) == "no examples of a known class"
    assert str(found["all"]) == "part 'blur': no examples of a known class"


def test_a_part_without_a_standard_error_leaves_all_without_one() -> None:
    found = measure(outcomes_of([1, 0, 1], [0, 0, 1], ("fog", "noise")), accuracy.metric())
    assert found["all"] == Measured(0.75, None, 3)


@pytest.mark.parametrize("shared", [True, False])
def test_the_standard_error_of_all_is_the_spread_of_its_mean(shared: bool) -> None:
    """Whether the parts show the same examples, which are then as hard in both, or others."""
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(400):
        right = (rng.random(400) < 0.7).astype(int)
        outcomes = outcomes_of(list(right), [0] * 200 + [1] * 200, ("fog", "noise"))
        if shared:
            right[200:] = np.where(rng.random(200) < 0.8, right[:200], 1 - right[:200])
            outcomes = outcomes_of(list(right), [0] * 200 + [1] * 200, ("fog", "noise"))
            outcomes = replace(outcomes, examples=np.tile(np.arange(200), 2))
        found = measure(outcomes, accuracy.metric())["all"]
        assert isinstance(found, Measured)
        values.append(found.value)
        errors.append(found.standard_error)
    assert np.mean(np.array(errors, dtype=float)) == pytest.approx(np.std(values), rel=0.1)


def test_a_part_named_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a part is named 'all', the name of the mean over parts$"):
        measure(outcomes_of([1], [0], ("all",)), accuracy.metric())
