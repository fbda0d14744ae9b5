"""Corruptions, films of small changes, swapped cues, rare classes and hard examples: what each is built to show."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines import parts
from pipelines.measuring import measure
from pipelines.metrics import accuracy, flip_rate, shape_bias
from pipelines.outcomes import Measured, Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import ImageClassifier
from pipelines.vision.condition import Condition, logits_of
from pipelines.vision.conditions import _warps as warps
from pipelines.vision.conditions import perturbations
from pipelines.vision.conditions._corrupt import CORRUPTIONS, motion_blur, pixelate
from pipelines.vision.conditions.difficulty import nearness_to_others
from pipelines.vision.data import Dataset, split_of
from pipelines.vision.training import budget, train

PACKAGE = "pipelines.vision.conditions"


class Answering(Classifier):
    """A classifier that answers with a function of the images, [n, 3, size, size] -> class [n]."""

    def __init__(self, answer: Callable[[Tensor], Tensor]):
        super().__init__(nn.Identity())
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(self.answer(images), 10).float()


def constant(images: Tensor) -> Tensor:
    return torch.full((len(images),), 3)


def hue_class(images: Tensor) -> Tensor:
    """The class whose hue the ground has, from the corners' median colour."""
    corners = torch.stack([images[:, :, row, column] for row in (0, -1) for column in (0, -1)])
    red, green, blue = corners.median(0).values.T
    hue = torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue) / (2 * torch.pi)
    return (hue * 10).round().long() % 10


def seen_by(model: Classifier, name: str, dataset: Dataset, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, options)
    examples = condition.examples(dataset, np.random.default_rng(0))
    return condition.outcomes(model, examples, torch.Generator().manual_seed(0))


def value(outcomes: Outcomes, module: object) -> float:
    found = measure(outcomes, module.metric())["all"]  # type: ignore[attr-defined]
    assert isinstance(found, Measured)
    return found.value


@pytest.fixture(scope="module")
def plain() -> Dataset:
    """Upright glyphs on a ground without grain, easy to learn, whose hue can be read off the corners."""
    options = {"rotation": 0, "noise": 0, "texture": 0, "least_contrast": 0.5, "cue": 0.1, "train": 1000, "test": 100}
    few = {"outliers": 10, "training_outliers": 10, "spurious": 20, "held_out_fonts": 10, "cue_swap": 100}
    dataset: Dataset = parts.load("pipelines.vision.datasets", "glyphs", options | few).load()
    return dataset


@pytest.fixture(scope="module")
def standard(plain: Dataset) -> Classifier:
    """A standard classifier that has most clean images right."""
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 8})
    method = parts.load("pipelines.vision.methods", "standard")
    (trained,) = train(architecture, method, plain.splits, 10, budget(epochs=6, batch_size=50, learning_rate=0.01), 0)
    model = ImageClassifier(architecture(10, 32)).eval()
    model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    return model


def test_corruptions_come_in_five_severities_that_move_images_further(glyphs: Dataset) -> None:
    clean = glyphs.splits["test"].images[:40].astype(np.float32) / 255
    assert len(CORRUPTIONS) >= 12
    for name, (corrupt, strengths) in CORRUPTIONS.items():
        assert len(strengths) == 5
        moved = [
            np.abs(corrupt(clean, strength, np.random.default_rng(0)).clip(0, 1) - clean).mean()
            for strength in strengths
        ]
        assert moved == sorted(moved), name
        assert moved[0] > 0.005, name
        assert len(set(moved)) == 5, name


def test_standard_accuracy_falls_with_severity(standard: Classifier, plain: Dataset) -> None:
    outcomes = seen_by(standard, "corruptions", plain, images=20)
    clean = (logits_of(standard, plain.splits["test"].images).argmax(1) == plain.splits["test"].labels).mean()
    assert clean > 0.9
    found = {
        name: part.value for name, part in measure(outcomes, accuracy.metric()).items() if isinstance(part, Measured)
    }
    by_severity = [np.mean([found[f"{kind} {severity}"] for kind in CORRUPTIONS]) for severity in range(1, 6)]
    assert by_severity == sorted(by_severity, reverse=True)
    assert clean > by_severity[0] > by_severity[-1] + 0.3
    assert all(found[f"{kind} 5"] < clean - 0.05 for kind in CORRUPTIONS)


