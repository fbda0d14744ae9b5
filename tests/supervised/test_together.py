"""Runs of rows and of documents that are trained at once are the runs trained one by one, up to the last bits of sums
and what is drawn for all."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor, nn

from pipelines import parts
from pipelines.domain import Cohorts
from pipelines.language import cohorts as of_language
from pipelines.language import domain as language
from pipelines.language import running as running_language
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.cohort import possible, train_together
from pipelines.supervised.method import Labelled, Method, TrainingData
from pipelines.supervised.training import Trained
from pipelines.tabular import cohorts as of_tabular
from pipelines.tabular import domain as tabular
from pipelines.tabular import running as running_tabular
from pipelines.tabular.classifier import Network, RowClassifier
from pipelines.tabular.training import budget as tabular_budget

KINDS = {
    "tabular": (tabular, running_tabular, of_tabular, "flows", "mlp"),
    "language": (language, running_language, of_language, "facts", "transformer"),
}
SIZES = {
    "tabular": {"train": 320, "more_train": 320, "training_outliers": 100},
    "language": {"train": 960, "more_train": 960, "tuning": 60, "entities": 20},
}
ALIKE = {
    "tabular": (
        "standard", "placebo", "label_smoothing", "weight_decay", "wider", "more_data", "deep_ensemble",
        "temperature_scaling", "last_layer_refit",
    ),
    "language": (
        "standard", "placebo", "label_smoothing", "wider", "more_documents", "deep_ensemble", "confidence_loss",
        "filtering", "steering",
    ),
}  # fmt: skip
DRAWING = {
    "tabular": ("noise", "dropout", "mc_dropout", "outlier_exposure", "energy"),
    "language": ("dropout", "honest_tuning"),
}
UNFIT = {
    "tabular": {"adversarial", "group_dro", "irm", "mixup", "sam", "weight_averaging"},
    "language": {"adversarial_contexts", "consistency"},
}
# How far apart weights may be after 7 steps and at the end. Some of a transformer's have no gradient but the last bits
# of sums (the bias of attention's keys), which the optimiser makes as large as any.
CLOSE = {"tabular": (1e-6, 1e-3), "language": (0.01, 0.1)}


def of(methods: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(kind, method) for kind, names in methods.items() for method in names]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The data of each domain."""
    torch.set_num_threads(1)
    found = {}
    for kind, (domain, _, _, use, _) in KINDS.items():
        data = {"use": use, "options": parts.full_options(f"pipelines.{kind}.datasets", use, SIZES[kind])}
        found[kind] = SimpleNamespace(splits=domain.dataset(data).splits, about=domain.shape(data).about)
    return found


def spec(kind: str, method: str, made: dict[str, Any], model: str = "") -> dict[str, Any]:
    """Of a run, without its seed."""
    model = model or KINDS[kind][-1]
    return {
        "model": {"use": model, "options": parts.full_options(f"pipelines.{kind}.models", model, {"width": 8})},
        "method": {"use": method, "options": parts.full_options(f"pipelines.{kind}.methods", method, {})},
        "training": {"epochs": 3, "batch_size": 32},
        "data": made[kind].about,
        "sibling": None,
    }


def alone(kind: str, run: dict[str, Any], made: dict[str, Any], seeds: Sequence[int]) -> list[list[Trained]]:
    running = KINDS[kind][1]
    return [running.train({**run, "seed": seed}, made[kind].splits, "cpu", (7,)) for seed in seeds]


def at_once(kind: str, run: dict[str, Any], made: dict[str, Any], seeds: Sequence[int]) -> list[Any]:
    cohorts: Cohorts = KINDS[kind][2]
    return [*cohorts.train({**run, "cohort": list(seeds)}, made[kind].splits, "cpu", (7,))]


def distance(one: Trained, other: Trained) -> float:
    """The largest difference between two models' weights."""
    return max(float(np.abs(np.subtract(one.weights[name], other.weights[name])).max()) for name in one.weights)


