"""Every method, by listing the folder: it trains, it is reproducible, it is stored, and it differs from standard."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.method import Method
from pipelines.supervised.training import Trained
from pipelines.tabular import domain, running
from pipelines.tabular.attack import attacked
from pipelines.tabular.condition import logits_of
from pipelines.tabular.data import Dataset, Shape, split_of
from pipelines.tabular.training import budget, train

PACKAGE = "pipelines.tabular.methods"
METHODS = parts.names(PACKAGE)
MODELS = ("mlp", "resnet")


def spec(method: str, model: str = "mlp", seed: int = 0, **options: Any) -> dict[str, Any]:
    return {
        "model": {"use": model, "options": {"width": 8}},
        "method": {"use": method, "options": options},
        "training": {"epochs": 2, "batch_size": 40},
        "data": {"features": 20, "classes": 6},
        "sibling": None,
        "seed": seed,
    }


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def run(flows: Dataset) -> Any:
    @cache
    def trained(method: str, seed: int = 0) -> Trained:
        (result,) = running.train(spec(method, seed=seed), flows.splits, "cpu")
        return result

    return trained


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, run: Any, flows: Dataset) -> None:
    first, other = run(method), run(method, seed=1)
    torch.manual_seed(123)
    (again,) = running.train(spec(method), flows.splits, "cpu")
    assert np.isfinite(first.loss)
    assert first.steps == (18 if method == "more_data" else 12)
    assert first.flops > 0
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, run: Any) -> None:
    assert not same(run(method).weights, run("standard").weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_a_stored_model_is_the_one_that_was_trained(method: str, model: str, flows: Dataset) -> None:
    made = spec(method, model)
    chosen: Method = parts.load(PACKAGE, method)
    kept: list[Classifier] = []

    def finish(*trained: Any) -> Classifier:
        kept.append(chosen.finish(*trained))
        return kept[0]

    (trained,) = train(
        running.architecture(made["model"], chosen),
        replace(chosen, finish=finish),
        flows.splits,
        6,
        budget(epochs=1),
        0,
    )
    restored, original = running.restore(made, trained.weights, "cpu"), kept[0].eval()
    rows = torch.from_numpy(flows.splits["test"].rows[:6])
    assert torch.equal(restored(rows), original(rows))
    assert torch.equal(restored(rows), restored.head(restored.features(rows)))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns(method: str) -> None:
    """Two classes far apart: any method must tell them apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    rows = rng.normal(0, 1, (80, 20)) + 4 * labels[:, None]
    known = split_of(rows, labels, np.arange(80) // 2 % 2 + 2 * labels)
    outliers = split_of(rng.normal(-20, 1, (30, 20)), np.full(30, -1))
    splits = {"train": known, "more_train": known, "validation": known, "training_outliers": outliers}
    made = {**spec(method), "data": {"features": 20, "classes": 2}, "training": {"epochs": 10, "batch_size": 10}}
    (trained,) = running.train(made, splits, "cpu")
    predicted = logits_of(running.restore(made, trained.weights, "cpu"), known.rows).argmax(1)
    assert (predicted == labels).mean() > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_says_of_its_options_is_true(method: str) -> None:
    """Its docstring names them, and what is tuned is among them and can be made."""
    factory = parts.factory(PACKAGE, method)
    options = parts.defaults(factory)
    assert all(f"{name}:" in str(factory.__doc__) for name in options)
    assert "Cost" in str(factory.__doc__)
    for name, (low, high, scale) in getattr(parts.module(PACKAGE, method), "TUNED", {}).items():
        assert low < options[name] < high
        assert scale in ("log", "linear")


@pytest.mark.parametrize("model", MODELS)
def test_a_models_cost_is_counted(model: str) -> None:
    """By hand: two FLOPs for each weight of a linear layer forward, as many backward for the weights, and for the
    inputs of all layers but the first."""
    shape = Shape(20, 6, ("train",), 100)
    cost = domain.cost({"use": model, "options": {"width": 8}}, shape)
    first, last, inside = 20 * 8, 8 * 6, {"mlp": [8 * 8], "resnet": [8 * 16, 16 * 8, 8 * 16, 16 * 8]}[model]
    assert cost.flops_an_example == 4 * first + 6 * (sum(inside) + last)
    biases = {"mlp": 8 + 8 + 6, "resnet": 8 + 2 * (16 + 16 + 8) + 16 + 6}[model]
    assert cost.parameters == first + last + sum(inside) + biases
    wide = {"use": "wider", "options": {"factor": 2}}
    assert domain.parameters({"use": model, "options": {"width": 8}}, wide, shape) > 2 * cost.parameters
    assert domain.own_model(wide)


def test_a_model_that_is_too_large_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="too large"):
        domain.cost({"use": "mlp", "options": {"width": 100_000}}, Shape(20, 6, ("train",), 100))


def test_an_attack_moves_what_can_be_changed_as_far_as_it_may_up_the_loss() -> None:
    """A linear loss, whose worst rows are known: each changeable feature at the end of its interval."""
    slope = torch.tensor([1.0, -2.0, 3.0, 4.0])
    rows = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    moved = attacked(lambda x: (x * slope).sum(), rows, torch.zeros_like(rows), 0.3, 0.2, 4, changeable=3)
    assert torch.allclose(moved - rows, torch.tensor([0.3, -0.3, 0.3, 0.0]).expand(5, 4))
