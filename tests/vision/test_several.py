"""Models that are looked at together are looked at as each one alone, up to the last bits of sums and what is drawn for
all of them.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.methods import _dropout
from pipelines.supervised.several import OfEach, Several, Stacked, place_in_group
from pipelines.vision.architecture import build
from pipelines.vision.attacks import worst_logits
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._latents import worst_latents
from pipelines.vision.attacks._losses import margins
from pipelines.vision.attacks._watch import Model, gradients_of, part
from pipelines.vision.attacks._worst import Worst
from pipelines.vision.attacks.apgd import apgd
from pipelines.vision.attacks.fog import fog
from pipelines.vision.attacks.square import square
from pipelines.vision.attacks.validity import SAMPLE, sample_of
from pipelines.vision.condition import Condition, logits_of, rows_of_all
from pipelines.vision.data import Dataset
from pipelines.vision.training import budget, train
from tests.slow import fast_are

SIZE, CLASSES = 32, 5
FAMILIES = {"resnet": 4, "convnext": 4, "vit": 8, "cnn": 4, "mlp": 8}


def model_of(family: str, seed: int, dtype: torch.dtype = torch.float64) -> Classifier:
    architecture = parts.load("pipelines.vision.models", family, {"width": FAMILIES[family]})
    return build(architecture, CLASSES, SIZE, seed=seed).to(dtype).eval()


def images_of(count: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)).to(dtype)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("groups", [[], [0], [2, 0, 2, 1, 0, 2], [1, 1, 1]])
def test_a_row_is_placed_behind_those_of_its_group(groups: list[int]) -> None:
    expected = [groups[:row].count(group) for row, group in enumerate(groups)]
    assert place_in_group(torch.tensor(groups, dtype=torch.int64)).tolist() == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_goes_through_its_own_model_and_its_gradient_comes_back(family: str) -> None:
    """Rows in any order, some models with more of them than others, one with none."""
    models = [model_of(family, seed) for seed in range(4)]
    of, images = torch.tensor([3, 0, 0, 3, 1, 0, 3]), images_of(7)
    several = Several(Stacked(models), of)
    logits, losses, gradients = gradients_of(several, images, lambda logits: logits.logsumexp(1))
    for row, model in enumerate(of.tolist()):
        alone = gradients_of(models[model], images[row : row + 1], lambda logits: logits.logsumexp(1))
        for found, expected in zip((logits, losses, gradients), alone, strict=True):
            torch.testing.assert_close(found[row : row + 1], expected)
    fewer = part(several, torch.tensor([6, 1]))
    torch.testing.assert_close(fewer(images[[6, 1]]), logits[[6, 1]])


def test_all_go_through_every_model_and_the_models_stay_as_they_are() -> None:
    models = [model_of("resnet", seed) for seed in range(3)]
    before = [deepcopy(model.state_dict()) for model in models]
    images = images_of(6)
    for function in ("forward", "features"):
        found = Stacked(models, function).all_of(images)
        torch.testing.assert_close(found, torch.stack([getattr(model, function)(images) for model in models]))
    for model, state in zip(models, before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
        assert all(weights.requires_grad and weights.grad is None for weights in model.parameters())


Search = Callable[[Model, Tensor, Tensor, Tensor], Tensor]  # model, images, labels, starts -> points or logits


def by_apgd(model: Model, images: Tensor, labels: Tensor, start: Tensor) -> Tensor:
    worst = Worst(model, images, labels)
    rows = torch.arange(len(labels))
    found = apgd(model, images, labels, start, Ball("l2", 0.4), steps=8, watch=worst.watch(rows, 0.0))
    worst.offer(rows, found)
    return worst.logits


def by_square(model: Model, images: Tensor, labels: Tensor, start: Tensor) -> Tensor:
    worst = Worst(model, images, labels)
    watch, ball = worst.watch(torch.arange(len(labels)), 0.0), Ball("linf", 0.05)
    found = square(model, images, labels, ball, queries=12, generator=generator(), watch=watch)
    worst.offer(torch.arange(len(labels)), found)
    return worst.logits


def by_pgd(model: Model, images: Tensor, labels: Tensor, start: Tensor) -> Tensor:
    return worst_logits(model, images, labels, start, 0.03, 0.01, 5)


def by_fog(model: Model, images: Tensor, labels: Tensor, start: Tensor) -> Tensor:
    worst, corruption = Worst(model, images, labels), fog(0.3)
    latents = corruption.start(1, SIZE, generator())[0].expand(len(labels), *corruption.latents(SIZE))
    watch = worst.watch(torch.arange(len(labels)), 0.0)
    found = worst_latents(model, images, labels, latents, corruption, steps=3, watch=watch)
    worst.offer(torch.arange(len(labels)), found)
    return worst.logits


@pytest.mark.parametrize("search", [by_apgd, by_square, by_pgd, by_fog])
def test_an_attack_on_several_is_the_attack_on_each(search: Search) -> None:
    """From the same starts, though images drop out at different steps for different models; in double precision where
    the attack can be."""
    dtype = torch.float32 if search in (by_square, by_fog) else torch.float64
    models = [model_of("resnet", seed, dtype) for seed in range(3)]
    images, start = images_of(20, dtype=dtype), 0.01 * images_of(20, seed=1, dtype=dtype)
    labels = torch.stack([model(images).argmax(1) for model in models])
    labels[1, :5] = (labels[1, :5] + 1) % CLASSES  # wrong from the first
    alone = [search(model, images, truth, start) for model, truth in zip(models, labels, strict=True)]
    of = torch.arange(3).repeat(20)
    every = [each.repeat_interleave(3, dim=0) for each in (images, start)]
    together = search(Several(Stacked(models), of), every[0], labels.T.flatten(), every[1])
    for number, expected in enumerate(alone):
        torch.testing.assert_close(together[number::3], expected, rtol=1e-5, atol=1e-6)
    fell = [int((margins(logits, truth) < 0).sum()) for logits, truth in zip(alone, labels, strict=True)]
    assert len(set(fell)) > 1


def test_the_sample_of_the_gates_has_so_many_of_every_model() -> None:
    of = torch.arange(3).repeat(200)[: 2 * SAMPLE + 50]
    rows = sample_of(of, generator())
    assert len(rows.unique()) == len(rows)
    assert torch.bincount(of[rows]).tolist() == [min(SAMPLE, int((of == model).sum())) for model in range(3)]
    alone = sample_of(torch.zeros(150, dtype=torch.int64), generator())
    assert torch.equal(alone, torch.randperm(150, generator=generator())[:SAMPLE])


@pytest.mark.parametrize("method", ["mc_dropout", "deep_ensemble"])
def test_models_that_average_several_passes_are_stacked_too(method: str) -> None:
    """Masks are the same for all models, also where they are first drawn for several."""
    chosen = parts.load("pipelines.vision.methods", method)
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    models = [chosen.build(partial(build, architecture, CLASSES, SIZE), seed).eval() for seed in range(2)]
    _dropout.mask.cache_clear()
    images = images_of(3, dtype=torch.float32)
    found = Stacked(models).all_of(images)
    torch.testing.assert_close(found, torch.stack([model(images) for model in models]), rtol=1e-4, atol=1e-5)
    members = rows_of_all(models, "member_logits", axis=1)(images)
    expected = torch.stack([model.member_logits(images) for model in models])  # [models, members, images, classes]
    torch.testing.assert_close(members, expected.permute(2, 0, 1, 3), rtol=1e-4, atol=1e-5)


def test_models_without_rows_take_no_part_in_a_pass() -> None:
    several = Several(Stacked([model_of("resnet", seed) for seed in range(3)]), torch.tensor([2, 2, 0]))
    assert several.models.tolist() == [0, 2]
    with patch.object(several.stacked, "_pass", wraps=several.stacked._pass) as passed:
        several(images_of(3))
    (weights, inputs, _), _ = passed.call_args
    assert inputs.shape[:2] == (2, 2)
    assert {len(value) for value in weights.values()} == {2}


@pytest.fixture(scope="module")
def trained(glyphs: Dataset) -> list[Classifier]:
    """Three models of one architecture, the last of which masks its gradients."""
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    models = []
    for seed, name in enumerate(("standard", "standard", "masked")):
        method = parts.load("pipelines.vision.methods", name)
        (end,) = train(architecture, method, glyphs.splits, 10, budget(epochs=12, batch_size=20), seed=seed)
        model = build(architecture, 10, glyphs.size, seed=0)
        model.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in end.weights.items()})
        models.append(model.eval())
    return models


def outcomes_of(
    name: str, options: dict[str, object], glyphs: Dataset, models: Sequence[Classifier]
) -> tuple[list[Outcomes], list[Outcomes]]:
    """Of the models together, and of each alone."""
    condition: Condition = parts.load("pipelines.vision.conditions", name, options)
    assert isinstance(condition.outcomes, OfEach)
    examples = condition.examples(glyphs, np.random.default_rng(0))
    together = condition.outcomes.each(models, examples, generator())
    return together, [condition.outcomes(model, examples, generator()) for model in models]


LOOKING: dict[str, dict[str, object]] = {
    "clean": {},
    "corruptions": {"images": 4, "clean": True},
    "outliers": {"kind": "near", "features": True},
    "reference": {"images": 30},
    "linear_probe": {},
    "cue_swap": {},
    "perturbations": {"images": 3},
    "held_out_fonts": {},
    "spurious": {},
    "members": {"images": 4},
    "uncertainty": {"features": True},
    "smoothing": {"images": 6, "selection": 10, "samples": 300},
}


@pytest.mark.parametrize("name", LOOKING)
def test_what_is_only_looked_at_is_the_same_for_each(name: str, glyphs: Dataset, trained: list[Classifier]) -> None:
    for one, other in zip(*outcomes_of(name, LOOKING[name], glyphs, trained), strict=True):
        rounding = 1e-5 * np.abs(other.logits).max()
        np.testing.assert_allclose(one.logits, other.logits, atol=rounding)
        assert (one.flags, one.part_names) == (other.flags, other.part_names)
        for field in ("labels", "examples", "groups", "parts"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        assert (one.features is None) == (other.features is None)
        if one.features is not None and other.features is not None:
            np.testing.assert_allclose(one.features, other.features, rtol=1e-4, atol=1e-4)
        assert sorted(one.values) == sorted(other.values)
        for value, expected in other.values.items():
            # a share, whose relative error is the absolute one of the differences between logits
            np.testing.assert_allclose(one.values[value], expected, rtol=max(1e-4, 2 * rounding), atol=1e-5)


ATTACKING: dict[str, dict[str, object]] = {
    "pgd": {"epsilon": 0.02},
    "attack_ensemble": {"epsilon": 0.01, "square_queries": 20, "steps": 10},
    "robustness_curve": {"levels": [1, 4], "images": 60, "square_queries": 10, "steps": 6},
    "unforeseen": {"images": 20, "steps": 4},
}


@pytest.mark.parametrize("name", fast_are(["attack_ensemble", "pgd"], ATTACKING))
def test_attacks_at_once_break_as_much_and_each_gate_is_of_its_model(
    name: str, glyphs: Dataset, trained: list[Classifier]
) -> None:
    """From other random starts: robust accuracy within .1. The model that masks its gradients is the one found out."""
    together, alone = outcomes_of(name, ATTACKING[name], glyphs, trained)
    for one, other in zip(together, alone, strict=True):
        right, expected = (found.logits.argmax(1) == found.labels for found in (one, other))
        assert right.mean() == pytest.approx(expected.mean(), abs=0.1)
        np.testing.assert_array_equal(one.examples, other.examples)
    condition: Condition = parts.load("pipelines.vision.conditions", name, ATTACKING[name])
    images = condition.examples(glyphs, np.random.default_rng(0)).split.images
    for one, model in zip(together, trained, strict=True):  # what a model has wrong already is left as it is
        own = np.tile(logits_of(model, images), (len(one.logits) // len(images), 1))
        wrong = own.argmax(1) != one.labels
        assert 0 < wrong.sum() < len(wrong)
        np.testing.assert_allclose(one.logits[wrong], own[wrong], atol=1e-5 * np.abs(own).max())
    assert ("gradient-masking" in together[2].flags) == ("gradient-masking" in alone[2].flags) == (name != "unforeseen")
    assert together[0].flags == together[1].flags == ()
    again, _ = outcomes_of(name, ATTACKING[name], glyphs, trained)
    assert all(np.array_equal(one.logits, other.logits) for one, other in zip(again, together, strict=True))
