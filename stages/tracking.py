"""MLflow: one experiment per study, one child run for the values of each model, under the parent run of a plan.

The driver is the only writer of a checkout; several checkouts may share a study's experiment. A child is found by its
tags `run_key` and `values`, the digest of its metrics, which is written last (MLflow writes a batch's tags after its
metrics). A child whose metrics have that digest is whole: it is never changed, moved or deleted, and every plan with
these values shares it. It stays below the plan that logged it first. Only a child without `values`, which was cut
short, and a second copy are deleted, both below their own plan; one whose metrics differ from its digest is replaced
at its place.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alembic.util import CommandError
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from stages.errors import TrackingError, masked
from stages.store.keys import digest
from stages.tracking_address import address, half_made, one_line, prepare

METRICS_A_CALL, PARAMS_A_CALL, PAGE = 800, 100, 1000  # MLflow takes 1000 things a call, 100 of them params or tags
TAG_LENGTH = 5000
PARENT, PLAN, RUN_KEY, VALUES, NAME = "mlflow.parentRunId", "plan", "run_key", "values", "mlflow.runName"
DELETED = "deleted"


@dataclass(frozen=True)
class Logged:
    """A child run as MLflow holds it."""

    run_id: str
    run_key: str
    values_digest: str | None
    parent: str | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    plan: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether it has the metrics that were logged, no more and no others."""
        return self.values_digest == values_digest(self.metrics)


def values_digest(metrics: Mapping[str, float]) -> str:
    """The digest of a run's metrics. SQLite keeps no sign of a zero."""
    return digest({name: repr(float(value) + 0.0) for name, value in metrics.items()})


@contextmanager
def answering() -> Iterator[None]:
    """Raises TrackingError, in one line and without passwords, where MLflow does not do what it is asked."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise TrackingError(masked(f"MLflow at {address()}: {one_line(error)}")) from error


def connected() -> MlflowClient:
    """A client of the MLflow at `address`, whose tables are there. Raises TrackingError."""
    for name in ("mlflow.store.db.utils", "alembic"):  # what they log is raised, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    prepare(address(), reach_at)
    return reach_at(address())


def reach_at(uri: str) -> MlflowClient:
    """A client that has asked MLflow at an address for anything, once. Raises TrackingError."""
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except MlflowException as error:
        raise TrackingError(masked(f"MLflow at {uri}: {one_line(error)}")) from error
    except (SQLAlchemyError, CommandError) as error:
        raise half_made(uri, error) from error
    return client


def reach() -> None:
    """Ask MLflow for anything, once. Raises TrackingError."""
    connected()


def experiment_of(client: MlflowClient, study: str) -> Any:
    """A study's experiment, or None. Raises TrackingError where it was deleted: MLflow keeps its name."""
    with answering():
        found = client.get_experiment_by_name(study)
    if found and found.lifecycle_stage == DELETED:
        number = found.experiment_id
        raise TrackingError(
            masked(
                f"MLflow at {address()}: the experiment {study!r} was deleted; restore it with `mlflow experiments "
                f"restore -x {number}`, remove it for good with `mlflow gc --experiment-ids {number}`, or give the "
                "study another name"
            )
        )
    return found


def experiment_tags(study: str) -> dict[str, str] | None:
    """The tags of a study's experiment; None where there is no such study."""
    found = experiment_of(connected(), study)
    return dict(found.tags) if found else None


