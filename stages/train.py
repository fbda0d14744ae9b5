"""Stage `train`: every planned run that is not in the store yet, trained on Ray."""

from typing import Any

from stages import artifacts
from stages.errors import reason
from stages.making.models import TRAINED, train_all
from stages.needed import planned_runs, row_of, trainings
from stages.records import Run
from stages.store.lock import locked
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store


def main() -> None:
    """Train what is missing, then write runs.parquet: every planned run, finished or failed."""
    planned = artifacts.PLANNED_RUNS.read()
    data = artifacts.prepared_data()
    store = Store.from_environment()
    runs = planned_runs(planned, data)
    with locked(store, "train", wait=True) as progress:
        done = store.all_done("runs", (run.key for run in runs))
        missing = [run for run in runs if run.key not in done]
        if done:
            print(f"{len(runs) - len(missing)} of {len(runs)} runs are in the store already")
        train_all(trainings(missing), data, store, progress)
    entries = store.entries("runs", (run.key for run in runs))
    rows = [with_fate(run, entries.get(run.key), store) for run in runs]
    artifacts.RUNS.write(rows)
    failed = [(row["run"], store.failure("runs", row["run_key"])) for row in rows if row["status"] == "failed"]
    artifacts.write_failures("train", failed)
    print(f"{sum(row['status'] == 'finished' for row in rows)} of {len(rows)} runs finished")


def with_fate(run: Run, entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of runs.parquet, of a run and its entry in the store, if it has one."""
    row = row_of(run)
    if entry:
        facts = {name: entry.facts[name] for name in TRAINED}
        return {**row, **facts, ENVIRONMENT: entry.environment, "status": "finished", "reason": ""}
    nothing = {**dict.fromkeys(TRAINED), ENVIRONMENT: ""}
    return {**row, **nothing, "status": "failed", "reason": reason(store.failure("runs", run.key))}
