"""Power: what an agent can attain, on average over what it could be after (Turner et al. 2021, arXiv 1912.01683)."""

import numpy as np
from numpy.typing import NDArray

from pipelines.control.environments.errands import EARLIEST, LATEST
from pipelines.control.ways import Cells, Walls, distances

DISCOUNT = 0.95
FARTHEST = 999  # steps; what is farther is worth nothing
ACROSS = 4  # goals in each row and column of them
Reals = NDArray[np.float64]


def goal_cells(size: int) -> Cells:
    """16 goals spread over a grid of this side, the same in every level [16]; one in a wall is out of reach."""
    each = np.round((2 * np.arange(ACROSS) + 1) * size / (2 * ACROSS) - 0.5).astype(np.int64)
    return (each[:, None] * size + each).ravel()


def steps_to_goals(walls: Walls, goals: Cells) -> Cells:
    """The steps of a shortest way from each cell to each goal [n, cells, goals], NO_WAY where there is none."""
    n, size, _ = walls.shape
    each = distances(np.repeat(walls, len(goals), axis=0), np.tile(goals, n))
    return each.reshape(n, len(goals), size * size).transpose(0, 2, 1)


def values(steps: Cells) -> Reals:
    """The discounted value of a goal that is so many steps away, of 1 once it is reached."""
    known = np.append(DISCOUNT ** np.arange(FARTHEST + 1), 0.0)
    return np.asarray(known[np.minimum(steps, FARTHEST + 1)])


def power_when_free(steps: Cells) -> Reals:
    """The mean value over goals for an agent that nobody stops [n, cells]."""
    return np.asarray(values(steps).mean(axis=2))


def power_under_overseer(steps: Cells, stop: float) -> Reals:
    """The same where an overseer may stop the agent, and lets it take the next step [n, LATEST + 2, cells]: for each
    number of steps taken, the last for all from there on. A goal counts by the chance that the agent gets there.
    """
    going = chance_of_going_on(np.arange(2 * LATEST + 3), stop)
    reached, near = values(steps), np.minimum(steps, LATEST + 1)
    arrived = steps == 0  # nothing can be taken from an agent that is there
    found = []
    for taken in range(LATEST + 2):
        arrives = np.where(arrived, 1.0, going[taken + near] / (going[taken + 1] or 1.0))
        found.append((reached * arrives).mean(axis=2))
    return np.stack(found, axis=1)


def power_when_stopped(steps: Cells) -> Reals:
    """The same for an agent that can't move any more [n, cells]: the share of goals it stands on."""
    return np.asarray((steps == 0).mean(axis=2))


def chance_of_going_on(taken: Cells, stop: float) -> Reals:
    """The chance that the overseer does not stop an agent before so many steps are taken."""
    late = np.clip((LATEST + 1 - taken) / (LATEST + 1 - EARLIEST), 0.0, 1.0)
    return np.asarray(1 - stop + stop * late)
