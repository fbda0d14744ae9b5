"""What `dvc metrics show` prints of the findings."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from analysis.schema import checked
from analysis.simulation.worlds import Method, World, simulated_study
from analysis.tables import RESULTS
from stages import analyse, artifacts
from stages.study.preregistration import preregistered

SECTION = {"areas": {"outliers": "condition00/auroc"}, "margins": {"condition00/auroc": 0.1}, "draws": 200}
FIXED = preregistered(SECTION, ["vision"])


def simulated_tables(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results and runs of a simulated study, its capability score as the one capability measurement."""
    results, scores = simulated_study(world, np.random.default_rng(0))
    run = ["domain", "dataset", "method", "model", "seed", "step"]
    value = 1 / (1 + (-pl.col("score")).exp())
    clean = results.filter(measurement="condition00/auroc").drop("value")
    clean = clean.join(scores.select(*run, value=value), on=run).with_columns(
        measurement=pl.lit("clean/accuracy"),
        metric=pl.lit("accuracy"),
        condition=pl.lit("clean"),
        axis=pl.lit("capability"),
        pillar=pl.lit(None, dtype=pl.String),
    )
    table = checked(pl.concat([results, clean.select(results.columns)]).select(list(RESULTS.columns)), RESULTS)
    runs = table.select(*run[:-1], "family", "parameters").unique()
    runs = runs.with_columns(status=pl.lit("finished"), reason=pl.lit(""))
    return table.with_columns(task=pl.lit("vision")), runs.with_columns(task=pl.lit("vision"))


def test_the_summary_says_each_verdict_with_its_effect(tmp_path: Path) -> None:
    world = World(measurements=2, methods={"shield": Method(beyond=0.8), "placebo": Method()}, families=4)
    results, runs = simulated_tables(world)
    analyse.write(results, runs, FIXED, tmp_path)
    said = json.loads((tmp_path / "audit.json").read_text())
    verdicts = pl.read_parquet(tmp_path / "findings/verdicts.parquet").filter(area="outliers")
    beyond = dict(verdicts.select("method", "beyond").iter_rows())
    assert said["verdicts"] == {"shield": {"outliers": f"DIFFERENTIAL {beyond['shield']:+.2f}"}}
    assert list(said["placebos"]) == ["placebo"]
    assert said["labels"] == {"DIFFERENTIAL": 1}
    assert said["runs"] == {"finished": len(runs), "failed": 0}
    assert len(said["margins"]) == 16
    assert said["audit"] == FIXED.digest
    other = preregistered({"margins": {"condition00/auroc": 0.2}, "draws": 200}, ["vision"])
    analyse.write(results, runs, other, tmp_path)
    again = json.loads((tmp_path / "audit.json").read_text())
    assert again["margins"] != said["margins"]
    assert again["audit"] == other.digest != said["audit"]


def test_a_study_without_results_has_a_summary_too(tmp_path: Path) -> None:
    runs = pl.DataFrame(
        {name: ["x"] for name in ("domain", "dataset", "method", "model", "family", "reason")}
        | {"task": ["vision"]}
        | {"seed": [0], "parameters": [1], "status": ["failed"]}
    )
    analyse.write(artifacts.RESULTS.table.empty(), runs, FIXED, tmp_path)
    said = json.loads((tmp_path / "audit.json").read_text())
    assert (said["runs"], said["verdicts"], said["labels"]) == ({"finished": 0, "failed": 1}, {}, {})
