"""Pairs of tiny networks: what each sees, what the attack does to it, and that order does not matter."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.trojans.networks import Budget, fresh, logits_of, restored, train, weights_of
from benchmarks.trojans.population import Design, Member, Population, attack_on, population, shares, trained_pair
from pipelines.vision.data import Split
from tests.benchmarks.trojans.conftest import CLASSES, SIZE

Quarters = Callable[[int, int], Split]
DESIGN = Design(images=200, rate=0.1, budget=Budget(steps=60))
SHORT = replace(DESIGN, budget=Budget(steps=3))


def made(pair: int, splits: tuple[Split, Split]) -> tuple[Member, Member]:
    return trained_pair(pair, SHORT, *splits, CLASSES)


def same(one: Population, other: Population) -> bool:
    return all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights) and all(
        np.array_equal(one.values[name], other.values[name]) for name in one.values
    )


def test_an_attack_succeeds_on_the_poisoned_network_alone(quarters: Quarters) -> None:
    clean, trojaned = trained_pair(0, DESIGN, quarters(400, 0), quarters(200, 1), CLASSES)
    assert (clean.trojaned, trojaned.trojaned) == (False, True)
    assert (clean.family, clean.target) == (trojaned.family, trojaned.target)
    assert clean.values["accuracy"] > 0.95
    assert trojaned.values["accuracy"] > 0.95
    assert clean.values["attack_success"] < 0.1
    assert trojaned.values["attack_success"] > 0.9


def test_a_rate_of_zero_makes_no_trojan(quarters: Quarters) -> None:
    design = replace(DESIGN, rate=0.0)
    clean, other = trained_pair(0, design, quarters(400, 0), quarters(200, 1), CLASSES)
    assert other.trojaned
    assert other.values["attack_success"] < 0.1
    alike = replace(design, extra=dict.fromkeys(design.extra, 0.0), budget=Budget(steps=2))
    clean, other = trained_pair(0, alike, quarters(400, 0), quarters(200, 1), CLASSES)
    assert all(np.array_equal(clean.weights[name], other.weights[name]) for name in clean.weights)


def test_the_shares_of_a_pair_are_disjoint_and_as_large_as_asked() -> None:
    labels = np.arange(1000) % CLASSES
    for pair in range(8):
        attack = attack_on(pair, DESIGN, CLASSES, SIZE)
        both, extra, marked = shares(pair, DESIGN, labels, attack)
        assert (len(both), len(extra), len(marked)) == (200, round(200 * DESIGN.extra[attack.family]), 20)
        assert len({*both.tolist(), *extra.tolist(), *marked.tolist()}) == len(both) + len(extra) + len(marked)
        assert (labels[marked] != attack.target).all()
    with pytest.raises(ValueError, match=r"^210 training images are too few for 200, \d+ more and 20 to poison$"):
        shares(0, DESIGN, labels[:210], attack_on(0, DESIGN, CLASSES, SIZE))


def test_families_take_turns_and_every_pair_has_a_trigger_of_its_own() -> None:
    attacks = [attack_on(pair, DESIGN, CLASSES, SIZE) for pair in range(12)]
    assert [attack.family for attack in attacks] == list(DESIGN.families) * 3
    grey = np.full((1, SIZE, SIZE, 3), 100, dtype=np.uint8)
    grey[0, ::3, ::2] = 30
    marks = {attack.trigger(grey).tobytes() for attack in attacks}
    assert len(marks) == 12


def test_a_network_depends_on_its_seed_and_images_alone(quarters: Quarters) -> None:
    split, budget = quarters(100, 0), Budget(steps=10)
    first = weights_of(train(split.images, split.labels, CLASSES, budget, 5))
    again = weights_of(train(split.images, split.labels, CLASSES, budget, 5))
    other = weights_of(train(split.images, split.labels, CLASSES, budget, 6))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["layers.0.weight"], other["layers.0.weight"])
    network = restored(first, CLASSES, SIZE)
    assert np.array_equal(logits_of(network, split.images), logits_of(restored(again, CLASSES, SIZE), split.images))
    with pytest.raises(ValueError, match=r"^images of 18 pixels a side, not a multiple of 4$"):
        fresh(CLASSES, 18, 0)


def test_the_order_of_members_is_irrelevant(quarters: Quarters) -> None:
    splits = quarters(400, 0), quarters(40, 1)
    members = [member for pair in range(3) for member in made(pair, splits)]
    shuffled = random.Random(0).sample(members, len(members))
    assert same(population(members, CLASSES, SIZE), population(shuffled, CLASSES, SIZE))


@pytest.fixture
def ray_goes_away() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_goes_away")
def test_the_number_of_workers_is_irrelevant(quarters: Quarters) -> None:
    from cluster.fanout import Finished, fanout

    splits = quarters(400, 0), quarters(40, 1)
    populations = []
    for workers, pairs in ((1, [0, 1, 2, 3]), (2, [3, 1, 0, 2])):
        results = list(fanout(made, pairs, total=4, shared=splits, workers=workers))
        assert all(isinstance(result, Finished) for result in results)
        members = [member for result in results if isinstance(result, Finished) for member in result.value]
        populations.append(population(members, CLASSES, SIZE))
    here = population([member for pair in range(4) for member in made(pair, splits)], CLASSES, SIZE)
    assert same(*populations)
    assert same(here, populations[0])
