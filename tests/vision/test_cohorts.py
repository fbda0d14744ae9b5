"""Runs trained at once are the runs trained one by one, up to the last bits of sums and what is drawn for all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from pipelines import parts
from pipelines.supervised.running import Running
from pipelines.supervised.training import Diverged, Trained
from pipelines.vision import architecture, cohorts, domain, running
from pipelines.vision.data import Dataset, Split
from tests.slow import fast_are

TRAINING = {"epochs": 3, "batch_size": 32, "learning_rate": 0.004}
ALIKE = (
    "standard", "placebo", "label_smoothing", "weight_decay", "wider", "more_data", "deep_ensemble",
    "temperature_scaling", "masked",
)  # fmt: skip
DRAWING = (
    "noise", "outlier_exposure", "dropout", "energy", "mixup", "adversarial", "fast_adversarial", "trades", "mart",
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Dataset:
    torch.set_num_threads(1)
    options = {"train": 160, "validation": 60, "test": 100, "more_train": 160, "training_outliers": 100}
    return domain.dataset({"use": "glyphs", "options": options})


def spec(data: Dataset, method: str, model: str = "resnet", **training: Any) -> dict[str, Any]:
    """Of a run, without its seed."""
    width = 16 if model == "vit" else 4
    return {
        "model": {"use": model, "options": parts.full_options("pipelines.vision.models", model, {"width": width})},
        "method": {"use": method, "options": parts.full_options("pipelines.vision.methods", method, {})},
        "training": {**TRAINING, **training},
        "data": {"classes": 10, "size": data.size},
        "sibling": None,
    }


def alone(run: dict[str, Any], data: Dataset, seeds: Sequence[int], steps: Sequence[int] = ()) -> list[list[Trained]]:
    return [running.train({**run, "seed": seed}, data.splits, "cpu", steps) for seed in seeds]


def together(run: dict[str, Any], data: Dataset, seeds: Sequence[int], steps: Sequence[int] = ()) -> list[Any]:
    return cohorts.train({**run, "cohort": {"seeds": list(seeds), "options": {}}}, data.splits, "cpu", steps)


def distance(one: Trained, other: Trained) -> float:
    """The largest difference between two models' weights."""
    assert {name: (array.shape, array.dtype) for name, array in one.weights.items()} == {
        name: (array.shape, array.dtype) for name, array in other.weights.items()
    }
    return max(float(np.abs(np.subtract(one.weights[name], other.weights[name])).max()) for name in one.weights)


@pytest.mark.parametrize("method", fast_are(["standard", "more_data"], ALIKE))
def test_a_cohort_is_its_runs(data: Dataset, method: str) -> None:
    """At every checkpoint: weights, running statistics, FLOPs, steps and loss. Other seeds are further away."""
    run = spec(data, method)
    singly, at_once = (train(run, data, (3, 1, 4), (2, 7)) for train in (alone, together))
    for one, other in zip(singly, at_once, strict=True):
        assert [(each.steps, each.flops) for each in other] == [(each.steps, each.flops) for each in one]
        assert [each.loss for each in other] == pytest.approx([each.loss for each in one], rel=1e-3)
        assert distance(one[0], other[0]) < 1e-4
    assert distance(at_once[0][-1], singly[0][-1]) < 0.01 < 0.1 < distance(at_once[0][-1], at_once[1][-1])


@pytest.mark.parametrize(
    ("condition", "options", "method"),
    [("few_examples", {"share": 0.5}, "more_data"), ("trojan", {"rate": 0.3, "share": 0.5}, "standard")],
)
def test_second_models_learn_each_from_its_own_images(
    data: Dataset, condition: str, options: dict[str, float], method: str
) -> None:
    """Which images a second model learns from, and which of them are poisoned, hangs on its seed."""
    full = parts.full_options("pipelines.vision.conditions", condition, options)
    run = {**spec(data, method), "sibling": {"use": condition, "options": full}}
    singly, at_once = (train(run, data, (3, 1)) for train in (alone, together))
    for one, other in zip(singly, at_once, strict=True):
        assert (other[-1].steps, other[-1].flops) == (one[-1].steps, one[-1].flops)
        assert other[-1].loss == pytest.approx(one[-1].loss, rel=1e-3)
        assert distance(one[-1], other[-1]) < 0.01
    assert singly[0][-1].steps < alone(spec(data, method), data, (3,))[0][-1].steps


