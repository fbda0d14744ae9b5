"""MLflow: one experiment per study, one parent run per plan, one child per run, found again by its tag `run_key`.

The driver is the only writer. A child's tag `values` comes last and holds the digest of what was logged: a child
without it was cut short and is made anew (MLflow writes a batch's tags after its metrics). Nothing is read without
counting it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from stages.errors import TrackingError, masked
from stages.identity import digest

METRICS_A_CALL, PARAMS_A_CALL, PAGE = 1000, 100, 1000
PARENT, PLAN, RUN_KEY, VALUES, NAME = "mlflow.parentRunId", "plan", "run_key", "values", "mlflow.runName"


@dataclass(frozen=True)
class Logged:
    """A child run as MLflow holds it."""

    run_id: str
    run_key: str
    values_digest: str | None
    parent: str | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]


def address() -> str:
    """MLFLOW_TRACKING_URI, or a SQLite file in the current folder (where `mlflow ui` looks, too).

    MLflow prints and stores the address of a server, so a user and password in it go where it never prints them.
    """
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines for each run
    given = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').resolve()}"
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return given
    who, _, host = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    os.environ |= {"MLFLOW_TRACKING_USERNAME": unquote(user), "MLFLOW_TRACKING_PASSWORD": unquote(password)}
    os.environ["MLFLOW_TRACKING_URI"] = urlunsplit(parts._replace(netloc=host))
    return os.environ["MLFLOW_TRACKING_URI"]


@contextmanager
def answering() -> Iterator[None]:
    """Raises TrackingError, in one line and without passwords, where MLflow does not do what it is asked."""
    try:
        yield
    except MlflowException as error:
        said = " ".join(str(error.message).split())
        raise TrackingError(masked(f"MLflow at {address()}: {said}")) from error


def experiment_tags(study: str) -> dict[str, str] | None:
    """The tags of a study's experiment; None where there is no such study."""
    with answering():
        found = MlflowClient(address()).get_experiment_by_name(study)
    return dict(found.tags) if found else None


def reach() -> None:
    """Ask MLflow for anything, once. Raises TrackingError."""
    with answering():
        MlflowClient(address()).search_experiments(max_results=1)


class Tracking:
    """The runs of one study's experiment, under the parent run of one plan."""

    def __init__(self, study: str, plan: str):
        with answering():
            self.client = MlflowClient(address())
            found = self.client.get_experiment_by_name(study)
            self.experiment = found.experiment_id if found else self.client.create_experiment(study)
            self.parent = self._parent(plan)

    @cached_property
    def children(self) -> dict[str, Logged]:
        """The runs of the study by key, read when first asked for."""
        return self._settled()

    def settle(self) -> None:
        """Read the runs again, and delete what stands twice: a request may be sent again whose answer was lost."""
        self.children = self._settled()

    def log(
        self, run_key: str, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], step: int
    ) -> Logged:
        """Log a run once: what is there already is left, what is there in part or differs is replaced."""
        with answering():
            return self._log(run_key, name, params, metrics, step)

    def _log(
        self, run_key: str, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], step: int
    ) -> Logged:
        values = digest(dict(metrics))
        known = self.children.get(run_key)
        if known and known.values_digest == values:
            if known.parent != self.parent:
                self.client.set_tag(known.run_id, PARENT, self.parent)
            return known
        if known:
            self.client.delete_run(known.run_id)
        tags = {PARENT: self.parent, RUN_KEY: run_key, NAME: name}
        run_id = self.client.create_run(self.experiment, tags=tags).info.run_id
        texts = [Param(key, str(value)) for key, value in params.items()]
        points = [Metric(key, value, 0, step) for key, value in metrics.items()]
        self.client.set_terminated(run_id)
        first = len(points) % METRICS_A_CALL
        for start in range(first, len(points), METRICS_A_CALL):
            self.client.log_batch(run_id, metrics=points[start : start + METRICS_A_CALL])
        self.client.log_batch(run_id, points[:first], texts[:PARAMS_A_CALL], [RunTag(VALUES, values)])
        logged = Logged(run_id, run_key, values, self.parent, {}, metrics)
        self.children[run_key] = logged
        return logged

    def read(self) -> dict[str, Logged]:
        """The runs of this plan as MLflow holds them now, by key. Raises TrackingError where one stands twice."""
        found: dict[str, Logged] = {}
        with answering():
            mine = [run for run in self._children() if run.parent == self.parent]
        for run in mine:
            if run.run_key in found:
                raise TrackingError(masked(f"MLflow at {address()}: run {run.run_key} stands twice in the study"))
            found[run.run_key] = run
        return found

    def _parent(self, plan: str) -> str:
        found = list(self._search(f"tags.{PLAN} = '{plan}'"))
        if found:
            return str(found[0].info.run_id)
        run = self.client.create_run(self.experiment, tags={PLAN: plan, NAME: f"plan {plan[:8]}"})
        self.client.log_batch(run.info.run_id, tags=[RunTag("diffprog", "plan")])
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def _settled(self) -> dict[str, Logged]:
        found: dict[str, Logged] = {}
        with answering():
            for run in sorted(self._children(), key=lambda run: (run.values_digest is None, run.run_id)):
                if found.setdefault(run.run_key, run) is not run:
                    self.client.delete_run(run.run_id)
        return found

    def _children(self) -> Iterator[Logged]:
        for run in self._search(f"tags.{RUN_KEY} LIKE '%'"):
            tags = run.data.tags
            yield Logged(
                run.info.run_id, tags[RUN_KEY], tags.get(VALUES), tags.get(PARENT), run.data.params, run.data.metrics
            )

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return
