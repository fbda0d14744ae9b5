"""Stage `measure`: metrics on stored outcomes, on Ray; every run's values logged to MLflow."""

from stages import artifacts
from stages.logged import Logging
from stages.making.agreement import agreements, compared
from stages.making.outcomes import predict_again
from stages.making.values import measure_all
from stages.needed import measured_runs, planned_values
from stages.store.lock import locked
from stages.store.store import Store


def main() -> None:
    """Measure what is missing and log every run to MLflow, then write logged.parquet, replicates.parquet and
    agreement.parquet.
    """
    runs = measured_runs()
    planned = artifacts.PLANNED_MEASUREMENTS.read()
    outcomes = artifacts.OUTCOMES.read()
    conditions = artifacts.PLANNED_CELLS.read()
    store = Store.from_environment()
    every = planned_values(runs, planned, outcomes, conditions)
    with locked(store, "measure", wait=True) as progress:
        done = store.all_done("values", (values.key for values in every)) - store.failing("values")
        missing = [values for values in every if values.key not in done]
        looked_at = [key for values in missing for key in values.outcomes]
        predict_again([*looked_at, *compared(runs, conditions, outcomes)["cell_key"]], store, progress)
        logging = Logging(every, store, missing, outcomes.filter(status="failed")["run"])
        measure_all(missing, store, progress, logging.measured)
        logging.end()
        del logging  # what it holds of every run
        agreeing = [*agreements(runs, conditions, outcomes, store)]
    artifacts.AGREEMENT.write(agreeing)
    failing = store.failing("values")
    failed = [(values.name, store.failure("values", values.key)) for values in every if values.key in failing]
    artifacts.write_failures("measure", failed)