def test_other_kinds_change_no_corruption_and_no_film(glyphs: Dataset) -> None:
    for name, kinds in (("corruptions", ["fog", "jpeg"]), ("perturbations", ["shot_noise", "tilt"])):
        both, one = (
            parts.load(PACKAGE, name, {"images": 4, "kinds": some}).examples(glyphs, np.random.default_rng(0))
            for some in (kinds, kinds[1:])
        )
        chosen = np.isin(both.split.parts, [i for i, part in enumerate(both.split.part_names) if kinds[1] in part])
        only = one.split.parts >= 0
        np.testing.assert_array_equal(both.split.images[chosen], one.split.images[only])
        np.testing.assert_array_equal(both.rows[chosen], one.rows[only])


@pytest.mark.parametrize("name", ["corruptions", "perturbations"])
def test_kinds_that_are_not(name: str) -> None:
    known = ", ".join(CORRUPTIONS if name == "corruptions" else perturbations.KINDS)
    with pytest.raises(ValueError, match="kinds") as caught:
        parts.load(PACKAGE, name, {"kinds": ["rain", "fog", "rotate", "hail"]})
    wrong = "'rain', 'rotate', 'hail'" if name == "corruptions" else "'rain', 'fog', 'hail'"
    assert str(caught.value) == f"'kinds' has {wrong}, not one of: {known}"


def test_right_when_clean_is_of_the_same_image(classifier: Classifier, glyphs: Dataset) -> None:
    outcomes, alone = (
        seen_by(classifier, "corruptions", glyphs, images=30, kinds=["contrast", "snow"], clean=clean)
        for clean in (True, False)
    )
    test = glyphs.splits["test"]
    right = logits_of(classifier, test.images).argmax(1) == test.labels
    assert len(outcomes) == len(alone) == 300
    np.testing.assert_allclose(outcomes.logits, alone.logits, atol=1e-4)
    np.testing.assert_array_equal(outcomes.parts, alone.parts)
    assert (outcomes.groups == -1).all()
    assert not alone.values
    np.testing.assert_array_equal(outcomes.labels, test.labels[outcomes.examples])
    np.testing.assert_array_equal(outcomes.values["right_when_clean"], right[outcomes.examples])


def test_pixelate_keeps_the_mean_where_blocks_divide_the_side() -> None:
    images = np.random.default_rng(0).random((2, 32, 32, 3), dtype=np.float32)
    blocks = pixelate(images, 8, np.random.default_rng(0))
    assert np.allclose(blocks[:, :4, :4].std(axis=(1, 2)), 0, atol=1e-6)
    assert np.allclose(blocks.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1e-5)


def test_warps_move_pixels_to_known_places() -> None:
    images = np.random.default_rng(0).random((3, 9, 9, 3), dtype=np.float32)
    quarter, still = warps.turns(np.full(3, np.pi / 2)), warps.turns(np.zeros(3))
    turned = np.stack([np.rot90(image, 3) for image in images])
    assert np.allclose(warps.mapped(images, still), images, atol=1e-6)
    assert np.allclose(warps.mapped(images, quarter), turned, atol=1e-5)
    shifted = warps.mapped(images, still, np.tile([2.0, -1.0], (3, 1)))
    assert np.allclose(shifted[:, :7, 1:], images[:, 2:, :8], atol=1e-6)
    assert np.allclose(shifted[:, 7:, 1:], images[:, 8:, :8], atol=1e-6), "the edge goes on beyond the edge"
    halfway = warps.bent(images, np.zeros((3, 9, 9)), np.full((3, 9, 9), 0.5))
    assert np.allclose(halfway[:, :, :8], (images[:, :, :8] + images[:, :, 1:]) / 2, atol=1e-5)


def test_films_move_on_from_the_clean_image(glyphs: Dataset) -> None:
    clean = glyphs.splits["test"].images[:20].astype(np.float32) / 255
    for kind in perturbations.KINDS:
        films = perturbations.film(kind, clean, 6, np.random.default_rng(0))
        assert np.array_equal(films[:, 0], clean)
        from_first = [float(np.abs(films[:, frame] - clean).mean()) for frame in range(6)]
        if kind in perturbations.NOISE:
            assert np.std(from_first[1:]) < 0.05 * np.mean(from_first)
        else:
            assert from_first == sorted(from_first), kind
            steps = [float(np.abs(films[:, frame] - films[:, frame - 1]).mean()) for frame in range(1, 6)]
            assert max(steps) < from_first[-1], kind


