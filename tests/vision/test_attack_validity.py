"""The gates: a model that masks its gradients is found out, a healthy one is left in peace."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import build
from pipelines.vision.attacks import validity
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._worst import Worst
from pipelines.vision.attacks.ensemble import Attacked, Plan, attack
from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset, split_of
from pipelines.vision.training import budget, train
from stages.store.codecs import outcomes_bytes, outcomes_from

SIZE, CLASSES = 16, 5
BALL = Ball("linf", 0.03)


def shades(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of five brightnesses, and which."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = 40 * labels[:, None, None, None] + 45 + rng.integers(-25, 26, (count, SIZE, SIZE, 3))
    return images.astype(np.uint8), labels


@pytest.fixture(scope="module")
def data() -> Dataset:
    splits = {
        name: split_of(*shades(count, seed)) for seed, (name, count) in enumerate({"train": 200, "test": 100}.items())
    }
    return Dataset("shades", tuple("abcde"), splits)


@pytest.fixture(scope="module")
def trained(data: Dataset) -> dict[str, Classifier]:
    """A healthy model and one that masks its gradients, restored from their weights as a run's are."""
    torch.set_num_threads(1)
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    models = {}
    for name in ("standard", "masked"):
        method = parts.load("pipelines.vision.methods", name)
        generous = budget(epochs=15, batch_size=20, learning_rate=0.01)
        (end,) = train(architecture, method, data.splits, CLASSES, generous, seed=0)
        models[name] = build(architecture, CLASSES, SIZE, seed=1)
        models[name].backbone.load_state_dict({name: torch.from_numpy(value) for name, value in end.weights.items()})
    return {name: model.eval() for name, model in models.items()}


def under(name: str, data: Dataset, model: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load("pipelines.vision.conditions", name, options)
    examples = condition.examples(data, np.random.default_rng(0))
    return condition.outcomes(model, examples, torch.Generator().manual_seed(0))


def accuracy(outcomes: Outcomes) -> float:
    return float((outcomes.logits.argmax(1) == outcomes.labels).mean())


def test_masking_takes_pgd_in_but_neither_its_gates_nor_the_ensemble(
    data: Dataset, trained: dict[str, Classifier]
) -> None:
    healthy, masked = (under("pgd", data, trained[name], epsilon=0.06) for name in ("standard", "masked"))
    assert accuracy(masked) > accuracy(healthy) + 0.3
    assert healthy.flags == ()
    assert masked.flags[0] == "gradient-masking"
    assert "gate:G6" in masked.flags
    broken = under("attack_ensemble", data, trained["masked"], epsilon=0.06)
    assert accuracy(broken) <= accuracy(healthy) + 0.05
    assert broken.flags[0] == "gradient-masking"
    by_square = under("attack_ensemble", data, trained["masked"], epsilon=0.06, attacks=["apgd-ce", "square"])
    assert accuracy(by_square) < accuracy(masked) - 0.2
    assert "gate:G5" in by_square.flags


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_healthy_model_passes_every_gate(norm: str, data: Dataset, trained: dict[str, Classifier]) -> None:
    outcomes = under("attack_ensemble", data, trained["standard"], norm=norm, epsilon=0.03 if norm == "linf" else 0.4)
    assert 0.2 < accuracy(outcomes) < 0.8
    assert outcomes.flags == ()


def test_flags_survive_being_stored(data: Dataset, trained: dict[str, Classifier]) -> None:
    outcomes = under("robustness_curve", data, trained["masked"], levels=[4, 16], images=30, square_queries=20)
    assert "gradient-masking" in outcomes.flags
    stored = outcomes_from(outcomes_bytes(outcomes))
    assert stored.flags == outcomes.flags
    assert np.array_equal(stored.values["minimal_radius"], outcomes.values["minimal_radius"])


class Templates(nn.Module):
    """Logits by the distance to grey images of five brightnesses; `seen` is done to the image first."""

    def __init__(self, seen: nn.Module | None = None):
        super().__init__()
        self.seen = seen or nn.Identity()
        self.brightness = nn.Parameter(torch.linspace(0.2, 0.8, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        seen = self.seen(images).mean((1, 2, 3))
        logits: Tensor = -200 * (seen[:, None] - self.brightness) ** 2
        return logits


class Quantised(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.round(images * 32) / 32


class Noisy(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images + 0.02 * torch.randn(images.shape)


class Probabilities(Templates):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).softmax(1)


def attacked(model: nn.Module, plan: Plan | None = None) -> Attacked:
    labels = torch.arange(100) % CLASSES
    images = torch.linspace(0.2, 0.8, CLASSES)[labels][:, None, None, None].expand(100, 3, 8, 8)
    noise = 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    source = torch.Generator().manual_seed(1)
    return attack(model, (images + noise).clamp(0, 1), labels, plan or Plan(BALL, steps=10, queries=50), source)


def failing(found: Attacked) -> set[str]:
    failed = validity.ensemble_gates(found, torch.Generator().manual_seed(2))
    assert list(failed) == [f"G{number}" for number in range(1, 11)]
    return {name for name, fails in failed.items() if fails[0]}


def test_each_kind_of_masking_fails_its_gate() -> None:
    assert failing(attacked(Templates())) == set()
    assert {"G2", "G6", "G10"} <= failing(attacked(Templates(Quantised())))
    assert "G9" in failing(attacked(Templates(Noisy())))
    assert "G7" in failing(attacked(Probabilities()))


def test_an_attack_that_is_too_weak_fails_those_that_search_further() -> None:
    wide = Ball("linf", 0.09)
    strong = attacked(Templates(), Plan(wide, steps=10, queries=50))
    weak = replace(strong, worst=Worst(strong.worst.model, strong.worst.images, strong.worst.labels), fell={})
    assert failing(strong) == set()
    assert {"G1", "G3"} <= failing(weak)
    only_square = attacked(Templates(), Plan(wide, ("square",), queries=200))
    assert "G5" in failing(only_square)


def test_noise_that_breaks_what_the_attack_left_fails() -> None:
    found = attacked(Templates(), Plan(Ball("linf", 0.01), steps=10, queries=50))
    left = Worst(found.worst.model, found.worst.images, found.worst.labels)
    assert validity.noise_is_stronger(left, Ball("linf", 0.01), torch.Generator().manual_seed(0)) == [False]
    assert validity.noise_is_stronger(left, Ball("linf", 1.0), torch.Generator().manual_seed(0)) == [True]


def test_a_gate_fails_where_chance_would_seldom_let_it() -> None:
    assert not validity.more_than(4, 100, 0.01)
    assert validity.more_than(5, 100, 0.01)
    assert not validity.more_than(4, 500, 0.002)
    assert validity.more_than(5, 500, 0.002)
    assert not validity.more_than(0, 0, 0.01)


def test_flags_name_what_failed_of_which_model() -> None:
    assert validity.flags({"G1": [False], "G2": [False]}, 0) == ()
    failed = {"G1": [False, True], "G6": [True, False], "G10": [True, False]}
    assert validity.flags(failed, 0) == ("gradient-masking", "gate:G6", "gate:G10")
    assert validity.flags(failed, 1) == ("gradient-masking", "gate:G1")
