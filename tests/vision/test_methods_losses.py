"""What the losses of methods are, in closed form, at their limits and against other implementations."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.method import Labelled, Method, Step
from pipelines.supervised.methods import energy, group_dro, irm, last_layer_refit
from pipelines.vision import domain
from pipelines.vision.architecture import build
from pipelines.vision.data import Dataset
from pipelines.vision.methods import adversarial, mart, trades
from pipelines.vision.tensors import pixels
from pipelines.vision.training import training_data

PACKAGE = "pipelines.vision.methods"


def step_of(glyphs: Dataset, classifier: Classifier, method: str = "standard", progress: float = 0.5) -> Step:
    chosen: Method = parts.load(PACKAGE, method)
    data = chosen.prepare(training_data(glyphs.splits, chosen, 10, "cpu"), torch.Generator().manual_seed(1))
    images = pixels(data.inputs[:32])
    generator = torch.Generator().manual_seed(0)
    return Step(classifier, images, data.labels[:32], data.groups[:32], data, generator, progress)


def loss_of(step: Step, method: str, **options: object) -> float:
    loss: Tensor = parts.load(PACKAGE, method, options).loss(step)
    return float(loss.detach())


def smooth(glyphs: Dataset, method: str = "standard", progress: float = 1.0) -> Step:
    """A step of a model without batch norm: the attack and the step see the same function."""
    model = build(parts.load("pipelines.vision.models", "convnext", {"width": 4}), 10, 32, seed=0).train()
    return step_of(glyphs, model, method, progress)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("label_smoothing", {"smoothing": 0.0}),
        ("outlier_exposure", {"weight": 0.0}),
        ("energy", {"weight": 0.0}),
        ("noise", {"sigma": 1e-9}),
        ("mixup", {"alpha": 1e-9}),
        ("cutmix", {"share": 0.0}),
        ("trades", {"beta": 0.0}),
        ("adversarial", {"epsilon": 0.0}),
        ("fast_adversarial", {"epsilon": 0.0}),
        ("augmix", {"weight": 0.0}),
        ("random_convolution", {"share": 0.0}),
        ("irm", {"warm_up": 1.0}),
    ],
)
def test_losses_at_their_limits_are_the_standard_loss(method: str, options: dict[str, float], glyphs: Dataset) -> None:
    step = smooth(glyphs, method, progress=0.5)
    assert loss_of(step, method, **options) == pytest.approx(loss_of(step, "standard"), rel=1e-5)


def test_label_smoothing_is_the_mean_of_two_cross_entropies(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier)
    log_probabilities = step.model(step.inputs).detach().log_softmax(1)
    own = -log_probabilities[torch.arange(32), step.labels].mean()
    uniform = -log_probabilities.mean()
    assert loss_of(step, "label_smoothing", smoothing=0.3) == pytest.approx(float(0.7 * own + 0.3 * uniform), rel=1e-6)


@pytest.mark.parametrize("method", ["mixup", "cutmix"])
def test_the_shares_of_mixed_labels_add_to_one(method: str, glyphs: Dataset, classifier: Classifier) -> None:
    """A model that knows nothing has the loss log(10) on every mixture of labels."""
    backbone: Any = classifier.backbone
    nn.init.zeros_(backbone.get_classifier().weight)
    nn.init.zeros_(backbone.get_classifier().bias)
    step = step_of(glyphs, classifier)
    for _ in range(20):
        assert loss_of(step, method) == pytest.approx(np.log(10), rel=1e-6)


@pytest.mark.parametrize("method", ["adversarial", "fast_adversarial", "mart", "trades"])
def test_adversarial_methods_see_a_higher_loss(method: str, glyphs: Dataset) -> None:
    step = smooth(glyphs)
    assert loss_of(step, method, epsilon=0.1) > loss_of(step, "standard")
    assert step.model.training


def test_attacks_stay_within_their_radius_which_rises_with_the_training(glyphs: Dataset) -> None:
    for progress, reach in ((0.0, 0.0), (0.25, 0.05), (0.5, 0.1), (1.0, 0.1)):
        step = smooth(glyphs, progress=progress)
        by_loss = adversarial.attacked(step, 0.1, 1, 1.25, warm_up=0.5)
        by_divergence = trades.diverging(step, reach, 0.7 * reach, 2)
        for images in (by_loss, by_divergence):
            assert float((images - step.inputs).abs().max()) == pytest.approx(reach, abs=1e-6)
            assert float(images.min()) >= 0
            assert float(images.max()) <= 1


def test_attacks_start_anywhere_within_reach_and_move_by_the_step_size(glyphs: Dataset) -> None:
    """The radius is whole at once without a warm-up."""
    images = []
    for steps in (0, 1):
        step = smooth(glyphs, progress=0.0)
        step = replace(step, inputs=torch.full_like(step.inputs, 0.5))
        images.append(adversarial.attacked(step, 0.1, steps, 0.02, warm_up=0.0))
    start = images[0] - 0.5
    assert float(start.abs().max()) == pytest.approx(0.1, abs=1e-4)
    assert float(start.mean()) == pytest.approx(0, abs=2e-3)
    assert float(start.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)
    assert float((images[1] - images[0]).abs().max()) == pytest.approx(0.002, rel=1e-3)


def test_an_attack_on_the_divergence_raises_it(glyphs: Dataset) -> None:
    step = smooth(glyphs)
    clean = step.model(step.inputs).detach()
    near = step.inputs + 0.001 * step.normal(*step.inputs.shape)
    moved = trades.diverging(step, 0.1, 0.05, 3)
    before, after = (trades.divergence(clean, step.model(images).detach()).mean() for images in (near, moved))
    assert float(after) > 10 * float(before)


def test_the_divergence_is_zero_between_equals_and_positive_otherwise() -> None:
    one, other = torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(trades.divergence(one, one + 3), torch.zeros(6), atol=1e-6)
    expected = (one.softmax(1) * (one.softmax(1) / other.softmax(1)).log()).sum(1)
    assert torch.allclose(trades.divergence(one, other), expected, atol=1e-5)


def test_boosted_cross_entropy_is_two_binary_ones() -> None:
    logits = torch.randn(40, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40) % 10
    probabilities = logits.softmax(1)
    own = probabilities[torch.arange(40), labels]
    other = probabilities.masked_fill(torch.eye(10, dtype=torch.bool)[labels], 0).amax(1)
    expected = binary_cross_entropy(own, torch.ones(40)) + binary_cross_entropy(other, torch.zeros(40))
    assert float(mart.boosted(logits, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_energy_hinges_in_closed_form() -> None:
    """Logits z in one class and far below it in the others have the energy -z."""

    def logits(*energies: float) -> Tensor:
        return torch.tensor([[-energy, -1e4] for energy in energies])

    assert float(energy.hinges(logits(-9, -8), logits(-3, 0), -8, -3)) == 0
    assert float(energy.hinges(logits(-7, -8), logits(-3, 0), -8, -3)) == pytest.approx(0.5)
    assert float(energy.hinges(logits(-9, -8), logits(-5, 0), -8, -3)) == pytest.approx(2)
    with pytest.raises(ValueError, match=r"^'inside' is -3, not below 'outside', -3$"):
        parts.load(PACKAGE, "energy", {"inside": -3.0, "outside": -3.0})


def test_outliers_are_seen_in_the_last_part_of_energy_bounded_training(glyphs: Dataset) -> None:
    before, after = (smooth(glyphs, "energy", progress) for progress in (0.49, 0.5))
    assert loss_of(before, "energy") == loss_of(before, "standard")
    assert loss_of(after, "energy") > loss_of(after, "standard") + 0.1


def test_group_dro_s_weights_follow_the_worst_group() -> None:
    """Group losses 1, 2, 3 again and again: the weights are the softmax of step size x steps x loss."""
    shares, losses = torch.full((3,), 1 / 3), torch.tensor([1.0, 2.0, 3.0])
    for _ in range(200):
        shares = group_dro.risen(shares, losses, 0.01)
    assert torch.allclose(shares, (200 * 0.01 * losses).softmax(0), atol=1e-5)
    for _ in range(2000):
        shares = group_dro.risen(shares, losses, 0.01)
    assert float(shares[2]) > 0.99


def test_group_dro_keeps_its_weights_from_step_to_step(glyphs: Dataset, classifier: Classifier) -> None:
    """The loss is the weighted sum of the groups' mean losses, the weights those after this step's rise."""
    step = step_of(glyphs, classifier, "group_dro")
    losses = cross_entropy(step.model(step.inputs), step.labels, reduction="none").detach()
    means = torch.stack(
        [
            losses[step.groups == group].mean() if (step.groups == group).any() else torch.tensor(0.0)
            for group in range(20)
        ]
    )
    for steps in (1, 2):
        expected = (0.5 * steps * means).softmax(0) @ means
        assert loss_of(step, "group_dro", step_size=0.5) == pytest.approx(float(expected), rel=1e-5)


def test_the_penalty_is_the_squared_derivative_by_a_factor_of_the_logits() -> None:
    logits = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(30) % 4
    factor = torch.ones(1, requires_grad=True)
    (slope,) = torch.autograd.grad(cross_entropy(factor * logits, labels), factor)
    assert float(irm.penalty(logits, labels)) == pytest.approx(float(slope) ** 2, rel=1e-4)


def test_the_penalty_is_zero_for_an_invariant_predictor() -> None:
    """It predicts the true probabilities, the same in both environments; that of one of them it does not suit."""
    labels = torch.tensor([0] * 3 + [1])
    invariant = torch.tensor([0.75, 0.25]).log().expand(4, 2)
    assert float(irm.penalty(invariant, labels)) == pytest.approx(0, abs=1e-12)
    assert float(irm.penalty(invariant, 1 - labels)) > 0.1


def test_invariant_risk_minimisation_weighs_both_environments_alike(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier, "irm", progress=0.9)
    logits = step.model(step.inputs).detach()
    by_environment = [(logits[rows], step.labels[rows]) for rows in (step.groups % 2 == 0, step.groups % 2 == 1)]
    risks = [float(cross_entropy(*each)) for each in by_environment]
    penalties = [float(irm.penalty(*each)) for each in by_environment]
    expected = (np.mean(risks) + 4 * np.mean(penalties)) / 4
    assert loss_of(step, "irm", weight=4.0, warm_up=0.5) == pytest.approx(expected, rel=1e-5)


def test_the_last_layer_is_the_weighted_logistic_regression(glyphs: Dataset, classifier: Classifier) -> None:
    """scikit-learn's penalises squared weights against a sum of losses: C = 1 / (penalty x sum of weights)."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=200)
    features = generator.normal(size=(200, 4)) + np.eye(4)[labels]
    groups = 2 * labels + (generator.random(200) < 0.1)
    shares = last_layer_refit.balanced(torch.from_numpy(groups))
    assert torch.allclose(
        torch.zeros(6).double().index_add(0, torch.from_numpy(groups), shares), torch.tensor(1 / 6).double()
    )
    weights, bias = last_layer_refit.logistic_regression(
        torch.from_numpy(features), torch.from_numpy(labels), shares, 3, penalty=0.1
    )
    reference = LogisticRegression(C=10, tol=1e-10, max_iter=10_000).fit(features, labels, sample_weight=shares.numpy())
    assert np.allclose(weights.numpy(), reference.coef_, atol=1e-4)
    assert np.allclose(bias - bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=1e-4)