@pytest.mark.parametrize(("kind", "method"), of(ALIKE))
def test_a_cohort_is_its_runs(made: dict[str, Any], kind: str, method: str) -> None:
    """At a checkpoint and at the end. Other seeds are further away."""
    run = spec(kind, method, made)
    singly, together = (train(kind, run, made, (3, 1)) for train in (alone, at_once))
    for one, other in zip(singly, together, strict=True):
        assert [each.steps for each in other] == [each.steps for each in one]
        assert [each.flops for each in other] == pytest.approx([each.flops for each in one], rel=0.02)
        assert [each.loss for each in other] == pytest.approx([each.loss for each in one], rel=1e-3)
        assert [list(each.weights) for each in other] == [list(each.weights) for each in one]
        assert all(distance(*each) < close for *each, close in zip(one, other, CLOSE[kind], strict=True))
    assert distance(together[0][-1], together[1][-1]) > 0.5


@pytest.mark.parametrize(("kind", "method"), of(DRAWING))
def test_what_draws_gives_runs_that_are_distributed_alike(made: dict[str, Any], kind: str, method: str) -> None:
    """Losses of 10 runs at once and of 10 others one by one: of the same distribution, and no two the same."""
    run = spec(kind, method, made)
    one, other = (
        [models[-1].loss for models in train(kind, run, made, seeds)]
        for train, seeds in ((alone, range(10)), (at_once, range(10, 20)))
    )
    assert len(set(other)) == 10
    assert ks_2samp(one, other).pvalue > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_of_every_method_it_is_known_whether_it_fits(made: dict[str, Any], kind: str) -> None:
    runs = {method: spec(kind, method, made) for method in parts.names(f"pipelines.{kind}.methods")}
    fit = {
        method: KINDS[kind][2].trains_together(run["method"], run["model"], run["training"], run["data"])
        for method, run in runs.items()
    }
    assert {method for method, fits in fit.items() if not fits} == UNFIT[kind]
    assert {method for method, fits in fit.items() if fits} == {*ALIKE[kind], *DRAWING[kind]}


def finishing(made: dict[str, Any], error: Exception) -> list[Any]:
    """Runs of seeds 0, 1 and 2 with a method whose finish raises the error for the second."""
    calls: list[int] = []

    def finish(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
        calls.append(len(calls))
        if calls[-1] == 1:
            raise error
        return model

    data = of_tabular.data(made["tabular"].splits, Method(), made["tabular"].about, "cpu")
    architecture = running_tabular.architecture(spec("tabular", "standard", made)["model"], Method())
    fresh = of_tabular.fresh(architecture, made["tabular"].about)
    return train_together(fresh, Method(finish=finish), [data] * 3, tabular_budget(epochs=1), (0, 1, 2))


def test_a_run_that_cannot_be_finished_leaves_the_others_as_they_are(made: dict[str, Any]) -> None:
    error = RuntimeError("noise disturbs it")
    first, second, third = finishing(made, error)
    assert second is error
    expected = at_once("tabular", {**spec("tabular", "standard", made), "training": {"epochs": 1}}, made, (0, 1, 2))
    assert distance(first[-1], expected[0][-1]) == distance(third[-1], expected[2][-1]) == 0
    with pytest.raises(torch.OutOfMemoryError):
        finishing(made, torch.OutOfMemoryError("CUDA out of memory"))


def test_models_that_look_at_their_inputs_are_trained_alone(made: dict[str, Any]) -> None:
    """Also where training does not: they could not be looked at together."""

    class Careful(RowClassifier):
        def forward(self, inputs: Tensor) -> Tensor:
            if not self.training and inputs.sum() > 0:
                return super().forward(inputs) * 2
            return super().forward(inputs)

    def build(kind: type[RowClassifier], seed: int) -> Classifier:
        torch.manual_seed(seed)
        linear = nn.Linear(2, 2)
        return kind(Network([linear], nn.Linear(2, 2), [linear]))

    few = Labelled(torch.zeros(4, 2), torch.arange(4) % 2, torch.zeros(4, dtype=torch.int64))
    data = TrainingData(few.inputs, few.labels, few.groups, 2, {}, lambda rows: rows)
    for kind, fits in ((RowClassifier, True), (Careful, False)):
        assert possible(partial(build, kind), Method(), data, tabular_budget()) is fits


def test_a_recurrent_network_is_trained_alone(made: dict[str, Any]) -> None:
    run = spec("language", "standard", made, "gru")
    assert not of_language.trains_together(run["method"], run["model"], run["training"], run["data"])
