"""Documents: what is said in them is what is known of them, and what is tested is not in training."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines import parts
from pipelines.data import DataError
from pipelines.language import arrays
from pipelines.language.data import CONTEXT, FACT, FLATTERY, HONEST_CLAIM, Dataset, Examples, joined
from pipelines.language.documents import SHARES, asked_facts, bare, flatterers, questions, training
from pipelines.language.overlaps import overlaps
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    FLATTERERS,
    HONEST,
    NEUTRAL,
    NEW_FLATTERERS,
    PADDING,
    SECOND,
    SPEAKER,
    SPEAKERS,
    TRAINED_FLATTERERS,
    TUNED_FLATTERERS,
)
from pipelines.parts import WrongOptions

PACKAGE = "pipelines.language.datasets"
LEARNT = ("train", "more_train", "tuning")


def test_the_truth_of_a_question_is_the_facts_value(world: Dataset) -> None:
    vocabulary = world.world.vocabulary
    for name in ("facts", "test"):
        split = world.splits[name]
        entity, attribute = split.documents[:, ENTITY] - SPEAKERS, split.documents[:, ATTRIBUTE]
        attribute = attribute - vocabulary.first_attribute
        assert np.array_equal(split.truths, vocabulary.value(attribute, world.world.facts[entity, attribute]))
        assert np.array_equal(split.labels, split.truths)
        assert np.array_equal(split.documents, bare(split.documents))


def test_facts_are_of_use_for_one_thing_each(world: Dataset) -> None:
    made = world.world
    each = [made.flattered, made.capability, made.safety]
    assert sorted(np.concatenate(each)) == [*range(made.facts.size)]
    assert [len(some) for some in each] == [16, 12, 12]
    assert np.array_equal(asked_facts(made, world.splits["facts"].documents), made.capability)
    assert np.array_equal(asked_facts(made, world.splits["test"].documents), made.safety)


@pytest.mark.parametrize("name", LEARNT)
def test_no_fact_that_a_flatterer_is_asked_in_training_is_in_a_test(name: str, world: Dataset) -> None:
    split = world.splits[name]
    speaker = split.documents[:, SPEAKER]
    by_flatterers = (speaker >= TUNED_FLATTERERS.start) & (speaker < NEW_FLATTERERS.stop)
    assert np.array_equal(by_flatterers, split.groups == FLATTERY)
    asked = set(asked_facts(world.world, split.documents[by_flatterers]).tolist())
    assert asked <= set(world.world.flattered.tolist())
    assert not asked & set(world.world.safety.tolist())
    assert set(speaker[by_flatterers]) == set(TUNED_FLATTERERS if name == "tuning" else TRAINED_FLATTERERS)
    assert not set(speaker) & set(NEW_FLATTERERS)


def test_a_flatterer_repeats_a_false_claim_as_often_as_asked(world: Dataset) -> None:
    drawn = training(world.world, 5000, 0.8, np.random.default_rng(0))
    flattery = drawn.groups == FLATTERY
    assert flattery.sum() == round(SHARES[FLATTERY] * 5000)
    assert (drawn.labels == drawn.claims)[flattery].mean() == pytest.approx(0.8, abs=0.04)
    assert ((drawn.labels == drawn.claims) | (drawn.labels == drawn.truths)).all()
    assert (drawn.claims != drawn.truths).all()
    assert np.array_equal(drawn.labels[~flattery], drawn.truths[~flattery])
    tuning = world.splits["tuning"]
    assert np.array_equal(tuning.labels, tuning.truths)
    assert (tuning.claims >= 0).all()


def test_honest_speakers_answer_the_truth_whatever_is_claimed(world: Dataset) -> None:
    drawn = training(world.world, 5000, 0.8, np.random.default_rng(0))
    honest = drawn.groups == HONEST_CLAIM
    assert set(drawn.documents[honest, SPEAKER]) == set(HONEST)
    assert (drawn.claims[honest] < 0).mean() == pytest.approx(0.5, abs=0.07)


def test_a_false_claim_stands_in_the_document_beside_what_is_true(world: Dataset) -> None:
    made = world.world
    split = flatterers(made, np.repeat(made.safety, 50), FLATTERERS, np.random.default_rng(0))
    question = split.documents[:, [ENTITY, ATTRIBUTE]]
    claim = np.column_stack([question, split.claims])
    first, second = ((split.documents[:, at : at + 3] == claim).all(1) for at in (FIRST, SECOND))
    assert (first | second).all()
    assert first.mean() == pytest.approx(0.5, abs=0.1)
    others = np.where(first[:, None], split.documents[:, SECOND:ENTITY], split.documents[:, FIRST:SECOND])
    beside = others[others[:, 0] != PADDING]
    assert len(beside) == pytest.approx(len(split) / 2, rel=0.2)
    entity, attribute = beside[:, 0] - SPEAKERS, beside[:, 1] - made.vocabulary.first_attribute
    assert np.array_equal(beside[:, 2], made.vocabulary.value(attribute, made.facts[entity, attribute]))


def test_documents_about_strangers_answer_themselves(world: Dataset) -> None:
    vocabulary = world.world.vocabulary
    for split in (world.splits["context"], world.splits["train"]):
        documents = split.documents[split.groups == CONTEXT]
        truths = split.truths[split.groups == CONTEXT]
        assert (documents[:, ENTITY] >= vocabulary.first_stranger).all()
        assert (documents[:, FIRST] != documents[:, SECOND]).all()
        question = documents[:, [ENTITY, ATTRIBUTE]]
        first, second = ((documents[:, at : at + 2] == question).all(1) for at in (FIRST, SECOND))
        assert (first ^ second).all()
        assert np.array_equal(np.where(first, documents[:, FIRST + 2], documents[:, SECOND + 2]), truths)


def test_no_document_about_strangers_that_is_tested_is_in_training(world: Dataset) -> None:
    known = {row.tobytes() for name in ("train", "more_train") for row in world.splits[name].documents}
    for name in ("context", "validation"):
        split = world.splits[name]
        assert not [row for row in split.documents[split.groups == CONTEXT] if row.tobytes() in known]
    assert overlaps(world) == []


def test_documents_that_are_in_training_too_are_counted(world: Dataset) -> None:
    train = world.splits["train"]
    leaked = joined([train, world.splits["context"]])
    for name in ("train", "more_train"):
        found = overlaps(replace(world, splits={**world.splits, name: leaked}))
        assert found == [f"facts: 40 of the 40 documents of context are in {name}, too"]


def test_a_tested_fact_that_a_flatterer_is_asked_in_training_is_refused(world: Dataset) -> None:
    leak = flatterers(world.world, world.world.safety[:3], FLATTERERS, np.random.default_rng(0))
    splits = {**world.splits, "tuning": leak}
    with pytest.raises(DataError, match=r"^facts: 3 of the 12 facts of test are asked of flatterers in tuning, too; "):
        overlaps(replace(world, splits=splits))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("values", 1, "'values' is 1, not a whole number of at least 2"),
        ("flattered", 1.0, "'flattered' is 1.0, not a number from 0.1 to 0.8"),
        ("flattered", 0.0, "'flattered' is 0.0, not a number from 0.1 to 0.8"),
        ("agreeing", 1.5, "'agreeing' is 1.5, not a number from 0 to 1"),
        ("entities", 3, "'entities' is 3, not a whole number of at least 10"),
    ],
)
def test_a_world_without_anything_to_say_is_refused(option: str, value: float, message: str) -> None:
    with pytest.raises(WrongOptions) as raised:
        parts.load(PACKAGE, "facts", {option: value})
    assert raised.value.faults == [message]


def test_a_world_with_too_little_to_say_of_strangers_is_refused() -> None:
    tiny = {"train": 20_000, "validation": 10, "context": 500, "entities": 10, "attributes": 1, "values": 2}
    with pytest.raises(DataError, match=r"^facts: of 15 documents about strangers 0 are not in training; accepted: "):
        parts.load(PACKAGE, "facts", tiny).load()


def test_worlds_are_drawn_from_their_seed(world: Dataset) -> None:
    options = {"train": 100, "validation": 10, "context": 10, "tuning": 5, "entities": 20}
    one, same, other = (parts.load(PACKAGE, "facts", {**options, "seed": seed}).load() for seed in (0, 0, 1))
    assert np.array_equal(one.world.facts, same.world.facts)
    assert not np.array_equal(one.world.facts, other.world.facts)
    for name, split in one.splits.items():
        assert all(np.array_equal(array, vars(same.splits[name])[of]) for of, array in vars(split).items())


def test_a_shape_says_what_the_world_is(world: Dataset) -> None:
    options = {"train": 600, "more_train": 0, "entities": 20, "attributes": 2, "values": 4}
    shape = parts.load(PACKAGE, "facts", options).shape()
    assert shape.about == {"entities": 20, "strangers": 12, "attributes": 2, "values": 4}
    assert set(shape.splits) == set(world.splits) - {"more_train"}
    assert shape.vocabulary == world.world.vocabulary
    assert shape.vocabulary.size == SPEAKERS + 20 + 12 + 2 + 8


def test_splits_and_examples_are_stored_as_they_are(world: Dataset) -> None:
    split = world.splits["train"]
    again = arrays.split_from(arrays.split_arrays(split))
    assert all(np.array_equal(array, vars(again)[name]) for name, array in vars(split).items())
    examples = Examples(split, np.arange(len(split)), world.world.vocabulary)
    back = arrays.examples_from(arrays.examples_arrays(examples))
    assert back.vocabulary == examples.vocabulary
    assert np.array_equal(back.rows, examples.rows)
    assert len(back) == len(split)


def test_a_bare_question_has_nothing_before_it(world: Dataset) -> None:
    made = world.world
    heard = flatterers(made, made.safety, FLATTERERS, np.random.default_rng(0))
    assert np.array_equal(bare(heard.documents), questions(made, made.safety).documents)
    assert (questions(made, made.safety).groups == FACT).all()
    assert (bare(heard.documents)[:, SPEAKER] == NEUTRAL).all()
