"""Bounds: they contain what the model does, are exact where theory says so, and CROWN's are the tighter."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor, nn

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import ImageClassifier, build
from pipelines.vision.attacks import projected_gradient
from pipelines.vision.bounds import crown, interval
from pipelines.vision.bounds.interval import Unbounded, box_around, chain_of, holds
from pipelines.vision.models._chain import Chain
from tests.slow import fast_are

Margins = Callable[[list[nn.Module], interval.Bounds, Tensor], Tensor]
BOTH = pytest.mark.parametrize("margins", [interval.margins, crown.margins], ids=["ibp", "crown"])
NETWORKS = pytest.mark.parametrize(
    ("family", "size"), [("cnn", 8), ("cnn", 12), ("mlp", 8)], ids=["cnn", "cnn, odd maps", "mlp"]
)


def network(family: str, size: int, seed: int = 0) -> Classifier:
    """A model with larger weights than at the start of training, so that its ReLU go either way within small boxes."""
    model = build(parts.load("pipelines.vision.models", family, {"width": 6}), 5, size, seed)
    model.eval().requires_grad_(False)
    for layer in chain_of(model):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            assert layer.bias is not None
            layer.weight *= 2
            layer.bias += 0.3 * torch.randn(layer.bias.shape, generator=torch.Generator().manual_seed(seed))
    return model


def images_of(size: int, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images, a tenth of whose pixels are black and a tenth white, and labels."""
    generator = torch.Generator().manual_seed(seed)
    images = (1.25 * torch.rand(count, 3, size, size, generator=generator) - 0.125).clamp(0, 1)
    return images, torch.arange(count) % 5


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, labels[:, None]) - logits


@BOTH
@NETWORKS
@pytest.mark.parametrize("epsilon", fast_are([0.01], [1e-4, 0.01, 0.1, 1.0]))
def test_no_point_of_the_box_is_below_the_bounds(family: str, size: int, epsilon: float, margins: Margins) -> None:
    """Thousands of points, half of them corners; the last are an attack's on each class in turn."""
    model, (images, labels) = network(family, size), images_of(size, 10)
    bound = margins(chain_of(model), box_around(images, epsilon), labels)
    generator = torch.Generator().manual_seed(1)
    for number in range(300):
        draw = 2 * torch.rand(images.shape, generator=generator) - 1
        points = (images + epsilon * (draw.sign() if number % 2 else draw)).clamp(0, 1)
        assert (margins_of(model(points), labels) >= bound).all()
    for target in range(5):
        aimed = projected_gradient(Towards(model, target), images, labels, 0 * images, epsilon, epsilon / 4, 20)
        assert (margins_of(model(aimed), labels) >= bound).all()


class Towards(nn.Module):
    """A model's logits of the label and of one other class: the cross-entropy attacks the margin between the two."""

    def __init__(self, model: nn.Module, target: int):
        super().__init__()
        self.model, self.target = model, target

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)
        far = torch.full_like(logits, -30.0)
        own = torch.arange(len(images)) % 5
        far[torch.arange(len(images)), own] = logits[torch.arange(len(images)), own]
        far[:, self.target] = logits[:, self.target]
        return far


@NETWORKS
def test_crown_is_nowhere_looser_than_intervals_and_much_tighter_in_the_mean(family: str, size: int) -> None:
    model, (images, labels) = network(family, size), images_of(size, 10)
    box = box_around(images, 0.02)
    wide, tight = (margins(chain_of(model), box, labels) for margins in (interval.margins, crown.margins))
    other = torch.arange(5) != labels[:, None]
    assert (tight >= wide)[other].all()
    clean = margins_of(model(images), labels)
    assert (clean - tight)[other].mean() < 0.5 * (clean - wide)[other].mean()


@BOTH
@NETWORKS
def test_a_box_of_one_point_gives_the_forward_pass(family: str, size: int, margins: Margins) -> None:
    model, (images, labels) = network(family, size), images_of(size, 10)
    bound, exact = margins(chain_of(model), box_around(images, 0.0), labels), margins_of(model(images), labels)
    assert torch.allclose(bound, exact, atol=5e-3)
    assert (bound <= exact).all()


