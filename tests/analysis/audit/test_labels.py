"""Metric labels and the coupling null: planted determination, planted separation, and coupling that explains all."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analysis.audit.grid import grids
from analysis.audit.labels import coupling_null, metric_labels, spearman
from analysis.audit.settings import AuditSettings
from analysis.audit.simulated import Method, World, simulated_study

SETTINGS = AuditSettings(draws=400)


def labels(world: World, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    return metric_labels(grids(results, scores, SETTINGS)[0], SETTINGS, rng)


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


def test_spearman_is_scipys_and_takes_weights_as_copies() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(15), rng.standard_normal((3, 15))
    assert spearman(x, y) == pytest.approx([stats.spearmanr(x, row).statistic for row in y])
    assert np.isnan(spearman(x, np.ones(15))).all()


@pytest.mark.parametrize("kind", ["accuracy", "error", "risk-coverage"])
def test_the_null_keeps_the_coupling_and_permutes_the_rest(kind: str) -> None:
    rng = np.random.default_rng(0)
    accuracy = np.linspace(0.5, 0.95, 10)
    value = 0.05 * (1 - accuracy) + 0.01 if kind != "accuracy" else accuracy * 0.4
    null = coupling_null(value, accuracy, kind, 200, rng)
    assert null.shape == (200, 10)
    if kind == "accuracy":
        assert null == pytest.approx(np.tile(value, (200, 1)))  # one quality for all: nothing but the coupling
        assert np.all(null <= accuracy)


def test_robust_accuracy_that_is_coupled_only_lies_within_its_null() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(60):
        accuracy = np.sort(rng.uniform(0.6, 0.95, 12))
        value = accuracy * rng.uniform(0.3, 0.6, 12)
        null = spearman(accuracy, coupling_null(value, accuracy, "accuracy", 400, rng))
        low, high = np.quantile(null, [0.025, 0.975])
        inside += int(low <= spearman(accuracy, value)[0] <= high)
    assert inside >= 51
