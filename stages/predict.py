"""Stage `predict`: every finished run under every condition, its outcomes stored, on Ray."""

from collections.abc import Collection
from typing import Any

import polars as pl

from stages import artifacts
from stages.errors import reason
from stages.making.outcomes import predict_all
from stages.needed import data_of, planned_cells
from stages.records import Cell
from stages.store.lock import locked
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store


def main() -> None:
    """Make the missing cells, then write outcomes.parquet: every run x condition, finished or failed."""
    runs = artifacts.RUNS.read()
    data = data_of(runs)
    store = Store.from_environment()
    cells = planned_cells(runs, artifacts.PLANNED_CELLS.read(), data)
    trained = set(runs.filter(pl.col("status") == "finished")["run_key"])
    possible = [cell for cell in cells if cell.model_key in trained]
    with locked(store, "predict", wait=True) as progress:
        done = store.all_done("cells", (cell.key for cell in possible))
        missing = [cell for cell in possible if cell.key not in done]
        if len(missing) < len(possible):
            print(f"{len(possible) - len(missing)} of {len(cells)} cells are in the store already")
        predict_all(missing, runs, data, store, progress)
    entries = store.entries("cells", (cell.key for cell in possible))
    rows = [with_fate(cell, trained, entries.get(cell.key), store) for cell in cells]
    artifacts.OUTCOMES.write(rows)
    failed = [
        (cell.name, store.failure("cells", cell.key))
        for row, cell in zip(rows, cells, strict=True)
        if row["status"] == "failed" and cell.model_key in trained
    ]
    artifacts.write_failures("predict", failed)
    print(f"{sum(row['status'] == 'finished' for row in rows)} of {len(rows)} cells finished")


def with_fate(cell: Cell, trained: Collection[str], entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of outcomes.parquet, of a cell and its entry in the store, if it has one."""
    row = {name: getattr(cell, name) for name in ("run", "run_key", "condition")}
    row |= {"cell_key": cell.key, "digest": None, ENVIRONMENT: ""}
    if cell.model_key not in trained:
        return {**row, "status": "failed", "reason": "the model trained for it failed"}
    if entry:
        return {**row, "digest": entry.sha256, ENVIRONMENT: entry.environment, "status": "finished", "reason": ""}
    return {**row, "status": "failed", "reason": reason(store.failure("cells", cell.key))}
