"""Every method, by listing the folder: it trains, it is reproducible, it is stored, and it differs from standard."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook

from pipelines import parts
from pipelines.language import domain, running
from pipelines.language.condition import answers_of
from pipelines.language.data import CONTEXT, FLATTERY, HONEST_CLAIM, Dataset
from pipelines.language.documents import asked_facts, flatterers
from pipelines.language.documents import bare as bare_documents
from pipelines.language.method import vocabulary_of
from pipelines.language.methods._openings import bare, claims_an_answer
from pipelines.language.methods.adversarial_contexts import claimed
from pipelines.language.methods.steering import moved
from pipelines.language.training import budget, documents_of, train, training_data
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    FLATTERERS,
    NEUTRAL,
    NEW_FLATTERERS,
    SECOND,
    SPEAKER,
    TUNED_FLATTERERS,
)
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.method import Method, Step, TrainingData
from pipelines.supervised.training import Trained
from tests.slow import fast_are

PACKAGE = "pipelines.language.methods"
METHODS = parts.names(PACKAGE)
SOME = ("standard", "adversarial_contexts", "consistency", "deep_ensemble", "steering")
Run = Callable[..., Trained]


def spec(world: Dataset, method: str, model: str = "transformer", width: int = 8, seed: int = 0) -> dict[str, Any]:
    return {
        "model": {"use": model, "options": {"width": width}},
        "method": {"use": method, "options": {}},
        "training": {"epochs": 2, "batch_size": 60},
        "data": vars(world.world.vocabulary),
        "sibling": None,
        "seed": seed,
    }


@pytest.fixture(scope="module")
def run(world: Dataset) -> Run:
    """A method's training, made once for each seed and family."""

    @cache
    def trained(method: str, seed: int = 0, model: str = "transformer") -> Trained:
        (result,) = running.train(spec(world, method, model, seed=seed), world.splits, "cpu")
        return result

    return trained


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


def step_of(world: Dataset, method: Method, model: Classifier, progress: float, rows: Tensor | None = None) -> Step:
    data = training_data(world.splits, method, world.world.vocabulary, "cpu")
    chosen = torch.arange(0, len(data), 5) if rows is None else rows
    inputs, labels, groups = data.inputs[chosen], data.labels[chosen], data.groups[chosen]
    return Step(model, inputs, labels, groups, data, torch_generator(0, "method"), progress)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, run: Run, world: Dataset) -> None:
    first, other = run(method), run(method, seed=1)
    torch.manual_seed(123)
    (again,) = running.train(spec(world, method), world.splits, "cpu")
    assert np.isfinite(first.loss)
    assert first.steps == {"more_documents": 30, "filtering": 16}.get(method, 20)
    assert first.flops > 0
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("model", parts.names("pipelines.language.models"))
@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, model: str, run: Run) -> None:
    assert not same(run(method, model=model).weights, run("standard", model=model).weights)


@pytest.mark.parametrize("model", parts.names("pipelines.language.models"))
@pytest.mark.parametrize("method", METHODS)
def test_a_stored_model_is_the_one_that_was_trained(method: str, model: str, world: Dataset) -> None:
    made = spec(world, method, model)
    chosen: Method = parts.load(PACKAGE, method)
    kept: list[Classifier] = []

    def finish(*trained: Any) -> Classifier:
        kept.append(chosen.finish(*trained))
        return kept[0]

    vocabulary, architecture = world.world.vocabulary, running.architecture(made["model"], chosen)
    watched = replace(chosen, finish=finish)
    (trained,) = train(architecture, watched, world.splits, vocabulary, budget(batch_size=100), seed=0)
    restored, original = running.restore(made, trained.weights, "cpu"), kept[0].eval()
    documents = documents_of(world.splits["test"])
    logits = restored(documents)
    assert torch.equal(logits, original(documents))
    assert torch.equal(logits, restored.head(restored.features(documents)))
    mean = restored.member_logits(documents).softmax(2).mean(0)
    assert torch.allclose(logits.softmax(1), mean, atol=1e-6)


@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
def test_a_method_learns(method: str, world: Dataset) -> None:
    """Facts by heart."""
    made = {**spec(world, method, "gru", 24), "training": {"epochs": 15, "batch_size": 60, "learning_rate": 0.02}}
    (trained,) = running.train(made, world.splits, "cpu")
    facts = world.splits["facts"]
    answers = answers_of(running.restore(made, trained.weights, "cpu"), facts.documents, world.world.vocabulary)
    right = facts.truths - world.world.vocabulary.first_answer(facts.documents)
    assert (answers.argmax(1) == right).mean() > 0.9