@pytest.mark.parametrize("model", ["convnext", "vit", "cnn", "mlp"])
def test_every_family_can_be_trained_at_once(data: Dataset, model: str) -> None:
    run = spec(data, "standard", model)
    (one,), (other,) = (train(run, data, (0,)) for train in (alone, together))
    assert cohorts.trains_together(run["method"], {}, run["model"], run["training"], run["data"])
    assert other[-1].loss == pytest.approx(one[-1].loss, rel=1e-3)


@pytest.mark.parametrize("method", fast_are(["noise"], DRAWING))
def test_what_draws_gives_runs_that_are_distributed_alike(data: Dataset, method: str) -> None:
    """Losses of 12 runs at once and of 12 others one by one: of the same distribution, and no two the same."""
    run = spec(data, method)
    (one, other) = (
        [models[-1].loss for models in train(run, data, seeds)]
        for train, seeds in ((alone, range(12)), (together, range(12, 24)))
    )
    assert len(set(other)) == 12
    assert ks_2samp(one, other).pvalue > 0.01


def test_images_are_moved_and_mirrored_as_for_a_run_alone(data: Dataset) -> None:
    run = spec(data, "standard", shift=2, flip=True)
    for one, other in zip(*(train(run, data, (3, 1), (7,)) for train in (alone, together)), strict=True):
        assert distance(one[0], other[0]) < 1e-4
        assert distance(one[-1], other[-1]) < 0.01


def test_a_cohort_gives_the_same_bytes_twice_whatever_was_drawn_before(data: Dataset) -> None:
    run = spec(data, "noise")
    first = together(run, data, (0, 1))
    torch.rand(7)
    for one, other in zip(first, together(run, data, (0, 1)), strict=True):
        assert distance(one[-1], other[-1]) == 0


def test_a_run_that_diverges_leaves_the_others_as_they_are(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run's first weights are infinite."""
    run = spec(data, "standard")
    expected = together(run, data, (0, 1, 2))

    def spoilt(*arguments: Any) -> Any:
        model = architecture.build(*arguments)
        made.append(model)
        if len(made) == 2:
            next(model.parameters()).data.fill_(float("inf"))
        return model

    made: list[Any] = []
    monkeypatch.setattr(cohorts, "build", spoilt)
    first, second, third = together(run, data, (0, 1, 2))
    assert isinstance(second, Diverged)
    assert str(second) == "the loss is nan at step 5 of 15"
    assert distance(first[-1], expected[0][-1]) == distance(third[-1], expected[2][-1]) == 0


def test_of_every_method_it_is_known_whether_it_fits(data: Dataset) -> None:
    """Also of one that makes pictures for each run."""
    fit = {}
    for method in parts.names("pipelines.vision.methods"):
        run = spec(data, method)
        fit[method] = cohorts.trains_together(run["method"], {}, run["model"], run["training"], run["data"])
    assert all(fit[method] for method in (*ALIKE, *DRAWING))
    others = ("awp", "cutmix", "irm", "group_dro", "sam", "weight_averaging", "pixmix")
    assert not any(fit[method] for method in others)


def test_runs_whose_examples_are_not_equally_many_are_trained_one_by_one(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {**spec(data, "standard"), "sibling": {"use": "some", "options": {}}}

    def some(seed: int) -> dict[str, Split]:
        split = data.splits["train"]
        kept = {name: getattr(split, name)[: 160 - seed] for name in ("images", "labels", "groups", "parts")}
        return {**data.splits, "train": replace(split, **kept)}

    monkeypatch.setattr(Running, "learnt", lambda running, of_one, splits: some(of_one["seed"]))
    for seed, found in enumerate(together(run, data, (0, 1), (2,))):
        alone = running.train({**spec(data, "standard"), "seed": seed}, some(seed), "cpu", (2,))
        assert max(distance(*each) for each in zip(alone, found, strict=True)) == 0
