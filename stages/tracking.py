"""MLflow: one experiment per study, one child run for each model, under the parent run of a plan.

The driver is the only writer of a checkout; several checkouts may share a study's experiment. A child is found by its
tags `run_key`, `trained` (the digest of what is known of it before it is measured) and `values`, the digest of its
values; each is the last thing that is written of what it stands for (MLflow writes a batch's tags after its metrics).

A child with the values that its digest says is whole: it is never changed or moved, and every plan with these values
shares it. It stays below the plan that logged it first; where some values failed, until that plan has others. Without
`values` it waits for them, as a training that has ended, or has failed. What is cut short, a second copy, and the
failure of what has finished since are deleted, each below its own plan; a child whose values are others than its digest
says is replaced at its place.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from stages.errors import TrackingError, masked
from stages.tracking_address import address, one_line
from stages.tracking_connection import answering, connected, experiment_for
from stages.tracking_run import INCOMPLETE, NAME, NOTE, PARENT, PLAN, RUN_KEY, VALUES, Data, Described, Logged, columns
from stages.tracking_values import LOSS, TABLE, TAG_LENGTH, Values

METRICS_A_CALL, PARAMS_A_CALL, PAGE = 800, 100, 1000  # MLflow takes 1000 things a call, 100 of them params or tags
DIGEST_LENGTH = 36  # of a data set's that MLflow takes
FINISHED, FAILED = "FINISHED", "FAILED"
LISTED = {"mlflow.loggedArtifacts": json.dumps([{"path": TABLE, "type": "table"}])}  # by which pages find a table


class Tracking:
    """The runs of one study's experiment; what is logged goes under the parent run of one plan, which `began` then
    (seconds since 1970) or now.
    """

    def __init__(self, study: str, plan: str, began: float | None = None):
        self.client, self.study, self.plan, self.began = connected(), study, plan, began
        self.experiment = experiment_for(self.client, study)
        self.keeps_files = True

    @cached_property
    def parent(self) -> str:
        """The plan's parent run, made when first asked for; of several that were made at once the first. It runs until
        `end`.
        """
        if not self._parents():
            tags = {PLAN: self.plan, NAME: f"plan {self.plan[:8]}", "diffprog": "plan"}
            with answering():
                self.client.create_run(self.experiment, milliseconds(self.began or time.time()), tags=tags)
        return str(self._parents()[0].info.run_id)

    @cached_property
    def children(self) -> list[Logged]:
        """The runs of the study under all its plans, read when first asked for, the oldest id first."""
        with answering():
            return sorted(self._children(), key=lambda run: run.run_id)

    @cached_property
    def by_key(self) -> dict[str, list[Logged]]:
        """The children by key, as far as this process knows."""
        found: dict[str, list[Logged]] = {}
        for run in self.children:
            found.setdefault(run.run_key, []).append(run)
        return found

    def forget(self) -> None:
        """Read the runs again when they are next asked for."""
        self.__dict__.pop("children", None)
        self.__dict__.pop("by_key", None)

    def settle(self) -> None:
        """Read the runs again, and delete second copies under this plan: a request may be sent again whose answer was
        lost, and another process may log the same plan.
        """
        self.forget()
        copies: dict[tuple[str, str], list[Logged]] = {}
        for run in self.children:
            if run.plan == self.plan and run.values_digest:
                copies.setdefault((run.run_key, run.values_digest), []).append(run)
        with answering():
            for several in copies.values():
                for run in [run for run in several if len(several) > 1 and run.whole][1:]:
                    self.client.delete_run(run.run_id)

    def log(self, run: Described, values: Values | None = None) -> Logged:
        """Log a run once: one that is there whole is left as it is, one that waits for its values gets them, one that
        is there in part or damaged is replaced. Without values, it waits for them.
        """
        _check(run.name, values)
        others = self.by_key.get(run.run_key, [])
        same = [child for child in others if values and child.values_digest == values.digest]
        damaged = [child for child in same if not child.whole]
        outdated = [child for child in others if child.plan == self.plan and child.outdated_by(run, values)]
        kept = next((child for child in same if child.whole and child not in outdated), None)
        if kept is None:
            ready = next((child for child in outdated if child.ready_for(run) and not damaged), None)
            place = (damaged[0].plan, damaged[0].parent) if damaged else (self.plan, self.parent)
            with answering():
                kept = self._written(run, values, ready, *place)
            outdated += damaged
        others = [child for child in others if child.run_id != kept.run_id]
        with answering():
            for child in others:
                if child in outdated:
                    self.client.delete_run(child.run_id)
        self.by_key[run.run_key] = [*(child for child in others if child not in outdated), kept]
        return kept

    def read(self) -> dict[tuple[str, str | None], Logged]:
        """The whole runs of the study as MLflow holds them now, by key and digest of their values."""
        with answering():
            runs = sorted(self._children(), key=lambda run: run.run_id, reverse=True)
        return {(run.run_key, run.values_digest): run for run in runs if run.whole}

    def end(self, files: Mapping[Path, str], note: str) -> None:
        """Keep files with the plan's parent run, each in the folder given, describe the plan, and end its run."""
        parent = self.parent
        with answering():
            files_at = self.client.get_run(parent).info.artifact_uri

        def send(to: Any) -> None:
            for path, folder in files.items():
                to.log_artifact(str(path), folder or None)

        self._kept(files_at, send)
        with answering():
            self.client.set_tag(parent, NOTE, note)
            self.client.set_terminated(parent, FINISHED)

    def plan_params(self) -> dict[str, str]:
        """The parameters of the plan's parent run."""
        return {name: text for parent in self._parents() for name, text in parent.data.params.items()}

    def _written(
        self, run: Described, values: Values | None, ready: Logged | None, plan: str | None, parent: str | None
    ) -> Logged:
        """A run with what of it is not written yet, which is written now; `ready` is what is there of it."""
        points: list[Metric] = []
        params: dict[str, str] = {}
        tags: dict[str, str] = {}
        if ready is None:
            place = {PARENT: str(parent), PLAN: str(plan), RUN_KEY: run.run_key, NAME: run.name}
            run_id, files_at, points = self._created(run, place)
            params = {name: str(value) for name, value in run.params.items()}
            tags = {name: text[:TAG_LENGTH] for name, text in run.facts.items()}
            status = FINISHED if run.failure is None else FAILED
            ready = Logged(run_id, files_at, params, {}, {**place, **tags}, status)
        elif values is None:
            return ready
        if values:
            now = milliseconds(time.time())
            listed = LISTED if self._keep_table(ready.files_at, values) else {}
            points += [Metric(name, value, now, step) for name, value, step in values.points()]
            missing = {} if values.complete else {INCOMPLETE: "some values failed"}
            tags |= {**listed, **missing, **values.packed(), VALUES: values.digest}
        self._batches(ready.run_id, points, params, tags)
        return replace(ready, columns=values.columns() if values else {}, tags={**ready.tags, **tags})

    def _created(self, run: Described, place: Mapping[str, str]) -> tuple[str, str, list[Metric]]:
        """The id of a run that is made now, with its times and data; where its files go; the curve of its loss."""
        ended = time.time() if run.ended is None else run.ended
        began = ended - run.seconds
        made = self.client.create_run(self.experiment, milliseconds(began), tags=dict(place))
        run_id = str(made.info.run_id)
        self.client.set_terminated(run_id, FINISHED if run.failure is None else FAILED, milliseconds(ended))
        if run.data:
            self.client.log_inputs(run_id, [_dataset(data) for data in run.data])
        last = run.curve[-1][0] if run.curve else 1
        at_each = [(step, loss, milliseconds(began + run.seconds * step / last)) for step, loss in run.curve]
        return run_id, made.info.artifact_uri, [Metric(LOSS, loss, at, step) for step, loss, at in at_each]

    def _keep_table(self, files_at: str, values: Values) -> bool:
        """Whether the values could be kept with a run as a table."""

        def send(files: Any) -> None:
            with tempfile.TemporaryDirectory() as folder:
                table = Path(folder, TABLE)
                table.write_text(values.table(), encoding="utf-8")
                files.log_artifact(str(table))

        return self._kept(files_at, send)

    def _batches(
        self, run_id: str, points: Sequence[Metric], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Log all of it, the last of the tags at the end."""
        texts = [Param(key, value) for key, value in params.items()]
        facts = [RunTag(key, value) for key, value in tags.items()]
        while len(points) > METRICS_A_CALL or len(texts) > PARAMS_A_CALL or len(facts) > PARAMS_A_CALL:
            self.client.log_batch(run_id, points[:METRICS_A_CALL], texts[:PARAMS_A_CALL], facts[:-1][:99])
            points, texts, facts = points[METRICS_A_CALL:], texts[PARAMS_A_CALL:], facts[min(99, len(facts) - 1) :]
        self.client.log_batch(run_id, points, texts, facts)

    def _kept(self, files_at: str, send: Callable[[Any], None]) -> bool:
        """Whether files could be sent to the address of a run's files: they are for people, and nothing is read back
        from them.
        """
        if self.keeps_files:
            try:
                send(get_artifact_repository(files_at, address()))
            except Exception as error:  # every kind of store has errors of its own
                self.keeps_files = False
                where = f"MLflow at {address()}: files can't be kept with its runs: {one_line(error)}"
                print(masked(f"{where}; all values are in its database"))
        return self.keeps_files

    def _parents(self) -> list[Any]:
        with answering():
            runs = [run for run in self._search(f"tags.{PLAN} = '{self.plan}'") if RUN_KEY not in run.data.tags]
        return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    def _children(self) -> Iterator[Logged]:
        for run in self._search(f"tags.{RUN_KEY} LIKE '%'"):
            info, data = run.info, run.data
            yield Logged(info.run_id, info.artifact_uri, data.params, columns(data.metrics), data.tags, info.status)

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def milliseconds(seconds: float) -> int:
    """As MLflow counts time."""
    return round(1000 * seconds)


def _dataset(data: Data) -> DatasetInput:
    about = json.dumps({"rows": data.rows, "digest": data.digest})
    dataset = Dataset(data.name, data.digest[:DIGEST_LENGTH], "diffprog", about, profile=about)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", data.context)])


def _check(name: str, values: Values | None) -> None:
    """Raise TrackingError where a value is not finite."""
    for of_step in values.by_step.values() if values else ():
        odd = [key for key, value in of_step.items() if not math.isfinite(value)]
        if odd:
            raise TrackingError(f"{name}: {odd[0]} is {of_step[odd[0]]}, and MLflow keeps finite numbers only")
