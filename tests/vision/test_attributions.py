"""Attributions and what is made of them: on linear models, where all is known in closed form, and on planted masks."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from pipelines import parts
from pipelines.metrics import deletion_gain, insertion_gain, localisation
from pipelines.outcomes import Outcomes, Unmeasurable
from pipelines.supervised.classifier import Classifier
from pipelines.vision.condition import Condition
from pipelines.vision.conditions import _attribution as explained
from pipelines.vision.conditions.attributions import blanked
from pipelines.vision.data import Dataset

KINDS = ("integrated_gradients", "input_x_gradient", "saliency")
SIZE = 6


class Linear(Classifier):
    """Two classes; the first one's logit is a weighted sum of the pixels, the second's is 0."""

    def __init__(self, weights: Tensor):
        super().__init__(nn.Identity())
        self.weights = nn.Parameter(weights)

    def forward(self, images: Tensor) -> Tensor:
        sums = (images * self.weights).sum((1, 2, 3))
        return torch.stack([sums, torch.zeros_like(sums)], 1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def linear(generator: torch.Generator) -> Linear:
    return Linear(torch.randn(3, SIZE, SIZE, generator=generator))


@pytest.fixture
def images(generator: torch.Generator) -> Tensor:
    return torch.rand(40, 3, SIZE, SIZE, generator=generator)


def maps_of(model: Classifier, images: Tensor, kind: explained.Attribution) -> Tensor:
    labels = torch.zeros(len(images), dtype=torch.long)
    return explained.attributions(model, images, labels, blanked(images, "mean"), kind)


def contributions(model: Linear, images: Tensor) -> Tensor:
    """What each pixel adds to the margin over a pixel of the mean colour, [n, pixels]."""
    return ((images - blanked(images, "mean")) * model.weights.detach()).sum(1).flatten(1)


def test_attributions_of_a_linear_model_are_its_terms(linear: Linear, images: Tensor) -> None:
    weights = linear.weights.detach()
    torch.testing.assert_close(maps_of(linear, images, "integrated_gradients"), contributions(linear, images))
    torch.testing.assert_close(maps_of(linear, images, "input_x_gradient"), (images * weights).sum(1).flatten(1))
    saliency = weights.abs().sum(0).flatten().expand(len(images), -1)
    torch.testing.assert_close(maps_of(linear, images, "saliency"), saliency)


def test_the_margin_is_over_the_highest_other(classifier: Classifier) -> None:
    class Given(Classifier):
        def forward(self, images: Tensor) -> Tensor:
            return torch.tensor([[1.0, 4.0, 2.0], [1.0, 4.0, 2.0]])

    margins = explained.margins(Given(nn.Identity()), torch.zeros(2, 3, 4, 4), torch.tensor([1, 2]))
    assert margins.tolist() == [2, -2]


def test_integrated_gradients_add_up_to_the_margin(
    glyphs: Dataset, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "POINTS", 200)
    images = torch.from_numpy(glyphs.splits["test"].images[:8]).permute(0, 3, 1, 2).float() / 255
    labels, blank = torch.from_numpy(glyphs.splits["test"].labels[:8]), blanked(images, "mean")
    maps = explained.attributions(classifier, images, labels, blank, "integrated_gradients")
    with torch.no_grad():
        gained = explained.margins(classifier, images, labels) - explained.margins(classifier, blank, labels)
    assert float((maps.sum(1) - gained).abs().max()) < 0.05 * float(gained.abs().max())


@pytest.mark.parametrize("kind", KINDS)
def test_attributions_do_not_depend_on_the_batch(
    kind: explained.Attribution, glyphs: Dataset, classifier: Classifier
) -> None:
    images = torch.from_numpy(glyphs.splits["test"].images[:18]).permute(0, 3, 1, 2).float() / 255
    alone = torch.cat([maps_of(classifier, image[None], kind) for image in images])
    torch.testing.assert_close(maps_of(classifier, images, kind), alone, atol=1e-5, rtol=1e-3)


def test_areas_on_a_linear_model_are_sums_in_closed_form(
    linear: Linear, images: Tensor, generator: torch.Generator
) -> None:
    """A pixel at place k of p that adds a to the margin is there for (k + 1/2) / p of the way."""
    terms, labels = contributions(linear, images), torch.zeros(40, dtype=torch.long)
    order = torch.rand(terms.shape, generator=generator).argsort(1)
    area = explained.area_above_blank(linear, images, labels, blanked(images, "mean"), order, SIZE * SIZE)
    share = (torch.arange(SIZE * SIZE) + 0.5) / (SIZE * SIZE)
    expected = (terms.gather(1, order) * share).sum(1)
    assert np.allclose(area, expected.numpy(), atol=1e-4)


def gains(linear: Linear, images: Tensor, order: Tensor, generator: torch.Generator) -> list[tuple[float, float]]:
    """Deletion and insertion gain of an order, each with its standard error."""
    labels, blank = torch.zeros(len(images), dtype=torch.long), blanked(images, "mean")
    orders = {"deletion": order, "insertion": order.flip(1)}
    orders["random"] = torch.rand(order.shape, generator=generator).argsort(1)
    values = {
        f"{name}_area": explained.area_above_blank(linear, images, labels, blank, each, 9)
        for name, each in orders.items()
    }
    none, n = np.full(len(images), -1), len(images)
    right = np.tile(np.array([1, 0], np.float32), (n, 1))
    outcomes = Outcomes(right, np.zeros(n, dtype=np.int64), np.arange(n), none, none, values=values)
    found = [module.metric()(outcomes) for module in (deletion_gain, insertion_gain)]
    return [(each.value, each.standard_error or 0.0) for each in found]


def test_gains_are_nothing_at_random_and_most_for_the_terms_themselves(generator: torch.Generator) -> None:
    weights = torch.randn(3, SIZE, SIZE, generator=generator)
    linear = Linear(weights)
    images = (torch.rand(400, 3, SIZE, SIZE, generator=generator) + 0.5 * (weights > 0)) / 1.5
    terms = contributions(linear, images)
    for value, error in gains(linear, images, torch.rand(terms.shape, generator=generator).argsort(1), generator):
        assert abs(value) < 3 * error
        assert error < 0.05
    best, worst = terms.argsort(dim=1, descending=True), terms.argsort(dim=1)
    for value, _ in gains(linear, images, best, generator):
        assert value > 0.3
    for value, _ in gains(linear, images, worst, generator):
        assert value < -0.3


def test_the_mask_itself_is_localised_in_full_and_its_opposite_not_at_all(generator: torch.Generator) -> None:
    mask = torch.rand(20, 100, generator=generator) < 0.2
    inside, outside = (maps.argsort(dim=1, descending=True, stable=True) for maps in (mask.float(), -mask.float()))
    assert (explained.share_inside(inside, mask) == 1).all()
    assert (explained.share_inside(outside, mask) == 0).all()
    anyhow = torch.rand(2000, 100, generator=generator).argsort(1)
    share = explained.share_inside(anyhow, mask[:1].expand(2000, -1))
    assert share.mean() == pytest.approx(float(mask[0].float().mean()), abs=0.01)


def test_a_model_that_looks_at_the_digit_alone_is_localised_in_full(glyphs: Dataset) -> None:
    """Its logits are sums over the pixels of one image's mask, so every image stands for that one."""
    options = {"images": 1, "attribution": "saliency"}
    condition: Condition = parts.load("pipelines.vision.conditions", "attributions", options)
    examples = condition.examples(glyphs, np.random.default_rng(0))
    assert examples.rows.tolist() == [0, 12]
    mask = torch.from_numpy(examples.split.images[1, :, :, 0] > 127).float()
    looking, away = (
        condition.outcomes(Linear(weights.expand(3, -1, -1)), examples, torch.Generator().manual_seed(0))
        for weights in (mask, 1 - mask)
    )
    assert looking.labels.tolist() == [0]
    assert localisation.metric()(looking).value == 1
    assert localisation.metric()(away).value == 0
    assert looking.values["random_area"][0] > looking.values["deletion_area"][0]


