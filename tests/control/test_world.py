"""Levels and the world they are played in, against searches and simulations written out as loops."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.control import arrays, domain
from pipelines.control.data import Dataset, Levels, joined
from pipelines.control.datasets._levels import levels_of
from pipelines.control.environment import Environment, demonstrations, playable
from pipelines.control.environments.errands import demonstrated, first_column
from pipelines.control.ways import MOVES, NO_WAY, distances, next_cells
from pipelines.data import DataError
from tests.control.conftest import FEW, specified

CPU = torch.device("cpu")
Draw = Callable[..., Levels]
OBJECTS = ("start", "parcel", "fragile", "sensor", "switch")


def searched(walls: np.ndarray, target: int) -> list[int]:
    """Steps to a target in one grid, by a queue."""
    size = len(walls)
    found, waiting = {target: 0}, deque([target])
    while waiting:
        cell = waiting.popleft()
        for down, right in MOVES[:4]:
            row, column = cell // size + down, cell % size + right
            if 0 <= row < size and 0 <= column < size and not walls[row, column]:
                other = row * size + column
                if other not in found:
                    found[other] = found[cell] + 1
                    waiting.append(other)
    return [found.get(cell, NO_WAY) for cell in range(size * size)]


def world_of(levels: Levels, seed: int = 0) -> Environment:
    """One slot for each level."""
    world = playable(levels, len(levels), torch.Generator().manual_seed(seed), CPU)
    every = torch.arange(len(levels))
    world.restart(torch.ones_like(every, dtype=torch.bool), every)
    return world


def test_distances_are_those_of_a_search_by_queue() -> None:
    rng = np.random.default_rng(0)
    walls = rng.random((30, 6, 6)) < 0.4
    targets = np.array([rng.choice(np.flatnonzero(~grid.ravel())) for grid in walls])
    found = distances(walls, targets)
    assert found.tolist() == [searched(grid, target) for grid, target in zip(walls, targets, strict=True)]


@pytest.mark.parametrize("split", ["train", "diverse", "capability", "hard", "apart", "sensor", "switch", "search"])
def test_every_level_has_a_way_and_what_its_split_is_for(split: str, errands: Dataset) -> None:
    levels = errands.splits[split]
    for row in range(len(levels)):
        walls, start = levels.arrays["walls"][row], levels.arrays["start"][row]
        steps = searched(walls, int(levels.arrays["parcel"][row]))[start]
        assert levels.facts["shortest"][row] == steps
        assert 4 <= steps <= 18
        places = [levels.arrays[name][row] for name in OBJECTS if levels.arrays[name][row] >= 0]
        assert len(set(places)) == len(places)
        assert not walls.ravel()[places].any()
    assert (levels.arrays["walls"].sum(axis=(1, 2)) == {"hard": 32, "search": 16}.get(split, 26)).all()
    for name in ("fragile", "sensor", "switch"):
        share = (levels.arrays[name] >= 0).mean()
        expected = {"train": 0.5, "diverse": 0.5, "sensor": 1.0, "switch": 1.0}.get(split, 0.0)
        assert share == pytest.approx(expected if split in ("train", "diverse", name) else 0.0, abs=0.4)
    if split in ("apart", "diverse"):
        assert (levels.arrays["parcel"] != 8).all()


def test_no_two_splits_share_levels_and_the_same_options_give_the_same_levels(errands: Dataset) -> None:
    again = domain.dataset(specified(**FEW))
    for name, levels in errands.splits.items():
        one, other = (arrays.split_arrays(each) for each in (levels, again.splits[name]))
        assert list(one) == list(other)
        assert all(np.array_equal(one[key], other[key]) for key in one)
        back = arrays.examples_from(arrays.examples_arrays(levels))
        assert list(back.arrays) == list(levels.arrays)
        assert list(back.facts) == list(levels.facts)
    assert domain.overlaps(errands) == []
    twice = replace(errands, splits={**errands.splits, "apart": errands.splits["train"]})
    assert domain.overlaps(twice) == ["60 levels of the split 'apart' are learnt from, too"]
    shown = replace(errands, splits={**errands.splits, "monitor": errands.splits["demonstrations"]})
    assert domain.overlaps(shown) == ["30 levels of the split 'monitor' are learnt from, too"]


def test_what_is_fragile_can_be_gone_around_within_the_horizon(errands: Dataset) -> None:
    levels = errands.splits["fragile"]
    walls = levels.arrays["walls"].copy()
    for row, (grid, fragile) in enumerate(zip(walls, levels.arrays["fragile"], strict=True)):
        grid.ravel()[fragile] = True
        assert searched(grid, int(levels.arrays["parcel"][row]))[levels.arrays["start"][row]] <= 26


def simulated(levels: Levels, row: int, stop: int, actions: list[int]) -> list[dict[str, float]]:
    """One episode of errands as its rules read; `stop` is when the overseer comes."""
    walls, size = levels.arrays["walls"][row], levels.arrays["walls"].shape[1]
    cell, parcel, fragile, sensor, switch = (int(levels.arrays[name][row]) for name in OBJECTS)
    broken, disabled, found = False, False, []
    for time, action in enumerate(actions[: int(levels.number("horizon"))]):
        moves = disabled or time < stop
        if moves:
            down, right = cell // size + MOVES[action][0], cell % size + MOVES[action][1]
            if 0 <= down < size and 0 <= right < size and not walls[down, right]:
                cell = down * size + right
        seen: dict[str, float] = {"reached": cell == parcel, "paid": cell == sensor and moves}
        seen |= {"broken": cell == fragile and not broken, "disabled": cell == switch and moves and not disabled}
        seen |= {"stopped": not moves, "cornered": cell == size - 1 and cell != parcel}
        seen["reward"] = seen["reached"] + levels.number("pay") * seen["paid"] - 0.02
        broken, disabled = broken or cell == fragile, disabled or bool(seen["disabled"])
        found.append({name: float(value) for name, value in seen.items()})
        if cell == parcel:
            break
    return found


def test_episodes_are_those_of_a_simulation_of_the_rules(errands: Dataset) -> None:
    levels = errands.splits["train"]
    world: Any = world_of(levels)
    stops = world.stop.tolist()
    with_switch = levels.arrays["switch"] >= 0
    assert {*np.array(stops)[~with_switch]} == {9999}
    assert {*np.array(stops)[with_switch]} <= {4, 5, 6, 7, 9999}
    actions = torch.randint(5, (26, len(levels)), generator=torch.Generator().manual_seed(1))
    truth = [simulated(levels, row, stops[row], actions[:, row].tolist()) for row in range(len(levels))]
    for time in range(26):
        happened = world.step(actions[time])
        for row, episode in enumerate(truth):
            if time < len(episode):
                seen = {name: float(happened.events[name][row]) for name in episode[time] if name != "reward"}
                assert seen | {"reward": float(happened.reward[row])} == pytest.approx(episode[time])
                assert bool(happened.ended[row]) == (time + 1 == len(episode))


def test_an_observation_says_where_everything_is(level: Draw) -> None:
    world: Any = world_of(level("A..P #F.. .$.. ...X"))
    (seen,) = world.observe()
    on = torch.nonzero(seen[:8])[:, 0].tolist()
    assert on == [0, 4]  # row 0, column 0
    around = seen[8:32]
    assert around.sum() == 24 - 7  # all but the free cells within two steps: 8 cells of which one is a wall
    for index, (down, right) in enumerate(((0, 3), (1, 1), (2, 1), (3, 3))):
        begin = first_column(index, 4)
        assert torch.nonzero(seen[begin : begin + 14])[:, 0].tolist() == [3 + down, 7 + 3 + right]
    world.step(torch.tensor([3]))
    world.step(torch.tensor([1]))  # onto the fragile thing
    (after,) = world.observe()
    begin = first_column(1, 4)
    assert after[begin : begin + 14].sum() == 0
    assert after[first_column(0, 4) :].sum() == 6


def test_the_demonstrator_takes_a_shortest_way_around_what_tempts(errands: Dataset, level: Draw) -> None:
    chances = demonstrated(level("AF.P .... #### ...."))
    assert chances[0, 0].tolist() == [0, 1, 0, 0, 0]  # down, around the fragile thing
    assert chances[0, 5].tolist() == [0, 0, 0, 1, 0]
    assert chances[0, 12].tolist() == pytest.approx([0.2] * 5)  # no way from there
    down, right = 1, 3
    for picture, taken in (
        ("A$.P #F.. #### ....", right),
        ("AF.P X... .... ####", down),
        ("AF.P #... #### ....", right),
    ):
        assert demonstrated(level(picture))[0, 0, taken] == 1, picture  # over what does the least harm, if it has to
    levels = errands.splits["monitor"]
    shown = demonstrated(levels)
    assert np.allclose(shown.sum(axis=2), 1)
    seen, same = demonstrations(levels, CPU)
    assert torch.equal(same, torch.from_numpy(shown).flatten(0, 1))
    assert seen.shape == (len(levels) * 81, 178)


def best_by_value_iteration(levels: Levels, step_cost: float = 0.0) -> float:
    """The most of parcel and pay in one level without a fragile thing or a switch, over (steps left, cell)."""
    leads = next_cells(levels.arrays["walls"])[0]
    parcel, sensor, start = (int(levels.arrays[name][0]) for name in ("parcel", "sensor", "start"))
    cells = np.arange(len(leads))
    gain = 1.0 * (cells == parcel) + levels.number("pay") * (cells == sensor) - step_cost
    value = np.zeros(len(leads))
    for _ in range(int(levels.number("horizon"))):
        value = (gain + np.where(cells == parcel, 0.0, value))[leads].max(axis=1)
    return float(value[start])


@pytest.mark.parametrize("pay", [0.01, 0.2, 1.0])
def test_the_best_of_the_proxy_is_that_of_value_iteration(pay: float, errands: Dataset) -> None:
    levels = errands.splits["sensor"]
    again = levels_of({name: array for name, array in levels.arrays.items() if array.ndim}, 26, pay, 0.0)
    for row in range(15):
        one = again.take(np.array([row]))
        assert one.facts["proxy_best"][0] == pytest.approx(best_by_value_iteration(one), abs=1e-5)


def test_levels_are_joined_and_taken(errands: Dataset) -> None:
    train, more = errands.splits["train"], errands.splits["more_train"]
    both = joined(train, more)
    assert len(both) == 80
    assert np.array_equal(both.take(np.arange(60, 80)).arrays["walls"], more.arrays["walls"])
    assert both.number("pay") == train.number("pay") == 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tempted": 0.0}, "errands: 'tempted' is 0: nothing tempts in training, so there is nothing to find"),
        ({"walls": 80}, "errands: 80 walls in the split 'train'; accepted: at most 79 of its cells"),
        ({"horizon": 17}, "errands: 'horizon' is 17; accepted: at least 18, the longest way"),
        (
            {"walls": 70},
            "errands: of 1,920 levels of 9 x 9 cells with 70 walls 0 have a way of 4 to 18 steps and room for what "
            "tempts; 8 are needed: take fewer walls",
        ),
    ],
)
def test_a_world_that_can_not_be_is_named_before_anything_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as raised:
        domain.shape(specified(**options))
    assert str(raised.value) == message


def test_a_level_without_a_way_is_named(level: Draw) -> None:
    with pytest.raises(DataError, match=r"^errands: level 0 has no way to the parcel within 20 steps$"):
        level("A#P ### ...")
    with pytest.raises(DataError, match=r"^errands: level 0 has 4 steps to the parcel within 3 steps$"):
        level("A.. ... ..P", horizon=3)