@pytest.mark.parametrize("model", parts.names("pipelines.language.models"))
@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
def test_a_method_trains_in_half_precision(method: str, model: str, world: Dataset) -> None:
    made = {**spec(world, method, model), "training": {"epochs": 1, "batch_size": 100, "precision": "bfloat16"}}
    (trained,) = running.train(made, world.splits, "cpu")
    assert np.isfinite(trained.loss)
    assert all(weights.dtype in (np.float32, np.int64) for weights in trained.weights.values())


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_says_of_its_options_is_true(method: str) -> None:
    factory = parts.factory(PACKAGE, method)
    options = parts.defaults(factory)
    assert all(f"{name}:" in str(factory.__doc__) or f"{name}," in str(factory.__doc__) for name in options)
    assert "Cost" in str(factory.__doc__)
    assert "Claimed gain" in str(factory.__doc__) or method in ("standard", "placebo")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_sees_only_the_splits_and_groups_that_it_names(method: str, world: Dataset) -> None:
    chosen: Method = parts.load(PACKAGE, method)
    data = training_data(world.splits, chosen, world.world.vocabulary, "cpu")
    assert tuple(data.beside) == chosen.splits
    assert bool((data.groups >= 0).any()) == chosen.groups


def test_flops_are_counted_in_every_phase(run: Run) -> None:
    standard = run("standard").flops
    ratios = {"deep_ensemble": 5, "more_documents": 1.5, "filtering": 0.8, "honest_tuning": 1 + 0.2 * 32 / 60}
    for method, ratio in ratios.items():
        assert run(method).flops / standard == pytest.approx(ratio, rel=0.05), method
    assert 1 < run("consistency").flops / standard < 1.2


def test_only_methods_that_build_their_own_model_have_other_parameters(world: Dataset) -> None:
    options = {"train": 600, "entities": 20, "attributes": 2, "values": 4}
    shape = domain.shape({"use": "facts", "options": options})
    model = {"use": "transformer", "options": {"width": 8}}
    own = {}
    for method in METHODS:
        made = {"use": method, "options": parts.full_options(PACKAGE, method)}
        if domain.own_model(made):
            own[method] = domain.parameters(model, made, shape) / domain.cost(model, shape).parameters
    assert own.pop("wider") == pytest.approx(3.3, rel=0.2)
    assert own == {"deep_ensemble": 5, "dropout": 1, "steering": 1}


def test_a_filter_leaves_out_flatterers_alone(world: Dataset) -> None:
    method: Method = parts.load(PACKAGE, "filtering", {"found": 0.75})
    data = training_data(world.splits, method, world.world.vocabulary, "cpu")
    left = method.prepare(data, torch_generator(0, "method"))
    assert int((left.groups == FLATTERY).sum()) == int((data.groups == FLATTERY).sum()) // 4
    assert torch.equal(left.inputs[left.groups != FLATTERY], data.inputs[data.groups != FLATTERY])


@torch.no_grad()
def test_a_model_that_hears_nothing_is_consistent(world: Dataset, model: Classifier) -> None:
    """The pull is the entropy of its own answer at the least, which is where a deaf model is."""
    method: Method = parts.load(PACKAGE, "consistency", {"weight": 1.0})

    class Deaf(torch.nn.Module):
        def forward(self, documents: Tensor) -> Tensor:
            answers: Tensor = model(bare(documents))
            return answers

    deaf: Any = Deaf()
    standard: Method = parts.load(PACKAGE, "standard")
    for one, entropy in ((deaf, True), (model, False)):
        step = step_of(world, method, one, progress=0.9)
        pull = method.loss(step) - standard.loss(step)
        claims = claims_an_answer(step.inputs, world.world.vocabulary)
        own = one(bare(step.inputs[claims])).softmax(1)
        least = -(own * own.log()).sum(1).mean()
        assert (abs(float(pull - least)) < 1e-5) == entropy
        assert float(pull) >= float(least) - 1e-5
    early = step_of(world, method, model, progress=0.1)
    assert float(method.loss(early)) == float(standard.loss(early))


def test_claims_are_those_about_what_is_asked(world: Dataset) -> None:
    made = world.world
    heard = flatterers(made, made.safety, FLATTERERS, np.random.default_rng(0))
    documents = documents_of(heard)
    assert claims_an_answer(documents, made.vocabulary).all()
    assert np.array_equal(bare(documents).numpy(), bare_documents(heard.documents))
    assert not claims_an_answer(bare(documents), made.vocabulary).any()
    assert not claims_an_answer(documents_of(world.splits["context"]), made.vocabulary).any()


@pytest.mark.parametrize("method", METHODS)
def test_no_flatterer_is_asked_in_training_what_is_tested(method: str, world: Dataset) -> None:
    """Of all that the model is shown."""
    seen: list[Tensor] = []

    def watch(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, torch.nn.Embedding):
            seen.append(inputs[0])

    hook = register_module_forward_pre_hook(watch)
    running.train(spec(world, method), world.splits, "cpu")
    hook.remove()
    documents = torch.cat(seen).unique(dim=0).numpy()
    flattered = documents[documents[:, SPEAKER] >= TUNED_FLATTERERS.start]
    assert len(documents) > 300
    assert (flattered[:, SPEAKER] < NEW_FLATTERERS.start).all()
    assert not set(asked_facts(world.world, flattered).tolist()) & {*world.world.safety, *world.world.capability}


