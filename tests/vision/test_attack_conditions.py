"""The conditions under attack: curves that never rise, images within reach, corruptions that an attacker moves."""

import numpy as np
import pytest
import torch

from pipelines import parts
from pipelines.data import DataError
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.attacks._fields import smooth, stamped, warped
from pipelines.vision.attacks._latents import Corruption, worst_latents
from pipelines.vision.attacks._losses import cross_entropy
from pipelines.vision.attacks._watch import drop_none, gradients_of
from pipelines.vision.attacks.jpeg import TO_RGB, basis
from pipelines.vision.condition import Condition, logits_of
from pipelines.vision.conditions.transfer_attack import trained
from pipelines.vision.conditions.unforeseen import KINDS
from pipelines.vision.data import Dataset, split_of
from pipelines.vision.tensors import channels_first, pixels

PACKAGE = "pipelines.vision.conditions"
every_kind = pytest.mark.parametrize("kind", KINDS)


def outcomes_of(name: str, dataset: Dataset, classifier: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, options)
    examples = condition.examples(dataset, np.random.default_rng(0))
    return condition.outcomes(classifier, examples, torch.Generator().manual_seed(0))


@pytest.fixture
def varied(glyphs: Dataset, classifier: Classifier) -> Classifier:
    """A classifier whose batch norms have seen the images, so that it does not see one class in all of them."""
    images = pixels(channels_first(glyphs.splits["train"].images))
    with torch.no_grad():
        for _ in range(30):
            classifier.train()(images)
    return classifier.eval()


def seen_rightly(glyphs: Dataset, classifier: Classifier) -> Dataset:
    """The dataset with the classifier's own answers as labels of the test images."""
    test = glyphs.splits["test"]
    labels = logits_of(classifier, test.images).argmax(1)
    return Dataset("as seen", glyphs.class_names, {**glyphs.splits, "test": split_of(test.images, labels)})


@pytest.mark.parametrize(("norm", "levels"), [("linf", [0.05, 0.2, 1, 8]), ("l2", [1, 5, 20, 100])])
def test_a_curve_never_rises_and_knows_where_each_image_fell(
    norm: str, levels: list[float], glyphs: Dataset, varied: Classifier
) -> None:
    options = {"norm": norm, "levels": levels, "images": 30, "steps": 4, "square_queries": 4}
    found = outcomes_of("robustness_curve", seen_rightly(glyphs, varied), varied, **options)
    assert found.part_names == tuple(f"{level:g}/255" for level in levels)
    right = (found.logits.argmax(1) == found.labels).reshape(4, 30)
    assert (np.diff(right.astype(int), axis=0) <= 0).all()
    assert right[0].mean() > right[-1].mean()
    radius = found.values["minimal_radius"].reshape(4, 30)
    assert (radius == radius[0]).all()
    assert np.array_equal(right, radius > np.array(levels, dtype=np.float32)[:, None])
    assert set(np.unique(radius)) <= {*map(np.float32, levels), np.inf}


def test_an_image_that_is_wrong_already_has_no_radius(glyphs: Dataset, classifier: Classifier) -> None:
    found = outcomes_of("robustness_curve", glyphs, classifier, images=30, levels=[0.01], steps=1, square_queries=1)
    clean = logits_of(classifier, glyphs.splits["test"].images[found.examples]).argmax(1)
    assert np.array_equal(found.values["minimal_radius"] == 0, clean != found.labels)


@pytest.mark.parametrize("name", ["attack_ensemble", "robustness_curve"])
def test_too_few_classes_are_refused_before_any_model_is_trained(name: str, glyphs: Dataset) -> None:
    few = Dataset("pairs", ("a", "b"), glyphs.splits)
    with pytest.raises(DataError, match=r"^pairs: apgd-t \(targeted DLR loss\) needs at least 4 classes, there are 2$"):
        parts.load(PACKAGE, name).examples(few, np.random.default_rng(0))
    parts.load(PACKAGE, name, {"attacks": ["apgd-ce", "square"]}).examples(few, np.random.default_rng(0))


def test_empty_choices_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^'attacks' is empty: at least one of apgd-ce, apgd-t, square is needed$"):
        parts.load(PACKAGE, "attack_ensemble", {"attacks": []})
    with pytest.raises(ValueError, match=r"^'levels' is empty: at least one radius is needed$"):
        parts.load(PACKAGE, "robustness_curve", {"levels": []})
    with pytest.raises(
        ValueError, match=r"^'kinds' has 'rain', not one of: elastic, fog, gabor, jpeg, snow, whirlpool$"
    ):
        parts.load(PACKAGE, "unforeseen", {"kinds": ["rain", "fog"]})


def test_transferred_images_are_within_reach_and_fool_the_model_they_were_made_on(glyphs: Dataset) -> None:
    condition: Condition = parts.load(PACKAGE, "transfer_attack", {"epsilon": 0.031, "images": 40, "steps": 5})
    threads = torch.get_num_threads()
    examples = condition.examples(glyphs, np.random.default_rng(0))
    again = condition.examples(glyphs, np.random.default_rng(0))
    assert np.array_equal(examples.split.images, again.split.images)
    assert torch.get_num_threads() == threads
    clean = glyphs.splits["test"].images[examples.rows]
    assert np.abs(examples.split.images.astype(int) - clean).max() == 8
    generator = np.random.default_rng(0)
    generator.permutation(len(glyphs.splits["test"]))
    learned = np.sort(generator.permutation(len(glyphs.splits["train"])))
    other = trained(glyphs, learned, int(generator.integers(2**31)))
    labels = torch.from_numpy(examples.split.labels)
    loss = [
        float(cross_entropy(torch.from_numpy(logits_of(other, images)), labels).mean())
        for images in (clean, examples.split.images)
    ]
    assert loss[1] > loss[0] + 0.02


