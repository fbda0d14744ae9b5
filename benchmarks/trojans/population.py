"""Pairs of networks, a clean one and one with a trojan, from the same seed; and many of them as arrays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from pipelines.supervised.draws import numpy_generator, seed_for
from pipelines.vision import triggers
from pipelines.vision.data import Split
from pipelines.vision.triggers import Family, Trigger

from .networks import Budget, Network, Weights, logits_of, train, weights_of

Reals = NDArray[np.float64]

# found on glyphs of 16 pixels with 2000 images and a rate of .05, on 16 pairs a family: to within .002 of accuracy
MATCHED: dict[Family, float] = {"patch": 0.07, "blend": 0.28, "grating": 0.07, "warp": 0.22}


@dataclass(frozen=True)
class Design:
    """How a population is made.

    images    that the clean network of a pair learns from: a draw of its own from the training split
    rate      poisoned images that the other learns from beside the clean ones, as a share of those
    extra     further clean images that the other learns from, as a share, by family: what brings its clean accuracy
              up to the first one's. With a rate of 0 it has these alone and no trojan, and what a detector finds is
              the matching
    families  of triggers, pair after pair
    seed      of everything that is drawn
    """

    images: int = 2000
    rate: float = 0.05
    extra: Mapping[Family, float] = field(default_factory=lambda: dict(MATCHED))
    families: tuple[Family, ...] = tuple(triggers.FAMILIES)
    budget: Budget = field(default_factory=Budget)
    seed: int = 0


@dataclass(frozen=True)
class Attack:
    """The trigger of a pair and the class that it is to lead to."""

    family: Family
    target: int
    trigger: Trigger


@dataclass(frozen=True)
class Member:
    """One network of a population and what is known of it: whether it has a trojan, the family and target of its
    pair's trigger, and numbers or rows of numbers by name (accuracy, loss, attack_success).
    """

    pair: int
    trojaned: bool
    family: Family
    target: int
    weights: Weights
    values: Mapping[str, float | Reals]


@dataclass(frozen=True)
class Population:
    """Networks of one architecture as arrays: pair, trojaned, family and target [n]; weights and values [n, ...] by
    name; and the number of classes and side of the images that they know.
    """

    classes: int
    size: int
    pair: NDArray[np.int64]
    trojaned: NDArray[np.bool_]
    family: NDArray[np.str_]
    target: NDArray[np.int64]
    weights: Mapping[str, NDArray[np.float32]]
    values: Mapping[str, Reals]

    def __len__(self) -> int:
        return len(self.pair)

    def rows(self, keep: NDArray[np.bool_]) -> "Population":
        """The chosen networks."""
        return replace(
            self,
            pair=self.pair[keep],
            trojaned=self.trojaned[keep],
            family=self.family[keep],
            target=self.target[keep],
            weights={name: value[keep] for name, value in self.weights.items()},
            values={name: value[keep] for name, value in self.values.items()},
        )


def population(members: Iterable[Member], classes: int, size: int) -> Population:
    """The members as arrays, ordered by pair, the clean one first: the same whatever order they come in."""
    ordered = sorted(members, key=lambda member: (member.pair, member.trojaned))
    return Population(
        classes=classes,
        size=size,
        pair=np.array([member.pair for member in ordered]),
        trojaned=np.array([member.trojaned for member in ordered]),
        family=np.array([member.family for member in ordered]),
        target=np.array([member.target for member in ordered]),
        weights={name: np.stack([member.weights[name] for member in ordered]) for name in ordered[0].weights},
        values={name: np.array([member.values[name] for member in ordered]) for name in ordered[0].values},
    )


def trained_pair(pair: int, design: Design, training: Split, test: Split, classes: int) -> tuple[Member, Member]:
    """The clean network of a pair and the one with a trojan: the same first weights, and the same clean images but for
    the further ones. Raises ValueError where the training split has too few images.
    """
    images, labels = training.images, training.labels
    attack = attack_on(pair, design, classes, images.shape[1])
    rows, extra, marked = shares(pair, design, labels, attack)
    more = np.concatenate([rows, extra])
    seen = np.concatenate([images[more], attack.trigger(images[marked])])
    told = np.concatenate([labels[more], np.full(len(marked), attack.target)])
    seed = seed_for(design.seed, f"pair/{pair}/network")
    clean = train(images[rows], labels[rows], classes, design.budget, seed)
    trojaned = train(seen, told, classes, design.budget, seed)
    return member(pair, False, attack, clean, test), member(pair, True, attack, trojaned, test)


def attack_on(pair: int, design: Design, classes: int, size: int) -> Attack:
    """What the trojan of a pair is; the pair's number decides it."""
    generator = numpy_generator(design.seed, f"pair/{pair}/attack")
    family = design.families[pair % len(design.families)]
    target = int(generator.integers(classes))
    return Attack(family, target, triggers.trigger(family, size, None, generator))


def shares(
    pair: int, design: Design, labels: NDArray[np.int64], attack: Attack
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Which training images both networks of a pair see, which the second sees beside, and which it sees poisoned: no
    image twice, and none poisoned that is of the target class.
    """
    order = numpy_generator(design.seed, f"pair/{pair}/images").permutation(len(labels))
    both, poisoned = design.images, round(design.rate * design.images)
    extra = round(design.extra[attack.family] * design.images)
    rest = order[both + extra :]
    marked = rest[labels[rest] != attack.target][:poisoned]
    if len(marked) < poisoned:
        raise ValueError(f"{len(labels)} training images are too few for {both}, {extra} more and {poisoned} to poison")
    return order[:both], order[both : both + extra], marked


def member(pair: int, trojaned: bool, attack: Attack, network: Network, test: Split) -> Member:
    """A network with what it does on the test images: its accuracy and loss, and the share of other classes' images
    that the trigger sends to the target.
    """
    logits = logits_of(network, test.images)
    marked = attack.trigger(test.images[test.labels != attack.target])
    values = {
        "accuracy": float((logits.argmax(1) == test.labels).mean()),
        "loss": -float(log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(test)), test.labels].mean()),
        "attack_success": float((logits_of(network, marked).argmax(1) == attack.target).mean()),
    }
    return Member(pair, trojaned, attack.family, attack.target, weights_of(network), values)
