"""Reading and writing the small tables that pass between stages: Parquet, checked, sorted, the same bytes each time."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from analysis.tables import AGREEMENT, FACTS, RESULTS, Table, TableError, checked

RUN = {"run": pl.String, "domain": pl.String, "dataset": pl.String, "method": pl.String, "model": pl.String}
FATE = {"status": pl.String, "reason": pl.String}
# a run; the same on its way, at a step; or a second model of it that is trained for a condition, its companion
ROLE = {"role": pl.String, "at_step": pl.Int64, "companion": pl.String}

PLANNED_RUNS = Table(
    "plan/runs",
    {
        **RUN,
        "family": pl.String,
        "seed": pl.Int64,
        **ROLE,
        "parameters": pl.Int64,
        "flops": pl.Float64,  # estimate of the whole training, what the sweep is ordered by
        "spec": pl.String,
        "splits": pl.String,
        "code": pl.String,
    },
    ("run",),
    nullable=("at_step", "companion"),
)
PLANNED_CELLS = Table(
    "plan/cells",
    {
        "condition": pl.String,
        "domain": pl.String,
        "spec": pl.String,
        "code": pl.String,
        "splits": pl.String,  # where its labelled examples are from, then its outliers
        "companion": pl.Boolean,  # whether it looks at a second model of each run, trained for it
        "checkpoints": pl.Boolean,  # whether runs meet it on their way, too
        "agreement": pl.String,  # unshifted or shifted, where it is looked at for agreement between runs; else empty
    },
    ("domain", "condition"),
)
PLANNED_MEASUREMENTS = Table(
    "plan/measurements",
    {
        "domain": pl.String,
        "measurement": pl.String,
        "condition": pl.String,
        "metric": pl.String,
        "axis": pl.String,
        "pillar": pl.String,
        **FACTS,
        "reference": pl.String,  # the condition whose outcomes it needs beside its own
        "spec": pl.String,
        "code": pl.String,
    },
    ("domain", "measurement"),
    nullable=("pillar", "chance", "target", "reference"),
    infinite=("lower", "upper"),
)
RUNS = Table(
    "runs",
    {
        **RUN,
        "family": pl.String,
        "seed": pl.Int64,
        **ROLE,
        "run_key": pl.String,
        "status": pl.String,  # finished or failed
        "reason": pl.String,  # of a failure: class and message
        "parameters": pl.Int64,
        "flops": pl.Float64,
        "steps": pl.Int64,
        "loss": pl.Float64,
        "spec": pl.String,
        "code": pl.String,  # digest of what it is trained and restored by
        "environment": pl.String,  # JSON: what it was made with; empty of a failure
    },
    ("run",),
    nullable=("at_step", "companion", "flops", "steps", "loss"),
)
OUTCOMES = Table(
    "outcomes",
    {
        "run": pl.String,
        "run_key": pl.String,
        "condition": pl.String,
        "cell_key": pl.String,
        "digest": pl.String,
        "environment": pl.String,  # JSON: what it was made with; empty of a failure
        **FATE,
    },
    ("run", "condition"),
    nullable=("digest",),
)
LOGGED = Table(
    "logged",
    {
        "run": pl.String,
        "run_key": pl.String,
        "mlflow_run_id": pl.String,
        "values": pl.String,
        "metrics": pl.Int64,
        "flags": pl.String,
        "unmeasured": pl.String,  # JSON: measurement to reason
        "environments": pl.String,  # JSON: stage to what it was made with, each once
    },
    ("run",),
)

REPLICATES = Table(
    "replicates",
    {
        **{name: dtype for name, dtype in RUN.items() if name != "run"},
        "seed": pl.Int64,
        "measurement": pl.String,
        "deviations": pl.List(pl.Float64),  # of the value, over draws of the test examples that all runs share
    },
    ("domain", "dataset", "method", "model", "seed", "measurement"),
)

__all__ = [
    "AGREEMENT",
    "LOGGED",
    "OUTCOMES",
    "PLANNED_CELLS",
    "PLANNED_MEASUREMENTS",
    "PLANNED_RUNS",
    "REPLICATES",
    "RESULTS",
    "RUNS",
]


def frame(rows: list[dict[str, Any]], table: Table) -> pl.DataFrame:
    """Rows as the table."""
    return checked(pl.DataFrame(rows, schema=table.columns), table)


def write(rows: list[dict[str, Any]] | pl.DataFrame, table: Table, path: Path) -> pl.DataFrame:
    """Check and write a table. Raises TableError."""
    found = checked(rows, table) if isinstance(rows, pl.DataFrame) else frame(rows, table)
    content = io.BytesIO()
    found.write_parquet(content, compression="zstd", statistics=False)
    _put(content.getvalue(), path)
    return found


def _put(content: bytes, path: Path) -> None:
    """Write a file aside, then in its place."""
    aside = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise TableError(f"{path}: cannot be written: {error.strerror}") from error


def read(table: Table, path: Path) -> pl.DataFrame:
    """Read and check a table. Raises TableError."""
    try:
        return checked(pl.read_parquet(path), table)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TableError(f"{path}: not the table {table.name!r}: {error}") from error


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON with sorted keys. Raises TableError."""
    _put((json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), path)