def test_agreement_is_spearman_s_of_sizes(generator: torch.Generator) -> None:
    one, other = torch.randn(2, 5, 60, generator=generator).round(decimals=1)
    found = explained.agreement(one, other)
    for row in range(5):
        assert found[row] == pytest.approx(spearmanr(one[row].abs(), other[row].abs()).statistic, abs=1e-6)
    assert explained.agreement(one, -one) == pytest.approx(1)
    assert (explained.agreement(one, torch.ones(5, 60)) == 0).all()


def test_a_randomised_copy_has_the_same_numbers_elsewhere(classifier: Classifier, generator: torch.Generator) -> None:
    before = [weights.detach().clone() for weights in classifier.parameters()]
    other = explained.randomised(classifier, generator)
    for old, same, weights in zip(before, classifier.parameters(), other.parameters(), strict=True):
        assert torch.equal(old, same)
        assert torch.equal(old.flatten().sort().values, weights.detach().flatten().sort().values)
    assert any(not torch.equal(old, new) for old, new in zip(before, other.parameters(), strict=True))


def test_blank_images(images: Tensor) -> None:
    plain = blanked(images, "mean")
    torch.testing.assert_close(plain.mean((2, 3)), images.mean((2, 3)))
    assert float(plain.std((2, 3)).max()) < 1e-6
    blurred = blanked(images, "blurred")
    assert blurred.shape == images.shape
    assert 0 < float(blurred.std()) < float(images.std())


def test_a_model_that_looks_nowhere_has_no_gain(glyphs: Dataset) -> None:
    class Constant(Linear):
        def forward(self, images: Tensor) -> Tensor:
            return torch.cat([super().forward(images) + torch.tensor([1.0, 0.0]), torch.zeros(len(images), 8)], 1)

    condition: Condition = parts.load("pipelines.vision.conditions", "attributions", {"images": 12})
    examples = condition.examples(glyphs, np.random.default_rng(0))
    outcomes = condition.outcomes(Constant(torch.zeros(3, 32, 32)), examples, torch.Generator().manual_seed(0))
    assert (outcomes.values["random_area"] == 0).all()
    assert (outcomes.values["randomised_agreement"] == 0).all()
    with pytest.raises(Unmeasurable, match=r"^the logit margin does not fall when pixels are removed at random$"):
        deletion_gain.metric()(outcomes)