@BOTH
def test_the_bounds_of_a_linear_model_are_its_minimum(margins: Margins) -> None:
    """The minimum of w x + b over a box is at the corner where each pixel goes against its weight's sign."""
    model = ImageClassifier(Chain(nn.Flatten(), nn.Linear(3 * 64, 5))).requires_grad_(False)
    images, labels = images_of(8, 10)
    bound = margins(chain_of(model), box_around(images, 0.05), labels)
    last = chain_of(model)[1]
    assert isinstance(last, nn.Linear)
    weight = last.weight
    for row, label in enumerate(labels):
        for other in set(range(5)) - {int(label)}:
            against = -(weight[label] - weight[other]).sign().view(3, 8, 8)
            corner = (images[row] + 0.05 * against).clamp(0, 1)
            assert float(bound[row, other]) == pytest.approx(
                float(margins_of(model(corner[None]), label[None])[0, other]), abs=1e-4
            )


def exact_minimum(chain: list[nn.Module], box: interval.Bounds, difference: NDArray[np.float64]) -> float:
    """The least value of a linear function of a perceptron's logits on a box, by mixed-integer programming: each ReLU a
    with input z is a >= z, a >= 0, a <= z + M (1 - s), a <= M s with s either 0 or 1 (Tjeng et al. 2019, 1711.07356).
    """
    most, layers = 50.0, [layer for layer in chain if isinstance(layer, nn.Linear)]
    weights = [(layer.weight.double().numpy(), layer.bias.double().numpy()) for layer in layers]
    sizes = [weights[0][0].shape[1], *(2 * len(bias) for _, bias in weights[:-1])]
    starts = np.cumsum([0, *sizes])
    rows, low, high = [], [], []

    def constrain(columns: dict[int, NDArray[np.float64] | float], least: float, greatest: float) -> None:
        row = np.zeros(starts[-1])
        for column, value in columns.items():
            row[column : column + np.size(value)] += value
        rows.append(row)
        low.append(least)
        high.append(greatest)

    for number, (weight, bias) in enumerate(weights[:-1]):
        for unit in range(len(bias)):
            a, s = int(starts[number + 1]) + unit, int(starts[number + 1]) + len(bias) + unit
            constrain({int(starts[number]): -weight[unit], a: 1.0}, bias[unit], np.inf)
            constrain({int(starts[number]): -weight[unit], a: 1.0, s: most}, -np.inf, bias[unit] + most)
            constrain({a: 1.0, s: -most}, -np.inf, 0)
    hidden = [np.repeat([[0.0, most, 0], [0.0, 1.0, 1]], len(bias), axis=0) for _, bias in weights[:-1]]
    limits = np.vstack([np.stack([*(b.double().flatten().numpy() for b in box), np.zeros(sizes[0])], 1), *hidden])
    cost = np.zeros(starts[-1])
    cost[starts[-2] : starts[-2] + weights[-1][0].shape[1]] = difference @ weights[-1][0]
    constraints = LinearConstraint(np.array(rows), low, high)
    found = milp(cost, bounds=Bounds(limits[:, 0], limits[:, 1]), integrality=limits[:, 2], constraints=constraints)
    return float(found.fun + difference @ weights[-1][1])


def test_the_exact_minimum_is_between_the_bounds_and_an_attack() -> None:
    model, (images, labels) = network("mlp", 4), images_of(4, 4)
    chain = chain_of(model)
    for epsilon in (0.01, 0.1):
        box = box_around(images, epsilon)
        bound = crown.margins(chain, box, labels)
        for row in range(4):
            for other in set(range(5)) - {int(labels[row])}:
                aimed = projected_gradient(Towards(model, other), images, labels, 0 * images, epsilon, epsilon / 4, 20)
                attacked = float(margins_of(model(aimed), labels)[row, other])
                difference = np.eye(5)[int(labels[row])] - np.eye(5)[other]
                one = (box[0][row], box[1][row])
                exact = exact_minimum(chain, one, difference)
                assert float(bound[row, other]) <= exact + 1e-4
                assert exact <= attacked + 1e-4


