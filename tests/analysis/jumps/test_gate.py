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
