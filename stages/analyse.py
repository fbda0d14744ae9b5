"""Stage `analyse`: the statistics, as tables of findings and a summary that DVC shows as metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from analysis.audit.margins import margins_digest
from analysis.findings import findings
from stages import artifacts, tables
from stages.artifacts import FINDINGS, RUN, SUMMARY
from stages.study.preregistration import Preregistered, planned_audit

SEED = 0


def main() -> None:
    """Write findings/*.parquet and audit.json."""
    runs = artifacts.RUNS.read().filter(role=RUN)
    write(
        artifacts.RESULTS.read(),
        runs,
        planned_audit(),
        replicates=artifacts.REPLICATES.read(),
        agreement=artifacts.AGREEMENT.read(),
        refined=artifacts.REFINED.read(),
        provenance=artifacts.PROVENANCE.read(),
        failed={stage: len(names) for stage, names in artifacts.failures().items()},
    )


def write(
    results: pl.DataFrame,
    runs: pl.DataFrame,
    fixed: Preregistered,
    folder: Path = Path(),
    failed: Mapping[str, int] | None = None,
    **beside: pl.DataFrame,
) -> None:
    """Analyse a study as it was fixed before the run, and write findings/*.parquet and audit.json into the folder.

    `failed` is how much failed in each stage; `beside` may hold the tables `replicates`, `agreement`, `refined` and
    `provenance` (see `analysis.findings`).
    """
    found = findings(
        results,
        runs,
        seed=SEED,
        areas=fixed.areas,
        settings=fixed.settings,
        equal_flops=fixed.equal_flops,
        exposure=fixed.exposure,
        **beside,
    )
    (folder / FINDINGS).mkdir(exist_ok=True)
    for name, frame in found.items():
        frame.write_parquet(folder / FINDINGS / f"{name}.parquet", statistics=False)
    tables.write_json({**summary(found, runs), "failed": dict(failed or {})}, folder / SUMMARY)


def summary(found: Mapping[str, pl.DataFrame], runs: pl.DataFrame) -> dict[str, Any]:
    """What `dvc metrics show` prints: how many runs finished; each method's verdict in each area, with D; how often
    each verdict was given; the digest of the margins. The placebos stand apart and are not counted.
    """
    verdicts = found["verdicts"].filter(pl.col("area").is_not_null())
    several = verdicts.select("domain", "dataset").n_unique() > 1
    judged: dict[bool, dict[str, dict[str, str]]] = {False: {}, True: {}}
    for row in verdicts.iter_rows(named=True):
        area = f"{row['dataset']} {row['area']}" if several else row["area"]
        effect = "" if row["beyond"] is None else f" {row['beyond']:+.2f}"
        judged[row["placebo"]].setdefault(row["method"], {})[area] = row["label"] + effect
    labels = verdicts.filter(~pl.col("placebo"))["label"].value_counts(sort=True).sort("label")
    return {
        "runs": {status: int((runs["status"] == status).sum()) for status in ("finished", "failed")},
        "verdicts": judged[False],
        "placebos": judged[True],
        "labels": dict(labels.iter_rows()),
        "audit": found["settings"]["digest"].item(),
        "margins": margins_digest(found["margins"]),
    }