class Tracking:
    """The runs of one study's experiment; what is logged goes under the parent run of one plan."""

    def __init__(self, study: str, plan: str):
        self.client, self.study, self.plan = connected(), study, plan
        found = experiment_of(self.client, study)
        with answering():
            self.experiment = found.experiment_id if found else self._created()

    @cached_property
    def parent(self) -> str:
        """The plan's parent run, made when first asked for; of several that were made at once the first."""
        if not self._parents():
            tags = {PLAN: self.plan, NAME: f"plan {self.plan[:8]}", "diffprog": "plan"}
            with answering():
                self.client.set_terminated(self.client.create_run(self.experiment, tags=tags).info.run_id)
        return str(self._parents()[0].info.run_id)

    @cached_property
    def children(self) -> list[Logged]:
        """The runs of the study under all its plans, read when first asked for, the oldest id first."""
        with answering():
            return sorted(self._children(), key=lambda run: run.run_id)

    @cached_property
    def known(self) -> dict[tuple[str, str | None], Logged]:
        """Of the children the whole ones, by key and digest of their values."""
        return {(run.run_key, run.values_digest): run for run in reversed(self.children) if run.whole}

    def settle(self) -> None:
        """Read the runs again, and delete second copies under this plan: a request may be sent again whose answer was
        lost, and another process may log the same plan.
        """
        self.__dict__.pop("children", None)
        self.__dict__.pop("known", None)
        seen: set[tuple[str, str | None]] = set()
        mine = [run for run in self.children if run.plan == self.plan and run.whole]
        with answering():
            for run in mine:
                if (run.run_key, run.values_digest) in seen:
                    self.client.delete_run(run.run_id)
                seen.add((run.run_key, run.values_digest))

    def log(
        self,
        run_key: str,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        step: int,
        tags: Mapping[str, str] | None = None,
    ) -> Logged:
        """Log a run once: one that is there whole is left as it is, one that is there in part or damaged is replaced.

        tags: facts about its making; MLflow keeps 5000 characters of each.
        """
        odd = [key for key, value in metrics.items() if not math.isfinite(value)]
        if odd:
            raise TrackingError(f"{name}: {odd[0]} is {metrics[odd[0]]}, and MLflow keeps finite numbers only")
        values = values_digest(metrics)
        found = self.known.get((run_key, values))
        if found:
            return found
        broken = self._broken(run_key, values)
        damaged = [run for run in broken if run.values_digest]
        plan, parent = (damaged[0].plan, damaged[0].parent) if damaged else (self.plan, self.parent)
        place = {PARENT: parent, PLAN: plan, RUN_KEY: run_key, NAME: name}
        with answering():
            run_id = self._write(place, params, metrics, step, {**(tags or {}), VALUES: values})
            for run in broken:
                self.client.delete_run(run.run_id)
        logged = Logged(run_id, run_key, values, parent, params, metrics, plan, tags or {})
        self.known[run_key, values] = logged
        return logged

    def read(self) -> dict[tuple[str, str | None], Logged]:
        """The whole runs of the study as MLflow holds them now, by key and digest of their values."""
        with answering():
            runs = sorted(self._children(), key=lambda run: run.run_id, reverse=True)
        return {(run.run_key, run.values_digest): run for run in runs if run.whole}

    def plan_params(self) -> dict[str, str]:
        """The parameters of the plan's parent run."""
        return {name: text for parent in self._parents() for name, text in parent.data.params.items()}

    def _broken(self, run_key: str, values: str) -> list[Logged]:
        """The children that these values replace: damaged ones, and of this plan those that were cut short."""
        return [
            run
            for run in self.children
            if run.run_key == run_key
            and not run.whole
            and (run.values_digest == values or (run.values_digest is None and run.plan == self.plan))
        ]

    def _write(
        self, place: dict[str, Any], params: Mapping[str, Any], metrics: Mapping[str, float], step: int, tags: Any
    ) -> str:
        run_id = str(self.client.create_run(self.experiment, tags=place).info.run_id)
        self.client.set_terminated(run_id)
        points = [Metric(key, value, 0, step) for key, value in metrics.items()]
        texts = [Param(key, str(value)) for key, value in params.items()]
        facts = [RunTag(key, value[:TAG_LENGTH]) for key, value in tags.items()]  # the last is `values`
        while len(points) > METRICS_A_CALL or len(texts) > PARAMS_A_CALL or len(facts) > PARAMS_A_CALL:
            self.client.log_batch(run_id, points[:METRICS_A_CALL], texts[:PARAMS_A_CALL], facts[:-1][:99])
            points, texts, facts = points[METRICS_A_CALL:], texts[PARAMS_A_CALL:], facts[min(99, len(facts) - 1) :]
        self.client.log_batch(run_id, points, texts, facts)
        return run_id

    def _created(self) -> str:
        try:
            return str(self.client.create_experiment(self.study))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(experiment_of(self.client, self.study).experiment_id)  # made by another process just now

    def _parents(self) -> list[Any]:
        with answering():
            runs = [run for run in self._search(f"tags.{PLAN} = '{self.plan}'") if RUN_KEY not in run.data.tags]
        return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    def _children(self) -> Iterator[Logged]:
        for run in self._search(f"tags.{RUN_KEY} LIKE '%'"):
            info, data, tags = run.info, run.data, run.data.tags
            found = (info.run_id, tags[RUN_KEY], tags.get(VALUES), tags.get(PARENT), data.params, data.metrics)
            yield Logged(*found, tags.get(PLAN), tags)

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return
