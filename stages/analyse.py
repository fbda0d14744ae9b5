"""Stage `analyse`: the statistics, as tables of findings and a summary that DVC shows as metrics."""

from pathlib import Path

import polars as pl

from analysis.findings import findings
from stages import tables
from stages.collect import RESULTS
from stages.train import RUNS

FINDINGS = Path("findings")
SUMMARY = Path("audit.json")
SEED = 0


def main() -> None:
    """Write findings/*.parquet and audit.json."""
    results = tables.read(tables.RESULTS, RESULTS)
    runs = tables.read(tables.RUNS, RUNS)
    found = findings(results, runs, seed=SEED)
    FINDINGS.mkdir(exist_ok=True)
    for name, frame in found.items():
        frame.write_parquet(FINDINGS / f"{name}.parquet", statistics=False)
    tables.write_json(summary(results, runs), SUMMARY)


def summary(results: pl.DataFrame, runs: pl.DataFrame) -> dict[str, object]:
    """The numbers that `dvc metrics show` prints: runs, and each method's mean on each measurement."""
    whole = results.filter(pl.col("part") == "all")
    means = whole.group_by("method", "measurement").agg(pl.col("value").mean()).sort("method", "measurement")
    by_method: dict[str, dict[str, float]] = {}
    for method, measurement, value in means.iter_rows():
        by_method.setdefault(method, {})[measurement] = round(value, 4)
    counts = {status: int((runs["status"] == status).sum()) for status in ("finished", "failed")}
    return {"runs": counts, "mean": by_method}
