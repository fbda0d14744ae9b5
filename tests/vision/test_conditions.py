"""Every condition, by listing the folder, and what each is built to show."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.vision.architecture import Classifier
from pipelines.vision.attacks import projected_gradient, worst_logits
from pipelines.vision.condition import Condition, logits_of
from pipelines.vision.conditions.corruptions import CORRUPTIONS, pixelate
from pipelines.vision.data import Dataset
from pipelines.vision.method import pixels
from pipelines.vision.training import channels_first

PACKAGE = "pipelines.vision.conditions"
REQUIRED = {
    "outliers": {"kind": "near"},
    "attack_ensemble": {"images": 20, "steps": 4, "square_queries": 10},
    "robustness_curve": {"images": 20, "steps": 4, "square_queries": 10},
    "unforeseen": {"images": 20, "steps": 3},
    "transfer_attack": {"images": 20},
}


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


def test_corruptions_come_in_five_severities_that_move_images_further(glyphs: Dataset) -> None:
    clean = glyphs.splits["test"].images[:40].astype(np.float32) / 255
    for name, (corrupt, strengths) in CORRUPTIONS.items():
        assert len(strengths) == 5
        moved = [
            np.abs(corrupt(clean, strength, np.random.default_rng(0)).clip(0, 1) - clean).mean()
            for strength in strengths
        ]
        assert moved == sorted(moved), name
        assert moved[0] > 0.005, name


def test_pixelate_keeps_the_mean_where_blocks_divide_the_side() -> None:
    images = np.random.default_rng(0).random((2, 32, 32, 3), dtype=np.float32)
    blocks = pixelate(images, 8, np.random.default_rng(0))
    assert np.allclose(blocks[:, :4, :4].std(axis=(1, 2)), 0, atol=1e-6)
    assert np.allclose(blocks.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1e-5)


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
