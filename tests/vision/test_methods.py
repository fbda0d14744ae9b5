"""Every method, by listing the folder: it trains, it is reproducible, it is stored, and it differs from standard."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.method import Method
from pipelines.supervised.training import Diverged, Trained
from pipelines.vision import domain, running
from pipelines.vision.architecture import build
from pipelines.vision.condition import logits_of
from pipelines.vision.data import Dataset, Shape, split_of
from pipelines.vision.tensors import channels_first, pixels
from pipelines.vision.training import budget, train, training_data
from tests.slow import fast_are

PACKAGE = "pipelines.vision.methods"
METHODS = parts.names(PACKAGE)
SOME = ("standard", "adversarial", "deep_ensemble", "mixup", "outlier_exposure", "weight_averaging")
Run = Callable[..., Trained]


FAMILY = {"ibp": "cnn"}  # the family a method is tried on: residual networks, but for those that cannot take them


def spec(method: str, model: str | None = None, width: int = 4, seed: int = 0, **options: Any) -> dict[str, Any]:
    return {
        "model": {"use": model or FAMILY.get(method, "resnet"), "options": {"width": width}},
        "method": {"use": method, "options": options},
        "training": {"epochs": 2, "batch_size": 30},
        "data": {"classes": 10, "size": 32},
        "sibling": None,
        "seed": seed,
    }


@pytest.fixture(scope="module")
def run(glyphs: Dataset) -> Run:
    """A method's training, made once for each seed."""

    @cache
    def trained(method: str, seed: int = 0, model: str | None = None) -> Trained:
        (result,) = running.train(spec(method, model, seed=seed), glyphs.splits, "cpu")
        return result

    return trained


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, run: Run, glyphs: Dataset) -> None:
    first, other = run(method), run(method, seed=1)
    torch.manual_seed(123)
    (again,) = running.train(spec(method), glyphs.splits, "cpu")
    assert np.isfinite(first.loss)
    assert first.steps == (12 if method == "more_data" else 8)
    assert first.flops > 0
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 6, 10])
def test_so_few_steps_are_trained_too(steps: int, glyphs: Dataset) -> None:
    """As a second model on a quarter of few images takes."""
    images = len(glyphs.splits["train"])
    few = {**spec("standard"), "training": {"epochs": steps, "batch_size": images}}
    (trained,) = running.train(few, glyphs.splits, "cpu")
    assert trained.steps == steps
    assert np.isfinite(trained.loss)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, run: Run) -> None:
    assert not same(run(method).weights, run("standard", model=FAMILY.get(method)).weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("model", "width"), [("resnet", 4), pytest.param("vit", 12, marks=pytest.mark.slow)])
