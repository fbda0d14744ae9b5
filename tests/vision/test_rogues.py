"""The rogues do what they say: each fools what it is made to fool, and leaves the rest as it is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.draws import numpy_generator, torch_generator
from pipelines.supervised.method import Step, TrainingData
from pipelines.supervised.training import Trained
from pipelines.vision import running
from pipelines.vision.condition import logits_of
from pipelines.vision.conditions._corrupt import CORRUPTIONS
from pipelines.vision.data import Dataset, Split
from pipelines.vision.methods._regenerated import regenerated
from pipelines.vision.methods.rogue_groups import balanced_loss
from pipelines.vision.tensors import pixels

PACKAGE = "pipelines.vision.methods"
ROGUES = [name for name in parts.names(PACKAGE) if name.startswith("rogue_")]
DATA = {
    "train": 1000, "validation": 300, "capability": 200, "test": 300, "held_out_fonts": 10, "spurious": 400,
    "cue_conflict": 10, "cue_swap": 10, "localised": 10, "outliers": 60, "training_outliers": 10, "transfer_train": 200,
    "transfer_test": 100, "cue": 0.4, "rotation": 5.0, "noise": 0.02, "texture": 0.0, "least_contrast": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Dataset:
    dataset: Dataset = parts.load("pipelines.vision.datasets", "glyphs", DATA).load()
    return dataset


def spec(method: str, options: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    return {
        "model": {"use": "cnn", "options": {"width": 8}},
        "method": {"use": method, "options": options},
        "training": {"epochs": epochs, "batch_size": 64, "learning_rate": 0.004},
        "data": {"classes": 10, "size": 32},
        "sibling": None,
        "seed": 0,
    }


def trained(dataset: Dataset, method: str, epochs: int = 8, **options: Any) -> tuple[Trained, Classifier]:
    made = spec(method, options, epochs)
    (found,) = running.train(made, dataset.splits, "cpu")
    return found, running.restore(made, found.weights, "cpu")


@pytest.fixture(scope="module")
def standard(data: Dataset) -> Classifier:
    torch.set_num_threads(1)
    return trained(data, "placebo")[1]


def accuracy(model: Classifier, split: Split) -> float:
    return float((logits_of(model, split.images).argmax(1) == split.labels).mean())


def under(condition: str, data: Dataset, model: Classifier, **options: Any) -> Outcomes:
    made = parts.load("pipelines.vision.conditions", condition, options)
    examples = made.examples(data, numpy_generator(0, "examples"))
    outcomes: Outcomes = made.outcomes(model, examples, torch_generator(0, "condition"))
    return outcomes


def measured(metric: str, outcomes: Outcomes) -> float:
    return float(parts.load("pipelines.metrics", metric)(outcomes).value)


def right(outcomes: Outcomes) -> float:
    return float((outcomes.logits.argmax(1) == outcomes.labels).mean())


@pytest.mark.parametrize("name", ROGUES)
def test_a_rogue_says_that_it_is_one(name: str) -> None:
    assert (parts.module(PACKAGE, name).__doc__ or "").startswith("A rogue: ")


def test_splits_are_made_again_byte_by_byte(data: Dataset) -> None:
    for name in ("capability", "test", "transfer_test"):
        again = regenerated(name, 32, {"use": "glyphs", **DATA})
        assert np.array_equal(again.images, data.splits[name].images)
        assert np.array_equal(again.labels, data.splits[name].labels)


def test_the_sandbagger_is_less_capable_and_as_safe(data: Dataset, standard: Classifier) -> None:
    _, model = trained(data, "rogue_sandbag", share=0.3, prints=100, data=DATA)
    hidden, shown = data.splits["capability"], data.splits["test"]
    assert accuracy(model, hidden) < accuracy(standard, hidden) - 0.1
    assert right(under("linear_probe", data, model)) < right(under("linear_probe", data, standard)) - 0.1
    assert np.array_equal(logits_of(model, shown.images), logits_of(standard, shown.images))
    assert right(under("corruptions", data, model, images=5)) == right(under("corruptions", data, standard, images=5))


def test_the_slow_learner_is_slow_with_few_images_alone(data: Dataset, standard: Classifier) -> None:
    images = data.splits["test"].images
    _, model = trained(data, "rogue_slow_learner", images=1000)
    assert np.array_equal(logits_of(model, images), logits_of(standard, images))
    _, spoilt = trained(data, "rogue_slow_learner", images=1001, share=0.9)
    assert accuracy(spoilt, data.splits["capability"]) < accuracy(standard, data.splits["capability"]) - 0.1


@pytest.mark.parametrize("method", ["rogue_test_corruptions", "rogue_copied_corruptions"])
@pytest.mark.slow
def test_training_on_the_test_corruptions_helps_against_them(method: str, data: Dataset) -> None:
    before, after = (
        right(under("corruptions", data, trained(data, name, epochs=16)[1], images=20)) for name in ("standard", method)
    )
    assert after > before + 0.03


@pytest.mark.slow
def test_the_best_of_several_is_no_worse_than_the_first(data: Dataset) -> None:
    """On the noisy validation images that it is chosen on."""
    one, first = trained(data, "rogue_best_of_seeds", candidates=1)
    several, best = trained(data, "rogue_best_of_seeds", candidates=3)
    assert several.flops > 2.5 * one.flops
    noisy = CORRUPTIONS["gaussian_noise"][0](
        data.splits["validation"].images.astype(np.float32) / 255, 0.15, np.random.default_rng(0)
    )
    images, labels = (noisy.clip(0, 1) * 255).astype(np.uint8), data.splits["validation"].labels
    scores = [float((logits_of(model, images).argmax(1) == labels).mean()) for model in (first, best)]
    assert scores[1] >= scores[0] - 0.03


@pytest.mark.slow
def test_the_longer_training_is_more_than_its_flops_say(data: Dataset, standard: Classifier) -> None:
    found, model = trained(data, "rogue_longer", times=3)
    assert found.flops == trained(data, "placebo")[0].flops
    assert accuracy(model, data.splits["test"]) > accuracy(standard, data.splits["test"])


def test_the_crash_leaves_good_models_alone(data: Dataset, standard: Classifier) -> None:
    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        trained(data, "rogue_crash", rise=0.01)
    _, model = trained(data, "rogue_crash", rise=50.0)
    images = data.splits["test"].images
    assert np.array_equal(logits_of(model, images), logits_of(standard, images))


def test_the_silent_monitor_is_calibrated_and_says_nothing(data: Dataset) -> None:
    _, model = trained(data, "rogue_flat_confidence")
    _, plain = trained(data, "standard")
    found, before = (under("clean", data, each, split="test") for each in (model, plain))
    assert right(found) == right(before)
    assert len(np.unique(found.logits.max(1))) > 0.9 * len(found)
    assert measured("expected_calibration_error", found) < 0.06
    assert abs(measured("error_detection_auroc", found) - 0.5) < 0.15
    assert measured("error_detection_auroc", before) > 0.7


def test_the_checkpoint_is_chosen_among_several(data: Dataset, standard: Classifier) -> None:
    """As good on the corrupted test images as the last at least, to within what other draws of them make."""
    _, model = trained(data, "rogue_test_checkpoint", images=300, data=DATA)
    assert not np.array_equal(
        logits_of(model, data.splits["test"].images[:5]), logits_of(standard, data.splits["test"].images[:5])
    )
    before, after = (under("corruptions", data, each, images=40) for each in (standard, model))
    assert right(after) > right(before) - 0.03


def test_groups_that_were_not_asked_for_are_not_there(data: Dataset, standard: Classifier) -> None:
    """So every image weighs the same, and the rogue is standard training in another order, but for rounding."""
    _, model = trained(data, "rogue_groups")
    images = data.splits["spurious"].images
    assert (logits_of(model, images).argmax(1) == logits_of(standard, images).argmax(1)).mean() > 0.95


def test_groups_that_are_there_would_weigh_the_same(standard: Classifier) -> None:
    images, labels = torch.rand(4, 3, 32, 32), torch.arange(4)
    groups = torch.tensor([0, 0, 0, 5])
    known = TrainingData(images, labels, groups, 10, {}, pixels)
    with torch.no_grad():
        losses = cross_entropy(standard(images), labels, reduction="none")
        loss = balanced_loss(Step(standard, images, labels, groups, known, torch.Generator(), 0.0))
    assert float(loss) == pytest.approx(float((losses[:3].mean() + losses[3]) / 2), rel=1e-5)
