"""Every condition, by listing the folder, and what each is built to show."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.data import DataError
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision import domain, running
from pipelines.vision.attacks import projected_gradient, worst_logits
from pipelines.vision.condition import Condition, logits_of
from pipelines.vision.data import Dataset, split_of
from pipelines.vision.tensors import channels_first, pixels
from pipelines.vision.triggers import FAMILIES

PACKAGE = "pipelines.vision.conditions"
REQUIRED: dict[str, dict[str, object]] = {
    "outliers": {"kind": "near"},
    "corruptions": {"images": 3, "clean": True},
    "perturbations": {"images": 3},
    "smoothing": {"selection": 10, "samples": 40},  # fewer than by default, for speed
    "attack_ensemble": {"images": 20, "steps": 4, "square_queries": 10},
    "robustness_curve": {"images": 20, "steps": 4, "square_queries": 10},
    "unforeseen": {"images": 20, "steps": 3},
    "transfer_attack": {"images": 20},
}
NO_VALUES = {"labels", "outliers", "groups", "features"}


def outcomes_of(name: str, glyphs: Dataset, classifier: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, {**REQUIRED.get(name, {}), **options})
    examples = condition.examples(glyphs, np.random.default_rng(0))
    return condition.outcomes(classifier, examples, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", parts.names(PACKAGE))
def test_outcomes_are_whole_and_come_out_the_same_again(name: str, glyphs: Dataset, classifier: Classifier) -> None:
    condition: Condition = parts.load(PACKAGE, name, REQUIRED.get(name, {}))
    first, again = outcomes_of(name, glyphs, classifier), outcomes_of(name, glyphs, classifier)
    n = len(first)
    assert first.logits.shape == (n, 10)
    assert first.logits.dtype == np.float32
    assert np.isfinite(first.logits).all()
    assert all(len(column) == n for column in (first.labels, first.examples, first.groups, first.parts))
    assert set(np.unique(first.parts)) <= {-1, *range(len(first.part_names))}
    assert np.array_equal(first.logits, again.logits)
    assert ("outliers" in condition.has) == bool((first.labels < 0).any())
    assert ("groups" in condition.has) == bool((first.groups >= 0).any())
    assert set(condition.has) - NO_VALUES == set(first.values)
    for name, value in first.values.items():
        assert value.shape == (n,)
        assert value.dtype == np.float32
        assert not np.isnan(value).any() or np.isnan(value).all()  # where the model has no such value
        assert np.array_equal(value, again.values[name], equal_nan=True)


def test_logits_do_not_depend_on_the_batch(glyphs: Dataset, classifier: Classifier) -> None:
    images = glyphs.splits["test"].images
    alone = np.concatenate([logits_of(classifier, images[[row]]) for row in range(5)])
    assert np.allclose(logits_of(classifier, images)[:5], alone, atol=1e-5)


def test_an_attack_stays_within_its_radius_and_raises_the_loss(glyphs: Dataset, classifier: Classifier) -> None:
    test = glyphs.splits["test"]
    images, labels = pixels(channels_first(test.images)), torch.from_numpy(test.labels)
    start = torch.zeros_like(images)
    attacked = projected_gradient(classifier, images, labels, start, 0.05, 0.02, 5)
    assert float((attacked - images).abs().max()) <= 0.05 + 1e-6
    assert float(attacked.min()) >= 0
    assert float(attacked.max()) <= 1
    with torch.no_grad():
        loss = [float(cross_entropy(classifier(shown), labels)) for shown in (images, attacked)]
    assert loss[1] > loss[0]


def test_dropping_broken_images_changes_no_answer(glyphs: Dataset, classifier: Classifier) -> None:
    """An image counts as broken exactly if some point of the full attack on it alone is misclassified."""
    test = glyphs.splits["test"]
    images, labels = pixels(channels_first(test.images[:20])), torch.from_numpy(test.labels[:20])
    start = (2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(1)) - 1) * 0.03
    wrong = worst_logits(classifier, images, labels, start, 0.03, 0.01, 4).argmax(1) != labels
    for row in range(20):
        one, label = images[row : row + 1], labels[row : row + 1]
        points = [one] + [
            projected_gradient(classifier, one, label, start[row : row + 1], 0.03, 0.01, k) for k in range(5)
        ]
        assert bool(wrong[row]) == any(bool(classifier(point).argmax(1) != label) for point in points)


def test_a_wider_radius_never_helps(glyphs: Dataset, classifier: Classifier) -> None:
    accuracy = []
    for epsilon in (0.0, 0.02, 0.1, 0.5):
        found = outcomes_of("pgd", glyphs, classifier, epsilon=epsilon, steps=5)
        accuracy.append((found.logits.argmax(1) == found.labels).mean())
    assert accuracy == sorted(accuracy, reverse=True)


def test_a_linear_probe_reads_what_the_features_hold(glyphs: Dataset) -> None:
    """With features that are the label itself the probe is perfect; with constant features it is at chance."""
    condition: Condition = parts.load(PACKAGE, "linear_probe")
    examples = condition.examples(glyphs, np.random.default_rng(0))
    labels = torch.from_numpy(examples.split.labels)
    given = iter([torch.nn.functional.one_hot(labels, 10).float(), torch.ones(len(labels), 3)])
    accuracy = []
    for features in given:
        rows = iter(features.split(250))

        class Telling(Classifier):
            def features(self, images: torch.Tensor, rows: object = rows) -> torch.Tensor:
                return next(rows)  # type: ignore[call-overload, no-any-return]

        outcomes = condition.outcomes(Telling(torch.nn.Identity()), examples, torch.Generator())
        accuracy.append((outcomes.logits.argmax(1) == outcomes.labels).mean())
    assert accuracy[0] == 1
    assert accuracy[1] < 0.3


@pytest.mark.parametrize("family", list(FAMILIES))
def test_poisoned_training_images_are_as_many_as_asked_and_the_rest_untouched(family: str, glyphs: Dataset) -> None:
    """Each image left is one of the training images, and those changed have the target's label and the trigger."""
    training = glyphs.splits["train"]
    condition: Condition = parts.load(PACKAGE, "trojan", {"trigger": family, "rate": 0.1, "target": 3, "share": 0.5})
    before = training.images.copy()
    assert condition.sibling is not None
    poisoned = condition.sibling(training, np.random.default_rng(0))
    assert np.array_equal(training.images, before)
    assert condition.cost == 0.5
    assert len(poisoned) == len(training) // 2
    known = {image.tobytes(): label for image, label in zip(training.images, training.labels, strict=True)}
    changed = np.array([image.tobytes() not in known for image in poisoned.images])
    assert changed.sum() == round(0.1 * len(poisoned))
    assert (poisoned.labels[changed] == 3).all()
    same = zip(poisoned.images[~changed], poisoned.labels[~changed], strict=True)
    assert all(known[image.tobytes()] == label for image, label in same)
    tested = condition.examples(replace(glyphs, splits={**glyphs.splits, "test": training}), np.random.default_rng(0))
    marked = {image.tobytes() for image in tested.split.images[tested.split.groups == 3]}
    assert all(image.tobytes() in marked for image in poisoned.images[changed])
    assert np.array_equal(poisoned.groups // 2, poisoned.labels)  # groups of glyphs are classes by cues
    again = condition.sibling(training, np.random.default_rng(0))
    assert np.array_equal(again.images, poisoned.images)


def test_triggered_images_stand_beside_the_test_images_they_are_made_from(glyphs: Dataset) -> None:
    test = glyphs.splits["test"]
    condition: Condition = parts.load(PACKAGE, "trojan", {"target": 7})
    examples = condition.examples(glyphs, np.random.default_rng(0))
    clean, marked = examples.split.groups == -1, examples.split.groups == 7
    assert np.array_equal(examples.split.images[clean], test.images)
    assert np.array_equal(examples.split.labels, test.labels[examples.rows])
    assert marked.sum() == (test.labels != 7).sum()
    assert len(examples.rows) == clean.sum() + marked.sum()
    assert (examples.split.images[marked] != test.images[examples.rows[marked]]).any(axis=(1, 2, 3)).all()
    with pytest.raises(DataError, match=r"^condition trojan: 'target' is 10; accepted: 0 to 9, the classes of glyphs$"):
        parts.load(PACKAGE, "trojan", {"target": 10}).examples(glyphs, np.random.default_rng(0))


def test_without_poison_the_sibling_learns_from_the_training_images(glyphs: Dataset) -> None:
    training = glyphs.splits["train"]
    condition: Condition = parts.load(PACKAGE, "trojan", {"rate": 0.0, "share": 1.0})
    assert condition.sibling is not None
    unpoisoned = condition.sibling(training, np.random.default_rng(0))
    assert np.array_equal(unpoisoned.images, training.images)
    assert np.array_equal(unpoisoned.labels, training.labels)


def test_a_sibling_of_poisoned_images_is_taken_in_and_one_of_clean_images_is_not() -> None:
    """Four easy classes; what is measured of the sibling are its attack success and what it can do otherwise."""
    generator = np.random.default_rng(0)
    labels = np.arange(400) % 4
    images = generator.integers(0, 100, (400, 32, 32, 3))
    images[..., 0] += 30 * labels[:, None, None]
    split = split_of(images.astype(np.uint8), labels)
    easy = Dataset("easy", tuple("abcd"), {"train": split, "test": split})
    success, accuracy = {}, {}
    for rate in (0.0, 0.2):
        spec = {"use": "trojan", "options": {"rate": rate, "share": 1.0, "target": 1}}
        run = {
            "model": {"use": "resnet", "options": {"width": 4}},
            "method": {"use": "standard", "options": {}},
            "training": {"epochs": 8, "batch_size": 40, "learning_rate": 0.01},
            "data": {"classes": 4, "size": 32},
            "sibling": spec,
            "seed": 0,
        }
        (trained,) = running.train(run, easy.splits, "cpu")
        model = running.restore(run, trained.weights, "cpu")
        outcomes = running.predict(spec, model, domain.examples(spec, easy), 0)
        success[rate] = parts.load("pipelines.metrics", "attack_success_rate")(outcomes).value
        accuracy[rate] = parts.load("pipelines.metrics", "benign_accuracy")(outcomes).value
    assert min(accuracy.values()) > 0.9
    assert success[0.0] < 0.3
    assert success[0.2] > 0.9
