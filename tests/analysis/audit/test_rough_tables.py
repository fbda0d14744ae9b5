"""Tables as they come: rows missing anywhere, no FLOPs, no errors, several data sets. The answers hold together."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.decision import GAINS, LABELS
from analysis.audit.settings import AuditSettings
from analysis.audit.verdicts import audit
from analysis.simulation.worlds import Method, World, simulated_study
from tests.slow import fast_are

SETTINGS = AuditSettings(draws=100, placebos=("b",))
METHODS = {
    "a": Method(beyond=0.3),
    "b": Method(),
    "c": Method(capability=0.6, flops=3.0),
    "d": Method(beyond=1.0, flags="masked"),
}


@pytest.mark.parametrize("seed", fast_are(range(10), range(30)))
def test_any_table_gets_an_answer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = World(
        families=int(rng.integers(1, 5)),
        widths=int(rng.integers(1, 5)),
        seeds=int(rng.integers(1, 4)),
        measurements=3,
        methods=METHODS,
        method_models=None if rng.random() < 0.5 else int(rng.integers(1, 4)),
    )
    parts = [simulated_study(replace(world, seeds=world.seeds + k), rng) for k in range(2)]
    results, scores = (
        pl.concat([part[i].with_columns(pl.lit(f"data{k}").alias("dataset")) for k, part in enumerate(parts)])
        for i in range(2)
    )
    for name in ("flops", "parameters", "n", "standard_error", "pillar"):
        if rng.random() < 0.4:
            results = results.with_columns(pl.lit(None).cast(results.schema[name]).alias(name))
    if rng.random() < 0.3:
        results = results.with_columns((-pl.col("value")).alias("value"), pl.lit(False).alias("higher_is_better"))
    results = results.filter(
        pl.Series(rng.random(len(results)) > rng.choice([0.0, 0.1, 0.6])) | (pl.col("method") == "standard")
    )
    scores = scores.filter(pl.Series(rng.random(len(scores)) > rng.choice([0.0, 0.2])))
    primary = ["condition00/auroc"]
    found = audit(results, scores, primary=primary, settings=SETTINGS, rng=rng)
    assert set(found.verdicts["label"]) <= set(LABELS)
    sizes = results.group_by("dataset").agg(pl.col("method").n_unique() - 1, pl.col("measurement").n_unique())
    assert len(found.verdicts) == (sizes["method"] * sizes["measurement"]).sum()
    for row in found.verdicts.iter_rows(named=True):
        assert row["label"] != "UNDETERMINED" or row["reason"]
        if row["beyond"] is not None:
            assert row["beyond_lower"] < row["beyond"] < row["beyond_upper"]
        if row["label"] in GAINS:
            assert row["beyond_least"] > 0
            assert row["q_gain"] <= 0.05
