"""Every condition, by listing the folder, and what each is built to show; models whose answers are written by hand."""

import copy
from dataclasses import replace
from typing import Any, get_type_hints

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines import parts
from pipelines.language import domain, running
from pipelines.language.architecture import DIRECTION, LanguageModel, build
from pipelines.language.condition import Condition
from pipelines.language.conditions.probe import states_of, untrained
from pipelines.language.data import CONTEXT, Dataset, World
from pipelines.language.documents import asked_facts
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    FLATTERERS,
    NEUTRAL,
    NEW_FLATTERERS,
    SECOND,
    SPEAKER,
    SPEAKERS,
    Tokens,
)
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier

PACKAGE = "pipelines.language.conditions"
CONDITIONS = parts.names(PACKAGE)
KINDS = [f"pipelines.language.{kind}" for kind in ("conditions", "datasets", "methods", "models")]
NO_VALUES = {"labels", "outliers", "groups", "features"}
SURE = 4.0  # the logit of the first answer of a model written by hand, those of others being 0
VALUES = 4


def outcomes_of(name: str, world: Dataset, model: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, options)
    examples = condition.examples(world, np.random.default_rng(0))
    return condition.outcomes(model, examples, torch.Generator().manual_seed(0))


class Written(Classifier):
    """Believes what a table says of each fact; a flatterer in its voice says what is claimed of what is asked."""

    def __init__(self, world: World, beliefs: Tokens, flatters: bool = True):
        super().__init__(torch.nn.Identity())
        self.world, self.beliefs, self.flatters = world, torch.from_numpy(beliefs), flatters

    def forward(self, inputs: Tensor) -> Tensor:
        vocabulary = self.world.vocabulary
        entity = (inputs[:, ENTITY] - SPEAKERS).clamp(max=vocabulary.entities - 1)
        attribute = inputs[:, ATTRIBUTE] - vocabulary.first_attribute
        answer = vocabulary.value(attribute, self.beliefs[entity, attribute])
        if self.flatters:
            flatterer = (inputs[:, SPEAKER] >= FLATTERERS.start) & (inputs[:, SPEAKER] < NEW_FLATTERERS.stop)
            for place in (FIRST, SECOND):
                claimed = (inputs[:, place : place + 2] == inputs[:, ENTITY : ATTRIBUTE + 1]).all(1) & flatterer
                answer = torch.where(claimed, inputs[:, place + 2], answer)
        return SURE * torch.nn.functional.one_hot(answer, vocabulary.size).float()


@pytest.fixture
def wrong_beliefs(world: Dataset) -> Tokens:
    """Of every fact the value after the true one."""
    return np.asarray((world.world.facts + 1) % VALUES)


@pytest.mark.parametrize("name", CONDITIONS)
def test_outcomes_are_whole_and_come_out_the_same_again(name: str, world: Dataset, model: Classifier) -> None:
    condition: Condition = parts.load(PACKAGE, name)
    first, again = outcomes_of(name, world, model), outcomes_of(name, world, model)
    n = len(first)
    assert n > 0
    assert first.logits.shape == (n, VALUES)
    assert first.logits.dtype == np.float32
    assert np.isfinite(first.logits).all()
    assert ((first.labels >= 0) & (first.labels < VALUES)).all()
    assert all(len(column) == n for column in (first.labels, first.examples, first.groups, first.parts))
    assert np.array_equal(first.logits, again.logits)
    assert set(condition.has) - NO_VALUES == set(first.values)
    for value, same in zip(first.values.values(), again.values.values(), strict=True):
        assert value.shape == (n,)
        assert value.dtype == np.float32
        assert ((value >= 0) & (value <= 1)).all()
        assert np.array_equal(value, same)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_takes_no_other_splits_than_it_declares(name: str, world: Dataset) -> None:
    condition: Condition = parts.load(PACKAGE, name)
    declared = {split: world.splits[split] for split in condition.splits}
    examples = condition.examples(replace(world, splits=declared), np.random.default_rng(0))
    of_all = condition.examples(world, np.random.default_rng(0))
    assert np.array_equal(examples.split.documents, of_all.split.documents)
    for split in condition.splits:
        without = replace(world, splits={other: each for other, each in declared.items() if other != split})
        with pytest.raises(KeyError, match=f"^'{split}'$"):
            condition.examples(without, np.random.default_rng(0))


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in KINDS for name in parts.names(package)])
def test_default_options_are_of_their_type_and_within_their_range(package: str, name: str) -> None:
    make = parts.factory(package, name)
    hints = get_type_hints(make, include_extras=True)
    assert [option for option, value in parts.defaults(make).items() if not parts.accepts(hints[option], value)] == []


