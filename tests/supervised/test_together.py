"""Runs of rows and of documents that are trained at once are the runs trained one by one, up to the last bits of sums
and what is drawn for all."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipelines import parts
from pipelines.domain import Cohorts
from pipelines.language import cohorts as of_language
from pipelines.language import domain as language
from pipelines.language import running as running_language
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.cohort import of_the_machine, possible, train_together
from pipelines.supervised.draws import seed_for
from pipelines.supervised.method import Method, Step, TrainingData, plain_loss
from pipelines.supervised.training import Trained, train
from pipelines.supervised.varied import TogetherStep, Varied, alike
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
    "tabular": ("noise", "dropout", "mc_dropout", "outlier_exposure", "energy", "mixup", "adversarial"),
    "language": ("dropout", "honest_tuning"),
}
UNFIT = {
    "tabular": {"group_dro", "irm", "sam", "weight_averaging"},
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


def at_once(
    kind: str, run: dict[str, Any], made: dict[str, Any], seeds: Sequence[int], **options: Sequence[float]
) -> list[Any]:
    cohorts: Cohorts = KINDS[kind][2]
    return [
        *cohorts.train({**run, "cohort": {"seeds": list(seeds), "options": options}}, made[kind].splits, "cpu", (7,))
    ]


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


def of_options(run: dict[str, Any], **options: float) -> dict[str, Any]:
    """The run with other options of its method."""
    method = run["method"]
    return {**run, "method": {**method, "options": {**method["options"], **options}}}


def test_runs_are_finished_each_with_its_own_options(made: dict[str, Any]) -> None:
    run, penalties = spec("tabular", "last_layer_refit", made), (0.01, 30.0)
    together = [models[-1] for models in at_once("tabular", run, made, (3, 3), penalty=penalties)]
    singly = [alone("tabular", of_options(run, penalty=penalty), made, [3])[0][-1] for penalty in penalties]
    assert max(distance(*each) for each in zip(together, singly, strict=True)) < 1e-3
    assert distance(*together) > 0.1


def test_draws_are_as_strong_as_the_options_of_their_own_run_say(made: dict[str, Any]) -> None:
    run = spec("tabular", "noise", made)
    found = at_once("tabular", run, made, [*range(8)] * 2, sigma=[0.01] * 8 + [100.0] * 8)
    weak, strong = ([models[-1].loss for models in some] for some in (found[:8], found[8:]))
    for sigma, together in ((0.01, weak), (100.0, strong)):
        singly = alone("tabular", of_options(run, sigma=sigma), made, range(8, 16))
        assert ks_2samp([models[-1].loss for models in singly], together).pvalue > 0.01
    assert ks_2samp(weak, strong).pvalue < 0.001


@pytest.mark.parametrize(
    ("method", "option", "values"),
    [
        ("weight_decay", "decay", (0.1, 0.5)),
        ("dropout", "rate", (0.1, 0.5)),
        ("label_smoothing", "smoothing", (0.1, 0.2)),
    ],
)
def test_options_of_more_than_the_loss_and_those_that_no_tensor_can_be_are_trained_alone(
    made: dict[str, Any], method: str, option: str, values: tuple[float, ...]
) -> None:
    run = spec("tabular", method, made)
    assert of_tabular.trains_together(run["method"], {}, run["model"], run["training"], run["data"])
    different = {option: values}
    assert not of_tabular.trains_together(run["method"], different, run["model"], run["training"], run["data"])


@pytest.mark.parametrize("kind", KINDS)
def test_of_every_method_it_is_known_whether_it_fits(made: dict[str, Any], kind: str) -> None:
    runs = {method: spec(kind, method, made) for method in parts.names(f"pipelines.{kind}.methods")}
    fit = {
        method: KINDS[kind][2].trains_together(run["method"], {}, run["model"], run["training"], run["data"])
        for method, run in runs.items()
    }
    assert {method for method, fits in fit.items() if not fits} == UNFIT[kind]
    assert {method for method, fits in fit.items() if fits} == {*ALIKE[kind], *DRAWING[kind]}


FEW = TrainingData(torch.zeros(4, 2), torch.arange(4) % 2, torch.zeros(4, dtype=torch.int64), 2, {}, lambda rows: rows)


def fresh(kind: type[RowClassifier], seed: int) -> Classifier:
    """A perceptron of two features and two classes, its first layer frozen."""
    torch.manual_seed(seed)
    linear = nn.Linear(2, 2).requires_grad_(False)
    return kind(Network([linear, nn.ReLU()], nn.Linear(2, 2), [linear]))


plain = partial(fresh, RowClassifier)


def trained(method: Method, seeds: Sequence[int] = (0, 1, 2), data: Sequence[TrainingData] = ()) -> list[Any]:
    """At once, after each of five steps; each on its data or on examples that tell the classes apart."""
    budget = tabular_budget(epochs=5, batch_size=20)
    return train_together(
        plain, alike(method, len(seeds)), data or [examples()] * len(seeds), budget, seeds, range(1, 5)
    )


def examples() -> TrainingData:
    """That tell the classes apart."""
    inputs = torch.eye(2).repeat(10, 1)
    return replace(FEW, inputs=inputs, labels=inputs.argmax(1), groups=torch.zeros(20, dtype=torch.int64))


def failing(error: Exception, draws: bool = False) -> Method:
    """A method that can't finish the first run that it is asked for."""
    asked: list[None] = []

    def finish(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
        asked.append(None)
        if len(asked) == 1:
            raise error
        if draws:
            model.last_layer.bias.data += torch.rand(2)
        return model

    return Method(finish=finish)


def test_a_run_that_cannot_be_finished_leaves_the_others_as_they_are() -> None:
    """Also where what finishes draws from torch's own generator."""
    error = RuntimeError("noise disturbs it")
    first, second, third = trained(failing(error))
    assert first is error
    expected = trained(Method())
    assert distance(second[-1], expected[1][-1]) == distance(third[-1], expected[2][-1]) == 0
    first, second, third = trained(failing(error, draws=True))
    method = failing(error, draws=True)
    with suppress(RuntimeError):
        method.finish(plain(0), FEW, torch.Generator())
    expected = trained(method)
    assert distance(second[-1], expected[1][-1]) == distance(third[-1], expected[2][-1]) == 0
    assert distance(second[-1], third[-1]) > 0.1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1125899906842624 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        OSError("Input/output error"),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_a_run(error: Exception) -> None:
    with pytest.raises(type(error)):
        trained(failing(error))


def test_memory_that_torch_does_not_get_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert of_the_machine(caught.value)
    assert not of_the_machine(RuntimeError("out of memory"))  # as a method says it


def test_each_run_has_its_own_options_in_its_loss() -> None:
    """Two of the same seed with different ones, and two with the same at different seeds."""

    def method(*, weight: float, power: int = 2) -> Method:
        return Method(lambda step: plain_loss(step) + weight * (step.model(step.inputs) ** power).mean())

    seeds, weights, budget = (0, 0, 1), [0.1, 3.0, 0.1], tabular_budget(epochs=5, batch_size=20)
    varied = Varied([method(weight=weight) for weight in weights], method, {"weight": weights})
    assert possible(plain, varied, FEW, budget)
    together = train_together(plain, varied, [examples()] * 3, budget, seeds)
    singly = [train(plain, each, examples(), budget, seed) for each, seed in zip(varied.each, seeds, strict=True)]
    for place, models in enumerate(together):
        assert isinstance(models, list)
        apart = [distance(models[-1], other[-1]) for other in singly]
        assert apart[place] < 1e-6 < 1e-3 < min(apart[:place] + apart[place + 1 :])
        assert models[-1].loss == pytest.approx(singly[place][-1].loss, rel=1e-5)
        assert models[-1].flops == singly[place][-1].flops


@pytest.mark.parametrize(
    "own", [{"weight_decay": 0.1}, {"phases": (0.5,)}, {"build": lambda build, seed: build(seed)}, {"groups": True}]
)
def test_what_changes_more_than_the_loss_is_not_trained_at_once(own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"more than the loss: {', '.join(own)}"):
        Varied([Method(), Method(**own)], Method, {"weight": [1, 2]})


def test_frozen_weights_stay_as_they_are() -> None:
    for seed, (models, start) in enumerate(zip(trained(Method()), map(plain, range(3)), strict=True)):
        model = models[-1]
        drawn = plain(seed_for(seed, "weights")).backbone.state_dict()
        assert np.array_equal(model.weights["body.0.weight"], drawn["body.0.weight"].numpy())
        assert not np.array_equal(model.weights["last.weight"], drawn["last.weight"].numpy())
        assert start.backbone.state_dict().keys() == model.weights.keys()


def test_a_loss_sees_the_data_of_its_own_run_alone() -> None:
    data = [replace(FEW, labels=torch.full((4,), label)) for label in (1, 0, 1)]

    def loss(step: Step) -> Tensor:
        return plain_loss(step) * 0 + step.data.labels.float().mean()

    assert [models[-1].loss for models in trained(Method(loss), data=data)] == [1, 0, 1]


def test_inputs_are_moved_up_the_gradients_of_their_own_run() -> None:
    def moved(step: Step) -> Tensor:
        inputs = step.inputs
        for _ in range(3):
            inputs = inputs + 10 * step.gradient(lambda points: cross_entropy(step.model(points), step.labels), inputs)
        return plain_loss(replace(step, inputs=inputs))

    data, budget = examples(), tabular_budget(epochs=5, batch_size=20)
    for seed, models in enumerate(trained(Method(moved))):
        alone = train(plain, Method(moved), data, budget, seed)
        assert distance(models[-1], alone[-1]) < 1e-6
        assert (models[-1].loss, models[-1].flops) == (pytest.approx(alone[-1].loss, rel=1e-5), alone[-1].flops)
        assert models[-1].loss > train(plain, Method(), data, budget, seed)[-1].loss + 0.005


def test_what_a_loss_draws_by_itself_is_another_for_every_run_and_step() -> None:
    def loss(step: Step) -> Tensor:
        return plain_loss(step) * 0 + torch.rand((), generator=step.generator)

    losses = [model.loss for models in trained(Method(loss)) for model in models]
    assert len(losses) == len(set(losses)) == 3 * 5


@pytest.mark.parametrize("alpha", [0.4, 1, 5])
def test_proportions_of_runs_at_once_are_drawn_from_the_same_distribution(alpha: float) -> None:
    torch.manual_seed(0)
    drawing = partial(
        TogetherStep(plain(0), FEW.inputs, FEW.labels, FEW.groups, FEW, torch.Generator(), 0.5).beta, alpha
    )
    drawn = torch.func.vmap(lambda _: drawing(), randomness="different")(torch.zeros(4000))
    assert kstest(drawn.double().numpy(), "beta", args=(alpha, alpha)).pvalue > 0.01


def test_flops_are_those_of_the_phases_that_there_are() -> None:
    """As for a run alone, those of the steps before the first are none."""
    (models,) = trained(Method(phases=(0.5,)), seeds=(0,))
    (expected,) = trained(Method(), seeds=(0,))
    assert [model.flops for model in models[:2]] == [0, 0]
    assert models[-1].flops == expected[1].flops > 0


def test_draws_elsewhere_are_the_same_whether_it_was_tried_or_not() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    noisy = Method(lambda step: plain_loss(replace(step, inputs=step.inputs + step.normal(4, 2))))
    assert possible(plain, alike(noisy, 2), FEW, tabular_budget())
    assert torch.equal(torch.rand(3), expected)


class Careful(RowClassifier):
    """Looks at its inputs once it is trained."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training and inputs.sum() > 0:
            return super().forward(inputs) * 2
        return super().forward(inputs)


class Tied(RowClassifier):
    """The last layer's weights are those of the first."""

    def __init__(self, backbone: Network):
        super().__init__(backbone)
        backbone.last.weight = backbone.body[0].weight  # type: ignore[assignment]


def looking(at: float) -> Method:
    """A method that looks at the values of its loss at this share of the training."""

    def loss(step: Step) -> Tensor:
        value = plain_loss(step)
        return value * 2 if step.progress == at and value.item() > 0 else value

    return Method(loss, phases=(0.0, at))


def changing(**changed: Any) -> Method:
    """A method that makes something of its own of a run's data."""
    return Method(prepare=lambda data, generator: replace(data, **changed))


def raising(step: Step) -> Tensor:
    raise IndexError("there are too few examples")


@pytest.mark.parametrize(
    ("build", "method", "fits"),
    [
        (plain, Method(), True),
        (plain, looking(0.5), False),
        (plain, changing(inputs=torch.ones(4, 2)), True),
        (plain, changing(batch=lambda rows: rows * 2), False),
        (plain, changing(beside={}), False),
        (plain, Method(raising), False),
        (plain, Method(phases=(0.5,)), True),
        (partial(fresh, Careful), Method(), False),
        (partial(fresh, Tied), Method(), False),
    ],
)
def test_what_cannot_be_done_together_is_done_alone(build: Build, method: Method, fits: bool) -> None:
    assert possible(build, alike(method, 2), FEW, tabular_budget()) is fits


def test_runs_in_bfloat16_are_trained_alone(made: dict[str, Any]) -> None:
    """Most of what autocast would compute in bfloat16 it does not see there."""
    run = spec("language", "standard", made)
    in_bfloat16 = {**run["training"], "precision": "bfloat16"}
    assert of_language.trains_together(run["method"], {}, run["model"], run["training"], run["data"])
    assert not of_language.trains_together(run["method"], {}, run["model"], in_bfloat16, run["data"])
    with pytest.raises(ValueError, match="in float32, not in bfloat16"):
        at_once("language", {**run, "training": in_bfloat16}, made, (0, 1))


def test_a_recurrent_network_is_trained_alone(made: dict[str, Any]) -> None:
    run = spec("language", "standard", made, "gru")
    assert not of_language.trains_together(run["method"], {}, run["model"], run["training"], run["data"])
