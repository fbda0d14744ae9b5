"""Classifiers of rows of numbers: nothing of what trains them, nor of any method, takes its inputs to be images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import in_batches
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.method import Method
from pipelines.supervised.training import Augment, Budget, Trained, as_it_is, train, training_data

PACKAGE = "pipelines.supervised.methods"
METHODS = parts.names(PACKAGE)
BUDGET = Budget(epochs=8, batch_size=25, learning_rate=0.01, weight_decay=5e-4, precision="float32")
CENTRES = np.random.default_rng(0).normal(0, 3, (3, 8))  # of the classes
OFFSET = 100.0


@dataclass(frozen=True)
class Rows:
    """Rows of eight numbers, float32 [n, 8], with their class and a group that goes with nothing."""

    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


class RowClassifier(Classifier):
    """Logits of rows without their offset."""

    @property
    def stages(self) -> list[nn.Module]:
        return [layer for layer in self.backbone.children() if isinstance(layer, nn.ReLU)]

    @property
    def last_layer(self) -> nn.Linear:
        *_, last = self.backbone.children()
        assert isinstance(last, nn.Linear)
        return last

    def features(self, inputs: Tensor) -> Tensor:
        *layers, _ = self.backbone.children()
        return nn.Sequential(*layers)(inputs)  # type: ignore[no-any-return]


def fresh(width: int, seed: int) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nn.Linear(8, width), nn.Linear(width, width)
        return RowClassifier(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(width, 3)))


def rows_of(seed: int, count: int = 150, outliers: bool = False) -> Rows:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = 0 * CENTRES[labels] if outliers else CENTRES[labels]
    rows = (OFFSET + centres + rng.normal(0, 1, (count, 8))).astype(np.float32)
    return Rows(rows, np.full(count, -1) if outliers else labels, rng.integers(0, 2, count))


SPLITS = {
    "train": rows_of(1),
    "more_train": rows_of(2, 75),
    "validation": rows_of(3, 60),
    "training_outliers": rows_of(4, 60, outliers=True),
}
TEST = rows_of(5, 600)


def kept(split: Rows) -> Tensor:
    return torch.from_numpy(split.rows)


def without_offset(rows: Tensor) -> Tensor:
    return rows - OFFSET


def trained(method: Method, seed: int = 0, augment: Augment = as_it_is) -> Trained:
    data = training_data(SPLITS, method, 3, "cpu", kept, without_offset)
    (end,) = train(partial(fresh, 16 * method.width), method, data, BUDGET, seed, augment=augment)
    return end


def restored(method: Method, weights: Mapping[str, NDArray[np.generic]]) -> Classifier:
    model = method.build(partial(fresh, 16 * method.width), 0)
    model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return model.eval()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_trains_a_classifier_of_rows(name: str) -> None:
    """It learns the planted classes, and what is stored is the model that was trained, the same each time."""
    method: Method = parts.load(PACKAGE, name)
    models: list[Classifier] = []

    def finish(*arguments: object) -> Classifier:
        models.append(method.finish(*arguments))  # type: ignore[arg-type]
        return models[0]

    first, again = trained(replace(method, finish=finish)), trained(method)
    assert first.steps == (72 if name == "more_data" else 48)
    assert [*first.weights] == [*again.weights]
    assert all(np.array_equal(first.weights[layer], again.weights[layer]) for layer in first.weights)
    model = restored(method, first.weights)
    logits = in_batches(model, kept(TEST), without_offset, torch.device("cpu"))
    assert logits.shape == (600, 3)
    assert (logits.argmax(1) == TEST.labels).mean() > 0.95
    assert np.array_equal(logits, in_batches(models[0].eval(), kept(TEST), without_offset, torch.device("cpu")))


@pytest.mark.parametrize("name", [name for name in METHODS if name != "standard"])
def test_a_method_of_rows_is_not_standard(name: str) -> None:
    own, standard = (trained(parts.load(PACKAGE, each)).weights for each in (name, "standard"))
    differ = [
        own[layer].shape != standard[layer].shape or (own[layer] != standard[layer]).any()
        for layer in own
        if layer in standard
    ]
    assert [*own] != [*standard] or any(differ)


def test_dropout_is_put_behind_the_stages_that_the_classifier_names() -> None:
    made = parts.load(PACKAGE, "mc_dropout", {"rate": 0.5, "masks": 4}).build(partial(fresh, 16), 0).eval()
    members = made.member_logits(without_offset(kept(TEST)))
    assert members.shape == (4, 600, 3)
    assert not torch.equal(members[0], members[1])


def test_a_batch_is_augmented_with_draws_from_the_seed() -> None:
    """Noise that drowns the classes leaves nothing to learn; without an augmentation there is none."""

    def drowned(rows: Tensor, generator: torch.Generator) -> Tensor:
        return 1000 * torch.randn(rows.shape, generator=generator)

    standard: Method = parts.load(PACKAGE, "standard")
    noisy, again = (trained(standard, augment=drowned) for _ in range(2))
    assert noisy.loss == again.loss
    assert noisy.loss > np.log(3) > 5 * trained(standard).loss


def test_what_a_method_learns_from_is_kept_as_it_was_given() -> None:
    """Until a batch of it is made: outliers, too."""
    method: Method = parts.load(PACKAGE, "energy")
    data = training_data(SPLITS, method, 3, "cpu", kept, without_offset)
    assert torch.equal(data.inputs, kept(SPLITS["train"]))
    assert torch.equal(data.beside["training_outliers"].inputs, kept(SPLITS["training_outliers"]))
    assert abs(float(data.batch(data.beside["training_outliers"].inputs).mean())) < 0.2
    assert torch.equal(method.prepare(data, torch_generator(0, "method")).inputs, data.inputs)
