"""What the conditions `certificate` and `smoothing` claim: never more than is true, and no less than theory says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm
from torch import Tensor, nn

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import ImageClassifier, build
from pipelines.vision.attacks import projected_gradient
from pipelines.vision.condition import Condition
from pipelines.vision.conditions import certificate, smoothing
from pipelines.vision.conditions.smoothing import certified_radius, lower_bound
from pipelines.vision.data import Dataset, Examples, split_of
from pipelines.vision.models._chain import Chain
from pipelines.vision.tensors import channels_first, pixels
from pipelines.vision.training import budget, train


@pytest.fixture(scope="module")
def trained(glyphs: Dataset) -> Classifier:
    """A small network that is right about most training images."""
    torch.set_num_threads(1)
    architecture = parts.load("pipelines.vision.models", "cnn", {"width": 4})
    standard = parts.load("pipelines.vision.methods", "standard")
    (found,) = train(
        architecture, standard, glyphs.splits, 10, budget(epochs=20, batch_size=20, learning_rate=0.005), seed=0
    )
    model = build(architecture, 10, 32, 0).eval()
    model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in found.weights.items()})
    return model


def outcomes_of(condition: Condition, model: Classifier, examples: Examples, seed: int = 0) -> Outcomes:
    return condition.outcomes(model, examples, torch.Generator().manual_seed(seed))


def training_images(glyphs: Dataset, count: int) -> Examples:
    train = glyphs.splits["train"]
    return Examples(split_of(train.images[:count], train.labels[:count]), np.arange(count))


@pytest.mark.parametrize("bound", ["ibp", "crown"])
def test_every_verified_answer_withstands_attacks_the_condition_has_not_tried(
    bound: Literal["ibp", "crown"], glyphs: Dataset, trained: Classifier
) -> None:
    examples, epsilon = training_images(glyphs, 15), {"ibp": 1e-4, "crown": 2 / 255}[bound]
    found = outcomes_of(certificate.condition(epsilon=epsilon, bound=bound), trained, examples)
    verified = found.values["verified"] == 1
    assert 0.2 < verified.mean() < 1
    images, labels = pixels(channels_first(examples.split.images)), torch.from_numpy(examples.split.labels)
    for seed in range(3):
        start = epsilon * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed)).sign()
        attacked = projected_gradient(trained, images, labels, start, epsilon, epsilon / 10, 30)
        assert (trained(attacked).argmax(1) == labels).numpy()[verified].all()


@pytest.mark.parametrize("bound", ["ibp", "crown"])
def test_verified_accuracy_is_at_most_that_under_attack_and_this_at_most_the_clean_one(
    bound: Literal["ibp", "crown"], glyphs: Dataset, trained: Classifier
) -> None:
    examples = training_images(glyphs, 10)
    means = []
    for epsilon in (0.0, 2 / 255, 0.2):
        found = outcomes_of(certificate.condition(epsilon=epsilon, bound=bound), trained, examples)
        verified, clean = found.values["verified"], found.values["right_when_clean"]
        attacked = found.logits.argmax(1) == found.labels
        assert (verified <= attacked).all()
        assert (attacked <= clean).all()
        means.append(verified.mean())
    assert means == sorted(means, reverse=True)
    assert means[0] == clean.mean() > 0.6  # a box of one point: right is verified
    assert means[-1] == 0


@pytest.mark.parametrize("make", [certificate.condition, smoothing.condition])
def test_the_images_asked_for_are_taken_whatever_their_fonts(make: Callable[..., Condition], glyphs: Dataset) -> None:
    condition = make(images=7)
    examples = condition.examples(glyphs, np.random.default_rng(0))
    assert len(set(examples.rows)) == len(examples.split) == 7
    assert np.array_equal(examples.split.images, glyphs.splits["test"].images[examples.rows])
    assert np.array_equal(examples.split.labels, glyphs.splits["test"].labels[examples.rows])
    assert examples.split.part_names == ()


def test_crown_verifies_what_intervals_do_and_more(glyphs: Dataset, trained: Classifier) -> None:
    examples = training_images(glyphs, 15)
    verified = [
        outcomes_of(certificate.condition(epsilon=0.002, bound=bound), trained, examples).values["verified"]
        for bound in ("ibp", "crown")
    ]
    assert (verified[1] >= verified[0]).all()
    assert verified[1].mean() > verified[0].mean() + 0.2


def test_a_proof_that_an_attack_refutes_is_an_error(
    glyphs: Dataset, trained: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def credulous(chain: list[nn.Module], box: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
        return torch.ones(len(labels), 10)

    monkeypatch.setitem(certificate.BOUNDS, "ibp", (credulous, 250))
    condition = certificate.condition(epsilon=0.2, bound="ibp")
    with pytest.raises(certificate.Unsound, match=r"^the attack broke \d\d of \d\d verified answers$"):
        outcomes_of(condition, trained, training_images(glyphs, 40))


def test_a_model_without_known_bounds_is_attacked_alone(glyphs: Dataset, classifier: Classifier) -> None:
    found = outcomes_of(certificate.condition(), classifier, training_images(glyphs, 10))
    assert np.isnan(found.values["verified"]).all()
    assert np.isfinite(found.logits).all()


COUNT = 25


def linear(size: int = 4) -> tuple[Classifier, Examples, np.ndarray]:
    """A linear model of two classes, images, and their true L2 distances to its boundary, below 0 where it is wrong."""
    generator = torch.Generator().manual_seed(0)
    model = ImageClassifier(Chain(nn.Flatten(), nn.Linear(3 * size**2, 2))).eval().requires_grad_(False)
    layer = model.backbone.get_classifier()  # type: ignore[operator]
    layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
    images = torch.randint(0, 256, (COUNT, size, size, 3), generator=generator).to(torch.uint8).numpy()
    shown = pixels(channels_first(images))
    layer.bias[1] += (model(shown)[:, 0] - model(shown)[:, 1]).median()
    labels = (model(shown).argmax(1) ^ (torch.arange(COUNT) % 10 == 0)).numpy()
    normal = (layer.weight[1] - layer.weight[0]).norm() / 0.25  # per pixel: the model divides them by .25
    distance = ((model(shown)[:, 1] - model(shown)[:, 0]) / normal).numpy() * np.where(labels == 1, 1, -1)
    return model, Examples(split_of(images, labels), np.arange(COUNT)), distance


def test_radii_of_a_linear_model_approach_the_distance_to_its_boundary_from_below() -> None:
    """The smoothed linear classifier is the classifier itself, and its radius the distance (Cohen et al. 2019)."""
    model, examples, distance = linear()
    sigma, mean = 0.2, []
    for samples in (100, 1000, 4000):
        found = outcomes_of(smoothing.condition(sigma=sigma, samples=samples), model, examples)
        radius = found.values["certified_radius"]
        most = sigma * norm.ppf(0.001 ** (1 / samples))
        assert (
            radius <= distance.clip(0, most) + 1e-6
        ).mean() >= 1 - 1 / COUNT  # each is too large with probability .001
        assert ((distance < 0) <= (radius == 0)).all()
        mean.append(radius.mean())
    assert mean == sorted(mean)
    far = (distance > 0.05) & (distance < 2 * sigma)
    assert far.sum() > 5
    assert radius[far] == pytest.approx(distance[far], abs=0.03)


def test_a_radius_is_too_large_as_often_as_alpha_allows() -> None:
    """At alpha .3, where it can be counted: a share of at most .3, and not much below."""
    model, examples, distance = linear()
    chosen = (distance > 0.05) & (distance < 0.3)
    examples = Examples(split_of(examples.split.images[chosen], examples.split.labels[chosen]), np.arange(chosen.sum()))
    condition = smoothing.condition(sigma=0.2, samples=300, alpha=0.3)
    over = [
        outcomes_of(condition, model, examples, seed).values["certified_radius"] > distance[chosen]
        for seed in range(15)
    ]
    n = np.size(over)
    assert 0.2 < np.mean(over) < 0.3 + 3 * (0.3 * 0.7 / n) ** 0.5


@pytest.mark.parametrize("samples", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_lower_bound_is_clopper_and_pearsons(samples: int, alpha: float) -> None:
    for count in {0, 1, samples // 2, samples - 1, samples}:
        interval = binomtest(count, samples, alternative="greater").proportion_ci(1 - alpha, method="exact")
        assert lower_bound(count, samples, alpha) == pytest.approx(interval.low, rel=1e-6, abs=1e-12)


def test_few_samples_abstain() -> None:
    """9 of 9 have probability .5 ** 9 > .001 under a fair coin, 10 of 10 have less."""
    assert certified_radius(9, 9, 1.0, 0.001) == 0
    assert certified_radius(10, 10, 1.0, 0.001) > 0
    assert certified_radius(500, 1000, 1.0, 0.001) == 0
    assert certified_radius(1000, 1000, 0.25, 0.001) == pytest.approx(0.25 * norm.ppf(0.001**0.001))


def test_noise_does_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, examples, _ = linear()
    condition = smoothing.condition(samples=150, images=20)
    first = outcomes_of(condition, model, examples)
    monkeypatch.setattr(smoothing, "BATCH", 7)
    again, other = outcomes_of(condition, model, examples), outcomes_of(condition, model, examples, seed=1)
    assert np.array_equal(first.logits, again.logits)
    assert not np.array_equal(first.logits, other.logits)


def test_the_answer_is_chosen_by_other_copies_than_those_it_is_bounded_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Selection says class 1, estimation class 0, which is the label: nothing is certified, and the answer is 0."""
    drawn = []

    def answers(logits: object, image: object, sigma: float, copies: int, generator: object) -> np.ndarray:
        drawn.append(copies)
        return np.array([[0, copies]]) if copies == 30 else np.array([[copies, 0]])

    monkeypatch.setattr(smoothing, "answers", answers)
    model, examples, _ = linear()
    examples = replace(examples, split=split_of(examples.split.images[:4], np.zeros(4, np.int64)))
    found = outcomes_of(smoothing.condition(selection=30, samples=70), model, examples)
    assert drawn == [30, 70] * 4
    assert (found.values["certified_radius"] == 0).all()
    assert (found.logits.argmax(1) == 0).all()


def test_hardly_any_noise_leaves_the_models_own_answers(glyphs: Dataset, trained: Classifier) -> None:
    found = outcomes_of(smoothing.condition(sigma=1e-6, samples=20, selection=5), trained, training_images(glyphs, 20))
    right = found.logits.argmax(1) == found.labels
    assert (right == found.values["right_when_clean"]).all()
    assert ((found.values["certified_radius"] > 0) == right).all()
    shares = np.exp(found.logits)
    assert shares.sum(1) == pytest.approx(1)
