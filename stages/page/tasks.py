"""The tasks of a study: the rows of the tables that are shown together."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from analysis.capability import at_last_step
from analysis.scales import distances_from_targets
from analysis.tables import BASELINE
from stages.page.charts import Spec
from stages.page.format import Measure, Row, measures

Specs = dict[str, Spec]


@dataclass(frozen=True)
class TaskResults:
    """One task of the study: its rows of the tables, and how its measurements are shown."""

    task: str
    name: str
    slug: str  # goes into file names; empty where the study has one task
    results: pl.DataFrame  # last steps, part "all"; distances where a metric has a target, as in what was found
    found: Mapping[str, pl.DataFrame]
    shown: dict[str, Measure]

    @property
    def methods(self) -> list[str]:
        """The methods, the placebos last."""
        placebos = self.found["verdicts"].filter("placebo")["method"].unique().to_list()
        return sorted(self.results["method"].unique(), key=lambda name: (name in placebos, name))

    @property
    def others(self) -> list[str]:
        """All but standard."""
        return [name for name in self.methods if name != BASELINE]

    @cached_property
    def slugs(self) -> dict[str, str]:
        """What goes into file names of each measurement."""
        return slugs(self.results["measurement"].unique().sort())

    def label(self, measurement: str) -> str:
        """The measurement as it is shown."""
        return self.shown[measurement].label if measurement in self.shown else measurement


Judged = tuple[TaskResults, list[Row]]  # a task, and the rows of its verdicts as they are shown


def tasks(results: pl.DataFrame, findings: Mapping[str, pl.DataFrame]) -> list[TaskResults]:
    """The tasks of a study, in order of their names."""
    measured = at_last_step(results).filter(pl.col("part") == "all")
    known = measured.select("task", "domain", "dataset").unique().sort("task").rows()
    found = []
    for index, (task, domain, dataset) in enumerate(known):
        rows = measured.filter(task=task)
        shown = measures(rows)
        rows = distances_from_targets(rows)
        own = {name: frame.filter(task=task) for name, frame in findings.items()}
        end = f"_{index + 1}_{slug(task)}" if len(known) > 1 else ""
        name = f"{domain}: {dataset}" if task == domain else f"{task} ({domain}: {dataset})"
        found.append(TaskResults(task, name, end, rows, own, shown))
    return found


def slugs(names: Iterable[str]) -> dict[str, str]:
    """The slug of each name, with its digest where another one has the same, or where there is none."""
    plain = {name: slug(name) for name in names}
    shared = Counter(plain.values())
    return {
        name: own if own and shared[own] == 1 else f"{own}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")
        for name, own in plain.items()
    }


def slug(name: str) -> str:
    """The name with everything but plain letters and digits as hyphens, fit for a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60]