def test_refitting_keeps_the_features_and_lowers_the_balanced_loss(glyphs: Dataset, classifier: Classifier) -> None:
    data = training_data(glyphs.splits, parts.load(PACKAGE, "last_layer_refit"), 10, "cpu")
    images, shares = pixels(data.inputs), last_layer_refit.balanced(data.groups).float()

    def loss() -> float:
        return float(shares @ cross_entropy(classifier(images), data.labels, reduction="none").detach())

    before, features = loss(), classifier.features(images).detach()
    last_layer_refit.refitted(0.01, classifier, data, torch.Generator())
    assert torch.equal(classifier.features(images), features)
    assert loss() < 0.8 * before


def test_groups_are_asked_for_by_methods_that_need_them() -> None:
    needing = [
        name
        for name in parts.names(PACKAGE)
        if domain.needs_groups({"use": name, "options": parts.full_options(PACKAGE, name)})
    ]
    assert {"group_dro", "irm", "last_layer_refit"} <= set(needing)
    assert "standard" not in needing


def test_outliers_are_drawn_from_the_split_that_was_asked_for(glyphs: Dataset, classifier: Classifier) -> None:
    step = step_of(glyphs, classifier, "outlier_exposure")
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(5, 3, 32, 32)
    none = torch.full((5,), -1)
    marked = replace(step, data=replace(step.data, beside={"training_outliers": Labelled(red, none, none)}))
    assert torch.equal(marked.outliers(7), pixels(red[:1].repeat(7, 1, 1, 1)))


@pytest.mark.parametrize(("ratio", "count"), [(0.5, 16), (2.0, 64), (0.001, 1)])
def test_outliers_are_as_many_for_each_image_as_asked_for(
    ratio: float, count: int, glyphs: Dataset, classifier: Classifier
) -> None:
    seen: list[int] = []
    classifier.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    loss_of(step_of(glyphs, classifier, "outlier_exposure"), "outlier_exposure", ratio=ratio)
    assert seen == [32 + count]
    method: Method = parts.load(PACKAGE, "outlier_exposure", {"ratio": ratio})
    assert method.cost == pytest.approx(1 + 0.6 * ratio)
