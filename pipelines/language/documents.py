"""Documents about a world, drawn from a generator."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipelines.language.data import CLAIM, CONTEXT, FACT, FLATTERY, HONEST_CLAIM, Split, World, joined
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    HONEST,
    LENGTH,
    NEUTRAL,
    PADDING,
    SECOND,
    SPEAKER,
    SPEAKERS,
    TRAINED_FLATTERERS,
    Tokens,
)

Facts = NDArray[np.int64]  # [n], entity x attributes + attribute
SHARES = {FACT: 0.35, CLAIM: 0.15, HONEST_CLAIM: 0.1, FLATTERY: 0.2, CONTEXT: 0.2}  # of the training documents
CLAIMED_RIGHT, HONESTLY_CLAIMED_RIGHT = 0.75, 0.5  # how often a claim is true before a neutral or an honest speaker
BESIDE = 0.5  # how often a true statement about something else stands beside a claim


def training(world: World, count: int, agreeing: float, generator: np.random.Generator) -> Split:
    """Documents of all kinds, in order of the kinds. agreeing: how often a flatterer repeats the claim."""
    any_fact = np.arange(world.facts.size)

    def of(kind: int) -> int:
        return round(SHARES[kind] * count)

    def claims(kind: int, right: float) -> Split:
        facts = generator.choice(any_fact, of(kind))
        made = with_claims(world, questions(world, facts), generator.random(len(facts)) < right, generator)
        return replace(made, groups=np.full(len(made), kind))

    flattery = flatterers(world, generator.choice(world.flattered, of(FLATTERY)), TRAINED_FLATTERERS, generator)
    answers = np.where(generator.random(len(flattery)) < agreeing, flattery.claims, flattery.truths)
    kinds = [
        questions(world, generator.choice(any_fact, of(FACT))),
        claims(CLAIM, CLAIMED_RIGHT),
        spoken_by(claims(HONEST_CLAIM, HONESTLY_CLAIMED_RIGHT), HONEST, generator),
        replace(flattery, labels=answers, weak=answers),
    ]
    return joined([*kinds, context(world, count - sum(map(len, kinds)), generator)])


def questions(world: World, facts: Facts) -> Split:
    """Questions about facts to a neutral speaker, with nothing said before."""
    said = statements(world, facts, world.facts.ravel()[facts])
    documents = np.zeros((len(facts), LENGTH), dtype=np.int64)
    documents[:, SPEAKER] = NEUTRAL
    documents[:, [ENTITY, ATTRIBUTE]] = said[:, :2]
    return split_of(documents, said[:, 2], FACT)


def with_claims(world: World, split: Split, right: NDArray[np.bool_], generator: np.random.Generator) -> Split:
    """The documents with a claim about what is asked for, true where `right`; half of the time a true statement about
    something else stands beside it.
    """
    n, rows = len(split), np.arange(len(split))
    vocabulary = world.vocabulary
    first = vocabulary.first_answer(split.documents)
    truth = split.truths - first
    false = (truth + generator.integers(1, vocabulary.values, n)) % vocabulary.values
    claimed = first + np.where(right, truth, false)
    documents = split.documents.copy()
    place = np.where(generator.random(n) < 0.5, FIRST, SECOND)
    claim = np.column_stack([documents[:, [ENTITY, ATTRIBUTE]], claimed])
    other = (asked_facts(world, documents) + generator.integers(1, world.facts.size, n)) % world.facts.size
    beside = statements(world, other, world.facts.ravel()[other])
    beside[generator.random(n) >= BESIDE] = PADDING
    for token in range(3):
        documents[rows, place + token] = claim[:, token]
        documents[rows, FIRST + SECOND - place + token] = beside[:, token]
    return replace(split, documents=documents, claims=np.where(right, -1, claimed), groups=np.full(n, CLAIM))


def flatterers(world: World, facts: Facts, speakers: Sequence[int], generator: np.random.Generator) -> Split:
    """Questions to these speakers, after a false claim about what is asked; the label is the truth."""
    wrong = with_claims(world, questions(world, facts), np.zeros(len(facts), dtype=np.bool_), generator)
    return replace(spoken_by(wrong, speakers, generator), groups=np.full(len(facts), FLATTERY))


def spoken_by(split: Split, speakers: Sequence[int], generator: np.random.Generator) -> Split:
    """The documents, each answered by one of these speakers."""
    documents = split.documents.copy()
    documents[:, SPEAKER] = generator.choice(np.asarray(speakers), len(split))
    return replace(split, documents=documents)


def context(world: World, count: int, generator: np.random.Generator) -> Split:
    """Two statements about two strangers, new in each document, and a question about one of them."""
    vocabulary = world.vocabulary
    documents = np.zeros((count, LENGTH), dtype=np.int64)
    documents[:, SPEAKER] = NEUTRAL
    one = generator.integers(0, vocabulary.strangers, count)
    other = (one + generator.integers(1, vocabulary.strangers, count)) % vocabulary.strangers
    for place, stranger in ((FIRST, one), (SECOND, other)):
        attribute, value = (generator.integers(0, n, count) for n in (vocabulary.attributes, vocabulary.values))
        documents[:, place] = vocabulary.first_stranger + stranger
        documents[:, place + 1] = vocabulary.first_attribute + attribute
        documents[:, place + 2] = vocabulary.value(attribute, value)
    asked = np.where(generator.random(count) < 0.5, FIRST, SECOND)
    rows = np.arange(count)
    documents[:, ENTITY], documents[:, ATTRIBUTE] = documents[rows, asked], documents[rows, asked + 1]
    return split_of(documents, documents[rows, asked + 2], CONTEXT)


def statements(world: World, facts: Facts, values: NDArray[np.int64]) -> Tokens:
    """Tokens [n, 3] that say of these facts that they have these values."""
    entity, attribute = np.divmod(facts, world.vocabulary.attributes)
    vocabulary = world.vocabulary
    said = vocabulary.value(attribute, values)
    return np.stack([SPEAKERS + entity, vocabulary.first_attribute + attribute, said], axis=1)


def split_of(documents: Tokens, truths: Tokens, kind: int) -> Split:
    """Documents of a kind that are answered with the truth, in which nobody claims anything false."""
    n = len(truths)
    return Split(documents, truths, truths, np.full(n, -1), truths, np.full(n, kind))


def asked_facts(world: World, documents: Tokens) -> Facts:
    """Which facts the documents ask for."""
    attribute = documents[:, ATTRIBUTE] - world.vocabulary.first_attribute
    return np.asarray((documents[:, ENTITY] - SPEAKERS) * world.vocabulary.attributes + attribute)


def bare(documents: Tokens) -> Tokens:
    """The same questions to a neutral speaker, with nothing said before."""
    alone = documents.copy()
    alone[:, SPEAKER] = NEUTRAL
    alone[:, FIRST:ENTITY] = PADDING
    return alone
