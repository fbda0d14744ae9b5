"""The places of a study, domain and data set: the rows of the tables that are shown together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analysis.capability import BASELINE, at_last_step
from analysis.scales import distances_from_targets
from stages.page.charts import Spec
from stages.page.format import Measure, measures

Specs = dict[str, Spec]


@dataclass(frozen=True)
class Place:
    """One domain and data set of the study: its rows of the tables, and how its measurements are shown."""

    name: str
    slug: str  # goes into file names; empty where the study has one place
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

    def label(self, measurement: str) -> str:
        """The measurement as it is shown."""
        return self.shown[measurement].label if measurement in self.shown else measurement


def places(results: pl.DataFrame, findings: Mapping[str, pl.DataFrame]) -> list[Place]:
    """The places of a study, in order of their names."""
    measured = at_last_step(results).filter(pl.col("part") == "all")
    keys = measured.select("domain", "dataset").unique().sort("domain", "dataset").rows()
    found = []
    for index, (domain, dataset) in enumerate(keys):
        here = (pl.col("domain") == domain) & (pl.col("dataset") == dataset)
        rows = measured.filter(here)
        shown = measures(rows)
        rows = distances_from_targets(rows)
        tables = {name: frame.filter(here) for name, frame in findings.items() if "dataset" in frame.columns}
        place = f"_{index + 1}_{slug(dataset)}" if len(keys) > 1 else ""
        found.append(Place(f"{domain}: {dataset}", place, rows, tables, shown))
    return found


def slug(name: str) -> str:
    """The name with everything but plain letters and digits as hyphens, fit for a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60]
