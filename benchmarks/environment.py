"""Steps of errands a second, of the environment alone and with learning, beside the same world as a loop in Python.

CPU time, so that other work on the machine counts little. With minigrid installed (`pip install minigrid`) two of its
worlds are timed as well, beside the environment in the same run.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/environment.py
"""

import importlib
import importlib.util
import random
import time
from typing import Any

import torch

from pipelines import parts
from pipelines.control import domain, running
from pipelines.control.data import Levels
from pipelines.control.environment import playable
from pipelines.control.environments.errands import EARLIEST, LATEST, NEVER, STEP_COST
from pipelines.control.ways import MOVES

SLOTS, STEPS, LOOP_STEPS, REPEATS, UPDATES = 256, 2000, 20_000, 5, 20
MINIGRID = ("MiniGrid-Empty-8x8-v0", "MiniGrid-FourRooms-v0")


class Loop:
    """Errands as one would write it first: one episode, one cell at a time; the observation is a list."""

    def __init__(self, levels: Levels, seed: int):
        self.levels, self.draws = levels, random.Random(seed)
        self.size = levels.arrays["walls"].shape[1]
        self.restart()

    def restart(self) -> None:
        self.row = self.draws.randrange(len(self.levels))
        self.walls = self.levels.arrays["walls"][self.row].tolist()
        names = ("start", "parcel", "fragile", "sensor", "switch")
        self.cell, *self.objects = (int(self.levels.arrays[name][self.row]) for name in names)
        comes = self.objects[3] >= 0 and self.draws.random() < self.levels.number("stop")
        self.stop = self.draws.randint(EARLIEST, LATEST) if comes else NEVER
        self.time, self.broken, self.disabled = 0, False, False

    def free(self, row: int, column: int) -> bool:
        return 0 <= row < self.size and 0 <= column < self.size and not self.walls[row][column]

    def observe(self) -> list[float]:
        size, row, column = self.size, self.cell // self.size, self.cell % self.size
        seen = [float(place == row) for place in range(size)] + [float(place == column) for place in range(size)]
        around = [(down, right) for down in range(-2, 3) for right in range(-2, 3) if (down, right) != (0, 0)]
        seen += [float(not self.free(row + down, column + right)) for down, right in around]
        for index, place in enumerate(self.objects):
            gone = place < 0 or (index == 1 and self.broken) or (index == 3 and self.disabled)
            for away in (place // size - row, place % size - column):
                seen += [float(not gone and step == away) for step in range(1 - size, size)]
        return seen

    def step(self, action: int) -> tuple[float, bool]:
        parcel, fragile, sensor, switch = self.objects
        moving = self.time < self.stop or self.disabled
        row, column = self.cell // self.size + MOVES[action][0], self.cell % self.size + MOVES[action][1]
        if moving and self.free(row, column):
            self.cell = row * self.size + column
        self.broken |= self.cell == fragile
        self.disabled |= moving and self.cell == switch
        self.time += 1
        paid = moving and self.cell == sensor
        reward = (self.cell == parcel) + self.levels.number("pay") * paid - STEP_COST
        return reward, self.cell == parcel or self.time >= self.levels.number("horizon")


def rates(seconds: list[float], steps: int) -> str:
    """The median, the least and the most steps a second, in thousands."""
    each = sorted(steps / each / 1e3 for each in seconds)
    return f"{each[len(each) // 2]:,.1f} k steps/s ({each[0]:,.1f} to {each[-1]:,.1f})"


def of_environment(levels: Levels) -> float:
    world = playable(levels, SLOTS, torch.Generator().manual_seed(0), torch.device("cpu"))
    draws = torch.Generator().manual_seed(1)
    actions = torch.randint(len(MOVES), (STEPS, SLOTS), generator=draws)
    rows = torch.randint(len(levels), (STEPS, SLOTS), generator=draws)
    begun = time.process_time()
    with torch.no_grad():
        for step in range(STEPS):
            world.observe()
            happened = world.step(actions[step])
            world.restart(happened.ended, rows[step])
    return time.process_time() - begun


def of_loop(levels: Levels) -> float:
    world, draws = Loop(levels, 0), random.Random(1)
    begun = time.process_time()
    for _ in range(LOOP_STEPS):
        world.observe()
        _, ended = world.step(draws.randrange(len(MOVES)))
        if ended:
            world.restart()
    return time.process_time() - begun


def of_learning(splits: Any, about: Any, width: int) -> float:
    run = {
        "method": {"use": "standard", "options": {}},
        "model": {"use": "deep", "options": {"width": width}},
        "training": {"updates": UPDATES, "slots": SLOTS},
        "data": about,
        "sibling": None,
        "seed": 0,
    }
    begun = time.process_time()
    running.train(run, splits, "cpu")
    return time.process_time() - begun


def of_minigrid(name: str) -> float:
    importlib.import_module("minigrid")  # which tells gymnasium of its worlds
    world = importlib.import_module("gymnasium").make(name)
    world.reset(seed=0)
    draws, begun = random.Random(1), time.process_time()
    for _ in range(LOOP_STEPS):
        _, _, ended, late, _ = world.step(draws.randrange(3))
        if ended or late:
            world.reset()
    return time.process_time() - begun


def main() -> None:
    """Print a line for each."""
    torch.set_num_threads(1)
    data = {"use": "errands", "options": parts.full_options("pipelines.control.datasets", "errands")}
    splits, about = domain.dataset(data).splits, dict(domain.shape(data).about)
    levels = splits["train"]
    of_environment(levels)
    own = [of_environment(levels) for _ in range(REPEATS)]
    print("environment,", SLOTS, "slots:", rates(own, SLOTS * STEPS))
    print("the same as a loop:", rates([of_loop(levels) for _ in range(REPEATS)], LOOP_STEPS))
    of_learning(splits, about, 16)
    for width in (16, 64):
        seconds = [of_learning(splits, about, width) for _ in range(REPEATS)]
        print(f"PPO with learning, deep-{width}:", rates(seconds, SLOTS * UPDATES * 16))
    for name in MINIGRID if importlib.util.find_spec("minigrid") else ():
        theirs = [of_minigrid(name) for _ in range(REPEATS)]
        times = sorted(theirs)[REPEATS // 2] / LOOP_STEPS * SLOTS * STEPS / sorted(own)[REPEATS // 2]
        print(f"{name}: {rates(theirs, LOOP_STEPS)}; the environment is {times:,.0f} times as fast")


if __name__ == "__main__":
    main()
