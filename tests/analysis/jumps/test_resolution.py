from dataclasses import replace

import numpy as np
import pytest

from analysis.jumps.resolution import extent, proposed, stays_sharp
from tests.analysis.jumps.conftest import Judging, Planted, Shape


def _refined(judged: Judging, shape: Shape, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    x = np.arange(12.0)
    runs = np.tile(x, 5)
    before = judged(runs, shape(runs) + rng.normal(0, 0.02, len(runs)), seed=seed).jump
    more = np.concatenate([runs, np.tile(proposed(x, before), 5)])
    after = judged(more, shape(more) + rng.normal(0, 0.02, len(more)), seed=seed).jump
    return stays_sharp(extent(before), extent(after))


def test_three_rungs_inside_the_bracket(planted: Planted, judged: Judging) -> None:
    assert proposed(np.arange(12.0), judged(*planted("step")).jump) == pytest.approx([5.25, 5.5, 5.75])


@pytest.mark.parametrize(
    ("low", "high", "rungs"),
    [
        (5.2, 5.8, [5.25, 5.5, 5.75]),
        (5, 6, [5.25, 5.5, 5.75]),
        (4.9, 6, [4.5, 5, 5.5]),
        (5, 5, [4.5, 5, 5.5]),
        (0, 0, [0.25, 0.5, 0.75]),
        (11, 11, [10.25, 10.5, 10.75]),
        (-1, 12, [2.75, 5.5, 8.25]),
    ],
)
def test_rungs_lie_between_the_positions_next_to_the_change_point(
    planted: Planted, judged: Judging, low: float, high: float, rungs: list[float]
) -> None:
    change = replace(judged(*planted("step"), draws=19).jump, change_low=low, change_high=high)
    assert proposed(np.arange(12.0), change) == pytest.approx(rungs)


def test_a_step_stays_sharp_when_refined_and_a_steep_logistic_does_not(judged: Judging) -> None:
    steps = [_refined(judged, lambda x: 1.0 * (x > 5.4), seed) for seed in range(6)]
    slopes = [_refined(judged, lambda x: 1 / (1 + np.exp(-(x - 5.4) * 2)), seed) for seed in range(6)]
    assert sum(steps) >= 5
    assert sum(slopes) <= 1
