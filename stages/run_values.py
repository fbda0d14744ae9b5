"""What was measured of one run, gathered from the store: what goes to MLflow, and what is missing and why."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.measuring import ALL
from stages.errors import reason
from stages.records import Values
from stages.store.store import Store


@dataclass
class RunValues:
    """A run's values by MLflow name; the reasons of what has none; the flags of each condition; of each measurement the
    deviations over draws of the test examples; what they were measured with, as JSON; and whether a next try may find
    more.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)
    flags: dict[str, list[str]] = field(default_factory=dict)
    deviations: dict[str, list[float]] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)
    complete: bool = True

    @classmethod
    def of(cls, every: list[Values], store: Store, failing: Collection[str]) -> "RunValues":
        """The stored values of a run; `failing` are the keys of those whose last try failed, in part or whole."""
        found = cls()
        for values in every:
            key = values.key
            entry = store.entry("values", key)
            if key in failing or not entry:
                found.complete = False
                failure = store.failure("values", key)
                failed = failure["measurements"] if failure else values.metrics
                found.unmeasured |= dict.fromkeys(failed, reason(failure))
            if entry:
                found.environments.add(entry.environment)
                found.add(values.condition, json.loads(store.read("values", key)))
        return found

    def add(self, condition: str, stored: Mapping[str, Any]) -> None:
        """Take in the stored values of a cell."""
        self.deviations |= stored["replicates"]
        if stored["flags"]:
            self.flags[condition] = stored["flags"]
        for measurement, by_part in stored["values"].items():
            for part, got in by_part.items():
                name = measurement if part == ALL else f"{measurement}/{part}"
                if isinstance(got, str):
                    self.unmeasured[name] = got
                    continue
                value, error, n = got
                self.metrics[name] = value
                if part == ALL:  # of a part, the value alone: three times as many metrics would slow MLflow down
                    self.metrics[f"n/{name}"] = float(n)
                    self.metrics |= {} if error is None else {f"standard_error/{name}": error}
