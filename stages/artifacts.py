"""Every file that passes between stages: where it is, and its table or what else it holds."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from analysis import tables as analysed
from analysis.jumps.schema import JUMPS
from analysis.schema import Table, TableError
from analysis.tables import FACTS
from stages import tables
from stages.errors import reason

RUN, CHECKPOINT, SIBLING = "run", "checkpoint", "sibling"  # roles of what is trained


def by_task(table: Table) -> Table:
    """The table with the rows of several tasks: each row says its task first."""
    return replace(table, columns={"task": pl.String, **table.columns}, key=("task", *table.key))


@dataclass(frozen=True)
class Artifact:
    """A table that one stage writes and others read."""

    path: Path
    table: Table

    def read(self, folder: Path = Path()) -> pl.DataFrame:
        """The table in a study's folder. Raises TableError."""
        return tables.read(self.table, folder / self.path)

    def frame(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Rows as the table. Raises TableError."""
        return tables.frame(rows, self.table)

    def write(self, rows: list[dict[str, Any]] | pl.DataFrame) -> pl.DataFrame:
        """Check and write the table. Raises TableError."""
        return tables.write(rows, self.table, self.path)


RUN_COLUMNS = {
    "run": pl.String,
    "task": pl.String,
    "domain": pl.String,
    "dataset": pl.String,
    "method": pl.String,
    "model": pl.String,
}
FATE = {"status": pl.String, "reason": pl.String}
# a run; a checkpoint of it, at a step; or a sibling model of it, trained because a condition needs it
ROLE = {"role": pl.String, "at_step": pl.Int64, "sibling": pl.String}

PLANNED_RUNS = Artifact(
    Path("plan/runs.parquet"),
    Table(
        "plan/runs",
        {
            **RUN_COLUMNS,
            "family": pl.String,
            "seed": pl.Int64,
            **ROLE,
            "steps": pl.Int64,  # of the whole training of the run, not of its sibling models
            "parameters": pl.Int64,
            "flops": pl.Float64,  # estimate of the whole training, what the sweep is ordered by
            "spec": pl.String,
            "splits": pl.String,
            "code": pl.String,
        },
        ("run",),
        nullable=("at_step", "sibling"),
    ),
)
PLANNED_CELLS = Artifact(
    Path("plan/cells.parquet"),
    Table(
        "plan/cells",
        {
            "condition": pl.String,
            "task": pl.String,
            "domain": pl.String,
            "spec": pl.String,
            "code": pl.String,
            "splits": pl.String,  # where its labelled examples are from, then its outliers
            "sibling": pl.Boolean,  # whether it looks at a second model of each run, trained for it
            "checkpoints": pl.Boolean,  # whether runs meet it on their way, too
            "agreement": pl.String,  # unshifted or shifted, where runs are compared under it; else empty
        },
        ("task", "condition"),
    ),
)
PLANNED_MEASUREMENTS = Artifact(
    Path("plan/measurements.parquet"),
    Table(
        "plan/measurements",
        {
            "task": pl.String,
            "measurement": pl.String,
            "condition": pl.String,
            "metric": pl.String,
            "axis": pl.String,
            "pillar": pl.String,
            **FACTS,
            "reference": pl.String,  # the condition whose outcomes it needs beside its own
            "leaks": pl.String,  # the methods whose code holds some of that which its examples are made by
            "spec": pl.String,
            "code": pl.String,
        },
        ("task", "measurement"),
        nullable=("pillar", "chance", "target", "reference"),
        infinite=("lower", "upper"),
    ),
)
RUNS = Artifact(
    Path("runs.parquet"),
    Table(
        "runs",
        {
            **RUN_COLUMNS,
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
        nullable=("at_step", "sibling", "flops", "steps", "loss"),
    ),
)
OUTCOMES = Artifact(
    Path("outcomes.parquet"),
    Table(
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
    ),
)
LOGGED = Artifact(
    Path("logged.parquet"),
    Table(
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
    ),
)

REPLICATES = Artifact(
    Path("replicates.parquet"),
    Table(
        "replicates",
        {
            **{name: dtype for name, dtype in RUN_COLUMNS.items() if name != "run"},
            "seed": pl.Int64,
            "measurement": pl.String,
            "deviations": pl.List(pl.Float64),  # of the value, over draws of the test examples that all runs share
        },
        ("task", "method", "model", "seed", "measurement"),
    ),
)
REFINED = Artifact(Path("plan/refined.parquet"), by_task(JUMPS))  # jumps before runs were added inside their brackets
RESULTS = Artifact(Path("results.parquet"), by_task(analysed.RESULTS))
PROVENANCE = Artifact(Path("provenance.parquet"), by_task(analysed.PROVENANCE))
AGREEMENT = Artifact(Path("agreement.parquet"), by_task(analysed.AGREEMENT))

PARAMS = Path("params.yaml")
STUDY = Path("plan/study.json")  # its name alone: renaming prepares, trains and measures nothing again
PLANNED_DATA = Path("plan/data.json")  # by task, its domain, its data and its conditions
PLANNED_PARAMS = Path("plan/params.json")  # the digest of what params.yaml asked for
AUDIT = Path("plan/audit.json")  # the section `audit` with its defaults, and its digest
DATA = Path("data.json")
RETRY = Path("retry.json")  # what failed when the report was last made: a new failure makes the next repro try again
FINDINGS = Path("findings")
SUMMARY = Path("audit.json")
REPORT = Path("report")
FAILURES = {stage: Path(f"failures/{stage}.json") for stage in ("train", "predict", "measure")}

Failures = Mapping[str, Mapping[str, Mapping[str, Any]]]


def study_name() -> str:
    """The name of the study that was planned. Raises TableError."""
    return str(read_planned(STUDY)["name"])


def planned_data() -> dict[str, Any]:
    """By task `{domain, data, conditions}`, its domain and the specifications of its data and of each condition. Raises
    TableError.
    """
    return read_planned(PLANNED_DATA)


def prepared_data(folder: Path = Path()) -> dict[str, Any]:
    """What data.json says of each task's splits and examples. Raises TableError where it is not there."""
    try:
        return dict(json.loads((folder / DATA).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TableError(f"{folder / DATA}: not what `prepare` writes; `dvc repro prepare` does") from error


def failures() -> Failures:
    """By stage and name of what failed, `{reason, attempts, tried}`."""
    return {stage: json.loads(path.read_text(encoding="utf-8")) for stage, path in FAILURES.items()}


def unmeasured() -> dict[str, dict[str, str]]:
    """By run, the reason of each measurement that has no value. Raises TableError."""
    return {run: json.loads(why) for run, why in LOGGED.read().select("run", "unmeasured").iter_rows()}


def without_value(unmeasured: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for each measurement of a task that runs have no value of: how many, and the commonest reason."""
    reasons: dict[tuple[str, str], Counter[str]] = {}
    for run, why in unmeasured.items():
        for measurement, said in why.items():
            reasons.setdefault((run.split("/")[0], measurement), Counter())[said] += 1
    lines = []
    for (task, measurement), counted in sorted(reasons.items()):
        (most, times), runs = counted.most_common(1)[0], counted.total()
        also = f"; {runs - times} for other reasons" if runs > times else ""
        lines.append(f"{task}: {measurement}: no value of {runs} {'run' if runs == 1 else 'runs'} ({most}{also})")
    return lines


def write_failures(stage: str, failed: list[tuple[str, Mapping[str, Any] | None]]) -> None:
    """Print what failed in a stage (of each its name and the store's failure) and write it, with the number of
    attempts, for the next repro, and when it was tried: to DVC no failure is the same as an earlier one.
    """
    written, now = {}, datetime.now(UTC).isoformat()
    for name, failure in failed:
        attempts = failure["attempts"] if failure else 0
        written[name] = {"reason": reason(failure), "attempts": attempts, "tried": now}
        print(f"failed: {name}: {written[name]['reason']}")
    tables.write_json(written, FAILURES[stage])


def finding(table: Table) -> pl.DataFrame:
    """A table of the analysis, of all tasks. Raises TableError where it is not there."""
    return tables.read(by_task(table), FINDINGS / f"{table.name}.parquet")


def findings() -> dict[str, pl.DataFrame]:
    """Every table of the analysis by name, of all tasks. Raises TableError where there is none."""
    found = {path.stem: pl.read_parquet(path) for path in sorted(FINDINGS.glob("*.parquet"))}
    if not found:
        raise TableError(f"{FINDINGS}/: no tables there yet; `dvc repro` makes them")
    return found


def read_planned(path: Path) -> dict[str, Any]:
    """What `plan` wrote as JSON. Raises TableError."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}; `dvc repro plan` makes it") from error
    except ValueError as error:
        raise TableError(f"{path}: not JSON; `dvc repro --force plan` makes it again") from error
    return content