def test_crown_is_exact_through_relu_whose_sign_is_known() -> None:
    """Biases of +-100 leave a linear model: the bound is the minimum, which intervals miss by the layers between."""
    model = network("mlp", 8)
    for layer in chain_of(model)[:-1]:
        if isinstance(layer, nn.Linear):
            layer.bias.copy_(torch.where(torch.arange(6) % 2 == 0, 100.0, -100.0))
    images, labels = images_of(8, 10)
    points = images.clone().requires_grad_(True)
    for other in range(5):
        margin = margins_of(model(points), labels)[:, other]
        (gradient,) = torch.autograd.grad(margin.sum(), points)
        corner = (images - 0.05 * gradient.sign()).clamp(0, 1)
        exact = margins_of(model(corner), labels)[:, other]
        box = box_around(images, 0.05)
        assert torch.allclose(crown.margins(chain_of(model), box, labels)[:, other], exact, atol=5e-3)
        if other:
            assert (interval.margins(chain_of(model), box, labels)[:, other] <= exact).all()


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (-0.5, 1.0), (-1.0, -0.2), (0.2, 1.0), (-1.0, 0.0)])
def test_a_relu_is_between_its_chord_and_the_better_of_two_lines(low: float, high: float) -> None:
    """From below: the identity where most of the interval is positive, else 0. From above: the chord."""
    passed = crown.Passed(nn.ReLU(), torch.tensor([[low]]), torch.tensor([[high]]))
    slope, constant = (float(found.squeeze()) for found in crown.before(passed, torch.tensor([[[1.0]]])))
    assert (slope, constant) == (float(high > -low), 0.0)
    slope, constant = (float(found.squeeze()) for found in crown.before(passed, torch.tensor([[[-1.0]]])))
    for end in (low, high):
        assert slope * end + constant == pytest.approx(-max(end, 0.0), abs=1e-6)


@BOTH
def test_bounds_do_not_depend_on_the_batch(margins: Margins) -> None:
    model, (images, labels) = network("cnn", 8), images_of(8, 10)
    together = margins(chain_of(model), box_around(images, 0.03), labels)
    alone = [
        margins(chain_of(model), box_around(one, 0.03), label)
        for one, label in zip(images.split(1), labels.split(1), strict=True)
    ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


@BOTH
def test_wider_boxes_have_lower_bounds(margins: Margins) -> None:
    model, (images, labels) = network("cnn", 8), images_of(8, 10)
    found = torch.stack([margins(chain_of(model), box_around(images, e), labels) for e in (0.0, 0.003, 0.01, 0.1)])
    assert (found.mean((1, 2)).diff() < 0).all()


def test_the_box_ends_where_pixels_do() -> None:
    lower, upper = box_around(torch.tensor([0.0, 0.02, 0.5, 1.0]), 0.1)
    pixels = [0.25 * bound + 0.5 for bound in (lower, upper)]
    assert torch.allclose(pixels[0], torch.tensor([0.0, 0.0, 0.4, 0.9]), atol=1e-6)
    assert torch.allclose(pixels[1], torch.tensor([0.1, 0.12, 0.6, 1.0]), atol=1e-6)


def test_an_answer_holds_where_every_other_class_stays_below() -> None:
    margins = torch.tensor([[0.0, 0.1, 0.2], [0.1, 0.0, -0.1], [0.1, 0.0, 0.2], [0.3, 0.0, 0.2]])
    assert holds(margins, torch.tensor([0, 1, 2, 1])).tolist() == [True, False, False, True]


def test_rounding_is_covered_five_times_over() -> None:
    """The float32 forward pass of wide layers against float64, relative to the sum of the magnitudes."""
    generator = torch.Generator().manual_seed(0)
    for layer, shape in ((nn.Linear(3072, 50), (20, 3072)), (nn.Conv2d(64, 8, 4, 2, 1), (5, 64, 16, 16))):
        layer.requires_grad_(False)
        inputs = 1 + torch.rand(shape, generator=generator)
        size = interval.by_magnitude(layer, inputs)
        off = (layer(inputs).double() - layer.double()(inputs.double())).abs() / size
        assert float(off.max()) < interval.ROUNDING / 5


def test_models_without_known_bounds_are_refused(classifier: Classifier) -> None:
    with pytest.raises(
        Unbounded, match=r"^bounds can be followed through single models of the families cnn and mlp alone$"
    ):
        chain_of(classifier)
    with pytest.raises(Unbounded, match=r"^bounds cannot be followed through Dropout$"):
        chain_of(ImageClassifier(Chain(nn.Flatten(), nn.Dropout(), nn.Linear(12, 2))))


def test_bounds_can_be_trained_on() -> None:
    """The gradient of the interval bounds against differences."""
    model, (images, labels) = network("mlp", 8), images_of(8, 3)
    layer = chain_of(model.double())[1]
    assert isinstance(layer, nn.Linear)
    box = box_around(images.double(), 0.02)

    def total() -> Tensor:
        return interval.margins(chain_of(model), box, labels).sum()

    layer.weight.requires_grad_(True)
    (gradient,) = torch.autograd.grad(total(), layer.weight)
    layer.weight.requires_grad_(False)
    for place in [(0, 0), (3, 50), (5, 191)]:
        ends = []
        for change in (1e-6, -2e-6):
            layer.weight[place] += change
            ends.append(float(total()))
        layer.weight[place] += 1e-6
        assert float(gradient[place]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)
    assert np.isfinite(gradient.numpy()).all()
