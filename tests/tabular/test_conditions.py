"""Every condition, by listing the folder, and what each is built to show."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipelines import parts
from pipelines.data import DataError
from pipelines.outcomes import COLLAPSED, Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.tabular.classifier import Network, RowClassifier, build
from pipelines.tabular.condition import Condition, logits_of
from pipelines.tabular.conditions.alarm import cumulative_sums, first_above
from pipelines.tabular.data import Dataset, Split

PACKAGE = "pipelines.tabular.conditions"
NAMES = parts.names(PACKAGE)
OF_SERIES = {"volatile", "regime"}
NO_VALUES = {"labels", "outliers", "groups", "features"}
ALARM = {"streams": 30}


def options_of(name: str) -> dict[str, object]:
    return dict(ALARM) if name == "alarm" else {}


def outcomes_of(name: str, data: Dataset, classifier: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, {**options_of(name), **options})
    examples = condition.examples(data, np.random.default_rng(0))
    return condition.outcomes(classifier, examples, torch.Generator().manual_seed(0))


def knows(data: Dataset) -> Classifier:
    """A classifier of as many features and classes as the data have."""
    features, classes = data.splits["train"].rows.shape[1], len(data.class_names)
    return build(parts.load("pipelines.tabular.models", "mlp", {"width": 8}), features, classes, seed=0).eval()


@pytest.mark.parametrize("name", NAMES)
def test_outcomes_are_whole_and_come_out_the_same_again(name: str, flows: Dataset, series: Dataset) -> None:
    data = series if name in OF_SERIES else flows
    condition: Condition = parts.load(PACKAGE, name, options_of(name))
    first, again = (outcomes_of(name, data, knows(data)) for _ in range(2))
    n = len(first)
    assert first.logits.shape == (n, 0 if name == "alarm" else len(data.class_names))
    assert first.logits.dtype == np.float32
    assert np.isfinite(first.logits).all()
    assert all(len(column) == n for column in (first.labels, first.examples, first.groups, first.parts))
    assert set(np.unique(first.parts)) <= {-1, *range(len(first.part_names))}
    assert np.array_equal(first.logits, again.logits)
    assert ("outliers" in condition.has) == bool((first.labels < 0).any())
    assert set(condition.has) - NO_VALUES == set(first.values)
    assert all(np.array_equal(value, again.values[each]) for each, value in first.values.items())
    assert set(condition.splits) <= set(data.splits)


@pytest.mark.parametrize("name", ["reference", "unseen"])
def test_features_are_kept_where_they_are_asked_for(name: str, flows: Dataset) -> None:
    model = knows(flows)
    found = outcomes_of(name, flows, model, features=True)
    assert found.features is not None
    head = model.head(torch.from_numpy(found.features)).detach().numpy()
    assert head == pytest.approx(found.logits, abs=1e-5)
    assert "features" in parts.load(PACKAGE, name, {"features": True}).has


def test_clean_says_where_a_model_learnt_nothing(flows: Dataset, classifier: Classifier) -> None:
    assert outcomes_of("clean", flows, classifier).flags == (COLLAPSED,)


def test_unseen_has_benign_rows_beside_each_family(flows: Dataset, classifier: Classifier) -> None:
    found = outcomes_of("unseen", flows, classifier)
    assert set(found.labels) == {0, -1}
    benign = (flows.splits["test"].labels == 0).sum()
    assert [len(found.part(name)) for name in found.part_names] == [benign + 30] * 3


def test_the_distance_to_the_truth_is_nought_of_the_truth(series: Dataset) -> None:
    """A model that is shown the true probabilities in the place of rows, and gives them back."""
    split = series.splits["test"]
    shown = Dataset(
        "told",
        series.class_names,
        {"test": Split(np.log(np.maximum(split.truth, 1e-9)), split.labels, split.groups, split.parts, split.truth)},
    )
    told = RowClassifier(Network([nn.Identity()], nn.Linear(3, 3), []))
    nn.init.eye_(told.last_layer.weight)
    nn.init.zeros_(told.last_layer.bias)
    found = outcomes_of("clean", shown, told, split="test", truth=True)
    assert found.values["distance_to_truth"] == pytest.approx(0, abs=1e-5)
    nn.init.zeros_(told.last_layer.weight)
    uniform = outcomes_of("clean", shown, told, split="test", truth=True)
    assert uniform.values["distance_to_truth"] == pytest.approx(np.sqrt(((split.truth - 1 / 3) ** 2).sum(1)), abs=1e-5)


def test_truth_that_is_not_known_is_an_error(flows: Dataset, classifier: Classifier) -> None:
    with pytest.raises(DataError, match=r"^flows: option 'truth': the true probabilities of its rows are not known$"):
        outcomes_of("clean", flows, classifier, truth=True)


def test_evasion_moves_attacks_alone_and_makes_them_look_benign(flows: Dataset, classifier: Classifier) -> None:
    found = outcomes_of("evasion", flows, classifier)
    before = logits_of(classifier, flows.splits["test"].rows[found.examples])
    benign = found.labels == 0
    assert np.array_equal(found.logits[benign], before[benign])

    def of_benign(logits: np.ndarray) -> np.ndarray:
        return np.asarray(torch.from_numpy(logits).log_softmax(1)[:, 0])

    assert (of_benign(found.logits) >= of_benign(before) - 1e-6)[~benign].mean() > 0.95
    assert (of_benign(found.logits) - of_benign(before))[~benign].mean() > 0.01


def test_cumulative_sums_are_those_of_a_loop() -> None:
    surprise = np.random.default_rng(0).normal(0.1, 1, (20, 60))
    sums = cumulative_sums(surprise, 0.25)
    for stream, found in zip(surprise, sums, strict=True):
        current, expected = 0.0, []
        for value in stream:
            current = max(0.0, current + value - 0.25)
            expected.append(current)
        assert found == pytest.approx(expected)
        alarms = [step for step, total in enumerate(expected) if total > 3.0]
        assert first_above(found[None], 3.0)[0] == (alarms[0] if alarms else -1)


class Suspicious(Classifier):
    """Sure of a row unless its first feature is above 50, of which it says that all classes are alike."""

    def __init__(self) -> None:
        super().__init__(nn.Identity())

    def forward(self, inputs: Tensor) -> Tensor:
        sure = torch.zeros(len(inputs), 6)
        sure[:, 0] = 2 + 0.1 * inputs[:, 1].clamp(-5, 5)
        return sure * (inputs[:, :1] <= 50)


def test_an_alarm_comes_at_once_where_attacks_are_plain_and_hardly_ever_where_nothing_changes(flows: Dataset) -> None:
    attacks = flows.splits["unseen"]
    plain = attacks.rows.copy()
    plain[:, 0] = 100
    splits = {
        **flows.splits,
        "unseen": Split(plain, attacks.labels, attacks.groups, attacks.parts, attacks.truth, attacks.part_names),
    }
    found = outcomes_of("alarm", Dataset("flows", flows.class_names, splits), Suspicious(), streams=300, change=40)
    assert len(found) == 300
    assert found.part_names == ("tunnel", "spray", "miner")
    at = found.values["alarm_at"]
    assert ((at >= 40) & (at < 50)).mean() > 0.9
    unchanged = outcomes_of("alarm", flows, Suspicious(), streams=300, share=0.0)
    assert 0.0 < (unchanged.values["alarm_at"] >= 0).mean() < 0.2
    assert (unchanged.values["change_at"] == 40).all()


def test_a_stream_shorter_than_its_change_point_is_named_before_anything_is_made() -> None:
    message = r"^'change' is 40, not below 'length', 40: no row of a stream comes after it$"
    with pytest.raises(ValueError, match=message):
        parts.load(PACKAGE, "alarm", {"length": 40, "change": 40})