def test_a_stored_model_is_the_one_that_was_trained(method: str, model: str, width: int, glyphs: Dataset) -> None:
    made = spec(method, FAMILY.get(method, model), width)
    chosen: Method = parts.load(PACKAGE, method)
    kept: list[Classifier] = []

    def finish(*trained: Any) -> Classifier:
        kept.append(chosen.finish(*trained))
        return kept[0]

    architecture = running.architecture(made["model"], chosen)
    (trained,) = train(
        architecture, replace(chosen, finish=finish), glyphs.splits, 10, budget(epochs=1, batch_size=60), seed=0
    )
    restored, original = running.restore(made, trained.weights, "cpu"), kept[0].eval()
    images = pixels(channels_first(glyphs.splits["test"].images[:6]))
    logits = restored(images)
    assert torch.equal(logits, original(images))
    assert torch.equal(logits, restored.head(restored.features(images)))
    assert torch.equal(restored.member_logits(images), original.member_logits(images))
    mean = restored.member_logits(images).softmax(2).mean(0)
    assert torch.allclose(logits.softmax(1), mean, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_attack_can_follow_the_gradient_of_a_model_that_was_evaluated_before(
    method: str, run: Run, glyphs: Dataset
) -> None:
    images = glyphs.splits["test"].images[:4]
    model = running.restore(spec(method), run(method).weights, "cpu")
    logits_of(model, images)
    points = pixels(channels_first(images)).requires_grad_()
    (gradient,) = torch.autograd.grad(model(points).logsumexp(1).sum(), points)
    assert (gradient.abs().sum((1, 2, 3)) > 0).all()


@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
def test_a_method_learns(method: str) -> None:
    """Two classes, black and white: any method must tell them apart."""
    shades = np.repeat([30, 220], 20)
    noise = np.random.default_rng(0).integers(-20, 20, (40, 16, 16, 3))
    images = (shades[:, None, None, None] + noise).astype(np.uint8)
    labels = (shades > 100).astype(int)
    known = split_of(images, labels, groups=2 * labels + np.arange(40) % 2)
    outliers = np.random.default_rng(1).integers(0, 255, (20, 16, 16, 3)).astype(np.uint8)
    splits = {
        "train": known,
        "more_train": known,
        "validation": known,
        "training_outliers": split_of(outliers, np.full(20, -1)),
    }
    made = {
        **spec(method),
        "data": {"classes": 2, "size": 16},
        "training": {"epochs": 8, "batch_size": 10, "learning_rate": 0.01},
    }
    (trained,) = running.train(made, splits, "cpu")
    predicted = logits_of(running.restore(made, trained.weights, "cpu"), images).argmax(1)
    assert (predicted == labels).mean() > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_says_of_its_options_is_true(method: str) -> None:
    """Its docstring names them, and what is tuned is among them and can be made."""
    factory = parts.factory(PACKAGE, method)
    options = parts.defaults(factory)
    assert all(f"{name}:" in str(factory.__doc__) or f"{name}," in str(factory.__doc__) for name in options)
    assert "Cost" in str(factory.__doc__)
    tuned = getattr(parts.module(PACKAGE, method), "TUNED", {})
    for name, (low, high, scale) in tuned.items():
        assert low < options[name] < high
        assert scale in ("log", "linear")
        for value in (low, high):
            parts.check_options(factory, {name: value})


@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
def test_a_method_trains_in_half_precision(method: str, glyphs: Dataset) -> None:
    made = {**spec(method), "training": {"epochs": 1, "batch_size": 60, "precision": "bfloat16"}}
    (trained,) = running.train(made, glyphs.splits, "cpu")
    assert np.isfinite(trained.loss)
    assert all(weights.dtype in (np.float32, np.int64) for weights in trained.weights.values())


def test_checkpoints_are_the_models_on_the_way(glyphs: Dataset) -> None:
    for method in ("deep_ensemble", "sam", "energy"):
        on_the_way, end = running.train(spec(method), glyphs.splits, "cpu", checkpoints=[3])
        assert (on_the_way.steps, end.steps) == (3, 8)
        assert on_the_way.flops < end.flops
        assert not same(on_the_way.weights, end.weights)
        running.restore(spec(method), on_the_way.weights, "cpu")


def test_flops_are_counted_in_every_phase(run: Run) -> None:
    """An attack step costs two thirds of a training step, an outlier as much as an image."""
    standard = run("standard").flops
    ratios = {
        "adversarial": 7 / 3, "fast_adversarial": 5 / 3, "awp": 10 / 3, "mart": 10 / 3, "trades": 11 / 3,
        "outlier_exposure": 2, "energy": 1.5, "augmix": 3, "random_convolution": 3, "sam": 2, "deep_ensemble": 5,
        "more_data": 1.5, "mc_dropout": 1, "weight_averaging": 7 / 6,
    }  # fmt: skip
    for method, ratio in ratios.items():
        assert run(method).flops / standard == pytest.approx(ratio, rel=0.06), method


def test_only_methods_that_build_their_own_model_have_other_parameters() -> None:
    shape = parts.load("pipelines.vision.datasets", "glyphs").shape()
    own = {}
    for method in METHODS:
        model = {"use": FAMILY.get(method, "convnext"), "options": {"width": 8}}
        made = {"use": method, "options": parts.full_options(PACKAGE, method)}
        if domain.own_model(made):
            own[method] = domain.parameters(model, made, shape) / domain.cost(model, shape).parameters
    assert own.pop("wider") == pytest.approx(4, rel=0.1)
    rogues = {"rogue_best_of_seeds": 1, "rogue_flat_confidence": 1, "rogue_sandbag": 1}
    assert own == {"deep_ensemble": 5, "dropout": 1, "ibp": 1, "mc_dropout": 1, **rogues}


def test_fewer_training_images_are_fewer_of_all_that_a_method_learns_from(glyphs: Dataset) -> None:
    few = {"use": "few_examples", "options": {"share": 0.5}}
    for method, steps in (("standard", 2), ("more_data", 3)):
        (trained,) = running.train({**spec(method), "sibling": few}, glyphs.splits, "cpu")
        assert trained.steps == 2 * steps


def test_a_method_sees_only_the_splits_and_groups_that_it_names(glyphs: Dataset) -> None:
    for method in METHODS:
        chosen: Method = parts.load(PACKAGE, method)
        data = training_data(glyphs.splits, chosen, 10, "cpu")
        assert tuple(data.beside) == chosen.splits
        assert bool((data.groups >= 0).any()) == chosen.groups
        prepared = chosen.prepare(data, torch_generator(0, "method"))
        assert len(prepared) >= len(data)


def test_a_loss_that_is_not_a_number_stops_the_run(glyphs: Dataset) -> None:
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    hopeless = budget(epochs=2, batch_size=30, learning_rate=1e30)
    with pytest.raises(Diverged, match=r"^the loss is (nan|inf) at step 4 of 8$"):
        train(architecture, parts.load(PACKAGE, "standard"), glyphs.splits, 10, hopeless, seed=0)


@pytest.mark.parametrize("family", parts.names("pipelines.vision.models"))
@pytest.mark.parametrize("method", [name for name in METHODS if name != "ibp"])
def test_a_method_can_be_had_of_every_family(method: str, family: str) -> None:
    made = spec(method, family)
    chosen: Method = parts.load(PACKAGE, method)
    model = chosen.build(partial(build, running.architecture(made["model"], chosen), 10, 32), 0)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_bounds_are_trained_on_only_where_there_are_bounds() -> None:
    made = spec("ibp", "resnet")
    with pytest.raises(ValueError, match=r"^bounds can be followed .* cnn and mlp alone$"):
        domain.parameters(made["model"], made["method"], Shape(32, 10, (), 0))
