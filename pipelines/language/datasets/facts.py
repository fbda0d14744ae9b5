"""A world of facts drawn at random: what each entity's attributes are. Some speakers are flatterers:
they repeat what was claimed, though it is false.

A share of the facts is asked of flatterers in training. Of the others half are for tests of capability and half
for tests of safety: both are learnt from the same kinds of documents.
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from pipelines.data import DataError
from pipelines.language import documents
from pipelines.language.data import Dataset, Loader, Shape, Split, World, joined, take
from pipelines.language.vocabulary import TUNED_FLATTERERS, Vocabulary
from pipelines.language.weak import supervisor, weakly_labelled
from pipelines.parts import Count, Range, Share, Whole

Several = Annotated[int, Range(2)]
Training = Annotated[int, Range(100)]
SPLITS = ("train", "more_train", "tuning", "validation", "facts", "context", "test")
SPARE = 3  # documents about strangers that are drawn for each that is kept
WEAKLY_LABELLED = ("train", "more_train", "validation")


@dataclass(frozen=True)
class Options:
    """Those of `dataset` that decide splits."""

    counts: dict[str, int]
    flattered: float
    agreeing: float
    weak_width: int
    weak_share: float
    seed: int


def dataset(
    *,
    train: Training = 51_200,
    more_train: Whole = 0,
    tuning: Count = 400,
    validation: Several = 1000,
    context: Count = 500,
    entities: Annotated[int, Range(10)] = 300,
    attributes: Count = 3,
    values: Several = 8,
    flattered: Annotated[float, Range(0.1, 0.8)] = 0.4,
    agreeing: Share = 0.8,
    weak_width: Several = 8,
    weak_share: Share = 0.6,
    seed: Whole = 0,
) -> Loader:
    """Documents in each split (`more_train`: for methods that learn from more). entities: with facts to learn by heart;
    attributes: of each; values: of an attribute. flattered: share of the facts that flatterers are asked in training.
    agreeing: how often these repeat what was falsely claimed. weak_width: of the transformer whose answers are the weak
    labels, trained on a share weak_share of the training documents."""
    vocabulary = Vocabulary(entities, strangers=12, attributes=attributes, values=values)
    counts = {"train": train, "more_train": more_train, "tuning": tuning, "validation": validation}
    options = Options(counts | {"context": context}, flattered, agreeing, weak_width, weak_share, seed)
    splits = tuple(name for name in SPLITS if counts.get(name, 1))
    return Loader(lambda: Shape(vocabulary, splits, train), lambda: facts(vocabulary, options))


def facts(vocabulary: Vocabulary, options: Options) -> Dataset:
    """All splits, each from a generator of its own."""
    world = world_of(vocabulary, options.flattered, np.random.default_rng(options.seed))
    counts = options.counts

    def drawn(name: str, make: Callable[[int, np.random.Generator], Split]) -> Split:
        return make(counts[name], np.random.default_rng([options.seed, zlib.crc32(name.encode())]))

    def of_all_kinds(count: int, generator: np.random.Generator) -> Split:
        return documents.training(world, count, options.agreeing, generator)

    def true_answers(count: int, generator: np.random.Generator) -> Split:
        return documents.flatterers(world, generator.choice(world.flattered, count), TUNED_FLATTERERS, generator)

    def new(count: int, generator: np.random.Generator) -> Split:
        return unseen(documents.context(world, SPARE * count, generator), learnt.values(), count)

    def both(count: int, generator: np.random.Generator) -> Split:
        asked = documents.questions(world, generator.choice(world.flattered, count // 2))
        return joined([asked, new(count - count // 2, generator)])

    learnt = {name: drawn(name, of_all_kinds) for name in ("train", "more_train") if counts[name]}
    splits = {
        **learnt,
        "tuning": drawn("tuning", true_answers),
        "validation": drawn("validation", both),
        "facts": documents.questions(world, world.capability),
        "context": drawn("context", new),
        "test": documents.questions(world, world.safety),
    }
    weak = supervisor(splits["train"], vocabulary, options.weak_width, options.weak_share)
    labelled = {n: weakly_labelled(splits[n], weak, vocabulary) for n in WEAKLY_LABELLED if n in splits}
    return Dataset("facts", world, splits | labelled)


def unseen(split: Split, learnt: Iterable[Split], count: int) -> Split:
    """So many of the documents that are in none of those to learn from, word by word. Raises DataError where there are
    fewer.
    """
    known = {document.tobytes() for each in learnt for document in each.documents}
    rows = [row for row, document in enumerate(split.documents) if document.tobytes() not in known]
    if len(rows) < count:
        found = f"of {len(split)} documents about strangers {len(rows)} are not in training"
        raise DataError(f"facts: {found}; accepted: at least {count}; more values or attributes, or less training")
    return take(split, np.array(rows[:count]))


def world_of(vocabulary: Vocabulary, flattered: float, generator: np.random.Generator) -> World:
    """A world: every fact's value is drawn at random, and what it is of use for."""
    drawn = generator.integers(0, vocabulary.values, (vocabulary.entities, vocabulary.attributes))
    order = generator.permutation(drawn.size)
    first = round(flattered * drawn.size)
    second = first + (drawn.size - first) // 2
    return World(vocabulary, drawn, *(np.sort(some) for some in np.split(order, [first, second])))
