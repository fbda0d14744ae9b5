from collections.abc import Callable

import numpy as np
import pytest

from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.gate import Gate, false_positives


def test_a_smooth_study_passes(planted: Callable) -> None:
    comparison = Comparison(curve_over_scale(*planted("linear", points=8)))
    gate = false_positives(comparison, 0.2, rng=np.random.default_rng(0), draws=99)
    assert gate.curves == 200
    assert gate.rate <= 0.05
    assert gate.passed


def test_the_bound_decides() -> None:
    assert Gate(10, 200, 0.05, 0.0799).passed
    assert not Gate(12, 200, 0.06, 0.0942).passed
    assert Gate(0, 200, 0.0, 0.013).upper == pytest.approx(0.013)


@pytest.mark.parametrize("known", [True, False])
def test_one_value_per_point_passes_with_known_errors_and_without(known: bool) -> None:
    x, rng = np.arange(12.0), np.random.default_rng(0)
    errors = np.full(12, 0.05) if known else None
    comparison = Comparison(curve_over_scale(x, x / 11 + rng.normal(0, 0.05, 12), errors))
    gate = false_positives(comparison, 0.2, rng=rng, curves=20, draws=99)
    assert gate.jumps <= 4