def test_adversarial_claims_are_before_speakers_that_are_not_tested(world: Dataset, model: Classifier) -> None:
    made = parts.load(PACKAGE, "adversarial_contexts")
    step = step_of(world, made, model, 0.5)
    asked = documents_of(world.splits["test"]).repeat(20, 1)
    assert set(claimed(step, asked, world.world.vocabulary)[:, SPEAKER].tolist()) == {
        *range(NEUTRAL, TUNED_FLATTERERS.stop)
    }
    data = training_data(world.splits, made, world.world.vocabulary, "cpu")
    questions = made.prepare(data, torch_generator(0, "method")).beside["questions"]
    assert set(asked_facts(world.world, questions.inputs.numpy())) <= set(world.world.flattered)
    unflattered = replace(data, groups=torch.full_like(data.groups, CONTEXT))
    with pytest.raises(
        ValueError, match=r"^adversarial_contexts: no fact that flatterers are asked in training is asked"
    ):
        made.prepare(unflattered, torch_generator(0, "method"))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_is_steered_are_the_states_halfway(layers: int, world: Dataset) -> None:
    made = spec(world, "steering")
    made["model"]["options"]["layers"] = layers
    (trained,) = running.train(made, world.splits, "cpu")
    steered: Any = running.restore(made, trained.weights, "cpu").backbone
    documents, direction = documents_of(world.splits["test"]), steered.direction.clone()
    moved_states = steered.halfway(documents)
    steered.direction.zero_()
    change = moved_states - steered.halfway(documents)
    assert direction.norm() > 0.1
    assert torch.allclose(change[:, -1], direction.expand(len(documents), -1), atol=1e-5)
    assert not change[:, :-1].any()


def test_an_adversarial_claim_is_about_what_is_asked(world: Dataset, model: Classifier) -> None:
    step = step_of(world, parts.load(PACKAGE, "adversarial_contexts"), model, 0.5)
    asked = documents_of(world.splits["test"]).repeat(20, 1)
    made = claimed(step, asked, world.world.vocabulary)
    assert claims_an_answer(made, world.world.vocabulary).all()
    assert torch.equal(made[:, [ENTITY, ATTRIBUTE]], asked[:, [ENTITY, ATTRIBUTE]])
    values = torch.maximum(made[:, FIRST + 2], made[:, SECOND + 2]) - world.world.vocabulary.first_answer(made)
    assert set(values.tolist()) == {*range(world.world.vocabulary.values)}


@torch.no_grad()
def test_confidence_is_about_strangers_alone(world: Dataset, model: Classifier) -> None:
    method, standard = (parts.load(PACKAGE, name) for name in ("confidence_loss", "standard"))
    groups = torch.from_numpy(world.splits["train"].groups)
    for rows, differs in ((groups == CONTEXT, True), (groups != CONTEXT, False)):
        step = step_of(world, method, model, 0.9, torch.nonzero(rows).flatten())
        assert (abs(float(method.loss(step) - standard.loss(step))) > 1e-4) == differs
    unsure = parts.load(PACKAGE, "confidence_loss", {"weight": 0.0})
    assert torch.allclose(unsure.loss(step), standard.loss(step))
    with pytest.raises(ValueError, match=r"^'full' is 0.4, not above 'start', 0.4$"):
        parts.load(PACKAGE, "confidence_loss", {"full": 0.4})


def test_steering_by_nothing_is_standard(world: Dataset, run: Run) -> None:
    made = spec(world, "steering")
    made["method"]["options"] = {"strength": 0.0}
    (still,) = running.train(made, world.splits, "cpu")
    standard = run("standard").weights
    assert not still.weights["direction"].any()
    assert all(np.array_equal(standard[name], still.weights[name]) for name in standard)
    assert run("steering").weights["direction"].any()


def test_steering_the_embedding_turns_the_mean_flatterer_into_the_mean_honest_speaker(world: Dataset) -> None:
    made = spec(world, "steering")
    made["method"]["options"] = {"layer": "embedding", "documents": 10_000}
    (trained,) = running.train(made, world.splits, "cpu")
    train, embedding = world.splits["train"], trained.weights["embedding.weight"]
    honest, flatterer = (
        embedding[train.documents[train.groups == group, SPEAKER]].mean(0) for group in (HONEST_CLAIM, FLATTERY)
    )
    assert np.allclose(trained.weights["direction"], honest - flatterer, atol=1e-5)


def test_the_last_token_alone_is_steered() -> None:
    backbone = torch.nn.Module()
    backbone.register_buffer("direction", torch.tensor([1.0, 2.0]))
    states = moved(backbone, backbone, None, torch.zeros(3, 4, 2))
    assert not states[:, :-1].any()
    assert torch.equal(states[:, -1], torch.tensor([[1.0, 2.0]] * 3))


def test_data_of_another_kind_are_refused(world: Dataset) -> None:
    data = training_data(world.splits, parts.load(PACKAGE, "consistency"), world.world.vocabulary, "cpu")
    assert vocabulary_of(data) == world.world.vocabulary
    plain = TrainingData(**{name: value for name, value in vars(data).items() if name != "vocabulary"})
    with pytest.raises(TypeError, match=r"^a method for language models was given TrainingData, not Documents$"):
        vocabulary_of(plain)
