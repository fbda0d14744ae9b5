"""`diffprog sync`: every run's stored values, and the report, logged to MLflow again."""

import argparse

from stages import artifacts
from stages.errors import StoreError
from stages.logged import Logging
from stages.needed import measured_runs, values_of
from stages.published import PAGE, publish
from stages.store.lock import locked
from stages.store.store import Store

EXAMPLES = {
    "MLFLOW_TRACKING_URI=http://server:5000 diffprog sync": "log all runs to this server",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""
    parser.description = (
        "Log every measured run's values to MLflow again, as the stage `measure` does: what is there "
        "already stays, what is missing or differs is made anew; and keep the report there, if it is made. Nothing "
        "is computed."
    )


def run(_: argparse.Namespace) -> int:
    """Log the stored values as the stage `measure` does, and print how many there are."""
    runs = measured_runs()
    store = Store.from_environment()
    every = values_of(runs)
    with locked(store, "sync"):
        held = store.entries("values", (values.key for values in every))
        failing = store.failing("values")
        if lost := [values for values in every if values.key not in held and values.key not in failing]:
            raise StoreError(
                f"{store.shown}: {len(lost)} of {len(every)} sets of values are not there, the first {lost[0].name}; "
                "`dvc repro --force --single-item measure` measures them, and logs every run"
            )
        logged = Logging(every, store, unmade=artifacts.OUTCOMES.read().filter(status="failed")["run"]).end()
    if PAGE.exists():
        publish()
    print(f"MLflow holds {logged} runs, from {len(held)} of {len(every)} stored values")
    return 0
