"""A client of MLflow that answers, and a study's experiment there; every error one line that says how to go on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.util import CommandError
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from stages.errors import TrackingError, masked
from stages.tracking_address import address, artifact_place, half_made, one_line, prepare

DELETED = "deleted"
STUDY = "diffprog.study"  # the experiment's tag: the study whose runs it holds, whatever it is called now
KIND = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow's pages ask what it is


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
    """A study's experiment, or None. Raises TrackingError where it was deleted (MLflow keeps its name) or renamed."""
    with answering():
        found = client.get_experiment_by_name(study)
        renamed = [] if found else client.search_experiments(ViewType.ALL, filter_string=f"tags.`{STUDY}` = '{study}'")
    if renamed:
        name, number = renamed[0].name, renamed[0].experiment_id
        raise TrackingError(
            masked(
                f"MLflow at {address()}: the experiment {study!r} was renamed to {name!r}; rename it back with `mlflow "
                f"experiments rename --experiment-id {number} --new-name {study}`, or give the study another name"
            )
        )
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


def experiment_for(client: MlflowClient, study: str) -> str:
    """The id of a study's experiment, made where there is none, which says whose it is. Raises TrackingError."""
    found = experiment_of(client, study) or created(client, study)
    if found.tags.get(STUDY) != study:
        with answering():
            client.set_experiment_tag(found.experiment_id, STUDY, study)
    return str(found.experiment_id)


def created(client: MlflowClient, study: str) -> Any:
    """A study's experiment, made now, or by another process just before."""
    with answering():
        try:
            client.create_experiment(study, artifact_place(address()), {STUDY: study, **KIND})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
    return experiment_of(client, study)
