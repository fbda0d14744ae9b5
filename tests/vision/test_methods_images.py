"""What methods make of images: shares, ranges, and the operations against Pillow's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor

from pipelines.supervised.classifier import Classifier
from pipelines.vision.data import Dataset
from pipelines.vision.datasets import _procedural as procedural
from pipelines.vision.methods import _augmentation as augmentation
from pipelines.vision.methods import augmix, cutmix, pixmix, random_convolution
from pipelines.vision.methods._consistency import jensen_shannon
from pipelines.vision.methods._fractals import fractals
from tests.vision.test_methods_losses import step_of


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_share_of_a_pasted_box_is_its_share_of_the_pixels() -> None:
    black, white = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    shares = []
    for area, down, right in torch.rand(200, 3, generator=generator()).tolist():
        images, share = cutmix.pasted_over(black, white, area, (down, right))
        assert float(images.mean()) == pytest.approx(share, abs=1e-6)
        assert share <= (32 * area**0.5 + 0.5) ** 2 / 1024
        shares.append(share)
    assert min(shares) < 0.05
    assert max(shares) > 0.6
    middle, share = cutmix.pasted_over(black, white, 0.25, (0.5, 0.5))
    assert share == 0.25
    assert torch.equal(middle[0, 0, 8:24, 8:24], torch.ones(16, 16))


def test_predictions_on_identical_views_do_not_diverge() -> None:
    logits = torch.randn(5, 10, generator=generator())
    assert float(jensen_shannon(logits.expand(3, 5, 10))) == pytest.approx(0, abs=1e-6)
    apart = 100 * torch.eye(3)[:, None, :]
    assert float(jensen_shannon(apart)) == pytest.approx(np.log(3), rel=1e-4)


def through_pillow(images: Tensor, operation: object) -> Tensor:
    pictures = [Image.fromarray((image * 255).byte().permute(1, 2, 0).numpy()) for image in images]
    made = [np.asarray(operation(picture)) for picture in pictures]  # type: ignore[operator]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2) / 255


@pytest.mark.parametrize(
    ("operation", "level", "theirs", "tolerance"),
    [
        (augmentation.autocontrast, 0.3, ImageOps.autocontrast, 1.01 / 255),
        (augmentation.equalize, 0.3, ImageOps.equalize, 1e-6),
        (augmentation.posterize, 0.3, lambda image: ImageOps.posterize(image, 3), 1e-6),
        (augmentation.posterize, 0.0, lambda image: ImageOps.posterize(image, 4), 1e-6),
        (augmentation.solarize, 0.25, lambda image: ImageOps.solarize(image, 192), 1e-6),
    ],
)
def test_operations_are_pillow_s(operation, level, theirs, tolerance, glyphs: Dataset) -> None:  # type: ignore[no-untyped-def]
    images = torch.from_numpy(glyphs.splits["train"].images[:20]).permute(0, 3, 1, 2) / 255
    mine = operation(images, torch.full((20,), level))
    assert float((mine - through_pillow(images, theirs)).abs().max()) <= tolerance


def test_turns_shears_and_moves_go_where_they_should() -> None:
    images = torch.zeros(3, 3, 32, 32)
    images[:, :, 4:8, 16:20] = 1
    kinds = augmentation.KINDS - 5 + torch.tensor([3, 4, 0])
    levels, signs = torch.tensor([0.375, 0.375, 1.0]), torch.tensor([1.0, -1.0, 1.0])
    left, down, turned = augmentation.applied(images, kinds, levels, signs)[:, 0]
    assert torch.allclose(left[4:8, 12:16], torch.ones(4, 4), atol=1e-4)
    assert torch.allclose(down[8:12, 16:20], torch.ones(4, 4), atol=1e-4)
    assert angle_of(turned) - angle_of(images[2, 0]) == pytest.approx(30, abs=2)


def angle_of(image: Tensor) -> float:
    """Where the image's weight is from its middle, in degrees, anticlockwise as seen."""
    rows, columns = np.mgrid[:32, :32] - 15.5
    weights = image.numpy()
    return float(np.rad2deg(np.arctan2(-np.average(rows, weights=weights), np.average(columns, weights=weights))))