def test_noise_is_compared_with_the_first_frame_and_the_rest_with_the_one_before(glyphs: Dataset) -> None:
    outcomes = seen_by(Answering(constant), "perturbations", glyphs, images=2, frames=4, kinds=["rotate", "shot_noise"])
    assert outcomes.part_names == ("rotate", "shot_noise")
    assert outcomes.values["frame"].tolist() == [0, 1, 2, 3] * 4
    assert outcomes.values["compared_with"].tolist() == [-1, 0, 1, 2] * 2 + [-1, 0, 0, 0] * 2
    assert len(set(outcomes.examples[:8])) == len(set(outcomes.examples[8:])) == 2


def test_a_constant_answer_never_flips(glyphs: Dataset) -> None:
    assert value(seen_by(Answering(constant), "perturbations", glyphs, images=5), flip_rate) == 0
    assert value(seen_by(Answering(constant), "cue_swap", glyphs), flip_rate) == 0


def test_who_goes_by_the_cue_flips_with_it_and_is_wrong_where_it_is_reversed(plain: Dataset) -> None:
    by_cue, reverse = (seen_by(Answering(hue_class), name, plain) for name in ("cue_swap", "reversed_cue"))
    assert value(by_cue, flip_rate) == 1
    assert value(by_cue, accuracy) == 0.5
    assert value(reverse, accuracy) == 0
    assert value(reverse, shape_bias) == 0
    np.testing.assert_array_equal(reverse.examples, np.arange(100))


def test_who_sees_no_cue_flips_little(standard: Classifier, plain: Dataset) -> None:
    """Trained where the hue says nothing."""
    assert value(seen_by(standard, "cue_swap", plain), flip_rate) < 0.2


def test_the_tail_is_the_rarest_third(glyphs: Dataset) -> None:
    outcomes = seen_by(Answering(constant), "long_tail", glyphs)
    assert [sorted(set(outcomes.labels[outcomes.groups == group])) for group in range(3)] == [
        [0, 1, 2, 3], [4, 5, 6], [7, 8, 9]
    ]  # fmt: skip
    counts = [10, 80, 20, 70, 30, 60, 40, 50, 90, 100]
    train = glyphs.splits["train"]
    skewed = replace(train, labels=np.repeat(np.arange(10), counts), images=np.repeat(train.images[:1], 550, axis=0))
    unequal = replace(glyphs, splits={**glyphs.splits, "train": skewed})
    outcomes = seen_by(Answering(constant), "long_tail", unequal, imbalance=None)
    assert sorted(set(outcomes.labels[outcomes.groups == 2])) == [0, 2, 4]
    assert sorted(set(outcomes.labels[outcomes.groups == 0])) == [1, 3, 8, 9]


def test_the_second_model_s_training_images_become_rarer(glyphs: Dataset) -> None:
    condition: Condition = parts.load(PACKAGE, "long_tail", {"imbalance": 8})
    train = glyphs.splits["train"]
    many = replace(
        train,
        labels=np.tile(train.labels, 20), images=np.tile(train.images, (20, 1, 1, 1)),
        groups=np.tile(train.groups, 20), parts=np.tile(train.parts, 20),
    )  # fmt: skip
    assert condition.sibling is not None
    fewer = condition.sibling(many, np.random.default_rng(0))
    counts = np.bincount(fewer.labels)
    assert counts[0] == np.bincount(many.labels)[0]
    assert counts[:-1] / counts[1:] == pytest.approx([8 ** (1 / 9)] * 9, rel=0.05)
    assert len(fewer) / len(many) == pytest.approx(condition.cost, rel=0.1)
    other = condition.sibling(many, np.random.default_rng(1))
    assert not np.array_equal(fewer.images, other.images)


