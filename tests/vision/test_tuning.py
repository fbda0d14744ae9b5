"""The benchmark of tuning: every method gets as many trials, from the same draws."""

import importlib.util
import itertools
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipelines import parts
from stages.study.model import Part


@pytest.fixture(scope="module")
def tuning() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "tuning.py"
    spec = importlib.util.spec_from_file_location("tuning", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_expected_maximum_is_the_mean_over_all_choices(tuning: ModuleType) -> None:
    values = [0.3, 0.9, 0.1, 0.5, 0.5, 0.7]
    for draws in range(1, 7):
        every = [max(chosen) for chosen in itertools.combinations(values, draws)]
        assert tuning.expected_maximum(values, draws) == pytest.approx(np.mean(every))


def test_configurations_are_the_defaults_and_options_in_range(tuning: ModuleType) -> None:
    for method in parts.names(tuning.METHODS):
        planned = Part(method, method, parts.defaults(parts.factory(tuning.METHODS, method)))
        drawn = tuning.configurations(planned, 8, 0)
        assert drawn == tuning.configurations(planned, 8, 0)
        assert len(drawn) == (8 if tuning.tuned(method) else 1)
        for number, options in enumerate(drawn):
            parts.load(tuning.METHODS, method, options)
            for name, (low, high, _) in tuning.tuned(method).items():
                default = parts.defaults(parts.factory(tuning.METHODS, method))[name]
                assert (
                    (options[name] == default)
                    if number == 0
                    else (low * 0.999 <= options[name] <= high * 1.001 or low < 0)
                )
        assert len({tuple(options.values()) for options in drawn}) == len(drawn)
