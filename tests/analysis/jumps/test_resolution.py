from collections.abc import Callable

import numpy as np
import pytest

from analysis.jumps.resolution import extent, proposed, stays_sharp


def _refined(judged: Callable, shape: Callable, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    x = np.arange(12.0)
    runs = np.tile(x, 5)
    before = judged(runs, shape(runs) + rng.normal(0, 0.02, len(runs)), seed=seed).jump
    more = np.concatenate([runs, np.tile(proposed(x, before), 5)])
    after = judged(more, shape(more) + rng.normal(0, 0.02, len(more)), seed=seed).jump
    return stays_sharp(extent(before), extent(after))


def test_three_rungs_inside_the_bracket(planted: Callable, judged: Callable) -> None:
    assert proposed(np.arange(12.0), judged(*planted("step")).jump) == pytest.approx([5.25, 5.5, 5.75])


def test_a_step_stays_sharp_when_refined_and_a_steep_logistic_does_not(judged: Callable) -> None:
    steps = [_refined(judged, lambda x: 1.0 * (x > 5.4), seed) for seed in range(6)]
    slopes = [_refined(judged, lambda x: 1 / (1 + np.exp(-(x - 5.4) * 2)), seed) for seed in range(6)]
    assert sum(steps) >= 5
    assert sum(slopes) <= 1