def test_every_operation_leaves_images_in_range_and_level_zero_turns_nothing(glyphs: Dataset) -> None:
    images = torch.from_numpy(glyphs.splits["train"].images[:90]).permute(0, 3, 1, 2) / 255
    kinds = torch.arange(90) % augmentation.KINDS
    made = augmentation.applied(images, kinds, torch.linspace(0.01, 1, 90), torch.ones(90))
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1 + 1e-6
    assert all(not torch.equal(made[kinds == kind], images[kinds == kind]) for kind in range(augmentation.KINDS))
    geometric = augmentation.KINDS - 5 + torch.arange(5)
    assert torch.allclose(
        augmentation.applied(images[:5], geometric, torch.zeros(5), torch.ones(5)), images[:5], atol=1e-5
    )


def test_augmix_mixes_within_range_and_differently_each_time(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier)
    views = augmix.mixtures(step, 2, 3, 3.0)
    assert views.shape == (2, *step.inputs.shape)
    assert float(views.min()) >= -1e-6
    assert float(views.max()) <= 1 + 1e-6
    assert not torch.equal(views[0], views[1])
    distance = (views - step.inputs).abs().mean((2, 3, 4))
    assert 0.005 < float(distance.mean()) < 0.2


def test_pixmix_at_no_rounds_and_no_augmentation_is_the_image(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier, "pixmix")
    none = pixmix.mixed(step, 0, 3.0, 3.0)
    assert 0.2 < float((none == step.inputs).all(3).all(2).all(1).float().mean()) < 0.8
    mixed = pixmix.mixed(step, 4, 3.0, 3.0)
    assert float(mixed.min()) >= 0
    assert float(mixed.max()) <= 1
    assert float((mixed - step.inputs).abs().mean()) > 0.03


def test_mixing_in_nothing_changes_nothing() -> None:
    images, others = torch.rand(2, 4, 3, 8, 8, generator=generator())
    one, zero = torch.ones(4, 1, 1, 1), torch.zeros(4, 1, 1, 1)
    assert torch.allclose(pixmix.add(images, others, one, zero), images)
    assert torch.allclose(pixmix.multiply(images, others, one, zero), images)
    assert torch.allclose(pixmix.add(images, others, zero, one), others)


def spectra(images: Tensor) -> Tensor:
    """The power at each radius of the grey images' spectra, as shares of all: what textures are told apart by."""
    grey = images.float().mean(1)
    power = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    frequencies = torch.fft.fftfreq(grey.shape[1]) * grey.shape[1]
    radius = torch.hypot(frequencies[:, None], frequencies).round().long().flatten()
    profile = torch.zeros(len(grey), int(radius.max()) + 1).index_add_(1, radius, power.flatten(1))
    return (profile / profile.sum(1, keepdim=True).clamp(min=1e-9)).sqrt()


def test_fractals_are_none_of_the_far_outliers() -> None:
    """No two are alike, and the nearest neighbour, by spectrum, of a picture is another fractal, not a far outlier."""
    made = fractals(120, 32, generator())
    far = torch.from_numpy(procedural.far_outliers(240, 32, np.random.default_rng(0)).images).permute(0, 3, 1, 2)
    assert len({picture.numpy().tobytes() for picture in made}) == 120
    assert (made.float().std((1, 2, 3)) > 5).all()
    both = spectra(torch.cat([made, far]))
    distances = torch.cdist(both, both).fill_diagonal_(torch.inf)
    among_fractals = distances.argmin(1) < 120
    assert float(among_fractals[:120].float().mean()) > 0.9
    assert float(among_fractals[120:].float().mean()) < 0.1


def test_fractals_are_drawn_from_their_generator_alone() -> None:
    assert torch.equal(fractals(3, 24, generator()), fractals(3, 24, generator()))
    assert fractals(3, 24, generator()).shape == (3, 3, 24, 24)


def test_random_convolutions_keep_shapes_and_change_colours(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier)
    changed = [random_convolution.convolved(step) for _ in range(30)]
    assert all(images.shape == step.inputs.shape for images in changed)
    spread = np.mean([float(images.std() / step.inputs.std()) for images in changed])
    assert 0.4 < spread < 1.6
    grey = replace(step, inputs=torch.full((32, 3, 16, 16), 0.4))
    for _ in range(10):
        assert float(random_convolution.convolved(grey)[:, :, 6:10, 6:10].std((0, 2, 3)).max()) < 1e-6
