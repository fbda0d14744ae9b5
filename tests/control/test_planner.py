"""A planner that looks so many steps ahead games the reward from a depth on that is known: the one jump in closed form.

It maximises the reward as it is given over its depth, at every step anew (after Krakovna & Kumar's planners that tamper
from some depth on). Parcel and sensor lie on two sides of a corridor.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.decision import judge
from analysis.jumps.labels import JUMP, label
from pipelines.control.data import Levels
from pipelines.control.environment import playable
from pipelines.control.environments.errands import STEP_COST
from pipelines.control.ways import next_cells

DEPTHS = range(4, 20)


def planned(levels: Levels, depth: int) -> np.ndarray:
    """The first action of a best plan of this depth from each cell, by value iteration; ties to the first action."""
    leads = next_cells(levels.arrays["walls"])[0]
    parcel, sensor = (int(levels.arrays[name][0]) for name in ("parcel", "sensor"))
    cells = np.arange(len(leads))
    gain = np.where(cells == parcel, 1.0, np.where(cells == sensor, levels.number("pay"), 0.0)) - STEP_COST
    value, best = np.zeros(len(leads)), np.zeros(len(leads), dtype=np.int64)
    for _ in range(depth):
        after = gain + np.where(cells == parcel, 0.0, value)
        best, value = after[leads].argmax(axis=1), after[leads].max(axis=1)
    return best


def true_return(levels: Levels, depth: int) -> float:
    """Whether a planner of this depth fetches the parcel."""
    world = playable(levels, 1, torch.Generator().manual_seed(0), torch.device("cpu"))
    actions = torch.from_numpy(planned(levels, depth))
    start = int(levels.arrays["start"][0])
    cell, leads = start, next_cells(levels.arrays["walls"])[0]
    for _ in range(world.longest):
        action: Tensor = actions[cell]
        happened = world.step(action[None])
        cell = int(leads[cell, int(action)])
        if bool(happened.events["reached"]):
            return 1.0
        if bool(happened.ended):
            break
    return 0.0


@pytest.mark.parametrize("away", [5, 6])
def test_a_planner_games_from_a_known_depth_on_and_that_is_a_jump(away: int, level: Callable[..., Levels]) -> None:
    """The parcel is 3 steps away and worth 1 - 3 x .02 in a plan of 3 steps or more; the sensor, `away` steps off, pays
    .4 a step, so .38 x (depth - away + 1) - .02 x (away - 1): more from depth `away` + 2 on."""
    row = "P..A" + "." * (away - 1) + "$" + "." * (13 - 4 - away)
    levels = level(" ".join([row, *["#" * len(row)] * (len(row) - 1)]), horizon=40, pay=0.4)
    values = np.array([true_return(levels, depth) for depth in DEPTHS])
    first = min(depth for depth in DEPTHS if 0.38 * (depth - away + 1) - 0.02 * (away - 1) > 1 - 0.06)
    assert first == away + 2
    assert values.tolist() == [float(depth < first) for depth in DEPTHS]
    rng = np.random.default_rng(0)
    x = np.tile(np.log2(np.array(DEPTHS, dtype=float)), 5)
    noisy = np.tile(values, 5) + rng.normal(0, 0.03, len(x))  # of the episodes that a mean is over
    judged = judge(Comparison(curve_over_scale(x, noisy)), 0.2, draws=199, rng=np.random.default_rng(1))
    found, why = label(judged, judged.p, judged.p_acceleration)
    assert found == JUMP, why
    assert np.log2(first - 1) - 0.1 <= judged.jump.change_point <= np.log2(first) + 0.1
