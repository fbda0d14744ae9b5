"""Metric labels and the coupling null: planted determination, planted separation, and coupling that explains all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from analysis.audit.grid import grids
from analysis.audit.restatement import coupling_null, restatements, spearman
from analysis.audit.settings import AuditSettings
from analysis.bootstrap import resampled_spearman
from analysis.simulation.worlds import Method, World, simulated_study

Floats = NDArray[np.float64]
SETTINGS = AuditSettings(draws=400)
ROW = ("domain", "dataset", "method", "model", "family", "seed", "step")


def labels(world: World, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    return restatements(grids(results, scores, SETTINGS)[0], SETTINGS, rng)


def test_a_measurement_that_capability_fixes() -> None:
    row = labels(World(slope=1.0, model_spread=0.0, family_spread=0.0, seeds=4)).row(0, named=True)
    assert row["label"] == "capability-determined"
    assert row["rho_ladder"] > 0.9
    assert row["r2_lower"] > 0.8


def test_a_measurement_without_capability_is_separable_only_with_many_models() -> None:
    few = labels(World(slope=0.0, model_spread=0.3)).row(0, named=True)
    assert few["label"] == "mixed"
    many = labels(World(slope=0.0, model_spread=0.3, families=20, widths=5, family_spread=0.0), 1).row(0, named=True)
    assert many["label"] == "separable"


def test_three_populations_are_told_apart() -> None:
    # Along scale safety rises with capability; across methods the more capable one is less safe.
    methods = {f"m{k}": Method(capability=0.4 * k, beyond=-0.6 * k) for k in range(-3, 4)}
    row = labels(World(methods=methods, seed_spread=0.02, capability_spread=0.02)).row(0, named=True)
    assert row["rho_ladder"] > 0.8
    assert row["rho_method"] < -0.8
    assert row["rho_method"] < row["rho_pooled"] < row["rho_ladder"]


def test_too_few_rungs_have_no_label() -> None:
    row = labels(World(families=1, widths=4)).row(0, named=True)
    assert (row["label"], row["rungs"], row["r2"]) == (None, 4, None)


def test_the_null_of_accuracy_is_at_most_the_accuracy() -> None:
    accuracy = np.linspace(0.5, 0.95, 10)
    null = coupling_null(accuracy * 0.4, accuracy, "accuracy", 200, np.random.default_rng(0))
    assert null == pytest.approx(np.tile(accuracy * 0.4, (200, 1)))  # one quality for all: nothing but the coupling


def test_robust_accuracy_that_is_coupled_only_lies_within_its_null() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(60):
        accuracy = np.sort(rng.uniform(0.6, 0.95, 12))
        value = accuracy * rng.uniform(0.3, 0.6, 12)
        drawn = coupling_null(value, accuracy, "accuracy", 400, rng)
        null = resampled_spearman(accuracy, drawn.T, np.ones((1, 12)))[0]
        low, high = np.quantile(null, [0.025, 0.975])
        inside += int(low <= spearman(accuracy, value) <= high)
    assert inside >= 51


def perfect_ranking(error: float, n: int = 100_000) -> float:
    """The area under the risk-coverage curve where every wrong answer is less confident than every right one."""
    wrong = np.arange(n) >= n - round(error * n)
    return float((np.cumsum(wrong) / np.arange(1, n + 1)).mean())


def test_a_quality_that_all_models_share_leaves_the_null_no_spread() -> None:
    accuracy = np.linspace(0.5, 0.95, 10)
    error = 1 - accuracy
    low = np.array([perfect_ranking(each) for each in error])
    for kind, value in (("error", 0.4 * error), ("risk-coverage", low + 0.3 * (error - low))):
        null = coupling_null(value, accuracy, kind, 50, np.random.default_rng(0))
        assert null == pytest.approx(np.tile(value, (50, 1)), abs=1e-4), kind
    quality = np.linspace(0.2, 0.6, 10)
    shuffled = coupling_null(quality * error, accuracy, "error", 50, np.random.default_rng(0)) / error
    assert np.sort(shuffled, axis=1) == pytest.approx(np.tile(quality, (50, 1)))
    assert not np.allclose(shuffled, quality)


Coupled = Callable[..., dict[str, Any]]


@pytest.fixture
def coupled(result: Callable[..., dict[str, Any]], table: Callable[..., pl.DataFrame]) -> Coupled:
    """The label of a measurement whose values are given, on models whose capability rises with clean accuracy."""

    def label(accuracy: Floats, value: Floats, metric: str, higher_is_better: bool, draws: int = 100) -> dict[str, Any]:
        rows, scores = [], []
        for k, (of_clean, of_metric) in enumerate(zip(accuracy, value, strict=True)):
            run = {"model": f"cnn-{k:02d}", "family": "cnn"}
            rows.append(result("clean/accuracy", float(of_clean), **run))
            about = {"measurement": f"under/{metric}", "metric": metric, "higher_is_better": higher_is_better}
            rows.append({**result("pgd/accuracy", float(of_metric), **run), **about})
            scores.append({**{name: rows[-1][name] for name in ROW}, "score": float(k)})
        settings = AuditSettings(draws=draws)
        grid = grids(table(rows), pl.DataFrame(scores), settings)[0]
        return restatements(grid, settings, np.random.default_rng(0)).row(0, named=True)

    return label


def test_a_lower_is_better_metric_is_coupled_upwards(coupled: Coupled) -> None:
    accuracy = np.linspace(0.5, 0.95, 12)
    quality = 0.2 + 0.05 * np.random.default_rng(1).standard_normal(12)
    row = coupled(accuracy, quality * (1 - accuracy), "brier_score", False)
    assert 0 < row["coupled_lower"] < row["rho_ladder"] < row["coupled_upper"]
    assert row["p_coupled"] > 0.1


def test_the_p_of_coupling_counts_both_tails_and_the_study_itself(coupled: Coupled) -> None:
    accuracy = np.linspace(0.8, 0.82, 12)
    against = coupled(accuracy, accuracy * np.linspace(0.6, 0.2, 12), "accuracy", True)
    assert against["rho_ladder"] == pytest.approx(-1)
    assert against["p_coupled"] == pytest.approx(2 / 101)  # no draw of 100 is as far
    same = coupled(accuracy, accuracy * 0.5, "accuracy", True)
    assert same["p_coupled"] == 1


def test_the_nulls_ends_are_those_of_95_percent(coupled: Coupled) -> None:
    accuracy = np.linspace(0.8, 0.8001, 12)  # so alike that a permutation decides everything
    row = coupled(accuracy, accuracy * np.linspace(0.6, 0.2, 12), "accuracy", True, draws=4000)
    assert row["coupled_upper"] == pytest.approx(0.587, abs=0.03)  # Spearman's critical value, n = 12
    assert row["coupled_lower"] == pytest.approx(-0.587, abs=0.03)


def test_a_metric_without_mechanical_coupling_has_no_null(coupled: Coupled) -> None:
    accuracy = np.linspace(0.5, 0.95, 12)
    row = coupled(accuracy, accuracy / 2, "auroc", True)
    assert (row["coupled_lower"], row["coupled_upper"], row["p_coupled"]) == (None, None, None)
    assert row["rho_ladder"] == pytest.approx(1)


def test_the_interval_of_rho_is_that_of_95_percent() -> None:
    quiet = World(slope=0.0, families=12, widths=5, family_spread=0.0, model_spread=0.3, seeds=1)
    widths = [
        row["rho_upper"] - row["rho_lower"] for row in (labels(quiet, seed).row(0, named=True) for seed in range(8))
    ]
    assert np.mean(widths) == pytest.approx(2 * 1.96 / np.sqrt(59), rel=0.1)


def test_labels_turn_at_their_thresholds() -> None:
    """R2's lower bound at .8 makes a measurement determined, rho's bounds within .4 make it separable."""
    steep = World(slope=1.0, family_spread=0.0, seeds=4)
    flat = World(slope=0.0, family_spread=0.0, families=12, widths=5, seeds=1)
    rows = [labels(replace(steep, model_spread=spread), 0).row(0, named=True) for spread in np.linspace(0.1, 0.6, 21)]
    rows += [labels(replace(flat, model_spread=0.3), seed).row(0, named=True) for seed in range(20)]
    found = [(row["label"], row["r2_lower"], max(abs(row["rho_lower"]), abs(row["rho_upper"]))) for row in rows]
    assert {label for label, r2, _ in found if r2 > 0.8} == {"capability-determined"}
    assert {label for label, r2, rho in found if r2 <= 0.8 and rho < 0.4} == {"separable"}
    assert {label for label, r2, rho in found if r2 <= 0.8 and rho >= 0.4} == {"mixed"}
    for low, high in ((0.7, 0.8), (0.8, 0.9)):
        assert any(low < r2 < high for _, r2, _ in found)
    for low, high in ((0.3, 0.4), (0.4, 0.5)):
        assert any(low < rho < high for _, _, rho in found)
