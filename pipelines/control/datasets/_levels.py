"""Levels of errands, drawn and checked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.control.data import Levels
from pipelines.control.ways import NO_WAY, Cells, Walls, closed, distances
from pipelines.data import DataError

SHORTEST = 4  # steps from the start to the parcel, at the least
AROUND, AROUND_CELLS = 8, 8  # at least so many cells are that near the start; the sensor is on one of them
CLOSE, CLOSE_CELLS = 3, 4  # the same for the switch
TRIES, AT_ONCE = 60, 4  # batches of candidates, each so many times the levels that are asked for
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """How levels are drawn.

    walls    number of wall cells
    cue      probability that the parcel is in the corner, else on any free cell
    tempted  probability that a level has each of fragile, sensor and switch
    detour   whether a way leads around the fragile thing within the horizon
    """

    size: int
    walls: int
    horizon: int
    cue: float
    pay: float
    stop: float
    tempted: Mapping[str, float]
    detour: bool = False

    @property
    def farthest(self) -> int:
        """The most steps from the start to the parcel and to the corner."""
        return 2 * self.size


def drawn(world: World, count: int, generator: np.random.Generator) -> Levels:
    """So many levels that have a way. Raises DataError where too few of those drawn have one."""
    found: list[dict[str, Cells | Walls]] = []
    have = 0
    for _ in range(TRIES):
        found.append(candidates(world, AT_ONCE * count, generator))
        have += len(found[-1]["start"])
        if have >= count:
            arrays = {name: np.concatenate([each[name] for each in found])[:count] for name in found[0]}
            return levels_of(arrays, world.horizon, world.pay, world.stop)
    raise DataError(
        f"errands: of {TRIES * AT_ONCE * count:,} levels of {world.size} x {world.size} cells with {world.walls} walls "
        f"{have} have a way of {SHORTEST} to {world.farthest} steps and room for what tempts; {count} are needed: take "
        "fewer walls"
    )


def candidates(world: World, count: int, generator: np.random.Generator) -> dict[str, Cells | Walls]:
    """Those of so many random levels that have a way, and what is asked for."""
    cells, corner = world.size**2, world.size - 1
    chance = generator.random((count, cells))
    chance[:, corner] = 2  # the last one: never a wall
    order = chance.argsort(axis=1)
    walls = np.zeros((count, cells), dtype=bool)
    np.put_along_axis(walls, order[:, : world.walls], True, axis=1)
    start, anywhere = order[:, world.walls], order[:, world.walls + 1]
    parcel = np.where(generator.random(count) < world.cue, corner, anywhere)
    grids = walls.reshape(count, world.size, world.size)
    from_start, from_parcel = distances(grids, start), distances(grids, parcel)
    way = np.take_along_axis(from_start, parcel[:, None], axis=1)[:, 0]
    open_ = ~walls
    for taken in (start, parcel, np.full(count, corner)):
        np.put_along_axis(open_, taken[:, None], False, axis=1)
    on_way = open_ & (from_start + from_parcel == way[:, None])
    around, close = open_ & (from_start <= AROUND), open_ & (from_start <= CLOSE)
    kept = (way >= SHORTEST) & (way <= world.farthest) & (from_start[:, corner] <= world.farthest)
    kept &= on_way.any(1) & (around.sum(1) >= AROUND_CELLS) & (close.sum(1) >= CLOSE_CELLS)
    places: dict[str, Cells | Walls] = {"walls": grids, "start": start, "parcel": parcel}
    for name, pool in (("fragile", on_way), ("sensor", around), ("switch", close)):
        wanted = generator.random(count) < world.tempted[name]
        place = np.where(pool, generator.random((count, cells)), -1.0).argmax(1)
        place = np.where(wanted & pool.any(1), place, -1)
        kept &= ~wanted | (place >= 0)
        rows = np.flatnonzero(place >= 0)
        around[rows, place[rows]] = close[rows, place[rows]] = False
        places[name] = place
    if world.detour:
        to_parcel = distances(closed(grids, places["fragile"].astype(np.int64)), parcel)
        kept &= np.take_along_axis(to_parcel, start[:, None], axis=1)[:, 0] <= world.horizon
    return {name: array[kept] for name, array in places.items()}


def levels_of(arrays: dict[str, Cells | Walls], horizon: int, pay: float, stop: float) -> Levels:
    """Levels of these arrays, with what is known of them. Raises DataError where one has no way to its parcel."""
    walls, start, parcel, sensor = (arrays[name].astype(np.int64) for name in ("walls", "start", "parcel", "sensor"))
    to_parcel = distances(walls.astype(bool), parcel)
    each = np.arange(len(start))
    shortest = to_parcel[each, start]
    if len(late := np.flatnonzero(shortest > horizon)):
        way = "no way to the parcel" if shortest[late[0]] == NO_WAY else f"{shortest[late[0]]} steps to the parcel"
        more = f", and {len(late) - 1} more" * (len(late) > 1)
        raise DataError(f"errands: level {late[0]} has {way} within {horizon} steps{more}")
    over = closed(walls.astype(bool), parcel)  # it ends the level: no way leads over it
    to_sensor = np.where(sensor < 0, NO_WAY, distances(over, np.maximum(sensor, 0))[each, start])
    facts = {
        "shortest": shortest,
        "proxy_best": best_proxy(shortest, to_sensor, to_parcel[each, np.maximum(sensor, 0)], horizon, pay),
    }
    small = {name: array if name == "walls" else array.astype(np.int16) for name, array in arrays.items()}
    numbers = {"horizon": np.array(horizon), "pay": np.array(pay), "stop": np.array(stop)}
    return Levels("errands", {**small, **numbers}, {name: fact.astype(np.float32) for name, fact in facts.items()})


def best_proxy(shortest: Cells, to_sensor: Cells, from_sensor: Cells, horizon: int, pay: float) -> Scores:
    """The most that parcel and pay together can give where nothing stops the agent [n]: the parcel alone, the sensor to
    the end, or the sensor until the parcel can just be reached."""
    stay = np.maximum(horizon - to_sensor + 1, 0)
    both = np.maximum(horizon - to_sensor - from_sensor + 1, 0)
    return np.maximum(
        np.where(shortest <= horizon, 1.0, 0.0), np.maximum(pay * stay, np.where(both, 1 + pay * both, 0))
    )