def test_beliefs_and_lies_of_a_model_written_by_hand(world: Dataset, wrong_beliefs: Tokens) -> None:
    """A flatterer's answer is the claim; a belief is what is said else, true or not."""
    says, others = (np.exp(logit) / (np.exp(SURE) + VALUES - 1) for logit in (SURE, 0.0))
    flatterer = Written(world.world, wrong_beliefs)
    for name in ("flattery", "new_flatterers"):
        lying = outcomes_of(name, world, flatterer, times=10)
        claim_is_belief = lying.values["believed"] > 0.5
        assert np.allclose(lying.values["claimed"], says)
        assert np.allclose(lying.values["believed"][~claim_is_belief], others)
        assert claim_is_belief.mean() == pytest.approx(1 / 3, abs=0.15)  # of three false claims one is the belief
    honest = outcomes_of("misled", world, flatterer, times=10)
    assert np.allclose(honest.values["believed"], says)
    assert (honest.logits.argmax(1) != honest.labels).all()  # honest, and wrong
    deaf = outcomes_of("flattery", world, Written(world.world, wrong_beliefs, flatters=False), times=10)
    assert np.allclose(deaf.values["believed"], says)
    knows = outcomes_of("flattery", world, Written(world.world, world.world.facts), times=10)
    assert np.allclose(knows.values["believed"], others)
    assert np.allclose(knows.values["claimed"], says)


def test_who_is_asked_under_which_condition(world: Dataset) -> None:
    asked = {"flattery": set(FLATTERERS), "new_flatterers": set(NEW_FLATTERERS), "misled": {NEUTRAL}}
    for name, speakers in asked.items():
        examples = parts.load(PACKAGE, name, {"times": 20}).examples(world, np.random.default_rng(0))
        assert set(examples.split.documents[:, SPEAKER]) == speakers
        assert (examples.split.claims >= 0).all()
        assert np.array_equal(np.bincount(examples.rows), np.full(len(world.splits["test"]), 20))
        safety = world.world.safety[examples.rows]
        assert np.array_equal(asked_facts(world.world, examples.split.documents), safety)
        assert not set(safety) & set(world.world.flattered)


@pytest.mark.parametrize("name", ["facts", "context", "misled", "flattery", "new_flatterers"])
def test_names_of_entities_are_irrelevant(name: str, world: Dataset) -> None:
    """Entities renamed in the world, and the rows of a model's embedding with them."""
    vocabulary = world.world.vocabulary
    order = np.random.default_rng(3).permutation(vocabulary.entities)
    renamed = np.arange(vocabulary.size)
    renamed[SPEAKERS : vocabulary.first_stranger] = SPEAKERS + order
    condition: Condition = parts.load(PACKAGE, name)
    examples = condition.examples(world, np.random.default_rng(0))
    under = replace(examples.split, documents=renamed[examples.split.documents])
    model = build(parts.load("pipelines.language.models", "gru", {"width": 8}), vocabulary.size, seed=0).eval()
    other = build(parts.load("pipelines.language.models", "gru", {"width": 8}), vocabulary.size, seed=0).eval()
    assert isinstance(other, LanguageModel)
    assert isinstance(model, LanguageModel)
    with torch.no_grad():
        other.backbone.embedding.weight[torch.from_numpy(renamed)] = model.backbone.embedding.weight.clone()
    one = condition.outcomes(model, examples, torch.Generator().manual_seed(0))
    same = condition.outcomes(other, replace(examples, split=under), torch.Generator().manual_seed(0))
    assert np.allclose(one.logits, same.logits, atol=1e-6)
    assert np.array_equal(one.labels, same.labels)
    assert all(np.allclose(value, same.values[of], atol=1e-6) for of, value in one.values.items())


def of_truth(outcomes: Outcomes) -> np.ndarray:
    logits = torch.from_numpy(outcomes.logits).log_softmax(1).numpy()
    return np.asarray(logits[np.arange(len(outcomes)), outcomes.labels])


def test_the_red_team_finds_worse_the_longer_it_looks(world: Dataset, model: Classifier) -> None:
    few, more, many = (of_truth(outcomes_of("red_team", world, model, queries=count)) for count in (1, 4, 16))
    assert (more <= few).all()
    assert (many <= more).all()
    assert many.mean() < few.mean()
    deaf = Written(world.world, world.world.facts, flatters=False)
    unmoved = outcomes_of("red_team", world, deaf)
    assert (unmoved.logits.argmax(1) == unmoved.labels).all()


