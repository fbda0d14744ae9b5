"""What a sweep makes, one by one: runs, cells (a run under a condition) and the values of a cell, each with its key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the plan, one of its checkpoints, or a sibling model of it.

    spec      JSON: all that it is made from, but for its data and its code
    splits    the digest of each split that it is trained on, by name
    code      the digest of what it is trained and restored by
    training  the key of the whole training, the same for a run and its checkpoints
    planned_steps  of the whole training of the run, not of its sibling models
    planned_flops  estimate of the whole training
    """

    key: str
    training: str
    run: str
    task: str
    domain: str
    dataset: str
    method: str
    model: str
    family: str
    seed: int
    role: str
    at_step: int | None
    sibling: str | None
    parameters: int
    planned_steps: int
    planned_flops: float
    spec: str
    splits: Mapping[str, str]
    code: str


@dataclass(frozen=True, slots=True)
class Training:
    """One training, of what is missing of a run and its checkpoints: `keys` has the key of each by its step, None for
    the end.
    """

    run: Run
    keys: Mapping[int | None, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A run under a condition.

    model_key  the key of the model that the condition looks at: the run's own, or its sibling's
    spec       of the condition: `{use, options}`
    examples   the digest of the condition's examples
    code       the digest of what decides the outcomes, given the model and the examples
    """

    key: str
    run: str
    run_key: str
    task: str
    domain: str
    condition: str
    model_key: str
    spec: Mapping[str, Any]
    examples: str
    code: str

    @property
    def name(self) -> str:
        """As a person would say it."""
        return f"{self.run} under {self.condition}"


@dataclass(frozen=True, slots=True)
class Values:
    """The values of the metrics under one condition of one run.

    cell_key       of the outcomes
    environment    JSON: what the outcomes were made with
    metrics        by measurement, `{spec, code}`
    splits         the splits that the labelled examples are from, then its outliers
    reference_key  of the outcomes of the same run that the metrics need beside these, if any
    """

    key: str
    run: str
    task: str
    condition: str
    cell_key: str
    environment: str
    metrics: Mapping[str, Mapping[str, Any]]
    splits: tuple[str, ...]
    reference_key: str | None

    @property
    def name(self) -> str:
        """As a person would say it."""
        return f"{self.run} under {self.condition}"

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The keys of all outcomes that it needs."""
        return (self.cell_key,) if self.reference_key is None else (self.cell_key, self.reference_key)
