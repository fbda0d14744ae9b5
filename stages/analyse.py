"""Stage `analyse`: the statistics, as tables of findings and a summary that DVC shows as metrics."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from analysis.audit.looks import Look
from analysis.audit.margins import margins_digest
from analysis.findings import findings
from stages import artifacts, tables
from stages.artifacts import FINDINGS, RUN, SUMMARY
from stages.part import Part, read_part
from stages.study.preregistration import Preregistered, planned_audit

SEED = 0


def main() -> None:
    """Write findings/*.parquet and audit.json."""
    runs = artifacts.RUNS.read().filter(role=RUN)
    write(
        artifacts.RESULTS.read(),
        runs,
        planned_audit(),
        part=read_part(),
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
    part: Part | None = None,
    **beside: pl.DataFrame,
) -> None:
    """Analyse a study as it was fixed before the run, and write findings/*.parquet and audit.json into the folder.

    Each task is analysed alone: its tables are the same whatever other tasks the study has. `failed` is how much failed
    in each stage; `part` what part of the study it is; `beside` may hold the tables `replicates`, `agreement`,
    `refined` and `provenance` (see `analysis.findings`). All tables say the task of each row.
    """
    alone = partial(of_task, results=results, runs=runs, fixed=fixed, beside=beside, part=part)
    by_task = _of_each(alone, fixed.options["tasks"])
    found = {name: pl.concat([of[name] for of in by_task]) for name in by_task[0]}
    (folder / FINDINGS).mkdir(exist_ok=True)
    for name, frame in found.items():
        frame.write_parquet(folder / FINDINGS / f"{name}.parquet", statistics=False)
    tables.write_json({**summary(found, runs), "failed": dict(failed or {})}, folder / SUMMARY)


def _of_each(alone: partial[dict[str, pl.DataFrame]], tasks: Sequence[str]) -> list[dict[str, pl.DataFrame]]:
    """The findings of each task, several tasks at a time where there are cores for it."""
    at_once = min(len(tasks), os.cpu_count() or 1)
    if at_once == 1:
        return [alone(task) for task in tasks]
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:  # a fork may lock up polars' threads
        return list(pool.map(alone, tasks))


def of_task(
    task: str,
    results: pl.DataFrame,
    runs: pl.DataFrame,
    fixed: Preregistered,
    beside: Mapping[str, pl.DataFrame],
    part: Part | None = None,
) -> dict[str, pl.DataFrame]:
    """The findings of one task; the settings have the digest of the whole audit."""
    audit = fixed.of(task)
    own = {name: frame.filter(task=task).drop("task") for name, frame in {"results": results, **beside}.items()}
    found = findings(
        own.pop("results"),
        runs.filter(task=task).drop("task"),
        seed=SEED,
        areas=audit.areas,
        settings=audit.settings,
        exposure=audit.exposure,
        look=look_of(task, part) if part else None,
        **own,
    )
    found["settings"] = found["settings"].with_columns(digest=pl.lit(fixed.digest))
    return {name: frame.select(pl.lit(task).alias("task"), pl.all()) for name, frame in found.items()}


def look_of(task: str, part: Part) -> Look:
    """Which of the study's looks this part of it is for, and what the look before found in the task."""
    earlier = pl.read_parquet(part.earlier).filter(task=task).drop("task") if part.earlier else None
    return Look(part.look, part.share, earlier, frozenset(part.waiting.get(task, ())))


def summary(found: Mapping[str, pl.DataFrame], runs: pl.DataFrame) -> dict[str, Any]:
    """What `dvc metrics show` prints: how many runs finished; each method's verdict in each area, with D; how often
    each verdict was given; the digests of the audit and of the margins. The placebos stand apart and are not counted.
    """
    verdicts = found["verdicts"].filter(pl.col("area").is_not_null())
    several = runs["task"].n_unique() > 1
    judged: dict[bool, dict[str, dict[str, str]]] = {False: {}, True: {}}
    for row in verdicts.iter_rows(named=True):
        area = f"{row['task']} {row['area']}" if several else row["area"]
        effect = "" if row["beyond"] is None else f" {row['beyond']:+.2f}"
        judged[row["placebo"]].setdefault(row["method"], {})[area] = row["label"] + effect
    labels = verdicts.filter(~pl.col("placebo"))["label"].value_counts(sort=True).sort("label")
    return {
        "runs": {status: int((runs["status"] == status).sum()) for status in ("finished", "failed")},
        "verdicts": judged[False],
        "placebos": judged[True],
        "labels": dict(labels.iter_rows()),
        "audit": found["settings"]["digest"][0],
        "margins": margins_digest(found["margins"]),
    }