def test_hardness_is_the_ratio_of_distances_in_loops(glyphs: Dataset) -> None:
    test, train = glyphs.splits["test"], glyphs.splits["train"]

    def grey(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        flat: NDArray[np.float64] = images.astype(float).mean(axis=3).reshape(len(images), -1)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        return flat

    known, hardness = grey(train.images), nearness_to_others(test, train)
    for row, image in enumerate(grey(test.images[:10])):
        distance = np.linalg.norm(known - image, axis=1)
        own, other = (np.sort(distance[(train.labels == test.labels[row]) == same])[:10] for same in (True, False))
        assert hardness[row] == pytest.approx(own.mean() / other.mean())


def test_an_image_on_the_border_is_harder_than_one_amid_its_class(plain: Dataset) -> None:
    test = plain.splits["test"]
    mixed = (test.images[:1].astype(float) + test.images[1:2]) / 2
    shown = np.concatenate([test.images[:1], mixed, test.images[1:2]]).astype(np.uint8)
    tested = split_of(shown, np.zeros(3, np.int64))
    easy, border, wrong = nearness_to_others(tested, split_of(test.images[:2], np.arange(2)))
    assert easy < border < wrong


def test_hard_examples_come_in_tenths_the_hardest_last(glyphs: Dataset) -> None:
    outcomes = seen_by(Answering(constant), "difficulty", glyphs)
    hardness = nearness_to_others(glyphs.splits["test"], glyphs.splits["train"])
    assert np.bincount(outcomes.groups).tolist() == [6] * 10
    assert all(hardness[outcomes.groups == k].max() <= hardness[outcomes.groups == k + 1].min() for k in range(9))


def test_motion_spreads_a_point_over_a_line_of_that_length_about_its_place() -> None:
    images = np.zeros((6, 41, 41, 3), dtype=np.float32)
    images[:, 20, 20] = 1
    length = 12.0
    blurred = motion_blur(images, length, np.random.default_rng(0))
    assert blurred.sum((1, 2, 3)) == pytest.approx(np.full(6, 3), abs=1e-4)
    row, column = np.mgrid[:41, :41] - 20.0
    for image in blurred[..., 0].astype(float):
        assert ((image * row).sum(), (image * column).sum()) == pytest.approx((0, 0), abs=1e-3)
        spread = [[(image * a * b).sum() for b in (row, column)] for a in (row, column)]
        across, along = np.linalg.eigvalsh(spread)
        assert along == pytest.approx(length**2 * 10 / 96, abs=0.3)  # nine equal steps from one end to the other
        assert across < 0.3  # what reading between pixels adds


def moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid (down, right) from the middle, and covariance, of an image's light."""
    light = image[..., 0] / image[..., 0].sum()
    places = np.stack(np.meshgrid(*[np.arange(len(light)) - (len(light) - 1) / 2] * 2, indexing="ij"))
    centre = (light * places).sum(axis=(1, 2))
    away = places - centre[:, None, None]
    return centre, np.einsum("ij,aij,bij->ab", light, away, away)


def test_films_move_turn_grow_and_blur_by_their_steps() -> None:
    """A spot of normal light off the middle, at frame 5, against the steps that each film declares."""
    down, right = np.meshgrid(np.arange(41) - 20, np.arange(41) - 20, indexing="ij")
    spot = np.exp(-((down + 6) ** 2 + (right - 8) ** 2) / 2 / 2.5**2)
    images = np.repeat(spot[None, :, :, None], 3, axis=3).repeat(4, axis=0).astype(np.float32)
    draws, start = np.array([0.0, 0.25, 0.5, 0.75]), np.array([-6.0, 8.0])
    moved, turned, grown, tilted, blurred = (
        [moments(image) for image in perturbations.STEADY[kind](images, 5, draws)]
        for kind in ("translate", "rotate", "scale", "tilt", "blur")
    )
    steps = np.array([centre - start for centre, _ in moved])
    assert np.hypot(*steps.T) == pytest.approx(np.full(4, 2.5), abs=0.02)
    assert np.abs(steps.sum(axis=0)).max() < 0.05, "four directions a quarter turn apart"
    angles = [np.arctan2(centre[0], centre[1]) - np.arctan2(*start) for centre, _ in turned]
    assert np.abs(np.rad2deg(angles)) == pytest.approx(np.full(4, 10), abs=0.2)
    assert np.sign(angles[0]) == np.sign(angles[1]) == -np.sign(angles[2]) == -np.sign(angles[3])
    ratios = sorted(np.linalg.norm(centre) / np.linalg.norm(start) for centre, _ in grown)
    assert ratios == pytest.approx([1.02**-5, 1.02**-5, 1.02**5, 1.02**5], abs=0.005)
    for _, spread in tilted:
        narrow, wide = np.sqrt(np.linalg.eigvalsh(spread)) / 2.5
        assert (narrow, wide) == pytest.approx((np.cos(np.deg2rad(20)), 1), abs=0.02)
    for _, spread in blurred:
        assert spread == pytest.approx((2.5**2 + 0.5**2) * np.eye(2), abs=0.05)
    brighter = perturbations.brightness(images, 5, draws) - images
    assert brighter[:, 0, 0, 0] == pytest.approx([-0.1, -0.1, 0.1, 0.1])
