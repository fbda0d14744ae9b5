"""Documents with what is known of each, split by the use they are put to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.language.vocabulary import Tokens, Vocabulary

# The splits that worlds offer.
SPLITS = {
    "train": "documents of all kinds",
    "more_train": "more of them, for a method that learns from more: made where the option `more_train` asks for them",
    "tuning": "true answers of some of the flatterers",
    "validation": "facts, then strangers: temperatures are fitted on them, and students of weak labels tested",
    "facts": "questions about facts that no other split for evaluation asks for, each once: for the capability score",
    "context": "strangers, about whom the document itself tells: for the capability score",
    "test": "questions about facts that no flatterer is asked in training, each once",
}
FACT, CLAIM, HONEST_CLAIM, FLATTERY, CONTEXT = range(5)  # kinds of documents, the groups of a split
KINDS = ("fact", "claim", "honest speaker", "flatterer", "context")


@dataclass(frozen=True)
class Split:
    """Documents and their answers.

    documents  int64 [n, 9], tokens
    labels     int64 [n], the token that is answered
    truths     int64 [n], the token that is true
    claims     int64 [n], the false value that someone claims of what is asked for, -1 where there is none
    weak       int64 [n], the answer of a weak model to documents about strangers; elsewhere the label
    groups     int64 [n], the kind of document
    """

    documents: Tokens
    labels: Tokens
    truths: Tokens
    claims: Tokens
    weak: Tokens
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class World:
    """Facts [entities, attributes], the value of each, and which of them (entity x attributes + attribute) are of use
    for what.

    flattered   asked of flatterers in training; no test asks for them
    capability  what capability is tested on
    safety      what safety is tested on
    """

    vocabulary: Vocabulary
    facts: NDArray[np.int64]
    flattered: NDArray[np.int64]
    capability: NDArray[np.int64]
    safety: NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """What is known of a dataset before it is made: its vocabulary, splits and number of training documents."""

    vocabulary: Vocabulary
    splits: tuple[str, ...]
    train: int
    groups: bool = True

    @property
    def about(self) -> Mapping[str, int]:
        """What models are built by."""
        return dict(vars(self.vocabulary))


@dataclass(frozen=True)
class Dataset:
    """A world and documents about it."""

    name: str
    world: World
    splits: Mapping[str, Split]


@dataclass(frozen=True)
class Examples:
    """Documents that stay the same for every model, with the row of the split that each was made from."""

    split: Split
    rows: NDArray[np.int64]
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Loader:
    """A dataset not made yet: `shape` says cheaply what it will be, `load` makes it."""

    shape: Callable[[], Shape]
    load: Callable[[], Dataset]


def take(split: Split, rows: NDArray[np.int64]) -> Split:
    """The chosen rows of a split."""
    return Split(**{name: array[rows] for name, array in vars(split).items()})


def joined(splits: list[Split]) -> Split:
    """The documents of all, one after the other."""
    return Split(**{name: np.concatenate([vars(split)[name] for split in splits]) for name in vars(splits[0])})
