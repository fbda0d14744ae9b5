"""Network flows, most of them benign, with attacks of families that are known, and of families that are not.

Twenty features of a flow, which has one of five profiles. A family of attacks moves a third of the features, all
families equally far, in part alike for all profiles and in part each its own way, and changes how widely they scatter.
Tails are heavy, features are mixed, and what comes out is the signed logarithm.
All is drawn: no traffic of anyone is in it. Whether a detector finds attacks of families it never saw is what closed
tests of intrusion detection leave out (Sommer & Paxson 2010, doi 10.1109/SP.2010.25).
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from pipelines.parts import Range, Whole
from pipelines.tabular.data import Dataset, Integers, Loader, Shape, Split, split_of

FEATURES, PROFILES = 20, 5
MOVED, DISTANCE, ALIKE = 7, 5.0, 0.5  # by a family: how many features, how far in all, and how much alike
BENIGN, SHARE_BENIGN = "benign", 0.55
FAMILIES = ("scan", "brute", "flood", "exfil", "beacon", "tunnel", "spray", "miner")
TAILS = 4  # degrees of freedom of Student's t
Rows = Annotated[int, Range(20)]


def dataset(
    *,
    train: Rows = 3000,
    more_train: Whole = 0,
    validation: Rows = 1000,
    capability: Rows = 2000,
    test: Rows = 2000,
    unseen: Rows = 900,
    drifted: Rows = 2000,
    training_outliers: Rows = 3000,
    families: tuple[str, ...] = ("scan", "brute", "flood", "exfil", "beacon"),
    unseen_families: tuple[str, ...] = ("tunnel", "spray", "miner"),
    drift: float = 1.0,
    seed: Whole = 0,
) -> Loader:
    """Rows in each split (`unseen`: of all its families; `more_train`: for methods that learn from more). families:
    those that are classes beside benign, which is 55 % of the rows. unseen_families: of no other split. drift: how far
    drifted rows are moved; 1 is .6 a feature before the features are mixed."""
    check(families, unseen_families)
    counts = {
        "train": train,
        "more_train": more_train,
        "validation": validation,
        "capability": capability,
        "test": test,
        "unseen": unseen,
        "drifted": drifted,
        "training_outliers": training_outliers,
    }
    options = Options(counts, tuple(families), tuple(unseen_families), drift, seed)
    splits = tuple(name for name in SPLITS if counts[name])
    classes = 1 + len(families)
    return Loader(lambda: Shape(FEATURES, classes, splits, train, groups=True), lambda: flows(options))


def check(families: Sequence[str], unseen: Sequence[str]) -> None:
    """Raise ValueError on families that cannot be."""
    for option, names in (("families", families), ("unseen_families", unseen)):
        unknown = [name for name in names if name not in FAMILIES]
        if unknown:
            raise ValueError(f"{option!r} has {', '.join(map(repr, unknown))}, not one of: {', '.join(FAMILIES)}")
        if len(set(names)) < max(1, len(names)):
            raise ValueError(f"{option!r} is {[*names]}, not a list of one family or more, each once")
    if both := [name for name in families if name in unseen]:
        raise ValueError(f"'families' and 'unseen_families' both have {', '.join(map(repr, both))}")


@dataclass(frozen=True)
class Options:
    """What flows are drawn by: rows in each split, the families, how far drifted rows are moved, a seed."""

    counts: dict[str, int]
    families: tuple[str, ...]
    unseen: tuple[str, ...]
    drift: float
    seed: int

    def generator(self, purpose: str) -> np.random.Generator:
        """A generator of its own for every purpose."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])


class World:
    """What benign flows and each family look like: the same whichever families are known."""

    def __init__(self, options: Options):
        world = options.generator("world")
        self.profiles = 0.8 * world.normal(0, 1, (PROFILES, FEATURES))
        self.mixing = np.eye(FEATURES) + world.normal(0, 0.7, (FEATURES, FEATURES)) / np.sqrt(FEATURES)
        self.drift = options.drift * world.normal(0, 0.6, FEATURES)
        self.shift, self.scale = {BENIGN: np.zeros((PROFILES, FEATURES))}, {BENIGN: np.ones(FEATURES)}
        for name in FAMILIES:
            own = options.generator(f"family {name}")
            moved = own.permutation(FEATURES) < MOVED
            alike, each = (unit(own.normal(0, 1, shape) * moved) for shape in (FEATURES, (PROFILES, FEATURES)))
            self.shift[name] = DISTANCE * (ALIKE * alike + np.sqrt(1 - ALIKE**2) * each)
            self.scale[name] = np.exp(own.normal(0, 0.35, FEATURES))

    def rows(
        self, names: list[str], profile: Integers, generator: np.random.Generator, drifted: bool
    ) -> NDArray[np.float64]:
        """Rows [n, features] of these families, or benign, and profiles."""
        shift = np.stack([self.shift[name][each] for name, each in zip(names, profile, strict=True)])
        scale = np.stack([self.scale[name] for name in names])
        tails = 0.9 * generator.standard_t(TAILS, (len(names), FEATURES))
        raw = self.profiles[profile] + shift + tails * scale + drifted * self.drift
        mixed = raw @ self.mixing
        return np.asarray(np.sign(mixed) * np.log1p(np.abs(mixed)))


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors [..., features] brought to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def flows(options: Options) -> Dataset:
    """All splits, each from a generator of its own."""
    world = World(options)
    splits = {
        name: make(options, world, options.counts[name], options.generator(name))
        for name, make in SPLITS.items()
        if options.counts[name]
    }
    return Dataset("flows", (BENIGN, *options.families), splits)


def drawn_like_training(drifted: bool = False) -> Callable[[Options, World, int, np.random.Generator], Split]:
    """Benign flows and known attacks; the group is the profile."""

    def make(options: Options, world: World, count: int, generator: np.random.Generator) -> Split:
        names = (BENIGN, *options.families)
        attacks = len(options.families)
        labels = generator.choice(len(names), count, p=[SHARE_BENIGN, *[(1 - SHARE_BENIGN) / attacks] * attacks])
        profile = generator.integers(PROFILES, size=count)
        rows = world.rows([names[label] for label in labels], profile, generator, drifted)
        return split_of(rows, labels, profile)

    return make


def unseen(options: Options, world: World, count: int, generator: np.random.Generator) -> Split:
    """Attacks of each unseen family, as many of one as of another."""
    family = np.arange(count) % len(options.unseen)
    profile = generator.integers(PROFILES, size=count)
    rows = world.rows([options.unseen[each] for each in family], profile, generator, drifted=False)
    return split_of(rows, np.full(count, -1), profile, family, options.unseen)


def training_outliers(options: Options, world: World, count: int, generator: np.random.Generator) -> Split:
    """Rows of independent normal features, wider than any flow: of no family."""
    return split_of(generator.normal(0, 2, (count, FEATURES)), np.full(count, -1))


SPLITS: dict[str, Callable[[Options, World, int, np.random.Generator], Split]] = {
    "train": drawn_like_training(),
    "more_train": drawn_like_training(),
    "validation": drawn_like_training(),
    "capability": drawn_like_training(),
    "test": drawn_like_training(),
    "unseen": unseen,
    "drifted": drawn_like_training(drifted=True),
    "training_outliers": training_outliers,
}