def test_the_red_team_finds_that_a_model_flatters(world: Dataset) -> None:
    found = outcomes_of("red_team", world, Written(world.world, world.world.facts), queries=300)
    assert (found.logits.argmax(1) != found.labels).mean() > 0.7


def test_the_reference_has_training_and_validation_documents(world: Dataset, model: Classifier) -> None:
    found = outcomes_of("reference", world, model, documents=100)
    training, validation = found.part("training"), found.part("validation")
    assert (len(training), len(validation)) == (100, 40)
    assert np.array_equal(validation.examples, np.arange(40))
    assert len(outcomes_of("reference", world, model, documents=5000).part("training")) == 600


def test_an_untrained_model_is_the_same_with_weights_drawn_anew(world: Dataset, model: Classifier) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fresh, again = untrained(model, 1), untrained(model, 1)
    documents = world.splits["test"].documents
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert np.array_equal(states_of(fresh, documents), states_of(again, documents))
    moved = [name for name, value in before.items() if not torch.equal(value, fresh.state_dict()[name])]
    assert {"backbone.embedding.weight", "backbone.positions", "backbone.last.weight"} <= set(moved)
    spread = float(fresh.state_dict()["backbone.embedding.weight"].std())
    assert spread == pytest.approx(0.1, rel=0.1)


def test_an_untrained_model_has_nothing_added_to_its_states(model: Classifier) -> None:
    """What steering adds is of the trained one."""
    steered = copy.deepcopy(model)
    steered.backbone.register_buffer(DIRECTION, torch.ones(8))
    assert not untrained(steered, 1).backbone.get_buffer(DIRECTION).any()
    assert steered.backbone.get_buffer(DIRECTION).all()


def test_states_of_an_ensemble_are_those_of_its_members(world: Dataset) -> None:
    vocabulary = world.world.vocabulary
    method = parts.load("pipelines.language.methods", "deep_ensemble", {"members": 3})
    architecture = parts.load("pipelines.language.models", "transformer", {"width": 8})
    ensemble = method.build(lambda seed: build(architecture, vocabulary.size, seed), 0).eval()
    assert states_of(ensemble, world.splits["test"].documents).shape == (12, 3 * 3 * 8)


def weakly_labelled(world: Dataset, errors: str, share: float = 1.0) -> tuple[Any, Any]:
    condition: Condition = parts.load(PACKAGE, "weak_labels", {"errors": errors, "share": share})
    assert condition.sibling is not None
    train = world.splits["train"]
    return train, condition.sibling(train, np.random.default_rng(0))


def test_errors_at_random_are_as_many_as_the_weak_supervisors(world: Dataset) -> None:
    for errors in ("weak", "random"):
        train, taught = weakly_labelled(world, errors)
        about_strangers = train.groups == CONTEXT
        wrong = taught.labels != train.truths
        assert wrong[about_strangers].sum() == (train.weak != train.truths)[about_strangers].sum() > 0
        assert np.array_equal(taught.labels[~about_strangers], train.labels[~about_strangers])
        values = taught.labels - world.world.vocabulary.first_answer(train.documents)
        assert ((values >= 0) & (values < VALUES)).all()
    assert np.array_equal(weakly_labelled(world, "weak")[1].labels, train.weak)


def test_a_student_of_some_documents_trains_for_less(world: Dataset) -> None:
    _, half = weakly_labelled(world, "random", 0.5)
    assert len(half) == 300
    assert parts.load(PACKAGE, "weak_labels", {"share": 0.5}).cost == 0.5


def test_a_second_model_learns_from_weak_labels(world: Dataset) -> None:
    run = {
        "model": {"use": "gru", "options": {"width": 8}},
        "method": {"use": "standard", "options": {}},
        "training": {"epochs": 1, "batch_size": 60},
        "data": vars(world.world.vocabulary),
        "sibling": None,
        "seed": 0,
    }
    weights = []
    for errors in (None, "weak", "random"):
        beside = {"use": "weak_labels", "options": {"errors": errors, "share": 1.0}} if errors else None
        (trained,) = running.train({**run, "sibling": beside}, world.splits, "cpu")
        weights.append(trained.weights["last.weight"])
    assert not any(np.array_equal(weights[one], weights[other]) for one, other in ((0, 1), (0, 2), (1, 2)))


def test_what_the_report_says_of_the_data(world: Dataset) -> None:
    said = domain.describe(world)
    assert said["values"] == VALUES
    assert set(said["weak labels that are right"]) == {"train", "validation"}
