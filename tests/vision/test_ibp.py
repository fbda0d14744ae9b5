"""Training on interval bounds: its schedule, its limits, its cost and what it is for."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.supervised.method import Step
from pipelines.supervised.training import Trained
from pipelines.vision.architecture import ImageClassifier, build
from pipelines.vision.bounds.interval import Unbounded, box_around, chain_of, holds, margins
from pipelines.vision.data import Dataset
from pipelines.vision.methods import ibp
from pipelines.vision.tensors import channels_first, pixels
from pipelines.vision.training import budget, train, training_data


def step_at(progress: float, glyphs: Dataset, family: str = "cnn") -> Step:
    model = build(parts.load("pipelines.vision.models", family, {"width": 4}), 10, 32, seed=0)
    data = training_data(glyphs.splits, ibp.method(), 10, "cpu")
    generator = torch.Generator().manual_seed(0)
    return Step(model, pixels(data.inputs[:32]), data.labels[:32], data.groups[:32], data, generator, progress)


def loss_at(progress: float, glyphs: Dataset, **options: float) -> float:
    return float(ibp.method(**options).loss(step_at(progress, glyphs)).detach())


def trained(glyphs: Dataset, method: str, family: str = "mlp", epochs: int = 1, **options: object) -> Trained:
    architecture = parts.load("pipelines.vision.models", family, {"width": 16})
    made = parts.load("pipelines.vision.methods", method, options)
    (found,) = train(architecture, made, glyphs.splits, 10, budget(epochs=epochs, batch_size=20), 0)
    return found


def test_it_begins_as_standard_training_and_ends_on_the_worst_logits_of_the_whole_box(glyphs: Dataset) -> None:
    step = step_at(0.0, glyphs)
    with torch.no_grad():
        clean = float(cross_entropy(step.model(step.inputs), step.labels))
        worst = {
            epsilon: float(
                cross_entropy(
                    -margins(chain_of(step.model), box_around(step.inputs, epsilon), step.labels), step.labels
                )
            )
            for epsilon in (0.005, 0.01)
        }
    options = {"epsilon": 0.01, "kappa": 0.5, "warm_up": 0.2, "ramp": 0.8}
    assert loss_at(0.1, glyphs, **options) == pytest.approx(clean, rel=1e-5)
    assert loss_at(0.5, glyphs, **options) == pytest.approx(0.75 * clean + 0.25 * worst[0.005], rel=1e-4)
    for progress in (0.8, 1.0):
        assert loss_at(progress, glyphs, **options) == pytest.approx((clean + worst[0.01]) / 2, rel=1e-5)
    assert loss_at(1.0, glyphs, **{**options, "kappa": 0.0}) == pytest.approx(worst[0.01], rel=1e-5)
    assert loss_at(1.0, glyphs, **{**options, "kappa": 1.0}) == pytest.approx(clean, rel=1e-5)
    assert loss_at(1.0, glyphs, **{**options, "epsilon": 0.0}) == pytest.approx(clean, rel=1e-3)


def test_the_worst_logits_are_worse_than_any_attacks(glyphs: Dataset) -> None:
    step, epsilon = step_at(1.0, glyphs), 0.01
    generator = torch.Generator().manual_seed(0)
    corners = [(2 * torch.rand(step.inputs.shape, generator=generator) - 1).sign() for _ in range(20)]
    with torch.no_grad():
        logits = [step.model((step.inputs + epsilon * corner).clamp(0, 1)) for corner in corners]
    most = max(float(cross_entropy(found, step.labels)) for found in logits)
    assert loss_at(1.0, glyphs, epsilon=epsilon, kappa=0.0) > most


def test_it_verifies_what_standard_training_does_not(glyphs: Dataset) -> None:
    split = glyphs.splits["train"]
    images, labels = pixels(channels_first(split.images)), torch.from_numpy(split.labels)
    verified = []
    methods: dict[str, dict[str, Any]] = {"standard": {}, "ibp": {"epsilon": 0.012}}
    for method, options in methods.items():
        model = ImageClassifier(parts.load("pipelines.vision.models", "mlp", {"width": 16})(10, 32)).requires_grad_(
            False
        )
        found = trained(glyphs, method, epochs=30, **options)
        model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in found.weights.items()})
        box = box_around(images, 0.01)
        verified.append(float(holds(margins(chain_of(model), box, labels), labels).float().mean()))
    assert verified[1] > verified[0] + 0.1


def test_a_step_costs_three_of_standard(glyphs: Dataset) -> None:
    """The layers on the image, on the centre of the box and on its radius."""
    ratio = trained(glyphs, "ibp", "cnn").flops / trained(glyphs, "standard", "cnn").flops
    assert ratio == pytest.approx(ibp.method().cost, rel=0.01)


@pytest.mark.parametrize("family", ["resnet", "convnext"])
def test_other_families_are_refused_by_name(family: str, glyphs: Dataset) -> None:
    with pytest.raises(Unbounded, match=r"^bounds can be followed through single models of the families cnn and mlp"):
        ibp.method().loss(step_at(0.0, glyphs, family))


def test_a_ramp_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^'ramp' is 0.2, not above 'warm_up', 0.5$"):
        ibp.method(warm_up=0.5, ramp=0.2)
