"""The noise of shared test examples: what runs have in common, and what their spread shows already."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.audit.estimands import estimates
from analysis.audit.example_noise import example_parts
from analysis.audit.grid import grids
from analysis.audit.ladder import ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.audit.weights import stratified_weights
from analysis.capability import score_deviations

DRAWS = 400
MODELS, SEEDS, EXAMPLES = 6, 2, 500
SETTINGS = AuditSettings(draws=400)


def error(deviations: np.ndarray) -> np.ndarray:
    parts = example_parts(deviations, np.zeros(0))
    return np.asarray(np.sqrt((parts**2).sum(0)))


def test_only_what_units_have_in_common_is_left() -> None:
    rng = np.random.default_rng(0)
    common, own = rng.normal(0, 0.5, (1, 2, DRAWS)), rng.normal(0, 2.0, (12, 2, DRAWS))
    assert error(common + own) == pytest.approx([0.5, 0.5], rel=0.15)
    assert (error(own) < 0.5).all()
    assert (error(np.zeros((12, 2, DRAWS))) == 0).all()


def test_measurements_go_together_as_their_examples_do() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, (1, 1, DRAWS))
    deviations = np.concatenate([first, -first, np.full_like(first, np.nan)], axis=1).repeat(8, axis=0)
    parts = example_parts(deviations, np.zeros(0))
    assert parts[:, 0] == pytest.approx(-parts[:, 1])
    assert (parts[:, 2] == 0).all()


def test_what_is_assumed_of_examples_is_each_measurements_own() -> None:
    parts = example_parts(None, np.array([0.3, 0.4]))
    assert parts.T @ parts == pytest.approx(np.diag([0.09, 0.16, 0.0]))


def study(rng: np.random.Generator, spread: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A method that helps on some examples and harms on as many: the true effect is nothing, but a test set may hold
    more of either. Runs are nearly alike, so that their spread says nothing of that.
    """
    helped = rng.normal(0, spread, EXAMPLES)
    weights = np.random.default_rng(5).standard_normal((EXAMPLES, DRAWS))
    rows, scores = [], []
    for method in ("standard", "m"):
        for model in range(MODELS):
            for seed in range(SEEDS):
                right = 1 / (1 + np.exp(-(method == "m") * helped))
                right = right + rng.normal(0, 0.02, EXAMPLES)
                run: dict[str, Any] = {"domain": "v", "dataset": "d", "method": method, "model": f"f-{model}"}
                run |= {"family": "f", "seed": seed, "step": 1}
                what: dict[str, Any] = {"measurement": "x/accuracy", "metric": "accuracy", "condition": "x"}
                what |= {"axis": "safety", "pillar": "robustness", "higher_is_better": True, "flags": ""}
                what |= {"part": "all", "lower": 0.0, "upper": 1.0}
                value = {"value": right.mean(), "standard_error": right.std() / EXAMPLES**0.5, "n": EXAMPLES}
                moved = ((right - right.mean()) / EXAMPLES) @ weights
                rows.append({**run, "parameters": 1 + model, "flops": 1.0, **what, **value, "deviations": moved})
                scores.append({**run, "score": 0.3 * model + rng.normal(0, 0.01)})
    return pl.DataFrame(rows, schema_overrides={"deviations": pl.List(pl.Float64)}), pl.DataFrame(scores)


def interval(results: pl.DataFrame, scores: pl.DataFrame, settings: AuditSettings) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    grid = grids(results, scores, settings)[0]
    usable = np.isfinite(grid.y[..., 0])
    weights, _ = stratified_weights(grid.families, settings.draws, rng)
    units = paired_units(grid, 1, usable, np.arange(1), settings)
    both = ladders(grid, usable[0], np.arange(1), settings)
    found = estimates(grid, units, both, weights, rng.standard_normal(weights.shape), settings, rng)[0]
    return float(found.total.point[0]), float(found.total.error[0])


def test_intervals_know_of_effects_that_differ_over_examples() -> None:
    rng = np.random.default_rng(3)
    found, blind, seen = [], [], []
    for _ in range(60):
        results, scores = study(rng, 1.0)
        total, error = interval(results, scores, SETTINGS)
        found.append(total)
        seen.append(error)
        blind.append(interval(results.drop("deviations"), scores, replace(SETTINGS, example_share=0.0))[1])
    spread = float(np.std(found))
    assert np.mean(seen) == pytest.approx(spread, rel=0.25)
    assert np.mean(blind) < spread / 2


def test_the_score_moves_as_its_parts_do() -> None:
    run = {"domain": "v", "dataset": "d", "method": "m", "model": "f-1", "seed": 0, "score_name": "pc1"}
    rows = [
        {**run, "measurement": name, "higher_is_better": higher, "deviations": moved}
        for name, higher, moved in (("a", True, [1.0, 2.0]), ("b", False, [0.5, 0.0]))
    ]
    weights = pl.DataFrame(
        [
            {**{k: run[k] for k in ("domain", "dataset", "score_name")}, "measurement": name, "weight": w}
            | {"standard_deviation": sd}
            for name, w, sd in (("a", 0.6, 2.0), ("b", 0.8, 0.5))
        ]
    )
    held = pl.DataFrame(rows).drop("score_name")
    (row,) = score_deviations(held, weights).iter_rows(named=True)
    assert row["deviations"] == pytest.approx([0.6 * 1 / 2 - 0.8 * 0.5 / 0.5, 0.6 * 2 / 2])
    assert score_deviations(held.filter(measurement="a"), weights).is_empty()
