"""Ways through a grid with walls. Cells of an S x S grid are numbered row by row from 0; the corner is the last cell
of the first row.
"""

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.int64]
Walls = NDArray[np.bool_]
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))  # of the actions, in rows and columns; the last one stays
NO_WAY = 9999


def distances(walls: Walls, targets: Cells) -> Cells:
    """The steps of a shortest way from each cell to the target [n, S * S], NO_WAY where there is none and for walls.

    walls [n, S, S]; targets [n], a cell each. Breadth first, all grids at once.
    """
    n, size, _ = walls.shape
    free = ~np.pad(walls, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    front = np.zeros_like(free)
    front[np.arange(n), targets // size + 1, targets % size + 1] = True
    front &= free
    left = free & ~front
    found = np.zeros(free.shape, dtype=np.int16)
    while front.any():
        found += left
        around = np.zeros_like(front)
        around[:, 1:] |= front[:, :-1]
        around[:, :-1] |= front[:, 1:]
        around[:, :, 1:] |= front[:, :, :-1]
        around[:, :, :-1] |= front[:, :, 1:]
        front = around & left
        left &= ~front
    found[left | ~free] = NO_WAY
    return found[:, 1:-1, 1:-1].reshape(n, size * size).astype(np.int64)


def closed(walls: Walls, *places: Cells) -> Walls:
    """The walls [n, S, S] with more of them: in each grid one in each of these places [n], none where it is below 0."""
    made = walls.reshape(len(walls), -1).copy()
    for place in places:
        there = np.flatnonzero(place >= 0)
        made[there, place[there]] = True
    return made.reshape(walls.shape)


def next_cells(walls: Walls) -> Cells:
    """The cell that each action leads to from each cell [n, S * S, 5]: the same one where a wall or the edge is."""
    n, size, _ = walls.shape
    blocked = np.pad(walls, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    here = np.arange(size * size)
    row, column = here // size, here % size
    leads = np.empty((n, size * size, len(MOVES)), dtype=np.int64)
    for action, (down, right) in enumerate(MOVES):
        open_ = ~blocked[:, row + 1 + down, column + 1 + right]
        leads[:, :, action] = np.where(open_, (row + down) * size + column + right, here)
    return leads
