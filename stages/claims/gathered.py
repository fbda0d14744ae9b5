"""The tables of a certificate: what became of every planned run, values, why there is none, margins, as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from analysis.audit.schema import MARGINS, VERDICTS
from pipelines.measuring import ALL
from stages import artifacts
from stages.artifacts import RUN, finding
from stages.claims.verifier.main import NUMBERS, WORDS
from stages.store import codecs

Row = Mapping[str, Any]
LEDGER = ("run", "role", "method", "model", "family", "seed", "status", "reason", "parameters", "flops", "run_key")
OF_CLAIM = ("p_gain", "p_sign", "p_none", "p_loss", "p_null", "p_wash", "p_epochs", "p_paid_epochs")
OF_ALL_MATCHES = ("p_tax", "p_paid", "p_safer", "p_neutral", "capability_least")
SAME_RUN = ("task", "method", "model", "seed")


def ledger(task: str) -> pl.DataFrame:
    """Every planned run of the task, checkpoints and sibling models too, finished or failed with its reason."""
    return artifacts.RUNS.read().filter(task=task).sort("run")


def values(runs: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The values of these measurements of the finished runs of a ledger."""
    trained = runs.filter(role=RUN, status="finished").select("run", *SAME_RUN, step="steps")
    rows = artifacts.RESULTS.read().filter(pl.col("measurement").is_in(list(names)), part=ALL)
    found = rows.join(trained, on=[*SAME_RUN, "step"])
    return found.select("run", "measurement", "value", "standard_error", "n", "flags").sort("run", "measurement")


def unmeasured(runs: pl.DataFrame, names: Mapping[str, str], held: pl.DataFrame) -> list[dict[str, str]]:
    """Of each finished run and measurement without a value the reason. names: each measurement's condition."""
    logged = artifacts.LOGGED.read()
    reasons = {run: json.loads(said) for run, said in logged.select("run", "unmeasured").iter_rows()}
    outcomes = artifacts.OUTCOMES.read().filter(status="failed")
    failed = {(run, at): why for run, at, why in outcomes.select("run", "condition", "reason").iter_rows()}
    known = set(held.select("run", "measurement").iter_rows())
    rows = []
    for run in runs.filter(role=RUN, status="finished")["run"]:
        for name, condition in names.items():
            if (run, name) not in known:
                why = reasons.get(run, {}).get(name) or failed.get((run, condition)) or "no reason was recorded"
                rows.append({"run": run, "measurement": name, "reason": why})
    return rows


def deviations(runs: pl.DataFrame, held: pl.DataFrame) -> bytes:
    """What each value moves by in draws of the test examples: npz, `names` RUN:MEASUREMENT and `deviations` [name,
    draw].
    """
    trained = runs.filter(role=RUN).select("run", *SAME_RUN)
    moved = artifacts.REPLICATES.read().join(trained, on=SAME_RUN).join(held, on=["run", "measurement"], how="semi")
    moved = moved.sort("run", "measurement")
    names = np.array([f"{run}:{name}" for run, name in moved.select("run", "measurement").iter_rows()], dtype=np.str_)
    rows = moved["deviations"].to_list()
    return codecs.npz({"names": names, "deviations": np.array(rows, float).reshape(len(rows), -1 if rows else 0)})


def margins(task: str) -> bytes:
    """The margins of the task, those that its digest is of."""
    rows = finding(MARGINS).filter(task=task)
    return as_csv(rows.select("domain", "dataset", "measurement", "margin", "source").iter_rows(named=True))


def stated(task: str) -> list[dict[str, Any]]:
    """The p-values of the task's claims whose errors are a bootstrap's, which the verifier can't draw again."""
    rows = finding(VERDICTS).filter(pl.col("area").is_not_null(), task=task, unit="pair").filter(pl.col("pairs") > 0)
    return rows.select("method", "measurement", *OF_CLAIM, *OF_ALL_MATCHES).to_dicts()


def cell(verdict: Row) -> dict[str, Any]:
    """What the page's cell says of a verdict, all of which the verifier derives again."""
    return {name: verdict[name] for name in (*WORDS, *NUMBERS)}


def as_csv(rows: Iterable[Row], columns: Iterable[str] = ()) -> bytes:
    """Rows as CSV, numbers in full."""
    found = [dict(row) for row in rows]
    out = io.StringIO(newline="")
    names = list(columns) or list(found[0] if found else ())
    writer = csv.DictWriter(out, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: "" if row[name] is None else row[name] for name in names} for row in found)
    return out.getvalue().encode()
