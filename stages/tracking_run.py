"""What is logged of a run beside its values, and a run as MLflow holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stages.store.keys import digest
from stages.tracking_values import LOSS, Values, unpacked

PARENT, NAME, NOTE = "mlflow.parentRunId", "mlflow.runName", "mlflow.note.content"
PLAN, RUN_KEY, TRAINED, VALUES, REASON = "plan", "run_key", "trained", "values", "reason"
INCOMPLETE = "incomplete"  # values that a next try may add to


@dataclass(frozen=True)
class Data:
    """A split or examples that a run has seen. `context` is what for."""

    name: str
    digest: str
    rows: int
    context: str


@dataclass(frozen=True)
class Described:
    """What is logged of a run beside its values.

    params    as given
    tags      facts about its making; MLflow keeps 5000 characters of each
    seconds   that it took
    ended     seconds since 1970; None where that is not known
    curve     step and loss of training
    failure   why it failed; None of one that finished
    """

    run_key: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    ended: float | None = None
    curve: Sequence[tuple[int, float]] = ()
    data: Sequence[Data] = ()
    failure: str | None = None

    @property
    def digest(self) -> str:
        """What tells it from the same run's other tries."""
        params = {name: str(value) for name, value in self.params.items()}
        return digest([self.name, params, dict(self.tags), self.ended, list(self.curve), self.failure])

    @property
    def facts(self) -> dict[str, str]:
        """All that is a tag, the last one last."""
        said = {} if self.failure is None else {REASON: self.failure, NOTE: f"failed: {self.failure}"}
        return {**self.tags, **said, TRAINED: self.digest}


@dataclass(frozen=True)
class Logged:
    """A child run as MLflow holds it. `files_at` is the address of its artifacts; `columns` are its metrics, the last
    value of each, but for the loss.
    """

    run_id: str
    files_at: str
    params: Mapping[str, str]
    columns: Mapping[str, float]
    tags: Mapping[str, str]
    status: str = "FINISHED"

    @property
    def failed(self) -> bool:
        """Whether its training failed."""
        return self.status == "FAILED"

    @property
    def run_key(self) -> str:
        """Of the model."""
        return self.tags[RUN_KEY]

    @property
    def plan(self) -> str | None:
        """Whose parent run it is below."""
        return self.tags.get(PLAN)

    @property
    def parent(self) -> str | None:
        """The id of the run that it is below."""
        return self.tags.get(PARENT)

    @property
    def values_digest(self) -> str | None:
        """Of the values that were logged; None of a run that waits for them."""
        return self.tags.get(VALUES)

    @cached_property
    def values(self) -> Values:
        """All of its values; none where MLflow does not hold them whole."""
        return unpacked(self.tags)

    @property
    def metrics(self) -> Mapping[str, float]:
        """All values at its end, parts, standard errors and counts among them."""
        return self.values.end

    @cached_property
    def whole(self) -> bool:
        """Whether it has the values that were logged, and as metrics those of them that are to be seen."""
        found = self.values
        return found is not None and self.values_digest == found.digest and self.columns == found.columns()

    def ready_for(self, run: Described) -> bool:
        """Whether it is this run, without any of its values."""
        return self.values_digest is None and not self.columns and self.tags.get(TRAINED) == run.digest

    def outdated_by(self, run: Described, values: Values | None) -> bool:
        """Whether, below one plan, it is what this run was before."""
        fewer = values is not None and INCOMPLETE in self.tags and self.values_digest != values.digest
        return self.values_digest is None or fewer or (self.failed and not run.failure)


def columns(metrics: Mapping[str, float]) -> dict[str, float]:
    """Of a run's metrics all but the loss."""
    return {name: value for name, value in metrics.items() if name != LOSS}
