"""Every run of a study logged to MLflow with its values."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from stages import artifacts
from stages.artifacts import CHECKPOINT, RUN
from stages.described import Row, described, grouped, plan_digest
from stages.errors import masked
from stages.needed import planned_runs
from stages.records import Values
from stages.run_values import RunValues
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.tracking_values import COLUMNS, TABLE
from stages.tracking_values import Values as Tracked

if TYPE_CHECKING:
    from stages.tracking import Tracking

REPLICATE_OF = ("task", "domain", "dataset", "method", "model", "seed")  # the run of a row of REPLICATES


@dataclass(frozen=True)
class Measured:
    """A row of the table RUNS with what was measured of it, and what it was made with, by stage."""

    run: Row
    values: RunValues
    environments: Mapping[str, list[str]]

    @classmethod
    def of(cls, run: Row, every: list[Values], store: Store, failing: Collection[str]) -> "Measured":
        """`every` are the values that are to be measured of it, `failing` the keys of those whose last try failed."""
        found = RunValues.of(every, store, failing)
        made_with = {
            "train": {run[ENVIRONMENT]},
            "predict": {values.environment for values in every},
            "measure": found.environments,
        }
        return cls(run, found, {stage: sorted(which - {""}) for stage, which in made_with.items()})


class Logging:
    """Logs every run of the table RUNS once all that is to be measured of it is there, as far as that is `missing`
    beside the measuring. What goes wrong with it stops no measuring: from then on all waits for the end. `unmade` are
    the names of those of which outcomes failed.
    """

    def __init__(
        self, every: Iterable[Values], store: Store, missing: Iterable[Values] = (), unmade: Iterable[str] = ()
    ):
        self.table, self.data, self.store = artifacts.RUNS.read(), artifacts.prepared_data(), store
        self.splits = {run.run: run.splits for run in planned_runs(artifacts.PLANNED_RUNS.read(), self.data)}
        self.capability = set(artifacts.PLANNED_MEASUREMENTS.read().filter(axis="capability")["measurement"])
        self.entries = store.entries("runs", self.table.filter(role=RUN)["run_key"])
        self.failing, self.unmade = store.failing("values"), set(unmade)
        self.values: dict[str, list[Values]] = {}
        for each in every:
            self.values.setdefault(each.run, []).append(each)
        self.runs = list(grouped(self.table))
        self.place = {part["run"]: place for place, (_, parts) in enumerate(self.runs) for part in parts}
        self.awaited = Counter(self.place[part] for part in {each.run for each in missing})
        self.rows: dict[int, list[dict[str, Any]]] = {}  # of the table LOGGED, by the run's place
        self.replicates: dict[int, list[dict[str, Any]]] = {}
        self.hidden = 0
        self.waits = False

    @cached_property
    def tracking(self) -> "Tracking":
        """MLflow, which takes seconds to import: the workers have begun by then."""
        from stages.tracking import Tracking

        return Tracking(artifacts.study_name(), plan_digest(self.table["run_key"], self.data))

    def measured(self, asked: Sequence[Values], failed: Collection[str]) -> None:
        """Take in that what was missing of a run or checkpoint has been measured, but for what `failed`, by key."""
        self.failing.difference_update(values.key for values in asked)
        self.failing.update(failed)
        place = self.place[asked[0].run]
        self.awaited[place] -= 1
        if self.awaited[place] or self.waits:
            return
        try:
            self._log(place)
        except Exception as error:  # where it lasts, the end raises it
            self.waits = True
            said = masked(str(error)) or type(error).__name__
            tqdm.write(f"{asked[0].run}: {said}; measuring goes on, and the runs that are left are logged at its end")

    def end(self) -> int:
        """Log the rest, and write logged.parquet and replicates.parquet. How many finished runs there are, checkpoints
        among them.
        """
        rest = [place for place in range(len(self.runs)) if place not in self.rows]
        tracking = self.tracking  # or one line, before any bar, that it can't be reached
        if self.waits:  # another checkout may have replaced what was read
            tracking.forget()
        for place in tqdm(rest, desc="log", unit="run", dynamic_ncols=True, disable=not rest):
            self._log(place)
        tracking.settle()
        if self.hidden:
            print(f"MLflow shows {COLUMNS} metrics of a run at most: {self.hidden} more are in its table {TABLE} alone")
        artifacts.REPLICATES.write([row for place in sorted(self.rows) for row in self.replicates[place]])
        return len(artifacts.LOGGED.write([row for place in sorted(self.rows) for row in self.rows[place]]))

    def _log(self, place: int) -> None:
        """Log a run with its checkpoints."""
        run, finished = self.runs[place]
        key = run["run_key"]
        facts = self.entries[key].facts if key in self.entries else self.store.failure("runs", key)
        parts = [Measured.of(part, self.values.get(part["run"], []), self.store, self.failing) for part in finished]
        complete = all(part.values.complete and part.run["run"] not in self.unmade for part in parts)
        values = tracked(parts, self.capability, complete) if parts else None
        logged = self.tracking.log(described(run, self.splits[run["run"]], self.data, facts or {}), values)
        self.hidden = max(self.hidden, values.hidden if values else 0)
        self.rows[place] = [row_of(part, key, logged.run_id, logged.values_digest) for part in parts]
        self.replicates[place] = [row for part in parts for row in replicates_of(part)]


def tracked(parts: Iterable[Measured], capability: set[str], complete: bool) -> Tracked:
    """The values of a run and its checkpoints as MLflow gets them, those that are capability first."""

    def place(name: str) -> tuple[bool, str]:
        return name not in capability, name

    by_step = {part.run["steps"]: part for part in parts}
    return Tracked(
        {
            step: {name: part.values.metrics[name] for name in sorted(part.values.metrics, key=place)}
            for step, part in by_step.items()
        },
        {step: part.environments for step, part in by_step.items()},
        complete,
    )


def row_of(part: Measured, key: str, run_id: str, digest: str | None) -> dict[str, Any]:
    """A row of the table LOGGED; `key` is that of the run whose values they are logged with."""
    found = part.values
    return {
        "run": part.run["run"],
        "run_key": key,
        "mlflow_run_id": run_id,
        "values": digest,
        "metrics": len(found.metrics),
        "flags": json.dumps(found.flags, sort_keys=True),
        "unmeasured": json.dumps(found.unmeasured, sort_keys=True),
        "environments": json.dumps(part.environments, sort_keys=True),
    }


def replicates_of(part: Measured) -> list[dict[str, Any]]:
    """The rows of the table REPLICATES of a run; a checkpoint has none."""
    if part.run["role"] == CHECKPOINT:
        return []
    same = {name: part.run[name] for name in REPLICATE_OF}
    return [{**same, "measurement": name, "deviations": each} for name, each in part.values.deviations.items()]
