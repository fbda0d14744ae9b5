"""The grid: what lands where, the last step only, part `all` only, flags however they are written."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.audit.grid import grids
from analysis.audit.settings import AuditSettings
from analysis.simulation.worlds import Method, World, simulated_study


def test_values_land_at_their_method_model_seed_and_measurement() -> None:
    results, scores = simulated_study(World(methods={"a": Method()}, measurements=2), np.random.default_rng(0))
    earlier = results.with_columns(pl.lit(10).cast(pl.Int64).alias("step"), pl.lit(0.5).alias("value"))
    other = results.with_columns(pl.lit("noise/3").alias("part"), pl.lit(0.5).alias("value"))
    grid = grids(pl.concat([earlier, results, other]), scores, AuditSettings())[0]
    assert grid.methods == ["standard", "a"]
    assert grid.value.shape == (2, 12, 2, 2)
    for row in results.sample(20, seed=1).iter_rows(named=True):
        place = grid.methods.index(row["method"]), grid.models.index(row["model"]), row["seed"]
        assert grid.value[*place, int(row["condition"][-1])] == row["value"]
        assert grid.flops[place] == pytest.approx(np.log2(row["flops"]))


@pytest.mark.parametrize(
    ("flags", "blocked"),
    [
        ("", False),
        ("collapsed", False),
        ("gradient masking", True),
        ("collapsed, Gradient_Masking", True),
        ("leak,x", True),
    ],
)
def test_blocking_flags_are_read_however_written(flags: str, blocked: bool) -> None:
    world = World(methods={"a": Method(flags=flags)})
    grid = grids(*simulated_study(world, np.random.default_rng(0)), AuditSettings())[0]
    assert grid.blocked[1].all() == grid.blocked[1].any() == blocked
    assert grid.flagged[1].all() == (flags != "")
    assert not grid.flagged[0].any()


def scale(results: pl.DataFrame, scores: pl.DataFrame, **settings: Any) -> str:
    return str(grids(results, scores, AuditSettings(**settings))[0].measurements["scale"][0])


def test_the_scale_is_that_of_the_declared_range_whatever_the_values() -> None:
    results, scores = simulated_study(World(methods={"a": Method()}), np.random.default_rng(0))
    first = pl.int_range(pl.len()) == 0
    odd = results.with_columns(value=pl.when(first).then(pl.lit(1.2)).otherwise("value"))
    wider = {"upper": pl.lit(np.inf)}
    assert scale(results, scores) == scale(odd, scores) == "logit"
    assert scale(results.with_columns(**wider), scores) == "identity"
    falling = results.with_columns(higher_is_better=pl.lit(False))
    below = falling.with_columns(value=pl.when(first).then(pl.lit(-0.001)).otherwise("value"))
    assert scale(falling, scores) == scale(below, scores) == "log"
    assert scale(below.with_columns(lower=pl.lit(-1.0)), scores) == "identity"
    assert scale(results, scores, transforms={"auroc": "identity"}) == "identity"


def test_without_a_declared_range_the_scale_is_guessed() -> None:
    results, scores = simulated_study(World(methods={"a": Method()}), np.random.default_rng(0))
    unknown = results.with_columns(lower=pl.lit(None, dtype=pl.Float64), upper=pl.lit(None, dtype=pl.Float64))
    first = pl.int_range(pl.len()) == 0
    assert scale(unknown, scores) == "logit"
    assert scale(unknown.with_columns(value=pl.when(first).then(1.2).otherwise("value")), scores) == "identity"
