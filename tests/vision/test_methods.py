"""Every method, by listing the folder: it trains, it is reproducible, and it differs from standard."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.vision.architecture import Classifier, build
from pipelines.vision.data import Dataset, Split, split_of
from pipelines.vision.method import Step, pixels
from pipelines.vision.training import Diverged, Trained, budget, channels_first, train, training_data

PACKAGE = "pipelines.vision.methods"
METHODS = parts.names(PACKAGE)
FAMILY = {"ibp": "cnn"}  # the family a method is tried on: residual networks, but for those that cannot take them


def run(
    method: str, splits: Mapping[str, Split], *, seed: int = 0, family: str | None = None, **options: object
) -> Trained:
    chosen = family or FAMILY.get(method, "resnet")
    architecture = parts.load("pipelines.vision.models", chosen, {"width": 4})
    (trained,) = train(
        architecture, parts.load(PACKAGE, method, options), splits, 10, budget(epochs=2, batch_size=30), seed
    )
    return trained


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, glyphs: Dataset) -> None:
    first = run(method, glyphs.splits)
    torch.manual_seed(123)
    again, other = run(method, glyphs.splits), run(method, glyphs.splits, seed=1)
    assert np.isfinite(first.loss)
    assert first.steps == 8
    assert first.flops > 0
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, glyphs: Dataset) -> None:
    standard = run("standard", glyphs.splits, family=FAMILY.get(method))
    assert not same(run(method, glyphs.splits).weights, standard.weights)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns(method: str) -> None:
    """Two classes, black and white: any method must tell them apart."""
    shades = np.repeat([30, 220], 40)
    noise = np.random.default_rng(0).integers(-20, 20, (80, 32, 32, 3))
    images = (shades[:, None, None, None] + noise).astype(np.uint8)
    outliers = np.random.default_rng(1).integers(0, 255, (40, 32, 32, 3)).astype(np.uint8)
    splits = {
        "train": split_of(images, (shades > 100).astype(int)),
        "training_outliers": split_of(outliers, -np.ones(40)),
    }
    architecture = parts.load("pipelines.vision.models", FAMILY.get(method, "resnet"), {"width": 4})
    generous = budget(epochs=12, batch_size=20, learning_rate=0.01)
    (trained,) = train(architecture, parts.load(PACKAGE, method), splits, 2, generous, seed=0)
    model = Classifier(architecture(2, 32)).eval()
    model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    predicted = model(pixels(channels_first(images))).argmax(1).numpy()
    assert (predicted == (shades > 100)).mean() > 0.95


def step_of(glyphs: Dataset, classifier: Classifier, method: str) -> Step:
    chosen = parts.load(PACKAGE, method)
    data = training_data(glyphs.splits, chosen, 10, "cpu")
    images = pixels(data.images[:32])
    return Step(classifier, images, data.labels[:32], data.groups[:32], data, torch.Generator().manual_seed(0), 0.5)


def loss_of(step: Step, method: str, **options: object) -> float:
    loss: torch.Tensor = parts.load(PACKAGE, method, options).loss(step)
    return float(loss.detach())


def test_losses_at_their_limits_are_the_standard_loss(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier, "outlier_exposure")
    with torch.no_grad():
        standard = float(cross_entropy(step.model(step.images), step.labels))
    assert loss_of(step, "label_smoothing", smoothing=0.0) == pytest.approx(standard, rel=1e-6)
    assert loss_of(step, "outlier_exposure", weight=0.0) == pytest.approx(standard, rel=1e-5)
    assert loss_of(step, "noise", sigma=1e-9) == pytest.approx(standard, rel=1e-5)
    assert loss_of(step, "mixup", alpha=1e-9) == pytest.approx(standard, rel=1e-5)


def test_label_smoothing_is_the_mean_of_two_cross_entropies(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier, "label_smoothing")
    log_probabilities = step.model(step.images).detach().log_softmax(1)
    own = -log_probabilities[torch.arange(32), step.labels].mean()
    uniform = -log_probabilities.mean()
    assert loss_of(step, "label_smoothing", smoothing=0.3) == pytest.approx(float(0.7 * own + 0.3 * uniform), rel=1e-6)


def test_adversarial_training_sees_a_higher_loss(glyphs: Dataset) -> None:
    """On a model without batch norm, which would give the attack and the step different functions."""
    model = build(parts.load("pipelines.vision.models", "convnext", {"width": 4}), 10, 32, seed=0).train()
    step = step_of(glyphs, model, "adversarial")
    assert loss_of(step, "adversarial", epsilon=0.1) > loss_of(step, "standard")
    assert model.training


def test_an_attack_step_costs_two_thirds_of_a_training_step_and_an_outlier_as_much_as_an_image(glyphs: Dataset) -> None:
    standard = run("standard", glyphs.splits).flops
    assert run("adversarial", glyphs.splits, steps=3).flops / standard == pytest.approx(3, rel=0.05)
    assert run("outlier_exposure", glyphs.splits).flops / standard == pytest.approx(2, rel=0.01)


def test_a_loss_that_is_not_a_number_stops_the_run(glyphs: Dataset) -> None:
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    hopeless = budget(epochs=2, batch_size=30, learning_rate=1e30)
    with pytest.raises(Diverged, match=r"^the loss is (nan|inf) at step 4 of 8$"):
        train(architecture, parts.load(PACKAGE, "standard"), glyphs.splits, 10, hopeless, seed=0)
