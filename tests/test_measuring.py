"""Values by part and over parts, what a metric declares, and numbers that are no values."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipelines.measuring import Facts, declared, measure, needs
from pipelines.metrics import accuracy, auroc
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from pipelines.parts import BrokenPart

ROWS = ("logits", "labels", "examples", "groups", "parts")


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
    mean = found["all"]
    assert isinstance(mean, Measured)
    assert (mean.value, mean.n) == (0.375, 8)
    assert mean.standard_error == pytest.approx(mean_error)


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


def test_an_example_that_is_shown_several_times_is_one() -> None:
    """Of values that agree, the standard error is that of the examples; where nothing is shown twice, the metric's."""
    once = outcomes_of([1, 0, 1, 1, 0, 1], [-1] * 6, ())
    rows = np.repeat(np.arange(6), 2)
    twice = replace(once.rows(np.ones(6, bool)), **{name: getattr(once, name)[rows] for name in ROWS})
    errors = []
    for shown in (once, twice):
        found = measure(shown, accuracy.metric())["all"]
        assert isinstance(found, Measured)
        assert found.value == pytest.approx(4 / 6)
        errors.append(found.standard_error)
    assert errors == pytest.approx([np.std([1, 0, 1, 1, 0, 1], ddof=1) / 6**0.5] * 2, rel=0.1)
    own = accuracy.metric()(twice).standard_error
    assert own is not None
    assert errors[1] == pytest.approx(own * 2**0.5)


def test_a_part_named_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a part is named 'all', the name of the mean over parts$"):
        measure(outcomes_of([1], [0], ("all",)), accuracy.metric())


def test_what_a_metric_declares() -> None:
    assert declared("auroc") == Facts(higher_is_better=True, lower=0, upper=1, chance=0.5, target=None)
    assert declared("overconfidence") == Facts(higher_is_better=False, lower=-1, upper=1, chance=None, target=0)
    assert declared("negative_log_likelihood").upper == math.inf


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (Measured(math.nan, 0.1, 4), "the metric returned nan, not a finite number"),
        (Measured(-math.inf, 0.1, 4), "the metric returned -inf, not a finite number"),
        (Measured(1.5, 0.1, 4), "the metric returned 1.5, outside its range [0, 1]"),
        (Measured(-0.01, 0.1, 4), "the metric returned -0.01, outside its range [0, 1]"),
        (Measured(0.5, math.nan, 4), "the metric returned a standard error of nan, not a finite number"),
        (Measured(0.5, 0.1, 4, np.array([0.1, np.nan])), "the metric returned influences that are not finite"),
    ],
)
def test_a_number_that_is_no_value_costs_that_value_alone(returned: Measured, reason: str) -> None:
    outcomes = outcomes_of([1, 0, 1, 1], [0, 0, 1, 1], ("fog", "noise"))

    def metric(shown: Outcomes) -> Measured:
        return accuracy.metric()(shown) if shown.examples[0] == 0 else returned

    found = measure(outcomes, metric, within=(0, 1))
    assert found["fog"] == accuracy.metric()(outcomes.part("fog"))
    assert isinstance(found["noise"], Unmeasurable)
    assert str(found["noise"]) == reason
    assert str(found["all"]) == f"part 'noise': {reason}"
    assert str(measure(outcomes_of([1], [-1], ()), lambda _: returned, within=(0, 1))["all"]) == reason


@pytest.mark.parametrize(
    ("value", "within"), [(1 + 1e-7, (0, 1)), (-1e-7, (0, 1)), (1e9, (0, math.inf)), (-1e9, (-math.inf, 0))]
)
def test_rounding_beyond_an_end_is_no_error_and_an_infinite_end_takes_any_value(
    value: float, within: tuple[float, float]
) -> None:
    returned = Measured(value, None, 1)
    assert measure(outcomes_of([1], [-1], ()), lambda _: returned, within=within)["all"] == returned


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("NEEDS", "labels", "NEEDS is 'labels', not a tuple of names"),
        ("NEEDS", None, "NEEDS is missing: a tuple of names"),
        ("RANGE", (1.0, 0.0), r"RANGE is \(1.0, 0.0\), not its least and its greatest value"),
        ("RANGE", None, "RANGE is missing: its least and its greatest value"),
        ("HIGHER_IS_BETTER", "yes", "HIGHER_IS_BETTER is 'yes', not True or False"),
        ("CHANCE", 7, "CHANCE is 7, not None or a number within RANGE"),
        ("TARGET", "best", "TARGET is 'best', not None or a number within RANGE"),
    ],
)
def test_what_a_metric_declares_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, name: str, given: object, message: str
) -> None:
    if given is None:
        monkeypatch.delattr(accuracy, name)
    else:
        monkeypatch.setattr(accuracy, name, given, raising=False)
    with pytest.raises(BrokenPart, match=f"^pipelines/metrics/accuracy.py: {message}$"):
        needs("accuracy", {}) if name == "NEEDS" else declared("accuracy")
