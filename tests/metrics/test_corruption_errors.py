"""mCE and relative mCE: the published formulas in loops, a model equal to its baseline, baselines that cannot be."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines import parts
from pipelines.measuring import measure
from pipelines.metrics import mean_corruption_error, relative_corruption_error
from pipelines.metrics._corruptions import ERRORS, EXCESS_ERRORS
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from pipelines.vision.conditions._corrupt import CORRUPTIONS

Build = Callable[..., Outcomes]
KINDS = ("fog", "jpeg", "gaussian_noise")
N = 40  # examples a part
NAMES = tuple(f"{kind} {severity}" for kind in KINDS for severity in range(1, 6))


def corrupted(outcomes_of: Build, wrong: np.ndarray, clean: np.ndarray) -> Outcomes:
    """Outcomes with so many of N wrong in each part, and so many of the same images wrong when clean."""
    hit, before = (np.concatenate([np.arange(N) >= count for count in counts]) for counts in (wrong, clean))
    outcomes = outcomes_of(np.eye(2)[np.where(hit, 0, 1)], np.zeros(len(hit)))
    part = np.repeat(np.arange(len(NAMES)), N)
    recorded = {"right_when_clean": before.astype(np.float32)}
    return replace(outcomes, parts=part, part_names=NAMES, examples=np.arange(len(hit)) % 50, values=recorded)


def value(outcomes: Outcomes, module: object, baseline: Mapping[str, float]) -> float:
    found = measure(outcomes, module.metric(baseline=baseline))["all"]  # type: ignore[attr-defined]
    assert isinstance(found, Measured)
    return found.value


def test_the_formulas_in_loops(outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    wrong, clean = rng.integers(0, N, 15), rng.integers(0, 10, 15)
    outcomes = corrupted(outcomes_of, wrong, clean)
    baseline = {kind: float(rng.uniform(1, 3)) for kind in KINDS}
    errors, relative = [], []
    for index, kind in enumerate(KINDS):
        of_kind = range(5 * index, 5 * index + 5)
        errors.append(sum(wrong[part] / N for part in of_kind) / baseline[kind])
        relative.append(sum(wrong[part] / N - clean[part] / N for part in of_kind) / baseline[kind])
    assert value(outcomes, mean_corruption_error, baseline) == pytest.approx(np.mean(errors))
    assert value(outcomes, relative_corruption_error, baseline) == pytest.approx(np.mean(relative))


def test_the_baseline_itself_has_one(outcomes_of: Build) -> None:
    wrong, clean = np.arange(15) + 6, np.full(15, 4)
    outcomes = corrupted(outcomes_of, wrong, clean)
    sums = dict(zip(KINDS, (wrong / N).reshape(3, 5).sum(axis=1), strict=True))
    assert value(outcomes, mean_corruption_error, sums) == pytest.approx(1)
    excess = {kind: error - 5 * 4 / N for kind, error in sums.items()}
    assert value(outcomes, relative_corruption_error, excess) == pytest.approx(1)


def test_a_model_that_corruptions_do_not_touch(outcomes_of: Build) -> None:
    outcomes = corrupted(outcomes_of, np.full(15, 10), np.full(15, 10))
    assert value(outcomes, relative_corruption_error, dict.fromkeys(KINDS, 1.0)) == 0
    right = corrupted(outcomes_of, np.zeros(15), np.zeros(15))
    assert value(right, mean_corruption_error, dict.fromkeys(KINDS, 1.0)) == 0


def test_the_standard_error_is_the_simulated_spread(outcomes_of: Build) -> None:
    """Each part drawn on its own."""
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.1, 0.6, 15)
    runs = []
    for _ in range(400):
        drawn = corrupted(outcomes_of, rng.binomial(N, chance), np.zeros(15))
        drawn = replace(drawn, examples=np.arange(len(drawn)))
        found = measure(drawn, mean_corruption_error.metric())["all"]
        assert isinstance(found, Measured)
        runs.append((found.value, found.standard_error))
    values, errors = np.array(runs, dtype=float).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.1)


def test_every_corruption_has_a_baseline_whose_clean_error_is_the_same() -> None:
    assert list(ERRORS) == list(EXCESS_ERRORS) == list(CORRUPTIONS)
    for kind, error in ERRORS.items():
        assert error - EXCESS_ERRORS[kind] == pytest.approx(5 * 0.1216, abs=0.0101)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_baseline_trained_again_errs_as_it_did() -> None:
    """To within two standard errors of a mean over its five seeds: another processor trains other networks."""
    path = Path(__file__).parents[2] / "benchmarks" / "corruption_baseline.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    rows = [*benchmark.baselines(benchmark.SEEDS, ["fog", "jpeg"])]
    for kind, two_errors in {"fog": 0.29, "jpeg": 0.43}.items():
        assert np.mean([row[kind] for row in rows]) == pytest.approx(ERRORS[kind], abs=two_errors)
    assert np.mean([row["clean"] for row in rows]) == pytest.approx(0.1216, abs=0.085)


def test_a_corruption_without_a_baseline_has_no_value(outcomes_of: Build) -> None:
    outcomes = corrupted(outcomes_of, np.full(15, 10), np.full(15, 5))
    metric = mean_corruption_error.metric(baseline={"fog": 1.0, "jpeg": 1.0})
    found = measure(outcomes, metric)
    assert str(found["all"]) == "part 'gaussian_noise 1': no baseline error for 'gaussian_noise 1'"
    with pytest.raises(Unmeasurable, match=r"^no examples of a corruption: they belong to no part of their own$"):
        metric(replace(outcomes, parts=np.full(len(outcomes), -1)))


@pytest.mark.parametrize("wrong", [0, -1.0, "2", True, float("inf")])
def test_a_baseline_that_cannot_be(wrong: object) -> None:
    for name in ("mean_corruption_error", "relative_corruption_error"):
        with pytest.raises(ValueError, match="baseline") as caught:
            parts.load("pipelines.metrics", name, {"baseline": {"fog": 1.0, "jpeg": wrong}})
        assert str(caught.value) == f"'baseline' has {wrong!r} for 'jpeg', not a number above 0"
