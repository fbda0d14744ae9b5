"""Methods that act on the weights or on several models: their limits are methods that are known."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.draws import seed_for
from pipelines.supervised.methods import _dropout as dropout
from pipelines.supervised.methods import sam, temperature_scaling, weight_averaging
from pipelines.supervised.methods._averaging import mean_of_members
from pipelines.supervised.methods._perturbed import moved, still_statistics
from pipelines.supervised.methods.deep_ensemble import ensemble
from pipelines.vision import running
from pipelines.vision.architecture import build
from pipelines.vision.data import Dataset
from pipelines.vision.methods import awp
from pipelines.vision.tensors import channels_first, pixels
from pipelines.vision.training import training_data
from tests.vision.test_methods import PACKAGE, same, spec
from tests.vision.test_methods_losses import step_of


def weights_of(method: str, glyphs: Dataset, **options: Any) -> Mapping[str, NDArray[np.generic]]:
    (trained,) = running.train(spec(method, **options), glyphs.splits, "cpu")
    return trained.weights


@pytest.mark.parametrize(
    ("method", "options", "limit"),
    [
        ("sam", {"rho": 0.0}, "standard"),
        ("awp", {"gamma": 0.0}, "adversarial"),
        ("weight_decay", {"decay": 5e-4}, "standard"),
        ("irm", {"warm_up": 1.0}, "standard"),
        ("cutmix", {"share": 0.0}, "standard"),
        ("dropout", {"rate": 0.0}, "standard"),
        ("mc_dropout", {"rate": 0.0}, "standard"),
        ("deep_ensemble", {"members": 1}, "standard"),
        ("energy", {"start": 1.0}, "standard"),
    ],
)
def test_a_method_at_its_limit_gives_the_bytes_of_another(
    method: str, options: dict[str, float], limit: str, glyphs: Dataset
) -> None:
    made, known = weights_of(method, glyphs, **options), weights_of(limit, glyphs)
    if method == "deep_ensemble":
        made = {name.removeprefix("0."): value for name, value in made.items()}
    if "dropout" in method:  # the forward pass rounds the mean over its one member
        assert all(np.allclose(made[name], known[name], atol=1e-3) for name in known)
    else:
        assert same(made, known)


def test_the_first_member_is_the_standard_model_and_the_others_are_not(glyphs: Dataset) -> None:
    made, standard = weights_of("deep_ensemble", glyphs, members=3), weights_of("standard", glyphs)
    members = [{name: made[f"{number}.{name}"] for name in standard} for number in range(3)]
    assert same(members[0], standard)
    assert not same(members[1], standard)
    assert not same(members[1], members[2])


def test_an_ensemble_has_the_mean_of_its_members_probabilities(glyphs: Dataset) -> None:
    images = pixels(channels_first(glyphs.splits["test"].images[:8]))
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    model = ensemble(3, partial(build, architecture, 10, 32), 0).eval()
    alone = [build(architecture, 10, 32, seed).eval() for seed in (0, seed_for(0, "member/1"), seed_for(0, "member/2"))]
    logits = torch.stack([member(images) for member in alone])
    assert torch.equal(model.member_logits(images), logits)
    assert torch.allclose(model(images).softmax(1), logits.softmax(2).mean(0), atol=1e-6)
    assert torch.equal(model.features(images), torch.cat([member.features(images) for member in alone], 1))


def test_the_mean_of_members_keeps_confidence_and_energy() -> None:
    logits = 5 * torch.randn(4, 6, 10, generator=torch.Generator().manual_seed(0))
    mean = mean_of_members(logits)
    assert torch.allclose(mean.softmax(1), logits.softmax(2).mean(0), atol=1e-6)
    assert torch.allclose(mean.logsumexp(1), logits.logsumexp(2).mean(0), atol=1e-5)
    assert torch.allclose(mean_of_members(logits[:1]), logits[0], atol=1e-5)


def test_dropout_masks_are_fixed_in_evaluation_and_random_in_training(glyphs: Dataset) -> None:
    images = pixels(channels_first(glyphs.splits["test"].images[:8]))
    architecture = parts.load("pipelines.vision.models", "convnext", {"width": 4})
    fresh = partial(build, architecture, 10, 32)
    model, plain = (dropout.dropping(0.3, masks, fresh, 0).eval() for masks in (6, 0))
    members = model.member_logits(images)
    assert members.shape == (6, 8, 10)
    assert len({member.detach().numpy().tobytes() for member in members}) == 6
    assert torch.equal(members, model.member_logits(images))
    assert torch.allclose(model(images[:1]), model(images)[:1], atol=1e-5)
    assert torch.allclose(plain(images), build(architecture, 10, 32, 0).eval()(images), atol=1e-5)
    model.train()
    assert not torch.equal(model(images), model(images))


def test_a_mask_drops_its_share_and_keeps_the_mean() -> None:
    mask = dropout.mask((40, 50, 50), 0.2, "0/0")
    assert float((mask == 0).float().mean()) == pytest.approx(0.2, abs=0.005)
    assert float(mask.mean()) == pytest.approx(1, abs=0.01)


def test_the_temperature_moves_no_prediction_and_lowers_the_validation_loss(
    glyphs: Dataset, classifier: Classifier
) -> None:
    """On a confident model that is right on four images of five."""
    backbone: Any = classifier.backbone
    with torch.no_grad():
        backbone.get_classifier().weight.mul_(4000)
    data = training_data(glyphs.splits, parts.load(PACKAGE, "temperature_scaling"), 10, "cpu")
    images = pixels(data.beside["validation"].inputs)
    before = classifier(images).detach()
    labels = (before.argmax(1) + (torch.arange(len(images)) % 5 == 0)) % 10
    known = replace(data, beside={"validation": replace(data.beside["validation"], labels=labels)})
    after = temperature_scaling.scaled(classifier, known, torch.Generator())(images).detach()
    assert torch.equal(after.argmax(1), before.argmax(1))
    assert float(cross_entropy(after, labels)) < float(cross_entropy(before, labels)) - 0.1
    ratio = before / after
    assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-3)
    again = temperature_scaling.scaled(classifier, known, torch.Generator())(images).detach()
    assert torch.allclose(again, after, rtol=1e-2)


def test_the_mean_of_constant_weights_is_the_constant_and_of_others_their_mean() -> None:
    memory: dict[str, Any] = {}
    constant = [nn.Parameter(torch.randn(5, generator=torch.Generator().manual_seed(0)))]
    for _ in range(7):
        weight_averaging.include(memory, constant)
    assert torch.equal(memory["mean"][0], constant[0])
    memory = {}
    values = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    for value in values:
        weight_averaging.include(memory, [nn.Parameter(value)])
    assert torch.allclose(memory["mean"][0], values.mean(0), atol=1e-6)


def test_averaged_weights_get_statistics_of_their_own(glyphs: Dataset, classifier: Classifier) -> None:
    """In training mode and in evaluation the model then says nearly the same of the training images."""
    data = training_data(glyphs.splits, parts.load(PACKAGE, "standard"), 10, "cpu")
    images = pixels(data.inputs)
    weight_averaging.averaged(classifier, data, torch.Generator())
    assert not classifier.training
    evaluated = classifier(images).detach()
    assert torch.allclose(evaluated, classifier.train()(images).detach(), atol=0.1 * float(evaluated.abs().max()))


def test_moved_weights_come_back_exactly() -> None:
    weights = [torch.rand(100, generator=torch.Generator().manual_seed(0))]
    before = weights[0].clone()
    with moved(weights, [torch.full((100,), 1e-3)]):
        assert torch.equal(weights[0], before + 1e-3)
    assert torch.equal(weights[0], before)


def test_still_statistics_normalise_by_the_batch_and_keep_nothing_of_it(
    glyphs: Dataset, classifier: Classifier
) -> None:
    images = pixels(channels_first(glyphs.splits["test"].images[:8]))
    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.train()
    with still_statistics(classifier):
        still = classifier(images)
    assert all(torch.equal(value, state[name]) for name, value in classifier.state_dict().items())
    assert torch.equal(classifier(images), still)
    assert any(not torch.equal(value, state[name]) for name, value in classifier.state_dict().items())


def test_sam_takes_the_gradient_at_distance_rho_up_the_slope(glyphs: Dataset) -> None:
    """On the loss w^2/2 the gradient is w, and at the worst point nearby w (1 + rho / |w|)."""

    class Bowl(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([3.0, 4.0]))

    model: Any = Bowl()
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)

    def loss(step: Any) -> torch.Tensor:
        half_of_square: torch.Tensor = step.model.weight.square().sum() / 2
        return half_of_square

    sam.update(0.5, step_of(glyphs, model), loss, optimiser)
    assert torch.allclose(model.weight, torch.tensor([3.0, 4.0]) * -0.1, atol=1e-6)


def test_awp_takes_the_gradient_with_each_layer_moved_by_a_share_of_itself_and_biases_where_they_are(
    glyphs: Dataset,
) -> None:
    """On the loss w^2/2 of a matrix and a vector: at the matrix 1 + gamma times as large, at the vector itself."""

    class Bowl(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.tensor([[3.0, 4.0]])), nn.Parameter(torch.tensor([2.0]))
            self.unused = nn.Parameter(torch.tensor([[1.0]]))

    model: Any = Bowl()
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)

    def loss(step: Any) -> torch.Tensor:
        half_of_squares: torch.Tensor = (step.model.weight.square().sum() + step.model.bias.square().sum()) / 2
        return half_of_squares

    value = awp.update(0.2, lambda step: step, step_of(glyphs, model), loss, optimiser)
    assert value.item() == pytest.approx((9 + 16 + 4) / 2)
    assert torch.allclose(model.weight, torch.tensor([[3.0, 4.0]]) * -0.2, atol=1e-6)
    assert torch.allclose(model.bias, torch.zeros(1), atol=1e-6)
    assert torch.equal(model.unused, torch.tensor([[1.0]]))