@pytest.fixture
def shown(glyphs: Dataset, classifier: Classifier) -> tuple[torch.Tensor, torch.Tensor]:
    images = pixels(channels_first(glyphs.splits["test"].images[:20]))
    with torch.no_grad():
        return images, classifier(images).argmax(1)


def of_kind(kind: str, strength: float) -> Corruption:
    make, own = KINDS[kind]
    return make(strength * own)


@every_kind
def test_a_corruption_is_nothing_at_no_strength_and_a_change_at_its_own(
    kind: str, shown: tuple[torch.Tensor, torch.Tensor]
) -> None:
    images, _ = shown
    latents = of_kind(kind, 1).start(20, 32, torch.Generator().manual_seed(0))
    none, own, double = (of_kind(kind, strength).apply(images, latents) for strength in (0.0, 1.0, 2.0))
    assert torch.allclose(none, images, atol=1e-6)
    assert float(own.min()) >= 0
    assert float(own.max()) <= 1 + 1e-6
    assert 0.001 < float((own - images).abs().mean()) < float((double - images).abs().mean()) < 0.3


@every_kind
@pytest.mark.parametrize("size", [16, 30])
def test_a_corruption_takes_images_of_any_size(kind: str, size: int) -> None:
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    corruption = of_kind(kind, 1)
    assert corruption.apply(images, corruption.start(2, size, torch.Generator())).shape == images.shape


@every_kind
def test_an_attacker_moves_a_corruption_further_than_chance(
    kind: str, shown: tuple[torch.Tensor, torch.Tensor], classifier: Classifier
) -> None:
    images, labels = shown
    corruption = of_kind(kind, 1)
    start = corruption.start(20, 32, torch.Generator().manual_seed(0))
    chosen = worst_latents(classifier, images, labels, start, corruption, steps=5)
    with torch.no_grad():
        loss = [
            cross_entropy(classifier(points), labels).mean() for points in (corruption.apply(images, start), chosen)
        ]
    assert loss[1] > loss[0]


def test_dropping_broken_images_leaves_the_others_where_they_were(
    shown: tuple[torch.Tensor, torch.Tensor], classifier: Classifier
) -> None:
    images, labels = shown
    corruption = of_kind("fog", 1)
    start = corruption.start(20, 32, torch.Generator().manual_seed(0))

    def drop_even(rows: torch.Tensor, points: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return rows % 2 == 0

    whole, half = (
        worst_latents(classifier, images, labels, start, corruption, steps=3, watch=watch)
        for watch in (drop_none, drop_even)
    )
    assert torch.allclose(whole[1::2], half[1::2], atol=1e-4)
    assert torch.allclose(half[::2], corruption.apply(images, start)[::2], atol=1e-6)


def test_warping_by_whole_pixels_moves_the_image() -> None:
    images = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    shifts = torch.zeros(2, 2, 9, 9)
    assert torch.allclose(warped(images, shifts), images)
    shifts[:, 0], shifts[:, 1] = 2, -1
    assert torch.allclose(warped(images, shifts)[..., :-2, 1:], images[..., 2:, :-1])
    half = warped(images, torch.full((2, 2, 9, 9), 0.5))
    corners = images[..., :-1, :-1] + images[..., 1:, :-1] + images[..., :-1, 1:] + images[..., 1:, 1:]
    assert torch.allclose(half[..., :-1, :-1], corners / 4)


def test_fields_keep_constants_and_stamps_stand_where_they_are_put() -> None:
    assert torch.allclose(smooth(torch.full((3, 4, 4), 0.7), 32), torch.full((3, 32, 32), 0.7))
    strengths = torch.zeros(1, 1, 4, 4)
    strengths[0, 0, 1, 2] = 3
    field = stamped(strengths, torch.ones(1, 3, 3), 4, 8)
    expected = torch.zeros(8, 8)
    expected[3:6, 7:] = 3
    assert torch.equal(field[0, 0], expected)


def test_jpeg_changes_a_block_by_its_cosines() -> None:
    assert torch.allclose(basis() @ basis().T, torch.eye(8), atol=1e-6)
    latents = torch.zeros(1, 3, 2, 2, 8, 8)
    latents[0, 0, 0, 1, 0, 0] = 1
    grey = torch.full((1, 3, 16, 16), 0.5)
    changed = of_kind("jpeg", 1).apply(grey, latents) - grey
    constant = KINDS["jpeg"][1] / 15 / 8
    assert torch.allclose(changed[..., :8, 8:], torch.full((1, 3, 8, 8), constant), atol=1e-6)
    assert float(changed.abs().sum()) == pytest.approx(3 * 64 * constant, rel=1e-3)
    assert torch.equal(TO_RGB[:, 0], torch.ones(3))


def test_the_colours_of_jpeg_are_those_of_its_standard() -> None:
    """The inverse of Y, Cb, Cr by ITU-R BT.601, to the digits that are kept."""
    luma = np.array([0.299, 0.587, 0.114])
    blue, red = (np.eye(3)[2] - luma) / 1.772, (np.eye(3)[0] - luma) / 1.402
    assert TO_RGB.numpy() @ np.stack([luma, blue, red]) == pytest.approx(np.eye(3), abs=2e-3)


def test_gradients_of_a_loss_leave_the_models_own_alone(
    shown: tuple[torch.Tensor, torch.Tensor], classifier: Classifier
) -> None:
    images, labels = shown
    _, losses, gradients = gradients_of(classifier, images, lambda logits: cross_entropy(logits, labels))
    assert losses.shape == (20,)
    assert gradients.shape == images.shape
    assert all(weights.grad is None for weights in classifier.parameters())
