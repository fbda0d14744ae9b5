"""Stage `train`: every planned run that is not in the store yet, trained on Ray."""

from stages import artifacts
from stages.live import Live
from stages.making.models import train_all, with_fate
from stages.needed import data_of, planned_runs, trainings
from stages.store.lock import locked
from stages.store.store import Store


def main() -> None:
    """Train what is missing, then write runs.parquet: every planned run, finished or failed."""
    planned = artifacts.PLANNED_RUNS.read()
    data = data_of(planned)
    store = Store.from_environment()
    runs = planned_runs(planned, data)
    with locked(store, "train", wait=True) as progress:
        done = store.all_done("runs", (run.key for run in runs))
        missing = [run for run in runs if run.key not in done]
        if done:
            print(f"{len(runs) - len(missing)} of {len(runs)} runs are in the store already")
        if missing:
            with Live(runs, data, store) as live:
                train_all(trainings(missing), data, store, progress, live.ended)
    entries = store.entries("runs", (run.key for run in runs))
    rows = [with_fate(run, entries.get(run.key), store) for run in runs]
    artifacts.RUNS.write(rows)
    failed = [(row["run"], store.failure("runs", row["run_key"])) for row in rows if row["status"] == "failed"]
    artifacts.write_failures("train", failed)
    print(f"{sum(row['status'] == 'finished' for row in rows)} of {len(rows)} runs finished")
